"""Runs made up for the history and the comparison: rows, stamps and folders as a bench writes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from qrig.measure.rows import COLUMNS, SCHEMA_VERSION
from qrig.reports.compare_runs import RunData
from qrig.reports.store import RunWriter, table_of

QEMU, M4, M7 = "mps2-an500@qemu", "stm32f4-discovery@probe", "nucleo-f746@probe"
LAYERS = {"conv1": 100_000, "pool1": 20_000, "conv2": 400_000, "ip1": 80_000}

Numbers = Callable[[str, int], Mapping[str, Any]]
"""Makes the measured columns of a layer in the n-th inference."""


@attrs.frozen(eq=False)
class MadeCell:
    """A network on a target: its rows' numbers, its stamp, its footprint."""

    numbers: Numbers = lambda layer, index: {"instructions": LAYERS[layer]}
    network: str = "lenet"
    target: str = QEMU
    core: str = "cortex-m7"
    inputs: int = 3
    repeated: bool = False  # one input all the time
    stamp: Mapping[str, Any] = attrs.field(factory=dict)
    sizes: Mapping[str, int] = attrs.field(factory=dict)
    layers: Sequence[str] = tuple(LAYERS)

    def rows(self) -> list[dict[str, Any]]:
        return [
            dict.fromkeys(COLUMNS)
            | {
                "schema_version": SCHEMA_VERSION,
                "target": self.target,
                "board": self.target.partition("@")[0],
                "backend": self.target.partition("@")[2],
                "core": self.core,
                "network": self.network,
                "input": "0.png" if self.repeated else f"{index}.png",
                "input_index": index,
                "layer_index": place,
                "layer": layer,
                "type": "convolution",
                "shape": "8x8x4",
                "mac": 1000,
                "crc32_target": f"{place:08x}",
                "crc32_host": f"{place:08x}",
                "verdict": "bit-exact",
                "differing": 0,
            }
            | dict(self.numbers(layer, index))
            for index in range(self.inputs)
            for place, layer in enumerate(self.layers)
        ]

    def names(self) -> dict[str, str]:
        return {"target": self.target, "network": self.network}

    def whole_stamp(self) -> dict[str, Any]:
        return {
            **self.names(),
            "network_sha256": "5d6e",
            "build_id": "0a03",
            "compiler": "arm-none-eabi-gcc 12.2.1",
            "compiler_flags": "-O2",
            "kernel_library": "qrig 0.1.0, dsp",
            "kernel_choices": {"conv2": "sliding 4"},
            "semantics": {"pooling": "dsp", "truncate": False},
            "core": self.core,
            "clock_hz": 216_000_000,
            "board_serial": None,
            "host": "x86_64",
            "git_revision": "91b4b3925ea3",
            "qrig_version": "0.1.0",
            **self.stamp,
        }


def run_document(*cells: MadeCell, started: str = "2026-01-31T20:00:00+00:00") -> dict[str, Any]:
    return {
        "status": "complete",
        "verdict": "bit-exact",
        "started": started,
        "finished": started,
        "error": None,
        "stamps": [cell.whole_stamp() for cell in cells],
        "footprints": [{**cell.names(), **cell.sizes} for cell in cells if cell.sizes],
        "accuracy": [{**cell.names(), "correct": 2, "labelled": 3} for cell in cells],
        "recoveries": [],
    }


def run_data(name: str, *cells: MadeCell, **changed: Any) -> RunData:
    """Return a run as the comparison takes it."""
    rows = [{**row, "run_id": name} for cell in cells for row in cell.rows()]
    return RunData(name, table_of(rows), {**run_document(*cells), **changed})


def write_run(folder: Path, name: str, *cells: MadeCell, **changed: Any) -> Path:
    """Write a finished run and return its folder."""
    writer = RunWriter(folder, name)
    document = {**run_document(*cells), **changed}
    with contextlib.closing(writer):
        writer.save_run({**document, "status": "running"})
        for cell in cells:
            writer.append({**row, "run_id": name} for row in cell.rows())
        writer.finish()
        writer.save_run(document)
    return writer.folder


def scaled(factors: Mapping[str, float], measure: str = "instructions") -> Numbers:
    """Return exact numbers of which some layers' are multiplied."""
    return lambda layer, index: {measure: round(LAYERS[layer] * factors.get(layer, 1.0))}
