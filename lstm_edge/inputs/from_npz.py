"""Ids of an ``.npz`` in Keras's layout; nothing in it is executed."""

from __future__ import annotations

import contextlib
import functools
import io
import pickle
import re
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, ClassVar

import numpy as np
import numpy.typing as npt

from lstm_edge.errors import InputError
from lstm_edge.inputs.from_table import Column
from lstm_edge.inputs.labelled import Part, Row

MAX_ID = np.iinfo(np.int32).max


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
        _, shape, stored_type, fortran, content = self.state
        if not isinstance(content, list):
            numbers: npt.NDArray[Any] = stored_type.numbers(content)
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


def parts(source: str, columns: Sequence[Column]) -> list[Part] | None:
    """Each split's ids, read when they are first wanted, and kept."""
    path = Path(source)
    if path.suffix != ".npz" or path.is_dir():
        return None
    del columns
    with _reading_npz(path), zipfile.ZipFile(path) as archive:
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
