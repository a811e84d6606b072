"""`qrig nightly`: its options, what it prints, and real cells."""

import argparse
import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from night_cells import night_of
from qrig.cli.nightly import add_nightly
from qrig.errors import FileFormatError, UsageError
from qrig.reports.store import load_run
from qrig.runs.nightly.judge import judge
from qrig.runs.nightly.run import cores

ONE = """\
schema = "qrig-nightly/1"
[matrix.one]
networks = ["lenet-mnist"]
targets = ["mps2-an500"]
samples = 1
profile = false
"""


def _command(*words: str) -> int:
    parser = argparse.ArgumentParser()
    add_nightly(parser.add_subparsers())
    options = parser.parse_args(["nightly", *words])
    code: int = options.command(options)
    return code


@pytest.fixture
def config(tmp_path: Path) -> str:
    """A night of one real cell."""
    path = tmp_path / "nightly.toml"
    path.write_text(ONE)
    return str(path)


def _cheaper(run: Path, copy: Path) -> Path:
    """Return a copy of a run in which conv2 took 1 % less."""
    shutil.copytree(run, copy)
    rows = pd.read_parquet(copy / "layers.parquet")
    mine = rows["layer"] == "conv2"
    rows.loc[mine, "instructions"] = (rows.loc[mine, "instructions"] * 0.99).round().astype("Int64")
    rows.to_parquet(copy / "layers.parquet", index=False)
    return copy


def test_real_nights(config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = tmp_path / "runs"
    assert _command("--config", config, "--runs", str(runs)) == 4
    said = capsys.readouterr().out
    assert "[1/1] lenet-mnist on mps2-an500@qemu: no comparable baseline" in said
    assert "Of 1 cell, 1 has no comparable baseline." in said
    out = tmp_path / "second.json"
    second = _command("--config", config, "--runs", str(runs), "--json", str(out))
    (cell,) = json.loads(out.read_text())["cells"]
    assert (cell["verdict"], second) == ("same", 0)
    base, new = (load_run(runs / cell[key])[0] for key in ("base_run", "run"))
    assert list(base["instructions"]) == list(new["instructions"])
    assert cell["base_run"] != cell["run"]
    worse = judge(_cheaper(runs / cell["base_run"], tmp_path / "cheaper"), runs / cell["run"])
    assert worse.verdict == "worse"
    assert worse.findings[0].startswith("conv2 ")
    (page,) = [path for path in runs.glob("nightly/*/summary.html") if "Same" in path.read_text()]
    assert (page.parent / cell["report"]).is_file()


def test_a_target_that_is_not_here_fails_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "nightly.toml"
    path.write_text(ONE)
    monkeypatch.setenv("PATH", str(tmp_path))  # no QEMU, no compiler
    assert _command("--config", str(path), "--runs", str(tmp_path / "runs")) == 3
    assert "failed (" in capsys.readouterr().out


def test_the_summary_goes_to_standard_output(
    config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert _command("--config", config, "--runs", str(tmp_path / "runs"), "--json") == 3
    said = capsys.readouterr()
    assert json.loads(said.out)["counts"] == {"failed": 1}
    assert "[1/1]" in said.err


def test_the_cells_are_listed(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert _command("--config", config, "--list") == 0
    assert capsys.readouterr().out == "lenet-mnist on mps2-an500@qemu\n"


def test_a_night_is_accepted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    night = night_of(tmp_path, "good", "differs").summary["night"]
    assert _command("--runs", str(tmp_path), "--accept", "last") == 0
    assert f"night {night} is accepted" in capsys.readouterr().out
    assert night_of(tmp_path, "good").summary["baseline"] == night


def test_a_finished_night_can_be_summarised_again(tmp_path: Path) -> None:
    night = night_of(tmp_path, "good", "crash")
    (night.folder / "summary.html").unlink()
    assert _command("--runs", str(tmp_path), "--resume", night.summary["night"]) == 3
    assert (night.folder / "summary.html").is_file()


@pytest.mark.parametrize(
    "words",
    [
        ["--resume", "last", "--fresh"],
        ["--accept", "last", "--list"],
        ["--resume", "last", "--config", "x.toml"],
        ["--resume", "last", "--baseline", "x"],
    ],
)
def test_options_that_do_not_go_together(tmp_path: Path, words: list[str]) -> None:
    with pytest.raises(UsageError, match="expected"):
        _command("--runs", str(tmp_path), *words)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="matrix of a night"):
        _command("--runs", str(tmp_path), "--config", str(tmp_path / "none.toml"))


@pytest.mark.parametrize("jobs", ["0", "-1", "x"])
def test_jobs_are_positive(jobs: str) -> None:
    with pytest.raises(SystemExit):
        _command("--jobs", jobs)


def test_there_are_as_many_jobs_as_cores() -> None:
    assert cores() >= 1
