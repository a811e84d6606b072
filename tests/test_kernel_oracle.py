"""The oracle of the kernels against ARM: golden vectors, and the outputs of its measured calls."""

import zlib

import numpy as np
import pytest

from kernel_checks import identify, oracle_output
from kernel_golden import POOLING_C, baseline, forms, golden
from kernel_oracle import expected, interleave
from qrig.fixedpoint.interleave import Order, interleaved
from qrig.fixedpoint.semantics import DEFAULT, Semantics
from qrig.measure.kernel_baseline import BaselineCase
from qrig.measure.kernel_calls import kernel_call
from qrig.measure.kernel_trial import Numbers, stored
from real_models import requires_models

_ORDERS = {"x4_q7": Order.X4_Q7, "x4_mixed": Order.X4_MIXED, "x4_q15": Order.X4_Q15}


@requires_models
@pytest.mark.parametrize(("kind", "semantics"), forms(), ids=identify)
def test_golden_vectors(kind: str, semantics: Semantics) -> None:
    for vector in golden()[kind]:
        call = kernel_call(vector.name, vector.parameters)
        numbers = {"input": vector.x, "weights": vector.w, "bias": vector.b}
        contents = {key: Numbers(value) for key, value in numbers.items() if key in call.tensors}
        assert oracle_output(call, contents, semantics) == vector.outputs[semantics]


def _crc32(case: BaselineCase, semantics: Semantics) -> str:
    output = np.array(oracle_output(case.call, case.contents, semantics))
    size = case.call.tensors[case.call.output].element_bytes
    return f"{zlib.crc32(output.astype(f'<i{size}').tobytes()):08x}"


@requires_models
@pytest.mark.parametrize("case", baseline().cases, ids=identify)
def test_outputs_of_arms_measured_calls(case: BaselineCase) -> None:
    assert _crc32(case, DEFAULT) == f"{case.output_crc32:08x}"
    if case.output_c_crc32 is not None:
        assert _crc32(case, POOLING_C) == f"{case.output_c_crc32:08x}"


@pytest.mark.parametrize("order", _ORDERS)
@pytest.mark.parametrize("rows", range(1, 10))
@pytest.mark.parametrize("columns", range(1, 10))
def test_both_authors_interleave_alike(order: str, rows: int, columns: int) -> None:
    matrix = np.arange(rows * columns)
    ours = interleaved(matrix.reshape(rows, columns), _ORDERS[order])
    assert ours.tolist() == interleave(matrix.tolist(), rows, columns, order)


@requires_models
def test_the_kernels_get_arms_interleaved_weights() -> None:
    orders = set()
    for case in baseline().cases:
        weights = case.call.tensors.get("weights")
        if weights is None or weights.order == Order.PLAIN:
            continue
        orders.add(weights.order)
        data = stored(case.contents["weights"], weights)
        assert f"{zlib.crc32(data):08x}" == case.interleaved_crc32
    assert orders == set(_ORDERS.values())


def test_accumulators_wrap() -> None:
    parameters = {"dim_vec": 3, "num_of_rows": 1, "bias_shift": 0, "out_shift": 16}
    least = [-32768] * 3
    # 3 * 2^30 is 2^31 too much for 32 bits.
    assert expected("arm_fully_connected_q15", parameters, least, least, [0]) == [-16384]
    parameters |= {"dim_vec": 1, "bias_shift": 31, "out_shift": 31}
    assert expected("arm_fully_connected_q7", parameters, [0], [0], [1]) == [-1]
    assert expected("arm_fully_connected_q7", parameters, [0], [0], [2]) == [0]
