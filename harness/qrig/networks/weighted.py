"""Weights and biases while they are changed: in float64, until all changes are made."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
from attrs import define, field

from qrig.errors import UnsupportedNetworkError
from qrig.networks.graph import Convolution, DepthwiseConvolution, InnerProduct, Layer

Weighted = Convolution | DepthwiseConvolution | InnerProduct
Numbers = npt.NDArray[np.float64]


@define
class Changed:
    """The weights and bias of one layer, in the order of the layer's."""

    layer: Weighted
    weights: Numbers
    bias: Numbers

    def scale_outputs(self, factors: Numbers, offsets: Numbers) -> None:
        """Make the output `output * factors + offsets`, by output channel."""
        depthwise = isinstance(self.layer, DepthwiseConvolution)
        shape = factors if depthwise else factors.reshape(-1, *[1] * (self.weights.ndim - 1))
        self.weights = self.weights * shape
        self.bias = self.bias * factors + offsets

    def scale_inputs(self, factors: Numbers, offsets: Numbers) -> None:
        """Take `input * factors + offsets`, by input channel, for the input."""
        axes: tuple[int, ...] = (1, 2, 3)
        if isinstance(self.layer, InnerProduct):  # columns run over channels fastest
            area = self.weights.shape[1] // len(factors)
            factors, offsets, axes = np.tile(factors, area), np.tile(offsets, area), (1,)
        elif isinstance(self.layer, DepthwiseConvolution):
            axes = (0, 1)
        self.bias = self.bias + (self.weights * offsets).sum(axis=axes)
        self.weights = self.weights * factors


@define
class Weights:
    """The layers whose weights have changed."""

    changed: dict[str, Changed] = field(factory=dict)

    def of(self, layer: Weighted) -> Changed:
        """Return the weights of `layer` to be changed."""
        if layer.name not in self.changed:
            self.changed[layer.name] = Changed(
                layer, layer.weights.astype(np.float64), layer.bias.astype(np.float64)
            )
        return self.changed[layer.name]

    def apply(self, layer: Layer) -> Layer:
        """Return the layer with its changed weights, as float32.

        Raises UnsupportedNetworkError if float32 does not hold them.
        """
        changed = self.changed.get(layer.name)
        if changed is None:
            return layer
        with np.errstate(over="ignore"):
            arrays: dict[str, Any] = {
                "weights": changed.weights.astype(np.float32),
                "bias": changed.bias.astype(np.float32),
            }
        if not all(np.isfinite(array).all() for array in arrays.values()):
            raise UnsupportedNetworkError(
                f"{layer.where}: expected weights that float32 holds once its neighbours are "
                "folded in, found larger ones; check the variances of the BatchNorm"
            )
        return attrs.evolve(layer, **arrays)
