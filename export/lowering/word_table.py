"""Words by their letters, as tables that a graph without strings and loops can look into.

A word has two sums, of two numbers for each of its letters, drawn for each place counted from the
word's end. The first sum's remainder names a bucket; in it the word is the entry with both sums.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lstm_edge.base.arrays import Array

# A sum of all places stays below this: no operator wraps around.
_BELOW = 1 << 31
# What no sum is: in the entries behind the last.
_NONE = -1


@dataclass(frozen=True)
class WordTable:
    """All arrays int32.

    Attributes:
        longest: letters of the longest word.
        deepest: entries in the fullest bucket.
        numbers: [2, longest · letters]: for each sum, of letter l in place p, counted from the end, the
            number at ``p · letters + l``; 0 of letter 0 in place 0, which no word has.
        starts: [buckets]: where a bucket's entries begin; a word's is its first sum modulo them.
        entries: [3, words + deepest]: both sums, and the id.
    """

    longest: int
    deepest: int
    numbers: Array
    starts: Array
    entries: Array


def word_table(words: Mapping[int, Sequence[int]], letters: int) -> WordTable:
    """Tables for these words: id -> letters, whose numbers are from 1 to below ``letters``."""
    longest = max(map(len, words.values()), default=1)
    spelled = np.zeros((len(words), longest), np.int64)
    inside = np.zeros((len(words), longest), bool)
    for row, flags, word in zip(spelled, inside, words.values(), strict=True):
        row[: len(word)] = word[::-1]
        flags[: len(word)] = True
    # unlike for each word: in a vocabulary of a million, two share both sums once in 8,000 draws
    for seed in range(100):
        rng = np.random.default_rng(seed)
        numbers = rng.integers(1, _BELOW // longest, (2, longest, letters))
        numbers[:, 0, 0] = 0
        sums = (numbers[:, np.arange(longest), spelled] * inside).sum(2)
        if len(np.unique(sums, axis=1)[0]) == len(words):
            break
    else:
        raise ValueError("two words have the same letters")
    buckets = max(1, 2 * len(words))
    order = np.argsort(sums[0] % buckets, kind="stable")
    sizes = np.bincount(sums[0] % buckets, minlength=buckets)
    entries = np.concatenate([sums[:, order], np.array(list(words), np.int64)[None, order]])
    deepest = max(1, int(sizes.max()))
    return WordTable(
        longest,
        deepest,
        numbers.reshape(2, -1).astype(np.int32),
        (np.cumsum(sizes) - sizes).astype(np.int32),
        np.pad(entries, ((0, 0), (0, deepest)), constant_values=_NONE).astype(np.int32),
    )
