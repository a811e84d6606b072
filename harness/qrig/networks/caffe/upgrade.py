"""Older forms of a NetParameter brought to today's: Caffe's `upgrade_proto`, without V0.

V1 `layers` become `layer`: enum types become names; `blobs_lr`, `weight_decay`, share names and
share modes become `param`. Transform fields inside `data_param` and `image_data_param` move to
`transform_param`. A BatchNorm's `param` blocks lose their rates: its blobs are not learned.
"""

from __future__ import annotations

from typing import Any

from qrig.networks.caffe.schema import message

_NAMES = {
    "NONE": "",
    "ABSVAL": "AbsVal",
    "ARGMAX": "ArgMax",
    "BNLL": "BNLL",
    "HDF5_DATA": "HDF5Data",
    "HDF5_OUTPUT": "HDF5Output",
    "LRN": "LRN",
    "MVN": "MVN",
    "RELU": "ReLU",
    "SOFTMAX_LOSS": "SoftmaxWithLoss",
    "TANH": "TanH",
}
"""V1 types whose name is not the enum's words with capitals."""

_TRANSFORMED = {
    "Data": "data_param",
    "ImageData": "image_data_param",
    "WindowData": "window_data_param",
}
_TRANSFORM_FIELDS = ("scale", "mean_file", "crop_size", "mirror")
_PLAIN = ("name", "bottom", "top", "blobs", "include", "exclude", "loss_weight")
_BATCH_NORM_BLOBS = 3


def upgrade(net: Any) -> None:
    """Bring a NetParameter without V0 layers to today's form, in place."""
    for old in net.layers:
        _upgrade_layer(old, net.layer.add())
    net.ClearField("layers")
    for layer in net.layer:
        _move_transform(layer)
        if layer.type == "BatchNorm" and len(layer.param) == _BATCH_NORM_BLOBS:
            _freeze(layer)


def type_name(number: int) -> str:
    """Return today's name of a V1 layer type; "" for none."""
    name: str = (
        message("V1LayerParameter").DESCRIPTOR.fields_by_name["type"].enum_type
        .values_by_number[number].name
    )  # fmt: skip
    return _NAMES.get(name, "".join(map(str.capitalize, name.split("_"))))


def _upgrade_layer(old: Any, new: Any) -> None:
    for descriptor, value in old.ListFields():
        name = descriptor.name
        if name in _PLAIN:
            if name == "name":
                new.name = value
            else:
                getattr(new, name).MergeFrom(value)
        elif name.endswith("_param"):
            getattr(new, name).CopyFrom(value)
    new.type = type_name(old.type)
    lists = {
        "name": old.param,
        "share_mode": old.blob_share_mode,
        "lr_mult": old.blobs_lr,
        "decay_mult": old.weight_decay,
    }
    for index in range(max(map(len, lists.values()))):
        spec = new.param.add()
        for field, values in lists.items():
            if index < len(values):
                setattr(spec, field, values[index])


def _move_transform(layer: Any) -> None:
    name = _TRANSFORMED.get(layer.type)
    if name is None or not layer.HasField(name):
        return
    param, transform = getattr(layer, name), layer.transform_param
    for field in _TRANSFORM_FIELDS:
        if param.HasField(field):
            if not transform.HasField(field):
                setattr(transform, field, getattr(param, field))
            param.ClearField(field)


def _freeze(layer: Any) -> None:
    layer.ClearField("param")
    for _ in range(_BATCH_NORM_BLOBS):
        layer.param.add(lr_mult=0, decay_mult=0)
