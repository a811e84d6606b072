"""Caffe's Concat and Eltwise: layers that read several tensors."""

from __future__ import annotations

import math

from qrig.networks.caffe.layers.context import Context
from qrig.networks.graph import Concat, Eltwise, Shape

_OPERATIONS = ("product", "sum", "max")
_SUM = "sum"


def concat(context: Context) -> Concat:
    """Convert a Concat layer along the channels."""
    param = context.layer.concat_param
    if param.HasField("axis") and param.HasField("concat_dim"):
        raise context.fail("axis or concat_dim", "both")
    axis = param.concat_dim if param.HasField("concat_dim") else context.axis(param.axis)
    if axis != 1:
        raise context.unsupported(f"a concatenation along axis {axis}")
    first = context.shape
    for shape in context.shapes[1:]:
        if shape[:2] != first[:2]:
            raise context.fail("bottoms of one height and width", _listed(context.shapes))
    channels = sum(shape.c for shape in context.shapes)
    out = Shape(first.h, first.w, channels)
    return Concat(**context.base(out), in_shapes=context.shapes)


def eltwise(context: Context) -> Eltwise:
    """Convert an Eltwise layer; a sum without coefficients has ones."""
    param, count = context.layer.eltwise_param, len(context.shapes)
    operation, coefficients = _OPERATIONS[param.operation], tuple(param.coeff)
    if any(shape != context.shape for shape in context.shapes):
        raise context.fail("bottoms of one shape", _listed(context.shapes))
    if coefficients and (operation != _SUM or len(coefficients) != count):
        raise context.fail(
            "no coeff, or one for every bottom of a sum",
            f"{len(coefficients)} for the {operation} of {count} bottoms",
        )
    if not all(map(math.isfinite, coefficients)):
        raise context.fail("finite values of coeff", f"{list(coefficients)}")
    if operation == _SUM and not coefficients:
        coefficients = (1.0,) * count
    return Eltwise(
        **context.base(context.shape),
        operation=operation,
        in_shapes=context.shapes,
        coefficients=coefficients,
    )


def _listed(shapes: tuple[Shape, ...]) -> str:
    more = ", ..." if len(shapes) > 8 else ""
    return ", ".join(map(str, shapes[:8])) + more
