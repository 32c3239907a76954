"""Labelled texts from where people keep them, without TensorFlow (but for Keras's own download).

A SOURCE is ``imdb`` (Keras's download), an ``aclImdb`` folder, a folder with a ``train`` and a
``test`` table, one table (``.csv``, ``.tsv``, ``.jsonl``, each also ``.gz``), or an ``.npz`` in
Keras's layout (``x_train, y_train, x_test, y_test``).
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import pickle
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, ClassVar

import numpy as np
import numpy.typing as npt

from lstm_edge.errors import InputError
from lstm_edge.extras import require
from lstm_edge.text import Ids, TextSettings, Tokenizer

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
        if limit is None or limit >= len(self):
            return self
        rows = np.random.default_rng(seed).permutation(len(self))[:limit]
        return self.take(np.sort(rows))

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


@dataclass(frozen=True)
class Dataset:
    """Labelled examples by split: ``train`` and ``test``, or ``all`` where the source has no splits."""

    name: str
    splits: dict[str, Examples]

    def evaluation(self) -> Examples:
        """The test split, or everything where there are no splits."""
        for split in ("test", "all"):
            if split in self.splits:
                return self.splits[split]
        raise InputError(
            f"{self.name} has only the split {', '.join(self.splits)}; "
            "testing needs test, or a table without a split column"
        )

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


def load(source: str, text_column: str | None = None, label_column: str | None = None) -> Dataset:
    """Load a SOURCE (see the module's text).

    Args:
        source: ``imdb`` or a path.
        text_column, label_column: a column's name, or its number from 1 on in a table without a
            heading line. Found by common names where not given.

    Raises:
        InputError: missing or unreadable; no such column; an empty text; no examples.
    """
    if source == KERAS_IMDB and not Path(source).exists():
        return _keras_imdb()
    path = Path(source)
    columns = (text_column, label_column)
    try:
        exists = path.exists()
    except OSError:  # too long for a name
        exists = False
    if not exists:
        raise InputError(
            f"data {source} does not exist; expected 'imdb', a folder, or a file ending in "
            f"{', '.join(TABLES)} (or one of these with .gz) or .npz"
        )
    if path.is_dir():
        splits = _folder(path, columns)
    elif path.suffix == ".npz":
        splits = _npz(path)
    else:
        splits = _table(path, columns)
    return Dataset(source, splits)


def _table_kind(path: Path) -> str | None:
    suffixes = [s.lower() for s in path.suffixes]
    kind = (
        suffixes[-2] if suffixes[-1:] == [".gz"] and len(suffixes) > 1 else "".join(suffixes[-1:])
    )
    return kind if kind in TABLES else None


def _folder(path: Path, columns: tuple[str | None, str | None]) -> dict[str, Examples]:
    found: dict[str, Examples] = {}
    for split in ("train", "test"):
        if (path / split).is_dir():
            found[split] = _class_folders(path / split)
            continue
        tables = sorted(p for p in path.glob(f"{split}.*") if _table_kind(p))
        if len(tables) > 1:
            raise InputError(
                f"{path} has several tables for {split}: "
                f"{', '.join(p.name for p in tables)}; keep one"
            )
        if tables:
            parts = _table(tables[0], columns)
            found[split] = parts.get(split) or parts.get("all") or _wrong_split(tables[0], split)
    if not found:
        raise InputError(
            f"folder {path} holds no data: expected train/ and test/ with a folder of .txt files for "
            f"each class (as aclImdb has), or train.csv and test.csv (also .tsv, .jsonl, .gz)"
        )
    return found


def _wrong_split(path: Path, split: str) -> Examples:
    raise InputError(f"{path}: no row has {split!r} in its {SPLIT_COLUMN!r} column")


def _class_folders(path: Path) -> Examples:
    texts: list[str] = []
    labels: list[str] = []
    for folder in sorted(p for p in path.iterdir() if p.is_dir() and p.name != "unsup"):
        for file in sorted(folder.glob("*.txt")):
            try:
                text = file.read_text(encoding="utf-8-sig")
            except (OSError, UnicodeDecodeError) as error:
                raise InputError(f"{file} cannot be read as UTF-8 text: {error}") from None
            if not text.strip():
                raise InputError(f"{file} is empty; remove it or give it a text")
            texts.append(text)
            labels.append(folder.name)
    if not texts:
        raise InputError(f"{path} holds no .txt file in a folder for each class")
    return Examples(tuple(texts), None, tuple(labels))


def _open(path: Path) -> Any:
    return gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb")


def _open_text(path: Path) -> IO[str]:
    return io.TextIOWrapper(_open(path), encoding="utf-8-sig", newline="")


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _table(path: Path, columns: tuple[str | None, str | None]) -> dict[str, Examples]:
    kind = _table_kind(path)
    if kind is None:
        raise InputError(
            f"data {path}: unknown kind of file; expected {', '.join(TABLES)} "
            "(or one of these with .gz) or .npz"
        )
    rows: dict[str, tuple[list[str], list[str]]] = {}
    try:
        with _open_text(path) as file:
            reader = _jsonl_rows if kind == ".jsonl" else _csv_rows
            for line, text, label, split in reader(file, path, kind, columns):
                if not text.strip():
                    raise InputError(f"{path}, line {line}: the text is empty; remove the row")
                if not label.strip():
                    raise InputError(f"{path}, line {line}: the label is empty; remove the row")
                texts, labels = rows.setdefault(split, ([], []))
                texts.append(text)
                labels.append(label.strip())
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"data {path} cannot be read: {reason}") from None
    except UnicodeDecodeError:  # it knows the place in a block only
        with _open(path) as lines:
            line = next(number for number, row in enumerate(lines, 1) if not _is_utf8(row))
        raise InputError(f"{path}, line {line}: not UTF-8 text") from None
    except csv.Error as error:
        raise InputError(f"data {path} is not a valid {kind} table: {error}") from None
    if not rows:
        raise InputError(f"data {path} holds no example")
    return {
        split: Examples(tuple(texts), None, tuple(labels))
        for split, (texts, labels) in rows.items()
    }


Row = tuple[int, str, str, str]  # line, text, label, split


def _csv_rows(
    file: IO[str], path: Path, kind: str, columns: tuple[str | None, str | None]
) -> Iterator[Row]:
    csv.field_size_limit(1 << 30)
    if kind == ".tsv":  # tab-separated text as corpora have it: quotes are part of the text
        reader = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
    else:
        reader = csv.reader(file, strict=True)
    numbered = any(c is not None and c.isdecimal() for c in columns)
    if numbered:
        if not all(c is not None and c.isdecimal() and int(c) > 0 for c in columns):
            raise InputError(
                "give both the text and the label column by number (from 1 on), or both by name"
            )
        text_at, label_at = (int(c or 0) - 1 for c in columns)
        split_at = None
    else:
        header = next(reader, None)
        if header is None:
            raise InputError(f"data {path} is empty")
        text_at, label_at = (
            _find(header, path, what, names, given)
            for what, names, given in (
                ("text", TEXT_COLUMNS, columns[0]),
                ("label", LABEL_COLUMNS, columns[1]),
            )
        )
        folded = [name.strip().casefold() for name in header]
        split_at = folded.index(SPLIT_COLUMN) if SPLIT_COLUMN in folded else None
    width = max(text_at, label_at, split_at or 0) + 1
    for row in reader:
        if not row:
            continue
        if len(row) < width:
            raise InputError(
                f"{path}, line {reader.line_num}: {len(row)} columns; expected at least {width}"
            )
        split = "all" if split_at is None else row[split_at].strip().casefold() or "all"
        yield reader.line_num, row[text_at], row[label_at], split


def _find(
    header: Sequence[str], path: Path, what: str, names: Sequence[str], given: str | None
) -> int:
    folded = [name.strip().casefold() for name in header]
    for name in names if given is None else (given,):
        if name.casefold() in folded:
            return folded.index(name.casefold())
    shown = ", ".join(repr(name[:30]) for name in header[:8])
    wanted = f"{given!r}" if given is not None else f"one of {', '.join(names)}"
    raise InputError(
        f"data {path} has no {what} column: its first line has {shown}; expected {wanted}. "
        f"Say which with --{what}-column NAME (or numbers from 1 on, if there is no heading line)"
    )


_SURROGATE = re.compile("[\ud800-\udfff]")  # "\\ud83d" alone is JSON, but no text


def _jsonl_rows(
    file: IO[str], path: Path, kind: str, columns: tuple[str | None, str | None]
) -> Iterator[Row]:
    del kind
    keys: tuple[str, str] | None = None
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
        if keys is None:
            header = list(value)
            text_at = _find(header, path, "text", TEXT_COLUMNS, columns[0])
            label_at = _find(header, path, "label", LABEL_COLUMNS, columns[1])
            keys = header[text_at], header[label_at]
            split_key = next((k for k in header if k.strip().casefold() == SPLIT_COLUMN), split_key)
        missing = [key for key in keys if value.get(key) is None]
        if missing:
            raise InputError(f"{path}, line {number}: no {missing[0]!r}")
        text, label = value[keys[0]], value[keys[1]]
        if not isinstance(text, str):
            raise InputError(f"{path}, line {number}: {keys[0]!r} is not a string")
        if isinstance(label, bool):
            label = int(label)
        if _SURROGATE.search(text) or _SURROGATE.search(str(label)):
            raise InputError(f"{path}, line {number}: half of a character (a lone surrogate)")
        split = str(value.get(split_key) or "").strip().casefold() or "all"
        yield number, text, str(label), split


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


def _npz(path: Path) -> dict[str, Examples]:
    try:
        with zipfile.ZipFile(path) as archive:
            keys = {name.removesuffix(".npy") for name in archive.namelist()}
            splits = {}
            for split in ("train", "test"):
                if {f"x_{split}", f"y_{split}"} <= keys:
                    x, y = (_read_array(archive, f"{k}_{split}", path) for k in "xy")
                    splits[split] = _ids_examples(path, split, x, y)
    except InputError:
        raise
    except Exception as error:  # the readers raise every kind on a damaged file
        reason = str(error) or type(error).__name__
        raise InputError(f"data {path} cannot be read as .npz: {reason}") from None
    if not splits:
        raise InputError(
            f"data {path} holds {', '.join(sorted(keys)) or 'nothing'}; expected x_train, y_train, "
            "x_test, y_test as Keras's imdb.npz has them"
        )
    return splits


def _ids_examples(path: Path, split: str, x: npt.NDArray[Any], y: npt.NDArray[Any]) -> Examples:
    x, y = np.atleast_1d(x), np.atleast_1d(y)
    if len(x) != len(y) or not len(x):
        raise InputError(f"data {path}: x_{split} has {len(x)} examples and y_{split} {len(y)}")
    ids = []
    for number, row in enumerate(x):
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
        ids.append(array.astype(np.int32))
    labels = np.asarray(y).reshape(len(x), -1)
    if labels.shape[1] != 1:
        labels = labels.argmax(1)[:, None]  # one-hot
    for number, label in enumerate(labels[:, 0]):
        if int(label) != label:
            raise InputError(f"data {path}: y_{split}[{number}] is {label}; expected whole numbers")
    return Examples(None, tuple(ids), tuple(str(int(v)) for v in labels[:, 0]))


def _keras_imdb() -> Dataset:
    """The IMDB data that Keras downloads: ids with the encoding of :class:`TextSettings`."""
    imdb = require("keras", "Keras's own IMDB download").datasets.imdb
    try:
        (x_train, y_train), (x_test, y_test) = imdb.load_data()
    except Exception as error:  # keras.utils.get_file raises a bare Exception
        raise InputError(
            f"Keras could not download its IMDB data ({error}); "
            "give a folder or a file with --data instead"
        ) from None
    path = Path(KERAS_IMDB)
    return Dataset(
        KERAS_IMDB,
        {
            "train": _ids_examples(path, "train", x_train, y_train),
            "test": _ids_examples(path, "test", x_test, y_test),
        },
    )


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
