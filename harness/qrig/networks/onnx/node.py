"""One node of an ONNX graph: its operator, what it reads and makes, and its attributes, checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from attrs import field, frozen

from qrig.errors import FileFormatError, UnsupportedNetworkError
from qrig.networks.graph import Pair
from qrig.networks.onnx.text import short


@frozen(eq=False)
class StoredTensor:
    """A tensor among the attributes, still a TensorProto."""

    proto: Any = field(repr=False)


Attribute = int | float | str | tuple[int, ...] | tuple[float, ...] | StoredTensor | None
"""An attribute's value; None for a kind that no operator here takes (a graph, texts, a type)."""

_MAX_EXTENT = 65_535


@frozen(eq=False)
class Node:
    """A node; `source` is where it stands, as "file: node 'name'".

    An input that is left out is an empty text.
    """

    op: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    source: str
    opset: int
    attributes: Mapping[str, Attribute] = field(factory=dict, repr=False)

    @property
    def where(self) -> str:
        """The node's place and operator, as a sentence about it begins."""
        return f"{self.source} ({self.op if self.op.isprintable() else short(self.op)})"

    def fail(self, expected: str, found: str) -> FileFormatError:
        """Make the error for a node that cannot be."""
        return FileFormatError(
            f"{self.where}: expected {expected}, found {found}; export the network again"
        )

    def unsupported(self, found: str, advice: str) -> UnsupportedNetworkError:
        """Make the error for a node that qrig does not deploy."""
        return UnsupportedNetworkError(
            f"{self.where}: found {found}, which qrig cannot deploy; {advice}"
        )

    def has(self, index: int) -> bool:
        """Return whether the node has an input of that number."""
        return index < len(self.inputs) and self.inputs[index] != ""

    def integer(self, name: str, default: int) -> int:
        """Return an integer attribute; raises FileFormatError for another kind."""
        value = self.attributes.get(name, default)
        if not isinstance(value, int):
            raise self.fail(f"an integer as {name}", short(value))
        return value

    def number(self, name: str, default: float) -> float:
        """Return a finite attribute; raises FileFormatError for another kind."""
        value = self.attributes.get(name, default)
        if not isinstance(value, int | float) or not np.isfinite(value):
            raise self.fail(f"a finite number as {name}", short(value))
        return float(value)

    def text(self, name: str, default: str) -> str:
        """Return a text attribute; raises FileFormatError for another kind."""
        value = self.attributes.get(name, default)
        if not isinstance(value, str):
            raise self.fail(f"a text as {name}", short(value))
        return value

    def integers(self, name: str) -> tuple[int, ...] | None:
        """Return an attribute of integers, None if there is none; raises FileFormatError."""
        value = self.attributes.get(name)
        if value is None and name not in self.attributes:
            return None
        if not isinstance(value, tuple) or not all(isinstance(item, int) for item in value):
            raise self.fail(f"integers as {name}", short(value))
        return tuple(int(item) for item in value)

    def extents(self, name: str, rank: int) -> Pair | None:
        """Return an attribute of one or two positive extents as (y, x), None if there is none.

        The one extent of a row of values (`rank` 1) is that along x.
        """
        values = self.integers(name)
        if values is None:
            return None
        if len(values) != rank or not all(1 <= value <= _MAX_EXTENT for value in values):
            raise self.fail(f"{rank} numbers of 1 to {_MAX_EXTENT} as {name}", short(values))
        return Pair(*values) if rank == 2 else Pair(1, values[0])
