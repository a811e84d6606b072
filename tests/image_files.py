"""Small images, and files of them in the forms data sets come in."""

import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image

T = TypeVar("T", bound=np.generic)
Pixels = npt.NDArray[np.uint8]


def some_images(count: int, height: int = 6, width: int = 5, channels: int = 3) -> Pixels:
    """Return images no two pixels of which are alike by intent."""
    rng = np.random.RandomState(count * 1000 + height * 100 + width * 10 + channels)
    return rng.randint(0, 256, size=(count, height, width, channels)).astype(np.uint8)


def encoded(pixels: Pixels, kind: str = "PNG", **options: object) -> bytes:
    stream = io.BytesIO()
    flat = pixels[:, :, 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels
    Image.fromarray(flat).save(stream, kind, **options)
    return stream.getvalue()


def write_images(folder: Path, names: Sequence[str], images: Iterable[Pixels]) -> Path:
    """Write a PNG file for every name."""
    for name, pixels in zip(names, images, strict=True):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(pixels))
    return folder


def planes(images: npt.NDArray[T]) -> npt.NDArray[T]:
    """Return images (n, h, w, c) as Caffe stores them, (n, c, h, w)."""
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2))
