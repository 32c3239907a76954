"""The terminal: progress bars, and a log file for what libraries print by themselves."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lstm_edge.base.gate import printable
from lstm_edge.base.progress import Advance

if TYPE_CHECKING:
    from rich.console import Console


class Bars:
    """Progress bars on standard error (see :class:`lstm_edge.base.progress.Progress`).

    Only on a terminal: elsewhere nothing is drawn.
    """

    def __init__(self) -> None:
        # copies of the descriptors, so that we stay visible while libraries write to the log
        self._fd = os.dup(2) if sys.stderr.isatty() else None
        self._out = os.dup(1)
        self._console: Console | None = None

    def print(self, line: str) -> None:
        """A line on standard output, also while libraries write to the log."""
        sys.stdout.flush()
        os.write(self._out, (printable(line) + "\n").encode())

    @contextlib.contextmanager
    def task(self, description: str, total: int | None) -> Iterator[Advance]:
        if self._fd is None:
            yield lambda n: None
            return
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            ProgressColumn,
            SpinnerColumn,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        if self._console is None:
            stream = os.fdopen(self._fd, "w", encoding="utf-8")
            self._console = Console(file=stream, force_terminal=True)
        columns: list[ProgressColumn] = [
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
        ]
        columns += [_count()] if total is None else [BarColumn(), MofNCompleteColumn()]
        columns += [_rate(), TimeElapsedColumn()]
        if total is not None:
            columns += [TextColumn("left"), TimeRemainingColumn()]
        with Progress(
            *columns,
            console=self._console,
            transient=True,
            redirect_stdout=False,  # what is printed meanwhile goes where the user sent it
            redirect_stderr=False,
        ) as progress:
            # it names devices and files: nothing in them is for the terminal
            task = progress.add_task(printable(description), total=total)
            yield lambda n: progress.advance(task, n)


def _count() -> Any:
    from rich.progress import ProgressColumn, Task
    from rich.text import Text

    class Count(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(f"{task.completed:,.0f}" if task.completed else "")

    return Count()


def _rate() -> Any:
    from rich.progress import ProgressColumn, Task
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text("" if task.speed is None else f"{task.speed:,.1f}/s")

    return Rate()


@contextlib.contextmanager
def chatter_to(log: Path | None) -> Iterator[None]:
    """Send what is written to standard output and error meanwhile, by C++ too, to ``log``.

    None leaves it on the terminal. Our own lines are printed outside of it, and :class:`Bars` has
    its own copy of the terminal.
    """
    if log is None:
        yield
        return
    log.parent.mkdir(parents=True, exist_ok=True)
    sys.stdout.flush()
    sys.stderr.flush()
    saved = os.dup(1), os.dup(2)
    try:
        with log.open("ab") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for target, copy in enumerate(saved, 1):
            os.dup2(copy, target)
            os.close(copy)
