"""Reading a float network, whatever file holds it."""

from __future__ import annotations

from pathlib import Path

from qrig.errors import UsageError
from qrig.networks.caffe import build_network, read_prototxt, read_weights
from qrig.networks.description import holds_weights
from qrig.networks.graph import Network, Shape
from qrig.networks.onnx import read_onnx


def read_network(
    model: Path,
    weights: Path | None,
    *,
    input_shape: Shape | None = None,
    default_shape: Shape | None = None,
) -> Network:
    """Read a Caffe prototxt with its weights, or an ONNX file, which holds its own.

    `input_shape` is what the user says of the input, `default_shape` what to assume where neither
    the user nor the model says it. Raises InputError.
    """
    if holds_weights(model):
        if weights is not None:
            raise UsageError(
                f"{model}: expected no weights beside an ONNX file, which holds its own, found "
                f"{weights}; leave them out"
            )
        return read_onnx(model, input_shape=input_shape, default_shape=default_shape)
    if weights is None:
        raise UsageError(
            f"{model}: expected weights (.caffemodel or .caffemodel.h5) with a Caffe prototxt, "
            "found none; give --weights, or an .onnx file, which holds its own"
        )
    return build_network(
        read_prototxt(model),
        read_weights(weights),
        weights,
        input_shape=input_shape,
        default_shape=default_shape,
    )
