"""Text to ids, exactly as Keras does it, in NumPy alone.

The rules are those of ``keras.preprocessing.text.Tokenizer`` (lower-case, replace the filter
characters by the separator, split), of ``keras.layers.TextVectorization`` (lower-case A to Z, delete
punctuation, split), of ``keras.datasets.imdb.load_data`` (1 starts, 2 is unknown, a word's id is its
frequency rank plus 3) and of ``keras.utils.pad_sequences``. What they differ in are settings.
"""

from __future__ import annotations

import functools
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lstm_edge.base import gate
from lstm_edge.base.arrays import Ids
from lstm_edge.base.files import lines_of, read_text, write_text
from lstm_edge.base.gate import shown
from lstm_edge.errors import InputError

KERAS_FILTERS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'
PAD, START, UNKNOWN, UNUSED = "<PAD>", "<START>", "<UNKNOWN>", "<UNUSED>"
# Stands for characters that are in no word, where a file makes ids of texts: a noncharacter.
NO_CHARACTER = "\uffff"
SIDES = ("pre", "post")
_ASCII_CAPITALS = {capital: capital + 32 for capital in range(ord("A"), ord("Z") + 1)}


_LARGEST = 1 << 24  # of a length and an id: no vocabulary has so many words


@dataclass(frozen=True)
class TextSettings:
    """Every setting that can change an id. The defaults are those of Keras's IMDB.

    In the order in which they are applied: the text is lower-cased, ``deleted`` characters vanish,
    ``filters`` become ``split``, and words are what ``pattern`` matches, else every character, else
    what stands between ``split``.

    Attributes:
        max_length: ids per example; longer ones are cut, shorter ones filled up.
        lower: lower-case first (Python's ``str.lower``, as Keras's Tokenizer does).
        filters: characters replaced by ``split``.
        split: separator; empty pieces are dropped.
        pad_id: fills up short examples.
        start_id: put before the first word; None for none.
        unknown_id: for a word that is not in the vocabulary; None drops the word.
        first_word_id: id of the most frequent word (rank 1).
        padding: the side that is filled up: ``pre`` (in front) or ``post`` (behind).
        truncating: the side that is cut, likewise: ``pre`` keeps the last ids.
        lower_ascii: lower-case A to Z only, as TextVectorization does.
        deleted: characters taken out, so that what stands beside them is joined.
        characters: every character is a word.
        pattern: a regular expression, made by :func:`portable_pattern`; its matches are the words.
    """

    max_length: int = 500
    lower: bool = True
    filters: str = KERAS_FILTERS
    split: str = " "
    pad_id: int = 0
    start_id: int | None = 1
    unknown_id: int | None = 2
    first_word_id: int = 4
    padding: str = "pre"
    truncating: str = "pre"
    lower_ascii: bool = False
    deleted: str = ""
    characters: bool = False
    pattern: str | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> TextSettings:
        known = {f.name for f in fields(cls)}
        if unknown := sorted(set(value) - known):
            raise InputError(f"tokeniser settings not known here: {', '.join(unknown)}")
        for name, kinds in {f.name: str(f.type).split(" | ") for f in fields(cls)}.items():
            given = value.get(name, getattr(cls, name))
            kind = "None" if given is None else type(given).__name__
            if kind not in kinds or (kind == "int" and not 0 <= given <= _LARGEST):
                raise InputError(
                    f"the tokeniser setting {name} is {gate.shown(repr(given))}; expected "
                    + " or ".join(f"{k} from 0 to {_LARGEST:,}" if k == "int" else k for k in kinds)
                )
        return cls(**value)

    def special_tokens(self) -> list[str]:
        """The tokens of the ids below ``first_word_id``."""
        names = {self.pad_id: PAD, self.start_id: START, self.unknown_id: UNKNOWN}
        return [names.get(i, UNUSED) for i in range(self.first_word_id)]

    def lowered(self, text: str) -> str:
        if not self.lower:
            return text
        return text.translate(_ASCII_CAPITALS) if self.lower_ascii else text.lower()

    def kept(self, ids: npt.ArrayLike) -> Ids:
        """At most ``max_length`` of the ids of a text: int32 [n]."""
        every = np.asarray(ids, np.int32)
        if self.truncating == "post":
            return every[: self.max_length]
        return every[-self.max_length :]

    def padded(self, sequences: Sequence[Any], length: int | None = None) -> Ids:
        """Ids cut and filled up as the model was trained: int32 [N, length].

        Args:
            length: None: ``max_length``.
        """
        return pad_sequences(
            sequences, length or self.max_length, self.pad_id, self.padding, self.truncating
        )


def words_of(text: str, settings: TextSettings = TextSettings()) -> list[str]:
    """The words of a text, as ``keras.preprocessing.text.text_to_word_sequence`` gives them."""
    return splitter(settings)(text)


def splitter(settings: TextSettings) -> Callable[[str], list[str]]:
    """What makes words of a text; what can be prepared is prepared here."""
    table = str.maketrans(
        {**dict.fromkeys(settings.filters, settings.split), **dict.fromkeys(settings.deleted, "")}
    )
    pattern = None if settings.pattern is None else re.compile(settings.pattern)

    def words(text: str) -> list[str]:
        text = settings.lowered(text).translate(table)
        if pattern is not None:
            return [match[0] for match in pattern.finditer(text) if match[0]]
        if settings.characters:
            return list(text)
        return [word for word in text.split(settings.split) if word]

    return words


# What means the same in Python's re and in the regular expressions of JavaScript (with u), Java and
# Apple: literals, classes, repetitions, alternatives, groups that do not capture.
_ESCAPED = r"\\[tnr\\()\[\]{}?*+|^$./'\"-]"
_CLASS = rf"\[\^?(?:(?!--|\|\|)[^\\\[\]&~]|\\[wds]|{_ESCAPED})+\]"
_SAME_EVERYWHERE = re.compile(
    rf"(?:[^\\()\[\]{{}}?*+|^$.]|\\[wWdDsS]|{_ESCAPED}|\(\?:|\)|\||{_CLASS}|"
    r"(?:[?*+]|\{\d+(?:,\d*)?\})\??(?![?*+{]))*"
)


def portable_pattern(pattern: str) -> str:
    r"""A regular expression that means in every language what ``pattern`` means in Python's ``re``.

    ``\w``, ``\d`` and ``\s`` are written out: every language has its own idea of them.

    Raises:
        InputError: what is not known to mean the same, or no regular expression at all.
    """
    matched = _SAME_EVERYWHERE.match(pattern)
    end = matched.end() if matched else 0
    if not pattern or end < len(pattern):
        raise InputError(
            f"`pattern` {shown(pattern)!r}: what begins at place {end} does not mean the same in every "
            "language; expected letters, classes such as [a-z] or \\w, repetitions, | and (?:…)"
        )
    try:
        compiled = re.compile(pattern)
    except (re.error, OverflowError, ValueError, RecursionError) as error:
        raise InputError(
            f"`pattern` {shown(pattern)!r} is no regular expression: {error}"
        ) from None
    if compiled.match(""):  # what is tried next at that place differs
        raise InputError(
            f"`pattern` {shown(pattern)!r} also matches where nothing is; expected what a word has, such "
            "as \\w+"
        )

    def written_out(match: re.Match[str]) -> str:
        piece = match[0]
        if piece.startswith("["):
            return re.sub(
                r"\\(?:([wds])|.)", lambda m: _range(m[1]) if m[1] else _bare(m[0]), piece
            )
        if piece[0] == "\\" and piece[1] in "wWdDsS":
            return f"[{'^' * piece[1].isupper()}{_range(piece[1].lower())}]"
        return "-" if piece == "\\-" else _bare(piece)

    return re.sub(rf"{_CLASS}|\\.", written_out, pattern)


def _bare(escaped: str) -> str:
    """Without the backslash where JavaScript takes none."""
    return escaped[1:] if escaped[1] in "'\"" else escaped


@functools.cache
def _range(name: str) -> str:
    """The characters of a class of Python's, as the inside of one in brackets."""
    every = "".join(map(chr, range(0xD800))) + "".join(map(chr, range(0xE000, sys.maxunicode + 1)))
    runs = re.finditer(rf"\{name}+", every)
    pieces = []
    for run in runs:
        # characters that stand side by side in Unicode, but not across the surrogates
        for part in re.split("(?=\ue000)", run[0]):
            pieces.append(part[0] if len(part) == 1 else f"{part[0]}-{part[-1]}")
    return "".join(pieces)


class Tokenizer:
    """Texts to ids.

    Args:
        tokens: the token of every id, in order; those below ``settings.first_word_id`` are special.
        settings: see :class:`TextSettings`.

    Raises:
        InputError: a word stands twice, or the special ids are outside the vocabulary.
    """

    def __init__(self, tokens: Sequence[str], settings: TextSettings = TextSettings()) -> None:
        self.settings = settings
        self.tokens = tuple(tokens)
        if len(self.tokens) <= settings.first_word_id:
            raise InputError(
                f"the vocabulary has {len(self.tokens)} entries, but its first word should have "
                f"id {settings.first_word_id}"
            )
        words = self.tokens[settings.first_word_id :]
        self._ids = {word: i for i, word in enumerate(words, settings.first_word_id)}
        if len(self._ids) != len(words):
            twice = next(w for w, n in Counter(words).items() if n > 1)
            raise InputError(f"the vocabulary holds the word {twice!r} more than once")
        self.words = splitter(settings)

    def __len__(self) -> int:
        """Number of ids: every id is below it."""
        return len(self.tokens)

    @classmethod
    def fit(
        cls, texts: Iterable[str], num_words: int, settings: TextSettings = TextSettings()
    ) -> Tokenizer:
        """Build the vocabulary: words by falling frequency, equal ones by first appearance.

        ``num_words`` counts the special ids too, as ``imdb.load_data(num_words=...)`` does.
        """
        if num_words <= settings.first_word_id:
            raise InputError(f"num_words is {num_words}; it must exceed {settings.first_word_id}")
        words = splitter(settings)
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(words(text))
        best = counts.most_common(num_words - settings.first_word_id)
        return cls([*settings.special_tokens(), *(word for word, _ in best)], settings)

    @classmethod
    def from_ids(
        cls, ids: Mapping[str, int], num_words: int, settings: TextSettings = TextSettings()
    ) -> Tokenizer:
        """Words with their ids; those from ``num_words`` on are unknown words.

        Raises:
            InputError: two words have the same id, or there is none at all.
        """
        first = settings.first_word_id
        # an id that no word has: numbered, so that no two entries are the same
        tokens = settings.special_tokens() + [f"<UNUSED{i}>" for i in range(first, num_words)]
        last = first
        taken: dict[int, str] = {}
        for word, i in ids.items():
            if first <= i < num_words:
                if i in taken:
                    both = f"{taken[i]!r} and {word!r}"
                    raise InputError(f"the vocabulary gives {both} the same id {i}")
                tokens[i] = taken[i] = word
                last = max(last, i)
        return cls(tokens[: last + 1], settings)

    @classmethod
    def from_ranks(
        cls, ranks: Mapping[str, int], num_words: int, settings: TextSettings = TextSettings()
    ) -> Tokenizer:
        """From a word index such as ``imdb.get_word_index()`` gives it: word -> rank from 1 on."""
        shift = settings.first_word_id - 1
        return cls.from_ids({word: i + shift for word, i in ranks.items()}, num_words, settings)

    def ids_of(self, text: str) -> list[int]:
        """All ids of a text, the start id first, not cut and not padded."""
        s = self.settings
        ids = [] if s.start_id is None else [s.start_id]
        known = (self._ids.get(word, s.unknown_id) for word in self.words(text))
        return ids + [i for i in known if i is not None]

    def encode(self, texts: Iterable[str]) -> list[Ids]:
        """Ids of every text, at most ``max_length`` of each, not padded: int32 [n]."""
        return [self.settings.kept(self.ids_of(text)) for text in texts]

    def save(self, path: Path) -> None:
        """One token per line; line number (from 0) = id. Unusual characters are escaped."""
        write_text(path, "".join(_escape(token) + "\n" for token in self.tokens))


def pad_sequences(
    sequences: Sequence[Sequence[int] | npt.NDArray[Any]],
    max_length: int,
    value: int = 0,
    padding: str = "pre",
    truncating: str = "pre",
) -> Ids:
    """``keras.utils.pad_sequences``: int32 [N, max_length].

    ``padding`` and ``truncating`` are ``"pre"`` or ``"post"``: the side that is filled or cut.
    """
    for name, side in (("padding", padding), ("truncating", truncating)):
        if side not in SIDES:
            raise InputError(f"{name} is {side!r}; expected 'pre' or 'post'")
    out = np.full((len(sequences), max_length), value, np.int32)
    for row, sequence in zip(out, sequences, strict=True):
        kept = sequence[-max_length:] if truncating == "pre" else sequence[:max_length]
        if len(kept):
            part = row[-len(kept) :] if padding == "pre" else row[: len(kept)]
            part[:] = kept
    return out


# Characters that some tool takes for the end of a line, the escape character itself, and halves of
# surrogate pairs, which UTF-8 cannot hold.
_UNSAFE = re.compile("[\\\\\x00-\x1f\x7f\x85\u2028\u2029\ud800-\udfff]")


def _escape(token: str) -> str:
    return _UNSAFE.sub(lambda m: f"\\u{ord(m[0]):04x}", token)


def _unescape(token: str) -> str:
    return re.sub(r"\\u([0-9a-f]{4})", lambda m: chr(int(m[1], 16)), token)


def tokens_of(content: str) -> list[str]:
    """The tokens of a ``vocab.txt`` as :meth:`Tokenizer.save` writes it."""
    # a carriage return of a token is escaped
    return [_unescape(line) for line in lines_of(content)]


def load_tokenizer(path: Path, num_words: int, settings: TextSettings) -> Tokenizer:
    """The tokeniser of a run or a bundle, with the settings that it was saved with.

    Args:
        path: ``vocab.txt``, as :meth:`Tokenizer.save` writes it.
        num_words: rows of the model's embedding.

    Raises:
        InputError: not readable, or more entries than the model has rows.
    """
    tokenizer = Tokenizer(tokens_of(read_text(path, "vocabulary")), settings)
    if len(tokenizer) > num_words:
        raise InputError(
            f"vocabulary {path} has {len(tokenizer)} entries, but the model's embedding has only "
            f"{num_words} rows: give the vocabulary that the model was trained with"
        )
    return tokenizer
