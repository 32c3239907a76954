"""Does a variant of a model without text answer as the reference does, for its input alone?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from lstm_edge.base.arrays import Array, Arrays
from lstm_edge.base.progress import SILENT, Progress, Within
from lstm_edge.inputs.batches import Batch
from lstm_edge.inputs.signature import Output
from lstm_edge.results.parity import Case, Check, OutputDifference, ParityReport, Tolerance
from lstm_edge.runtimes.runners import TensorRunner
from lstm_edge.verify.comparing import CHECKED, SAME_ANSWER, Comparison, finite

# In a batch the products are summed in another order: rounding of float32, no more.
SAME_IN_BATCH = 1e-5


def scales(batches: Sequence[Batch]) -> dict[str, float]:
    """Each output's scale, of which differences are shares: the reference's greatest number in it."""
    names = batches[0].outputs
    return {
        name: max(
            max(float(np.abs(b.outputs[name]).max(initial=0.0)) for b in batches),
            float(np.finfo(np.float32).tiny),
        )
        for name in names
    }


def answered(batch: Batch) -> list[int]:
    """Places of the examples that the reference answers with numbers."""
    rows = [np.isfinite(a).reshape(len(batch), -1).all(1) for a in batch.outputs.values()]
    return [int(i) for i in np.flatnonzero(np.logical_and.reduce(rows))]


class TensorComparison(Comparison):
    """Compares outputs by name; differences are shares of the outputs' scales."""

    def __init__(
        self,
        variant: str,
        tolerance: Tolerance,
        outputs: Sequence[Output],
        scales: Mapping[str, float],
    ) -> None:
        super().__init__(variant, tolerance)
        self._ends, self._scales = outputs, scales
        self._right = None
        self._sums = {one.name: 0.0 for one in outputs}
        self._counts = {one.name: 0 for one in outputs}
        self._greatest = {one.name: 0.0 for one in outputs}
        self._decisions = {one.name: 0 for one in outputs if one.is_probability}
        self._flipped = dict.fromkeys(self._decisions, 0)
        self._cases: dict[str, list[float]] = {}

    def add_batch(self, batch: Batch, outputs: Arrays) -> None:
        """Take the next examples, and the variant's outputs of them."""
        broken = np.zeros(len(batch), bool)
        means = np.zeros(len(batch))
        for one in self._ends:
            ours, theirs = outputs[one.name], batch.outputs[one.name]
            if ours.shape != theirs.shape:
                raise ValueError(f"{one.name} is {ours.shape}; the reference's is {theirs.shape}")
            off = difference(ours, theirs, self._scales[one.name])
            bad = ~np.isfinite(ours)
            off[bad] = 1.0  # no number at all is as wrong as can be
            rows = off.reshape(len(batch), -1)
            broken |= bad.reshape(len(batch), -1).any(1)
            means = np.maximum(means, rows.mean(1))
            if off.max() > self._max:
                self._max = float(off.max())
                row, *place = (int(i) for i in np.unravel_index(int(off.argmax()), off.shape))
                where = f"{one.name}[{', '.join(map(str, place))}]" if place else one.name
                self._worst = Case(
                    self._examples + row,
                    None,
                    finite(theirs[row][tuple(place)].reshape(1)),
                    finite(ours[row][tuple(place)].reshape(1)),
                    f"{where}, {batch.cases[row]}",
                )
            self._greatest[one.name] = max(self._greatest[one.name], float(off.max()))
            self._sums[one.name] += float(off.sum())
            self._counts[one.name] += off.size
            if one.is_probability:
                flipped = labels(one, np.nan_to_num(ours)) != labels(one, theirs)
                self._decisions[one.name] += flipped.size
                self._flipped[one.name] += int(flipped.sum())
        for case, mean in zip(batch.cases, means, strict=True):
            self._cases.setdefault(case, []).append(float(mean))
        self._examples += len(batch)
        self._broken += int(broken.sum())
        self._flips = sum(self._flipped.values())

    def _mean(self) -> float:
        return max(self._sums[name] / self._counts[name] for name in self._sums)

    def _outputs(self) -> tuple[OutputDifference, ...]:
        return tuple(
            OutputDifference(
                one.name,
                self._scales[one.name],
                self._greatest[one.name],
                self._sums[one.name] / self._counts[one.name],
                self._decisions.get(one.name),
                self._flipped.get(one.name),
            )
            for one in self._ends
        )

    def cases(self) -> Check:
        """Every kind of case by itself: a few among many would not move the mean of all."""
        means = {case: float(np.mean(values)) for case, values in self._cases.items()}
        limits = (self.tolerance.mean_abs, self.tolerance.max_abs)
        limit = next((x for x in limits if x is not None), None)
        worst = max(means, key=means.__getitem__)
        return Check(
            "every kind of case",
            limit is None or means[worst] <= limit,
            f"{', '.join(means)}; mean relative Δ at most {means[worst]:.2g} ({worst})",
        )


# Steps in each call that a stream is checked with, besides all at once.
PIECES = (1, 7)


def in_pieces(
    runner: TensorRunner,
    batches: Sequence[Batch],
    scales: Mapping[str, float],
    tolerance: Tolerance,
) -> list[Check]:
    """Does a stream answer the same in whatever pieces it is fed?"""
    checks = []
    for piece in PIECES:
        off = [
            difference(value, batch.outputs[name], scales[name]).ravel()
            for batch in batches
            for name, value in runner.run(batch.inputs, piece=piece).items()
        ]
        every = np.concatenate(off)
        if tolerance.max_abs is not None:
            worst, limit, what = float(every.max()), tolerance.max_abs, "at most"
        else:
            worst, limit, what = float(every.mean()), tolerance.mean_abs or 0.0, "in the mean"
        detail = f"relative Δ {worst:.2g} {what} (limit {limit:g})"
        name = f"in pieces of {piece} step{'s' if piece > 1 else ''}"
        checks.append(Check(name, bool(worst <= limit), detail))
    return checks


def difference(ours: Array, theirs: Array, scale: float) -> Array:
    """What two arrays differ by, number by number, as shares of the scale; NaN where one is NaN."""
    with np.errstate(invalid="ignore"):
        off: Array = np.abs(ours.astype(np.float64) - theirs.astype(np.float64)) / scale
    return off


def labels(output: Output, values: Array) -> Array:
    """The decisions in an output's numbers: the largest of a softmax's, above 0.5 of a sigmoid's."""
    found: Array = values.argmax(-1) if output.activation == "softmax" else values > 0.5
    return found


def independence(
    runner: TensorRunner, batches: Sequence[Batch], scales: Mapping[str, float]
) -> list[Check]:
    """Is the answer that of the input alone: in any order, of any length before, in any batch?"""
    size = runner.batch or 1
    calls = [
        batch.part(range(begin, min(begin + size, len(batch)))).inputs
        for batch in batches
        for begin in _spread(len(batch), size, max(1, CHECKED // len(batches)))
    ]
    first = [runner.run(call) for call in calls]
    back = [runner.run(call) for call in calls[::-1]][::-1]
    lengths = [runner.signature.steps(call) for call in calls]
    longest = calls[int(np.argmax(lengths))]
    checks = [_same("other order", first, back, scales, SAME_ANSWER)]
    after = []
    for call in calls:
        runner.run(longest)
        after.append(runner.run(call))
    checks.append(_same("after the longest input", first, after, scales, SAME_ANSWER))
    if runner.batch is None:
        batch = max(batches, key=len)
        alone = [runner.run(batch.part([i]).inputs) for i in range(len(batch))]
        together = runner.run(batch.inputs)
        rows = [{k: v[i : i + 1] for k, v in together.items()} for i in range(len(batch))]
        checks.append(_same("in a batch", alone, rows, scales, SAME_IN_BATCH))
    if runner.signature.is_free:
        there = sorted({runner.signature.steps(batch.inputs) for batch in batches})
        checks.append(Check("lengths", True, f"{', '.join(map(str, there))} steps were run"))
    return checks


def _spread(count: int, size: int, most: int) -> list[int]:
    begins = range(0, count, size)
    picked = np.linspace(0, len(begins) - 1, min(most, len(begins))).astype(int)
    return [begins[i] for i in picked]


def _same(
    name: str,
    first: Sequence[Arrays],
    again: Sequence[Arrays],
    scales: Mapping[str, float],
    limit: float,
) -> Check:
    worst = max(
        float(difference(other[key], value, scales[key]).max())
        for one, other in zip(first, again, strict=True)
        for key, value in one.items()
    )
    # False for NaN
    return Check(
        name, bool(worst <= limit), f"differs by {worst:.2g} of the scale (limit {limit:g})"
    )


def measure(
    variant: str,
    runner: TensorRunner,
    batches: Sequence[Batch],
    tolerance: Tolerance,
    *,
    checks: Sequence[Check] = (),
    progress: Progress = SILENT,
) -> ParityReport:
    """Run a variant on all examples, and report.

    Args:
        batches: with the reference's outputs.
        checks: results to be judged with those that are made here.
    """
    found = scales(batches)
    comparison = TensorComparison(variant, tolerance, runner.signature.outputs, found)
    with progress.task(f"Verifying {variant}", sum(map(len, batches))) as advance:
        part = Within(advance)
        for batch in batches:
            comparison.add_batch(batch, runner.run(batch.inputs, part))
    made = independence(runner, batches, found)
    if runner.signature.states and not runner.signature.chunk:
        made += in_pieces(runner, batches, found, tolerance)
    return comparison.report([*made, comparison.cases(), *checks])
