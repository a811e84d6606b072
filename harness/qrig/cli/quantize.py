"""`qrig quantize`: fixed-point formats for a float network."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qrig.cli.float_options import add_float_network, load_float
from qrig.cli.kernel_options import add_semantics, chosen_semantics
from qrig.cli.numbers import number
from qrig.cli.options import json_file, write_json
from qrig.cli.outputs import check_apart, output_file
from qrig.cli.quantize_images import (
    add_images,
    check_images,
    choosing_images,
    judging_images,
    read_given,
)
from qrig.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from qrig.networks.graph import Network
    from qrig.quantize.judgement import Judgement
    from qrig.runs.quantize import Quantization

_METHODS = ("search", "minmax", "arm")


def add_quantize(commands: Any) -> None:
    """Add the command to the parser's commands."""
    parser = commands.add_parser("quantize", help="choose the fixed-point formats of a network")
    add_float_network(parser)
    add_images(parser)
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
    parser.add_argument(
        "--save", type=Path, metavar="FILE", help="where the formats go (formats.json)"
    )
    parser.add_argument("--json", metavar="FILE", help="everything found as JSON; - prints it")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="histograms, .png or .svg")
    add_semantics(parser)
    parser.set_defaults(command=_quantize)


def _points(text: str) -> float:
    return number(text, 0, 100, "percentage points")


def _quantize(options: argparse.Namespace) -> int:
    from rich.console import Console
    from rich.progress import Progress

    from qrig.runs.quantize import quantize

    check_images(options)
    _check_files(options)
    given = read_given(options)
    loaded = load_float(options, None if given is None else given.shape)
    methods = _methods(options, loaded.network)
    images = choosing_images(options, given, loaded)
    test = judging_images(options, given, loaded)
    console = Console(stderr=options.json == "-")
    with Progress(console=console, transient=True) as bars:
        task = bars.add_task(f"quantising {loaded.name}", total=None)
        found = quantize(
            loaded.network,
            images,
            methods=methods,
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


def _methods(options: argparse.Namespace, network: Network) -> tuple[str, ...]:
    """Return the methods to run; tells the user which one a comparison has to leave out."""
    from qrig.runs.quantize import why_not

    if not options.compare:
        return (options.method,)
    reasons = {name: why_not(name, network) for name in _METHODS if name != options.method}
    for name, reason in reasons.items():
        if reason is not None:
            print(f"qrig: note: {name} is not compared: {reason}", file=sys.stderr)
    return tuple(name for name in _METHODS if reasons.get(name) is None)


def _check_files(options: argparse.Namespace) -> None:
    """Raise UsageError for a place that cannot be written, before anything is computed."""
    from qrig.reports.quantization_plot import SUFFIXES

    if options.plot is not None and options.plot.suffix not in SUFFIXES:
        raise UsageError(
            f"expected a file {' or '.join(SUFFIXES)} for --plot, found {options.plot}; give such "
            "a name"
        )
    outputs = {
        option: None if path is None else output_file(option, path)
        for option, path in (("--save", options.save), ("--plot", options.plot))
    }
    check_apart({**outputs, "--json": json_file(options.json)}, options)


def _write_files(
    options: argparse.Namespace, console: Console, name: str, chosen: Quantization
) -> None:
    """Write the formats, the plot and the JSON, as far as the options ask for them."""
    from qrig.reports.quantization_plot import write_plot
    from qrig.runs.quantize import write_formats

    if options.save is not None:
        write_formats(chosen.formats, options.save)
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


def _show(console: Console, found: tuple[Quantization, ...], chosen: Quantization) -> None:
    from qrig.reports.quantization import formats_table, shown_costs, shown_formats
    from qrig.reports.tables import render_table

    name = chosen.network.name
    formats = render_table(shown_formats(chosen.layers), f"{name}: formats by {chosen.method}")
    console.print(formats)
    console.print(
        render_table(shown_costs(chosen.layers), f"{name}: what they cost, layer by layer")
    )
    if len(found) > 1:
        table = formats_table([(one.method, one.formats) for one in found])
        console.print(render_table(table, "fractional bits of weights, bias, output"))
    on = f"{chosen.images}, which chose the formats"
    judged = [(one.method, one.chosen_on) for one in found]
    console.print(_accuracies(judged, on, has_labels=chosen.has_labels))
    tested = [(one.method, one.tested_on) for one in found if one.tested_on is not None]
    if tested:
        on, labelled = str(chosen.test_images), chosen.tested_with_labels
        console.print(_accuracies(tested, on, has_labels=labelled))


def _accuracies(judged: list[tuple[str, Judgement]], on: str, *, has_labels: bool) -> Table:
    """Return the accuracies of the methods as a table, with that of the float network above."""
    from qrig.reports.quantization import accuracy_text, methods_table
    from qrig.reports.tables import render_table

    right = "the labels" if has_labels else "the float network's own answers"
    floats = f"float {accuracy_text(judged[0][1].float_accuracy)} %"
    return render_table(methods_table(judged), f"accuracy by {right} on {on}: {floats}")


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
