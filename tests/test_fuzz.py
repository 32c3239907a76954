"""Readers of files and replies from elsewhere, on the corpus and on changes of it with fixed seeds.

``python -m tests.fuzz`` does the same guided by coverage, for as long as one likes.
"""

from __future__ import annotations

import io
import json
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from random import Random

import numpy as np
import pytest

from lstm_edge.bundle.manifest import seal
from lstm_edge.errors import InputError
from tests.fuzz import mutate
from tests.fuzz.judge import Finding, judge, watched
from tests.fuzz.readers import CORPUS, READERS
from tests.fuzz.replies import quiet

LIGHT = [name for name, reader in READERS.items() if not reader.heavy]
HEAVY = [name for name, reader in READERS.items() if reader.heavy]
SHARE = 125
"""One of so many of the executions of ``python -m tests.fuzz --times 1``: half a minute in all."""


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as name:
        place = Path(name)
        (place / "tmp").mkdir()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(tempfile, "tempdir", str(place / "tmp"))
            yield place


def read_all(name: str, folder: Path, count: int) -> list[tuple[Finding, bytes]]:
    """The findings among the inputs to begin with and so many changes of them."""
    reader = READERS[name]
    reader.ready(folder)
    inputs, chance = reader.seeds(name), Random(name)
    for data in inputs:  # what is imported when it is first needed
        judge(reader.read, folder, data)
    found = []
    with watched(folder), quiet():
        for i in range(len(inputs) + count):
            data = inputs[i] if i < len(inputs) else reader.mutate(chance.choice(inputs), chance)
            if (finding := judge(reader.read, folder, data)) is not None:
                found.append((finding, data[:200]))
    return found


@pytest.mark.parametrize("name", LIGHT)
def test_the_corpus(name: str, folder: Path) -> None:
    assert not read_all(name, folder, 0)


@pytest.mark.parametrize("name", HEAVY)
def test_the_corpus_of_what_needs_tensorflow(name: str, folder: Path) -> None:
    assert not read_all(name, folder, 0)


@pytest.mark.parametrize("name", READERS)
def test_changes(name: str, folder: Path) -> None:
    assert not read_all(name, folder, READERS[name].each // SHARE)


def test_every_reader_has_something_to_begin_with() -> None:
    assert not [name for name, reader in READERS.items() if not reader.seeds(name)]
    assert {path.name for path in CORPUS.iterdir()} <= set(READERS)


def test_the_corpus_is_small() -> None:
    assert sum(path.stat().st_size for path in CORPUS.rglob("*")) < 1 << 20


# ---- the judge sees what it is there for


def _raises(folder: Path, data: bytes) -> None:
    json.loads(data)


def _refuses(folder: Path, data: bytes) -> None:
    raise InputError("x" * 2000 if data else "short")


def _writes(folder: Path, data: bytes) -> None:
    (folder / "inside").write_bytes(data)
    (folder.parent / "planted-by-a-test.txt").write_bytes(data)


def _reads(folder: Path, data: bytes) -> None:
    Path("/etc/passwd").read_bytes()


def _runs(folder: Path, data: bytes) -> None:
    import subprocess

    subprocess.run(["true"], check=True)


def _takes_memory(folder: Path, data: bytes) -> None:
    np.zeros(1 << 30, np.uint8)


def _hides_memory(folder: Path, data: bytes) -> None:
    try:
        _takes_memory(folder, data)
    except MemoryError:
        raise InputError("too large") from None


def _loops(folder: Path, data: bytes) -> None:
    while True:
        pass


@pytest.mark.parametrize(
    ("read", "kind"),
    [
        (_raises, "JSONDecodeError"),
        (_refuses, "a message of"),
        (_writes, "outside: writes"),
        (_reads, "outside: reads"),
        (_runs, "outside: subprocess"),
        (_takes_memory, "MemoryError"),
        (_hides_memory, "MemoryError behind"),
        (_loops, "slow"),
    ],
)
def test_findings(read: object, kind: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.fuzz.judge.SECONDS", 0.2)
    monkeypatch.setattr("tests.fuzz.judge.MESSAGE", 500)
    with watched(folder):
        found = judge(read, folder, b"{")
    assert found is not None
    assert kind in found.key
    assert not (folder.parent / "planted-by-a-test.txt").exists()


def test_what_is_refused_shortly_is_none(folder: Path) -> None:
    with watched(folder):
        assert judge(_refuses, folder, b"") is None


# ---- changes leave right what is checked first


def test_a_manifest_is_sealed_again() -> None:
    (*_, data) = READERS["manifest-texts"].seeds("manifest-texts")
    right = 0
    for number in range(100):
        try:
            value = json.loads(mutate.sealed(data, Random(number)))
            right += value["seal"] == seal(value)
        except (ValueError, TypeError, KeyError):
            pass
    assert right > 80


def test_an_archive_has_right_checksums() -> None:
    right = 0
    for number in range(100):
        data = mutate.archive(READERS["npz"].seeds("npz")[0], Random(number))
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                right += archive.testzip() is None
        except (zipfile.BadZipFile, ValueError):
            pass
    assert right > 80


def test_messages_within_messages_keep_their_lengths() -> None:
    (data, *_) = READERS["onnx"].seeds("onnx")
    changed = [mutate.protobuf(data, Random(number)) for number in range(100)]
    assert sum(mutate._fields(one) is not None for one in changed) > 80
    assert sum(one != data for one in changed) > 90
