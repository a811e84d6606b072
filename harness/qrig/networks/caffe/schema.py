"""Caffe's protobuf messages as message classes, made from the table in `messages.py`.

They live in a pool of our own, apart from those of an installed pycaffe.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from qrig.networks.caffe.messages import ENUMS, MESSAGES

_FIELD = re.compile(r"(\w+)=(\d+) (\w+)(\*p|\*)?(?:\[([^\]]*)\])?")
_SCALARS = {
    name: getattr(descriptor_pb2.FieldDescriptorProto, f"TYPE_{name.upper()}")
    for name in ("bool", "bytes", "double", "float", "int32", "int64", "string", "uint32")
}


@cache
def message(name: str) -> Any:
    """Return the protobuf class of the Caffe message called `name`; KeyError if unknown."""
    return message_factory.GetMessageClass(_pool().FindMessageTypeByName(f"qrig.caffe.{name}"))


@cache
def _pool() -> descriptor_pool.DescriptorPool:
    file = descriptor_pb2.FileDescriptorProto(
        name="qrig_caffe.proto", package="qrig.caffe", syntax="proto2"
    )
    for enum_name, values in ENUMS.items():
        # The values of an enum live in the scope around it: a message of its own keeps the MAX
        # of two enums apart.
        enum = file.message_type.add(name=f"{enum_name}Scope").enum_type.add(name=enum_name)
        for item in values.split():
            value_name, number = item.split("=")
            enum.value.add(name=value_name, number=int(number))
    for message_name, fields in MESSAGES.items():
        _add_message(file, message_name, fields)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return pool


def _add_message(file: descriptor_pb2.FileDescriptorProto, name: str, fields: str) -> None:
    entry = file.message_type.add(name=name)
    for text in fields.split(";"):
        match = _FIELD.fullmatch(" ".join(text.split()))
        if match is None:
            raise ValueError(f"schema of {name}: {text!r} is not 'name=number type'")
        field_name, number, kind, repeated, default = match.groups()
        field = entry.field.add(name=field_name, number=int(number))
        field.label = field.LABEL_REPEATED if repeated else field.LABEL_OPTIONAL
        if repeated == "*p":
            field.options.packed = True
        if default is not None:
            field.default_value = default
        if kind in _SCALARS:
            field.type = _SCALARS[kind]
        elif kind in ENUMS:
            field.type = field.TYPE_ENUM
            field.type_name = f".qrig.caffe.{kind}Scope.{kind}"
        else:
            field.type = field.TYPE_MESSAGE
            field.type_name = f".qrig.caffe.{kind}"
