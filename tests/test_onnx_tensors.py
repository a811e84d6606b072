"""Tensors of ONNX files: every encoding, and those kept in a file beside the model."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from onnx_files import good, numbers, only, onnx, refused, types, written
from qrig.networks.graph import Convolution
from qrig.networks.onnx import read_onnx

W = numbers(4, 3, 3, 3)
TensorProto, helper, numpy_helper = onnx.TensorProto, onnx.helper, onnx.numpy_helper

ENCODINGS: dict[str, Callable[[], Any]] = {
    "raw floats": lambda: numpy_helper.from_array(W, "w"),
    "floats": lambda: helper.make_tensor("w", TensorProto.FLOAT, W.shape, W.reshape(-1)),
    "raw doubles": lambda: numpy_helper.from_array(W.astype(np.float64), "w"),
    "doubles": lambda: helper.make_tensor("w", TensorProto.DOUBLE, W.shape, W.reshape(-1)),
    "raw halves": lambda: numpy_helper.from_array(W.astype(np.float16), "w"),
    "halves": lambda: helper.make_tensor("w", TensorProto.FLOAT16, W.shape, W.reshape(-1)),
    "brain floats": lambda: helper.make_tensor("w", TensorProto.BFLOAT16, W.shape, W.reshape(-1)),
}


@pytest.mark.parametrize("name", ENCODINGS)
def test_weights_in_every_encoding(name: str, tmp_path: Path) -> None:
    proto = good()
    tensor = ENCODINGS[name]()
    proto.graph.initializer[0].CopyFrom(tensor)
    layer = only(read_onnx(written(tmp_path, proto)), "convolution")
    assert isinstance(layer, Convolution)
    wanted = numpy_helper.to_array(tensor).astype(np.float32).transpose(0, 2, 3, 1)
    np.testing.assert_array_equal(layer.weights[:, 1:, 1:], wanted)
    np.testing.assert_allclose(wanted, W.transpose(0, 2, 3, 1), atol=0.005)


@pytest.mark.parametrize("kind", [TensorProto.INT32, TensorProto.INT64, TensorProto.UINT64])
@pytest.mark.parametrize("raw", [False, True])
def test_targets_in_every_encoding(kind: int, raw: bool, tmp_path: Path) -> None:
    proto = good()
    values = np.array([1, 4], helper.tensor_dtype_to_np_dtype(kind))
    data = values.tobytes() if raw else values
    tensor = helper.make_tensor("target", kind, [2], data, raw=raw)
    proto.graph.initializer[2].CopyFrom(tensor)
    assert types(read_onnx(written(tmp_path, proto)))[-1] == "innerproduct"


def outside(proto: Any, **facts: str) -> Any:
    """Say that the first weights lie in another file."""
    tensor = proto.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in facts.items():
        tensor.external_data.add(key=key, value=value)
    return proto


def test_weights_in_a_file_beside_the_model(tmp_path: Path) -> None:
    (tmp_path / "net.onnx.data").write_bytes(b"12345678" + W.tobytes())
    facts = {"location": "net.onnx.data", "offset": "8", "length": str(W.nbytes)}
    layer = only(read_onnx(written(tmp_path, outside(good(), **facts))), "convolution")
    assert isinstance(layer, Convolution)
    np.testing.assert_array_equal(layer.weights[:, 1:, 1:], W.transpose(0, 2, 3, 1))


OUTSIDE: dict[str, tuple[dict[str, str], str]] = {
    "nowhere": ({}, "found them in ''"),
    "above": ({"location": "../secret"}, "found them in '../secret'; export the network with"),
    "absolute": ({"location": "/etc/passwd"}, "found them in '/etc/passwd'"),
    "below": ({"location": "folder/data"}, "found them in 'folder/data'"),
    "folder above": ({"location": ".."}, "found no such file"),
    "NUL": ({"location": "da\0ta"}, "found them in 'da"),
    "missing": ({"location": "missing"}, "found no such file; copy both files"),
    "link": ({"location": "link"}, "found no such file"),
    "device": ({"location": "device"}, "found no such file"),
    "cut off": ({"location": "short"}, "expected 432 bytes at offset 0 of 'short', found 9"),
    "behind its end": ({"location": "short", "offset": "4000000000000"}, "found 0; the file is"),
    "no number": ({"location": "short", "offset": "many"}, "found length None at 'many'"),
    "negative": ({"location": "short", "offset": "-1"}, "found length None at '-1'"),
    "too large a number": ({"location": "short", "offset": "9" * 5000}, "expected 432 bytes"),
    "another length": ({"location": "short", "length": "9"}, "found length '9' at None"),
}  # fmt: skip


@pytest.mark.parametrize("name", OUTSIDE)
def test_weights_elsewhere_are_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(W.tobytes())
    folder = tmp_path / "model"
    (folder / "folder").mkdir(parents=True)
    (folder / "folder" / "data").write_bytes(W.tobytes())
    (folder / "short").write_bytes(b"123456789")
    (folder / "link").symlink_to(tmp_path / "secret")
    os.mkfifo(folder / "device")
    facts, text = OUTSIDE[name]
    assert text in refused(written(folder, outside(good(), **facts)))
