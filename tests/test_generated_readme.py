"""The README of a generated project: its commands build it, its example calls it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from generated_projects import STAND_IN, run, some_images
from kernel_networks import pooled_network
from qrig.reference import run_reference
from qrig.runs.generate import Wanted, generate_project
from qrig.runs.networks import load_network

_BIN = Path(sys.executable).parent
"""Where the Python is that has qrig."""


def _shell(readme: str) -> str:
    (found,) = re.findall(r"```sh\n(.*?)```", readme, re.DOTALL)
    return str(found)


def _run_shell(script: str, folder: Path, **variables: str) -> None:
    folder.mkdir()
    result = subprocess.run(
        ["/bin/sh", "-e", "-c", script],
        cwd=folder,
        env={**os.environ, "PATH": f"{_BIN}:{os.environ['PATH']}", **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""


def test_the_readme_builds_and_calls_it(tmp_path: Path) -> None:
    loaded, out = load_network("lenet-mnist"), tmp_path / "net"
    generate_project(loaded.quantized, out, Wanted(core="portable"))
    readme = (out / "README.md").read_text()
    _run_shell(_shell(readme), tmp_path / "objects", NETWORK=str(out))
    (example,) = re.findall(r"```c\n(.*?)```", readme, re.DOTALL)
    (tmp_path / "objects" / "main.c").write_text(example)
    kernels = Path(run([sys.executable, "-c", _KERNELS], tmp_path).decode().strip())
    run(["cc", "-std=c99", f"-I{out}", f"-I{kernels}", "-c", "main.c"], tmp_path / "objects")
    objects = [path.name for path in (tmp_path / "objects").glob("*.o")]
    run(["cc", *objects, "-Wl,--gc-sections", "-o", "program"], tmp_path / "objects")
    for image in (loaded.samples[0].pixels, some_images(loaded.quantized)[0]):
        printed = run([str(tmp_path / "objects" / "program")], tmp_path, image.tobytes())
        wanted = run_reference(loaded.quantized, image).tensors[-1]
        assert [int(line) for line in printed.split()] == wanted.ravel().tolist()


_KERNELS = 'from qrig.resources import firmware_root; print(firmware_root() / "kernels")'


@pytest.mark.parametrize("core", ["cortex-m4", "cortex-m7"])
def test_the_readme_builds_for_a_core(core: str, tmp_path: Path) -> None:
    out = tmp_path / "net"
    generate_project(pooled_network(), out, Wanted(core=core))
    readme = (out / "README.md").read_text()
    assert f"-mcpu={core}" in _shell(readme)
    _run_shell(_shell(readme), tmp_path / "objects", NETWORK=str(out))
    assert (tmp_path / "objects" / "network_kernels.o").is_file()


def test_the_readme_builds_with_cmsis_nn(tmp_path: Path) -> None:
    out = tmp_path / "net"
    generate_project(pooled_network(), out, Wanted(api="cmsis-nn"))
    script = _shell((out / "README.md").read_text())
    named = script.replace("path/to/CMSIS_5/CMSIS", str(STAND_IN))
    assert named != script
    _run_shell(named, tmp_path / "objects", NETWORK=str(out))
    assert (tmp_path / "objects" / "arm_softmax_q7.o").is_file()
