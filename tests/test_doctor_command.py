"""`qrig doctor` and `qrig targets` as a user runs them, on the machine there is."""

import json
import os
import platform
import pty
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from path_programs import let_through, script
from qrig.boards import board_names, find_board
from qrig.boards.instance_state import StateFile
from qrig.boards.state_folder import instance_key
from qrig.resources import cache_root
from qrig.runs.doctor_checks.udev_rules import udev_rules

TIMEOUT_S = 120
COLOUR = "\x1b["
PROBE = "066DFF495056805087072142"
LAB = f"""schema = "qrig-lab/1"
[[boards]]
name = "desk"
board = "nucleo-f746"
probe = "{PROBE}"
port = "/dev/no-such-port"
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """The environment of a user with a laboratory of one board."""
    (tmp_path / "lab.toml").write_text(LAB)
    kept = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "COLUMNS")}
    return kept | {
        "QRIG_LAB": str(tmp_path / "lab.toml"),
        "QRIG_STATE": str(tmp_path / "state"),
        "QRIG_RUNS": str(tmp_path / "runs"),
        "QRIG_CACHE": str(cache_root()),
        "TERM": "xterm",
    }


def qrig(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "qrig", *words],
        env=environment,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


def doctor(environment: dict[str, str]) -> tuple[int, dict[str, Any], dict[str, dict[str, Any]]]:
    """Run the command; return its exit code, its document, and the checks by name."""
    result = qrig(environment, "doctor", "--json", "-")
    assert result.stderr == ""
    document = json.loads(result.stdout)
    return result.returncode, document, {each["name"]: each for each in document["checks"]}


def first_line(program: str) -> str:
    return subprocess.run(
        [program, "--version"], capture_output=True, text=True, timeout=TIMEOUT_S, check=True
    ).stdout.splitlines()[0]


def test_the_doctor_finds_what_this_machine_has(environment: dict[str, str]) -> None:
    code, document, checks = doctor(environment)
    assert (code, document["verdict"]) == (0, "ready")
    assert document["schema"] == "qrig-doctor/1"
    assert checks["Python"]["found"].startswith(platform.python_version())
    for name in ("arm-none-eabi-gcc", "qemu-system-arm"):
        assert checks[name]["found"] == first_line(name)
        assert checks[name]["needed"]
    assert checks["gcc with sanitizers"]["found"] == first_line("gcc")
    assert checks["QEMU plugin"]["verdict"] == "good"
    named = os.environ.get("RENODE") or shutil.which("renode")
    assert (checks["Renode"]["verdict"] == "missing") == (named is None)
    free_gib = shutil.disk_usage(cache_root()).free / (1 << 30)
    told = re.search(r"([0-9.]+) GiB free", checks["cache"]["found"])
    assert told is not None
    assert float(told.group(1)) == pytest.approx(free_gib, abs=2)
    counts = dict.fromkeys(("good", "warning", "missing"), 0)
    for each in document["checks"]:
        counts[each["verdict"]] += 1
    assert document["counts"] == counts


def test_the_doctor_sees_the_laboratory(environment: dict[str, str], tmp_path: Path) -> None:
    folder = Path(environment["QRIG_STATE"]) / "instances"
    StateFile(folder, instance_key(PROBE), lambda text: None).mark_wedged("nothing helped")
    code, _, checks = doctor(environment)
    assert code == 0  # a board that is not there takes nothing from the main job
    assert checks["lab.toml"]["found"] == f"{tmp_path / 'lab.toml'}, 1 board"
    assert checks["desk"]["verdict"] == "warning"
    assert "there is no /dev/no-such-port" in checks["desk"]["notes"]
    assert checks["condition"]["fix"] == ["qrig targets --recover nucleo-f746@probe:desk"]


def test_without_its_programs_the_main_job_cannot_be_done(
    environment: dict[str, str], tmp_path: Path
) -> None:
    let_through(tmp_path / "bin", ["sh", "gcc", "as", "ld"])
    code, document, checks = doctor(environment | {"PATH": str(tmp_path / "bin")})
    assert (code, document["verdict"]) == (3, "not ready")
    lacking = {name for name, each in checks.items() if each["verdict"] == "missing"}
    assert {"arm-none-eabi-gcc", "newlib-nano", "qemu-system-arm", "QEMU plugin"} <= lacking
    assert checks["gcc with sanitizers"]["verdict"] == "good"
    shown = qrig(environment | {"PATH": str(tmp_path / "bin")}, "doctor")
    assert shown.returncode == 3
    last = shown.stdout.splitlines()[-1]
    assert last.startswith("not ready for qrig bench: ")
    assert "qemu-system-arm" in last
    assert "-> apt-get install qemu-system-arm" in shown.stdout


def test_warnings_do_not_end_with_an_error(environment: dict[str, str], tmp_path: Path) -> None:
    old = script(tmp_path / "renode" / "renode", 'echo "Renode v1.15.3.4367"')
    code, document, checks = doctor(environment | {"RENODE": str(old)})
    assert (code, checks["Renode"]["verdict"]) == (0, "warning")
    assert document["counts"]["warning"] >= 1


def test_the_report_is_a_line_each_in_columns(environment: dict[str, str]) -> None:
    result = qrig(environment, "doctor")
    assert (result.returncode, result.stderr) == (0, "")
    assert COLOUR not in result.stdout
    _, _, checks = doctor(environment)
    lines = result.stdout.splitlines()
    starts = set()
    for name, each in checks.items():
        (line,) = [line for line in lines if line.startswith(f"  {each['verdict']:<7}  {name}  ")]
        starts.add(len(line) - len(line[11:].removeprefix(name).lstrip()))
        if each["verdict"] != "good":
            behind = lines[lines.index(line) + 1 :]
            below = [*each["notes"], *(f"-> {step}" for step in each["fix"])]
            assert [line.strip() for line in behind[: len(below)]] == below
    assert len(starts) == 1
    assert lines[-1] == "ready for qrig bench"
    assert "Main job" in lines


def in_a_terminal(environment: dict[str, str], *words: str) -> str:
    """What the command prints where its output is a terminal."""
    ours, theirs = pty.openpty()
    with subprocess.Popen([sys.executable, "-m", "qrig", *words], env=environment, stdout=theirs):
        os.close(theirs)
        printed = b""
        try:
            while part := os.read(ours, 65536):
                printed += part
        except OSError:  # the other end is closed
            pass
    os.close(ours)
    return printed.decode()


@pytest.mark.parametrize("command", ["doctor", "targets"])
def test_there_is_colour_on_a_terminal_alone(environment: dict[str, str], command: str) -> None:
    assert COLOUR in in_a_terminal(environment, command)
    assert COLOUR not in in_a_terminal(environment | {"NO_COLOR": "1", "TERM": "dumb"}, command)
    assert COLOUR not in qrig(environment, command).stdout


def test_rules_for_udev_are_printed_and_nothing_else(environment: dict[str, str]) -> None:
    result = qrig(environment, "doctor", "--udev")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == udev_rules(Path("/"))


@pytest.mark.parametrize(
    "words", [("doctor", "--udev"), ("targets", "--recover", "nucleo-f746@virtual")]
)
def test_json_goes_with_lists_alone(environment: dict[str, str], words: tuple[str, ...]) -> None:
    result = qrig(environment, *words, "--json", "-")
    assert result.returncode == 2
    assert "leave one out" in result.stderr


@pytest.mark.parametrize("command", ["doctor", "targets"])
def test_json_can_be_a_file(environment: dict[str, str], command: str, tmp_path: Path) -> None:
    place = tmp_path / "out.json"
    result = qrig(environment, command, "--json", str(place))
    assert result.returncode == 0
    assert json.loads(place.read_text())["schema"] == f"qrig-{command}/1"
    assert result.stdout.count("\n") > 5
    refused = qrig(environment, command, "--json", str(tmp_path))
    assert refused.returncode == 2
    assert "--json" in refused.stderr


def test_targets_are_listed_a_line_each(environment: dict[str, str]) -> None:
    result = qrig(environment, "targets")
    assert (result.returncode, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    listed = json.loads(qrig(environment, "targets", "--json", "-").stdout)
    for row in listed["targets"]:
        (line,) = [line for line in lines if line.split()[:1] == [row["target"]]]
        assert line.rstrip().endswith(row["needs"])
        assert (" yes " in line) == row["available"]
        if row["reason"] is not None:
            assert any(f"{row['reason']}" in each for each in lines)
    names = {f"{name}@{each}" for name in board_names() for each in find_board(name).backends}
    assert {row["target"] for row in listed["targets"]} == names
    (desk,) = [line for line in lines if line.split()[:1] == ["desk"]]
    assert desk.split() == ["desk", "nucleo-f746@probe:desk", PROBE, "/dev/no-such-port", "free"]


def test_a_laboratory_with_a_mistake_is_told_beside_the_list(
    environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "lab.toml").write_text("[[boards]]\nname = 7\n")
    result = qrig(environment, "targets")
    assert result.returncode == 0
    assert "mps2-an386@qemu" in result.stdout
    assert result.stderr.startswith("qrig: note: ")
    assert "lab.toml" in result.stderr


def test_what_devices_say_is_never_obeyed(environment: dict[str, str], tmp_path: Path) -> None:
    lab = LAB.replace("/dev/no-such-port", "[red]\\\\u001b]0;title\\\\u0007[/]")
    (tmp_path / "lab.toml").write_text(lab.replace("\\\\", "\\"))
    for command in ("doctor", "targets"):
        shown = qrig(environment, command).stdout
        assert "[red]\N{REPLACEMENT CHARACTER}]0;title\N{REPLACEMENT CHARACTER}[/]" in shown
        assert "\x1b" not in shown
        assert "\x07" not in shown
