"""Values that are no numbers (NaN, infinite) and that a model takes all the same: Keras is asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from export import drawn
from lstm_edge.base.arrays import Array, Arrays
from lstm_edge.inputs.batches import AS_GIVEN, Batch
from lstm_edge.inputs.signature import Input, Signature
from lstm_edge.models.graph import GraphModel, functional
from lstm_edge.runtimes.runners import ArrayRunner
from lstm_edge.verify.comparing_arrays import answered

# What the cases of such examples are called.
NAN, INFINITE = "with NaN", "with infinite values"
# Channels that are tried one by one; of more only all at once.
CHANNELS = 32
# Examples of each kind among the golden vectors.
KEPT = 5
# What treats such values on purpose: an operation of Keras whose name has one of these in it. Others may
# lose a NaN as well (a maximum, a ReLU), in one runtime and not in the next.
_TREATING = ("nan", "finite", "isinf", "where", "select", "lambda")


@dataclass(frozen=True)
class _Trial:
    """One value in the middle third of one example's steps."""

    port: Input
    value: float
    channel: int | None


def treats(graph: GraphModel) -> bool:
    """Whether anything in the model may be there for values that are no numbers."""
    return any(
        not type(operation).__module__.startswith("keras.")
        or any(word in type(operation).__name__.lower() for word in _TREATING)
        or not np.isfinite(getattr(operation, "mask_value", 0.0) or 0.0)
        for operation in _operations(graph.model)
    )


def _operations(model: Any) -> Iterator[Any]:
    for operation in functional(model).operations:
        inner = getattr(operation, "layer", operation)
        if hasattr(functional(inner), "operations"):
            yield from _operations(inner)
        yield inner


def taken(
    reference: ArrayRunner, golden: Batch, signature: Signature
) -> tuple[Signature, list[Batch]]:
    """The signature with what the model takes, and examples that prove it, with Keras's answers.

    A value is taken where some example with a gap of it is answered with numbers; one that is infinite
    only where it is treated as NaN is, or stands for steps that are skipped: what merely saturates a
    layer is none that a model takes on purpose.

    Args:
        golden: examples that Keras answers; their number is that of each call.
    """
    trials = [
        _Trial(port, value, channel)
        for port in signature.inputs
        if port.dtype == "float32"
        for value in (np.nan, np.inf, -np.inf)
        for channel in (None, *range(_channels(port)))
    ]
    plain = [i for i, case in enumerate(golden.cases) if case in (drawn.UNPADDED, AS_GIVEN)]
    rows = [i for i in plain or range(len(golden)) if _is_finite(golden.part([i]).inputs)]
    if not rows or not trials:
        return signature, []
    found: dict[_Trial, Batch] = {}
    same = golden.part([rows[0]] * len(golden)).inputs
    for begin in range(0, len(trials), len(golden)):
        some = trials[begin : begin + len(golden)]
        arrays = {name: array.copy() for name, array in same.items()}
        for at, trial in enumerate(some):
            _put(arrays[trial.port.name][at], trial)
        batch = Batch((NAN,) * len(golden), arrays, reference.run(arrays))
        found |= {some[at]: batch.part([at]) for at in answered(batch) if at < len(some)}
    masks = _infinite_masks(reference)
    for trial in [trial for trial in found if np.isinf(trial.value)]:
        if trial.value in masks and trial.channel is None:  # whole steps
            continue
        other = found.get(replace(trial, value=np.nan))
        if other is None or not _same(found[trial].outputs, other.outputs):
            del found[trial]
    ports = [
        replace(port, nan=_places(port, found, np.isnan), inf=_places(port, found, np.isinf))
        for port in signature.inputs
    ]
    proofs = []
    for case, test in ((NAN, np.isnan), (INFINITE, np.isinf)):
        kind = [batch for trial, batch in found.items() if test(trial.value)][:KEPT]
        proofs += [replace(batch, cases=(case,)) for batch in kind]
    return replace(signature, inputs=tuple(ports)), [_joined(proofs)] if proofs else []


def seen(signature: Signature, golden: Batch) -> Signature:
    """The signature with what Keras answered with numbers in the user's own examples."""

    def places(port: Input, before: tuple[bool, ...], bad: Array) -> tuple[bool, ...]:
        if not bad.any():
            return before
        if bad.ndim < 2 or port.shape[-1] is None or before == (True,):
            return (True,)
        here = bad.reshape(-1, bad.shape[-1]).any(0)
        return tuple(map(bool, here | np.array(before or False)))

    ports = [
        replace(
            port,
            nan=places(port, port.nan, np.isnan(golden.inputs[port.name])),
            inf=places(port, port.inf, np.isinf(golden.inputs[port.name])),
        )
        for port in signature.inputs
    ]
    return replace(signature, inputs=tuple(ports))


def _channels(port: Input) -> int:
    last = port.shape[-1] if len(port.shape) > 1 else None
    return last if last is not None and 1 < last <= CHANNELS else 0


def _put(example: Array, trial: _Trial) -> None:
    """The value into a gap, one step at least; of an input without steps into one of its numbers."""
    steps = len(example) if example.ndim else 1
    gap = slice(steps // 3, max(steps // 3 + 1, 2 * steps // 3))
    if trial.channel is not None and example.ndim == 1:
        gap = slice(trial.channel, trial.channel + 1)
    if trial.channel is None or example.ndim < 2:
        example[gap if example.ndim else ...] = trial.value
    else:
        example[gap, ..., trial.channel] = trial.value


def _places(port: Input, found: dict[_Trial, Batch], test: Any) -> tuple[bool, ...]:
    channels = {t.channel for t in found if t.port is port and test(t.value)}
    if None in channels:
        return (True,)
    return tuple(i in channels for i in range(_channels(port))) if channels else ()


def _infinite_masks(reference: ArrayRunner) -> set[float]:
    model = reference.runtime.model  # type: ignore[attr-defined]  # Keras's
    masks = (getattr(operation, "mask_value", None) for operation in _operations(model))
    return {float(value) for value in masks if value is not None and np.isinf(value)}


def _is_finite(arrays: Arrays) -> bool:
    return all(np.isfinite(array).all() for array in arrays.values())


def _same(ours: Arrays, theirs: Arrays) -> bool:
    return all(np.array_equal(array, theirs[name]) for name, array in ours.items())


def _joined(batches: list[Batch]) -> Batch:
    def every(side: str) -> Arrays:
        parts = [getattr(batch, side) for batch in batches]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    return Batch(tuple(batch.cases[0] for batch in batches), every("inputs"), every("outputs"))
