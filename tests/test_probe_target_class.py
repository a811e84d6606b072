"""How pyOCD knows the chips of our boards: by itself, by a pack, by a class of ours."""

from collections.abc import Iterator

import pytest

pytest.importorskip("pyocd")

from pyocd.core.memory_map import MemoryType
from pyocd.target import TARGET
from pyocd.target.builtin import target_STM32F429xx, target_STM32F767xx

from qrig.backends.probe import target_class
from qrig.backends.probe.parts import parts_of
from qrig.backends.probe.target_class import find_in_packs, target_name
from qrig.boards import board_names, find_board
from qrig.errors import TargetUnavailableError


@pytest.fixture
def _packs(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    names: tuple[str, ...] = getattr(request, "param", ())
    monkeypatch.setattr(target_class, "installed_parts", lambda: iter(names))


def _sectors(name: str) -> Iterator[tuple[int, int]]:
    """Yield the address and size of every sector in the memory map of a target."""
    for region in TARGET[name].MEMORY_MAP.iter_matching_regions(type=MemoryType.FLASH):
        for start in range(region.start, region.end + 1, region.sector_size):
            yield start, region.sector_size


@pytest.mark.usefixtures("_packs")
@pytest.mark.parametrize(
    ("board", "relative", "sizes_kb"),
    [
        (
            "nucleo-f746",
            target_STM32F767xx.STM32F767xx,
            [32, 32, 32, 32, 128, 256, 256, 256],
        ),
        (
            "nucleo-f767",
            target_STM32F767xx.STM32F767xx,
            [32, 32, 32, 32, 128, *[256] * 7],
        ),
        (
            "nucleo-f429",
            target_STM32F429xx.STM32F429xI,
            2 * [16, 16, 16, 16, 64, *[128] * 7],
        ),
        (
            "stm32f4-discovery",
            target_STM32F429xx.STM32F429xI,
            [16, 16, 16, 16, 64, *[128] * 7],
        ),
    ],
)
def test_a_chip_is_made_from_its_relative(board: str, relative: type, sizes_kb: list[int]) -> None:
    parts = parts_of(find_board(board))
    name = target_name(parts)
    made = TARGET[name]
    assert issubclass(made, relative)
    assert [size >> 10 for _, size in _sectors(name)] == sizes_kb
    addresses = [address for address, _ in _sectors(name)]
    assert addresses[0] == parts.memories.code.origin
    assert addresses == sorted(addresses)
    (ram,) = made.MEMORY_MAP.iter_matching_regions(type=MemoryType.RAM)
    assert (ram.start, ram.length) == (parts.memories.data.origin, parts.memories.data.size_bytes)
    flash = made.MEMORY_MAP.get_boot_memory()
    algorithm = flash.algo
    assert flash.start == parts.memories.code.origin
    assert all(size % flash.page_size == 0 for _, size in _sectors(name))
    first, second = algorithm["page_buffers"]
    assert algorithm["begin_stack"] <= first
    assert second - first >= flash.page_size
    assert second + flash.page_size <= ram.end
    assert target_name(parts) == name
    assert TARGET[name] is made


@pytest.mark.usefixtures("_packs")
def test_a_chip_without_a_relative_is_left_to_pyocd() -> None:
    parts = parts_of(find_board("nucleo-h743"))
    name = target_name(parts)
    assert name == parts.target.target
    end = max(address + size for address, size in _sectors(name))
    assert end >= parts.memories.code.origin + parts.chip.flash_bytes


@pytest.mark.usefixtures("_packs")
def test_a_chip_that_nobody_has_needs_a_pack() -> None:
    with pytest.raises(TargetUnavailableError, match="pyocd pack install stm32l4r5zi"):
        target_name(parts_of(find_board("nucleo-l4r5")))


@pytest.mark.usefixtures("_packs")
@pytest.mark.parametrize(
    "_packs", [("stm32f746zgtx", "stm32l4r5zitxp", "stm32l4r5zitx")], indirect=True
)
def test_an_installed_pack_is_used() -> None:
    assert target_name(parts_of(find_board("nucleo-l4r5"))) == "stm32l4r5zitx"
    assert target_name(parts_of(find_board("nucleo-f746"))) == "stm32f746zgtx"
    assert target_name(parts_of(find_board("nucleo-f767"))) == "stm32f767zi_qrig"


def test_of_several_parts_the_plainest_is_meant() -> None:
    names = ("stm32f407vetx", "stm32f407vgtx", "stm32f407vg")
    assert find_in_packs("stm32f407vg", iter(names)) == "stm32f407vg"
    assert find_in_packs("stm32f999", iter(names)) is None


def test_a_board_without_a_probe_is_told_so() -> None:
    with pytest.raises(TargetUnavailableError, match=r"\[chip\]"):
        parts_of(find_board("mps2-an386"))


@pytest.mark.parametrize("board", board_names())
def test_every_board_for_a_probe_can_be_asked_for(board: str) -> None:
    found = find_board(board)
    if "probe" in found.backends:
        assert parts_of(found).target.target
