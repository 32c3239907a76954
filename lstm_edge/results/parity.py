"""What verify finds, as values and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from lstm_edge.base.files import known_fields
from lstm_edge.results.schema import check_fields, numbered
from lstm_edge.results.scores import OutputScore


@dataclass(frozen=True)
class Tolerance:
    """What a precision may differ by, and why.

    Attributes:
        max_abs: greatest difference of a probability; None: not limited, flips are.
        flip_rate: share of the labels that may differ; where it is not 0, one always may, since fewer
            than 1 / flip_rate cannot tell; None: not limited.
        flip_margin: a flip is not counted against the variant where the reference itself is this
            close to changing its label; it is still reported. Of inputs that were drawn it is what
            the answers may differ by: nobody decides there.
        accuracy_drop: how much accuracy may fall, as a share; by one example always; None: follows
            from the flips.
        reason: where the figures come from.
        mean_abs: mean difference of an output's numbers; None: not limited.
        relative: differences are shares of the output's scale (see
            :func:`lstm_edge.verify.comparing_arrays.scales`); of outputs that need not be
            probabilities.
    """

    max_abs: float | None
    flip_rate: float | None
    flip_margin: float
    accuracy_drop: float | None
    reason: str
    mean_abs: float | None = None
    relative: bool = False

    @property
    def allowed(self) -> float | None:
        """What the greatest, else the mean difference is held to; None: neither."""
        return self.mean_abs if self.max_abs is None else self.max_abs

    def to_json(self) -> dict[str, Any]:
        return _set(asdict(self), "mean_abs", "relative")


def _set(value: dict[str, Any], *names: str) -> dict[str, Any]:
    """Without those of the names that say nothing: a classifier's report has none of them."""
    return {k: v for k, v in value.items() if v or k not in names}


OK, OUTSIDE, UNPROVEN = "ok", "OUTSIDE TOLERANCE", "NOT PROVEN"
# Of the check that an answer depends on the input at all: without it nothing is proven.
VARIES = "answers that vary"
# Flipped examples that a report keeps of a variant, with their texts.
MOST_FLIPS = 1000


@dataclass(frozen=True)
class Case:
    """An example that differs: its place, and both answers [K].

    None stands for an answer that is not a number. ``place`` says which number of the outputs it is
    where they are many, such as ``tags[3, 1], padded in front``; ``label`` is its right class, where that
    is known.
    """

    index: int
    text: str | None
    reference: tuple[float | None, ...]
    variant: tuple[float | None, ...]
    place: str = ""
    label: int | None = None

    def to_json(self) -> dict[str, Any]:
        value = _set(asdict(self), "place")
        return value if self.label is not None else {k: v for k, v in value.items() if k != "label"}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Case:
        answers = {name: tuple(value[name]) for name in ("reference", "variant")}
        if len(answers["reference"]) != len(answers["variant"]):
            raise ValueError("an example has answers of two lengths; expected one")
        return cls(**{**known_fields(cls, value), **answers})


@dataclass(frozen=True)
class Check:
    """One condition besides the numbers, and what was seen."""

    name: str
    ok: bool
    detail: str


@dataclass(frozen=True)
class OutputDifference:
    """One output against the reference's, of a model without text.

    Attributes:
        scale: what the differences are shares of; of the columns' scales the greatest.
        decisions: how many labels it gives, flips how many differ; None where it gives none.
    """

    name: str
    scale: float
    max_abs: float
    mean_abs: float
    decisions: int | None
    flips: int | None


@dataclass(frozen=True)
class ParityReport:
    """One variant against the reference.

    Attributes:
        examples: number compared.
        max_abs, mean_abs: difference of the outputs.
        flips: labels that differ from the reference's; ``flips_at_threshold`` of them where the
            reference is within ``tolerance.flip_margin`` of changing its own.
        accuracy, reference_accuracy: shares of right labels, None without labels.
        worst: the example with the greatest difference.
        checks: see :func:`independence_checks` and :func:`structure_checks`.
        failures: one sentence for each way in which it is outside its tolerance.
        outputs: of a model without text, where ``max_abs`` and ``mean_abs`` are the greatest of
            theirs and ``flips`` the sum.
        scores: by the user's targets, of the outputs that have some; of a model without text.
        flipped: the first :data:`MOST_FLIPS` examples whose label differs, of a model of texts or ids.
    """

    variant: str
    examples: int
    max_abs: float
    mean_abs: float
    flips: int
    flips_at_threshold: int
    accuracy: float | None
    reference_accuracy: float | None
    worst: Case
    checks: tuple[Check, ...]
    tolerance: Tolerance
    failures: tuple[str, ...]
    outputs: tuple[OutputDifference, ...] = ()
    scores: tuple[OutputScore, ...] = ()
    flipped: tuple[Case, ...] = ()

    @property
    def ok(self) -> bool:
        return not self.failures

    @property
    def verdict(self) -> str:
        """:data:`OK`, :data:`OUTSIDE`, or :data:`UNPROVEN` where the reference answers all alike."""
        if self.ok:
            return OK
        alike = sum(not check.ok for check in self.checks if check.name == VARIES)
        return UNPROVEN if alike == len(self.failures) else OUTSIDE

    @property
    def decisions(self) -> int:
        """Labels that were compared: one for each example, or what the outputs give."""
        if not self.outputs:
            return self.examples
        return sum(output.decisions or 0 for output in self.outputs)

    def to_json(self) -> dict[str, Any]:
        value = {
            **asdict(self),
            "worst": self.worst.to_json(),
            "flipped": [case.to_json() for case in self.flipped],
            "tolerance": self.tolerance.to_json(),
            "ok": self.ok,
        }
        return _set(value, "outputs", "scores", "flipped")

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> ParityReport:
        return cls(
            **{
                **known_fields(cls, value),
                "worst": Case.from_json(value["worst"]),
                "flipped": tuple(map(Case.from_json, value.get("flipped", ()))),
                "outputs": _each(OutputDifference, value.get("outputs", ())),
                "scores": tuple(map(OutputScore.from_json, value.get("scores", ()))),
                "checks": _each(Check, value["checks"]),
                "tolerance": Tolerance(**known_fields(Tolerance, value["tolerance"])),
                "failures": tuple(value["failures"]),
            }
        )


@dataclass(frozen=True)
class ParityRun:
    """All variants of a bundle on the same data.

    Attributes:
        data: what they were run on ("golden vectors" or a SOURCE).
        reference: where the reference's answers come from ("golden.json" or a model file).
        preprocessing: of a bundle of texts or ids, how these became ids and what says so: see
            :meth:`lstm_edge.bundle.opening.TextBundle.described_preprocessing`.
        left_out: variant -> why it was not run, with what installs its runtime.
        checks: what holds for all variants alike, such as whether the data's labels make sense.
    """

    bundle: str
    data: str
    reference: str
    machine: dict[str, Any]
    measured_at: str
    reports: tuple[ParityReport, ...]
    preprocessing: dict[str, Any] | None = None
    left_out: Mapping[str, str] = field(default_factory=dict)
    checks: tuple[Check, ...] = ()

    @property
    def failures(self) -> tuple[str, ...]:
        """One sentence for each of the run's own checks that fails."""
        return tuple(f"{check.name}: {check.detail}" for check in self.checks if not check.ok)

    @property
    def ok(self) -> bool:
        return not self.failures and all(report.ok for report in self.reports)

    def to_json(self) -> dict[str, Any]:
        reports = [report.to_json() for report in self.reports]
        value = {**asdict(self), "reports": reports, "ok": self.ok}
        return numbered(_set(value, "left_out", "checks"))

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> ParityRun:
        """Of :meth:`to_json`, written by anybody.

        Raises:
            ValueError: the first field that cannot be so.
        """
        check_fields(value, "parity")
        reports = tuple(ParityReport.from_json(r) for r in value["reports"])
        checks = _each(Check, value.get("checks", ()))
        return cls(**{**known_fields(cls, value), "reports": reports, "checks": checks})


def _each(part: Any, values: Iterable[Mapping[str, Any]]) -> tuple[Any, ...]:
    return tuple(part(**known_fields(part, value)) for value in values)
