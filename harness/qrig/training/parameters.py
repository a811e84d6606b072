"""The blobs a network learns, in Caffe's order, shared between its phases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from attrs import define, field, frozen
from torch import Tensor

from qrig.errors import FileFormatError
from qrig.networks.caffe.weights import Weights
from qrig.networks.graph import FloatArray
from qrig.training.fillers import filled
from qrig.training.randomness import stream


@frozen(eq=False)
class Parameter:
    """One blob: its float32 values, how fast it learns and how strongly it decays.

    `name` says whose blob it is: "conv1, blob 0".
    """

    name: str
    values: Tensor = field(repr=False)
    lr_mult: float
    decay_mult: float


@frozen
class Wanted:
    """A blob a layer asks for: its shape and its filler.

    `frozen` blobs are not learnt by gradients (BatchNorm's statistics).
    """

    shape: tuple[int, ...]
    filler: Any
    frozen: bool = False


@define(eq=False)
class Parameters:
    """Every blob of a network, by layer.

    `learnable` holds each one once, in the order of the layers that own them; it is the order of
    a solver state's history.
    """

    seed: int
    layers: dict[str, list[Parameter]] = field(factory=dict)
    learnable: list[Parameter] = field(factory=list)
    _shared: dict[str, Parameter] = field(factory=dict)

    def blobs(self, layer: Any, where: str, wanted: Sequence[Wanted]) -> list[Tensor]:
        """Return the tensors of `layer`, made on the first call and the same ones later.

        Raises FileFormatError that begins with `where` if the layer was made before with other
        shapes, or shares a blob whose shape or lr_mult is another.
        """
        if layer.name in self.layers:
            made = self.layers[layer.name]
            found = [tuple(parameter.values.shape) for parameter in made]
            if found != [blob.shape for blob in wanted]:
                raise FileFormatError(
                    f"{where}: expected blobs of the shapes it has in training, {found}, found "
                    f"{[blob.shape for blob in wanted]}; give both phases the same parameters"
                )
            return [parameter.values for parameter in made]
        if len(layer.param) > len(wanted):
            raise FileFormatError(
                f"{where}: expected at most {len(wanted)} param blocks, one for a blob, found "
                f"{len(layer.param)}; correct the definition"
            )
        made = [self._parameter(layer, where, index, blob) for index, blob in enumerate(wanted)]
        self.layers[layer.name] = made
        return [parameter.values for parameter in made]

    def _parameter(self, layer: Any, where: str, index: int, wanted: Wanted) -> Parameter:
        spec = layer.param[index] if index < len(layer.param) else None
        rate = 1.0 if spec is None else spec.lr_mult
        decay = 1.0 if spec is None else spec.decay_mult
        if wanted.frozen:
            rate = 0.0
        if not (np.isfinite(rate) and np.isfinite(decay)):
            raise FileFormatError(
                f"{where}: expected a finite lr_mult and decay_mult, found {rate} and {decay}; "
                "correct the definition"
            )
        name = "" if spec is None else spec.name
        if name and name in self._shared:
            return self._borrowed(self._shared[name], name, where, wanted, spec)
        random = stream(self.seed, f"filler {layer.name}", index)
        values = torch.from_numpy(filled(where, wanted.filler, wanted.shape, random))
        values.requires_grad_(not wanted.frozen and rate != 0)
        made = Parameter(f"{layer.name}, blob {index}", values, rate, decay)
        self.learnable.append(made)
        if name:
            self._shared[name] = made
        return made

    def _borrowed(
        self, owner: Parameter, name: str, where: str, wanted: Wanted, spec: Any
    ) -> Parameter:
        if tuple(owner.values.shape) != wanted.shape:
            raise FileFormatError(
                f"{where}: expected a blob of shape {wanted.shape} under the shared name {name!r}, "
                f"found {tuple(owner.values.shape)} ({owner.name}); qrig shares blobs of one shape"
            )
        if spec.HasField("lr_mult") and spec.lr_mult != owner.lr_mult:
            raise FileFormatError(
                f"{where}: expected lr_mult {owner.lr_mult:g}, that of {owner.name} which shares "
                f"{name!r}, found {spec.lr_mult:g}; correct the definition"
            )
        return owner

    def load(self, weights: Weights, source: str) -> tuple[str, ...]:
        """Take the blobs of the layers both know; returns the names of the layers taken.

        Layers that are in `weights` alone are passed over, those it lacks keep what they have, as
        in Caffe. Raises FileFormatError that begins with `source` if blobs do not fit.
        """
        taken = []
        for name, made in self.layers.items():
            if name not in weights or not made:
                continue
            if len(weights[name]) != len(made):
                raise FileFormatError(
                    f"{source}: layer {name!r}: expected {len(made)} blobs, found "
                    f"{len(weights[name])}; these are the weights of another network"
                )
            for parameter, array in zip(made, weights[name], strict=True):
                _assign(parameter, array, source)
            taken.append(name)
        return tuple(taken)

    def weights(self) -> Weights:
        """Return copies of every layer's blobs, as a snapshot holds them."""
        return {
            name: [parameter.values.detach().numpy().copy() for parameter in made]
            for name, made in self.layers.items()
            if made
        }


def _assign(parameter: Parameter, array: FloatArray, source: str) -> None:
    shape = tuple(parameter.values.shape)
    if _trimmed(array.shape) != _trimmed(shape):
        raise FileFormatError(
            f"{source}: {parameter.name}: expected shape {shape}, found {array.shape}; these are "
            "the weights of another network"
        )
    with torch.no_grad():
        parameter.values.copy_(torch.from_numpy(np.array(array).reshape(shape)))


def _trimmed(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return `shape` without leading ones: Caffe's old files pad to four dimensions there."""
    while shape and shape[0] == 1:
        shape = shape[1:]
    return shape
