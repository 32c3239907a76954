"""TFLite files as the converter writes them, opened, changed and written again."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Any

from lstm_edge.base.extras import require

_PURPOSE = "exporting to TFLite"


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


def _copied(model: Any, graph: Any, index: int) -> int:
    """A tensor of its own with the same content."""
    graph.tensors.append(copy(graph.tensors[index]))
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
