"""The formats, each one module ``export.to_*`` with a class ``Exporter``, found by name."""

from __future__ import annotations

import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import export
from export.graph import GraphModel
from lstm_edge.errors import InputError
from lstm_edge.parity import Tolerance
from lstm_edge.stack import LstmStack


@dataclass(frozen=True)
class Precision:
    """One precision of one format.

    Attributes:
        tolerance: what it may differ by from the reference, in models that take texts.
        relative: the same in any other model, as a share of the output's scale: nobody knows what its
            numbers mean.
        batch: examples per call for which the answer depends on each example alone; None: any.
        folded: the first layer's input product is folded into the embedding; only where asked for.
    """

    name: str
    tolerance: Tolerance
    relative: Tolerance
    batch: int | None
    folded: bool = False

    @property
    def base(self) -> str:
        """The name without what folding adds to it."""
        return self.name.removesuffix(FOLDED) if self.folded else self.name


FOLDED = "-folded"


def with_folded(*precisions: Precision) -> tuple[Precision, ...]:
    """Each precision, and the same folded; the tolerance is no looser."""
    folded = (replace(p, name=p.name + FOLDED, folded=True) for p in precisions)
    return (*precisions, *folded)


# What rounding costs is a matter of the model, not of the format.
FLOAT16 = Tolerance(
    max_abs=None,
    flip_rate=0.0005,
    flip_margin=0.0,
    accuracy_drop=None,
    reason="weights rounded to 11 bits",
)
INT8_DYNAMIC = Tolerance(
    max_abs=None,
    flip_rate=0.002,
    flip_margin=0.0,
    accuracy_drop=0.0015,
    reason="hidden states rounded to 8 bits at every step; about 0.1 % flips on IMDB",
)


def _relative(max_abs: float | None, mean_abs: float | None, reason: str) -> Tolerance:
    return Tolerance(max_abs, None, 0.0, None, reason, mean_abs, relative=True)


RELATIVE_FLOAT32 = _relative(1e-5, None, "the same arithmetic in another order: float32 rounding")
RELATIVE_FLOAT16 = _relative(2e-2, None, FLOAT16.reason)
RELATIVE_INT8_DYNAMIC = _relative(None, 5e-2, "hidden states rounded to 8 bits at every step")


class Exporter(ABC):
    """Writes the files of one format for one model.

    Class attributes: ``format`` (its name), ``suffix`` (of the file), ``runtimes`` (names of those
    that take the file), ``precisions`` (in the order they are written), ``lowerings`` (ways to express
    recurrent layers that can be asked for, besides the one that is chosen by itself).
    """

    format: ClassVar[str]
    suffix: ClassVar[str]
    runtimes: ClassVar[tuple[str, ...]]
    precisions: ClassVar[tuple[Precision, ...]]
    lowerings: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        model: LstmStack | GraphModel,
        work: Path,
        batch: int = 1,
        lowering: str | None = None,
    ) -> None:
        """``work`` is a temporary folder that the caller removes.

        ``batch`` is how many examples a call takes, in a format where that is fixed. ``lowering`` is
        one of ``lowerings`` where this format has it, else it means nothing here.
        """
        self.model, self.work, self.batch = model, work, batch
        self.lowering = lowering if lowering in self.lowerings else None

    def write(self, precision: Precision, path: Path) -> None:
        """Write the file of one precision."""
        if isinstance(self.model, LstmStack):
            self.write_stack(self.model, precision, path)
        else:
            self.write_graph(self.model, precision, path)

    @abstractmethod
    def write_stack(self, stack: LstmStack, precision: Precision, path: Path) -> None: ...

    @abstractmethod
    def write_graph(self, graph: GraphModel, precision: Precision, path: Path) -> None: ...

    @abstractmethod
    def describe_lowering(self, precision: Precision) -> str:
        """How the recurrent layers are expressed, and why not otherwise; once it is written."""


def formats() -> dict[str, type[Exporter]]:
    """All formats by name."""
    found: dict[str, type[Exporter]] = {}
    for module in pkgutil.iter_modules(export.__path__):
        if module.name.startswith("to_"):
            exporter: type[Exporter] = importlib.import_module(f"export.{module.name}").Exporter
            found[exporter.format] = exporter
    return found


def lowerings() -> tuple[str, ...]:
    """Names of the lowerings that can be asked for."""
    return tuple(dict.fromkeys(name for e in formats().values() for name in e.lowerings))


def choose(
    wanted_formats: Sequence[str] = (),
    wanted_precisions: Sequence[str] = (),
    fold_embedding: bool = False,
) -> list[tuple[type[Exporter], Precision]]:
    """The variants of these formats and precisions; all where none is named.

    A folded precision is chosen where it is named, or beside its base with ``fold_embedding``.

    Raises:
        InputError: a name that is not known, or a combination that gives nothing.
    """
    known = formats()
    precisions = {p.name for exporter in known.values() for p in exporter.precisions}
    for what, wanted, names in (
        ("format", wanted_formats, set(known)),
        ("precision", wanted_precisions, precisions),
    ):
        if unknown := [name for name in wanted if name not in names]:
            raise InputError(
                f"{what} {', '.join(unknown)} is not known; expected {', '.join(sorted(names))}"
            )

    def is_wanted(precision: Precision) -> bool:
        if precision.name in wanted_precisions:
            return True
        if precision.folded and not fold_embedding:
            return False
        return not wanted_precisions or precision.base in wanted_precisions

    chosen = [
        (exporter, precision)
        for name, exporter in known.items()
        for precision in exporter.precisions
        if (not wanted_formats or name in wanted_formats) and is_wanted(precision)
    ]
    if not chosen:
        raise InputError(
            f"no variant has format {', '.join(wanted_formats)} and precision "
            f"{', '.join(wanted_precisions)}; there are "
            + ", ".join(f"{f}-{p.name}" for f, e in known.items() for p in e.precisions)
        )
    if fold_embedding and not any(precision.folded for _, precision in chosen):
        raise InputError(
            f"the embedding cannot be folded in format {', '.join(wanted_formats)}; it can in "
            + ", ".join(f for f, e in known.items() if any(p.folded for p in e.precisions))
        )
    return chosen
