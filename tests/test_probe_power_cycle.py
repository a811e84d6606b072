"""The user's command that switches a board off and on."""

import sys
from pathlib import Path

import pytest

from qrig.backends.probe.power_cycle import run_power_cycle
from qrig.deadline import Deadline
from qrig.errors import ProbeError


def test_the_command_runs_without_a_shell(tmp_path: Path) -> None:
    marker = tmp_path / "a b; $(touch c)"
    script = "import sys, pathlib; pathlib.Path(sys.argv[1]).touch()"
    run_power_cycle("toy", (sys.executable, "-c", script, str(marker)), Deadline.after(20))
    assert [path.name for path in tmp_path.iterdir()] == [marker.name]


@pytest.mark.parametrize(
    ("command", "seconds", "words"),
    [
        (("/nowhere/switch",), 5, "none that starts"),
        (
            (sys.executable, "-c", "print('no hub'); raise SystemExit(3)"),
            20,
            "ended with 3: no hub",
        ),
        ((sys.executable, "-c", "import time; time.sleep(60)"), 0.3, "still at work"),
        ((sys.executable, "-c", "raise SystemExit(len(input()))"), 20, "ended with 1: "),
    ],
    ids=["missing", "failing", "slow", "asking"],
)
def test_a_command_that_fails_is_an_error(
    command: tuple[str, ...], seconds: float, words: str
) -> None:
    with pytest.raises(ProbeError, match=words) as caught:
        run_power_cycle("toy@probe:one", command, Deadline.after(seconds))
    assert "toy@probe:one" in str(caught.value)
    assert "lab.toml" in str(caught.value)
