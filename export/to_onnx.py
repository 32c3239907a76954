"""ONNX files: one ``LSTM`` node for each layer (see :mod:`export.lowering.onnx_lstm`)."""

from __future__ import annotations

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
STRIDE = {"float32": 4, "int8-dynamic": 8}

# Below this, quantising a weight saves nothing and costs three more nodes (TFLite draws it there
# too).
MIN_QUANTISED = 1024


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
            quantise(floats, path)


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
    sizes = {t.name: int(np.prod(t.dims, dtype=np.int64)) for t in model.graph.initializer}

    def is_weight(node: Any) -> bool:
        largest = max((sizes.get(name, 0) for name in node.input), default=0)
        if node.op_type == "Gather":  # not of a state, which may be as large as the embedding
            return bool(node.input[1] == onnx_lstm.TOKENS)
        return node.op_type == "LSTM" or (node.op_type == "MatMul" and largest >= MIN_QUANTISED)

    quantization.quantize_dynamic(
        model,
        path,
        weight_type=quantization.QuantType.QUInt8,
        per_channel=per_channel,
        nodes_to_quantize=[node.name for node in model.graph.node if is_weight(node)],
    )


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
