"""The file of a profile: JSON, schema `qrig-profile/1`, described in docs/profile.md.

Records that come by the thousand are arrays of integers, in the order of the fields of their class.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

import attrs

from qrig.errors import FileFormatError
from qrig.networks.files import read_bytes
from qrig.profiles.profile import (
    KINDS,
    MODES,
    NO_BLOCK,
    Access,
    Block,
    Cache,
    DataFills,
    Edge,
    InstructionFills,
    MemoryRange,
    Phase,
    Profile,
)

SCHEMA = "qrig-profile/1"
"""The `schema` of the file."""

_LIMIT_BYTES = 1 << 28
_LIMIT_COUNT = 1 << 63
_ADDRESSES = 1 << 32
_HEX = re.compile(r"[0-9a-f]{64}")
_MAY_BE_NONE = ("source", "memory")
"""Fields of records that are -1 where there is none."""
_T = TypeVar("_T", Edge, Access, DataFills, InstructionFills, Block)


def write_profile(path: Path, profile: Profile) -> None:
    """Write `profile` to `path`; raises OSError."""
    path.write_text(json.dumps(_document(profile), separators=(",", ":")), encoding="utf-8")


def read_profile(path: Path) -> Profile:
    """Read a profile; raises FileFormatError with the record that is wrong."""
    data = read_bytes(path, what="a profile (JSON)", limit_bytes=_LIMIT_BYTES)
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise FileFormatError(
            f"{path}: expected a profile, found text that is not JSON "
            f"({' '.join(str(error).split())[:120]}); take the profile again"
        ) from error
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        found = document.get("schema") if isinstance(document, dict) else type(document)
        raise _Reader(path).wrong("schema", f'"{SCHEMA}"', found)
    return profile_of(path, document)


def profile_of(path: Path, document: dict[str, Any]) -> Profile:
    """Return the profile a document holds; raises FileFormatError, `path` in its message."""
    return _Reader(path).profile(document)


def _document(profile: Profile) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "source": profile.source,
        "mode": profile.mode,
        "core": profile.core,
        "elf_sha256": profile.elf_sha256,
        "inferences": profile.inferences,
        "memories": [attrs.asdict(memory) for memory in profile.memories],
        "caches": [attrs.asdict(cache) for cache in profile.caches],
        "blocks": [attrs.astuple(block) for block in profile.blocks],
        "phases": [
            {
                "name": phase.name,
                "kind": phase.kind,
                "visits": phase.visits,
                "edges": [attrs.astuple(edge) for edge in phase.edges],
                "mispredicted": list(phase.mispredicted.items()),
                "accesses": [attrs.astuple(access) for access in phase.accesses],
                "data_fills": [attrs.astuple(fills) for fills in phase.data_fills],
                "instruction_fills": [attrs.astuple(fills) for fills in phase.instruction_fills],
            }
            for phase in profile.phases
        ],
    }


class _Reader:
    """Checks a document piece by piece; `where` in messages is the path of a record in it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def wrong(self, where: str, expected: str, found: object) -> FileFormatError:
        shown = str(found)[:80]
        return FileFormatError(
            f"{self.path}: {where}: expected {expected}, found "
            f"{shown if shown.isprintable() else ascii(shown)}; take the profile again"
        )

    def profile(self, document: dict[str, Any]) -> Profile:
        elf = self.text(document, "elf_sha256")
        if not _HEX.fullmatch(elf):
            raise self.wrong("elf_sha256", "64 lower-case hex digits", elf)
        mode = self.text(document, "mode")
        if mode not in MODES:
            raise self.wrong("mode", " or ".join(MODES), mode)
        memories = tuple(self.memory(*entry) for entry in self.entries(document, "memories"))
        names = {memory.name for memory in memories}
        caches = tuple(self.cache(*entry, names) for entry in self.entries(document, "caches"))
        blocks = tuple(self.records(document, "blocks", Block))
        for index, block in enumerate(blocks):
            self.check_block(f"blocks[{index}]", block)
        phases = tuple(
            self.phase(*entry, len(memories), caches, len(blocks))
            for entry in self.entries(document, "phases")
        )
        return Profile(
            source=self.text(document, "source"),
            mode=mode,
            core=self.text(document, "core"),
            elf_sha256=elf,
            inferences=self.number(document, "inferences"),
            memories=memories,
            caches=caches,
            blocks=blocks,
            phases=phases,
        )

    def entries(self, table: dict[str, Any], key: str) -> list[tuple[str, dict[str, Any]]]:
        value = table.get(key)
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise self.wrong(key, "a list of objects", type(value).__name__)
        return [(f"{key}[{index}]", item) for index, item in enumerate(value)]

    def text(self, table: dict[str, Any], key: str, where: str = "") -> str:
        value = table.get(key)
        if not isinstance(value, str):
            raise self.wrong(f"{where}{key}", "text", value)
        return value

    def number(self, table: dict[str, Any], key: str, where: str = "") -> int:
        value = table.get(key)
        if type(value) is not int or not 0 <= value < _LIMIT_COUNT:
            raise self.wrong(f"{where}{key}", "a count", value)
        return value

    def memory(self, where: str, entry: dict[str, Any]) -> MemoryRange:
        sizes = [self.number(entry, key, f"{where}.") for key in ("origin", "size_bytes")]
        if not sizes[1]:
            raise self.wrong(f"{where}.size_bytes", "1 or more", 0)
        return MemoryRange(self.text(entry, "name", f"{where}."), *sizes)

    def cache(self, where: str, entry: dict[str, Any], memories: set[str]) -> Cache:
        cached = entry.get("memories")
        if not isinstance(cached, list) or not all(
            isinstance(name, str) and name in memories for name in cached
        ):
            raise self.wrong(f"{where}.memories", "names of memories", cached)
        kind = self.text(entry, "kind", f"{where}.")
        if kind not in ("data", "instruction"):
            raise self.wrong(f"{where}.kind", "data or instruction", kind)
        sizes = [
            self.number(entry, key, f"{where}.") for key in ("size_bytes", "line_bytes", "ways")
        ]
        if not all(sizes) or sizes[1] < 4 or sizes[0] % (sizes[1] * sizes[2]):
            raise self.wrong(where, "a size that lines (of 4 bytes or more) and ways divide", sizes)
        name = self.text(entry, "name", f"{where}.")
        size_bytes, line_bytes, ways = sizes
        return Cache(name, kind, size_bytes, line_bytes, ways, tuple(cached))

    def records(self, table: dict[str, Any], key: str, cls: type[_T], where: str = "") -> list[_T]:
        """Read a list of arrays of integers, one integer for every field of `cls`."""
        value = table.get(key)
        if not isinstance(value, list):
            raise self.wrong(f"{where}{key}", "a list", type(value).__name__)
        least = [-1 if each.name in _MAY_BE_NONE else 0 for each in attrs.fields(cls)]
        for index, item in enumerate(value):
            if (
                not isinstance(item, list)
                or len(item) != len(least)
                or not all(
                    type(part) is int and low <= part < _LIMIT_COUNT
                    for part, low in zip(item, least, strict=True)
                )
            ):
                expected = f"{len(least)} integers from 0 up (-1 for no source or memory)"
                raise self.wrong(f"{where}{key}[{index}]", expected, item)
        return [cls(*item) for item in value]

    def check_block(self, where: str, block: Block) -> None:
        counted = 2 * block.instructions <= block.size_bytes <= 4 * block.instructions
        if not counted or block.instructions < 1 or block.address % 2 or block.address < 0:
            raise self.wrong(where, "[address, bytes, instructions] of Thumb code", block)
        if block.end > _ADDRESSES:
            raise self.wrong(where, "an end within 32 bits", hex(block.end))

    def phase(
        self,
        where: str,
        entry: dict[str, Any],
        memories: int,
        caches: tuple[Cache, ...],
        blocks: int,
    ) -> Phase:
        inside = f"{where}."
        kind = self.text(entry, "kind", inside)
        if kind not in KINDS:
            raise self.wrong(f"{inside}kind", " or ".join(KINDS), kind)
        edges = self.records(entry, "edges", Edge, inside)
        accesses = self.records(entry, "accesses", Access, inside)
        fills = self.records(entry, "data_fills", DataFills, inside)
        fetches = self.records(entry, "instruction_fills", InstructionFills, inside)
        mispredicted = self.pairs(entry, "mispredicted", inside)
        self.within(f"{inside}edges", (edge.target for edge in edges), blocks)
        self.within(f"{inside}edges", (edge.source for edge in edges), blocks, NO_BLOCK)
        self.within(f"{inside}mispredicted", mispredicted, blocks)
        self.within(f"{inside}accesses", (access.memory for access in accesses), memories, -1)
        self.within(f"{inside}data_fills", (fill.memory for fill in fills), memories)
        self.within(f"{inside}instruction_fills", (fill.block for fill in fetches), blocks)
        kinds = [cache.kind for cache in caches]
        self.of_kind(f"{inside}data_fills", (fill.cache for fill in fills), kinds, "data")
        used = (fill.cache for fill in fetches)
        self.of_kind(f"{inside}instruction_fills", used, kinds, "instruction")
        return Phase(
            name=self.text(entry, "name", inside),
            kind=kind,
            visits=self.number(entry, "visits", inside),
            edges=tuple(edges),
            mispredicted=mispredicted,
            accesses=tuple(accesses),
            data_fills=tuple(fills),
            instruction_fills=tuple(fetches),
        )

    def pairs(self, entry: dict[str, Any], key: str, where: str) -> dict[int, int]:
        value = entry.get(key)
        if not isinstance(value, list) or not all(
            isinstance(item, list)
            and len(item) == 2
            and all(type(part) is int and 0 <= part < _LIMIT_COUNT for part in item)
            for item in value
        ):
            raise self.wrong(f"{where}{key}", "a list of pairs of counts", str(value))
        return dict(value)

    def of_kind(self, where: str, caches: Iterable[int], kinds: list[str], kind: str) -> None:
        """Raise for a number that is not that of a cache of `kind`."""
        for index in caches:
            if not 0 <= index < len(kinds) or kinds[index] != kind:
                raise self.wrong(where, f"the number of a cache for {kind}", index)

    def within(self, where: str, indices: Iterable[int], size: int, least: int = 0) -> None:
        """Raise for an index that points to nothing."""
        for index in indices:
            if not least <= index < size:
                raise self.wrong(where, f"indices from {least} to {size - 1}", index)
