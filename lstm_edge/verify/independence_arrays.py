"""Does a variant of a model without text answer as the reference does, for its input alone?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lstm_edge.base.arrays import Arrays
from lstm_edge.inputs.batches import Batch
from lstm_edge.results.parity import Check, Tolerance
from lstm_edge.runtimes.runners import ArrayRunner
from lstm_edge.verify.comparing_arrays import Scales, difference
from lstm_edge.verify.independence import CHECKED, SAME_ANSWER

# In a batch the products are summed in another order: rounding of float32, no more.
SAME_IN_BATCH = 1e-5
# Steps in each call that a stream is checked with, besides all at once.
PIECES = (1, 7)


def in_pieces(
    runner: ArrayRunner,
    batches: Sequence[Batch],
    scales: Scales,
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
            if worst > limit:
                limit = max(limit, _own(batches, scales))
        else:
            worst, limit, what = float(every.mean()), tolerance.mean_abs or 0.0, "in the mean"
        detail = f"relative Δ {worst:.2g} {what} (limit {limit:g})"
        name = f"in pieces of {piece} step{'s' if piece > 1 else ''}"
        checks.append(Check(name, bool(worst <= limit), detail))
    return checks


def _own(batches: Sequence[Batch], scales: Scales) -> float:
    """What the reference's own rounding moves these answers by, where that is known."""
    moves = [
        array.max(initial=0.0)
        for batch in batches
        if batch.moves is not None
        for array in batch.moves(range(len(batch)), scales).values()
    ]
    return float(max(moves, default=0.0))


def independence(runner: ArrayRunner, batches: Sequence[Batch], scales: Scales) -> list[Check]:
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
        check = _same("in a batch", alone, rows, scales, SAME_IN_BATCH)
        if not check.ok:
            limit = max(SAME_IN_BATCH, _own([batch], scales))
            check = _same(check.name, alone, rows, scales, limit)
        checks.append(check)
    if runner.signature.is_free:
        there = sorted({n for batch in batches for n in runner.signature.lengths(batch.inputs)})
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
    scales: Scales,
    limit: float,
) -> Check:
    worst = max(
        float(difference(other[key], value, scales[key]).max())
        for outputs, other in zip(first, again, strict=True)
        for key, value in outputs.items()
    )
    # False for NaN
    return Check(
        name, bool(worst <= limit), f"differs by {worst:.2g} of the scale (limit {limit:g})"
    )
