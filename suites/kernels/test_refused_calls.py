"""Calls that cannot be right are refused, and have then written nothing."""

import pytest

from kernel_checks import assert_right, check_refused, identify, oracle_output
from kernel_golden import baseline
from kernel_refusals import REFUSING, changes, valid
from qrig.build.kernels import IMPLEMENTATIONS, Kernels
from qrig.fixedpoint.semantics import DEFAULT
from qrig.fixtures import Resident
from qrig.measure.kernel_baseline import StatusCase
from qrig.measure.kernel_trial import Sequence
from real_models import requires_models

pytestmark = pytest.mark.parametrize("implementation", IMPLEMENTATIONS)


@pytest.mark.parametrize("name", REFUSING)
def test_what_cannot_be_right_is_refused(
    resident: Resident, implementation: str, name: str
) -> None:
    kernels = resident(Kernels(implementation=implementation))
    for change in changes(name):
        try:
            check_refused(kernels, name, valid(name) | change)
        except AssertionError as error:
            raise AssertionError(f"{name} with {change}: {error}") from error
    assert kernels.is_clean()


@requires_models
@pytest.mark.parametrize("case", baseline().status_cases, ids=identify)
def test_status_is_that_of_arms_dsp_form(
    resident: Resident, implementation: str, case: StatusCase
) -> None:
    kernels = resident(Kernels(implementation=implementation))
    if case.status_dsp != 0:
        check_refused(kernels, case.call.name, case.call.parameters)
        return
    # ARM's computes nonsense in the one case that is left: ours must be right.
    contents = {name: Sequence(7, 2) for name in case.call.tensors if name != "output"}
    trial = kernels.run(case.call, contents)
    assert_right(kernels, trial, oracle_output(case.call, contents, DEFAULT))
