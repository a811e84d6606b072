"""Every call that ARM's own kernels were measured with: their outputs, and no more instructions."""

import math

import pytest

from kernel_checks import check_case, identify, skip_without_room
from kernel_golden import POOLING_C, baseline
from qrig.build.kernels import Kernels
from qrig.fixtures import Resident
from qrig.measure.kernel_baseline import COMPILER, BaselineCase
from real_models import requires_models

_CASES = baseline().cases
_DSP = Kernels(implementation="dsp")
_GEOMETRIC_MEAN = 0.60
"""Of our instructions by ARM's, over all calls."""


@requires_models
def test_all_cases_are_there() -> None:
    assert len(_CASES) == 72


@requires_models
@pytest.mark.parametrize("case", _CASES, ids=identify)
def test_no_more_instructions_than_arms(resident: Resident, case: BaselineCase) -> None:
    kernels = resident(_DSP)
    skip_without_room(kernels, case.call)
    instructions = kernels.instructions(check_case(kernels, case))
    arms = case.instructions(kernels.target.board.core)
    if instructions is None or arms is None:
        return  # only the outputs can be compared here
    if not kernels.firmware.toolchain.version.startswith(COMPILER):
        pytest.skip(f"counts are of {COMPILER}: {instructions:,} here, ARM's {arms:,}")
    assert instructions <= arms, f"{instructions:,} instructions, ARM's {arms:,}"


@requires_models
@pytest.mark.parametrize("case", _CASES, ids=identify)
def test_the_portable_kernels_compute_the_same(resident: Resident, case: BaselineCase) -> None:
    kernels = resident(Kernels(implementation="portable"))
    skip_without_room(kernels, case.call)
    check_case(kernels, case)


@requires_models
@pytest.mark.parametrize("implementation", ["dsp", "portable"])
def test_pools_in_their_c_form(resident: Resident, implementation: str) -> None:
    kernels = resident(Kernels(POOLING_C, implementation))
    cases = [case for case in _CASES if case.output_c_crc32 is not None]
    assert len(cases) == 9
    for case in cases:
        check_case(kernels, case)


@requires_models
def test_counts_repeat_and_their_mean_is_well_below_arms(resident: Resident) -> None:
    kernels = resident(_DSP)
    core = kernels.target.board.core
    ratios = []
    for case in _CASES:
        counts = {kernels.instructions(kernels.run(case.call, case.contents)) for _ in range(2)}
        (instructions,) = counts
        arms = case.instructions(core)
        if instructions is not None and arms is not None:
            ratios.append(instructions / arms)
    if ratios and kernels.firmware.toolchain.version.startswith(COMPILER):
        mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
        assert mean < _GEOMETRIC_MEAN, f"geometric mean {mean:.3f}"
