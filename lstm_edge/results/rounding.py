"""How far the reference's own answers move by rounding, as a value and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from lstm_edge.base.arrays import Arrays
from lstm_edge.base.files import known_fields


@dataclass(frozen=True)
class OwnRounding:
    """One output of Keras, for inputs that differ in their last bit.

    Attributes:
        share: what a file may differ by for it, as a share of the output's scale.
        greatest: by how much an answer changed at most, in the output's own numbers.
        decisions: how many labels the answers give, undetermined how many of them changed; None where
            they give none.
    """

    name: str
    share: float
    greatest: float
    decisions: int | None
    undetermined: int | None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> OwnRounding:
        numbers = {name: float(value[name]) for name in ("share", "greatest")}
        return cls(**{**known_fields(cls, value), **numbers})

    def sentence(self) -> str:
        text = (
            f"Keras itself answers {self.name} by up to {self.greatest:.2g} differently for inputs that "
            "differ in their last bit"
        )
        if self.undetermined:
            text += (
                f": {self.undetermined} of {self.decisions} labels are not determined by the input"
            )
        return text


@dataclass(frozen=True)
class KnownMoves:
    """What a bundle knows of its golden vectors; see :class:`lstm_edge.inputs.batches.Batch`."""

    rounding: tuple[OwnRounding, ...]

    def __call__(self, rows: Sequence[int], scales: Mapping[str, Any]) -> Arrays:
        shares = {one.name: one.share for one in self.rounding}
        return {name: np.full(len(rows), shares.get(name, 0.0)) for name in scales}
