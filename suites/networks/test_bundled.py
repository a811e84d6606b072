"""The bundled networks on every target: each layer bit-exact, counts repeatable."""

import pytest

from qrig.fixtures import Measure
from qrig.runs.deployed import Deployed
from qrig.runs.networks import LoadedNetwork, bundled_networks

every_network = pytest.mark.parametrize("network", bundled_networks(), indirect=True)


@every_network
@pytest.mark.parametrize("index", range(5))
def test_every_layer_is_bit_exact(measure: Measure, network: LoadedNetwork, index: int) -> None:
    layers = measure(network.samples[index])
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
