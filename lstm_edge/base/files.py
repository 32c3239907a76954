"""Reading and writing files so that nothing is ever left half-written."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from importlib.resources import files as resources
from pathlib import Path
from typing import Any

from lstm_edge.base import gate, temporary
from lstm_edge.base.reasons import reason_of
from lstm_edge.errors import InputError, LstmEdgeError

PACKAGE = Path(str(resources("lstm_edge")))
"""The folder of this package: its modules, and ``assets``, ``schemas``, ``templates`` and ``web``."""
# what systems and file systems say that cannot exchange two names; some sandboxes say EPERM
_NO_EXCHANGE = (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EPERM)


def unknown_kind(
    path: Path | str, expected: Iterable[str], also: str = "", *, named: str = "", use: str = ""
) -> InputError:
    """What is said where a file's ending is not known: the ending that came, and those that are.

    Args:
        also: what more is expected, in words.
        named: what the file is, before its path.
        use: what it is for, such as ``" to write"``.
    """
    ending = Path(path).suffix or "no ending"
    return InputError(
        f"{named}{path}: unknown kind of file{use} ({ending}); expected {', '.join(expected)}{also}"
    )


def shipped() -> Path:
    """The folder of the model that ships with the project: a run folder with ``samples.jsonl``."""
    return PACKAGE / "assets" / "imdb"


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def content_hash(path: Path) -> str:
    """:func:`sha256` of a file; of a folder (a SavedModel) that of its files' names and hashes."""
    if path.is_file():
        return sha256(path)
    files = sorted(p for p in path.rglob("*") if p.is_file())
    listed = "".join(f"{sha256(p)}  {p.relative_to(path).as_posix()}\n" for p in files)
    return hashlib.sha256(listed.encode()).hexdigest()


def no_room(error: BaseException, *folders: Path) -> OSError | None:
    """What a full disk is called, where it is why a library failed: each says so in its own way.

    Args:
        folders: where it was writing, beside the folder of temporary files.
    """
    full, said = os.strerror(errno.ENOSPC), str(error)
    if full in said or re.search(rf"\berrno\W+{errno.ENOSPC}\b", said, re.IGNORECASE):
        return OSError(errno.ENOSPC, full)
    try:
        for folder in (*folders, Path(tempfile.gettempdir())):
            _write_a_page(folder)
    except OSError as reason:
        return reason
    return None


def _write_a_page(folder: Path) -> None:
    # os.access says yes to root where the file system does not, and a full disk takes empty files
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(bytes(4096))


@contextlib.contextmanager
def _for_room(folder: Path) -> Iterator[None]:
    """While what was written is still there."""
    try:
        yield
    except (OSError, LstmEdgeError):
        raise
    except Exception as error:
        if (reason := no_room(error, folder)) is not None:
            raise reason from error
        raise


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if temporary.is_beside(
            path
        ):  # a part of what is to be replaced, which the user knows by name
            raise
        raise InputError(
            f"{path} cannot be written: {error.strerror or reason_of(error)}"
        ) from error


def check_place(path: Path, needed: int = 0) -> None:
    """Refuse a path that nothing could be written to, before hours go into what is to be written.

    What killed runs left beside it is removed (see :mod:`lstm_edge.base.temporary`).

    Args:
        path: of a file, or of a folder that is replaced; for what is written into a folder, a file in it.
        needed: bytes that will be written at least; 0 where that is not known. A quota is not seen.

    Raises:
        InputError: a file stands where a folder is to be, nobody may write there, or there is no room.
    """
    with _writing(path):
        if _is_stream(path):
            return
        target = _followed(path)
        there = next(parent for parent in target.parents if parent.exists())
        temporary.sweep(there)
        if target.exists() and not os.access(target, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        if target.is_dir() and target.is_mount():
            raise OSError(errno.EBUSY, "it is a mount point; expected a folder in it")
        _write_a_page(there)
        free = _free(there)
        if free is not None and free < needed:
            reason = f"{free / 1e6:,.1f} MB are free there, and at least {needed / 1e6:,.1f} needed"
            raise OSError(errno.ENOSPC, reason)


def _free(folder: Path) -> int | None:
    """Bytes that this user may still write; None where the file system does not say."""
    if not hasattr(os, "statvfs"):
        return shutil.disk_usage(folder).free
    room = os.statvfs(folder)
    blocks = room.f_bfree if os.geteuid() == 0 else room.f_bavail
    return blocks * room.f_frsize if room.f_blocks else None


def _followed(path: Path) -> Path:
    """Where a link leads, be it to nothing yet: that is written or replaced, and the link stays."""
    target = Path(os.path.realpath(path))
    if target.is_symlink():
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    return target


def _is_stream(path: Path) -> bool:
    """Whether it is written to as it stands: a device, a pipe, the file that this process prints to."""
    try:
        status = path.stat()
    except (OSError, ValueError):  # that is found out, and said, by who writes
        return False
    if not stat.S_ISREG(status.st_mode):
        return not stat.S_ISDIR(status.st_mode)
    return _printed_to(status) is not None


def _printed_to(status: os.stat_result) -> int | None:
    for own in (1, 2):
        with contextlib.suppress(OSError):  # it may be closed
            if os.path.samestat(status, os.fstat(own)):
                return own
    return None


def _pour(source: Path, path: Path) -> None:
    """Write a file's content to a stream."""
    own = _printed_to(path.stat())
    # without waiting for a reader that a pipe does not have
    to = os.open(path, os.O_WRONLY | os.O_NONBLOCK) if own is None else os.dup(own)
    os.set_blocking(to, True)
    with source.open("rb") as file, os.fdopen(to, "wb") as stream:
        shutil.copyfileobj(file, stream)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path for a file that takes the place of ``path`` when the block ends well.

    The temporary name is the same: several libraries choose the format by its suffix. A link is followed:
    the file that it leads to is replaced. Mode and owner of an earlier file are kept (other names of it,
    hard links, are not followed). A device or a pipe, such as ``/dev/stdout``, gets the content at the
    end. The content is on the disk before the name is: after a power cut there is the old or the new.

    Raises:
        InputError: it cannot be written, for any :class:`OSError` here or in the block.
    """
    with _writing(path):
        if _is_stream(path):
            with temporary.scratch() as folder:
                new = folder / path.name
                yield new
                _pour(new, path)
            return
        target = _followed(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        with temporary.beside(target) as new, _for_room(target.parent):
            yield new
            _like(new, target)
            _to_disk(new)
            new.replace(target)
        _to_disk(target.parent)


@contextlib.contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """The same for a folder; an earlier one at ``path`` is replaced only when the block ends well.

    On Linux the two change places in one step (``renameat2``): whenever this process is killed, and
    whoever looks, there is the old folder or the new one. Elsewhere, and on the few file systems that
    cannot do it, the old one is set aside first. A reader finds neither for some microseconds, and a kill
    just then leaves neither under the name, until the next run in that place, or the next
    :func:`recover`, puts the old one back.

    Of two at the same time the one that ends last stands, whole. The caller has made sure that ``path``
    may be replaced.
    """
    with _writing(path):
        target = _followed(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        with temporary.beside(target) as new, _for_room(target.parent):
            new.mkdir()
            yield new
            _like(new, target)
            for inside in (*new.rglob("*"), new):
                _to_disk(inside)
            _put(new, target)
            _to_disk(target.parent)


def recover(path: Path) -> None:
    """Put back what a kill while it was replaced left aside: where there is nothing at ``path``."""
    if not path.exists():
        temporary.sweep(Path(os.path.realpath(path)).parent)


def _put(new: Path, target: Path) -> None:
    """Give the folder ``new`` the name ``target``; what is there goes into a temporary folder."""
    for _ in range(100):  # another run may put or take one away between two steps
        try:
            return _exchange(new, target)
        except FileNotFoundError:
            pass
        except OSError as error:
            if error.errno not in _NO_EXCHANGE:
                raise
            with contextlib.suppress(FileNotFoundError):
                target.rename(temporary.aside(new))
        try:
            new.rename(target)
            return None
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
    raise OSError(errno.EBUSY, "other runs write it all the time")


def _exchange(one: Path, other: Path) -> None:
    """Let two paths change places, in one step.

    Raises:
        OSError: one does not exist, or (of :data:`_NO_EXCHANGE`) this system cannot do it.
    """
    try:
        import ctypes

        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (ImportError, AttributeError, OSError, TypeError):  # no Linux, or an old C library
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS)) from None
    here, exchange = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    if rename(here, os.fsencode(one), here, os.fsencode(other), exchange):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _like(new: Path, target: Path) -> None:
    """Give ``new`` the mode and, where that is allowed, the owner of what it replaces."""
    try:
        before = target.stat()
    except FileNotFoundError:
        return
    if hasattr(os, "chown"):
        with contextlib.suppress(OSError):
            os.chown(new, before.st_uid, before.st_gid)
    new.chmod(stat.S_IMODE(before.st_mode))


def _to_disk(path: Path) -> None:
    """Wait until a file's content, or a folder's names, would outlive a power cut.

    It is also where some file systems first say that they are full.
    """
    if os.name == "nt" and path.is_dir():  # it opens no folders
        return
    try:
        handle = os.open(path, os.O_RDONLY)
    except PermissionError:  # a folder that may be written to and not listed
        return
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EROFS):  # it has no such thing
            raise
    finally:
        os.close(handle)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text with ``\\n`` line ends, all or nothing."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as indented UTF-8 JSON, all or nothing."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def read_text(path: Path, what: str, most: int = gate.JSON_BYTES) -> str:
    """The text of a UTF-8 file of at most so many bytes, or an :class:`InputError` that says why not."""
    try:
        return gate.read_bytes(path, what, most).decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{what} {path} is not UTF-8 text (byte {error.start})") from None


def lines_of(text: str) -> list[str]:
    """The lines of a text: they end at line feeds only, whatever else Python takes for the end of one.

    A carriage return before one is an editor's, or git's.
    """
    return text.replace("\r\n", "\n").removesuffix("\n").split("\n") if text else []


def read_json(path: Path, what: str, most: int = gate.JSON_BYTES) -> Any:
    """The value in a JSON file of at most so many bytes, or an :class:`InputError` that says why not."""
    return gate.parse_json(read_text(path, what, most), f"{what} {path}")


def known_fields(cls: Any, value: Mapping[str, Any]) -> dict[str, Any]:
    """Those of a JSON object's fields that a dataclass has; the others are a later version's."""
    return {field.name: value[field.name] for field in fields(cls) if field.name in value}
