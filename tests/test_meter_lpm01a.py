"""The X-NUCLEO-LPM01A driver against its simulated instrument, byte for byte."""

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
from qrig.measure.meters.lpm01a import Lpm01a
from qrig.measure.meters.lpm01a_ascii import AsciiStream
from qrig.measure.meters.lpm01a_binary import BinaryStream
from qrig.measure.meters.meter import Samples
from qrig.measure.meters.recording import Recording
from qrig.measure.meters.simulated import Faults, Terminal
from qrig.measure.meters.simulated.lpm01a import IDENTITY, Lpm01aTwin

ASCII_HZ, BINARY_HZ = 5000.0, 100_000.0


def run(faults: Faults, hz: float, *, noise_a: float = 0.0) -> Samples:
    twin = Lpm01aTwin(layers_signal(noise_a=noise_a), faults)
    with Terminal(twin) as terminal:
        return measured(Lpm01a(terminal.path), terminal, hz=hz)


@pytest.mark.parametrize("hz", [ASCII_HZ, BINARY_HZ])
@pytest.mark.parametrize("noise_a", [0.0, 2e-4])
def test_energies_are_those_of_the_signal(hz: float, noise_a: float) -> None:
    samples = run(Faults(), hz, noise_a=noise_a)
    signal = layers_signal()
    assert len(samples) == samples.expected == round(signal.duration_s * hz)
    assert samples.dropped == 0
    assert [mark.number for mark in samples.marks] == list(range(6))
    assert all(mark.level is None for mark in samples.marks)
    assert_energies(samples, signal)


def test_the_shield_is_asked_for_what_the_manual_says() -> None:
    twin = Lpm01aTwin(layers_signal())
    with Terminal(twin) as terminal:
        meter = Lpm01a(terminal.path)
        measured(meter, terminal, hz=20_000.0)
        assert meter.source == f"lpm01a:{IDENTITY}"
        wait_for(lambda: twin.commands[-1] == "hrc")
    assert twin.commands == [
        *("stop", "htc", "version", "powershield"),
        *("volt 3300m", "freq 20k", "format bin_hexa", "output current", "acqtime inf"),
        *("trigsrc sw", "trigdelay 0", "eventsrc d7 fal", "pwr on"),
        *("start", "stop", "pwr off", "hrc"),
    ]


def test_a_measurement_that_nobody_stopped_ends_before_the_supply_goes_off() -> None:
    twin = Lpm01aTwin(layers_signal())
    with Terminal(twin) as terminal, opened(meter := Lpm01a(terminal.path)):
        meter.start(Deadline.after(OPEN_S))
        meter.close()
        wait_for(lambda: twin.commands[-1] == "hrc")
    assert twin.commands[-4:] == ["start", "stop", "pwr off", "hrc"]


def test_the_rate_is_the_largest_there_is() -> None:
    twin = Lpm01aTwin(layers_signal())
    with Terminal(twin) as terminal, opened(Lpm01a(terminal.path), hz=4999.0):
        assert twin.settings["freq"] == "2k"
        assert twin.settings["format"] == "ascii_dec"


@pytest.mark.parametrize("hz", [ASCII_HZ, BINARY_HZ])
def test_samples_the_shield_never_sent_are_counted(hz: float) -> None:
    lost = frozenset(range(1000, 1000 + round(hz * 0.01)))
    samples = run(Faults(dropped=lost), hz)
    assert samples.dropped == len(lost)
    assert samples.expected == len(samples) + len(lost)
    found = energies(samples)
    assert not found.layers
    assert "samples were lost" in found.notices[0]


@pytest.mark.parametrize("hz", [ASCII_HZ, BINARY_HZ])
def test_a_byte_lost_on_the_line_is_noticed(hz: float) -> None:
    samples = run(Faults(lost=frozenset({3001})), hz)
    # In ASCII a line is lost; in binary all is in doubt up to the next stamp.
    assert samples.dropped == (1 if hz == ASCII_HZ else samples.expected)
    assert samples.current_a.max(initial=0.0) < 0.05
    assert samples.expected == round(layers_signal().duration_s * hz)


@pytest.mark.parametrize("hz", [ASCII_HZ, BINARY_HZ])
def test_garbage_on_the_line_never_becomes_current(hz: float) -> None:
    samples = run(Faults(garbage={2000: b"\xff\x00noise\r\n", 20_001: b"\xf0"}), hz)
    assert samples.dropped >= 1
    assert samples.current_a.max(initial=0.0) < 0.05


def test_an_unplugged_shield_is_an_error_of_the_meter() -> None:
    twin = Lpm01aTwin(layers_signal(), Faults(hang_up_after=10_000))
    with Terminal(twin) as terminal, opened(meter := Lpm01a(terminal.path), hz=ASCII_HZ):
        with Recording(meter) as recording:
            wait_for(lambda: twin.line.has_hung_up)
        with pytest.raises(MeterError, match="stay connected"):
            recording.samples()


@pytest.mark.parametrize("firmware", ["1.0.5", "0.9.9", "none"])
def test_old_firmware_is_refused(firmware: str) -> None:
    twin = Lpm01aTwin(layers_signal(), Faults(firmware=firmware))
    with Terminal(twin) as terminal:
        meter = Lpm01a(terminal.path)
        with pytest.raises(MeterError, match=r"expected firmware 1\.0\.6 or later"):
            meter.open(Deadline.after(OPEN_S))
        meter.close()
    assert "pwr on" not in twin.commands


def test_silence_is_told_with_what_to_check() -> None:
    twin = Lpm01aTwin(layers_signal(), Faults(is_mute=True))
    with Terminal(twin) as terminal:
        meter = Lpm01a(terminal.path)
        with pytest.raises(MeterError, match="expected an answer to `htc`"):
            meter.open(Deadline.after(OPEN_S))
        meter.close()


def test_a_refused_command_is_told() -> None:
    twin = Lpm01aTwin(layers_signal())
    with Terminal(twin) as terminal:
        meter = Lpm01a(terminal.path)
        meter.open(Deadline.after(OPEN_S))
        twin.receive(b"freq 1\nstart\n")  # busy: every other command is an error now
        with pytest.raises(MeterError, match="error volt"):
            meter.configure(3.3, ASCII_HZ, Deadline.after(OPEN_S))
        meter.close()


def test_too_much_current_ends_the_measurement() -> None:
    stream = BinaryStream()
    stream.feed(b"\xf0\xf3\x00\x00\x00\x00\x00\xff\xff" + b"\x52\xa0" * 20 + b"\xf0\xf5\xff\xff")
    stream.feed(b"\x52\xa0" * 20)
    assert stream.error == "too much current"


def test_a_sample_is_a_power_of_sixteen_times_twelve_bits() -> None:
    stream = BinaryStream()
    assert stream.feed(b"\xf0\xf3\x00\x00\x00\x00\x07\xff\xff")[0].end_ms == 0
    (segment,) = stream.feed(b"\x52\xa0\x36\x40\xf0\xf3\x80\x00\x03\xe8\x00\xff\xff")
    assert segment.stretches[0].tolist() == [0x2A0 / 16**5, 0x640 / 16**3]
    assert segment.end_ms == 1000  # the uppermost bit says that the counter has run over


def test_a_line_is_four_digits_and_a_power_of_ten() -> None:
    stream = AsciiStream()
    (first, second) = stream.feed(
        b"\r\nPowerShield > ack start\r\n\r\nTimeStamp: 000s 000ms, buff 00%\r\n\x006409-07\r\n"
        b"event 12 ris\r\n64-7\r\n1000+00\r\nTimeStamp:>001s 000ms, buff 03%\r\n"
    )
    assert (first.values, first.end_ms) == ([], 0)
    assert second.values == [640.9e-6, None, 1000.0]
    assert (second.events, second.end_ms) == ([(1, 12)], 1000)


STREAMS = (
    b"\xf0\xf3\x00\x00\x00\x00\x00\xff\xff"
    + b"\x52\xa0\x5f\xf0" * 30
    + b"\xf0\xf2event 3 ris\xff\xff"
    + b"\x61\xf0" * 10
    + b"\xf0\xf3\x00\x00\x03\xe8\x00\xff\xff"
    + b"\x52\xa0" * 7
    + b"\xf0\xf4\xff\xff\r\nPowerShield > Acquisition completed\r\n"
)


@given(st.lists(st.integers(1, 30), min_size=1, max_size=60))
def test_where_bytes_are_cut_does_not_matter(sizes: list[int]) -> None:
    whole, cut = BinaryStream(), BinaryStream()
    expected = whole.feed(STREAMS)
    found, position = [], 0
    for size in [*sizes, len(STREAMS)]:
        found += cut.feed(STREAMS[position : position + size])
        position += size
    assert [segment.end_ms for segment in found] == [segment.end_ms for segment in expected]
    assert [segment.count for segment in found] == [0, 70]
    assert found[1].events == [(60, 3)]
    assert not any(segment.is_damaged for segment in found)
    assert cut.has_ended
    assert cut.rest().count == whole.rest().count == 7


@settings(max_examples=200)
@given(st.lists(st.binary(max_size=200), max_size=8))
def test_no_bytes_make_a_stream_stumble(pieces: list[bytes]) -> None:
    ascii_stream, binary_stream = AsciiStream(), BinaryStream()
    for piece in pieces:
        for segment in ascii_stream.feed(piece):
            assert segment.end_ms is not None
        for binary in binary_stream.feed(piece):
            assert binary.end_ms is not None
    assert binary_stream.rest().count <= sum(map(len, pieces))
