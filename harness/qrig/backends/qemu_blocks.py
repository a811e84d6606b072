"""Blocks as QEMU cuts them, made whole.

QEMU translates page by page, of 1 KiB on these cores. A run of instructions that crosses a page
comes as two blocks, and before a page ends QEMU 7 counts its look at the next instruction as part
of the last one. Neither has anything to do with the firmware.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from qrig.build.thumb import Code, branch_of

_PAGE_BYTES = 1024


def mend_blocks(raw: dict[str, Any], code: Code) -> None:
    """Correct, in what the plugin wrote, the sizes of blocks at the ends of pages, and join them.

    Two blocks become one if the first ends at a page without a branch and nothing else enters the
    second.
    """
    cut = set()
    for index, (address, size_bytes, instructions) in enumerate(raw["blocks"]):
        if (address + size_bytes) % _PAGE_BYTES not in (0, _PAGE_BYTES - 2):
            continue
        halfwords = code.halfwords(address, instructions)
        if halfwords is not None:
            raw["blocks"][index][1] = 2 * sum(map(len, halfwords))
            if branch_of(address, halfwords[-1]) is None:
                cut.add(index)
    _drop_predictions(raw, cut)
    _join(raw, _continued(raw, cut))


def _drop_predictions(raw: dict[str, Any], cut: set[int]) -> None:
    """Forget mispredictions where there is no branch: a wrong size made one of falling through."""
    for phase in raw["phases"]:
        phase["mispredicted"] = [each for each in phase["mispredicted"] if each[0] not in cut]


def _continued(raw: dict[str, Any], cut: set[int]) -> dict[int, int]:
    """Return, for blocks that were cut, the block each goes on in."""
    after: dict[int, set[int]] = defaultdict(set)
    before: dict[int, set[int]] = defaultdict(set)
    for phase in raw["phases"]:
        for source, target, _ in phase["edges"]:
            after[source].add(target)
            before[target].add(source)
    found = {}
    for index in cut:
        address, size_bytes, _ = raw["blocks"][index]
        if len(after[index]) == 1:
            (following,) = after[index]
            begins = raw["blocks"][following][0]
            if begins == address + size_bytes and before[following] == {index}:
                found[index] = following
    return found


def _join(raw: dict[str, Any], continued: dict[int, int]) -> None:
    """Let the first block of every chain stand for all of it."""
    heads: dict[int, int] = {}
    for start in continued.keys() - set(continued.values()):
        part = start
        while part in continued:
            part = continued[part]
            heads[part] = start
            raw["blocks"][start][1] += raw["blocks"][part][1]
            raw["blocks"][start][2] += raw["blocks"][part][2]
    for phase in raw["phases"]:
        phase["edges"] = [
            [heads.get(source, source), target, count]
            for source, target, count in phase["edges"]
            if target not in heads
        ]
        phase["mispredicted"] = _summed(
            [heads.get(block, block), count] for block, count in phase["mispredicted"]
        )
        phase["instruction_fills"] = _summed(
            [cache, heads.get(block, block), count]
            for cache, block, count in phase["instruction_fills"]
        )


def _summed(records: Any) -> list[list[int]]:
    """Return records with equal keys, all but the last number, added up."""
    sums: dict[tuple[int, ...], int] = {}
    for *key, count in records:
        sums[tuple(key)] = sums.get(tuple(key), 0) + count
    return [[*key, count] for key, count in sums.items()]
