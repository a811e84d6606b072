"""Energy per layer out of traces whose integrals are known exactly."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qrig.measure.energy.columns import measured_columns
from qrig.measure.energy.drift import clock_drift
from qrig.measure.energy.integrate import WindowEnergy, integral, window_energy
from qrig.measure.energy.layers import MeasuredEnergy, layer_energies
from qrig.measure.energy.windows import Window, find_windows
from qrig.measure.meters.meter import Mark, Samples, at_voltage
from qrig.measure.meters.plan import Planned
from qrig.measure.meters.simulated import Part, Signal
from qrig.measure.meters.simulated.signal import windows_signal

HZ = 100_000.0
VOLTS = 3.3


def sampled(signal: Signal, hz: float = HZ, *, phase: float = 0.0) -> Samples:
    """A signal as a perfect meter samples it, `phase` of a period late, with its exact edges."""
    times = signal.times(hz) + phase / hz
    return at_voltage(times, signal.currents(times), VOLTS, signal.edges(), expected=len(times))


def energies(
    windows: list[tuple[float, float]], plan: list[str], **named: object
) -> MeasuredEnergy:
    signal = windows_signal(windows, idle_a=0.002)
    planned = tuple(Planned(*_split(text)) for text in plan)
    layers = [each.label for each in planned if not each.label.startswith("[")]
    return layer_energies(
        sampled(signal),
        list(dict.fromkeys(layers)),
        source="meter:1",
        plan=planned,
        **named,  # type: ignore[arg-type]
    )


def _split(text: str) -> tuple[str, int]:
    label, _, count = text.partition("*")
    return label, int(count or 1)


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.floats(0.01, 0.1), st.floats(0.001, 0.2)), min_size=1, max_size=6),
    st.floats(0, 1),
    st.sampled_from([20_000.0, 100_000.0]),
)
def test_energies_are_the_signals_to_a_tenth_of_a_percent(
    windows: list[tuple[float, float]], phase: float, hz: float
) -> None:
    signal = windows_signal(windows)
    layers = [f"layer{index}" for index in range(len(windows))]
    found = layer_energies(sampled(signal, hz, phase=phase), layers, source="meter:1")
    assert not found.notices
    for layer, exact_j in zip(layers, signal.marked_energy_j(), strict=True):
        assert found.layers[layer].energy_uj == pytest.approx(exact_j * 1e6, rel=1e-3)
    total_uj = sum(layer.energy_uj for layer in found.layers.values())
    assert total_uj == pytest.approx(sum(signal.marked_energy_j()) * 1e6, rel=1e-3)
    assert found.marked_uj == pytest.approx(total_uj, rel=1e-9)


def test_currents_are_means_and_sources_are_kept() -> None:
    signal = Signal(
        (Part(0.01, 0.001), Part(0.01, 0.010, True), Part(0.03, 0.030, True), Part(0.01, 0.001))
    )
    found = layer_energies(sampled(signal), ["conv1"], source="js220:1")
    assert found.layers["conv1"].current_ua == pytest.approx(25_000, rel=1e-3)
    assert measured_columns(found, "conv1") == {
        "current_ua": found.layers["conv1"].current_ua,
        "energy_uj": found.layers["conv1"].energy_uj,
        "energy_source": "js220:1",
        "energy_rse": None,
    }
    assert set(measured_columns(found, "fc").values()) == {None}
    assert set(measured_columns(None, "conv1").values()) == {None}


def test_a_sine_is_integrated_by_trapezoids() -> None:
    times = np.arange(5000, 35_000) / HZ
    power = 2 + np.sin(2 * np.pi * 50 * times)
    exact = 2 * 0.3 - (np.cos(2 * np.pi * 50 * 0.35) - np.cos(2 * np.pi * 50 * 0.05)) / (
        100 * np.pi
    )
    assert integral(times, power, 0.05, 0.35) == pytest.approx(exact, rel=1e-7)


def test_voltage_counts_sample_by_sample() -> None:
    times = np.arange(1000) / 1000
    samples = Samples(times, np.full(1000, 0.5), 1 + times, (Mark(0.2, True), Mark(0.6, False)))
    found = window_energy(samples, find_windows(samples.marks)[0], 1e-3)
    assert isinstance(found, WindowEnergy)
    assert found.energy_j == pytest.approx(0.5 * (0.4 + (0.36 - 0.04) / 2), rel=2e-3)
    assert found.current_a == pytest.approx(0.5)
    assert found.duration_s == pytest.approx(0.4)


def test_repetitions_and_baselines_are_taken_off() -> None:
    """conv1 runs 100 times, pool1 50 times; each repetition costs what an empty layer costs."""
    idle_a, loop_s, conv_s, pool_s = 0.002, 0.0002, 0.004, 0.002
    loop_a, conv_a, pool_a = 0.010, 0.030, 0.015

    def window(count: int, layer_s: float, layer_a: float) -> tuple[float, float]:
        seconds = count * (loop_s + layer_s)
        return seconds, (count * (loop_s * loop_a + layer_s * layer_a)) / seconds

    windows = [
        (0.2, idle_a),
        (1000 * loop_s, loop_a),
        window(100, conv_s, conv_a),
        window(50, pool_s, pool_a),
    ]
    found = energies(windows * 3, ["[idle]", "[loop]*1000", "conv1*100", "pool1*50"])
    assert not found.notices
    assert found.idle_w == pytest.approx(idle_a * VOLTS, rel=1e-6)
    assert found.loop_uj == pytest.approx(loop_s * (loop_a - idle_a) * VOLTS * 1e6, rel=1e-3)
    conv, pool = found.layers["conv1"], found.layers["pool1"]
    assert conv.energy_uj == pytest.approx(conv_s * (conv_a - idle_a) * VOLTS * 1e6, rel=1e-3)
    assert pool.energy_uj == pytest.approx(pool_s * (pool_a - idle_a) * VOLTS * 1e6, rel=1e-3)
    assert conv.windows == 3
    assert conv.rse == pytest.approx(0, abs=1e-6)


def test_the_relative_standard_error_is_that_of_the_mean() -> None:
    currents = [0.020, 0.021, 0.019, 0.0205]
    found = energies([(0.1, current) for current in currents], ["conv1"])
    layer = found.layers["conv1"]
    assert layer.windows == 4
    assert layer.energy_uj == pytest.approx(np.mean(currents) * 0.1 * VOLTS * 1e6, rel=1e-6)
    assert layer.rse == pytest.approx(np.std(currents, ddof=1) / 2 / np.mean(currents), rel=1e-6)


def test_the_error_of_a_baseline_is_part_of_a_layers() -> None:
    windows = [(0.1, 0.002), (0.1, 0.020), (0.1, 0.004), (0.1, 0.020)]
    found = energies(windows, ["[idle]", "conv1"])
    error = np.std([0.002, 0.004], ddof=1) / np.sqrt(2)
    assert found.layers["conv1"].rse == pytest.approx(error / (0.020 - 0.003), rel=1e-6)


def test_a_layer_below_its_baselines_has_no_energy() -> None:
    found = energies([(0.1, 0.020), (0.1, 0.010)], ["[idle]", "conv1"])
    assert not found.layers
    assert "energy of conv1 is missing: -3300 uJ are left" in found.notices[0]


@pytest.mark.parametrize(("dropped", "is_valid"), [(0, True), (100, True), (101, False)])
def test_a_thousandth_of_the_samples_may_be_missing(dropped: int, is_valid: bool) -> None:
    signal = windows_signal([(0.1, 0.02)])
    good = sampled(signal)
    samples = Samples(
        good.time_s, good.current_a, good.voltage_v, good.marks, dropped, expected=100_000
    )
    found = layer_energies(samples, ["conv1"], source="meter:1")
    assert bool(found.layers) is is_valid
    if not is_valid:
        assert found.notices == (
            "energy is missing: 101 of 100,000 samples were lost (0.10%), 0.1% may be",
        )


def test_samples_that_are_missing_within_one_window_reject_that_window() -> None:
    good = sampled(windows_signal([(0.1, 0.02), (0.1, 0.02)]))
    kept = np.ones(len(good), dtype=bool)
    kept[5000:5020] = False
    samples = at_voltage(
        good.time_s[kept], good.current_a[kept], VOLTS, good.marks, dropped=20, expected=1_000_000
    )
    found = layer_energies(samples, ["conv1", "conv2"], source="meter:1")
    assert list(found.layers) == ["conv2"]
    assert "window 1 (conv1) is left out: 0.19% of its samples are missing" in found.notices[0]


def test_a_window_with_a_handful_of_samples_says_too_little() -> None:
    found = energies([(0.00009, 0.02), (0.1, 0.02)], ["conv1", "conv2"])
    assert list(found.layers) == ["conv2"]
    assert "it has 9 samples and needs 10: repeat the layer more often" in found.notices[0]


def test_windows_that_samples_do_not_cover_are_rejected() -> None:
    samples = sampled(windows_signal([(0.1, 0.02)]))
    late = Window(0, 0.05, 0.5)
    assert window_energy(samples, late, 1 / HZ) == "samples end at 0.140 s, the window at 0.500 s"
    empty = Samples(np.zeros(0), np.zeros(0), np.zeros(0))
    assert window_energy(empty, late, 1 / HZ) == "there are no samples"
    assert window_energy(samples, Window(0, 0, 1, "because"), 1 / HZ) == "because"


def test_a_rejected_window_costs_its_layer_alone() -> None:
    signal = windows_signal([(0.1, 0.02), (0.1, 0.03), (0.1, 0.04)])
    good = sampled(signal)
    marks = [*good.marks, Mark(0.19, False), Mark(0.19001, True)]
    samples = at_voltage(good.time_s, good.current_a, VOLTS, tuple(marks), expected=len(good))
    found = layer_energies(samples, ["a", "b", "c"], source="meter:1")
    assert list(found.layers) == ["a", "c"]
    assert found.notices == (
        "window 2 (b) is left out: 2 extra edges at 0.190000 s, 10 us",
        "energy of b is missing: all its windows are left out",
    )


def test_many_rejected_windows_make_few_notices() -> None:
    samples = sampled(windows_signal([(0.00006, 0.02)] * 40, gap_s=0.001))
    found = layer_energies(samples, ["a", "b"], source="meter:1")
    assert len([notice for notice in found.notices if "left out" in notice]) == 6 + 2
    assert "35 more windows are left out" in found.notices


def test_no_mark_no_energy() -> None:
    good = sampled(windows_signal([(0.1, 0.02)]))
    samples = at_voltage(good.time_s, good.current_a, VOLTS, expected=len(good))
    found = layer_energies(samples, ["conv1"], source="meter:1")
    assert found.notices == ("energy is missing: no window is marked; check the marker's wire",)


def test_several_inferences_in_a_row_are_several_windows_per_layer() -> None:
    samples = sampled(windows_signal([(0.05, 0.02), (0.05, 0.03)] * 4))
    found = layer_energies(samples, ["a", "b"], source="meter:1")
    assert {name: layer.windows for name, layer in found.layers.items()} == {"a": 4, "b": 4}
    assert found.layers["b"].energy_uj == pytest.approx(0.05 * 0.03 * VOLTS * 1e6, rel=1e-3)


def test_windows_that_fit_no_layers_are_whole_inferences() -> None:
    samples = sampled(windows_signal([(0.05, 0.02)] * 3))
    found = layer_energies(samples, ["a", "b"], source="meter:1")
    assert not found.layers
    assert found.network is not None
    assert found.network.energy_uj == pytest.approx(0.05 * 0.02 * VOLTS * 1e6, rel=1e-3)
    assert found.notices == (
        "3 windows are no multiple of the 2 layers that run by themselves (a, b): each is taken "
        "for a whole inference",
        "energy per layer is missing: windows are of whole inferences, 3300 uJ each",
    )


def test_a_plan_that_does_not_fit_is_told() -> None:
    found = energies([(0.05, 0.02)] * 3, ["a", "b"])
    assert found.notices == (
        "energy is missing: 3 windows are marked, and 2 (or a multiple) were expected",
    )


def test_windows_of_layers_that_are_none_are_told() -> None:
    samples = sampled(windows_signal([(0.05, 0.02), (0.05, 0.03)]))
    plan = [Planned("conv1"), Planned("cnov2")]
    found = layer_energies(samples, ["conv1", "conv2"], source="meter:1", plan=plan)
    assert list(found.layers) == ["conv1"]
    assert "windows of 'cnov2' are of no layer here (conv1, conv2, ...)" in found.notices


@pytest.mark.parametrize(("stretch", "is_flagged"), [(1.004, False), (1.006, True), (0.994, True)])
def test_clocks_that_differ_by_more_than_half_a_percent_are_flagged(
    stretch: float, is_flagged: bool
) -> None:
    found = energies([(0.1, 0.02)] * 5, ["a"], board_s=[0.1 / stretch] * 5)
    assert found.drift is not None
    assert found.drift.relative == pytest.approx(stretch - 1, abs=1e-4)
    assert found.drift.is_flagged is is_flagged
    assert (
        any("energy is in doubt: windows are" in notice for notice in found.notices) is is_flagged
    )
    assert "a" in found.layers


def test_short_windows_cannot_tell_clocks_apart() -> None:
    windows = find_windows([Mark(0.0, True), Mark(0.0101, False)])
    drift = clock_drift(windows, [0.01], 1e-4)
    assert drift is not None
    assert drift.relative == pytest.approx(0.01)
    assert drift.uncertainty == pytest.approx(0.02)
    assert not drift.is_flagged


def test_clocks_of_nothing_are_not_compared() -> None:
    assert clock_drift([], [], 1e-4) is None
    assert clock_drift([Window(0, 0, 1, "because")], [1.0], 1e-4) is None
    assert clock_drift([Window(0, 0, 1)], [0.0], 1e-4) is None


def test_a_number_of_windows_the_board_contradicts_rejects_all() -> None:
    found = energies([(0.1, 0.02)] * 2, ["a"], board_s=[0.1] * 3)
    assert not found.layers
    assert "3 windows were expected and 2 found" in found.notices[0]
