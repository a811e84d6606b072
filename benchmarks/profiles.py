"""What a profile costs: emulation time with and without the plugin, and a whole `qrig profile`."""

import contextlib
import statistics
import tempfile
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import attrs

from benchmarks.subjects import subjects
from qrig.backends.base import Running
from qrig.backends.qemu import RunningQemu
from qrig.backends.qemu_plugin import find_plugin
from qrig.backends.qemu_profile import QemuProfiling
from qrig.build import Deployment, build_deployment
from qrig.datasets import Sample
from qrig.deadline import Deadline
from qrig.errors import UndeterminedProfileError
from qrig.link import open_session
from qrig.link.connect import open_transport
from qrig.link.frames import Message
from qrig.link.inference import RemoteNetwork
from qrig.profiles import Cache, ProfileRequest
from qrig.profiles.profile import BLOCKS, MODES
from qrig.runs.modelled import modelled_boards, modelled_caches
from qrig.runs.networks import LoadedNetwork
from qrig.runs.profile_document import profile_document
from qrig.runs.profile_run import profile_run
from qrig.runs.targets import DEFAULT_TARGETS, find_target

_ROUNDS = 7
_INFERENCES = 20
_IDLE_S = 0.005  # between inferences: the plugin writes its file while the core waits


@attrs.frozen(eq=False)
class _Nothing(QemuProfiling):
    """QEMU as it is for a profile, without the plugin."""

    def arguments(self) -> list[str]:
        return []


def run() -> Iterator[str]:
    """Yield the cost of each mode as a ratio, and the seconds of whole commands."""
    for loaded, inputs in subjects():
        for name in DEFAULT_TARGETS:
            target = find_target(name)
            deployment = build_deployment(loaded.quantized, target.board)
            caches = modelled_caches(modelled_boards(target))
            yield from _overhead(loaded, deployment, inputs[0], caches)
            with tempfile.TemporaryDirectory() as folder:
                start = time.perf_counter()
                result = profile_run([loaded], (target,), Path(folder), sample=inputs[0])
                document = profile_document(result)
                seconds = time.perf_counter() - start
            total = document["cells"][0]["total"]
            yield (
                f"{loaded.name} on {name}: whole profile (run, models, report) {seconds:.1f} s; "
                f"{total['instructions']:,.0f} instructions, {total['model_cycles_m4']:,.0f} model "
                f"cycles M4, {total['model_cycles_m7']:,.0f} M7"
            )


def _overhead(
    loaded: LoadedNetwork, deployment: Deployment, sample: Sample, caches: tuple[Cache, ...]
) -> Iterator[str]:
    """Yield the time of one inference with each mode against that without the plugin.

    Rounds are interleaved, so that a change of the machine's speed meets all alike.
    """
    requests: dict[str, ProfileRequest | None] = {"no plugin": None}
    requests |= {mode: ProfileRequest(mode, caches) for mode in MODES}
    times: dict[str, list[float]] = {name: [] for name in requests}
    with contextlib.suppress(UndeterminedProfileError):  # finds the edges to watch
        _fastest(deployment, sample, ProfileRequest(BLOCKS), read=True)
    for _ in range(_ROUNDS):
        for name, request in requests.items():
            times[name].append(_fastest(deployment, sample, request))
    bare = min(times["no plugin"])
    yield f"{loaded.name} on {deployment.board.name}: {bare * 1e3:.1f} ms emulation of an inference"
    for mode in MODES:
        ratios = [
            counted / plain for counted, plain in zip(times[mode], times["no plugin"], strict=True)
        ]
        yield (
            f"{loaded.name} on {deployment.board.name}, {mode}: {min(times[mode]) / bare:.3f} of "
            f"that time (median of rounds {statistics.median(ratios):.3f})"
        )


def _fastest(
    deployment: Deployment, sample: Sample, request: ProfileRequest | None, *, read: bool = False
) -> float:
    """Return the seconds of the fastest of several inferences in one machine."""
    board = deployment.board
    assert board.qemu is not None
    assert board.counter is not None
    folder = tempfile.TemporaryDirectory()
    kind = _Nothing if request is None else QemuProfiling
    plugin = find_plugin("qemu-system-arm")
    profiling = kind(request or ProfileRequest(), deployment, plugin, folder, "")
    running: Running = RunningQemu(deployment, board.qemu.machine, board.counter.hz, profiling)
    try:
        session = open_session(open_transport(running.stream), build=deployment.build_id)
        RemoteNetwork(session).run(sample.pixels, tensors=False, crc=False)
        payload = bytes(1) + zlib.crc32(sample.pixels.tobytes()).to_bytes(4, "little")
        seconds = []
        for _ in range(_INFERENCES):
            start = time.perf_counter()
            session.request(Message.INFER, payload, Deadline.after(60))
            seconds.append(time.perf_counter() - start)
            time.sleep(_IDLE_S)
        if read:
            running.profile()
        return min(seconds)
    finally:
        running.stop()
