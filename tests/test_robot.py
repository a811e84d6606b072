"""The Robot Framework suite of suites/robot, run by renode-test on every board."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest

from full_runs import FULL_RUN
from qrig.backends.renode.backend import board_script
from qrig.backends.renode.program import find_renode, unusable
from qrig.boards import find_board
from qrig.build import build_deployment
from qrig.reference import run_reference
from qrig.runs.networks import load_network
from renode_there import renode_boards

SUITE = Path(__file__).resolve().parents[1] / "suites" / "robot" / "board.robot"
_CASES = SUITE.read_text().partition("*** Test Cases ***")[2].count("\nShould ")
_RUN_S = 600.0


def _renode_test() -> str | None:
    """The runner beside Renode's program, else on PATH."""
    program = find_renode()
    beside = None if program is None else program.with_name("renode-test")
    return str(beside) if beside is not None and beside.exists() else shutil.which("renode-test")


def _reason() -> str | None:
    """Why the suite cannot be run here."""
    if unusable() is None and _renode_test() is None:
        return "renode-test is not installed: it comes with Renode"
    return unusable()


_FIRST = ("nucleo-f429", "nucleo-f746")
_BOARDS = [
    *_FIRST,
    *(
        pytest.param(board.name, marks=FULL_RUN)
        for board in renode_boards()
        if board.name not in _FIRST
    ),
]


@pytest.mark.skipif(_reason() is not None, reason=str(_reason()))
@pytest.mark.parametrize("name", _BOARDS)
def test_a_board_boots_and_computes_as_the_reference_does(name: str, tmp_path: Path) -> None:
    board, loaded = find_board(name), load_network("lenet-mnist")
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
    for variable, value in variables.items():
        command += ["--variable", f"{variable}:{value}"]
    code, said = _run(command, tmp_path)
    assert code == 0, said
    assert said.count("+++++ Finished test") == _CASES, said


def _run(command: list[str], folder: Path) -> tuple[int, str]:
    """Run a command that starts others, in a group that ends with it, all its files in `folder`."""
    environment = os.environ | {"TMPDIR": str(folder), "XDG_CONFIG_HOME": str(folder)}
    with (folder / "output").open("w+") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=environment,
            start_new_session=True,
        )
        try:
            code = process.wait(timeout=_RUN_S)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    return code, (folder / "output").read_text()
