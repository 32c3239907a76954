"""ONNX files: one node for each recurrent layer.

A model of Embedding, LSTM and Dense layers goes through :mod:`export.lowering.onnx_lstm`, any other
through :mod:`export.lowering.onnx_graph`.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from export import formats
from export.formats import Precision
from export.lowering import float16, forms, onnx_graph, onnx_lstm, recurrent
from export.lowering.pad_state import pad_table
from lstm_edge.base.arrays import Array
from lstm_edge.base.extras import require
from lstm_edge.models.graph import GraphModel
from lstm_edge.results.parity import Tolerance
from lstm_edge.stack import LstmStack

# Pads between two rows of the table: fewer cost bytes, more cost up to as many steps.
STRIDE = {"float32": 4, "float16": 8, "int8-dynamic": 8}

# Below this, a weight in fewer bits saves nothing and costs more nodes (TFLite draws it there too).
MIN_SIZE = 1024
# How much smaller a column's weights may be than another's, to share one scale of int8 with them.
MOST_UNEVEN = 16
TINY = float(np.finfo(np.float32).tiny)


class Exporter(formats.Exporter):
    format = "onnx"
    suffix = ".onnx"
    runtimes: ClassVar[tuple[str, ...]] = ("ONNX Runtime",)
    runtime = "onnxruntime"
    precisions = (
        Precision(
            "float32",
            Tolerance(
                max_abs=1e-5,
                flip_rate=0.0,
                flip_margin=1e-5,
                accuracy_drop=None,
                reason="the same arithmetic in another order: float32 rounding at every step",
            ),
            formats.RELATIVE_FLOAT32,
            batch=None,
            weights="float32",
        ),
        Precision("float16", formats.FLOAT16, formats.RELATIVE_FLOAT16, None, weights="float16"),
        Precision(
            "int8-dynamic",
            formats.INT8_DYNAMIC,
            formats.RELATIVE_INT8_DYNAMIC,
            # ONNX Runtime takes one activation scale for the whole batch: another example in it
            # would change the answer
            batch=1,
        ),
    )

    @classmethod
    def unsaid(cls, graph: GraphModel) -> tuple[str, ...]:
        return recurrent.unsaid(graph, "ONNX", forms.ONNX, None)

    def write_stack(self, stack: LstmStack, precision: Precision, path: Path) -> None:
        floats = path if precision.name == "float32" else self.work / "float32.onnx"
        onnx_lstm.convert(stack, pad_table(stack, STRIDE[precision.name]), floats)
        _store_as(precision, floats, path)

    def write_graph(self, graph: GraphModel, precision: Precision, path: Path) -> None:
        floats = self.work / "graph.onnx"  # the same for all precisions
        if not floats.exists():
            self._markers = onnx_graph.convert(graph, floats)
        _store_as(precision, floats, path)

    def describe_lowering(self, precision: Precision) -> str:
        if isinstance(self.model, LstmStack):
            return "LSTM nodes, pad-state table"
        return self._markers.describe(precision.name == "int8-dynamic")


def _store_as(precision: Precision, floats: Path, path: Path) -> None:
    """The float32 file in a precision."""
    if precision.name == "float16":
        store_float16(floats, path)
    elif precision.name == "int8-dynamic":
        quantise(floats, path)
    elif floats != path:
        shutil.copyfile(floats, path)


def quantise(source: Path, path: Path, per_channel: bool = False) -> None:
    """``quantize_dynamic`` of the float32 file: LSTM layers, the embedding, large products.

    ONNX Runtime has no quantised GRU or RNN, and none of its own in a loop's body: their weights are
    stored in int8, and the arithmetic stays in float32. The pad-state table stays float32: it is state,
    not weights. ``per_channel`` is for the benchmark that shows why it is not used
    (``benchmarks/int8.py``): on x86 processors without VNNI, ONNX Runtime's int8 products saturate, and
    weights that use all of each channel's range do so often.
    """
    onnx = require("onnx", "quantising ONNX")
    quantization: Any = require("onnxruntime.quantization", "quantising ONNX")
    model = onnx.load(source)
    _own_weights(model)
    _even_columns(onnx, model)
    _store(onnx, model, _IN_FLOATS, _as_int8)
    quantised = [
        node.name
        for node, weights in _weights(model)
        if (weights or node.op_type == "LSTM") and node.op_type not in _IN_FLOATS
    ]
    if not quantised:  # an empty list would mean all
        onnx.save(model, path)
        return
    quantization.quantize_dynamic(
        model,
        path,
        weight_type=quantization.QuantType.QUInt8,
        per_channel=per_channel,
        nodes_to_quantize=quantised,
    )


def store_float16(source: Path, path: Path) -> None:
    """The float32 file with its weights stored in float16, and the arithmetic in float32 as before.

    A Cast behind a constant is done once, when the file is loaded; rows of the embedding are cast
    after they were looked up, so that the table stays small in memory too. The pad-state table stays
    float32: it is state, not weights.
    """
    onnx = require("onnx", "storing ONNX in float16")
    model = onnx.load(source)
    _store(onnx, model, (*_PLACES, *LOOPS), _as_float16)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)


# operator -> which of its inputs are weights
_PLACES = {
    "Gather": (0,),
    "LSTM": (1, 2),
    "GRU": (1, 2),
    "RNN": (1, 2),
    "MatMul": (0, 1),
    "Conv": (1,),
    "ConvTranspose": (1,),
}
# Nodes with a body, where what is a weight is not a matter of a place.
LOOPS = ("Loop", "Scan", "If")
# Nodes whose products ONNX Runtime has not in int8.
_IN_FLOATS = ("GRU", "RNN", "ConvTranspose", *LOOPS)


def _store(
    onnx: Any, model: Any, op_types: Sequence[str], stored: Callable[[Array], _Stored | None]
) -> None:
    """Store the weights of some kinds of node in fewer bits, with what makes floats of them behind.

    What stands behind a constant is computed once, when the file is loaded; for a Loop before it begins.
    ``stored`` gives None for weights that stay as they are.
    """
    graph = model.graph
    constants = {tensor.name: tensor for tensor in graph.initializer}
    scaled: set[str] = set()
    behind: dict[str, list[Any]] = {}
    for node, names in list(_weights(model)):
        for name in names if node.op_type in op_types else ():
            if f"{name}_stored" not in constants:
                kept = stored(onnx.numpy_helper.to_array(constants[name]))
                if kept is None:
                    continue
                tensor = graph.initializer.add()
                tensor.CopyFrom(onnx.numpy_helper.from_array(kept.values, f"{name}_stored"))
                constants[tensor.name] = tensor
                if kept.scale is not None:
                    scale = graph.initializer.add()
                    scale.CopyFrom(onnx.numpy_helper.from_array(kept.scale, f"{name}_scale"))
                    scaled.add(name)
            if node.op_type == "Gather":
                rows = node.output[0]
                node.input[0], node.output[0] = f"{name}_stored", f"{rows}_stored"
                after = _floats(onnx, node.output[0], rows, None)
                graph.node.insert(list(graph.node).index(node) + 1, after[0])
            else:
                onnx_graph.rename([node], {name: f"{name}_float32"})
                behind[name] = _floats(
                    onnx,
                    f"{name}_stored",
                    f"{name}_float32",
                    f"{name}_scale" if name in scaled else None,
                )
    for nodes in behind.values():
        for node in reversed(nodes):
            graph.node.insert(0, node)
    _drop_unused(graph)


@dataclass(frozen=True)
class _Stored:
    """Weights in fewer bits; times ``scale``, where there is one, they are the weights."""

    values: Array
    scale: Array | None = None


def _as_float16(weights: Array) -> _Stored | None:
    return _Stored(weights.astype(np.float16)) if float16.holds(weights) else None


def _as_int8(weights: Array) -> _Stored:
    """A scale for each row: the arithmetic is in float, so that nothing can saturate."""
    # a row of a small window would cost as much for its scale
    row = -1 if weights.shape[-1] >= 16 else tuple(range(1, weights.ndim))
    scale = np.maximum(np.abs(weights).max(row, keepdims=True), TINY) / 127
    return _Stored(np.round(weights / scale).astype(np.int8), scale.astype(np.float32))


def _floats(onnx: Any, name: str, behind: str, scale: str | None) -> list[Any]:
    """Nodes that make float32 ``behind`` of what is stored as ``name``."""
    cast = behind if scale is None else f"{behind}_cast"
    nodes = [
        onnx.helper.make_node(
            "Cast", [name], [cast], name=f"{behind}_from_stored", to=onnx.TensorProto.FLOAT
        )
    ]
    if scale is not None:
        nodes.append(onnx.helper.make_node("Mul", [cast, scale], [behind], name=f"{behind}_scaled"))
    return nodes


def _weights(model: Any) -> Iterator[tuple[Any, list[str]]]:
    """Nodes that hold weights, and which of their inputs are large enough to be stored in fewer bits."""
    sizes = {
        t.name: int(np.prod(t.dims, dtype=np.int64))
        for t in model.graph.initializer
        if t.data_type == 1  # float32
    }
    for node in model.graph.node:
        names = [*node.input]
        if node.op_type in LOOPS:
            names = [*dict.fromkeys(onnx_graph.names_in(node))]
        # not a look-up of a state, which may be as large as the embedding
        elif node.op_type not in _PLACES or (
            node.op_type == "Gather" and names[1] == onnx_lstm.ROW
        ):
            continue
        else:
            names = [names[place] for place in _PLACES[node.op_type] if place < len(names)]
        yield node, [name for name in names if sizes.get(name, 0) >= MIN_SIZE]


def _even_columns(onnx: Any, model: Any) -> None:
    """Bring the columns of a product to one scale, and its output back: int8 has one for all of them.

    A column whose weights are far smaller than another's would be rounded away.
    """
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    for node, names in list(_weights(model)):
        if node.op_type != "MatMul" or node.input[1] not in names:
            continue
        weights = onnx.numpy_helper.to_array(constants[node.input[1]])
        greatest = np.abs(weights).max(tuple(range(weights.ndim - 1)))
        scale = np.where(greatest > 0, greatest / max(greatest.max(), TINY), 1)
        scale = np.where(scale < 1 / MOST_UNEVEN, scale, 1).astype(np.float32)
        if (scale == 1).all():
            continue
        even, factor, output = (f"{node.output[0]}_{part}" for part in ("even", "scale", "product"))
        for name, values in ((even, weights / scale), (factor, scale)):
            model.graph.initializer.append(onnx.numpy_helper.from_array(values, name))
        back = onnx.helper.make_node(
            "Mul", [output, factor], [node.output[0]], name=f"{output}_back"
        )
        node.input[1], node.output[0] = even, output
        model.graph.node.insert(list(model.graph.node).index(node) + 1, back)
    _drop_unused(model.graph)


def _drop_unused(graph: Any) -> None:
    """Leave out constants that no node takes any more."""
    used = {name for node in graph.node for name in onnx_graph.names_in(node)}
    used |= {value.name for value in graph.output}
    kept = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)


def _own_weights(model: Any) -> None:
    """Give each LSTM its own W and R: ``quantize_dynamic`` transposes a shared one twice."""
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    used: set[str] = set()
    for node in model.graph.node:
        for place in (1, 2) if node.op_type == "LSTM" else ():
            name = node.input[place]
            if name in used:
                node.input[place] = f"{name}_{node.name}"
                model.graph.initializer.add().CopyFrom(constants[name])
                model.graph.initializer[-1].name = node.input[place]
            used.add(name)
