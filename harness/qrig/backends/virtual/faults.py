"""Faults that a virtual board shows on request.

As text: items separated by commas, each a name and, after `=`, its value, such as
`unplug=300,stuck-bit=0x08000150.3:1`. `QRIG_VIRTUAL_FAULTS` holds such a text.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import Any

from attrs import asdict, evolve, fields, frozen

from qrig.errors import UsageError

VARIABLE = "QRIG_VIRTUAL_FAULTS"
"""The environment variable that holds the faults of all virtual boards."""

_STUCK = re.compile(r"(0x[0-9a-fA-F]+|\d+)\.([0-7]):([01])")


@frozen
class StuckBit:
    """A bit of flash that always reads `value`, by the address of its byte."""

    address: int
    bit: int
    value: int

    def __str__(self) -> str:
        """Return it as it is written."""
        return f"{self.address:#010x}.{self.bit}:{self.value}"


@frozen
class Faults:
    """What is wrong with a virtual board; nothing unless said.

    Of the probe (transfers are counted from 1, over all sessions): `transfer_error` and
    `transfer_timeout` fail once, at `unplug` it is gone for good, `connect_fails` is how many
    connections fail first.

    Of the flash: `stuck_bits`, `erase_failures` (sector numbers), `write_protected` (likewise),
    `read_protected` (level 1), `algorithm_hangs` (flash algorithms never end).

    Of the firmware: it hangs in inference number `hang_inference` from power-up (with `hangs_again`
    in all later ones too), or `hang_after_s` seconds after a reset.

    Of the UART, one byte in so many is lost or has a bit turned: `rx_drop` and `rx_garble` on the
    way to the board, `tx_drop` and `tx_garble` on the way from it.

    Of the chip: `unique_id` is another number than its own. `no_cycle_counter`: CYCCNT stands
    still. `no_hse`: the oscillator outside does not start. `power_dip`: it loses power after so
    many instructions.
    """

    transfer_error: int | None = None
    transfer_timeout: int | None = None
    unplug: int | None = None
    connect_fails: int = 0
    stuck_bits: tuple[StuckBit, ...] = ()
    erase_failures: tuple[int, ...] = ()
    write_protected: tuple[int, ...] = ()
    read_protected: bool = False
    algorithm_hangs: bool = False
    hang_inference: int | None = None
    hangs_again: bool = False
    hang_after_s: float | None = None
    rx_drop: int | None = None
    rx_garble: int | None = None
    tx_drop: int | None = None
    tx_garble: int | None = None
    unique_id: str | None = None
    no_cycle_counter: bool = False
    no_hse: bool = False
    power_dip: int | None = None

    def __str__(self) -> str:
        """Return the text that parse_faults reads."""
        items: list[str] = []
        for name, value in asdict(self, recurse=False).items():
            word = _WORDS.get(name, name.replace("_", "-"))
            if isinstance(value, tuple):
                items += [f"{word}={item}" for item in value]
            elif value is True:
                items.append(word)
            elif value not in (None, False, 0):
                items.append(f"{word}={value}")
        return ",".join(items)


_WORDS = {"stuck_bits": "stuck-bit", "erase_failures": "erase-fails"}


def parse_faults(text: str) -> Faults:
    """Return the faults that a text names; raises UsageError with those there are."""
    faults = Faults()
    for item in filter(None, (part.strip() for part in text.split(","))):
        word, _, value = item.partition("=")
        name = _NAMES.get(word)
        if name is None:
            raise UsageError(
                f"expected a fault of a virtual board ({', '.join(sorted(_NAMES))}), found "
                f"{word!r}; correct the text"
            )
        try:
            read = _READERS[name](value)
        except ValueError as error:
            raise UsageError(
                f"expected a value that the fault {word!r} can have, found {value!r}; correct it"
            ) from error
        old = getattr(faults, name)
        change: dict[str, Any] = {name: (*old, read) if isinstance(old, tuple) else read}
        faults = evolve(faults, **change)
    return faults


def requested_faults() -> Faults:
    """Return the faults of QRIG_VIRTUAL_FAULTS; raises UsageError."""
    return parse_faults(os.environ.get(VARIABLE, ""))


def _count(text: str) -> int:
    value = int(text, 0)
    if value < 1:
        raise ValueError(text)
    return value


def _sector(text: str) -> int:
    value = int(text, 0)
    if not 0 <= value < 32:
        raise ValueError(text)
    return value


def _seconds(text: str) -> float:
    value = float(text)
    if not value >= 0:
        raise ValueError(text)
    return value


def _flag(text: str) -> bool:
    if text:
        raise ValueError(text)
    return True


def _stuck_bit(text: str) -> StuckBit:
    match = _STUCK.fullmatch(text)
    if match is None:
        raise ValueError(text)
    return StuckBit(int(match[1], 0), int(match[2]), int(match[3]))


def _unique_id(text: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{24}", text):
        raise ValueError(text)
    return text


_SPECIAL: dict[str, Callable[[str], Any]] = {
    "stuck_bits": _stuck_bit,
    "erase_failures": _sector,
    "write_protected": _sector,
    "hang_after_s": _seconds,
    "unique_id": _unique_id,
}


def _reader_of(name: str, default: object) -> Callable[[str], Any]:
    return _SPECIAL.get(name, _flag if default is False else _count)


_READERS = {entry.name: _reader_of(entry.name, entry.default) for entry in fields(Faults)}
_NAMES = {_WORDS.get(name, name.replace("_", "-")): name for name in _READERS}
