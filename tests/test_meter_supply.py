"""Which meter may be connected to which board, how meters are named, how recordings end."""

import threading
from pathlib import Path

import attrs
import numpy as np
import pytest

from meter_checks import layers_signal, wait_for
from qrig.boards import Board, find_board
from qrig.boards.power import Power, power_of
from qrig.boards.toml import structure
from qrig.deadline import Deadline
from qrig.errors import FileFormatError, MeterError, UsageError
from qrig.measure.energy.session import open_power
from qrig.measure.meters.joulescope import Joulescope
from qrig.measure.meters.lpm01a import Lpm01a
from qrig.measure.meters.meter import Meter, Samples, at_voltage, no_samples
from qrig.measure.meters.otii import OtiiMeter
from qrig.measure.meters.ppk2 import Ppk2
from qrig.measure.meters.recording import Recording
from qrig.measure.meters.registry import find_meter, meter_forms
from qrig.measure.meters.replay import ReplayMeter
from qrig.measure.meters.shunt import ShuntMeter
from qrig.measure.meters.simulated import Terminal
from qrig.measure.meters.simulated.lpm01a import Lpm01aTwin
from qrig.measure.meters.simulated.shunt import ShuntTwin
from qrig.measure.meters.supply import check_supply, overstrained

F746 = Power(3.3, 102, 140, "ST DS10916, run mode at 216 MHz")
L4R5 = Power(3.3, 14.3, 25, "a source", 392.0, "MLPerf Tiny v1.0")


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> dict[str, Power]:
    """What boards draw, in the place of their [power] tables."""
    known = {"nucleo-f746": F746, "nucleo-l4r5": L4R5}
    monkeypatch.setattr("qrig.measure.meters.supply.power_of", lambda board: known.get(board.name))
    return known


def board(name: str) -> Board:
    """A board of this name, whatever it is."""
    return attrs.evolve(find_board("mps2-an500"), name=name, clock_hz=216_000_000)


def test_an_lpm01a_cannot_feed_an_f7_at_216_mhz(figures: dict[str, Power]) -> None:
    assert figures
    with pytest.raises(UsageError) as caught:
        check_supply(Lpm01a("/dev/ttyNONE"), board("nucleo-f746"))
    message = str(caught.value)
    for figure in (
        "lpm01a",
        "nucleo-f746",
        "216 MHz",
        "140 mA",
        "102 mA",
        "50 mA",
        "DS10916",
        "UM2243",
    ):
        assert figure in message


def test_it_is_refused_before_anything_is_switched_on(figures: dict[str, Power]) -> None:
    assert figures
    twin = Lpm01aTwin(layers_signal())
    with Terminal(twin) as terminal:
        with pytest.raises(UsageError, match="lpm01a: expected a board it can feed"):
            open_power(f"lpm01a:{terminal.path}", board("nucleo-f746"))
        assert not twin.commands


def test_a_bridge_tells_its_limits_only_when_it_is_open(figures: dict[str, Power]) -> None:
    assert figures
    twin = ShuntTwin(layers_signal(), max_ua=100_000)
    with Terminal(twin) as terminal:
        with pytest.raises(UsageError, match=r"ina228: expected a board it can carry.* 100 mA are"):
            open_power(f"ina228:{terminal.path}", board("nucleo-f746"))
        assert "S" not in twin.commands
        with open_power(f"ina228:{terminal.path}", board("nucleo-l4r5"), sample_hz=500.0) as power:
            assert power.meter.source == "ina228:E6614C31"
        wait_for(lambda: "R 500" in twin.commands)


@pytest.mark.parametrize(
    "meter",
    [Ppk2("x"), Ppk2("x", feeds=False), Joulescope("js110"), Joulescope("js220"), ReplayMeter("x")],
)
def test_these_can_do_both_boards(meter: Meter, figures: dict[str, Power]) -> None:
    for name, power in figures.items():
        assert check_supply(meter, board(name)) == power


def test_an_lpm01a_feeds_an_l4(figures: dict[str, Power]) -> None:
    assert check_supply(Lpm01a("x"), board("nucleo-l4r5")) == figures["nucleo-l4r5"]


def test_a_voltage_that_a_meter_does_not_have_is_told() -> None:
    limits = Lpm01a("x").limits
    low = Power(1.2, 1, 1, "a source")
    assert overstrained(limits, low) == "runs at 1.2 V where 1.8 to 3.3 V are allowed"
    assert overstrained(limits, Power(1.8, 50, 50, "a source")) is None


def test_a_board_without_figures_gets_no_meter(figures: dict[str, Power]) -> None:
    assert figures
    with pytest.raises(UsageError, match=r"expected a \[power\] table for the meter lpm01a"):
        check_supply(Lpm01a("x"), board("unknown"))
    assert check_supply(ReplayMeter("x"), board("unknown")) is None


def test_power_is_what_a_board_says_of_it() -> None:
    @attrs.frozen
    class WithPower:
        power: Power

    assert power_of(WithPower(F746)) == F746  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="'active_ma' must be finite and above zero"):
        Power(3.3, float("nan"), 1, "a source")
    with pytest.raises(ValueError, match="max_ma of at least active_ma"):
        Power(3.3, 100, 50, "a source")
    with pytest.raises(ValueError, match="together, found one"):
        Power(3.3, 1, 2, "a source", 392.0)


TABLE = {"supply_v": 3.3, "active_ma": 102, "max_ma": 140, "source": "ST DS10916"}


def test_a_power_table_is_read_like_any_other(tmp_path: Path) -> None:
    path = tmp_path / "board.toml"
    assert structure(TABLE, Power, path, "") == Power(3.3, 102.0, 140.0, "ST DS10916")
    wrong: list[tuple[dict[str, object], str]] = [
        ({"active_ma": -1}, "active_ma: expected a value that must be finite and above zero"),
        ({"watts": 1}, "watts: expected a known key"),
        ({"source": 1}, "source: expected str, found 1"),
        ({"max_ma": 50}, "expected max_ma of at least active_ma"),
    ]
    for change, match in wrong:
        with pytest.raises(FileFormatError, match=match):
            structure(TABLE | change, Power, path, "")


@pytest.mark.parametrize(
    ("text", "kind", "name"),
    [
        ("replay:a/b:c.csv", ReplayMeter, "replay"),
        ("lpm01a:/dev/ttyACM1", Lpm01a, "lpm01a"),
        ("ppk2:/dev/ttyACM2", Ppk2, "ppk2"),
        ("ppk2-ampere:/dev/ttyACM2", Ppk2, "ppk2-ampere"),
        ("js220", Joulescope, "js220"),
        ("js110:004711", Joulescope, "js110"),
        ("otii:localhost", OtiiMeter, "otii"),
        ("otii:localhost:1906", OtiiMeter, "otii"),
        ("ina226:/dev/ttyUSB0", ShuntMeter, "ina226"),
        ("ina228:/dev/ttyUSB1", ShuntMeter, "ina228"),
    ],
)
def test_meters_are_found_by_name(text: str, kind: type, name: str) -> None:
    meter = find_meter(text)
    assert isinstance(meter, kind)
    assert meter.name == name


@pytest.mark.parametrize(
    "text", ["", "lpm01a", "lpm01a:", "replay:", "nothing:x", "otii", "ina219:x"]
)
def test_what_is_no_meter_is_told_with_all_there_are(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        find_meter(text)
    assert all(form in str(caught.value) for form in meter_forms())


@pytest.mark.parametrize("text", ["otii:host:0", "otii:host:x", "otii:host:99999", "otii:host:"])
def test_a_port_that_is_none_is_told(text: str) -> None:
    with pytest.raises(UsageError, match="otii:HOST:PORT"):
        find_meter(text)


class _Scripted(ReplayMeter):
    """A meter that does as it is told, call by call."""

    def __init__(self, *, fails: str = "", reads: int = 3) -> None:
        super().__init__("nothing")
        self.fails, self.reads, self.is_stopped = fails, reads, False
        self.is_read = threading.Event()

    def start(self, deadline: Deadline) -> None:
        self._fail("start")

    def read(self, deadline: Deadline) -> Samples:
        self.is_read.set()
        self._fail("read")
        if not self.reads:
            return no_samples()
        self.reads -= 1
        return at_voltage(np.array([float(-self.reads)]), np.ones(1), 3.3, expected=1)

    def stop(self, deadline: Deadline) -> None:
        self.is_stopped = True
        self._fail("stop")

    def _fail(self, what: str) -> None:
        if self.fails == what:
            raise MeterError(f"scripted: {what}")


def test_a_recording_reads_until_nothing_comes_any_more() -> None:
    meter = _Scripted(reads=50)
    with Recording(meter) as recording:
        assert meter.is_read.wait(10.0)
    assert meter.is_stopped
    assert recording.samples().time_s.tolist() == [float(k) for k in range(-49, 1)]


@pytest.mark.parametrize("what", ["start", "read", "stop"])
def test_a_meter_that_fails_does_not_disturb_the_work(what: str) -> None:
    meter = _Scripted(fails=what)
    done = False
    with Recording(meter) as recording:
        done = True
    assert done
    with pytest.raises(MeterError, match=f"scripted: {what}"):
        recording.samples()


def test_what_the_work_raises_is_what_is_raised() -> None:
    meter = _Scripted(fails="stop")
    with pytest.raises(ZeroDivisionError), Recording(meter):
        raise ZeroDivisionError
    assert meter.is_stopped


def test_an_interrupted_recording_does_not_wait_for_its_meter() -> None:
    meter = _Scripted()
    with pytest.raises(KeyboardInterrupt), Recording(meter):
        raise KeyboardInterrupt
    assert not meter.is_stopped


def test_a_recording_that_is_too_long_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qrig.measure.meters.recording.MAX_SAMPLES", 10)
    with Recording(_Scripted(reads=20)) as recording:
        pass
    with pytest.raises(MeterError, match="at most 10 samples"):
        recording.samples()


def test_energy_of_a_meter_that_failed_is_missing_with_a_notice(
    tmp_path: Path, figures: dict[str, Power]
) -> None:
    assert figures
    path = tmp_path / "trace.csv"
    path.write_text("# qrig-trace/1\n# voltage_v: 3\ntime_s,current_a,mark\n0,1,0\n1,1,0\n")
    with open_power(f"replay:{path}", board("nucleo-f746")) as power:
        with Recording(_Scripted(fails="read")) as recording:
            pass
        found = power.energies(recording, ["conv1"])
    assert not found.layers
    assert found.notices == ("energy is missing: scripted: read",)
