"""Calls made at random, of every kernel in every form: dsp against portable against the oracle."""

import pytest

from full_runs import FULL
from kernel_checks import EVERY_KERNEL, check_random_calls, identify
from qrig.fixedpoint.semantics import DEFAULT, Semantics
from qrig.fixtures import Resident

COUNT = 60 if FULL else 30


@pytest.mark.parametrize(("name", "semantics"), EVERY_KERNEL, ids=identify)
def test_every_output_is_the_oracles(resident: Resident, name: str, semantics: Semantics) -> None:
    usual = COUNT if semantics == DEFAULT else COUNT // 4
    check_random_calls(resident, name, semantics, count=usual)
