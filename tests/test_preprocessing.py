"""What stands before the ids: read from the model or the vocabulary, matched on examples, or assumed."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from graph_models import WORDS as IDS
from graph_models import recurrent, remembering, words
from models import VARIANTS
from test_export import assert_within

from export.bundling import ExportResult, export_bundle
from lstm_edge import load_bundle
from lstm_edge.bundle.opening import open_bundle
from lstm_edge.cli import cli
from lstm_edge.errors import InputError, UnsupportedModelError
from lstm_edge.inputs.expected import Expected
from lstm_edge.inputs.preprocessing import MODEL, Preprocessing, check_options, sources_of
from lstm_edge.inputs.tokenizer import TextSettings, Tokenizer
from lstm_edge.inputs.vocabulary import Vocabulary
from lstm_edge.models.reference import of_ids
from lstm_edge.models.text_front import take_out
from lstm_edge.runtimes.runners import ArrayRunner
from lstm_edge.verify import matching
from lstm_edge.verify.comparing import compare, edge_check

pytest.importorskip("tensorflow")
keras = pytest.importorskip("keras")
LENGTH = 12
GOOD, BAD = ("superb", "lovely", "won't", "Gem"), ("awful", "boring", "don't", "Mess")
FILL = [f"w{i}x" for i in range(40)] + ["it's", "The", "é"]


def texts_of(count: int, seed: int) -> tuple[list[str], list[int]]:
    """Texts of one to twenty words, of which one says the label, with capitals and punctuation."""
    rng = np.random.default_rng(seed)
    texts, labels = [], []
    for _ in range(count):
        words, label = list(rng.choice(FILL, rng.integers(1, 20))), int(rng.integers(2))
        words[rng.integers(len(words))] = str(rng.choice(GOOD if label else BAD))
        text = " ".join(word + str(rng.choice(["", "", "", ",", "!", "."])) for word in words)
        texts.append(text.capitalize() if rng.random() < 0.5 else text)
        labels.append(label)
    return texts, labels


TRAIN, LABELS = texts_of(600, 1)
TEST, TEST_LABELS = texts_of(200, 2)
USUAL = TextSettings(LENGTH, start_id=None, unknown_id=None, first_word_id=1)


@cache
def trained(settings: TextSettings, mask: bool = False) -> tuple[Any, Tokenizer]:
    """A model of Embedding, LSTM and Dense layers, trained on ids of these settings."""
    keras.utils.set_random_seed(3)
    tokenizer = Tokenizer.fit(TRAIN, 70, settings)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((settings.max_length,), dtype="int32"),
            layers.Embedding(75, 12, mask_zero=mask),
            layers.LSTM(12),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.02), "binary_crossentropy")
    x = settings.padded(tokenizer.encode(TRAIN))
    model.fit(x, np.array(LABELS), epochs=4, batch_size=32, verbose=0)
    return model, tokenizer


def answers(model: Any, tokenizer: Tokenizer, texts: Sequence[str]) -> list[float]:
    """What the user's own program gives."""
    rows = tokenizer.settings.padded(tokenizer.encode(texts))
    return [float(p) for p in np.asarray(model(rows))[:, 0]]


def word_index(tokenizer: Tokenizer, folder: Path) -> Path:
    first = tokenizer.settings.first_word_id
    path = folder / "word_index.json"
    words = enumerate(tokenizer.tokens[first:], 1)
    path.write_text(json.dumps({word: rank for rank, word in words}), encoding="utf-8")
    return path


def keras_json(tokenizer: Tokenizer, folder: Path) -> Path:
    """As Tokenizer.to_json() writes it."""
    settings, path = tokenizer.settings, folder / "tokenizer.json"
    words = {w: i for i, w in enumerate(tokenizer.tokens) if i >= settings.first_word_id}
    config = {
        "word_index": json.dumps(words),
        "lower": settings.lower,
        "filters": settings.filters,
        "split": settings.split,
        "char_level": False,
        "oov_token": None,
        "num_words": None,
    }
    path.write_text(json.dumps({"class_name": "Tokenizer", "config": config}), encoding="utf-8")
    return path


def examples(path: Path, **columns: Sequence[Any]) -> Path:
    rows = zip(*columns.values(), strict=True)
    lines = (json.dumps(dict(zip(columns, row, strict=True))) for row in rows)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def export(model: Any, out: Path, **options: Any) -> ExportResult:
    given = {"wanted_formats": ["onnx"], "precisions": ["float32"], **options}
    return export_bundle(model, out, **given)


def run(*arguments: Any) -> Result:
    return CliRunner().invoke(cli, [str(a) for a in arguments])


# --- what makes ids in the model itself ------------------------------------------------------------

NASTY = (
    *("", " ", "It's GOOD, isn't it?", "naïve ÉCOLE İstanbul ΟΔΟΣ", "no\u00a0break\u2003space"),
    *(
        "<br /><br />a--b...c",
        "😀 film😀 👍🏽",
        "a" * 50,
        "映画 w1x",
        "\u0301e\u0301",
        "1,000 £5 50%",
    ),
    *("tab\tline\nfeed\rvertical\x0bform\x0c", "'quoted' \"twice\" `tick`", "a\x1cb\x85c"),
    "don't won't DON'T",
)
FRONTS: dict[str, dict[str, Any]] = {
    "as it is": {},
    "case kept": {"standardize": "strip_punctuation"},
    "punctuation kept": {"standardize": "lower"},
    "nothing changed": {"standardize": None},
    "characters": {"split": "character", "output_sequence_length": 40},
    "characters as they are": {"split": "character", "standardize": None},
    "few words": {"max_tokens": 9},
    "free length": {"output_sequence_length": None},
}


def vectorized(**options: Any) -> tuple[Any, Any]:
    """A model with a TextVectorization layer in front, and the layer."""
    layer = keras.layers.TextVectorization(**{"output_sequence_length": LENGTH, **options})
    # in Keras's own file of words, control characters would end a line
    layer.adapt([*TRAIN, *(text for text in NASTY if text.isprintable())])
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((1,), dtype="string"),
            layer,
            keras.layers.Embedding(layer.vocabulary_size(), 8),
            keras.layers.Bidirectional(keras.layers.LSTM(6)),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    return model, layer


@pytest.mark.parametrize("options", FRONTS.values(), ids=FRONTS)
def test_ids_are_those_of_the_layer(options: dict[str, Any]) -> None:
    model, layer = vectorized(**options)
    front = take_out(model, "model")
    assert front is not None
    length = front.length or 60
    settings = replace(front.vocabulary.settings, max_length=length)
    tokenizer = front.vocabulary.tokenizer(layer.vocabulary_size(), settings)
    texts = [*NASTY, *TEST[:100]]
    for text in texts:
        theirs = np.asarray(layer([[text]]))[0]
        ours = settings.padded(tokenizer.encode([text]))[0]
        if front.length is None:
            ours = ours[: len(theirs)]
        np.testing.assert_array_equal(ours, theirs, ascii(text))


@pytest.mark.parametrize("name", ["as it is", "characters", "free length"])
def test_a_model_of_texts_is_exported_with_its_vocabulary(name: str, tmp_path: Path) -> None:
    """No --vocab; the answers are the whole model's, of texts."""
    model, _ = vectorized(**FRONTS[name])
    model.save(tmp_path / "texts.keras")
    result = export(tmp_path / "texts.keras", tmp_path / "b", wanted_formats=["onnx", "tflite"])
    assert result.ok
    assert result.takes == "texts"
    texts = [text for text in NASTY if text.strip()] + TEST[:40]
    front = take_out(model, "model")
    assert front is not None
    keras_says = front.answers(texts)[:, 0]
    for variant in open_bundle(tmp_path / "b").variants:
        classifier = load_bundle(tmp_path / "b", variant)
        ours = [p.probabilities["Positive"] for p in classifier.predict(texts)]
        np.testing.assert_allclose(ours, keras_says, atol=1e-5)
    described = open_bundle(tmp_path / "b").described_preprocessing()
    assert described is not None
    assert described["state"] == ("assumed" if name == "free length" else "told")
    assert described["sources"]["lower"] == "model"
    # verify reads the file again, and takes the layer out again
    data = tmp_path / "data.csv"
    with data.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("text", "label"), *zip(TEST, TEST_LABELS, strict=True)])
    done = run("verify", tmp_path / "b", "--data", data, "--limit", "60", "--json", tmp_path / "v")
    assert done.exit_code in (0, 1), done.output  # its labels were never learnt
    report = json.loads((tmp_path / "v").read_text())["reports"][0]
    assert report["ok"], report


def test_words_are_looked_up_by_the_models_own_layer(tmp_path: Path) -> None:
    """StringLookup says the ids; what makes words of a text is assumed, and shown."""
    layer = keras.layers.StringLookup(mask_token="")
    layer.adapt(np.array("a b c film good".split()))
    start = keras.Input((LENGTH,), dtype="string")
    x = keras.layers.Embedding(layer.vocabulary_size(), 8)(layer(start))
    x = keras.layers.LSTM(6)(x)
    model = keras.Model(start, keras.layers.Dense(1, activation="sigmoid")(x))
    model.save(tmp_path / "words.keras")
    result = export(tmp_path / "words.keras", tmp_path / "b", text_settings={"padding": "post"})
    assert result.ok
    bundle = open_bundle(tmp_path / "b")
    described = bundle.described_preprocessing()
    assert described is not None
    assert described["sources"]["unknown_id"] == "model"
    assert described["sources"]["padding"] == "option"
    assert described["sources"]["split"] == "assumed"
    words = np.array([["a", "good", "qxzv", "film", *[""] * 8]])
    import tensorflow as tf

    (answer,) = load_bundle(tmp_path / "b").predict(["A good qxzv film!"])
    expected = float(np.asarray(model(tf.constant(words)))[0, 0])
    assert answer.probabilities["Positive"] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"ngrams": 2}, "n-grams"),
        (
            {"output_mode": "multi_hot", "output_sequence_length": None},
            "`output_mode` is multi_hot",
        ),
        ({"split": None}, "`split` is None"),
        ({"standardize": lambda x: x}, "Python code"),
    ],
)
def test_what_a_layer_does_beyond_settings_is_refused(options: dict[str, Any], reason: str) -> None:
    layer = keras.layers.TextVectorization(**{"output_sequence_length": LENGTH, **options})
    layer.adapt(TRAIN[:50])
    start = keras.Input((1,), dtype="string")
    x = keras.layers.Flatten()(layer(start))
    model = keras.Model(start, keras.layers.Dense(1, activation="sigmoid")(x))
    with pytest.raises(UnsupportedModelError, match=reason):
        take_out(model, "model")


def test_a_vocabulary_beside_that_of_the_model_is_refused(tmp_path: Path) -> None:
    model, _ = vectorized()
    index = tmp_path / "index.json"
    index.write_text('{"a": 1}')
    with pytest.raises(InputError, match=r"has a vocabulary of its own.*leave `vocab` out"):
        export(model, tmp_path / "b", vocab=index)
    with pytest.raises(InputError, match="said by the model's layer"):
        export(model, tmp_path / "b", text_settings={"padding": "pre"})
    assert not (tmp_path / "b").exists()


# --- the user's own examples ------------------------------------------------------------------------


@pytest.mark.parametrize("mask", [False, True], ids=["unmasked", "masked"])
def test_a_model_padded_behind_is_told_and_then_right(mask: bool, tmp_path: Path) -> None:
    """Its examples differ as it is exported by default; the message names what agrees."""
    model, tokenizer = trained(replace(USUAL, padding="post", truncating="post"), mask)
    vocab = keras_json(tokenizer, tmp_path)
    says = answers(model, tokenizer, TEST)
    mine = examples(tmp_path / "mine.jsonl", text=TEST[:20], probability=says[:20])
    with pytest.raises(InputError, match=r"of your 20 examples differ with .*they agree with") as e:
        export(model, tmp_path / "b", vocab=vocab, expect=mine)
    assert "`truncating=post`" in str(e.value)
    assert ("`padding=post`" in str(e.value)) or mask
    assert not (tmp_path / "b").exists()
    right = {"padding": "post", "truncating": "post"}
    result = export(
        model, tmp_path / "b", vocab=vocab, expect=mine, text_settings=right,
        wanted_formats=[], precisions=[],
    )  # fmt: skip
    assert result.ok
    assert "20 examples" in result.said[0]
    bundle = open_bundle(tmp_path / "b")
    described = bundle.described_preprocessing()
    assert described is not None
    assert (described["state"], described["examples"]) == ("matched", 20)
    for name, info in bundle.variants.items():
        found = [
            p.probabilities["Positive"] for p in load_bundle(tmp_path / "b", name).predict(TEST)
        ]
        limit = info.tolerance.max_abs or 0.1
        assert np.abs(np.array(found) - says).max() <= limit, name


@pytest.mark.parametrize("mask", [False, True], ids=["unmasked", "masked"])
def test_a_stream_of_a_model_padded_behind(mask: bool, tmp_path: Path) -> None:
    """After each word the answer is Keras's on the text so far, pads and all; the rest is cut."""
    model, tokenizer = trained(replace(USUAL, padding="post", truncating="post"), mask)
    export(
        model, tmp_path / "b", vocab=keras_json(tokenizer, tmp_path), streaming=True,
        text_settings={"padding": "post", "truncating": "post"}, wanted_formats=["onnx", "tflite"],
    )  # fmt: skip
    words = [*FILL[:5], "superb", *FILL[5:10], "awful", *FILL[10:13], "boring"]
    begun = [" ".join(words[:count]) for count in range(len(words) + 1)]
    said = answers(model, tokenizer, begun)
    assert said[-1] == pytest.approx(said[LENGTH], abs=1e-6)
    assert abs(said[-1] - said[LENGTH - 1]) > 0.01
    for variant in ("onnx-float32-stream", "tflite-float32-stream"):
        classifier = load_bundle(tmp_path / "b", variant)
        stream = classifier.stream()
        fed = [stream.feed(word).probabilities["Positive"] for word in ("", *words)]
        np.testing.assert_allclose(fed, said, atol=1e-5)
        stream.reset()
        assert stream.feed(begun[3]).probabilities["Positive"] == pytest.approx(said[3], abs=1e-5)
        told = classifier.stream(LENGTH - 3).feed(begun[3])
        assert told.probabilities["Positive"] == pytest.approx(said[3], abs=1e-5)


def test_the_command_line_names_options(tmp_path: Path) -> None:
    """As they are typed, exit code 2, nothing written; with them the bundle says that it matched."""
    model, tokenizer = trained(replace(USUAL, padding="post", truncating="post"))
    model.save(tmp_path / "m.keras")
    vocab = keras_json(tokenizer, tmp_path)
    says = answers(model, tokenizer, TEST)
    mine = examples(tmp_path / "mine.jsonl", text=TEST[:20], probabilities=[[p] for p in says[:20]])
    command = ("export", tmp_path / "m.keras", "--vocab", vocab, "--format", "onnx", "--precision",
               "float32", "--out", tmp_path / "b")  # fmt: skip
    refused = run(*command, "--expect", mine)
    assert refused.exit_code == 2
    assert "they agree with --padding post --truncating post" in refused.output.replace("\n", " ")
    assert not (tmp_path / "b").exists()
    assumed = run(*command)
    assert assumed.exit_code == 0
    assert "ASSUMED: padding pre, truncating pre" in assumed.output
    assert "ASSUMED" in run("verify", tmp_path / "b").output
    assert "ASSUMED" in run("inspect", tmp_path / "b").output
    done = run(*command, "--expect", mine, "--padding", "post", "--truncating", "post")
    assert done.exit_code == 0, done.output
    assert "ASSUMED" not in done.output
    assert "matched on 20 of the user's own examples" in done.output


def test_a_word_index_is_not_shifted(tmp_path: Path) -> None:
    model, tokenizer = trained(USUAL)
    index = word_index(tokenizer, tmp_path)
    assert export(model, tmp_path / "b", vocab=index).ok
    says = answers(model, tokenizer, TEST)
    ours = [p.probabilities["Positive"] for p in load_bundle(tmp_path / "b").predict(TEST)]
    np.testing.assert_allclose(ours, says, atol=1e-5)


def test_ids_with_their_answers_tell_the_side_without_a_vocabulary(tmp_path: Path) -> None:
    model, tokenizer = trained(replace(USUAL, padding="post"))
    short = [text for text in TEST if len(tokenizer.ids_of(text)) < LENGTH][:20]
    mine = examples(
        tmp_path / "mine.jsonl",
        ids=[ids.tolist() for ids in tokenizer.encode(short)],
        probability=answers(model, tokenizer, short),
    )
    with pytest.raises(InputError, match="they agree with `padding=post`"):
        export(model, tmp_path / "b", expect=mine)
    result = export(model, tmp_path / "b", expect=mine, text_settings={"padding": "post"})
    assert result.ok
    assert "truncating" in result.said[1]  # no example is cut


def test_examples_of_another_model_agree_with_nothing(tmp_path: Path) -> None:
    model, tokenizer = trained(USUAL)
    says = [1 - p for p in answers(model, tokenizer, TEST[:9])]
    mine = examples(tmp_path / "mine.jsonl", text=TEST[:9], probability=says)
    with pytest.raises(InputError, match=r"no other setting that was tried .* agrees with all"):
        export(model, tmp_path / "b", vocab=word_index(tokenizer, tmp_path), expect=mine)


def test_labels_compare_accuracies(tmp_path: Path) -> None:
    settings = replace(USUAL, first_word_id=4, unknown_id=2)
    model, tokenizer = trained(settings)
    vocab = word_index(tokenizer, tmp_path)
    mine = examples(tmp_path / "mine.jsonl", text=TEST, label=TEST_LABELS)
    with pytest.raises(
        InputError, match=r"Keras is right on .*%.* with `first_word_id=1`, and on 9"
    ):
        export(model, tmp_path / "b", vocab=vocab, expect=mine)
    right = {"first_word_id": 4, "unknown_id": 2}
    result = export(model, tmp_path / "b", vocab=vocab, expect=mine, text_settings=right)
    assert result.ok
    assert "not clearly on more with other settings" in result.said[0]
    described = open_bundle(tmp_path / "b").described_preprocessing()
    assert described is not None
    assert described["state"] == "assumed"


def drawn_settings(seed: int) -> TextSettings:
    rng = np.random.default_rng(seed)
    unknown = [None, 1, 2][rng.integers(3)]
    start = [None, None, 1][rng.integers(3)]
    if start == unknown == 1:
        start = None
    return TextSettings(
        LENGTH,
        lower=bool(rng.integers(2)),
        filters=["", TextSettings().filters, TextSettings().filters + "'"][rng.integers(3)],
        padding=["pre", "post"][rng.integers(2)],
        truncating=["pre", "post"][rng.integers(2)],
        unknown_id=unknown,
        start_id=start,
        first_word_id=[1, 2, 3, 4][rng.integers(4)] if not (unknown or start) else 3,
    )


MODELS = 20


def are_found(seed: int) -> bool:
    """Whether the settings of a model are found, and nothing wrong is accepted in silence.

    Every other model's examples have ids, as its program cuts and fills them up; the others' have the
    probabilities.
    """
    settings = drawn_settings(seed)
    model, tokenizer = trained(settings)
    shown, others = [*TEST[:27], "", "qxzv IT'S won't!", "The Gem, the mess"], TEST[27:]
    rows = settings.padded(tokenizer.encode(shown))
    mine = Expected(
        "mine.jsonl",
        tuple(shown),
        tuple(rows) if seed % 2 else None,
        None if seed % 2 else tuple(np.asarray(model(rows))),
        None,
    )
    words = enumerate(tokenizer.tokens[settings.first_word_id :], 1)
    vocabulary = Vocabulary("index", {w: rank for rank, w in words}, USUAL, {})
    reference = of_ids(Path("model"), model, max_length=LENGTH)

    def hold(used: TextSettings) -> matching.Match:
        sources = Preprocessing(sources_of(used, MODEL, {}))
        return matching.hold(
            mine, used, sources, vocabulary, reference, rows=75, names=("a", "b"), label_values=None
        )

    used = USUAL
    try:
        match = hold(used)
    except InputError as error:
        used = replace(used, **named_settings(str(error).split("they agree with")[1]))
        match = hold(used)  # what is named agrees
    untold = set(match.preprocessing.untold)
    ours = vocabulary.tokenizer(75, used)
    off = np.abs(
        reference.run(used.padded(ours.encode(others)))
        - reference.run(settings.padded(tokenizer.encode(others)))
    )
    assert off.max() <= 1e-3 or untold, (used, settings)  # nothing wrong without a word
    return bool(off.max() <= 1e-3)


def test_examples_find_what_training_did() -> None:
    assert sum(map(are_found, range(MODELS))) >= MODELS - 1


def named_settings(text: str) -> dict[str, Any]:
    """The settings that a message names in backquotes, as a user gives them."""
    named = dict(re.findall(r"`(\w+)=([^`]*)`", text))
    whole = {n: int(v) if v.isdecimal() else None for n, v in named.items() if n.endswith("_id")}
    return check_options({**named, **whole})


# --- verify -----------------------------------------------------------------------------------------


def table(path: Path, texts: Sequence[str], labels: Sequence[Any]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("text", "label"), *zip(texts, labels, strict=True)])
    return path


def test_verify_holds_labels_and_settings_to_sense(tmp_path: Path) -> None:
    """Labels in the wrong order, and settings that fit the labels far better: both named, exit code 1."""
    settings = replace(USUAL, first_word_id=4, unknown_id=2)
    model, tokenizer = trained(settings)
    model.save(tmp_path / "m.keras")
    vocab, data = word_index(tokenizer, tmp_path), table(tmp_path / "d.csv", TEST, TEST_LABELS)
    command = ("export", tmp_path / "m.keras", "--vocab", vocab, "--format", "onnx", "--precision",
               "float32")  # fmt: skip
    assert run(*command, "--out", tmp_path / "wrong").exit_code == 0
    verified = run("verify", tmp_path / "wrong", "--data", data)
    assert verified.exit_code == 1
    said = " ".join(verified.output.split())
    assert "settings of texts: Keras is right on" in said
    assert "--first-word-id 4" in said
    right = ("--first-word-id", "4", "--unknown-id", "2")
    assert run(*command, *right, "--out", tmp_path / "right").exit_code == 0
    done = run("verify", tmp_path / "right", "--data", data)
    assert done.exit_code == 0, done.output
    other = run(*command, *right, "--labels", "Positive,Negative", "--out", tmp_path / "turned")
    assert other.exit_code == 0
    named = table(tmp_path / "n.csv", TEST, [("Negative", "Positive")[y] for y in TEST_LABELS])
    turned = run("verify", tmp_path / "turned", "--data", named)
    assert turned.exit_code == 1
    assert "with the labels in the order Negative, Positive" in " ".join(turned.output.split())


def test_flips_are_written_with_their_texts(tmp_path: Path) -> None:
    """Of a file that is not the model's any more: every text whose label differs, and both answers."""
    model, tokenizer = trained(USUAL)
    model.save(tmp_path / "m.keras")
    vocab = word_index(tokenizer, tmp_path)
    assert export(tmp_path / "m.keras", tmp_path / "b", vocab=vocab).ok
    bundle = open_bundle(tmp_path / "b")
    keras.utils.set_random_seed(9)
    for layer in model.layers:
        layer.set_weights([w + np.random.normal(0, 0.5, w.shape) for w in layer.get_weights()])
    other = tmp_path / "other"
    export(model, other, vocab=vocab)
    # the other model's file in this bundle
    (tmp_path / "b" / "onnx-float32.onnx").write_bytes((other / "onnx-float32.onnx").read_bytes())
    from lstm_edge.inputs import data
    from lstm_edge.results.flips import write_flips
    from lstm_edge.verify.verifying import verify

    source = data.evaluation(str(table(tmp_path / "d.csv", TEST, TEST_LABELS)), None, None)
    checked = verify(bundle, source)
    (report,) = checked.reports
    assert report.flips > 10
    count = write_flips(tmp_path / "flips.jsonl", checked, bundle.labels)
    lines = [json.loads(line) for line in (tmp_path / "flips.jsonl").read_text().splitlines()]
    assert count == report.flips == len(lines)
    trained.cache_clear()
    right, _ = trained(USUAL)
    for line in lines:
        assert line["text"] == TEST[line["example"]]
        assert line["keras"] != line["file"]
        assert line["label"] == ("Negative", "Positive")[TEST_LABELS[line["example"]]]
        (expected,) = answers(right, tokenizer, [line["text"]])
        assert line["keras_probabilities"][0] == pytest.approx(expected, abs=1e-5)
    write_flips(tmp_path / "flips.csv", checked, bundle.labels)
    with (tmp_path / "flips.csv").open(newline="", encoding="utf-8") as file:
        assert [row["text"] for row in csv.DictReader(file)] == [line["text"] for line in lines]


# --- zeros are ids wherever they stand --------------------------------------------------------------

STACK = (
    ("LSTM", False),
    ("LSTM", False),
)  # kinds of layers, and whether they run in both directions
# layers behind an Embedding that does not mask; whether there is a vocabulary, without which all but the
# stacks take arrays; and options
UNMASKED: dict[str, tuple[tuple[tuple[str, bool], ...], bool, dict[str, Any]]] = {
    "GRU, padded behind": ((("GRU", False),), True, {"padding": "post"}),
    "GRU, padded in front": ((("GRU", False),), True, {"padding": "pre"}),
    "GRU": ((("GRU", False),), False, {}),
    "both directions, padded behind": ((("LSTM", True),), True, {"padding": "post"}),
    "both directions, fused, padded behind": (
        (("LSTM", True),),
        True,
        {"lowering": "fused", "padding": "post"},
    ),
    "both directions": ((("LSTM", True),), False, {}),
    "stack": (STACK, False, {}),
    "stack, padded behind": (STACK, False, {"padding": "post"}),
    "stack, fused": (STACK, False, {"lowering": "fused"}),
    "stack, fused, padded behind": (STACK, True, {"lowering": "fused", "padding": "post"}),
}


def unmasked(layers: Sequence[tuple[str, bool]]) -> Any:
    built = []
    for at, (kind, both) in enumerate(layers, 1):
        layer = recurrent(kind, return_sequences=at < len(layers))
        built.append(keras.layers.Bidirectional(layer) if both else layer)
    end = keras.layers.Dense(1, activation="sigmoid")
    return remembering(words(*built, end, steps=LENGTH, mask=False))


def rows_with_zeros() -> dict[str, Any]:
    """Ids int32 [N, LENGTH]: of zeros in front, behind, on both sides, inside, and none."""
    rng = np.random.default_rng(4)
    full = rng.integers(1, IDS, (24, LENGTH)).astype(np.int32)
    place, count = np.arange(LENGTH), np.arange(24)[:, None] % (LENGTH - 1) + 1
    front = LENGTH - count
    inside = (place > 0) & (place < LENGTH - 1) & (rng.random(full.shape) < 0.5)
    return {
        "none": full,
        "in front": np.where(place < front, 0, full),
        "behind": np.where(place >= count, 0, full),
        "on both sides": np.where((place < front // 2) | (place >= front // 2 + count), 0, full),
        "inside": np.where(inside, 0, full),
    }


def run_ids(runner: Any, ids: Any) -> Any:
    """Answers [N, 1] to rows as they are, of either kind of bundle; each in a call of its own."""
    if isinstance(runner, ArrayRunner):
        return np.concatenate([next(iter(runner.run(row[None]).values())) for row in ids])
    return np.concatenate([runner.run(row[None]) for row in ids])


@pytest.mark.parametrize("name", UNMASKED)
def test_zeros_are_ids_wherever_they_stand(name: str, tmp_path: Path) -> None:
    """Keras's answer to those very rows, of every file that is written by default."""
    layers, has_vocabulary, options = UNMASKED[name]
    model, given = unmasked(layers), dict(options)
    if "padding" in given:
        given["text_settings"] = {"padding": given.pop("padding")}
    if "lowering" in given:
        given["wanted_formats"] = ["tflite"]
    if has_vocabulary:
        given["vocab"] = tmp_path / "index.json"
        given["vocab"].write_text(json.dumps({f"w{i}": i for i in range(1, IDS)}))
    assert export_bundle(model, tmp_path / "b", **given).ok
    rows = rows_with_zeros()
    wanted = {where: np.asarray(model(ids)) for where, ids in rows.items()}
    # where they stand says something, beyond any tolerance
    assert np.abs(wanted["in front"] - wanted["behind"]).max() > 0.2
    bundle = open_bundle(tmp_path / "b")
    for variant, info in bundle.variants.items():
        runner = bundle.runner(variant)
        precision = replace(VARIANTS[variant][1], tolerance=info.tolerance)
        for where, ids in rows.items():
            found = run_ids(runner, ids)
            assert_within(found, wanted[where], precision, f"{variant}, zeros {where}:")


def test_where_pads_on_either_side_are_skipped_zeros_behind_are_none(tmp_path: Path) -> None:
    model, rows = unmasked(STACK), rows_with_zeros()
    assert export_bundle(model, tmp_path / "b", either_side=True).ok
    bundle = open_bundle(tmp_path / "b")
    for variant, info in bundle.variants.items():
        runner = bundle.runner(variant)
        precision = replace(VARIANTS[variant][1], tolerance=info.tolerance)
        for where in ("none", "in front", "inside"):
            found = run_ids(runner, rows[where])
            assert_within(found, np.asarray(model(rows[where])), precision, f"{variant}, {where}:")
        behind = run_ids(runner, rows["behind"])
        assert np.abs(behind - np.asarray(model(rows["behind"]))).max() > 0.2, variant


# --- short messages, padded and cut behind ----------------------------------------------------------

MESSAGES = Path(__file__).parents[2] / "shared/data/text/sms_spam/SMSSpamCollection.tsv"
TESTED = 1_074


@pytest.mark.skipif(not MESSAGES.exists(), reason="the messages are in ../shared")
def test_spam_padded_behind_is_as_accurate_in_every_file(tmp_path: Path) -> None:
    """And each answer is that of the user's own pipeline, from the text to the probability."""
    legacy = pytest.importorskip("keras.src.legacy.preprocessing.text")
    lines = sorted({line for line in MESSAGES.read_text("utf-8").split("\n") if line})
    keras.utils.set_random_seed(1)
    np.random.default_rng(1).shuffle(lines)
    labels = np.array([line.startswith("spam\t") for line in lines], int)
    texts = [line.partition("\t")[2] for line in lines]
    tested, tested_labels = texts[:TESTED], labels[:TESTED]

    words_of_training = legacy.Tokenizer(num_words=2_000, oov_token="<OOV>")
    words_of_training.fit_on_texts(texts[TESTED:])

    def rows(some: Sequence[str]) -> Any:
        ids = words_of_training.texts_to_sequences(some)
        return keras.utils.pad_sequences(ids, 50, padding="post", truncating="post")

    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((50,), dtype="int32"),
            layers.Embedding(2_000, 16),
            layers.Bidirectional(layers.LSTM(16)),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.005), "binary_crossentropy")
    model.fit(rows(texts[TESTED:]), labels[TESTED:], epochs=3, batch_size=64, verbose=0)
    wanted = model.predict(rows(tested), verbose=0)
    accuracy = np.mean((wanted[:, 0] > 0.5) == tested_labels)
    assert accuracy > 0.97

    model.save(tmp_path / "m.keras")
    vocab = tmp_path / "tokenizer.json"
    vocab.write_text(words_of_training.to_json(), encoding="utf-8")
    shown = np.linspace(TESTED, len(texts) - 1, 20).astype(int)
    mine = examples(
        tmp_path / "mine.jsonl",
        text=[texts[i] for i in shown],
        probability=model.predict(rows([texts[i] for i in shown]), verbose=0)[:, 0].tolist(),
    )
    command = ("export", tmp_path / "m.keras", "--vocab", vocab, "--out", tmp_path / "b",
               "--labels", "ham,spam", "--expect", mine)  # fmt: skip
    refused = run(*command)
    assert refused.exit_code == 2
    assert "agree with --padding post" in " ".join(refused.output.split())
    done = run(*command, "--padding", "post", "--truncating", "post")
    assert done.exit_code == 0, done.output
    bundle = open_bundle(tmp_path / "b")
    assert {*bundle.variants} >= {"onnx-float32", "tflite-float32"}
    for variant, info in bundle.variants.items():
        predicted = load_bundle(tmp_path / "b", variant).predict(tested)
        found = np.float32([[one.probabilities["spam"]] for one in predicted])
        report = compare(variant, wanted, found, info.tolerance, classes=tested_labels)
        assert report.ok, report.failures
        assert edge_check(found, wanted, info.tolerance).ok, variant  # each by its number
        right = np.mean((found[:, 0] > 0.5) == tested_labels)
        assert abs(right - accuracy) <= 0.001, (variant, right, accuracy)


# --- bad input --------------------------------------------------------------------------------------

TWO_LINES = '{"text": "a", "probability": 0.5}\n'
BAD_EXAMPLES: dict[str, tuple[str, str, str]] = {
    "another ending": ("mine.txt", TWO_LINES, "the ending is .txt"),
    "empty": ("mine.jsonl", "", "have no line"),
    "no JSON": ("mine.jsonl", "{", "line 1 is not valid JSON"),
    "no object": ("mine.jsonl", "[1]\n", "expected a JSON object"),
    "text alone": ("mine.jsonl", '{"text": "a"}\n', "have text; expected text with ids"),
    "ids alone": ("mine.jsonl", '{"ids": [1]}\n', "have ids; expected text with ids"),
    "a line that lacks": (
        "mine.jsonl",
        TWO_LINES + '{"text": "b"}\n',
        "line 2: has text; expected",
    ),
    "a text that is none": ("mine.jsonl", '{"text": 1, "label": 0}\n', "its text is not a string"),
    "ids that are none": (
        "mine.jsonl",
        '{"text": "a", "ids": [1.5]}\n',
        "ids are not whole numbers",
    ),
    "no numbers": ("mine.csv", "text,probability\na,much\n", "its probability are not numbers"),
    "a label of no class": ("mine.csv", "text,label\na,maybe\n", "labels not known to the model"),
    "not there": ("", "", "does not exist"),
}


@pytest.mark.parametrize("name", BAD_EXAMPLES)
def test_bad_examples(name: str, tmp_path: Path) -> None:
    """One line, exit code 2, nothing written."""
    model, tokenizer = trained(USUAL)
    model.save(tmp_path / "m.keras")
    file, content, reason = BAD_EXAMPLES[name]
    path = tmp_path / (file or "gone.jsonl")
    if file:
        path.write_text(content, encoding="utf-8")
    vocab = word_index(tokenizer, tmp_path)
    refused = run(
        "export", tmp_path / "m.keras", "--vocab", vocab, "--expect", path, "--out", tmp_path / "b"
    )
    assert refused.exit_code == 2
    assert reason in refused.output, refused.output
    assert len(refused.output.strip().splitlines()) == 1
    assert not (tmp_path / "b").exists()


BAD_OPTIONS: dict[str, tuple[tuple[str, ...], str]] = {
    "two ways": (("--characters", "--pattern", "a+"), "--characters and --pattern are two ways"),
    "no separator": (("--split", ""), "--split is empty"),
    "a start that is none": (("--start-id", "x"), "--start-id is 'x'; expected a whole number"),
    "a start beyond the rows": (
        ("--start-id", "75"),
        "--start-id is 75, but the model's embedding",
    ),
    "unknown below 0": (("--unknown-id", "-1"), "--unknown-id is '-1'; expected a whole number"),
    "first word below 0": (
        ("--first-word-id", "-1"),
        "--first-word-id is -1; expected a whole number",
    ),
    "a pattern that differs": (
        ("--pattern", r"\bword"),
        "does not mean the same in every language",
    ),
    "no pattern": (("--pattern", "(?:a"), "is no regular expression"),
    "both sides, behind": (
        ("--either-side", "--padding", "post"),
        "--either-side skips pads behind",
    ),
}


@pytest.mark.parametrize("name", BAD_OPTIONS)
def test_bad_options(name: str, tmp_path: Path) -> None:
    model, tokenizer = trained(USUAL)
    model.save(tmp_path / "m.keras")
    vocab = word_index(tokenizer, tmp_path)
    options, reason = BAD_OPTIONS[name]
    refused = run(
        "export", tmp_path / "m.keras", "--vocab", vocab, *options, "--out", tmp_path / "b"
    )
    assert refused.exit_code == 2
    assert reason in refused.output, refused.output
    assert len(refused.output.strip().splitlines()) == 1
    assert not (tmp_path / "b").exists()


def test_flips_of_another_kind(light_bundle: Path, tmp_path: Path) -> None:
    refused = run("verify", light_bundle, "--flips", tmp_path / "flips.txt")
    assert refused.exit_code == 2
    assert "flips.txt: unknown kind" in refused.output
    assert not list(tmp_path.iterdir())


def test_settings_of_words_need_a_vocabulary_and_texts_a_model_of_texts(tmp_path: Path) -> None:
    model, _ = trained(USUAL)
    with pytest.raises(
        InputError, match="`filters`: how words become ids, and there is no `vocab`"
    ):
        export(model, tmp_path / "b", text_settings={"filters": ""})
    layers = keras.layers
    series = keras.Sequential([keras.Input((8, 3)), layers.LSTM(4), layers.Dense(2)])
    for options in ({"text_settings": {"padding": "post"}}, {"either_side": True}):
        with pytest.raises(InputError, match=r"takes arrays|models of Embedding"):
            export(series, tmp_path / "b", **options)
    assert not (tmp_path / "b").exists()
