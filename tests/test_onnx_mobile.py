"""ORT files for phones: what they answer, what is in them, what a reduced build needs, what is said."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import WORDS
from damage import refusals
from graph_models import chain, graph, recurrent, remembering, words
from models import kinds, plain

from export import export_bundle, for_onnx_mobile
from lstm_edge.base.extras import require
from lstm_edge.bundle.manifest import MANIFEST
from lstm_edge.bundle.opening import TensorBundle, TextBundle, open_bundle
from lstm_edge.errors import BundleError, InputError
from lstm_edge.inputs.tokenizer import TextSettings, Tokenizer
from lstm_edge.predict.classifier import Classifier
from lstm_edge.report import page
from lstm_edge.report import tables as report
from lstm_edge.structure.contents import inspect
from lstm_edge.verify.verifying import verify

PRECISIONS = ["float32", "float16", "int8-dynamic"]
CONFIG = for_onnx_mobile.REQUIRED_OPERATORS
TEXTS = ["", "a great film", "not good, never: BORING", "the cast is very fine " * 30]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> TextBundle:
    """Of a model that is wide enough for its weights to be stored in fewer bits."""
    folder = tmp_path_factory.mktemp("mobile")
    settings, out = TextSettings(max_length=20), folder / "bundle"
    vocab = [*settings.special_tokens(), *WORDS]
    Tokenizer(vocab, settings).save(folder / "words.txt")
    result = export_bundle(
        plain(20, (24, 16), vocab=len(vocab), width=80, seed=5),
        out,
        vocab=folder / "words.txt",
        runtimes=["onnxruntime", "onnxruntime-mobile"],
    )
    assert result.ok, [report.failures for report in result.reports]
    found = open_bundle(out)
    assert isinstance(found, TextBundle)
    return found


@pytest.mark.parametrize("precision", PRECISIONS)
def test_an_ort_file_answers_as_the_onnx_file(precision: str, bundle: TextBundle) -> None:
    of_onnx, info = (bundle.variant(f"onnx-{precision}{end}") for end in ("", "-mobile"))
    assert info.file == f"onnx-{precision}-mobile.ort"
    assert (info.inputs, info.outputs, info.batch) == (
        of_onnx.inputs,
        of_onnx.outputs,
        of_onnx.batch,
    )
    assert info.lowering == of_onnx.lowering
    answers = Classifier(bundle, info.name).predict(TEXTS)
    expected = Classifier(bundle, of_onnx.name).predict(TEXTS)
    np.testing.assert_allclose(
        [a.probability for a in answers], [a.probability for a in expected], rtol=0, atol=1e-6
    )


def _classifier() -> Any:
    layers = kinds().Bidirectional(kinds().LSTM(24)), kinds().Dense(3, activation="softmax")
    return remembering(words(*layers, steps=12))


def _loop() -> Any:
    return remembering(chain(recurrent("LSTM", activation="gelu"), kinds().Dense(2)))


def _gru() -> Any:
    return remembering(chain(recurrent("GRU", return_sequences=True), recurrent("GRU"), steps=None))


def _two() -> Any:
    return remembering(
        graph(
            lambda x, z: [
                kinds().Dense(2)(recurrent("LSTM")(x)),
                kinds().Dense(3)(kinds().Concatenate()([recurrent("SimpleRNN")(x), z])),
            ],
            (9, 32),
            (3,),
        )()
    )


@pytest.mark.parametrize(
    ("model", "options"),
    [
        (_gru, {}),
        (_gru, {"streaming": True}),
        (_two, {"precisions": ["float32", "int8-dynamic"]}),
    ],
    ids=["GRU", "a stream", "two inputs, two outputs"],
)
def test_models_of_arrays(
    model: Callable[[], Any], options: dict[str, Any], tmp_path: Path
) -> None:
    result = export_bundle(model(), tmp_path / "b", runtimes=["onnxruntime-mobile"], **options)
    assert result.ok, [report.failures for report in result.reports]
    found = open_bundle(tmp_path / "b")
    assert isinstance(found, TensorBundle)
    assert len(found.variants) == len(options.get("precisions", PRECISIONS))
    for info in found.variants.values():
        assert bool(info.states) == bool(options.get("streaming"))


def test_a_classifier_of_other_layers(tmp_path: Path) -> None:
    settings = TextSettings(max_length=12)
    vocab = [*settings.special_tokens(), "good", "bad", "film", "never"]
    Tokenizer(vocab, settings).save(tmp_path / "words.txt")
    result = export_bundle(
        _classifier(),
        tmp_path / "b",
        vocab=tmp_path / "words.txt",
        labels=["a", "b", "c"],
        runtimes=["onnxruntime-mobile"],
        precisions=["float32"],
    )
    assert result.ok, [report.failures for report in result.reports]


# --- what is in them ------------------------------------------------------------------------------


def _written(model: Any, folder: Path, *precisions: str) -> Path:
    """A folder with the ORT files of a model of arrays, and the ONNX files they were made from."""
    return export_bundle(
        model,
        folder / "b",
        runtimes=["onnxruntime", "onnxruntime-mobile"],
        precisions=precisions or ["float32"],
    ).path


@pytest.mark.parametrize("precision", PRECISIONS)
def test_what_is_in_an_ort_file(precision: str, bundle: TextBundle) -> None:
    path = bundle.path / f"onnx-{precision}-mobile.ort"
    inside, onnx = inspect(path), inspect(path.with_name(f"onnx-{precision}.onnx"))
    assert inside.format == "ort"
    assert inside.bytes == path.stat().st_size
    assert (inside.inputs, inside.outputs) == (onnx.inputs, onnx.outputs)
    lstm = "DynamicQuantizeLSTM" if precision == "int8-dynamic" else "LSTM"
    assert inside.ops.get(lstm) == onnx.ops.get(lstm) is not None
    assert inside.ops["FusedGemm"] == 1  # MatMul, Add and Sigmoid: it was optimised
    assert inside.problems == ()
    assert list(inside.ops) == sorted(inside.ops)
    assert bundle.variant(path.stem).ops == inside.ops
    assert json.loads(json.dumps(inside.to_json()))["inputs"][0]["name"] == "ids"


def test_weights_stay_in_as_few_bits(tmp_path: Path) -> None:
    """Optimising would make float32 of them for good."""
    folder = _written(_gru(), tmp_path, "float16", "int8-dynamic")
    for precision, kept in (("float16", "float16"), ("int8-dynamic", "int8")):
        inside = inspect(folder / f"onnx-{precision}-mobile.ort")
        onnx = inspect(folder / f"onnx-{precision}.onnx")
        assert inside.weights[kept] == onnx.weights[kept] > 1000
        assert sum(inside.weights.values()) <= sum(onnx.weights.values()) + 100


def test_no_layout_of_the_processor_that_exports(bundle: TextBundle) -> None:
    """Blocks of channels, as AVX has them, would not run on a phone."""
    tools = require("onnxruntime.tools.ort_format_model", "testing")
    wide = kinds().Conv1D(32, 3, activation="relu", padding="same")
    model = remembering(chain(wide, recurrent("LSTM"), steps=16))
    folder = _written(model, bundle.path.parent)
    for path in (*bundle.path.glob("*.ort"), *folder.glob("*.ort")):
        found: dict[str, Any] = {}
        tools.OrtFormatModelProcessor(str(path), found, None).process()
        assert set(found) <= {"ai.onnx", "com.microsoft"}


def test_a_loop_in_an_ort_file_is_named(tmp_path: Path) -> None:
    folder = _written(_loop(), tmp_path)
    inside = inspect(folder / "onnx-float32-mobile.ort")
    assert inside.problems == inspect(folder / "onnx-float32.onnx").problems != ()
    assert inside.problems[0].startswith("1 Loop node: a loop over time is several times slower")
    assert inside.ops["Sigmoid"] >= 3  # those inside it are counted


def test_damage_anywhere_in_an_ort_file(bundle: TextBundle, tmp_path: Path) -> None:
    content = (bundle.path / "onnx-float16-mobile.ort").read_bytes()
    damaged = tmp_path / "damaged.ort"
    assert len(refusals(content, damaged, inspect)) > 50


@pytest.mark.parametrize("content", [b"", b"not a model\n" * 9, b"\x10\0\0\0TFL3" * 3])
def test_another_file_is_no_ort_file(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.ort"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"a\.ort is (not an ORT file|damaged)"):
        inspect(path)


def test_inspecting_needs_the_runtime_alone(bundle: TextBundle) -> None:
    """And leaves the logging of the program as it was, which onnxruntime.tools sets up."""
    from test_runners import BLOCKER, HEAVY, run_python

    code = """
from pathlib import Path
import logging
from lstm_edge.structure.contents import inspect
print(inspect(Path(sys.argv[2])).ops["LSTM"], logging.root.handlers)
"""
    path = bundle.path / "onnx-float32-mobile.ort"
    done = run_python(BLOCKER + code, ",".join([*HEAVY, "ai_edge_litert"]), str(path))
    assert done.stdout == "2 []\n", done.stderr
    done = run_python(BLOCKER + code, "onnxruntime", str(path))
    assert "inspecting onnx-float32-mobile.ort needs the package onnxruntime" in done.stderr


# --- what a reduced build needs -------------------------------------------------------------------


def test_the_required_operators_cover_every_file(bundle: TextBundle) -> None:
    """Read by the parser of ONNX Runtime's build."""
    parser = require("onnxruntime.tools.reduced_build_config_parser", "testing")
    tools = require("onnxruntime.tools.ort_format_model", "testing")
    path = bundle.path / CONFIG
    listed, types = parser.parse_config(str(path), True)
    needed: dict[str, Any] = {}
    for file in bundle.path.glob("*.ort"):
        tools.OrtFormatModelProcessor(str(file), needed, None).process()
    assert listed == needed
    assert {"LSTM"} <= listed["ai.onnx"][14]
    assert {"DynamicQuantizeLSTM", "FusedGemm"} <= listed["com.microsoft"][1]
    assert types is not None
    text = path.read_text()
    assert '"MLFloat16"' in text and '"uint8_t"' in text  # of the smaller two
    named = [line.removeprefix("# - ") for line in text.splitlines() if line.startswith("# - ")]
    assert named == [f"onnx-{p}-mobile.ort" for p in sorted(PRECISIONS)]


def test_the_required_operators_are_part_of_the_bundle(bundle: TextBundle, tmp_path: Path) -> None:
    import shutil

    assert CONFIG in json.loads((bundle.path / MANIFEST).read_text())["files"]
    copy = tmp_path / "copy"
    shutil.copytree(bundle.path, copy)
    (copy / CONFIG).write_text("ai.onnx;14;LSTM\n")
    with pytest.raises(BundleError, match=f"{CONFIG} was changed after export"):
        open_bundle(copy)


# --- what is said of them -------------------------------------------------------------------------

NODES = {
    "fixed, all of it": (
        "float[1, 4] x",
        "a = Sigmoid (x) b = Tanh (a) y = Add (b, x)",
        "NNAPI is recommended: 3 of 3 nodes in 1 part",
    ),
    "free, all of it": (
        "float[batch, 4] x",
        "a = Sigmoid (x) b = Tanh (a) y = Add (b, x)",
        "NNAPI is recommended once the shapes are fixed: 0 of 3 nodes, with fixed shapes 3 of 3 nodes "
        "in 1 part",
    ),
    "some of it": (
        "float[1, 4] x",
        "a = Sigmoid (x) b = Tanh (a) c = Erf (b) y = Add (c, x)",
        "NNAPI is not recommended: 3 of 4 nodes in 2 parts; it has no Erf",
    ),
    "most of it, in two parts": (
        "float[1, 4] x",
        "a = Sigmoid (x) b = Tanh (a) c = Erf (b) d = Add (c, x) y = Sigmoid (d)",
        "NNAPI may be faster: 4 of 5 nodes in 2 parts; it has no Erf",
    ),
    "none of it": (
        "float[1, 4] x",
        "y = Erf (x)",
        "NNAPI is not recommended: 0 of 1 nodes; it has no Erf",
    ),
}


@pytest.mark.parametrize("name", NODES)
def test_the_verdict_on_phones(name: str, tmp_path: Path) -> None:
    onnx = require("onnx", "testing")
    given, nodes, said = NODES[name]
    kind = given.removesuffix(" x")
    text = f'<ir_version: 8, opset_import: ["": 18]> g ({given}) => ({kind} y) {{ {nodes} }}'
    onnx.save(onnx.parser.parse_model(text), tmp_path / "a.onnx")
    found = for_onnx_mobile.usability(tmp_path / "a.onnx", tmp_path / "b.onnx")
    assert found[0] == said
    starts = ("NNAPI ", "CoreML (neural network) ", "CoreML (ML program) ")
    assert [one.startswith(start) for one, start in zip(found, starts, strict=True)] == [True] * 3


def test_the_verdict_is_in_the_manifest(bundle: TextBundle) -> None:
    before = logging.root.handlers[:]
    for info in bundle.variants.values():
        if not info.made_for:
            assert info.notes == ()
            continue
        nnapi, _, _, *rest = info.notes
        assert nnapi.startswith("NNAPI is not recommended: ")
        assert ("LSTM" in nnapi) and nnapi.count(" parts") >= 1
        assert CONFIG in rest[-1]
        widened = "its weights are widened to float32 in every call"
        assert any(one.startswith(widened) for one in rest) == (info.precision == "float16")
        assert info.runtimes == ("ONNX Runtime", "ONNX Runtime Mobile", "ONNX Runtime Web")
    assert logging.root.handlers == before


def test_the_verdict_is_shown(bundle: TextBundle, tmp_path: Path) -> None:
    """By ``inspect`` on the bundle, and in its report."""
    info = bundle.variant("onnx-float32-mobile")
    assert f"{info.name}: {info.notes[0]}" in report.lowering_table(bundle).notes
    run = verify(bundle, variants=["onnx-float32-mobile"])
    paths = page.write_report(tmp_path, bundle, run, None)
    for kind in ("html", "md"):
        assert info.notes[0] in paths[kind].read_text()
