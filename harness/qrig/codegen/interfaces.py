"""Which functions generated code may call."""

from __future__ import annotations

QRIG_API, CMSIS_NN_API = APIS = ("qrig", "cmsis-nn")
"""Our kernels; or the functions of ARM's legacy CMSIS-NN alone, as 5.9.0 declares them."""
