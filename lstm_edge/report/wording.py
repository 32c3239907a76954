"""How numbers, sizes and dates are written, in tables and pictures alike."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from lstm_edge.inputs.preprocessing import Preprocessing, spelled
from lstm_edge.inputs.tokenizer import TextSettings
from lstm_edge.results.latency import LatencyReport
from lstm_edge.results.parity import ParityReport

NONE = "–"


def digits(value: float) -> str:
    """Three significant digits, never an exponent."""
    value = float(f"{value:.3g}")
    decimals = 2 - math.floor(math.log10(abs(value))) if value else 0
    return f"{value:.{max(0, decimals)}f}"


def difference(value: float) -> str:
    return f"{value:.1e}" if value else "0"


def share(value: float | None) -> str:
    return NONE if value is None else f"{value:.2%}"


def size(count: int) -> str:
    if count < 1000:
        return f"{count} B"
    return f"{digits(count / 1e3)} KB" if count < 999_500 else f"{digits(count / 1e6)} MB"


def plain(text: str) -> str:
    """One line without control characters (a text may hold any)."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def date(stamp: str) -> str:
    try:
        return f"{datetime.datetime.fromisoformat(stamp):%Y-%m-%d %H:%M %Z}".strip()
    except ValueError:
        return stamp


def inputs(report: LatencyReport) -> str:
    rounds = len(report.timings[0].samples_ms) if report.timings else 0
    median = float(np.median(report.lengths))
    return f"{len(report.lengths)} inputs (median {median:g} {report.unit}) × {rounds} rounds"


def threads(count: int) -> str:
    return f"{count} thread{'s' if count > 1 else ''}"


def flips(report: ParityReport) -> str:
    """How many labels differ, their share, and how many of them at the threshold."""
    near = report.flips_at_threshold
    if not report.decisions:
        return NONE
    share = f"{report.flips / report.decisions:.2%}"
    return f"{report.flips} ({share}" + (f", {near} at the threshold)" if near else ")")


EITHER_SIDE = (
    "zeros behind the last id are skipped, as if they stood in front: for ids with zeros behind or in "
    "texts padded behind, these files do not answer as Keras does"
)


def preprocessing(described: Mapping[str, Any] | None) -> tuple[list[str], list[str]]:
    """What is known of how texts became ids, and what is only assumed, in sentences.

    Args:
        described: see :meth:`lstm_edge.bundle.opening.TextBundle.described_preprocessing`.
    """
    if described is None:
        return [], []
    # what a later version settles is not known here, nor what an earlier one did not
    settings = {**asdict(TextSettings()), **described["settings"]}
    sources = described["sources"]
    assumed = [name for name in Preprocessing.from_json(described).assumed if name in settings]
    known = []
    if described["examples"]:
        known.append(f"preprocessing matched on {described['examples']} of the user's own examples")
    elif not assumed:
        known.append(f"preprocessing told by {', '.join(dict.fromkeys(sources.values()))}")
    if not assumed:
        return known, []
    values = ", ".join(f"{name} {value}" for name, value in spelled(settings, assumed))
    why = "no example could tell" if described["examples"] else "nothing said how training did it"
    return known, [
        f"ASSUMED: {values}; {why}. If training did otherwise the answers are wrong, and nothing here "
        "would show it: export again with a few examples of your own (`expect`)"
    ]


def machine(described: Mapping[str, Any]) -> str:
    """What :func:`lstm_edge.base.machine.describe` found, in one line."""
    cores, memory, governor = (described.get(k) for k in ("cores", "memory_gib", "governor"))
    parts = [
        described.get("cpu") or "processor not known",
        cores and f"{cores} cores",
        memory and f"{memory} GiB",
        governor and f"governor {governor}",
        described.get("system"),
        described.get("python") and f"Python {described['python']}",
        *(f"{name} {version}" for name, version in (described.get("versions") or {}).items()),
    ]
    return ", ".join(str(part) for part in parts if part)
