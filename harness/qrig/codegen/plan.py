"""Static memory of a deployment: two activation buffers, a scratch buffer, weights."""

from __future__ import annotations

from attrs import frozen

from qrig.fixedpoint.quantized import (
    QuantizedConvolution,
    QuantizedInnerProduct,
    QuantizedLayer,
    QuantizedNetwork,
)

IN_PLACE_TYPES = frozenset({"relu", "softmax"})
"""Layers that overwrite their input."""


@frozen
class MemoryPlan:
    """Sizes in bytes, and the buffer (0 or 1) that holds each stage's tensor.

    Tensors change buffers from layer to layer, so each buffer is as large as the largest tensor it
    ever holds; `scratch_bytes` is the largest scratch buffer a kernel asks for.
    """

    buffer_bytes: tuple[int, int]
    scratch_bytes: int
    buffer_of_stage: tuple[int, ...]
    weight_bytes: int
    mean_bytes: int
    input_bytes: int
    output_bytes: int

    @property
    def ram_bytes(self) -> int:
        """RAM of the buffers, without code's own variables and the stack."""
        return sum(self.buffer_bytes) + self.scratch_bytes + self.input_bytes + self.output_bytes

    @property
    def flash_bytes(self) -> int:
        """Constants in flash, without code."""
        return self.weight_bytes + self.mean_bytes


def plan_memory(network: QuantizedNetwork) -> MemoryPlan:
    """Lay out the static memory of `network`."""
    buffers = [network.input.shape.size, 0]
    current, assigned = 0, [0]
    for layer in network.layers:
        if layer.type not in IN_PLACE_TYPES:
            current = 1 - current
        buffers[current] = max(buffers[current], layer.out_shape.size)
        assigned.append(current)
    return MemoryPlan(
        buffer_bytes=(buffers[0], buffers[1]),
        scratch_bytes=max([_scratch_bytes(layer) for layer in network.layers], default=0),
        buffer_of_stage=tuple(assigned),
        weight_bytes=sum(_weight_bytes(layer) for layer in network.layers),
        mean_bytes=2 * network.input.mean.size,
        input_bytes=network.input.shape.size,
        output_bytes=network.stages[-1].out_shape.size,
    )


def _scratch_bytes(layer: QuantizedLayer) -> int:
    """Return what the kernel's `_buffer_bytes` companion returns."""
    if isinstance(layer, QuantizedConvolution):
        return 4 * layer.in_shape.c * layer.kernel.y * layer.kernel.x
    if isinstance(layer, QuantizedInnerProduct):
        return 2 * layer.in_shape.size
    return 0


def _weight_bytes(layer: QuantizedLayer) -> int:
    if isinstance(layer, QuantizedConvolution | QuantizedInnerProduct):
        return int(layer.weights.size + layer.bias.size)
    return 0
