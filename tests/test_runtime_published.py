"""The runtime on this machine with networks of others: OpenMV's files, ARM's two for CIFAR-10."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest

from network_files import network_bytes
from qrig.codegen import make_layout
from qrig.datasets import read_image
from qrig.fixedpoint.network_file import (
    DIALECTS,
    HISTORICAL,
    network_from_file,
    parse_network_file,
)
from qrig.fixedpoint.quantized import QuantizedNetwork
from qrig.networks.description import NetworkDescription
from qrig.reference import run_reference
from qrig.runs.networks import load_description
from real_models import MODELS, requires_models
from runtime_driver import CORRECT, OPENMV, Driver, Status, driver_program

_FILES = ("cifar10_fast", "lenet", "smile")
_SLACK_BYTES = 2048
_SNAPSHOTS = {"m4": "iter_70000", "m7": "iter_300000"}


@pytest.fixture(scope="module")
def driver() -> Iterator[Driver]:
    with Driver(driver_program("dsp")) as found:
        yield found


def _images(network: QuantizedNetwork) -> list[npt.NDArray[np.uint8]]:
    """Noise, black and white, and pictures where there are some of the network's kind."""
    assert MODELS is not None
    shape = network.input.shape
    noise = np.random.default_rng(5).integers(0, 256, shape, dtype=np.uint8)
    kind = {1: "mnist", 3: "cifar10"}[shape.c]
    paths = sorted((MODELS / "images" / "foolbox").glob(f"{kind}_*.png"))[:2]
    found = [noise, np.where(noise < 128, 0, 255).astype(np.uint8)]
    if shape.h in (28, 32):
        found += [read_image(path, shape) for path in paths]
    return found


@requires_models
@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", _FILES)
def test_every_tensor_of_openmvs_networks(driver: Driver, name: str, dialect: str) -> None:
    assert MODELS is not None
    data = (MODELS / "openmv" / name / f"{name}.network").read_bytes()
    network = network_from_file(parse_network_file(data, name), name, dialect=dialect)
    assert bytes(network_bytes(network, batch=_batch(data)).data)[44:] == data[44:]
    for pixels in _images(network):
        answer = driver.ask(data, pixels, dialect=OPENMV if dialect == HISTORICAL else CORRECT)
        assert answer.run_status == Status.OK
        expected = run_reference(network, pixels, DIALECTS[dialect]).tensors
        assert list(answer.tensors[:-1]) == [tensor.tobytes() for tensor in expected]


def _batch(data: bytes) -> int:
    return int.from_bytes(data[12:16], "little")


@requires_models
@pytest.mark.parametrize("name", ["m4", "m7"])
def test_arms_networks_take_hardly_more_than_generated_code(driver: Driver, name: str) -> None:
    """Tables, tensors and scratch memory; pixels and output are the caller's in both."""
    assert MODELS is not None
    folder = MODELS / "arm_cifar10"
    network = load_description(
        NetworkDescription(
            f"arm-{name}",
            folder / f"cifar10_{name}_train_test.prototxt",
            folder / f"cifar10_{name}_{_SNAPSHOTS[name]}.caffemodel.h5",
            folder / f"cifar10_{name}.pkl",
            mean="125,123,114",
        )
    ).quantized
    file = bytes(network_bytes(network).data)
    generated = make_layout(network, {})
    for pixels in _images(network):
        answer = driver.ask(file, pixels)
        assert answer.run_status == Status.OK
        expected = run_reference(network, pixels).tensors
        assert list(answer.tensors[:-1]) == [tensor.tobytes() for tensor in expected]
        taken = answer.arena_bytes + generated.input_bytes + generated.output_bytes
        assert taken <= generated.ram_bytes + _SLACK_BYTES
