"""What networks that OpenMV published make of real images, by the reference, in both dialects.

Figures of docs/network-files.md. OpenMV's LeNet of 2018 (280546d63) was trained without a mean. The
one published last was trained less a mean image, which a file cannot hold: it has its mean, 33.
"""

import attrs
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image as PillowImage

from mnist_digits import some_digits
from openmv_models import published, trained_file
from qrig.fixedpoint.network_file import (
    CORRECT,
    HISTORICAL,
    NetworkFile,
    file_from_network,
    network_from_file,
    semantics_of,
)
from qrig.fixedpoint.quantized import QuantizedNetwork
from qrig.fixedpoint.semantics import Semantics
from qrig.networks.description import NetworkDescription
from qrig.reference import run_reference
from qrig.runs.networks import load_description
from real_models import MODELS, requires_models

pytestmark = requires_models


def right(
    network: QuantizedNetwork,
    semantics: Semantics,
    images: npt.NDArray[np.uint8],
    labels: npt.NDArray[np.uint8],
) -> int:
    """Return how many images get their label."""
    found = [run_reference(network, pixels, semantics).top1 for pixels in images]
    return int((np.array(found) == labels).sum())


def in_dialect(file: NetworkFile, dialect: str, scale: float | None = None) -> QuantizedNetwork:
    return network_from_file(file, "net", dialect=dialect, scale=scale)


@pytest.mark.parametrize(("dialect", "expected"), [(CORRECT, 298), (HISTORICAL, 294)])
def test_lenet_of_2018_on_300_digits(dialect: str, expected: int) -> None:
    """99.3 and 98.0 percent."""
    network = in_dialect(trained_file("lenet@280546d63", compat=True), dialect)
    assert right(network, semantics_of(dialect), *some_digits()) == expected


@pytest.mark.parametrize(("dialect", "expected"), [(CORRECT, 294), (HISTORICAL, 288)])
def test_lenet_as_published_last_on_300_digits(dialect: str, expected: int) -> None:
    """98.0 and 96.0 percent: the mean of the file is not what the network was trained with."""
    network = in_dialect(published("lenet"), dialect)
    assert right(network, semantics_of(dialect), *some_digits()) == expected


def test_lenet_as_published_last_with_a_mean_image() -> None:
    """99.7 percent, of 300 digits with the mean of 300 others."""
    network = in_dialect(published("lenet"), CORRECT)
    pixels, labels = some_digits()
    images = _others().mean(axis=0).round().astype(np.int16)
    network = attrs.evolve(network, input=attrs.evolve(network.input, mean=images))
    assert right(network, semantics_of(CORRECT), pixels, labels) == 299


def _others() -> npt.NDArray[np.uint8]:
    from mnist_digits import all_digits

    return all_digits()[0][8::16][:300]


def cifar_images() -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    assert MODELS is not None
    paths = sorted((MODELS / "images" / "foolbox").glob("cifar10_*.png"))
    assert len(paths) == 20
    pixels = [np.asarray(PillowImage.open(path).convert("RGB")) for path in paths]
    return np.stack(pixels), np.array([int(path.stem[-1]) for path in paths], dtype=np.uint8)


@pytest.mark.parametrize("dialect", [CORRECT, HISTORICAL])
@pytest.mark.parametrize(("scale", "expected"), [(None, 17), (1.0, 20)])
def test_cifar_of_20_images(dialect: str, scale: float | None, expected: int) -> None:
    """17 with the scale in the file, which halves the input, 20 with the right one."""
    network = in_dialect(published("cifar10_fast"), dialect, scale)
    assert right(network, semantics_of(dialect), *cifar_images()) == expected


@pytest.mark.parametrize(("compat", "expected"), [(True, 16), (False, 19)])
def test_arms_network_of_20_images(compat: bool, expected: int) -> None:
    """ARM's m4, which OpenMV published first: the converter's scale costs three."""
    assert MODELS is not None
    folder = MODELS / "arm_cifar10"
    description = NetworkDescription(
        "m4",
        folder / "cifar10_m4_train_test.prototxt",
        folder / "cifar10_m4_iter_70000.caffemodel.h5",
        folder / "cifar10_m4.pkl",
        mean="125,123,114",
    )
    file = file_from_network(load_description(description).quantized, compat=compat)
    assert right(in_dialect(file, CORRECT), semantics_of(CORRECT), *cifar_images()) == expected
