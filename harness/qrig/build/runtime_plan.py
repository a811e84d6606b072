"""The memory plan of a network that is loaded at run time: what firmware/runtime lays out.

The firmware lays its arena out by itself; this says where, for people, and how much that takes. The
sum is what the firmware answers when it loads the file.
"""

from __future__ import annotations

from collections.abc import Iterator

from qrig.boards.board import Board
from qrig.codegen.memory_plan import MemoryPlan, PlannedBuffer
from qrig.codegen.plan import scratch_bytes
from qrig.fixedpoint.quantized import QuantizedLayer, QuantizedNetwork, QuantizedReLU

_ALIGNMENT = 8
_LAYER_BYTES, _LAYER_BYTES_NATIVE = 24, 32
_RECORD_BYTES = 16


def runtime_plan(network: QuantizedNetwork, board: Board, file_bytes: int) -> MemoryPlan:
    """Return the plan of `network` in the arena of a resident firmware.

    `file_bytes` is the size of its file if that lies in the arena, too, else 0.
    """
    layers = [layer for layer in network.layers if layer.type != "softmax"]
    first, last = network.input.name, network.stages[-1].name
    table = len(layers) * (_LAYER_BYTES_NATIVE if board.is_native else _LAYER_BYTES)
    records = (len(layers) + 2) * _RECORD_BYTES
    begin = _aligned(file_bytes) + _aligned(table)
    tensors_bytes = max(_aligned(network.input.shape.size), *map(_needed, layers))
    end = begin + tensors_bytes
    pixels, output = network.input.shape.size, layers[-1].out_shape.size
    behind = [("records", records), ("pixels", pixels), ("result", output)]
    buffers = [PlannedBuffer("file", file_bytes, first, last, 0)] if file_bytes else []
    buffers.append(PlannedBuffer("table of layers", table, first, last, _aligned(file_bytes)))
    buffers += _tensors(network, layers, begin, tensors_bytes)
    for name, size_bytes in behind:
        buffers.append(PlannedBuffer(name, size_bytes, first, last, end))
        end += _aligned(size_bytes)
    return MemoryPlan(tuple(buffers), end)


def _aligned(size_bytes: int) -> int:
    return -(-size_bytes // _ALIGNMENT) * _ALIGNMENT


def _needed(layer: QuantizedLayer) -> int:
    """Return what a layer needs while it is computed; a ReLU works in place."""
    out = _aligned(layer.out_shape.size)
    if isinstance(layer, QuantizedReLU):
        return out
    return out + _aligned(layer.in_shape.size) + _aligned(scratch_bytes(layer))


def _tensors(
    network: QuantizedNetwork, layers: list[QuantizedLayer], begin: int, size_bytes: int
) -> Iterator[PlannedBuffer]:
    """Yield tensors, which lie at either end of their memory in turn, and scratch between them."""
    name, shape, offset, needed_from = network.input.name, network.input.shape, begin, 0
    stages = [network.input.name, *(layer.name for layer in layers)]
    for stage, layer in enumerate(layers, 1):
        if isinstance(layer, QuantizedReLU):
            continue
        yield PlannedBuffer(name, shape.size, stages[needed_from], layer.name, offset)
        is_first = offset == begin
        out_bytes = _aligned(layer.out_shape.size)
        target = begin + size_bytes - out_bytes if is_first else begin
        if scratch := scratch_bytes(layer):
            place = begin + _aligned(shape.size) if is_first else begin + out_bytes
            yield PlannedBuffer(f"{layer.name} scratch", scratch, layer.name, layer.name, place)
        name, shape, offset, needed_from = layer.name, layer.out_shape, target, stage
    yield PlannedBuffer(name, shape.size, stages[needed_from], stages[-1], offset)
