"""What every kernel of `arm_nnfunctions.h` takes: its arguments in order and its tensors.

Parameters have the names of ARM's headers: dim_im_in, ch_im_in, ch_im_out, dim_kernel, padding,
stride, dim_im_out (each dimension with _x and _y in the forms for any sides), bias_shift,
out_shift; dim_vec, num_of_rows; size, int_width, type. Those of qrig_preprocess_q7 are size,
mean_length, multiplier and shift; those of what joins tensors are count, of up to three tensors,
channels_1 to channels_3, shift_1 to shift_3, and pixels or size.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from attrs import frozen

from qrig.errors import UsageError
from qrig.fixedpoint.interleave import Order

Parameters = Mapping[str, int]

_NULL = "null"
_WORDS = ("size", "mean_length", "multiplier", "pixels")  # arguments of 32 bits


@frozen
class Tensor:
    """A tensor of a call: its shape, the bytes of an element, and the order of its elements."""

    shape: tuple[int, ...]
    element_bytes: int = 1
    order: Order = Order.PLAIN

    @property
    def count(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)

    @property
    def size_bytes(self) -> int:
        """The size in memory."""
        return self.count * self.element_bytes


@frozen
class Companion:
    """The function that says how large a kernel's scratch buffer is, and its arguments."""

    name: str
    letters: str
    arguments: tuple[int, ...]


@frozen
class KernelCall:
    """A kernel, its parameters, and what follows from them.

    `words` are the arguments in order: names of tensors, names of parameters, or "null". `tensors`
    are all but the scratch buffer, whose size `companion` says. `written` are the names of those
    the kernel may change, "output" the one its result is in.
    """

    name: str
    parameters: Parameters
    letters: str
    words: tuple[str, ...]
    tensors: Mapping[str, Tensor]
    written: frozenset[str]
    output: str
    companion: Companion | None = None
    macs: int = 0


@frozen
class _Family:
    """Kernels with the same arguments; sizes in bytes are of input, weights and output."""

    returns: str
    words: str
    tensors: Callable[[Parameters, _Family], dict[str, Tensor]]
    element_bytes: tuple[int, int, int] = (1, 1, 1)
    companion: str | None = None
    written: str = "output scratch"
    output: str = "output"
    order: Order = Order.PLAIN
    depthwise: bool = False


def pair(parameters: Parameters, name: str) -> tuple[int, int]:
    """Return the (y, x) values of a parameter that may be given once for both."""
    if name in parameters:
        return parameters[name], parameters[name]
    return parameters[f"{name}_y"], parameters[f"{name}_x"]


def _convolution(p: Parameters, family: _Family) -> dict[str, Tensor]:
    x, w, y = family.element_bytes
    kernel, ch_in, ch_out = pair(p, "dim_kernel"), p["ch_im_in"], p["ch_im_out"]
    weights = (*kernel, ch_in) if family.depthwise else (ch_out, *kernel, ch_in)
    return {
        "input": Tensor((*pair(p, "dim_im_in"), ch_in), x),
        "weights": Tensor(weights, w),
        "bias": Tensor((ch_out,), w),
        "output": Tensor((*pair(p, "dim_im_out"), ch_out), y),
    }


def _connected(p: Parameters, family: _Family) -> dict[str, Tensor]:
    x, w, y = family.element_bytes
    rows, columns = p["num_of_rows"], p["dim_vec"]
    return {
        "input": Tensor((columns,), x),
        "weights": Tensor((rows, columns), w, family.order),
        "bias": Tensor((rows,), w),
        "output": Tensor((rows,), y),
    }


def _pool(p: Parameters, family: _Family) -> dict[str, Tensor]:
    return {
        "input": Tensor((*pair(p, "dim_im_in"), p["ch_im_in"])),
        "output": Tensor((*pair(p, "dim_im_out"), p["ch_im_in"])),
    }


def _in_place(p: Parameters, family: _Family) -> dict[str, Tensor]:
    return {"input": Tensor((p["size"],), family.element_bytes[0])}


def _softmax(p: Parameters, family: _Family) -> dict[str, Tensor]:
    tensor = Tensor((p["dim_vec"],), family.element_bytes[0])
    return {"input": tensor, "output": tensor}


def _preprocess(p: Parameters, family: _Family) -> dict[str, Tensor]:
    pixels = Tensor((p["size"],))
    return {"input": pixels, "mean": Tensor((p["mean_length"],), 2), "output": pixels}


def _joined(p: Parameters, sizes: tuple[int, ...]) -> dict[str, Tensor]:
    """Return up to three inputs; those that are not taken have no elements."""
    used = [size if index < p["count"] else 0 for index, size in enumerate(sizes)]
    return {name: Tensor((size,)) for name, size in zip(_INPUTS, used, strict=True)}


def _concat(p: Parameters, family: _Family) -> dict[str, Tensor]:
    inputs = _joined(p, tuple(p["pixels"] * p[f"channels_{i}"] for i in (1, 2, 3)))
    return {**inputs, "output": Tensor((sum(tensor.count for tensor in inputs.values()),))}


def _sum(p: Parameters, family: _Family) -> dict[str, Tensor]:
    return {**_joined(p, (p["size"],) * 3), "output": Tensor((p["size"],))}


def _copy(p: Parameters, family: _Family) -> dict[str, Tensor]:
    return {"input": Tensor((p["size"],)), "output": Tensor((p["size"],))}


_INPUTS = ("input", "second", "third")
_SQUARE = (
    "input dim_im_in ch_im_in weights ch_im_out dim_kernel padding stride bias bias_shift "
    "out_shift output dim_im_out scratch null"
)
_ANY_SIDES = (
    "input dim_im_in_x dim_im_in_y ch_im_in weights ch_im_out dim_kernel_x dim_kernel_y "
    "padding_x padding_y stride_x stride_y bias bias_shift out_shift output dim_im_out_x "
    "dim_im_out_y scratch null"
)
_POOL = "input dim_im_in ch_im_in dim_kernel padding stride dim_im_out scratch output"
_POOL_ANY_SIDES = (
    "input dim_im_in_x dim_im_in_y ch_im_in dim_kernel_x dim_kernel_y padding_x padding_y "
    "stride_x stride_y dim_im_out_x dim_im_out_y scratch output"
)
_CONNECTED = "input weights dim_vec num_of_rows bias_shift out_shift bias output scratch"
_Q15 = (2, 2, 2)
_MIXED = (2, 1, 2)


def _square(element_bytes: tuple[int, int, int] = (1, 1, 1), *, depthwise: bool = False) -> _Family:
    companion = "ch_im_in dim_kernel"
    return _Family("s", _SQUARE, _convolution, element_bytes, companion, depthwise=depthwise)


def _sides(element_bytes: tuple[int, int, int] = (1, 1, 1), *, depthwise: bool = False) -> _Family:
    companion = "ch_im_in dim_kernel_x dim_kernel_y"
    return _Family("s", _ANY_SIDES, _convolution, element_bytes, companion, depthwise=depthwise)


def _rows(element_bytes: tuple[int, int, int], order: Order = Order.PLAIN) -> _Family:
    return _Family("s", _CONNECTED, _connected, element_bytes, "dim_vec", order=order)


def _pooling(words: str, companion: str | None) -> _Family:
    return _Family("s", words, _pool, companion=companion, written="input output scratch")


def _changed(returns: str, words: str, element_bytes: int) -> _Family:
    sizes = (element_bytes, 1, element_bytes)
    return _Family(returns, words, _in_place, sizes, written="input", output="input")


_FAMILIES: dict[str, _Family] = {
    "arm_convolve_HWC_q7_basic": _square(),
    "arm_convolve_HWC_q7_basic_nonsquare": _sides(),
    "arm_convolve_HWC_q7_RGB": _square(),
    "arm_convolve_HWC_q7_fast": _square(),
    "arm_convolve_HWC_q7_fast_nonsquare": _sides(),
    "arm_convolve_1x1_HWC_q7_fast_nonsquare": _sides(),
    "arm_depthwise_separable_conv_HWC_q7": _square(depthwise=True),
    "arm_depthwise_separable_conv_HWC_q7_nonsquare": _sides(depthwise=True),
    "arm_convolve_HWC_q15_basic": _square(_Q15),
    "arm_convolve_HWC_q15_fast": _square(_Q15),
    "arm_convolve_HWC_q15_fast_nonsquare": _sides(_Q15),
    "arm_fully_connected_q7": _rows((1, 1, 1)),
    "arm_fully_connected_q7_opt": _rows((1, 1, 1), Order.X4_Q7),
    "arm_fully_connected_q15": _rows(_Q15),
    "arm_fully_connected_q15_opt": _rows(_Q15, Order.X4_Q15),
    "arm_fully_connected_mat_q7_vec_q15": _rows(_MIXED),
    "arm_fully_connected_mat_q7_vec_q15_opt": _rows(_MIXED, Order.X4_MIXED),
    "arm_maxpool_q7_HWC": _pooling(_POOL, None),
    "arm_maxpool_q7_HWC_nonsquare": _pooling(_POOL_ANY_SIDES, None),
    "arm_avepool_q7_HWC": _pooling(_POOL, "dim_im_out ch_im_in"),
    "arm_avepool_q7_HWC_nonsquare": _pooling(_POOL_ANY_SIDES, "dim_im_out_x ch_im_in"),
    "arm_relu_q7": _changed("v", "input size", 1),
    "arm_relu_q15": _changed("v", "input size", 2),
    "arm_softmax_q7": _Family("v", "input dim_vec output", _softmax),
    "arm_softmax_q15": _Family("v", "input dim_vec output", _softmax, _Q15),
    "arm_nn_activations_direct_q7": _changed("s", "input size int_width type", 1),
    "arm_nn_activations_direct_q15": _changed("s", "input size int_width type", 2),
    "qrig_preprocess_q7": _Family(
        "s", "input size mean mean_length multiplier shift output", _preprocess
    ),
    "qrig_concat_q7": _Family(
        "s",
        "input second third channels_1 channels_2 channels_3 shift_1 shift_2 shift_3 count pixels "
        "output",
        _concat,
    ),
    "qrig_eltwise_sum_q7": _Family(
        "s", "input second third shift_1 shift_2 shift_3 count size out_shift output", _sum
    ),
    "qrig_copy_q7": _Family("v", "input size output", _copy),
}

KERNELS = tuple(_FAMILIES)
"""The names of all kernels."""


def kernel_call(name: str, parameters: Parameters) -> KernelCall:
    """Return what a call of `name` takes; raises UsageError for a kernel there is not."""
    family = _FAMILIES.get(name)
    if family is None:
        raise UsageError(f"expected a kernel ({', '.join(KERNELS)}), found {name!r}; choose one")
    words = tuple(family.words.split())
    tensors = family.tensors(parameters, family)
    letters = "".join(_letter(word, tensors) for word in words)
    companion = None
    if family.companion is not None:
        arguments = tuple(parameters[word] for word in family.companion.split())
        letters_of = "z" + "h" * len(arguments)
        companion = Companion(f"{name}_buffer_bytes", letters_of, arguments)
    return KernelCall(
        name=name,
        parameters=parameters,
        letters=family.returns + letters,
        words=words,
        tensors=tensors,
        written=frozenset(family.written.split()),
        output=family.output,
        companion=companion,
        macs=_macs(tensors),
    )


def _letter(word: str, tensors: Mapping[str, Tensor]) -> str:
    if word in tensors or word in ("scratch", _NULL):
        return "p"
    return "w" if word in _WORDS else "h"


def _macs(tensors: Mapping[str, Tensor]) -> int:
    """Return the multiplications, those with padding included."""
    if "weights" not in tensors:
        return 0
    return math.prod(tensors["output"].shape[:-1]) * tensors["weights"].count
