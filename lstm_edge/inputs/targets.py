"""What is right, for the outputs of a model without text: arrays checked, and read from files."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lstm_edge.base import gate
from lstm_edge.base.arrays import Array, Arrays
from lstm_edge.errors import InputError
from lstm_edge.inputs.array_files import READ, ArraySource, read_inputs, read_numpy, read_table
from lstm_edge.inputs.label_names import resolve_labels
from lstm_edge.inputs.signature import Output, Signature, expected_shape, plain_name
from lstm_edge.inputs.windows import Window

# Characters of a label that are looked at: all take as much room as the longest.
LABEL = 200


def read_targets(path: Path, signature: Signature) -> Any:
    """What a file says is right: one array in ``.npy`` or ``.csv``, by the outputs' names in ``.npz``.

    Arrays of inputs in the same ``.npz`` are left out. Nothing in a file is executed.

    Raises:
        InputError: it cannot be read.
    """
    kind = path.suffix.lower()
    if kind not in READ:
        raise InputError(f"{path}: unknown kind of file of targets; expected {', '.join(READ)}")
    gate.check_regular(path, "file of targets")
    if kind != ".csv":
        content = read_numpy(path)
        if not isinstance(content, dict):
            return content
        inputs = {one.name for one in signature.inputs}
        return {name: array for name, array in content.items() if name not in inputs}
    for heading in (0, 1):  # the first line may be one; else they are labels
        try:
            return _table(map(_floats, itertools.islice(read_table(path), heading, None)), path)
        except ValueError:
            pass
    return _table(map(_labels, read_table(path)), path)


def _floats(row: list[str]) -> Array:
    return np.array([float(cell) for cell in row])


def _labels(row: list[str]) -> Array:
    return np.array([gate.shown(cell, LABEL) for cell in row])


def _table(rows: Iterator[Array], path: Path) -> Array:
    table = [*rows]
    if len({len(row) for row in table}) > 1:
        raise InputError(f"{path}: its rows are not of one length")
    return np.array(table)


def read_source(
    path: Path, targets: Path | None, signature: Signature, window: Window | None = None
) -> ArraySource:
    """Inputs in a file, checked, with their targets: in another file, or in the same ``.npz``.

    Raises:
        InputError: a file cannot be read, or the inputs do not fit.
    """
    arrays = read_inputs(path, signature, window)
    count = len(next(iter(arrays.values())))
    if targets is None:
        found = read_targets(path, signature) if path.suffix.lower() == ".npz" else None
        return ArraySource(str(path), arrays, found or None)
    found = read_targets(targets, signature)
    if targets.suffix.lower() == ".csv" and found.dtype.kind == "U" and len(found) == count + 1:
        found = found[1:]  # a heading
    return ArraySource(f"{path}, {targets}", arrays, found)


def check_targets(given: Any, signature: Signature, labels: Sequence[str], count: int) -> Arrays:
    """Targets by the outputs' names: int64 where they are classes, float64 where they are numbers.

    Those of a softmax are class numbers [N, …] without the last axis, given as such, as one-hot rows
    or by their labels; those of a sigmoid 0 or 1 [N, …, K], where they are whole. Any other are
    numbers of the output's shape. A last axis of 1 may be left out.

    Args:
        given: by the outputs' names, as the model or Keras calls them; outputs may be missing. One
            array where there is one output.
        labels: of the bundle's classes.
        count: N.

    Raises:
        InputError: what came for which output, and what was expected.
    """
    outputs = {one.name: one for one in signature.outputs}
    names = ", ".join(outputs)
    if not isinstance(given, Mapping):
        if len(outputs) != 1:
            raise InputError(
                f"one array of `targets` given; the model has the outputs {names}: give them by name, "
                "in a .npz"
            )
        given = {next(iter(outputs)): given}
    if unknown := [name for name in given if plain_name(str(name)) not in outputs]:
        raise InputError(
            f"`targets` for {', '.join(map(str, unknown))} given; expected some for the outputs {names}"
        )
    if not given:
        raise InputError(f"no `targets` given; expected some for the outputs {names}")
    return {
        one.name: _checked(one, value, labels, count)
        for key, value in given.items()
        for one in [outputs[plain_name(str(key))]]
    }


def class_names(output: Output, labels: Sequence[str]) -> tuple[str, ...]:
    """What the K classes of its decisions are called: by the bundle's labels, or by their numbers."""
    last = output.shape[-1] or 0
    if output.activation == "softmax":
        count, named = last, len(labels) == last
    else:  # of several numbers each is a decision of its own
        count, named = 2, last == 1 and len(labels) == 2
    return tuple(labels) if named else tuple(map(str, range(count)))


def _checked(output: Output, value: Any, labels: Sequence[str], count: int) -> Array:
    what = f"`targets` of {output.name}"
    try:
        array: Array = np.asarray(value)
    except ValueError:
        raise InputError(f"{what}: its rows are not of one length") from None
    came = f"{what} are {array.dtype} {list(array.shape)}"
    if array.ndim == 0 or len(array) != count:
        raise InputError(
            f"{what} are for {len(array) if array.ndim else 1} examples; there are {count}"
        )
    if array.dtype.kind == "b":
        array = array.astype(np.int64)
    if array.dtype.kind not in "iufU":
        raise InputError(f"{came}; expected numbers or labels")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise InputError(
            f"{came} and have values that are NaN or infinite; leave such examples out"
        )
    shape = output.shape[1:]
    kind, wide = output.activation, _fits(array, shape)
    if array.dtype.kind == "U":
        if not output.is_probability:
            raise InputError(
                f"{came}: labels; the output is no probability, so expected numbers {_wanted(output)}"
            )
        array = _resolved(array, output, labels, what)
        wide = wide and (kind == "sigmoid" or shape[-1] == 1)
    if kind == "softmax":
        return _classes(output, array, wide, came)
    if not wide and shape and shape[-1] == 1 and _fits(array, shape[:-1]):
        array, wide = array[..., None], True
    if kind == "sigmoid" and not wide and shape and shape[-1] == 1 and _is_one_hot(array, 2):
        array, wide = array.argmax(-1)[..., None], _fits(array[..., :1], shape)
    if not wide:
        raise InputError(f"{came}; expected {_wanted(output)}")
    if kind != "sigmoid" or not (array == np.floor(array)).all():
        return array.astype(np.float64)
    if not np.isin(array, (0, 1)).all():
        raise InputError(f"{came} from {array.min():g} to {array.max():g}; a sigmoid's are 0 and 1")
    return array.astype(np.int64)


def _classes(output: Output, array: Array, wide: bool, came: str) -> Array:
    """Class numbers [N, …] of a softmax's targets."""
    shape = output.shape[1:]
    classes = shape[-1] or 0
    if wide and classes > 1:
        if not _is_one_hot(array, classes):
            raise InputError(f"{came}, but are not one-hot: expected one 1 in each row, else 0")
        return np.asarray(array.argmax(-1), np.int64)
    if not _fits(array, shape[:-1]):
        if not _fits(array, (*shape[:-1], 1)):
            raise InputError(f"{came}; expected {_wanted(output)}")
        array = array[..., 0]
    if not ((array == np.floor(array)).all() and (array >= 0).all() and (array < classes).all()):
        raise InputError(
            f"{came} from {array.min():g} to {array.max():g}; expected class numbers from 0 to "
            f"{classes - 1}"
        )
    return array.astype(np.int64)


def _resolved(array: Array, output: Output, labels: Sequence[str], what: str) -> Array:
    names = class_names(output, labels)
    try:
        numbers = resolve_labels([str(word) for word in array.ravel()], names)
    except InputError as error:
        raise InputError(f"{what}: {error}") from None
    return numbers.reshape(array.shape)


def _is_one_hot(array: Array, classes: int) -> bool:
    ones = array.ndim > 1 and array.shape[-1] == classes and bool(np.isin(array, (0, 1)).all())
    return ones and bool((array.sum(-1) == 1).all())


def _fits(array: Array, shape: Sequence[int | None]) -> bool:
    sizes = zip(array.shape[1:], shape, strict=False)
    return array.ndim == len(shape) + 1 and all(b is None or a == b for a, b in sizes)


def _wanted(output: Output) -> str:
    """The shapes that its targets may have."""
    full = expected_shape(output)
    if output.activation == "softmax":
        rows = expected_shape(Output("", output.shape[:-1], ""))
        return f"class numbers {rows}, or one-hot {full}"
    return full
