"""Gemm and MatMul: fully connected layers, or convolutions of one pixel over a map."""

from __future__ import annotations

import attrs
import numpy as np

from qrig.networks.graph import ONE, Convolution, InnerProduct, Pair, Shape
from qrig.networks.onnx.build import Build
from qrig.networks.onnx.layout import Activation, Axis, activation, in_storage_order, transposed
from qrig.networks.onnx.node import Node
from qrig.networks.onnx.tensors import Array
from qrig.networks.onnx.text import short


def gemm(build: Build, node: Node) -> Activation:
    """Convert a Gemm node: `alpha * A' B' + beta * C` with a computed A, constant B and C."""
    value = build.activation(node)
    weights = build.weights(node, 1)
    if len(value.axes) != 2 or weights.ndim != 2:
        raise node.fail(
            "two matrices",
            f"shapes {short(value.dims)} and {short(weights.shape)}",
        )
    if node.integer("transA", 0):
        value = transposed(value, (1, 0))
    if node.integer("transB", 0):
        weights = weights.T
    outputs = weights.shape[1]
    bias = np.zeros(outputs)
    if node.has(2):
        addend = build.weights(node, 2) * node.number("beta", 1.0)
        if addend.ndim > 2 or addend.shape not in _broadcastable(outputs, addend.ndim):
            raise node.fail(f"a C for {outputs} outputs", f"shape {short(addend.shape)}")
        bias = np.broadcast_to(addend.reshape(-1), (outputs,))
    return inner_product(build, node, value, weights * node.number("alpha", 1.0), bias)


def _broadcastable(outputs: int, rank: int) -> set[tuple[int, ...]]:
    return {(1,) * rank, (*(1,) * (rank - 1), outputs)[:rank]}


def matmul(build: Build, node: Node) -> Activation:
    """Convert a MatMul node with one constant; a row of weights on the left is transposed."""
    if isinstance(build.value(node, 0), np.ndarray):
        value, weights = build.activation(node, 1), build.weights(node, 0)
        if len(value.axes) != 2 or weights.ndim != 2:
            raise node.unsupported(
                f"a constant of shape {short(weights.shape)} in front of a computed tensor",
                "export the network with the weights behind",
            )
        swapped = inner_product(build, node, transposed(value, (1, 0)), weights.T, None)
        return transposed(swapped, (1, 0))
    value, weights = build.activation(node), build.weights(node, 1)
    while weights.ndim > 2 and weights.shape[0] == 1 and weights.ndim <= len(value.axes):
        weights = weights[0]
    if weights.ndim == 1:
        found = inner_product(build, node, value, weights[:, np.newaxis], None)
        return attrs.evolve(found, axes=found.axes[:-1])
    if weights.ndim != 2:
        raise node.unsupported(
            f"a product with weights of shape {short(weights.shape)}",
            "train the network with fully connected layers or convolutions",
        )
    return inner_product(build, node, value, weights, None)


def inner_product(
    build: Build, node: Node, value: Activation, weights: Array, bias: Array | None
) -> Activation:
    """Add the product of the activation's last axis with weights (in, out).

    Where that axis runs over all values it is an InnerProduct whose columns follow the graph's
    tensor; where it runs over the channels of a map it is a convolution of 1x1.
    """
    if not value.axes or weights.shape[0] != value.dims[-1] or not weights.size:
        raise node.fail(
            f"weights for a tensor of shape {short(value.dims)}", f"shape {short(weights.shape)}"
        )
    outputs = weights.shape[1]
    bias = np.zeros(outputs) if bias is None else bias
    *outer, last = value.axes
    over: set[str] = {letter for axis in outer for letter in axis}
    if over <= {"n"} and "n" not in last:
        vector = Shape(1, 1, outputs)
        columns = in_storage_order(value, weights, last).T
        name = build.add(InnerProduct, node, (value,), vector, weights=columns, bias=bias)
        return activation(name, vector, value.sizes["n"], [*outer, ("c",)])
    if last != value.letters("c") or value.channels != ("c",):
        raise build.layout_error(node, "values to multiply along the last axis", value)
    return _pixelwise(build, node, value, (weights.T, bias), outer)


def _pixelwise(
    build: Build,
    node: Node,
    value: Activation,
    parameters: tuple[Array, Array],
    outer: list[Axis],
) -> Activation:
    weights, bias = parameters
    out = Shape(value.shape.h, value.shape.w, len(bias))
    name = build.add(
        Convolution,
        node,
        (value,),
        out,
        kernel=ONE,
        stride=ONE,
        pad=Pair(0, 0),
        weights=weights[:, np.newaxis, np.newaxis, :],
        bias=bias,
    )
    return activation(name, out, value.sizes["n"], [*outer, ("c",)])
