"""Memory plans: buffers that live at one time never meet, and plans keep their limits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fast_edges import EDGES, many_kernels
from fast_networks import random_fast_network
from qrig.codegen import make_layout
from qrig.codegen.arena import Buffer, lay_out
from qrig.codegen.choose import PLANS, plan_choices, total_estimate
from qrig.errors import UsageError
from qrig.fixedpoint.quantized import QuantizedNetwork


@st.composite
def buffers(draw: st.DrawFn) -> Buffer:
    begin = draw(st.integers(0, 12))
    return Buffer(
        f"b{draw(st.integers(0, 999))}",
        draw(st.integers(1, 5000)),
        begin,
        draw(st.integers(begin, 12)),
        draw(st.sampled_from((0, 0, 12))),
    )


@given(st.lists(buffers(), max_size=12))
def test_buffers_that_meet_in_time_do_not_meet_in_place(made: list[Buffer]) -> None:
    arena = lay_out(made)
    assert set(arena.offsets) == set(made)
    for buffer, offset in arena.offsets.items():
        end = offset + buffer.size_bytes
        assert offset % 8 == 0
        assert end + buffer.ahead_bytes <= arena.size_bytes
        for other, place in arena.offsets.items():
            if other is not buffer and other.meets(buffer):
                assert end <= place or place + other.size_bytes <= offset
    needed = [sum(b.size_bytes for b in made if b.begin <= t <= b.end) for t in range(13)]
    assert arena.size_bytes >= max(needed)
    assert arena.naive_bytes == sum(buffer.size_bytes for buffer in made)


def test_buffers_of_a_chain_take_the_room_of_two() -> None:
    """Ping and pong: the sum of the largest neighbours, not of all."""
    chain = [Buffer(f"t{i}", 1024, i, i + 1) for i in range(6)]
    assert lay_out(chain).size_bytes == 2048


NETWORKS = [many_kernels(), *EDGES.values(), *(random_fast_network(seed) for seed in range(8))]


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
@pytest.mark.parametrize("core", ["cortex-m4", "cortex-m7"])
def test_plans_differ_as_they_promise(network: QuantizedNetwork, core: str) -> None:
    plans = {plan: plan_choices(network, core, plan) for plan in PLANS}
    ram = {plan: make_layout(network, choices).ram_bytes for plan, choices in plans.items()}
    cost = {plan: total_estimate(network, choices) for plan, choices in plans.items()}
    assert plans["library"] == {}
    assert cost["fast"] <= min(cost.values())
    assert ram["small"] <= ram["fast"]
    between = (ram["small"] + ram["fast"]) // 2
    limited = plan_choices(network, core, ram_limit_bytes=between)
    assert make_layout(network, limited).ram_bytes <= between


def test_an_unknown_plan() -> None:
    with pytest.raises(UsageError, match=r"expected a plan \(fast, small, library\), found 'tiny'"):
        plan_choices(many_kernels(), "cortex-m4", "tiny")
