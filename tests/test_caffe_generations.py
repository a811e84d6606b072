"""Older definitions arrive as today's: V1 layers, transform fields in data layers, lists."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from google.protobuf import text_format

from qrig.errors import FileFormatError, UnsupportedNetworkError
from qrig.networks.caffe import (
    TEST,
    TRAIN,
    Definition,
    build_network,
    definition_of,
    layers_of_phase,
    read_prototxt,
    read_weights,
)
from qrig.networks.caffe.schema import message
from qrig.networks.caffe.upgrade import type_name
from qrig.networks.graph import Shape
from real_models import MODELS, requires_models
from tiny_network import PROTOTXT, tiny_blobs

V1 = """\
name: "tiny"
layers {
  name: "data"
  type: DATA
  top: "data"
  top: "label"
  data_param { source: "nowhere" backend: LMDB batch_size: 4 scale: 0.5 mirror: true crop_size: 8 }
  include: { phase: TEST }
}
layers {
  name: "conv1"
  type: CONVOLUTION
  bottom: "data"
  top: "conv1"
  blobs_lr: 1
  blobs_lr: 2
  weight_decay: 250
  weight_decay: 0
  param: "shared"
  blob_share_mode: PERMISSIVE
  convolution_param { num_output: 4 kernel_size: 3 pad: 1 weight_filler { type: "xavier" } }
}

layers: { name: "pool1" type: POOLING bottom: "conv1" top: "pool1"
  pooling_param { pool: MAX kernel_size: 2 stride: 2 } }
layers { name: "relu1" type: RELU bottom: "pool1" top: "pool1" }
layers {
  name: "ip1"
  type: INNER_PRODUCT
  bottom: "pool1"
  top: "ip1"
  blobs_lr: 3
  inner_product_param { num_output: 3 }
}
layers { name: "loss" type: SOFTMAX_LOSS bottom: "ip1" bottom: "label" loss_weight: 2
  exclude { stage: "deploy" } }
"""

TODAY = """\
name: "tiny"
layer {
  name: "data"
  type: "Data"
  top: "data"
  top: "label"
  include { phase: TEST }
  transform_param { scale: 0.5 mirror: true crop_size: 8 }
  data_param { source: "nowhere" backend: LMDB batch_size: 4 }
}
layer {
  name: "conv1"
  type: "Convolution"
  bottom: "data"
  top: "conv1"
  param { name: "shared" share_mode: PERMISSIVE lr_mult: 1 decay_mult: 250 }
  param { lr_mult: 2 decay_mult: 0 }
  convolution_param { num_output: 4 kernel_size: 3 pad: 1 weight_filler { type: "xavier" } }
}
layer {
  name: "pool1" type: "Pooling" bottom: "conv1" top: "pool1"
  pooling_param { pool: MAX kernel_size: 2 stride: 2 }
}
layer { name: "relu1" type: "ReLU" bottom: "pool1" top: "pool1" }
layer {
  name: "ip1" type: "InnerProduct" bottom: "pool1" top: "ip1"
  param { lr_mult: 3 }
  inner_product_param { num_output: 3 }
}
layer {
  name: "loss" type: "SoftmaxWithLoss" bottom: "ip1" bottom: "label" loss_weight: 2
  exclude { stage: "deploy" }
}
"""


def read(folder: Path, text: str) -> Definition:
    path = folder / "net.prototxt"
    path.write_text(text)
    return read_prototxt(path)


def test_v1_layers_become_todays(tmp_path: Path) -> None:
    definition = read(tmp_path, V1)
    expected = text_format.Parse(TODAY, message("NetParameter")())
    assert str(definition.net) == str(expected)
    assert definition.lines == (2, 10, 24, 26, 27, 35)
    built = build_network(definition, tiny_blobs(), Path("w"), input_shape=Shape(8, 8, 3))
    assert [layer.source.rpartition(":")[2] for layer in built.layers] == ["10", "24", "26", "27"]
    assert built.input.scale == 0.5


def test_a_mistake_in_a_v1_layer_is_told_with_its_line(tmp_path: Path) -> None:
    definition = read(tmp_path, V1.replace("type: POOLING", "type: DECONVOLUTION"))
    with pytest.raises(UnsupportedNetworkError, match=r":24: layer 'pool1'.*'Deconvolution'"):
        build_network(definition, tiny_blobs(), Path("w"), input_shape=Shape(8, 8, 3))


NAMES = """ABSVAL=AbsVal ACCURACY=Accuracy ARGMAX=ArgMax BNLL=BNLL CONCAT=Concat
    CONTRASTIVE_LOSS=ContrastiveLoss CONVOLUTION=Convolution DATA=Data DECONVOLUTION=Deconvolution
    DROPOUT=Dropout DUMMY_DATA=DummyData ELTWISE=Eltwise EUCLIDEAN_LOSS=EuclideanLoss EXP=Exp
    FLATTEN=Flatten HDF5_DATA=HDF5Data HDF5_OUTPUT=HDF5Output HINGE_LOSS=HingeLoss IM2COL=Im2col
    IMAGE_DATA=ImageData INFOGAIN_LOSS=InfogainLoss INNER_PRODUCT=InnerProduct LRN=LRN
    MEMORY_DATA=MemoryData MULTINOMIAL_LOGISTIC_LOSS=MultinomialLogisticLoss MVN=MVN NONE=
    POOLING=Pooling POWER=Power RELU=ReLU SIGMOID=Sigmoid
    SIGMOID_CROSS_ENTROPY_LOSS=SigmoidCrossEntropyLoss SILENCE=Silence SLICE=Slice SOFTMAX=Softmax
    SOFTMAX_LOSS=SoftmaxWithLoss SPLIT=Split TANH=TanH THRESHOLD=Threshold WINDOW_DATA=WindowData"""


def test_every_v1_type_has_todays_name() -> None:
    expected = dict(pair.split("=") for pair in NAMES.split())
    enum = message("V1LayerParameter").DESCRIPTOR.fields_by_name["type"].enum_type
    assert {value.name: type_name(value.number) for value in enum.values} == expected
    assert sorted(value.number for value in enum.values) == list(range(40))


def test_every_parameter_of_a_v1_layer_moves() -> None:
    fields = message("V1LayerParameter").DESCRIPTOR.fields
    today = {field.name for field in message("LayerParameter").DESCRIPTOR.fields}
    moved = {field.name for field in fields if field.name.endswith("_param")}
    assert moved <= today
    assert len(moved) == 30
    net = message("NetParameter")()
    old = net.layers.add(name="a")
    for name in moved:
        getattr(old, name).SetInParent()
    (layer,) = definition_of(Path("net"), net).net.layer
    assert {field.name for field, _ in layer.ListFields()} == moved | {"name", "type"}


@pytest.mark.parametrize(
    ("kind", "param"), [("Data", "data_param"), ("ImageData", "image_data_param")]
)
def test_transform_fields_of_todays_data_layers_move_too(
    tmp_path: Path, kind: str, param: str
) -> None:
    text = PROTOTXT.replace(
        'type: "Data"',
        f'type: "{kind}" {param} {{ source: "x" scale: 2 mean_file: "m" }} '
        "transform_param { scale: 0.25 }",
    )
    (layer,) = [layer for layer in read(tmp_path, text).net.layer if layer.type == kind]
    assert layer.transform_param.scale == 0.25
    assert layer.transform_param.mean_file == "m"
    assert not getattr(layer, param).HasField("scale")
    assert not getattr(layer, param).HasField("mean_file")
    assert getattr(layer, param).source == "x"


def test_the_three_blobs_of_a_batch_norm_are_not_learned(tmp_path: Path) -> None:
    rates = "param { lr_mult: 1 } param { lr_mult: 2 } param { lr_mult: 3 }"
    norm = f'layer {{ name: "n" type: "BatchNorm" bottom: "ip1" top: "n" {rates} }}'
    layer = read(tmp_path, PROTOTXT + norm).net.layer[-1]
    assert [(spec.lr_mult, spec.decay_mult) for spec in layer.param] == [(0, 0)] * 3


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ('layer { name: "a" }\n\nlayer: { name: "b" }', (1, 3)),
        ('layer {\n name: "a" }\n# layer {\nlayer <\n name: "b" >', (1, 4)),
        ('layer: [\n { name: "a" },\n\n { name: "layer {" }\n]', (2, 4)),
        ('layer [{ name: "a" }, <\n name: "b" >]\nlayer { name: "c" }', (1, 1, 3)),
        ('name: "layer"\nlayers: [\n{ name: "a" }]\nlayers { }', (3, 4)),
        ("layer { name: 'it\\'s { }' }\nlayer {\n\n}", (1, 2)),
        ('layer { input_param { shape: [{ dim: [1, 2] }, { dim: 3 }] } }\nlayer { }', (1, 2)),
    ],
)  # fmt: skip
def test_the_line_of_every_layer_is_known(
    tmp_path: Path, text: str, lines: tuple[int, ...]
) -> None:
    definition = read(tmp_path, text)
    assert definition.lines == lines
    assert definition.where(1) == f"{tmp_path / 'net.prototxt'}:{lines[1]}"


def test_a_definition_without_lines_names_its_file(tmp_path: Path) -> None:
    net = text_format.Parse(TODAY, message("NetParameter")())
    definition = definition_of(tmp_path / "solver.prototxt", net)
    assert definition.where(3) == str(tmp_path / "solver.prototxt")


def test_the_oldest_form_is_refused(tmp_path: Path) -> None:
    for inner in ('name: "conv1" type: "conv"', 'name: "conv1" type: "conv" kernelsize: 5'):
        with pytest.raises(UnsupportedNetworkError, match=r"oldest form .*upgrade_net_proto_text"):
            read(tmp_path, f'layers {{ layer {{ {inner} }} bottom: "data" top: "conv1" }}')


def test_both_generations_in_one_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="found both"):
        read(tmp_path, PROTOTXT + "layers { name: 'old' type: RELU }")


def test_unknown_parameters_of_a_v1_layer_are_explained_by_its_type(tmp_path: Path) -> None:
    text = V1 + 'layers { name: "odd" type: EXP bottom: "ip1" top: "odd" exp_param { x: 1 } }'
    with pytest.raises(UnsupportedNetworkError, match=r":37: layer 'odd' is of type 'Exp'"):
        read(tmp_path, text)


def test_v1_layers_of_a_caffemodel_are_read(tmp_path: Path) -> None:
    net = message("NetParameter")()
    for name, arrays in tiny_blobs().items():
        layer = net.layers.add(name=name, type=4)
        for array in arrays:
            blob = layer.blobs.add()
            blob.shape.dim.extend(array.shape)
            blob.data.extend(array.ravel().tolist())
    path = tmp_path / "old.caffemodel"
    path.write_bytes(net.SerializeToString())
    found = read_weights(path)
    for name, arrays in tiny_blobs().items():
        for mine, theirs in zip(arrays, found[name], strict=True):
            assert np.array_equal(mine, theirs)


def names(definition: Definition, *rules: Any) -> list[str]:
    return [layer.name for _, layer in layers_of_phase(definition, *rules)]


def test_phase_level_and_stages_choose_layers(tmp_path: Path) -> None:
    text = "".join(
        f'layer {{ name: "{name}" {rules} }}\n'
        for name, rules in {
            "always": "",
            "train": "include { phase: TRAIN }",
            "test": "include { phase: TEST }",
            "deep": "include { min_level: 2 max_level: 3 }",
            "own": 'include { stage: "own" }',
            "both": 'include { stage: "own" stage: "more" }',
            "less": 'exclude { stage: "more" } exclude { phase: TRAIN level_is_ignored: 1 }',
        }.items()
    ).replace(" level_is_ignored: 1", "")
    definition = read(tmp_path, text + 'state { stage: "own" phase: TRAIN }')
    assert names(definition, TRAIN) == ["always", "train", "own"]
    assert names(definition, TEST) == ["always", "test", "own", "less"]
    assert names(definition, TEST, 2) == ["always", "test", "deep", "own", "less"]
    assert names(definition, TEST, 4) == ["always", "test", "own", "less"]
    assert names(definition, TEST, 0, ("more",)) == ["always", "test", "own", "both"]
    leveled = read(tmp_path, text + "state { level: 3 }")
    assert names(leveled, TRAIN) == ["always", "train", "deep"]
    assert names(leveled, TRAIN, 5) == ["always", "train"]


@requires_models
def test_every_published_definition_is_read() -> None:
    assert MODELS
    paths = [path for path in MODELS.glob("**/*.prototxt") if "solver" not in path.name]
    assert len(paths) >= 13
    for path in paths:
        definition = read_prototxt(path)
        text = path.read_text().splitlines()
        assert len(definition.lines) == len(definition.net.layer)
        assert all(text[line - 1].startswith("layer") for line in definition.lines)
        tests = [layer.type for _, layer in layers_of_phase(definition, TEST)]
        assert {"Convolution", "Pooling", "ReLU", "InnerProduct"} <= set(tests)
