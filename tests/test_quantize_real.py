"""The search on ARM's own networks: better than the formats that were published with them."""

from pathlib import Path

import numpy as np
import pytest

from full_runs import FULL_RUN
from qrig.datasets import read_image_set
from qrig.datasets.augment import augmented
from qrig.fixedpoint import read_formats
from qrig.fixedpoint.convert import quantize_network
from qrig.networks.graph import Network, Shape
from qrig.quantize.calibration import calibrate
from qrig.quantize.judgement import fixed_logits
from qrig.quantize.search import search_formats
from qrig.quantize.simulate import QUANTIZED_WEIGHTED
from qrig.runs.float_networks import InputFacts, float_network
from real_models import MODELS, requires_models

pytestmark = requires_models

CIFAR = Shape(32, 32, 3)
NETWORKS = [("m4", "70000"), pytest.param("m7", "300000", marks=FULL_RUN)]


def arm_network(folder: Path, name: str, iterations: str) -> Network:
    return float_network(
        folder / f"cifar10_{name}_train_test.prototxt",
        folder / f"cifar10_{name}_iter_{iterations}.caffemodel.h5",
        InputFacts(mean=str(folder / "cifar10_mean_rounded.npy"), shape=CIFAR),
    )


@pytest.mark.parametrize(("name", "iterations"), NETWORKS)
def test_less_error_than_with_arms_formats(name: str, iterations: str) -> None:
    assert MODELS is not None
    network = arm_network(MODELS / "arm_cifar10", name, iterations)
    images = read_image_set(str(MODELS / "images" / "foolbox" / "cifar10_*.png"), shape=CIFAR)
    assert len(images) == 20
    numbers = np.random.default_rng(1)
    copies = np.concatenate([augmented(images.images, numbers) for _ in range(10)])
    labels = np.tile(images.check_labels(10), 10)
    formats = search_formats(calibrate(network, copies, labels))
    arms = read_formats(MODELS / "arm_cifar10" / f"cifar10_{name}.pkl")
    logits = calibrate(network, images.images).logits
    errors = {
        which: float(
            np.square(fixed_logits(quantize_network(network, found), images.images) - logits).mean()
        )
        for which, found in (("search", formats), ("arm", arms))
    }
    assert errors["search"] < errors["arm"]
    lost = {
        which: [
            layer.name
            for layer in quantize_network(network, found).layers
            if isinstance(layer, QUANTIZED_WEIGHTED) and not layer.bias.any()
        ]
        for which, found in (("search", formats), ("arm", arms))
    }
    assert lost["search"] == []
    assert lost["arm"] == (["conv2", "conv3"] if name == "m7" else [])
