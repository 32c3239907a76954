"""The tables in the pages, from the committed results, the schemas and the code.

usage: python -m benchmarks.readme           writes them
       python -m benchmarks.readme --check   exits 1 where a page differs from the results or the code
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from benchmarks import (
    bulk,
    endurance,
    fields,
    house,
    ideas,
    machines,
    pictures,
    reliability,
    seconds,
    streaming,
    support,
    tables,
    threads,
)
from benchmarks.routes import TRUE_LENGTH
from benchmarks.run import RESULTS, read, result_file
from lstm_edge.base.files import read_json, write_text
from lstm_edge.report import tables as report
from lstm_edge.report import wording
from lstm_edge.results.device import DeviceResult
from lstm_edge.results.parity import ParityReport, ParityRun

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = (
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    DOCS / "performance.md",
    DOCS / "examples.md",
    DOCS / "streaming.md",
    DOCS / "support.md",
    DOCS / "bundle.md",
    DOCS / "devices.md",
    DOCS / "reliability.md",
    DOCS / "boards.md",
)
EXAMPLES = ROOT / "examples" / "results"
THREADS = (1, 2)


def contents() -> dict[str, report.Table]:
    """A table for each pair of markers."""
    parity = ParityRun.from_json(read_json(RESULTS / "parity.json", "results"))
    runs = [read(result_file(n)) for n in THREADS]
    made = {
        "measured": tables.variants(parity, runs),
        "in-short": tables.in_short(runs[0]),
        "targets": tables.targets(runs),
        "length": tables.lengths(runs[0]),
        "start": tables.starts(runs[0]),
        "int8": _int8(),
        "rooms": house.table(),
        "device-files": tables.device_files(
            ParityRun.from_json(read_json(RESULTS / "parity-devices.json", "results"))
        ),
        "browser-files": tables.device_files(
            ParityRun.from_json(read_json(RESULTS / "parity-browser.json", "results"))
        ),
        "browser": tables.browser(
            DeviceResult.from_json(read_json(RESULTS / "browser.json", "results"))
        ),
    }
    for count, run in zip(THREADS, runs, strict=True):
        made[f"side-by-side-{count}"] = tables.side_by_side(run)
        made[f"true-length-{count}"] = tables.side_by_side(run, TRUE_LENGTH)
    for module in (ideas, bulk, streaming, seconds, threads, endurance, machines):
        made[module.__name__.rpartition(".")[2]] = module.table(read_json(module.RESULT, "results"))
    made["endurance-streams"] = endurance.streams(read_json(endurance.RESULT, "results"))
    supported = read_json(support.RESULT, "results")
    made["support"] = support.basis(supported)
    made["support-operations"] = support.operations(read_json(support.OPERATIONS, "results"))
    made |= {f"support-{group}": support.table(supported, group) for group in support.GROUPS}
    for file in sorted(EXAMPLES.glob("*.json")):
        made[f"example-{file.stem}"] = tables.example(read_json(file, "results"))
    return made | fields.tables() | reliability.tables()


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
    """A page's text with every marked part replaced.

    Raises:
        SystemExit: a marker without a table.
    """

    def table(found: re.Match[str]) -> str:
        if found[2] not in contents:
            known = ", ".join(contents)
            sys.exit(f"<!-- {found[2]} --> has no table (or its result is missing); known: {known}")
        return f"{found[1]}{report.to_markdown(contents[found[2]])}{found[3]}"

    pattern = re.compile(r"(<!-- ([\w-]+) -->\n).*?(<!-- /\2 -->)", re.DOTALL)
    return pattern.sub(table, text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    made = contents()
    before = {page: page.read_text(encoding="utf-8") for page in PAGES}
    after = {page: filled(text, made) for page, text in before.items()}
    for page in PAGES:
        if not check:
            write_text(page, after[page])
        elif after[page] != before[page]:
            sys.exit(f"{page.name} differs from the results: run python -m benchmarks.readme")
    if check and (problems := house.problems(house.all_pages())):
        sys.exit("\n".join(problems))
    if check and (stale := pictures.stale()):
        sys.exit(f"{', '.join(stale)} of other results: run python -m benchmarks.pictures")


if __name__ == "__main__":
    main()
