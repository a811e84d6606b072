"""Meters by name. A new one is a file and a line here."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from qrig.errors import UsageError
from qrig.measure.meters.joulescope import Joulescope
from qrig.measure.meters.lpm01a import Lpm01a
from qrig.measure.meters.meter import Meter
from qrig.measure.meters.otii import DEFAULT_PORT, OtiiMeter
from qrig.measure.meters.ppk2 import Ppk2
from qrig.measure.meters.replay import ReplayMeter
from qrig.measure.meters.shunt import ShuntMeter

_MAX_PORT = 65_535


def _otii(address: str) -> OtiiMeter:
    host, _, port = address.rpartition(":")
    if not host:
        host, port = address, str(DEFAULT_PORT)
    if not port.isdecimal() or len(port) > 5 or not 0 < int(port) <= _MAX_PORT:
        raise UsageError(
            f"expected otii:HOST or otii:HOST:PORT with a port from 1 to {_MAX_PORT}, found "
            f"{address[:60]!r}; the application shows its port"
        )
    return OtiiMeter(host, int(port))


_METERS: dict[str, tuple[str, Callable[[str], Meter]]] = {
    "replay": ("replay:FILE", ReplayMeter),
    "lpm01a": ("lpm01a:/dev/ttyACM1", Lpm01a),
    "ppk2": ("ppk2:/dev/ttyACM2", Ppk2),
    "ppk2-ampere": ("ppk2-ampere:/dev/ttyACM2", partial(Ppk2, feeds=False)),
    "js110": ("js110[:SERIAL]", partial(Joulescope, "js110")),
    "js220": ("js220[:SERIAL]", partial(Joulescope, "js220")),
    "otii": ("otii:HOST[:PORT]", _otii),
    "ina226": ("ina226:/dev/ttyUSB1", partial(ShuntMeter, chip="ina226")),
    "ina228": ("ina228:/dev/ttyUSB1", partial(ShuntMeter, chip="ina228")),
}


def meter_forms() -> tuple[str, ...]:
    """Return how each meter is written."""
    return tuple(form for form, _ in _METERS.values())


def find_meter(text: str) -> Meter:
    """Return the meter that `text` names, not opened yet; raises UsageError with all forms."""
    name, _, rest = text.partition(":")
    form, make = _METERS.get(name, ("", None))
    needs_rest = form.startswith(f"{name}:")
    if make is None or (needs_rest and not rest):
        raise UsageError(
            f"expected a power meter ({', '.join(meter_forms())}), found {text[:80]!r}; choose one"
        )
    return make(rest)
