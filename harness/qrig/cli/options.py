"""Options that several commands share: networks, inputs, where JSON goes."""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qrig.cli.numbers import whole_number
from qrig.cli.outputs import output_file
from qrig.errors import UsageError

if TYPE_CHECKING:
    from qrig.datasets import Sample
    from qrig.networks.graph import Shape
    from qrig.runs.networks import LoadedNetwork

_DEFAULT_NETWORK = "lenet-mnist"
_SHOWN = 60
_SIDE = re.compile(r"0*[1-9][0-9]{0,9}")


def add_network(parser: argparse.ArgumentParser, *, repeat: bool, positional: bool = False) -> None:
    """Add the options that name networks; `positional` takes a name without --network, too."""
    if positional:
        parser.add_argument("name", nargs="?", metavar="N", help="the same as --network N")
    parser.add_argument(
        "--network",
        action="append" if repeat else "store",
        metavar="N",
        help="bundled name, folder with a network.toml, or .network file",
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
    parser.add_argument(
        "--dialect",
        choices=("correct", "openmv"),
        help="take .network files as they should be (the default), or as OpenMV's firmware did",
    )


def add_scale(parser: argparse.ArgumentParser) -> None:
    """Add the option for what multiplies the pixels."""
    parser.add_argument(
        "--scale",
        type=_scale,
        metavar="S",
        help="what multiplies the pixels, less their mean: 1/255, or one for each channel",
    )


def add_power(parser: argparse.ArgumentParser) -> None:
    """Add the option that names a power meter."""
    parser.add_argument(
        "--power",
        metavar="METER",
        help="measure energy: js220, ppk2:PORT, lpm01a:PORT, ..., or replay:FILE (docs/power.md)",
    )


def _scale(text: str) -> tuple[float, ...]:
    from qrig.networks.normalise import read_scale

    try:
        return read_scale(text)
    except UsageError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def positive(text: str) -> int:
    """Read a number of 1 or more."""
    return whole_number(text, 1)


def read_shape(text: str) -> Shape:
    """Read a shape like 32x32x3."""
    from qrig.networks.graph import Shape

    parts = text.lower().split("x")
    if len(parts) != 3 or not all(_SIDE.fullmatch(part) for part in parts):
        raise argparse.ArgumentTypeError(
            f"expected HxWxC like 32x32x3, found {text[:_SHOWN]!r}; give height, width, channels"
        )
    return Shape(*(int(part) for part in parts))


def load_networks(options: argparse.Namespace) -> list[LoadedNetwork]:
    """Load the networks the options name."""
    import attrs

    from qrig.fixedpoint.network_file import CORRECT
    from qrig.networks.description import NetworkDescription, holds_weights
    from qrig.runs.networks import load_description, load_network

    dialect = options.dialect or CORRECT
    said = {"mean": options.mean, "scale": options.scale, "input_shape": options.input_shape}
    files = (options.model, options.weights, options.formats)
    names = _names(options)
    if any(files):
        weighted = bool(options.weights) or holds_weights(options.model)
        if names or not (options.model and options.formats and weighted):
            raise UsageError(
                "expected --network N, or --model, --weights (for a Caffe prototxt) and --formats "
                "together, found " + ("both" if names else "only some of them")
            )
        description = NetworkDescription(options.model.stem, *files)
        loaded = [attrs.evolve(load_description(description, **said), dialect=dialect)]
    else:
        loaded = [
            load_network(name, **said, dialect=dialect) for name in names or [_DEFAULT_NETWORK]
        ]
    for network in loaded:
        for notice in network.notices:
            print(f"qrig: note: {notice}", file=sys.stderr)
    return loaded


def _names(options: argparse.Namespace) -> list[str]:
    """Return the names of networks that were given, in either way; raises UsageError for both."""
    named, positional = options.network or [], getattr(options, "name", None)
    if named and positional:
        raise UsageError("expected N or --network N, found both; leave one out")
    named = named or positional or []
    return [named] if isinstance(named, str) else named


def read_sample(path: Path, loaded: LoadedNetwork) -> Sample:
    """Read an input file for a network; raises InputError."""
    from qrig.datasets import Sample, read_image
    from qrig.runs.networks import in_channel_order

    pixels = read_image(path, loaded.quantized.input.shape)
    return Sample(path.name, in_channel_order(pixels, loaded.quantized))


def can_be_written(out: Path) -> bool:
    """Return whether a file called `out` can be made, or is a regular file to be replaced."""
    from qrig.networks.files import output_place

    try:
        output_place(out)
    except UsageError:
        return False
    return True


def json_file(text: str | None) -> Path | None:
    """Return the file the JSON goes to, None where it goes to none; raises UsageError."""
    return None if text is None or text == "-" else output_file("--json", Path(text))


def write_json(document: dict[str, Any], out: Path | None, *, standard_output: bool) -> None:
    """Write `document` to `out`, or print it, or neither; raises UsageError."""
    from qrig.networks.files import write_text

    text = json.dumps(document, indent=1) + "\n"
    if standard_output:
        print(text, end="")
    elif out is not None:
        write_text(out, text)
