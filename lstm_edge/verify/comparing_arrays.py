"""Does a variant of a model without text answer as the reference does, for its input alone?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from lstm_edge.base.arrays import Array, Arrays
from lstm_edge.errors import InputError
from lstm_edge.inputs.batches import AS_GIVEN, Batch, Spread
from lstm_edge.inputs.signature import Output
from lstm_edge.inputs.targets import class_names
from lstm_edge.results.answers import THRESHOLD
from lstm_edge.results.answers import margins as lead
from lstm_edge.results.parity import Case, Check, OutputDifference, Tolerance
from lstm_edge.results.scores import ClassTally, NumberTally, OutputScore
from lstm_edge.verify.comparing import ENOUGH, Comparison, finite
from lstm_edge.verify.sense import judge

Tally = ClassTally | NumberTally


Scales = Mapping[str, Array]
# Two steps of float32, as a share of a number.
FLOAT32_STEPS = 2 * float(np.finfo(np.float32).eps)
# What the least scale goes with, where nobody says it: float32's tolerance.
LIMIT = 1e-5


def scales(
    batches: Sequence[Batch], outputs: Sequence[Output], limit: float = LIMIT
) -> dict[str, Array]:
    """Each output's scale, of which differences are shares.

    Args:
        limit: the share that is allowed; it is two steps of float32 at least.
    """
    return {name: spread.scale(limit) for name, spread in spreads(batches, outputs).items()}


def spreads(batches: Sequence[Batch], outputs: Sequence[Output]) -> dict[str, Spread]:
    """How the reference's answers spread, by output.

    Of probabilities it is the reference's greatest number; of other numbers, for each column (of the
    last axis) by itself, half of the range in which the reference's answers lie: of 300 K ± 5 the 5
    count, not the 300, and a humidity is not judged by the pressure beside it.
    """
    return {
        port.name: _spread(port, [batch.outputs[port.name] for batch in batches])
        for port in outputs
    }


def _spread(port: Output, answers: Sequence[Array]) -> Spread:
    greatest = np.array(max(float(np.abs(a).max(initial=0.0)) for a in answers))
    if port.is_probability:
        # the sum that a probability is a share of rounds as 1 does
        return Spread(greatest.reshape(1), np.array([FLOAT32_STEPS]))
    columns = (port.shape[-1] if len(port.shape) > 1 else None) or 1
    numbers = np.concatenate([a.reshape(-1, columns) for a in answers])
    usual = np.broadcast_to(greatest, columns)  # where nobody can say how an answer varies
    if port.unscale is not None:
        inside = max(float(np.abs(port.unscale.inside(a)).max(initial=0.0)) for a in answers)
        usual = np.array(port.unscale.divisor) * inside
    half = (numbers.max(0) - numbers.min(0)) / 2
    least = FLOAT32_STEPS * np.abs(numbers).max(0)
    varies = (half > least) & (sum(map(len, answers)) >= ENOUGH)
    return Spread(np.where(varies, half, usual), least)


def answered(batch: Batch) -> list[int]:
    """Places of the examples that the reference answers with numbers."""
    rows = [np.isfinite(a).reshape(len(batch), -1).all(1) for a in batch.outputs.values()]
    return [int(i) for i in np.flatnonzero(np.logical_and.reduce(rows))]


class ArrayComparison(Comparison):
    """Compares outputs by name; differences are shares of the outputs' scales."""

    def __init__(
        self,
        variant: str,
        tolerance: Tolerance,
        outputs: Sequence[Output],
        scales: Scales,
        names: Sequence[str] = (),
    ) -> None:
        """``names`` are those of the bundle's classes."""
        super().__init__(variant, tolerance)
        self._names = names
        self._tallies: dict[str, tuple[Tally, Tally]] = {}  # of the variant and of the reference
        self._ends, self._scales = outputs, scales
        self._sums = {output.name: 0.0 for output in outputs}
        self._counts = {output.name: 0 for output in outputs}
        self._greatest = {output.name: 0.0 for output in outputs}
        self._decisions = {output.name: 0 for output in outputs if output.is_probability}
        self._flipped = dict.fromkeys(self._decisions, 0)
        self._cases: dict[str, list[float]] = {}

    def add(self, batch: Batch, answers: Arrays) -> None:
        """Take the next examples, and the variant's outputs of them."""
        broken = np.zeros(len(batch), bool)
        means = np.zeros(len(batch))
        differences = {output.name: self._off(output, batch, answers) for output in self._ends}
        greatest_of = {one.name: _greatest(one, differences[one.name]) for one in self._ends}
        own = self._own(batch, greatest_of, self._scales)
        for output in self._ends:
            ours, theirs = answers[output.name], batch.outputs[output.name]
            off, bad = differences[output.name], ~np.isfinite(ours)
            self._seen(output.name, theirs)
            rows = off.reshape(len(batch), -1)
            broken |= bad.reshape(len(batch), -1).any(1)
            means = np.maximum(means, rows.mean(1))
            greatest = float(greatest_of[output.name].max())
            if greatest > self._max:
                self._max = greatest
                row, *place = (int(i) for i in np.unravel_index(int(off.argmax()), off.shape))
                where = f"{output.name}[{', '.join(map(str, place))}]" if place else output.name
                self._worst = Case(
                    self._examples + row,
                    None,
                    finite(theirs[row][tuple(place)].reshape(1)),
                    finite(ours[row][tuple(place)].reshape(1)),
                    f"{where}, {batch.cases[row]}",
                )
            self._greatest[output.name] = max(self._greatest[output.name], greatest)
            self._sums[output.name] += float(off.sum())
            self._counts[output.name] += off.size
            if output.is_probability:
                flipped = labels(output, np.nan_to_num(ours)) != labels(output, theirs)
                self._decisions[output.name] += flipped.size
                self._flipped[output.name] += int(flipped.sum())
                undecided = self._undecided(batch, own).reshape(-1, *[1] * (flipped.ndim - 1))
                near = flipped & np.isfinite(ours).reshape(*flipped.shape, -1).all(-1)
                self._near += int((near & (margins(output, theirs) <= undecided)).sum())
            if output.name in batch.targets:
                self._score(output, batch.targets[output.name], ours, theirs)
        for case, mean in zip(batch.cases, np.where(own > 0, 0, means), strict=True):
            self._cases.setdefault(case, []).append(float(mean))
        self._examples += len(batch)
        self._broken += int(broken.sum())
        self._flips = sum(self._flipped.values())

    def _off(self, output: Output, batch: Batch, answers: Arrays) -> Array:
        ours, theirs = answers[output.name], batch.outputs[output.name]
        if ours.shape != theirs.shape:
            raise ValueError(f"{output.name} is {ours.shape}; the reference's is {theirs.shape}")
        off = difference(ours, theirs, self._scales[output.name])
        off[~np.isfinite(ours)] = 1.0  # no number at all is as wrong as can be
        return off

    def _undecided(self, batch: Batch, own: Array) -> Array:
        """Of each example, how near to another label a flip is not counted."""
        allowed = self.tolerance.allowed or 0.0
        drawn = np.array([case != AS_GIVEN for case in batch.cases])
        return np.maximum(np.where(drawn, allowed, self.tolerance.flip_margin), own)

    def _is_probability(self, name: str) -> bool:
        return name in self._decisions

    def _decision_count(self) -> int:
        return sum(self._decisions.values()) or self._examples

    def _score(self, one: Output, targets: Array, ours: Array, theirs: Array) -> None:
        """Hold both answers against the targets: classes where they are whole numbers of such."""
        decides = targets.dtype.kind == "i" and one.is_probability
        wanted = labels(one, theirs).shape if decides else theirs.shape
        if targets.shape != wanted:
            raise InputError(
                f"`targets` of {one.name} are {list(targets.shape)}; the model answers with "
                f"{list(wanted)}: expected one for each"
            )
        if one.name not in self._tallies:
            count = len(class_names(one, self._names))
            self._tallies[one.name] = (
                (ClassTally(count), ClassTally(count))
                if decides
                else (NumberTally(), NumberTally())
            )
        for tally, answers in zip(self._tallies[one.name], (ours, theirs), strict=True):
            if isinstance(tally, NumberTally):
                tally.add(targets, answers)
                continue
            bad = np.asarray(~np.isfinite(answers))
            if one.activation == "softmax":
                bad = np.asarray(bad.any(-1))
            tally.add(targets, labels(one, np.nan_to_num(answers)), bad)

    def _decided(self) -> dict[str, tuple[ClassTally, ClassTally]]:
        """Of the outputs whose targets are classes."""
        found = {}
        for name, (ours, theirs) in self._tallies.items():
            if isinstance(ours, ClassTally) and isinstance(theirs, ClassTally):
                found[name] = ours, theirs
        return found

    def _accuracy(self) -> tuple[float | None, float | None]:
        """Of the only output whose targets are classes; none of several."""
        decided = [*self._decided().values()]
        if len(decided) != 1:
            return None, None
        return decided[0][0].score().accuracy, decided[0][1].score().accuracy

    def sense(self, names: Sequence[str]) -> list[Check]:
        found = self._decided()
        checks = []
        for one in self._ends:
            # of several sigmoids each is a class of its own, which no order can change
            if one.name in found and (one.activation == "softmax" or one.shape[-1] == 1):
                check = judge(found[one.name][1].confusion, class_names(one, names))
                name = check.name if len(self._ends) == 1 else f"{check.name} of {one.name}"
                checks.append(replace(check, name=name))
        return checks

    def _scores(self) -> tuple[OutputScore, ...]:
        decided = self._decided()
        return tuple(
            OutputScore(
                one.name,
                class_names(one, self._names) if one.name in decided else (),
                *(tally.score() for tally in self._tallies[one.name]),
            )
            for one in self._ends
            if one.name in self._tallies
        )

    def _mean(self) -> float:
        return max(self._sums[name] / self._counts[name] for name in self._sums)

    def _outputs(self) -> tuple[OutputDifference, ...]:
        return tuple(
            OutputDifference(
                output.name,
                float(self._scales[output.name].max()),
                self._greatest[output.name],
                self._sums[output.name] / self._counts[output.name],
                self._decisions.get(output.name),
                self._flipped.get(output.name),
            )
            for output in self._ends
        )

    def closing_checks(self) -> list[Check]:
        """Every kind of case by itself: a few among many would not move the mean of all."""
        means = {case: float(np.mean(values)) for case, values in self._cases.items()}
        limits = (self.tolerance.mean_abs, self.tolerance.max_abs)
        limit = next((x for x in limits if x is not None), None)
        worst = max(means, key=means.__getitem__)
        return [
            Check(
                "every kind of case",
                limit is None or means[worst] <= limit,
                f"{', '.join(means)}; mean relative Δ at most {means[worst]:.2g} ({worst})",
            )
        ]


def _greatest(output: Output, off: Array) -> Array:
    """Of each example; whole numbers are each right or not, and their share in all examples counts."""
    if output.dtype == "int32":
        return np.full(len(off), off.mean())
    rows: Array = off.reshape(len(off), -1).max(1)
    return rows


def difference(ours: Array, theirs: Array, scale: Array) -> Array:
    """What two arrays differ by, number by number, as shares of the scale; NaN where one is NaN.

    Whole numbers name things: any other one is as wrong as can be.
    """
    if theirs.dtype.kind == "i":
        return np.asarray(ours != theirs, np.float64)
    with np.errstate(invalid="ignore"):
        off: Array = np.abs(ours.astype(np.float64) - theirs.astype(np.float64)) / scale
    return off


def labels(output: Output, values: Array) -> Array:
    """The decisions in an output's numbers: the largest of a softmax's, above 0.5 of a sigmoid's."""
    decisions: Array = values.argmax(-1) if output.activation == "softmax" else values > THRESHOLD
    return decisions


def margins(output: Output, values: Array) -> Array:
    """How far each decision is from another, as probabilities."""
    if output.activation != "softmax":
        return np.abs(values.astype(np.float64) - THRESHOLD)
    return lead(values.reshape(-1, values.shape[-1])).reshape(values.shape[:-1])
