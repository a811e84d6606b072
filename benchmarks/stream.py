"""How many images per second are streamed to an emulator, run and checked, end to end."""

import time
from collections.abc import Iterator

from benchmarks.subjects import subjects
from qrig.build import build_deployment
from qrig.runs.bench import run_inputs
from qrig.runs.deployed import TRACES, Deployed
from qrig.runs.targets import DEFAULT_TARGETS, find_target

_IMAGES = 100


def run() -> Iterator[str]:
    """Yield images per second for every network, target and depth of comparison."""
    for loaded, inputs in subjects():
        chosen = tuple(inputs[index % len(inputs)] for index in range(_IMAGES))
        for name in DEFAULT_TARGETS:
            target = find_target(name)
            deployment = build_deployment(loaded.quantized, target.board)
            for trace in TRACES:
                start = time.perf_counter()
                with Deployed(target, deployment) as deployed:
                    verdicts = {
                        layer.comparison.verdict
                        for _, layers, _ in run_inputs(deployed, chosen, trace)
                        for layer in layers
                    }
                    seconds = time.perf_counter() - start
                    resends = deployed.session.statistics.resends
                yield (
                    f"{loaded.name} on {name}, {trace}: {_IMAGES / seconds:.1f} images/s "
                    f"({', '.join(sorted(verdicts))}; {resends} resends)"
                )
