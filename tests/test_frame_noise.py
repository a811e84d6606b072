"""Noise and mutated frames: never taken for a frame, and a whole frame behind them is received."""

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from c_programs import build_program, run_program
from full_runs import FULL_RUN
from qrig.link.frames import Frame, Receiver, encode

_CHUNK_BYTES = 1 << 18
_STEADY = settings(deadline=None, derandomize=True)
_COUNTS = [
    pytest.param(1_000_000, id="1e6"),
    pytest.param(100_000_000, id="1e8", marks=FULL_RUN),
]


@pytest.fixture(scope="module")
def fuzz(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The C receiver fed by a generator of its own."""
    return build_program("frame_fuzz", tmp_path_factory.mktemp("fuzz"))


def _noise(numbers: random.Random, count: int, kind: str) -> bytes:
    if kind == "uniform":
        return numbers.randbytes(count)
    if kind == "zeros":
        return bytes(byte & 3 for byte in numbers.randbytes(count))
    header = b"\0\x05\x01"
    return b"".join(header + numbers.randbytes(297) for _ in range(count // 300))


@pytest.mark.parametrize("count", _COUNTS)
@pytest.mark.parametrize("kind", ["uniform", "zeros", "headers"])
def test_python_takes_no_noise_for_a_frame(count: int, kind: str) -> None:
    numbers = random.Random(count)  # repeatable on purpose
    receiver = Receiver()
    fed = 0
    while fed < count:
        noise = _noise(numbers, min(_CHUNK_BYTES, count - fed) // 300 * 300 or 300, kind)
        fed += len(noise)
        assert set(receiver.feed(noise)) <= {None}
        frame = Frame(
            fed & 0xFF, fed & 0xFFFF, numbers.getrandbits(32), numbers.randbytes(fed % 97)
        )
        # All of it, without the last two zeros: received with the first delimiter that follows.
        assert list(receiver.feed(encode(frame)[:-2]))[-1] == frame
        assert list(receiver.feed(b"\0\0")) == []


@pytest.mark.parametrize("count", _COUNTS)
@pytest.mark.parametrize("seed", [1, 2])
def test_c_takes_no_noise_for_a_frame(fuzz: Path, count: int, seed: int) -> None:
    words = run_program(fuzz, str(count), str(seed), timeout_s=600).decode().split()
    found = dict(zip(words[::2], map(int, words[1::2]), strict=True))
    assert found["accidents"] == 0
    assert found["lost"] == 0
    assert found["rounds"] > count // 5000
    assert found["damaged"] > found["rounds"] // 4
    assert found["unchanged"] > 0


@_STEADY
@given(
    frame=st.builds(
        Frame, st.integers(0, 255), st.just(7), st.just(0xDEADBEEF), st.binary(max_size=520)
    ),
    changes=st.lists(
        st.tuples(
            st.sampled_from(["flip", "drop", "repeat"]), st.floats(0, 0.999), st.integers(0, 7)
        ),
        min_size=1,
        max_size=6,
    ),
)
def test_python_takes_no_mutated_frame_for_another(
    frame: Frame, changes: list[tuple[str, float, int]]
) -> None:
    wire = bytearray(encode(frame))
    for kind, place, bit in changes:
        at = int(place * len(wire))
        if kind == "flip":
            wire[at] ^= 1 << bit
        elif kind == "drop":
            del wire[at]
        else:
            wire.insert(at, wire[at])
    receiver = Receiver()
    assert set(receiver.feed(bytes(wire))) <= {None, frame}
    follower = Frame(1, 2, 3, b"follower")
    assert list(receiver.feed(encode(follower)))[-1] == follower
