"""What every implementation of the kernels must hold, wherever it runs."""

import os
import zlib
from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, note, seed, settings

import oracle_branches
from full_runs import FULL
from kernel_golden import POOLING_C, SOFTMAX_5_4, TRUNCATE, golden
from kernel_oracle import Meaning, expected
from kernel_strategies import Example, examples
from qrig.build.kernels import IMPLEMENTATIONS, Kernels
from qrig.fixedpoint.semantics import DEFAULT, Semantics
from qrig.fixtures import Resident
from qrig.measure.kernel_baseline import BaselineCase
from qrig.measure.kernel_calls import KERNELS, KernelCall, kernel_call
from qrig.measure.kernel_trial import Contents, Elements, Numbers, Trial
from qrig.runs.resident import ResidentKernels

SIZE_MISMATCH = -3
_GUARD_BYTES = 2048

_ROUNDING = ("conv", "fully", "concat", "sum")

EVERY_KERNEL = [
    *((name, DEFAULT) for name in KERNELS),
    *((name, POOLING_C) for name in KERNELS if "pool" in name),
    ("arm_softmax_q7", SOFTMAX_5_4),
    *((name, TRUNCATE) for name in KERNELS if any(part in name for part in _ROUNDING)),
]
"""Every kernel with every build option that changes what it computes."""


def identify(value: object) -> str | None:
    """Return a short name of a test's parameter."""
    if isinstance(value, Semantics):
        return "-".join(value.definitions) or "default"
    return str(getattr(value, "name", value))


def meaning_of(semantics: Semantics) -> Meaning:
    """Return what the oracle is to compute."""
    return Meaning(*attrs.astuple(semantics))


def under(call: KernelCall, semantics: Semantics) -> KernelCall:
    """Return what the call may write in these semantics: the C form of a pool keeps its input."""
    if "pool" in call.name and semantics.pooling == "c":
        return attrs.evolve(call, written=call.written - {"input"})
    return call


def oracle_output(
    call: KernelCall, contents: Mapping[str, Contents], semantics: Semantics
) -> list[int]:
    """Return what the oracle computes for a call."""
    numbers = {name: values.of(call.tensors[name]).tolist() for name, values in contents.items()}
    if "count" in call.parameters:
        return _joined(call, list(numbers.values()), truncate=semantics.truncate)
    weights = numbers.get("weights", numbers.get("mean", ()))
    tensors = (numbers["input"], weights, numbers.get("bias", ()))
    return expected(call.name, call.parameters, *tensors, meaning_of(semantics))


def _joined(call: KernelCall, tensors: list[list[int]], *, truncate: bool) -> list[int]:
    p, count = call.parameters, call.parameters["count"]
    shifts = [p[f"shift_{number}"] for number in range(1, count + 1)]
    if "concat" in call.name:
        channels = [p[f"channels_{number}"] for number in range(1, count + 1)]
        return oracle_branches.concat(tensors[:count], channels, shifts, truncate)
    return oracle_branches.eltwise_sum(tensors[:count], shifts, p["out_shift"], truncate)


def assert_right(resident: ResidentKernels, trial: Trial, wanted: list[int]) -> None:
    """Demand success, these outputs, and that nothing else was written."""
    assert trial.outcome.value == 0, "the kernel refused"
    element_bytes = trial.call.tensors[trial.call.output].element_bytes
    data = np.array(wanted).astype(f"<i{element_bytes}").tobytes()
    if trial.output_crc32 != zlib.crc32(data):
        raise AssertionError(_difference(trial, resident.read(trial), wanted))
    assert trial.intact, "something was written beside the tensors, or an input was"


def _difference(trial: Trial, found: Elements, wanted: list[int]) -> str:
    differing = np.flatnonzero(found != np.array(wanted))
    first = int(differing[0])
    shape = trial.call.tensors[trial.call.output].shape
    return (
        f"{differing.size} of {len(wanted)} differ; element {first} of {shape}: "
        f"expected {wanted[first]}, found {int(found[first])}"
    )


def check_golden(resident: Resident, kind: str, semantics: Semantics) -> None:
    """Run the vectors of a kind that have outputs for `semantics`, on both implementations."""
    chosen = [vector for vector in golden()[kind] if semantics in vector.outputs]
    for implementation in IMPLEMENTATIONS:
        kernels = resident(Kernels(semantics, implementation))
        for vector in chosen:
            call = under(kernel_call(vector.name, vector.parameters), semantics)
            numbers = {"input": vector.x, "weights": vector.w, "bias": vector.b}
            contents = {
                name: Numbers(values) for name, values in numbers.items() if name in call.tensors
            }
            assert_right(kernels, kernels.run(call, contents), vector.outputs[semantics])
        assert kernels.is_clean()


def check_case(kernels: ResidentKernels, case: BaselineCase) -> Trial:
    """Run one of ARM's measured calls; its output and status must be ARM's."""
    semantics = kernels.firmware.kernels.semantics
    trial = kernels.run(under(case.call, semantics), case.contents)
    wanted = case.output_crc32
    if semantics.pooling == "c" and case.output_c_crc32 is not None:
        wanted = case.output_c_crc32
    assert trial.outcome.value == case.status
    assert f"{trial.output_crc32:08x}" == f"{wanted:08x}"
    assert trial.intact
    assert trial.scratch_bytes <= case.scratch_bytes
    return trial


def check_refused(
    kernels: ResidentKernels, name: str, parameters: Mapping[str, int], **options: Any
) -> None:
    """Demand that a call is refused and nothing was written."""
    call = kernel_call(name, parameters)
    inputs = {
        key: Numbers([1] * call.tensors[key].count) for key in call.tensors if key != "output"
    }
    trial = kernels.run(call, inputs, **options)
    assert trial.outcome.value == SIZE_MISMATCH
    assert kernels.is_untouched()


def check_random_calls(resident: Resident, name: str, semantics: Semantics, *, count: int) -> None:
    """Compare both implementations of a kernel with the oracle, on calls made at random.

    The calls are the same in every run; QRIG_SEED=N makes others, QRIG_FULL=1 makes more.
    """
    both = [resident(Kernels(semantics, implementation)) for implementation in IMPLEMENTATIONS]

    @settings(
        max_examples=count * 5 if FULL else count,
        deadline=None,
        database=None,
        derandomize="QRIG_SEED" not in os.environ,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
    @given(examples(name, semantics))
    def try_it(example: Example) -> None:
        assume(_needed_bytes(example.call) <= both[0].arena_bytes)
        wanted = oracle_output(example.call, example.contents, semantics)
        for kernels in both:
            note(f"on {kernels.name}")
            trial = kernels.run(
                under(example.call, semantics),
                example.contents,
                misaligned=example.misaligned,
                in_place=example.in_place,
            )
            assert_right(kernels, trial, wanted)

    if "QRIG_SEED" in os.environ:
        try_it = seed(int(os.environ["QRIG_SEED"]))(try_it)
    try_it()
    assert all(kernels.is_clean() for kernels in both)


def skip_without_room(kernels: ResidentKernels, call: KernelCall) -> None:
    """Skip a call whose tensors the target has no room for."""
    needed, room = _needed_bytes(call), kernels.arena_bytes
    if needed > room:
        pytest.skip(f"{kernels.name}: {needed:,} bytes of tensors, {room:,} bytes of arena")


def _needed_bytes(call: KernelCall) -> int:
    """Return at least what a call takes of the arena."""
    tensors = sum(tensor.size_bytes for tensor in call.tensors.values())
    if "weights" not in call.tensors:
        scratch = 2 * call.tensors[call.output].count
    else:
        filters = 1 if "depthwise" in call.name else call.tensors["bias"].count
        scratch = 4 * call.tensors["weights"].count // filters
    return tensors + scratch + _GUARD_BYTES
