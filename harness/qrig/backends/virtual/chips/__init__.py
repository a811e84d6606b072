"""The microcontrollers that there is a virtual board of."""

from __future__ import annotations

from qrig.backends.virtual.chips.chip import VirtualChip
from qrig.backends.virtual.chips.stm32f4 import STM32F407, STM32F429
from qrig.backends.virtual.chips.stm32f7 import STM32F746, STM32F767

_CHIPS = {chip.name: chip for chip in (STM32F407, STM32F429, STM32F746, STM32F767)}


def chip_names() -> tuple[str, ...]:
    """Return the names of all chips."""
    return tuple(_CHIPS)


def find_chip(device: str) -> VirtualChip | None:
    """Return the chip of a part name such as "stm32f746zg", None if there is none."""
    return next((chip for name, chip in _CHIPS.items() if device.lower().startswith(name)), None)
