"""What stands in for the process of a cell: it behaves as its network is called.

python night_worker.py NETWORK RUNS NOTE BASE
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

NETWORK, RUNS, NOTE, BASE = sys.argv[1:]
SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]


def write_note(**what: object) -> None:
    """Write how far we are, whole."""
    usual: dict[str, object] = {
        "outcome": None,
        "problem": "",
        "run": None,
        "verdict": None,
        "findings": [],
    }
    temporary = Path(f"{NOTE}.new")
    temporary.write_text(json.dumps({**usual, **what}))
    temporary.replace(NOTE)


def end(outcome: str = "bit-exact", verdict: str | None = "same", *findings: str) -> None:
    """Leave a run and say how it ended, as compared with a baseline if there is one."""
    name = f"run-{Path(NOTE).stem}-{os.getpid()}"
    (Path(RUNS) / name).mkdir(parents=True)
    (Path(RUNS) / name / "report.html").write_text("<!doctype html>")
    compared = {"verdict": verdict, "findings": findings} if BASE else {}
    write_note(outcome=outcome, run=name, **compared)


def wait_for(path: Path) -> None:
    """Wait until a file is there, for half a minute at most."""
    for _ in range(600):
        if path.exists():
            return
        time.sleep(0.05)
    sys.exit(f"no {path}")


def alone() -> None:
    """Differ if another such cell is at work."""
    place = Path(RUNS) / "taken"
    try:
        place.touch(exist_ok=False)
    except FileExistsError:
        end("differs")
        return
    time.sleep(0.3)
    place.unlink()
    end()


def together(mine: str, other: str) -> None:
    """End as soon as the other is at work, too."""
    (Path(RUNS) / mine).touch()
    wait_for(Path(RUNS) / other)
    end()


def hang() -> None:
    """Leave a grandchild in a session of its own, and never end, whatever is asked."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    child = subprocess.Popen(SLEEPER, start_new_session=True)
    write_note(run="half-done")
    pids = Path(RUNS) / "pids.new"
    pids.write_text(f"{os.getpid()} {child.pid}")
    pids.replace(Path(RUNS) / "pids")
    time.sleep(600)


def interrupted() -> None:
    """Keep something when interrupted."""
    (Path(RUNS) / "at-work").touch()
    try:
        time.sleep(600)
    except KeyboardInterrupt:
        (Path(RUNS) / "kept").touch()


def forking() -> None:
    """End well, but leave a child behind."""
    child = subprocess.Popen(SLEEPER, start_new_session=True)
    (Path(RUNS) / "pids").write_text(str(child.pid))
    end()


def half() -> None:
    """Be bit-exact, and die in the comparison."""
    end(verdict=None)
    sys.exit("the comparison broke")


ACTS: dict[str, Callable[[], object]] = {
    "good": end,
    "better": lambda: end("bit-exact", "better"),
    "worse": lambda: end("bit-exact", "worse", "conv2: instructions 100 to 110"),
    "differs": lambda: end("differs"),
    "unknown": lambda: end("bit-exact", "no comparable baseline", "another compiler"),
    "half": half,
    "crash": lambda: os.kill(os.getpid(), signal.SIGSEGV),
    "killed": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "silent": lambda: None,
    "broken": lambda: sys.exit("what broke"),
    "nonsense": lambda: Path(NOTE).write_text('{"outcome": "wonderful"}'),
    "refused": lambda: write_note(outcome="failed", problem="expected a board, found none"),
    "hang": hang,
    "forking": forking,
    "interrupted": interrupted,
    "alone": alone,
    "left": lambda: together("left", "right"),
    "right": lambda: together("right", "left"),
}

Path(RUNS).mkdir(parents=True, exist_ok=True)
with (Path(RUNS) / "calls").open("a") as calls:
    calls.write(f"{NETWORK}\n")
ACTS[NETWORK.rstrip("0123456789")]()
