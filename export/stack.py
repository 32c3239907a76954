"""A Keras model's configuration and weights -> an :class:`LstmStack`, or all that is in the way.

The configuration alone decides what can be exported, so that a file can be judged without loading
it into Keras.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from lstm_edge.base.extras import require
from lstm_edge.errors import UnsupportedModelError
from lstm_edge.models.graph import IDENTITY
from lstm_edge.stack import DenseLayer, LstmLayer, LstmStack

DENSE_ACTIVATIONS = (
    "linear",
    "sigmoid",
    "softmax",
    "tanh",
    "relu",
    "elu",
    "selu",
    "softplus",
    "softsign",
    "hard_sigmoid",
    "leaky_relu",
    "exponential",
)
# A class that is not taken -> what the user can do about it.
_HINTS = {
    "Bidirectional": "use its forward LSTM alone",
    "GRU": "use LSTM",
    "SimpleRNN": "use LSTM",
    "Masking": "pad in front without a mask",
    "Lambda": "put its computation into the preprocessing",
    "GlobalMaxPooling1D": "let the last LSTM give its last output only (return_sequences=False)",
    "GlobalAveragePooling1D": "let the last LSTM give its last output only (return_sequences=False)",
    "Flatten": "let the last LSTM give its last output only (return_sequences=False)",
    "BatchNormalization": "fold it into the next Dense layer's weights",
    "Functional": "flatten the nested model into its layers",
    "Sequential": "flatten the nested model into its layers",
}


@dataclass(frozen=True)
class _Layer:
    kind: str
    name: str
    config: dict[str, Any]
    inbound: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """What the configuration says: the layers to take weights from, and the obstacles.

    ``dense`` holds (layer name, activation) pairs.
    """

    embedding: str | None
    lstm: tuple[str, ...]
    dense: tuple[tuple[str, str], ...]
    length: int | None
    obstacles: tuple[str, ...]


def read_config(config: dict[str, Any], length: int | None = None) -> Plan:
    """Judge the serialised configuration of a model (``class_name`` and ``config``).

    Args:
        length: ids per example, where the model itself leaves it free.
    """
    obstacles: list[str] = []
    if config.get("class_name") not in ("Sequential", "Functional", "Model"):
        kind = config.get("class_name")
        return Plan(
            None, (), (), None, (f"the model is a {kind}; expected Sequential or Functional",)
        )
    inner = config["config"]
    entries = inner["layers"] if isinstance(inner, dict) else inner
    layers = [
        _Layer(
            entry["class_name"],
            entry["config"].get("name", entry["class_name"]),
            entry["config"],
            tuple(_references(entry.get("inbound_nodes", ()))),
        )
        for entry in entries
    ]
    if config["class_name"] != "Sequential":
        layers = _chain(layers, _references(inner.get("output_layers")), obstacles)
    own = _own_length(layers)
    plan = _walk(layers, obstacles)
    if own is None and length is None:
        obstacles.append(
            "the model's input length is free; say how long inputs are with --length N"
        )
    elif own is not None and length is not None and own != length:
        obstacles.append(f"the model's input length is {own}, not the {length} given")
    return Plan(*plan, own if own is not None else length, tuple(obstacles))


def _references(node: Any) -> list[str]:
    """Names of the layers whose outputs an ``inbound_nodes`` entry takes, in Keras 3's or 2's form."""
    if isinstance(node, dict):
        if node.get("class_name") == "__keras_tensor__":
            return [node["config"]["keras_history"][0]]
        return [name for value in node.values() for name in _references(value)]
    if isinstance(node, list | tuple):
        if len(node) in (3, 4) and isinstance(node[0], str) and isinstance(node[1], int):
            return [node[0]]
        return [name for value in node for name in _references(value)]
    return []


def _chain(layers: list[_Layer], outputs: list[str], obstacles: list[str]) -> list[_Layer]:
    """The layers in order, where each takes only what the one before gives."""
    for layer in layers:
        if layer.kind != "InputLayer" and len(layer.inbound) != 1:
            times = "several inputs or is used more than once" if layer.inbound else "no input"
            obstacles.append(
                f"layer {layer.name} ({layer.kind}) has {times}; a single chain is needed"
            )
    for name in sorted({n for layer in layers for n in layer.inbound}):
        users = [layer.name for layer in layers if name in layer.inbound]
        if len(users) > 1:
            obstacles.append(f"layer {name} feeds {', '.join(users)}; a single chain is needed")
    inputs = [layer for layer in layers if layer.kind == "InputLayer"]
    if len(inputs) != 1:
        obstacles.append(f"the model has {len(inputs)} inputs; one input of ids is needed")
    if len(outputs) != 1:
        obstacles.append(f"the model has {len(outputs)} outputs; one output is needed")
    if obstacles:
        return layers
    ordered = inputs
    follows = {layer.inbound[0]: layer for layer in layers if layer.inbound}
    while (after := follows.get(ordered[-1].name)) is not None:
        ordered = [*ordered, after]
    return ordered


def _own_length(layers: list[_Layer]) -> int | None:
    for layer in layers:
        shape = layer.config.get("batch_shape") or layer.config.get("batch_input_shape")
        if shape and len(shape) == 2 and shape[1] is not None:
            return int(shape[1])
        if layer.kind == "Embedding" and isinstance(layer.config.get("input_length"), int):
            return int(layer.config["input_length"])
    return None


def _walk(
    layers: list[_Layer], obstacles: list[str]
) -> tuple[str | None, tuple[str, ...], tuple[tuple[str, str], ...]]:
    embedding: str | None = None
    lstm: list[_Layer] = []
    dense: list[tuple[str, str]] = []

    def say(layer: _Layer, what: str, todo: str) -> None:
        obstacles.append(f"layer {layer.name} ({layer.kind}) {what}: {todo}")

    for layer in layers:
        if (policy := _policy(layer.config.get("dtype"))) not in ("float32", "int32", "int64"):
            say(layer, f"computes in {policy}", "build the model with the float32 policy")
        if layer.kind == "InputLayer" or layer.kind in IDENTITY:
            continue
        if layer.kind == "Embedding":
            if embedding is not None or lstm or dense:
                say(layer, "is not the first layer", "one Embedding must come first, and only one")
            embedding = embedding or layer.name
            if layer.config.get("mask_zero"):
                say(layer, "has mask_zero=True", "train with mask_zero=False and pads in front")
        elif layer.kind == "LSTM":
            if dense:
                say(
                    layer,
                    "comes after a Dense layer",
                    "put the LSTM layers before the Dense layers",
                )
            _judge_lstm(layer, say)
            lstm.append(layer)
        elif layer.kind == "Dense":
            dense.append((layer.name, _activation(layer, "activation", "linear")))
        elif layer.kind == "Softmax" and layer.config.get("axis", -1) not in (-1, 1):
            say(layer, f"has axis={layer.config['axis']}", "use -1, the classes")
        elif layer.kind in ("Activation", "Softmax") and dense and dense[-1][1] == "linear":
            kind = "softmax" if layer.kind == "Softmax" else _activation(layer, "activation", "")
            dense[-1] = (dense[-1][0], kind)
        else:
            hint = _HINTS.get(layer.kind, "leave it out")
            say(layer, "is not supported", f"{hint}; Embedding, LSTM, Dense and Dropout are")
    if embedding is None:
        obstacles.append("there is no Embedding layer: the model must begin with one")
    if not lstm:
        obstacles.append("there is no LSTM layer")
    for layer in lstm[:-1]:
        if not layer.config.get("return_sequences"):
            say(layer, "has return_sequences=False", "only the last LSTM may give one output")
    if lstm and lstm[-1].config.get("return_sequences"):
        say(lstm[-1], "is the last LSTM and has return_sequences=True", "set it to False")
    if not dense:
        obstacles.append("there is no Dense layer after the last LSTM")
    for name, activation in dense:
        if activation not in DENSE_ACTIVATIONS:
            obstacles.append(
                f"layer {name} (Dense) has the activation {activation!r}: use one of "
                f"{', '.join(DENSE_ACTIVATIONS)}"
            )
    if dense and dense[-1][1] not in ("sigmoid", "softmax"):
        obstacles.append(
            f"layer {dense[-1][0]} (Dense) ends the model with {dense[-1][1]!r}: end with sigmoid on "
            "one unit or softmax, so that the outputs are probabilities"
        )
    return embedding, tuple(layer.name for layer in lstm), tuple(dense)


def _judge_lstm(layer: _Layer, say: Any) -> None:
    wanted = {"activation": "tanh", "recurrent_activation": "sigmoid"}
    for key, expected in wanted.items():
        if (found := _activation(layer, key, expected)) != expected:
            say(layer, f"has {key}={found!r}", f"only {expected!r} is supported")
    for key, why in (
        ("stateful", "its answer depends on earlier calls; build it with stateful=False"),
        ("go_backwards", "feed the reversed sequence instead"),
        ("return_state", "build it with return_state=False"),
    ):
        if layer.config.get(key):
            say(layer, f"has {key}=True", why)


def _activation(layer: _Layer, key: str, default: str) -> str:
    value = layer.config.get(key, default)
    if isinstance(value, dict):  # a serialised function or layer
        inner = value.get("config")
        value = inner if isinstance(inner, str) else value.get("class_name")
    return str(value)


def _policy(value: Any) -> str:
    if isinstance(value, dict):
        return str(value.get("config", {}).get("name", "float32"))
    return "float32" if value is None else str(value)


def model_config(model: Any) -> dict[str, Any]:
    """The serialised configuration of a live Keras model, as its file would hold it."""
    keras = require("keras", "exporting")
    config: dict[str, Any] = keras.saving.serialize_keras_object(model)
    return config


def read_stack(model: Any, source: str, length: int | None = None) -> LstmStack:
    """The weights of a live Keras model.

    Raises:
        UnsupportedModelError: with every obstacle, each with its layer's name and what to do.
    """
    plan = read_config(model_config(model), length)
    obstacles = list(plan.obstacles)
    dense = []
    if not obstacles:
        for name, activation in plan.dense:
            kernel, bias = _with_bias(model.get_layer(name).get_weights())
            dense.append(DenseLayer(name, kernel, bias, activation))
        units = dense[-1].kernel.shape[1]
        if (dense[-1].activation == "sigmoid") != (units == 1):
            obstacles.append(
                f"layer {dense[-1].name} (Dense) ends the model with {dense[-1].activation} on {units} "
                "units: use sigmoid on one unit, or softmax on one for each class"
            )
    if obstacles:
        raise UnsupportedModelError(source, obstacles)
    lstm = []
    for name in plan.lstm:
        kernel, recurrent, *bias_given = model.get_layer(name).get_weights()
        bias = bias_given[0] if bias_given else np.zeros(kernel.shape[1], np.float32)
        lstm.append(LstmLayer(name, kernel, recurrent, bias))
    if plan.length is None or plan.embedding is None:  # either would be an obstacle
        raise AssertionError(plan)
    embedding = model.get_layer(plan.embedding).get_weights()[0]
    return LstmStack(embedding, tuple(lstm), tuple(dense), plan.length)


def _with_bias(weights: list[Any]) -> tuple[Any, Any]:
    kernel = weights[0]
    return kernel, weights[1] if len(weights) > 1 else np.zeros(kernel.shape[1], np.float32)
