"""Byte streams to a target, one kind per file."""

from qrig.link.transports.base import Transport

__all__ = ["Transport"]
