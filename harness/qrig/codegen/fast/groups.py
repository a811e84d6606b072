"""Which layers are computed together, channel by channel.

A convolution by row kernels makes one plane after the other; a ReLU and poolings behind it work on
that plane while it is there. The group's result is a map of planes if the next group reads planes,
else an HWC tensor.
"""

from __future__ import annotations

from attrs import evolve, field, frozen

from qrig.codegen.choices import COLUMNS, SLIDING, Choice, Choices
from qrig.codegen.fast.columns import ColumnConvolution, column_problem
from qrig.codegen.fast.sliding import SlidingConvolution, make_sliding
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

    @property
    def positive_output(self) -> bool:
        """Whether no output is below zero."""
        return any(isinstance(layer, QuantizedReLU) for layer in self.tail)


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


def find_parts(
    network: QuantizedNetwork, choices: Choices, *, truncate: bool = False
) -> tuple[Part, ...]:
    """Return the parts of `network` in order.

    Raises UnsupportedNetworkError for a choice that is not exact or not possible.
    """
    layers = network.layers
    parts: list[Part] = []
    positive, index = False, 0
    while index < len(layers):
        layer = layers[index]
        choice = choices.get(layer.name, Choice())
        if isinstance(layer, QuantizedConvolution) and choice.kernel == SLIDING:
            group = _group(layers, index, choice, positive=positive, truncate=truncate)
            if parts and isinstance(parts[-1], Group):
                group = _joined(parts, group)
            parts.append(group)
            index += len(group.layers)
            positive = group.positive_output
        elif isinstance(layer, QuantizedConvolution) and choice.kernel == COLUMNS:
            columns = _column_group(layers, index, choice, truncate=truncate)
            parts.append(columns)
            index += len(columns.layers)
            positive = columns.convolution.relu
        else:
            parts.append(Single(layer, index + 1))
            positive = _stays_positive(layer, positive)
            index += 1
    return tuple(parts)


def _group(
    layers: tuple[QuantizedLayer, ...],
    index: int,
    choice: Choice,
    *,
    positive: bool,
    truncate: bool,
) -> Group:
    layer = layers[index]
    assert isinstance(layer, QuantizedConvolution)  # noqa: S101  # the caller has looked
    made = make_sliding(
        layer, choice.outputs, positive=positive, passes=choice.passes, truncate=truncate
    )
    if isinstance(made, str):
        raise UnsupportedNetworkError(
            f"layer {layer.name!r}: expected a convolution that {choice} computes exactly, found "
            f"that {made}; choose another kernel (qrig tune finds those that fit)"
        )
    tail: list[QuantizedLayer] = []
    for follower in layers[index + 1 :]:
        if not _works_on_planes(follower):
            break
        tail.append(follower)
    return Group(made, choice, tuple(tail), index + 1, positive, in_planes=False, out_planes=False)


def _column_group(
    layers: tuple[QuantizedLayer, ...], index: int, choice: Choice, *, truncate: bool
) -> ColumnGroup:
    layer = layers[index]
    assert isinstance(layer, QuantizedConvolution)  # noqa: S101  # the caller has looked
    problem = column_problem(layer)
    if problem is not None:
        raise UnsupportedNetworkError(
            f"layer {layer.name!r}: expected a convolution that columns compute, found that "
            f"{problem}; choose another kernel (qrig tune finds those that fit)"
        )
    following = layers[index + 1] if index + 1 < len(layers) else None
    tail = (following,) if isinstance(following, QuantizedReLU) else ()
    return ColumnGroup(ColumnConvolution(layer, bool(tail), truncate), choice, tail, index + 1)


def _joined(parts: list[Part], group: Group) -> Group:
    """Let the last group hand planes to `group`."""
    last = parts[-1]
    assert isinstance(last, Group)  # noqa: S101  # the caller has looked
    parts[-1] = evolve(last, out_planes=True)
    return evolve(group, in_planes=True)


def _works_on_planes(layer: QuantizedLayer) -> bool:
    if isinstance(layer, QuantizedReLU):
        return True
    return isinstance(layer, QuantizedPooling) and layer.pad.x == 0 and layer.pad.y == 0


def _stays_positive(layer: QuantizedLayer, positive: bool) -> bool:
    if isinstance(layer, QuantizedReLU):
        return True
    return positive and isinstance(layer, QuantizedPooling)
