"""What qrig does with each Caffe layer type: the one table that reading and the docs use."""

from __future__ import annotations

from enum import Enum

from attrs import frozen

from qrig.errors import UnsupportedNetworkError
from qrig.networks import graph


class Role(Enum):
    """What a layer of a type is at test time."""

    INPUT = "the input"
    COMPUTED = "computed"
    IDENTITY = "passed through"
    JUDGE = "left out"
    UNREADABLE = "refused by name"


@frozen
class LayerType:
    """One layer type: what it is, which layers of the graph it becomes, and within which limits."""

    role: Role
    becomes: tuple[type[graph.Layer], ...] = ()
    limits: str = ""


def _computed(*becomes: type[graph.Layer], limits: str = "") -> LayerType:
    return LayerType(Role.COMPUTED, becomes, limits)


_OTHERS = """AbsVal ArgMax BNLL BatchReindex Bias Clip Crop Deconvolution ELU Embed Exp Filter
    Im2col LSTM LSTMUnit Log MVN PReLU Parameter Power Python RNN Reduction SPP Slice Swish
    Threshold Tile WindowData"""

LAYER_TYPES: dict[str, LayerType] = {
    "Data": LayerType(Role.INPUT, limits="the shape comes from elsewhere, or from a mean image"),
    "HDF5Data": LayerType(Role.INPUT, limits="the shape comes from elsewhere"),
    "ImageData": LayerType(Role.INPUT, limits="shape from `new_height` and `new_width`; B, G, R"),
    "MemoryData": LayerType(Role.INPUT),
    "Input": LayerType(Role.INPUT, limits="2 or 4 dimensions"),
    "DummyData": LayerType(Role.INPUT),
    "Convolution": _computed(
        graph.Convolution,
        graph.DepthwiseConvolution,
        limits="2-D; groups and dilation are deployed as kernels with zeros",
    ),
    "InnerProduct": _computed(graph.InnerProduct, limits="`axis: 1`; at most 65,535 inputs"),
    "Pooling": _computed(
        graph.Pooling,
        limits="MAX and AVE; deployed without padding in AVE, and with less than the stride in MAX",
    ),
    "ReLU": _computed(graph.ReLU, limits="deployed without `negative_slope`"),
    "Sigmoid": _computed(graph.Sigmoid),
    "TanH": _computed(graph.TanH),
    "Softmax": _computed(graph.Softmax, limits="over channels; deployed over a vector"),
    "LRN": _computed(graph.LocalResponseNormalization, limits="float only"),
    "BatchNorm": _computed(graph.BatchNorm, limits="global statistics"),
    "Scale": _computed(graph.Scale, limits="by channel or by one number; one bottom"),
    "Concat": _computed(graph.Concat, limits="along the channels"),
    "Eltwise": _computed(graph.Eltwise, limits="deployed as a sum with coefficients 1"),
    "Flatten": _computed(graph.Flatten, limits="from axis 1"),
    "Reshape": _computed(graph.Flatten, limits="to a vector"),
    "Dropout": LayerType(Role.IDENTITY),
    "Split": LayerType(Role.IDENTITY),
    "Accuracy": LayerType(Role.JUDGE),
    "SoftmaxWithLoss": LayerType(Role.JUDGE, limits="the network ends with the logits"),
    "ContrastiveLoss": LayerType(Role.JUDGE),
    "EuclideanLoss": LayerType(Role.JUDGE),
    "HDF5Output": LayerType(Role.JUDGE),
    "HingeLoss": LayerType(Role.JUDGE),
    "InfogainLoss": LayerType(Role.JUDGE),
    "MultinomialLogisticLoss": LayerType(Role.JUDGE),
    "SigmoidCrossEntropyLoss": LayerType(Role.JUDGE, limits="the network ends with the logits"),
    "Silence": LayerType(Role.JUDGE),
    **dict.fromkeys(_OTHERS.split(), LayerType(Role.UNREADABLE)),
}
"""Every layer type of Caffe, by its name."""


def _of_role(role: Role) -> frozenset[str]:
    return frozenset(name for name, entry in LAYER_TYPES.items() if entry.role is role)


COMPUTED_TYPES = _of_role(Role.COMPUTED)
"""Types that become a layer of the network."""

INPUT_TYPES = _of_role(Role.INPUT)
"""Types that make the network's input."""

TRAINING_TYPES = _of_role(Role.JUDGE)
"""Types that only judge: a deployment leaves them out."""

IDENTITY_TYPES = _of_role(Role.IDENTITY)
"""Types that pass their input on at test time."""

READABLE_TYPES = frozenset(LAYER_TYPES) - _of_role(Role.UNREADABLE)
"""Every type qrig reads."""


def unknown_type(where: str, kind: str) -> UnsupportedNetworkError:
    """Make the error for a layer of a type qrig does not read; `where` names layer and place."""
    return UnsupportedNetworkError(
        f"{where} is of type {kind!r}, which qrig cannot deploy; it knows "
        f"{', '.join(sorted(READABLE_TYPES))}"
    )
