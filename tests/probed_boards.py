"""Virtual boards behind the probe backend: what tests ask of them, and what their flash holds."""

from pathlib import Path

from qrig.backends.probe import Hooks
from qrig.backends.probe.source import Limits
from qrig.backends.virtual.faults import parse_faults
from qrig.backends.virtual_backend import VirtualBackend
from qrig.boards.instance_state import InstanceState, peek_state
from qrig.boards.state_folder import instances_root, state_root
from qrig.build.flash_image import read_flash_image

PATIENT = Limits(algorithm_s=10.0, erase_s=10.0, reset_hold_s=0.0, reset_settle_s=0.0)
"""No pauses, and time enough on a machine with other work."""


def virtual(
    faults: str = "",
    *,
    instance: str | None = None,
    hooks: Hooks | None = None,
    recovering: bool = False,
    limits: Limits = PATIENT,
) -> VirtualBackend:
    """Return a backend for virtual boards with the faults that a text names."""
    return VirtualBackend(
        instance,
        hooks=hooks,
        recovering=recovering,
        faults=parse_faults(faults),
        limits=limits,
    )


def flash_file(board: str, instance: str = "1") -> Path:
    """Return the file that keeps a virtual board's flash."""
    return state_root() / "virtual" / f"{board}-{instance}.flash"


def flash_holds(elf: Path, board: str, instance: str = "1") -> bool:
    """Whether the flash of a virtual board begins with what `elf` loads."""
    image = read_flash_image(elf)
    return flash_file(board, instance).read_bytes()[: image.size_bytes] == image.data


def state_of(board: str, instance: str = "1") -> InstanceState:
    """Return what is noted of a virtual board."""
    return peek_state(instances_root(), f"virtual-{board}-{instance}")
