"""The time line of the current: its file, its bins, its drawing."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from made_runs import LAYERS
from qrig.errors import FileFormatError
from qrig.measure.meters.meter import Mark, Samples, no_samples
from qrig.reports.current_chart import current_charts
from qrig.reports.current_line import (
    CURRENT,
    CURRENT_COLUMNS,
    MAX_BINS,
    Marked,
    current_line,
    marked_windows,
    read_current,
    write_current,
)
from report_runs import samples


def ramp(count: int, marks: tuple[Mark, ...] = ()) -> Samples:
    """Return samples of a microsecond each, whose current is their time in amperes."""
    time_s = np.arange(count, dtype=np.float64) * np.float64(1e-6)
    return Samples(time_s, time_s.copy(), np.full(count, 3.3), marks)


def test_bins_hold_means_and_their_layers() -> None:
    line = current_line("n on t", samples(), marked_windows(samples(), list(LAYERS)))
    assert {name: str(kind) for name, kind in line.dtypes.items()} == CURRENT_COLUMNS
    assert 1000 < len(line) <= MAX_BINS
    assert set(line["cell"]) == {"n on t"}
    assert line["time_s"].is_monotonic_increasing
    begins = line.groupby("layer")["time_s"].min()
    assert begins["conv1"] == pytest.approx(0.0, abs=1e-5)
    assert begins["conv2"] == pytest.approx(0.0021, abs=1e-5)
    means = line.groupby("layer")["current_ua"].mean()
    for place, layer in enumerate(LAYERS):
        assert means[layer] == pytest.approx(40_000 + 4_000 * place, rel=0.05)
    between = line[line["layer"].isna()]
    assert between["current_ua"].median() == pytest.approx(12_000, rel=0.2)
    assert line["time_s"].iloc[0] == pytest.approx(-0.02 * 0.0095, rel=0.1)


def test_many_samples_become_few_bins_that_keep_the_charge() -> None:
    line = current_line("n on t", ramp(100_000), [])
    assert len(line) == MAX_BINS
    assert line["current_ua"].mean() == pytest.approx(50_000, rel=1e-3)
    assert line["time_s"].iloc[0] == pytest.approx(0.1 / MAX_BINS / 2, rel=0.01)
    assert line["layer"].isna().all()


def test_few_samples_have_a_bin_each_and_none_have_none() -> None:
    assert len(current_line("n on t", ramp(7), [])) == 7
    assert len(current_line("n on t", ramp(1), [])) == 1
    empty = current_line("n on t", no_samples(), [Marked(0.0, 1.0, "conv1")])
    assert empty.empty
    assert list(empty.columns) == list(CURRENT_COLUMNS)


def marks(*edges_us: float) -> tuple[Mark, ...]:
    return tuple(Mark(at * 1e-6, place % 2 == 0) for place, at in enumerate(edges_us))


def test_the_first_whole_pass_is_shown() -> None:
    twice = ramp(9000, marks(1000, 2000, 2010, 2020, 4000, 5000, 6000, 7000))
    # An edge of the first pass bounces; the second pass is whole.
    assert marked_windows(twice, ["a"])[0].layer == "a"
    good = ramp(9000, marks(1000, 2000, 3000, 4000, 5000, 6000, 7000, 8000))
    found = marked_windows(good, ["a", "b"])
    assert [(one.start_s, one.layer) for one in found] == [(0.001, "a"), (0.003, "b")]
    assert marked_windows(good, ["a", "b", "c"]) == ()
    assert marked_windows(good, []) == ()
    assert marked_windows(ramp(10), ["a"]) == ()


def test_the_file_keeps_the_rows(tmp_path: Path) -> None:
    first = current_line("n on t", samples(), marked_windows(samples(), list(LAYERS)))
    second = current_line("n on u", ramp(50), [])
    assert write_current(tmp_path, [first, second]) == tmp_path / CURRENT
    pd.testing.assert_frame_equal(
        read_current(tmp_path), pd.concat([first, second], ignore_index=True)
    )


def test_no_rows_no_file(tmp_path: Path) -> None:
    assert write_current(tmp_path, [current_line("n on t", no_samples(), [])]) is None
    assert list(tmp_path.iterdir()) == []
    assert read_current(tmp_path).empty


@pytest.mark.parametrize("damage", ["text", "columns", "numbers"])
def test_a_damaged_file_is_told(tmp_path: Path, damage: str) -> None:
    path = tmp_path / CURRENT
    line = current_line("n on t", ramp(9), [])
    if damage == "text":
        path.write_text("PAR1 and no more")
    elif damage == "columns":
        line.drop(columns="current_ua").to_parquet(path)
    else:
        line.assign(current_ua=float("inf")).to_parquet(path)
    with pytest.raises(FileFormatError, match="expected the current of a run over time"):
        read_current(tmp_path)


def test_cells_are_drawn_to_one_scale() -> None:
    windows = marked_windows(samples(), list(LAYERS))
    long = current_line("a on t", samples(), windows)
    small = long.assign(cell="b on t", current_ua=long["current_ua"] / 2)
    one, other = current_charts(pd.concat([long, small]))
    assert (one.title, other.title) == ("a on t", "b on t")
    assert one.currents == other.currents
    assert one.times == other.times
    assert (one.time_unit, one.current_unit) == ("ms", "mA")
    assert [band.name for band in one.bands] == list(LAYERS)
    widths = {band.name: band.width for band in one.bands}
    assert widths["conv2"] / widths["conv1"] == pytest.approx(5.4 / 0.8, rel=0.01)
    assert [tick.text for tick in one.currents] == ["0", "20", "40", "60"]
    rows = {row[0].text: [cell.text for cell in row[1:]] for row in one.table.rows}
    assert float(rows["conv1"][0]) == pytest.approx(0.8, abs=0.01)
    assert sum(float(row[-1].rstrip("%")) for row in rows.values()) == pytest.approx(100, abs=0.3)


def test_the_drawing_has_a_name_and_no_markup_of_others() -> None:
    line = current_line("<b>n</b> on t", samples(), [Marked(0.001, 0.002, '"><script>')])
    (chart,) = current_charts(line)
    assert "<script>" not in chart.drawing
    assert "<b>" not in chart.drawing
    assert re.search(r"<title [^>]*>Current of &lt;b&gt;n", chart.drawing)
    assert re.search(r"<desc [^>]*>", chart.drawing)


def test_a_flat_line_at_zero_is_drawn() -> None:
    line = current_line("n on t", ramp(9), []).assign(current_ua=0.0)
    (chart,) = current_charts(line)
    assert "nan" not in chart.drawing
    assert list(current_charts(line.iloc[:0])) == []
