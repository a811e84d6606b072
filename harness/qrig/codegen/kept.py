"""Kernels that stay when a network is generated again with other weights: those still exact."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from qrig.codegen.choices import COLUMNS, SLIDING, Choice
from qrig.codegen.choose import is_positive
from qrig.codegen.fast.columns import column_problem
from qrig.codegen.fast.sliding import make_sliding
from qrig.codegen.names import stage_identifiers
from qrig.codegen.record import Record
from qrig.fixedpoint.quantized import QuantizedConvolution, QuantizedNetwork


@frozen
class Kept:
    """The choices that stay, by layer name, and why each of the others cannot."""

    choices: Mapping[str, Choice]
    reasons: Mapping[str, str]


def kept_choices(network: QuantizedNetwork, record: Record, *, truncate: bool = False) -> Kept:
    """Return which kernels of `record` compute `network`, which has the same layers, exactly."""
    names = stage_identifiers(stage.name for stage in network.stages)
    choices: dict[str, Choice] = {}
    reasons: dict[str, str] = {}
    for layer in network.layers:
        if not isinstance(layer, QuantizedConvolution):
            continue
        choice = record.kernels.get(names[layer.name])
        if choice is None:
            reason: str | None = "no kernel is said there"
        else:
            positive = is_positive(network, layer)
            reason = _problem(layer, choice, positive=positive, truncate=truncate)
        if choice is None or reason is not None:
            reasons[layer.name] = str(reason)
        else:
            choices[layer.name] = choice
    return Kept(choices, reasons)


def _problem(
    layer: QuantizedConvolution, choice: Choice, *, positive: bool, truncate: bool
) -> str | None:
    """Return why `layer` cannot be computed exactly by this very kernel, None if it can."""
    if choice.kernel == COLUMNS:
        return column_problem(layer)
    if choice.kernel != SLIDING:
        return None
    made = make_sliding(
        layer, choice.outputs, positive=positive, passes=choice.passes, truncate=truncate
    )
    return made if isinstance(made, str) else None
