"""Kernels, strides, paddings and dilations as definitions write them."""

from __future__ import annotations

from typing import Any

from qrig.networks.caffe.layers.context import Context
from qrig.networks.graph import Pair
from qrig.networks.shapes import MAX_DIMENSION


def extents(context: Context, param: Any, square: str, stem: str, default: int | None) -> Pair:
    """Return a (y, x) extent given as one field, a repeated field, or `<stem>_h` and `<stem>_w`.

    `default` is what counts where nothing is given; None if something must be.
    """
    values = _values(param, square)
    sides = [getattr(param, f"{stem}_{axis}") for axis in "hw"]
    given = [param.HasField(f"{stem}_{axis}") for axis in "hw"]
    if values and any(given):
        raise context.fail(f"{square} or {stem}_h and {stem}_w", "both")
    if any(given):
        if default is None and not all(given):
            raise context.fail(f"both {stem}_h and {stem}_w", "one of them")
        return Pair(
            *(side if present else default or 0 for side, present in zip(sides, given, strict=True))
        )
    return repeated(context, square, values, default)


def repeated(context: Context, name: str, values: list[int], default: int | None) -> Pair:
    """Return a (y, x) extent given as none, one or two values of the field `name`."""
    if not values:
        if default is None:
            raise context.fail(f"a {name}", "none")
        return Pair(default, default)
    if len(values) > 2:
        raise context.fail(f"one or two values of {name}", f"{len(values)}")
    return Pair(values[0], values[-1])


def check_limits(context: Context, kernel: Pair, stride: Pair, pad: Pair) -> None:
    """Raise FileFormatError unless every extent is one the kernels can be told."""
    for k, s, p in zip(kernel, stride, pad, strict=True):
        if not (1 <= k <= MAX_DIMENSION and 1 <= s <= MAX_DIMENSION and p <= MAX_DIMENSION):
            raise context.fail(
                f"kernel and stride of 1 to {MAX_DIMENSION}",
                f"kernel {tuple(kernel)}, stride {tuple(stride)}, padding {tuple(pad)}",
            )


def outside(context: Context, kernel: Pair) -> Exception:
    """Make the error for a kernel that nowhere fits into the padded input."""
    return context.fail(
        f"a kernel within the padded input {context.shape}", f"kernel {tuple(kernel)}"
    )


def _values(param: Any, name: str) -> list[int]:
    raw = getattr(param, name)
    if isinstance(raw, int):
        return [raw] if param.HasField(name) else []
    return list(raw)
