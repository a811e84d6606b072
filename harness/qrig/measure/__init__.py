"""Measurements: what a target computed and counted, layer by layer."""

from qrig.measure.compare import Comparison, compare_tensors
from qrig.measure.rows import COLUMNS, SCHEMA_VERSION, LayerResult, rows_of

__all__ = ["COLUMNS", "SCHEMA_VERSION", "Comparison", "LayerResult", "compare_tensors", "rows_of"]
