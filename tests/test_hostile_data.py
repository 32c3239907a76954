"""Data, options and arguments that somebody else has made: one clear sentence, no wait, little memory."""

from __future__ import annotations

import codecs
import gzip
import io
import json
import os
import pickle
import socket
import subprocess
import sys
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from terminal import on_terminal

from lstm_edge import load_bundle
from lstm_edge.cli import cli
from lstm_edge.devices.browser import server
from lstm_edge.devices.browser.chromium import Page
from lstm_edge.devices.browser.runtimes import WEB
from lstm_edge.errors import InputError
from lstm_edge.inputs import data
from lstm_edge.inputs.array_files import read_inputs, read_numpy
from lstm_edge.inputs.batches import load_batches
from lstm_edge.inputs.expected import read_expected
from lstm_edge.inputs.scaling import read_scales
from lstm_edge.inputs.signature import Input, Output, Signature
from lstm_edge.inputs.targets import read_targets
from lstm_edge.inputs.vocabulary import read_vocabulary
from lstm_edge.inputs.windows import Window

BUNDLES = Path(__file__).parent / "bundles"
TEXTS, ARRAYS, IDS = BUNDLES / "texts", BUNDLES / "arrays", BUNDLES / "ids"
SERIES = Input("series", "float32", (None, None, 2), None, None)
ANSWER = Output("answer", (None, 3), "softmax")
SIGNATURE = Signature((SERIES,), (ANSWER,))
HEAD = b"text,label\n"
DIGITS = b"1" * 5_000
ALIKE = (b"good film " * 30 + b",1\n") * 3_000
MORE = "more than 8,000,000 characters in one row"

# ---------------------------------------------------------------- files


def npy(header: str | bytes, content: bytes = b"", version: bytes = b"\1\0") -> bytes:
    """An array's file with any header."""
    text = header.encode() if isinstance(header, str) else header
    size = len(text).to_bytes(2 if version == b"\1\0" else 4, "little")
    return b"\x93NUMPY" + version + size + text + content


def described(shape: str, dtype: str = "'<f4'", content: bytes = b"\0" * 16) -> bytes:
    return npy(f"{{'descr': {dtype}, 'fortran_order': False, 'shape': {shape}}}\n", content)


WHOLE = described("(2, 2)")


def npz(*members: tuple[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return file.getvalue()


def marked(content: bytes, *, flags: int = 0, method: int | None = None) -> bytes:
    """An archive whose members say that they are encrypted, or compressed in another way."""
    changed = bytearray(content)
    for begin, at in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        place = changed.find(begin)
        while place >= 0:
            changed[place + at] |= flags
            if method is not None:
                changed[place + at + 2 : place + at + 4] = method.to_bytes(2, "little")
            place = changed.find(begin, place + 4)
    return bytes(changed)


def pickled(content: bytes) -> bytes:
    """An object array with any pickle in it, and labels, as Keras's data have them."""
    array = described("(1,)", "'|O'", content)
    labels = io.BytesIO()
    np.save(labels, np.array([1]))
    return npz(("x_test.npy", array), ("y_test.npy", labels.getvalue()))


def objects(rows: list[Any]) -> bytes:
    array = np.empty(len(rows), object)
    for number, row in enumerate(rows):
        array[number] = row
    return pickle.dumps(array, 2)


def doubled(times: int) -> list[Any]:
    """A list that holds the one before twice: written once, 2 ** times when it is spread out."""
    made: list[Any] = [1]
    for _ in range(times):
        made = [made, made]
    return made


class Encoded:
    """Bytes as Python 2 pickles them: a text, and a call that encodes it."""

    TEXT = "a" * 1_000_000

    def __reduce__(self) -> Any:
        return codecs.encode, (self.TEXT, "latin1")


def many(block: bytes, times: int) -> bytes:
    """Packed: what repeats a block."""
    return gzip.compress(block, 9, mtime=0) * times


def fifo(path: Path) -> None:
    os.mkfifo(path)


def unix_socket(path: Path) -> None:
    place = Path.cwd()
    os.chdir(path.parent)  # the name of a socket is short
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(path.name)
    os.chdir(place)


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def loop(path: Path) -> None:
    path.symlink_to(path.name)


def folder(path: Path) -> None:
    path.mkdir()


READERS: dict[str, Callable[[Path], Any]] = {
    "data": lambda path: data.load(str(path)),
    "tested": lambda path: data.evaluation(str(path)),
    "texts": lambda path: list(data.texts(path)),
    "inputs": lambda path: read_inputs(path, SIGNATURE),
    "series": lambda path: read_inputs(path, SIGNATURE, Window(2, 1)),
    "targets": lambda path: read_targets(path, SIGNATURE),
    "scale": lambda path: read_scales(path, [SERIES], "scale"),
    "vocabulary": read_vocabulary,
    "expected": read_expected,
    "numbers": read_numpy,
    "golden": load_batches,
}

Content = bytes | Callable[[Path], None]
NOT_REGULAR: list[tuple[str, str, Content, str]] = [
    (reader, f"a{suffix}", make, said)
    for reader, suffixes in {
        "data": (".csv", ".jsonl.gz", ".npz"),
        "tested": (".tsv",),
        "texts": (".txt", ".csv.gz"),
        "inputs": (".npy", ".npz", ".csv"),
        "targets": (".npy", ".npz", ".csv"),
        "scale": (".json", ".npz"),
        "vocabulary": (".txt", ".json"),
        "expected": (".jsonl", ".csv.gz"),
    }.items()
    for suffix in suffixes
    for make, said in (
        (fifo, "is a pipe; expected a regular file"),
        (unix_socket, "is a socket; expected a regular file"),
        (device, "is a device; expected a regular file"),
        (loop, ""),
    )
]

# reader, name of the file, its content, what is said
FILES: list[tuple[str, str, Content, str]] = [
    *NOT_REGULAR,
    # arrays: what their headers say
    *(
        ("numbers", "a.npy", content, said)
        for content, said in (
            (described(f"({10**18},)"), "says that it has 4,000,000,000,000,000,000 bytes"),
            (described(f"({10**6}, {10**6})"), "says that it has 4,000,000,000,000 bytes"),
            (described(f"(0, {10**18})", content=b""), "gives the shape (0, 10"),
            (described("(2, 3)"), "says that it has 24 bytes of numbers, and has 16"),
            (described("(2, 1)"), "says that it has 8 bytes of numbers, and has 16"),
            (described("(-2, -2)"), "shape"),
            (described("(2, True)"), "shape"),
            (described("(" + "1" * 5_000 + ",)"), "header"),
            (described("(2, 2)", "'|O'"), "Python objects"),
            (described("(2,)", "[('a', '<f4'), ('b', '<f4')]"), "expected numbers"),
            (described(f"({10**18},)", "'|S0'"), "expected numbers"),
            (described("(2, 2)", "'<M8[s]'"), "expected numbers"),
            (described("(" + "2," * 65 + ")"), "65 axes"),
            (npy("[" * 9_000), "header"),
            (npy("{" * 9_000), "header"),
            (npy("(" * 60_000), "header"),
            (npy("-" * 9_000 + "1"), "header"),
            (npy("9**9**9**9"), "header"),
            (npy(b" " * 10_000_000, version=b"\2\0"), "header"),
            (npy(b"\xff" * 100, version=b"\3\0"), "header"),
            (b"\x93NUMPY\x02\x00\xff\xff\xff\x7f{}", "header"),
            (b"\x93NUMPY\x09\x09", "header"),
            (b"\x93NUMPY", "does not begin as one"),
            (b"\x93NUM", "does not begin as one"),
            (b"", "does not begin as one"),
        )
    ),
    # archives of arrays: what their directories say
    *(
        ("numbers", "a.npz", content, said)
        for content, said in (
            (marked(npz(("a.npy", WHOLE)), flags=1), "a.npy is encrypted"),
            (marked(npz(("a.npy", WHOLE)), method=99), "a.npy is compressed in a way"),
            (npz(("a.npy", WHOLE), method=zipfile.ZIP_BZIP2), "a.npy is compressed in a way"),
            (npz(("a.npy", WHOLE), method=zipfile.ZIP_LZMA), "a.npy is compressed in a way"),
            (npz(("a.npy", described(f"({10**18},)"))), "says that it has 4,000,000,000,000,000,000"),
            (npz(("a.npy", b"[" * 9_000)), "does not begin as one"),
            (npz(("a.txt", b"text")), "does not begin as one"),
            (npz(("a.npy", npy("[" * 9_000))), "header"),
            (npz(*((f"{i}.npy", b"") for i in range(70_000))), "more than 65,535"),
            (b"PK\3\4" + b"\0" * 100, "zip file"),
        )
    ),
    ("data", "a.npz", marked(npz(("x_train.npy", WHOLE), ("y_train.npy", WHOLE)), flags=1), "encrypted"),
    ("data", "a.npz", npz(("x_train.npy", described(f"({10**18},)")), ("y_train.npy", WHOLE)), "bytes"),
    ("golden", "a.npz", npz(("1" * 5_000 + "/case.npy", WHOLE)), "expected 0/case, 0/in/NAME"),
    ("golden", "a.npz", npz(("case.npy", WHOLE)), "holds 'case'; expected 0/case"),
    ("golden", "a.npz", npz(("0/case.npy", WHOLE), ("99999999/case.npy", WHOLE)), "holds no texts"),
    ("golden", "a.npz", npz(), "holds no arrays by name"),
    # pickles of data
    *(
        ("data", "a.npz", pickled(content), said)
        for content, said in (
            (b"\x80\x02]r\xff\xff\xff\x7f.", "more room than it has bytes"),  # the memo's place 2^31
            (b"\x80\x04\x95" + b"\xff" * 6 + b"\0\0.", "more room than it has bytes"),
            (b"\x80\x04\x8e" + b"\xff" * 6 + b"\0\0.", "281,474,976,710,655 bytes follow"),
            (b"\x80\x04\x96" + b"\xff" * 6 + b"\0\0.", "which no list of numbers needs"),
            (b"\x80\x02\x8b\xff\xff\xff\x7f.", "which no list of numbers needs"),
            (b"\x80\x02" + b"(" * 1_000_000 + b".", "unexpected MARK found"),
            (b"I" + DIGITS + b"\n.", "which no list of numbers needs"),
            (b"]p999999999\n.", "more room than it has bytes"),
            (b"\x80\x02cbuiltins\neval\n.", "could run code"),
            (objects([[1], [10**400]]), "167 bytes follow, which do not"),
            (objects([doubled(40)]), "x_test[0] is not a list of integer ids"),
            (objects([["a" * 1_000_000] * 100_000]), "x_test[0] is not a list of integer ids"),
            (objects([[1] * 100_000] * 100_000), "more numbers than it has bytes"),
            (objects([np.ones(100_000, int)] * 100_000), "more numbers than it has bytes"),
            (objects([Encoded() for _ in range(10_000)]), "more bytes than it has itself"),
        )
    ),
    # tables
    ("data", "a.csv.gz", gzip.compress(HEAD + b"\xff,1\n" * 9_999, mtime=0)[:-20], "not UTF-8 text"),
    ("data", "a.csv.gz", gzip.compress(HEAD + b"a,1\n" + b"\xff" * 9, mtime=0)[:-9], "FILE"),
    ("texts", "a.txt.gz", gzip.compress(b"a\n\xff\n", mtime=0)[:-4], "FILE"),
    ("expected", "a.jsonl.gz", gzip.compress(b"a\n\xff\n" * 99, mtime=0)[:-4], "FILE"),
    ("data", "a.csv.gz", b"\x1f\x8b\x08\x00abc", "cannot be read"),
    ("data", "a.csv", HEAD + b"a" * 9_000_000 + b",1\n", "line 2: " + MORE),
    ("data", "a.csv", HEAD + b'"' + b"a\n" * 5_000_000 + b'",1\n', MORE),
    ("data", "a.csv", HEAD + b'"' + b"a\n" * 5_000_000, MORE),
    ("data", "a.tsv", b"a" * 9_000_000, "line 1: " + MORE),
    ("data", "a.jsonl", b'{"text": "' + b"a" * 9_000_000, "line 1: " + MORE),
    ("texts", "a.txt", b"\n" + b"a" * 9_000_000, "line 2: " + MORE),
    ("expected", "a.csv", b"text,label\n" + b"a" * 9_000_000, "line 2: " + MORE),
    ("data", "a.jsonl", b'{"text": "a", "label": ' + b"[" * 99_999, "line 1 is not taken"),
    ("data", "a.jsonl", b'{"text": "a", "label": ' + DIGITS + b"}", "a number of 5,000 digits"),
    ("data", "a.jsonl", b'{"text": "a", "label": 1e999}', "beyond 1e308"),
    ("data", "a.jsonl", b'{"text": "a", "label": NaN}', "NaN is not a number"),
    ("data", "a.jsonl", b'{"text": "a", "label": [1]}', "'label' is no text and no number"),
    ("data", "a.jsonl", b'{"text": "a", "label": {}}', "'label' is no text and no number"),
    ("data", "a.jsonl", b'{"text": "a", "label": "1", "split": [[]]}', "'split' is no text"),
    ("expected", "a.jsonl", b'{"text": "a", "label": ' + DIGITS + b"}", "a number of 5,000 digits"),
    ("expected", "a.jsonl", b'{"text": "a", "ids": [' + DIGITS + b"]}", "a number of 5,000 digits"),
    ("expected", "a.jsonl", b'{"text": "\\ud800", "label": 1}', "half of a character"),
    ("expected", "a.jsonl", b'{"text": "a", "label": "\\ud800"}', "half of a character"),
    ("expected", "a.jsonl", b'{"text": "a", "label": {"a": 1}}', "its label is no text and no number"),
    ("expected", "a.jsonl", b'{"text": "a", "ids": [1e10], "label": 1}', "whole numbers"),
    ("expected", "a.jsonl", b'{"text": "a", "ids": [-1], "label": 1}', "whole numbers"),
    ("expected", "a.jsonl", b'{"text": "a", "ids": {"a": 1}, "label": 1}', "whole numbers"),
    ("expected", "a.csv", b"ids,label\n99999999999999999999,1\n", "whole numbers"),
    ("expected", "a.csv", b"ids,probability\n1," + DIGITS + b"\n", "not numbers"),
    # vocabularies
    ("vocabulary", "a.json", b'{"a": ' + DIGITS + b"}", "a number of 5,000 digits"),
    ("vocabulary", "a.json", b'{"a": 99999999999999999999}', "above 2,147,483,647"),
    ("vocabulary", "a.json", b"[" * 99_999, "more than 100 deep"),
    ("vocabulary", "a.json", b'{"class_name": "Tokenizer", "config": {"word_index": "'
     + b"[" * 99_999 + b'"}}', "more than 100 deep"),
    ("vocabulary", "a.json", b'{"class_name": "Tokenizer", "config": {"word_index": "{\\"a\\": '
     + DIGITS + b'}"}}', "a number of 5,000 digits"),
    ("vocabulary", "a.json", b'{"class_name": "Tokenizer", "config": {"word_index": "[1]", '
     b'"lower": 1, "filters": "", "split": " "}}', "is not whole"),
    ("vocabulary", "a.json", b'{"class_name": "Tokenizer", "config": {"word_index": "{\\"a\\": \\"b\\"}",'
     b'"lower": 1, "filters": "", "split": " "}}', "is not whole"),
    ("vocabulary", "a.json", b'{"class_name": "Tokenizer", "config": {"word_index": "{\\"a\\": 1}",'
     b'"lower": 1, "filters": 5, "split": " "}}', "is not whole"),
    ("vocabulary", "a.json", b'{"class_name": "Tokenizer", "config": {"word_index": "{\\"a\\": 1}",'
     b'"lower": 1, "filters": "", "split": ""}}', "is not whole"),
    # scales and numbers in tables
    ("scale", "a.json", b'{"mean": ' + DIGITS + b', "deviation": 1}', "a number of 5,000 digits"),
    ("scale", "a.json", b'{"mean": ' + b"[" * 99_999, "more than 100 deep"),
    ("scale", "a.json", b'{"mean": {"a": 1}, "deviation": 1}', "mean is no list of numbers"),
    ("scale", "a.json", b'{"mean": [[1], [2, 3]], "deviation": 1}', "mean is no list of numbers"),
    ("scale", "a.npz", npz(("mean.npy", described(f"({10**18},)"))), "bytes of numbers"),
    ("inputs", "a.csv", b"1,2\n" + DIGITS + b",3\n", "cannot hold an example"),
    ("series", "a.csv", b"1,2\n" + DIGITS + b",3\n", "NaN or infinite"),
    ("series", "a.csv", b"1,2\n3,\xc2\x85\n", "is not a number"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("reader", "name", "content", "said"),
    FILES,
    ids=[f"{reader}-{name}-{i}" for i, (reader, name, _, _) in enumerate(FILES)],
)
def test_files_that_are_refused(
    reader: str, name: str, content: Content, said: str, tmp_path: Path
) -> None:
    """One sentence that names the file, at once."""
    path = tmp_path / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        content(path)
    with pytest.raises(InputError) as error:
        READERS[reader](path)
    text = str(error.value)
    assert said.replace("FILE", str(path)) in text, text
    assert str(path) in text
    assert "\n" not in text
    assert len(text) < 1_000


# ---------------------------------------------------------------- commands


def sparse(path: Path) -> Path:
    """Half a gigabyte that takes no room on the disk, in one line."""
    with path.open("wb") as file:
        file.truncate(500_000_000)
    return path


def written(path: Path, content: Content) -> Path:
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        content(path)
    return path


# name -> (command, made from a folder; what is said)
COMMANDS: dict[str, tuple[Callable[[Path], tuple[object, ...]], str]] = {
    "a pipe, predict": (lambda t: ("predict", TEXTS, "--input", written(t / "a.csv", fifo)), "is a pipe"),
    "a pipe, verify": (lambda t: ("verify", TEXTS, "--data", written(t / "a.csv", fifo)), "is a pipe"),
    "a pipe, bench": (lambda t: ("bench", TEXTS, "--data", written(t / "a.csv", fifo)), "is a pipe"),
    "a pipe, inputs": (lambda t: ("verify", ARRAYS, "--inputs", written(t / "a.npz", fifo)), "is a pipe"),
    "a device, inputs": (lambda t: ("predict", ARRAYS, "--input", written(t / "a.npz", device)),
                         "is a device"),
    "a socket, ids": (lambda t: ("predict", IDS, "--input", written(t / "a.npy", unix_socket)),
                      "is a socket"),
    "a column of many digits": (
        lambda t: ("predict", TEXTS, "--input", written(t / "a.csv", HEAD), "--text-column", "1" * 5_000),
        "--text-column is '1111"),
    "a label of many digits": (
        lambda t: ("verify", TEXTS, "--data", written(t / "a.csv", HEAD + b"a," + DIGITS + b"\nb,1\n")),
        "labels not known to the model: '1', '1111"),
    "gz cut short that is not UTF-8": (
        lambda t: ("verify", TEXTS, "--data",
                   written(t / "a.csv.gz", gzip.compress(HEAD + b"\xff" * 99_999, mtime=0)[:-9])),
        "not UTF-8 text"),
    "a field of 200 MB": (
        lambda t: ("verify", TEXTS, "--data",
                   written(t / "a.csv.gz", gzip.compress(HEAD) + many(b"a" * 10_000_000, 20))),
        "line 2: " + MORE),
    "a line of 200 MB": (
        lambda t: ("predict", TEXTS, "--input", written(t / "a.txt.gz", many(b"a" * 10_000_000, 20))),
        "line 1: " + MORE),
    "a table that is mostly alike": (
        lambda t: ("verify", TEXTS, "--data",
                   written(t / "a.csv.gz", gzip.compress(HEAD) + many(ALIKE, 30))),
        "unpacks to over 100 times its own"),
    "half a gigabyte in a line": (
        lambda t: ("predict", TEXTS, "--input", sparse(t / "a.txt")), "line 1: " + MORE),
    "half a gigabyte in a row": (
        lambda t: ("predict", ARRAYS, "--input", sparse(t / "a.csv")), "give a .npz"),
    "a shape that is not there": (
        lambda t: ("predict", IDS, "--input", written(t / "a.npy", described("(100000000,)"))),
        "says that it has 400,000,000 bytes of numbers, and has 16"),
    "arrays of zeros": (
        lambda t: ("predict", ARRAYS, "--input", written(t / "a.npz", npz(
            ("series.npy", described("(75000000,)", content=bytes(300_000_000))),
            method=zipfile.ZIP_DEFLATED))),
        "over 100 times its own"),
    "the memo of a pickle": (
        lambda t: ("verify", IDS, "--data",
                   written(t / "a.npz", pickled(b"\x80\x02]r\xff\xff\xff\x7f."))),
        "more room than it has bytes"),
}  # fmt: skip

TRAIN = ("train", "--data", "DATA", "--out", "OUT")
EXPORT = ("export", "no.keras", "--out", "OUT")
BENCH, VERIFY, PREDICT = ("bench", TEXTS), ("verify", TEXTS), ("predict", TEXTS, "x")
LARGE, MANY = 3 * 10**9, "9" * 5_000

# command with an option, what is said
OPTIONS: list[tuple[tuple[object, ...], str]] = [
    ((*PREDICT, "--threads", 100_000), "--threads is 100000; it must be at most 1,024"),
    ((*PREDICT, "--threads", LARGE), "--threads is 3000000000; it must be at most 1,024"),
    ((*PREDICT, "--threads", "9" * 30), "--threads is of more than 20 digits; it must be at most"),
    ((*PREDICT, "--threads", MANY), "is not a valid integer"),
    ((*PREDICT, "--threads", 2**64), "--threads is 18446744073709551616"),
    ((*PREDICT, "--threads", -(2**70)), "it must be at least 1"),
    ((*PREDICT, "--threads", "1e9"), "is not a valid integer"),
    ((*PREDICT, "--workers", LARGE), "--workers is 3000000000; it must be at most 1,024"),
    ((*VERIFY, "--threads", LARGE), "--threads is 3000000000"),
    ((*VERIFY, "--workers", LARGE), "--workers is 3000000000"),
    ((*VERIFY, "--limit", LARGE), "--limit is 3000000000; it must be at most 2,147,483,647"),
    ((*VERIFY, "--limit", MANY), "is not a valid integer"),
    ((*BENCH, "--threads", LARGE), "--threads is 3000000000"),
    ((*BENCH, "--limit", LARGE), "--limit is 3000000000"),
    ((*BENCH, "--rounds", LARGE), "--rounds is 3000000000; it must be at most 1,000,000"),
    ((*BENCH, "--on", "adb", "--rounds", LARGE), "--rounds is 3000000000"),
    ((*BENCH, "--on", "browser", "--rounds", LARGE), "--rounds is 3000000000"),
    ((*BENCH, "--on", "ssh://a", "--rounds", LARGE), "--rounds is 3000000000"),
    ((*BENCH, "--on", "ssh://a", "--threads", LARGE), "--threads is 3000000000"),
    ((*BENCH, "--on", f"ssh://a:{MANY}"), "the port of the board is '9999"),
    ((*BENCH, "--on", "ssh://a:99999"), "expected 1 to 65535"),
    (("verify", ARRAYS, "--inputs", "x.npy", "--window", LARGE), "--window is 3000000000"),
    (("verify", ARRAYS, "--inputs", "x.npy", "--window", f"1,{LARGE}"), "--window is 3000000000"),
    (("verify", ARRAYS, "--inputs", "x.npy", "--window", MANY), "expected LENGTH or LENGTH,STEP"),
    ((*EXPORT, "--batch", LARGE), "--batch is 3000000000; it must be at most 65,536"),
    ((*EXPORT, "--length", LARGE), "--length is 3000000000; it must be at most 1,000,000"),
    ((*EXPORT, "--chunk", LARGE), "--chunk is 3000000000; it must be at most 1,000,000"),
    ((*EXPORT, "--start-id", MANY), "--start-id is "),
    ((*EXPORT, "--unknown-id", LARGE), "--unknown-id is 3000000000; expected a whole number from 0 on"),
    ((*EXPORT, "--first-word-id", LARGE), "--first-word-id is 3000000000"),
    ((*TRAIN, "--words", LARGE), "--words is 3000000000; it must be at most 10,000,000"),
    ((*TRAIN, "--length", LARGE), "--length is 3000000000"),
    ((*TRAIN, "--embedding", LARGE), "--embedding is 3000000000; it must be at most 65,536"),
    ((*TRAIN, "--lstm", 8, "--lstm", LARGE), "--lstm is 3000000000"),
    ((*TRAIN, "--lstm", 8, "--dense", LARGE), "--dense is 3000000000"),
    ((*TRAIN, "--epochs", LARGE), "--epochs is 3000000000"),
    ((*TRAIN, "--batch-size", LARGE), "--batch-size is 3000000000"),
    ((*TRAIN, "--seed", LARGE * 2), "--seed is 6000000000"),
    ((*TRAIN, "--words", 10**7, "--embedding", 65_536), "655,"),
    ((*TRAIN, "--lstm", 65_536, "--lstm", 65_536), "weights; expected at most 536,870,912"),
    ((*TRAIN, "--dropout", "nan"), "--dropout is nan"),
    ((*TRAIN, "--validation", "nan"), "--validation is nan"),
    ((*TRAIN, "--learning-rate", "nan"), "--learning-rate is nan"),
    ((*TRAIN, "--learning-rate", "1e999"), "--learning-rate is inf"),
    (("web", TEXTS, "--port", LARGE), "port 3000000000 is out of range"),
    (("web", TEXTS, "--port", "9" * 4_000), "is out of range"),
    (("web", TEXTS, "--host", "a" * 300), "is not known"),
    (("web", TEXTS, "--host", "a..b"), "is not known"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "said"), OPTIONS, ids=[f"{a[0]}-{i}" for i, (a, _) in enumerate(OPTIONS)]
)
def test_options_that_are_refused(
    arguments: tuple[object, ...], said: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Before anything is loaded, made or written."""
    if arguments[0] == "web" or "browser" in arguments:
        request.getfixturevalue("runtimes")
    places = {
        "DATA": written(tmp_path / "a.csv", HEAD + b"good,1\nbad,0\n"),
        "OUT": tmp_path / "out",
    }
    command = [str(places.get(str(part), part)) for part in arguments]
    result = CliRunner().invoke(cli, command, catch_exceptions=False)
    assert result.exit_code == 2, result.output
    assert result.stderr.count("\n") == 1, result.stderr
    assert said in result.stderr
    assert len(result.stderr) < 1_000
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["threads", "workers"])
@pytest.mark.parametrize(
    ("number", "said"),
    [
        (3 * 10**9, "it must be at most 1,024"),
        (10**5_000, "is of more than 20 digits; it must be at most 1,024"),
        (-(10**5_000), "it must be at least 1"),
        (0, "it must be at least 1"),
        ("3", "expected a whole number"),
        (1.5, "expected a whole number"),
    ],
    ids=["large", "endless", "endless below", "zero", "text", "fraction"],
)
def test_the_library_is_bounded_too(name: str, number: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        load_bundle(TEXTS, **{name: number})


def test_windows_that_are_too_many() -> None:
    series = np.zeros((1_000_000, 2))
    with pytest.raises(
        InputError, match="which makes 999,001 examples of 7,992,008,000 bytes together"
    ):
        Window(1_000, 1).cut(series, SERIES)


# 700 MiB more than it takes to start, all of which a runtime may take for itself
LIMITED = """
import resource, sys
import click, numpy, rich.console
from lstm_edge.cli import main
from lstm_edge.bundle import opening
from lstm_edge.predict import classifier
pages = int(open("/proc/self/statm").read().split()[0])
most = pages * resource.getpagesize() + (700 << 20)
resource.setrlimit(resource.RLIMIT_AS, (most, most))
sys.argv = ["lstm-edge", *sys.argv[1:]]
main()
"""


def limited(*args: object, stdin: Any = subprocess.DEVNULL) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", LIMITED, *map(str, args)]
    return subprocess.run(command, stdin=stdin, capture_output=True, text=True, check=False)


def refused(done: subprocess.CompletedProcess[str], said: str) -> None:
    assert done.returncode == 2, done.stdout[-2_000:] + done.stderr[-2_000:]
    assert done.stderr.count("\n") == 1, done.stderr[-2_000:]
    assert done.stderr.startswith("lstm-edge: ")
    assert said in done.stderr
    assert len(done.stderr) < 1_000


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc and RLIMIT_AS")
@pytest.mark.parametrize("name", COMMANDS)
def test_commands_that_are_refused(name: str, tmp_path: Path) -> None:
    """One line, code 2, nothing written, in little memory."""
    command, said = COMMANDS[name]
    arguments = command(tmp_path)
    before = sorted(tmp_path.iterdir())
    refused(limited(*arguments), said)
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc and RLIMIT_AS")
def test_standard_input_without_an_end_of_line(tmp_path: Path) -> None:
    with sparse(tmp_path / "zeros").open("rb") as stdin:
        refused(
            limited("predict", TEXTS, stdin=stdin), "line 1: more than 8,000,000 bytes in one line"
        )


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc and RLIMIT_AS")
@pytest.mark.parametrize("way", ["standard input", ".txt", ".jsonl"])
def test_many_long_texts_are_answered_in_little_memory(way: str, tmp_path: Path) -> None:
    """250 texts of a megabyte each: a window is cut by its characters, too."""
    line = "x" * 1_000_000
    path = tmp_path / f"a{'.txt' if way[0] != '.' else way}"
    lines = (line if way != ".jsonl" else '{"text": "' + line + '"}' for _ in range(250))
    with path.open("w") as file:
        file.writelines(text + "\n" for text in lines)
    source = ("--input", path) if way[0] == "." else ()
    with path.open("rb") as stdin:
        done = limited("predict", TEXTS, *source, "--out", tmp_path / "out.tsv", stdin=stdin)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out.tsv").read_text().count("\n") == 251


# ---------------------------------------------------------------- what a terminal is given


STEERING = "\x1b]0;title\x07\x1b[31m\x9b2J\u202egood film"


@pytest.mark.parametrize(
    "arguments",
    [
        ("predict", TEXTS, STEERING),
        ("predict", TEXTS, "--json", STEERING),
        ("verify", f"no{STEERING}"),
    ],
    ids=["text", "JSON", "error"],
)
def test_a_text_does_not_steer_the_terminal(arguments: tuple[object, ...]) -> None:
    shown, _ = on_terminal("-m", "lstm_edge.cli", *arguments)
    assert "good film" in shown
    assert not set(STEERING) & set(shown) - set("title good film 0;[]31m2J")


def test_a_pipe_gets_the_text_as_it_is() -> None:
    text = "\x9b2J\u202egood film"
    result = CliRunner().invoke(cli, ["predict", str(TEXTS), text], catch_exceptions=False)
    assert result.output.endswith(f"\t{text}\n")


def test_markup_in_a_task_is_text() -> None:
    """A device's name in brackets is no colour of rich's, nor an error."""
    task = (
        "from lstm_edge.cli.console import Bars\nwith Bars().task({!r}, 3) as advance:\n advance(1)"
    )
    shown, _ = on_terminal("-c", task.format("Loading in [/red]\x1b[2J[bold]phone"))
    assert "Loading in [/red]\\u001b[2J[bold]phone" in shown


# ---------------------------------------------------------------- pages

DEVICE = {
    **dict.fromkeys(("platform", "platform_version", "model", "architecture", "bitness")),
    **{
        "user_agent": "a",
        "brands": [],
        "cores": 2,
        "memory_gib": 4,
        "isolated": True,
        "simd": True,
    },
}


@pytest.fixture
def page() -> Iterator[tuple[Page, str]]:
    """What a page talks to, and its address."""
    pytest.importorskip("uvicorn")
    made = Page()
    with server.serving(
        WEB / "bench.html", bundle=TEXTS, runtimes=WEB, routes=made.routes()
    ) as site:
        yield made, site.url


def asked(url: str, body: bytes | None = None) -> int:
    try:
        with urllib.request.urlopen(url, body) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"\xff",
        b"[" * 99_999,
        DIGITS,
        b'{"simd": NaN}',
        json.dumps({**DEVICE, "simd": 1}).encode(),
        json.dumps({**DEVICE, "brands": [{}]}).encode(),
        json.dumps({**DEVICE, "user_agent": "a" * 5_000}).encode(),
        json.dumps({**DEVICE, "model": ["a"]}).encode(),
        json.dumps({**DEVICE, "model": "a" * 20_000_000}).encode(),
    ],
    ids=range(12),
)
def test_a_page_that_says_what_no_page_says(page: tuple[Page, str], body: bytes) -> None:
    made, url = page
    asked(url + "hello", body)
    with pytest.raises(InputError, match="an answer that is not from lstm-edge"):
        made.wait()


def test_a_page_that_says_what_a_page_says(page: tuple[Page, str]) -> None:
    made, url = page
    assert asked(url + "hello", json.dumps(DEVICE).encode()) == 200
    assert made.wait() == DEVICE


@pytest.mark.parametrize(
    "path",
    [
        "bundle/%00",
        "bundle/../../../etc/passwd",
        "bundle/%2e%2e/%2e%2e/setup.py",
        "bundle/" + "a" * 5_000,
        "bundle/%1b[31m",
        "js/%ff",
        "bundle//etc/passwd",
    ],
    ids=range(7),
)
def test_odd_names_are_not_found(page: tuple[Page, str], path: str) -> None:
    _, url = page
    assert asked(url + path) == 404
    assert asked(url + "bundle/manifest.json") == 200
