"""A stream on the shipped model: what the next token costs, alone and in chunks.

usage: python -m benchmarks.streaming [--model FILE] [--chunks N…] [--tokens N] [--rounds N] [--json FILE]

Every variant of one bundle, interleaved: a sequence of ids is fed from its beginning in chunks of each
size. A sample is one call's time over its tokens.
"""

from __future__ import annotations

import argparse
import datetime
import gc
import shutil
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks import script
from export import export_bundle
from lstm_edge.base import machine
from lstm_edge.bundle.opening import TensorBundle, open_bundle
from lstm_edge.cli.console import Bars
from lstm_edge.models import run_folder
from lstm_edge.report.tables import Table, to_terminal
from lstm_edge.report.wording import date, digits
from lstm_edge.report.wording import machine as on_machine
from lstm_edge.runtimes.runners import ArrayRunner

RESULT = Path(__file__).parent / "results" / "streaming.json"
CHUNKS = (1, 7, 50)


def fed(runner: ArrayRunner, ids: Any, chunk: int) -> list[float]:
    """Milliseconds for each token, call by call."""
    (name,) = (one.name for one in runner.signature.inputs)
    states, samples = runner.start(1), []
    for begin in range(0, ids.shape[1], chunk):
        part = {name: np.ascontiguousarray(ids[:, begin : begin + chunk])}
        began = time.perf_counter_ns()
        _, states = runner.step(part, states)
        samples.append((time.perf_counter_ns() - began) / 1e6 / part[name].shape[1])
    return samples


def measure(args: argparse.Namespace, work: Path) -> dict[str, Any]:
    # away from its folder's vocabulary, with which it would be exported as a classifier of texts
    model = work / f"stream{run_folder.find(args.model).model.suffix}"
    shutil.copyfile(run_folder.find(args.model).model, model)
    export_bundle(model, work / "bundle", streaming=True, progress=Bars())
    bundle = open_bundle(work / "bundle")
    if not isinstance(bundle, TensorBundle):
        raise SystemExit(f"{args.model} gave no stream")
    # one for each size of chunk: a TFLite file is prepared anew for another
    runners = {(name, n): bundle.runner(name) for name in bundle.variants for n in args.chunks}
    ids = np.random.default_rng(1).integers(1, 1000, (1, args.tokens)).astype(np.int32)
    samples: dict[tuple[str, int], list[list[float]]] = {key: [] for key in runners}
    for key, runner in runners.items():
        fed(runner, ids[:, : key[1] * 3], key[1])
    gc.disable()
    for turn in range(args.rounds):
        keys = list(runners)
        shift = turn % len(keys)
        for key in keys[shift:] + keys[:shift]:
            samples[key].append(fed(runners[key], ids, key[1]))
    gc.enable()
    rows = [
        {
            "variant": name,
            "chunk": chunk,
            "bytes": bundle.variant(name).bytes,
            "ms_per_token": [[round(x, 6) for x in turn] for turn in turns],
        }
        for (name, chunk), turns in samples.items()
    ]
    return {
        "machine": machine.describe(machine.MEASURED),
        "measured_at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "tokens": args.tokens,
        "rows": rows,
    }


def table(result: dict[str, Any]) -> Table:
    """Variants down, sizes of chunk across: the median of the rounds' medians."""
    chunks = sorted({row["chunk"] for row in result["rows"]})
    found = {
        (row["variant"], row["chunk"]): median(median(turn) for turn in row["ms_per_token"])
        for row in result["rows"]
    }
    names = dict.fromkeys(row["variant"] for row in result["rows"])
    rows = tuple((name, *(digits(found[name, chunk]) for chunk in chunks)) for name in names)
    rounds = len(result["rows"][0]["ms_per_token"])
    basis = (
        f"{on_machine(result['machine'])}; {date(result['measured_at'])}; one thread, "
        f"{result['tokens']} tokens from the first on, {rounds} rounds"
    )
    columns = ("variant", *(f"ms per token, {chunk} at a time" for chunk in chunks))
    return Table("Streams", columns, rows, (basis,))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--chunks", type=int, nargs="+", default=CHUNKS)
    parser.add_argument("--tokens", type=int, default=350)
    parser.add_argument("--rounds", type=int, default=7)
    script.run(parser, RESULT, measure, lambda result: to_terminal(table(result)))


if __name__ == "__main__":
    main()
