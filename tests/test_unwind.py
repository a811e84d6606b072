"""Backtraces of a core that is stopped in the middle of calls, on code the compiler made."""

import subprocess
from pathlib import Path

import pytest

from qrig.build.image import read_image
from qrig.build.toolchain import find_tool
from qrig.build.unwind import CallFrame, Unwinder
from thumb_core import run_to

SOURCE = """
volatile int sink[16];
__attribute__((noinline)) void innermost(int n) {
    sink[n & 15] = n;
    __asm volatile("stop_here: nop");
}
void from_assembly(int n);
__attribute__((noinline)) int middle(int n) {
    volatile int local[20];
    for (int i = 0; i < 20; i++) local[i] = n + i;
    if (n & 1) from_assembly(n); else innermost(n);
    return local[n & 7];
}
__attribute__((noinline)) int outer(int n) {
    int sum = 0;
    for (int i = 0; i < n; i++) sum += middle(n) + sink[i & 15];
    return sum;
}
void start(void) {
    sink[0] = outer(sink[1] ? 3 : PARITY);
    for (;;) {}
}
"""

ASSEMBLY = """
.syntax unified
.thumb
.text
.global from_assembly
.thumb_func
.type from_assembly, %function
from_assembly:
    push {r4, r5, lr}
    sub sp, #16
    bl innermost
    add sp, #16
    pop {r4, r5, pc}
.size from_assembly, . - from_assembly
"""


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    folder = tmp_path_factory.mktemp("unwind")
    (folder / "calls.c").write_text(SOURCE)
    (folder / "jump.S").write_text(ASSEMBLY)
    elves = {}
    for parity in (2, 3):
        elves[parity] = folder / f"calls{parity}"
        subprocess.run(
            [find_tool("arm-none-eabi-gcc"), "-mcpu=cortex-m4", "-mthumb", "-O2", "-g", "-nostdlib",
             f"-DPARITY={parity}", "-Wl,-Ttext=0x08000000", "-Wl,-Tbss=0x20000000", "-e", "start",
             folder / "calls.c", folder / "jump.S", "-o", elves[parity]],
            check=True,
        )  # fmt: skip
    return elves


def backtrace(elf: Path, stack_bytes: int) -> tuple[CallFrame, ...]:
    image = read_image(elf)
    symbol = image.find_symbol("stop_here")
    start = image.find_symbol("start")
    assert symbol is not None
    assert start is not None
    registers, stack = run_to(image.segments, start.address, symbol.address)
    return Unwinder(image).unwind(registers, stack[:stack_bytes])


def test_calls_are_followed_by_the_compilers_notes(programs: dict[int, Path]) -> None:
    frames = backtrace(programs[2], 1024)
    assert [frame.function for frame in frames] == ["innermost", "middle", "outer", "start"]
    assert not any(frame.is_guess for frame in frames)
    lines = SOURCE.splitlines()
    assert "stop_here" in lines[(frames[0].line or 0) - 1]
    assert "innermost(n)" in lines[(frames[1].line or 0) - 1]
    assert "middle(n)" in lines[(frames[2].line or 0) - 1]
    assert str(frames[0]).startswith("innermost (calls.c:")


def test_assembly_without_notes_is_passed_by_looking(programs: dict[int, Path]) -> None:
    frames = backtrace(programs[3], 1024)
    names = [frame.function for frame in frames]
    assert names == ["innermost", "from_assembly", "middle", "outer", "start"]
    assert [frame.is_guess for frame in frames] == [False, False, True, False, False]


@pytest.mark.parametrize("stack_bytes", [0, 4, 40, 100])
def test_a_stack_that_ends_early_ends_the_backtrace(
    programs: dict[int, Path], stack_bytes: int
) -> None:
    whole = backtrace(programs[3], 1024)
    frames = backtrace(programs[3], stack_bytes)
    assert frames == whole[: len(frames)]
    assert 0 < len(frames) < len(whole)


def test_a_broken_stack_ends(programs: dict[int, Path]) -> None:
    image = read_image(programs[2])
    middle = image.find_symbol("middle")
    assert middle is not None
    registers = {"pc": middle.address + 12, "sp": 0x2000_0000, "lr": middle.address | 1}
    frames = Unwinder(image).unwind(registers, bytes(range(256)) * 4)
    assert frames[0].function == "middle"
    assert len(frames) <= 32
