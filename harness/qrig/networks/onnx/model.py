"""An ONNX file as nodes in the order they are computed, constants and one input.

Format: `onnx/onnx.proto` and `docs/IR.md` of the ONNX project. Nothing of the file is trusted and
nothing in it is executed; its own checker is not needed.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from attrs import field, frozen
from google.protobuf.message import DecodeError

from qrig.errors import FileFormatError, UnsupportedNetworkError, UsageError
from qrig.networks.files import read_bytes
from qrig.networks.onnx.node import Attribute, Node, StoredTensor
from qrig.networks.onnx.tensors import MAX_RANK, NUMPY_TYPES
from qrig.networks.onnx.text import short, text_of

MAX_FILE_BYTES = 1 << 30
"""Largest ONNX file qrig reads."""

MAX_NODES = 20_000
"""Most nodes of a graph qrig reads."""

OLDEST_OPSET, NEWEST_OPSET = 7, 28
"""The versions of the operators whose meaning is known."""

_STANDARD_DOMAINS = ("", "ai.onnx")
_WHAT = "an ONNX model"


@frozen
class Declared:
    """The declared input: its name and the size of each axis, None for one left open."""

    name: str
    dims: tuple[int | None, ...] | None


@frozen(eq=False)
class Model:
    """A file's graph: `nodes` are those the output needs, each after what it reads.

    `tensors` are its initializers, still as TensorProto.
    """

    path: Path
    input: Declared
    output: str
    nodes: tuple[Node, ...]
    tensors: Mapping[str, Any] = field(repr=False)


def read_model(path: Path) -> Model:
    """Read the ONNX file at `path`.

    Raises FileFormatError for a file that is damaged or no ONNX model, UnsupportedNetworkError for
    one that is not a single graph with one input and one output, and UsageError without the
    package `onnx`.
    """
    try:
        import onnx
    except ImportError as error:
        raise UsageError(
            f"{path}: expected the package onnx to read it, found it not installed; install "
            "qrig[onnx]"
        ) from error
    data = read_bytes(path, what=_WHAT, limit_bytes=MAX_FILE_BYTES)
    proto = onnx.ModelProto()
    try:
        proto.ParseFromString(data)
        return _model(proto, path)
    except (DecodeError, ValueError) as error:  # also texts that are not UTF-8
        raise _broken(path, "bytes that are none") from error


def _broken(path: Path, found: str) -> FileFormatError:
    return FileFormatError(
        f"{path}: expected {_WHAT}, found {found}; check that this is the right file and export "
        "it again"
    )


def _model(proto: Any, path: Path) -> Model:
    graph = proto.graph
    if not proto.HasField("graph") or not graph.node:
        raise _broken(path, "no graph with nodes in it")
    if len(graph.node) > MAX_NODES:
        raise _broken(path, f"{len(graph.node)} nodes, more than {MAX_NODES}")
    opset = _opset(proto, path)
    tensors = _tensors(graph, path)
    inputs = [value for value in graph.input if text_of(value.name) not in tensors]
    declared = _only(inputs, "input", path)
    name = text_of(declared.name)
    output = text_of(_only(list(graph.output), "output", path).name)
    functions = {(function.domain, function.name) for function in proto.functions}
    nodes = [
        _node(node, f"{path}: {_called(text_of(node.name), index)}", opset, functions)
        for index, node in enumerate(graph.node)
    ]
    known = {name, *tensors}
    return Model(
        path,
        Declared(name, _dims(declared, path)),
        output,
        _in_order(nodes, output, known, path),
        tensors,
    )


def _opset(proto: Any, path: Path) -> int:
    versions = [entry.version for entry in proto.opset_import if entry.domain in _STANDARD_DOMAINS]
    if len(versions) != 1 or not OLDEST_OPSET <= versions[0] <= NEWEST_OPSET:
        raise FileFormatError(
            f"{path}: expected operators of one opset from {OLDEST_OPSET} to {NEWEST_OPSET}, found "
            f"{short(versions)}; export the network with opset_version=18"
        )
    return int(versions[0])


def _tensors(graph: Any, path: Path) -> dict[str, Any]:
    if graph.sparse_initializer:
        raise UnsupportedNetworkError(
            f"{path}: expected dense weights, found sparse initializers; export the network with "
            "dense weights"
        )
    tensors: dict[str, Any] = {}
    for tensor in graph.initializer:
        name = text_of(tensor.name)
        if not name or name in tensors:
            raise _broken(path, f"two or more initializers named {short(name)}")
        tensors[name] = tensor
    return tensors


def _only(values: list[Any], kind: str, path: Path) -> Any:
    if len(values) != 1:
        names = ", ".join(short(value.name) for value in values[:5])
        raise UnsupportedNetworkError(
            f"{path}: expected a network with one {kind}, found {len(values)} ({names}); export "
            f"the part with the one {kind} that is to be deployed"
        )
    return values[0]


def _dims(value: Any, path: Path) -> tuple[int | None, ...] | None:
    """Return the sizes of the input's axes, None where the file has no shape at all."""
    if not value.type.HasField("tensor_type"):
        raise _broken(path, f"an input {short(value.name)} that is no tensor")
    tensor = value.type.tensor_type
    if tensor.elem_type not in NUMPY_TYPES or tensor.elem_type == 9:  # texts, complex, bool
        raise _broken(path, f"an input {short(value.name)} that is not of numbers")
    if not tensor.HasField("shape"):
        return None
    if not 1 <= len(tensor.shape.dim) <= MAX_RANK:
        raise _broken(path, f"an input {short(value.name)} with {len(tensor.shape.dim)} axes")
    # Exporters write open sizes as a name, as nothing, as 0 or as -1.
    return tuple(
        int(dim.dim_value) if dim.HasField("dim_value") and dim.dim_value > 0 else None
        for dim in tensor.shape.dim
    )


def _called(name: str, index: int) -> str:
    return f"node {short(name)}" if name else f"unnamed node number {index + 1}"


def _node(node: Any, source: str, opset: int, functions: set[tuple[str, str]]) -> Node:
    if not node.op_type:
        raise FileFormatError(
            f"{source}: expected an operator, found none; export the network again"
        )
    domain = "" if node.domain in _STANDARD_DOMAINS else f"{text_of(node.domain)}."
    if (node.domain, node.op_type) in functions:
        raise UnsupportedNetworkError(
            f"{source}: found a call of the model's own function {short(node.op_type)}, which qrig "
            "does not read; inline it with onnx.inliner.inline_local_functions"
        )
    return Node(
        f"{domain}{text_of(node.op_type)}"[:80],
        text_of(node.name),
        tuple(text_of(name) for name in node.input),
        tuple(text_of(name) for name in node.output),
        source,
        opset,
        {text_of(attribute.name): _attribute(attribute) for attribute in node.attribute},
    )


def _attribute(attribute: Any) -> Attribute:
    """Return an attribute's value, by AttributeProto.AttributeType; a tensor as it is stored."""
    match attribute.type:
        case 1:
            return float(attribute.f)
        case 2:
            return int(attribute.i)
        case 3:
            return str(attribute.s.decode("utf-8", "replace"))
        case 4:
            return StoredTensor(attribute.t)
        case 6:
            return tuple(attribute.floats)
        case 7:
            return tuple(attribute.ints)
        case _:
            return None


def _in_order(nodes: list[Node], output: str, known: set[str], path: Path) -> tuple[Node, ...]:
    """Return the nodes that `output` needs, each after those it reads, else in file order."""
    makers: dict[str, int] = {}
    for index, node in enumerate(nodes):
        for name in filter(None, node.outputs):
            if name in makers or name in known:
                raise _broken(path, f"two places that make the tensor {short(name)}")
            makers[name] = index
    if output not in makers:
        raise _broken(path, f"that no node makes the output {short(output)}")
    needed, reads = _needed(nodes, makers, makers[output], known)
    readers: dict[int, list[int]] = {index: [] for index in needed}
    for index in needed:
        for other in reads[index]:
            readers[other].append(index)
    waiting = {index: len(reads[index]) for index in needed}
    ready = [index for index in needed if not waiting[index]]
    heapq.heapify(ready)
    order: list[Node] = []
    while ready:
        index = heapq.heappop(ready)
        order.append(nodes[index])
        for reader in readers[index]:
            waiting[reader] -= 1
            if not waiting[reader]:
                heapq.heappush(ready, reader)
    if len(order) != len(needed):
        stuck = nodes[min(index for index in needed if waiting[index])]
        raise FileFormatError(
            f"{stuck.where}: expected inputs that other nodes make, found that it needs its own "
            "output (a cycle); export the network again"
        )
    return tuple(order)


def _needed(
    nodes: list[Node], makers: Mapping[str, int], last: int, known: Iterable[str]
) -> tuple[set[int], dict[int, set[int]]]:
    """Return the numbers of the nodes that node `last` needs, and for each which it reads."""
    sources = frozenset(known)
    reads: dict[int, set[int]] = {}
    open_nodes = [last]
    while open_nodes:
        index = open_nodes.pop()
        if index in reads:
            continue
        node = nodes[index]
        for name in filter(None, node.inputs):
            if name not in makers and name not in sources:
                raise node.fail("inputs that other nodes make", f"{short(name)}, which none does")
        reads[index] = {makers[name] for name in node.inputs if name in makers}
        open_nodes.extend(reads[index])
    return set(reads), reads
