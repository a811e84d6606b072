"""Arrays in numpy's `.npy` format, never unpickled."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from qrig.errors import FileFormatError


def parse_npy(path: Path, data: bytes) -> npt.NDArray[Any]:
    """Return the array in `data`, the bytes of the file at `path`; raises FileFormatError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return np.asarray(np.load(io.BytesIO(data), allow_pickle=False))
    except Exception as error:  # a damaged header can raise nearly anything
        raise FileFormatError(
            f"{path}: expected a numeric .npy array, found one that cannot be read "
            f"({' '.join(str(error).split())[:120]}); save it again with numpy.save"
        ) from error
