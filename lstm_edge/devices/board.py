"""What runs on a board: the golden vectors and the latency of a bundle's variants, as lines of JSON.

``python -m lstm_edge.devices.board REQUEST`` needs NumPy and a runtime, and none of the command line's
packages.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from lstm_edge import __version__
from lstm_edge.base.files import read_json
from lstm_edge.base.progress import Advance
from lstm_edge.bench.plan import IDS_ONLY, bench
from lstm_edge.bundle.opening import Bundle, open_bundle
from lstm_edge.errors import LstmEdgeError, NotInstalledError
from lstm_edge.inputs.batches import Inputs
from lstm_edge.results.device import DeviceResult
from lstm_edge.results.parity import ParityRun
from lstm_edge.verify.verifying import verify

OFTEN = 1.0  # seconds between two signs of progress: each of them wakes what sends it


class _Lines:
    """Events as lines on what was standard output; what libraries print there goes to the errors."""

    def __init__(self) -> None:
        self._out = os.dup(1)
        os.dup2(2, 1)
        self._tasks = 0

    def say(self, **event: Any) -> None:
        text = json.dumps(event, allow_nan=False) + "\n"
        with open(self._out, "w", encoding="utf-8", closefd=False) as file:
            file.write(text)

    @contextlib.contextmanager
    def task(self, description: str, total: int | None) -> Iterator[Advance]:
        """See :class:`lstm_edge.base.progress.Progress`."""
        self._tasks += 1
        number, waiting, last = self._tasks, 0, time.monotonic()

        def advance(n: int) -> None:
            nonlocal waiting, last
            waiting += n
            if time.monotonic() - last >= OFTEN:
                self.say(task=number, advance=waiting)
                waiting, last = 0, time.monotonic()

        self.say(task=number, description=description, total=total)
        try:
            yield advance
        finally:
            self.say(task=number, done=True)


def main(request: Path) -> None:
    """Answer a request of :mod:`lstm_edge.devices.ssh`: a file beside the folder ``bundle``."""
    lines = _Lines()
    try:
        asked = read_json(request, "request")
        lines.say(result=_measure(asked, request.parent / "bundle", lines).to_json())
    except LstmEdgeError as error:
        lines.say(failed="run", reason=str(error))


def _measure(asked: dict[str, Any], folder: Path, lines: _Lines) -> DeviceResult:
    bundle = open_bundle(folder)
    threads: int = asked["threads"]
    inputs = _inputs(bundle, asked)
    skipped: dict[str, str] = {}
    runs: list[ParityRun] = []
    for name, info in bundle.variants.items():
        try:
            bundle.runner(name, threads)  # a runtime that does not work says so
            if bundle.lack_texts(inputs, info):
                skipped[name] = IDS_ONLY
            else:
                runs.append(verify(bundle, variants=[name], threads=threads, progress=lines))
        except NotInstalledError as error:
            skipped[name] = f"{error.needs} is not installed there"
        except Exception as error:  # what is there and does not work says so in its own way
            prefix = "" if isinstance(error, LstmEdgeError) else f"{type(error).__name__}: "
            skipped[name] = prefix + (str(error).strip().splitlines() or ["no message"])[0][:300]
    reports = tuple(report for run in runs for report in run.reports)
    if not reports:
        return DeviceResult(asked["device"], None, None, skipped)
    latency = bench(
        bundle,
        inputs,
        variants=[report.variant for report in reports],
        threads=threads,
        rounds=asked["rounds"],
        progress=lines,
    )
    parity = replace(runs[0], reports=reports)
    for part in (parity.machine, latency.machine):  # the package is not installed there
        part["versions"] = {"lstm-edge": __version__, **part["versions"]}
    return DeviceResult(asked["device"], parity, latency, skipped)


def _inputs(bundle: Bundle, asked: dict[str, Any]) -> Inputs:
    sent = asked["inputs"]
    if sent is None:
        return bundle.golden_inputs(asked["limit"])
    sequences = [np.array(ids, np.int32) for ids in sent["ids"]]
    return Inputs(sequences, sent["texts"], source=sent["source"])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
