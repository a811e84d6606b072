"""Formats by every method, side by side, judged on images that did not choose them."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.subjects import MODELS
from qrig.datasets.augment import augmented
from qrig.datasets.image_set import ImageSet
from qrig.datasets.padding import padded
from qrig.datasets.sources import read_image_set
from qrig.errors import InputError
from qrig.fixedpoint import read_formats
from qrig.fixedpoint.convert import quantize_network
from qrig.fixedpoint.formats import Formats, formats_from_json
from qrig.networks.graph import Shape
from qrig.quantize.calibration import calibrate
from qrig.quantize.judgement import Judgement, fixed_logits, judge
from qrig.reports.quantization import accuracy_text, difference_text
from qrig.runs.float_networks import InputFacts, float_network, named_float_network
from qrig.runs.quantize import METHODS, quantize

_SUBJECTS = (("lenet-mnist", "mnist"), ("cifar-shape-fashion", "fashion-mnist"))
_CHOOSING = 10_000
_COPIES, _SEED = 20, 1


def run() -> Iterator[str]:
    """Yield one line per network and method: accuracies on test images, and the time it took."""
    for name, source in _SUBJECTS:
        try:
            network = named_float_network(name, InputFacts()).network
            images = padded(read_image_set(source, part="test"), network.input.shape)
        except InputError as error:
            yield f"{name}: not measured: {error}"
            continue
        test = calibrate(network, images.images, images.labels)
        for method in METHODS:
            formats, took_s = _chosen(name, source, method)
            found = judge(test, quantize_network(network, formats))
            yield _line(f"{name}, {method}", formats, found, took_s)
    yield from _arm_networks()


def _arm_networks() -> Iterator[str]:
    """Yield one line per network of ARM's and method, its published formats among them."""
    folder = MODELS / "arm_cifar10"
    if not folder.is_dir():
        yield f"ARM's networks: not measured: expected {folder}; set QRIG_MODELS"
        return
    shape = Shape(32, 32, 3)
    images = read_image_set(str(MODELS / "images" / "foolbox" / "cifar10_*.png"), shape=shape)
    numbers = np.random.default_rng(_SEED)
    copies = np.concatenate([augmented(images.images, numbers) for _ in range(_COPIES)])
    labels = np.tile(images.check_labels(10), _COPIES)
    choosing = ImageSet("copies", copies, labels, "rgb")
    for name, iterations in (("m4", "70000"), ("m7", "300000")):
        network = float_network(
            folder / f"cifar10_{name}_train_test.prototxt",
            folder / f"cifar10_{name}_iter_{iterations}.caffemodel.h5",
            InputFacts(mean=str(folder / "cifar10_mean_rounded.npy"), shape=shape),
        )
        logits = calibrate(network, images.images).logits
        found = {
            one.method: one.formats for one in quantize(network, choosing, methods=tuple(METHODS))
        }
        for method, formats in {
            **found, "published": read_formats(folder / f"cifar10_{name}.pkl")
        }.items():  # fmt: skip
            error = fixed_logits(quantize_network(network, formats), images.images) - logits
            yield (
                f"ARM's {name}, {method}: logits' error {np.sqrt(np.square(error).mean()):.3f} "
                f"(root mean square) on {len(images)} images; fractional bits {_bits(formats)}"
            )


def _chosen(name: str, source: str, method: str) -> tuple[Formats, float]:
    """Return the formats that the command chooses on training images, and its seconds.

    A process of its own: this one is bound to one core.
    """
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "formats.json"
        start = time.perf_counter()
        subprocess.run(
            [
                sys.executable, "-c", "import sys; from qrig.cli import main; sys.exit(main())",
                "quantize", "--network", name, "--data", source, "--pad", "--images",
                str(_CHOOSING), "--method", method, "--save", str(out),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={key: value for key, value in os.environ.items() if "NUM_THREADS" not in key},
        )  # fmt: skip
        took_s = time.perf_counter() - start
        return formats_from_json(out, out.read_bytes()), took_s


def _line(subject: str, formats: Formats, found: Judgement, took_s: float) -> str:
    return (
        f"{subject}: fixed point {accuracy_text(found.fixed_accuracy)} %, float "
        f"{accuracy_text(found.float_accuracy)} %, difference {difference_text(found)}, logits "
        f"error {found.logits_error:.3g}; {took_s:.1f} s; fractional bits {_bits(formats)}"
    )


def _bits(formats: Formats) -> str:
    """Return the formats that are chosen: weights, bias, output by layer."""
    bits = {
        layer: [
            part
            for part in (
                entry.weight_fraction_bits,
                entry.bias_fraction_bits,
                entry.activation_fraction_bits,
            )
            if part is not None
        ]
        for layer, entry in formats.layers.items()
        if layer == formats.input_name or entry.weight_fraction_bits is not None
    }
    return json.dumps(bits)
