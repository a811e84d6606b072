"""What can go wrong between an instrument and a program, as a simulated instrument does it."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen


@frozen
class Faults:
    """Faults of a simulated instrument; none unless they are asked for.

    `dropped` are numbers of samples the instrument never sends. `lost` are offsets of bytes that
    vanish on the line, `garbage` bytes that appear before an offset, both counted from the start of
    the measurement. `hang_up_after` bytes it is unplugged. `firmware` is what it says instead of
    its version, `is_mute` that it never answers.
    """

    dropped: frozenset[int] = frozenset()
    lost: frozenset[int] = frozenset()
    garbage: Mapping[int, bytes] = field(factory=dict)
    hang_up_after: int | None = None
    firmware: str | None = None
    is_mute: bool = False


class Line:
    """The faulty line: what of a stream of bytes arrives."""

    def __init__(self, faults: Faults) -> None:
        """Begin at offset zero."""
        self._faults = faults
        self._offset = 0
        self.has_hung_up = False

    def pass_on(self, data: bytes) -> bytes:
        """Return what arrives of `data`; after a hang-up that is nothing."""
        faults, out = self._faults, bytearray()
        touched = faults.lost or faults.garbage or faults.hang_up_after is not None
        if not touched:
            self._offset += len(data)
            return data
        for byte in data:
            if faults.hang_up_after is not None and self._offset >= faults.hang_up_after:
                self.has_hung_up = True
                break
            out += faults.garbage.get(self._offset, b"")
            if self._offset not in faults.lost:
                out.append(byte)
            self._offset += 1
        return bytes(out)
