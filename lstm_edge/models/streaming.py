"""A model as a step model: states in, states out, any number of steps at a time.

What a stream answers after some steps is what the whole model answers on the steps so far. That can
be said where every layer between the inputs and the last recurrent layer works on each step alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from lstm_edge.base.extras import require
from lstm_edge.errors import UnsupportedModelError
from lstm_edge.inputs.signature import State, plain_name
from lstm_edge.models.graph import GraphModel, flat_inputs, functional, is_network, read_graph

_PURPOSE = "exporting a stream"

# Layers and operations that give each step from that step alone, whatever their options.
_STEPWISE = frozenset(
    """
    Activation ActivityRegularization Add AlphaDropout Average Dropout ELU Embedding GaussianDropout
    GaussianNoise Identity LeakyReLU Masking Maximum Minimum Multiply ReLU SpatialDropout1D Subtract
    TimeDistributed Divide TrueDivide Power Square Sqrt Exp Log Tanh Sigmoid Relu Negative Absolute
    NotEqual Equal LogicalAnd LogicalOr LogicalNot Cast Abs Silu Softplus Elu Gelu Rescaling
    Isnan Isinf Isfinite NanToNum Where Greater GreaterEqual Less LessEqual
    """.split()
)
# The same, as long as their axis is not that of time.
_ALONG = frozenset(("Any", "BatchNormalization", "Concatenate", "LayerNormalization", "Softmax"))


def read_streaming(model: Any, source: str, chunk: int | None = None) -> GraphModel:
    """The step model of a Keras model.

    Args:
        chunk: steps in each call; None: any number.

    Raises:
        UnsupportedModelError: with every layer that needs more than one step at a time.
    """
    whole = read_graph(model, source)
    walk = _Walk()
    timed = walk.model(whole)
    if walk.obstacles:
        raise UnsupportedModelError(source, walk.obstacles)
    step_model = read_graph(with_steps(whole.model, chunk, walk.inputs), source)
    states: dict[str, tuple[State, ...]] = {}
    labels: set[str] = set()
    for layer in walk.recurrent:
        label = plain_name(layer.name)
        while label in labels:  # of two that differ in a space only
            label += "_"
        labels.add(label)
        states[layer.name] = tuple(
            State(f"{label}_{name}", f"{label}_{name}_next", shape)
            for name, shape in _states(layer)
        )
    inputs = tuple(replace(port, shape=(None, *port.shape[1:])) for port in step_model.inputs)
    outputs = tuple(
        replace(port, shape=(None, *port.shape[1:]), timed=is_timed)
        for port, is_timed in zip(step_model.outputs, timed, strict=True)
    )
    return replace(step_model, inputs=inputs, outputs=outputs, states=states, stateful=())


def obstacles(graph: GraphModel) -> list[str]:
    """Why no step model can be made of a model, every reason; empty where one can."""
    walk = _Walk()
    walk.model(graph)
    return walk.obstacles


def _states(layer: Any) -> list[tuple[str, tuple[int | None, ...]]]:
    """Name and shape [N, …] of each state of a recurrent layer."""
    keras = require("keras", _PURPOSE)
    tensors = keras.tree.flatten(layer.get_initial_state(batch_size=1))
    kinds = keras.layers
    cells = getattr(layer.cell, "cells", [layer.cell])
    names = []
    for number, cell in enumerate(cells):
        place = f"{number}_" if len(cells) > 1 else ""
        names += [f"{place}h", f"{place}c"] if isinstance(cell, kinds.LSTMCell) else [f"{place}h"]
    return [(name, (None, *s.shape[1:])) for name, s in zip(names, tensors, strict=True)]


class _Walk:
    """Follows the time axis through a model.

    Attributes:
        obstacles: a sentence for each layer that takes more than one step at a time.
        recurrent: the layers whose states a stream carries.
        inputs: names of the InputLayers that have a time axis, in nested models too.
    """

    def __init__(self) -> None:
        self.obstacles: list[str] = []
        self.recurrent: list[Any] = []
        self.inputs: set[str] = set()

    def model(self, graph: GraphModel) -> list[bool]:
        """Which of the model's outputs have a time axis."""
        timed = self.network(
            functional(graph.model),
            [len(i.shape) > 2 or (len(i.shape) == 2 and i.dtype == "int32") for i in graph.inputs],
        )
        if not self.obstacles and not self.recurrent:
            self.obstacles.append(
                "no recurrent layer takes the model's steps, so there is no state to stream"
            )
        return timed

    def network(self, network: Any, are_timed: Sequence[bool]) -> list[bool]:
        """Which outputs have a time axis; ``are_timed`` says which inputs have."""
        keras = require("keras", _PURPOSE)
        timed: set[int] = set()
        for tensor, is_timed in zip(flat_inputs(network), are_timed, strict=False):
            if is_timed:
                timed.add(id(tensor))
                self.inputs.add(tensor._keras_history.operation.name)
        for depth in sorted(network._nodes_by_depth, reverse=True):
            for node in network._nodes_by_depth[depth]:
                if node.input_tensors:
                    self._node(node, timed)
        return [id(t) in timed for t in keras.tree.flatten(network.outputs)]

    def _node(self, node: Any, timed: set[int]) -> None:
        keras = require("keras", _PURPOSE)
        layer, outputs = node.operation, keras.tree.flatten(node.outputs)
        flags = [id(t) in timed for t in node.input_tensors]
        if not any(flags):
            return
        if is_network(layer):
            outputs_timed = self.network(functional(layer), flags)
        elif isinstance(layer, keras.layers.RNN):
            outputs_timed = [layer.return_sequences] + [False] * (len(outputs) - 1)
            self._recurrent(layer, node)
        else:
            reason = _obstacle(layer, node)
            if reason:
                self.obstacles.append(f"{layer.name} ({type(layer).__name__}) {reason}")
            # what an obstacle makes of the steps is guessed: one complaint is enough
            outputs_timed = [not reason or len(t.shape) > 2 for t in outputs]
        timed.update(id(t) for t, is_timed in zip(outputs, outputs_timed, strict=True) if is_timed)

    def _recurrent(self, layer: Any, node: Any) -> None:
        kinds = require("keras", _PURPOSE).layers
        what = f"{layer.name} ({type(layer).__name__})"
        if type(layer) not in (kinds.LSTM, kinds.GRU, kinds.SimpleRNN, kinds.RNN):
            self.obstacles.append(f"{what} is not streamed; LSTM, GRU and SimpleRNN are")
        elif layer.go_backwards:
            self.obstacles.append(
                f"{what} begins at the last step, which a stream does not know yet"
            )
        elif _given_states(node):
            self.obstacles.append(
                f"{what} starts from states that the model gives it; a stream carries its own"
            )
        elif any(layer is known for known in self.recurrent):
            self.obstacles.append(
                f"{what} is used more than once; a stream carries one state of it"
            )
        else:
            self.recurrent.append(layer)


def _given_states(node: Any) -> bool:
    """Whether a recurrent layer is called with initial states."""
    states = [*node.arguments.args[1:2], node.arguments.kwargs.get("initial_state")]
    return any(value is not None for value in states)


def _obstacle(layer: Any, node: Any) -> str:
    """Why a layer on a sequence [N, T, …] cannot take it step by step; empty where it can."""
    keras = require("keras", _PURPOSE)
    kinds, rank = keras.layers, len(node.input_tensors[0].shape)
    if isinstance(layer, kinds.Bidirectional):
        return "reads the sequence from its end too, which a stream does not know yet"
    name = type(layer).__name__
    if name in _STEPWISE or (isinstance(layer, kinds.Dense) and rank > 2):
        return ""
    axis = getattr(layer, "axis", None)
    if name in _ALONG and axis:
        axes = axis if isinstance(axis, list | tuple) else [axis]
        if all(a % rank > 1 for a in axes):
            return ""
    return "needs more than one step at a time, or is not known to do without"


def with_steps(model: Any, steps: int | None, timed: set[str] | None = None) -> Any:
    """The model with any batch, and no state of its own.

    Args:
        steps: in every call; None: any number.
        timed: names of the InputLayers that have steps; None: all of them.
    """
    keras = require("keras", _PURPOSE)

    def changed(value: Any) -> Any:
        if isinstance(value, list | tuple):
            return [changed(item) for item in value]
        if not isinstance(value, dict):
            return value
        item_config = {key: changed(item) for key, item in value.items() if key != "build_config"}
        if value.get("class_name") == "InputLayer":
            config = item_config["config"]
            shape = list(config["batch_shape"])
            shape[0] = None
            if timed is None or config["name"] in timed:
                shape[1] = steps
            config["batch_shape"] = shape
        if "stateful" in item_config:
            item_config["stateful"] = False
        return item_config

    config = changed(keras.saving.serialize_keras_object(model))
    step_model = keras.saving.deserialize_keras_object(config)
    kept = [np.asarray(w) for w in model.weights if "rnn_state" not in w.path]
    step_model.set_weights(kept)
    return step_model
