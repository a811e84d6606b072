"""Which layers are computed together, channel by channel.

A convolution by row kernels makes one plane after the other; a ReLU and poolings behind it work on
that plane while it is there. The group's result is a map of planes if nobody but another group
reads it, else an HWC tensor. A tensor that has another reader is always an HWC tensor in memory.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import evolve, field, frozen

from qrig.codegen.choices import COLUMNS, SLIDING, Choice, Choices
from qrig.codegen.fast.columns import ColumnConvolution, column_problem
from qrig.codegen.fast.sliding import SlidingConvolution, make_sliding
from qrig.codegen.tensors import positive_tensors, readers_of
from qrig.errors import UnsupportedNetworkError
from qrig.fixedpoint.quantized import (
    QuantizedConvolution,
    QuantizedLayer,
    QuantizedNetwork,
    QuantizedPooling,
    QuantizedReLU,
)


@frozen(eq=False)
class Group:
    """A sliding convolution and the layers behind it that work plane by plane.

    `first_stage` is the convolution's stage. `relu_early` says that the convolution itself clips at
    zero: its ReLU follows at once, or behind max poolings, where that is the same.
    """

    convolution: SlidingConvolution
    choice: Choice
    tail: tuple[QuantizedLayer, ...] = field(repr=False)
    first_stage: int
    positive_input: bool
    in_planes: bool
    out_planes: bool

    @property
    def layers(self) -> tuple[QuantizedLayer, ...]:
        """All layers of the group."""
        return (self.convolution.layer, *self.tail)

    @property
    def last_stage(self) -> int:
        """The stage of the last layer."""
        return self.first_stage + len(self.tail)

    @property
    def relu_early(self) -> bool:
        """Whether the convolution's outputs are clipped at zero at once."""
        for layer in self.tail:
            if isinstance(layer, QuantizedReLU):
                return True
            if not (isinstance(layer, QuantizedPooling) and layer.method == "max"):
                return False
        return False

    @property
    def work(self) -> tuple[QuantizedLayer, ...]:
        """The tail without the ReLU that the convolution does, and without others behind it."""
        if not self.relu_early:
            return self.tail
        return tuple(layer for layer in self.tail if not isinstance(layer, QuantizedReLU))


@frozen(eq=False)
class ColumnGroup:
    """A convolution by columns, with the ReLU behind it if there is one."""

    convolution: ColumnConvolution
    choice: Choice
    tail: tuple[QuantizedLayer, ...] = field(repr=False)
    first_stage: int

    @property
    def layers(self) -> tuple[QuantizedLayer, ...]:
        """All layers of the group."""
        return (self.convolution.layer, *self.tail)

    @property
    def last_stage(self) -> int:
        """The stage of the last layer."""
        return self.first_stage + len(self.tail)


@frozen(eq=False)
class Single:
    """A layer computed by one function of the kernel library."""

    layer: QuantizedLayer
    stage: int


Part = Group | ColumnGroup | Single


def first_stage(part: Part) -> int:
    """Return the stage of the first layer of a part."""
    return part.stage if isinstance(part, Single) else part.first_stage


def last_stage(part: Part) -> int:
    """Return the stage of the last layer of a part."""
    return part.stage if isinstance(part, Single) else part.last_stage


_Readers = Mapping[str, tuple[QuantizedLayer, ...]]


def find_parts(
    network: QuantizedNetwork, choices: Choices, *, truncate: bool = False
) -> tuple[Part, ...]:
    """Return the parts of `network` in order.

    Raises UnsupportedNetworkError for a choice that is not exact or not possible.
    """
    layers, readers = network.layers, readers_of(network)
    positive = positive_tensors(network)
    parts: list[Part] = []
    index = 0
    while index < len(layers):
        layer = layers[index]
        choice = choices.get(layer.name, Choice())
        if isinstance(layer, QuantizedConvolution) and choice.kernel == SLIDING:
            tail = _tail(layers, index, readers)
            group = _group(
                layer, tail, index, choice, positive=layer.inputs[0] in positive, truncate=truncate
            )
            parts.append(_joined(parts, group, readers))
            index += len(group.layers)
        elif isinstance(layer, QuantizedConvolution) and choice.kernel == COLUMNS:
            tail = _tail(layers, index, readers)
            columns = _column_group(layer, tail, index, choice, truncate=truncate)
            parts.append(columns)
            index += len(columns.layers)
        else:
            parts.append(Single(layer, index + 1))
            index += 1
    return tuple(parts)


def _tail(
    layers: tuple[QuantizedLayer, ...], index: int, readers: _Readers
) -> tuple[QuantizedLayer, ...]:
    """Return the layers behind convolution `index` that work on planes nobody else reads."""
    tail: list[QuantizedLayer] = []
    before = layers[index]
    for follower in layers[index + 1 :]:
        if readers[before.name] != (follower,) or not _works_on_planes(follower):
            break
        tail.append(follower)
        before = follower
    return tuple(tail)


def _group(
    layer: QuantizedConvolution,
    tail: tuple[QuantizedLayer, ...],
    index: int,
    choice: Choice,
    *,
    positive: bool,
    truncate: bool,
) -> Group:
    made = make_sliding(
        layer, choice.outputs, positive=positive, passes=choice.passes, truncate=truncate
    )
    if isinstance(made, str):
        raise UnsupportedNetworkError(
            f"layer {layer.name!r}: expected a convolution that {choice} computes exactly, found "
            f"that {made}; choose another kernel (qrig tune finds those that fit)"
        )
    return Group(made, choice, tail, index + 1, positive, in_planes=False, out_planes=False)


def _column_group(
    layer: QuantizedConvolution,
    tail: tuple[QuantizedLayer, ...],
    index: int,
    choice: Choice,
    *,
    truncate: bool,
) -> ColumnGroup:
    problem = column_problem(layer)
    if problem is not None:
        raise UnsupportedNetworkError(
            f"layer {layer.name!r}: expected a convolution that columns compute, found that "
            f"{problem}; choose another kernel (qrig tune finds those that fit)"
        )
    tail = tail[:1] if tail and isinstance(tail[0], QuantizedReLU) else ()
    return ColumnGroup(ColumnConvolution(layer, bool(tail), truncate), choice, tail, index + 1)


def _joined(parts: list[Part], group: Group, readers: _Readers) -> Group:
    """Let the group that makes the input of `group` hand planes to it, if nobody else reads it."""
    (source,) = group.convolution.layer.inputs
    for number, part in enumerate(parts):
        if isinstance(part, Group) and part.layers[-1].name == source and len(readers[source]) == 1:
            parts[number] = evolve(part, out_planes=True)
            return evolve(group, in_planes=True)
    return group


def _works_on_planes(layer: QuantizedLayer) -> bool:
    if isinstance(layer, QuantizedReLU):
        return True
    return isinstance(layer, QuantizedPooling) and layer.pad.x == 0 and layer.pad.y == 0
