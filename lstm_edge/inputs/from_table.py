"""Labelled texts of a table: ``.csv``, ``.tsv`` or ``.jsonl``, each also ``.gz``."""

from __future__ import annotations

import codecs
import contextlib
import csv
import functools
import gzip
import io
import os
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from lstm_edge import inputs
from lstm_edge.base import gate, modules
from lstm_edge.errors import InputError
from lstm_edge.inputs.labelled import SPLIT_COLUMN, Part, Row

TEXT_COLUMNS = tuple("text review sentence content message comment body tweet sms".split())
LABEL_COLUMNS = ("label", "sentiment", "class", "category", "target", "y")


def kind_of(path: Path) -> str:
    """What kind of file a path says it is: its suffix in small letters, that before ``.gz``."""
    suffixes = [s.lower() for s in path.suffixes]
    if suffixes[-1:] == [".gz"]:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


@dataclass(frozen=True)
class Column:
    """A column that is wanted: what it is for, its usual names, and what the user called it."""

    what: str
    names: tuple[str, ...]
    chosen: str | None

    @property
    def numbered(self) -> bool:
        return self.chosen is not None and self.chosen.isdecimal()


def labelled_columns(text: str | None, label: str | None) -> tuple[Column, Column]:
    return Column("text", TEXT_COLUMNS, text), Column("label", LABEL_COLUMNS, label)


def table_rows(path: Path, columns: Sequence[Column]) -> Iterator[Row]:
    """Labelled texts of a table."""
    for line, (text, label), split in records(path, columns):
        for what, value in (("text", text), ("label", label)):
            if not value.strip():
                raise InputError(f"{path}, line {line}: the {what} is empty; remove the row")
        yield split, text, label.strip()


class _Unpacked(gzip.GzipFile):
    """A packed table, of which no more is unpacked than a table could have."""

    def __init__(self, path: Path) -> None:
        self._path, self._file = path, gate.opened(path, "data")
        super().__init__(fileobj=self._file, mode="rb")
        self._packed = os.fstat(self._file.fileno()).st_size

    def read1(self, size: int = -1) -> bytes:
        block = super().read1(size)
        if gate.is_bomb(self.tell(), self._packed, gate.UNPACKED):
            raise InputError(
                f"data {self._path} unpacks to over {gate.RATIO} times its own {self._packed:,} bytes, "
                "which no table of texts does: unpack it first if it is yours"
            )
        return block

    def close(self) -> None:
        super().close()
        self._file.close()


def _open(path: Path) -> Any:
    return _Unpacked(path) if path.suffix.lower() == ".gz" else gate.opened(path, "data")


def open_text(path: Path, newline: str = "") -> IO[str]:
    return io.TextIOWrapper(_open(path), encoding="utf-8-sig", newline=newline)


class Rows:
    """The lines of a file, of which a row may take several, but no more than a text needs."""

    def __init__(self, file: IO[str], path: Path) -> None:
        self._file, self._path = file, path
        self._line = self._held = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._file.readline(gate.ROW + 1)
        self._line += 1
        self._held += len(line)
        if self._held > gate.ROW:
            raise InputError(
                f"{self._path}, line {self._line}: more than {gate.ROW:,} characters in one row; "
                "expected one text in each"
            )
        if not line:
            raise StopIteration
        return line

    def end(self) -> None:
        """The next line begins a row."""
        self._held = 0


def _broken_line(path: Path) -> str:
    """Where a file ceases to be UTF-8, which a decoder knows of its block only."""
    decoder, line = codecs.getincrementaldecoder("utf-8")(), 1
    with contextlib.suppress(OSError, EOFError, zlib.error), _open(path) as file:
        while block := file.read1(1 << 16):
            try:
                line += decoder.decode(block).count("\n")
            except UnicodeDecodeError as error:
                return f", line {line + error.object[: error.start].count(10)}"
    return ", its last line"


@contextlib.contextmanager
def reading(path: Path) -> Iterator[None]:
    """What reading a table or lines raises, as an :class:`InputError`."""
    try:
        yield
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"data {path} cannot be read: {reason}") from None
    except UnicodeDecodeError:  # it knows the place in a block only
        raise InputError(f"{path}{_broken_line(path)}: not UTF-8 text") from None
    except csv.Error as error:
        raise InputError(f"data {path} is not a valid {kind_of(path)} table: {error}") from None


Record = tuple[int, tuple[str, ...], str]  # line, the value of each column, split


Reader = Callable[[IO[str], Path, Sequence[Column]], Iterator[Record]]


def readers() -> dict[str, Reader]:
    """What reads tables, by suffix: the ``READERS`` of all modules ``lstm_edge.inputs.from_*``."""
    by_suffix: dict[str, Reader] = {}
    for module in modules.found(inputs, "from_"):
        by_suffix |= getattr(module, "READERS", {})
    return by_suffix


def parts(source: str, columns: Sequence[Column]) -> list[Part] | None:
    """The rows of a table, which say their split themselves; None where the source is no table."""
    path = Path(source)
    if path.is_dir() or kind_of(path) not in readers():
        return None
    return [Part(path, None, functools.partial(table_rows, path, columns))]


def records(path: Path, columns: Sequence[Column]) -> Iterator[Record]:
    """The rows of a table."""
    empty = True
    with reading(path), open_text(path) as file:
        for record in readers()[kind_of(path)](file, path, columns):
            empty = False
            yield record
    if empty:
        raise InputError(f"data {path} holds no example")


def _csv_records(file: IO[str], path: Path, columns: Sequence[Column]) -> Iterator[Record]:
    csv.field_size_limit(gate.ROW)
    lines = Rows(file, path)
    if (
        kind_of(path) == ".tsv"
    ):  # tab-separated text as corpora have it: quotes are part of the text
        reader = csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    else:
        reader = csv.reader(lines, strict=True)
    split_at = None
    if any(column.numbered for column in columns):
        places = [
            gate.whole_number(column.chosen or "", f"`{column.what}_column`") - 1
            if column.numbered
            else -1
            for column in columns
        ]
        if min(places) < 0:
            what = " and the ".join(column.what for column in columns)
            both = "both " if len(columns) > 1 else ""
            raise InputError(
                f"give {both}the {what} column by number (from 1 on), or {both}by name"
            )
    else:
        header = next(reader, None)
        if header is None:
            raise InputError(f"data {path} is empty")
        places = [place_of(header, path, column) for column in columns]
        folded = [name.strip().casefold() for name in header]
        split_at = folded.index(SPLIT_COLUMN) if SPLIT_COLUMN in folded else None
    width = max(*places, split_at or 0) + 1
    lines.end()
    for row in reader:
        lines.end()
        if not row:
            continue
        if len(row) < width:
            raise InputError(
                f"{path}, line {reader.line_num}: {len(row)} columns; expected at least {width}"
            )
        split = "all" if split_at is None else row[split_at].strip().casefold() or "all"
        yield reader.line_num, tuple(row[place] for place in places), split


def place_of(header: Sequence[str], path: Path, column: Column) -> int:
    what, chosen = column.what, column.chosen
    folded = [name.strip().casefold() for name in header]
    for name in column.names if chosen is None else (chosen,):
        if name.casefold() in folded:
            return folded.index(name.casefold())
    shown = ", ".join(repr(name[:30]) for name in header[:8])
    wanted = f"{chosen!r}" if chosen is not None else f"one of {', '.join(column.names)}"
    raise InputError(
        f"data {path} has no {what} column: its first line has {shown}; expected {wanted}. "
        f"Say which with `{what}_column=NAME` (or numbers from 1 on, if there is no heading line)"
    )


_SURROGATE = re.compile("[\ud800-\udfff]")  # "\\ud83d" alone is JSON, but no text


def check_whole(text: str, where: str) -> str:
    """A text without a lone half of a UTF-16 pair.

    Raises:
        InputError: there is one.
    """
    if _SURROGATE.search(text):
        raise InputError(f"{where}: half of a character (a lone surrogate)")
    return text


def json_objects(file: IO[str], path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of a ``.jsonl``, each with its line; empty lines are left out."""
    lines = Rows(file, path)
    for number, line in enumerate(lines, 1):
        lines.end()
        if not line.strip():
            continue
        value = gate.parse_json(line, f"{path}, line {number}", halves=True)
        if not isinstance(value, dict):
            raise InputError(f"{path}, line {number}: expected a JSON object on every line")
        yield number, value


def _jsonl_records(file: IO[str], path: Path, columns: Sequence[Column]) -> Iterator[Record]:
    keys: list[str] = []
    split_key = SPLIT_COLUMN
    for number, value in json_objects(file, path):
        if not keys:
            header = list(value)
            keys = [header[place_of(header, path, column)] for column in columns]
            split_key = next((k for k in header if k.strip().casefold() == SPLIT_COLUMN), split_key)
        missing = [key for key in keys if value.get(key) is None]
        if missing:
            raise InputError(f"{path}, line {number}: no {gate.shown(missing[0])!r}")
        text = value[keys[0]]
        where = f"{path}, line {number}"
        if not isinstance(text, str):
            raise InputError(f"{where}: {keys[0]!r} is not a string")
        labels = (label_text(value[key], f"{where}: {key!r}") for key in keys[1:])
        values = (text, *labels)
        for each in values:
            check_whole(each, where)
        split = label_text(value.get(split_key) or "", f"{where}: {split_key!r}")
        yield number, values, split.strip().casefold() or "all"


def label_text(value: Any, what: str) -> str:
    """A label in JSON: a text, a number, or true and false for 1 and 0."""
    if not isinstance(value, str | int | float):
        raise InputError(f"{what} is no text and no number")
    return str(int(value) if isinstance(value, bool) else value)


READERS: dict[str, Reader] = {".csv": _csv_records, ".tsv": _csv_records, ".jsonl": _jsonl_records}
TABLES = tuple(READERS)
