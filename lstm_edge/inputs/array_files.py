"""Arrays of inputs and outputs in files: checked, read and written."""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import math
import os
import warnings
import zipfile
import zlib
from array import array as packed
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from lstm_edge.base import gate
from lstm_edge.base.arrays import Array, Arrays
from lstm_edge.base.files import check_place, replacing, unknown_kind, write_text
from lstm_edge.errors import InputError
from lstm_edge.inputs.from_table import Rows, open_text, reading
from lstm_edge.inputs.signature import Input, Signature, expected_shape
from lstm_edge.inputs.windows import Window

READ = (".npy", ".npz", ".csv")
WRITTEN = (".npz", ".npy", ".csv", ".json")
AXES, MOST = 64, (1 << 63) - 1  # that NumPy has


@dataclass(frozen=True)
class ArraySource:
    """The inputs of N examples by name, and where they are from.

    Attributes:
        targets: what is right, by the names of outputs that have some, or of the only one; see
            :func:`lstm_edge.inputs.targets.check_targets`. None: not known.
    """

    name: str
    arrays: Arrays
    targets: Any = None

    def __len__(self) -> int:
        return len(next(iter(self.arrays.values())))


def read_inputs(path: Path, signature: Signature, window: Window | None = None) -> Arrays:
    """The inputs in a file, checked: all of them in ``.npz``, one in ``.npy`` or ``.csv``.

    Args:
        window: the file holds one long series [time, channels], and these are its windows; the rows
            of a ``.csv`` are its steps.

    Nothing in a file is executed (no pickled object is read).

    Raises:
        InputError: the file cannot be read, or does not fit.
    """
    suffix = path.suffix.lower()
    if suffix not in READ:
        raise unknown_kind(path, READ)
    gate.check_regular(path, "file of inputs")
    if suffix != ".npz" and len(signature.inputs) != 1:
        names = ", ".join(port.name for port in signature.inputs)
        raise InputError(f"{path} holds one array, but the model has inputs {names}: give a .npz")
    if suffix == ".npz" and window is not None:
        raise InputError(f"{path}: `window` cuts the one series of a .npy or .csv, not a .npz")
    try:
        if window is not None:
            first = signature.inputs[0]
            series = _numbers(path, first) if suffix == ".csv" else read_numpy(path)
            return signature.check(window.cut(series, first))
        if suffix == ".csv":
            return signature.check(_read_csv(path, signature.inputs[0]))
        content = read_numpy(path)
        if isinstance(content, dict):  # targets may stand beside the inputs
            content = signature.without_targets(content)
        return signature.check(content)
    except InputError as error:
        text = str(error)
        raise InputError(text if str(path) in text else f"{path}: {text}") from None


def read_numpy(path: Path) -> Any:
    """The array in a ``.npy``, or those in a ``.npz`` by name; nothing larger than they are is made.

    Raises:
        InputError: no regular file, or none that is whole and holds arrays only.
    """
    with gate.opened(path, "file of arrays") as file, _reading(path):
        size = os.fstat(file.fileno()).st_size
        begin = file.read(2)
        file.seek(0)
        if begin != b"PK":
            return read_array(file, size)
        with zipfile.ZipFile(file) as archive:
            gate.check_archive(archive, size)
            return {
                name.removesuffix(".npy"): read_member(archive, name) for name in archive.namelist()
            }


def read_member(archive: zipfile.ZipFile, name: str) -> Array:
    """An array in an archive that :func:`lstm_edge.base.gate.check_archive` has let pass."""
    with archive.open(name) as file:
        try:
            return read_array(file, archive.getinfo(name).file_size)
        except ValueError as error:
            raise ValueError(f"{gate.shown(name)}: {error}") from None


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except _UNREADABLE as error:
        reason = str(error).split("\n")[0].partition(". ")[0] or type(error).__name__
        raise InputError(
            f"{path} is not a whole {path.suffix.lower()} file of arrays: {reason}"
        ) from None


_HEADER = 65_535
"""Bytes of an array's header: as many as the first kind has room for; NumPy reads 10,000."""
# NotImplementedError, RuntimeError: ways to compress or encrypt that zipfile does not know
_UNREADABLE = (
    *(ValueError, OSError, EOFError, MemoryError, NotImplementedError, RuntimeError),
    *(zipfile.BadZipFile, zlib.error),
)


def read_array(file: IO[bytes], size: int) -> Array:
    """The one array of numbers or texts in NumPy's own format, of a file with so many bytes.

    Raises:
        ValueError: it is none, is not whole, or has more bytes than it says.
    """
    shape, fortran, dtype = read_header(file)
    if dtype.hasobject:
        raise ValueError("it holds Python objects, which are not read; save arrays of numbers")
    if dtype.kind not in "biufcSU" or not dtype.itemsize:
        raise ValueError(f"it holds {gate.shown(str(dtype))}; expected numbers")
    wanted, there = dtype.itemsize * math.prod(shape), size - file.tell()
    if wanted != there:
        raise ValueError(f"it says that it has {wanted:,} bytes of numbers, and has {there:,}")
    # where an axis is 0 nothing holds the others against the file
    if math.prod(max(n, 1) for n in shape) > max(there, gate.MIB):
        raise ValueError(f"its header gives the shape {gate.shown(str(shape))}")
    content = bytearray(wanted)
    view, at = memoryview(content), 0
    while read := file.readinto(view[at : at + gate.MIB]):  # type: ignore[attr-defined]
        at += read
    if at < wanted or file.read(1):  # at the end an archive compares its checksum
        raise ValueError("it ends early")
    if dtype.kind == "U" and (np.frombuffer(content, dtype.byteorder + "u4") > 0x10FFFF).any():
        raise ValueError("it holds numbers of characters that there are not")
    return np.frombuffer(content, dtype).reshape(shape, order="F" if fortran else "C")


def read_header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, whether in Fortran's order, and type, as NumPy's own format says them.

    Raises:
        ValueError: they cannot be read, or cannot be.
    """
    try:
        version = np.lib.format.read_magic(file)
    except ValueError:
        raise ValueError("it does not begin as one") from None
    if version not in ((1, 0), (2, 0), (3, 0)):
        raise ValueError(f"its header is of version {version[0]}.{version[1]}, which is not known")
    read = np.lib.format.read_array_header_2_0
    if version == (1, 0):
        read = np.lib.format.read_array_header_1_0
    begin = file.read(2 if version == (1, 0) else 4)
    length = int.from_bytes(begin, "little")
    if length > _HEADER:  # room for it would be made before it is looked for
        raise ValueError(f"its header would have {length:,} bytes; expected at most {_HEADER:,}")
    header = io.BytesIO(begin + file.read(length))
    try:
        with warnings.catch_warnings():  # that Python 2 wrote it
            warnings.simplefilter("ignore")
            shape, fortran, dtype = read(header)
    except Exception as error:  # it is Python's text for a dict, and fails in every way of Python's
        reason = gate.shown(str(error).split("\n")[0]) or type(error).__name__
        raise ValueError(f"its header cannot be read: {reason}") from None
    if len(shape) > AXES:
        raise ValueError(f"it says that it has {len(shape)} axes")
    if any(type(n) is not int or n < 0 or n > MOST for n in shape):
        raise ValueError(f"its header gives the shape {gate.shown(str(shape))}")
    return shape, fortran, dtype


def _read_csv(path: Path, port: Input) -> Array:
    """Rows of numbers, an example in each."""
    rest = port.shape[1:]
    if len(rest) > 2 or (len(rest) == 2 and rest[1] != 1):
        raise InputError(
            f"{path}: a row of a table cannot hold an example of input {port.name}, "
            f"{expected_shape(port)}: give a .npy or .npz file, or `window` for a series with a step in "
            "each row"
        )
    array = _numbers(path, port)
    if len(rest) == 0:
        return array[:, 0] if array.shape[1] == 1 else array
    return array[..., None] if len(rest) == 2 else array


def _numbers(path: Path, port: Input) -> Array:
    """All rows of a table, whole numbers where the input takes such; a first line may be a heading."""
    convert: Callable[[str], Any] = int if port.dtype == "int32" else float
    if any(port.nan):  # an empty cell is one, as pandas writes it
        convert = _float_or_nan
    # eight bytes each: Python's own numbers take five times as much
    numbers, width = packed("q" if convert is int else "d"), 0
    heading = int(_is_numbered(path))
    for number, cells in enumerate(itertools.islice(read_table(path), heading, None), 1 + heading):
        try:
            numbers.extend([convert(cell) for cell in cells])
        except OverflowError:
            raise InputError(f"{path} holds numbers that do not fit into 64 bits") from None
        except ValueError:
            if number == 1 and not any(map(_is_number, cells)):
                continue
            bad = next(i for i, cell in enumerate(cells) if not _is_a(convert, cell))
            wanted = "a whole number" if convert is int else "a number"
            raise InputError(
                f"{path}, line {number}, column {bad + 1}: {gate.shown(cells[bad])!r} is not {wanted}"
            ) from None
        if len(cells) != (width := width or len(cells)):
            raise InputError(
                f"{path}, line {number}: {len(cells)} numbers; the lines before have {width}"
            )
    if not numbers:
        raise InputError(f"{path} holds no row of numbers")
    return np.frombuffer(numbers, np.int64 if convert is int else np.float64).reshape(-1, width)


def _float_or_nan(cell: str) -> float:
    return float(cell or "nan")


def _is_numbered(path: Path) -> bool:
    """Whether the first line numbers the columns, as pandas writes the heading of an array.

    Raises:
        InputError: it may as well be an example: all the others are whole numbers, too.
    """
    rows = read_table(path)
    first = next(rows, [])
    second = next(rows, None)
    if second is None or first != [str(i) for i in range(max(2, len(first)))]:
        return False
    if all(_is_a(int, cell) for cells in itertools.chain([second], rows) for cell in cells):
        raise InputError(
            f"{path}: its first line, {','.join(first[:4])}…, may be pandas' heading or an example: "
            "write the table with header=False, or give the columns names"
        )
    return True


def read_table(path: Path) -> Iterator[list[str]]:
    """The cells of each line of a ``.csv`` that is not empty, as they stand there."""
    with reading(path), open_text(path) as file:
        lines = Rows(file, path)
        for line in lines:
            lines.end()
            if line.strip():
                yield [cell.strip().strip('"') for cell in line.split(",")]


def _is_a(convert: Any, cell: str) -> bool:
    try:
        convert(cell)
    except ValueError:
        return False
    return True


def _is_number(cell: str) -> bool:
    return _is_a(float, cell)


def check_writable(path: Path, signature: Signature) -> None:
    """Refuse a file that :func:`write_outputs` could not write for this model.

    Raises:
        InputError: another suffix, or too little room in that kind of file.
    """
    suffix, outputs = path.suffix.lower(), signature.outputs
    if suffix not in WRITTEN:
        raise unknown_kind(path, WRITTEN, use=" to write")
    if path.is_dir():
        raise InputError(f"{path} is a folder; give a file")
    check_place(path)
    if suffix in (".npy", ".csv") and len(outputs) != 1:
        names = ", ".join(port.name for port in outputs)
        raise InputError(
            f"{path} has room for one output, the model has {names}: write .npz or .json"
        )
    if suffix == ".csv" and len(outputs[0].shape) > 2:
        raise InputError(
            f"{path}: a row of a table cannot hold output {outputs[0].name}, "
            f"{expected_shape(outputs[0])}: write .npz, .npy or .json"
        )


def write_outputs(path: Path, outputs: Arrays) -> None:
    """Write outputs as the suffix says; the file appears when it is whole.

    Raises:
        InputError: it cannot be written (see also :func:`check_writable`).
    """
    suffix = path.suffix.lower()
    first_name, first = next(iter(outputs.items()))
    if suffix == ".json":
        value = {name: digits(array.tolist()) for name, array in outputs.items()}
        write_text(path, json.dumps(value) + "\n")
    elif suffix == ".csv":
        columns = first.reshape(len(first), -1)
        heading = [f"{first_name}_{i}" for i in range(columns.shape[1])]
        form = "d" if columns.dtype.kind == "i" else ".9g"
        lines = [",".join(f"{x:{form}}" for x in row) for row in columns]
        write_text(path, "\n".join([",".join(heading), *lines]) + "\n")
    else:
        with replacing(path) as temporary, temporary.open("wb") as file:
            if suffix == ".npy":
                np.save(file, first)
            else:
                np.savez(file, allow_pickle=False, **outputs)


def digits(value: Any) -> Any:
    """A float32, a whole number, or lists of them, for JSON: nine digits give a float32 back exactly."""
    if isinstance(value, list):
        return [digits(v) for v in value]
    return value if isinstance(value, int) else float(f"{value:.9g}")
