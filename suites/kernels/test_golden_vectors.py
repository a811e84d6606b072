"""ARM's golden vectors on every target, both implementations, every form there is a vector for."""

import pytest

from kernel_checks import check_golden, identify
from kernel_golden import forms
from qrig.fixedpoint.semantics import Semantics
from qrig.fixtures import Resident
from real_models import requires_models


@requires_models
@pytest.mark.parametrize(("kind", "semantics"), forms(), ids=identify)
def test_outputs_are_arms(resident: Resident, kind: str, semantics: Semantics) -> None:
    check_golden(resident, kind, semantics)
