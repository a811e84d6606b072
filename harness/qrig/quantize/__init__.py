"""Choosing fixed-point formats for a float network."""

from qrig.quantize.ranges import choose_formats, fraction_bits

__all__ = ["choose_formats", "fraction_bits"]
