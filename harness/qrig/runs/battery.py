"""How long a battery lasts: the figures of an inference, and the arithmetic as a document."""

from __future__ import annotations

from typing import Any

import pandas as pd

from qrig.boards import Board
from qrig.datasets import Sample
from qrig.errors import UsageError
from qrig.measure.energy.battery import DAY_S, YEAR_S, BatteryLife, Inference
from qrig.measure.energy.model import EnergyModel, energy_model
from qrig.measure.rows import LayerResult
from qrig.runs.modelled import SUFFIXES, modelled_boards
from qrig.runs.networks import LoadedNetwork
from qrig.runs.profile import profile_cell
from qrig.runs.targets import Target

SCHEMA = "qrig-battery/1"
"""The `schema` of the document."""


def modelled_inference(
    target: Target, loaded: LoadedNetwork, sample: Sample, on: tuple[str, ...] = ()
) -> Inference:
    """Profile `sample` on `target` and return what the models make of it.

    Cycles are those of the timing model of the target's core, on the board among `on` of that core
    or the usual one; energy is theirs times that of a cycle there. Raises UsageError if the board
    has no [power] or the cycles are not known; TargetError, BuildError.
    """
    boards = modelled_boards(target, on)
    suffix = SUFFIXES.get(target.board.core, "")
    if suffix not in boards:
        raise UsageError(
            f"{target.name}: expected a Cortex-M target, found core {target.board.core}; choose "
            "another with --target"
        )
    model = required_model(boards[suffix])
    layers = profile_cell(target, loaded, sample, boards).layers
    return inference_of(layers, suffix, model)


def required_model(board: Board) -> EnergyModel:
    """Return the energy model of `board`; raises UsageError if it has none."""
    model = energy_model(board)
    if model is None:
        raise UsageError(
            f"{board.name}: expected a board with a [power] table, found none; add it to its "
            "board.toml, choose another board with --on, or give --energy-uj and --latency-us"
        )
    return model


def inference_of(layers: tuple[LayerResult, ...], suffix: str, model: EnergyModel) -> Inference:
    """Return the energy and latency of one inference by the models; raises UsageError.

    `suffix` is that of the timing model's columns: "m4" or "m7".
    """
    own = [layer.model for layer in layers if layer.computed_with is None]
    names = f"model_cycles_{suffix}", f"model_latency_us_{suffix}"
    if not own or not all(name in each for each in own for name in names):
        raise UsageError(
            "expected model cycles of every layer, found layers without; the target must take "
            "profiles with memory counts (QEMU does)"
        )
    cycles, latency_us = (sum(each[name] for each in own) for name in names)
    return Inference(model.energy_uj(cycles), latency_us, f"{cycles:,.0f} model cycles, {model}")


def recorded_inference(
    rows: pd.DataFrame, *, network: str | None = None, target: str | None = None
) -> Inference:
    """Return the energy and latency of one inference out of a run's rows.

    Measured energy goes before modelled energy, silicon's latency before a model's; both are means
    over the inputs that have them. Raises UsageError if it is not clear whose, or if energies are
    missing.
    """
    chosen = _chosen(_chosen(rows, "network", network), "target", target)
    own = chosen[chosen["computed_with"].isna()]
    suffix = SUFFIXES.get(str(own["core"].iloc[0]), "m7")
    for energy in ("energy_uj", "model_energy_uj"):
        energy_uj = _mean_sum(own, energy)
        if energy_uj is None:
            continue
        latency_us = _mean_sum(own, "latency_us") or _mean_sum(own, f"model_latency_us_{suffix}")
        if latency_us is not None:
            source = energy.replace("_uj", "_source")
            return Inference(energy_uj, latency_us, f"{energy}: {own[source].dropna().iloc[0]}")
    raise UsageError(
        "expected energy and latency of every layer of an inference in the run, found layers "
        "without; measure them (`qrig bench --power METER`), or give --energy-uj and --latency-us"
    )


def _chosen(rows: pd.DataFrame, column: str, wanted: str | None) -> pd.DataFrame:
    """Return the rows of one network or target."""
    found = sorted(map(str, rows[column].dropna().unique()))
    if wanted is None and len(found) == 1:
        return rows
    if wanted not in found:
        raise UsageError(
            f"expected one {column} out of the run ({', '.join(found) or 'none'}), found "
            f"{wanted or 'no choice'}; give --{column}"
        )
    return rows[rows[column] == wanted]


def _mean_sum(rows: pd.DataFrame, column: str) -> float | None:
    """Return the sum over an inference's layers, the mean over the inputs that have it of all.

    None if there is none: energy is measured and modelled at the first input alone.
    """
    if column not in rows.columns or rows.empty:
        return None
    inputs = rows.groupby("input_index")[column]
    sums = inputs.sum()[inputs.count() == inputs.size()]
    return None if sums.empty else float(sums.mean())


def battery_document(life: BatteryLife) -> dict[str, Any]:
    """Return the arithmetic as a document; `lasts_*` are null if nothing is drawn."""
    use, lasts_s = life.use, life.lasts_s
    return {
        "schema": SCHEMA,
        "capacity_mah": use.capacity_mah,
        "voltage_v": use.voltage_v,
        "period_s": use.period_s,
        "standby_ua": use.standby_ua,
        "efficiency": use.efficiency,
        "inference": {
            "energy_uj": life.inference.energy_uj,
            "latency_us": life.inference.latency_us,
            "source": life.inference.source,
        },
        "battery_j": life.battery_j,
        "per_period_uj": {
            "inference": life.inference_uj,
            "extra": life.extra_uj,
            "standby": life.standby_uj,
            "total": life.period_uj,
        },
        "standby_s": life.standby_s,
        "mean_uw": life.mean_uw,
        "mean_ua": life.mean_ua,
        "year_mah": life.year_mah,
        "lasts_s": lasts_s,
        "lasts_days": None if lasts_s is None else lasts_s / DAY_S,
        "lasts_years": None if lasts_s is None else lasts_s / YEAR_S,
        "left_out": ["self-discharge", "ageing", "temperature"],
    }
