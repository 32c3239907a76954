"""Every combination of the settings that make ids of a text gives Keras's own ids on real texts, whatever
makes them: Python, JavaScript, Kotlin, the graph of an ONNX file, MediaPipe.
"""

from __future__ import annotations

import csv
import gzip
import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from test_golden_examples import WEB as EXAMPLE
from test_golden_examples import kotlin_program
from test_onnx_text import Graph
from test_web import in_node

from export.lowering import letters, onnx_text
from lstm_edge.base.arrays import Ids
from lstm_edge.inputs.samples import load as sample_reviews
from lstm_edge.inputs.tokenizer import KERAS_FILTERS, TextSettings, Tokenizer, portable_pattern
from lstm_edge.inputs.vocabulary import PUNCTUATION, WHITESPACE

tf = pytest.importorskip("tensorflow")
keras = pytest.importorskip("keras")
legacy = pytest.importorskip("keras.src.legacy.preprocessing.text")

DATA = Path(__file__).parents[2] / "shared" / "data"
REAL = 2_000
LETTERS = 400  # of a review, so that some texts are cut and others filled up
LENGTH = 60
ROWS = {
    "words": 600,
    "characters": 40,
}  # few, so that unknown ones are frequent, yet with a word of "ü"
PATTERN = r"\w+(?:'[a-z]+)?|[^\w\s]{2,}"

SPLITS: dict[str, dict[str, Any]] = {
    "words": {"filters": KERAS_FILTERS},
    "no filters": {"filters": ""},
    "punctuation deleted": {"filters": WHITESPACE, "deleted": PUNCTUATION},
    "characters": {"filters": "", "characters": True},
    "a regular expression": {"filters": "", "pattern": portable_pattern(PATTERN)},
}


# --- the grid -------------------------------------------------------------------------------------


class Choice(NamedTuple):
    padding: str
    truncating: str
    start: bool
    unknown: bool
    lower: str
    split: str

    @property
    def settings(self) -> TextSettings:
        return TextSettings(
            LENGTH,
            lower=self.lower != "no",
            lower_ascii=self.lower == "ASCII",
            padding=self.padding,
            truncating=self.truncating,
            start_id=1 if self.start else None,
            unknown_id=1 + self.start if self.unknown else None,
            first_word_id=1 + self.start + self.unknown,
            **SPLITS[self.split],
        )


SIDES, BOTH = ("pre", "post"), (False, True)
GRID = [
    Choice(*values)
    for values in itertools.product(SIDES, SIDES, BOTH, BOTH, ("no", "yes", "ASCII"), SPLITS)
]


def pairwise(choices: Iterable[Choice]) -> list[Choice]:
    """Some of these, in which any two settings have every two values that they have together in all."""

    def pairs(choice: Choice) -> set[Any]:
        return set(itertools.combinations(enumerate(choice), 2))

    every = list(choices)
    open_, chosen = set().union(*map(pairs, every)), []
    while open_:
        chosen.append(max(every, key=lambda choice: len(open_ & pairs(choice))))
        open_ -= pairs(chosen[-1])
    return chosen


def test_few_choices_cover_every_pair() -> None:
    chosen = pairwise(GRID)
    assert len(chosen) < len(GRID) / 8
    for at, other in itertools.combinations(range(len(Choice._fields)), 2):
        found = {(choice[at], choice[other]) for choice in chosen}
        assert found == {(choice[at], choice[other]) for choice in GRID}


# --- texts ----------------------------------------------------------------------------------------


def real() -> list[str]:
    """Reviews, of both classes, and short messages; none twice."""
    reviews, messages = DATA / "imdb" / "test.csv.gz", DATA / "text" / "sms_spam"
    if not (reviews.is_file() and messages.is_dir()):
        pytest.skip(f"no reviews and messages at {DATA}")
    with gzip.open(reviews, "rt", encoding="utf-8", newline="") as file:
        found = [
            row["text"][:LETTERS] for row in itertools.islice(csv.DictReader(file), 0, None, 24)
        ]
    lines = (messages / "SMSSpamCollection.tsv").read_text("utf-8").split("\n")
    found = [*found[: REAL // 2], *(line.partition("\t")[2] for line in lines if line)]
    return list(dict.fromkeys(found))[:REAL]


def shipped() -> list[str]:
    return [text[:LETTERS] for text in sample_reviews().texts or ()]


SOURCES: dict[str, tuple[Callable[[], list[str]], int]] = {
    "the shipped reviews, every pair": (shipped, 72),
    "2,000 real texts, every choice": (real, REAL),
}
each_source = pytest.mark.parametrize("source", SOURCES)


@cache
def texts_of(source: str) -> list[str]:
    read, count = SOURCES[source]
    texts = read()
    assert len(texts) == count
    return texts


def choices_of(source: str) -> list[Choice]:
    return GRID if source.endswith("every choice") else pairwise(GRID)


# --- Keras ----------------------------------------------------------------------------------------


def lowered(texts: Sequence[str], lower: str) -> list[str]:
    """Without our code: ``ASCII`` by the operator that TextVectorization uses."""
    if lower == "ASCII":
        return [text.decode() for text in tf.strings.lower(list(texts)).numpy()]
    return [text.lower() if lower == "yes" else text for text in texts]


def by_tokenizer(
    source: str, lower: str, split: str, unknown: bool
) -> tuple[list[str], list[list[int]]]:
    """Words, and the ids of every text, of Keras's Tokenizer. It lower-cases in Python's way only."""
    texts = texts_of(source) if lower == "yes" else lowered(texts_of(source), lower)
    characters = split == "characters"
    made = legacy.Tokenizer(
        ROWS["characters" if characters else "words"],
        filters="" if split == "no filters" else KERAS_FILTERS,
        lower=lower == "yes",
        char_level=characters,
        oov_token="<OOV>" if unknown else None,
    )
    made.fit_on_texts(texts)
    words = [word for word, i in made.word_index.items() if i < made.num_words]
    return words[unknown:], made.texts_to_sequences(texts)


def by_layer(
    source: str, lower: str, split: str, unknown: bool
) -> tuple[list[str], list[list[int]]]:
    """Of Keras's TextVectorization. It lower-cases in ASCII only, and has an id for unknown words."""
    texts = lowered(texts_of(source), lower) if lower == "yes" else texts_of(source)
    if split == "characters":
        rows, standardize = "characters", "lower" if lower == "ASCII" else None
    else:
        rows, standardize = "words", "strip_punctuation"
        standardize = "lower_and_strip_punctuation" if lower == "ASCII" else standardize
    layer = keras.layers.TextVectorization(
        ROWS[rows], standardize, "character" if split == "characters" else "whitespace"
    )
    # in Keras's own file of words, control characters would end a line
    layer.adapt([text for text in texts if text.isprintable()])
    sequences = [row[row > 0].tolist() for row in layer(tf.constant(texts)).numpy()]
    if not unknown:
        sequences = [[i - 1 for i in row if i != 1] for row in sequences]
    return layer.get_vocabulary()[2:], sequences


def by_pattern(
    source: str, lower: str, split: str, unknown: bool
) -> tuple[list[str], list[list[int]]]:
    """Keras has no class for it: Python's ``re``."""
    found = [re.findall(PATTERN, text) for text in lowered(texts_of(source), lower)]
    counted = Counter(itertools.chain.from_iterable(found)).most_common(ROWS["words"])
    words = [word for word, _ in counted]
    ids = {word: i for i, word in enumerate(words, 1 + unknown)}
    sequences = [[ids.get(word, 1 if unknown else 0) for word in row] for row in found]
    return words, [[i for i in row if i] for row in sequences]


@cache
def without_start(
    source: str, lower: str, split: str, unknown: bool
) -> tuple[list[str], list[list[int]]]:
    if split == "a regular expression":
        make = by_pattern
    elif split == "punctuation deleted" or (split == "characters" and lower != "yes"):
        make = by_layer
    else:
        make = by_tokenizer
    return make(source, lower, split, unknown)


@cache
def started(source: str, lower: str, split: str, unknown: bool, start: bool) -> list[Ids]:
    _, sequences = without_start(source, lower, split, unknown)
    if not start:
        return [np.array(row, np.int32) for row in sequences]
    return [np.array([1, *(i + 1 for i in row)], np.int32) for row in sequences]


def keras_ids(source: str, choice: Choice) -> Ids:
    """Ids of every text, cut and filled up by Keras: int32 [N, LENGTH]."""
    rows = started(source, choice.lower, choice.split, choice.unknown, choice.start)
    return np.asarray(
        keras.utils.pad_sequences(
            rows, LENGTH, padding=choice.padding, truncating=choice.truncating
        ),
        np.int32,
    )


def tokenizer_of(source: str, choice: Choice) -> Tokenizer:
    words, _ = without_start(source, choice.lower, choice.split, choice.unknown)
    return Tokenizer([*choice.settings.special_tokens(), *words], choice.settings)


def wrong(source: str, choice: Choice, ids: Ids) -> list[tuple[Choice, str]]:
    """The texts whose ids are not Keras's."""
    differ = (ids != keras_ids(source, choice)).any(1)
    return [(choice, text) for text, off in zip(texts_of(source), differ, strict=True) if off]


@each_source
def test_the_texts_tell_every_choice_from_any_other(source: str) -> None:
    choices = choices_of(source)
    ids = {keras_ids(source, choice).tobytes() for choice in choices}
    assert len(ids) == len(choices)
    for choice in choices:
        rows = started(source, choice.lower, choice.split, choice.unknown, choice.start)
        lengths = [len(row) for row in rows]
        assert min(lengths) < LENGTH < max(lengths)
        if choice.unknown:
            counts = [np.count_nonzero(row == choice.settings.unknown_id) for row in rows]
            assert np.count_nonzero(counts) > len(rows) / 4


# --- the languages --------------------------------------------------------------------------------


@each_source
def test_python(source: str) -> None:
    for choice in choices_of(source):
        tokenizer = tokenizer_of(source, choice)
        ids = choice.settings.padded(tokenizer.encode(texts_of(source)))
        assert wrong(source, choice, ids) == []


def numbers(rows: Ids) -> list[int]:
    """One number for the ids of each row, pads left out, so that they need not be sent all."""
    total = np.full(len(rows), 7, np.int32)
    for column in rows.T:
        total = np.where(column == 0, total, total * np.int32(1_000_003) + column + np.int32(1))
    return [int(number) for number in total]


HASHED = """
const hash = (ids) => ids.reduce((sum, id) => (Math.imul(sum, 1000003) + id + 1) | 0, 7);
return given.choices.map(({ vocab, settings }) => {
  const idsOf = makeTokenizer(vocab, settings);
  return given.texts.map((text) => hash(idsOf(text)));
});
"""
PAGES = """
const makeTokenizer = (vocab, settings) => {
  const made = new Tokenizer(parseVocab(vocab), settings);
  return (text) => made.encode(text);
};
"""
KOTLIN = """
    import org.json.JSONArray
    import org.json.JSONObject

    fun main() {
        val given = JSONObject(System.`in`.readBytes().toString(Charsets.UTF_8))
        val texts = given.getJSONArray("texts")
        val found = JSONArray()
        for (i in 0 until given.getJSONArray("choices").length()) {
            val choice = given.getJSONArray("choices").getJSONObject(i)
            val tokenizer = Tokenizer(choice.getString("vocab"), choice.getJSONObject("settings"))
            val sums = JSONArray()
            for (t in 0 until texts.length()) {
                val ids = tokenizer.encode(texts.getString(t))
                sums.put(ids.fold(7) { sum, id -> sum * 1000003 + id + 1 })
            }
            found.put(sums)
        }
        println(found)
    }
"""


def check_language(
    source: str, folder: Path, run: Callable[[Any], list[list[int]]], choices: Sequence[Choice] = ()
) -> None:
    """All choices, or those given, in one process."""
    choices, given = choices or choices_of(source), []
    for choice in choices:
        tokenizer_of(source, choice).save(folder / "vocab.txt")
        vocab = (folder / "vocab.txt").read_text(encoding="utf-8")
        given.append({"vocab": vocab, "settings": choice.settings.to_json()})
    found = run({"texts": texts_of(source), "choices": given})
    for choice, sums in zip(choices, found, strict=True):
        pairs = zip(texts_of(source), sums, numbers(keras_ids(source, choice)), strict=True)
        assert [(choice, text) for text, ours, theirs in pairs if ours != theirs] == []


@each_source
def test_javascript_of_the_pages(source: str, node: str, tmp_path: Path) -> None:
    names = "Tokenizer, parseVocab"
    check_language(
        source, tmp_path, lambda given: in_node(node, "tokenizer.js", names, PAGES + HASHED, given)
    )


@each_source
def test_the_example_in_javascript(source: str, node: str, tmp_path: Path) -> None:
    module, names = (EXAMPLE / "golden.mjs").as_uri(), "tokenizer as makeTokenizer"
    check_language(source, tmp_path, lambda given: in_node(node, module, names, HASHED, given))


@pytest.fixture(scope="module")
def kotlin(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Any], Any]:
    return kotlin_program(tmp_path_factory.mktemp("kotlin"), KOTLIN)


@each_source
def test_the_example_in_kotlin(source: str, kotlin: Callable[[Any], Any], tmp_path: Path) -> None:
    """Java looks through hundreds of ranges of ``\\w`` for each letter: few choices have a pattern."""
    few = pairwise(GRID)
    every = [choice for choice in GRID if choice.split != "a regular expression" or choice in few]
    check_language(source, tmp_path, kotlin, every)


# --- in the files themselves ----------------------------------------------------------------------

WHOLE = list(SOURCES)[-1]
AT_ONCE = 50


def refusal(choice: Choice, obstacles: Callable[[Tokenizer], list[str]]) -> str | None:
    reasons = obstacles(tokenizer_of(WHOLE, choice))
    assert len(reasons) < 2
    return reasons[0] if reasons else None


def test_the_graph_of_an_onnx_file() -> None:
    taken = []
    for choice in GRID:
        reason = refusal(choice, onnx_text.obstacles)
        if choice.split == "a regular expression":
            assert reason is not None
            assert "regular expression, which no operator of ONNX does" in reason
        else:
            assert reason is None, choice
            taken.append(choice)
    texts = texts_of(WHOLE)
    for choice in pairwise(taken):
        pads = "behind" if choice.padding == "post" else "front"
        graph = Graph(tokenizer_of(WHOLE, choice), pads)
        ids = [graph(texts[at : at + AT_ONCE]) for at in range(0, len(texts), AT_ONCE)]
        assert wrong(WHOLE, choice, np.concatenate(ids)) == []


REFUSED = {
    "a regular expression": "found by a regular expression, and MediaPipe's takes single letters",
    "characters": "every character is a word",
    "no filters": "splits at spaces but not at line breaks",  # where unknown words have an id
}


def test_mediapipe(tmp_path: Path) -> None:
    pytest.importorskip("mediapipe", reason="MediaPipe is not installed")
    from test_mediapipe import ids_in_mediapipe

    taken = []
    for choice in GRID:
        reason = refusal(choice, letters.obstacles)
        expected = REFUSED.get(choice.split)
        if expected is None or (choice.split == "no filters" and not choice.unknown):
            assert reason is None, choice
            taken.append(choice)
        else:
            assert reason is not None
            assert expected in reason
    for choice in pairwise(taken):
        ids = ids_in_mediapipe(tokenizer_of(WHOLE, choice), tmp_path)
        found = np.concatenate([ids(text) for text in texts_of(WHOLE)])
        assert wrong(WHOLE, choice, found) == []
