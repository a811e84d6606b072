"""Options that choose the kernels: whose, which implementation, what they compute."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qrig.build import Kernels
    from qrig.fixedpoint.semantics import Semantics
    from qrig.runs.targets import Target


def add_kernels(parser: argparse.ArgumentParser, *, original: bool) -> None:
    """Add the options; `original` adds the one that compares with a CMSIS-NN of the user's."""
    add_implementation(parser)
    parser.add_argument(
        "--plan",
        choices=("fast", "small", "library"),
        default="fast",
        help="fewest instructions (the default), least RAM, or the legacy functions alone",
    )
    parser.add_argument(
        "--tuning",
        action="append",
        type=Path,
        metavar="FILE",
        help="kernels that qrig tune has chosen for a network; may be given several times",
    )
    if original:
        parser.add_argument(
            "--cmsis-nn",
            type=Path,
            metavar="DIR",
            help="run the kernels of your own CMSIS-NN 5.x, too, and compare",
        )


def add_implementation(parser: argparse.ArgumentParser) -> None:
    """Add the options that say how our kernels are made and what they compute."""
    parser.add_argument(
        "--kernels",
        choices=("dsp", "portable"),
        help="implementation: DSP instructions (the default on Cortex-M) or plain C",
    )
    add_semantics(parser)


def add_semantics(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what the kernels compute."""
    parser.add_argument(
        "--pooling",
        choices=("dsp", "c"),
        default="dsp",
        help="average as Cortex-M4/M7 did (the default) or as Cortex-M0/M3",
    )
    parser.add_argument(
        "--softmax-form",
        choices=("5.9", "5.4"),
        default="5.9",
        help="softmax of CMSIS 5.7 to 5.9 (the default) or of 5.4 to 5.6",
    )
    parser.add_argument(
        "--truncate", action="store_true", help="do not round before the output shift"
    )


def chosen_semantics(options: argparse.Namespace) -> Semantics:
    """Return what the kernels compute."""
    from qrig.fixedpoint.semantics import Semantics

    return Semantics(options.pooling, options.softmax_form, options.truncate)


def choose_kernels(targets: tuple[Target, ...], options: argparse.Namespace) -> tuple[Target, ...]:
    """Return the targets with the kernels the options choose; raises UsageError."""
    from qrig.runs.targets import with_kernels

    return with_kernels(targets, _kernels(options), getattr(options, "cmsis_nn", None))


def _kernels(options: argparse.Namespace) -> Kernels:
    from qrig.build import Kernels
    from qrig.codegen.choose import FAST
    from qrig.codegen.tuning import read_tuning

    semantics = chosen_semantics(options)
    tunings = tuple(read_tuning(path) for path in getattr(options, "tuning", None) or ())
    plan = getattr(options, "plan", FAST)
    return Kernels(semantics, options.kernels, plan=plan, tunings=tunings)
