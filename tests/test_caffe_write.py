"""Caffe's files written: what is read back is the same, and nothing half-written stays."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import h5py
import numpy as np
import pytest
from google.protobuf import text_format
from hypothesis import given
from hypothesis import strategies as st

from filled_weights import filled
from property_runs import tried
from qrig.errors import FileFormatError, InputError, UnsupportedNetworkError, UsageError
from qrig.networks.caffe import (
    TEST,
    Weights,
    build_network,
    layers_of_phase,
    network_to_caffe,
    read_mean,
    read_prototxt,
    read_weights,
    write_mean,
    write_network,
    write_prototxt,
    write_weights,
)
from qrig.networks.caffe.schema import message
from qrig.networks.files import write_file
from qrig.networks.forward import forward
from qrig.networks.graph import Input, LocalResponseNormalization, Network, Pair, Pooling, Shape
from qrig.networks.lower import lower
from random_float_networks import any_float_network, random_float_network
from real_models import MODELS, requires_models
from tiny_network import PROTOTXT, tiny_blobs

SUFFIXES = (".caffemodel", ".caffemodel.h5")


def written(network: Network, folder: Path, suffix: str) -> Network:
    """The network as it comes back from its files."""
    model, weights = folder / "net.prototxt", folder / f"net{suffix}"
    write_network(network, model, weights)
    return build_network(read_prototxt(model), read_weights(weights), weights)


def assert_same_numbers(first: Network, second: Network) -> None:
    for mine, theirs in zip(first.layers, second.layers, strict=True):
        for name in ("weights", "bias"):
            numbers = getattr(mine, name, np.empty(0))
            # Depthwise of one channel comes back as the convolution that it is: the same order.
            assert np.array_equal(
                np.ravel(numbers), np.ravel(getattr(theirs, name, np.empty(0)))
            ), (mine.name, name)


def assert_same(first: Network, second: Network, *, exactly: bool = True) -> None:
    assert (first.name, first.input.name) == (second.name, second.input.name)
    assert first.input.shape == second.input.shape
    pixels = np.random.default_rng(0).integers(0, 256, first.input.shape, dtype=np.uint8)
    mine, theirs = forward(first, pixels), forward(second, pixels)
    assert list(mine) == list(theirs)
    for name, tensor in mine.items():
        # The order in which numpy adds up depends on where and how weights lie in memory.
        np.testing.assert_allclose(tensor, theirs[name], rtol=1e-4, atol=1e-4)
    if exactly:  # else groups of one channel come back as a depthwise convolution
        assert_same_numbers(first, second)


@tried(15)
@given(seed=st.integers(0, 1 << 32), suffix=st.sampled_from(SUFFIXES))
def test_random_networks_come_back(
    tmp_path_factory: pytest.TempPathFactory, seed: int, suffix: str
) -> None:
    folder = tmp_path_factory.mktemp("written")
    network = any_float_network(seed)
    assert_same(network, written(network, folder, suffix), exactly=False)
    lowered = lower(random_float_network(seed))
    assert_same(lowered, written(lowered, folder, suffix))


@requires_models
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_published_networks_come_back(tmp_path: Path, suffix: str) -> None:
    assert MODELS
    pairs = {
        "arm_cifar10/cifar10_m4_train_test.prototxt": "arm_cifar10/cifar10_m4_*.h5",
        "arm_cifar10/cifar10_m7_train_test.prototxt": "arm_cifar10/cifar10_m7_*.h5",
        "openmv/caffemodels/lenet_train_test@280546d63.prototxt": "openmv/caffemodels/lenet_*model",
        "openmv/caffemodels/smile_train_test@175315fd3.prototxt": "openmv/caffemodels/smile_*model",
    }
    shapes = {"cifar10": Shape(32, 32, 3), "lenet": Shape(28, 28, 1), "smile": Shape(32, 32, 1)}
    paths = [path for path in MODELS.glob("**/*.prototxt") if "solver" not in path.name]
    for path in sorted(paths):
        definition = read_prototxt(path)
        (shape,) = [shape for stem, shape in shapes.items() if stem in path.name]
        if "openmv/smile/" in str(path):
            shape = Shape(64, 64, 3)
        pattern = pairs.get(str(path.relative_to(MODELS)))
        if pattern is None:
            weights, source = filled(definition, shape), Path("filled")
        else:
            (source,) = MODELS.glob(pattern)
            weights = read_weights(source)
        network = build_network(definition, weights, source, input_shape=shape)
        assert_same(network, written(network, tmp_path, suffix))


def test_a_mean_image_is_written_beside_the_model(tmp_path: Path) -> None:
    network = random_float_network(3)
    mean = np.random.default_rng(0).uniform(0, 255, network.input.shape).astype(np.float32)
    network = attrs.evolve(network, input=attrs.evolve(network.input, mean=mean))
    assert_same(network, written(network, tmp_path, ".caffemodel"), exactly=False)
    assert np.array_equal(read_mean(str(tmp_path / "net_mean.binaryproto")), mean)
    with pytest.raises(UnsupportedNetworkError, match="write_network"):
        network_to_caffe(network)


def test_blobs_are_in_caffes_order() -> None:
    definition = text_format.Parse(PROTOTXT, message("NetParameter")())
    path = Path("net.prototxt")
    blobs = tiny_blobs()
    from qrig.networks.caffe import definition_of

    network = build_network(
        definition_of(path, definition), blobs, path, input_shape=Shape(8, 8, 3)
    )
    net, found = network_to_caffe(network)
    assert [(layer.name, layer.type) for layer in net.layer] == [
        ("data", "Input"), ("conv1", "Convolution"), ("pool1", "Pooling"), ("relu1", "ReLU"),
        ("ip1", "InnerProduct"),
    ]  # fmt: skip
    assert all(list(layer.top) == [layer.name] for layer in net.layer)
    assert [list(layer.bottom) for layer in net.layer] == [
        [], ["data"], ["conv1"], ["pool1"], ["relu1"],
    ]  # fmt: skip
    assert list(net.layer[0].input_param.shape[0].dim) == [1, 3, 8, 8]
    for name, arrays in blobs.items():
        for mine, theirs in zip(arrays, found[name], strict=True):
            assert np.array_equal(mine, theirs)


def test_a_snapshot_holds_the_layers_of_its_net(tmp_path: Path) -> None:
    path = tmp_path / "net.prototxt"
    path.write_text(PROTOTXT)
    net, blobs = read_prototxt(path).net, tiny_blobs()
    write_weights(tmp_path / "a.caffemodel", blobs, net=net)
    saved = message("NetParameter").FromString((tmp_path / "a.caffemodel").read_bytes())
    assert [(layer.name, layer.type, len(layer.blobs)) for layer in saved.layer] == [
        ("data", "Data", 0), ("conv1", "Convolution", 2), ("pool1", "Pooling", 0),
        ("relu1", "ReLU", 0), ("ip1", "InnerProduct", 2),
    ]  # fmt: skip
    assert list(saved.layer[1].blobs[0].shape.dim) == [4, 3, 3, 3]
    assert not saved.layer[1].blobs[0].HasField("num")
    write_weights(tmp_path / "a.caffemodel.h5", blobs, net=net)
    with h5py.File(tmp_path / "a.caffemodel.h5") as file:
        assert list(file) == ["data"]
        assert {name: list(group) for name, group in file["data"].items()} == {
            "data": [], "conv1": ["0", "1"], "pool1": [], "relu1": [], "ip1": ["0", "1"],
        }  # fmt: skip
        assert file["data/conv1/0"].dtype == np.dtype("<f4")
    for layer in net.layer:
        assert not layer.blobs


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_weights_come_back_without_a_net(tmp_path: Path, suffix: str) -> None:
    blobs: Weights = {**tiny_blobs(), "block/conv/1x1": [np.ones((1, 1), np.float32)]}
    blobs["block/conv"] = [np.array([2, 3], np.float32), np.array(4, np.float32)]
    path = tmp_path / f"a{suffix}"
    write_weights(path, blobs)
    found = read_weights(path)
    assert set(found) == set(blobs)
    for name, arrays in blobs.items():
        for mine, theirs in zip(arrays, found[name], strict=True):
            assert mine.shape == theirs.shape
            assert np.array_equal(mine, theirs)


def test_a_definition_is_written_without_blobs(tmp_path: Path) -> None:
    net = text_format.Parse(PROTOTXT, message("NetParameter")())
    net.layer[1].blobs.add().data.extend([1.0] * 1000)
    net.layer[0].transform_param.scale = 0.00390625
    net.layer[2].name = 'quo"ted\n'
    path = tmp_path / "net.prototxt"
    write_prototxt(path, net)
    assert path.stat().st_size < 2000
    assert "scale: 0.00390625\n" in path.read_text()
    found = read_prototxt(path)
    assert found.net.layer[2].name == 'quo"ted\n'
    assert [layer.name for _, layer in layers_of_phase(found, TEST)][:2] == ["data", "conv1"]
    assert len(net.layer[1].blobs) == 1


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(
    ("blobs", "error", "words"),
    [
        ({"conv1": [np.array([1, np.nan], np.float32)]}, FileFormatError, "blob 0: .*found 1 that"),
        ({"conv1": [np.array([1e300])]}, FileFormatError, "found 1 that are infinite"),
        ({"other": [np.ones(1, np.float32)]}, UsageError, "found those of 'other'"),
        ({"": [np.ones(1, np.float32)]}, UsageError, "found those of ''"),
        ({"conv1": [np.broadcast_to(np.float32(0), (1 << 14, 1 << 15))]}, UsageError,
         "at most 268,435,456 weights, found 536,870,912"),
    ],
)  # fmt: skip
def test_weights_that_cannot_be_are_not_written(
    tmp_path: Path, suffix: str, blobs: Any, error: type[InputError], words: str
) -> None:
    net = text_format.Parse(PROTOTXT, message("NetParameter")())
    with pytest.raises(error, match=words):
        write_weights(tmp_path / f"a{suffix}", blobs, net=net)
    assert list(tmp_path.iterdir()) == []


def test_names_hdf5_cannot_hold_are_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"a\.h5: expected layer names HDF5 can hold"):
        write_weights(tmp_path / "a.h5", {"a\0b": [np.ones(1, np.float32)]})
    for names in (["a", "a/0"], ["/a"], ["a//b"], ["."]):
        with pytest.raises(UsageError, match="expected layer names HDF5 can hold"):
            write_weights(tmp_path / "a.h5", {name: [np.ones(1, np.float32)] for name in names})
    assert list(tmp_path.iterdir()) == []


def test_a_normalisation_and_a_pooling_that_are_not_caffes_are_refused() -> None:
    shape = Shape(4, 4, 2)
    pads = Pair(1, 1)
    layers = (
        LocalResponseNormalization(
            "n", ("x",), shape, shape, 3, 1.0, 1.0, 2.0, within_channel=True
        ),
        Pooling("p", ("x",), shape, shape, "average", Pair(3, 3), Pair(1, 1), pads),
        Pooling("p", ("x",), shape, Shape(9, 9, 2), "max", Pair(2, 2), Pair(2, 2), Pair(0, 0)),
    )
    for layer in layers:
        with pytest.raises(UnsupportedNetworkError, match=f"layer '{layer.name}': a "):
            network_to_caffe(Network("other", Input("x", shape), (layer,)))


def _no_folder(folder: Path) -> Path:
    return folder / "none" / "file"


def _folder(folder: Path) -> Path:
    (folder / "taken").mkdir()
    return folder / "taken"


def _pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe")
    return folder / "pipe"


def _loop(folder: Path) -> Path:
    (folder / "loop").symlink_to(folder / "loop")
    return folder / "loop"


def _null(folder: Path) -> Path:
    return folder / "nu\0ll"


def _long(folder: Path) -> Path:
    return folder / ("x" * 300)


@pytest.mark.parametrize("place", [_no_folder, _folder, _pipe, _loop, _null, _long])
def test_places_that_cannot_be_written_are_told(
    tmp_path: Path, place: Callable[[Path], Path]
) -> None:
    path = place(tmp_path)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(UsageError, match="expected a file") as caught:
        write_prototxt(path, message("NetParameter")())
    assert str(caught.value).startswith(str(path))
    assert sorted(tmp_path.iterdir()) == before


def test_a_writer_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_text("old")

    def half(place: Path) -> None:
        assert place.parent == tmp_path
        assert place.suffix == ".txt"
        place.write_text("half")
        raise OSError(28, os.strerror(28))

    with pytest.raises(UsageError, match=r"file\.txt: .*No space left"):
        write_file(path, half)

    def broken(place: Path) -> None:
        place.write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_file(path, broken)
    assert path.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["file.txt"]


def test_a_link_is_written_through(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("old")
    link.symlink_to(target)
    write_mean(link, np.ones((1, 1, 3), np.float32))
    assert link.is_symlink()
    assert read_mean(str(target)).tolist() == [[[1, 1, 1]]]
