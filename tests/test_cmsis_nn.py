"""Kernels of an original CMSIS-NN beside ours; the original is a stand-in, made for these tests."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from branch_networks import Branches
from hand_made import changed
from kernel_networks import pooled, pooled_network
from qrig.build import Kernels, build_deployment, find_cmsis_nn
from qrig.cli import main
from qrig.datasets import Sample
from qrig.errors import UnsupportedNetworkError, UsageError
from qrig.fixedpoint.quantized import (
    QuantizedConvolution,
    QuantizedInput,
    QuantizedNetwork,
    QuantizedReLU,
)
from qrig.fixedpoint.semantics import Semantics
from qrig.networks.graph import Pair, Shape
from qrig.reports.libraries import library_tables
from qrig.reports.profile_store import load_tables
from qrig.runs.bench import bench, prepare
from qrig.runs.networks import LoadedNetwork
from qrig.runs.targets import find_target, find_targets, with_kernels

TARGETS = ["mps2-an386", "mps2-an500"]
_STAND_IN = Path(__file__).parent / "c" / "cmsis_nn_stand_in"
_SOURCES = "CMSIS/NN/Source"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A folder laid out as CMSIS 5, with the stand-in."""
    shutil.copytree(_STAND_IN, tmp_path / "CMSIS_5" / "CMSIS")
    return tmp_path / "CMSIS_5"


def _altered(tree: Path, source: str, old: str, new: str) -> Path:
    path = tree / _SOURCES / source
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))
    return tree


def test_both_libraries_are_run_and_compared(tree: Path, tmp_path: Path) -> None:
    targets = with_kernels(find_targets(TARGETS), cmsis_nn=tree)
    cells = prepare([pooled()], targets)
    assert [cell.name for cell in cells] == [
        "pooled on mps2-an386@qemu",
        "pooled on mps2-an386@qemu, CMSIS-NN",
        "pooled on mps2-an500@qemu",
        "pooled on mps2-an500@qemu, CMSIS-NN",
    ]
    result = bench(cells, tmp_path / "runs", samples=2)
    assert result.verdict == "bit-exact"
    assert result.run["notices"] == []
    _check_stamps(result.run["stamps"])
    tables = {table.target: table.frame for table in library_tables(result.rows)}
    assert list(tables) == ["mps2-an386@qemu", "mps2-an500@qemu"]
    for target, core in zip(tables, ("M4", "M7"), strict=True):
        _check_table(tables[target], result.rows, target, core)
    page = (result.folder / "report.html").read_text()
    assert "<h2>Kernel libraries</h2>" in page
    assert "CMSIS-NN V.0.0.1 1. January 2000, sha256 " in page


def _check_stamps(stamps: list[dict[str, str]]) -> None:
    names = [stamp["kernel_library"] for stamp in stamps]
    assert names[0] == names[2]
    assert names[1] == names[3]
    assert names[0].startswith("qrig ")
    assert names[1].startswith("CMSIS-NN V.0.0.1 1. January 2000, sha256 ")
    assert stamps[1]["kernel_sha256"].startswith(names[1][-12:])
    assert len({stamp["build_id"] for stamp in stamps}) == 4


def _check_table(frame: pd.DataFrame, rows: pd.DataFrame, target: str, core: str) -> None:
    assert list(frame.columns) == [
        "layer", "qrig instr", "CMSIS-NN instr", "instr ratio", f"qrig model µs {core}",
        f"CMSIS-NN model µs {core}", f"model µs {core} ratio", "verdict",
    ]  # fmt: skip
    names = [name for row in frame["layer"] for name in row.split(" + ")]
    assert names == [
        "data", "conv1", "pool1", "relu1", "pool2", "ip1", "softmax", "inference",
    ]  # fmt: skip
    first = rows[rows["input_index"] == 0]
    for label, column in (("", "qrig instr"), (", CMSIS-NN", "CMSIS-NN instr")):
        counted = first[first["target"] == f"{target}{label}"]["instructions"]
        assert abs(counted.sum() - frame[column].iloc[-1]) < 100
    conv = frame.iloc[1]
    assert conv["instr ratio"] == pytest.approx(conv["CMSIS-NN instr"] / conv["qrig instr"])
    assert conv["instr ratio"] > 1.5
    assert set(frame["verdict"][:-1]) == {"bit-exact"}


def test_layers_that_are_computed_together_share_a_row() -> None:
    target, layers = "mps2-an386@qemu", ("data", "conv1", "relu1", "ip1")
    common = {"network": "n", "input_index": 0, "type": "", "shape": "", "mac": 0}
    rows = pd.DataFrame(
        {
            **{"target": name, "layer_index": index, "layer": layer, "verdict": verdict, **common},
            **{"instructions": count, "computed_with": first},
        }
        for name, counts, verdict in (
            (target, ((10, None), (90, None), (None, "conv1"), (7, None)), "bit-exact"),
            (f"{target}, CMSIS-NN", ((10, None), (300, None), (60, None), (7, None)), "differs"),
        )
        for index, (layer, (count, first)) in enumerate(zip(layers, counts, strict=True))
    )
    (table,) = library_tables(rows)
    assert table.frame["layer"].tolist() == ["data", "conv1 + relu1", "ip1", "inference"]
    assert table.frame["qrig instr"].tolist() == [10, 90, 7, 107]
    assert table.frame["CMSIS-NN instr"].tolist() == [10, 360, 7, 377]
    assert table.frame["instr ratio"].round(2).tolist() == [1, 4, 1, 3.52]
    assert table.frame["verdict"].tolist() == ["differs", "differs", "differs", ""]


def test_the_command_names_the_layer_that_differs(
    tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _altered(tree, "ActivationFunctions/arm_relu_q7.c", "*data < 0 ? 0", "*data < 0 ? 1")
    command = ["bench", "--target", "mps2-an500", "--samples", "1", "--no-profile"]
    command += ["--runs", str(tmp_path / "runs")]
    assert main([*command, "--cmsis-nn", str(tree)]) == 1
    printed = capsys.readouterr().out
    (line,) = [line for line in printed.splitlines() if line.count("relu1") and "channel" in line]
    assert "mps2-an500@qemu," in line
    assert "lenet-mnist on mps2-an500@qemu: CMSIS-NN / qrig" in printed
    assert main(command) == 0
    assert "CMSIS-NN" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("source", "old", "new", "layer"),
    [
        ("ConvolutionFunctions/arm_convolve_HWC_q7_basic.c", "(sum >>", "(-sum >>", "conv1"),
        ("PoolingFunctions/arm_pool_q7_HWC.c", "result / (last - first)", "result / 4", "pool1"),
        ("PoolingFunctions/arm_pool_q7_HWC.c", "? -128 : 0", "? 0 : 1", "pool1"),
        ("SoftmaxFunctions/arm_softmax_q7.c", "base, 0, 7)", "base, 0, 8)", "softmax"),
    ],
)  # fmt: skip
def test_any_altered_kernel_is_found(
    tree: Path, tmp_path: Path, source: str, old: str, new: str, layer: str
) -> None:
    targets = with_kernels(find_targets(TARGETS[:1]), cmsis_nn=_altered(tree, source, old, new))
    result = bench(prepare([pooled()], targets), tmp_path / "runs", model=False)
    assert result.verdict == "differs"
    wrong = result.rows[result.rows["verdict"] == "differs"]
    assert wrong["layer"].iloc[0] == layer
    assert set(wrong["target"]) == {"mps2-an386@qemu, CMSIS-NN"}


def test_rounding_is_dropped_in_both(tree: Path, tmp_path: Path) -> None:
    kernels = Kernels(Semantics(truncate=True))
    targets = with_kernels(find_targets(TARGETS[:1]), kernels, tree)
    result = bench(prepare([pooled()], targets), tmp_path / "runs", samples=1, model=False)
    assert result.verdict == "bit-exact"
    assert all(stamp["semantics"]["truncate"] for stamp in result.run["stamps"])


def test_a_relu_beyond_16_bits_is_split(tree: Path, tmp_path: Path) -> None:
    image, wide = Shape(64, 64, 3), Shape(64, 64, 34)
    numbers = np.random.default_rng(1)
    conv = QuantizedConvolution(
        "conv1", ("data",), image, wide, 0, Pair(1, 1), Pair(1, 1), Pair(0, 0),
        numbers.integers(-128, 128, (34, 1, 1, 3), dtype=np.int8), np.zeros(34, np.int8), 0, 7,
    )  # fmt: skip
    relu = QuantizedReLU("relu1", ("conv1",), wide, wide, 0)
    source = QuantizedInput("data", image, "rgb", np.full(3, 128, np.int16), 1, 0, 0)
    sample = Sample("noise", numbers.integers(0, 256, (64, 64, 3), dtype=np.uint8))
    loaded = LoadedNetwork(
        "wide", QuantizedNetwork("wide", source, (conv, relu)), samples=(sample,)
    )
    assert wide.size > 2 * 65_536
    targets = with_kernels(find_targets(TARGETS[:1]), cmsis_nn=tree)
    assert bench(prepare([loaded], targets), tmp_path / "runs", model=False).verdict == "bit-exact"


def test_branches_and_activations_run_with_both(tree: Path, tmp_path: Path) -> None:
    """Tensors beyond 16 bits, and poolings that must not destroy what is read later."""
    net = Branches(1, Shape(64, 64, 3))
    conv = net.convolution("data", 34, 1)
    gate, state = net.sigmoid(conv), net.tanh(conv)
    both = net.sum(gate, state, net.relu(conv))
    small = net.concat(net.pool(both, "average", 4, 4), net.pool(both, "max", 4, 4))
    net.sum(small, small)
    numbers = np.random.default_rng(1)
    sample = Sample("noise", numbers.integers(0, 256, (64, 64, 3), dtype=np.uint8))
    loaded = LoadedNetwork("branches", net.network("branches"), samples=(sample,))
    targets = with_kernels(find_targets(TARGETS[:1]), cmsis_nn=tree)
    result = bench(prepare([loaded], targets), tmp_path / "runs", model=False)
    assert result.verdict == "bit-exact"
    assert result.rows["target"].nunique() == 2


def test_profiles_have_both(tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["profile", "--target", "mps2-an386", "--runs", str(tmp_path / "runs")]
    assert main([*command, "--cmsis-nn", str(tree)]) == 0
    printed = capsys.readouterr().out
    assert "lenet-mnist on mps2-an386@qemu, CMSIS-NN: cost of one inference" in printed
    assert "lenet-mnist on mps2-an386@qemu: CMSIS-NN / qrig" in printed
    (folder,) = (path.parent for path in (tmp_path / "runs").glob("*/run.json"))
    functions = load_tables(folder)["functions"]
    theirs = functions[functions["target"] == "mps2-an386@qemu, CMSIS-NN"]["function"]
    assert {"arm_convolve_HWC_q7_fast", "cmsis_nn_relu_q7", "qrig_preprocess_q7"} <= set(theirs)


@pytest.mark.parametrize("place", [".", "CMSIS", "CMSIS/NN"])
def test_every_level_of_the_tree_may_be_named(tree: Path, place: str) -> None:
    found = find_cmsis_nn(tree / place)
    assert found == find_cmsis_nn(tree)
    assert found.folder == (tree / "CMSIS" / "NN").resolve()
    assert "arm_avepool_q7_HWC" in found.functions


def test_the_digest_is_of_sources_and_headers(tree: Path) -> None:
    before = find_cmsis_nn(tree).sha256
    (tree / "CMSIS" / "NN" / "README.md").write_text("not compiled")
    assert find_cmsis_nn(tree).sha256 == before
    header = tree / "CMSIS" / "Core" / "Include" / "cmsis_gcc.h"
    header.write_text(header.read_text() + "\n")
    assert find_cmsis_nn(tree).sha256 != before


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        (".", r"expected a CMSIS-NN 5.x \(Include/arm_nnfunctions.h and Source/"),
        ("CMSIS/NN/Include/arm_nnfunctions.h", "expected a CMSIS-NN 5.x"),
        ("CMSIS/NN/Source", "expected a CMSIS-NN 5.x"),
        (f"{_SOURCES}/ConvolutionFunctions/arm_convolve_HWC_q7_basic.c", "the legacy kernels"),
        ("CMSIS/Core", r"expected cmsis_gcc.h beside it, in \.\./Core/Include or"),
        ("CMSIS/DSP", r"expected arm_math.h beside it, in \.\./DSP/Include or"),
    ],
)
def test_what_is_missing_is_said(
    tree: Path, missing: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tree / missing
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(UsageError, match=message):
        find_cmsis_nn(tree)
    assert main(["bench", "--cmsis-nn", str(tree)]) == 2
    assert "expected" in capsys.readouterr().err


def test_what_an_original_cannot_be_asked(tree: Path) -> None:
    with pytest.raises(UsageError, match="expected pooling dsp"):
        with_kernels(find_targets(TARGETS), Kernels(Semantics(pooling="c")), tree)
    with pytest.raises(UsageError, match="found host@native"):
        with_kernels(find_targets(["host"]), cmsis_nn=tree)


@pytest.mark.parametrize(
    ("layer", "changes", "message"),
    [
        (
            1,
            {"stride": Pair(2, 1)},
            "'pool1': expected what CMSIS-NN computes, found a pool",
        ),
        (3, {"out_shape": Shape(9, 9, 6)}, "whose output is larger"),
        (3, {"pad": Pair(2, 2)}, "padding 2 and stride 2"),
        (
            0,
            {"in_shape": Shape(2, 2, 4), "out_shape": Shape(2, 2, 6), "pad": Pair(3, 3)},
            "padding 3 and 2 output rows",
        ),
    ],
)
def test_a_network_an_original_cannot_compute_is_refused(
    tree: Path, layer: int, changes: dict[str, object], message: str
) -> None:
    board = find_target("mps2-an386").board
    network = changed(pooled_network(), layer, **changes)
    with pytest.raises(UnsupportedNetworkError, match=message):
        build_deployment(network, board, Kernels(cmsis_nn=find_cmsis_nn(tree)))


def test_a_function_the_original_lacks_is_named(tree: Path) -> None:
    (tree / _SOURCES / "ConvolutionFunctions" / "arm_convolve_HWC_q7_RGB.c").unlink()
    board = find_target("mps2-an386").board
    with pytest.raises(UnsupportedNetworkError, match="expected arm_convolve_HWC_q7_RGB in"):
        build_deployment(pooled_network(), board, Kernels(cmsis_nn=find_cmsis_nn(tree)))
