"""A second opinion on loops: llvm-mca's cycles per iteration on a Cortex-M7.

llvm-mca follows LLVM's scheduling model (ARMScheduleM7.td): it knows neither fetch nor memory, and
takes a base register that an access updates for available late, or crashes on it. Such an access is
shown to it as the plain one and an addition. Branches have no effect there; IT is left out.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from attrs import frozen

from qrig.measure.timing.instruction import (
    BRANCH,
    IT,
    LOAD_MULTIPLE,
    UNKNOWN,
    Instruction,
)

_NAME = "llvm-mca"
_NUMBERED = re.compile(rf"{_NAME}-(\d+)")
_ROUNDS = (100, 300)
_TOTAL = re.compile(r"Total Cycles:\s*(\d+)")
_POST_INDEXED = re.compile(r"(.*\[\w+\]), (#-?\w+)")
_PRE_INDEXED = re.compile(r"(.*\[\w+), (#-?\w+)\]!")
_LIST = re.compile(r"\{.*\}")
_END = ".Lend"


@frozen
class LoopCycles:
    """What llvm-mca says of a loop: cycles of one iteration, or None; `note` says what to know."""

    cycles: float | None
    note: str = ""


class _NotExpressible(Exception):  # noqa: N818  # no error for users: it never leaves this module
    """An instruction cannot be shown to llvm-mca; the text says why."""


def find_llvm_mca() -> str | None:
    """Return the path of llvm-mca, else of the newest llvm-mca-NN on PATH, or None."""
    found = shutil.which(_NAME)
    if found is not None:
        return found
    numbered = [
        (int(match.group(1)), str(path))
        for folder in os.get_exec_path()
        if Path(folder).is_dir()
        for path in Path(folder).glob(f"{_NAME}-*")
        if (match := _NUMBERED.fullmatch(path.name)) and os.access(path, os.X_OK)
    ]
    return max(numbered)[1] if numbered else None


def loop_cycles(
    instructions: Sequence[Instruction],
    *,
    core: str = "cortex-m7",
    program: str | None = None,
    timeout_s: float = 10.0,
) -> LoopCycles:
    """Return the cycles llvm-mca gives one iteration of a loop of these instructions, in order.

    Steady state: the difference between two numbers of iterations. `cycles` is None, with the
    reason in `note`, if llvm-mca is not installed, fails, or cannot be shown one of them.
    """
    found = program or find_llvm_mca()
    if found is None:
        return LoopCycles(None, "llvm-mca is not installed: apt-get install llvm")
    try:
        lines = [line for each in instructions for line in _assembly(each)]
    except _NotExpressible as error:
        return LoopCycles(None, str(error))
    if not lines:
        return LoopCycles(None, "no instructions")
    text = "\n".join([".syntax unified", ".thumb", *lines, f"{_END}:", ""])
    totals = []
    for rounds in _ROUNDS:
        total = _total_cycles(found, core, text, rounds, timeout_s)
        if isinstance(total, str):
            return LoopCycles(None, total)
        totals.append(total)
    cycles = (totals[1] - totals[0]) / (_ROUNDS[1] - _ROUNDS[0])
    return LoopCycles(cycles, _note(instructions))


def _note(instructions: Sequence[Instruction]) -> str:
    notes = []
    if any(each.write_back for each in instructions):
        notes.append("base updates shown as additions")
    if any(each.kind == IT for each in instructions):
        notes.append("conditional instructions shown without their condition")
    return ", ".join(notes)


def _total_cycles(program: str, core: str, text: str, rounds: int, timeout_s: float) -> int | str:
    """Return the cycles of so many iterations, or why there are none."""
    command = [
        program,
        "-mtriple=thumbv7em-none-eabi",
        f"-mcpu={core}",
        f"-iterations={rounds}",
        "-instruction-info=false",
        "-resource-pressure=false",
    ]
    try:
        result = subprocess.run(
            command, input=text, capture_output=True, text=True, timeout=timeout_s, check=False
        )
    except subprocess.TimeoutExpired:
        return f"llvm-mca did not end within {timeout_s:g} s"
    except OSError as error:
        return f"llvm-mca could not be run ({error.strerror})"
    total = _TOTAL.search(result.stdout)
    if result.returncode == 0 and total is not None:
        return int(total.group(1))
    complaint = next((line for line in result.stderr.splitlines() if "error" in line), "it crashed")
    return f"llvm-mca failed ({complaint.strip()[:120]})"


def _assembly(each: Instruction) -> Iterator[str]:
    """Yield the lines that show one instruction to llvm-mca."""
    if each.kind == IT:
        return
    if each.kind == UNKNOWN or each.indirect or (each.branch and "lr" in each.writes):
        what = "unknown instructions" if each.kind == UNKNOWN else "calls and indirect branches"
        raise _NotExpressible(f"llvm-mca cannot tell the cycles of {what} ({each.text})")
    mnemonic, _, operands = each.text.partition(" ")
    if each.predicated:
        base, dot, suffix = mnemonic.partition(".")
        mnemonic = f"{base[:-2]}{dot}{suffix}"  # without the two letters of its condition
    if each.kind == BRANCH:
        register, comma, _ = operands.rpartition(",")
        yield f"{mnemonic} {register}{comma} {_END}"
    elif each.write_back is None:
        yield f"{mnemonic} {operands}"
    else:
        yield from _updating(each, mnemonic, operands)


def _updating(each: Instruction, mnemonic: str, operands: str) -> Iterator[str]:
    """Yield an access without its base update, then the update as an addition."""
    base = each.write_back
    if "[" in operands:
        if post := _POST_INDEXED.fullmatch(operands):
            yield f"{mnemonic} {post.group(1)}"
            step = post.group(2)
        elif pre := _PRE_INDEXED.fullmatch(operands):
            yield f"{mnemonic} {pre.group(1)}, {pre.group(2)}]"
            step = pre.group(2)
        else:
            raise _NotExpressible(f"llvm-mca cannot be shown {each.text}")
        yield f"add {base}, {base}, {step}"
        return
    registers = _LIST.search(operands)
    if registers is None:
        raise _NotExpressible(f"llvm-mca cannot be shown {each.text}")
    floats = "v" if mnemonic.startswith("v") else ""
    plain = "ldm" if each.kind == LOAD_MULTIPLE else "stm"
    yield f"{floats}{plain} {base}, {registers.group()}"
    yield f"add {base}, {base}, #{4 * each.words}"
