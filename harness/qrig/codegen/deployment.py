"""What a firmware needs beside the network: the board's addresses and its banner."""

from __future__ import annotations

from qrig import __version__
from qrig.boards.board import Board
from qrig.boards.wiring import wiring_of
from qrig.codegen.budget import (
    DMA_BUFFER_BYTES,
    PLANE_HEAD_BYTES,
    STACK_BYTES,
    STACK_RESERVE_BYTES,
    largest_plane_bytes,
)
from qrig.codegen.generate import render
from qrig.codegen.layout import Layout
from qrig.codegen.names import identifiers

PROTOCOL = "1.1"
"""Major and minor version of the link protocol the firmware speaks."""

MAX_WRITE_BYTES = 512
"""Largest WRITE payload, offset included; at most FRAME_MAX_PAYLOAD of frame.h."""

MAX_READ_BYTES = 4096
"""Largest READ answer, without its status byte."""

STACK_AND_DATA_BYTES = 32_768
"""RAM that a firmware with an arena leaves beside it."""

MAX_TRACE_BYTES = 0x4_0000
"""The largest batch of planes."""

MAX_ARENA_BYTES = 0x8_0000
"""Largest arena of a firmware; ARM's largest measured call of a kernel takes 403 KB."""

MAX_RUNTIME_LAYERS = 1024
"""The most layers of a network that is loaded, as in firmware/runtime/qrig_network.h."""

_PAUSE, _STAGE_CRC, _COUNTER, _RESET, _LOG, _KERNELS, _RUNTIME, _BAUD, _IMAGE, _WINDOWS = (
    1 << bit for bit in range(10)
)
_LINK_BYTES = 0x1000_0000


def generate_deployment(layout: Layout, board: Board, build_id: str) -> dict[str, str]:
    """Return board.h, deployment.h and, where a linker needs it, memory.ld by file name."""
    network = layout.network
    name = identifiers([network.name])[network.name]
    about = {"network": name, "stages": len(network.stages)}
    definitions = {"TRACE_BYTES": _trace_bytes(layout, board)} if layout.groups else {}
    return _generate(board, build_id, _PAUSE | _STAGE_CRC | _WINDOWS, about, definitions)


def _trace_bytes(layout: Layout, board: Board) -> int:
    """Return the size of the batch in which planes are delivered: all of them if RAM is left."""
    planes = [
        (layer.out_shape.c, layer.out_shape.h * layer.out_shape.w + PLANE_HEAD_BYTES)
        for group in layout.groups
        for layer in group.layers
    ]
    wanted = min(sum(count * size for count, size in planes), MAX_TRACE_BYTES)
    if board.memory is not None:
        free = board.memory.data.size_bytes - layout.ram_bytes - STACK_AND_DATA_BYTES
        wanted = min(wanted, free)
    return max(wanted, largest_plane_bytes(layout))


def _arena_bytes(board: Board) -> int:
    """Return the size of an arena that is as large as the board allows."""
    data = board.memory.data.size_bytes if board.memory else MAX_ARENA_BYTES * 2
    return min(MAX_ARENA_BYTES, data - STACK_AND_DATA_BYTES)


def generate_kernel_app(board: Board, build_id: str) -> dict[str, str]:
    """Return the same files for the firmware that calls kernels; a call is its only stage."""
    arena_bytes = _arena_bytes(board)
    definitions = {"ARENA_BYTES": arena_bytes, "OWN_BLOCKS": int(board.is_native)}
    about = {"network": "kernels", "stages": 1, "arena": arena_bytes}
    return _generate(board, build_id, _KERNELS, about, definitions)


def generate_runtime_app(board: Board, build_id: str, store_bytes: int) -> dict[str, str]:
    """Return the same files for the firmware that loads networks, and network_store.S.

    That one holds the file network_store.bin of `store_bytes`, if it is not 0, in flash.
    """
    arena_bytes = _arena_bytes(board)
    about = {
        "network": "runtime",
        "stages": MAX_RUNTIME_LAYERS,
        "arena": arena_bytes,
        "store": store_bytes,
    }
    definitions = {"ARENA_BYTES": arena_bytes}
    capabilities = _PAUSE | _STAGE_CRC | _RUNTIME | _WINDOWS
    files = _generate(board, build_id, capabilities, about, definitions)
    context = {"version": __version__, "store_bytes": store_bytes}
    return files | {"network_store.S": render("network_store.S.j2", context)}


def _generate(
    board: Board,
    build_id: str,
    capabilities: int,
    about: dict[str, object],
    definitions: dict[str, int],
) -> dict[str, str]:
    capabilities |= _RESET | _LOG | (0 if board.is_native else _COUNTER | _IMAGE)
    capabilities |= _BAUD if board.uart is not None and board.uart.fast_baud is not None else 0
    banner = {
        "protocol": PROTOCOL,
        "capabilities": f"{capabilities:08x}",
        "board": board.name,
        "core": board.core,
        "build": build_id,
        "clock_hz": board.clock_hz,
        "counter": _counter(board),
        "max_write": MAX_WRITE_BYTES,
        "max_read": MAX_READ_BYTES,
        **about,
    }
    context = {
        "version": __version__,
        "board": board,
        "wiring": None if board.device is None else wiring_of(board),
        "banner": banner,
        "build_id": build_id,
        "definitions": {"MAX_READ": MAX_READ_BYTES, **definitions},
        "link_bytes": _LINK_BYTES,
        "stack_bytes": STACK_BYTES,
        "stack_reserve_bytes": STACK_RESERVE_BYTES,
        "dma_buffer_bytes": DMA_BUFFER_BYTES,
    }
    files = {name: render(f"{name}.j2", context) for name in ("board.h", "deployment.h")}
    if board.memory is not None:
        files["memory.ld"] = render("memory.ld.j2", context)
    return files


def _counter(board: Board) -> str:
    """Return what the counter counts: cycles of the core, ticks of a timer, or nothing."""
    if board.is_native:
        return "none"
    return "cycles" if board.counter is None else "ticks"
