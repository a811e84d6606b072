"""The Joulescope driver against a twin of the native library's Python interface."""

import inspect

import numpy as np
import pytest

from meter_checks import (
    OPEN_S,
    assert_energies,
    energies,
    layers_signal,
    measured,
    opened,
    wait_for,
)
from qrig.deadline import Deadline
from qrig.errors import MeterError
from qrig.measure.meters.joulescope import Joulescope
from qrig.measure.meters.joulescope_stream import Stream
from qrig.measure.meters.meter import Samples
from qrig.measure.meters.recording import Recording
from qrig.measure.meters.simulated import Faults
from qrig.measure.meters.simulated.joulescope import SERIAL, JoulescopeTwin

SAMPLES = 80_000


def run(faults: Faults, *, noise_a: float = 0.0) -> Samples:
    twin = JoulescopeTwin(layers_signal(noise_a=noise_a), faults)
    return measured(Joulescope("js220", driver=lambda: twin), twin)


@pytest.mark.parametrize("noise_a", [0.0, 2e-4])
def test_energies_are_those_of_the_signal(noise_a: float) -> None:
    samples = run(Faults(), noise_a=noise_a)
    assert len(samples) == samples.expected == SAMPLES
    assert samples.time_s[0] == 0.0
    assert samples.time_s[-1] == pytest.approx((SAMPLES - 1) / 1e5)
    assert_energies(samples, layers_signal())


@pytest.mark.parametrize(
    ("model", "setting"),
    [("js110", ("s/i/range/select", "auto")), ("js220", ("s/i/range/mode", "auto"))],
)
def test_each_model_gets_its_own_settings(model: str, setting: tuple[str, str]) -> None:
    twin = JoulescopeTwin(layers_signal(), model=model)
    meter = Joulescope(model, SERIAL, driver=lambda: twin)
    samples = measured(meter, twin, hz=50_000.0)
    assert meter.source == f"{model}:{SERIAL}"
    assert setting in twin.published
    assert ("h/fs", 50_000) in twin.published
    assert len(samples) == SAMPLES // 2
    assert_energies(samples, layers_signal())
    assert twin.is_finalized


def test_samples_the_instrument_lost_are_counted() -> None:
    few = run(Faults(dropped=frozenset({10, 20_000, 20_001})))
    assert (few.dropped, few.expected) == (3, SAMPLES)
    assert np.isfinite(few.current_a).all()
    assert_energies(few, layers_signal())
    message = run(Faults(dropped=frozenset(range(30_000, 31_000))))
    assert (message.dropped, message.expected) == (1000, SAMPLES)
    assert not energies(message).layers


def test_an_unplugged_instrument_is_an_error_of_the_meter() -> None:
    twin = JoulescopeTwin(layers_signal(), Faults(hang_up_after=20_000))
    with opened(meter := Joulescope("js220", driver=lambda: twin)):
        with Recording(meter) as recording:
            wait_for(lambda: twin.is_done)
        with pytest.raises(MeterError, match="js220: expected"):
            recording.samples()
    assert twin.is_finalized


def test_messages_of_another_form_are_an_error_of_the_meter() -> None:
    with pytest.raises(MeterError, match="expected samples of the library's form"):
        run(Faults(garbage={5000: b"abc"}))


def test_firmware_of_another_major_version_is_refused() -> None:
    twin = JoulescopeTwin(layers_signal(), Faults(firmware="2.0.1"))
    with (
        pytest.raises(MeterError, match=r"expected firmware 1\.x, found 2\.0\.1"),
        opened(Joulescope("js220", driver=lambda: twin)),
    ):
        pass
    assert twin.is_finalized


def test_what_is_connected_must_be_what_is_meant() -> None:
    for twin, meter_serial in (
        (JoulescopeTwin(layers_signal(), Faults(is_mute=True)), ""),
        (JoulescopeTwin(layers_signal(), model="js110"), ""),
        (JoulescopeTwin(layers_signal()), "009999"),
    ):
        meter = Joulescope("js220", meter_serial, driver=lambda twin=twin: twin)  # type: ignore[misc]
        with pytest.raises(MeterError, match="js220: expected one instrument"):
            meter.open(Deadline.after(OPEN_S))
        meter.close()


def test_the_twin_has_what_the_library_has() -> None:
    package = pytest.importorskip("pyjoulescope_driver")
    for name in ("open", "close", "query", "publish", "subscribe", "unsubscribe", "finalize"):
        ours = list(inspect.signature(getattr(JoulescopeTwin, name)).parameters)
        theirs = list(inspect.signature(getattr(package.Driver, name)).parameters)
        assert ours[: len(theirs)] == theirs[: len(ours)], name


def test_the_library_itself_finds_no_instrument_here() -> None:
    pytest.importorskip("pyjoulescope_driver")
    meter = Joulescope("js220", "no-such-serial")
    with pytest.raises(MeterError, match="js220: expected one instrument no-such-serial"):
        meter.open(Deadline.after(OPEN_S))
    meter.close()


def test_bits_are_eight_to_a_byte_the_first_in_the_lowest() -> None:
    stream = Stream()
    message = {"sample_id": 100, "sample_rate": 1000, "decimate_factor": 10}
    stream.take({**message, "data": np.array([0b0000_0101], dtype=np.uint8)}, is_bits=True)
    ids, values, missing, expected = stream.until(180, 100)
    assert ids.tolist() == list(range(100, 180, 10))
    assert values.tolist() == [1, 0, 1, 0, 0, 0, 0, 0]
    assert (missing, expected) == (0, 8)


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"sample_id": 0, "sample_rate": 0, "decimate_factor": 1, "data": [1.0]},
        {"sample_id": 0, "sample_rate": 1, "decimate_factor": 0, "data": [1.0]},
        {"sample_id": 0, "sample_rate": 1, "decimate_factor": 1, "data": [[1.0]]},
        {"sample_id": "x", "sample_rate": 1, "decimate_factor": 1, "data": [1.0]},
    ],
)
def test_a_message_that_is_none_is_a_problem_not_a_crash(message: dict[str, object]) -> None:
    stream = Stream()
    stream.take(message, is_bits=False)
    assert stream.problem
    assert stream.waiting == 0
