"""Where a model, its vocabulary and its labels are: a run folder, or a file with options."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lstm_edge.base import gate
from lstm_edge.base.files import lines_of, read_json, read_text
from lstm_edge.errors import InputError
from lstm_edge.inputs.tokenizer import TextSettings
from lstm_edge.models import files as keras_files
from lstm_edge.models.pairs import Pair, pair_of

MODEL, VOCAB, LABELS = "model.keras", "vocab.txt", "labels.txt"
CONFIG, METRICS, CURVES = "config.json", "metrics.json", "curves.png"


@dataclass(frozen=True)
class ModelSource:
    """A model file and what belongs to it; None where it is not known.

    ``label_values`` are the raw labels that the classes had in the training data; ``pair`` is where the
    model file holds the weights only.
    """

    model: Path
    vocab: Path | None
    settings: TextSettings | None
    labels: tuple[str, ...] | None
    label_values: tuple[str, ...] | None
    pair: Pair | None = None


def find(
    source: Path, vocab: Path | None = None, labels: Sequence[str] | None = None
) -> ModelSource:
    """What to export for a run folder (or its model file), or for any model file with options.

    A SavedModel is a folder, and as good as a file; names and suffixes do not matter.

    Raises:
        InputError: no model there, or a run folder without its parts.
    """
    run = source.is_dir() and not keras_files.is_model_folder(source)
    model = source / MODEL if run else source
    if run and not model.exists():
        raise InputError(
            f"{source} has no {MODEL}; expected a run folder of lstm-edge train, or a model file"
        )
    if model.exists() and not model.is_dir():
        gate.check_regular(model, "model")
    pair = pair_of(model) if model.is_file() else None
    model = model if pair is None else pair.weights
    folder = model.parent
    settings = values = None
    if (folder / CONFIG).is_file() and model.name == MODEL:  # a run folder
        config = read_json(folder / CONFIG, "run configuration")
        if not isinstance(config, dict) or not isinstance(config.get("tokenizer"), dict):
            raise InputError(f"{folder / CONFIG} is not the configuration of a run (tokenizer)")
        values = config.get("label_values")
        if not (
            values is None or (isinstance(values, list) and all(isinstance(v, str) for v in values))
        ):
            raise InputError(f"{folder / CONFIG}: its label_values are no list of texts")
        if vocab is None and (folder / VOCAB).is_file():
            vocab, settings = folder / VOCAB, _settings(folder / CONFIG, config["tokenizer"])
        if labels is None and (folder / LABELS).is_file():
            labels = lines_of(read_text(folder / LABELS, "labels"))
    return ModelSource(
        model,
        vocab,
        settings,
        None if labels is None else tuple(labels),
        None if values is None else tuple(values),
        pair,
    )


def _settings(path: Path, value: dict[str, Any]) -> TextSettings:
    try:
        return TextSettings.from_json(value)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
