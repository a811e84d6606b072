"""Kernel choices that were measured, as a file: `"schema": "qrig-tuning/1"`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs
from attrs import field, frozen

from qrig.codegen.choices import Choice, Choices
from qrig.errors import FileFormatError, UsageError
from qrig.fixedpoint.digest import network_sha256
from qrig.fixedpoint.quantized import QuantizedConvolution, QuantizedNetwork
from qrig.networks.files import read_text

SCHEMA = "qrig-tuning/1"
"""The `schema` of a tuning file."""

_KEYS = ("schema", "network", "network_sha256", "core", "target", "measure", "choices")


@frozen
class Tuning:
    """The choices found for one network on one core.

    `network_sha256` is the digest of its weights and shifts: a choice that was exact for those need
    not be for others. `target` and `measure` say what decided.
    """

    network: str
    network_sha256: str
    core: str
    target: str
    measure: str
    layers: tuple[tuple[str, Choice], ...] = field(repr=False)

    @property
    def choices(self) -> Choices:
        """The choices by layer."""
        return dict(self.layers)

    def choices_for(self, network: QuantizedNetwork, core: str) -> Choices:
        """Return the choices; raises UsageError if they were found for something else."""
        if network_sha256(network) != self.network_sha256:
            raise UsageError(
                f"expected a tuning of this network {network.name}, found one of a network of that "
                "name with other weights or formats; run qrig tune again"
            )
        if core != self.core:
            raise UsageError(
                f"expected a tuning for {core}, found one for {self.core}; run qrig tune on this "
                "target"
            )
        known = {layer.name for layer in network.layers if isinstance(layer, QuantizedConvolution)}
        if unknown := [name for name, _ in self.layers if name not in known]:
            raise UsageError(
                f"expected a tuning of convolutions of {network.name}, found one of "
                f"{unknown[0]!r}; run qrig tune again"
            )
        return self.choices


def write_tuning(tuning: Tuning, path: Path, table: list[dict[str, Any]]) -> None:
    """Write `tuning` with the table of what was measured; raises OSError."""
    document = {
        "schema": SCHEMA,
        **{key: getattr(tuning, key) for key in _KEYS if key not in ("schema", "choices")},
        "choices": {name: attrs.asdict(choice) for name, choice in tuning.layers},
        "measured": table,
    }
    scratch = path.with_name(f".{path.name}.part")
    try:
        scratch.write_text(json.dumps(document, indent=1) + "\n")
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)


def read_tuning(path: Path) -> Tuning:
    """Read a tuning file; raises FileFormatError with file and key."""
    text = read_text(path, what="a tuning (written by qrig tune)")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FileFormatError(
            f"{path}: expected JSON, found a mistake: {error}; run qrig tune again"
        ) from error
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        found = document.get("schema") if isinstance(document, dict) else type(document).__name__
        raise FileFormatError(
            f"{path}: expected schema {SCHEMA!r}, found {found!r}; give a file that qrig tune wrote"
        )
    texts: dict[str, str] = {}
    for key in _KEYS[1:-1]:
        value = document.get(key)
        if not isinstance(value, str):
            raise FileFormatError(
                f"{path}: expected a text for {key!r}, found {value!r}; run qrig tune again"
            )
        texts[key] = value
    return Tuning(**texts, layers=_layers(path, document.get("choices")))


def _layers(path: Path, choices: Any) -> tuple[tuple[str, Choice], ...]:
    if not isinstance(choices, dict):
        raise FileFormatError(
            f"{path}: expected a table 'choices', found {choices!r}; run qrig tune again"
        )
    layers = []
    for name, values in choices.items():
        try:
            choice = Choice(**values)
            if not isinstance(choice.staged, bool) or type(choice.passes) is not int:
                raise TypeError(f"{values}")
        except (TypeError, ValueError) as error:
            raise FileFormatError(
                f"{path}: expected a kernel choice for layer {name!r}, found {values!r} ({error}); "
                "run qrig tune again"
            ) from error
        layers.append((str(name), choice))
    return tuple(layers)
