"""ARM's quantiser pickle: read as plain data, whatever else a pickle may hold."""

import json
import os
import pickle
import random
import time
from pathlib import Path
from typing import Any

import pytest

from qrig.errors import FileFormatError
from qrig.fixedpoint import Formats, LayerFormat, read_formats
from qrig.networks.graph import Shape
from real_models import MODELS, requires_models

ATTRIBUTES: dict[str, Any] = {
    "data_layer": "data",
    "act_dec_bits": {"data": 0, "conv1": -1},
    "wt_dec_bits": {"conv1": 7.0},
    "bias_dec_bits": {"conv1": 7},
    "bias_lshift": {"conv1": 0},
    "act_rshift": {"conv1": 8},
    "layer_shape": {"data": (100, 3, 8, 9)},
    "mean_val": [1, 2.5, 3],
}
START = b"\x80\x02c__main__\nCaffe_Quantizer\n)\x81"
"""An empty quantiser in protocol 2."""


class Quantizer:
    """Pickled under the name the quantiser has."""


class Runs:
    """Pickles as a call."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


def pickled(attributes: dict[str, Any], protocol: int = 2) -> bytes:
    """Pickle a quantiser of these attributes as ARM's script does."""
    instance = Quantizer()
    vars(instance).update(attributes)
    data = pickle.dumps(instance, protocol)
    old, new = f"{__name__}\nQuantizer".encode(), b"__main__\nCaffe_Quantizer"
    if protocol < 4:
        assert old in data
        return data.replace(old, new)
    for before, after in ((__name__, "__main__"), ("Quantizer", "Caffe_Quantizer")):
        text = before.encode()
        data = data.replace(
            b"\x8c" + bytes([len(text)]) + text, b"\x8c" + bytes([len(after)]) + after.encode()
        )
    # The length of the frame has changed; a pickle without frames is as good.
    assert data[2:3] == b"\x95"
    return data[:2] + data[11:]


def read(folder: Path, data: bytes) -> Formats:
    path = folder / "quantizer.pkl"
    path.write_bytes(data)
    return read_formats(path)


def refused(folder: Path, data: bytes) -> str:
    """Read a pickle that must be refused; return the reason, and check it is one line."""
    with pytest.raises(FileFormatError) as caught:
        read(folder, data)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 600
    return message


@requires_models
@pytest.mark.parametrize("name", ["m4", "m7"])
def test_arms_pickles_say_what_their_dumps_say(name: str) -> None:
    assert MODELS
    path = MODELS / "arm_cifar10" / f"cifar10_{name}.pkl"
    dump = json.loads(Path(f"{path}.json").read_text())
    formats = read_formats(path)
    for key, field in (
        ("wt_dec_bits", "weight_fraction_bits"),
        ("bias_dec_bits", "bias_fraction_bits"),
        ("act_dec_bits", "activation_fraction_bits"),
        ("bias_lshift", "bias_shift"),
        ("act_rshift", "output_shift"),
    ):
        found = {layer: getattr(entry, field) for layer, entry in formats.layers.items()}
        assert {layer: bits for layer, bits in found.items() if bits is not None} == dump[key]
    _, c, h, w = dump["layer_shape"]["data"]
    assert formats.input_shape == Shape(h, w, c)
    assert formats.input_name == dump["data_layer"]
    assert list(formats.mean or ()) == dump["mean_val"]
    assert formats.scale is None


@pytest.mark.parametrize("protocol", range(6))
def test_every_protocol_is_read(tmp_path: Path, protocol: int) -> None:
    formats = read(tmp_path, pickled(ATTRIBUTES, protocol))
    assert formats.layers == {
        "data": LayerFormat(activation_fraction_bits=0),
        "conv1": LayerFormat(7, 7, -1, 0, 8),
    }
    assert (formats.input_shape, formats.mean) == (Shape(8, 9, 3), (1, 2.5, 3))


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("where", ["alone", "inside", "key"])
def test_no_pickle_runs_code(tmp_path: Path, protocol: int, where: str) -> None:
    witness = tmp_path / "witness"
    for call in (
        Runs(os.system, f"touch {witness}"),
        Runs(eval, f"open({str(witness)!r}, 'w')"),
        Runs(open, str(witness), "w"),
        Runs(getattr, "text", "upper"),
    ):
        if where == "alone":
            data = pickle.dumps(call, protocol)
        elif where == "inside":
            data = pickled({**ATTRIBUTES, "extra": [call]}, protocol)
        else:
            data = pickled({**ATTRIBUTES, "extra": {call: 1}}, protocol)
        assert "it asks for " in refused(tmp_path, data)
    assert not witness.exists()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"cos\nsystem\n(S'true'\ntR.", "it asks for os.system"),
        (b"cos\n_exit\n(I3\ntR.", "it asks for os._exit"),
        (b"(S'true'\nios\nsystem\n.", "the opcode INST"),
        (b"(cos\nsystem\nS'true'\no.", "the opcode OBJ"),
        (b"ccopy_reg\n_reconstructor\n(c__builtin__\nobject\nc__builtin__\nobject\nNtR.", "else"),
        (b"ccopy_reg\n_reconstructor\n(cos\nsystem\nc__builtin__\nobject\nNtR.", "os.system"),
        (b"c__builtin__\nobject\n)R.", "expected a pickled Caffe_Quantizer, found object"),
        (b"\x80\x02c__builtin__\nobject.__subclasses__\n)R.", "object.__subclasses__"),
        (b"\x80\x04\x8c\x08__main__\x8c\x0eCaffe_Quantizer.__init__\x93.", "something else"),
        (b"\x80\x02\x82\x01.", "the opcode EXT1"),
        (b"\x80\x02\x84\x01\x00\x00\x00.", "the opcode EXT4"),
        (b"\x80\x02U\x01aQ.", "the opcode BINPERSID"),
        (b"Pfile\n.", "the opcode PERSID"),
        (b"\x80\x05\x97.", "the opcode NEXT_BUFFER"),
        (START + b"2\x86.", "the opcode DUP"),
        (START + b"r\xff\xff\xff\x7f.", "its memo is absurdly large"),
        (b"\x80\x02K\x01p999999999\n.", "its memo is absurdly large"),
        (b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x7f.", "something else"),
        (START + b"NN\x86b.", "its state is not a dictionary"),
        (START + b"K\x01b.", "its state is not a dictionary"),
        (b"\x80\x02c__main__\nCaffe_Quantizer\n}U\x01xK\x01sb.", "something else"),
        (b"\x80\x02ccopy_reg\n_reconstructor\n}U\x01xK\x01sb.", "something else"),
        (b"\x80\x02c__builtin__\nobject\n}U\x01xK\x01sb.", "something else"),
        (b"\x80\x02}.", "found dict"),
        (b"N.", "found NoneType"),
        (b".", "something else"),
        (b"\x80\x09N.", "something else"),
        (START + b"}(K\x01K\x02ub.", "data_layer: expected a layer name"),
    ],
)
def test_what_is_no_quantiser_is_refused(tmp_path: Path, data: bytes, words: str) -> None:
    assert words in refused(tmp_path, data)


def test_depth_and_repetition_have_limits(tmp_path: Path) -> None:
    began = time.monotonic()
    deep_key = START + b"}(" + b")" + b"\x85" * 300_000 + b"K\x01ub."
    assert "a tuple of something other than scalars" in refused(tmp_path, deep_key)
    name = b"U\x0adata_layer"
    deep_list = START + b"}(" + name + b"]" * 100_000 + b"a" * 99_999 + b"ub."
    assert "data_layer: expected a layer name" in refused(tmp_path, deep_list)
    # Sixty lists, each holding the one before it twice: 2^60 elements to whoever walks them.
    doubled = b"]q\x00" + b"".join(b"]q%c(h%ch%ce" % (i + 1, i, i) for i in range(60))
    assert "data_layer: expected a layer name" in refused(
        tmp_path, START + b"}(" + name + b"](" + doubled + b"eub."
    )
    huge = b"\x8b" + (3000).to_bytes(4, "little") + b"\x7f" * 3000
    assert "found a huge int" in refused(tmp_path, START + b"}(" + name + huge + b"ub.")
    assert time.monotonic() - began < 30


@requires_models
def test_a_truncated_pickle_is_refused_at_every_length(tmp_path: Path) -> None:
    assert MODELS
    data = (MODELS / "arm_cifar10" / "cifar10_m4.pkl").read_bytes()
    pick = random.Random(0)
    for length in [*range(300), *pick.sample(range(300, len(data)), 100), len(data) - 1]:
        refused(tmp_path, data[:length])


@pytest.mark.parametrize("protocol", range(6))
def test_a_truncated_pickle_of_every_protocol_is_refused(tmp_path: Path, protocol: int) -> None:
    data = pickled(ATTRIBUTES, protocol)
    for length in range(len(data)):
        refused(tmp_path, data[:length])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("data_layer", 5),
        ("data_layer", ""),
        ("act_dec_bits", None),
        ("act_dec_bits", [1]),
        ("act_dec_bits", {"conv1": 1}),
        ("act_dec_bits", {"data": 65}),
        ("act_dec_bits", {"data": 0.5}),
        ("act_dec_bits", {"data": float("nan")}),
        ("act_dec_bits", {"data": float("inf")}),
        ("act_dec_bits", {"data": 10**5000}),
        ("act_dec_bits", {"data": "0"}),
        ("act_dec_bits", {0: 0}),
        ("wt_dec_bits", {("conv9", 1): 0}),
        ("layer_shape", {"data": (3, 8, 9)}),
        ("layer_shape", {"data": 5}),
        ("layer_shape", {"data": {0: 1, 5: 1, 6: 1, 7: 1}}),
        ("layer_shape", {"data": [1, 3, 8.0, 9]}),
        ("layer_shape", {"data": [1, 3, 8, 0]}),
        ("layer_shape", {"data": [1, 3, 8, 1 << 40]}),
        ("mean_val", "abc"),
        ("mean_val", ["1"]),
        ("mean_val", [10**400]),
        ("mean_val", [float("nan")]),
    ],
)
def test_attributes_of_another_kind_are_named(tmp_path: Path, name: str, value: Any) -> None:
    assert f"{name}: expected" in refused(tmp_path, pickled({**ATTRIBUTES, name: value}))


@pytest.mark.parametrize("name", ["data_layer", "act_dec_bits", "wt_dec_bits", "act_rshift"])
def test_a_missing_attribute_is_named(tmp_path: Path, name: str) -> None:
    rest = {key: value for key, value in ATTRIBUTES.items() if key != name}
    assert f"{name}: expected" in refused(tmp_path, pickled(rest))


def test_shape_and_mean_may_be_missing(tmp_path: Path) -> None:
    formats = read(tmp_path, pickled({**ATTRIBUTES, "layer_shape": {}, "mean_val": []}))
    assert (formats.input_shape, formats.mean) == (None, None)
