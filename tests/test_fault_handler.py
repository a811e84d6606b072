"""Faults of a firmware on an emulated core: the handler tells where and why, whatever broke."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import attrs
import pytest
from elftools.elf.elffile import ELFFile

from qrig.build import Deployment
from qrig.build.image import read_image
from qrig.codegen.budget import STACK_BYTES, STACK_RESERVE_BYTES
from qrig.errors import FirmwareFaultError
from qrig.link.fault import REGISTERS
from qrig.runs.deployed import LOGITS, Deployed
from qrig.runs.targets import find_target
from tiny_deployment import tiny_deployment, tiny_pixels

_TARGETS = ["mps2-an386@qemu", "mps2-an500@qemu"]
_DACCVIOL, _MSTKERR, _PRECISERR, _STKERR = 1 << 1, 1 << 4, 1 << 9, 1 << 12
_UNDEFINSTR, _UNALIGNED, _DIVBYZERO = 1 << 16, 1 << 24, 1 << 25
_FORCED = 1 << 30
_PATCHED = "network_run"

# Thumb code that is put in place of the network; r7 says what the registers must be.
_SET_REGISTERS = "0120 0221 0322 0423 2027"  # movs r0, #1 ... movs r3, #4; movs r7, #32
_BAD_POINTER = _SET_REGISTERS + " 4ff0 e044 2068"  # mov.w r4, #0x70000000; ldr r0, [r4]
_DIVISION = _SET_REGISTERS + " 0024 009e b0fb f4f0"  # movs r4, #0; ldr r6, [sp]; udiv r0, r0, r4
_UNALIGNED_PAIR = _SET_REGISTERS + " 0124 d4e9 0056"  # movs r4, #1; ldrd r5, r6, [r4]
_UNDEFINED = _SET_REGISTERS + " 00de"  # udf #0
_ENDLESS_RECURSION = "ffb5 fde7"  # push {r0-r7, lr}; b the push
_LOST_STACK = "0020 8546 01b4"  # movs r0, #0; mov sp, r0; push {r0}


def _patched(target: str, code: str, folder: Path) -> Deployment:
    """Return the tiny deployment with `code` where its network was."""
    deployment = tiny_deployment(target)
    elf = folder / "firmware"
    shutil.copy(deployment.elf, elf)
    address = _address(deployment.elf)
    with elf.open("r+b") as stream:
        segments = [
            segment for segment in ELFFile(stream).iter_segments() if segment["p_type"] == "PT_LOAD"
        ]
        segment = next(
            one for one in segments if one["p_vaddr"] <= address < one["p_vaddr"] + one["p_filesz"]
        )
        stream.seek(segment["p_offset"] + address - segment["p_vaddr"])
        stream.write(bytes.fromhex(code))
    return attrs.evolve(deployment, elf=elf)


def _address(elf: Path) -> int:
    symbol = read_image(elf).find_symbol(_PATCHED)
    assert symbol is not None
    return symbol.address


def _crash(target: str, code: str, folder: Path) -> FirmwareFaultError:
    with (
        pytest.raises(FirmwareFaultError) as caught,
        Deployed(find_target(target), _patched(target, code, folder)) as deployed,
    ):
        deployed.run(tiny_pixels(), LOGITS)
    return caught.value


def _stack(target: str) -> range:
    memory = find_target(target).board.memory
    assert memory is not None
    return range(memory.data.origin, memory.data.origin + STACK_BYTES + 1)


@pytest.fixture(autouse=True)
def _needs_qemu() -> None:
    target = find_target(_TARGETS[0])
    if reason := target.backend.unavailable(target.board):
        pytest.skip(reason)


@pytest.mark.parametrize("target", _TARGETS)
@pytest.mark.parametrize(
    ("code", "cause", "offset"),
    [
        (_BAD_POINTER, _PRECISERR, 14),
        (_DIVISION, _DIVBYZERO, 14),
        (_UNALIGNED_PAIR, _UNALIGNED, 12),
        (_UNDEFINED, _UNDEFINSTR, 10),
    ],
    ids=["bad pointer", "division", "unaligned", "undefined"],
)
def test_a_fault_is_told_with_its_registers(
    tmp_path: Path, target: str, code: str, cause: int, offset: int
) -> None:
    error = _crash(target, code, tmp_path)
    found: Mapping[str, int] = error.registers
    assert tuple(found) == REGISTERS
    assert found["cfsr"] & cause
    assert found["hfsr"] & _FORCED
    assert found["pc"] == _address(tiny_deployment(target).elf) + offset
    assert [found[name] for name in ("r1", "r2", "r3")] == [2, 3, 4]
    assert found["sp"] in _stack(target)
    assert found["exc_return"] >> 5 == 0xFFFFFFFF >> 5
    assert error.stage == 0
    assert _PATCHED in str(error)
    if code == _BAD_POINTER:
        assert found["bfar"] == 0x7000_0000


@pytest.mark.parametrize("target", _TARGETS)
@pytest.mark.parametrize(
    ("code", "causes", "place"),
    [
        (_ENDLESS_RECURSION, (_DACCVIOL, _MSTKERR), range(-32, STACK_RESERVE_BYTES)),
        (_LOST_STACK, (_STKERR,), None),
    ],
    ids=["overflow", "no stack"],
)
def test_a_fault_without_a_stack_is_told_as_well(
    tmp_path: Path, target: str, code: str, causes: tuple[int, ...], place: range | None
) -> None:
    error = _crash(target, code, tmp_path)
    assert all(error.registers["cfsr"] & cause for cause in causes)
    offset = error.registers["sp"] - _stack(target).start
    assert offset in place if place is not None else offset not in range(STACK_BYTES)
    assert error.stage == 0


@pytest.mark.parametrize("target", _TARGETS)
def test_the_caller_of_what_overflowed_is_guessed(tmp_path: Path, target: str) -> None:
    error = _crash(target, _ENDLESS_RECURSION, tmp_path)
    image = read_image(tiny_deployment(target).elf)
    caller = image.function_at(error.registers["lr"] & ~1)
    assert caller is not None
    assert caller in ("run", "inference_run")  # which of them depends on what is inlined
