"""What can be exported: the differences that the conformance suite measured.

usage: make support, which is
       python -m pytest -k answers_as_keras tests/test_conformance.py --junitxml=FILE
       python -m benchmarks.support FILE
       python -m benchmarks.readme
"""

from __future__ import annotations

import argparse
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

from lstm_edge.base import machine
from lstm_edge.base.files import write_json
from lstm_edge.report.tables import Table
from lstm_edge.report.wording import date
from lstm_edge.report.wording import machine as on_machine

RESULT = Path(__file__).parent / "results" / "support.json"
# group of ``tests/graph_models.py`` -> heading
GROUPS = {
    "layers": "Layers and their options",
    "activations": "Activations of the layers",
    "wrappers": "Bidirectional and TimeDistributed",
    "masks": "Masks",
    "inputs": "Inputs and dtypes",
    "around": "What stands around them",
    "graphs": "Functional models",
    "cells": "RNN of cells, and ConvLSTM",
}
# the test that measures, and what it says of a case in a variant
TEST = "test_answers_as_keras_in_any_order"
SAID = ("group", "case", "variant", "difference", "lowering")


def read(path: Path) -> dict[str, Any]:
    """The result, from what pytest wrote.

    Raises:
        SystemExit: a test failed, so that there is nothing to tell of its case.
    """
    root = ET.parse(path).getroot()
    rows: list[dict[str, Any]] = []  # processes ran them in any order
    for test in root.iter("testcase"):
        if not (test.get("name") or "").startswith(TEST):
            continue
        if test.find("failure") is not None or test.find("error") is not None:
            raise SystemExit(f"{path}: {test.get('name')} failed")
        said = {p.get("name"): p.get("value") for p in test.iter("property")}
        rows.append({**{key: said[key] for key in SAID}, "difference": _number(said)})
    rows.sort(key=lambda row: (list(GROUPS).index(row["group"]), row["case"], row["variant"]))
    suite = next(root.iter("testsuite"))
    return {
        "machine": machine.describe(machine.MEASURED),
        "measured_at": suite.get("timestamp"),
        "rows": rows,
    }


def _number(said: dict[str | None, str | None]) -> float:
    return float(f"{float(said['difference'] or 'nan'):.2e}")


def table(result: dict[str, Any], group: str) -> Table:
    """A group's cases down; variants, and how float32 files say the layers, across."""
    rows = [row for row in result["rows"] if row["group"] == group]
    variants = list(dict.fromkeys(row["variant"] for row in result["rows"]))
    floats = [variant for variant in variants if variant.endswith("float32")]
    found = {(row["case"], row["variant"]): row for row in rows}
    lines = tuple(
        (
            case,
            *(f"{found[case, variant]['difference']:.1e}" for variant in variants),
            *(found[case, variant]["lowering"] for variant in floats),
        )
        for case in dict.fromkeys(row["case"] for row in rows)
    )
    columns = ("model", *variants, *(f"in {variant}" for variant in floats))
    return Table(GROUPS[group], columns, lines)


def basis(result: dict[str, Any]) -> Table:
    """How many there are, where they were measured, and the furthest off of each variant."""
    variants = list(dict.fromkeys(row["variant"] for row in result["rows"]))
    lines = []
    for variant in variants:
        rows = [row for row in result["rows"] if row["variant"] == variant]
        worst = max(rows, key=lambda row: row["difference"])
        loops = sum("a Loop for" in row["lowering"] for row in rows)
        figures = (f"{len(rows)}", f"{worst['difference']:.1e}", worst["case"], f"{loops}")
        lines.append((variant, *figures))
    where = f"{on_machine(result['machine'])}; {date(result['measured_at'])}"
    columns = ("variant", "models", "furthest off", "which is", "with an ONNX Loop")
    return Table("All cases", columns, tuple(lines), (where,))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("junit", type=Path)
    write_json(RESULT, read(parser.parse_args().junit))
    print(f"Written: {RESULT}")


if __name__ == "__main__":
    main()
