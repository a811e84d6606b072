"""Formats from ranges: the fewest integer bits that hold the largest magnitude of each tensor.

The rule is that of ARM's `nn_quantizer.py` (ML-examples, cmsisnn-cifar10): of a range,
`int_bits = ceil(log2(max(|min|, |max|)))` and `dec = 7 - int_bits`. Nothing is searched.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from qrig.errors import FileFormatError, InputError
from qrig.fixedpoint.formats import Formats
from qrig.networks.graph import Network
from qrig.quantize.assignment import MAX_CHOSEN_SHIFT, Assignment, formats_of, is_free, ranged_bias
from qrig.quantize.float_pass import float_tensors
from qrig.quantize.images import batches, stacked
from qrig.quantize.magnitudes import WEIGHTED, bits_of, magnitude

__all__ = ["MAX_CHOSEN_SHIFT", "activation_magnitudes", "choose_formats", "fraction_bits"]


def fraction_bits(size: float) -> int:
    """Return `7 - ceil(log2(size))` for the largest magnitude of a tensor; 7 for zero.

    Raises FileFormatError if the magnitude is not finite.
    """
    if not math.isfinite(size):
        raise FileFormatError(
            f"the range of a tensor: expected a finite number, found {size}; train the "
            "network again or use another snapshot"
        )
    return bits_of(size)


def choose_formats(network: Network, inputs: Sequence[npt.NDArray[np.uint8]]) -> Formats:
    """Choose formats for `network` from its weights and a float pass over `inputs`.

    `inputs` are uint8 (h, w, c) in the network's channel order. A layer without weights keeps the
    format of its input; a softmax makes Q0.7. The result holds the input's shape, channel order,
    scale and channel means; a mean image stays with the network. Raises InputError for no inputs or
    inputs of another shape, and FileFormatError for values that are not finite.
    """
    found = activation_magnitudes(network, inputs)
    return formats_of(
        network,
        ranged_assignment(network, found),
        ranged_bias,
        source=f"formats chosen from {len(inputs)} inputs",
    )


def ranged_assignment(network: Network, magnitudes: Mapping[str, float]) -> Assignment:
    """Return the bits of every free tensor and of all weights by their magnitudes.

    Raises FileFormatError for a magnitude that is not finite.
    """
    free = [network.input.name, *(layer.name for layer in network.layers if is_free(layer))]
    return Assignment(
        {name: fraction_bits(magnitudes[name]) for name in free},
        {
            layer.name: fraction_bits(magnitude(layer.weights))
            for layer in network.layers
            if isinstance(layer, WEIGHTED)
        },
    )


def activation_magnitudes(
    network: Network, inputs: Sequence[npt.NDArray[np.uint8]]
) -> dict[str, float]:
    """Return the largest magnitude of every tensor over all `inputs`, by name.

    Raises InputError for no inputs or inputs of another shape.
    """
    if not len(inputs):
        raise InputError("expected inputs to measure ranges with, found none; give at least one")
    images = stacked(network.input, inputs)
    largest: dict[str, float] = {}
    for part in batches(network, len(images)):
        for name, tensor in float_tensors(network, images[part]):
            # numpy's maximum keeps a NaN, Python's may lose it.
            largest[name] = float(np.maximum(largest.get(name, 0.0), magnitude(tensor)))
    return largest
