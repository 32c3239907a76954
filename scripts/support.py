"""docs/support.md: what can be exported, from a run of the conformance suite.

python -m pytest tests/test_conformance.py --junitxml=conformance.xml
python scripts/support.py conformance.xml
"""

from __future__ import annotations

import argparse
import datetime
import sys
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

from lstm_edge import machine

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

HEADINGS = {
    "layers": "Layers and their options",
    "activations": "Activations of the layers",
    "wrappers": "Bidirectional and TimeDistributed",
    "masks": "Masks",
    "inputs": "Inputs and dtypes",
    "around": "What stands around them",
    "graphs": "Functional models",
    "cells": "RNN of cells, and ConvLSTM",
}


@dataclass(frozen=True)
class Result:
    """One case in one variant."""

    difference: float
    lowering: str


def read(path: Path) -> dict[tuple[str, str], Result]:
    """Case and variant -> result, of the tests that passed."""
    found = {}
    for test in ET.parse(path).getroot().iter("testcase"):
        said = {p.get("name"): p.get("value") or "" for p in test.iter("property")}
        if "difference" in said and not test.findall("failure") + test.findall("error"):
            key = (said["case"], said["variant"])
            found[key] = Result(float(said["difference"]), said["lowering"])
    return found


def page(results: dict[tuple[str, str], Result]) -> str:
    """The Markdown."""
    from graph_models import CASES

    variants = list(dict.fromkeys(variant for _, variant in results))
    formats = list(dict.fromkeys(variant.partition("-")[0] for variant in variants))
    there = [case for case in CASES if any(case == name for name, _ in results)]
    now = datetime.datetime.now(datetime.UTC).date().isoformat()
    packages = ["tensorflow", "keras", "tf2onnx", "onnxruntime", "ai-edge-litert"]
    versions = machine.versions(packages)
    lines = [
        "# What can be exported",
        "",
        "Made by `make support` from a run of the conformance suite (`tests/graph_models.py` × formats ×",
        f"precisions; {now}; {', '.join(f'{k} {v}' for k, v in versions.items())}). {len(there)} models,",
        "each with weights that remember, exported, run twice in both orders in the real runtimes and",
        "compared with Keras. The differences are shares of the output's greatest number: the largest",
        "of all in float32 (limit 1e-5), the mean in int8-dynamic. Streams (`--streaming`) are tested in",
        "`tests/test_streaming.py`, the fused operator in `tests/test_fused.py`.",
        "",
        "The models are small and their weights drawn, not trained: int8 says here that nothing is",
        "wrong, not what it costs. `lstm-edge verify` says that of your model.",
    ]
    for group, heading in HEADINGS.items():
        names = [case for case in there if CASES[case].group == group]
        if not names:
            continue
        lines += ["", f"## {heading}", ""]
        columns = ["model", *variants, *(f"in {f}" for f in formats)]
        lines += ["| " + " | ".join(columns) + " |", "|---" * len(columns) + "|"]
        for case in names:
            cells = [case]
            for variant in variants:
                result = results.get((case, variant))
                cells.append("not run" if result is None else f"{result.difference:.1e}")
            for name in formats:
                result = results.get((case, f"{name}-float32"))
                cells.append("" if result is None else result.lowering)
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path, nargs="+", help="of later runs first")
    results: dict[tuple[str, str], Result] = {}
    for file in parser.parse_args().results:
        results = read(file) | results
    (ROOT / "docs" / "support.md").write_text(page(results), encoding="utf-8")


if __name__ == "__main__":
    main()
