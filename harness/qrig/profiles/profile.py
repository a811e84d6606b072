"""What a profile holds: blocks, and per phase how often one followed the other.

Nothing here depends on who counted. An emulator's plugin, a trace decoder or a simulator can fill
it; `docs/profile.md` describes the file.
"""

from __future__ import annotations

from attrs import field, frozen
from attrs.validators import ge, in_

BLOCKS, EDGES, MEMORY = MODES = ("blocks", "edges", "memory")
"""What was counted: executions of blocks, edges of layers following from them; edges themselves and
mispredictions; memory accesses and cache fills as well. Each costs more than the one before."""

START_UP, HARNESS, OVERHEAD, LAYER = KINDS = ("start-up", "harness", "overhead", "layer")
"""What a phase is: before the first mark; code that is not the network's; a layer that does
nothing, which tells what marking a layer costs; a layer (the quantised input is one too)."""

NO_BLOCK = -1
"""The block before the first one, and before one of which only executions were counted."""


@frozen
class MemoryRange:
    """A memory accesses are told apart by; what lies in none has index -1."""

    name: str
    origin: int = field(validator=ge(0))
    size_bytes: int = field(validator=ge(1))


@frozen
class Cache:
    """A cache that was simulated beside the run: set-associative, pseudo-random replacement.

    `memories` are the names of those it caches. A write allocates. `kind` is "data" or
    "instruction".
    """

    name: str
    kind: str = field(validator=in_(("data", "instruction")))
    size_bytes: int = field(validator=ge(1))
    line_bytes: int = field(validator=ge(4))
    ways: int = field(validator=ge(1))
    memories: tuple[str, ...]


@frozen
class Block:
    """A straight run of instructions, entered at its first; blocks may overlap."""

    address: int
    size_bytes: int
    instructions: int

    @property
    def end(self) -> int:
        """The address behind its last instruction."""
        return self.address + self.size_bytes


@frozen
class Edge:
    """How often block `target` followed block `source` (indices; NO_BLOCK for none known)."""

    source: int
    target: int
    count: int


@frozen
class Access:
    """What the instruction at `address` did in one memory, in one size.

    `misaligned` counts accesses not at a multiple of `size_bytes`, `odd` those words at an odd
    address, `same_bank` those whose address agrees in bit 2 with the access before (of whichever
    instruction).
    """

    address: int
    memory: int
    size_bytes: int
    loads: int
    stores: int
    misaligned: int
    odd: int
    same_bank: int


@frozen
class DataFills:
    """Lines that the instruction at `address` had to fetch into data cache number `cache`."""

    cache: int
    address: int
    memory: int
    loads: int
    stores: int


@frozen
class InstructionFills:
    """Lines of block number `block` that had to be fetched into instruction cache `cache`."""

    cache: int
    block: int
    count: int


@frozen(eq=False)
class Phase:
    """A part of the run: all that happened between two marks, over all its visits.

    `mispredicted` is, by block, how often the branch at its end went another way than a two-bit
    counter with the last target foretold.
    """

    name: str
    kind: str = field(validator=in_(KINDS))
    visits: int
    edges: tuple[Edge, ...] = field(repr=False)
    mispredicted: dict[int, int] = field(factory=dict, repr=False)
    accesses: tuple[Access, ...] = field(default=(), repr=False)
    data_fills: tuple[DataFills, ...] = field(default=(), repr=False)
    instruction_fills: tuple[InstructionFills, ...] = field(default=(), repr=False)


@frozen(eq=False)
class Profile:
    """A run of one firmware: its blocks and its phases.

    `source` names what counted, `core` the core it ran on, `elf_sha256` the firmware file. Counts
    are sums over `inferences` inferences.
    """

    source: str
    mode: str = field(validator=in_(MODES))
    core: str
    elf_sha256: str
    inferences: int
    memories: tuple[MemoryRange, ...]
    caches: tuple[Cache, ...]
    blocks: tuple[Block, ...] = field(repr=False)
    phases: tuple[Phase, ...] = field(repr=False)

    @property
    def layers(self) -> tuple[Phase, ...]:
        """The phases that are layers, in order."""
        return tuple(phase for phase in self.phases if phase.kind == LAYER)

    def executions(self, phase: Phase) -> dict[int, int]:
        """Return how often each block (by index) ran in `phase`."""
        counts: dict[int, int] = {}
        for edge in phase.edges:
            counts[edge.target] = counts.get(edge.target, 0) + edge.count
        return counts

    def instructions(self, phase: Phase) -> int:
        """Return how many instructions ran in `phase`."""
        return sum(edge.count * self.blocks[edge.target].instructions for edge in phase.edges)


@frozen
class ProfileRequest:
    """What a backend is asked to count: a mode of MODES, and the caches to simulate beside it."""

    mode: str = field(default=MEMORY, validator=in_(MODES))
    caches: tuple[Cache, ...] = ()
