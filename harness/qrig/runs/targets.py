"""Targets: `board@backend`, or a board alone for its first backend, and the kernels run there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import attrs
from attrs import field, frozen
from attrs.validators import in_

from qrig.backends import Backend, find_backend
from qrig.boards import Board, board_names, find_board
from qrig.build import OURS, Kernels, find_cmsis_nn
from qrig.errors import TargetUnavailableError, UsageError
from qrig.fixedpoint.quantized import QuantizedNetwork

GENERATED, NETWORK, STORED = WAYS = ("generated", "network", "stored-network")
"""Generated C; a `.network` file that is sent to a resident firmware; one in the board's flash."""

_INSTANCE = r"[a-z0-9][a-z0-9._-]{0,63}"

DEFAULT_TARGETS = ("mps2-an386@qemu", "mps2-an500@qemu")
"""The emulated Cortex-M4 and Cortex-M7 that need nothing but QEMU."""


@frozen
class Target:
    """A board, what runs its firmware, the kernels it is built with, the way networks get there.

    `way` is one of WAYS.
    """

    board: Board = field(repr=False)
    backend: Backend = field(repr=False, eq=lambda backend: (backend.name, backend.instance))
    kernels: Kernels = field(default=OURS, repr=False)
    way: str = field(default=GENERATED, repr=False, validator=in_(WAYS))

    @property
    def place(self) -> str:
        """Where firmware runs, as --target takes it: board@backend or board@backend:instance."""
        instance = self.backend.instance
        return f"{self.board.name}@{self.backend.name}" + (f":{instance}" if instance else "")

    @property
    def name(self) -> str:
        """The full name: the place, and what is not as usual: another way, other kernels."""
        name = self.place
        labels = (self.kernels.label, "" if self.way == GENERATED else self.way)
        return ", ".join((name, *filter(None, labels)))

    def check_available(self) -> None:
        """Raise TargetUnavailableError, with the reason, if it cannot be used here."""
        reason = self.backend.unavailable(self.board)
        if reason is not None:
            usable = ", ".join(usable_targets()) or "none"
            raise TargetUnavailableError(
                f"{self.name}: expected a target that can be used, found that {reason}; "
                f"targets that work here: {usable}"
            )


def find_target(text: str) -> Target:
    """Return the target `text` names; raises UsageError with the choices there are."""
    board_name, at, rest = text.partition("@")
    backend_name, colon, instance = rest.partition(":")
    if colon and not re.fullmatch(_INSTANCE, instance):
        raise UsageError(
            "expected the name of an instance behind the colon (a-z, 0-9, ., _, -, up to 64), "
            f"found {instance!r}; write board@backend:instance"
        )
    board = find_board(board_name)
    if not board.backends:
        raise UsageError(
            f"expected a board that firmware can run on, found {board.name}, which is only "
            f"modelled; choose another target, and this one with `qrig profile --on {board.name}`"
        )
    chosen = backend_name if at else board.backends[0]
    if chosen not in board.backends:
        raise UsageError(
            f"expected a backend of {board.name} ({', '.join(board.backends)}), found "
            f"{chosen!r}; choose one"
        )
    return Target(board, find_backend(chosen, instance or None))


def usable_targets() -> tuple[str, ...]:
    """Return every board@backend that needs no hardware and can be used on this machine."""
    return tuple(
        f"{board.name}@{name}"
        for board in map(find_board, board_names())
        for name in board.backends
        if name != "probe" and find_backend(name).unavailable(board) is None
    )


def find_targets(texts: list[str]) -> tuple[Target, ...]:
    """Return the targets `texts` name, each once, in order; raises UsageError."""
    found: dict[str, Target] = {}
    for text in texts:
        target = find_target(text)
        found.setdefault(target.name, target)
    return tuple(found.values())


def with_kernels(
    targets: tuple[Target, ...], kernels: Kernels = OURS, cmsis_nn: Path | None = None
) -> tuple[Target, ...]:
    """Return `targets` with `kernels` of ours, each followed by itself with those in `cmsis_nn`.

    `cmsis_nn` is a folder with an original CMSIS-NN, for comparison. Raises UsageError if there is
    none in it, or if it cannot compute what is asked for.
    """
    ours = tuple(attrs.evolve(target, kernels=kernels) for target in targets)
    if cmsis_nn is None:
        return ours
    if kernels.semantics.pooling != "dsp":
        raise UsageError(
            f"expected pooling dsp with --cmsis-nn, found {kernels.semantics.pooling}: an original "
            "pools so on every core with DSP instructions; leave one of them out"
        )
    for target in targets:
        if target.board.is_native:
            raise UsageError(
                f"expected Cortex-M targets with --cmsis-nn, found {target.name}: an original is "
                "not written for this machine; choose others with --target"
            )
    theirs = Kernels(kernels.semantics, cmsis_nn=find_cmsis_nn(cmsis_nn))
    return tuple(
        chosen for target in ours for chosen in (target, attrs.evolve(target, kernels=theirs))
    )


def in_ways(targets: tuple[Target, ...], ways: Sequence[str]) -> tuple[Target, ...]:
    """Return every target in every one of `ways`; all as generated C if there are none.

    Raises UsageError for kernels of the user's own with networks that are loaded.
    """
    chosen = tuple(dict.fromkeys(ways)) or (GENERATED,)
    for target in targets:
        if target.kernels.cmsis_nn is not None and chosen != (GENERATED,):
            raise UsageError(
                f"expected --deployment {GENERATED} with --cmsis-nn, found {', '.join(chosen)}: a "
                "firmware that loads networks has our kernels alone; leave one of them out"
            )
    return tuple(attrs.evolve(target, way=way) for target in targets for way in chosen)


def check_tunings(targets: Sequence[Target], networks: Iterable[QuantizedNetwork]) -> None:
    """Raise UsageError for a tuning that no network on any of `targets` would use."""
    names = {network.name for network in networks}
    cores = {target.board.core for target in targets}
    for tuning in (tuning for target in targets for tuning in target.kernels.tunings):
        if tuning.network not in names or tuning.core not in cores:
            raise UsageError(
                f"expected tunings of {', '.join(sorted(names))} for {', '.join(sorted(cores))}, "
                f"found one of {tuning.network!r} for {tuning.core!r}; leave it out, or run that "
                "network on such a target"
            )
