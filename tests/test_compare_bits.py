"""What runs computed, compared; layers computed together; sizes."""

from typing import Any

import pandas as pd
import pytest

from compared_cells import changes_of, compare, measured
from made_runs import LAYERS, MadeCell, Numbers, run_data
from qrig.reports.compare_result import BETTER, INFERENCE, NO_BASELINE, SAME, WORSE
from qrig.reports.compare_runs import CompareOptions, compare_data


def wrong(layer_wrong: str) -> Numbers:
    return lambda layer, index: {
        "instructions": LAYERS[layer],
        **(
            {"verdict": "differs", "first_difference": "y 1, x 2, channel 3: expected 4, found 5"}
            if list(LAYERS).index(layer) >= list(LAYERS).index(layer_wrong) and index == 1
            else {}
        ),
    }


def test_bits_that_differ_from_the_reference_are_worse() -> None:
    found = compare(MadeCell(), MadeCell(wrong("conv2")))
    assert found.verdict == WORSE
    first = found.cells[0].layers[0]
    assert (first.layer, first.measure) == ("conv2", "bits")
    assert "differs from the reference in 1 input, first at y 1, x 2" in found.findings[0]
    assert compare(MadeCell(wrong("ip1")), MadeCell(wrong("ip1"))).verdict == WORSE
    assert compare(MadeCell(wrong("ip1")), MadeCell()).verdict == BETTER


def test_another_network_names_the_first_layer_that_computes_something_else() -> None:
    """As after a weight or a shift was changed: not to be compared, but the layer is found."""

    def changed(layer: str, index: int) -> dict[str, Any]:
        behind = list(LAYERS).index(layer) >= 2
        crc = {"crc32_target": "ffff0000", "crc32_host": "ffff0000"} if behind else {}
        return {"instructions": LAYERS[layer], **crc}

    found = compare(MadeCell(), MadeCell(changed, stamp={"network_sha256": "ffff"}))
    assert found.verdict == NO_BASELINE
    assert "the first layer whose output differs is conv2" in found.cells[0].reasons
    allowed = compare(
        MadeCell(),
        MadeCell(changed, stamp={"network_sha256": "ffff"}),
        allow=frozenset({"network_sha256"}),
    )
    assert allowed.verdict == SAME


def test_layers_that_only_one_build_computes_together_are_counted_together() -> None:
    def apart(layer: str, index: int) -> dict[str, Any]:
        return {"instructions": LAYERS[layer], "cycles": LAYERS[layer] + index}

    def together(layer: str, index: int) -> dict[str, Any]:
        if layer == "pool1":
            return {"computed_with": "conv1"}
        counts = LAYERS[layer] + (LAYERS["pool1"] if layer == "conv1" else 0)
        return {"instructions": counts, "cycles": counts + index}

    for base, new in ((apart, together), (together, apart)):
        found = compare(MadeCell(base, inputs=10), MadeCell(new, inputs=10))
        assert found.verdict == SAME
        assert changes_of(found, "instructions")["conv1"].base == 120_000
        assert "pool1" not in changes_of(found)
        assert found.cells[0].notes == (
            "pool1 is computed with conv1 in some runs, and counted with it",
        )


def test_sizes_before_and_after() -> None:
    base = MadeCell(sizes={"flash_bytes": 60_000, "ram_bytes": 9_000})
    new = MadeCell(sizes={"flash_bytes": 61_000, "ram_bytes": 9_000})
    (cell,) = compare(base, new).cells
    assert cell.sizes == {"flash_bytes": (60_000, 61_000), "ram_bytes": (9_000, 9_000)}


def test_an_input_that_was_measured_twice_under_one_number() -> None:
    """As two workers of one session did: the inference is not their sum."""
    once = run_data("a", MadeCell(measured(1, {}), inputs=10))
    rows = run_data("b", MadeCell(measured(2, {}), inputs=10)).rows
    twice = type(once)("b", pd.concat([rows, rows], ignore_index=True), once.run)
    found = compare_data([once], [twice], CompareOptions())
    assert changes_of(found)[INFERENCE].new == pytest.approx(sum(LAYERS.values()), rel=0.01)
