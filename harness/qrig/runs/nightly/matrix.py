"""One table [matrix.NAME] of nightly.toml: lists of values, and every combination of them."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from attrs import field, frozen
from attrs.validators import and_, deep_iterable, in_, instance_of

from qrig.build import IMPLEMENTATIONS, Kernels
from qrig.codegen.choose import FAST, PLANS
from qrig.errors import UsageError
from qrig.fixedpoint.network_file import CORRECT, DIALECTS
from qrig.fixedpoint.semantics import DEFAULT, POOLINGS, SOFTMAXES
from qrig.runs.deployed import FULL, TRACES
from qrig.runs.networks import bundled_networks
from qrig.runs.nightly.cell import DEFAULT_LIMIT_S, DEFAULT_SAMPLES, NightCell
from qrig.runs.targets import GENERATED, WAYS, Target, find_target

BUNDLED = "bundled"
"""Stands, among networks, for all that come with qrig."""

_MAX_VALUES = 64
_LONGEST_S = 24 * 3600
_MOST_SAMPLES = 100_000


def _values(least: int) -> Callable[[object, Any, tuple[Any, ...]], None]:
    def check(_table: object, attribute: Any, value: tuple[Any, ...]) -> None:
        if not least <= len(value) <= _MAX_VALUES:
            raise ValueError(
                f"'{attribute.name}' must have {least} to {_MAX_VALUES} values, found {len(value)}"
            )
        if len(set(value)) != len(value):
            raise ValueError(f"'{attribute.name}' must have each value once, found {list(value)!r}")

    return check


def _within(low: int, high: int) -> Callable[[object, Any, int], None]:
    def check(_table: object, attribute: Any, value: int) -> None:
        if not low <= value <= high:
            raise ValueError(
                f"'{attribute.name}' must be from {low:,} to {high:,}, found {value:,}"
            )

    return check


def _axis(of: Sequence[Any] | type = str, *, least: int = 1) -> Any:
    each = instance_of(of) if isinstance(of, type) else in_(tuple(of))
    return and_(_values(least), deep_iterable(each))


@frozen
class Matrix:
    """What a table may have; the names are those of `qrig bench`'s options.

    Every list is an axis, but `tuning`, which goes to all cells. Without `kernels` they are what
    suits the core. `limit_s` is how many seconds one cell may take.
    """

    networks: tuple[str, ...] = field(validator=_axis())
    targets: tuple[str, ...] = field(validator=_axis())
    deployments: tuple[str, ...] = field(default=(GENERATED,), validator=_axis(WAYS))
    kernels: tuple[str, ...] = field(default=(), validator=_axis(IMPLEMENTATIONS, least=0))
    plan: tuple[str, ...] = field(default=(FAST,), validator=_axis(PLANS))
    pooling: tuple[str, ...] = field(default=(DEFAULT.pooling,), validator=_axis(POOLINGS))
    softmax_form: tuple[str, ...] = field(default=(DEFAULT.softmax,), validator=_axis(SOFTMAXES))
    truncate: tuple[bool, ...] = field(default=(DEFAULT.truncate,), validator=_axis(bool))
    dialect: str = field(default=CORRECT, validator=in_(DIALECTS))
    tuning: tuple[str, ...] = field(default=(), validator=_axis(least=0))
    cmsis_nn: str | None = None
    samples: int = field(default=DEFAULT_SAMPLES, validator=_within(1, _MOST_SAMPLES))
    trace: str = field(default=FULL, validator=in_(TRACES))
    profile: bool = True
    limit_s: int = field(default=DEFAULT_LIMIT_S, validator=_within(1, _LONGEST_S))

    def cells(self, folder: Path) -> Iterator[NightCell]:
        """Yield every combination; paths are relative to `folder`. Raises InputError."""
        self._check()
        networks = [(name, _source(name, folder)) for name in self._networks()]
        targets = [find_target(text) for text in self.targets]
        for (network, source), target, values in itertools.product(
            networks, targets, self._flags()
        ):
            cell = NightCell(
                network,
                source,
                target.place,
                **{**values, "kernels": _unusual(values["kernels"], target)},
                dialect=self.dialect,
                tuning=tuple(str((folder / path).resolve()) for path in self.tuning),
                cmsis_nn=None if self.cmsis_nn is None else str((folder / self.cmsis_nn).resolve()),
                samples=self.samples,
                trace=self.trace,
                profile=self.profile,
                limit_s=self.limit_s,
            )
            cell.targets()
            yield cell

    def _flags(self) -> Iterator[dict[str, Any]]:
        """Yield every combination of what is neither a network nor a target."""
        axes = {
            "deployment": self.deployments,
            "kernels": self.kernels or (None,),
            "plan": self.plan,
            "pooling": self.pooling,
            "softmax_form": self.softmax_form,
            "truncate": self.truncate,
        }
        for values in itertools.product(*axes.values()):
            yield dict(zip(axes, values, strict=True))

    def _networks(self) -> tuple[str, ...]:
        """Return the networks, each once, `bundled` as those it stands for."""
        found = (bundled_networks() if name == BUNDLED else (name,) for name in self.networks)
        return tuple(dict.fromkeys(itertools.chain.from_iterable(found)))

    def _check(self) -> None:
        """Raise UsageError for a dialect beside what it already says."""
        usual = ((DEFAULT.pooling,), (DEFAULT.softmax,), (DEFAULT.truncate,))
        if self.dialect != CORRECT and (self.pooling, self.softmax_form, self.truncate) != usual:
            raise UsageError(
                f"expected dialect {self.dialect} alone, which says what is computed, found "
                "pooling, softmax_form or truncate beside it; leave one of them out"
            )


def _unusual(kernels: str | None, target: Target) -> str | None:
    """Return the kernels by name, None if they are what suits the target's core anyway."""
    usual = Kernels().implementation_for(target.board)
    return None if kernels == usual else kernels


def _source(name: str, folder: Path) -> str:
    """Return what loads the network called `name`; raises UsageError if there is none."""
    if name in bundled_networks():
        return name
    with contextlib.suppress(OSError, ValueError):  # a name that no file can have
        path = (folder / name).resolve()
        if path.is_file() or path.is_dir():
            return str(path)
    known = ", ".join((BUNDLED, *bundled_networks()))
    raise UsageError(
        f"expected a network ({known}, a folder with a network.toml, or a .network file), found "
        f"{name!r}; paths are relative to the folder of this file"
    )
