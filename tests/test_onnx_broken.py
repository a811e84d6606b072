"""ONNX files that are damaged, hostile or of something else: one sentence, no traceback."""

import os
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from onnx_files import compared, good, node, onnx, refused, types, written
from qrig.errors import FileFormatError, InputError, UnsupportedNetworkError, UsageError
from qrig.networks.graph import Network
from qrig.networks.onnx import read_onnx
from qrig.networks.onnx.model import MAX_NODES

TensorProto, helper, numpy_helper = onnx.TensorProto, onnx.helper, onnx.numpy_helper


def test_the_good_one_is_read(tmp_path: Path) -> None:
    assert types(compared(tmp_path, good())) == ["convolution", "pooling", "innerproduct"]


FILES: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "found an empty file"),
    "text": (b"name: 'net'\nlayer { }\n" * 20, "found bytes that are none"),
    "zeros": (b"\0" * 300, "found bytes that are none"),
    "other protobuf": (b"\x08\x09\x12\x04keep", "no graph with nodes in it"),
    "HDF5": (b"\x89HDF\r\n\x1a\n" + b"\0" * 64, "found bytes that are none"),
}


@pytest.mark.parametrize("name", FILES)
def test_files_that_are_something_else(name: str, tmp_path: Path) -> None:
    data, text = FILES[name]
    path = tmp_path / "net.onnx"
    path.write_bytes(data)
    assert text in refused(path)


def test_files_that_are_not_there(tmp_path: Path) -> None:
    assert "found none that can be read" in refused(tmp_path / "none.onnx")
    assert "found a directory" in refused(tmp_path)
    pipe = tmp_path / "pipe.onnx"
    os.mkfifo(pipe)
    assert "a device or a pipe" in refused(pipe)


def test_every_truncation_is_refused(tmp_path: Path) -> None:
    data = good().SerializeToString()
    path = tmp_path / "net.onnx"
    for length in range(0, len(data), 7):
        path.write_bytes(data[:length])
        assert refused(path, InputError)


def outcome(path: Path) -> Network | InputError:
    """Return the network or the refusal; anything else comes through."""
    try:
        return read_onnx(path)
    except InputError as error:
        return error


@pytest.mark.parametrize("seed", range(4))
def test_mutated_files_are_read_or_refused(seed: int, tmp_path: Path) -> None:
    data = good().SerializeToString()
    choice, path, kinds = random.Random(seed), tmp_path / "net.onnx", set()
    for _ in range(150):
        changed = bytearray(data)
        for _ in range(choice.randint(1, 3)):
            place = choice.randrange(len(changed))
            if choice.random() < 0.6:
                changed[place] = choice.randrange(256)
            elif choice.random() < 0.5:
                del changed[place : place + choice.randint(1, 6)]
            else:
                changed[place:place] = choice.randbytes(choice.randint(1, 6))
        path.write_bytes(changed)
        found = outcome(path)
        assert isinstance(found, Network) or "\n" not in str(found)
        kinds.add(type(found))
    assert FileFormatError in kinds


Edit = Callable[[Any], None]


def _twice(proto: Any) -> None:
    proto.graph.node.append(proto.graph.node[0])


def _cycle(proto: Any) -> None:
    proto.graph.node[0].input[0] = "f"


def _itself(proto: Any) -> None:
    proto.graph.node[1].input[0] = "p"


def _two_inputs(proto: Any) -> None:
    proto.graph.input.append(helper.make_tensor_value_info("z", TensorProto.FLOAT, [1]))


def _two_outputs(proto: Any) -> None:
    proto.graph.output.append(helper.make_tensor_value_info("c", TensorProto.FLOAT, None))


def _two_opsets(proto: Any) -> None:
    proto.opset_import.append(helper.make_opsetid("ai.onnx", 12))


def _function(proto: Any) -> None:
    proto.functions.append(
        helper.make_function("own", "Block", ["a"], ["b"], [node("Relu", "a", "b")], [])
    )
    proto.graph.node[1].op_type, proto.graph.node[1].domain = "Block", "own"


def _branch(proto: Any) -> None:
    body = helper.make_graph([node("Relu", "c", "r")], "body", [], [])
    made = helper.make_node("If", ["x"], ["p"], name="if", then_branch=body, else_branch=body)
    proto.graph.node[1].CopyFrom(made)


def _sparse(proto: Any) -> None:
    proto.graph.sparse_initializer.append(onnx.SparseTensorProto())


def _many(proto: Any) -> None:
    for index in range(MAX_NODES):
        proto.graph.node.add(op_type="Relu", input=["c"], output=[f"r{index}"])


def _tensor(**changes: Any) -> Edit:
    def edit(proto: Any) -> None:
        tensor = proto.graph.initializer[0]
        for name, value in changes.items():
            if name == "dims":
                del tensor.dims[:]
                tensor.dims.extend(value)
            else:
                setattr(tensor, name, value)

    return edit


def _array(array: Any) -> Edit:
    return lambda proto: proto.graph.initializer[0].CopyFrom(numpy_helper.from_array(array, "w"))


def _set(what: str, value: Any) -> Edit:
    def edit(proto: Any) -> None:
        target = proto.graph
        *path, last = what.split(".")
        for part in path:
            target = target[int(part)] if part.isdecimal() else getattr(target, part)
        setattr(target, last, value)

    return edit


def _opset(version: int) -> Edit:
    return lambda proto: setattr(proto.opset_import[0], "version", version)


EDITS: dict[str, tuple[Edit, type[InputError], str]] = {
    "a node twice": (_twice, FileFormatError, "two places that make the tensor 'c'"),
    "a cycle": (_cycle, FileFormatError, "(a cycle)"),
    "a node that reads itself": (_itself, FileFormatError, "'pool' (MaxPool): expected inputs"),
    "two inputs": (_two_inputs, UnsupportedNetworkError, "one input, found 2 ('x', 'z')"),
    "two outputs": (_two_outputs, UnsupportedNetworkError, "one output, found 2 ('y', 'c')"),
    "an output nobody makes": (
        _set("output.0.name", "z"), FileFormatError, "no node makes the output 'z'",
    ),
    "no operator": (_set("node.1.op_type", ""), FileFormatError, "an operator, found none"),
    "an operator of two lines": (
        _set("node.1.op_type", "Max\nPool"), UnsupportedNetworkError, r"('Max\nPool'): found an",
    ),
    "two opsets": (_two_opsets, FileFormatError, "operators of one opset from 7 to"),
    "an old opset": (_opset(6), FileFormatError, "found [6]; export the network with opset"),
    "an opset of the future": (_opset(1 << 40), FileFormatError, "operators of one opset"),
    "a function of its own": (
        _function, UnsupportedNetworkError, "a call of the model's own function 'Block'",
    ),
    "a branch": (
        _branch, UnsupportedNetworkError,
        "node 'if' (If): found an operator that qrig cannot deploy; export the network without",
    ),
    "sparse weights": (_sparse, UnsupportedNetworkError, "sparse initializers"),
    "too many nodes": (_many, FileFormatError, f"more than {MAX_NODES}"),
    "texts as input": (
        _set("input.0.type.tensor_type.elem_type", TensorProto.STRING),
        FileFormatError, "an input 'x' that is not of numbers",
    ),
    "an absurd image": (
        _set("input.0.type.tensor_type.shape.dim.2.dim_value", 1 << 40),
        FileFormatError, "expected sides of 1 to 65,535",
    ),
    "a weight that is no number": (
        _array(np.full((4, 3, 3, 3), np.nan, np.float32)),
        FileFormatError, "node 'conv' (Conv): input 2: expected finite numbers, found 108",
    ),
    "a weight beyond float32": (
        _array(np.full((4, 3, 3, 3), 1e300)), FileFormatError, "expected finite numbers",
    ),
    "integer weights": (
        _array(np.ones((4, 3, 3, 3), np.int8)), FileFormatError, "int8, quantised maybe",
    ),
    "raw data too short": (
        _tensor(raw_data=b"\0" * 8),
        FileFormatError, "initializer 'w': expected 432 bytes for its shape, found 8",
    ),
    "no data": (
        lambda proto: proto.graph.initializer[0].ClearField("raw_data"),
        FileFormatError, "expected 108 values for its shape, found 0",
    ),
    "a huge tensor": (
        _tensor(dims=[1 << 20, 1 << 20]), FileFormatError, "expected at most 67,108,864 elements",
    ),
    "a huge side": (_tensor(dims=[1 << 62]), FileFormatError, "expected at most 16 axes of 0 to"),
    "a negative side": (_tensor(dims=[-4, 27]), FileFormatError, "expected at most 16 axes"),
    "too many axes": (_tensor(dims=[1] * 40), FileFormatError, "found 40 axes"),
    "texts as weights": (
        _tensor(data_type=TensorProto.STRING), FileFormatError, "expected plain numbers",
    ),
    "float8 weights": (
        _tensor(data_type=TensorProto.FLOAT8E4M3FN), FileFormatError, "with float32 weights",
    ),
    "an unknown type": (_tensor(data_type=99), FileFormatError, "elements of type 99"),
    "a segment": (
        lambda proto: proto.graph.initializer[0].segment.SetInParent(),
        FileFormatError, "expected plain numbers",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", EDITS)
def test_edited_files_are_refused(name: str, tmp_path: Path) -> None:
    edit, kind, text = EDITS[name]
    proto = good()
    edit(proto)
    assert text in refused(written(tmp_path, proto), kind)


def test_an_input_that_no_node_makes(tmp_path: Path) -> None:
    proto = good()
    proto.graph.node[1].input[0] = "nothing"
    assert "found 'nothing', which none does" in refused(written(tmp_path, proto))


def test_names_that_are_no_text_are_taken_for_one(tmp_path: Path) -> None:
    data = good().SerializeToString().replace(b"conv", b"c\xff\xfev")
    path = tmp_path / "net.onnx"
    path.write_bytes(data)
    assert read_onnx(path).layers[0].name == "c_v"


def test_nodes_the_output_does_not_need_are_left_out(tmp_path: Path) -> None:
    proto = good()
    proto.graph.node.append(node("TopK", "c x", "other", name="unread"))
    network = read_onnx(written(tmp_path, proto))
    assert types(network) == ["convolution", "pooling", "innerproduct"]


def test_nodes_may_stand_in_any_order(tmp_path: Path) -> None:
    proto = good()
    nodes = list(proto.graph.node)[::-1]
    del proto.graph.node[:]
    proto.graph.node.extend(nodes)
    network = read_onnx(written(tmp_path, proto))
    assert [layer.name for layer in network.layers] == ["conv", "pool", "fc"]


def test_computing_of_constants_has_limits(tmp_path: Path) -> None:
    """A file of some bytes must not fill the memory."""
    shape = numpy_helper.from_array(np.array([1 << 13, 1 << 13, 1 << 4]), "s")
    proto = good()
    proto.graph.initializer.append(shape)
    proto.graph.node[0].input[1] = "big"
    proto.graph.node.append(node("ConstantOfShape", "s", "big", name="blank"))
    text = refused(written(tmp_path, proto))
    assert "node 'blank' (ConstantOfShape): expected a constant of at most 67,108,864" in text


def test_constants_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    proto = good()
    proto.graph.node[0].input[1] = "sum"
    proto.graph.node.append(node("Concat", "w b", "sum", name="join", axis=0))
    assert "node 'join' (Concat): expected constants that fit the operator" in refused(
        written(tmp_path, proto)
    )


def test_without_the_package_onnx_the_message_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, good())
    monkeypatch.setitem(sys.modules, "onnx", None)
    assert "install qrig[onnx]" in refused(path, UsageError)
