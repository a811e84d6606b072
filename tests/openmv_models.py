"""Networks that OpenMV published, as files and from the weights they were made of."""

import json
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from qrig.fixedpoint import Formats, LayerFormat, QuantizedNetwork
from qrig.fixedpoint.convert import quantize_network
from qrig.fixedpoint.network_file import NetworkFile, file_from_network, read_network_file
from qrig.networks.graph import Shape
from qrig.networks.lower import lower
from qrig.networks.read import read_network
from real_models import MODELS

PUBLISHED = ("cifar10_fast", "lenet", "smile")

TRAINED = {
    "lenet@280546d63": (
        "lenet_iter_10000@280546d63",
        "159871fc81f7d861085a8ea7910113e3995573a3c1acbf7c688f801dfd40c66c",
    ),
    "smile@175315fd3": (
        "smile_iter_200000@175315fd3",
        "6f75fb1341861dea9cf39e6d9a7ff73866c9412a9c8cdc24d6cc1bdc8e361147",
    ),
}
"""Models whose weights are at hand: the name of these, and the SHA-256 of the file of OpenMV's."""


def published_path(name: str) -> Path:
    assert MODELS is not None
    return MODELS / "openmv" / name / f"{name}.network"


def published(name: str) -> NetworkFile:
    return read_network_file(published_path(name))


def trained(name: str) -> tuple[QuantizedNetwork, int]:
    """Return a network of TRAINED, quantised with its own formats, and its batch size."""
    assert MODELS is not None
    folder = MODELS / "openmv" / "caffemodels"
    text = json.loads((folder / f"{name}.formats.json").read_text())
    formats, batch = _formats(text)
    definition = folder / f"{name.replace('@', '_train_test@')}.prototxt"
    network = read_network(
        definition, folder / f"{TRAINED[name][0]}.caffemodel", input_shape=formats.input_shape
    )
    mean = np.array(formats.mean, dtype=np.float32)
    network = attrs.evolve(network, input=attrs.evolve(network.input, mean=mean))
    return quantize_network(lower(network), formats), batch


def trained_file(name: str, *, compat: bool) -> NetworkFile:
    network, batch = trained(name)
    return file_from_network(network, batch=batch, compat=compat)


def _formats(text: dict[str, Any]) -> tuple[Formats, int]:
    keys = ("wt_dec_bits", "bias_dec_bits", "act_dec_bits", "bias_lshift", "act_rshift")
    names = {name for key in keys for name in text[key]}
    layers = {name: LayerFormat(*(text[key].get(name) for key in keys)) for name in names}
    batch, channels, height, width = text["layer_shape"]["data"]
    means = tuple(float(mean) for mean in text["mean"][:channels])
    return Formats(layers, "data", Shape(height, width, channels), mean=means), batch
