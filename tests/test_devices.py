"""Results of other devices: what is taken of a file, and the report that puts them side by side."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from test_report import (
    EVIL,
    FAILED,
    A,
    B,
    Page,
    bundle_of,
    latency_of,
    parity_of,
    run_of,
    timing_of,
)

from lstm_edge.base import machine
from lstm_edge.bench.plan import bench
from lstm_edge.bundle.opening import TextBundle, open_bundle
from lstm_edge.cli import cli
from lstm_edge.errors import InputError
from lstm_edge.report import tables as report
from lstm_edge.report.page import write_report
from lstm_edge.results.device import DeviceResult
from lstm_edge.results.latency import Start
from lstm_edge.verify.verifying import verify

C, D = "onnx-int8-dynamic", "tflite-float32"
BOARD = DeviceResult(
    "pi@board, Raspberry Pi 5",
    run_of(parity_of(A)),
    replace(latency_of(timing_of(A, 4)), threads=2, data="golden vectors"),
    {B: "ai-edge-litert is not installed there", C: "ai-edge-litert is not installed there"},
)
NATIVE = timing_of(B, 3, start=Start(None, 1.5, 9.0, None), warm_up_ms=(), install_mib=None)
PHONE = DeviceResult(
    "Nobody Two, Android 14", None, latency_of(NATIVE), {}, ("parity is not measured over adb",)
)


# ---- the table


def test_every_variant_on_every_device() -> None:
    table = report.devices_table(bundle_of(A, B, C), [BOARD, PHONE])
    columns = "device,variant,runtime,threads,parity,flips,max |Δp|,p50 ms,p90 ms,p99 ms,load ms"
    assert table.columns == tuple(columns.split(","))
    missing = ("–", "–", "not measured", "–", "–", "not measured", "–", "–", "–")
    pi, phone = BOARD.device, PHONE.device
    times = ("8.00", "12.0", "12.0", "20.0")
    slower = ("6.00", "9.00", "9.00", "1.50")
    assert table.rows == (
        (pi, A, "LiteRT", "2", "ok", "0 (0.00%)", "1.2e-07", *times),
        (pi, B, *missing),
        (pi, C, *missing),
        (phone, B, "LiteRT", "1", "not measured", "–", "–", *slower),
    )
    notes = "\n".join(table.notes)
    assert (
        f"{pi} (Made-up CPU, 2 cores, numpy 2.0): parity on 200 examples of golden vectors" in notes
    )
    assert (
        "latency with 2 threads on 3 inputs (median 20 tokens) × 2 rounds of golden vectors"
        in notes
    )
    assert f"{pi}: {B}, {C} not measured: ai-edge-litert is not installed there" in table.notes
    assert f"{phone}: parity is not measured over adb" in table.notes
    # the phone's data have another name
    assert table.notes[0] == "not all were timed on the same inputs: compare within a device"
    same = report.devices_table(bundle_of(A, B, C), [BOARD, BOARD])
    assert not any("same inputs" in note for note in same.notes)
    assert table.numeric()[3:] == (True, False, *[True] * 6)


def test_a_device_on_which_nothing_was_measured() -> None:
    nothing = DeviceResult("a phone", None, None, {A: "it has no WebAssembly SIMD"})
    table = report.devices_table(bundle_of(A), [nothing])
    assert table.rows[0][:2] == ("a phone", A)
    assert table.notes == (
        "a phone: not measured",
        f"a phone: {A} not measured: it has no WebAssembly SIMD",
    )


def test_the_report_has_all_devices(tmp_path: Path) -> None:
    evil = DeviceResult(EVIL, run_of(FAILED), None, {A: EVIL}, (EVIL,))
    run, latency = run_of(parity_of(A), parity_of(B)), latency_of(timing_of(A, 1))
    paths = write_report(tmp_path, bundle_of(A, B), run, latency, [BOARD, evil])
    page = paths["html"].read_text()
    words = Page(page).words
    assert "<script>" not in page
    heading = words.partition("Summary")[0]
    assert f"Outside tolerance on {EVIL}" in heading.replace("\n", " ")
    assert "other order: differs by 0.1" in heading, "what fails on a device stands in the heading"
    table = page.partition("<h2>Devices</h2>")[2].partition("</section>")[0]
    spans = re.findall(r'<th scope="rowgroup" rowspan="(\d)">([^<]*)</th>', table)
    assert [int(span) for span, _ in spans] == [2, 3, 2]
    assert [name for _, name in spans][:2] == ["a desk", BOARD.device]
    assert len(re.findall(r'<th scope="row">', table)) == 7, "each row is named by its variant"
    assert f'<th scope="row">{B}</th>' in table
    markdown = paths["md"].read_text()
    assert "### Devices" in markdown
    assert f"| {BOARD.device} | {A} | LiteRT | 2 | ok |" in markdown
    value = json.loads(paths["json"].read_text())
    assert [device["device"] for device in value["devices"]] == [BOARD.device, EVIL]
    assert DeviceResult.from_json(value["devices"][0]) == BOARD


def test_a_report_without_devices_is_as_it_was(tmp_path: Path) -> None:
    paths = write_report(tmp_path, bundle_of(A), run_of(parity_of(A)), None)
    assert "Devices" not in paths["html"].read_text()
    assert "Devices" not in paths["md"].read_text()
    assert json.loads(paths["json"].read_text())["devices"] == []


# ---- what a file may hold


def test_results_come_back_from_their_file() -> None:
    for result in (BOARD, PHONE, DeviceResult("a phone", None, None, {A: "why"})):
        assert DeviceResult.from_json(json.loads(json.dumps(result.to_json()))) == result


def put(*path: str | int, value: Any) -> Callable[[Any], None]:
    def change(result: Any) -> None:
        for key in path[:-1]:
            result = result[key]
        result[path[-1]] = value

    return change


@pytest.mark.parametrize(
    "change",
    [
        put("schema", value=99),
        put("device", value=7),
        put("notes", value=[1]),
        put("skipped", value={A: None}),
        put("skipped", value=[1]),
        put("parity", value={}),
        put("parity", "reports", 0, "max_abs", value="small"),
        put("parity", "reports", 0, "max_abs", value=float("nan")),
        put("parity", "reports", 0, "examples", value=0),
        put("parity", "reports", 0, "tolerance", value={"max_abs": 1}),
        put("latency", "timings", value=[]),
        put("latency", "timings", 0, "samples_ms", value=[[1.0, 2.0]]),
        put("latency", "timings", 0, "samples_ms", 0, 0, value="1"),
        put("latency", "timings", 0, "samples_ms", 0, 0, value=float("inf")),
        put("latency", "timings", 0, "start", "load_ms", value=[]),
        put("latency", "timings", 0, "variant", value=None),
        put("latency", "threads", value=True),
        put("latency", "lengths", value=[]),
        put("latency", "machine", value=None),
        put("latency", "more", value=1),
    ],
)
def test_what_is_no_result(change: Callable[[Any], None]) -> None:
    value = json.loads(json.dumps(BOARD.to_json()))
    change(value)
    with pytest.raises((KeyError, TypeError, ValueError, AttributeError)):
        DeviceResult.from_json(value)


def test_results_of_another_bundle() -> None:
    BOARD.check_of(bundle_of(A, B).path, bundle_of(A, B).hashes)
    with pytest.raises(
        InputError, match=rf"measured {A}, which bundle bundle does not have; it has {B}"
    ):
        BOARD.check_of(bundle_of(B).path, bundle_of(B).hashes)
    other = timing_of(A, 1, sha256="1" * 64)
    changed = replace(BOARD, latency=latency_of(other))
    with pytest.raises(
        InputError, match=r"another file than onnx-float32 .*sha256 1{12}, here 0{12}"
    ):
        changed.check_of(bundle_of(A).path, bundle_of(A).hashes)


# ---- the command


def call(*args: object) -> Result:
    return CliRunner().invoke(cli, [str(arg) for arg in args], catch_exceptions=False)


@pytest.fixture(scope="module")
def result(light_bundle: Path) -> DeviceResult:
    """Measured here, as if it were there."""
    bundle = open_bundle(light_bundle)
    assert isinstance(bundle, TextBundle)
    names = [A]
    times = bench(bundle, limit=3, variants=names, rounds=1)
    return DeviceResult("pi@board", verify(bundle, variants=names), times, {D: "not there"})


def test_report_with_devices(light_bundle: Path, result: DeviceResult, tmp_path: Path) -> None:
    file, out = tmp_path / "board.json", tmp_path / "report"
    file.write_text(json.dumps(result.to_json()))
    done = call("report", light_bundle, "--device", file, "--device", file, "--out", out)
    assert done.exit_code == 0, done.output
    markdown = (out / "report.md").read_text()
    assert markdown.count(f"| pi@board | {A} | ONNX Runtime | 1 | ok |") == 2
    assert f"| this machine | {A} | ONNX Runtime | – | ok |" in markdown
    assert f"| pi@board | {D} | – | – | not measured |" in markdown


def test_report_of_a_device_that_answers_otherwise(
    light_bundle: Path, result: DeviceResult, tmp_path: Path
) -> None:
    assert result.parity is not None
    wrong = replace(result.parity.reports[0], failures=("max |Δp| 0.5 is above 1e-05",))
    file = tmp_path / "board.json"
    file.write_text(json.dumps(replace(result, parity=run_of(wrong)).to_json()))
    done = call("report", light_bundle, "--device", file, "--out", tmp_path / "report")
    assert done.exit_code == 1
    assert "Outside tolerance on pi@board" in (tmp_path / "report" / "report.md").read_text()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "does not exist"),
        ("{", "is not valid JSON"),
        ("[]", "does not hold results of a device as lstm-edge writes them"),
        ('{"schema": 1, "device": "x"}', "does not hold results of a device"),
        ("OTHER", "measured another file than"),
    ],
)
def test_report_refuses(
    light_bundle: Path, result: DeviceResult, tmp_path: Path, content: str | None, why: str
) -> None:
    file, out = tmp_path / "board.json", tmp_path / "report"
    if content == "OTHER":
        assert result.latency is not None
        content = json.dumps(result.to_json()).replace(result.latency.timings[0].sha256, "0" * 64)
    if content is not None:
        file.write_text(content)
    done = call("report", light_bundle, "--device", file, "--out", out)
    assert done.exit_code == 2
    assert why in done.stderr
    assert done.stderr.count("\n") == 1
    assert not out.exists()


# ---- its name


PI = "Raspberry Pi 5 Model B Rev 1.0"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({("/proc/cpuinfo", "model name"): "Some Xeon"}, "Some Xeon"),
        ({("/proc/device-tree/model", None): f"{PI}\0"}, PI),
        ({("/proc/cpuinfo", "Hardware"): "BCM2835"}, "BCM2835"),
    ],
)
def test_the_processor_of_a_board(
    files: dict[tuple[str, str | None], str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ARM's kernel names no model: the board does."""
    monkeypatch.setattr(machine, "_first", lambda path, key=None: files.get((path, key)))
    assert machine.describe([])["cpu"] == expected
