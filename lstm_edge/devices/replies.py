"""What programs and devices print, of which no more is kept than a reply needs."""

from __future__ import annotations

import collections
import subprocess
import threading
from collections.abc import Sequence
from typing import IO

from lstm_edge.base import gate
from lstm_edge.errors import InputError

PIECE = 1 << 16


class Tail:
    """The last lines of a pipe, which is read to its end whatever comes."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe
        self._lines: collections.deque[bytes] = collections.deque(maxlen=100)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        while line := self._pipe.readline(PIECE):
            self._lines.append(line)

    def text(self, seconds: float = 1.0) -> str:
        """What it holds at the end, or after that time."""
        self._thread.join(seconds)
        return b"".join([*self._lines]).decode("utf-8", "replace").replace("\r", "")


def captured(
    command: Sequence[str], patience: float, what: str, given: bytes = b""
) -> subprocess.CompletedProcess[str]:
    """What a command prints, as :func:`subprocess.run` captures it, but no more than a reply has.

    Args:
        patience: seconds for it.
        given: to its standard input.

    Raises:
        InputError: it prints more than :data:`lstm_edge.base.gate.REPLY` bytes.
        subprocess.TimeoutExpired: it takes longer.
    """
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is ours to pass on
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    said: dict[str, bytes] = {}

    def read(name: str, pipe: IO[bytes]) -> None:
        said[name] = pipe.read(gate.REPLY + 1)
        if len(said[name]) > gate.REPLY:
            process.kill()

    readers = [
        threading.Thread(target=read, args=pair, daemon=True)
        for pair in (("out", process.stdout), ("errors", process.stderr))
    ]
    try:
        for reader in readers:
            reader.start()
        try:
            process.stdin.write(given)
            process.stdin.close()
        except BrokenPipeError:
            pass  # it says why
        code = process.wait(patience)
        for reader in readers:
            reader.join(patience)
    finally:
        process.kill()
        process.wait()
    out, errors = (said.get(name, b"") for name in ("out", "errors"))
    if max(len(out), len(errors)) > gate.REPLY:
        raise InputError(f"{what} prints more than {gate.REPLY:,} bytes: that is not an answer")
    for pipe in (process.stdout, process.stderr):
        pipe.close()
    return subprocess.CompletedProcess(
        command, code, out.decode("utf-8", "replace"), errors.decode("utf-8", "replace")
    )
