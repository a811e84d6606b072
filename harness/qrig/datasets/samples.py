"""Labelled sample inputs of a network."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from attrs import field, frozen

from qrig.datasets.idx import read_idx
from qrig.datasets.images import IMAGE_SUFFIXES, Pixels, read_image
from qrig.errors import FileFormatError
from qrig.networks.graph import Shape

_LAST_NUMBER = re.compile(r"(\d+)\D*$")


@frozen(eq=False)
class Sample:
    """One input: its name, its uint8 pixels (h, w, c), and its class if that is known."""

    name: str
    pixels: Pixels = field(repr=False)
    label: int | None = None


def read_samples(images: Path, labels: Path | None, shape: Shape) -> tuple[Sample, ...]:
    """Read samples from a folder of images or an IDX file, each of `shape`.

    In a folder, the last number in a file's name is its label unless `labels` is given; `labels` is
    an IDX file of one number per image. Raises FileFormatError.
    """
    found: Sequence[int | None]
    numbers = None if labels is None else [int(label) for label in read_idx(labels).ravel()]
    if images.is_dir():
        files = sorted(path for path in images.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES)
        pixels = [read_image(path, shape) for path in files]
        names = [path.name for path in files]
        found = [_label_of(path) for path in files]
    else:
        array = read_idx(images)
        one_channel = shape.c == 1 and array.shape[1:] == (shape.h, shape.w)
        if array.shape[1:] != tuple(shape) and not one_channel:
            raise FileFormatError(
                f"{images}: expected images of {shape}, found an array of {array.shape}; "
                "these are the samples of another network"
            )
        pixels = [np.ascontiguousarray(image.reshape(shape)) for image in array]
        names = [f"{index:05d}" for index in range(len(pixels))]
        found = [None] * len(pixels)
    if numbers is not None:
        found = [*numbers]
    if len(found) != len(pixels) or not pixels:
        raise FileFormatError(
            f"{images}: expected as many labels as images and at least one, found {len(found)} "
            f"labels and {len(pixels)} images; correct the sample files"
        )
    return tuple(
        Sample(name, image, label) for name, image, label in zip(names, pixels, found, strict=True)
    )


def _label_of(path: Path) -> int | None:
    match = _LAST_NUMBER.search(path.stem)
    return int(match.group(1)) if match else None
