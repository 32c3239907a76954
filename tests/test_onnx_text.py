"""ONNX files that take a text: the ids made in the graph are the tokeniser's, id for id."""

from __future__ import annotations

import csv
import gzip
import itertools
import random
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import WORDS
from graph_models import remembering, words
from models import kinds

import lstm_edge
from export import export_bundle
from export.formats import Texts
from export.lowering import onnx_text
from lstm_edge.base.arrays import Ids
from lstm_edge.bundle.opening import TextBundle, open_bundle
from lstm_edge.errors import InputError, UnsupportedModelError
from lstm_edge.inputs.tokenizer import (
    KERAS_FILTERS,
    NO_CHARACTER,
    TextSettings,
    Tokenizer,
    load_tokenizer,
    pad_sequences,
)
from lstm_edge.inputs.vocabulary import OF_VECTORIZATION
from lstm_edge.predict.classifier import Classifier
from lstm_edge.runtimes.runners import TextRunner

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared" / "data" / "imdb"
IMDB = Path(lstm_edge.__file__).parent / "assets" / "imdb"
CONSTRUCTED, REAL = 500, 5_000
HALVES = re.compile("[\ud800-\udfff]")

# --- texts ----------------------------------------------------------------------------------------

WHITE = [
    "\t",
    "\n",
    "\r",
    "\r\n",
    "\x0b",
    "\x0c",
    "\x1c",
    "\x85",
    "\xa0",
    "\u2003",
    "\u2028",
    "\u3000",
]
ODD = [
    *WHITE,
    *KERAS_FILTERS,
    *"'´’`…–—“”",
    *("\x00", "\x01", "\x02", "\x03", "\x7f", "\u200b", "\u200d", "\ufeff", "\ufffd", NO_CHARACTER),
    *("İ", "ı", "I", "i\u0307", "ß", "ẞ", "ſ", "K", "Å", "Ω", "µ", "ǅ", "Ǆ", "ŉ", "ﬁ", "ﬃ", "Ĳ"),
    *(
        "Σ",
        "σ",
        "ς",
        "ΑΣ",
        "É",
        "é",
        "e\u0301",
        "E\u0301",
        "\u0301",
        "Ⓐ",
        "Ａ",
        "Ⅷ",
        "𝐀",
        "𐐀",
        "Ა",
        "Ꭰ",
    ),
    *(
        "😀",
        "👍🏽",
        "👩\u200d👧",
        "🏳\ufe0f",
        "\U0010ffff",
        "\U00010000",
        "\ud83d",
        "\udc00",
        "映画",
        "мир",
        "МИР",
    ),
    *(
        "<br />",
        "</i>",
        "&amp;",
        "3.14",
        "1,000",
        "don't",
        "DON'T",
        "o'clock",
        "iPhone",
        "McDONALD",
    ),
]


def constructed(vocabulary: Sequence[str]) -> list[str]:
    """Texts of every edge, and then drawn ones of odd pieces between and inside known words."""
    rng = random.Random(0)
    plain = [word for word in vocabulary if word.isalpha()] or list(vocabulary)
    some = [rng.choice(plain) for _ in range(4)]
    texts = [
        *(
            "",
            " ",
            "  ",
            KERAS_FILTERS,
            KERAS_FILTERS * 40,
            "'",
            "' '",
            "\x00",
            "\ud800",
            "a",
            "A" * 10_000,
        ),
        *(some[0] * 3_000, some[0] + " " + "x" * 10_000 + " " + some[1], "?!" * 5_000),
        *(" ".join([some[1]] * n) for n in (1, 498, 499, 500, 501, 502, 1_200)),
        *("!".join(rng.choice(plain).upper() for _ in range(n)) for n in (3, 499, 500, 777)),
        "".join(f"<br /><br />{rng.choice(plain).title()}" for _ in range(300)),
    ]
    for piece in ODD:  # alone, between words, inside one, at both ends
        texts.append(piece)
        texts.append(
            f"{some[0]}{piece}{some[1]} {piece}{some[2]} {some[3]}{piece} {some[0].upper()}"
        )
    for word in some:
        texts += [
            word.upper(),
            word.title(),
            word.swapcase(),
            word[:1] + word[1:].upper(),
            word * 2,
        ]
    while len(set(texts)) < CONSTRUCTED:
        parts = []
        for _ in range(rng.randrange(1, 60)):
            word = rng.choice(vocabulary)
            # any mix of cases: a list of spellings would not have them all
            word = "".join(rng.choice((c, c.upper())) for c in word)
            parts.append(rng.choice((word, word, rng.choice(ODD))))
            parts.append(rng.choice((" ", " ", "", rng.choice(ODD))))
        texts.append("".join(parts))
    return list(dict.fromkeys(texts))


def real() -> list[str]:
    """Reviews of both splits, evenly over each."""
    if not SHARED.is_dir():
        pytest.skip(f"no reviews at {SHARED}")
    found: list[str] = []
    for name in ("train.csv.gz", "test.csv.gz"):
        with gzip.open(SHARED / name, "rt", encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        found += [row["text"] for row in rows[:: len(rows) * 2 // REAL]][: REAL // 2]
    return found


# --- ids ------------------------------------------------------------------------------------------


class Graph:
    """The tokenising part alone, in ONNX Runtime: texts -> ids [N, T]."""

    def __init__(self, tokenizer: Tokenizer, pads: str = "any") -> None:
        import onnxruntime

        model = onnx_text.tokenising_graph(Texts(tokenizer, ("no", "yes"), pads))
        self._session = onnxruntime.InferenceSession(
            model.SerializeToString(), providers=["CPUExecutionProvider"]
        )

    def __call__(self, texts: Sequence[str]) -> Ids:
        whole = [HALVES.sub(NO_CHARACTER, text) for text in texts]  # as the runner does
        ids: Ids = self._session.run(None, {"text": np.array(whole, object)})[0]
        return ids


def wrong(
    ids_of: Callable[[Sequence[str]], Sequence[Ids]], tokenizer: Tokenizer, texts: Sequence[str]
) -> list[str]:
    """Texts, one at a time, whose ids are not the tokeniser's."""
    pad = [tokenizer.settings.pad_id]
    return [
        text
        for text, ids in zip(texts, tokenizer.encode(texts), strict=True)
        if not np.array_equal(ids_of([text])[0], ids if len(ids) else pad)
    ]


@pytest.fixture(scope="module")
def shipped() -> Tokenizer:
    return load_tokenizer(IMDB / "vocab.txt", 10_000, TextSettings())


@pytest.fixture(scope="module")
def shipped_graph(shipped: Tokenizer) -> Graph:
    return Graph(shipped)


@pytest.fixture(scope="module")
def edges(shipped: Tokenizer) -> list[str]:
    return constructed(shipped.tokens[shipped.settings.first_word_id :])


def test_constructed_texts_id_for_id(
    shipped: Tokenizer, shipped_graph: Graph, edges: list[str]
) -> None:
    assert len(edges) == CONSTRUCTED
    assert wrong(shipped_graph, shipped, edges) == []


def test_real_texts_id_for_id(shipped: Tokenizer, shipped_graph: Graph) -> None:
    texts = real()
    assert len(texts) == REAL
    assert wrong(shipped_graph, shipped, texts) == []


@pytest.mark.parametrize("pads", ["skipped", "front"])
@pytest.mark.parametrize("size", [2, 7, 64])
def test_texts_of_many_lengths_in_a_call(
    size: int, pads: str, shipped: Tokenizer, edges: list[str]
) -> None:
    """As wide as the longest, or as the model where that is asked for; pads in front."""
    graph = Graph(shipped, pads)
    for begin in range(0, 128, size):
        texts = edges[begin : begin + size]
        expected = shipped.encode(texts)
        width = shipped.settings.max_length if pads == "front" else max(map(len, expected))
        np.testing.assert_array_equal(graph(texts), pad_sequences(expected, width))


RULES: dict[str, dict[str, Any]] = {
    "case is kept": {"lower": False},
    "no start": {"start_id": None},
    "unknown words are dropped": {"unknown_id": None},
    "one id less is kept": {"max_length": 499},
    "one id more is kept": {"max_length": 501},
    "white space is like a space": {"filters": KERAS_FILTERS + "\r\x0b\x0c\x85\xa0\u2028"},
    "the apostrophe is filtered": {"filters": KERAS_FILTERS + "'"},
    **{f"{c!r} is not filtered": {"filters": KERAS_FILTERS.replace(c, "")} for c in KERAS_FILTERS},
}


@pytest.mark.parametrize("changed", RULES.values(), ids=RULES)
def test_constructed_texts_tell_every_rule(
    changed: dict[str, Any], shipped: Tokenizer, edges: list[str]
) -> None:
    """No rule could be broken without one of the texts showing it."""
    other = Tokenizer(shipped.tokens, TextSettings(**changed))
    assert wrong(other.encode, shipped, edges)


SPREAD: dict[str, Callable[[str], str]] = {
    "ASCII only": lambda c: c.lower() if c.isascii() else c,
    "case folding": str.casefold,
    "only what has an upper case too": lambda c: c.lower() if c.lower().upper() == c else c,
}


@pytest.mark.parametrize("lower", SPREAD.values(), ids=SPREAD)
def test_other_ways_to_lower_case_are_told_apart(
    lower: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the graph itself: each would be right on most texts."""

    class Other(str):
        def lower(self) -> str:
            return lower(str(self))

    kept = onnx_text._kept
    tokenizer = Tokenizer(["", "straße", "kinder", "élan", "i\u0307n", "strasse"], OWN)
    assert wrong(Graph(tokenizer), tokenizer, LOWERED) == []
    monkeypatch.setattr(onnx_text, "_kept", lambda c, *rest: kept(Other(c), *rest))
    assert wrong(Graph(tokenizer), tokenizer, LOWERED)


OWN = TextSettings(start_id=None, unknown_id=None, first_word_id=1)
LOWERED = ["Straße", "STRASSE", "STRAẞE", "\u212aINDER Kinder", "ÉLAN élan", "İN"]

OTHER: dict[str, tuple[dict[str, Any], Sequence[str]]] = {
    "case kept": ({"lower": False}, ["Good", "good", "BAD", "é", "É"]),
    "no filters": ({"filters": ""}, ["good!", "good", "<b>", "(", '"']),
    "letters filtered": ({"filters": "aeiou'"}, ["g", "d", "b", "x'y"]),
    "capitals filtered, which no text has": ({"filters": "AB"}, ["a", "b", "ab"]),
    "own split": ({"split": "_", "filters": " \t\n"}, ["good", "bad day", "a", "\\"]),
    "a split of letters": ({"split": "x", "filters": "!"}, ["good", "bad", " good ", "a x"]),
    "long split": ({"split": " - ", "filters": "!,"}, ["good", "bad day", "-", "- -", "a"]),
    "split with capitals": ({"split": "<S>", "filters": "!"}, ["good", "<s>", "s", "S"]),
    "split of two characters": ({"split": 'é"', "filters": "\n"}, ["good", "É", '"', "e"]),
    "filtered marks": ({"filters": "\u0307!"}, ["i", "istanbul", "good"]),
    "no start, unknown dropped": (
        {"start_id": None, "unknown_id": None, "first_word_id": 1},
        ["good", "bad", "don't"],
    ),
    "no start": ({"start_id": None}, ["good", "bad"]),
    "unknown dropped": ({"unknown_id": None}, ["good", "bad"]),
    "other special ids": (
        {"pad_id": 3, "start_id": 0, "unknown_id": 1, "first_word_id": 5},
        ["good", "bad"],
    ),
    "one id": ({"max_length": 1}, ["good", "bad"]),
    "three ids": ({"max_length": 3, "start_id": None}, ["good", "bad", "a"]),
    "many alphabets": (
        {},
        [
            *(
                "straße",
                "élan",
                "e\u0301",
                "мир",
                "映画",
                "ﬁn",
                "i\u0307stanbul",
                "kelvin",
                "ǆ",
                "ⓐ",
            ),
            *(
                "😀",
                "👍🏽",
                "𐐨",
                "ა",
                "ꭰ",
                "o\u2019clock",
                "\u200b",
                "\xa0",
                "a\rb",
                "a\x85b",
                "å",
                "ω",
            ),
        ],
    ),
    "padded behind": ({"padding": "post", "max_length": 9}, ["good", "bad", "a"]),
    "cut behind": ({"truncating": "post", "max_length": 9}, ["good", "bad", "a"]),
    "padded and cut behind, unknown dropped": (
        {"padding": "post", "truncating": "post", "max_length": 9, "unknown_id": None},
        ["good", "bad", "a"],
    ),
    "as TextVectorization": (
        {**OF_VECTORIZATION.to_json(), "max_length": 9},
        ["good", "dont", "É", "é", "a"],
    ),
    "A to Z only": ({"lower_ascii": True}, ["good", "É", "é", "ς", "σ", "k"]),
    "characters": (
        {"characters": True, "filters": "", "max_length": 30},
        ["a", " ", "é", "i", "\u0307", "😀", "."],
    ),
    "characters but for some": (
        {"characters": True, "filters": "", "deleted": "aé.", "lower": False},
        ["b", "d", " ", "G"],
    ),
    "words that no text has": ({}, ["Good", "a b", "a,b", "", "good", "\t"]),
}


@pytest.mark.parametrize(
    ("name", "pads"),
    [(name, "skipped") for name, (options, _) in OTHER.items() if "padding" not in options]
    + [(name, "behind") for name, (options, _) in OTHER.items() if "padding" in options]
    + [(name, "front") for name in ("cut behind", "characters")]
    + [
        (name, pads)
        for name in ("one id", "other special ids", "no start, unknown dropped")
        for pads in ("front", "none")
    ],
)
def test_other_settings_id_for_id(name: str, pads: str) -> None:
    options, vocabulary = OTHER[name]
    settings = TextSettings(**options)
    tokenizer = Tokenizer(
        [f"<{i}>" for i in range(settings.first_word_id)] + [*vocabulary], settings
    )
    assert onnx_text.obstacles(tokenizer) == []
    graph = Graph(tokenizer, pads)
    texts = [
        *constructed(vocabulary)[:200],
        *itertools.starmap("{}{}{}".format, glued(settings, vocabulary)),
    ]
    if pads not in ("front", "behind"):
        assert wrong(graph, tokenizer, texts) == []
        return
    expected = tokenizer.settings.padded(tokenizer.encode(texts))
    for text, ids in zip(texts, expected, strict=True):
        np.testing.assert_array_equal(graph([text])[0], ids, text)


def glued(settings: TextSettings, vocabulary: Sequence[str]) -> Iterable[tuple[str, str, str]]:
    """Pairs of words with a separator, part of one, or a filtered character between."""
    between = [
        settings.split,
        settings.split * 2,
        settings.split[:1],
        *settings.filters[:2],
        " ",
        "",
    ]
    pairs = itertools.product(vocabulary[:5], between, vocabulary[:5])
    return ((a.upper(), glue, b) for a, glue, b in pairs)


@pytest.mark.parametrize(
    ("vocabulary", "options", "obstacle"),
    [
        (["καλος", "καλός", "λόγος"], {}, "the vocabulary tells σ from ς"),
        (["σα"], {}, "the vocabulary tells σ from ς"),
        (["a"], {"filters": "ς"}, "the vocabulary tells σ from ς"),
        (["a\uffffb"], {}, "characters that no text in UTF-8 means: U+FFFF"),
        (["a", "\ud83d"], {}, "characters that no text in UTF-8 means: U+D83D"),
        (["a"], {"filters": "\udc00!"}, "characters that no text in UTF-8 means: U+DC00"),
        (["λόγος", "σα"], {"lower": False}, None),  # nothing becomes one of them
        (["καλο", "αβγ"], {}, None),
    ],
)
def test_what_a_graph_cannot_tell(
    vocabulary: list[str], options: dict[str, Any], obstacle: str | None
) -> None:
    settings = TextSettings(**options)
    found = onnx_text.obstacles(Tokenizer([*settings.special_tokens(), *vocabulary], settings))
    assert len(found) == (obstacle is not None)
    assert all(obstacle in one for one in found if obstacle)


# --- files ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bundle(small: Callable[..., Path]) -> TextBundle:
    found = open_bundle(small(wanted_formats=["onnx"], text_input=True))
    assert isinstance(found, TextBundle)
    return found


@pytest.mark.parametrize("precision", ["float32", "float16", "int8-dynamic"])
def test_a_file_of_texts_answers_as_the_file_of_ids(precision: str, bundle: TextBundle) -> None:
    name = f"onnx-{precision}-text"
    info = bundle.variant(name)
    assert info.inputs == ({"name": "text", "dtype": "string", "shape": [-1]},)
    assert info.outputs[0]["shape"] == [-1, 1]
    assert info.lowering.startswith("the text made into ids; LSTM nodes")
    assert "StringNormalizer" not in info.ops  # needs a locale
    assert info.problems == ()
    texts = constructed(WORDS)[:120]
    runner = bundle.runner(name)
    assert isinstance(runner, TextRunner)
    of_ids = Classifier(bundle, f"onnx-{precision}")
    expected = [answer.probability for answer in of_ids.predict(texts)]
    answers = Classifier(bundle, name).predict(texts)
    np.testing.assert_allclose([a.probability for a in answers], expected, rtol=0, atol=1e-6)
    runner.set_workers(3)
    np.testing.assert_array_equal(
        runner.run_texts(texts), np.concatenate([runner.infer(t) for t in texts])
    )


def test_a_batch_of_texts_as_each_alone(bundle: TextBundle) -> None:
    import onnxruntime

    path = bundle.path / bundle.variant("onnx-float32-text").file
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    texts = [HALVES.sub(NO_CHARACTER, text) for text in constructed(WORDS)[:40]]
    (together,) = session.run(None, {"text": np.array(texts, object)})
    alone = [session.run(None, {"text": np.array([text], object)})[0] for text in texts]
    np.testing.assert_allclose(together, np.concatenate(alone), rtol=0, atol=1e-6)


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("vocab") / "words.txt"
    settings = TextSettings(max_length=12)
    Tokenizer([*settings.special_tokens(), *WORDS], settings).save(path)
    return path


def classifier(steps: int | None, dtype: str = "int32", classes: int = 1) -> Any:
    end = {"units": 1, "activation": "sigmoid"}
    if classes > 1:
        end = {"units": classes, "activation": "softmax"}
    layers = kinds().Bidirectional(kinds().LSTM(24)), kinds().Dense(**end)
    return remembering(words(*layers, steps=steps, dtype=dtype))


@pytest.mark.parametrize(
    ("steps", "dtype", "batch", "precisions"),
    [
        (12, "int32", -1, []),
        (12, "float32", -1, ["float32"]),
        (None, "int32", 1, ["float32"]),
    ],
)
def test_models_of_other_layers(
    steps: int | None,
    dtype: str,
    batch: int,
    precisions: list[str],
    vocabulary: Path,
    tmp_path: Path,
) -> None:
    """Pads in front up to the model's length; or none, and then a text at a time."""
    result = export_bundle(
        classifier(steps, dtype, 3),
        tmp_path / "b",
        vocab=vocabulary,
        labels=["a", "b", "c"],
        wanted_formats=["onnx"],
        precisions=precisions,
        text_input=True,
    )
    assert result.ok, [report.failures for report in result.reports]
    bundle = open_bundle(tmp_path / "b")
    assert isinstance(bundle, TextBundle)
    for info in bundle.variants.values():
        if info.made_for:
            assert info.inputs[0]["shape"] == [batch]
            assert info.batch == (1 if batch == 1 or "int8" in info.precision else None)
            texts = constructed(WORDS)[:60]
            plain = Classifier(bundle, info.name.removesuffix("-text"))
            for a, b in zip(
                plain.predict(texts), Classifier(bundle, info.name).predict(texts), strict=True
            ):
                assert a.probability == pytest.approx(b.probability, abs=1e-6)


def test_an_obstacle_of_the_tokeniser_is_said(model_files: Path, tmp_path: Path) -> None:
    settings = TextSettings(max_length=20)
    path = tmp_path / "greek.txt"
    Tokenizer([*settings.special_tokens(), *WORDS[:-1], "λόγος"], settings).save(path)
    with pytest.raises(UnsupportedModelError, match="tells σ from ς"):
        export_bundle(model_files / "small.keras", tmp_path / "b", vocab=path, text_input=True)
    assert not (tmp_path / "b").exists()


def test_text_input_is_of_onnx(model_files: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no text variant has format tflite"):
        export_bundle(
            model_files / "small.keras",
            tmp_path / "b",
            vocab=model_files / "words.txt",
            wanted_formats=["tflite"],
            text_input=True,
        )
