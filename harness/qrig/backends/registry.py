"""Backends by name. A new one is a file and a line here."""

from __future__ import annotations

from collections.abc import Callable

from qrig.backends.base import Backend
from qrig.backends.native import NativeBackend
from qrig.backends.probe.backend import ProbeBackend
from qrig.backends.qemu import QemuBackend
from qrig.backends.renode import RenodeBackend
from qrig.backends.virtual_backend import VirtualBackend
from qrig.errors import UsageError

_BACKENDS: dict[str, Callable[[str | None], Backend]] = {
    "native": NativeBackend,
    "probe": ProbeBackend,
    "qemu": QemuBackend,
    "renode": RenodeBackend,
    "virtual": VirtualBackend,
}


def backend_names() -> tuple[str, ...]:
    """Return the names of all backends."""
    return tuple(_BACKENDS)


def find_backend(name: str, instance: str | None = None) -> Backend:
    """Return the backend called `name` for `instance` of a board, None for any.

    Raises UsageError with the names there are.
    """
    try:
        return _BACKENDS[name](instance)
    except KeyError:
        raise UsageError(
            f"expected a backend ({', '.join(_BACKENDS)}), found {name!r}; choose one"
        ) from None
