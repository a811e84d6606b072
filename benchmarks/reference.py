"""How long the reference takes for one inference with all layers."""

import time
from collections.abc import Iterator

from benchmarks.subjects import subjects
from qrig.reference import run_reference

_ROUNDS = 5
_INFERENCES = 20


def run() -> Iterator[str]:
    """Yield the best mean of several rounds, per network."""
    for loaded, inputs in subjects():
        best = float("inf")
        for _ in range(_ROUNDS):
            start = time.perf_counter()
            for index in range(_INFERENCES):
                run_reference(loaded.quantized, inputs[index % len(inputs)].pixels)
            best = min(best, (time.perf_counter() - start) / _INFERENCES)
        yield f"{loaded.name}: {best * 1e3:.2f} ms per inference with all layers, one core"
