"""Every model of ``graph_models.py`` × format × precision, in the real runtimes, against Keras."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import graph_models
import numpy as np
import pytest
from graph_models import CASES, STEPS, chain, recurrent, remembering, words
from models import VARIANTS, kinds

from export import export_bundle
from export.formats import Exporter
from lstm_edge.base.arrays import Array
from lstm_edge.bundle.opening import open_bundle
from lstm_edge.models.graph import GraphModel, read_graph
from lstm_edge.runtimes.by_compiled_model import CompiledModel
from lstm_edge.structure import contents as structure

# every case runs the same lines of ours, and tracing costs a third of the time
pytestmark = pytest.mark.no_cover

# a float32 file may differ by this, relative to the output's scale
FLOAT32 = 1e-5
# 8-bit hidden states at every step, and models whose weights were drawn: see what they are worth, in
# the mean over all numbers; none may be another answer altogether
INT8_MEAN, INT8_MAX = 0.06, 0.6
# float16 differs from float32 in how weights are stored, and in nothing else
MADE = [name for name, (_, p) in VARIANTS.items() if not p.folded and p.weights != "float16"]
RECURRENT_NODES = {"LSTM", "GRU", "RNN", "DynamicQuantizeLSTM"}


each_case = pytest.mark.parametrize("case", CASES)
each_variant = pytest.mark.parametrize("variant", MADE)

Named = Mapping[str, Array]


def inputs_for(graph: GraphModel, examples: int = 4, *lengths: int) -> list[dict[str, Array]]:
    """Examples one by one; where there is a mask, with masked steps in every place.

    Args:
        lengths: of the inputs that leave theirs free, in turn.
    """
    rng = np.random.default_rng(3)
    found = []
    for number in range(examples):
        example = {}
        for place, given in enumerate(graph.inputs):
            steps = lengths[place % len(lengths)] if lengths else STEPS
            shape = [1, *(steps if n is None else n for n in given.shape[1:])]
            if given.rows is not None:
                array: Array = rng.integers(1, given.rows, shape).astype(np.int32)
            else:
                array = rng.normal(0, 1, shape).astype(np.float32)
            if given.mask_value is not None and number:
                away = np.zeros(shape[1], bool)
                away[:: number + 1] = True  # in the middle
                if number == 1:
                    away[:] = np.arange(shape[1]) < 3  # in front
                elif number == 2:
                    away[:] = np.arange(shape[1]) > 4  # behind
                elif number == examples - 1:
                    away[:] = True  # everywhere
                array[:, away] = given.mask_value
            example[given.name] = array
        found.append(example)
    return found


class Onnx:
    """A file in ONNX Runtime."""

    def __init__(self, path: Path) -> None:
        import onnxruntime

        self._session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        self._names = [output.name for output in self._session.get_outputs()]

    def __call__(self, example: Named) -> dict[str, Array]:
        return dict(zip(self._names, self._session.run(None, dict(example)), strict=True))


class LiteRT:
    """A file in LiteRT, resized where an input has another shape.

    Attributes:
        inputs, outputs: what they are called for who calls by index.
    """

    def __init__(self, path: Path) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self._interpreter = Interpreter(str(path), num_threads=1)
        self._interpreter.allocate_tensors()
        self.inputs = [end["name"] for end in self._interpreter.get_input_details()]
        self.outputs = [end["name"] for end in self._interpreter.get_output_details()]
        self._run = self._interpreter.get_signature_runner()

    def __call__(self, example: Named) -> dict[str, Array]:
        return dict(self._run(**example))


def by_index(path: Path, arrays: Sequence[Array]) -> list[Array]:
    """A TFLite file as Java, C++ and Dart call it: inputs and outputs in the file's order."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path), num_threads=1)
    interpreter.allocate_tensors()
    for end, array in zip(interpreter.get_input_details(), arrays, strict=True):
        interpreter.set_tensor(end["index"], array)
    interpreter.invoke()
    return [interpreter.get_tensor(end["index"]) for end in interpreter.get_output_details()]


RUNTIMES: dict[str, type[Onnx] | type[LiteRT]] = {"onnx": Onnx, "tflite": LiteRT}


@dataclass(frozen=True)
class Reference:
    graph: GraphModel
    examples: list[dict[str, Array]]
    outputs: list[dict[str, Array]]

    def scale(self, name: str) -> float:
        return max(float(np.nanmax(np.abs(out[name]), initial=0)) for out in self.outputs)

    def answers(self, example: Named) -> dict[str, Array]:
        values = self.graph.call([example[given.name] for given in self.graph.inputs])
        return {o.name: np.asarray(v) for o, v in zip(self.graph.outputs, values, strict=True)}


@pytest.fixture(scope="module")
def reference() -> Callable[[str], Reference]:
    @functools.cache
    def make(case: str) -> Reference:
        graph = read_graph(graph_models.made(case), case)
        found = Reference(graph, inputs_for(graph), [])
        found.outputs.extend(found.answers(example) for example in found.examples)
        return found

    return make


@dataclass(frozen=True)
class Made:
    path: Path
    lowering: str


@pytest.fixture(scope="module")
def made(
    reference: Callable[[str], Reference], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str, str], Made]:
    @functools.cache
    def writer(case: str, file_format: str) -> Exporter:
        exporter = next(e for e, _ in VARIANTS.values() if e.format == file_format)
        found = reference(case)
        work = tmp_path_factory.mktemp("graph")
        return exporter(found.graph, work, examples=found.examples)

    @functools.cache
    def make(case: str, variant: str) -> Made:
        exporter, precision = VARIANTS[variant]
        made = writer(case, exporter.format)
        path = made.work / f"{variant}{exporter.suffix}"
        made.write(precision, path)
        return Made(path, made.describe_lowering(precision))

    return make


def compare(found: Reference, outputs: Mapping[str, Array], number: int, variant: str) -> float:
    """The difference that counts for the variant: at most in float32, in the mean in int8."""
    counted = 0.0
    wanted = found.outputs[number]
    assert list(outputs) == list(wanted) or set(outputs) == set(wanted)
    for name, right in wanted.items():
        got = outputs[name]
        assert got.shape == right.shape, name
        assert got.dtype == np.float32
        # Keras's average of a wholly masked row is 0 / 0
        assert (np.isfinite(got) == np.isfinite(right)).all(), name
        off = np.abs(got - right)[np.isfinite(right)] / (found.scale(name) or 1.0)
        if not off.size:
            continue
        if variant.endswith("float32"):
            assert off.max() <= FLOAT32, f"{name} of example {number} is off by {off.max():.2g}"
            counted = max(counted, float(off.max()))
        else:
            assert off.mean() <= INT8_MEAN, (
                f"{name}, example {number}: {off.mean():.2g} in the mean"
            )
            assert off.max() <= INT8_MAX, f"{name}, example {number}: {off.max():.2g}"
            counted = max(counted, float(off.mean()))
    return counted


@each_case
def test_the_cases_can_tell_right_from_wrong(
    case: str, reference: Callable[[str], Reference]
) -> None:
    """The answers are numbers, differ between examples, and an early step counts at the end."""
    found = reference(case)
    for name in found.outputs[0]:
        values = [out[name] for out in found.outputs]
        assert all(np.isfinite(v).all() for v in values[:-1])  # the last may be masked all over
        assert np.ptp([v.ravel()[0] for v in values[:-1]]) > 1e-4 or np.std(values[:-1]) > 1e-3, (
            name
        )
    example = {name: array.copy() for name, array in found.examples[0].items()}
    for given in found.graph.inputs:
        array = example[given.name]
        if array.ndim > 1 and given.rows is not None:
            array[:, 0] = array[:, 0] % (given.rows - 1) + 1
        elif array.ndim > 2:
            array[:, 0] += 1.0
    other = found.answers(example)
    off = max(
        np.abs(other[name] - right).max() / (found.scale(name) or 1.0)
        for name, right in found.outputs[0].items()
    )
    assert off > 50 * FLOAT32, "the first step does not count"


@each_variant
@each_case
def test_answers_as_keras_in_any_order(
    case: str,
    variant: str,
    reference: Callable[[str], Reference],
    made: Callable[[str, str], Made],
    record_property: Callable[[str, object], None],
) -> None:
    found, file = reference(case), made(case, variant)
    runtime = RUNTIMES[VARIANTS[variant][0].format](file.path)
    worst = 0.0
    count = len(found.examples)
    seen: dict[int, dict[str, Array]] = {}
    for number in [*range(count), *range(count - 1, -1, -1), 0, 0]:
        outputs = {name: array.copy() for name, array in runtime(found.examples[number]).items()}
        if number in seen:
            for name, array in outputs.items():
                np.testing.assert_allclose(array, seen[number][name], rtol=0, atol=2e-6)
        else:
            worst = max(worst, compare(found, outputs, number, variant))
            seen[number] = outputs
    # for benchmarks/support.py
    for key, value in (
        ("group", CASES[case].group),
        ("case", case),
        ("variant", variant),
        ("difference", worst),
        ("lowering", file.lowering),
    ):
        record_property(key, value)


@pytest.mark.parametrize("variant", [v for v in MADE if VARIANTS[v][1].batch is None])
@each_case
def test_a_batch_answers_as_its_examples_alone(
    case: str,
    variant: str,
    reference: Callable[[str], Reference],
    made: Callable[[str, str], Made],
) -> None:
    if case == "fixed batch":
        pytest.skip("takes one example at a time")
    found, file = reference(case), made(case, variant)
    batch = {name: np.concatenate([e[name] for e in found.examples]) for name in found.examples[0]}
    outputs = Onnx(file.path)(batch)
    for number in range(len(found.examples)):
        compare(found, {k: v[number : number + 1] for k, v in outputs.items()}, number, variant)


FREE_TIME = [name for name in CASES if "free time" in name]


@each_variant
@pytest.mark.parametrize("case", FREE_TIME)
def test_free_time_takes_any_length(
    case: str,
    variant: str,
    reference: Callable[[str], Reference],
    made: Callable[[str, str], Made],
) -> None:
    found, file = reference(case), made(case, variant)
    runtime = RUNTIMES[VARIANTS[variant][0].format](file.path)
    for lengths in ((1, 30), (3, 2), (30, 1), (2, 3), (9, 9)):
        examples = inputs_for(found.graph, 4, *lengths)
        there = Reference(found.graph, examples, [found.answers(e) for e in examples])
        for number, example in enumerate(examples):
            compare(there, runtime(example), number, variant)


@pytest.mark.parametrize("variant", [v for v in MADE if v.startswith("tflite")])
@each_case
def test_fixed_shapes_run_in_compiled_model_too(
    case: str,
    variant: str,
    reference: Callable[[str], Reference],
    made: Callable[[str, str], Made],
) -> None:
    """What LiteRT.js and LiteRT's newer API on phones run."""
    found, file = reference(case), made(case, variant)
    if any(None in given.shape[1:] for given in found.graph.inputs):
        pytest.skip("leaves its steps free: export for litert-js says so")
    runner = CompiledModel(file.path)
    for number in [*range(len(found.examples)), 0]:
        compare(found, runner.call(found.examples[number]), number, variant)


@each_variant
@each_case
def test_structure(
    case: str,
    variant: str,
    reference: Callable[[str], Reference],
    made: Callable[[str, str], Made],
) -> None:
    found, file = reference(case), made(case, variant)
    inside = structure.inspect(file.path)
    assert not [op for op in inside.ops if op.startswith("Flex") or "TensorList" in op]
    if inside.format == "tflite":
        assert inside.problems == ()
        assert "WHILE" in inside.ops
        assert file.lowering.split()[0] == str(inside.ops["WHILE"])
    elif CASES[case].loop:
        assert "Loop" in inside.ops
        assert "a Loop for" in file.lowering
    else:
        assert not {"Loop", "Scan", "If"} & set(inside.ops)
        assert RECURRENT_NODES & set(inside.ops)
        assert inside.problems == ()
    assert [(i.name, i.dtype) for i in inside.inputs] == [
        (given.name, given.dtype) for given in found.graph.inputs
    ]
    assert [o.name for o in inside.outputs] == [o.name for o in found.graph.outputs]


SEVERAL = [
    name
    for name in CASES
    if name.startswith(("two inputs", "inputs and outputs", "states given and", "LSTM, states"))
]


@pytest.mark.parametrize("variant", [v for v in MADE if v.startswith("tflite")])
@pytest.mark.parametrize("case", SEVERAL)
def test_who_calls_by_index_finds_the_models_order(
    case: str,
    variant: str,
    reference: Callable[[str], Reference],
    made: Callable[[str, str], Made],
) -> None:
    found, path = reference(case), made(case, variant).path
    run = LiteRT(path)
    names = [output.name for output in found.graph.outputs]
    assert len(SEVERAL) >= 5
    assert (run.inputs, run.outputs) == ([i.name for i in found.graph.inputs], names)
    for number, example in enumerate(found.examples):
        arrays = by_index(path, [example[i.name] for i in found.graph.inputs])
        compare(found, dict(zip(names, arrays, strict=True)), number, variant)


def test_the_keys_of_dictionaries_are_the_names(reference: Callable[[str], Reference]) -> None:
    graph = reference("inputs and outputs in dictionaries").graph
    assert [i.name for i in graph.inputs] == ["another", "one"]  # in Keras's own order
    assert [o.name for o in graph.outputs] == [
        *("amount", "kind", "more_1", "more_every", "states", "states_2")
    ]


def _own_cell() -> Any:
    """A cell of one's own, with constants of its own."""
    import keras

    mixing = np.random.default_rng(2).normal(0, 0.2, (48, 48)).astype(np.float32)

    class Cell(keras.layers.SimpleRNNCell):  # type: ignore[misc]
        def call(self, inputs: Any, states: Any, training: bool = False) -> Any:
            output, states = super().call(inputs, states, training=training)
            mixed = keras.ops.matmul(output, keras.ops.convert_to_tensor(mixing))
            return mixed, states

    return kinds().RNN(Cell(48))


# models whose weights stand in an ONNX Loop, or in operators that have no int8
WIDE: dict[str, Callable[[], Any]] = {
    "ConvLSTM2D": graph_models.graph(
        lambda x: kinds().Flatten()(kinds().ConvLSTM2D(16, 3)(x)), (4, 6, 6, 8)
    ),
    "LSTM, gelu": lambda: chain(recurrent("LSTM", 96, activation="gelu")),
    "GRU, mish, under a mask": lambda: chain(
        kinds().Masking(), recurrent("GRU", 96, activation="mish", return_sequences=True)
    ),
    "Bidirectional SimpleRNN, selu": lambda: chain(
        kinds().Bidirectional(recurrent("SimpleRNN", 64, activation="selu"))
    ),
    "a cell of one's own": lambda: chain(_own_cell()),
    "LSTM, silu, on ids under a mask": lambda: words(
        recurrent("LSTM", 64, activation="silu", return_sequences=True)
    ),
    "Conv1DTranspose": lambda: chain(kinds().Conv1DTranspose(64, 3), recurrent("LSTM", 64)),
}


@pytest.mark.parametrize("name", WIDE)
def test_every_weight_is_stored_in_its_precision(name: str, tmp_path: Path) -> None:
    graph = read_graph(remembering(WIDE[name]()), name)
    found = Reference(graph, inputs_for(graph), [])
    found.outputs.extend(found.answers(example) for example in found.examples)
    for file_format in ("onnx", "tflite"):
        made = {n: v for n, v in VARIANTS.items() if v[0].format == file_format and not v[1].folded}
        writer = next(iter(made.values()))[0](graph, tmp_path, examples=found.examples)
        for variant, (exporter, precision) in made.items():
            path = tmp_path / f"{variant}{exporter.suffix}"
            writer.write(precision, path)
            for number, example in enumerate(found.examples):
                compare(found, RUNTIMES[file_format](path)(example), number, variant)
            stored = structure.inspect(path).weights
            whole = structure.inspect(path.with_stem(f"{file_format}-float32")).weights["float32"]
            assert precision.shortfall(stored) == ()
            if precision.weights != "float32":
                assert stored.get("float32", 0) < 0.25 * whole, variant


def test_what_holds_float32_all_the_same_is_said(tmp_path: Path) -> None:
    small = kinds().LSTM(40)
    result = export_bundle(chain(small, width=8), tmp_path / "b", lowering="fused")
    notes = {v.name: v.notes for v in open_bundle(tmp_path / "b").variants.values()}
    lacks = "holds float32: none of its weights is stored in int8, as small ones never are"
    assert notes.pop("tflite-int8-dynamic") == (lacks,)
    assert set(notes.values()) == {()}
    assert f"tflite-int8-dynamic {lacks}." in result.said


@pytest.mark.parametrize(
    ("stored", "told"),
    [
        ({"float32": 4000, "int8": 9000}, ()),
        ({"float32": 4000, "uint8": 240}, ("holds float32 for the most part: 19% of its",)),
        (
            {"float32": 4000, "int8": 100},
            ("holds float32 for the most part: 9% of its weights are int8",),
        ),
        ({"float32": 4000, "float16": 2000}, ("holds float32: none of its weights",)),
        ({}, ("holds float32: none of its weights is stored in int8, as small ones never are",)),
    ],
    ids=str,
)
def test_how_much_is_stored_in_a_precision(stored: dict[str, int], told: Sequence[str]) -> None:
    precision = next(p for _, p in VARIANTS.values() if p.name == "int8-dynamic")
    said = precision.shortfall(stored)
    assert len(said) == len(told)
    assert all(one.startswith(text) for one, text in zip(said, told, strict=True))
    assert replace(precision, weights="float32").shortfall(stored) == ()


def test_long_sequences_of_zeros_are_no_constants(tmp_path: Path) -> None:
    layers = kinds()
    both = layers.Bidirectional(layers.LSTM(32, return_sequences=True))
    model = chain(both, steps=64)
    graph = read_graph(remembering(model), "long")
    found = Reference(graph, inputs_for(graph, 2), [])
    found.outputs.extend(found.answers(example) for example in found.examples)
    zeros = 64 * 32 * 4
    for variant in (n for n, (e, p) in VARIANTS.items() if e.format == "tflite" and not p.folded):
        exporter, precision = VARIANTS[variant]
        path = tmp_path / f"{variant}.tflite"
        exporter(graph, tmp_path).write(precision, path)
        inside = structure.inspect(path)
        assert sum(inside.weights.values()) < 4 * model.count_params() + zeros // 2, variant
        assert inside.ops["FILL"] >= 1
        for run in (LiteRT(path), CompiledModel(path).call):
            for number in (0, 1, 0):  # what the call before wrote there is gone
                compare(found, run(found.examples[number]), number, variant)


def test_there_are_enough_cases() -> None:
    assert len(CASES) >= 120


def test_the_support_matrix_has_every_case() -> None:
    """``make support`` after a case was added."""
    text = (Path(__file__).parent.parent / "docs" / "support.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("| ")]
    assert sorted(row for row in rows if row in CASES) == sorted(CASES)
