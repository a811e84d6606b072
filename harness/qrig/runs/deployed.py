"""A deployment that runs: started, asked, restarted if its board restarts, stopped for certain."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType

import attrs

from qrig.backends import CoreState, Running
from qrig.build.runtime_deployment import RuntimeDeployment
from qrig.datasets.images import Pixels
from qrig.errors import (
    BoardRestartedError,
    FirmwareFaultError,
    LinkTimeoutError,
    TargetCrashedError,
    TargetError,
    TargetHungError,
    TransportClosedError,
)
from qrig.link import Session
from qrig.link.inference import RemoteNetwork, RemoteTrace
from qrig.link.runtime import Dialect, RemoteImage, RemoteRuntime, remote_network
from qrig.measure.compare import Comparison, compare_checksum, compare_tensors
from qrig.measure.rows import LayerResult
from qrig.profiles import ProfileRequest
from qrig.reference import Trace
from qrig.runs.bring_up import bring_up, open_again
from qrig.runs.crash import explain_fault, explain_hang
from qrig.runs.deploy import AnyDeployment
from qrig.runs.targets import Target

FULL, CRC, LOGITS = TRACES = ("full", "crc", "logits")
"""What is compared: every tensor bit for bit, every tensor's checksum, or the output alone."""


class Deployed:
    """A deployment running on a target; use it in a `with` statement."""

    def __init__(
        self, target: Target, deployment: AnyDeployment, profiling: ProfileRequest | None = None
    ) -> None:
        """Prepare to start `deployment` on `target`, with a profile taken if one is asked for."""
        self.target = target
        self.deployment = deployment
        self.profiling = profiling
        self.restarts = 0
        self.hangs: list[str] = []
        self.image_room_bytes = 0
        self._running: Running | None = None
        self._session: Session | None = None
        self._network: RemoteNetwork | None = None

    def __enter__(self) -> Deployed:
        """Start the target and open a session; raises TargetError."""
        booted = bring_up(self.target, self.deployment, self.profiling)
        self._running = booted.running
        try:
            self._use(booted.session)
        except BaseException:
            self._running.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the target."""
        if self._session is not None:
            self._session.close()
        self.running.stop()

    @property
    def running(self) -> Running:
        """The started target."""
        if self._running is None:
            raise TargetError(f"{self.target.name}: expected it to be started first")
        return self._running

    @property
    def session(self) -> Session:
        """The open session."""
        if self._session is None:
            raise TargetError(f"{self.target.name}: expected an open session")
        return self._session

    @property
    def network(self) -> RemoteNetwork:
        """The network on the target."""
        if self._network is None:
            raise TargetError(f"{self.target.name}: expected an open session")
        return self._network

    def run(self, pixels: Pixels, trace: str = FULL) -> RemoteTrace:
        """Run one input of the network's shape and channel order.

        If the board restarts meanwhile, the session is opened again and the whole input repeated,
        once; so is an input that it hung at, after a reset. Raises TargetError; if the target died,
        with its last words or with where it was.
        """
        return self._once_more(lambda: self._run(pixels, trace))

    def forward(self, image: RemoteImage, *, softmax: bool, tensors: bool) -> RemoteTrace:
        """Run a part of an image through a network that the firmware has loaded.

        Restarts and hangs are dealt with as in `run`. Raises TargetError.
        """
        return self._once_more(lambda: self._forward(image, softmax=softmax, tensors=tensors))

    def _forward(self, image: RemoteImage, *, softmax: bool, tensors: bool) -> RemoteTrace:
        network = attrs.evolve(self.network, softmax=softmax or self.network.softmax)
        return RemoteRuntime(self.session).forward(network, image, tensors=tensors)

    def _run(self, pixels: Pixels, trace: str) -> RemoteTrace:
        return self.network.run(pixels, tensors=trace == FULL, crc=trace != LOGITS)

    def _once_more(self, work: Callable[[], RemoteTrace]) -> RemoteTrace:
        try:
            return self._explained(work)
        except BoardRestartedError:
            self.restarts += 1
        except TargetHungError as error:
            self.hangs.append(str(error))
            self.running.remedies()[0].apply()
        self._use(open_again(self.target, self.running, self.deployment, self.session))
        return self._explained(work)

    def _explained(self, work: Callable[[], RemoteTrace]) -> RemoteTrace:
        """Do `work`; what a firmware ended in is raised with its place in the sources."""
        try:
            return work()
        except TransportClosedError as error:
            raise self._crashed() from error
        except FirmwareFaultError as error:
            elf, layers = self.deployment.elf, self._layers
            state = self._state_after_fault()
            raise explain_fault(self.target.name, elf, layers, error, state) from error
        except LinkTimeoutError as error:
            state = self._state_after_silence(error)
            if state is None:
                raise
            raise explain_hang(self.target.name, self.deployment.elf, state, str(error)) from error

    def _state_after_fault(self) -> CoreState | None:
        """Return the core's state; None if it cannot be had, as the firmware has told the most."""
        try:
            return self.running.halt()
        except TargetError:
            return None

    def _state_after_silence(self, silence: LinkTimeoutError) -> CoreState | None:
        """Return the core's state, None without a probe; raises LinkTimeoutError if that fails."""
        try:
            return self.running.halt()
        except TargetError as error:
            raise LinkTimeoutError(f"{silence}\n  nor can it be stopped: {error}") from error

    @property
    def _layers(self) -> list[str]:
        return [stage.name for stage in self.deployment.network.stages]

    def _use(self, session: Session) -> None:
        before = self._network
        self._session = session
        session.on_silence = self.running.let_report
        self._network = self._loaded(session)
        self._network.slack_s = self.target.backend.slack_s
        if before is not None:  # what a step takes, and may take, is as it was
            self._network.longest_s, self._network.timeout_s = before.longest_s, before.timeout_s

    def _loaded(self, session: Session) -> RemoteNetwork:
        """Return the network on the target, which gets it first if it does not have it."""
        deployment = self.deployment
        if not isinstance(deployment, RuntimeDeployment):
            return RemoteNetwork(session)
        runtime = RemoteRuntime(session)
        dialect = Dialect.OPENMV if deployment.semantics.is_openmv else Dialect.CORRECT
        load = runtime.load_stored if deployment.is_stored else runtime.load
        loaded = load(deployment.file, dialect)
        self.image_room_bytes = session.banner.arena_bytes - loaded.needed_bytes
        return remote_network(session, loaded, softmax=deployment.has_softmax)

    def _crashed(self) -> TargetCrashedError:
        return TargetCrashedError(
            f"{self.target.name}: expected the target to keep running, found that "
            f"{self.running.last_words()}"
        )

    def compare(self, remote: RemoteTrace, expected: Trace) -> tuple[LayerResult, ...]:
        """Compare an inference with the reference's, stage by stage."""
        stages, carriers = self.deployment.network.stages, self.deployment.carriers
        lasts = {first: last for last, first in carriers.items()}
        results = []
        for index, stage in enumerate(stages):
            carrier = carriers.get(index, index)
            ticks = remote.records[lasts.get(index, index)].ticks if carrier == index else None
            results.append(
                LayerResult(
                    name=stage.name,
                    type=stage.type,
                    shape=stage.out_shape,
                    mac=getattr(stage, "mac", 0),
                    instructions=None if ticks is None else self.running.instructions(ticks),
                    cycles=None if ticks is None else self.running.cycles(ticks),
                    comparison=_comparison(remote, expected, index),
                    computed_with=None if carrier == index else stages[carrier].name,
                )
            )
        return tuple(results)


def _comparison(remote: RemoteTrace, expected: Trace, index: int) -> Comparison:
    tensor = expected.tensors[index]
    if remote.tensors:
        return compare_tensors(tensor, remote.tensors[index])
    if index == len(expected.tensors) - 1:
        return compare_tensors(tensor, remote.output)
    return compare_checksum(tensor, remote.records[index].crc32)
