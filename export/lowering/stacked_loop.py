"""TFLite: one WHILE loop over time whose body runs all layers; the states are its variables.

No TensorList, so nothing is copied; no variable tensor, so nothing is left for the next call; it
starts from the pad-state table and runs for the real tokens only, in a file of fixed shape.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from export.lowering.pad_state import PadTable
from lstm_edge.extras import require
from lstm_edge.stack import LstmStack

INPUT, OUTPUT = "ids", "probabilities"


def module(stack: LstmStack, table: PadTable) -> Any:
    """A ``tf.Module`` with ``run``: ids int32 [1, max_length], pads on either side."""
    tf = require("tensorflow", "exporting to TFLite")
    keras = require("keras", "exporting to TFLite")
    length, pad, stride = stack.max_length, stack.pad_id, table.stride
    spare = min(stride, length)  # pads that the table may leave to be run
    # One row holds all states of all layers: a single look-up starts the loop.
    sizes = [layer.units for layer in stack.lstm for _ in "hc"]
    states = np.concatenate(
        [a for pair in zip(table.hidden, table.cell, strict=True) for a in pair], 1
    )

    def cell(z: Any, c: Any) -> Any:
        i, f, g, o = tf.split(z, 4, 1)
        c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
        return tf.sigmoid(o) * tf.tanh(c), c

    def run(ids: Any) -> Any:
        ids = ids[0]
        position = tf.range(length)
        is_real = tf.not_equal(ids, pad)
        last = tf.reduce_max(tf.where(is_real, position + 1, 0))  # past the last real token
        first = tf.minimum(tf.reduce_min(tf.where(is_real, position, length)), last)
        pads = length - (last - first)
        row = tf.minimum(pads // stride, table.last_row)
        begin = first - (pads - row * stride)
        tokens = tf.concat([tf.fill([spare], pad), ids], 0)
        # not a gather: the converter would quantise the table as if it were weights
        start = tf.split(tf.slice(tf.constant(states), [row, 0], [1, sum(sizes)]), sizes, 1)

        def body(t: Any, *state: Any) -> Any:
            new = []
            token = tf.gather(tokens, t + spare)
            x = tf.reshape(tf.gather(tf.constant(stack.embedding), token), [1, -1])
            for number, layer in enumerate(stack.lstm):
                h, c = state[2 * number], state[2 * number + 1]
                weights = tf.constant(np.concatenate([layer.kernel, layer.recurrent]))
                z = tf.matmul(tf.concat([x, h], 1), weights) + tf.constant(layer.bias)
                x, c = cell(z, c)
                new += [x, c]
            return t + 1, *new

        out = tf.while_loop(lambda t, *_: t < last, body, (begin, *start))
        y = out[-2]
        for dense in stack.dense:
            y = tf.matmul(y, tf.constant(dense.kernel)) + tf.constant(dense.bias)
            y = keras.activations.get(dense.activation)(y)
        return {OUTPUT: y}

    holder = tf.Module()
    spec = tf.TensorSpec([1, length], tf.int32, name=INPUT)
    holder.run = tf.function(run, input_signature=[spec], autograph=False)
    return holder
