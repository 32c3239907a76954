"""What only one thread may do at a time."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

from lstm_edge.errors import InputError

_S = TypeVar("_S", bound="OneAtATime")
_P = ParamSpec("_P")
_R = TypeVar("_R")


class OneAtATime:
    """Has methods that say so, and raise, where another thread is in one of them."""

    def __init__(self) -> None:
        # its owner may take it again: a thread that was interrupted here is not kept out by itself
        self._turn = threading.RLock()

    def __reduce__(self) -> Any:
        raise InputError(
            f"a {type(self).__name__} cannot be pickled, its model being loaded here: begin one in the "
            "process that feeds it"
        )


def one_at_a_time(
    method: Callable[Concatenate[_S, _P], _R],
) -> Callable[Concatenate[_S, _P], _R]:
    """Such a method."""

    def alone(self: _S, /, *args: _P.args, **named: _P.kwargs) -> _R:
        if not self._turn.acquire(blocking=False):
            raise InputError(
                "another thread feeds this stream, and its answers depend on the order: give each thread "
                "a stream of its own, or put a lock around the one that they share"
            )
        try:
            return method(self, *args, **named)
        finally:
            self._turn.release()

    functools.update_wrapper(alone, method)
    return alone
