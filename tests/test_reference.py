"""The NumPy LSTM against the equations by hand, Keras, ONNX Runtime, TFLite, and docs/lstm.md."""

from __future__ import annotations

import math
import os
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export.lowering.tflite_fused import fusable
from lstm_edge.equations import (
    KERAS_GATES,
    ONNX_GATES,
    TFLITE_GATES,
    forward,
    reorder,
    run,
    run_stack,
    sigmoid,
    softmax,
    split_gates,
    step,
)
from lstm_edge.errors import InputError
from lstm_edge.stack import DenseLayer, LstmLayer, LstmStack

DOCS = Path(__file__).parents[1] / "docs" / "lstm.md"

BY_HAND = 1e-12  # both sides float64; only the order of the additions may differ
AGAINST_FLOAT32 = 1e-5  # the other side is float32: some tens of steps of its rounding

BATCH, STEPS, WIDTH, UNITS = 3, 40, 4, 6  # WIDTH != UNITS, so that a transpose cannot hide


# --- helpers --------------------------------------------------------------------------------------


def remembering(seed: int, width: int = WIDTH, units: int = UNITS) -> LstmLayer:
    """Weights that keep their state over many steps: scale 0.5, forget bias 4."""
    rng = np.random.default_rng(seed)
    bias = rng.normal(0, 0.5, 4 * units)
    bias[units : 2 * units] = 4.0
    return LstmLayer(
        f"lstm_{seed}",
        kernel=rng.normal(0, 0.5, (width, 4 * units)).astype(np.float32),
        recurrent=rng.normal(0, 0.5, (units, 4 * units)).astype(np.float32),
        bias=bias.astype(np.float32),
    )


def inputs(seed: int = 0, steps: int = STEPS) -> np.ndarray:
    """Return float32 [BATCH, steps, WIDTH]."""
    return np.random.default_rng(seed).normal(0, 1, (BATCH, steps, WIDTH)).astype(np.float32)


def small_stack(activation: str = "sigmoid", outputs: int = 1) -> LstmStack:
    """Embedding -> LSTM -> LSTM -> Dense."""
    rng = np.random.default_rng(9)
    return LstmStack(
        embedding=rng.normal(0, 1, (20, WIDTH)).astype(np.float32),
        lstm=(remembering(1), remembering(2, UNITS, 5)),
        dense=(
            DenseLayer(
                "answer",
                rng.normal(0, 1, (5, outputs)).astype(np.float32),
                rng.normal(0, 1, outputs).astype(np.float32),
                activation,
            ),
        ),
        max_length=STEPS,
    )


def assert_close(actual: Any, expected: Any, tolerance: float) -> None:
    """Same shape, and no element further off than the tolerance."""
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape
    worst = np.abs(actual - expected).max()
    assert worst <= tolerance, f"off by {worst:.3g}, allowed {tolerance:.3g}"


def tables() -> list[dict[str, list[str]]]:
    """Return the tables of docs/lstm.md: first cell without markup -> the row's other cells."""
    found: list[dict[str, list[str]]] = []
    inside = False
    for line in DOCS.read_text(encoding="utf-8").splitlines():
        if not line.startswith("|"):
            inside = False
            continue
        if not inside:
            found.append({})
        inside = True
        first, *others = (cell.strip() for cell in line.strip("|").split("|"))
        found[-1][first] = others
    return found


def documented_orders() -> dict[str, str]:
    """Return what the docs' first table says: Keras, ONNX, TFLite -> gate order."""
    orders = {}
    for first, others in tables()[0].items():
        letters = re.match(r"`([ifco]) ([ifco]) ([ifco]) ([ifco])`", others[-1])
        if letters:
            orders[first.split()[0]] = "".join(letters.groups())
    return orders


def documented_gates() -> dict[str, tuple[int, int, list[int]]]:
    """Return what the docs' second table says: gate -> (Keras block, ONNX block, TFLite inputs)."""
    gates = {}
    for first, (keras, onnx, *tflite) in tables()[1].items():
        letter = re.match(r"`([ifco])`", first)
        if letter:
            gates[letter[1]] = (block(keras), block(onnx), [int(index) for index in tflite])
    return gates


def block(span: str) -> int:
    """'2U to 3U' -> 2, having checked that it is one block long."""
    ends = [int(end.rstrip("U") or "1") for end in span.split(" to ")]
    assert ends[1] == ends[0] + 1, span
    return ends[0]


@pytest.fixture(scope="module")
def tf() -> Any:
    """TensorFlow, or skip."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    return pytest.importorskip("tensorflow")


@pytest.fixture(scope="module")
def keras(tf: Any) -> Any:
    """Keras on TensorFlow, or skip."""
    return pytest.importorskip("keras")


# --- (a) the equations by hand --------------------------------------------------------------------

# One unit, one input. Gate order of the arrays: i, f, c, o.
W = {"i": 0.5, "f": -0.3, "c": 0.8, "o": 0.1}
R = {"i": -0.6, "f": 0.7, "c": 0.4, "o": -0.9}
B = {"i": 0.05, "f": 1.0, "c": -0.2, "o": 0.3}
X, H, C = 1.5, -0.4, 2.0
ONE_UNIT = LstmLayer(
    "one_unit",
    kernel=np.array([[W[g] for g in "ifco"]]),
    recurrent=np.array([[R[g] for g in "ifco"]]),
    bias=np.array([B[g] for g in "ifco"]),
)


def before(gate: str, x: float = X, h: float = H) -> float:
    """Return what goes into one gate's sigmoid or tanh."""
    return x * W[gate] + h * R[gate] + B[gate]


def logistic(x: float) -> float:
    """Return 1 / (1 + exp(-x))."""
    return 1 / (1 + math.exp(-x))


def by_hand(x: float = X, h: float = H, c: float = C) -> dict[str, float]:
    """All six equations, with math alone."""
    result = {
        "forget": logistic(before("f", x, h)),
        "input": logistic(before("i", x, h)),
        "candidate": math.tanh(before("c", x, h)),
        "output": logistic(before("o", x, h)),
    }
    result["cell"] = result["forget"] * c + result["input"] * result["candidate"]
    result["hidden"] = result["output"] * math.tanh(result["cell"])
    return result


@pytest.mark.parametrize(
    "equation", ["forget", "input", "candidate", "cell", "output", "hidden"], ids=str
)
def test_equation_by_hand(equation: str) -> None:
    """Each of the six equations, on one unit."""
    now = step(ONE_UNIT, np.array([[X]]), np.array([[H]]), np.array([[C]]))
    assert_close(getattr(now, equation), [[by_hand()[equation]]], BY_HAND)


def test_gate_inputs_by_hand() -> None:
    """The numbers written out: what goes into each gate, so that by_hand is right too."""
    assert_close(before("f"), 1.5 * -0.3 + -0.4 * 0.7 + 1.0, BY_HAND)  # 0.27
    assert_close(before("f"), 0.27, BY_HAND)
    assert_close(before("i"), 1.04, BY_HAND)
    assert_close(before("c"), 0.84, BY_HAND)
    assert_close(before("o"), 0.81, BY_HAND)


def test_run_by_hand() -> None:
    """Three steps in a row carry both states; no states given means zeros."""
    sequence = [1.5, -2.0, 0.25]
    h = c = 0.0
    expected = []
    for x in sequence:
        now = by_hand(x, h, c)
        h, c = now["hidden"], now["cell"]
        expected.append(h)
    every, hidden, cell = run(ONE_UNIT, np.array(sequence).reshape(1, 3, 1))
    assert_close(every, np.reshape(expected, (1, 3, 1)), BY_HAND)
    assert_close(hidden, [[h]], BY_HAND)
    assert_close(cell, [[c]], BY_HAND)


def test_step_is_float64_and_batched() -> None:
    """Every result is float64 [N, U], from float32 too, and rows do not mix."""
    layer, x = remembering(3), inputs()[:, 0]
    h, c = np.full((2, BATCH, UNITS), 0.25, np.float32)
    now = step(layer, x, h, c)
    alone = step(layer, x[1:2], h[1:2], c[1:2])
    for name, value in vars(now).items():
        assert value.dtype == np.float64 and value.shape == (BATCH, UNITS)
        assert_close(getattr(alone, name), value[1:2], BY_HAND)


def test_run_continues_from_states() -> None:
    """A sequence run in two parts gives the same as in one."""
    layer, x = remembering(3), inputs()
    every, hidden, cell = run(layer, x)
    first, h, c = run(layer, x[:, :13])
    second, h, c = run(layer, x[:, 13:], h, c)
    assert_close(np.concatenate([first, second], 1), every, BY_HAND)
    assert_close(h, hidden, BY_HAND)
    assert_close(c, cell, BY_HAND)


def test_weights_remember() -> None:
    """The first step still shows in the last state, or the comparisons below would prove little."""
    layer, x = remembering(3), inputs()
    other = x.copy()
    other[:, 0] += 1
    difference = np.abs(run(layer, x)[1] - run(layer, other)[1])
    assert difference.max() > 1e3 * AGAINST_FLOAT32


# --- (b) against Keras ----------------------------------------------------------------------------


def keras_lstm(keras: Any, layer: LstmLayer, **options: Any) -> Any:
    """Return a Keras LSTM that holds these weights."""
    lstm = keras.layers.LSTM(layer.units, **options)
    lstm.build((None, None, layer.kernel.shape[0]))
    lstm.set_weights([layer.kernel, layer.recurrent, layer.bias])
    return lstm


def test_keras_single_with_states(keras: Any) -> None:
    """All hidden states, the last hidden and the last cell state of one layer."""
    layer, x = remembering(3), inputs()
    sequences = keras_lstm(keras, layer, return_sequences=True, return_state=True)(x)
    for actual, expected in zip(run(layer, x), sequences, strict=True):
        assert_close(actual, expected, AGAINST_FLOAT32)


def test_keras_single_last_only(keras: Any) -> None:
    """Without return_sequences Keras gives the last hidden state."""
    layer, x = remembering(3), inputs()
    assert_close(run(layer, x)[1], keras_lstm(keras, layer)(x), AGAINST_FLOAT32)


def test_keras_from_given_states(keras: Any) -> None:
    """Both start from the same states."""
    layer, x = remembering(3), inputs()
    h, c = np.random.default_rng(4).normal(0, 1, (2, BATCH, UNITS)).astype(np.float32)
    lstm = keras_lstm(keras, layer, return_sequences=True, return_state=True)
    for actual, expected in zip(run(layer, x, h, c), lstm(x, initial_state=[h, c]), strict=True):
        assert_close(actual, expected, AGAINST_FLOAT32)


def test_keras_stacked(keras: Any) -> None:
    """Two layers: all hidden states of the upper, the last states of both."""
    layers, x = [remembering(1), remembering(2, UNITS, 5)], inputs()
    every, states = run_stack(layers, x)
    y = x
    for layer, (hidden, cell) in zip(layers, states, strict=True):
        lstm = keras_lstm(keras, layer, return_sequences=True, return_state=True)
        y, keras_hidden, keras_cell = lstm(y)
        assert_close(hidden, keras_hidden, AGAINST_FLOAT32)
        assert_close(cell, keras_cell, AGAINST_FLOAT32)
    assert_close(every, y, AGAINST_FLOAT32)


@pytest.mark.parametrize(
    ("activation", "outputs"),
    [("sigmoid", 1), ("softmax", 3), ("linear", 2), ("tanh", 2), ("relu", 3)],
)
def test_keras_whole_model(keras: Any, activation: str, outputs: int) -> None:
    """Embedding -> LSTM -> LSTM -> Dense: on pads in front, on nothing but pads, on no pad."""
    stack = small_stack(activation, outputs)
    model = keras.Sequential(
        [
            keras.layers.Embedding(*stack.embedding.shape),
            keras.layers.LSTM(stack.lstm[0].units, return_sequences=True),
            keras.layers.LSTM(stack.lstm[1].units),
            keras.layers.Dense(outputs, activation=activation),
        ]
    )
    model.build((None, STEPS))
    weights = [stack.embedding]
    for layer in stack.lstm:
        weights += [layer.kernel, layer.recurrent, layer.bias]
    model.set_weights([*weights, stack.dense[0].kernel, stack.dense[0].bias])

    ids = np.random.default_rng(5).integers(1, len(stack.embedding), (4, STEPS)).astype(np.int32)
    ids[0, :25] = stack.pad_id
    ids[1] = stack.pad_id
    answers = forward(stack, ids)
    assert answers.dtype == np.float64
    assert_close(answers, model(ids), AGAINST_FLOAT32)


# --- (c) ONNX -------------------------------------------------------------------------------------


def test_onnx_lstm_node() -> None:
    """One LSTM node, filled as docs/lstm.md says, gives what the reference gives."""
    onnx = pytest.importorskip("onnx")
    ort = pytest.importorskip("onnxruntime")
    layer, x = remembering(3), inputs()

    def to_onnx(weights: np.ndarray) -> np.ndarray:
        return reorder(weights, KERAS_GATES, ONNX_GATES).T

    filled = {
        "W": to_onnx(layer.kernel)[None],
        "R": to_onnx(layer.recurrent)[None],
        "B": np.concatenate([to_onnx(layer.bias), np.zeros_like(layer.bias)])[None],
    }
    for gate, (keras_block, onnx_block, _) in documented_gates().items():
        rows = slice(onnx_block * UNITS, (onnx_block + 1) * UNITS)
        columns = slice(keras_block * UNITS, (keras_block + 1) * UNITS)
        np.testing.assert_array_equal(filled["W"][0, rows], layer.kernel[:, columns].T, gate)
        np.testing.assert_array_equal(filled["R"][0, rows], layer.recurrent[:, columns].T, gate)
        np.testing.assert_array_equal(filled["B"][0, rows], layer.bias[columns], gate)

    helper, float32 = onnx.helper, onnx.TensorProto.FLOAT
    names = ["Y", "Y_h", "Y_c"]
    graph = helper.make_graph(
        [helper.make_node("LSTM", ["X", *filled], names, hidden_size=UNITS)],
        "lstm",
        [helper.make_tensor_value_info("X", float32, [STEPS, BATCH, WIDTH])],
        [
            helper.make_tensor_value_info("Y", float32, [STEPS, 1, BATCH, UNITS]),
            helper.make_tensor_value_info("Y_h", float32, [1, BATCH, UNITS]),
            helper.make_tensor_value_info("Y_c", float32, [1, BATCH, UNITS]),
        ],
        [onnx.numpy_helper.from_array(np.ascontiguousarray(w), n) for n, w in filled.items()],
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8, producer_name="test"
    )
    onnx.checker.check_model(model, full_check=True)
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    y, y_h, y_c = session.run(names, {"X": x.swapaxes(0, 1)})

    every, hidden, cell = run(layer, x)
    assert_close(every, y[:, 0].swapaxes(0, 1), AGAINST_FLOAT32)
    assert_close(hidden, y_h[0], AGAINST_FLOAT32)
    assert_close(cell, y_c[0], AGAINST_FLOAT32)


# --- (d) TFLite -----------------------------------------------------------------------------------

TFLITE_STEPS = 7  # few enough for the cell states to stay below the converter's clip at 10


def fused_tflite(tf: Any, layer: LstmLayer) -> bytes:
    """Return a file with the fused operator, which the converter makes for these attributes."""
    marked = fusable(tf)

    def model(x: Any) -> Any:
        zeros = tf.zeros([1, layer.units])
        weights = (tf.constant(w) for w in (layer.kernel, layer.recurrent, layer.bias))
        return marked(x, zeros, zeros, *weights)[1]

    module = tf.Module()  # without one the converter fuses nothing
    module.run = tf.function(
        model,
        input_signature=[tf.TensorSpec([1, TFLITE_STEPS, layer.kernel.shape[0]], tf.float32)],
        autograph=False,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about the converter itself, not about the model
        content: bytes = tf.lite.TFLiteConverter.from_concrete_functions(
            [module.run.get_concrete_function()], module
        ).convert()
    return content


@pytest.fixture(scope="module")
def tflite(tf: Any) -> tuple[LstmLayer, bytes]:
    """A layer and its fused TFLite file."""
    pytest.importorskip("ai_edge_litert")
    layer = remembering(3)
    return layer, fused_tflite(tf, layer)


def test_tflite_operator_inputs(tflite: tuple[LstmLayer, bytes]) -> None:
    """The operator's tensors are Keras's blocks, transposed, at the indices that the docs give."""
    schema = pytest.importorskip("ai_edge_litert.schema_py_generated")
    layer, content = tflite
    file = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(content, 0))
    (graph,) = file.subgraphs
    (operator,) = (
        operator
        for operator in graph.operators
        if file.operatorCodes[operator.opcodeIndex].builtinCode
        == schema.BuiltinOperator.UNIDIRECTIONAL_SEQUENCE_LSTM
    )

    def tensor(index: int) -> np.ndarray:
        described = graph.tensors[operator.inputs[index]]
        assert described.type == schema.TensorType.FLOAT32
        data = file.buffers[described.buffer].data
        return np.frombuffer(bytes(data), np.float32).reshape(described.shape)

    kernel, recurrent, bias = (split_gates(w) for w in (layer.kernel, layer.recurrent, layer.bias))
    seen = []
    for gate, (_, _, indices) in documented_gates().items():
        input_to, recurrent_to, gate_bias = indices
        np.testing.assert_array_equal(tensor(input_to), kernel[gate].T, gate)
        np.testing.assert_array_equal(tensor(recurrent_to), recurrent[gate].T, gate)
        np.testing.assert_array_equal(tensor(gate_bias), bias[gate], gate)
        seen += indices
    assert sorted(seen) == [1, 2, 3, 4, 5, 6, 7, 8, 12, 13, 14, 15]
    absent = [index for index, at in enumerate(operator.inputs) if at == -1]
    assert absent == [9, 10, 11, 16, 17, 20, 21, 22, 23]


def test_tflite_answers(tflite: tuple[LstmLayer, bytes]) -> None:
    """The operator reads these tensors as the reference reads Keras's."""
    interpreters = pytest.importorskip("ai_edge_litert.interpreter")
    layer, content = tflite
    x = inputs(steps=TFLITE_STEPS)[:1]
    interpreter = interpreters.Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
    interpreter.invoke()
    answer = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    assert_close(run(layer, x)[0], answer, AGAINST_FLOAT32)


# --- (e) the docs ---------------------------------------------------------------------------------


def test_docs_state_the_orders() -> None:
    """The first table's gate orders are the constants."""
    assert documented_orders() == {
        "Keras": KERAS_GATES,
        "ONNX": ONNX_GATES,
        "TFLite": TFLITE_GATES,
    }


def test_docs_state_each_gate() -> None:
    """The second table has one row for each gate, at the place that the constants give."""
    assert documented_gates() == {
        gate: (
            KERAS_GATES.index(gate),
            ONNX_GATES.index(gate),
            [first + TFLITE_GATES.index(gate) for first in (1, 5, 12)],
        )
        for gate in "ifco"
    }


# --- (f) reorder, sigmoid, errors -----------------------------------------------------------------


def test_reorder_moves_whole_blocks() -> None:
    """One letter per column shows where each goes; a copy comes back, in the same dtype."""
    bias = np.array(list("iiffccoo"))
    assert "".join(reorder(bias, KERAS_GATES, ONNX_GATES)) == "iiooffcc"
    assert "".join(reorder(bias, KERAS_GATES, TFLITE_GATES)) == "iiffccoo"
    assert not np.shares_memory(reorder(bias, KERAS_GATES, KERAS_GATES), bias)


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.int8])
@pytest.mark.parametrize(("shape", "axis"), [((8,), 0), ((3, 8), -1), ((8, 3), 0), ((1, 8, 2), 1)])
def test_reorder_round_trip(dtype: Any, shape: tuple[int, ...], axis: int) -> None:
    """There and back is the same array, bit for bit, along any axis."""
    weights = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    there = reorder(weights, KERAS_GATES, ONNX_GATES, axis)
    assert there.dtype == dtype and not np.array_equal(there, weights)
    np.testing.assert_array_equal(reorder(there, ONNX_GATES, KERAS_GATES, axis), weights)


def test_split_gates() -> None:
    """The blocks by letter, in the given order."""
    blocks = split_gates(np.arange(8), ONNX_GATES)
    assert {gate: part.tolist() for gate, part in blocks.items()} == {
        "i": [0, 1],
        "o": [2, 3],
        "f": [4, 5],
        "c": [6, 7],
    }


@pytest.mark.parametrize("order", ["ifc", "iifc", "ifgo", "ifcoo", ""])
def test_reorder_refuses_other_orders(order: str) -> None:
    """An order that is not i, f, c, o once each is named in the error."""
    for source, target in ((order, KERAS_GATES), (KERAS_GATES, order)):
        with pytest.raises(InputError, match=re.escape(repr(order))):
            reorder(np.zeros(8), source, target)


def test_split_gates_refuses_other_lengths() -> None:
    """An axis that is not 4U is named with the shape."""
    with pytest.raises(InputError, match=r"\[3, 6\].*axis -1"):
        split_gates(np.zeros((3, 6)))


def test_sigmoid_extremes() -> None:
    """No warning at either end, and no digits lost where the answer is tiny."""
    x = np.array([-np.inf, -1e300, -1000.0, -40.0, 0.0, 40.0, 1000.0, 1e300, np.inf])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        y = sigmoid(x)
    np.testing.assert_array_equal(y[[0, 1, 2, 4, 6, 7, 8]], [0, 0, 0, 0.5, 1, 1, 1])
    assert y[3] == pytest.approx(math.exp(-40), rel=BY_HAND, abs=0)
    assert np.isnan(sigmoid(np.array(np.nan)))
    assert_close(sigmoid(x) + sigmoid(-x), np.ones(len(x)), BY_HAND)


def test_softmax_extremes() -> None:
    """No warning for large numbers; rows sum to 1."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        y = softmax(np.array([[1000.0, 1000.0], [-1000.0, 1000.0]]))
    np.testing.assert_array_equal(y, [[0.5, 0.5], [0, 1]])


def test_saturated_gates_give_no_warning() -> None:
    """Huge inputs only shut or open the gates."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        every, _, _ = run(remembering(3), 1e6 * inputs())
    assert np.isfinite(every).all()


def test_forward_refuses_unknown_activation() -> None:
    """The activation and its layer are named."""
    ids = np.zeros((1, 2), np.int32)
    with pytest.raises(InputError, match="'answer' has the activation 'gelu'"):
        forward(small_stack("gelu"), ids)


@pytest.mark.parametrize("wrong", [-1, 20])
def test_forward_refuses_ids_without_a_row(wrong: int) -> None:
    """NumPy would take -1 for the last row of the embedding."""
    with pytest.raises(InputError, match="expected 0 to 19"):
        forward(small_stack(), np.array([[3, wrong]], np.int32))
