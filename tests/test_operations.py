"""Every row of ``operation_models.py`` in each format: right, or refused by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from models import VARIANTS
from operation_models import GROUPS, OPERATIONS, STEPS, UNITS, model_of
from test_conformance import FLOAT32, RUNTIMES

from export.bundling import export_bundle, obstacles
from lstm_edge import load_bundle
from lstm_edge.bundle.opening import open_bundle
from lstm_edge.errors import UnsupportedModelError
from lstm_edge.inputs.array_files import write_outputs
from lstm_edge.models.graph import read_graph
from lstm_edge.verify.comparing_arrays import ArrayComparison, scales
from lstm_edge.verify.verifying import verify

pytestmark = pytest.mark.no_cover  # as in test_conformance.py

FORMATS = sorted(RUNTIMES)
each_format = pytest.mark.parametrize("file_format", FORMATS)
RIGHT = {
    (group, file_format): [n for n in names if file_format not in OPERATIONS[n].refused]
    for group, names in GROUPS.items()
    for file_format in FORMATS
}


@pytest.mark.parametrize(("group", "file_format"), [key for key, names in RIGHT.items() if names])
def test_operations_answer_as_keras(
    group: str, file_format: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    names = RIGHT[group, file_format]
    model, rows = model_of(names)
    graph = read_graph(model, group)
    exporter, precision = VARIANTS[f"{file_format}-float32"]
    path = tmp_path / f"operations{exporter.suffix}"
    exporter(graph, tmp_path).write(precision, path)
    runtime = RUNTIMES[file_format](path)
    worst = dict.fromkeys(names, 0.0)
    for seed in (1, 2):
        series = np.random.default_rng(seed).normal(0, 1, (1, STEPS, 3)).astype(np.float32)
        answers = runtime({"series": series})
        for port, row, value in zip(graph.outputs, rows, graph.call([series]), strict=True):
            got, right = answers[port.name], np.asarray(value)
            assert (got.shape, got.dtype) == (right.shape, right.dtype), row
            assert np.isfinite(right).all(), row
            scale = float(np.abs(right).max()) or 1.0
            off = float(np.abs(got - right).max()) / (scale if port.dtype == "float32" else 1)
            worst[row] = max(worst[row], off)
    assert {row: off for row, off in worst.items() if not off <= FLOAT32} == {}
    for name, off in worst.items():
        record_property(name, json.dumps([group, file_format, off]))


REFUSED = [(name, f) for name, row in OPERATIONS.items() for f in row.refused]


@pytest.mark.parametrize(("name", "file_format"), REFUSED)
def test_what_a_format_has_no_form_for_is_refused_by_name(
    name: str, file_format: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """The operation as its user knows it, the format, why, and what would help."""
    model, _ = model_of([name])
    exporter, precision = VARIANTS[f"{file_format}-float32"]
    path = tmp_path / f"operations{exporter.suffix}"
    with pytest.raises(UnsupportedModelError) as seen:
        exporter(read_graph(model, name), tmp_path).write(precision, path)
    (reason,) = seen.value.obstacles
    kind = name.partition(",")[0].replace("_", "").replace("ops.", "").lower()
    blamed = reason.split(")")[0].replace("_", "").replace("ops.", "").lower()
    assert reason.startswith(("layer ", "operation "))
    assert blamed.endswith(f"({kind}")
    why, _, helps = reason.partition("; ")
    assert {"onnx": "ONNX", "tflite": "TFLite"}[file_format] in why or "cannot be" in why
    other = next(f for f in FORMATS if f != file_format)
    taken = other not in OPERATIONS[name].refused
    assert helps.startswith(f"{other} files can have it" if taken else "no format takes it")
    record_property(name, json.dumps([OPERATIONS[name].group, file_format, why]))


@pytest.mark.parametrize(
    ("name", "problems"),
    [
        (
            "ops.erfinv",
            [
                "operation erfinv (ops.Erfinv) has no form in ONNX, which has no operator for "
                "TensorFlow's Erfinv",
                "operation erfinv (ops.Erfinv) has no form in TFLite, which has no operator for "
                "TensorFlow's Erfinv",
            ],
        ),
        (
            "ops.bitwise_and",
            [
                "operation bitwise_and (ops.BitwiseAnd) has no form in TFLite, which has no operator "
                "for TensorFlow's BitwiseAnd"
            ],
        ),
        ("Hashing", ["layer hashing is a Hashing: cut it off"]),
        ("MaxPooling3D", []),
    ],
)
def test_inspect_finds_it_before_an_export(name: str, problems: list[str], tmp_path: Path) -> None:
    import keras

    keras.utils.clear_session()
    model_of([name])[0].save(tmp_path / "model.keras")
    found = obstacles(tmp_path / "model.keras")
    assert len(found) == len(problems)
    assert all(a.startswith(b) for a, b in zip(found, problems, strict=True)), found


@pytest.mark.parametrize("wanted", [["onnx"], []])
def test_a_bundle_has_the_files_of_the_format_that_takes_it(
    wanted: list[str], tmp_path: Path
) -> None:
    import keras

    keras.utils.clear_session()
    model, _ = model_of(["ops.bitwise_and", "ops.det"])
    result = export_bundle(
        model, tmp_path / "bundle", wanted_formats=wanted, precisions=["float32", "float16"]
    )
    assert [report.variant for report in result.reports] == ["onnx-float32", "onnx-float16"]
    if wanted:
        assert result.left_out == {}
        return
    outside = "or let the model end before it and compute the rest in your program"
    assert sorted(result.left_out["tflite"]) == [
        f"operation {name} ({kind}) has no form in TFLite, which has no operator for TensorFlow's "
        f"{operator}; onnx files can have it; {outside}"
        for name, kind, operator in (
            ("bitwise_and", "ops.BitwiseAnd", "BitwiseAnd"),
            ("det", "ops.Det", "MatrixDeterminant"),
        )
    ]


def test_what_no_format_takes_is_one_error(tmp_path: Path) -> None:
    model, _ = model_of(["ops.erfinv"])
    with pytest.raises(
        UnsupportedModelError, match=r"erfinv.* in ONNX.*erfinv.* in TFLite"
    ) as seen:
        export_bundle(model, tmp_path / "bundle")
    assert len(seen.value.obstacles) == 2
    assert not [*tmp_path.iterdir()]


@each_format
def test_numbers_from_outside_in_a_file(file_format: str, tmp_path: Path) -> None:
    """As a file has them: stored in the operations' arguments."""
    import keras

    names = [n for n in GROUPS["numbers from outside"] if "Variable" not in n]
    model, _ = model_of(names)
    model.save(tmp_path / "model.keras")
    del model
    keras.utils.clear_session()
    result = export_bundle(
        tmp_path / "model.keras",
        tmp_path / "bundle",
        wanted_formats=[file_format],
        precisions=["float32"],
    )
    assert result.ok


def test_whole_numbers_are_outputs(tmp_path: Path) -> None:
    """The number of a class, or of a tag for each step: any other one is a difference."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(3)
    series = keras.Input((STEPS, 3), name="series")
    scores = layers.Dense(5, name="scores")(layers.LSTM(UNITS, return_sequences=True)(series))
    tags = keras.ops.argmax(9 * scores, -1)
    model = keras.Model(series, [tags, scores, keras.ops.any(scores > 0.2, 1)])
    folder = tmp_path / "bundle"
    result = export_bundle(model, folder)
    assert result.left_out == {}
    assert [report.failures for report in result.reports if not report.ok] == []

    bundle = open_bundle(folder)
    assert [port.dtype for port in bundle.signature.outputs] == ["int32", "float32", "int32"]
    arrays = np.random.default_rng(1).normal(0, 1, (40, STEPS, 3)).astype(np.float32)
    right = [np.asarray(value) for value in model(arrays)]
    for variant in ("onnx-float32", "tflite-float32"):
        answers = load_bundle(folder, variant=variant).predict(arrays)
        names = [port.name for port in bundle.signature.outputs]
        assert [answers[name].dtype for name in names] == [np.int32, np.float32, np.int32]
        assert (answers[names[0]] == right[0]).all()
        assert (answers[names[2]] == right[2]).all()
        write_outputs(tmp_path / "tags.csv", {names[0]: answers[names[0]]})
        lines = (tmp_path / "tags.csv").read_text("utf-8").splitlines()
        assert lines[1] == ",".join(map(str, right[0][0]))
    run = verify(bundle)
    assert [report.variant for report in run.reports if not report.ok] == []

    # one number of 480 is another
    (golden, *_), name = bundle.golden_batches(), names[0]
    wrong = {key: array.copy() for key, array in golden.outputs.items()}
    wrong[name][0, 0] += 1
    _, precision = VARIANTS["onnx-float32"]
    found = ArrayComparison(
        "onnx-float32",
        precision.relative,
        bundle.signature.outputs,
        scales([golden], bundle.signature.outputs),
    )
    found.add(golden, wrong)
    report = found.report()
    assert not report.ok
    assert report.max_abs == pytest.approx(1 / golden.outputs[name].size)


def test_there_are_enough_rows() -> None:
    assert len(OPERATIONS) >= 300
    right = [name for name, row in OPERATIONS.items() if not row.refused]
    assert len(right) >= 0.9 * len(OPERATIONS)
