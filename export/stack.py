"""Whether a Keras model is one of Embedding, LSTM and Dense layers, for which there is a faster way.

The configuration alone decides, so that a file can be judged without loading it into Keras. A model
that is not of this form goes the way of any other model; that is no obstacle.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from lstm_edge.base.extras import require
from lstm_edge.models.graph import IDENTITY
from lstm_edge.models.judge import FRONTS
from lstm_edge.stack import DenseLayer, LstmLayer, LstmStack
from lstm_edge.structure.of_keras import as_network

DENSE_ACTIVATIONS = (
    *("linear", "sigmoid", "softmax", "tanh", "relu", "elu", "selu", "softplus", "softsign"),
    *("hard_sigmoid", "leaky_relu", "exponential"),
)
_LSTM_ACTIVATIONS = {"activation": "tanh", "recurrent_activation": "sigmoid"}


@dataclass(frozen=True)
class _Layer:
    kind: str
    name: str
    config: dict[str, Any]
    inbound: tuple[str, ...]

    def option(self, key: str, default: str) -> str:
        """An option in words: of a serialised function or layer, its name."""
        value = self.config.get(key, default)
        if isinstance(value, dict):
            inner = value.get("config")
            value = inner if isinstance(inner, str) else value.get("class_name")
        return str(value)

    @property
    def policy(self) -> str:
        """The dtype that it computes in."""
        value = self.config.get("dtype")
        if isinstance(value, dict):
            return str(value.get("config", {}).get("name", "float32"))
        return "float32" if value is None else str(value)


@dataclass(frozen=True)
class Plan:
    """Names of the layers to take weights from, and ids per example.

    ``dense`` holds (layer name, activation) pairs.
    """

    embedding: str
    lstm: tuple[str, ...]
    dense: tuple[tuple[str, str], ...]
    length: int


def read_stack(model: Any, length: int | None = None) -> LstmStack | None:
    """The weights of a live Keras model, where it is of this form."""
    try:
        plan = read_config(model_config(model), length)
    except NotImplementedError:  # a layer of the user's own that Keras cannot store
        return None
    if isinstance(plan, str):
        return None

    def weights(name: str) -> list[Any]:
        """A layer's weights; the bias is zeros where there is none."""
        arrays: list[Any] = model.get_layer(name).get_weights()
        if arrays[-1].ndim > 1:
            arrays.append(np.zeros(arrays[-1].shape[1], np.float32))
        return arrays

    (embedding,) = model.get_layer(plan.embedding).get_weights()
    lstm = tuple(LstmLayer(name, *weights(name)) for name in plan.lstm)
    dense = []
    for name, activation in plan.dense:
        kernel, bias = weights(name)
        dense.append(DenseLayer(name, kernel, bias, activation))
    return LstmStack(embedding, lstm, tuple(dense), plan.length)


def model_config(model: Any) -> dict[str, Any]:
    """The serialised configuration of a live Keras model, as its file would hold it."""
    return as_network(require("keras", "exporting").saving.serialize_keras_object(model))


def why_not(config: dict[str, Any], length: int | None = None) -> str:
    """Why a model does not go the faster way, in a few words; empty where it does."""
    try:
        plan = read_config(config, length)
    except (
        KeyError,
        TypeError,
        AttributeError,
        IndexError,
        ValueError,
    ):  # of a file from elsewhere
        return "its configuration is not as Keras writes it"
    return plan if isinstance(plan, str) else ""


def read_config(config: dict[str, Any], length: int | None = None) -> Plan | str:
    """The plan of a model by its serialised configuration, or why there is none.

    Args:
        config: with ``class_name`` and ``config``, in the form of Keras 3 or 2.
        length: ids per example, where the model itself leaves it free.
    """
    if config.get("class_name") not in ("Sequential", "Functional", "Model"):
        return f"the model is of class {config.get('class_name')}"
    inner = config["config"]
    layers = [
        _Layer(
            entry["class_name"],
            entry["config"].get("name", entry["class_name"]),
            entry["config"],
            tuple(_references(entry.get("inbound_nodes", ()))),
        )
        for entry in (inner["layers"] if isinstance(inner, dict) else inner)
    ]
    if config["class_name"] != "Sequential":
        chain = _chain(layers, _references(inner.get("output_layers")))
        if isinstance(chain, str):
            return chain
        layers = chain
    layers, own = _behind_text(layers)
    own = own or _own_length(layers)
    if own is not None and length is not None and own != length:
        return f"its input length is {own}, not {length}"
    return _walk(layers, own if own is not None else length)


def _behind_text(layers: list[_Layer]) -> tuple[list[_Layer], int | None]:
    """What is behind a layer that makes ids of texts, and how many it makes where it says so."""
    for number, layer in enumerate(layers):
        if layer.kind in FRONTS:
            return layers[number + 1 :], layer.config.get("output_sequence_length")
    return layers, None


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


def _chain(layers: list[_Layer], outputs: list[str]) -> list[_Layer] | str:
    """The layers in order, where each takes only what the one before gives."""
    ordered = [layer for layer in layers if layer.kind == "InputLayer"]
    for what, count in (("inputs", len(ordered)), ("outputs", len(outputs))):
        if count != 1:
            return f"it has {count} {what}"
    taken = [name for layer in layers for name in layer.inbound]
    for layer in layers:
        if layer.kind != "InputLayer" and len(layer.inbound) != 1:
            return f"layer {layer.name} has {len(layer.inbound)} inputs"
        if taken.count(layer.name) > 1:
            return f"layer {layer.name} feeds {taken.count(layer.name)} layers"
    follows = {layer.inbound[0]: layer for layer in layers if layer.inbound}
    while (after := follows.get(ordered[-1].name)) is not None:
        ordered.append(after)
    return ordered


def _own_length(layers: list[_Layer]) -> int | None:
    for layer in layers:
        shape = layer.config.get("batch_shape") or layer.config.get("batch_input_shape")
        if shape and len(shape) == 2 and shape[1] is not None:
            return int(shape[1])
        if layer.kind == "Embedding" and isinstance(layer.config.get("input_length"), int):
            return int(layer.config["input_length"])
    return None


def _walk(layers: list[_Layer], length: int | None) -> Plan | str:
    """One Embedding, then LSTM layers, then Dense layers that end in probabilities."""
    embedding = ""
    lstm: list[_Layer] = []
    dense: list[tuple[_Layer, str]] = []
    for layer in layers:
        if layer.policy not in ("float32", "int32", "int64"):
            return f"layer {layer.name} computes in {layer.policy}"
        if layer.kind == "InputLayer" or layer.kind in IDENTITY:
            continue
        if layer.kind == "Embedding" and not embedding:
            if layer.config.get("mask_zero"):
                return f"layer {layer.name} has mask_zero=True"
            embedding = layer.name
        elif layer.kind == "LSTM" and embedding and not dense:
            for key, value in _LSTM_ACTIVATIONS.items():
                if layer.option(key, value) != value:
                    return f"layer {layer.name} has {key}={layer.option(key, value)}"
            for key in ("stateful", "go_backwards", "return_state"):
                if layer.config.get(key):
                    return f"layer {layer.name} has {key}=True"
            lstm.append(layer)
        elif layer.kind == "Dense" and lstm:
            dense.append((layer, layer.option("activation", "linear")))
        elif (
            layer.kind in ("Activation", "Softmax")
            and dense
            and dense[-1][1] == "linear"
            and layer.config.get("axis", -1) in (-1, 1)
        ):
            dense[-1] = (dense[-1][0], layer.option("activation", layer.kind.lower()))
        else:
            known = layer.kind in ("Embedding", "LSTM", "Dense", "Activation", "Softmax")
            what = "out of place" if known else "of another kind"
            return f"layer {layer.name} ({layer.kind}) is {what}"
    if not dense:
        return "there is no Dense layer after an LSTM"
    for number, layer in enumerate(lstm, 1):
        if bool(layer.config.get("return_sequences")) != (number < len(lstm)):
            return f"layer {layer.name} has return_sequences={number == len(lstm)}"
    for layer, activation in dense:
        if activation not in DENSE_ACTIVATIONS:
            return f"layer {layer.name} has activation={activation}"
    last, activation = dense[-1]
    if activation != ("sigmoid" if last.config.get("units") == 1 else "softmax"):
        return f"layer {last.name} ends in {activation} with units={last.config.get('units')}"
    if length is None:
        return "its input length is free"
    names = tuple((layer.name, activation) for layer, activation in dense)
    return Plan(embedding, tuple(layer.name for layer in lstm), names, length)
