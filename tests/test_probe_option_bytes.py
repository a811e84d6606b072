"""Option bytes: read protection and write protection of every family, from its registers."""

import pytest

from qrig.backends.probe.option_bytes import read_option_bytes

_OPTCR, _OPTCR1 = 0x4002_3C14, 0x4002_3C18
_L4 = {0x4002_2020: 0xFFEF_F8AA, **dict.fromkeys((0x4002_202C, 0x4002_2030), 0x0000_00FF)}
_L4 |= dict.fromkeys((0x4002_204C, 0x4002_2050), 0x0000_00FF)
_H7 = {0x5200_201C: 0x1026_AA90, 0x5200_2038: 0xFF, 0x5200_2138: 0xFF}

Registers = dict[int, int]


@pytest.mark.parametrize(
    ("family", "device_id", "registers", "level", "closed", "divided"),
    [
        ("f7", 0x449, {_OPTCR: 0xC0FF_AAFD}, 0, (), False),
        ("f7", 0x449, {_OPTCR: 0xC0FC_AAFD}, 0, ("sector 0", "sector 1"), False),
        ("f7", 0x449, {_OPTCR: 0xC0FF_55FD}, 1, (), False),
        ("f7", 0x449, {_OPTCR: 0xC0FF_CCFD}, 2, (), False),
        ("f7", 0x451, {_OPTCR: 0xFFFF_AAFD}, 0, (), False),
        ("f7", 0x451, {_OPTCR: 0xD7FF_AAFD}, 0, ("sector 11",), True),
        ("f4", 0x413, {_OPTCR: 0x07FF_AAED}, 0, ("sector 11",), False),
        ("f4", 0x419, {_OPTCR: 0x0FFF_AAED, _OPTCR1: 0x0FFD_0000}, 0, ("sector 13",), False),
        ("l4", 0x470, _L4, 0, (), False),
        ("l4", 0x470, _L4 | {0x4002_2020: 0xFFEF_F8BB}, 1, (), False),
        ("l4", 0x470, _L4 | {0x4002_204C: 3 << 16 | 1}, 0, ("pages 1 to 3 of bank 2",), False),
        ("h7", 0x450, _H7, 0, (), False),
        ("h7", 0x450, _H7 | {0x5200_2138: 0xFB}, 0, ("sector 10",), False),
        ("h7", 0x450, _H7 | {0x5200_201C: 0x1026_0090}, 1, (), False),
    ],
)
def test_protections_are_read(
    family: str,
    device_id: int,
    registers: Registers,
    level: int,
    closed: tuple[str, ...],
    divided: bool,
) -> None:
    found = read_option_bytes(family, device_id, registers.__getitem__)
    assert (found.level, found.closed, found.is_divided) == (level, closed, divided)
    assert f"RDP level {level}" in str(found)
    assert (closed[0] if closed else "none") in str(found)
