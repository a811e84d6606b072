"""A network of one phase, ready to pass batches through: operations in the definition's order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from attrs import field, frozen
from torch import Tensor

from qrig.errors import FileFormatError, UnsupportedNetworkError
from qrig.networks.caffe.layer_types import INPUT_TYPES
from qrig.networks.caffe.prototxt import Definition
from qrig.networks.caffe.rules import TEST
from qrig.networks.shapes import MAX_ELEMENTS
from qrig.training import judging, pointwise, pooling, shaping, weighted
from qrig.training.context import Context, Moment, Operation
from qrig.training.parameters import Parameters

BUILDERS: dict[str, Callable[[Context], Operation]] = {
    "Accuracy": judging.accuracy,
    "BatchNorm": weighted.batch_norm,
    "Concat": shaping.concat,
    "Convolution": weighted.convolution,
    "Dropout": pointwise.dropout,
    "Eltwise": shaping.eltwise,
    "Flatten": shaping.flatten,
    "InnerProduct": weighted.inner_product,
    "LRN": pointwise.lrn,
    "Pooling": pooling.pooling,
    "ReLU": pointwise.relu,
    "Scale": weighted.scale,
    "Sigmoid": pointwise.sigmoid,
    "Silence": shaping.silence,
    "Softmax": pointwise.softmax,
    "SoftmaxWithLoss": judging.softmax_loss,
    "Split": shaping.split,
    "TanH": pointwise.tanh,
}
"""How each layer type qrig trains is built."""

_TOPS = {"Split": None, "Silence": 0, "Accuracy": 2, "SoftmaxWithLoss": 2}
_SEVERAL_BOTTOMS = frozenset(
    {"Concat", "Eltwise", "Accuracy", "SoftmaxWithLoss", "Silence", "Scale"}
)


@frozen(eq=False)
class Node:
    """One layer: its operation, the blobs it reads and makes, and what each adds to the loss.

    `stopped` are the bottoms that gradients do not pass (propagate_down: false).
    """

    where: str
    compute: Operation
    bottoms: tuple[str, ...]
    tops: tuple[str, ...]
    loss_weights: tuple[float, ...]
    stopped: frozenset[str] = frozenset()


@frozen(eq=False)
class Passed:
    """What came of a batch: the loss to be made smaller, and every output blob by name."""

    loss: Tensor
    outputs: dict[str, Tensor]


@frozen(eq=False)
class Net:
    """A network of one phase. `labels` are the blobs of labels and how many classes each has."""

    definition: Definition
    nodes: tuple[Node, ...]
    outputs: tuple[str, ...]
    labels: Mapping[str, tuple[int, int | None]] = field(repr=False)

    def forward(self, batch: Mapping[str, Tensor], moment: Moment) -> Passed:
        """Pass a batch, by the names of the input blobs, through the network."""
        blobs = dict(batch)
        loss = torch.zeros(())
        for node in self.nodes:
            bottoms = [
                blobs[name].detach() if name in node.stopped else blobs[name]
                for name in node.bottoms
            ]
            made = node.compute(bottoms, moment)
            for name, tensor, weight in zip(node.tops, made, node.loss_weights, strict=True):
                blobs[name] = tensor
                if weight:
                    loss = loss + (tensor.sum() if weight == 1 else tensor.sum() * weight)
        return Passed(loss, {name: blobs[name] for name in self.outputs})


def build_net(
    definition: Definition,
    layers: Sequence[tuple[int, Any]],
    phase: int,
    batch: Mapping[str, Tensor],
    parameters: Parameters,
) -> Net:
    """Build the network of `layers`, (index, LayerParameter) of one phase, for such a `batch`.

    `batch`, of one record, is passed through once to find every shape. Raises
    UnsupportedNetworkError for a layer type qrig does not train and FileFormatError for a
    definition that is broken.
    """
    building = _Building(definition, phase == TEST, parameters, dict(batch))
    for index, layer in layers:
        if layer.type not in INPUT_TYPES:
            building.add(index, layer)
    read = {name for node in building.nodes for name in node.bottoms}
    made = [name for node in building.nodes for name in node.tops]
    outputs = [name for name in dict.fromkeys(made) if name not in read]
    return Net(definition, tuple(building.nodes), tuple(outputs), dict(building.labels))


class _Building:
    """The layers built so far, and a batch that went through them."""

    def __init__(
        self,
        definition: Definition,
        testing: bool,
        parameters: Parameters,
        blobs: dict[str, Tensor],
    ) -> None:
        self.definition, self.testing, self.parameters = definition, testing, parameters
        self.blobs = blobs
        self.fed = {name: name for name in blobs}  # by the name of a copy, too
        self.nodes: list[Node] = []
        self.labels: dict[str, tuple[int, int | None]] = {}
        self._names: set[str] = set()

    def add(self, index: int, layer: Any) -> None:
        where = f"{self.definition.where(index)}: layer {layer.name!r}"
        if layer.type not in BUILDERS:
            raise UnsupportedNetworkError(
                f"{where} is of type {layer.type!r}, which qrig cannot train; it trains "
                f"{', '.join(sorted(BUILDERS))}"
            )
        if not layer.name or layer.name in self._names:
            raise FileFormatError(
                f"{where}: expected a name of its own, found one that an earlier layer has; "
                "correct the definition"
            )
        self._names.add(layer.name)
        self._check_blobs(where, layer)
        bottoms = [self.blobs[name] for name in layer.bottom]
        shapes = tuple(tuple(bottom.shape) for bottom in bottoms)
        context = Context(where, layer, shapes, self.parameters, self.testing)
        compute = BUILDERS[layer.type](context)
        with torch.no_grad():
            tops = compute(bottoms, Moment(0, 0, dry=True))
        self._keep(context, tops)
        self.nodes.append(
            Node(
                where,
                compute,
                tuple(layer.bottom),
                tuple(layer.top),
                _loss_weights(context),
                _stopped(context),
            )
        )
        self._note_labels(layer, shapes)

    def _check_blobs(self, where: str, layer: Any) -> None:
        for name in layer.bottom:
            if name not in self.blobs:
                raise FileFormatError(
                    f"{where}: expected a bottom that an earlier layer makes, found {name!r}, "
                    "which none does (a wrong order or a misspelt name); correct the definition"
                )
        if not layer.bottom or (len(layer.bottom) > 1 and layer.type not in _SEVERAL_BOTTOMS):
            raise FileFormatError(
                f"{where}: expected one bottom, found {len(layer.bottom)}; correct the definition"
            )
        most = _TOPS.get(layer.type, 1)
        least = 1 if most is None else min(most, 1)
        if len(layer.top) < least or (most is not None and len(layer.top) > most):
            wanted = "tops" if most is None else f"{least} to {most} tops"
            raise FileFormatError(
                f"{where}: expected {wanted}, found {len(layer.top)}; correct the definition"
            )
        for name in layer.top:
            if name in self.blobs and name not in layer.bottom:
                raise FileFormatError(
                    f"{where}: expected a top of its own, found {name!r}, which an earlier layer "
                    "makes; correct the definition"
                )

    def _keep(self, context: Context, tops: Sequence[Tensor]) -> None:
        for name, top in zip(context.layer.top, tops, strict=True):
            if top.numel() > MAX_ELEMENTS or not top.numel():
                raise context.fail(
                    f"1 to {MAX_ELEMENTS} values in a batch of {name!r}", str(tuple(top.shape))
                )
            self.blobs[name] = top

    def _note_labels(self, layer: Any, shapes: tuple[tuple[int, ...], ...]) -> None:
        """Keep how many classes a blob of labels may name, and which number is passed over."""
        if layer.type == "Split" and layer.bottom[0] in self.fed:
            self.fed.update(dict.fromkeys(layer.top, self.fed[layer.bottom[0]]))
        if layer.type not in ("SoftmaxWithLoss", "Accuracy") or layer.bottom[1] not in self.fed:
            return
        loss = layer.type == "SoftmaxWithLoss"
        param = layer.loss_param if loss else layer.accuracy_param
        axis = layer.softmax_param.axis if loss else param.axis
        ignored = param.ignore_label if param.HasField("ignore_label") else None
        self.labels.setdefault(self.fed[layer.bottom[1]], (shapes[0][axis], ignored))


def _stopped(context: Context) -> frozenset[str]:
    layer = context.layer
    passed = list(layer.propagate_down)
    if passed and len(passed) != len(layer.bottom):
        raise context.fail(
            f"a propagate_down for each of {len(layer.bottom)} bottoms", str(len(passed))
        )
    return frozenset(name for name, wanted in zip(layer.bottom, passed, strict=False) if not wanted)


def _loss_weights(context: Context) -> tuple[float, ...]:
    """Return what each top adds to the loss, times its sum: 1 for the first top of a loss."""
    layer = context.layer
    given = list(layer.loss_weight)
    if given and len(given) != len(layer.top):
        raise context.fail(f"a loss_weight for each of {len(layer.top)} tops", str(len(given)))
    if not given:
        first = 1.0 if layer.type.endswith("Loss") else 0.0
        given = [first] + [0.0] * (len(layer.top) - 1) if layer.top else []
    if any(weight != weight or abs(weight) == float("inf") for weight in given):
        raise context.fail("finite loss weights", str(given))
    return tuple(given)
