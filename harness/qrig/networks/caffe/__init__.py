"""Caffe's files: prototxt, caffemodel (binary and HDF5), mean.binaryproto."""

from qrig.networks.caffe.build import build_network
from qrig.networks.caffe.from_graph import network_to_caffe
from qrig.networks.caffe.mean import read_mean
from qrig.networks.caffe.prototxt import Definition, definition_of, read_prototxt
from qrig.networks.caffe.rules import TEST, TRAIN, layers_of_phase
from qrig.networks.caffe.weights import Weights, read_weights
from qrig.networks.caffe.write import write_mean, write_network, write_prototxt, write_weights

__all__ = [
    "TEST",
    "TRAIN",
    "Definition",
    "Weights",
    "build_network",
    "definition_of",
    "layers_of_phase",
    "network_to_caffe",
    "read_mean",
    "read_prototxt",
    "read_weights",
    "write_mean",
    "write_network",
    "write_prototxt",
    "write_weights",
]
