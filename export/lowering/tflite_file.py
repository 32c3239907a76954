"""TFLite files as the converter writes them, opened, changed and written again."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Any

import numpy as np

from lstm_edge.base.arrays import Array
from lstm_edge.base.extras import require
from lstm_edge.structure.of_tflite import names_of

_PURPOSE = "exporting to TFLite"
# Zeros fewer than these cost less as they are.
MIN_SIZE = 1024


def opened(content: bytes) -> Any:
    """The flatbuffer as objects (``ModelT``)."""
    return _schema().ModelT.InitFromPackedBuf(content, 0)


def packed(model: Any) -> bytes:
    """What :func:`opened` gave, as a file."""
    builder = require("flatbuffers", _PURPOSE).Builder(1 << 16)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def in_order(content: bytes, order: Sequence[str]) -> bytes:
    """The file with its inputs and outputs, and their tensors, named and ordered as the model's.

    The converter's own order is any, and its tensors are called ``StatefulPartitionedCall:2``: who calls
    by index has nothing to go by.

    Args:
        order: names of the inputs, and names of the outputs, each in their order.
    """
    model = opened(content)
    place = {name.encode(): number for number, name in enumerate(order)}
    main, signature = model.subgraphs[0], model.signatureDefs[0]
    named: set[int] = set()
    for end in ("inputs", "outputs"):
        ends = sorted(getattr(signature, end), key=lambda port: place.get(port.name, 0))
        for port in ends:
            if (
                port.tensorIndex in named
            ):  # two outputs of one tensor, which CompiledModel takes for one
                port.tensorIndex = _copied(model, main, port.tensorIndex)
            main.tensors[port.tensorIndex].name = port.name
            named.add(port.tensorIndex)
        setattr(signature, end, ends)
        setattr(main, end, [port.tensorIndex for port in ends])
    return packed(model)


def with_zeros_filled(content: bytes) -> bytes:
    """The file with large zeros that its loops begin with filled in at each call.

    As a constant they may be as large as a whole sequence.
    """
    model, schema = opened(content), _schema()
    zeros = None
    for graph in model.subgraphs:
        users: dict[int, list[Any]] = {}
        for operator in graph.operators:
            for index in map(int, operator.inputs):
                users.setdefault(index, []).append(operator)
        for index, tensor in enumerate([*graph.tensors]):
            data = model.buffers[tensor.buffer].data
            if data is None or np.prod(tensor.shape) < MIN_SIZE or np.any(data):
                continue
            out, takers = index, users.get(index, [])
            unpacked = len(takers) == 1 and kind_of(model, takers[0]) == "DEQUANTIZE"
            if unpacked:
                out = int(takers[0].outputs[0])
            if {kind_of(model, taker) for taker in users.get(out, [])} != {"WHILE"}:
                continue
            if unpacked:
                graph.operators.remove(takers[0])
            tensor.buffer = 0
            shape = np.array(graph.tensors[out].shape, np.int32)
            zeros = zeros or _buffer(model, np.zeros(1, np.float32))
            inputs = [
                _constant(
                    graph,
                    b"zeros/shape",
                    schema.TensorType.INT32,
                    [len(shape)],
                    _buffer(model, shape),
                ),
                _constant(graph, b"zeros/value", schema.TensorType.FLOAT32, [], zeros),
            ]
            graph.operators.insert(0, _operator(model, "FILL", inputs, [out]))
    if zeros is None:
        return content
    used = {tensor.buffer for graph in model.subgraphs for tensor in graph.tensors}
    used |= {note.buffer for note in model.metadata or ()}
    for number, buffer in enumerate(model.buffers):
        if number not in used:
            buffer.data = None
    return packed(model)


def _constant(graph: Any, name: bytes, dtype: int, shape: Sequence[int], buffer: int) -> int:
    tensor = _schema().TensorT()
    tensor.name, tensor.type, tensor.buffer = name, dtype, buffer
    tensor.shape, tensor.hasRank = np.array(shape, np.int32), True
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1


def _buffer(model: Any, data: Array) -> int:
    buffer = _schema().BufferT()
    buffer.data = np.frombuffer(data.tobytes(), np.uint8)
    model.buffers.append(buffer)
    return len(model.buffers) - 1


def kind_of(model: Any, operator: Any) -> str:
    """An operator's name in the schema, such as ``DEQUANTIZE``."""
    code = model.operatorCodes[operator.opcodeIndex]
    return names_of(_schema().BuiltinOperator)[max(code.builtinCode, code.deprecatedBuiltinCode)]


def _copied(model: Any, graph: Any, index: int) -> int:
    """A tensor of its own with the same content."""
    graph.tensors.append(copy(graph.tensors[index]))
    data = model.buffers[graph.tensors[index].buffer].data
    if data is not None and len(data):  # a constant: nothing may write to it
        return len(graph.tensors) - 1
    graph.operators.append(_operator(model, "CAST", [index], [len(graph.tensors) - 1]))
    return len(graph.tensors) - 1


def _operator(model: Any, name: str, inputs: Sequence[int], outputs: Sequence[int]) -> Any:
    schema = _schema()
    number = getattr(schema.BuiltinOperator, name)
    known = [max(code.builtinCode, code.deprecatedBuiltinCode) for code in model.operatorCodes]
    if number not in known:
        code = schema.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = number
        code.version = 1
        model.operatorCodes.append(code)
        known.append(number)
    operator = schema.OperatorT()
    operator.opcodeIndex = known.index(number)
    operator.inputs, operator.outputs = list(inputs), list(outputs)
    return operator


def _schema() -> Any:
    return require("ai_edge_litert.schema_py_generated", _PURPOSE)
