"""How a long computation tells how far it is, without knowing who shows it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Protocol

Advance = Callable[[int], None]


class Progress(Protocol):
    """Something that shows tasks; the command line has one, a library call needs none."""

    def task(
        self, description: str, total: int | None
    ) -> contextlib.AbstractContextManager[Advance]:
        """Begin a task of ``total`` units (None: unknown); the block's value advances it by n.

        It may be called from several threads.
        """
        ...


class Silent:
    """Shows nothing: the default of every function."""

    def task(
        self, description: str, total: int | None
    ) -> contextlib.AbstractContextManager[Advance]:
        del description, total
        return contextlib.nullcontext(lambda n: None)


class Within:
    """Counts on a task that is already shown: a part of a longer computation."""

    def __init__(self, advance: Advance) -> None:
        self._advance = advance

    def task(
        self, description: str, total: int | None
    ) -> contextlib.AbstractContextManager[Advance]:
        del description, total
        return contextlib.nullcontext(self._advance)


SILENT = Silent()
