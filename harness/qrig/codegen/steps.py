"""Which kernel computes a layer, and with which arguments."""

from __future__ import annotations

from functools import singledispatch

from attrs import frozen

from qrig.codegen.limits import MAX_ARGUMENT
from qrig.errors import UnsupportedNetworkError
from qrig.fixedpoint.quantized import (
    QuantizedConcat,
    QuantizedConvolution,
    QuantizedDepthwiseConvolution,
    QuantizedEltwiseSum,
    QuantizedInnerProduct,
    QuantizedLayer,
    QuantizedPooling,
    QuantizedReLU,
    QuantizedSigmoid,
    QuantizedSoftmax,
    QuantizedTanH,
)

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
class Operands:
    """What a call works on: the buffers it reads, the one it writes, and its scratch memory."""

    sources: tuple[str, ...]
    target: str
    scratch: str = "NULL"

    @property
    def source(self) -> str:
        """The first buffer it reads."""
        return self.sources[0]


@frozen
class Step:
    """One call in the generated network function.

    `returns_status` says whether the kernel can refuse; `macros` are the layer's lines of
    parameter.h as (suffix, value); `arrays` are constants of the call as (declaration, values).
    """

    name: str
    function: str
    arguments: tuple[str, ...]
    returns_status: bool
    macros: tuple[tuple[str, int], ...]
    arrays: tuple[tuple[str, str], ...] = ()


def is_interleaved(layer: QuantizedInnerProduct) -> bool:
    """Return whether the weights of `layer` are interleaved by fours, for the `_opt` function.

    CMSIS-NN's own wants four inputs at least.
    """
    return layer.in_shape.size >= _MIN_INTERLEAVED and layer.out_shape.c >= _MIN_INTERLEAVED


@singledispatch
def make_step(layer: QuantizedLayer, name: str, at: Operands) -> Step:
    """Return the call for `layer`, whose identifier is `name`.

    Raises UnsupportedNetworkError if no kernel computes it.
    """
    raise UnsupportedNetworkError(f"layer {layer.name!r}: no kernel computes a {layer.type}")


@make_step.register
def _(layer: QuantizedConvolution, name: str, at: Operands) -> Step:
    return _convolution(layer, _convolution_kernel(layer), name, at)


@make_step.register
def _(layer: QuantizedDepthwiseConvolution, name: str, at: Operands) -> Step:
    stem = "arm_depthwise_separable_conv_HWC_q7"
    function = stem if _is_square(layer) else f"{stem}_nonsquare"
    return _convolution(layer, function, name, at)


@make_step.register
def _(layer: QuantizedPooling, name: str, at: Operands) -> Step:
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
        f"arm_{stem}_q7_HWC_nonsquare",
        (at.source, *(f"{upper}_{key}" for key in keys), "NULL", at.target),
        returns_status=True,
        macros=(*_sides(layer), ("IN_CH", layer.in_shape.c)),
    )


@make_step.register
def _(layer: QuantizedInnerProduct, name: str, at: Operands) -> Step:
    upper = name.upper()
    if layer.in_shape.size > MAX_ARGUMENT:
        raise UnsupportedNetworkError(
            f"layer {layer.name!r}: expected at most {MAX_ARGUMENT} inputs of an inner product, "
            f"found {layer.in_shape.size}; pool the tensor before it"
        )
    return Step(
        name,
        "arm_fully_connected_q7_opt" if is_interleaved(layer) else "arm_fully_connected_q7",
        (
            at.source,
            f"{name}_weights",
            f"{upper}_IN_DIM",
            f"{upper}_OUT_DIM",
            f"{upper}_BIAS_LSHIFT",
            f"{upper}_OUT_RSHIFT",
            f"{name}_bias",
            at.target,
            at.scratch,
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
def _(layer: QuantizedReLU, name: str, at: Operands) -> Step:
    return Step(
        name,
        "arm_relu_q7",
        (at.target, f"{name.upper()}_SIZE"),
        returns_status=False,
        macros=(("SIZE", layer.out_shape.size),),
    )


@make_step.register
def _(layer: QuantizedSoftmax, name: str, at: Operands) -> Step:
    return Step(
        name,
        "arm_softmax_q7",
        (at.source, f"{name.upper()}_SIZE", at.target),
        returns_status=False,
        macros=(("SIZE", layer.out_shape.size),),
    )


@make_step.register
def _(layer: QuantizedSigmoid, name: str, at: Operands) -> Step:
    return _activation(layer, "ARM_SIGMOID", name, at)


@make_step.register
def _(layer: QuantizedTanH, name: str, at: Operands) -> Step:
    return _activation(layer, "ARM_TANH", name, at)


@make_step.register
def _(layer: QuantizedConcat, name: str, at: Operands) -> Step:
    upper, count = name.upper(), len(layer.in_shapes)
    return Step(
        name,
        "qrig_concat_q7",
        (
            *("tensors", "channels", "shifts"),
            f"{upper}_COUNT",
            f"{upper}_PIXELS",
            at.target,
        ),
        returns_status=True,
        macros=(
            *((f"CH_{number}", shape.c) for number, shape in enumerate(layer.in_shapes)),
            *((f"RSHIFT_{number}", shift) for number, shift in enumerate(layer.input_shifts)),
            ("COUNT", count),
            ("PIXELS", layer.out_shape.h * layer.out_shape.w),
        ),
        arrays=(
            _tensors(at),
            _shorts("channels", f"{upper}_CH", count),
            _shorts("shifts", f"{upper}_RSHIFT", count),
        ),
    )


@make_step.register
def _(layer: QuantizedEltwiseSum, name: str, at: Operands) -> Step:
    upper, count = name.upper(), len(layer.in_shapes)
    return Step(
        name,
        "qrig_eltwise_sum_q7",
        (
            *("tensors", "shifts"),
            f"{upper}_COUNT",
            f"{upper}_SIZE",
            f"{upper}_OUT_RSHIFT",
            at.target,
        ),
        returns_status=True,
        macros=(
            *((f"LSHIFT_{number}", shift) for number, shift in enumerate(layer.input_shifts)),
            ("COUNT", count),
            ("SIZE", layer.out_shape.size),
            ("OUT_RSHIFT", layer.output_shift),
        ),
        arrays=(_tensors(at), _shorts("shifts", f"{upper}_LSHIFT", count)),
    )


def _activation(
    layer: QuantizedSigmoid | QuantizedTanH, kind: str, name: str, at: Operands
) -> Step:
    upper = name.upper()
    return Step(
        name,
        "arm_nn_activations_direct_q7",
        (at.target, f"{upper}_SIZE", f"{upper}_INT_WIDTH", kind),
        returns_status=True,
        macros=(("SIZE", layer.out_shape.size), ("INT_WIDTH", layer.int_width)),
    )


def _tensors(at: Operands) -> tuple[str, str]:
    return "const q7_t *const tensors[]", ", ".join(at.sources)


def _shorts(name: str, macro: str, count: int) -> tuple[str, str]:
    return f"const uint16_t {name}[]", ", ".join(f"{macro}_{number}" for number in range(count))


def _convolution(layer: _AnyConvolution, function: str, name: str, at: Operands) -> Step:
    """Return the call of `function`, whose signature its name tells: any sides, or square alone."""
    upper = name.upper()
    square = not function.endswith("_nonsquare")
    window = _SQUARE if square else _NONSQUARE
    inputs, kernel, outputs = ([f"{upper}_{key}" for key in group] for group in window)
    return Step(
        name,
        function,
        (
            at.source,
            *inputs,
            f"{name}_weights",
            *kernel,
            f"{name}_bias",
            f"{upper}_BIAS_LSHIFT",
            f"{upper}_OUT_RSHIFT",
            at.target,
            *outputs,
            at.scratch,
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
