"""What every way has in common: the request, the written file, and what is asked of a way."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from export import formats
from lstm_edge.base.arrays import Array, Arrays
from lstm_edge.errors import InputError
from lstm_edge.inputs import labelled
from lstm_edge.inputs.signature import State
from lstm_edge.inputs.vocabulary import Vocabulary
from lstm_edge.inputs.windows import Window
from lstm_edge.models import run_folder, streaming
from lstm_edge.models.graph import GraphModel
from lstm_edge.models.text_front import TextFront
from lstm_edge.results.parity import Check, ParityReport, Tolerance
from lstm_edge.results.rounding import OwnRounding
from lstm_edge.runtimes.contract import Runtime, runtime_class
from lstm_edge.stack import LstmStack
from lstm_edge.structure import contents as structure

# Golden vectors taken from data of one's own: enough to see a difference, small enough to carry.
GOLDEN_EXAMPLES = 64


@dataclass(frozen=True)
class Request:
    """What the user says of a model; see :func:`export.bundling.export_bundle`."""

    source: run_folder.ModelSource
    live: bool
    vocabulary: Vocabulary | None
    has_vocab: bool  # the option: that of a run folder need not be of use
    text_settings: Mapping[str, Any]
    either_side: bool
    expect: Path | None
    has_labels: bool
    length: int | None
    batch: int | None
    inputs: Any
    window: Window | None
    scale: Any
    unscale: Any
    dataset: labelled.Dataset | None
    streaming: bool | None
    chunk: int | None
    lowering: str | None
    front: TextFront | None = None

    @property
    def name(self) -> str:
        return self.source.model.name


@dataclass(frozen=True)
class Written:
    """A written file of a variant, to be judged; ``checks`` are those that are made already."""

    name: str
    kind: str
    path: Path
    batch: int | None
    tolerance: Tolerance
    checks: Sequence[Check]
    states: Sequence[State]

    def runtime(self) -> Runtime:
        """The file, loaded by what runs its kind."""
        return runtime_class(self.kind)(self.path)


class Way(ABC):
    """How a model is exported and judged.

    Attributes:
        lowered: what the lowerings take.
        batch: examples in a call, in a format where that is fixed.
        takes: see :class:`export.bundling.ExportResult`.
        said: see :class:`export.bundling.ExportResult`.
        rounding: of Keras's own answers to the golden vectors.
        step: the step model of what takes texts, where one is wanted and can be made.
        not_streamed: why no step model can be made of the model.
        texts: what makes ids of texts; None where nothing does.
        examples: inputs by name to calibrate with, each what one call takes.
    """

    lowered: LstmStack | GraphModel
    batch: int
    takes: str
    step: GraphModel | None = None
    said: tuple[str, ...] = ()
    rounding: tuple[OwnRounding, ...] = ()

    @property
    def not_streamed(self) -> list[str]:
        if isinstance(self.lowered, LstmStack) or self.lowered.states:
            return []
        return streaming.obstacles(self.lowered)

    @property
    def texts(self) -> formats.Texts | None:
        return None

    @property
    @abstractmethod
    def examples(self) -> list[Arrays]: ...

    @abstractmethod
    def batch_of(self, precision: formats.Precision, inside: structure.Structure) -> int | None:
        """Examples in a call of a file of this precision; see ``VariantInfo.batch``."""

    @abstractmethod
    def tolerance(self, precision: formats.Precision) -> Tolerance: ...

    @abstractmethod
    def measure(self, made: Written) -> ParityReport:
        """A written file against the reference."""

    @abstractmethod
    def write_parts(self, folder: Path) -> dict[str, Any]:
        """Write what the bundle has beside its variants; what the manifest says of it."""


def check_numbers(outputs: Iterable[Array], model: str) -> None:
    if not all(np.isfinite(array).all() for array in outputs):
        raise InputError(NOT_A_NUMBER.format(model))


NOT_A_NUMBER = (
    "{} gives answers that are not numbers (NaN): its training went wrong; train it again, with a "
    "smaller learning rate"
)
