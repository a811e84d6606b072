"""The checks themselves: a kernel that writes where it must not is seen."""

import attrs
import pytest

from qrig.build.kernels import Kernels
from qrig.errors import TargetCrashedError
from qrig.fixtures import Resident
from qrig.measure.kernel_calls import KernelCall, kernel_call
from qrig.measure.kernel_trial import Constant

_SIZE = 64


def _writing_too_much(size: int) -> KernelCall:
    """Return a ReLU that is told of more than its tensor has; guards are negative."""
    return attrs.evolve(kernel_call("arm_relu_q7", {"size": _SIZE}), parameters={"size": size})


def test_one_byte_behind_a_tensor_is_seen(resident: Resident) -> None:
    kernels = resident(Kernels(implementation="portable"))
    contents = {"input": Constant(-1)}
    assert kernels.run(_writing_too_much(_SIZE), contents).intact
    if kernels.target.board.is_native:
        with pytest.raises(TargetCrashedError, match="heap-buffer-overflow"):
            kernels.run(_writing_too_much(_SIZE + 1), contents)
        return
    assert not kernels.run(_writing_too_much(_SIZE + 1), contents).intact
    assert kernels.run(_writing_too_much(_SIZE), contents).intact


def test_a_write_far_behind_is_seen(resident: Resident) -> None:
    kernels = resident(Kernels(implementation="portable"))
    if kernels.target.board.is_native:
        pytest.skip(f"{kernels.name}: the test above ends the process")
    kernels.stop()  # nothing has been laid out that far yet
    kernels.run(_writing_too_much(10_000), {"input": Constant(-1)})
    assert not kernels.is_clean()
    assert kernels.is_clean()


def test_a_changed_input_is_seen(resident: Resident) -> None:
    kernels = resident(Kernels(implementation="portable"))
    call = kernel_call("arm_relu_q7", {"size": _SIZE})
    trial = kernels.run(attrs.evolve(call, written=frozenset()), {"input": Constant(-1)})
    assert not trial.intact
    assert not kernels.is_untouched()
    kernels.run(call, {"input": Constant(1)})
    assert kernels.is_untouched()
