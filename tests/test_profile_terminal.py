"""A profile in a terminal: what its tables hold, leave out, and how wide they are."""

from __future__ import annotations

import io
from collections.abc import Sequence

import pytest
from rich.console import Console

from profile_tables import (
    HOSTILE,
    M4_TARGET,
    M7_TARGET,
    MAC_LOOP,
    MODELS,
    Block,
    Function,
    Layer,
    Op,
    convolution,
    make_tables,
    network,
    softmax,
)
from qrig.reports.grids import Grid
from qrig.reports.profile_cells import CellProfile, Tables, split_cells
from qrig.reports.profile_notes import unknown_notice
from qrig.reports.profile_terminal import profile_tables
from qrig.reports.profile_views import (
    cost_grid,
    function_grid,
    loop_grid,
    number_text,
    place_text,
    placement_grid,
    work_grid,
)


def printed(tables: Tables, width: int = 100) -> str:
    environment = {"TERM": "xterm", "COLUMNS": str(width)}
    console = Console(file=io.StringIO(), record=True, width=width, _environ=environment)
    for part in profile_tables(tables, MODELS):
        console.print(part)
    return console.export_text()


def cell_of(layers: Sequence[Layer], *, memory: bool = True, spread: float = 0) -> CellProfile:
    (cell,) = split_cells(make_tables({(M7_TARGET, "lenet"): layers}, memory=memory, spread=spread))
    return cell


def column(grid: Grid, heading: str) -> list[str]:
    place = [cell.text for cell in grid.headings].index(heading)
    return [row[place].text for row in [*grid.rows, *([grid.foot] if grid.foot else [])]]


def headings(grid: Grid) -> list[str]:
    return [cell.text for cell in grid.headings]


def test_cells_are_sorted_and_keep_their_layers_apart() -> None:
    cells = split_cells(make_tables())
    names = [(cell.network, cell.target) for cell in cells]
    assert names == [(n, t) for n in ("kws", "lenet") for t in (M4_TARGET, M7_TARGET)]
    assert [row["layer"] for row in cells[-1].layers] == ["conv1", "pool1", "conv2", "ip1"]
    assert {row["layer"] for row in cells[0].instructions} == {"conv1", "prob"}


def test_what_a_layer_costs() -> None:
    grid = cost_grid(cell_of(network()))
    assert column(grid, "layer") == ["conv1", "pool1", "conv2", "ip1", "inference"]
    assert column(grid, "instructions") == ["26,142", "1,000", "104,478", "10,230", "141,850"]
    assert column(grid, "instr/MAC") == ["3.19", "", "3.19", "3.20", "3.21"]
    cycles = [column(grid, f"model cycles {model}") for model in ("M4", "M7")]
    assert [one[-1] for one in cycles] == ["221,890", "109,565"]
    assert column(grid, "model µs M7")[-1] == "507"
    shares = column(grid, "share of model cycles M7")
    assert shares == ["18.5%", "0.5%", "73.8%", "7.2%", ""]
    assert "share of model cycles M7" not in headings(cost_grid(cell_of(network()), wide=False))


def test_what_a_layer_does() -> None:
    grid = work_grid(cell_of(network()))
    assert column(grid, "misaligned") == ["4,096", "0", "16,384", "1,600", "22,080"]
    assert column(grid, "SMLAD")[-1] == "22,080"
    assert "unknown to models" not in headings(grid)
    grid = work_grid(cell_of([convolution(), softmax()]))
    assert column(grid, "unknown to models") == ["0", "10", "10"]


def test_memory_that_was_not_counted_has_no_columns() -> None:
    grid = work_grid(cell_of(network(), memory=False))
    assert headings(grid) == ["layer", "MAC", "SMLAD", "branches taken", "mispredicted"]


def test_placements_are_shown_only_if_there_are_several() -> None:
    assert placement_grid(cell_of(network())) is None
    grid = placement_grid(cell_of([convolution(), softmax()], spread=0.1))
    assert grid is not None
    assert column(grid, "model cycles M7") == ["20,239 to 22,263", ""]
    assert column(grid, "spread M4") == ["10.00%", ""]


def test_a_sum_that_lacks_a_part_is_not_shown() -> None:
    cell = cell_of([convolution(), softmax()])
    assert cell.measure == "instructions"
    grid = cost_grid(cell)
    assert column(grid, "model cycles M7") == ["20,239", "", ""]
    assert column(grid, "instructions")[-1] == "26,162"
    assert column(grid, "share of instructions")[:2] == ["99.9%", "0.1%"]
    notice = unknown_notice(cell)
    assert "M4 and M7 for prob" in notice
    assert "vcvt.f32.s32 (10 times)" in notice
    assert unknown_notice(cell_of(network())) == ""


def test_functions_are_summed_over_layers_and_the_rest_is_counted() -> None:
    grid = function_grid(cell_of(network()))
    assert column(grid, "function") == ["arm_nn_mat_mult", "convolve", "maxpool"]
    assert column(grid, "calls") == ["2,760", "27", "500"]
    many = [Function(f"f{n:02}", (Block(n, 100 - n, MAC_LOOP),)) for n in range(20)]
    cell = cell_of([Layer("all", many)])
    grid = function_grid(cell)
    assert column(grid, "function") == [*(f"f{n:02}" for n in range(12)), "8 others"]
    shown = sum(int(text.replace(",", "")) for text in column(grid, "instructions"))
    assert shown == cell.whole("instructions")
    assert len(function_grid(cell, 19).rows) == 20


def test_loops_hold_the_model_beside_llvm_mca() -> None:
    grid = loop_grid(cell_of(network()))
    assert column(grid, "loop")[:3] == ["arm_nn_mat_mult", "arm_nn_mat_mult", "convolve"]
    assert [row[0].below for row in grid.rows][:2] == [
        "conv2, convolve.c:57",
        "conv1, convolve.c:57",
    ]
    assert column(grid, "iterations")[0] == "16,384"
    assert column(grid, "model cycles M4/iter.")[0] == "8.00"
    assert column(grid, "llvm-mca M7/iter.")[:3] == ["2.50", "2.50", ""]
    assert column(grid, "model to llvm-mca")[:3] == ["+60.0%", "+60.0%", ""]
    plain = cell_of([Layer("x", (Function("f", (Block(None, 3, MAC_LOOP, file=None),)),))])
    grid = loop_grid(plain)
    assert not [name for name in headings(grid) if "mca" in name]
    assert grid.rows[0][0].below == "x"


def test_it_fits_a_hundred_columns_and_names_the_models() -> None:
    layers = [convolution(f"convolution_{n}", 1_234_567 + n) for n in range(3)]
    text = printed(make_tables({(M7_TARGET, "a-network"): layers}, spread=0.02))
    assert max(map(len, text.splitlines())) <= 100
    assert "M7: model of cortex-m7 on nucleo-f746 at 216 MHz" in text
    assert "convolution_2" in text
    assert "…" not in text
    for words in ("cost of one inference", "hottest loops", "placements of the code"):
        assert words in text


def test_hostile_names_are_neither_markup_nor_escapes() -> None:
    bad = Layer(HOSTILE, (Function(HOSTILE, (Block(1, 2, (Op(HOSTILE),), file=HOSTILE),)),))
    text = printed(make_tables({(HOSTILE, HOSTILE): [bad]}), width=400)
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "[31m[red]" in text


def test_nothing_gives_only_the_models() -> None:
    assert printed({}).splitlines() == [
        "M4: model of cortex-m4 on stm32f4-discovery at 168 MHz",
        "M7: model of cortex-m7 on nucleo-f746 at 216 MHz",
    ]
    printed({"layers": make_tables()["layers"]})


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, ""), (0, "0"), (99.25, "99.2"), (100.4, "100"), (-1234.6, "-1,235"), (0.5, "0.5")],
)
def test_number_text(value: float | None, text: str) -> None:
    assert number_text(value) == text


def test_place_text() -> None:
    assert place_text("/a/b.c", 7) == "b.c:7"
    assert place_text("C:\\a\\b.c", None) == "b.c"
    assert place_text(None, 7) == place_text("", 7) == ""
