"""What docs/power.md shows is what happens."""

import itertools
import re
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from qrig.measure.meters.plan import Planned
from qrig.measure.meters.registry import meter_forms
from qrig.measure.meters.shunt_lines import Answer, Edge, Identity, Sample, read_line, write_line
from qrig.measure.meters.trace_file import read_trace

DOCS = Path(__file__).parent.parent / "docs" / "power.md"


@pytest.fixture(scope="module")
def text() -> str:
    return DOCS.read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def test_every_meter_is_in_the_table(text: str) -> None:
    for form in meter_forms():
        assert f"`{form.partition(':')[0].partition('[')[0]}" in text


def test_the_recorded_trace_can_be_read(text: str, tmp_path: Path) -> None:
    path = tmp_path / "trace.csv"
    path.write_text(blocks(text, "text")[0])
    trace = read_trace(path)
    assert trace.windows == (Planned("conv1", 100), Planned("pool1", 400))
    assert [(mark.time_s, mark.level) for mark in trace.samples.marks] == [
        (0.00001, True),
        (0.00003, False),
    ]


def test_the_lines_of_the_bridge_are_whole(text: str) -> None:
    lines = re.findall(r"`([IADME] [^`]*\*[0-9A-F]{2})`", text)
    kinds = [type(read_line(line.encode())) for line in lines]
    assert len(lines) == 7
    assert {Identity, Answer, Sample, Edge} < set(kinds)
    assert type(None) not in kinds


class _I2c:
    """An INA228 whose shunt sees 1 mV and whose bus 3.3 V."""

    def __init__(self, shunt: int) -> None:
        self.registers = {4: shunt % (1 << 20) << 4, 5: round(3.3e6 / 195.3125) << 4}

    def readfrom_mem(self, address: int, register: int, count: int) -> bytes:
        assert (address, count) == (0x40, 3)
        return self.registers[register].to_bytes(3, "big")


class _Pin:
    IN = 0
    IRQ_RISING, IRQ_FALLING = 1, 2
    level = 0

    def irq(self, handler: Any, trigger: int) -> None:
        self.handler = handler

    def value(self) -> int:
        return self.level


@pytest.fixture
def bridge(text: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The program for a bridge, on a machine that is made up."""
    machine = types.ModuleType("machine")
    machine.I2C, machine.Pin = object, _Pin  # type: ignore[attr-defined]
    machine.unique_id = lambda: b"\xe6\x61\x4c"  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "machine", machine)
    clock = types.ModuleType("time")
    moments = iter(range(0, 10**9, 500))
    clock.ticks_us = lambda: next(moments)  # type: ignore[attr-defined]
    clock.ticks_diff = lambda a, b: a - b  # type: ignore[attr-defined]
    clock.ticks_add = lambda a, b: a + b  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "time", clock)
    program = next(block for block in blocks(text, "python") if "machine" in block)
    names: dict[str, Any] = {"__name__": "bridge"}
    exec(compile(program, str(DOCS), "exec"), names)  # noqa: S102 # a program of our own docs
    return names


def test_the_program_of_the_bridge_writes_our_lines(bridge: dict[str, Any]) -> None:
    fields = ("D", 17, 17_000, 23_456_789, 3_300_123)
    assert bridge["line"](*fields).encode() == write_line(*fields)
    assert bridge["reading"](_I2c(3200)) == (10_000_000, pytest.approx(3_300_000, abs=100))
    assert bridge["reading"](_I2c(-3200))[0] == -10_000_000


class _OverError(Exception):
    pass


def test_the_program_of_the_bridge_does_what_a_driver_asks(bridge: dict[str, Any]) -> None:
    asked = iter(["?\n", "R 500\n", "S\n"])
    written: list[Any] = []
    pin = _Pin()

    def ready() -> bool:
        return len(written) < 3 or len(written) == 12

    def read() -> str:
        return next(asked, "X\n")

    def write(line: str) -> None:
        written.append(read_line(line.rstrip().encode()))
        if len(written) == 5:
            pin.level = 1
            pin.handler(pin)
        if isinstance(written[-1], Answer) and written[-1].command == "X":
            raise _OverError

    with pytest.raises(_OverError):
        bridge["serve"](_I2c(3200), pin, ready, read, write)
    assert written[0] == Identity("qrig-shunt/1", "ina228", "E6614C", 1_638_000, 0, 85_000, 1000)
    assert [answer.command for answer in written[1:3]] == ["R", "S"]
    samples = [message for message in written if isinstance(message, Sample)]
    assert [sample.number for sample in samples] == list(range(len(samples)))
    gaps = [b.time_us - a.time_us for a, b in itertools.pairwise(samples)]
    assert 1500 <= sum(gaps) / len(gaps) <= 2600
    assert [edge.level for edge in written if isinstance(edge, Edge)] == [True]
    assert written[-1] == Answer("X", (str(len(samples)),))
