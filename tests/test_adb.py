"""``bench --on adb``: what benchmark_model prints, and everything on this side of the cable.

There is no Android here. The real adb talks to ``android.Device``, which speaks its protocol and runs
commands on this machine; ``stand_in_benchmark_model.py`` runs the files with the real interpreter and
prints what LiteRT's sources say. Tests with adb are skipped where it is not installed.
"""

from __future__ import annotations

import contextlib
import csv
import itertools
import json
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import stand_in_benchmark_model
from android import Device
from click.testing import CliRunner, Result
from conftest import WORDS
from graph_models import remembering
from models import kinds, sequential
from stand_in_benchmark_model import CLIENT

from export import bundling
from lstm_edge.bundle.opening import TensorBundle, TextBundle, open_bundle
from lstm_edge.cli import cli
from lstm_edge.devices import adb as adb_bench
from lstm_edge.devices.adb import RUNTIME, Summary
from lstm_edge.errors import InputError
from lstm_edge.inputs import data
from lstm_edge.inputs.tokenizer import TextSettings, Tokenizer
from lstm_edge.results.device import DeviceResult

with_adb = pytest.mark.skipif(
    shutil.which("adb") is None, reason="adb is not installed: scripts/device_setup.sh"
)
TFLITE = "tflite-float32"
NAME = "Nobody Stand-in 1, Android 14"

# ---- what benchmark_model prints

# Processor SDK Linux documentation (Texas Instruments), "TensorFlow Lite (LiteRT)", TensorFlow Lite 2.20
TI = """\
INFO: STARTING!
INFO: Log parameter values verbosely: [0]
INFO: Graph: [/usr/share/oob-demo-assets/models/ssd_mobilenet_v2_coco.tflite]
INFO: Signature to run: []
INFO: Use xnnpack: [0]
INFO: Loaded model /usr/share/oob-demo-assets/models/ssd_mobilenet_v2_coco.tflite
INFO: The input model file size (MB): 67.3128
INFO: Initialized session in 5.579ms.
INFO: Running benchmark for at least 1 iterations and at least 0.5 seconds but terminate if exceeding 150 seconds.
INFO: count=1 curr=1357602 p5=1357602 median=1357602 p95=1357602

INFO: Running benchmark for at least 50 iterations and at least 1 seconds but terminate if exceeding 150 seconds.
INFO: count=50 first=1249964 curr=1240143 min=1238588 max=1252566 avg=1.24027e+06 std=2565 p5=1238753 median=1239807 p95=1247415

INFO: Inference timings in us: Init: 5579, First inference: 1357602, Warmup (avg): 1.3576e+06, Inference (avg): 1.24027e+06
INFO: Note: as the benchmark tool itself affects memory footprint, the following is only APPROXIMATE to the actual memory footprint of the model at runtime. Take the information at your discretion.
INFO: Memory footprint delta from the start of the tool (MB): init=6.36328 overall=109.832
"""  # noqa: E501
# gist.github.com/Rexhaif/a73d899a8ae837f9a3b4cbdd5653d71d, a phone over adb shell in January 2021
PHONE = """\
STARTING!
Log parameter values verbosely: [0]
Num threads: [1]
Graph: [/data/local/tmp/albert_base.tflite]
#threads used for CPU inference: [1]
Loaded model /data/local/tmp/albert_base.tflite
INFO: Initialized TensorFlow Lite runtime.
The input model file size (MB): 11.983
Initialized session in 20.283ms.
Running benchmark for at least 1 iterations and at least 0.5 seconds but terminate if exceeding 150 seconds.
count=2 first=339304 curr=266325 min=266325 max=339304 avg=302814 std=36489

Running benchmark for at least 50 iterations and at least 1 seconds but terminate if exceeding 150 seconds.
count=50 first=266601 curr=266931 min=265837 max=268116 avg=266473 std=419

Inference timings in us: Init: 20283, First inference: 339304, Warmup (avg): 302814, Inference (avg): 266473
"""  # noqa: E501
# One run in the words of LiteRT's benchmark_model.cc (commit 7d88950), with the lines that it adds for
# --report_peak_memory_footprint; made up.
ONE = """\
INFO: Running benchmark for at least 10 iterations and at least 0 seconds but terminate if exceeding 150 seconds.
INFO: count=10 first=5204 curr=2101 min=2010 max=5204 avg=2512.3 std=901 p5=2010 median=2155 p95=5204

INFO: Running benchmark for at least 1 iterations and at least 0 seconds but terminate if exceeding 150 seconds.
INFO: count=1 curr=2044 p5=2044 median=2044 p95=2044

INFO: Inference timings in us: Init: 1810, First inference: 5204, Warmup (avg): 2512.3, Inference (avg): 2044
INFO: Overall peak memory footprint (MB) via periodic monitoring: 21.4453
INFO: Memory status at the end of exeution:
INFO: - VmRSS              : 19 MB
"""  # noqa: E501


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (TI, Summary(5579, 1357602, None, None)),
        (PHONE, Summary(20283, 339304, None, None)),
        (ONE, Summary(1810, 5204, 2044, 21.4453)),
        (ONE.replace("\n", "\r\n"), Summary(1810, 5204, 2044, 21.4453)),
    ],
    ids=["LiteRT 2.20", "phone of 2021", "one run", "a terminal's line ends"],
)
def test_what_benchmark_model_prints(text: str, expected: Summary) -> None:
    """The times of many runs are not told, only their spread: they are not made up."""
    assert Summary.parse(text) == expected


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no timings"),
        (ONE.partition("INFO: Inference timings")[0], "no timings"),
        (ONE.replace("count=1 curr", "count=1 curr=9 curr"), "an average of 2044"),
        (ONE.replace("(avg): 2044", "(avg): 2099"), "an average of 2099"),
        (ONE.replace("Init: 1810", "Init: nan"), "no timings"),
        (ONE.replace("Init: 1810", "Init: " + "1" * 5_000), "no timings"),
        (ONE.replace("First inference: 5204", "First inference: " + "1" * 5_000), "no timings"),
        (ONE.replace("count=1 curr=", "count=1 curr=" + "1" * 5_000), "no timings"),
        (ONE.replace("count=1 curr=", "count=" + "1" * 5_000 + " curr="), "no timings"),
        (ONE.replace("(avg): 2044", "(avg): 1e999"), "an average of 1e999"),
    ],
)
def test_what_is_no_output_of_it(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Summary.parse(text)


# ---- the device that stands in


@pytest.fixture
def adb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Adb with a server and keys of its own; the server's port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", str(port))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("ANDROID_SERIAL", raising=False)
    yield port
    subprocess.run(["adb", "kill-server"], capture_output=True, check=False)


def listening(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def connect(device: Device) -> None:
    subprocess.run(["adb", "connect", device.serial], capture_output=True, check=True)


@pytest.fixture
def device(adb: int, tmp_path: Path) -> Iterator[Device]:
    """One attached device; nothing of ours is left on it, whatever happened."""
    one = Device(tmp_path / "device")
    connect(one)
    yield one
    one.close()
    assert list(one.place.iterdir()) == []


Tool = Callable[..., Path]


@pytest.fixture(scope="module")
def make_tool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tool]:
    """What stands in for benchmark_model; ``before`` runs in each process before it."""
    folder = tmp_path_factory.mktemp("tool")
    path = folder / "socket"
    server = subprocess.Popen([sys.executable, stand_in_benchmark_model.__file__, str(path)])
    count = itertools.count()

    def make(before: str = "") -> Path:
        text = CLIENT.format(python=sys.executable, before=before, path=str(path))
        program = folder / f"benchmark_model{next(count)}"
        program.write_text(text, encoding="utf-8")
        return program

    while not path.exists():
        assert server.poll() is None
        time.sleep(0.05)
    yield make
    server.terminate()
    server.wait(10)


@pytest.fixture(scope="module")
def tool(make_tool: Tool) -> Path:
    return make_tool()


@pytest.fixture(scope="module")
def bundle(small: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> TextBundle:
    """Both formats, and as few golden vectors as may be: each is a process."""
    reviews = tmp_path_factory.mktemp("adb") / "reviews.csv"
    with reviews.open("w", newline="") as file:
        rows = [("a great film", 1), ("a very bad film", 0), ("not boring", 1), ("the cast", 0)]
        csv.writer(file).writerows([("review", "sentiment"), *rows])
    opened = open_bundle(
        small(labels=["0", "1"], precisions=["float32"], dataset=data.load(str(reviews)))
    )
    assert isinstance(opened, TextBundle)
    return opened


def call(*args: object) -> Result:
    return CliRunner().invoke(cli, [str(arg) for arg in args], catch_exceptions=False)


@with_adb
def test_a_device_is_measured(bundle: TextBundle, device: Device, tool: Path) -> None:
    result = adb_bench.measure(bundle, tool, limit=2, rounds=2)
    assert result.ok
    assert result.device == NAME
    assert list(result.skipped) == ["onnx-float32"]
    assert result.parity is not None
    assert result.latency is not None
    (report,) = result.parity.reports
    assert (report.variant, report.examples, report.flips) == (TFLITE, len(bundle.golden().ids), 0)
    assert 0 < report.max_abs <= 1e-5
    assert "no, one, exactly and too many tokens" in {check.name for check in report.checks}
    (timing,) = result.latency.timings
    assert timing.runtime == RUNTIME
    assert timing.sha256 == bundle.variants[TFLITE].sha256
    assert np.array(timing.samples_ms).shape == (2, 2)
    assert (np.array(timing.samples_ms) > 0).all()
    assert timing.start is not None
    assert timing.start.import_ms is None
    assert min(timing.start.load_ms, timing.start.first_ms, timing.start.peak_mib or 0) > 0
    assert result.latency.lengths == tuple(len(ids) for ids in bundle.golden().ids[:2])
    assert result.latency.machine["cpu"] == "Made-up SoC"
    assert DeviceResult.from_json(json.loads(json.dumps(result.to_json()))) == result


@with_adb
def test_arrays_are_measured(device: Device, tool: Path, tmp_path: Path) -> None:
    """Two inputs of a free length, in the order of the graph; the parity is of every output."""
    import keras

    series = keras.Input((None, 3), name="series")
    extra = keras.Input((2,), name="extra")
    joined = keras.layers.Concatenate()([keras.layers.LSTM(4)(series), extra])
    outputs = {"a": keras.layers.Dense(2, name="a")(joined), "b": keras.layers.Dense(3)(joined)}
    model = remembering(keras.Model({"series": series, "extra": extra}, outputs))
    rng = np.random.default_rng(3)
    given = {
        "series": rng.normal(0, 1, (3, 5, 3)).astype(np.float32),
        "extra": rng.normal(0, 1, (3, 2)).astype(np.float32),
    }
    out = tmp_path / "arrays"
    bundling.export_bundle(
        model, out, inputs=given, wanted_formats=["tflite"], precisions=["float32"]
    )
    opened = open_bundle(out)
    assert isinstance(opened, TensorBundle)
    result = adb_bench.measure(opened, tool, limit=2, rounds=1)
    assert result.parity is not None
    assert result.latency is not None
    (report,) = result.parity.reports
    assert report.ok
    assert report.examples == 3
    assert {one.name for one in report.outputs} == {one.name for one in opened.signature.outputs}
    assert 0 < report.max_abs <= 1e-5
    assert (result.latency.unit, result.latency.lengths) == ("steps", (5, 5))


@with_adb
def test_a_free_length_with_pads_in_front(device: Device, tool: Path, tmp_path: Path) -> None:
    """Its answers depend on the pads: it is given as many as Keras had."""
    settings = TextSettings(max_length=12)
    words = Tokenizer([*settings.special_tokens(), *WORDS], settings)
    words.save(tmp_path / "words.txt")
    kind = kinds()
    layers = (kind.Bidirectional(kind.LSTM(4)), kind.Dense(1, activation="sigmoid"))
    embedding = kind.Embedding(len(words.tokens), 4)
    model = remembering(sequential(embedding, *layers, length=None))
    out = tmp_path / "front"
    bundling.export_bundle(
        model,
        out,
        vocab=tmp_path / "words.txt",
        length=12,
        wanted_formats=["tflite"],
        precisions=["float32"],
    )
    opened = open_bundle(out)
    assert isinstance(opened, TextBundle)
    assert (opened.pads, opened.variants[TFLITE].inputs[0]["shape"][1]) == ("front", -1)
    result = adb_bench.measure(opened, tool, limit=1, rounds=1)
    assert result.parity is not None
    (report,) = result.parity.reports
    assert report.failures == ()


def test_step_models_of_texts_are_skipped_for_what_they_are(small: Callable[..., Path]) -> None:
    out = small(precisions=["float32"], wanted_formats=["tflite"], streaming=True)
    bundle = open_bundle(out)
    with pytest.raises(InputError, match="a step model of texts takes word by word"):
        adb_bench.measure(bundle, None, variants=["tflite-float32-stream"])


@with_adb
def test_an_older_benchmark_model_writes_no_outputs(
    bundle: TextBundle, device: Device, make_tool: Tool
) -> None:
    tool = make_tool("sys.argv = [a for a in sys.argv if not a.startswith('--output_filepath')]")
    result = adb_bench.measure(bundle, tool, variants=[TFLITE], limit=1, rounds=1)
    assert result.parity is None
    assert result.ok
    assert any(
        note.startswith(f"parity of {TFLITE} is not measured: this benchmark_model does not write")
        for note in result.notes
    )


@with_adb
def test_other_answers_are_found_out(
    bundle: TextBundle, device: Device, make_tool: Tool, tmp_path: Path
) -> None:
    """A device that computes otherwise fails the parity, and the command says so."""
    tool = make_tool("sys.argv.append('--answers=other way round')")
    result = call(
        "bench", bundle.path, "--on", "adb", "--benchmark-model", tool, "--limit", 1, "--rounds", 1,
        "--json", tmp_path / "phone.json",
    )  # fmt: skip
    assert result.exit_code == 1
    assert f"On {NAME}" in result.stdout
    assert "OUTSIDE TOLERANCE" in result.stdout
    assert "onnx-float32 not measured: benchmark_model runs the TFLite files" in result.stdout
    stored = DeviceResult.from_json(json.loads((tmp_path / "phone.json").read_text()))
    assert not stored.ok


# ---- what cannot be done


@with_adb
def test_no_device(bundle: TextBundle, adb: int, tool: Path) -> None:
    result = call("bench", bundle.path, "--on", "adb", "--benchmark-model", tool)
    assert result.exit_code == 2
    assert "no Android device is attached: plug one in" in result.stderr
    assert result.stderr.count("\n") == 1
    assert not listening(adb), "adb's server was not running before, and is not left running"


def test_no_adb(
    bundle: TextBundle, tool: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match=r"adb is not installed here; install it \(adb on Debian"):
        adb_bench.measure(bundle, tool)


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ({}, "give the one for its processor with `benchmark_model`"),
        (
            {"benchmark_model": Path("nowhere")},
            "`benchmark_model=nowhere` is not there, or not a file",
        ),
        ({"variants": ["onnx-float32"]}, "has nothing to measure over adb"),
        ({"variants": ["tflite-int4"]}, "has no variant tflite-int4"),
        ({"benchmark_model": Path(__file__), "rounds": 0}, "`rounds` is 0"),
    ],
)
def test_what_is_asked_for_wrongly(bundle: TextBundle, how: dict[str, Any], why: str) -> None:
    with pytest.raises(Exception, match=why):
        adb_bench.measure(bundle, **{"benchmark_model": None, **how})


@with_adb
def test_which_device(bundle: TextBundle, device: Device, tool: Path, tmp_path: Path) -> None:
    second = Device(tmp_path / "second")
    connect(second)
    try:
        with pytest.raises(
            InputError, match="several Android devices are attached: choose with `serial`"
        ):
            adb_bench.measure(bundle, tool)
        with pytest.raises(
            InputError, match=f"no Android device pixel is attached; there is .*{device.serial}"
        ):
            adb_bench.measure(bundle, tool, serial="pixel")
        second.set_property(ro_product_model="Nobody Two")
        result = adb_bench.measure(bundle, tool, serial=second.serial, limit=1, rounds=1)
        assert result.device == "Nobody Two, Android 14"
        assert list(second.place.iterdir()) == []
    finally:
        second.close()


@with_adb
def test_a_device_that_lets_nobody_in(
    bundle: TextBundle, adb: int, tool: Path, tmp_path: Path
) -> None:
    shut = Device(tmp_path / "shut", authorized=False)
    try:
        # adb connect itself says that it failed
        subprocess.run(["adb", "connect", shut.serial], capture_output=True, check=False)
        with pytest.raises(
            InputError, match="has not allowed this computer yet: unlock it and confirm"
        ):
            adb_bench.measure(bundle, tool)
    finally:
        shut.close()


@with_adb
def test_a_program_for_another_processor(
    bundle: TextBundle, device: Device, tmp_path: Path
) -> None:
    tool = tmp_path / "x86"
    tool.write_bytes(b"\x7fELF" + bytes(14) + (62).to_bytes(2, "little") + bytes(100))
    with pytest.raises(
        InputError, match=r"x86 is for x86_64; Nobody .* runs arm64-v8a, armeabi-v7a"
    ):
        adb_bench.measure(bundle, tool)
    device.set_property(ro_product_cpu_abilist="x86_64")  # now it fits, and is still none
    with pytest.raises(InputError, match=r"cannot execute benchmark_model: .*; give the one for"):
        adb_bench.measure(bundle, tool, limit=1, rounds=1)


@with_adb
def test_a_program_that_fails(bundle: TextBundle, device: Device, make_tool: Tool) -> None:
    tool = make_tool("sys.exit('ERROR: Benchmarking failed.')")
    with pytest.raises(
        InputError,
        match=f"can run none of these .*{TFLITE}: exit code 1: ERROR: Benchmarking failed",
    ):
        adb_bench.measure(bundle, tool, limit=1, rounds=1)


def started(device: Device) -> Path:
    """The folder of a run that has begun on the device."""
    for _ in range(600):
        if found := [*device.place.glob("*/pid")]:
            return found[0].parent
        time.sleep(0.05)
    raise AssertionError("nothing runs on the device")


@with_adb
def test_the_cable_is_pulled(bundle: TextBundle, adb: int, make_tool: Tool, tmp_path: Path) -> None:
    device = Device(tmp_path / "device")
    connect(device)
    tool = make_tool("import time; time.sleep(60)")

    def pull() -> None:
        started(device)
        device.unplug()

    thread = threading.Thread(target=pull)
    thread.start()
    try:
        with pytest.raises(InputError) as error:
            adb_bench.measure(bundle, tool, limit=1, rounds=1)
        thread.join()
        assert f"the connection to {NAME} was lost while measuring on it" in str(error.value)
        (left,) = device.place.iterdir()
        assert f"its folder /data/local/tmp/{left.name} may be left on it: adb shell rm -r" in str(
            error.value
        )
    finally:
        device.close()


@with_adb
def test_interrupted(bundle: TextBundle, device: Device, make_tool: Tool) -> None:
    """Ctrl-C: what runs on the device ends, and its folder goes (the fixture looks)."""
    tool = make_tool("import time; time.sleep(60)")
    command = [sys.executable, "-m", "lstm_edge.cli", "bench", str(bundle.path), "--on", "adb"]
    process = subprocess.Popen(
        [*command, "--benchmark-model", str(tool)],
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parent.parent,
    )
    started(device)
    process.send_signal(2)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said.strip() == "lstm-edge: interrupted"
    for _ in range(100):
        if not device.running():
            break
        time.sleep(0.05)
    assert device.running() == []


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--on", "toaster"], "--on 'toaster' is no device: expected local, "),
        (["--on", "adb", "--python", "python3.12"], "--python cannot be used with --on adb"),
        (["--on", "ssh://board", "--serial", "1"], "--serial cannot be used with --on ssh://board"),
        (["--benchmark-model", "x"], "--benchmark-model cannot be used with --on local"),
    ],
)
def test_options_of_another_device(bundle: TextBundle, options: list[str], why: str) -> None:
    result = call("bench", bundle.path, *options)
    assert result.exit_code == 2
    assert why in result.stderr
