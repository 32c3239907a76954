"""TFLite: an LSTM layer as its fused operator, UNIDIRECTIONAL_SEQUENCE_LSTM, that answers as Keras.

What wants one subgraph, or has no WHILE (MediaPipe Tasks, TFLite Micro), wants this. The operator as
the converter writes it differs from Keras in two ways, which are mended here:

- it clips the cell state at ±10: :func:`mended` sets that to 0, which is "not at all";
- it keeps its states for the next call: a first step with an input of its own shuts the input, forget
  and output gates, after which the states are zeros whatever they were.

A third stays: LiteRT's CompiledModel and LiteRT.js take no variable tensors.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

import numpy as np

from export.lowering import recurrent, stacked_loop, tflite_file
from export.lowering.int8_rows import embedding
from export.lowering.recurrent import Loop, Weights
from lstm_edge.base.arrays import Array
from lstm_edge.base.extras import require
from lstm_edge.models.graph import GraphModel
from lstm_edge.stack import LstmStack
from lstm_edge.structure.of_tflite import STATES_SHUT

_PURPOSE = "exporting to TFLite"
# Sum of a shut gate's inputs, beyond what states and bias can add: its sigmoid is 0 in float32.
_SHUT = 200.0


def obstacles(graph: GraphModel) -> list[str]:
    """Why layers of a model have no fused operator; masks and states show only when it is called."""
    keras = require("keras", _PURPOSE)
    reasons = []
    for layer in graph.model._flatten_layers():
        if isinstance(layer, keras.layers.RNN):
            weights = recurrent.weights_of(layer.cell)
            title = f"{layer.name} ({type(layer).__name__})"
            if weights is None or weights.kind != "LSTM":
                reasons.append(f"{title} has no fused operator: only LSTM has one")
            elif [getattr(f, "__name__", "") for f in weights.activations] != ["sigmoid", "tanh"]:
                reasons.append(
                    f"{title}: the fused operator has sigmoid gates and tanh only, not "
                    + ", ".join(getattr(f, "__name__", str(f)) for f in weights.activations)
                )
            elif layer.return_state:
                reasons.append(f"{title}: the fused operator does not give its states")
    if graph.states:
        reasons.append("a stream carries states, which the fused operator does not give")
    return reasons


def obstacle(loop: Loop) -> str | None:
    """Why a layer, as it is called, cannot be the fused operator."""
    title = f"{loop.layer.name} ({type(loop.layer).__name__})"
    if loop.mask is not None:
        return f"{title} is masked; the fused operator takes no mask"
    if not loop.from_zero:
        return f"{title} is given states to start from; the fused operator starts from zeros"
    return None


def run_loop(tf: Any, loop: Loop, weights: Weights) -> tuple[Any, Any, Sequence[Any]]:
    """One fused operator (see :class:`export.lowering.recurrent.Runs`)."""
    x = loop.sequences
    last, every = layer(tf, x[:, ::-1] if loop.layer.go_backwards else x, weights)
    return last, every, [last, tf.zeros_like(last)]


def answers(stack: LstmStack, ids: Any, quantised: bool) -> Any:
    """Ids [1, max_length] with pads in front -> the answers [1, K], a fused operator for each layer.

    Args:
        quantised: the embedding is in int8.
    """
    tf = require("tensorflow", _PURPOSE)
    x = last = embedding(tf, stack.embedding, quantised)(ids)
    for lstm in stack.lstm:
        last, x = layer(tf, x, Weights("LSTM", lstm.kernel, lstm.recurrent, lstm.bias, ()))
    return stacked_loop.after_lstm(tf, stack, last)


def layer(tf: Any, x: Any, weights: Weights) -> tuple[Any, Any]:
    """One fused operator: x [N, T, D] -> the last hidden state [N, U], and all of them [N, T, U]."""
    shut = _shut_input(weights)
    x = tf.pad(x, [[0, 0], [0, 0], [0, 1]])
    first = np.zeros((x.shape[0], 1, x.shape[2]), np.float32)
    first[:, :, -1] = shut
    x = tf.concat([tf.constant(first), x], 1)
    zeros = tf.zeros((x.shape[0], weights.units))
    # constants: the converter crashes on a variable here
    constants = map(tf.constant, (_with_shutting_row(weights), weights.recurrent, weights.bias))
    last, every, *_ = fusable(tf)(x, zeros, zeros, *constants)
    return last, every[:, 1:]


def _with_shutting_row(weights: Weights) -> Array:
    """The kernel and a row for the first step's own input, in the order i, f, content, o.

    As large as each gate's own weights are, so that int8 scales stay what they are.
    """
    largest = float(np.abs(weights.kernel).max()) or 1.0
    rows = [-(np.abs(gate).max() or largest) for gate in np.split(weights.kernel, 4, 1)]
    rows[2] = 0.0
    row = np.repeat(np.array(rows, np.float32), weights.units)
    return np.concatenate([weights.kernel, row[None]])


def _shut_input(weights: Weights) -> float:
    """The first step's own input: enough to shut the gates whatever the states are (within ±1)."""
    others = np.abs(weights.recurrent).sum(0) + np.abs(weights.bias)
    row = -_with_shutting_row(weights)[-1]
    gates = np.delete(np.arange(len(row)), np.s_[2 * weights.units : 3 * weights.units])
    return float(np.max((_SHUT + others[gates]) / row[gates]))


def fusable(tf: Any) -> Any:
    """An LSTM that the converter replaces by its fused operator; Keras 3's is never taken for one.

    It goes by the attributes, the six tensors given and the five results, of which the last three
    must not be used. The body has to have the right shapes; the operator does the computing.
    """

    def lstm(inputs: Any, hidden: Any, cell: Any, kernel: Any, recurrent: Any, bias: Any) -> Any:
        def step(states: Any, x: Any) -> Any:
            h, c = states
            i, f, g, o = tf.split(tf.matmul(x, kernel) + tf.matmul(h, recurrent) + bias, 4, 1)
            c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
            return tf.sigmoid(o) * tf.tanh(c), c

        hiddens, cells = tf.scan(step, tf.transpose(inputs, (1, 0, 2)), (hidden, cell))
        every = tf.transpose(hiddens, (1, 0, 2))
        return every[:, -1], every, tf.identity(hiddens[-1]), cells[-1], tf.constant(1.0)

    attributes = {
        "api_implements": f"lstm_{uuid.uuid4()}",
        "api_preferred_device": "CPU",
        "time_major": False,
        "go_backwards": False,
    }
    return tf.function(lstm, autograph=False, experimental_attributes=attributes)


def described(count: int) -> str:
    """So many fused operators, in words."""
    many = f"{count} fused LSTM operator{'s' if count > 1 else ''}"
    return f"{many}, cells not clipped, states shut out by a first step"


def mended(content: bytes) -> bytes:
    """The file with its LSTM operators unclipped, and a note that a first step shuts their states."""
    schema = require("ai_edge_litert.schema_py_generated", _PURPOSE)
    model = tflite_file.opened(content)
    for graph in model.subgraphs:
        # in float16 the state tensors are filled by an operator, which MediaPipe takes for damage
        graph.operators = [
            operator
            for operator in graph.operators or ()
            if not any(graph.tensors[out].isVariable for out in operator.outputs)
        ]
        for operator in graph.operators:
            options = operator.builtinOptions
            if isinstance(options, schema.UnidirectionalSequenceLSTMOptionsT):
                options.cellClip = 0.0
    note, buffer = schema.MetadataT(), schema.BufferT()
    buffer.data = np.frombuffer(b"1", np.uint8)
    note.name, note.buffer = STATES_SHUT, len(model.buffers)
    model.buffers.append(buffer)
    model.metadata = [*(model.metadata or ()), note]
    return tflite_file.packed(model)
