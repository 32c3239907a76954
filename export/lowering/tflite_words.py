"""TFLite: letters -> Keras's ids, without strings and without a loop, so in one subgraph.

Where words end is a matter of neighbours; the last of them are gathered by their place, each with the
letters before it, and looked up in :mod:`export.lowering.word_table`. All of it is whole numbers: a
precision changes nothing in it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from export.lowering.letters import SEPARATOR, Letters
from export.lowering.word_table import WordTable, word_table
from lstm_edge.base.extras import require
from lstm_edge.inputs.tokenizer import TextSettings

INPUT, OUTPUT = "letters", "scores"

# Letters that a file takes: each costs some time in every call, but all of them less than the LSTM's
# steps. The longest of IMDB's 50,000 reviews has 13,704.
_AT_LEAST = 16_384
_FOR_EACH_ID = 32


def pieces(settings: TextSettings) -> int:
    """Letters of a text that a file takes; what is behind them is not seen."""
    return max(_AT_LEAST, _FOR_EACH_ID * settings.max_length)


def module(
    letters: Letters,
    settings: TextSettings,
    answers: Callable[[Any], Any],
    keep: Sequence[Any] = (),
) -> Any:
    """A ``tf.Module`` with ``run``: letters int32 [1, pieces] -> scores [1, labels].

    Args:
        answers: ids int32 [1, max_length] -> the model's probabilities [1, K].
        keep: what must live as long as the module: variables of the model.
    """
    tf = require("tensorflow", "exporting to TFLite")
    table = word_table(letters.words, letters.count)

    def run(text: Any) -> dict[str, Any]:
        row = text[0] if letters.deleted is None else _without(tf, text[0], letters.deleted)
        y = answers(ids(tf, row, table, letters.count, settings))
        scores = tf.concat([1 - y, y], 1) if y.shape[1] == 1 else y
        return {OUTPUT: scores}

    holder = tf.Module()
    holder.keep = list(keep)
    spec = tf.TensorSpec([1, pieces(settings)], tf.int32, name=INPUT)
    holder.run = tf.function(run, input_signature=[spec], autograph=False)
    holder.run.get_concrete_function()  # traced now
    return holder


def ids(tf: Any, letters: Any, table: WordTable, count: int, settings: TextSettings) -> Any:
    """Ids int32 [1, max_length], padded and cut as the settings say, of letters int32 [T].

    Args:
        letters: as :class:`export.lowering.letters.Letters` numbers them, below ``count``.
        table: its words.
    """
    length, unknown = settings.max_length, settings.unknown_id
    inside = _flag(tf, letters > SEPARATOR)
    ends = inside * (1 - tf.concat([inside[1:], [0]], 0))
    # counted, not stored: as a constant it would be four bytes for each letter
    places = tf.cumsum(_flag(tf, letters >= 0)) - 1
    chosen = _last if settings.truncating == "pre" else _first
    if unknown is None:
        # which words count is not known before all are looked up
        most = (letters.shape[0] + 1) // 2
        found, words = _last(tf, places, ends, most)
        found = _look_up(tf, letters, found, table, count, -1)
        real = _flag(tf, (tf.range(most) >= most - words) & (found >= 0))
        found, words = chosen(tf, found, real, length)
    else:
        found, words = chosen(tf, places, ends, length)
        found = _look_up(tf, letters, found, table, count, unknown)
    starts = settings.start_id is not None
    if settings.truncating == "pre":  # the words stand at the end
        place = tf.range(length) - (length - words)
        row = tf.where(place >= 0, found, settings.pad_id)
    else:  # at the beginning, behind the start
        place = tf.range(length) - starts
        row = tf.where(place < words, tf.gather(found, tf.maximum(place, 0)), settings.pad_id)
    if starts:
        row = tf.where(tf.equal(place, -1), settings.start_id, row)
    pads = length - tf.minimum(words + starts, length)
    if settings.padding != settings.truncating:
        turned = pads if settings.padding == "post" else length - pads
        row = tf.gather(row, (tf.range(length) + turned) % length)
    return row[None]


def _without(tf: Any, letters: Any, deleted: int) -> Any:
    """The letters but for those that are deleted, int32 [T], and nothing behind them."""
    kept, _ = _first(tf, letters, _flag(tf, tf.not_equal(letters, deleted)), letters.shape[0])
    return kept


def _flag(tf: Any, condition: Any) -> Any:
    return tf.cast(condition, tf.int32)


def _last(tf: Any, values: Any, flags: Any, most: int) -> tuple[Any, Any]:
    """The last ``most`` of the flagged values, at the end of [most], and how many are flagged."""
    number = tf.cumsum(flags)
    total = number[-1]
    # what is not flagged adds nothing, wherever it goes; what is too early goes before the first
    to = tf.maximum(number + (most - total), 0)
    return tf.scatter_nd(to[:, None], values * flags, [most + 1])[1:], total


def _first(tf: Any, values: Any, flags: Any, most: int) -> tuple[Any, Any]:
    """The first ``most`` of the flagged values, at the beginning of [most], and how many are flagged."""
    number = tf.cumsum(flags)
    # what is not flagged adds nothing; what is too late goes behind the last
    to = tf.clip_by_value(number - 1, 0, most)
    return tf.scatter_nd(to[:, None], values * flags, [most + 1])[:most], number[-1]


def _look_up(tf: Any, letters: Any, places: Any, table: WordTable, count: int, unknown: int) -> Any:
    """The ids of the words that end at these places."""
    back = np.arange(table.longest + 1, dtype=np.int32)
    before = np.zeros(len(back), np.int32)
    spelled = tf.gather(tf.concat([before, letters], 0), places[:, None] - back + len(back))
    apart = tf.cumsum(_flag(tf, spelled <= SEPARATOR), 1)
    inside = _flag(tf, tf.equal(apart, 0))
    rows = ((spelled + back * count) * inside)[:, :-1]
    first, second = (tf.reduce_sum(tf.gather(tf.constant(n), rows), 1) for n in table.numbers)
    bucket = tf.gather(tf.constant(table.starts), first % len(table.starts))
    near = bucket[:, None] + np.arange(table.deepest, dtype=np.int32)
    one, other, known = (tf.gather(tf.constant(e), near) for e in table.entries)
    same = tf.equal(one, first[:, None]) & tf.equal(other, second[:, None])
    # a word longer than the longest is none of them
    same = _flag(tf, same) * (1 - inside[:, -1:])
    found = tf.reduce_sum(same * known, 1)
    return tf.where(tf.reduce_sum(same, 1) > 0, found, unknown)
