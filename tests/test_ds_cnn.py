"""The bundled DS-CNN: the files make.py makes, with the shape and ranges README.md tells of."""

import runpy
from pathlib import Path

import h5py
import numpy as np
import pytest

from qrig.fixedpoint.quantized import QuantizedLayer
from qrig.networks.caffe import build_network, read_prototxt, read_weights
from qrig.networks.forward import forward
from qrig.networks.graph import Shape
from qrig.reference import Trace, run_reference
from qrig.resources import models_root
from qrig.runs.networks import LoadedNetwork, bundled_networks, load_network

FOLDER = models_root() / "ds-cnn"
MAPS = Shape(25, 5, 64)


@pytest.fixture(scope="module")
def loaded() -> LoadedNetwork:
    return load_network("ds-cnn")


@pytest.fixture(scope="module")
def traces(loaded: LoadedNetwork) -> list[Trace]:
    return [run_reference(loaded.quantized, sample.pixels) for sample in loaded.samples]


def _numbers(path: Path) -> dict[str, list[bytes]]:
    with h5py.File(path) as file:
        return {
            name: [np.asarray(blob[()]).tobytes() for blob in group.values()]
            for name, group in file["data"].items()
        }


def test_the_files_are_what_the_script_makes(tmp_path: Path) -> None:
    script = runpy.run_path(str(FOLDER / "make.py"))
    script["make"](tmp_path)
    made = {path.name for path in tmp_path.iterdir()}
    assert made == {script[name] for name in ("MODEL", "WEIGHTS", "FORMATS", "SAMPLES")}
    for name in made:
        if name == script["WEIGHTS"]:  # the library that writes it decides about its other bytes
            assert _numbers(tmp_path / name) == _numbers(FOLDER / name)
        else:
            assert (tmp_path / name).read_bytes() == (FOLDER / name).read_bytes(), name
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 200_000


def test_it_is_bundled_without_labels(loaded: LoadedNetwork) -> None:
    assert bundled_networks() == ("cifar-shape-fashion", "ds-cnn", "lenet-mnist")
    assert loaded.labels == ()
    assert len(loaded.samples) == 10
    assert {sample.label for sample in loaded.samples} == {None}
    assert loaded.notices == ()


def test_its_shape_is_that_of_ds_cnn(loaded: LoadedNetwork) -> None:
    network = loaded.quantized
    assert network.input.shape == Shape(49, 10, 1)
    layers = [layer for layer in network.layers if layer.type != "relu"]
    assert [(layer.name, layer.type, layer.out_shape, layer.mac) for layer in layers] == [
        ("conv1", "convolution", MAPS, 320_000),
        *(
            entry
            for block in range(2, 6)
            for entry in (
                (f"dw{block}", "depthwise", MAPS, 72_000),
                (f"pw{block}", "convolution", MAPS, 512_000),
            )
        ),
        ("pool", "pooling", Shape(1, 1, 64), 0),
        ("ip1", "innerproduct", Shape(1, 1, 12), 768),
    ]
    assert len(network.layers) == len(layers) + 9
    assert network.mac == 2_656_768
    assert sum(_parameters(layer) for layer in layers) == 22_604


def _parameters(layer: QuantizedLayer) -> int:
    return sum(getattr(layer, name).size for name in ("weights", "bias") if hasattr(layer, name))


def test_nothing_saturates_or_vanishes(loaded: LoadedNetwork, traces: list[Trace]) -> None:
    for index, stage in enumerate(loaded.quantized.stages):
        if stage.type in ("data", "relu", "pooling"):
            continue
        values = np.stack([trace.tensors[index] for trace in traces]).astype(np.int64)
        assert values.min() > -128
        assert values.max() < 127
        assert np.sqrt((values**2).mean()) > 7, stage.name
    assert len({trace.logits.tobytes() for trace in traces}) == len(traces)


def test_fixed_point_follows_the_float_network(loaded: LoadedNetwork, traces: list[Trace]) -> None:
    weights = FOLDER / "ds-cnn.caffemodel.h5"
    network = build_network(
        read_prototxt(FOLDER / "ds-cnn.prototxt"), read_weights(weights), weights
    )
    assert network.input.scale == 2.0**-7
    step = 2.0 ** -loaded.quantized.layers[-1].fraction_bits
    for sample, trace in zip(loaded.samples, traces, strict=True):
        exact = forward(network, sample.pixels)[network.output.name].ravel()
        assert np.abs(trace.logits * step - exact).max() < 0.1
