"""Any Keras model as a lowering takes it: its inputs and outputs, and what stands behind them."""

from __future__ import annotations

import contextlib
import itertools
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache, partial
from typing import Any

import numpy as np

from lstm_edge.base.extras import require
from lstm_edge.errors import UnsupportedModelError
from lstm_edge.inputs.scaling import Scale
from lstm_edge.inputs.signature import Input, Output, Signature, State, plain_name
from lstm_edge.models.quantised import dequantised

_PURPOSE = "exporting"
# Layers that do nothing when the model answers.
IDENTITY = tuple(
    "Dropout SpatialDropout1D GaussianDropout GaussianNoise AlphaDropout ActivityRegularization".split()
)


@dataclass(frozen=True)
class GraphModel:
    """A live Keras model, Sequential or Functional, that computes in float32.

    Attributes:
        model: called with the list of inputs it gives the list of outputs.
        recurrent: names of the recurrent layers, in the order in which Keras lists them.
        stateful: names of those that keep their states from one call to the next.
        states: of a step model (see :mod:`lstm_edge.models.streaming`), by the name of the layer that has
            them: inputs and outputs beside the others.
    """

    model: Any
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    recurrent: tuple[str, ...]
    stateful: tuple[str, ...]
    states: dict[str, tuple[State, ...]] = field(default_factory=dict)

    def call(self, arrays: Any) -> list[Any]:
        """The outputs, flat, for the inputs' tensors or arrays in order."""
        keras = require("keras", _PURPOSE)
        tf = require("tensorflow", _PURPOSE)
        tensors = [
            tf.cast(value, tensor.dtype)
            for value, tensor in zip(self._inside(tf, arrays), flat_inputs(self.model), strict=True)
        ]
        network = functional(self.model)
        with _scopes(keras, network):
            out = network(
                keras.tree.pack_sequence_as(network._inputs_struct, tensors), training=False
            )
        answers = [
            tf.cast(value, port.dtype)
            for value, port in zip(keras.tree.flatten(out), self.outputs, strict=True)
        ]
        return [
            value
            if port.unscale is None
            else apart(value, partial(_outside, tf, scale=port.unscale))
            for value, port in zip(answers, self.outputs, strict=True)
        ]

    def _inside(self, tf: Any, arrays: Any) -> list[Any]:
        """The inputs as the model knows them: scaled, where the files take readings."""
        values = []
        for value, port in zip(arrays, self.inputs, strict=True):
            if port.scale is None:
                values.append(value)
                continue
            scaled = apart(value, partial(_inside, tf, scale=port.scale))
            if port.mask_value is not None:  # a pad stays one
                pads = tf.reduce_all(tf.equal(value, port.mask_value), -1, keepdims=True)
                scaled = tf.where(pads, value, scaled)
            values.append(scaled)
        return values

    def scaled_as(self, signature: Signature) -> GraphModel:
        """The same with the scales of a signature of this model."""
        scales = {port.name: port.scale for port in signature.inputs if port.scale}
        unscales = {port.name: port.unscale for port in signature.outputs if port.unscale}
        scaled = Signature(self.inputs, self.outputs).with_scales(scales, unscales)
        return replace(self, inputs=scaled.inputs, outputs=scaled.outputs)

    def named_as(self, signature: Signature) -> GraphModel:
        """The same with the names of a signature of this model, in order.

        Keras counts the layers of a model in code anew in each process, and calls them by their number.
        """
        if (len(signature.inputs), len(signature.outputs)) != (len(self.inputs), len(self.outputs)):
            return self
        inputs = zip(self.inputs, signature.inputs, strict=True)
        outputs = zip(self.outputs, signature.outputs, strict=True)
        return replace(
            self,
            inputs=tuple(replace(port, name=known.name) for port, known in inputs),
            outputs=tuple(replace(port, name=known.name) for port, known in outputs),
        )

    @property
    def all_states(self) -> tuple[State, ...]:
        """The states of all layers, in order."""
        return tuple(itertools.chain.from_iterable(self.states.values()))

    @property
    def holds_graph(self) -> bool:
        """Whether it is of a SavedModel's graph, whose loops stay as they are."""
        return any(hasattr(layer, "lowered_call") for layer in self.model._flatten_layers())

    @property
    def fixed_batch(self) -> int | None:
        """Examples in every call, where the model itself says so."""
        return next((port.shape[0] for port in self.inputs if port.shape[0] is not None), None)

    @property
    def is_classifier(self) -> bool:
        """Whether it takes one sequence of ids and gives one distribution over classes."""
        if len(self.inputs) != 1 or len(self.outputs) != 1:
            return False
        ids, answer = self.inputs[0], self.outputs[0]
        if ids.rows is None or len(ids.shape) != 2 or len(answer.shape) != 2:
            return False
        units = answer.shape[1] or 0
        return answer.activation == ("sigmoid" if units == 1 else "softmax")


def scope_name(name: str) -> str:
    """A name that TensorFlow's scopes take; Keras also takes spaces, brackets and letters of any kind."""
    name = re.sub(r"[^A-Za-z0-9_.>-]", "_", name)
    return name if name[:1].isalnum() or name[:1] == "." else f"layer{name}"


@contextlib.contextmanager
def _scopes(keras: Any, network: Any) -> Iterator[None]:
    """A context in which layers with other names are traced in scopes that TensorFlow takes."""

    def scope(layer: Any) -> Any:
        opened = keras.src.backend.name_scope(scope_name(layer.name), caller=layer)
        opened.name = layer.name  # by which Keras knows that it is in it already
        return opened

    layers = [layer for layer in network._flatten_layers() if scope_name(layer.name) != layer.name]
    for layer in layers:
        layer.__dict__["_open_name_scope"] = partial(scope, layer)  # past Keras's tracking
    try:
        yield
    finally:
        for layer in layers:
            layer.__dict__.pop("_open_name_scope", None)


def constant(tf: Any, numbers: Any, like: Any) -> Any:
    """Numbers of the last axis, or one for all, with as many axes as ``like``.

    TFLite's converter would put a vector, or one number, into the weights and bias of the product behind,
    and a mean of 101325 in a bias costs the digits that a reading differs from it by.
    """
    *axes, channels = like.shape
    # of one channel it is written out for each step
    before = [(n if channels == 1 else None) or 1 for n in axes[1:]]
    return tf.constant(
        np.broadcast_to(numbers, [*[1] * bool(axes), *before, channels or len(numbers)]), tf.float32
    )


def apart(value: Any, arithmetic: Callable[[Any], Any]) -> Any:
    """What arithmetic with constants gives, on three axes at least; see :func:`constant`."""
    if len(value.shape) != 2:
        return arithmetic(value)
    return arithmetic(value[..., None, :])[..., 0, :]


def _inside(tf: Any, value: Any, scale: Scale) -> Any:
    return (value - constant(tf, scale.offset, value)) / constant(tf, scale.divisor, value)


def _outside(tf: Any, value: Any, scale: Scale) -> Any:
    return value * constant(tf, scale.divisor, value) + constant(tf, scale.offset, value)


def read_graph(model: Any, source: str) -> GraphModel:
    """What a lowering needs to know of a Keras model.

    Raises:
        UnsupportedModelError: not Sequential or Functional, or not built.
    """
    keras = require("keras", _PURPOSE)
    if not is_network(model):
        raise UnsupportedModelError(
            source,
            [
                f"the model is a {type(model).__name__}; expected Sequential or Functional: "
                "x = keras.Input(shape), and give keras.Model(x, model.call(x))"
            ],
        )
    if not model.built or not getattr(model, "inputs", None):
        raise UnsupportedModelError(
            source, ["the model's inputs are not known: begin it with keras.Input, or call it once"]
        )
    floated = dequantised(model, source)
    model = as_float32(model if floated is None else floated.model)
    tensors = flat_inputs(model)
    takers = list(_takers(model, tensors))
    network = functional(model)
    names = _unique(_names(network._inputs_struct, lambda tensor: tensor.name))
    inputs = []
    for tensor, name in zip(tensors, names, strict=True):
        layers = [layer for ends, layer in takers if ends is tensor]
        rows = [layer.input_dim for layer in layers if isinstance(layer, keras.layers.Embedding)]
        rows += [layer.rows[name] for layer in layers if name in getattr(layer, "rows", {})]
        masks = [
            0.0 if isinstance(layer, keras.layers.Embedding) else float(layer.mask_value)
            for layer in layers
            if getattr(layer, "mask_zero", False) or isinstance(layer, keras.layers.Masking)
        ]
        masks = [
            *filter(math.isfinite, masks)
        ]  # others are found by asking, and scaled to themselves
        whole = bool(rows) or "int" in str(tensor.dtype)
        inputs.append(
            Input(
                name,
                "int32" if whole else "float32",
                tuple(tensor.shape),
                min(rows) if rows else None,
                masks[0] if masks else None,
            )
        )
    ends = keras.tree.flatten(model.outputs)
    end_names = _unique(
        _names(network._outputs_struct, lambda tensor: _maker(tensor).name), others=names
    )
    outputs = tuple(
        Output(name, tuple(t.shape), _activation(_maker(t)), dtype=_dtype(t))
        for name, t in zip(end_names, ends, strict=True)
    )
    recurrent = [layer for layer in model._flatten_layers() if isinstance(layer, keras.layers.RNN)]
    return GraphModel(
        model,
        tuple(inputs),
        outputs,
        tuple(layer.name for layer in recurrent),
        tuple(layer.name for layer in recurrent if layer.stateful),
    )


def as_float32(model: Any) -> Any:
    """The model itself, or, where it computes in anything else, the same in float32.

    Weights keep their values; what float16 or bfloat16 arithmetic would have rounded is not rounded.
    """
    keras = require("keras", _PURPOSE)
    policies = {
        policy
        for layer in model._flatten_layers()
        if not isinstance(layer, keras.layers.InputLayer)
        for policy in (layer.compute_dtype, layer.variable_dtype)
    }
    if {policy for policy in policies if "float" in policy} <= {"float32"}:
        return model
    config = _in_float32(keras.saving.serialize_keras_object(model))
    float32_model = keras.saving.deserialize_keras_object(config)
    float32_model.set_weights([np.asarray(w).astype(np.float32) for w in model.get_weights()])
    return float32_model


def _in_float32(value: Any) -> Any:
    """A configuration with every dtype that computes as float32; those of whole numbers stay."""
    if isinstance(value, list | tuple):
        return [_in_float32(item) for item in value]
    if not isinstance(value, dict):
        return value
    changed = {key: _in_float32(item) for key, item in value.items()}
    dtype = changed.get("dtype")
    if isinstance(dtype, dict) or (isinstance(dtype, str) and "float" in dtype):
        changed["dtype"] = "float32"
    return changed


def flat_inputs(model: Any) -> list[Any]:
    """The input tensors of a model, in the order in which they are given."""
    return list(require("keras", _PURPOSE).tree.flatten(model.inputs))


def usual_scales(graph: GraphModel, exact: bool = False) -> dict[str, Scale]:
    """The scale of the numbers that an input usually gets, where the model's first layer says it.

    Args:
        exact: only where the model subtracts the offset from the reading itself: nothing is rounded.
    """
    layers = require("keras", _PURPOSE).layers
    scales = {}
    for tensor, port in zip(flat_inputs(graph.model), graph.inputs, strict=True):
        for _, layer in _takers(graph.model, [tensor]):
            if isinstance(layer, layers.Normalization) and not layer.invert:
                offset, divisor = np.ravel(layer.mean), np.sqrt(np.ravel(layer.variance))
            elif exact:
                continue
            elif isinstance(layer, layers.Rescaling) and np.all(layer.scale):
                divisor = 1 / np.ravel(layer.scale)
                offset, divisor = -np.ravel(layer.offset) * divisor, np.abs(divisor)
            elif isinstance(layer, layers.BatchNormalization) and layer.axis in (
                -1,
                len(port.shape) - 1,
            ):
                offset = np.ravel(layer.moving_mean)
                divisor = np.sqrt(np.ravel(layer.moving_variance) + layer.epsilon)
            else:
                continue
            if all(len(numbers) in (1, port.shape[-1]) for numbers in (offset, divisor)):
                scales[port.name] = Scale(tuple(map(float, offset)), tuple(map(float, divisor)))
    return scales


Axis = tuple[str, int]
"""An axis of an input or output, by its name."""


def takes_lengths_apart(graph: GraphModel) -> bool:
    """Whether Keras takes inputs whose free axes are each of another length, and there are several."""
    free = _free_axes(graph)
    return len(free) > 1 and _with_lengths(graph, _apart(free, 97)) is not None


def axes_as_long(graph: GraphModel) -> dict[Axis, Axis]:
    """Free axes of the outputs that are always as long as one of an input: output -> input.

    Keras says it, of lengths that all differ, or are all alike where it takes no others.
    """
    if not any(None in port.shape[1:] for port in graph.outputs):
        return {}
    free = _free_axes(graph)
    for lengths in (_apart, dict.fromkeys):
        # long enough for convolutions
        tried = [_with_lengths(graph, lengths(free, first)) for first in (97, 331)]
        if None not in tried:
            return {
                axis: end
                for end in reversed(free)
                for axis in tried[0] or ()
                if all(known and known[axis] == known[end] for known in tried)
            }
    return {}


def _free_axes(graph: GraphModel) -> list[Axis]:
    return [
        (port.name, axis)
        for port in graph.inputs
        for axis, size in enumerate(port.shape)
        if axis and size is None
    ]


def _apart(free: list[Axis], first: int) -> dict[Axis, int]:
    return {axis: first + 5 * number for number, axis in enumerate(free)}


def _with_lengths(graph: GraphModel, lengths: dict[Axis, int]) -> dict[Axis, int | None] | None:
    """What Keras says of the axes of the outputs for inputs of these lengths, which come with them; None
    where it takes no such inputs.
    """
    keras, network = require("keras", _PURPOSE), functional(graph.model)
    tensors = [
        keras.KerasTensor(
            [lengths.get((port.name, axis), size) for axis, size in enumerate(port.shape)],
            tensor.dtype,
        )
        for port, tensor in zip(graph.inputs, flat_inputs(graph.model), strict=True)
    ]
    try:
        answers = network.compute_output_spec(
            keras.tree.pack_sequence_as(network._inputs_struct, tensors)
        )
    except Exception:  # a layer raises whatever it likes
        return None
    known: dict[Axis, int | None] = {**lengths}
    for port, answer in zip(graph.outputs, keras.tree.flatten(answers), strict=True):
        known |= {(port.name, axis): size for axis, size in enumerate(answer.shape) if axis}
    return known


def chains(model: Any) -> dict[int, Any]:
    """Recurrent layers that can be run in one loop with the one before.

    By ``id`` of a layer the one whose whole sequence it takes, where nobody else takes that.
    """
    keras = require("keras", _PURPOSE)
    network = functional(model)
    users: dict[int, list[Any]] = {}
    for operation in network.operations:
        for tensor in _tensors_into(operation):
            users.setdefault(id(tensor), []).append(operation)
    ends = {id(t) for t in keras.tree.flatten(network.outputs)}

    def only_taker(layer: Any) -> Any:
        """Who takes the layer's output, past layers that do nothing, if it is one alone."""
        if len(layer._inbound_nodes) != 1:
            return None
        outputs = keras.tree.flatten(layer.output)
        if len(outputs) != 1 or id(outputs[0]) in ends:
            return None
        (taker, *others) = users.get(id(outputs[0]), [None])
        if taker is None or others:
            return None
        return only_taker(taker) if type(taker).__name__ in IDENTITY else taker

    before: dict[int, Any] = {}
    # whose first state is what they give
    streamable = (keras.layers.LSTM, keras.layers.GRU, keras.layers.SimpleRNN)
    for layer in network.operations:
        if type(layer) not in streamable or not layer.return_sequences:
            continue
        after = only_taker(layer)
        if (
            type(after) in streamable
            and not after.go_backwards
            and len(after._inbound_nodes) == 1
            and len(_tensors_into(after)) == 1
            and not any(taken is layer for taken in before.values())
        ):
            before[id(after)] = layer
    return before


def is_network(model: Any) -> bool:
    """Whether a model is a network of layers, Sequential or Functional, of any class."""
    return isinstance(model, (require("keras", _PURPOSE).Sequential, functional_class()))


@cache
def functional_class() -> Any:
    """Keras's own class of Functional models; where it is kept is no public name."""
    keras = require("keras", _PURPOSE)
    start = keras.Input((1,))
    return type(keras.Model(start, start))


def takes_ids(model: Any, tensor: Any) -> bool:
    """Whether an Embedding takes an input of the model."""
    embedding = require("keras", _PURPOSE).layers.Embedding
    return any(isinstance(layer, embedding) for _, layer in _takers(model, [tensor]))


def functional(model: Any) -> Any:
    """The Functional model inside a Sequential one, or the model itself."""
    return getattr(model, "_functional", None) or model


def _tensors_into(operation: Any) -> list[Any]:
    return [t for node in operation._inbound_nodes for t in node.input_tensors]


def _takers(model: Any, tensors: list[Any]) -> Iterator[tuple[Any, Any]]:
    """Pairs of one of the tensors and a layer that takes it, in nested models too."""
    keras = require("keras", _PURPOSE)
    for operation in functional(model).operations:
        inner = getattr(operation, "layer", operation)  # of a TimeDistributed
        for node in operation._inbound_nodes:
            for place, tensor in enumerate(node.input_tensors):
                if not any(tensor is t for t in tensors):
                    continue
                yield tensor, inner
                network, own = _inside_of(operation, inner, node)
                if network is not None:
                    for _, layer in _takers(network, [own[place]] if place < len(own) else []):
                        yield tensor, layer
                elif type(inner).__name__ in IDENTITY:
                    for _, layer in _takers(model, keras.tree.flatten(node.output_tensors)):
                        yield tensor, layer
                else:  # code that cannot be looked into: whatever in it may take ids
                    for layer in _own_parts(inner):
                        if isinstance(layer, keras.layers.Embedding):
                            yield tensor, layer


def _own_parts(layer: Any) -> list[Any]:
    """The layers in a layer or model of the user's own class."""
    if type(layer).__module__.startswith("keras.") or not hasattr(layer, "_flatten_layers"):
        return []
    return list(layer._flatten_layers(include_self=False))


def _inside_of(operation: Any, layer: Any, node: Any) -> tuple[Any, list[Any]]:
    """The network in a layer that is called here, with its inputs as the call gives them; or None.

    That of a layer or model in code is traced, where it can be.
    """
    keras = require("keras", _PURPOSE)
    if is_network(layer):
        return layer, flat_inputs(functional(layer))
    if not _own_parts(layer):
        return None, []
    starts: list[Any] = []

    def start(value: Any) -> Any:
        if not isinstance(value, keras.KerasTensor):
            return value
        starts.append(keras.Input(batch_shape=value.shape, dtype=value.dtype))
        return starts[-1]

    with contextlib.suppress(Exception):  # of the user's own code: every kind
        arguments = keras.tree.map_structure(
            start, (list(node.arguments.args), dict(node.arguments.kwargs))
        )
        outputs = layer.call(*arguments[0], **arguments[1]) if operation is layer else None
        return keras.Model(starts, outputs), starts
    return None, []


def _names(structure: Any, called: Callable[[Any], str]) -> list[str]:
    """Plain names of the tensors in a structure, flat: the keys of the dictionaries that they are in, as
    Keras wants and answers them; what is in none is called as ``called`` says.
    """
    names = []
    for path, tensor in require("keras", _PURPOSE).tree.flatten_with_path(structure):
        keys, inside = [], structure
        for step in path:
            if isinstance(inside, dict):
                keys.append(str(step).replace(":", "_"))
            inside = inside[step]
        names.append(plain_name("_".join(keys) or called(tensor)))
    return names


def _dtype(tensor: Any) -> str:
    """What files answer with: whole numbers, and what is true or not, as int32."""
    kind = str(tensor.dtype)
    return "int32" if "int" in kind or kind == "bool" else "float32"


def _maker(tensor: Any) -> Any:
    return tensor._keras_history.operation


def _activation(layer: Any) -> str:
    """Name of the function that makes a layer's output; empty where that is no activation."""
    keras = require("keras", _PURPOSE)
    if isinstance(layer, keras.layers.TimeDistributed):
        return _activation(layer.layer)
    if isinstance(layer, keras.Model):
        network, _ = _inside_of(layer, layer, layer._inbound_nodes[0])
        if network is None:
            return ""
        return _activation(_maker(keras.tree.flatten(functional(network).outputs)[0]))
    if isinstance(layer, keras.layers.Softmax):
        return "softmax" if layer.axis in (-1, len(layer.output.shape) - 1) else ""
    if isinstance(layer, keras.layers.Dense | keras.layers.Activation):
        return str(getattr(layer.activation, "__name__", ""))
    return ""


def _unique(names: list[str], others: list[str] | None = None) -> list[str]:
    used, names_given = set(others or ()), []
    for name in names:
        number, unique = 1, name
        while unique in used:
            number += 1
            unique = f"{name}_{number}"
        used.add(unique)
        names_given.append(unique)
    return names_given
