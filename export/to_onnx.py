"""ONNX files: one ``LSTM`` node for each layer (see :mod:`export.lowering.onnx_lstm`)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from export import formats
from export.formats import Precision
from export.lowering import onnx_lstm
from export.lowering.pad_state import pad_table
from lstm_edge.extras import require
from lstm_edge.parity import Tolerance

# Pads between two rows of the table: fewer cost bytes, more cost up to as many steps.
STRIDE = {"float32": 4, "float16": 8, "int8-dynamic": 8}

# Below this, a weight in fewer bits saves nothing and costs more nodes (TFLite draws it there too).
MIN_SIZE = 1024


class Exporter(formats.Exporter):
    format = "onnx"
    suffix = ".onnx"
    lowering = "LSTM nodes, pad-state table"
    runtimes = ("ONNX Runtime",)
    precisions = (
        Precision(
            "float32",
            Tolerance(
                max_abs=1e-5,
                flip_rate=0.0,
                flip_margin=1e-5,
                accuracy_drop=None,
                reason="the same arithmetic in another order: float32 rounding over 500 steps",
            ),
            batch=None,
        ),
        Precision("float16", formats.FLOAT16, batch=None),
        Precision(
            "int8-dynamic",
            formats.INT8_DYNAMIC,
            # ONNX Runtime takes one activation scale for the whole batch: another example in it
            # would change the answer
            batch=1,
        ),
    )

    def write(self, precision: Precision, path: Path) -> None:
        table = pad_table(self.stack, STRIDE[precision.name])
        if precision.name == "float32":
            onnx_lstm.convert(self.stack, table, path)
        else:
            floats = self.work / "float32.onnx"
            onnx_lstm.convert(self.stack, table, floats)
            (store_float16 if precision.name == "float16" else quantise)(floats, path)


def quantise(source: Path, path: Path, per_channel: bool = False) -> None:
    """``quantize_dynamic`` of the float32 file: LSTM layers, the embedding, large Dense layers.

    The pad-state table stays float32: it is state, not weights. ``per_channel`` is for the benchmark
    that shows why it is not used (``benchmarks/int8.py``): on x86 processors without VNNI, ONNX
    Runtime's int8 products saturate, and weights that use all of each channel's range do so often.
    """
    onnx = require("onnx", "quantising ONNX")
    quantization: Any = require("onnxruntime.quantization", "quantising ONNX")
    model = onnx.load(source)
    _own_weights(model)
    quantization.quantize_dynamic(
        model,
        path,
        weight_type=quantization.QuantType.QUInt8,
        per_channel=per_channel,
        nodes_to_quantize=[
            node.name for node, weights in _weights(model) if weights or node.op_type == "LSTM"
        ],
    )


def store_float16(source: Path, path: Path) -> None:
    """The float32 file with its weights stored in float16, and the arithmetic in float32 as before.

    A Cast behind a constant is done once, when the file is loaded; rows of the embedding are cast
    after they were looked up, so that the table stays small in memory too. The pad-state table stays
    float32: it is state, not weights.
    """
    onnx = require("onnx", "storing ONNX in float16")
    model = onnx.load(source)
    graph = model.graph
    constants = {tensor.name: tensor for tensor in graph.initializer}
    casts = {}

    def cast(name: str, behind: str) -> Any:
        return onnx.helper.make_node(
            "Cast", [name], [behind], name=f"{behind}_cast", to=onnx.TensorProto.FLOAT
        )

    for node, weights in list(_weights(model)):
        for place in weights:
            name = node.input[place]
            tensor = constants[name]
            if tensor.data_type == onnx.TensorProto.FLOAT:
                half = onnx.numpy_helper.to_array(tensor).astype(np.float16)
                tensor.CopyFrom(onnx.numpy_helper.from_array(half, name))
            if node.op_type == "Gather":
                rows = node.output[0]
                node.output[0] = f"{rows}_float16"
                graph.node.insert(list(graph.node).index(node) + 1, cast(node.output[0], rows))
            else:
                node.input[place] = f"{name}_float32"
                casts[name] = cast(name, node.input[place])
    for node in casts.values():
        graph.node.insert(0, node)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)


def _weights(model: Any) -> Iterator[tuple[Any, list[int]]]:
    """Nodes that hold weights, and which of their inputs are large enough to be stored in fewer bits."""
    sizes = {t.name: int(np.prod(t.dims, dtype=np.int64)) for t in model.graph.initializer}
    places = {"Gather": (0,), "LSTM": (1, 2), "MatMul": (0, 1)}
    for node in model.graph.node:
        # not a look-up of a state, which may be as large as the embedding
        if node.op_type in places and (
            node.op_type != "Gather" or node.input[1] == onnx_lstm.TOKENS
        ):
            large = [p for p in places[node.op_type] if sizes.get(node.input[p], 0) >= MIN_SIZE]
            yield node, large


def _own_weights(model: Any) -> None:
    """Give each LSTM its own W and R: ``quantize_dynamic`` transposes a shared one twice."""
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    taken: set[str] = set()
    for node in model.graph.node:
        for place in (1, 2) if node.op_type == "LSTM" else ():
            name = node.input[place]
            if name in taken:
                node.input[place] = f"{name}_{node.name}"
                model.graph.initializer.add().CopyFrom(constants[name])
                model.graph.initializer[-1].name = node.input[place]
            taken.add(name)
