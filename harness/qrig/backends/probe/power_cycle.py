"""Switching a board off and on by a command of the user's."""

from __future__ import annotations

import subprocess

from qrig.deadline import Deadline
from qrig.errors import ProbeError

_SHOWN = 300


def run_power_cycle(name: str, command: tuple[str, ...], deadline: Deadline) -> None:
    """Run the `power_cycle` of board `name`, without a shell; raises ProbeError if it fails."""
    shown = " ".join(command)
    try:
        result = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=max(deadline.remaining_s(), 0.1),
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ProbeError(
            f"{name}: expected {shown!r} to switch the board off and on within "
            f"{deadline.seconds:g} s, found it still at work; mend power_cycle in lab.toml"
        ) from error
    except (OSError, ValueError) as error:
        raise ProbeError(
            f"{name}: expected a command {shown!r}, found none that starts ({error}); mend "
            "power_cycle in lab.toml"
        ) from error
    if result.returncode != 0:
        said = " ".join(result.stdout.decode("utf-8", "replace").split())[:_SHOWN]
        raise ProbeError(
            f"{name}: expected {shown!r} to switch the board off and on, found that it ended with "
            f"{result.returncode}{': ' + said if said else ''}; mend power_cycle in lab.toml"
        )
