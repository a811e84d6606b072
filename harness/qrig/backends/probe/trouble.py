"""What can go wrong between a probe and a chip, by what helps against it.

pyOCD reports many things in many ways: its own exceptions, those of USB, of sockets, and broken
assertions. They end here, sorted; none leaves this package.
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum

from attrs import frozen

from qrig.errors import FlashError, ProbeError, TargetError, TargetUnavailableError

CAUGHT = (RuntimeError, OSError, EOFError, LookupError, ValueError, AssertionError, struct.error)
"""All that pyOCD and what it stands on raise; its own exceptions are RuntimeErrors."""

_GONE = {errno.ENODEV, errno.ENOENT, errno.ESHUTDOWN, errno.EPIPE, errno.ENOTCONN}
_TAKEN = {errno.EBUSY, errno.EACCES, errno.EPERM}
_SHOWN = 300


CONNECT = "connect to the chip"
"""What is being done until a session is open."""


class Kind(Enum):
    """What helps: look for the probe; let go of it; try again; do not try again.

    FAULT is a transfer that reached the chip, which has nothing at that address.
    """

    GONE = "gone"
    TAKEN = "taken"
    CONTACT = "contact"
    FAULT = "fault"
    STUCK = "stuck"
    REFUSED = "refused"
    UNSUPPORTED = "unsupported"


_ADVICE = {
    Kind.GONE: "connect it again; flash that was being written is written anew by the next run",
    Kind.TAKEN: "end the other program that uses it, or see `qrig doctor` for the permissions",
    Kind.CONTACT: "check the cable, the power and the reset line of the board, or lower connect_hz "
    "in lab.toml",
    Kind.FAULT: "check that the board is the one that is meant",
    Kind.STUCK: "reset the board and try again",
    Kind.REFUSED: "check the option bytes of the chip",
    Kind.UNSUPPORTED: "install a CMSIS pack for the chip with `pyocd pack install`",
}


@frozen
class Diagnosis:
    """What went wrong: `text` says it; `address` and `code` are the flash algorithm's."""

    kind: Kind
    text: str
    address: int | None = None
    code: int | None = None


class TroubleError(Exception):
    """An operation of the probe failed while `doing` something; never leaves the package."""

    def __init__(self, doing: str, diagnosis: Diagnosis) -> None:
        """Keep what was being done and what went wrong."""
        super().__init__(f"{doing}: {diagnosis.text}")
        self.doing = doing
        self.diagnosis = diagnosis

    @property
    def may_pass(self) -> bool:
        """Whether another try can help."""
        return self.diagnosis.kind in (Kind.CONTACT, Kind.FAULT)

    @property
    def retried(self) -> str:
        """What another try is counted as."""
        return "connect_retries" if self.doing == CONNECT else "flash_retries"

    def error(self, name: str, found: str = "") -> TargetError:
        """Return what to raise for board `name`; `found` adds what else was found out."""
        kind = self.diagnosis.kind
        says = f"{self.diagnosis.text}{'; ' + found if found else ''}"
        text = f"{name}: expected the probe to {self.doing}, found that {says}; {_ADVICE[kind]}"
        if kind in (Kind.TAKEN, Kind.UNSUPPORTED):
            return TargetUnavailableError(text)
        return FlashError(text) if kind in (Kind.STUCK, Kind.REFUSED) else ProbeError(text)


@contextmanager
def troubles(doing: str) -> Iterator[None]:
    """Turn whatever pyOCD raises into TroubleError; our own errors pass."""
    try:
        yield
    except CAUGHT as error:
        raise TroubleError(doing, diagnose(error)) from error


def diagnose(error: BaseException) -> Diagnosis:
    """Return what `error`, or what it was raised from, says."""
    found = [_diagnose_one(cause) for cause in _chain(error)]
    known = [each for each in found if each.kind not in (Kind.CONTACT, Kind.FAULT)]
    return known[0] if known else found[0]


def _diagnose_one(error: BaseException) -> Diagnosis:
    from pyocd.core import exceptions

    text = _text(error)
    if isinstance(error, exceptions.FlashFailure):
        code = error.result_code
        stuck = code == -1 or (code is None and "timed out" in text)
        if stuck:
            return Diagnosis(Kind.STUCK, f"the flash algorithm did not end ({text})", error.address)
        return Diagnosis(
            Kind.REFUSED, f"the flash did not do as told ({text})", error.address, code
        )
    if isinstance(error, exceptions.TargetSupportError):
        return Diagnosis(Kind.UNSUPPORTED, text)
    if isinstance(error, (exceptions.ProbeDisconnected, EOFError, ConnectionError, TimeoutError)):
        return Diagnosis(Kind.GONE, f"the probe is gone ({text})")
    if isinstance(error, OSError) and error.errno in _GONE:
        return Diagnosis(Kind.GONE, f"the probe is gone ({text})")
    if isinstance(error, OSError) and error.errno in _TAKEN:
        return Diagnosis(Kind.TAKEN, f"the probe cannot be opened ({text})")
    if isinstance(error, exceptions.TransferFaultError):
        return Diagnosis(Kind.FAULT, f"the chip refused a transfer ({text})", error.fault_address)
    return Diagnosis(Kind.CONTACT, f"a transfer failed ({text})")


def _chain(error: BaseException) -> Iterator[BaseException]:
    current: BaseException | None = error
    for _ in range(16):
        if current is None:
            return
        yield current
        current = current.__cause__ or (
            None if current.__suppress_context__ else current.__context__
        )


def _text(error: BaseException) -> str:
    said = " ".join(str(error).split())[:_SHOWN]
    return said or type(error).__name__
