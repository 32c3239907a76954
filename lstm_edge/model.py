"""Keras models: configuration -> model, files -> model, and the reference's answers."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lstm_edge.errors import InputError, LstmEdgeError
from lstm_edge.extras import require

MODEL_SUFFIXES = (".keras", ".h5", ".hdf5")


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


def load(path: Path) -> Any:
    """Load a model file with today's Keras; nothing in the file is executed.

    Raises:
        InputError: missing, cut short, not a model file, or refused by Keras (its reason is given).
    """
    if not path.is_file():
        raise InputError(
            f"model {path} does not exist; expected a {', '.join(MODEL_SUFFIXES)} file"
        )
    if path.suffix not in MODEL_SUFFIXES:
        raise InputError(f"model {path}: expected a file ending in {', '.join(MODEL_SUFFIXES)}")
    if path.suffix == ".keras":
        _check_archive(path)
    keras = require("keras", f"loading {path.name}")
    try:
        return keras.models.load_model(path, compile=False)
    except LstmEdgeError:
        raise
    except Exception as error:  # Keras raises every kind; its message is the reason
        reason = " ".join(str(error).split())
        raise InputError(
            f"model {path} cannot be loaded by Keras {keras.__version__}: {reason[:400]}"
        ) from error


def _check_archive(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            broken = archive.testzip()
    except (zipfile.BadZipFile, OSError, EOFError) as error:
        raise InputError(
            f"model {path} is not a whole .keras file ({error}); it was cut short or is of another "
            "kind: save or copy it again"
        ) from None
    if broken is not None:
        raise InputError(
            f"model {path} is damaged: {broken} in it fails its checksum; copy it again"
        )
