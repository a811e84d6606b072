"""The flash controller of a virtual board, through its registers as a debugger reaches them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from property_runs import tried
from qrig.backends.virtual.chips import find_chip
from qrig.backends.virtual.core.engine import NoMemoryError
from qrig.backends.virtual.faults import Faults, StuckBit
from qrig.backends.virtual.machine import Machine
from virtual_machines import F4, F7, F407, F767, assemble, attach, machine, read32, run, write32

FLASH = 0x0800_0000
KEYR, SR, CR, OPTCR, OPTCR1, OPTKEYR = (
    0x4002_3C04,
    0x4002_3C0C,
    0x4002_3C10,
    0x4002_3C14,
    0x4002_3C18,
    0x4002_3C08,
)
PG, SER, MER, STRT, LOCK = 1 << 0, 1 << 1, 1 << 2, 1 << 16, 1 << 31
WORD = 2 << 8
EOP, WRPERR, PGPERR, PGSERR, BSY = 1 << 0, 1 << 4, 1 << 6, 1 << 7, 1 << 16
CHIPS = [F4, F407, F7, F767]


def _unlock(made: Machine) -> None:
    write32(made, KEYR, 0x4567_0123)
    write32(made, KEYR, 0xCDEF_89AB)
    assert not read32(made, CR) & LOCK


def _status(made: Machine) -> int:
    """Return the error bits once nothing is going on, and clear them."""
    for _ in range(10):
        status = read32(made, SR)
        if not status & BSY:
            write32(made, SR, status)
            return status & ~EOP
    raise AssertionError("busy for ever")


def _program(made: Machine, address: int, value: int) -> int:
    write32(made, CR, PG | WORD)
    write32(made, address, value)
    write32(made, CR, 0)
    return _status(made)


def _erase(made: Machine, number: int) -> int:
    write32(made, CR, SER | number << 3)
    write32(made, CR, SER | number << 3 | STRT)
    status = _status(made)
    write32(made, CR, 0)
    return status


@pytest.mark.parametrize("chip", CHIPS)
def test_sectors_cover_the_flash_and_each_is_erased_alone(chip: str) -> None:
    description = find_chip(chip)
    assert description is not None
    made = machine(b"\0" * description.flash_bytes, chip)
    _unlock(made)
    place = 0
    for sector in description.sectors:
        assert sector.offset == place
        place += sector.size_bytes
        first, last = FLASH + sector.offset, FLASH + place - 4
        assert read32(made, first) == read32(made, last) == 0
        assert _erase(made, sector.number) == 0
        assert read32(made, first) == read32(made, last) == 0xFFFF_FFFF
        if place < description.flash_bytes:
            assert read32(made, FLASH + place) == 0
    assert place == description.flash_bytes


@given(st.lists(st.integers(0, 0xFFFF_FFFF), min_size=1, max_size=8))
@tried(15)
def test_programming_only_clears_bits(values: list[int]) -> None:
    made = machine()
    _unlock(made)
    expected = 0xFFFF_FFFF
    for value in values:
        assert _program(made, FLASH + 0x1000, value) == 0
        expected &= value
        assert read32(made, FLASH + 0x1000) == expected
    assert read32(made, FLASH + 0xFFC) == read32(made, FLASH + 0x1004) == 0xFFFF_FFFF


def test_nothing_is_written_while_locked_or_without_pg_or_in_another_width() -> None:
    made = machine()
    write32(made, CR, PG | WORD)
    assert read32(made, CR) == LOCK
    write32(made, FLASH, 0)
    assert _status(made) == PGSERR
    _unlock(made)
    write32(made, FLASH, 0)
    assert _status(made) == PGSERR
    write32(made, CR, PG | 1 << 8)
    write32(made, FLASH, 0)
    assert _status(made) == PGPERR
    made.write(FLASH, 2, b"\x00\x01")
    assert _status(made) == 0
    assert read32(made, FLASH) == 0xFFFF_0100


def test_a_wrong_key_leaves_it_locked() -> None:
    made = machine()
    write32(made, KEYR, 0x4567_0123)
    write32(made, KEYR, 0x1234_5678)
    write32(made, KEYR, 0xCDEF_89AB)
    assert read32(made, CR) & LOCK
    _unlock(made)
    write32(made, CR, LOCK)
    assert read32(made, CR) & LOCK


def test_a_mass_erase_takes_one_bank_or_both() -> None:
    made = machine(b"\0" * 0x20_0000, F4)
    _unlock(made)
    write32(made, CR, MER | STRT)
    assert _status(made) == 0
    assert read32(made, FLASH + 0xF_FFFC) == 0xFFFF_FFFF
    assert read32(made, FLASH + 0x10_0000) == 0
    write32(made, CR, 1 << 15 | STRT)
    assert _status(made) == 0
    assert read32(made, FLASH + 0x1F_FFFC) == 0xFFFF_FFFF


def test_a_protected_or_broken_sector_is_not_erased() -> None:
    faults = Faults(write_protected=(1,), erase_failures=(2,))
    made = machine(b"\0" * 0x4_0000, faults=faults)
    _unlock(made)
    assert _erase(made, 1) == WRPERR
    assert _erase(made, 2) == WRPERR
    assert _erase(made, 3) == 0
    assert read32(made, FLASH + 0x8000) == read32(made, FLASH + 0x1_0000) == 0
    assert read32(made, OPTCR) >> 16 & 0xFF == 0b1111_1101
    assert _program(made, FLASH + 0x8000, 0) == WRPERR


def test_a_sector_that_is_none_is_an_error() -> None:
    made = machine()
    _unlock(made)
    assert _erase(made, 8) == PGSERR


def test_a_stuck_bit_has_its_value_whatever_is_done() -> None:
    bits = (StuckBit(FLASH + 0x101, 3, 1), StuckBit(FLASH + 0x108, 0, 0))
    made = machine(faults=Faults(stuck_bits=bits))
    _unlock(made)
    assert _program(made, FLASH + 0x100, 0) == 0
    assert read32(made, FLASH + 0x100) == 0x0000_0800
    assert read32(made, FLASH + 0x108) == 0xFFFF_FFFE
    assert _erase(made, 0) == 0
    assert read32(made, FLASH + 0x108) == 0xFFFF_FFFE


def test_read_protection_keeps_a_debugger_out() -> None:
    made = machine(b"\0" * 64, faults=Faults(read_protected=True))
    assert read32(made, OPTCR) >> 8 & 0xFF != 0xAA
    for address in (FLASH, 0x0020_0000):
        with pytest.raises(NoMemoryError):
            read32(made, address)
    _unlock(made)
    assert _erase(made, 0) == WRPERR


def test_option_bytes_need_their_own_keys() -> None:
    made = machine(chip=F4)
    before = read32(made, OPTCR)
    write32(made, OPTCR, 0)
    assert read32(made, OPTCR) == before
    write32(made, OPTKEYR, 0x0819_2A3B)
    write32(made, OPTKEYR, 0x4C5D_6E7F)
    write32(made, OPTCR, 0x0FFE_AAEC)
    assert read32(made, OPTCR) == 0x0FFE_AAEC


def test_the_core_programs_as_the_controller_allows() -> None:
    source = f"""
.thumb_func
reset: ldr r4, ={KEYR}; ldr r0, =0x45670123; str r0, [r4]; ldr r0, =0xCDEF89AB; str r0, [r4]
    ldr r5, ={FLASH + 0x8000}; ldr r6, ={CR}; ldr r7, ={SR}
    movs r0, #0; str r0, [r5]           @ without PG
    ldr r8, [r7]; ldr r9, [r5]
    movw r0, #0x201; str r0, [r6]
    ldr r0, =0xFFFF00FF; str r0, [r5]; ldr r1, [r7]
    ldr r0, =0x12345678; str r0, [r5]; ldr r1, [r7]
    ldr r2, [r5]; bkpt
"""
    made = machine(assemble(source))
    attach(made)
    core = run(made)
    assert core.is_halted
    assert core.engine["r8"] & PGSERR
    assert core.engine["r9"] == 0xFFFF_FFFF
    assert core.engine["r2"] == 0x1234_0078
    assert read32(made, FLASH + 0x8000) == 0x1234_0078


def test_code_that_was_programmed_anew_is_what_is_executed() -> None:
    made = machine(assemble(".thumb_func\nreset: movs r0, #1; wfi; b ."))
    run(made)
    assert made.chip.engine["r0"] == 1
    _unlock(made)
    assert _erase(made, 0) == 0
    image = assemble(".thumb_func\nreset: movs r0, #2; wfi; b .")
    image += b"\xff" * (-len(image) % 4)
    for offset in range(0, len(image), 4):
        word = int.from_bytes(image[offset : offset + 4], "little")
        assert _program(made, FLASH + offset, word) == 0
    made.power_up()
    run(made)
    assert made.chip.engine["r0"] == 2
