"""How long one answer takes: raw timings of several runners, interleaved, with the machine."""

from __future__ import annotations

import datetime
import gc
import importlib.metadata
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from lstm_edge.base import machine
from lstm_edge.base.arrays import Arrays, Ids
from lstm_edge.base.files import PACKAGE, sha256
from lstm_edge.base.progress import SILENT, Progress
from lstm_edge.errors import InputError
from lstm_edge.inputs.tokenizer import Tokenizer
from lstm_edge.results.latency import LatencyReport, Start, Timing
from lstm_edge.runtimes.runners import Runner, TensorRunner, TextRunner

WARM_UP = 10
# Inputs that one runner takes before the next has its turn: few enough that what the machine does
# meanwhile hits all alike, enough that the median is not the price of caches full of the runners
# before (the tenth inference is still a few percent dearer than the fiftieth). One more goes before
# them, untimed: those runners' threads may still be spinning.
BLOCK = 50
_REQUIRED = re.compile(r"[^A-Za-z0-9._-]")  # what ends the name in a requirement
# pyperf calls a benchmark unstable when the standard deviation exceeds a tenth of the mean
UNSTABLE = 0.1
# New processes for each figure of a start: the first one also reads the disk.
STARTS = 3
# Time steps of the first run, where the model leaves them free.
STEPS = 20


def measure(
    runners: Mapping[str, Runner | TextRunner],
    sequences: Sequence[Ids],
    *,
    rounds: int = 5,
    texts: Sequence[str] | None = None,
    tokenizer: Tokenizer | None = None,
    fresh: bool = True,
    data: str = "",
    progress: Progress = SILENT,
) -> LatencyReport:
    """Time every runner on every input, one example at a time, interleaved.

    In each round all runners take their turn at every block of inputs, in an order that rotates.

    Args:
        runners: by name; all with the same number of threads and a known ``max_length``.
        sequences: ids of the inputs, not padded; each runner gets them in its own form, made before.
        texts, tokenizer: to time the tokenising, apart; what takes texts gets them, and its times have
            the tokenising in them.
        data: where the inputs are from, for the report.
        fresh: also start a new process for each, for load time, first run and peak memory.
    """
    takers = [name for name, runner in runners.items() if isinstance(runner, TextRunner)]
    if takers and texts is None:
        raise InputError(
            f"{', '.join(takers)} takes texts, and these data are ids: give texts, or leave it out with "
            "--variant"
        )
    known = [r.max_length or 0 for r in runners.values() if isinstance(r, Runner)]
    longest = max(known, default=max(map(len, sequences), default=0))
    report = _measure(
        runners,
        {
            name: [runner.padded([s]) for s in sequences]
            if isinstance(runner, Runner)
            else list(texts or ())
            for name, runner in runners.items()
        },
        tuple(min(len(s), longest) for s in sequences),
        rounds=rounds,
        fresh=fresh,
        data=data,
        progress=progress,
    )
    if texts is None or tokenizer is None:
        return report
    return replace(report, tokenise_ms=tuple(_tokenise(tokenizer, text) for text in texts))


def measure_tensors(
    runners: dict[str, TensorRunner],
    examples: Sequence[Arrays],
    *,
    rounds: int = 5,
    fresh: bool = True,
    data: str = "",
    progress: Progress = SILENT,
) -> LatencyReport:
    """The same for models without text; a file that takes several examples in a call gets one so often.

    Args:
        examples: inputs by name, checked, of one example each.
    """
    signatures = [runner.signature for runner in runners.values()]
    inputs = {
        name: [
            {key: np.repeat(array, runner.batch or 1, 0) for key, array in example.items()}
            for example in examples
        ]
        for name, runner in runners.items()
    }
    return _measure(
        runners,
        inputs,
        tuple(signatures[0].steps(example) for example in examples) if signatures else (),
        rounds=rounds,
        fresh=fresh,
        data=data,
        unit="steps",
        progress=progress,
    )


def _measure(
    runners: Mapping[str, Runner | TextRunner] | Mapping[str, TensorRunner],
    inputs: Mapping[str, Sequence[Any]],
    lengths: tuple[int, ...],
    *,
    rounds: int,
    fresh: bool,
    data: str,
    progress: Progress,
    unit: str = "tokens",
) -> LatencyReport:
    """Time every runner on its own form of every input."""
    if not runners or not lengths:
        raise InputError("nothing to measure: at least one variant and one input are needed")
    if rounds < 1:
        raise InputError(f"rounds is {rounds}; it must be at least 1")
    names, count = list(runners), len(lengths)
    threads = {runner.threads for runner in runners.values()}
    if len(threads) != 1:
        raise InputError("all runners must be set to the same number of threads")
    starts = {name: fresh_start(r) for name, r in runners.items()} if fresh else {}
    warm: dict[str, list[float]] = {name: [] for name in names}
    samples: dict[str, list[list[float]]] = {name: [] for name in names}

    def timed(name: str, index: int) -> float:
        # the runtime's own call: checking inputs in Python is no part of a device's latency
        infer: Callable[[Any], Any] = runners[name].infer
        given = inputs[name][index]
        began = time.perf_counter_ns()
        infer(given)
        return _milliseconds(time.perf_counter_ns() - began)

    for name in names:
        warm[name] = [timed(name, i % count) for i in range(WARM_UP)]
    with progress.task("Measuring latency", rounds * count) as advance:
        gc.collect()
        gc.disable()
        try:
            for turn in range(rounds):
                for name in names:
                    samples[name].append([])
                for number, begin in enumerate(range(0, count, BLOCK)):
                    block = range(begin, min(begin + BLOCK, count))
                    shift = (turn + number) % len(names)
                    for name in names[shift:] + names[:shift]:
                        timed(name, block[-1])  # not kept: it pays for the one before
                        samples[name][turn] += [timed(name, index) for index in block]
                    advance(len(block))
        finally:
            gc.enable()

    packages = {p for r in runners.values() for p in r.packages}
    timings = tuple(
        Timing(
            name,
            runner.runtime,
            runner.path.stat().st_size,
            sha256(runner.path),
            tuple(tuple(row) for row in samples[name]),
            tuple(warm[name]),
            starts.get(name),
            _install_mib(runner.packages),
        )
        for name, runner in runners.items()
    )
    return LatencyReport(
        device="this machine",
        machine=machine.describe(["numpy", *sorted(packages)]),
        measured_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        threads=threads.pop(),
        lengths=lengths,
        tokenise_ms=None,
        timings=timings,
        unstable=tuple(t.variant for t in timings if t.spread() > UNSTABLE),
        data=data,
        unit=unit,
    )


def _tokenise(tokenizer: Tokenizer, text: str) -> float:
    began = time.perf_counter_ns()
    tokenizer.encode([text])
    return _milliseconds(time.perf_counter_ns() - began)


def _milliseconds(nanoseconds: int) -> float:
    return milliseconds(nanoseconds / 1e6)


def milliseconds(value: float) -> float:
    """With the digits that a clock can be trusted with, and a file has room for."""
    return float(f"{value:.4g}")


# Run in a new process: import the runtime, load the file, answer once, then a few times more.
_FRESH = """
import json, sys, time
began = time.perf_counter()
import importlib
from pathlib import Path
from {module} import {cls} as cls
from lstm_edge.base.extras import require
import numpy as np
{imports}
imported = time.perf_counter()
runner = {make}
loaded = time.perf_counter()
given = {given}
runner.infer(given)
first = time.perf_counter()
for _ in range(5):
    runner.infer(given)
try:  # not ru_maxrss: on Linux a new process inherits its parent's
    status = Path("/proc/self/status").read_text()
    peak = int(status.split("VmHWM:")[1].split()[0]) / 1024
except (OSError, IndexError):
    peak = None
times = [imported - began, loaded - imported, first - loaded]
print("\\n" + json.dumps([*(1000 * t for t in times), peak]))
"""
# How a runner and its input are made there: on ids with argv 3 the length, on texts with the outputs, of
# tensors with the manifest's signature, 4 the batch and 5 the steps.
_TEXT = {
    "make": "cls(Path(sys.argv[1]), int(sys.argv[2]), None, int(sys.argv[3]))",
    "given": "runner.padded([np.ones(int(sys.argv[3]), np.int32)])",
}
_RAW_TEXT = {
    "make": "cls(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))",
    "given": "'one two three'",
}
_TENSORS = {
    "make": (
        "cls(Path(sys.argv[1]), importlib.import_module('lstm_edge.inputs.signature').Signature."
        "from_json(json.loads(sys.argv[3])), int(sys.argv[2]), int(sys.argv[4]) or None)"
    ),
    "given": "runner.signature.ones(int(sys.argv[4]) or 1, int(sys.argv[5]))",
}


def fresh_start(runner: Runner | TextRunner | TensorRunner) -> Start:
    """Load and run the runner's file in new processes; where the time is free, on a few steps.

    Raises:
        InputError: a process failed; its last line is given.
    """
    starts = [_start_once(runner) for _ in range(STARTS)]
    imports = [s.import_ms for s in starts if s.import_ms is not None]
    peaks = [s.peak_mib for s in starts if s.peak_mib is not None]
    return Start(
        median(imports) if imports else None,
        median(s.load_ms for s in starts),
        median(s.first_ms for s in starts),
        median(peaks) if peaks else None,
    )


def _start_once(runner: Runner | TextRunner | TensorRunner) -> Start:
    made, arguments = _TEXT, [str(runner.path.resolve()), str(runner.threads)]
    if isinstance(runner, TensorRunner):
        made = _TENSORS
        arguments += [json.dumps(runner.signature.to_json()), str(runner.batch or 0), str(STEPS)]
    elif isinstance(runner, TextRunner):
        made = _RAW_TEXT
        arguments.append(str(runner.outputs))
    else:
        arguments.append(str(runner.max_length or 1))
    code = _FRESH.format(
        module=type(runner).__module__,
        cls=type(runner).__name__,
        imports="\n".join(f"require({m!r}, 'measuring')" for m in runner.modules),
        **made,
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=PACKAGE.parent,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise InputError(f"{runner.path.name} fails in a new process: {last}")
    return Start(*json.loads(done.stdout.strip().splitlines()[-1]))


def _install_mib(packages: Sequence[str]) -> float | None:
    """Size on disk of packages, NumPy and everything they need, MiB."""
    todo, seen, total = ["numpy", *packages], set[str](), 0
    while todo:
        name = todo.pop().lower().replace("_", "-")
        if name in seen:
            continue
        seen.add(name)
        try:
            distribution = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            if name in packages:
                return None
            continue
        total += sum(
            path.stat().st_size
            for file in distribution.files or ()
            if (path := Path(str(distribution.locate_file(file)))).is_file()
        )
        for requirement in distribution.requires or ():
            if "extra ==" not in requirement:
                todo.append(_REQUIRED.split(requirement, maxsplit=1)[0])
    return round(total / 2**20, 1)
