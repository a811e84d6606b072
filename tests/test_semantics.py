"""Every choice of what the kernels compute: on targets, against the reference, and in stamps."""

import argparse
import json
from pathlib import Path

import numpy as np
import pytest

from full_runs import FULL_RUN
from hand_made import hand_made
from kernel_networks import pooled, pooled_network
from qrig.build import IMPLEMENTATIONS, Kernels, build_deployment
from qrig.cli import main
from qrig.cli.kernel_options import add_kernels
from qrig.errors import UsageError
from qrig.fixedpoint.quantized import QuantizedNetwork
from qrig.fixedpoint.semantics import DEFAULT, POOLINGS, SOFTMAXES, Semantics
from qrig.reference import run_reference
from qrig.runs.bench import bench, prepare
from qrig.runs.deployed import Deployed
from qrig.runs.profile_compare import compare_profiles
from qrig.runs.targets import Target, find_target, find_targets, with_kernels
from random_networks import random_network

TARGETS = ("mps2-an386@qemu", "host@native")
CHOICES = (
    DEFAULT,
    Semantics(pooling="c"),
    Semantics(softmax="5.4"),
    Semantics(truncate=True),
    Semantics("c", "5.4", truncate=True),
)
_SEED = 110
"""A random network with convolutions, depthwise ones, average poolings and a softmax."""


def _names(semantics: Semantics) -> str:
    return "+".join(semantics.definitions) or "default"


SELECTED = [
    pytest.param(choice, id=_names(choice), marks=() if choice in CHOICES[::4] else FULL_RUN)
    for choice in CHOICES
]
"""Nothing and everything changed; one thing at a time takes minutes."""


def _differences(network: QuantizedNetwork, target: Target, kernels: Kernels) -> list[str]:
    """Return the layers of two inputs that are not what the reference computes."""
    numbers = np.random.default_rng(17)
    deployment = build_deployment(network, target.board, kernels)
    found = []
    with Deployed(target, deployment) as deployed:
        for _ in range(2):
            pixels = numbers.integers(0, 256, network.input.shape, dtype=np.uint8)
            expected = run_reference(network, pixels, kernels.semantics)
            layers = deployed.compare(deployed.run(pixels), expected)
            found += [layer.name for layer in layers if layer.comparison.verdict != "bit-exact"]
    return found


@pytest.mark.parametrize("implementation", ["dsp", "portable"])
@pytest.mark.parametrize("semantics", SELECTED)
@pytest.mark.parametrize("target_name", TARGETS)
def test_a_target_computes_what_the_reference_does(
    target_name: str, semantics: Semantics, implementation: str
) -> None:
    target, kernels = find_target(target_name), Kernels(semantics, implementation)
    for network in (pooled_network(), random_network(_SEED)):
        assert _differences(network, target, kernels) == [], network.name


def test_every_choice_makes_a_difference() -> None:
    loaded = pooled()
    traces = [
        tuple(
            tensor.tobytes()
            for sample in loaded.samples
            for tensor in run_reference(loaded.quantized, sample.pixels, semantics).tensors
        )
        for semantics in CHOICES
    ]
    assert len(set(traces)) == len(CHOICES)


def test_kernels_of_other_semantics_differ() -> None:
    target, network = find_target("mps2-an386@qemu"), pooled_network()
    pixels = pooled().samples[0].pixels
    with Deployed(target, build_deployment(network, target.board)) as deployed:
        remote = deployed.run(pixels)
        layers = deployed.compare(remote, run_reference(network, pixels, Semantics(pooling="c")))
    verdicts = {layer.name: layer.comparison.verdict for layer in layers}
    assert verdicts["conv1"] == "bit-exact"
    assert verdicts["pool1"] == "differs"


def test_choices_are_in_the_stamp_and_in_the_build(tmp_path: Path) -> None:
    targets = find_targets([TARGETS[0]])
    chosen = with_kernels(targets, Kernels(Semantics("c", "5.4", truncate=True), "portable"))
    result = bench(prepare([pooled()], (*targets, *chosen)), tmp_path, samples=1, model=False)
    assert result.verdict == "bit-exact"
    plain, other = result.run["stamps"]
    assert plain["semantics"] == {"pooling": "dsp", "softmax": "5.9", "truncate": False}
    assert other["semantics"] == {"pooling": "c", "softmax": "5.4", "truncate": True}
    assert plain["kernel_library"].endswith(", dsp")
    assert other["kernel_library"].endswith(", portable")
    assert plain["build_id"] != other["build_id"]
    assert plain["kernel_library"] in (result.folder / "report.html").read_text()


def test_the_command_runs_with_choices(tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    folder = Path(__file__).parents[1] / "models" / "lenet-mnist"
    image = tmp_path / "noise.npy"
    np.save(image, np.random.default_rng(2).integers(0, 256, (28, 28, 1), dtype=np.uint8))
    command = ["run", "--target", "mps2-an386", "--network", str(folder), "--input", str(image)]
    command += ["--json", str(out), "--softmax"]
    found = {}
    for form in SOFTMAXES:
        assert main([*command, "--softmax-form", form, "--kernels", "portable"]) == 0
        document = json.loads(out.read_text())
        assert document["stamp"]["semantics"]["softmax"] == form
        assert document["stamp"]["kernel_library"].endswith(", portable")
        found[form] = document["softmax"]
    assert main([*command, "--truncate", "--pooling", "c"]) == 0
    assert json.loads(out.read_text())["verdict"] == "bit-exact"
    assert len(found) == 2


def test_the_options_have_the_choices_there_are() -> None:
    parser = argparse.ArgumentParser()
    add_kernels(parser, original=True)
    choices = {action.dest: action.choices for action in parser._actions}
    assert choices["kernels"] == IMPLEMENTATIONS
    assert choices["pooling"] == POOLINGS
    assert choices["softmax_form"] == SOFTMAXES


def test_profiles_of_other_semantics_are_not_compared(tmp_path: Path) -> None:
    targets = find_targets([TARGETS[0]])
    others = with_kernels(targets, Kernels(Semantics(truncate=True)))
    first, second = (
        bench(prepare([hand_made()], chosen), tmp_path, samples=1, model=False).folder
        for chosen in (targets, others)
    )
    with pytest.raises(UsageError, match=r"truncate no against .*truncate yes"):
        compare_profiles(tmp_path, first.name, second.name)
