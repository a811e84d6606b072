"""`qrig bench` on a disk that fills up: it says so, and what was measured before is kept."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from full_runs import FULL_RUN
from killed_runs import files_of
from qrig.cli import main
from qrig.reports.run_files import JOURNAL, RUN, TABLE
from qrig.reports.store import load_run
from small_disks import fill, small_disk

SAMPLES, STAGES = 20, 8
GOOD, USAGE = 0, 2
TOO_FULL = "No space left on device"


def bench(runs: Path) -> subprocess.CompletedProcess[str]:
    """Run the bundled network on this machine; it ends whatever the disk does."""
    command = [sys.executable, "-m", "qrig", "bench", "--network", "lenet-mnist"]
    command += ["--target", "host@native", "--samples", str(SAMPLES), "--runs", str(runs)]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=300, env=os.environ
    )


@pytest.mark.parametrize("steps", [(4, 90), pytest.param(range(0, 200, 4), marks=FULL_RUN)])
def test_a_bench_on_a_disk_that_fills_up(
    tmp_path: Path, steps: tuple[int, ...] | range, capsys: pytest.CaptureFixture[str]
) -> None:
    with small_disk(tmp_path / "disk", 4096) as disk:
        runs = disk / "runs"
        assert bench(runs).returncode == GOOD
        (earlier,) = (path.parent for path in runs.glob(f"*/{RUN}"))
        kept = files_of(earlier)
        counts = []
        for free_kb in steps:
            known = set(runs.iterdir())
            filler = fill(disk, free_kb)
            ended = bench(runs)
            filler.unlink()
            assert files_of(earlier) == kept
            assert main(["history", "--check", "--runs", str(runs)]) == 0
            capsys.readouterr()
            check_ending(ended)
            counts += [kept_rows(path) for path in set(runs.iterdir()) - known]
    assert any(0 < count < SAMPLES * STAGES for count in counts)


def check_ending(ended: subprocess.CompletedProcess[str]) -> None:
    """Hold that it ended well, or with one sentence about the disk."""
    assert ended.returncode in (GOOD, USAGE)
    assert "Traceback" not in ended.stderr
    if ended.returncode == USAGE:
        assert TOO_FULL in ended.stderr
        assert ended.stderr.splitlines()[-1].startswith("qrig: ")


def kept_rows(folder: Path) -> int:
    """Return how many rows of a run are there; none of one that could not even say what it is."""
    if not (folder / RUN).is_file():
        assert not (folder / TABLE).is_file()
        return 0
    rows, run = load_run(folder)
    assert run["status"] in (["running"] if (folder / JOURNAL).exists() else ["complete", "failed"])
    assert list(rows["layer_index"]) == [place % STAGES for place in range(len(rows))]
    return len(rows)
