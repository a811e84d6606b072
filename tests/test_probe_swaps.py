"""Three boards whose probes and ports get swapped: no chip is flashed but the one that is meant."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

pytest.importorskip("pyocd")
pytest.importorskip("unicorn")

from full_runs import FULL_RUN
from probe_firmware import ProbeFirmware, build_probe_firmware
from probed_boards import PATIENT, flash_file, flash_holds
from qrig.backends.probe import ProbeBackend
from qrig.backends.probe.instance import Instance
from qrig.backends.probe.source import Limits
from qrig.backends.virtual.faults import Faults
from qrig.backends.virtual_backend import VirtualAttachment, VirtualSource
from qrig.boards import Board, find_board
from qrig.deadline import Deadline
from qrig.errors import WrongBoardError

_KINDS = {"left": "nucleo-f746", "right": "nucleo-f746", "other": "nucleo-f429"}
_BUILDS = ("0000000000000001", "0000000000000002")


@frozen
class _Plug:
    """One board's probe, and another's port perhaps."""

    probed: VirtualAttachment
    ported: VirtualAttachment
    owner: str | None
    limits: Limits = PATIENT
    ends_with_run: bool = True  # the bench lets go of it
    power_cycle: Callable[[Deadline], None] | None = None

    def probe(self) -> Any:
        return self.probed.probe()

    def port_url(self) -> str:
        return self.ported.port_url()

    def port_probe_id(self) -> str | None:
        return self.owner

    def last_words(self) -> str:
        return ""

    def stop(self) -> None:
        """Do nothing."""


class _Bench:
    """Boards that stay on while what is plugged where changes: a source of probes."""

    backend = "probe"

    def __init__(self, chance: random.Random) -> None:
        source = VirtualSource(Faults(), PATIENT)
        self.chance = chance
        self.boards: dict[str, VirtualAttachment] = {}
        self.unique_ids: dict[str, str | None] = {}
        for name, kind in _KINDS.items():
            (instance,) = source.candidates(find_board(kind), name)
            self.boards[name] = source.attach(find_board(kind), instance)
            self.unique_ids[name] = instance.unique_id
        self.plug()

    def plug(self) -> None:
        """Plug probes and ports in any order, two times out of three."""
        names = list(_KINDS)
        self.at_probe: dict[str, str] = {}
        self.at_port: dict[str, str] = {}
        for table in (self.at_probe, self.at_port):
            order = self.chance.sample(names, 3) if self.chance.random() < 2 / 3 else names
            table.update(zip(names, order, strict=True))

    def unavailable(self, board: Board, instance: str | None) -> str | None:
        return None

    def candidates(self, board: Board, instance: str | None) -> tuple[Instance, ...]:
        name = str(instance)
        place = f"{board.name}@probe:{name}"
        return (Instance(place, name, name, f"/dev/{name}", self.unique_ids[name]),)

    def attach(self, board: Board, instance: Instance) -> _Plug:
        name = instance.probe_id
        port = self.at_port[name]
        is_own = self.chance.random() < 0.5  # of the probe's USB device, or an adapter's
        return _Plug(self.boards[self.at_probe[name]], self.boards[port], port if is_own else None)

    def stop(self) -> None:
        for board in self.boards.values():
            board.stop()


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[_Bench]:
    monkeypatch.setenv("QRIG_STATE", str(tmp_path))
    made = _Bench(random.Random(11))
    yield made
    made.stop()


@pytest.mark.parametrize("swaps", [8, pytest.param(100, marks=FULL_RUN)])
def test_no_swap_flashes_a_wrong_chip(bench: _Bench, tmp_path: Path, swaps: int) -> None:
    firmwares = {
        (kind, build): build_probe_firmware(
            find_board(kind), tmp_path / kind, build_id=build, data_bytes=3000
        )
        for kind in set(_KINDS.values())
        for build in _BUILDS
    }
    done = {"flashed": 0, "refused": 0, "answered by another": 0}
    for number in range(swaps):
        bench.plug()
        name = bench.chance.choice(list(_KINDS))
        firmware = firmwares[_KINDS[name], _BUILDS[number % 2]]
        done[_start(bench, name, firmware)] += 1
    assert all(done.values()) or swaps < 100
    assert done["refused"] > 0
    assert done["flashed"] > 0


def _start(bench: _Bench, name: str, firmware: ProbeFirmware) -> str:
    """Start a firmware on the board called `name`; returns what became of it."""
    before = {each: flash_file(kind, each).read_bytes() for each, kind in _KINDS.items()}
    try:
        running = ProbeBackend(name, source=bench).start(firmware)
    except WrongBoardError:
        assert bench.at_probe[name] != name or bench.at_port[name] != name
        changed = set()
        outcome = "refused"
    else:
        running.stop()
        assert bench.at_probe[name] == name
        assert running.unique_id == bench.unique_ids[name]
        assert flash_holds(firmware.elf, firmware.board.name, name)
        changed = {name}
        # A firmware at the port of another board has another number: the link refuses that one.
        outcome = "flashed" if bench.at_port[name] == name else "answered by another"
    for each, kind in _KINDS.items():
        if each not in changed:
            assert flash_file(kind, each).read_bytes() == before[each]
    return outcome
