"""Backends: ways to run firmware, each giving a byte stream."""

from qrig.backends.base import Backend, Running
from qrig.backends.registry import backend_names, find_backend

__all__ = ["Backend", "Running", "backend_names", "find_backend"]
