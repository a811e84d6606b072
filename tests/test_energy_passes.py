"""Passes over all layers, repeated until every energy is known."""

import itertools

import numpy as np
import pytest

from qrig.deadline import Deadline
from qrig.measure.energy.layers import LayerEnergy, MeasuredEnergy
from qrig.measure.energy.passes import combined, pass_plan, repeat_passes
from qrig.measure.meters.plan import Planned


def one(*energies: float, notices: tuple[str, ...] = ()) -> MeasuredEnergy:
    layers = {
        f"layer{k}": LayerEnergy(energy, 1000 * energy, None, 2)
        for k, energy in enumerate(energies)
    }
    return MeasuredEnergy("js220:1", layers, marked_uj=sum(energies), notices=notices)


def test_the_plan_of_a_pass_has_baselines_and_long_windows() -> None:
    plan = pass_plan({"conv1": 0.004, "pool1": 0.0005, "fc": 1.0}, 1e-6, 100_000)
    assert plan == (
        Planned("[idle]"),
        Planned("[loop]", 100_000),
        Planned("conv1", 25),
        Planned("pool1", 200),
        Planned("fc", 1),
    )


def test_passes_are_combined_layer_by_layer() -> None:
    found = combined([one(10, 20), one(12, 20, notices=("a",)), one(14, notices=("a", "b"))])
    assert found.layers["layer0"].energy_uj == pytest.approx(12)
    assert found.layers["layer0"].rse == pytest.approx(2 / np.sqrt(3) / 12)
    assert found.layers["layer0"].current_ua == pytest.approx(12_000)
    assert found.layers["layer0"].windows == 6
    assert found.layers["layer1"] == LayerEnergy(20, 20_000, 0, 4)
    assert found.notices == ("a", "b")
    assert found.marked_uj == pytest.approx(76)
    assert combined([one(10)]) == one(10)
    with pytest.raises(ValueError, match="at least one pass"):
        combined([])


def test_whole_inferences_are_combined_too() -> None:
    passes = [
        MeasuredEnergy("m", {}, network=LayerEnergy(energy, 1.0, None, 1)) for energy in (5.0, 7.0)
    ]
    network = combined(passes).network
    assert network is not None
    assert network.energy_uj == pytest.approx(6)


def test_it_ends_when_every_layer_is_known() -> None:
    numbers = np.random.default_rng(3)
    count = itertools.count()

    def measure() -> MeasuredEnergy:
        next(count)
        return one(100.0, float(numbers.normal(50, 1)))

    found = repeat_passes(measure, Deadline.after(60.0))
    rses = [layer.rse for layer in found.layers.values()]
    assert all(rse is not None and rse < 0.01 for rse in rses)
    assert 5 <= next(count) <= 30


def test_it_ends_when_time_is_up_with_the_error_there_is() -> None:
    values = itertools.cycle([10.0, 20.0])
    once = repeat_passes(lambda: one(next(values)), Deadline.after(0.0))
    assert once.layers["layer0"].rse is None
    limit = Deadline.after(0.05)
    found = repeat_passes(lambda: one(next(values)), limit, good_rse=1e-9)
    assert limit.expired
    assert found.layers["layer0"].energy_uj == pytest.approx(15, abs=5)


def test_it_gives_up_when_nothing_comes() -> None:
    count = itertools.count()

    def measure() -> MeasuredEnergy:
        next(count)
        return MeasuredEnergy("m", {}, notices=("no window is marked",))

    found = repeat_passes(measure, Deadline.after(60.0))
    assert next(count) == 2
    assert found.notices == ("no window is marked",)
