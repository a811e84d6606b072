"""The counter against the truth: QEMU's own log of every instruction it executes."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

import qrig.backends.qemu
from execution_log import executed, function_range, logging_qemu
from hand_made import hand_made
from qrig.build import Kernels, build_deployment
from qrig.runs.deployed import LOGITS, Deployed
from qrig.runs.targets import find_target


def _intervals(addresses: Iterator[int], start: range, stop: range) -> Iterator[int]:
    """Yield how many instructions ran between each return from `start` and the next `stop`."""
    counting = False
    for inside, group in itertools.groupby(
        addresses, lambda address: "start" if address in start else address in stop
    ):
        if inside == "start":
            counting = True
        elif inside is True:
            counting = False
        elif counting:
            yield sum(1 for _ in group)


@pytest.mark.parametrize("board", ["mps2-an386", "mps2-an500"])
def test_every_layer_counts_what_was_executed(
    board: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = hand_made()
    target = find_target(f"{board}@qemu")
    if target.backend.unavailable(target.board):
        pytest.skip(f"{target.name}: {target.backend.unavailable(target.board)}")
    built = build_deployment(loaded.quantized, target.board, Kernels(plan="library"))
    pixels = loaded.samples[0].pixels
    with Deployed(target, built) as deployed:
        records = deployed.run(pixels, LOGITS).records
        counted = [deployed.running.instructions(record.ticks or 0) for record in records]

    log = tmp_path / "executed.log"
    program = logging_qemu(tmp_path, log, target.backend.stamp()["qemu_version"])
    monkeypatch.setattr(qrig.backends.qemu, "_PROGRAM", str(program))
    with Deployed(target, built) as deployed:
        deployed.run(pixels, LOGITS)
    functions = (function_range(built.elf, f"port_counter_{verb}") for verb in ("start", "stop"))
    empty, _, *stages = _intervals(executed(log), *functions)
    assert counted == [count - empty for count in stages[: len(counted)]]
