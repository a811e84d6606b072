"""Outputs as OpenMV's MicroPython gave them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from qrig.fixedpoint.quantized import Int8Array


def output_values(outputs: Int8Array) -> npt.NDArray[np.float64]:
    """Return `(q + 128) / 255` of int8 outputs of any shape: values from 0 to 1, flat.

    A probability p of a softmax, which has no negative outputs, is then (128 p + 128) / 255.
    """
    return np.asarray((outputs.reshape(-1).astype(np.float64) + 128) / 255)
