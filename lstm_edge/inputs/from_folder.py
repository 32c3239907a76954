"""Labelled texts of a folder: one for each class as aclImdb has, or a table for each split."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

from lstm_edge.base import gate
from lstm_edge.errors import InputError
from lstm_edge.inputs.from_table import Column, kind_of, readers, table_rows
from lstm_edge.inputs.labelled import Part, Row


def parts(source: str, columns: Sequence[Column]) -> list[Part] | None:
    """The splits of a folder; None where the source is no folder."""
    path = Path(source)
    if not path.is_dir():
        return None
    splits, tables_read = [], readers()
    for split in ("train", "test"):
        if (path / split).is_dir():
            rows = functools.partial(_class_folders, path / split)
            splits.append(Part(path / split, split, rows))
            continue
        tables = sorted(p for p in path.glob(f"{split}.*") if kind_of(p) in tables_read)
        if len(tables) > 1:
            raise InputError(
                f"{path} has several tables for {split}: "
                f"{', '.join(p.name for p in tables)}; keep one"
            )
        splits += [Part(t, split, functools.partial(table_rows, t, columns)) for t in tables]
    if not splits:
        raise InputError(
            f"folder {path} holds no data: expected train/ and test/ with a folder of .txt files for "
            f"each class (as aclImdb has), or train.csv and test.csv (also .tsv, .jsonl, .gz)"
        )
    return splits


def _entries(folder: Path) -> list[Path]:
    try:
        entries = [*itertools.islice(folder.iterdir(), gate.FILES + 1)]
    except OSError as error:
        raise InputError(f"folder {folder} cannot be read: {error.strerror}") from None
    if len(entries) > gate.FILES:
        raise InputError(
            f"folder {folder} holds more than {gate.FILES:,} files: give a table instead"
        )
    return entries


def _class_folders(path: Path) -> Iterator[Row]:
    empty = True
    for folder in sorted(p for p in _entries(path) if p.is_dir() and p.name != "unsup"):
        for file in sorted(p for p in _entries(folder) if p.name.endswith(".txt")):
            try:
                text = gate.read_bytes(file, "text", gate.ROW).decode("utf-8-sig")
            except UnicodeDecodeError as error:
                raise InputError(f"{file} cannot be read as UTF-8 text: {error.reason}") from None
            text = text.replace("\r\n", "\n").replace("\r", "\n")
            if not text.strip():
                raise InputError(f"{file} is empty; remove it or give it a text")
            empty = False
            yield "all", text, folder.name
    if empty:
        raise InputError(f"{path} holds no .txt file in a folder for each class")
