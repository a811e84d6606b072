"""Trained weights from Caffe's binary and HDF5 snapshots: values, shapes and hazards."""

import random
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from qrig.errors import FileFormatError
from qrig.fixedpoint import read_formats
from qrig.networks.caffe import build_network, read_prototxt, read_weights
from qrig.networks.caffe.schema import message
from qrig.networks.graph import Convolution, Network, Shape
from real_models import MODELS, requires_models
from tiny_network import PROTOTXT, caffemodel_bytes, tiny_blobs, write_h5


def binary(path: Path, build: Any) -> Path:
    """Write a binary NetParameter whose one layer `build` fills."""
    net = message("NetParameter")()
    build(net)
    path.write_bytes(net.SerializeToString())
    return path


def network(folder: Path, weights: Path) -> Network:
    model = folder / "net.prototxt"
    model.write_text(PROTOTXT)
    return build_network(
        read_prototxt(model), read_weights(weights), weights, input_shape=Shape(8, 8, 3)
    )


@requires_models
def test_arms_quantised_weights_are_the_float_weights_rounded() -> None:
    assert MODELS
    folder = MODELS / "arm_cifar10"
    floats = read_weights(folder / "cifar10_m4_iter_70000.caffemodel.h5")
    quantized = read_weights(folder / "quantized_cifar10_m4_iter_70000.caffemodel")
    formats = read_formats(folder / "cifar10_m4.pkl")
    assert set(floats) == set(quantized) == {"conv1", "conv2", "conv3", "ip1"}
    for name, blobs in floats.items():
        entry = formats.layers[name]
        bits = (entry.weight_fraction_bits, entry.bias_fraction_bits)
        for blob, found, fraction_bits in zip(blobs, quantized[name], bits, strict=True):
            assert fraction_bits is not None
            scale = 2.0**fraction_bits
            assert np.array_equal(found, np.clip(np.round(blob * scale), -128, 127) / scale)


@requires_models
@pytest.mark.parametrize(
    ("name", "shapes"),
    [
        (
            "lenet_iter_10000@280546d63",
            {"conv1": (20, 1, 5, 5), "conv2": (50, 20, 5, 5), "ip1": (100, 800), "ip2": (10, 100)},
        ),
        (
            "smile_iter_200000@175315fd3",
            {
                "conv1": (16, 1, 3, 3),
                "conv2": (16, 16, 3, 3),
                "conv3": (32, 16, 5, 5),
                "ip1": (2, 512),
            },
        ),
    ],
)
def test_openmvs_snapshots_are_read(name: str, shapes: dict[str, tuple[int, ...]]) -> None:
    assert MODELS
    weights = read_weights(MODELS / "openmv" / "caffemodels" / f"{name}.caffemodel")
    assert {layer: blobs[0].shape for layer, blobs in weights.items()} == shapes
    for layer, (_, bias) in weights.items():
        assert bias.shape == (shapes[layer][0],)
        assert bias.dtype == np.float32


def test_both_containers_give_the_same_blobs(tmp_path: Path) -> None:
    blobs = tiny_blobs()
    write_h5(tmp_path / "a.h5", blobs)
    (tmp_path / "a.caffemodel").write_bytes(caffemodel_bytes(blobs))
    for path in (tmp_path / "a.h5", tmp_path / "a.caffemodel"):
        found = read_weights(path)
        assert list(found) == list(blobs)
        for name, arrays in blobs.items():
            for mine, theirs in zip(arrays, found[name], strict=True):
                assert theirs.dtype == np.float32
                assert np.array_equal(mine, theirs)


def test_the_content_decides_not_the_suffix(tmp_path: Path) -> None:
    write_h5(tmp_path / "a.caffemodel", tiny_blobs())
    (tmp_path / "b.h5").write_bytes(caffemodel_bytes(tiny_blobs()))
    assert set(read_weights(tmp_path / "a.caffemodel")) == set(read_weights(tmp_path / "b.h5"))


def test_legacy_shapes_doubles_and_the_old_layer_list_are_read(tmp_path: Path) -> None:
    blobs = tiny_blobs()

    def old(net: Any) -> None:
        for name, (weight, bias) in blobs.items():
            layer = net.layers.add(name=name)
            first = layer.blobs.add()
            sides = (1,) * (4 - weight.ndim) + weight.shape
            first.num, first.channels, first.height, first.width = sides
            first.double_data.extend(weight.ravel().tolist())
            # The defaults of a legacy shape that is there in part are zero in Caffe, so all four.
            second = layer.blobs.add(num=1, channels=1, height=1, width=len(bias))
            second.data.extend(bias.tolist())

    path = binary(tmp_path / "old.caffemodel", old)
    found = read_weights(path)
    assert found["ip1"][0].shape == (1, 1, 3, 64)
    built = network(tmp_path, path).layers[0]
    assert isinstance(built, Convolution)
    assert np.array_equal(built.weights, blobs["conv1"][0].transpose(0, 2, 3, 1))
    assert np.array_equal(built.bias, blobs["conv1"][1])


def test_floats_that_are_not_packed_are_read(tmp_path: Path) -> None:
    # LayerParameter: name "c", blobs { shape { dim: 2 }, data: 1.0, data: -2.0 (tag 5, 32 bit) }.
    values = b"\x2d" + np.float32(1).tobytes() + b"\x2d" + np.float32(-2).tobytes()
    blob = b"\x3a\x02\x08\x02" + values
    layer = b"\x0a\x01c" + b"\x3a" + bytes([len(blob)]) + blob
    path = tmp_path / "a.caffemodel"
    path.write_bytes(b"\xa2\x06" + bytes([len(layer)]) + layer)
    assert [blob.tolist() for blob in read_weights(path)["c"]] == [[1.0, -2.0]]


def test_doubles_win_over_floats_as_in_caffe(tmp_path: Path) -> None:
    def both(net: Any) -> None:
        blob = net.layer.add(name="c").blobs.add()
        blob.shape.dim.append(1)
        blob.data.append(1.0)
        blob.double_data.append(2.0)

    assert read_weights(binary(tmp_path / "a", both))["c"][0].tolist() == [2.0]


@pytest.mark.parametrize("kind", ["h5", "binary"])
def test_a_truncated_file_is_refused_or_read_whole(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "weights"
    write_h5(path, tiny_blobs())
    data = path.read_bytes() if kind == "h5" else caffemodel_bytes(tiny_blobs())
    conv1 = len(caffemodel_bytes({"conv1": tiny_blobs()["conv1"]}))
    for length in [*range(64), *range(64, len(data), 61), len(data) - 1]:
        path.write_bytes(data[:length])
        if kind == "binary" and length == conv1:
            continue  # a whole message of its own
        with pytest.raises(FileFormatError, match="weights: "):
            network(tmp_path, path)


def test_random_bytes_and_other_files_are_refused(tmp_path: Path) -> None:
    pick = random.Random(0)
    path = tmp_path / "weights"
    for start in (b"", b"\x89HDF\r\n\x1a\n"):
        for length in (1, 7, 100, 5000):
            path.write_bytes(start + pick.randbytes(length))
            with pytest.raises(FileFormatError):
                read_weights(path)
    path.write_text(PROTOTXT)
    with pytest.raises(FileFormatError):
        read_weights(path)


def test_missing_empty_directory_and_device_are_named(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    for path, found in (
        (tmp_path / "missing", "No such file"),
        (tmp_path / "empty", "an empty file"),
        (tmp_path, "a directory"),
        (Path("/dev/zero"), "a device or a pipe"),
        (tmp_path / ("x" * 300), "too long"),
    ):
        with pytest.raises(FileFormatError, match=found):
            read_weights(path)


def test_a_binary_file_without_blobs_holds_no_weights(tmp_path: Path) -> None:
    path = binary(tmp_path / "a", lambda net: net.layer.add(name="conv1"))
    with pytest.raises(FileFormatError, match="found a file without any"):
        read_weights(path)


@pytest.mark.parametrize(
    ("dims", "values", "words"),
    [
        ([2, 3], [0.0] * 5, r"expected 6 values for shape \(2, 3\), found 5"),
        ([1 << 40], [], "at most 32 axes and 67,108,864 elements"),
        ([1 << 62, 0], [], "at most 32 axes"),
        ([1] * 100, [1.0], "found 100 axes"),
        ([-1], [1.0], "at most 32 axes"),
        ([2], [1.0, float("nan")], "found 1 that are infinite or not a number"),
        ([2], [float("inf"), float("-inf")], "found 2 that are infinite"),
    ],
)
def test_a_blob_that_cannot_be_is_named(
    tmp_path: Path, dims: list[int], values: list[float], words: str
) -> None:
    def fill(net: Any) -> None:
        blob = net.layer.add(name="conv1").blobs.add()
        blob.shape.dim.extend(dims)
        blob.data.extend(values)

    with pytest.raises(FileFormatError, match=rf"layer 'conv1', blob 0: .*{words}"):
        read_weights(binary(tmp_path / "a", fill))


def test_doubles_beyond_float32_are_not_finite(tmp_path: Path) -> None:
    def fill(net: Any) -> None:
        blob = net.layer.add(name="conv1").blobs.add()
        blob.shape.dim.append(1)
        blob.double_data.append(1e300)

    with pytest.raises(FileFormatError, match="found 1 that are infinite"):
        read_weights(binary(tmp_path / "a", fill))


@pytest.mark.parametrize(
    ("blobs", "words"),
    [
        ({"conv1": tiny_blobs()["conv1"]}, "layer 'ip1' of the model, found no such layer"),
        ({**tiny_blobs(), "conv1": tiny_blobs()["conv1"][:1]}, "expected 2 blobs .* found 1 blobs"),
        ({**tiny_blobs(), "conv1": tiny_blobs()["conv1"][::-1]}, r"shape \(4, 3, 3, 3\), found"),
        ({**tiny_blobs(), "ip1": tiny_blobs()["conv1"]}, r"shape \(3, 64\), found \(4, 3, 3, 3\)"),
        ({"first": tiny_blobs()["conv1"]}, "weights of another network"),
    ],
)
def test_weights_of_another_network_are_told(tmp_path: Path, blobs: Any, words: str) -> None:
    path = tmp_path / "weights.h5"
    write_h5(path, blobs)
    with pytest.raises(FileFormatError, match=words) as caught:
        network(tmp_path, path)
    assert "another network" in str(caught.value)


def test_hdf5_links_out_of_the_file_are_not_followed(tmp_path: Path) -> None:
    write_h5(tmp_path / "other.h5", tiny_blobs())
    links: dict[str, Any] = {
        "external": h5py.ExternalLink(str(tmp_path / "other.h5"), "/data/conv1/0"),
        "soft": h5py.SoftLink("/data/ip1/0"),
        "loop": h5py.SoftLink("/data"),
    }
    for name, link in links.items():
        path = tmp_path / f"{name}.h5"
        write_h5(path, {"conv1": tiny_blobs()["conv1"][:1], "ip1": tiny_blobs()["ip1"]})
        with h5py.File(path, "a") as file:
            file["data/conv1/1"] = link
        with pytest.raises(FileFormatError, match=r"/data/conv1/1: .*found a link"):
            read_weights(path)


def test_hdf5_values_kept_elsewhere_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(bytes(16))
    write_h5(tmp_path / "other.h5", {"c": [np.zeros(4, dtype=np.float32)]})
    outside = [(str(tmp_path / "secret"), 0, 16)]
    with h5py.File(tmp_path / "external.h5", "w") as file:
        file.create_dataset("data/c/0", (4,), "f4", external=outside)
    layout = h5py.VirtualLayout(shape=(4,), dtype="f4")
    layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "data/c/0", shape=(4,))
    with h5py.File(tmp_path / "virtual.h5", "w") as file:
        file.create_group("data/c").create_virtual_dataset("0", layout)
    for name in ("external.h5", "virtual.h5"):
        with pytest.raises(FileFormatError, match="kept in this file"):
            read_weights(tmp_path / name)


def _declare(file: Any, case: str) -> None:
    group = file.create_group("data/c")
    if case == "integers":
        group["0"] = np.zeros(3, dtype=np.int32)
    elif case == "text":
        group["0"] = "text"
    elif case == "huge":
        group.create_dataset("0", (1 << 20, 1 << 20), "f4", chunks=(16, 16))
    elif case == "null":
        group["0"] = h5py.Empty("f4")
    elif case == "group":
        group.create_group("0")
    elif case == "hole":
        group["1"] = np.zeros(3, dtype=np.float32)
    elif case == "nan":
        group["0"] = np.array([0, np.nan], dtype=np.float32)
    elif case == "double":
        group["0"] = np.array([1e300])
    elif case == "type":
        group["0"] = np.dtype("f4")


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("integers", "floating-point numbers .*found int32"),
        ("text", "floating-point numbers .*found object"),
        ("huge", "at most 67,108,864 numbers"),
        ("null", "at most 67,108,864 numbers, found none"),
        ("group", "an HDF5 dataset, found group"),
        ("hole", "/data/c/0: expected an HDF5 dataset, found nothing"),
        ("nan", "found 1 that are infinite or not"),
        ("double", "found 1 that are infinite or not"),
        ("type", "an HDF5 dataset, found datatype"),
        ("empty", "found a file without any"),
    ],
)
def test_hdf5_members_of_another_kind_are_refused(tmp_path: Path, case: str, words: str) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        _declare(file, case)
    with pytest.raises(FileFormatError, match=words):
        read_weights(path)


def _bomb(data: Any, case: str) -> None:
    if case == "deep":
        data.create_group("/".join("a" * 20))
    elif case == "loops":
        for name in "abcdefgh":
            data[name] = data
    elif case == "large":
        for index in range(5):
            shape, chunks = (1 << 26,), (1 << 20,)
            data.create_dataset(f"c/{index}", shape, "f4", chunks=chunks, compression="gzip")


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("deep", "at most 16 parts"),
        ("loops", "at most 16 parts"),
        ("large", "at most 268,435,456 weights in 16,384 layers, found more"),
    ],
)
def test_hdf5_bombs_are_refused_before_they_are_read(tmp_path: Path, case: str, words: str) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        _bomb(file.create_group("data"), case)
    with pytest.raises(FileFormatError, match=words):
        read_weights(path)


@pytest.mark.parametrize("parent", ["data", "data/conv1"])
def test_hdf5_names_that_are_no_text_are_refused(tmp_path: Path, parent: str) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.create_group(parent).create_group(b"\xff\xfe")
    with pytest.raises(FileFormatError, match=r"found it damaged \(the name .* is not text"):
        read_weights(path)


def test_an_hdf5_file_that_is_no_snapshot_is_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["weights"] = np.zeros(3)
    with pytest.raises(FileFormatError, match="/data: expected an HDF5 group, found nothing"):
        read_weights(tmp_path / "a.h5")
