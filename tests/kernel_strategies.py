"""Random calls of every kernel: shapes, shifts, contents and places of tensors."""

from collections.abc import Mapping
from typing import Any

from attrs import frozen
from hypothesis import strategies as st

from full_runs import FULL
from qrig.fixedpoint.semantics import DEFAULT, Semantics
from qrig.measure.kernel_calls import KernelCall, kernel_call
from qrig.measure.kernel_trial import Constant, Contents, Sequence

MOST_MACS = 150_000 if FULL else 40_000
MOST_ELEMENTS = 20_000 if FULL else 6_000
_MOST_CHANNELS = 512

Draw = Any


@frozen(repr=False)
class Example:
    """A call to try, and how its tensors lie in memory."""

    call: KernelCall
    contents: Mapping[str, Contents]
    misaligned: Mapping[str, int]
    in_place: bool = False

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # IPython's
        """Show it to Hypothesis as it is shown to others."""
        printer.text(repr(self))

    def __repr__(self) -> str:
        """Return the arguments with which `ResidentKernels.run` repeats it."""
        call = f"kernel_call({self.call.name!r}, {dict(self.call.parameters)})"
        return f"{call}, {self.contents}, misaligned={self.misaligned}, in_place={self.in_place}"


def examples(name: str, semantics: Semantics = DEFAULT) -> st.SearchStrategy[Example]:
    """Return random calls of the kernel `name` that it must not refuse."""
    if "convolve" in name or "depthwise" in name:
        return _convolutions(name)
    if "fully_connected" in name:
        return _connections(name)
    if "pool" in name:
        return _pools(name, larger=semantics.pooling == "c")
    if name in ("qrig_concat_q7", "qrig_eltwise_sum_q7"):
        return _joins(name)
    return _preprocessings(name) if "preprocess" in name else _vectors(name)


def _upto(limit: int) -> st.SearchStrategy[int]:
    """Return numbers from 1 to a limit, small ones and round ones more often."""
    limit = max(1, limit)
    near = [n for n in (1, 2, 3, 4, 5, 7, 8, 12, 16, 31, 32, 33, 64) if n <= limit]
    return st.sampled_from(near) | st.integers(1, limit)


def _channels(draw: Draw, limit: int, multiple: int) -> int:
    blocks: int = draw(_upto(min(_MOST_CHANNELS, limit) // multiple))
    return multiple * blocks


_BEYOND = st.sampled_from((0, 0, 0, 1, 2))
"""Output pixels whose windows reach further beyond the image than padding does."""


def _axis(draw: Draw, *, one: bool) -> dict[str, int]:
    """Draw one axis of a convolution: its window slides over the image and its padding."""
    if one:
        size = draw(_upto(12))
        return {"dim_im_in": size, "dim_kernel": 1, "padding": 0, "stride": 1, "dim_im_out": size}
    kernel = draw(st.integers(1, 5) | st.integers(1, 11))
    padding = draw(st.integers(0, kernel // 2) | st.integers(0, kernel + 1))
    stride = draw(st.integers(1, 2) | st.integers(1, kernel + 2))
    size = max(draw(st.integers(1, 14)), kernel - 2 * padding)
    natural = (size + 2 * padding - kernel) // stride + 1
    return {
        "dim_im_in": size,
        "dim_kernel": kernel,
        "padding": padding,
        "stride": stride,
        "dim_im_out": min(natural + draw(_BEYOND), draw(st.integers(1, 20))),
    }


def _axes(draw: Draw, name: str, *, one: bool = False) -> dict[str, int]:
    if "nonsquare" not in name:
        return _axis(draw, one=one)
    both = {"x": _axis(draw, one=one), "y": _axis(draw, one=one)}
    return {f"{key}_{at}": value for at, axis in both.items() for key, value in axis.items()}


def _area(axes: Mapping[str, int], key: str) -> int:
    return axes[key] ** 2 if key in axes else axes[f"{key}_x"] * axes[f"{key}_y"]


_SHIFT = st.integers(0, 12) | st.integers(0, 31)


def _multiples(name: str) -> tuple[int, int]:
    """Return what input and output channels must be multiples of."""
    if "q15_fast" in name:
        return 2, 2
    return (4, 2) if "fast" in name else (1, 1)


@st.composite
def _convolutions(draw: Draw, name: str) -> Example:
    axes = _axes(draw, name, one="1x1" in name)
    if name == "arm_convolve_HWC_q15_fast":
        axes["dim_im_out"] += axes["dim_im_out"] % 2  # as ARM's, it refuses an odd output
    pixels, taps = _area(axes, "dim_im_out"), _area(axes, "dim_kernel")
    per_in, per_out = _multiples(name)
    limit = min(MOST_MACS // (pixels * taps), MOST_ELEMENTS // _area(axes, "dim_im_in"))
    if "RGB" in name:
        ch_in = 3
    else:
        ch_in = _channels(draw, limit // (1 if "depthwise" in name else per_out), per_in)
    if "depthwise" in name:
        ch_out = ch_in
    else:
        most = min(MOST_MACS // (pixels * taps * ch_in), MOST_ELEMENTS // pixels)
        ch_out = _channels(draw, most, per_out)
    shifts = {"bias_shift": draw(_SHIFT), "out_shift": draw(_SHIFT)}
    return _example(draw, name, {**axes, "ch_im_in": ch_in, "ch_im_out": ch_out, **shifts})


@st.composite
def _connections(draw: Draw, name: str) -> Example:
    columns = draw(_upto(1024))
    rows = draw(_upto(min(200, MOST_MACS // columns)))
    shifts = {"bias_shift": draw(_SHIFT), "out_shift": draw(_SHIFT)}
    return _example(draw, name, {"dim_vec": columns, "num_of_rows": rows, **shifts})


def _pool_axis(draw: Draw, *, larger: bool) -> dict[str, int]:
    """Draw one axis of a pool: every window holds a pixel, the output may be `larger`."""
    size = draw(st.integers(1, 16))
    kernel = draw(st.integers(1, 4) | st.integers(1, 11))
    padding = draw(st.integers(0, min(1, kernel - 1)) | st.integers(0, kernel - 1))
    stride = draw(st.integers(1, 3) | st.integers(1, kernel + 2))
    most = (size - 1 + padding) // stride + 1
    most = most if larger else min(size, most)
    return {
        "dim_im_in": size,
        "dim_kernel": kernel,
        "padding": padding,
        "stride": stride,
        "dim_im_out": most - draw(st.integers(0, min(1, most - 1))),
    }


@st.composite
def _pools(draw: Draw, name: str, *, larger: bool) -> Example:
    if "nonsquare" in name:
        both = {at: _pool_axis(draw, larger=larger) for at in "xy"}
        axes = {f"{key}_{at}": value for at, axis in both.items() for key, value in axis.items()}
    else:
        axes = _pool_axis(draw, larger=larger)
    channels = draw(_upto(min(_MOST_CHANNELS, MOST_ELEMENTS // _area(axes, "dim_im_in"))))
    return _example(draw, name, {**axes, "ch_im_in": channels})


@st.composite
def _vectors(draw: Draw, name: str) -> Example:
    if "softmax" in name:
        parameters = {"dim_vec": draw(_upto(300))}
        return _example(draw, name, parameters, in_place=draw(st.booleans()))
    parameters = {"size": draw(_upto(MOST_ELEMENTS))}
    if "activations" in name:
        parameters |= {"int_width": draw(st.integers(0, 3)), "type": draw(st.integers(0, 1))}
    return _example(draw, name, parameters)


@st.composite
def _joins(draw: Draw, name: str) -> Example:
    count = draw(st.integers(1, 3))
    parameters = {"count": count}
    if "concat" in name:
        pixels = draw(_upto(200))
        for number in (1, 2, 3):
            parameters[f"channels_{number}"] = draw(_upto(MOST_ELEMENTS // pixels // 6))
            parameters[f"shift_{number}"] = draw(st.just(0) | _SHIFT)
        return _example(draw, name, {**parameters, "pixels": pixels})
    shifts = st.just(0) | st.integers(0, 7) | st.integers(0, 20)
    parameters |= {f"shift_{number}": draw(shifts) for number in (1, 2, 3)}
    parameters |= {"size": draw(_upto(MOST_ELEMENTS // 4)), "out_shift": draw(_SHIFT)}
    return _example(draw, name, parameters, in_place=draw(st.booleans()))


@st.composite
def _preprocessings(draw: Draw, name: str) -> Example:
    parameters = {
        "size": draw(_upto(MOST_ELEMENTS)),
        "mean_length": draw(_upto(100) | _upto(1000)),
        "multiplier": draw(st.sampled_from((1, 2, 128)) | st.integers(-(2**15), 2**15 - 1)),
        "shift": draw(_SHIFT),
    }
    return _example(draw, name, parameters)


def _contents(element_bytes: int) -> st.SearchStrategy[Contents]:
    top = 1 << (8 * element_bytes - 1)
    extremes = st.sampled_from((-top, top - 1, 0, -1, 1)).map(Constant)
    shift = st.just(0) | st.integers(0, 8 * element_bytes - 1)
    sequences = st.builds(Sequence, st.integers(1, 2**32 - 1), shift)
    return sequences | sequences | sequences | extremes


def _example(
    draw: Draw, name: str, parameters: Mapping[str, int], *, in_place: bool = False
) -> Example:
    call = kernel_call(name, parameters)
    inputs = [key for key in call.tensors if key != "output"]
    contents = {key: draw(_contents(call.tensors[key].element_bytes)) for key in inputs}
    misaligned = {}
    if draw(st.booleans()):
        for key, tensor in call.tensors.items():
            misaligned[key] = draw(st.integers(0, 3)) // tensor.element_bytes * tensor.element_bytes
        misaligned["scratch"] = draw(st.sampled_from((0, 2)))
    return Example(call, contents, misaligned, in_place=in_place)
