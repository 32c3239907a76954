"""Models without text: what goes in and comes out by name, and arrays checked, read and written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from lstm_edge.base.arrays import Array, Arrays
from lstm_edge.base.files import known_fields
from lstm_edge.errors import InputError
from lstm_edge.inputs.scaling import Scale


@dataclass(frozen=True)
class Input:
    """One input.

    Attributes:
        name: as the files call it.
        dtype: ``int32`` for ids and whole numbers, else ``float32``.
        shape: the batch first; None where it is free.
        rows: ids must be below it (rows of the smallest Embedding that takes them); None: no ids.
        mask_value: steps that are this number all over are skipped (0 for an Embedding with
            ``mask_zero``); None: there is no mask.
        scale: of the readings that the files take, and scale first; steps that are skipped stay as they
            are. None: the files take the model's own numbers.
        nan, inf: whether the model answers with numbers where values are NaN, or infinite: one for all,
            or one for each place of the last axis. Empty: it does not, or that is not known.
    """

    name: str
    dtype: str
    shape: tuple[int | None, ...]
    rows: int | None
    mask_value: float | None
    scale: Scale | None = None
    nan: tuple[bool, ...] = ()
    inf: tuple[bool, ...] = ()


@dataclass(frozen=True)
class Output:
    """One output; ``activation`` is sigmoid or softmax where it holds probabilities.

    ``timed``: of a stream, a row for each step; else what it says after the last one. ``unscale``: of
    the unit that the files answer in, at the end; None: in the model's own numbers. ``dtype``: int32 of
    whole numbers (numbers of classes, say), else float32.
    """

    name: str
    shape: tuple[int | None, ...]
    activation: str
    timed: bool = False
    unscale: Scale | None = None
    dtype: str = "float32"

    @property
    def is_probability(self) -> bool:
        return self.activation in ("sigmoid", "softmax")

    @property
    def classes(self) -> int | None:
        """How many names its numbers want; None where they are no probabilities."""
        last = self.shape[-1]
        if not self.is_probability or last is None:
            return None
        return 2 if self.activation == "sigmoid" and last == 1 else last


# Fields of an input and an output that are only stored where they say something.
_SCALES, _TAKEN = ("scale", "unscale"), ("nan", "inf")


@dataclass(frozen=True)
class State:
    """One state of a stream, float32, zeros before the first step.

    Attributes:
        name, output: of the file's input, and of its output that the next call is given there.
        shape: the batch first, None.
    """

    name: str
    output: str
    shape: tuple[int | None, ...]

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> State:
        return cls(value["name"], value["output"], tuple(value["shape"]))


@dataclass(frozen=True)
class Signature:
    """All inputs and outputs of a model, in its order.

    Attributes:
        states: of a stream (a step model): more inputs and outputs of its files.
        chunk: of a stream, the steps in every call; None: any number.
    """

    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    states: tuple[State, ...] = ()
    chunk: int | None = None

    def to_json(self) -> dict[str, Any]:
        value = asdict(self)
        for end in (*value["inputs"], *value["outputs"]):
            for name in (*_SCALES, *_TAKEN):
                if end.get(name, "") in (None, ()):
                    del end[name]
        for end in value["outputs"]:
            if end["dtype"] == "float32":
                del end["dtype"]
        return value

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Signature:
        def ends(port_class: Any, items: Sequence[Mapping[str, Any]]) -> tuple[Any, ...]:
            return tuple(
                port_class(
                    **{
                        **known_fields(port_class, item),
                        "shape": tuple(item["shape"]),
                        **scales(item),
                    }
                )
                for item in items
            )

        def scales(item: Mapping[str, Any]) -> dict[str, Any]:
            found = {name: Scale.from_json(item[name]) for name in _SCALES if name in item}
            return found | {name: tuple(item[name]) for name in _TAKEN if name in item}

        return cls(
            ends(Input, value["inputs"]),
            ends(Output, value["outputs"]),
            ends(State, value["states"]),
            value["chunk"],
        )

    @property
    def is_scaled(self) -> bool:
        """Whether an input or output has a scale of its own."""
        scales = (port.scale for port in self.inputs), (port.unscale for port in self.outputs)
        return any(scale is not None for some in scales for scale in some)

    @property
    def takes_no_numbers(self) -> bool:
        """Whether NaN, or infinite values, are known to be taken somewhere."""
        return any(any((*port.nan, *port.inf)) for port in self.inputs)

    def with_scales(self, scales: Mapping[str, Scale], unscales: Mapping[str, Scale]) -> Signature:
        """The same with these scales by the names of inputs and outputs; the others have none."""
        outputs = (
            # what is in a unit is no probability any more
            replace(port, unscale=unscales[port.name], activation="")
            if port.name in unscales
            else port
            for port in self.outputs
        )
        inputs = (replace(port, scale=scales.get(port.name)) for port in self.inputs)
        return replace(self, inputs=tuple(inputs), outputs=tuple(outputs))

    @property
    def taking_anything(self) -> Signature:
        """The same, as if values that are no numbers were taken: where Keras or a file is asked."""
        inputs = (
            replace(port, nan=(True,), inf=(True,)) if port.dtype == "float32" else port
            for port in self.inputs
        )
        return replace(self, inputs=tuple(inputs))

    @property
    def whole(self) -> Signature:
        """Of the model that takes all steps at once, where this is a stream's."""
        return replace(self, states=(), chunk=None)

    def pieces(self, arrays: Arrays, size: int | None) -> list[Arrays]:
        """A stream's inputs cut along their steps; inputs without steps go with every piece.

        Args:
            size: steps in a piece; None: ``chunk``, or all.

        Raises:
            InputError: the steps differ between the inputs, or are no multiple of ``chunk``.
        """
        streamed = [
            port.name for port in self.inputs if len(port.shape) > 1 and port.shape[1] is None
        ]
        counts = {name: int(arrays[name].shape[1]) for name in streamed}
        if len(set(counts.values())) != 1:
            said = ", ".join(f"{count} for {name}" for name, count in counts.items())
            raise InputError(f"different numbers of steps: {said}; expected as many for each")
        steps = next(iter(counts.values()))
        if self.chunk and steps % self.chunk:
            raise InputError(
                f"{steps} steps given; the files take {self.chunk} in every call: give a multiple"
            )
        size = self.chunk or size or steps
        return [
            {
                name: value[:, begin : begin + size] if name in counts else value
                for name, value in arrays.items()
            }
            for begin in range(0, steps, size)
        ]

    @property
    def is_free(self) -> bool:
        """Whether an input leaves more than the batch free."""
        return any(None in port.shape[1:] for port in self.inputs)

    def lengths(self, arrays: Mapping[str, Array]) -> list[int]:
        """Time steps of these examples, of each input that has any."""
        return [int(arrays[port.name].shape[1]) for port in self.inputs if _is_series(port)]

    def steps(self, arrays: Mapping[str, Array]) -> int:
        """Time steps of these examples: of the longest input that has any, else 1."""
        return max(self.lengths(arrays), default=1)

    def ones(self, count: int, steps: int) -> Arrays:
        """Inputs that fit, filled with 1 (0 where 1 is no id): to see that a file runs."""
        return {
            port.name: np.full(
                [count, *((self.chunk or steps) if n is None else n for n in port.shape[1:])],
                0 if port.rows == 1 else 1,
                port.dtype,
            )
            for port in self.inputs
        }

    def without_targets(self, arrays: Mapping[str, Array]) -> Arrays:
        """Those of the arrays that are not of an output's name."""
        outputs = {port.name for port in self.outputs} - {port.name for port in self.inputs}
        return {name: value for name, value in arrays.items() if plain_name(name) not in outputs}

    def check(self, arrays: Any) -> Arrays:
        """Arrays as every runtime takes them: int32 or float32, contiguous, in the inputs' order.

        Args:
            arrays: by name, or one array where there is one input.

        Raises:
            InputError: what came for which input, and what was expected.
        """
        names = [port.name for port in self.inputs]
        if not isinstance(arrays, Mapping):
            if len(names) != 1:
                raise InputError(
                    f"one array given; the model has {len(names)} inputs: give an array for each of "
                    f"{', '.join(names)}, by name"
                )
            arrays = {names[0]: arrays}
        if set(arrays) != set(names):
            raise InputError(
                f"arrays for {', '.join(map(str, arrays)) or 'no input'} given; expected one for each "
                f"of the inputs {', '.join(names)}"
            )
        checked = {port.name: _checked(port, arrays[port.name]) for port in self.inputs}
        counts = {name: len(array) for name, array in checked.items()}
        if len(set(counts.values())) > 1:
            said = ", ".join(f"{count} for {name}" for name, count in counts.items())
            raise InputError(f"different numbers of examples: {said}; expected as many for each")
        if 0 in counts.values():
            raise InputError("no example given; expected at least one (the first axis)")
        return checked


def expected_shape(port: Input | Output) -> str:
    """Its shape in words, such as ``[examples, steps, 3]``."""
    free = {0: "examples", 1: "steps"}
    sizes = (port.shape[n] if n else None for n in range(len(port.shape)))
    return (
        f"[{', '.join(free.get(n, 'free') if s is None else str(s) for n, s in enumerate(sizes))}]"
    )


def plain_name(text: str) -> str:
    """What files call an input or output that Keras calls so: a name that every format takes."""
    name = "".join(c if c.isascii() and c.isalnum() else "_" for c in text.split(":")[0])
    return name if name[:1].isalpha() else f"t_{name}"


def _is_series(port: Input) -> bool:
    rank = len(port.shape)
    return rank > 2 or (rank == 2 and (port.rows is not None or port.shape[1] is None))


def _checked(port: Input, value: Any) -> Array:
    try:
        array: Array = np.asarray(value)
    except ValueError:
        raise InputError(
            f"input {port.name}: its rows are not of one length; expected {port.dtype} "
            f"{expected_shape(port)}"
        ) from None
    came = f"input {port.name} is {array.dtype} {list(array.shape)}"
    wanted = f"expected {port.dtype} {expected_shape(port)}"
    whole = port.dtype == "int32"
    if array.dtype.kind not in ("iub" if whole else "iubf"):
        raise InputError(f"{came}; {wanted}" + (": whole numbers" if whole else ""))
    sizes = zip(array.shape[1:], port.shape[1:], strict=False)
    fits = array.ndim == len(port.shape) and all(
        n > 0 if size is None else n == size for n, size in sizes
    )
    if not fits:
        hint = ""
        if array.ndim == len(port.shape) - 1:
            hint = "; for one example put an axis in front"
        raise InputError(f"{came}; {wanted}{hint}")
    if array.size and whole:
        low, high = int(array.min()), int(array.max())
        top = np.iinfo(np.int32).max if port.rows is None else port.rows - 1
        if port.rows is not None and (low < 0 or high > top):
            raise InputError(
                f"input {port.name} has ids from {low} to {high}; this model knows ids from 0 to {top}"
            )
        if low < np.iinfo(np.int32).min or high > top:
            raise InputError(f"input {port.name} has numbers from {low} to {high}; expected int32")
    with np.errstate(over="ignore"):
        array = np.ascontiguousarray(array, np.int32 if whole else np.float32)
    if not whole and not np.isfinite(array).all():
        refused = np.isnan(array) & ~np.array(port.nan or False)
        refused |= np.isinf(array) & ~np.array(port.inf or False)
        if refused.any():
            raise InputError(
                f"input {port.name} has values that are NaN or infinite in float32, the first in example "
                f"{int(np.argwhere(refused)[0][0])}; its model is not known to take them: replace them "
                "first"
            )
    return array


def unanswered(inputs: Arrays, outputs: Arrays) -> str:
    """Which examples are answered with values that are no numbers, and what in them is none; "": none.

    Counted from 0.
    """

    def bad(arrays: Arrays) -> dict[str, Array]:
        return {
            name: np.asarray((~np.isfinite(array)).reshape(len(array), -1).any(1))
            for name, array in arrays.items()
        }

    rows = np.flatnonzero(np.logical_or.reduce([*bad(outputs).values()]))
    if not len(rows):
        return ""
    first = int(rows[0])
    more = f" (and {len(rows) - 1} more)" if len(rows) > 1 else ""
    names = [name for name, there in bad(inputs).items() if there[first]]
    why = f", whose input {' and '.join(names)} has NaN or infinite values," if names else ""
    return f"example {first}{more}{why}"
