"""A board while it runs: watched without disturbing it, halted, cured, given up, let go of."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from attrs import evolve

pytest.importorskip("pyocd")
pytest.importorskip("unicorn")

from probe_firmware import ProbeFirmware, address_of, build_probe_firmware
from probed_boards import PATIENT, virtual
from qrig.backends.base import SerialLine
from qrig.backends.probe.instance import Instance
from qrig.backends.probe.parts import parts_of
from qrig.backends.probe.session import Approach, ProbeSession
from qrig.backends.probe.target_class import target_name
from qrig.backends.virtual_backend import VirtualAttachment, VirtualBackend, VirtualSource
from qrig.boards import Board, find_board
from qrig.errors import BoardWedgedError, ProbeError, TargetError, TargetUnavailableError
from qrig.profiles import ProfileRequest

F746 = "nucleo-f746"
FAMILIES = ("nucleo-f746", "nucleo-f429")
_HARD_FAULT_FORCED = 1 << 30


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., ProbeFirmware]:
    folder = tmp_path_factory.mktemp("firmware")

    def built(board: str = F746, *, faulty: bool = False) -> ProbeFirmware:
        build_id = "faulty0000000000" if faulty else "0123456789abcdef"
        return build_probe_firmware(
            find_board(board), folder, build_id=build_id, data_bytes=4000, faulty=faulty
        )

    return built


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QRIG_STATE", str(tmp_path))


class _Watched(VirtualSource):
    """Virtual boards that a test can get at beside the backend, with instances as it wants them."""

    attachment: VirtualAttachment

    def __init__(self, change: Callable[[Instance], Instance] = lambda instance: instance) -> None:
        super().__init__(None, PATIENT)
        self._change = change

    def candidates(self, board: Board, instance: str | None) -> tuple[Instance, ...]:
        return tuple(map(self._change, super().candidates(board, instance)))

    def attach(self, board: Board, instance: Instance) -> VirtualAttachment:
        self.attachment = super().attach(board, instance)
        return self.attachment


def watched(source: _Watched) -> VirtualBackend:
    backend = virtual()
    backend.source = source
    return backend


def words(source: _Watched, firmware: ProbeFirmware, *names: str) -> list[int]:
    """Read variables of a running firmware, without stopping it."""
    parts = parts_of(firmware.board)
    probe, approach = source.attachment.probe(), Approach("attach", 1_000_000)
    with ProbeSession(probe, target_name(parts), parts.chip, approach, PATIENT) as session:
        return [session.read32(address_of(firmware, name)) for name in names]


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("board", FAMILIES)
def test_a_firmware_runs_without_a_debugger(
    board: str, build: Callable[..., ProbeFirmware]
) -> None:
    firmware, source = build(board), _Watched()
    running = watched(source).start(firmware)
    try:
        assert isinstance(running.stream, SerialLine)
        assert running.stream.url == source.attachment.board.port_url
        assert (running.stream.baud, running.stream.fast_baud) == (115_200, 921_600)
        assert running.unique_id == source.attachment.board.unique_id
        assert (running.instructions(7), running.cycles(7)) == (7, None)
        first = words(source, firmware, "turns", "turns_untraced", "was_debugged")
        second = words(source, firmware, "turns", "turns_untraced", "was_debugged")
        assert second[0] > first[0] > 0
        # The trace unit, and so the cycle counter, is left as the firmware has set it up.
        assert first[1:] == second[1:] == [0, 0]
    finally:
        running.stop()


@pytest.mark.parametrize("board", FAMILIES)
def test_a_core_is_stopped_where_it_is(board: str, build: Callable[..., ProbeFirmware]) -> None:
    firmware = build(board)
    running = virtual().start(firmware)
    try:
        state = running.halt()
        assert state is not None
        start, fault = address_of(firmware, "start"), address_of(firmware, "fault")
        assert start < state.registers["pc"] < fault
        assert state.registers["sp"] == 0x2000_2000
        assert state.registers["xpsr"] & 1 << 24
        assert [state.registers[name] for name in ("cfsr", "hfsr")] == [0, 0]
        assert {f"r{n}" for n in range(13)} | {"lr", "mmfar", "bfar"} < set(state.registers)
        assert len(state.stack) == 1024
        assert not state.locked_up
        again = running.halt()  # it runs on in between
        assert again is not None
        assert again.registers["pc"] < fault
    finally:
        running.stop()


def test_every_remedy_starts_the_firmware_anew(build: Callable[..., ProbeFirmware]) -> None:
    firmware, source = build(), _Watched()
    running = watched(source).start(firmware)
    try:
        names = [remedy.name for remedy in running.remedies()]
        assert names == ["reset", "reset under reset", "reflash", "power cycle"]
        for remedy in running.remedies():
            remedy.apply()
            turns, untraced, debugged = words(
                source, firmware, "turns", "turns_untraced", "was_debugged"
            )
            assert turns > 0, remedy.name
            assert (untraced, debugged) == (0, 0), remedy.name
        assert running.effort.counts["flashed"] == 3
    finally:
        running.stop()


def test_with_a_debugger_attached_a_fault_stops_the_core(
    build: Callable[..., ProbeFirmware],
) -> None:
    firmware = build(faulty=True)
    source = _Watched(lambda instance: evolve(instance, attached=True))
    running = watched(source).start(firmware)
    try:
        state = running.halt()
        assert state is not None
        assert state.registers["pc"] & ~1 == address_of(firmware, "fault")
        assert state.registers["hfsr"] & _HARD_FAULT_FORCED
        assert state.registers["cfsr"] != 0
        assert state.registers["lr"] >= 0xFFFF_FF00
        running.remedies()[0].apply()
        assert running.halt() is not None
    finally:
        running.stop()


def test_with_a_debugger_attached_the_firmware_knows(build: Callable[..., ProbeFirmware]) -> None:
    firmware = build()
    source = _Watched(lambda instance: evolve(instance, attached=True))
    running = watched(source).start(firmware)
    try:
        assert words(source, firmware, "was_debugged") == [1]
    finally:
        running.stop()


def test_a_stopped_board_is_let_go_of(build: Callable[..., ProbeFirmware]) -> None:
    firmware, source = build(), _Watched()
    running = watched(source).start(firmware)
    pid = source.attachment.board.pid
    assert is_alive(pid)
    running.stop()
    running.stop()
    assert not is_alive(pid)
    assert "it is stopped" in running.last_words()
    virtual().start(firmware).stop()


def test_a_wedged_board_is_refused_until_it_is_proved_well(
    build: Callable[..., ProbeFirmware],
) -> None:
    firmware = build()
    running = virtual().start(firmware)
    running.condemn("it did not come back")
    running.stop()
    with pytest.raises(BoardWedgedError) as caught:
        virtual().start(firmware)
    for text in ("it did not come back", "since 2", f"--recover {F746}@virtual"):
        assert text in str(caught.value)
    other = virtual(instance="other").start(firmware)
    other.stop()
    running = virtual(recovering=True).start(firmware)
    running.acquit()
    running.stop()
    virtual().start(firmware).stop()


def test_a_board_that_takes_its_time_after_a_power_cycle_is_waited_for(
    build: Callable[..., ProbeFirmware], monkeypatch: pytest.MonkeyPatch
) -> None:
    firmware, source = build(), _Watched()
    running = watched(source).start(firmware)
    try:
        url, absences = running.stream.url, [1, 2, 3]

        def port_url(_attachment: VirtualAttachment) -> str:
            if absences:
                absences.pop()
                raise TargetUnavailableError("the port is not there yet")
            return url

        monkeypatch.setattr(VirtualAttachment, "port_url", port_url)
        running.remedies()[-1].apply()
        assert absences == []
        assert words(source, firmware, "turns")[0] > 0
    finally:
        running.stop()


def test_a_board_whose_process_died_says_so(build: Callable[..., ProbeFirmware]) -> None:
    source = _Watched()
    running = watched(source).start(build())
    try:
        os.kill(source.attachment.board.pid, 9)
        with pytest.raises(ProbeError, match="the probe is gone"):
            running.halt()
        for remedy in running.remedies()[:2]:
            with pytest.raises(ProbeError, match=F746):
                remedy.apply()
        assert "killed by SIGKILL" in running.last_words()
    finally:
        running.stop()


def test_boards_take_no_profiles(build: Callable[..., ProbeFirmware]) -> None:
    backend = virtual()
    assert backend.unprofiled()
    running = backend.start(build())
    try:
        with pytest.raises(TargetError, match="profile on QEMU"):
            running.profile()
    finally:
        running.stop()
    with pytest.raises(TargetUnavailableError, match="profile on QEMU"):
        backend.start(build(), ProfileRequest())


def test_what_a_number_depends_on_is_told() -> None:
    stamp = virtual().stamp()
    assert set(stamp) == {"pyocd_version", "unicorn_version"}
    assert all(version[0].isdigit() for version in stamp.values())


def test_two_boards_of_a_kind_run_at_once(build: Callable[..., ProbeFirmware]) -> None:
    firmware = build()
    one, other = virtual(instance="one").start(firmware), virtual(instance="two").start(firmware)
    try:
        assert one.unique_id != other.unique_id
        assert one.stream.url != other.stream.url
        assert one.halt() is not None
        assert other.halt() is not None
    finally:
        one.stop()
        other.stop()
