"""`qrig battery`: how long a battery lasts with one inference per period, line by line."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qrig.cli.kernel_options import add_kernels, choose_kernels
from qrig.cli.numbers import number
from qrig.cli.options import add_network, json_file, load_networks, read_sample, write_json
from qrig.cli.outputs import check_apart
from qrig.errors import UsageError

if TYPE_CHECKING:
    from qrig.measure.energy.battery import BatteryLife, Inference

_SMALL, _LARGE = 1e-9, 1e12


def add_battery(commands: Any) -> None:
    """Add the command to the parser's commands."""
    parser = commands.add_parser(
        "battery", help="say how long a battery lasts with one inference per period"
    )
    positive, zero = partial(number, low=_SMALL, high=_LARGE), partial(number, low=0, high=_LARGE)
    for name, kind, text in (
        ("--capacity-mah", positive, "of the battery"),
        ("--voltage", positive, "of the battery, in volts"),
        ("--period-s", positive, "from one inference to the next"),
        ("--standby-ua", zero, "drawn from the battery between inferences"),
    ):
        parser.add_argument(name, type=kind, required=True, metavar="X", help=text)
    parser.add_argument(
        "--extra-uj",
        type=zero,
        default=0.0,
        metavar="X",
        help="else in a period: a camera, a radio",
    )
    parser.add_argument(
        "--efficiency",
        type=partial(number, low=0.01, high=1),
        default=1.0,
        metavar="X",
        help="of the converter between battery and board, 0.9 for 90 %%",
    )
    parser.add_argument("--energy-uj", type=zero, metavar="X", help="of one inference")
    parser.add_argument("--latency-us", type=zero, metavar="X", help="of one inference")
    parser.add_argument(
        "--run", metavar="RUN", help="take the inference from a run, or the `last` one"
    )
    parser.add_argument("--target", metavar="T", help="model the inference on board@backend")
    parser.add_argument("--input", metavar="FILE", help="an input, not the first sample")
    parser.add_argument(
        "--on", action="append", metavar="BOARD", help="board whose silicon is modelled"
    )
    add_network(parser, repeat=False)
    add_kernels(parser, original=False)
    parser.add_argument("--json", metavar="OUT", help="where the JSON goes; - is standard output")
    parser.add_argument("--runs", metavar="DIR", help="folder of results")
    parser.set_defaults(command=_battery)


def _battery(options: argparse.Namespace) -> int:
    from qrig.measure.energy.battery import BatteryUse, battery_life
    from qrig.runs.battery import battery_document

    out = json_file(options.json)
    check_apart({"--json": out}, options)
    use = BatteryUse(
        options.capacity_mah,
        options.voltage,
        options.period_s,
        options.standby_ua,
        options.extra_uj,
        options.efficiency,
    )
    life = battery_life(use, _inference(options))
    write_json(battery_document(life), out, standard_output=options.json == "-")
    if options.json != "-":
        _show(life)
    return 0


def _inference(options: argparse.Namespace) -> Inference:
    """Return one inference: as given, of a run, or modelled."""
    from qrig.measure.energy.battery import Inference
    from qrig.runs.battery import modelled_inference, recorded_inference

    if options.energy_uj is not None:
        if options.run is not None:
            raise UsageError("expected --energy-uj or --run, found both; leave one out")
        return Inference(options.energy_uj, options.latency_us or 0.0, "as given")
    if options.latency_us is not None:
        raise UsageError("expected --energy-uj with --latency-us, found none; add it")
    if options.run is not None:
        from qrig.reports.store import find_run, load_run, runs_folder

        rows, _ = load_run(find_run(runs_folder(options.runs), options.run))
        return recorded_inference(rows, network=options.network, target=options.target)
    from qrig.runs.bench import check_samples
    from qrig.runs.targets import DEFAULT_TARGETS, find_target

    (target,) = choose_kernels((find_target(options.target or DEFAULT_TARGETS[-1]),), options)
    (loaded,) = load_networks(options)
    if options.input is None:
        check_samples([loaded])
    sample = (
        loaded.samples[0] if options.input is None else read_sample(Path(options.input), loaded)
    )
    return modelled_inference(target, loaded, sample, tuple(options.on or ()))


def _show(life: BatteryLife) -> None:
    """Print the arithmetic, a line per step."""
    for name, text in (*_period_steps(life), *_life_steps(life)):
        print(f"{name:<10} {text}")


def _period_steps(life: BatteryLife) -> list[tuple[str, str]]:
    """Return the steps to what a period takes."""
    use, inference = life.use, life.inference
    capacity = f"{use.capacity_mah:g} mAh x {use.voltage_v:g} V x 3.6 J/(mAh V)"
    busy_s = f"{inference.latency_us * 1e-6:.6g} s"
    standby = f"{use.standby_ua:g} uA x {use.voltage_v:g} V x ({use.period_s:g} s - {busy_s})"
    steps = [
        ("battery", f"{capacity} = {_amount(life.battery_j)} J"),
        (
            "inference",
            f"{_amount(inference.energy_uj)} uJ in {_amount(inference.latency_us / 1e3)} ms",
        ),
        ("", f"({inference.source})"),
    ]
    if use.efficiency < 1:
        steps.append(("converter", _quotient(inference.energy_uj, use.efficiency)))
    if use.extra_uj:
        steps.append(("else", _quotient(use.extra_uj, use.efficiency)))
    return [
        *steps,
        ("standby", f"{standby} = {_amount(life.standby_uj)} uJ"),
        (
            "period",
            f"{_amount(life.period_uj)} uJ in {use.period_s:g} s = {_amount(life.mean_uw)} uW",
        ),
        ("", f"{_amount(life.mean_ua)} uA from the battery; {_shares(life)}"),
    ]


def _life_steps(life: BatteryLife) -> list[tuple[str, str]]:
    """Return the steps from there to how long the battery lasts."""
    from qrig.measure.energy.battery import DAY_S, YEAR_S

    lasts_s = life.lasts_s
    lasts = "for ever: nothing is drawn"
    if lasts_s is not None:
        lasts = (
            f"{_amount(life.battery_j)} J / {_amount(life.mean_uw)} uW = {lasts_s:,.0f} s = "
            f"{lasts_s / DAY_S:,.1f} days = {lasts_s / YEAR_S:,.2f} years"
        )
    verdict = "it lasts" if life.year_mah <= life.use.capacity_mah else "it does not last"
    count = f"{YEAR_S / life.use.period_s:,.0f} inferences"
    return [
        ("lasts", lasts),
        ("a year", f"{count} take {_amount(life.year_mah)} mAh: {verdict}"),
        ("left out", "self-discharge, ageing and temperature of the battery"),
    ]


def _amount(value: float) -> str:
    """Return a number with as many digits as one wants to read."""
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:,.5g}"


def _quotient(energy_uj: float, efficiency: float) -> str:
    return f"{_amount(energy_uj)} uJ / {efficiency:g} = {_amount(energy_uj / efficiency)} uJ"


def _shares(life: BatteryLife) -> str:
    """Return what takes how much of a period."""
    if not life.period_uj:
        return "of nothing"
    parts = (
        ("inference", life.inference_uj),
        ("else", life.extra_uj),
        ("standby", life.standby_uj),
    )
    return ", ".join(f"{name} {part / life.period_uj:.1%}" for name, part in parts if part)
