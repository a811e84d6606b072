"""The pytest plugin: `pytest --target=mps2-an500`.

Tests that use `target`, `deployment`, `link` or `measure` run once per target. The fixtures exist
only when targets are given, by `--target` (or `--qrig-target`, if another plugin owns `--target`)
or by the ini key `qrig_targets`; otherwise the plugin sleeps. A target that is named on the command
line and unavailable is an error; one from the ini file is a skip with its reason. The options for
kernels are those of `qrig bench`; with --qrig-cmsis-nn tests run once more per target, with those.
"""

from __future__ import annotations

import argparse
import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from qrig.build import Kernels

_DEST = "qrig_target"
_USAGE = 2
_WAYS = ("generated", "network", "stored-network")
_POWER = "power meter to measure layers with, or replay:FILE"
_BASELINE = "run, baseline or `last` that this session is compared with"
_HOW = "generated C, or a .network file that a firmware loads; may be given several times"


@pytest.hookimpl(trylast=True)
def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --target, --qrig-target and the like, options for kernels and results, the ini keys."""
    group = parser.getgroup("qrig", "fixed-point networks on Cortex-M targets")
    about = "board or board@backend to run tests on; may be given several times"
    group.addoption("--qrig-target", action="append", dest=_DEST, metavar="T", help=about)
    if not _owned(parser, "--target"):
        # Newer pytest says at once that another plugin owns --target, older only when it parses.
        with contextlib.suppress(ValueError, argparse.ArgumentError):
            group.addoption("--target", action="append", dest=_DEST, metavar="T", help=about)
    _add_both(parser, "deployment", action="append", choices=_WAYS, help=_HOW)
    _add_both(parser, "power", metavar="METER", help=_POWER)
    _add_both(parser, "baseline", metavar="RUN", help=_BASELINE)
    group.addoption("--qrig-runs", metavar="DIR", help="folder for the results of measured tests")
    _add_kernels(group)
    parser.addini("qrig_targets", "default targets, skipped where unavailable", "args", default=[])
    parser.addini("qrig_network", "network of the `network` fixture", default="lenet-mnist")


def _add_both(parser: pytest.Parser, name: str, **settings: Any) -> None:
    """Add --qrig-`name`, and --`name` unless another plugin owns it."""
    group = parser.getgroup("qrig")
    for option in (f"--qrig-{name}", f"--{name}"):
        if not _owned(parser, option):
            with contextlib.suppress(ValueError, argparse.ArgumentError):
                group.addoption(option, dest=f"qrig_{name}", **settings)


def _add_kernels(group: pytest.OptionGroup) -> None:
    group.addoption(
        "--qrig-kernels", choices=("dsp", "portable"), help="implementation of the kernels"
    )
    group.addoption(
        "--qrig-pooling", choices=("dsp", "c"), default="dsp", help="form of average pooling"
    )
    group.addoption(
        "--qrig-softmax-form", choices=("5.9", "5.4"), default="5.9", help="form of softmax"
    )
    group.addoption(
        "--qrig-truncate", action="store_true", help="do not round before the output shift"
    )
    group.addoption(
        "--qrig-cmsis-nn", metavar="DIR", type=Path, help="run tests with that CMSIS-NN, too"
    )


def _owned(parser: pytest.Parser, option: str) -> bool:
    groups = [getattr(parser, "_anonymous", None), *getattr(parser, "_groups", [])]
    return any(
        option in known.names() for group in groups for known in getattr(group, "options", [])
    )


def pytest_configure(config: pytest.Config) -> None:
    """Wake up if there are targets; ends the session for one that does not exist.

    The exit code is 2 as of qrig's commands, for pytest's own, 4, is that of no baseline.
    """
    named: list[str] = config.getoption(_DEST) or []
    chosen = named or config.getini("qrig_targets")
    if not chosen:
        _check_asleep(config)
        return
    from qrig import fixtures
    from qrig.errors import FileFormatError, UsageError
    from qrig.runs.energy import check_power
    from qrig.runs.targets import find_targets, in_ways, with_kernels

    try:
        targets = with_kernels(
            find_targets(chosen), _kernels(config), config.getoption("qrig_cmsis_nn")
        )
        targets = in_ways(targets, config.getoption("qrig_deployment") or ())
        power = config.getoption("qrig_power")
        if power is not None and not hasattr(config, "workerinput"):
            check_power(power, targets)
    except (UsageError, FileFormatError) as error:
        pytest.exit(str(error), returncode=error.exit_code)
    tests = fixtures.TargetTests(targets, named=bool(named), power=power)
    config.stash[fixtures.TARGET_TESTS] = tests
    config.pluginmanager.register(fixtures, "qrig.fixtures")


def _check_asleep(config: pytest.Config) -> None:
    """End the session for an option whose answer nobody would give while the plugin sleeps."""
    for name in ("baseline", "power"):
        if config.getoption(f"qrig_{name}") is not None:
            pytest.exit(
                f"expected a target with --{name}, found none; give --target BOARD, or "
                "qrig_targets in pytest's ini file",
                returncode=_USAGE,
            )


def _kernels(config: pytest.Config) -> Kernels:
    from qrig.build import Kernels
    from qrig.fixedpoint.semantics import Semantics

    names = ("pooling", "softmax_form", "truncate", "kernels")
    pooling, softmax, truncate, kernels = (config.getoption(f"qrig_{name}") for name in names)
    return Kernels(Semantics(pooling, softmax, truncate), kernels)
