"""What tests of power meters share: a simulated signal, measured, and its energies."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

import pytest

from qrig.deadline import Deadline
from qrig.measure.energy.layers import MeasuredEnergy, layer_energies
from qrig.measure.meters.meter import Meter, Samples
from qrig.measure.meters.recording import Recording
from qrig.measure.meters.simulated import Part, Signal

LAYERS = ("conv1", "pool1", "fc")
OPEN_S = 15.0
_WAIT_S = 60.0


class Twin(Protocol):
    @property
    def is_done(self) -> bool: ...


def layers_signal(*, noise_a: float = 0.0, scale: float = 1.0) -> Signal:
    """Three layers of 0.2 s, 0.1 s and 0.3 s at 20, 12 and 30 mA, idle at 1 mA in between."""
    parts = [Part(0.05, 0.001)]
    for duration_s, current_a in ((0.2, 0.020), (0.1, 0.012), (0.3, 0.030)):
        parts += [Part(duration_s, current_a * scale, level=True), Part(0.05, 0.001)]
    return Signal(tuple(parts), 3.3, noise_a, seed=7)


def wait_for(condition: Callable[[], bool]) -> None:
    limit = Deadline.after(_WAIT_S)
    while not condition():
        assert not limit.expired
        time.sleep(0.005)


@contextmanager
def opened(meter: Meter, *, hz: float | None = None, voltage_v: float = 3.3) -> Iterator[None]:
    try:
        meter.open(Deadline.after(OPEN_S))
        meter.configure(voltage_v, hz or meter.default_hz, Deadline.after(OPEN_S))
        yield
    finally:
        meter.close()
        meter.close()


def measured(meter: Meter, twin: Twin, *, hz: float | None = None) -> Samples:
    """Open, measure everything the twin sends, close."""
    with opened(meter, hz=hz):
        with Recording(meter) as recording:
            wait_for(lambda: twin.is_done)
        return recording.samples()


def energies(samples: Samples) -> MeasuredEnergy:
    return layer_energies(samples, LAYERS, source="test")


def assert_energies(samples: Samples, signal: Signal, relative: float = 1e-3) -> None:
    """Demand the signal's own energy of every layer, and of all of them together."""
    found = energies(samples)
    assert not found.notices
    assert tuple(found.layers) == LAYERS
    exact = signal.marked_energy_j()
    for layer, joules in zip(LAYERS, exact, strict=True):
        assert found.layers[layer].energy_uj == pytest.approx(joules * 1e6, rel=relative)
    total_uj = sum(layer.energy_uj for layer in found.layers.values())
    assert total_uj == pytest.approx(sum(exact) * 1e6, rel=1e-3)
    assert found.marked_uj == pytest.approx(total_uj)
