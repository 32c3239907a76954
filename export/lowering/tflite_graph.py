"""TFLite: any Keras model, each loop over time one WHILE whose states are its variables.

Recurrent layers that feed one another step by step share one loop. A sequence that something else
takes is written in place (DYNAMIC_UPDATE_SLICE), not through a TensorList; no variable tensor, so
nothing is left for the next call.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from export.lowering import forms, recurrent, tflite_fused
from export.lowering.int8_rows import embedding
from export.lowering.makers import Makers
from export.lowering.recurrent import Loop, output_shape
from lstm_edge.base.extras import require
from lstm_edge.errors import UnsupportedModelError
from lstm_edge.models.graph import GraphModel, chains

_PURPOSE = "exporting to TFLite"


def module(
    graph: GraphModel,
    batch: int,
    quantised: bool,
    fused: bool = False,
    makers: Makers | None = None,
) -> Any:
    """A ``tf.Module`` with ``run``: the model's inputs by name -> its outputs by name.

    Once traced, its ``loops`` are the names of the layers in each loop.

    Args:
        batch: examples in one call.
        quantised: Embedding rows as codes with a scale each (see :mod:`export.lowering.int8_rows`).
        fused: by :mod:`export.lowering.tflite_fused`, not in loops.
        makers: is told which operation makes which operators.

    Raises:
        UnsupportedModelError: ``fused`` for a layer that has no such operator.
    """
    tf = require("tensorflow", _PURPOSE)
    holder = tf.Module()
    network = Network(graph, quantised, fused, makers)
    # past tf.Module's own __setattr__, which would make a tracked list of it
    object.__setattr__(holder, "loops", network.loops)
    holder.run = tf.function(
        network.__call__, input_signature=recurrent.specs(tf, graph, batch), autograph=False
    )
    traced = holder.run.get_concrete_function()
    # the second: those that code traced into a Functional model reads, which are no layer's of it
    holder.variables_of_the_model = [*network.variables, *traced.variables]
    network.check()
    return holder


class Network:
    """A model as a function of tensors: its inputs in order -> its outputs by name.

    Args:
        quantised, fused, makers: see :func:`module`.

    Attributes:
        loops: names of the layers in each loop, once it was called.
        variables: of the model, for the ``tf.Module`` whose function calls this.

    Raises:
        UnsupportedModelError: ``fused`` for a layer that has no such operator.
    """

    def __init__(
        self, graph: GraphModel, quantised: bool, fused: bool, makers: Makers | None = None
    ) -> None:
        self._graph, self._quantised, self._fused = graph, quantised, fused
        self.loops: list[tuple[str, ...]] = []
        self.makers = makers or Makers()
        self.variables = [v.value for v in graph.model.variables]
        self._reasons = tflite_fused.obstacles(graph) if fused else []
        self.check()

    def check(self) -> None:
        """Raise what only shows when layers are called, too; once it was called."""
        if self._reasons:
            raise UnsupportedModelError(self._graph.model.name, self._reasons)

    def __call__(self, *arrays: Any) -> dict[str, Any]:
        tf, graph = require("tensorflow", _PURPOSE), self._graph
        self.loops.clear()
        return recurrent.outputs(
            graph,
            arrays,
            lambda loop: self._one_loop(tf, loop),
            lambda layer, ids: embedding(tf, recurrent.numbers(layer.embeddings), self._quantised)(
                tf.cast(ids, tf.int32)
            ),
            # a stream is fed few steps at a time, and wants every layer's states
            {} if graph.states or self._fused else chains(graph.model),
            forms.TFLITE,
            self.makers,
        )

    def _one_loop(self, tf: Any, loop: Loop) -> tuple[Any, Any, Sequence[Any]]:
        self.loops.append(tuple(part.layer.name for part in (*loop.before, loop)))
        weights = recurrent.weights_of(loop.layer.cell) if self._fused else None
        if weights is None:
            return run_loop(tf, loop)
        if (reason := tflite_fused.obstacle(loop)) is not None:
            # Keras would make another error of one raised here
            self._reasons.append(reason)
            return run_loop(tf, loop)
        return tflite_fused.run_loop(tf, loop, weights)


def run_loop(tf: Any, loop: Loop) -> tuple[Any, Any, Sequence[Any]]:
    """One WHILE over all steps (see :class:`export.lowering.recurrent.Runs`)."""
    parts = [*loop.before, loop]
    cells = [recurrent.cell_of(tf, part) for part in parts]
    layer, x = loop.layer, loop.sequences
    batch = x.shape[0]
    steps = x.shape[1] if x.shape[1] is not None else tf.shape(x)[1]
    x = _time_first(tf, x)
    projected = _at_once(tf, cells[0], x)
    backwards = parts[0].layer.go_backwards
    mask = None
    if loop.mask is not None:
        mask = _time_first(tf, tf.cast(loop.mask, tf.bool)[..., None])  # [T, N, 1]
    counts = [len(part.states) for part in parts]
    keeps = mask is not None and not layer.zero_output_for_mask
    width = output_shape(loop)

    def body(t: Any, states: tuple[Any, ...], out: Any, every: Any) -> Any:
        at = tf.reshape(steps - 1 - t if backwards else t, [1])
        y = tf.reshape(tf.gather(projected, at), tf.concat([[batch], tf.shape(projected)[2:]], 0))
        y.set_shape([batch, *projected.shape[2:]])
        new, begin = [], 0
        for number, (cell, count) in enumerate(zip(cells, counts, strict=True)):
            if number:
                y = cell.project(y)
            y, after = cell.step(y, states[begin : begin + count])
            new += after
            begin += count
        if mask is not None:
            real = tf.reshape(tf.gather(mask, at), [batch, 1])
            new = [_where(tf, real, a, b) for a, b in zip(new, states, strict=True)]
            y = _where(tf, real, y, out if keeps else tf.zeros_like(y))
        if layer.return_sequences:
            every = _written(tf, every, y, t)
        return t + 1, tuple(new), y, every

    states = tuple(s for part in parts for s in part.states)
    for state in states:
        state.set_shape([batch, *state.shape[1:]])
    out = recurrent.output_before(tf, loop, tf.zeros([batch, *width]))
    every = tf.zeros([steps, batch, *width]) if layer.return_sequences else tf.zeros([1])
    _, states, out, every = tf.while_loop(
        lambda t, *_: t < steps,
        body,
        (tf.constant(0), states, out, every),
        shape_invariants=(
            tf.TensorShape([]),
            tuple(s.shape for s in states),
            out.shape,
            every.shape,
        ),
    )
    if layer.return_sequences:
        every = _time_first(tf, every)  # and back
    return out, every, states[-counts[-1] :]


def _time_first(tf: Any, value: Any) -> Any:
    """Batch and time changed about; for one example that is a matter of names."""
    shape = value.shape
    if shape[0] == 1 or shape[1] == 1:
        now = tf.shape(value)
        out = tf.reshape(value, tf.concat([[now[1], now[0]], now[2:]], 0))
        out.set_shape([shape[1], shape[0], *shape[2:]])
        return out
    return tf.transpose(value, [1, 0, *range(2, len(shape))])


def _at_once(tf: Any, cell: Any, x: Any) -> Any:
    """What the inputs contribute, one product for all steps: [T, N, D] -> [T, N, P]."""
    if isinstance(cell, recurrent.AsKeras):
        return x
    now = tf.shape(x)
    out = cell.project(tf.reshape(x, [-1, x.shape[-1]]))
    back = tf.reshape(out, [now[0], now[1], out.shape[-1]])
    back.set_shape([x.shape[0], x.shape[1], out.shape[-1]])
    return back


def _where(tf: Any, condition: Any, yes: Any, no: Any) -> Any:
    extra = len(yes.shape) - 2
    return tf.where(tf.reshape(condition, [-1, *[1] * (1 + extra)]), yes, no)


def _written(tf: Any, every: Any, y: Any, t: Any) -> Any:
    """The sequence [T, N, …] with the output of step t in its place."""
    begin = tf.concat([tf.reshape(t, [1]), tf.zeros([len(every.shape) - 1], tf.int32)], 0)
    # TensorFlow gives this operator no public name; the converter makes DYNAMIC_UPDATE_SLICE of it
    xla = require("tensorflow.compiler.tf2xla.ops.gen_xla_ops", _PURPOSE)
    out = xla.xla_dynamic_update_slice(every, y[None], begin)
    out.set_shape(every.shape)
    return out
