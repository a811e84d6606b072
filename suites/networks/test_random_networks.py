"""Networks made from a seed: odd channels, shift 0 and 31, saturation, padding, every layer type.

With the real networks below, every run of the suite compares more than a million outputs a target.
"""

import numpy as np
import pytest

from either_way import EITHER_WAY, deployed_or_skipped, in_way
from qrig.reference import run_reference
from qrig.runs.deployed import Deployed
from qrig.runs.targets import Target
from random_networks import random_network


@EITHER_WAY
@pytest.mark.parametrize("seed", range(100, 112))
def test_random_network_is_bit_exact(target: Target, seed: int, way: str) -> None:
    network, target = random_network(seed), in_way(target, way)
    deployment = deployed_or_skipped(network, target)
    numbers = np.random.default_rng(seed)
    with Deployed(target, deployment) as deployed:
        for _ in range(4):
            pixels = numbers.integers(0, 256, network.input.shape, dtype=np.uint8)
            layers = deployed.compare(deployed.run(pixels), run_reference(network, pixels))
            assert [layer.comparison.first_difference for layer in layers] == [None] * len(layers)
            assert {layer.comparison.verdict for layer in layers} == {"bit-exact"}
