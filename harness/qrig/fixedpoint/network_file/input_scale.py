"""The shift of the input in a `.network` file, and the two things it has been taken to mean.

The firmware computes `sat8((((v - mean) * 128) + (1 << (s - 1))) >> s)` of pixel values v: with T
what multiplies the pixels and n the fractional bits of the first tensor, s has to be `7 - n -
log2(T)`. OpenMV's converter wrote `8 - n` instead: half the amplitude where T is 1, and nothing but
black and white where T is 1/256.
"""

from __future__ import annotations

import math

from attrs import frozen

from qrig.errors import FileFormatError, UnsupportedNetworkError, UsageError
from qrig.fixedpoint.network_file.check import MAX_SCALE
from qrig.fixedpoint.network_file.dialects import CORRECT
from qrig.fixedpoint.quantized import QuantizedInput

LEAST_PLAUSIBLE_SCALE = 4
"""Below it pixels eight or more from the mean saturate: no network was trained so."""

_BITS = 7  # a step of v - mean is 2^7 before the shift
_MNIST_POWER = -8  # Caffe's MNIST networks have pixels times 1/256


@frozen
class InputShift:
    """How far pixels less their mean, times 128, are shifted to the right, and why.

    `fraction_bits` are the first tensor's. `notice` is for the user, None where there is none.
    """

    shift: int
    fraction_bits: int
    notice: str | None = None

    @property
    def factor(self) -> tuple[int, int]:
        """The multiplier and the shift of a QuantizedInput that gives the same, to the bit."""
        power = _BITS - self.shift
        return (1 << power, 0) if power >= 0 else (1, -power)


def read_scale(
    scale: int, source: str, *, dialect: str = CORRECT, factor: float | None = None
) -> InputShift:
    """Return what `scale` of the file `source` means.

    It is the shift as it stands, unless `factor`, what multiplies the pixels, says that OpenMV's
    converter wrote it, or no network could be meant: then, in the correct dialect, it is taken as
    OpenMV's for MNIST. Raises FileFormatError for a scale of 0, and UsageError for a factor that is
    no power of two or leads to a shift there is not.
    """
    if not 1 <= scale <= MAX_SCALE:
        raise FileFormatError(
            f"{source}: expected a scale of the input of 1 to {MAX_SCALE}, found {scale}; convert "
            "the network again"
        )
    if factor is not None:
        return _historical(scale, source, _power(factor, source))
    if dialect != CORRECT or scale >= LEAST_PLAUSIBLE_SCALE:
        return InputShift(scale, _BITS - scale)
    found = _historical(scale, source, _MNIST_POWER)
    notice = (
        f"{source}: the input scale {scale} would leave little but black and white; it is taken "
        f"as what OpenMV's converter wrote for pixels times 1/256, which is {found.shift}; "
        "--scale gives another factor, --dialect openmv takes it as it stands"
    )
    return InputShift(found.shift, found.fraction_bits, notice)


def written_scale(source: QuantizedInput, *, compat: bool, dialect: str = CORRECT) -> int:
    """Return the scale that a file holds for the input of a network.

    `compat` writes what OpenMV's converter did. Raises UnsupportedNetworkError for what a file
    cannot say, and in the correct dialect for what would be read as something else.
    """
    if compat:
        scale = 8 - source.fraction_bits
    else:
        if source.multiplier & (source.multiplier - 1):
            raise UnsupportedNetworkError(
                f"input {source.name!r}: expected a scale that is a power of two, which is all "
                f"that a .network file can say, found {source.multiplier} / 2^{source.shift}; "
                "choose the input's format or scale anew"
            )
        scale = _BITS + source.shift - (source.multiplier.bit_length() - 1)
    least = LEAST_PLAUSIBLE_SCALE if dialect == CORRECT and not compat else 1
    if not least <= scale <= MAX_SCALE:
        raise UnsupportedNetworkError(
            f"input {source.name!r}: expected an input scale of {least} to {MAX_SCALE} in a "
            f".network file, found {scale}; choose the input's format or scale anew"
        )
    return scale


def _historical(scale: int, source: str, power: int) -> InputShift:
    bits = 8 - scale
    shift = _BITS - bits - power
    if not 1 <= shift <= MAX_SCALE:
        raise UsageError(
            f"{source}: expected a scale of the pixels that goes with the {scale} in the file, "
            f"found 2^{power}, which leads to a shift of {shift} instead of 1 to {MAX_SCALE}; give "
            "another --scale, or none"
        )
    return InputShift(shift, bits)


def _power(factor: float, source: str) -> int:
    """Return log2 of the factor; raises UsageError unless it is a whole number."""
    mantissa, exponent = math.frexp(factor)
    if mantissa != 0.5:
        raise UsageError(
            f"{source}: expected a scale that is a power of two, which is all that a .network file "
            f"can say, found {factor:g}; give one like 1 or 1/256"
        )
    return exponent - 1
