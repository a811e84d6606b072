"""Memory and fused layers of networks with branches: nothing is lost before its last reader."""

import functools

import numpy as np
import pytest

from branch_networks import BRANCHES, Branches, random_branches
from fast_networks import random_choices
from full_runs import FULL
from hand_made import changed
from qrig.codegen import Choice, Choices, Layout, generate_network, make_layout
from qrig.codegen.arena import Buffer
from qrig.codegen.choices import COLUMNS, SLIDING
from qrig.codegen.choose import LIBRARY_PLAN, PLANS, SMALL, plan_choices
from qrig.codegen.fast.groups import ColumnGroup, Group, Part, Single
from qrig.codegen.tensors import positive_tensors, readers_of
from qrig.fixedpoint.quantized import QuantizedConvolution, QuantizedNetwork
from qrig.fixedpoint.semantics import DEFAULT
from qrig.networks.graph import Shape
from qrig.reference import run_reference

NETWORKS = [*BRANCHES.values(), *(random_branches(seed) for seed in range(100 if FULL else 16))]


class Memory:
    """An arena whose bytes know which tensor was written over them last."""

    def __init__(self, layout: Layout) -> None:
        self.offsets = layout.arena.offsets
        self.owners = np.full(layout.arena.size_bytes, "", dtype=object)
        self.buffers: dict[str, Buffer] = {}

    def write(self, name: str, buffer: Buffer) -> None:
        begin = self.offsets[buffer]
        self.owners[begin : begin + buffer.size_bytes] = name
        self.buffers[name] = buffer

    def check(self, name: str) -> None:
        buffer = self.buffers[name]
        begin = self.offsets[buffer]
        found = set(self.owners[begin : begin + buffer.size_bytes])
        assert found == {name}, f"{name} was overwritten by {found - {name}}"


def _walk(layout: Layout) -> None:
    """Compute nothing, but let every part read and write as the generated code does."""
    memory = Memory(layout)
    memory.write(layout.network.input.name, layout.input_buffer)
    for part, buffers in zip(layout.parts, layout.buffers, strict=True):
        inputs = part.layer.inputs if isinstance(part, Single) else part.layers[0].inputs
        output = part.layer.name if isinstance(part, Single) else part.layers[-1].name
        for name, source in zip(inputs, buffers.sources, strict=True):
            assert memory.buffers[name] is source
            memory.check(name)
        if buffers.copied is not None and buffers.copied is not buffers.target:
            memory.write(f"{output} copy", buffers.copied)
        if isinstance(part, Single) and part.layer.type == "pooling":
            memory.write("destroyed", buffers.copied or buffers.source)
        if isinstance(part, Group) and part.convolution.passes == 1 and buffers.data is not None:
            memory.write("columns", buffers.data)  # then the input is read no more
        for buffer in (buffers.data, buffers.plane, buffers.staged, buffers.scratch):
            if buffer is not None:
                memory.write("scratch", buffer)
        if not (isinstance(part, Group) and part.convolution.passes == 1):
            _check_kept(memory, part, inputs, buffers.target)
        memory.write(output, buffers.target)
    memory.check(layout.network.layers[-1].name)


def _check_kept(memory: Memory, part: Part, inputs: tuple[str, ...], target: Buffer) -> None:
    """Demand that inputs are whole while the output is written, where it is not over them."""
    if isinstance(part, Single) and part.layer.type == "pooling":
        return
    for name in inputs:
        memory.check(name)
        if memory.buffers[name] is not target:
            begin = memory.offsets[target]
            other = memory.offsets[memory.buffers[name]]
            apart = begin + target.size_bytes <= other
            assert apart or other + memory.buffers[name].size_bytes <= begin, name


@functools.cache
def _layouts(network: QuantizedNetwork) -> list[tuple[Choices, Layout]]:
    """Return some choices with the layouts that follow."""
    choices: list[Choices] = [{}, plan_choices(network, "cortex-m4", SMALL)]
    choices += [random_choices(network, seed, DEFAULT) for seed in range(12 if FULL else 2)]
    return [(each, make_layout(network, each)) for each in choices]


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
def test_tensors_are_whole_when_they_are_read(network: QuantizedNetwork) -> None:
    for _, layout in _layouts(network):
        _walk(layout)
        assert sum(1 for part in layout.parts for _ in _layers(part)) == len(network.layers)


def _layers(part: Part) -> tuple[object, ...]:
    return (part.layer,) if isinstance(part, Single) else part.layers


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
def test_only_tensors_without_other_readers_are_fused_or_planes(network: QuantizedNetwork) -> None:
    readers = readers_of(network)
    for choices, layout in _layouts(network):
        hwc = {network.input.name}
        for part in layout.parts:
            if isinstance(part, Single):
                assert set(part.layer.inputs) <= hwc, part.layer
                hwc.add(part.layer.name)
                continue
            for layer, follower in zip(part.layers, part.layers[1:], strict=False):
                assert readers[layer.name] == (follower,)
            (source,) = part.layers[0].inputs
            assert (source in hwc) != (isinstance(part, Group) and part.in_planes)
            if isinstance(part, ColumnGroup) or not part.out_planes:
                hwc.add(part.layers[-1].name)
            else:
                (reader,) = readers[part.layers[-1].name]
                assert choices[reader.name].kernel == SLIDING


def _by_layer(network: QuantizedNetwork, choice: Choice) -> dict[str, Part]:
    names = [each.name for each in network.layers if isinstance(each, QuantizedConvolution)]
    parts = make_layout(network, dict.fromkeys(names, choice)).parts
    return {part.layer.name if isinstance(part, Single) else part.layers[0].name: part
            for part in parts}  # fmt: skip


@pytest.mark.parametrize("choice", [Choice(SLIDING, 1), Choice(COLUMNS)], ids=str)
def test_a_relu_is_fused_unless_its_input_is_read_elsewhere(choice: Choice) -> None:
    net = Branches(1, Shape(6, 6, 2))
    shared = net.convolution("data", 4, 1)
    own = net.convolution(net.relu(shared), 4, 1)
    net.sum(shared, net.relu(own))
    parts = _by_layer(net.network("relus"), choice)
    assert list(parts) == ["conv0", "relu1", "conv2", "sum4"]
    found = parts[own]
    assert not isinstance(found, Single)
    assert [layer.name for layer in found.layers] == ["conv2", "relu3"]


def test_planes_go_past_other_parts_to_their_reader() -> None:
    net = Branches(1, Shape(8, 8, 2))
    first = net.convolution("data", 4)
    net.depthwise("data")
    last = net.convolution(first, 4)
    network = net.network("apart")
    parts = _by_layer(network, Choice(SLIDING, 2))
    before, behind = parts[first], parts[last]
    assert isinstance(before, Group)
    assert isinstance(behind, Group)
    assert before.out_planes
    assert behind.in_planes


def test_a_group_reads_hwc_where_planes_have_two_readers() -> None:
    parts = _by_layer(BRANCHES["planes"], Choice(SLIDING, 2))
    groups = {name: part for name, part in parts.items() if isinstance(part, Group)}
    planes = {name: (group.in_planes, group.out_planes) for name, group in groups.items()}
    assert planes == {
        "conv0": (False, True),
        "conv2": (True, False),
        "conv5": (False, True),
        "conv7": (False, False),
        "conv8": (True, False),
    }


def test_what_works_in_place_does_so_where_nobody_reads_later() -> None:
    network = BRANCHES["shared-relu"]
    layout = make_layout(network, {})
    found = {
        part.layer.name: buffers
        for part, buffers in zip(layout.parts, layout.buffers, strict=True)
        if isinstance(part, Single)
    }
    over = {name for name, each in found.items() if each.target in each.sources}
    copied = {name: each.copied for name, each in found.items() if each.copied is not None}
    assert over == {"sum2", "relu3"}
    assert set(copied) == {"relu1", "pool4", "pool5", "tanh7", "sigmoid8"}
    assert {name for name in copied if copied[name] is found[name].target} == {
        "relu1", "tanh7", "sigmoid8",
    }  # fmt: skip


def test_positive_tensors_are_never_below_zero() -> None:
    known = 0
    for network in NETWORKS:
        pixels = np.random.default_rng(2).integers(0, 256, network.input.shape, dtype=np.uint8)
        trace = run_reference(network, pixels)
        positive = positive_tensors(network)
        for stage, tensor in zip(network.stages, trace.tensors, strict=True):
            if stage.name in positive:
                assert tensor.min() >= 0, (network.name, stage.name)
                known += stage.type in ("concat", "eltwise", "sigmoid", "pooling")
    assert known > 10


def test_every_plan_of_a_network_without_convolutions() -> None:
    net = Branches(1, Shape(4, 4, 2))
    net.sum("data", net.relu("data"))
    for plan in PLANS:
        assert plan_choices(net.network("none"), "cortex-m4", plan) == {}


@pytest.mark.parametrize("network", NETWORKS[:9], ids=lambda network: network.name)
def test_a_small_plan_takes_no_more_memory(network: QuantizedNetwork) -> None:
    used = {
        plan: make_layout(network, plan_choices(network, "cortex-m4", plan)).ram_bytes
        for plan in PLANS
    }
    assert used[SMALL] <= used["fast"]
    assert plan_choices(network, "cortex-m4", LIBRARY_PLAN) == {}


def test_long_names_stay_whole() -> None:
    """Lines of the generated sources are broken between arguments alone."""
    long = "backbone_layer3_layer3_0_downsample_downsample_0_conv_output_0_quantised_once_more"
    net = Branches(1, Shape(6, 6, 3))
    net.concat(net.convolution("data", 3), *["data"] * 9)
    network = changed(changed(net.network("long"), 0, name=long), 1, inputs=(long, *["data"] * 9))
    text = generate_network(network)["network.c"]
    assert f" {long.upper()}_BIAS_LSHIFT," in text
    assert f"tensors[] = {{AT_{long.upper()}, {', '.join(['AT_DATA'] * 9)}}};" in text
