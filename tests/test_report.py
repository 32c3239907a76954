"""The formatter. All figures here are made up."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from lstm_edge.bundle.manifest import VariantInfo
from lstm_edge.bundle.opening import TextBundle
from lstm_edge.inputs.tokenizer import TextSettings
from lstm_edge.report import plots, wording
from lstm_edge.report import tables as report
from lstm_edge.report.page import verdict, write_report
from lstm_edge.results.latency import LatencyReport, Start, Timing
from lstm_edge.results.parity import Case, Check, ParityReport, ParityRun, Tolerance
from lstm_edge.training import curves
from lstm_edge.training.train import Epoch, TrainResult

EVIL = "<script>alert('$x$')</script> | **bold** [red]x[/red] \x1b[31m"
LIMITS = Tolerance(1e-5, 0.0, 1e-5, None, "rounding")
MACHINE = {"cpu": "Made-up CPU", "cores": 2, "memory_gib": None, "versions": {"numpy": "2.0"}}


def parity_of(variant: str, **changes: object) -> ParityReport:
    made = ParityReport(
        variant=variant,
        examples=200,
        max_abs=1.23e-7,
        mean_abs=0.0,
        flips=0,
        flips_at_threshold=0,
        accuracy=0.875,
        reference_accuracy=0.88,
        worst=Case(7, EVIL, (0.25,), (0.2500001,)),
        checks=(Check("run twice", True, "differs by 0"), Check("other order", True, "by 0")),
        tolerance=LIMITS,
        failures=(),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def run_of(*reports: ParityReport) -> ParityRun:
    return ParityRun("bundle", "golden vectors", "golden.json", MACHINE, "2025-01-02", reports)


def timing_of(variant: str, factor: float, **changes: object) -> Timing:
    samples = tuple(tuple(factor * ms for ms in (1.0, 2.0, 3.0)) for _ in range(2))
    start = Start(100.0, 20.0, 5.0, 64.04)
    made = Timing(variant, "LiteRT", 1_530_000, "0" * 64, samples, (9.0,), start, 50.0)
    return replace(made, **changes)  # type: ignore[arg-type]


def latency_of(*timings: Timing) -> LatencyReport:
    when = "2025-01-02T03:04:05+00:00"
    return LatencyReport("a desk", MACHINE, when, 1, (10, 20, 30), (0.1, 0.2, 0.3), timings, ())


def bundle_of(*names: str) -> TextBundle:
    def info(name: str) -> VariantInfo:
        form, _, precision = name.partition("-")
        return VariantInfo(
            name=name,
            format=form,
            precision=precision,
            runtimes=("LiteRT",),
            file=f"{name}.bin",
            bytes=5_900_000,
            sha256="0" * 64,
            lowering="stacked loop",
            batch=1,
            inputs=(),
            outputs=(),
            ops={"GATHER": 2, "WHILE": 1},
            problems=(),
            tolerance=LIMITS,
            parity={},
        )

    source = {"file": "a/model.keras", "sha256": "f" * 64}
    labels = ("negative", "positive")
    variants = {name: info(name) for name in names}
    return TextBundle(Path("bundle"), source, labels, variants, 100, TextSettings(), None, True, 1)


A, B = "onnx-float32", "tflite-int8-dynamic"
FAILED = parity_of(
    B,
    max_abs=0.021,
    flips=3,
    flips_at_threshold=2,
    checks=(Check("run twice", True, ""), Check("other order", False, "differs by 0.1")),
    failures=("other order: differs by 0.1",),
)


class Page(HTMLParser):
    """Fails on a tag that is not closed; collects the text and the attributes."""

    VOID = ("meta", "br", "hr", "img", "link", "input")

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.words = ""
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_startendtag(tag, attrs)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in ("src", "href", "xlink:href", "srcset", "action", "data"):
                self.links.append(value or "")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    run, latency = run_of(parity_of(A), FAILED), latency_of(timing_of(A, 1), timing_of(B, 2))
    folder = tmp_path_factory.mktemp("report") / "new"
    return write_report(folder, bundle_of(A, B), run, latency)


def test_parity_table() -> None:
    table = report.parity_table(run_of(parity_of(A), FAILED))
    assert table.rows == (
        (A, "ok", "200", "87.50%", "1.2e-07", "0", "0 (0.00%)", "2/2"),
        (
            B,
            "OUTSIDE TOLERANCE",
            "200",
            "87.50%",
            "2.1e-02",
            "0",
            "3 (1.50%, 2 at the threshold)",
            "1/2",
        ),
    )
    assert table.notes[0] == "accuracy of the reference: 88.00%"
    assert f"{B}: other order: differs by 0.1" in table.notes
    assert table.notes[-1].startswith(f"{B}: furthest off at example 7")
    assert "reference 0.25000000, variant 0.25000010" in table.notes[-1]
    assert table.numeric() == (False, False, True, True, True, True, True, True)


def test_parity_without_labels() -> None:
    table = report.parity_table(run_of(parity_of(A, accuracy=None, reference_accuracy=None)))
    assert table.rows[0][3] == "–"
    assert table.notes[0] == "no labels"


def test_parity_of_many_classes_and_no_number() -> None:
    case = Case(0, None, (0.1, 0.2, 0.3, 0.4), (0.1, 0.3, 0.2, float("nan")))
    note = report.parity_table(run_of(parity_of(A, worst=case))).notes[-1]
    assert "output 3: reference 0.400, variant not a number" in note
    assert "output 0" not in note


def test_latency_table() -> None:
    table = report.latency_table(
        latency_of(timing_of(A, 1), timing_of(B, 2, start=None, install_mib=None))
    )
    first, second = (dict(zip(table.columns, row, strict=True)) for row in table.rows)
    assert (first["p50 ms"], first["ratio"], first["size"]) == ("2.00", "1.0×", "1.53 MB")
    assert (first["ms per token"], first["load ms"], first["peak MiB"]) == ("0.100", "20.0", "64.0")
    assert (second["p50 ms"], second["ratio"]) == ("4.00", "2.0×")
    assert second["load ms"] == second["peak MiB"] == second["install MiB"] == "not measured"
    notes = "\n".join(table.notes)
    assert "Made-up CPU, 2 cores, numpy 2.0" in notes
    assert "1 thread, 3 inputs (median 20 tokens) × 2 rounds" in notes
    assert "median 0.200 ms" in notes


def test_latency_of_one_length_has_no_slope() -> None:
    latency = replace(latency_of(timing_of(A, 1)), lengths=(5, 5, 5), unstable=(A,))
    table = report.latency_table(latency)
    assert table.rows[0][7:9] == ("not measurable", "not measurable")
    assert table.numeric()[7:9] == (True, True)
    assert any(note.startswith(f"ms per token is not measurable for {A}: ") for note in table.notes)
    assert any(note.startswith(f"{A} is unstable") for note in table.notes)
    assert plots.plots(run_of(), latency)


def test_a_slope_below_nothing_is_not_shown() -> None:
    falling = replace(timing_of(A, 1), samples_ms=((3.0, 2.9, 2.8),))
    table = report.latency_table(latency_of(falling, timing_of(B, 1)))
    assert table.rows[0][7:9] == ("not measurable", "not measurable")
    assert table.rows[1][7:9] == ("0.100", "0")
    assert any(f" not measurable for {A}: " in note for note in table.notes)
    pictures = plots.plots(run_of(), latency_of(falling, timing_of(B, 1)))
    assert any(f"{A} does not grow measurably; {B} 0.100 ms per token" in p.svg for p in pictures)


def test_summary_table() -> None:
    run = run_of(FAILED)
    rows = report.summary_table(bundle_of(A, B), run, latency_of(timing_of(B, 1))).rows
    assert rows[0] == (A, "5.90 MB", *["not measured"] * 5)
    assert rows[1][4:] == ("2.1e-02", "2.00", "OUTSIDE TOLERANCE")
    assert report.summary_table(bundle_of(B), run, None).columns[-2:] == (
        "max |Δp|",
        "verdict",
    )


def test_numbers() -> None:
    values = [0, 0.001234, 0.9996, 9.996, 12.34, 1234.4, -0.5]
    shown = ["0", "0.00123", "1.00", "10.0", "12.3", "1230", "-0.500"]
    assert [wording.digits(v) for v in values] == shown
    sizes = [999, 1000, 999_499, 999_600, 21_000_000]
    assert [wording.size(s) for s in sizes] == ["999 B", "1.00 KB", "999 KB", "1.00 MB", "21.0 MB"]


def test_terminal_is_not_wrapped() -> None:
    wide = report.Table(EVIL, ("variant", "note"), (("v" * 300, "w " * 300),), ("n" * 700,))
    lines = report.to_terminal(wide).splitlines()
    assert any("v" * 300 in line and ("w " * 300).strip() in line for line in lines)
    assert "- " + "n" * 700 in lines
    assert "\x1b" not in "".join(lines)
    assert "[red]x[/red]" in lines[0]


def test_terminal_of_a_width() -> None:
    table = report.latency_table(latency_of(timing_of(A, 1), timing_of(B, 2)))
    lines = report.to_terminal(table, width=80).splitlines()
    assert max(map(len, lines)) <= 80
    assert re.search(r"^ ?ratio +1\.0× +2\.0×$", "\n".join(lines), re.MULTILINE)
    assert report.to_terminal(replace(table, rows=()), width=20)


def test_terminal_colours() -> None:
    table = report.parity_table(run_of(parity_of(A), FAILED))
    coloured = report.to_terminal(table, colour=True)
    assert re.search("\x1b\\[32mok", coloured)
    assert re.search("\x1b\\[1;31mOUTSIDE TOLERANCE", coloured)
    assert re.sub("\x1b\\[[0-9;]*m", "", coloured).split() == report.to_terminal(table).split()


def test_markdown() -> None:
    table = report.parity_table(run_of(parity_of(A), parity_of("a|b`c<i>")))
    lines = report.to_markdown(table).splitlines()
    grid = [line for line in lines if line.startswith("|")]
    assert len(grid) == 4
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in grid} == {9}
    assert grid[1] == "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |"
    assert grid[3].startswith(r"| a\|b\`c\<i\> |")
    assert r"max \|Δp\|" in grid[0]
    assert sum(line.startswith("- ") for line in lines) == len(table.notes)
    assert not any("<script>" in line for line in lines)


def test_html_is_one_well_formed_file(written: dict[str, Path]) -> None:
    text = written["html"].read_text(encoding="utf-8")
    page = Page(text)
    assert text.startswith("<!DOCTYPE html>\n<html lang=")
    assert not re.search(r"https?://|@import|url\((?!#)", text)
    assert all(link.startswith("#") for link in page.links)
    assert {link[1:] for link in page.links} <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))
    assert page.tags.count("svg") == page.tags.count("figcaption") == 4
    assert text.count('<svg role="img" aria-label="') == 4
    assert page.tags.count("h1") == 1
    assert "details" in page.tags


def test_html_escapes(written: dict[str, Path], tmp_path: Path) -> None:
    assert "script" not in Page(written["html"].read_text(encoding="utf-8")).tags
    bundle = replace(bundle_of(EVIL), source={"file": EVIL}, labels=(EVIL, EVIL))
    run = replace(run_of(parity_of(EVIL, failures=(EVIL,))), bundle=EVIL, data=EVIL)
    paths = write_report(tmp_path, bundle, run, latency_of(timing_of(EVIL, 1)))
    page = Page(paths["html"].read_text(encoding="utf-8"))
    assert "script" not in page.tags
    assert "alert('$x$')" in page.words


def test_verdict(written: dict[str, Path]) -> None:
    for kind in ("html", "md"):
        text = written[kind].read_text(encoding="utf-8")
        assert f"Outside tolerance: {B} (1 of 2)." in text
        assert "other order: differs by 0.1" in text
    both = run_of(parity_of(A), parity_of(B))
    said = verdict(bundle_of(A, B), both)
    assert said == "All 2 variants answer as Keras does within their tolerance"
    assert f"Not verified: {B}" in verdict(bundle_of(A, B), run_of(parity_of(A)))
    assert verdict(bundle_of(A), run_of(parity_of(A))).startswith(f"{A} answers as Keras")
    assert verdict(bundle_of(), run_of())


def test_without_latency(tmp_path: Path) -> None:
    paths = write_report(tmp_path, bundle_of(A), run_of(parity_of(A)), None)
    page = Page(paths["html"].read_text(encoding="utf-8"))
    assert "Not measured." in page.words
    assert page.tags.count("svg") == 1
    assert "Not measured." in paths["md"].read_text(encoding="utf-8")
    assert json.loads(paths["json"].read_text(encoding="utf-8"))["latency"] is None


def test_without_any_difference(tmp_path: Path) -> None:
    run = run_of(parity_of(A, max_abs=0.0, tolerance=replace(LIMITS, max_abs=None)))
    assert plots.plots(run, None)
    assert write_report(tmp_path, bundle_of(), run_of(), None)


def test_json_round_trip(written: dict[str, Path]) -> None:
    value = json.loads(written["json"].read_text(encoding="utf-8"))
    assert value["schema"] == 1
    assert ParityRun.from_json(value["parity"]) == run_of(parity_of(A), FAILED)
    expected = latency_of(timing_of(A, 1), timing_of(B, 2))
    assert LatencyReport.from_json(value["latency"]) == expected
    assert value["bundle"]["labels"] == ["negative", "positive"]
    assert value["bundle"]["variants"][0] == {
        "name": A,
        "bytes": 5_900_000,
        "ops": {"GATHER": 2, "WHILE": 1},
        "lowering": "stacked loop",
        "precision": "float32",
    }


def test_an_answer_that_is_no_number_can_be_reported(tmp_path: Path) -> None:
    broken = parity_of(A, worst=Case(0, None, (0.5,), (float("nan"),)), failures=("broken",))
    paths = write_report(tmp_path, bundle_of(A), run_of(broken), None)
    value = json.loads(paths["json"].read_text(encoding="utf-8"))
    again = ParityRun.from_json(value["parity"])
    assert "variant not a number" in report.parity_table(again).notes[-1]


@pytest.mark.parametrize("count", [1, 5])
def test_training_curves(tmp_path: Path, count: int) -> None:
    epochs = tuple(Epoch(i, 0.5 / i, 0.8, 0.6 / i, 0.75, 1.0) for i in range(1, count + 1))
    result = TrainResult(tmp_path, epochs, count, 0.4, 0.8731, 1000, ())
    path = tmp_path / "run" / "curves.png"
    curves.training_curves(result, path)
    assert path.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    assert list(path.parent.iterdir()) == [path]


BLOCKED = """
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == {package!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Blocker())
from pathlib import Path
from lstm_edge.report import page, plots, wording
from lstm_edge.errors import MissingExtraError
from tests.test_report import A, bundle_of, parity_of, run_of
folder = Path(sys.argv[1])
try:
    page.write_report(folder, bundle_of(A), run_of(parity_of(A)), None)
except MissingExtraError as error:
    assert not list(folder.iterdir())
    print(error)
"""


@pytest.mark.parametrize("package", ["matplotlib", "jinja2"])
def test_missing_extra(tmp_path: Path, package: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED.format(package=package), str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[1],
    )
    assert done.returncode == 0, done.stderr
    assert f"needs the package {package}, which is not installed" in done.stdout
    assert f"pip install -e '{Path(__file__).parents[1]}[report]'" in done.stdout


def test_import_is_cheap() -> None:
    code = "import sys, lstm_edge.report.tables; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[1],
    )
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert not loaded & {"matplotlib", "jinja2", "rich", "tensorflow", "keras", "onnxruntime"}
