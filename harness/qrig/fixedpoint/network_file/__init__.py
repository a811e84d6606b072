"""OpenMV's `.network` files: records, reading, networks from them and into them."""

from qrig.fixedpoint.network_file.dialects import CORRECT, DIALECTS, HISTORICAL, semantics_of
from qrig.fixedpoint.network_file.load import layer_names, network_from_file
from qrig.fixedpoint.network_file.read import parse_network_file, read_network_file
from qrig.fixedpoint.network_file.records import NetworkFile
from qrig.fixedpoint.network_file.save import file_from_network

__all__ = [
    "CORRECT",
    "DIALECTS",
    "HISTORICAL",
    "NetworkFile",
    "file_from_network",
    "layer_names",
    "network_from_file",
    "parse_network_file",
    "read_network_file",
    "semantics_of",
]
