"""The firmware that loads networks, on targets: every tensor, refusals, images, flash.

`tests/test_runtime_firmware_native.py` does the same on this machine under sanitizers.
"""

from collections.abc import Iterator

import numpy as np
import pytest

from network_files import random_chain
from qrig.fixedpoint.network_file import DIALECTS, HISTORICAL, network_from_file, parse_network_file
from qrig.reference import run_reference
from qrig.runs.targets import Target
from real_models import MODELS, requires_models
from runtime_checks import (
    check_arena,
    check_counts,
    check_every_tensor,
    check_images,
    check_inference,
    check_refusals,
    check_store,
    file_of,
    noise,
    small_network,
)
from runtime_driver import CORRECT, OPENMV, Status
from runtime_link import CRC, PAUSE, SOFTMAX, Loader, started


@pytest.fixture(scope="module")
def loader(target: Target) -> Iterator[Loader]:
    with started(target) as found:
        yield found


@pytest.mark.parametrize("seed", [None, *range(500, 504)])
def test_every_tensor_in_both_dialects(loader: Loader, seed: int | None) -> None:
    network = small_network() if seed is None else random_chain(seed)
    check_every_tensor(loader, network, file_of(network))


def test_refused_files(loader: Loader) -> None:
    check_refusals(loader)


def test_a_network_that_does_not_fit_the_arena(loader: Loader) -> None:
    check_arena(loader)


def test_images(loader: Loader) -> None:
    check_images(loader)


def test_counts(target: Target, loader: Loader) -> None:
    check_counts(target, loader)


def test_a_network_in_flash(target: Target) -> None:
    network = small_network()
    with started(target, file_of(network)) as loader:
        check_store(loader, network)


@requires_models
@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", ["cifar10_fast", "lenet", "smile"])
def test_openmvs_networks(loader: Loader, name: str, dialect: str) -> None:
    assert MODELS is not None
    data = (MODELS / "openmv" / name / f"{name}.network").read_bytes()
    network = network_from_file(parse_network_file(data, name), name, dialect=dialect)
    assert loader.load(data, dialect=OPENMV if dialect == HISTORICAL else CORRECT).code == Status.OK
    pixels = noise(network)
    expected = run_reference(network, pixels, DIALECTS[dialect]).tensors
    found = loader.infer(pixels, len(network.stages), PAUSE | CRC)
    check_inference(found, [tensor.tobytes() for tensor in expected], has_tensors=True)
    with_softmax = loader.infer(pixels, len(network.stages), CRC | SOFTMAX)
    assert np.frombuffer(with_softmax.output, np.int8).min() >= 0
    assert with_softmax.crcs[:-1] == found.crcs
