"""Bundles that an earlier version wrote open, and answer as that version answered.

See ``old_bundles.py`` for how they were written.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from old_bundles import EXPORTS, RESULTS, TEXTS, answers, arrays, call, figures, written

from lstm_edge import Predictor, load_bundle
from lstm_edge.bundle.opening import TextBundle, open_bundle
from lstm_edge.inputs.batches import ANSWERS

BUNDLES = Path(__file__).parent / "bundles"
OLD: dict[str, Any] = json.loads((BUNDLES / "answers.json").read_text("utf-8"))
VARIANTS = [(name, variant) for name in OLD for variant in OLD[name]["answers"]]

KINDS = {"parity": "parity", "latency": "latency", "browser": "device"}
"""Kinds of results, and the option of ``report`` that takes them."""

# Another processor rounds in another order; in int8 that moves what is quantised by a whole step.
CLOSE, CLOSE_INT8 = 2e-6, 2e-3


def close(variant: str) -> float:
    return CLOSE_INT8 if "int8" in variant else CLOSE


def manifest(name: str) -> Any:
    return json.loads((BUNDLES / name / "manifest.json").read_text("utf-8"))


def need_runtimes(name: str, *variants: str) -> None:
    """Skip where a variant's runtime (of all variants without names) is not installed."""
    for entry in manifest(name)["variants"]:
        if entry["name"] in variants or not variants:
            package = {"onnx": "onnxruntime", "tflite": "ai_edge_litert"}[entry["format"]]
            package = "mediapipe" if entry["made_for"] == "mediapipe" else package
            if find_spec(package) is None:
                pytest.skip(f"{package} is not installed")


def apart(old: Any, new: Any, tolerance: float, at: str = "") -> Iterator[str]:
    """Where JSON differs from what it was, numbers by more than the tolerance; fields may be new."""
    if isinstance(old, dict) and isinstance(new, dict):
        if gone := old.keys() - new.keys():
            yield f"{at}: {sorted(gone)} are gone"
        for key in old.keys() & new.keys():
            yield from apart(old[key], new[key], tolerance, f"{at}.{key}")
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for number, (before, after) in enumerate(zip(old, new, strict=True)):
            yield from apart(before, after, tolerance, f"{at}[{number}]")
    elif isinstance(old, float) and isinstance(new, int | float):
        if not abs(old - new) <= tolerance:  # so that NaN is noticed
            yield f"{at}: {old} became {new}"
    elif old != new:
        yield f"{at}: {old} became {new}"


def test_there_is_one_of_each_kind() -> None:
    folders = {path.name for path in BUNDLES.iterdir() if path.is_dir()}
    assert set(OLD) == set(EXPORTS) == folders - {"results"}
    for name, old in OLD.items():
        assert [entry["name"] for entry in manifest(name)["variants"]] == [
            report["variant"] for report in old["verify"]["reports"]
        ]


@pytest.mark.parametrize(("name", "variant"), VARIANTS)
def test_answers_as_before(name: str, variant: str) -> None:
    need_runtimes(name, variant)
    new = answers(BUNDLES / name, variant)
    assert list(apart(OLD[name]["answers"][variant], new, close(variant))) == []


@pytest.mark.parametrize("name", OLD)
def test_verify_as_before(name: str) -> None:
    need_runtimes(name)
    old, new = figures(OLD[name]["verify"]), figures(written(BUNDLES / name, "verify"))
    assert new["ok"]
    differences = list(apart({**old, "reports": []}, {**new, "reports": []}, 0))
    for before, after in zip(old["reports"], new["reports"], strict=True):
        differences += apart(before, after, close(before["variant"]), before["variant"])
    assert differences == []


@pytest.mark.parametrize("name", OLD)
def test_inspect_as_before(name: str) -> None:
    assert list(apart(OLD[name]["inspect"], written(BUNDLES / name, "inspect"), 0)) == []


def test_predict_texts_on_the_command_line() -> None:
    need_runtimes("texts", "onnx-float32")
    result = call("predict", BUNDLES / "texts", "--variant", "onnx-float32", "--json", *TEXTS[1:])
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    for line, text, old in zip(
        lines, TEXTS[1:], OLD["texts"]["answers"]["onnx-float32"]["texts"][1:], strict=True
    ):
        assert list(apart({"text": text, **old}, {**line, "probability": 0}, CLOSE)) == []


def test_predict_arrays_on_the_command_line(tmp_path: Path) -> None:
    need_runtimes("arrays", "tflite-float32")
    np.savez(tmp_path / "in.npz", **arrays(manifest("arrays")["signature"], 3, 7))
    call("predict", BUNDLES / "arrays", "--variant", "tflite-float32",
         "--input", tmp_path / "in.npz", "--out", tmp_path / "out.npz")  # fmt: skip
    with np.load(tmp_path / "out.npz") as file:
        new = {key: file[key].tolist() for key in file.files}
    assert list(apart(OLD["arrays"]["answers"]["tflite-float32"], new, CLOSE)) == []


def test_ids_alone_are_taken_as_arrays() -> None:
    bundle, predictor = open_bundle(BUNDLES / "ids"), load_bundle(BUNDLES / "ids")
    assert isinstance(bundle, TextBundle)
    assert isinstance(predictor, Predictor)
    (batch,) = bundle.golden_batches()
    (found,) = predictor.predict(bundle.settings.padded(batch.sequences)).values()
    np.testing.assert_allclose(found, batch.outputs[ANSWERS], atol=CLOSE)


@pytest.mark.parametrize("name", RESULTS)
def test_report_of_old_results(name: str, tmp_path: Path) -> None:
    results = {kind: BUNDLES / "results" / f"{name}-{kind}.json" for kind in KINDS}
    options = [word for kind, path in results.items() for word in (f"--{KINDS[kind]}", path)]
    call("report", BUNDLES / name, *options, "--out", tmp_path / "report")
    report = json.loads((tmp_path / "report" / "report.json").read_text("utf-8"))
    page = (tmp_path / "report" / "report.html").read_text("utf-8")
    for kind, path in results.items():
        old = json.loads(path.read_text("utf-8"))
        new = report["devices"][0] if kind == "browser" else report[kind]
        assert list(apart(old, new, 0)) == [], kind
    assert json.loads(results["browser"].read_text("utf-8"))["device"] in page


@pytest.mark.parametrize("name", [name for name in OLD if name not in RESULTS])
def test_report_measures_an_old_bundle(name: str, tmp_path: Path) -> None:
    need_runtimes(name)
    call("report", BUNDLES / name, "--out", tmp_path / "report")
    page = (tmp_path / "report" / "report.md").read_text("utf-8")
    assert all(entry["name"] in page for entry in manifest(name)["variants"])
