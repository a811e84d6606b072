"""What comes of a comparison of runs: verdicts of layers, of networks on targets, and of it all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from attrs import field, frozen

from qrig.measure.gate import BETTER, SAME, TOO_FEW, TOO_NOISY, WORSE

__all__ = [
    "BETTER",
    "EXACT",
    "EXIT_CODES",
    "INFERENCE",
    "NO_BASELINE",
    "SAME",
    "STATISTICAL",
    "TOO_FEW",
    "TOO_NOISY",
    "WORSE",
    "CellComparison",
    "LayerChange",
    "RunsComparison",
    "StampDifference",
    "change_text",
    "measure_text",
    "worst",
]

NO_BASELINE: Final = "no comparable baseline"

INFERENCE: Final = "inference"
"""What stands in the place of a layer for the sum of all of them."""

EXACT: Final = "exact"
STATISTICAL: Final = "statistical"

EXIT_CODES: Final = {WORSE: 1, NO_BASELINE: 4, BETTER: 0, SAME: 0}
"""What a command ends with, the worst verdict first."""


def worst(verdicts: Sequence[str]) -> str:
    """Return what several verdicts come to; without any there is no comparable baseline."""
    return next((verdict for verdict in EXIT_CODES if verdict in verdicts), NO_BASELINE)


@frozen
class StampDifference:
    """A key of the stamps whose value differs; None where a run does not state it."""

    key: str
    base: Any
    new: Any
    allowed: bool = False

    def __str__(self) -> str:
        """Return it for people."""
        return f"{self.key}: {_said(self.base)} against {_said(self.new)}"


@frozen
class LayerChange:
    """A layer's cost in both runs, in one measure, and what is said of it.

    `kind` is "exact" or "statistical"; `low_percent` and `high_percent` are the interval of a
    statistical change. `function`, `loop` (file:line) and `why` are known where both runs were
    profiled; `kernel` is what the newer run was built with. `matters` is False for what cannot be
    told but is too small a part of the network to make it slower by the promised change.
    """

    layer: str
    layer_index: int
    measure: str
    kind: str
    verdict: str
    base: float | None
    new: float | None
    percent: float | None
    low_percent: float | None = None
    high_percent: float | None = None
    reason: str = ""
    function: str | None = None
    loop: str | None = None
    why: str | None = None
    kernel: str | None = None
    matters: bool = True


@frozen(eq=False)
class CellComparison:
    """A network on a target.

    `verdict` is better, same, worse or no comparable baseline; `reasons` say why there is none, or
    what else makes it worse, `notes` what else there is to know. `sizes` are flash and RAM before
    and after.
    """

    target: str
    network: str
    core: str
    verdict: str
    layers: tuple[LayerChange, ...] = field(default=(), repr=False)
    reasons: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    differences: tuple[StampDifference, ...] = ()
    sizes: Mapping[str, tuple[int | None, int | None]] = field(factory=dict)

    @property
    def name(self) -> str:
        """The cell's name, for people."""
        return f"{self.network} on {self.target}"


@frozen(eq=False)
class RunsComparison:
    """Two sets of runs compared; `base` and `new` are their names."""

    base: tuple[str, ...]
    new: tuple[str, ...]
    verdict: str
    cells: tuple[CellComparison, ...] = field(default=(), repr=False)
    reasons: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """What a command ends with: 0 better or same, 1 worse, 4 no comparable baseline."""
        return EXIT_CODES[self.verdict]

    @property
    def findings(self) -> tuple[str, ...]:
        """Sentences that say what has changed, the worst first, then why something is not known."""
        found = list(self.reasons)
        for verdict in (WORSE, NO_BASELINE, BETTER):
            for cell in self.cells:
                found += [f"{cell.name}: {text}" for text in _texts(cell, verdict)]
        return tuple(found)


def change_text(change: LayerChange) -> str:
    """Say in a sentence what became of a layer."""
    head = f"{change.layer} {change.verdict}"
    if change.percent is not None:
        head = f"{change.layer} {change.percent:+.2f} % {measure_text(change.measure)}"
    if change.low_percent is not None and change.high_percent is not None:
        head += f" (between {change.low_percent:+.2f} and {change.high_percent:+.2f} %)"
    where = [text for text in (change.function, change.loop) if text]
    tail = change.why or (", ".join(where) if where else f"kernel {change.kernel}")
    parts = [head, tail if change.why or where or change.kernel else "", change.reason]
    return ": ".join(part for part in parts if part)


def measure_text(measure: str) -> str:
    """Return what people call a measure."""
    return {
        "model_cycles_m4": "model cycles M4",
        "model_cycles_m7": "model cycles M7",
        "energy_uj": "energy",
        "bits": "bits",
    }.get(measure, measure)


def _texts(cell: CellComparison, verdict: str) -> list[str]:
    """Return the sentences of a cell that belong to a verdict."""
    kinds = {NO_BASELINE: (TOO_NOISY, TOO_FEW)}.get(verdict, (verdict,))
    texts = [
        change_text(change) for change in cell.layers if change.verdict in kinds and change.matters
    ]
    return texts + (list(cell.reasons) if cell.verdict == verdict else [])


def _said(value: Any) -> str:
    return "not stated" if value is None else str(value)
