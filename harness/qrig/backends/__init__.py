"""Backends: ways to run firmware, each giving a byte stream."""

from qrig.backends.base import Backend, ByteStream, Running
from qrig.backends.registry import backend_names, find_backend

__all__ = ["Backend", "ByteStream", "Running", "backend_names", "find_backend"]
