"""ARM's quantiser pickle (`nn_quantizer.py --save`), read without running anything in it.

The file is the quantiser object itself, pickled by Python 2 under the name
`__main__.Caffe_Quantizer`: names, shapes and formats, no weights. We let a pickle build that object
as a bag of plain data and nothing else.
"""

from __future__ import annotations

import io
import pickle
import pickletools
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from qrig.errors import FileFormatError
from qrig.fixedpoint.formats import MAX_FRACTION_BITS, Formats, LayerFormat
from qrig.networks.graph import Shape
from qrig.networks.shapes import checked

_ADVICE = "use the .pkl that ARM's nn_quantizer.py wrote, or formats.json"
_MAX_MEMO = 1_000_000
_MEMO_OPCODES = {"PUT", "BINPUT", "LONG_BINPUT"}


class _Bag:
    """What the pickled quantiser becomes: an object with nothing but its data."""


def _reconstruct(cls: object, base: object, state: object) -> _Bag:
    if cls is not _Bag or base is not object or state is not None:
        raise pickle.UnpicklingError("it rebuilds something other than the quantiser")
    return _Bag()


_ALLOWED: dict[tuple[str, str], Any] = {
    ("__main__", "Caffe_Quantizer"): _Bag,
    ("copy_reg", "_reconstructor"): _reconstruct,
    ("copyreg", "_reconstructor"): _reconstruct,
    ("__builtin__", "object"): object,
    ("builtins", "object"): object,
}


class _PlainUnpickler(pickle.Unpickler):
    """An unpickler that knows the quantiser's class and refuses every other global."""

    def find_class(self, module: str, name: str) -> Any:
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}") from None


def formats_from_pickle(path: Path, data: bytes) -> Formats:
    """Read ARM's quantiser pickle; raises FileFormatError if it is anything else."""
    attributes = vars(_load(path, data))
    reader = _Reader(path, attributes)
    data_layer = reader.name("data_layer")
    layers: dict[str, LayerFormat] = {}
    acts = reader.bits("act_dec_bits")
    if data_layer not in acts:
        raise reader.fail("act_dec_bits", f"an entry for the input {data_layer!r}")
    weight, bias = reader.bits("wt_dec_bits"), reader.bits("bias_dec_bits")
    left, right = reader.bits("bias_lshift"), reader.bits("act_rshift")
    for name in {*acts, *weight}:
        layers[name] = LayerFormat(
            weight.get(name), bias.get(name), acts.get(name), left.get(name), right.get(name)
        )
    return Formats(
        layers,
        data_layer,
        input_shape=reader.input_shape(data_layer),
        mean=reader.channel_means(),
        source=str(path),
    )


def _load(path: Path, data: bytes) -> _Bag:
    try:
        for opcode, argument, _ in pickletools.genops(data):
            if opcode.name in _MEMO_OPCODES and int(argument or 0) > _MAX_MEMO:
                raise pickle.UnpicklingError("its memo is absurdly large")
        loaded = _PlainUnpickler(io.BytesIO(data), encoding="latin-1").load()
    except Exception as error:  # a damaged pickle can raise nearly anything
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise FileFormatError(
            f"{path}: expected ARM's quantiser pickle or formats.json, found something else "
            f"({reason}); {_ADVICE}"
        ) from error
    if not isinstance(loaded, _Bag):
        raise FileFormatError(
            f"{path}: expected a pickled Caffe_Quantizer, found {type(loaded).__name__}; {_ADVICE}"
        )
    return loaded


class _Reader:
    """Checked access to the quantiser's attributes."""

    def __init__(self, path: Path, attributes: dict[str, Any]) -> None:
        self.path = path
        self.attributes = attributes

    def fail(self, name: str, expected: str) -> FileFormatError:
        found = repr(self.attributes.get(name))[:80]
        return FileFormatError(
            f"{self.path}: {name}: expected {expected}, found {found}; {_ADVICE}"
        )

    def name(self, name: str) -> str:
        value = self.attributes.get(name)
        if not isinstance(value, str) or not value:
            raise self.fail(name, "a layer name")
        return value

    def bits(self, name: str) -> dict[str, int]:
        value = self.attributes.get(name)
        if not isinstance(value, dict) or not all(
            isinstance(key, str) and _is_bits(bits) for key, bits in value.items()
        ):
            raise self.fail(name, f"integers within ±{MAX_FRACTION_BITS} by layer name")
        return {key: int(bits) for key, bits in value.items()}

    def input_shape(self, data_layer: str) -> Shape | None:
        shapes = self.attributes.get("layer_shape")
        dims = shapes.get(data_layer) if isinstance(shapes, dict) else None
        if dims is None:
            return None
        if not _are_ints(dims) or len(dims) != 4:
            raise self.fail("layer_shape", f"four dimensions for {data_layer!r}")
        return checked(Shape(dims[2], dims[3], dims[1]), f"{self.path}: layer_shape")

    def channel_means(self) -> tuple[float, ...] | None:
        value = self.attributes.get("mean_val")
        if not value:
            return None
        if not isinstance(value, list | tuple) or not all(
            isinstance(item, int | float) for item in value
        ):
            raise self.fail("mean_val", "a list of channel means")
        return tuple(float(item) for item in value)


def _is_bits(value: object) -> bool:
    return (
        isinstance(value, int | float) and abs(value) <= MAX_FRACTION_BITS and value == int(value)
    )


def _are_ints(value: object) -> bool:
    return isinstance(value, Iterable) and all(isinstance(item, int) for item in value)
