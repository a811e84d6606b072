"""Caffe's files: prototxt, caffemodel (binary and HDF5), mean.binaryproto."""

from qrig.networks.caffe.build import build_network
from qrig.networks.caffe.mean import read_mean
from qrig.networks.caffe.prototxt import read_prototxt
from qrig.networks.caffe.weights import read_weights

__all__ = ["build_network", "read_mean", "read_prototxt", "read_weights"]
