"""Images for a search: one array, in batches that fit the memory, and parts of them to work on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from qrig.errors import InputError
from qrig.networks.graph import Input, Network
from qrig.quantize.float_pass import Images

_BATCH_BYTES = 48 << 20


def stacked(source: Input, inputs: Sequence[npt.NDArray[np.uint8]] | Images) -> Images:
    """Return inputs as one uint8 array (n, h, w, c).

    Raises InputError if one of them is not uint8 of the input's shape.
    """
    for pixels in inputs:
        if pixels.shape != tuple(source.shape) or pixels.dtype != np.uint8:
            raise InputError(
                f"expected uint8 pixels of shape {source.shape}, found {pixels.dtype} of shape "
                f"{'x'.join(map(str, pixels.shape))}; resize the image to the network's input"
            )
    return np.asarray(inputs, dtype=np.uint8)


def bytes_each(network: Network) -> int:
    """Return the bytes that all float tensors of one image take."""
    return 4 * (network.input.shape.size + sum(layer.out_shape.size for layer in network.layers))


def batches(network: Network, count: int) -> Iterator[slice]:
    """Yield slices of `count` images whose float tensors take some ten megabytes."""
    step = max(1, _BATCH_BYTES // bytes_each(network))
    for start in range(0, count, step):
        yield slice(start, min(start + step, count))


def spread(count: int, wanted: int) -> npt.NDArray[np.int64]:
    """Return at most `wanted` indices below `count`, evenly spread: the same for every call.

    Data sets are often sorted by class, so the first images would not do.
    """
    return np.unique(np.linspace(0, count - 1, min(count, wanted)).astype(np.int64))
