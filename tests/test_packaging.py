"""What a user installs: the wheel, the command's start-up, ./rig without what it needs."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from qrig.resources import checkout_root

ROOT = Path(__file__).resolve().parents[1]
assert checkout_root() == ROOT


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", str(folder)]
    result = subprocess.run([*command, str(ROOT)], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    (path,) = folder.glob("*.whl")
    return path


def test_the_wheel_holds_what_a_checkout_has(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {
        "qrig/backends/qemu_plugin/plugin.c",
        "qrig/backends/qemu_plugin/profile.h",
        "qrig/cli/main.py",
        "qrig/measure/timing/cortex-m7.toml",
        "qrig/codegen/templates/network.c.j2",
        "qrig/reports/templates/profile.html.j2",
        "qrig/reports/templates/report.html.j2",
        "qrig/_share/firmware/kernels/dsp/arm_relu_q7.c",
        "qrig/_share/firmware/kernels/portable/arm_relu_q7.c",
        "qrig/_share/firmware/port/cortex_m/link.ld",
        "qrig/_share/targets/mps2-an386/board.toml",
        "qrig/_share/models/ds-cnn/ds-cnn.caffemodel.h5",
        "qrig/_share/models/ds-cnn/network.toml",
        "qrig/_share/models/lenet-mnist/network.toml",
    } <= names
    assert not [name for name in names if "__pycache__" in name]


def test_the_wheel_runs_bench_from_an_empty_directory(wheel: Path, tmp_path: Path) -> None:
    installed = tmp_path / "installed"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(installed)
    empty = tmp_path / "empty"
    empty.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    environment.pop("QRIG_RUNS", None)
    command = [sys.executable, "-m", "qrig", "bench", "--samples", "2"]
    result = subprocess.run(
        command, cwd=empty, env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert "bit-exact" in result.stdout
    (run,) = (path.parent for path in (empty / "reports" / "runs").glob("*/run.json"))
    assert (run / "report.html").is_file()
    assert (run / "layers.parquet").is_file()


def test_starting_up_loads_nothing_heavy() -> None:
    script = (
        "import sys; from qrig.cli import main; main(['boards']); "
        "print(sorted({'pandas', 'h5py', 'matplotlib', 'google.protobuf', 'PIL'} & {*sys.modules}))"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert result.stdout.splitlines()[-1] == "[]"
    assert "mps2-an500" in result.stdout


def _bare_path(tmp_path: Path, *programs: str) -> str:
    """Return a PATH with the shell's basics and `programs`, without apt, compilers or QEMU."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("sh", "dirname", "id", "cmp", "cp", "printf", *programs):
        found = shutil.which(name)
        if found:
            (folder / name).symlink_to(found)
    return str(folder)


def test_rig_lists_what_is_missing_without_apt(tmp_path: Path) -> None:
    path = _bare_path(tmp_path)
    result = subprocess.run(
        [str(ROOT / "rig"), "bench"], env={"PATH": path}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert result.returncode == 2
    (line,) = result.stderr.splitlines()
    assert line.startswith("rig: missing: gcc ")
    for package in ("gcc-arm-none-eabi", "qemu-system-arm", "libnewlib-arm-none-eabi"):
        assert package in line


def test_rig_without_a_command_says_how(tmp_path: Path) -> None:
    result = subprocess.run([str(ROOT / "rig")], capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert "./rig bench" in result.stderr
