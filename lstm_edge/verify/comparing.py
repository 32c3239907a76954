"""Does a variant answer as the reference does? Numbers, labels, and independence of what came before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from lstm_edge.base.arrays import Ids, Probabilities
from lstm_edge.base.progress import SILENT, Progress
from lstm_edge.errors import InputError
from lstm_edge.inputs.tokenizer import pad_sequences
from lstm_edge.results.answers import classes_of, margins
from lstm_edge.results.parity import Case, Check, OutputDifference, ParityReport, Tolerance
from lstm_edge.runtimes.runners import Runner, TextRunner

# The same ids must give the same answer whatever came before and wherever the pads stand. Runtimes
# may round differently for another shape, so not bit by bit; state left behind shows above 1e-4.
SAME_ANSWER = 2e-6
# Examples that are run again for these checks: enough to differ in length, few enough to be quick.
CHECKED = 16
# Where a precision limits flips and not differences (int8), an edge case that is off by more than
# this is not a matter of rounding.
EDGE_LIMIT = 0.1


class Comparison:
    """Compares a variant's outputs with the reference's, a window after the other, and judges them.

    Only counts, sums and the worst example are kept, however many windows there are.
    """

    def __init__(self, variant: str, tolerance: Tolerance) -> None:
        self.variant, self.tolerance = variant, tolerance
        self._examples = self._broken = self._flips = self._near = 0
        self._sum = 0.0
        self._max = -1.0
        self._worst: Case | None = None
        # of the variant and of the reference; None: not known
        self._right: tuple[int, int] | None = (0, 0)

    def add(
        self,
        reference: Probabilities,
        outputs: Probabilities,
        classes: npt.NDArray[np.int64] | None = None,
        texts: Sequence[str] | None = None,
    ) -> None:
        """Take the next outputs [N, K]; for the rest see :func:`compare`."""
        broken = ~(np.isfinite(outputs).all(1) & np.isfinite(reference).all(1))
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
        self._examples += len(outputs)
        self._sum += float(difference.sum())
        self._broken += int(broken.sum())
        self._flips += int(flipped.sum())
        self._near += int(near.sum())
        if classes is None or self._right is None:
            self._right = None
        else:
            right = int(((ours == classes) & ~broken).sum()), int((theirs == classes).sum())
            self._right = self._right[0] + right[0], self._right[1] + right[1]

    def _mean(self) -> float:
        return self._sum / self._examples

    def _outputs(self) -> tuple[OutputDifference, ...]:
        return ()

    def report(self, checks: Sequence[Check] = ()) -> ParityReport:
        """The report of everything that was added, one window at least, with these checks."""
        if self._worst is None:
            raise ValueError("nothing was compared")
        n, max_abs, tolerance = self._examples, self._max, self.tolerance
        mean_abs = self._mean()
        counted = self._flips - self._near
        accuracy = expected = None
        if self._right is not None:
            accuracy, expected = self._right[0] / n, self._right[1] / n

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
    comparison.add(reference, outputs, classes, texts)
    return comparison.report(checks)


def _allowed(rate: float, n: int) -> int:
    return max(1, int(rate * n + 1e-9)) if rate else 0


def finite(row: Probabilities) -> tuple[float | None, ...]:
    """The numbers of a row, None for what is none."""
    return tuple(float(p) if np.isfinite(p) else None for p in row)


def structure_checks(problems: Sequence[str], lowering: str) -> list[Check]:
    """A check for each problem in a file; a loop that the lowering gives a reason for is none."""
    return [Check("structure", " Loop " in p and "a Loop for" in lowering, p) for p in problems]


def independence_checks(
    runner: Runner, sequences: Sequence[Ids], edge: Sequence[Ids], length: int
) -> list[Check]:
    """Is the answer that of the input alone?

    Args:
        runner: of the variant.
        sequences: ids of examples, not padded.
        edge: no token, one, exactly and more than ``length`` tokens; they are run in between.
        length: the model's length.
    """
    lengths = np.argsort([len(s) for s in sequences], kind="stable")
    spread = np.linspace(0, len(lengths) - 1, min(CHECKED, len(lengths))).astype(int)
    some = [sequences[i][-length:] for i in lengths[spread]] + [s[-length:] for s in edge]

    def answers(padded: Callable[[Ids], Ids], rows: Sequence[Ids]) -> Probabilities:
        return np.concatenate([runner.run(padded(row)) for row in rows])

    def front(row: Ids) -> Ids:
        return runner.padded([row]) if runner.pads == "none" else pad_sequences([row], length)

    def behind(row: Ids) -> Ids:
        return pad_sequences([row], length, padding="post")

    first, again = _once_more(lambda rows: answers(front, rows), some, max(some, key=len))
    if runner.pads == "any":
        again["pads behind"] = answers(behind, some)
    return _same(first, again)


def text_independence_checks(
    runner: TextRunner, texts: Sequence[str], edge: Sequence[str]
) -> list[Check]:
    """The same of a file that takes texts."""
    lengths = np.argsort([len(text) for text in texts], kind="stable")
    spread = np.linspace(0, len(lengths) - 1, min(CHECKED, len(lengths))).astype(int)
    some = [*(texts[i] for i in lengths[spread]), *edge]

    def answers(given: Sequence[str]) -> Probabilities:
        return np.concatenate([runner.infer(text) for text in given])

    first, again = _once_more(answers, some, max(some, key=len))
    return _same(first, again)


_I = TypeVar("_I")


def _once_more(
    answers: Callable[[Sequence[_I]], Probabilities], some: Sequence[_I], longest: _I
) -> tuple[Probabilities, dict[str, Probabilities]]:
    """The first answers, and those on the same inputs after others, by what came before."""
    first = answers(some)
    return first, {
        "run twice": np.concatenate([answers([one, one])[1:] for one in some]),
        "other order": answers(some[::-1])[::-1],
        "after a long input": np.concatenate([answers([longest, one])[1:] for one in some]),
    }


def _same(first: Probabilities, again: dict[str, Probabilities]) -> list[Check]:
    checks = []
    for name, outputs in again.items():
        worst = np.abs(outputs.astype(np.float64) - first).max()
        ok = bool(worst <= SAME_ANSWER)  # False for NaN
        checks.append(Check(name, ok, f"differs by {worst:.2g} from the first answers"))
    return checks


def edge_sequences(length: int, num_ids: int, first_id: int) -> dict[str, Ids]:
    """Ids of the cases that break exports: none, one, exactly and more than ``length`` tokens."""
    rng = np.random.default_rng(20)
    low = min(first_id, num_ids - 1)

    def drawn(n: int) -> Ids:
        # small ids are frequent words; squared, so that rare ones come too
        share = rng.random(n) ** 2
        return (low + share * (num_ids - low)).astype(np.int32)

    return {
        "no token": drawn(0),
        "one token": drawn(1),
        "exactly the length": drawn(length),
        "more than the length": drawn(4 * length),
    }


# Characters between and around the words of edge texts that Keras's tokeniser drops, or does not.
_DROPPED = ' \t\n.,;:!?-_/()[]"'


def edge_texts(length: int, tokens: Sequence[str], first_id: int) -> dict[str, str]:
    """Texts that tell tokenisers apart, of words that the vocabulary has.

    Args:
        length: ids that one example keeps.
        tokens: of the vocabulary; words from ``first_id`` on.
    """
    plain = [t for t in tokens[first_id:] if t.isascii() and t.isalpha() and t == t.lower()]
    plain = plain or ["word"]
    # frequent words and rarer ones
    places = np.unique(np.geomspace(1, len(plain), min(40, len(plain))).astype(int) - 1)
    words = [plain[i] for i in places]

    def several(count: int) -> list[str]:
        return [words[i % len(words)] for i in range(count)]

    a, b, c = several(3)
    spellings = (str.lower, str.capitalize, str.upper)
    return {
        "no word": "",
        "nothing but what is dropped": f"{_DROPPED}<br /><br />{_DROPPED}",
        "one word": a,
        "words up to the length": " ".join(several(length - 1)),
        "more words than the length": " ".join(several(2 * length)),
        "capitals": " ".join(spellings[i % 3](w) for i, w in enumerate(several(30))),
        "punctuation and tags": f'<br /><br />"{a.capitalize()}" ({b})\t{c}!\n--{b}, {a}/{c}...',
        "apostrophes": f"{a}'s {b.capitalize()}'S 'tis {c}' don't",
        "unknown words": f"qxzv {a} 1234567 {b} {'z' * 60} {c}",
        "other scripts": f"naïve {a} ÉCOLE {b} 映画 {c} 😀 {a}\u00a0{b} {c}",
    }


EDGES = "no, one, exactly and too many tokens"


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


class Measurement:
    """Runs a variant on examples, a window after the other, and on the edge cases.

    Args:
        edge, edge_reference: the cases of :func:`edge_sequences` and the reference's outputs.
        checks: results to be judged with those that are made here.
        edge_texts: texts of the edge cases, None of those that are ids only; what takes texts runs those.
    """

    def __init__(
        self,
        variant: str,
        runner: Runner | TextRunner,
        edge: Sequence[Ids],
        edge_reference: Probabilities,
        tolerance: Tolerance,
        checks: Sequence[Check] = (),
        edge_texts: Sequence[str | None] = (),
    ) -> None:
        self._runner, self._edge, self._edge_reference = runner, edge, edge_reference
        self._edge_texts = {i: text for i, text in enumerate(edge_texts) if text is not None}
        self._given, self._made = checks, list[Check]()
        self._comparison = Comparison(variant, tolerance)

    def add(
        self,
        sequences: Sequence[Ids],
        reference: Probabilities,
        *,
        classes: npt.NDArray[np.int64] | None = None,
        texts: Sequence[str] | None = None,
        progress: Progress = SILENT,
    ) -> None:
        """Run the next N examples: see :func:`measure`.

        Those of the first window are the ones that :func:`independence_checks` runs again.
        """
        runner, comparison = self._runner, self._comparison
        description = f"Verifying {comparison.variant}"
        if isinstance(runner, TextRunner):
            if texts is None:
                raise InputError(
                    f"{comparison.variant} takes texts, and these data are ids: give texts, or leave it "
                    "out with --variant"
                )
            if not self._made:
                self._made += text_independence_checks(
                    runner, texts, list(self._edge_texts.values())
                )
            outputs = runner.run_texts(texts, progress, description)
        else:
            if not self._made:
                length = runner.max_length or 1
                self._made += independence_checks(runner, sequences, self._edge, length)
            outputs = runner.run_sequences(sequences, progress, description)
        comparison.add(reference, outputs, classes, texts)

    def report(self) -> ParityReport:
        """The report of everything that was added, one window at least."""
        tolerance = self._comparison.tolerance
        runner, reference = self._runner, self._edge_reference
        if isinstance(runner, TextRunner):
            name, reference = "edge texts", reference[list(self._edge_texts)]
            extreme = [runner.run_texts([text]) for text in self._edge_texts.values()]
        else:
            name = EDGES
            extreme = [runner.run_sequences([row]) for row in self._edge]
        edges = edge_check(np.concatenate(extreme), reference, tolerance, name)
        return self._comparison.report([*self._made, edges, *self._given])


def measure(
    variant: str,
    runner: Runner | TextRunner,
    sequences: Sequence[Ids],
    reference: Probabilities,
    edge: Sequence[Ids],
    edge_reference: Probabilities,
    tolerance: Tolerance,
    *,
    classes: npt.NDArray[np.int64] | None = None,
    texts: Sequence[str] | None = None,
    checks: Sequence[Check] = (),
    edge_texts: Sequence[str | None] = (),
    progress: Progress = SILENT,
) -> ParityReport:
    """Run a variant on the sequences and the edge cases, and report.

    Args:
        sequences: ids of N examples, not padded, any length.
        reference: the reference's outputs on them, [N, K].
        edge, edge_reference: the cases of :func:`edge_sequences` and the reference's outputs.
        classes, texts, checks: see :func:`compare`.
        edge_texts: see :class:`Measurement`.
    """
    measurement = Measurement(variant, runner, edge, edge_reference, tolerance, checks, edge_texts)
    measurement.add(sequences, reference, classes=classes, texts=texts, progress=progress)
    return measurement.report()
