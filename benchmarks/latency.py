"""Latency of our variants beside the routes without this project, in one interleaved run.

usage: python -m benchmarks.latency --data ../shared/data/imdb
           [--model RUN] [--limit 500] [--rounds 5] [--threads 1] [--json FILE]

Ours get each review at its own length; the other routes get it padded to the model's length, since
that is what their files take. Every route is first held against Keras: a route that answers something
else would not be worth timing.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.routes import ROUTES
from export import export_bundle
from lstm_edge import data, latency, report, run_folder
from lstm_edge.bundle import open_bundle
from lstm_edge.console import Bars, chatter_to
from lstm_edge.files import write_json
from lstm_edge.runners import KerasRunner, Runner

RESULT = Path(__file__).parent / "results" / "latency.json"
# what a route may differ from Keras by on a float32 model
SAME = 1e-3


def measure(args: argparse.Namespace, work: Path) -> latency.LatencyReport:
    bars = Bars()
    with chatter_to(work / "log.txt"):
        export_bundle(args.model, work / "bundle", progress=bars)
        bundle = open_bundle(work / "bundle")
        examples = data.load(args.data).evaluation().sample(args.limit)
        tokenizer = bundle.tokenizer()
        sequences = examples.encode(tokenizer, bundle.settings)
        reference = KerasRunner(
            run_folder.find(args.model).model, max_length=bundle.settings.max_length
        )
        runners: dict[str, Runner] = {n: bundle.runner(n, args.threads) for n in bundle.variants}
        expected = reference.run_sequences(sequences[:20])
        for name, (suffix, build) in ROUTES.items():
            path = work / f"{name}{suffix}"
            runner = build(reference.model, path)
            runners[name] = runner(
                path, args.threads, max_length=bundle.settings.max_length, batch=1
            )
            off = float(np.abs(runners[name].run_sequences(sequences[:20]) - expected).max())
            if off > SAME:
                raise SystemExit(f"{name} differs from Keras by {off:.2g}; not measured")
        return latency.measure(
            runners,
            sequences,
            rounds=args.rounds,
            texts=examples.texts,
            tokenizer=tokenizer,
            data=args.data,
            progress=bars,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--model", type=Path, default=run_folder.shipped())
    parser.add_argument("--limit", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path, default=RESULT)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        result = measure(args, Path(work))
    write_json(args.json, result.to_json())
    print(report.to_terminal(report.latency_table(result)))
    print(f"Written: {args.json}")


if __name__ == "__main__":
    main()
