"""Where commands write: new files and regular ones, none that they read, each its own."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from odd_places import ODD, state_of
from qrig.cli import main
from qrig.datasets.idx import write_idx
from qrig.resources import models_root

LENET = models_root() / "lenet-mnist"
MADE = ["--network", "lenet-mnist"]
QUANTIZE = ["quantize", *MADE, "--method", "minmax"]
RUN = ["run", *MADE, "--target", "host@native", "--input", "absent.png"]

COMMANDS = {
    "quantize --save": (QUANTIZE, "qrig.runs.quantize.quantize"),
    "quantize --plot": (QUANTIZE, "qrig.runs.quantize.quantize"),
    "quantize --json": (QUANTIZE, "qrig.runs.quantize.quantize"),
    "run --json": (RUN, "qrig.runs.one_shot.run_once"),
    "profile --json": (["profile", *MADE], "qrig.runs.profile_run.profile_run"),
    "tune --out": (["tune", *MADE], "qrig.runs.tune.tune"),
}
"""Commands by the option that says where they write, and what does the work."""


@pytest.mark.parametrize("make", ODD)
@pytest.mark.parametrize("command", COMMANDS)
def test_odd_places_are_refused_before_any_work(
    command: str,
    make: Callable[[Path], Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (words, work), option = COMMANDS[command], command.split()[1]
    place = make(tmp_path)
    if option == "--plot":  # its suffix says the kind
        (tmp_path / "plot.png").symlink_to(place)
        place = tmp_path / "plot.png"
    before = state_of(tmp_path)

    def unwanted(*_: Any, **__: Any) -> None:
        raise AssertionError("it works")

    monkeypatch.setattr(work, unwanted)
    assert main([*words, option, str(place)]) == 2
    error = capsys.readouterr().err
    assert f"qrig: {option} {place}: expected a file" in error
    assert error.count("\n") == 1
    assert state_of(tmp_path) == before


def test_a_link_is_written_through(tmp_path: Path) -> None:
    link = tmp_path / "link.json"
    link.symlink_to("there.json")
    for _ in range(2):  # new at first, then replaced
        assert main([*QUANTIZE, "--json", str(link)]) == 0
        assert link.is_symlink()
        assert json.loads((tmp_path / "there.json").read_text())["method"] == "minmax"
    assert len(list(tmp_path.iterdir())) == 2


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """Copies of a network's files, and images with labels."""
    found = {"model": tmp_path / "net.prototxt", "weights": tmp_path / "net.caffemodel.h5"}
    found["model"].write_bytes((LENET / "lenet.prototxt").read_bytes())
    found["weights"].write_bytes((LENET / "lenet.caffemodel.h5").read_bytes())
    for name in ("data", "test-data"):
        found[name] = tmp_path / f"{name}.idx"
        write_idx(found[name], np.zeros((4, 28, 28), np.uint8))
        labels = "labels" if name == "data" else "test-labels"
        found[labels] = tmp_path / f"{labels}.txt"
        found[labels].write_text("1\n2\n3\n4\n")
    found["mean"] = tmp_path / "mean.npy"
    np.save(found["mean"], np.zeros(1, np.float32))
    return found


@pytest.mark.parametrize("option", ["--save", "--json"])
@pytest.mark.parametrize(
    "read", ["model", "weights", "data", "labels", "test-data", "test-labels", "mean"]
)
@pytest.mark.parametrize("spelling", ["as it is", "by a link", "by way of a folder"])
def test_no_output_takes_the_place_of_an_input(
    read: str,
    option: str,
    spelling: str,
    files: dict[str, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    place = files[read]
    if spelling == "by a link":
        place = tmp_path / "link"
        place.symlink_to(files[read])
    elif spelling == "by way of a folder":
        (tmp_path / "folder").mkdir()
        place = tmp_path / "folder" / ".." / files[read].name
    before = state_of(tmp_path)
    words = [word for name, path in files.items() for word in (f"--{name}", str(path))]
    assert main(["quantize", *words, option, str(place)]) == 2
    error = capsys.readouterr().err
    what = read.replace("-", " ")
    assert f"qrig: {option} {place}: expected a file that this command does not read" in error
    assert f"found the {what} ({files[read]})" in error
    assert state_of(tmp_path) == before


@pytest.mark.parametrize("source", ["folder", "pattern"])
def test_no_output_takes_the_place_of_an_image(
    source: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "1").mkdir()
    image = tmp_path / "1" / "a.png"
    image.write_bytes(b"any")
    data = tmp_path if source == "folder" else tmp_path / "1" / "*.png"
    assert main([*QUANTIZE, "--data", str(data), "--plot", str(image)]) == 2
    assert f"found a part of the data ({data})" in capsys.readouterr().err
    assert image.read_bytes() == b"any"


def test_a_network_that_goes_by_a_name_has_files_too(capsys: pytest.CaptureFixture[str]) -> None:
    before = state_of(LENET)
    for name in ("lenet.prototxt", "network.toml", "lenet.caffemodel.h5", "samples-labels.idx.gz"):
        assert main([*QUANTIZE, "--save", str(LENET / name)]) == 2
        assert f"found the {'network' if 'toml' in name else ''}" in capsys.readouterr().err
    assert main([*QUANTIZE, "--json", str(LENET / "formats.json")]) == 2
    assert f"found the formats ({LENET / 'formats.json'})" in capsys.readouterr().err
    assert state_of(LENET) == before


def test_the_formats_of_a_networks_folder_may_be_chosen_again(tmp_path: Path) -> None:
    folder = tmp_path / "net"
    folder.mkdir()
    for path in LENET.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    formats = folder / "formats.json"
    before = formats.read_text()
    command = ["quantize", "--network", str(folder), "--method", "minmax"]
    assert main([*command, "--save", str(formats)]) == 0
    assert formats.read_text() != before


@pytest.mark.parametrize(
    ("one", "other"), [("--save", "--json"), ("--plot", "--save"), ("--json", "--plot")]
)
def test_two_outputs_are_two_files(
    one: str, other: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "link.svg").symlink_to("found.svg")
    words = [one, str(tmp_path / "found.svg"), other, str(tmp_path / "link.svg")]
    assert main([*QUANTIZE, *words]) == 2
    error = capsys.readouterr().err
    assert "expected two files for" in error
    assert f"found {tmp_path / 'found.svg'} for both" in error
    assert [path.name for path in tmp_path.iterdir()] == ["link.svg"]


@pytest.mark.parametrize("place", ["pipe", "file"])
def test_results_need_a_folder_before_anything_is_built(
    place: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taken = ODD[1](tmp_path) if place == "pipe" else tmp_path / "file"
    if place == "file":
        taken.write_text("mine")
    for module in ("main", "profile"):
        loads = sys.modules[f"qrig.cli.{module}"]
        monkeypatch.setattr(loads, "load_networks", lambda options: pytest.fail("it works"))
    before = state_of(tmp_path)
    for runs in (taken, taken / "below"):
        for command in ("bench", "profile"):
            assert main([command, *MADE, "--runs", str(runs)]) == 2
            error = capsys.readouterr().err
            assert f"qrig: {runs}: expected a folder for the results" in error
            assert "--runs" in error
    assert state_of(tmp_path) == before
