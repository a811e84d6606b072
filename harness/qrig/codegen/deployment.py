"""What a firmware needs beside the network: the board's addresses and its banner."""

from __future__ import annotations

from qrig import __version__
from qrig.boards.board import Board
from qrig.codegen.generate import render
from qrig.codegen.names import identifiers
from qrig.fixedpoint.quantized import QuantizedNetwork

PROTOCOL = "1.0"
"""Major and minor version of the link protocol the firmware speaks."""

MAX_WRITE_BYTES = 512
"""Largest WRITE payload, offset included; at most FRAME_MAX_PAYLOAD of frame.h."""

MAX_READ_BYTES = 4096
"""Largest READ answer, without its status byte."""

_CAPABILITIES = 0x1F
_NO_COUNTER = 0x1B
_LINK_BYTES = 0x1000_0000


def generate_deployment(network: QuantizedNetwork, board: Board, build_id: str) -> dict[str, str]:
    """Return board.h, deployment.h and, where a linker needs it, memory.ld by file name."""
    capabilities = _NO_COUNTER if board.is_native else _CAPABILITIES
    banner = {
        "protocol": PROTOCOL,
        "capabilities": f"{capabilities:08x}",
        "board": board.name,
        "core": board.core,
        "build": build_id,
        "network": identifiers([network.name])[network.name],
        "clock_hz": board.clock_hz,
        "counter": "none" if board.is_native else "ticks",
        "max_write": MAX_WRITE_BYTES,
        "max_read": MAX_READ_BYTES,
        "stages": len(network.stages),
    }
    context = {
        "version": __version__,
        "board": board,
        "banner": banner,
        "max_read": MAX_READ_BYTES,
        "link_bytes": _LINK_BYTES,
    }
    files = {name: render(f"{name}.j2", context) for name in ("board.h", "deployment.h")}
    if board.memory is not None:
        files["memory.ld"] = render("memory.ld.j2", context)
    return files
