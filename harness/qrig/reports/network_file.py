"""What a `.network` file holds, as a document and for people."""

from __future__ import annotations

import hashlib
from typing import Any, Final

import pandas as pd

from qrig.errors import InputError
from qrig.fixedpoint.network_file import CORRECT, DIALECTS, NetworkFile, layer_names
from qrig.fixedpoint.network_file.input_scale import read_scale
from qrig.fixedpoint.network_file.records import (
    METHODS,
    ConvolutionRecord,
    InnerProductRecord,
    PoolingRecord,
    Record,
)

SCHEMA: Final = "qrig-network-file/1"
"""The `schema` of the document."""

_PIXEL_SCALES: Final = {"1": 1.0, "1/256": 1 / 256}
_HEADER_BYTES: Final = 8


def network_document(file: NetworkFile, source: str) -> dict[str, Any]:
    """Return everything `file` says: the header, the input's scale in every reading, the layers."""
    data = file.to_bytes()
    layers = _layers(file)
    return {
        "schema": SCHEMA,
        "file": source,
        "size_bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "batch": file.batch,
        "means": list(file.data.means),
        "scale": file.data.scale,
        "taken": {dialect: _taken(file, source, dialect) for dialect in DIALECTS},
        "historical": {
            "fraction_bits": 8 - file.data.scale,
            "scales": {text: _with_scale(file, text) for text in _PIXEL_SCALES},
        },
        "weight_bytes": sum(layer.get("weights", 0) + layer.get("biases", 0) for layer in layers),
        "mac": sum(layer["mac"] for layer in layers),
        "layers": layers,
    }


def _taken(file: NetworkFile, source: str, dialect: str) -> dict[str, Any]:
    """Return what a dialect makes of the scale: pixels less their mean times `factor`."""
    found = read_scale(file.data.scale, source, dialect=dialect)
    return {"shift": found.shift, "factor": _factor(found.shift), "notice": found.notice}


def _with_scale(file: NetworkFile, text: str) -> dict[str, Any] | None:
    """Return what the scale means if OpenMV's converter wrote it for pixels times `text`."""
    try:
        found = read_scale(file.data.scale, "", factor=_PIXEL_SCALES[text])
    except InputError:  # no shift there is would be right
        return None
    return {"shift": found.shift, "factor": _factor(found.shift)}


def _factor(shift: int) -> float:
    return 2.0 ** (7 - shift)


def _layers(file: NetworkFile) -> list[dict[str, Any]]:
    layers: list[dict[str, Any]] = []
    offset = _HEADER_BYTES
    before = file.records[0]
    for name, record in zip(layer_names(file), file.records, strict=True):
        size_bytes = len(record.to_bytes())
        layer = {
            "name": name,
            "type": record.type,
            "shape": list(record.shape),
            "tensor_bytes": record.shape.size,
            **_details(record),
            "mac": _mac(record, before),
            "offset": offset,
            "size_bytes": size_bytes,
        }
        layers.append(layer)
        offset += size_bytes
        before = record
    return layers


def _details(record: Record) -> dict[str, Any]:
    """Return what only some types of layers have."""
    found: dict[str, Any] = {}
    if isinstance(record, PoolingRecord):
        found["method"] = next(text for text, code in METHODS.items() if code == record.method)
    if isinstance(record, ConvolutionRecord | PoolingRecord):
        found |= {"kernel": record.kernel, "stride": record.stride, "pad": record.pad}
    if isinstance(record, ConvolutionRecord | InnerProductRecord):
        found |= {
            "bias_shift": record.bias_shift,
            "output_shift": record.output_shift,
            "weights": int(record.weights.size),
            "biases": int(record.bias.size),
        }
    return found


def _mac(record: Record, before: Record) -> int:
    if isinstance(record, ConvolutionRecord):
        return record.shape.size * record.kernel**2 * before.channels
    return int(record.weights.size) if isinstance(record, InnerProductRecord) else 0


_COLUMNS: Final = {
    **dict.fromkeys(("layer", "shape", "kernel"), "string"),
    **dict.fromkeys(("stride", "pad"), "Int64"),
    "shifts": "string",
    **dict.fromkeys(("weights", "biases", "bytes"), "Int64"),
}


def inspect_table(document: dict[str, Any]) -> pd.DataFrame:
    """Return one row for each layer; what a type of layers does not have is missing.

    `kernel` has the method of a pooling before it, `shifts` are those of bias and output.
    """
    return pd.DataFrame([_row(layer) for layer in document["layers"]]).astype(_COLUMNS)


def _row(layer: dict[str, Any]) -> dict[str, Any]:
    row = {**dict.fromkeys(_COLUMNS), **{key: layer[key] for key in _COLUMNS if key in layer}}
    row |= {"layer": layer["name"], "bytes": layer["size_bytes"]}
    row["shape"] = "x".join(map(str, layer["shape"]))
    if "kernel" in layer:
        row["kernel"] = f"{layer.get('method', '')[:3]} {layer['kernel']}".strip()
    if "bias_shift" in layer:
        row["shifts"] = f"{layer['bias_shift']}, {layer['output_shift']}"
    return row


def inspect_lines(document: dict[str, Any]) -> list[str]:
    """Return what the header says, and what the input's scale means in every reading."""
    means = ", ".join(map(str, document["means"]))
    lines = [
        f"{document['size_bytes']:,} bytes, SHA-256 {document['sha256']}",
        f"batch {document['batch']}; weights and biases {document['weight_bytes']:,} bytes; "
        f"{document['mac']:,} MAC; means {means}",
        f"input scale {document['scale']}:",
    ]
    default = document["taken"][CORRECT]
    bits = document["historical"]["fraction_bits"]
    readings = {document["scale"]: "as it stands"} | {
        found["shift"]: f"if OpenMV's converter wrote it, for an input of Q{7 - bits}.{bits} and "
        f"pixels times {text} (--scale {text})"
        for text, found in document["historical"]["scales"].items()
        if found is not None
    }
    for shift, text in readings.items():
        mark = ", which is how it is taken" if shift == default["shift"] else ""
        lines.append(f"  (pixel - mean) * {_factor(shift):g} {text}{mark}")
    return lines + ([default["notice"]] if default["notice"] else [])
