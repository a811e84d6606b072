"""The PPK2 driver and `ppk2-api` against a simulated kit, byte for byte."""

import importlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meter_checks import (
    OPEN_S,
    assert_energies,
    energies,
    layers_signal,
    measured,
    opened,
    wait_for,
)
from qrig.deadline import Deadline
from qrig.errors import MeterError
from qrig.measure.meters.arrival import ArrivalClock
from qrig.measure.meters.meter import Samples
from qrig.measure.meters.ppk2 import SAMPLE_HZ, Ppk2
from qrig.measure.meters.ppk2_frames import FrameFinder
from qrig.measure.meters.recording import Recording
from qrig.measure.meters.simulated import Faults, Terminal
from qrig.measure.meters.simulated.ppk2 import Ppk2Twin

SAMPLES = 80_000


def _standing_clock() -> float:
    """The twin does not keep real time: nothing is to be concluded from when samples come."""
    return 0.0


def run(faults: Faults, *, noise_a: float = 0.0, feeds: bool = True) -> Samples:
    twin = Ppk2Twin(layers_signal(noise_a=noise_a), faults)
    with Terminal(twin) as terminal:
        return measured(Ppk2(terminal.path, feeds=feeds, now=_standing_clock), terminal)


@pytest.mark.parametrize("noise_a", [0.0, 2e-4])
def test_energies_are_those_of_the_signal(noise_a: float) -> None:
    samples = run(Faults(), noise_a=noise_a)
    assert samples.dropped == 0
    assert samples.expected == SAMPLES - 1  # the last one is never proved whole
    assert [mark.level for mark in samples.marks] == [True, False] * 3
    assert_energies(samples, layers_signal())


def test_every_range_of_the_kit_is_converted() -> None:
    for scale in (1e-4, 1e-2, 1.0, 20.0):
        twin = Ppk2Twin(layers_signal(scale=scale))
        with Terminal(twin) as terminal:
            samples = measured(Ppk2(terminal.path, now=_standing_clock), terminal)
        middle = samples.current_a[15_000]
        assert middle == pytest.approx(0.020 * scale, rel=2e-3)


@pytest.mark.parametrize(("feeds", "mode"), [(True, b"\x11\x02"), (False, b"\x11\x01")])
def test_the_kit_is_told_voltage_mode_and_power(feeds: bool, mode: bytes) -> None:
    twin = Ppk2Twin(layers_signal())
    with Terminal(twin) as terminal:
        meter = Ppk2(terminal.path, feeds=feeds)
        assert meter.limits.feeds is feeds
        with opened(meter, voltage_v=1.8):
            pass
        wait_for(lambda: twin.commands[-1] == b"\x0c\x00")
    # 1800 mV as the regulator takes it: 800 mV are 3, 32, and a count is a millivolt.
    assert twin.commands == [
        b"\x07",
        b"\x19",
        b"\r\x07\x08",
        mode,
        b"\x0c\x01",
        b"\x07",
        b"\x0c\x00",
    ]


@pytest.mark.parametrize(("count", "is_valid"), [(40, True), (120, False)])
def test_samples_that_never_came_are_counted(count: int, is_valid: bool) -> None:
    lost = frozenset(range(100, 100 + 7 * count, 7))
    samples = run(Faults(dropped=lost))
    assert samples.dropped == count
    assert samples.expected == SAMPLES - 1
    assert samples.is_complete is is_valid
    assert bool(energies(samples).layers) is is_valid


@pytest.mark.parametrize(
    "faults",
    [
        Faults(lost=frozenset({40_001})),
        Faults(lost=frozenset({40_002, 80_003, 81_000})),
        Faults(garbage={40_002: b"x"}),
        Faults(garbage={40_000: b"\x00\xff\x12\x34\x56", 90_001: b"abcdef"}),
    ],
)
def test_lost_and_strange_bytes_cost_a_few_samples_and_no_more(faults: Faults) -> None:
    samples = run(faults)
    assert 1 <= samples.dropped <= 20
    assert samples.expected == SAMPLES - 1
    assert np.abs(samples.current_a).max() < 0.05
    assert_energies(samples, layers_signal())


def test_an_unplugged_kit_is_an_error_of_the_meter() -> None:
    twin = Ppk2Twin(layers_signal(), Faults(hang_up_after=100_000))
    with Terminal(twin) as terminal, opened(meter := Ppk2(terminal.path)):
        with Recording(meter) as recording:
            wait_for(lambda: twin.line.has_hung_up)
        with pytest.raises(MeterError, match="stay connected"):
            recording.samples()


@pytest.mark.parametrize(
    "faults",
    [
        Faults(firmware="VERSION ppk 1.0.0\nCAL: 1\nR1: 28.0\nEND"),
        Faults(firmware="\x01\x02\x03\x7f" * 50 + "END"),
        Faults(is_mute=True),
    ],
)
def test_what_tells_no_calibration_is_refused(faults: Faults) -> None:
    twin = Ppk2Twin(layers_signal(), faults)
    with Terminal(twin) as terminal:
        meter = Ppk2(terminal.path)
        with pytest.raises(MeterError, match="tells its calibration"):
            meter.open(Deadline.after(OPEN_S))
        meter.close()
    assert b"\x0c\x01" not in twin.commands


def test_a_port_that_is_not_there_is_told() -> None:
    with pytest.raises(MeterError, match="expected the kit's serial port"):
        Ppk2("/dev/ttyNONE").open(Deadline.after(1.0))


def test_the_package_that_is_needed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str, *rest: Any, **named: Any) -> Any:
        raise ImportError(f"no {name}")

    monkeypatch.setattr(importlib, "import_module", refuse)
    with pytest.raises(MeterError, match=r"ppk2-api is not installed: pip install 'qrig\[ppk2\]'"):
        Ppk2("/dev/ttyNONE").open(Deadline.after(1.0))


def stream(count: int, first: int = 0) -> bytes:
    numbers = np.arange(first, first + count, dtype=np.uint32)
    return bytes((numbers * 7919 % 0x4000 | (numbers & 0x3F) << 18).astype("<u4").tobytes())


def pieces(data: bytes, sizes: list[int]) -> Iterator[bytes]:
    position = 0
    for size in [*sizes, len(data)]:
        yield data[position : position + size]
        position += size


@settings(max_examples=100)
@given(
    st.integers(0, 63),
    st.integers(20, 150),
    st.integers(1, 63),
    st.lists(st.integers(1, 40), max_size=30),
)
def test_a_gap_of_whole_samples_is_seen_exactly(
    first: int, before: int, missing: int, sizes: list[int]
) -> None:
    data = stream(before, first) + stream(60, first + before + missing)
    finder, numbers = FrameFinder(), []
    for piece in pieces(data, sizes):
        numbers += finder.feed(piece).numbers.tolist()
    expected = [*range(before), *range(before + missing, before + missing + 59)]
    assert numbers == expected


@settings(max_examples=200)
@given(st.lists(st.binary(max_size=300), max_size=6))
def test_no_bytes_make_the_finder_stumble(parts: list[bytes]) -> None:
    finder = FrameFinder()
    for part in parts:
        frames = finder.feed(part)
        assert len(frames.words) == len(frames.numbers)
        assert np.all(np.diff(frames.numbers) > 0)


def clock_after(seconds: float, number: int, *, read_until_s: float | None = None) -> ArrivalClock:
    """A measurement that was read a hundred times a second, then stopped."""
    clock = ArrivalClock(SAMPLE_HZ, 100.0)
    for k in range(1, round((read_until_s or seconds) * 100)):
        moment = k / 100
        taken = min(number, round((moment - 0.003) * SAMPLE_HZ))
        clock.note(100.0 + moment + 0.002 * (k % 3), taken)
    clock.stop(100.0 + seconds)
    return clock


def test_a_loss_that_the_counter_cannot_see_is_seen_by_the_clock() -> None:
    number = round(5.0 * SAMPLE_HZ) - 64 * 64
    assert clock_after(5.0, number).missing(number) == pytest.approx(64 * 64, abs=600)


def test_reading_late_is_no_loss() -> None:
    number = round(4.997 * SAMPLE_HZ)
    assert clock_after(5.0, number).missing(number) == 0
    assert clock_after(5.0, number, read_until_s=2.0).missing(number) == 0


def test_a_recording_that_is_played_faster_says_nothing_about_losses() -> None:
    clock = ArrivalClock(SAMPLE_HZ, 100.0)
    clock.note(100.01, 50_000)
    clock.stop(103.0)
    assert clock.missing(60_000) == 0


def test_what_the_clock_misses_is_dropped_once() -> None:
    twin = Ppk2Twin(layers_signal())
    seconds = [0.0]
    with Terminal(twin) as terminal:
        meter = Ppk2(terminal.path, now=lambda: seconds[0])
        with opened(meter):
            meter.start(Deadline.after(OPEN_S))
            seconds[0] = 0.4  # of a signal of 0.8 s; half of it has come when it is read
            parts: list[Samples] = []
            while sum(part.expected for part in parts) < SAMPLES // 2 - 1000:
                parts.append(meter.read(Deadline.after(OPEN_S)))
            seconds[0] = 1.3  # half a second more than there are samples
            while not terminal.is_done or parts[-1].expected:
                parts.append(meter.read(Deadline.after(0.3)))
            meter.stop(Deadline.after(OPEN_S))
            late = meter.read(Deadline.after(0.3))
            assert meter.read(Deadline.after(0.3)).expected == 0
    assert len(late) == 0
    assert late.dropped == late.expected
    assert late.dropped / SAMPLE_HZ == pytest.approx(0.5, abs=0.05)
