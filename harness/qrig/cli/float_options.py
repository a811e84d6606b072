"""Options that name a float network: model, weights, and what is done to its input."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from qrig.cli.options import add_scale, read_shape
from qrig.errors import UsageError

if TYPE_CHECKING:
    from qrig.networks.graph import Shape
    from qrig.runs.float_networks import FloatNetwork


def add_float_network(parser: argparse.ArgumentParser) -> None:
    """Add the options that name a network that has no formats yet."""
    parser.add_argument("--network", metavar="N", help="bundled name or folder with a network.toml")
    parser.add_argument("--model", type=Path, metavar="P", help="Caffe prototxt, or .onnx file")
    parser.add_argument("--weights", type=Path, metavar="W", help=".caffemodel or .caffemodel.h5")
    parser.add_argument(
        "--mean", metavar="M", help="mean.binaryproto, .npy, or values like 125,123"
    )
    add_scale(parser)
    parser.add_argument(
        "--channel-order",
        choices=("rgb", "bgr", "gray"),
        help="of the images the network was trained on",
    )
    parser.add_argument(
        "--input-shape", type=read_shape, metavar="HxWxC", help="of the network's input"
    )


def load_float(options: argparse.Namespace, default_shape: Shape | None = None) -> FloatNetwork:
    """Load the float network the options name; raises InputError.

    `default_shape` is the input's where neither model nor options say it.
    """
    from qrig.runs.float_networks import (
        FloatNetwork,
        InputFacts,
        float_network,
        named_float_network,
    )

    facts = InputFacts(
        options.mean, options.scale, options.input_shape, options.channel_order, default_shape
    )
    if options.network is not None and options.model is None and options.weights is None:
        loaded = named_float_network(options.network, facts)
    elif options.network is None and options.model is not None:
        network = float_network(options.model, options.weights, facts)
        loaded = FloatNetwork(network.name, network)
    else:
        raise UsageError(
            "expected --network N, or --model (with --weights for a Caffe prototxt), found "
            + ("both" if options.network is not None else "neither")
        )
    for notice in loaded.network.notices:
        print(f"qrig: note: {notice}", file=sys.stderr)
    return loaded
