"""From the axes of a stored array to images (n, h, w, c)."""

from __future__ import annotations

import numpy as np

from qrig.datasets.images import Pixels
from qrig.errors import FileFormatError
from qrig.networks.graph import Shape


def images_first_channel(where: str, stored: Pixels, shape: Shape | None) -> Pixels:
    """Return `stored` as (n, h, w, c), of (n, c, h, w) as Caffe stores it, (n, h, w) or (n, size).

    (n, h, w, c) is taken too where the second axis cannot be the channels and the last can.
    Raises FileFormatError.
    """
    if stored.ndim == 4:
        _, a, _, z = stored.shape
        last = stored.shape[1:] == shape if shape is not None else a not in (1, 3) and z in (1, 3)
        if shape is not None and (stored.shape[2], z, a) == tuple(shape):
            last = False
        return np.ascontiguousarray(stored if last else stored.transpose(0, 2, 3, 1))
    if stored.ndim == 2 and shape is not None and stored.shape[1] == shape.size:
        planes = stored.reshape(-1, shape.c, shape.h, shape.w)
        return np.ascontiguousarray(planes.transpose(0, 2, 3, 1))
    if stored.ndim == 3:
        return np.ascontiguousarray(stored[..., np.newaxis])
    raise FileFormatError(
        f"{where}: expected images (n, channels, height, width), found an array of "
        f"{stored.shape}; store them like this, or give the shape of one image"
    )


def images_last_channel(where: str, stored: Pixels) -> Pixels:
    """Return `stored` as (n, h, w, c), of (n, h, w, c) or (n, h, w); raises FileFormatError."""
    if stored.ndim not in (3, 4):
        raise FileFormatError(
            f"{where}: expected images (n, height, width, channels) or (n, height, width), found "
            f"an array of {stored.shape}; store them like this"
        )
    return np.ascontiguousarray(stored.reshape(*stored.shape[:3], -1))
