"""The registers of a core as a debugger numbers them.

Facts: Arm DDI 0403 (ARMv7-M), C1.6.3 (DCRSR).
"""

from __future__ import annotations

from qrig.backends.virtual.core.engine import Engine

_SPECIAL = 20
_NAMES = {
    **{number: f"r{number}" for number in range(13)},
    13: "sp",
    14: "lr",
    15: "pc",
    16: "xpsr",
    17: "msp",
    18: "psp",
    33: "fpscr",
    **{64 + number: f"s{number}" for number in range(32)},
}
_SPECIALS = ("primask", "basepri", "faultmask", "control")  # from the lowest byte


def read_register(engine: Engine, number: int, exception: int) -> int:
    """Return a register, 0 for a number that none has; `exception` is the one being handled."""
    if number == _SPECIAL:
        return sum((engine[name] & 0xFF) << 8 * index for index, name in enumerate(_SPECIALS))
    name = _NAMES.get(number)
    if name is None:
        return 0
    return engine[name] | (exception if name == "xpsr" else 0)


def write_register(engine: Engine, number: int, value: int) -> None:
    """Set a register; nothing happens for a number that none has."""
    if number == _SPECIAL:
        for index, name in enumerate(_SPECIALS):
            engine[name] = value >> 8 * index & 0xFF
    elif number in _NAMES:
        engine[_NAMES[number]] = value
