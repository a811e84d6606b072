"""What `qrig doctor` says of Python, compilers and QEMU, with PATH as it may be."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from path_programs import let_through, script
from qrig.measure.kernel_baseline import COMPILER
from qrig.runs.doctor_checks.build_tools import check_build_tools
from qrig.runs.doctor_checks.finding import Finding
from qrig.runs.doctor_checks.qemu import check_qemu
from qrig.runs.doctor_checks.versions import read_version

PROGRAMS = ("gcc", "as", "ld", "arm-none-eabi-gcc", "qemu-system-arm", "sh")


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all of PATH, with links to the programs of this machine."""
    let_through(tmp_path / "bin", PROGRAMS)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path / "bin"


def tools() -> dict[str, Finding]:
    return {finding.name: finding for finding in check_build_tools()}


def qemu() -> dict[str, Finding]:
    return {finding.name: finding for finding in check_qemu()}


def first_line(*command: str) -> str:
    return subprocess.run(
        [*command, "--version"], capture_output=True, text=True, check=True, timeout=60
    ).stdout.splitlines()[0]


def test_what_is_there_is_good(path: Path) -> None:
    found = tools()
    assert next(iter(found)) == "Python"
    version = ".".join(map(str, sys.version_info[:3]))
    assert found["Python"].found == f"{version} ({sys.executable})"
    assert found["gcc with sanitizers"].found == first_line("gcc")
    arm = first_line("arm-none-eabi-gcc")
    assert found["arm-none-eabi-gcc"].found == arm
    expected = "good" if arm.startswith(COMPILER) else "warning"
    assert found.pop("arm-none-eabi-gcc").verdict == expected
    assert {finding.verdict for finding in found.values()} == {"good"}


def test_another_compiler_is_reported(path: Path) -> None:
    real = os.path.realpath(shutil.which("arm-none-eabi-gcc") or "")
    line = "arm-none-eabi-gcc (Arm GNU Toolchain 14.2.Rel1 (Build arm-14.52)) 14.2.1 20241119"
    script(
        path / "arm-none-eabi-gcc",
        f'[ "$1" != --version ] || {{ echo "{line}"; exit; }}\nexec {real} "$@"',
    )
    found = tools()["arm-none-eabi-gcc"]
    assert (found.verdict, found.found, found.forbids) == ("warning", line, False)
    assert COMPILER in found.notes[0]
    assert tools()["newlib-nano"].verdict == "good"


def test_no_compiler_for_boards_forbids_the_main_job(path: Path) -> None:
    (path / "arm-none-eabi-gcc").unlink()
    found = tools()
    for name in ("arm-none-eabi-gcc", "newlib-nano"):
        assert (found[name].verdict, found[name].forbids) == ("missing", True)
        assert found[name].fix == ("apt-get install gcc-arm-none-eabi libnewlib-arm-none-eabi",)


def test_a_compiler_without_a_library_forbids_the_main_job(path: Path) -> None:
    real = os.path.realpath(shutil.which("arm-none-eabi-gcc") or "")
    script(
        path / "arm-none-eabi-gcc",
        f'case "$*" in *nano*) echo "fatal error: cannot read spec file" >&2; exit 1;; esac\n'
        f'exec {real} "$@"',
    )
    found = tools()
    assert found["arm-none-eabi-gcc"].verdict != "missing"
    assert (found["newlib-nano"].verdict, found["newlib-nano"].forbids) == ("missing", True)
    assert found["newlib-nano"].notes == ("fatal error: cannot read spec file",)
    assert found["newlib-nano"].fix == ("apt-get install libnewlib-arm-none-eabi",)


def test_no_compiler_for_this_machine_is_not_needed(path: Path) -> None:
    (path / "gcc").unlink()
    found = tools()["gcc with sanitizers"]
    assert (found.verdict, found.forbids) == ("missing", False)
    assert found.fix == ("apt-get install gcc libc6-dev",)


def test_sanitizers_that_do_not_start_are_a_warning(path: Path) -> None:
    real = os.path.realpath(shutil.which("gcc") or "")
    program = 'for last; do :; done\nprintf "#!/bin/sh\\necho Shadow memory >&2; exit 1" > "$last"'
    script(
        path / "gcc",
        f'case "$*" in *sanitize*) {program}\n/bin/chmod 755 "$last"; exit;; esac\n'
        f'exec {real} "$@"',
    )
    found = tools()["gcc with sanitizers"]
    assert found.verdict == "warning"
    assert found.notes[-1] == "Shadow memory"


def test_qemu_and_its_plugin_are_good(path: Path) -> None:
    found = qemu()
    assert found["qemu-system-arm"].found == first_line("qemu-system-arm")
    assert {finding.verdict for finding in found.values()} == {"good"}


def test_no_qemu_forbids_the_main_job(path: Path) -> None:
    (path / "qemu-system-arm").unlink()
    found = qemu()
    assert found["qemu-system-arm"].forbids
    assert found["qemu-system-arm"].fix == ("apt-get install qemu-system-arm",)
    assert (found["QEMU plugin"].verdict, found["QEMU plugin"].forbids) == ("missing", False)


def test_a_qemu_that_ends_at_once_forbids_the_main_job(path: Path) -> None:
    script(path / "qemu-system-arm", "exit 127")
    found = qemu()["qemu-system-arm"]
    assert (found.verdict, found.forbids, len(found.notes)) == ("missing", True, 1)


def test_an_old_qemu_lacks_machines_and_plugins(path: Path) -> None:
    script(
        path / "qemu-system-arm",
        'case "$1" in --version) echo "QEMU emulator version 4.2.1";; *)\n'
        'echo "Supported machines are:"; echo "mps2-an386  ARM MPS2 with AN386";; esac',
    )
    found = qemu()
    assert found["qemu-system-arm"].forbids
    assert found["qemu-system-arm"].notes == ("it does not emulate mps2-an500",)
    assert found["QEMU plugin"].verdict == "missing" or not found["QEMU plugin"].forbids


def test_a_qemu_without_plugins_is_a_warning(path: Path) -> None:
    real = os.path.realpath(shutil.which("qemu-system-arm") or "")
    script(
        path / "qemu-system-arm",
        'case "$*" in --version) echo "QEMU emulator version 8.9.9 (no plugins)"; exit;;\n'
        f'*-plugin*) echo "-plugin: invalid option" >&2; exit 1;; esac\nexec {real} "$@"',
    )
    found = qemu()
    assert found["qemu-system-arm"].verdict == "good"
    assert (found["QEMU plugin"].verdict, found["QEMU plugin"].forbids) == ("warning", False)
    assert "invalid option" in found["QEMU plugin"].notes[-1]


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("Renode v1.16.1.17612", (1, 16, 1)),
        (COMPILER, (12, 2, 1)),
        ("QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7)", (7, 2, 22)),
        ("v1.2", None),
        ("", None),
    ],
)
def test_versions_are_read(text: str, version: tuple[int, int, int] | None) -> None:
    assert read_version(text) == version
