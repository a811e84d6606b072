"""Options that several commands share: networks, inputs, where JSON goes."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qrig.errors import UsageError

if TYPE_CHECKING:
    from qrig.datasets import Sample
    from qrig.networks.graph import Shape
    from qrig.runs.networks import LoadedNetwork

_DEFAULT_NETWORK = "lenet-mnist"


def add_network(parser: argparse.ArgumentParser, *, repeat: bool) -> None:
    """Add the options that name networks."""
    parser.add_argument(
        "--network",
        action="append" if repeat else "store",
        metavar="N",
        help="bundled name or folder with a network.toml",
    )
    parser.add_argument("--model", type=Path, metavar="P", help="Caffe prototxt, or .onnx file")
    parser.add_argument("--weights", type=Path, metavar="W", help=".caffemodel or .caffemodel.h5")
    parser.add_argument("--formats", type=Path, metavar="F", help="formats.json or ARM's .pkl")
    parser.add_argument(
        "--mean", metavar="M", help="mean.binaryproto, .npy, or values like 125,123"
    )
    add_scale(parser)
    parser.add_argument(
        "--input-shape", type=read_shape, metavar="HxWxC", help="of the network's input"
    )


def add_scale(parser: argparse.ArgumentParser) -> None:
    """Add the option for what multiplies the pixels."""
    parser.add_argument(
        "--scale",
        type=_scale,
        metavar="S",
        help="what multiplies the pixels, less their mean: 1/255, or one for each channel",
    )


def _scale(text: str) -> tuple[float, ...]:
    from qrig.networks.normalise import read_scale

    try:
        return read_scale(text)
    except UsageError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def positive(text: str) -> int:
    """Read a number of 1 or more."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected 1 or more, found {value}")
    return value


def read_shape(text: str) -> Shape:
    """Read a shape like 32x32x3."""
    from qrig.networks.graph import Shape

    parts = text.lower().split("x")
    if len(parts) != 3 or not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise argparse.ArgumentTypeError(f"expected HxWxC like 32x32x3, found {text!r}")
    return Shape(*(int(part) for part in parts))


def load_networks(options: argparse.Namespace) -> list[LoadedNetwork]:
    """Load the networks the options name."""
    from qrig.networks.description import NetworkDescription, holds_weights
    from qrig.runs.networks import load_description, load_network

    said = {"mean": options.mean, "scale": options.scale, "input_shape": options.input_shape}
    files = (options.model, options.weights, options.formats)
    names = options.network or []
    names = [names] if isinstance(names, str) else names
    if any(files):
        weighted = bool(options.weights) or holds_weights(options.model)
        if names or not (options.model and options.formats and weighted):
            raise UsageError(
                "expected --network N, or --model, --weights (for a Caffe prototxt) and --formats "
                "together, found " + ("both" if names else "only some of them")
            )
        description = NetworkDescription(options.model.stem, *files)
        loaded = [load_description(description, **said)]
    else:
        loaded = [load_network(name, **said) for name in names or [_DEFAULT_NETWORK]]
    for network in loaded:
        for notice in network.notices:
            print(f"qrig: note: {notice}", file=sys.stderr)
    return loaded


def read_sample(path: Path, loaded: LoadedNetwork) -> Sample:
    """Read an input file for a network; raises InputError."""
    from qrig.datasets import Sample, read_image
    from qrig.runs.networks import in_channel_order

    pixels = read_image(path, loaded.quantized.input.shape)
    return Sample(path.name, in_channel_order(pixels, loaded.quantized))


def can_be_written(out: Path) -> bool:
    """Return whether a file called `out` can be made or replaced."""
    try:
        out.lstat()
    except FileNotFoundError:
        pass
    except (OSError, ValueError):  # a name too long, or one no file can have
        return False
    return not out.is_dir() and out.parent.is_dir() and os.access(out.parent, os.W_OK)


def json_file(text: str | None) -> Path | None:
    """Return the file the JSON goes to, None where it goes to none; raises UsageError."""
    if text is None or text == "-":
        return None
    out = Path(text)
    if not can_be_written(out):
        raise UsageError(
            f"{out}: expected a file in an existing folder for the JSON, found none that can be "
            "written; make the folder or give another name"
        )
    return out


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def write_json(document: dict[str, Any], out: Path | None, *, standard_output: bool) -> None:
    """Write `document` to `out`, or print it, or neither; raises UsageError."""
    from qrig.reports.store import write_atomically

    text = json.dumps(document, indent=1) + "\n"
    if standard_output:
        print(text, end="")
    elif out is not None:
        try:
            write_atomically(out, lambda path: _write(path, text))
        except OSError as error:
            raise UsageError(
                f"{out}: expected a place to write the JSON, found that it cannot be written "
                f"({error.strerror}); give another name"
            ) from error
