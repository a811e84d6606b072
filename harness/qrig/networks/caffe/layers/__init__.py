"""Caffe's layers as layers of the graph: one function per type, found by the type's name."""

from __future__ import annotations

from collections.abc import Callable

from qrig.networks.caffe.layers.context import Context
from qrig.networks.caffe.layers.convolution import convolution
from qrig.networks.caffe.layers.elementwise import relu, sigmoid, softmax, tanh
from qrig.networks.caffe.layers.inner_product import inner_product
from qrig.networks.caffe.layers.joining import concat, eltwise
from qrig.networks.caffe.layers.normalising import batch_norm, lrn, scale
from qrig.networks.caffe.layers.pooling import pooling
from qrig.networks.caffe.layers.vectors import flatten, reshape
from qrig.networks.graph import Layer

CONVERTERS: dict[str, Callable[[Context], Layer]] = {
    "BatchNorm": batch_norm,
    "Concat": concat,
    "Convolution": convolution,
    "Eltwise": eltwise,
    "Flatten": flatten,
    "InnerProduct": inner_product,
    "LRN": lrn,
    "Pooling": pooling,
    "ReLU": relu,
    "Reshape": reshape,
    "Scale": scale,
    "Sigmoid": sigmoid,
    "Softmax": softmax,
    "TanH": tanh,
}
"""What converts a layer of each computed type."""

BOTTOMS = {"Concat": (1, 1000), "Eltwise": (2, 1000)}
"""The least and the most bottoms of the types that do not have exactly one."""

__all__ = ["BOTTOMS", "CONVERTERS", "Context"]
