"""Labelled inputs: what a bench counts, and how a page shows it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from hand_made import hand_made
from qrig.link.inference import RemoteTrace
from qrig.reference import Trace, run_reference
from qrig.reports.accuracy_views import accuracy_grid, confusions
from qrig.reports.store import load_run
from qrig.runs.accuracy import CellAccuracy, predicted_class
from qrig.runs.bench import bench, prepare
from qrig.runs.targets import find_targets


def entry(confusion: list[list[int]], **changed: Any) -> dict[str, Any]:
    whole = sum(count for *_, count in confusion)
    right = sum(count for label, found, count in confusion if label == found)
    names = {"network": "n", "target": "t"}
    return {**names, "correct": right, "labelled": whole, "confusion": confusion, **changed}


def test_counts_are_by_label_and_prediction() -> None:
    accuracy = CellAccuracy(("cat", "dog"))
    assert accuracy.document() is None
    for label, found in ((0, 0), (0, 1), (1, 1), (1, 1), (None, 0)):
        accuracy.note(label, found)
    assert accuracy.document() == {
        "correct": 3,
        "labelled": 4,
        "labels": ["cat", "dog"],
        "confusion": [[0, 0, 1], [0, 1, 1], [1, 1, 2]],
    }


def test_the_class_is_that_of_the_target() -> None:
    loaded = hand_made(1)
    expected = run_reference(loaded.quantized, loaded.samples[0].pixels)
    right = tuple(tensor.tobytes() for tensor in expected.tensors)
    assert predicted_class(RemoteTrace((), right[-1], right), expected) == expected.top1
    assert predicted_class(RemoteTrace((), right[-1]), expected) == expected.top1
    other = (expected.top1 + 1) % len(expected.logits)
    wrong = np.full(len(expected.logits), -128, np.int8)
    wrong[other] = 127
    assert predicted_class(RemoteTrace((), wrong.tobytes()), expected) == other
    tensors = [*right]
    tensors[expected.logits_stage] = wrong.tobytes()
    assert predicted_class(RemoteTrace((), right[-1], tuple(tensors)), expected) == other


def test_the_first_of_equal_logits_counts() -> None:
    logits = np.array([[[3, 7, 7, -1]]], np.int8)
    trace = Trace((logits,), 0)
    assert predicted_class(RemoteTrace((), logits.tobytes(), (logits.tobytes(),)), trace) == 1


def test_a_bench_keeps_what_labels_were_taken_for(tmp_path: Path) -> None:
    cells = prepare([hand_made(4)], find_targets(["host@native"]))
    _, run = load_run(bench(cells, tmp_path).folder)
    (found,) = run["accuracy"]
    assert found["labelled"] == sum(count for *_, count in found["confusion"]) == 4
    hits = sum(count for label, taken, count in found["confusion"] if label == taken)
    assert found["correct"] == hits
    assert [label for label, *_ in found["confusion"]] == [0, 1, 2, 3]


def test_a_matrix_has_a_row_for_each_label() -> None:
    counts = [[0, 0, 8], [0, 2, 2], [2, 2, 3], [2, 0, 3]]
    (matrix,) = confusions([entry(counts, labels=["cat", "dog", "cow"])])
    assert list(matrix.classes) == ["cat", "dog", "cow"]
    rows = {row.label: row for row in matrix.rows}
    assert [cell.text for cell in rows["cat"].cells] == ["8", "·", "2"]
    assert [cell.tone for cell in rows["cat"].cells] == ["right2", "none", "wrong1"]
    assert [cell.tone for cell in rows["cow"].cells] == ["wrong1", "none", "right1"]
    assert (rows["cat"].count, rows["cat"].recall) == ("10", "80%")
    assert (rows["dog"].count, rows["dog"].recall) == ("0", "")


def test_targets_that_classify_alike_share_a_matrix() -> None:
    same, other = [[0, 0, 2]], [[0, 1, 2]]
    found = list(
        confusions([entry(same), entry(same, target="u"), entry(other, target="v"), entry([])])
    )
    assert [list(matrix.targets) for matrix in found] == [["t", "u"], ["v"]]
    assert list(found[1].classes) == ["0", "1"]


def test_of_many_classes_the_worst_confusions_are_listed() -> None:
    counts = [[label, label, 10] for label in range(100)]
    mistakes = [[label, label + 1, label + 1] for label in range(50)]
    (matrix,) = confusions([entry(counts + mistakes)])
    assert matrix.rows == ()
    assert matrix.worst is not None
    assert [cell.text for cell in matrix.worst.rows[0]] == ["49", "50", "50"]
    assert len(matrix.worst.rows) == 20
    (perfect,) = confusions([entry(counts)])
    assert perfect.worst is None


def test_older_and_odd_entries_have_no_matrix() -> None:
    names = {"network": "n", "target": "t"}
    assert list(confusions([{**names, "correct": 1, "labelled": 2}])) == []
    odd: list[Any] = [[1, 2], ["a", 0, 1], 7, None]
    assert list(confusions([entry([]) | {"confusion": odd}])) == []
    grid = accuracy_grid([{**names, "correct": 1, "labelled": 2}, {**names, "labelled": 0}])
    assert grid is not None
    assert [[cell.text for cell in row] for row in grid.rows] == [["n", "t", "1", "2", "50.0%"]]
    assert accuracy_grid([]) is None
