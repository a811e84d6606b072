"""What fault registers say in words."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qrig.link.fault import REGISTERS, causes_of, parse_fault, registers_text


def test_every_word_of_a_frame_has_its_name() -> None:
    payload = struct.pack("<H14I", 2, *range(100, 114))
    fault = parse_fault(payload)
    assert fault.stage == 2
    assert tuple(fault.registers) == REGISTERS
    assert list(fault.registers.values()) == list(range(100, 114))


@given(st.binary(max_size=80))
def test_a_frame_of_any_bytes_is_read(payload: bytes) -> None:
    fault = parse_fault(payload)
    assert len(fault.registers) == min(14, max(0, len(payload) - 2) // 4)
    assert isinstance(fault.causes, tuple)


@pytest.mark.parametrize(
    ("registers", "words"),
    [
        ({"cfsr": 1 << 9 | 1 << 15, "bfar": 0x6000_0000}, ["PRECISERR", "0x60000000"]),
        ({"cfsr": 1 << 1 | 1 << 7, "mmfar": 0x20}, ["DACCVIOL", "0x00000020"]),
        ({"cfsr": 1 << 12}, ["STKERR", "overflowed"]),
        ({"cfsr": 1 << 16}, ["UNDEFINSTR"]),
        ({"cfsr": 1 << 24 | 1 << 25}, ["UNALIGNED", "DIVBYZERO"]),
        ({"cfsr": 0, "hfsr": 1 << 1}, ["VECTTBL"]),
        ({"hfsr": 1 << 31}, ["DEBUGEVT"]),
    ],
)
def test_bits_are_explained(registers: dict[str, int], words: list[str]) -> None:
    text = "; ".join(causes_of(registers))
    assert all(word in text for word in words)


def test_no_bits_no_causes() -> None:
    assert causes_of({"cfsr": 0, "hfsr": 1 << 30}) == ()
    assert causes_of({}) == ()


def test_an_address_that_is_not_valid_is_not_told() -> None:
    assert causes_of({"cfsr": 1 << 9, "bfar": 0x1234})[0].endswith("(PRECISERR)")
    assert len(causes_of({"cfsr": 1 << 9, "bfar": 0x1234})) == 1


def test_registers_are_written_as_people_know_them() -> None:
    assert registers_text({"pc": 0x0800_0123, "lr": 1}) == "PC 0x08000123, LR 0x00000001"
