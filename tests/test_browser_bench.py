"""``bench --on browser``: real Chromium, measured and in trouble."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from export import bundling
from lstm_edge.bundle.opening import Bundle, TensorBundle, TextBundle, open_bundle
from lstm_edge.cli import cli
from lstm_edge.devices.browser import chromium as browser
from lstm_edge.devices.browser import measuring as browser_bench
from lstm_edge.devices.browser import runtimes as web_runtimes
from lstm_edge.devices.browser.measuring import bench
from lstm_edge.devices.browser.server import Site
from lstm_edge.errors import BundleError, InputError
from lstm_edge.inputs.batches import Inputs
from lstm_edge.results.device import DeviceResult

pytestmark = pytest.mark.xdist_group("web")  # they share a bundle
SMALL = {"rounds": 2, "variants": ["onnx-float32"]}


@pytest.fixture(scope="module", autouse=True)
def _needed(chromium: str, runtimes: Path) -> None:
    """Skips where they are missing."""


@pytest.fixture(autouse=True)
def profiles(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where this test's browsers have their profiles: none runs on, and none is left."""
    with tempfile.TemporaryDirectory(prefix="le-") as folder:  # short: Chromium has sockets there
        monkeypatch.setattr(tempfile, "tempdir", folder)
        monkeypatch.setenv("TMPDIR", folder)
        yield Path(folder)
        assert browsers(Path(folder)) == {}
        assert [*Path(folder).glob("lstm-edge-*")] == []


def browsers(profiles: Path) -> dict[int, str]:
    """Processes of browsers with a profile there, by their ids."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if f"user-data-dir={profiles}/" in line:
                found[int(path.parent.name)] = line
    return found


@pytest.fixture(scope="module")
def texts(web_bundle: Path) -> TextBundle:
    bundle = open_bundle(web_bundle)
    assert isinstance(bundle, TextBundle)
    return bundle


def program(folder: Path, script: str) -> str:
    """A browser that is that script."""
    path = folder / "browser"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


# ---------------------------------------------------------------- what comes back


@pytest.fixture(scope="module")
def result(texts: TextBundle) -> DeviceResult:
    return bench(texts, texts.golden_inputs(5), rounds=3, headless=True)


def test_every_variant_is_held_against_keras(texts: TextBundle, result: DeviceResult) -> None:
    assert result.parity is not None
    assert result.ok
    names = [report.variant for report in result.parity.reports]
    assert names == [name for name in texts.variants if name not in result.skipped]
    assert set(result.skipped) == {"tflite-float32-stream", "tflite-int8-dynamic-stream"}
    assert "LiteRT.js: it takes no free length" in result.skipped["tflite-float32-stream"]
    golden = texts.golden()
    for report in result.parity.reports:
        assert report.examples == len(golden.ids)
        assert report.tolerance == texts.variant(report.variant).tolerance
        if "float32" in report.variant:
            assert 0 < report.max_abs <= 1e-4
        checks = {check.name: check for check in report.checks}
        assert all(check.ok for check in checks.values())
        assert "no, one, exactly and too many tokens" in checks
        ids = checks["ids made in JavaScript"]
        assert ids.detail.startswith("0 of ")
        assert int(ids.detail.split()[2]) > len(golden.ids)


def test_every_variant_is_timed(texts: TextBundle, result: DeviceResult) -> None:
    latency = result.latency
    assert latency is not None and result.parity is not None
    assert [t.variant for t in latency.timings] == [r.variant for r in result.parity.reports]
    runtimes = {t.variant: t.runtime for t in latency.timings}
    pinned = {p.name: p.version for p in web_runtimes.packages()}
    assert runtimes["onnx-float32"] == f"ONNX Runtime Web {pinned['onnxruntime-web']}"
    assert runtimes["tflite-float32"] == f"LiteRT.js {pinned['@litertjs/core']}"
    for timing in latency.timings:
        info = texts.variant(timing.variant)
        assert (timing.bytes, timing.sha256) == (info.bytes, info.sha256)
        samples = np.array(timing.samples_ms)
        assert samples.shape == (3, 5)
        assert (samples >= 0).all() and samples.sum() > 0
        assert len(timing.warm_up_ms) == 10
        assert timing.start is not None and timing.install_mib is not None
        assert min(timing.start.import_ms, timing.start.load_ms, timing.start.first_ms) > 0
        assert 5 < timing.install_mib < 30
    assert (latency.threads, latency.lengths) == (
        1,
        tuple(map(len, texts.golden_inputs(5).sequences)),
    )
    assert latency.tokenise_ms is not None and len(latency.tokenise_ms) == 5


def test_the_device_is_named(result: DeviceResult) -> None:
    assert "Chrom" in result.device and result.device.endswith("(headless)")
    assert result.latency is not None
    assert result.latency.device == result.device
    told = result.latency.machine["browser"]
    assert told["isolated"] and told["simd"] and told["cores"] >= 1


def test_it_can_be_kept(result: DeviceResult) -> None:
    text = json.dumps(result.to_json(), allow_nan=False)
    assert DeviceResult.from_json(json.loads(text)) == result


def test_the_command(web_bundle: Path, tmp_path: Path) -> None:
    out = tmp_path / "phone.json"
    given = ["bench", str(web_bundle), "--on", "browser", "--headless", "--variant", "onnx-float32"]
    more = [
        "--rounds",
        "2",
        "--limit",
        "3",
        "--threads",
        "2",
        "--device-name",
        "my desk",
        "--json",
        out,
    ]
    done = CliRunner().invoke(cli, [*given, *map(str, more)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    for part in ("Latency of one answer", "Parity of ", "ONNX Runtime Web", "on my desk: "):
        assert part in done.stdout
    kept = DeviceResult.from_json(json.loads(out.read_text()))
    assert kept.latency is not None
    assert (kept.device, kept.latency.threads) == ("my desk", 2)


def test_a_variant_outside_its_tolerance_is_code_1(
    texts: TextBundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = texts.variant("onnx-float32")
    strict = replace(info, tolerance=replace(info.tolerance, max_abs=1e-12))
    bundle = replace(texts, variants={info.name: strict})
    monkeypatch.setattr("lstm_edge.cli.shared.open_bundle", lambda path: bundle)
    given = [
        "bench",
        str(texts.path),
        "--on",
        "browser",
        "--headless",
        "--rounds",
        "1",
        "--limit",
        "2",
    ]
    done = CliRunner().invoke(cli, given, catch_exceptions=False)
    assert done.exit_code == 1, done.output
    assert "OUTSIDE TOLERANCE" in done.stdout


@pytest.mark.parametrize("streaming", [False, True])
def test_a_model_without_text(tmp_path: Path, streaming: bool) -> None:
    import keras

    keras.utils.set_random_seed(3)
    given = keras.Input((None, 3), name="series")
    series = keras.layers.LSTM(5, return_sequences=True)(given)
    model = keras.Model(given, keras.layers.Dense(2, name="next")(series))
    bundling.export_bundle(
        model,
        tmp_path / "bundle",
        precisions=["float32"],
        streaming=streaming,
        chunk=2 if streaming else None,
        runtimes=["onnxruntime", "litert-js" if streaming else "litert"],
    )
    bundle = open_bundle(tmp_path / "bundle")
    assert isinstance(bundle, TensorBundle)
    (batch, *_) = bundle.golden()
    examples = [batch.part([i]).inputs for i in range(3)]
    if streaming:
        examples = [bundle.signature.pieces(example, None)[0] for example in examples]
    found = bench(bundle, Inputs(arrays=examples), rounds=2, headless=True)
    assert found.ok and found.parity is not None and found.latency is not None
    expected = ["onnx-float32", "tflite-float32-litert-js"] if streaming else ["onnx-float32"]
    assert [report.variant for report in found.parity.reports] == expected
    assert all(report.max_abs <= 1e-5 for report in found.parity.reports)
    assert found.latency.unit == "steps"
    assert list(found.skipped) == ([] if streaming else ["tflite-float32"])


def test_a_file_that_does_not_load_is_told(texts: TextBundle, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(texts.path, tmp_path / "b")
    (tmp_path / "b" / "tflite-float32.tflite").write_bytes(b"not a model" * 10)
    bundle = replace(texts, path=tmp_path / "b", variants={
        name: texts.variants[name] for name in ("onnx-float32", "tflite-float32")
    })  # fmt: skip
    found = bench(bundle, texts.golden_inputs(2), rounds=1, headless=True)
    assert found.parity is not None
    assert [report.variant for report in found.parity.reports] == ["onnx-float32"]
    assert found.skipped["tflite-float32"].startswith("LiteRT.js: ")
    with pytest.raises(InputError, match=r"does not run tflite-float32: LiteRT\.js: "):
        bench(bundle, texts.golden_inputs(2), rounds=1, headless=True, variants=["tflite-float32"])


# ---------------------------------------------------------------- what cannot be done


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"variants": ["onnx-float64"]}, BundleError, "has no variant onnx-float64; it has onnx-"),
        ({"rounds": 0}, InputError, "`rounds` is 0"),
        ({"program": "no-such-browser"}, InputError, "`program=no-such-browser` is not there"),
        ({"host": "no such host"}, InputError, "host 'no such host' is not known"),
        (
            {"variants": ["tflite-float32-stream"]},
            InputError,
            r"does not run tflite-float32-stream: LiteRT\.js: it takes no free length",
        ),
    ],
)
def test_bad_input(
    texts: TextBundle, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        bench(texts, texts.golden_inputs(5), **{**SMALL, "headless": True, **options})


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--on", "toaster"], "--on 'toaster' is no device: expected local, browser"),
        (["--headless"], "--headless cannot be used with --on local"),
        (["--on", "browser", "--browser", "chromium"], "--browser is the program that --headless"),
        (["--device-name", "x"], "--device-name cannot be used with --on local"),
    ],
)
def test_options_that_do_not_belong(web_bundle: Path, args: list[str], message: str) -> None:
    done = CliRunner().invoke(cli, ["bench", str(web_bundle), *args], catch_exceptions=False)
    assert done.exit_code == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_port_in_use(web_bundle: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        args = ["bench", str(web_bundle), "--on", "browser", "--headless", "--port", port]
        out = tmp_path / "x.json"
        done = CliRunner().invoke(cli, [*args, "--json", str(out)], catch_exceptions=False)
    assert done.exit_code == 2
    assert f"port {port}: address already in use" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not out.exists()


def test_without_the_runtimes(
    texts: TextBundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(web_runtimes.FOLDER_VARIABLE, str(tmp_path / "none"))
    with pytest.raises(InputError, match="run lstm-edge web-runtimes once"):
        bench(texts, texts.golden_inputs(5), headless=True)


def test_a_browser_without_simd(texts: TextBundle, chromium: str, tmp_path: Path) -> None:
    old = program(tmp_path, f'exec {chromium} --js-flags=--no-enable-sse4-1 "$@"')
    with pytest.raises(InputError, match=r"Chrom.* has no WebAssembly SIMD"):
        bench(texts, texts.golden_inputs(5), headless=True, program=old)


@pytest.mark.parametrize(
    ("script", "message"),
    [
        (
            "echo no display here >&2; exit 3",
            r"ended before it had finished \(code 3\): no display",
        ),
        ("exit 0", r"ended before it had finished \(code 0\)$"),
    ],
)
def test_a_browser_that_does_not_start(
    texts: TextBundle, tmp_path: Path, script: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        bench(texts, texts.golden_inputs(5), headless=True, program=program(tmp_path, script))


def test_a_browser_that_shows_nothing(
    texts: TextBundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browser, "STARTING", 1.0)
    with pytest.raises(InputError, match="did not show the page within 1 s"):
        bench(
            texts,
            texts.golden_inputs(5),
            headless=True,
            program=program(tmp_path, "exec sleep 600"),
        )


def test_a_file_of_texts_is_not_timed_on_ids(small: Callable[..., Path], chromium: str) -> None:
    bundle = open_bundle(small(precisions=["float32"], wanted_formats=["onnx"], text_input=True))
    assert isinstance(bundle, TextBundle)
    ids = Inputs(bundle.golden().ids[:2])
    found = bench(bundle, ids, rounds=1, headless=True)
    assert found.skipped == {"onnx-float32-text": "it takes texts, and these data are ids"}
    with pytest.raises(InputError, match="does not run onnx-float32-text: it takes texts"):
        bench(bundle, ids, rounds=1, headless=True, variants=["onnx-float32-text"])


# ---------------------------------------------------------------- in the middle


class Running:
    """A long measurement in a thread, with the address that it gave and how it ended."""

    def __init__(self, bundle: Bundle, inputs: Inputs, **options: Any) -> None:
        self.url = ""
        self.raised: BaseException | None = None
        self._ready = threading.Event()
        self._measuring = threading.Event()

        def announce(site: Site) -> None:
            self.url = site.lan_url or site.url
            self._ready.set()

        def go() -> None:
            try:
                bench(bundle, inputs, announce=announce, progress=self, **options)  # type: ignore[arg-type]
            except BaseException as error:
                self.raised = error
            self._ready.set()
            self._measuring.set()

        self._thread = threading.Thread(target=go)
        self._thread.start()
        assert self._ready.wait(60)

    @contextlib.contextmanager
    def task(self, description: str, total: int | None) -> Iterator[Callable[[int], None]]:
        if description.startswith("Measuring"):
            self._measuring.set()
        yield lambda n: None

    def measuring(self) -> None:
        """Wait until times are taken."""
        assert self._measuring.wait(120)
        assert self.raised is None
        time.sleep(0.5)

    def error(self) -> str:
        self._thread.join(120)
        assert isinstance(self.raised, InputError), self.raised
        return str(self.raised)

    def closed(self) -> None:
        """The server is gone."""
        with pytest.raises(urllib.error.URLError):
            urllib.request.urlopen(self.url, timeout=5)


LONG = {"rounds": 100_000, "variants": ["onnx-float32"]}


def test_a_page_that_is_closed(texts: TextBundle, tab: Any) -> None:
    running = Running(texts, texts.golden_inputs(5), **LONG)
    tab.goto(running.url)
    assert tab.get_by_role("status").inner_text() == "Ready."
    tab.get_by_role("button", name="Start").click()
    running.measuring()
    tab.close(run_before_unload=False)
    message = running.error()
    assert message.startswith(("the page was closed or left", "the browser has been silent"))
    running.closed()


def test_a_page_that_is_left(texts: TextBundle, tab: Any) -> None:
    running = Running(texts, texts.golden_inputs(5), **LONG)
    tab.goto(f"{running.url}?start")
    running.measuring()
    tab.goto("about:blank")
    assert running.error().startswith("the page was closed or left before it had finished")
    running.closed()


def test_a_browser_that_is_killed(texts: TextBundle, profiles: Path) -> None:
    running = Running(texts, texts.golden_inputs(5), headless=True, **LONG)
    running.measuring()
    (first,) = [pid for pid, line in browsers(profiles).items() if "--type=" not in line]
    os.kill(first, signal.SIGKILL)
    assert "ended before it had finished (code -9)" in running.error()
    running.closed()


def test_a_browser_that_falls_silent(
    texts: TextBundle, chromium: str, profiles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a phone does that sleeps or leaves the network: nothing is closed."""
    running = Running(texts, texts.golden_inputs(5), **LONG)
    with browser.headless(chromium, f"{running.url}?start"):
        running.measuring()
        monkeypatch.setattr(browser, "SILENCE", 2.0)
        stopped = [*browsers(profiles)]
        assert stopped
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        assert running.error().startswith("the browser has been silent for 2 s")
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
    running.closed()


class Network:
    """Between a browser and a server: it can be gone for a while, with all of its connections."""

    def __init__(self, port: int) -> None:
        self._to, self._open = ("127.0.0.1", port), set[socket.socket]()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self.there, self.refused = True, 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                here, _ = self._listening.accept()
                if not self.there:
                    self.refused += 1
                    here.close()
                    continue
                there = socket.create_connection(self._to)
                self._open |= {here, there}
                for one, other in ((here, there), (there, here)):
                    threading.Thread(target=self._pass, args=(one, other), daemon=True).start()

    def _pass(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(1 << 16):
                other.sendall(data)
        for end in (one, other):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def goes(self) -> None:
        self.there = False
        for one in [*self._open]:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.goes()
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()


@pytest.fixture
def network() -> Iterator[Callable[[str], tuple[Network, str]]]:
    """A network to the server of an address, and the address through it."""
    made = []

    def make(url: str) -> tuple[Network, str]:
        parts = urllib.parse.urlsplit(url)
        made.append(Network(parts.port or 0))
        return made[-1], parts._replace(netloc=f"127.0.0.1:{made[-1].port}").geturl()

    yield make
    for one in made:
        one.close()


def test_a_network_that_is_gone_for_a_moment_costs_nothing(
    texts: TextBundle, tab: Any, network: Callable[[str], tuple[Network, str]]
) -> None:
    """While a command is on its way, while it measures, and while the times are to be told."""
    running = Running(texts, texts.golden_inputs(5), rounds=300, variants=["onnx-float32"])
    between, url = network(running.url)
    tab.goto(f"{url}?start")
    tab.get_by_role("status").filter(has_text="Checking").wait_for()
    between.goes()
    time.sleep(2.5)
    between.there = True
    running.measuring()
    between.goes()
    time.sleep(2.5)
    between.there = True
    assert between.refused >= 3
    tab.get_by_role("status").filter(has_text="Done.").wait_for(timeout=120_000)
    running._thread.join(60)
    assert running.raised is None


def test_a_network_that_stays_away_ends_it_on_both_sides(
    texts: TextBundle,
    tab: Any,
    network: Callable[[str], tuple[Network, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tab.route("**/js/beat.js", lambda route: _shorter(route, "PATIENCE_MS = 30_000", 2000))
    running = Running(texts, texts.golden_inputs(5), **LONG)
    between, url = network(running.url)
    tab.goto(f"{url}?start")
    tab.get_by_role("status").filter(has_text="Measuring").wait_for(timeout=60_000)
    running.measuring()
    monkeypatch.setattr(browser, "SILENCE", 2.0)
    between.goes()
    tab.get_by_role("status").filter(has_text="cannot be reached").wait_for(timeout=60_000)
    assert running.error().startswith("the browser has been silent for 2 s")
    running.closed()


def _shorter(route: Any, setting: str, value: int) -> None:
    """The script as it is, with less patience."""
    response = route.fetch()
    text: str = response.text()
    assert setting in text
    route.fulfill(response=response, body=text.replace(setting, f"PATIENCE_MS = {value}"))


def test_a_second_browser_is_refused(texts: TextBundle, tab: Any) -> None:
    running = Running(texts, texts.golden_inputs(5), **LONG)
    tab.goto(f"{running.url}?start")
    running.measuring()
    other = tab.context.new_page()
    other.goto(running.url)
    other.get_by_role("button", name="Start").click()
    other.get_by_text("another browser is being measured").wait_for()
    # nor is a stranger heard who does not know the session
    gone = urllib.request.Request(f"{running.url}gone", b'{"session": "x"}', method="POST")
    urllib.request.urlopen(gone, timeout=10).close()
    time.sleep(0.6)
    assert running.raised is None
    tab.goto("about:blank")
    running.error()


def test_a_page_out_of_sight_is_not_believed(texts: TextBundle, tab: Any) -> None:
    tab.add_init_script(
        "Object.defineProperty(document, 'visibilityState', { get: () => 'hidden' });"
    )
    running = Running(texts, texts.golden_inputs(2), **LONG)  # it is not run to the end
    tab.goto(f"{running.url}?start")
    assert running.error().startswith("the page was in the background while it measured")
    tab.get_by_role("status").filter(has_text="in the background").wait_for()


def test_a_finished_page_shows_the_figures(texts: TextBundle, tab: Any) -> None:
    running = Running(texts, texts.golden_inputs(2), **SMALL)
    tab.goto(f"{running.url}?start")
    tab.get_by_role("status").filter(has_text="Done.").wait_for(timeout=60_000)
    row = tab.get_by_role("row").nth(1)
    assert row.inner_text().split("\t")[0] == "onnx-float32"
    assert row.inner_text().split("\t")[-1] == "yes"
    running._thread.join(60)
    assert running.raised is None
    running.closed()


def test_threads_need_an_address_of_this_machine(texts: TextBundle, tab: Any) -> None:
    running = Running(texts, texts.golden_inputs(5), **SMALL, threads=2, host="0.0.0.0")
    if running.url.startswith("http://127."):
        running._thread.join(0)
        tab.goto(f"{running.url}?start")
        running._thread.join(60)
        pytest.skip("this machine has no network")
    tab.goto(f"{running.url}?start")
    assert running.error().startswith("2 threads cannot be had in ")
    tab.get_by_role("status").filter(has_text="2 threads cannot be had").wait_for()
    running.closed()


def test_a_phone_s_page_is_measured_with_one_thread(texts: TextBundle, tab: Any) -> None:
    """By this machine's address in the network, which browsers trust less than 127.0.0.1."""
    running = Running(texts, texts.golden_inputs(2), **SMALL, host="0.0.0.0")
    tab.goto(f"{running.url}?start")
    tab.get_by_role("status").filter(has_text="Done.").wait_for(timeout=60_000)
    running._thread.join(60)
    assert running.raised is None


@pytest.mark.parametrize("stopped_by", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_command_that_is_stopped(
    stopped_by: signal.Signals, web_bundle: Path, tmp_path: Path, profiles: Path
) -> None:
    """By Ctrl-C, by a service, by a terminal that is closed: no browser stays."""
    command = [sys.executable, "-m", "lstm_edge.cli", "bench", str(web_bundle), "--on", "browser"]
    more = ["--headless", "--rounds", "100000", "--json", str(tmp_path / "x.json")]
    process = subprocess.Popen(
        [*command, *more],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # these tests may run in the background, where it is ignored: so would be those that we start
        preexec_fn=lambda: signal.signal(stopped_by, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 60
    while not browsers(profiles) and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.1)
    time.sleep(1)
    process.send_signal(stopped_by)
    try:
        stdout, stderr = process.communicate(timeout=60)
    finally:
        if process.poll() is None:
            process.kill()
            for pid in browsers(profiles):
                os.kill(pid, signal.SIGKILL)
    assert process.returncode == 130, (stdout, stderr)
    assert stderr.strip() == "lstm-edge: interrupted"
    assert [*tmp_path.iterdir()] == []
    assert not browsers(profiles)


# ---------------------------------------------------------------- what devices are called

LINUX = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
ANDROID = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) "
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) "
)


@pytest.mark.parametrize(
    ("agent", "told", "name"),
    [
        (ANDROID + "Chrome/140.0.0.0 Mobile Safari/537.36", {}, "Android, Chrome 140"),
        (
            ANDROID + "Chrome/140.0.0.0 Mobile Safari/537.36",
            {
                "model": "Pixel 8",
                "platform": "Android",
                "platform_version": "16.0.0",
                "brands": [
                    {"brand": "Not=A?Brand", "version": "24.0.0.0"},
                    {"brand": "Chromium", "version": "140.0.7339.51"},
                    {"brand": "Google Chrome", "version": "140.0.7339.51"},
                ],
            },
            "Pixel 8, Chrome 140",
        ),
        (
            "Mozilla/5.0 (Linux; Android 14; SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko) "
            "SamsungBrowser/25.0 Chrome/121.0.0.0 Mobile Safari/537.36",
            {},
            "SM-S918B, Samsung Internet 25",
        ),
        (IPHONE + "Version/18.5 Mobile/15E148 Safari/604.1", {}, "iPhone, Safari 18"),
        (IPHONE + "CriOS/140.0.7339.39 Mobile/15E148 Safari/604.1", {}, "iPhone, Chrome 140"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:142.0) Gecko/20100101 Firefox/142.0", {},
         "Linux, Firefox 142"),
        ("Mozilla/5.0 (Android 15; Mobile; rv:142.0) Gecko/142.0 Firefox/142.0", {},
         "Android, Firefox 142"),
        (LINUX + "HeadlessChrome/140.0.0.0 Safari/537.36", {}, "Linux, Chrome 140 (headless)"),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0", {},
         "Windows, Edge 140"),
        ("curl/8", {}, "unknown device, a browser"),
    ],
)  # fmt: skip
def test_device_names(agent: str, told: dict[str, Any], name: str) -> None:
    nothing = dict.fromkeys(("platform", "platform_version", "model"))
    assert browser.device_name({**nothing, "brands": [], "user_agent": agent, **told}) == name


def test_the_words_for_a_missing_simd_agree() -> None:
    assert browser_bench.PAGE.is_file()
    text = (web_runtimes.WEB / "js" / "runtimes.js").read_text()
    assert "has no WebAssembly SIMD" in text and "has no WebAssembly SIMD" in browser.NO_SIMD
