"""Building firmware: a network and a board become an ELF file with its footprint."""

from qrig.build.cmsis_nn import CmsisNN, find_cmsis_nn
from qrig.build.deployment import Deployment, build_deployment
from qrig.build.kernels import IMPLEMENTATIONS, OURS, Kernels

__all__ = [
    "IMPLEMENTATIONS",
    "OURS",
    "CmsisNN",
    "Deployment",
    "Kernels",
    "build_deployment",
    "find_cmsis_nn",
]
