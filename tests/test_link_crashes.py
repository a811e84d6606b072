"""Targets that die or stop in use: the error says how, soon, and nothing is left behind."""

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from qrig.errors import LinkTimeoutError, TargetCrashedError
from qrig.link.transports.faulty import Fault, FaultyTransport
from qrig.runs.deployed import CRC, FULL, Deployed
from qrig.runs.targets import find_target
from tiny_deployment import NATIVE, board, is_right, start, tiny_deployment, tiny_pixels

QEMU = "mps2-an386@qemu"
_PROMPTLY_S = 15.0

_reason = find_target(QEMU).backend.unavailable(find_target(QEMU).board)
TARGETS = [
    NATIVE,
    pytest.param(QEMU, marks=pytest.mark.skipif(_reason is not None, reason=str(_reason))),
]


def _signal_at(index: int, pid: int, number: signal.Signals) -> Fault:
    """Send a signal in front of the write numbered `index`."""
    count = 0

    def fault(data: bytes) -> bytes:
        nonlocal count
        if count == index:
            os.kill(pid, number)
        count += 1
        return data

    return fault


def _pid(deployed: Deployed) -> int:
    return int(getattr(deployed.running, "pid", 0))


def _is_gone(pid: int) -> bool:
    """Whether there is neither a process nor a zombie."""
    return not Path(f"/proc/{pid}").exists()


def _run_until_it_breaks(deployed: Deployed, trace: str) -> None:
    limit = time.monotonic() + _PROMPTLY_S
    while time.monotonic() < limit:
        assert is_right(deployed.run(tiny_pixels(), trace), tiny_pixels())


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("trace", [FULL, CRC])
def test_a_process_killed_while_it_runs(target: str, trace: str) -> None:
    with Deployed(find_target(target), tiny_deployment(target)) as deployed:
        pid = _pid(deployed)
        timer = threading.Timer(0.3, os.kill, (pid, signal.SIGKILL))
        timer.start()
        with pytest.raises(TargetCrashedError) as caught:
            _run_until_it_breaks(deployed, trace)
        timer.join()
        assert "SIGKILL" in str(caught.value)
        assert target in str(caught.value)
        deployed.running.stop()
        deployed.running.stop()
        assert _is_gone(pid)


@pytest.mark.parametrize("at", range(12))
def test_a_process_killed_at_any_request(at: int) -> None:
    with Deployed(find_target(NATIVE), tiny_deployment()) as deployed:
        pid = _pid(deployed)
        session = deployed.session
        fault = _signal_at(at, pid, signal.SIGKILL)
        session.transport = FaultyTransport(session.transport, out=fault)
        with pytest.raises(TargetCrashedError, match="SIGKILL"):
            deployed.run(tiny_pixels(), FULL)
        assert session.statistics.timeouts == 0, "the end of the stream is seen at once"
    assert _is_gone(pid)


def test_the_last_words_of_a_crash_are_in_the_error() -> None:
    with Deployed(find_target(NATIVE), tiny_deployment()) as deployed:
        os.kill(_pid(deployed), signal.SIGSEGV)
        with pytest.raises(TargetCrashedError) as caught:
            _run_until_it_breaks(deployed, CRC)
    assert "AddressSanitizer" in str(caught.value)
    assert "SEGV" in str(caught.value)


def test_a_process_that_died_before_the_session() -> None:
    running = start()
    os.kill(running.pid, signal.SIGKILL)
    assert "SIGKILL" in running.last_words()
    target = find_target(NATIVE)

    class _Dead:
        name, counts = target.backend.name, target.backend.counts
        instance = slack_s = None

        def unavailable(self, board: object) -> None:
            return None

        def stamp(self) -> dict[str, str]:
            return {}

        def start(self, deployment: object, profiling: object) -> object:
            return running

    object.__setattr__(target, "backend", _Dead())
    with pytest.raises(TargetCrashedError, match="SIGKILL"), Deployed(target, tiny_deployment()):
        pass
    assert _is_gone(running.pid)


@pytest.mark.parametrize("tensors", [False, True])
def test_a_process_that_stands_still_is_late(*, tensors: bool) -> None:
    with board() as native:
        infer = 1
        native.transport.out = _signal_at(infer, native.running.pid, signal.SIGSTOP)
        network = native.network
        network.timeout_s = 0.5
        began = time.monotonic()
        with pytest.raises(LinkTimeoutError, match=r"INFER within 0\.5 s"):
            network.run(tiny_pixels(), tensors=tensors)
        assert time.monotonic() - began < 0.5 + _PROMPTLY_S
        pid = native.running.pid
    assert _is_gone(pid)


def test_a_process_that_went_on_in_time_is_forgiven() -> None:
    with board() as native:
        pid = native.running.pid
        native.transport.out = _signal_at(1, pid, signal.SIGSTOP)
        timer = threading.Timer(0.3, os.kill, (pid, signal.SIGCONT))
        timer.start()
        trace = native.network.run(tiny_pixels(2), tensors=True)
        timer.join()
        assert is_right(trace, tiny_pixels(2))
        assert trace.inference == 1
        assert native.session.statistics.timeouts >= 1
        assert native.network.status()[0] == 1
