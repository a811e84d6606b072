"""Whole runs on virtual boards, as a user starts them: exit codes, what is kept, who waits."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from full_runs import FULL_RUN, full_run
from qrig.backends.probe.hooks import Hooks
from qrig.backends.virtual.faults import VARIABLE
from qrig.errors import BoardBusyError, BoardWedgedError
from qrig.reports.store import load_run
from qrig.runs.deployed import Deployed
from qrig.runs.recover import recover
from tiny_deployment import is_right, tiny_deployment, tiny_pixels
from virtual_boards import use_state, virtual_target

PLACE = "nucleo-f746@virtual"
_LONG_S = 240

HOLDER = """
import sys, time
sys.path.insert(0, {tests!r})
from qrig.runs.deployed import Deployed
from tiny_deployment import tiny_deployment, tiny_pixels
from virtual_boards import virtual_target
with Deployed(virtual_target("nucleo-f746"), tiny_deployment("nucleo-f746@virtual")) as deployed:
    deployed.run(tiny_pixels())
    print("holding", flush=True)
    time.sleep(600)
"""


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    use_state(tmp_path / "state", monkeypatch)
    monkeypatch.setenv("QRIG_LAB", "")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "state"


def qrig(*arguments: str, faults: str = "") -> subprocess.CompletedProcess[str]:
    """Run a qrig command with those faults in its virtual boards."""
    return subprocess.run(
        [sys.executable, "-m", "qrig", *arguments],
        capture_output=True,
        text=True,
        timeout=_LONG_S,
        env=os.environ | {VARIABLE: faults},
        check=False,
    )


def bench(folder: Path, *arguments: str, faults: str = "") -> subprocess.CompletedProcess[str]:
    """Run one sample of the bundled LeNet."""
    options = ("--target", PLACE, "--samples", "1", "--no-profile", "--runs", str(folder))
    return qrig("bench", *options, *arguments, faults=faults)


@contextmanager
def held() -> Iterator[subprocess.Popen[str]]:
    """Let another process have the board; it is killed at the end."""
    script = HOLDER.format(tests=str(Path(__file__).parent))
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline() == "holding\n"
        try:
            yield process
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def test_an_unplugged_probe_leaves_a_mark_and_the_next_run_flashes_anew(tmp_path: Path) -> None:
    broken = bench(tmp_path, faults="unplug=200")
    assert broken.returncode == 3
    assert "the probe is gone" in broken.stderr
    assert "Traceback" not in broken.stderr
    whole = bench(tmp_path)
    assert whole.returncode == 0, whole.stderr
    again = bench(tmp_path)
    assert again.returncode == 0
    runs = sorted(tmp_path.glob("*/run.json"))
    flashed = [json.loads(path.read_text())["recoveries"][0].get("flashed") for path in runs[-2:]]
    assert flashed == [1, None]


@pytest.mark.parametrize(
    ("faults", "words"),
    [
        ("erase-fails=0", ["erase", "0x0800"]),
        ("stuck-bit=0x08000150.3:0", ["at 0x08000150 instead of 0x"]),
        ("read-protected", ["read"]),
        ("algorithm-hangs", ["flash algorithm"]),
    ],
)
def test_flash_that_fails_is_an_error_of_the_target(
    tmp_path: Path, faults: str, words: list[str]
) -> None:
    broken = bench(tmp_path, faults=faults)
    assert broken.returncode == 3
    assert "Traceback" not in broken.stderr
    assert all(word in broken.stderr.lower() for word in words), broken.stderr


def test_retries_are_in_the_report(tmp_path: Path) -> None:
    done = bench(tmp_path, faults="connect-fails=1")
    assert done.returncode == 0, done.stderr
    (path,) = tmp_path.glob("*/run.json")
    assert json.loads(path.read_text())["recoveries"][0]["connect_retries"] == 1
    assert "connect retries" in (path.parent / "report.html").read_text()
    assert "connect retries 1" in done.stderr


def test_without_a_cycle_counter_there_are_no_counts(tmp_path: Path) -> None:
    done = bench(tmp_path, faults="no-cycle-counter")
    assert done.returncode == 0, done.stderr
    (path,) = tmp_path.glob("*/run.json")
    rows, run = load_run(path.parent)
    assert rows["instructions"].isna().all()
    assert rows["cycles"].isna().all()
    assert run["stamps"][0]["counter"] == "none"


def test_the_stamp_says_which_board_it_was(tmp_path: Path) -> None:
    done = bench(tmp_path, faults="no-hse")
    assert done.returncode == 0, done.stderr
    (path,) = tmp_path.glob("*/run.json")
    (stamp,) = json.loads(path.read_text())["stamps"]
    assert len(stamp["board_serial"]) == 24
    assert stamp["clock_source"] == "hsi"
    assert stamp["debugger_attached"] is False
    assert stamp["counter"] == "instructions"


def test_a_killed_run_lets_go_at_once() -> None:
    with held():
        pass
    target = virtual_target("nucleo-f746", hooks=Hooks(wait_s=1.0))
    with Deployed(target, tiny_deployment(PLACE)) as deployed:
        assert is_right(deployed.run(tiny_pixels()), tiny_pixels())


def test_a_second_run_waits_and_is_told_who_has_the_board() -> None:
    told = []
    hooks = Hooks(wait_s=0.5, waiting=lambda name, who: told.append((name, who.pid)))
    target = virtual_target("nucleo-f746", hooks=hooks)
    with (
        held() as process,
        pytest.raises(BoardBusyError, match=f"process {process.pid}"),
        Deployed(target, tiny_deployment(PLACE)),
    ):
        pass
    assert told == [("nucleo-f746@virtual:1", process.pid)]


def test_ctrl_c_keeps_what_was_measured_and_lets_go(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "qrig", "bench", "--target", PLACE, "--samples", "200"]
    process = subprocess.Popen([*command, "--no-profile", "--runs", str(tmp_path)])
    journals: list[Path] = []
    while not any(path.stat().st_size for path in journals):
        assert process.poll() is None
        journals = list(tmp_path.glob("*/layers.jsonl"))
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=_LONG_S) == 130
    rows, run = load_run(journals[0].parent)
    assert len(rows) >= 8
    assert run["status"] == "interrupted"
    target = virtual_target("nucleo-f746", hooks=Hooks(wait_s=1.0))
    with Deployed(target, tiny_deployment(PLACE)) as deployed:
        assert is_right(deployed.run(tiny_pixels()), tiny_pixels())


def test_a_wedged_board_is_refused_until_it_is_proved_well() -> None:
    target = virtual_target("nucleo-f746")
    with Deployed(target, tiny_deployment(PLACE)) as deployed:
        deployed.running.condemn("it did not answer")
    with (
        pytest.raises(BoardWedgedError, match=r"it did not answer.*qrig targets --recover"),
        Deployed(virtual_target("nucleo-f746"), tiny_deployment(PLACE)),
    ):
        pass
    said = recover(PLACE)
    assert "answers and its flash is right" in said
    with Deployed(virtual_target("nucleo-f746"), tiny_deployment(PLACE)) as deployed:
        assert is_right(deployed.run(tiny_pixels()), tiny_pixels())


@full_run
def test_a_board_that_nothing_helps_is_marked(state: Path) -> None:
    broken = qrig(
        "run", "--target", PLACE, "--network", "lenet-mnist", "--input", _digit(state.parent),
        faults="hang-after-s=0.01",
    )  # fmt: skip
    assert broken.returncode == 3
    assert "reset, then reset under reset, then reflash, then power cycle" in broken.stderr
    refused = qrig("run", "--target", PLACE, "--network", "lenet-mnist", "--input",
                   _digit(state.parent))  # fmt: skip
    assert refused.returncode == 3
    assert "qrig targets --recover nucleo-f746@virtual" in refused.stderr
    assert qrig("targets", "--recover", PLACE).returncode == 0


def _digit(folder: Path) -> str:
    import numpy as np

    path = folder / "digit.npy"
    np.save(path, np.zeros((28, 28, 1), np.uint8))
    return str(path)


SUITE = """
def test_exact(measure, network):
    layers = measure(network.samples[0])
    assert {layer.comparison.verdict for layer in layers} == {"bit-exact"}
"""


@pytest.mark.parametrize(
    ("others", "times"),
    [
        (("nucleo-f746@virtual", "nucleo-f429@virtual"), 1),
        (("nucleo-f429@virtual:a", "nucleo-f429@virtual:b"), 1),
        pytest.param(("nucleo-f746@virtual", "nucleo-f429@virtual"), 50, marks=FULL_RUN),
    ],
)
def test_two_boards_in_parallel(
    pytester: pytest.Pytester, tmp_path: Path, others: tuple[str, str], times: int
) -> None:
    pytester.makepyfile(SUITE)
    options = [f"--target={name}" for name in others]
    for _ in range(times):
        result = pytester.runpytest_subprocess(
            "-n",
            "2",
            "--dist",
            "loadgroup",
            "--qrig-runs",
            str(tmp_path),
            *options,
            timeout=_LONG_S,
        )
        result.assert_outcomes(passed=2)
    rows, run = load_run(sorted(tmp_path.glob("*/run.json"))[-1].parent)
    assert set(rows["target"]) == set(others)
    assert {stamp["target"] for stamp in run["stamps"]} == set(others)


def test_nothing_attached_is_told_with_what_would_work(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(SUITE)
    result = pytester.runpytest_subprocess("--target=nucleo-f746", timeout=_LONG_S)
    assert result.ret == 3
    output = result.stdout.str() + result.stderr.str()
    assert "no debug probe is on this machine's USB" in output
    assert "lab.toml" in output
    assert "targets that work here: " in output
    assert "nucleo-f746@virtual" in output
