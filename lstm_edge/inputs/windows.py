"""Examples cut from one longer series, as training cuts them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lstm_edge.base import gate
from lstm_edge.base.arguments import check_positive
from lstm_edge.base.arrays import Array
from lstm_edge.errors import InputError
from lstm_edge.inputs.signature import Input, expected_shape


@dataclass(frozen=True)
class Window:
    """``length`` steps in each example; the next begins ``step`` steps later (None: ``length``)."""

    length: int
    step: int | None = None

    def __post_init__(self) -> None:
        if min(self.length, self.length if self.step is None else self.step) < 1:
            raise InputError(f"`window` is {self}; its length and step must be at least 1")
        check_positive(window=max(self.length, self.step or 1))

    def __str__(self) -> str:
        return f"{self.length}" if self.step is None else f"{self.length},{self.step}"

    @classmethod
    def parse(cls, text: str) -> Window:
        """``LENGTH`` or ``LENGTH,STEP``.

        Raises:
            InputError: anything else.
        """
        try:
            length, *step = (gate.whole_number(part, "a part") for part in text.split(","))
            if len(step) > 1:
                raise InputError("three numbers")
        except InputError:
            raise InputError(
                f"`window` is {gate.shown(text)!r}; expected LENGTH or LENGTH,STEP, such as 128 or 128,64"
            ) from None
        return cls(length, *step)

    def cut(self, series: Array, given: Input) -> Array:
        """The whole windows in a series [time, channels], or [time]: [N, length, …].

        Args:
            given: the input that they are for.

        Raises:
            InputError: the series or the length does not fit the input, or it is too short.
        """
        wanted = f"input {given.name} is {expected_shape(given)}"
        if len(given.shape) not in (2, 3):
            raise InputError(f"`window` is for a series of steps; {wanted}")
        if given.shape[1] not in (None, self.length):
            raise InputError(
                f"`window` is {self}, which gives {self.length} steps; {wanted}: give {given.shape[1]}"
            )
        flat = len(given.shape) == 2
        channels = 1 if flat else given.shape[2]
        if series.ndim == 1:
            series = series[:, None]
        if series.ndim != 2 or channels not in (None, series.shape[1]):
            raise InputError(
                f"the series is {list(series.shape)}; {wanted}: `window` cuts that from [time, "
                f"{'channels' if channels is None else channels}]"
            )
        if len(series) < self.length:
            raise InputError(
                f"the series has {len(series)} steps, too few for one `window` of {self.length}"
            )
        if given.dtype == "float32" and series.dtype.kind == "f":
            with np.errstate(over="ignore"):  # before they become as many times more
                series = series.astype(np.float32)
        count = (len(series) - self.length) // (self.step or self.length) + 1
        size = count * self.length * series[0].nbytes
        if size > gate.WINDOWS:
            raise InputError(
                f"`window` is {self}, which makes {count:,} examples of {size:,} bytes together; "
                f"expected at most {gate.WINDOWS:,}: give a longer step, or a part of the series"
            )
        every = np.lib.stride_tricks.sliding_window_view(series, self.length, axis=0)
        windows = every[:: self.step or self.length].swapaxes(1, 2)
        return np.ascontiguousarray(windows[..., 0] if flat else windows)
