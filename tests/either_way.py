"""A network on a target in both ways: as generated C, and as a file that a firmware loads."""

import attrs
import pytest

from qrig.errors import UnsupportedNetworkError
from qrig.fixedpoint.quantized import QuantizedNetwork
from qrig.runs.deploy import AnyDeployment, deploy
from qrig.runs.networks import LoadedNetwork
from qrig.runs.targets import GENERATED, NETWORK, Target

EITHER_WAY = pytest.mark.parametrize("way", [GENERATED, NETWORK])


def in_way(target: Target, way: str) -> Target:
    """The target in a way; a skip if --deployment chose another."""
    if target.way not in (GENERATED, way):
        pytest.skip(f"{target.name}: --deployment {target.way} was asked for")
    return attrs.evolve(target, way=way)


def deployed_or_skipped(network: QuantizedNetwork | LoadedNetwork, target: Target) -> AnyDeployment:
    """The network built for the target; a skip that names what a .network file cannot hold."""
    if isinstance(network, QuantizedNetwork):
        network = LoadedNetwork(network.name, network)
    try:
        return deploy(network, target)
    except UnsupportedNetworkError as error:
        if target.way == GENERATED:
            raise
        pytest.skip(str(error))
