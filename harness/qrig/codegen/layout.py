"""A deployment's parts and where their tensors lie in RAM."""

from __future__ import annotations

from attrs import evolve, field, frozen

from qrig.codegen.arena import Arena, Buffer, lay_out
from qrig.codegen.choices import Choices
from qrig.codegen.cmsis_nn import average_scratch_bytes
from qrig.codegen.fast.assembly import PRODUCTS_BYTES
from qrig.codegen.fast.columns import PIXELS
from qrig.codegen.fast.groups import (
    ColumnGroup,
    Group,
    Part,
    Single,
    find_parts,
    first_stage,
    last_stage,
)
from qrig.codegen.fast.sliding import SLACK_WORDS
from qrig.codegen.interfaces import CMSIS_NN_API, QRIG_API
from qrig.codegen.lifetimes import Lifetimes, inputs_of, part_at, times_of
from qrig.codegen.limits import check_arguments
from qrig.codegen.memory_plan import MemoryPlan, PlannedBuffer
from qrig.codegen.plan import COPIES_TO_TARGET, DESTROYED_BY, scratch_bytes, weight_bytes
from qrig.fixedpoint.quantized import QuantizedLayer, QuantizedNetwork, QuantizedPooling


@frozen(eq=False)
class PartBuffers:
    """What one part uses: buffers it reads, writes and works in; None for what it has not.

    `copied` is where its source is copied first, and read then: the target, or a buffer of its own.
    """

    sources: tuple[Buffer, ...]
    target: Buffer
    data: Buffer | None = None
    plane: Buffer | None = None
    staged: Buffer | None = None
    scratch: Buffer | None = None
    copied: Buffer | None = None

    @property
    def source(self) -> Buffer:
        """The first buffer it reads."""
        return self.sources[0]


@frozen(eq=False)
class Layout:
    """The parts of a deployment with their buffers, and the arena that holds these.

    Besides the arena there are the input's pixels, the output and, with sliding convolutions, a
    buffer of products.
    """

    network: QuantizedNetwork = field(repr=False)
    parts: tuple[Part, ...] = field(repr=False)
    buffers: tuple[PartBuffers, ...] = field(repr=False)
    input_buffer: Buffer
    arena: Arena = field(repr=False)
    api: str = QRIG_API

    @property
    def groups(self) -> tuple[Group, ...]:
        """The groups, in order."""
        return tuple(part for part in self.parts if isinstance(part, Group))

    @property
    def carriers(self) -> dict[int, int]:
        """Return, for each stage of a group, the stage whose row carries the group's cost."""
        return {
            stage: group.first_stage
            for group in self.parts
            if not isinstance(group, Single)
            for stage in range(group.first_stage, group.last_stage + 1)
        }

    @property
    def input_bytes(self) -> int:
        """Bytes of the pixels."""
        return self.network.input.shape.size

    @property
    def output_bytes(self) -> int:
        """Bytes of the result."""
        return self.network.stages[-1].out_shape.size

    @property
    def products_bytes(self) -> int:
        """Bytes of the products of row kernels."""
        return PRODUCTS_BYTES if self.groups else 0

    @property
    def ram_bytes(self) -> int:
        """RAM beside code's own variables and the stack."""
        return self.arena.size_bytes + self.products_bytes + self.input_bytes + self.output_bytes

    @property
    def memory_plan(self) -> MemoryPlan:
        """Every buffer with the stages that need it; pixels and result lie outside the arena."""
        first, last = self.network.input.name, self.network.stages[-1].name
        in_time = sorted(self.arena.offsets.items(), key=lambda item: item[0].begin)
        buffers = [PlannedBuffer("pixels", self.input_bytes, first, first)]
        buffers += [
            PlannedBuffer(buffer.name, buffer.size_bytes, *self._stages(buffer), offset)
            for buffer, offset in in_time
        ]
        if self.groups:
            ends = self.groups[0].layers[0].name, self.groups[-1].layers[-1].name
            buffers.append(PlannedBuffer("products", self.products_bytes, *ends))
        buffers.append(PlannedBuffer("result", self.output_bytes, last, last))
        return MemoryPlan(tuple(buffers), self.arena.size_bytes)

    def _stages(self, buffer: Buffer) -> tuple[str, str]:
        """Return the first and the last stage that need a buffer of the arena."""
        stages, begin, end = self.network.stages, part_at(buffer.begin), part_at(buffer.end)
        first = 0 if begin is None else first_stage(self.parts[begin])
        last = 0
        if end is not None:
            whole = buffer.end == times_of(end)[1]
            last = last_stage(self.parts[end]) if whole else first_stage(self.parts[end])
        return stages[first].name, stages[last].name

    @property
    def mean_bytes(self) -> int:
        """Bytes of the mean in flash."""
        return 2 * self.network.input.mean.size

    @property
    def weight_bytes(self) -> int:
        """Bytes of weights and biases in flash."""
        total = 0
        for part in self.parts:
            if isinstance(part, Group):
                conv = part.convolution
                words = (conv.channel_words + 1) * conv.layer.out_shape.c
                total += 4 * (words + conv.slack_words)
            elif isinstance(part, ColumnGroup):
                columns = part.convolution
                total += 4 * (columns.weight_words + SLACK_WORDS)
            else:
                total += weight_bytes(part.layer)
        return total

    @property
    def flash_bytes(self) -> int:
        """Constants in flash, without code."""
        return self.weight_bytes + self.mean_bytes


def make_layout(
    network: QuantizedNetwork, choices: Choices, *, truncate: bool = False, api: str = QRIG_API
) -> Layout:
    """Lay out `network` with the kernels of `choices`; raises UnsupportedNetworkError.

    `api` says whose functions are called: CMSIS-NN's own take more scratch memory.
    """
    check_arguments(network)
    parts = find_parts(network, choices, truncate=truncate)
    lives = Lifetimes.of(network, parts)
    source = Buffer(network.input.name, network.input.shape.size, 0, lives.end(network.input.name))
    tensors, all_buffers = {network.input.name: source}, [source]
    made: list[PartBuffers] = []
    for index, part in enumerate(parts):
        begin, end = times_of(index)
        name, size = _output(part)
        target = tensors.get(lives.places[name])
        if target is None:
            target = Buffer(name, size, end if isinstance(part, Group) else begin, lives.end(name))
            all_buffers.append(target)
        sources = tuple(tensors[each] for each in inputs_of(part))
        tensors[name] = target
        found, extra = _work_buffers(part, (begin, end), sources, target, api)
        found, copies = _with_copy(part, index, found, lives)
        made.append(found)
        all_buffers += extra + copies
    return Layout(network, parts, tuple(made), source, lay_out(all_buffers), api)


def _with_copy(
    part: Part, index: int, found: PartBuffers, lives: Lifetimes
) -> tuple[PartBuffers, list[Buffer]]:
    """Let a part that would destroy what is read later work on a copy."""
    if not isinstance(part, Single) or not lives.is_read_later(part.layer.inputs[0], index):
        return found, []
    if part.layer.type in COPIES_TO_TARGET:
        return evolve(found, copied=found.target), []
    if part.layer.type not in DESTROYED_BY:
        return found, []
    copy = Buffer(f"{part.layer.name} copy", part.layer.in_shape.size, *times_of(index))
    return evolve(found, copied=copy), [copy]


def _output(part: Part) -> tuple[str, int]:
    """Return name and bytes of what a part makes."""
    layer = part.layer if isinstance(part, Single) else part.layers[-1]
    if isinstance(part, Group) and part.out_planes:
        return layer.name, out_plane_bytes(part) * part.convolution.layer.out_shape.c
    return layer.name, layer.out_shape.size


def _work_buffers(
    part: Part, times: tuple[int, int], sources: tuple[Buffer, ...], target: Buffer, api: str
) -> tuple[PartBuffers, list[Buffer]]:
    begin, end = times
    if isinstance(part, Single):
        size = scratch_bytes(part.layer)
        size += average_scratch_bytes(part.layer) if api == CMSIS_NN_API else 0
        scratch = Buffer(f"{part.layer.name} scratch", size, begin, end) if size else None
        return PartBuffers(sources, target, scratch=scratch), [scratch] if scratch else []
    if isinstance(part, ColumnGroup):
        return _column_buffers(part, begin, end, sources, target)
    conv, name = part.convolution, part.convolution.layer.name
    data = Buffer(f"{name} data", 4 * conv.data_words, begin, end, 4 * conv.data_words_ahead)
    planes = conv.layer.out_shape.c if conv.passes > 1 else 1
    plane = staged = None
    if not works_in_target(part):
        plane = Buffer(f"{name} plane", planes * conv.plane_bytes, end, end)
    if part.choice.staged:
        size = 4 * (conv.channel_words + conv.slack_words)
        staged = Buffer(f"{name} weights", size, end, end)
    extra = [buffer for buffer in (data, plane, staged) if buffer is not None]
    return PartBuffers(sources, target, data, plane, staged), extra


def _column_buffers(
    part: ColumnGroup, begin: int, end: int, sources: tuple[Buffer, ...], target: Buffer
) -> tuple[PartBuffers, list[Buffer]]:
    conv, layer = part.convolution, part.convolution.layer
    data = Buffer(f"{layer.name} columns", 4 * conv.column_words, begin, end)
    rest = staged = None
    if conv.pixels % PIXELS:
        rest = Buffer(f"{layer.name} last pixels", PIXELS * layer.out_shape.c, begin, end)
    if part.choice.staged:
        size = 4 * (conv.weight_words + SLACK_WORDS)
        staged = Buffer(f"{layer.name} weights", size, begin, end)
    extra = [buffer for buffer in (data, rest, staged) if buffer is not None]
    return PartBuffers(sources, target, data, plane=rest, staged=staged), extra


def works_in_target(group: Group) -> bool:
    """Return whether the convolution writes its planes where they stay."""
    if not group.out_planes:
        return False
    return group.convolution.passes > 1 or not _poolings(group)


def _poolings(group: Group) -> list[QuantizedLayer]:
    return [layer for layer in group.tail if isinstance(layer, QuantizedPooling)]


def out_pitch(group: Group) -> int:
    """Return the bytes from row to row of the planes a group makes."""
    pools = _poolings(group)
    return -(-pools[-1].out_shape.w // 4) * 4 if pools else group.convolution.pitch


def out_plane_bytes(group: Group) -> int:
    """Return the bytes from plane to plane of what a group makes."""
    if group.convolution.passes > 1 or not _poolings(group):
        return group.convolution.plane_bytes
    return out_pitch(group) * _poolings(group)[-1].out_shape.h
