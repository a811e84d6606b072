"""`qrig profile` as a command: what it writes, compares, refuses."""

import json
import re
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest

import qrig.measure.timing.decode
from hand_made import changed, hand_made
from profiled_targets import profiled_target
from qrig.backends.qemu import QemuBackend
from qrig.boards import registry
from qrig.cli import main
from qrig.errors import TargetUnavailableError, UsageError
from qrig.fixedpoint.quantized import QuantizedInnerProduct
from qrig.measure.profile_columns import PROFILE_TABLES
from qrig.measure.timing.instruction import UNKNOWN, Instruction
from qrig.networks.graph import Shape
from qrig.profiles import read_profile
from qrig.reports.profile_diff import diff_profiles
from qrig.reports.profile_diff_text import explanations
from qrig.reports.profile_store import load_tables
from qrig.reports.store import load_run
from qrig.resources import targets_root
from qrig.runs.bench import bench, prepare
from qrig.runs.modelled import modelled_boards
from qrig.runs.profile import profile_cell
from qrig.runs.profile_run import profile_run
from qrig.runs.targets import Target, find_target

MODELS = ("model_cycles_m4", "model_cycles_m7")


def _profile(tmp_path: Path, *arguments: str) -> int:
    return main(["profile", "--target", "mps2-an500", "--runs", str(tmp_path), *arguments])


@pytest.fixture
def machine() -> Target:
    """The target of these tests, where it takes profiles."""
    return profiled_target("mps2-an500")


@pytest.mark.usefixtures("machine")
def test_the_command_writes_a_run_and_a_document(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "profile.json"
    assert _profile(tmp_path / "runs", "--json", str(out)) == 0
    printed = capsys.readouterr().out
    document = json.loads(out.read_text())
    assert document["schema"] == "qrig-profile-report/1"
    assert document["verdict"] == "bit-exact"
    (cell,) = document["cells"]
    folder = Path(document["folder"])
    rows, run = load_run(folder)
    tables = load_tables(folder)
    assert set(tables) == set(PROFILE_TABLES)
    assert cell["total"]["instructions"] == rows["instructions"].sum()
    assert f"{rows['instructions'].sum():,}" in printed
    assert cell["total"]["model_cycles_m7"] == pytest.approx(rows["model_cycles_m7"].sum(), abs=1)
    assert rows["cycles"].isna().all()
    assert rows["latency_us"].isna().all()
    clock_mhz = 216
    assert "at 216 MHz" in run["models"]["m7"]
    assert run["stamps"][0]["model_m7"] == run["models"]["m7"]
    rows = rows[rows["computed_with"].isna()]
    latency = rows["model_cycles_m7"] / clock_mhz
    assert latency.tolist() == pytest.approx(rows["model_latency_us_m7"].tolist())
    assert (folder / "report.html").stat().st_size > 50_000
    assert list(folder.glob("model_latency_us_m7-*.svg"))
    assert read_profile(folder / "profile-0.json").inferences == 1


@pytest.mark.usefixtures("machine")
def test_the_document_goes_to_standard_output_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _profile(tmp_path, "--json", "-") == 0
    assert json.loads(capsys.readouterr().out)["verdict"] == "bit-exact"


@pytest.mark.usefixtures("machine")
def test_a_run_is_reported_again_and_compared_with_itself(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _profile(tmp_path) == 0
    (folder,) = (path.parent for path in tmp_path.glob("*/run.json"))
    page = (folder / "report.html").read_text()
    (folder / "report.html").unlink()
    assert main(["report", "--runs", str(tmp_path)]) == 0
    assert (folder / "report.html").read_text() == page
    capsys.readouterr()
    diff = ["profile", "--runs", str(tmp_path), "--diff", folder.name, folder.name]
    assert main(diff) == 0
    assert "same" in capsys.readouterr().out
    assert main([*diff, "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["verdict"] == "same"


@pytest.mark.usefixtures("machine")
def test_a_profile_is_priced_again_with_its_firmware(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    assert _profile(tmp_path / "runs", "--json", str(first)) == 0
    (folder,) = (path.parent for path in (tmp_path / "runs").glob("*/run.json"))
    profile, elf = folder / "profile-0.json", folder / "profile-0.elf"
    again = ["profile", "--profile", str(profile), "--elf", str(elf)]
    assert main([*again, "--json", str(second)]) == 0
    was, now = (json.loads(path.read_text())["cells"][0]["total"] for path in (first, second))
    for name in ("instructions", "loads", *MODELS):
        assert now[name] == was[name]
    assert main([*again, "--on", "mps2-an500", "--json", str(second)]) == 0
    ideal = json.loads(second.read_text())["cells"][0]["total"]
    assert ideal["model_cycles_m7"] < was["model_cycles_m7"]
    assert ideal["model_cycles_m4"] is None

    elf.write_bytes(elf.read_bytes() + b"\0")
    assert main(again) == 2
    assert "expected the firmware that was profiled" in capsys.readouterr().err
    profile.write_text(profile.read_text()[:1000])
    assert main(again) == 2
    assert main(["profile", "--profile", str(profile)]) == 2
    assert "together" in capsys.readouterr().err


@pytest.mark.usefixtures("machine")
def test_runs_of_different_silicon_are_not_compared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _profile(tmp_path) == 0
    assert _profile(tmp_path, "--on", "mps2-an500") == 0
    first, second = sorted(path.parent.name for path in tmp_path.glob("*/run.json"))
    capsys.readouterr()
    assert main(["profile", "--runs", str(tmp_path), "--diff", first, second]) == 2
    assert "the same modelled boards" in capsys.readouterr().err


def test_a_run_without_a_profile_is_not_compared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = bench(prepare([hand_made()], (find_target("host"),)), tmp_path, samples=1)
    name = result.folder.name
    assert main(["profile", "--runs", str(tmp_path), "--diff", name, name]) == 2
    assert "qrig profile" in capsys.readouterr().err


@pytest.mark.usefixtures("machine")
def test_a_slower_network_is_explained(tmp_path: Path) -> None:
    """Twice the classes in the last layer: its loop runs twice as often, no other layer changes."""
    target = find_target("mps2-an500@qemu")
    boards = modelled_boards(target)
    before = hand_made()
    layer = before.quantized.layers[3]
    assert isinstance(layer, QuantizedInnerProduct)
    slower = changed(
        before.quantized,
        3,
        out_shape=Shape(1, 1, 10),
        weights=np.concatenate([layer.weights, layer.weights]),
        bias=np.concatenate([layer.bias, layer.bias]),
    )
    was, now = (
        profile_cell(target, loaded, loaded.samples[0], boards).tables
        for loaded in (before, attrs.evolve(before, quantized=slower))
    )
    difference = diff_profiles(was, now)
    (cell,) = difference.cells
    assert difference.verdict == "slower"
    changes = {one.layer: one.changes["instructions"] for one in cell.layers}
    assert (changes.pop("ip1").delta or 0) > 500
    assert {change.delta for change in changes.values()} == {0}
    (text,) = [text for text in explanations(cell, 0.05) if text.startswith("ip1")]
    assert re.search(r"fc_\w+|arm_fully", text)
    assert "iterations" in text or "times" in text, text


@pytest.mark.usefixtures("machine")
def test_a_target_without_profiles_counts_instructions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(QemuBackend, "unprofiled", lambda self: "its QEMU is of an unknown version")
    out = tmp_path / "profile.json"
    assert _profile(tmp_path / "runs", "--json", str(out)) == 0
    document = json.loads(out.read_text())
    assert document["notices"]
    assert "unknown version" in document["notices"][0]
    assert "unknown version" in capsys.readouterr().err
    (cell,) = document["cells"]
    assert cell["total"]["instructions"] > 1_000_000
    assert "model_cycles_m7" not in cell["total"]


@pytest.mark.usefixtures("machine")
def test_unknown_instructions_are_shown_and_never_priced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = qrig.measure.timing.decode._instruction

    def without_ssat(raw: Any) -> Instruction:
        found = real(raw)
        if found.text.startswith("ssat"):
            return attrs.evolve(found, kind=UNKNOWN, mix=UNKNOWN)
        return found

    monkeypatch.setattr(qrig.measure.timing.decode, "_instruction", without_ssat)
    out = tmp_path / "profile.json"
    assert _profile(tmp_path / "runs", "--plan", "library", "--json", str(out)) == 2
    error = capsys.readouterr().err
    assert re.search(r"0x[0-9a-f]{8} in \w+: expected an instruction the timing models know", error)
    (cell,) = json.loads(out.read_text())["cells"]
    layers = {layer["layer"]: layer for layer in cell["layers"]}
    assert layers["conv1"]["mix_unknown"] > 0
    assert layers["conv1"]["model_cycles_m7"] is None
    assert layers["conv1"]["instructions"] > 0
    assert layers["relu1"]["model_cycles_m7"] > 0
    assert cell["total"]["model_cycles_m7"] is None


@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize("counts", ["blocks", "edges"])
def test_fewer_counts_give_the_same_instructions(tmp_path: Path, counts: str) -> None:
    documents = []
    for mode in (counts, "memory"):
        out = tmp_path / f"{mode}.json"
        assert _profile(tmp_path / mode, "--counts", mode, "--json", str(out)) == 0
        documents.append(json.loads(out.read_text())["cells"][0])
    fewer, all_of_them = documents
    for less, more in zip(fewer["layers"], all_of_them["layers"], strict=True):
        same = ("instructions", "branches_taken", "mix_smlad", "mix_load", "mix_store")
        assert {name: less[name] for name in same} == {name: more[name] for name in same}
        assert less["loads"] is None
        assert less["model_cycles_m7"] is None


def test_a_process_on_this_machine_has_no_profile(tmp_path: Path) -> None:
    assert main(["profile", "--target", "host", "--runs", str(tmp_path)]) == 3


@pytest.mark.parametrize(
    ("boards", "message"),
    [
        (("host",), "expected a board with a timing model"),
        (("nucleo-f746", "mps2-an500"), "both cortex-m7"),
        (("nucleo-f74",), "did you mean nucleo-f746"),
    ],
)
def test_boards_that_cannot_be_modelled(boards: tuple[str, ...], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        modelled_boards(find_target("mps2-an500"), boards)


def test_the_boards_that_are_modelled() -> None:
    target = find_target("mps2-an386")
    names = {suffix: board.name for suffix, board in modelled_boards(target).items()}
    assert names == {"m4": "stm32f4-discovery", "m7": "nucleo-f746"}
    ideal = modelled_boards(target, ("mps2-an386",))
    assert ideal["m4"].name == "mps2-an386"
    assert ideal["m7"].name == "nucleo-f746"


def test_a_board_that_is_only_modelled_runs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (targets_root() / "mps2-an386" / "board.toml").read_text()
    toy = tmp_path / "toy" / "board.toml"
    toy.parent.mkdir()
    toy.write_text(text.replace('"mps2-an386"', '"toy"', 1).replace('["qemu"]', "[]"))
    monkeypatch.setattr(registry, "targets_root", lambda: tmp_path)
    assert main(["bench", "--target", "toy"]) == 2
    assert "--on toy" in capsys.readouterr().err


@pytest.mark.usefixtures("machine")
def test_a_failing_cell_keeps_those_before_it(tmp_path: Path) -> None:
    targets = (find_target("mps2-an500"), find_target("host"))
    with pytest.raises(TargetUnavailableError):
        profile_run([hand_made()], targets, tmp_path)
    (folder,) = (path.parent for path in tmp_path.glob("*/run.json"))
    rows, run = load_run(folder)
    assert run["status"] == "failed"
    assert set(rows["target"]) == {"mps2-an500@qemu"}
    assert len(load_tables(folder)["layers"]) == len(hand_made().quantized.stages)
