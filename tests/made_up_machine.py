"""A machine made up in a folder: sysfs, devices, groups, processes in the kernel's formats."""

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen

CONTROLLER = "devices/pci0000:00/0000:00:14.0/usb1"
NOBODY = 65534


@frozen
class Machine:
    """The root of a made-up file system."""

    root: Path

    def write(self, path: str, content: str | bytes = "") -> Path:
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content if isinstance(content, bytes) else content.encode())
        return place

    def link(self, path: str, target: Path) -> None:
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(os.path.relpath(target, place.parent))

    def usb(
        self,
        place: str,
        identity: str,
        *,
        serial: str | bytes | None = None,
        product: str | None = None,
        address: tuple[int, int] = (1, 4),
        ports: tuple[str, ...] = (),
        interfaces: tuple[str, ...] = (),
    ) -> Path:
        """Plug in a device, `identity` like 0483:374b; return its node."""
        vendor, number = identity.split(":")
        folder = f"sys/{CONTROLLER}/{place}"
        attributes: Mapping[str, str | bytes | None] = {
            "idVendor": vendor,
            "idProduct": number,
            "serial": serial,
            "product": product,
            "busnum": str(address[0]),
            "devnum": str(address[1]),
        }
        for name, value in attributes.items():
            if value is not None:
                data = value if isinstance(value, bytes) else value.encode()
                self.write(f"{folder}/{name}", data + b"\n")
        self.link(f"sys/bus/usb/devices/{place}", self.root / folder)
        for index, title in enumerate((*interfaces, *("" for _ in ports))):
            self._interface(place, index, title)
        for index, port in enumerate(ports, start=len(interfaces)):
            self._port(port, f"{folder}/{place}:1.{index}")
        return self.write(f"dev/bus/usb/{address[0]:03d}/{address[1]:03d}")

    def _interface(self, place: str, index: int, title: str) -> None:
        folder = f"sys/{CONTROLLER}/{place}/{place}:1.{index}"
        self.write(f"{folder}/bInterfaceClass", "ff\n")
        if title:
            self.write(f"{folder}/interface", f"{title}\n")
        self.link(f"sys/bus/usb/devices/{place}:1.{index}", self.root / folder)

    def _port(self, name: str, interface: str) -> None:
        self.write(f"{interface}/tty/{name}/dev", "166:0\n")
        self.link(f"{interface}/tty/{name}/device", self.root / interface)
        self.link(f"sys/class/tty/{name}", self.root / interface / "tty" / name)
        self.write(f"dev/{name}")

    def uart(self, name: str, kind: int) -> Path:
        """Add a port of the mainboard; kind 0 is a place where the kernel found no UART."""
        folder = f"sys/devices/platform/serial8250/{name}"
        self.write(f"{folder}/tty/{name}/type", f"{kind}\n")
        self.link(f"{folder}/tty/{name}/device", self.root / folder)
        self.link(f"sys/class/tty/{name}", self.root / folder / "tty" / name)
        return self.write(f"dev/{name}")

    def terminal(self, name: str) -> None:
        """Add a terminal of the kernel, with no device behind it."""
        folder = f"sys/devices/virtual/tty/{name}"
        self.write(f"{folder}/dev", "4:1\n")
        self.link(f"sys/class/tty/{name}", self.root / folder)
        self.write(f"dev/{name}")

    def groups(self, *lines: str) -> None:
        self.write("etc/group", "".join(f"{line}\n" for line in ("root:x:0:", *lines)))

    def process(self, number: int, name: str) -> None:
        self.write(f"proc/{number}/comm", f"{name}\n")


@contextmanager
def made_up() -> Iterator[Machine]:
    """Make up a machine that every account can look at."""
    with tempfile.TemporaryDirectory(prefix="qrig-machine-") as folder:
        Path(folder).chmod(0o755)
        yield Machine(Path(folder))


def forbid(node: Path) -> None:
    """Leave a device to root alone, as the kernel does; any other account loses what it made."""
    node.chmod(0o600 if os.geteuid() == 0 else 0)


@contextmanager
def as_nobody() -> Iterator[None]:
    """Have no more rights than anybody; only root can and need give them up."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
