"""How pyOCD knows the chip of a board: by a class that we make, by a CMSIS pack, or by itself.

A class of ours is pyOCD's own for the chip or a relative of it, with the chip's sectors and RAM: a
relative has the same flash controller, so its flash algorithm serves (RM0385 and RM0410 section 3
for F74x and F76x, RM0090 section 3 for all F4). With it comes what pyOCD does before it looks at
the chip: the F76x is held in reset and told to keep its debug clocks, as the F74x needs it too.

Ours writes pages of 16 KB, the smallest sector of an F4, where pyOCD's write 1 or 4 KB: a page is
about forty transfers beside its data, and the algorithms take any number of words.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator
from typing import Any

from attrs import frozen

from qrig.backends.probe.parts import Parts
from qrig.backends.probe.trouble import CAUGHT
from qrig.errors import TargetUnavailableError

_DEBUG_CONTROL = 4  # DBGMCU_CR lies behind DBGMCU_IDCODE
_DEBUG_IN_SLEEP = 7  # DBG_SLEEP, DBG_STOP, DBG_STANDBY
_SUFFIX = "_qrig"


@frozen
class _Relative:
    """A chip that pyOCD knows, of the same family: its module and class."""

    module: str
    name: str


_RELATIVES = {
    "f4": _Relative("pyocd.target.builtin.target_STM32F429xx", "STM32F429xI"),
    "f7": _Relative("pyocd.target.builtin.target_STM32F767xx", "STM32F767xx"),
}

_PAGE_BYTES = 0x4000
_BUFFERS_OFFSET = 0x1000  # behind the algorithm and its stack


def target_name(parts: Parts) -> str:
    """Return what pyOCD calls the board's chip, having told pyOCD of it if need be.

    Raises TargetUnavailableError with the command that installs the pack it needs.
    """
    from pyocd.target import TARGET

    wanted = parts.target.target
    relative = _RELATIVES.get(parts.chip.family)
    if wanted in TARGET and relative is None:
        return wanted
    packed = None if wanted in TARGET else find_in_packs(wanted, installed_parts())
    if packed is not None:
        return packed
    if relative is None:
        pack = f" (the pack {parts.target.pack})" if parts.target.pack else ""
        raise TargetUnavailableError(
            f"{parts.board.name}: expected a chip that pyOCD knows, found that it needs a CMSIS "
            f"pack for {wanted}{pack}; install it: pyocd pack install {wanted}"
        )
    own = wanted + _SUFFIX
    if own not in TARGET:
        TARGET[own] = _make(own, relative, parts)
    return own


def find_in_packs(wanted: str, names: Iterable[str]) -> str | None:
    """Return the shortest of the part names of packs that is `wanted` or begins with it."""
    return min((name for name in names if name.startswith(wanted)), key=len, default=None)


def installed_parts() -> Iterator[str]:
    """Yield the names of all chips in the CMSIS packs that pyOCD has installed."""
    from pyocd.target import normalise_target_type_name
    from pyocd.target.pack.pack_target import ManagedPacks

    try:
        devices = ManagedPacks.get_installed_targets()
    except CAUGHT:  # a broken index is as good as none
        return
    for device in devices:
        yield normalise_target_type_name(device.part_number)


def _make(name: str, relative: _Relative, parts: Parts) -> type:
    """Return a class like pyOCD's for `relative` with the memories of the board's chip."""
    from pyocd.core.memory_map import FlashRegion, MemoryMap, RamRegion
    from pyocd.coresight.coresight_target import CoreSightTarget

    module = importlib.import_module(relative.module)
    ram = parts.memories.data
    regions = [FlashRegion(**each) for each in _regions(parts, _with_pages(module.FLASH_ALGO))]
    memories = MemoryMap(*regions, RamRegion(start=ram.origin, length=ram.size_bytes))
    control = parts.chip.idcode_address + _DEBUG_CONTROL

    def initialize(target: Any, session: Any) -> None:
        """Make a target of these memories; the relative would open files beside."""
        CoreSightTarget.__init__(target, session, memories)

    def post_connect_hook(target: Any) -> None:
        """Keep the debug clocks running while the core sleeps (DBGMCU_CR)."""
        target.write32(control, _DEBUG_IN_SLEEP)

    members = {
        "MEMORY_MAP": memories,
        "__init__": initialize,
        "post_connect_hook": post_connect_hook,
    }
    return type(name, (getattr(module, relative.name),), members)


def _with_pages(algorithm: dict[str, Any]) -> dict[str, Any]:
    """Return a flash algorithm with two buffers of our page's size."""
    first = algorithm["load_address"] + _BUFFERS_OFFSET
    second = first + _PAGE_BYTES
    return {**algorithm, "page_buffers": [first, second], "analyzer_address": second}


def _regions(parts: Parts, algorithm: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield what makes pyOCD's region of every run of sectors of one size."""
    address = origin = parts.memories.code.origin
    for size_bytes, count in parts.chip.sectors:
        yield {
            "start": address,
            "length": size_bytes * count,
            "sector_size": size_bytes,
            "page_size": _PAGE_BYTES,
            "is_boot_memory": address == origin,
            "algo": algorithm,
        }
        address += size_bytes * count
