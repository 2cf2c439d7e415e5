"""Read the graph of a member from its bytes, with NumPy alone.

An ONNX file is one protocol-buffers message; of its schema (github.com/onnx/onnx, onnx/onnx.proto)
only what a member uses is read: nodes with their attributes, and constants. An engine without its
own reader of ONNX needs nothing more.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from shared.errors import ModelError

__all__ = ["Array", "Attribute", "Graph", "Node", "read_graph"]

Array: TypeAlias = NDArray[np.generic]
Attribute: TypeAlias = int | float | str | tuple[int, ...] | tuple[float, ...] | Array
Field: TypeAlias = int | memoryview

_MODEL_GRAPH: Final = 7
_NODE, _INITIALIZER = 1, 5
_INPUT, _OUTPUT, _OP_TYPE, _ATTRIBUTE = 1, 2, 4, 5
_NAME, _FLOAT, _INT, _STRING, _TENSOR, _FLOATS, _INTS = 1, 2, 3, 4, 5, 7, 8
_DIMS, _DATA_TYPE, _FLOAT_DATA, _INT64_DATA, _TENSOR_NAME, _RAW = 1, 2, 4, 7, 8, 9
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_TYPES: Final = {1: "<f4", 6: "<i4", 7: "<i8", 10: "<f2", 11: "<f8"}
"""NumPy's types of ONNX's ``TensorProto.DataType``."""


@dataclass(frozen=True)
class Node:
    """One operation."""

    kind: str
    """ONNX's name of it, such as ``Conv``."""
    inputs: tuple[str, ...]
    """Names of values; empty where an optional one is left out."""
    outputs: tuple[str, ...]
    attributes: dict[str, Attribute]


@dataclass(frozen=True)
class Graph:
    """Operations in the order of their execution, and the constants they use."""

    nodes: tuple[Node, ...]
    constants: dict[str, Array]


def read_graph(member: bytes) -> Graph:
    """Read a member.

    Raises:
        ModelError: The bytes are not an ONNX file, or use a type that members do not have.
    """
    try:
        nodes, constants = [], {}
        for number, value in _fields(_only(memoryview(member), _MODEL_GRAPH)):
            if number == _NODE:
                nodes.append(_node(_view(value)))
            elif number == _INITIALIZER:
                name, constant = _tensor(_view(value))
                constants[name] = constant
    except (ValueError, IndexError, KeyError, struct.error, UnicodeDecodeError) as error:
        raise ModelError(
            f"A member is not an ONNX file that can be read: {error}.",
            remedy="Export it again, or set detector.engine to onnx.",
        ) from error
    return Graph(tuple(nodes), constants)


def _fields(message: memoryview) -> Iterator[tuple[int, Field]]:
    """Yield the fields of a message: number, and an integer or the bytes."""
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        number, wire = key >> 3, key & 7
        if wire == _VARINT:
            value, place = _varint(message, place)
            yield number, value
            continue
        size = {_FIXED64: 8, _FIXED32: 4}.get(wire)
        if size is None:
            if wire != _BYTES:
                raise ValueError(f"wire type {wire}")
            size, place = _varint(message, place)
        if place + size > len(message):
            raise ValueError("it ends too early")
        yield number, message[place : place + size]
        place += size


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    """Return a variable-length integer, signed as int64, and the place after it."""
    value = 0
    for shift in range(0, 70, 7):
        byte = message[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            value &= 2**64 - 1
            return (value - 2**64 if value >= 2**63 else value), place
    raise ValueError("an integer does not end")


def _node(message: memoryview) -> Node:
    kind, inputs, outputs, attributes = "", [], [], {}
    for number, value in _fields(message):
        if number == _INPUT:
            inputs.append(_text(value))
        elif number == _OUTPUT:
            outputs.append(_text(value))
        elif number == _OP_TYPE:
            kind = _text(value)
        elif number == _ATTRIBUTE:
            name, attribute = _named_attribute(_view(value))
            attributes[name] = attribute
    return Node(kind, tuple(inputs), tuple(outputs), attributes)


def _named_attribute(message: memoryview) -> tuple[str, Attribute]:
    name, found = "", None
    integers: list[int] = []
    floats: list[float] = []
    for number, value in _fields(message):
        if number == _NAME:
            name = _text(value)
        elif number == _INTS:
            integers += _packed_integers(value)
        elif number == _FLOATS:
            floats += np.frombuffer(_view(value), "<f4").tolist()
        elif number in (_FLOAT, _INT, _STRING, _TENSOR):
            found = _single(number, value)
    if integers or floats:
        return name, tuple(integers) or tuple(floats)
    return name, () if found is None else found


def _single(number: int, value: Field) -> Attribute:
    if number == _INT and isinstance(value, int):
        return value
    if number == _FLOAT:
        return float(struct.unpack("<f", _view(value))[0])
    return _text(value) if number == _STRING else _tensor(_view(value))[1]


def _tensor(message: memoryview) -> tuple[str, Array]:
    name, shape, kind, data = "", [], 0, b""
    integers: list[int] = []
    for number, value in _fields(message):
        if number == _TENSOR_NAME:
            name = _text(value)
        elif number == _DIMS:
            shape += _packed_integers(value)
        elif number == _DATA_TYPE and isinstance(value, int):
            kind = value
        elif number in (_RAW, _FLOAT_DATA):
            data += bytes(_view(value))
        elif number == _INT64_DATA:
            integers += _packed_integers(value)
    if integers:
        return name, np.array(integers, np.int64).reshape(shape)
    return name, np.frombuffer(data, _TYPES[kind]).reshape(shape)


def _packed_integers(value: Field) -> list[int]:
    """Return a repeated integer field: one at a time, or many packed."""
    if isinstance(value, int):
        return [value]
    found, place = [], 0
    while place < len(value):
        one, place = _varint(value, place)
        found.append(one)
    return found


def _only(message: memoryview, wanted: int) -> memoryview:
    for number, value in _fields(message):
        if number == wanted:
            return _view(value)
    raise ValueError("it has no graph")


def _view(value: Field) -> memoryview:
    if isinstance(value, int):
        raise struct.error("an integer stands where bytes belong")
    return value


def _text(value: Field) -> str:
    return bytes(_view(value)).decode()
