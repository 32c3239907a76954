"""Reading and writing files so that nothing is ever left half-written."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from importlib.resources import files as resources
from pathlib import Path
from typing import Any

from lstm_edge.base import gate
from lstm_edge.errors import InputError

PACKAGE = Path(str(resources("lstm_edge")))
"""The folder of this package: its modules, and ``assets``, ``schemas``, ``templates`` and ``web``."""


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


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}") from error


def check_place(path: Path) -> None:
    """Refuse a path that nothing could be written to, before hours go into what is to be written.

    Raises:
        InputError: a file stands where a folder is to be, or nobody may write there.
    """
    with _writing(path):
        there = next(parent for parent in path.absolute().parents if parent.exists())
        # os.access says yes to root where the file system does not
        tempfile.TemporaryFile(dir=there).close()


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path``; renamed to it when the block ends well, removed when not.

    The temporary name keeps the suffix: several libraries choose the format by it.

    Raises:
        InputError: it cannot be written, for any :class:`OSError` here or in the block.
    """
    with _writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(
            prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent
        )
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            temporary.chmod(0o644)  # mkstemp gives 0600
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """The same for a folder; an earlier one at ``path`` is replaced only when the block ends well.

    The caller has made sure that ``path`` may be replaced.
    """
    with _writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
        old = temporary.with_name(temporary.name + "-old")
        try:
            yield temporary
            temporary.chmod(0o755)
            if path.exists():
                path.rename(old)
            temporary.rename(path)
        finally:
            if old.exists() and not path.exists():
                old.rename(path)
            shutil.rmtree(temporary, ignore_errors=True)
            shutil.rmtree(old, ignore_errors=True)


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
