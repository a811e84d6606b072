"""Files that OpenMV published: read, written back, and made anew from their own weights."""

import hashlib
from pathlib import Path

import pytest

from openmv_models import PUBLISHED, TRAINED, published, published_path, trained_file
from qrig.cli import main
from qrig.fixedpoint.network_file import (
    CORRECT,
    DIALECTS,
    HISTORICAL,
    file_from_network,
    network_from_file,
    parse_network_file,
)
from real_models import MODELS, requires_models

pytestmark = requires_models

ARM = {
    "m4": (
        "cifar10_m4_iter_70000",
        "18b9d7c6c0599bfd72fa721da34fb58b986e160e1b21a4a9ea48b44d2d957f25",
    ),
    "m7": (
        "cifar10_m7_iter_300000",
        "118836994abd8b02cad67b795b081e92ccb540836e77611bf36e5ba777f9965a",
    ),
}
"""ARM's networks, which OpenMV published at 280546d63: weights, and SHA-256 of the files."""

SHAPES = {
    "cifar10_fast": (
        "data 32x32x3, convolution 32x32x32, pooling 16x16x32, relu 16x16x32, "
        "convolution 16x16x16, relu 16x16x16, pooling 8x8x16, convolution 8x8x32, relu 8x8x32, "
        "pooling 4x4x32, innerproduct 1x1x10"
    ),
    "lenet": (
        "data 28x28x1, convolution 24x24x20, pooling 12x12x20, convolution 8x8x50, pooling 4x4x50, "
        "innerproduct 1x1x100, relu 1x1x100, innerproduct 1x1x10"
    ),
    "smile": (
        "data 64x64x3, convolution 64x64x32, relu 64x64x32, pooling 32x32x32, "
        "convolution 32x32x32, relu 32x32x32, pooling 16x16x32, convolution 16x16x32, "
        "relu 16x16x32, pooling 8x8x32, innerproduct 1x1x2"
    ),
}


def arm_options(name: str) -> list[str]:
    assert MODELS is not None
    folder = MODELS / "arm_cifar10"
    files = {
        "--model": folder / f"cifar10_{name}_train_test.prototxt",
        "--weights": folder / f"{ARM[name][0]}.caffemodel.h5",
        "--formats": folder / f"cifar10_{name}.pkl",
        "--mean": "125,123,114",
    }
    return [str(word) for pair in files.items() for word in pair]


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_file_is_read_and_written_back(name: str) -> None:
    data = published_path(name).read_bytes()
    file = parse_network_file(data, name)
    assert file.to_bytes() == data
    assert ", ".join(f"{record.type} {record.shape}" for record in file.records) == SHAPES[name]
    assert file.batch == (48 if name == "smile" else 100)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_network_becomes_the_same_file_again(name: str, dialect: str) -> None:
    file = published(name)
    network = network_from_file(file, name, dialect=dialect)
    again = file_from_network(network, batch=file.batch, dialect=dialect)
    if (name, dialect) == ("lenet", CORRECT):  # its scale is 1 in the file, and meant to be 8
        assert (file.data.scale, again.data.scale) == (1, 8)
        network = network_from_file(file, name, dialect=HISTORICAL)
        again = file_from_network(network, batch=file.batch, dialect=HISTORICAL)
    assert again.to_bytes() == file.to_bytes()


@pytest.mark.parametrize("name", ARM)
def test_arms_networks_become_the_files_openmv_published(name: str, tmp_path: Path) -> None:
    out = tmp_path / "arm.network"
    assert main(["convert", *arm_options(name), "--compat", "openmv", "--out", str(out)]) == 0
    data = out.read_bytes()
    assert hashlib.sha256(data).hexdigest() == ARM[name][1]
    assert len(data) == {"m4": 33_602, "m7": 89_970}[name]


@pytest.mark.parametrize("name", TRAINED)
def test_openmvs_weights_become_the_files_it_published(name: str) -> None:
    data = trained_file(name, compat=True).to_bytes()
    assert hashlib.sha256(data).hexdigest() == TRAINED[name][1]


@pytest.mark.parametrize(
    ("name", "compat", "correct"), [("lenet@280546d63", 1, 8), ("smile@175315fd3", 8, 7)]
)
def test_the_correct_file_differs_in_the_scale_alone(name: str, compat: int, correct: int) -> None:
    found = {right: trained_file(name, compat=not right) for right in (True, False)}
    assert (found[False].data.scale, found[True].data.scale) == (compat, correct)
    right, old = (found[key].to_bytes() for key in (True, False))
    assert [i for i, pair in enumerate(zip(right, old, strict=True)) if len(set(pair)) > 1] == [40]
