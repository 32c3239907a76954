"""Does a variant answer as the reference does? Numbers and labels, judged by a tolerance."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lstm_edge.base.arrays import Arrays, Probabilities
from lstm_edge.inputs.batches import ANSWERS, Batch
from lstm_edge.results.answers import classes_of, margins
from lstm_edge.results.parity import (
    MOST_FLIPS,
    Case,
    Check,
    OutputDifference,
    ParityReport,
    Tolerance,
)
from lstm_edge.results.scores import ClassTally, OutputScore
from lstm_edge.verify.edges import EDGES
from lstm_edge.verify.sense import judge

# Where a precision limits flips and not differences (int8), an edge case that is off by more than
# this is not a matter of rounding.
EDGE_LIMIT = 0.1


class Comparison:
    """Compares a variant's outputs with the reference's, a window after the other, and judges them.

    Only counts, sums, the worst example and some that flip are kept, however many windows there are.
    """

    def __init__(self, variant: str, tolerance: Tolerance) -> None:
        self.variant, self.tolerance = variant, tolerance
        self._examples = self._broken = self._flips = self._near = 0
        self._sum = 0.0
        self._max = -1.0
        self._worst: Case | None = None
        self._changed: list[Case] = []
        # of the variant and of the reference; None: not known
        self._classes: tuple[ClassTally, ClassTally] | None = None

    def add(self, batch: Batch, answers: Arrays) -> None:
        """Take the next examples, and the variant's outputs of them by name."""
        (reference,), (outputs,) = batch.outputs.values(), answers.values()
        classes, texts = batch.classes, batch.texts
        broken = np.asarray(~(np.isfinite(outputs).all(1) & np.isfinite(reference).all(1)))
        difference = np.abs(outputs.astype(np.float64) - reference.astype(np.float64)).max(1)
        difference[broken] = 1.0  # no probability at all is as wrong as can be
        ours, theirs = classes_of(np.nan_to_num(outputs)), classes_of(reference)
        flipped = (ours != theirs) | broken
        near = flipped & ~broken & (margins(reference) <= self.tolerance.flip_margin)
        worst = int(difference.argmax())
        if difference[worst] > self._max:
            self._max = float(difference[worst])
            self._worst = Case(
                self._examples + worst,
                None if texts is None else texts[worst][:200],
                finite(reference[worst]),
                finite(outputs[worst]),
            )
        self._changed += [
            Case(
                self._examples + int(at),
                None if texts is None else texts[at],
                finite(reference[at]),
                finite(outputs[at]),
                label=None if classes is None else int(classes[at]),
            )
            for at in np.flatnonzero(flipped)[: MOST_FLIPS - len(self._changed)]
        ]
        self._examples += len(outputs)
        self._sum += float(difference.sum())
        self._broken += int(broken.sum())
        self._flips += int(flipped.sum())
        self._near += int(near.sum())
        if classes is not None:
            if self._classes is None:
                count = max(2, outputs.shape[1])
                self._classes = ClassTally(count), ClassTally(count)
            self._classes[0].add(classes, ours, broken)
            self._classes[1].add(classes, theirs)

    def sense(self, names: Sequence[str]) -> list[Check]:
        """Whether the reference's own answers fit the labels; see :mod:`lstm_edge.verify.sense`.

        Args:
            names: of the bundle's classes.
        """
        return [] if self._classes is None else [judge(self._classes[1].confusion, names)]

    def closing_checks(self) -> list[Check]:
        """What can be said once everything was added."""
        return []

    def _mean(self) -> float:
        return self._sum / self._examples

    def _outputs(self) -> tuple[OutputDifference, ...]:
        return ()

    def _accuracy(self) -> tuple[float | None, float | None]:
        """The shares of right labels, of the variant and of the reference, where they are known."""
        if self._classes is None:
            return None, None
        return self._classes[0].score().accuracy, self._classes[1].score().accuracy

    def _scores(self) -> tuple[OutputScore, ...]:
        return ()

    def report(self, checks: Sequence[Check] = ()) -> ParityReport:
        """The report of everything that was added, one window at least, with these checks."""
        if self._worst is None:
            raise ValueError("nothing was compared")
        n, max_abs, tolerance = self._examples, self._max, self.tolerance
        mean_abs = self._mean()
        counted = self._flips - self._near
        accuracy, expected = self._accuracy()

        failures = [f"{check.name}: {check.detail}" for check in checks if not check.ok]
        what = "relative Δ" if tolerance.relative else "|Δp|"
        if self._broken:
            failures.append(f"{self._broken} of {n} answers are not numbers")
        if tolerance.max_abs is not None and max_abs > tolerance.max_abs:
            failures.append(f"max {what} {max_abs:.2g} is above {tolerance.max_abs:g}")
        if tolerance.mean_abs is not None and mean_abs > tolerance.mean_abs:
            failures.append(f"mean {what} {mean_abs:.2g} is above {tolerance.mean_abs:g}")
        rate = tolerance.flip_rate
        if rate is not None and counted > _allowed(rate, n):
            failures.append(
                f"{counted} of {n} labels flip ({counted / n:.2%}), more than {rate:.2%}"
            )
        drop = tolerance.accuracy_drop
        if accuracy is not None and expected is not None and drop is not None:
            lost = round((expected - accuracy) * n)
            if lost > _allowed(drop, n):
                failures.append(
                    f"accuracy falls from {expected:.2%} to {accuracy:.2%}, more than "
                    f"{drop * 100:g} points"
                )
        return ParityReport(
            variant=self.variant,
            examples=n,
            max_abs=max_abs,
            mean_abs=mean_abs,
            flips=self._flips,
            flips_at_threshold=self._near,
            accuracy=accuracy,
            reference_accuracy=expected,
            worst=self._worst,
            checks=tuple(checks),
            tolerance=tolerance,
            failures=tuple(failures),
            outputs=self._outputs(),
            scores=self._scores(),
            flipped=tuple(self._changed),
        )


def compare(
    variant: str,
    reference: Probabilities,
    outputs: Probabilities,
    tolerance: Tolerance,
    *,
    classes: npt.NDArray[np.int64] | None = None,
    texts: Sequence[str] | None = None,
    checks: Sequence[Check] = (),
) -> ParityReport:
    """Compare outputs [N, K] with the reference's, and judge them by the tolerance.

    Args:
        classes: right class numbers [N], where known.
        texts: the N texts, to quote the worst.
        checks: results to be judged with them.
    """
    comparison = Comparison(variant, tolerance)
    batch = Batch(outputs={ANSWERS: reference}, texts=texts, classes=classes)
    comparison.add(batch, {ANSWERS: outputs})
    return comparison.report(checks)


def _allowed(rate: float, n: int) -> int:
    return max(1, int(rate * n + 1e-9)) if rate else 0


def finite(row: Probabilities) -> tuple[float | None, ...]:
    """The numbers of a row, None for what is none."""
    return tuple(float(p) if np.isfinite(p) else None for p in row)


def structure_checks(problems: Sequence[str], lowering: str) -> list[Check]:
    """A check for each problem in a file; a loop that the lowering gives a reason for is none."""
    return [Check("structure", " Loop " in p and "a Loop for" in lowering, p) for p in problems]


def edge_check(
    outputs: Probabilities, reference: Probabilities, tolerance: Tolerance, name: str = EDGES
) -> Check:
    """Judge outputs [N, K] of the edge cases by their numbers: a few say nothing about a flip rate."""
    off = np.abs(outputs.astype(np.float64) - reference).max(1)
    limit = EDGE_LIMIT if tolerance.max_abs is None else tolerance.max_abs
    return Check(
        name,
        bool((off <= limit).all()),
        "differ by " + ", ".join(f"{d:.2g}" for d in off) + f" (limit {limit:g})",
    )
