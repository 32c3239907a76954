"""The command line as a user meets it: what it prints, writes and returns."""

from __future__ import annotations

import csv
import gzip
import html
import json
import os
import random
import signal
import subprocess
import sys
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pytest
from click.testing import CliRunner, Result

pytest.importorskip("tensorflow", reason="the commands that are tested train and export")

import terminal
from environments import pip_install
from models import DEFAULT

from lstm_edge import load_bundle
from lstm_edge.base.temporary import PREFIX
from lstm_edge.bundle.manifest import MANIFEST, seal
from lstm_edge.cli import cli
from lstm_edge.errors import InputError

GOOD = "wonderful charming bright moving lovely fun clever warm".split()
BAD = "awful boring dull stupid noisy empty slow cheap".split()
FILLER = "the film and a story with some actors in it was of".split()


def write_reviews(path: Path, rows: int, seed: int = 1) -> Path:
    """Separable reviews of 3 to 12 words, half of each class."""
    rng = random.Random(seed)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["review", "sentiment"])
        for number in range(rows):
            words = GOOD if number % 2 else BAD
            text = rng.choices(words, k=rng.randint(1, 4)) + rng.choices(
                FILLER, k=rng.randint(2, 8)
            )
            rng.shuffle(text)
            writer.writerow([" ".join(text), "pos" if number % 2 else "neg"])
    return path


def call(*args: object) -> Result:
    return CliRunner().invoke(cli, [str(arg) for arg in args], catch_exceptions=False)


TRAIN = ("--length", 12, "--embedding", 8, "--lstm", 8, "--lstm", 6, "--epochs", 4,
         "--learning-rate", 0.02, "--batch-size", 16)  # fmt: skip


@dataclass(frozen=True)
class Made:
    """What the commands made, once for all tests."""

    data: Path
    run: Path
    bundle: Path
    trained: Result
    exported: Result


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("cli")
    data = write_reviews(folder / "reviews.csv", 240)
    trained = call("train", "--data", data, "--out", folder / "run", *TRAIN)
    exported = call("export", folder / "run", "--out", folder / "bundle")
    return Made(data, folder / "run", folder / "bundle", trained, exported)


# ---------------------------------------------------------------- what works


def test_train_prints_the_notebook_s_samples(made: Made) -> None:
    assert made.trained.exit_code == 0, made.trained.output
    lines = made.trained.stdout.splitlines()
    assert sum(line.startswith("Review ") and line.endswith(":") for line in lines) == 10
    answers = [line for line in lines if line.startswith("Prediction: ")]
    assert len(answers) == 10
    assert all(
        set(line.replace("Prediction: ", "").replace(" Actual: ", "").split(","))
        <= {"Positive", "Negative"}
        for line in answers
    )
    accuracy = next(line for line in lines if line.startswith("Test accuracy: "))
    assert float(accuracy.split()[2]) > 0.9, "the texts are separable"
    metrics = json.loads((made.run / "metrics.json").read_text())
    assert accuracy.split()[2] == f"{metrics['test_accuracy']:.4f}"


def test_export_holds_every_file_against_keras(made: Made) -> None:
    assert made.exported.exit_code == 0, made.exported.output
    manifest = json.loads((made.bundle / MANIFEST).read_text())
    names = [v["name"] for v in manifest["variants"]]
    assert names == DEFAULT
    for name in names:
        assert name in made.exported.stdout
    assert made.exported.stderr == "", "the converters' chatter belongs in the log"


@pytest.mark.parametrize("data", [False, True], ids=["golden", "data"])
def test_verify(made: Made, tmp_path: Path, data: bool) -> None:
    args = ("--data", made.data) if data else ()
    result = call("verify", made.bundle, *args, "--json", tmp_path / "parity.json")
    assert result.exit_code == 0, result.output
    run = json.loads((tmp_path / "parity.json").read_text())
    assert run["ok"]
    assert [r["examples"] for r in run["reports"]] == [240 if data else 72] * len(DEFAULT)
    assert all(len(r["checks"]) >= 5 for r in run["reports"])


def test_verify_reports_a_variant_outside_its_tolerance(made: Made, tmp_path: Path) -> None:
    """The answers in golden.json are moved, as if the files had been made from another model."""
    bundle = copied(made.bundle, tmp_path)
    golden = json.loads((bundle / "golden.json").read_text())
    for case in golden["cases"]:
        case["probabilities"] = [1 - case["probabilities"][0]]
    rewrite(bundle, "golden.json", golden)
    result = call("verify", bundle, "--json", tmp_path / "parity.json")
    assert result.exit_code == 1
    assert "OUTSIDE TOLERANCE" in result.stdout
    assert "labels flip" in result.stdout
    assert not json.loads((tmp_path / "parity.json").read_text())["ok"]


def test_predict_arguments_lines_and_json_agree(made: Made) -> None:
    texts = ["wonderful charming film", "awful boring story"]
    by_argument = call("predict", made.bundle, *texts)
    assert by_argument.exit_code == 0, by_argument.output
    rows = [line.split("\t") for line in by_argument.stdout.splitlines()]
    assert [(r[0], r[2]) for r in rows] == list(zip(["Positive", "Negative"], texts, strict=True))
    by_line = CliRunner().invoke(cli, ["predict", str(made.bundle)], input="\n".join(texts) + "\n")
    assert by_line.stdout == by_argument.stdout
    as_json = call("predict", made.bundle, "--json", *texts)
    values = [json.loads(line) for line in as_json.stdout.splitlines()]
    for value, row in zip(values, rows, strict=True):
        assert f"{value['probabilities'][value['label']]:.4f}" == row[1]
        assert sum(value["probabilities"].values()) == pytest.approx(1, abs=1e-6)


def test_predict_takes_many_lines_and_empty_ones(made: Made) -> None:
    lines = ["wonderful film", "", "awful film"] * 400
    result = CliRunner().invoke(cli, ["predict", str(made.bundle)], input="\n".join(lines) + "\n")
    labels = [line.split("\t")[0] for line in result.stdout.splitlines()]
    assert len(labels) == 1200
    assert set(labels[::3]) == {"Positive"}
    assert set(labels[2::3]) == {"Negative"}


TEXTS = ["wonderful film", 'awful, "dull" story', "", "bright été 😀", "cheap and stupid"] * 9


def written(path: Path, texts: list[str]) -> Path:
    """A file of texts as its suffix says."""
    opened = gzip.open if path.suffix == ".gz" else open
    kind = path.with_suffix("").suffix if path.suffix == ".gz" else path.suffix
    with opened(path, "wt", encoding="utf-8", newline="") as file:
        if kind == ".jsonl":
            file.writelines(json.dumps({"id": 1, "body": t}) + "\n" for t in texts)
        elif kind == ".txt":
            file.writelines(f"{t}\n" for t in texts)
        elif kind == ".tsv":
            file.writelines(f"1\t{t}\n" for t in ["body", *texts])
        else:
            csv.writer(file).writerows([("id", "body"), *((1, t) for t in texts)])
    return path


@pytest.mark.parametrize("packed", ["", ".gz"])
@pytest.mark.parametrize("kind", [".csv", ".tsv", ".jsonl", ".txt"])
def test_predict_a_file(made: Made, tmp_path: Path, kind: str, packed: str) -> None:
    """As its texts are answered when they are arguments, in their order."""
    path = written(tmp_path / f"in{kind}{packed}", TEXTS)
    expected = call("predict", made.bundle, *TEXTS)
    assert expected.exit_code == 0, expected.output
    assert len(expected.stdout.splitlines()) == len(TEXTS)
    result = call("predict", made.bundle, "--input", path)
    assert result.stdout == expected.stdout
    if kind == ".tsv":
        result = call("predict", made.bundle, "--input", path, "--text-column", 2)
        assert result.stdout.splitlines()[1:] == expected.stdout.splitlines()
    as_json = call("predict", made.bundle, "--json", "--input", path)
    assert as_json.stdout == call("predict", made.bundle, "--json", *TEXTS).stdout


@pytest.mark.parametrize("packed", ["", ".gz"])
@pytest.mark.parametrize("kind", [".csv", ".tsv", ".jsonl"])
@pytest.mark.parametrize("given", ["arguments", "file", "standard input"])
def test_predict_to_a_file(made: Made, tmp_path: Path, given: str, kind: str, packed: str) -> None:
    """What would be printed, in each form; an earlier file is replaced."""
    out = tmp_path / f"out{kind}{packed}"
    out.write_bytes(b"earlier")
    args, lines = ["predict", str(made.bundle), "--out", str(out)], None
    if given == "arguments":
        args += TEXTS
    elif given == "file":
        args += ["--input", str(written(tmp_path / "in.csv", TEXTS))]
    else:
        lines = "\n".join(TEXTS)
    result = CliRunner().invoke(cli, args, input=lines, catch_exceptions=False)
    assert (result.exit_code, result.stdout) == (0, f"Written: {out}\n"), result.output
    content = out.read_bytes()
    content = (gzip.decompress(content) if packed else content).decode()
    if kind == ".csv":
        header, *rows = csv.reader(content.splitlines())
        found = ["\t".join(row) for row in rows]
        assert header == ["label", "probability", "text"]
    else:
        found = content.splitlines()
        if kind == ".tsv":
            assert found.pop(0) == "label\tprobability\ttext"
    printed = call("predict", made.bundle, *(["--json"] if kind == ".jsonl" else []), *TEXTS)
    assert found == printed.stdout.splitlines()


@pytest.mark.parametrize("out", ["new.csv", "old.jsonl"])
def test_predict_leaves_nothing_half_written(made: Made, tmp_path: Path, out: str) -> None:
    """The input is bad after more than a window."""
    source = written(tmp_path / "in.csv", ["wonderful film"] * 5_000)
    with source.open("a") as file:
        file.write("of one column only\n")
    (tmp_path / "old.jsonl").write_text("earlier")
    result = call("predict", made.bundle, "--input", source, "--out", tmp_path / out)
    assert result.exit_code == 2
    assert result.stderr == f"lstm-edge: {source}, line 5002: 1 columns; expected at least 2\n"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.csv", "old.jsonl"]
    assert (tmp_path / "old.jsonl").read_text() == "earlier"
    lines = b"wonderful film\n" * 5_000 + b"\xff\n"  # standard input cannot be read before
    args = ["predict", str(made.bundle), "--out", str(tmp_path / out)]
    result = CliRunner().invoke(cli, args, input=lines, catch_exceptions=False)
    assert result.exit_code == 2
    assert result.stderr == "lstm-edge: standard input, line 5001: not UTF-8 text\n"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.csv", "old.jsonl"]
    assert (tmp_path / "old.jsonl").read_text() == "earlier"


def test_an_interrupted_predict_leaves_nothing(made: Made, tmp_path: Path) -> None:
    """Ctrl-C between two windows, with two workers."""
    out = tmp_path / "out.csv"
    command = [
        sys.executable,
        "-m",
        "lstm_edge.cli",
        "predict",
        str(made.bundle),
        "--out",
        str(out),
    ]
    process = subprocess.Popen(
        [*command, "--workers", "2"], stdin=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stderr is not None
    process.stdin.write(b"wonderful film\n" * 3_000)
    process.stdin.flush()  # and it stays open
    for _ in range(1200):
        if list(tmp_path.iterdir()) or process.poll() is not None:
            break
        time.sleep(0.05)
    assert [path.name.startswith(f".{PREFIX}") for path in tmp_path.iterdir()] == [True]
    process.send_signal(signal.SIGINT)
    assert process.stderr.read().strip() == b"lstm-edge: interrupted"
    assert process.wait(timeout=60) == 130
    process.stdin.close()
    process.stderr.close()
    assert list(tmp_path.iterdir()) == []


def test_predict_answers_a_line_before_the_next_comes(made: Made) -> None:
    """As another program needs it, which writes a text and waits for its label."""
    command = [sys.executable, "-m", "lstm_edge.cli", "predict", str(made.bundle)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for text, label in (("wonderful film", b"Positive"), ("awful film", b"Negative")):
            process.stdin.write(f"{text}\n".encode())
            process.stdin.flush()
            assert process.stdout.readline().startswith(label)
        process.stdin.close()
    assert process.returncode == 0


def test_bench_and_report(made: Made, tmp_path: Path) -> None:
    latency, parity = tmp_path / "latency.json", tmp_path / "parity.json"
    result = call("bench", made.bundle, "--rounds", 2, "--limit", 5, "--json", latency)
    assert result.exit_code == 0, result.output
    value = json.loads(latency.read_text())
    assert [len(t["samples_ms"]) for t in value["timings"]] == [2] * len(DEFAULT)
    assert {len(row) for t in value["timings"] for row in t["samples_ms"]} == {5}
    call("verify", made.bundle, "--json", parity)
    result = call(
        "report", made.bundle, "--out", tmp_path / "r", "--parity", parity, "--latency", latency
    )
    assert result.exit_code == 0, result.output
    assert {p.name for p in (tmp_path / "r").iterdir()} == {
        "report.html",
        "report.md",
        "report.json",
    }
    assert "onnx-int8-dynamic" in (tmp_path / "r" / "report.html").read_text()
    assert str(tmp_path / "r" / "report.html") in result.stdout


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("onnx-float32.onnx", ("LSTM", "no problems found", "probabilities")),
        ("tflite-float32.tflite", ("WHILE", "no problems found", "ids")),
    ],
)
def test_inspect(made: Made, tmp_path: Path, name: str, expected: tuple[str, ...]) -> None:
    result = call("inspect", made.bundle / name, "--json", tmp_path / "i.json")
    assert result.exit_code == 0
    assert all(part in result.stdout for part in expected)
    assert json.loads((tmp_path / "i.json").read_text())["problems"] == []


def test_inspect_says_what_keeps_a_keras_file_from_being_exported(tmp_path: Path) -> None:
    result = call("inspect", unsupported(tmp_path))
    assert result.exit_code == 0
    assert "problem: layer" in result.stdout
    assert "Unregistered" in result.stdout


@pytest.mark.parametrize(
    "command", ["demo", "train", "export", "verify", "predict", "bench", "report", "inspect"]
)
def test_every_help_text_has_an_example(command: str) -> None:
    result = call(command, "--help")
    assert result.exit_code == 0
    assert f"lstm-edge {command} " in result.stdout or f"lstm-edge {command}\n" in result.stdout


# ---------------------------------------------------------------- bad input


def copied(bundle: Path, folder: Path) -> Path:
    import shutil

    return Path(shutil.copytree(bundle, folder / "copy"))


def rewrite(bundle: Path, name: str, value: object) -> None:
    """Write a file of a bundle with its hash, as an export would have."""
    import hashlib

    manifest = json.loads((bundle / MANIFEST).read_text())
    if name == MANIFEST:
        manifest = value
    else:
        (bundle / name).write_text(json.dumps(value))
        digest = hashlib.sha256((bundle / name).read_bytes()).hexdigest()
        manifest["files"][name] = digest
    manifest["seal"] = seal(manifest)
    (bundle / MANIFEST).write_text(json.dumps(manifest))


def table(folder: Path, *lines: str) -> Path:
    path = folder / "bad.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def cut_model(made: Made, folder: Path) -> Path:
    path = folder / "cut.keras"
    path.write_bytes((made.run / "model.keras").read_bytes()[:3000])
    return path


def flipped_byte(made: Made, folder: Path) -> Path:
    bundle = copied(made.bundle, folder)
    path = bundle / "tflite-int8-dynamic.tflite"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    return bundle


def newer_schema(made: Made, folder: Path) -> Path:
    bundle = copied(made.bundle, folder)
    manifest = json.loads((bundle / MANIFEST).read_text())
    rewrite(bundle, MANIFEST, {**manifest, "schema": 99})
    return bundle


def in_the_way(folder: Path, content: bool = True) -> Path:
    path = folder / "out"
    path.mkdir()
    if content:
        (path / "notes.txt").write_text("mine")
    return path


def unsupported(folder: Path) -> Path:
    """A model with a layer of a class that nobody knows any more."""
    import keras

    class Unregistered(keras.layers.Layer):  # type: ignore[misc]
        def call(self, x: Any) -> Any:
            return x

    path = folder / "m.keras"
    keras.Sequential([keras.Input((5, 2)), Unregistered(), keras.layers.LSTM(3)]).save(path)
    return path


PUBLIC_KEY = b"""-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAiojj3XQJ8ZX9UttSu9Jm6pw8y5mWZlYc8e6q8jC5q1k=
-----END PUBLIC KEY-----
"""
# name -> (arguments from what was made and a folder, parts of the one line)
BAD_INPUT = {
    "no such data": (lambda m, t: ("train", "--data", t / "no.csv", "--out", t / "out"),
                     ("no.csv", "does not exist")),
    "unreadable data": (lambda m, t: ("train", "--data", _bytes(t / "x.csv", b"text,label\n\xff\xfe,1\n"),
                                      "--out", t / "out"), ("x.csv", "UTF-8")),
    "gz cut short": (lambda m, t: ("train", "--data", _bytes(t / "x.csv.gz", b"\x1f\x8b\x08\x00abc"),
                                   "--out", t / "out"), ("x.csv.gz", "cannot be read")),
    "no label column": (lambda m, t: ("train", "--data", table(t, "text,stars", "fine,1"), "--out",
                                      t / "out"), ("label column", "'stars'", "--label-column")),
    "no label column, verify": (lambda m, t: ("verify", m.bundle, "--data",
                                              table(t, "text,stars", "fine,1")), ("label column",)),
    "one class": (lambda m, t: ("train", "--data", table(t, "text,label", "fine,1", "good,1"), "--out",
                                t / "out"), ("one class", "'1'")),
    "empty text": (lambda m, t: ("train", "--data", table(t, "text,label", "fine,1", " ,0"), "--out",
                                 t / "out"), ("line 3", "text is empty")),
    "label unknown to the model": (lambda m, t: ("verify", m.bundle, "--data",
                                                 table(t, "text,label", "fine,maybe", "bad,no")),
                                   ("'maybe'", "'no'", "Negative, Positive")),
    "no such model": (lambda m, t: ("export", t / "no.keras", "--out", t / "out"),
                      ("no.keras", "does not exist")),
    "model cut short": (lambda m, t: ("export", cut_model(m, t), "--out", t / "out"),
                        ("cut.keras", "cut short")),
    "model of another kind": (lambda m, t: ("export", _bytes(t / "m.pt", b"x"), "--out", t / "out"),
                              ("m.pt", ".keras")),
    "empty folder as model": (lambda m, t: ("export", in_the_way(t, False), "--out", t / "b"),
                              ("no model.keras",)),
    "a class not known": (lambda m, t: ("export", unsupported(t), "--out", t / "out"),
                          ("m.keras cannot be loaded", "Unregistered")),
    "unknown format": (lambda m, t: ("export", m.run, "--format", "coreml", "--out", t / "out"),
                       ("--format coreml", "onnx, tflite")),
    "unknown runtime": (lambda m, t: ("export", m.run, "--runtime", "coreml", "--out", t / "out"),
                        ("--runtime coreml", "onnxruntime, litert, ")),
    "unknown precision": (lambda m, t: ("export", m.run, "--precision", "int4", "--out", t / "out"),
                          ("--precision int4", "float32, float16, int8-dynamic, float32-folded")),
    "format without that precision": (lambda m, t: ("export", m.run, "--format", "onnx", "--precision",
                                                    "float16-folded", "--out", t / "out"),
                                      ("float16-folded", "onnx-float32")),
    "folding where it cannot be": (lambda m, t: ("export", m.run, "--format", "onnx",
                                                 "--fold-embedding", "--out", t / "out"),
                                   ("onnx", "tflite")),
    "labels, wrong number": (lambda m, t: ("export", m.run, "--labels", "a,b,c", "--out", t / "out"),
                             ("3 labels", "2 classes")),
    "length of another model": (lambda m, t: ("export", m.run, "--length", 40, "--out", t / "out"),
                                ("12", "40")),
    "output folder is no bundle": (lambda m, t: ("export", m.run, "--out", in_the_way(t)),
                                   ("not a bundle", "--out")),
    "output folder is empty": (lambda m, t: ("export", m.run, "--out", in_the_way(t, False)),
                               ("not a bundle",)),
    "run folder exists": (lambda m, t: ("train", "--data", m.data, "--out", m.run, *TRAIN),
                          ("already exists", "--resume")),
    "nothing to resume": (lambda m, t: ("train", "--data", m.data, "--out", t / "out", "--resume",
                                        *TRAIN), ("resume", "checkpoint")),
    "no such optimizer": (lambda m, t: ("train", "--data", m.data, "--out", t / "out", *TRAIN,
                                        "--optimizer", "adamant"), ("adamant",)),
    "no epoch": (lambda m, t: ("train", "--data", m.data, "--out", t / "out", "--epochs", 0),
                 ("--epochs is 0",)),
    "no bundle": (lambda m, t: ("verify", t / "no"), ("no does not exist",)),
    "not a bundle": (lambda m, t: ("predict", m.run, "x"), ("not a bundle", MANIFEST)),
    "changed byte": (lambda m, t: ("predict", flipped_byte(m, t), "x"),
                     ("tflite-int8-dynamic.tflite was changed",)),
    "newer schema": (lambda m, t: ("verify", newer_schema(m, t)), ("schema 99", "upgrade")),
    "missing variant": (lambda m, t: ("predict", m.bundle, "x", "--variant", "onnx-int4"),
                        ("onnx-int4", "onnx-float32")),
    "workers 0": (lambda m, t: ("predict", m.bundle, "x", "--workers", 0), ("--workers is 0",)),
    "workers 0, verify": (lambda m, t: ("verify", m.bundle, "--workers", 0), ("--workers is 0",)),
    "no such input": (lambda m, t: ("predict", m.bundle, "--input", t / "no.csv"),
                      ("no.csv does not exist", ".csv, .tsv, .jsonl, .txt")),
    "input of another kind": (lambda m, t: ("predict", m.bundle, "--input", _bytes(t / "a.pdf", b"x")),
                              ("a.pdf: unknown kind", ".csv, .tsv, .jsonl, .txt")),
    "input without the column": (lambda m, t: ("predict", m.bundle, "--input", m.data,
                                               "--text-column", "body"),
                                 ("no text column", "'review', 'sentiment'", "'body'")),
    "input that is empty": (lambda m, t: ("predict", m.bundle, "--input", _bytes(t / "a.txt", b"")),
                            ("a.txt holds no text",)),
    "input and texts": (lambda m, t: ("predict", m.bundle, "x", "--input", m.data),
                        ("--input", "one of them")),
    "text column without input": (lambda m, t: ("predict", m.bundle, "x", "--text-column", "a"),
                                  ("--text-column", "--input")),
    "output of another kind": (lambda m, t: ("predict", m.bundle, "x", "--out", t / "out.xlsx"),
                               ("out.xlsx", ".csv, .tsv, .jsonl")),
    "output is a folder": (lambda m, t: ("predict", m.bundle, "x", "--out", t), ("is a directory",)),
    "output and --json": (lambda m, t: ("predict", m.bundle, "x", "--json", "--out", t / "out.csv"),
                          ("--json", "--out")),
    "output is the input": (lambda m, t: ("predict", m.bundle, "--input", _bytes(t / "a.csv", b"text\n"),
                                          "--out", t / "a.csv"), ("replace the input",)),
    "output cannot be written": (lambda m, t: ("predict", m.bundle, "x", "--out",
                                               _bytes(t / "a", b"") / "out.csv"), ("cannot be written",)),
    "bundle below a file": (lambda m, t: ("export", m.run, "--out", _bytes(t / "a", b"") / "out"),
                            ("out cannot be written: Not a directory",)),
    **{
        f"JSON cannot be written, {command}": (
            lambda m, t, command=command: (command, m.bundle, "--json",
                                           _bytes(t / "a", b"") / "b" / "x.json"),
            ("x.json cannot be written: Not a directory",))
        for command in ("verify", "bench")
    },
    "missing variant, bench": (lambda m, t: ("bench", m.bundle, "--variant", "coreml"), ("coreml",)),
    "threads 0": (lambda m, t: ("predict", m.bundle, "x", "--threads", 0), ("--threads is 0",)),
    "threads 0, bench": (lambda m, t: ("bench", m.bundle, "--threads", 0), ("--threads is 0",)),
    "threads not a number": (lambda m, t: ("bench", m.bundle, "--threads", "two"), ("two", "--help")),
    "limit 0": (lambda m, t: ("verify", m.bundle, "--limit", 0), ("--limit is 0",)),
    "another model": (lambda m, t: ("verify", m.bundle, "--data", m.data, "--model",
                                    _bytes(t / "o.keras", b"x")), ("o.keras", "hash differs")),
    "results of another kind": (lambda m, t: ("report", m.bundle, "--out", t / "out", "--parity",
                                              _bytes(t / "p.json", b"{}")), ("p.json", "parity results")),
    "inspect a text": (lambda m, t: ("inspect", m.data), ("reviews.csv", ".tflite")),
    "inspect what is cut": (lambda m, t: ("inspect", _bytes(t / "x.onnx", b"\x08\x01junk")),
                            ("x.onnx",)),
    "not signed": (lambda m, t: ("predict", m.bundle, "x", "--trusted",
                                 _bytes(t / "key.pub", PUBLIC_KEY)),
                   ("is not signed, which --trusted asks for", "--sign")),
    "no such key to trust": (lambda m, t: ("verify", m.bundle, "--trusted", t / "no.pub"),
                             ("--trusted", "no.pub does not exist")),
    "a key to trust that is none": (lambda m, t: ("report", m.bundle, "--out", t / "out", "--trusted",
                                                  _bytes(t / "key.pub", b"x")),
                                    ("--trusted", "holds no public key")),
    "no such key to sign with": (lambda m, t: ("export", m.run, "--out", t / "out", "--sign",
                                               t / "no.pem"),
                                 ("--sign names no file that is there",)),
    "a public key to sign with": (lambda m, t: ("export", m.run, "--out", t / "out", "--sign",
                                                _bytes(t / "key.pub", PUBLIC_KEY)),
                                  ("--sign", "is a public key")),
    "no arguments": (lambda m, t: ("export",), ("MODEL", "--help")),
}  # fmt: skip


def _bytes(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("name", list(BAD_INPUT))
def test_bad_input_gives_one_line_and_code_2(made: Made, tmp_path: Path, name: str) -> None:
    arguments, parts = BAD_INPUT[name]
    args = arguments(made, tmp_path)
    before = sorted(tmp_path.rglob("*"))
    result = call(*args)
    assert result.exit_code == 2, result.output
    assert result.stderr.count("\n") == 1, result.stderr
    assert result.stderr.startswith("lstm-edge: ")
    for part in parts:
        assert part in result.stderr
    assert sorted(tmp_path.rglob("*")) == before, "something was left behind"


# ---------------------------------------------------------------- processes

WITHOUT = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(name=name.partition(".")[0])
sys.meta_path.insert(0, Absent())
from lstm_edge.cli import main
main()
"""


def without(blocked: set[str], *args: object) -> subprocess.CompletedProcess[str]:
    code = WITHOUT.format(blocked=blocked)
    command = [sys.executable, "-c", code, *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


TRAINING = {"tensorflow", "keras", "tf2onnx", "onnx", "h5py", "matplotlib", "jinja2"}


@pytest.mark.parametrize(
    ("missing", "variant"), [("onnxruntime", "tflite-float32"), ("ai_edge_litert", "onnx-float32")]
)
def test_a_device_needs_one_runtime_and_no_tensorflow(
    made: Made, missing: str, variant: str
) -> None:
    blocked = TRAINING | {missing}
    done = without(blocked, "predict", made.bundle, "wonderful film")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Positive\t")
    done = without(blocked, "verify", made.bundle, "--variant", variant)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("missing", "extra", "runtime", "ran"),
    [
        ("onnxruntime", "onnx", "ONNX Runtime", "tflite"),
        ("ai_edge_litert", "tflite", "LiteRT", "onnx"),
    ],
)
def test_where_one_runtime_is_installed_its_variants_are_run_and_the_others_named(
    made: Made, tmp_path: Path, missing: str, extra: str, runtime: str, ran: str
) -> None:
    blocked = TRAINING - {"jinja2", "matplotlib"} | {missing}
    parity, latency, out = tmp_path / "parity.json", tmp_path / "latency.json", tmp_path / "report"
    variants = json.loads((made.bundle / MANIFEST).read_text())["variants"]
    others = [v["name"] for v in variants if v["format"] != ran]
    why = (
        f"{runtime} needs the package {missing.replace('_', '-')}, which is not installed: "
        f"{pip_install(extra)}"
    )
    for command, file, key in (
        (("verify", made.bundle), parity, "reports"),
        (("bench", made.bundle, "--limit", 2, "--rounds", 1), latency, "timings"),
    ):
        done = without(blocked, *command, "--json", file)
        assert done.returncode == 0, done.stderr
        assert done.stderr == f"lstm-edge: {', '.join(others)} not measured: {why}\n"
        result = json.loads(file.read_text())
        assert {r["variant"].partition("-")[0] for r in result[key]} == {ran}
        assert result["left_out"] == dict.fromkeys(others, why)
    for given in ((), ("--parity", parity, "--latency", latency)):
        done = without(blocked, "report", made.bundle, "--out", out, *given)
        assert done.returncode == 0, done.stderr
        assert (why in done.stderr) is not bool(given)
        page = (out / "report.html").read_text()
        assert why in html.unescape(page)
        assert '<p class="verdict ">' in page  # neither right nor wrong
        assert f"Not verified: {', '.join(others)}" in (out / "report.md").read_text()


@pytest.mark.parametrize(
    ("blocked", "args", "package", "extra"),
    [
        ({"onnxruntime", "ai_edge_litert"}, ("predict", "BUNDLE", "x"), "onnxruntime", "onnx"),
        ({"ai_edge_litert"}, ("predict", "BUNDLE", "x", "--variant", "tflite-float32"),
         "ai-edge-litert", "tflite"),
        ({"onnxruntime", "ai_edge_litert"}, ("verify", "BUNDLE"), "onnxruntime", "onnx"),
        ({"onnxruntime", "ai_edge_litert"}, ("bench", "BUNDLE"), "onnxruntime", "onnx"),
        ({"onnxruntime", "ai_edge_litert"}, ("report", "BUNDLE", "--out", "OUT"), "onnxruntime", "onnx"),
        ({"onnxruntime"}, ("verify", "BUNDLE", "--variant", "onnx-float32"), "onnxruntime", "onnx"),
        ({"onnxruntime"}, ("bench", "BUNDLE", "--variant", "tflite-float32", "--variant", "onnx-float32"),
         "onnxruntime", "onnx"),
        ({"tensorflow", "keras"}, ("train", "--data", "DATA", "--out", "OUT"), "keras", "train"),
        ({"tensorflow", "keras"}, ("export", "RUN", "--out", "OUT"), "keras", "train"),
        ({"tensorflow", "keras"}, ("verify", "BUNDLE", "--data", "DATA"), "keras", "train"),
        ({"jinja2"}, ("report", "BUNDLE", "--out", "OUT"), "jinja2", "report"),
        ({"matplotlib"}, ("demo", "--out", "OUT"), "matplotlib", "report"),
        ({"onnx"}, ("inspect", "BUNDLE/onnx-float32.onnx"), "onnx", "train"),
    ],
)  # fmt: skip
def test_a_missing_extra_is_named_with_the_pip_command(
    made: Made, tmp_path: Path, blocked: set[str], args: tuple[str, ...], package: str, extra: str
) -> None:
    places = {"BUNDLE": made.bundle, "DATA": made.data, "RUN": made.run, "OUT": tmp_path / "out"}
    words = []
    for arg in args:
        first, slash, rest = arg.partition("/")
        words.append(f"{places.get(first, first)}{slash}{rest}")
    done = without(blocked, *words)
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert package in done.stderr
    assert pip_install(extra) in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["export.py", "export/__init__.py"])
@pytest.mark.parametrize(
    "args",
    [("export", "MODEL", "--out", "OUT"), ("export", "--help"), ("inspect", "MODEL"), ("demo",)],
)
def test_a_module_of_the_users_own_that_hides_ours_is_named(
    made: Made, tmp_path: Path, name: str, args: tuple[str, ...]
) -> None:
    own = tmp_path / name
    own.parent.mkdir(exist_ok=True)
    own.write_text("raise SystemExit('this is never run')")
    before = sorted(tmp_path.rglob("*"))
    places = {"MODEL": str(made.run / "model.keras"), "OUT": str(tmp_path / "out")}
    done = subprocess.run(
        [sys.executable, "-m", "lstm_edge.cli", *(places.get(arg, arg) for arg in args)],
        capture_output=True, text=True, check=False, cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (
        2,
        f"lstm-edge: {own} hides lstm-edge's own package export: rename it, or run lstm-edge from "
        "another folder\n",
    )
    assert sorted(tmp_path.rglob("*")) == before


def test_start_up_imports_only_what_a_subcommand_needs() -> None:
    code = "import sys; import lstm_edge.cli; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert not loaded & {"numpy", "rich", "onnxruntime", *TRAINING}


def test_keras_on_another_backend_is_said(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in Python with PyTorch below it: nothing of that is installed here, but for its name."""
    import keras

    from export import export_bundle
    from lstm_edge.bundle.opening import open_bundle
    from lstm_edge.inputs.data import evaluation
    from lstm_edge.verify.verifying import verify

    file = made.run / "model.keras"
    live = keras.saving.load_model(file)
    monkeypatch.setattr(keras.config, "backend", lambda: "torch")
    bundle, data = open_bundle(made.bundle), evaluation(str(made.data))
    for call_keras in (
        lambda: export_bundle(live, tmp_path / "b"),
        lambda: export_bundle(file, tmp_path / "b"),
        lambda: verify(bundle, data),
    ):
        with pytest.raises(InputError) as caught:
            call_keras()
        assert "needs Keras on TensorFlow, and Keras runs on torch here" in str(caught.value)
        assert "KERAS_BACKEND=tensorflow" in str(caught.value)
        assert "model.save('model.keras')" in str(caught.value)
    assert list(tmp_path.iterdir()) == []
    assert load_bundle(made.bundle).predict(["fine"])  # needs no Keras


@pytest.mark.parametrize(
    "command",
    [
        ("-m", "lstm_edge.cli", "inspect", "MODEL"),
        (
            "-c",
            "import sys, pathlib as p, export.bundling as b; print(b.obstacles(p.Path(sys.argv[1])))",
            "MODEL",
        ),
    ],
)
def test_where_keras_is_not_imported_yet_it_runs_on_tensorflow(
    made: Made, command: tuple[str, ...]
) -> None:
    """Whatever the shell says; a backend that is not installed is not asked for."""
    done = subprocess.run(
        [sys.executable, *(str(made.run / "model.keras") if c == "MODEL" else c for c in command)],
        capture_output=True, text=True, check=False, env={**os.environ, "KERAS_BACKEND": "torch"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "faster one" in done.stdout or done.stdout == "()\n"


def test_a_terminated_run_keeps_its_last_epoch_and_resumes(tmp_path: Path) -> None:
    data, out = write_reviews(tmp_path / "reviews.csv", 400), tmp_path / "run"
    args = ["train", "--data", data, "--out", out, *TRAIN, "--epochs", 200]
    command = [sys.executable, "-m", "lstm_edge.cli", *map(str, args)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ)
    )
    state = out / "checkpoint" / "state.json"
    for _ in range(1200):
        if state.is_file() or process.poll() is not None:
            break
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    stdout, stderr = process.communicate(timeout=120)
    assert process.returncode == 130, stderr
    assert "--resume" in stdout
    done = len(json.loads(state.read_text())["epochs"])
    assert zipfile.is_zipfile(out / "model.keras")
    resumed = call(*args[:-1], done + 1, "--resume")
    assert resumed.exit_code == 0, resumed.output
    assert len(json.loads((out / "metrics.json").read_text())["epochs"]) == done + 1
    assert not (out / "checkpoint").exists()


def test_the_demo_does_everything_and_can_be_repeated(tmp_path: Path) -> None:
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-m", "lstm_edge.cli", "demo", "--out", "demo"],
            capture_output=True, text=True, check=False, cwd=tmp_path,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stderr == ""
        assert "OUTSIDE" not in done.stdout
        report = Path(done.stdout.strip().splitlines()[-1].removeprefix("Report: "))
        assert report == tmp_path / "demo" / "report" / "report.html"
        assert report.is_file()


def test_renamed_labels_are_found_again_by_their_raw_values(made: Made, tmp_path: Path) -> None:
    """--labels renames; data with the raw labels, also with one class only, still fit."""
    run, bundle = tmp_path / "run", tmp_path / "bundle"
    result = call("train", "--data", made.data, "--out", run, *TRAIN, "--labels", "Junk,Gem")
    assert result.exit_code == 0, result.output
    assert call("export", run, "--out", bundle).exit_code == 0
    assert call("verify", bundle, "--data", made.data, "--limit", 50).exit_code == 0
    one = table(tmp_path, "text,label", "wonderful film,pos", "awful film,Junk")
    assert call("verify", bundle, "--data", one).exit_code == 0
    number = table(tmp_path, "text,label", "wonderful film,1")
    result = call("verify", bundle, "--data", number)
    assert result.exit_code == 2
    assert "labels not known to the model: '1'" in result.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_a_terminal_shows_progress_and_no_chatter(made: Made) -> None:
    """Bars are drawn while what the libraries print goes to the log."""
    text = on_terminal("verify", made.bundle, "--data", made.data)
    runs = 240 * (1 + len(DEFAULT))
    assert f"Verifying {len(DEFAULT)} variants against model.keras" in text
    assert f"{runs}/{runs}" in text
    assert "oneDNN" not in text
    assert "XNNPACK" not in text
    assert text.index("Parity of") > text.rindex("Verifying"), "the table comes last"


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_a_terminal_shows_how_far_predict_is(made: Made, tmp_path: Path) -> None:
    """The total of a file is known, that of standard input is not; answers are where they belong."""
    texts = TEXTS * 100
    source, answers = written(tmp_path / "in.csv", texts), tmp_path / "answers"
    with answers.open("wb") as stdout:
        text = on_terminal("predict", made.bundle, "--input", source, stdout=stdout)
    assert "Predicting with onnx-float32" in text
    assert f"{len(texts)}/{len(texts)}" in text
    assert "/s" in text
    assert "left" in text
    assert "Positive" not in text
    assert len(answers.read_text().splitlines()) == len(texts)

    lines, out = written(tmp_path / "in.txt", texts), tmp_path / "out.jsonl"
    with lines.open("rb") as stdin:
        text = on_terminal("predict", made.bundle, "--out", out, stdin=stdin)
    assert f" {len(texts):,} " in text
    assert "left" not in text
    assert f"Written: {out}" in text
    assert len(out.read_text().splitlines()) == len(texts)

    text = on_terminal("predict", made.bundle, "--input", source)
    assert "Predicting" not in text, "not among the answers"
    assert text.count("Positive\t") + text.count("Negative\t") == len(texts)


def on_terminal(*args: object, stdin: IO[bytes] | None = None, stdout: Any = None) -> str:
    """What a command that ends well shows on a terminal."""
    shown, code = terminal.on_terminal("-m", "lstm_edge.cli", *args, stdin=stdin, stdout=stdout)
    assert code == 0, shown
    return shown
