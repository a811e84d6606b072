"""`qrig convert`: a network into OpenMV's `.network` format."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from qrig.cli.numbers import whole_number
from qrig.cli.options import add_network, load_networks
from qrig.cli.outputs import check_apart, output_file

_MAX_BATCH = 65_535


def add_convert(commands: Any) -> None:
    """Add the command to the parser's commands."""
    parser = commands.add_parser("convert", help="write a network as a .network file")
    add_network(parser, repeat=False, positional=True)
    parser.add_argument(
        "--out", required=True, type=Path, metavar="FILE", help="the .network file to write"
    )
    parser.add_argument(
        "--compat",
        choices=("openmv",),
        help="write the input scale that OpenMV's converter wrote, not the correct one",
    )
    parser.add_argument(
        "--batch",
        type=_batch,
        metavar="N",
        help="batch size in the file; as a rule that of the TEST phase, or 1",
    )
    parser.set_defaults(command=_convert)


def _batch(text: str) -> int:
    return whole_number(text, 1, _MAX_BATCH)


def _convert(options: argparse.Namespace) -> int:
    from qrig.runs.convert import convert, write_network_file

    out = output_file("--out", options.out)
    check_apart({"--out": out}, options)
    (loaded,) = load_networks(options)
    file, notices = convert(
        loaded,
        compat=options.compat is not None,
        batch=options.batch,
        has_scale=options.scale is not None,
    )
    for notice in notices:
        print(f"qrig: note: {notice}", file=sys.stderr)
    size_bytes = write_network_file(file, out)
    print(
        f"{out}: {len(file.records)} layers, {size_bytes:,} bytes, input scale "
        f"{file.data.scale}, batch {file.batch}"
    )
    return 0
