"""The instruction counter: a loop's count is linear in its length.

Loading the arguments of a call takes an instruction or two more or less from layer to layer, as the
compiler finds its constants; the loop itself must cost exactly the same for every word.
"""

import numpy as np
import pytest

from qrig.build import build_deployment
from qrig.fixedpoint.quantized import (
    QuantizedInput,
    QuantizedLayer,
    QuantizedNetwork,
    QuantizedPooling,
    QuantizedReLU,
)
from qrig.networks.graph import Pair, Shape
from qrig.reference import run_reference
from qrig.runs.deployed import Deployed
from qrig.runs.targets import Target

_SIDES = (64, 32, 16, 8)


def _shrinking_network() -> QuantizedNetwork:
    layers: list[QuantizedLayer] = []
    last = "data"
    for side in _SIDES:
        shape = Shape(side, side, 4)
        layers.append(QuantizedReLU(f"relu{side}", (last,), shape, shape, 0))
        half, window = Shape(side // 2, side // 2, 4), Pair(2, 2)
        layers.append(
            QuantizedPooling(
                f"pool{side}", (f"relu{side}",), shape, half, 0, "max", window, window, Pair(0, 0)
            )
        )
        last = f"pool{side}"
    source = QuantizedInput("data", Shape(64, 64, 4), "rgb", np.zeros(4, np.int16), 1, 1, 0)
    return QuantizedNetwork("shrinking", source, tuple(layers))


def test_relu_costs_the_same_for_every_word(target: Target) -> None:
    if target.backend.counts != "instructions":
        pytest.skip(f"{target.name} counts {target.backend.counts}")
    network = _shrinking_network()
    pixels = np.random.default_rng(3).integers(0, 256, network.input.shape, dtype=np.uint8)
    with Deployed(target, build_deployment(network, target.board)) as deployed:
        layers = deployed.compare(deployed.run(pixels), run_reference(network, pixels))
    counts = {layer.name: layer.instructions for layer in layers}
    relu = [counts[f"relu{side}"] for side in _SIDES]
    steps = [(relu[i] or 0) - (relu[i + 1] or 0) for i in range(3)]
    words = [_SIDES[i] ** 2 - _SIDES[i + 1] ** 2 for i in range(3)]
    per_word = round(steps[0] / words[0])
    assert 3 <= per_word <= 10
    rest = [step - per_word * count for step, count in zip(steps, words, strict=True)]
    assert all(abs(difference) <= 2 for difference in rest), rest
