"""Plots of a run: what they say, which colours, which files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.container import BarContainer
from matplotlib.figure import Figure

from qrig.reports.figures import inline_svg
from qrig.reports.html import render_report
from qrig.reports.plots import counter_plot, instructions_plot, write_plots
from viewed_rows import HOSTILE, SILICON, Page, make_rows, make_run


def words_of(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.texts]


def test_plot_says_what_is_counted() -> None:
    figure = instructions_plot(pd.concat([make_rows(), make_rows(network="other")]))
    assert len(figure.axes) == 2
    title = "instructions per inference, median of 2 inputs"
    assert words_of(figure) == ["other", title, "tiny", title]
    axes = figure.axes[0]
    assert (axes.get_xscale(), axes.get_xlim()[0]) == ("linear", 0)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["conv1", "relu1"]
    assert [label.get_text() for label in axes.texts] == ["1,001.5", "60"]


def test_plot_falls_back_to_cycles_and_never_mixes_them_in() -> None:
    silicon = make_rows(SILICON, counts=((None, 400, 20),))
    assert "cycles per inference, median of 1 input" in words_of(instructions_plot(silicon))
    mixed = instructions_plot(pd.concat([make_rows(), silicon]))
    assert [len(axes.containers) for axes in mixed.axes] == [1]
    assert words_of(instructions_plot(pd.DataFrame())) == ["no instructions were counted"]


def colours_of(axes: Axes) -> list[Any]:
    bars = [container for container in axes.containers if isinstance(container, BarContainer)]
    return [container.patches[0].get_facecolor() for container in bars]


def test_a_target_keeps_its_colour_in_every_plot() -> None:
    rows = pd.concat([make_rows(), make_rows("b@qemu"), make_rows("b@qemu", network="only-b")])
    both = counter_plot(rows, "instructions", network="tiny").axes[0]
    alone = counter_plot(rows, "instructions", network="only-b").axes[0]
    (colour,) = colours_of(alone)
    first, second = colours_of(both)
    assert first == colour != second


def test_files_of_plots(tmp_path: Path) -> None:
    rows = pd.concat([make_rows(network="a/b"), make_rows(network="a b"), make_rows(SILICON)])
    written = write_plots(rows, tmp_path / "one")
    stems = ["instructions-a-b", "instructions-a-b-2", "cycles-tiny"]
    assert [path.name for path in written] == [f"{s}{x}" for s in stems for x in (".png", ".svg")]
    again = write_plots(rows, tmp_path / "two")
    for first, second in zip(written, again, strict=True):
        assert first.read_bytes() == second.read_bytes()
    assert written[0].read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    assert b"<dc:date>" not in written[1].read_bytes()
    assert b"instructions per inference" in written[1].read_bytes()


def test_no_counter_gives_no_plot(tmp_path: Path) -> None:
    for rows in (pd.DataFrame(), make_rows(counts=((None, None, None),))):
        assert write_plots(rows, tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_a_network_of_many_layers_shows_the_costliest() -> None:
    base = make_rows(counts=((None, 1000),)).iloc[1:]
    rows = pd.concat(
        base.assign(layer_index=n, layer=f"conv{n}", instructions=1000 + n) for n in range(1, 71)
    )
    figure = instructions_plot(rows)
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert (len(names), names[0], names[-1]) == (60, "conv11", "conv70")
    assert any(text.endswith("the 60 costliest layers") for text in words_of(figure))


def test_inline_svg_needs_no_name_space_and_prefixes_its_ids() -> None:
    svg = inline_svg(instructions_plot(make_rows(network=HOSTILE)), "p7-", {})
    assert svg.startswith("<svg ")
    assert "xmlns" not in svg
    page = Page(svg)
    assert {value[:3] for value in page.values("id")} == {"p7-"}
    assert not {"script", "style", "metadata"} & page.tags.keys()


@pytest.mark.parametrize("name", ["网络", "\U0001f600", "$\\frac{", "\x00", "a" * 5000, ""])
def test_any_name_can_be_drawn(name: str, tmp_path: Path) -> None:
    rows = make_rows(network=name).assign(layer=name)
    assert len(write_plots(rows, tmp_path)) == 2
    render_report(rows, make_run()).encode()
