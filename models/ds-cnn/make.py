# SPDX-License-Identifier: Apache-2.0
"""Where the bundled DS-CNN comes from: writes the definition, random weights, formats, samples.

    python models/ds-cnn/make.py            write the files beside this
    python models/ds-cnn/make.py FOLDER     write them into another folder, to compare

Nothing is trained: the network is there for its shape. Weights are random, scaled so that every
layer hands on about the variance it was given; formats follow from ranges over noise.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import h5py
import numpy as np
import numpy.typing as npt

from qrig.datasets.idx import write_idx
from qrig.errors import QrigError
from qrig.fixedpoint.formats import formats_document
from qrig.networks.caffe import build_network, read_prototxt, read_weights
from qrig.networks.graph import FloatArray, Shape
from qrig.quantize import choose_formats

FOLDER = Path(__file__).resolve().parent
MODEL, WEIGHTS, FORMATS = "ds-cnn.prototxt", "ds-cnn.caffemodel.h5", "formats.json"
SAMPLES = "samples-images.idx.gz"

SEED = 49
INPUT = Shape(49, 10, 1)
CHANNELS, CLASSES, BLOCKS = 64, 12, 4
FIRST_KERNEL = (10, 4)
SAMPLE_COUNT, RANGE_COUNT = 10, 64
BIAS_DEVIATION = 0.1

Weights = dict[str, tuple[FloatArray, FloatArray]]
"""Weights and bias by layer name, in Caffe's order: (out, in / group, ky, kx) or (out, in)."""

_HEAD = """\
# DS-CNN, the shape of a small network for keyword spotting, made by make.py.
#
#   data 49x10x1 -> conv1 10x4/2 -> 25x5x64
#        -> 4 x (dw 3x3, one group per channel; pw 1x1) -> 25x5x64 -> pool, whole map -> ip1 12
#
# A ReLU follows every convolution. The weights beside this file are random: nothing was trained.
name: "DS-CNN"

layer {
  name: "data"
  type: "Input"
  top: "data"
  input_param { shape { dim: 1 dim: 1 dim: 49 dim: 10 } }
  transform_param { scale: 0.0078125 mean_value: 128 }
}

# SAME padding in Caffe's way, alike on both sides: (49 + 2 * 5 - 10) / 2 + 1 = 25 rows, rounded
# down, and (10 + 2 * 1 - 4) / 2 + 1 = 5 columns.
"""
_CONVOLUTION = """\
layer {{
  name: "{name}"
  type: "Convolution"
  bottom: "{bottom}"
  top: "{name}"
  convolution_param {{ num_output: {channels} {window} }}
}}
layer {{ name: "relu_{name}" type: "ReLU" bottom: "{name}" top: "{name}" }}
"""
_TAIL = """
layer {{
  name: "pool"
  type: "Pooling"
  bottom: "{bottom}"
  top: "pool"
  pooling_param {{ pool: AVE global_pooling: true }}
}}
layer {{
  name: "ip1"
  type: "InnerProduct"
  bottom: "pool"
  top: "ip1"
  inner_product_param {{ num_output: {classes} }}
}}
"""


def prototxt() -> str:
    """Return the definition."""
    first = "kernel_h: 10 kernel_w: 4 stride: 2 pad_h: 5 pad_w: 1"
    convolutions = [("conv1", first)]
    for block in range(2, BLOCKS + 2):
        convolutions.append((f"dw{block}", f"kernel_size: 3 pad: 1 group: {CHANNELS}"))
        convolutions.append((f"pw{block}", "kernel_size: 1"))
    text, bottom = _HEAD, "data"
    for name, window in convolutions:
        gap = "\n" if name.startswith("dw") else ""
        text += gap + _CONVOLUTION.format(
            name=name, bottom=bottom, channels=CHANNELS, window=window
        )
        bottom = name
    return text + _TAIL.format(bottom=bottom, classes=CLASSES)


def random_weights(numbers: np.random.RandomState) -> Weights:
    """Return random weights by layer name.

    Normal with variance 2 / fan-in (1 / fan-in for the last layer): behind a ReLU such a layer
    keeps the mean square of its input, so nothing vanishes or saturates on the way.
    """

    def layer(gain: float, *shape: int) -> tuple[FloatArray, FloatArray]:
        deviation = np.sqrt(gain / np.prod(shape[1:]))
        return (
            numbers.normal(0, deviation, shape).astype(np.float32),
            numbers.normal(0, BIAS_DEVIATION, shape[0]).astype(np.float32),
        )

    weights = {"conv1": layer(2, CHANNELS, INPUT.c, *FIRST_KERNEL)}
    for block in range(2, BLOCKS + 2):
        weights[f"dw{block}"] = layer(2, CHANNELS, 1, 3, 3)
        weights[f"pw{block}"] = layer(2, CHANNELS, CHANNELS, 1, 1)
    weights["ip1"] = layer(1, CLASSES, CHANNELS)
    return weights


def noise(numbers: np.random.RandomState, count: int) -> npt.NDArray[np.uint8]:
    """Return `count` inputs (count, 49, 10, 1): noise, each of another strength and brightness."""
    strength = numbers.uniform(16, 64, (count, 1, 1, 1))
    brightness = numbers.uniform(64, 192, (count, 1, 1, 1))
    values = brightness + strength * numbers.normal(size=(count, *INPUT))
    return np.clip(np.round(values), 0, 255).astype(np.uint8)


def write_weights(path: Path, weights: Weights) -> None:
    """Write `weights` in the HDF5 layout of Caffe's snapshots, without times."""
    with h5py.File(path, "w") as file:
        data = file.create_group("data")
        for name, blobs in weights.items():
            group = data.create_group(name)
            for index, blob in enumerate(blobs):
                group.create_dataset(str(index), data=blob, track_times=False)


def make(folder: Path) -> None:
    """Write every file but network.toml and the documents into `folder`.

    RandomState keeps its stream in every release of numpy (NEP 19). The samples are not among the
    inputs that chose the formats.
    """
    numbers = np.random.RandomState(SEED)
    (folder / MODEL).write_text(prototxt(), encoding="utf-8")
    write_weights(folder / WEIGHTS, random_weights(numbers))
    write_idx(folder / SAMPLES, noise(numbers, SAMPLE_COUNT))
    network = build_network(
        read_prototxt(folder / MODEL), read_weights(folder / WEIGHTS), folder / WEIGHTS
    )
    formats = choose_formats(network, list(noise(numbers, RANGE_COUNT)))
    text = json.dumps(formats_document(formats), indent=2)
    (folder / FORMATS).write_text(text + "\n", encoding="utf-8")


def main() -> int:
    """Run the script; returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER, help="where to write")
    try:
        make(parser.parse_args().folder)
    except QrigError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
