"""Options that choose the kernels: whose, which implementation, what they compute."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from qrig.errors import UsageError

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
    parser.add_argument(
        "--deployment",
        action="append",
        choices=("generated", "network", "stored-network"),
        help="generated C (the default), or a .network file that a resident firmware loads: sent "
        "to it, or in its flash; may be given several times",
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
        help="average as Cortex-M4/M7 did (the default) or as Cortex-M0/M3",
    )
    parser.add_argument(
        "--softmax-form",
        choices=("5.9", "5.4"),
        help="softmax of CMSIS 5.7 to 5.9 (the default) or of 5.4 to 5.6",
    )
    parser.add_argument(
        "--truncate", action="store_true", help="do not round before the output shift"
    )


def chosen_semantics(options: argparse.Namespace) -> Semantics:
    """Return what the kernels compute; raises UsageError for a dialect with another choice."""
    from qrig.fixedpoint.network_file import CORRECT, semantics_of
    from qrig.fixedpoint.semantics import DEFAULT, Semantics

    dialect = getattr(options, "dialect", None) or CORRECT
    chosen = (options.pooling, options.softmax_form, options.truncate or None)
    if dialect == CORRECT:
        pooling, softmax, truncate = chosen
        return Semantics(pooling or DEFAULT.pooling, softmax or DEFAULT.softmax, bool(truncate))
    if chosen != (None, None, None):
        raise UsageError(
            f"expected --dialect {dialect} alone, which says what is computed, found --pooling, "
            "--softmax-form or --truncate beside it; leave one of them out"
        )
    return semantics_of(dialect)


def choose_kernels(targets: tuple[Target, ...], options: argparse.Namespace) -> tuple[Target, ...]:
    """Return the targets with the kernels the options choose; raises UsageError."""
    from qrig.runs.targets import in_ways, with_kernels

    chosen = with_kernels(targets, _kernels(options), getattr(options, "cmsis_nn", None))
    return in_ways(chosen, getattr(options, "deployment", None) or ())


def _kernels(options: argparse.Namespace) -> Kernels:
    from qrig.build import Kernels
    from qrig.codegen.choose import FAST
    from qrig.codegen.tuning import read_tuning

    semantics = chosen_semantics(options)
    tunings = tuple(read_tuning(path) for path in getattr(options, "tuning", None) or ())
    plan = getattr(options, "plan", FAST)
    return Kernels(semantics, options.kernels, plan=plan, tunings=tunings)
