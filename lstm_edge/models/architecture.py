"""Keras models: configuration -> model, files -> model, and the reference's answers."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lstm_edge.base.extras import require
from lstm_edge.models import files as keras_files


@dataclass(frozen=True)
class ModelConfig:
    """Embedding → LSTM… → Dense…; the defaults are the reference architecture.

    Attributes:
        num_words: embedding rows; ids are below it.
        max_length: ids per example, padded in front.
        embedding: width of the embedding.
        lstm: units of each LSTM layer; all but the last give sequences.
        dense: units of each hidden Dense layer (relu) before the output.
        dropout: share of the inputs of each LSTM and hidden Dense layer dropped in training.
        classes: 2 gives one sigmoid unit, more give a softmax.
    """

    num_words: int = 10_000
    max_length: int = 500
    embedding: int = 128
    lstm: tuple[int, ...] = (128, 64)
    dense: tuple[int, ...] = ()
    dropout: float = 0.0
    classes: int = 2

    @property
    def parameters(self) -> int:
        """How many weights it has, but for biases and the output."""
        widths = [self.embedding, *self.lstm]
        count = self.num_words * self.embedding
        count += sum(4 * units * (units + before) for before, units in itertools.pairwise(widths))
        return count + sum(a * b for a, b in itertools.pairwise([self.lstm[-1], *self.dense]))


def build(config: ModelConfig) -> Any:
    """A new ``keras.Sequential`` of this configuration, not compiled."""
    keras = require("keras", "building a model")
    layers = keras.layers
    model = keras.Sequential([keras.Input((config.max_length,), dtype="int32", name="ids")])
    model.add(layers.Embedding(config.num_words, config.embedding, name="embedding"))
    for number, units in enumerate(config.lstm, 1):
        more = number < len(config.lstm)
        model.add(
            layers.LSTM(units, return_sequences=more, dropout=config.dropout, name=f"lstm_{number}")
        )
    for number, units in enumerate(config.dense, 1):
        model.add(layers.Dense(units, activation="relu", name=f"dense_{number}"))
        if config.dropout:
            model.add(layers.Dropout(config.dropout, name=f"dropout_{number}"))
    if config.classes == 2:
        model.add(layers.Dense(1, activation="sigmoid", name="probability"))
    else:
        model.add(layers.Dense(config.classes, activation="softmax", name="probabilities"))
    return model


def load(
    path: Path, trust: bool = False, custom: Sequence[Path | str] = (), length: int | None = None
) -> Any:
    """Load a model file or SavedModel folder, of Keras 1 to 3, with today's Keras.

    Nothing in the file is executed, unless ``trust`` is set: then Lambda layers are. ``custom``: Python
    files that define classes and functions of the user's own that the file names; they are run.
    ``length``: steps or ids, of a model whose file does not say the shape that it needs.

    Raises:
        InputError: missing, cut short, not a model file, or refused by Keras (its reason is given).
        UnsupportedModelError: every layer that cannot be rebuilt, with what would help.
    """
    return keras_files.load(path, trust, custom, length)
