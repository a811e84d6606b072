"""The Robot Framework suite of suites/robot, run by renode-test on every board."""

import os
import shutil
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest

from qrig.backends.renode.backend import board_script
from qrig.backends.renode.program import find_renode
from qrig.boards import Board
from qrig.build import build_deployment
from qrig.reference import run_reference
from qrig.runs.networks import load_network
from renode_there import renode_boards, requires_renode

SUITE = Path(__file__).resolve().parents[1] / "suites" / "robot" / "board.robot"
_CASES = SUITE.read_text().partition("*** Test Cases ***")[2].count("\nShould ")
_RUN_S = 600.0


def _renode_test() -> str | None:
    """The runner beside Renode's program, else on PATH."""
    program = find_renode()
    beside = None if program is None else program.with_name("renode-test")
    return str(beside) if beside is not None and beside.exists() else shutil.which("renode-test")


requires_runner = pytest.mark.skipif(
    _renode_test() is None, reason="renode-test is not installed: it comes with Renode"
)


@requires_renode
@requires_runner
@pytest.mark.parametrize("board", renode_boards(), ids=lambda board: str(board.name))
def test_a_board_boots_and_computes_as_the_reference_does(board: Board, tmp_path: Path) -> None:
    loaded = load_network("lenet-mnist")
    built = build_deployment(loaded.quantized, board)
    pixels = loaded.samples[0].pixels
    image = tmp_path / "image.npy"
    np.save(image, pixels)
    expected = run_reference(loaded.quantized, pixels, built.semantics).tensors[-1]
    assert board.uart is not None
    variables = {
        "BOARD": board.name,
        "SCRIPT": board_script(board),
        "UART": board.uart.name,
        "ELF": built.elf,
        "BUILD": built.build_id,
        "IMAGE": image,
        "CRC32": f"{zlib.crc32(expected.astype(np.int8).tobytes()):08x}",
        "PYTHON": sys.executable,
    }
    command = [str(_renode_test()), str(SUITE), "-r", str(tmp_path / "results"), "-P", "0"]
    for name, value in variables.items():
        command += ["--variable", f"{name}:{value}"]
    environment = os.environ | {"TMPDIR": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=_RUN_S,
        check=False,
        cwd=tmp_path,
        env=environment,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("+++++ Finished test") == _CASES, done.stdout
