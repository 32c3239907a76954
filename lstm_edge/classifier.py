"""A bundle, a runner and texts -> labels and probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lstm_edge.answers import classes_of, probabilities_of
from lstm_edge.bundle import Bundle, open_bundle
from lstm_edge.errors import BundleError, InputError, MissingExtraError
from lstm_edge.progress import SILENT, Progress
from lstm_edge.runners import Runner


@dataclass(frozen=True)
class Prediction:
    """A label, its probability, and the probability of every label."""

    label: str
    probability: float
    probabilities: dict[str, float]


class Classifier:
    """Texts to labels, on one variant of a bundle.

    Args:
        bundle: an opened bundle with a vocabulary.
        variant: its name; None takes the first whose runtime is installed.
        threads: threads for one inference.

    Raises:
        BundleError: no such variant, or no vocabulary.
        MissingExtraError: no runtime is installed for it.
    """

    def __init__(self, bundle: Bundle, variant: str | None = None, threads: int = 1) -> None:
        self.bundle = bundle
        tokenizer = bundle.tokenizer()
        if tokenizer is None:
            raise BundleError(
                f"bundle {bundle.path} has no vocabulary, so it cannot take texts: export the model "
                "again with --vocab"
            )
        self.tokenizer = tokenizer
        self.variant, self.runner = _first_runner(bundle, variant, threads)

    def predict(self, texts: Sequence[str], progress: Progress = SILENT) -> list[Prediction]:
        """A prediction for each text; an empty text is answered as the model answers no words.

        Raises:
            InputError: a single string was given, or something that is not a string.
        """
        if isinstance(texts, str) or not all(isinstance(text, str) for text in texts):
            raise InputError("predict takes a list of strings, for example ['a fine film']")
        if not texts:
            return []
        ids = self.tokenizer.encode(texts)
        outputs = self.runner.run_sequences(ids, progress, f"Predicting with {self.variant}")
        names = self.bundle.labels
        return [
            Prediction(
                names[winner],
                float(row[winner]),
                {name: float(p) for name, p in zip(names, row, strict=True)},
            )
            for winner, row in zip(classes_of(outputs), probabilities_of(outputs), strict=True)
        ]


def _first_runner(bundle: Bundle, variant: str | None, threads: int) -> tuple[str, Runner]:
    if variant is not None:
        return variant, bundle.runner(variant, threads)
    missing: MissingExtraError | None = None
    for name in bundle.variants:
        try:
            return name, bundle.runner(name, threads)
        except MissingExtraError as error:
            missing = missing or error
    if missing is None:
        raise BundleError(f"bundle {bundle.path} has no variant")
    raise missing


def load_bundle(path: Path | str, variant: str | None = None, threads: int = 1) -> Classifier:
    """Open a bundle for prediction: ``load_bundle("bundle").predict(["a fine film"])``."""
    return Classifier(open_bundle(path), variant, threads)
