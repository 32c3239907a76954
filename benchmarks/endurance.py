"""What stays the same at length: a million calls in one process, a stream of 100,000 steps, odd states.

usage: python -m benchmarks.endurance [--calls N] [--steps N] [--json FILE]

- Calls: in a process for each runtime's first variant of a small model of texts, and for each variant of
  one of arrays, as many at a time as there are cores; resident memory after each tenth, its slope by
  regression, and whether the first input's answer is, bit for bit, what it was.
- Steps: a stream beside the equations of ``lstm_edge.equations`` in float64.
- States: a stream that begins from states far beyond what a model reaches, or with numbers below the
  normal ones of float32 (1e-40) in states and inputs; how far off, and how much slower than on plain
  numbers.
"""

from __future__ import annotations

import argparse
import datetime
import gc
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks import script
from lstm_edge import Classifier, Predictor, equations, load_bundle
from lstm_edge.base import machine
from lstm_edge.base.arrays import Array, Arrays
from lstm_edge.bundle.opening import open_bundle
from lstm_edge.report.tables import Table, to_terminal
from lstm_edge.report.wording import date, difference
from lstm_edge.report.wording import machine as on_machine
from lstm_edge.runtimes.contract import runtime_class
from lstm_edge.stack import LstmLayer

RESULT = Path(__file__).parent / "results" / "endurance.json"
PRECISIONS = ["float32", "int8-dynamic"]
RUNTIMES = ["onnxruntime", "litert", "litert-js", "mediapipe"]
WARM_UP = 10  # of which part of the calls comes before memory is first read
UNITS, WIDTH = 16, 3
WORDS = "a the film good bad great not very plot actor never fine cast dull".split()
# Bytes for a call that memory may grow by: a kilobyte in a million calls is lost in what pages say.
GROWTH = 1.0

STATES: dict[str, tuple[float, float, float]] = {
    # inputs, hidden states, cells
    "plain": (1.0, 0.5, 0.5),
    "cells at 1e4": (1.0, 1.0, 1e4),
    "cells at -1e4": (1.0, -1.0, -1e4),
    "gates at 0 and 1": (1e4, 1.0, 1.0),
    "states of 1e-40": (1.0, 1e-40, 1e-40),
    "inputs of 1e-40": (1e-40, 0.0, 0.0),
    "both of 1e-40": (1e-40, 1e-40, 1e-40),
}


def made(work: Path, streaming: bool = False) -> tuple[Any, dict[str, Path]]:
    """A small model of arrays, and bundles by what they take."""
    import keras

    from export import export_bundle
    from lstm_edge.inputs.tokenizer import TextSettings, Tokenizer

    keras.utils.set_random_seed(1)
    layers, settings = keras.layers, TextSettings(max_length=20)
    model = keras.Sequential([layers.Input((None, WIDTH)), layers.LSTM(UNITS), layers.Dense(2)])
    rows = settings.first_word_id + len(WORDS)
    texts = keras.Sequential(
        [
            layers.Input((20,), dtype="int32"),
            layers.Embedding(rows, 8),
            layers.LSTM(UNITS),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    Tokenizer([*settings.special_tokens(), *WORDS], settings).save(work / "words.txt")
    texts.save(work / "texts.keras")
    paths = {name: work / name for name in ("texts", "arrays", "streams")}
    export_bundle(
        work / "texts.keras",
        paths["texts"],
        vocab=work / "words.txt",
        precisions=PRECISIONS,
        runtimes=RUNTIMES,
        text_input=True,
        streaming=streaming,
    )
    export_bundle(model, paths["arrays"], precisions=PRECISIONS)
    export_bundle(model, paths["streams"], precisions=PRECISIONS, streaming=True)
    return model, paths


# --- calls ----------------------------------------------------------------------------------------


def resident() -> int:
    """Memory of this process, bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def called(bundle: Path, variant: str, calls: int) -> dict[str, Any]:
    """So many calls here: resident bytes at the beginning and after each tenth, and the first answer."""
    loaded, rng = load_bundle(bundle, variant), np.random.default_rng(1)
    inputs: list[Any]
    if isinstance(loaded, Classifier):
        inputs = [[" ".join(rng.choice(WORDS, n))] for n in range(30)]
    else:
        inputs = [rng.normal(size=(1, n, WIDTH)).astype(np.float32) for n in range(1, 31)]
    first = as_bytes(loaded.predict(inputs[0]))
    for call in range(calls // WARM_UP):
        loaded.predict(inputs[call % len(inputs)])
    gc.collect()
    memory = [resident()]
    for _ in range(10):
        for call in range(calls // 10):
            loaded.predict(inputs[call % len(inputs)])
        memory.append(resident())
    return {"resident": memory, "same": as_bytes(loaded.predict(inputs[0])) == first}


def as_bytes(answer: Any) -> bytes:
    """The numbers of an answer of one text, or of arrays by name."""
    if isinstance(answer, dict):
        return b"".join(array.tobytes() for array in answer.values())
    return np.array([*answer[0].probabilities.values()]).tobytes()


def slope(memory: list[int], calls: int) -> float:
    """Bytes that memory grows by with each call: a straight line through all that was read."""
    return float(np.polyfit(np.linspace(0, calls, len(memory)), memory, 1)[0])


def in_new_process(bundle: Path, variant: str, calls: int) -> dict[str, Any]:
    command = [
        sys.executable,
        "-m",
        "benchmarks.endurance",
        "--alone",
        str(bundle),
        variant,
        str(calls),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{variant}: {done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


# --- steps and states -----------------------------------------------------------------------------


class Oracle:
    """The model of arrays by its equations, in float64."""

    def __init__(self, model: Any) -> None:
        lstm, self._dense = model.layers
        self._layer = LstmLayer(lstm.name, *map(np.asarray, lstm.get_weights()))

    def run(self, inputs: Array, hidden: Array, cell: Array) -> Array:
        _, last, _ = equations.run(self._layer, inputs, hidden, cell)
        kernel, bias = self._dense.get_weights()
        return last @ kernel.astype(np.float64) + bias


def streamed(
    predictor: Predictor, inputs: Array, states: Arrays, piece: int | None = None
) -> Array:
    """What holds after the last step, from these states on."""
    (port,) = predictor.bundle.signature.inputs
    (output,) = predictor.runner.feed({port.name: inputs}, states, piece)[0].values()
    return output


def begun(predictor: Predictor, hidden: float, cell: float) -> Arrays:
    """States that are one value all over: a layer's hidden ones come first."""
    names = [state.name for state in predictor.bundle.signature.states]
    values = (hidden, cell)
    return {
        name: np.full((1, UNITS), value, np.float32)
        for name, value in zip(names, values, strict=True)
    }


def off(answer: Array, expected: Array, greatest: float) -> float:
    """The greatest difference, as a share of the greatest answer to plain inputs: that to inputs of 1e-40
    is itself below what a runtime may take for zero.
    """
    return float(np.abs(answer - expected).max() / greatest)


def measure(args: argparse.Namespace, work: Path) -> dict[str, Any]:
    model, paths = made(work)
    oracle = Oracle(model)
    chosen = {}
    for kind in ("texts", "arrays"):
        for name, info in open_bundle(paths[kind]).variants.items():
            runtime = runtime_class(info.kind).runtime
            chosen.setdefault((kind, runtime, name if kind == "arrays" else ""), name)

    def alone(key: tuple[str, str, str]) -> dict[str, Any]:
        kind, runtime, _ = key
        found = in_new_process(paths[kind], chosen[key], args.calls)
        row = {"takes": kind, "variant": chosen[key], "runtime": runtime, **found}
        grown = slope(row["resident"], args.calls)
        print(f"{kind}, {chosen[key]}: {grown:.2f} B a call", file=sys.stderr)
        return row

    with ThreadPoolExecutor(machine.cores() or 1) as pool:
        calls = list(pool.map(alone, chosen))
    rng = np.random.default_rng(1)
    sequence = rng.normal(size=(1, args.steps, WIDTH)).astype(np.float32)
    zeros = np.zeros((1, UNITS))
    expected = oracle.run(sequence, zeros, zeros)
    greatest = float(np.abs(expected).max())
    steps, odd = [], []
    for name in open_bundle(paths["streams"]).variants:
        predictor = load_bundle(paths["streams"], name)
        assert isinstance(predictor, Predictor)
        begin = begun(predictor, 0, 0)
        one, pieces = (
            streamed(predictor, sequence, begin, 1),
            streamed(predictor, sequence, begin, 1000),
        )
        steps.append(
            {
                "variant": name,
                "one": off(one, expected, greatest),
                "thousand": off(pieces, expected, greatest),
            }
        )
        for what, (scale, hidden, cell) in STATES.items():
            inputs = (sequence[:, :50] * np.float32(scale)).astype(np.float32)
            first = begun(predictor, hidden, cell)
            right = oracle.run(inputs, np.full((1, UNITS), hidden), np.full((1, UNITS), cell))
            answer, times = streamed(predictor, inputs, first), []
            for _ in range(args.repeats):
                began = time.perf_counter()
                streamed(predictor, inputs, first)
                times.append(time.perf_counter() - began)
            odd.append(
                {
                    "variant": name,
                    "states": what,
                    "off": off(answer, right, greatest),
                    "ms": 1e3 * median(times),
                }
            )
    return {
        "machine": machine.describe(machine.MEASURED),
        "measured_at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "calls": args.calls,
        "steps": args.steps,
        "rows": calls,
        "streams": steps,
        "states": odd,
    }


def table(result: dict[str, Any]) -> Table:
    """A million calls: memory at the beginning and at the end."""
    mib = 1 << 20
    rows = []
    for row in result["rows"]:
        grown = round(slope(row["resident"], result["calls"]), 3) + 0.0  # no minus before a zero
        same = "the same" if row["same"] else "another"
        ends = (f"{row['resident'][at] / mib:.1f}" for at in (0, -1))
        rows.append((row["takes"], row["variant"], row["runtime"], *ends, f"{grown:.3f}", same))
    flat = all(slope(row["resident"], result["calls"]) <= GROWTH for row in result["rows"])
    notes = (
        f"{result['calls']:,} calls each in a process of its own; resident memory, "
        f"after {result['calls'] // WARM_UP:,} more calls; "
        + (
            f"none grows by more than {GROWTH:g} byte"
            if flat
            else f"SOME GROW BY MORE THAN {GROWTH:g} B"
        )
        + " a call",
        f"{on_machine(result['machine'])}; {date(result['measured_at'])}",
    )
    columns = (
        "takes",
        "variant",
        "runtime",
        "MiB",
        "MiB at the end",
        "bytes a call",
        "first answer",
    )
    return Table("Long runs", columns, tuple(rows), notes)


def streams(result: dict[str, Any]) -> Table:
    """Variants down: how far a long stream is from the equations, and streams from odd states."""
    names = [row["variant"] for row in result["streams"]]
    found = {(row["variant"], row["states"]): row for row in result["states"]}
    rows = [
        (f"{result['steps']:,} steps, {how}", *(difference(row[key]) for row in result["streams"]))
        for key, how in (("one", "one at a time"), ("thousand", "1,000 at a time"))
    ]
    for what in STATES:
        cells = []
        for name in names:
            slower = found[name, what]["ms"] / found[name, "plain"]["ms"]
            cells.append(f"{difference(found[name, what]['off'])}, {slower:.2f}×")
        rows.append((f"50 steps, {what}", *cells))
    note = (
        "the last answer's difference from the equations in float64, as a share of the greatest answer "
        "to plain inputs; ×: time beside that on plain states"
    )
    return Table("Long and odd streams", ("stream", *names), tuple(rows), (note,))


def main() -> None:
    if sys.argv[1:2] == ["--alone"]:
        bundle, variant, calls = sys.argv[2:]
        print("\n" + json.dumps(called(Path(bundle), variant, int(calls))))
        return
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--steps", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=200)
    script.run(
        parser,
        RESULT,
        measure,
        lambda result: to_terminal(table(result)) + "\n" + to_terminal(streams(result)),
    )


if __name__ == "__main__":
    main()
