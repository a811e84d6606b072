"""Formats where branches join: what follows, what is the default, what is refused."""

import json
import math
from pathlib import Path

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from float_networks import FloatMaker
from qrig.errors import FileFormatError, UnsupportedNetworkError
from qrig.fixedpoint import Formats, LayerFormat, QuantizedNetwork, read_formats
from qrig.fixedpoint.branches import concat_shifts, is_sum_in_range, sum_bits, sum_shifts
from qrig.fixedpoint.convert import quantize_network
from qrig.fixedpoint.formats import formats_document
from qrig.fixedpoint.quantized import (
    MAX_ELTWISE_SUM,
    QuantizedConcat,
    QuantizedEltwiseSum,
    QuantizedLayer,
    QuantizedSigmoid,
    QuantizedTanH,
)
from qrig.networks.forward import forward
from qrig.networks.graph import Convolution, Eltwise, Network, Shape
from qrig.reference import run_reference

SHAPE = Shape(3, 4, 2)


def _two(join: str, *, again: bool = False) -> Network:
    """Two convolutions and what joins them, or what follows the first one."""
    maker = FloatMaker(3, SHAPE)
    a = maker.convolution(1, 2, source="data")
    b = maker.convolution(1, 2, source="data")
    if join == "concat":
        maker.concat(a, b, "data")
    elif join == "sum":
        maker.add(a, b, *[a] * again)
    else:
        (maker.sigmoid if join == "sigmoid" else maker.tanh)(a)
    return maker.network("two")


def _formats(a: int, b: int, joined: LayerFormat | None = None, *, name: str = "") -> Formats:
    def conv(bits: int) -> LayerFormat:  # as many bits as the accumulator has: no shift
        return LayerFormat(bits - 6, None, bits)

    layers = {"data": LayerFormat(None, None, 6), "conv0": conv(a), "conv1": conv(b)}
    if joined is not None:
        layers[name] = joined
    return Formats(layers, "data", source="formats.json")


def _without_bias(network: Network) -> Network:
    layers = tuple(
        attrs.evolve(layer, bias=layer.bias * 0) if isinstance(layer, Convolution) else layer
        for layer in network.layers
    )
    return attrs.evolve(network, layers=layers)


def _joined(join: str, formats: Formats, *, again: bool = False) -> QuantizedLayer:
    return quantize_network(_without_bias(_two(join, again=again)), formats).layers[-1]


@pytest.mark.parametrize(
    ("a", "b", "bits", "shifts"),
    [(6, 6, 6, (0, 0, 0)), (7, 4, 4, (3, 0, 2)), (8, 9, 6, (2, 3, 0)), (-2, 12, -2, (0, 14, 8))],
)
def test_a_concat_has_the_fewest_bits_of_its_inputs(
    a: int, b: int, bits: int, shifts: tuple[int, ...]
) -> None:
    layer = _joined("concat", _formats(a, b))
    assert isinstance(layer, QuantizedConcat)
    assert (layer.fraction_bits, layer.input_shifts) == (bits, shifts)
    assert layer.in_shapes == (SHAPE, SHAPE, SHAPE)
    assert layer.out_shape == Shape(3, 4, 6)
    stated = _formats(a, b, LayerFormat(activation_fraction_bits=bits), name="concat2")
    assert _joined("concat", stated).fraction_bits == bits


@pytest.mark.parametrize(
    ("a", "b", "again", "bits"),
    [(5, 5, False, 4), (5, 5, True, 3), (7, 3, False, 2), (7, 3, True, 2), (-3, -3, False, -4)],
)
def test_a_sum_without_a_format_just_does_not_saturate(
    a: int, b: int, again: bool, bits: int
) -> None:
    layer = _joined("sum", _formats(a, b), again=again)
    assert isinstance(layer, QuantizedEltwiseSum)
    assert layer.fraction_bits == bits
    assert layer.input_shifts == (max(a, b) - a, max(a, b) - b, max(a, b) - a)[: 2 + again]
    assert layer.output_shift == max(a, b) - bits
    reach = sum(128 << shift for shift in layer.input_shifts)
    assert reach >> layer.output_shift <= 128 < reach >> (layer.output_shift - 1)


@pytest.mark.parametrize(("bits", "output_shift"), [(7, 0), (5, 2), (-9, 16)])
def test_a_sum_keeps_the_format_it_is_given(bits: int, output_shift: int) -> None:
    entry = LayerFormat(activation_fraction_bits=bits, output_shift=output_shift)
    layer = _joined("sum", _formats(7, 6, entry, name="sum2"))
    assert isinstance(layer, QuantizedEltwiseSum)
    assert (layer.fraction_bits, layer.output_shift) == (bits, output_shift)
    assert layer.input_shifts == (0, 1)


@settings(max_examples=40)
@given(st.lists(st.integers(-20, 20), min_size=1, max_size=9))
def test_defaults_are_the_finest_that_hold_everything(in_bits: list[int]) -> None:
    bits = sum_bits(in_bits)
    reach = math.fsum(128 * 2.0**-each for each in in_bits)
    assert reach <= 128 * 2.0**-bits < 2 * reach
    assert bits <= min(in_bits)
    shifts = sum_shifts(in_bits)
    assert {each + shift for each, shift in zip(in_bits, shifts, strict=True)} == {max(in_bits)}
    assert is_sum_in_range(shifts) == (sum(128 << shift for shift in shifts) <= MAX_ELTWISE_SUM)
    assert all(shift >= 0 for shift in concat_shifts(in_bits))


@pytest.mark.parametrize("kind", ["sigmoid", "tanh"])
@pytest.mark.parametrize("bits", [4, 5, 6, 7])
def test_tables_read_four_to_seven_bits(kind: str, bits: int) -> None:
    layer = _joined(kind, _formats(bits, 6))
    assert isinstance(layer, QuantizedSigmoid if kind == "sigmoid" else QuantizedTanH)
    assert (layer.int_width, layer.fraction_bits) == (7 - bits, 7)


@pytest.mark.parametrize("kind", ["sigmoid", "tanh"])
@pytest.mark.parametrize("bits", [3, 8, -1, 20])
def test_tables_refuse_other_inputs(kind: str, bits: int) -> None:
    expected = (
        rf"formats.json: layer '{kind}2': expected an input of 4 to 7 fractional bits, as the "
        rf"table of a {kind} has them, found {bits}; choose such a format for 'conv0'"
    )
    with pytest.raises(UnsupportedNetworkError, match=expected):
        _joined(kind, _formats(bits, 6))


@pytest.mark.parametrize(
    ("join", "a", "b", "entry", "message"),
    [
        ("concat", 6, 4, LayerFormat(None, None, 6),
         r"layer 'concat2': expected 4 fractional bits \(the fewest of its inputs\), found 6"),
        ("concat", 6, 40, None,
         r"formats lie at most 31 bits apart, found 6, 40, 6 fractional bits; choose"),
        ("tanh", 6, 4, LayerFormat(None, None, 6),
         r"layer 'tanh2': expected 7 fractional bits \(its values lie between -1 and 1\), found 6"),
        ("sum", 6, 4, LayerFormat(None, None, 7),
         r"layer 'sum2': expected a output_shift of 0 to 31, found -1; choose formats with fewer"),
        ("sum", 6, 4, LayerFormat(None, None, -26), "expected a output_shift of 0 to 31, found 32"),
        ("sum", 6, 29, None,
         r"expected inputs whose sum reaches at most 1,073,741,824 steps of the finest, "
         r"found 6, 29 fractional bits"),
    ],
)  # fmt: skip
def test_formats_that_cannot_be(
    join: str, a: int, b: int, entry: LayerFormat | None, message: str
) -> None:
    with pytest.raises(UnsupportedNetworkError, match=message):
        _joined(join, _formats(a, b, entry, name=f"{join}2"))


def test_the_farthest_formats_that_can_be() -> None:
    layer = _joined("sum", _formats(6, 28, LayerFormat(None, None, 6), name="sum2"))
    assert isinstance(layer, QuantizedEltwiseSum)
    assert layer.input_shifts == (22, 0)


def test_a_stated_shift_must_follow() -> None:
    entry = LayerFormat(activation_fraction_bits=4, output_shift=3)
    expected = r"layer 'sum2': expected output_shift 2, which follows from the formats, found 3"
    with pytest.raises(FileFormatError, match=expected):
        _joined("sum", _formats(6, 6, entry, name="sum2"))


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"operation": "product"}, "found a product; nothing else"),
        ({"operation": "max"}, "found a max; nothing else"),
        ({"coefficients": (1.0, -1.0)}, "found a sum with coefficients 1, -1; nothing else"),
    ],
)
def test_other_operations_are_refused(changes: dict[str, object], found: str) -> None:
    network = _without_bias(_two("sum"))
    last = network.layers[-1]
    assert isinstance(last, Eltwise)
    last = attrs.evolve(last, **changes, source="net.prototxt:12")  # type: ignore[arg-type]
    with pytest.raises(UnsupportedNetworkError, match=rf"net.prototxt:12: layer 'sum2'.*{found}"):
        quantize_network(attrs.evolve(network, layers=(*network.layers[:-1], last)), _formats(6, 6))


def test_formats_of_joins_survive_a_file(tmp_path: Path) -> None:
    entry = LayerFormat(activation_fraction_bits=5, output_shift=1)
    formats = _formats(6, 5, entry, name="sum2")
    path = tmp_path / "formats.json"
    path.write_text(json.dumps(formats_document(formats)))
    read = read_formats(path)
    assert read.layers == formats.layers
    layer = quantize_network(_without_bias(_two("sum")), read).layers[-1]
    assert isinstance(layer, QuantizedEltwiseSum)
    assert (layer.fraction_bits, layer.output_shift) == (5, 1)


def _error(network: Network, quantized: QuantizedNetwork, seed: int) -> dict[str, float]:
    """Return how far each tensor lies from its float one, in steps of its format."""
    pixels = np.random.default_rng(seed).integers(0, 256, network.input.shape, dtype=np.uint8)
    exact = forward(network, pixels)
    trace = run_reference(quantized, pixels)
    return {
        stage.name: float(np.abs(tensor - exact[stage.name] * 2.0**stage.fraction_bits).max())
        for stage, tensor in zip(quantized.stages, trace.tensors, strict=True)
    }


@pytest.mark.parametrize("seed", range(5))
def test_joins_mean_what_the_float_network_means(seed: int) -> None:
    """Nothing but rounding lies between the two: a step or so of each tensor's format."""
    maker = FloatMaker(seed, SHAPE, spread=0.2)
    conv, table = maker.convolution(1, 2, source="data"), maker.sigmoid()
    other = maker.tanh(maker.convolution(1, 2, source="data"))
    total = maker.add(conv, table, other)
    maker.concat(total, table, "data", conv)
    network = maker.network("joins")
    formats = Formats(
        {
            "data": LayerFormat(None, None, 6),
            "conv0": LayerFormat(7, 7, 6),
            "conv2": LayerFormat(7, 7, 5),
        },
        "data",
    )
    quantized = quantize_network(network, formats)
    assert [layer.fraction_bits for layer in quantized.layers] == [6, 7, 5, 7, 5, 5]
    errors = _error(network, quantized, seed)
    assert errors["conv0"] < 2
    assert errors["sum4"] < 2
    assert errors["concat5"] < 2
    assert max(errors["sigmoid1"], errors["tanh3"]) < 128 / 16 + 2
