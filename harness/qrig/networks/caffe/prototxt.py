"""Reading a network definition in protobuf text format, with the line each layer begins on."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

from attrs import frozen
from google.protobuf import text_format

from qrig.errors import FileFormatError, UnsupportedNetworkError
from qrig.networks.caffe.layer_types import READABLE_TYPES
from qrig.networks.caffe.schema import message
from qrig.networks.files import read_text

MAX_LAYERS = 4096
"""Largest number of layers of a definition qrig reads."""

_TOKEN = re.compile(r"""#[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|[A-Za-z_]\w*|[{}<>]|\n""")


@frozen
class Definition:
    """A parsed NetParameter: where it came from, the message, and the line of each layer."""

    path: Path
    net: Any
    lines: tuple[int, ...]

    def where(self, index: int) -> str:
        """Return `path:line` of the layer at `index`."""
        line = self.lines[index] if index < len(self.lines) else 0
        return f"{self.path}:{line}"


def read_prototxt(path: Path) -> Definition:
    """Read the network definition at `path`.

    Raises FileFormatError if it is not a NetParameter in text format with a `layer` list, and
    UnsupportedNetworkError if it has a layer type qrig does not know.
    """
    text = read_text(path, what="a Caffe network definition (prototxt)")
    lines = _layer_lines(text)
    try:
        net = _parse(text, lenient=False)
    except text_format.ParseError as error:
        _explain_unknown_types(path, text, lines)
        raise FileFormatError(
            f"{path}: expected a Caffe network definition (prototxt), found at line:column "
            f"{_one_line(error)}; correct the line"
        ) from error
    except RecursionError as error:
        raise FileFormatError(
            f"{path}: expected a Caffe network definition (prototxt), found blocks nested too "
            "deep; check that this is the right file"
        ) from error
    if net.layers and not net.layer:
        raise FileFormatError(
            f'{path}: expected `layer {{ type: "Convolution" }}` blocks, found the older '
            "`layers` form; upgrade it with Caffe's upgrade_net_proto_text"
        )
    if not net.layer:
        raise FileFormatError(
            f"{path}: expected a network with layers, found none; check that this is the model "
            "definition and not the solver"
        )
    if len(net.layer) > MAX_LAYERS:
        raise FileFormatError(
            f"{path}: expected at most {MAX_LAYERS} layers, found {len(net.layer)}; "
            "check that this is the right file"
        )
    return Definition(path, net, lines)


def _parse(text: str, *, lenient: bool) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # protobuf decodes odd escapes in a way Python warns of
        return text_format.Parse(text, message("NetParameter")(), allow_unknown_field=lenient)


def _explain_unknown_types(path: Path, text: str, lines: tuple[int, ...]) -> None:
    """Raise for a layer of an unknown type: its parameters are what the parser tripped over."""
    try:
        net = _parse(text, lenient=True)
    except (text_format.ParseError, RecursionError):
        return
    definition = Definition(path, net, lines)
    for index, layer in enumerate(net.layer):
        if layer.type not in READABLE_TYPES:
            raise UnsupportedNetworkError(
                f"{definition.where(index)}: layer {layer.name!r} is of type {layer.type!r}, "
                f"which qrig cannot deploy; it knows {', '.join(sorted(READABLE_TYPES))}"
            )


def _layer_lines(text: str) -> tuple[int, ...]:
    """Return the line each top-level `layer` block begins on."""
    lines: list[int] = []
    depth, line = 0, 1
    for match in _TOKEN.finditer(text):
        piece = match.group()
        if piece == "\n":
            line += 1
        elif piece in "{<":
            depth += 1
        elif piece in "}>":
            depth -= 1
        elif piece == "layer" and depth == 0:
            lines.append(line)
    return tuple(lines)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
