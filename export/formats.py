"""The formats, each one module ``export.to_*`` with a class ``Exporter``, found by name."""

from __future__ import annotations

import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import export
from lstm_edge.errors import InputError
from lstm_edge.parity import Tolerance
from lstm_edge.stack import LstmStack


@dataclass(frozen=True)
class Precision:
    """One precision of one format.

    Attributes:
        tolerance: what it may differ by from the reference.
        batch: examples per call for which the answer depends on each example alone; None: any.
    """

    name: str
    tolerance: Tolerance
    batch: int | None


# What int8 arithmetic costs is a matter of the model, not of the format.
INT8_DYNAMIC = Tolerance(
    max_abs=None,
    flip_rate=0.002,
    flip_margin=0.0,
    accuracy_drop=0.0015,
    reason="hidden states rounded to 8 bits at every step; about 0.1 % flips on IMDB",
)


class Exporter(ABC):
    """Writes the files of one format for one model.

    Class attributes: ``format`` (its name), ``suffix`` (of the file), ``lowering``, ``runtimes``
    (names of those that take the file), ``precisions`` (in the order they are written).
    """

    format: ClassVar[str]
    suffix: ClassVar[str]
    lowering: ClassVar[str]
    runtimes: ClassVar[tuple[str, ...]]
    precisions: ClassVar[tuple[Precision, ...]]

    def __init__(self, stack: LstmStack, work: Path) -> None:
        """``work`` is a temporary folder that the caller removes."""
        self.stack, self.work = stack, work

    @abstractmethod
    def write(self, precision: Precision, path: Path) -> None:
        """Write the file of one precision."""


def formats() -> dict[str, type[Exporter]]:
    """All formats by name."""
    found: dict[str, type[Exporter]] = {}
    for module in pkgutil.iter_modules(export.__path__):
        if module.name.startswith("to_"):
            exporter: type[Exporter] = importlib.import_module(f"export.{module.name}").Exporter
            found[exporter.format] = exporter
    return found


def choose(
    wanted_formats: Sequence[str] = (), wanted_precisions: Sequence[str] = ()
) -> list[tuple[type[Exporter], Precision]]:
    """The variants of these formats and precisions; all where none is named.

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
    chosen = [
        (exporter, precision)
        for name, exporter in known.items()
        for precision in exporter.precisions
        if (not wanted_formats or name in wanted_formats)
        and (not wanted_precisions or precision.name in wanted_precisions)
    ]
    if not chosen:
        raise InputError(
            f"no variant has format {', '.join(wanted_formats)} and precision "
            f"{', '.join(wanted_precisions)}; there are "
            + ", ".join(f"{f}-{p.name}" for f, e in known.items() for p in e.precisions)
        )
    return chosen
