"""What fixed point costs at every layer: range, saturation, noise, accuracy before and after."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from attrs import frozen

from qrig.fixedpoint.quantized import Int8Array, QuantizedNetwork
from qrig.fixedpoint.semantics import DEFAULT, Semantics
from qrig.networks.graph import FloatArray
from qrig.quantize.calibration import Calibration, Labels, accuracy
from qrig.quantize.float_pass import float_layer
from qrig.quantize.images import batches
from qrig.quantize.magnitudes import WEIGHTED
from qrig.quantize.simulate import QUANTIZED_WEIGHTED, simulate

MAX_DECIBELS = 200.0
"""Written for a tensor that is exact."""


@frozen
class LayerJudgement:
    """What fixed point costs at one layer.

    `smallest` and `largest` bound the float output over all images. `saturated` is the share of
    output values beyond the format's range and `weight_saturated` that of the weights, in percent;
    `sqnr_db` compares the output with the float output, `weight_sqnr_db` the weights.
    `accuracy_before` and `accuracy_after` are those of the network whose layers are in fixed point
    up to the one before, and up to this one, the rest in float.
    """

    name: str
    type: str
    smallest: float
    largest: float
    weight_format: str | None
    bias_format: str | None
    format: str
    weight_saturated: float | None
    saturated: float
    weight_sqnr_db: float | None
    sqnr_db: float
    accuracy_before: float
    accuracy_after: float


def format_text(bits: int) -> str:
    """Return "Qm.n" for n fractional bits of 8."""
    return f"Q{7 - bits}.{bits}"


def judge_layers(
    calibration: Calibration, network: QuantizedNetwork, semantics: Semantics = DEFAULT
) -> tuple[LayerJudgement, ...]:
    """Judge input and layers up to the logits: accuracy on the images candidates are judged on."""
    labels = calibration.labels[calibration.judged]
    exact = simulate(network, calibration.images[calibration.judged], semantics, keep=True)
    near = simulate(network, calibration.images[calibration.close], semantics, keep=True)
    before = accuracy(calibration.logits[calibration.judged], labels)
    rows = []
    for index, stage in enumerate(network.stages[: network.logits_stage + 1]):
        after = _mixed_accuracy(calibration, network, exact, index, labels)
        rows.append(_row(calibration, network, index, near[stage.name], (before, after)))
        before = after
    return tuple(rows)


def _mixed_accuracy(
    calibration: Calibration,
    network: QuantizedNetwork,
    exact: dict[str, Int8Array],
    index: int,
    labels: Labels,
) -> float:
    """Return the accuracy with stages 0..index in fixed point and the others in float."""
    layers = calibration.network.layers[: network.logits_stage]
    right = 0
    for part in batches(calibration.network, len(labels)):
        tensors = {
            stage.name: exact[stage.name][part] * np.float32(2.0**-stage.fraction_bits)
            for stage in network.stages[: index + 1]
        }
        for layer in layers[index:]:
            tensors[layer.name] = float_layer(layer, [tensors[name] for name in layer.inputs])
        last = tensors[network.stages[network.logits_stage].name]
        right += int((last.reshape(len(last), -1).argmax(axis=1) == labels[part]).sum())
    return 100.0 * right / len(labels)


def _row(
    calibration: Calibration,
    network: QuantizedNetwork,
    index: int,
    tensor: Int8Array,
    accuracies: tuple[float, float],
) -> LayerJudgement:
    stage = network.stages[index]
    floats = calibration.tensors[stage.name]
    weights: dict[str, Any] = dict.fromkeys(
        ("weight_format", "bias_format", "weight_saturated", "weight_sqnr_db")
    )
    if index:
        weights |= _weights(calibration, network, index)
    return LayerJudgement(
        name=stage.name,
        type=stage.type,
        smallest=calibration.smallest[stage.name],
        largest=calibration.positive[stage.name],
        format=format_text(stage.fraction_bits),
        saturated=saturated_share(floats, stage.fraction_bits),
        sqnr_db=sqnr_db(tensor, stage.fraction_bits, floats),
        accuracy_before=accuracies[0],
        accuracy_after=accuracies[1],
        **weights,
    )


def _weights(calibration: Calibration, network: QuantizedNetwork, index: int) -> dict[str, Any]:
    layer, made = calibration.network.layers[index - 1], network.layers[index - 1]
    if not isinstance(layer, WEIGHTED) or not isinstance(made, QUANTIZED_WEIGHTED):
        return {}
    before = {stage.name: stage.fraction_bits for stage in network.stages}[made.inputs[0]]
    accumulator = made.fraction_bits + made.output_shift
    bits = accumulator - before
    return {
        "weight_format": format_text(bits),
        "bias_format": format_text(accumulator - made.bias_shift),
        "weight_saturated": saturated_share(layer.weights, bits),
        "weight_sqnr_db": sqnr_db(made.weights, bits, layer.weights),
    }


def saturated_share(values: FloatArray, bits: int) -> float:
    """Return the percentage of values that round to something beyond 8 bits."""
    steps = np.round(values.astype(np.float64) * 2.0**bits)
    return 100.0 * float(np.mean((steps > 127) | (steps < -128)))


def sqnr_db(integers: npt.NDArray[np.int8], bits: int, values: FloatArray) -> float:
    """Return the signal-to-quantisation-noise ratio 10 log10(sum x^2 / sum (q 2^-n - x)^2).

    At most `MAX_DECIBELS`; zero where there is no signal and noise.
    """
    wide = values.astype(np.float64)
    signal = float(np.square(wide).sum())
    noise = float(np.square(integers * 2.0**-bits - wide).sum())
    if noise == 0:
        return MAX_DECIBELS
    if signal == 0:
        return -MAX_DECIBELS
    return min(MAX_DECIBELS, 10.0 * math.log10(signal / noise))
