"""Is a variant's answer that of its input alone, whatever came before, and in what pieces it came?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from lstm_edge.base.arrays import Ids, Probabilities
from lstm_edge.inputs.tokenizer import pad_sequences
from lstm_edge.results.parity import Check
from lstm_edge.runtimes.runners import IdsRunner, TextRunner

# The same ids must give the same answer whatever came before and wherever the pads stand. Runtimes
# may round differently for another shape, so not bit by bit; state left behind shows above 1e-4.
SAME_ANSWER = 2e-6
# Examples that are run again for these checks: enough to differ in length, few enough to be quick.
CHECKED = 16


def independence_checks(
    runner: IdsRunner, sequences: Sequence[Ids], edge: Sequence[Ids], length: int
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
    some = [*(sequences[i] for i in lengths[spread]), *edge]

    def answers(padded: Callable[[Ids], Ids], rows: Sequence[Ids]) -> Probabilities:
        return np.concatenate([runner.run(padded(row)) for row in rows])

    def with_pads(side: str) -> Callable[[Ids], Ids]:
        return lambda row: pad_sequences([row], length, padding=side, truncating=runner.truncating)

    def plain(row: Ids) -> Ids:
        return runner.padded([row])

    first, again = _once_more(lambda rows: answers(plain, rows), some, max(some, key=len))
    checks = _same(first, again)
    # nothing but pads is run as it stands: how many of them there are may round otherwise
    with_ids = [i for i, row in enumerate(some) if len(row)]
    sides = {"any": ("post",), "skipped": ("pre",)}.get(runner.pads, ())
    padded = {
        f"pads {'in front' if side == 'pre' else 'behind'}": answers(
            with_pads(side), [some[i] for i in with_ids]
        )
        for side in sides
    }
    return checks + _same(first[with_ids], padded)


def text_independence_checks(
    runner: TextRunner, texts: Sequence[str], edge: Sequence[str]
) -> list[Check]:
    """The same of a file that takes texts."""
    lengths = np.argsort([len(text) for text in texts], kind="stable")
    spread = np.linspace(0, len(lengths) - 1, min(CHECKED, len(lengths))).astype(int)
    some = [*(texts[i] for i in lengths[spread]), *edge]

    def answers(rows: Sequence[str]) -> Probabilities:
        return np.concatenate([runner.infer(text) for text in rows])

    first, again = _once_more(answers, some, max(some, key=len))
    return _same(first, again)


_I = TypeVar("_I")


def _once_more(
    answers: Callable[[Sequence[_I]], Probabilities], some: Sequence[_I], longest: _I
) -> tuple[Probabilities, dict[str, Probabilities]]:
    """The first answers, and those on the same inputs after others, by what came before."""
    first = answers(some)
    return first, {
        "run twice": np.concatenate([answers([example, example])[1:] for example in some]),
        "other order": answers(some[::-1])[::-1],
        "after a long input": np.concatenate([answers([longest, example])[1:] for example in some]),
    }


def _same(first: Probabilities, again: dict[str, Probabilities]) -> list[Check]:
    checks = []
    for name, outputs in again.items():
        worst = np.abs(outputs.astype(np.float64) - first).max()
        ok = bool(worst <= SAME_ANSWER)  # False for NaN
        checks.append(Check(name, ok, f"differs by {worst:.2g} from the first answers"))
    return checks
