"""Labelled texts from where people keep them, without TensorFlow (but for Keras's own download).

A SOURCE is ``imdb`` (Keras's download), an ``aclImdb`` folder, a folder with a ``train`` and a
``test`` table, one table (``.csv``, ``.tsv``, ``.jsonl``, each also ``.gz``), or an ``.npz`` in
Keras's layout (``x_train, y_train, x_test, y_test``).

:func:`load` takes all of it into memory, :func:`evaluation` reads what is tested window by window, and
:func:`texts` gives texts without labels. Each kind of source has one reader, which all of them use.
"""

from __future__ import annotations

import contextlib
import csv
import functools
import gzip
import io
import itertools
import json
import pickle
import re
import select
import time
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any, ClassVar, TypeVar

import numpy as np
import numpy.typing as npt

from lstm_edge.base.arrays import Ids
from lstm_edge.base.extras import require
from lstm_edge.errors import InputError
from lstm_edge.inputs.tokenizer import TextSettings, Tokenizer

Labels = npt.NDArray[np.int64]

TEXT_COLUMNS = (
    "text",
    "review",
    "sentence",
    "content",
    "message",
    "comment",
    "body",
    "tweet",
    "sms",
)
LABEL_COLUMNS = ("label", "sentiment", "class", "category", "target", "y")
SPLIT_COLUMN = "split"
KERAS_IMDB = "imdb"
TABLES = (".csv", ".tsv", ".jsonl")
LINES = ".txt"
# Examples that are in memory at a time: many batches of like length, few megabytes of text.
WINDOW = 2048
# Seconds that a line which has come waits for others: hardly felt at a terminal, long for a program.
PATIENCE = 0.1
MAX_ID = np.iinfo(np.int32).max
# How the labels of two-class sentiment data are written, and the names shown for them.
BINARY_NAMES = ("Negative", "Positive")
_SYNONYMS = {"neg": "negative", "pos": "positive"}


@dataclass(frozen=True)
class Examples:
    """Labelled examples: texts, or ids where the source has no texts.

    Attributes:
        texts: N texts, or None.
        ids: N int32 arrays [n], not padded, or None. Exactly one of the two is there.
        labels: N raw label values as the source writes them.
    """

    texts: tuple[str, ...] | None
    ids: tuple[Ids, ...] | None
    labels: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: Sequence[int] | npt.NDArray[np.int64]) -> Examples:
        """The examples at these positions, in this order."""
        return Examples(
            None if self.texts is None else tuple(self.texts[i] for i in rows),
            None if self.ids is None else tuple(self.ids[i] for i in rows),
            tuple(self.labels[i] for i in rows),
        )

    def sample(self, limit: int | None, seed: int = 0) -> Examples:
        """At most ``limit`` examples, drawn evenly over the whole (sources are sorted by label)."""
        rows = _drawn(len(self), limit, seed)
        return self if rows is None else self.take(rows)

    def encode(self, tokenizer: Tokenizer | None, settings: TextSettings) -> list[Ids]:
        """Ids of every example, the last ``max_length`` of each, not padded.

        Raises:
            InputError: texts, but no tokenizer.
        """
        if self.ids is not None:
            return [ids[-settings.max_length :] for ids in self.ids]
        if tokenizer is None:
            raise InputError(
                "these data are texts, but there is no vocabulary to encode them: "
                "export the model with --vocab, or give data with ids (.npz)"
            )
        return tokenizer.encode(self.texts or ())


def _drawn(count: int, limit: int | None, seed: int) -> npt.NDArray[np.int64] | None:
    """Positions of ``limit`` of ``count`` examples in rising order; None: all of them."""
    if limit is None or limit >= count:
        return None
    return np.sort(np.random.default_rng(seed).permutation(count)[:limit])


@dataclass(frozen=True)
class Dataset:
    """Labelled examples by split: ``train`` and ``test``, or ``all`` where the source has no splits."""

    name: str
    splits: dict[str, Examples]

    def evaluation(self) -> Examples:
        """The test split, or everything where there are no splits."""
        return self.splits[_tested(self.name, self.splits)]

    def training(self, seed: int, test_share: float = 0.2) -> tuple[Examples, Examples]:
        """The official train and test parts, or a stratified random cut where there are none."""
        if "train" in self.splits and "test" in self.splits:
            return self.splits["train"], self.splits["test"]
        if "all" not in self.splits:
            raise InputError(
                f"{self.name} has only the split {', '.join(self.splits)}; "
                "training needs train and test, or a table without a split column"
            )
        return stratified_cut(self.splits["all"], test_share, seed)


def _tested(name: str, splits: Collection[str]) -> str:
    """The split that is for testing."""
    for split in ("test", "all"):
        if split in splits:
            return split
    raise InputError(
        f"{name} has only the split {', '.join(splits)}; "
        "testing needs test, or a table without a split column"
    )


def stratified_cut(examples: Examples, share: float, seed: int) -> tuple[Examples, Examples]:
    """Cut off ``share`` of every class at random: (rest, cut), both shuffled.

    Every class keeps at least one example on both sides.
    """
    rng = np.random.default_rng(seed)
    labels = np.array(examples.labels)
    rest: list[int] = []
    cut: list[int] = []
    for value in sorted(set(examples.labels)):
        rows = rng.permutation(np.flatnonzero(labels == value))
        if len(rows) < 2:
            raise InputError(f"label {value!r} stands on one example only; at least 2 are needed")
        n = min(max(1, round(share * len(rows))), len(rows) - 1)
        cut.extend(rows[:n].tolist())
        rest.extend(rows[n:].tolist())
    return examples.take(rng.permutation(rest)), examples.take(rng.permutation(cut))


# ---------------------------------------------------------------- labels


def label_values(raw: Sequence[str]) -> tuple[str, ...]:
    """The different labels in the order of the model's outputs: numbers by size, then by text.

    Raises:
        InputError: fewer than two.
    """
    values = sorted(set(raw), key=lambda v: (0, int(v), v) if _is_int(v) else (1, 0, v))
    if len(values) < 2:
        raise InputError(
            f"the data hold one class only ({values[0] if values else 'no label'!r}); "
            "at least two different labels are needed"
        )
    spelt: dict[str, str] = {}
    for value in values:
        if (other := spelt.setdefault(_fold(value), value)) != value:
            raise InputError(f"the labels {other!r} and {value!r} are one class; write them alike")
    return tuple(values)


def label_names(values: Sequence[str], given: Sequence[str] | None = None) -> tuple[str, ...]:
    """Names for :func:`label_values`; 0/1 and neg/pos are Negative and Positive unless ``given``.

    Raises:
        InputError: ``given`` has another number of names, or one twice.
    """
    if given is not None:
        if len(given) != len(values) or len(set(given)) != len(given):
            raise InputError(
                f"{len(given)} label names given ({', '.join(given)}) for {len(values)} classes "
                f"({', '.join(values[:10])}); give one different name for each, in this order"
            )
        return tuple(given)
    if list(values) == ["0", "1"] or [_fold(v) for v in values] == ["negative", "positive"]:
        return BINARY_NAMES
    return tuple(values)


def resolve_labels(
    raw: Sequence[str], names: Sequence[str], values: Sequence[str] | None = None
) -> Labels:
    """Raw label values as class numbers int64 [N].

    Args:
        names: of the classes, in the order of the model's outputs.
        values: the raw values that the classes had in training, in the same order. A label is one of
            these or a name; only where they are not known may it be a class's number.

    Raises:
        InputError: a value that is neither; all such values are listed.
    """
    by_name = {_fold(name): i for i, name in enumerate(names)}
    by_name |= {_fold(value): i for i, value in enumerate(values or ())}
    table: dict[str, int] = {}
    unknown = []
    for value in sorted(set(raw)):
        if _fold(value) in by_name:
            table[value] = by_name[_fold(value)]
        elif values is None and _is_int(value) and 0 <= int(value) < len(names):
            table[value] = int(value)
        else:
            unknown.append(value)
    if unknown:
        raise InputError(
            f"labels not known to the model: {', '.join(map(repr, unknown[:10]))}; "
            f"it has {', '.join(names)} (or {', '.join(values or map(str, range(len(names))))})"
        )
    return np.array([table[value] for value in raw], np.int64)


def _is_int(value: str) -> bool:
    return value.removeprefix("-").isdecimal()


def _fold(value: str) -> str:
    folded = value.strip().casefold()
    return _SYNONYMS.get(folded, folded)


# ---------------------------------------------------------------- sources


Row = tuple[str, str | Ids, str]  # split ("all": none is named), text or ids, label


@dataclass(frozen=True)
class _Part:
    """What can be read from the beginning again and again: a table, class folders or arrays.

    Attributes:
        split: what it stands for; None where its rows say it.
    """

    path: Path
    split: str | None
    rows: Callable[[], Iterable[Row]]

    def chosen(self, splits: Collection[str]) -> str:
        """Of the splits that its rows have: the part's own, else that of rows that name none."""
        for split in (self.split or "all", "all"):
            if split in splits:
                return split
        raise InputError(f"{self.path}: no row has {self.split!r} in its {SPLIT_COLUMN!r} column")


def load(source: str, text_column: str | None = None, label_column: str | None = None) -> Dataset:
    """Load a SOURCE (see the module's text).

    Args:
        source: ``imdb`` or a path.
        text_column, label_column: a column's name, or its number from 1 on in a table without a
            heading line. Found by common names where not given.

    Raises:
        InputError: missing or unreadable; no such column; an empty text; no examples.
    """
    found: dict[str, Examples] = {}
    for part in _parts(source, _labelled(text_column, label_column)):
        items: dict[str, tuple[list[str | Ids], list[str]]] = {}
        for split, item, label in part.rows():
            column, labels = items.setdefault(split, ([], []))
            column.append(item)
            labels.append(label)
        wanted = items if part.split is None else {part.split: items[part.chosen(items)]}
        found |= {split: _examples(*columns) for split, columns in wanted.items()}
    return Dataset(source, found)


def _examples(items: Sequence[str | Ids], labels: Sequence[str]) -> Examples:
    texts = tuple(item for item in items if isinstance(item, str))
    ids = tuple(item for item in items if not isinstance(item, str))
    return Examples(texts or None, None if texts else ids, tuple(labels))


@dataclass(frozen=True)
class Evaluation:
    """What of a SOURCE is for testing: made by :func:`evaluation`, read in windows.

    Tables and folders are read from the disk every time; only a window of them is in memory. The
    arrays of an ``.npz`` and of Keras's download are there whole, as int32 ids: they are compressed
    and pickled, so that a part of them cannot be read.

    Attributes:
        name: the SOURCE.
        labels: each raw label value with the number of its examples.
    """

    name: str
    labels: dict[str, int]
    _split: str = field(repr=False)
    _rows: Callable[[], Iterable[Row]] = field(repr=False)

    def __len__(self) -> int:
        return sum(self.labels.values())

    def windows(
        self, size: int = WINDOW, limit: int | None = None, seed: int = 0
    ) -> Iterator[Examples]:
        """At most ``size`` examples at a time: all, or those that :meth:`Examples.sample` draws.

        Raises:
            InputError: the data are no longer what they were.
        """
        drawn = _drawn(len(self), limit, seed)
        rows: Iterable[Row] = (row for row in self._rows() if row[0] == self._split)
        if drawn is not None:
            wanted = np.zeros(len(self), bool)
            wanted[drawn] = True
            rows = itertools.compress(rows, wanted)
        seen = 0
        for window in windows(rows, size):
            seen += len(window)
            yield _examples([item for _, item, _ in window], [label for *_, label in window])
        if seen != (len(self) if drawn is None else len(drawn)):
            raise InputError(f"data {self.name} changed while they were read; start again")


_T = TypeVar("_T")


def windows(items: Iterable[_T], size: int = WINDOW) -> Iterator[list[_T]]:
    """The items in lists of ``size``, the last one shorter."""
    window: list[_T] = []
    for item in items:
        window.append(item)
        if len(window) == size:
            yield window
            window = []
    if window:
        yield window


def evaluation(
    source: str, text_column: str | None = None, label_column: str | None = None
) -> Evaluation:
    """What of a SOURCE is for testing, checked from end to end, but not kept.

    For the arguments and what is raised see :func:`load`; other splits are not read, but those in
    the same table.
    """
    parts = {part.split: part for part in _parts(source, _labelled(text_column, label_column))}
    names = [split for split in parts if split is not None]
    part = parts[None] if None in parts else parts[_tested(source, names)]
    found: dict[str, Counter[str]] = {}
    for split, _, label in part.rows():
        found.setdefault(split, Counter())[label] += 1
    split = _tested(source, found) if part.split is None else part.chosen(found)
    return Evaluation(source, dict(found[split]), split, part.rows)


def _parts(source: str, columns: Sequence[_Column]) -> list[_Part]:
    """The readers of a SOURCE: one for each split, or one whose rows say their split."""
    if source == KERAS_IMDB and not Path(source).exists():
        return _keras_imdb()
    path = Path(source)
    if not _exists(path):
        raise InputError(
            f"data {source} does not exist; expected 'imdb', a folder, or a file ending in "
            f"{', '.join(TABLES)} (or one of these with .gz) or .npz"
        )
    if path.is_dir():
        return _folder(path, columns)
    if path.suffix == ".npz":
        return _npz(path)
    if kind_of(path) not in TABLES:
        raise InputError(
            f"data {path}: unknown kind of file; expected {', '.join(TABLES)} "
            "(or one of these with .gz) or .npz"
        )
    return [_Part(path, None, functools.partial(_table, path, columns))]


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # too long for a name
        return False


def kind_of(path: Path) -> str:
    """What kind of file a path says it is: its suffix in small letters, that before ``.gz``."""
    suffixes = [s.lower() for s in path.suffixes]
    if suffixes[-1:] == [".gz"]:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def _folder(path: Path, columns: Sequence[_Column]) -> list[_Part]:
    found = []
    for split in ("train", "test"):
        if (path / split).is_dir():
            rows = functools.partial(_class_folders, path / split)
            found.append(_Part(path / split, split, rows))
            continue
        tables = sorted(p for p in path.glob(f"{split}.*") if kind_of(p) in TABLES)
        if len(tables) > 1:
            raise InputError(
                f"{path} has several tables for {split}: "
                f"{', '.join(p.name for p in tables)}; keep one"
            )
        found += [_Part(t, split, functools.partial(_table, t, columns)) for t in tables]
    if not found:
        raise InputError(
            f"folder {path} holds no data: expected train/ and test/ with a folder of .txt files for "
            f"each class (as aclImdb has), or train.csv and test.csv (also .tsv, .jsonl, .gz)"
        )
    return found


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


# ---------------------------------------------------------------- tables and lines


@dataclass(frozen=True)
class _Column:
    """A column that is wanted: what it is for, its usual names, and what the user called it."""

    what: str
    names: tuple[str, ...]
    given: str | None

    @property
    def numbered(self) -> bool:
        return self.given is not None and self.given.isdecimal()


def _labelled(text: str | None, label: str | None) -> tuple[_Column, _Column]:
    return _Column("text", TEXT_COLUMNS, text), _Column("label", LABEL_COLUMNS, label)


def _table(path: Path, columns: Sequence[_Column]) -> Iterator[Row]:
    """Labelled texts of a table."""
    for line, (text, label), split in _records(path, columns):
        for what, value in (("text", text), ("label", label)):
            if not value.strip():
                raise InputError(f"{path}, line {line}: the {what} is empty; remove the row")
        yield split, text, label.strip()


def texts(path: Path, text_column: str | None = None) -> Iterator[str]:
    """Texts without labels, one at a time: of a table, or the lines of a ``.txt``, also ``.gz``.

    Empty ones are among them.

    Raises:
        InputError: missing or unreadable; no such column; no text at all.
    """
    kind = kind_of(path)
    if not _exists(path):
        raise InputError(
            f"input {path} does not exist; expected a file ending in "
            f"{', '.join((*TABLES, LINES))} (or one of these with .gz)"
        )
    if path.is_dir() or kind not in (*TABLES, LINES):
        raise InputError(
            f"input {path}: unknown kind of file; expected {', '.join((*TABLES, LINES))} "
            "(or one of these with .gz)"
        )
    if kind != LINES:
        column = _Column("text", TEXT_COLUMNS, text_column)
        return (values[0] for _, values, _ in _records(path, [column]))
    if text_column is not None:
        raise InputError(f"input {path} has lines and no columns; leave --text-column out")
    return _text_lines(path)


def _text_lines(path: Path) -> Iterator[str]:
    empty = True
    with _reading(path), _open_text(path, newline="\n") as file:
        for line in file:
            empty = False
            yield line.rstrip("\r\n")
    if empty:
        raise InputError(f"data {path} holds no text")


def arriving(stream: IO[bytes], name: str, size: int = WINDOW) -> Iterator[list[str]]:
    """Lines of UTF-8 as they come, at most ``size`` at a time.

    No line waits for others for more than :data:`PATIENCE` seconds: who types lines or makes them
    one by one is answered at once, a file comes in full windows.

    Raises:
        InputError: not UTF-8.
    """
    number = 0

    def decoded(lines: Sequence[bytes]) -> list[str]:
        nonlocal number
        found = []
        for line in lines:
            number += 1
            try:
                found.append(line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r"))
            except UnicodeDecodeError:
                raise InputError(f"{name}, line {number}: not UTF-8 text") from None
        return found

    raw = getattr(stream, "raw", stream)  # reads what is there, and has nothing left in a buffer
    waiting: list[bytes] = []
    pieces: list[bytes] = []  # of a line whose end has not come
    deadline = 0.0
    while block := raw.read(1 << 16):
        first, *others = block.split(b"\n")
        pieces.append(first)
        if others:
            if not waiting:
                deadline = time.monotonic() + PATIENCE
            waiting += [b"".join(pieces), *others[:-1]]
            pieces = [others[-1]]
        while len(waiting) >= size:
            yield decoded(waiting[:size])
            del waiting[:size]
            deadline = time.monotonic() + PATIENCE
        if waiting and not _readable(raw, deadline - time.monotonic()):
            yield decoded(waiting)
            waiting.clear()
    if last := b"".join(pieces):
        waiting.append(last)
    if waiting:
        yield decoded(waiting)


def _readable(raw: Any, seconds: float) -> bool:
    """Whether something more, or the end, comes in that time."""
    try:
        return seconds > 0 and bool(select.select([raw], [], [], seconds)[0])
    except (OSError, ValueError):  # nothing that can be waited for
        return False


def _open(path: Path) -> Any:
    return gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb")


def _open_text(path: Path, newline: str = "") -> IO[str]:
    return io.TextIOWrapper(_open(path), encoding="utf-8-sig", newline=newline)


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    """What reading a table or lines raises, as an :class:`InputError`."""
    try:
        yield
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"data {path} cannot be read: {reason}") from None
    except UnicodeDecodeError:  # it knows the place in a block only
        with _open(path) as lines:
            line = next(number for number, row in enumerate(lines, 1) if not _is_utf8(row))
        raise InputError(f"{path}, line {line}: not UTF-8 text") from None
    except csv.Error as error:
        raise InputError(f"data {path} is not a valid {kind_of(path)} table: {error}") from None


Record = tuple[int, tuple[str, ...], str]  # line, the value of each column, split


def _records(path: Path, columns: Sequence[_Column]) -> Iterator[Record]:
    """The rows of a table."""
    empty = True
    with _reading(path), _open_text(path) as file:
        reader = _jsonl_records if kind_of(path) == ".jsonl" else _csv_records
        for record in reader(file, path, columns):
            empty = False
            yield record
    if empty:
        raise InputError(f"data {path} holds no example")


def _csv_records(file: IO[str], path: Path, columns: Sequence[_Column]) -> Iterator[Record]:
    csv.field_size_limit(1 << 30)
    if (
        kind_of(path) == ".tsv"
    ):  # tab-separated text as corpora have it: quotes are part of the text
        reader = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
    else:
        reader = csv.reader(file, strict=True)
    split_at = None
    if any(column.numbered for column in columns):
        places = [int(column.given or 0) - 1 if column.numbered else -1 for column in columns]
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
        places = [_find(header, path, column) for column in columns]
        folded = [name.strip().casefold() for name in header]
        split_at = folded.index(SPLIT_COLUMN) if SPLIT_COLUMN in folded else None
    width = max(*places, split_at or 0) + 1
    for row in reader:
        if not row:
            continue
        if len(row) < width:
            raise InputError(
                f"{path}, line {reader.line_num}: {len(row)} columns; expected at least {width}"
            )
        split = "all" if split_at is None else row[split_at].strip().casefold() or "all"
        yield reader.line_num, tuple(row[place] for place in places), split


def _find(header: Sequence[str], path: Path, column: _Column) -> int:
    what, given = column.what, column.given
    folded = [name.strip().casefold() for name in header]
    for name in column.names if given is None else (given,):
        if name.casefold() in folded:
            return folded.index(name.casefold())
    shown = ", ".join(repr(name[:30]) for name in header[:8])
    wanted = f"{given!r}" if given is not None else f"one of {', '.join(column.names)}"
    raise InputError(
        f"data {path} has no {what} column: its first line has {shown}; expected {wanted}. "
        f"Say which with --{what}-column NAME (or numbers from 1 on, if there is no heading line)"
    )


_SURROGATE = re.compile("[\ud800-\udfff]")  # "\\ud83d" alone is JSON, but no text


def _jsonl_records(file: IO[str], path: Path, columns: Sequence[_Column]) -> Iterator[Record]:
    keys: list[str] = []
    split_key = SPLIT_COLUMN
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{path}, line {number}: not valid JSON: {error}") from None
        if not isinstance(value, dict):
            raise InputError(f"{path}, line {number}: expected a JSON object on every line")
        if not keys:
            header = list(value)
            keys = [header[_find(header, path, column)] for column in columns]
            split_key = next((k for k in header if k.strip().casefold() == SPLIT_COLUMN), split_key)
        missing = [key for key in keys if value.get(key) is None]
        if missing:
            raise InputError(f"{path}, line {number}: no {missing[0]!r}")
        text, *others = (value[key] for key in keys)
        if not isinstance(text, str):
            raise InputError(f"{path}, line {number}: {keys[0]!r} is not a string")
        # a label may be a number, or true and false for 1 and 0
        values = (text, *(str(int(v) if isinstance(v, bool) else v) for v in others))
        if any(_SURROGATE.search(v) for v in values):
            raise InputError(f"{path}, line {number}: half of a character (a lone surrogate)")
        split = str(value.get(split_key) or "").strip().casefold() or "all"
        yield number, values, split


# ---------------------------------------------------------------- ids: .npz and Keras's download


class _StoredType:
    """A pickled dtype: its code, such as ``i8``, and its byte order."""

    def __init__(self, code: str, *flags: Any) -> None:
        self.code, self.order = code, "="

    def __setstate__(self, state: Any) -> None:
        self.order = state[1]

    def numbers(self, content: bytes) -> npt.NDArray[Any]:
        code = f"{self.order}{self.code}"
        if not re.fullmatch("[<>=|][biuf][1248]", code):
            raise pickle.UnpicklingError(f"it holds the type {code}")
        return np.frombuffer(content, np.dtype(code))


class _StoredArray:
    """What a pickle says about an array: shape, type, order, and a list or bytes."""

    state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def rebuilt(self) -> npt.NDArray[Any]:
        _, shape, kind, fortran, content = self.state
        if not isinstance(content, list):
            numbers: npt.NDArray[Any] = kind.numbers(content)
            return numbers.reshape(shape, order="F" if fortran else "C")
        items = np.empty(len(content), object)
        for i, item in enumerate(content):
            items[i] = item.rebuilt() if isinstance(item, _StoredArray) else item
        return items.reshape(shape)  # a list is in C order, whatever the flag says


class _ArraysOnly(pickle.Unpickler):
    """Reads arrays and lists of numbers and nothing else: no other class is ever looked up.

    Not even NumPy's own functions are called: they trust what the pickle says and can crash.
    """

    _STAND_INS: ClassVar[dict[str, Any]] = {
        "numpy.ndarray": _StoredArray,
        "numpy.dtype": _StoredType,
        "numpy.multiarray._reconstruct": lambda *made_of: _StoredArray(),
        "numpy.multiarray.scalar": lambda kind, content: kind.numbers(content)[0],
        "_codecs.encode": lambda text, encoding: text.encode("latin1"),  # bytes in old pickles
    }

    def find_class(self, module: str, name: str) -> Any:
        # numpy.core is the home of both functions before NumPy 2, numpy._core since
        key = f"{re.sub('^numpy[.]_?core[.]', 'numpy.', module)}.{name}"
        if key not in self._STAND_INS:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which could run code")
        return self._STAND_INS[key]


def _read_array(archive: zipfile.ZipFile, key: str, path: Path) -> npt.NDArray[Any]:
    file = io.BytesIO(archive.read(f"{key}.npy"))  # all of it, so that its checksum is compared
    version = np.lib.format.read_magic(file)
    header: Callable[[IO[bytes]], tuple[Any, bool, np.dtype[Any]]] = (
        np.lib.format.read_array_header_1_0
        if version == (1, 0)
        else np.lib.format.read_array_header_2_0
    )
    _, _, dtype = header(file)
    if not dtype.hasobject:
        file.seek(0)
        return np.lib.format.read_array(file, allow_pickle=False)
    # Lists of different lengths are stored pickled: only arrays and numbers are taken from it.
    try:
        stored = _ArraysOnly(file).load()
        if not isinstance(stored, _StoredArray):
            raise pickle.UnpicklingError("it holds no array")
        return stored.rebuilt()
    except pickle.UnpicklingError as error:
        raise InputError(
            f"data {path}: {key} is an object array, stored as a pickle, and {error}. Only lists "
            f"of numbers are taken from a pickle; store {key} as a padded integer array instead"
        ) from None


def _npz(path: Path) -> list[_Part]:
    with _reading_npz(path), zipfile.ZipFile(path) as archive:
        keys = {name.removesuffix(".npy") for name in archive.namelist()}
    # each read when it is first wanted, and kept: see Evaluation
    found = [
        _Part(path, split, functools.cache(functools.partial(_npz_rows, path, split)))
        for split in ("train", "test")
        if {f"x_{split}", f"y_{split}"} <= keys
    ]
    if not found:
        raise InputError(
            f"data {path} holds {', '.join(sorted(keys)) or 'nothing'}; expected x_train, y_train, "
            "x_test, y_test as Keras's imdb.npz has them"
        )
    return found


@contextlib.contextmanager
def _reading_npz(path: Path) -> Iterator[None]:
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # the readers raise every kind on a damaged file
        reason = str(error) or type(error).__name__
        raise InputError(f"data {path} cannot be read as .npz: {reason}") from None


def _npz_rows(path: Path, split: str) -> list[Row]:
    with _reading_npz(path), zipfile.ZipFile(path) as archive:
        x, y = (_read_array(archive, f"{k}_{split}", path) for k in "xy")
        return _ids_rows(path, split, x, y)


def _ids_rows(path: Path, split: str, x: npt.NDArray[Any], y: npt.NDArray[Any]) -> list[Row]:
    x, y = np.atleast_1d(x), np.atleast_1d(y)
    if len(x) != len(y) or not len(x):
        raise InputError(f"data {path}: x_{split} has {len(x)} examples and y_{split} {len(y)}")
    labels = np.asarray(y).reshape(len(x), -1)
    if labels.shape[1] != 1:
        labels = labels.argmax(1)[:, None]  # one-hot
    rows: list[Row] = []
    for number, (row, label) in enumerate(zip(x, labels[:, 0], strict=True)):
        array = np.asarray(row)
        if array.dtype == object:  # lists of one length, stored as objects
            array = np.array(array.tolist())
        if array.ndim != 1 or not np.issubdtype(array.dtype, np.integer):
            raise InputError(
                f"data {path}: x_{split}[{number}] is not a list of integer ids (found "
                f"{array.dtype} with shape {array.shape})"
            )
        if array.size and not 0 <= array.min() <= array.max() <= MAX_ID:
            raise InputError(
                f"data {path}: x_{split}[{number}] holds an id below 0 or above {MAX_ID}"
            )
        if int(label) != label:
            raise InputError(f"data {path}: y_{split}[{number}] is {label}; expected whole numbers")
        rows.append(("all", array.astype(np.int32), str(int(label))))
    return rows


def _keras_imdb() -> list[_Part]:
    """The IMDB data that Keras downloads: ids with the encoding of :class:`TextSettings`."""
    imdb = require("keras", "Keras's own IMDB download").datasets.imdb
    try:
        parts = zip(("train", "test"), imdb.load_data(), strict=True)
    except Exception as error:  # keras.utils.get_file raises a bare Exception
        raise InputError(
            f"Keras could not download its IMDB data ({error}); "
            "give a folder or a file with --data instead"
        ) from None
    path = Path(KERAS_IMDB)
    found = []
    for split, (x, y) in parts:
        rows = _ids_rows(path, split, x, y)
        found.append(_Part(path, split, functools.partial(iter, rows)))
    return found


def keras_imdb_tokenizer(num_words: int, settings: TextSettings) -> Tokenizer:
    """The vocabulary of :func:`_keras_imdb`'s ids, from the word index that Keras downloads."""
    imdb = require("keras", "Keras's own IMDB word index").datasets.imdb
    try:
        ranks = imdb.get_word_index()
    except Exception as error:
        raise InputError(
            f"Keras could not download its IMDB word index ({error}); give it with --vocab"
        ) from None
    return Tokenizer.from_ranks(ranks, num_words, settings)


def cap_ids(examples: Examples, num_words: int, settings: TextSettings) -> Examples:
    """Replace ids from ``num_words`` on by the unknown id, as ``load_data(num_words=...)`` does."""
    if examples.ids is None:
        return examples
    unknown = settings.unknown_id
    capped = []
    for ids in examples.ids:
        if (ids < 0).any():
            raise InputError("the data hold negative ids")
        if (ids >= num_words).any():
            ids = (
                ids[ids < num_words] if unknown is None else np.where(ids < num_words, ids, unknown)
            )
        capped.append(ids.astype(np.int32))
    return replace(examples, ids=tuple(capped))
