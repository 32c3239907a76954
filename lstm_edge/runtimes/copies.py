"""A runtime and its copies: every call has one for itself, from any thread and in a forked process."""

from __future__ import annotations

import os
import threading
import weakref
from collections import deque
from queue import SimpleQueue
from typing import Any

from lstm_edge.base import in_hand, machine
from lstm_edge.base.arrays import Arrays
from lstm_edge.errors import InputError
from lstm_edge.runtimes.contract import Runtime

_PLACE = object()


class Copies:
    """Runs calls, at most so many at a time; a copy is made when one is lacking, and kept.

    Args:
        runtime: a loaded file.
    """

    def __init__(self, runtime: Runtime) -> None:
        self.runtime, self.most = runtime, 0
        self._begin([runtime])
        # as many as can be of use: more calls at a time would only wait for a core
        self.allow(runtime.at_once or machine.cores() or 1)
        _EVERY.add(self)

    def _begin(self, free: list[Runtime]) -> None:
        self._free, self._places = deque(free), SimpleQueue[object]()
        self._making = threading.Lock()
        for _ in range(self.most):
            self._places.put(_PLACE)

    def allow(self, calls: int) -> None:
        """Let at least so many calls be made at a time."""
        with self._making:
            while self.most < calls:
                self.most += 1
                self._places.put(_PLACE)

    def call(self, arrays: Arrays) -> Arrays:
        """One call, which waits for its turn.

        Raises:
            InputError: the process was forked, and this runtime or its threads do not survive that.
        """
        taken: list[object] = []
        runtime: Runtime | None = None
        try:
            # Taken and noted in one step of the interpreter: what interrupts a thread (Ctrl-C, an alarm)
            # comes before or after it. A place that was taken and not noted would be lost for good.
            next(map(taken.append, iter(self._places.get, None)))
            try:
                runtime = self._free.pop()  # the last one used, as it is warm
            except IndexError:
                runtime = self._made()
            in_hand.note(runtime.runtime, "running", runtime.path)
            answers = runtime.call(arrays)
            self._free.append(runtime)
            return answers
        except BaseException:
            if runtime is not None and runtime.survives:  # else nobody knows in what state it is
                self._free.append(runtime)
            raise
        finally:
            if taken:
                self._places.put(_PLACE)

    def _made(self) -> Runtime:
        with self._making:
            if self.runtime.loaded_in == os.getpid():
                return self.runtime.spawn()
            if self.runtime.threads > 1 or not self.runtime.forks:
                raise InputError(
                    f"{self.runtime.path.name} was loaded before this process was forked, and threads of "
                    f"{self.runtime.runtime} are not forked with it: load the bundle in each process, "
                    "after the fork, or start processes with `spawn`"
                )
            # The parent's own may have been in the middle of a call of another thread. It stays alive:
            # what it holds of the parent's is not to be tidied up here.
            self._of_parent, self.runtime = self.runtime, self.runtime.anew()
            return self.runtime


_EVERY: weakref.WeakSet[Any] = weakref.WeakSet()


def _forked() -> None:
    """In the child: the parent's other threads are gone, with the places and copies that they had."""
    for copies in _EVERY:
        copies._begin([])


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
