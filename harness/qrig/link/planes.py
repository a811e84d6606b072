"""Tensors that arrive as planes: the batches of firmware/inference/trace.h."""

from __future__ import annotations

import struct

import numpy as np
import numpy.typing as npt
from attrs import define, field

from qrig.errors import LinkError

_HEAD = struct.Struct("<HHHH")


@define
class PlaneGatherer:
    """Collects planes, batch by batch, and puts them together as HWC tensors."""

    name: str
    _planes: dict[int, list[npt.NDArray[np.int8]]] = field(factory=dict)

    def add(self, batch: bytes) -> None:
        """Take the planes of a batch; raises LinkError if it is malformed."""
        offset = 0
        while offset < len(batch):
            if len(batch) - offset < _HEAD.size:
                raise self._malformed(f"{len(batch) - offset} bytes after the last plane")
            stage, channel, height, width = _HEAD.unpack_from(batch, offset)
            offset += _HEAD.size
            data = np.frombuffer(batch, np.int8, min(height * width, len(batch) - offset), offset)
            known = self._planes.setdefault(stage, [])
            if channel != len(known):
                raise self._malformed(f"channel {channel} of stage {stage}, not {len(known)}")
            if data.size != height * width or (known and known[0].shape != (height, width)):
                raise self._malformed(
                    f"{data.size} bytes as {height}x{width} values of stage {stage}"
                )
            known.append(data.reshape(height, width))
            offset += data.size

    def tensors(self) -> dict[int, bytes]:
        """Return the HWC bytes of every stage that came as planes."""
        return {
            stage: np.ascontiguousarray(np.stack(planes, axis=-1)).tobytes()
            for stage, planes in self._planes.items()
        }

    def _malformed(self, found: str) -> LinkError:
        return LinkError(
            f"{self.name}: expected planes channel by channel, found {found}; reflash the board"
        )
