"""Virtual boards in front of pyOCD's own sessions, for the tests of them."""

import io
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pyocd.core.session import Session
from pyocd.flash.file_programmer import FileProgrammer

from qrig.backends.virtual.board import VirtualBoard
from qrig.backends.virtual.faults import Faults
from qrig.backends.virtual.setup import Setup
from virtual_machines import F4, F767, UNIQUE_ID, assemble

FLASH = 0x0800_0000
TARGETS = {F4: "stm32f429xi", F767: "stm32f767zi"}
"""Chips that pyOCD knows by itself, and what it calls them."""

COUNTS = assemble(
    ".thumb_func\nreset: ldr r1, =0x20001000; movs r0, #0; 1: adds r0, #1; str r0, [r1]; b 1b"
)
"""A firmware that counts at 0x20001000."""


def image(size: int = 40_000, seed: int = 1) -> bytes:
    """Return a firmware that counts, and data that cannot be compressed."""
    return COUNTS + random.Random(seed).randbytes(size - len(COUNTS))


class Bench:
    """A board whose flash is a file, and sessions with it."""

    def __init__(self, folder: Path, chip: str, faults: Faults | None = None) -> None:
        self.flash = folder / "flash"
        self.chip = chip
        setup = Setup(
            chip,
            "usart3",
            "PD8",
            "PD9",
            UNIQUE_ID,
            self.flash,
            8_000_000,
            faults=faults or Faults(),
        )
        self.board = VirtualBoard(setup, "test-1", "virtual test")

    @contextmanager
    def session(self, mode: str = "halt", **options: Any) -> Iterator[Session]:
        """Open a session of pyOCD's."""
        chosen = {
            "target_override": TARGETS[self.chip],
            "connect_mode": mode,
            "no_config": True,
            "hide_programming_progress": True,
            "chip_erase": "sector",
        }
        with Session(self.board.probe(), options=chosen | options) as session:
            yield session

    def program(self, image: bytes, **options: Any) -> None:
        """Write a firmware through pyOCD."""
        with self.session(**options) as session:
            FileProgrammer(session).program(io.BytesIO(image), "bin", base_address=FLASH)
            session.target.reset()


@contextmanager
def bench_of(folder: Path, chip: str, faults: Faults | None = None) -> Iterator[Bench]:
    bench = Bench(folder, chip, faults)
    try:
        yield bench
    finally:
        bench.board.stop()
