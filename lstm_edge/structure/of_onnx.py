"""What is in an ``.onnx`` file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from lstm_edge.base import gate
from lstm_edge.base.extras import require
from lstm_edge.errors import InputError
from lstm_edge.structure.contents import Structure, TensorInfo

SUFFIXES = (".onnx",)


def read(path: Path) -> Structure:
    onnx = require("onnx", f"inspecting {path.name}")
    try:
        model = onnx.load(path, load_external_data=False)
    except Exception as error:  # protobuf's DecodeError has no stable home
        raise InputError(f"{path} is not a whole ONNX file: {error}") from None
    if not model.graph.node:
        raise InputError(f"{path} is not an ONNX file, or its graph is empty")
    ops: Counter[str] = Counter()
    loops: Counter[str] = Counter()
    weights: Counter[str] = Counter()

    def dtype(number: int) -> str:
        return dtype_name(onnx.TensorProto.DataType.Name(number))

    def weigh(tensor: Any) -> None:
        if tensor.data_location == tensor.EXTERNAL:
            size = _beside(path, tensor)
        else:
            size = onnx.numpy_helper.to_array(tensor).nbytes
        weights[dtype(tensor.data_type)] += size

    def visit(graph: Any) -> None:
        for tensor in graph.initializer:
            weigh(tensor)
        for node in graph.node:
            ops[node.op_type] += 1
            for attribute in node.attribute:
                if attribute.HasField("g"):
                    loops[node.op_type] += is_over_time(n.op_type for n in attribute.g.node)
                    visit(attribute.g)
                if attribute.HasField("t"):
                    weigh(attribute.t)

    visit(model.graph)
    for function in model.functions:
        ops.update(node.op_type for node in function.node)

    def info(value: Any) -> TensorInfo:
        tensor_type = value.type.tensor_type
        shape = tuple(d.dim_value if d.HasField("dim_value") else -1 for d in tensor_type.shape.dim)
        return TensorInfo(value.name, dtype(tensor_type.elem_type), shape)

    constants = {tensor.name for tensor in model.graph.initializer}
    return Structure(
        "onnx",
        path.stat().st_size,
        tuple(info(v) for v in model.graph.input if v.name not in constants),
        tuple(info(v) for v in model.graph.output),
        dict(sorted(ops.items())),
        dict(sorted(weights.items())),
        slow_loops(loops),
    )


def _beside(path: Path, tensor: Any) -> int:
    """The bytes of an array in a file beside the model, of which nothing is read.

    Raises:
        InputError: it is not in the model's folder, or does not hold so many.
    """
    said = {entry.key: entry.value for entry in tensor.external_data}
    name = said.get("location", "")
    file = path.parent / name
    if Path(name).is_absolute() or not file.resolve().is_relative_to(path.parent.resolve()):
        raise InputError(
            f"{path}: the data of {gate.shown(tensor.name)} are to be in {gate.shown(name)}, outside of "
            "its folder, where nothing is read"
        )
    there = gate.check_regular(file, f"{path}: the file of its data")
    begin, length = (
        gate.whole_number(said.get(k, "0"), f"{path}: {k}") for k in ("offset", "length")
    )
    if begin < 0 or length < 0 or begin + length > there:
        raise InputError(f"{path}: {file.name} does not hold the data of {gate.shown(tensor.name)}")
    return length or there - begin


def dtype_name(name: str) -> str:
    name = name.lower()
    return "float32" if name == "float" else name


def is_over_time(body: Iterable[str]) -> bool:
    """Whether a loop runs over time, by its operators: one that joins strings makes words of a text."""
    return "StringConcat" not in body


def slow_loops(loops: Mapping[str, int]) -> tuple[str, ...]:
    return tuple(
        f"{loops[op]} {op} node{'s' if loops[op] > 1 else ''}: a loop over time is several times slower "
        "than a recurrent node"
        for op in ("Loop", "Scan")
        if loops.get(op)
    )
