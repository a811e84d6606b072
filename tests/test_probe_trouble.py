"""What pyOCD and what it stands on raise, sorted by what helps; nothing of it leaves."""

import errno
import struct

import pytest

pytest.importorskip("pyocd")

from pyocd.core import exceptions

from qrig.backends.probe.trouble import CONNECT, Kind, TroubleError, diagnose, troubles
from qrig.errors import FlashError, ProbeError, TargetError, TargetUnavailableError, UsageError


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


CASES = [
    (exceptions.ProbeDisconnected("x"), Kind.GONE, ProbeError),
    (OSError(errno.ENODEV, "No such device"), Kind.GONE, ProbeError),
    (ConnectionResetError("x"), Kind.GONE, ProbeError),
    (TimeoutError("x"), Kind.GONE, ProbeError),
    (caused(exceptions.Error("x"), exceptions.ProbeDisconnected("y")), Kind.GONE, ProbeError),
    (OSError(errno.EBUSY, "Resource busy"), Kind.TAKEN, TargetUnavailableError),
    (OSError(errno.EACCES, "Access denied"), Kind.TAKEN, TargetUnavailableError),
    (exceptions.TransferError("x"), Kind.CONTACT, ProbeError),
    (exceptions.TransferFaultError(fault_address=0x2000_0000), Kind.FAULT, ProbeError),
    (exceptions.TransferTimeoutError("x"), Kind.CONTACT, ProbeError),
    (exceptions.ProbeError("x"), Kind.CONTACT, ProbeError),
    (exceptions.Error("Target not detected"), Kind.CONTACT, ProbeError),
    (AssertionError("Wrong IDR"), Kind.CONTACT, ProbeError),
    (struct.error("short"), Kind.CONTACT, ProbeError),
    (KeyError("r77"), Kind.CONTACT, ProbeError),
    (exceptions.FlashFailure("flash init timed out"), Kind.STUCK, FlashError),
    (exceptions.FlashProgramFailure("x", address=4, result_code=-1), Kind.STUCK, FlashError),
    (exceptions.FlashEraseFailure("x", address=8, result_code=1), Kind.REFUSED, FlashError),
    (exceptions.FlashFailure("x", result_code=2), Kind.REFUSED, FlashError),
    (exceptions.TargetSupportError("x"), Kind.UNSUPPORTED, TargetUnavailableError),
]


@pytest.mark.parametrize(("error", "kind", "ours"), CASES, ids=range(len(CASES)))
def test_errors_are_sorted_by_what_helps(
    error: Exception, kind: Kind, ours: type[TargetError]
) -> None:
    with pytest.raises(TroubleError) as caught, troubles("do it"):
        raise error
    trouble = caught.value
    assert trouble.diagnosis.kind is kind
    assert trouble.__cause__ is error
    assert trouble.may_pass == (kind in (Kind.CONTACT, Kind.FAULT))
    raised = trouble.error("toy@probe", "the sky is blue")
    assert type(raised) is ours
    for words in ("toy@probe: expected the probe to do it, found", "the sky is blue", "; "):
        assert words in str(raised)


def test_where_a_flash_algorithm_failed_is_kept() -> None:
    found = diagnose(exceptions.FlashEraseFailure("x", address=0x0802_0000, result_code=1))
    assert (found.address, found.code) == (0x0802_0000, 1)
    assert "0x08020000" in found.text


def test_tries_are_counted_by_what_failed() -> None:
    for doing, counted in ((CONNECT, "connect_retries"), ("write", "flash_retries")):
        with pytest.raises(TroubleError) as caught, troubles(doing):
            raise exceptions.TransferError("x")
        assert caught.value.retried == counted


def test_our_own_errors_pass() -> None:
    with pytest.raises(UsageError), troubles("do it"):
        raise UsageError("mine")
