"""`qrig battery`: the arithmetic, where its figures come from, what it says."""

import argparse
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from qrig.boards import find_board
from qrig.boards.power import Power
from qrig.cli.battery import add_battery
from qrig.errors import UsageError
from qrig.measure.compare import Comparison
from qrig.measure.energy.battery import BatteryUse, Inference, battery_life
from qrig.measure.energy.model import EnergyModel
from qrig.measure.rows import LayerResult
from qrig.networks.graph import Shape
from qrig.runs.battery import (
    battery_document,
    inference_of,
    modelled_inference,
    recorded_inference,
)
from qrig.runs.networks import load_network
from qrig.runs.targets import find_target

BATTERY = ("--capacity-mah", "1000", "--voltage", "3.7", "--period-s", "60", "--standby-ua", "50")
H7 = Inference(8710.0, 54_300.0, "as given")


def run(*arguments: str) -> int:
    """The command as the parser of `qrig` runs it."""
    parser = argparse.ArgumentParser(prog="qrig")
    add_battery(parser.add_subparsers(required=True))
    options = parser.parse_args(["battery", *arguments])
    return int(options.command(options))


def test_standby_alone_takes_what_it_takes() -> None:
    life = battery_life(BatteryUse(1000, 3.7, 60, 50), Inference(0, 0, "none"))
    assert life.battery_j == pytest.approx(13_320)
    assert life.mean_uw == pytest.approx(185)
    assert life.mean_ua == pytest.approx(50)
    # 1000 mAh / 50 uA = 20,000 hours, whatever the voltage.
    assert life.lasts_s == pytest.approx(20_000 * 3600)
    assert life.year_mah == pytest.approx(0.05 * 365.25 * 24)


def test_every_step_of_an_inference_a_minute() -> None:
    life = battery_life(BatteryUse(1000, 3.7, 60, 50, extra_uj=10_000, efficiency=0.8), H7)
    assert life.inference_uj == pytest.approx(8710 / 0.8)
    assert life.extra_uj == pytest.approx(12_500)
    assert life.standby_s == pytest.approx(59.9457)
    assert life.standby_uj == pytest.approx(50 * 3.7 * 59.9457)
    assert life.period_uj == pytest.approx(8710 / 0.8 + 12_500 + 50 * 3.7 * 59.9457)
    assert life.lasts_s == pytest.approx(13_320 / (life.period_uj * 1e-6) * 60)


def test_nothing_drawn_lasts_for_ever() -> None:
    life = battery_life(BatteryUse(1000, 3.7, 60, 0), Inference(0, 0, "none"))
    assert life.lasts_s is None
    assert battery_document(life)["lasts_days"] is None


def test_an_inference_must_fit_its_period() -> None:
    with pytest.raises(UsageError, match=r"expected a period of at least one inference \(2 s\)"):
        battery_life(BatteryUse(1000, 3.7, 1, 50), Inference(1, 2e6, "slow"))


def test_the_arithmetic_is_shown_line_by_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*BATTERY, "--energy-uj", "8710", "--latency-us", "54300") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "battery    1000 mAh x 3.7 V x 3.6 J/(mAh V) = 13,320 J",
        "inference  8,710 uJ in 54.3 ms",
        "           (as given)",
        "standby    50 uA x 3.7 V x (60 s - 0.0543 s) = 11,090 uJ",
        "period     19,800 uJ in 60 s = 330 uW",
        "           89.189 uA from the battery; inference 44.0%, standby 56.0%",
        "lasts      13,320 J / 330 uW = 40,363,729 s = 467.2 days = 1.28 years",
        "a year     525,960 inferences take 781.83 mAh: it lasts",
        "left out   self-discharge, ageing and temperature of the battery",
    ]


def test_a_converter_and_a_camera_have_lines_of_their_own(
    capsys: pytest.CaptureFixture[str],
) -> None:
    more = ("--efficiency", "0.9", "--extra-uj", "500000")
    assert run(*BATTERY, "--energy-uj", "8710", "--latency-us", "54300", *more) == 0
    out = capsys.readouterr().out
    assert "converter  8,710 uJ / 0.9 = 9,677.8 uJ" in out
    assert "else       500,000 uJ / 0.9 = 555,556 uJ" in out
    assert "16.1 days = 0.04 years" in out
    assert "it does not last" in out
    assert run("--capacity-mah", "1", *BATTERY[2:6], "--standby-ua", "0", "--energy-uj", "0") == 0
    assert "for ever: nothing is drawn" in capsys.readouterr().out


def test_the_document_has_every_step(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*BATTERY, "--energy-uj", "8710", "--latency-us", "54300", "--json", "-") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "qrig-battery/1"
    assert document["lasts_days"] == pytest.approx(467.2, abs=0.05)
    assert document["lasts_years"] == pytest.approx(document["lasts_s"] / 31_557_600)
    parts = document["per_period_uj"]
    assert parts["total"] == pytest.approx(parts["inference"] + parts["extra"] + parts["standby"])
    out = tmp_path / "battery.json"
    assert run(*BATTERY, "--energy-uj", "8710", "--json", str(out)) == 0
    assert json.loads(out.read_text())["inference"]["latency_us"] == 0


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (("--latency-us", "5"), "expected --energy-uj with --latency-us"),
        (("--energy-uj", "5", "--run", "x"), "expected --energy-uj or --run, found both"),
        (("--run", "none", "--runs", "."), "expected a run in"),
        (("--target", "host"), "expected a Cortex-M target, found core native"),
        (("--energy-uj", "1", "--latency-us", "6.1e7"), "give a longer --period-s"),
    ],
)
def test_what_does_not_go_together_is_told(arguments: tuple[str, ...], match: str) -> None:
    with pytest.raises(UsageError, match=match):
        run(*BATTERY, *arguments)


@pytest.mark.parametrize("value", ["0", "-1", "nan", "inf", "x", "1e13"])
def test_a_battery_of_no_size_is_refused(value: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run("--capacity-mah", value, *BATTERY[2:], "--energy-uj", "1")
    assert "expected a number from 1e-09 to 1e+12" in capsys.readouterr().err


def rows(**changes: Any) -> pd.DataFrame:
    """Two inputs of a network of two layers, one of them with a part that runs elsewhere."""
    table = pd.DataFrame(
        {
            "network": "lenet",
            "target": "nucleo-f746@probe",
            "core": "cortex-m7",
            "input_index": [0, 0, 0, 1, 1, 1],
            "computed_with": [None, "conv1", None] * 2,
            "energy_uj": [10.0, None, 20.0, 12.0, None, 22.0],
            "energy_source": ["js220:1", None, "js220:1"] * 2,
            "latency_us": [100.0, None, 200.0] * 2,
            "model_energy_uj": [11.0, None, 21.0] * 2,
            "model_energy_source": ["574 pJ", None, "574 pJ"] * 2,
            "model_latency_us_m7": [110.0, None, 220.0] * 2,
        }
    )
    return table.assign(**changes)


def test_a_run_gives_its_measured_energy_before_its_modelled_one() -> None:
    assert recorded_inference(rows()) == Inference(32.0, 300.0, "energy_uj: js220:1")
    modelled = recorded_inference(rows(energy_uj=[10.0, None, None] * 2))
    assert modelled == Inference(32.0, 300.0, "model_energy_uj: 574 pJ")
    emulated = recorded_inference(rows(latency_us=None))
    assert emulated.latency_us == 330.0


def test_energy_of_the_first_input_alone_is_enough() -> None:
    measured = rows(energy_uj=[10.0, None, 20.0, None, None, None])
    assert recorded_inference(measured) == Inference(30.0, 300.0, "energy_uj: js220:1")
    modelled = rows(
        energy_uj=[10.0, None, None, None, None, None],
        model_energy_uj=[11.0, None, 21.0, None, None, None],
        model_energy_source=["574 pJ", None, "574 pJ", None, None, None],
    )
    assert recorded_inference(modelled) == Inference(32.0, 300.0, "model_energy_uj: 574 pJ")


def test_a_run_without_energies_is_told() -> None:
    with pytest.raises(UsageError, match="expected energy and latency of every layer"):
        recorded_inference(rows(energy_uj=None, model_energy_uj=None))
    with pytest.raises(UsageError, match="expected energy and latency of every layer"):
        recorded_inference(rows().drop(columns=["energy_uj", "model_energy_uj"]))


def test_a_run_of_several_networks_needs_a_choice() -> None:
    both = pd.concat([rows(), rows(network="m7", energy_uj=[1.0, None, 1.0] * 2)])
    with pytest.raises(UsageError, match=r"expected one network out of the run \(lenet, m7\)"):
        recorded_inference(both)
    assert recorded_inference(both, network="m7").energy_uj == 2.0
    with pytest.raises(UsageError, match="found nothing-of-it; give --target"):
        recorded_inference(rows(), target="nothing-of-it")


def layer(cycles: float | None, *, computed_with: str | None = None) -> LayerResult:
    model = (
        {} if cycles is None else {"model_cycles_m7": cycles, "model_latency_us_m7": cycles / 216}
    )
    return LayerResult(
        "conv1",
        "convolution",
        Shape(1, 1, 1),
        1,
        None,
        None,
        Comparison("00000000", "00000000", 0, None),
        model,
        computed_with=computed_with,
    )


def test_model_cycles_times_picojoules_are_microjoules() -> None:
    layers = (layer(1e6), layer(None, computed_with="conv1"), layer(2e6))
    found = inference_of(layers, "m7", EnergyModel("h7", 574.0, "a source"))
    assert found.energy_uj == pytest.approx(3e6 * 574e-6)
    assert found.latency_us == pytest.approx(3e6 / 216)
    assert found.source == "3,000,000 model cycles, 574 pJ per model cycle on h7: a source"
    with pytest.raises(UsageError, match="expected model cycles of every layer"):
        inference_of((layer(None),), "m7", EnergyModel("h7", 574.0, "a source"))


def test_a_network_is_modelled_on_an_emulator(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {"nucleo-f746": Power(3.3, 102, 140, "ST DS10916")}
    monkeypatch.setattr("qrig.measure.energy.model.power_of", lambda board: known.get(board.name))
    loaded = load_network("lenet-mnist")
    target = find_target("mps2-an500")
    found = modelled_inference(target, loaded, loaded.samples[0])
    watts = 0.102 * 3.3
    assert found.energy_uj == pytest.approx(found.latency_us * watts, rel=1e-6)
    assert 1000 < found.latency_us < 100_000
    assert "pJ per model cycle on nucleo-f746: 102 mA x 3.3 V / 216 MHz" in found.source
    known.clear()
    with pytest.raises(UsageError, match=r"nucleo-f746: expected a board with a \[power\] table"):
        modelled_inference(target, loaded, loaded.samples[0])
    assert find_board("nucleo-f746").clock_hz == 216_000_000
