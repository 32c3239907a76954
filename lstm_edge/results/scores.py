"""How right answers are by what the user says is right: counted window by window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lstm_edge.base.arrays import Array
from lstm_edge.base.files import known_fields
from lstm_edge.results.answers import counted


@dataclass(frozen=True)
class Score:
    """One output's answers against its targets: of classes, or of numbers.

    Attributes:
        count: how many classes, or numbers, were compared.
        accuracy: share of right classes; None of numbers.
        confusion: K rows, one for each right class, of how often it was answered as each; answers
            that are no number stand in none. None of numbers.
        mae, rmse: mean absolute error, and root of the mean squared one, in the targets' unit; None of
            classes, and where an answer is no number.
        r2: share of the targets' variance that the answers explain (about each place's own mean, all
            places together); None also where the targets do not vary.
    """

    count: int
    accuracy: float | None = None
    confusion: tuple[tuple[int, ...], ...] | None = None
    mae: float | None = None
    rmse: float | None = None
    r2: float | None = None

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Score:
        rows = value["confusion"]
        confusion = None if rows is None else tuple(tuple(row) for row in rows)
        return cls(**{**known_fields(cls, value), "confusion": confusion})

    def figures(self) -> dict[str, float | None]:
        """By their name in the field: of classes the accuracy, of numbers the three errors."""
        if self.confusion is not None:
            return {"accuracy": self.accuracy}
        return {"MAE": self.mae, "RMSE": self.rmse, "R²": self.r2}


@dataclass(frozen=True)
class OutputScore:
    """One output of a variant by its targets, beside the reference's own.

    Attributes:
        names: of the classes, in the order of the output's numbers; empty of numbers.
    """

    output: str
    names: tuple[str, ...]
    variant: Score
    reference: Score

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> OutputScore:
        scores = {key: Score.from_json(value[key]) for key in ("variant", "reference")}
        names = tuple(value["names"])
        tables = [one.confusion for one in scores.values()]
        if (tables[0] is None) != (tables[1] is None):
            raise ValueError(f"{value['output']} has classes for one of two answers")
        if any(
            len(row) != len(names)
            for table in tables
            if table is not None
            for row in (table, *table)
        ):
            raise ValueError(f"{value['output']}: not a row and a column for each of its names")
        return cls(value["output"], names, **scores)


class ClassTally:
    """Counts right classes × answered ones, of K classes."""

    def __init__(self, classes: int) -> None:
        self.confusion: npt.NDArray[np.int64] = np.zeros((classes, classes), np.int64)
        self.count = 0

    def add(self, expected: Array, answers: Array, broken: Array | None = None) -> None:
        """Class numbers of any shape; ``broken`` says which answers are no class at all."""
        self.count += expected.size
        if broken is not None:
            expected, answers = expected[~broken], answers[~broken]
        self.confusion += counted(expected, answers, len(self.confusion))

    @property
    def right(self) -> int:
        return int(np.trace(self.confusion))

    def score(self) -> Score:
        rows = tuple(tuple(int(n) for n in row) for row in self.confusion)
        return Score(self.count, self.right / self.count, rows)


class NumberTally:
    """Sums the errors of numbers, and how much their targets vary at each place."""

    def __init__(self) -> None:
        self._count = self._rows = 0
        self._absolute = self._squares = self._varying = 0.0
        self._mean: Array | float = 0.0

    def add(self, expected: Array, answers: Array) -> None:
        """Numbers [N, …]; the places behind the first axis are the same at every call."""
        right = expected.astype(np.float64)
        off = answers.astype(np.float64) - right
        self._count += off.size
        self._absolute += float(np.abs(off).sum())
        self._squares += float(np.square(off).sum())
        # means of parts, put together: sums of squares of 101325 would lose the variance
        rows, mean = len(right), right.mean(0)
        apart, total = mean - self._mean, self._rows + rows
        self._varying += float(np.square(right - mean).sum())
        self._varying += float(np.square(apart).sum()) * self._rows * rows / total
        self._mean, self._rows = self._mean + apart * rows / total, total

    def score(self) -> Score:
        if not np.isfinite(self._squares):
            return Score(self._count)
        return Score(
            self._count,
            mae=self._absolute / self._count,
            rmse=float(np.sqrt(self._squares / self._count)),
            r2=1 - self._squares / self._varying if self._varying else None,
        )
