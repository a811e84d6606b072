"""Kernels, strides, paddings and dilations, given as one field or by height and width."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from qrig.networks.shapes import MAX_DIMENSION
from qrig.training.context import Context, Extent


@frozen
class Window:
    """A window that slides over an image: rows and columns of each extent."""

    kernel: Extent
    stride: Extent
    pad: Extent
    dilation: Extent = (1, 1)

    @property
    def span(self) -> Extent:
        """How far the window reaches."""
        return (
            self.dilation[0] * (self.kernel[0] - 1) + 1,
            self.dilation[1] * (self.kernel[1] - 1) + 1,
        )


def window(context: Context, param: Any) -> Window:
    """Return the window of a ConvolutionParameter or PoolingParameter; raises FileFormatError."""
    dilation = (1, 1)
    if hasattr(param, "dilation") and len(param.dilation):
        dilation = extent(context, param, "dilation", "dilation", None)
    made = Window(
        extent(context, param, "kernel_size", "kernel", None),
        extent(context, param, "stride", "stride", 1),
        extent(context, param, "pad", "pad", 0),
        dilation,
    )
    _, *sides = context.images()
    for side, k, s, p, d in zip(
        sides, made.kernel, made.stride, made.pad, made.dilation, strict=True
    ):
        small = all(1 <= value <= MAX_DIMENSION for value in (k, s, d)) and p <= MAX_DIMENSION
        if not small or d * (k - 1) + 1 > side + 2 * p:
            raise context.fail(
                f"a kernel within the padded input of {sides[0]}x{sides[1]} and strides and "
                "dilations of at least 1",
                f"kernel {made.kernel}, stride {made.stride}, padding {made.pad}, dilation "
                f"{made.dilation}",
            )
    return made


def extent(context: Context, param: Any, square: str, stem: str, default: int | None) -> Extent:
    """Return (rows, columns) given as `square`, once or twice, or as `<stem>_h` and `<stem>_w`."""
    raw = getattr(param, square)
    single = isinstance(raw, int)
    values = ([raw] if param.HasField(square) else []) if single else list(raw)
    sides = [f"{stem}_{axis}" for axis in "hw" if hasattr(param, f"{stem}_{axis}")]
    given = {name: getattr(param, name) for name in sides if param.HasField(name)}
    if values and given:
        raise context.fail(f"{square} or {stem}_h and {stem}_w", "both")
    if len(values) > 2:
        raise context.fail(f"one or two values of {square}", str(len(values)))
    if values:
        return values[0], values[-1]
    if default is None and len(given) != 2:
        raise context.fail(f"{square}, or {stem}_h and {stem}_w", "neither")
    rows, columns = (given.get(f"{stem}_{axis}", default) for axis in "hw")
    return int(rows or 0), int(columns or 0)
