"""The runtime with bytes of any kind: a corpus that reaches all of it, and a fuzzer on top.

`tests/corpus/network` holds what a fuzzer found worth keeping: eight bytes that say how the network
is run (`tests/c/network_fuzz.c`), then the file. The corpus is replayed under gcc's sanitizers;
clang's libFuzzer goes on from there with QRIG_FULL=1.
"""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from c_programs import run_program
from full_runs import FULL_RUN
from qrig.build.kernels import IMPLEMENTATIONS
from qrig.resources import firmware_root
from runtime_driver import build_with_runtime

CORPUS = Path(__file__).parent / "corpus" / "network"

_LIMIT_BYTES = 200_000
_LEAST_COVERAGE = 0.95
_FUZZING_S = 60
_COVERAGE = ("gcc", "-std=c11", "-O0", "--coverage")
_FUZZER = (
    *("clang", "-std=c11", "-g", "-O1"),
    *("-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all"),
)
_REPLAY = ("network_fuzz", "network_replay")


def _files() -> list[str]:
    return [str(path) for path in sorted(CORPUS.iterdir())]


def test_the_corpus_is_small() -> None:
    sizes = [path.stat().st_size for path in CORPUS.iterdir()]
    assert len(sizes) > 50
    assert sum(sizes) < _LIMIT_BYTES


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_the_corpus_under_sanitizers(tmp_path: Path, implementation: str) -> None:
    program = build_with_runtime(_REPLAY, tmp_path / "replay", implementation=implementation)
    files = _files()
    assert run_program(program, *files) == f"{len(files)} files\n".encode()


def test_the_corpus_reaches_the_runtime(tmp_path: Path) -> None:
    program = build_with_runtime(_REPLAY, tmp_path / "replay", compiler=_COVERAGE)
    run_program(program, *_files())
    notes = [str(path) for path in tmp_path.glob("*.gcda")]
    command = ["gcov", "--json-format", "--stdout", "--branch-probabilities", *notes]
    output = subprocess.run(
        command, check=True, capture_output=True, text=True, timeout=120, cwd=tmp_path
    ).stdout
    folder = str(firmware_root() / "runtime")
    reached: dict[tuple[str, int, int], bool] = {}
    for document in map(json.loads, output.splitlines()):
        for file in document["files"]:
            if file["file"].startswith(folder):
                for line in file["lines"]:
                    for index, branch in enumerate(line["branches"]):
                        key = (file["file"], line["line_number"], index)
                        reached[key] = reached.get(key, False) or branch["count"] > 0
    assert len(reached) > 150
    missed = [key for key, is_reached in reached.items() if not is_reached]
    assert len(missed) <= (1 - _LEAST_COVERAGE) * len(reached), missed


@pytest.mark.parametrize("seconds", [pytest.param(_FUZZING_S, marks=FULL_RUN)])
def test_fuzzing(tmp_path: Path, seconds: int) -> None:
    if shutil.which("clang") is None:
        pytest.skip("clang is not installed, which has libFuzzer: apt-get install clang")
    names = ("network_fuzz", "network_mutator")
    program = build_with_runtime(names, tmp_path / "fuzz", implementation="dsp", compiler=_FUZZER)
    work = tmp_path / "work"
    work.mkdir()
    command = [
        *(str(program), f"-max_total_time={seconds}", "-max_len=2048", "-timeout=25"),
        *(f"-artifact_prefix={tmp_path}/", "-print_final_stats=1", str(work), str(CORPUS)),
    ]
    result = subprocess.run(
        command,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=10 * seconds,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-6000:]
    assert "stat::number_of_executed_units" in result.stderr
