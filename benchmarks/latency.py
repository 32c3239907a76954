"""Latency of our variants beside every route without this project, in one interleaved run.

usage: python -m benchmarks.latency --data ../shared/data/imdb [--threads 1] [--limit 500]
           [--rounds 5] [--only all|ours] [--model RUN] [--json FILE]

All routes are made here from the same model. Ours get each review at its own length; the others get
it padded to the model's length, since that is what the model was trained on, and once more without
any pads, where the model answers something else. Every route first answers all reviews in their order
and is held against Keras: one that answers something else would not be worth timing. Then each starts in
new processes, since what fails there is known sooner than after the minutes of measuring.

What was measured is kept: when a start fails, or a later round does or is stopped (Ctrl-C), the rest is
shown and written, the failed step is named, and the exit code is 1. Such a part of a run, and a run with
routes left out, goes to FILE.part.json instead of the committed result.

TensorFlow takes its threads once in a process, so each number of threads is a run of its own.
OpenVINO and PyTorch come with ``pip install -c constraints.txt '.[bench]'``; what is not installed is
left out, and said so. (torch 2.13.0 was measured; the build for CPUs alone is enough.)
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import tables
from benchmarks.routes import ROUTES, TRUE_LENGTH, by_keras
from benchmarks.routes.base import RECORDED, RouteRunner, prepared
from benchmarks.run import Run, result_file, write
from export import export_bundle
from lstm_edge.base import files, machine
from lstm_edge.base.arrays import Ids, Probabilities
from lstm_edge.bench import timing as latency
from lstm_edge.bundle.opening import Bundle, open_bundle
from lstm_edge.cli.console import Bars, chatter_to
from lstm_edge.errors import InputError
from lstm_edge.inputs import data, labelled
from lstm_edge.inputs.batches import Inputs
from lstm_edge.models import architecture, reference, run_folder
from lstm_edge.report import tables as report
from lstm_edge.results.latency import LatencyReport, Start, Timing
from lstm_edge.results.parity import Tolerance
from lstm_edge.runtimes.runners import IdsRunner
from lstm_edge.verify import comparing as parity

# inputs that a route may look at while it is made
CALIBRATION = 300


@dataclass(frozen=True)
class Candidate:
    """What is to be timed, and how far it may be from Keras on the same inputs."""

    runner: IdsRunner
    tolerance: Tolerance
    at_true_length: bool = False


def missing(needs: Sequence[str]) -> str | None:
    """Why a route cannot be made here."""
    absent = [package for package in needs if find_spec(package) is None]
    if not absent:
        return None
    return f"{', '.join(absent)} not installed: pip install -c constraints.txt '.[bench]'"


def in_order(runner: IdsRunner, sequences: Sequence[Ids]) -> Probabilities:
    """One answer after the other, as a user gets them: what a call leaves behind shows."""
    return np.concatenate([runner.run(runner.padded([ids])) for ids in sequences])


def our_variants(bundle: Bundle, threads: int) -> dict[str, Candidate]:
    # int8 flips a label of a few hundred now and then: a matter of verify, not of this
    return {
        name: Candidate(
            bundle.runner(name, threads),
            RECORDED if info.tolerance.max_abs is None else info.tolerance,
        )
        for name, info in bundle.variants.items()
    }


def other_routes(
    models: Mapping[str, Any],
    length: int,
    threads: int,
    examples: Sequence[Ids],
    work: Path,
    say: Callable[[str], None],
) -> tuple[dict[str, Candidate], dict[str, str]]:
    """All routes that can be made here, and why the others cannot.

    Args:
        models: by what stands behind a route's name: the Keras model, and with its length free.
        examples: for routes that have to see some.
    """
    made: dict[str, Candidate] = {}
    left_out: dict[str, str] = {}
    for suffix, model in models.items():
        at_true_length = suffix == TRUE_LENGTH
        inputs = [prepared([ids], length, at_true_length) for ids in examples]
        for route_name, route in ROUTES.items():
            name = route_name + suffix
            if reason := missing(route.needs):
                left_out[name] = reason
                say(f"{name} is left out: {reason}")
                continue
            path = work / f"{name}{route.suffix}"
            route.build(model, path, inputs)
            runner = RouteRunner(route.runtime(path, threads), max_length=length, batch=1)
            made[name] = Candidate(runner, route.tolerance, at_true_length)
            say(f"{name} is made")
    return made, left_out


def with_size(timing: Timing, runner: IdsRunner, start: Start | None) -> Timing:
    """With the size of all that belongs to the file, and what a new process pays for it."""
    weights = runner.path.with_suffix(".bin")  # OpenVINO's lie beside the file
    size = sum(path.stat().st_size for path in (runner.path, weights) if path.exists())
    return replace(timing, bytes=size, start=start)


def fresh_starts(
    runners: Mapping[str, IdsRunner], bars: Bars
) -> tuple[dict[str, Start], dict[str, str]]:
    """What a new process pays for each, and which failed there and why."""
    # without pads it is the same program, and starts as long
    names = [name for name in runners if not name.endswith(TRUE_LENGTH)]
    starts: dict[str, Start] = {}
    failed: dict[str, str] = {}
    with bars.task("Starting new processes", len(names)) as advance:
        for name in names:
            try:
                starts[name] = latency.fresh_start(runners[name])
            except InputError as error:
                failed[f"fresh start of {name}"] = str(error)
                bars.print(str(error))
            advance(1)
    return starts, failed


def in_rounds(
    measure_round: Callable[[list[str], bool], LatencyReport], names: Sequence[str], rounds: int
) -> tuple[LatencyReport, dict[str, str]]:
    """Round by round, so that a later one that fails or is stopped costs no earlier one.

    Args:
        measure_round: names in the order of their turns, whether it is the first round -> its times.
    """
    reports: list[LatencyReport] = []
    failed: dict[str, str] = {}
    for number in range(rounds):
        shift = number % len(names)
        try:
            reports.append(measure_round([*names[shift:], *names[:shift]], number == 0))
        except (Exception, KeyboardInterrupt) as error:
            if not reports:
                raise
            why = "stopped" if isinstance(error, KeyboardInterrupt) else repr(error)
            failed[f"round {number + 1} of {rounds}"] = why
            break
    return merged(reports, names), failed


def merged(rounds: Sequence[LatencyReport], names: Sequence[str]) -> LatencyReport:
    """Rounds of one and the same runners as one report; warm-up and tokenising are the first round's."""
    by_name = [{timing.variant: timing for timing in report.timings} for report in rounds]
    timings = tuple(
        replace(
            by_name[0][name],
            samples_ms=tuple(row for timings in by_name for row in timings[name].samples_ms),
        )
        for name in names
    )
    unstable = tuple(t.variant for t in timings if t.spread() > latency.UNSTABLE)
    return replace(rounds[0], timings=timings, unstable=unstable)


def measure(args: argparse.Namespace, work: Path) -> Run:
    by_keras.use_threads(args.threads)
    bars = Bars()
    with chatter_to(work / "log.txt"):
        export_bundle(args.model, work / "bundle", fold_embedding=True, progress=bars)
        bundle = open_bundle(work / "bundle")
        length = bundle.settings.max_length
        dataset = data.load(args.data)

        def encoded(examples: labelled.Examples) -> list[Ids]:
            return examples.encode(bundle.tokenizer(), bundle.settings)

        examples = dataset.evaluation().sample(args.limit)
        sequences = encoded(examples)
        source = run_folder.find(args.model).model
        model = architecture.load(source)
        keras = reference.of_ids(source, model, max_length=length)
        free = work / f"keras{TRUE_LENGTH}.keras"
        by_keras.with_free_length(model).save(free)
        free_runtime = by_keras.KerasFunction(free, args.threads)
        keras_free = RouteRunner(free_runtime, max_length=length, batch=1)
        # by whether it is at the true length
        expected = (keras.run_sequences(sequences), in_order(keras_free, sequences))

        candidates, left_out = our_variants(bundle, args.threads), dict[str, str]()
        if args.only == "all":
            seen = encoded(dataset.training(seed=0)[0].sample(CALIBRATION))
            models = {"": model, TRUE_LENGTH: free_runtime.model}
            made, left_out = other_routes(models, length, args.threads, seen, work, bars.print)
            candidates |= made
        reports = []
        for name, candidate in candidates.items():
            found = parity.compare(
                name,
                expected[candidate.at_true_length],
                in_order(candidate.runner, sequences),
                candidate.tolerance,
            )
            if not found.ok:
                raise SystemExit(f"{name} is not Keras: {'; '.join(found.failures)}; not measured")
            reports.append(found)
        runners = {name: candidate.runner for name, candidate in candidates.items()}
        inputs = Inputs(sequences, examples.texts, source=dataset.name)
        ids = replace(inputs, texts=None)
        starts, failed = fresh_starts(runners, bars)

        def measure_round(names: list[str], first: bool) -> LatencyReport:
            return latency.measure(
                {name: runners[name] for name in names},
                inputs if first else ids,
                bundle.lengths(inputs),
                rounds=1,
                tokenizer=bundle.tokenizer() if first else None,
                fresh=False,
                progress=bars,
            )

        measured, stopped = in_rounds(measure_round, list(runners), args.rounds)
    timings = tuple(
        with_size(timing, runners[timing.variant], starts.get(timing.variant))
        for timing in measured.timings
    )
    packages = [*machine.MEASURED, "openvino", "nncf", "torch"]
    return Run(
        replace(measured, timings=timings, machine=machine.describe(packages)),
        tuple(reports),
        parity.compare(f"keras{TRUE_LENGTH}", *expected, RECORDED),
        left_out,
        failed | stopped,
    )


def goes_to(args: argparse.Namespace, run: Run) -> Path | None:
    """Where a result is written: one that is not whole takes no other's place."""
    path: Path | None = args.json or (result_file(args.threads) if args.only == "all" else None)
    partial = run.failed or (run.left_out and args.json is None)
    return path.with_suffix(".part.json") if path is not None and partial else path


def positive(text: str) -> int:
    """A number of rounds: without one there is nothing to keep."""
    if (value := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"{value} is not at least 1")
    return value


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--model", type=Path, default=files.shipped())
    parser.add_argument("--limit", type=int, default=500)
    parser.add_argument("--rounds", type=positive, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", choices=("all", "ours"), default="all")
    parser.add_argument("--json", type=Path, help="default: in benchmarks/results, of all routes")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        result = measure(args, Path(work))
    for table in (tables.side_by_side(result), tables.side_by_side(result, TRUE_LENGTH)):
        if table.rows:
            print(report.to_terminal(table))
    if path := goes_to(args, result):
        write(path, result)
        print(f"Written: {path}")
    if result.failed:
        steps = "\n".join(f"  {step}: {why}" for step, why in result.failed.items())
        raise SystemExit(f"Not all was measured:\n{steps}")


if __name__ == "__main__":
    main()
