"""Reading a network definition in protobuf text format, with the line each layer begins on."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

from attrs import frozen
from google.protobuf import text_format

from qrig.errors import FileFormatError, UnsupportedNetworkError
from qrig.networks.caffe.layer_types import READABLE_TYPES, unknown_type
from qrig.networks.caffe.schema import message
from qrig.networks.caffe.upgrade import type_name, upgrade
from qrig.networks.files import read_text

MAX_LAYERS = 4096
"""Largest number of layers of a definition qrig reads."""

_WHAT = "a Caffe network definition (prototxt)"
_TOKEN = re.compile(
    r"""#[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|[A-Za-z_]\w*|[{}<>\[\]]|\n"""
)


@frozen
class Definition:
    """A parsed NetParameter in today's form: where it came from, and the line of each layer.

    `net` is the message; its layers are in `net.layer` whatever form the file has.
    """

    path: Path
    net: Any
    lines: tuple[int, ...] = ()

    def where(self, index: int) -> str:
        """Return `path:line` of the layer at `index`, or the path alone where no line is known."""
        known = index < len(self.lines)
        return f"{self.path}:{self.lines[index]}" if known else str(self.path)


def read_prototxt(path: Path) -> Definition:
    """Read the network definition at `path`, with `layer` blocks or the older `layers`.

    Raises FileFormatError if it is not a NetParameter in text format with layers, and
    UnsupportedNetworkError if its parameters are those of a layer type qrig does not know or if it
    is of Caffe's oldest form (V0).
    """
    text = read_text(path, what=_WHAT)
    lines = _layer_lines(text)
    try:
        net = _parse(text, lenient=False)
    except text_format.ParseError as error:
        _explain_unknown(path, text, lines)
        raise FileFormatError(
            f"{path}: expected {_WHAT}, found at line:column {_one_line(error)}; correct the line"
        ) from error
    except RecursionError as error:
        raise FileFormatError(
            f"{path}: expected {_WHAT}, found blocks nested too deep; check that this is the right "
            "file"
        ) from error
    return definition_of(path, net, lines)


def definition_of(path: Path, net: Any, lines: tuple[int, ...] = ()) -> Definition:
    """Return a parsed NetParameter, of any form but V0, as a definition; `net` is upgraded.

    Raises FileFormatError if it has no layers, too many, or both `layer` and `layers`, and
    UnsupportedNetworkError for V0 layers.
    """
    _refuse_v0(path, net)
    if net.layers and net.layer:
        raise FileFormatError(
            f"{path}: expected `layer` blocks or the older `layers`, found both; upgrade the older "
            "ones"
        )
    count = len(net.layer) or len(net.layers)
    if not count:
        raise FileFormatError(
            f"{path}: expected a network with layers, found none; check that this is the model "
            "definition and not the solver"
        )
    if count > MAX_LAYERS:
        raise FileFormatError(
            f"{path}: expected at most {MAX_LAYERS:,} layers, found {count:,}; "
            "check that this is the right file"
        )
    upgrade(net)
    return Definition(path, net, lines if len(lines) == count else ())


def _parse(text: str, *, lenient: bool) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # protobuf decodes odd escapes in a way Python warns of
        return text_format.Parse(text, message("NetParameter")(), allow_unknown_field=lenient)


def _explain_unknown(path: Path, text: str, lines: tuple[int, ...]) -> None:
    """Raise for a layer of an unknown type: its parameters are what the parser tripped over."""
    try:
        net = _parse(text, lenient=True)
    except (text_format.ParseError, RecursionError):
        return
    _refuse_v0(path, net)
    definition = Definition(path, net, lines)
    types = [layer.type for layer in net.layer] or [type_name(old.type) for old in net.layers]
    for index, (kind, layer) in enumerate(zip(types, net.layer or net.layers, strict=True)):
        if kind not in READABLE_TYPES:
            raise unknown_type(f"{definition.where(index)}: layer {layer.name!r}", kind)


def _refuse_v0(path: Path, net: Any) -> None:
    if any(old.HasField("layer") for old in net.layers):
        raise UnsupportedNetworkError(
            f"{path}: expected `layer` blocks, or `layers` blocks with a name and a type, found "
            "the oldest form (`layers { layer { } }`); upgrade it with Caffe's "
            "upgrade_net_proto_text"
        )


def _layer_lines(text: str) -> tuple[int, ...]:
    """Return the line each `layer` or `layers` block begins on, also of a list of blocks."""
    lines: list[int] = []
    field, line = "", 1
    open_brackets: list[str] = []
    for match in _TOKEN.finditer(text):
        piece = match.group()
        if piece == "\n":
            line += 1
        elif piece in "{<[":
            if open_brackets == ["["] and field in ("layer", "layers"):
                lines.append(line)
            elif not open_brackets and piece == "[" and lines and field in ("layer", "layers"):
                lines.pop()  # a list: its blocks are what counts
            open_brackets.append(piece)
        elif piece in "}>]":
            del open_brackets[-1:]
        elif not open_brackets and piece[0] not in "#\"'":
            field = piece
            if piece in ("layer", "layers"):
                lines.append(line)
    return tuple(lines)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
