"""Labelled examples: in memory, by split, and in windows."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from lstm_edge.base import gate
from lstm_edge.base.arrays import Ids
from lstm_edge.errors import InputError
from lstm_edge.inputs.tokenizer import TextSettings, Tokenizer

SPLIT_COLUMN = "split"
# Examples that are in memory at a time: many batches of like length, few megabytes of text.
WINDOW = 2048


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

    def encode(
        self, tokenizer: Tokenizer | None, settings: TextSettings | None = None
    ) -> list[Ids]:
        """Ids of every example, at most ``max_length`` of each, not padded; all without settings.

        Raises:
            InputError: texts, but no tokenizer.
        """
        if self.ids is not None:
            return [ids if settings is None else settings.kept(ids) for ids in self.ids]
        if tokenizer is None:
            raise InputError(
                "these data are texts, but there is no vocabulary to encode them: "
                "export the model with `vocab`, or give data with ids (.npz)"
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
        return self.splits[tested_split(self.name, self.splits)]

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


def tested_split(name: str, splits: Collection[str]) -> str:
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


Row = tuple[str, str | Ids, str]  # split ("all": none is named), text or ids, label


@dataclass(frozen=True)
class Part:
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


def examples_of(items: Sequence[str | Ids], labels: Sequence[str]) -> Examples:
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
        for window in windows(rows, size, lambda row: _characters(row[1])):
            seen += len(window)
            yield examples_of([item for _, item, _ in window], [label for *_, label in window])
        if seen != (len(self) if drawn is None else len(drawn)):
            raise InputError(f"data {self.name} changed while they were read; start again")


_T = TypeVar("_T")


def _characters(item: object) -> int:
    return len(item) if isinstance(item, str) else 0


def windows(
    items: Iterable[_T], size: int = WINDOW, characters: Callable[[_T], int] = _characters
) -> Iterator[list[_T]]:
    """The items in lists of ``size``, the last one shorter; and those of very long texts."""
    window: list[_T] = []
    held = 0
    for item in items:
        window.append(item)
        held += characters(item)
        if len(window) == size or held > gate.HELD:
            yield window
            window, held = [], 0
    if window:
        yield window


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
