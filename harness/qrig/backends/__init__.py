"""Backends: ways to run firmware, each giving a byte stream."""

from qrig.backends.base import Backend, ByteStream, CoreState, Effort, Remedy, Running, SerialLine
from qrig.backends.registry import backend_names, find_backend

__all__ = [
    "Backend",
    "ByteStream",
    "CoreState",
    "Effort",
    "Remedy",
    "Running",
    "SerialLine",
    "backend_names",
    "find_backend",
]
