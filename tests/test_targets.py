"""Files that are made for one runtime or use, and what tells them apart."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from conftest import WORDS
from graph_models import remembering, words
from models import kinds, sequential

from export import export_bundle, formats
from lstm_edge.base.arrays import Arrays, Probabilities
from lstm_edge.bundle.golden import Golden
from lstm_edge.bundle.manifest import MANIFEST, SCHEMA, seal
from lstm_edge.bundle.opening import TextBundle, open_bundle
from lstm_edge.cli import cli
from lstm_edge.errors import InputError, UnsupportedModelError
from lstm_edge.inputs.batches import ANSWERS, Batch
from lstm_edge.inputs.tokenizer import TextSettings, Tokenizer
from lstm_edge.predict.classifier import Classifier
from lstm_edge.results.parity import Tolerance
from lstm_edge.runtimes.contract import TEXT, Port, Runtime, runtime_class
from lstm_edge.runtimes.runners import TextRunner
from lstm_edge.verify import edges, measuring

PLAIN = ["onnx-float32", "onnx-float16", "onnx-int8-dynamic"]
PLAIN += ["tflite-float32", "tflite-float16", "tflite-int8-dynamic"]


def call(*args: object) -> Result:
    return CliRunner().invoke(cli, [str(arg) for arg in args], catch_exceptions=False)


def names(**asked: Any) -> list[str]:
    return [exporter.name(precision) for exporter, precision in formats.choose(**asked)]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, PLAIN),
        ({"wanted_runtimes": ["onnxruntime"]}, PLAIN[:3]),
        ({"wanted_runtimes": ["litert"], "wanted_precisions": ["float32"]}, ["tflite-float32"]),
        (
            {"wanted_runtimes": ["litert-js", "litert"], "wanted_precisions": ["float32"]},
            ["tflite-float32", "tflite-float32-litert-js"],
        ),
        (
            {"beside": [formats.STREAM], "wanted_precisions": ["float32"]},
            ["onnx-float32", "tflite-float32", "onnx-float32-stream", "tflite-float32-stream"],
        ),
        (
            {
                "beside": [formats.STREAM],
                "wanted_runtimes": ["onnxruntime"],
                "wanted_precisions": ["float32"],
            },
            ["onnx-float32", "onnx-float32-stream"],
        ),
    ],
)
def test_what_is_asked_for_is_chosen(asked: dict[str, Any], expected: list[str]) -> None:
    assert names(**asked) == expected


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (
            {"wanted_runtimes": ["litert-ts"]},
            "`runtimes` litert-ts is not known; expected onnxruntime, litert, litert-js, mediapipe, ",
        ),
        (
            {"wanted_precisions": ["int4"]},
            "`precisions` int4 is not known; expected float32, float16, int8-dynamic, float32-folded, ",
        ),
        (
            {"wanted_precisions": ["float16-folded"], "wanted_formats": ["onnx"]},
            "no variant has format onnx and precision float16-folded; there are onnx-float32, "
            "onnx-float16, onnx-int8-dynamic",
        ),
        (
            {"wanted_runtimes": ["litert-js"], "wanted_formats": ["onnx"]},
            "no variant has format onnx and runtime litert-js; there are onnx-float32, ",
        ),
        (
            {"wanted_runtimes": ["litert-js"], "beside": [formats.STREAM]},
            "no stream variant has runtime litert-js; there are onnx-float32-stream, ",
        ),
    ],
)
def test_what_there_is_not_is_said(asked: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as error:
        formats.choose(**asked)
    assert str(error.value).startswith(message)


def test_the_reasons_of_tolerances_hold_for_every_model() -> None:
    """They stand in every manifest and report: no word of other data or of another length."""
    precisions = [p for exporter in formats.exporters() for p in exporter.precisions]
    for reason in {t.reason for p in precisions for t in (p.tolerance, p.relative)}:
        assert "IMDB" not in reason
        assert not re.search(r"\d+ (steps|ids|words)", reason)


def test_every_kind_has_a_runner() -> None:
    for exporter in formats.exporters():
        runtime = runtime_class(exporter.kind())
        assert (exporter.kind() in runtime.of_texts) == exporter.takes_texts


@pytest.fixture(scope="module")
def streamed(small: Callable[..., Path]) -> TextBundle:
    out = small(streaming=True, runtimes=["onnxruntime", "litert", "litert-js"])
    bundle = open_bundle(out)
    assert isinstance(bundle, TextBundle)
    return bundle


def test_step_models_stand_beside_the_files_of_a_classifier(streamed: TextBundle) -> None:
    made = {info.made_for for info in streamed.variants.values()}
    assert made == {"", "stream", "litert-js"}
    assert json.loads((streamed.path / MANIFEST).read_text())["schema"] == SCHEMA
    for info in streamed.variants.values():
        assert bool(info.states) == (info.made_for == "stream")
        inputs = {tensor["name"] for tensor in info.inputs}
        outputs = {tensor["name"] for tensor in info.outputs}
        assert {state["name"] for state in info.states} <= inputs
        assert {state["output"] for state in info.states} <= outputs
        assert Classifier(streamed, info.name).predict(["a very good film"])[0].label


@pytest.mark.parametrize("piece", [1, 3, 20])
def test_a_stream_of_words_as_the_manifest_says_it(streamed: TextBundle, piece: int) -> None:
    """With ONNX Runtime alone, as an app would: pads first, then the words in pieces."""
    import onnxruntime

    info = streamed.variant("onnx-float32-stream")
    session = onnxruntime.InferenceSession(str(streamed.path / info.file))
    states = {state["name"]: state for state in info.states}
    (ids_name,) = {tensor["name"] for tensor in info.inputs} - states.keys()
    outputs = [tensor["name"] for tensor in info.outputs]
    (answer,) = set(outputs) - {state["output"] for state in info.states}
    golden, length = streamed.golden(), streamed.settings.max_length
    for ids, expected in zip(golden.ids, golden.outputs, strict=True):
        row = np.zeros((1, length), np.int32)
        kept = ids[-length:]
        row[0, length - len(kept) :] = kept
        feed = {name: np.zeros((1, *s["shape"][1:]), np.float32) for name, s in states.items()}
        found: dict[str, Any] = {}
        for begin in range(0, length, piece):
            given = {ids_name: row[:, begin : begin + piece], **feed}
            found = dict(zip(outputs, session.run(outputs, given), strict=True))
            feed = {name: found[s["output"]] for name, s in states.items()}
        np.testing.assert_allclose(found[answer][0], expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    "variant", ["onnx-float32-stream", "tflite-float32-stream", "onnx-float32"]
)
def test_a_text_may_come_piece_by_piece(streamed: TextBundle, variant: str) -> None:
    classifier = Classifier(streamed, variant)
    whole = "a very good film, never boring: the cast is great. not bad!"
    pads = streamed.settings.max_length - len(classifier.tokenizer.ids_of(whole))
    stream = classifier.stream(pads)
    for word in whole.split(" "):
        answer = stream.feed(word)
    expected = Classifier(streamed, "onnx-float32").predict([whole])[0]
    assert answer.label == expected.label
    assert answer.probability == pytest.approx(expected.probability, abs=1e-5)
    stream.reset()  # as a text that has only begun: nothing but pads, and the start
    begun = Classifier(streamed, "onnx-float32").predict([""])[0]
    assert stream.feed("").probability == pytest.approx(begun.probability, abs=1e-5)


def test_a_bundle_without_step_models_has_no_stream(small_bundle: Path) -> None:
    bundle = open_bundle(small_bundle)
    assert isinstance(bundle, TextBundle)
    with pytest.raises(
        InputError, match="not fed word by word: export the model again with `streaming`"
    ):
        Classifier(bundle).stream()


@pytest.fixture(scope="module")
def both_ways(model_files: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """A bundle of a classifier of texts that cannot stream, for which streaming was asked."""
    kind, folder = kinds(), tmp_path_factory.mktemp("both")
    layer = kind.Bidirectional(kind.LSTM(3), name="both")
    rows = TextSettings().first_word_id + len(WORDS)
    model = sequential(
        kind.Embedding(rows, 4), layer, kind.Dense(1, activation="sigmoid"), length=20
    )
    model.save(folder / "m.keras")
    done = call(
        "export", folder / "m.keras", "--out", folder / "b", "--vocab", model_files / "words.txt",
        "--streaming", "--precision", "float32", "--format", "onnx",
    )  # fmt: skip
    return folder / "b", done


BACKWARDS = (
    "both (Bidirectional) reads the sequence from its end too, which a stream does not know yet"
)


def test_what_cannot_stream_is_left_out_and_the_rest_written(
    both_ways: tuple[Path, Result],
) -> None:
    folder, done = both_ways
    assert done.exit_code == 1, done.output
    assert f"lstm-edge: no stream files: {BACKWARDS}\n" in done.stderr
    bundle = open_bundle(folder)
    assert isinstance(bundle, TextBundle)
    assert list(bundle.variants) == ["onnx-float32"]
    with pytest.raises(InputError) as error:  # and nobody is told to try it again
        Classifier(bundle).stream()
    assert str(error.value).endswith(
        f"is not fed word by word, and its model cannot be: {BACKWARDS}"
    )


def test_files_for_a_runtime_without_step_models_are_written(
    model_files: Path, tmp_path: Path
) -> None:
    result = export_bundle(
        model_files / "small.keras",
        tmp_path / "b",
        vocab=model_files / "words.txt",
        runtimes=["onnxruntime-mobile"],
        precisions=["float32"],
        streaming=True,
    )
    assert [report.variant for report in result.reports] == ["onnx-float32-mobile"]
    (reason,) = result.left_out["stream"]
    assert reason.startswith(
        "no stream variant has precision float32 and runtime onnxruntime-mobile;"
    )


@pytest.mark.parametrize(
    ("options", "kind", "reason"),
    [
        (
            ("--lowering", "fused"),
            "tflite",
            "a stream carries states, which the fused operator does not give",
        ),
        (
            ("--runtime", "litert-js", "--runtime", "onnxruntime"),
            "tflite-litert-js",
            "input x leaves its steps free, and LiteRT.js takes fixed shapes only: give --chunk K",
        ),
    ],
)
def test_of_a_stream_the_files_that_cannot_be_one_are_left_out(
    options: tuple[str, ...], kind: str, reason: str, tmp_path: Path
) -> None:
    import keras

    layers = [keras.Input((None, 2), name="x"), kinds().LSTM(3)]
    keras.Sequential(layers).save(tmp_path / "m.keras")
    common = ("--precision", "float32", "--out", tmp_path / "b")
    done = call("export", tmp_path / "m.keras", "--streaming", *options, *common)
    assert done.exit_code == 1, done.output
    assert f"lstm-edge: no {kind} files: {reason}\n" in done.stderr
    assert list(open_bundle(tmp_path / "b").variants) == ["onnx-float32"]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"lowering": "fuzed"}, "`lowering` fuzed is not known; there is fused (of tflite files)"),
        (
            {"lowering": "fused", "runtimes": ["litert-js"]},
            "`lowering` fused is of tflite files, and only tflite-litert-js files are asked for: leave "
            "one of the two out",
        ),
        (
            {"lowering": "fused", "wanted_formats": ["onnx"]},
            "`lowering` fused is of tflite files, and only onnx files are asked for: leave one of the "
            "two out",
        ),
    ],
)
def test_a_lowering_that_no_file_has_is_refused_with_the_reason(
    asked: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError) as error:
        export_bundle(tmp_path / "is not there.keras", tmp_path / "b", **asked)
    assert str(error.value) == message


def test_a_stream_of_words_takes_any_number(model_files: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="`chunk` is for streams of arrays"):
        export_bundle(
            model_files / "small.keras",
            tmp_path / "b",
            vocab=model_files / "words.txt",
            chunk=2,
        )


def test_without_a_vocabulary_a_stream_is_all_there_is(model_files: Path, tmp_path: Path) -> None:
    result = export_bundle(
        model_files / "small.keras",
        tmp_path / "b",
        streaming=True,
        wanted_formats=["onnx"],
        precisions=["float32"],
    )
    assert result.takes == "steps"


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("vocab") / "words.txt"
    settings = TextSettings(max_length=12)
    Tokenizer([*settings.special_tokens(), *WORDS], settings).save(path)
    return path


def masked(steps: int | None) -> Any:
    return remembering(
        words(
            kinds().Bidirectional(kinds().GRU(5)),
            kinds().Dense(1, activation="sigmoid"),
            steps=steps,
        )
    )


@pytest.mark.parametrize(("steps", "length"), [(12, None), (None, 12)])
def test_litert_js_takes_classifiers_of_other_layers(
    steps: int | None, length: int | None, vocabulary: Path, tmp_path: Path
) -> None:
    result = export_bundle(
        masked(steps), tmp_path / "b", vocab=vocabulary, length=length, runtimes=["litert-js"]
    )
    assert result.ok
    bundle = open_bundle(tmp_path / "b")
    for info in bundle.variants.values():
        assert [t["shape"] for t in info.inputs] == [[1, 12]]
        assert info.runtimes == ("LiteRT CompiledModel", "LiteRT.js")


@pytest.mark.parametrize(
    ("model", "options", "obstacle"),
    [
        (lambda: masked(None), {"runtimes": ["litert-js"]}, "input ids leaves its steps free"),
        (
            lambda: masked(12),
            {"text_input": True, "wanted_formats": ["onnx"]},
            "onnx-text files take texts, and there is no vocabulary: give `vocab`",
        ),
    ],
    ids=["free steps", "no vocabulary"],
)
def test_what_cannot_be_is_said_before_anything_is_written(
    model: Any, options: dict[str, Any], obstacle: str, tmp_path: Path
) -> None:
    if options.get("text_input") and "onnx-text" not in {e.kind() for e in formats.exporters()}:
        pytest.skip("no exporter of such files")
    with pytest.raises(UnsupportedModelError) as error:
        export_bundle(model(), tmp_path / "b", **options)
    assert any(obstacle in one for one in error.value.obstacles)
    assert list(tmp_path.iterdir()) == []


def test_a_bundle_of_an_earlier_version_is_read(small_bundle: Path, tmp_path: Path) -> None:
    """One without the entries that files for one runtime brought."""
    import shutil

    copy = tmp_path / "old"
    shutil.copytree(small_bundle, copy)
    manifest = json.loads((copy / MANIFEST).read_text())
    for variant in manifest["variants"]:
        for key in ("made_for", "notes", "states"):
            del variant[key]
    del manifest["outputs"], manifest["preprocessing"]
    manifest["schema"] = 1
    manifest["seal"] = seal(manifest)
    (copy / MANIFEST).write_text(json.dumps(manifest))
    bundle = open_bundle(copy)
    assert isinstance(bundle, TextBundle)
    assert bundle.variant("onnx-float32").kind == "onnx"
    assert Classifier(bundle).predict(["a good film"])


# Texts


def test_edge_texts_reach_every_edge() -> None:
    settings = TextSettings(max_length=20)
    tokenizer = Tokenizer([*settings.special_tokens(), *WORDS], settings)
    texts = edges.edge_texts(20, tokenizer.tokens, settings.first_word_id)
    ids = dict(zip(texts, (tokenizer.ids_of(text) for text in texts.values()), strict=True))
    assert ids["no word"] == ids["nothing but what is dropped"][:1] == [1]
    assert len(ids["one word"]) == 2
    assert len(ids["words up to the length"]) == 20
    assert len(ids["more words than the length"]) > 20
    assert 2 in ids["unknown words"]
    assert min(ids["capitals"][1:]) >= settings.first_word_id  # every one of them is known


def test_edge_texts_of_a_vocabulary_without_plain_words() -> None:
    assert edges.edge_texts(5, ["<PAD>", "映画", "don't"], 1)["one word"] == "word"


class Lookup(Runtime):
    """Answers by the number of words; ``leak`` is what stays of the call before."""

    runtime = "none"
    inputs, outputs = (Port("text", TEXT, (1,)),), (Port("answer", "float32", (1, 1)),)
    leak, before = 0.0, 0.0

    def load(self) -> None:
        pass

    def call(self, arrays: Arrays) -> Arrays:
        own = len(arrays["text"][0].split()) / 1000
        answer = own + self.leak * self.before
        self.before = own
        return {"answer": np.array([[answer]], np.float32)}


def measured(runtime: Lookup, texts: Sequence[str] | None, edge: Probabilities) -> Any:
    tolerance = Tolerance(1e-6, 0.0, 0.0, None, "exact")
    expected = np.array([[len(t.split()) / 1000] for t in texts or ["a"]], np.float32)
    ids = np.array([1], np.int32)
    return measuring.measure(
        "it",
        TextRunner(runtime),
        [Batch(outputs={ANSWERS: expected}, sequences=[ids] * len(expected), texts=texts)],
        tolerance,
        golden=Golden(
            None, (), expected, None, ("ids", "text"), (ids, ids), edge, (None, "one two")
        ),
    )


def test_a_runner_of_texts_is_judged_on_texts(tmp_path: Path) -> None:
    texts = [" ".join(["w"] * n) for n in range(1, 30)]
    edge = np.array([[9.0], [0.002]], np.float32)  # the first is of ids: not for texts
    assert measured(Lookup(tmp_path), texts, edge).ok
    wrong = measured(Lookup(tmp_path), texts, np.array([[9.0], [0.3]], np.float32))
    assert [f.split(":")[0] for f in wrong.failures] == ["edge texts"]
    leaking = Lookup(tmp_path)
    leaking.leak = 0.01
    failed = {check.name for check in measured(leaking, texts, edge).checks if not check.ok}
    assert {"run twice", "other order", "after a long input"} <= failed


def test_a_runner_of_texts_wants_texts(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="it takes texts, and these data are ids"):
        measured(Lookup(tmp_path), None, np.zeros((2, 1), np.float32))


def test_texts_keep_their_order_over_workers(tmp_path: Path) -> None:
    runner = TextRunner(Lookup(tmp_path))
    runner.set_workers(3)
    texts = [" ".join(["w"] * n) for n in range(40)]
    np.testing.assert_allclose(runner.run_texts(texts)[:, 0], np.arange(40) / 1000, atol=1e-6)
    with pytest.raises(InputError, match="no text given"):
        runner.run_texts([])
    with pytest.raises(InputError, match="`workers` is 0"):
        runner.set_workers(0)


def test_a_runtime_is_one_class_in_a_module_of_its_own() -> None:
    """However many kinds of file it runs, and whatever they take."""
    classes = {runtime_class(exporter.kind()) for exporter in formats.exporters()}
    assert len({cls.__module__ for cls in classes}) == len(classes) == 4


def test_obstacles_reach_the_command_line(model_files: Path, tmp_path: Path) -> None:
    from click.testing import CliRunner

    from lstm_edge.cli import cli

    command = ["export", str(model_files / "small.keras"), "--out", str(tmp_path / "b")]
    result = CliRunner().invoke(cli, [*command, "--runtime", "litert-js", "--runtime", "nothing"])
    assert result.exit_code == 2
    assert "runtime nothing is not known" in result.output
