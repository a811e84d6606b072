"""Building firmware: a network and a board become an ELF file with its footprint."""

from qrig.build.deployment import Deployment, build_deployment

__all__ = ["Deployment", "build_deployment"]
