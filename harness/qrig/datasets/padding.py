"""Images made larger: black margins around every image of a set."""

from __future__ import annotations

import attrs
import numpy as np

from qrig.datasets.image_set import ImageSet
from qrig.datasets.request import check_set_size
from qrig.errors import UsageError
from qrig.networks.graph import Shape


def padded(images: ImageSet, shape: Shape) -> ImageSet:
    """Return the set with zeros around every image, so that each has `shape`.

    The image is in the middle; an odd margin is larger below and on the right. Raises UsageError if
    an image is larger than `shape` or has another number of channels.
    """
    found = images.shape
    if found == shape:
        return images
    if found.c != shape.c or found.h > shape.h or found.w > shape.w:
        raise UsageError(
            f"{images.name}: expected images that fit into {shape}, found {found}; give the shape "
            "of these images or a larger one"
        )
    check_set_size(images.name, len(images), shape.size)
    top, left = (shape.h - found.h) // 2, (shape.w - found.w) // 2
    pixels = np.zeros((len(images), *shape), dtype=np.uint8)
    pixels[:, top : top + found.h, left : left + found.w] = images.images
    return attrs.evolve(images, images=pixels)
