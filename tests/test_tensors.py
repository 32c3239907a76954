"""Models without text: from the Keras model to the answers of a bundle that takes arrays."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result
from conftest import WORDS
from graph_models import CASES, chain, graph, remembering, words
from models import DEFAULT, functional, kinds, sequential
from test_cli import call
from test_golden_examples import documents

from export import bundling, drawn
from export.lowering import onnx_graph
from export.ways.common import GOLDEN_EXAMPLES
from lstm_edge import Classifier, Predictor, load_bundle
from lstm_edge.base.arrays import Array, Arrays
from lstm_edge.bundle.manifest import GOLDEN_ARRAYS, LABELS, MANIFEST
from lstm_edge.bundle.opening import TensorBundle, TextBundle, open_bundle
from lstm_edge.errors import BundleError, InputError
from lstm_edge.inputs.array_files import read_inputs, write_outputs
from lstm_edge.inputs.batches import AS_GIVEN, Batch, load_batches, save_batches
from lstm_edge.inputs.scaling import Scale
from lstm_edge.inputs.signature import Input, Output, Signature
from lstm_edge.inputs.targets import check_targets
from lstm_edge.inputs.windows import Window
from lstm_edge.models import reference
from lstm_edge.models.graph import read_graph
from lstm_edge.results.parity import ParityReport, ParityRun, Tolerance
from lstm_edge.results.scores import NumberTally
from lstm_edge.runtimes.runners import ArrayRunner
from lstm_edge.verify import comparing_arrays as tensor_parity
from lstm_edge.verify import independence_arrays

ONNX = {"wanted_formats": ["onnx"], "precisions": ["float32"]}  # the variant that is made soonest

# --- models of several kinds ----------------------------------------------------------------------


def _windows() -> Any:
    kind = kinds()
    return chain(kind.GRU(8), kind.Dense(3, activation="softmax", name="move"), width=4)


def _free() -> Any:
    """A convolution that needs three steps, so that Keras takes no fewer."""
    kind = kinds()
    layers = (kind.Conv1D(6, 3), kind.LSTM(5), kind.Dense(2, name="amount"))
    return chain(*layers, steps=None, width=4)


def _two() -> Any:
    import keras

    kind = kinds()
    x, z = keras.Input((9, 5), name="series"), keras.Input((4, 3), name="short")
    both = kind.Concatenate()([kind.LSTM(4)(x), kind.GRU(4)(z)])
    kinds_of = kind.Dense(2, activation="softmax", name="kind")(both)
    return keras.Model([x, z], [kinds_of, kind.Dense(1, name="amount")(z[:, -1])])


def _tagger() -> Any:
    kind = kinds()
    tags = kind.TimeDistributed(kind.Dense(3, activation="softmax"), name="tags")
    return words(kind.Bidirectional(kind.LSTM(5, return_sequences=True)), tags)


def _stateful() -> Any:
    import keras

    kind = kinds()
    x = keras.Input(batch_shape=(2, 6, 3), name="series")
    return keras.Model(x, kind.Dense(2, name="next")(kind.LSTM(4, stateful=True)(x)))


def _text(length: int | None) -> Any:
    import keras

    kind = kinds()
    ids = keras.Input((length,), dtype="int32", name="ids")
    x = kind.Bidirectional(kind.LSTM(5))(kind.Embedding(4 + len(WORDS), 4)(ids))
    return keras.Model(ids, kind.Dense(1, activation="sigmoid", name="positive")(x))


MODELS: dict[str, Callable[[], Any]] = {
    "windows": _windows,
    "free": _free,
    "two": _two,
    "tagger": _tagger,
    "stateful": _stateful,
}
OPTIONS: dict[str, tuple[Any, ...]] = {
    "windows": ("--labels", "walk,sit,run"),
    "free": ("--length", 12),
    "two": ("--batch", 3),
    "stateful": ("--no-streaming",),
}


@dataclass(frozen=True)
class Made:
    model: Any
    file: Path
    bundle: Path
    exported: Result


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Made]:
    """A model of the table, its file and its bundle, each made once by the command line."""
    import keras

    folder, done = tmp_path_factory.mktemp("tensors"), {}

    def make(name: str) -> Made:
        if name not in done:
            keras.utils.set_random_seed(0)
            model, file = remembering(MODELS[name]()), folder / f"{name}.keras"
            model.save(file)
            out = folder / name
            result = call("export", file, "--out", out, *OPTIONS.get(name, ()))
            done[name] = Made(model, file, out, result)
        return done[name]

    return make


each_model = pytest.mark.parametrize("name", MODELS)


def inputs_of(bundle: Path, count: int = 5, seed: int = 5) -> Arrays:
    """Inputs that the export has not seen."""
    rng = np.random.default_rng(seed)
    found: Arrays = {}
    for one in open_bundle(bundle).signature.inputs:  # type: ignore[union-attr]
        shape = [count, *(11 if n is None else n for n in one.shape[1:])]
        if one.rows is None:
            found[one.name] = rng.normal(0, 1, shape)
        else:
            found[one.name] = rng.integers(0, one.rows, shape)
    return found


def answers_of(model: Any, given: Arrays) -> list[Array]:
    """Keras's own, one call for each example, or for as many as its batch is."""
    import keras

    size = model.inputs[0].shape[0] or 1
    count = len(next(iter(given.values())))
    rows = []
    for begin in range(0, count, size):
        for layer in model.layers:
            if getattr(layer, "stateful", False):
                layer.reset_state()
        at = [min(i, count - 1) for i in range(begin, begin + size)]
        values = [
            array[at].astype(str(t.dtype))
            for array, t in zip(given.values(), model.inputs, strict=True)
        ]
        out = model(values if len(values) > 1 else values[0], training=False)
        rows.append([np.asarray(v)[: count - begin] for v in keras.tree.flatten(out)])
    return [np.concatenate(parts) for parts in zip(*rows, strict=True)]


# --- the commands ---------------------------------------------------------------------------------


@each_model
def test_export_writes_a_bundle_of_tensors(name: str, made: Callable[[str], Made]) -> None:
    found = made(name)
    assert found.exported.exit_code == 0, found.exported.output
    assert "It takes arrays: lstm-edge predict" in found.exported.stdout
    manifest = json.loads((found.bundle / MANIFEST).read_text())
    assert (manifest["kind"], manifest["schema"]) == ("tensors", 2)
    assert [v["name"] for v in manifest["variants"]] == DEFAULT
    assert all(v["tolerance"]["relative"] and v["parity"]["ok"] for v in manifest["variants"])
    bundle = open_bundle(found.bundle)
    assert isinstance(bundle, TensorBundle)
    assert [one.name for one in bundle.signature.inputs] == [t.name for t in found.model.inputs]
    assert (found.bundle / LABELS).exists() is (name == "windows")
    seen = {case for batch in bundle.golden() for case in batch.cases}
    assert seen == set(drawn.CASES if name == "tagger" else [drawn.UNPADDED])


@each_model
def test_every_variant_predicts_as_keras(name: str, made: Callable[[str], Made]) -> None:
    found = made(name)
    given = inputs_of(found.bundle)
    expected = answers_of(found.model, given)
    for variant in DEFAULT:
        predictor = load_bundle(found.bundle, variant)
        assert isinstance(predictor, Predictor)
        outputs = predictor.predict(given)
        assert list(outputs) == [one.name for one in predictor.bundle.signature.outputs]
        for array, right in zip(outputs.values(), expected, strict=True):
            assert (array.shape, array.dtype) == (right.shape, np.float32)
            off = np.abs(array - right) / np.abs(right).max()
            if "int8" in variant:
                assert off.mean() < 0.05, variant
            else:
                assert off.max() < (2e-2 if "float16" in variant else 1e-5), variant


@each_model
def test_verify_and_bench_and_report(
    name: str, made: Callable[[str], Made], tmp_path: Path
) -> None:
    found, parity, latency = made(name), tmp_path / "parity.json", tmp_path / "latency.json"
    result = call("verify", found.bundle, "--json", parity)
    assert result.exit_code == 0, result.output
    run = json.loads(parity.read_text())
    golden = open_bundle(found.bundle).golden()
    for report in run["reports"]:
        assert report["examples"] == sum(map(len, golden))
        assert {"other order", "after the longest input", "every kind of case"} <= {
            check["name"] for check in report["checks"]
        }
        assert json.loads(json.dumps(ParityReport.from_json(report).to_json())) == report
    result = call("bench", found.bundle, "--rounds", 1, "--limit", 3, "--variant", DEFAULT[0],
                  "--variant", DEFAULT[-1], "--json", latency)  # fmt: skip
    assert result.exit_code == 0, result.output
    value = json.loads(latency.read_text())
    assert value["unit"] == "steps"
    assert [np.shape(t["samples_ms"]) for t in value["timings"]] == [(1, 3)] * 2
    result = call("report", found.bundle, "--out", tmp_path / "r", "--parity", parity, "--latency",
                  latency)  # fmt: skip
    assert result.exit_code == 0, result.output
    for file in ("report.html", "report.md"):
        page = (tmp_path / "r" / file).read_text()
        assert "max relative Δ" in page
        assert "accuracy" not in page
        for one in open_bundle(found.bundle).signature.outputs:  # type: ignore[union-attr]
            assert one.name in page
    assert call("report", found.bundle, "--out", tmp_path / "r").exit_code == 0
    result = call("inspect", found.bundle / f"{DEFAULT[-1]}.tflite")
    assert result.exit_code == 0
    assert "no problems found" in result.stdout
    assert call("inspect", found.file).stdout.count("no problems found") == 1


@pytest.mark.parametrize("name", ["two", "free", "stateful"])
def test_verify_on_inputs_with_keras(
    name: str, made: Callable[[str], Made], tmp_path: Path
) -> None:
    found = made(name)
    np.savez(tmp_path / "x.npz", **inputs_of(found.bundle, 7))
    result = call("verify", found.bundle, "--inputs", tmp_path / "x.npz", "--limit", 6, "--json",
                  tmp_path / "p.json", "--model", found.file)  # fmt: skip
    assert result.exit_code == 0, result.output
    run = json.loads((tmp_path / "p.json").read_text())
    assert {r["examples"] for r in run["reports"]} == {6}
    assert run["reference"] == f"{name}.keras"


def test_a_wrong_answer_is_noticed(made: Callable[[str], Made], tmp_path: Path) -> None:
    """The golden outputs are moved by a ten-thousandth of their scale."""
    import shutil

    from lstm_edge.base.files import sha256
    from lstm_edge.bundle.manifest import seal

    bundle = Path(shutil.copytree(made("tagger").bundle, tmp_path / "copy"))
    moved = [
        replace(b, outputs={k: v + 1e-4 * np.abs(v).max() for k, v in b.outputs.items()})
        for b in load_batches(bundle / GOLDEN_ARRAYS)
    ]
    save_batches(bundle / GOLDEN_ARRAYS, moved)
    with pytest.raises(BundleError, match=r"golden\.npz was changed after export"):
        open_bundle(bundle)
    manifest = json.loads((bundle / MANIFEST).read_text())
    manifest["files"][GOLDEN_ARRAYS] = sha256(bundle / GOLDEN_ARRAYS)
    (bundle / MANIFEST).write_text(json.dumps({**manifest, "seal": seal(manifest)}))
    result = call("verify", bundle, "--json", tmp_path / "p.json")
    assert result.exit_code == 1
    assert "is above 1e-05" in result.stdout
    failed = [
        r["variant"]
        for r in json.loads((tmp_path / "p.json").read_text())["reports"]
        if not r["ok"]
    ]
    assert failed == [name for name in DEFAULT if name.endswith("float32")]


# --- by targets ----------------------------------------------------------------------------------

TWO = Signature(
    (Input("x", "float32", (None, 3), None, None),),
    (
        Output("kind", (None, 3), "softmax"),
        Output("held", (None, 1), "sigmoid"),
        Output("several", (None, 2), "sigmoid"),
        Output("amount", (None, 1), ""),
        Output("tags", (None, None, 3), "softmax"),
    ),
)
LABELS_OF = ("walk", "sit", "run")
# output, labels, targets of two examples as given; as they are taken
TARGETS: dict[str, tuple[str, tuple[str, ...], Any, Any]] = {
    "class numbers": ("kind", (), [2, 0], np.array([2, 0])),
    "class numbers in a column, as floats": ("kind", (), [[2.0], [0.0]], np.array([2, 0])),
    "one-hot": ("kind", (), [[0, 0, 1], [1, 0, 0]], np.array([2, 0])),
    "labels": ("kind", LABELS_OF, ["run", " Walk"], np.array([2, 0])),
    "labels in a column": ("kind", LABELS_OF, [["run"], ["walk"]], np.array([2, 0])),
    "numbers as labels": ("kind", (), ["2", "0"], np.array([2, 0])),
    "0 and 1": ("held", (), [True, False], np.array([[1], [0]])),
    "labels of a sigmoid": ("held", ("ham", "spam"), ["spam", "ham"], np.array([[1], [0]])),
    "one-hot of a sigmoid": ("held", (), [[0, 1], [1, 0]], np.array([[1], [0]])),
    "a share": ("held", (), [0.25, 1], np.array([[0.25], [1]])),
    "several": ("several", (), [[1, 1], [0, 1]], np.array([[1, 1], [0, 1]])),
    "numbers": ("amount", (), [5, 7], np.array([[5.0], [7.0]])),
    "tags": ("tags", LABELS_OF, [["run", "sit"], ["walk", "walk"]], np.array([[2, 1], [0, 0]])),
    "tags, one-hot": ("tags", (), np.eye(3)[[[2, 1], [0, 0]]], np.array([[2, 1], [0, 0]])),
}  # fmt: skip


@pytest.mark.parametrize("case", TARGETS)
def test_targets_are_taken_as_users_have_them(case: str) -> None:
    output, labels, given, expected = TARGETS[case]
    found = check_targets({output: given}, TWO, labels, 2)[output]
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


BAD_TARGETS: dict[str, tuple[Any, str]] = {
    "one array for several outputs": ([1, 2], "the model has the outputs kind, held, several"),
    "another name": ({"x": [1, 2]}, "`targets` for x given; expected some for the outputs kind"),
    "nothing": ({}, "no `targets` given"),
    "another count": ({"kind": [1]}, "`targets` of kind are for 1 examples; there are 2"),
    "one number": ({"kind": 1}, "are for 1 examples; there are 2"),
    "a class too high": ({"kind": [1, 3]}, "from 1 to 3; expected class numbers from 0 to 2"),
    "a class below 0": ({"kind": [-1, 1]}, "from -1 to 1; expected class numbers from 0 to 2"),
    "half a class": ({"kind": [0.5, 1]}, "expected class numbers"),
    "not one-hot": ({"kind": [[1, 1, 0], [1, 0, 0]]}, "are not one-hot: expected one 1 in each row"),
    "another shape": ({"kind": np.ones((2, 2))}, r"expected class numbers \[examples\], or one-hot"),
    "an unknown label": ({"kind": ["walk", "fly"]}, "`targets` of kind: labels not known to the model"),
    "labels for numbers": ({"amount": ["a", "b"]}, "the output is no probability, so expected numbers"),
    "a sigmoid's 2": ({"held": [2, 1]}, "from 1 to 2; a sigmoid's are 0 and 1"),
    "NaN": ({"amount": [np.nan, 1]}, "NaN or infinite"),
    "objects": ({"amount": [{}, 1]}, "expected numbers or labels"),
    "ragged": ({"tags": [[1], [1, 2]]}, "not of one length"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_TARGETS)
def test_targets_that_do_not_fit(case: str) -> None:
    given, message = BAD_TARGETS[case]
    with pytest.raises(InputError, match=message):
        check_targets(given, TWO, LABELS_OF, 2)


def test_names_as_keras_calls_them() -> None:
    ends = Signature(TWO.inputs, (Output("out_put_1", (None, 1), ""),))
    assert list(check_targets({"out/put-1": [1.0]}, ends, (), 1)) == ["out_put_1"]


def test_figures_are_those_of_the_textbook(rng: np.random.Generator) -> None:
    """In three windows, about a mean of 101325, which sums of squares in one would lose."""
    right = 101325 + rng.normal(0, [1, 50], (90, 2))
    answers = (right + rng.normal(0, 0.5, (90, 2))).astype(np.float32)
    tally = NumberTally()
    for at in np.split(np.arange(90), [20, 21]):
        tally.add(right[at], answers[at])
    off = answers - right
    score = tally.score()
    assert score.count == 180
    assert score.mae == pytest.approx(np.abs(off).mean())
    assert score.rmse == pytest.approx(np.sqrt((off**2).mean()))
    assert score.r2 == pytest.approx(1 - (off**2).sum() / ((right - right.mean(0)) ** 2).sum())
    tally.add(right[:1], np.full((1, 2), np.nan))
    assert (tally.score().mae, tally.score().count) == (None, 182)
    constant = NumberTally()
    constant.add(np.ones((3, 1)), np.zeros((3, 1)))
    assert (constant.score().rmse, constant.score().r2) == (1.0, None)


@pytest.mark.parametrize("form", ["one file", "two files", "labels"])
def test_verify_by_targets(form: str, made: Callable[[str], Made], tmp_path: Path) -> None:
    """Every variant's figures beside Keras's own, in the JSON and on the page."""
    import keras

    found, rng = made("two"), np.random.default_rng(1)
    given = inputs_of(found.bundle, 40)
    kinds_of, amounts = answers_of(found.model, given)
    classes = kinds_of.argmax(-1)
    classes[:10] = 1 - classes[:10]  # Keras is right on 30 of 40
    amounts = amounts[:, 0] + rng.normal(0, 0.1, 40)
    targets: Arrays = {"kind": classes, "amount": amounts}
    if form == "labels":
        targets = {"kind": np.array(["0", "1"])[classes]}
    args: tuple[Any, ...] = ("--inputs", tmp_path / "x.npz")
    np.savez(tmp_path / "x.npz", **(given | targets if form == "one file" else given))
    if form != "one file":
        np.savez(tmp_path / "y.npz", **targets)
        args += ("--targets", tmp_path / "y.npz")
    json_file = tmp_path / "p.json"
    result = call("verify", found.bundle, *args, "--json", json_file, "--model", found.file)
    assert result.exit_code == 0, result.output
    run = ParityRun.from_json(json.loads(json_file.read_text()))
    assert json.loads(json.dumps(run.to_json())) == json.loads(json_file.read_text())
    assert [check.detail for check in run.checks if check.name == "labels of kind"]
    for report in run.reports:
        assert report.reference_accuracy == 0.75
        kind, *amount = report.scores
        assert kind.names == ("0", "1")
        assert np.sum(kind.reference.confusion) == kind.reference.count == 40
        assert np.trace(kind.reference.confusion) == 30
        assert kind.variant.accuracy == report.accuracy
        if form == "labels":
            assert not amount
        else:
            error = keras.metrics.RootMeanSquaredError()
            error.update_state(amounts, answers_of(found.model, given)[1][:, 0])
            assert amount[0].reference.rmse == pytest.approx(float(error.result()), rel=1e-5)
            assert amount[0].variant.rmse == pytest.approx(amount[0].reference.rmse, rel=0.2)
    assert "75.00%" in result.stdout
    assert "Confusion of kind" in result.stdout
    out = tmp_path / "r"
    assert call("report", found.bundle, "--out", out, "--parity", json_file).exit_code == 0
    for file in ("report.html", "report.md"):
        page = (out / file).read_text()
        assert ("RMSE" in page) is (form != "labels")
        assert "Confusion of kind" in page


def test_labels_in_another_order_are_said(made: Callable[[str], Made], tmp_path: Path) -> None:
    found = made("windows")
    given = inputs_of(found.bundle, 60)
    classes = answers_of(found.model, given)[0].argmax(-1)
    names = np.array(["walk", "sit", "run"])
    (tmp_path / "y.csv").write_text("activity\n" + "\n".join(names[(classes + 1) % 3]) + "\n")
    np.save(tmp_path / "x.npy", given["series"])
    result = call("verify", found.bundle, "--inputs", tmp_path / "x.npy", "--targets",
                  tmp_path / "y.csv", "--json", tmp_path / "p.json")  # fmt: skip
    assert result.exit_code == 1
    assert result.stderr.startswith(
        "lstm-edge: labels: Keras itself is right on 0 of 60 (0.00%); with the"
    )
    assert "in the order sit, run, walk it would be right on 60" in result.stderr
    assert "OUTSIDE" not in result.stdout
    run = json.loads((tmp_path / "p.json").read_text())
    assert (run["ok"], [r["ok"] for r in run["reports"]]) == (False, [True] * len(DEFAULT))
    assert call("report", found.bundle, "--out", tmp_path / "r", "--parity", tmp_path / "p.json"
                ).exit_code == 1  # fmt: skip
    assert "in the order sit, run, walk" in (tmp_path / "r" / "report.html").read_text()


# --- scaling that belongs to the files ------------------------------------------------------------

# mean and deviation of pressure in Pa, an altitude in mm, and degrees
MEANS, DEVIATIONS = np.array([101325.0, 310000.0, 21.5]), np.array([500.0, 7.0, 4.0])
UNIT = {"mean": [310000.0, 21.5], "deviation": [7.0, 4.0]}


def _forecaster(masked: bool = False, steps: int | None = 9, dense: Any = None) -> Any:
    kind = kinds()
    mask = [kind.Masking(0.0)] if masked else []
    last = kind.Dense(2, activation=dense, name="next")
    return remembering(chain(*mask, kind.LSTM(32), last, steps=steps, width=3))


def _readings(count: int = 24, steps: int = 9, seed: int = 0) -> tuple[Array, Array]:
    """Readings, and what training makes of them."""
    scaled = np.random.default_rng(seed).normal(0, 1, (count, steps, 3))
    readings = (scaled * DEVIATIONS + MEANS).astype(np.float32)
    return readings, (readings - MEANS) / DEVIATIONS


def _in_unit(answers: Array) -> Array:
    return np.asarray(answers * np.array(UNIT["deviation"]) + np.array(UNIT["mean"]))


def _predicted(bundle: Path, variant: str, given: Any) -> Array:
    (found,) = load_bundle(bundle, variant).predict(given).values()  # type: ignore[union-attr]
    return np.asarray(found)


def _written(path: Path, content: dict[str, Any]) -> Path:
    if path.suffix == ".json":
        path.write_text(json.dumps({k: np.asarray(v).tolist() for k, v in content.items()}))
    else:
        np.savez(path, **content)
    return path


@pytest.mark.parametrize("form", ["mean.json", "mean.npz", "range.json", "range.npz"])
def test_readings_in_and_units_out(form: str, tmp_path: Path) -> None:
    """As the user's own pipeline around Keras, in every variant; verify finds the scaling too."""
    name, suffix = form.split(".")
    named = {"mean": ("mean", "deviation"), "range": ("minimum", "range")}[name]
    scale = _written(
        tmp_path / f"scale.{suffix}", dict(zip(named, (MEANS, DEVIATIONS), strict=True))
    )
    unit = dict(zip(named, UNIT.values(), strict=True))
    unscale = _written(tmp_path / f"unit.{suffix}", unit)
    model, file, bundle = _forecaster(), tmp_path / "m.keras", tmp_path / "b"
    model.save(file)
    few = () if form == "mean.json" else ("--precision", "float32")
    result = call("export", file, "--scale", scale, "--unscale", unscale, *few, "--out", bundle)
    assert result.exit_code == 0, result.output
    readings, scaled = _readings()
    expected = _in_unit(np.asarray(model(scaled)))
    spread = expected.std(0)
    for info in open_bundle(bundle).chosen():
        off = np.abs(_predicted(bundle, info.name, readings) - expected) / spread
        # a step of float32 at 310000 is 0.03, of 7
        limit = 0.1 if "int8" in info.name else 0.01
        assert off.max() < limit, info.name
    for validator, content in documents(bundle):
        assert not [error.message for error in validator.iter_errors(content)]
    manifest = json.loads((bundle / MANIFEST).read_text())
    assert manifest["schema"] == 4
    assert manifest["signature"]["inputs"][0]["scale"] == {
        "offset": MEANS.tolist(), "divisor": DEVIATIONS.tolist()
    }  # fmt: skip
    for batch in open_bundle(bundle).golden():  # type: ignore[union-attr]
        assert np.abs(batch.inputs["series"].mean((0, 1)) - MEANS).max() < DEVIATIONS.max() / 2
    np.savez(tmp_path / "x.npz", series=readings, next=expected)
    result = call("verify", bundle, "--inputs", tmp_path / "x.npz", "--json", tmp_path / "p.json")
    assert result.exit_code == 0, result.output
    for report in json.loads((tmp_path / "p.json").read_text())["reports"]:
        assert report["scores"][0]["reference"]["mae"] < 0.02
    assert call("verify", bundle).exit_code == 0
    page = call("report", bundle, "--out", tmp_path / "r")
    assert page.exit_code == 0
    assert "readings, scaled by the files" in (tmp_path / "r" / "report.html").read_text()


def test_a_unit_does_not_hide_a_wrong_answer() -> None:
    """A degree off is much of 21.5 ± 4, and nothing of 310000: each counts in its own."""
    port = Output("next", (None, 2), "", unscale=Scale((310000.0, 21.5), (7.0, 4.0)))
    rows = np.random.default_rng(0).normal(0, 1, (40, 2))
    answers = _in_unit(np.clip(rows, -2, 2)).astype(np.float32)
    scale = tensor_parity.scales([Batch(("a",) * 40, {}, {"next": answers})], [port])["next"]
    steps = 2 * np.spacing(answers.max(0))
    assert (1e-5 * scale >= steps[0] / np.array([2, 1e9])).all()  # float32 can tell no less
    assert scale[1] == pytest.approx(8, rel=1e-6)
    moved = answers + np.float32([0, 0.5])
    assert tensor_parity.difference(moved, answers, scale).max() > 0.05


OTHERS = (
    "one for all",
    "one channel",
    "pads",
    "a stream",
    "a live model",
    "two inputs",
    "no steps",
)


@pytest.mark.parametrize("case", OTHERS)
def test_scaling_of_other_models(case: str, tmp_path: Path) -> None:
    readings, scaled = _readings()
    content: dict[str, Any] = {"mean": MEANS, "deviation": DEVIATIONS}
    options: dict[str, Any] = {"precisions": ["float32"]}
    given: Any = readings
    model: Any = _forecaster(masked=case == "pads", steps=None if case == "a stream" else 9)
    inside: Any = scaled
    if case == "one for all":
        content, given = {"minimum": 20, "range": 4.0}, np.float32(scaled * 4 + 20)
        inside = (given - 20) / 4
    elif case == "one channel":
        content = {"mean": 310000, "deviation": 7}
        given, inside = readings[..., 1:2], scaled[..., 1:2]
        model = remembering(chain(kinds().LSTM(8), kinds().Dense(1), width=1))
    elif case == "no steps":
        model = remembering(_beside(kinds().Dense(4)))
        other = np.float32(np.random.default_rng(0).normal(310000, 7, (24, 5)))
        given, inside = (
            {"series": scaled, "other": other},
            {"series": scaled, "other": (other - 310000) / 7},
        )
        content = {"other": {"mean": 310000, "deviation": 7}}
    elif case == "pads":  # 0 as the device pads, not what is 0 once it is scaled
        readings[3:, :4], scaled[3:, :4] = 0, 0
    elif case == "a stream":
        options["streaming"] = True
    elif case == "two inputs":
        model = remembering(_two())
        rng = np.random.default_rng(0)
        inside = {"series": rng.normal(0, 1, (24, 9, 5)), "short": rng.normal(0, 1, (24, 4, 3))}
        given = {**inside, "short": inside["short"] * DEVIATIONS + MEANS}
        inside["short"] = (np.float32(given["short"]) - MEANS) / DEVIATIONS
        np.savez(tmp_path / "s.npz", **{f"short/{k}": v for k, v in content.items()})
        content = tmp_path / "s.npz"  # type: ignore[assignment]
    source: Any = model
    if case != "a live model":
        source = tmp_path / "m.keras"
        model.save(source)
    assert bundling.export_bundle(source, tmp_path / "b", scale=content, **options).ok
    import keras

    values = [*inside.values()] if isinstance(inside, dict) else inside
    expected = keras.tree.flatten(model(values))
    bundle = open_bundle(tmp_path / "b")
    for name in bundle.variants:
        outputs = load_bundle(tmp_path / "b", name).predict(given)  # type: ignore[union-attr, arg-type, call-overload]
        for answer, right in zip(outputs.values(), expected, strict=True):
            np.testing.assert_allclose(answer, right, atol=2e-5)
    np.savez(tmp_path / "x.npz", **(given if isinstance(given, dict) else {"series": given}))
    if case != "a live model":
        done = call("verify", tmp_path / "b", "--inputs", tmp_path / "x.npz")
        assert done.exit_code == 0, done.output


def _adapted_to_readings() -> Any:
    return kinds().Normalization(mean=MEANS, variance=DEVIATIONS**2)


def _beside(layer: Any, dtype: str = "float32") -> Any:
    """A layer on five numbers, beside a series."""
    import keras

    x, z = keras.Input((9, 3), name="series"), keras.Input((5,), dtype=dtype, name="other")
    both = kinds().Concatenate()([kinds().LSTM(8)(x), layer(z)])
    return keras.Model([x, z], kinds().Dense(2, name="next")(both))


def _binned(mode: str) -> Any:
    return kinds().Discretization(bin_boundaries=[-0.5, 0.0, 1.0], output_mode=mode)


def _coded(mode: str) -> Any:
    return kinds().CategoryEncoding(num_tokens=6, output_mode=mode)


def _prepared(
    layer: Any, *more: Any, shape: tuple[int, ...] = (9, 3), dtype: str = "float32"
) -> Any:
    import keras

    inputs = keras.Input(shape, dtype=dtype, name="series")
    return keras.Sequential([inputs, layer, *more, kinds().LSTM(32), kinds().Dense(2, name="next")])


# layers that prepare what comes from outside; what of it, if they are refused, is said
PREPARING: dict[str, tuple[Callable[[], Any], str]] = {
    "Normalization": (lambda: _prepared(_adapted_to_readings()), ""),
    "Normalization, inverted": (
        lambda: chain(
            kinds().LSTM(32), kinds().Dense(2),
            kinds().Normalization(mean=UNIT["mean"], variance=[49.0, 16.0], invert=True), width=3,
        ), ""),
    "Rescaling": (lambda: _prepared(kinds().Rescaling(1 / 500, offset=-202.65)), ""),
    "Discretization": (lambda: _prepared(_binned("one_hot"), shape=(9,)), ""),
    "Discretization into an Embedding": (
        lambda: _prepared(_binned("int"), kinds().Embedding(4, 8), shape=(9,)), ""),
    "Discretization of several": (lambda: _beside(_binned("multi_hot")), ""),
    "Discretization, counted": (lambda: _beside(_binned("count")), ""),
    "CategoryEncoding": (lambda: _prepared(_coded("one_hot"), shape=(9,), dtype="int32"), ""),
    "CategoryEncoding of several": (lambda: _beside(_coded("multi_hot"), "int32"), ""),
    "CategoryEncoding, counted": (lambda: _beside(_coded("count"), "int32"), ""),
    "IntegerLookup": (
        lambda: _prepared(
            kinds().IntegerLookup(vocabulary=[3, 1, 5]), kinds().Embedding(4, 8), shape=(9,),
            dtype="int64",
        ), ""),
    "IntegerLookup with a mask": (
        lambda: _prepared(
            kinds().IntegerLookup(vocabulary=[3, 1, 5], mask_token=0), kinds().Embedding(5, 8),
            shape=(9,), dtype="int64",
        ), ""),
    "IntegerLookup of several": (
        lambda: _beside(kinds().IntegerLookup(vocabulary=[3, 1], output_mode="multi_hot"), "int64"), ""),
    "IntegerLookup that hashes": (
        lambda: _prepared(
            kinds().IntegerLookup(vocabulary=[10], num_oov_indices=2), kinds().Embedding(4, 8),
            shape=(9,), dtype="int64",
        ), "IntegerLookup: cut it off and give the model what it made"),
}  # fmt: skip


@pytest.mark.parametrize("name", PREPARING)
def test_layers_that_prepare_readings(name: str, tmp_path: Path) -> None:
    """Each is in the files as it is, in every precision, or refused with the reason."""
    build, refusal = PREPARING[name]
    model, file, bundle = remembering(build()), tmp_path / "m.keras", tmp_path / "b"
    model.save(file)
    result = call("export", file, "--out", bundle)
    if refusal:
        assert result.exit_code == 2
        assert refusal in result.stderr
        assert not bundle.exists()
        return
    assert result.exit_code == 0, result.output
    rng = np.random.default_rng(4)
    given = {}
    for port in open_bundle(bundle).signature.inputs:  # type: ignore[union-attr]
        shape = (12, *(n or 1 for n in port.shape[1:]))
        array = rng.integers(0, 6, shape) if port.dtype == "int32" else rng.normal(0, 1, shape)
        if name == "Normalization":
            array = array * DEVIATIONS + MEANS
        elif name == "Rescaling":
            array = array * 500 + 101325
        given[port.name] = array
    if name == "Normalization":  # what was drawn for the golden vectors is about what it expects
        (golden,) = open_bundle(bundle).golden()  # type: ignore[union-attr]
        assert (np.abs(golden.inputs["series"].mean((0, 1)) - MEANS) < DEVIATIONS).all()
    floats = {k: np.float32(v) if v.dtype == float else v for k, v in given.items()}
    expected = answers_of(model, floats)[0]
    for variant in DEFAULT:
        off = np.abs(_predicted(bundle, variant, given) - expected)
        share = 0.3 if "int8" in variant else 0.02
        # 310000 is told from the next number that float32 has by 0.03
        assert (off <= share * expected.std(0) + 3 * np.spacing(np.abs(expected))).all(), variant


# --- predict --------------------------------------------------------------------------------------


def _saved(folder: Path, suffix: str, given: Arrays) -> Path:
    path = folder / f"in{suffix}"
    if suffix == ".npz":
        np.savez(path, **given)
    else:
        (array,) = given.values()
        np.save(path, array)
    return path


def test_predict_prints_labels_numbers_and_json(
    made: Callable[[str], Made], tmp_path: Path
) -> None:
    bundle = made("windows").bundle
    given = inputs_of(bundle)
    expected = load_bundle(bundle).predict(given)["move"]  # type: ignore[call-overload, arg-type]
    path = _saved(tmp_path, ".npy", given)
    result = call("predict", bundle, "--input", path)
    assert result.exit_code == 0, result.output
    names = ["walk", "sit", "run"]
    assert result.stdout.splitlines() == [
        f"{i}\tmove\t{names[row.argmax()]} {row.max():.4f}" for i, row in enumerate(expected)
    ]
    lines = call("predict", bundle, "--input", path, "--json").stdout.splitlines()
    np.testing.assert_array_equal(
        np.float32([json.loads(line)["move"] for line in lines]), expected
    )
    two = made("two").bundle
    result = call("predict", two, "--input", _saved(tmp_path, ".npz", inputs_of(two, 2)))
    assert [line.split("\t")[:2] for line in result.stdout.splitlines()] == [
        ["0", "kind"], ["0", "amount"], ["1", "kind"], ["1", "amount"]
    ]  # fmt: skip


@pytest.mark.parametrize("suffix", [".npz", ".npy", ".csv", ".json"])
def test_predict_to_a_file(suffix: str, made: Callable[[str], Made], tmp_path: Path) -> None:
    bundle, out = made("free").bundle, tmp_path / f"out{suffix}"
    given = inputs_of(bundle)
    expected = load_bundle(bundle).predict(given)["amount"]  # type: ignore[call-overload, arg-type]
    out.write_bytes(b"earlier")
    result = call("predict", bundle, "--input", _saved(tmp_path, ".npy", given), "--out", out)
    assert (result.exit_code, result.stdout) == (0, f"Written: {out}\n"), result.output
    found: Any
    if suffix == ".json":
        found = json.loads(out.read_text())["amount"]
    elif suffix == ".csv":
        heading, *found = csv.reader(out.read_text().splitlines())
        assert heading == ["amount_0", "amount_1"]
    else:
        found = np.load(out, allow_pickle=False)
        found = found["amount"] if suffix == ".npz" else found
    np.testing.assert_array_equal(np.array(found, np.float32), expected)


WITHOUT_TENSORFLOW = """
import sys
from lstm_edge.cli import cli
try:
    cli(sys.argv[1:])
finally:
    print("loaded", *(m for m in ("tensorflow", "keras", "onnx", "export") if m in sys.modules))
"""


@pytest.mark.parametrize("command", ["predict", "verify", "bench"])
def test_a_device_needs_no_tensorflow(
    command: str, made: Callable[[str], Made], tmp_path: Path
) -> None:
    bundle = made("two").bundle
    args = {
        "predict": ["--input", str(_saved(tmp_path, ".npz", inputs_of(bundle)))],
        "verify": [],
        "bench": ["--rounds", "1", "--limit", "2", "--variant", DEFAULT[0]],
    }[command]
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TENSORFLOW, command, str(bundle), *args],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "loaded"


# --- texts through any model ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("length", "options", "pads", "most"),
    [(20, (), "front", 20), (None, (), "none", 500), (None, ("--length", 12), "front", 12)],
)
def test_a_classifier_of_texts_of_any_kind(
    length: int | None,
    options: tuple[Any, ...],
    pads: str,
    most: int,
    model_files: Path,
    tmp_path: Path,
) -> None:
    """A Bidirectional one: its pads stand where Keras had them."""
    model = remembering(_text(length))
    model.save(tmp_path / "m.keras")
    vocab = model_files / "words.txt"
    result = call("export", tmp_path / "m.keras", "--vocab", vocab, "--out", tmp_path / "b", *options,
                  "--precision", "float32")  # fmt: skip
    assert result.exit_code == 0, result.output
    bundle = open_bundle(tmp_path / "b")
    assert isinstance(bundle, TextBundle)
    assert (bundle.pads, bundle.settings.max_length) == (pads, most)
    texts = ["a great film", "", "bad BAD bad, boring", "never a fine cast " * 9]
    tokenizer = bundle.tokenizer()
    assert tokenizer is not None
    ids = tokenizer.encode(texts)
    if pads == "front":
        rows = [np.pad(i[-most:], (most - len(i[-most:]), 0))[None] for i in ids]
    else:
        rows = [i[None] for i in ids]
    right = [float(np.asarray(model(row))[0, 0]) for row in rows]
    for variant in bundle.variants:
        classifier = load_bundle(tmp_path / "b", variant)
        assert isinstance(classifier, Classifier)
        found = [p.probabilities["Positive"] for p in classifier.predict(texts)]
        np.testing.assert_allclose(found, right, atol=1e-5)
    assert call("verify", tmp_path / "b").exit_code == 0
    data = tmp_path / "d.csv"
    data.write_text("text,label\n" + "".join(f'"{t or "a"}",pos\n' for t in texts))
    assert call("verify", tmp_path / "b", "--data", data).exit_code == 0
    assert call("bench", tmp_path / "b", "--rounds", 1, "--limit", 3).exit_code == 0


# --- ids of one's own, without a vocabulary ---------------------------------------------------------


def _events(*layers: str, steps: int | None = 9, dtype: str = "int32", make: Any = sequential,
            **embedding: Any) -> Any:  # fmt: skip
    """An Embedding, recurrent layers by name, and the next of 30 events (or one unit)."""
    kind = kinds()
    *recurrent, end = layers
    whole = [getattr(kind, name)(6, return_sequences=True) for name in recurrent[:-1]]
    last = getattr(kind, recurrent[-1])(6)
    dense = kind.Dense(1 if end == "sigmoid" else 5, activation=end, name="next")
    embedded = kind.Embedding(30, 4, **embedding)
    return remembering(make(embedded, *whole, last, dense, length=steps, dtype=dtype))


EVENTS: dict[str, Callable[[], Any]] = {
    "one LSTM": lambda: _events("LSTM", "softmax"),
    "two LSTMs, sigmoid": lambda: _events("LSTM", "LSTM", "sigmoid"),
    "floats that are ids": lambda: _events("LSTM", "softmax", dtype="float32"),
    "functional": lambda: _events("LSTM", "softmax", make=functional),
    "any length": lambda: _events("LSTM", "softmax", steps=None),
    "masked pads": lambda: _events("LSTM", "sigmoid", mask_zero=True),
    "GRU": lambda: _events("GRU", "softmax"),
}


@pytest.mark.parametrize("name", EVENTS)
def test_ids_without_a_vocabulary_are_arrays(name: str, tmp_path: Path) -> None:
    """Every command takes rows of them, and zeros among them are what they are to Keras."""
    model, rng = EVENTS[name](), np.random.default_rng(3)
    model.save(tmp_path / "m.keras")
    ids = rng.integers(1, 30, (6, 9))
    ids[:3] *= rng.integers(0, 2, (3, 9))
    ids[3, 5:] = ids[4, :5] = 0
    right = np.asarray(model(ids))
    classes = right.argmax(-1) if right.shape[1] > 1 else (right[:, 0] > 0.5).astype(int)
    np.save(tmp_path / "x.npy", ids)
    np.savetxt(tmp_path / "x.csv", ids, "%d", ",")
    np.savez(tmp_path / "x.npz", ids=ids, next=classes)
    np.savez(tmp_path / "data.npz", x_test=ids, y_test=classes)
    out = tmp_path / "b"
    result = call("export", tmp_path / "m.keras", "--out", out, "--precision", "float32",
                  "--inputs", tmp_path / "x.npy")  # fmt: skip
    assert (result.exit_code, "It takes arrays" in result.output) == (0, True), result.output
    for file in ("x.npy", "x.csv", "x.npz"):
        for variant in open_bundle(out).variants:
            answers = tmp_path / "y.npy"
            done = call(
                "predict", out, "--input", tmp_path / file, "--variant", variant, "--out", answers
            )
            assert done.exit_code == 0, done.output
            np.testing.assert_allclose(np.load(answers), right, atol=1e-5)
    predictor = load_bundle(out)
    assert isinstance(predictor, Predictor)
    np.testing.assert_allclose(predictor.predict(ids)["next"], right, atol=1e-5)
    files = ("--inputs x.npy", "--inputs x.csv", "--inputs x.npz", "--data data.npz")
    for option, file in map(str.split, files):
        done = call("verify", out, option, tmp_path / file)
        assert done.exit_code == 0, done.output
        assert ("100.00%" in done.output) == file.endswith(".npz"), done.output
    for more in ((), ("--data", tmp_path / "data.npz")):
        assert call("bench", out, "--rounds", 1, "--limit", 2, *more).exit_code == 0


def test_ids_that_are_padded_here(tmp_path: Path) -> None:
    """Where an option says how, rows may be of any length; arrays are taken all the same."""
    model, rng = EVENTS["one LSTM"](), np.random.default_rng(3)
    model.save(tmp_path / "m.keras")
    ids = rng.integers(1, 30, (6, 9))
    np.save(tmp_path / "x.npy", ids)
    right = np.asarray(model(ids))
    np.savez(tmp_path / "x.npz", ids=ids, probabilities=right.argmax(-1))
    ragged = np.empty(6, object)
    ragged[:] = [row[:n].tolist() for n, row in enumerate(ids, 2)]
    np.savez(tmp_path / "data.npz", x_test=ragged, y_test=np.arange(6) % 5)
    out = tmp_path / "b"
    result = call("export", tmp_path / "m.keras", "--out", out, "--precision", "float32",
                  "--padding", "post")  # fmt: skip
    assert (result.exit_code, "It has no vocabulary" in result.output) == (0, True), result.output
    predictor = load_bundle(out)
    assert isinstance(predictor, Predictor)
    np.testing.assert_allclose(predictor.predict(ids)["probabilities"], right, atol=1e-5)
    shown = call("predict", out, "--input", tmp_path / "x.npy")
    assert [line.split()[2] for line in shown.stdout.splitlines()] == [
        str(winner) for winner in right.argmax(-1)
    ]
    done = call("verify", out, "--inputs", tmp_path / "x.npz")
    assert (done.exit_code, "100.00%" in done.output) == (0, True), done.output
    done = call("verify", out, "--data", tmp_path / "data.npz")
    assert done.exit_code in (0, 1), done.output  # the labels are of no model
    assert done.output.count(" ok") == 2, done.output


# --- from Python ----------------------------------------------------------------------------------


def test_a_live_model(tmp_path: Path) -> None:
    """It has no file: it is known again by its answers."""
    model = remembering(_windows())
    golden = inputs_like(model, 70)
    result = bundling.export_bundle(model, tmp_path / "b", inputs=golden, **ONNX)
    assert (result.ok, result.takes) == (True, "arrays")
    bundle = open_bundle(tmp_path / "b")
    assert isinstance(bundle, TensorBundle)
    (batch,) = bundle.golden()
    assert (len(batch), set(batch.cases)) == (GOLDEN_EXAMPLES, {AS_GIVEN})
    assert (bundle.source["path"], bundle.source["sha256"]) == (None, None)
    model.save(tmp_path / "m.keras")
    remembering(_windows(), seed=2).save(tmp_path / "other.keras")
    np.save(tmp_path / "x.npy", golden["series"])
    args = ("verify", tmp_path / "b", "--inputs", tmp_path / "x.npy")
    for more, code, text in (
        ((), 2, "was made from a live model, sequential"),
        (("--model", tmp_path / "other.keras"), 2, "is not the model that was exported"),
        (("--model", tmp_path / "m.keras"), 0, ""),
    ):
        result = call(*args, *more)
        assert (result.exit_code, text in result.stderr) == (code, True), result.output


def inputs_like(model: Any, count: int) -> Arrays:
    rng = np.random.default_rng(9)
    return {t.name: rng.normal(0, 1, (count, *t.shape[1:])) for t in model.inputs}


def test_a_single_array_will_do(made: Callable[[str], Made]) -> None:
    predictor = load_bundle(made("windows").bundle)
    assert isinstance(predictor, Predictor)
    given = inputs_of(made("windows").bundle)
    one, other = predictor.predict(given), predictor.predict(given["series"].tolist())
    np.testing.assert_array_equal(one["move"], other["move"])


def test_float16_policy_is_held_to_float32(tmp_path: Path) -> None:
    import keras

    kind = kinds()
    model = keras.Sequential(
        [
            keras.Input((7, 3), name="series"),
            kind.LSTM(4, dtype="mixed_float16"),
            kind.Dense(2, name="out"),
        ]
    )
    remembering(model).save(tmp_path / "m.keras")
    assert call("export", tmp_path / "m.keras", "--out", tmp_path / "b", "--format", "onnx",
                "--precision", "float32").exit_code == 0  # fmt: skip
    np.save(tmp_path / "x.npy", inputs_like(model, 3)["series"])
    assert call("verify", tmp_path / "b", "--inputs", tmp_path / "x.npy").exit_code == 0


# --- inputs that are drawn ------------------------------------------------------------------------

SERIES = Input("series", "float32", (None, 8, 2), None, -1.0)
IDS = Input("ids", "int32", (None, None), 30, None)
FLAG = Input("flag", "int32", (None, 1), None, None)
OUT = Output("out", (None, 1), "")


def test_drawn_inputs_fit_and_are_padded_everywhere() -> None:
    signature = Signature((SERIES, IDS, FLAG), (OUT,))
    assert drawn.lengths_for(signature, None) == drawn.LENGTHS
    assert drawn.lengths_for(signature, 9) == (1, 2, 5, 9)
    assert drawn.lengths_for(Signature((SERIES,), (OUT,)), None) == (None,)
    cases, arrays = drawn.draw(signature, 20, 4)
    assert len(cases) % 4 == 0
    assert signature.check(arrays).keys() == arrays.keys()
    for name, away in (("series", (arrays["series"] == -1).all(-1)), ("ids", arrays["ids"] == 0)):
        for case, row in zip(cases, away, strict=True):
            first, last = row[0], row[-1]
            assert {
                drawn.UNPADDED: not row.any(),
                drawn.FRONT: first and not last,
                drawn.BEHIND: last and not first,
                drawn.MIDDLE: row.any() and not first,
                drawn.WHOLLY: row.all(),
            }[case], (name, case)
    assert set(cases) == set(drawn.CASES)
    ids = arrays["ids"][arrays["ids"] > 0]
    assert np.median(ids) < 15 < ids.max() < 30
    assert set(arrays["flag"].ravel()) == {0, 1}
    again = drawn.draw(signature, 20, 4)[1]
    assert all((array == again[name]).all() for name, array in arrays.items())


def _two_free(build: Callable[..., Any], *shapes: Any) -> Any:
    return graph(build, *(shapes or ((None, 4), (None, 4))))()


def _sequence(**options: Any) -> Any:
    return kinds().LSTM(4, return_sequences=True, **options)


# inputs or outputs with free axes: the model, whether Keras takes other lengths for each, and the names
# of the axes in ONNX
FREE: dict[str, tuple[Callable[[], Any], bool, dict[str, list[Any]]]] = {
    "encoder, decoder and attention": (
        CASES["encoder, decoder and attention on ids, free time of each"].build,
        True,
        {"in_0": ["in_0_time"], "in_1": ["in_1_time"], "next": ["in_1_time", 40]},
    ),
    "attention's scores": (
        lambda: _two_free(
            lambda x, z: kinds().Attention(name="look")(
                [_sequence()(z), _sequence()(x)], return_attention_scores=True
            )
        ),
        True,
        {"look": ["in_1_time", 4], "look_2": ["in_1_time", "in_0_time"]},
    ),
    "one behind the other": (
        lambda: _two_free(lambda x, z: _sequence(name="out")(kinds().Concatenate(1)([x, z]))),
        True,
        {"in_0": ["in_0_time", 4], "in_1": ["in_1_time", 4], "out": ["out_time", 4]},
    ),
    "one beside the other, equally long": (
        lambda: _two_free(lambda x, z: _sequence(name="out")(kinds().Concatenate()([x, z]))),
        False,
        {"in_0": ["in_0_time", 4], "in_1": ["in_1_time", 4], "out": ["in_0_time", 4]},
    ),
    "added, equally long": (
        lambda: _two_free(lambda x, z: _sequence(name="out")(x + z)),
        False,
        {"out": ["in_0_time", 4]},
    ),
    "one of two": (
        lambda: _two_free(lambda x, z: [_sequence(name="out")(x), z], (None, 4), (5, 4)),
        False,
        {"in_0": ["time", 4], "in_1": [5, 4], "out": ["time", 4]},
    ),
    "shorter than its input": (
        lambda: chain(kinds().Conv1D(4, 3), _sequence(name="out"), steps=None),
        False,
        {"series": ["time", 32], "out": ["out_time", 4]},
    ),
    "longer than its input": (
        lambda: chain(_sequence(), kinds().ZeroPadding1D(2, name="out"), steps=None),
        False,
        {"series": ["time", 32], "out": ["out_time", 4]},
    ),
}


@pytest.mark.parametrize("name", FREE)
def test_a_name_of_an_axis_is_one_length(name: str, tmp_path: Path) -> None:
    import onnx

    build, _, names = FREE[name]
    found = read_graph(build(), name)
    onnx_graph.convert(found, tmp_path / "m.onnx")
    ends = onnx.load(tmp_path / "m.onnx").graph
    axes = {
        end.name: [d.dim_param or d.dim_value for d in end.type.tensor_type.shape.dim]
        for end in (*ends.input, *ends.output)
    }
    for end, wanted in names.items():
        assert axes[end] == ["batch", *wanted]


@pytest.mark.parametrize("name", list(FREE)[:5])
def test_inputs_are_drawn_and_taken_of_lengths_apart(name: str, tmp_path: Path) -> None:
    model = remembering(FREE[name][0]())
    result = bundling.export_bundle(model, tmp_path / "b", precisions=["float32"])
    assert result.ok
    bundle = open_bundle(tmp_path / "b")
    lengths = [tuple(a.shape[1] for a in batch.inputs.values()) for batch in bundle.golden()]
    if not FREE[name][1]:
        assert lengths == [(n, n) for n in drawn.LENGTHS]
        return
    assert lengths == [(1, 2), (2, 1), (7, 20), (20, 7)]
    rng, ends = np.random.default_rng(0), bundle.signature.inputs
    for pair in ((3, 12), (1, 30), (9, 9), (12, 3)):
        given = {
            end.name: rng.integers(1, 40, (2, n)).astype(np.int32)
            if end.rows
            else rng.normal(size=(2, n, 4)).astype(np.float32)
            for end, n in zip(ends, pair, strict=True)
        }
        (right, *_) = answers_of(model, given)
        for variant in bundle.variants:
            outputs = Predictor(bundle, variant).predict(given)
            off = np.abs(next(iter(outputs.values())) - right).max() / np.abs(right).max()
            assert off < 1e-5, (pair, variant)


def test_lengths_that_keras_does_not_take_are_left_out(made: Callable[[str], Made]) -> None:
    bundle = open_bundle(made("free").bundle)
    assert [b.inputs["series"].shape[1] for b in bundle.golden()] == [6, 12]
    checks = bundle.variant(DEFAULT[0]).parity["checks"]
    said = {check["name"]: check["detail"] for check in checks}
    assert said["lengths that are left out"] == "Keras itself takes no inputs of 1, 2 steps"
    assert said["lengths"] == "6, 12 steps were run"


def _only_long(*layers: Any) -> Any:
    return chain(*layers, kinds().GRU(5), steps=None, width=4)


ONLY_LONG: dict[str, tuple[Callable[[], Any], int]] = {
    "a kernel": (lambda: _only_long(kinds().Conv1D(3, 41)), 41),
    "a pool": (lambda: _only_long(kinds().MaxPooling1D(30)), 30),
    "two kernels, dilated": (
        lambda: _only_long(kinds().Conv1D(3, 9, dilation_rate=16), kinds().Conv1D(3, 9)),
        137,
    ),
    "multiples": (lambda: _only_long(kinds().Reshape((-1, 4 * 24))), 120),
    "of ids": (lambda: words(kinds().Conv1D(3, 25), kinds().LSTM(4), steps=None, mask=False), 25),
}


@pytest.mark.parametrize("name", ONLY_LONG)
def test_a_model_that_takes_long_inputs_only(name: str, tmp_path: Path) -> None:
    """The shortest that it takes is looked for."""
    make, shortest = ONLY_LONG[name]
    result = bundling.export_bundle(remembering(make()), tmp_path / "b", **ONNX)
    assert result.ok
    said = {check.name: check.detail for check in result.reports[0].checks}
    assert said["lengths"].startswith(f"{shortest}, ")
    assert "takes no inputs of 1, 2, 7, 20" in said["lengths that are left out"]


def test_a_length_is_asked_for_where_none_that_is_tried_fits(tmp_path: Path) -> None:
    """With Keras's own reason, and not with what stands around it."""
    model = _only_long(kinds().Conv1D(3, 3000))
    model.save(tmp_path / "m.keras")
    done = call("export", tmp_path / "m.keras", "--out", tmp_path / "b")
    assert done.exit_code == 2
    assert "Conv1D: Negative dimension size caused by subtracting 3000 from 20" in done.stderr
    assert "give a --length that it takes, or real ones with --inputs" in done.stderr
    assert "Exception encountered" not in done.stderr
    assert bundling.export_bundle(model, tmp_path / "b", length=3010, **ONNX).ok


def _averaged() -> Any:
    """An average over the steps that are no pads: of none it is no number."""
    kind = kinds()
    return words(kind.LSTM(4, return_sequences=True), kind.GlobalAveragePooling1D())


def test_cases_that_keras_does_not_answer_are_left_out(tmp_path: Path) -> None:
    result = bundling.export_bundle(remembering(_averaged()), tmp_path / "b", **ONNX)
    assert result.ok
    (check,) = (c for c in result.reports[0].checks if c.name == "cases that are left out")
    assert check.detail == "Keras itself answers 6 of 30 with no number (NaN): padded wholly"


def test_a_model_that_answers_in_no_numbers(tmp_path: Path) -> None:
    model = remembering(_windows())
    kernel, bias = model.layers[-1].get_weights()
    model.layers[-1].set_weights([kernel * np.nan, bias])
    with pytest.raises(InputError, match=r"gives answers that are not numbers .*went wrong"):
        bundling.export_bundle(model, tmp_path / "b", **ONNX)
    with pytest.raises(InputError, match="gives answers that are not numbers"):
        bundling.export_bundle(model, tmp_path / "b", inputs=inputs_like(model, 3), **ONNX)
    assert list(tmp_path.iterdir()) == []


def _picky() -> Any:
    """Two free lengths, of which one must be three times the other."""
    import keras

    kind = kinds()
    x, z = (keras.Input((None, 4), name=name) for name in ("long", "short"))
    y = kind.Concatenate()([kind.AveragePooling1D(3)(x), z])
    return keras.Model([x, z], kind.LSTM(3, name="out")(y))


def test_inputs_of_ones_own_where_drawn_ones_do_not_fit(tmp_path: Path) -> None:
    model = remembering(_picky())
    with pytest.raises(InputError, match=r"does not answer on inputs drawn to fit it .* `inputs`"):
        bundling.export_bundle(model, tmp_path / "b", **ONNX)
    rng = np.random.default_rng(1)
    given = {"long": rng.normal(0, 1, (5, 12, 4)), "short": rng.normal(0, 1, (5, 4, 4))}
    assert bundling.export_bundle(model, tmp_path / "b", inputs=given, **ONNX).ok
    predictor = load_bundle(tmp_path / "b")
    assert isinstance(predictor, Predictor)
    with pytest.raises(
        InputError, match=r"ONNX Runtime cannot run onnx-float32.onnx on inputs long "
    ):
        predictor.predict({**given, "short": given["long"]})


# --- values that are no numbers ---------------------------------------------------------------------


def _gaps(treat: Callable[[Any, Any], Any], steps: int | None = 12, recurrent: str = "LSTM") -> Any:
    """Something before a recurrent layer: ``treat`` is given the input and ``keras.ops``."""
    import keras

    x = keras.Input((steps, 3), name="series")
    answer = getattr(kinds(), recurrent)(5)(treat(x, keras.ops))
    return remembering(keras.Model(x, kinds().Dense(1, name="out")(answer)))


def _filled(x: Any, ops: Any) -> Any:
    """Zeros in the gaps, and a flag that says so."""
    gap = ops.isnan(x)
    return ops.concatenate([ops.where(gap, 0.0, x), ops.cast(gap, "float32")], -1)


# the model; what of the manifest's input; a value that Keras takes there, and where
GAPS: dict[str, tuple[Callable[[], Any], dict[str, list[bool]], float]] = {
    "filled and flagged": (lambda: _gaps(_filled), {"nan": [True]}, np.nan),
    "of any length": (lambda: _gaps(_filled, None, "GRU"), {"nan": [True]}, np.nan),
    "nan_to_num": (lambda: _gaps(lambda x, ops: ops.nan_to_num(x)), {"nan": [True]}, np.nan),
    "nothing infinite": (
        lambda: _gaps(lambda x, ops: ops.nan_to_num(x, nan=0.0, posinf=0.0, neginf=0.0)),
        {"nan": [True], "inf": [True]},
        -np.inf,
    ),
    "isfinite": (
        lambda: _gaps(lambda x, ops: ops.where(ops.isfinite(x), x, ops.zeros_like(x))),
        {"nan": [True], "inf": [True]},
        np.nan,
    ),
    "a comparison": (
        lambda: _gaps(lambda x, ops: ops.where(x > -9.0, x, 0.0), recurrent="SimpleRNN"),
        {"nan": [True], "inf": [True]},
        np.nan,
    ),
    "the last channel": (
        lambda: _gaps(
            lambda x, ops: ops.concatenate([x[..., :2], ops.nan_to_num(x[..., 2:])], -1)
        ),
        {"nan": [False, False, True]},
        np.nan,
    ),
    "skipped steps": (lambda: _gaps(lambda x, ops: kinds().Masking(np.inf)(x)), {"inf": [True]}, np.inf),
    "skipped steps, negative": (
        lambda: _gaps(lambda x, ops: kinds().Masking(-np.inf)(x), None, "GRU"),
        {"inf": [True]},
        -np.inf,
    ),
}  # fmt: skip


def _with_gaps(name: str, value: float) -> Array:
    series: Array = np.random.default_rng(5).normal(0, 1, (4, 12, 3)).astype(np.float32)
    series[2, 3:6, slice(None) if name.startswith("skipped") else 2] = value
    return series


@pytest.mark.parametrize("name", GAPS)
def test_values_that_are_no_numbers_are_taken_where_keras_takes_them(
    name: str, tmp_path: Path
) -> None:
    make, taken, value = GAPS[name]
    model, series = make(), _with_gaps(name, value)
    right = np.asarray(model(series))
    assert np.isfinite(right).all()
    model.save(tmp_path / "m.keras")
    np.save(tmp_path / "x.npy", series)
    result = call("export", tmp_path / "m.keras", "--out", tmp_path / "b", "--precision", "float32")
    assert result.exit_code == 0, result.output
    manifest = json.loads((tmp_path / "b" / MANIFEST).read_text())
    (port,) = manifest["signature"]["inputs"]
    assert {key: port[key] for key in ("nan", "inf") if key in port} == taken
    bundle = open_bundle(tmp_path / "b")
    assert isinstance(bundle, TensorBundle)
    assert any(np.isnan(b.inputs["series"]).any() or np.isinf(b.inputs["series"]).any()
               for b in bundle.golden())  # fmt: skip
    for variant in bundle.variants:
        predictor = load_bundle(tmp_path / "b", variant)
        assert isinstance(predictor, Predictor)
        np.testing.assert_allclose(predictor.predict(series)["out"], right, atol=1e-5)
    assert call("verify", tmp_path / "b", "--inputs", tmp_path / "x.npy").exit_code == 0
    again = call("export", tmp_path / "m.keras", "--out", tmp_path / "c", "--inputs",
                 tmp_path / "x.npy", "--format", "onnx", "--precision", "float32")  # fmt: skip
    assert again.exit_code == 0, again.output


def test_examples_that_keras_answers_with_no_number_are_named(tmp_path: Path) -> None:
    model = _gaps(lambda x, ops: x)
    series = _with_gaps("", np.nan)
    model.save(tmp_path / "m.keras")
    np.save(tmp_path / "x.npy", series)
    out = tmp_path / "b"
    assert bundling.export_bundle(tmp_path / "m.keras", out, **ONNX).ok
    place = "example 2, whose input series has NaN or infinite values,"
    x = tmp_path / "x.npy"
    for command, part in (
        (("export", tmp_path / "m.keras", "--out", tmp_path / "c", "--inputs", x), place),
        (("verify", out, "--inputs", x), place),
        (("predict", out, "--input", x), "the first in example 2; its model is not known"),
    ):
        result = call(*command)
        assert (result.exit_code, result.stderr.count("\n")) == (2, 1), result.output
        assert part in result.stderr
    assert not (tmp_path / "c").exists()


def test_what_a_model_takes_in_one_channel_only(tmp_path: Path) -> None:
    """Also empty cells of a table; and all of a window may be too much."""
    make, _, _ = GAPS["the last channel"]
    model, series = make(), _with_gaps("", np.nan)
    model.save(tmp_path / "m.keras")
    assert bundling.export_bundle(tmp_path / "m.keras", tmp_path / "b", **ONNX).ok
    rows = "\n".join(",".join("" if np.isnan(x) else f"{x:.9g}" for x in row) for row in series[2])
    (tmp_path / "x.csv").write_text(rows)
    for command in ("predict", "verify"):
        option = "--input" if command == "predict" else "--inputs"
        done = call(command, tmp_path / "b", option, tmp_path / "x.csv", "--window", 12)
        assert done.exit_code == 0, done.output
    predictor = load_bundle(tmp_path / "b")
    assert isinstance(predictor, Predictor)
    series[1, 0, 0] = np.nan
    with pytest.raises(InputError, match="the first in example 1"):
        predictor.predict(series)


def test_a_stream_takes_them_too(tmp_path: Path) -> None:
    import keras

    x = keras.Input((None, 3), name="series")
    y = kinds().LSTM(5, return_sequences=True)(keras.ops.where(keras.ops.isnan(x), 0.0, x))
    model = remembering(keras.Model(x, kinds().Dense(1, name="out")(y)))
    assert bundling.export_bundle(model, tmp_path / "b", streaming=True, **ONNX).ok
    predictor, series = load_bundle(tmp_path / "b"), _with_gaps("", np.nan)
    assert isinstance(predictor, Predictor)
    stream = predictor.stream(4)
    found = [stream.feed(series[:, i : i + 4])["out"] for i in range(0, 12, 4)]
    np.testing.assert_allclose(np.concatenate(found, 1), np.asarray(model(series)), atol=1e-5)


FITTING: dict[str, tuple[Callable[[Any, Any], Any], str]] = {
    "a logarithm": (lambda x, ops: ops.log(x), "positive"),
    "a root": (lambda x, ops: ops.sqrt(x), "positive"),
    "log odds": (lambda x, ops: ops.log(x / (1 - x)), "between 0 and 1"),
    "above 1": (lambda x, ops: ops.log(x - 1), "above 1"),
}


@pytest.mark.parametrize("name", FITTING)
def test_inputs_are_drawn_that_the_model_answers(name: str, tmp_path: Path) -> None:
    treat, fitting = FITTING[name]
    result = bundling.export_bundle(_gaps(treat), tmp_path / "b", **ONNX)
    assert result.ok
    (check,) = (c for c in result.reports[0].checks if c.name == "numbers that are drawn")
    assert check.detail.startswith(f"only those {fitting}: ")


def test_where_no_drawn_inputs_are_answered_the_training_is_not_blamed(tmp_path: Path) -> None:
    model = _gaps(lambda x, ops: ops.log(x - 1000))
    with pytest.raises(
        InputError, match=r"though all its weights are: give real ones with `inputs`"
    ):
        bundling.export_bundle(model, tmp_path / "b", **ONNX)
    series = 1001 + np.abs(_with_gaps("", 0.0))
    assert bundling.export_bundle(model, tmp_path / "b", inputs={"series": series}, **ONNX).ok


# --- how they are judged --------------------------------------------------------------------------

JUDGED = Tolerance(1e-3, None, 0.0, None, "for this test", 1e-4, relative=True)
ENDS = (Output("amount", (None, 2), ""), Output("kind", (None, 3), "softmax"))


@pytest.mark.parametrize(
    ("output", "place", "value", "failures", "worst", "flips"),
    [
        ("amount", (0, 0), 0.0, [], "amount[0], a", 0),
        ("amount", (2, 1), 0.05, [], "amount[1], a", 0),
        (
            "amount",
            (2, 1),
            0.2,
            ["max relative Δ 0.002 is above 0.001", "mean rel"],
            "amount[1], a",
            0,
        ),
        ("amount", (3, 1), 0.05, ["every kind of case"], "amount[1], b", 0),
        ("amount", (0, 0), np.nan, ["1 of 4 answers are not numbers", "max"], "amount[0], a", 0),
        ("kind", (0, 0), 2.0, ["max", "mean"], "kind[0], a", 1),
    ],
)
def test_differences_are_shares_of_the_scale(
    output: str, place: tuple[int, int], value: float, failures: list[str], worst: str, flips: int
) -> None:
    """One of 4 examples' numbers is moved; the scale of the amounts is 100."""
    outputs = {
        "amount": np.ones((4, 2), np.float32),
        "kind": np.tile(np.float32([0.2, 0.3, 0.5]), (4, 1)),
    }
    outputs["amount"][1, 0] = -100
    batch = Batch(("a", "a", "a", "b"), {}, outputs)
    moved = {name: array.copy() for name, array in outputs.items()}
    moved[output][place] += value
    found = tensor_parity.ArrayComparison("v", JUDGED, ENDS, tensor_parity.scales([batch], ENDS))
    found.add(batch, moved)
    report = found.report(found.closing_checks())
    assert report.worst.place == worst
    for part in failures:
        assert any(part in failure for failure in report.failures), report.failures
    assert report.ok is not bool(failures)
    assert report.outputs[0].scale == 100
    assert (report.flips, report.decisions) == (flips, 4)
    assert ParityReport.from_json(json.loads(json.dumps(report.to_json()))) == report


class Leaking(ArrayRunner):
    """One that keeps something from the call before."""

    before = 0.0

    def infer(self, arrays: Arrays, piece: int | None = None) -> Arrays:
        found = super().infer(arrays, piece)
        outputs = {name: array + self.before for name, array in found.items()}
        self.before = float(next(iter(arrays.values())).ravel()[0]) * 1e-3
        return outputs


def test_what_is_left_of_an_earlier_call_is_noticed() -> None:
    graph = read_graph(remembering(_windows()), "m")
    right = reference.of_arrays(graph, Path("m"))
    cases, arrays = drawn.draw(right.signature, None, None)
    batches = [Batch(cases, arrays, right.run(arrays))]
    scales = tensor_parity.scales(batches, right.signature.outputs)
    assert all(check.ok for check in independence_arrays.independence(right, batches, scales))
    checks = independence_arrays.independence(
        Leaking(right.runtime, right.signature, right.batch), batches, scales
    )
    assert {c.name for c in checks if not c.ok} == {
        "other order",
        "after the longest input",
        "in a batch",
    }


# --- windows of a longer series -------------------------------------------------------------------

SERIES_OF_9 = np.arange(18).reshape(9, 2)
# of an input, the series, and the first numbers of each window that is cut
CUT: dict[str, tuple[Input, str, Any, list[int]]] = {
    "side by side": (replace(SERIES, shape=(None, 4, 2)), "4", SERIES_OF_9, [0, 8]),
    "overlapping": (replace(SERIES, shape=(None, None, 2)), "4,2", SERIES_OF_9, [0, 4, 8]),
    "apart": (replace(SERIES, shape=(None, 4, 2)), "4,5", SERIES_OF_9, [0, 10]),
    "the whole": (replace(SERIES, shape=(None, None, 2)), "9", SERIES_OF_9, [0]),
    "one channel": (replace(SERIES, shape=(None, 4, 1)), "4,4", np.arange(9), [0, 4]),
    "ids": (IDS, "3", np.arange(9)[:, None], [0, 3, 6]),
}


@pytest.mark.parametrize("suffix", [".npy", ".csv"])
@pytest.mark.parametrize("case", CUT)
def test_windows_are_cut_from_a_series(case: str, suffix: str, tmp_path: Path) -> None:
    given, window, series, firsts = CUT[case]
    path = tmp_path / f"x{suffix}"
    if suffix == ".npy":
        np.save(path, series)
    else:
        rows = series.reshape(len(series), -1)
        path.write_text(
            "\n".join(["a" + ",b" * (rows.shape[1] - 1), *(",".join(map(str, r)) for r in rows)])
        )
    cut = Window.parse(window)
    found = read_inputs(path, Signature((given,), (OUT,)), cut)[given.name]
    assert found.shape[1] == cut.length
    assert [int(x) for x in found.reshape(len(found), -1)[:, 0]] == firsts
    for number, first in enumerate(firsts):  # every number of it, in order
        np.testing.assert_array_equal(found[number].ravel(), first + np.arange(found[number].size))


def test_windows_through_the_commands(made: Callable[[str], Made], tmp_path: Path) -> None:
    """export, verify and predict take the same windows of a series as if they were given one by one."""
    file, bundle = made("windows").file, tmp_path / "b"
    series = np.random.default_rng(0).normal(0, 1, (40, 4))
    windows = np.stack([series[i : i + 9] for i in range(0, 32, 5)])
    np.savetxt(tmp_path / "s.csv", series, delimiter=",")
    np.save(tmp_path / "s.npy", series)
    cut = ("--window", "9,5")
    few = ("--format", "onnx", "--precision", "float32")
    result = call("export", file, "--inputs", tmp_path / "s.csv", *cut, *few, "--out", bundle)
    assert result.exit_code == 0, result.output
    (golden,) = open_bundle(bundle).golden()
    np.testing.assert_array_equal(golden.inputs["series"], windows.astype(np.float32))
    np.save(tmp_path / "y.npy", golden.outputs["move"].argmax(-1))
    result = call(
        "verify", bundle, "--inputs", tmp_path / "s.npy", *cut, "--targets", tmp_path / "y.npy"
    )
    assert result.exit_code == 0, result.output
    assert "100.00%" in result.stdout
    outputs = []
    for name, options in (("s.csv", cut), ("w.npy", ())):
        np.save(tmp_path / "w.npy", windows)
        result = call("predict", bundle, "--input", tmp_path / name, *options, "--json")
        outputs.append([json.loads(line)["move"] for line in result.stdout.splitlines()])
    assert len(outputs[0]) == 7
    np.testing.assert_allclose(*outputs, atol=1e-6)


# --- arrays and files that do not fit -------------------------------------------------------------

WHOLE = Input("ids", "int32", (None, 3), 10, None)
PLAIN = Signature((SERIES,), (OUT,))
BAD_ARRAYS: dict[str, tuple[Signature, Any, str]] = {
    "other names": (PLAIN, {"x": 0}, "arrays for x given; expected one for each of the inputs series"),
    "a name too many": (PLAIN, {"series": np.ones((1, 8, 2)), "y": 1}, "arrays for series, y given"),
    "one array for two": (Signature((SERIES, FLAG), (OUT,)), np.ones(3), "the model has 2 inputs"),
    "one axis less": (PLAIN, np.ones((8, 2)),
                      r"is float64 \[8, 2\]; expected float32 \[examples, 8, 2\]; for one example put"),
    "another size": (PLAIN, np.ones((1, 8, 3)), r"series is float64 \[1, 8, 3\]; expected float32 "),
    "no step": (Signature((IDS,), (OUT,)), np.ones((2, 0), int), r"expected int32 \[examples, steps\]"),
    "no example": (PLAIN, np.ones((0, 8, 2)), "no example given"),
    "ragged": (PLAIN, [[1], [1, 2]], "its rows are not of one length"),
    "texts": (PLAIN, np.full((1, 8, 2), "a"), r"series is <U1 \[1, 8, 2\]; expected float32"),
    "floats for ids": (Signature((WHOLE,), (OUT,)), np.ones((1, 3)), "expected int32 .* whole numbers"),
    "ids out of range": (Signature((WHOLE,), (OUT,)), [[1, 2, 10]],
                         "ids from 1 to 10; this model knows ids from 0 to 9"),
    "ids below 0": (Signature((WHOLE,), (OUT,)), [[1, 2, -1]], "ids from -1 to 2"),
    "int64 that does not fit": (Signature((FLAG,), (OUT,)), [[2**31]], "expected int32"),
    "NaN": (PLAIN, np.full((1, 8, 2), np.nan), "NaN or infinite"),
    "too large for float32": (PLAIN, np.full((1, 8, 2), 1e300), "NaN or infinite"),
    "different counts": (Signature((SERIES, FLAG), (OUT,)), {"series": np.ones((2, 8, 2)), "flag": [[1]]},
                         "2 for series, 1 for flag"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_ARRAYS)
def test_arrays_that_do_not_fit(name: str) -> None:
    signature, given, message = BAD_ARRAYS[name]
    with pytest.raises(InputError, match=message):
        signature.check(given)


def test_arrays_that_fit_are_cast() -> None:
    signature = Signature((SERIES, WHOLE), (OUT,))
    found = signature.check(
        {"ids": np.array([[1, 2, 9]], np.int64), "series": np.ones((1, 8, 2), bool)}
    )
    assert [(name, array.dtype) for name, array in found.items()] == [
        ("series", "float32"),
        ("ids", "int32"),
    ]
    assert Signature.from_json(json.loads(json.dumps(signature.to_json()))) == signature


CSV: dict[str, tuple[Input, str, Any]] = {
    "numbers": (replace(SERIES, shape=(None, 2)), "1,2\n3,4.5\n", [[1, 2], [3, 4.5]]),
    "a heading": (replace(SERIES, shape=(None, 2)), 'a,"b"\n1,2\n', [[1, 2]]),
    "ids": (WHOLE, "1,2,3\n\n", [[1, 2, 3]]),
    "one series": (replace(SERIES, shape=(None, None, 1)), "1,2,3\n", [[[1], [2], [3]]]),
    "a word": (WHOLE, "1,2,3\n4,five,6\n", "line 2, column 2: 'five' is not a whole number"),
    "a word in the first line": (WHOLE, "1,b,3\n", "line 1, column 2: 'b' is not a whole number"),
    "a float among ids": (WHOLE, "1,2,3.5\n", "line 1, column 3: '3.5' is not a whole number"),
    "rows of two lengths": (IDS, "1,2\n3\n", "line 2: 1 numbers; the lines before have 2"),
    "pandas' heading": (
        replace(SERIES, shape=(None, 3)),
        "0,1,2\n0.5,1,2\n3,4,5\n",
        [[0.5, 1, 2], [3, 4, 5]],
    ),
    "pandas' heading or an example": (
        IDS,
        "0,1,2\n3,1,2\n",
        "may be pandas' heading or an example",
    ),
    "one example": (IDS, "0,1,2\n", [[0, 1, 2]]),
    "a byte order mark": (replace(SERIES, shape=(None, 2)), "\ufeff1.5,2\n", [[1.5, 2]]),
    "nothing": (WHOLE, "a,b\n", "holds no row of numbers"),
    "too wide": (WHOLE, "1,2\n", r"ids is int64 \[1, 2\]; expected int32 \[examples, 3\]"),
    "steps with several numbers": (SERIES, "1,2\n", "cannot hold an example of input series"),
    "beyond 64 bits": (WHOLE, f"1,2,{10**30}\n", "do not fit into 64 bits"),
}


@pytest.mark.parametrize("name", CSV)
def test_tables_of_numbers(name: str, tmp_path: Path) -> None:
    given, text, expected = CSV[name]
    (tmp_path / "x.csv").write_text(text)
    signature = Signature((given,), (OUT,))
    if isinstance(expected, str):
        with pytest.raises(InputError, match=expected) as raised:
            read_inputs(tmp_path / "x.csv", signature)
        assert str(tmp_path / "x.csv") in str(raised.value)
    else:
        np.testing.assert_array_equal(
            read_inputs(tmp_path / "x.csv", signature)[given.name], expected
        )


def test_an_output_that_cannot_be_written_is_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")
    with pytest.raises(InputError, match=r"out\.npz cannot be written"):
        write_outputs(tmp_path / "a" / "out.npz", {"x": np.ones((1, 1), np.float32)})


def _objects(file: Any) -> None:
    np.save(file, np.array([{}], object), allow_pickle=True)


def _ragged(file: Any) -> None:
    rows = np.empty(2, object)
    rows[:] = [[1, 2], [1]]
    np.savez(file, x_test=rows, y_test=np.zeros(2, int))


X, Y = "--input x.npz", "--input x.npz --out y"
V = "--inputs x.npz"
WINDOW = {"series": np.ones((1, 9, 4))}
# command, where B:NAME is a bundle and F:NAME a model file; the file beside it, as bytes or as arrays
# in x.npz; parts of the one line
BAD_INPUT: dict[str, tuple[str, Any, tuple[str, ...]]] = {
    "no input": ("predict B:two", None, ("takes arrays", "--input")),
    "texts": ("predict B:two a_text", None, ("takes arrays: texts cannot",)),
    "workers": (f"predict B:two {X} --workers 2", None, ("takes arrays: --workers",)),
    "data": ("verify B:two --data imdb", None, ("takes arrays: --data",)),
    "flips": ("verify B:two --flips f.csv", None, ("takes arrays: --flips",)),
    "data, bench": ("bench B:two --data imdb", None, ("takes arrays: --data",)),
    "texts for data": ("verify B:tagger --data x.csv", b"text,label\na,0\n", ("no vocabulary",)),
    "ragged ids": ("verify B:tagger --data x.npz", _ragged,
                   ("rows of 1 to 2 ids; input ids is [examples, 9]: pad them as in training",)),
    "data and inputs": (f"verify B:tagger {V} --data d.csv", {"ids": 1}, ("--data and --inputs",)),
    "padding without ids": ("export F:two --padding post --out b", None, ("two.keras takes arrays",)),
    "no such file": (f"predict B:two {X}", None, ("x.npz does not exist",)),
    "another kind": ("predict B:two --input x.txt", b"1", ("unknown kind", ".npy, .npz, .csv")),
    "one array for two": ("predict B:two --input x.npy", b"1", ("give a .npz",)),
    "cut short": (f"predict B:two {X}", b"PK\3\4abc", ("x.npz is not a whole .npz file",)),
    "not numpy": ("predict B:windows --input x.npy", b"hello, world", ("does not begin as one",)),
    "objects": ("predict B:windows --input x.npy", _objects, ("Python objects",)),
    "other names": (f"predict B:two {X}", {"series": 1, "b": 1}, ("for series, b", "series, short")),
    "another shape": (f"predict B:tagger {X}", {"ids": np.ones((1, 4), int)},
                      ("input ids is int64 [1, 4]", "int32 [examples, 9]")),
    "texts in an array": (f"predict B:tagger {X}", {"ids": [["a"] * 9]}, ("is <U1 [1, 9]", "whole")),
    "ids out of range": (f"predict B:tagger {X}", {"ids": [[40] * 9]}, ("from 40 to 40", "0 to 39")),
    "a table of words": ("predict B:tagger --input x.csv", b"1,2\n3,b\n",
                         ("x.csv, line 2, column 2: 'b' is not a whole number",)),
    "output of another kind": (f"predict B:two {Y}.xls", None, ("y.xls: unknown kind", ".npz, .npy")),
    "output too small": (f"predict B:two {Y}.npy", None, ("room for one output", "kind, amount")),
    "a table of sequences": (f"predict B:tagger {Y}.csv", None, ("cannot hold output tags",)),
    "output without a name": (f"predict B:two {X} --out", None, ("--out", "--help")),
    "output and --json": (f"predict B:two {Y}.npz --json", None, ("--json",)),
    "output is the input": ("predict B:two --input x.npz --out x.npz", {"a": 1}, ("replace the input",)),
    "no such variant": (f"predict B:windows --variant onnx-int4 {X}", WINDOW, ("no variant onnx-int4",)),
    "inputs that are none": ("verify B:two --inputs no.npz", None, ("no.npz does not exist",)),
    "targets without inputs": ("verify B:two --targets y.npz", None, ("--targets say what is",)),
    "targets that are none": (f"verify B:windows {V} --targets y.npy", WINDOW, ("y.npy does not exist",)),
    "targets of another kind": (f"verify B:windows {V} --targets y.txt", WINDOW, ("y.txt: unknown",)),
    "targets of no output": (f"verify B:windows {V} --targets x.npz", WINDOW,
                             ("no --targets given; expected some for the outputs move",)),
    "targets of other examples": ("verify B:windows --inputs x.npz", WINDOW | {"move": [1, 2]},
                                  ("--targets of move are for 2 examples; there are 1",)),
    "targets of a class too high": ("verify B:windows --inputs x.npz", WINDOW | {"move": [3]},
                                    ("expected class numbers from 0 to 2",)),
    "targets of no label": ("verify B:windows --inputs x.npz", WINDOW | {"move": ["fly"]},
                            ("labels not known to the model: 'fly'; it has walk, sit, run",)),
    "window without inputs": ("verify B:two --window 9", None, ("--window cuts --inputs",)),
    "window without a file": ("export F:two --window 9 --out b", None, ("a file of --inputs: give one",)),
    "window of a .npz": ("predict B:windows --input x.npz --window 9", WINDOW, ("cuts the one",)),
    "no window": ("predict B:windows --input x.csv --window nine", b"1", ("'nine'; expected LENGTH or",)),
    "three numbers": ("predict B:windows --input x.csv --window 9,1,1", b"1", ("'9,1,1'; expected",)),
    "window of nothing": ("verify B:windows --inputs x.csv --window 0", b"1", ("--window is 0;",)),
    "a step of 0": ("predict B:windows --input x.csv --window 9,0", b"1", ("--window is 9,0;",)),
    "window of other steps": ("predict B:windows --input x.csv --window 8", b"1,2,3,4\n",
                              ("--window is 8, which gives 8 steps; input series is [examples, 9, 4]",)),
    "window of other channels": ("predict B:windows --input x.csv --window 9", b"1,2\n" * 9,
                                 ("the series is [9, 2]", "from [time, 4]")),
    "window of a short series": ("predict B:windows --input x.csv --window 9", b"1,2,3,4\n" * 8,
                                 ("the series has 8 steps, too few for one --window of 9",)),
    "a word in a series": ("predict B:windows --input x.csv --window 9", b"1,2,3,4\n1,2,b,4\n",
                           ("x.csv, line 2, column 3: 'b' is not a number",)),
    "another model": ("verify B:windows --inputs x.npz --model F:two", WINDOW,
                      ("two.keras is not the model that was exported",)),
    "vocabulary": ("export F:windows --vocab x.json --out b", b'{"a": 1}',
                   ("is for a classifier of texts",)),
    "labels for no output": ("export F:free --labels a,b --out b", None, ("2 labels", "have no classes")),
    "batch of another model": ("export F:stateful --no-streaming --batch 3 --out b", None,
                               ("is 2, not the 3 given",)),
    "batch 0": ("export F:two --batch 0 --out b", None, ("batch is 0",)),
    "length of another model": ("export F:windows --length 4 --out b", None, ("is 9, not the 4 given",)),
    "folding": ("export F:two --fold-embedding --out b", None, ("only folded in models",)),
    "scale that is none": ("export F:two --scale s.npz --out b", None, ("s.npz does not exist",)),
    "scale of another kind": ("export F:two --scale s.csv --out b", b"1", ("s.csv: unknown",)),
    "scale that is no JSON": ("export F:free --scale s.json --out b", b"{", ("is not valid JSON",)),
    "scale cut short": ("export F:free --scale s.npz --out b", b"PK\3\4abc", ("not a whole .npz file",)),
    "scale of a list": ("export F:free --scale s.json --out b", b"[1]", ("holds no names",)),
    "scale of nothing": ("export F:free --scale s.json --out b", b"{}", ("holds nothing",)),
    "half a scale": ("export F:free --scale s.json --out b", b'{"mean": [1]}', ("holds mean; expected",)),
    "half a scale, named": ("export F:two --scale s.json --out b", b'{"short": {"mean": [1]}}',
                            ("short: expected mean and deviation, or minimum and range",)),
    "both scales": ("export F:two --scale s.json --out b",
                    b'{"short": {"mean": 1, "deviation": 1, "range": 1}}', ("and nothing else",)),
    "scale of no input": ("export F:two --scale s.json --out b", b'{"x": {"mean": 1, "deviation": 1}}',
                          ("holds x; expected mean", "some of series, short")),
    "one scale for two inputs": ("export F:two --scale s.json --out b", b'{"mean": 1, "deviation": 1}',
                                 ("the model has series, short; give mean",)),
    "scale of words": ("export F:free --scale s.json --out b", b'{"mean": "a", "deviation": 1}',
                       ("mean is no list of numbers",)),
    "scale of 2 channels": ("export F:free --scale s.json --out b", b'{"mean": [1, 2], "deviation": 1}',
                                ("mean is for 2; expected 4 channels, or 1 for all",)),
    "scale of a table": ("export F:free --scale s.json --out b", b'{"mean": [[1]], "deviation": 1}',
                         ("mean is for 1; expected 4 channels",)),
    "deviation 0": ("export F:free --scale s.json --out b", b'{"mean": 1, "deviation": [1, 0, 1, 1]}',
                    ("deviation has 0; expected numbers above 0 (1 for a channel",)),
    "mean beyond float32": ("export F:free --scale s.json --out b", b'{"mean": 1e300, "deviation": 1}',
                            ("mean is NaN, or too large for float32",)),
    "scale of ids": ("export F:tagger --scale s.json --out b", b'{"mean": 1, "deviation": 1}',
                     ("input ids takes whole numbers",)),
    "unit of probabilities": ("export F:windows --unscale s.json --out b", b'{"mean": 1, "deviation": 1}',
                              ("--unscale", "output move holds probabilities, which have no unit")),
    "inputs that do not fit": ("export F:two --inputs x.npz --out b", {"x": 1}, ("arrays for x given",)),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_INPUT)
def test_bad_input_gives_one_line_and_code_2(
    name: str, made: Callable[[str], Made], tmp_path: Path
) -> None:
    command, content, parts = BAD_INPUT[name]
    args: list[Any] = command.split()
    for at, word in enumerate(args):
        if word[:2] in ("B:", "F:"):
            found = made(word[2:])
            args[at] = found.bundle if word[0] == "B" else found.file
        elif "." in word or word == "b":
            args[at] = tmp_path / word
    named = [arg for arg in args if isinstance(arg, Path) and arg.parent == tmp_path]
    if isinstance(content, bytes):
        named[0].write_bytes(content)
    elif isinstance(content, dict):
        np.savez(tmp_path / "x.npz", **content)
    elif content is not None:
        content(named[0])
    before = sorted(tmp_path.rglob("*"))
    result = call(*args)
    assert result.exit_code == 2, result.output
    assert result.stderr.count("\n") == 1, result.stderr
    for part in ("lstm-edge: ", *parts):
        assert part in result.stderr
    assert sorted(tmp_path.rglob("*")) == before, "something was left behind"


@pytest.mark.parametrize(
    ("command", "part"),
    [
        (("verify", "BUNDLE", "--inputs", "x.npy"), "takes texts: --inputs cannot"),
        (("verify", "BUNDLE", "--targets", "y.npy"), "takes texts: --targets cannot"),
        (("predict", "BUNDLE", "--window", "9"), "takes texts: --window cannot"),
        (
            ("export", "MODEL", "--vocab", "WORDS", "--scale", "s.npz", "--out", "OUT"),
            "--scale is for models that take arrays",
        ),
        (
            ("export", "MODEL", "--vocab", "WORDS", "--unscale", "s.npz", "--out", "OUT"),
            "--unscale is for models that",
        ),
        (("predict", "BUNDLE", "--input", "x.npy"), "input x.npy"),
        (
            ("export", "MODEL", "--vocab", "WORDS", "--inputs", "x.npy", "--out", "OUT"),
            "not --inputs",
        ),
        (
            ("export", "MODEL", "--vocab", "WORDS", "--batch", "2", "--out", "OUT"),
            "--batch is for models that take arrays",
        ),
    ],
)
def test_options_for_arrays_where_there_are_texts(
    command: tuple[str, ...], part: str, model_files: Path, tmp_path: Path
) -> None:
    model, bundle = model_files / "small.keras", tmp_path / "bundle"
    if "BUNDLE" in command:
        bundling.export_bundle(model, bundle, vocab=model_files / "words.txt", **ONNX)
    places = {
        "BUNDLE": bundle,
        "MODEL": model,
        "WORDS": model_files / "words.txt",
        "OUT": tmp_path / "out",
    }
    result = call(*(places.get(word, word) for word in command))
    assert result.exit_code == 2
    assert part in result.stderr
    assert not (tmp_path / "out").exists()
