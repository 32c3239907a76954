"""Labelled texts from where people keep them, without TensorFlow (but for Keras's own download).

A SOURCE is ``imdb`` (Keras's download), an ``aclImdb`` folder, a folder with a ``train`` and a
``test`` table, one table (``.csv``, ``.tsv``, ``.jsonl``, each also ``.gz``), or an ``.npz`` in
Keras's layout (``x_train, y_train, x_test, y_test``).

:func:`load` takes all of it into memory, :func:`evaluation` reads what is tested window by window, and
:func:`texts` gives texts without labels. Each kind of source has one reader, which all of them use.
"""

from __future__ import annotations

import select
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, cast

from lstm_edge import inputs
from lstm_edge.base import gate, modules
from lstm_edge.base.arrays import Ids
from lstm_edge.base.files import unknown_kind
from lstm_edge.errors import InputError
from lstm_edge.inputs.from_imdb import KERAS_IMDB
from lstm_edge.inputs.from_table import (
    TEXT_COLUMNS,
    Column,
    Rows,
    kind_of,
    labelled_columns,
    open_text,
    readers,
    reading,
    records,
)
from lstm_edge.inputs.labelled import (
    WINDOW,
    Dataset,
    Evaluation,
    Examples,
    Part,
    examples_of,
    tested_split,
)

LINES = ".txt"
_ALSO_GZ = " (or one of these with .gz)"
# Seconds that a line which has come waits for others: hardly felt at a terminal, long for a program.
PATIENCE = 0.1


def load(source: str, text_column: str | None = None, label_column: str | None = None) -> Dataset:
    """Load a SOURCE (see the module's text).

    Args:
        source: ``imdb`` or a path.
        text_column, label_column: a column's name, or its number from 1 on in a table without a
            heading line. Found by common names where not given.

    Raises:
        InputError: missing or unreadable; no such column; an empty text; no examples.
    """
    splits: dict[str, Examples] = {}
    for part in _parts(source, labelled_columns(text_column, label_column)):
        items: dict[str, tuple[list[str | Ids], list[str]]] = {}
        held = 0
        for split, item, label in part.rows():
            held += len(item)
            if held > gate.TEXTS:
                raise InputError(
                    f"data {source} have more than {gate.TEXTS:,} characters, which are too many to be "
                    "in memory together: give a part of them"
                )
            column, labels = items.setdefault(split, ([], []))
            column.append(item)
            labels.append(label)
        wanted = items if part.split is None else {part.split: items[part.chosen(items)]}
        splits |= {split: examples_of(*columns) for split, columns in wanted.items()}
    return Dataset(source, splits)


def evaluation(
    source: str, text_column: str | None = None, label_column: str | None = None
) -> Evaluation:
    """What of a SOURCE is for testing, checked from end to end, but not kept.

    For the arguments and what is raised see :func:`load`; other splits are not read, but those in
    the same table.
    """
    parts = {
        part.split: part for part in _parts(source, labelled_columns(text_column, label_column))
    }
    names = [split for split in parts if split is not None]
    part = parts[None] if None in parts else parts[tested_split(source, names)]
    counts: dict[str, Counter[str]] = {}
    for split, _, label in part.rows():
        counts.setdefault(split, Counter())[label] += 1
    split = tested_split(source, counts) if part.split is None else part.chosen(counts)
    return Evaluation(source, dict(counts[split]), split, part.rows)


def _parts(source: str, columns: Sequence[Column]) -> list[Part]:
    """The readers of a SOURCE: one for each split, or one whose rows say their split.

    Each module ``from_*`` knows its own kind.
    """
    if not exists(Path(source)) and source != KERAS_IMDB:
        raise InputError(
            f"data {source} does not exist; expected 'imdb', a folder, or a file ending in "
            f"{', '.join(readers())}{_ALSO_GZ} or .npz"
        )
    for module in modules.found(inputs, "from_"):
        if (parts := module.parts(source, columns)) is not None:
            return cast(list[Part], parts)
    raise unknown_kind(source, readers(), f"{_ALSO_GZ} or .npz", named="data ")


def exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # too long for a name
        return False


def texts(path: Path, text_column: str | None = None) -> Iterator[str]:
    """Texts without labels, one at a time: of a table, or the lines of a ``.txt``, also ``.gz``.

    Empty ones are among them.

    Raises:
        InputError: missing or unreadable; no such column; no text at all.
    """
    suffix, known = kind_of(path), (*readers(), LINES)
    if not exists(path):
        raise InputError(
            f"input {path} does not exist; expected a file ending in {', '.join(known)}{_ALSO_GZ}"
        )
    if path.is_dir() or suffix not in known:
        raise unknown_kind(path, known, _ALSO_GZ, named="input ")
    if suffix != LINES:
        column = Column("text", TEXT_COLUMNS, text_column)
        return (values[0] for _, values, _ in records(path, [column]))
    if text_column is not None:
        raise InputError(f"input {path} has lines and no columns; leave `text_column` out")
    return _text_lines(path)


def _text_lines(path: Path) -> Iterator[str]:
    empty = True
    with reading(path), open_text(path, newline="\n") as file:
        lines = Rows(file, path)
        for line in lines:
            lines.end()
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
        decoded_lines = []
        for line in lines:
            number += 1
            try:
                decoded_lines.append(
                    line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r")
                )
            except UnicodeDecodeError:
                raise InputError(f"{name}, line {number}: not UTF-8 text") from None
        return decoded_lines

    raw = getattr(stream, "raw", stream)  # reads what is there, and has nothing left in a buffer
    waiting: list[bytes] = []
    pieces: list[bytes] = []  # of a line whose end has not come
    begun = 0  # bytes of that line
    deadline = 0.0
    while block := raw.read(1 << 16):
        first, *others = block.split(b"\n")
        pieces.append(first)
        begun += len(first)
        if begun > gate.ROW:
            raise InputError(
                f"{name}, line {number + len(waiting) + 1}: more than {gate.ROW:,} bytes in one line; "
                "expected one text in each"
            )
        if others:
            if not waiting:
                deadline = time.monotonic() + PATIENCE
            waiting += [b"".join(pieces), *others[:-1]]
            pieces, begun = [others[-1]], len(others[-1])
        while len(waiting) >= size or sum(map(len, waiting)) > gate.HELD:
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
