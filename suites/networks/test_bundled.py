"""The bundled networks on every target: each layer bit-exact, counts repeatable."""

import pytest

from either_way import deployed_or_skipped, in_way
from qrig.fixtures import Measure
from qrig.measure.rows import LayerResult
from qrig.runs.bench import run_inputs
from qrig.runs.deployed import FULL, Deployed
from qrig.runs.networks import LoadedNetwork, bundled_networks
from qrig.runs.targets import NETWORK, Target

every_network = pytest.mark.parametrize("network", bundled_networks(), indirect=True)


@every_network
@pytest.mark.parametrize("index", range(5))
def test_every_layer_is_bit_exact(measure: Measure, network: LoadedNetwork, index: int) -> None:
    check_exact(measure(network.samples[index]), network)


@every_network
def test_files_of_them_are_bit_exact(target: Target, network: LoadedNetwork) -> None:
    target = in_way(target, NETWORK)
    samples = network.samples[:3]
    with Deployed(target, deployed_or_skipped(network, target)) as deployed:
        for _, layers, _ in run_inputs(deployed, samples, FULL):
            check_exact(layers, network)


def check_exact(layers: tuple[LayerResult, ...], network: LoadedNetwork) -> None:
    assert len(layers) == len(network.quantized.stages)
    assert {layer.name: layer.comparison.first_difference for layer in layers} == dict.fromkeys(
        [stage.name for stage in network.quantized.stages]
    )
    assert {layer.comparison.verdict for layer in layers} == {"bit-exact"}


@every_network
def test_counts_repeat_to_the_instruction(link: Deployed, network: LoadedNetwork) -> None:
    pixels = network.samples[0].pixels
    ticks = {tuple(record.ticks for record in link.run(pixels).records) for _ in range(3)}
    traced_or_not = tuple(record.ticks for record in link.run(pixels, "logits").records)
    assert ticks == {traced_or_not}
