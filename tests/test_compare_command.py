"""`qrig compare`: which runs are meant, what it writes, what it ends with."""

import json
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from made_runs import MadeCell, scaled, write_run
from qrig.cli import main
from qrig.errors import FileFormatError, UsageError
from qrig.reports.compare_result import NO_BASELINE, SAME, WORSE
from qrig.runs.compare import compare_runs, judge_session, named_runs

OLD, NEW = "20260131-200000-aaaa", "20260201-200000-bbbb"
SLOWER = MadeCell(scaled({"conv2": 1.007}), sizes={"flash_bytes": 61_000, "ram_bytes": 9_000})
BEFORE = MadeCell(sizes={"flash_bytes": 60_000, "ram_bytes": 9_000})


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    folder = tmp_path / "reports" / "runs"
    write_run(folder, OLD, BEFORE)
    write_run(folder, NEW, SLOWER, started="2026-02-01T20:00:00+00:00")
    return folder


def compare(folder: Path, *arguments: object) -> int:
    return main(["compare", *map(str, arguments), "--runs", str(folder)])


def test_exit_codes(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert compare(runs, OLD, OLD) == 0
    assert compare(runs, OLD, NEW) == 1
    assert compare(runs, NEW, OLD) == 0
    assert compare(runs, "nothing", NEW) == 4
    assert "no comparable baseline" in capsys.readouterr().out
    assert compare(runs, OLD, "nothing") == 2
    assert "expected a run in" in capsys.readouterr().err


def test_the_verdict_comes_first_and_the_layer_is_named(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compare(runs, OLD) == 1
    output = capsys.readouterr().out
    assert output.startswith(f"worse: {NEW} against {OLD}\n")
    assert "conv2" in output
    assert "conv1" not in output
    assert "+0.70 %" in output
    assert "flash: 60,000 to 61,000 bytes" in output
    assert compare(runs, OLD, "--all") == 1
    assert "conv1" in capsys.readouterr().out


def test_a_threshold(runs: Path) -> None:
    assert compare(runs, OLD, NEW, "--threshold", "1.5") == 0


def test_keys_that_may_differ(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_run(runs, "other", MadeCell(stamp={"compiler": "gcc 13", "clock_hz": 1}))
    assert compare(runs, OLD, "other") == 4
    output = capsys.readouterr().out
    assert "compiler: arm-none-eabi-gcc 12.2.1 against gcc 13" in output
    assert "clock_hz: 216000000 against 1" in output
    assert compare(runs, OLD, "other", "--allow", "compiler") == 4
    assert compare(runs, OLD, "other", "--allow", "compiler", "--allow", "clock_hz") == 0


def test_json(runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "comparison.json"
    assert compare(runs, OLD, NEW, "--json", out) == 1
    document = json.loads(out.read_text())
    assert document["schema"] == "qrig-comparison/1"
    assert (document["verdict"], document["exit_code"]) == ("worse", 1)
    assert (document["base"], document["new"]) == ([OLD], [NEW])
    (cell,) = document["cells"]
    assert cell["sizes"]["flash_bytes"] == {"base": 60_000, "new": 61_000}
    (worse,) = [one for one in cell["layers"] if one["verdict"] == "worse"]
    assert worse["layer"] == "conv2"
    assert worse["kernel"] == "sliding 4"
    assert worse["percent"] == pytest.approx(0.7)
    capsys.readouterr()
    assert compare(runs, OLD, NEW, "--json", "-") == 1
    assert json.loads(capsys.readouterr().out) == document


def test_junit(runs: Path, tmp_path: Path) -> None:
    out = tmp_path / "junit.xml"
    compare(runs, OLD, NEW, "--junit", out)
    suites = ET.parse(out).getroot()  # noqa: S314  # our own file
    assert suites.attrib == {"name": "qrig compare", "tests": "5", "failures": "1", "errors": "0"}
    (suite,) = suites
    assert suite.get("name") == "lenet on mps2-an500@qemu"
    (failed,) = [case for case in suite if case.find("failure") is not None]
    assert failed.get("name") == "conv2: instructions"
    message = failed.find("failure")
    assert message is not None
    assert "conv2 +0.70 % instructions" in message.attrib["message"]


@pytest.mark.parametrize("base", ["nothing", "other"])
def test_junit_is_never_green_without_a_baseline(runs: Path, tmp_path: Path, base: str) -> None:
    write_run(runs, "other", MadeCell(stamp={"compiler": "gcc 13"}))
    out = tmp_path / "junit.xml"
    assert compare(runs, base, NEW, "--junit", out) == 4
    suites = ET.parse(out).getroot()  # noqa: S314  # our own file
    assert int(suites.attrib["errors"]) == 1
    (error,) = list(suites.iter("error"))
    assert error.attrib["type"] == "no comparable baseline"


def test_markdown(runs: Path, tmp_path: Path) -> None:
    hostile = MadeCell(network="a|b<img src=x>@everyone\n# x", layers=("conv1",))
    write_run(runs, "one", BEFORE, hostile)
    write_run(runs, "two", SLOWER, hostile)
    out = tmp_path / "comment.md"
    assert compare(runs, "one", "two", "--markdown", out) == 1
    text = out.read_text()
    assert text.startswith("## qrig: ❌ worse\n")
    assert "- lenet on mps2-an500@qemu: conv2 +0.70 % instructions: kernel sliding 4" in text
    assert "| conv2 | instructions | 400,000 | 402,800 | +0.70 % |  | worse |" in text
    assert "<img" not in text
    assert "@everyone" not in text
    assert "\n# x" not in text
    assert text.count("<details") == text.count("</details>") == 2


def test_outputs_that_cannot_be_written(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert compare(runs, OLD, NEW, "--junit", runs) == 2
    assert "--junit" in capsys.readouterr().err
    assert compare(runs, OLD, NEW, "--json", runs / "x", "--markdown", runs / "x") == 2
    assert compare(runs, OLD, NEW, "--markdown", "-") == 2
    assert "name a file" in capsys.readouterr().err


def test_runs_by_name(runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    committed = runs.parent / "baselines" / "release-1"
    shutil.copytree(runs / OLD, committed)
    monkeypatch.chdir(tmp_path)
    assert named_runs(runs, OLD) == (runs / OLD,)
    assert named_runs(runs, str(runs / OLD)) == (runs / OLD,)
    assert named_runs(runs, str(runs / OLD / "layers.parquet")) == (runs / OLD,)
    assert named_runs(runs, str(runs / OLD / "run.json")) == (runs / OLD,)
    assert named_runs(runs, "release-1") == (committed,)
    assert named_runs(runs, f"{OLD}, {NEW}") == (runs / OLD, runs / NEW)
    assert named_runs(runs, "last") == (runs / NEW,)
    assert named_runs(runs, "last:9") == (runs / OLD, runs / NEW)
    assert named_runs(runs, "last", without=frozenset([runs / NEW])) == (runs / OLD,)
    (runs / NEW).rename(runs / "x [y] é")
    assert named_runs(runs, "x [y] é") == (runs / "x [y] é",)
    for name in (
        "",
        "nothing",
        "../x",
        str(tmp_path / "x"),
        "last:0",
        f"{OLD},,",
        "x" * 5000,
        "\0",
    ):
        with pytest.raises(UsageError, match="expected a run"):
            named_runs(runs, name)


def test_a_committed_baseline_needs_its_rows_and_run_alone(runs: Path) -> None:
    committed = runs.parent / "baselines" / "release-1"
    committed.mkdir(parents=True)
    for name in ("run.json", "layers.parquet"):
        shutil.copy(runs / OLD / name, committed)
    assert compare(runs, "release-1", NEW) == 1


def test_last_is_the_latest_complete_run(runs: Path) -> None:
    write_run(runs, "20260301-000000-cccc", SLOWER, status="failed")
    assert named_runs(runs, "last") == (runs / NEW,)
    assert compare(runs, "last", NEW) == 1  # that before NEW


def test_last_of_nothing(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="qrig bench"):
        named_runs(tmp_path, "last")


@pytest.mark.parametrize("damage", ["run", "rows", "schema"])
def test_a_baseline_that_cannot_be_read_is_no_baseline(runs: Path, damage: str) -> None:
    path = runs / OLD / ("layers.parquet" if damage == "rows" else "run.json")
    path.write_text('{"schema_version": 99}' if damage == "schema" else "x")
    found = compare_runs(runs / OLD, runs / NEW)
    assert found.verdict == NO_BASELINE
    assert found.exit_code == 4
    with pytest.raises(FileFormatError):
        compare_runs(runs / NEW, runs / OLD)


def test_comparisons_for_the_night(runs: Path) -> None:
    found = compare_runs(runs / OLD, runs / NEW)
    assert found.verdict == WORSE
    assert found.findings == (
        "lenet on mps2-an500@qemu: conv2 +0.70 % instructions: kernel sliding 4",
    )
    assert compare_runs(runs / OLD, runs / OLD).verdict == SAME


def session(cell: MadeCell, **run: Any) -> dict[str, Any]:
    return {"rows": cell.rows(), "run": {"stamps": [cell.whole_stamp()], **run}}


def test_a_session_against_a_baseline(runs: Path) -> None:
    document = judge_session(OLD, **session(SLOWER), folder=runs)
    assert (document["verdict"], document["exit_code"]) == (WORSE, 1)
    assert "conv2" in document["findings"][0]
    assert document["new"] == ["this session"]
    assert judge_session(OLD, **session(BEFORE), folder=runs)["verdict"] == SAME


def test_a_session_without_a_baseline(runs: Path) -> None:
    for base in ("nothing", ""):
        document = judge_session(base, **session(BEFORE), folder=runs)
        assert (document["verdict"], document["exit_code"]) == (NO_BASELINE, 4)
        assert "expected a run" in document["findings"][0]


def test_the_last_run_of_a_session_is_not_its_own(runs: Path) -> None:
    document = judge_session("last", **session(SLOWER, run_id=NEW), folder=runs)
    assert document["base"] == [OLD]
    assert document["verdict"] == WORSE


def test_a_session_that_measured_nothing(runs: Path) -> None:
    document = judge_session(OLD, [], {"stamps": []}, folder=runs)
    assert document["verdict"] == NO_BASELINE
    assert "has no rows" in document["findings"][0]
