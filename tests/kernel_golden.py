"""ARM's golden vectors as calls: inputs, and what each form of a kernel must answer."""

import functools
import json
from typing import Any, NamedTuple

from qrig.fixedpoint.semantics import DEFAULT, Semantics
from qrig.measure.kernel_baseline import Baseline, read_baseline
from qrig.measure.kernel_calls import Parameters
from real_models import MODELS

POOLING_C = Semantics(pooling="c")
SOFTMAX_5_4 = Semantics(softmax="5.4")
TRUNCATE = Semantics(truncate=True)


class Golden(NamedTuple):
    """A call with its numbers, and what comes out of it for some semantics."""

    name: str
    parameters: Parameters
    x: list[int]
    w: list[int]
    b: list[int]
    outputs: dict[Semantics, list[int]]


@functools.cache
def baseline() -> Baseline:
    """ARM's measurements; empty where the real models are not at hand."""
    if MODELS is None:
        return Baseline((), ())
    return read_baseline(MODELS / "golden" / "cmsis_nn_590_benchmark.json")


@functools.cache
def golden() -> dict[str, list[Golden]]:
    """The golden vectors by kind; empty where the real models are not at hand."""
    if MODELS is None:
        return {}
    vectors = json.loads((MODELS / "golden" / "cmsis_nn_q7_vectors.json").read_text())
    return {
        "conv_square": [_convolution(v["fn"], v) for v in vectors["conv_square"]],
        "conv_nonsquare": [_convolution(v["fn"], v) for v in vectors["conv_nonsquare"]],
        "depthwise": [
            _convolution(
                "arm_depthwise_separable_conv_HWC_q7", v | {"ch_in": v["ch"], "ch_out": v["ch"]}
            )
            for v in vectors["depthwise"]
        ],
        "fc": [call for v in vectors["fc"] for call in _connected(v)],
        "pool": [call for v in vectors["pool"] for call in _pools(v)],
        "softmax_q7": [_softmax_q7(v) for v in vectors["softmax_q7"]],
        "softmax_q15": [
            _plain("arm_softmax_q15", {"dim_vec": len(v["x"])}, v) for v in vectors["softmax_q15"]
        ],
        "relu_q7": [_plain("arm_relu_q7", {"size": len(v["x"])}, v) for v in vectors["relu_q7"]],
        "activations_q7": [
            _activation(7, v | {"x": range(-128, 128)}) for v in vectors["activations_q7"]
        ],
        "activations_q15": [
            _activation(15, v | {"x": range(-32768, 32768, 97)}) for v in vectors["activations_q15"]
        ],
    }


def forms() -> list[tuple[str, Semantics]]:
    """Return every kind of vector with every semantics it has outputs for."""
    found = {
        (kind, semantics): None
        for kind, vectors in golden().items()
        for vector in vectors
        for semantics in vector.outputs
    }
    return list(found)


_CONVOLUTION = {
    "dim_in": "dim_im_in",
    "ch_in": "ch_im_in",
    "ch_out": "ch_im_out",
    "k": "dim_kernel",
    "pad": "padding",
    "stride": "stride",
    "dim_out": "dim_im_out",
    "bias_shift": "bias_shift",
    "out_shift": "out_shift",
}


def _named(v: dict[str, Any]) -> dict[str, int]:
    """Return the parameters of a vector under the names of ARM's headers."""
    axes = {f"k{axis}": f"dim_kernel_{axis}" for axis in "xy"}
    for short, long in _CONVOLUTION.items():
        axes |= {f"{short}_{axis}": f"{long}_{axis}" for axis in "xy"}
    return {long: v[short] for short, long in (*_CONVOLUTION.items(), *axes.items()) if short in v}


def _convolution(name: str, v: dict[str, Any]) -> Golden:
    return Golden(name, _named(v), v["x"], v["w"], v["b"], {DEFAULT: v["y"]})


def _connected(v: dict[str, Any]) -> list[Golden]:
    parameters = {key: v[key] for key in ("bias_shift", "out_shift")}
    parameters |= {"dim_vec": v["cols"], "num_of_rows": v["rows"]}
    names = ("arm_fully_connected_q7", "arm_fully_connected_q7_opt")
    return [Golden(name, parameters, v["x"], v["w"], v["b"], {DEFAULT: v["y"]}) for name in names]


def _pools(v: dict[str, Any]) -> list[Golden]:
    parameters = _named(v) | {"ch_im_in": v["ch"]}
    return [
        Golden(
            f"arm_{kind}pool_q7_HWC",
            parameters,
            v["x"],
            [],
            [],
            {DEFAULT: v[f"{kind}_dsp"], POOLING_C: v[f"{kind}_plain_c"]},
        )
        for kind in ("max", "ave")
    ]


def _plain(name: str, parameters: Parameters, v: dict[str, Any]) -> Golden:
    return Golden(name, parameters, list(v["x"]), [], [], {DEFAULT: v["y"]})


def _softmax_q7(v: dict[str, Any]) -> Golden:
    outputs = {DEFAULT: v["y_5_8_5_9"], SOFTMAX_5_4: v["y_5_4_to_5_6"]}
    return Golden("arm_softmax_q7", {"dim_vec": len(v["x"])}, v["x"], [], [], outputs)


def _activation(bits: int, v: dict[str, Any]) -> Golden:
    kind = {"sigmoid": 0, "tanh": 1}[v["type"]]
    parameters = {"size": len(v["x"]), "int_width": v["int_width"], "type": kind}
    return _plain(f"arm_nn_activations_direct_q{bits}", parameters, v)
