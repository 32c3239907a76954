"""The formats, each one module ``export.to_*`` with a class ``Exporter``, found by name.

What is written for one runtime only is a module ``export.for_*``, found the same way.
"""

from __future__ import annotations

import tempfile
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

import export
from export.lowering.makers import NoFormError, alone, distinct, said
from lstm_edge.base import modules
from lstm_edge.base.arrays import Arrays
from lstm_edge.base.reasons import reason_of
from lstm_edge.errors import InputError, UnsupportedModelError
from lstm_edge.inputs.tokenizer import Tokenizer
from lstm_edge.models.graph import GraphModel
from lstm_edge.results.parity import Check, Tolerance
from lstm_edge.stack import LstmStack


@dataclass(frozen=True)
class Precision:
    """One precision of one format.

    Attributes:
        tolerance: what it may differ by from the reference, in models that take texts. Its reason
            holds for every model: it names no data and no length.
        relative: the same in any other model, as a share of the output's scale: nobody knows what its
            numbers mean.
        batch: examples per call for which the answer depends on each example alone; None: any.
        folded: the first layer's input product is folded into the embedding; only where asked for.
        calibrated: it needs :attr:`Exporter.examples`.
        by_name_only: it is only written where it is named.
        weights: dtype of large weights in the file.
    """

    name: str
    tolerance: Tolerance
    relative: Tolerance
    batch: int | None
    folded: bool = False
    calibrated: bool = False
    by_name_only: bool = False
    weights: str = "int8"

    @property
    def base(self) -> str:
        """The name without what folding adds to it."""
        return self.name.removesuffix(FOLDED) if self.folded else self.name

    def shortfall(self, stored: Mapping[str, int]) -> tuple[str, ...]:
        """What is said of a file that hardly holds what the precision promises.

        Args:
            stored: dtype -> bytes of constant data; see
                :class:`lstm_edge.structure.contents.Structure`.
        """
        reduced = sum(
            size // np.dtype(self.weights).itemsize
            for dtype, size in stored.items()
            if dtype.removeprefix("u") == self.weights
        )
        share = reduced / max(1, reduced + stored.get("float32", 0) // 4)
        if self.weights == "float32" or share >= _REDUCED:
            return ()
        if not reduced:
            why = f"none of its weights is stored in {self.weights}, as small ones never are"
            return (f"holds float32: {why}",)
        return (f"holds float32 for the most part: {share:.0%} of its weights are {self.weights}",)


# Below this share, a file is about as large as in float32.
_REDUCED = 0.2
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
    flip_rate=0.002,  # the shipped model flips about 0.1 % of IMDB's reviews
    flip_margin=0.0,
    accuracy_drop=0.0015,
    reason="hidden states rounded to 8 bits at every step",
)


def _relative(
    max_abs: float | None,
    mean_abs: float | None,
    reason: str,
    flip_rate: float,
    margin: float = 0.0,
) -> Tolerance:
    return Tolerance(max_abs, flip_rate, margin, None, reason, mean_abs, relative=True)


# labels are counted by the rule of texts
RELATIVE_FLOAT32 = _relative(
    1e-5, None, "the same arithmetic in another order: float32 rounding", 0.0, 1e-5
)
RELATIVE_FLOAT16 = _relative(2e-2, None, FLOAT16.reason, 0.0005)
RELATIVE_INT8_DYNAMIC = _relative(None, 5e-2, INT8_DYNAMIC.reason, 0.002)


@dataclass(frozen=True)
class Texts:
    """What turns texts into a classifier's ids, and its answers into labels.

    Attributes:
        pads: where the model takes pads; see :class:`lstm_edge.runtimes.runners.Runner`.
    """

    tokenizer: Tokenizer
    labels: tuple[str, ...]
    pads: str


class Exporter(ABC):
    """Writes the files of one format for one model.

    Class attributes: ``format`` (its name), ``suffix`` (of the file), ``runtimes`` (names of those
    that take the file), ``precisions`` (in the order they are written), ``lowerings`` (ways to express
    recurrent layers that can be asked for, besides the one that is chosen by itself); ``runtime`` (what
    asks for these files), ``made_for`` (what the names of files for one runtime or use end in; such are
    only written where they are asked for), ``takes_texts`` (the file itself makes ids of texts),
    ``needs`` (modules that no other files need), ``by_name_only`` (only written where its format or
    runtime is named).
    """

    format: ClassVar[str]
    suffix: ClassVar[str]
    runtimes: ClassVar[tuple[str, ...]]
    precisions: ClassVar[tuple[Precision, ...]]
    lowerings: ClassVar[tuple[str, ...]] = ()
    runtime: ClassVar[str]
    made_for: ClassVar[str] = ""
    takes_texts: ClassVar[bool] = False
    needs: ClassVar[tuple[str, ...]] = ()
    by_name_only: ClassVar[bool] = False

    def __init__(
        self,
        model: LstmStack | GraphModel,
        work: Path,
        batch: int = 1,
        lowering: str | None = None,
        texts: Texts | None = None,
        examples: Sequence[Arrays] = (),
    ) -> None:
        """``work`` is a temporary folder that the caller removes.

        ``batch`` is how many examples a call takes, in a format where that is fixed. ``lowering`` is
        one of ``lowerings`` where this format has it, else it means nothing here. ``texts`` is None
        where the bundle has no vocabulary. ``examples`` are inputs by name, each what one call takes,
        to calibrate with: the golden vectors', so a sample of the user's own data where they are given.
        Of a stream they are whole sequences, without states.
        """
        self.model, self.work, self.batch, self.texts = model, work, batch, texts
        self.examples = examples
        self.lowering = lowering if lowering in self.lowerings else None

    @classmethod
    def name(cls, precision: Precision) -> str:
        """The variant's name: ``FORMAT-PRECISION``, and what it was made for."""
        return "-".join(filter(None, (cls.format, precision.name, cls.made_for)))

    @classmethod
    def kind(cls) -> str:
        """What finds its runner: ``FORMAT``, and what it was made for."""
        return "-".join(filter(None, (cls.format, cls.made_for)))

    def obstacles(self) -> list[str]:
        """Why this model cannot be written so; empty where it can."""
        if self.takes_texts and self.texts is None:
            return [f"{self.kind()} files take texts, and there is no vocabulary: give `vocab`"]
        return []

    @classmethod
    def unsaid(cls, graph: GraphModel) -> tuple[str, ...]:
        """What of a model this format has no form for, as far as can be seen without converting it."""
        del graph
        return ()

    def checks(self, precision: Precision, path: Path) -> list[Check]:
        """What only this exporter can check of a file that it wrote."""
        del precision, path
        return []

    def notes(self, precision: Precision) -> tuple[str, ...]:
        """Sentences on a written file, for the manifest and the report."""
        del precision
        return ()

    def describe_states(self) -> list[dict[str, Any]]:
        """Of a step model: each state's ``name`` as an input, its ``output``, and its ``shape``."""
        if not isinstance(self.model, GraphModel):
            return []
        return [asdict(state) for state in self.model.all_states]

    def write(self, precision: Precision, path: Path) -> None:
        """Write the file of one precision.

        Raises:
            InputError: it needs examples, and there are none.
        """
        if precision.calibrated and not self.examples:
            raise InputError(
                f"{self.name(precision)} is calibrated, and there are no examples to calibrate with"
            )
        if isinstance(self.model, LstmStack):
            self.write_stack(self.model, precision, path)
            return
        try:
            self.write_graph(self.model, precision, path)
        except NoFormError as error:
            found = error.found
            if len(found) > 1:  # not all that use an operator use it in a way that has no form
                found = [pair for pair in found if not self._takes(pair[0])] or found
            raise self._refusal(found) from error
        except UnsupportedModelError:
            raise
        except Exception as error:  # the converters raise every kind
            why = f"cannot be converted: {reason_of(error)}"
            suspects = distinct(self.model.model)
            if found := [(one, why) for one in suspects if not self._takes(one)]:
                raise self._refusal(found) from error
            raise

    def _refusal(self, found: Sequence[tuple[Any, str]]) -> UnsupportedModelError:
        """Operations to blame and why, with what to do about each."""
        assert isinstance(self.model, GraphModel)
        reasons = [f"{said(one)} {why}; {self._what_helps(one)}" for one, why in found]
        return UnsupportedModelError(self.model.model.name, reasons)

    def _takes(self, operation: Any, exporter: type[Exporter] | None = None) -> bool:
        """Whether a file of this operation alone can be written; it is tried."""
        exporter = exporter or type(self)
        with (
            alone(operation) as graph,
            tempfile.TemporaryDirectory(dir=self.work) as work,
        ):
            one = exporter(graph, Path(work), self.batch, texts=self.texts)
            try:
                one.write_graph(graph, one.precisions[0], Path(work) / f"tried{one.suffix}")
            except Exception:  # the converters raise every kind
                return False
        return True

    def _what_helps(self, operation: Any) -> str:
        """What to do about an operation that this format has no form for."""
        others = [e for e in formats().values() if e.format != self.format]
        takers = [e.format for e in others if self._takes(operation, e)]
        outside = "let the model end before it and compute the rest in your program"
        if not takers:
            return f"no format takes it: {outside}, or write it in other operations"
        return f"{' and '.join(takers)} files can have it; or {outside}"

    @abstractmethod
    def write_stack(self, stack: LstmStack, precision: Precision, path: Path) -> None: ...

    @abstractmethod
    def write_graph(self, graph: GraphModel, precision: Precision, path: Path) -> None: ...

    @abstractmethod
    def describe_lowering(self, precision: Precision) -> str:
        """How the recurrent layers are expressed, and why not otherwise; once it is written."""


def formats() -> dict[str, type[Exporter]]:
    """All formats by name."""
    return {exporter.format: exporter for exporter in _exporters_of("to_")}


def exporters() -> list[type[Exporter]]:
    """The formats, and then what is made for one runtime or use."""
    return [*_exporters_of("to_"), *_exporters_of("for_")]


def _exporters_of(prefix: str) -> list[type[Exporter]]:
    return [module.Exporter for module in modules.found(export, prefix)]


def format_names() -> tuple[str, ...]:
    return tuple(formats())


def precision_names() -> tuple[str, ...]:
    """Of all formats, those that are folded last."""
    precisions = [p for e in exporters() for p in e.precisions]
    return tuple(dict.fromkeys(p.name for p in sorted(precisions, key=lambda p: p.folded)))


def runtime_names() -> tuple[str, ...]:
    """Of the runtimes that files can be written for."""
    return tuple(dict.fromkeys(exporter.runtime for exporter in exporters()))


# Of a calibrated precision, in the manifest and the report.
CALIBRATED = "calibrated with the examples that the export judges it by: verify it on other data"
# What is written beside the plain files of a format where it is asked for by its own option.
TEXT_INPUT, STREAM = "text", "stream"


def choose(
    wanted_formats: Sequence[str] = (),
    wanted_precisions: Sequence[str] = (),
    fold_embedding: bool = False,
    wanted_runtimes: Sequence[str] = (),
    beside: Sequence[str] = (),
) -> list[tuple[type[Exporter], Precision]]:
    """The variants of these formats, precisions and runtimes; all plain ones where none is named.

    A folded precision is chosen where it is named, or beside its base with ``fold_embedding``.

    Args:
        beside: :data:`TEXT_INPUT`, :data:`STREAM`: what else to write.

    Raises:
        InputError: a name is not known, or no variant has all that was named.
    """
    known = exporters()
    for argument, wanted, names in (
        ("wanted_formats", wanted_formats, format_names()),
        ("precisions", wanted_precisions, precision_names()),
        ("runtimes", wanted_runtimes, runtime_names()),
    ):
        if unknown := [name for name in wanted if name not in names]:
            raise InputError(
                f"`{argument}` {', '.join(unknown)} is not known; expected {', '.join(names)}"
            )

    def is_chosen(exporter: type[Exporter]) -> bool:
        if wanted_formats and exporter.format not in wanted_formats:
            return False
        if wanted_runtimes and exporter.runtime not in wanted_runtimes:
            return False
        if exporter.by_name_only and not (wanted_formats or wanted_runtimes):
            return False
        if exporter.made_for in (TEXT_INPUT, STREAM):
            return exporter.made_for in beside
        return bool(wanted_runtimes) or not exporter.made_for

    def is_wanted(precision: Precision) -> bool:
        if precision.name in wanted_precisions:
            return True
        if precision.folded and not fold_embedding:
            return False
        if wanted_precisions:
            return precision.base in wanted_precisions
        return not precision.by_name_only

    chosen = [
        (exporter, precision)
        for exporter in known
        if is_chosen(exporter)
        for precision in exporter.precisions
        if is_wanted(precision)
    ]
    wishes = {"format": wanted_formats, "precision": wanted_precisions, "runtime": wanted_runtimes}
    for name in beside:
        if not any(exporter.made_for == name for exporter, _ in chosen):
            raise InputError(
                f"no {name} variant has {_spoken(wishes)}; there are "
                + ", ".join(e.name(p) for e in known if e.made_for == name for p in e.precisions)
            )
    if not chosen:
        raise InputError(
            f"no variant has {_spoken(wishes)}; there are "
            + ", ".join(
                e.name(p) for e in [*filter(is_chosen, known)] or known for p in e.precisions
            )
        )
    if fold_embedding and not any(precision.folded for _, precision in chosen):
        raise InputError(
            f"the embedding cannot be folded in {_spoken(wishes)}; it can in "
            + ", ".join(f for f, e in formats().items() if any(p.folded for p in e.precisions))
        )
    return chosen


def check_lowering(lowering: str, chosen: Sequence[type[Exporter]]) -> None:
    """Refuse a lowering that none of the chosen files has.

    Raises:
        InputError: no files have it, or others do; those are named.
    """
    if any(lowering in exporter.lowerings for exporter in chosen):
        return
    owners: dict[str, list[str]] = {}
    for exporter in exporters():
        for name in exporter.lowerings:
            owners.setdefault(name, []).append(exporter.kind())
    if lowering not in owners:
        listed = "; ".join(
            f"{name} (of {', '.join(kinds)} files)" for name, kinds in owners.items()
        )
        raise InputError(f"`lowering` {lowering} is not known; there is {listed}")
    wanted = ", ".join(dict.fromkeys(exporter.kind() for exporter in chosen))
    raise InputError(
        f"`lowering` {lowering} is of {', '.join(owners[lowering])} files, and only {wanted} files are "
        "asked for: leave one of the two out"
    )


def _spoken(wishes: dict[str, Sequence[str]]) -> str:
    return " and ".join(f"{field} {', '.join(names)}" for field, names in wishes.items() if names)
