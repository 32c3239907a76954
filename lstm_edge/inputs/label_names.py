"""Raw labels as data write them, the model's names for them, and class numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lstm_edge.base import gate
from lstm_edge.errors import InputError

Labels = npt.NDArray[np.int64]
# How the labels of two-class sentiment data are written, and the names shown for them.
BINARY_NAMES = ("Negative", "Positive")
_SYNONYMS = {"neg": "negative", "pos": "positive"}


def label_values(raw: Sequence[str]) -> tuple[str, ...]:
    """The different labels in the order of the model's outputs: numbers by size, then by text.

    Raises:
        InputError: fewer than two.
    """
    values = sorted(set(raw), key=lambda v: (0, int(v), v) if _is_int(v) else (1, 0, v))
    if len(values) < 2:
        raise InputError(
            f"the data hold one class only ({gate.shown(values[0]) if values else 'no label'!r}); "
            "at least two different labels are needed"
        )
    spelt: dict[str, str] = {}
    for value in values:
        if (other := spelt.setdefault(_fold(value), value)) != value:
            both = " and ".join(repr(gate.shown(label)) for label in (other, value))
            raise InputError(f"the labels {both} are one class; write them alike")
    return tuple(values)


def label_names(values: Sequence[str], names: Sequence[str] | None = None) -> tuple[str, ...]:
    """Names for :func:`label_values`; 0/1 and neg/pos are Negative and Positive unless ``names``.

    Raises:
        InputError: ``names`` has another number of names, or one twice; or a line break is in one.
    """
    if names is not None:
        if len(names) != len(values) or len(set(names)) != len(names):
            raise InputError(
                f"{len(names)} label names given ({', '.join(names)}) for {len(values)} classes "
                f"({', '.join(map(gate.shown, values[:10]))}); give one different name for each, in this "
                "order"
            )
        return check_lines(names)
    if list(values) == ["0", "1"] or [_fold(v) for v in values] == ["negative", "positive"]:
        return BINARY_NAMES
    return check_lines(values)


def check_lines(names: Sequence[str]) -> tuple[str, ...]:
    """The names, if each is one line of a file of labels.

    Raises:
        InputError: the first that holds the end of one, or half a character.
    """
    for name in names:
        if not name.isascii() and name.encode(errors="replace").decode() != name:
            raise InputError(f"the label {name!r} holds half a character (of a UTF-16 pair)")
        if "\n" in name or "\r" in name:
            raise InputError(
                f"the label {name!r} holds a line break, and labels.txt has one label in each line: "
                "write it without"
            )
    return tuple(names)


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
            f"labels not known to the model: {', '.join(repr(gate.shown(v)) for v in unknown[:10])}; "
            f"it has {', '.join(names)} (or {', '.join(values or map(str, range(len(names))))})"
        )
    return np.array([table[value] for value in raw], np.int64)


def _is_int(value: str) -> bool:
    digits = value.removeprefix("-")
    return digits.isdecimal() and len(digits) <= gate.DIGITS


def _fold(value: str) -> str:
    folded = value.strip().casefold()
    return _SYNONYMS.get(folded, folded)
