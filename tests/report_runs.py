"""Two runs made up for the page, one after the other: all that a page can show is in the later."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from made_runs import LAYERS, M4, QEMU, MadeCell, write_run
from qrig.measure.meters.meter import Mark, Samples
from qrig.reports.current_line import current_line, marked_windows, write_current

BASE, NEW = "20260131-200000-aaaa", "20260201-200000-bbbb"
OTHER = "mps2-an386@qemu"
METER = "lpm01a:0042"
LABELS = [*("T-shirt", "trouser", "pullover", "dress", "coat"), "sandal", "shirt", "bag"]
CLOCK_HZ = 168_000_000
LONG = "inception_4a/branch3x3_reduce_with_a_very_long_name_that_nobody_can_read"


def silicon(factors: Mapping[str, float]) -> Any:
    """Return cycles, latency, current and energy of a board, a little noise on the cycles."""

    def numbers(layer: str, index: int) -> dict[str, Any]:
        cycles = round(LAYERS[layer] * factors.get(layer, 1.0)) + index % 3
        seconds = cycles / CLOCK_HZ
        current_ua = 40_000.0 + 4_000 * list(LAYERS).index(layer)
        measured = index == 0
        return {
            "cycles": cycles,
            "latency_us": seconds * 1e6,
            "current_ua": current_ua if measured else None,
            "energy_uj": current_ua * 3.3 * seconds if measured else None,
            "energy_source": METER if measured else None,
            "energy_rse": 0.004 if measured else None,
        }

    return numbers


def emulated(factors: Mapping[str, float]) -> Any:
    """Return instructions, and model cycles and energy of the first input."""

    def numbers(layer: str, index: int) -> dict[str, Any]:
        count = round(LAYERS[layer] * factors.get(layer, 1.0))
        found: dict[str, Any] = {"instructions": count}
        if index == 0:
            found |= {
                "model_cycles_m7": count * 0.8,
                "model_latency_us_m7": count * 0.8 / 216,
                "model_energy_uj": count * 0.8 * 574e-6,
                "model_energy_source": "model: 574 pJ per cycle, nucleo-h743",
            }
        return found

    return numbers


def cells(factors: Mapping[str, float]) -> tuple[MadeCell, ...]:
    """Return a network on a board with a meter, and on two emulators."""
    stamp = {"clock_hz": CLOCK_HZ, "board_serial": "0027003A", "meter": METER}
    board = MadeCell(silicon(factors), "fashion", M4, "cortex-m4", 12, stamp=stamp)
    return (
        board,
        MadeCell(emulated(factors), "fashion", QEMU),
        MadeCell(emulated({**factors, "conv1": 0.7}), "fashion", OTHER, "cortex-m4"),
    )


def accuracy(made: tuple[MadeCell, ...]) -> list[dict[str, Any]]:
    """Return what a bench says of labelled inputs: shirts are taken for coats."""
    counts = [[label, label, 20 - label % 3] for label in range(len(LABELS))]
    counts += [[6, 4, 5], [4, 2, 3], [0, 6, 1]]
    right = sum(count for label, found, count in counts if label == found)
    whole = sum(count for *_, count in counts)
    said = {"correct": right, "labelled": whole, "labels": LABELS, "confusion": counts}
    return [{**cell.names(), **said} for cell in made]


def energy(cell: MadeCell) -> dict[str, Any]:
    """Return what a bench says of a measurement of energy."""
    return {
        **cell.names(),
        **{"source": METER, "marked_uj": 5210.4, "network_uj": None, "idle_w": 0.0396},
        **{"loop_uj": 0.021, "clock_drift": -0.0004, "notices": []},
        "windows": dict.fromkeys(LAYERS, 30),
    }


def footprint(cell: MadeCell) -> dict[str, Any]:
    """Return the memories of a deployment and a plan of three buffers."""
    stages = list(LAYERS)
    buffers = [
        {"name": name, "offset_bytes": offset, "size_bytes": size, "first_stage": first,
         "last_stage": last}
        for name, offset, size, first, last in (
            ("conv1 out", 0, 8192, stages[0], stages[1]),
            ("scratch", 8192, 2048, stages[0], stages[0]),
            ("pool1 out", 8192, 4096, stages[1], stages[2]),
            ("conv2 out", 0, 6144, stages[2], stages[3]),
        )
    ]  # fmt: skip
    plan = {"buffers": buffers, "arena_bytes": 12_288, "total_bytes": 12_288, "naive_bytes": 20_480}
    return {
        **cell.names(),
        **{"flash_bytes": 98_304, "flash_total_bytes": 1 << 20},
        **{"ram_bytes": 40_960, "ram_total_bytes": 196_608},
        "sections": [{"name": ".text", "region": "flash", "size_bytes": 98_304}],
        "memory_plan": plan,
    }


def samples() -> Samples:
    """Return 12,000 samples of one inference with a marked window for each layer."""
    time_s = np.arange(12_000, dtype=np.float64) * np.float64(1e-6)
    edges_s = [0.001, 0.0018, 0.0022, 0.0026, 0.0031, 0.0085, 0.0088, 0.0105]
    current_a = np.full(len(time_s), 0.012)
    for place, (start_s, stop_s) in enumerate(zip(edges_s[::2], edges_s[1::2], strict=True)):
        inside = (time_s >= start_s) & (time_s < stop_s)
        current_a[inside] = 0.040 + 0.004 * place
    current_a += 0.002 * np.sin(time_s * 9e3)
    marks = tuple(Mark(at_s, place % 2 == 0) for place, at_s in enumerate(edges_s))
    return Samples(time_s, current_a, np.full(len(time_s), 3.3), marks)


def write_both(folder: Path, factors: Mapping[str, float], **changed: Any) -> tuple[Path, Path]:
    """Write the earlier run and the later, whose layers cost `factors` of that; their folders."""
    base = write_run(folder, BASE, *cells({}), started="2026-01-31T20:00:00+00:00")
    made = cells(factors)
    document = {
        "started": "2026-02-01T20:00:00+00:00",
        "finished": "2026-02-01T20:01:12+00:00",
        "accuracy": accuracy(made),
        "footprints": [footprint(cell) for cell in made],
        "recoveries": [
            {**made[0].names(), "requests": 90, "resends": 3, "restarts": 1, "hangs": ["at conv2"]}
        ],
        "energy": [energy(made[0])],
        "skips": ["fashion on nucleo-f746@probe: no ST-LINK was found; plug the board in"],
        "notices": ["fashion on nucleo-f429@probe: window 3 (conv2) is left out: it bounces"],
        "models": {"m7": "cortex-m7 on nucleo-f746 at 216 MHz"},
        **changed,
    }
    new = write_run(folder, NEW, *made, **document)
    drawn = [
        current_line(f"fashion on {M4}", samples(), marked_windows(samples(), list(LAYERS))),
    ]
    write_current(new, drawn)
    return base, new
