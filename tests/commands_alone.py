"""A command of the command line by itself, with the exit code of its errors."""

import argparse
import sys
from collections.abc import Callable
from typing import Any

from qrig.errors import QrigError


def run_command(add: Callable[[Any], None], *arguments: object) -> int:
    """Run a command as `qrig.cli.main` does and return its exit code."""
    parser = argparse.ArgumentParser()
    add(parser.add_subparsers(required=True))
    options = parser.parse_args([str(one) for one in arguments])
    try:
        code: int = options.command(options)
    except QrigError as error:
        sys.stderr.write(f"qrig: {error}\n")
        return error.exit_code
    return code
