"""Which kernel computes a layer, and with which arguments."""

from __future__ import annotations

from functools import singledispatch

from attrs import frozen

from qrig.codegen.names import format_name
from qrig.errors import UnsupportedNetworkError
from qrig.fixedpoint.quantized import (
    QuantizedConvolution,
    QuantizedDepthwiseConvolution,
    QuantizedInnerProduct,
    QuantizedLayer,
    QuantizedPooling,
    QuantizedReLU,
    QuantizedSoftmax,
)

_MAX_U16 = 0xFFFF
_MIN_INTERLEAVED = 4

_AnyConvolution = QuantizedConvolution | QuantizedDepthwiseConvolution

_Window = tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]
_SQUARE: _Window = ("IN_DIM", "IN_CH"), ("OUT_CH", "KER_DIM", "PAD", "STRIDE"), ("OUT_DIM",)
_NONSQUARE: _Window = (
    ("IN_DIM_X", "IN_DIM_Y", "IN_CH"),
    ("OUT_CH", "KER_DIM_X", "KER_DIM_Y", "PAD_X", "PAD_Y", "STRIDE_X", "STRIDE_Y"),
    ("OUT_DIM_X", "OUT_DIM_Y"),
)


@frozen
class Step:
    """One call in the generated network function.

    `returns_status` says whether the kernel can refuse; `macros` are the layer's lines of
    parameter.h as (suffix, value).
    """

    name: str
    comment: str
    function: str
    arguments: tuple[str, ...]
    returns_status: bool
    macros: tuple[tuple[str, int], ...]


def is_interleaved(layer: QuantizedInnerProduct) -> bool:
    """Return whether the weights of `layer` are interleaved by fours, for the `_opt` function.

    CMSIS-NN's own wants four inputs at least.
    """
    return layer.in_shape.size >= _MIN_INTERLEAVED and layer.out_shape.c >= _MIN_INTERLEAVED


@singledispatch
def make_step(layer: QuantizedLayer, name: str, source: str, target: str, in_bits: int) -> Step:
    """Return the call for `layer` reading buffer `source` and writing buffer `target`.

    `name` is its identifier, `in_bits` the fractional bits of its input. Raises
    UnsupportedNetworkError if no kernel computes it.
    """
    raise UnsupportedNetworkError(f"layer {layer.name!r}: no kernel computes a {layer.type}")


@make_step.register
def _(layer: QuantizedConvolution, name: str, source: str, target: str, in_bits: int) -> Step:
    return _convolution(layer, _convolution_kernel(layer), name, source, target, in_bits)


@make_step.register
def _(
    layer: QuantizedDepthwiseConvolution, name: str, source: str, target: str, in_bits: int
) -> Step:
    stem = "arm_depthwise_separable_conv_HWC_q7"
    function = stem if _is_square(layer) else f"{stem}_nonsquare"
    return _convolution(layer, function, name, source, target, in_bits)


@make_step.register
def _(layer: QuantizedPooling, name: str, source: str, target: str, in_bits: int) -> Step:
    upper = name.upper()
    stem = "maxpool" if layer.method == "max" else "avepool"
    keys = (
        "IN_DIM_X",
        "IN_DIM_Y",
        "IN_CH",
        "KER_DIM_X",
        "KER_DIM_Y",
        "PAD_X",
        "PAD_Y",
        "STRIDE_X",
        "STRIDE_Y",
        "OUT_DIM_X",
        "OUT_DIM_Y",
    )
    return Step(
        name,
        _comment(layer, in_bits, f"{layer.method} {_window_text(layer)}"),
        f"arm_{stem}_q7_HWC_nonsquare",
        (source, *(f"{upper}_{key}" for key in keys), "NULL", target),
        returns_status=True,
        macros=(*_sides(layer), ("IN_CH", layer.in_shape.c)),
    )


@make_step.register
def _(layer: QuantizedInnerProduct, name: str, source: str, target: str, in_bits: int) -> Step:
    upper = name.upper()
    if layer.in_shape.size > _MAX_U16:
        raise UnsupportedNetworkError(
            f"layer {layer.name!r}: expected at most {_MAX_U16} inputs of an inner product, found "
            f"{layer.in_shape.size}; pool the tensor before it"
        )
    return Step(
        name,
        _comment(layer, in_bits, ""),
        "arm_fully_connected_q7_opt" if is_interleaved(layer) else "arm_fully_connected_q7",
        (
            source,
            f"{name}_weights",
            f"{upper}_IN_DIM",
            f"{upper}_OUT_DIM",
            f"{upper}_BIAS_LSHIFT",
            f"{upper}_OUT_RSHIFT",
            f"{name}_bias",
            target,
            "scratch",
        ),
        returns_status=True,
        macros=(
            ("IN_DIM", layer.in_shape.size),
            ("OUT_DIM", layer.out_shape.c),
            ("BIAS_LSHIFT", layer.bias_shift),
            ("OUT_RSHIFT", layer.output_shift),
        ),
    )


@make_step.register
def _(layer: QuantizedReLU, name: str, source: str, target: str, in_bits: int) -> Step:
    return Step(
        name,
        _comment(layer, in_bits, ""),
        "arm_relu_q7",
        (target, f"{name.upper()}_SIZE"),
        returns_status=False,
        macros=(("SIZE", layer.out_shape.size),),
    )


@make_step.register
def _(layer: QuantizedSoftmax, name: str, source: str, target: str, in_bits: int) -> Step:
    return Step(
        name,
        _comment(layer, in_bits, ""),
        "arm_softmax_q7",
        (source, f"{name.upper()}_SIZE", target),
        returns_status=False,
        macros=(("SIZE", layer.out_shape.size),),
    )


def _convolution(
    layer: _AnyConvolution, function: str, name: str, source: str, target: str, in_bits: int
) -> Step:
    """Return the call of `function`, whose signature its name tells: any sides, or square alone."""
    upper = name.upper()
    square = not function.endswith("_nonsquare")
    window = _SQUARE if square else _NONSQUARE
    inputs, kernel, outputs = ([f"{upper}_{key}" for key in group] for group in window)
    return Step(
        name,
        _comment(layer, in_bits, _window_text(layer)),
        function,
        (
            source,
            *inputs,
            f"{name}_weights",
            *kernel,
            f"{name}_bias",
            f"{upper}_BIAS_LSHIFT",
            f"{upper}_OUT_RSHIFT",
            target,
            *outputs,
            "scratch",
            "NULL",
        ),
        returns_status=True,
        macros=(
            *(_square_macros(layer) if square else _macros(layer)),
            ("BIAS_LSHIFT", layer.bias_shift),
            ("OUT_RSHIFT", layer.output_shift),
        ),
    )


def _convolution_kernel(layer: QuantizedConvolution) -> str:
    """Return the fastest kernel that takes the layer's sides and channels."""
    square = _is_square(layer)
    if square and layer.in_shape.c == 3:
        return "arm_convolve_HWC_q7_RGB"
    if layer.in_shape.c % 4 or layer.out_shape.c % 2:
        return "arm_convolve_HWC_q7_basic" if square else "arm_convolve_HWC_q7_basic_nonsquare"
    if (layer.kernel, layer.stride, layer.pad) == ((1, 1), (1, 1), (0, 0)):
        return "arm_convolve_1x1_HWC_q7_fast_nonsquare"
    return "arm_convolve_HWC_q7_fast" if square else "arm_convolve_HWC_q7_fast_nonsquare"


def _is_square(layer: _AnyConvolution) -> bool:
    return all(y == x for y, x in (layer.in_shape[:2], layer.kernel, layer.stride, layer.pad))


def _square_macros(layer: _AnyConvolution) -> tuple[tuple[str, int], ...]:
    return (
        ("IN_DIM", layer.in_shape.h),
        ("IN_CH", layer.in_shape.c),
        ("KER_DIM", layer.kernel.y),
        ("PAD", layer.pad.y),
        ("STRIDE", layer.stride.y),
        ("OUT_CH", layer.out_shape.c),
        ("OUT_DIM", layer.out_shape.h),
    )


def _macros(layer: _AnyConvolution) -> tuple[tuple[str, int], ...]:
    return (*_sides(layer), ("IN_CH", layer.in_shape.c), ("OUT_CH", layer.out_shape.c))


def _sides(layer: _AnyConvolution | QuantizedPooling) -> tuple[tuple[str, int], ...]:
    return (
        ("IN_DIM_X", layer.in_shape.w),
        ("IN_DIM_Y", layer.in_shape.h),
        ("KER_DIM_X", layer.kernel.x),
        ("KER_DIM_Y", layer.kernel.y),
        ("PAD_X", layer.pad.x),
        ("PAD_Y", layer.pad.y),
        ("STRIDE_X", layer.stride.x),
        ("STRIDE_Y", layer.stride.y),
        ("OUT_DIM_X", layer.out_shape.w),
        ("OUT_DIM_Y", layer.out_shape.h),
    )


def _window_text(layer: _AnyConvolution | QuantizedPooling) -> str:
    kernel, stride, pad = (f"{y}x{x}" for y, x in (layer.kernel, layer.stride, layer.pad))
    return f"{kernel}, stride {stride}, pad {pad}"


def _comment(layer: QuantizedLayer, in_bits: int, detail: str) -> str:
    kind = f"{layer.type} {detail}".strip()
    return (
        f"{kind}: {layer.in_shape} {format_name(in_bits)} -> {layer.out_shape} "
        f"{format_name(layer.fraction_bits)}"
    )
