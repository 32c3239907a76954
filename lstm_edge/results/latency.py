"""What bench finds, as values and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from lstm_edge.base.files import known_fields
from lstm_edge.results.schema import check_fields, numbered


@dataclass(frozen=True)
class Start:
    """What a fresh process pays, medians of some: times in ms, peak resident memory in MiB.

    ``import_ms`` is None where the runtime is a part of the program, ``peak_mib`` where the system does
    not tell.
    """

    import_ms: float | None
    load_ms: float
    first_ms: float
    peak_mib: float | None


@dataclass(frozen=True)
class Timing:
    """One variant's raw times.

    Attributes:
        bytes, sha256: of the file.
        samples_ms: milliseconds of each inference, [rounds][inputs], after the warm-up, in four
            digits.
        warm_up_ms: the inferences before, kept apart.
        start: in a fresh process; None: not measured.
        install_mib: the runtime and NumPy with what they need, on disk; None: not measured.
    """

    variant: str
    runtime: str
    bytes: int
    sha256: str
    samples_ms: tuple[tuple[float, ...], ...]
    warm_up_ms: tuple[float, ...]
    start: Start | None
    install_mib: float | None

    def per_input(self) -> tuple[float, ...]:
        """Median over the rounds, for each input, ms."""
        return tuple(float(m) for m in np.median(np.array(self.samples_ms), 0))

    def percentile(self, q: float) -> float:
        """Percentile over all samples, ms."""
        return float(np.percentile(np.array(self.samples_ms), q))

    def median(self) -> float:
        """Median over the inputs of each input's median, ms."""
        return float(np.median(self.per_input()))

    def spread(self) -> float:
        """Standard deviation of a whole round's time, as a share of the mean."""
        totals = np.array(self.samples_ms).sum(1)
        return float(totals.std() / (totals.mean() or 1))

    def per_token(self, lengths: Sequence[int]) -> tuple[float, float]:
        """Least-squares line through (length, median ms): (ms without tokens, ms per token)."""
        if len(set(lengths)) < 2:
            return self.median(), 0.0
        slope, intercept = np.polyfit(np.array(lengths), np.array(self.per_input()), 1)
        return float(intercept), float(slope)

    def grows(self, lengths: Sequence[int]) -> bool:
        """Whether that line rises by more than noise: by twice the standard error of its slope."""
        intercept, slope = self.per_token(lengths)
        x = np.array(lengths, float)
        residuals = np.array(self.per_input()) - intercept - slope * x
        variance = float(residuals @ residuals) / max(1, len(x) - 2)
        spread = float(((x - x.mean()) ** 2).sum())
        rise = slope * float(x.max() - x.min())
        # a fit is never exact
        return rise > 1e-6 * self.median() and slope**2 * spread > 4 * variance


@dataclass(frozen=True)
class LatencyReport:
    """Variants measured side by side.

    Attributes:
        device: what they were measured on, as the report names it.
        lengths: ids of each input (of the model's length at most).
        tokenise_ms: time to make each input's ids, None where the inputs were ids.
        unstable: names of variants whose rounds differ too much to be trusted.
        data: where the inputs are from.
        unit: what lengths count: ``tokens``, or ``steps`` of a model without text.
        left_out: variant -> why it was not run, with what installs its runtime.
    """

    device: str
    machine: dict[str, Any]
    measured_at: str
    threads: int
    lengths: tuple[int, ...]
    tokenise_ms: tuple[float, ...] | None
    timings: tuple[Timing, ...]
    unstable: tuple[str, ...]
    data: str = ""
    unit: str = "tokens"
    left_out: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        value = asdict(self)
        if not self.left_out:
            del value["left_out"]
        return numbered(value)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> LatencyReport:
        """Of :meth:`to_json`, written by anybody.

        Raises:
            ValueError: the first field that cannot be so.
        """
        check_fields(value, "latency")
        timings = tuple(
            Timing(
                **{
                    **known_fields(Timing, t),
                    "samples_ms": tuple(tuple(r) for r in t["samples_ms"]),
                    "warm_up_ms": tuple(t["warm_up_ms"]),
                    "start": t["start"] and Start(**known_fields(Start, t["start"])),
                }
            )
            for t in value["timings"]
        )
        count = len(value["lengths"])
        for timing in timings:
            if any(len(row) != count for row in timing.samples_ms):
                raise ValueError(
                    f"{timing.variant}: not one time for each of {count} inputs in each round"
                )
        tokenise = value["tokenise_ms"]
        return cls(
            **{
                **known_fields(cls, value),
                "timings": timings,
                "lengths": tuple(value["lengths"]),
                "tokenise_ms": None if tokenise is None else tuple(tokenise),
                "unstable": tuple(value["unstable"]),
            }
        )
