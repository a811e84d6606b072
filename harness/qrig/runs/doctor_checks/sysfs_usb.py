"""USB devices and serial ports, as Linux's sysfs lists them.

Needs no permission and no driver: what is plugged in is seen even where it cannot be opened. Every
function takes the root of the file system, "/" but in tests.
"""

from __future__ import annotations

from pathlib import Path

from attrs import field, frozen

_LIMIT_BYTES = 4096
_NO_UART = "0"


@frozen
class UsbDevice:
    """A device on USB: what its descriptors say, its node, and the serial ports it has.

    `interfaces` are the names of its interfaces, `ports` names like ttyACM0.
    """

    vendor: int
    product: int
    serial: str
    title: str
    node: Path = field(converter=Path)
    interfaces: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()

    @property
    def id_text(self) -> str:
        """Vendor and product as lsusb writes them."""
        return f"{self.vendor:04x}:{self.product:04x}"


@frozen
class SerialPort:
    """A serial port with hardware behind it: its node, and the place in sysfs of its device."""

    name: str
    node: Path
    place: Path = field(repr=False)


def usb_devices(root: Path) -> tuple[UsbDevice, ...]:
    """Return all devices on USB, in the order of their places; none where there is no sysfs."""
    ports = serial_ports(root)
    found = []
    for entry in _entries(root / "sys/bus/usb/devices"):
        vendor, product = (_hexadecimal(entry / name) for name in ("idVendor", "idProduct"))
        if vendor is None or product is None:  # an interface
            continue
        place = entry.resolve()
        numbers = [_text(place / name) for name in ("busnum", "devnum")]
        bus, device = (int(text) if text.isdecimal() else 0 for text in numbers)
        names = tuple(_text(each / "interface") for each in sorted(place.glob(f"{entry.name}:*")))
        found.append(
            UsbDevice(
                vendor,
                product,
                _text(place / "serial"),
                _text(place / "product"),
                root / f"dev/bus/usb/{bus:03d}/{device:03d}",
                tuple(name for name in names if name),
                tuple(port.name for port in ports if _device_of(port, root) == place),
            )
        )
    return tuple(found)


def serial_ports(root: Path) -> tuple[SerialPort, ...]:
    """Return the serial ports with hardware behind them, sorted by name."""
    found = []
    for entry in _entries(root / "sys/class/tty"):
        # A terminal has no device, and a UART of type 0 is a place where none was found.
        if not (entry / "device").exists() or _text(entry / "type") == _NO_UART:
            continue
        found.append(SerialPort(entry.name, root / "dev" / entry.name, entry.resolve()))
    return tuple(found)


def _device_of(port: SerialPort, root: Path) -> Path | None:
    """Return the place of the USB device the port belongs to, None if it is no part of one."""
    top = (root / "sys").resolve()
    for place in port.place.parents:
        if place == top:
            return None
        if (place / "idVendor").is_file():
            return place
    return None


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _hexadecimal(path: Path) -> int | None:
    try:
        return int(_text(path), 16)
    except ValueError:
        return None


def _text(path: Path) -> str:
    """Return what the attribute says, less the line's end; nothing if there is none."""
    try:
        with path.open("rb") as stream:
            data = stream.read(_LIMIT_BYTES)
    except OSError:
        return ""
    return data.decode("utf-8", "replace").removesuffix("\n")
