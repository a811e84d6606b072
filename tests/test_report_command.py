"""`qrig report`: the page again, and Markdown of a run."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from made_runs import QEMU, MadeCell, scaled, write_run
from qrig.cli.report import add_report
from qrig.errors import UsageError
from qrig.reports.publish import PAGE
from report_runs import BASE, NEW, write_both

FACTORS = {"conv2": 0.9, "ip1": 1.04}


def report(*arguments: str) -> int:
    """Do what the command line does."""
    parser = argparse.ArgumentParser()
    add_report(parser.add_subparsers(required=True))
    options = parser.parse_args(["report", *arguments])
    code: int = options.command(options)
    return code


def test_the_page_is_written_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_both(tmp_path, FACTORS)
    assert report("--runs", str(tmp_path)) == 0
    page = (tmp_path / NEW / PAGE).read_text(encoding="utf-8")
    assert f"than run {BASE}:" in page
    assert f"complete: {tmp_path / NEW / PAGE}" in capsys.readouterr().out
    assert report(BASE, "--runs", str(tmp_path)) == 0
    assert "no earlier run" in (tmp_path / BASE / PAGE).read_text(encoding="utf-8")


def test_markdown_says_it_all(tmp_path: Path) -> None:
    write_both(tmp_path, FACTORS)
    out = tmp_path / "comment.md"
    assert report(NEW, "--runs", str(tmp_path), "--markdown", str(out)) == 0
    text = out.read_text(encoding="utf-8")
    lines = text.splitlines()
    assert lines[0] == "## qrig: ✅ Bit-exact"
    assert any(line.startswith(f"❌ Worse than run {BASE}: fashion on ") for line in lines)
    assert "| network | target | verdict | compared | latency, µs | energy, µJ |" in text
    emulated = "| fashion | mps2-an500@qemu | ✅ bit-exact | ❌ worse |  |  | 563,200 "
    assert f"{emulated}(\N{MINUS SIGN}6.1 %) |" in text
    assert "<summary>fashion, instructions: layers that got worse</summary>" in text
    assert "| ip1 | mps2-an500@qemu | 83,200 | 80,000 | +4.0 % |" in text
    assert "resends 3, restarts 1, hangs 1" in text
    assert text.count("<details") == text.count("</details>") == 5
    assert lines[-1] == f"All of it: report.html of run {NEW}"


def test_markdown_on_standard_output_is_markdown_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run(tmp_path, "r1", MadeCell())
    assert report("r1", "--runs", str(tmp_path), "--markdown", "-") == 0
    printed = capsys.readouterr()
    assert printed.out.startswith("## qrig: ✅ Bit-exact\n")
    assert "compared" not in printed.out.splitlines()[4]
    assert "complete: " in printed.err


def test_what_differs_and_what_failed_is_said(tmp_path: Path) -> None:
    wrong = MadeCell(
        lambda layer, index: {
            "instructions": 5,
            "verdict": "differs" if layer == "conv2" else "bit-exact",
            "first_difference": "element 3" if layer == "conv2" else None,
        }
    )
    write_run(tmp_path, "r1", wrong, verdict="differs", status="failed", error="it fell silent")
    out = tmp_path / "comment.md"
    assert report("r1", "--runs", str(tmp_path), "--markdown", str(out)) == 0
    text = out.read_text(encoding="utf-8")
    assert text.startswith("## qrig: ❌ Differs\n\n3 of 12 layer outputs differ")
    assert "> it fell silent" in text
    assert f"- lenet on {QEMU}: conv2 is the first layer that differs, of input 0.png" in text
    assert "❌ differs" in text


def test_names_of_others_are_no_markup(tmp_path: Path) -> None:
    nasty = MadeCell(scaled({}), network="<img src=x> @team | `a` [b](c)")
    write_run(tmp_path, "r1", nasty)
    out = tmp_path / "comment.md"
    report("r1", "--runs", str(tmp_path), "--markdown", str(out))
    text = out.read_text(encoding="utf-8")
    assert "<img" not in text
    assert "@team" not in text
    markdown = [line for line in text.splitlines() if not line.startswith("<summary>")]
    assert not any("[b]" in line for line in markdown)
    cells = next(line for line in text.splitlines() if line.startswith("| &lt;img"))
    assert cells.replace("\\|", "").count("|") == 5


@pytest.mark.parametrize("place", ["missing/out.md", "."])
def test_a_place_that_cannot_be_written_is_told_first(tmp_path: Path, place: str) -> None:
    write_run(tmp_path, "r1", MadeCell())
    with pytest.raises(UsageError, match="--markdown"):
        report("r1", "--runs", str(tmp_path), "--markdown", str(tmp_path / place))
    assert not (tmp_path / "r1" / PAGE).exists()
