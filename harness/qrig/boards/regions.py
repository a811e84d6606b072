"""Memories that board.toml names instead of typing: addresses and sizes come from the device.

A table of `[memory]` has `regions`, names of modm-devices that lie one behind the other. A name may
say where else the same memory is mapped: `ccm@0x20030000`.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from typing import Any

import attrs

from qrig.boards.device import Device, Region
from qrig.errors import UsageError

_COUPLED = "dtcm"
_PLACED = re.compile(r"(?P<name>[a-z0-9_]+)@(?P<origin>0x[0-9a-fA-F]{1,8})")


def with_addresses(memory: Mapping[str, Any], device: Device) -> dict[str, Any]:
    """Return a `[memory]` table with `origin`, `size_bytes`, `coupled_bytes` for its `regions`.

    What is not a table with regions stays as it is. Raises UsageError for regions that the device
    does not have, or that do not adjoin.
    """
    return {
        name: _resolved(table, device)
        if isinstance(table, dict) and isinstance(table.get("regions"), list)
        else table
        for name, table in memory.items()
    }


def _resolved(table: Mapping[str, Any], device: Device) -> dict[str, Any]:
    regions = [_region(str(name), device) for name in table["regions"]]
    if not regions:
        raise UsageError(
            f"expected names of memories of {device.name} ({', '.join(device.regions)}) in "
            "regions, found none; name one"
        )
    for region, following in itertools.pairwise(regions):
        if region.end != following.origin:
            raise UsageError(
                f"expected regions of {device.name} that adjoin, found that {region.name} ends at "
                f"{region.end:#x} and {following.name} begins at {following.origin:#x}; leave one "
                "out"
            )
    found = {
        "origin": regions[0].origin,
        "size_bytes": regions[-1].end - regions[0].origin,
        "coupled_bytes": regions[0].size_bytes if regions[0].name == _COUPLED else 0,
    }
    twice = sorted(found.keys() & table.keys())
    if twice:
        raise UsageError(
            f"expected {twice[0]} from the device's regions, found it typed as well; leave it out"
        )
    return {key: value for key, value in table.items() if key != "regions"} | found


def _region(name: str, device: Device) -> Region:
    placed = _PLACED.fullmatch(name)
    if placed is None:
        return device.region(name)
    return attrs.evolve(device.region(placed["name"]), origin=int(placed["origin"], 16))
