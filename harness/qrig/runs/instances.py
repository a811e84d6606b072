"""Concrete boards: those of lab.toml, and others that runs have left a note of."""

from __future__ import annotations

from attrs import frozen

from qrig.boards.instance_state import InstanceState, peek_state
from qrig.boards.lab import Lab
from qrig.boards.lock import BoardLock
from qrig.boards.state_folder import instance_key, instances_root
from qrig.errors import TargetError

_STATE = ".json"
_HOLDER = ".holder.json"
_LOCK = ".lock"


@frozen
class Instance:
    """One concrete board, and how it is.

    `name` and `board` are those of lab.toml; of a board that is not in it, `board` and `probe` are
    None and `name` is that of its file. `busy` says who holds it, for what and since when.
    """

    name: str
    board: str | None
    probe: str | None
    port: str | None
    busy: str | None
    state: InstanceState

    @property
    def target(self) -> str | None:
        """The target it is, as --target takes it; None if it is not known."""
        return None if self.board is None else f"{self.board}@probe:{self.name}"

    @property
    def condition(self) -> str:
        """In words: wedged, busy, half-written, or free."""
        parts = []
        if self.state.wedged is not None:
            parts.append(f"wedged: {self.state.wedged}")
        if self.busy is not None:
            parts.append(f"busy: {self.busy}")
        if self.state.dirty is not None:
            parts.append(f"half-written flash: {self.state.dirty}")
        return "; ".join(parts) or "free"


def find_instances(lab: Lab) -> tuple[Instance, ...]:
    """Return the boards of the laboratory, then others that are busy, wedged or half-written."""
    known = {instance_key(entry.probe): entry for entry in lab.boards}
    found = [
        _instance(key, entry.name, entry.board, entry.probe, entry.port)
        for key, entry in known.items()
    ]
    others = (_instance(key, key, None, None, None) for key in _keys() if key not in known)
    return (*found, *(each for each in others if each.condition != "free"))


def _keys() -> list[str]:
    """Return what has files in the folder of instances, sorted."""
    keys = set()
    try:
        names = [path.name for path in instances_root().iterdir()]
    except OSError:
        return []
    for name in names:
        for suffix in (_HOLDER, _LOCK, _STATE):
            if name.endswith(suffix) and not name.startswith("."):
                keys.add(name.removesuffix(suffix))
                break
    return sorted(keys)


def _instance(
    key: str, name: str, board: str | None, probe: str | None, port: str | None
) -> Instance:
    state = peek_state(instances_root(), key)
    return Instance(name, board, probe, port, busy_text(key, name), state)


def busy_text(key: str, name: str) -> str | None:
    """Return who holds the instance, for what and since when; None if nobody does."""
    lock = BoardLock(instances_root(), key, name, "")
    try:
        if not lock.is_taken():
            return None
    except TargetError as error:
        return f"not known: {error}"
    holder = lock.holder()
    return "an unknown process" if holder is None else str(holder)
