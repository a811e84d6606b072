"""What the kernels cost beside ARM's own: instructions of every call that is measured of both."""

import csv
import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from benchmarks.subjects import MODELS
from qrig.build.kernel_firmware import build_kernel_firmware
from qrig.measure.kernel_baseline import COMPILER, BaselineCase, read_baseline
from qrig.reports.store import runs_folder
from qrig.runs.resident import ResidentKernels
from qrig.runs.targets import DEFAULT_TARGETS, find_target

_FILE = "cmsis_nn_590_benchmark.json"


class _Row(NamedTuple):
    """One call on one target; a call without multiplications has no count per one."""

    target: str
    call: str
    kernel: str
    macs: int
    arm_instructions: int
    instructions: int
    ratio: float
    instructions_per_mac: float | None


def run() -> Iterator[str]:
    """Yield a line per call and target, the geometric means, and the file that has it all."""
    path = MODELS / "golden" / _FILE
    if not path.is_file():
        yield f"nothing to compare with: expected {path}; set QRIG_MODELS"
        return
    cases = read_baseline(path).cases
    rows: list[_Row] = []
    for name in DEFAULT_TARGETS:
        target = find_target(name)
        firmware = build_kernel_firmware(target.board)
        if not firmware.toolchain.version.startswith(COMPILER):
            yield f"{name}: built by {firmware.toolchain.version}, ARM's by {COMPILER}"
        yield f"{name}: {firmware.library.name}; ARM's, ours, ours / ARM's, ours per MAC"
        with ResidentKernels(target, firmware) as kernels:
            measured = [_measure(kernels, case) for case in cases]
        rows += measured
        yield from map(_line, measured)
        mean = math.exp(sum(math.log(row.ratio) for row in measured) / len(measured))
        more = sum(row.ratio > 1 for row in measured)
        yield f"{name}: geometric mean {mean:.3f} of {len(measured)} calls, {more} above 1"
    yield f"written to {_write(rows)}"


def _measure(kernels: ResidentKernels, case: BaselineCase) -> _Row:
    trial = kernels.run(case.call, case.contents)
    if trial.output_crc32 != case.output_crc32:
        raise AssertionError(f"{case.name} on {kernels.name}: the output is not ARM's")
    ours, arms = kernels.instructions(trial), case.instructions(kernels.target.board.core)
    assert ours is not None
    assert arms is not None
    per_mac = ours / case.macs if case.macs else None
    names = (kernels.target.name, case.name, case.call.name)
    return _Row(*names, case.macs, arms, ours, ours / arms, per_mac)


def _line(row: _Row) -> str:
    per_mac = "" if row.instructions_per_mac is None else f"{row.instructions_per_mac:8.2f}"
    return (
        f"{row.call:<32} {row.arm_instructions:>11,} {row.instructions:>11,} "
        f"{row.ratio:6.3f} {per_mac}"
    ).rstrip()


def _write(rows: list[_Row]) -> Path:
    path = runs_folder() / "kernels.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(_Row._fields)
        writer.writerows(rows)
    return path
