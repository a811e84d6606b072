"""How often property tests try, and from which seed."""

import os
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, seed, settings

from full_runs import FULL

Test = Callable[..., None]


def tried(count: int) -> Callable[[Test], Test]:
    """Return the decorator of a `@given` test that tries `count` examples, more with QRIG_FULL=1.

    The examples are the same in every run; QRIG_SEED=N makes others.
    """
    chosen: Any = settings(
        max_examples=count * 15 if FULL else count,
        deadline=None,
        database=None,
        derandomize="QRIG_SEED" not in os.environ,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )

    def decorate(test: Test) -> Test:
        if "QRIG_SEED" in os.environ:
            test = seed(int(os.environ["QRIG_SEED"]))(test)
        decorated: Test = chosen(test)
        return decorated

    return decorate
