"""`qrig generate`: a network as C sources to keep."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qrig.cli.kernel_options import add_semantics, chosen_semantics
from qrig.cli.options import add_network, load_networks

if TYPE_CHECKING:
    from qrig.runs.generate import Project


def add_generate(commands: Any) -> None:
    """Add the command to the parser's commands."""
    parser = commands.add_parser("generate", help="write a network as C sources to keep")
    add_network(parser, repeat=False, positional=True)
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="folder of the C")
    parser.add_argument(
        "--api",
        choices=("qrig", "cmsis-nn"),
        help="our kernels (the default), or the functions of the legacy CMSIS-NN alone",
    )
    parser.add_argument(
        "--core",
        choices=("cortex-m4", "cortex-m7", "portable"),
        help="whose assembler the kernels are in (the default is cortex-m4), or plain C",
    )
    parser.add_argument(
        "--plan",
        choices=("fast", "small", "library"),
        help="fewest instructions (the default), least RAM, or the legacy functions alone",
    )
    parser.add_argument(
        "--tuning",
        action="append",
        type=Path,
        metavar="FILE",
        help="kernels that qrig tune has chosen for the network",
    )
    add_semantics(parser)
    parser.set_defaults(command=_generate)


def _generate(options: argparse.Namespace) -> int:
    from qrig.codegen.tuning import read_tuning
    from qrig.runs.generate import Wanted, generate_project

    wanted = Wanted(
        options.api,
        options.core,
        options.plan,
        tuple(read_tuning(path) for path in options.tuning or ()),
        chosen_semantics(options),
    )
    (loaded,) = load_networks(options)
    _show(generate_project(loaded.quantized, options.out, wanted))
    return 0


def _show(project: Project) -> None:
    layout, plan = project.layout, project.layout.memory_plan
    for name, fate in project.files.items():
        print(f"{fate:<9} {project.folder / name}")
    print(
        f"RAM {plan.total_bytes:,} bytes (side by side its buffers would take "
        f"{plan.naive_bytes:,}), constants {layout.flash_bytes:,} bytes"
    )
    for notice in project.notices:
        print(f"qrig: note: {notice}", file=sys.stderr)
