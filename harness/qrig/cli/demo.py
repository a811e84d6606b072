"""`qrig demo smile`: the demo of OpenMV's camera, with a picture in place of the camera."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from qrig.cli.options import can_be_written
from qrig.errors import UsageError

_TARGET, _NETWORK = "mps2-an500", "smile.network"


def add_demo(commands: Any) -> None:
    """Add the command."""
    demos = commands.add_parser("demo", help="whole applications on a target").add_subparsers(
        metavar="DEMO", required=True
    )
    parser = demos.add_parser("smile", help="find faces in a picture, say which of them smile")
    parser.add_argument("image", type=Path, metavar="IMAGE", help="JPEG, PNG, PPM, BMP or .npy")
    parser.add_argument(
        "--network",
        metavar="N",
        help="two outputs, the first a smile (smile.network here, or of QRIG_MODELS)",
    )
    parser.add_argument(
        "--dialect",
        choices=("correct", "openmv"),
        default="openmv",
        help="take the network file as OpenMV's firmware did (the default), or as it should be",
    )
    parser.add_argument(
        "--target", default=_TARGET, metavar="T", help=f"board@backend, or reference ({_TARGET})"
    )
    parser.add_argument("--out", type=Path, metavar="PNG", help="the copy (IMAGE-smiles.png)")
    parser.set_defaults(command=_smile)


def _smile_network() -> str:
    """Return OpenMV's published network, where it is at hand; raises UsageError."""
    places = [Path(_NETWORK)]
    if "QRIG_MODELS" in os.environ:
        places.append(Path(os.environ["QRIG_MODELS"]) / "openmv" / "smile" / _NETWORK)
    for path in places:
        if path.is_file():
            return str(path)
    raise UsageError(
        f"demo smile: expected OpenMV's {_NETWORK} here, or below QRIG_MODELS, found none; "
        "give a network of two outputs with --network"
    )


def _smile(options: argparse.Namespace) -> int:
    import numpy as np
    from rich.console import Console

    from qrig.runs.net import load
    from qrig.runs.shown import as_image
    from qrig.runs.smile import drawn, find_smiles, require_opencv, write_picture

    require_opencv()
    out = options.out or Path(f"{options.image.stem}-smiles.png")
    if not can_be_written(out):
        raise UsageError(
            f"expected a file that can be written for --out, found {out}; give another"
        )
    image = as_image(options.image)
    if image.format != "rgb888":
        raise UsageError(
            f"{options.image}: expected a picture in colour, found {image.format}; give another"
        )
    pixels = image.pixels.astype(np.uint8)
    with load(
        options.network or _smile_network(), target=options.target, dialect=options.dialect
    ) as net:
        faces = tuple(find_smiles(net, pixels))
    console = Console()
    for face in faces:
        verdict = "smiling" if face.is_smiling else "not smiling"
        x, y, w, h = face.box
        console.print(f"face at {x}, {y}, {w}x{h}: {verdict} ({face.smile:.3f})", highlight=False)
    if not faces:
        console.print("no face found")
    write_picture(drawn(pixels, faces), out)
    console.print(str(out), soft_wrap=True, highlight=False)
    return 0
