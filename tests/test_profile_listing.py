"""Listings of hot loops: numbers of one execution, gaps, and source lines from allowed files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from profile_tables import (
    HOSTILE,
    M7_TARGET,
    MAC_LOOP,
    Block,
    Function,
    Layer,
    Op,
    convolution,
    make_tables,
    network,
    softmax,
)
from qrig.reports.profile_cells import CellProfile, split_cells
from qrig.reports.profile_listing import hottest_loops, render_listing
from qrig.reports.profile_source import source_reader

SOURCE = [f"/* line {number} */" for number in range(1, 300)]


def cell_of(layers: Sequence[Layer]) -> CellProfile:
    (cell,) = split_cells(make_tables({(M7_TARGET, "lenet"): layers}))
    return cell


def test_the_costliest_loops_come_first_with_their_own_instructions() -> None:
    loops = hottest_loops(cell_of(network()), 3)
    assert [(loop.layer, loop.function) for loop in loops] == [
        ("conv2", "arm_nn_mat_mult"),
        ("conv1", "arm_nn_mat_mult"),
        ("conv2", "convolve"),
    ]
    first = loops[0]
    assert [one.text for one in first.instructions] == [op.text for op in MAC_LOOP]
    assert {one.executions for one in first.instructions} == {16384}
    assert first.instructions[0].address == first.start
    assert first.instructions[-1].address == first.end - 4
    assert first.share == pytest.approx(0.598, abs=1e-3)


def test_numbers_are_of_one_execution_and_add_up_to_the_iteration() -> None:
    loop = hottest_loops(cell_of(network()), 1)[0]
    smlad = loop.instructions[2]
    assert dict(smlad.cycles) == {"m4": 1.0, "m7": 1.25}
    assert dict(smlad.stalls) == {"m4": 0.0, "m7": 0.75}
    assert smlad.reasons["m7"] == "operand 0.5, dsp slot 0.25"
    for model, cycles in (("m4", 8.0), ("m7", 4.0)):
        parts = [one.cycles[model] for one in loop.instructions]
        assert sum(part or 0 for part in parts) == loop.cycles[model] == cycles
    assert loop.mca_cycles_m7 == 2.5
    assert loop.mca_difference == pytest.approx(0.6)


def test_text_of_a_listing() -> None:
    text = render_listing(hottest_loops(cell_of(network()), 1, lambda _: SOURCE)[0])
    lines = text.splitlines()
    assert lines[0] == "conv2: arm_nn_mat_mult convolve.c:57"
    assert "  16,384 iterations" in lines
    assert "  59.8% of the network's model cycles M7" in lines
    assert "  4.00 model cycles M7 per iteration" in lines
    assert "  ; convolve.c:57  /* line 57 */" in lines
    (smlad,) = [line.split() for line in lines if "smlad" in line]
    assert smlad[:4] == ["16,384", "1.00", "1.25", "8000114"]
    assert " ".join(smlad[-6:]) == "M7: operand 0.5, dsp slot 0.25"
    assert max(map(len, lines)) <= 110


def test_what_is_not_known_is_blank() -> None:
    (loop,) = hottest_loops(cell_of([softmax()]))
    unknown = loop.instructions[0]
    assert unknown.cycles["m7"] is unknown.stalls["m4"] is None
    assert loop.cycles["m7"] is None
    assert (unknown.place, unknown.source) == ("soft.c:5", "")
    text = render_listing(loop)
    assert "per iteration" not in text
    assert "llvm" not in text
    assert "nan" not in text.lower()


def test_a_source_line_is_said_once_and_gaps_are_named() -> None:
    tables = make_tables({(M7_TARGET, "lenet"): [convolution()]})
    code = tables["instructions"]
    inside = code.index[code["text"] == "subs r2, r2, #1"]
    code.loc[code["text"].str.startswith("smlad"), "line"] = 60
    tables["instructions"] = code.drop(index=inside)
    loop = hottest_loops(split_cells(tables)[0], 1, lambda _: SOURCE)[0]
    assert [one.begins for one in loop.instructions] == [True, False, True, True]
    assert [one.gap_bytes for one in loop.instructions] == [0, 0, 0, 4]
    text = render_listing(loop)
    assert "4 bytes not executed" in text
    assert [line.split()[1] for line in text.splitlines() if line.startswith("  ;")] == [
        "convolve.c:57",
        "convolve.c:60",
        "convolve.c:57",
    ]


@pytest.mark.parametrize("lines", [None, [], SOURCE[:56]])
def test_a_line_that_is_not_there_leaves_the_place(lines: list[str] | None) -> None:
    loop = hottest_loops(cell_of([convolution()]), 1, lambda _: lines)[0]
    assert (loop.instructions[0].place, loop.instructions[0].source) == ("convolve.c:57", "")


def test_hostile_text_is_made_printable() -> None:
    bad = Layer(HOSTILE, (Function(HOSTILE, (Block(1, 2, (Op(HOSTILE),), file=HOSTILE),)),))
    (loop,) = hottest_loops(cell_of([bad]), read_source=lambda _: [HOSTILE])
    text = render_listing(loop)
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_sources_are_read_below_the_roots_alone(tmp_path: Path) -> None:
    root, other = tmp_path / "root", tmp_path / "other"
    for folder in (root, other):
        folder.mkdir()
        (folder / "a.c").write_text("int a;\nint b;\n", encoding="utf-8")
    (root / "secret").write_text("x", encoding="utf-8")
    (root / "link.c").symlink_to(other / "a.c")
    (root / "loop.c").symlink_to(root / "loop.c")
    (root / "huge.c").write_bytes(b"\n" * ((4 << 20) + 1))
    (root / "latin.h").write_bytes(b"\xe9\n")
    read = source_reader(root)
    assert read("a.c") == read(str(root / "a.c")) == ["int a;", "int b;"]
    assert read("latin.h") == ["\ufffd"]
    for path in (str(other / "a.c"), "../other/a.c", "secret", "link.c", "loop.c", "huge.c"):
        assert read(path) is None
    for path in ("", ".", "none.c", "a\0.c", "/etc/passwd", "x" * 5000 + ".c"):
        assert read(path) is None
    (root / "a.c").unlink()
    assert read("a.c") == ["int a;", "int b;"]
