"""PyOCD's own sessions and flash algorithms, in front of virtual boards."""

import io
import os
import random
import signal
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyocd")
from pyocd.core import exceptions
from pyocd.core.target import Target
from pyocd.flash.eraser import FlashEraser
from pyocd.flash.file_programmer import FileProgrammer

from qrig.backends.virtual.board import VirtualBoard
from qrig.backends.virtual.faults import Faults, StuckBit
from qrig.deadline import Deadline
from qrig.errors import TargetUnavailableError
from virtual_bench import COUNTS, FLASH, TARGETS, bench_of, image
from virtual_machines import F4, F767, assemble

CHIPS = list(TARGETS)
MODES = ["halt", "under-reset", "pre-reset", "attach"]
TIMEOUT_S = 0.3


@pytest.fixture(autouse=True)
def no_descriptions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have pyOCD leave alone its register descriptions: a file that it never closes."""
    monkeypatch.setattr("pyocd.debug.svd.loader.SVDFile.from_builtin", lambda name: None)


@pytest.mark.parametrize("chip", CHIPS)
def test_flash_algorithms_write_and_what_is_read_back_is_the_same(
    tmp_path: Path, chip: str
) -> None:
    written = image()
    with bench_of(tmp_path, chip) as bench:
        with bench.session() as session:
            assert [core.name for core in session.target.cores.values()] == [
                "Cortex-M4" if chip == F4 else "Cortex-M7"
            ]
            FileProgrammer(session).program(io.BytesIO(written), "bin", base_address=FLASH)
            assert bytes(session.target.read_memory_block8(FLASH, len(written))) == written
        assert bench.flash.read_bytes().rstrip(b"\xff") == written.rstrip(b"\xff")


def test_the_same_image_is_not_written_again(tmp_path: Path) -> None:
    with bench_of(tmp_path, F4) as bench:
        bench.program(image())
        before = bench.flash.stat().st_mtime_ns, bench.flash.read_bytes()
        first = bench.board.wire.transfers
        bench.program(image())
        assert bench.board.wire.transfers - first < first
        assert bench.flash.read_bytes() == before[1]


@pytest.mark.parametrize("chip", CHIPS)
def test_other_sectors_stay_as_they_are(tmp_path: Path, chip: str) -> None:
    old = image(200_000, seed=2)
    new = image(20_000, seed=3)
    with bench_of(tmp_path, chip) as bench:
        bench.program(old)
        bench.program(new)
        content = bench.flash.read_bytes()
    assert content.startswith(new)
    assert content[0x2_0000 : len(old)] == old[0x2_0000:]


@pytest.mark.parametrize("mode", [FlashEraser.Mode.SECTOR, FlashEraser.Mode.CHIP])
def test_flash_is_erased(tmp_path: Path, mode: Any) -> None:
    with bench_of(tmp_path, F4) as bench:
        bench.program(image())
        with bench.session() as session:
            FlashEraser(session, mode).erase([FLASH])
            assert bytes(session.target.read_memory_block8(FLASH, 64)) == b"\xff" * 64


@pytest.mark.parametrize("chip", CHIPS)
@pytest.mark.parametrize("mode", MODES)
def test_a_running_board_is_connected_to_in_any_way(tmp_path: Path, chip: str, mode: str) -> None:
    with bench_of(tmp_path, chip) as bench:
        bench.program(image())
        with bench.session(mode) as session:
            target = session.target
            target.halt()
            assert target.get_state() == Target.State.HALTED
            first = target.read32(0x2000_1000)
            target.resume()
            deadline = Deadline.after(10.0)
            while target.read32(0x2000_1000) == first and not deadline.expired:
                pass
            assert target.read32(0x2000_1000) != first
        assert _word(bench.board, 0x2000_1000) != first, "it runs on without a debugger"


def _word(board: VirtualBoard, address: int) -> int:
    return int.from_bytes(board.wire.read(address, 4, 1), "little")


@pytest.mark.parametrize("chip", CHIPS)
@pytest.mark.parametrize("kind", ["sw", "hw", "vectreset"])
def test_a_reset_stops_at_the_first_instruction(tmp_path: Path, chip: str, kind: str) -> None:
    with bench_of(tmp_path, chip) as bench:
        bench.program(image())
        with bench.session(reset_type=kind) as session:
            target = session.target
            target.reset_and_halt()
            assert target.get_state() == Target.State.HALTED
            assert target.read_core_register("pc") == int.from_bytes(COUNTS[4:8], "little") - 1
            assert target.read_core_register("sp") == int.from_bytes(COUNTS[:4], "little")


def test_a_hard_fault_is_caught(tmp_path: Path) -> None:
    wild = assemble(".thumb_func\nreset: ldr r0, =0xD0000000; ldr r1, [r0]; b .")
    with bench_of(tmp_path, F767) as bench:
        bench.program(wild + b"\xff" * 64)
        with bench.session() as session:
            target = session.target
            target.set_vector_catch(Target.VectorCatch.HARD_FAULT)
            target.write32(0xE000_ED30, 0x1F)
            target.reset()
            deadline = Deadline.after(10.0)
            while target.get_state() != Target.State.HALTED and not deadline.expired:
                pass
            assert target.get_halt_reason() == Target.HaltReason.VECTOR_CATCH
            assert target.read32(0xE000_ED38) == 0xD000_0000


def test_registers_and_memory_in_every_width(tmp_path: Path) -> None:
    with bench_of(tmp_path, F4) as bench, bench.session() as session:
        target = session.target
        values = random.Random(4).sample(range(1 << 32), 13)
        for number, value in enumerate(values):
            target.write_core_register(f"r{number}", value)
        assert [target.read_core_register(f"r{number}") for number in range(13)] == values
        target.write32(0x2000_0100, 0x1234_5678)
        target.write16(0x2000_0102, 0xABCD)
        target.write8(0x2000_0100, 0xEF)
        assert target.read32(0x2000_0100) == 0xABCD_56EF
        assert (target.read16(0x2000_0100), target.read8(0x2000_0103)) == (0x56EF, 0xAB)
        data = list(random.Random(5).randbytes(1001))
        target.write_memory_block8(0x2000_0201, data)
        assert target.read_memory_block8(0x2000_0201, 1001) == data


def test_what_is_not_there_is_a_fault_with_its_address(tmp_path: Path) -> None:
    with bench_of(tmp_path, F4) as bench, bench.session() as session:
        with pytest.raises(exceptions.TransferFaultError) as caught:
            session.target.read32(0x3000_0000)
        assert caught.value.fault_address == 0x3000_0000
        assert session.target.read32(0xE004_2000) & 0xFFF == 0x419


def test_reads_through_the_access_ports_registers_are_the_same(tmp_path: Path) -> None:
    with bench_of(tmp_path, F767) as bench:
        bench.program(image())
        with bench.session() as session:
            port = session.target.dp
            port.write_ap(0x00, 0x2300_0052)
            port.write_ap(0x04, FLASH + 0x3F8)
            words = [port.read_ap(0x0C) for _ in range(2)]
            assert words == list(session.target.read_memory_block32(FLASH + 0x3F8, 2))


@pytest.mark.parametrize("chip", CHIPS)
@pytest.mark.parametrize(
    ("faults", "raised"),
    [
        (Faults(transfer_error=300), exceptions.TransferError),
        (Faults(transfer_timeout=300), exceptions.TransferTimeoutError),
        (Faults(unplug=300), exceptions.ProbeDisconnected),
    ],
)
def test_a_fault_of_the_probe_comes_through_and_the_next_session_is_well(
    tmp_path: Path, chip: str, faults: Faults, raised: type[Exception]
) -> None:
    with bench_of(tmp_path, chip, faults) as bench:
        with pytest.raises(raised):
            bench.program(image())
        if faults.unplug is not None:
            with pytest.raises(TargetUnavailableError, match="found none"):
                bench.board.probe()
            return
        bench.program(image())
        assert bench.flash.read_bytes().startswith(image())


def test_the_first_connection_fails_and_the_second_works(tmp_path: Path) -> None:
    with bench_of(tmp_path, F767, Faults(connect_fails=1)) as bench:
        with pytest.raises(exceptions.Error, match="not detected"), bench.session("under-reset"):
            pass
        with bench.session("under-reset") as session:
            assert session.target.get_state() == Target.State.HALTED


def test_a_stuck_bit_is_not_noticed_by_pyocd_but_read_back(tmp_path: Path) -> None:
    written = bytearray(image())
    written[0x151] |= 8
    bit = StuckBit(FLASH + 0x151, 3, 0)
    with bench_of(tmp_path, F4, Faults(stuck_bits=(bit,))) as bench:
        bench.program(bytes(written))
        found = bench.flash.read_bytes()
    assert [place for place in range(len(written)) if found[place] != written[place]] == [0x151]


@pytest.mark.parametrize("chip", CHIPS)
def test_an_erase_that_fails_names_its_sector(tmp_path: Path, chip: str) -> None:
    with bench_of(tmp_path, chip, Faults(erase_failures=(1,))) as bench:
        bench.flash.write_bytes(b"\0" * len(bench.flash.read_bytes()))
        with pytest.raises(exceptions.FlashEraseFailure) as caught:
            bench.program(image(100_000))
        assert caught.value.address == FLASH + (0x4000 if chip == F4 else 0x8000)


def test_read_protection_keeps_pyocd_out(tmp_path: Path) -> None:
    with bench_of(tmp_path, F4, Faults(read_protected=True)) as bench, bench.session() as session:
        with pytest.raises(exceptions.TransferFaultError):
            session.target.read32(FLASH)
        assert session.target.read32(0x4002_3C14) >> 8 & 0xFF == 0


@pytest.mark.parametrize("chip", CHIPS)
def test_an_algorithm_that_hangs_is_given_up(tmp_path: Path, chip: str) -> None:
    limits = {
        f"flash.timeout.{step}": TIMEOUT_S
        for step in ("init", "program", "erase_sector", "analyzer")
    }
    with (
        bench_of(tmp_path, chip, Faults(algorithm_hangs=True)) as bench,
        pytest.raises(exceptions.FlashFailure, match="timed out"),
    ):
        bench.program(image(), **limits)


def test_a_board_whose_process_is_killed_is_a_probe_that_is_gone(tmp_path: Path) -> None:
    with bench_of(tmp_path, F4) as bench:
        probe = bench.board.probe()
        probe.open()
        os.kill(bench.board.pid, signal.SIGKILL)
        with pytest.raises(exceptions.ProbeDisconnected, match="SIGKILL"):
            probe.assert_reset(asserted=True)


def test_a_power_cycle_starts_the_board_over(tmp_path: Path) -> None:
    with bench_of(tmp_path, F4) as bench:
        bench.program(image())
        with bench.session() as session:
            session.target.halt()
        bench.board.power_cycle()
        assert _word(bench.board, 0x4002_3874) >> 24 == 0x0E
        assert not _word(bench.board, 0xE000_EDF0) & 1
