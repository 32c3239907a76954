"""Many texts: the time and the peak memory of whole commands, start-up and tokenising included.

usage: python -m benchmarks.bulk --data ../shared/data/imdb [--variants NAME…] [--json FILE]

SOURCE is a folder with ``test.csv.gz``. Each command is a process of its own, run once.
"""

from __future__ import annotations

import argparse
import datetime
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks import script
from lstm_edge.base import machine
from lstm_edge.inputs import data
from lstm_edge.report.tables import Table, to_terminal
from lstm_edge.report.wording import date
from lstm_edge.report.wording import machine as on_machine

RESULT = Path(__file__).parent / "results" / "bulk.json"
PREDICTED = ("onnx-float32", "onnx-int8-dynamic", "tflite-float32", "tflite-int8-dynamic")


def command(*args: str | Path) -> tuple[float, float]:
    """Seconds and peak resident memory in MB of one ``lstm-edge`` command.

    The kernel counts a child's memory from that of its parent on: this process stays small.
    """
    line = [sys.executable, "-c", "from lstm_edge.cli import main; main()", *map(str, args)]
    began = time.perf_counter()
    process = subprocess.Popen(line, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"lstm-edge {args[0]} ended with {process.returncode}")
    return time.perf_counter() - began, usage.ru_maxrss * 1024 / 1e6


def measure(args: argparse.Namespace, work: Path) -> dict[str, Any]:
    bundle, tests = work / "bundle", Path(args.data, "test.csv.gz")
    command("export", args.model, "--out", bundle)
    texts = sum(1 for _ in data.texts(tests))
    cases = [
        ("verify", "onnx-float32", None),
        *(("predict", v, n) for v in args.variants for n in (1, None)),
    ]
    rows = []
    for name, variant, workers in cases:
        given = ["--data", args.data] if name == "verify" else ["--input", tests]
        given += [] if name == "verify" else ["--out", work / "answers.jsonl"]
        given += [] if workers is None else ["--workers", workers]
        seconds, peak = command(name, bundle, "--variant", variant, *given)
        rows.append(
            {
                "command": name,
                "variant": variant,
                "workers": workers or machine.cores(),
                "texts": texts,
                "seconds": round(seconds, 2),
                "peak_mb": round(peak, 1),
            }
        )
    return {
        "machine": machine.describe(machine.MEASURED),
        "measured_at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "rows": rows,
    }


def table(result: dict[str, Any]) -> Table:
    """One row for each command, from the result file."""
    rows = tuple(
        (
            f"{row['command']} --variant {row['variant']}",
            f"{row['workers']}",
            f"{row['seconds']:.1f}",
            f"{row['texts'] / row['seconds']:,.0f}",
            f"{row['peak_mb']:,.0f}",
        )
        for row in result["rows"]
    )
    texts = result["rows"][0]["texts"]
    basis = f"{on_machine(result['machine'])}; {date(result['measured_at'])}; {texts:,} reviews"
    columns = ("command", "workers", "s", "texts/s", "peak MB")
    return Table("Many texts", columns, rows, (basis,))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--variants", nargs="*", default=PREDICTED, help="to predict with")
    script.run(parser, RESULT, measure, lambda result: to_terminal(table(result)))


if __name__ == "__main__":
    main()
