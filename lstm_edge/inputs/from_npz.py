"""Ids of an ``.npz`` in Keras's layout; nothing in it is executed."""

from __future__ import annotations

import contextlib
import functools
import io
import os
import pickle
import re
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from lstm_edge.base import gate
from lstm_edge.errors import InputError
from lstm_edge.inputs.array_files import read_header, read_member
from lstm_edge.inputs.from_table import Column
from lstm_edge.inputs.labelled import Part, Row

MAX_ID = np.iinfo(np.int32).max


class _StoredType:
    """A pickled dtype: its code, such as ``i8``, and its byte order."""

    def __init__(self, code: str, *flags: Any) -> None:
        self.code, self.order = str(code)[:4], "="

    def __setstate__(self, state: Any) -> None:
        self.order = str(state[1])[:2]

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

    def rebuilt(self, most: int) -> npt.NDArray[Any]:
        """The array, whose rows have no more numbers than ``most`` together.

        A pickle can name what it holds any number of times, and hold lists in lists: each of its bytes
        could stand for any number of numbers.
        """
        _, shape, _, _, content = self.state
        if not isinstance(content, list):
            return self._numbers()
        items = np.empty(len(content), object)
        for i, item in enumerate(content):
            if isinstance(item, list) and not all(map(_is_number, {*map(type, item)})):
                raise _RowError(i)
            items[i] = item._numbers() if isinstance(item, _StoredArray) else item
            most -= np.size(items[i]) if isinstance(item, _StoredArray) else _length(item)
            if most < 0:
                raise pickle.UnpicklingError("it gives more numbers than it has bytes")
        return items.reshape(shape)  # a list is in C order, whatever the flag says

    def _numbers(self) -> npt.NDArray[Any]:
        _, shape, stored_type, fortran, content = self.state
        numbers: npt.NDArray[Any] = stored_type.numbers(content)
        return numbers.reshape(shape, order="F" if fortran else "C")


class _RowError(ValueError):
    """A row that is no list of numbers; its number."""


def _is_number(kind: type) -> bool:
    return issubclass(kind, int | float | np.generic)


def _length(item: Any) -> int:
    return len(item) if isinstance(item, list) else 1


class _ArraysOnly(pickle.Unpickler):
    """Reads arrays and lists of numbers and nothing else: no other class is ever looked up.

    Not even NumPy's own functions are called: they trust what the pickle says and can crash.
    """

    _STAND_INS: ClassVar[dict[str, Any]] = {
        "numpy.ndarray": _StoredArray,
        "numpy.dtype": _StoredType,
        "numpy.multiarray._reconstruct": lambda *made_of: _StoredArray(),
        "numpy.multiarray.scalar": lambda kind, content: kind.numbers(content)[0],
    }

    def __init__(self, content: bytes) -> None:
        _check_operations(content)
        self._left = len(content)
        super().__init__(io.BytesIO(content))

    def find_class(self, module: str, name: str) -> Any:
        # numpy.core is the home of both functions before NumPy 2, numpy._core since
        key = f"{re.sub('^numpy[.]_?core[.]', 'numpy.', module)}.{name}"
        if key == "_codecs.encode":
            return self._encoded
        if key not in self._STAND_INS:
            asked = gate.shown(f"{module}.{name}")
            raise pickle.UnpicklingError(f"it asks for {asked}, which could run code")
        return self._STAND_INS[key]

    def _encoded(self, text: str, encoding: str) -> bytes:
        """Bytes in old pickles; one text may be given here any number of times."""
        del encoding
        self._left -= len(text)
        if self._left < 0:
            raise pickle.UnpicklingError("it makes more bytes than it has itself")
        return text.encode("latin1")


# What pickles of arrays and lists consist of (pickletools has the names): operations whose arguments
# have always the same size, and those that are followed by so many bytes as their argument says.
_FIXED = re.compile(
    rb"(?s:K.|M..|J.{4}|q.|h.|j.{4}|G.{8}|\x80.|[]()eatlNRb\x85-\x89\x93\x94]){1,10000}"
)
_SIZED = {"U": 1, "C": 1, "\x8c": 1, "X": 4, "B": 4, "T": 4, "\x8d": 8, "\x8e": 8, "\x8a": 1}
# Those of the first protocol end with a line; "p" and "g" name a place of the memo.
_LINE = re.compile(
    rb"(?:[pg](?P<place>\d{1,9})|[ILF][\w.+-]{1,30}|[SV][^\n]*|c[\w.]{1,60}\n\w{1,60})\n"
)


def _check_operations(content: bytes) -> None:
    """Refuse a pickle whose operations would have Python make room for what is not there.

    Its memo has as many places as the highest that is named, and a text or a number the size that is
    said before it.

    Raises:
        pickle.UnpicklingError: such a one, or an operation that lists of numbers do not need.
    """
    at = 0
    while (code := chr(content[at]) if at < len(content) else "") != ".":
        if run := _FIXED.match(content, at) or _LINE.match(content, at):
            if int(run.groupdict().get("place") or 0) > len(content):
                raise pickle.UnpicklingError("it asks for more room than it has bytes")
            at = run.end()
        elif code in _SIZED:
            at += 1 + _SIZED[code]
            size = int.from_bytes(content[at - _SIZED[code] : at], "little")
            if size > (8 if code == "\x8a" else len(content) - at):
                raise pickle.UnpicklingError(f"it says that {size:,} bytes follow, which do not")
            at += size
        elif code and code in "r\x95":  # a place of the memo, and how long the next part is
            size = 4 if code == "r" else 8
            if int.from_bytes(content[at + 1 : at + 1 + size], "little") > len(content):
                raise pickle.UnpicklingError("it asks for more room than it has bytes")
            at += 1 + size
        else:
            why = f"holds {code!r}, which no list of numbers needs" if code else "ends early"
            raise pickle.UnpicklingError(f"it {why}")


def _read_array(archive: zipfile.ZipFile, key: str, path: Path) -> npt.NDArray[Any]:
    member = archive.getinfo(f"{key}.npy")
    with archive.open(member) as file:
        if not read_header(file)[2].hasobject:
            return read_member(archive, member.filename)
        # Lists of different lengths are stored pickled: only arrays and numbers are taken from it.
        if gate.is_bomb(member.file_size, member.compress_size, gate.PICKLED):
            raise ValueError(f"{key} would unpack to {member.file_size:,} bytes")
        content = file.read()  # all of it, so that its checksum is compared
    try:
        stored = _ArraysOnly(content).load()
        if not isinstance(stored, _StoredArray):
            raise pickle.UnpicklingError("it holds no array")
        return stored.rebuilt(len(content))
    except _RowError as error:
        raise InputError(f"data {path}: {key}[{error}] is not a list of integer ids") from None
    except pickle.UnpicklingError as error:
        raise InputError(
            f"data {path}: {key} is an object array, stored as a pickle, and {error}. Only lists "
            f"of numbers are taken from a pickle; store {key} as a padded integer array instead"
        ) from None


def parts(source: str, columns: Sequence[Column]) -> list[Part] | None:
    """Each split's ids, read when they are first wanted, and kept."""
    path = Path(source)
    if path.suffix != ".npz" or path.is_dir():
        return None
    del columns
    with _archive(path) as archive:
        keys = {name.removesuffix(".npy") for name in archive.namelist()}
    splits = [
        Part(path, split, functools.cache(functools.partial(_npz_rows, path, split)))
        for split in ("train", "test")
        if {f"x_{split}", f"y_{split}"} <= keys
    ]
    if not splits:
        raise InputError(
            f"data {path} holds {', '.join(sorted(keys)) or 'nothing'}; expected x_train, y_train, "
            "x_test, y_test as Keras's imdb.npz has them"
        )
    return splits


@contextlib.contextmanager
def _archive(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with gate.opened(path, "data") as file, zipfile.ZipFile(file) as archive:
            gate.check_archive(archive, os.fstat(file.fileno()).st_size)
            yield archive
    except InputError:
        raise
    except Exception as error:  # the readers raise every kind on a damaged file
        reason = str(error) or type(error).__name__
        raise InputError(f"data {path} cannot be read as .npz: {reason}") from None


def _npz_rows(path: Path, split: str) -> list[Row]:
    with _archive(path) as archive:
        x, y = (_read_array(archive, f"{k}_{split}", path) for k in "xy")
        return ids_rows(path, split, x, y)


def ids_rows(path: Path, split: str, x: npt.NDArray[Any], y: npt.NDArray[Any]) -> list[Row]:
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
