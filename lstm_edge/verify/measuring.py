"""A variant on examples: run, compared, and checked for what the numbers do not show."""

from __future__ import annotations

from collections.abc import Sequence
from functools import singledispatch

import numpy as np

from lstm_edge.base.progress import SILENT, Progress, Within
from lstm_edge.bundle.golden import Golden
from lstm_edge.inputs.batches import Batch
from lstm_edge.results.parity import Check, ParityReport, Tolerance
from lstm_edge.runtimes.runners import ArrayRunner, IdsRunner, Runner, TextRunner, only_ids
from lstm_edge.verify.comparing import Comparison, edge_check
from lstm_edge.verify.comparing_arrays import LIMIT, ArrayComparison, scales
from lstm_edge.verify.edges import EDGES
from lstm_edge.verify.independence import independence_checks, text_independence_checks
from lstm_edge.verify.independence_arrays import in_pieces, independence


class Measurement:
    """Runs a variant on examples, a window after the other, and on the edge cases.

    Args:
        checks: results to be judged with those that are made here.
        golden: has the edge cases of a bundle of texts, and the reference's answers to them.
        labels: names of the bundle's classes.
    """

    def __init__(
        self,
        variant: str,
        runner: Runner,
        tolerance: Tolerance,
        checks: Sequence[Check] = (),
        golden: Golden | None = None,
        labels: Sequence[str] = (),
    ) -> None:
        self._labels = labels
        self.variant, self.tolerance = variant, tolerance
        self._runner, self._checks, self._golden = runner, checks, golden
        self._made: list[Check] = []
        self._comparison: Comparison | None = None

    def add(self, batches: Sequence[Batch], progress: Progress = SILENT) -> None:
        """Run the next examples, with the reference's outputs.

        Those of the first window are the ones that are run again to see whether answers depend on
        what came before.

        Raises:
            InputError: the file takes texts, and these are ids.
        """
        if any(self._runner.lacks(batch) for batch in batches):
            raise only_ids(self.variant)
        if self._comparison is None:
            self._comparison = comparison_of(
                self._runner, self.variant, self.tolerance, batches, self._labels
            )
            self._made = _checks(self._runner, batches, self._golden, self.tolerance)
        for batch in batches:
            outputs = self._runner.answers(batch, progress, f"Verifying {self.variant}")
            self._comparison.add(batch, outputs)

    def sense(self) -> list[Check]:
        """Whether the user's labels fit the reference's own answers, where there are labels."""
        return [] if self._comparison is None else self._comparison.sense(self._labels)

    def report(self) -> ParityReport:
        """The report of everything that was added, one window at least."""
        if self._comparison is None:
            raise ValueError("nothing was compared")
        edges: list[Check] = []
        if self._golden is not None:  # at the end: what all before left behind would show
            edges = _edge_checks(self._runner, self._golden, self.tolerance)
        return self._comparison.report(
            [*self._made, *edges, *self._comparison.closing_checks(), *self._checks]
        )


def measure(
    variant: str,
    runner: Runner,
    batches: Sequence[Batch],
    tolerance: Tolerance,
    *,
    checks: Sequence[Check] = (),
    golden: Golden | None = None,
    progress: Progress = SILENT,
) -> ParityReport:
    """Run a variant on all examples, and report; see :class:`Measurement`."""
    measurement = Measurement(variant, runner, tolerance, checks, golden)
    with progress.task(f"Verifying {variant}", sum(map(len, batches))) as advance:
        measurement.add(batches, Within(advance))
    return measurement.report()


@singledispatch
def comparison_of(
    runner: Runner,
    variant: str,
    tolerance: Tolerance,
    batches: Sequence[Batch],
    labels: Sequence[str] = (),
) -> Comparison:
    """What compares the outputs of such a runner."""
    del runner, batches, labels
    return Comparison(variant, tolerance)


@comparison_of.register
def _(
    runner: ArrayRunner,
    variant: str,
    tolerance: Tolerance,
    batches: Sequence[Batch],
    labels: Sequence[str] = (),
) -> Comparison:
    outputs = runner.signature.outputs
    limit = LIMIT if tolerance.allowed is None else tolerance.allowed
    return ArrayComparison(variant, tolerance, outputs, scales(batches, outputs, limit), labels)


@singledispatch
def _checks(
    runner: Runner, batches: Sequence[Batch], golden: Golden | None, tolerance: Tolerance
) -> list[Check]:
    """Is the answer that of the input alone?"""
    raise TypeError(f"no checks for a {type(runner).__name__}")


@_checks.register
def _(
    runner: IdsRunner, batches: Sequence[Batch], golden: Golden | None, tolerance: Tolerance
) -> list[Check]:
    del tolerance
    edge = () if golden is None else golden.edge_ids
    return independence_checks(runner, batches[0].sequences, edge, runner.max_length or 1)


@_checks.register
def _(
    runner: TextRunner, batches: Sequence[Batch], golden: Golden | None, tolerance: Tolerance
) -> list[Check]:
    del tolerance
    edge = [] if golden is None else [text for text, _ in golden.edge_by_text]
    return text_independence_checks(runner, batches[0].texts or (), edge)


@_checks.register
def _(
    runner: ArrayRunner, batches: Sequence[Batch], golden: Golden | None, tolerance: Tolerance
) -> list[Check]:
    del golden
    scale = scales(batches, runner.signature.outputs)
    checks = independence(runner, batches, scale)
    if runner.signature.states and not runner.signature.chunk:
        checks += in_pieces(runner, batches, scale, tolerance)
    return checks


@singledispatch
def _edge_checks(runner: Runner, golden: Golden, tolerance: Tolerance) -> list[Check]:
    """Are the edge cases right?"""
    raise TypeError(f"no edge cases for a {type(runner).__name__}")


@_edge_checks.register
def _(runner: IdsRunner, golden: Golden, tolerance: Tolerance) -> list[Check]:
    outputs = np.concatenate([runner.run_sequences([ids]) for ids in golden.edge_ids])
    return [edge_check(outputs, golden.edge_outputs, tolerance, EDGES)]


@_edge_checks.register
def _(runner: TextRunner, golden: Golden, tolerance: Tolerance) -> list[Check]:
    texts, reference = zip(*golden.edge_by_text, strict=True)
    outputs = np.concatenate([runner.run_texts([text]) for text in texts])
    return [edge_check(outputs, np.array(reference), tolerance, "edge texts")]
