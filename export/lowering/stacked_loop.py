"""TFLite: one WHILE loop over time whose body runs all layers; the states are its variables.

No TensorList, so nothing is copied; no variable tensor, so nothing is left for the next call; it
starts from the pad-state table and runs for the real tokens only, in a file of fixed shape.

An iteration runs a block of steps where that pays: what the inputs of a block contribute to the
gates is one product for the whole block, and entering and leaving the body costs once. The number of
steps is then a multiple of the block, exactly, because the table's rows are that many pads apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from export.lowering.int8_rows import embedding
from export.lowering.pad_state import PadTable
from lstm_edge.base.arrays import Array
from lstm_edge.base.extras import require
from lstm_edge.stack import LstmLayer, LstmStack

INPUT, OUTPUT = "ids", "probabilities"

# Longer blocks gain little more, and every call pays for setting up all their operators.
MOST_STEPS = 5
# XNNPACK packs the recurrent weights once for each step of a block, even if the file holds them
# once. These bytes of copies still fit a small level-2 cache; beyond it a block costs more than it
# saves.
CACHE = 512 * 1024


@dataclass(frozen=True)
class Layout:
    """How the loop is laid out.

    Attributes:
        steps: time steps in one iteration; divides the model's length.
        stride: pads between two rows of the pad-state table, a multiple of ``steps``.
        folded: the embedding is looked up with the first layer's input product done.
        quantised: its rows are int8 with a scale each; else the converter stores them.
    """

    steps: int
    stride: int
    folded: bool = False
    quantised: bool = False


def layout(
    stack: LstmStack, stride: int, weight_bytes: int, folded: bool = False, quantised: bool = False
) -> Layout:
    """The layout for a stack: the longest block that its length and the cache allow.

    Args:
        stride: pads between rows of the table that are wanted at least.
        weight_bytes: of one recurrent weight as the runtime holds it.
    """
    copy = weight_bytes * sum(layer.recurrent.size for layer in stack.lstm)
    steps = max(
        n
        for n in range(1, MOST_STEPS + 1)
        if n == 1 or (stack.max_length % n == 0 and n * copy <= CACHE)
    )
    return Layout(steps, -(-stride // steps) * steps, folded, quantised)


def module(stack: LstmStack, table: PadTable, plan: Layout) -> Any:
    """A ``tf.Module`` with ``run``: ids int32 [1, max_length].

    Pads in front are skipped, and those behind the last token where the stack takes them on either side.
    """
    tf = require("tensorflow", "exporting to TFLite")
    length, pad, stride = stack.max_length, stack.pad_id, table.stride
    spare = min(stride, length)  # pads that the table may leave to be run
    states, sizes = table.joined()
    look_up = _look_up(tf, stack, plan)

    def run(ids: Any) -> Any:
        ids = ids[0]
        position = tf.range(length)
        is_real = tf.not_equal(ids, pad)
        last: Any = length
        if stack.either_side:
            last = tf.reduce_max(tf.where(is_real, position, -1)) + 1  # past the last real token
        first = tf.minimum(tf.reduce_min(tf.where(is_real, position, length)), last)
        pads = length - (last - first)
        row = tf.minimum(pads // stride, table.last_row)
        begin = first - (pads - row * stride)
        tokens = tf.concat([tf.fill([spare], pad), ids], 0)
        start = tf.split(_exact_rows(tf, states, tf.reshape(row, [1])), sizes, 1)

        def body(t: Any, *state: Any) -> Any:
            new = []
            # not a slice: its result would have no fixed shape
            x = look_up(tf.gather(tokens, t + tf.range(spare, spare + plan.steps)))
            for number, layer in enumerate(stack.lstm):
                h, c = state[2 * number], state[2 * number + 1]
                projected = plan.folded and number == 0
                x, h, c = _block(tf, layer, x, h, c, projected)
                new += [h, c]
            return t + plan.steps, *new

        out = tf.while_loop(lambda t, *_: t < last, body, (begin, *start))
        y = out[-2]
        return {OUTPUT: after_lstm(tf, stack, y)}

    holder = tf.Module()
    spec = tf.TensorSpec([1, length], tf.int32, name=INPUT)
    holder.run = tf.function(run, input_signature=[spec], autograph=False)
    return holder


def after_lstm(tf: Any, stack: LstmStack, y: Any) -> Any:
    """The last layer's last output [1, U] -> the answers [1, K]."""
    keras = require("keras", "exporting to TFLite")
    for dense in stack.dense:
        y = tf.matmul(y, tf.constant(dense.kernel)) + tf.constant(dense.bias)
        y = keras.activations.get(dense.activation)(y)
    return y


def _look_up(tf: Any, stack: LstmStack, plan: Layout) -> Any:
    """Tokens [steps] -> what the first layer starts from, [steps, D], folded [steps, 4U]."""
    rows = stack.embedding
    if plan.folded:
        first = stack.lstm[0]
        rows = (rows.astype(np.float64) @ first.kernel + first.bias).astype(np.float32)
    return embedding(tf, rows, plan.quantised)


def _exact_rows(tf: Any, table: Array, rows: Any) -> Any:
    """Rows of a float32 table by their bits: the converter would quantise a gathered float table.

    A slice would not be quantised, but its result has no fixed shape.
    """
    return tf.bitcast(tf.gather(tf.constant(table.view(np.int32)), rows), tf.float32)


def _block(
    tf: Any, layer: LstmLayer, x: Any, h: Any, c: Any, projected: bool
) -> tuple[Any, Any, Any]:
    """A block of steps of one layer: x [steps, D] -> hidden states [steps, U], last h, last c.

    ``projected``: x is [steps, 4U], the input product and the bias already in it.
    """
    steps, bias = x.shape[0], tf.constant(layer.bias)
    if not projected and steps == 1:  # then one product of both is faster
        weights = tf.constant(np.concatenate([layer.kernel, layer.recurrent]))
        h, c = _cell(tf, tf.matmul(tf.concat([x, h], 1), weights) + bias, c)
        return h, h, c
    if not projected:
        x = tf.matmul(x, tf.constant(layer.kernel)) + bias
    every = []
    for step in range(steps):
        z = tf.matmul(h, tf.constant(layer.recurrent)) + _columns(tf, x, step, 0, x.shape[1])
        h, c = _cell(tf, z, c)
        every.append(h)
    return tf.concat(every, 0), h, c


def _cell(tf: Any, z: Any, c: Any) -> tuple[Any, Any]:
    """New h and c from z [1, 4U] in Keras's gate order.

    One sigmoid over all of z, though a quarter of it is not used, is faster than three.
    """
    units = c.shape[1]
    gates = tf.sigmoid(z)
    i, f, o = (_columns(tf, gates, 0, place * units, units) for place in (0, 1, 3))
    c = f * c + i * tf.tanh(_columns(tf, z, 0, 2 * units, units))
    return o * tf.tanh(c), c


def _columns(tf: Any, value: Any, row: int, begin: int, size: int) -> Any:
    """A piece [1, size] of a row; XNNPACK takes slices, but no split into unequal parts."""
    return tf.slice(value, [row, begin], [1, size])
