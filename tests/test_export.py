"""Every model case × format × precision, as real files in real runtimes, against Keras and NumPy."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Exported
from models import CASES, VARIANTS

from export.formats import Precision
from export.lowering import stacked_loop
from lstm_edge import equations as reference
from lstm_edge.base.arrays import Array, Ids, Probabilities
from lstm_edge.base.extras import require
from lstm_edge.inputs.tokenizer import pad_sequences
from lstm_edge.results.answers import classes_of, margins
from lstm_edge.stack import LstmLayer, LstmStack
from lstm_edge.structure import contents as structure
from lstm_edge.verify import comparing as parity
from lstm_edge.verify import independence

# every case runs the same lines of ours, and tracing costs a third of the time
pytestmark = pytest.mark.no_cover

CLIP = 10.0  # where TFLite's fused op clips cell states
MANY = 8  # answers, from which on their average says something
FEW = 30  # one in so many
DECIDED = 0.1  # an answer this far from changing its class does not flip (see FEW)
SAME = independence.SAME_ANSWER

# format -> the shape of ids for a model of that length, -1 for a free one
ID_SHAPES: dict[str, Callable[[int], tuple[int, int]]] = {
    "onnx": lambda length: (-1, -1),
    "tflite": lambda length: (1, length),
}
FREE_LENGTH = [name for name, (e, _) in VARIANTS.items() if ID_SHAPES[e.format](9)[1] == -1]
ANY_BATCH = [name for name, (_, p) in VARIANTS.items() if p.batch is None]

each_case = pytest.mark.parametrize("case", CASES)
each_variant = pytest.mark.parametrize("variant", VARIANTS)


# --- inputs and expectations ----------------------------------------------------------------------


def sequences_for(length: int, vocab: int) -> list[Ids]:
    """Ids, not padded: every number of tokens or of pads up to 40, zeros between, more than fits."""
    rng = np.random.default_rng(0)
    counts = {*range(min(length, 40) + 1), *range(max(0, length - 40), length + 1), length // 2}
    found = [rng.integers(1, vocab, n) for n in [*sorted(counts), length + 1, 2 * length + 3]]
    for n in {min(3, length), length // 2, length} - {0, 1, 2}:
        with_zeros = rng.integers(1, vocab, n)
        with_zeros[1 : n - 1 : 2] = 0
        found.append(with_zeros)
    return [ids.astype(np.int32) for ids in found]


class Expected:
    """Inputs for a model, and the answers of Keras and of the equations, pads in front."""

    def __init__(self, model: Any, stack: LstmStack) -> None:
        self.length = stack.max_length
        self.sequences = sequences_for(self.length, len(stack.embedding))
        padded = pad_sequences(self.sequences, self.length)
        self.keras: Probabilities = np.asarray(model(padded))
        known = {dense.activation for dense in stack.dense} <= set(reference._ACTIVATIONS)
        self.numpy = reference.forward(stack, padded) if known else None


@pytest.fixture(scope="module")
def expected(keras_model: Callable[[str], tuple[Any, LstmStack]]) -> Callable[[str], Expected]:
    """The inputs and answers of a case, each computed once."""
    return functools.cache(lambda case: Expected(*keras_model(case)))


def assert_within(outputs: Array, wanted: Array, precision: Precision, what: str = "") -> None:
    """The outputs [N, K] are within the precision's stored tolerance of the wanted ones."""
    assert outputs.shape == wanted.shape
    assert np.isfinite(outputs).all(), what
    off = np.abs(outputs - wanted).max(1)
    limit, few = precision.tolerance.max_abs, 0
    if limit is None:
        # Small models with drawn weights, where a rounding now and then tips a cell over, and on each
        # processor another: few may be another answer, and only among many.
        limit, few = 2 * parity.EDGE_LIMIT, len(off) // FEW
        if len(off) >= MANY:
            # half of it is the saturation of processors without VNNI (docs/performance.md#onnx)
            assert off.mean() <= limit / 5, f"{what} off by {off.mean():.3g} on average"
    flipped = (classes_of(outputs) != classes_of(wanted)) & (margins(wanted) > DECIDED)
    worst = int(off.argmax())
    assert ((off > limit) | flipped).sum() <= few, (
        f"{what} off by {off.max():.3g}, allowed {limit:g}, at {worst}: "
        f"{outputs[worst]} for {wanted[worst]}; {flipped.sum()} decided answers flip"
    )


# --- the cases themselves -------------------------------------------------------------------------


def clipped_forward(stack: LstmStack, ids: Ids, clip: float) -> Array:
    """``reference.forward`` with cell states clipped as TFLite's fused op clips them."""
    x: Array = stack.embedding[ids]
    for layer in stack.lstm:
        hidden = cell = np.zeros((len(ids), layer.units))
        every = []
        for t in range(ids.shape[1]):
            step = reference.step(layer, x[:, t], hidden, cell)
            cell = np.clip(step.cell, -clip, clip)
            hidden = step.output * np.tanh(cell)
            every.append(hidden)
        x = np.stack(every, 1)
    y = x[:, -1]
    for dense in stack.dense:
        y = reference._ACTIVATIONS[dense.activation](y @ dense.kernel + dense.bias)
    return y


@each_case
def test_the_cases_can_tell_right_from_wrong(
    case: str, keras_model: Any, expected: Callable[[str], Expected]
) -> None:
    _, stack = keras_model(case)
    wanted = expected(case)
    assert wanted.keras.std(0).max() > 0.1, "the answers are all alike"
    assert (margins(wanted.keras) > DECIDED).any(), "no answer is decided"
    if wanted.numpy is None or wanted.length < 3 or case == "no bias":
        return  # without a bias nothing holds the forget gates open
    padded = pad_sequences(wanted.sequences, wanted.length)
    has_pads = padded[:, 0] == 0
    one_less = reference.forward(stack, padded[:, 1:])
    greatest = max(p.tolerance.max_abs or 0 for _, p in VARIANTS.values())
    assert np.abs(one_less - wanted.numpy)[has_pads].max() > 20 * greatest, "pads do not count"


def test_the_case_beyond_10_needs_cells_that_are_not_clipped(
    keras_model: Any, expected: Callable[[str], Expected]
) -> None:
    _, stack = keras_model("cells beyond 10")
    wanted = expected("cells beyond 10")
    ids = pad_sequences(wanted.sequences, wanted.length)
    _, states = reference.run_stack(stack.lstm, stack.embedding[ids])
    assert all(np.abs(cell).max() > 1.5 * CLIP for _, cell in states)
    assert wanted.numpy is not None
    assert np.abs(clipped_forward(stack, ids, np.inf) - wanted.numpy).max() < 1e-12
    assert np.abs(clipped_forward(stack, ids, CLIP) - wanted.numpy).max() > 0.1


# --- the answers ----------------------------------------------------------------------------------


@pytest.mark.parametrize("case", [case for case in CASES if case != "every activation"])
def test_the_equations_answer_as_keras(case: str, expected: Callable[[str], Expected]) -> None:
    wanted = expected(case)
    assert np.abs(wanted.keras - wanted.numpy).max() < 1e-5


@each_variant
@each_case
def test_answers_as_keras_and_as_the_equations(
    case: str,
    variant: str,
    exported: Callable[[str, str], Exported],
    expected: Callable[[str], Expected],
) -> None:
    made, wanted = exported(case, variant), expected(case)
    outputs = made.runner().run_sequences(wanted.sequences)
    assert_within(outputs, wanted.keras, made.precision, "against Keras,")
    if wanted.numpy is not None:
        assert_within(outputs, wanted.numpy, made.precision, "against the equations,")


def placed(row: Ids, width: int, front: int) -> Ids:
    """One row [1, width] with so many pads in front and the rest behind."""
    out = np.zeros((1, width), np.int32)
    out[0, front : front + len(row)] = row
    return out


PLACES: dict[str, Callable[[int, int], int]] = {  # free places in a row and ids -> zeros in front
    "in front": lambda free, ids: free,
    "behind": lambda free, ids: 0,
    "on both sides": lambda free, ids: free // 2,
}


@each_variant
@each_case
def test_zeros_are_ids_wherever_they_stand(
    case: str,
    variant: str,
    exported: Callable[..., Exported],
    expected: Callable[[str], Expected],
) -> None:
    """Keras's answer to these very ids: zeros in front, behind, in the middle and none at all."""
    made, wanted = exported(case, variant), expected(case)
    runner, length = made.runner(), wanted.length
    rows = [row for row in wanted.sequences if len(row) <= length]
    for name, place in PLACES.items():
        ids = np.concatenate([placed(r, length, place(length - len(r), len(r))) for r in rows])
        outputs = np.concatenate([runner.run(row[None]) for row in ids])
        assert_within(outputs, np.asarray(made.model(ids)), made.precision, f"zeros {name}:")
    # a shorter row lacks zeros in front; those behind its ids are ids
    shorter = [placed(row, max(1, (length + len(row)) // 2), 0) for row in rows]
    keras = np.asarray(made.model(pad_sequences([row[0] for row in shorter], length)))
    outputs = np.concatenate([runner.run(row) for row in shorter])
    assert_within(outputs, keras, made.precision, "a shorter row:")


@pytest.mark.parametrize("variant", [name for name in VARIANTS if "folded" not in name])
@pytest.mark.parametrize("case", [*CASES][:2])
def test_pads_on_either_side_where_that_is_asked_for(
    case: str,
    variant: str,
    exported: Callable[..., Exported],
    expected: Callable[[str], Expected],
) -> None:
    made, wanted = exported(case, variant, True), expected(case)
    runner, length = made.runner(), wanted.length
    fitting = [i for i, row in enumerate(wanted.sequences) if len(row) <= length]
    rows = [wanted.sequences[i] for i in fitting]
    front = np.concatenate([runner.run(placed(r, length, length - len(r))) for r in rows])
    assert_within(front, wanted.keras[fitting], made.precision, "pads in front:")
    for name, place in PLACES.items():
        ids = [placed(r, length, place(length - len(r), len(r))) for r in rows]
        outputs = np.concatenate([runner.run(row) for row in ids])
        assert_within(outputs, wanted.keras[fitting], made.precision, f"pads {name}:")
        # nothing but pads: how many of them there are decides how many are run
        assert np.abs(outputs[1:] - front[1:]).max() <= SAME, f"pads {name}"


@each_variant
@each_case
def test_the_answer_depends_on_the_input_alone(
    case: str,
    variant: str,
    exported: Callable[[str, str], Exported],
    expected: Callable[[str], Expected],
) -> None:
    made, wanted = exported(case, variant), expected(case)
    runner = made.runner()
    rows = [pad_sequences([row], wanted.length) for row in wanted.sequences]
    fresh = np.concatenate([made.runner().run(row) for row in rows[:: max(1, len(rows) // 8)]])
    first = np.concatenate([runner.run(row) for row in rows])
    longest = max(rows, key=np.count_nonzero)
    again = {
        "in a fresh runner": (first[:: max(1, len(rows) // 8)], fresh),
        "backwards": (first, np.concatenate([runner.run(row) for row in rows[::-1]])[::-1]),
        "twice": (first, np.concatenate([(runner.run(r), runner.run(r))[1] for r in rows])),
        "after a long one": (
            first,
            np.concatenate([(runner.run(longest), runner.run(r))[1] for r in rows]),
        ),
    }
    for name, (one, other) in again.items():
        assert np.abs(one - other).max() <= SAME, name


@pytest.mark.parametrize("variant", FREE_LENGTH)
@each_case
def test_more_ids_than_the_model_takes(
    case: str,
    variant: str,
    exported: Callable[[str, str], Exported],
    expected: Callable[[str], Expected],
    rng: np.random.Generator,
) -> None:
    """Where its shape is free, the graph itself keeps the last ids."""
    made, wanted = exported(case, variant), expected(case)
    runner, length = made.runner(), wanted.length
    counts = ((length + 1) // 2, length + 1, length + 5, 3 * length + 2)
    rows = [rng.integers(1, len(made.stack.embedding), n).astype(np.int32) for n in counts]
    keras = np.asarray(made.model(pad_sequences(rows, length)))
    for front in (0, 7, length):
        outputs = np.concatenate([runner.run(np.pad(r, (front, 0))[None]) for r in rows])
        assert_within(outputs, keras, made.precision, f"{front} pads in front:")


@pytest.mark.parametrize("variant", ANY_BATCH)
@each_case
def test_a_batch_answers_as_its_examples_alone(
    case: str,
    variant: str,
    exported: Callable[[str, str], Exported],
    expected: Callable[[str], Expected],
    rng: np.random.Generator,
) -> None:
    made, wanted = exported(case, variant), expected(case)
    runner = made.runner()
    order = rng.permutation(len(wanted.sequences))
    mixed = [wanted.sequences[i] for i in order]
    for padding in ("pre", "post"):
        ids = pad_sequences(mixed, wanted.length, padding=padding)
        keras = np.asarray(made.model(ids))
        assert_within(runner.run(ids), keras, made.precision, f"padding {padding}:")
    shortest = sorted(mixed, key=len)[:5]  # nobody has as many ids as the model takes
    wide = max(1, *(len(row) for row in shortest))
    alone = np.asarray(made.model(pad_sequences(shortest, wanted.length)))
    outputs = runner.run(pad_sequences(shortest, wide))
    assert_within(outputs, alone, made.precision, "a narrow batch:")


@each_variant
def test_threads_do_not_change_the_answer(
    variant: str, exported: Callable[[str, str], Exported], expected: Callable[[str], Expected]
) -> None:
    case = "wide, to be quantised"
    made, wanted = exported(case, variant), expected(case)
    outputs = made.runner(threads=2).run_sequences(wanted.sequences)
    assert_within(outputs, wanted.keras, made.precision)


# --- the structure --------------------------------------------------------------------------------

# format -> operators that it must not have, and those it has as often as the model has LSTM layers
FORBIDDEN = {
    "onnx": ("Loop", "Scan", "If"),
    "tflite": ("Flex", "TensorList", "UNIDIRECTIONAL_SEQUENCE_LSTM", "VAR_HANDLE"),
}
PER_LAYER = {
    "onnx-float32": "LSTM",
    "onnx-float16": "LSTM",
    "onnx-int8-dynamic": "DynamicQuantizeLSTM",
}


@each_variant
@each_case
def test_structure(case: str, variant: str, exported: Callable[[str, str], Exported]) -> None:
    made = exported(case, variant)
    inside, file_format = structure.inspect(made.path), made.exporter.format
    assert inside.format == file_format
    assert inside.bytes == made.path.stat().st_size
    assert inside.problems == ()
    for name in FORBIDDEN[file_format]:
        assert not [op for op in inside.ops if name in op], inside.ops
    if variant in PER_LAYER:
        assert inside.ops[PER_LAYER[variant]] == len(made.stack.lstm)
    (ids,), (probabilities,) = inside.inputs, inside.outputs
    assert (ids.name, probabilities.name) == ("ids", "probabilities")
    assert (ids.dtype, probabilities.dtype) == ("int32", "float32")
    assert ids.shape == ID_SHAPES[file_format](made.stack.max_length)
    assert probabilities.shape == (ids.shape[0], made.stack.outputs)


def test_tflite_is_called_by_these_names(exported: Callable[[str, str], Exported]) -> None:
    made = exported("one layer", "tflite-float32")
    litert = require("ai_edge_litert.interpreter", "testing")
    interpreter = litert.Interpreter(str(made.path))
    run = interpreter.get_signature_runner()
    assert (list(run.get_input_details()), list(run.get_output_details())) == (
        ["ids"],
        ["probabilities"],
    )
    ends = (*interpreter.get_input_details(), *interpreter.get_output_details())
    assert [end["name"] for end in ends] == ["ids", "probabilities"]


def test_onnx_needs_these_operator_sets(exported: Callable[[str, str], Exported]) -> None:
    onnx = require("onnx", "testing")
    for variant, domains in (
        ("onnx-float32", {"": 18}),
        ("onnx-int8-dynamic", {"": 18, "com.microsoft": 1}),
    ):
        model = onnx.load(exported("wide, to be quantised", variant).path)
        assert [(e.domain, e.version) for e in model.opset_import] == list(domains.items())


@each_variant
def test_weights_are_stored_in_their_precision(
    variant: str, exported: Callable[[str, str], Exported]
) -> None:
    made = exported("wide, to be quantised", variant)
    large = [
        made.stack.embedding,
        *(w for layer in made.stack.lstm for w in (layer.kernel, layer.recurrent)),
        made.stack.dense[0].kernel,
    ]
    dtype = made.precision.weights
    stored = structure.inspect(made.path).weights
    size = np.dtype(dtype).itemsize * sum(array.size for array in large)
    alike = sum(count for name, count in stored.items() if name.removeprefix("u") == dtype)
    assert alike >= size, stored
    if dtype != "float32":
        floats = exported("wide, to be quantised", variant.replace(made.precision.base, "float32"))
        assert made.path.stat().st_size < floats.path.stat().st_size


def constants(path: Path) -> list[Array]:
    """All constant tensors of a file; what stands as the bits of floats, as floats."""
    if path.suffix == ".onnx":
        onnx = require("onnx", "testing")
        return [onnx.numpy_helper.to_array(t) for t in onnx.load(path).graph.initializer]
    schema = require("ai_edge_litert.schema_py_generated", "testing")
    model = schema.ModelT.InitFromPackedBuf(path.read_bytes(), 0)
    names = {value: name for name, value in vars(schema.TensorType).items()}
    found = []
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            data, name = model.buffers[tensor.buffer].data, names[tensor.type].lower()
            if data is not None and len(data) and name in ("float32", "float16", "int32"):
                array = np.frombuffer(bytes(data), name.replace("int32", "float32"))
                found.append(array.reshape(tensor.shape if tensor.shape is not None else ()))
    return found


@each_variant
@pytest.mark.parametrize("case", ["wide, to be quantised", "states like words", "length 500"])
def test_the_table_of_states_stays_float(
    case: str, variant: str, exported: Callable[[str, str], Exported]
) -> None:
    """Rows of the table are the states that the equations give after some number of pads."""
    made = exported(case, variant)
    stack = made.stack
    pads = np.zeros((1, stack.max_length), np.int32)
    x: Array = stack.embedding[pads]
    floats = [c for c in constants(made.path) if c.dtype == np.float32]
    tables = [c.reshape(-1, c.shape[-1]) for c in floats if c.ndim > 1 and c.shape[-2] > 1]
    for layer in stack.lstm:
        every, _, _ = reference.run(layer, x)
        every = every[0]  # after 1, 2, … pads
        found = [t for t in tables if any(holds(t, state) for state in every[:-1])]
        assert found, "no table holds the states"
        for table in found:
            stride = 1 + next(n for n, state in enumerate(every) if holds(table, state))
            rows = every[stride - 1 : -1 : stride]
            assert len(table) == len(rows) + 1
            assert all(holds(table, state) for state in rows)
        x = every[None]


def holds(table: Array, state: Array) -> bool:
    """Whether one row of the table holds the state."""
    width = len(state)
    if table.shape[1] < width:
        return False
    windows = np.lib.stride_tricks.sliding_window_view(table.astype(np.float64), width, 1)
    return bool((np.abs(windows - state) <= 1e-6 * np.maximum(1, np.abs(state))).all(-1).any())


@pytest.mark.parametrize("folded", [False, True])
def test_an_int8_embedding_has_a_scale_for_each_row(
    folded: bool, exported: Callable[[str, str], Exported]
) -> None:
    name = "tflite-int8-dynamic" + ("-folded" if folded else "")
    made = exported("wide, to be quantised", name)
    first = made.stack.lstm[0]
    wanted = made.stack.embedding.astype(np.float64)
    if folded:
        wanted = wanted @ first.kernel + first.bias
    schema = require("ai_edge_litert.schema_py_generated", "testing")
    model = schema.ModelT.InitFromPackedBuf(made.path.read_bytes(), 0)

    def table(width: int) -> Array:
        (found,) = (
            (tensor, model.buffers[tensor.buffer].data)
            for graph in model.subgraphs
            for tensor in graph.tensors
            if tensor.shape is not None and (len(wanted), width) == tuple(tensor.shape)
        )
        tensor, data = found
        if tensor.type == schema.TensorType.FLOAT32:  # too small to be quantised
            return np.frombuffer(bytes(data), np.float32).reshape(-1, width)
        assert tensor.type == schema.TensorType.INT8
        codes = np.frombuffer(bytes(data), np.int8).reshape(-1, width)
        return codes * tensor.quantization.scale[0]

    codes, scales = table(wanted.shape[1]), table(1)
    assert np.allclose(codes, np.round(codes), atol=1e-5), "the codes are not stored exactly"
    assert scales.min() < scales.max() / 1.2  # one scale for all would not do
    assert (scales <= np.abs(wanted).max(1, keepdims=True) / 127 + scales.max() / 127 + 1e-9).all()
    assert (np.abs(codes * scales - wanted) <= 0.5001 * scales).all()


@pytest.mark.parametrize(
    ("length", "units", "weight_bytes", "stride", "steps", "found"),
    [
        (500, 128, 1, 8, 5, 10),
        (512, 128, 1, 8, 4, 8),
        (7, 8, 1, 8, 1, 8),  # no block divides it
        (3, 8, 4, 4, 3, 6),  # fewer rows than a stride
        (500, 128, 4, 4, 2, 4),  # copies of the weights must fit the cache
        (500, 512, 1, 8, 1, 8),
    ],
)
def test_a_block_divides_the_length_and_fits_the_cache(
    length: int, units: int, weight_bytes: int, stride: int, steps: int, found: int
) -> None:
    layer = LstmLayer(
        "", np.zeros((1, 4 * units)), np.zeros((units, 4 * units)), np.zeros(4 * units)
    )
    stack = LstmStack(np.zeros((2, 1)), (layer,), (), length)
    layout = stacked_loop.layout(stack, stride, weight_bytes)
    assert (layout.steps, layout.stride) == (steps, found)
