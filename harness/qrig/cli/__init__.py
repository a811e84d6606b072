"""The command line: thin, every command calls a function of `qrig.runs`."""

from qrig.cli.main import INTERRUPTED, main

__all__ = ["INTERRUPTED", "main"]
