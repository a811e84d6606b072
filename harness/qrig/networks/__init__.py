"""Float networks: layers, shapes and weights, and the files they are read from."""

from qrig.networks.graph import (
    Convolution,
    DepthwiseConvolution,
    InnerProduct,
    Input,
    Layer,
    Network,
    Pooling,
    ReLU,
    Shape,
    Softmax,
)

__all__ = [
    "Convolution",
    "DepthwiseConvolution",
    "InnerProduct",
    "Input",
    "Layer",
    "Network",
    "Pooling",
    "ReLU",
    "Shape",
    "Softmax",
]
