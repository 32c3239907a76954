"""Temporary folders that do not outlive their process: what a killed run leaves, the next one removes.

Each holds a file that its process locks (``flock``). The system lets go of the lock however the process
ends, so a folder whose lock can be taken is nobody's: no process number that another has by now, and none
of another container or machine, can be mistaken. Where there are no such locks (Windows, some network
file systems) nothing is known of others, and what is left stays.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

PREFIX = "lstm-edge-tmp-"
"""Of their names; beside what is written, hidden, with a dot in front."""
_LOCK, _NEW = "lock", "new"


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """A folder among the system's temporary files for the block; the dead runs' are removed first."""
    with _held(Path(tempfile.gettempdir()), PREFIX) as folder:
        yield folder


@contextlib.contextmanager
def beside(target: Path) -> Iterator[Path]:
    """A path for what is to take the place of ``target``: of the same name, on the same file system."""
    with _held(target.parent, f".{PREFIX}") as folder:
        new = folder / _NEW / target.name
        new.parent.mkdir()
        try:
            yield new
        finally:
            _restore(folder)


def is_beside(path: Path) -> bool:
    """Whether it lies in a folder of :func:`beside`."""
    return any(part.startswith(f".{PREFIX}") for part in path.parts)


def aside(new: Path) -> Path:
    """Where what stands at the target waits for ``new``, a path of :func:`beside`, to take its place.

    If it does not come to that, it is put back: at the end of the block, or after a kill by
    :func:`sweep`.
    """
    return Path(tempfile.mkdtemp(prefix="old-", dir=new.parents[1])) / new.name


def sweep(parent: Path) -> None:
    """Remove what killed runs left in a folder, and put back what they had set aside.

    What is locked, belongs to another user or cannot be written to is left alone.
    """
    if fcntl is None:
        return
    with contextlib.suppress(OSError), os.scandir(parent) as entries:
        left = [e for e in entries if e.name.removeprefix(".").startswith(PREFIX)]
        for entry in left:
            with contextlib.suppress(OSError):  # also: locked, or gone meanwhile
                # a link of another user in /tmp leads anywhere
                status = entry.stat(follow_symlinks=False)
                if stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid():
                    _remove(Path(entry.path))


def lasting() -> Path:
    """The folder of temporary files for what is to be read after the end of this process."""
    folder = Path(tempfile.gettempdir())
    return folder.parent if folder.name.startswith(PREFIX) else folder


@contextlib.contextmanager
def _held(parent: Path, prefix: str) -> Iterator[Path]:
    sweep(parent)
    while True:
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
        try:
            lock = _locked(folder)
            break
        except (
            BlockingIOError,
            FileNotFoundError,
        ):  # another run takes it for left, and removes it
            continue
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _locked(folder: Path) -> int:
    """A descriptor that holds the folder's lock.

    Raises:
        BlockingIOError: another process holds it.
        FileNotFoundError: the folder was removed meanwhile.
    """
    path = folder / _LOCK
    lock = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
    try:
        if fcntl is not None:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise
            except OSError:  # no locks on this file system: nobody else gets one either
                return lock
            if not os.path.samestat(path.stat(), os.fstat(lock)):
                raise FileNotFoundError(path)
    except BaseException:
        os.close(lock)
        raise
    return lock


def _remove(folder: Path) -> None:
    path = folder / _LOCK
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _restore(folder)
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(lock)


def _restore(folder: Path) -> None:
    """Put back what was set aside, where nothing has taken its place."""
    for old in folder.glob("old-*/*"):
        target = folder.parent / old.name
        if not os.path.lexists(target):
            old.rename(target)
