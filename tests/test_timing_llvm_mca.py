"""llvm-mca's opinion on loops: what it is shown, and what it cannot be shown."""

from pathlib import Path

import pytest

from qrig.measure.timing.llvm_mca import find_llvm_mca, loop_cycles
from thumb import thumb

needs_llvm_mca = pytest.mark.skipif(
    find_llvm_mca() is None, reason="llvm-mca is not installed: apt-get install llvm"
)


@needs_llvm_mca
@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param("add.w r0, r1, r2; add.w r3, r4, r5", 1.0, id="two-in-one-cycle"),
        pytest.param("smlad r0, r1, r2, r0", 1.0, id="accumulator-chain"),
        pytest.param("smlad r0, r1, r2, r0; smlad r3, r1, r2, r3", 2.0, id="one-multiplier"),
        pytest.param("sxtb.w r0, r1; uxth.w r2, r3", 2.0, id="one-dsp-unit"),
    ],
)
def test_cycles_of_an_iteration(source: str, expected: float) -> None:
    assert loop_cycles(thumb(source)).cycles == expected


@needs_llvm_mca
@pytest.mark.parametrize(
    "source",
    [
        "here: ldr r0, [r1], #4; subs r2, #1; bne here",
        "ldrb r0, [r1, #1]!",
        "strb r0, [r1], #-1",
        "ldrd r0, r1, [r2], #8",
        "strd r0, r1, [r2, #-8]!",
        "ldm r0!, {r1, r2, r3}",
        "stmdb r0!, {r1, r2}",
        "push {r4, r5}",
        "vldmia r0!, {s0, s1}",
    ],
)
def test_base_updates_are_shown_as_additions(source: str) -> None:
    found = loop_cycles(thumb(source))
    assert found.cycles is not None
    assert found.cycles > 0
    assert found.note == "base updates shown as additions"


@needs_llvm_mca
def test_conditions_are_left_out() -> None:
    found = loop_cycles(thumb("cmp r0, r1; it gt; movgt.w r0, r1; it eq; addeq r2, #1"))
    assert found.cycles is not None
    assert found.note == "conditional instructions shown without their condition"


@needs_llvm_mca
@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("bl .", "calls and indirect branches"),
        ("bx lr", "calls and indirect branches"),
        ("pop {r4, pc}", "calls and indirect branches"),
        ("udf #0", "unknown instructions"),
        ("cpsid i", "unsupported instruction"),
    ],
)
def test_what_it_cannot_be_shown_has_no_cycles(source: str, why: str) -> None:
    found = loop_cycles(thumb(source))
    assert found.cycles is None
    assert why in found.note


def test_an_empty_loop_has_no_cycles() -> None:
    assert loop_cycles((), program="false").cycles is None


def _program(folder: Path, name: str, script: str) -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("kill -SEGV $$", "it crashed"),
        ("echo 'error: no such core' >&2; exit 1", "error: no such core"),
        ("exec sleep 5", "did not end within 0.2 s"),
        ("exit 0", "it crashed"),
    ],
)
def test_a_program_that_fails_gives_the_reason(tmp_path: Path, script: str, why: str) -> None:
    program = _program(tmp_path, "llvm-mca", script)
    found = loop_cycles(thumb("nop"), program=str(program), timeout_s=0.2)
    assert found.cycles is None
    assert why in found.note


def test_a_missing_program_gives_the_reason(tmp_path: Path) -> None:
    found = loop_cycles(thumb("nop"), program=str(tmp_path / "none"))
    assert found.cycles is None
    assert "could not be run" in found.note


def test_the_newest_program_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_llvm_mca() is None
    assert "not installed" in loop_cycles(()).note
    for number in (9, 14, 11):
        _program(tmp_path, f"llvm-mca-{number}", "exit 0")
    _program(tmp_path, "llvm-mca-15-old", "exit 0")
    assert find_llvm_mca() == str(tmp_path / "llvm-mca-14")
    plain = _program(tmp_path, "llvm-mca", "exit 0")
    assert find_llvm_mca() == str(plain)
