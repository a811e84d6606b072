"""The counter against the truth: QEMU's own log of every instruction it executes."""

import itertools
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

import qrig.backends.qemu
from hand_made import hand_made
from qrig.build import build_deployment
from qrig.runs.deployed import LOGITS, Deployed
from qrig.runs.targets import find_target

_TRACE = re.compile(r"Trace \d+: \S+ \[[0-9a-f]+/([0-9a-f]+)/")
_STOPPED = "Stopped execution of TB chain before"


def _function(elf: Path, name: str) -> range:
    with elf.open("rb") as stream:
        table = ELFFile(stream).get_section_by_name(".symtab")
        assert isinstance(table, SymbolTableSection)
        (symbol,) = table.get_symbol_by_name(name) or []
        start = symbol["st_value"] & ~1
        return range(start, start + symbol["st_size"])


def _executed(log: Path) -> Iterator[int]:
    """Yield the address of every executed instruction."""
    pending: int | None = None
    with log.open() as lines:
        for line in lines:
            if line.startswith(_STOPPED):
                pending = None  # it was announced, then put off: it will be announced again
                continue
            match = _TRACE.match(line)
            if match:
                if pending is not None:
                    yield pending
                pending = int(match.group(1), 16)
    if pending is not None:
        yield pending


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
    if target.backend.unavailable():
        pytest.skip(f"{target.name}: {target.backend.unavailable()}")
    built = build_deployment(loaded.quantized, target.board)
    pixels = loaded.samples[0].pixels
    with Deployed(target, built) as deployed:
        records = deployed.run(pixels, LOGITS).records
        counted = [deployed.running.instructions(record.ticks or 0) for record in records]

    log = tmp_path / "executed.log"
    program = tmp_path / "qemu"
    real = shutil.which("qemu-system-arm")
    # QEMU 8.1 renamed the option, QEMU 10 dropped the old name.
    old = re.search(r"version ([0-7]|8\.0)\.", target.backend.stamp()["qemu_version"])
    single = "-singlestep" if old else "-accel tcg,one-insn-per-tb=on"
    program.write_text(f'#!/bin/sh\nexec {real} "$@" {single} -d exec,nochain -D {log}\n')
    program.chmod(0o755)
    monkeypatch.setattr(qrig.backends.qemu, "_PROGRAM", str(program))
    with Deployed(target, built) as deployed:
        deployed.run(pixels, LOGITS)
    functions = (_function(built.elf, f"port_counter_{verb}") for verb in ("start", "stop"))
    empty, _, *stages = _intervals(_executed(log), *functions)
    assert counted == [count - empty for count in stages[: len(counted)]]
