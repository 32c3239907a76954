"""Examples whose label a variant changes, as a table to read."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lstm_edge.base.files import check_place, replacing, unknown_kind
from lstm_edge.errors import InputError
from lstm_edge.results.answers import classes_of
from lstm_edge.results.parity import ParityRun

WRITTEN = (".csv", ".jsonl")
COLUMNS = (
    "variant",
    "example",
    "label",
    "keras",
    "file",
    "keras_probabilities",
    "probabilities",
    "text",
)


def check_flips(path: Path) -> None:
    """Refuse a path that :func:`write_flips` could not write.

    Raises:
        InputError: another ending, or no place for a file.
    """
    if path.suffix.lower() not in WRITTEN:
        raise unknown_kind(path, WRITTEN)
    check_place(path)


def rows(run: ParityRun, labels: Sequence[str]) -> Iterator[dict[str, Any]]:
    """One for each flip that the reports keep, with :data:`COLUMNS` as keys.

    Args:
        labels: names of the classes.

    Raises:
        InputError: a flip of a model with other classes.
    """
    classes = len(labels)
    for report in run.reports:
        for case in report.flipped:
            if max(2, len(case.reference)) != classes or (case.label or 0) >= classes:
                raise InputError(
                    f"example {case.index} of {report.variant} is of a model with other classes than "
                    f"{', '.join(labels) or 'none'}: give the results of this bundle"
                )

    def name(answer: Sequence[float | None]) -> str:
        numbers = np.array([[np.nan if p is None else p for p in answer]], np.float64)
        return "not a number" if np.isnan(numbers).any() else labels[int(classes_of(numbers)[0])]

    for report in run.reports:
        for case in report.flipped:
            yield {
                "variant": report.variant,
                "example": case.index,
                "label": None if case.label is None else labels[case.label],
                "keras": name(case.reference),
                "file": name(case.variant),
                "keras_probabilities": list(case.reference),
                "probabilities": list(case.variant),
                "text": case.text,
            }


def write_flips(path: Path, run: ParityRun, labels: Sequence[str]) -> int:
    """Write them as ``.csv`` or ``.jsonl``; how many there are."""
    check_flips(path)
    every = list(rows(run, labels))
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        if path.suffix.lower() == ".jsonl":
            file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in every)
        else:
            table = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            table.writeheader()
            for row in every:
                lists = {k: " ".join(map(str, v)) for k, v in row.items() if isinstance(v, list)}
                table.writerow({**row, **lists})
    return len(every)
