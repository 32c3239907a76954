"""Whether labels fit the answers of the reference itself."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from lstm_edge.results.answers import counted
from lstm_edge.verify.sense import best_order, judge

NAMES = ("walk", "sit", "run")
# counts (rows the right class), whether it passes, a part of what is said
JUDGED: dict[str, tuple[list[list[int]], bool, str]] = {
    "right": ([[90, 5, 5], [0, 95, 5], [2, 3, 95]], True, "280 of 300 (93.33%)"),
    "weak, and no order is far better": ([[40, 30, 30], [30, 40, 30], [45, 30, 25]], True, "105 of"),
    "turned": ([[5, 5, 90], [90, 5, 5], [5, 90, 5]], False, "in the order sit, run, walk"),
    "two of three exchanged": ([[95, 3, 2], [1, 9, 90], [1, 90, 9]], False, "order walk, run, sit"),
    "a few, all wrong": ([[0, 2, 0], [0, 0, 2], [1, 0, 0]], True, "0 of 5"),
    "rare class, found too often": ([[0, 0, 0], [0, 900, 80], [0, 4, 16]], True, "916 of 1000"),
    "below chance": ([[150, 150, 0], [50, 50, 0], [0, 0, 0]], False, "always walk would be right on 300"),
    "one class, mostly right": ([[0, 0, 0], [9, 400, 8], [0, 0, 0]], True, "400 of 417"),
    "one class, mostly another": ([[5, 395, 0], [0, 0, 0], [0, 0, 0]], False, "sit, walk, run"),
}  # fmt: skip


@pytest.mark.parametrize("case", JUDGED)
def test_labels_are_held_to_sense(case: str) -> None:
    counts, ok, part = JUDGED[case]
    check = judge(np.array(counts), NAMES)
    assert check.ok is ok, check.detail
    assert part in check.detail


@pytest.mark.parametrize(("classes", "examples"), [(2, 8), (2, 300), (10, 40), (10, 500)])
def test_labels_by_chance_raise_no_alarm(classes: int, examples: int) -> None:
    """No order of labels that mean nothing is clearly better, however many orders there are."""
    rng = np.random.default_rng(0)
    drawn = rng.integers(0, classes, (400, 2, examples))
    alarms = [not judge(counted(right, said, classes)).ok for right, said in drawn]
    assert sum(alarms) <= 4


def test_the_best_order_is_the_best() -> None:
    rng = np.random.default_rng(0)
    for _ in range(300):
        k = int(rng.integers(1, 6))
        counts = rng.integers(0, 9, (k, k))
        orders = itertools.permutations(range(k))
        best = max(sum(counts[own, i] for i, own in enumerate(order)) for order in orders)
        found = best_order(counts)
        assert sorted(found) == list(range(k))
        assert sum(counts[own, i] for i, own in enumerate(found)) == best
    assert best_order(np.zeros((4, 4), int)) == [0, 1, 2, 3]
