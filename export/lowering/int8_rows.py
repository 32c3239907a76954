"""Rows of an embedding as int8 codes with a scale each, in a form that TFLite's converter keeps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from lstm_edge.base.arrays import Array


def int8_rows(rows: Array) -> tuple[Array, Array]:
    """Rows float32 [V, D] as codes [V, D] times a scale for each, [V, 1].

    Words differ in size, and the converter's one scale for a whole table rounds the small ones away.
    It stores these two tables in int8 exactly, and reads them faster than int8 tables of ours: codes
    are whole numbers up to 127, scales whole multiples, up to 127 times, of one unit.
    """
    largest = np.abs(rows).max(1, keepdims=True)
    unit = np.maximum(largest.max(), np.finfo(np.float32).tiny) / np.float32(127 * 127)
    scales = np.clip(np.ceil(largest / (127 * unit)), 1, 127) * unit  # up: no code is cut off
    return np.clip(np.round(rows / scales), -127, 127), scales


def embedding(tf: Any, rows: Array, quantised: bool) -> Callable[[Any], Any]:
    """What looks ids of any shape up in these rows, as they are or as :func:`int8_rows`."""
    if not quantised:
        return lambda ids: tf.gather(tf.constant(rows), ids)
    codes, scales = int8_rows(rows)
    return lambda ids: tf.gather(tf.constant(codes), ids) * tf.gather(tf.constant(scales), ids)
