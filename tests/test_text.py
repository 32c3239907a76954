"""Words, ids and pads are Keras's own: every table is run through Keras, too."""

from __future__ import annotations

import csv
import dataclasses
import gzip
import itertools
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lstm_edge.errors import InputError
from lstm_edge.inputs import data, from_imdb, labelled
from lstm_edge.inputs.tokenizer import (
    KERAS_FILTERS,
    PAD,
    START,
    UNKNOWN,
    UNUSED,
    TextSettings,
    Tokenizer,
    load_tokenizer,
    pad_sequences,
    portable_pattern,
    words_of,
)
from lstm_edge.inputs.vocabulary import read_vocabulary

SHARED = Path(__file__).parents[2] / "shared"
REVIEWS = 2_000

NASTY = [
    "",
    " ",
    "!!! ... ???",
    "\t\n",
    KERAS_FILTERS,
    "It's the director's 'cut', isn't it?",
    "''' ' ''",
    "one\ttwo\nthree  four",
    "carriage\rreturn and \r\n both",
    "non\u00a0breaking\u2003spaces\u3000stay",
    "vertical\x0btab form\x0cfeed next\x85line line\u2028separator paragraph\u2029separator",
    "İSTANBUL Iğdır ıI",
    "Straße STRASSE ẞ ß",
    "ΑΣ ΣΑΣ ς",
    "ǅ ǆ Ǆ ﬁ",
    "emoji 😀👍🏽 and 👩‍👩‍👧 joined",
    "cafe\u0301 café CAFÉ",
    "Привет, МИР!",
    "映画は良かった。",
    "a<br /><br />b",
    "Schöne—Grüße… “quoted” ‘single’",
    "under_score back\\slash caret^ tilde~ pipe| brace{}",
    "\ufeffmark \u200bzero width",
    "nul\x00inside",
    "mixed 42 3.14 1,000 £5 50%",
    "half \ud83d of a pair",
]

SETTINGS = {
    "keras": {},
    "case kept": {"lower": False},
    "no filters": {"filters": ""},
    "own filters": {"filters": "aeiou'"},
    "own split": {"split": "_", "filters": " \t\n"},
    "long split": {"split": " - ", "filters": "!,"},
}

# words with falling counts; then ties: in order of first appearance, also across texts
FIT = ["b a b c", "Z z: d a b", "e d ' c", "y x w"]
COUNTS = {
    "ties": FIT,
    "all equal": ["d c b a", "a b c d"],
    "late winner": ["a b", "c", "c c"],
    "nasty": [text for text in NASTY if text.isprintable()] * 2,
}

PADDED = [[], [1], [1, 2, 3], [1, 2, 3, 4], [1, 2, 3, 4, 5], list(range(1, 12))]

# Ids as imdb.npz holds them: ranks. Ends and both sides of every limit are in it.
RANKS = [[1, 2, 3], [9, 5, 7, 1], [4], [30, 2, 6, 12, 8], [10, 11, 12, 13]]
WORDS = [f"w{rank}" for rank in range(31)]


@pytest.fixture(scope="module")
def keras() -> Any:
    """Keras on TensorFlow, or skip."""
    pytest.importorskip("tensorflow")
    return pytest.importorskip("keras")


@pytest.fixture(scope="module")
def legacy(keras: Any) -> Any:
    """Keras's own Tokenizer and text_to_word_sequence."""
    return pytest.importorskip("keras.src.legacy.preprocessing.text")


# --- words ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", SETTINGS.values(), ids=SETTINGS)
@pytest.mark.parametrize("text", NASTY)
def test_words_are_kerass(legacy: Any, text: str, options: dict[str, Any]) -> None:
    """The same words for each text, whatever the settings."""
    assert words_of(text, TextSettings(**options)) == legacy.text_to_word_sequence(text, **options)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("It's GOOD, isn't it?", ["it's", "good", "isn't", "it"]),
        ("a\rb", ["a\rb"]),  # not among Keras's filters
        ("a\u00a0b c", ["a\u00a0b", "c"]),
        ("İ", ["i\u0307"]),  # two characters, as str.lower has it
        ("ẞ", ["ß"]),
        ("?!", []),
    ],
)
def test_words_by_hand(text: str, words: list[str]) -> None:
    """What words there are, without asking Keras."""
    assert words_of(text) == words


# --- vocabulary -----------------------------------------------------------------------------------


@pytest.mark.parametrize("options", SETTINGS.values(), ids=SETTINGS)
@pytest.mark.parametrize("texts", COUNTS.values(), ids=COUNTS)
def test_vocabulary_order_is_kerass(legacy: Any, texts: list[str], options: dict[str, Any]) -> None:
    """Falling frequency, ties by first appearance: Keras's word_index, rank by rank."""
    theirs = legacy.Tokenizer(**options)
    theirs.fit_on_texts(texts)
    settings = TextSettings(**options)
    first = settings.first_word_id
    ours = Tokenizer.fit(texts, 1_000, settings)
    expected = {word: rank + first - 1 for word, rank in theirs.word_index.items()}
    assert {word: i for i, word in enumerate(ours.tokens) if i >= first} == expected


@pytest.mark.parametrize("num_words", [5, 6, 8, 9, 14])
def test_vocabulary_is_cut_to_the_most_frequent(num_words: int) -> None:
    """num_words counts the special ids; what is left is the head of the whole vocabulary."""
    # b 3, then a, c, z, d with 2 each in order of appearance, then e, ', y, x, w with 1
    words = ["b", "a", "c", "z", "d", "e", "'", "y", "x", "w"]
    expected = (PAD, START, UNKNOWN, UNUSED, *words)[:num_words]
    assert Tokenizer.fit(FIT, num_words).tokens == expected
    assert len(Tokenizer.fit(FIT, num_words)) == len(expected)


def test_no_more_tokens_than_words() -> None:
    """A limit above the number of words adds nothing."""
    assert len(Tokenizer.fit(["a b"], 10_000)) == 6


@pytest.mark.parametrize(
    ("texts", "num_words", "reason"),
    [
        (FIT, 4, "must exceed 4"),
        (FIT, 0, "must exceed 4"),
        (["?!", ""], 10, "first word should have id 4"),
    ],
)
def test_fit_refuses(texts: list[str], num_words: int, reason: str) -> None:
    """No room for a word, or no word in the texts."""
    with pytest.raises(InputError, match=reason):
        Tokenizer.fit(texts, num_words)


def test_a_word_twice_is_refused() -> None:
    """Two ids for one word cannot be told apart."""
    with pytest.raises(InputError, match="'a' more than once"):
        Tokenizer([PAD, START, UNKNOWN, UNUSED, "a", "b", "a"])


# --- ids ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        ({}, [1, 4, 2, 5]),
        ({"start_id": None}, [4, 2, 5]),
        ({"unknown_id": None}, [1, 4, 5]),
        ({"start_id": None, "unknown_id": None}, [4, 5]),
        ({"start_id": 3, "unknown_id": 1}, [3, 4, 1, 5]),
        ({"max_length": 2}, [2, 5]),
        ({"max_length": 4}, [1, 4, 2, 5]),
        ({"max_length": 3}, [4, 2, 5]),
    ],
)
def test_ids(options: dict[str, Any], ids: list[int]) -> None:
    """Start, unknown words and the kept end, by hand."""
    tokenizer = Tokenizer([PAD, START, UNKNOWN, UNUSED, "a", "b"], TextSettings(**options))
    (found,) = tokenizer.encode(["A: never B!"])
    assert found.dtype == np.int32
    assert found.tolist() == ids


@pytest.mark.parametrize("pad", [0, 3])
def test_padded_ids(pad: int) -> None:
    """Pads in front, the last max_length ids kept; a text without words is the start id alone."""
    settings = TextSettings(max_length=4, pad_id=pad)
    tokenizer = Tokenizer([*settings.special_tokens(), "a", "b"], settings)
    found = tokenizer.settings.padded(tokenizer.encode(["a", "", "a b a b a", "b x"]))
    assert found.dtype == np.int32
    assert found.tolist() == [[pad, pad, 1, 4], [pad, pad, pad, 1], [5, 4, 5, 4], [pad, 1, 5, 2]]


@pytest.mark.parametrize("special", [UNUSED, PAD, START, UNKNOWN, "<UNUSED7>"])
def test_names_of_special_tokens_are_words_like_others(special: str) -> None:
    """Nobody can write a pad or a start into a text."""
    tokenizer = Tokenizer.from_ranks({"a": 1, "z": 9}, 20)
    assert tokenizer.ids_of(f"a {special} z") == [1, 4, 2, 12]


# --- pads -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("as_arrays", [False, True], ids=["lists", "arrays"])
@pytest.mark.parametrize("value", [0, 7])
@pytest.mark.parametrize("length", [1, 3, 4, 20])
@pytest.mark.parametrize("padding", ["pre", "post"])
@pytest.mark.parametrize("truncating", ["pre", "post"])
def test_pads_are_kerass(
    keras: Any, padding: str, truncating: str, length: int, value: int, as_arrays: bool
) -> None:
    """Every side to fill and to cut, rows shorter, equal, longer, and empty."""
    rows = [np.array(row, np.int32) for row in PADDED] if as_arrays else PADDED
    expected = keras.utils.pad_sequences(
        rows, length, value=value, padding=padding, truncating=truncating
    )
    ours = pad_sequences(rows, length, value, padding, truncating)
    assert ours.dtype == expected.dtype == np.int32
    np.testing.assert_array_equal(ours, expected)


def test_no_rows_give_no_rows() -> None:
    """The length stays known."""
    assert pad_sequences([], 3).shape == (0, 3)


@pytest.mark.parametrize("options", [{"padding": "left"}, {"truncating": "Post"}, {"padding": ""}])
def test_an_unknown_side_is_refused(options: dict[str, str]) -> None:
    """Rather than taken for the other one."""
    with pytest.raises(InputError, match="expected 'pre' or 'post'"):
        pad_sequences(PADDED, 3, **options)


# --- Keras's IMDB ---------------------------------------------------------------------------------


@pytest.fixture
def imdb(keras: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """``keras.datasets.imdb`` reading small files in its own layout: only the download is replaced.

    The labels number the examples, so that they are found again after load_data's shuffle.
    """
    module = pytest.importorskip("keras.src.datasets.imdb")
    rows = np.empty(len(RANKS), object)
    rows[:] = RANKS
    numbers = np.arange(len(RANKS))
    np.savez(tmp_path / "imdb.npz", x_train=rows, y_train=numbers, x_test=rows, y_test=numbers)
    index = {word: rank for rank, word in reversed(list(enumerate(WORDS))) if rank}
    (tmp_path / "imdb_word_index.json").write_text(json.dumps(index), encoding="utf-8")
    monkeypatch.setattr(
        module, "get_file", lambda *given, fname=None, **_: str(tmp_path / (fname or given[0]))
    )
    return keras.datasets.imdb


@pytest.mark.parametrize("num_words", [5, 7, 13, 16, 1_000, None])
@pytest.mark.parametrize(
    ("start", "oov", "index_from"), [(1, 2, 3), (None, 2, 3), (1, None, 3), (3, 1, 5), (0, 1, 1)]
)
def test_imdb_ids_are_kerass(
    imdb: Any, start: int | None, oov: int | None, index_from: int, num_words: int | None
) -> None:
    """Text through from_ranks, and capped ids: both what load_data gives for these settings."""
    (theirs, numbers), _ = imdb.load_data(
        num_words=num_words, start_char=start, oov_char=oov, index_from=index_from
    )
    if num_words is None:
        num_words = max(map(max, RANKS)) + index_from  # Keras's own reading of None
    settings = TextSettings(start_id=start, unknown_id=oov, first_word_id=index_from + 1)
    if num_words > settings.first_word_id:
        tokenizer = Tokenizer.from_ranks(imdb.get_word_index(), num_words, settings)
        texts = [" ".join(WORDS[rank] for rank in row) for row in RANKS]
        assert [tokenizer.ids_of(texts[n]) for n in numbers] == [list(row) for row in theirs]

    prefix = [] if start is None else [start]
    whole = tuple(np.array(prefix + [r + index_from for r in row], np.int32) for row in RANKS)
    capped = labelled.cap_ids(
        labelled.Examples(None, whole, ("0",) * len(whole)), num_words, settings
    )
    assert capped.ids is not None
    assert [capped.ids[n].tolist() for n in numbers] == [list(row) for row in theirs]


def test_source_imdb_is_kerass_download(
    imdb: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The SOURCE ``imdb`` and its vocabulary, against load_data with its defaults."""
    monkeypatch.chdir(tmp_path)
    dataset = data.load("imdb")
    tokenizer = from_imdb.keras_imdb_tokenizer(16, TextSettings())
    (theirs, labels), _ = imdb.load_data(num_words=16)
    assert set(dataset.splits) == {"train", "test"}
    examples = labelled.cap_ids(dataset.splits["train"], 16, TextSettings())
    assert examples.ids is not None
    assert [row.tolist() for row in examples.ids] == [list(row) for row in theirs]
    assert examples.labels == tuple(str(label) for label in labels)
    assert tokenizer.ids_of(" ".join(WORDS[rank] for rank in RANKS[3])) == [1, 2, 5, 9, 15, 11]


@pytest.mark.parametrize("what", ["data", "word index"])
def test_a_failed_download_is_an_input_error(
    keras: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """Keras raises a bare Exception; its reason is passed on."""

    def offline(*_: Any, **__: Any) -> str:
        raise Exception("URL fetch failure on example.org")

    module = pytest.importorskip("keras.src.datasets.imdb")
    monkeypatch.setattr(module, "get_file", offline)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=f"IMDB {what} .*URL fetch failure"):
        data.load("imdb") if what == "data" else from_imdb.keras_imdb_tokenizer(9, TextSettings())


@pytest.mark.parametrize(
    ("ranks", "num_words", "tokens"),
    [
        ({"a": 1, "b": 2}, 10, ["a", "b"]),
        ({"b": 2, "a": 1}, 10, ["a", "b"]),
        ({"a": 1, "d": 4}, 10, ["a", "<UNUSED5>", "<UNUSED6>", "d"]),
        ({"c": 3}, 10, ["<UNUSED4>", "<UNUSED5>", "c"]),
        ({"a": 1, "b": 2, "c": 3}, 6, ["a", "b"]),
        ({"zero": 0, "less": -1, "a": 1}, 10, ["a"]),
    ],
)
def test_ranks_with_holes(ranks: dict[str, int], num_words: int, tokens: list[str]) -> None:
    """A rank without a word keeps its place, so that no other word moves."""
    tokenizer = Tokenizer.from_ranks(ranks, num_words)
    assert list(tokenizer.tokens) == [PAD, START, UNKNOWN, UNUSED, *tokens]
    for i, token in enumerate(tokens, 4):
        assert tokenizer.ids_of(token) == [1, 2 if token.startswith("<") else i]


def test_two_words_of_one_rank_are_refused() -> None:
    """One of them would silently become unknown; Keras gives both the same id."""
    with pytest.raises(InputError, match="'a' and 'b' the same id 4"):
        Tokenizer.from_ranks({"a": 1, "b": 1}, 10)


# --- vocabulary files -----------------------------------------------------------------------------


JSON_SETTINGS = SETTINGS | {"characters": {"char_level": True}}


@pytest.mark.parametrize("options", JSON_SETTINGS.values(), ids=JSON_SETTINGS)
@pytest.mark.parametrize("num_words", [None, 3, 6, 1_000])
@pytest.mark.parametrize("oov", [None, "<OOV>", "unk", "b"])
def test_keras_tokenizer_json(
    legacy: Any, tmp_path: Path, oov: str | None, num_words: int | None, options: dict[str, Any]
) -> None:
    """A file of Keras's to_json() gives the ids of texts_to_sequences."""
    texts = [*FIT, *(text for text in NASTY if "\ud83d" not in text), "never seen before, a b unk"]
    theirs = legacy.Tokenizer(num_words=num_words, oov_token=oov, **options)
    theirs.fit_on_texts(FIT)
    path = tmp_path / "tokenizer.json"
    path.write_text(theirs.to_json(), encoding="utf-8")
    rows = num_words or max(theirs.word_index.values()) + 1
    for more in (0, 9):  # a model may have more rows than the Tokenizer gives ids
        vocabulary = read_vocabulary(path)
        ours = vocabulary.tokenizer(rows + more, vocabulary.settings)
        assert len(ours) <= rows
        assert ours.tokens[0] == PAD
        assert (ours.tokens[1] == UNKNOWN) == (theirs.word_index.get(oov) == 1)
        assert [ours.ids_of(text) for text in texts] == theirs.texts_to_sequences(texts)


@pytest.mark.parametrize(
    "token",
    [
        "plain",
        "it's",
        "a\rb",
        "\r",
        "a\x85b",
        "a\u2028b\u2029c",
        "back\\slash",
        "\\u0041",
        "\\",
        "\\\\u000d",
        "tab\tin",
        "new\nline",
        "\x00",
        "é😀",
        "a\u00a0b",
        " ",
        "\ufeff",
        "\ud83d",  # half a pair: JSON may hold it, UTF-8 not
    ],
)
def test_vocab_file_round_trip(tmp_path: Path, token: str) -> None:
    """One line for each token whatever reads it, and the same tokens back."""
    settings = TextSettings()
    tokens = (*settings.special_tokens(), "first", token, "last")
    path = tmp_path / "vocab.txt"
    Tokenizer(tokens, settings).save(path)
    text = path.read_bytes().decode("utf-8")
    assert len(text.splitlines()) == len(text.split("\n")) - 1 == len(tokens)
    assert load_tokenizer(path, len(tokens), settings).tokens == tokens
    read = read_vocabulary(path)
    assert read.tokenizer(len(tokens), read.settings).tokens == tokens


def test_vocab_file_with_other_line_ends(tmp_path: Path) -> None:
    """An editor's or git's CR LF are line ends: no word gets a carriage return."""
    settings = TextSettings()
    path = tmp_path / "vocab.txt"
    tokens = [*settings.special_tokens(), "a", "b\r"]
    Tokenizer(tokens, settings).save(path)
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert list(load_tokenizer(path, 10, settings).tokens) == tokens


def test_vocab_file_keeps_the_ids(tmp_path: Path) -> None:
    """Saved and loaded, with settings of its own and all of the nasty texts."""
    settings = TextSettings(max_length=9, lower=False, filters="!?", start_id=None)
    before = Tokenizer.fit(NASTY, 200, settings)
    before.save(tmp_path / "vocab.txt")
    after = load_tokenizer(tmp_path / "vocab.txt", 200, settings)
    assert after.settings == settings
    np.testing.assert_array_equal(
        after.settings.padded(after.encode(NASTY)), before.settings.padded(before.encode(NASTY))
    )


def test_a_map_means_its_ids_and_nothing_else(tmp_path: Path) -> None:
    """As json.dump(tokenizer.word_index) writes it: no id is moved, and nothing stands in front."""
    path = tmp_path / "index.json"
    path.write_text(json.dumps({"b": 2, "a": 1, "é": 3, "far": 99}), encoding="utf-8")
    vocabulary = read_vocabulary(path)
    tokenizer = vocabulary.tokenizer(50, vocabulary.settings)
    assert tokenizer.ids_of("A b É far") == [1, 2, 3]
    assert set(vocabulary.told) == {"first_word_id"}
    moved = dataclasses.replace(vocabulary.settings, first_word_id=4, unknown_id=2, start_id=1)
    assert vocabulary.tokenizer(50, moved).ids_of("A b É far") == [1, 4, 5, 6, 2]


@pytest.mark.parametrize(
    ("ids", "settings"),
    [
        ({"<PAD>": 0, "<UNK>": 1, "a": 2, "b": 3}, {"unknown_id": 1, "first_word_id": 2}),
        ({"<pad>": 0, "a": 1, "b": 2, "<unk>": 3}, {"unknown_id": 3, "first_word_id": 1}),
        ({"<PAD>": 0, "<START>": 1, "<UNK>": 2, "<UNUSED>": 3, "a": 4, "b": 5}, {
            "unknown_id": 2, "start_id": 1, "first_word_id": 3,
        }),
        ({"a": 0, "b": 1}, {"first_word_id": 0}),
    ],
)  # fmt: skip
def test_special_entries_of_a_map(
    tmp_path: Path, ids: dict[str, int], settings: dict[str, Any]
) -> None:
    path = tmp_path / "index.json"
    path.write_text(json.dumps(ids), encoding="utf-8")
    vocabulary = read_vocabulary(path)
    read = {name: getattr(vocabulary.settings, name) for name in settings}
    assert read == settings
    start = [] if vocabulary.settings.start_id is None else [vocabulary.settings.start_id]
    unknown = vocabulary.settings.unknown_id
    expected = [*start, ids["a"], *([] if unknown is None else [unknown]), ids["b"]]
    assert vocabulary.tokenizer(9, vocabulary.settings).ids_of("a qxzv B") == expected


INDEX = SHARED / "data" / "imdb" / "imdb_word_index.json"


@pytest.mark.skipif(not INDEX.exists(), reason="the published index is in ../shared")
def test_the_published_imdb_index_is_known_by_its_content() -> None:
    """And a part of it; any other map of the same words is only a map."""
    whole = read_vocabulary(INDEX)
    assert whole.tokenizer(10_000, whole.settings).ids_of("The film")[:2] == [1, 4]
    assert whole.told["start_id"] == "vocabulary"
    assert "padding" not in whole.told


HEAD = "<PAD>\n<START>\n<UNKNOWN>\n<UNUSED>\n"
KERAS_JSON: dict[str, Any] = {
    "word_index": '{"a": 1}',
    "lower": True,
    "filters": "",
    "split": " ",
    "char_level": False,
    "oov_token": None,
}


def keras_json(**changes: Any) -> str:
    """A file as to_json() writes it, with changes."""
    return json.dumps({"class_name": "Tokenizer", "config": KERAS_JSON | changes})


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("vocab.txt", HEAD + "".join(f"w{i}\n" for i in range(17)), "21 entries.* only 20 rows"),
        ("words.txt", "\n[UNK]\n" + "".join(f"w{i}\n" for i in range(19)), "21 entries.* only 20"),
        ("list.json", '["", "[UNK]", "a", "a"]', "'a' more than once"),
        ("list.json", '["a", "b"]', "begins with"),
        ("index.json", '{"a": -1, "b": 2}', "the id -1, below 0"),
        ("index.json", '{"<pad>": 7, "b": 2}', "filled up with 0"),
        ("index.json", '{"<unk>": 1}', "holds no word"),
        ("tokenizer.pickle", b"\x80\x04", r"is a pickle.*tokenizer\.to_json\(\)"),
        ("vocab.txt", HEAD + "a\nb\na\n", "'a' more than once"),
        ("vocab.txt", "a\nb\nc\nd\ne\n", "begins with"),
        ("vocab.txt", "", "begins with"),
        ("vocab.txt", HEAD, "holds no word"),
        ("vocab.txt", "<PAD>\n\xff".encode("latin1"), "not UTF-8 text"),
        ("index.json", '{"a": 1', "not valid JSON"),
        ("index.json", "[1, 2]", "neither a map"),
        ("index.json", "{}", "neither a map"),
        ("index.json", '{"a": 1.5}', "neither a map"),
        ("index.json", '{"a": "1"}', "neither a map"),
        ("index.json", '{"a": 1, "b": 1}', "the same id"),
        ("keras.json", keras_json(analyzer="f"), "an analyzer, which is Python code"),
        ("keras.json", keras_json(word_index="{"), "its word_index is not valid JSON"),
        ("keras.json", keras_json(word_index=None), "not whole"),
        ("keras.json", keras_json(word_index="[]"), "not whole"),
        ("keras.json", keras_json(oov_token="<OOV>"), "not whole"),
        ("keras.json", '{"class_name": "Tokenizer"}', "not whole"),
        ("keras.json", '{"class_name": "Tokenizer", "config": []}', "not whole"),
        ("keras.json", '{"class_name": "Tokenizer", "config": {"word_index": "{}"}}', "not whole"),
    ],
)
def test_vocabulary_files_that_are_refused(
    tmp_path: Path, name: str, content: str | bytes, reason: str
) -> None:
    """One InputError each, with the reason."""
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())

    def read() -> Tokenizer:
        vocabulary = read_vocabulary(path)
        return vocabulary.tokenizer(20, vocabulary.settings)

    with pytest.raises(InputError, match=reason):
        read()


def test_a_missing_vocabulary_is_named(tmp_path: Path) -> None:
    """With its path."""
    with pytest.raises(InputError, match=r"no\.txt does not exist"):
        read_vocabulary(tmp_path / "no.txt")


# --- settings -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "tokens"),
    [
        ({}, [PAD, START, UNKNOWN, UNUSED]),
        ({"start_id": None}, [PAD, UNUSED, UNKNOWN, UNUSED]),
        ({"start_id": None, "unknown_id": None, "first_word_id": 1}, [PAD]),
        ({"pad_id": 2, "unknown_id": 0, "first_word_id": 3}, [UNKNOWN, START, PAD]),
    ],
)
def test_special_tokens(options: dict[str, Any], tokens: list[str]) -> None:
    """The token of each id below the first word."""
    assert TextSettings(**options).special_tokens() == tokens


@pytest.mark.parametrize("options", [*SETTINGS.values(), {"start_id": None, "max_length": 3}])
def test_settings_round_trip(options: dict[str, Any]) -> None:
    """Through JSON and back, nothing lost."""
    settings = TextSettings(**options)
    assert TextSettings.from_json(json.loads(json.dumps(settings.to_json()))) == settings


def test_unknown_settings_are_named() -> None:
    """A setting of a newer version could change an id."""
    with pytest.raises(InputError, match="not known here: stem, stop"):
        TextSettings.from_json({"stop": 1, "lower": True, "stem": 2})


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("", "place 0"),
        (r"\w+|^a", "place 4"),
        ("(a)", "place 0"),
        ("a.", "place 1"),
        (r"\b\w", "place 0"),
        ("a++", "place 1"),
        ("[[a]]", "place 0"),
        ("[a&&b]", "place 0"),
        ("[!--]", "place 0"),
        ("a[b||c]", "place 1"),
        ("(?i:a)", "place 0"),
        ("a{2}{3}", "place 1"),
        ("(?:a", "is no regular expression"),
        ("[b-a]", "is no regular expression"),
        (r"[\w-z]", "is no regular expression"),
        ("a*", "where nothing is"),
        ("(?:|a)", "where nothing is"),
    ],
)
def test_a_pattern_that_may_mean_something_else_is_refused(pattern: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        portable_pattern(pattern)


# --- real reviews ---------------------------------------------------------------------------------


def test_real_reviews_get_kerass_ids(keras: Any, legacy: Any) -> None:
    """2,000 IMDB reviews: our vocabulary and ids, and Keras's Tokenizer and pad_sequences."""
    path = SHARED / "data" / "imdb" / "train.csv.gz"
    if not path.is_file():
        pytest.skip(f"the IMDB reviews are not there: {path}")
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        rows = itertools.islice(csv.DictReader(file), REVIEWS)
        texts = [row["text"] for row in rows]
    assert len(texts) == REVIEWS
    assert max(Counter(texts).values()) < REVIEWS

    settings = TextSettings(max_length=500)
    ours = Tokenizer.fit(texts, 10_000, settings)
    theirs = legacy.Tokenizer(num_words=10_000 - 3)
    theirs.fit_on_texts(texts)
    known = theirs.num_words
    words = (legacy.text_to_word_sequence(text) for text in texts)
    ranks = ([theirs.word_index[word] for word in row] for row in words)
    expected = [[1, *(rank + 3 if rank < known else 2 for rank in row)] for row in ranks]
    assert [ours.ids_of(text) for text in texts] == expected
    np.testing.assert_array_equal(
        ours.settings.padded(ours.encode(texts)), keras.utils.pad_sequences(expected, 500)
    )
