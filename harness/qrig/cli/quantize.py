"""`qrig quantize`: fixed-point formats for a float network."""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qrig.cli.float_options import add_float_network, load_float
from qrig.cli.kernel_options import add_semantics, chosen_semantics
from qrig.cli.options import json_file, positive, write_json
from qrig.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from qrig.datasets.image_set import ImageSet
    from qrig.networks.graph import Network
    from qrig.runs.quantize import Quantization

_METHODS = ("search", "minmax", "arm")


def add_quantize(commands: Any) -> None:
    """Add the command to the parser's commands."""
    parser = commands.add_parser("quantize", help="choose the fixed-point formats of a network")
    add_float_network(parser)
    _add_images(parser)
    parser.add_argument(
        "--method",
        choices=_METHODS,
        default="search",
        help="search (exact integer simulation, the default), minmax (ranges), arm (ARM's script)",
    )
    parser.add_argument(
        "--compare", action="store_true", help="run every method and print them side by side"
    )
    parser.add_argument(
        "--tolerance",
        type=_points,
        metavar="POINTS",
        help="end as soon as accuracy is this close to the float network's (percentage points)",
    )
    parser.add_argument("--save", metavar="FILE", help="where the formats go (formats.json)")
    parser.add_argument("--json", metavar="FILE", help="everything found as JSON; - prints it")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="histograms, .png or .svg")
    add_semantics(parser)
    parser.set_defaults(command=_quantize)


def _add_images(parser: argparse.ArgumentParser) -> None:
    """Add the options for the images that choose the formats, and for those that judge them."""
    parser.add_argument(
        "--data",
        metavar="SOURCE",
        help="images to choose formats on: a known name (fashion-mnist, mnist), a folder or file",
    )
    parser.add_argument("--part", choices=("train", "test"), default="train", help="of --data")
    parser.add_argument("--labels", type=Path, metavar="FILE", help="labels of --data")
    parser.add_argument(
        "--images", type=positive, metavar="N", help="choose formats on at most N of the images"
    )
    parser.add_argument(
        "--pad", action="store_true", help="put smaller images amid zeros of the input's size"
    )
    parser.add_argument(
        "--test-data", metavar="SOURCE", help="other images, to judge the formats on"
    )
    parser.add_argument("--test-part", choices=("train", "test"), default="test")
    parser.add_argument("--test-labels", type=Path, metavar="FILE", help="labels of --test-data")


def _points(text: str) -> float:
    value = float(text)
    if not (math.isfinite(value) and 0 <= value <= 100):
        raise argparse.ArgumentTypeError(f"expected 0 to 100 percentage points, found {text}")
    return value


def _quantize(options: argparse.Namespace) -> int:
    from rich.console import Console
    from rich.progress import Progress

    from qrig.runs.quantize import quantize

    _check_files(options)
    given = None
    if options.data is not None:
        given = _read(
            options, options.data, part=options.part, labels=options.labels, limit=options.images
        )
    loaded = load_float(options, None if given is None else given.shape)
    images = _fitting(options, given or _samples(loaded.samples), loaded.network)
    test = _test_images(options, loaded.network)
    console = Console(stderr=options.json == "-")
    with Progress(console=console, transient=True) as bars:
        task = bars.add_task(f"quantising {loaded.name}", total=None)
        found = quantize(
            loaded.network,
            images,
            methods=_METHODS if options.compare else (options.method,),
            test=test,
            tolerance=options.tolerance,
            semantics=chosen_semantics(options),
            progress=lambda what, done, total: bars.update(
                task, description=f"{loaded.name}: {what}", completed=done, total=total
            ),
        )
    chosen = next(one for one in found if one.method == options.method)
    _show(console, found, chosen)
    _write_files(options, console, loaded.name, chosen)
    return 0


def _check_files(options: argparse.Namespace) -> None:
    """Raise UsageError for a place that cannot be written, before anything is computed."""
    from qrig.reports.quantization_plot import SUFFIXES

    for option, name in (("--save", options.save), ("--plot", options.plot)):
        if name is None:
            continue
        path = Path(name)
        if not path.parent.is_dir() or path.is_dir():
            raise UsageError(
                f"expected a file in a folder that is there for {option}, found {path}; give "
                "another"
            )
    if options.plot is not None and options.plot.suffix not in SUFFIXES:
        raise UsageError(
            f"expected a file {' or '.join(SUFFIXES)} for --plot, found {options.plot}; give such "
            "a name"
        )
    json_file(options.json)


def _write_files(
    options: argparse.Namespace, console: Console, name: str, chosen: Quantization
) -> None:
    """Write the formats, the plot and the JSON, as far as the options ask for them."""
    from qrig.reports.quantization_plot import write_plot
    from qrig.runs.quantize import write_formats

    if options.save is not None:
        write_formats(chosen.formats, Path(options.save))
        console.print(f"{options.save}: use it with --formats {options.save}", soft_wrap=True)
    if options.plot is not None:
        write_plot(chosen.calibration, chosen.quantized, options.plot)
        console.print(f"{options.plot}: histograms with the range of every format", soft_wrap=True)
    if options.json is not None:
        write_json(
            _document(name, chosen),
            json_file(options.json),
            standard_output=options.json == "-",
        )


def _samples(samples: ImageSet | None) -> ImageSet:
    """Return the network's own samples; raises UsageError if it has none."""
    if samples is None:
        raise UsageError(
            "expected images to choose formats on, found none; give --data with a known name "
            "(fashion-mnist, mnist), a folder or a file"
        )
    print(
        f"qrig: note: no --data: formats are chosen on the network's {len(samples)} samples",
        file=sys.stderr,
    )
    return samples


def _test_images(options: argparse.Namespace, network: Network) -> ImageSet | None:
    if options.test_data is None:
        return None
    found = _read(options, options.test_data, part=options.test_part, labels=options.test_labels)
    if options.test_data == options.data and (not found.part or options.part == found.part):
        print(
            "qrig: note: accuracy on images that chose the formats says nothing about others",
            file=sys.stderr,
        )
    return _fitting(options, found, network)


def _read(
    options: argparse.Namespace,
    source: str,
    *,
    part: str,
    labels: Path | None,
    limit: int | None = None,
) -> ImageSet:
    from qrig.datasets.sources import read_image_set

    shape = options.input_shape
    channels = None if shape is None else shape.c
    found = read_image_set(source, part=part, labels=labels, limit=limit, channels=channels)
    for notice in found.notices:
        print(f"qrig: note: {notice}", file=sys.stderr)
    return found


def _fitting(options: argparse.Namespace, images: ImageSet, network: Network) -> ImageSet:
    """Return images of the size of the network's input; raises UsageError."""
    from qrig.datasets.padding import padded

    shape = network.input.shape
    if images.shape != shape and not options.pad:
        raise UsageError(
            f"{images.name}: expected images of {shape}, the network's input, found "
            f"{images.shape}; give others, or --pad to put smaller ones amid zeros"
        )
    return padded(images, shape)


def _show(console: Console, found: tuple[Quantization, ...], chosen: Quantization) -> None:
    from qrig.reports.quantization import formats_table, methods_table, shown_layers
    from qrig.reports.tables import render_table

    console.print(
        render_table(
            shown_layers(chosen.layers), f"{chosen.network.name}: formats by {chosen.method}"
        )
    )
    if len(found) > 1:
        table = formats_table([(one.method, one.formats) for one in found])
        console.print(render_table(table, "fractional bits of weights, bias, output"))
    right = "the labels" if chosen.has_labels else "the float network's own answers"
    console.print(
        render_table(
            methods_table([(one.method, one.chosen_on) for one in found]),
            f"accuracy by {right} on {chosen.images}, which chose the formats",
        )
    )
    tested = [(one.method, one.tested_on) for one in found if one.tested_on is not None]
    if tested:
        right = "the labels" if chosen.tested_with_labels else "the float network's own answers"
        console.print(
            render_table(methods_table(tested), f"accuracy by {right} on {chosen.test_images}")
        )


def _document(name: str, chosen: Quantization) -> dict[str, Any]:
    from qrig.reports.quantization import quantization_document

    tested = None
    if chosen.tested_on is not None and chosen.test_images is not None:
        tested = chosen.test_images, chosen.tested_with_labels, chosen.tested_on
    return quantization_document(
        name,
        chosen.method,
        chosen.formats,
        (chosen.images, chosen.has_labels, chosen.chosen_on),
        tested,
        chosen.layers,
    )
