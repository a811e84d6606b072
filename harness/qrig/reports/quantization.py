"""What a quantisation found, as tables and as a document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import pandas as pd

from qrig.fixedpoint.formats import Formats, formats_document
from qrig.quantize.by_layer import LayerJudgement
from qrig.quantize.judgement import Accuracy, Judgement

SCHEMA = "qrig-quantization/1"
"""The `schema` of the document."""

_FORMATS = ("weight_format", "bias_format", "format")


def layers_table(layers: Sequence[LayerJudgement]) -> pd.DataFrame:
    """Return one row per tensor, in units of the names: percent, decibels."""
    frame = pd.DataFrame([attrs.asdict(layer) for layer in layers])
    texts = ("name", "type", *_FORMATS)
    return frame.astype(
        {column: "string" if column in texts else "Float64" for column in frame.columns}
    )


def shown_formats(layers: Sequence[LayerJudgement]) -> pd.DataFrame:
    """Return the formats of every tensor, with the range of its float values, as texts.

    Like `shown_costs` no wider than a terminal of 80 columns, unless for the layers' names.
    """
    rows = [
        {
            "layer": layer.name,
            "float values": f"{layer.smallest:.3g}..{layer.largest:.3g}",
            "weights": layer.weight_format or "",
            "bias": layer.bias_format or "",
            "output": layer.format,
        }
        for layer in layers
    ]
    return pd.DataFrame(rows).astype("string")


def shown_costs(layers: Sequence[LayerJudgement]) -> pd.DataFrame:
    """Return what fixed point costs at every layer, as rounded texts under short heads.

    "out" are the shares beyond the format, "dB" signal-to-quantisation-noise ratios, each of the
    weights (w) and of the output; "before" and "after" are the accuracies before and after the
    layer.
    """
    rows = [
        {
            "layer": layer.name,
            "w out %": _text(layer.weight_saturated, ".2f"),
            "out %": _text(layer.saturated, ".2f"),
            "w dB": _text(layer.weight_sqnr_db, ".0f"),
            "dB": _text(layer.sqnr_db, ".0f"),
            "before %": f"{layer.accuracy_before:.2f}",
            "after %": f"{layer.accuracy_after:.2f}",
        }
        for layer in layers
    ]
    return pd.DataFrame(rows).astype("string")


def methods_table(judged: Sequence[tuple[str, Judgement]]) -> pd.DataFrame:
    """Return one row per method: accuracy with its interval, the difference to float, the error."""
    rows = [
        {
            "method": method,
            "fixed point %": accuracy_text(found.fixed_accuracy),
            "difference": difference_text(found),
            "logits error": f"{found.logits_error:.3g}",
        }
        for method, found in judged
    ]
    return pd.DataFrame(rows).astype("string")


def formats_table(found: Sequence[tuple[str, Formats]]) -> pd.DataFrame:
    """Return the formats of several methods side by side: fractional bits (weights, bias, out)."""
    rows: list[dict[str, str]] = []
    names = list(found[0][1].layers)
    for name in names:
        row = {"layer": name}
        for method, formats in found:
            entry = formats.layers[name]
            parts = (
                entry.weight_fraction_bits,
                entry.bias_fraction_bits,
                entry.activation_fraction_bits,
            )
            row[method] = " ".join("-" if part is None else str(part) for part in parts)
        rows.append(row)
    return pd.DataFrame(rows).astype("string")


def accuracy_text(accuracy: Accuracy) -> str:
    """Return "p % [low, high]"."""
    return f"{accuracy.percent:.2f} [{accuracy.low:.2f}, {accuracy.high:.2f}]"


def difference_text(judgement: Judgement) -> str:
    """Return the difference in percentage points with its interval."""
    middle, low, high = judgement.difference
    return f"{middle:+.2f} [{low:+.2f}, {high:+.2f}]"


def quantization_document(
    network: str,
    method: str,
    formats: Formats,
    chosen_on: tuple[str, bool, Judgement],
    tested_on: tuple[str, bool, Judgement] | None,
    layers: Sequence[LayerJudgement],
) -> dict[str, Any]:
    """Return everything as JSON; the sets are (text, whether they have labels, judgement)."""
    return {
        "schema": SCHEMA,
        "network": network,
        "method": method,
        "formats": formats_document(formats),
        "chosen_on": _judged(*chosen_on),
        "tested_on": None if tested_on is None else _judged(*tested_on),
        "layers": [attrs.asdict(layer) for layer in layers],
    }


def _judged(images: str, has_labels: bool, found: Judgement) -> dict[str, Any]:
    return {
        "images": images,
        "right_is": "the label" if has_labels else "the float network's answer",
        "float_accuracy": attrs.asdict(found.float_accuracy),
        "fixed_accuracy": attrs.asdict(found.fixed_accuracy),
        "difference": dict(zip(("percent", "low", "high"), found.difference, strict=True)),
        "logits_error": found.logits_error,
    }


def _text(value: float | None, how: str) -> str:
    return "" if value is None else format(value, how)
