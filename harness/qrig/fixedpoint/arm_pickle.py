"""ARM's quantiser pickle (`nn_quantizer.py --save`), read without running anything in it.

The file is the quantiser object itself, pickled by Python 2 under the name
`__main__.Caffe_Quantizer`: names, shapes and formats, no weights. We let a pickle build that object
as a bag of plain data and nothing else.
"""

from __future__ import annotations

import io
import pickle
import pickletools
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeGuard

from qrig.errors import FileFormatError
from qrig.fixedpoint.formats import MAX_FRACTION_BITS, Formats, LayerFormat, is_number, shown
from qrig.networks.graph import Shape
from qrig.networks.shapes import MAX_DIMENSION, checked

_ADVICE = "use the .pkl that ARM's nn_quantizer.py wrote, or formats.json"
_MAX_MEMO = 1_000_000
_MEMO = re.compile("PUT|BINPUT|LONG_BINPUT|MEMOIZE")
_SCALAR = re.compile(
    "NONE|NEWTRUE|NEWFALSE|INT|BININT|BININT1|BININT2|LONG|LONG1|LONG4|FLOAT|BINFLOAT|GLOBAL|"
    "STRING|BINSTRING|SHORT_BINSTRING|UNICODE|SHORT_BINUNICODE|BINUNICODE"
)
_TUPLE = re.compile("TUPLE|TUPLE([123])")
_OTHER = re.compile(
    "PROTO|FRAME|STOP|MARK|POP|POP_MARK|GET|BINGET|LONG_BINGET|EMPTY_DICT|DICT|SETITEM|SETITEMS|"
    "EMPTY_LIST|LIST|APPEND|APPENDS|EMPTY_TUPLE|STACK_GLOBAL|REDUCE|NEWOBJ|BUILD"
)
"""With those above, the opcodes of plain data and one object; no set, copy or persistent id."""


class _Bag:
    """What the pickled quantiser becomes: an object with nothing but its data."""

    def __setstate__(self, state: object) -> None:
        if not isinstance(state, dict):
            raise pickle.UnpicklingError("its state is not a dictionary")
        vars(self).update(state)


class _Reconstruct:
    """`copy_reg._reconstructor` for the quantiser alone; has no attributes a pickle could set."""

    __slots__ = ()

    def __call__(self, cls: object, base: object, state: object) -> _Bag:
        if cls is not _Bag or base is not object or state is not None:
            raise pickle.UnpicklingError("it rebuilds something other than the quantiser")
        return _Bag()


_ALLOWED: dict[tuple[str, str], Any] = {
    ("__main__", "Caffe_Quantizer"): _Bag,
    ("copy_reg", "_reconstructor"): _Reconstruct(),
    ("copyreg", "_reconstructor"): _Reconstruct(),
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
        batch=reader.batch(data_layer),
        source=str(path),
    )


def _load(path: Path, data: bytes) -> _Bag:
    try:
        _check_opcodes(data)
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


def _check_opcodes(data: bytes) -> None:
    """Refuse a pickle that holds anything but plain data, before it is loaded.

    Tuples of scalars alone are let through: Python hashes a tuple within tuples without a limit of
    depth, and of time where it holds the same one twice.
    """
    scalars = 0  # pushed since the last mark, or since anything else
    marked = False  # whether nothing but scalars came after the last mark
    for opcode, argument, _ in pickletools.genops(data):
        name = opcode.name
        if _MEMO.fullmatch(name):
            if isinstance(argument, int) and argument > _MAX_MEMO:
                raise pickle.UnpicklingError("its memo is absurdly large")
            continue
        if is_tuple := _TUPLE.fullmatch(name):
            length = is_tuple.group(1)
            if not marked if length is None else scalars < int(length):
                raise pickle.UnpicklingError("it holds a tuple of something other than scalars")
        is_scalar = _SCALAR.fullmatch(name) is not None
        if not (is_scalar or is_tuple or _OTHER.fullmatch(name)):
            raise pickle.UnpicklingError(f"it holds the opcode {name}")
        scalars = scalars + 1 if is_scalar else 0
        marked = name == "MARK" or (marked and is_scalar)


class _Reader:
    """Checked access to the quantiser's attributes."""

    def __init__(self, path: Path, attributes: dict[str, Any]) -> None:
        self.path = path
        self.attributes = attributes

    def fail(self, name: str, expected: str) -> FileFormatError:
        found = shown(self.attributes.get(name))
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
        dims = self._dims(data_layer)
        if dims is None:
            return None
        return checked(Shape(dims[2], dims[3], dims[1]), f"{self.path}: layer_shape")

    def batch(self, data_layer: str) -> int | None:
        dims = self._dims(data_layer)
        return None if dims is None or not 1 <= dims[0] <= MAX_DIMENSION else dims[0]

    def _dims(self, data_layer: str) -> Sequence[int] | None:
        """Return the n, c, h, w of the input, None where nothing is said of them."""
        shapes = self.attributes.get("layer_shape")
        dims = shapes.get(data_layer) if isinstance(shapes, dict) else None
        if dims is not None and not (_are_ints(dims) and len(dims) == 4):
            raise self.fail("layer_shape", f"four dimensions for {data_layer!r}")
        return dims

    def channel_means(self) -> tuple[float, ...] | None:
        value = self.attributes.get("mean_val")
        if not value:
            return None
        if not isinstance(value, list | tuple) or not all(is_number(item) for item in value):
            raise self.fail("mean_val", "a list of channel means")
        return tuple(float(item) for item in value)


def _is_bits(value: object) -> bool:
    return (
        isinstance(value, int | float) and abs(value) <= MAX_FRACTION_BITS and value == int(value)
    )


def _are_ints(value: object) -> TypeGuard[Sequence[int]]:
    return isinstance(value, list | tuple) and all(isinstance(item, int) for item in value)
