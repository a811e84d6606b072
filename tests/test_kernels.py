"""The C kernels as a process on this machine, under sanitizers: both implementations, every option.

Each tensor of a call lies in memory of its own that is exactly as large, so that a read or write
beside it ends the process.
"""

from collections.abc import Iterator

import numpy as np
import pytest

from kernel_checks import (
    EVERY_KERNEL,
    assert_right,
    check_case,
    check_golden,
    check_random_calls,
    check_refused,
    identify,
    oracle_output,
)
from kernel_golden import POOLING_C, baseline, forms
from kernel_refusals import REFUSING, changes, valid
from qrig.build.kernel_firmware import build_kernel_firmware
from qrig.build.kernels import IMPLEMENTATIONS, OURS, Kernels
from qrig.errors import TargetCrashedError
from qrig.fixedpoint.semantics import DEFAULT, Semantics
from qrig.fixtures import Resident
from qrig.link.kernels import Piece
from qrig.measure.kernel_calls import KERNELS, kernel_call
from qrig.measure.kernel_trial import Constant, Contents, Numbers, Sequence
from qrig.runs.resident import ResidentKernels
from qrig.runs.targets import find_target
from real_models import requires_models

both = pytest.mark.parametrize("implementation", IMPLEMENTATIONS)


@pytest.fixture(scope="module")
def resident() -> Iterator[Resident]:
    """Kernels on this machine, each choice started once."""
    target = find_target("host@native")
    started: dict[Kernels, ResidentKernels] = {}

    def choose(kernels: Kernels = OURS) -> ResidentKernels:
        if kernels not in started:
            firmware = build_kernel_firmware(target.board, kernels)
            started[kernels] = ResidentKernels(target, firmware)
        return started[kernels]

    yield choose
    for chosen in started.values():
        chosen.stop()


@requires_models
@pytest.mark.parametrize(("kind", "semantics"), forms(), ids=identify)
def test_golden_vectors(resident: Resident, kind: str, semantics: Semantics) -> None:
    check_golden(resident, kind, semantics)


@requires_models
@both
@pytest.mark.parametrize("semantics", [DEFAULT, POOLING_C], ids=identify)
def test_every_call_of_arms_measurements(
    resident: Resident, implementation: str, semantics: Semantics
) -> None:
    kernels = resident(Kernels(semantics, implementation))
    for case in baseline().cases:
        if semantics == DEFAULT or case.output_c_crc32 is not None:
            check_case(kernels, case)
    assert kernels.is_clean()


@pytest.mark.parametrize(("name", "semantics"), EVERY_KERNEL, ids=identify)
def test_random_calls(resident: Resident, name: str, semantics: Semantics) -> None:
    check_random_calls(resident, name, semantics, count=50 if semantics == DEFAULT else 25)


@both
@pytest.mark.parametrize("name", REFUSING)
def test_refused_arguments_write_nothing(
    resident: Resident, implementation: str, name: str
) -> None:
    kernels = resident(Kernels(implementation=implementation))
    for change in changes(name):
        check_refused(kernels, name, valid(name) | change)


@both
@pytest.mark.parametrize("name", REFUSING)
def test_arguments_that_are_refused_with_a_change_are_taken_without(
    resident: Resident, implementation: str, name: str
) -> None:
    kernels = resident(Kernels(implementation=implementation))
    call = kernel_call(name, valid(name))
    contents = {key: Sequence(3, 1) for key in call.tensors if key != "output"}
    assert_right(kernels, kernels.run(call, contents), oracle_output(call, contents, DEFAULT))


@both
@pytest.mark.parametrize(("name", "size"), [("arm_relu_q7", 131_073), ("arm_relu_q15", 65_537)])
def test_relu_beyond_16_bits(resident: Resident, implementation: str, name: str, size: int) -> None:
    kernels = resident(Kernels(implementation=implementation))
    trial = kernels.run(kernel_call(name, {"size": size}), {"input": Constant(-1)})
    assert not np.any(kernels.read(trial))
    assert trial.intact


@both
@pytest.mark.parametrize("name", ["arm_relu_q7", "arm_relu_q15"])
def test_relu_of_nothing(resident: Resident, implementation: str, name: str) -> None:
    kernels = resident(Kernels(implementation=implementation))
    kernels.run(kernel_call(name, {"size": 0}), {"input": Numbers([])})
    assert kernels.is_untouched()


@both
@pytest.mark.parametrize(("first", "second", "out_shift"), [(22, 0, 31), (0, 22, 0), (9, 8, 1)])
def test_sums_of_32_bits(
    resident: Resident, implementation: str, first: int, second: int, out_shift: int
) -> None:
    kernels = resident(Kernels(implementation=implementation))
    shifts = {"shift_1": first, "shift_2": second, "shift_3": 0}
    parameters = {"count": 2, **shifts, "size": 9, "out_shift": out_shift}
    call = kernel_call("qrig_eltwise_sum_q7", parameters)
    for one, other in ((-128, -128), (127, 127), (-128, 127), (127, -1), (-1, 1)):
        contents: dict[str, Contents] = {
            "input": Constant(one), "second": Constant(other), "third": Numbers([])
        }  # fmt: skip
        assert_right(kernels, kernels.run(call, contents), oracle_output(call, contents, DEFAULT))


@both
@pytest.mark.parametrize("name", KERNELS)
def test_scratch_is_no_more_than_arm_asks_for(
    resident: Resident, implementation: str, name: str
) -> None:
    kernels = resident(Kernels(implementation=implementation))
    if name not in REFUSING:
        return
    parameters = valid(name)
    call = kernel_call(name, parameters)
    contents = {key: Constant(1) for key in call.tensors if key != "output"}
    scratch_bytes = kernels.run(call, contents).scratch_bytes
    taps = call.tensors["weights"].count // parameters["ch_im_out"] if "conv" in name else 0
    if "depthwise" in name:
        taps *= parameters["ch_im_out"]
    limit = 4 * taps
    if name == "arm_convolve_HWC_q15_basic":
        limit = 2 * taps
    elif name in ("arm_fully_connected_q7", "arm_fully_connected_q7_opt"):
        limit = 2 * parameters["dim_vec"]
    elif "avepool" in name:
        limit = 2 * call.tensors["output"].shape[1] * parameters["ch_im_in"]
    assert scratch_bytes <= limit


def test_a_buffer_that_is_too_small_is_seen(resident: Resident) -> None:
    kernels = resident(Kernels(implementation="dsp"))
    call = kernel_call("arm_relu_q7", {"size": 64})
    short = kernel_call("arm_relu_q7", {"size": 65})
    with pytest.raises(TargetCrashedError, match="heap-buffer-overflow"):
        kernels.run_with(lambda bench: bench.kernels.call(short.name, short.letters, [_PLACE, 65]))
    trial = kernels.run(call, {"input": Constant(-3)})
    assert not np.any(kernels.read(trial))


_PLACE = Piece(1024, 64)
