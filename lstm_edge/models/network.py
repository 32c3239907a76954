"""Layers and models of today's Keras from :class:`lstm_edge.models.translate.Spec` trees.

Functional models are put together here by calling each layer as the file says, and not by Keras: its
own reader numbers the calls of nested models differently from Keras 2, and knows no TensorFlow
operations.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lstm_edge.base.extras import require
from lstm_edge.base.reasons import reason_of
from lstm_edge.errors import InputError
from lstm_edge.models.operations import operation
from lstm_edge.models.translate import IDENTITIES, Spec, layer_class
from lstm_edge.models.trust import PURPOSE, Trust

_CONSTANT = "_CONSTANT_VALUE"
# Layers that hand no mask on in Keras 2; today's do.
_STOPS_MASKS = frozenset("Normalization Rescaling".split())
_MERGES = frozenset("Add Subtract Multiply Average Maximum Minimum Concatenate".split())


class Builder:
    """Makes the layers of a file; ``source`` begins the error messages."""

    def __init__(self, source: str, trust: Trust) -> None:
        self.source, self.trust = source, trust
        self.keras = require("keras", PURPOSE)

    def model(self, spec: Spec) -> Any:
        """The model, with ``spec.layer`` set in the whole tree.

        Raises:
            InputError: the stored structure does not fit together; the layer is named.
        """
        spec.layer = self._functional(spec) if spec.graph else self._sequential(spec, outer=True)
        return spec.layer

    def _error(self, spec: Spec, error: Exception) -> InputError:
        return InputError(
            f"{self.source} cannot be loaded by Keras {self.keras.__version__}: layer {spec.name} "
            f"({spec.stored}): {reason_of(error)}"
        )

    # layers

    def layer(self, spec: Spec) -> Any:
        """One layer, not built unless it is a model."""
        try:
            spec.layer = self._layer(spec)
        except InputError:
            raise
        except Exception as error:  # Keras raises every kind
            raise self._error(spec, error) from error
        return spec.layer

    def _layer(self, spec: Spec) -> Any:
        if spec.kind == "Functional":
            return self._functional(spec)
        if spec.kind == "Sequential":
            return self._sequential(spec, outer=False)
        if spec.kind == "operator":
            return operation(spec.stored, spec.options)
        if spec.kind == "Lambda":
            return _lambda(self.keras, self.trust, spec)
        if spec.kind == "trusted":
            return spec.options["class"].from_config(spec.options["config"])
        options = {k: self._option(v) for k, v in spec.options.items()}
        options["name"] = _name(spec.name)
        if spec.kind == "Bidirectional":
            inner = [self.layer(s) for s in spec.inner]
            # as stored; of one layer Keras 2 turns the copy round, and Keras 3 takes no two of one way
            ways = [one.go_backwards for one in inner]
            ways = ways if len(ways) == 2 else [ways[0], not ways[0]]
            for one, way in zip(inner, (False, True), strict=False):
                one.go_backwards = way
            if len(inner) == 2:
                options["backward_layer"] = inner[1]
            layer = self.keras.layers.Bidirectional(inner[0], **options)
            layer.forward_layer.go_backwards, layer.backward_layer.go_backwards = ways
            # Keras copies the layers that it is given
            spec.inner = [
                spec.inner[0],
                spec.inner[-1] if len(inner) == 2 else _copy(spec.inner[0]),
            ]
            spec.inner[0].layer, spec.inner[1].layer = layer.forward_layer, layer.backward_layer
            return layer
        if spec.kind == "RNN":
            cells = [self.layer(s) for s in spec.inner]
            return self.keras.layers.RNN(cells[0] if len(cells) == 1 else cells, **options)
        if spec.kind == "StackedRNNCells":
            return self.keras.layers.StackedRNNCells([self.layer(s) for s in spec.inner], **options)
        if spec.inner:  # a wrapper
            return layer_class(spec.kind)(self.layer(spec.inner[0]), **options)
        layer = layer_class(spec.kind)(**options)
        if spec.kind in _STOPS_MASKS:
            layer.supports_masking = False
        return layer

    def _option(self, value: Any) -> Any:
        """An activation that is a layer is made here."""
        return self.layer(value) if isinstance(value, Spec) else value

    def input(self, spec: Spec, shape: Any = None, dtype: str | None = None) -> Any:
        """An input; ids for an Embedding that says nothing of its input are int32."""
        shape = spec.batch_shape if shape is None else shape
        if shape is None:
            raise InputError(f"{self.source}: input {spec.name} is stored without a shape")
        return self.keras.Input(
            batch_shape=shape, dtype=dtype or spec.dtype or "float32", name=_name(spec.name)
        )

    def call(self, spec: Spec, inputs: Any, options: dict[str, Any]) -> Any:
        """The outputs of a layer, a tensor or a structure of them."""
        try:
            return self._call(spec, inputs, options)
        except InputError:
            raise
        except Exception as error:  # Keras raises every kind
            raise self._error(spec, error) from error

    def _call(self, spec: Spec, inputs: Any, options: dict[str, Any]) -> Any:
        layer = spec.layer
        single = isinstance(inputs, (list, tuple)) and len(inputs) == 1
        if spec.kind == "operator" and not (single and spec.stored in IDENTITIES):
            return layer(inputs, **options)  # their lists are lists
        if single:
            inputs = inputs[0]
        recurrent = spec.kind in ("LSTM", "GRU", "SimpleRNN", "RNN", "Bidirectional")
        if recurrent and isinstance(inputs, (list, tuple)):
            inputs, *states = inputs  # Keras 2 stores initial states as further inputs
            options = {**options, "initial_state": states}
        if recurrent and not isinstance(options.get("initial_state", []), (list, tuple)):
            options = {**options, "initial_state": [options["initial_state"]]}
        if spec.kind in _MERGES:
            return self._merged(spec, layer(inputs, **options), inputs)
        if not spec.time_major:
            return layer(inputs, **options)
        swap = self.keras.ops.swapaxes
        mask = getattr(inputs, "_keras_mask", None)
        if mask is not None:
            options = {**options, "mask": swap(mask, 0, 1)}
        outputs = layer(swap(inputs, 0, 1), **options)
        first, *rest = outputs if isinstance(outputs, (list, tuple)) else [outputs]
        if spec.options.get("return_sequences"):
            first = swap(first, 0, 1)
        return [first, *rest] if rest else first

    def _merged(self, spec: Spec, output: Any, inputs: Any) -> Any:
        """The output of a layer that joins several, with Keras 2's mask: steps that all inputs have.

        Keras 3 takes those that any input has, and none where an input has no mask.
        """
        masks = {id(m): m for t in inputs if (m := getattr(t, "_keras_mask", None)) is not None}
        along = spec.kind == "Concatenate" and spec.options.get("axis", -1) not in (
            -1,
            len(output.shape) - 1,
        )
        if masks and not along:
            first, *rest = masks.values()
            for mask in rest:
                first = self.keras.ops.logical_and(first, mask)
            output._keras_mask = first
        return output

    def _network(self, spec: Spec, inputs: Any, outputs: Any) -> Any:
        """A Functional model; operations give way where a layer of the file has their name."""
        taken = {_name(s.name) for s in spec.inner}
        seen: set[int] = set()
        waiting = self.keras.tree.flatten(outputs)
        while waiting:
            history = waiting.pop()._keras_history
            operation = history.operation
            if id(operation) in seen:
                continue
            seen.add(id(operation))
            if not isinstance(operation, self.keras.layers.Layer):
                name, number = operation.name, 0
                while operation.name in taken:
                    number += 1
                    operation.name = f"{name}_op_{number}"
                taken.add(operation.name)
            for node in operation._inbound_nodes:
                waiting += node.input_tensors
        return self.keras.Model(inputs, outputs, name=_name(spec.name))

    # models

    def _sequential(self, spec: Spec, outer: bool) -> Any:
        layers = [s for s in spec.inner if s.kind != "InputLayer"]
        stored_input = spec.inner[0] if len(layers) < len(spec.inner) else None
        shape = stored_input.batch_shape if stored_input else first_shape(spec)
        for inner in layers:
            self.layer(inner)
        if shape is None and outer:
            raise InputError(
                f"{self.source}: the shape of the model's input is not stored; load it where it was "
                "made, call it once (or begin it with keras.Input) and save it again"
            )
        if shape is None:
            return self.keras.Sequential([s.layer for s in layers], name=_name(spec.name))
        first = layers[0] if layers else None
        name = stored_input or Spec(
            f"{spec.name}_input", "InputLayer", "InputLayer", dtype=_ids(first)
        )
        x = start = self.input(name, shape)
        if not any(s.time_major for s in layers) and not any(s.kind == "operator" for s in layers):
            model = self.keras.Sequential(name=_name(spec.name))
            model.add(start)
            for inner in layers:
                try:
                    model.add(inner.layer)
                except Exception as error:  # Keras raises every kind
                    raise self._error(inner, error) from error
            return model
        for inner in layers:
            x = self.call(inner, x, {})
        return self._network(spec, start, x)

    def _functional(self, spec: Spec) -> Any:
        graph = _Graph(self, spec)
        for inner in spec.inner:
            if inner.kind == "InputLayer":
                inner.layer = self.input(inner)
                graph.outputs[inner.name] = [[inner.layer]]
            else:
                self.layer(inner)
        graph.run()
        inputs = graph.structure(spec.graph["input_layers"])
        outputs = graph.structure(spec.graph["output_layers"])
        return self._network(spec, inputs, outputs)


class _Graph:
    """The calls of a Functional model, made in an order in which all their inputs are there."""

    def __init__(self, builder: Builder, spec: Spec) -> None:
        self.builder, self.spec = builder, spec
        self.layers = {s.name: s for s in spec.inner}
        # of each layer, the flat outputs of its calls in order
        self.outputs: dict[str, list[list[Any]]] = {}
        self.first = {s.name: self._first_call(s) for s in spec.inner}

    def _first_call(self, spec: Spec) -> int:
        """The number that the file gives the first call: 1 for models that had been called before."""
        if spec.kind not in ("Functional", "Sequential"):
            return 0
        whole = [self.spec.graph, [s.nodes for s in self.spec.inner]]
        used = {index for name, index, _ in self._references(whole) if name == spec.name}
        if 0 in used:
            return 0
        return 1 if used else 0

    def _references(self, value: Any) -> Iterator[tuple[str, int, int]]:
        if self._is_reference(value):
            yield value[0], value[1], value[2]
            value = value[3:]
        if isinstance(value, dict):
            value = list(value.values())
        if isinstance(value, (list, tuple)):
            for inner in value:
                yield from self._references(inner)

    def _is_reference(self, value: Any) -> bool:
        return (
            isinstance(value, (list, tuple))
            and len(value) in (3, 4)
            and isinstance(value[0], str)
            and value[0] in self.layers
            and isinstance(value[1], int)
            and isinstance(value[2], int)
        )

    def _is_leaf(self, value: Any) -> bool:
        return self._is_reference(value) or (
            isinstance(value, (list, tuple)) and len(value) >= 3 and value[0] == _CONSTANT
        )

    def run(self) -> None:
        """Make every call.

        Raises:
            InputError: calls that wait for each other, or for a layer that is not there.
        """
        waiting = {s.name: list(s.nodes) for s in self.spec.inner if s.nodes}
        while waiting:
            moved = False
            for name, nodes in list(waiting.items()):
                while nodes and all(self._ready(r) for r in self._references(nodes[0])):
                    self._call(self.layers[name], nodes.pop(0))
                    moved = True
                if not nodes:
                    del waiting[name]
            if not moved:
                raise InputError(
                    f"{self.builder.source}: the stored graph does not fit together at the layers "
                    + ", ".join(waiting)
                )

    def _ready(self, reference: tuple[str, int, int]) -> bool:
        name, index, _ = reference
        return len(self.outputs.get(name, ())) > index - self.first[name]

    def _tensor(self, reference: Any) -> Any:
        name, index, place = reference[:3]
        calls = self.outputs.get(name, [])
        number = index - self.first[name]
        if not 0 <= number < len(calls) or place >= len(calls[number]):
            raise InputError(
                f"{self.builder.source}: the stored graph asks for output {place} of call {index} of "
                f"layer {name}, which is not there"
            )
        return calls[number][place]

    def _call(self, spec: Spec, node: Any) -> None:
        options: dict[str, Any] = {}
        inputs = self._inputs(node, options)
        options = {k: self._value(v) for k, v in options.items() if v is not None}
        # of no effect where the model is only asked
        if options.get("training") is False:
            del options["training"]
        outputs = self.builder.call(spec, inputs, options)
        self.outputs.setdefault(spec.name, []).append(self.builder.keras.tree.flatten(outputs))

    def _inputs(self, node: Any, options: dict[str, Any]) -> Any:
        """The first argument; the others, which are stored with each tensor, go into ``options``."""
        if self._is_leaf(node):
            if len(node) > 3 and isinstance(node[3], dict):
                options.update(node[3])
            return node[2] if node[0] == _CONSTANT else self._tensor(node)
        if isinstance(node, dict):
            return {k: self._inputs(v, options) for k, v in node.items()}
        if isinstance(node, (list, tuple)):
            return [self._inputs(v, options) for v in node]
        return node

    def _value(self, value: Any) -> Any:
        if self._is_reference(value):
            return self._tensor(value)
        if isinstance(value, dict):
            return {k: self._value(v) for k, v in value.items()}
        if isinstance(value, (list, tuple)):
            return type(value)(self._value(v) for v in value)
        return value

    def structure(self, value: Any) -> Any:
        """Inputs or outputs of the model as stored; a list of one stands for what is in it."""
        tensors = self._value(value)
        while isinstance(tensors, (list, tuple)) and len(tensors) == 1:
            tensors = tensors[0]
        return tensors


def _name(name: str) -> str:
    """A name that Keras takes."""
    return name.replace("/", "_")


def _copy(spec: Spec) -> Spec:
    return Spec(
        spec.name, spec.stored, spec.kind, dict(spec.options), list(spec.inner), spec.trainable
    )


def first_shape(spec: Spec) -> tuple[int | None, ...] | None:
    """The shape of a Sequential model's input, which its first layer knows; None: nobody knows it."""
    if spec.kind == "Functional":
        known = [s.batch_shape for s in spec.inner if s.kind == "InputLayer"]
        return known[0] if len(known) == 1 else None
    if spec.kind == "Sequential" and spec.inner:
        return first_shape(spec.inner[0]) or spec.batch_shape
    return spec.batch_shape


# Layers that take steps, and those that leave a shape as it is and hold no weights.
_TIMED = frozenset(
    """LSTM GRU SimpleRNN RNN Bidirectional TimeDistributed Conv1D SeparableConv1D MaxPooling1D
    AveragePooling1D GlobalMaxPooling1D GlobalAveragePooling1D""".split()
)
_PLAIN = frozenset(
    "Masking Dropout SpatialDropout1D GaussianNoise GaussianDropout Activation".split()
)
_FEATURES_FIRST = frozenset(
    "LSTM GRU SimpleRNN RNN LSTMCell GRUCell SimpleRNNCell StackedRNNCells Dense".split()
) | {"BatchNormalization", "LayerNormalization"}


def told_shape(spec: Spec, first: Any, length: int | None) -> tuple[int | None, ...] | None:
    """The shape of a Sequential model's input that its first weights tell; None where they do not.

    Args:
        first: the first array of its first layer with weights.
        length: steps or ids; None leaves them free.
    """
    layers = list(_flat(spec))
    while layers and layers[0].kind in _PLAIN:
        layers = layers[1:]
    if not layers or first is None:
        return None
    layer = layers[0]
    if layer.kind == "Embedding":
        return (None, length)
    inside = layer
    while inside.inner and inside.kind in ("Bidirectional", "TimeDistributed"):
        inside = inside.inner[0]
    if inside.kind in ("Conv1D", "SeparableConv1D") and first.ndim == 3:
        features = first.shape[1]
    elif inside.kind in _FEATURES_FIRST:
        features = first.shape[0]
    else:
        return None
    timed = any(later.kind in _TIMED for later in layers)
    return (None, length, features) if timed else (None, features)


def _flat(spec: Spec) -> Iterator[Spec]:
    for inner in spec.inner:
        if inner.kind == "Sequential":
            yield from _flat(inner)
        else:
            yield inner


def _ids(first: Spec | None) -> str | None:
    """The type of an input that is not stored: that of the first layer that takes it."""
    while first is not None and first.kind in ("Sequential", "Functional") and first.inner:
        first = first.inner[0]
    if first is None:
        return None
    return "int32" if first.kind == "Embedding" else first.dtype


def _lambda(keras: Any, trust: Trust, spec: Spec) -> Any:
    """A Lambda layer of a file that the user trusts."""
    options = {k: v for k, v in spec.options.items() if k in ("function", "output_shape", "mask")}
    for key, value in options.items():
        if isinstance(value, (list, tuple)) and value and isinstance(value[0], str):
            options[key] = trust.function(value, spec.name)
    arguments = spec.options.get("arguments") or {}
    return keras.layers.Lambda(**options, arguments=arguments, name=_name(spec.name))
