"""Kernel choices that were measured, as a file: `"schema": "qrig-tuning/1"`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs
from attrs import field, frozen

from qrig.codegen.choices import KERNELS, SLIDING, Choice, Choices
from qrig.errors import FileFormatError, UsageError
from qrig.fixedpoint.digest import network_sha256
from qrig.fixedpoint.quantized import QuantizedConvolution, QuantizedNetwork, QuantizedSoftmax
from qrig.networks.files import read_text, write_text

SCHEMA = "qrig-tuning/1"
"""The `schema` of a tuning file."""

_MOST = 0xFFFF
_SHOWN = 100
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
        """Return the choices; raises UsageError if they were found for something else.

        A softmax behind the network changes nothing.
        """
        if self.network_sha256 not in _digests(network):
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
    """Write `tuning` with the table of what was measured; raises UsageError."""
    document = {
        "schema": SCHEMA,
        **{key: getattr(tuning, key) for key in _KEYS if key not in ("schema", "choices")},
        "choices": {name: attrs.asdict(choice) for name, choice in tuning.layers},
        "measured": table,
    }
    text = json.dumps(document, indent=1, allow_nan=False) + "\n"
    write_text(path, text)


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
            f"{path}: expected schema {SCHEMA!r}, found {_shown(found)}; give a file that qrig "
            "tune wrote"
        )
    texts: dict[str, str] = {}
    for key in _KEYS[1:-1]:
        value = document.get(key)
        if not isinstance(value, str):
            raise FileFormatError(
                f"{path}: expected a text for {key!r}, found {_shown(value)}; run qrig tune again"
            )
        texts[key] = value
    return Tuning(**texts, layers=_layers(path, document.get("choices")))


def find_tuning(tunings: tuple[Tuning, ...], network: QuantizedNetwork, core: str) -> Tuning | None:
    """Return the one of `tunings` that was found for `network` on `core`, None if none names it.

    Raises UsageError if all that name the network were found for something else, or if two differ.
    """
    named = [tuning for tuning in tunings if tuning.network == network.name]
    for_core = [tuning for tuning in named if tuning.core == core]
    fitting = [tuning for tuning in for_core if tuning.network_sha256 in _digests(network)]
    chosen = next(iter([*fitting, *for_core, *named]), None)
    if chosen is not None and any(dict(t.layers) != dict(chosen.layers) for t in fitting):
        raise UsageError(
            f"expected one tuning of {network.name} for {core}, found two that choose other "
            "kernels; leave one of them out"
        )
    return chosen


def _digests(network: QuantizedNetwork) -> tuple[str, ...]:
    """Return the digest of a network, and that of it without the softmax behind it."""
    if not network.layers or not isinstance(network.layers[-1], QuantizedSoftmax):
        return (network_sha256(network),)
    without = attrs.evolve(network, layers=network.layers[:-1])
    return network_sha256(network), network_sha256(without)


def _layers(path: Path, choices: Any) -> tuple[tuple[str, Choice], ...]:
    if not isinstance(choices, dict):
        raise FileFormatError(
            f"{path}: expected a table 'choices', found {_shown(choices)}; run qrig tune again"
        )
    layers = []
    for name, values in choices.items():
        problem = _problem(values)
        if problem is not None:
            raise FileFormatError(
                f"{path}: expected a kernel choice for layer {_shown(name)}, found "
                f"{_shown(values)} ({problem}); run qrig tune again"
            )
        layers.append((name, Choice(**values)))
    return tuple(layers)


def _problem(values: Any) -> str | None:
    """Return why `values` are not those of a Choice, None if they are."""
    if not isinstance(values, dict):
        return "no table"
    expected = {field.name: field.default for field in attrs.fields(Choice)}
    if unknown := sorted(values.keys() - expected.keys()):
        return f"no key is called {_shown(unknown[0])}"
    found = {**expected, **values}
    if not isinstance(found["kernel"], str) or found["kernel"] not in KERNELS:
        return f"a kernel is one of {', '.join(KERNELS)}"
    if type(found["staged"]) is not bool:
        return "staged is true or false"
    for key, least in (("outputs", int(found["kernel"] == SLIDING)), ("passes", 1)):
        if type(found[key]) is not int or not least <= found[key] <= _MOST:
            return f"{key} are an integer from {least} to {_MOST}"
    return None


def _shown(value: Any) -> str:
    """Return a value for a message, not all of a long one."""
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
