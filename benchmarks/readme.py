"""The tables in README.md and docs, from the committed results.

usage: python -m benchmarks.readme           writes them
       python -m benchmarks.readme --check   exits 1 where a page differs from the results
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from lstm_edge import report, wording
from lstm_edge.files import read_json, write_text
from lstm_edge.latency import LatencyReport
from lstm_edge.parity import ParityReport, ParityRun

ROOT = Path(__file__).parent.parent
PAGES = (ROOT / "README.md", ROOT / "docs" / "performance.md")
RESULTS = Path(__file__).parent / "results"
BASELINES = ("keras-export-onnx", "keras-loop-tflite")


def tables() -> dict[str, report.Table]:
    """A table for each pair of markers."""
    parity = ParityRun.from_json(read_json(RESULTS / "parity.json", "results"))
    latency = LatencyReport.from_json(read_json(RESULTS / "latency.json", "results"))
    return {
        "measured": report.routes_table(parity, latency, BASELINES),
        "length": report.length_table(latency),
        "int8": _int8(),
    }


def _int8() -> report.Table:
    result = read_json(RESULTS / "int8.json", "results")
    rows = []
    for item in result["reports"]:
        found = ParityReport.from_json({k: v for k, v in item.items() if k != "processor"})
        flips = f"{found.flips} of {found.examples}"
        mean, greatest = wording.difference(found.mean_abs), wording.difference(found.max_abs)
        rows.append((item["processor"], found.variant, mean, greatest, flips))
    columns = ("processor", "scales", "mean |Δp|", "max |Δp|", "flips")
    return report.Table("int8 with and without VNNI", columns, tuple(rows))


def filled(text: str, contents: dict[str, report.Table]) -> str:
    """A page's text with every marked part replaced."""

    def table(found: re.Match[str]) -> str:
        return f"{found[1]}{report.to_markdown(contents[found[2]])}{found[3]}"

    pattern = re.compile(r"(<!-- (\w+) -->\n).*?(<!-- /\2 -->)", re.DOTALL)
    return pattern.sub(table, text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    contents = tables()
    for page in PAGES:
        before = page.read_text(encoding="utf-8")
        after = filled(before, contents)
        if check and after != before:
            sys.exit(
                f"{page.name} differs from benchmarks/results: run python -m benchmarks.readme"
            )
        if not check:
            write_text(page, after)


if __name__ == "__main__":
    main()
