"""One loaded bundle, many threads: whether an answer differs, and how many answers a second there are.

usage: python -m benchmarks.threads [--calls N] [--seconds S] [--rounds N] [--json FILE]

Every variant of the small models of :mod:`benchmarks.endurance`, for texts, arrays, and streams of both,
and of the shipped model, with a twentieth of the calls. First so many threads ask for all inputs, each in
an order of its own, and every answer is held, bit for bit, against what one thread got. Then 1, 2, 4 and
16 threads ask as fast as they can, in turn: the shipped model, and a model of arrays with 64 units.
"""

from __future__ import annotations

import argparse
import datetime
import gc
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks import endurance, script
from benchmarks.endurance import as_bytes
from export import export_bundle
from lstm_edge import Classifier, load_bundle
from lstm_edge.base import machine
from lstm_edge.bundle.opening import open_bundle
from lstm_edge.inputs import samples
from lstm_edge.report.tables import Table, to_terminal
from lstm_edge.report.wording import date
from lstm_edge.report.wording import machine as on_machine
from lstm_edge.runtimes.contract import runtime_class

RESULT = Path(__file__).parent / "results" / "threads.json"
ASKING = 16
THREADS = (1, 2, 4, 16)
PRECISIONS = ["float32", "int8-dynamic"]
INPUTS = 64


# What is asked how fast, beside whether it is right: the others are too small for more than one core.
TIMED = ("texts", "arrays")


def bundles(model: Path, work: Path) -> dict[str, Path]:
    """What is asked: bundles by what they take."""
    import keras

    _, small = endurance.made(work, streaming=True)
    layers = keras.layers
    arrays = keras.Sequential(
        [layers.Input((None, 8)), layers.LSTM(64), layers.Dense(5, activation="softmax")]
    )
    export_bundle(model, work / "shipped", precisions=PRECISIONS, runtimes=endurance.RUNTIMES)
    export_bundle(arrays, work / "wide", precisions=PRECISIONS)
    return {
        "short texts": small["texts"],
        "short arrays": small["arrays"],
        "streams": small["streams"],
        "arrays": work / "wide",
        "texts": work / "shipped",
    }


def asked(bundle: Path, variant: str) -> tuple[list[Any], Callable[[Any], Any]]:
    """Inputs of real lengths, and what answers one of them; an answer as bytes."""
    loaded = load_bundle(bundle, variant)
    rng = np.random.default_rng(1)
    if not isinstance(loaded, Classifier):
        width = loaded.bundle.signature.inputs[0].shape[-1]
        shapes = [(1, n, width) for n in range(20, 20 + INPUTS)]
        windows = [rng.normal(size=shape).astype(np.float32) for shape in shapes]
        if not loaded.bundle.signature.states:
            return windows, lambda window: as_bytes(loaded.predict(window))
        return windows, lambda window: as_bytes(loaded.stream().feed(window))
    texts = list(samples.load().texts or ())[:INPUTS]
    if loaded.bundle.settings.max_length < 100:
        texts = [" ".join(rng.choice(endurance.WORDS, n % 25)) for n in range(INPUTS)]
    if loaded.bundle.variant(variant).states:
        return texts, lambda text: as_bytes([loaded.stream(0).feed(text)])
    return texts, lambda text: as_bytes(loaded.predict([text]))


def differing(answer: Callable[[Any], bytes], inputs: Sequence[Any], calls: int) -> int:
    """How many answers of :data:`ASKING` threads, so many calls each, are not what one thread got."""
    expected = [answer(one) for one in inputs]

    def asks(seed: int) -> int:
        order = np.random.default_rng(seed).integers(0, len(inputs), calls)
        return sum(answer(inputs[at]) != expected[at] for at in order)

    with ThreadPoolExecutor(ASKING) as pool:
        return sum(pool.map(asks, range(ASKING)))


def per_second(
    answer: Callable[[Any], bytes], inputs: Sequence[Any], threads: int, seconds: float
) -> float:
    """Answers a second of so many threads; each begins at another input."""
    begin, end = threading.Barrier(threads + 1), threading.Event()

    def asks(seed: int) -> int:
        at, count = seed * len(inputs) // threads, 0
        begin.wait()
        while not end.is_set():
            answer(inputs[at % len(inputs)])
            at, count = at + 1, count + 1
        return count

    with ThreadPoolExecutor(threads) as pool:
        jobs = [pool.submit(asks, seed) for seed in range(threads)]
        begin.wait()
        began = time.perf_counter()
        time.sleep(seconds)
        end.set()
        count = sum(job.result() for job in jobs)
        return count / (time.perf_counter() - began)


def rates(
    answer: Callable[[Any], bytes], inputs: Sequence[Any], rounds: int, seconds: float
) -> dict[str, list[float]]:
    """Answers a second of each round by how many threads ask."""
    found: dict[str, list[float]] = {str(threads): [] for threads in THREADS}
    gc.collect()
    for turn in range(rounds):
        for threads in THREADS[:: -1 if turn % 2 else 1]:
            found[str(threads)].append(round(per_second(answer, inputs, threads, seconds), 2))
    return found


def measure(args: argparse.Namespace, work: Path) -> dict[str, Any]:
    rows = []
    for kind, bundle in bundles(args.model, work).items():
        calls = args.calls // 20 if kind == "texts" else args.calls
        for name, info in open_bundle(bundle).variants.items():
            inputs, answer = asked(bundle, name)
            row: dict[str, Any] = {
                "takes": "streams of words" if kind == "short texts" and info.states else kind,
                "variant": name,
                "runtime": runtime_class(info.kind).runtime,
                "answers": ASKING * calls,
                "differing": differing(answer, inputs, calls),
                "per_second": {},
            }
            if kind in TIMED:
                row["per_second"] = rates(answer, inputs, args.rounds, args.seconds)
            rows.append(row)
            print(f"{row['takes']}, {name}: {row['differing']} differ", file=sys.stderr)
    return {
        "machine": machine.describe(machine.MEASURED),
        "measured_at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "threads": ASKING,
        "rows": rows,
    }


def growth(row: dict[str, Any], threads: int) -> float:
    """How many times the answers of one thread, round by round: the median."""
    one, many = row["per_second"]["1"], row["per_second"][str(threads)]
    return median(b / a for a, b in zip(one, many, strict=True))


def table(result: dict[str, Any]) -> Table:
    """Variants down, numbers of threads across."""
    rows, timed = [], [row for row in result["rows"] if row["per_second"]]
    for row in result["rows"]:
        cells = [""] * len(THREADS)
        if row in timed:
            cells[0] = f"{median(row['per_second']['1']):,.0f}"
            cells[1:] = (f"{growth(row, threads):.2f}×" for threads in THREADS[1:])
        differ = f"{row['differing']:,} of {row['answers']:,}"
        rows.append((row["takes"], row["variant"], row["runtime"], differ, *cells))
    rounds = len(timed[0]["per_second"]["1"])
    notes = (
        f"differ: answers of {result['threads']} threads at once that are not, bit for bit, those of one "
        f"thread; ×: answers a second beside one thread's, the median of {rounds} rounds in turn",
        "texts: the shipped model and reviews; arrays: 64 units; the others are models of 16 units, for "
        "what is right and not for what is fast",
        f"{on_machine(result['machine'])}; {date(result['measured_at'])}",
    )
    columns = ("takes", "variant", "runtime", "differ", "answers/s, 1 thread")
    return Table(
        "Many threads",
        (*columns, *(f"{threads} threads" for threads in THREADS[1:])),
        tuple(rows),
        notes,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--calls", type=int, default=10_000, help="of each of the threads")
    parser.add_argument("--seconds", type=float, default=2.0, help="of one number of threads")
    parser.add_argument("--rounds", type=int, default=5)
    script.run(parser, RESULT, measure, lambda result: to_terminal(table(result)))


if __name__ == "__main__":
    main()
