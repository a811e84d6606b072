"""The host's side of the protocol against a firmware that is only a script."""

import struct

import numpy as np
import pytest

from qrig.deadline import Deadline
from qrig.errors import (
    BoardRestartedError,
    FirmwareFaultError,
    LinkError,
    LinkTimeoutError,
    ProtocolMismatchError,
    TargetCrashedError,
)
from qrig.link import Session, open_session
from qrig.link.banner import Capability, parse_banner
from qrig.link.frames import Frame, Message, encode
from qrig.link.inference import RemoteNetwork
from scripted_transport import BANNER, Answer, ScriptedTransport, banner, reply, scripted

_SOON_S = 0.3


def _write(session: Session, seconds: float = 5.0) -> bytes:
    return session.request(Message.WRITE, b"....data", Deadline.after(seconds))


def test_a_banner_is_read() -> None:
    found = parse_banner(banner())
    assert found.protocol == (1, 0)
    assert Capability.PAUSE | Capability.COUNTER in found.capabilities
    assert (found.board, found.core, found.network) == ("paper", "cortex-m4", "none")
    assert (found.build, found.counter) == (BANNER["build"], "ticks")
    assert (found.clock_hz, found.max_write, found.max_read) == (25_000_000, 512, 4096)
    assert found.stages == 2


def test_what_newer_firmware_adds_is_left_alone() -> None:
    found = parse_banner(banner(protocol="1.7", colour="blue", note="a=b") + b"no key here\n\xff\n")
    assert found.protocol == (1, 7)
    assert found.board == "paper"


@pytest.mark.parametrize("version", ["0.9", "2.0", "11.0"])
def test_another_major_version_is_to_be_reflashed(version: str) -> None:
    transport = ScriptedTransport()
    transport.banner = banner(protocol=version)
    with pytest.raises(ProtocolMismatchError, match=rf"found {version}; reflash") as caught:
        open_session(transport)
    assert isinstance(caught.value, LinkError)


@pytest.mark.parametrize("key", [key for key in BANNER if key != "protocol"])
def test_a_banner_without_a_key_is_to_be_reflashed(key: str) -> None:
    with pytest.raises(ProtocolMismatchError, match=f"without '{key}'; reflash"):
        parse_banner(banner(**{key: None}))


@pytest.mark.parametrize("payload", [b"", b"\0" * 64, b"hello", b"protocol=\n", b"protocol=one\n"])
def test_what_is_no_banner_is_said_to_be_none(payload: bytes) -> None:
    with pytest.raises(LinkError, match="expected the firmware's banner"):
        parse_banner(payload)


@pytest.mark.parametrize(
    "change",
    [
        {"max_write": "4"},
        {"max_write": "-1"},
        {"max_read": "0"},
        {"max_read": "4294967296"},
        {"stages": "0"},
        {"stages": "99999999999"},
        {"clock_hz": "fast"},
    ],
)
def test_sizes_nobody_can_use_are_to_be_reflashed(change: dict[str, str]) -> None:
    with pytest.raises(ProtocolMismatchError, match="reflash"):
        parse_banner(banner(**change))


def test_another_build_is_to_be_reflashed() -> None:
    transport = ScriptedTransport()
    with pytest.raises(ProtocolMismatchError, match=r"build feedface, found .*reflash"):
        open_session(transport, build="feedface")
    assert open_session(transport, build=BANNER["build"]).banner.board == "paper"


def test_log_lines_are_kept_and_those_of_other_sessions_dropped() -> None:
    def answer(request: Frame) -> list[Frame]:
        lines = [
            Frame(Message.LOG, 0, request.session, b"one"),
            Frame(Message.LOG, 0, 0, b"two \xff"),
            Frame(Message.LOG, 0, request.session ^ 2, b"three"),
        ]
        return [*lines, reply(request)]

    _, session = scripted(answer)
    _write(session)
    assert list(session.log) == ["one", "two \N{REPLACEMENT CHARACTER}"]
    assert (session.statistics.stale, session.statistics.resends) == (1, 0)


def test_the_log_keeps_the_last_thousand_lines() -> None:
    _, session = scripted(
        lambda request: [
            *(Frame(Message.LOG, 0, request.session, b"%d" % index) for index in range(1500)),
            reply(request),
        ]
    )
    _write(session)
    assert len(session.log) == 1000
    assert session.log[-1] == "1499"


def test_a_fault_is_a_crash_with_its_registers() -> None:
    words = struct.pack("<H6I", 3, 0x8200, 0x4000_0000, 0x10, 0xDEAD_BEEF, 0x1234, 0x5679)
    _, session = scripted(lambda request: [Frame(Message.FAULT, 0, request.session, words)])
    with pytest.raises(FirmwareFaultError, match="hit a fault") as caught:
        _write(session)
    assert "CFSR 0x00008200, HFSR 0x40000000, MMFAR 0x00000010" in str(caught.value)
    assert "BFAR 0xdeadbeef, PC 0x00001234, LR 0x00005679" in str(caught.value)
    assert "PRECISERR" in str(caught.value)
    assert "the address was 0xdeadbeef" in str(caught.value)
    assert (caught.value.stage, caught.value.registers["pc"]) == (3, 0x1234)


@pytest.mark.parametrize("size", [0, 1, 2, 3, 5, 6, 9, 200])
def test_a_fault_of_any_size_is_a_crash(size: int) -> None:
    _, session = scripted(lambda request: [Frame(Message.FAULT, 0, 0, bytes(size))])
    with pytest.raises(TargetCrashedError, match="hit a fault"):
        _write(session)


def test_the_fault_of_another_session_is_stale() -> None:
    _, session = scripted(
        lambda request: [Frame(Message.FAULT, 0, request.session ^ 4, bytes(26)), reply(request)]
    )
    _write(session)
    assert session.statistics.stale == 1


def test_a_boot_in_a_session_is_a_restart() -> None:
    _, session = scripted(lambda request: [Frame(Message.BOOT, 0, 0, banner())])
    with pytest.raises(BoardRestartedError):
        _write(session)


def _damaged_first(first: list[Frame | bytes]) -> Answer:
    waiting = [first]

    def answer(request: Frame) -> list[Frame | bytes]:
        return waiting.pop() if waiting else [reply(request, b"\0fine")]

    return answer


@pytest.mark.parametrize("first", [[Frame(Message.DAMAGED, 0, 0)], [b"\0\7broken\0\0\0"]])
def test_damage_makes_the_same_bytes_go_out_at_once(first: list[Frame | bytes]) -> None:
    transport, session = scripted(_damaged_first(first))
    transport.byte_s = 1.0
    assert _write(session, 60.0) == b"fine"
    assert transport.requests[1] == transport.requests[2]
    assert (session.statistics.damaged, session.statistics.resends) == (1, 1)
    assert session.statistics.timeouts == 0


def test_silence_makes_it_go_out_again_until_the_deadline() -> None:
    transport, session = scripted(lambda request: [])
    with pytest.raises(LinkTimeoutError, match=r"answer to WRITE within 0\.3 s.*restart it"):
        _write(session, _SOON_S)
    assert len(set(transport.requests[1:])) == 1
    assert session.statistics.resends == session.statistics.timeouts == len(transport.requests) - 2
    assert 1 <= session.statistics.resends <= 4


def _foreign(request: Frame) -> bytes:
    return encode(Frame(request.type | 0x80, request.sequence, request.session ^ 1, b"\0"))


@pytest.mark.parametrize("kind", ["noise", "stale", "accepted", "log"])
def test_a_flood_does_not_outlast_the_deadline(kind: str) -> None:
    transport, session = scripted(lambda request: [])
    request = Frame(Message.WRITE, 2, session.number)
    transport.endless = {
        "noise": b"\1\2\3" * 1000,
        "stale": _foreign(request) * 20,
        "accepted": encode(Frame(Message.ACCEPTED, 2, session.number)) * 20,
        "log": encode(Frame(Message.LOG, 0, 0, b"again")) * 20,
    }[kind]
    with pytest.raises(LinkTimeoutError):
        _write(session, _SOON_S)


def test_a_flood_does_not_keep_a_request_from_being_sent_again() -> None:
    transport, session = scripted(lambda request: [])
    transport.endless = _foreign(Frame(Message.WRITE, 2, session.number))
    transport.answer = lambda request: [reply(request)] * (len(transport.requests) > 2)
    assert _write(session) == b""
    assert session.statistics.resends == session.statistics.timeouts == 1


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        (b"", "status None"),
        (b"\1", "malformed"),
        (b"\2", "not possible now"),
        (b"\3", "another checksum"),
        (b"\x77", "status 119: unknown"),
    ],
)
def test_a_refusal_is_explained(payload: bytes, text: str) -> None:
    _, session = scripted(lambda request: [reply(request, payload)])
    with pytest.raises(LinkError, match=text):
        _write(session)


@pytest.mark.parametrize("payload", [b"\0", b"\0" * 9, b"\0" * 17, b"\0" * 600])
def test_answers_of_a_wrong_size_are_errors_of_ours(payload: bytes) -> None:
    _, session = scripted(lambda request: [reply(request, payload)])
    network = RemoteNetwork(session)
    with pytest.raises(LinkError, match=r"expected an answer of 9 bytes, found \d+; reflash"):
        network.status()
    with pytest.raises(LinkError, match=r"expected an answer of 15 bytes"):
        network.run(np.zeros((2, 2, 1), np.uint8), tensors=False)


def test_an_empty_piece_of_a_tensor_is_an_error_and_no_endless_loop() -> None:
    def answer(request: Frame) -> list[Frame]:
        progress = struct.pack("<BBHIiI", 0, 1, 0, 1, 0, 100)
        return [reply(request, progress if request.type == Message.INFER else b"\0")]

    _, session = scripted(answer)
    with pytest.raises(LinkError, match="expected an answer of 100 bytes, found 0"):
        RemoteNetwork(session).run(np.zeros((2, 2, 1), np.uint8), tensors=True)


def test_a_closed_session_has_no_banner() -> None:
    with pytest.raises(LinkError, match="not open"):
        _ = Session(ScriptedTransport(), 1).banner
