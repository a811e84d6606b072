"""What `qrig doctor` says of Renode, with PATH and RENODE as they may be."""

from pathlib import Path

import pytest

from path_programs import is_installed, let_through, script
from qrig.runs.doctor_checks.finding import Finding
from qrig.runs.doctor_checks.renode import check_renode


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all of PATH, without Renode."""
    let_through(tmp_path / "bin", ["sh"])
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv("RENODE", raising=False)
    return tmp_path / "bin"


def renodes() -> tuple[Finding, Finding]:
    first, second = check_renode()
    return first, second


def test_no_renode_is_missing_and_not_needed(path: Path) -> None:
    for found in renodes():
        assert (found.verdict, found.needed) == ("missing", False)
        assert "1.16.1" in found.fix[0]


def version_script(version: str) -> str:
    """What Renode prints, as of 1.15."""
    return (
        f'echo "Renode v{version}"\necho "  build: e1a64160-202412070324"\necho "  runtime: .NET 8"'
    )


@pytest.mark.parametrize(
    ("version", "verdict"),
    [
        ("1.16.1.17612", "good"),
        ("1.17.0.1", "good"),
        ("2.0.0", "good"),
        ("1.16.0.1525", "warning"),
        ("1.15.3.4367", "warning"),
    ],
)
def test_renode_is_judged_by_its_version(path: Path, version: str, verdict: str) -> None:
    program = script(path / "renode", version_script(version))
    found, _ = renodes()
    assert found.verdict == verdict
    assert found.found == f"Renode v{version} ({program}, by PATH)"
    assert bool(found.notes) == (verdict == "warning")
    assert all("VMAXNM" in note for note in found.notes)


def test_renode_by_its_variable_comes_before_path(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(path / "renode", version_script("1.15.3.4367"))
    program = script(tmp_path / "portable" / "renode", version_script("1.16.1.1"))
    for named in (program, program.parent):
        monkeypatch.setenv("RENODE", str(named))
        found, _ = renodes()
        assert (found.verdict, found.found) == ("good", f"Renode v1.16.1.1 ({program}, by RENODE)")


def test_a_variable_that_names_no_program_is_told(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(path / "renode", version_script("1.16.1.1"))
    monkeypatch.setenv("RENODE", str(tmp_path / "gone"))
    found, _ = renodes()
    assert (found.verdict, found.found) == (
        "missing",
        f"RENODE is {tmp_path / 'gone'}, which is no program",
    )


@pytest.mark.parametrize(("text", "verdict"), [("exit 1", "missing"), ("echo hello", "warning")])
def test_a_renode_that_says_no_version_is_told(path: Path, text: str, verdict: str) -> None:
    script(path / "renode", text)
    found, _ = renodes()
    assert found.verdict == verdict
    assert found.fix


def test_renode_test_is_looked_for_beside_renode(path: Path, tmp_path: Path) -> None:
    program = script(tmp_path / "renode-1.16.1" / "renode", version_script("1.16.1.1"))
    (path / "renode").symlink_to(program)
    _, found = renodes()
    assert found.verdict == "missing"
    assert str(path / "renode") in found.found
    runner = script(program.with_name("renode-test"), "exit 0")
    _, found = renodes()
    assert found.found == str(runner)
    absent = [name for name in ("robotframework", "psutil", "PyYAML") if not is_installed(name)]
    assert found.verdict == ("warning" if absent else "good")
    assert all(name in found.fix[0] for name in absent)
