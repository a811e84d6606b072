"""`network.toml`: what belongs to a network, in one folder."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from attrs import frozen

from qrig.errors import FileFormatError
from qrig.networks.files import read_text

SCHEMA = "qrig-network/1"
"""The `schema` of network.toml."""

_PATHS = ("model", "weights", "formats")
_INPUT = ("mean", "scale", "input_shape", "channel_order")
_KEYS = {"schema", "name", "labels", "samples", *_PATHS, *_INPUT}


@frozen
class NetworkDescription:
    """The files and facts of one network; paths are absolute, None where there is none.

    `weights` is None for a model that holds its own (ONNX). `mean` is the text `read_mean` takes;
    `scale` is one factor for the input, or one for each channel. `samples` is a folder or an IDX
    file, `sample_labels` an IDX file.
    """

    name: str
    model: Path
    weights: Path | None
    formats: Path
    mean: str | None = None
    scale: tuple[float, ...] | None = None
    labels: tuple[str, ...] = ()
    samples: Path | None = None
    sample_labels: Path | None = None
    input_shape: tuple[int, int, int] | None = None
    channel_order: str | None = None


def holds_weights(model: Path | None) -> bool:
    """Return whether a model file holds its weights, as ONNX files (.onnx) do."""
    return model is not None and model.suffix.lower() == ".onnx"


def read_description(folder: Path) -> NetworkDescription:
    """Read `folder/network.toml`; raises FileFormatError, with the key that is wrong."""
    path = folder / "network.toml"
    text = read_text(path, what="a network description (network.toml)")
    try:
        table = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # also numbers too long, arrays too deep
        raise FileFormatError(
            f"{path}: expected TOML, found a mistake: {error}; correct it"
        ) from error
    reader = _Reader(path, folder, table)
    reader.only(table, _KEYS, "")
    if table.get("schema") != SCHEMA:
        raise reader.fail("schema", f'"{SCHEMA}"', table.get("schema"))
    samples = table.get("samples", {})
    if not isinstance(samples, dict):
        raise reader.fail("samples", "a table", samples)
    reader.only(samples, {"images", "labels"}, "samples.")
    return NetworkDescription(
        name=reader.text("name"),
        model=reader.path_of("model"),
        weights=reader.weights(),
        formats=reader.path_of("formats"),
        mean=reader.mean(),
        scale=reader.scale(),
        labels=reader.strings("labels"),
        samples=reader.optional_path(samples, "images"),
        sample_labels=reader.optional_path(samples, "labels"),
        input_shape=reader.shape(),
        channel_order=reader.order(),
    )


@frozen
class _Reader:
    path: Path
    folder: Path
    table: dict[str, Any]

    def fail(self, key: str, expected: str, found: object) -> FileFormatError:
        return FileFormatError(
            f"{self.path}: {key}: expected {expected}, found {found!r}; correct it"
        )

    def only(self, table: dict[str, Any], known: set[str], prefix: str) -> None:
        for key in sorted(set(table) - known):
            raise self.fail(prefix + key, f"one of {', '.join(sorted(known))}", key)

    def text(self, key: str) -> str:
        value = self.table.get(key)
        if not isinstance(value, str) or not value:
            raise self.fail(key, "a text", value)
        return value

    def path_of(self, key: str) -> Path:
        return (self.folder / self.text(key)).resolve()

    def weights(self) -> Path | None:
        is_needed = "weights" in self.table or not holds_weights(self.path_of("model"))
        return self.path_of("weights") if is_needed else None

    def optional_path(self, table: dict[str, Any], key: str) -> Path | None:
        value = table.get(key)
        if value is None:
            return None
        if not isinstance(value, str) or not value:
            raise self.fail(f"samples.{key}", "a path", value)
        return (self.folder / value).resolve()

    def strings(self, key: str) -> tuple[str, ...]:
        value = self.table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.fail(key, "a list of texts", value)
        return tuple(value)

    def mean(self) -> str | None:
        value = self.table.get("mean")
        if value is None:
            return None
        if isinstance(value, list) and all(isinstance(item, int | float) for item in value):
            return ",".join(str(item) for item in value)
        if isinstance(value, str) and value:
            return str((self.folder / value).resolve())
        raise self.fail("mean", "a path or a list of channel values", value)

    def scale(self) -> tuple[float, ...] | None:
        value = self.table.get("scale")
        if value is None:
            return None
        values = value if isinstance(value, list) else [value]
        if not values or not all(_is_scale(item) for item in values):
            raise self.fail("scale", "a positive number or a list of channel values", value)
        return tuple(float(item) for item in values)

    def shape(self) -> tuple[int, int, int] | None:
        value = self.table.get("input_shape")
        if value is None:
            return None
        if (
            not isinstance(value, list)
            or len(value) != 3
            or not all(isinstance(item, int) and item > 0 for item in value)
        ):
            raise self.fail("input_shape", "[height, width, channels]", value)
        return (value[0], value[1], value[2])

    def order(self) -> str | None:
        value = self.table.get("channel_order")
        if value not in (None, "rgb", "bgr", "gray"):
            raise self.fail("channel_order", '"rgb", "bgr" or "gray"', value)
        return value


def _is_scale(value: object) -> bool:
    """Return whether `value` is a positive number that a float32 holds."""
    return isinstance(value, int | float) and value is not True and 1e-30 < value < 1e30
