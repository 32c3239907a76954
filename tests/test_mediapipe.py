"""Files for MediaPipe's TextClassifier, in MediaPipe itself: Keras's ids and Keras's answers."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import WORDS
from environments import pip_install
from graph_models import remembering, words
from models import kinds, plain

from export import export_bundle
from export.for_mediapipe import Exporter
from export.formats import Texts
from export.lowering import letters, mediapipe_metadata, tflite_words, word_table
from export.stack import read_stack
from lstm_edge.base import extras, files
from lstm_edge.base.arrays import Ids, Probabilities
from lstm_edge.base.extras import require
from lstm_edge.bundle.opening import TextBundle, open_bundle
from lstm_edge.errors import InputError, MissingExtraError, UnsupportedModelError
from lstm_edge.inputs import data
from lstm_edge.inputs.tokenizer import (
    KERAS_FILTERS,
    TextSettings,
    Tokenizer,
    load_tokenizer,
    words_of,
)
from lstm_edge.inputs.vocabulary import OF_VECTORIZATION
from lstm_edge.models import reference as references
from lstm_edge.models.graph import read_graph
from lstm_edge.runtimes.by_mediapipe import MediaPipe
from lstm_edge.runtimes.runners import TextRunner
from lstm_edge.structure import contents as structure

pytest.importorskip("mediapipe", reason="MediaPipe is not installed")

SHARED = Path(__file__).parents[2] / "shared" / "data" / "imdb" / "test.csv.gz"
# of new processes: what is tested is this checkout
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
LENGTH = 12


def tokenizer(vocabulary: Sequence[str], **settings: Any) -> Tokenizer:
    made = TextSettings(**{"max_length": LENGTH, **settings})
    return Tokenizer([*made.special_tokens(), *vocabulary], made)


# What a Tokenizer of Keras gives without and with an ``oov_token``.
DROPS: dict[str, Any] = {"start_id": None, "unknown_id": None, "first_word_id": 1}
OOV: dict[str, Any] = {"start_id": None, "unknown_id": 1, "first_word_id": 2}
ENGLISH = (*WORDS, "don't", "'the", "o'brien", "i", "10", "clichéd", "é", "x" * 40, "\x96")
TOKENIZERS: dict[str, Callable[[], Tokenizer]] = {
    "IMDB's": lambda: tokenizer(ENGLISH),
    "unknown words dropped": lambda: tokenizer(ENGLISH, **DROPS),
    "an id for unknown words": lambda: tokenizer(ENGLISH, **OOV),
    "another pad": lambda: tokenizer(ENGLISH, pad_id=3, start_id=0),
    "capitals count": lambda: tokenizer((*ENGLISH, "Film", "NOT"), lower=False),
    "no filters, unknown words dropped": lambda: tokenizer(
        (*ENGLISH, "film.", "good,", "<br", "/>"), filters="", **DROPS
    ),
    "line breaks only": lambda: tokenizer(ENGLISH, split="\n", filters="", **DROPS),
    "split at commas": lambda: tokenizer((*ENGLISH, "film.", "\t"), split=",", filters=""),
    "filters that are not ASCII": lambda: tokenizer(ENGLISH, filters=KERAS_FILTERS + "éÀ—’"),
    "other scripts": lambda: tokenizer(
        ("οδός", "σας", "кино", "映画", "straße", "i̇stanbul", "k", "naïve", "ı", "ǆ")
    ),
    "one word": lambda: tokenizer(("x",)),
    "padded behind": lambda: tokenizer(ENGLISH, padding="post"),
    "cut behind": lambda: tokenizer(ENGLISH, truncating="post"),
    "both behind, unknown words dropped": lambda: tokenizer(
        ENGLISH, padding="post", truncating="post", **DROPS
    ),
    "as TextVectorization": lambda: tokenizer(
        (*ENGLISH, "dont", "clichÉd"), **{**vars(OF_VECTORIZATION), "max_length": LENGTH}
    ),
    "letters deleted": lambda: tokenizer(("glm", "flm", "é"), deleted="aeioué", filters="'\n"),
    "no word that a text can hold": lambda: tokenizer(("Not lower", "a-b")),
}

EDGES = (
    "",
    " ",
    "\n",
    "the",
    "THE",
    "The the tHe 'The ' the' ''the",
    " the\tgood\nfilm\x0bfilm\x0cgood\rbad\x1cthe\x85fine\u00a0a\u2028film a",
    "a film\nnot a\n\nfilm \n good\n",
    'Great<br /><br />"Film"(bad)!good?--never...{fine}[cast]very_not@a#the$1%10&*+=10/10;10:`~^|\\',
    "don't DON'T Don'T O'Brien O'BRIEN don t",
    "clichéd CLICHÉD cliche\u0301d É é \x96",
    f"{'x' * 39} {'x' * 40} {'X' * 41} {'x' * 400}",
    " ".join(["good", "bad", "qxzv"] * 30),
    " ".join(["good"] * 12),
    " ".join(["good"] * 11),
    "a\x00b film",
    "film\ud83d good",
    "映画 映画映 😀 film😀 good",
    "ΟΔΌΣ οδός ΣΑΣ σας КИНО STRASSE straße STRAẞE İSTANBUL i̇stanbul I\u0307stanbul istanbul",
    "\u212a K k Ǆ ǅ ı NAÏVE",
    "<PAD> <START> <UNKNOWN> 0 1 2",
    "film. Film. good, good ,a,film,not a",
)
_BETWEEN = " \t\n\r\x0b.,!-'\"<>/éÉ—’😀\u00a0"


def texts_of(found: Tokenizer, count: int = 60) -> list[str]:
    """Words in any spelling with anything between them."""
    rng = np.random.default_rng(5)
    known = [*found.tokens[found.settings.first_word_id :], "unknown", "qx", ""]
    spellings = (str, str, str.lower, str.upper, str.title, str.capitalize, str.swapcase)
    texts = []
    for _ in range(count):
        text = ""
        for _ in range(rng.integers(1, 40)):
            text += spellings[rng.integers(len(spellings))](known[rng.integers(len(known))])
            text += "".join(rng.choice(list(_BETWEEN), rng.integers(0, 3)))
            text += " " * bool(rng.random() < 0.6)
        texts.append(text)
    return texts


def ids_in_mediapipe(found: Tokenizer, folder: Path) -> Callable[[str], Ids]:
    """MediaPipe's own TextClassifier on a file whose scores are the ids that its graph makes."""
    import tensorflow as tf

    made = letters.letters(found)
    module = tflite_words.module(made, found.settings, lambda ids: tf.cast(ids, tf.float32))
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [module.run.get_concrete_function()], module
    )
    labels = [str(i) for i in range(found.settings.max_length)]
    path = folder / "ids.tflite"
    path.write_bytes(
        mediapipe_metadata.with_metadata(converter.convert(), made.pattern, made.vocabulary, labels)
    )
    runner = TextRunner(MediaPipe(path), len(labels))
    return lambda text: runner.infer(text).astype(np.int32)


@pytest.mark.parametrize("name", TOKENIZERS)
def test_ids_are_keras_own(name: str, tmp_path: Path) -> None:
    found = TOKENIZERS[name]()
    assert letters.obstacles(found) == []
    ids = ids_in_mediapipe(found, tmp_path)
    texts = [*EDGES, *texts_of(found)]
    wrong = [
        text
        for text, row in zip(texts, found.settings.padded(found.encode(texts)), strict=True)
        if not np.array_equal(ids(text)[0], row)
    ]
    assert wrong == []


def test_the_end_of_a_long_text_counts_and_then_its_beginning(tmp_path: Path) -> None:
    found = TOKENIZERS["IMDB's"]()
    ids, most = ids_in_mediapipe(found, tmp_path), tflite_words.pieces(found.settings)
    text = ("Good, bad; " * most)[: most - 5] + " film never"  # no room for more than the film
    expected = found.settings.padded(found.encode([text[:most]]))
    np.testing.assert_array_equal(ids(text), expected)
    assert expected[0, -1] == found.ids_of("film")[-1]


def test_letters_of_the_shipped_vocabulary() -> None:
    """What MediaPipe is told is short, and every word that a text can hold is among the words."""
    found = load_tokenizer(files.shipped() / "vocab.txt", 10_000, TextSettings())
    made = letters.letters(found)
    assert len(made.vocabulary) < 2048
    assert made.words.keys() == {
        i for i, word in enumerate(found.tokens) if i >= 4 and words_of(word) == [word]
    }
    assert len(made.words) > 9_990
    table = word_table.word_table(made.words, made.count)
    assert table.deepest < 12
    assert table.entries.min() >= -1  # no sum wrapped around


def test_words_that_only_differ_in_a_final_sigma_stay_apart() -> None:
    made = letters.letters(tokenizer(("σας", "φιλμ", "σασ")))
    one, _, other = made.words.values()
    assert one != other
    assert made.told_apart == ("σας", "σασ")
    assert letters.letters(tokenizer(("σας", "οδός"))).told_apart is None
    assert letters.letters(tokenizer(("σας", "σασ"), lower=False)).told_apart is None


def test_a_file_that_counts_a_capital_sigma_otherwise_says_so(tmp_path: Path) -> None:
    words = tokenizer(("σας", "σασ"))
    stack = read_stack(plain(20, (4,), vocab=len(words.tokens)))
    exporter = Exporter(stack, tmp_path, texts=Texts(words, ("no", "yes"), "any"))
    notes = exporter.notes(Exporter.precisions[0])
    assert notes[1].startswith("'σας' and 'σασ' differ in σ and ς only, so a capital Σ counts as σ")


@pytest.mark.parametrize(
    ("settings", "vocabulary", "told"),
    [
        ({"filters": ""}, WORDS, "splits at spaces but not at line breaks"),
        ({"filters": "", "split": "\n", **OOV}, WORDS, "splits at line breaks but not at spaces"),
        ({"filters": "", "split": ","}, ("a film",), "the word 'a film' of the vocabulary holds"),
        ({"split": "  "}, WORDS, "the tokeniser splits at '  '"),
    ],
)
def test_what_mediapipe_cannot_tell_apart_is_said(
    settings: dict[str, Any], vocabulary: Sequence[str], told: str
) -> None:
    (obstacle,) = letters.obstacles(tokenizer(vocabulary, **settings))
    assert told in obstacle


# Whole files


def save(found: Tokenizer, folder: Path) -> Path:
    found.save(folder / "words.txt")
    return folder / "words.txt"


def exported(model: Any, folder: Path, **options: Any) -> TextBundle:
    result = export_bundle(
        model, folder / "b", vocab=save(tokenizer(WORDS), folder), runtimes=["mediapipe"], **options
    )
    assert result.ok, [report.failures for report in result.reports]
    bundle = open_bundle(folder / "b")
    assert isinstance(bundle, TextBundle)
    return bundle


def written(folder: Path) -> Path:
    """A float32 file of a small model."""
    folder.mkdir()
    stack = read_stack(plain(LENGTH, vocab=30))
    exporter = Exporter(stack, folder, texts=Texts(tokenizer(WORDS), ("no", "yes"), "any"))
    exporter.write(Exporter.precisions[0], folder / "it.tflite")
    return folder / "it.tflite"


def lstm(units: int, **options: Any) -> Any:
    return kinds().LSTM(units, **options)


def sentiment() -> Any:
    return kinds().Dense(1, activation="sigmoid")


MODELS: dict[str, tuple[Callable[[], Any], dict[str, Any], int]] = {
    # how to make it, options, fused operators
    "one layer": (lambda: plain(LENGTH, vocab=30), {}, 1),
    "three classes, cells beyond 10": (
        lambda: plain(LENGTH, (8, 5), vocab=30, classes=3, gain=0.5, seed=4),
        {"labels": ["no", "perhaps", "yes, surely"], "precisions": ["float32", "int8-dynamic"]},
        2,
    ),
    "both directions": (
        lambda: remembering(
            words(kinds().Bidirectional(lstm(6)), sentiment(), steps=LENGTH, mask=False)
        ),
        {"precisions": ["float32"]},
        2,
    ),
    "a convolution, and a free length": (
        lambda: remembering(
            words(
                kinds().Conv1D(8, 3, padding="causal"),
                lstm(8, return_sequences=True),
                kinds().GlobalMaxPooling1D(),
                sentiment(),
                steps=None,
                mask=False,
            )
        ),
        {"length": LENGTH, "precisions": ["int8-dynamic"]},
        1,
    ),
    "no recurrent layer": (
        lambda: remembering(
            words(kinds().GlobalAveragePooling1D(), sentiment(), steps=LENGTH, mask=False)
        ),
        {"precisions": ["float32"]},
        0,
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_answers_as_keras(name: str, tmp_path: Path) -> None:
    """Export itself holds each file against Keras on real reviews and edge texts, in any order."""
    build, options, operators = MODELS[name]
    bundle = exported(build(), tmp_path, **options)
    precisions = options.get("precisions", ["float32", "float16", "int8-dynamic"])
    assert list(bundle.variants) == [f"tflite-{p}-mediapipe" for p in precisions]
    for info in bundle.variants.values():
        assert info.ops.get("UNIDIRECTIONAL_SEQUENCE_LSTM", 0) == operators
        assert info.problems == ()
        assert info.runtimes == ("MediaPipe",)
        *lacks, letters_taken = info.notes  # small weights are none in int8
        assert letters_taken == "takes the first 16,384 letters of a text"
        assert not lacks or (info.precision == "int8-dynamic" and "holds float32" in lacks[0])
        inside = structure.inspect(bundle.path / info.file)
        assert inside.packed["labels.txt"] == ", ".join(bundle.labels)
        assert inside.packed["vocab.txt"].endswith(" lines")
        report = info.parity
        assert report["examples"] > 50
        assert {"edge texts", "run twice", "other order"} <= {c["name"] for c in report["checks"]}


def test_scores_are_one_for_each_label(tmp_path: Path) -> None:
    """As an app sees them: by name, and of one sigmoid unit both."""
    from mediapipe.tasks.python.text.text_classifier import TextClassifier

    bundle = exported(plain(LENGTH, vocab=30), tmp_path, precisions=["float32"])
    golden = bundle.golden()
    assert golden.texts is not None
    (info,) = bundle.variants.values()
    interpreter = require("ai_edge_litert.interpreter", "testing").Interpreter(
        str(bundle.path / info.file)
    )
    ends = (*interpreter.get_input_details(), *interpreter.get_output_details())
    assert [end["name"] for end in ends] == ["letters", "scores"]
    with TextClassifier.create_from_model_path(str(bundle.path / info.file)) as classifier:
        for text, (p,) in zip(golden.texts[:5], golden.outputs, strict=False):
            (head,) = classifier.classify(text).classifications
            scores = {category.category_name: category.score for category in head.categories}
            assert scores == pytest.approx({"Negative": 1 - p, "Positive": p}, abs=1e-6)
            assert [c.index for c in head.categories] == ([1, 0] if p > 0.5 else [0, 1])


def test_the_same_bytes_each_time(tmp_path: Path) -> None:
    first, again = (written(tmp_path / name).read_bytes() for name in ("first", "again"))
    assert first == again


def test_the_states_of_the_call_before_do_not_count(tmp_path: Path) -> None:
    """Not even those of a file that is fed what drives its cells far away."""
    bundle = exported(
        plain(LENGTH, (8, 5), vocab=30, gain=0.5, seed=8), tmp_path, precisions=["float32"]
    )
    runner = bundle.runner("tflite-float32-mediapipe")
    assert isinstance(runner, TextRunner)
    assert isinstance(runner.runtime, MediaPipe)
    first = runner.run_texts(["", "good film"])
    for text in ("bad " * 400, "good", "never " * 5):
        runner.infer(text)
        np.testing.assert_array_equal(runner.run_texts(["", "good film"]), first)
    assert abs(first[0, 0] - first[1, 0]) > 1e-3
    runner.set_workers(3)
    np.testing.assert_array_equal(
        runner.run_texts(["good film", ""] * 9), np.tile(first[::-1], (9, 1))
    )


# What cannot be


def rnn(*layers: Any, steps: int | None = LENGTH, mask: bool = False) -> Any:
    return remembering(words(*layers, sentiment(), steps=steps, mask=mask))


@pytest.mark.parametrize(
    ("model", "settings", "options", "told"),
    [
        (lambda: rnn(kinds().GRU(4, name="g")), {}, {}, ["g (GRU) has no fused operator"]),
        (lambda: rnn(lstm(4, name="m"), mask=True), {}, {}, ["m (LSTM) is masked"]),
        (
            lambda: rnn(lstm(4), steps=None),
            {"filters": ""},
            {"labels": ["one\nline", "two"]},
            [
                "the tokeniser splits at spaces but not at line breaks",
                "the label 'one\\nline' has a line break",
            ],
        ),
    ],
    ids=["other layers", "a mask", "what is not of layers"],
)
def test_all_that_is_in_the_way_is_said(
    model: Callable[[], Any],
    settings: dict[str, Any],
    options: dict[str, Any],
    told: list[str],
    tmp_path: Path,
) -> None:
    graph = read_graph(model(), "it")
    given = Texts(tokenizer(WORDS, **settings), options.get("labels", ["no", "yes"]), "front")
    found = Exporter(graph, tmp_path, texts=given).obstacles()
    assert len(found) == len(told)
    for text, one in zip(told, found, strict=True):
        assert text in one


def test_a_free_length_and_no_vocabulary_are_said(tmp_path: Path) -> None:
    graph = read_graph(rnn(lstm(4), steps=None), "it")
    (free,) = Exporter(
        graph, tmp_path, texts=Texts(tokenizer(WORDS), ("a", "b"), "none")
    ).obstacles()
    assert "give `length=N`" in free
    with pytest.raises(UnsupportedModelError, match="there is no vocabulary: give `vocab`"):
        export_bundle(plain(LENGTH), tmp_path / "b", runtimes=["mediapipe"])
    assert list(tmp_path.iterdir()) == []


def test_without_mediapipe_nothing_begins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "mediapipe"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [_Without(), *sys.meta_path])
    with pytest.raises(MissingExtraError, match=re.escape(pip_install("mediapipe"))):
        export_bundle(tmp_path / "is not there.keras", tmp_path / "b", runtimes=["mediapipe"])
    with pytest.raises(MissingExtraError, match="running it needs the package mediapipe"):
        MediaPipe(tmp_path / "it")


class _Without:
    """An environment in which MediaPipe is not installed."""

    def find_spec(self, name: str, *_: Any) -> None:
        if name.partition(".")[0] == "mediapipe":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def test_what_mediapipe_refuses_is_one_clear_error(tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.tflite"
    damaged.write_bytes(b"\0\0\0\0TFL3" + b"\0" * 100)
    for path in (damaged, tmp_path / "missing.tflite"):
        with pytest.raises(InputError, match=f"MediaPipe cannot load {path}: "):
            MediaPipe(path)
    with pytest.raises(InputError, match="no setting for threads, and 2 are asked for"):
        MediaPipe(damaged, threads=2)


def test_a_package_that_does_not_load_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as OpenCV, which MediaPipe imports, where a library of the system is missing."""

    def fails(name: str) -> None:
        raise ImportError("libGL.so.1: cannot open shared object file")

    monkeypatch.setattr(extras.importlib, "import_module", fails)
    with pytest.raises(
        InputError, match="mediapipe, which is installed but does not load here: libGL"
    ):
        extras.require("mediapipe.tasks", "running it")


# The command line


def test_by_the_command_line(tmp_path: Path) -> None:
    bundle = exported(plain(LENGTH, vocab=30), tmp_path, precisions=["float32"])
    for command in (["predict", "A GOOD film!"], ["verify"]):
        done = subprocess.run(
            [
                sys.executable,
                "-c",
                "import sys; from lstm_edge.cli import main; main()",
                command[0],
                str(bundle.path),
                *command[1:],
            ],
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")  # MediaPipe is silent
        assert "INFO" not in done.stdout


def test_the_end_of_a_process_is_silent(tmp_path: Path) -> None:
    """Where a classifier lives until then, MediaPipe's own clean-up would fail, and say so."""
    path = written(tmp_path / "it")
    code = f"""
from pathlib import Path
from lstm_edge.runtimes.by_mediapipe import MediaPipe
from lstm_edge.runtimes.runners import TextRunner
runner = TextRunner(MediaPipe(Path({str(path)!r})))
print(runner.infer("good").shape)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], env=ENVIRONMENT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "(1, 1)\n"
    assert "Exception" not in done.stderr


def test_mediapipe_does_not_load_tensorflow() -> None:
    """It would, where TensorFlow is installed, for the making of its own documentation."""
    code = """
import sys
from lstm_edge.base.extras import require
require("mediapipe.tasks.python.text.text_classifier", "running")
assert not any(name.partition(".")[0] == "tensorflow" for name in sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], env=ENVIRONMENT, check=True)


# Real reviews


@pytest.fixture(scope="module")
def reviews(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Sequence[str], Probabilities]:
    """A bundle of the shipped model, 2,000 test reviews as they are, and Keras's answers."""
    if not SHARED.is_file():
        pytest.skip(f"{SHARED} is not there")
    texts = data.load(str(SHARED)).evaluation().sample(2000).texts
    assert texts is not None
    model, out = files.shipped(), tmp_path_factory.mktemp("reviews") / "b"
    found = load_tokenizer(model / "vocab.txt", 10_000, TextSettings())
    reference = references.of_ids(model / "model.keras", num_ids=10_000, max_length=500)
    expected = reference.run_sequences(found.encode(texts))
    export_bundle(model, out, precisions=["float32", "int8-dynamic"], runtimes=["mediapipe"])
    return out, texts, expected


@pytest.mark.parametrize(
    ("precision", "same", "off"), [("float32", 1.0, 1e-5), ("int8-dynamic", 0.995, None)]
)
def test_real_reviews(
    precision: str,
    same: float,
    off: float | None,
    reviews: tuple[Path, Sequence[str], Probabilities],
) -> None:
    """With their capitals, tags and lengths; some of them again, in another order."""
    bundle, texts, expected = reviews
    runner = TextRunner(MediaPipe(bundle / f"tflite-{precision}-mediapipe.tflite"))
    runner.set_workers(2)
    answers = runner.run_texts(texts)
    assert ((answers > 0.5) == (expected > 0.5)).mean() >= same
    if off is not None:
        assert np.abs(answers - expected).max() < off
    order = np.random.default_rng(0).permutation(len(texts))[:200]
    again = runner.run_texts([texts[i] for i in order])
    np.testing.assert_array_equal(again, answers[order])
