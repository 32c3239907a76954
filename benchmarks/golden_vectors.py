"""Golden vectors of bundles, where there is NumPy, a runtime and nothing else.

usage: python -m benchmarks.golden_vectors RESULT BUNDLE[:LIMIT]…

A bundle with a limit has only so many of its golden vectors compared; the others are verified whole, with
the checks of independence and the edge cases, as ``lstm-edge verify`` does.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np

from lstm_edge.base import machine
from lstm_edge.base.files import write_json
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
    """A variant's result, of a process of its own: a runtime may be ended by the processor."""
    receiving, sending = os.pipe()
    if (process := os.fork()) == 0:
        os.close(receiving)
        found = report(bundle, name, limit)
        value = {
            "examples": found.examples,
            "max_abs": found.max_abs,
            "flips": found.flips,
            "checks": len(found.checks),
            "failures": [*found.failures],
            "ok": found.ok,
        }
        with os.fdopen(sending, "w", encoding="utf-8") as pipe:
            json.dump(value, pipe)
        os._exit(0)
    os.close(sending)
    with os.fdopen(receiving, encoding="utf-8") as pipe:
        text = pipe.read()
    code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    if code < 0:
        return {"ok": False, "failures": [f"ended by {signal.Signals(-code).name}"]}
    if code:  # it has said why
        sys.exit(code)
    value = json.loads(text)
    return dict(value)


def features() -> list[str]:
    """What the processor says that it can, on ARM; empty elsewhere."""
    for line in (
        Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else ()
    ):
        if line.startswith("Features"):
            return line.partition(":")[2].split()
    return []


def main(result: Path, names: list[str]) -> None:
    rows: list[dict[str, Any]] = []
    left_out: dict[str, str] = {}
    for name in names:
        path, _, limit = name.partition(":")
        bundle = open_bundle(path)
        chosen, without = bundle.runnable()
        folder = Path(path).name
        left_out |= {f"{folder}: {variant}": why for variant, why in without.items()}
        rows += [
            {
                "bundle": folder,
                "variant": info.name,
                "whole": not limit,
                **row(bundle, info.name, int(limit) if limit else None),
            }
            for info in chosen
        ]
    where = machine.describe(machine.MEASURED)
    write_json(
        result, {"machine": where, "features": features(), "rows": rows, "left_out": left_out}
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
