"""Answers judged in their own scale: behind a large number, beside another column, under rounding."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from lstm_edge.base.arrays import Array
from lstm_edge.cli import cli
from lstm_edge.inputs.batches import AS_GIVEN, Batch
from lstm_edge.inputs.signature import Output
from lstm_edge.results.parity import OK, OUTSIDE, UNPROVEN, Tolerance
from lstm_edge.verify import comparing, comparing_arrays, rounding

keras: Any = pytest.importorskip("keras")
pytestmark = pytest.mark.xdist_group("own scale")
layers = keras.layers


def call(*args: object) -> Result:
    return CliRunner().invoke(cli, [str(arg) for arg in args], catch_exceptions=False)


def forecaster(first: Any, units: int, scale: Any, offset: Any, channels: int = 3) -> Any:
    """A model whose last layer gives each of its columns its unit; the same in every run."""
    keras.utils.set_random_seed(5)
    last = layers.Dense(len(scale))
    model = keras.Sequential([keras.Input((12, channels)), *first, layers.LSTM(units), last])
    kernel, bias = last.get_weights()
    last.set_weights([kernel * np.array(scale), bias + np.array(offset)])
    return model


def normalised(mean: float, deviation: float) -> Any:
    return layers.Normalization(mean=[mean] * 3, variance=[deviation**2] * 3)


def batch_normalised(mean: float, deviation: float) -> Any:
    layer = layers.BatchNormalization()
    layer.build((None, 12, 3))
    layer.set_weights([np.ones(3), np.zeros(3), np.full(3, mean), np.full(3, deviation**2)])
    return layer


# model -> the columns that each answer must vary in; every file must be right in each of them
MODELS: dict[str, Callable[[], Any]] = {
    "pressure and humidity": lambda: forecaster([], 24, (900, 0.2), (101325, 0.5)),
    "pressure and humidity, a wide layer": lambda: forecaster([], 600, (900, 0.2), (101325, 0.5)),
    "a price": lambda: forecaster([], 24, (20000,), (310000,)),
    "a temperature": lambda: forecaster([], 24, (0.2,), (57.3,)),
    "a price that hardly moves": lambda: forecaster([], 24, (300,), (310000,)),
    "prices of a day": lambda: forecaster([], 64, [2000] * 24, range(300000, 324000, 1000)),
    "weights above float16": lambda: forecaster([], 64, [4e5] * 24, [0] * 24),
    "weights below float16": lambda: forecaster([], 64, [1e-7] * 24, [0] * 24),
    "raw pascals": lambda: forecaster([normalised(101325, 300)], 24, (1,), (0,)),
    "raw counts": lambda: forecaster([normalised(40000, 36)], 24, (1,), (0,)),
    "raw counts, batch": lambda: forecaster([batch_normalised(40000, 36)], 24, (1,), (0,)),
    "raw bytes": lambda: forecaster([layers.Rescaling(1 / 127.5, -1)], 24, (1,), (0,)),
}


@pytest.mark.parametrize("name", MODELS)
def test_every_column_is_right_in_every_file(name: str, tmp_path: Path) -> None:
    from export import export_bundle

    result = export_bundle(MODELS[name](), tmp_path / "b")
    assert [(r.variant, r.failures) for r in result.reports if r.failures] == []
    answers = np.concatenate(
        [a for k, a in np.load(tmp_path / "b" / "golden.npz").items() if "/out/" in k]
    )
    columns = np.ptp(answers, 0) / (np.abs(answers).max(0) + 1e-30)
    assert (np.ptp(answers, 0) > 0).all() and columns.min() > 1e-4


def test_a_model_that_answers_all_alike_is_not_proven(tmp_path: Path) -> None:
    """Its gates are shut, whatever comes: nothing that is drawn could show a fault."""
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [keras.Input((9, 2)), layers.LSTM(8), layers.Dense(1, activation="sigmoid")]
    )
    kernel, recurrent, bias, *dense = model.get_weights()
    model.set_weights([0 * kernel, 0 * recurrent, bias, *dense])
    model.save(tmp_path / "m.keras")
    result = call("export", tmp_path / "m.keras", "--format", "onnx", "--out", tmp_path / "b")
    assert result.exit_code == 1
    assert UNPROVEN in result.stdout and OUTSIDE not in result.stdout
    assert "nothing is proven, all answers are alike" in result.stderr
    assert "--inputs" in result.stderr
    assert result.stdout.count("are the same within") == 1  # of three variants
    parity = json.loads((tmp_path / "b" / "manifest.json").read_text())["variants"][0]["parity"]
    assert "export with inputs of your own" in parity["failures"][0]
    again = call("verify", tmp_path / "b")
    assert again.exit_code == 1 and UNPROVEN in again.stdout
    told = call("report", tmp_path / "b", "--out", tmp_path / "report")
    page = (tmp_path / "report" / "report.html").read_text("utf-8")
    assert told.exit_code == 1
    assert "Not proven: onnx-float32, onnx-float16, onnx-int8-dynamic (3 of 3)" in page
    assert "Outside tolerance" not in page and "`" not in page.partition("</style>")[2]


def test_drawn_inputs_are_not_all_noise(tmp_path: Path) -> None:
    """To what answers a whole window's level, noise is one and the same."""
    from export import export_bundle

    keras.utils.set_random_seed(1)
    x = keras.Input((40, 1))
    level = keras.ops.mean(x, axis=1) ** 2
    seen = layers.Dense(1, kernel_initializer="zeros")(layers.LSTM(4)(x))
    model = keras.Model(x, keras.ops.sigmoid(20 * level - 6 + seen))
    export_bundle(model, tmp_path / "b", wanted_formats=["onnx"], precisions=["float32"])
    golden = np.load(tmp_path / "b" / "golden.npz")
    (answers,) = (array for name, array in golden.items() if "/out/" in name)
    assert answers.min() < 0.1 and answers.max() > 0.9


@pytest.mark.parametrize("bias", [-6.0, -7.0])
def test_a_rare_event_is_no_false_alarm(bias: float, tmp_path: Path) -> None:
    from export import export_bundle

    keras.utils.set_random_seed(1)
    end = layers.Dense(1, activation="sigmoid", bias_initializer=keras.initializers.Constant(bias))
    model = keras.Sequential([keras.Input((20, 3)), layers.LSTM(16), end])
    result = export_bundle(model, tmp_path / "b", precisions=["float32"])
    assert OUTSIDE not in {r.verdict for r in result.reports}


@pytest.mark.parametrize("classes", [3, 60, 400])
def test_many_classes_are_each_small_and_vary(classes: int, tmp_path: Path) -> None:
    from export import export_bundle

    keras.utils.set_random_seed(1)
    ids = keras.Input((15,), dtype="int32")
    y = layers.LSTM(24)(layers.Embedding(60, 16)(ids))
    model = keras.Model(ids, layers.Dense(classes, activation="softmax")(y))
    result = export_bundle(model, tmp_path / "b", precisions=["float32"])
    assert {r.verdict for r in result.reports} == {OK}


def test_a_constant_beside_what_varies_is_proven(tmp_path: Path) -> None:
    from export import export_bundle

    keras.utils.set_random_seed(1)
    x = keras.Input((9, 2))
    one = layers.Dense(1, kernel_initializer="zeros", bias_initializer="ones", name="one")
    y = layers.LSTM(8)(x)
    model = keras.Model(x, [layers.Dense(1, name="move")(y), one(y)])
    assert export_bundle(model, tmp_path / "b", precisions=["float32"]).ok


# --- what is judged --------------------------------------------------------------------------------

FLOAT32 = Tolerance(1e-5, 0.0, 1e-5, None, "", relative=True)
INT8 = Tolerance(None, 0.002, 0.0, None, "", 5e-2, relative=True)
NUMBERS = Output("next", (None, 2), "")
TAGS = Output("tags", (None, 20, 4), "softmax")


def judged(tolerance: Tolerance, port: Output, reference: Array, off: Array, **more: Any) -> Any:
    batch = Batch(
        (more.pop("case", AS_GIVEN),) * len(reference), {}, {port.name: reference}, **more
    )
    limit = tolerance.max_abs or tolerance.mean_abs or 0.0
    scale = comparing_arrays.scales([batch], [port], limit)
    comparison = comparing_arrays.ArrayComparison("v", tolerance, [port], scale)
    comparison.add(batch, {port.name: (reference + off).astype(np.float32)})
    return comparison.report()


def readings() -> Array:
    rng = np.random.default_rng(0)
    return rng.normal((101325, 0.5), (900, 0.2), (40, 2)).astype(np.float32)


@pytest.mark.parametrize(
    ("tolerance", "off", "verdict"),
    [
        (INT8, (0, 0.2), OUTSIDE),  # R² of the humidity is gone
        (INT8, (0, 0.005), OK),
        (INT8, (900, 0), OUTSIDE),
        (INT8, (20, 0), OK),
        (FLOAT32, (0, 1e-5), OUTSIDE),
        (FLOAT32, (0, 1e-6), OK),
        (FLOAT32, (0.008, 0), OK),  # one step of float32 there
        (FLOAT32, (0.1, 0), OUTSIDE),
    ],
)
def test_a_column_is_judged_by_its_own_range(
    tolerance: Tolerance, off: tuple[float, float], verdict: str
) -> None:
    assert judged(tolerance, NUMBERS, readings(), np.array(off)).verdict == verdict


def tags(first: float) -> Array:
    """Probabilities of four tags; at the first step the first one leads by so much."""
    scores = np.random.default_rng(0).random((30, 20, 4)) ** 4 + 1e-3
    scores[:, 0] = (1 + first, 1, 1, 1)
    return (scores / scores.sum(-1, keepdims=True)).astype(np.float32)


def flipping(reference: Array, rows: int, to: float) -> Array:
    """A difference that makes the last tag of so many steps the greatest."""
    off = np.zeros_like(reference)
    off[:rows, 0, -1] = to
    return off


@pytest.mark.parametrize(
    ("rows", "case", "verdict"),
    [(1, AS_GIVEN, OK), (2, AS_GIVEN, OUTSIDE), (30, AS_GIVEN, OUTSIDE), (30, "unpadded", OK)],
)
def test_each_step_of_a_tagger_is_a_decision(rows: int, case: str, verdict: str) -> None:
    """Of inputs that were drawn, a flip as near to a draw as the tolerance is none against the file."""
    reference = tags(0.1)  # nearly a draw
    report = judged(INT8, TAGS, reference, flipping(reference, rows, 0.03), case=case)
    assert (report.flips, report.decisions) == (rows, 600)
    assert report.verdict == verdict
    assert report.flips_at_threshold == (report.flips if case != AS_GIVEN else 0)


def test_a_flip_that_is_no_draw_counts_on_drawn_inputs_too() -> None:
    reference = tags(20)
    report = judged(INT8, TAGS, reference, flipping(reference, 10, 0.9), case="unpadded")
    assert report.verdict == OUTSIDE
    assert (
        "10 of 600 labels flip (1.67%; of others like these 0.91% to 3.04%)" in report.failures[0]
    )


@pytest.mark.parametrize(
    ("count", "total", "low", "high"),
    [(0, 72, 0.0, 0.0507), (2, 72, 0.0077, 0.0957), (10, 100, 0.0552, 0.1744), (5, 5, 0.5655, 1.0)],
)
def test_the_interval_is_wilsons(count: int, total: int, low: float, high: float) -> None:
    assert comparing.interval(count, total) == pytest.approx((low, high), abs=1e-4)


# --- rounding of Keras's own -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moves", "off", "verdict"),
    [(0.0, 2e-5, OUTSIDE), (1e-3, 2e-5, OK), (1e-3, 2e-3, OUTSIDE), (1e-6, 2e-5, OUTSIDE)],
)
def test_a_file_is_judged_by_the_greater_of_its_tolerance_and_keras_own_rounding(
    moves: float, off: float, verdict: str
) -> None:
    reference = np.random.default_rng(1).normal(size=(40, 2)).astype(np.float32)
    difference = np.zeros_like(reference)
    difference[3] = off * np.abs(reference).max()

    def own(rows: Any, scales: Any) -> Any:
        return {"next": np.full(len(rows), moves)}

    report = judged(FLOAT32, NUMBERS, reference, difference, moves=own)
    assert report.verdict == verdict
    said = [check.detail for check in report.checks if check.name == "rounding of Keras's own"]
    assert bool(said) is (verdict == OK)


def chaotic(gain: float) -> Any:
    keras.utils.set_random_seed(2)
    model = keras.Sequential(
        [keras.Input((60, 8)), layers.LSTM(32), layers.Dense(8, activation="softmax")]
    )
    weights = model.get_weights()
    model.set_weights([w * g for w, g in zip(weights, (gain, gain, 1, gain, 1), strict=True)])
    return model


@pytest.mark.parametrize("gain", [1, 30])
def test_what_a_model_itself_can_promise_is_measured_and_said(gain: float, tmp_path: Path) -> None:
    chaotic(gain).save(tmp_path / "m.keras")
    result = call("export", tmp_path / "m.keras", "--precision", "float32", "--out", tmp_path / "b")
    assert result.exit_code == 0, result.output
    sentence = "differently for inputs that differ in their last bit"
    assert (sentence in result.stdout) is (gain == 30)
    (own,) = json.loads((tmp_path / "b" / "manifest.json").read_text())["own_rounding"]
    assert own["decisions"] == 30 and (own["undetermined"] > 0) is (gain == 30)
    assert (own["share"] > 1e-5) is (gain == 30)
    assert call("verify", tmp_path / "b").exit_code == 0
    np.save(
        tmp_path / "x.npy", np.random.default_rng(3).normal(size=(20, 60, 8)).astype(np.float32)
    )
    again = call("verify", tmp_path / "b", "--inputs", tmp_path / "x.npy")
    assert again.exit_code == 0, again.output


def test_a_change_of_the_last_bit() -> None:
    rng = np.random.default_rng(0)
    array = np.array([1.0, -2.5, 0.0, np.nan, np.inf, 7.0, 40000.0], np.float32)
    near = rounding.nudged(array, rng, mask_value=7.0)
    np.testing.assert_array_equal(near[2:6], array[2:6])
    assert (near[[0, 1, 6]] != array[[0, 1, 6]]).all()
    np.testing.assert_allclose(near[[0, 1, 6]], array[[0, 1, 6]], rtol=1.3e-7)
    # of 40000 ± 36 the last bit is far more than what the model's own arithmetic rounds
    assert rounding.nudged(array, rng, 40000.0)[6] == 40000
    ids = np.arange(5, dtype=np.int32)
    assert rounding.nudged(ids, rng) is ids


def test_keras_tables_are_what_they_were() -> None:
    from lstm_edge.models.graph import read_graph
    from lstm_edge.models.reference import of_arrays

    model = keras.Sequential(
        [keras.Input((5,), dtype="int32"), layers.Embedding(9, 4), layers.LSTM(3)]
    )
    before = model.get_weights()
    reference = of_arrays(read_graph(model, "m"), Path("m"))
    name = reference.signature.inputs[0].name
    batch = Batch((AS_GIVEN,) * 3, {name: np.ones((3, 5), np.int32)})
    batch = replace(batch, outputs=reference.answers(batch))
    draws = [*rounding.changed(reference, batch)]
    assert all(
        (np.abs(draw[k] - v) < 1e-6).all() and (draw[k] != v).any()
        for draw in draws
        for k, v in batch.outputs.items()
    )
    for weight, old in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, old)


# --- texts -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "settings"),
    [
        ([f"wort{i}" for i in range(1, 40)], {}),
        ([f"語{chr(0x4E00 + i)}" for i in range(1, 40)], {}),
        ([chr(0x4E00 + i) for i in range(1, 40)], {"characters": True}),
        ([f"Wort-{i}" for i in range(1, 40)], {"lower": False, "split": "|", "filters": ""}),
    ],
)
def test_texts_are_made_of_a_vocabulary_that_the_reviews_do_not_have(
    words: list[str], settings: dict[str, Any], tmp_path: Path
) -> None:
    from export import export_bundle

    (tmp_path / "index.json").write_text(json.dumps({w: i for i, w in enumerate(words, 1)}))
    keras.utils.set_random_seed(4)
    ids = keras.Input((12,), dtype="int32")
    rows = layers.Embedding(40, 16, embeddings_initializer="normal")(ids)
    model = keras.Model(ids, layers.Dense(3, activation="softmax")(layers.GRU(16)(rows)))
    model.set_weights([w * 4 for w in model.get_weights()])
    result = export_bundle(
        model, tmp_path / "b", vocab=tmp_path / "index.json", precisions=["float32"],
        text_settings=settings,
    )  # fmt: skip
    assert [r.verdict for r in result.reports] == [OK, OK]
    cases = json.loads((tmp_path / "b" / "golden.json").read_text("utf-8"))["cases"]
    assert all(any(word in case["text"] for word in words) for case in cases)
    assert {i for case in cases for i in case["ids"]} <= set(range(1, 40))
    assert np.ptp([case["probabilities"] for case in cases], 0).max() > 0.1
