"""The stamp: all that a number depends on."""

from __future__ import annotations

import functools
import platform
import subprocess
from typing import Any

import attrs

from qrig import __version__
from qrig.fixedpoint.digest import network_sha256
from qrig.link.banner import Banner
from qrig.resources import checkout_root
from qrig.runs.deploy import AnyDeployment
from qrig.runs.targets import Target

_GIT_TIMEOUT_S = 10.0


def make_stamp(target: Target, deployment: AnyDeployment) -> dict[str, Any]:
    """Return what every number of this deployment on this target depends on."""
    board = target.board
    return {
        "target": target.name,
        "deployment": target.way,
        "network": deployment.network.name,
        "network_sha256": network_sha256(deployment.network),
        "build_id": deployment.build_id,
        "compiler": deployment.toolchain.version,
        "compiler_flags": " ".join(deployment.toolchain.flags),
        "kernel_library": deployment.library.name,
        "kernel_sha256": deployment.library.sha256,
        "kernel_choices": {name: str(choice) for name, choice in deployment.choices.items()},
        "semantics": attrs.asdict(deployment.semantics),
        "core": board.core,
        "clock_hz": board.clock_hz,
        "cache": _caches(target),
        "placement": "code and constants in memory.code, data in memory.data",
        "counter": target.backend.counts,
        **target.backend.stamp(),
        "board_serial": None,
        "host": platform.machine(),
        "git_revision": git_revision(),
        "qrig_version": __version__,
    }


def board_stamp(banner: Banner) -> dict[str, Any]:
    """Return what a board says of itself that its numbers depend on; nothing for an emulator."""
    if banner.unique_id is None:
        return {}
    return {
        "board_serial": banner.unique_id,
        "clock_source": banner.clock,
        "debugger_attached": banner.debugger,
        **({"counter": "none"} if banner.counter == "none" else {}),
    }


def _caches(target: Target) -> str:
    """Return the caches that a board's cycles are counted with; an emulator has none."""
    silicon = target.board.silicon
    if silicon is None or target.backend.counts != "cycles":
        return "none"
    caches = {"instructions": silicon.instruction_cache, "data": silicon.data_cache}
    sizes = [f"{what} {cache.size_bytes} bytes" for what, cache in caches.items() if cache]
    return ", ".join(sizes) or "none"


@functools.cache
def git_revision() -> str | None:
    """Return the revision of the checkout, with -dirty if it has changes; None for a wheel."""
    root = checkout_root()
    if root is None or not (root / ".git").exists():
        return None
    try:
        output = subprocess.run(
            ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12"],  # noqa: S607  # whichever git the user has
            capture_output=True,
            text=True,
            timeout=_GIT_TIMEOUT_S,
            check=True,
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    return output.strip() or None
