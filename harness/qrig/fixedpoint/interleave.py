"""The orders in which the `_opt` forms of fully connected kernels want their weights.

Rows are taken four at a time and columns two or four at a time; what is left of the columns follows
row by row of the four, and what is left of the rows as it is. `docs/kernels.md` has the tables.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt


class Order(IntEnum):
    """How the weights of a fully connected kernel lie in memory, as in `kernel_app/fill.h`."""

    PLAIN = 0
    X4_Q7 = 1
    X4_MIXED = 2
    X4_Q15 = 3


# (row, column) offsets of a block, in the order they are stored.
_BLOCKS: dict[Order, tuple[tuple[int, int], ...]] = {
    Order.X4_Q7: (
        *((0, 0), (1, 0), (0, 2), (1, 2), (2, 0), (3, 0), (2, 2), (3, 2)),
        *((0, 1), (1, 1), (0, 3), (1, 3), (2, 1), (3, 1), (2, 3), (3, 3)),
    ),
    Order.X4_MIXED: ((0, 0), (1, 0), (0, 1), (1, 1), (2, 0), (3, 0), (2, 1), (3, 1)),
    Order.X4_Q15: ((0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1), (3, 0), (3, 1)),
}
_ROWS = 4


def interleaved(matrix: npt.NDArray[Any], order: Order) -> npt.NDArray[Any]:
    """Return the elements of a (rows, columns) matrix in `order`, flat."""
    if order == Order.PLAIN:
        return matrix.ravel()
    rows, columns = matrix.shape
    block = _BLOCKS[order]
    width = len(block) // _ROWS
    full = columns - columns % width
    row, column = np.array(block).T
    parts: list[npt.NDArray[Any]] = []
    for start in range(0, rows - rows % _ROWS, _ROWS):
        four = matrix[start : start + _ROWS]
        blocks = four[:, :full].reshape(_ROWS, -1, width)
        parts += [blocks[row, :, column].T.ravel(), four[:, full:].T.ravel()]
    return np.concatenate([*parts, matrix[rows - rows % _ROWS :].ravel()])


def deinterleaved(
    values: npt.NDArray[Any], shape: tuple[int, int], order: Order
) -> npt.NDArray[Any]:
    """Return the (rows, columns) matrix of `shape` whose elements in `order` are `values`, flat."""
    places = interleaved(np.arange(values.size).reshape(shape), order)
    matrix = np.empty_like(values)
    matrix[places] = values
    return matrix.reshape(shape)
