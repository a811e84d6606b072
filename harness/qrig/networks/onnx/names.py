"""Layer names from node names: short, readable, each used once.

PyTorch names a node "/layer1/layer1.0/conv1/Conv" or "node_conv2d_1", Keras
"StatefulPartitionedCall/model/dense/MatMul"; the layers become "layer1.0.conv1", "conv2d_1" and
"model.dense".
"""

from __future__ import annotations

import re

from attrs import define, field

_OTHER = re.compile(r"[^A-Za-z0-9_.\-]+")
_WRAPPERS = ("StatefulPartitionedCall", "PartitionedCall")
_MAX_LENGTH = 64

# The last part of a name that only repeats what the node computes, in Keras and TensorFlow.
_OPERATIONS = frozenset(
    [
        "conv2d",
        "depthwise",
        "biasadd",
        "matmul",
        "relu",
        "sigmoid",
        "tanh",
        "softmax",
        "maxpool",
        "avgpool",
        "mean",
    ]
)


@define
class Names:
    """The names given so far."""

    taken: set[str] = field(factory=set)
    numbers: dict[str, int] = field(factory=dict)

    def give(self, node_name: str, op: str) -> str:
        """Return a name that no other layer has for a node, from its own name if it has one."""
        full, brief = _candidates(node_name, op)
        if not any(character.isalnum() for character in full):
            return self._numbered(op.rpartition(".")[2].lower(), first=1)
        for candidate in (brief, full):
            if candidate and candidate not in self.taken:
                self.taken.add(candidate)
                return candidate
        return self._numbered(f"{full}_", first=2)

    def _numbered(self, stem: str, first: int) -> str:
        stem = _clean(stem)
        number = self.numbers.get(stem, first)
        while f"{stem}{number}" in self.taken:
            number += 1
        self.numbers[stem] = number + 1
        self.taken.add(f"{stem}{number}")
        return f"{stem}{number}"


def _clean(text: str) -> str:
    return _OTHER.sub("_", text).strip(".")[-_MAX_LENGTH:]


def _candidates(node_name: str, op: str) -> tuple[str, str]:
    """Return the whole name and the name without what repeats the operator."""
    parts = [part for part in node_name.split("/") if part and part not in _WRAPPERS]
    kept = [
        part
        for index, part in enumerate(parts)
        if index + 1 == len(parts) or not parts[index + 1].startswith(f"{part}.")
    ]
    full = _clean(".".join(kept)).removeprefix("node_")
    last = kept[-1].lower() if kept else ""
    repeats = last == op.lower() or last in _OPERATIONS
    return full, _clean(".".join(kept[:-1])) if repeats and len(kept) > 1 else full
