"""Run the benchmarks and print one line per figure: `./rig measure [NAME ...]`."""

import os

# One core for the reference: BLAS reads these when numpy is loaded.
for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

import sys  # noqa: E402  # after the variables above, like all that follow

from benchmarks import (  # noqa: E402  # numpy is loaded here
    boards,
    deployments,
    gate,
    history,
    kernels,
    link,
    profiles,
    quantization,
    reference,
    stream,
)

_BENCHMARKS = {
    "reference": reference.run,
    "stream": stream.run,
    "link": link.run,
    "profile": profiles.run,
    "kernels": kernels.run,
    "deployments": deployments.run,
    "quantization": quantization.run,
    "boards": boards.run,
    "gate": gate.run,
    "history": history.run,
}


def main(names: list[str]) -> int:
    unknown = sorted(set(names) - set(_BENCHMARKS))
    if unknown:
        sys.stderr.write(
            f"benchmarks: expected names of {', '.join(_BENCHMARKS)}, found {unknown[0]!r}\n"
        )
        return 2
    for name in names or list(_BENCHMARKS):
        for line in _BENCHMARKS[name]():
            sys.stdout.write(f"{name}: {line}\n")
            sys.stdout.flush()
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
