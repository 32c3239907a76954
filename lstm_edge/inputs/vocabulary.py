"""A vocabulary as a user has it: which word has which id, and what it says of the other settings."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lstm_edge.base import gate
from lstm_edge.base.files import read_text
from lstm_edge.errors import InputError
from lstm_edge.inputs.preprocessing import PUNCTUATION, TRAINING, VOCABULARY, WHITESPACE
from lstm_edge.inputs.tokenizer import TextSettings, Tokenizer, tokens_of

MAX_ID = (1 << 31) - 1
# Keras's published IMDB index, by the words of its first thousand ranks.
_IMDB = "72b97715"
# Entries of a map that stand for no word of a text.
_PADS = ("<pad>", "[pad]", "pad_token", "")
_UNKNOWN = ("<unk>", "[unk]", "<oov>", "<unknown>", "<oov_token>", "<unk_token>")
_STARTS = ("<start>", "<s>", "<sos>", "<bos>", "[start]")
# Settings of a map that says nothing but ids.
_OF_A_MAP = TextSettings(start_id=None, unknown_id=None, first_word_id=1)
OF_VECTORIZATION = TextSettings(
    filters=WHITESPACE,
    start_id=None,
    unknown_id=1,
    first_word_id=2,
    padding="post",
    truncating="post",
    lower_ascii=True,
    deleted=PUNCTUATION,
)
_PICKLE = (
    "{} is a pickle, which may run any code when it is opened: write its JSON where it was made, "
    "open('tokenizer.json', 'w').write(tokenizer.to_json()), and give that file"
)


@dataclass(frozen=True)
class Vocabulary:
    """Words and what goes with them.

    Attributes:
        name: what it was read from, for messages.
        words: the id of every word; special ids (pad, start, unknown) are not among them.
        settings: those that mostly go with such a vocabulary; ``max_length`` means nothing.
        told: the settings that it says itself, each with what says it (see
            :class:`lstm_edge.inputs.preprocessing.Preprocessing`).
        whole: whether every entry must have a row in the model; else those beyond are unknown words.
    """

    name: str
    words: Mapping[str, int]
    settings: TextSettings
    told: Mapping[str, str]
    whole: bool = False

    def tokenizer(self, rows: int, settings: TextSettings) -> Tokenizer:
        """What makes ids of texts, for a model with so many embedding rows.

        Where ``settings`` have another ``first_word_id``, all words move by as much.

        Raises:
            InputError: more entries than rows, where all must have one; no word at all.
        """
        shift = settings.first_word_id - self.settings.first_word_id
        words = {word: i + shift for word, i in self.words.items()}
        most = max(words.values(), default=0) + 1
        if self.whole and most > rows:
            raise InputError(
                f"vocabulary {self.name} has {most} entries, but the model's embedding has only "
                f"{rows} rows: give the vocabulary that the model was trained with"
            )
        if self.whole and not words:
            raise InputError(f"vocabulary {self.name} holds no word")
        return Tokenizer.from_ids(words, rows, settings)


def read_vocabulary(path: Path) -> Vocabulary:
    """Read a vocabulary of any kind.

    - Keras's ``Tokenizer.to_json()``;
    - a JSON map of words to ids, which means those ids and nothing else; but Keras's published IMDB
      index, known by its content, goes with ``imdb.load_data``'s ids;
    - ``TextVectorization.get_vocabulary()``, as lines or a JSON list;
    - ``vocab.txt`` of a run or a bundle.

    Raises:
        InputError: not readable, or none of these.
    """
    if path.suffix.lower() in (".pickle", ".pkl"):
        raise InputError(_PICKLE.format(f"vocabulary {path}"))
    content = read_text(path, "vocabulary", gate.WORDS_BYTES)
    if path.suffix.lower() != ".json":
        return _of_lines(path, tokens_of(content))
    value = gate.parse_json(content, f"vocabulary {path}", halves=True)
    if isinstance(value, list) and value and all(isinstance(word, str) for word in value):
        return _of_lines(path, value)
    if isinstance(value, dict) and value.get("class_name") == "Tokenizer":
        try:
            return _of_keras(path, value["config"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(
                f"vocabulary {path} is not whole: Keras's Tokenizer.to_json() writes more or other "
                f"entries ({type(error).__name__}: {error})"
            ) from None
    if isinstance(value, dict) and value:
        numbers = [i for i in value.values() if isinstance(i, int) and not isinstance(i, bool)]
        if len(numbers) == len(value):
            return _of_map(path, value)
    raise InputError(
        f"vocabulary {path} is neither a map of words to ids nor a list of words nor the JSON of "
        "Keras's Tokenizer.to_json()"
    )


def of_vectorization(name: str, tokens: Sequence[str]) -> Vocabulary:
    """``get_vocabulary()`` of a TextVectorization layer, with that layer's defaults."""
    words = _numbered(name, tokens, 2)
    told = dict.fromkeys(
        ("start_id", "unknown_id", "first_word_id", "padding", "truncating"), VOCABULARY
    )
    return Vocabulary(name, words, OF_VECTORIZATION, told, whole=True)


def of_run(path: Path, settings: TextSettings) -> Vocabulary:
    """``vocab.txt`` of a run, with the settings that it was trained with."""
    tokens = tokens_of(read_text(path, "vocabulary"))
    words = _numbered(str(path), tokens, settings.first_word_id)
    return Vocabulary(str(path), words, settings, dict.fromkeys(settings.to_json(), TRAINING), True)


def _of_lines(path: Path, tokens: Sequence[str]) -> Vocabulary:
    if list(tokens[:2]) == ["", "[UNK]"]:
        return of_vectorization(str(path), tokens)
    ours = TextSettings()
    if list(tokens[:3]) != ours.special_tokens()[:3]:
        raise InputError(
            f"vocabulary {path} begins with {list(tokens[:3])}; expected one token a line, beginning "
            f"with {ours.special_tokens()[:3]} (vocab.txt of a run) or '' and '[UNK]' "
            "(get_vocabulary() of a TextVectorization), or a .json map of words to ids"
        )
    words = _numbered(str(path), tokens, ours.first_word_id)
    sides = ("padding", "truncating", "max_length")
    told = {name: VOCABULARY for name in ours.to_json() if name not in sides}
    return Vocabulary(str(path), words, ours, told, whole=True)


def _numbered(name: str, tokens: Sequence[str], first: int) -> dict[str, int]:
    words: dict[str, int] = {}
    for i, word in enumerate(tokens[first:], first):
        if words.setdefault(word, i) != i:
            raise InputError(f"vocabulary {name} holds the word {word!r} more than once")
    return words


def _of_map(path: Path, ids: Mapping[str, int]) -> Vocabulary:
    by_id = sorted(ids.items(), key=lambda item: item[1])
    if by_id[0][1] < 0:
        raise InputError(f"vocabulary {path} gives {by_id[0][0]!r} the id {by_id[0][1]}, below 0")
    if by_id[-1][1] > MAX_ID:
        raise InputError(
            f"vocabulary {path} gives {by_id[-1][0]!r} the id {by_id[-1][1]}, above {MAX_ID:,}"
        )
    for (word, i), (other, j) in itertools.pairwise(by_id):
        if i == j:
            raise InputError(f"vocabulary {path} gives {word!r} and {other!r} the same id {i}")
    if ids.get("[UNK]") == 1 and ids.get("") == 0:
        whole = of_vectorization(str(path), [word for word, _ in by_id])
        return replace(whole, words=_but(ids, "", "[UNK]"))
    first_words = " ".join(word for word, _ in by_id[:1000])
    if hashlib.sha256(first_words.encode()).hexdigest().startswith(_IMDB):
        settings = TextSettings()
        told = dict.fromkeys(("start_id", "unknown_id", "first_word_id"), VOCABULARY)
        told |= dict.fromkeys(("lower", "filters", "split"), VOCABULARY)
        shift = settings.first_word_id - 1
        return Vocabulary(str(path), {w: i + shift for w, i in ids.items()}, settings, told)

    def special(names: Sequence[str]) -> str | None:
        return next((word for word in ids if word.lower() in names), None)

    pad, unknown, start = special(_PADS), special(_UNKNOWN), special(_STARTS)
    if pad is not None and ids[pad] != 0:
        raise InputError(
            f"vocabulary {path} gives {pad!r} the id {ids[pad]}; texts are filled up with 0 here"
        )
    words = _but(ids, pad, unknown, start)
    if not words:
        raise InputError(f"vocabulary {path} holds no word")
    told = {"first_word_id": VOCABULARY}
    if unknown is not None:
        told["unknown_id"] = VOCABULARY
    settings = replace(
        _OF_A_MAP,
        first_word_id=min(words.values()),
        unknown_id=None if unknown is None else ids[unknown],
        start_id=None if start is None else ids[start],
    )
    return Vocabulary(str(path), words, settings, told)


def _but(ids: Mapping[str, int], *left_out: str | None) -> dict[str, int]:
    return {word: i for word, i in ids.items() if word not in left_out}


def _of_keras(path: Path, config: Mapping[str, Any]) -> Vocabulary:
    """``Tokenizer.to_json()``: ids from 1 on without a start; unknown words dropped or the OOV id."""
    ids: dict[str, int] = gate.parse_json(
        config["word_index"], f"vocabulary {path}: its word_index", halves=True
    )
    if not all(type(i) is int and 0 <= i <= MAX_ID for i in ids.values()):
        raise TypeError("an id that is none")
    oov = config.get("oov_token")
    if config.get("analyzer"):
        raise InputError(
            f"vocabulary {path} has an analyzer, which is Python code: split the texts with `pattern`, "
            "or give ids"
        )
    characters = bool(config.get("char_level"))
    if not isinstance(config["filters"], str) or not isinstance(config["split"], str):
        raise TypeError("filters or split that are no text")
    if not config["split"] and not characters:
        raise ValueError("a split that is empty")
    settings = TextSettings(
        lower=bool(config["lower"]),
        filters="" if characters else config["filters"],
        split=config["split"],
        start_id=None,
        unknown_id=None if oov is None else ids[oov],
        first_word_id=1 if oov is None else 2,
        characters=characters,
    )
    limit = config.get("num_words")
    words = {w: i for w, i in ids.items() if w != oov and (not limit or i < limit)}
    sides = ("padding", "truncating", "max_length", "pad_id")
    told = {name: VOCABULARY for name in settings.to_json() if name not in sides}
    return Vocabulary(str(path), words, settings, told)
