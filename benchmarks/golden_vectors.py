"""Golden vectors of bundles, where there is NumPy, a runtime and nothing else.

usage: python -m benchmarks.golden_vectors RESULT BUNDLE[:LIMIT]…

A bundle with a limit has only so many of its golden vectors compared; the others are verified whole, with
the checks of independence and the edge cases, as ``lstm-edge verify`` does.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from lstm_edge.base import machine
from lstm_edge.base.files import read_json, write_json
from lstm_edge.bundle.opening import Bundle, open_bundle
from lstm_edge.inputs.batches import ANSWERS
from lstm_edge.results.parity import ParityReport
from lstm_edge.verify.comparing import compare
from lstm_edge.verify.verifying import verify


def report(bundle: Bundle, name: str, limit: int | None) -> ParityReport:
    """One variant's."""
    if limit is None:
        return verify(bundle, variants=[name]).reports[0]
    (batch,) = bundle.golden_batches(limit)
    outputs = bundle.runner(name).answers(batch)[ANSWERS]
    expected, tolerance = np.asarray(batch.outputs[ANSWERS]), bundle.variant(name).tolerance
    return compare(name, expected, np.asarray(outputs), tolerance)


def row(bundle: Bundle, name: str, limit: int | None) -> dict[str, Any]:
    """A variant's result."""
    found = report(bundle, name, limit)
    return {
        "examples": found.examples,
        "max_abs": found.max_abs,
        "flips": found.flips,
        "checks": len(found.checks),
        "failures": [*found.failures],
        "ok": found.ok,
    }


def features() -> list[str]:
    """What the processor says that it can, on ARM; empty elsewhere."""
    for line in (
        Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else ()
    ):
        if line.startswith("Features"):
            return line.partition(":")[2].split()
    return []


def main(result: Path, names: list[str]) -> None:
    """Write the result after every variant; what is in it is not run again.

    Nothing is forked: emulators do not survive it every time.
    """
    rows: list[dict[str, Any]] = read_json(result, "result")["rows"] if result.exists() else []
    ran = {(row["bundle"], row["variant"]) for row in rows}
    left_out: dict[str, str] = {}
    where, has = machine.describe(machine.MEASURED), features()
    for name in names:
        path, _, limit = name.partition(":")
        bundle = open_bundle(path)
        chosen, without = bundle.runnable()
        folder = Path(path).name
        left_out |= {f"{folder}: {variant}": why for variant, why in without.items()}
        for info in chosen:
            if (folder, info.name) in ran:
                continue
            head = {"bundle": folder, "variant": info.name, "whole": not limit}
            value = {"machine": where, "features": has, "left_out": left_out}
            # whoever waits for this process finds there what ended it
            write_json(result, {**value, "rows": rows, "running": head})
            rows.append({**head, **row(bundle, info.name, int(limit) if limit else None)})
            write_json(result, {**value, "rows": rows, "running": None})


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
