"""How far the reference's own answers move where inputs change in their last bit, or run alone.

No file can be nearer to Keras than Keras is to itself: its sums may be taken in another order, and
each is rounded to 24 bits (N. J. Higham, Accuracy and Stability of Numerical Algorithms, 2002, 3.1).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import cast

import numpy as np

from lstm_edge.base.arrays import Array, Arrays
from lstm_edge.inputs.batches import Batch
from lstm_edge.models.graph import usual_scales
from lstm_edge.results.answers import classes_of
from lstm_edge.results.rounding import OwnRounding
from lstm_edge.runtimes.by_keras import Keras
from lstm_edge.runtimes.runners import ArrayRunner, Runner
from lstm_edge.verify.comparing_arrays import difference, labels

# Changes that are tried, and the standard deviations of their effect that a file is allowed.
DRAWS, DEVIATIONS = 3, 3


class Movement:
    """What :attr:`lstm_edge.inputs.batches.Batch.moves` asks, of the model itself.

    Args:
        reference: over Keras.
        batch: with the reference's outputs.
    """

    def __init__(self, reference: Runner, batch: Batch) -> None:
        self._reference, self._batch = reference, batch
        self._draws: list[Arrays] = []

    def __call__(self, rows: Sequence[int], scales: Mapping[str, Array]) -> Arrays:
        """By output, for each of these examples: what a file may differ by, as a share of the scale."""
        batch, draws = self._batch.part(rows), self._draws
        if isinstance(
            self._reference, ArrayRunner
        ):  # traced for every shape: all at once, and kept
            draws = self._draws = draws or [*changed(self._reference, self._batch)]
            draws = [{name: array[list(rows)] for name, array in draw.items()} for draw in draws]
        else:
            draws = [*changed(self._reference, batch)]
        return {
            name: _allowed([_greatest(draw[name], array, scales[name]) for draw in draws])
            for name, array in batch.outputs.items()
        }


def _allowed(effects: Sequence[Array]) -> Array:
    effect: Array = DEVIATIONS * np.sqrt(np.mean(np.square(effects), 0))
    return effect


def _greatest(outputs: Array, expected: Array, scale: Array) -> Array:
    """Of each example its greatest difference; of a number that is none any more, all of the scale."""
    off = np.nan_to_num(difference(outputs, expected, scale), nan=1.0)
    rows: Array = off.reshape(len(off), -1).max(1, initial=0.0)
    return rows


def changed(reference: Runner, batch: Batch) -> Iterator[Arrays]:
    """The reference's answers to these examples, with one change after the other.

    What changes is each float that goes in, of ids the rows of the embedding; and then how many are run
    at a time, for which the sums are taken in another order.
    """
    keras = cast(Keras, reference.runtime)
    ports = {port.name: port for port in keras.signature.inputs}
    usual = usual_scales(keras.graph, exact=True)
    for seed in range(DRAWS):
        rng = np.random.default_rng(seed)
        inputs = {}
        for name, array in batch.inputs.items():
            port = ports[name]
            scale = port.scale or usual.get(name)
            offset = 0.0 if scale is None else np.array(scale.offset)
            inputs[name] = nudged(array, rng, offset, port.mask_value)
        with keras.with_tables(lambda table, rng=rng: nudged(table, rng)):  # type: ignore[misc]
            yield reference.answers(replace(batch, inputs=inputs))
    if isinstance(reference, ArrayRunner) and reference.batch is None:
        parts = [reference.answers(batch.part([row])) for row in range(len(batch))]
        yield {name: np.concatenate([part[name] for part in parts]) for name in batch.outputs}


def nudged(
    array: Array,
    rng: np.random.Generator,
    offset: Array | float = 0.0,
    mask_value: float | None = None,
) -> Array:
    """float32 numbers, each at random the next above or below; what is no float32 stays.

    A zero, a pad and what is not finite stay, too, and a reading so far from zero that its last bit
    is more than rounding to what the model takes of it, its distance from ``offset``.
    """
    if array.dtype != np.float32:
        return array
    away = np.where(rng.integers(0, 2, array.shape), np.inf, -np.inf).astype(np.float32)
    moves = np.isfinite(array) & (array != 0) & (np.abs(array) <= 2 * np.abs(array - offset))
    if mask_value is not None:
        moves &= array != mask_value
    with np.errstate(invalid="ignore"):
        near: Array = np.where(moves, np.nextafter(array, away), array)
    return near


def own_rounding(
    reference: Runner, batches: Sequence[Batch], scales: Mapping[str, Array]
) -> tuple[OwnRounding, ...]:
    """How far each output moves, over all of these examples with the reference's answers."""
    draws = [[*changed(reference, batch)] for batch in batches]
    ports = {}
    if isinstance(reference, ArrayRunner):
        ports = {port.name: port for port in reference.signature.outputs}
    found = []
    for name, scale in scales.items():
        port = ports.get(name)
        pairs = [
            (draw[name], batch.outputs[name])
            for batch, some in zip(batches, draws, strict=True)
            for draw in some
        ]
        shares = [
            _allowed([_greatest(draw[name], batch.outputs[name], scale) for draw in some]).max()
            for batch, some in zip(batches, draws, strict=True)
        ]
        decisions = undetermined = None
        if port is None or port.is_probability:
            changes = [
                [
                    _decisions(port, draw[name]) != _decisions(port, batch.outputs[name])
                    for draw in some
                ]
                for batch, some in zip(batches, draws, strict=True)
            ]
            decisions = sum(some[0].size for some in changes)
            undetermined = sum(int(np.any(some, 0).sum()) for some in changes)
        greatest = max(float(np.nanmax(np.abs(a - b), initial=0.0)) for a, b in pairs)
        found.append(OwnRounding(name, float(max(shares)), greatest, decisions, undetermined))
    return tuple(found)


def _decisions(port: object, values: Array) -> Array:
    values = np.nan_to_num(values)
    return classes_of(values) if port is None else labels(port, values)  # type: ignore[arg-type]
