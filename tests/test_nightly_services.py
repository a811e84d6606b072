"""What starts nights by itself: the workflow for GitHub Actions, the units for systemd."""

import os
import re
import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest

from qrig.backends.renode.program import WANTED
from qrig.resources import checkout_root

ROOT = checkout_root() or Path()
WORKFLOW = ROOT / ".github" / "workflows" / "nightly.yml"
UNITS = ROOT / "contrib" / "systemd"


def _actionlint() -> str:
    beside = Path(sysconfig.get_path("scripts")) / "actionlint"
    found = str(beside) if beside.is_file() else shutil.which("actionlint")
    if found is None:
        pytest.skip("actionlint is not installed")
    return found


def _lint(path: Path) -> subprocess.CompletedProcess[str]:
    command = [_actionlint(), "-no-color", str(path)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_actionlint_has_nothing_to_say_about_the_workflow() -> None:
    result = _lint(WORKFLOW)
    assert (result.stdout + result.stderr, result.returncode) == ("", 0)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("timeout-minutes", "timeout-minuts"),
        ("steps.night.outputs.code", "steps.nacht.outputs.code"),
        ("cron: ", "crn: "),
    ],
)
def test_actionlint_would_have_something_to_say(tmp_path: Path, right: str, wrong: str) -> None:
    text = WORKFLOW.read_text()
    assert right in text
    path = tmp_path / "nightly.yml"
    path.write_text(text.replace(right, wrong, 1))
    assert _lint(path).returncode == 1


def test_every_action_is_pinned_to_a_commit_and_its_version_is_told() -> None:
    used = re.findall(r"uses: (.*)", WORKFLOW.read_text())
    assert len(used) >= 4
    for action in used:
        assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action)


def test_the_workflow_may_read_and_nothing_else() -> None:
    text = WORKFLOW.read_text()
    assert re.findall(r"^permissions:\n((?:  .*\n)+)", text, re.MULTILINE) == ["  contents: read\n"]
    assert text.count("permissions:") == 1
    assert "persist-credentials: false" in text
    assert re.search(r"^concurrency:\n  group: ", text, re.MULTILINE)


def test_no_text_of_others_is_put_into_a_script() -> None:
    for script in re.findall(r"run: \|\n((?:          .*\n|\n)+)", WORKFLOW.read_text()):
        assert "${{" not in script


def test_the_workflow_has_the_renode_that_targets_need() -> None:
    text = WORKFLOW.read_text()
    (version,) = re.findall(r"RENODE_VERSION: ([\d.]+)", text)
    assert tuple(map(int, version.split("."))) >= WANTED
    assert re.search(r"RENODE_SHA256: [0-9a-f]{64}\n", text)
    assert "sha256sum --check" in text


def _verify(folder: Path, state: Path) -> str:
    """Return what systemd says about the units in `folder`."""
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not installed")
    units = sorted(str(path) for path in folder.iterdir())
    result = subprocess.run(
        [program, "verify", "--user", "--man=no", *units],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "XDG_RUNTIME_DIR": str(state)},
        check=False,
    )
    if "Failed to initialize manager" in result.stderr:
        pytest.skip(f"systemd-analyze does not work here: {result.stderr.strip()}")
    said = [line for line in result.stderr.splitlines() if "qrig-nightly" in line]
    return "\n".join(said) or (result.stderr if result.returncode else "")


def _units(folder: Path) -> Path:
    """Copy the units, for a checkout that is here instead of in somebody's home."""
    folder.mkdir()
    for unit in UNITS.iterdir():
        (folder / unit.name).write_text(unit.read_text().replace("%h/qrig", str(ROOT)))
    return folder


def test_systemd_has_nothing_to_say_about_the_units(tmp_path: Path) -> None:
    units = _units(tmp_path / "units")
    assert {path.name for path in units.iterdir()} == {
        "qrig-nightly.service", "qrig-nightly.timer",
    }  # fmt: skip
    assert _verify(units, tmp_path) == ""


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("qrig-nightly.service", "KillMode=mixed", "KillMode=some"),
        ("qrig-nightly.service", "/rig nightly", "/rigg nightly"),
        ("qrig-nightly.timer", "02:30:00", "25:30:00"),
    ],
)
def test_systemd_would_have_something_to_say(
    tmp_path: Path, name: str, right: str, wrong: str
) -> None:
    units = _units(tmp_path / "units")
    text = (units / name).read_text()
    assert right in text
    (units / name).write_text(text.replace(right, wrong, 1))
    assert _verify(units, tmp_path) != ""
