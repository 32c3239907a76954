"""Scaling that belongs to a model's files: readings go in as they are, answers come out in their unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from lstm_edge.base.arrays import Array
from lstm_edge.base.files import read_json, unknown_kind
from lstm_edge.errors import InputError

if TYPE_CHECKING:
    from lstm_edge.inputs.signature import Input, Output

    Port = TypeVar("Port", Input, Output)

READ = (".json", ".npz")
PAIRS = (("mean", "deviation"), ("minimum", "range"))
_EXPECTED = "mean and deviation, or minimum and range"


@dataclass(frozen=True)
class Scale:
    """Numbers x of the outside are (x - offset) / divisor to the model; one for each channel, or one.

    A channel is a place of the last axis.
    """

    offset: tuple[float, ...]
    divisor: tuple[float, ...]

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Scale:
        return cls(tuple(map(float, value["offset"])), tuple(map(float, value["divisor"])))

    def inside(self, array: Array) -> Array:
        """Numbers of the outside, as the model knows them: float64."""
        return np.asarray((array.astype(np.float64) - self.offset) / self.divisor)

    def outside(self, array: Array) -> Array:
        """The model's numbers, as they are outside: float64."""
        return np.asarray(array.astype(np.float64) * self.divisor + self.offset)


def read_scales(
    source: Path | str | Mapping[str, Any], ports: Sequence[Port], argument: str
) -> dict[str, Scale]:
    """The scales in a ``.json`` or ``.npz``, by the names of inputs or outputs.

    The file, or its content, holds ``mean`` and ``deviation``, or ``minimum`` and ``range``, where there
    is one input or output; else such a pair for each that is scaled: JSON by its name, in ``.npz`` as
    ``NAME/mean``.

    Args:
        ports: all inputs, or all outputs.
        argument: what to call it in messages, ``scale`` or ``unscale``.

    Raises:
        InputError: what came, and what was expected.
    """
    what = f"`{argument}`" if isinstance(source, Mapping) else f"`{argument}` {source}"
    content = source if isinstance(source, Mapping) else _read(Path(source), argument)
    if not isinstance(content, Mapping):
        raise InputError(f"{what} holds no names; expected {_EXPECTED}")
    if _names_of(content):
        if len(ports) != 1:
            names = ", ".join(port.name for port in ports)
            raise InputError(f"{what}: the model has {names}; give {_EXPECTED} of each by its name")
        content = {ports[0].name: content}
    known = {port.name: port for port in ports}
    if not content or any(name not in known for name in content):
        raise InputError(
            f"{what} holds {', '.join(map(str, content)) or 'nothing'}; expected {_EXPECTED}, or "
            f"such for some of {', '.join(known)}"
        )
    return {name: _scale(pair, known[name], what) for name, pair in content.items()}


def _read(path: Path, argument: str) -> Any:
    # array_files needs signature, which needs this module
    from lstm_edge.inputs.array_files import read_numpy

    kind = path.suffix.lower()
    if kind not in READ:
        raise unknown_kind(path, READ, named=f"`{argument}` ")
    return read_json(path, f"`{argument}`") if kind == ".json" else _nested(read_numpy(path))


def _nested(arrays: Any) -> Any:
    """``NAME/mean`` as a name in a name; others as they are."""
    if not isinstance(arrays, dict):
        return arrays
    content: dict[str, Any] = {}
    for key, array in arrays.items():
        name, _, part = key.rpartition("/")
        content.setdefault(name, {})[part] = array
    return {**content.pop("", {}), **content}


def _names_of(value: Any) -> tuple[str, str] | None:
    """Which of the two pairs it holds, if it holds nothing else."""
    if not isinstance(value, Mapping):
        return None
    return next((pair for pair in PAIRS if set(value) == set(pair)), None)


def _scale(value: Any, port: Input | Output, what: str) -> Scale:
    names = _names_of(value)
    if names is None:
        raise InputError(f"{what}, {port.name}: expected {_EXPECTED}, and nothing else")
    _check_port(port, what)
    channels = port.shape[-1] if len(port.shape) > 1 else None
    parts = []
    for name in names:
        try:
            with np.errstate(over="ignore"):
                array = np.atleast_1d(np.asarray(value[name], np.float64).astype(np.float32))
        except (TypeError, ValueError):
            raise InputError(f"{what}, {port.name}: {name} is no list of numbers") from None
        if array.ndim != 1 or len(array) not in (1, channels):
            expected = "1" if channels is None else f"{channels} channels, or 1 for all"
            raise InputError(
                f"{what}, {port.name}: {name} is for {array.size}; expected {expected}"
            )
        if not np.isfinite(array).all():
            raise InputError(f"{what}, {port.name}: {name} is NaN, or too large for float32")
        parts.append(array)
    offset, divisor = parts
    if not (divisor >= np.finfo(np.float32).tiny).all():
        raise InputError(
            f"{what}, {port.name}: {names[1]} has {divisor.min():g}; expected numbers above 0 (1 for a "
            "channel that does not vary)"
        )
    return Scale(tuple(map(float, offset)), tuple(map(float, divisor)))


def _check_port(port: Input | Output, what: str) -> None:
    if getattr(port, "dtype", "float32") != "float32":
        end = "input {} takes" if hasattr(port, "rows") else "output {} gives"
        raise InputError(f"{what}: {end.format(port.name)} whole numbers, which are not scaled")
    if getattr(port, "activation", "") == "softmax":
        raise InputError(f"{what}: output {port.name} holds probabilities, which have no unit")
