"""Convolutions for tests of the fast path, and their words."""

import subprocess
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from qrig.fixedpoint.quantized import QuantizedConvolution
from qrig.networks.graph import Pair, Shape
from qrig.networks.shapes import convolution_output

Integers = npt.NDArray[np.int64]

UNIT, NONE = Pair(1, 1), Pair(0, 0)


def convolution(
    image: Shape,
    channels: int,
    kernel: Pair,
    *,
    pad: Pair = NONE,
    stride: Pair = UNIT,
    weights: npt.NDArray[np.integer] | None = None,
    bias: npt.NDArray[np.integer] | None = None,
    shifts: tuple[int, int] = (0, 0),
) -> QuantizedConvolution:
    """Return a convolution; weights and bias that are not given are zero."""
    if weights is None:
        weights = np.zeros((channels, *kernel, image.c), np.int8)
    if bias is None:
        bias = np.zeros(channels, np.int8)
    return QuantizedConvolution(
        "conv", ("data",), image, convolution_output(image, kernel, stride, pad, channels), 0,
        kernel, stride, pad, weights.astype(np.int8), bias.astype(np.int8), *shifts,
    )  # fmt: skip


def lane_words(low: Integers, high: Integers) -> list[int]:
    """Return words of two 16-bit lanes."""
    words: list[int] = ((low & 0xFFFF) | (high & 0xFFFF) << 16).ravel().tolist()
    return words


def lanes_of(words: npt.NDArray[np.uint32]) -> tuple[Integers, Integers]:
    """Return the low and the high lanes of words."""
    low, high = (words & 0xFFFF).astype(np.uint16), (words >> 16).astype(np.uint16)
    return low.view(np.int16).astype(np.int64), high.view(np.int16).astype(np.int64)


def assemble(core: str, functions: Sequence[list[str]]) -> str:
    """Return what the assembler says of functions; nothing if they are right."""
    lines = ["\t.syntax unified", "\t.thumb", "\t.text", *(line for f in functions for line in f)]
    command = ["arm-none-eabi-gcc", "-c", "-Wall", "-x", "assembler", f"-mcpu={core}", "-mthumb"]
    result = subprocess.run(
        [*command, "-o", "/dev/null", "-"],
        input="\n".join([*lines, ""]),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return result.stderr
