"""The examples as a user runs them: from another folder, from data to their result."""

from __future__ import annotations

import csv
import importlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="the examples train and export")

from benchmarks import readme, tables
from lstm_edge.results.parity import OUTSIDE

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
SHARED = ROOT.parent / "shared" / "data"
VOWELS = SHARED / "series" / "japanese_vowels"
SPAM = SHARED / "text" / "sms_spam" / "SMSSpamCollection.tsv"
VARIANTS = {
    f"{form}-{precision}"
    for form in ("onnx", "tflite")
    for precision in ("float32", "float16", "int8-dynamic")
}


def there(path: Path) -> Path:
    """The path, or skip."""
    if not path.exists():
        pytest.skip(f"the data are not there: {path}")
    return path


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Imports an example, and forgets it."""
    monkeypatch.syspath_prepend(str(EXAMPLES))
    names = [file.stem for file in EXAMPLES.glob("*.py")]

    def load(name: str) -> ModuleType:
        return importlib.import_module(name)

    yield load
    for name in names:
        sys.modules.pop(name, None)


def run(name: str, *arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run an example with this copy of the project."""
    return subprocess.run(
        [sys.executable, EXAMPLES / f"{name}.py", *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def write_har(folder: Path, counts: dict[str, int]) -> dict[str, np.ndarray]:
    """A folder as UCI HAR's, its signals by split [N, 128, 9]; every activity from 1 on in turn."""
    rng = np.random.default_rng(3)
    written = {}
    for split, count in counts.items():
        signals = rng.normal(0, 0.3, (count, 128, 9)).round(4)
        signals[:, :, 6] += (np.arange(count) % 6)[:, None] / 3
        inertial = folder / split / "Inertial Signals"
        inertial.mkdir(parents=True)
        kinds = ("body_acc", "body_gyro", "total_acc")
        names = [f"{kind}_{axis}_{split}.txt" for kind in kinds for axis in ("x", "y", "z")]
        for i, name in enumerate(names):
            lines = ["  " + "  ".join(f"{v: .7e}" for v in row) for row in signals[:, :, i]]
            (inertial / name).write_text("\n".join(lines) + "\n")
        numbers = "".join(f"{1 + i % 6}\n" for i in range(count))
        (folder / split / f"y_{split}.txt").write_text(numbers)
        written[split] = signals
    return written


# --- end to end -----------------------------------------------------------------------------------

SMALL = {
    "sensors, synthetic": ("sensors", "onnx-float32", "--people 6 --windows 4 --epochs 1"),
    "sensors, as UCI HAR": ("sensors", "tflite-float32", "--epochs 1"),
    "vowels": ("vowels", "tflite-float32", "--epochs 1"),
    "spam": ("spam", "onnx-int8-dynamic", "--epochs 1"),
}


@pytest.mark.parametrize("case", SMALL)
def test_an_example_runs_to_its_end(case: str, tmp_path: Path) -> None:
    """Its result: the chosen file, as right as Keras where nothing is rounded; nothing elsewhere."""
    name, variant, settings = SMALL[case]
    form, precision = variant.split("-", 1)
    work = tmp_path / "elsewhere"
    work.mkdir()
    data: list[str | Path] = []
    if case == "sensors, as UCI HAR":
        write_har(tmp_path / "UCI HAR Dataset", {"train": 48, "test": 18})
        data = ["--data", tmp_path / "UCI HAR Dataset"]
    elif name == "vowels":
        data = ["--data", there(VOWELS)]
    elif name == "spam":
        data = ["--data", there(SPAM)]
    chosen = ["--format", form, "--precision", precision, *settings.split()]
    done = run(name, *data, *chosen, "--out", "made", "--json", "result.json", cwd=work)
    assert done.returncode == 0, done.stderr[-3000:]
    assert sorted(path.name for path in work.iterdir()) == ["made", "result.json"]

    result = json.loads((work / "result.json").read_text(encoding="utf-8"))
    (row,) = result["variants"]
    assert (row["variant"], row["ok"], row["failures"]) == (variant, True, [])
    assert row["bytes"] == next((work / "made" / "bundle").glob(f"{variant}.*")).stat().st_size
    assert row["examples"] == result["tested_on"] > 0
    assert 0 < result["most_frequent"] < 1
    if precision == "float32":
        assert row["flips"] == 0
        assert row["accuracy"] == pytest.approx(result["keras_accuracy"])
    assert {"cpu", "cores", "versions"} <= set(result["machine"])
    assert f"{variant:22}{row['accuracy']:8.2%}" in done.stdout
    assert "$ lstm-edge verify " in done.stdout
    if name == "vowels":
        off = re.search(r"answered as padded: max \|Δp\| (\S+)", done.stdout)
        assert off and float(off[1]) < 1e-5
        assert (result["trained_on"], result["tested_on"]) == (270, 370)


@pytest.mark.parametrize(
    ("name", "data", "named"),
    [
        ("sensors", "nowhere", "nowhere/train/y_train.txt"),
        ("vowels", "nowhere", "nowhere/ae.train"),
        ("spam", "nowhere.tsv", "nowhere.tsv"),
    ],
)
def test_missing_data_are_named(name: str, data: str, named: str, tmp_path: Path) -> None:
    """In one line, with code 2 and nothing written."""
    done = run(name, "--data", data, "--out", "made", cwd=tmp_path)
    assert done.returncode == 2
    last = done.stderr.splitlines()[-1]
    assert f"--data: {Path(named)} is not there" in last
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_command_that_fails_ends_the_example(module: Any, tmp_path: Path) -> None:
    """With the same code, and without an earlier run's figures."""
    stale = tmp_path / "parity.json"
    stale.write_text("{}")
    with pytest.raises(SystemExit) as ended:
        module("measured").verify(tmp_path)
    assert ended.value.code == 2
    assert not stale.exists()


# --- data -----------------------------------------------------------------------------------------


def test_uci_har_is_read_in_its_layout(module: Any, tmp_path: Path) -> None:
    """Each channel from its own file; activities from 0 on."""
    written = write_har(tmp_path, {"train": 7, "test": 1})
    for split, signals in written.items():
        x, y = module("sensors").read(tmp_path, split)
        assert (x.dtype, y.dtype) == (np.float32, np.int64)
        np.testing.assert_allclose(x, signals, atol=1e-6)
        assert y.tolist() == [i % 6 for i in range(len(signals))]


def test_synthetic_signals_are_those_of_their_seed(module: Any) -> None:
    """Finite float32 [N, 128, 9], as many of each activity, others for another seed."""
    sensors = module("sensors")
    drawn = [sensors.synthetic(2, 3, np.random.default_rng(seed)) for seed in (1, 1, 2)]
    (x, y), (again, _), (other, _) = drawn
    assert (x.shape, x.dtype) == ((36, 128, 9), np.float32)
    assert np.isfinite(x).all()
    assert np.bincount(y).tolist() == [6] * 6
    np.testing.assert_array_equal(x, again)
    assert not np.array_equal(x, other)
    # total acceleration is the body's and that of gravity, which is 1 g
    gravity = np.linalg.norm(x[:, :, 6:] - x[:, :, :3], axis=-1)
    np.testing.assert_allclose(gravity, 1, atol=1e-5)


@pytest.mark.parametrize("end", ["ones", "empty line", "both", "nothing after the last"])
def test_utterances_end_as_any_of_the_files_has_it(end: str, module: Any, tmp_path: Path) -> None:
    """The UCI archive's files differ in this."""
    vowels = module("vowels")
    lengths = (3, 1, 2)
    frames = [[f"{i}.{t}5 " * 12 for t in range(n)] for i, n in enumerate(lengths)]
    ones = "1.0 " * 12
    after = {"ones": [ones], "empty line": [""], "both": [ones, ""]}.get(end, [ones])
    lines = [line for utterance in frames for line in (*utterance, *after)]
    if end == "nothing after the last":
        lines.pop()
    (tmp_path / "ae.train").write_bytes("".join(f"{line}\r\n" for line in lines).encode())
    found = vowels.read(tmp_path, "train")[0]
    assert [u.shape for u in found] == [(n, 12) for n in lengths]
    assert found[2][:, 0].tolist() == pytest.approx([2.05, 2.15])


def test_real_utterances_are_those_of_the_table(module: Any) -> None:
    """All frames, and the speakers that the files do not name."""
    vowels = module("vowels")
    with there(VOWELS / "japanese_vowels.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for split in ("train", "test"):
        found, speakers = vowels.read(VOWELS, split)
        part = [row for row in rows if row["split"] == split]
        series = [list(group) for _, group in groupby(part, lambda row: row["series"])]
        assert speakers.tolist() == [int(s[0]["speaker"]) - 1 for s in series]
        for utterance, frames in zip(found, series, strict=True):
            wanted = [[float(row[f"c{i}"]) for i in range(1, 13)] for row in frames]
            np.testing.assert_allclose(utterance, wanted, atol=1e-6)


def test_copies_of_a_message_are_on_one_side(module: Any, tmp_path: Path) -> None:
    """Every line is kept as it is, in one of the two files."""
    spam = module("spam")
    odd = ["ham\tends\u2028here", 'spam\t"quoted', "ham\ta\x85b"]
    lines = [*odd, *(f"ham\tmessage {i % 20}" for i in range(50))]
    (tmp_path / "all.tsv").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    train, test = spam.cut(tmp_path / "all.tsv", tmp_path / "made", 0)
    assert sorted(train + test) == sorted(lines)
    assert not set(train) & set(test)
    assert len(set(test)) == round(0.2 * 23)
    for name, part in (("train.tsv", train), ("test.tsv", test)):
        text = (tmp_path / "made" / name).read_text(encoding="utf-8")
        assert text == "".join(f"{line}\n" for line in part)


# --- results --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "file", sorted((EXAMPLES / "results").glob("*.json")), ids=lambda f: f.stem
)
def test_a_committed_result_is_of_all_files_and_in_the_docs(file: Path) -> None:
    """(That the tables are those of the results is for make check.)"""
    result = json.loads(file.read_text(encoding="utf-8"))
    assert {row["variant"] for row in result["variants"]} == VARIANTS
    assert {row["examples"] for row in result["variants"]} == {result["tested_on"]}
    page = (ROOT / "docs" / "examples.md").read_text(encoding="utf-8")
    assert f"<!-- example-{file.stem} -->" in page
    assert f"{result['keras_accuracy']:.2%}" in page


def test_every_example_has_a_result() -> None:
    made = {file.stem for file in readme.EXAMPLES.glob("*.json")}
    trained = {file.stem for file in EXAMPLES.glob("*.py")} - {"measured"}
    assert made == {name for name in trained if not name.startswith("check_golden")}


def test_a_file_outside_its_tolerance_is_shown_as_such() -> None:
    """With its reason, and the accuracy that it has."""
    result = json.loads((EXAMPLES / "results" / "vowels.json").read_text(encoding="utf-8"))
    row = result["variants"][2]
    row |= {"ok": False, "failures": ["mean too great"], "accuracy": 0.5, "flips": 37}
    table = tables.example(result)
    assert table.rows[3][2:4] == ("50.00%", "37 (10.00%)")
    assert [cells[-1] for cells in table.rows].count(OUTSIDE) == 1
    assert f"{row['variant']}: mean too great" in table.notes
