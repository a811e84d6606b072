"""Pixels to the first tensor."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from qrig.errors import InputError
from qrig.fixedpoint.quantized import Int8Array, QuantizedInput


def preprocess(pixels: npt.NDArray[np.uint8], source: QuantizedInput) -> Int8Array:
    """Return `sat8(((pixel - mean) * multiplier + round) >> shift)` of uint8 pixels (h, w, c).

    Channels are in the network's order. Raises InputError if the shape is another.
    """
    if pixels.shape != tuple(source.shape) or pixels.dtype != np.uint8:
        raise InputError(
            f"expected uint8 pixels of shape {source.shape}, found {pixels.dtype} of shape "
            f"{'x'.join(map(str, pixels.shape))}; resize the image to the network's input"
        )
    scaled = (pixels.astype(np.int32) - source.mean) * source.multiplier
    rounded = (scaled + ((1 << source.shift) >> 1)) >> source.shift
    return np.asarray(np.clip(rounded, -128, 127), dtype=np.int8)
