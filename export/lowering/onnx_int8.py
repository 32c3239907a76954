"""ONNX ``int8-dynamic``: ``DynamicQuantizeLSTM`` and an int8 embedding with a scale for each word.

Written here and not by ``onnxruntime.quantization``, because that knows one scale for a whole matrix
or its ``per_channel=True``, which flipped 2.3 % of the labels. One scale for each gate unit and each
word halves the flips of one for the whole (docs/performance.md has the figures). Dense layers do
go through ``quantize_dynamic`` where they are large enough to gain.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from export.lowering import onnx_lstm
from lstm_edge.extras import require
from lstm_edge.stack import Array

# Below this, quantising a weight saves nothing and costs three more nodes (TFLite draws it there too).
MIN_QUANTISED = 1024


def convert(source: Path, path: Path) -> None:
    """Quantise the float32 file ``source`` into ``path``."""
    onnx = require("onnx", "quantising ONNX")
    model = onnx.load(source)
    graph = _Graph(onnx, model.graph)
    for node in list(model.graph.node):
        if node.op_type == "LSTM":
            _quantise_lstm(graph, node)
        elif node.op_type == "Gather" and node.input[1] == onnx_lstm.TOKENS:
            _quantise_embedding(graph, node)
    graph.prune()
    if all(entry.domain != "com.microsoft" for entry in model.opset_import):
        model.opset_import.append(onnx.helper.make_opsetid("com.microsoft", 1))
    onnx.checker.check_model(model)
    onnx.save(model, path)
    dense = [
        node.name
        for node in model.graph.node
        if node.op_type == "MatMul" and graph.size(node.input[1]) >= MIN_QUANTISED
    ]
    if dense:
        quantization: Any = require("onnxruntime.quantization", "quantising ONNX")
        quantization.quantize_dynamic(
            path,
            path,
            weight_type=quantization.QuantType.QUInt8,
            nodes_to_quantize=dense,
            # it cannot infer what comes out of DynamicQuantizeLSTM
            extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
        )


class _Graph:
    """Replaces nodes and constants of an ONNX graph."""

    def __init__(self, onnx: Any, graph: Any) -> None:
        self.onnx, self.graph = onnx, graph
        self.constants = {tensor.name: tensor for tensor in graph.initializer}

    def size(self, name: str) -> int:
        """Values in a constant; 0 for what is not one."""
        tensor = self.constants.get(name)
        return 0 if tensor is None else int(np.prod(tensor.dims, dtype=np.int64))

    def value(self, name: str) -> Array:
        return np.asarray(self.onnx.numpy_helper.to_array(self.constants[name]))

    def prune(self) -> None:
        """Remove the constants that no node takes any more."""
        used = {name for node in self.graph.node for name in node.input}
        for name in self.constants.keys() - used:
            self.graph.initializer.remove(self.constants.pop(name))

    def const(self, name: str, value: Array) -> str:
        if name in self.constants:  # of layers that share their weights
            return name
        tensor = self.onnx.numpy_helper.from_array(np.ascontiguousarray(value), name)
        self.graph.initializer.append(tensor)
        self.constants[name] = self.graph.initializer[-1]
        return name

    def replace(self, node: Any, *new: Any) -> None:
        at = list(self.graph.node).index(node)
        self.graph.node.remove(node)
        for offset, item in enumerate(new):
            self.graph.node.insert(at + offset, item)


def _scales(weights: Array, axis: int) -> Array:
    """The greatest absolute value along ``axis`` becomes 127; an all-zero row keeps 1."""
    greatest = np.abs(weights).max(axis, keepdims=True)
    return np.where(greatest == 0, 1, greatest / 127).astype(np.float32)


def _quantise_lstm(graph: _Graph, node: Any) -> None:
    x, *weights, bias, lengths, hidden, cell = node.input
    tensors, scales = [], []
    for name in weights:
        value = graph.value(name)  # [1, 4U, D]
        scale = _scales(value, 2)
        stored = np.rint(value / scale).astype(np.int8)
        tensors.append(graph.const(f"{name}_int8", stored.transpose(0, 2, 1)))
        scales.append(graph.const(f"{name}_scale", scale[..., 0]))
        scales.append(graph.const(f"{name}_zero_point", np.zeros(scale.shape[:2], np.int8)))
    graph.replace(
        node,
        graph.onnx.helper.make_node(
            "DynamicQuantizeLSTM",
            [x, *tensors, bias, lengths, hidden, cell, "", *scales],
            node.output,
            name=f"{node.name}_int8",
            domain="com.microsoft",
            **{a.name: graph.onnx.helper.get_attribute_value(a) for a in node.attribute},
        ),
    )


def _quantise_embedding(graph: _Graph, node: Any) -> None:
    """Gather rows of int8 and their scales [T, N, 1]; their product is the embedding [T, N, D]."""
    table, ids = node.input
    value, helper, name = graph.value(table), graph.onnx.helper, node.name
    scale = _scales(value, 1)
    rows = graph.const(f"{table}_int8", np.rint(value / scale).astype(np.int8))
    scales = graph.const(f"{table}_scale", scale)
    graph.replace(
        node,
        helper.make_node("Gather", [rows, ids], [f"{name}_rows"]),
        helper.make_node("Gather", [scales, ids], [f"{name}_scales"]),
        helper.make_node(
            "Cast", [f"{name}_rows"], [f"{name}_floats"], to=graph.onnx.TensorProto.FLOAT
        ),
        helper.make_node("Mul", [f"{name}_floats", f"{name}_scales"], node.output),
    )
