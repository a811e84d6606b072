"""Every error qrig raises on purpose, in one tree.

    QrigError                     exit code 1
    |-- InputError                exit code 2   what the user gave cannot be used
    |   |-- UsageError                          options that do not go together
    |   |-- FileFormatError                     a file is not what it should be
    |   |-- UnsupportedNetworkError             a network qrig cannot deploy
    |   |-- NetworkTooLargeError                a network the board has no room for
    |   `-- NetworkRefusedError                 a network file the firmware does not load
    |-- BuildError                exit code 3   the firmware could not be built
    `-- TargetError               exit code 3   the target failed, not the user
        |-- TargetUnavailableError              it cannot be started or found
        |   |-- BoardBusyError                  another process has the board
        |   |-- BoardWedgedError                it did not come back and has not been proved well
        |   `-- WrongBoardError                 probe, chip and port are not of one board
        |-- MeterError                          a power meter cannot be used or failed
        |-- ProbeError                          the debug probe or what it reaches failed
        |   `-- FlashError                      flash could not be erased, written or verified
        |-- TargetCrashedError                  it stopped working while in use
        |   |-- FirmwareFaultError              its firmware reported a fault
        |   `-- TargetHungError                 it was stopped by a probe where it hung
        |-- BoardRestartedError                 it booted again during a session
        |-- UndeterminedProfileError            its counts do not say which way a branch went
        `-- LinkError                           the byte stream let us down
            |-- LinkTimeoutError                nothing came before the deadline
            |-- TransportClosedError            the other end hung up
            `-- ProtocolMismatchError           the firmware speaks another protocol

A message is one sentence: what was expected, what was found, what to do next.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

__all__ = [
    "BoardBusyError",
    "BoardRestartedError",
    "BoardWedgedError",
    "BuildError",
    "FileFormatError",
    "FirmwareFaultError",
    "FlashError",
    "InputError",
    "LinkError",
    "LinkTimeoutError",
    "MeterError",
    "NetworkRefusedError",
    "NetworkTooLargeError",
    "ProbeError",
    "ProtocolMismatchError",
    "QrigError",
    "TargetCrashedError",
    "TargetError",
    "TargetHungError",
    "TargetUnavailableError",
    "TransportClosedError",
    "UndeterminedProfileError",
    "UnsupportedNetworkError",
    "UsageError",
    "WrongBoardError",
]


class QrigError(Exception):
    """The root of the tree; `exit_code` is what the command line ends with."""

    exit_code: ClassVar[int] = 1


class InputError(QrigError):
    """What the user gave cannot be used."""

    exit_code = 2


class UsageError(InputError):
    """Options or arguments that do not go together."""


class FileFormatError(InputError):
    """A file is missing, broken or not of the format it should have."""


class UnsupportedNetworkError(InputError):
    """A network that is well formed but uses what qrig cannot deploy."""


class NetworkTooLargeError(InputError):
    """A network that does not fit the board; the message holds the memory map."""


class NetworkRefusedError(InputError):
    """A network file that the firmware on the target looked at and did not load."""


class BuildError(QrigError):
    """The firmware could not be configured, compiled or linked."""

    exit_code = 3


class TargetError(QrigError):
    """The target failed, through no fault of the user's input."""

    exit_code = 3


class TargetUnavailableError(TargetError):
    """The target cannot be found or started."""


class BoardBusyError(TargetUnavailableError):
    """Another process holds the board; the message says who, why and since when."""


class BoardWedgedError(TargetUnavailableError):
    """The board did not come back last time and has not been proved healthy since."""


class WrongBoardError(TargetUnavailableError):
    """Probe, chip and serial port do not belong to one and the same board."""


class MeterError(TargetError):
    """A power meter cannot be used, or failed while it measured."""


class ProbeError(TargetError):
    """The debug probe, or the chip behind it, failed."""


class FlashError(ProbeError):
    """Flash could not be erased, programmed or verified; the message says where."""


class TargetCrashedError(TargetError):
    """The target stopped working while in use; the message holds its last words."""


class FirmwareFaultError(TargetCrashedError):
    """The firmware ran into a fault and said so.

    `registers` are those it sent, by name; `stage` is what it was at.
    """

    def __init__(self, message: str, registers: Mapping[str, int], stage: int) -> None:
        """Keep what the firmware sent beside the message."""
        super().__init__(message)
        self.registers = registers
        self.stage = stage


class TargetHungError(TargetCrashedError):
    """The firmware did not answer in time; the message says where a probe found it."""


class BoardRestartedError(TargetError):
    """The target booted again in the middle of a session."""


class UndeterminedProfileError(TargetError):
    """The counts of blocks alone do not say which way a branch went."""


class LinkError(TargetError):
    """The byte stream to the target failed."""


class LinkTimeoutError(LinkError):
    """No answer came before the deadline."""


class TransportClosedError(LinkError):
    """The other end closed the byte stream."""


class ProtocolMismatchError(LinkError):
    """The firmware speaks another major version of the protocol, or is another build."""
