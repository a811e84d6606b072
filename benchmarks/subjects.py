"""The networks that are measured: bundled ones, and ARM's where the real files are."""

import os
from pathlib import Path

from qrig.datasets import Sample, read_image
from qrig.networks.description import NetworkDescription
from qrig.runs.networks import LoadedNetwork, load_description, load_network

_DEFAULT = Path(__file__).resolve().parents[2] / "shared" / "models"
MODELS = Path(os.environ.get("QRIG_MODELS") or _DEFAULT)
"""The folder of real networks and of ARM's measurements."""

Subject = tuple[LoadedNetwork, tuple[Sample, ...]]
"""A network and its inputs."""


def subjects() -> list[Subject]:
    """Return the networks to measure with their inputs."""
    lenet = load_network("lenet-mnist")
    return [(lenet, lenet.samples), *_of_arm("m7", 300_000)]


def more_subjects() -> list[Subject]:
    """Return further networks whose deployments are measured."""
    separable = load_network("ds-cnn")
    return [*_of_arm("m4", 70_000), (separable, separable.samples)]


def _of_arm(name: str, iterations: int) -> list[Subject]:
    """Return ARM's CIFAR-10 network `name`, if the real files are there."""
    folder = MODELS / "arm_cifar10"
    if not folder.is_dir():
        return []
    loaded = load_description(
        NetworkDescription(
            f"arm-{name}",
            folder / f"cifar10_{name}_train_test.prototxt",
            folder / f"cifar10_{name}_iter_{iterations}.caffemodel.h5",
            folder / f"cifar10_{name}.pkl",
            mean=str(folder / "cifar10_mean_rounded.npy"),
        )
    )
    images = sorted((MODELS / "images" / "foolbox").glob("cifar10_*.png"))
    shape = loaded.quantized.input.shape
    return [(loaded, tuple(Sample(path.name, read_image(path, shape)) for path in images))]
