"""How a board's UART is wired: pins, alternate functions, DMA and interrupts of its device."""

from __future__ import annotations

from attrs import field, frozen

from qrig.boards.board import Board
from qrig.boards.device import Device, DmaRequest, read_device
from qrig.errors import UsageError


@frozen
class Pin:
    """A pin: port (0 for A), number, and alternate function (0 for a plain output)."""

    port: int
    number: int
    function: int = 0


@frozen
class Wiring:
    """A UART's pins, interrupt and DMA, and the marker's pin if there is one."""

    uart: str
    tx: Pin
    rx: Pin
    interrupt: int
    rx_dma: DmaRequest = field(repr=False)
    marker: Pin | None = None


def wiring_of(board: Board) -> Wiring:
    """Return the wiring of a board whose [uart] has a name.

    Raises UsageError for pins or a UART that the device does not have, or no device at all.
    """
    uart = board.uart
    if board.device is None or uart is None or None in (uart.name, uart.tx, uart.rx):
        raise UsageError(
            f"{board.name}: expected a device and a UART with name, tx and rx, found a board "
            "without; add them to its board.toml"
        )
    device = read_device(board.device)
    name = str(uart.name)
    return Wiring(
        name,
        _pin(device, str(uart.tx), f"{name}_tx"),
        _pin(device, str(uart.rx), f"{name}_rx"),
        device.interrupt(name.upper()),
        device.dma_request(f"{name}_rx"),
        None if board.marker is None else _pin(device, board.marker.pin),
    )


def _pin(device: Device, pin: str, signal: str | None = None) -> Pin:
    if pin not in device.pins:
        raise UsageError(f"expected a pin of {device.name}, found {pin!r}; choose another")
    function = 0 if signal is None else device.alternate_function(pin, signal)
    return Pin(ord(pin[1]) - ord("A"), int(pin[2:]), function)
