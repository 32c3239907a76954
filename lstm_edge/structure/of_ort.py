"""What is in an ``.ort`` file."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from lstm_edge.base.extras import require
from lstm_edge.errors import InputError
from lstm_edge.structure.containers import Listed
from lstm_edge.structure.contents import Structure, TensorInfo
from lstm_edge.structure.of_onnx import dtype_name, is_over_time, slow_loops
from lstm_edge.structure.of_tflite import names_of

SUFFIXES = (".ort",)


def read(path: Path) -> Structure:
    """ONNX Runtime's own format, by its own schema, which comes with the runtime."""
    purpose = f"inspecting {path.name}"
    require("onnxruntime.tools.ort_format_model", purpose)  # makes the schema importable
    fbs = require("ort_flatbuffers_py.fbs", purpose)
    content = path.read_bytes()
    session = fbs.InferenceSession.InferenceSession
    if not session.InferenceSessionBufferHasIdentifier(content, 0):
        raise InputError(f"{path} is not an ORT file (its identifier is missing)")
    type_names = names_of(fbs.TensorDataType.TensorDataType)
    attributes = fbs.AttributeType.AttributeType
    ops: Counter[str] = Counter()
    loops: Counter[str] = Counter()
    listed = Listed(len(content), f"{path}")
    weights: Counter[str] = Counter()

    def weigh(tensor: Any) -> None:
        strings = sum(len(tensor.StringData(i)) for i in listed.take(tensor.StringDataLength()))
        # as an array: a file that is cut short does not give it
        held = tensor.RawDataAsNumpy().nbytes if tensor.RawDataLength() else 0
        weights[dtype_name(type_names[tensor.DataType()])] += held + strings

    def visit(graph: Any) -> None:
        for i in listed.take(graph.InitializersLength()):
            weigh(graph.Initializers(i))
        for node in map(graph.Nodes, listed.take(graph.NodesLength())):
            ops[node.OpType().decode()] += 1
            for attribute in map(node.Attributes, listed.take(node.AttributesLength())):
                if attribute.Type() == attributes.GRAPH:
                    body = attribute.G()
                    nodes = map(body.Nodes, listed.take(body.NodesLength()))
                    inside = [inner.OpType().decode() for inner in nodes]
                    loops[node.OpType().decode()] += is_over_time(inside)
                    visit(body)
                elif attribute.Type() == attributes.TENSOR:
                    weigh(attribute.T())

    graph = session.GetRootAs(content, 0).Model().Graph()
    visit(graph)
    values = {v.Name(): v for v in map(graph.NodeArgs, listed.take(graph.NodeArgsLength()))}
    constants = {graph.Initializers(i).Name() for i in range(graph.InitializersLength())}

    def info(name: bytes) -> TensorInfo:
        tensor_type = fbs.TensorTypeAndShape.TensorTypeAndShape()
        table = values[name].Type().Value()
        tensor_type.Init(table.Bytes, table.Pos)
        sizes = tensor_type.Shape()
        dims = [sizes.Dim(i).Value() for i in listed.take(sizes.DimLength())]
        fixed = fbs.DimensionValueType.DimensionValueType.VALUE
        shape = tuple(int(d.DimValue()) if d.DimType() == fixed else -1 for d in dims)
        return TensorInfo(name.decode(), dtype_name(type_names[tensor_type.ElemType()]), shape)

    inputs = map(graph.Inputs, listed.take(graph.InputsLength()))
    return Structure(
        "ort",
        len(content),
        tuple(info(name) for name in inputs if name not in constants),
        tuple(info(graph.Outputs(i)) for i in listed.take(graph.OutputsLength())),
        dict(sorted(ops.items())),
        dict(sorted(weights.items())),
        slow_loops(loops),
    )
