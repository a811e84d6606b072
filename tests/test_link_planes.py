"""Planes of a trace put together; malformed batches are refused."""

import struct

import numpy as np
import pytest

from qrig.errors import LinkError
from qrig.link.planes import PlaneGatherer


def plane(stage: int, channel: int, values: np.ndarray) -> bytes:
    return struct.pack("<HHHH", stage, channel, *values.shape) + values.astype(np.int8).tobytes()


def test_planes_become_tensors_however_they_are_batched() -> None:
    numbers = np.random.default_rng(1)
    first = numbers.integers(-128, 128, (4, 5, 3), dtype=np.int8)
    second = numbers.integers(-128, 128, (2, 1, 3), dtype=np.int8)
    planes = []
    for channel in range(3):
        planes.append(plane(7, channel, first[:, :, channel]))
        planes.append(plane(8, channel, second[:, :, channel]))
    expected = {7: first.tobytes(), 8: second.tobytes()}
    for batches in ([b"".join(planes)], planes, [planes[0], b"".join(planes[1:])]):
        gatherer = PlaneGatherer("board")
        for batch in batches:
            gatherer.add(batch)
        assert gatherer.tensors() == expected


ONE = plane(0, 0, np.zeros((2, 3)))


@pytest.mark.parametrize(
    ("batch", "found"),
    [
        (ONE + b"\0\0\0", "3 bytes after the last plane"),
        (ONE[:-1], "5 bytes as 2x3 values of stage 0"),
        (plane(0, 1, np.zeros((2, 3))), "channel 1 of stage 0, not 0"),
        (ONE + ONE, "channel 0 of stage 0, not 1"),
        (ONE + plane(0, 1, np.zeros((3, 2))), "6 bytes as 3x2 values of stage 0"),
    ],
)
def test_malformed_batches(batch: bytes, found: str) -> None:
    with pytest.raises(LinkError, match=f"board: expected planes .*, found {found}; reflash"):
        PlaneGatherer("board").add(batch)
