"""The real debug probes: those on this machine's USB, and those of pyOCD servers."""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Callable
from typing import Any

from qrig.backends.probe.choice import Choice, choose
from qrig.backends.probe.instance import Instance
from qrig.backends.probe.parts import parts_of
from qrig.backends.probe.power_cycle import run_power_cycle
from qrig.backends.probe.pyocd_log import PyocdLog
from qrig.backends.probe.remote_socket import RemoteSocket
from qrig.backends.probe.serial_ports import found_ports, port_of, probe_of
from qrig.backends.probe.source import FoundProbe, Limits
from qrig.backends.probe.target_class import target_name
from qrig.backends.probe.trouble import CAUGHT, diagnose
from qrig.boards.board import Board
from qrig.boards.lab import find_lab
from qrig.deadline import Deadline
from qrig.errors import TargetUnavailableError

INSTALL = "pyocd is not installed: pip install 'qrig[probe]'"
"""What to do without pyOCD."""

_REMOTE = "remote:"


def has_pyocd() -> bool:
    """Whether pyOCD is installed."""
    return importlib.util.find_spec("pyocd") is not None


def connected_probes() -> tuple[FoundProbe, ...]:
    """Return the debug probes on this machine's USB, without opening them.

    Raises TargetUnavailableError if they cannot be looked for.
    """
    return tuple(FoundProbe(probe.unique_id, _product(probe)) for probe in _enumerate())


class UsbSource:
    """Probes that pyOCD finds."""

    backend = "probe"

    def unavailable(self, board: Board, instance: str | None) -> str | None:
        """Return what is missing: pyOCD, what it needs for the chip, or the board."""
        if not has_pyocd():
            return INSTALL
        try:
            target_name(parts_of(board))
            choice = self._choose(board, instance)
        except TargetUnavailableError as error:
            return str(error)
        return choice.lack or None

    def candidates(self, board: Board, instance: str | None) -> tuple[Instance, ...]:
        """Return the boards of lab.toml that will do, or the only one there is."""
        choice = self._choose(board, instance)
        if choice.instances:
            return choice.instances
        place = f"{board.name}@{self.backend}" + (f":{instance}" if instance else "")
        snippet = f":\n\n{choice.snippet}" if choice.snippet else ""
        raise TargetUnavailableError(
            f"{place}: expected a board to use, found that {choice.lack}{snippet}"
        )

    def _choose(self, board: Board, instance: str | None) -> Choice:
        return choose(board.name, self.backend, instance, find_lab(), connected_probes)

    def attach(self, board: Board, instance: Instance) -> UsbAttachment:
        """Return the instance; raises TargetUnavailableError without its probe or port."""
        attachment = UsbAttachment(instance)
        attachment.probe()
        attachment.port_url()
        attachment.look_for_the_port()
        return attachment


class UsbAttachment:
    """A board on a real probe."""

    limits = Limits()
    ends_with_run = False

    def __init__(self, instance: Instance) -> None:
        """Prepare for `instance`."""
        self._instance = instance
        self._port_probe_id: str | None = None

    def probe(self) -> Any:
        """Return the probe, looked for anew; raises TargetUnavailableError."""
        wanted = self._instance.probe_id
        if wanted.startswith(_REMOTE):
            return _remote_probe(wanted)
        probes = _enumerate()
        for probe in probes:
            if probe.unique_id.casefold() == wanted.casefold():
                return probe
        there = ", ".join(str(probe.unique_id) for probe in probes) or "none"
        raise TargetUnavailableError(
            f"{self._instance.name}: expected the probe {wanted}, found {there}; connect it, or "
            "correct lab.toml"
        )

    def port_url(self) -> str:
        """Return the port that lab.toml names, or that of the probe."""
        named = self._instance.port
        if named is not None:
            return named
        return port_of(self._instance.name, self._instance.probe_id, found_ports())

    def port_probe_id(self) -> str | None:
        """Return the probe that the port is a part of, as far as USB told before the session."""
        return self._port_probe_id

    def look_for_the_port(self) -> None:
        """Find out which probe the port is a part of, while no probe is open."""
        named = self._instance.port
        if named is None:
            self._port_probe_id = self._instance.probe_id
        elif "://" not in named:
            known = [entry.probe for entry in find_lab().boards]
            known += [probe.unique_id for probe in connected_probes()]
            self._port_probe_id = probe_of(named, known, found_ports())

    @property
    def power_cycle(self) -> Callable[[Deadline], None] | None:
        """Runs the command of lab.toml, if it names one."""
        name, command = self._instance.name, self._instance.power_cycle
        if not command:
            return None
        return lambda deadline: run_power_cycle(name, command, deadline)

    def last_words(self) -> str:
        """Return nothing: a board has no other voice."""
        return ""

    def stop(self) -> None:
        """Do nothing: the board stays as it is."""


def _enumerate() -> list[Any]:
    if not has_pyocd():
        raise TargetUnavailableError(
            f"expected pyOCD to look for debug probes, found that {INSTALL}"
        )
    from pyocd.core.helpers import ConnectHelper

    try:
        with contextlib.closing(PyocdLog()):  # what it cannot open is for `qrig doctor`
            return list(
                ConnectHelper.get_all_connected_probes(blocking=False, print_wait_message=False)
            )
    except CAUGHT as error:
        raise TargetUnavailableError(
            f"expected to look for debug probes on USB, found that {diagnose(error).text}; see "
            "`qrig doctor`"
        ) from error


def _product(probe: Any) -> str:
    try:
        return str(probe.product_name)
    except CAUGHT as error:  # another program may have it open
        return f"unknown: {diagnose(error).text}"


def _remote_probe(wanted: str) -> Any:
    from pyocd.probe.tcp_client_probe import TCPClientProbe

    host, _, port = wanted[len(_REMOTE) :].rpartition(":")
    probe = TCPClientProbe(f"{host}:{port}")
    probe._socket = RemoteSocket(host, int(port))
    return probe
