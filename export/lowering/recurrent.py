"""Any Keras model with recurrent layers, traced with each loop over time replaced by a lowering's own.

Keras calls a recurrent layer's ``inner_loop`` with what is left after everything else has been seen
to: sequences, initial states and mask. Replacing that alone keeps Keras's own meaning of every option
around it (return_state, stateful, Bidirectional, nested and shared layers), while the loop is
expressed in the operators of the target.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np

from export.lowering.forms import Forms
from export.lowering.makers import Makers, NoFormError, operations, refusals, refuse
from lstm_edge.base.arrays import Array
from lstm_edge.base.extras import require
from lstm_edge.models.graph import GraphModel, apart, constant, functional

_PURPOSE = "exporting"


@dataclass(frozen=True)
class Loop:
    """One recurrent layer's loop over time, as Keras asks for it.

    Attributes:
        layer: the Keras layer.
        sequences: [N, T, …].
        states: the initial states, flat, each [N, …].
        structure: the form in which the layer's cell takes them.
        from_zero: all of them are zeros.
        mask: bool [N, T]; steps where it is False are skipped. None: all are run.
        resumed: the states are those after earlier steps, so there is an output before the first.
        before: layers whose outputs at each step are this one's inputs, first to last, with their own
            initial states: they are run in the same loop. ``sequences`` are the first one's.
    """

    layer: Any
    sequences: Any
    states: tuple[Any, ...]
    structure: Any
    from_zero: bool
    mask: Any
    resumed: bool = False
    before: tuple[Loop, ...] = ()


class Runs(Protocol):
    """What a lowering makes of a loop.

    Returns the last output [N, …], all outputs [N, T, …] (in the order they were computed; only where
    the layer returns sequences, else anything) and the final states of the layer, flat.
    """

    def __call__(self, loop: Loop) -> tuple[Any, Any, Sequence[Any]]: ...


class Cell(Protocol):
    """One step of a recurrent layer: what can be done for all steps at once, and what cannot."""

    def project(self, x: Any) -> Any:
        """Inputs [M, D] of any steps -> what :meth:`step` takes of them, [M, P]."""

    def step(self, projected: Any, states: Sequence[Any]) -> tuple[Any, list[Any]]:
        """[N, P] and the states -> output [N, U] and the new states."""


@dataclass(frozen=True)
class Weights:
    """Weights of one of Keras's own cells, float32; a bias of zeros where there is none.

    Attributes:
        kind: ``LSTM``, ``GRU`` or ``SimpleRNN``.
        kernel, recurrent: [D, G·U] and [U, G·U], in Keras's order of the G gates.
        bias: [G·U]; for a GRU that resets after the product [2, G·U], the second row for that product.
        activations: the gates' and the content's, as Keras functions; the last alone for SimpleRNN.
        reset_after: of a GRU.
    """

    kind: str
    kernel: Array
    recurrent: Array
    bias: Array
    activations: tuple[Any, ...]
    reset_after: bool = False

    @property
    def units(self) -> int:
        return int(self.recurrent.shape[0])


def _by_channel(layer: Any) -> bool:
    """Whether a Normalization is inverted, with a number for each of the last axis or one for all."""
    return bool(layer.invert) and np.size(layer.mean) == np.shape(layer.mean)[-1]


def outweighs(layer: Any) -> bool:
    """Whether a Dense layer's bias is far more than what its product is, for inputs of scale 1."""
    if layer.bias is None or getattr(layer, "quantization_mode", None):
        return False
    typical = np.linalg.norm(numbers(layer.kernel), axis=0)
    return bool((np.abs(numbers(layer.bias)) > 4 * typical).any())


def numbers(variable: Any) -> Array:
    """A Keras variable's value, float32, while a graph is traced too."""
    with require("tensorflow", _PURPOSE).init_scope():
        return np.asarray(variable, np.float32)


def weights_of(cell: Any) -> Weights | None:
    """The weights of a cell that is exactly Keras's own; None for any other."""
    layers = require("keras", _PURPOSE).layers
    names = {layers.LSTMCell: "LSTM", layers.GRUCell: "GRU", layers.SimpleRNNCell: "SimpleRNN"}
    name = names.get(type(cell))
    if name is None:
        return None
    kernel, recurrent = numbers(cell.kernel), numbers(cell.recurrent_kernel)
    after = bool(getattr(cell, "reset_after", False))
    shape = (2, kernel.shape[1]) if after else (kernel.shape[1],)
    bias = np.zeros(shape, np.float32) if cell.bias is None else numbers(cell.bias)
    functions = (
        [cell.activation] if name == "SimpleRNN" else [cell.recurrent_activation, cell.activation]
    )
    return Weights(name, kernel, recurrent, bias, tuple(functions), after)


def output_before(tf: Any, loop: Loop, like: Any) -> Any:
    """What a masked first step repeats: zeros ``like`` an output, or a resumed loop's last output.

    That is the first state of the (last) cell, in all of Keras's own cells.
    """
    if not loop.resumed:
        return tf.zeros_like(like)
    cells = getattr(loop.layer.cell, "cells", [loop.layer.cell])
    size = cells[-1].state_size
    return loop.states[-(len(size) if isinstance(size, list | tuple) else 1)]


def output_shape(loop: Loop) -> list[int]:
    """Shape of one output of a loop, without the batch."""
    size = getattr(loop.layer.cell, "output_size", None)
    return [size] if isinstance(size, int) else [int(n) for n in loop.states[0].shape[1:]]


def cell_of(tf: Any, loop: Loop) -> Cell:
    """The step of a loop's cell; of Keras's own kinds with the input's product apart."""
    weights = weights_of(loop.layer.cell)
    if weights is None:
        return AsKeras(loop.layer.cell, loop.structure)
    return _STEPS[weights.kind](tf, weights)


class AsKeras:
    """A cell as Keras calls it: any cell, whole."""

    def __init__(self, cell: Any, structure: Any) -> None:
        self._cell, self._structure = cell, structure

    def project(self, x: Any) -> Any:
        return x

    def step(self, projected: Any, states: Sequence[Any]) -> tuple[Any, list[Any]]:
        tree = require("keras", _PURPOSE).tree
        options = (
            {"training": False} if getattr(self._cell, "_call_has_training_arg", False) else {}
        )
        packed = tree.pack_sequence_as(self._structure, list(states))
        output, new = self._cell(projected, packed, **options)
        return output, tree.flatten(new)


class _Native:
    def __init__(self, tf: Any, weights: Weights) -> None:
        self._tf, self._w = tf, weights
        self._recurrent = tf.constant(weights.recurrent)

    def project(self, x: Any) -> Any:
        tf, bias = self._tf, self._w.bias
        first = bias[0] if bias.ndim == 2 else bias
        return tf.matmul(x, tf.constant(self._w.kernel)) + tf.constant(first)

    def _gates(self, value: Any, count: int) -> list[Any]:
        return list(self._tf.split(value, count, 1))


class _Lstm(_Native):
    def step(self, projected: Any, states: Sequence[Any]) -> tuple[Any, list[Any]]:
        h, c = states
        gate, content = self._w.activations
        i, f, g, o = self._gates(projected + self._tf.matmul(h, self._recurrent), 4)
        c = gate(f) * c + gate(i) * content(g)
        h = gate(o) * content(c)
        return h, [h, c]


class _Gru(_Native):
    def step(self, projected: Any, states: Sequence[Any]) -> tuple[Any, list[Any]]:
        (h,) = states
        tf, w = self._tf, self._w
        gate, content = w.activations
        z, r, x = self._gates(projected, 3)
        if w.reset_after:
            own_z, own_r, own = self._gates(
                tf.matmul(h, self._recurrent) + tf.constant(w.bias[1]), 3
            )
            z, r = gate(z + own_z), gate(r + own_r)
            candidate = content(x + r * own)
        else:
            both = tf.matmul(h, tf.constant(w.recurrent[:, : 2 * w.units]))
            own_z, own_r = self._gates(both, 2)
            z, r = gate(z + own_z), gate(r + own_r)
            candidate = content(x + tf.matmul(r * h, tf.constant(w.recurrent[:, 2 * w.units :])))
        h = z * h + (1 - z) * candidate
        return h, [h]


class _Simple(_Native):
    def step(self, projected: Any, states: Sequence[Any]) -> tuple[Any, list[Any]]:
        (h,) = states
        h = self._w.activations[0](projected + self._tf.matmul(h, self._recurrent))
        return h, [h]


_STEPS: dict[str, Callable[[Any, Weights], Cell]] = {
    "LSTM": _Lstm,
    "GRU": _Gru,
    "SimpleRNN": _Simple,
}


def specs(tf: Any, graph: GraphModel, batch: int | None) -> list[Any]:
    """What :func:`outputs` takes: the inputs, then the states."""
    ports = [(port.name, port.dtype, port.shape) for port in graph.inputs]
    ports += [(state.name, "float32", state.shape) for state in graph.all_states]
    return [tf.TensorSpec([batch, *shape[1:]], dtype, name=name) for name, dtype, shape in ports]


def outputs(
    graph: GraphModel,
    arrays: Sequence[Any],
    run: Runs,
    look_up: Callable[[Any, Any], Any],
    follows: dict[int, Any] | None = None,
    forms: Forms | None = None,
    makers: Makers | None = None,
) -> dict[str, Any]:
    """The model's outputs by name, then a step model's new states, with every loop lowered.

    Args:
        arrays: the inputs, then the states.
        run, look_up, follows, forms, makers: see :class:`Lowered`.
    """
    tf = require("tensorflow", _PURPOSE)
    values = iter(arrays[len(graph.inputs) :])
    begin = {layer: [next(values) for _ in states] for layer, states in graph.states.items()}
    with Lowered(functional(graph.model), run, look_up, follows, begin, forms, makers) as lowered:
        answers = graph.call(arrays[: len(graph.inputs)])
    for port, value in zip(graph.outputs, answers, strict=True):
        if value.shape.rank is None:  # TensorFlow lost it, Keras knows it
            value.set_shape(port.shape)
    named = dict(zip((o.name for o in graph.outputs), answers, strict=True))
    for layer, states in graph.states.items():
        named |= dict(zip((s.output for s in states), lowered.finals[layer], strict=True))
    return {name: tf.identity(value, name=name) for name, value in named.items()}


def gathered(layer: Any, ids: Any) -> Any:
    """Rows of an Embedding's table, as it is."""
    tf = require("tensorflow", _PURPOSE)
    return tf.gather(tf.constant(numbers(layer.embeddings)), tf.cast(ids, tf.int32))


def unsaid(graph: GraphModel, form: str, forms: Forms, batch: int | None) -> tuple[str, ...]:
    """What of a model a format has no form for, as far as tracing all but its loops tells."""
    tf, source, makers = require("tensorflow", _PURPOSE), graph.model.name, Makers()

    def run(loop: Loop) -> tuple[Any, Any, Sequence[Any]]:
        x, width = loop.sequences, output_shape(loop)
        every = tf.zeros(tf.concat([tf.shape(x)[:2], width], 0))
        every.set_shape([*x.shape[:2], *width])
        return every[:, -1], every, loop.states

    def whole(*arrays: Any) -> dict[str, Any]:
        return outputs(graph, arrays, run, gathered, forms=forms, makers=makers)

    traced = tf.function(whole, input_signature=specs(tf, graph, batch), autograph=False)
    try:
        with refusals(source, form, makers):
            traced.get_concrete_function()
    except NoFormError as error:
        return error.obstacles
    refusal = refuse(source, form, sorted(forms.missing), makers)
    return () if refusal is None else refusal.obstacles


def _replacing(ordinary: Any, own: Any) -> Any:
    """A function that calls ``own`` with the ordinary one before its arguments; a method, too."""

    def replaced(*args: Any, **options: Any) -> Any:
        return own(ordinary, *args, **options)

    return replaced


def _single(ordinary: Any, *dtypes: Any) -> str:
    """Keras's common type of some, but float32 for float64 (of a NumPy array from outside)."""
    common = str(ordinary(*dtypes))
    return "float32" if common == "float64" else common


class Lowered:
    """A context in which calling the model runs ``run`` for every loop over time.

    It writes into the live model: each recurrent layer's ``inner_loop``, ``get_initial_state``,
    ``stateful``, ``unroll`` and ``use_cudnn``, and the ``call`` of every layer and operation. And it
    replaces ``tensorflow.function``, some of Keras's functions, and what TensorFlow's graphs call to make
    an operator or to take a tensor from outside, for the whole process. All of it is put back at the end,
    also after an error; but in between nobody else may call or change this model, nor trace anything in
    TensorFlow: it is not for two threads.

    Attributes:
        finals: by a layer's name its final states, where it was given ``states``.

    Args:
        look_up: Embedding layer, ids -> rows.
        follows: by ``id`` of a layer the one whose sequence it takes and nobody else does (see
            :func:`lstm_edge.models.graph.chains`): both are run in one loop.
        states: by a layer's name the states to start from instead of its own.
        forms: what is made in the place of operators that the format does not have.
        makers: is told which operation of the model makes which operators.
    """

    def __init__(
        self,
        model: Any,
        run: Runs,
        look_up: Callable[[Any, Any], Any],
        follows: dict[int, Any] | None = None,
        states: Mapping[str, Sequence[Any]] | None = None,
        forms: Forms | None = None,
        makers: Makers | None = None,
    ) -> None:
        self._forms, self._makers = forms or Forms(), makers or Makers()
        self._keras, self._tf = require("keras", _PURPOSE), require("tensorflow", _PURPOSE)
        self._model, self._run, self._look_up = model, run, look_up
        self._follows, self._states = follows or {}, states or {}
        self._leads = {id(layer) for layer in self._follows.values()}
        self._waiting: dict[int, Loop] = {}  # by id of a layer, for the one that follows
        self._zeros: list[Any] = []
        self._constants: dict[tuple[int, int], Any] = {}
        self._variables = {id(v.value.handle) for v in model.variables}
        self.finals: dict[str, list[Any]] = {}

    def __enter__(self) -> Lowered:
        layers = self._keras.layers
        with contextlib.ExitStack() as undo:  # what was changed before one fails is put back, too
            self._undo = undo
            self._change(self._tf, "function", partial(self._inlined, self._tf.function))
            self._change(self._tf.math, "is_inf", self._is_infinite)
            for name, there in (("equal", True), ("not_equal", False)):
                ordinary = getattr(self._tf, name)
                self._change(self._tf, name, partial(self._compared, ordinary, there))
            for layer in self._model._flatten_layers():
                if isinstance(layer, layers.RNN):
                    self._change_recurrent(layer)
                elif isinstance(layer, layers.TimeDistributed):
                    self._change(layer, "call", partial(self._time_distributed, layer))
                elif isinstance(layer, layers.Discretization):
                    self._change(layer, "call", partial(self._discretized, layer))
                elif type(layer) is layers.Normalization and _by_channel(layer):
                    self._change(layer, "call", partial(self._denormalised, layer))
                elif type(layer) is layers.Rescaling:
                    self._change(layer, "call", partial(self._rescaled, layer))
                elif isinstance(layer, layers.IntegerLookup):
                    self._change(layer, "call", partial(self._looked_up, layer))
                elif isinstance(layer, layers.CategoryEncoding):
                    self._change(layer, "call", partial(self._category, layer))
                elif type(layer) is layers.Embedding:
                    self._change(layer, "call", partial(self._look_up, layer))
                elif type(layer) is layers.Dense and outweighs(layer):
                    self._change(layer, "call", partial(self._dense, layer))
                elif hasattr(layer, "lowered_call"):  # a SavedModel's graph
                    self._change(layer, "call", layer.lowered_call)
            self._change_operators()
            for operation in operations(self._model):
                self._change(operation, "call", partial(self._called, operation, operation.call))
            self._undo = undo.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._undo.close()

    def _change(self, owner: Any, name: str, value: Any) -> None:
        """Past Keras's own ``__setattr__``, which would track what it is given."""
        held = owner.__dict__
        if name in held:
            self._undo.callback(held.__setitem__, name, held[name])
        else:
            self._undo.callback(held.__delitem__, name)
        held[name] = value

    def _change_recurrent(self, layer: Any) -> None:
        self._change(layer, "inner_loop", partial(self._recurrent, layer))
        if hasattr(type(layer.cell), "get_initial_state") and weights_of(layer.cell):
            zeros = partial(self._initial_state, layer.get_initial_state)
            self._change(layer, "get_initial_state", zeros)
        self._change(layer, "stateful", False)
        self._change(layer, "unroll", False)
        if hasattr(layer, "use_cudnn"):
            self._change(layer, "use_cudnn", False)  # of Bidirectional, too

    def _change_operators(self) -> None:
        """Operators that the format has none for, and tensors from outside as constants."""
        func_graph = require("tensorflow.python.framework.func_graph", _PURPOSE).FuncGraph
        numpy = require("keras.src.backend.tensorflow.numpy", _PURPOSE)
        dtypes = require("keras.src.backend.common.dtypes", _PURPOSE)
        doubles = [] if self._forms.doubles else [(dtypes, "result_type", _single)]
        for owner, name, own in (
            *doubles,
            (func_graph, "_create_op_internal", self._operator),
            (func_graph, "capture", self._captured),
            (numpy, "argmax", self._extreme),
            (numpy, "argmin", self._extreme),
            (numpy, "signbit", self._signbit),
        ):
            ordinary = getattr(owner, name)
            if name == "capture":
                self._capture = ordinary
            self._undo.callback(setattr, owner, name, ordinary)
            setattr(owner, name, _replacing(ordinary, own))

    def _operator(
        self, ordinary: Any, graph: Any, op_type: str, inputs: Any, *rest: Any, **options: Any
    ) -> Any:
        """TensorFlow's ``_create_op_internal``: an operator, or what stands in its place."""
        tf = self._tf
        self._makers.made(op_type)
        if op_type in ("ReadVariableOp", "ResourceGather") and self._is_untracked(inputs[0]):
            with tf.init_scope():
                dtype = options["attrs"]["dtype"].type
                value = tf.raw_ops.ReadVariableOp(resource=inputs[0], dtype=dtype).numpy()
            with graph.as_default():
                value = tf.constant(value)
                return (value if op_type == "ReadVariableOp" else tf.gather(value, inputs[1])).op
        # what else there may be outside, such as a table
        inputs = [self._capture(graph, x) if self._is_untracked(x) else x for x in inputs]
        form = self._forms.operators.get(op_type)
        # TFLite's converter knows a whole gelu
        if form is not None and not re.search(r"Gelu(_\d+)?$", graph.get_name_scope().rstrip("/")):
            with graph.as_default():
                out = form(inputs, options.get("attrs") or {})
            if out is not None:
                return (out if out.value_index == 0 else tf.identity(out)).op
        return ordinary(graph, op_type, inputs, *rest, **options)

    def _captured(
        self, ordinary: Any, graph: Any, tensor: Any, name: Any = None, shape: Any = None
    ) -> Any:
        """A tensor from outside the graph would become one more input (Normalization's mean)."""
        if self._is_untracked(tensor):
            return tensor  # what reads it is made a constant
        if not hasattr(tensor, "numpy") or tensor.dtype in (self._tf.resource, self._tf.variant):
            return ordinary(graph, tensor, name, shape)
        key = (id(graph), id(tensor))
        if key not in self._constants:
            with graph.as_default(), self._tf.control_dependencies(None):
                made = self._tf.constant(tensor.numpy(), tensor.dtype)
                # both kept alive: others could get their ids
                self._constants[key] = made, graph, tensor
        return self._constants[key][0]

    def _is_untracked(self, tensor: Any) -> bool:
        """Whether it is the handle of a variable that is none of the model's: no file would store it."""
        return (
            hasattr(tensor, "numpy")
            and tensor.dtype == self._tf.resource
            and id(tensor) not in self._variables
        )

    def _called(self, operation: Any, call: Any, *args: Any, **options: Any) -> Any:
        return self._makers.call(operation, call, *args, **options)

    def _signbit(self, ordinary: Any, x: Any) -> Any:
        """Keras's own function, by arithmetic."""
        del ordinary
        x = self._tf.convert_to_tensor(x)
        if not x.dtype.is_floating:
            return x < 0
        return self._tf.logical_or(x < 0, self._tf.logical_and(self._tf.equal(x, 0), 1 / x < 0))

    def _extreme(self, ordinary: Any, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        """Keras's own function, without what tells -0 from 0 bit by bit."""
        tf = self._tf
        x = tf.convert_to_tensor(x)
        place = -1 if axis is None else axis
        function = getattr(tf, ordinary.__name__)
        out = function(tf.reshape(x, [-1]) if axis is None else x, place, tf.int32)
        if keepdims:
            return (
                tf.reshape(out, [1] * len(x.shape)) if axis is None else tf.expand_dims(out, axis)
            )
        return out

    def _inlined(self, compiled: Any, function: Any = None, **options: Any) -> Any:
        """tf.function, but what Keras compiles by XLA (grouped convolutions) is part of the graph."""
        if not options.get("jit_compile"):
            return compiled(function, **options)
        return function if function is not None else lambda inner: inner

    def _initial_state(self, ordinary: Callable[[Any], Any], batch_size: Any) -> Any:
        """A layer's own states, which are remembered as zeros."""
        states = ordinary(batch_size)
        self._zeros.extend(self._keras.tree.flatten(states))
        return states

    def _recurrent(
        self, layer: Any, sequences: Any, initial_state: Any, mask: Any, training: bool = False
    ) -> tuple[Any, Any, Any]:
        """Keras's ``inner_loop``: the last output, all outputs and the new states."""
        del training
        loop = self._loop(layer, sequences, initial_state, mask)
        if id(layer) in self._leads:
            # nobody takes this but the layer that follows, and that runs both
            self._waiting[id(layer)] = loop
            nothing = self._nothing(loop)
            return nothing[:, -1], nothing, initial_state
        last, every, states = self._run(loop)
        if loop.resumed:
            self.finals[layer.name] = list(states)
        return last, every, self._keras.tree.pack_sequence_as(initial_state, list(states))

    def _loop(self, layer: Any, sequences: Any, structure: Any, mask: Any) -> Loop:
        flat = self._keras.tree.flatten(structure)
        states = tuple(self._tf.convert_to_tensor(state) for state in flat)
        from_zero = all(any(state is zero for zero in self._zeros) for state in states)
        resumed = self._states.get(layer.name)
        if resumed is not None:
            states, from_zero = tuple(resumed), False
        if isinstance(mask, list | tuple):
            mask = mask[0]
        if mask is not None and len(mask.shape) == 3:
            mask = mask[..., 0]
        before: tuple[Loop, ...] = ()
        if (first := self._follows.get(id(layer))) is not None:
            lead = self._waiting.pop(id(first))
            before, sequences = (*lead.before, lead), lead.sequences
        return Loop(
            layer, sequences, states, structure, from_zero, mask, resumed is not None, before
        )

    def _nothing(self, loop: Loop) -> Any:
        """Zeros in the form of the loop's sequence of outputs."""
        tf, sequences, units = self._tf, loop.sequences, loop.states[0].shape[-1]
        shape = tf.shape(sequences)
        nothing = tf.zeros([shape[0], shape[1], units])
        nothing.set_shape([sequences.shape[0], sequences.shape[1], units])
        return nothing

    def _rescaled(self, layer: Any, inputs: Any) -> Any:
        """Keras's own layer, with constants that no converter puts into the product behind."""
        tf = self._tf
        scale, offset = (np.ravel(np.float32(number)) for number in (layer.scale, layer.offset))
        return apart(
            tf.cast(inputs, tf.float32),
            lambda x: x * constant(tf, scale, x) + constant(tf, offset, x),
        )

    def _denormalised(self, layer: Any, inputs: Any) -> Any:
        """Keras's own inverted Normalization, the same way."""
        tf = self._tf
        with tf.init_scope():
            mean = np.ravel(layer.mean)
            deviation = np.maximum(np.sqrt(np.ravel(layer.variance)), self._keras.backend.epsilon())
        return apart(
            tf.cast(inputs, tf.float32),
            lambda x: constant(tf, mean, x) + x * constant(tf, deviation, x),
        )

    def _dense(self, layer: Any, inputs: Any, training: bool | None = None) -> Any:
        """Keras's own layer, with a bias that no runtime begins its sum with: that costs it digits."""
        del training
        tf = self._tf
        product = tf.tensordot(inputs, tf.constant(numbers(layer.kernel)), 1)
        product.set_shape([*inputs.shape[:-1], layer.units])
        bias = numbers(layer.bias)
        return layer.activation(apart(product, lambda x: x + constant(tf, bias, x)))

    def _is_infinite(self, x: Any, name: Any = None) -> Any:
        """tf.math.is_inf, without TFLite's Equal, to which inf is not inf."""
        del name
        return self._tf.abs(x) >= np.inf

    def _compared(self, ordinary: Any, there: bool, x: Any, y: Any, name: Any = None) -> Any:
        """tf.equal (or not), with the same care: Masking(inf) asks for it."""
        number = self._tf.get_static_value(y)
        if np.shape(number) or np.asarray(number).dtype.kind != "f" or not np.isinf(number):
            return ordinary(x, y, name=name)
        equal = x >= number if number > 0 else x <= number
        return equal if there else self._tf.logical_not(equal)

    def _discretized(self, layer: Any, inputs: Any) -> Any:
        """Keras's own layer, without an operator (Bucketize) that no format has."""
        tf = self._tf
        reached = tf.cast(inputs, tf.float32)[..., None] >= tf.constant(
            layer.bin_boundaries, tf.float32
        )
        bins = tf.reduce_sum(tf.cast(reached, tf.int32), -1)
        depth = len(layer.bin_boundaries) + 1
        return self._encoded(bins, layer.output_mode, depth, layer.output_dtype)

    def _looked_up(self, layer: Any, inputs: Any) -> Any:
        """Keras's own layer, without a table of a kind that no format has."""
        tf = self._tf
        with tf.init_scope():  # its table is none of the graph's
            words = layer.get_vocabulary(include_special_tokens=False)
            depth = int(layer.vocabulary_size())
        first = depth - len(words)  # behind the number for a mask, and that for all others
        same = tf.equal(tf.cast(inputs, tf.int32)[..., None], tf.constant(words, tf.int32))
        numbers = tf.where(same, tf.range(first, depth), first - 1)
        codes = tf.reduce_max(numbers, -1)
        if layer.mask_token is not None:
            masked = tf.equal(tf.cast(inputs, tf.int32), layer.mask_token)
            codes = tf.where(masked, 0, codes)
        whole = layer.output_mode == "int"
        depth = layer.max_tokens if layer.pad_to_max_tokens else depth
        return self._encoded(codes, layer.output_mode, depth, "int64" if whole else "float32")

    def _category(self, layer: Any, inputs: Any, count_weights: Any = None) -> Any:
        return self._encoded(
            inputs, layer.output_mode, layer.num_tokens, layer.compute_dtype, count_weights
        )

    def _encoded(self, codes: Any, mode: str, depth: int, dtype: str, weights: Any = None) -> Any:
        """Class numbers as Keras's layers encode them: for all modes by one-hot rows."""
        tf = self._tf
        if mode == "int":
            return tf.cast(codes, dtype)
        if mode == "one_hot" and len(codes.shape) > 1 and codes.shape[-1] == 1:
            codes = codes[..., 0]
        rows = tf.one_hot(tf.cast(codes, tf.int32), depth, dtype=dtype)
        if mode == "one_hot":
            return rows
        if weights is not None:
            rows = rows * tf.cast(weights, dtype)[..., None]
        axis = 1 if len(codes.shape) > 1 else 0
        return tf.reduce_max(rows, axis) if mode == "multi_hot" else tf.reduce_sum(rows, axis)

    def _time_distributed(
        self, layer: Any, inputs: Any, training: bool | None = None, mask: Any = None
    ) -> Any:
        """The inner layer on all steps at once."""
        del training
        tf, inner = self._tf, layer.layer
        shape, static = tf.shape(inputs), inputs.shape
        options = {}
        merged = tf.reshape(inputs, tf.concat([[shape[0] * shape[1]], shape[2:]], 0))
        both = None if None in static[:2] else static[0] * static[1]
        merged.set_shape([both, *static[2:]])
        if inner._call_has_mask_arg and mask is not None:
            wide = tf.shape(mask)
            options["mask"] = tf.reshape(mask, tf.concat([[-1], wide[2:]], 0))
        out = inner(merged, **options)
        back = tf.reshape(out, tf.concat([shape[:2], tf.shape(out)[1:]], 0))
        back.set_shape([*static[:2], *out.shape[1:]])
        return back
