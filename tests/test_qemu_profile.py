"""Profiles of emulated machines: exact, repeatable, complete."""

from collections import Counter
from pathlib import Path

import attrs
import pytest

import qrig.backends.qemu
from execution_log import executed, function_range, logging_qemu
from hand_made import hand_made
from profiled_targets import profiled_target
from qrig.backends.qemu_plugin import plugin_api
from qrig.build import Deployment, Kernels, build_deployment
from qrig.build.image import read_image
from qrig.build.thumb import branch_of, read_code
from qrig.errors import TargetError, TargetUnavailableError, UndeterminedProfileError
from qrig.profiles import Access, Cache, Phase, Profile, ProfileRequest
from qrig.profiles.profile import BLOCKS, EDGES, HARNESS, MEMORY, MODES, OVERHEAD, START_UP
from qrig.runs.deployed import CRC, FULL, LOGITS, Deployed
from qrig.runs.targets import Target

_CACHES = (
    Cache("small/data", "data", 128, 16, 8, ("code",)),
    Cache("small/instruction", "instruction", 1024, 16, 2, ("code",)),
    Cache("ample/data", "data", 1 << 20, 32, 4, ("code", "data")),
)


@pytest.fixture(params=["mps2-an386", "mps2-an500"])
def machine(request: pytest.FixtureRequest) -> Target:
    return profiled_target(request.param)


@pytest.fixture
def built(machine: Target) -> Deployment:
    """A network whose layers are computed one by one."""
    return build_deployment(hand_made().quantized, machine.board, Kernels(plan="library"))


def _taken(
    machine: Target, built: Deployment, request: ProfileRequest, runs: int = 1, trace: str = LOGITS
) -> Profile:
    """Take a profile; where blocks alone leave an edge open, the next run counts that, too."""
    pixels = hand_made().samples[0].pixels
    for attempt in range(2):
        with Deployed(machine, built, request) as deployed:
            for _ in range(runs):
                deployed.run(pixels, trace)
            try:
                return deployed.running.profile()
            except UndeterminedProfileError:
                if request.mode != BLOCKS or attempt:
                    raise
    raise AssertionError


def _phase(profile: Profile, kind: str) -> Phase:
    (phase,) = (phase for phase in profile.phases if phase.kind == kind)
    return phase


def _layers(profile: Profile) -> list[int]:
    """Return the instructions of each layer, less what marking one costs."""
    overhead = _phase(profile, OVERHEAD)
    cost = profile.instructions(overhead) // overhead.visits
    return [profile.instructions(layer) - cost * layer.visits for layer in profile.layers]


def _counts(profile: Profile) -> list[object]:
    """Return all that must repeat: whatever was counted inside layers, by address."""
    at = [(block.address, block.size_bytes) for block in profile.blocks]
    return [
        (
            layer.name,
            sorted((at[edge.source], at[edge.target], edge.count) for edge in layer.edges),
            sorted((at[block], count) for block, count in layer.mispredicted.items()),
            sorted(layer.accesses, key=lambda access: (access.address, access.memory)),
            sorted(attrs.astuple(fills) for fills in layer.data_fills),
            sorted(
                (fills.cache, at[fills.block], fills.count) for fills in layer.instruction_fills
            ),
        )
        for layer in profile.layers
    ]


@pytest.mark.parametrize("mode", MODES)
def test_counts_equal_those_of_the_instruction_counter(
    machine: Target, built: Deployment, mode: str
) -> None:
    profile = _taken(machine, built, ProfileRequest(mode))
    with Deployed(machine, built) as deployed:
        records = deployed.run(hand_made().samples[0].pixels, LOGITS).records
        counted = [deployed.running.instructions(record.ticks or 0) for record in records]
    assert _layers(profile) == counted


def test_counts_are_identical_in_three_runs(machine: Target, built: Deployment) -> None:
    first, second, third = (
        _counts(_taken(machine, built, ProfileRequest(MEMORY, _CACHES))) for _ in range(3)
    )
    assert first == second == third


def test_inferences_add_up(machine: Target, built: Deployment) -> None:
    once = _taken(machine, built, ProfileRequest(BLOCKS))
    thrice = _taken(machine, built, ProfileRequest(BLOCKS), runs=3)
    assert (once.inferences, thrice.inferences) == (1, 3)
    assert _layers(thrice) == [3 * count for count in _layers(once)]


def test_every_executed_instruction_belongs_to_a_phase(
    machine: Target, built: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "executed.log"
    program = logging_qemu(tmp_path, log, machine.backend.stamp()["qemu_version"])
    monkeypatch.setattr(qrig.backends.qemu, "_PROGRAM", str(program))
    profile = _taken(machine, built, ProfileRequest(EDGES))
    # One instruction each, but for those at the ends of QEMU's pages, which are joined.
    single = sum(block.instructions == 1 for block in profile.blocks)
    assert single > 0.95 * len(profile.blocks)

    addresses = list(executed(log))
    mark = function_range(built.elf, "profile_mark")
    last_mark = max(i for i, address in enumerate(addresses) if address in mark)
    # The profile is written by the store, which is the last but one instruction of the function.
    assert sum(map(profile.instructions, profile.phases)) == last_mark
    kinds = [phase.kind for phase in profile.phases]
    assert kinds[:3] == [START_UP, HARNESS, OVERHEAD]
    assert len(profile.layers) == len(hand_made().quantized.stages)


def test_accesses_are_told_apart_by_memory(machine: Target, built: Deployment) -> None:
    profile = _taken(machine, built, ProfileRequest(MEMORY, _CACHES))
    names = [memory.name for memory in profile.memories]
    convolution = next(layer for layer in profile.layers if layer.data_fills)
    code = [access for access in convolution.accesses if names[access.memory] == "code"]
    assert code
    assert all(access.stores == 0 for access in code)
    memory = machine.board.memory
    assert memory is not None
    assert any(access.stores for access in convolution.accesses)
    for access in convolution.accesses:
        assert 0 <= access.misaligned <= access.loads + access.stores
        assert access.odd <= access.misaligned


def test_a_block_runs_as_often_as_it_is_entered(machine: Target, built: Deployment) -> None:
    """What flows into a block flows out of it, but for the one a phase ends in."""
    profile = _taken(machine, built, ProfileRequest(EDGES))
    balance: dict[int, int] = {}
    for phase in profile.phases:
        for edge in phase.edges:
            balance[edge.target] = balance.get(edge.target, 0) + edge.count
            balance[edge.source] = balance.get(edge.source, 0) - edge.count
    assert balance.pop(-1) == -1
    assert sorted(count for count in balance.values() if count) == [1]


def test_a_cache_that_holds_everything_fills_each_line_once(
    machine: Target, built: Deployment
) -> None:
    profile = _taken(machine, built, ProfileRequest(MEMORY, _CACHES))
    ample = [cache.name for cache in profile.caches].index("ample/data")
    small = [cache.name for cache in profile.caches].index("small/data")
    code = [memory.name for memory in profile.memories].index("code")

    def fills(cache: int, memory: int) -> int:
        return sum(
            fill.loads + fill.stores
            for phase in profile.phases
            for fill in phase.data_fills
            if (fill.cache, fill.memory) == (cache, memory)
        )

    assert 0 < fills(ample, code) <= built.footprint.flash_bytes // 32 + 1
    assert fills(small, code) > fills(ample, code)


def test_the_misaligned_are_counted_by_size(machine: Target, built: Deployment) -> None:
    profile = _taken(machine, built, ProfileRequest(MEMORY))
    accesses: list[Access] = [each for phase in profile.phases for each in phase.accesses]
    assert {access.size_bytes for access in accesses} <= {1, 2, 4, 8}
    assert all(access.misaligned == 0 for access in accesses if access.size_bytes == 1)


def test_a_traced_inference_counts_the_same_in_every_layer(
    machine: Target, built: Deployment
) -> None:
    layers = [
        _layers(_taken(machine, built, ProfileRequest(BLOCKS), trace=trace))
        for trace in (LOGITS, CRC, FULL)
    ]
    assert layers[0] == layers[1] == layers[2]


def test_edges_that_follow_from_counts_are_those_that_were_counted(
    machine: Target, built: Deployment
) -> None:
    code = read_code(read_image(built.elf))

    def directions(profile: Profile) -> list[Counter[tuple[int, int]]]:
        """Count, per layer, how often each branch with a known target went where."""
        found = []
        for layer in profile.layers:
            counts: Counter[tuple[int, int]] = Counter()
            for edge in layer.edges:
                block = profile.blocks[edge.source]
                *_, last = code.halfwords(block.address, block.instructions) or [()]
                address = block.end - 2 * len(last)
                branch = branch_of(address, last)
                if branch is not None and branch.target is not None:
                    counts[address, profile.blocks[edge.target].address] += edge.count
            found.append(counts)
        return found

    solved, counted = (
        directions(_taken(machine, built, ProfileRequest(mode))) for mode in (BLOCKS, EDGES)
    )
    assert solved == counted
    assert sum(counts.total() for counts in counted) > 1000


def test_a_run_without_a_profile_has_none(machine: Target, built: Deployment) -> None:
    with (
        Deployed(machine, built) as deployed,
        pytest.raises(TargetError, match="started with a profile"),
    ):
        deployed.running.profile()


def test_no_counter_is_shown_while_a_profile_is_taken(machine: Target, built: Deployment) -> None:
    with Deployed(machine, built, ProfileRequest(BLOCKS)) as deployed:
        record = deployed.run(hand_made().samples[0].pixels, LOGITS).records[0]
        assert record.ticks is not None
        assert deployed.running.instructions(record.ticks) is None


@pytest.mark.parametrize(
    ("version", "api"),
    [
        ("QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)", 1),
        ("QEMU emulator version 8.2.2 (Debian 1:8.2.2+ds-0ubuntu1)", 1),
        ("QEMU emulator version 9.0.0", 2),
        ("QEMU emulator version 10.0.13 (Debian 1:10.0.13+ds-0+deb13u1)", 2),
    ],
)
def test_the_interface_follows_the_version(version: str, api: int) -> None:
    assert plugin_api(version) == api


@pytest.mark.parametrize("version", ["QEMU emulator version 5.2.0", "unknown", ""])
def test_an_unknown_version_has_no_interface(version: str) -> None:
    with pytest.raises(TargetUnavailableError, match="newer"):
        plugin_api(version)
