"""The tables in README.md, from the committed results.

usage: python -m benchmarks.readme           writes them
       python -m benchmarks.readme --check   exits 1 where README.md differs from the results
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from lstm_edge import report
from lstm_edge.files import read_json, write_text
from lstm_edge.latency import LatencyReport
from lstm_edge.parity import ParityRun

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
RESULTS = Path(__file__).parent / "results"
BASELINES = ("keras-export-onnx", "keras-loop-tflite")


def tables() -> dict[str, str]:
    """Text for each pair of markers in README.md."""
    parity = ParityRun.from_json(read_json(RESULTS / "parity.json", "results"))
    latency = LatencyReport.from_json(read_json(RESULTS / "latency.json", "results"))
    return {"measured": report.to_markdown(report.routes_table(parity, latency, BASELINES))}


def filled(text: str) -> str:
    """README's text with every marked part replaced."""
    for name, table in tables().items():
        pattern = re.compile(f"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        if not pattern.search(text):
            raise SystemExit(f"README.md has no <!-- {name} --> … <!-- /{name} -->")
        text = pattern.sub(lambda found, table=table: f"{found[1]}{table}\n{found[2]}", text)
    return text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    before = README.read_text(encoding="utf-8")
    after = filled(before)
    if check and after != before:
        sys.exit("README.md differs from benchmarks/results: run python -m benchmarks.readme")
    if not check:
        write_text(README, after)


if __name__ == "__main__":
    main()
