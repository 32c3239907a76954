"""Every kind of source, written as its own tools write it, and every way in which one can be bad."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import pickle
import random
import re
import time
import tracemalloc
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lstm_edge.errors import InputError
from lstm_edge.inputs import data, from_table, label_names, labelled
from lstm_edge.inputs.labelled import Dataset, Examples
from lstm_edge.inputs.tokenizer import PAD, START, UNKNOWN, UNUSED, TextSettings, Tokenizer

SHARED = Path(__file__).parents[2] / "shared"

ROWS = [
    ("good, really good", "1"),
    ('a "quoted" word\nand a second line', "0"),
    ("été 😀 \u2028 it's", "1"),
    ("comma, tab\there", "0"),
    ("line ends\r\nof others\rstay", "1"),
]
TEXTS = tuple(text for text, _ in ROWS)
LABELS = tuple(label for _, label in ROWS)


def examples(labels: str, texts: bool = True) -> Examples:
    """One example for each letter; the text or the id is its position."""
    if texts:
        return Examples(tuple(str(i) for i in range(len(labels))), None, tuple(labels))
    return Examples(None, tuple(np.array([i], np.int32) for i in range(len(labels))), tuple(labels))


def objects(rows: list[Any]) -> np.ndarray:
    """An array of lists, as Keras's files hold them."""
    array = np.empty(len(rows), object)
    array[:] = rows
    return array


def ids_of(found: Examples) -> list[list[int]]:
    """Lists of Python numbers; int32 is checked on the way."""
    assert found.texts is None
    assert found.ids is not None
    assert all(row.dtype == np.int32 for row in found.ids)
    return [row.tolist() for row in found.ids]


# --- tables ---------------------------------------------------------------------------------------


def table(kind: str, rows: list[tuple[str, ...]], header: tuple[str, ...] | None) -> bytes:
    """A table as the usual tools write it."""
    if kind == ".jsonl":
        keys = header or ("text", "label")
        lines = (json.dumps(dict(zip(keys, row, strict=True)), ensure_ascii=False) for row in rows)
        return "".join(line + "\n" for line in lines).encode()
    every = [*([] if header is None else [header]), *rows]
    if kind == ".tsv":
        return "".join("\t".join(row) + "\n" for row in every).encode()
    file = io.StringIO(newline="")
    csv.writer(file).writerows(every)
    return file.getvalue().encode()


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gz"])
@pytest.mark.parametrize("mark", [False, True], ids=["no BOM", "BOM"])
@pytest.mark.parametrize("kind", from_table.TABLES)
def test_tables(tmp_path: Path, kind: str, mark: bool, packed: bool) -> None:
    """Texts and labels come out as they went in."""
    rows = [(" ".join(text.split()), label) for text, label in ROWS]
    rows = rows if kind == ".tsv" else ROWS  # tab-separated text holds neither
    raw = (b"\xef\xbb\xbf" if mark else b"") + table(kind, rows, ("text", "label"))
    path = tmp_path / f"my.reviews{kind}{'.gz' if packed else ''}"
    path.write_bytes(gzip.compress(raw, mtime=0) if packed else raw)
    found = data.load(str(path))
    assert found.name == str(path)
    assert found.splits == {"all": Examples(tuple(r[0] for r in rows), None, LABELS)}


@pytest.mark.parametrize(
    ("header", "text", "label"),
    [
        (("text", "label"), None, None),
        (("Sentiment", "id", "Review"), None, None),
        ((" TEXT ", "Label"), None, None),
        (("sms", "x", "category"), None, None),
        (("body", "text", "y", "label"), None, None),  # text before body, label before y
        (("words", "mood"), "words", "mood"),
        (("words", "mood"), "Words", "MOOD"),
        (("text", "label", "words", "mood"), "words", "mood"),
        (("mood", "text"), None, "mood"),
        (("words", "class"), "words", None),
    ],
)
@pytest.mark.parametrize("kind", from_table.TABLES)
def test_columns_found_and_named(
    tmp_path: Path, kind: str, header: tuple[str, ...], text: str | None, label: str | None
) -> None:
    """By common names, in their order of preference, or as given; upper or lower case."""
    folded = [name.strip().casefold() for name in header]
    text_at = folded.index(text.casefold() if text else _first(from_table.TEXT_COLUMNS, folded))
    label_at = folded.index(label.casefold() if label else _first(from_table.LABEL_COLUMNS, folded))
    row = [f"other {i}" for i in range(len(header))]
    row[text_at], row[label_at] = "the text", "the label"
    path = tmp_path / f"data{kind}"
    path.write_bytes(table(kind, [tuple(row)], header))
    found = data.load(str(path), text, label).splits["all"]
    assert found == Examples(("the text",), None, ("the label",))


def _first(names: tuple[str, ...], among: list[str]) -> str:
    return next(name for name in names if name in among)


@pytest.mark.parametrize(("text", "label"), [("2", "1"), ("2", "3"), ("4", "3")])
@pytest.mark.parametrize("kind", [".csv", ".tsv"])
def test_columns_numbered(tmp_path: Path, kind: str, text: str, label: str) -> None:
    """From 1 on, in a table without a heading line: its first line is an example."""
    rows = [("ham", "text one", "0", "more one"), ("spam", "text two", "1", "more two")]
    path = tmp_path / f"data{kind}"
    path.write_bytes(table(kind, rows, None))
    found = data.load(str(path), text, label).splits["all"]
    assert found.texts == tuple(row[int(text) - 1] for row in rows)
    assert found.labels == tuple(row[int(label) - 1] for row in rows)


def test_tsv_quotes_are_text(tmp_path: Path) -> None:
    """Corpora do not quote: a lone quotation mark must not swallow the lines after it."""
    path = tmp_path / "spam.tsv"
    path.write_bytes(b'ham\t"hello\nspam\tyou "won"\nham\tit\'s "\n')
    found = data.load(str(path), "2", "1").splits["all"]
    assert found.texts == ('"hello', 'you "won"', "it's \"")


@pytest.mark.parametrize(
    ("value", "label"),
    [(1, "1"), (True, "1"), (False, "0"), ("pos", "pos"), (" pos ", "pos"), (0, "0"), (-1, "-1")],
)
def test_jsonl_labels(tmp_path: Path, value: Any, label: str) -> None:
    """Numbers, truth values and strings; 0 and false are labels."""
    path = tmp_path / "data.jsonl"
    path.write_text("\n" + json.dumps({"label": value, "text": "a"}) + "\n\n", encoding="utf-8")
    assert data.load(str(path)).splits["all"].labels == (label,)


@pytest.mark.parametrize("column", ["split", "Split", " SPLIT "])
@pytest.mark.parametrize("kind", from_table.TABLES)
def test_split_column(tmp_path: Path, kind: str, column: str) -> None:
    """Values in any case and with spaces; an empty one stands for no split."""
    rows = [("a", "1", "train"), ("b", "0", "Test"), ("c", "0", " TRAIN "), ("d", "1", "")]
    path = tmp_path / f"data{kind}"
    path.write_bytes(table(kind, rows, ("text", "label", column)))
    found = data.load(str(path)).splits
    assert {name: part.texts for name, part in found.items()} == {
        "train": ("a", "c"),
        "test": ("b",),
        "all": ("d",),
    }


# --- folders --------------------------------------------------------------------------------------


def acl_imdb(folder: Path) -> Path:
    """As aclImdb is unpacked: reviews without labels and other files beside the classes."""
    for split in ("train", "test"):
        for label in ("pos", "neg"):
            (folder / split / label).mkdir(parents=True)
            for i in range(2):
                text = f"{split} {label} {i} é"
                (folder / split / label / f"{i}_7.txt").write_text(text, encoding="utf-8")
    (folder / "train" / "unsup").mkdir()
    (folder / "train" / "unsup" / "0_0.txt").write_text("no label")
    (folder / "train" / "labeledBow.feat").write_text("1 0:3")
    (folder / "train" / "pos" / "urls.lst").write_text("http://example.org")
    (folder / "imdb.vocab").write_text("the")
    return folder


def test_acl_imdb(tmp_path: Path) -> None:
    """Two splits, two classes, nothing else."""
    found = data.load(str(acl_imdb(tmp_path)))
    assert set(found.splits) == {"train", "test"}
    for split, part in found.splits.items():
        assert part.labels == ("neg", "neg", "pos", "pos")
        assert part.texts == tuple(f"{split} {c} {i} é" for c in ("neg", "pos") for i in (0, 1))


def test_acl_imdb_with_byte_order_marks(tmp_path: Path) -> None:
    """As in tables, it is not part of the first word."""
    acl_imdb(tmp_path)
    (tmp_path / "test" / "neg" / "0_7.txt").write_bytes(b"\xef\xbb\xbffirst")
    texts = data.load(str(tmp_path)).splits["test"].texts
    assert texts is not None
    assert texts[0] == "first"


@pytest.mark.parametrize(
    ("train", "test"),
    [("train.csv", "test.csv"), ("train.csv.gz", "test.tsv"), ("train.jsonl", "test.jsonl.gz")],
)
@pytest.mark.parametrize("split_column", [False, True])
def test_folder_of_tables(tmp_path: Path, train: str, test: str, split_column: bool) -> None:
    """train.* and test.* of any kind, with or without a split column, other files ignored."""
    for name in (train, test):
        split = name.partition(".")[0]
        kind = next(k for k in from_table.TABLES if k in name)
        row, header = (f"of {split}", "1"), ("text", "label")
        if split_column:
            row, header = (*row, split), (*header, "split")
        raw = table(kind, [row], header)
        (tmp_path / name).write_bytes(gzip.compress(raw, mtime=0) if name.endswith(".gz") else raw)
    (tmp_path / "train.md").write_text("notes")
    found = data.load(str(tmp_path), None, None).splits
    assert {split: part.texts for split, part in found.items()} == {
        "train": ("of train",),
        "test": ("of test",),
    }


# --- .npz -----------------------------------------------------------------------------------------

IDS = [[1, 4, 9], [1], [1, 2, 2, 5], [7, 3]]
CLASSES = [0, 1, 1, 0]
PADDED = [[0, 1, 4, 9], [0, 0, 0, 1], [1, 2, 2, 5], [0, 0, 7, 3]]


@pytest.mark.parametrize(
    ("x", "ids"),
    [
        (objects(IDS), IDS),
        (objects([np.array(row) for row in IDS]), IDS),
        (objects([np.array(row, ">u2") for row in IDS]), IDS),
        (objects([[np.int64(i) for i in row] for row in IDS]), IDS),
        (objects([tuple(row) for row in IDS]), IDS),
        (np.array(PADDED), PADDED),
        (np.array(PADDED, np.int8), PADDED),
        (np.array(PADDED, ">i8"), PADDED),
        (np.array(PADDED, np.uint64, order="F"), PADDED),
        (objects([np.array(PADDED)[:, i] for i in range(3)]), np.array(PADDED).T[:3].tolist()),
        (np.array(PADDED, object), PADDED),
        (np.array(PADDED, object, order="F"), PADDED),
    ],
    ids=[
        "lists",
        "arrays",
        "big-endian arrays",
        "lists of NumPy numbers",
        "tuples",
        "padded",
        "padded int8",
        "padded big-endian",
        "padded uint64, Fortran order",
        "arrays with strides",
        "lists of one length",
        "lists of one length, Fortran order",
    ],
)
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz_ids(tmp_path: Path, save: Callable[..., None], x: np.ndarray, ids: Any) -> None:
    """However NumPy was given the ids."""
    path = tmp_path / "ids.npz"
    save(path, x_train=x, y_train=CLASSES[: len(x)], x_test=x[:2], y_test=CLASSES[:2])
    found = data.load(str(path)).splits
    assert set(found) == {"train", "test"}
    assert ids_of(found["train"]) == ids
    assert ids_of(found["test"]) == ids[:2]
    assert found["train"].labels == tuple("0110")[: len(x)]


@pytest.mark.parametrize("protocol", range(5))
def test_npz_of_old_pickles(tmp_path: Path, protocol: int) -> None:
    """Files as NumPy wrote them years ago: numpy.core instead of numpy._core, older protocols."""
    content = io.BytesIO()
    rows = objects([IDS[0], np.array(IDS[1]), [np.int32(i) for i in IDS[2]], IDS[3]])
    header = {"descr": "|O", "fortran_order": False, "shape": (4,)}
    np.lib.format.write_array_header_1_0(content, header)
    pickled = pickle.dumps(rows, protocol)
    if protocol < 4:  # the names stand without their length there
        pickled = pickled.replace(b"numpy._core.", b"numpy.core.")
    path = tmp_path / "old.npz"
    np.savez(path, y_train=CLASSES)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("x_train.npy", content.getvalue() + pickled)
    assert ids_of(data.load(str(path)).splits["train"]) == IDS


@pytest.mark.parametrize(
    ("y", "labels"),
    [
        ([0, 1, 1, 0], "0110"),
        ([2, 0, 1, 2], "2012"),
        ([0.0, 1.0, 1.0, 0.0], "0110"),
        ([True, False, True, True], "1011"),
        (objects([0, 1, 1, 0]), "0110"),
        ([[0], [1], [1], [0]], "0110"),
        ([[1, 0], [0, 1], [0, 1], [1, 0]], "0110"),
        (np.eye(3)[[2, 0, 1, 2]], "2012"),
        (np.eye(3, dtype=bool)[[2, 0, 1, 2]], "2012"),
    ],
)
def test_npz_labels(tmp_path: Path, y: Any, labels: str) -> None:
    """Numbers of any type, a column of them, or one-hot rows."""
    np.savez(tmp_path / "ids.npz", x_train=objects(IDS), y_train=y)
    found = data.load(str(tmp_path / "ids.npz"))
    assert found.splits["train"].labels == tuple(labels)


class MakesFile:
    """Unpickling it with the pickle module makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("key", ["x_train", "y_train"])
@pytest.mark.parametrize("deep", [False, True], ids=["alone", "in a list"])
def test_npz_with_code_is_refused(tmp_path: Path, key: str, deep: bool) -> None:
    """The code in the pickle does not run; the reason and the way out are given."""
    trap = tmp_path / "trap"
    evil = MakesFile(trap)
    rows = objects([*IDS[:3], [evil] if deep else evil])
    np.savez(tmp_path / "evil.npz", **{"x_train": objects(IDS), "y_train": CLASSES} | {key: rows})
    with pytest.raises(InputError, match=r"posix\.mkdir, which could run code") as caught:
        data.load(str(tmp_path / "evil.npz"))
    assert str(tmp_path / "evil.npz") in str(caught.value)
    assert "padded integer array" in str(caught.value)
    assert not trap.exists()
    # the trap is one
    with np.load(tmp_path / "evil.npz", allow_pickle=True) as archive:
        archive[key]
    assert trap.is_dir()


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("os", "system"),
        ("builtins", "eval"),
        ("builtins", "getattr"),
        ("numpy", "load"),
        ("numpy", "ndarray.tofile"),
        ("numpy._core.numeric", "_frombuffer"),
        ("numpy.core", "multiarray._reconstruct"),
        ("lstm_edge.inputs.data", "require"),
    ],
)
def test_npz_functions_that_are_refused(tmp_path: Path, module: str, name: str) -> None:
    """Nothing is looked up but what an array of lists is made of."""
    content = io.BytesIO()
    header = {"descr": "|O", "fortran_order": False, "shape": (1,)}
    np.lib.format.write_array_header_1_0(content, header)
    names = b"".join(b"\x8c" + bytes([len(n)]) + n.encode() for n in (module, name))
    np.savez(tmp_path / "evil.npz", y_train=[0])
    with zipfile.ZipFile(tmp_path / "evil.npz", "a") as archive:
        archive.writestr("x_train.npy", content.getvalue() + b"\x80\x04" + names + b"\x93.")
    with pytest.raises(InputError, match=re.escape(f"{module}.{name}, which could run code")):
        data.load(str(tmp_path / "evil.npz"))


def test_npz_damaged_pickles(tmp_path: Path) -> None:
    """Whatever the bytes are: examples or one InputError; never a crash, as NumPy's own reading."""
    path = tmp_path / "ids.npz"
    np.savez(path, x_train=objects([np.array(IDS[0]), *IDS[1:]]), y_train=CLASSES)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    whole = parts["x_train.npy"]
    seen: Counter[str] = Counter()
    for seed in range(400):
        rng = random.Random(seed)
        damaged = bytearray(whole)
        for _ in range(rng.choice([1, 1, 2, 5])):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        if seed % 5 == 0:
            del damaged[rng.randrange(len(damaged)) :]
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in (parts | {"x_train.npy": bytes(damaged)}).items():
                archive.writestr(name, content)
        try:
            data.load(str(path))
            seen["read"] += 1
        except InputError as error:
            seen["refused" if str(path) in str(error) else "refused without a name"] += 1
    assert set(seen) == {"read", "refused"}
    assert seen["refused"] > 300


def test_npz_cut_or_damaged_anywhere(tmp_path: Path) -> None:
    """The archive's own checksums: no part of a damaged file is used."""
    path = tmp_path / "ids.npz"
    np.savez(path, x_train=objects(IDS), y_train=CLASSES)
    whole = path.read_bytes()
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match=re.escape(f"data {path} ")):
            data.load(str(path))
    at = whole.index(b"NUMPY") + 120  # in the first array
    path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    with pytest.raises(InputError, match="CRC"):
        data.load(str(path))


ID_PAIR = np.array([[1, 2], [3, 4]])


@pytest.mark.parametrize(
    ("arrays", "reason"),
    [
        ({"x": ID_PAIR, "y": [0, 1]}, "FILE holds x, y; expected x_train"),
        ({}, "FILE holds nothing; expected x_train"),
        ({"x_train": ID_PAIR}, "FILE holds x_train; expected"),
        ({"x_train": ID_PAIR, "y_test": [0, 1]}, "FILE holds x_train, y_test; expected"),
        ({"x_train": ID_PAIR, "y_train": [0]}, "FILE: x_train has 2 examples and y_train 1"),
        ({"x_train": ID_PAIR[:0], "y_train": []}, "FILE: x_train has 0 examples"),
        ({"x_train": ID_PAIR, "y_train": 1}, "FILE: x_train has 2 examples and y_train 1"),
        ({"x_train": 3, "y_train": 1}, "FILE: x_train[0] is not a list of integer ids"),
        ({"x_train": ID_PAIR * 1.0, "y_train": [0, 1]}, "x_train[0] is not a list of integer ids"),
        ({"x_train": ID_PAIR[None], "y_train": [0]}, "x_train[0] is not a list of integer ids"),
        ({"x_train": objects([[1], []]), "y_train": [0, 1]}, "x_train[1] is not a list of integer"),
        ({"x_train": objects([[1], ["a"]]), "y_train": [0, 1]}, "x_train[1] is not a list of inte"),
        ({"x_train": objects([[1], 5]), "y_train": [0, 1]}, "x_train[1] is not a list of integer"),
        ({"x_train": objects([[1], [2, -3]]), "y_train": [0, 1]}, "x_train[1] holds an id below 0"),
        ({"x_train": -ID_PAIR, "y_train": [0, 1]}, "FILE: x_train[0] holds an id below 0"),
        (
            {"x_train": ID_PAIR + 2**32, "y_train": [0, 1]},
            "FILE: x_train[0] holds an id below 0 or",
        ),
        ({"x_train": ID_PAIR, "y_train": [0, 0.5]}, "FILE: y_train[1] is 0.5"),
        ({"x_train": ID_PAIR, "y_train": [0, np.nan]}, "FILE cannot be read as .npz"),
        ({"x_train": ID_PAIR, "y_train": ["neg", "pos"]}, "FILE cannot be read as .npz"),
        (
            {"x_train": objects([[1], [[2], 3]]), "y_train": [0, 1]},
            "FILE: x_train[1] is not a list of",
        ),
    ],
)
def test_npz_that_is_refused(tmp_path: Path, arrays: dict[str, Any], reason: str) -> None:
    """One InputError each that names the file and, where it can, the example."""
    path = tmp_path / "bad.npz"
    np.savez(path, **arrays)
    refuses(str(path), reason.replace("FILE", f"data {path}"))


def refuses(source: str, reason: str, *columns: str | None, tested: bool = False) -> None:
    """Assert that loading gives an InputError with the reason in it; ``tested``: evaluation too."""
    for read in (data.load, data.evaluation) if tested else (data.load,):
        with pytest.raises(InputError, match=re.escape(reason)):
            read(source, *columns)


# --- bad tables and folders -----------------------------------------------------------------------

HEAD = b"text,label\n"


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("data.txt", b"a", "data FILE: unknown kind of file"),
        ("data", b"a", "data FILE: unknown kind of file"),
        ("data.csv.zip", b"a", "data FILE: unknown kind of file"),
        ("data.gz", b"a", "data FILE: unknown kind of file"),
        ("data.npz", b"text,label\na,1\n", "data FILE cannot be read as .npz"),
        ("data.csv", b"", "data FILE is empty"),
        ("data.csv.gz", b"", "data FILE is empty"),
        ("data.jsonl", b"", "data FILE holds no example"),
        ("data.csv", HEAD, "data FILE holds no example"),
        ("data.csv", HEAD + b"\n\n", "data FILE holds no example"),
        ("data.csv.gz", HEAD, "data FILE cannot be read: Not a gzipped file"),
        (
            "data.csv.gz",
            gzip.compress(HEAD + b"a,1\n" * 999, mtime=0)[:-9],
            "data FILE cannot be read: Comp",
        ),
        (
            "data.jsonl.gz",
            gzip.compress(b'{"text": "a"}', mtime=0)[:15],
            "data FILE cannot be read: Compr",
        ),
        ("data.csv", HEAD + b"a,1\n\xe9t\xe9,0\n", "FILE, line 3: not UTF-8 text"),
        ("data.csv", HEAD + b"abc,1\n" * 9_000 + b"\xff,0\n", "FILE, line 9002: not UTF-8 text"),
        ("data.csv.gz", gzip.compress(HEAD + b"\xff,0\n", mtime=0), "FILE, line 2: not UTF-8 text"),
        ("data.tsv", b"text\tlabel\na\t1\n\xff\t0\n", "FILE, line 3: not UTF-8 text"),
        ("data.csv", "text,label\na,1\n".encode("utf-16"), "FILE, line 1: not UTF-8 text"),
        (
            "data.csv",
            b"words,label\na,1\n",
            "data FILE has no text column: its first line has 'wor",
        ),
        (
            "data.csv",
            b"text,mood\na,1\n",
            "data FILE has no label column: its first line has 'text",
        ),
        ("data.csv", b"\ntext,label\na,1\n", "data FILE has no text column"),
        ("data.tsv", b"text,label\na,1\n", "data FILE has no text column"),
        ("data.jsonl", b'{"words": "a", "label": 1}\n', "data FILE has no text column"),
        ("data.jsonl", b'{"text": "a"}\n', "data FILE has no label column"),
        ("data.csv", HEAD + b"a,1\nb\n", "FILE, line 3: 1 columns; expected at least 2"),
        ("data.csv", HEAD + b'"a\nb",1\nc\n', "FILE, line 4: 1 columns; expected at least 2"),
        ("data.csv", b"text,label,split\na,1,train\nb,0\n", "FILE, line 3: 2 columns; expected at"),
        ("data.tsv", b"text\tlabel\na\t1\nb 0\n", "FILE, line 3: 1 columns; expected at least 2"),
        ("data.csv", HEAD + b"a,1\n,0\n", "FILE, line 3: the text is empty"),
        ("data.csv", HEAD + b"a,1\n \t ,0\n", "FILE, line 3: the text is empty"),
        ("data.csv", HEAD + b"a,1\nb,\n", "FILE, line 3: the label is empty"),
        ("data.jsonl", b'{"text": "", "label": 1}', "FILE, line 1: the text is empty"),
        ("data.jsonl", b'{"text": "a", "label": " "}', "FILE, line 1: the label is empty"),
        ("data.csv", HEAD + b'"a,1\nb,0\n', "data FILE is not a valid .csv table"),
        ("data.csv", HEAD + b'"a"b,1\n', "data FILE is not a valid .csv table"),
        ("data.jsonl", b'{"text": "a", "label": 1}\n{"text": \n', "FILE, line 2 is not valid JSON"),
        (
            "data.jsonl",
            b'{"text": "a", "label": 1}\n\n[1]\n',
            "FILE, line 3: expected a JSON object",
        ),
        ("data.jsonl", b"[" * 99_999, "FILE, line 1 is not taken"),
        (
            "data.jsonl",
            b'{"text": "a", "label": ' + b"1" * 5_000 + b"}",
            "FILE, line 1 is not valid",
        ),
        ("data.jsonl", b'{"text": "a", "label": 1}\n{"text": "b"}\n', "FILE, line 2: no 'label'"),
        ("data.jsonl", b'{"text": null, "label": 1}\n', "FILE, line 1: no 'text'"),
        ("data.jsonl", b'{"text": 5, "label": 1}\n', "FILE, line 1: 'text' is not a string"),
        ("data.jsonl", b'{"text": "\\ud83d", "label": 1}\n', "FILE, line 1: half of a character"),
        ("data.jsonl", b'{"text": "a", "label": "\\ude00"}\n', "FILE, line 1: half of a character"),
    ],
)
def test_tables_that_are_refused(tmp_path: Path, name: str, content: bytes, reason: str) -> None:
    """One InputError each that names the file and, where there is one, the line."""
    path = tmp_path / name
    path.write_bytes(content)
    refuses(str(path), reason.replace("FILE", str(path)), tested=True)


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        (("words", None), "no text column: its first line has 'text', 'label'; expected 'words'"),
        ((None, "mood"), "no label column: its first line has 'text', 'label'; expected 'mood'"),
        (("1", None), "both the text and the label column by number"),
        (("1", "label"), "both the text and the label column by number"),
        (("0", "1"), "both the text and the label column by number (from 1 on)"),
        (("1", "3"), "line 1: 2 columns; expected at least 3"),
    ],
)
def test_columns_that_are_refused(
    tmp_path: Path, columns: tuple[str | None, str | None], reason: str
) -> None:
    """A name that is not there, a number out of range, a number beside a name."""
    path = tmp_path / "data.csv"
    path.write_bytes(HEAD + b"a,1\n")
    refuses(str(path), reason, *columns, tested=True)


def make(folder: Path, files: dict[str, bytes]) -> None:
    """Files below a folder; a name that ends in / is a folder."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith("/"):
            path.mkdir()
        else:
            path.write_bytes(content)


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({}, "folder FOLDER holds no data"),
        ({"reviews.csv": HEAD + b"a,1\n"}, "folder FOLDER holds no data"),
        ({"train/": b"", "test/": b""}, "FOLDER/train holds no .txt file"),
        ({"train/pos/": b"", "train/unsup/1.txt": b"a"}, "FOLDER/train holds no .txt file"),
        ({"train/1.txt": b"a"}, "FOLDER/train holds no .txt file"),
        ({"train/pos/1.txt": b"a", "train/neg/1.txt": b" \n"}, "FOLDER/train/neg/1.txt is empty"),
        ({"train/pos/1.txt": b"\xff"}, "FOLDER/train/pos/1.txt cannot be read as UTF-8 text"),
        ({"train.csv": HEAD + b",1\n"}, "FOLDER/train.csv, line 2: the text is empty"),
        ({"train.csv": b"", "train.tsv": b""}, "several tables for train: train.csv, train.tsv"),
        (
            {"train.csv": b"text,label,split\na,1,test\n"},
            "FOLDER/train.csv: no row has 'train' in its 'split' column",
        ),
    ],
)
def test_folders_that_are_refused(tmp_path: Path, files: dict[str, bytes], reason: str) -> None:
    """One InputError each that names the folder or the file in it."""
    make(tmp_path, files)
    refuses(str(tmp_path), reason.replace("FOLDER", str(tmp_path)))


@pytest.mark.parametrize("source", ["no/such.csv", "no such folder", "no.npz", "a\0b", "x" * 300])
def test_missing_sources_are_refused(source: str) -> None:
    """By the name that was given, with what is expected."""
    expected = f"data {source} does not exist; expected 'imdb', a folder, or a file ending in"
    refuses(source, expected, tested=True)


# --- labels ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "values", "names"),
    [
        (["1", "0", "1"], ["0", "1"], ["Negative", "Positive"]),
        (["pos", "neg"], ["neg", "pos"], ["Negative", "Positive"]),
        (["Positive", "NEGATIVE"], ["NEGATIVE", "Positive"], ["Negative", "Positive"]),
        (["spam", "ham"], ["ham", "spam"], ["ham", "spam"]),
        (["10", "9", "2"], ["2", "9", "10"], ["2", "9", "10"]),  # by size, not as text
        (["1", "2"], ["1", "2"], ["1", "2"]),
        (["1", "-1", "0"], ["-1", "0", "1"], ["-1", "0", "1"]),
        (["b", "3", "a"], ["3", "a", "b"], ["3", "a", "b"]),
        (["pos", "neutral", "neg"], ["neg", "neutral", "pos"], ["neg", "neutral", "pos"]),
    ],
)
def test_label_order_and_names(raw: list[str], values: list[str], names: list[str]) -> None:
    """Numbers by size, then texts; only the usual pairs get the usual names."""
    assert list(label_names.label_values(raw)) == values
    assert list(label_names.label_names(values)) == names
    given = [f"name {i}" for i in range(len(values))]
    assert list(label_names.label_names(values, given)) == given
    resolved = label_names.resolve_labels(raw, values)
    assert resolved.dtype == np.int64
    assert resolved.tolist() == [values.index(value) for value in raw]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (["1", "1"], "one class only ('1')"),
        ([], "one class only ('no label')"),
        (["Good", "good", "bad"], "'Good' and 'good' are one class"),
        (["neg", "negative", "pos"], "'neg' and 'negative' are one class"),
    ],
)
def test_labels_that_are_refused(raw: list[str], reason: str) -> None:
    """Fewer than two classes, or two spellings of one: it would get an output of its own."""
    with pytest.raises(InputError, match=re.escape(reason)):
        label_names.label_values(raw)


@pytest.mark.parametrize("given", [["one"], ["a", "b", "c"], ["same", "same"], []])
def test_label_names_that_are_refused(given: list[str]) -> None:
    """One different name for each class."""
    with pytest.raises(InputError, match=f"{len(given)} label names given .* for 2 classes"):
        label_names.label_names(["0", "1"], given)


@pytest.mark.parametrize(
    ("raw", "names", "classes"),
    [
        (["neg", "pos"], ["Negative", "Positive"], [0, 1]),
        (["POS", " Neg "], ["Negative", "Positive"], [1, 0]),
        (["1", "0"], ["Negative", "Positive"], [1, 0]),
        (["1", "2"], ["1", "2"], [0, 1]),  # a name comes before a number
        (["1", "2", "0"], ["a", "b", "c"], [1, 2, 0]),
        (["c", "0"], ["a", "b", "c"], [2, 0]),
    ],
)
def test_labels_are_resolved(raw: list[str], names: list[str], classes: list[int]) -> None:
    """By name in any spelling, then by number."""
    assert label_names.resolve_labels(raw, names).tolist() == classes


def test_unknown_labels_are_all_named() -> None:
    """With what the model has."""
    with pytest.raises(InputError, match=r"'-1', '2', 'good'; it has Negative, Positive"):
        label_names.resolve_labels(["good", "0", "2", "pos", "-1", "2"], label_names.BINARY_NAMES)


# --- cutting and drawing --------------------------------------------------------------------------


@pytest.mark.parametrize("texts", [True, False], ids=["texts", "ids"])
@pytest.mark.parametrize(
    ("labels", "share", "cut"),
    [
        ("a" * 50 + "b" * 50, 0.2, {"a": 10, "b": 10}),
        ("a" * 90 + "b" * 10, 0.1, {"a": 9, "b": 1}),
        ("a" * 97 + "b" * 3, 0.01, {"a": 1, "b": 1}),  # never none
        ("a" * 50 + "b" * 2 + "c" * 3, 0.99, {"a": 49, "b": 1, "c": 2}),  # never all
        ("ab" * 33, 0.5, {"a": 16, "b": 16}),
    ],
)
def test_stratified_cut(labels: str, share: float, cut: dict[str, int], texts: bool) -> None:
    """Each example on one side, each class cut in its share, both sides shuffled, fixed by seed."""
    whole = examples(labels, texts)
    rest, part = labelled.stratified_cut(whole, share, seed=3)
    assert Counter(part.labels) == cut
    both = [positions(side) for side in (rest, part)]
    assert sorted(both[0] + both[1]) == list(range(len(labels)))
    for side, rows in zip((rest, part), both, strict=True):
        assert side.labels == tuple(labels[i] for i in rows)  # a label stays with its example
    assert both[0] != sorted(both[0])
    again, other = (labelled.stratified_cut(whole, share, seed) for seed in (3, 4))
    assert [positions(side) for side in again] == both
    assert [positions(side) for side in other] != both


def positions(found: Examples) -> list[int]:
    """Where :func:`examples` had them."""
    if found.texts is not None:
        return [int(text) for text in found.texts]
    return [row[0] for row in ids_of(found)]


def test_a_class_of_one_example_cannot_be_cut() -> None:
    """It is named."""
    with pytest.raises(InputError, match="label 'b' stands on one example only"):
        labelled.stratified_cut(examples("aaab"), 0.2, 0)


@pytest.mark.parametrize("texts", [True, False], ids=["texts", "ids"])
def test_sample(texts: bool) -> None:
    """Drawn over the whole of a source that is sorted by label; in its order; fixed by seed."""
    whole = examples("a" * 500 + "b" * 500, texts)
    drawn = whole.sample(100)
    rows = positions(drawn)
    assert len(set(rows)) == len(drawn) == 100
    assert rows == sorted(rows)
    assert drawn.labels == tuple(whole.labels[i] for i in rows)
    assert min(Counter(drawn.labels).values()) >= 35
    assert positions(whole.sample(100)) == rows
    assert positions(whole.sample(100, seed=1)) != rows


@pytest.mark.parametrize("limit", [None, 4, 5])
def test_sample_of_everything(limit: int | None) -> None:
    """All of it, as it is."""
    whole = examples("abab")
    assert whole.sample(limit) is whole


TRAIN, TEST, ALL = examples("ab"), examples("ba"), examples("aaaaabbbbb")


def test_official_splits() -> None:
    """Where they are there, nothing is cut."""
    dataset = Dataset("data", {"train": TRAIN, "test": TEST, "all": ALL})
    assert dataset.training(seed=0) == (TRAIN, TEST)
    assert dataset.evaluation() is TEST


def test_without_splits() -> None:
    """Training cuts its test part off; evaluation takes everything."""
    dataset = Dataset("data", {"all": ALL})
    rest, cut = dataset.training(seed=5, test_share=0.4)
    assert Counter(rest.labels) == {"a": 3, "b": 3}
    assert Counter(cut.labels) == {"a": 2, "b": 2}
    assert (rest, cut) == labelled.stratified_cut(ALL, 0.4, 5)
    assert dataset.evaluation() is ALL


@pytest.mark.parametrize("split", ["train", "validation"])
def test_splits_that_are_not_enough(split: str) -> None:
    """Neither to train nor to test; both say what there is."""
    dataset = Dataset("my.csv", {split: TRAIN})
    with pytest.raises(InputError, match=f"my.csv has only the split {split}; training needs"):
        dataset.training(seed=0)
    with pytest.raises(InputError, match=f"my.csv has only the split {split}; testing needs"):
        dataset.evaluation()


# --- ids of examples ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "num_words", "ids"),
    [
        ({}, 10, [1, 4, 9, 3]),
        ({}, 9, [1, 4, 2, 3]),
        ({}, 4, [1, 2, 2, 3]),
        ({"unknown_id": 3}, 9, [1, 4, 3, 3]),
        ({"unknown_id": None}, 9, [1, 4, 3]),
        ({"unknown_id": None}, 10, [1, 4, 9, 3]),
    ],
)
def test_ids_are_capped(options: dict[str, Any], num_words: int, ids: list[int]) -> None:
    """Ids from num_words on become the unknown id, or go where there is none."""
    whole = Examples(None, (np.array([1, 4, 9, 3], np.int32),), ("0",))
    assert ids_of(labelled.cap_ids(whole, num_words, TextSettings(**options))) == [ids]
    assert ids_of(whole) == [[1, 4, 9, 3]]


def test_texts_have_no_ids_to_cap() -> None:
    """They pass as they are; the tokenizer caps."""
    assert labelled.cap_ids(ALL, 5, TextSettings()) is ALL


def test_negative_ids_are_not_capped() -> None:
    """Also where they do not come from a file."""
    whole = Examples(None, (np.array([1, -4], np.int32),), ("0",))
    with pytest.raises(InputError, match="negative ids"):
        labelled.cap_ids(whole, 5, TextSettings())


def test_examples_are_encoded() -> None:
    """Texts by the tokenizer, ids as they are; the last max_length of each."""
    settings = TextSettings(max_length=3)
    tokenizer = Tokenizer([PAD, START, UNKNOWN, UNUSED, "a", "b"], settings)
    texts = Examples(("a b a", "b", "x"), None, ("0", "1", "0"))
    assert [row.tolist() for row in texts.encode(tokenizer, settings)] == [
        [4, 5, 4],
        [1, 5],
        [1, 2],
    ]
    ids = Examples(None, (np.array([9, 8, 7, 6], np.int32), np.array([5], np.int32)), ("0", "1"))
    assert [row.tolist() for row in ids.encode(None, settings)] == [[8, 7, 6], [5]]
    with pytest.raises(InputError, match="no vocabulary"):
        texts.encode(None, settings)


# --- window by window -----------------------------------------------------------------------------

MANY = [(f"text {i} é", "neg" if i < 30 else "pos") for i in range(50)]


def table_of_many(folder: Path, name: str, split: str | None = None) -> None:
    """A table of MANY, with a split column that names others, too, where a split is given."""
    rows: list[tuple[str, ...]] = list(MANY)
    header: tuple[str, ...] = ("text", "label")
    if split is not None:
        rows = [(*row, split) for row in rows]
        rows[10:10] = [("of another split", "pos", "train"), ("of none", "pos", "")]
        header = (*header, "split")
    kind = next(k for k in from_table.TABLES if k in name)
    raw = table(kind, rows, header)
    (folder / name).write_bytes(gzip.compress(raw, mtime=0) if name.endswith(".gz") else raw)


def folders_of_many(folder: Path) -> None:
    """As aclImdb is."""
    for split in ("train", "test"):
        files = {
            f"{split}/{label}/{i:03}_1.txt": f"{split} {text}".encode()
            for i, (text, label) in enumerate(MANY)
        }
        make(folder, files)


def arrays_of_many(folder: Path) -> None:
    """As Keras's imdb.npz is."""
    x = objects([[i, i + 1] for i in range(50)])
    y = [int(label == "pos") for _, label in MANY]
    np.savez(folder / "ids.npz", x_train=x[:3], y_train=y[:3], x_test=x, y_test=y)


SOURCES: dict[str, tuple[Callable[[Path], None], str]] = {
    "csv": (lambda f: table_of_many(f, "a.csv"), "a.csv"),
    "tsv.gz": (lambda f: table_of_many(f, "a.tsv.gz"), "a.tsv.gz"),
    "jsonl": (lambda f: table_of_many(f, "a.jsonl"), "a.jsonl"),
    "csv with a test split": (lambda f: table_of_many(f, "a.csv", "test"), "a.csv"),
    "jsonl with a test split": (lambda f: table_of_many(f, "a.jsonl.gz", "test"), "a.jsonl.gz"),
    "folder of tables": (
        lambda f: (table_of_many(f, "train.csv"), table_of_many(f, "test.csv.gz"))[0],
        ".",
    ),
    "folder of tables with splits": (lambda f: table_of_many(f, "test.tsv", "test"), "."),
    "class folders": (folders_of_many, "."),
    "npz": (arrays_of_many, "ids.npz"),
}


def joined(windows: list[Examples]) -> Examples:
    """The examples of all windows."""
    texts = [t for w in windows for t in w.texts or ()]
    ids = [row for w in windows for row in w.ids or ()]
    labels = tuple(label for w in windows for label in w.labels)
    return Examples(tuple(texts) or None, tuple(ids) or None, labels)


def same(one: Examples, other: Examples) -> bool:
    """Whether texts, ids and labels are equal."""
    if (one.ids is None) != (other.ids is None) or (one.ids and ids_of(one) != ids_of(other)):
        return False
    return (one.texts, one.labels) == (other.texts, other.labels)


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize("limit", [None, 1, 20, 50, 99])
def test_windows_are_what_loading_gives(tmp_path: Path, name: str, limit: int | None) -> None:
    """The same examples in the same order, also those that a limit draws; again and again."""
    write, place = SOURCES[name]
    write(tmp_path)
    source = str(tmp_path / place)
    whole = data.load(source).evaluation()
    found = data.evaluation(source)
    assert (found.name, len(found)) == (source, 50)
    assert found.labels == Counter(whole.labels)
    expected = whole.sample(limit)
    for size in (1, 7, 20, 1000):
        windows = list(found.windows(size, limit))
        assert [len(w) for w in windows[:-1]] == [size] * (len(windows) - 1)
        assert 0 < len(windows[-1]) <= size
        assert same(joined(windows), expected)
    if limit == 20:
        assert same(joined(list(found.windows(7, limit, seed=1))), whole.sample(limit, seed=1))


@pytest.mark.parametrize("bad", [b"", b"\xff", b"words,label\na,1\n", HEAD + b",1\n"])
def test_other_splits_are_not_read(tmp_path: Path, bad: bytes) -> None:
    """Neither for time nor for what is wrong with them."""
    table_of_many(tmp_path, "test.csv")
    (tmp_path / "train.csv").write_bytes(bad)
    assert len(data.evaluation(str(tmp_path))) == 50
    with pytest.raises(InputError, match=r"train\.csv"):
        data.load(str(tmp_path))


def test_nothing_to_test_on(tmp_path: Path) -> None:
    """In a table, a folder and an archive: what there is, and what is needed."""
    (tmp_path / "a.csv").write_bytes(b"text,label,split\na,1,train\nb,0,validation\n")
    with pytest.raises(InputError, match=r"a\.csv has only the split train, validation; testing"):
        data.evaluation(str(tmp_path / "a.csv"))
    (tmp_path / "train.csv").write_bytes(HEAD + b"a,1\n")
    with pytest.raises(InputError, match="has only the split train; testing needs"):
        data.evaluation(str(tmp_path))
    np.savez(tmp_path / "ids.npz", x_train=[[1]], y_train=[1])
    with pytest.raises(InputError, match=r"ids\.npz has only the split train; testing needs"):
        data.evaluation(str(tmp_path / "ids.npz"))
    (tmp_path / "test.csv").write_bytes(b"text,label,split\na,1,train\n")
    with pytest.raises(InputError, match=r"test\.csv: no row has 'test' in its 'split' column"):
        data.evaluation(str(tmp_path))


@pytest.mark.parametrize("change", ["longer", "shorter"])
def test_data_that_change_meanwhile_are_noticed(tmp_path: Path, change: str) -> None:
    """Or counts and answers would be of different data."""
    path = tmp_path / "a.csv"
    table_of_many(tmp_path, path.name)
    found = data.evaluation(str(path))
    content = path.read_bytes()
    path.write_bytes(
        content + b"more,pos\n" if change == "longer" else content[: len(content) // 2]
    )
    with pytest.raises(InputError, match=r"a\.csv changed while they were read"):
        list(found.windows(7))


def test_windows_take_no_more_than_they_give() -> None:
    """One window of items at a time, however many there are."""
    taken = []

    def endless() -> Iterator[int]:
        number = 0
        while True:
            taken.append(number)
            yield number
            number += 1

    windows = labelled.windows(endless(), 7)
    for number in range(1, 50):
        assert next(windows) == list(range(7 * number - 7, 7 * number))
        assert len(taken) == 7 * number
    assert list(labelled.windows(range(5), 2)) == [[0, 1], [2, 3], [4]]
    assert list(labelled.windows([])) == []


@pytest.mark.parametrize("kind", [".csv", ".jsonl.gz", "folders"])
def test_memory_holds_a_window_and_not_the_data(tmp_path: Path, kind: str) -> None:
    """40 windows of a quarter of a megabyte each."""
    rows = [(f"{i:05} " + "x" * 25_000, "01"[i % 2]) for i in range(400)]
    if kind == "folders":
        make(tmp_path, {f"test/{c}/{i:03}.txt": t.encode() for i, (t, c) in enumerate(rows)})
        source = tmp_path
    else:
        source = tmp_path / f"a{kind}"
        raw = table(kind.removesuffix(".gz"), rows, ("text", "label"))
        source.write_bytes(gzip.compress(raw, mtime=0) if ".gz" in kind else raw)
    del rows
    tracemalloc.start()
    try:
        found = data.evaluation(str(source))
        count = sum(len(window) for window in found.windows(10))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 400
    assert peak < 2_500_000, "10 MB of texts, 0.25 MB in a window"


# --- texts without labels -------------------------------------------------------------------------


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gz"])
@pytest.mark.parametrize("mark", [False, True], ids=["no BOM", "BOM"])
@pytest.mark.parametrize("kind", [*from_table.TABLES, ".txt"])
def test_texts_of_a_file(tmp_path: Path, kind: str, mark: bool, packed: bool) -> None:
    """In their order, empty ones among them; a table needs no label."""
    texts = list(TEXTS) if kind in (".csv", ".jsonl") else [" ".join(t.split()) for t in TEXTS]
    texts[2:2] = ["", " "]
    if kind == ".txt":
        raw = "".join(text + "\n" for text in texts).encode()
    else:
        raw = table(kind, [("1", text) for text in texts], ("id", "Review"))
    raw = (b"\xef\xbb\xbf" if mark else b"") + raw
    path = tmp_path / f"my.texts{kind}{'.gz' if packed else ''}"
    path.write_bytes(gzip.compress(raw, mtime=0) if packed else raw)
    assert list(data.texts(path)) == texts
    if kind != ".txt":
        assert list(data.texts(path, "review")) == texts


@pytest.mark.parametrize("kind", [".csv", ".tsv"])
def test_texts_of_a_numbered_column(tmp_path: Path, kind: str) -> None:
    """In a table without a heading line."""
    path = tmp_path / f"a{kind}"
    path.write_bytes(table(kind, [("ham", "one"), ("spam", "two")], None))
    assert list(data.texts(path, "2")) == ["one", "two"]


def test_lines_end_at_line_feeds_only(tmp_path: Path) -> None:
    """As standard input's do: characters that other tools take for an end are part of the text."""
    path = tmp_path / "a.txt"
    path.write_bytes("one\r\ntwo\x85\u2028\x0b\rtwo\n\nlast".encode())
    assert list(data.texts(path)) == ["one", "two\x85\u2028\x0b\rtwo", "", "last"]


@pytest.mark.parametrize(
    ("name", "content", "column", "reason"),
    [
        ("gone.csv", None, None, "input FILE does not exist; expected a file ending in .csv, .tsv"),
        (
            "a.pdf",
            b"a",
            None,
            "input FILE: unknown kind of file (.pdf); expected .csv, .tsv, .jsonl, .txt",
        ),
        ("a.npz", b"a", None, "input FILE: unknown kind of file"),
        ("a", b"a", None, "input FILE: unknown kind of file"),
        ("a.txt", b"a", "text", "input FILE has lines and no columns; leave `text_column` out"),
        ("a.txt", b"", None, "data FILE holds no text"),
        ("a.csv", b"", None, "data FILE is empty"),
        ("a.csv", b"text\n", None, "data FILE holds no example"),
        ("a.csv", b"words\na\n", None, "data FILE has no text column: its first line has 'words'"),
        ("a.csv", b"text\na\n", "0", "give the text column by number (from 1 on), or by name"),
        ("a.csv", b"text\na\n", "2", "FILE, line 1: 1 columns; expected at least 2"),
        ("a.jsonl", b'{"text": "a"}\n{"text": 3}\n', None, "FILE, line 2: 'text' is not a string"),
        ("a.jsonl", b'{"text": "a"}\n{"t": "b"}\n', None, "FILE, line 2: no 'text'"),
        ("a.txt", b"a\nb\n\xff\n", None, "FILE, line 3: not UTF-8 text"),
        ("a.txt.gz", b"a", None, "data FILE cannot be read: Not a gzipped file"),
        (
            "a.csv.gz",
            gzip.compress(b"text\na\n" * 999, mtime=0)[:-9],
            None,
            "data FILE cannot be read: Com",
        ),
    ],
)
def test_texts_that_are_refused(
    tmp_path: Path, name: str, content: bytes | None, column: str | None, reason: str
) -> None:
    """One InputError each that names the file and, where there is one, the line."""
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=re.escape(reason.replace("FILE", str(path)))):
        list(data.texts(path, column))


def test_a_folder_is_no_file_of_texts(tmp_path: Path) -> None:
    """Also when its name ends like one."""
    (tmp_path / "a.csv").mkdir()
    with pytest.raises(InputError, match="unknown kind of file"):
        data.texts(tmp_path / "a.csv")


@pytest.fixture
def pipe() -> Iterator[tuple[Any, Any]]:
    """A real pipe: the side to read, and the side to write without a buffer."""
    reading, writing = os.pipe()
    with open(reading, "rb") as ours, open(writing, "wb", buffering=0) as theirs:  # noqa: PTH123
        yield ours, theirs


def test_lines_are_given_while_the_pipe_is_open(pipe: tuple[Any, Any]) -> None:
    """Who writes a line and waits for its answer gets it: nothing waits for the end."""
    ours, theirs = pipe
    windows = data.arriving(ours, "pipe")
    for line in ("one", "two", "drei ü"):
        theirs.write(f"{line}\n".encode())
        assert next(windows) == [line]
    theirs.write(b"half of a li" + "ü".encode()[:1])
    time.sleep(2 * data.PATIENCE)
    theirs.write("ü".encode()[1:] + b"ne\r\nand\nthe end")
    assert next(windows) == ["half of a liüne", "and"]
    theirs.close()
    assert list(windows) == [["the end"]]


def test_lines_that_are_there_come_in_full_windows(tmp_path: Path) -> None:
    """Of a file, whatever the blocks are in which it is read."""
    lines = [f"{i} " + "é" * (i % 300) for i in range(5_000)]
    path = tmp_path / "lines"
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    with path.open("rb") as file:
        windows = list(data.arriving(file, "file", 1_000))
    assert [line for window in windows for line in window] == lines
    assert max(map(len, windows)) == 1_000
    assert len(windows) < 50, "not one for every block that is read"


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"", []),
        (b"\n", [""]),
        (b"\n\na", ["", "", "a"]),
        (b"a\r\nb\r", ["a", "b"]),
        (b"\xef\xbb\xbfa\n\xef\xbb\xbfb\n", ["a", "\ufeffb"]),
        (b"x" * 300_000 + b"\ny\n", ["x" * 300_000, "y"]),
    ],
)
def test_lines_of_a_stream(content: bytes, lines: list[str]) -> None:
    """Of one in memory, as tests and other programs give it."""
    windows = data.arriving(io.BytesIO(content), "stream")
    assert [line for window in windows for line in window] == lines


def test_a_line_that_is_not_utf8_is_named() -> None:
    """By its number."""
    with pytest.raises(InputError, match="my input, line 3: not UTF-8 text"):
        list(data.arriving(io.BytesIO(b"a\nb\n\xe9t\xe9\n"), "my input"))


# --- real data ------------------------------------------------------------------------------------


def test_real_spam(tmp_path: Path) -> None:
    """A real table without a heading line: every line is an example."""
    path = SHARED / "data" / "text" / "sms_spam" / "SMSSpamCollection.tsv"
    if not path.is_file():
        pytest.skip(f"the SMS spam collection is not there: {path}")
    found = data.load(str(path), "2", "1").splits["all"]
    assert Counter(found.labels) == {"ham": 4_827, "spam": 747}
    assert len(found) == path.read_text(encoding="utf-8").count("\n")
