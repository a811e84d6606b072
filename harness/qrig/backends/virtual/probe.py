"""A debug probe of pyOCD's that reaches a virtual board."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

from pyocd.core import exceptions
from pyocd.core.memory_interface import MemoryInterface
from pyocd.probe.debug_probe import DebugProbe

from qrig.backends.virtual.debug_port import DebugPort
from qrig.backends.virtual.memory_interface import VirtualMemory
from qrig.backends.virtual.wire import Wire


class VirtualProbe(DebugProbe):  # type: ignore[misc]  # pyOCD has no types
    """A probe with a board; hand it to pyOCD's Session as it is."""

    def __init__(self, wire: Wire, core: str, unique_id: str, product: str) -> None:
        """Be the probe `unique_id` in front of a core "m4" or "m7"."""
        super().__init__()
        self._wire = wire
        self._port = DebugPort(wire, core)
        self._unique_id = unique_id
        self._product = product
        self._is_open = self._is_held = False
        self._answers = False
        self._protocol: DebugProbe.Protocol | None = None

    @property
    def vendor_name(self) -> str:
        """Who made it."""
        return "qrig"

    @property
    def product_name(self) -> str:
        """What it is."""
        return self._product

    @property
    def unique_id(self) -> str:
        """What tells it from every other."""
        return self._unique_id

    @property
    def supported_wire_protocols(self) -> Collection[DebugProbe.Protocol]:
        """SWD alone."""
        return (DebugProbe.Protocol.DEFAULT, DebugProbe.Protocol.SWD)

    @property
    def wire_protocol(self) -> DebugProbe.Protocol | None:
        """SWD while connected."""
        return self._protocol

    @property
    def is_open(self) -> bool:
        """Whether it is open."""
        return self._is_open

    @property
    def capabilities(self) -> set[DebugProbe.Capability]:
        """What it can do by itself."""
        kinds = DebugProbe.Capability
        return {kinds.SWJ_SEQUENCE, kinds.BANKED_DP_REGISTERS, kinds.APv2_ADDRESSES}

    def open(self) -> None:
        """Open it; raises pyOCD's ProbeError if it is not there."""
        if self._wire.is_unplugged:
            raise exceptions.ProbeDisconnected(f"the probe {self._unique_id} is unplugged")
        self._is_open = True

    def close(self) -> None:
        """Close it."""
        self._is_open = False

    def connect(self, protocol: DebugProbe.Protocol | None = None) -> None:
        """Drive the pins."""
        self._protocol = DebugProbe.Protocol.SWD
        self._answers = self._wire.connect()

    def disconnect(self) -> None:
        """Leave the pins alone; raises pyOCD's errors."""
        self._wire.flush()
        self._protocol = None

    def swj_sequence(self, length: int, bits: int) -> None:
        """Send bits that a chip always understands."""

    def set_clock(self, frequency: float) -> None:
        """Take any clock."""

    def reset(self) -> None:
        """Pull the reset pin and let it go; raises pyOCD's errors."""
        self.assert_reset(True)
        self.assert_reset(False)

    def assert_reset(self, asserted: bool) -> None:
        """Pull the reset pin or let it go; raises pyOCD's errors."""
        self._wire.hold_reset(held=bool(asserted))
        self._is_held = bool(asserted)

    def is_reset_asserted(self) -> bool:
        """Whether the reset pin is pulled."""
        return self._is_held

    def flush(self) -> None:
        """Have done all that waits; raises pyOCD's errors."""
        self._wire.flush()

    def read_dp(self, addr: int, now: bool = True) -> int | Callable[[], int]:
        """Return a register of the debug port, or what returns it; raises pyOCD's errors."""
        if not self._answers:
            raise exceptions.TransferError("the chip did not acknowledge")
        value = self._port.read_dp(addr)
        return value if now else lambda: value

    def write_dp(self, addr: int, data: int) -> None:
        """Write a register of the debug port; raises pyOCD's errors."""
        self._port.write_dp(addr, data)

    def read_ap(self, addr: int, now: bool = True) -> int | Callable[[], int]:
        """Return a register of an access port, or what returns it; raises pyOCD's errors."""
        value = self._port.read_ap(addr)
        return value if now else lambda: value

    def write_ap(self, addr: int, data: int) -> None:
        """Write a register of an access port; raises pyOCD's errors."""
        self._port.write_ap(addr, data)

    def read_ap_multiple(
        self, addr: int, count: int = 1, now: bool = True
    ) -> Sequence[int] | Callable[[], Sequence[int]]:
        """Return a register again and again; raises pyOCD's errors."""
        values = [self._port.read_ap(addr) for _ in range(count)]
        return values if now else lambda: values

    def write_ap_multiple(self, addr: int, values: Sequence[int]) -> None:
        """Write a register again and again; raises pyOCD's errors."""
        for value in values:
            self._port.write_ap(addr, value)

    def get_memory_interface_for_ap(self, ap_address: Any) -> MemoryInterface | None:
        """Return the fast way to memory; there is one access port, number 0."""
        return VirtualMemory(self._wire) if ap_address.nominal_address == 0 else None
