"""What counts as a finding: anything that a reader does with an input but answer it, or refuse it in one
short sentence, soon, and within its folder.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lstm_edge.base.files import PACKAGE
from lstm_edge.errors import LstmEdgeError

SECONDS = 2.0
"""Of processor time for one input."""
MEMORY = 500 << 20
"""Bytes of address space for one input, beyond what the process has."""
MESSAGE = 1000
"""Characters of a message, without the folder that the input lies in; of each obstacle of a model."""
ROOT = PACKAGE.resolve().parent
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_CHANGES = {
    "os.mkdir",
    "os.rename",
    "os.remove",
    "os.rmdir",
    "os.symlink",
    "os.link",
    "os.truncate",
}
_RUNS = {"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "socket.connect"}
# what Python and libraries read of their own
_OWN = tuple(
    os.path.realpath(p) + "/"
    for p in (*filter(None, sys.path), sys.prefix, sys.base_prefix, ROOT, __file__, "/proc", "/sys")
)


@dataclass(frozen=True)
class Finding:
    """What a reader did: ``key`` is alike for inputs that have it do the same."""

    key: str
    detail: str


class _SlowError(BaseException):
    """More than :data:`SECONDS`."""


class _OutsideError(BaseException):
    """A file beyond the folder, a program or a connection."""


_folder: str | None = None
_reading = False
_count = 0


def _inside(path: Any) -> bool:
    if isinstance(path, int) or path is None or _folder is None:
        return True
    name = os.fsdecode(path)
    if name.startswith(_folder + "/") and ".." not in name:
        return True
    real = os.path.realpath(name)
    return real == _folder or real.startswith((_folder + "/", "/dev/null"))


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if not _reading or _folder is None:
        return
    if event == "open":
        path, _, flags = arguments
        if isinstance(path, int) or _inside(path):
            return
        writing = bool(flags & _WRITING)
        if writing or not os.path.realpath(os.fsdecode(path)).startswith(_OWN):
            raise _OutsideError(f"{'writes' if writing else 'reads'} {path!r}")
    elif event in _CHANGES:
        # a name beside a folder's descriptor: of rmtree, whose folder was looked at
        paths = [path for path in arguments if isinstance(path, str | bytes | os.PathLike)]
        beside = any(isinstance(number, int) and number >= 0 for number in arguments[1:])
        if not (beside and event in ("os.remove", "os.rmdir")) and not all(map(_inside, paths)):
            raise _OutsideError(f"{event} {arguments!r}")
    elif event in _RUNS:
        raise _OutsideError(f"{event} {arguments!r}")


sys.addaudithook(_hook)
# A timer that goes off outside a reading is nobody's: by default it would end the process, and did,
# minutes later, in other tests of the same worker.
signal.signal(signal.SIGPROF, signal.SIG_IGN)


def _stop(*_: Any) -> None:
    raise _SlowError


@contextlib.contextmanager
def watched(folder: Path) -> Iterator[None]:
    """Readers within the block are held to the limits; they may write into the folder only."""
    global _folder, _count
    _count = 0
    limits = resource.getrlimit(resource.RLIMIT_AS)
    handler = signal.signal(signal.SIGPROF, _stop)
    _folder = os.path.realpath(folder)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        _folder = None
        resource.setrlimit(resource.RLIMIT_AS, limits)
        signal.signal(signal.SIGPROF, handler)


def _limit() -> None:
    """Of address space: what a library maps and does not fill counts as well."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, hard))


def judge(read: Any, folder: Path, data: bytes) -> Finding | None:
    """Have a reader read an input, and say what is wrong with that."""
    global _reading, _count
    if _folder is not None and _count % 1000 == 0:
        _limit()
    _count += 1
    began = time.process_time()
    try:
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        _reading = True
        try:
            read(folder, data)
        finally:
            _reading = False
            signal.setitimer(signal.ITIMER_PROF, 0)
    except LstmEdgeError as error:
        message = str(error).replace(str(folder), "")
        if len(message) > MESSAGE * (1 + len(getattr(error, "obstacles", ()))):
            return Finding(f"a message of {MESSAGE} characters {_place(error)}", message[:2000])
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, MemoryError):
                return Finding(f"MemoryError behind {_place(error)}", message)
            cause = cause.__context__
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a finding, of whatever kind it is
        name = {_SlowError: "slow", _OutsideError: f"outside: {error}"[:80]}.get(
            type(error), type(error).__name__
        )
        return Finding(
            f"{name} {_place(error)}", "".join(traceback.format_exception(error))[-4000:]
        )
    if time.process_time() - began > SECONDS:
        return Finding("slow, in a library", "")
    return None


def _place(error: BaseException) -> str:
    """The last line of ours that an error came through."""
    place = "?"
    for frame, line in traceback.walk_tb(error.__traceback__):
        name = frame.f_code.co_filename
        if name.startswith(str(ROOT)) and "/tests/" not in name:
            place = f"{Path(name).relative_to(ROOT)}:{line}"
    return place
