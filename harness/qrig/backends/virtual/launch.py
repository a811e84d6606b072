"""The program of a virtual board: `python -P launch.py DESCRIPTOR SETUP`.

Run as a file: importing the rooms around this package takes several times as long as the chip does
to start, and a chip has no use for them. So they are packages here with nothing in them.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

_ROOT = Path(__file__).resolve().parents[2]
_EMPTY = {"qrig": _ROOT, "qrig.backends": _ROOT / "backends"}


def main() -> None:
    """Be a board, as the arguments say."""
    for name, folder in _EMPTY.items():
        package = ModuleType(name)
        package.__path__ = [str(folder)]
        sys.modules[name] = package

    from qrig.backends.virtual.process import run

    run(sys.argv[1:])


if __name__ == "__main__":
    main()
