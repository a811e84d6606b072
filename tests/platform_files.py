"""Reading Renode's platform files, as far as ours go: entries with properties and wires."""

import re
from pathlib import Path

from attrs import define, field

_ENTRY = re.compile(r"^(\w+):(?: ([\w.]+) @ (?:none|sysbus(?: <?(0x[0-9A-F]+).*)?))?$")
_USING = re.compile(r'^using "(.+)"$')
_PROPERTY = re.compile(r"^    (\w+): (.+)$")
_WIRE = re.compile(r"^    (.*?) ?-> (.+)$")


@define
class Entry:
    """A peripheral: its type, address, properties as they are written, wires by their outputs."""

    type: str = ""
    address: int = 0
    properties: dict[str, str] = field(factory=dict)
    wires: dict[str, str] = field(factory=dict)

    def number(self, name: str) -> int:
        """A property that is a number."""
        return int(self.properties[name], 0)

    def registers(self, name: str) -> dict[int, int]:
        """A property of a register bank, by address."""
        entries = (part.split("=") for part in self.properties[name].strip('"').split(","))
        return {self.address + int(offset, 0): int(value, 0) for offset, value in entries}


def read_platform(path: Path) -> dict[str, Entry]:
    """The entries of a platform file and those it uses."""
    entries: dict[str, Entry] = {}
    _read(path, entries)
    return entries


def spread(text: str) -> list[int]:
    """The numbers that "[0-2,7]" stands for."""
    numbers: list[int] = []
    for part in text.strip("[]").split(","):
        first, _, last = part.partition("-")
        numbers += range(int(first), int(last or first) + 1)
    return numbers


def _read(path: Path, entries: dict[str, Entry]) -> None:
    entry = Entry()
    for line in path.read_text().splitlines():
        if used := _USING.match(line):
            _read(path.parent / used[1], entries)
        elif head := _ENTRY.match(line):
            entry = entries.setdefault(head[1], Entry())
            if head[2]:
                entry.type, entry.address = head[2], int(head[3] or "0", 0)
        elif wire := _WIRE.match(line):
            entry.wires[wire[1]] = wire[2]
        elif known := _PROPERTY.match(line):
            entry.properties[known[1]] = known[2]
        elif line and not line.startswith("//"):
            raise ValueError(f"{path}: what is {line!r}?")
