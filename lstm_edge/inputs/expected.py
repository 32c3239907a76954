"""Some of the user's own examples, with what their own program makes of them."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lstm_edge.base import gate
from lstm_edge.base.arrays import Array, Ids
from lstm_edge.errors import InputError
from lstm_edge.inputs.from_npz import MAX_ID
from lstm_edge.inputs.from_table import (
    Rows,
    check_whole,
    json_objects,
    kind_of,
    label_text,
    open_text,
    reading,
)

SUFFIXES = (".jsonl", ".csv", ".tsv")
_NUMBERS = ("probabilities", "probability")
_FIELDS = ("text", "ids", *_NUMBERS, "label")


@dataclass(frozen=True)
class Expected:
    """Examples of the user's, all with the same of these; None where they have not.

    Attributes:
        name: the file.
        texts: N texts.
        ids: N int32 arrays, padded or not.
        outputs: N float32 arrays [K]: Keras's answers, or of one sigmoid unit that number, or both
            classes' shares.
        labels: N raw labels, where there is nothing better.
    """

    name: str
    texts: tuple[str, ...] | None
    ids: tuple[Ids, ...] | None
    outputs: tuple[Array, ...] | None
    labels: tuple[str, ...] | None

    def __len__(self) -> int:
        return len(self.texts or self.ids or ())


def read_expected(path: Path) -> Expected:
    """Read ``.jsonl`` (an object a line), ``.csv`` or ``.tsv`` with a heading, each also ``.gz``.

    The fields are ``text`` or ``ids`` or both, and ``probabilities`` (or ``probability``) or ``label``.
    In a table ids and probabilities are numbers with spaces or commas between them, or a JSON list.

    Raises:
        InputError: not readable, or a line that lacks what the first has.
    """
    if kind_of(path) not in SUFFIXES:
        raise InputError(
            f"examples {path}: the ending is {kind_of(path) or 'missing'}; expected "
            f"{', '.join(SUFFIXES)} (or one of these with .gz)"
        )
    columns: dict[str, list[Any]] = {}
    with reading(path):
        for line, row in _rows(path):
            names = [name for name in _FIELDS if row.get(name) not in (None, "")]
            if "text" in row and "text" not in names and row["text"] == "":
                names.insert(0, "text")
            if columns and set(names) != set(columns):
                raise InputError(
                    f"{path}, line {line}: has {', '.join(names) or 'no field'}; expected "
                    f"{', '.join(columns)} as in the first"
                )
            for name in names:
                columns.setdefault(name, []).append(_value(path, line, name, row[name]))
    answers = next((columns[name] for name in _NUMBERS if name in columns), None)
    held = [name for name in ("ids", *_NUMBERS, "label") if name in columns]
    if not columns or not held or ("text" not in columns and held == ["ids"]):
        raise InputError(
            f"examples {path} have {', '.join(columns) or 'no line'}; expected text with ids, "
            "probabilities or label (or ids with one of the others) in every line"
        )

    def tuples(values: Sequence[Any] | None) -> tuple[Any, ...] | None:
        return None if values is None else tuple(values)

    return Expected(
        str(path),
        tuples(columns.get("text")),
        tuples(columns.get("ids")),
        tuples(answers),
        tuples(columns.get("label")),
    )


def _rows(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    with open_text(path) as file:
        if kind_of(path) == ".jsonl":
            yield from json_objects(file, path)
            return
        csv.field_size_limit(gate.ROW)
        lines = Rows(file, path)
        table = csv.DictReader(lines, delimiter="\t" if kind_of(path) == ".tsv" else ",")
        for row in table:
            lines.end()
            yield table.line_num, {str(key).strip().casefold(): row[key] for key in row}


def _value(path: Path, line: int, name: str, value: Any) -> Any:
    if name == "text":
        if not isinstance(value, str):
            raise InputError(f"{path}, line {line}: its text is not a string")
        return check_whole(value, f"{path}, line {line}")
    if name == "label":
        label = label_text(value, f"{path}, line {line}: its label")
        return check_whole(label, f"{path}, line {line}").strip()
    if isinstance(value, str):
        value = value.strip("[] \t").replace(",", " ").split()
    try:
        numbers = np.array(value, np.float64).reshape(-1)
    except (TypeError, ValueError):
        numbers = np.array([np.nan])
    whole = name == "ids"
    off = ~np.isfinite(numbers)
    if whole:
        off |= (numbers != np.round(numbers)) | (numbers < 0) | (numbers > MAX_ID)
    if off.any():
        raise InputError(
            f"{path}, line {line}: its {name} are not {'whole ' if whole else ''}numbers"
        )
    return numbers.astype(np.int32 if whole else np.float32)
