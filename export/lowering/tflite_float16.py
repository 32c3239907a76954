"""TFLite in float16: back in float32 what saves nothing, or needs more digits.

The converter rounds each constant to float16, also what a model scales its inputs by: a mean of 101325
becomes infinite, and one of 1013.25 is off by a quarter.
"""

from __future__ import annotations

from copy import copy
from typing import Any

import numpy as np

from export.lowering import float16, tflite_file
from export.lowering.recurrent import outweighs
from lstm_edge.base.extras import require
from lstm_edge.errors import ConversionError
from lstm_edge.models.graph import GraphModel

_PURPOSE = "exporting to TFLite"
# Below this, a weight in fewer bits saves nothing (ONNX draws it there too).
MIN_SIZE = 1024


def needs_digits(graph: GraphModel) -> bool:
    """Whether the model has constants of any size, or such that float16 cannot hold."""
    layers = require("keras", _PURPOSE).layers
    scaled = [port.scale for port in graph.inputs] + [port.unscale for port in graph.outputs]
    return (
        any(scaled)
        or any(
            isinstance(
                layer,
                layers.Normalization
                | layers.BatchNormalization
                | layers.Rescaling
                | layers.Discretization,
            )
            for layer in graph.model._flatten_layers()
        )
        or any(
            type(layer) is layers.Dense and outweighs(layer)
            for layer in graph.model._flatten_layers()
        )
        or not all(map(float16.holds, map(np.asarray, graph.model.get_weights())))
    )


def mended(content: bytes, floats: bytes) -> bytes:
    """The float16 file with constants of the float32 file of the same graph: the small ones, and those
    that float16 cannot hold.

    Raises:
        ConversionError: the converter made other operators for one of the two.
    """
    schema = require("ai_edge_litert.schema_py_generated", _PURPOSE)
    model, right = tflite_file.opened(content), tflite_file.opened(floats)
    kind = tflite_file.kind_of
    for graph, exact in zip(model.subgraphs, right.subgraphs, strict=True):
        made = {
            operator.outputs[0]
            for operator in graph.operators
            if kind(model, operator) == "DEQUANTIZE"
            and _constant(model, graph, operator.inputs[0]) is not None
        }
        others = [o for o in graph.operators if o.outputs[0] not in made]
        if [kind(model, o) for o in others] != [kind(right, o) for o in exact.operators]:
            raise ConversionError(
                "TFLite's converter made other operators in float16 than in float32"
            )
        for operator, like in zip(others, exact.operators, strict=True):
            operator.inputs = list(map(int, operator.inputs))
            for place, at in enumerate(map(int, like.inputs)):
                stored = operator.inputs[place] in made
                data = _constant(right, exact, at) if stored else None
                if data is None or (len(data) >= 4 * MIN_SIZE and _holds(exact.tensors[at], data)):
                    continue
                buffer, tensor = schema.BufferT(), copy(exact.tensors[at])
                buffer.data, tensor.buffer = data, len(model.buffers)
                model.buffers.append(buffer)
                operator.inputs[place] = len(graph.tensors)
                graph.tensors.append(tensor)
        used = {int(at) for o in graph.operators for at in o.inputs} | set(map(int, graph.outputs))
        for operator in graph.operators:
            if operator.outputs[0] in made - used:  # its constant goes with it
                model.buffers[graph.tensors[operator.inputs[0]].buffer].data = None
        graph.operators = [o for o in graph.operators if o.outputs[0] not in made - used]
    return tflite_file.packed(model)


def _holds(tensor: Any, data: Any) -> bool:
    weights = np.frombuffer(bytes(data), np.float32).reshape(tensor.shape)
    return float16.holds(weights) and float16.holds(weights.T)  # products have them either way


def _constant(model: Any, graph: Any, at: int) -> Any:
    """The bytes of a constant; None where a tensor is none."""
    data = model.buffers[graph.tensors[at].buffer].data if at >= 0 else None
    return data if data is not None and len(data) else None
