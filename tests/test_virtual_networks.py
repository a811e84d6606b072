"""Networks on virtual boards: flashed by pyOCD, asked over a serial line, exact in every layer."""

import pytest

from qrig.datasets import Sample, read_image
from qrig.networks.description import NetworkDescription
from qrig.runs.bench import run_inputs
from qrig.runs.deploy import deploy
from qrig.runs.deployed import FULL, Deployed
from qrig.runs.networks import LoadedNetwork, load_description, load_network
from qrig.runs.targets import NETWORK, Target, find_target, in_ways
from real_models import MODELS, requires_models
from virtual_boards import BOARDS, use_state, virtual_target

LIKE = {"nucleo-f746": "mps2-an500@qemu", "nucleo-f429": "mps2-an386@qemu"}
"""Emulated machines with the same cores."""


@pytest.fixture(autouse=True)
def state(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    use_state(tmp_path_factory.mktemp("state"), monkeypatch)


def arm_m4() -> LoadedNetwork:
    assert MODELS is not None
    folder = MODELS / "arm_cifar10"
    description = NetworkDescription(
        "arm-m4",
        folder / "cifar10_m4_train_test.prototxt",
        folder / "cifar10_m4_iter_70000.caffemodel.h5",
        folder / "cifar10_m4.pkl",
        mean=str(folder / "cifar10_mean_rounded.npy"),
    )
    return load_description(description)


def check(target: Target, loaded: LoadedNetwork, samples: tuple[Sample, ...]) -> Deployed:
    """Compare every layer of every sample; return the deployment, stopped."""
    with Deployed(target, deploy(loaded, target)) as deployed:
        for _, layers, _ in run_inputs(deployed, samples, FULL):
            assert {layer.comparison.verdict for layer in layers} == {"bit-exact"}
            assert all(layer.cycles is None for layer in layers)
            assert all(
                (layer.instructions is None) == (layer.computed_with is not None)
                for layer in layers
            )
    return deployed


@pytest.mark.parametrize("board", BOARDS)
def test_the_bundled_lenet_is_exact_and_flashed_once(board: str) -> None:
    loaded = load_network("lenet-mnist")
    target = virtual_target(board)
    first = check(target, loaded, loaded.samples[:3])
    assert first.running.effort.counts.get("flashed") == 1
    assert first.session.banner.unique_id == first.running.unique_id
    assert first.session.banner.board == board
    assert not first.session.banner.debugger, "measured with a debugger attached"
    second = check(target, loaded, loaded.samples[3:4])
    assert "flashed" not in second.running.effort.counts


@requires_models
@pytest.mark.parametrize("board", BOARDS)
def test_arms_m4_network_is_exact(board: str) -> None:
    assert MODELS is not None
    loaded = arm_m4()
    paths = sorted((MODELS / "images" / "foolbox").glob("cifar10_*.png"))[:2]
    samples = tuple(
        Sample(path.name, read_image(path, loaded.quantized.input.shape), None) for path in paths
    )
    check(virtual_target(board), loaded, samples)


@pytest.mark.parametrize("board", BOARDS)
def test_layers_cost_what_they_cost_in_qemu(board: str) -> None:
    loaded = load_network("lenet-mnist")
    counts = []
    for target in (virtual_target(board), find_target(LIKE[board])):
        with Deployed(target, deploy(loaded, target)) as deployed:
            _, layers, _ = next(run_inputs(deployed, loaded.samples[:1], FULL))
        counts.append({layer.name: layer.instructions for layer in layers})
    assert counts[0] == counts[1]


def test_a_network_is_loaded_at_run_time() -> None:
    loaded = load_network("lenet-mnist")
    (target,) = in_ways((virtual_target("nucleo-f746"),), (NETWORK,))
    deployed = check(target, loaded, loaded.samples[:1])
    assert deployed.image_room_bytes > 0
