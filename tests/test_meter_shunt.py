"""The driver of shunt monitors against a simulated bridge, and the lines of the bridge."""

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
from qrig.measure.meters.meter import Samples
from qrig.measure.meters.recording import Recording
from qrig.measure.meters.shunt import ShuntMeter
from qrig.measure.meters.shunt_lines import (
    Answer,
    Edge,
    Identity,
    Sample,
    Trouble,
    read_line,
    write_line,
)
from qrig.measure.meters.simulated import Faults, Terminal
from qrig.measure.meters.simulated.shunt import SERIAL, ShuntTwin

HZ = 2000.0
SAMPLES = 1600


def run(faults: Faults, *, noise_a: float = 0.0) -> Samples:
    twin = ShuntTwin(layers_signal(noise_a=noise_a), faults)
    with Terminal(twin) as terminal:
        return measured(ShuntMeter(terminal.path, "ina228"), terminal, hz=HZ)


@pytest.mark.parametrize("noise_a", [0.0, 1e-4])
def test_energies_are_those_of_the_signal(noise_a: float) -> None:
    samples = run(Faults(), noise_a=noise_a)
    assert len(samples) == samples.expected == SAMPLES
    assert [(mark.level, mark.number) for mark in samples.marks] == [
        *((True, 0), (False, 1), (True, 2), (False, 3), (True, 4), (False, 5))
    ]
    assert_energies(samples, layers_signal())


def test_the_bridge_is_asked_and_tells_its_limits() -> None:
    twin = ShuntTwin(layers_signal(), chip="ina226", max_ua=819_200)
    with Terminal(twin) as terminal:
        meter = ShuntMeter(terminal.path, "ina226")
        before = meter.limits
        measured(meter, terminal, hz=1e6)
        assert meter.source == f"ina226:{SERIAL}"
        assert before is None
        assert meter.limits is not None
        assert (meter.limits.max_v, meter.limits.feeds) == (85.0, False)
        assert meter.limits.max_a == pytest.approx(0.8192)
    assert twin.commands == ["X", "?", "R 2000", "S", "X"]


def test_samples_that_never_came_are_counted_wherever_they_are_missing() -> None:
    lost = frozenset({0, 1, 700, SAMPLES - 1})
    samples = run(Faults(dropped=lost))
    assert (samples.dropped, samples.expected) == (4, SAMPLES)
    assert len(samples) == SAMPLES - 4
    assert not energies(samples).layers


def test_damaged_lines_are_lost_samples_and_nothing_else() -> None:
    samples = run(Faults(lost=frozenset({5001}), garbage={9000: b"D 1 2\n\xff\x00*"}))
    assert 1 <= samples.dropped <= 3
    assert samples.expected == SAMPLES
    assert samples.current_a.max() < 0.05


def test_a_lost_edge_costs_its_window_alone() -> None:
    signal = layers_signal()
    twin = ShuntTwin(signal)
    twin.receive(b"R 2000\n")
    edge = b"".join(twin._lines()).index(b"M 3 ")
    samples = run(Faults(lost=frozenset({edge + 4})))
    assert [mark.number for mark in samples.marks] == [0, 1, 2, 4, 5]
    found = energies(samples)
    assert sorted(found.layers) == ["conv1", "fc"]
    assert "window 2 (pool1) is left out: its last edge is missing" in found.notices


def test_an_unplugged_bridge_is_an_error_of_the_meter() -> None:
    twin = ShuntTwin(layers_signal(), Faults(hang_up_after=9000))
    meter = None
    with Terminal(twin) as terminal, opened(meter := ShuntMeter(terminal.path, "ina228"), hz=HZ):
        with Recording(meter) as recording:
            wait_for(lambda: twin.line.has_hung_up)
        with pytest.raises(MeterError, match="stay connected"):
            recording.samples()


@pytest.mark.parametrize(
    ("twin", "match"),
    [
        (ShuntTwin(layers_signal(), Faults(firmware="qrig-shunt/2")), "found 'qrig-shunt/2'"),
        (ShuntTwin(layers_signal(), chip="ina226"), "for 'ina226'"),
        (ShuntTwin(layers_signal(), Faults(is_mute=True)), "expected an answer to `\\?`"),
    ],
)
def test_a_bridge_of_another_kind_is_refused(twin: ShuntTwin, match: str) -> None:
    with Terminal(twin) as terminal:
        meter = ShuntMeter(terminal.path, "ina228")
        with pytest.raises(MeterError, match=match):
            meter.open(Deadline.after(OPEN_S))
        meter.close()


def test_what_troubles_the_bridge_ends_the_measurement() -> None:
    twin = ShuntTwin(layers_signal())
    with Terminal(twin) as terminal, opened(meter := ShuntMeter(terminal.path, "ina228"), hz=HZ):
        meter.start(Deadline.after(OPEN_S))
        twin._left.append(write_line("E", "over", "range"))
        with pytest.raises(MeterError, match="'over range'"):
            [meter.read(Deadline.after(OPEN_S)) for _ in range(SAMPLES)]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            b"I qrig-shunt/1 ina228 E6614C 409600 0 85000 1000",
            Identity("qrig-shunt/1", "ina228", "E6614C", 409_600, 0, 85_000, 1000),
        ),
        (b"A S", Answer("S")),
        (b"A X 4711", Answer("X", ("4711",))),
        (b"D 17 17000 23456789 3300123", Sample(17, 17_000, 23_456_789, 3_300_123)),
        (b"D 18 18000 -12 0", Sample(18, 18_000, -12, 0)),
        (b"M 3 17012 1", Edge(3, 17_012, True)),
        (b"E over range", Trouble("over range")),
    ],
)
def test_lines_say_what_they_say(line: bytes, message: object) -> None:
    letter, *fields = line.decode().split()
    written = write_line(letter, *fields)
    assert written.startswith(line + b"*")
    assert read_line(written.rstrip()) == message


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"D 17 17000 1 1",
        b"D 17 17000 1 1*00",
        write_line("D", 1, 2, 3).rstrip(),
        write_line("D", 1, 2, 3, 4, 5).rstrip(),
        write_line("D", -1, 2, 3, 4).rstrip(),
        write_line("D", 1, 2, "x", 4).rstrip(),
        write_line("D", 1, 1 << 60, 3, 4).rstrip(),
        write_line("M", 1, 2, 2).rstrip(),
        write_line("I", "qrig-shunt/1").rstrip(),
        write_line("A").rstrip(),
        write_line("E", "x" * 100).rstrip(),
    ],
)
def test_lines_that_are_none(line: bytes) -> None:
    assert read_line(line) is None


@settings(max_examples=300)
@given(st.binary(max_size=120))
def test_no_bytes_make_the_reader_stumble(line: bytes) -> None:
    message = read_line(line)
    assert message is None or len(line) < 96


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**50), st.integers(0, 30), st.integers(1, 255))
def test_no_line_with_one_wrong_byte_is_believed(
    number: int, time_us: int, place: int, flip: int
) -> None:
    line = bytearray(write_line("D", number, time_us, 5_000_000, 3_300_000).rstrip())
    line[place % len(line)] ^= flip
    assert read_line(bytes(line)) is None
