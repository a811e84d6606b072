"""Recorded traces: read exactly as they are, refused with their line where they are not."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meter_checks import LAYERS, assert_energies, layers_signal, measured
from qrig.boards import find_board
from qrig.deadline import Deadline
from qrig.errors import FileFormatError
from qrig.measure.energy.layers import layer_energies
from qrig.measure.energy.session import open_power
from qrig.measure.meters.meter import Mark, Samples, at_voltage
from qrig.measure.meters.plan import Planned, read_planned
from qrig.measure.meters.replay import ReplayMeter
from qrig.measure.meters.trace_file import read_trace, write_trace

HEAD = "# qrig-trace/1\n"
COLUMNS = "time_s,current_a,voltage_v,mark\n"
ROWS = "0.0,0.001,3.3,0\n0.001,0.020,3.3,1\n0.002,0.020,3.3,1\n0.003,0.001,3.3,0\n"


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "trace.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def signal_file(folder: Path, hz: float = 20_000.0) -> Path:
    """A trace with the marks of a signal as a column, as people would write it."""
    signal = layers_signal(noise_a=1e-4)
    times = signal.times(hz)
    rows = zip(
        times.tolist(), signal.currents(times).tolist(), signal.levels(times).tolist(), strict=True
    )
    lines = [f"{time!r},{current!r},3.3,{int(level)}" for time, current, level in rows]
    return write(folder, HEAD + COLUMNS + "\n".join(lines) + "\n")


def test_energies_are_those_of_the_signal_and_the_source_is_the_file(tmp_path: Path) -> None:
    path = signal_file(tmp_path)
    with open_power(f"replay:{path}", find_board("mps2-an500")) as power:
        with power.recording() as recording:
            pass
        found = power.energies(recording, LAYERS)
    assert found.source == "replay:" + hashlib.sha256(path.read_bytes()).hexdigest()
    assert not found.notices
    exact = layers_signal().marked_energy_j()
    for layer, joules in zip(LAYERS, exact, strict=True):
        assert found.layers[layer].energy_uj == pytest.approx(joules * 1e6, rel=1e-3)
    assert_energies(recording.samples(), layers_signal())


def test_totals_are_the_traces_integral(tmp_path: Path) -> None:
    """Numpy's trapezoids over the marked rows, computed here, agree to 0.1 %."""
    path = signal_file(tmp_path)
    table = np.loadtxt(path.read_text().splitlines()[2:], delimiter=",")
    power, marked = table[:, 1] * table[:, 2], table[:, 3] == 1
    starts = np.flatnonzero(np.diff(marked.astype(int), prepend=0) == 1)
    ends = np.flatnonzero(np.diff(marked.astype(int), append=0) == -1)
    exact_j = sum(
        float(np.trapezoid(power[a : b + 1], table[a : b + 1, 0])) + power[b] / 20_000
        for a, b in zip(starts, ends, strict=True)
    )
    samples = read_trace(path).samples
    found = layer_energies(samples, LAYERS, source="test")
    total_uj = sum(layer.energy_uj for layer in found.layers.values())
    assert total_uj == pytest.approx(exact_j * 1e6, rel=1e-4)
    assert found.marked_uj == pytest.approx(exact_j * 1e6, rel=1e-4)


def test_a_meter_that_is_a_file_gives_all_at_once(tmp_path: Path) -> None:
    path = signal_file(tmp_path)
    meter = ReplayMeter(str(path))
    meter.open(Deadline.after(5.0))
    assert len(meter.read(Deadline.after(1.0))) == 0
    meter.start(Deadline.after(1.0))
    samples = meter.read(Deadline.after(1.0))
    assert len(samples) == samples.expected == 16_000
    assert len(meter.read(Deadline.after(1.0))) == 0
    meter.stop(Deadline.after(1.0))
    meter.close()
    meter.close()


class _Ready:
    is_done = True


def test_it_runs_like_any_meter(tmp_path: Path) -> None:
    assert_energies(measured(ReplayMeter(str(signal_file(tmp_path))), _Ready()), layers_signal())


@given(
    st.lists(st.tuples(st.floats(-100, 100), st.floats(0, 100)), min_size=2, max_size=30),
    st.integers(0, 2**31),
)
def test_what_is_written_is_read_bit_for_bit(
    tmp_path_factory: pytest.TempPathFactory, values: list[tuple[float, float]], dropped: int
) -> None:
    count = len(values)
    time_s = np.arange(count) / 7.0
    samples = Samples(
        time_s,
        np.array([current for current, _ in values]),
        np.array([voltage for _, voltage in values]),
        (Mark(0.1, True), Mark(0.12345678901, False), Mark(0.2, None)),
        dropped,
        count + dropped,
    )
    path = tmp_path_factory.mktemp("traces") / "trace.csv"
    windows = (Planned("conv 1", 100), Planned("[idle]"))
    write_trace(path, samples, windows, meter="js220:002557", note="any\nthing")
    trace = read_trace(path)
    assert trace.samples.time_s.tobytes() == samples.time_s.tobytes()
    assert trace.samples.current_a.tobytes() == samples.current_a.tobytes()
    assert trace.samples.voltage_v.tobytes() == samples.voltage_v.tobytes()
    assert trace.samples.marks == samples.marks
    assert (trace.samples.dropped, trace.samples.expected) == (dropped, count + dropped)
    assert (trace.windows, trace.meter) == (windows, "js220:002557")


def test_a_voltage_and_edges_may_stand_in_the_header(tmp_path: Path) -> None:
    text = (
        HEAD + "# note: made by hand: nothing to see\n# voltage_v: 1.8\n# edge: 0.0005 1\n"
        "# edge: 0.0025 0\ncurrent_a,time_s\n0.01,0\n0.01,0.001\n0.01,0.002\n\n0.01,0.003\n"
    )
    samples = read_trace(write(tmp_path, text)).samples
    assert samples.voltage_v.tolist() == [1.8] * 4
    assert samples.marks == (Mark(0.0005, True), Mark(0.0025, False))


def test_a_spreadsheet_may_have_written_it(tmp_path: Path) -> None:
    head = "\ufeff# qrig-trace/1,,\n# voltage_v: 3.3,,\n# window: conv1 x 100,,\n"
    rows = "time_s,current_a,mark\n0,0.1,0\n1,0.2,1\n"
    trace = read_trace(write(tmp_path, (head + rows).replace("\n", "\r\n")))
    assert trace.windows == (Planned("conv1", 100),)
    assert trace.samples.voltage_v.tolist() == [3.3, 3.3]
    assert trace.samples.current_a.tolist() == [0.1, 0.2]


def test_missing_rows_are_dropped_samples(tmp_path: Path) -> None:
    rows = [f"{k / 1000!r},0.01,3.3,0" for k in range(5000) if k not in (7, 100, 101)]
    samples = read_trace(write(tmp_path, HEAD + COLUMNS + "\n".join(rows))).samples
    assert (samples.dropped, samples.expected) == (3, 5000)
    uneven = [f"{k * k / 1000!r},0.01,3.3,0" for k in range(100)]
    assert read_trace(write(tmp_path, HEAD + COLUMNS + "\n".join(uneven))).samples.dropped == 0


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", "empty file"),
        (COLUMNS + ROWS, "1: expected '# qrig-trace/1'"),
        (
            "# qrig-trace/2\n" + COLUMNS + ROWS,
            "1: expected '# qrig-trace/1', found '# qrig-trace/2'",
        ),
        (HEAD, "2: expected columns out of"),
        (HEAD + "# volts: 3\n" + COLUMNS + ROWS, "2: expected a known key .*, found 'volts'"),
        (HEAD + "# voltage_v: nan\n" + COLUMNS + ROWS, "2: expected '# voltage_v: VALUE'"),
        (HEAD + "# dropped: -1\n" + COLUMNS + ROWS, "2: expected '# dropped: VALUE'"),
        (HEAD + "# window: conv1 x 0\n" + COLUMNS + ROWS, "2: expected '# window: VALUE'"),
        (HEAD + "# window:\n" + COLUMNS + ROWS, "2: .*expected a window like"),
        (HEAD + "# edge: 0.1\n" + COLUMNS + ROWS, "2: expected '# edge: VALUE'"),
        (HEAD + "# edge: 0.1 2\n" + COLUMNS + ROWS, "2: expected '# edge: VALUE'"),
        (HEAD + "# edge: 0.1 1\n" + COLUMNS + ROWS, "3: expected the column mark, found both"),
        (
            HEAD + "# voltage_v: 3\n" + COLUMNS + ROWS,
            "3: expected the column voltage_v, found both",
        ),
        (
            HEAD + "time_s,current_a,mark\n0,1,0\n1,1,0\n",
            "2: expected the column voltage_v, found none",
        ),
        (
            HEAD + "time_s,current_a,voltage_v\n0,1,3\n1,1,3\n",
            "2: expected the column mark, found none",
        ),
        (HEAD + "time_s,current_a,volts,mark\n0,1,3,0\n", "2: expected columns out of"),
        (HEAD + "time_s,time_s,current_a\n0,1,3\n", "2: expected columns out of"),
        (HEAD + COLUMNS, "3: expected rows of 4 numbers"),
        (HEAD + COLUMNS + "0,1,3,0\n", "3: expected at least two rows, found 1"),
        (HEAD + COLUMNS + "0,1,3,0\n1,x,3,0\n", "4: expected rows of 4 .*, found '1,x,3,0'"),
        (HEAD + COLUMNS + "0,1,3,0\n\n1,1,3\n", "5: expected rows of 4 .*, found '1,1,3'"),
        (HEAD + COLUMNS + "0,1,3\n1,1,3\n", "3: expected rows of 4 .*, found '0,1,3'"),
        (HEAD + COLUMNS + "0,1,3,0\n1_0,1,3,0\n", "3: expected rows of 4 .*1_0"),
        (HEAD + COLUMNS + "0,1,3,0\n1,nan,3,0\n", r"row 2 \(line 4\) current_a from -100 to 100"),
        (HEAD + COLUMNS + "0,1,3,0\n1,inf,3,0\n", "found inf"),
        (HEAD + COLUMNS + "0,1,3,0\n1,1e3,3,0\n", "found 1000"),
        (HEAD + COLUMNS + "0,1,3,0\n1,1,-3,0\n", "voltage_v from 0 to 100, found -3"),
        (HEAD + COLUMNS + "0,1,3,0\n0,1,3,0\n", r"row 2 \(line 4\) times that rise, found 0"),
        (HEAD + COLUMNS + "-1,1,3,0\n0,1,3,0\n", "row 1 .*time_s from 0"),
        (HEAD + COLUMNS + "0,1,3,0\n1,1,3,0.5\n", "a mark of 0 or 1, found 0.5"),
        (HEAD + "# note: " + "x" * 400 + "\n" + COLUMNS + ROWS, "2: expected lines of up to 300"),
        (
            HEAD + "# edge: 0.2 1\n# edge: 0.1 0\ntime_s,current_a,voltage_v\n0,1,3\n1,1,3\n",
            "edges in",
        ),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, text: str, match: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(FileFormatError, match=match) as caught:
        read_trace(path)
    assert str(path) in str(caught.value)


def test_a_file_that_is_too_large_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qrig.measure.meters.trace_file.MAX_BYTES", 50)
    with pytest.raises(FileFormatError, match="at most 50 bytes"):
        read_trace(write(tmp_path, HEAD + COLUMNS + ROWS))
    with pytest.raises(FileFormatError, match="none that can be read"):
        read_trace(tmp_path / "none.csv")


def test_a_header_without_end_is_not_read_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qrig.measure.meters.trace_file.MAX_HEADER_LINES", 10)
    with pytest.raises(FileFormatError, match="within 10 lines"):
        read_trace(write(tmp_path, HEAD + "# note: x\n" * 20 + COLUMNS + ROWS))


@given(st.binary(max_size=400))
def test_no_bytes_make_the_reader_stumble(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = write(tmp_path_factory.mktemp("traces"), HEAD.encode() + data)
    try:
        samples = read_trace(path).samples
    except FileFormatError as error:
        assert str(path) in str(error)  # noqa: PT017 # bytes by chance may be a trace
    else:
        assert len(samples) >= 2


@pytest.mark.parametrize(
    ("text", "planned"),
    [
        ("conv1", Planned("conv1")),
        ("conv1 x 100", Planned("conv1", 100)),
        (" layer 3 x12 ", Planned("layer 3", 12)),
        ("x x 2", Planned("x", 2)),
        ("[idle]", Planned("[idle]")),
    ],
)
def test_windows_are_named(text: str, planned: Planned) -> None:
    assert read_planned(text) == planned
    assert read_planned(str(planned)) == planned


def test_samples_of_several_lengths_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="arrays of one length"):
        Samples(np.zeros(2), np.zeros(3), np.zeros(3))
    assert at_voltage(np.zeros(3), np.zeros(3), 1.8).voltage_v.tolist() == [1.8] * 3
