"""Labelled texts of a folder: one for each class as aclImdb has, or a table for each split."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from pathlib import Path

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


def _class_folders(path: Path) -> Iterator[Row]:
    empty = True
    for folder in sorted(p for p in path.iterdir() if p.is_dir() and p.name != "unsup"):
        for file in sorted(folder.glob("*.txt")):
            try:
                text = file.read_text(encoding="utf-8-sig")
            except (OSError, UnicodeDecodeError) as error:
                raise InputError(f"{file} cannot be read as UTF-8 text: {error}") from None
            if not text.strip():
                raise InputError(f"{file} is empty; remove it or give it a text")
            empty = False
            yield "all", text, folder.name
    if empty:
        raise InputError(f"{path} holds no .txt file in a folder for each class")
