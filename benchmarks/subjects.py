"""The networks that are measured: the bundled one, and ARM's m7 where the real files are."""

import os
from pathlib import Path

from qrig.datasets import Sample, read_image
from qrig.networks.description import NetworkDescription
from qrig.runs.networks import LoadedNetwork, load_description, load_network

_DEFAULT = Path(__file__).resolve().parents[2] / "shared" / "models"
MODELS = Path(os.environ.get("QRIG_MODELS") or _DEFAULT)
"""The folder of real networks and of ARM's measurements."""


def subjects() -> list[tuple[LoadedNetwork, tuple[Sample, ...]]]:
    """Return the networks to measure with their inputs."""
    lenet = load_network("lenet-mnist")
    found = [(lenet, lenet.samples)]
    arm = MODELS / "arm_cifar10"
    if arm.is_dir():
        loaded = load_description(
            NetworkDescription(
                "arm-m7",
                arm / "cifar10_m7_train_test.prototxt",
                arm / "cifar10_m7_iter_300000.caffemodel.h5",
                arm / "cifar10_m7.pkl",
                mean=str(arm / "cifar10_mean_rounded.npy"),
            )
        )
        images = sorted((MODELS / "images" / "foolbox").glob("cifar10_*.png"))
        shape = loaded.quantized.input.shape
        inputs = tuple(Sample(path.name, read_image(path, shape)) for path in images)
        found.append((loaded, inputs))
    return found
