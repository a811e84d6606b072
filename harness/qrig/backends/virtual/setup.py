"""What a virtual board is made to be: handed to its process as JSON."""

from __future__ import annotations

import json
from pathlib import Path

from attrs import asdict, field, frozen

from qrig.backends.virtual.faults import Faults, parse_faults


@frozen
class Setup:
    """A board: its chip, the USART that is wired to the port and by which pins, and its clock.

    `unique_id` is the chip's number: three words as hex digits, in order of address. `hse_hz` is
    None without an oscillator outside. `flash` is the file that holds the flash.
    """

    chip: str
    uart: str
    tx: str
    rx: str
    unique_id: str
    flash: Path
    hse_hz: int | None = None
    marker: str | None = None
    faults: Faults = field(factory=Faults)


def to_json(setup: Setup) -> str:
    """Return a setup as text."""
    return json.dumps(
        asdict(setup, recurse=False) | {"flash": str(setup.flash), "faults": str(setup.faults)}
    )


def from_json(text: str) -> Setup:
    """Return the setup that to_json wrote."""
    values = json.loads(text)
    return Setup(
        **values | {"flash": Path(values["flash"]), "faults": parse_faults(values["faults"])}
    )
