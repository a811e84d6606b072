"""`qrig convert` and `qrig inspect`."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from network_files import ChainMaker, network_bytes
from openmv_models import PUBLISHED, published_path
from qrig.cli import main
from qrig.fixedpoint.network_file import read_network_file
from qrig.fixedpoint.quantized import QuantizedNetwork
from qrig.networks.graph import Shape
from qrig.reference import run_reference
from qrig.runs.networks import load_network
from real_models import requires_models
from tiny_network import PROTOTXT, TinyNetwork, write_tiny_network


@pytest.fixture
def tiny(tmp_path: Path) -> TinyNetwork:
    return write_tiny_network(tmp_path)


def words(tiny: TinyNetwork, *more: object) -> list[str]:
    options = {key: value for key, value in tiny.options.items() if key != "--input"}
    return ["convert", *(word for pair in options.items() for word in pair), *map(str, more)]


def made(folder: Path, network: QuantizedNetwork) -> Path:
    path = folder / "made.network"
    path.write_bytes(bytes(network_bytes(network, batch=3).data))
    return path


def chain(scale: int = 8) -> QuantizedNetwork:
    maker = ChainMaker(Shape(9, 9, 3)).conv(6, 3, pad=1).pool("average", 3).relu()
    return maker.ip(5).made(scale=scale)


def test_a_network_becomes_a_file(tiny: TinyNetwork, capsys: pytest.CaptureFixture[str]) -> None:
    out = tiny.folder / "tiny.network"
    assert main(words(tiny, "--out", out)) == 0
    assert f"{out}: 5 layers, " in capsys.readouterr().out
    file = read_network_file(out)
    assert (file.batch, file.data.means, file.data.scale) == (1, (118, 119, 120), 7)
    again = tiny.folder / "again.network"
    assert main(["convert", str(out), "--out", str(again)]) == 0
    assert again.read_bytes() == out.read_bytes()


def test_a_file_computes_what_the_network_did(tmp_path: Path) -> None:
    out = tmp_path / "lenet.network"
    assert main(["convert", "lenet-mnist", "--out", str(out)]) == 0
    bundled, loaded = load_network("lenet-mnist"), load_network(str(out))
    for sample in bundled.samples[:5]:
        traces = [run_reference(one.quantized, sample.pixels) for one in (bundled, loaded)]
        assert np.array_equal(traces[0].logits, traces[1].logits)
    assert loaded.notices == ()


def test_the_historical_scale_is_8_less_the_fraction_bits(tiny: TinyNetwork) -> None:
    out = tiny.folder / "tiny.network"
    assert main(words(tiny, "--out", out, "--compat", "openmv")) == 0
    assert read_network_file(out).data.scale == 8
    assert main(words(tiny, "--out", out, "--scale", "1/4")) == 0
    assert read_network_file(out).data.scale == 9


BATCHES = {
    "said nowhere": ("include { phase: TEST }", [], 1),
    "TEST phase": ("include { phase: TEST }\n data_param { batch_size: 48 }", [], 48),
    "the user": ("include { phase: TEST }\n data_param { batch_size: 48 }", ["--batch", "7"], 7),
    "beyond the field": ("include { phase: TEST }\n data_param { batch_size: 65536 }", [], 1),
}


@pytest.mark.parametrize("case", BATCHES)
def test_the_batch_size_is_that_of_the_test_phase(tiny: TinyNetwork, case: str) -> None:
    text, more, expected = BATCHES[case]
    tiny.model.write_text(PROTOTXT.replace("include { phase: TEST }", text))
    out = tiny.folder / "tiny.network"
    assert main(words(tiny, "--out", out, *more)) == 0
    assert {record.batch for record in read_network_file(out).records} == {expected}


INPUTS = {
    "Input": 'type: "Input"\n top: "data"\n input_param { shape { dim: 9 dim: 3 dim: 8 dim: 8 } }',
    "MemoryData": """type: "MemoryData" top: "data" top: "label"
        memory_data_param { batch_size: 9 channels: 3 height: 8 width: 8 }""",
    "ImageData": """type: "ImageData" top: "data" top: "label"
        image_data_param { batch_size: 9 new_height: 8 new_width: 8 }""",
    "HDF5Data": 'type: "HDF5Data" top: "data" top: "label" hdf5_data_param { batch_size: 9 }',
}


@pytest.mark.parametrize("kind", INPUTS)
def test_every_input_says_its_batch_size(tiny: TinyNetwork, kind: str) -> None:
    head, tail = PROTOTXT.index('type: "Data"'), PROTOTXT.index("}\nlayer")
    definition = PROTOTXT[:head] + INPUTS[kind] + PROTOTXT[tail:]
    tiny.model.write_text(definition)
    assert load_network_options(tiny) == 9


def load_network_options(tiny: TinyNetwork) -> int:
    out = tiny.folder / "tiny.network"
    assert main(words(tiny, "--out", out)) == 0
    return read_network_file(out).batch


def refused(capsys: pytest.CaptureFixture[str], *command: object) -> str:
    assert main([str(word) for word in command]) == 2
    return capsys.readouterr().err


def test_what_cannot_be_written_is_refused(
    tiny: TinyNetwork, capsys: pytest.CaptureFixture[str]
) -> None:
    for place in (tiny.folder, tiny.folder / "absent" / "x.network", "/dev/null/x", "a\0b"):
        assert "qrig: --out" in refused(capsys, *words(tiny, "--out", place))
    out = tiny.folder / "tiny.network"
    for batch in ("0", "65536", "many"):
        with pytest.raises(SystemExit):
            main(words(tiny, "--out", out, "--batch", batch))
    found = refused(capsys, "convert", "ds-cnn", "--out", out)
    assert "no window that differs along x and y, found that its window is 4 by 10" in found
    found = refused(capsys, "convert", "lenet-mnist", "--network", "ds-cnn", "--out", out)
    assert "expected N or --network N, found both" in found
    assert not out.exists()


def test_a_file_stays_as_it_was_if_the_new_one_cannot_be(
    tiny: TinyNetwork, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tiny.folder / "tiny.network"
    out.write_bytes(b"precious")
    np.save(tiny.mean, np.zeros((8, 8, 3), np.float32))
    assert "no mean images" in refused(capsys, *words(tiny, "--out", out))
    assert out.read_bytes() == b"precious"
    assert {path.name for path in tiny.folder.glob("*.network")} == {"tiny.network"}
    assert not list(tiny.folder.glob(".qrig-*"))


def test_a_file_from_openmv_is_mended(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A network written as it was by OpenMV's converter: scale 8 where 7 is right."""
    old, new = made(tmp_path, chain(8)), tmp_path / "new.network"
    assert main(["convert", str(old), "--scale", "1", "--out", str(new)]) == 0
    assert read_network_file(new).data.scale == 7
    assert read_network_file(new).batch == 3
    back = tmp_path / "back.network"
    command = ["convert", str(old), "--scale", "1", "--compat", "openmv", "--out", str(back)]
    assert main(command) == 0
    assert back.read_bytes() == old.read_bytes()
    found = refused(capsys, "convert", old, "--compat", "openmv", "--out", new)
    assert "expected --scale with --compat openmv for a .network file" in found
    found = refused(capsys, "convert", old, "--out", old)
    assert "a file that this command does not read" in found


def test_an_impossible_scale_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old, new = made(tmp_path, chain(2)), tmp_path / "new.network"
    assert main(["convert", str(old), "--out", str(new)]) == 0
    assert read_network_file(new).data.scale == 9
    assert "the input scale 2 would leave" in capsys.readouterr().err
    assert main(["convert", str(old), "--dialect", "openmv", "--out", str(new)]) == 0
    assert new.read_bytes() == old.read_bytes()
    assert "with --dialect openmv alone" in capsys.readouterr().err


def inspected(capsys: pytest.CaptureFixture[str], path: Path) -> dict[str, Any]:
    assert main(["inspect", str(path), "--json", "-"]) == 0
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document


def test_inspect_names_everything(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = made(tmp_path, chain())
    found = inspected(capsys, path)
    assert found["schema"] == "qrig-network-file/1"
    assert (found["batch"], found["means"], found["scale"]) == (3, [120, 130, 110], 8)
    assert found["size_bytes"] == path.stat().st_size
    assert found["taken"]["correct"] == {"shift": 8, "factor": 0.5, "notice": None}
    assert found["historical"]["fraction_bits"] == 0
    assert found["historical"]["scales"]["1"] == {"shift": 7, "factor": 1.0}
    assert found["historical"]["scales"]["1/256"] == {"shift": 15, "factor": 2**-8}
    layers = found["layers"]
    assert [layer["name"] for layer in layers] == ["data", "conv1", "pool1", "relu1", "ip1"]
    assert layers[1] == {
        "name": "conv1", "type": "convolution", "shape": [9, 9, 6], "tensor_bytes": 486,
        "kernel": 3, "stride": 1, "pad": 1, "bias_shift": 2, "output_shift": 8, "weights": 162,
        "biases": 6, "mac": 13_122, "offset": 44, "size_bytes": 216,
    }  # fmt: skip
    assert layers[2]["method"] == "average"
    assert sum(layer["size_bytes"] for layer in layers) == found["size_bytes"] - 8
    assert (found["weight_bytes"], found["mac"]) == (168 + 485, 13_122 + 480)


def test_inspect_prints_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(made(tmp_path, chain()))]) == 0
    text = capsys.readouterr().out
    (line,) = (line for line in text.splitlines() if line.split()[:1] == ["conv1"])
    assert line.split() == ["conv1", "9x9x6", "3", "1", "1", "2,", "8", "162", "6", "216"]
    (line,) = (line for line in text.splitlines() if line.split()[:1] == ["pool1"])
    assert line.split() == ["pool1", "4x4x6", "ave", "3", "2", "0", "36"]
    assert "means 120, 130, 110" in text
    assert "(pixel - mean) * 0.5 as it stands, which is how it is taken" in text
    assert "(pixel - mean) * 1 if OpenMV's converter wrote it, for an input of Q7.0" in text


def test_inspect_says_what_becomes_of_an_impossible_scale(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = made(tmp_path, chain(1))
    assert main(["inspect", str(path)]) == 0
    text = capsys.readouterr().out
    assert "(pixel - mean) * 64 as it stands\n" in text
    assert "pixels times 1/256 (--scale 1/256), which is how it is taken" in text
    assert "the input scale 1 would leave little but black and white" in text
    found = inspected(capsys, path)
    assert found["taken"]["openmv"] == {"shift": 1, "factor": 64.0, "notice": None}
    assert found["historical"]["scales"]["1"] is None


def test_inspect_refuses_what_is_no_network(
    tiny: TinyNetwork, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "begins with CAFE" in refused(capsys, "inspect", tiny.model)
    path = made(tiny.folder, chain())
    assert "/dev/null/x" in refused(capsys, "inspect", path, "--json", "/dev/null/x")
    assert "does not read" in refused(capsys, "inspect", path, "--json", path)


@requires_models
@pytest.mark.parametrize("name", PUBLISHED)
def test_openmvs_networks_are_shown(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = published_path(name)
    found = inspected(capsys, path)
    sizes = {"cifar10_fast": 33_210, "lenet": 106_680, "smile": 23_490}
    assert found["weight_bytes"] == sizes[name]
    assert main(["inspect", str(path)]) == 0
    assert max(map(len, capsys.readouterr().out.splitlines()[2:10])) <= 80
