"""Energy compared: by the gate, of one meter, and never from a recording."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from compared_cells import changes_of, compare, measured
from made_runs import LAYERS, MadeCell, Numbers, run_data
from qrig.reports.compare_result import NO_BASELINE, SAME, WORSE
from qrig.reports.compare_runs import CompareOptions, RunData, compare_data


def test_energy_is_judged_by_the_gate() -> None:
    base = MadeCell(measured(1, {}, column="energy_uj"), core="cortex-m4", inputs=20)
    new = MadeCell(measured(2, {"ip1": 1.03}, column="energy_uj"), core="cortex-m4", inputs=20)
    found = compare(base, new)
    assert found.verdict == WORSE
    assert changes_of(found)["ip1"].measure == "energy_uj"
    assert "ip1 +" in found.findings[0]
    assert "energy" in found.findings[0]


@pytest.mark.parametrize("where", ["base", "new", "both"])
def test_energy_from_a_recording_is_never_compared(where: str) -> None:
    def numbers(source: str, factor: float) -> Numbers:
        return lambda layer, index: {
            "instructions": LAYERS[layer],
            "energy_uj": LAYERS[layer] * factor,
            "energy_source": source,
        }

    recorded, live = "replay:5d6e", "js220 1"
    base = MadeCell(numbers(live if where == "new" else recorded, 1.0), inputs=10)
    new = MadeCell(numbers(live if where == "base" else recorded, 2.0), inputs=10)
    found = compare(base, new)
    assert found.verdict == SAME
    assert "energy_uj" not in {one.measure for one in found.cells[0].layers}
    assert "energy from a recording is never compared" in found.cells[0].notes


def test_other_meters_are_refused_unless_allowed() -> None:
    def numbers(source: str) -> Numbers:
        return lambda layer, index: {"energy_uj": 1.0 + index * 1e-5, "energy_source": source}

    base, new = (MadeCell(numbers(name), inputs=10) for name in ("js220 1", "ppk2 2"))
    found = compare(base, new)
    assert found.verdict == NO_BASELINE
    assert "energy: measured with other meters (js220 1 and ppk2 2)" in found.findings[0]
    assert compare(base, new, allow=frozenset({"energy_source"})).verdict == SAME


def passes(seed: int, factors: dict[str, float], count: int = 30) -> dict[str, list[float]]:
    random = np.random.default_rng(seed)
    return {
        layer: (
            size * factors.get(layer, 1.0) * 1e-3 * np.exp(random.normal(0, 0.002, count))
        ).tolist()
        for layer, size in LAYERS.items()
    }


def measured_run(name: str, found: Mapping[str, Sequence[float]]) -> RunData:
    """A run as `--power` makes it: one mean per layer at the first of three inputs, and passes."""

    def numbers(layer: str, index: int) -> dict[str, Any]:
        counted = {"instructions": LAYERS[layer], "energy_source": "js220 1"}
        return counted | ({"energy_uj": float(np.mean(found[layer]))} if index == 0 else {})

    cell = MadeCell(numbers, core="cortex-m4")
    return run_data(name, cell, energy=[{**cell.names(), "passes_uj": found}])


@pytest.mark.parametrize(("factor", "verdict"), [(1.0, SAME), (1.02, WORSE)])
def test_passes_of_a_measurement_are_what_the_gate_judges(factor: float, verdict: str) -> None:
    base = measured_run("a", passes(1, {}))
    new = measured_run("b", passes(2, {"conv2": factor}))
    found = compare_data([base], [new], CompareOptions())
    assert found.verdict == verdict, found.findings
    energies = changes_of(found, "energy_uj")
    assert energies["conv2"].verdict == verdict
    assert set(energies) == {*LAYERS, "inference"}
    assert changes_of(found, "instructions")["conv2"].verdict == SAME


@pytest.mark.parametrize("broken", [None, "x", {}, {"conv2": []}, {"conv2": [1.0, None]}])
def test_without_passes_a_mean_alone_is_too_little(broken: Any) -> None:
    runs = [measured_run(name, passes(1, {})) for name in "ab"]
    for run in runs:
        document: Any = run.run
        document["energy"] = [{**document["energy"][0], "passes_uj": broken}]
    found = compare_data(runs[:1], runs[1:], CompareOptions())
    assert found.verdict == NO_BASELINE
    assert "too few" in found.findings[0]
