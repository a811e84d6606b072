"""The bundled network for Fashion-MNIST: what is said of it is so."""

import re

import numpy as np
import pytest

from full_runs import full_run
from qrig.datasets.known import FASHION_FOLDER
from qrig.datasets.padding import padded
from qrig.datasets.sources import read_image_set
from qrig.fixedpoint.quantized import QuantizedConvolution, QuantizedInnerProduct
from qrig.quantize.calibration import calibrate
from qrig.quantize.judgement import judge
from qrig.reference.run import run_reference
from qrig.reports.quantization import accuracy_text, difference_text
from qrig.resources import models_root
from qrig.runs.float_networks import InputFacts, named_float_network
from qrig.runs.networks import load_network

NAME = "cifar-shape-fashion"
README = models_root() / NAME / "README.md"

needs_fashion = pytest.mark.skipif(
    not (FASHION_FOLDER / "t10k-images-idx3-ubyte.gz").is_file(),
    reason="needs Debian's package dataset-fashion-mnist",
)


def test_it_names_its_samples() -> None:
    loaded = load_network(NAME)
    assert len(loaded.samples) == 100
    right = sum(
        run_reference(loaded.quantized, sample.pixels).top1 == sample.label
        for sample in loaded.samples
    )
    assert right >= 85


def test_no_bias_is_lost_and_shifts_are_those_of_kernels() -> None:
    for layer in load_network(NAME).quantized.layers:
        if isinstance(layer, QuantizedConvolution | QuantizedInnerProduct):
            assert layer.bias.any()
            assert 0 <= layer.bias_shift <= 23
            assert 0 <= layer.output_shift <= 23


@needs_fashion
def test_its_samples_are_test_images_with_a_border() -> None:
    test = read_image_set("fashion-mnist", part="test").take(100)
    network = load_network(NAME)
    expected = padded(test, network.quantized.input.shape)
    for sample, pixels in zip(network.samples, expected.images, strict=True):
        assert np.array_equal(sample.pixels, pixels)


@full_run
@needs_fashion
def test_its_accuracies_are_those_of_its_readme() -> None:
    network = named_float_network(NAME, InputFacts()).network
    images = padded(read_image_set("fashion-mnist", part="test"), network.input.shape)
    test = calibrate(network, images.images, images.check_labels(10))
    found = judge(test, load_network(NAME).quantized)
    assert found.float_accuracy.percent >= 90.5
    assert found.difference[0] >= -0.3
    said = {
        row[0]: row[1]
        for row in re.findall(
            r"^\| (float|fixed point|difference)[^|]*\| ([^|]*) \|",
            README.read_text(encoding="utf-8"),
            re.M,
        )
    }
    assert said["float"].replace(" %", "") == accuracy_text(found.float_accuracy)
    assert said["fixed point"].replace(" %", "") == accuracy_text(found.fixed_accuracy)
    assert said["difference"].replace(" points", "") == difference_text(found)
