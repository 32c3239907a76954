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
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

from lstm_edge.base import machine
from lstm_edge.base.arguments import check_positive
from lstm_edge.base.files import PACKAGE, sha256
from lstm_edge.base.progress import SILENT, Progress
from lstm_edge.bench import start
from lstm_edge.errors import InputError
from lstm_edge.inputs.batches import Inputs
from lstm_edge.inputs.tokenizer import Tokenizer
from lstm_edge.results.latency import LatencyReport, Start, Timing
from lstm_edge.runtimes.runners import Runner, only_ids

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
    runners: Mapping[str, Runner],
    inputs: Inputs,
    lengths: Sequence[int],
    *,
    rounds: int = 5,
    unit: str = "tokens",
    tokenizer: Tokenizer | None = None,
    fresh: bool = True,
    progress: Progress = SILENT,
) -> LatencyReport:
    """Time every runner on every input, one example at a time, interleaved.

    In each round all runners take their turn at every block of inputs, in an order that rotates. Each
    runner gets the inputs in its own form, made before; one whose file takes several examples in a call
    gets one so often. The times of what takes texts have the tokenising in them.

    Args:
        runners: by name; all with the same number of threads.
        lengths: of each input, in ``unit``.
        tokenizer: to time the tokenising, apart.
        fresh: also start a new process for each, for load time, first run and peak memory.

    Raises:
        InputError: nothing to measure; ids for a file that takes texts.
    """
    if takers := [name for name, runner in runners.items() if runner.lacks(inputs)]:
        raise only_ids(", ".join(takers))
    if not runners or not lengths:
        raise InputError("nothing to measure: at least one variant and one input are needed")
    check_positive(rounds=rounds)
    prepared = {
        name: [runner.prepared_one(inputs, at) for at in range(len(inputs))]
        for name, runner in runners.items()
    }
    names, count = list(runners), len(lengths)
    threads = {runner.threads for runner in runners.values()}
    if len(threads) != 1:
        raise InputError("all runners must be set to the same number of threads")
    starts = {name: fresh_start(r) for name, r in runners.items()} if fresh else {}
    warm: dict[str, list[float]] = {name: [] for name in names}
    samples: dict[str, list[list[float]]] = {name: [] for name in names}

    def timed(name: str, index: int) -> float:
        # the runtime's own call: checking inputs in Python is no part of a device's latency
        infer, example = runners[name].infer, prepared[name][index]
        began = time.perf_counter_ns()
        infer(example)
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

    packages = {p for r in runners.values() for p in r.runtime.packages}
    timings = tuple(
        Timing(
            name,
            runner.runtime.runtime,
            runner.path.stat().st_size,
            sha256(runner.path),
            tuple(tuple(row) for row in samples[name]),
            tuple(warm[name]),
            starts.get(name),
            _install_mib(runner.runtime.packages),
        )
        for name, runner in runners.items()
    )
    return LatencyReport(
        device="this machine",
        machine=machine.describe(["numpy", *sorted(packages)]),
        measured_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        threads=threads.pop(),
        lengths=tuple(lengths),
        tokenise_ms=_tokenise_times(tokenizer, inputs.texts),
        timings=timings,
        unstable=tuple(t.variant for t in timings if t.spread() > UNSTABLE),
        data=inputs.source,
        unit=unit,
    )


def _tokenise_times(
    tokenizer: Tokenizer | None, texts: Sequence[str] | None
) -> tuple[float, ...] | None:
    if tokenizer is None or texts is None:
        return None
    times = []
    for text in texts:
        began = time.perf_counter_ns()
        tokenizer.encode([text])
        times.append(_milliseconds(time.perf_counter_ns() - began))
    return tuple(times)


def _milliseconds(nanoseconds: int) -> float:
    return milliseconds(nanoseconds / 1e6)


def milliseconds(value: float) -> float:
    """With the digits that a clock can be trusted with, and a file has room for."""
    return float(f"{value:.4g}")


def fresh_start(runner: Runner) -> Start:
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


def _start_once(runner: Runner) -> Start:
    """In a process of its own: :mod:`lstm_edge.bench.start`."""
    runtime = runner.runtime
    request = {
        "module": type(runtime).__module__,
        "class": type(runtime).__name__,
        "imports": runtime.modules,
        "path": str(runtime.path.resolve()),
        "threads": runtime.threads,
        "inputs": {
            name: start.described(array) for name, array in runner.first_inputs(STEPS).items()
        },
    }
    done = subprocess.run(
        [sys.executable, "-m", start.__name__, json.dumps(request)],
        capture_output=True,
        text=True,
        check=False,
        cwd=PACKAGE.parent,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise InputError(f"{runtime.path.name} fails in a new process: {last}")
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
