"""A small C program, compiled and perhaps run, to see whether a compiler is whole."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

_PROGRAM = """#include <stdint.h>
#include <string.h>
int main(int count, char **words) {
    char text[8];
    memset(text, count - count, sizeof text);
    return (int)strlen(text) + (words == NULL);
}
"""
_TIMEOUT_S = 30.0
_SHOWN = 200


def try_compiler(compiler: str, options: tuple[str, ...], *, run: bool) -> str | None:
    """Return what went wrong when a C program was built, and with `run` started; None if nothing.

    The program uses the C library.
    """
    with tempfile.TemporaryDirectory(prefix="qrig-doctor-") as folder:
        source, program = Path(folder) / "trial.c", Path(folder) / "trial"
        source.write_text(_PROGRAM, encoding="utf-8")
        failed = _failure([compiler, *options, str(source), "-o", str(program)])
        return failed or (_failure([str(program)]) if run else None)


def _failure(command: list[str]) -> str | None:
    try:
        result = subprocess.run(
            command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.SubprocessError) as error:
        return " ".join(str(error).split())[:_SHOWN]
    if result.returncode == 0:
        return None
    said = " ".join(result.stderr.split())
    return said[:_SHOWN] or f"{Path(command[0]).name} ended with {result.returncode}"
