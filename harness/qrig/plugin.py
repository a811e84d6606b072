"""The pytest plugin: `pytest --target=mps2-an500`.

Tests that use `target`, `deployment`, `link` or `measure` run once per target. The fixtures exist
only when targets are given, by `--target` (or `--qrig-target`, if another plugin owns `--target`)
or by the ini key `qrig_targets`; otherwise the plugin sleeps. A target that is named on the command
line and unavailable is an error; one from the ini file is a skip with its reason.
"""

from __future__ import annotations

import argparse
import contextlib

import pytest

_DEST = "qrig_target"


@pytest.hookimpl(trylast=True)
def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --target, --qrig-target, --runs-dir and the ini keys."""
    group = parser.getgroup("qrig", "fixed-point networks on Cortex-M targets")
    about = "board or board@backend to run tests on; may be given several times"
    group.addoption("--qrig-target", action="append", dest=_DEST, metavar="T", help=about)
    if not _owned(parser, "--target"):
        # Newer pytest says at once that another plugin owns --target, older only when it parses.
        with contextlib.suppress(ValueError, argparse.ArgumentError):
            group.addoption("--target", action="append", dest=_DEST, metavar="T", help=about)
    group.addoption("--qrig-runs", metavar="DIR", help="folder for the results of measured tests")
    parser.addini("qrig_targets", "default targets, skipped where unavailable", "args", default=[])
    parser.addini("qrig_network", "network of the `network` fixture", default="lenet-mnist")


def _owned(parser: pytest.Parser, option: str) -> bool:
    groups = [getattr(parser, "_anonymous", None), *getattr(parser, "_groups", [])]
    return any(
        option in known.names() for group in groups for known in getattr(group, "options", [])
    )


def pytest_configure(config: pytest.Config) -> None:
    """Wake up if there are targets; raises UsageError for one that does not exist."""
    named: list[str] = config.getoption(_DEST) or []
    chosen = named or config.getini("qrig_targets")
    if not chosen:
        return
    from qrig import fixtures
    from qrig.errors import UsageError
    from qrig.runs.targets import find_targets

    try:
        targets = find_targets(chosen)
    except UsageError as error:
        raise pytest.UsageError(str(error)) from error
    config.stash[fixtures.TARGET_TESTS] = fixtures.TargetTests(targets, named=bool(named))
    config.pluginmanager.register(fixtures, "qrig.fixtures")
