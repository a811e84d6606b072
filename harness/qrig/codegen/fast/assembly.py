"""Row kernels as assembler, for Cortex-M4 and Cortex-M7.

`void kernel(const uint32_t *data, const uint32_t *weights, int32_t *products)`: products ends where
its address is a multiple of PRODUCTS_BYTES, which ends the loop over points. Registers: r12 data,
lr weights, r0 and r1 (and what is free) window words, weights from r3 on, accumulators up to r11,
r2 counts or points at products.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from functools import cache

from attrs import field, frozen

from qrig.codegen.fast.schedule import Loop, place_loads
from qrig.codegen.fast.windows import Group, RowKernel

PRODUCTS_BYTES = 256
"""Size and alignment of the buffer at whose end a kernel's products end."""

MAX_MACS_PER_TRIP = {"cortex-m4": 160, "cortex-m7": 80}
"""Multiplications in the body of a loop at most. On Cortex-M7 a layer's kernels and the code
between them then fit an instruction cache of 4 KB; Cortex-M4 parts prefetch from flash."""

_MAX_OFFSETS = {"cortex-m4": 1020, "cortex-m7": 4000}  # LDRD, LDR
_MAX_IMMEDIATE = 4095
_MAX_BYTE = 255
_WHOLE_POINT_MACS = 64
_FRAME = "{r4-r11, lr}"


@frozen
class Shape:
    """How a kernel is laid out: whole points unrolled, or a loop over channel pairs in each.

    A trip of the inner loop takes `pairs_per_trip` pairs; `points_per_trip` whole points are
    unrolled if that is not zero.
    """

    points_per_trip: int
    pairs_per_trip: int


def choose_shape(kernel: RowKernel, core: str) -> Shape:
    """Return the layout of `kernel` for "cortex-m4" or "cortex-m7"."""
    writer = writer_for(core, registers_of(kernel))
    shapes = list(_shapes(kernel, core))
    for shape in shapes[:-1]:
        if writer.farthest(_plan(kernel, shape, writer)) <= _MAX_IMMEDIATE:
            return shape
    return shapes[-1]


def _shapes(kernel: RowKernel, core: str) -> Iterator[Shape]:
    """Yield layouts of `kernel`, the longest trips first; the last one is the shortest."""
    max_offset = _MAX_OFFSETS[core]
    reach = 4 * kernel.data_words
    point = sum(len(group.macs) for group in kernel.point_groups())
    if point <= _WHOLE_POINT_MACS and reach <= max_offset:
        if 2 * point <= _WHOLE_POINT_MACS and 2 * reach <= max_offset and kernel.points % 2 == 0:
            yield Shape(2, 0)
        yield Shape(1, 0)
    pair = sum(len(group.macs) for group in kernel.pair_groups(0))
    for count in range(kernel.pairs, 1, -1):
        is_short = count * pair <= MAX_MACS_PER_TRIP[core]
        if kernel.pairs % count == 0 and is_short and 4 * count * kernel.height <= max_offset:
            yield Shape(0, count)
    yield Shape(0, 1) if kernel.pairs else Shape(1, 0)


@frozen
class Registers:
    """Which registers hold what for a block of `rows` rows and at most `taps` weight words.

    `is_stream` says that a group reads as many window words as there are registers, and all groups
    follow each other in memory.
    """

    rows: int
    taps: int
    is_stream: bool = False
    accumulators: tuple[str, ...] = field(init=False)
    weights: tuple[str, ...] = field(init=False)
    words: tuple[str, ...] = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Deal out the registers."""
        low = 12 - self.rows
        object.__setattr__(self, "accumulators", tuple(f"r{i}" for i in range(low, 12)))
        object.__setattr__(self, "weights", tuple(f"r{i}" for i in range(3, 3 + self.taps)))
        spare = tuple(f"r{i}" for i in range(3 + self.taps, low))
        object.__setattr__(self, "words", ("r0", "r1", *spare))


def registers_of(kernel: RowKernel) -> Registers:
    """Return the registers of `kernel`."""
    return Registers(kernel.rows, max(group.tap_count for group in kernel.point_groups()))


def row_kernel(name: str, kernel: RowKernel, core: str) -> list[str]:
    """Return the assembler lines of function `name` for core "cortex-m4" or "cortex-m7"."""
    shape = choose_shape(kernel, core)
    writer = writer_for(core, registers_of(kernel))
    lines = [
        "",
        f"\t.global {name}",
        f"\t.type {name}, %function",
        "\t.thumb_func",
        "\t.balign 16",
        f"{name}:",
        f"\tpush\t{_FRAME}",
    ]
    if shape.points_per_trip:
        lines += ["\tmov\tr12, r0", "\tmov\tlr, r1", *_whole_points(kernel, shape, writer)]
        lines += [f"\tpop\t{_FRAME.replace('lr', 'pc')}"]
    else:
        lines += ["\tpush\t{r2, r3}", "\tmov\tr12, r0", "\tmov\tlr, r1"]
        lines += _looped(kernel, shape, writer)
        lines += ["\tadd\tsp, #8", f"\tpop\t{_FRAME.replace('lr', 'pc')}"]
    return [*lines, f"\t.size\t{name}, . - {name}"]


@cache
def words_ahead(kernel: RowKernel) -> tuple[int, int]:
    """Return how many words of V and of U a kernel loads beyond the last point's.

    Cortex-M7 kernels load the next trip's first words in the last trip, too; nothing uses them. V
    is counted from a pointer at the first row of the image.
    """
    shape = choose_shape(kernel, "cortex-m7")
    loop = _plan(kernel, shape, writer_for("cortex-m7", registers_of(kernel)))
    loads = [load for loads in loop.behind.values() for load in loads if load.is_next_trip]
    data, weights = (
        max((load.offset // 4 + 1 for load in loads if load.base == base), default=0)
        for base in ("r12", "lr")
    )
    if kernel.odd and not shape.points_per_trip:  # what is ahead of the pairs is the channel left
        data -= kernel.height + 1
        weights -= -(-kernel.taps // 2)
    return max(0, data), max(0, weights)


def _plan(kernel: RowKernel, shape: Shape, writer: Writer) -> Loop:
    """Plan a trip: whole points, or some pairs of one."""
    if shape.points_per_trip:
        units = [
            (group, point * 4 * kernel.data_words, index == 0)
            for point in range(shape.points_per_trip)
            for index, group in enumerate(kernel.point_groups())
        ]
        return writer.plan(units, 4 * kernel.data_words * shape.points_per_trip)
    pairs = range(shape.pairs_per_trip)
    units = [(group, 0, False) for pair in pairs for group in kernel.pair_groups(pair)]
    return writer.plan(units, 4 * kernel.height * shape.pairs_per_trip)


def _whole_points(kernel: RowKernel, shape: Shape, writer: Writer) -> list[str]:
    """Loop over points, `points_per_trip` of them unrolled; r2 points at the products."""
    loop = _plan(kernel, shape, writer)
    lines = [*writer.prologue(loop), "1:"]
    store = _store_sums(writer.registers)
    per_point = sum(len(group.macs) for group in kernel.point_groups())
    ends = range(per_point - 1, per_point * shape.points_per_trip, per_point)
    lines += writer.body(loop, {end: [store] for end in ends})
    lines += writer.advance(loop)
    return [*lines, f"\ttst\tr2, #{PRODUCTS_BYTES - 1}", "\tbne.w\t1b"]


def _looped(kernel: RowKernel, shape: Shape, writer: Writer) -> list[str]:
    """Loop over points, in it over channel pairs; r2 counts, the stack keeps products."""
    loop = _plan(kernel, shape, writer)
    tail = list(kernel.vertical_groups())
    trips = kernel.pairs // shape.pairs_per_trip
    lines = [] if tail else writer.prologue(loop)
    lines += ["1:"]
    lines += writer.prologue(loop) if tail else []
    lines += [set_counter(trips)] if trips > 1 else []
    lines += [f"\tmov\t{register}, #0" for register in writer.registers.accumulators]
    lines += ["2:"]
    lines += writer.body(loop, {len(loop.macs) // 2: ["\tsubs\tr2, #1"]} if trips > 1 else {})
    lines += writer.advance(loop)
    lines += ["\tbne.w\t2b"] if trips > 1 else []
    if tail:
        shift = 4 * kernel.pairs * kernel.height
        rest = writer.plan([(group, -shift, False) for group in tail], None)
        lines += [*writer.prologue(rest), *writer.body(rest, {})]
        lines += writer.advance(rest, 4 * (kernel.height + 1))
    lines += ["\tldr\tr2, [sp]", _store_sums(writer.registers), "\tstr\tr2, [sp]"]
    return [*lines, f"\ttst\tr2, #{PRODUCTS_BYTES - 1}", "\tbne.w\t1b"]


def set_counter(trips: int) -> str:
    """Return what sets r2 to a number of up to 16 bits; flags are those of the loop's SUBS."""
    return f"\tmovs\tr2, #{trips}" if trips <= _MAX_BYTE else f"\tmovw\tr2, #{trips}"


def _store_sums(registers: Registers) -> str:
    """Return the store of a point's products; r2 moves on."""
    first = registers.accumulators[0]
    return "\tstr\tr11, [r2], #4" if first == "r11" else f"\tstmia\tr2!, {{{first}-r11}}"


class Writer(ABC):
    """How one core's kernels load and multiply."""

    def __init__(self, registers: Registers) -> None:
        """Write for these registers."""
        self.registers = registers

    def plan(self, units: list[tuple[Group, int, bool]], stride: int | None) -> Loop:
        """Give every value of `units` (group, V offset, first of a point) a register and a slot.

        `stride` is by how many bytes V advances from trip to trip; None for a piece without a loop.
        """
        return place_loads(units, self.registers, stride)

    @abstractmethod
    def farthest(self, loop: Loop) -> int:
        """Return the largest number that an instruction of `loop` holds."""

    @abstractmethod
    def prologue(self, loop: Loop) -> list[str]:
        """Return the loads before the loop."""

    @abstractmethod
    def body(self, loop: Loop, extra: dict[int, list[str]]) -> list[str]:
        """Return one trip; `extra` are lines behind the multiplication of that index."""

    @abstractmethod
    def advance(self, loop: Loop, data_bytes: int | None = None) -> list[str]:
        """Return what moves the pointers on at the end of a trip."""


class _M4(Writer):
    """Weights by LDM with write-back; window words in pairs by LDRD, or all together by LDM."""

    def farthest(self, loop: Loop) -> int:
        return loop.stride

    def prologue(self, loop: Loop) -> list[str]:
        return []

    def body(self, loop: Loop, extra: dict[int, list[str]]) -> list[str]:
        lines: list[str] = []
        index = 0
        for unit in loop.units:
            group = unit.group
            lines.append(_load_weights(self.registers.weights[: group.tap_count]))
            if self.registers.is_stream:
                lines.append(_load_words(self.registers.words))
                for _ in group.macs:
                    lines.append(loop.macs[index].text(None))
                    lines += extra.get(index, [])
                    index += 1
                continue
            for word in range(0, group.word_count, 2):
                lines.append(_load_pair(unit.offset + 4 * word, group.word_count - word))
                for mac in group.macs:
                    if mac.word - group.first_word in (word, word + 1):
                        register = ("r0", "r1")[(mac.word - group.first_word) % 2]
                        lines.append(loop.macs[index].text(register))
                        lines += extra.get(index, [])
                        index += 1
        return lines

    def advance(self, loop: Loop, data_bytes: int | None = None) -> list[str]:
        if self.registers.is_stream:
            return []
        stride = loop.stride if data_bytes is None else data_bytes
        return [f"\tadd\tr12, r12, #{stride}"] if stride else []


def _load_weights(registers: tuple[str, ...]) -> str:
    if len(registers) == 1:
        return f"\tldr\t{registers[0]}, [lr], #4"
    return "\tldmia\tlr!, {" + ", ".join(registers) + "}"


def _load_words(registers: tuple[str, ...]) -> str:
    return "\tldmia\tr12!, {" + ", ".join(registers) + "}"


def _load_pair(offset: int, words_left: int) -> str:
    if words_left == 1:
        return f"\tldr\tr0, [r12, #{offset}]"
    return f"\tldrd\tr0, r1, [r12, #{offset}]"


class _M7(Writer):
    """Single loads, one behind each multiplication, as early as their register is free."""

    def farthest(self, loop: Loop) -> int:
        ahead = [load for loads in loop.behind.values() for load in loads]
        strides = {"r12": loop.stride, "lr": loop.weight_bytes}
        offsets = [load.offset + load.is_next_trip * strides[load.base] for load in ahead]
        return max(loop.stride, loop.weight_bytes, *offsets)

    def prologue(self, loop: Loop) -> list[str]:
        return [load.text(0, 0) for load in loop.before]

    def body(self, loop: Loop, extra: dict[int, list[str]]) -> list[str]:
        lines: list[str] = []
        for index, mac in enumerate(loop.macs):
            lines.append(mac.text(None))
            lines += [load.text(*loop.strides(load)) for load in loop.behind.get(index, [])]
            lines += extra.get(index, [])
        return lines

    def advance(self, loop: Loop, data_bytes: int | None = None) -> list[str]:
        stride = loop.stride if data_bytes is None else data_bytes
        lines = [f"\tadd\tr12, r12, #{stride}"] if stride else []
        return [*lines, f"\tadd\tlr, lr, #{loop.weight_bytes}"]


def writer_for(core: str, registers: Registers) -> Writer:
    """Return the writer of "cortex-m4" or "cortex-m7"."""
    return _M4(registers) if core == "cortex-m4" else _M7(registers)
