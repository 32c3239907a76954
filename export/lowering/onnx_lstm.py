"""ONNX: one ``LSTM`` node for each layer, on the real tokens only.

The model itself goes through tf2onnx, which inlines every ``tf.function`` before a handler can see
it, so a composite cannot mark an LSTM. ``tf.raw_ops.BlockLSTMV2`` can: a real TensorFlow operator in
Keras's gate order, never run here, only traced. Some of its tensors are given another meaning between
:func:`_core` and :func:`_lstm_node`: ``seq_len_max`` carries the lengths int64 [N] of the examples,
``h_prev`` and ``cs_prev`` are [1, N, U] as ONNX has them, and the output ``cs`` is the last hidden
state [1, N, U], which is that of each example's own last token.

What picks the real tokens, :func:`_prelude`, is written in ONNX directly: tf2onnx makes many more
operators of the same in TensorFlow, and at batch 1 each of them counts.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from export.lowering.pad_state import PadTable
from lstm_edge import equations as reference
from lstm_edge.base.arrays import Array
from lstm_edge.base.extras import require
from lstm_edge.errors import ConversionError
from lstm_edge.stack import LstmLayer, LstmStack

OPSET = 18
IR_VERSION = 8  # the one that came with opset 18: older runtimes take the file too
INPUT, OUTPUT = "ids", "probabilities"
TOKENS, ROW, LENGTHS = "tokens", "row", "lengths"
_PURPOSE = "exporting to ONNX"


def convert(stack: LstmStack, table: PadTable, path: Path) -> None:
    """Write the float32 ONNX file: ids int32 [batch, length] -> probabilities float32 [batch, K]."""
    onnx = require("onnx", _PURPOSE)
    prelude = onnx.parser.parse_model(_prelude(stack, table))
    model = onnx.compose.merge_models(
        prelude, _core(stack, table), io_map=[(name, name) for name in (TOKENS, ROW, LENGTHS)]
    )
    for value, dims in (
        (model.graph.input[0], ["batch", "length"]),
        (model.graph.output[0], ["batch", stack.outputs]),
    ):
        kind = value.type.tensor_type.elem_type
        value.CopyFrom(onnx.helper.make_tensor_value_info(value.name, kind, dims))
    del model.opset_import[:]  # merging names the same one twice, which quantize_dynamic refuses
    model.opset_import.append(onnx.helper.make_opsetid("", OPSET))
    model.producer_name = "lstm-edge"
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)


def _prelude(stack: LstmStack, table: PadTable) -> str:
    """Which steps to run, as ONNX text.

    From the first token that is no pad on, to the end of the row (or to the last such token, where
    pads are taken on either side), every example starts from the table's row for the pads before it and
    runs the rest: ``tokens`` [steps, batch]. An example of nothing but pads runs as many of them as it
    has. Examples longer than the model keep their last ids.
    """
    length, stride = stack.max_length, table.stride
    if stack.either_side:
        last = "last = ArgMin <axis = 0, keepdims = 0, select_last_index = 1> (is_pad)"
    else:
        last = """size = Shape <start = 1, end = 2> (ids)
    last = Sub (size, one)""".replace("ids", INPUT)
    return f"""
<ir_version: {IR_VERSION}, opset_import: ["": {OPSET}]>
pad_state (int32[batch, length] {INPUT})
    => (int32[steps, batch] {TOKENS}, int64[batch] {ROW}, int64[batch] {LENGTHS})
<
    int32 pad_id = {{{stack.pad_id}}},
    int64 most_pads = {{{length - 1}}}, int64 stride = {{{stride}}},
    int64 zero = {{0}}, int64 one = {{1}},
    int64 model_length = {{{length}}}, int64 behind = {{{stride + 1}}},
    int64[1] begin_axis = {{0}}, int64[4] margins = {{{stride}, 0, {length}, 0}},
    int64[{length}, 1] numbers = {{{", ".join(map(str, range(length)))}}}
>
{{
    columns = Transpose <perm = [1, 0]> ({INPUT})
    pad_bool = Equal (columns, pad_id)
    is_pad = Cast <to = 6> (pad_bool)
    first = ArgMin <axis = 0, keepdims = 0> (is_pad)
    {last}
    span = Sub (last, first)
    pads = Sub (most_pads, span)
    some_row = Div (pads, stride)
    {ROW} = Max (some_row, zero)
    skipped = Mul ({ROW}, stride)
    {LENGTHS} = Sub (model_length, skipped)
    end = Add (last, behind)
    begin = Sub (end, {LENGTHS})
    longest = ReduceMax <keepdims = 1> ({LENGTHS})
    count = Slice (numbers, begin_axis, longest)
    index = Add (count, begin)
    padded = Pad (columns, margins, pad_id)
    {TOKENS} = GatherElements <axis = 0> (padded, index)
}}
"""


def _core(stack: LstmStack, table: PadTable) -> Any:
    """The layers through tf2onnx: tokens, row, lengths -> probabilities."""
    tf = require("tensorflow", _PURPOSE)
    tf2onnx = require("tf2onnx", _PURPOSE)
    keras = require("keras", _PURPOSE)

    def run(tokens: Any, row: Any, lengths: Any) -> Any:
        x = tf.gather(tf.constant(stack.embedding), tokens)  # [steps, N, D]
        joined, sizes = table.joined()
        # [1, rows, …], so that the states come as ONNX has them
        states = tf.split(tf.gather(tf.constant(joined[None]), row, axis=1), sizes, 2)
        for layer, hidden, cell in zip(stack.lstm, states[::2], states[1::2], strict=True):
            x, final = _marker(tf, layer, x, hidden, cell, lengths)
        y = tf.reshape(final, [-1, stack.lstm[-1].units])
        for dense in stack.dense:
            y = tf.matmul(y, tf.constant(dense.kernel)) + tf.constant(dense.bias)
            y = keras.activations.get(dense.activation)(y)
        return tf.identity(y, name=OUTPUT)

    spec = [
        tf.TensorSpec([None, None], tf.int32, name=TOKENS),
        tf.TensorSpec([None], tf.int64, name=ROW),
        tf.TensorSpec([None], tf.int64, name=LENGTHS),
    ]
    model, _ = tf2onnx.convert.from_function(
        tf.function(run, input_signature=spec, autograph=False),
        input_signature=spec,
        opset=OPSET,
        custom_op_handlers={"BlockLSTMV2": (_lstm_node, []), "GatherV2": (_gather_node, [])},
    )
    operators = [node.op_type for node in model.graph.node]
    # tf2onnx logs what its handlers raise and goes on
    if operators.count("LSTM") != len(stack.lstm) or "BlockLSTMV2" in operators:
        raise ConversionError(
            f"tf2onnx gave {sorted(set(operators))} for {len(stack.lstm)} LSTM layers"
        )
    model.ir_version = IR_VERSION
    old = model.graph.output[0].name
    for node in model.graph.node:
        node.output[:] = [OUTPUT if name == old else name for name in node.output]
    model.graph.output[0].name = OUTPUT
    return model


def _marker(tf: Any, layer: LstmLayer, x: Any, hidden: Any, cell: Any, lengths: Any) -> Any:
    peephole = tf.zeros([layer.units])
    out = tf.raw_ops.BlockLSTMV2(
        seq_len_max=lengths,
        x=x,
        cs_prev=cell,
        h_prev=hidden,
        w=tf.constant(np.concatenate([layer.kernel, layer.recurrent])),
        wci=peephole,
        wcf=peephole,
        wco=peephole,
        b=tf.constant(layer.bias),
        cell_clip=0.0,
        use_peephole=False,
    )
    return out.h, out.cs


def _gather_node(ctx: Any, node: Any, name: str, args: Any) -> None:
    """tf2onnx handler: a plain Gather; its own wraps negative ids first, which there are none of."""
    del name, args
    table, ids, axis = node.input
    if node.get_attr_int("batch_dims"):
        raise ConversionError("only a plain Gather is expected here")
    place = ctx.get_node_by_output(axis).get_tensor_value()
    output, shape, dtype = node.output[0], ctx.get_shape(node.output[0]), ctx.get_dtype(table)
    ctx.remove_node(node.name)
    ctx.make_node(
        "Gather", [table, ids], {"axis": place}, outputs=[output], shapes=[shape], dtypes=[dtype]
    )


def _lstm_node(ctx: Any, node: Any, name: str, args: Any) -> None:
    """tf2onnx handler: BlockLSTMV2 -> LSTM, in ONNX's gate order."""
    del name, args
    utils = require("tf2onnx.utils", _PURPOSE)
    onnx = require("onnx", _PURPOSE)
    lengths, x, cell, hidden, weights, *_, bias = node.input
    w, b = (ctx.get_node_by_output(t).get_tensor_value(as_list=False) for t in (weights, bias))
    units = len(b) // 4
    final, sequence = node.output[1], node.output[6]
    shape, dtype = ctx.get_shape(sequence), ctx.get_dtype(sequence)
    ctx.remove_node(node.name)

    def const(label: str, value: Array) -> Any:
        return ctx.make_const(utils.make_name(label), np.ascontiguousarray(value)).output[0]

    def onnx_order(value: Array) -> Array:
        return reference.reorder(value, reference.KERAS_GATES, reference.ONNX_GATES)

    def rename(kind: str, inputs: list[Any], output: str, dims: list[int]) -> None:
        ctx.make_node(kind, inputs, outputs=[output], shapes=[dims], dtypes=[dtype])

    cast = ctx.make_node("Cast", [lengths], attr={"to": onnx.TensorProto.INT32})
    lstm = ctx.make_node(
        "LSTM",
        [
            x,
            const("W", onnx_order(w[:-units]).T[None]),
            const("R", onnx_order(w[-units:]).T[None]),
            const("B", np.concatenate([onnx_order(b), np.zeros_like(b)])[None]),
            cast.output[0],
            hidden,
            cell,
        ],
        attr={"hidden_size": units},
        output_count=3,
        shapes=[[-1, 1, -1, units], [1, -1, units], [1, -1, units]],
        dtypes=[dtype] * 3,
    )
    axis = const("axis", np.array([1], np.int64))
    rename("Squeeze", [lstm.output[0], axis], sequence, shape)
    rename("Identity", [lstm.output[1]], final, [1, -1, units])
