"""The instructions of a kernel call against the truth: QEMU's log of every instruction."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import qrig.backends.qemu
from execution_log import executed, function_range, logging_qemu
from qrig.build.kernel_firmware import build_kernel_firmware
from qrig.build.resident import ResidentFirmware
from qrig.codegen import deployment
from qrig.measure.kernel_calls import KernelCall, kernel_call
from qrig.measure.kernel_trial import Sequence
from qrig.runs.resident import ResidentKernels
from qrig.runs.targets import Target, find_target

_SIDES = {f"{key}_{axis}": value for axis in "xy" for key, value in (
    ("dim_im_in", 5), ("dim_kernel", 3), ("padding", 1), ("stride", 2), ("dim_im_out", 3)
)}  # fmt: skip
_ARENA_BYTES = 8192
_CALLS = (
    kernel_call("arm_relu_q7", {"size": 13}),
    kernel_call("arm_softmax_q7", {"dim_vec": 10}),
    kernel_call(
        "arm_fully_connected_q7",
        {"dim_vec": 9, "num_of_rows": 3, "bias_shift": 1, "out_shift": 7},
    ),
    kernel_call(
        "arm_convolve_HWC_q7_basic_nonsquare",
        {**_SIDES, "ch_im_in": 3, "ch_im_out": 5, "bias_shift": 1, "out_shift": 7},
    ),
)


def _run(target: Target, firmware: ResidentFirmware) -> list[int | None]:
    with ResidentKernels(target, firmware) as kernels:
        return [kernels.instructions(kernels.run(call, _contents(call))) for call in _CALLS]


def _contents(call: KernelCall) -> dict[str, Sequence]:
    return {name: Sequence(5, 1) for name in call.tensors if name != "output"}


def _lengths(addresses: Iterator[int], kernel: range, caller: range) -> Iterator[int]:
    """Yield the instructions of each call of `kernel`, until execution is back in `caller`."""
    count = 0
    for address in addresses:
        if count == 0 and address != kernel.start:
            continue
        if address in caller:
            yield count
            count = 0
        else:
            count += 1


@pytest.mark.parametrize("board", ["mps2-an386", "mps2-an500"])
def test_a_call_counts_what_was_executed(
    board: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = find_target(f"{board}@qemu")
    if target.backend.unavailable(target.board):
        pytest.skip(f"{target.name}: {target.backend.unavailable(target.board)}")
    monkeypatch.setattr(deployment, "MAX_ARENA_BYTES", _ARENA_BYTES)  # what is logged takes time
    firmware = build_kernel_firmware(target.board)
    counted = _run(target, firmware)

    log = tmp_path / "executed.log"
    program = logging_qemu(tmp_path, log, target.backend.stamp()["qemu_version"])
    monkeypatch.setattr(qrig.backends.qemu, "_PROGRAM", str(program))
    _run(target, firmware)
    callers = ("relu_q7", "softmax_q7", "connected_q7", "nonsquare_q7")
    found = []
    for call, caller in zip(_CALLS, callers, strict=True):
        functions = (function_range(firmware.elf, name) for name in (call.name, f"call_{caller}"))
        found += list(_lengths(executed(log), *functions))
    assert counted == found
