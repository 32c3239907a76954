"""Arrays of inputs and outputs in files: checked, read and written."""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lstm_edge.base.arrays import Array, Arrays
from lstm_edge.base.files import check_place, read_text, replacing, unknown_kind, write_text
from lstm_edge.errors import InputError
from lstm_edge.inputs.signature import Input, Signature, expected_shape
from lstm_edge.inputs.windows import Window

READ = (".npy", ".npz", ".csv")
WRITTEN = (".npz", ".npy", ".csv", ".json")


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
    if not path.is_file():
        raise InputError(f"{path} does not exist or is a folder; expected a file of inputs")
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
    try:
        with path.open("rb") as file:
            if not file.read(6).startswith((b"\x93NUMPY", b"PK")):
                raise ValueError("it does not begin as one")
            file.seek(0)
            content = np.load(file, allow_pickle=False)
            return content if isinstance(content, np.ndarray) else dict(content)
    except (ValueError, OSError, EOFError, MemoryError, zipfile.BadZipFile, zlib.error) as error:
        reason = str(error).split("\n")[0].partition(". ")[0]
        if "allow_pickle" in str(error):
            reason = "it holds Python objects, which are not read; save arrays of numbers"
        raise InputError(
            f"{path} is not a whole {path.suffix.lower()} file of arrays: {reason}"
        ) from None


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
    rows: list[list[float]] = []
    table = read_table(path)
    heading = int(_is_numbered(path, table))
    for number, cells in enumerate(table[heading:], 1 + heading):
        try:
            rows.append([convert(cell) for cell in cells])
        except ValueError:
            if number == 1 and not any(map(_is_number, cells)):
                continue
            bad = next(i for i, cell in enumerate(cells) if not _is_a(convert, cell))
            wanted = "a whole number" if convert is int else "a number"
            raise InputError(
                f"{path}, line {number}, column {bad + 1}: {cells[bad]!r} is not {wanted}"
            ) from None
        if len(rows[-1]) != len(rows[0]):
            raise InputError(
                f"{path}, line {number}: {len(rows[-1])} numbers; the lines before have {len(rows[0])}"
            )
    if not rows:
        raise InputError(f"{path} holds no row of numbers")
    try:
        return np.array(rows, np.int64 if convert is int else np.float64)
    except OverflowError:
        raise InputError(f"{path} holds numbers that do not fit into 64 bits") from None


def _float_or_nan(cell: str) -> float:
    return float(cell or "nan")


def _is_numbered(path: Path, table: list[list[str]]) -> bool:
    """Whether the first line numbers the columns, as pandas writes the heading of an array.

    Raises:
        InputError: it may as well be an example: all the others are whole numbers, too.
    """
    first, others = table[:1], table[1:]
    if not others or first != [[str(i) for i in range(max(2, len(first[0])))]]:
        return False
    if all(_is_a(int, cell) for cells in others for cell in cells):
        raise InputError(
            f"{path}: its first line, {','.join(first[0][:4])}…, may be pandas' heading or an example: "
            "write the table with header=False, or give the columns names"
        )
    return True


def read_table(path: Path) -> list[list[str]]:
    """The cells of each line of a ``.csv`` that is not empty, as they stand there."""
    # Excel writes a byte order mark before the first cell
    text = read_text(path, "table").removeprefix("\ufeff")
    lines = [line for line in text.splitlines() if line.strip()]
    return [[cell.strip().strip('"') for cell in line.split(",")] for line in lines]


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
