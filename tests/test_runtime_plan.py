"""The memory plan of a loaded network: what the firmware itself says, and no overlaps."""

import pytest

from either_way import deployed_or_skipped
from network_files import random_chain
from qrig.build.runtime_deployment import RuntimeDeployment
from qrig.codegen.memory_plan import MemoryPlan
from qrig.fixedpoint.quantized import QuantizedNetwork
from qrig.link.runtime import Dialect, RemoteRuntime
from qrig.runs.deployed import Deployed
from qrig.runs.networks import load_network
from qrig.runs.targets import NETWORK, STORED, Target, find_target

NATIVE = find_target("host@native")


def in_stages(network: QuantizedNetwork, plan: MemoryPlan) -> dict[str, range]:
    names = [stage.name for stage in network.stages]
    return {
        each.name: range(names.index(each.first_stage), names.index(each.last_stage) + 1)
        for each in plan.buffers
    }


@pytest.mark.parametrize(("seed", "way"), [(None, STORED), *((seed, NETWORK) for seed in range(8))])
def test_the_arena_is_what_the_firmware_needs(seed: int | None, way: str) -> None:
    network = load_network("lenet-mnist").quantized if seed is None else random_chain(seed)
    target = Target(NATIVE.board, NATIVE.backend, way=way)
    deployment = deployed_or_skipped(network, target)
    assert isinstance(deployment, RuntimeDeployment)
    plan = deployment.memory_plan
    with Deployed(target, deployment) as deployed:
        runtime = RemoteRuntime(deployed.session)
        load = runtime.load_stored if way == STORED else runtime.load
        found = load(deployment.file, Dialect.CORRECT)
    assert plan.arena_bytes == found.needed_bytes
    assert ("file" in {each.name for each in plan.buffers}) == (way == NETWORK)


@pytest.mark.parametrize("seed", range(40))
def test_no_two_buffers_share_a_byte_at_one_time(seed: int) -> None:
    network = random_chain(seed)
    plan = deployed_or_skipped(
        network, Target(NATIVE.board, NATIVE.backend, way=NETWORK)
    ).memory_plan
    lives = in_stages(network, plan)
    buffers = plan.buffers
    for number, one in enumerate(buffers):
        assert one.offset_bytes is not None
        assert one.offset_bytes + one.size_bytes <= plan.arena_bytes
        for other in buffers[:number]:
            assert other.offset_bytes is not None
            if set(lives[one.name]) & set(lives[other.name]):
                apart = (
                    one.offset_bytes + one.size_bytes <= other.offset_bytes
                    or other.offset_bytes + other.size_bytes <= one.offset_bytes
                )
                assert apart, (one, other)
