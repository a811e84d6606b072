"""Probe, chip and port of one board: whatever is swapped, no chip is flashed but the one meant."""

import functools
import random

import pytest
from attrs import evolve, frozen

from qrig.backends.probe.identity import Sighting, find_mismatch, unique_id_text
from qrig.backends.probe.instance import Instance
from qrig.boards import Board, find_board
from qrig.boards.chip import Chip

_SWAPS = 10_000
_KINDS = ("nucleo-f746", "nucleo-f767", "nucleo-f429")


@functools.cache
def board_and_chip(name: str) -> tuple[Board, Chip]:
    board = find_board(name)
    assert board.chip is not None
    return board, board.chip


def sighting(chip: Chip) -> Sighting:
    return Sighting(0x1000_0000 | chip.device_id, "1" * 24, chip.flash_bytes, "P1")


def instance(unique_id: str | None = None, port: str | None = None) -> Instance:
    return Instance("toy@probe:one", "p1", "p1", port, unique_id)


@pytest.mark.parametrize("unique_id", [None, "1" * 24])
def test_the_board_that_is_meant_is_accepted(unique_id: str | None) -> None:
    board, chip = board_and_chip("nucleo-f746")
    assert find_mismatch(board, chip, instance(unique_id), sighting(chip)) is None
    adapter = evolve(sighting(chip), port_probe_id=None)
    assert find_mismatch(board, chip, instance(unique_id), adapter) is None
    larger = evolve(sighting(chip), flash_bytes=2 * chip.flash_bytes)
    assert find_mismatch(board, chip, instance(unique_id), larger) is None


def test_every_difference_is_told_with_both_sides() -> None:
    board, chip = board_and_chip("nucleo-f746")
    seen = sighting(chip)
    cases = {
        "0x449": (instance(), evolve(seen, idcode=0x1000_0451), "0x451"),
        "id 0x449": (instance(), Sighting(None), "none"),
        "2" * 24: (instance("2" * 24), seen, "1" * 24),
        "1,048,576": (instance(), evolve(seen, flash_bytes=1 << 19), "524,288"),
        "/dev/ttyACM1": (instance(port="/dev/ttyACM1"), evolve(seen, port_probe_id="P2"), "P2"),
    }
    for expected, (meant, found, other) in cases.items():
        text = find_mismatch(board, chip, meant, found)
        assert text is not None
        assert text.startswith("toy@probe:one: expected")
        assert expected in text
        assert other in text
        assert "nothing was flashed" in text


def test_a_number_is_three_words_in_order_of_address() -> None:
    assert unique_id_text((0x28, 0x3137_510E, 0x0A36_3431)) == "000000283137510e0a363431"


@frozen
class _World:
    """A table with boards: which chip is at which probe, and at which port."""

    kinds: dict[str, str]  # of every chip, by its unique id
    chip_at_probe: dict[str, str]
    chip_at_port: dict[str, str]
    probe_of_port: dict[str, str | None]


def test_no_swap_flashes_a_wrong_chip_or_stores_a_result_of_one() -> None:
    chance = random.Random(7)
    flashed = stored = refused = 0
    for _ in range(_SWAPS):
        world, lab = _table(chance)
        swapped = _swap(world, chance)
        for entry, kind in lab:
            chip_id = _flash(swapped, entry, kind)
            if chip_id is None:
                refused += 1
                assert swapped != world
                continue
            flashed += 1
            assert swapped.kinds[chip_id] == kind
            assert entry.unique_id in (None, chip_id)
            port = str(entry.port)
            if swapped.chip_at_port[port] == chip_id:  # what link.connect compares
                stored += 1
                assert swapped.probe_of_port[port] in (None, entry.probe_id)
    assert min(flashed, stored, refused) > _SWAPS // 4


def _table(chance: random.Random) -> tuple[_World, list[tuple[Instance, str]]]:
    """Return a table of boards, and a lab.toml that fits it."""
    count = chance.randint(2, 5)
    chips = [f"{chance.getrandbits(96):024x}" for _ in range(count)]
    names = [f"probe{number}" for number in range(count)]
    ports = [f"/dev/none{number}" for number in range(count)]
    kinds = {chip: chance.choice(_KINDS[: chance.randint(1, 3)]) for chip in chips}
    own_ports = {
        port: name if chance.random() < 0.7 else None
        for port, name in zip(ports, names, strict=True)
    }
    lab = [
        (
            Instance(name, name, name, port, chip if chance.random() < 0.8 else None),
            kinds[chip],
        )
        for name, port, chip in zip(names, ports, chips, strict=True)
    ]
    at_probes = dict(zip(names, chips, strict=True))
    return _World(kinds, at_probes, dict(zip(ports, chips, strict=True)), own_ports), lab


def _swap(world: _World, chance: random.Random) -> _World:
    """Exchange boards among probes, cables among ports, or names of ports."""
    at_probe, at_port = dict(world.chip_at_probe), dict(world.chip_at_port)
    owners = dict(world.probe_of_port)
    for table in (at_probe, at_port):
        if chance.random() < 0.5:
            one, other = chance.sample(sorted(table), 2)
            table[one], table[other] = table[other], table[one]
    if chance.random() < 0.5:  # the kernel numbers its ports anew
        one, other = chance.sample(sorted(owners), 2)
        owners[one], owners[other] = owners[other], owners[one]
        at_port[one], at_port[other] = at_port[other], at_port[one]
    return _World(world.kinds, at_probe, at_port, owners)


def _flash(world: _World, entry: Instance, kind: str) -> str | None:
    """Do what the backend does: look, decide, flash; return the chip that was flashed."""
    chip_id = world.chip_at_probe[entry.probe_id]
    _, there = board_and_chip(world.kinds[chip_id])
    board, chip = board_and_chip(kind)
    seen = Sighting(
        there.device_id, chip_id, there.flash_bytes, world.probe_of_port[str(entry.port)]
    )
    return None if find_mismatch(board, chip, entry, seen) else chip_id
