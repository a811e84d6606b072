"""What is asked of a source of images, and the sizes no source may exceed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from attrs import frozen

from qrig.datasets.image_set import ImageSet
from qrig.datasets.spread import Places, spread
from qrig.errors import FileFormatError
from qrig.networks.graph import Shape

MAX_SET_BYTES = 1 << 32
"""Most pixels qrig keeps of one set."""

MAX_RECORDS = 10_000_000
"""Most images of one set."""


@frozen
class Request:
    """How a source is to be read.

    `part` is "train" or "test"; `shape` what every image has to have, or None; `channels` 1 or 3 to
    make image files grey or colour; `resize` (height, width) image files are brought to; `limit`
    the most images wanted, spread evenly over those there are; `root` the folder the paths in a
    list begin at; `datasets` the names of images and labels in an HDF5 or .npz file.
    """

    part: str = "train"
    shape: Shape | None = None
    channels: int | None = None
    resize: tuple[int, int] | None = None
    limit: int | None = None
    root: Path | None = None
    datasets: tuple[str, str] = ("data", "label")

    def count(self, found: int) -> int:
        """Return how many of `found` images are wanted."""
        return found if self.limit is None else min(found, self.limit)

    def source_count(self, found: int) -> int | None:
        """Return the `source_count` of a set of these images: None if all of them are in it."""
        return None if self.count(found) == found else found

    def places(self, found: int) -> Places:
        """Return the places of the wanted ones among `found` images."""
        return spread(found, self.limit)


Reader = Callable[[Path, Request], ImageSet]
"""Reads the images of one kind of source; raises InputError."""


def check_set_size(where: str, count: int, image_bytes: int) -> None:
    """Raise FileFormatError if `count` images of `image_bytes` are more than qrig keeps."""
    if count > MAX_RECORDS or count * image_bytes > MAX_SET_BYTES:
        raise FileFormatError(
            f"{where}: expected at most {MAX_RECORDS:,} images and {MAX_SET_BYTES:,} bytes of "
            f"pixels, found {count:,} images of {image_bytes:,} bytes; ask for fewer, or for "
            "smaller ones"
        )
