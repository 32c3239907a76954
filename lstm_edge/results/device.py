"""What was measured on another device: its parity and latency, and what could not be measured there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lstm_edge.errors import InputError
from lstm_edge.results.latency import LatencyReport
from lstm_edge.results.parity import ParityRun
from lstm_edge.results.schema import check_fields, numbered


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
            ValueError: the first field that cannot be so.
        """
        check_fields(value, "device")
        parity, latency = value["parity"], value["latency"]
        return cls(
            value["device"],
            None if parity is None else ParityRun.from_json(parity),
            None if latency is None else LatencyReport.from_json(latency),
            dict(value["skipped"]),
            tuple(value.get("notes", ())),
        )

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
