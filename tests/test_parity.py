"""Counting differences and flips, and catching runners that do not answer by the input alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from conftest import Exported

from lstm_edge.base.arrays import Ids
from lstm_edge.bundle.golden import Golden
from lstm_edge.inputs.batches import ANSWERS, Batch
from lstm_edge.results.answers import margins
from lstm_edge.results.parity import Check, ParityReport, ParityRun, Tolerance
from lstm_edge.runtimes.contract import runtime_class
from lstm_edge.runtimes.runners import IdsRunner
from lstm_edge.verify import comparing as parity
from lstm_edge.verify import edges, measuring

EXACT = Tolerance(1e-5, 0.0, 1e-5, None, "float32")
ROUGH = Tolerance(None, 0.002, 0.0, 0.0015, "int8")
NEAR = Tolerance(None, 0.002, 0.01, None, "flips near the threshold do not count")


def column(*values: float) -> np.ndarray:
    """Outputs [N, 1] of a sigmoid."""
    return np.array(values, np.float32)[:, None]


def compared(reference: Any, outputs: Any, tolerance: Tolerance, **more: Any) -> ParityReport:
    """A report for outputs given as arrays."""
    return parity.compare("v", np.float32(reference), np.float32(outputs), tolerance, **more)


# --- counting -------------------------------------------------------------------------------------


def test_equal_answers_have_nothing_to_report() -> None:
    answers = column(0.1, 0.5, 0.9)
    report = compared(answers, answers, EXACT)
    assert report.ok
    assert (report.examples, report.max_abs, report.mean_abs, report.flips) == (3, 0.0, 0.0, 0)
    assert (report.accuracy, report.reference_accuracy) == (None, None)


def test_differences_are_those_of_the_worst_class_and_example() -> None:
    reference = [[0.7, 0.2, 0.1], [0.1, 0.8, 0.1]]
    outputs = [[0.6, 0.2, 0.2], [0.1, 0.5, 0.4]]
    report = compared(reference, outputs, ROUGH, texts=["first", "x" * 500])
    assert report.max_abs == pytest.approx(0.3)
    assert report.mean_abs == pytest.approx((0.1 + 0.3) / 2)
    assert report.worst.index == 1
    assert report.worst.text == "x" * 200
    assert report.worst.reference == pytest.approx(reference[1])
    assert report.worst.variant == pytest.approx(outputs[1])


@pytest.mark.parametrize(
    ("reference", "outputs", "tolerance", "flips", "at_threshold", "ok"),
    [
        # one unit: above 0.5 is the second class, exactly 0.5 the first
        (column(0.4), column(0.6), ROUGH, 1, 0, True),  # one is always allowed
        (column(0.4, 0.3), column(0.6, 0.7), ROUGH, 2, 0, False),
        (column(0.5), column(0.5), EXACT, 0, 0, True),
        (column(0.5, 0.5), column(0.6, 0.7), ROUGH, 2, 2, True),  # a margin of 0 is not above 0
        (column(0.5), column(0.500001), EXACT, 1, 1, True),  # the reference itself is undecided
        (column(0.4999), column(0.500001), EXACT, 1, 0, False),
        (column(0.495, 0.505), column(0.52, 0.48), NEAR, 2, 2, True),
        (column(0.495, 0.4, 0.3), column(0.52, 0.6, 0.6), NEAR, 3, 1, False),
        # three classes: half the lead is the margin
        ([[0.6, 0.3, 0.1]], [[0.3, 0.6, 0.1]], EXACT, 1, 0, False),
        ([[0.34, 0.33, 0.33]], [[0.33, 0.34, 0.33]], NEAR, 1, 1, True),
        ([[0.36, 0.33, 0.31]], [[0.33, 0.36, 0.31]] * 1, NEAR, 1, 0, True),
        ([[0.36, 0.33, 0.31]] * 2, [[0.33, 0.36, 0.31]] * 2, NEAR, 2, 0, False),
    ],
)
def test_flips_are_counted(
    reference: Any, outputs: Any, tolerance: Tolerance, flips: int, at_threshold: int, ok: bool
) -> None:
    report = compared(reference, outputs, tolerance)
    assert (report.flips, report.flips_at_threshold, report.ok) == (flips, at_threshold, ok)


@pytest.mark.parametrize(
    ("examples", "flips", "ok"),
    [(10, 1, True), (10, 2, False), (1000, 2, True), (1000, 3, False), (1499, 3, False)],
)
def test_the_rate_of_flips_decides(examples: int, flips: int, ok: bool) -> None:
    reference = np.full((examples, 1), 0.4)
    reference[-1] = 0.3
    outputs = reference.copy()
    outputs[:flips] = 0.6
    report = compared(reference, outputs, ROUGH)
    assert report.ok is ok
    if not ok:
        assert f"{flips} of {examples} labels flip" in report.failures[0]


def test_a_tolerance_without_a_rate_allows_no_flip() -> None:
    report = compared(column(0.4), column(0.5000001), Tolerance(1.0, 0.0, 0.0, None, ""))
    assert report.failures == (
        "1 of 1 labels flip (100.00%; of others like these 20.65% to 100.00%), more than 0.00%",
    )


def test_the_greatest_difference_decides() -> None:
    assert compared(column(0.2), column(0.200009), EXACT).ok
    report = compared(column(0.2), column(0.20002), EXACT)
    assert report.failures == ("max |Δp| 2e-05 is above 1e-05",)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("tolerance", [EXACT, ROUGH, NEAR])
@pytest.mark.parametrize("reference", [0.1, 0.5, 0.9])
def test_an_answer_that_is_no_number_always_fails(
    reference: float, tolerance: Tolerance, value: float
) -> None:
    """Whatever its label would be, and also where one flip is allowed."""
    answers = column(0.3, 0.7, reference)
    report = compared(answers, column(0.3, 0.7, value), tolerance)
    assert not report.ok
    assert any("1 of 3 answers are not numbers" in failure for failure in report.failures)
    assert (report.max_abs, report.flips, report.flips_at_threshold) == (1.0, 1, 0)
    assert report.worst.index == 2
    assert report.worst.variant == (None,)
    json.dumps(report.to_json(), allow_nan=False)


def test_a_nan_among_classes_fails() -> None:
    report = compared([[0.2, 0.8, 0.0]], [[np.nan, 0.8, 0.2]], ROUGH)
    assert not report.ok
    assert report.worst.variant == (None, pytest.approx(0.8), pytest.approx(0.2))


def test_an_answer_that_is_no_number_is_not_right() -> None:
    report = compared(column(0.1), column(np.nan), ROUGH, classes=np.array([0]))
    assert (report.accuracy, report.reference_accuracy) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("wrong", "ok"),
    [(1, True), (3, True), (4, False)],
)
def test_accuracy_may_fall_by_so_much(wrong: int, ok: bool) -> None:
    """Flips from right to wrong count; those from wrong to right make up for them."""
    n = 2000
    classes = np.ones(n, np.int64)
    reference = np.full((n, 1), 0.9)
    reference[-1] = 0.8
    outputs = reference.copy()
    outputs[:wrong] = 0.4
    lenient = Tolerance(None, 0.01, 0.0, 0.0015, "")
    report = compared(reference, outputs, lenient, classes=classes)
    assert (report.accuracy, report.reference_accuracy) == (pytest.approx(1 - wrong / n), 1.0)
    assert report.ok is ok
    if not ok:
        assert report.failures == ("accuracy falls from 100.00% to 99.80%, more than 0.15 points",)
    reference[n - wrong :] = 0.4  # wrong in the reference, right in the variant
    assert compared(reference, outputs, lenient, classes=classes).ok


def test_accuracy_may_rise() -> None:
    classes = np.ones(10, np.int64)
    report = compared(np.full((10, 1), 0.4), np.full((10, 1), 0.6), NEAR, classes=classes)
    assert (report.accuracy, report.reference_accuracy) == (1.0, 0.0)
    assert not [failure for failure in report.failures if "accuracy" in failure]


def test_failed_checks_are_failures() -> None:
    checks = [Check("run twice", True, "differs by 0"), Check("structure", False, "has a Loop")]
    report = compared(column(0.2), column(0.2), EXACT, checks=checks)
    assert report.failures == ("structure: has a Loop",)
    assert report.checks == tuple(checks)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_reference_that_is_no_number_fails(value: float) -> None:
    report = compared(column(value, 0.2), column(0.2, 0.2), ROUGH)
    assert report.failures == ("1 of 2 answers are not numbers",)
    assert (report.max_abs, report.worst.reference) == (1.0, (None,))
    json.dumps(report.to_json(), allow_nan=False)


@pytest.mark.parametrize("size", [1, 2, 7, 50, 1000])
@pytest.mark.parametrize("classes", [1, 3])
@pytest.mark.parametrize("labelled", [True, False])
def test_windows_make_the_report_of_the_whole(
    size: int, classes: int, labelled: bool, rng: np.random.Generator
) -> None:
    """Differences that are the same twice, answers that are not numbers, flips on both sides."""
    n = 120
    reference = rng.random((n, classes)).astype(np.float32)
    outputs = np.clip(reference + rng.normal(0, 0.05, reference.shape), 0, 1).astype(np.float32)
    outputs[60:] = outputs[:60]
    reference[60:] = reference[:60]
    outputs[[17, 90], 0] = np.nan, np.inf
    right = rng.integers(0, max(2, classes), n) if labelled else None
    texts = [f"text {i}" for i in range(n)] if labelled else None
    checks = [Check("run twice", False, "differs")]
    lenient = Tolerance(None, 0.002, 0.04, 0.0015, "")
    whole = compared(reference, outputs, lenient, classes=right, texts=texts, checks=checks)
    assert whole.flips > whole.flips_at_threshold > 0

    comparison = parity.Comparison("v", lenient)
    for begin in range(0, n, size):
        part = slice(begin, begin + size)
        comparison.add(
            Batch(
                outputs={ANSWERS: reference[part]},
                texts=None if texts is None else texts[part],
                classes=None if right is None else right[part],
            ),
            {ANSWERS: outputs[part]},
        )
    found = comparison.report(checks)
    assert found.mean_abs == pytest.approx(whole.mean_abs, rel=1e-12)
    assert replace(found, mean_abs=whole.mean_abs) == whole


def test_a_report_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing was compared"):
        parity.Comparison("v", EXACT).report()


def test_margins() -> None:
    np.testing.assert_allclose(margins(column(0.2, 0.5, 0.9)), [0.3, 0, 0.4], atol=1e-7)
    outputs = np.array([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8], [0.4, 0.4, 0.2]])
    np.testing.assert_allclose(margins(outputs), [0.1, 0.35, 0.0], atol=1e-12)


def test_reports_survive_json() -> None:
    report = compared(
        column(0.1, 0.9),
        column(np.nan, 0.9),
        ROUGH,
        classes=np.array([0, 1]),
        texts=["a", "b"],
        checks=[Check("run twice", True, "differs by 0")],
    )
    run = ParityRun("bundle", "golden vectors", "golden.json", {"cpu": None}, "now", (report,))
    back = ParityRun.from_json(json.loads(json.dumps(run.to_json(), allow_nan=False)))
    assert back == run
    assert not back.ok


# --- runners that misbehave, each around a real one -----------------------------------------------


class OfOnnx(IdsRunner):
    """As it is."""

    kind = "onnx"


class OfTflite(IdsRunner):
    """As it is."""

    kind = "tflite"


class Leaking(OfOnnx):
    """Part of the last answer is left behind for the next."""

    left = 0.0

    def infer(self, ids: Ids) -> Any:
        outputs = super().infer(ids) + 1e-3 * self.left
        self.left = float(outputs[-1, 0])
        return outputs


class LeakingAfterLong(OfTflite):
    """Something is left behind only by an input that fills the whole length."""

    full = False

    def infer(self, ids: Ids) -> Any:
        outputs = super().infer(ids) + (1e-4 if self.full else 0.0)
        self.full = bool(np.count_nonzero(ids) >= (self.max_length or 0))
        return outputs


class Counting(OfOnnx):
    """The answer drifts with every call."""

    calls = 0

    def infer(self, ids: Ids) -> Any:
        self.calls += 1
        return super().infer(ids) + 1e-5 * self.calls


class RunningPadsInFront(OfOnnx):
    """Pads in front are other steps than those that a shorter row lacks."""

    def infer(self, ids: Ids) -> Any:
        return super().infer(ids) + 1e-3 * (ids[:, 0] == 0)[:, None]


class KeepingTheHead(OfTflite):
    """Of more ids than fit the first are kept, not the last."""

    def run_sequences(self, sequences: Any, *args: Any) -> Any:
        return super().run_sequences([s[: self.max_length] for s in sequences], *args)


class Confused(OfOnnx):
    """Answers come back in another order than they were asked for."""

    def run_sequences(self, sequences: Any, *args: Any) -> Any:
        return super().run_sequences(sequences, *args)[::-1]


class NotANumber(OfTflite):
    """No number for an input without a token."""

    def infer(self, ids: Ids) -> Any:
        outputs = super().infer(ids)
        outputs[~ids.any(1)] = np.nan
        return outputs


CASE = "hidden dense"
WELL_BEHAVED = (OfOnnx, OfTflite)
INDEPENDENCE = ["run twice", "other order", "after a long input", "pads in front"]
TOKENS = "no, one, exactly and too many tokens"


@pytest.fixture
def report_of(
    exported: Callable[[str, str], Exported], rng: np.random.Generator
) -> Callable[[type[OfOnnx | OfTflite]], ParityReport]:
    """The parity of a runner class on the float32 file of its format, against Keras."""

    def measure(cls: type[OfOnnx | OfTflite]) -> ParityReport:
        made = exported(CASE, f"{cls.kind}-float32")
        length, vocab = made.stack.max_length, len(made.stack.embedding)
        runner = cls(runtime_class(cls.kind)(made.path), vocab, length)
        sequences = [rng.integers(1, vocab, n).astype(np.int32) for n in range(2, length + 10, 2)]
        edge = list(edges.edge_sequences(length, vocab, 4).values())

        def keras(rows: Any) -> Any:
            padded = np.zeros((len(rows), length), np.int32)
            for row, ids in zip(padded, rows, strict=True):
                row[length - min(length, len(ids)) :] = ids[-length:]
            return np.asarray(made.model(padded))

        return measuring.measure(
            cls.__name__,
            runner,
            [Batch(outputs={ANSWERS: keras(sequences)}, sequences=sequences)],
            made.precision.tolerance,
            golden=Golden(
                None, (), np.empty((0, 1)), None, tuple(edge), tuple(edge), keras(edge), (None,) * 4
            ),
        )

    return measure


@pytest.mark.parametrize("cls", WELL_BEHAVED)
def test_a_runner_that_behaves_passes(cls: type[OfOnnx | OfTflite], report_of: Any) -> None:
    report = report_of(cls)
    assert report.failures == ()
    assert [check.name for check in report.checks] == [*INDEPENDENCE, TOKENS]


@pytest.mark.parametrize(
    ("cls", "failing"),
    [
        (Leaking, {"run twice", "other order", "after a long input"}),
        (LeakingAfterLong, {"after a long input"}),
        (Counting, {"run twice", "other order", "after a long input", "pads in front"}),
        (RunningPadsInFront, {"pads in front"}),
        (KeepingTheHead, {TOKENS}),
        (NotANumber, {*INDEPENDENCE[:3], TOKENS}),
    ],
)
def test_a_runner_that_misbehaves_is_caught(
    cls: type[OfOnnx | OfTflite], failing: set[str], report_of: Any
) -> None:
    report = report_of(cls)
    assert not report.ok
    assert failing <= {check.name for check in report.checks if not check.ok}
    for name in failing:
        assert any(failure.startswith(f"{name}: ") for failure in report.failures)


def test_answers_in_the_wrong_order_are_caught(report_of: Any) -> None:
    report = report_of(Confused)
    assert any(failure.startswith("max |Δp|") for failure in report.failures)


def test_the_edge_cases() -> None:
    length, vocab = 12, 30
    edge = edges.edge_sequences(length, vocab, 4)
    assert [len(ids) for ids in edge.values()] == [0, 1, length, 4 * length]
    for ids in edge.values():
        assert ids.dtype == np.int32
        assert ((ids >= 4) & (ids < vocab)).all()
    small = edges.edge_sequences(length, 3, 4)  # fewer ids than the tokeniser's special ones
    assert all((ids < 3).all() for ids in small.values())
    for name, ids in edges.edge_sequences(length, vocab, 4).items():
        np.testing.assert_array_equal(ids, edge[name])  # the same in every run
