"""Examples with what the reference answers, examples to be timed, and the file that keeps arrays."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lstm_edge.base.arrays import Array, Arrays, Ids
from lstm_edge.base.gate import shown
from lstm_edge.errors import InputError
from lstm_edge.inputs.array_files import read_numpy

AS_GIVEN = "as given"
"""What an example is a case of that the user gives; see :class:`Batch`."""


ANSWERS = "answers"
"""What the one output of a bundle of texts is called here, whatever its files call it."""

GOLDEN_DATA = "golden vectors"
"""What data are called that come with the bundle."""


# Places of examples, and each output's scale -> by output, what rounding moves each of them by.
Moves = Callable[[Sequence[int], Mapping[str, Array]], Arrays]


@dataclass(frozen=True)
class Batch:
    """Examples, and what the reference answers: arrays of the same shapes, or texts with their ids.

    Attributes:
        cases: for each example what it is a case of, such as ``masked in front``; empty for texts.
        inputs: arrays by name; empty for texts.
        outputs: the reference's, by name; of texts :data:`ANSWERS`, float32 [N, K]. Empty where they
            are not known yet.
        sequences: ids of the texts, int32, not padded.
        texts: None where only ids are known.
        classes: right class numbers [N]; None where they are not known.
        targets: what is right by the names of outputs, as
            :func:`lstm_edge.inputs.targets.check_targets` gives it; of a model without text.
        moves: by how much the reference's own answers move where its inputs change in their last bit,
            as shares of the scale; None where that is not known. A part does not have it.
    """

    cases: tuple[str, ...] = ()
    inputs: Arrays = field(default_factory=dict)
    outputs: Arrays = field(default_factory=dict)
    sequences: Sequence[Ids] = ()
    texts: Sequence[str] | None = None
    classes: npt.NDArray[np.int64] | None = None
    targets: Arrays = field(default_factory=dict)
    moves: Moves | None = None

    def __len__(self) -> int:
        return len(self.cases or self.sequences)

    def part(self, rows: Sequence[int]) -> Batch:
        """Some of the examples."""
        places = list(rows)
        return Batch(
            tuple(self.cases[i] for i in places if self.cases),
            {name: array[places] for name, array in self.inputs.items()},
            {name: array[places] for name, array in self.outputs.items()},
            [self.sequences[i] for i in places if self.sequences],
            None if self.texts is None else [self.texts[i] for i in places],
            None if self.classes is None else self.classes[places],
            {name: array[places] for name, array in self.targets.items()},
        )

    def answered(self, outputs: Arrays) -> Batch:
        """The same examples with these outputs of the reference."""
        return replace(self, outputs=outputs)


@dataclass(frozen=True)
class Inputs:
    """What a bundle is timed on: N texts, or N times arrays; the other kind's fields are empty.

    Attributes:
        sequences: ids of the texts, int32, not padded.
        texts: the texts; None where the data are ids.
        arrays: inputs by name of one example each, checked.
        source: where they are from, for the report.
    """

    sequences: Sequence[Ids] = ()
    texts: Sequence[str] | None = None
    arrays: Sequence[Arrays] = ()
    source: str = GOLDEN_DATA

    def __len__(self) -> int:
        return len(self.arrays or self.sequences)


def evenly(count: int, most: int | None) -> list[int]:
    """Places of at most so many of the examples, in their order."""
    return [int(i) for i in np.linspace(0, count - 1, min(count, most or count))]


@dataclass(frozen=True)
class Spread:
    """What an output's differences are shares of, float64, for each column or [1] for all.

    Attributes:
        usual: its scale.
        least: two steps of float32 there; the scale is so much that the share allowed is as large.
    """

    usual: Array
    least: Array

    def scale(self, limit: float) -> Array:
        """The scale where this share of it is allowed."""
        tiny = float(np.finfo(np.float32).tiny)
        scale: Array = np.maximum(np.maximum(self.usual, self.least / limit), tiny)
        return scale


def save_batches(
    path: Path, batches: Sequence[Batch], spreads: Mapping[str, Spread] | None = None
) -> None:
    """One ``.npz``: ``0/case``, ``0/in/NAME``, ``0/out/NAME``, then ``1/…`` of other shapes.

    Args:
        spreads: by output; ``0/scale/NAME`` and ``0/least/NAME``.
    """
    content: Arrays = {}
    for name, spread in (spreads or {}).items():
        content[f"0/scale/{name}"] = spread.usual.astype(np.float32)
        content[f"0/least/{name}"] = spread.least.astype(np.float32)
    for number, batch in enumerate(batches):
        content[f"{number}/case"] = np.array(batch.cases)
        content |= {f"{number}/in/{name}": array for name, array in batch.inputs.items()}
        content |= {f"{number}/out/{name}": array for name, array in batch.outputs.items()}
    # in C order, the only one that readers in other languages know
    content = {name: np.asarray(array, order="C") for name, array in content.items()}
    with path.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **content)


_MEMBER = re.compile(r"(0|[1-9]\d{0,8})/(case|(?:in|out|scale|least)/.+)")


def load_batches(path: Path) -> list[Batch]:
    """What :func:`save_batches` wrote.

    Raises:
        InputError: not readable, or other arrays than those.
    """
    content = read_numpy(path)
    if not isinstance(content, dict) or not content:
        raise InputError(f"{path} holds no arrays by name; expected 0/case, 0/in/NAME, 0/out/NAME")
    for key in content:
        if not _MEMBER.fullmatch(key):
            raise InputError(f"{path} holds {shown(key)!r}; expected 0/case, 0/in/NAME, 0/out/NAME")
    count = len({key.partition("/")[0] for key in content})

    def ends(prefix: str) -> Arrays:
        return {k.removeprefix(prefix): v for k, v in content.items() if k.startswith(prefix)}

    batches = []
    for n in range(count):
        cases = content.get(f"{n}/case")
        if cases is None or cases.ndim != 1 or cases.dtype.kind != "U" or not len(cases):
            raise InputError(f"{path} holds no texts as {n}/case; expected one for each example")
        batches.append(Batch(tuple(map(str, cases)), ends(f"{n}/in/"), ends(f"{n}/out/")))
    return batches
