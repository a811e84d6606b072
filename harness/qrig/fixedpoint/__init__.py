"""Fixed-point formats and quantised networks."""

from qrig.fixedpoint.formats import Formats, LayerFormat, read_formats
from qrig.fixedpoint.quantized import QuantizedNetwork
from qrig.fixedpoint.semantics import Semantics

__all__ = ["Formats", "LayerFormat", "QuantizedNetwork", "Semantics", "read_formats"]
