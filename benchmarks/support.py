"""What can be exported: the differences that the conformance suite measured, and what is refused.

usage: make support, which is
       python -m pytest -k 'answers_as_keras or test_operations' --junitxml=FILE \\
           tests/test_conformance.py tests/test_operations.py
       python -m benchmarks.support FILE
       python -m benchmarks.readme
"""

from __future__ import annotations

import argparse
import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

from lstm_edge.base import machine
from lstm_edge.base.files import write_json
from lstm_edge.report.tables import Table
from lstm_edge.report.wording import date
from lstm_edge.report.wording import machine as on_machine

RESULT = Path(__file__).parent / "results" / "support.json"
OPERATIONS = RESULT.with_name("operations.json")
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


def read(path: Path) -> dict[Path, dict[str, Any]]:
    """The results by the files that they go to, from what pytest wrote.

    Raises:
        SystemExit: a test failed, so that there is nothing to tell of its case.
    """
    root = ET.parse(path).getroot()
    rows: list[dict[str, Any]] = []  # processes ran them in any order
    operations: dict[str, dict[str, Any]] = {}
    for test in root.iter("testcase"):
        if test.find("failure") is not None or test.find("error") is not None:
            raise SystemExit(f"{path}: {test.get('name')} failed")
        said = {str(p.get("name")): p.get("value") or "" for p in test.iter("property")}
        if (test.get("name") or "").startswith(TEST):
            rows.append(
                {**{key: said[key] for key in SAID}, "difference": _number(said["difference"])}
            )
        elif "test_operations" in (test.get("classname") or ""):
            for name, value in said.items():
                group, file_format, found = json.loads(value)
                row = operations.setdefault(name, {"group": group, "name": name})
                row[file_format] = found if isinstance(found, str) else _number(found)
    rows.sort(key=lambda row: (list(GROUPS).index(row["group"]), row["case"], row["variant"]))
    ordered = sorted(operations.values(), key=lambda row: (row["group"], row["name"]))
    measured = {
        "machine": machine.describe(machine.MEASURED),
        "measured_at": next(root.iter("testsuite")).get("timestamp"),
    }
    found_rows = {RESULT: rows, OPERATIONS: ordered}
    return {file: {**measured, "rows": some} for file, some in found_rows.items() if some}


def _number(difference: Any) -> float:
    return float(f"{float(difference):.2e}")


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


def operations(result: dict[str, Any]) -> Table:
    """Keras's operations and layers down; across, what came of each in a format."""
    formats = [key for key in result["rows"][0] if key not in ("group", "name")]

    def said(found: Any) -> str:
        if isinstance(found, str):
            return f"refused: {found.partition(') ')[2]}"  # by its name, which says the row, too
        return "right" if found == 0 else f"right, {found:.1e}"

    lines = tuple(
        (row["group"], row["name"], *(said(row[file_format]) for file_format in formats))
        for row in result["rows"]
    )
    right = {f: sum(not isinstance(row[f], str) for row in result["rows"]) for f in formats}
    counts = ", ".join(f"{count} right in {name}" for name, count in right.items())
    where = f"{on_machine(result['machine'])}; {date(result['measured_at'])}"
    notes = (f"{len(lines)} rows: {counts}, the others refused by name", where)
    return Table("Operations and layers", ("kind", "operation", *formats), lines, notes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("junit", type=Path)
    for file, result in read(parser.parse_args().junit).items():
        write_json(file, result)
        print(f"Written: {file}")


if __name__ == "__main__":
    main()
