"""Energy compared: by the gate, of one meter, and never from a recording."""

import pytest

from compared_cells import changes_of, compare, measured
from made_runs import LAYERS, MadeCell, Numbers
from qrig.reports.compare_result import NO_BASELINE, SAME, WORSE


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
