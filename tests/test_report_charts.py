"""Bars of a page, as data."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest

from made_runs import M4, QEMU, MadeCell, run_data, scaled
from qrig.reports.compare_runs import RunData
from qrig.reports.cost_charts import Chart, cost_charts, percent_text
from qrig.reports.figures import PALETTE, PALETTE_DARK
from qrig.reports.previous_verdict import compared_with_previous
from report_runs import emulated, silicon

MODELS = {"m7": "cortex-m7 on nucleo-f746 at 216 MHz"}


def charts_of(*cells: MadeCell, before: tuple[MadeCell, ...] = ()) -> dict[str, Chart]:
    """Return the charts of one network by their titles."""
    new = run_data("new", *cells)
    previous = {(cell.target, cell.network): run_data("old", cell) for cell in before}
    versus = compared_with_previous(new.rows, new.run, previous)
    return {
        chart.quantity.title: chart for chart in cost_charts(new.rows, previous, versus, MODELS)
    }


def test_every_kind_of_number_has_its_own_chart() -> None:
    board = MadeCell(silicon({}), target=M4, core="cortex-m4")
    charts = charts_of(board, MadeCell(emulated({})))
    assert {title: chart.subtitle for title, chart in charts.items()} == {
        "Latency": "measured, per inference, median of 3 inputs",
        "Instructions": "counted, per inference, median of 3 inputs",
        "Model cycles, Cortex-M7": "modelled, of one inference",
        "Energy": "measured, of one inference",
        "Model energy": "modelled, of one inference",
    }
    notes = {title: chart.note for title, chart in charts.items()}
    assert notes["Energy"] == "Measured by lpm01a:0042."
    assert notes["Model cycles, Cortex-M7"].endswith("not a measurement: " + MODELS["m7"] + ".")
    assert "574 pJ per cycle" in notes["Model energy"]
    assert [name for name, _ in charts["Latency"].legend] == [M4]
    assert [name for name, _ in charts["Instructions"].legend] == [QEMU]
    assert charts["Latency"].legend[0][1] != charts["Instructions"].legend[0][1]
    assert charts["Latency"].quantity.unit == "µs"
    assert charts["Latency"].has_asides
    assert not any(chart.has_ghosts for chart in charts.values())


def test_bars_are_parts_of_the_largest_number_of_both_runs() -> None:
    before = (MadeCell(),)
    chart = charts_of(MadeCell(scaled({"conv2": 0.5, "ip1": 2.0})), before=before)["Instructions"]
    bars = {row.name: row.bars[0] for row in chart.rows}
    assert chart.runs_before == ["old"]
    assert (bars["conv2"].width, bars["conv2"].ghost) == (50.0, 100.0)
    assert (bars["ip1"].width, bars["ip1"].ghost) == (40.0, 20.0)
    assert (bars["conv2"].value, bars["conv2"].before) == ("200,000", "400,000")
    assert [bars[name].change for name in ("conv1", "conv2", "ip1")] == [
        "=",
        "\N{MINUS SIGN}50.0 %",
        "+100.0 %",
    ]
    assert [bars[name].tone for name in ("conv1", "conv2", "ip1")] == ["", "good", "bad"]
    (total,) = chart.total.bars
    assert (total.value, total.before, total.change) == (
        "480,000",
        "600,000",
        "\N{MINUS SIGN}20.0 %",
    )


def test_a_small_change_is_told_and_not_judged() -> None:
    chart = charts_of(MadeCell(scaled({"conv2": 1.004})), before=(MadeCell(),))["Instructions"]
    bar = next(row.bars[0] for row in chart.rows if row.name == "conv2")
    assert (bar.change, bar.tone) == ("+0.40 %", "")


def metered(source: str) -> MadeCell:
    def numbers(layer: str, index: int) -> Mapping[str, Any]:
        return {"energy_uj": 5.0, "current_ua": 4e4, "energy_source": source}

    return MadeCell(numbers, target=M4, core="cortex-m4")


@pytest.mark.parametrize(
    ("now", "before", "ghosts"),
    [
        ("lpm01a:1", "lpm01a:1", True),
        ("lpm01a:1", "ppk2:1", False),
        ("replay:ab12", "replay:ab12", False),
        ("lpm01a:1", "replay:ab12", False),
    ],
)
def test_energy_has_ghosts_of_the_same_meter_alone(now: str, before: str, ghosts: bool) -> None:
    chart = charts_of(metered(now), before=(metered(before),))["Energy"]
    assert chart.has_ghosts == ghosts
    assert bool(chart.total.bars[0].before) == ghosts
    recorded = now.startswith("replay:")
    assert chart.subtitle.startswith("recorded" if recorded else "measured")
    assert now in chart.note


def test_layers_counted_together_have_no_ghosts_of_layers_alone() -> None:
    def fused(layer: str, index: int) -> dict[str, Any]:
        if layer == "pool1":
            return {"computed_with": "conv1"}
        return {"instructions": 120_000 if layer == "conv1" else 50_000}

    rows = charts_of(MadeCell(fused), before=(MadeCell(),))["Instructions"].rows
    ghosts = {row.name: row.bars[0].ghost is not None for row in rows}
    assert ghosts == {"conv1": False, "conv2": True, "ip1": True}


def test_a_layer_that_was_not_there_before_has_no_ghost() -> None:
    before = MadeCell(layers=("conv1", "pool1"))
    rows = charts_of(MadeCell(), before=(before,))["Instructions"].rows
    assert [row.bars[0].ghost is not None for row in rows] == [True, True, False, False]


def test_nothing_counted_gives_no_chart() -> None:
    nothing = run_data("new", MadeCell(lambda layer, index: {}))
    assert list(cost_charts(nothing.rows, {})) == []
    assert list(cost_charts(pd.DataFrame(), {})) == []
    gone: dict[tuple[str, str], RunData] = {(QEMU, "lenet"): nothing}
    (chart,) = cost_charts(run_data("new", MadeCell()).rows, gone)
    assert not chart.has_ghosts


def test_percent_text() -> None:
    pairs = ((4.0, 4.0), (1000.0, 1001.0), (100.0, 98.5), (100.0, 250.0), (0.0, 5.0))
    texts = [percent_text(before, after) for before, after in pairs]
    assert texts == ["=", "+0.10 %", "\N{MINUS SIGN}1.5 %", "+150.0 %", "new"]


SEEN = {
    "all cones": np.eye(3),
    "no red cones": np.array([
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ]),
    "no green cones": np.array([
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ]),
    "no blue cones": np.array([
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ]),
}  # fmt: skip
"""Linear RGB as people see it (Machado, Oliveira and Fernandes, 2009, severity 1)."""


@pytest.mark.parametrize("vision", SEEN)
@pytest.mark.parametrize(("palette", "card"), [(PALETTE, "#fffefb"), (PALETTE_DARK, "#1b1f23")])
def test_colours_are_told_apart_by_everybody(
    palette: tuple[str, ...], card: str, vision: str
) -> None:
    seen = [oklab(SEEN[vision] @ linear(colour)) for colour in palette]
    distances = [np.linalg.norm(one - other) for one, other in itertools.combinations(seen, 2)]
    assert min(distances) > 0.1
    for colour in palette:
        high, low = sorted((luminance(colour), luminance(card)), reverse=True)
        assert (high + 0.05) / (low + 0.05) >= 3.0


def linear(colour: str) -> Any:
    parts = np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)]) / 255
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def luminance(colour: str) -> float:
    return float(np.dot([0.2126, 0.7152, 0.0722], linear(colour)))


def oklab(rgb: Any) -> Any:
    """Return a colour in Oklab, where distances are those people see (Ottosson, 2020)."""
    cones = np.array([
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]) @ np.clip(rgb, 0, 1)  # fmt: skip
    return np.array([
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]) @ np.cbrt(cones)  # fmt: skip
