"""How a network comes onto a target: as generated C, or as a file that a firmware loads."""

from __future__ import annotations

from qrig.build import Deployment, build_deployment
from qrig.build.runtime_deployment import RuntimeDeployment, build_runtime_deployment
from qrig.runs.networks import LoadedNetwork
from qrig.runs.targets import GENERATED, STORED, Target

AnyDeployment = Deployment | RuntimeDeployment
"""A network built for a board, in one of the ways there are."""


def deploy(loaded: LoadedNetwork, target: Target) -> AnyDeployment:
    """Build what runs `loaded` on `target`, in the target's way, or take it from the cache.

    Raises UnsupportedNetworkError, NetworkTooLargeError, and BuildError.
    """
    if target.way == GENERATED:
        return build_deployment(loaded.quantized, target.board, target.kernels)
    return build_runtime_deployment(
        loaded.quantized,
        target.board,
        target.kernels,
        batch=loaded.batch,
        is_stored=target.way == STORED,
    )
