"""What every deployment must hold, whichever kernels compute it."""

import numpy as np

from qrig.build import Deployment
from qrig.measure.rows import LayerResult
from qrig.reference import run_reference
from qrig.runs.deployed import CRC, FULL, LOGITS, Deployed
from qrig.runs.targets import Target


def check_deployment(target: Target, built: Deployment, *, seed: int = 0, inputs: int = 2) -> None:
    """Demand that every layer is exact in every trace, and costs the same in all of them."""
    network = built.network
    numbers = np.random.default_rng(seed)
    counts: set[tuple[int | None, ...]] = set()
    with Deployed(target, built) as deployed:
        for number in range(inputs):
            pixels = numbers.integers(0, 256, network.input.shape, dtype=np.uint8)
            if number:
                pixels = np.where(pixels < 128, 0, 255).astype(np.uint8)
            expected = run_reference(network, pixels, built.semantics)
            for trace in (FULL, CRC):
                layers = deployed.compare(deployed.run(pixels, trace), expected)
                _assert_exact(layers, built, trace)
                counts.add(tuple(layer.instructions for layer in layers))
            remote = deployed.run(pixels, LOGITS)
            assert remote.output == expected.tensors[-1].tobytes()
            layers = deployed.compare(remote, expected)
            if number == 0:
                assert counts == {tuple(layer.instructions for layer in layers)}
            counts.clear()


def _assert_exact(layers: tuple[LayerResult, ...], built: Deployment, trace: str) -> None:
    wrong = [
        (layer.name, layer.comparison.first_difference)
        for layer in layers
        if layer.comparison.verdict != "bit-exact"
    ]
    assert not wrong, f"{trace}: {wrong[0]}, { ({n: str(c) for n, c in built.choices.items()}) }"
