"""The program that ssh.py starts on a board: it needs nothing but Python's own library.

Its text is sent down the connection and executed, so it must not import this package. It takes files into
a new folder, runs a command there, passes on what that prints, and removes the folder: also when the
connection is gone, which it sees at the end of its standard input. What is left where it is killed
itself, or the board is switched off, the next one removes.
"""

from __future__ import annotations

import contextlib
import getpass
import importlib.util
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

PIECE = 1 << 20
NAME = "lstm-edge-far_"
LAST = 1 << 12  # bytes of what a command printed last, where its reason stands


def main(token: str) -> None:
    """Serve one request; every line that belongs to it begins with ``@token``.

    Standard input holds a line of JSON (``folder``, ``modules``), then, after the answer to it, another
    (``files`` as [name, size], ``module`` and ``arguments`` to run) and the files' bytes.
    """
    lock = threading.Lock()

    def send(text: bytes) -> None:
        # an error: nobody listens; the end of the input says so too
        with lock, contextlib.suppress(OSError):
            sys.stdout.buffer.write(b"@" + token.encode() + b" " + text.strip() + b"\n")
            sys.stdout.buffer.flush()

    def say(**event: Any) -> None:
        send(json.dumps(event).encode())

    def stop(*_: Any) -> None:
        raise SystemExit

    for name in (signal.SIGHUP, signal.SIGTERM):
        signal.signal(name, stop)
    sys.path[:] = [entry for entry in sys.path if entry]  # not what lies in the home folder
    asked = json.loads(sys.stdin.buffer.readline())
    try:
        parent = Path(asked["folder"]).expanduser() if asked["folder"] else None
        _tidy(parent or Path(tempfile.gettempdir()))
        folder, owned = _own(parent)
    except (OSError, RuntimeError) as error:  # no home folder is a RuntimeError
        say(failed="folder", reason=getattr(error, "strerror", None) or str(error))
        return
    try:
        say(
            folder=folder,
            user=getpass.getuser(),
            found=[m for m in asked["modules"] if importlib.util.find_spec(m) is not None],
        )
        _serve(Path(folder), say, send)
    except OSError as error:
        say(failed="files", reason=error.strerror)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if owned is not None:
            os.close(owned)
        if Path(folder).exists():
            say(left=folder)
        else:
            say(removed=folder)


def _own(parent: Path | None) -> tuple[str, int | None]:
    """A new folder, and its lock; None where the file system has none."""
    while True:
        folder = tempfile.mkdtemp(prefix=NAME, dir=parent)
        try:
            return folder, _locked(Path(folder))
        except (
            BlockingIOError,
            FileNotFoundError,
        ):  # another run takes it for left, and removes it
            continue
        except OSError:
            return folder, None


def _tidy(parent: Path) -> None:
    """Remove what killed runs left: the folders whose lock nobody holds."""
    for folder in parent.glob(f"{NAME}????????"):
        with contextlib.suppress(OSError):
            status = folder.lstat()
            if stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid():
                lock = _locked(folder)
                shutil.rmtree(folder, ignore_errors=True)
                os.close(lock)


def _locked(folder: Path) -> int:
    """A descriptor that holds the folder's lock: the system lets go of it when this process ends."""
    import fcntl  # not on every machine that sends this

    path = folder / "lock"
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not os.path.samestat(path.stat(), os.fstat(lock)):
            raise FileNotFoundError(path)
    except OSError:
        os.close(lock)
        raise
    return lock


def _serve(folder: Path, say: Any, send: Any) -> None:
    line = sys.stdin.buffer.readline()
    if not line:
        return
    request = json.loads(line)
    for name, size in request["files"]:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            while size:
                piece = sys.stdin.buffer.read(min(size, PIECE))
                if not piece:
                    return
                file.write(piece)
                size -= len(piece)
    say(taken=len(request["files"]))
    errors = folder / "errors.txt"
    with errors.open("wb") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", request["module"], *request["arguments"]],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            env={**os.environ, "TMPDIR": str(folder)},
            start_new_session=True,
        )

    def kill() -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)

    def watch() -> None:  # the other end closes our input when it has enough, or is gone
        try:
            while os.read(0, PIECE):
                pass
        finally:
            kill()

    threading.Thread(target=watch, daemon=True).start()
    try:
        assert child.stdout is not None
        for text in child.stdout:
            send(text)
        child.wait()
    finally:
        kill()
        child.wait()
    with errors.open("rb") as printed:
        printed.seek(-min(errors.stat().st_size, LAST), os.SEEK_END)
        last = printed.read().decode("utf-8", "replace").strip().splitlines()[-1:]
    say(ended=child.returncode, last=last[0] if last else "")
