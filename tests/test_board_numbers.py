"""Faults of virtual boards against the numbers that are promised for them."""

from pathlib import Path

import pytest

import broken_firmware
from broken_firmware import with_code
from qrig.backends.probe import usb_source
from qrig.backends.probe.connect import Connector
from qrig.backends.probe.parts import parts_of
from qrig.backends.probe.session import Approach, ProbeSession
from qrig.backends.probe.source import Limits
from qrig.backends.probe.target_class import target_name
from qrig.backends.virtual.faults import Faults, StuckBit
from qrig.backends.virtual_backend import VirtualAttachment, VirtualBackend, VirtualSource
from qrig.boards import Board
from qrig.boards.instance_state import peek_state
from qrig.boards.state_folder import instances_root
from qrig.deadline import Deadline
from qrig.errors import (
    BoardRestartedError,
    FirmwareFaultError,
    FlashError,
    LinkTimeoutError,
    TargetHungError,
    TargetUnavailableError,
)
from qrig.link import open_session
from qrig.link.connect import open_transport
from qrig.runs.deployed import CRC, LOGITS, Deployed
from qrig.runs.targets import Target, find_target
from tiny_deployment import is_right, tiny_deployment, tiny_pixels
from virtual_boards import BOARDS, probe_backend, use_state, virtual_target

BOARD = "nucleo-f746"
PLACE = f"{BOARD}@virtual"
BUSY = 5
"""How much longer than promised anything may take on a machine with other work."""

_CYCCNT = 0xE000_1004
_U32 = 1 << 32
_DBGMCU_CR, _DBG_SLEEP = 0xE004_2004, 1


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_state(tmp_path / "state", monkeypatch)


class _Reached(VirtualSource):
    """Virtual boards whose memory a test reaches while they run."""

    attachment: VirtualAttachment

    def attach(self, board: Board, instance: object) -> VirtualAttachment:
        self.attachment = super().attach(board, instance)  # type: ignore[arg-type]
        return self.attachment

    def set_word(self, board: Board, address: int, value: int) -> None:
        """Write a word while the core runs."""
        with self._session(board) as session:
            session.write32(address, value)

    def word(self, board: Board, address: int) -> int:
        """Read a word while the core runs."""
        with self._session(board) as session:
            return session.read32(address)

    def _session(self, board: Board) -> ProbeSession:
        parts = parts_of(board)
        approach = Approach("attach", 4_000_000)
        probe = self.attachment.probe()
        return ProbeSession(probe, target_name(parts), parts.chip, approach, Limits())


def _reached(board: str) -> tuple[Target, _Reached]:
    found = virtual_target(board)
    assert isinstance(found.backend, VirtualBackend)
    source = _Reached(None, Limits(answer_s=1.0, reset_hold_s=0.0, reset_settle_s=0.0))
    found.backend.source = source
    return found, source


def test_a_reset_while_an_input_is_sent_is_noticed_within_a_second() -> None:
    with Deployed(virtual_target(BOARD), tiny_deployment(PLACE)) as deployed:
        reset = deployed.running.remedies()[0]
        pixels = tiny_pixels(1)
        deployed.network._memory.write(0, tiny_pixels(2).tobytes()[:20])
        reset.apply()
        deadline = Deadline.after(1.0 * BUSY)
        with pytest.raises(BoardRestartedError, match="the board started over"):
            deployed.network._memory.write(20, tiny_pixels(2).tobytes()[20:])
        assert not deadline.expired
        assert is_right(deployed.run(pixels), pixels)
        assert deployed.restarts == 1


def test_a_hang_is_told_within_five_seconds_behind_its_deadline() -> None:
    found = virtual_target(BOARD, Faults(hang_inference=3, hangs_again=True))
    probe_backend(found).slack_s = 1.0
    with Deployed(found, tiny_deployment(PLACE)) as deployed:
        for seed in range(2):
            deployed.run(tiny_pixels(seed), LOGITS)
        longest_s = deployed.network.longest_s
        assert longest_s is not None
        assert deployed.network.step_timeout_s == pytest.approx(3 * longest_s + 1.0)
        both = Deadline.after(2 * (deployed.network.step_timeout_s + 5.0 * BUSY))
        with pytest.raises(TargetHungError, match=r"\(inference\.c:"):
            deployed.run(tiny_pixels(), LOGITS)
        assert not both.expired
        assert len(deployed.hangs) == 1


CRASHES = {
    "PRECISERR": "4ff0 e044 2068",  # mov.w r4, #0x70000000; ldr r0, [r4]
    "DIVBYZERO": "0024 b0fb f4f0",  # movs r4, #0; udiv r0, r0, r4
    "UNALIGNED": "0124 d4e9 0056",  # movs r4, #1; ldrd r5, r6, [r4]
    "overflowed": broken_firmware.OVERFLOWS.hex(),
}


@pytest.mark.parametrize("board", BOARDS)
@pytest.mark.parametrize("cause", CRASHES)
def test_a_crash_is_told_within_two_seconds(board: str, cause: str, tmp_path: Path) -> None:
    place = f"{board}@virtual"
    broken = with_code(tiny_deployment(place), bytes.fromhex(CRASHES[cause]), tmp_path)
    with Deployed(virtual_target(board), broken) as deployed:
        deadline = Deadline.after(2.0 * BUSY)
        with pytest.raises(FirmwareFaultError) as caught:
            deployed.run(tiny_pixels())
        assert not deadline.expired
        assert not deployed.hangs
    for words in (cause, "in layer 'data'", "CFSR 0x", "HFSR 0x4", "PC 0x", "LR 0x"):
        assert words in str(caught.value)


@pytest.mark.parametrize(
    ("faults", "words"),
    [
        (Faults(erase_failures=(0,)), "0x08000000"),
        (Faults(write_protected=(0,)), "write-protected: sector 0"),
        (Faults(read_protected=True), "RDP level 1"),
        (Faults(stuck_bits=(StuckBit(0x0800_0080, 0, 1), StuckBit(0x0800_0080, 1, 0))), "instead"),
    ],
    ids=["erase", "write protection", "read protection", "stuck bit"],
)
def test_flash_that_refuses_is_not_tried_for_ever(
    faults: Faults, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment, opened = tiny_deployment(PLACE), []
    original = Connector.open

    def counted(self: Connector, mode: str, divider: int = 1) -> ProbeSession:
        opened.append(mode)
        return original(self, mode, divider)

    monkeypatch.setattr(Connector, "open", counted)
    deadline = Deadline.after(30.0)
    with (
        pytest.raises(FlashError, match=words),
        Deployed(virtual_target(BOARD, faults), deployment),
    ):
        pass
    assert not deadline.expired
    assert len(opened) <= 3
    assert peek_state(instances_root(), f"virtual-{BOARD}-1").wedged is None


@pytest.mark.parametrize("board", BOARDS)
def test_a_firmware_that_was_looked_at_can_be_reached_asleep_again(board: str) -> None:
    found, source = _reached(board)
    with Deployed(found, tiny_deployment(f"{board}@virtual")) as deployed:
        wire = source.attachment.board.wire
        assert int.from_bytes(wire.read(_DBGMCU_CR, 4, 1), "little") == _DBG_SLEEP
        assert source.word(found.board, _CYCCNT) > 0
        assert int.from_bytes(wire.read(_DBGMCU_CR, 4, 1), "little") == _DBG_SLEEP
        assert is_right(deployed.run(tiny_pixels()), tiny_pixels())


@pytest.mark.parametrize("board", BOARDS)
def test_a_counter_that_overflows_counts_on(board: str) -> None:
    found, source = _reached(board)
    with Deployed(found, tiny_deployment(f"{board}@virtual")) as deployed:
        expected = [record.ticks for record in deployed.run(tiny_pixels(), CRC).records]
        assert sum(ticks is not None for ticks in expected) >= 3
        wrapped = 0
        for before in range(500, 15_000, 500):  # some of them in the middle of a layer
            source.set_word(found.board, _CYCCNT, _U32 - before)
            trace = deployed.run(tiny_pixels(), CRC)
            wrapped += source.word(found.board, _CYCCNT) < _U32 // 2
            assert [record.ticks for record in trace.records] == expected
        assert wrapped


NOISES = (
    Faults(rx_garble=500),
    Faults(rx_drop=500),
    Faults(tx_garble=1000),
    Faults(tx_drop=1000),
)


@pytest.mark.parametrize("faults", NOISES, ids=str)
def test_a_noisy_line_costs_repetitions_and_not_a_bit(faults: Faults) -> None:
    with Deployed(virtual_target(BOARD, faults), tiny_deployment(PLACE)) as deployed:
        for seed in range(5):
            assert is_right(deployed.run(tiny_pixels(seed)), tiny_pixels(seed))
        assert deployed.session.statistics.resends
        assert not deployed.restarts
        assert not deployed.hangs


def test_a_line_of_nothing_but_noise_is_told_with_what_to_check() -> None:
    running = virtual_target(BOARD, Faults(rx_garble=1)).backend.start(tiny_deployment(PLACE))
    try:
        transport = open_transport(running.stream)
        deadline = Deadline.after(5.0 * BUSY)
        with pytest.raises(LinkTimeoutError, match="RX and TX are not swapped, that no other"):
            open_session(transport)
        assert not deadline.expired
        transport.close()
    finally:
        running.stop()


def test_nothing_attached_is_told_within_five_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("QRIG_LAB", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setattr(usb_source, "connected_probes", tuple)
    deadline = Deadline.after(5.0 * BUSY)
    with pytest.raises(TargetUnavailableError) as caught:
        find_target(BOARD).check_available()
    assert not deadline.expired
    lab = tmp_path / "qrig" / "lab.toml"
    for words in ("no debug probe is on this machine's USB", str(lab), "targets that work here: "):
        assert words in str(caught.value)
    assert PLACE in str(caught.value).partition("work here: ")[2]
