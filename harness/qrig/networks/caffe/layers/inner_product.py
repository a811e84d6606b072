"""Caffe's InnerProduct, and what layers with `num_output` have in common."""

from __future__ import annotations

from typing import Any

import numpy as np

from qrig.networks.caffe.layers.context import Context
from qrig.networks.graph import FloatArray, InnerProduct, Shape
from qrig.networks.shapes import MAX_DIMENSION


def inner_product(context: Context) -> InnerProduct:
    """Convert an InnerProduct layer; columns become HWC order."""
    param = context.layer.inner_product_param
    rows, shape = outputs(context, param), context.shape
    if context.axis(param.axis) != 1:
        raise context.unsupported(f"an inner product over axis {param.axis}")
    expected = (shape.size, rows) if param.transpose else (rows, shape.size)
    matrix, bias = with_bias(context, expected, rows, bias=param.bias_term)
    if param.transpose:
        matrix = matrix.T
    columns = matrix.reshape(rows, shape.c, shape.h, shape.w).transpose(0, 2, 3, 1)
    return InnerProduct(
        **context.base(Shape(1, 1, rows)),
        weights=np.ascontiguousarray(columns.reshape(rows, shape.size)),
        bias=bias,
    )


def outputs(context: Context, param: Any) -> int:
    """Return `num_output`; raises FileFormatError if it cannot be."""
    if not 1 <= param.num_output <= MAX_DIMENSION:
        raise context.fail(f"num_output of 1 to {MAX_DIMENSION}", str(param.num_output))
    return int(param.num_output)


def with_bias(
    context: Context, expected: tuple[int, ...], rows: int, *, bias: bool
) -> tuple[FloatArray, FloatArray]:
    """Return weights of the `expected` shape and the bias (rows,), zeros if it has none."""
    if bias:
        weights, values = context.blobs(expected, (rows,))
        return weights, values
    return context.blobs(expected)[0], np.zeros(rows, dtype=np.float32)
