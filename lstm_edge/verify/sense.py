"""Do the labels mean what the reference's answers mean? Judged by a count of both."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lstm_edge.results.parity import Check

NAME = "labels"
# Another order is right "far more often" where it gains this share of the examples at least.
GAIN = 0.1
# The chance that so clear a difference is an accident of the examples must be below this.
ACCIDENT = 1e-3


def judge(counts: npt.NDArray[np.int64], names: Sequence[str] = ()) -> Check:
    """Hold the reference's own answers against the labels that the user gives.

    It fails where another order of the labels would be right far more often, or where the reference
    is below chance: right less often than whoever always says the most frequent class, and no more
    often than its own answers in any order. That of few examples nothing can be said is no failure.

    Args:
        counts: of one example at least, from :func:`lstm_edge.results.answers.counted`, of the reference.
        names: of the K classes in the order of the outputs; none: their numbers.

    Returns:
        The check; its detail says which order would be right.
    """
    n, right = int(counts.sum()), int(np.trace(counts))
    called = list(names) or [str(i) for i in range(len(counts))]
    said = f"Keras itself is right on {right} of {n} ({right / n:.2%})"
    order = best_order(counts)
    moved = [i for i, own in enumerate(order) if i != own]
    other = int(sum(counts[own, i] for i, own in enumerate(order)))
    better = int(sum(counts[order[i], i] for i in moved)), int(sum(counts[i, i] for i in moved))
    if other - right >= GAIN * n and is_clear(*better, math.lgamma(len(counts) + 1)):
        words = ", ".join(called[own] for own in order)
        return Check(
            NAME,
            False,
            f"{said}; with the labels in the order {words} it would be right on {other} "
            f"({other / n:.2%}): export with that order, or put the data's labels right",
        )
    frequent = int(counts.sum(1).argmax())
    always = int(counts[frequent].sum())
    # of a class that the constant and the reference both get right nothing is learnt
    against = always - int(counts[frequent, frequent]), right - int(counts[frequent, frequent])
    by_chance = float(counts.sum(1) @ counts.sum(0)) / n
    if always < n and right <= by_chance and is_clear(*against):
        return Check(
            NAME,
            False,
            f"{said}; always {called[frequent]} would be right on {always} ({always / n:.2%}), its own "
            f"answers in any order on {by_chance:.0f}: are the labels those of these very examples?",
        )
    return Check(NAME, True, f"{said}; the most frequent class has {always / n:.2%}")


def is_clear(more: int, less: int, choices: float = 0.0) -> bool:
    """Whether one of two ways is better: right alone on ``more`` examples, the other on ``less``.

    Chernoff's bound of the sign test, for the best of exp(``choices``) ways.
    """
    n = more + less
    if more <= less:
        return False
    share = more / n
    entropy = -sum(p * math.log(p) for p in (share, 1 - share) if p)
    return n * (math.log(2) - entropy) - choices > -math.log(ACCIDENT)


def best_order(counts: npt.NDArray[np.int64]) -> list[int]:
    """For each output the class that it should stand for, so that most answers are right.

    The assignment problem, by shortest augmenting paths; a class stays where a change gains nothing.
    """
    k = len(counts)
    # a little for the order as it is, too little to weigh against one example
    gains = counts.T.astype(np.float64) + np.eye(k) / (k + 1)  # [output, class]
    costs = np.pad(gains.max(initial=0.0) - gains, ((1, 0), (1, 0)))
    rows, columns = np.zeros(k + 1), np.zeros(k + 1)  # potentials
    owner, before = np.zeros(k + 1, int), np.zeros(k + 1, int)  # of each class; 0: none
    for row in range(1, k + 1):
        owner[0], at = row, 0
        least, done = np.full(k + 1, np.inf), np.zeros(k + 1, bool)
        while owner[at]:
            done[at] = True
            slack = costs[owner[at]] - rows[owner[at]] - columns
            nearer = ~done & (slack < least)
            nearer[0] = False
            least[nearer], before[nearer] = slack[nearer], at
            open_ = np.where(done, np.inf, least)
            open_[0] = np.inf
            after = int(open_.argmin())
            step = least[after]
            rows[owner[done]] += step
            columns[done] -= step
            least[~done] -= step
            at = after
        while at:
            owner[at] = owner[before[at]]
            at = int(before[at])
    order = np.zeros(k, int)
    order[owner[1:] - 1] = np.arange(k)
    return [int(own) for own in order]
