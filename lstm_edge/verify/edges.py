"""Ids and texts of the cases that break exports."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lstm_edge.base.arrays import Ids


def edge_sequences(length: int, num_ids: int, first_id: int) -> dict[str, Ids]:
    """Ids of the cases that break exports: none, one, exactly and more than ``length`` tokens."""
    rng = np.random.default_rng(20)
    low = min(first_id, num_ids - 1)

    def drawn(n: int) -> Ids:
        # small ids are frequent words; squared, so that rare ones come too
        share = rng.random(n) ** 2
        return (low + share * (num_ids - low)).astype(np.int32)

    return {
        "no token": drawn(0),
        "one token": drawn(1),
        "exactly the length": drawn(length),
        "more than the length": drawn(4 * length),
    }


# Characters between and around the words of edge texts that Keras's tokeniser drops, or does not.
_DROPPED = ' \t\n.,;:!?-_/()[]"'


def edge_texts(length: int, tokens: Sequence[str], first_id: int) -> dict[str, str]:
    """Texts that tell tokenisers apart, of words that the vocabulary has.

    Args:
        length: ids that one example keeps.
        tokens: of the vocabulary; words from ``first_id`` on.
    """
    plain = [t for t in tokens[first_id:] if t.isascii() and t.isalpha() and t == t.lower()]
    plain = plain or ["word"]
    # frequent words and rarer ones
    places = np.unique(np.geomspace(1, len(plain), min(40, len(plain))).astype(int) - 1)
    words = [plain[i] for i in places]

    def several(count: int) -> list[str]:
        return [words[i % len(words)] for i in range(count)]

    a, b, c = several(3)
    spellings = (str.lower, str.capitalize, str.upper)
    return {
        "no word": "",
        "nothing but what is dropped": f"{_DROPPED}<br /><br />{_DROPPED}",
        "one word": a,
        "words up to the length": " ".join(several(length - 1)),
        "more words than the length": " ".join(several(2 * length)),
        "capitals": " ".join(spellings[i % 3](w) for i, w in enumerate(several(30))),
        "punctuation and tags": f'<br /><br />"{a.capitalize()}" ({b})\t{c}!\n--{b}, {a}/{c}...',
        "apostrophes": f"{a}'s {b.capitalize()}'S 'tis {c}' don't",
        "unknown words": f"qxzv {a} 1234567 {b} {'z' * 60} {c}",
        "other scripts": f"naïve {a} ÉCOLE {b} 映画 {c} 😀 {a}\u00a0{b} {c}",
    }


EDGES = "no, one, exactly and too many tokens"
