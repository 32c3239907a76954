"""ONNX: any Keras model through tf2onnx, each loop over time one ``LSTM``, ``GRU`` or ``RNN`` node.

tf2onnx inlines every ``tf.function`` before a handler can see it, so a composite cannot stand for a
layer. A ``PyFunc`` operator can: it takes and gives any tensors, is never run here, only traced, and
its token says which layer it stands for.

Masked steps are left out exactly: the others are moved to the front, ``sequence_lens`` says how many
they are, and the outputs are moved back. Only what the nodes cannot say (a cell or an activation that
ONNX does not have) becomes a ``Loop``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from export.lowering import forms, makers, recurrent
from export.lowering.recurrent import Loop, Weights, output_shape
from lstm_edge import equations as reference
from lstm_edge.base.arrays import Array
from lstm_edge.base.extras import require
from lstm_edge.errors import ConversionError
from lstm_edge.models.graph import Axis, GraphModel, axes_as_long

OPSET = 18
IR_VERSION = 8  # the one that came with opset 18: older runtimes take the file too
_PURPOSE = "exporting to ONNX"

# Keras's activation -> ONNX's name in a recurrent node, alpha, beta
ACTIVATIONS: dict[str, tuple[str, float | None, float | None]] = {
    "tanh": ("Tanh", None, None),
    "sigmoid": ("Sigmoid", None, None),
    "relu": ("Relu", None, None),
    "linear": ("Affine", 1.0, 0.0),
    "elu": ("Elu", 1.0, None),
    "leaky_relu": ("LeakyRelu", 0.2, None),
    "softsign": ("Softsign", None, None),
    "softplus": ("Softplus", None, None),
    "hard_sigmoid": ("HardSigmoid", 1 / 6, 0.5),
    "hard_sigmoid_keras2": ("HardSigmoid", 0.2, 0.5),
}
# What a node's inputs are ordered by; Keras's and ONNX's GRU have the same order.
_NODES = {"LSTM": "LSTM", "GRU": "GRU", "SimpleRNN": "RNN"}


@dataclass
class Markers:
    """The layers that stand in the traced function as markers, by token, and those that could not.

    ``stored``: nodes that tf2onnx made of the loops in a SavedModel's graph, by their kind.
    ``own_loops`` are operations that are loops themselves (``keras.ops.map``).
    """

    weights: dict[str, Weights] = field(default_factory=dict)
    loops: list[str] = field(default_factory=list)
    stored: Counter[str] = field(default_factory=Counter)
    own_loops: list[str] = field(default_factory=list)

    def describe(self, quantised: bool) -> str:
        """Which nodes there are, and why a layer became a Loop."""
        counts = Counter(_NODES[w.kind] for w in self.weights.values())
        said = [f"{count} {name} node{'s' if count > 1 else ''}" for name, count in counts.items()]
        # ONNX Runtime quantises the products of LSTM nodes only
        floats = [f"{n} nodes" for n in ("GRU", "RNN") if n in counts] + ["loops"] * bool(
            self.loops
        )
        if quantised and floats:
            said.append(f"weights of {' and '.join(floats)} in int8, their arithmetic in float")
        if self.loops:
            said.append(
                f"a Loop for {', '.join(dict.fromkeys(self.loops))}: ONNX has no recurrent node with "
                "that cell or activation"
            )
        for name, count in self.stored.items():
            said.append(
                "a Loop for each of the SavedModel's loops that tf2onnx knows no node for"
                if name == "Loop"
                else f"{count} {name} node{'s' if count > 1 else ''} of the SavedModel's loops"
            )
        if self.own_loops:
            said.append(f"a Loop for {', '.join(self.own_loops)}, which is one in Keras, too")
        return "; ".join(said) or "no recurrent layer"


def convert(graph: GraphModel, path: Path) -> Markers:
    """Write the float32 ONNX file, and say what became of each loop."""
    tf = require("tensorflow", _PURPOSE)
    tf2onnx = require("tf2onnx", _PURPOSE)
    onnx = require("onnx", _PURPOSE)
    markers, told = Markers(), makers.Makers()
    specs = recurrent.specs(tf, graph, None)
    ends: dict[str, tuple[int | None, ...]] = {}

    def run(*arrays: Any) -> list[Any]:
        outputs = recurrent.outputs(
            graph,
            arrays,
            lambda loop: run_loop(tf, loop, markers),
            recurrent.gathered,
            forms=forms.ONNX,
            makers=told,
        )
        # what Keras infers is not always what it computes (Bidirectional of two widths)
        ends.update({name: tuple(value.shape) for name, value in outputs.items()})
        return list(outputs.values())

    with makers.refusals(graph.model.name, "ONNX", told):
        model, _ = tf2onnx.convert.from_function(
            tf.function(run, input_signature=specs, autograph=False),
            input_signature=specs,
            opset=OPSET,
            custom_op_handlers={
                "PyFunc": (lambda *args: _node(markers, *args), []),
                "GatherV2": (gather_node, []),
                "Erfc": (_erfc_node, []),
                **dict.fromkeys(("Select", "SelectV2"), (_where_node, [])),
            },
        )
    written = [node.op_type for node in model.graph.node]
    if graph.holds_graph:
        markers.stored = Counter(n for n in written if n in ("Loop", *_NODES.values()))
    wanted = [_NODES[w.kind] for w in markers.weights.values()]
    # tf2onnx logs what its handlers raise and goes on
    if "PyFunc" in written or any(written.count(name) < wanted.count(name) for name in set(wanted)):
        raise ConversionError(f"tf2onnx gave {sorted(set(written))} for {', '.join(wanted)}")
    if unknown := sorted(op for op in set(written) if not onnx.defs.has(op)):
        raise makers.refuse(graph.model.name, "ONNX", unknown, told) or ConversionError(
            f"ONNX has no operator for TensorFlow's {', '.join(unknown)}"
        )
    _hoist(model.graph)
    whiles = told.of(("While", "StatelessWhile"))
    markers.own_loops = [name for name in whiles if name not in markers.loops]
    model.ir_version = IR_VERSION
    model.producer_name = "lstm-edge"
    _name_ends(
        onnx,
        model,
        [(spec.name, tuple(spec.shape)) for spec in specs],
        list(ends.items()),
        axes_as_long(graph),
    )
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)
    return markers


_Ends = Sequence[tuple[str, tuple[int | None, ...]]]


def _name_ends(
    onnx: Any, model: Any, inputs: _Ends, outputs: _Ends, as_long: Mapping[Axis, Axis]
) -> None:
    """Give inputs, outputs and free dimensions their names.

    One name is one length to ONNX Runtime, which plans its buffers by it.

    Args:
        as_long: see :func:`lstm_edge.models.graph.axes_as_long`.
    """
    names = {v.name: name for v, (name, _) in zip(model.graph.output, outputs, strict=True)}
    names |= {v.name: name for v, (name, _) in zip(model.graph.input, inputs, strict=True)}

    rename(model.graph.node, names)
    alone = sum(None in shape[1:] for _, shape in inputs) == 1
    free = {
        (name, axis): _axis_name("" if alone else name, axis)
        for name, shape in inputs
        for axis, size in enumerate(shape)
        if axis and size is None
    }
    for value, (name, shape) in zip(
        [*model.graph.input, *model.graph.output], [*inputs, *outputs], strict=True
    ):
        dims: list[Any] = ["batch"]
        for axis, size in list(enumerate(shape))[1:]:
            like = as_long.get((name, axis), (name, axis))
            dims.append(free.get(like, _axis_name(name, axis)) if size is None else size)
        dtype = value.type.tensor_type.elem_type
        value.CopyFrom(onnx.helper.make_tensor_value_info(names[value.name], dtype, dims))


def rename(nodes: Iterable[Any], names: Mapping[str, str]) -> None:
    """Give what nodes take and make other names, in their bodies too."""
    for node in nodes:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
        for body in _bodies(node):
            rename(body.node, names)


def names_in(node: Any) -> Iterator[str]:
    """What a node takes, in its bodies too."""
    yield from node.input
    for body in _bodies(node):
        for inner in body.node:
            yield from names_in(inner)
        yield from (value.name for value in body.output)


def _bodies(node: Any) -> list[Any]:
    return [attribute.g for attribute in node.attribute if attribute.HasField("g")]


def _hoist(graph: Any) -> None:
    """Constants that a Loop carries and never changes stand outside of it.

    Else they are copied at every step, and nobody knows that they are constant. The factor of a MatMul
    stays: at batch 1 the product of one that is known to be constant is slower. What is computed stays,
    too: ONNX Runtime 1.32 aborts where a quantised embedding is seen from inside a Loop.
    """
    ends = {value.name for value in graph.output}
    held = {tensor.name for tensor in graph.initializer}
    for body in (body for node in graph.node for body in _bodies(node)):
        _hoist(body)
        for tensor in [t for t in body.initializer if t.name not in held]:
            graph.initializer.add().CopyFrom(tensor)
            body.initializer.remove(tensor)
            held.add(tensor.name)
    for node in [node for node in graph.node if node.op_type == "Loop"]:
        (body,) = _bodies(node)
        same = {n.output[0]: n.input[0] for n in body.node if n.op_type == "Identity"}
        for place in reversed(range(len(node.input) - 2)):
            inside, after = body.input[2 + place].name, body.output[1 + place].name
            factor = any(n.op_type == "MatMul" and inside in n.input for n in body.node)
            changed = same.get(after, after) != inside
            if changed or factor or node.output[place] in ends or node.input[2 + place] not in held:
                continue
            rename(body.node, {inside: node.input[2 + place]})
            rename(graph.node, {node.output[place]: node.input[2 + place]})
            del node.input[2 + place], node.output[place]
            del body.input[2 + place], body.output[1 + place]
        used = {name for n in body.node for name in n.input} | {v.name for v in body.output}
        for n in [n for n in body.node if n.op_type == "Identity" and n.output[0] not in used]:
            body.node.remove(n)


def _axis_name(name: str, axis: int) -> str:
    return "_".join(filter(None, (name, "time" if axis == 1 else f"dim_{axis}")))


def onnx_activation(function: Any) -> tuple[str, float | None, float | None] | None:
    """How a recurrent node names a Keras activation; None where it has none such."""
    activations = require("keras", _PURPOSE).activations
    name = getattr(function, "__name__", "")
    if name in ACTIVATIONS and (
        function is getattr(activations, name, None) or name == "hard_sigmoid_keras2"
    ):
        return ACTIVATIONS[name]
    return None


def _native_cells(cell: Any) -> list[Weights] | None:
    """The weights of a cell, or of each of a stack of them, if nodes can say all of it."""
    layers = require("keras", _PURPOSE).layers
    cells = cell.cells if type(cell) is layers.StackedRNNCells else [cell]
    candidates = [recurrent.weights_of(c) for c in cells]
    known = [w for w in candidates if w and all(onnx_activation(f) for f in w.activations)]
    return known if len(known) == len(cells) else None


def run_loop(tf: Any, loop: Loop, markers: Markers) -> tuple[Any, Any, Sequence[Any]]:
    """A marker for each layer (see :class:`export.lowering.recurrent.Runs`)."""
    layer, x, mask = loop.layer, loop.sequences, loop.mask
    cells = _native_cells(layer.cell)
    mask = None if mask is None else tf.cast(mask, tf.bool)
    if layer.go_backwards:
        x = x[:, ::-1]
        mask = None if mask is None else mask[:, ::-1]
    if cells is None or len(x.shape) != 3:
        markers.loops.append(layer.name)
        return _while(tf, loop, x, mask)
    lengths: Any = None
    upto: Any = None
    if mask is not None:
        real = tf.cast(mask, tf.int32)
        upto = tf.cumsum(real, axis=1)  # [N, T]: steps that are run, this one included
        steps = tf.shape(x)[1]
        place = tf.range(steps)[None]
        # the steps that are run first, in their order
        order = tf.math.top_k(-tf.where(mask, place, place + steps), steps).indices
        x = tf.gather(x, order, batch_dims=1)
        count = tf.reduce_sum(real, axis=1)
        lengths = tf.maximum(count, 1)  # a row of none would be undefined: see below
    y, states, begin = tf.transpose(x, [1, 0, 2]), [], 0
    last: Any = None
    before: Any = tf.zeros([1])
    for number, weights in enumerate(cells):
        size = 2 if weights.kind == "LSTM" else 1
        initial = loop.states[begin : begin + size]
        begin += size
        more = number + 1 < len(cells)
        y, new = _marker(
            tf,
            f"{layer.name}/{len(markers.weights)}",
            weights,
            (y, lengths, None if loop.from_zero else initial),
            layer.return_sequences or more,
            markers,
        )
        last = new[0]
        if lengths is not None:
            ran = (count > 0)[:, None]
            if not more:
                before = recurrent.output_before(tf, loop, last)
                last = tf.where(ran, last, before)
            new = [tf.where(ran, a, b) for a, b in zip(new, initial, strict=True)]
        states += new
    every: Any = tf.zeros([1])
    if layer.return_sequences and y is not None:
        every = tf.transpose(y, [1, 0, 2])
        if mask is not None:
            every = tf.gather(every, tf.maximum(upto - 1, 0), batch_dims=1)
            if layer.zero_output_for_mask:
                every = tf.where(mask[..., None], every, tf.zeros_like(every))
            else:
                shown = tf.expand_dims(upto > 0, -1)
                every = tf.where(shown, every, before[:, None])
    return last, every, states


def _marker(
    tf: Any,
    token: str,
    weights: Weights,
    inputs_of_node: tuple[Any, Any, Any],
    sequence: bool,
    markers: Markers,
) -> tuple[Any, list[Any]]:
    """[T, N, D] -> all outputs [T, N, U], where they are wanted, and the final states [N, U]."""
    x, lengths, states = inputs_of_node
    token += "".join(
        mark
        for mark, there in (("+Y", sequence), ("+L", lengths is not None), ("+S", states))
        if there
    )
    markers.weights[token] = weights
    inputs = [x]
    if lengths is not None:
        inputs.append(lengths)
    inputs += states or ()
    count = int(sequence) + (2 if weights.kind == "LSTM" else 1)
    out = tf.raw_ops.PyFunc(input=inputs, token=token, Tout=[tf.float32] * count)
    n, t = x.shape[1], x.shape[0]
    shapes = [[t, n, weights.units]] * int(sequence) + [[n, weights.units]] * count
    out = [tf.ensure_shape(value, shape) for value, shape in zip(out, shapes, strict=False)]
    return (out[0], out[1:]) if sequence else (None, out)


def _node(markers: Markers, ctx: Any, node: Any, name: str, args: Any) -> None:
    """tf2onnx handler: a marker -> its recurrent node, in ONNX's layout."""
    del name, args
    utils = require("tf2onnx.utils", _PURPOSE)
    token = node.get_attr_str("token")
    weights = markers.weights[token]
    parts = token.split("+")[1:]
    sequence = "Y" in parts
    tensors = list(node.input)
    outputs = list(node.output)
    dtype = ctx.get_dtype(outputs[0])
    shapes = [ctx.get_shape(o) for o in outputs]
    ctx.remove_node(node.name)

    def const(label: str, value: Array) -> Any:
        return ctx.make_const(utils.make_name(label), np.ascontiguousarray(value)).output[0]

    def output_of(op_type: str, inputs: list[Any], **options: Any) -> Any:
        return ctx.make_node(op_type, inputs, **options).output[0]

    x = tensors.pop(0)
    lengths = tensors.pop(0) if "L" in parts else ""
    first = const("axis", np.array([0], np.int64))
    states = [output_of("Unsqueeze", [state, first]) for state in tensors]
    layout = node_weights(weights)
    inputs = [x, const("W", layout.kernel), const("R", layout.recurrent), const("B", layout.bias)]
    inputs += [lengths, *states]
    while inputs[-1] == "":
        inputs.pop()
    op_type, size = _NODES[weights.kind], 2 if weights.kind == "LSTM" else 1
    units = weights.units
    recurrent_node = ctx.make_node(
        op_type,
        inputs,
        attr=layout.attributes,
        output_count=1 + size,
        shapes=[[-1, 1, -1, units], *[[1, -1, units]] * size],
        dtypes=[dtype] * (1 + size),
    )
    axis = const("axis", np.array([1], np.int64))
    if sequence:
        ctx.make_node(
            "Squeeze",
            [recurrent_node.output[0], axis],
            outputs=[outputs.pop(0)],
            shapes=[shapes.pop(0)],
            dtypes=[dtype],
        )
    for state, output, shape in zip(recurrent_node.output[1:], outputs, shapes, strict=True):
        ctx.make_node("Squeeze", [state, first], outputs=[output], shapes=[shape], dtypes=[dtype])


@dataclass(frozen=True)
class NodeWeights:
    """A recurrent node's W [1, G·U, D], R [1, G·U, U], B [1, 2·G·U] and attributes."""

    kernel: Array
    recurrent: Array
    bias: Array
    attributes: dict[str, Any]


def node_weights(weights: Weights) -> NodeWeights:
    """The weights in the layout of ONNX's nodes."""

    def ordered(value: Array) -> Array:
        if weights.kind != "LSTM":
            return value
        return reference.reorder(value, reference.KERAS_GATES, reference.ONNX_GATES)

    bias = weights.bias if weights.bias.ndim == 2 else np.stack([weights.bias, 0 * weights.bias])
    names = [onnx_activation(function) for function in weights.activations]
    known = [f for f in names if f is not None]
    if weights.kind == "LSTM":
        known = [known[0], known[1], known[1]]
    attributes: dict[str, Any] = {
        "hidden_size": weights.units,
        "activations": [k[0] for k in known],
    }
    for place, label in ((1, "activation_alpha"), (2, "activation_beta")):
        if values := [float(k[place] or 0) for k in known if k[place] is not None]:
            attributes[label] = values
    if weights.kind == "GRU":
        attributes["linear_before_reset"] = int(weights.reset_after)
    return NodeWeights(
        ordered(weights.kernel).T[None],
        ordered(weights.recurrent).T[None],
        np.concatenate([ordered(row) for row in bias])[None],
        attributes,
    )


def _while(tf: Any, loop: Loop, x: Any, mask: Any) -> tuple[Any, Any, Sequence[Any]]:
    """Keras's own way, in a loop: what ONNX has no node for."""
    layer = loop.layer
    cell = recurrent.AsKeras(layer.cell, loop.structure)
    steps, batch = tf.shape(x)[1], tf.shape(x)[0]
    x = tf.transpose(x, [1, 0, *range(2, len(x.shape))])
    width = output_shape(loop)
    keeps = mask is not None and not layer.zero_output_for_mask
    real = None if mask is None else tf.transpose(mask, [1, 0])

    def where(t: Any, yes: Any, no: Any) -> Any:
        now = tf.reshape(
            tf.gather(real, t), tf.concat([[-1], tf.ones([len(yes.shape) - 1], tf.int32)], 0)
        )
        return tf.where(now, yes, no)

    def body(t: Any, states: tuple[Any, ...], out: Any, every: Any) -> Any:
        y, new = cell.step(tf.gather(x, t), states)
        if real is not None:
            new = [where(t, a, b) for a, b in zip(new, states, strict=True)]
            y = where(t, y, out if keeps else tf.zeros_like(y))
        return t + 1, tuple(new), y, every.write(t, y)

    every = tf.TensorArray(tf.float32, size=steps, element_shape=[x.shape[1], *width])
    out = recurrent.output_before(tf, loop, tf.zeros(tf.concat([[batch], width], 0)))
    out.set_shape([x.shape[1], *width])
    _, states, out, every = tf.while_loop(
        lambda t, *_: t < steps,
        body,
        (tf.constant(0), loop.states, out, every),
        shape_invariants=(
            tf.TensorShape([]),
            tuple(tf.TensorShape([x.shape[1], *s.shape[1:]]) for s in loop.states),
            out.shape,
            tf.TensorShape(None),
        ),
    )
    outputs = every.stack()
    return out, tf.transpose(outputs, [1, 0, *range(2, len(outputs.shape))]), list(states)


def gather_node(ctx: Any, node: Any, name: str, args: Any) -> None:
    """tf2onnx handler: a Gather without the wrapping of negative ids that tf2onnx puts before it.

    There are none here. With a batch dimension it is a GatherND, or GatherElements where every row
    takes its own steps of a sequence.
    """
    del name, args
    utils = require("tf2onnx.utils", _PURPOSE)
    table, ids, axis = node.input
    batched = node.get_attr_int("batch_dims")
    place = ctx.get_node_by_output(axis).get_tensor_value()
    output, shape, dtype = (
        node.output[0],
        ctx.get_shape(node.output[0]),
        ctx.get_dtype(node.output[0]),
    )
    ctx.remove_node(node.name)
    ends = {"outputs": [output], "shapes": [shape], "dtypes": [dtype]}
    if not batched:
        ctx.make_node("Gather", [table, ids], {"axis": place}, **ends)
        return
    if batched != 1 or place != 1:
        raise ConversionError("only rows of their own are expected to be gathered here")
    onnx = require("onnx", _PURPOSE)
    last = ctx.make_const(utils.make_name("axis"), np.array([-1], np.int64)).output[0]
    wide = ctx.make_node("Cast", [ids], {"to": onnx.TensorProto.INT64}).output[0]
    each = ctx.make_node("Unsqueeze", [wide, last]).output[0]
    ctx.make_node("GatherND", [table, each], {"batch_dims": 1}, **ends)


def _where_node(ctx: Any, node: Any, name: str, args: Any) -> None:
    """tf2onnx handler: a Where, and no sum of products with 0 and 1, which NaN would outlive."""
    del name, args
    if ctx.get_dtype(node.output[0]) == require("onnx", _PURPOSE).TensorProto.FLOAT:
        node.set_attr("handles_nan", 1)
    require("tf2onnx.onnx_opset.controlflow", _PURPOSE).Select.version_9(ctx, node)


def _erfc_node(ctx: Any, node: Any, name: str, args: Any) -> None:
    """tf2onnx handler: 1 - Erf, for what tf2onnx does not know (Keras's gelu has it)."""
    del name, args
    utils = require("tf2onnx.utils", _PURPOSE)
    (x,), (output,) = node.input, node.output
    shape, dtype = ctx.get_shape(output), ctx.get_dtype(output)
    ctx.remove_node(node.name)
    unit = ctx.make_const(utils.make_name("one"), np.array(1, np.float32)).output[0]
    erf = ctx.make_node("Erf", [x]).output[0]
    ctx.make_node("Sub", [unit, erf], outputs=[output], shapes=[shape], dtypes=[dtype])
