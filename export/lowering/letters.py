r"""A text letter by letter through MediaPipe's RegexTokenizer, so that a graph can find Keras's words.

That tokeniser cuts a text where a pattern matches, and looks each piece up in a vocabulary as it
stands: there is no lower-casing, and no list of words has every spelling. So the pieces made here are
single characters. The vocabulary gives a letter the same number in each of its spellings; characters
that separate words share one number, and so do those that no word has.
:mod:`export.lowering.tflite_words` makes words of them.

The tokeniser puts the pattern in brackets, takes as a piece what stands before that group, and goes on
behind the whole match. ``?:X)(`` in brackets is ``(?:X)()``: the group is empty and stands behind X, so
the piece is X and nothing is lost. X is a character that the vocabulary has, or else one byte (``\C``).

The vocabulary is a file of lines ``PIECE NUMBER``: a space and a line break cannot be in it, and get
the number of ``<UNKNOWN>``. So that is the number of separators, or of characters that no word has.
"""

from __future__ import annotations

import functools
import itertools
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass

from lstm_edge.inputs.tokenizer import PAD, UNKNOWN, TextSettings, Tokenizer, words_of

# Numbers of what is behind the text, of a separator, and of a character that no word has.
BEHIND, SEPARATOR, OTHER = range(3)
_FIRST = 3
# What cannot be in a vocabulary file.
_UNNAMED = {" ": "spaces", "\n": "line breaks"}
_ASCII = 128  # bytes from here on are parts of other characters


@dataclass(frozen=True)
class Letters:
    """What to tell MediaPipe's tokeniser, and what the words are in its numbers.

    Attributes:
        pattern: of the RegexTokenizer.
        vocabulary: content of its vocabulary file.
        count: numbers are below it.
        words: id -> the numbers of the word's letters, for every word that a text can hold.
        told_apart: two words that differ in σ and ς only; without such, the two are one letter.
        deleted: the number of characters that are taken out; None where there are none.
    """

    pattern: str
    vocabulary: bytes
    count: int
    words: dict[int, tuple[int, ...]]
    told_apart: tuple[str, str] | None = None
    deleted: int | None = None


def obstacles(tokenizer: Tokenizer) -> list[str]:
    """Why this tokeniser cannot be said in MediaPipe's; empty where it can."""
    settings = tokenizer.settings
    if settings.pattern is not None:
        return ["the words are found by a regular expression, and MediaPipe's takes single letters"]
    if settings.characters:
        return ["every character is a word, and MediaPipe's vocabulary cannot hold a space"]
    if lost := [name for c, name in _UNNAMED.items() if c in settings.deleted]:
        return [f"the tokeniser deletes {lost[0]}, which MediaPipe's vocabulary cannot hold"]
    spelled = _spelled({*settings.deleted, *map(chr, range(ord("a"), ord("z") + 1))}, settings)
    if any(len(low) > 1 and not set(low).isdisjoint(settings.deleted) for low in spelled.values()):
        return ["the tokeniser deletes a part of what a capital letter becomes in lower case"]
    if len(settings.split) != 1:
        return [
            f"the tokeniser splits at {settings.split!r}; MediaPipe's files need one character, such "
            "as a space"
        ]
    for character, name in _UNNAMED.items():
        for word in _words(tokenizer).values():
            if character in word:
                return [
                    f"the word {word!r} of the vocabulary holds {name}, which MediaPipe's vocabulary "
                    "cannot: let the tokeniser split there"
                ]
    if _odd_one(settings) is not None and settings.unknown_id is not None:
        splits, keeps = sorted(_UNNAMED, key=_separators(settings).__contains__, reverse=True)
        return [
            f"the tokeniser splits at {_UNNAMED[splits]} but not at {_UNNAMED[keeps]}, which "
            f"MediaPipe's cannot tell apart: train with {keeps!r} among its filters"
        ]
    return []


def letters(tokenizer: Tokenizer) -> Letters:
    """The letters of a tokeniser that has no :func:`obstacles`."""
    settings = tokenizer.settings
    words, separators = _words(tokenizer), _separators(settings)
    sigma = settings.lower and not settings.lower_ascii
    deleted = set(settings.deleted)
    spelled = _spelled(
        {*separators, *deleted, *itertools.chain.from_iterable(words.values())}, settings
    )
    # of one character several: İ
    joined = sorted({low for low in spelled.values() if len(low) > 1})
    cut = re.compile("|".join([*map(re.escape, joined), "."]), re.DOTALL)
    pieces = {i: cut.findall(word) for i, word in words.items()}
    told_apart = _told_apart(words.values()) if sigma else None
    if sigma and told_apart is None:
        # which of them Σ becomes hangs on what comes after it
        pieces = {i: ["σ" if p == "ς" else p for p in word] for i, word in pieces.items()}
    every = sorted({piece for word in pieces.values() for piece in word})
    numbers = {piece: number for number, piece in enumerate(every, _FIRST)}
    numbers |= {"ς": numbers["σ"]} if sigma and "ς" not in numbers and "σ" in numbers else {}
    numbers |= dict.fromkeys(separators, SEPARATOR)
    numbers |= dict.fromkeys(deleted, _FIRST + len(every))
    known = {c: numbers[low] for c, low in spelled.items() if low in numbers}
    for low in joined:
        ways = [[c for c, one in spelled.items() if one == part] for part in low]
        known |= dict.fromkeys(map("".join, itertools.product(*ways)), numbers.get(low, OTHER))
    odd = _odd_one(settings)
    unknown = SEPARATOR if odd or " " in separators else OTHER
    lines = {bytes([byte]): OTHER for byte in range(1, 256)}
    lines |= {piece.encode(): number for piece, number in known.items()}
    return Letters(
        _pattern(known, odd),
        b"%s %d\n%s %d\n" % (PAD.encode(), BEHIND, UNKNOWN.encode(), unknown)
        + b"".join(
            b"%s %d\n" % (piece, number)
            for piece, number in sorted(lines.items())
            if number != unknown and piece.decode("latin-1") not in _UNNAMED
        ),
        _FIRST + len(every) + bool(deleted),
        {i: tuple(numbers[p] for p in word) for i, word in pieces.items()},
        told_apart,
        _FIRST + len(every) if deleted else None,
    )


def _words(tokenizer: Tokenizer) -> dict[int, str]:
    """The words that a text can hold, by id."""
    settings = tokenizer.settings
    words = enumerate(tokenizer.tokens[settings.first_word_id :], settings.first_word_id)
    return {i: word for i, word in words if words_of(word, settings) == [word]}


def _told_apart(words: Iterable[str]) -> tuple[str, str] | None:
    seen = dict[str, str]()
    for word in words:
        other = seen.setdefault(word.replace("ς", "σ"), word)
        if other != word:
            return other, word
    return None


def _separators(settings: TextSettings) -> set[str]:
    return {*settings.filters, settings.split} - {*settings.deleted}


def _odd_one(settings: TextSettings) -> str | None:
    """Of a space and a line break the one that does not separate words, where the other does."""
    kept = [c for c in _UNNAMED if c not in _separators(settings)]
    return kept[0] if len(kept) == 1 else None


def _spelled(wanted: set[str], settings: TextSettings) -> dict[str, str]:
    """Every character that becomes one or several of those wanted, and what it becomes."""
    cased = {c: low for c, low in _cased().items() if settings.lowered(c) == low}
    unchanged = {c: c for c in wanted if c not in cased}
    return unchanged | {c: low for c, low in cased.items() if wanted.issuperset(low)}


@functools.cache
def _cased() -> dict[str, str]:
    """Every character that is another when lower-cased, and what it is then."""
    every = map(chr, range(sys.maxunicode + 1))
    return {c: low for c in every if (low := c.lower()) != c}


def _pattern(known: dict[str, int], odd: str | None) -> str:
    r"""See above; only what is not ASCII has to be named, for all else is one byte.

    Args:
        odd: a character between letters that cannot be told from a separator. No word has it, so a
            piece with it in is a word that is dropped: it is taken whole, as a separator.
    """
    ways = []
    if odd is not None:
        other = f"[^{_escaped(c for c, n in known.items() if n == SEPARATOR)}]*"
        ways.append(f"{other}{_escaped(odd)}{other}")
    ways += [_escaped(piece) for piece in known if len(piece) > 1]
    if single := sorted(c for c in known if len(c) == 1 and ord(c) >= _ASCII):
        ways.append(f"[{_escaped(single)}]")
    return "?:" + "|".join([*ways, r"\C"]) + ")("


def _escaped(characters: Iterable[str]) -> str:
    return "".join(rf"\x{{{ord(c):x}}}" for c in characters)
