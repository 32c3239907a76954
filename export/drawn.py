"""Inputs drawn to fit a model: what it is held to where nobody gives it real ones."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

import numpy as np

from lstm_edge.base.arrays import Array, Arrays
from lstm_edge.inputs.signature import Input, Signature

# Examples of each length: enough for every kind of padding more than once.
EXAMPLES, EXAMPLES_OF_EACH_LENGTH = 30, 10
# Fewer of those that are wide (frames, a vocabulary's probabilities), down to what a judgement needs.
MOST_NUMBERS, FEWEST, FEWEST_OF_EACH_LENGTH = 1_000_000, 8, 5
# The lengths that are drawn where the model leaves them free.
LENGTHS = (1, 2, 7, 20)
# Those that are tried where the model takes none of them: longer, and multiples of most strides.
LONGER = (60, 120, 840, 2520)
UNPADDED, FRONT, BEHIND, MIDDLE, WHOLLY = (
    "unpadded",
    "padded in front",
    "padded behind",
    "padded in the middle",
    "padded wholly",
)
CASES = (UNPADDED, FRONT, BEHIND, MIDDLE, WHOLLY)


# What floats may be drawn as, for a model that answers no others with numbers: a logarithm, a root.
FITTING: dict[str, Callable[[Array], Array]] = {
    "of both signs": lambda numbers: numbers,
    "positive": lambda numbers: np.abs(numbers) + np.float32(1e-3),
    "between 0 and 1": lambda numbers: 1 / (1 + np.exp(-numbers)),
    "above 1": lambda numbers: 1 + np.abs(numbers) + np.float32(1e-3),
}
BOTH_SIGNS = next(iter(FITTING))


def lengths_for(signature: Signature, length: int | None) -> tuple[int | None, ...]:
    """The lengths to draw: one None where the model says them all.

    Args:
        length: the greatest, where the user says it.
    """
    if not signature.is_free:
        return (None,)
    if signature.chunk is not None:  # of a stream
        return tuple(n * signature.chunk for n in (1, 2, 3))
    if length is None:
        return LENGTHS
    return tuple(sorted({1, min(2, length), (length + 1) // 2, length}))


def others(lengths: Sequence[int | None], place: int) -> list[int | None]:
    """Lengths to draw beside the one in that place: longer than it, and shorter in the next place."""
    turn = -1 if place % 2 else 1
    return [lengths[(place + turn * n) % len(lengths)] for n in range(1, len(lengths))]


def longer(takes: Callable[[int], bool]) -> tuple[int, ...]:
    """The lengths to draw of a model that takes none of :data:`LENGTHS`; none where it takes no other.

    Args:
        takes: whether the model answers inputs of that length.
    """
    most = next((n for n in LONGER if takes(n)), None)
    if most is None:
        return ()
    low = LENGTHS[-1]
    while most - low > 1:
        middle = (low + most) // 2
        low, most = (low, middle) if takes(middle) else (middle, most)
    return (most, most + 1, 2 * most)


def draw(
    signature: Signature,
    length: int | None,
    batch: int | None,
    beside: Sequence[int | None] = (),
    fitting: str = BOTH_SIGNS,
) -> tuple[tuple[str, ...], Arrays]:
    """Examples of one length: the case of each, and the inputs by name. The same in every run.

    Ids stay below the input's rows and are small more often than large, as in text; floats are of scale
    1 as the model gets them (see :func:`_floats`); other whole numbers are 0 or 1. Where the model
    skips steps or takes ids, there are pads in every place.

    Args:
        length: of every dimension that is free, but for the batch; None: none is.
        beside: lengths of the second dimension that is free and those behind it, in turn.
        batch: examples in a call; their number is a multiple of it. None: any.
        fitting: of :data:`FITTING`.
    """
    rng = np.random.default_rng([64, length or 0])
    most, least = EXAMPLES, FEWEST
    if length is not None:
        most, least = EXAMPLES_OF_EACH_LENGTH, FEWEST_OF_EACH_LENGTH
    count = min(most, max(least, MOST_NUMBERS // _numbers_of(signature, length)))
    count += -count % (batch or 1)
    lengths = itertools.cycle((length, *beside))
    shapes = {
        tensor.name: [count, *(next(lengths) if n is None else n for n in tensor.shape[1:])]
        for tensor in signature.inputs
    }
    padded = [tensor for tensor in signature.inputs if _takes_pads(tensor, shapes[tensor.name])]
    cases = [CASES[i % len(CASES)] if padded else UNPADDED for i in range(count)]
    arrays = {}
    for tensor in signature.inputs:
        array = _numbers(tensor, [int(n or 1) for n in shapes[tensor.name]], rng)
        if tensor.dtype == "float32":
            array = FITTING[fitting](array)
        if tensor.scale is not None:  # of that scale to the model
            array = tensor.scale.outside(array).astype(np.float32)
        if tensor in padded:
            pad = 0.0 if tensor.mask_value is None else tensor.mask_value
            for row, case in zip(array, cases, strict=True):
                row[_pads(case, len(row), rng)] = pad
        arrays[tensor.name] = array
    return tuple(cases), arrays


def _numbers_of(signature: Signature, length: int | None) -> int:
    """Numbers in an example of that length and its answers."""
    shapes = [port.shape for port in signature.inputs] + [port.shape for port in signature.outputs]
    return sum(math.prod(int(n or length or 1) for n in shape[1:]) for shape in shapes)


def _takes_pads(tensor: Input, shape: Sequence[int | None]) -> bool:
    return len(shape) > 1 and (tensor.mask_value is not None or tensor.rows is not None)


def _numbers(tensor: Input, shape: Sequence[int], rng: np.random.Generator) -> Array:
    if tensor.rows is not None:
        low = min(1, tensor.rows - 1)  # 0 is the pad
        return (low + rng.random(shape) ** 2 * (tensor.rows - low)).astype(np.int32)
    if tensor.dtype == "int32":
        return rng.integers(0, 2, shape).astype(np.int32)
    return _floats(shape, rng)


def _floats(shape: Sequence[int], rng: np.random.Generator) -> Array:
    """Numbers of scale 1: noise, waves and levels in turn, along the steps where there are any.

    Many a model answers all noise alike.
    """
    numbers = rng.normal(0, 1, shape)
    if len(shape) > 2 and shape[1] > 1:
        each = [shape[0], 1, *shape[2:]]
        steps = np.arange(shape[1]).reshape(1, -1, *[1] * (len(shape) - 2))
        turns, phase = rng.uniform(0, 0.25, each), rng.uniform(0, 1, each)
        wave = np.sqrt(2) * np.sin(2 * np.pi * (turns * steps + phase))
        level = rng.normal(0, 1, each) + 0.3 * numbers
        numbers[1::3], numbers[2::3] = wave[1::3], level[2::3]
    return numbers.astype(np.float32)


def _pads(case: str, steps: int, rng: np.random.Generator) -> Array:
    """Which of the steps are pads; never all of them unless the case says so."""
    away = np.zeros(steps, bool)
    if case == WHOLLY:
        away[:] = True
    elif case != UNPADDED and steps > 1:
        count = int(rng.integers(1, steps))
        if case == FRONT:
            away[:count] = True
        elif case == BEHIND:
            away[-count:] = True
        else:  # the first stays, the last may go
            away[1 + rng.choice(steps - 1, count, replace=False)] = True
    return away
