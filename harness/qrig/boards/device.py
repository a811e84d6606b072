"""A microcontroller as modm-devices describes it: memories, interrupts, pin functions, DMA.

modm-devices is data made from the vendor's own (STM32CubeMX), one XML file for some parts each.
"""

from __future__ import annotations

import functools
import re
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from attrs import field, frozen

from qrig.errors import UsageError

T = TypeVar("T")

_PART = re.compile(r"stm32[a-z][0-9][0-9a-z]{2}[a-z][0-9a-z]")
_FAMILY_DIGITS, _LINE_DIGITS = 7, 2  # stm32f7 46


@frozen
class Region:
    """A memory: the name modm-devices gives it, its address and size."""

    name: str
    origin: int
    size_bytes: int

    @property
    def end(self) -> int:
        """The address behind it."""
        return self.origin + self.size_bytes


@frozen
class DmaRequest:
    """How a peripheral reaches a DMA controller.

    `stream` is the stream or channel of `controller` as the reference manual counts it, and
    `request` what selects the peripheral there: a channel of the stream, or an input of the request
    multiplexer, whose output is then `mux_channel`. `interrupt` is the stream's.
    """

    controller: int
    stream: int
    request: int
    mux_channel: int | None
    interrupt: int


@frozen(eq=False)
class Device:
    """A part; `name` is the whole part name that stands for it, like stm32f746zgt6."""

    name: str
    regions: Mapping[str, Region] = field(repr=False)
    pins: frozenset[str] = field(repr=False)
    interrupts: Mapping[str, int] = field(repr=False)
    _functions: Mapping[tuple[str, str], int] = field(repr=False)
    _requests: Mapping[str, DmaRequest] = field(repr=False)

    def region(self, name: str) -> Region:
        """Return the memory called `name`; raises UsageError with the names there are."""
        return _known(self.regions, name, f"a memory of {self.name}")

    def interrupt(self, name: str) -> int:
        """Return the number of an interrupt, like USART3; raises UsageError."""
        return _known(self.interrupts, name, f"an interrupt of {self.name}")

    def alternate_function(self, pin: str, signal: str) -> int:
        """Return the alternate function by which `pin` (PD8) has `signal` (usart3_tx).

        Raises UsageError if it does not have it.
        """
        if (pin, signal) not in self._functions:
            pins = sorted(place for place, name in self._functions if name == signal)
            raise UsageError(
                f"expected a pin of {self.name} with {signal} ({', '.join(pins) or 'there is none'}"
                f"), found {pin!r}; choose one"
            )
        return self._functions[pin, signal]

    def dma_request(self, signal: str) -> DmaRequest:
        """Return how `signal` (usart3_rx) reaches DMA, the first way; raises UsageError."""
        return _known(self._requests, signal, f"a signal of {self.name} with DMA")


@functools.cache
def read_device(name: str) -> Device:
    """Return the part whose name begins with `name`, like stm32f746zg.

    Raises UsageError if modm-devices does not know it, or is not there.
    """
    if not _PART.fullmatch(name):
        raise UsageError(
            f"expected a part like stm32f746zg (family, line, pins, flash), found {name!r}; write "
            "it so"
        )
    for path in _files(name):
        parts = [part for part in _parts(path) if part.partname.startswith(name)]
        if parts:
            plainest = min(parts, key=lambda part: len(part.partname))  # no letter behind "t6"
            return _device(plainest.partname, plainest.properties["driver"])
    raise UsageError(
        f"expected a part that modm-devices knows, found {name!r}; correct it, or upgrade: "
        "pip install -U modm-devices"
    )


def _known(table: Mapping[str, T], name: str, what: str) -> T:
    if name not in table:
        raise UsageError(
            f"expected {what} ({', '.join(sorted(table))}), found {name!r}; choose one"
        )
    return table[name]


def _files(name: str) -> Iterator[Path]:
    """Yield the files that may hold a part: stm32f7-45_46_50_56.xml has the lines 45, 46, ..."""
    root = _package() / "resources" / "devices" / "stm32"
    family, line = name[:_FAMILY_DIGITS], name[_FAMILY_DIGITS : _FAMILY_DIGITS + _LINE_DIGITS]
    for path in sorted(root.glob(f"{family}-*.xml")):
        if line in re.split("[-_]", path.stem[_FAMILY_DIGITS:]):
            yield path


def _package() -> Path:
    try:
        import modm_devices
    except ImportError as error:
        raise UsageError(
            "expected the package modm-devices, which knows the chips of boards, found none "
            f"({error}); pip install modm-devices"
        ) from error
    return Path(modm_devices.__file__).parent


def _parts(path: Path) -> list[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # pkgutil.get_loader, Python 3.12
        from modm_devices.parser import DeviceParser

        found: list[Any] = DeviceParser().parse(str(path)).get_devices()
    return found


def _device(name: str, drivers: list[dict[str, Any]]) -> Device:
    by_name = {driver["name"]: driver for driver in drivers}
    core, gpio, dma = by_name["core"], by_name["gpio"], by_name["dma"]
    interrupts = {vector["name"]: int(vector["position"]) for vector in core["vector"]}
    regions = {
        one["name"]: Region(one["name"], int(one["start"], 0), int(one["size"]))
        for one in core["memory"]
    }
    pins = {f"P{pin['port'].upper()}{pin['pin']}": pin.get("signal", ()) for pin in gpio["gpio"]}
    functions = {
        (pin, _signal(signal)): int(signal["af"])
        for pin, signals in pins.items()
        for signal in signals
        if "af" in signal
    }
    requests: dict[str, DmaRequest] = {}
    for signal, request in _requests(dma, interrupts):
        requests.setdefault(signal, request)
    return Device(name, regions, frozenset(pins), interrupts, functions, requests)


def _signal(signal: Mapping[str, str]) -> str:
    return f"{signal.get('driver', '')}{signal.get('instance', '')}_{signal.get('name', '')}"


def _requests(
    dma: Mapping[str, Any], interrupts: Mapping[str, int]
) -> Iterator[tuple[str, DmaRequest]]:
    """Yield every signal that has DMA and how, in the order of controllers and streams."""
    for controller, streams in enumerate(dma.get("streams", ()), start=1):
        for stream in streams["stream"]:
            number = int(stream["position"])
            interrupt = interrupts[f"DMA{controller}_Stream{number}"]
            for channel in stream["channel"]:
                way = DmaRequest(controller, number, int(channel["position"]), None, interrupt)
                for signal in channel["signal"]:
                    yield _signal(signal), way
    muxed = [channel for table in dma.get("mux-channels", ()) for channel in table["mux-channel"]]
    for channel in muxed[:1]:  # a multiplexer connects any request to any channel
        controller, number = int(channel["dma-instance"]), int(channel["dma-channel"])
        kind = "Stream" if "stream" in dma["type"] else "Channel"
        interrupt = interrupts[f"DMA{controller}_{kind}{number}"]
        for request in (one for table in dma["requests"] for one in table["request"]):
            position, mux_channel = int(request["position"]), int(channel["position"])
            way = DmaRequest(controller, number, position, mux_channel, interrupt)
            for signal in request["signal"]:
                yield _signal(signal), way
