"""What the arguments of kernels can hold."""

from __future__ import annotations

from qrig.errors import UnsupportedNetworkError
from qrig.fixedpoint.quantized import QuantizedNetwork

MAX_ARGUMENT = 0xFFFF
"""The kernels' legacy interface has sides, channels and strides of 16 bits."""


def check_arguments(network: QuantizedNetwork) -> None:
    """Check that kernels can be told every shape; raises UnsupportedNetworkError."""
    for stage in network.stages:
        shape = getattr(stage, "out_shape", None) or network.input.shape
        windows = (getattr(stage, name, ()) for name in ("kernel", "stride", "pad"))
        largest = max(*shape, *(side for window in windows for side in window))
        if largest > MAX_ARGUMENT:
            raise UnsupportedNetworkError(
                f"layer {stage.name!r}: expected sides, channels and windows of at most "
                f"{MAX_ARGUMENT:,} each, found {largest:,} (its tensor is {shape}); kernels have "
                "arguments of 16 bits: pool or divide the tensor before"
            )
