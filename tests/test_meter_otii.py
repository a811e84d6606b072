"""The Otii driver and `otii-tcp-client` against a simulated application."""

import pytest

from meter_checks import OPEN_S, assert_energies, energies, layers_signal, opened
from qrig.deadline import Deadline
from qrig.errors import MeterError
from qrig.measure.meters.meter import Samples
from qrig.measure.meters.otii import OtiiMeter
from qrig.measure.meters.recording import Recording
from qrig.measure.meters.simulated import Faults
from qrig.measure.meters.simulated.otii import DEVICE, OtiiServer

HOST = "127.0.0.1"
SAMPLES = 3200


def run(faults: Faults, *, noise_a: float = 0.0) -> Samples:
    with OtiiServer(layers_signal(noise_a=noise_a), faults) as server:
        meter = OtiiMeter(HOST, server.port)
        with opened(meter):
            with Recording(meter) as recording:
                pass  # the twin's recording is whole from the start
            return recording.samples()


@pytest.mark.parametrize("noise_a", [0.0, 1e-4])
def test_energies_are_those_of_the_signal(noise_a: float) -> None:
    samples = run(Faults(), noise_a=noise_a)
    assert len(samples) == samples.expected == SAMPLES
    assert set(samples.voltage_v.tolist()) == {3.3}
    assert [mark.level for mark in samples.marks] == [True, False] * 3
    assert_energies(samples, layers_signal())


def test_the_application_is_asked_for_what_its_manual_says() -> None:
    with OtiiServer(layers_signal()) as server:
        meter = OtiiMeter(HOST, server.port)
        before = meter.limits
        with opened(meter, voltage_v=1.8):
            assert meter.source == f"otii:{DEVICE}"
            assert before is None
            assert meter.limits is not None
            assert meter.limits.feeds
            assert meter.limits.max_a == 2.5
    asked = [(each["cmd"], each.get("data", {})) for each in server.requests]
    names = [command for command, _ in asked]
    assert names[:2] == ["otii_get_devices", "otii_create_project"]
    arguments = dict(asked)
    assert arguments["arc_set_main_voltage"]["value"] == 1.8
    assert names.index("arc_set_main_voltage") < names.index("arc_set_main")
    channels = [data["channel"] for command, data in asked if command == "arc_enable_channel"]
    assert channels == ["mc", "mv", "i1"]
    assert asked[-1] == ("arc_set_main", {"device_id": DEVICE, "enable": False})


def test_samples_the_recording_lacks_are_counted() -> None:
    samples = run(Faults(dropped=frozenset(range(100, 140))))
    assert (samples.dropped, samples.expected) == (40, SAMPLES)
    found = energies(samples)
    assert not found.layers
    assert "40 of 3,200 samples were lost (1.25%)" in found.notices[0]


@pytest.mark.parametrize(
    ("faults", "match"),
    [
        (Faults(garbage={5000: b"\xff\x00garbage\r\n"}), "to read mc, found"),
        (Faults(lost=frozenset({0})), "to read mc, found JSONDecodeError"),
        (Faults(hang_up_after=5000), "to read mc, found DisconnectedException"),
    ],
)
def test_what_happens_to_the_connection_is_an_error_of_the_meter(
    faults: Faults, match: str
) -> None:
    with pytest.raises(MeterError, match=match):
        run(faults)


def test_another_protocol_is_refused() -> None:
    with (
        OtiiServer(layers_signal(), Faults(firmware="1.0")) as server,
        pytest.raises(MeterError, match=r"expected a server of protocol 0\.x, found '1\.0'"),
        opened(OtiiMeter(HOST, server.port)),
    ):
        pass
    assert not server.requests


def test_silence_and_no_server_are_told() -> None:
    with (
        OtiiServer(layers_signal(), Faults(is_mute=True)) as server,
        pytest.raises(MeterError, match="to connect, found TimeoutError"),
        opened(OtiiMeter(HOST, server.port)),
    ):
        pass
    with OtiiServer(layers_signal()) as server:
        port = server.port
    with pytest.raises(MeterError, match="to connect, found ConnectionRefusedError"):
        OtiiMeter(HOST, port).open(Deadline.after(OPEN_S))


def test_an_application_without_devices_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qrig.measure.meters.simulated.otii.DEVICE", "")
    with OtiiServer(layers_signal()) as server:
        monkeypatch.setattr(
            server, "_result", lambda command, data: {"devices": []} if "devices" in command else {}
        )
        with (
            pytest.raises(MeterError, match="expected an Arc or Ace"),
            opened(OtiiMeter(HOST, server.port)),
        ):
            pass
