"""The images of `qrig quantize`: those that choose the formats, and others that judge them."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from qrig.cli.options import positive
from qrig.errors import UsageError

if TYPE_CHECKING:
    from qrig.datasets.image_set import ImageSet
    from qrig.networks.graph import Shape
    from qrig.runs.float_networks import FloatNetwork

PARTS = ("train", "test")


def add_images(parser: argparse.ArgumentParser) -> None:
    """Add the options for the images that choose the formats, and for those that judge them."""
    parser.add_argument(
        "--data",
        metavar="SOURCE",
        help="images to choose formats on: a known name (fashion-mnist, mnist), a folder or file",
    )
    parser.add_argument("--part", choices=PARTS, help="of --data, where it is divided (train)")
    parser.add_argument("--labels", type=Path, metavar="FILE", help="labels of --data")
    parser.add_argument(
        "--images",
        type=positive,
        metavar="N",
        help="choose formats on at most N of the images, evenly spread over them",
    )
    parser.add_argument(
        "--pad", action="store_true", help="put smaller images amid zeros of the input's size"
    )
    parser.add_argument(
        "--test-data", metavar="SOURCE", help="other images, to judge the formats on"
    )
    parser.add_argument("--test-part", choices=PARTS, help="of --test-data (test)")
    parser.add_argument("--test-labels", type=Path, metavar="FILE", help="labels of --test-data")


def check_images(options: argparse.Namespace) -> None:
    """Raise UsageError for options of images that are not named."""
    for prefix in ("", "test_"):
        for name in (f"{prefix}part", f"{prefix}labels"):
            if getattr(options, f"{prefix}data") is None and getattr(options, name) is not None:
                raise UsageError(
                    f"expected {_flag(f'{prefix}data')} with {_flag(name)}, found none; name the "
                    "images that it belongs to"
                )


def read_given(options: argparse.Namespace) -> ImageSet | None:
    """Return the images --data names, None without it; raises InputError."""
    if options.data is None:
        return None
    return _read(options, "", limit=options.images)


def choosing_images(
    options: argparse.Namespace, given: ImageSet | None, loaded: FloatNetwork
) -> ImageSet:
    """Return the images that choose the formats: those given, or the network's samples."""
    found = _samples(options, loaded.samples) if given is None else given
    return _fitting(options, found, loaded.network.input.shape)


def judging_images(
    options: argparse.Namespace, given: ImageSet | None, loaded: FloatNetwork
) -> ImageSet | None:
    """Return the images that judge the formats, None where there are none; raises InputError.

    Tells the user if they are those that choose the formats.
    """
    from qrig.datasets.places import place_of

    if options.test_data is None:
        return None
    found = _read(options, "test_")
    chosen_on = loaded.samples_place if given is None else place_of(options.data, given.part)
    if place_of(options.test_data, found.part) == chosen_on:
        print(
            "qrig: note: accuracy on images that chose the formats says nothing about others",
            file=sys.stderr,
        )
    return _fitting(options, found, loaded.network.input.shape)


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _read(options: argparse.Namespace, prefix: str, *, limit: int | None = None) -> ImageSet:
    """Read the images of the options that begin with `prefix`."""
    from qrig.datasets.sources import read_image_set

    source, part = getattr(options, f"{prefix}data"), getattr(options, f"{prefix}part")
    shape = options.input_shape
    found = read_image_set(
        source,
        part=part or ("test" if prefix else "train"),
        labels=getattr(options, f"{prefix}labels"),
        limit=limit,
        channels=None if shape is None else shape.c,
    )
    notices = list(found.notices)
    if part is not None and not found.part:
        flag = _flag(f"{prefix}part")
        notices.append(f"{source} is not divided into parts: {flag} {part} changes nothing")
    for notice in notices:
        print(f"qrig: note: {notice}", file=sys.stderr)
    return found


def _samples(options: argparse.Namespace, samples: ImageSet | None) -> ImageSet:
    """Return the network's own samples, as many as are wanted; raises UsageError without any."""
    from qrig.datasets.spread import spread

    if samples is None:
        raise UsageError(
            "expected images to choose formats on, found none; give --data with a known name "
            "(fashion-mnist, mnist), a folder or a file"
        )
    taken = samples.take(spread(len(samples), options.images))
    part = "" if len(taken) == len(samples) else f"{len(taken)} of "
    print(
        f"qrig: note: no --data: formats are chosen on {part}the network's {len(samples)} samples",
        file=sys.stderr,
    )
    return taken


def _fitting(options: argparse.Namespace, images: ImageSet, shape: Shape) -> ImageSet:
    """Return images of the size of the network's input; raises UsageError."""
    from qrig.datasets.padding import padded

    if images.shape != shape and not options.pad:
        raise UsageError(
            f"{images.name}: expected images of {shape}, the network's input, found "
            f"{images.shape}; give others, or --pad to put smaller ones amid zeros"
        )
    return padded(images, shape)
