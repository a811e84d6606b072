"""Windows on real firmware: what runs in them, and energies of layers that a meter sees so."""

import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import attrs
import numpy as np
import pytest
from attrs import define, field

import qrig.runs.energy
from qrig.datasets import Sample
from qrig.deadline import Deadline
from qrig.errors import MeterError, TargetCrashedError, UsageError
from qrig.link import Session
from qrig.link.banner import Capability
from qrig.link.frames import Message
from qrig.link.windows import RemoteWindows
from qrig.measure.energy.session import PowerSession
from qrig.measure.meters.meter import Mark, Samples, at_voltage, no_samples
from qrig.measure.rows import LayerResult
from qrig.runs.bench import run_inputs
from qrig.runs.deploy import deploy
from qrig.runs.deployed import Deployed
from qrig.runs.energy import CellEnergy, check_power, measure_energy
from qrig.runs.networks import LoadedNetwork, load_network
from qrig.runs.targets import Target, find_target, in_ways

WAYS = ("generated", "network")


@pytest.fixture(scope="module")
def network() -> LoadedNetwork:
    return load_network("lenet-mnist")


@pytest.fixture(scope="module", params=WAYS)
def link(request: pytest.FixtureRequest, network: LoadedNetwork) -> Iterator[Deployed]:
    """LeNet running on an emulated Cortex-M7, in either way of deployment."""
    (target,) = in_ways((find_target("mps2-an500"),), [request.param])
    reason = target.backend.unavailable(target.board)
    if reason is not None:
        pytest.skip(reason)
    with Deployed(target, deploy(network, target)) as deployed:
        yield deployed


@pytest.fixture(autouse=True)
def few_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    """As few as it takes to believe an error: real ones are what comparisons want more of."""
    monkeypatch.setattr(qrig.runs.energy, "PASSES", 5)


def layers_of(link: Deployed, sample: Sample) -> tuple[LayerResult, ...]:
    _, layers, _ = next(run_inputs(link, (sample,), "full"))
    assert {layer.comparison.verdict for layer in layers} == {"bit-exact"}
    return layers


def stages(link: Deployed, layers: tuple[LayerResult, ...]) -> dict[str, int]:
    lasts = {first: last for last, first in link.deployment.carriers.items()}
    return {
        layer.name: lasts.get(index, index)
        for index, layer in enumerate(layers)
        if layer.computed_with is None
    }


def test_a_window_holds_so_many_executions(link: Deployed, network: LoadedNetwork) -> None:
    layers = layers_of(link, network.samples[0])
    windows = RemoteWindows(link.session)
    counts = {layer.name: layer.instructions for layer in layers}
    empty = windows.empty(1000, 30)
    assert empty is not None
    for name, stage in stages(link, layers).items():
        one, many = windows.stage(stage, 10, 30), windows.stage(stage, 30, 30)
        assert one is not None
        assert many is not None
        first, second = link.running.instructions(one), link.running.instructions(many)
        assert first is not None
        assert second is not None
        each = (second - first) / 20
        counted = counts[name]
        assert counted is not None
        # The way to a stage is another here; a maximum takes other branches
        # for other data, which is what a repeated stage finds.
        assert counted * 0.9 - 60 <= each <= counted * 1.1 + 40, name
    calls = link.running.instructions(empty)
    assert calls is not None
    assert 2 <= calls / 1000 <= 30


def test_inferences_are_right_again_after_windows(link: Deployed, network: LoadedNetwork) -> None:
    windows = RemoteWindows(link.session, pulses=True)
    windows.stage(1, 7, 30)
    with windows.idle():
        pass
    layers_of(link, network.samples[1])


def test_a_firmware_without_windows_is_told(link: Deployed) -> None:
    banner = link.session.banner
    capabilities = banner.capabilities & ~Capability.WINDOWS
    older: Any = SimpleNamespace(
        banner=attrs.evolve(banner, capabilities=capabilities), transport=link.session.transport
    )
    with pytest.raises(UsageError, match="without them; build it again"):
        RemoteWindows(older)


HZ = 100_000.0
IDLE_A, EMPTY_A, VOLTS = 0.002, 0.010, 3.3
IDLE_S = 0.1


@define
class Twin:
    """An instrument beside the emulated board: its time is what the board's counter says.

    `currents` are those of stages. `stretch` is how much faster its clock goes than the board's.
    """

    currents: dict[int, float]
    clock_hz: float
    stretch: float = 1.0
    fails: bool = False
    has_pulses = False
    default_hz = HZ
    name = "twin"
    source = "twin:1"
    limits = None
    passes: int = 0
    is_over: bool = False
    parts: list[tuple[float, float, bool]] = field(factory=list)

    def open(self, deadline: Deadline) -> None: ...
    def configure(self, voltage_v: float, sample_hz: float, deadline: Deadline) -> None: ...
    def close(self) -> None: ...

    def start(self, deadline: Deadline) -> None:
        self.parts.clear()
        self.is_over = False
        self.passes += 1

    def stop(self, deadline: Deadline) -> None:
        self.is_over = True

    def see(self, kind: int, stage: int, ticks: int) -> None:
        """A millisecond of rest, then a window."""
        if kind == 3:
            return
        seconds = IDLE_S if kind == 2 else ticks / self.clock_hz
        current = {0: self.currents.get(stage, 0.0), 1: EMPTY_A, 2: IDLE_A}[kind]
        current *= 1 + 0.001 * (self.passes % 3 - 1)
        self.parts += [(1e-3, IDLE_A, False), (seconds * self.stretch, current, True)]

    def read(self, deadline: Deadline) -> Samples:
        if self.fails:
            raise MeterError("twin: expected to be plugged in, found nothing; plug it in")
        if not self.is_over or not self.parts:
            return no_samples()
        ends = np.cumsum([seconds for seconds, _, _ in self.parts])
        times = np.arange(0, ends[-1], 1 / HZ)
        places = np.searchsorted(ends, times, side="right")
        currents = np.array([current for _, current, _ in self.parts])[places]
        marks = [
            mark
            for end, (seconds, _, level) in zip(ends, self.parts, strict=True)
            if level
            for mark in (Mark(float(end - seconds), True), Mark(float(end), False))
        ]
        self.parts.clear()
        return at_voltage(times, currents, VOLTS, tuple(marks))


@define
class SeenSession:
    """The session, with the instrument looking on."""

    session: Session
    twin: "Twin | _Dying"
    count: Callable[[int], int | None]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.session, name)

    def request(self, message: Message, payload: bytes, deadline: Deadline) -> bytes:
        answer = self.session.request(message, payload, deadline)
        kind, _, stage, _ = struct.unpack("<BBHI", payload)
        self.twin.see(kind, stage, self.count(struct.unpack("<3xiQ", answer)[1]) or 0)
        return answer


@define
class AsBoard:
    """An emulated deployment whose counter counts cycles, as a board's does."""

    link: Deployed
    session: SeenSession

    def __getattr__(self, name: str) -> Any:
        return getattr(self.link, name)

    @property
    def running(self) -> "AsBoard":
        return self

    def cycles(self, ticks: int) -> int | None:
        return self.link.running.instructions(ticks)


def watched(
    link: Deployed, network: LoadedNetwork, **settings: Any
) -> tuple[Twin, Deployed, tuple[LayerResult, ...], dict[str, float]]:
    """Return the instrument, the board it watches, LeNet's layers, and their currents."""
    layers = layers_of(link, network.samples[0])
    layers = tuple(attrs.evolve(layer, cycles=layer.instructions) for layer in layers)
    numbers = stages(link, layers)
    currents = {name: 0.020 + 0.003 * stage for name, stage in numbers.items()}
    by_stage = {stage: currents[name] for name, stage in numbers.items()}
    clock_hz = link.target.board.clock_hz
    twin = Twin(by_stage, clock_hz, **settings)
    board: Any = AsBoard(link, SeenSession(link.session, twin, link.running.instructions))
    return twin, board, layers, currents


def test_energies_of_layers_are_current_times_voltage_times_time(
    link: Deployed, network: LoadedNetwork
) -> None:
    twin, board, layers, currents = watched(link, network)
    measured, samples = measure_energy(PowerSession(twin), board, layers)
    assert samples is not None
    assert measured.labels[:3] == ("[idle]", "[loop]", "data")
    assert measured.source == "twin:1"
    assert not measured.notices
    assert measured.idle_w == pytest.approx(IDLE_A * VOLTS, rel=0.01)
    assert measured.drift is not None
    assert abs(measured.drift.relative) < 1e-3
    clock_hz = link.target.board.clock_hz
    assert twin.passes >= 5
    for layer in layers:
        if layer.computed_with is None:
            found = measured.layers[layer.name]
            assert layer.cycles is not None
            watts = VOLTS * (currents[layer.name] - IDLE_A)
            # A repeated stage takes a little more: a turn of the loop, another way to the stage.
            expected_uj = watts * layer.cycles / clock_hz * 1e6
            extra_uj = watts * 40 / clock_hz * 1e6
            assert 0.88 * expected_uj - extra_uj < found.energy_uj < 1.12 * expected_uj + extra_uj
            assert found.rse is not None
            assert found.rse < 0.01


def test_a_meter_with_another_clock_is_flagged(link: Deployed, network: LoadedNetwork) -> None:
    twin, board, layers, _ = watched(link, network, stretch=1.02)
    measured, _ = measure_energy(PowerSession(twin), board, layers)
    assert any("energy is in doubt" in notice and "+2.0" in notice for notice in measured.notices)


def test_a_meter_that_fails_costs_the_energy_alone(link: Deployed, network: LoadedNetwork) -> None:
    twin, board, layers, _ = watched(link, network, fails=True)
    energy = CellEnergy(board, PowerSession(twin))
    found = energy.add(layers)
    energy.raise_failure()
    assert [layer.name for layer in found] == [layer.name for layer in layers]
    assert all(layer.energy["energy_uj"] is None for layer in found)
    document = energy.document()
    assert document is not None
    assert any("found nothing; plug it in" in notice for notice in document["notices"])
    assert energy.add(layers) == layers  # once


def test_a_target_that_ends_meanwhile_is_told_once_the_layers_are_safe(
    link: Deployed, network: LoadedNetwork
) -> None:
    twin, board, layers, _ = watched(link, network)

    def die(kind: int, stage: int, ticks: int) -> None:
        raise TargetCrashedError("the target ended")

    energy = CellEnergy(board, PowerSession(twin))
    board_any: Any = board
    board_any.session = SeenSession(link.session, _Dying(die), link.running.instructions)
    found = energy.add(layers)
    assert len(found) == len(layers)
    with pytest.raises(TargetCrashedError, match="the target ended"):
        energy.raise_failure()


@define
class _Dying:
    see: Callable[[int, int, int], None]


def test_real_meters_need_a_board(tmp_path: Path) -> None:
    emulated: Target = find_target("mps2-an500")
    with pytest.raises(UsageError, match="draws no current"):
        check_power("js220", [emulated])
    boards = [find_target("nucleo-f746"), find_target("nucleo-f429")]
    with pytest.raises(UsageError, match="wired to one board"):
        check_power("js220", boards)
    check_power("js220", boards[:1])
    path = tmp_path / "trace.csv"
    path.write_text("# qrig-trace/1\n# voltage_v: 3.3\ntime_s,current_a,mark\n0,0.1,0\n1,0.1,1\n")
    check_power(f"replay:{path}", [emulated, *boards])
