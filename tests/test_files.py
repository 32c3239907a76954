"""Files and folders are written whole or not at all, and errors name the file."""

from __future__ import annotations

import errno
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

from lstm_edge.base import files
from lstm_edge.base.files import (
    read_json,
    read_text,
    replacing,
    replacing_folder,
    sha256,
    write_json,
    write_text,
)
from lstm_edge.errors import InputError


class Stopped(BaseException):
    """Stands for Ctrl-C: not an Exception."""


FAILURES = [OSError("disk full"), ValueError("bad"), KeyboardInterrupt(), Stopped()]


def seen(failure: BaseException) -> type[BaseException]:
    """As what a failure in the block comes out of it."""
    return InputError if isinstance(failure, OSError) else type(failure)


def content(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, hidden ones too; empty folders as well."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else b"<folder>"
        for path in folder.rglob("*")
    }


# --- one file -------------------------------------------------------------------------------------


@pytest.mark.parametrize("before", [None, b"old"], ids=["new", "over an old one"])
def test_file_is_replaced(tmp_path: Path, before: bytes | None) -> None:
    """The old content stands until the block ends; then the new one, readable, and nothing else."""
    path = tmp_path / "deep" / "er" / "model.keras"
    if before is not None:
        path.parent.mkdir(parents=True)
        path.write_bytes(before)
    with replacing(path) as temporary:
        assert temporary.parents[2] == path.parent  # on the same file system
        assert temporary.suffix == ".keras"
        temporary.write_bytes(b"new")
        assert (path.read_bytes() if path.exists() else None) == before
    assert content(path.parent) == {"model.keras": b"new"}
    assert path.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("failure", FAILURES, ids=lambda f: type(f).__name__)
@pytest.mark.parametrize("before", [None, b"old"], ids=["new", "over an old one"])
def test_file_is_untouched_when_the_block_raises(
    tmp_path: Path, before: bytes | None, failure: BaseException
) -> None:
    """Half of a new file is written, then the block raises."""
    path = tmp_path / "file.bin"
    if before is not None:
        path.write_bytes(before)
    kept = content(tmp_path)
    with pytest.raises(seen(failure)), replacing(path) as temporary:  # noqa: PT012
        temporary.write_bytes(b"half")
        raise failure
    assert content(tmp_path) == kept


def test_no_temporary_is_left_where_the_name_is_taken(tmp_path: Path) -> None:
    """A folder of that name cannot be replaced by a file."""
    (tmp_path / "taken").mkdir()
    with pytest.raises(InputError, match="taken cannot be written"):
        write_text(tmp_path / "taken", "text")
    assert content(tmp_path) == {"taken": b"<folder>"}


# --- a folder -------------------------------------------------------------------------------------


def make_folder(path: Path) -> None:
    """A folder with a file at two depths."""
    (path / "sub").mkdir(parents=True)
    (path / "a").write_text("old a")
    (path / "sub" / "b").write_text("old b")


@pytest.mark.parametrize("existing", [False, True], ids=["new", "over an old one"])
def test_folder_is_replaced(tmp_path: Path, existing: bool) -> None:
    """Nothing of the old folder is left, nor a temporary."""
    path = tmp_path / "deep" / "bundle"
    if existing:
        make_folder(path)
    with replacing_folder(path) as temporary:
        (temporary / "c").write_text("new c")
        assert path.exists() == existing
    assert content(tmp_path / "deep") == {"bundle": b"<folder>", "bundle/c": b"new c"}
    assert path.stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("failure", FAILURES, ids=lambda f: type(f).__name__)
@pytest.mark.parametrize("existing", [False, True], ids=["new", "over an old one"])
def test_folder_is_untouched_when_the_block_raises(
    tmp_path: Path, existing: bool, failure: BaseException
) -> None:
    """One file of the new folder is written, then the block raises."""
    path = tmp_path / "bundle"
    if existing:
        make_folder(path)
    kept = content(tmp_path)
    with pytest.raises(seen(failure)), replacing_folder(path) as temporary:  # noqa: PT012
        (temporary / "a").write_text("half")
        raise failure
    assert content(tmp_path) == kept


def no_exchange(one: Path, other: Path) -> None:
    """What a file system says that cannot exchange two names."""
    raise OSError(errno.EINVAL, "Invalid argument")


@pytest.mark.parametrize("failure", FAILURES, ids=lambda f: type(f).__name__)
def test_folder_comes_back_when_the_exchange_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: BaseException
) -> None:
    """The old folder is out of the way already when renaming the new one raises."""
    monkeypatch.setattr(files, "_exchange", no_exchange)
    path = tmp_path / "bundle"
    make_folder(path)
    kept = content(tmp_path)
    rename = Path.rename

    def interrupted(self: Path, target: Path) -> Path:
        if target == path and (self / "new").exists():
            assert not path.exists()
            raise failure
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises(seen(failure)), replacing_folder(path) as temporary:
        (temporary / "new").write_text("new")
    assert content(tmp_path) == kept


# --- text and JSON --------------------------------------------------------------------------------

VALUES = [
    {"a": 1, "b": [1.5, None, True], "c": {"é": "😀"}},
    [],
    "text with \u2028, \x85, \r\n and \\",
    1 / 3,
    5e-324,
    -(2**62),
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_json_round_trip(tmp_path: Path, value: Any) -> None:
    """Every value comes back exactly; the file is UTF-8, indented, and ends in a line end."""
    path = tmp_path / "sub" / "value.json"
    write_json(path, value)
    assert read_json(path, "value") == value
    text = path.read_bytes().decode("utf-8")
    assert text.endswith("\n")
    assert "\\u00e9" not in text
    assert text == json.dumps(value, indent=1, ensure_ascii=False) + "\n"


@pytest.mark.parametrize("value", [float("nan"), [float("inf")], {"a": {1, 2}}], ids=repr)
def test_json_that_nobody_else_reads_is_not_written(tmp_path: Path, value: Any) -> None:
    """NaN is not JSON; the file that was there stays."""
    path = tmp_path / "value.json"
    write_json(path, "old")
    with pytest.raises((ValueError, TypeError)):
        write_json(path, value)
    assert content(tmp_path) == {"value.json": b'"old"\n'}


@pytest.mark.parametrize("text", ["", "a\nb\n", "a\r\nb", "é\u2028😀", "\ufeffmark"])
def test_text_is_written_as_it_is(tmp_path: Path, text: str) -> None:
    """No line end is translated on any system, in or out."""
    path = tmp_path / "text.txt"
    write_text(path, text)
    assert path.read_bytes() == text.encode()
    assert read_text(path, "text") == text


def test_text_that_utf8_cannot_hold_leaves_the_old_file(tmp_path: Path) -> None:
    """Half of a surrogate pair."""
    write_text(tmp_path / "text.txt", "old")
    with pytest.raises(UnicodeEncodeError):
        write_text(tmp_path / "text.txt", "new \ud83d")
    assert content(tmp_path) == {"text.txt": b"old"}


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (None, "labels FILE does not exist"),
        ("folder", "labels FILE is a folder; expected a regular file"),
        (b"ok\xff", "labels FILE is not UTF-8 text (byte 2)"),
        (b"", "labels FILE is not valid JSON"),
        (b'{"a": 1', "labels FILE is not valid JSON"),
        (b"{'a': 1}", "labels FILE is not valid JSON"),
    ],
)
def test_read_errors(tmp_path: Path, raw: bytes | str | None, reason: str) -> None:
    """One InputError each: what it was, its path, and why."""
    path = tmp_path / "file.json"
    if raw == "folder":
        path.mkdir()
    elif isinstance(raw, bytes):
        path.write_bytes(raw)
    with pytest.raises(InputError, match=re.escape(reason.replace("FILE", str(path)))):
        read_json(path, "labels")


@pytest.mark.parametrize("size", [0, 1, 100_000])
def test_sha256(tmp_path: Path, size: int) -> None:
    """Of the content, whatever the size."""
    raw = bytes(i * i % 256 for i in range(size))
    (tmp_path / "file").write_bytes(raw)
    assert sha256(tmp_path / "file") == hashlib.sha256(raw).hexdigest()
