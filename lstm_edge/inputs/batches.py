"""Examples of a model without text with what the reference answers, and the file that keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lstm_edge.base.arrays import Arrays
from lstm_edge.inputs.array_files import _read_numpy

AS_GIVEN = "as given"
"""What an example is a case of that the user gives; see :class:`Batch`."""


@dataclass(frozen=True)
class Batch:
    """Examples of the same shapes, and what the reference answers.

    Attributes:
        cases: for each example what it is a case of, such as ``masked in front``.
    """

    cases: tuple[str, ...]
    inputs: Arrays
    outputs: Arrays

    def __len__(self) -> int:
        return len(self.cases)

    def part(self, rows: Sequence[int]) -> Batch:
        """Some of the examples."""
        return Batch(
            tuple(self.cases[i] for i in rows),
            {name: array[list(rows)] for name, array in self.inputs.items()},
            {name: array[list(rows)] for name, array in self.outputs.items()},
        )


def save_batches(path: Path, batches: Sequence[Batch]) -> None:
    """One ``.npz``: ``0/case``, ``0/in/NAME``, ``0/out/NAME``, then ``1/…`` of other shapes."""
    content: Arrays = {}
    for number, batch in enumerate(batches):
        content[f"{number}/case"] = np.array(batch.cases)
        content |= {f"{number}/in/{name}": array for name, array in batch.inputs.items()}
        content |= {f"{number}/out/{name}": array for name, array in batch.outputs.items()}
    with path.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **content)


def load_batches(path: Path) -> list[Batch]:
    """What :func:`save_batches` wrote."""
    content: Arrays = _read_numpy(path)
    count = 1 + max(int(key.partition("/")[0]) for key in content)

    def ends(prefix: str) -> Arrays:
        return {k.removeprefix(prefix): v for k, v in content.items() if k.startswith(prefix)}

    return [
        Batch(tuple(map(str, content[f"{n}/case"])), ends(f"{n}/in/"), ends(f"{n}/out/"))
        for n in range(count)
    ]
