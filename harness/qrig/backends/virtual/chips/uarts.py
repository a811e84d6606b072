"""The USARTs of F4 and F7, which lie at the same places in both families.

Facts: RM0090 tables 1 (memory map), 42 and 43 (DMA requests), 62 (vectors), sections 7.3.13 and
7.3.14 (clock enable); RM0385 and RM0410 have the same, and the clock selectors in RCC_DCKCFGR2.
"""

from __future__ import annotations

from qrig.backends.virtual.chips.chip import DmaRequest, Gate, UartPlace

APB1ENR, APB2ENR = 0x40, 0x44
"""Offsets of the clock enable registers in RCC."""


def _on(*places: tuple[int, int, int]) -> tuple[DmaRequest, ...]:
    return tuple(DmaRequest(*place) for place in places)


USART1 = UartPlace(
    0x4001_1000, 37, Gate(APB2ENR, 4), 2, _on((2, 2, 4), (2, 5, 4)), _on((2, 7, 4)), 0
)
USART2 = UartPlace(0x4000_4400, 38, Gate(APB1ENR, 17), 1, _on((1, 5, 4)), _on((1, 6, 4)), 2)
USART3 = UartPlace(
    0x4000_4800, 39, Gate(APB1ENR, 18), 1, _on((1, 1, 4)), _on((1, 3, 4), (1, 4, 7)), 4
)
UART4 = UartPlace(0x4000_4C00, 52, Gate(APB1ENR, 19), 1, _on((1, 2, 4)), _on((1, 4, 4)), 6)
UART5 = UartPlace(0x4000_5000, 53, Gate(APB1ENR, 20), 1, _on((1, 0, 4)), _on((1, 7, 4)), 8)
USART6 = UartPlace(
    0x4001_1400, 71, Gate(APB2ENR, 5), 2, _on((2, 1, 5), (2, 2, 5)), _on((2, 6, 5), (2, 7, 5)), 10
)
UART7 = UartPlace(0x4000_7800, 82, Gate(APB1ENR, 30), 1, _on((1, 3, 5)), _on((1, 1, 5)), 12)
UART8 = UartPlace(0x4000_7C00, 83, Gate(APB1ENR, 31), 1, _on((1, 6, 5)), _on((1, 0, 5)), 14)

SIX = {
    "usart1": USART1,
    "usart2": USART2,
    "usart3": USART3,
    "uart4": UART4,
    "uart5": UART5,
    "usart6": USART6,
}
"""What every F4 and F7 of this package has."""

EIGHT = SIX | {"uart7": UART7, "uart8": UART8}
"""What all but the F40x have."""
