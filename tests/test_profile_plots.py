"""Plots of a profile: widths that add up, labels that fit, and the mix of instructions."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.container import BarContainer

from profile_tables import (
    HOSTILE,
    M7_TARGET,
    MAC_LOOP,
    Block,
    Function,
    Layer,
    convolution,
    make_tables,
    network,
    softmax,
)
from qrig.reports.figures import inline_svg
from qrig.reports.profile_cells import CellProfile, split_cells
from qrig.reports.profile_plots import MIX_COLOURS, icicle, mix_plot, write_profile_plots


def cell_of(layers: Sequence[Layer], name: str = "lenet") -> CellProfile:
    (cell,) = split_cells(make_tables({(M7_TARGET, name): layers}))
    return cell


def parsed(svg: str) -> ET.Element:
    return ET.fromstring(svg)  # noqa: S314 - drawn by the code under test


def boxes(svg: str) -> dict[str, tuple[float, float, float]]:
    """Left edge, top and width of every box by the path in its tooltip."""
    found = {}
    for group in parsed(svg).iter("g"):
        rect, title = group.find("rect"), group.findtext("title", "")
        assert rect is not None
        left, top, width = (float(rect.get(name, "")) for name in ("x", "y", "width"))
        found[title.rpartition(": ")[0]] = (left, top, width)
    return found


def test_a_box_is_as_wide_as_its_cost() -> None:
    drawn = boxes(icicle(cell_of(network()), width=1000))
    assert drawn["lenet"][0] == 0
    assert drawn["lenet"][2] == pytest.approx(999)
    conv2 = drawn["lenet > conv2"]
    assert conv2[2] == pytest.approx(1000 * 80_911 / 109_565 - 1, abs=0.02)
    layers = [drawn[f"lenet > {name}"] for name in ("conv1", "pool1", "conv2", "ip1")]
    for before, after in pairwise(layers):
        assert after[0] == pytest.approx(before[0] + before[2] + 1, abs=0.02)
    mult = drawn["lenet > conv2 > run_network > convolve > arm_nn_mat_mult"]
    assert mult[0] == conv2[0]
    assert mult[1] > drawn["lenet > conv2 > run_network > convolve"][1] > conv2[1]


def test_tooltips_hold_exact_numbers_of_the_measure() -> None:
    cell = cell_of(network())
    assert "lenet &gt; conv2: 80,911 model cycles M7, 73.85%" in icicle(cell)
    assert "lenet &gt; conv2: 163,870 model cycles M4, 73.85%" in icicle(cell, "m4")
    assert "lenet &gt; conv2: 104,478 instructions, 73.65%" in icicle(cell, "instructions")
    assert "lenet 109,565 model cycles M7 on mps2-an500@qemu" in icicle(cell)


def test_layers_without_the_measure_are_named() -> None:
    svg = icicle(cell_of([convolution(), softmax()]))
    assert "not of prob" in svg
    assert "not known for prob" in svg
    assert "lenet > prob" not in boxes(svg)
    assert "lenet > prob" in boxes(icicle(cell_of([convolution(), softmax()]), "instructions"))
    assert icicle(cell_of([softmax()])) == ""
    assert icicle(cell_of([Layer("idle", ())])) == ""


def test_in_a_page_it_takes_the_ink_and_as_a_file_it_has_its_own() -> None:
    cell = cell_of(network())
    page, file = icicle(cell), icicle(cell, standalone=True)
    assert page == icicle(cell)
    assert file == icicle(cell, standalone=True)
    assert page.startswith('<svg viewBox="0 0 1120 ')
    assert "xmlns" not in page
    assert "<style" not in page
    assert "currentColor" in page
    assert 'xmlns="http://www.w3.org/2000/svg"' in file
    assert "prefers-color-scheme:dark" in file
    for svg in (page, file):
        assert "<script" not in svg
        assert not [mark for mark in (" id=", " href=", "url(") if mark in svg]


def test_labels_fit_their_boxes() -> None:
    svg = parsed(icicle(cell_of(network()), width=420))
    labels = 0
    for group in svg.iter("g"):
        inner = group.find("svg")
        if inner is None:
            continue
        labels += 1
        text, width = inner.findtext("text", ""), float(inner.get("width", ""))
        assert len(text) * 5.5 < width
        assert inner.get("style") == f"width:{inner.get('width')}px;height:23px"
    assert labels > 5


names = st.text(max_size=30)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(names, st.integers(1, 10**9)), min_size=1, max_size=12), names, names)
def test_any_names_make_a_drawing_whose_parts_fit(
    functions: list[tuple[str, int]], layer: str, name: str
) -> None:
    made = [
        Function(text, (Block(1, count, MAC_LOOP),), callers=("main", text))
        for text, count in functions
    ]
    svg = icicle(cell_of([Layer(layer, made)], name), width=800)
    for left, _, width in boxes(svg).values():
        assert left >= 0
        assert left + width <= 800.01


def test_deep_recursion_is_cut() -> None:
    deep = Function("f", (Block(1, 9, MAC_LOOP),), callers=("f",) * 5000)
    root = parsed(icicle(cell_of([Layer("x", (deep,))])))
    assert float(root.get("viewBox", "").split()[3]) < 1300


def test_mix_is_stacked_by_class() -> None:
    figure = mix_plot(cell_of([*network(), softmax()]))
    (axes,) = figure.axes
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == ["conv1", "pool1", "conv2", "ip1", "prob"]
    bars = [bar for bar in axes.containers if isinstance(bar, BarContainer)]
    shown = [str(bar.get_label()) for bar in bars]
    assert shown == ["load", "store", "smlad", "simd", "alu", "branch", "other", "unknown"]
    ends = [sum(bar.patches[2].get_width() for bar in bars)]
    assert ends == [104_478]
    for before, after in pairwise(bars):
        edge = before.patches[2].get_x() + before.patches[2].get_width()
        assert after.patches[2].get_x() == edge
    assert [text.get_text() for text in axes.texts][2] == "104,478"
    assert axes.get_xlim()[0] == 0
    assert len(set(MIX_COLOURS.values())) == len(MIX_COLOURS)


def test_nothing_executed_says_so() -> None:
    figure = mix_plot(cell_of([Layer("idle", ())]))
    assert [text.get_text() for text in figure.texts] == ["no instructions were counted"]


def test_many_layers_show_the_costliest() -> None:
    figure = mix_plot(cell_of([convolution(f"conv{n}", 800 + 8 * n) for n in range(70)]))
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert (len(names), names[0], names[-1]) == (60, "conv10", "conv69")
    assert figure.texts[1].get_text().endswith("the 60 costliest layers")


def test_mix_can_be_put_into_a_page() -> None:
    svg = inline_svg(mix_plot(cell_of([convolution(HOSTILE)], HOSTILE)), "p1-", {})
    assert "<script" not in svg
    assert svg == inline_svg(mix_plot(cell_of([convolution(HOSTILE)], HOSTILE)), "p1-", {})


def test_files_of_a_profile(tmp_path: Path) -> None:
    cells = {(M7_TARGET, "a/b"): network(), (M7_TARGET, "s"): [softmax()]}
    written = write_profile_plots(make_tables(cells), tmp_path / "one")
    assert [path.name for path in written] == [
        "profile-mix-a-b-mps2-an500-qemu.png",
        "profile-mix-a-b-mps2-an500-qemu.svg",
        "profile-m7-a-b-mps2-an500-qemu.svg",
        "profile-m4-a-b-mps2-an500-qemu.svg",
        "profile-instructions-a-b-mps2-an500-qemu.svg",
        "profile-mix-s-mps2-an500-qemu.png",
        "profile-mix-s-mps2-an500-qemu.svg",
        "profile-instructions-s-mps2-an500-qemu.svg",
    ]
    again = write_profile_plots(make_tables(cells), tmp_path / "two")
    for first, second in zip(written, again, strict=True):
        assert first.read_bytes() == second.read_bytes()
