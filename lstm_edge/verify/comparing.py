"""Does a variant answer as the reference does? Numbers and labels, judged by a tolerance."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from lstm_edge.base.arrays import Array, Arrays, Probabilities
from lstm_edge.inputs.batches import ANSWERS, Batch
from lstm_edge.results.answers import classes_of, margins
from lstm_edge.results.parity import (
    MOST_FLIPS,
    VARIES,
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
# Answers that all lie so close prove nothing, as shares of the greatest: of probabilities (each of many
# classes is small), of which the greatest counts as so much at least, and of any other number.
VARIATION, LEAST_PROBABILITY, FLOAT32_VARIATION = 1e-3, 0.024, 1e-6
# Examples from which on that can be said.
ENOUGH = 8
_UNIT = {ANSWERS: np.array(1.0)}


class Comparison:
    """Compares a variant's outputs with the reference's, a window after the other, and judges them.

    Only counts, sums, the worst example and some that flip are kept, however many windows there are.
    """

    def __init__(self, variant: str, tolerance: Tolerance) -> None:
        self.variant, self.tolerance = variant, tolerance
        self._examples = self._broken = self._flips = self._near = 0
        self._sum = 0.0
        self._max = -1.0
        self._beyond, self._excused = 0.0, 0  # what the reference's own rounding does not explain
        self._low: dict[str, Array] = {}  # by output, the least and the greatest of each column
        self._high: dict[str, Array] = {}
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
        own = self._own(batch, {ANSWERS: difference}, _UNIT)
        near = flipped & ~broken
        near &= margins(reference) <= np.maximum(own, self.tolerance.flip_margin)
        self._seen(ANSWERS, reference)
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

    def _own(self, batch: Batch, rows: Arrays, scales: Mapping[str, Array]) -> Array:
        """Of each example, what the reference's own rounding moves it by; 0 where nobody asks.

        Args:
            rows: by output, the greatest difference of each example.
        """
        limit, worst = self.tolerance.max_abs, np.max([*rows.values()], 0)
        own = np.zeros(len(worst))
        if limit is None:
            return own
        if batch.moves is not None and (places := np.flatnonzero(worst > limit)).size:
            moves = batch.moves([int(i) for i in places], scales)
            right = np.logical_and.reduce(
                [off[places] <= np.maximum(moves[name], limit) for name, off in rows.items()]
            )
            own[places] = np.max([*moves.values()], 0)
            worst[places[right]] = 0.0
            self._excused += int(right.sum())
        self._beyond = max(self._beyond, float(worst.max(initial=0.0)))
        return own

    def _seen(self, name: str, reference: Array) -> None:
        """Take the range of each column of an output's numbers."""
        columns = reference.reshape(-1, reference.shape[-1] if reference.ndim > 1 else 1)
        columns = columns.astype(np.float64)  # whole numbers have no infinity to begin with
        if name in self._low and self._low[name].shape != columns.shape[1:]:  # of free length
            columns, self._low[name] = columns.reshape(-1, 1), self._low[name].min(keepdims=True)
            self._high[name] = self._high[name].max(keepdims=True)
        low, high = columns.min(0, initial=np.inf), columns.max(0, initial=-np.inf)
        self._low[name] = np.minimum(low, self._low.get(name, low))
        self._high[name] = np.maximum(high, self._high.get(name, high))

    def _is_probability(self, name: str) -> bool:
        return True

    def _varies(self) -> list[Check]:
        """Whether the reference answers the examples differently; of a few nobody can say.

        An output that is one number whatever comes is proven where another one varies.
        """
        if self._examples < ENOUGH:
            return []
        spreads, alike = {}, {}
        for name, low in self._low.items():
            high = self._high[name]
            spreads[name] = float((high - low).max())
            alike[name] = not spreads[name] > _variation(low, high, self._is_probability(name))
        constant = {name for name, spread in spreads.items() if spread == 0}
        if not all(alike.values()):
            alike |= dict.fromkeys(constant, False)
        return [
            Check(
                VARIES,
                False,
                f"{'the answers' if name == ANSWERS else f'the answers of {name}'} to all "
                f"{self._examples} examples are the same within {spreads[name]:.2g}, whatever the file "
                "does: export with inputs of your own, of every kind",
            )
            for name, are in alike.items()
            if are
        ]

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

    def _decision_count(self) -> int:
        return self._examples

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
        counted, decisions = self._flips - self._near, self._decision_count()
        accuracy, expected = self._accuracy()
        checks, alike = [*checks], self._varies()
        if self._excused:
            detail = (
                f"{self._excused} of {n} examples differ by more than {tolerance.max_abs:g}, and by no "
                "more than Keras's own answers to them where their inputs change in the last bit"
            )
            checks.append(Check("rounding of Keras's own", True, detail))

        failures = [f"{check.name}: {check.detail}" for check in checks if not check.ok]
        what = "relative Δ" if tolerance.relative else "|Δp|"
        if self._broken:
            failures.append(f"{self._broken} of {n} answers are not numbers")
        if tolerance.max_abs is not None and self._beyond > tolerance.max_abs:
            failures.append(f"max {what} {self._beyond:.2g} is above {tolerance.max_abs:g}")
        if tolerance.mean_abs is not None and mean_abs > tolerance.mean_abs:
            failures.append(f"mean {what} {mean_abs:.2g} is above {tolerance.mean_abs:g}")
        rate = tolerance.flip_rate
        if rate is not None and counted > _allowed(rate, decisions):
            low, high = interval(counted, decisions)
            failures.append(
                f"{counted} of {decisions} labels flip ({counted / decisions:.2%}; of others like "
                f"these {low:.2%} to {high:.2%}), more than {rate:.2%}"
            )
        drop = tolerance.accuracy_drop
        if accuracy is not None and expected is not None and drop is not None:
            lost = round((expected - accuracy) * n)
            if lost > _allowed(drop, n):
                failures.append(
                    f"accuracy falls from {expected:.2%} to {accuracy:.2%}, more than "
                    f"{drop * 100:g} points"
                )
        checks += alike
        failures += [f"{check.name}: {check.detail}" for check in alike]
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


def _variation(low: Array, high: Array, probability: bool) -> float:
    """Within how much answers between these are alike."""
    greatest = float(np.maximum(np.abs(low), np.abs(high)).max())
    if probability:
        return VARIATION * max(greatest, LEAST_PROBABILITY)
    return FLOAT32_VARIATION * greatest


def vary(outputs: Probabilities) -> bool:
    """Whether probabilities [N, K] are of different examples."""
    low, high = outputs.min(0), outputs.max(0)
    return bool((high - low).max() > _variation(low, high, probability=True))


def interval(count: int, total: int) -> tuple[float, float]:
    """The 95 % interval of a share that was seen ``count`` times in ``total``.

    E. B. Wilson, Probable inference, the law of succession, and statistical inference, 1927.
    """
    z, share = 1.96, count / total
    middle = share + z * z / (2 * total)
    half = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    scale = 1 + z * z / total
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)


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
