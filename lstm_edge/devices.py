"""What was measured on another device: its parity and latency, and what could not be measured there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lstm_edge.latency import LatencyReport
from lstm_edge.parity import ParityRun

SCHEMA = 1


@dataclass(frozen=True)
class DeviceResult:
    """Variants of a bundle on one device, as ``bench --on`` brings them back.

    Attributes:
        device: what the report calls it, such as ``Pixel 8, Chrome 140`` or ``pi@board``.
        parity: against the golden vectors' answers; None: not measured there.
        latency: None: nothing could be timed there.
        skipped: variant -> why it was not measured there.
    """

    device: str
    parity: ParityRun | None
    latency: LatencyReport | None
    skipped: Mapping[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether every variant that was run there is within its tolerance."""
        return self.parity is None or self.parity.ok

    def to_json(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "device": self.device,
            "parity": None if self.parity is None else self.parity.to_json(),
            "latency": None if self.latency is None else self.latency.to_json(),
            "skipped": dict(self.skipped),
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> DeviceResult:
        parity, latency = value["parity"], value["latency"]
        return cls(
            value["device"],
            None if parity is None else ParityRun.from_json(parity),
            None if latency is None else LatencyReport.from_json(latency),
            dict(value["skipped"]),
        )
