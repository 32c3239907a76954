"""One run of the benchmark as a value: its result file, how routes compare, and what was aimed at."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.routes import ROUTES, TRUE_LENGTH
from lstm_edge.base.files import read_json, write_text
from lstm_edge.report import wording
from lstm_edge.results.latency import LatencyReport, Timing
from lstm_edge.results.parity import ParityReport

RESULTS = Path(__file__).parent / "results"
# A route whose labels differ from Keras's more often is not named the best of several.
FLIPS = 0.01
# The share of the longest input's time that may not depend on the input.
FIXED_PART = 0.15


def result_file(threads: int) -> Path:
    """Where the result of a run with so many threads is kept."""
    return RESULTS / f"latency-{wording.threads(threads).replace(' ', '-')}.json"


def write(path: Path, run: Run) -> None:
    """Write a result, each row of samples on one line."""
    text = json.dumps(run.to_json(), indent=1, ensure_ascii=False, allow_nan=False)
    rows = re.compile(r"\[\s+([-+.\deE,\s]+?)\s+\]")
    write_text(path, rows.sub(lambda row: f"[{' '.join(row[1].split())}]", text) + "\n")


def read(path: Path) -> Run:
    """Read a result."""
    return Run.from_json(read_json(path, "results"))


@dataclass(frozen=True)
class Ratio:
    """How many times one route's time is another's: the rounds' median, least and greatest."""

    value: float
    least: float
    greatest: float


def ratio(slow: Timing, fast: Timing) -> Ratio:
    """From the medians of each round, so that what a round suffered is on both sides."""
    medians = [np.median(np.array(t.samples_ms), 1) for t in (slow, fast)]
    each = medians[0] / medians[1]
    return Ratio(float(np.median(each)), float(each.min()), float(each.max()))


def fixed_part(timing: Timing, lengths: Sequence[int]) -> float:
    """The fitted time without tokens as a share of the fitted time of the longest input."""
    start, token = timing.per_token(lengths)
    return start / (start + token * max(lengths))


def like(timings: Iterable[Timing], *patterns: str) -> list[Timing]:
    """Those whose name is like one of the patterns."""
    return [t for t in timings if any(fnmatch(t.variant, pattern) for pattern in patterns)]


@dataclass(frozen=True)
class Target:
    """Our variant is to be so many times as fast as the other route.

    Both are patterns of names; where they fit several, the fastest counts (see :data:`FLIPS`).
    """

    ours: str
    others: tuple[str, ...]
    times: float


@dataclass(frozen=True)
class Outcome:
    """What became of a target: the variant and the route that counted, and their ratio."""

    ours: str
    other: str
    ratio: Ratio
    met: bool


TARGETS = (
    Target("onnx-int8-dynamic", ("keras-export-onnx",), 5.5),
    Target("onnx-float32", ("keras-export-onnx",), 2.7),
    Target("onnx-int8-dynamic", ("tf2onnx-loop",), 28),
    Target("onnx-float32", ("tf2onnx-loop",), 14),
    Target("tflite-int8-dynamic", ("fused-tflite-int8-dynamic",), 6),
    Target("tflite-int8-dynamic-folded", ("fused-tflite-int8-dynamic",), 7.5),
    Target("tflite-int8-dynamic", ("keras-loop-tflite",), 40),
    Target("tflite-float32", ("fused-tflite-float32",), 4.5),
    Target("onnx-float32", ("openvino-float32",), 2),
    Target("onnx-float32", ("pytorch-float32",), 2),
    Target("*", ("openvino-float32",), 2),
    Target("*", ("pytorch-float32",), 2),
    Target("*-int8-*", ("openvino-*", "pytorch-*"), 4),
)


@dataclass(frozen=True)
class Run:
    """Every route that was timed, in one process and with one number of threads.

    Attributes:
        latency: the timings; the routes at the true length have their own names.
        parity: each against Keras on the same inputs, in the order of the inputs, as a user would
            run it; at the true length against Keras at the true length.
        at_true_length: Keras at the true length against Keras on padded inputs.
        left_out: routes that were not timed, and why.
        failed: steps that failed, and why; the rest stands.
    """

    latency: LatencyReport
    parity: tuple[ParityReport, ...]
    at_true_length: ParityReport
    left_out: dict[str, str]
    failed: dict[str, str] = field(default_factory=dict)

    def ours(self) -> list[Timing]:
        names = [*ROUTES, *(name + TRUE_LENGTH for name in ROUTES)]
        return [t for t in self.latency.timings if t.variant not in names]

    def others(self, suffix: str = "") -> list[Timing]:
        """The routes with padded inputs, or at the true length."""
        names = [name + suffix for name in ROUTES]
        return [t for t in self.latency.timings if t.variant in names]

    def parity_of(self, timing: Timing) -> ParityReport:
        return next(report for report in self.parity if report.variant == timing.variant)

    def fastest(self, timings: Iterable[Timing], *patterns: str) -> Timing | None:
        """The fastest whose name is like one of the patterns."""
        found = like(timings, *patterns)
        if len(found) > 1:
            found = [t for t in found if not self.wrong(t)]
        return min(found, key=Timing.median, default=None)

    def passed_over(self, target: Target) -> list[str]:
        """Routes that a target did not consider, since they are wrong."""
        found = like(self.others(), *target.others)
        return [t.variant for t in found if len(found) > 1 and self.wrong(t)]

    def wrong(self, timing: Timing) -> bool:
        """Whether it flips too many labels to be called the best of anything."""
        report = self.parity_of(timing)
        return report.flips > FLIPS * report.examples

    def outcome(self, target: Target) -> Outcome | None:
        """None: the variant or the route was not measured."""
        ours = self.fastest(self.ours(), target.ours)
        other = self.fastest(self.others(), *target.others)
        if ours is None or other is None:
            return None
        found = ratio(other, ours)
        return Outcome(ours.variant, other.variant, found, found.value >= target.times)

    def to_json(self) -> dict[str, Any]:
        run = asdict(self)
        if not self.failed:  # a whole run's file is as it always was
            del run["failed"]
        return {
            **run,
            "latency": self.latency.to_json(),
            "parity": [report.to_json() for report in self.parity],
            "at_true_length": self.at_true_length.to_json(),
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Run:
        return cls(
            LatencyReport.from_json(value["latency"]),
            tuple(ParityReport.from_json(report) for report in value["parity"]),
            ParityReport.from_json(value["at_true_length"]),
            value["left_out"],
            value.get("failed", {}),
        )
