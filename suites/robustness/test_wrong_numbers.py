"""The gate on trial: a changed weight bit and a changed shift are found, and their layer named.

The firmware on the target computes with other numbers than the network that was meant. The numpy
reference of both says which layer has to be named, and in how many elements it differs.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from altered_firmware import built_instead, with_layer
from full_runs import FULL_RUN
from judged_sessions import judged_session
from qrig.fixedpoint.quantized import QuantizedConvolution, QuantizedInnerProduct, QuantizedNetwork
from qrig.reference import run_reference
from qrig.reports.compare_bits import BITS
from qrig.reports.compare_result import NO_BASELINE, WORSE
from qrig.runs.bench import BenchResult, Cell, bench, prepare
from qrig.runs.compare import compare_runs
from qrig.runs.networks import LoadedNetwork, load_network
from qrig.runs.targets import GENERATED, Target

LAYERS = ("conv1", "conv2", "ip1", "ip2")
SAMPLES = 2
TRIED_WEIGHTS = 300

Change = dict[str, Any]


@pytest.fixture(scope="module")
def network() -> LoadedNetwork:
    return load_network("lenet-mnist")


@pytest.fixture(autouse=True)
def generated(target: Target) -> None:
    if target.way != GENERATED:
        pytest.skip(f"{target.name}: --deployment {target.way} was asked for")


@pytest.fixture(scope="module")
def meant(
    target: Target, network: LoadedNetwork, tmp_path_factory: pytest.TempPathFactory
) -> BenchResult:
    """A run of what was meant."""
    folder = tmp_path_factory.mktemp("meant")
    return bench(prepare([network], (target,)), folder, samples=SAMPLES, model=False)


def weighted(network: QuantizedNetwork, name: str) -> QuantizedConvolution | QuantizedInnerProduct:
    (layer,) = (one for one in network.layers if one.name == name)
    assert isinstance(layer, QuantizedConvolution | QuantizedInnerProduct)
    return layer


def one_bit(loaded: LoadedNetwork, name: str, bit: int) -> Change:
    """Change a bit of one weight of a layer: of the first that makes a difference.

    Small bits of most weights are rounded away, and what is multiplied by 0 is as good as any.
    """
    original = weighted(loaded.quantized, name).weights
    for place in np.linspace(0, original.size - 1, TRIED_WEIGHTS).astype(int):
        weights = original.copy()
        weights.view(np.uint8).reshape(-1)[place] ^= np.uint8(1 << bit)
        change: Change = {"weights": weights}
        if any(differences(loaded, with_layer(loaded.quantized, name, **change))):
            return change
    raise AssertionError(f"bit {bit} of {TRIED_WEIGHTS} weights of {name} makes no difference")


def other_shift(network: QuantizedNetwork, name: str, by: int) -> Change:
    return {"output_shift": weighted(network, name).output_shift + by}


def differences(
    loaded: LoadedNetwork, other: QuantizedNetwork
) -> Iterator[tuple[int, int, str, int]]:
    """Yield what the reference says of each input: its first layer that differs, and how much."""
    for index, sample in enumerate(loaded.samples[:SAMPLES]):
        one, two = (run_reference(net, sample.pixels) for net in (loaded.quantized, other))
        for place, stage in enumerate(loaded.quantized.stages):
            count = int(np.count_nonzero(one.tensors[place] != two.tensors[place]))
            if count:
                yield index, place, stage.name, count
                break


def check_found(
    target: Target,
    loaded: LoadedNetwork,
    meant: BenchResult,
    layer: str,
    change: Change,
    folder: Path,
) -> None:
    """Run the changed network as if it were what was meant: every verdict names the layer."""
    deployment, other = built_instead(loaded, target, layer, **change)
    expected = list(differences(loaded, other))
    cells = (Cell(target, loaded, deployment),)
    found = bench(cells, folder, samples=SAMPLES, model=False)
    wrong = found.rows[found.rows["verdict"] == "differs"]
    first = wrong.sort_values("layer_index").groupby("input_index").first()
    said = [
        (int(row["input_index"]), int(row["layer_index"]), row["layer"], int(row["differing"]))
        for row in first.reset_index().to_dict("records")
    ]
    assert said == expected
    comparison = compare_runs(meant.folder, found.folder)
    assert {name for _, _, name, _ in expected} == {layer}
    assert found.verdict == "differs"
    assert (comparison.verdict, comparison.exit_code) == (WORSE, 1)
    (bits,) = (one for one in comparison.cells[0].layers if one.measure == BITS)
    assert (bits.layer, bits.verdict) == (layer, WORSE)
    session = judged_session(meant.folder, found.folder)
    assert (session["verdict"], session["exit_code"]) == (WORSE, 1)
    assert any(f"{layer} worse" in text and "expected" in text for text in session["findings"])


BITS_SHORT = [("conv2", 5), ("ip1", 6)]
SHIFTS_SHORT = [("conv1", 1), ("ip1", -1)]


def short_or_full(short: list[tuple[str, int]], values: range | tuple[int, ...]) -> list[Any]:
    """Every layer with every value; those that are not in `short` in full runs alone."""
    return [
        pytest.param(layer, value, marks=() if (layer, value) in short else FULL_RUN)
        for layer in LAYERS
        for value in values
    ]


@pytest.mark.parametrize(("layer", "bit"), short_or_full(BITS_SHORT, range(8)))
def test_a_changed_weight_bit(
    target: Target,
    network: LoadedNetwork,
    meant: BenchResult,
    layer: str,
    bit: int,
    tmp_path: Path,
) -> None:
    check_found(target, network, meant, layer, one_bit(network, layer, bit), tmp_path)


@pytest.mark.parametrize(("layer", "by"), short_or_full(SHIFTS_SHORT, (-1, 1, 2)))
def test_a_changed_shift(
    target: Target,
    network: LoadedNetwork,
    meant: BenchResult,
    layer: str,
    by: int,
    tmp_path: Path,
) -> None:
    change = other_shift(network.quantized, layer, by)
    check_found(target, network, meant, layer, change, tmp_path)


def test_another_network_is_no_baseline_and_its_layer_is_named(
    target: Target, network: LoadedNetwork, meant: BenchResult, tmp_path: Path
) -> None:
    """Where reference and firmware have changed alike, nothing differs: the stamp does."""
    other = with_layer(network.quantized, "conv2", **one_bit(network, "conv2", 6))
    loaded = LoadedNetwork(network.name, other, samples=network.samples)
    found = bench(prepare([loaded], (target,)), tmp_path, samples=SAMPLES, model=False)
    assert found.verdict == "bit-exact"
    comparison = compare_runs(meant.folder, found.folder)
    assert (comparison.verdict, comparison.exit_code) == (NO_BASELINE, 4)
    assert "network_sha256" in comparison.findings[0]
    assert any("conv2" in text for text in comparison.findings)
