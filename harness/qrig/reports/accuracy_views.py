"""How well labelled inputs were classified: a table of accuracy, and matrices of confusion.

run.json has an entry for each network on each target: `correct` of `labelled`, the class names in
`labels`, and in `confusion` triples of label, predicted class and how often.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

from attrs import field, frozen

from qrig.reports.grids import Cell, Grid
from qrig.reports.stamps import one_line
from qrig.reports.tables import cell_text

__all__ = ["Confusion", "ConfusionCell", "ConfusionRow", "accuracy_grid", "confusions"]

Counts: TypeAlias = dict[tuple[int, int], int]

_MOST_CLASSES: Final = 32
_MOST_PAIRS: Final = 20
_SHADES: Final = (0.1, 0.5)


@frozen
class ConfusionCell:
    """How many inputs of a label were given a class; `tone` is its ground, empty for none."""

    text: str
    tone: str


@frozen
class ConfusionRow:
    """A label: how its inputs were classified, how many there are, and the part that is right."""

    label: str
    cells: Sequence[ConfusionCell]
    count: str
    recall: str


@frozen
class Confusion:
    """A matrix: labels down, predicted classes across; or, of many classes, the worst confusions.

    `targets` are those that classified alike.
    """

    network: str
    targets: Sequence[str]
    classes: Sequence[str] = ()
    rows: Sequence[ConfusionRow] = field(default=(), repr=False)
    worst: Grid | None = None

    @property
    def name(self) -> str:
        """What it is, for those who do not see it."""
        return f"Confusion of {self.network} on {', '.join(self.targets)}"


def accuracy_grid(entries: Sequence[Mapping[str, Any]]) -> Grid | None:
    """Lay out how many labelled inputs were classified correctly; None if none had a label."""
    rows = [
        [
            Cell(one_line(entry.get("network"))),
            Cell(one_line(entry.get("target"))),
            Cell(cell_text(entry.get("correct")), True),
            Cell(cell_text(entry["labelled"]), True),
            Cell(f"{(entry.get('correct') or 0) / entry['labelled']:.1%}", True),
        ]
        for entry in entries
        if entry.get("labelled")
    ]
    names = ("network", "target", "correct", "labelled", "accuracy")
    headings = [Cell(name, number >= 2) for number, name in enumerate(names)]
    return Grid("Accuracy", headings, rows) if rows else None


def confusions(entries: Sequence[Mapping[str, Any]]) -> Iterator[Confusion]:
    """Yield a matrix for each network; targets that classified alike share one."""
    found: list[tuple[str, Counts, list[str], list[str]]] = []
    for entry in entries:
        counts = _counts(entry)
        if not counts:
            continue
        network, target = one_line(entry.get("network")), one_line(entry.get("target"))
        names = [one_line(name) for name in entry.get("labels") or ()]
        same = next(
            (one for one in found if (one[0], one[1], one[2]) == (network, counts, names)), None
        )
        if same is None:
            found.append((network, counts, names, [target]))
        else:
            same[3].append(target)
    for network, counts, names, targets in found:
        yield _confusion(network, targets, counts, names)


def _counts(entry: Mapping[str, Any]) -> Counts:
    """Read the counts of an entry; what makes no sense is left out."""
    counts: Counts = {}
    for triple in entry.get("confusion") or ():
        if (
            isinstance(triple, list)
            and len(triple) == 3
            and all(isinstance(n, int) for n in triple)
        ):
            counts[(triple[0], triple[1])] = triple[2]
    return counts


def _confusion(
    network: str, targets: Sequence[str], counts: Counts, names: Sequence[str]
) -> Confusion:
    classes = sorted({place for pair in counts for place in pair} | set(range(len(names))))
    if len(classes) > _MOST_CLASSES:
        return Confusion(network, targets, worst=_worst(counts, names))
    rows = [_row(label, classes, counts, names) for label in classes]
    return Confusion(network, targets, [_name(one, names) for one in classes], rows)


def _row(label: int, classes: Sequence[int], counts: Counts, names: Sequence[str]) -> ConfusionRow:
    mine = [counts.get((label, one), 0) for one in classes]
    whole, right = sum(mine), counts.get((label, label), 0)
    return ConfusionRow(
        _name(label, names),
        [
            ConfusionCell(cell_text(count) if count else "·", _tone(count, whole, one == label))
            for one, count in zip(classes, mine, strict=True)
        ],
        cell_text(whole),
        f"{right / whole:.0%}" if whole else "",
    )


def _tone(count: int, whole: int, right: bool) -> str:
    """Choose the ground of a cell: darker for more of its label, mistakes in another colour."""
    if not count:
        return "none"
    shade = sum(count / whole > bound for bound in _SHADES)
    return f"{'right' if right else 'wrong'}{shade}"


def _worst(counts: Counts, names: Sequence[str]) -> Grid | None:
    """Lay out the most frequent mistakes; None if there is none."""
    wrong = sorted((-count, *pair) for pair, count in counts.items() if pair[0] != pair[1])
    if not wrong:
        return None
    rows = [
        [Cell(_name(label, names)), Cell(_name(one, names)), Cell(cell_text(-count), True)]
        for count, label, one in wrong[:_MOST_PAIRS]
    ]
    headings = [Cell("label"), Cell("taken for"), Cell("inputs", True)]
    return Grid("Most frequent confusions", headings, rows)


def _name(place: int, names: Sequence[str]) -> str:
    return names[place] if 0 <= place < len(names) and names[place] else str(place)
