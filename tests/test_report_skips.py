"""Targets that a session of tests skipped are told on its page."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

SUITE = """
    def test_layers(measure, network):
        assert measure(network.samples[0])
"""


@pytest.mark.parametrize("workers", [[], ["-p", "xdist", "-n1"]])
def test_the_page_says_what_was_skipped_and_why(
    pytester: pytest.Pytester, tmp_path: Path, workers: list[str]
) -> None:
    if workers:
        pytest.importorskip("xdist")
    pytester.makepyfile(SUITE)
    pytester.makeconftest(
        "import qrig.backends.qemu\nqrig.backends.qemu._PROGRAM = 'qemu-system-nowhere'\n"
    )
    pytester.makeini("[pytest]\nqrig_targets = host mps2-an500\n")
    runs = tmp_path / "kept"
    result = pytester.runpytest_subprocess(*workers, f"--qrig-runs={runs}")
    result.assert_outcomes(passed=1, skipped=1)
    (folder,) = (path.parent for path in runs.glob("*/run.json"))
    (skip,) = json.loads((folder / "run.json").read_text())["skips"]
    assert skip.startswith("mps2-an500@qemu: ")
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "<h2>Skipped</h2>" in page
    assert "is not installed" in page[page.index("<h2>Skipped</h2>") :]
