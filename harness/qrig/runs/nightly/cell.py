"""One cell of a night: a network on a target, in one way, with one choice of kernels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
from attrs import field, frozen

from qrig.build import Kernels
from qrig.codegen.choose import FAST
from qrig.codegen.tuning import read_tuning
from qrig.errors import FileFormatError
from qrig.fixedpoint.network_file import CORRECT, semantics_of
from qrig.fixedpoint.semantics import DEFAULT, Semantics
from qrig.runs.deployed import FULL
from qrig.runs.targets import GENERATED, Target, find_target, in_ways, with_kernels

EXCLUSIVE = ("probe",)
"""Backends behind which there is one board, not as many as are wanted."""

DEFAULT_SAMPLES = 20
"""How many samples of a network a cell streams unless nightly.toml says otherwise."""

DEFAULT_LIMIT_S = 300
"""How many seconds a cell may take unless nightly.toml says otherwise."""


def texts(value: object) -> tuple[str, ...]:
    """Return texts of a JSON list; raises TypeError."""
    if not isinstance(value, list | tuple) or not all(isinstance(each, str) for each in value):
        raise TypeError(f"expected texts, found {value!r}")
    return tuple(value)


@frozen
class NightCell:
    """What one bench run of a night is of; the fields are the options of `qrig bench`.

    `network` is what nightly.toml calls it, `source` where it is: a bundled name or a path.
    `place` is board@backend. `kernels` is None for those that suit the core, by whatever name they
    were asked for. `tuning` and `cmsis_nn` are paths. `limit_s` is how many seconds the cell may
    take, the build included.
    """

    network: str
    source: str
    place: str
    deployment: str = GENERATED
    kernels: str | None = None
    plan: str = FAST
    pooling: str = DEFAULT.pooling
    softmax_form: str = DEFAULT.softmax
    truncate: bool = DEFAULT.truncate
    dialect: str = CORRECT
    tuning: tuple[str, ...] = field(default=(), converter=texts)
    cmsis_nn: str | None = None
    samples: int = DEFAULT_SAMPLES
    trace: str = FULL
    profile: bool = True
    limit_s: int = DEFAULT_LIMIT_S

    @property
    def options(self) -> tuple[str, ...]:
        """What is not as usual, in words; equal cells of two nights have equal words."""
        found = {
            self.deployment: self.deployment != GENERATED,
            f"plan {self.plan}": self.plan != FAST,
            f"{self.kernels} kernels": self.kernels is not None,
            f"dialect {self.dialect}": self.dialect != CORRECT,
            f"pooling {self.pooling}": self.pooling != DEFAULT.pooling,
            f"softmax {self.softmax_form}": self.softmax_form != DEFAULT.softmax,
            "truncate": self.truncate,
            **{f"tuning {Path(path).name}": True for path in self.tuning},
            "beside CMSIS-NN": self.cmsis_nn is not None,
        }
        return tuple(text for text, holds in found.items() if holds)

    @property
    def name(self) -> str:
        """The cell's name, which is also what it is known by from night to night."""
        return ", ".join((f"{self.network} on {self.place}", *self.options))

    @property
    def board_in_use(self) -> str | None:
        """The place of the board that nobody else may use meanwhile; None for an emulator."""
        backend = self.place.partition("@")[2].partition(":")[0]
        return self.place if backend in EXCLUSIVE else None

    def targets(self) -> tuple[Target, ...]:
        """Return the target with its kernels, twice with `cmsis_nn`; raises InputError."""
        tunings = tuple(read_tuning(Path(path)) for path in self.tuning)
        kernels = Kernels(self._semantics(), self.kernels, plan=self.plan, tunings=tunings)
        original = None if self.cmsis_nn is None else Path(self.cmsis_nn)
        found = with_kernels((find_target(self.place),), kernels, original)
        return in_ways(found, (self.deployment,))

    def document(self) -> dict[str, Any]:
        """Return the cell as JSON."""
        return attrs.asdict(self)

    def _semantics(self) -> Semantics:
        if self.dialect != CORRECT:
            return semantics_of(self.dialect)
        return Semantics(self.pooling, self.softmax_form, self.truncate)


def cell_of(document: Any) -> NightCell:
    """Return the cell of a `NightCell.document`; raises FileFormatError."""
    try:
        return NightCell(**document)
    except (TypeError, ValueError) as error:
        raise FileFormatError(
            f"expected a cell of a night, found none ({error}); begin a new night with --fresh"
        ) from error
