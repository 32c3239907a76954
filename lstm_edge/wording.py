"""How numbers, sizes and dates are written, in tables and pictures alike."""

from __future__ import annotations

import datetime
import math

import numpy as np

from lstm_edge.latency import LatencyReport

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
    return f"{len(report.lengths)} inputs (median {median:g} tokens) × {rounds} rounds"
