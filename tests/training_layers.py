"""One layer, or a few, of a net in training: built from text, run on an array."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from google.protobuf import text_format

from qrig.networks.caffe.prototxt import definition_of
from qrig.networks.caffe.rules import TEST, TRAIN, layers_of_phase
from qrig.networks.caffe.schema import message
from qrig.training.context import Moment
from qrig.training.net import Net, build_net
from qrig.training.parameters import Parameters

HERE = Path("net.prototxt")


def build(
    text: str, shape: tuple[int, ...], *, testing: bool = False, parameters: Any = None
) -> Net:
    """Build the layers of `text`, which read blobs `data` of `shape` and `label`."""
    net = text_format.Parse(text, message("NetParameter")())
    definition = definition_of(HERE, net)
    phase = TEST if testing else TRAIN
    batch = {"data": torch.zeros(1, *shape[1:]), "label": torch.zeros(1, dtype=torch.int64)}
    layers = layers_of_phase(definition, phase)
    return build_net(definition, layers, phase, batch, parameters or Parameters(1))


def run(text: str, data: Any, label: Any = None, **options: Any) -> dict[str, Any]:
    """Return the outputs of one layer for `data`, as float64 numpy."""
    net = build(text, np.shape(data), **options)
    batch = {"data": torch.tensor(data, dtype=torch.float32)}
    batch["label"] = torch.tensor([0] * len(data) if label is None else label)
    outputs = net.forward(batch, Moment(1, 0)).outputs
    return {name: value.detach().numpy().astype(np.float64) for name, value in outputs.items()}


def layer(kind: str, rest: str = "", bottoms: tuple[str, ...] = ("data",)) -> str:
    inputs = " ".join(f'bottom: "{name}"' for name in bottoms)
    return f'layer {{ name: "l" type: "{kind}" {inputs} top: "out" {rest} }}'


def two(rest: str) -> str:
    """Return a layer that reads the data and its leaky ReLU."""
    first = layer("ReLU", "relu_param { negative_slope: 2 }").replace('"l"', '"r"')
    return first.replace('"out"', '"r"') + rest


def judge(kind: str, rest: str = "") -> str:
    return layer(kind, rest, ("data", "label"))


SCORES = [[1.0, 2.0, 0.5], [3.0, 1.0, 3.0], [0.0, 0.0, 0.0], [0.1, 0.2, 0.9]]
LABELS = [1, 0, 2, 1]


SHARED = """
layer { name: "a" type: "InnerProduct" bottom: "data" top: "a" param { name: "w" }
  inner_product_param { num_output: 4 bias_term: false weight_filler { type: "xavier" } } }
layer { name: "b" type: "InnerProduct" bottom: "a" top: "b" param { name: "w" %s }
  inner_product_param { num_output: %d bias_term: false } }
"""
