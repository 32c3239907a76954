"""The IMDB data that Keras itself downloads."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

from lstm_edge.base.extras import require
from lstm_edge.errors import InputError
from lstm_edge.inputs.from_npz import ids_rows
from lstm_edge.inputs.from_table import Column
from lstm_edge.inputs.labelled import Part
from lstm_edge.inputs.tokenizer import TextSettings, Tokenizer

KERAS_IMDB = "imdb"


def parts(source: str, columns: Sequence[Column]) -> list[Part] | None:
    """The IMDB data that Keras downloads: ids with the encoding of :class:`TextSettings`."""
    if source != KERAS_IMDB or Path(source).exists():
        return None
    del columns
    imdb = require("keras", "Keras's own IMDB download").datasets.imdb
    try:
        splits = zip(("train", "test"), imdb.load_data(), strict=True)
    except Exception as error:  # keras.utils.get_file raises a bare Exception
        raise InputError(
            f"Keras could not download its IMDB data ({error}); "
            "give a folder or a file with `source` instead"
        ) from None
    path = Path(KERAS_IMDB)
    split_parts = []
    for split, (x, y) in splits:
        rows = ids_rows(path, split, x, y)
        split_parts.append(Part(path, split, functools.partial(iter, rows)))
    return split_parts


def keras_imdb_tokenizer(num_words: int, settings: TextSettings) -> Tokenizer:
    """The vocabulary of :func:`_keras_imdb`'s ids, from the word index that Keras downloads."""
    imdb = require("keras", "Keras's own IMDB word index").datasets.imdb
    try:
        ranks = imdb.get_word_index()
    except Exception as error:
        raise InputError(
            f"Keras could not download its IMDB word index ({error}); give it with `vocab`"
        ) from None
    return Tokenizer.from_ranks(ranks, num_words, settings)
