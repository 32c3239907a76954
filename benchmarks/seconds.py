"""How long an export takes beside what Keras and TensorFlow Lite take for files of the same kinds.

usage: python -m benchmarks.seconds [--cases NAME…] [--rounds N] [--json FILE]

Ours is every format and precision, checked against Keras; theirs is Keras's own ONNX export and
TensorFlow Lite's own conversion in float32, float16 and dynamic-range int8, unchecked. One after the
other in turn, each in a new process.
"""

from __future__ import annotations

import argparse
import datetime
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import script
from lstm_edge.base import machine
from lstm_edge.report.tables import Table, to_terminal
from lstm_edge.report.wording import date, digits, size
from lstm_edge.report.wording import machine as on_machine

RESULT = Path(__file__).parent / "results" / "seconds.json"
SIDES = ("lstm-edge", "Keras and TensorFlow Lite")


def _forecaster(layers: Any, units: int) -> list[Any]:
    return [layers.Input((24, 3)), layers.LSTM(units), layers.Dense(1)]


def _video(layers: Any) -> list[Any]:
    import keras

    frames = keras.applications.MobileNetV2(
        (96, 96, 3), 0.35, include_top=False, weights=None, pooling="avg"
    )
    return [
        layers.Input((8, 96, 96, 3)), layers.TimeDistributed(frames), layers.LSTM(64),
        layers.Dense(5, activation="softmax"),
    ]  # fmt: skip


def _words(layers: Any) -> list[Any]:
    return [
        layers.Input((40,), dtype="int32"), layers.Embedding(50_000, 200), layers.LSTM(200),
        layers.Dense(50_000, activation="softmax"),
    ]  # fmt: skip


CASES: dict[str, tuple[str, Callable[[Any], list[Any]]]] = {
    "forecaster": ("LSTM(32) on 24 × 3, Dense(1)", lambda layers: _forecaster(layers, 32)),
    "smallest": ("LSTM(1) on 24 × 3, Dense(1)", lambda layers: _forecaster(layers, 1)),
    "video": ("TimeDistributed(MobileNetV2) on 8 × 96 × 96, LSTM(64), softmax", _video),
    "next word": ("Embedding(50,000), LSTM(200), softmax of 50,000", _words),
}


# Minutes each: one round.
SLOW = ("video", "next word")


def ours(model: Path, work: Path) -> None:
    from export import export_bundle

    export_bundle(model, work / "bundle")


def theirs(model: Path, work: Path) -> None:
    import keras
    import tensorflow as tf

    loaded = keras.models.load_model(model, compile=False)
    loaded(keras.ops.zeros((1, *loaded.inputs[0].shape[1:])))  # its export asks for a call
    loaded.export(work / "model.onnx", format="onnx", verbose=False)
    loaded.export(work / "saved", verbose=False)
    for precision in ("float32", "float16", "int8"):
        converter = tf.lite.TFLiteConverter.from_saved_model(str(work / "saved"))
        # Keras's loop holds lists of tensors, which only TensorFlow's own operators run
        operators = tf.lite.OpsSet
        converter.target_spec.supported_ops = [operators.TFLITE_BUILTINS, operators.SELECT_TF_OPS]
        converter._experimental_lower_tensor_list_ops = False
        if precision != "float32":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if precision == "float16":
            converter.target_spec.supported_types = [tf.float16]
        (work / f"{precision}.tflite").write_bytes(converter.convert())


def alone(side: str, model: Path, work: Path) -> None:
    """One export in this process; the seconds after the libraries are imported are printed."""
    import keras  # noqa: F401
    import onnxruntime  # noqa: F401
    import tensorflow  # noqa: F401
    import tf2onnx  # noqa: F401

    began = time.perf_counter()
    (ours if side == SIDES[0] else theirs)(model, work)
    print(json.dumps(time.perf_counter() - began))


def measure(args: argparse.Namespace, work: Path) -> dict[str, Any]:
    import keras

    rows = []
    for case in args.cases:
        keras.utils.set_random_seed(1)
        place = work / case.replace(" ", "-")
        place.mkdir()
        model = place / "model.keras"
        keras.Sequential(CASES[case][1](keras.layers)).save(model)
        seconds: dict[str, list[float]] = {side: [] for side in SIDES}
        whole: dict[str, list[float]] = {side: [] for side in SIDES}
        for turn in range(1 if case in SLOW else args.rounds):
            for side in SIDES[:: -1 if turn % 2 else 1]:
                out = place / f"{turn}{side[0]}"
                out.mkdir()
                began = time.perf_counter()
                done = subprocess.run(
                    [
                        sys.executable,
                        "-m",
                        "benchmarks.seconds",
                        "--alone",
                        side,
                        str(model),
                        str(out),
                    ],
                    capture_output=True,
                    text=True,
                    check=False,
                )
                if done.returncode:
                    raise SystemExit(f"{side}, {case}: {done.stderr[-2000:]}")
                whole[side].append(round(time.perf_counter() - began, 2))
                seconds[side].append(round(float(done.stdout.splitlines()[-1]), 2))
                print(f"{case}, {side}: {seconds[side][-1]} s", file=sys.stderr)
        bundle = place / f"0{SIDES[0][0]}" / "bundle"
        golden = sum(f.stat().st_size for f in bundle.glob("golden.*"))
        rows.append(
            {
                "case": case,
                "model": CASES[case][0],
                "bytes": model.stat().st_size,
                "golden_bytes": golden,
                "seconds": seconds,
                "seconds_with_imports": whole,
            }
        )
    return {
        "machine": machine.describe(machine.MEASURED),
        "measured_at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "rows": rows,
    }


def table(result: dict[str, Any]) -> Table:
    """Cases down; the medians of the rounds, and their ratio."""
    rows = []
    for row in result["rows"]:
        mine, other = (median(row["seconds"][side]) for side in SIDES)
        rows.append(
            (
                row["model"],
                size(row["bytes"]),
                str(len(row["seconds"][SIDES[0]])),
                *(digits(s) for s in (mine, other, mine / other)),
                *(digits(median(row["seconds_with_imports"][side])) for side in SIDES),
                size(row["golden_bytes"]),
            )
        )
    basis = (
        f"{on_machine(result['machine'])}; {date(result['measured_at'])}; medians of as many "
        "rounds as are named, in turn, each in a new process"
    )
    columns = (
        "model", "its file", "rounds", f"{SIDES[0]} s", f"{SIDES[1]} s", "ratio",
        f"{SIDES[0]} s with imports", f"{SIDES[1]} s with imports", "golden vectors",
    )  # fmt: skip
    return Table("Seconds of an export", columns, tuple(rows), (basis,))


def main() -> None:
    if sys.argv[1:2] == ["--alone"]:
        side, model, work = sys.argv[2:]
        alone(side, Path(model), Path(work))
        return
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cases", nargs="+", choices=CASES, default=[*CASES])
    parser.add_argument("--rounds", type=int, default=3)
    script.run(parser, RESULT, measure, lambda result: to_terminal(table(result)))


if __name__ == "__main__":
    main()
