"""The Keras model that a bundle was made from, as what its files are held against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from lstm_edge.base.arrays import Array, Arrays
from lstm_edge.base.files import content_hash
from lstm_edge.base.progress import SILENT, Progress
from lstm_edge.bundle.opening import Bundle, TextBundle
from lstm_edge.errors import InputError
from lstm_edge.inputs.batches import ANSWERS, Batch
from lstm_edge.inputs.signature import unanswered
from lstm_edge.models import architecture
from lstm_edge.models.files import is_model_folder
from lstm_edge.models.graph import read_graph
from lstm_edge.models.streaming import read_streaming
from lstm_edge.models.text_front import TextFront, take_out
from lstm_edge.models.wrapping import as_network
from lstm_edge.runtimes.by_keras import Keras
from lstm_edge.runtimes.runners import IdsRunner, Runner
from lstm_edge.verify.rounding import Movement


def reference_of(
    bundle: Bundle,
    model: Path | str | Any | None = None,
    trust: bool = False,
    custom: Sequence[Path | str] = (),
) -> Runner:
    """The Keras model of a bundle, in float32, to answer on other inputs than the golden vectors.

    Args:
        model: its file, or the live model; None takes the one that the bundle was made from.
        trust: let Keras execute what the file holds.
        custom: Python files with classes and functions that it names.

    Raises:
        UnsupportedModelError: it cannot be loaded.
        InputError: it is not there, or is not the model that was exported.
    """
    read = read_streaming if bundle.streams else read_graph
    live = model is not None and not isinstance(model, str | Path)
    if live:
        path, loaded = Path(str(getattr(model, "name", "model"))), model
    else:
        path = source_model(bundle, None if model is None else Path(model))
        loaded = architecture.load(path, trust, custom, _length(bundle))
    loaded, _ = as_network(loaded, path.name)
    front = take_out(loaded, path.name)
    graph = bundle.as_exported(read(loaded if front is None else front.model, path.name))
    reference = bundle.reference_over(Keras(graph, path, once=bundle.any_length))
    if front is not None and not front.takes_words:
        reference = TextReference(front, cast(IdsRunner, reference))
    if live or bundle.source["sha256"] is None:
        _check_same(bundle, reference, path)
    return reference


def _length(bundle: Bundle) -> int | None:
    """Steps or ids of an example, where all have as many."""
    if isinstance(bundle, TextBundle):
        return bundle.settings.max_length
    shape = bundle.ends()[0][0].shape
    return shape[1] if len(shape) > 1 else None


def answered(reference: Runner, batch: Batch, progress: Progress) -> Batch:
    """The examples with the reference's answers, and what rounding moves them by.

    Raises:
        InputError: an answer is not a number.
    """
    outputs = reference.answers(batch, progress, "Running Keras")
    if said := unanswered(batch.inputs, outputs):
        raise InputError(
            f"{reference.path.name} answers {said} with values that are not numbers (NaN): leave it out"
        )
    batch = batch.answered(outputs)
    return replace(batch, moves=Movement(reference, batch))


class TextReference(IdsRunner):
    """A model that takes texts: it makes the ids itself, so that its answers prove ours, too.

    Args:
        reference: what is behind the layer that makes ids, for data that are ids.
    """

    def __init__(self, front: TextFront, reference: IdsRunner) -> None:
        super().__init__(
            reference.runtime,
            reference.num_ids,
            reference.max_length,
            pads=reference.pads,
            truncating=reference.truncating,
        )
        self._front = front

    def answers(
        self, batch: Batch, progress: Progress = SILENT, description: str = "Running"
    ) -> Arrays:
        # where its length is free, Keras answers no text without a word, and cuts none
        if batch.texts is None or self.pads == "none":
            return super().answers(batch, progress, description)
        parts, size = [], self.runtime.batch
        with progress.task(description, len(batch)) as advance:
            for begin in range(0, len(batch), size):
                parts.append(self._front.answers(batch.texts[begin : begin + size]))
                advance(len(parts[-1]))
        return {ANSWERS: np.concatenate(parts)}


def _check_same(bundle: Bundle, reference: Runner, path: Path) -> None:
    """Of a model that was exported live no file is known: it is known by its answers."""
    known = bundle.golden_batches()[-1]
    outputs = reference.answers(known)
    if not all(_same(array, outputs[name]) for name, array in known.outputs.items()):
        raise InputError(
            f"{path} is not the model that was exported (it answers the golden vectors otherwise): "
            "give that one with `model`, or export again"
        )


def _same(expected: Array, outputs: Array) -> bool:
    scale = float(np.abs(expected).max(initial=0.0)) or 1.0
    return expected.shape == outputs.shape and bool(
        np.abs(expected - outputs).max() <= 1e-4 * scale
    )


def source_model(bundle: Bundle, model: Path | None) -> Path:
    """The Keras model that the bundle was made from, checked by its hash where that is known."""
    recorded = bundle.source
    if model is None and recorded["path"] is None:
        raise InputError(
            f"the bundle was made from a live model, {recorded['file']}: give it with `model`, live in "
            "Python or as its file (of classes of its own: with `custom` and `trust`), or verify on the "
            "golden vectors"
        )
    path = model or Path(bundle.path, recorded["path"])
    if not path.exists():
        raise InputError(
            f"the Keras model {path} is not there; say where {recorded['file']} is with `model`, or "
            "leave `source` and `inputs` out to verify on the golden vectors"
        )
    if path.is_dir() and not is_model_folder(path):  # its hash would be that of all files below it
        raise InputError(f"the Keras model {path} is a folder without a model in it")
    if recorded["sha256"] is not None and content_hash(path) != recorded["sha256"]:
        raise InputError(
            f"{path} is not the model that was exported (its hash differs): give that one with "
            "`model`, or export again"
        )
    return path
