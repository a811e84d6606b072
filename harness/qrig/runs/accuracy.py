"""How well the labelled inputs of a network on a target are classified."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from attrs import define, field

from qrig.link.inference import RemoteTrace
from qrig.reference import Trace


@define
class CellAccuracy:
    """Counts of what the inputs of each label were taken for; `labels` are the classes' names."""

    labels: tuple[str, ...] = ()
    counts: Counter[tuple[int, int]] = field(factory=Counter)

    def note(self, label: int | None, predicted: int) -> None:
        """Count an input; one without a label does not count."""
        if label is not None:
            self.counts[(label, predicted)] += 1

    def document(self) -> dict[str, Any] | None:
        """Return what run.json says of it; None if no input had a label.

        `confusion` has triples of label, predicted class, and how often.
        """
        if not self.counts:
            return None
        return {
            "correct": sum(count for pair, count in self.counts.items() if pair[0] == pair[1]),
            "labelled": self.counts.total(),
            "labels": list(self.labels),
            "confusion": [[*pair, count] for pair, count in sorted(self.counts.items())],
        }


def predicted_class(remote: RemoteTrace, expected: Trace) -> int:
    """Return the class that the target chose: of its largest logit, the first of several.

    Where only the output was fetched and a softmax ends the network, that of the largest output;
    an output like the reference's stands for the same logits.
    """
    if remote.tensors:
        return _largest(remote.tensors[expected.logits_stage])
    if remote.output == expected.tensors[-1].tobytes():
        return expected.top1
    return _largest(remote.output)


def _largest(tensor: bytes) -> int:
    return int(np.argmax(np.frombuffer(tensor, np.int8)))
