"""Profiles of any content that is allowed, for property tests."""

from typing import Any

import attrs
from hypothesis import strategies as st

from qrig.profiles.profile import (
    BLOCKS,
    KINDS,
    MEMORY,
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

counts = st.integers(0, (1 << 63) - 1)
names = st.text(max_size=8)


@st.composite
def blocks(draw: st.DrawFn) -> Block:
    instructions = draw(st.integers(1, 500))
    size_bytes = draw(st.integers(instructions, 2 * instructions)) * 2
    return Block(2 * draw(st.integers(0, ((1 << 32) - size_bytes) // 2)), size_bytes, instructions)


@st.composite
def caches(draw: st.DrawFn, memories: list[str]) -> Cache:
    line_bytes, ways = draw(st.integers(4, 128)), draw(st.integers(1, 8))
    kind = draw(st.sampled_from(("data", "instruction")))
    cached = draw(st.lists(st.sampled_from(memories), unique=True)) if memories else []
    size_bytes = line_bytes * ways * draw(st.integers(1, 1024))
    return Cache(draw(names), kind, size_bytes, line_bytes, ways, tuple(cached))


def records(cls: Any, **parts: st.SearchStrategy[int]) -> st.SearchStrategy[tuple[Any, ...]]:
    """Return a strategy for records; what `parts` does not say is a count."""
    fields = {each.name: parts.get(each.name, counts) for each in attrs.fields(cls)}
    return st.lists(st.builds(cls, **fields), max_size=4).map(tuple)


@st.composite
def phases(draw: st.DrawFn, mode: str, profile: Profile) -> Phase:
    last = len(profile.blocks) - 1
    within = st.integers(0, last)
    phase = Phase(draw(names), draw(st.sampled_from(KINDS)), draw(counts), ())
    if last < 0:
        return phase
    edges = draw(records(Edge, source=st.integers(-1, last), target=within))
    if mode == BLOCKS:
        return attrs.evolve(phase, edges=edges)
    phase = attrs.evolve(
        phase, edges=edges, mispredicted=draw(st.dictionaries(within, counts, max_size=4))
    )
    memories = len(profile.memories)
    if mode != MEMORY:
        return phase
    accesses = draw(records(Access, memory=st.integers(-1, memories - 1)))
    phase = attrs.evolve(phase, accesses=accesses)
    by_kind = {
        kind: [i for i, cache in enumerate(profile.caches) if cache.kind == kind]
        for kind in ("data", "instruction")
    }
    if by_kind["data"] and memories:
        used, memory = st.sampled_from(by_kind["data"]), st.integers(0, memories - 1)
        fills = draw(records(DataFills, cache=used, memory=memory))
        phase = attrs.evolve(phase, data_fills=fills)
    if by_kind["instruction"]:
        used = st.sampled_from(by_kind["instruction"])
        fetches = draw(records(InstructionFills, cache=used, block=within))
        phase = attrs.evolve(phase, instruction_fills=fetches)
    return phase


@st.composite
def profiles(draw: st.DrawFn, mode: str) -> Profile:
    ranges = st.builds(MemoryRange, names, counts, st.integers(1, 1 << 40))
    memories = draw(st.lists(ranges, max_size=3, unique_by=lambda each: each.name))
    cached = caches([each.name for each in memories])
    empty = Profile(
        draw(names),
        mode,
        draw(names),
        draw(st.text("0123456789abcdef", min_size=64, max_size=64)),
        draw(counts),
        tuple(memories),
        tuple(draw(st.lists(cached, max_size=3))) if mode == MEMORY else (),
        tuple(draw(st.lists(blocks(), max_size=5))),
        (),
    )
    return attrs.evolve(empty, phases=tuple(draw(st.lists(phases(mode, empty), max_size=3))))
