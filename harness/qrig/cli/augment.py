"""`qrig augment`: make augmented copies of images, as many for every class."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from qrig.cli.numbers import whole_number
from qrig.cli.options import positive


def add_augment(commands: Any) -> None:
    """Add the command to the parser's commands."""
    parser = commands.add_parser(
        "augment", help="make augmented copies of images, as many for every class"
    )
    parser.add_argument(
        "source", type=Path, metavar="DIR", help="class folders, a folder of images, or a list"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="a new folder")
    parser.add_argument(
        "--count", type=positive, required=True, metavar="N", help="images of each class"
    )
    parser.add_argument("--seed", type=_seed, default=0, metavar="S", help="draws all (0)")
    parser.add_argument("--keep", action="store_true", help="the originals are among the N")
    parser.add_argument(
        "--flip",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="mirror half of them; not for digits and letters",
    )
    parser.add_argument(
        "--shift", type=int, metavar="PX", help="by up to PX pixels (a sixteenth of the side)"
    )
    parser.add_argument(
        "--rotate", type=float, default=10.0, metavar="DEG", help="by up to DEG degrees (10)"
    )
    parser.add_argument(
        "--brightness", type=float, default=0.15, metavar="F", help="times 1 - F to 1 + F (0.15)"
    )
    parser.add_argument(
        "--noise", type=float, default=3.0, metavar="SIGMA", help="in grey levels of 255 (3)"
    )
    parser.set_defaults(command=_augment)


def _seed(text: str) -> int:
    return whole_number(text, 0)


def _augment(options: argparse.Namespace) -> int:
    from rich.console import Console
    from rich.progress import Progress

    from qrig.datasets.augment import Augmentation
    from qrig.datasets.augment_files import augment_files

    console = Console()
    what = Augmentation(
        flip=options.flip,
        shift_px=options.shift,
        rotate_deg=options.rotate,
        brightness=options.brightness,
        noise_sigma=options.noise,
    )
    with Progress(console=console, transient=True) as bars:
        task = bars.add_task(f"augmenting {options.source.name}", total=None)
        classes = augment_files(
            options.source,
            options.out,
            count=options.count,
            seed=options.seed,
            options=what,
            keep=options.keep,
            progress=lambda done, total: bars.update(task, completed=done, total=total),
        )
    for one in classes:
        print(f"{one.name or 'all':<20} {one.originals:>8,} -> {one.images:,}")
    console.print(f"{sum(one.images for one in classes):,} images: {options.out}", soft_wrap=True)
    return 0
