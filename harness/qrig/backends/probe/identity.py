"""Whether probe, chip and serial port are of one and the same board, and of the right one.

A pure decision from what was seen, made before anything is erased. That the firmware then answers
with the chip's number is checked when the link is opened.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from qrig.backends.probe.instance import Instance
from qrig.boards.board import Board
from qrig.boards.chip import Chip

_DEVICE_MASK = 0xFFF


@frozen
class Sighting:
    """What was seen of a board.

    `idcode` is DBGMCU_IDCODE, None if the chip has nothing at that address. The rest is of a chip
    with the right one: `unique_id` its number as 24 hex digits, `flash_bytes` what it says of its
    flash. `port_probe_id` is the probe that the serial port is a part of, None if it is of none
    that is known.
    """

    idcode: int | None
    unique_id: str = ""
    flash_bytes: int = 0
    port_probe_id: str | None = None


def find_mismatch(board: Board, chip: Chip, expected: Instance, seen: Sighting) -> str | None:
    """Return the sentence that says what does not belong to `expected`, None if all does."""
    if not is_of_kind(seen.idcode, chip):
        other = "none" if seen.idcode is None else f"{seen.idcode & _DEVICE_MASK:#05x}"
        return (
            f"{expected.name}: expected a chip with device id {chip.device_id:#05x} for "
            f"{board.name}, found {other} at probe {expected.probe_id}; nothing was "
            "flashed: name the probe of the right board in lab.toml"
        )
    if expected.unique_id is not None and seen.unique_id != expected.unique_id:
        return (
            f"{expected.name}: expected the chip {expected.unique_id} that lab.toml names, found "
            f"{seen.unique_id} at probe {expected.probe_id}; nothing was flashed: exchange the "
            "probes, or correct lab.toml"
        )
    if seen.port_probe_id is not None and not same_probe(seen.port_probe_id, expected.probe_id):
        return (
            f"{expected.name}: expected the serial port of probe {expected.probe_id}, found that "
            f"{expected.port} is that of probe {seen.port_probe_id}; nothing was flashed: exchange "
            "the ports in lab.toml, or leave them out"
        )
    if seen.flash_bytes < chip.flash_bytes:
        return (
            f"{expected.name}: expected {chip.flash_bytes:,} bytes of flash for {board.name}, "
            f"found a chip with {seen.flash_bytes:,}; nothing was flashed: choose the right board"
        )
    return None


def is_of_kind(idcode: int | None, chip: Chip) -> bool:
    """Whether DBGMCU_IDCODE is that of a `chip`."""
    return idcode is not None and idcode & _DEVICE_MASK == chip.device_id


def unique_id_text(words: Sequence[int]) -> str:
    """Return three words, in order of address, as 24 lower-case hex digits."""
    return "".join(f"{word:08x}" for word in words)


def same_probe(one: str, other: str) -> bool:
    """Whether two ids name one probe."""
    return one.casefold() == other.casefold()
