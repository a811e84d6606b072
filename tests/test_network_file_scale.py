"""The input scale of `.network` files: exact as it stands, and as OpenMV's converter meant it."""

import numpy as np
import pytest

from oracle import sat8
from qrig.errors import FileFormatError, UnsupportedNetworkError, UsageError
from qrig.fixedpoint.network_file import CORRECT, HISTORICAL, semantics_of
from qrig.fixedpoint.network_file.input_scale import read_scale, written_scale
from qrig.fixedpoint.quantized import QuantizedInput
from qrig.fixedpoint.semantics import DEFAULT, OPENMV
from qrig.networks.graph import Shape
from qrig.reference.preprocess import preprocess

SHAPE = Shape(1, 256, 1)
PIXELS = np.arange(256, dtype=np.uint8).reshape(SHAPE)


def source(factor: tuple[int, int], mean: int = 0, bits: int = 0) -> QuantizedInput:
    return QuantizedInput("data", SHAPE, "gray", np.array([mean], np.int16), *factor, bits)


@pytest.mark.parametrize("scale", range(1, 32))
def test_a_scale_as_it_stands_is_exact(scale: int) -> None:
    found = read_scale(scale, "x", dialect=HISTORICAL)
    assert (found.shift, found.fraction_bits, found.notice) == (scale, 7 - scale, None)
    for mean in (0, 33, 128, -1023, 1023):
        given = source(found.factor, mean)
        expected = [sat8((((v - mean) * 128) + (1 << (scale - 1))) >> scale) for v in range(256)]
        assert preprocess(PIXELS, given).ravel().tolist() == expected
        assert written_scale(given, compat=False, dialect=HISTORICAL) == scale


def test_both_dialects_take_a_plausible_scale_as_it_stands() -> None:
    for scale in range(4, 32):
        assert read_scale(scale, "x") == read_scale(scale, "x", dialect=HISTORICAL)


@pytest.mark.parametrize(("scale", "shift"), [(1, 8), (2, 9), (3, 10)])
def test_an_impossible_scale_is_taken_as_openmvs_for_mnist(scale: int, shift: int) -> None:
    found = read_scale(scale, "net.network")
    assert (found.shift, found.fraction_bits) == (shift, 8 - scale)
    assert found.notice is not None
    assert found.notice.startswith(f"net.network: the input scale {scale} would leave")
    assert f"which is {shift};" in found.notice
    assert read_scale(scale, "x", dialect=HISTORICAL).shift == scale


@pytest.mark.parametrize("dialect", [CORRECT, HISTORICAL])
@pytest.mark.parametrize("bits", range(-8, 8))
def test_a_factor_undoes_what_the_converter_did(dialect: str, bits: int) -> None:
    """The converter wrote 8 - n; what is right is 7 - n - log2(T)."""
    for power in range(-16, 4):
        right = 7 - bits - power
        if 1 <= right <= 31:
            _check_factor(dialect, bits, power, right)
            continue
        with pytest.raises(UsageError, match=f"a shift of {right} instead of 1 to 31"):
            read_scale(8 - bits, "x", dialect=dialect, factor=2.0**power)


def _check_factor(dialect: str, bits: int, power: int, right: int) -> None:
    found = read_scale(8 - bits, "x", dialect=dialect, factor=2.0**power)
    assert (found.shift, found.fraction_bits, found.notice) == (right, bits, None)
    given = source(found.factor, bits=found.fraction_bits)
    assert written_scale(given, compat=True) == 8 - bits
    assert written_scale(given, compat=False, dialect=HISTORICAL) == right


@pytest.mark.parametrize("scale", [0, -1, 32, 1 << 31])
def test_a_scale_that_is_none_is_refused(scale: int) -> None:
    for dialect in (CORRECT, HISTORICAL):
        with pytest.raises(FileFormatError, match=f"1 to 31, found {scale};"):
            read_scale(scale, "x", dialect=dialect)


@pytest.mark.parametrize("factor", [3.0, 1 / 255, 0.9999999])
def test_a_factor_that_is_no_power_of_two_is_refused(factor: float) -> None:
    with pytest.raises(UsageError, match="a scale that is a power of two"):
        read_scale(8, "x", factor=factor)


@pytest.mark.parametrize(
    ("factor", "bits", "compat", "expected"),
    [
        ((181, 10), 0, False, r"a power of two, which is all that a .network file"),
        ((16, 0), 0, False, "4 to 31 in a .network file, found 3"),
        ((1, 25), 0, False, "4 to 31 in a .network file, found 32"),
        ((1, 0), 8, True, "1 to 31 in a .network file, found 0"),
        ((1, 0), -24, True, "1 to 31 in a .network file, found 32"),
    ],
)
def test_an_input_that_no_file_can_hold_is_refused(
    factor: tuple[int, int], bits: int, compat: bool, expected: str
) -> None:
    with pytest.raises(UnsupportedNetworkError, match=expected):
        written_scale(source(factor, bits=bits), compat=compat)


def test_dialects_say_what_is_computed() -> None:
    assert semantics_of(CORRECT) == DEFAULT
    assert semantics_of(HISTORICAL) == OPENMV
    with pytest.raises(UsageError, match="correct or openmv"):
        semantics_of("swiss")
