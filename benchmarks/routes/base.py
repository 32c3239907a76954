"""What all routes share: how they are built and judged, and which ids they get."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy.typing as npt

from lstm_edge.base.arrays import Arrays, Ids
from lstm_edge.inputs.batches import ANSWERS
from lstm_edge.inputs.tokenizer import pad_sequences
from lstm_edge.results.parity import Tolerance
from lstm_edge.runtimes.contract import Port, Runtime
from lstm_edge.runtimes.runners import IdsRunner

TRUE_LENGTH = "-true-length"

SAME = Tolerance(1e-3, 0.0, 1e-3, None, "float32 rounds, and does not change an answer")
RECORDED = Tolerance(None, 1.0, 0.0, None, "recorded only: what it costs is part of the comparison")


def prepared(chunk: Sequence[npt.NDArray[Any]], length: int, at_true_length: bool) -> Ids:
    """Ids padded in front to the model's length as it was trained, or as short as they are."""
    if at_true_length:
        length = max(1, min(length, max(len(row) for row in chunk)))
    return pad_sequences(chunk, length)


class RouteRuntime(Runtime):
    """A route's file: ids in, answers out, one example in a call."""

    batch = 1
    inputs = (Port("ids", "int32", (None, None)),)
    outputs = (Port(ANSWERS, "float32", (None, None)),)

    def call(self, arrays: Arrays) -> Arrays:
        return {ANSWERS: self.answer(arrays["ids"])}

    @abstractmethod
    def answer(self, ids: Ids) -> npt.NDArray[Any]:
        """Ids int32 [1, T] -> answers [1, K]."""


class RouteRunner(IdsRunner):
    """One example at a time: padded, or without a pad where the file's name ends so."""

    def padded(self, chunk: Sequence[npt.NDArray[Any]]) -> Ids:
        return prepared(chunk, self.max_length or 1, self.path.stem.endswith(TRUE_LENGTH))


@dataclass(frozen=True)
class Route:
    """A way from a trained Keras model to a file and its answers.

    Attributes:
        suffix: of the file.
        build: Keras model, path, inputs -> writes the file. The model's length is free where the
            route is to take the true length; ``inputs`` are ids [1, T] in the route's own form, for
            what has to see some.
        runtime: runs the file.
        tolerance: what would make its times worthless.
        needs: packages that only this route needs.
    """

    suffix: str
    build: Callable[[Any, Path, Sequence[Ids]], None]
    runtime: type[RouteRuntime]
    tolerance: Tolerance = SAME
    needs: tuple[str, ...] = ()
