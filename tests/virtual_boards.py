"""Virtual boards as the tests use them: with a state folder and an instance of their own."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qrig.backends.probe.backend import ProbeBackend
from qrig.backends.virtual.faults import Faults
from qrig.backends.virtual_backend import VirtualBackend
from qrig.build.kernels import OURS, Kernels
from qrig.runs.targets import Target, find_target

BOARDS = ("nucleo-f746", "nucleo-f429")
"""A Cortex-M7 and a Cortex-M4."""


def virtual_target(
    board: str, faults: Faults | None = None, *, kernels: Kernels = OURS, **options: Any
) -> Target:
    """Return a board on the virtual backend, with `faults` and what VirtualBackend takes."""
    backend = VirtualBackend(faults=faults or Faults(), **options)
    return Target(find_target(f"{board}@virtual").board, backend, kernels)


def probe_backend(target: Target) -> ProbeBackend:
    """Return the backend of a target that has a probe."""
    assert isinstance(target.backend, ProbeBackend)
    return target.backend


def use_state(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep locks, marks and flash of this test's boards in `folder`."""
    monkeypatch.setenv("QRIG_STATE", str(folder))


Start = Callable[..., Any]
