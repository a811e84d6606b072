"""Energy without a meter, and how often to repeat with one."""

import itertools
import math

import numpy as np
import pytest

from qrig.boards import find_board
from qrig.boards.power import Power
from qrig.deadline import Deadline
from qrig.measure.energy.columns import MEASURED_COLUMNS, MODELLED_COLUMNS, modelled_columns
from qrig.measure.energy.model import EnergyModel, energy_model, model_of
from qrig.measure.energy.repetition import (
    Estimate,
    estimate,
    repeat_until,
    repetitions_for,
)

L4R5 = Power(
    3.3, 14.3, 25, "a source", 392.0, "MLPerf Tiny v1.0, X-CUBE-AI, ResNet-8: 10.68 mJ in 226.9 ms"
)


def test_published_rows_give_the_energy_of_a_cycle() -> None:
    model = model_of("nucleo-l4r5", 120_000_000, L4R5)
    assert model.pj_per_cycle == 392
    # The row itself: 226.9 ms at 120 MHz are 27,228,000 cycles, and were 10.68 mJ.
    assert model.energy_uj(0.2269 * 120e6) == pytest.approx(10_680, rel=1e-3)
    assert EnergyModel("h7", 574.0, "").energy_uj(0.0543 * 280e6) == pytest.approx(8710, rel=3e-3)
    assert str(model) == (
        "392 pJ per model cycle on nucleo-l4r5: MLPerf Tiny v1.0, X-CUBE-AI, ResNet-8: 10.68 mJ in "
        "226.9 ms"
    )


def test_a_datasheets_current_gives_the_energy_of_a_cycle() -> None:
    model = model_of("nucleo-f746", 216_000_000, Power(3.3, 102, 140, "ST DS10916"))
    assert model.pj_per_cycle == pytest.approx(0.102 * 3.3 / 216e6 * 1e12)
    assert "102 mA x 3.3 V / 216 MHz, ST DS10916" in str(model)


def test_a_board_without_figures_has_no_model() -> None:
    assert energy_model(find_board("host")) is None


def test_modelled_energy_has_columns_of_its_own() -> None:
    assert not set(MEASURED_COLUMNS) & set(MODELLED_COLUMNS)
    model = model_of("nucleo-l4r5", 120_000_000, L4R5)
    cycles = {"model_cycles_m4": 1e6, "model_cycles_m7": 5e5}
    assert modelled_columns(model, cycles, "m4") == {
        "model_energy_uj": pytest.approx(392),
        "model_energy_source": str(model),
    }
    assert modelled_columns(model, cycles, "m7")["model_energy_uj"] == pytest.approx(196)
    for columns in (modelled_columns(None, cycles, "m4"), modelled_columns(model, {}, "m4")):
        assert columns == dict.fromkeys(MODELLED_COLUMNS)


def test_an_estimate_is_a_mean_and_its_error() -> None:
    found = estimate([1.0, 2.0, 3.0, 4.0])
    assert (found.mean, found.count) == (2.5, 4)
    assert found.standard_error == pytest.approx(np.std([1, 2, 3, 4], ddof=1) / 2)
    assert found.rse == pytest.approx(found.standard_error / 2.5)
    assert math.isinf(estimate([7.0]).rse)
    assert math.isinf(estimate([-1.0, 1.0]).rse)
    with pytest.raises(ValueError, match="at least one value"):
        estimate([])


def test_repetition_ends_when_the_error_is_small_enough() -> None:
    numbers = np.random.default_rng(5)
    found = repeat_until(lambda: float(numbers.normal(100, 5)), Deadline.after(60.0))
    assert found.rse < 0.01
    # 5 % of noise is 1 % of error after 25; a lucky row of a few may end it sooner.
    assert 5 <= found.count <= 60
    assert found.mean == pytest.approx(100, abs=5 * found.standard_error + 2)


def test_a_quiet_layer_is_measured_as_often_as_it_takes_to_know_so() -> None:
    assert repeat_until(lambda: 42.0, Deadline.after(60.0)) == Estimate(42.0, 0.0, 5)


def test_a_time_limit_ends_it_with_the_error_there_is() -> None:
    values = itertools.cycle([1.0, 100.0])
    once = repeat_until(lambda: next(values), Deadline.after(0.0))
    assert (once.mean, once.count) == (1.0, 1)
    assert math.isinf(once.rse)
    limit = Deadline.after(0.05)
    wild = repeat_until(lambda: next(values), limit)
    assert limit.expired
    assert wild.rse > 0.01 or wild.count > 5


@pytest.mark.parametrize(
    ("layer_s", "sample_hz", "repetitions"),
    [
        (0.001, 100_000, 100),  # a tenth of a second
        (0.001, 5000, 400),  # 2000 samples
        (0.5, 100_000, 1),
        (1e-9, 100_000, 1_000_000),
    ],
)
def test_windows_are_long_enough_for_their_edges(
    layer_s: float, sample_hz: float, repetitions: int
) -> None:
    assert repetitions_for(layer_s, sample_hz) == repetitions


def test_a_layer_that_takes_no_time_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="a layer that takes time"):
        repetitions_for(0.0, 1000.0)
