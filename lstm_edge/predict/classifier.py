"""A bundle, a runner and texts -> labels and probabilities."""

from __future__ import annotations

import csv
import functools
import gzip
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, cast

import numpy as np
import numpy.typing as npt

from lstm_edge.base.arrays import Arrays
from lstm_edge.base.files import check_place, replacing, unknown_kind
from lstm_edge.base.progress import SILENT, Progress
from lstm_edge.bundle.opening import TextBundle
from lstm_edge.errors import BundleError, InputError
from lstm_edge.inputs.batches import ANSWERS, Batch
from lstm_edge.inputs.from_table import kind_of
from lstm_edge.inputs.tokenizer import Tokenizer
from lstm_edge.predict.turns import OneAtATime, one_at_a_time
from lstm_edge.results.answers import classes_of, probabilities_of
from lstm_edge.runtimes.runners import IdsRunner, Runner

WRITTEN = (".csv", ".tsv", ".jsonl")
"""Kinds of table that predictions are written to."""


@dataclass(frozen=True)
class Prediction:
    """A label, its probability, and the probability of every label."""

    label: str
    probability: float
    probabilities: dict[str, float]

    def to_line(self, text: str) -> str:
        """Label, probability and text (on one line, its spaces single), separated by tabs."""
        return f"{self.label}\t{self.probability:.4f}\t{' '.join(text.split())}"

    def to_json(self, text: str) -> str:
        """One JSON object in one line: the text, the label and every label's probability."""
        value = {"text": text, "label": self.label, "probabilities": self.probabilities}
        return json.dumps(value, ensure_ascii=False)


class Classifier:
    """Texts to labels, on one variant of a bundle.

    Args:
        bundle: an opened bundle with a vocabulary.
        variant: its name; None takes the first whose runtime is installed.
        threads: threads for one inference.
        workers: inferences at a time; the answers do not depend on it.

    Raises:
        BundleError: no such variant, or no vocabulary.
        MissingExtraError: no runtime is installed for it.
    """

    def __init__(
        self, bundle: TextBundle, variant: str | None = None, threads: int = 1, workers: int = 1
    ) -> None:
        self.bundle = bundle
        tokenizer = bundle.tokenizer()
        if tokenizer is None:
            raise BundleError(
                f"bundle {bundle.path} has no vocabulary, so it cannot take texts: export the model "
                "again with `vocab`"
            )
        self.tokenizer = tokenizer
        self.variant, self.runner = bundle.first_runner([variant] if variant else (), threads)
        self.runner.set_workers(workers)

    def predict(self, texts: Sequence[str], progress: Progress = SILENT) -> list[Prediction]:
        """A prediction for each text; an empty text is answered as the model answers no words.

        Raises:
            InputError: a single string was given, or something that is not a string.
        """
        if isinstance(texts, str) or not all(isinstance(text, str) for text in texts):
            raise InputError("predict takes a list of strings, for example ['a fine film']")
        if not texts:
            return []
        # a file that takes texts makes its own ids
        ids = () if self.runner.runtime.takes_texts else self.tokenizer.encode(texts)
        batch = Batch(sequences=ids, texts=texts)
        outputs = self.runner.answers(batch, progress, f"Predicting with {self.variant}")
        return predictions(outputs[ANSWERS], self.bundle.labels)

    def stream(self, pads: int | None = None) -> WordStream:
        """A text that comes piece by piece, of a bundle exported with ``--streaming``.

        It runs this classifier's variant, where that is a step model, else the first one.

        Args:
            pads: beside the text, on the model's side of them. It has learnt from texts padded to its
                length, so its length less the ids of the whole text gives the answer on that text; None:
                in front as for a text that has only begun, behind as many as the text so far lacks.

        Raises:
            InputError: the bundle has no step model.
            MissingExtraError: no runtime is installed for it.
        """
        if not self._steps:
            raise self.bundle.no_stream("word")
        runner = self.runner if self.variant in self._steps else self._step_model
        return WordStream(cast(IdsRunner, runner), self.tokenizer, self.bundle.labels, pads)

    @property
    def _steps(self) -> list[str]:
        return [info.name for info in self.bundle.variants.values() if info.states]

    @functools.cached_property
    def _step_model(self) -> Runner:
        return self.bundle.first_runner(self._steps, self.runner.threads)[1]

    def __reduce__(self) -> NoReturn:
        self.runner.__reduce__()


class WordStream(OneAtATime):
    """A text that is fed piece by piece; see :meth:`Classifier.stream`. It is one thread's at a time."""

    def __init__(
        self, runner: IdsRunner, tokenizer: Tokenizer, labels: tuple[str, ...], pads: int | None
    ) -> None:
        self._runner, self._tokenizer, self._labels = runner, tokenizer, labels
        super().__init__()
        self.reset(pads)

    @one_at_a_time
    def reset(self, pads: int | None = None) -> None:
        """Begin anew.

        Raises:
            InputError: another thread feeds it.
        """
        settings, side = self._tokenizer.settings, self._runner.pads
        begin = [] if settings.start_id is None else [settings.start_id]
        behind = pads if side == "behind" else 0
        if side in ("none", "behind"):
            pads = 0
        elif pads is None:
            pads = settings.max_length - len(begin)
        ids = [settings.pad_id] * pads + begin
        fed, states = self._step(ids, None) if ids else (None, None)
        self._behind, self._fed, self._states, self._count = behind, fed, states, len(begin)

    @one_at_a_time
    def feed(self, text: str) -> Prediction:
        """The next words -> what the text so far is.

        Raises:
            InputError: nothing was fed that the model answers; another thread feeds it. The stream stays
                as it was.
        """
        settings = self._tokenizer.settings
        ids = self._tokenizer.ids_of(text)[settings.start_id is not None :]
        lacking = max(0, settings.max_length - self._count)
        if settings.truncating == "post":  # the others do not count
            ids = ids[:lacking]
        answer, states = self._step(ids, self._states) if ids else (self._fed, self._states)
        fed = answer
        behind = max(0, lacking - len(ids)) if self._behind is None else self._behind
        if behind:  # for this answer; the text goes on from before them
            answer, _ = self._step([settings.pad_id] * behind, states)
        if answer is None:
            raise InputError("no known word was fed, and the model answers nothing to none")
        self._fed, self._states, self._count = fed, states, self._count + len(ids)
        return predictions(answer, self._labels)[0]

    def _step(
        self, ids: list[int], states: Arrays | None
    ) -> tuple[npt.NDArray[Any] | None, Arrays | None]:
        return self._runner.step(np.array([ids], np.int32), states)


def predictions(outputs: npt.NDArray[Any], labels: Sequence[str]) -> list[Prediction]:
    """What outputs [N, K] say."""
    return [
        Prediction(
            labels[winner],
            float(row[winner]),
            {name: float(p) for name, p in zip(labels, row, strict=True)},
        )
        for winner, row in zip(classes_of(outputs), probabilities_of(outputs), strict=True)
    ]


def check_table(path: Path) -> None:
    """Refuse a path that :func:`write_table` could not write."""
    if kind_of(path) not in WRITTEN:
        raise unknown_kind(path, WRITTEN, " (or one of these with .gz)", use=" to write")
    check_place(path)


def write_table(path: Path, answers: Iterable[tuple[str, Prediction]]) -> None:
    """Write texts with their predictions, as they come; the file appears when all are written.

    ``.jsonl`` holds the lines of :meth:`Prediction.to_json`, ``.tsv`` those of
    :meth:`Prediction.to_line`, ``.csv`` the same columns with the text as it is; both have a heading.

    Raises:
        InputError: another suffix, or it cannot be written.
    """
    check_table(path)
    kind, heading = kind_of(path), ("label", "probability", "text")
    opened = gzip.open if path.suffix.lower() == ".gz" else open
    with (
        replacing(path) as temporary,
        # half a character, from an argument that was not UTF-8, is no reason to lose the rest
        opened(temporary, "wt", encoding="utf-8", errors="replace", newline="") as file,
    ):
        if kind == ".csv":
            rows = csv.writer(file, lineterminator="\n")
            rows.writerow(heading)
            for text, answer in answers:
                rows.writerow((answer.label, f"{answer.probability:.4f}", text))
        else:
            if kind == ".tsv":
                file.write("\t".join(heading) + "\n")
            for text, answer in answers:
                line = answer.to_json(text) if kind == ".jsonl" else answer.to_line(text)
                file.write(line + "\n")
