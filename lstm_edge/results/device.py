"""What was measured on another device: its parity and latency, and what could not be measured there."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lstm_edge.errors import InputError
from lstm_edge.results.latency import LatencyReport
from lstm_edge.results.parity import ParityRun
from lstm_edge.results.schema import fields, numbered


@dataclass(frozen=True)
class DeviceResult:
    """Variants of a bundle on one device, as ``bench --on`` brings them back.

    Attributes:
        device: what the report calls it, such as ``Pixel 8, Chrome 140`` or ``pi@board``.
        parity: against the golden vectors' answers; None: not measured there.
        latency: None: nothing could be timed there.
        skipped: variant -> why it was not measured there.
        notes: sentences on how it was measured, and what could not be.
    """

    device: str
    parity: ParityRun | None
    latency: LatencyReport | None
    skipped: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether every variant that was run there is within its tolerance."""
        return self.parity is None or self.parity.ok

    def to_json(self) -> dict[str, Any]:
        return numbered(
            {
                "device": self.device,
                "parity": None if self.parity is None else self.parity.to_json(),
                "latency": None if self.latency is None else self.latency.to_json(),
                "skipped": dict(self.skipped),
                "notes": list(self.notes),
            }
        )

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> DeviceResult:
        """Of :meth:`to_json`, written by any device: nothing in it is taken on trust.

        Raises:
            KeyError, TypeError, ValueError: not such a result, or its figures are none.
        """
        value = fields(value)
        parity, latency = value["parity"], value["latency"]
        result = cls(
            value["device"],
            None if parity is None else ParityRun.from_json(parity),
            None if latency is None else LatencyReport.from_json(latency),
            dict(value["skipped"]),
            tuple(value.get("notes", ())),
        )
        texts = [result.device, *result.skipped, *result.skipped.values(), *result.notes]
        if not all(isinstance(text, str) for text in texts):
            raise TypeError("a name or a sentence that is no text")
        _check_parity(result.parity)
        _check_latency(result.latency)
        return result

    def check_of(self, bundle: Path, files: Mapping[str, str]) -> None:
        """Refuse what was measured on other files than the bundle's.

        Args:
            files: SHA-256 of each variant's file.

        Raises:
            InputError: a variant that the bundle does not have, or has with another content.
        """
        timings = self.latency.timings if self.latency else ()
        reports = self.parity.reports if self.parity else ()
        names = [*(r.variant for r in reports), *(t.variant for t in timings)]
        if unknown := [name for name in names if name not in files]:
            raise InputError(
                f"{self.device} measured {unknown[0]}, which bundle {bundle} does not have; it has "
                f"{', '.join(files)}: give what was measured with this bundle"
            )
        for timing in timings:
            if timing.sha256 != files[timing.variant]:
                raise InputError(
                    f"{self.device} measured another file than {timing.variant} of bundle {bundle} "
                    f"(sha256 {timing.sha256[:12]}, here {files[timing.variant][:12]}): "
                    "measure this bundle there, or give the one that was measured"
                )


def _numbers(*values: Any) -> None:
    for value in values:
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not math.isfinite(value)
        ):
            raise ValueError(f"{value!r} is no number")


def _check_parity(run: ParityRun | None) -> None:
    for report in run.reports if run else ():
        _numbers(report.examples, report.max_abs, report.mean_abs, report.flips)
        if not isinstance(report.variant, str) or not report.examples > 0:
            raise ValueError("a parity report of nothing")


def _check_latency(report: LatencyReport | None) -> None:
    if report is None:
        return
    _numbers(report.threads, *report.lengths)
    if not report.timings or not report.lengths or not isinstance(report.machine, dict):
        raise ValueError("no timings")
    for timing in report.timings:
        if not all(isinstance(t, str) for t in (timing.variant, timing.runtime, timing.sha256)):
            raise TypeError("a name that is no text")
        if not timing.samples_ms or any(len(r) != len(report.lengths) for r in timing.samples_ms):
            raise ValueError(f"{timing.variant}: not one time for each input in each round")
        _numbers(timing.bytes, *timing.warm_up_ms, *(ms for row in timing.samples_ms for ms in row))
        start = timing.start
        known = (start.import_ms, start.load_ms, start.first_ms, start.peak_mib) if start else ()
        _numbers(*(value for value in (*known, timing.install_mib) if value is not None))
