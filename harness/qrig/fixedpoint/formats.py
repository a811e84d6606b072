"""Fixed-point formats of a network: `formats.json`, ARM's `.pkl`, and what they have in common.

A format Qm.n is named by n, its fractional bits: the real value is the integer times 2^-n.
"""

from __future__ import annotations

import json
import reprlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeGuard

from attrs import field, fields, frozen

from qrig.errors import FileFormatError
from qrig.networks.files import read_bytes
from qrig.networks.graph import Shape
from qrig.networks.shapes import checked

SCHEMA = "qrig-formats/1"
"""The `schema` of formats.json."""

MAX_FRACTION_BITS = 64
"""Formats beyond Q.±64 are mistakes."""

_LIMIT_BYTES = 1 << 24
_MAX_FLOAT32 = 3.0e38


@frozen
class LayerFormat:
    """Fractional bits of one layer's weights, bias and output; None where it has none of its own.

    The shifts follow from the formats (see `quantized.shifts`); where a file states them they are
    kept to be checked against what follows.
    """

    weight_fraction_bits: int | None = None
    bias_fraction_bits: int | None = None
    activation_fraction_bits: int | None = None
    bias_shift: int | None = None
    output_shift: int | None = None


_KEYS = tuple(attribute.name for attribute in fields(LayerFormat))


@frozen
class Formats:
    """The fixed-point formats of a network.

    `layers` maps layer names; the entry of the input holds its activation format. `mean` are
    channel values; `scale` None means: as the model says. `batch` is the batch size the formats
    were chosen with, where that is known; it changes no number.
    """

    layers: Mapping[str, LayerFormat]
    input_name: str
    input_shape: Shape | None = None
    channel_order: str | None = None
    mean: tuple[float, ...] | None = None
    scale: float | None = None
    batch: int | None = field(default=None, eq=False)
    source: str = field(default="formats", eq=False)


def shown(value: object) -> str:
    """Return untrusted `value` as one short line, however large or deep it is."""
    try:
        writer = reprlib.Repr()
        writer.maxstring = writer.maxother = 80
        return writer.repr(value)
    except ValueError:  # an integer with more digits than Python writes
        return f"a huge {type(value).__name__}"


def read_formats(path: Path) -> Formats:
    """Read formats from `formats.json` or ARM's quantiser pickle; the content decides which.

    Raises FileFormatError if the file is neither, damaged, or would run code.
    """
    from qrig.fixedpoint.arm_pickle import formats_from_pickle

    data = read_bytes(path, what="formats (formats.json or ARM's .pkl)", limit_bytes=_LIMIT_BYTES)
    if data.lstrip()[:1] == b"{":
        return formats_from_json(path, data)
    return formats_from_pickle(path, data)


def formats_from_json(path: Path, data: bytes) -> Formats:
    """Read formats.json, schema `qrig-formats/1`; raises FileFormatError."""
    document = _document(path, data)
    reader = _Reader(path)
    source = reader.table(document, "input")
    reader.only(document, "", {"schema", "input", "layers"})
    reader.only(
        source,
        "input",
        {"name", "shape", "channel_order", "mean", "scale", "activation_fraction_bits"},
    )
    input_name = reader.text(source, "input.name")
    layers = {
        input_name: LayerFormat(
            activation_fraction_bits=reader.bits(
                source.get("activation_fraction_bits"), "input.activation_fraction_bits"
            )
        )
    }
    for name, entry in reader.table(document, "layers").items():
        layers[name] = reader.layer(name, entry)
    return Formats(
        layers,
        input_name,
        input_shape=reader.shape(source.get("shape")),
        channel_order=reader.order(source.get("channel_order")),
        mean=reader.mean(source.get("mean")),
        scale=reader.scale(source.get("scale")),
        source=str(path),
    )


def _document(path: Path, data: bytes) -> dict[str, Any]:
    """Return the JSON of formats.json, its schema checked."""
    try:
        document: dict[str, Any] = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise FileFormatError(
            f"{path}: expected formats.json, found text that is not JSON "
            f"({' '.join(str(error).split())[:120]}); correct it"
        ) from error
    schema = document.get("schema")
    if schema != SCHEMA:
        raise FileFormatError(
            f'{path}: expected "schema": "{SCHEMA}", found {shown(schema)}; use formats written by '
            "qrig or ARM's .pkl"
        )
    return document


def is_number(value: object) -> TypeGuard[float]:
    """Return whether `value` is a number, and a finite one that a float32 holds."""
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and -_MAX_FLOAT32 <= value <= _MAX_FLOAT32
    )


def formats_document(formats: Formats) -> dict[str, Any]:
    """Return the formats as the document that `formats_from_json` reads."""
    inputs = formats.layers[formats.input_name]
    layers = {
        name: {key: getattr(entry, key) for key in _KEYS if getattr(entry, key) is not None}
        for name, entry in formats.layers.items()
        if name != formats.input_name
    }
    return {
        "schema": SCHEMA,
        "input": {
            "name": formats.input_name,
            "shape": list(formats.input_shape) if formats.input_shape else None,
            "channel_order": formats.channel_order,
            "mean": list(formats.mean) if formats.mean else None,
            "scale": formats.scale,
            "activation_fraction_bits": inputs.activation_fraction_bits,
        },
        "layers": layers,
    }


@frozen
class _Reader:
    """Checked access to the parts of a JSON document."""

    path: Path

    def fail(self, where: str, expected: str, found: object) -> FileFormatError:
        return FileFormatError(
            f"{self.path}: {where}: expected {expected}, found {shown(found)}; correct it"
        )

    def only(self, table: Mapping[str, Any], where: str, known: set[str]) -> None:
        unknown = sorted(set(table) - known)
        if unknown:
            raise self.fail(where or "top level", f"only {', '.join(sorted(known))}", unknown[0])

    def table(self, document: Mapping[str, Any], key: str) -> dict[str, Any]:
        value = document.get(key)
        if not isinstance(value, dict):
            raise self.fail(key, "an object", value)
        return value

    def text(self, table: Mapping[str, Any], where: str) -> str:
        value = table.get(where.rpartition(".")[2])
        if not isinstance(value, str) or not value:
            raise self.fail(where, "a name", value)
        return value

    def bits(self, value: object, where: str, *, shift: bool = False) -> int | None:
        low, high = (0, 31) if shift else (-MAX_FRACTION_BITS, MAX_FRACTION_BITS)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise self.fail(where, f"an integer from {low} to {high}", value)
        return value

    def layer(self, name: str, entry: object) -> LayerFormat:
        where = f"layers.{name if name.isprintable() else shown(name)}"
        if not isinstance(entry, dict):
            raise self.fail(where, "an object", entry)
        self.only(entry, where, set(_KEYS))
        return LayerFormat(
            **{
                key: self.bits(entry.get(key), f"{where}.{key}", shift=key.endswith("shift"))
                for key in _KEYS
            }
        )

    def shape(self, value: object) -> Shape | None:
        if value is None:
            return None
        if (
            not isinstance(value, list)
            or len(value) != 3
            or not all(isinstance(side, int) and not isinstance(side, bool) for side in value)
        ):
            raise self.fail("input.shape", "[height, width, channels]", value)
        return checked(Shape(*value), f"{self.path}: input.shape")

    def order(self, value: object) -> str | None:
        if value not in (None, "rgb", "bgr", "gray"):
            raise self.fail("input.channel_order", '"rgb", "bgr" or "gray"', value)
        return value

    def mean(self, value: object) -> tuple[float, ...] | None:
        if value is None:
            return None
        if not isinstance(value, list) or not all(is_number(v) for v in value):
            raise self.fail("input.mean", "a list of channel means", value)
        return tuple(float(v) for v in value)

    def scale(self, value: object) -> float | None:
        if value is None:
            return None
        if not is_number(value) or value <= 0:
            raise self.fail("input.scale", "a positive number", value)
        return float(value)
