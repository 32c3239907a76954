"""A program on a terminal."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import IO, Any

import pytest


def on_terminal(
    *args: object, stdin: IO[bytes] | None = None, stdout: Any = None
) -> tuple[str, int]:
    """What Python shows on a terminal 200 columns wide, and its exit code."""
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, *map(str, args)],
        stdin=stdin or theirs,
        stdout=stdout or theirs,
        stderr=theirs,
        env={**os.environ, "COLUMNS": "200"},
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            shown += os.read(ours, 4096)
        except OSError:  # the other side is closed
            break
    os.close(ours)
    return shown.decode(), process.wait()
