"""What the history costs: `qrig history` and `qrig.reports.load` over 100 runs of 10,000 rows."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from qrig.measure.rows import COLUMNS, SCHEMA_VERSION
from qrig.reports import load, query
from qrig.reports.index import INDEX
from qrig.reports.store import RunWriter

_RUNS = 100
_TARGETS = ("mps2-an386@qemu", "mps2-an500@qemu")
_NETWORKS = ("lenet-mnist", "ds-cnn")
_LAYERS = 10
_INPUTS = 250


def run() -> Iterator[str]:
    """Yield the seconds of each question, the fastest of three."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        start = time.perf_counter()
        for number in range(_RUNS):
            make_run(folder, number)
        rows = len(_TARGETS) * len(_NETWORKS) * _LAYERS * _INPUTS
        yield f"{_RUNS} runs of {rows:,} rows written in {time.perf_counter() - start:.1f} s"
        yield f"qrig history: {_command(folder):.2f} s"
        yield f"qrig history --json: {_command(folder, '--json', '-'):.2f} s"
        layer = ("--layer", "l3", "--network", "ds-cnn", "--target", _TARGETS[0])
        yield f"qrig history of a layer: {_command(folder, *layer):.2f} s"
        yield f"load of one layer of one network: {_load(folder, 'ds-cnn', 'l3'):.2f} s"
        yield f"load of all {_RUNS * rows:,} rows: {_load(folder):.2f} s"
        question = "select network, layer, median(instructions) from layers group by all"
        start = time.perf_counter()
        query(question, runs=folder)
        yield f"a median of all rows by layer, in SQL: {time.perf_counter() - start:.2f} s"
        for path in (folder / INDEX).iterdir():
            path.unlink()
        yield f"qrig history without an index: {_command(folder, times=1):.2f} s"


def make_run(folder: Path, number: int) -> None:
    """Write a run of a made-up benchmark."""
    day = f"2026{1 + number // 28:02d}{1 + number % 28:02d}"
    writer = RunWriter(folder, f"{day}-010000-{number:04x}")
    cells = [(target, network) for network in _NETWORKS for target in _TARGETS]
    for cell in cells:
        writer.append(
            _row(cell, index, layer, number) for index in range(_INPUTS) for layer in range(_LAYERS)
        )
    moment = f"{day[:4]}-{day[4:6]}-{day[6:]}T01:00:00+00:00"
    stamps = [{"target": target, "network": network} for target, network in cells]
    footprints = [{**stamp, "flash_bytes": 60000 + number, "ram_bytes": 9000} for stamp in stamps]
    writer.finish()
    writer.save_run(
        {
            "status": "complete",
            "verdict": writer.verdict,
            "started": moment,
            "finished": moment,
            "stamps": stamps,
            "footprints": footprints,
        }
    )


def _row(cell: tuple[str, str], index: int, layer: int, number: int) -> dict[str, Any]:
    target, network = cell
    return dict.fromkeys(COLUMNS) | {
        "schema_version": SCHEMA_VERSION,
        "target": target,
        "network": network,
        "input": f"{index}.png",
        "input_index": index,
        "layer_index": layer,
        "layer": f"l{layer}",
        "mac": 1000 * layer,
        "instructions": 1000 * layer + 7 * index + number,
        "verdict": "bit-exact",
    }


def _command(folder: Path, *options: str, times: int = 3) -> float:
    """Return the seconds of `qrig history`, started anew each time."""
    command = [sys.executable, "-m", "qrig", "history", "--runs", str(folder), *options]
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=os.environ)
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def _load(folder: Path, network: str | None = None, layer: str | None = None) -> float:
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        load(runs=folder, network=network, layer=layer)
        seconds.append(time.perf_counter() - start)
    return min(seconds)
