"""What feeds a Caffe network: which blob it is, its shape, order of channels, mean and scale."""

from pathlib import Path

import numpy as np
import pytest

from qrig.errors import FileFormatError
from qrig.networks.caffe import build_network, read_prototxt
from qrig.networks.graph import Input, Shape
from tiny_network import mean_bytes

RELU = ' layer { name: "r" type: "ReLU" bottom: "x" top: "r" }'
LOSS = ' layer { name: "loss" type: "SoftmaxWithLoss" bottom: "r" bottom: "label" top: "loss" }'
DIMS = "dim: 1 dim: 3 dim: 6 dim: 7"


def read_input(folder: Path, text: str, shape: Shape | None = None) -> Input:
    path = folder / "net.prototxt"
    path.write_text(text)
    return build_network(read_prototxt(path), {}, Path("w"), input_shape=shape).input


@pytest.mark.parametrize(
    ("declared", "shape", "order"),
    [
        ('type: "ImageData" image_data_param { source: "s" new_height: 6 new_width: 7 }',
         (6, 7, 3), "bgr"),
        ('type: "ImageData" image_data_param { new_height: 6 new_width: 7 is_color: false }',
         (6, 7, 1), "gray"),
        ('type: "ImageData" image_data_param { new_height: 6 new_width: 7 crop_size: 5 }',
         (5, 5, 3), "bgr"),
        ('type: "ImageData" transform_param { crop_size: 5 }', (5, 5, 3), "bgr"),
        (f'type: "DummyData" dummy_data_param {{ shape {{ {DIMS} }} }}', (6, 7, 3), "rgb"),
        ('type: "DummyData" dummy_data_param { num: 2 channels: 3 height: 6 width: 7 }',
         (6, 7, 3), "rgb"),
        ('type: "MemoryData" memory_data_param { batch_size: 1 channels: 1 height: 6 width: 7 }',
         (6, 7, 1), "gray"),
        (f'type: "Input" input_param {{ shape {{ {DIMS} }} }}', (6, 7, 3), "rgb"),
        ('type: "Input" input_param { shape { dim: [5, 9] } }', (1, 1, 9), "rgb"),
    ],
)  # fmt: skip
def test_layers_that_declare_their_shape(
    tmp_path: Path, declared: str, shape: tuple[int, int, int], order: str
) -> None:
    text = f'layer {{ name: "in" top: "x" top: "label" {declared} }}' + RELU + LOSS
    found = read_input(tmp_path, text)
    assert (found.name, found.shape, found.channel_order) == ("x", shape, order)
    assert (found.mean, found.scale) == (None, 1.0)


@pytest.mark.parametrize("kind", ["Data", "HDF5Data", "ImageData"])
def test_layers_that_do_not_take_the_users_word(tmp_path: Path, kind: str) -> None:
    text = f'layer {{ name: "in" type: "{kind}" top: "x" top: "label" }}' + RELU + LOSS
    assert read_input(tmp_path, text, Shape(5, 4, 3)).shape == (5, 4, 3)
    with pytest.raises(FileFormatError, match="expected the shape of input 'x', found none"):
        read_input(tmp_path, text)


@pytest.mark.parametrize(
    "declared",
    [
        'layer { name: "in" type: "HDF5Data" top: "label" top: "x" }',
        'layer { name: "a" type: "Data" top: "label" } layer { name: "b" type: "Data" top: "x" }',
        f'input: "label" input: "x" input_shape {{ dim: 1 }} input_shape {{ {DIMS} }}',
        'input: "label" input: "x" input_dim: [1, 1, 1, 1, 1, 3, 6, 7]',
        f'layer {{ name: "in" type: "Input" top: "label" top: "x" input_param {{ '
        f"shape {{ dim: 1 }} shape {{ {DIMS} }} }} }}",
        'layer { name: "in" type: "Data" top: "x" top: "y" }'
        ' layer { name: "same" type: "Split" bottom: "y" top: "label" top: "other" }',
    ],
)
def test_labels_are_what_losses_alone_read(tmp_path: Path, declared: str) -> None:
    assert read_input(tmp_path, declared + RELU + LOSS, Shape(6, 7, 3)).name == "x"


@pytest.mark.parametrize(
    ("declared", "found"),
    [
        (f'input: "x" input: "y" input_shape {{ {DIMS} }}', 2),
        (
            'layer { name: "in" type: "Input" top: "x" } layer { name: "b" type: "Data" top: "x" }',
            2,
        ),
        ('layer { name: "in" type: "Input" top: "x" } input: "label"', 2),
        ("", 0),
    ],
)
def test_one_input_is_what_it_takes(tmp_path: Path, declared: str, found: int) -> None:
    with pytest.raises(FileFormatError, match=rf"expected one input .* found {found}"):
        read_input(tmp_path, declared + RELU, Shape(6, 7, 3))


def test_two_inputs_that_the_network_reads_are_refused(tmp_path: Path) -> None:
    both = ' layer { name: "e" type: "Eltwise" bottom: "r" bottom: "y" top: "e" }'
    with pytest.raises(FileFormatError, match=r"expected one input .* found 2"):
        read_input(tmp_path, f'input: "x" input: "y" input_shape {{ {DIMS} }}' + RELU + both)


@pytest.mark.parametrize("dims", ["dim: 3", "dim: [1, 3, 6]", "dim: [1, 3, 6, 7, 8]"])
def test_dimensions_qrig_does_not_have_are_told(tmp_path: Path, dims: str) -> None:
    with pytest.raises(FileFormatError, match=r"input 'x': expected the dimensions n, c, h, w or"):
        read_input(tmp_path, f'input: "x" input_shape {{ {dims} }}' + RELU)


@pytest.mark.parametrize("dims", ["[1, 0, 6, 7]", "[1, 3, -6, 7]", "[1, 3, 70000, 7]"])
def test_dimensions_that_cannot_be_are_told(tmp_path: Path, dims: str) -> None:
    with pytest.raises(FileFormatError, match=r"input 'x': expected sides of 1 to 65,535"):
        read_input(tmp_path, f'input: "x" input_shape {{ dim: {dims} }}' + RELU)


def test_a_mean_image_tells_the_shape_and_is_cropped_like_images(tmp_path: Path) -> None:
    planes = np.random.default_rng(0).uniform(0, 255, (3, 7, 8)).astype(np.float32)
    (tmp_path / "mean.binaryproto").write_bytes(mean_bytes(planes))
    data = 'layer {{ name: "d" type: "Data" top: "x" transform_param {{ mean_file: "{}" {} }} }}'
    whole = read_input(tmp_path, data.format("far/away/mean.binaryproto", "scale: 0.5") + RELU)
    assert (whole.shape, whole.scale) == ((7, 8, 3), 0.5)
    assert whole.mean is not None
    assert np.array_equal(whole.mean, planes.transpose(1, 2, 0))
    cropped = read_input(tmp_path, data.format("mean.binaryproto", "crop_size: 4") + RELU)
    assert cropped.shape == (4, 4, 3)
    assert cropped.mean is not None
    assert np.array_equal(cropped.mean, planes[:, 1:5, 2:6].transpose(1, 2, 0))
    with pytest.raises(FileFormatError, match="a mean image of shape 5x5x3, found 7x8x3"):
        read_input(tmp_path, data.format("mean.binaryproto", "") + RELU, Shape(5, 5, 3))


@pytest.mark.parametrize(
    ("values", "mean"),
    [("mean_value: 9", [9, 9, 9]), ("mean_value: 1 mean_value: 2 mean_value: 3", [1, 2, 3])],
)
def test_one_mean_value_counts_for_all_channels(
    tmp_path: Path, values: str, mean: list[int]
) -> None:
    data = f'layer {{ name: "d" type: "Data" top: "x" transform_param {{ {values} }} }}'
    found = read_input(tmp_path, data + RELU, Shape(5, 5, 3))
    assert found.mean is not None
    assert found.mean.tolist() == mean


@pytest.mark.parametrize(
    ("transform", "words"),
    [
        ("mean_value: 1 mean_value: 2", "input 'x': expected one mean_value or 3, found 2"),
        ("mean_value: nan", "expected finite mean values"),
        ("scale: 1e39", "a positive scale, found inf"),
    ],
)
def test_means_that_cannot_be_are_told(tmp_path: Path, transform: str, words: str) -> None:
    data = f'layer {{ name: "d" type: "Data" top: "x" transform_param {{ {transform} }} }}'
    with pytest.raises(FileFormatError, match=words):
        read_input(tmp_path, data + RELU, Shape(5, 5, 3))
