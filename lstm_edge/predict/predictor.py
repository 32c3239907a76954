"""A bundle -> what predicts with it: arrays to outputs by name, where it is not one of texts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NoReturn, cast

import numpy as np

from lstm_edge.base.arrays import Array, Arrays
from lstm_edge.base.progress import SILENT, Progress
from lstm_edge.bundle.opening import TensorBundle, TextBundle, open_bundle
from lstm_edge.bundle.signing import Key
from lstm_edge.errors import InputError
from lstm_edge.inputs.array_files import digits
from lstm_edge.inputs.signature import Output, unanswered
from lstm_edge.predict.classifier import Classifier
from lstm_edge.predict.turns import OneAtATime, one_at_a_time
from lstm_edge.runtimes.runners import ArrayRunner
from lstm_edge.verify.comparing_arrays import labels

# Numbers of one output that a line shows.
SHOWN = 12


class Stream(OneAtATime):
    """A sequence that is fed piece by piece; it keeps the states between them. It is one thread's at a
    time.

    Attributes:
        steps: fed so far.
    """

    def __init__(self, runner: ArrayRunner, examples: int) -> None:
        self._runner, self._examples = runner, examples
        super().__init__()
        self.reset()

    @one_at_a_time
    def reset(self) -> None:
        """Begin anew.

        Raises:
            InputError: another thread feeds it.
        """
        self._states, self.steps = self._runner.start(self._examples), 0

    @one_at_a_time
    def feed(self, given: Any) -> Arrays:
        """The next steps -> outputs float32 by name: one row for each step of those that have one,
        what holds after the last step of the others.

        Args:
            given: arrays by the inputs' names [examples, steps, …], or one array.

        Raises:
            InputError: see :meth:`lstm_edge.inputs.signature.Signature.check`; another number of
                examples, or steps that are no multiple of the chunk; another thread feeds it. The stream
                stays as it was.
        """
        signature = self._runner.signature
        arrays = signature.check(given)
        count = len(next(iter(arrays.values())))
        if count != self._examples:
            raise InputError(f"{count} examples fed to a stream of {self._examples}")
        outputs, states = self._runner.feed(arrays, self._states)
        check_answers(arrays, outputs)
        self._states, self.steps = states, self.steps + signature.steps(arrays)
        return outputs


class Predictor:
    """Arrays to outputs, on one variant of a bundle of tensors.

    Args:
        bundle: an opened bundle.
        variant: its name; None takes the first whose runtime is installed.
        threads: threads for one inference.

    Raises:
        BundleError: no such variant.
        MissingExtraError: no runtime is installed for it.
    """

    def __init__(self, bundle: TensorBundle, variant: str | None = None, threads: int = 1) -> None:
        self.bundle = bundle
        self.variant, runner = bundle.first_runner([variant] if variant else (), threads)
        self.runner = cast(ArrayRunner, runner)

    def predict(self, inputs: Any, progress: Progress = SILENT) -> Arrays:
        """Outputs by name, float32 or int32, their first axis the examples'.

        Args:
            inputs: arrays by the inputs' names, or one array where there is one input.

        Raises:
            InputError: see :meth:`lstm_edge.inputs.signature.Signature.check`; an example with NaN that
                is answered with no number.
        """
        arrays = self.bundle.signature.check(inputs)
        outputs = self.runner.run(arrays, progress, f"Predicting with {self.variant}")
        check_answers(arrays, outputs)
        return outputs

    def __reduce__(self) -> NoReturn:
        self.runner.__reduce__()

    def stream(self, examples: int = 1) -> Stream:
        """A new stream, of a bundle exported with ``--streaming``.

        Args:
            examples: that are fed side by side; a variant with a fixed batch takes that many.

        Raises:
            InputError: the bundle holds no stream, or the variant takes another number of examples.
        """
        if not self.bundle.signature.states:
            raise self.bundle.no_stream("step")
        if self.runner.batch not in (None, examples):
            raise InputError(
                f"{examples} examples at a time; {self.variant} takes {self.runner.batch}"
            )
        return Stream(self.runner, examples)

    def lines(self, outputs: Arrays) -> Iterator[str]:
        """Example, output and what it says, separated by tabs: labels, where they are known."""
        for number in range(len(next(iter(outputs.values())))):
            for one in self.bundle.signature.outputs:
                yield f"{number}\t{one.name}\t{self._said(one, outputs[one.name][number])}"

    def json_lines(self, outputs: Arrays) -> Iterator[str]:
        """One JSON object for each example: its outputs by name."""
        for number in range(len(next(iter(outputs.values())))):
            yield json.dumps({k: digits(v[number].tolist()) for k, v in outputs.items()})

    def _said(self, output: Output, row: Array) -> str:
        names = self.bundle.labels
        if not names or output.classes != len(names) or row.ndim == 0:
            return _numbers(row)
        found = labels(output, row)
        if output.activation == "sigmoid" and row.shape[-1] != 1:  # several may hold at once
            return _numbers(row) if row.ndim > 1 else _held(names, row)
        if output.activation == "sigmoid":
            found, row = found[..., 0].astype(int), np.concatenate([1 - row, row], -1)
        if row.ndim > 1:
            return _shown([names[i] for i in found.ravel()])
        return f"{names[int(found)]} {row[int(found)]:.4f}"


def _held(names: tuple[str, ...], row: Array) -> str:
    return ", ".join(f"{name} {p:.4f}" for name, p in zip(names, row, strict=True))


def _numbers(row: Array) -> str:
    return _shown([f"{x:.6g}" for x in row.ravel()[: SHOWN + 1]], row.size)


def _shown(words: list[str], count: int | None = None) -> str:
    count = len(words) if count is None else count
    more = f" … ({count} in all)" if count > SHOWN else ""
    return " ".join(words[:SHOWN]) + more


def check_answers(inputs: Arrays, outputs: Arrays) -> None:
    """Refuse values that are no numbers and make answers that are none.

    Raises:
        InputError: the first such example, counted from 0.
    """
    if all(np.isfinite(array).all() for array in inputs.values()):
        return
    if said := unanswered(inputs, outputs):
        raise InputError(f"{said} is answered with values that are no numbers: leave it out")


def load_bundle(
    path: Path | str,
    variant: str | None = None,
    threads: int = 1,
    workers: int = 1,
    *,
    trusted: Key | Iterable[Key] | None = None,
) -> Classifier | Predictor:
    """Open a bundle for prediction.

    ``load_bundle("bundle").predict(["a fine film"])``, or, where it takes arrays,
    ``load_bundle("bundle").predict({"series": array})``.

    Args:
        variant, threads: see :class:`Predictor`.
        workers: inferences at a time, of a bundle of texts.
        trusted: public keys (files or PEM), of which one must have signed it; see
            :func:`lstm_edge.bundle.opening.open_bundle`.
    """
    bundle = open_bundle(path, trusted).predicting()
    if isinstance(bundle, TensorBundle):
        return Predictor(bundle, variant, threads)
    return Classifier(cast(TextBundle, bundle), variant, threads, workers)
