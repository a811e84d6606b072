"""ARM's own CIFAR-10 networks on every target: each layer of 20 images, ARM's logits for m4."""

import json

import numpy as np
import pytest

from either_way import EITHER_WAY, deployed_or_skipped, in_way
from qrig.build import build_deployment
from qrig.datasets import Sample, read_image
from qrig.networks.description import NetworkDescription
from qrig.runs.bench import run_inputs
from qrig.runs.deployed import FULL, Deployed
from qrig.runs.networks import LoadedNetwork, load_description
from qrig.runs.targets import Target
from real_models import MODELS, requires_models

_SNAPSHOTS = {"m4": "iter_70000", "m7": "iter_300000"}


def _load(name: str, mean: str | None = None) -> LoadedNetwork:
    assert MODELS is not None
    folder = MODELS / "arm_cifar10"
    return load_description(
        NetworkDescription(
            f"arm-{name}",
            folder / f"cifar10_{name}_train_test.prototxt",
            folder / f"cifar10_{name}_{_SNAPSHOTS[name]}.caffemodel.h5",
            folder / f"cifar10_{name}.pkl",
            mean=mean or str(folder / "cifar10_mean_rounded.npy"),
        )
    )


def _images(loaded: LoadedNetwork) -> tuple[Sample, ...]:
    assert MODELS is not None
    shape = loaded.quantized.input.shape
    paths = sorted((MODELS / "images" / "foolbox").glob("cifar10_*.png"))
    return tuple(
        Sample(path.name, read_image(path, shape), int(path.stem.rpartition("_")[2]))
        for path in paths
    )


@requires_models
@pytest.mark.parametrize("name", ["m4", "m7"])
def test_every_layer_of_20_images_is_bit_exact(target: Target, name: str) -> None:
    loaded = _load(name)
    images = _images(loaded)
    compared = 0
    logits = []
    with Deployed(target, build_deployment(loaded.quantized, target.board)) as deployed:
        for _, layers, expected in run_inputs(deployed, images, FULL):
            assert {layer.comparison.verdict for layer in layers} == {"bit-exact"}
            compared += sum(layer.shape.size for layer in layers)
            logits.append(expected.logits.tolist())
    assert len(images) == 20
    assert compared > 1_000_000
    if name == "m4":
        assert MODELS is not None
        golden = json.loads((MODELS / "golden" / "golden_cifar10_m4_foolbox20.json").read_text())
        assert logits == [entry["q_dsp"] for entry in golden]
        right = [np.argmax(row) == image.label for row, image in zip(logits, images, strict=True)]
        assert sum(right) == 19


@requires_models
@EITHER_WAY
@pytest.mark.parametrize("name", ["m4", "m7"])
def test_with_means_of_channels_in_both_ways(target: Target, name: str, way: str) -> None:
    loaded, target = _load(name, mean="125,123,114"), in_way(target, way)
    images = _images(loaded)[:4]
    stages = len(loaded.quantized.stages)
    compared = 0
    with Deployed(target, deployed_or_skipped(loaded, target)) as deployed:
        for _, layers, _ in run_inputs(deployed, images, FULL):
            assert [layer.comparison.verdict for layer in layers] == ["bit-exact"] * stages
            compared += sum(layer.shape.size for layer in layers)
    assert compared > 100_000


@requires_models
def test_m4_tensors_on_the_target_equal_arms(target: Target) -> None:
    loaded = _load("m4")
    assert MODELS is not None
    with (
        Deployed(target, build_deployment(loaded.quantized, target.board)) as deployed,
        np.load(MODELS / "golden" / "cifar10_m4_layers.npz") as golden,
    ):
        for image in (0, 1):
            remote = deployed.run(golden[f"image{image}"])
            stages = loaded.quantized.stages
            found = dict(zip([stage.name for stage in stages], remote.tensors, strict=True))
            keys = [key for key in golden.files if key.startswith(f"image{image}_dsp_")]
            assert len(keys) == 10
            for key in keys:
                assert found[key.rpartition("_")[2]] == golden[key].tobytes(), key
