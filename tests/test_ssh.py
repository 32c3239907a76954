"""``bench --on ssh://``: a real sshd on this machine, and on the far side a Python with NumPy and
runtimes only, made of the distributions that the tests run with. Skipped where sshd or ssh is missing.
"""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from environments import make_python
from graph_models import remembering

from export import bundling
from lstm_edge.base import machine
from lstm_edge.base.files import sha256
from lstm_edge.bench.plan import Inputs
from lstm_edge.bundle.manifest import GOLDEN, MANIFEST, seal
from lstm_edge.bundle.opening import TensorBundle, TextBundle, open_bundle
from lstm_edge.cli import cli
from lstm_edge.devices import ssh as ssh_bench
from lstm_edge.devices.ssh import Address
from lstm_edge.errors import BundleError, InputError
from lstm_edge.results.device import DeviceResult

SSHD, SSH = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin"), shutil.which("ssh")
pytestmark = pytest.mark.skipif(
    SSHD is None or SSH is None, reason="sshd or ssh is not installed: scripts/device_setup.sh"
)
ONNX, TFLITE = "onnx-float32", "tflite-float32"
RUNTIMES = ("onnxruntime", "ai-edge-litert")


# ---- the far side


@dataclass
class Server:
    """A running sshd; ``log`` is what it says."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def cut(self) -> None:
        """End every connection at once, as a cable that is pulled: the programs behind it live on."""
        for child in self.sessions():
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)

    def sessions(self) -> list[int]:
        """The processes of sshd that serve a connection."""
        found, todo = list[int](), [self.process.pid]
        while todo:
            parent = todo.pop()
            listed = Path(f"/proc/{parent}/task/{parent}/children")
            for child in map(int, listed.read_text().split()) if listed.exists() else ():
                with contextlib.suppress(OSError):
                    if Path(f"/proc/{child}/comm").read_text().startswith("sshd"):
                        found.append(child)
                        todo.append(child)
        return found


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``host``, ``user`` and ``stranger``: keys without a passphrase."""
    folder = tmp_path_factory.mktemp("keys")
    for name in ("host", "user", "stranger"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
        subprocess.run(command, check=True)
    return folder


@pytest.fixture(scope="session")
def server(keys: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("sshd")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    key = (keys / "user.pub").read_text().strip()
    # a login shell that greets, as many do
    greets = r'command="echo Welcome; echo @there; eval \"$SSH_ORIGINAL_COMMAND\""'
    (folder / "authorized").write_text(f"{greets} {key}\n")
    (folder / "config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {keys / 'host'}\n"
        f"AuthorizedKeysFile {folder / 'authorized'}\n"
        "StrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"
        f"PermitRootLogin yes\nPidFile {folder / 'pid'}\n"
    )
    if os.geteuid() == 0:  # where sshd locks itself in
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    log = folder / "log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [str(SSHD), "-D", "-e", "-f", str(folder / "config")], stderr=file, stdout=file
        )
    try:
        for _ in range(100):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            if process.poll() is not None:
                pytest.skip(f"sshd does not start here: {log.read_text()[-500:]}")
            time.sleep(0.05)
        yield Server(process, port, log)
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture
def configured(keys: Path, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's ssh configuration in which ``board`` is the server; its file.

    ssh takes ``~/.ssh/config`` from the user database, not from HOME: an ``ssh`` that comes first on
    the path names the file, as users do who have several.
    """
    config, known = tmp_path / "config", tmp_path / "known_hosts"
    host = (keys / "host.pub").read_text().split()
    known.write_text(f"[127.0.0.1]:{server.port} {host[0]} {host[1]}\n")
    config.write_text(
        f"Host board\n  HostName 127.0.0.1\n  Port {server.port}\n  User {getpass.getuser()}\n"
        f"Host *\n  UserKnownHostsFile {known}\n  GlobalKnownHostsFile /dev/null\n"
        f"  IdentityFile {keys / 'user'}\n  IdentitiesOnly yes\n  IdentityAgent none\n"
    )
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "ssh"
    program.write_text(f'#!/bin/sh\nexec {SSH} -F {config} "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return config


@pytest.fixture(scope="session")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The board's Python: NumPy and both runtimes, and none of what a host has."""
    return make_python(tmp_path_factory.mktemp("board") / "venv", "numpy", *RUNTIMES)


@pytest.fixture
def bundle(light_bundle: Path) -> TextBundle:
    """One file for each runtime."""
    opened = open_bundle(light_bundle)
    assert isinstance(opened, TextBundle)
    assert list(opened.variants) == [ONNX, TFLITE]
    return opened


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Where the board puts its folder; empty afterwards, whatever happened."""
    path = tmp_path / "on the board"
    path.mkdir()
    yield path
    assert list(path.iterdir()) == []


def address(folder: Path, host: str = "board") -> Address:
    return Address(host, folder=str(folder))


def measured(
    bundle: TextBundle | TensorBundle, where: Address, python: Path, **how: Any
) -> DeviceResult:
    return ssh_bench.measure(bundle, where, python=str(python), **{"rounds": 2, "limit": 4, **how})


def call(*args: object) -> Result:
    return CliRunner().invoke(cli, [str(arg) for arg in args], catch_exceptions=False)


# ---- what works


def test_the_board_has_nothing_of_a_host(python: Path) -> None:
    def imports(names: str) -> subprocess.CompletedProcess[bytes]:
        # isolated: what the tests run with is not on its path
        command = [str(python), "-I", "-c", f"import {names}"]
        return subprocess.run(command, capture_output=True, check=False)

    for name in ("tensorflow", "keras", "click", "rich", "lstm_edge", "pip"):
        assert b"ModuleNotFoundError" in imports(name).stderr, name
    assert imports("numpy, onnxruntime, ai_edge_litert.interpreter").returncode == 0


def test_a_board_verifies_and_measures(
    bundle: TextBundle, configured: Path, folder: Path, python: Path
) -> None:
    result = measured(bundle, address(folder), python)
    assert result.ok
    assert result.skipped == {}
    assert result.device.startswith(f"{getpass.getuser()}@board, ")
    assert result.parity is not None and result.latency is not None
    assert result.device.endswith(str(machine.describe([])["cpu"]))
    golden = bundle.golden()
    for report in result.parity.reports:
        assert report.examples == len(golden.ids)
        assert report.flips == 0
        assert report.max_abs <= bundle.variants[report.variant].tolerance.max_abs
        assert len(report.checks) >= 5
    assert result.latency.lengths == tuple(min(len(ids), 20) for ids in golden.ids[:4])
    assert result.latency.tokenise_ms is not None
    for timing in result.latency.timings:
        assert timing.sha256 == bundle.variants[timing.variant].sha256
        assert np.array(timing.samples_ms).shape == (2, 4)
        assert (np.array(timing.samples_ms) > 0).all()
        assert timing.start is not None and timing.install_mib is not None
        assert min(timing.start.import_ms, timing.start.load_ms, timing.start.first_ms) > 0
        assert timing.start.peak_mib is not None
    versions = result.parity.machine["versions"]
    assert {"lstm-edge", "numpy", "onnxruntime", "ai-edge-litert"} == set(versions)
    value = json.loads(json.dumps(result.to_json()))
    assert DeviceResult.from_json(value) == result
    sent = list(bundle.variants.values())
    other = [sent[0], replace(sent[1], sha256="0" * 64)]
    with pytest.raises(InputError, match=f"measured another file than the {TFLITE} it was sent"):
        ssh_bench._checked(value, "pi@board", other, {}, Address("board"))


def test_arrays_on_a_board(configured: Path, folder: Path, python: Path, tmp_path: Path) -> None:
    import keras

    series = keras.Input((None, 3), name="series")
    model = keras.Model(series, keras.layers.Dense(2)(keras.layers.LSTM(4)(series)))
    given = np.random.default_rng(3).normal(0, 1, (5, 6, 3)).astype(np.float32)
    bundling.export_bundle(
        remembering(model), tmp_path / "arrays", inputs={"series": given}, precisions=["float32"]
    )
    opened = open_bundle(tmp_path / "arrays")
    assert isinstance(opened, TensorBundle)
    result = measured(opened, address(folder), python, rounds=1)
    assert result.ok
    assert result.parity is not None
    assert result.latency is not None
    assert {t.variant for t in result.latency.timings} == {ONNX, TFLITE}
    assert (result.latency.unit, len(result.latency.lengths)) == ("steps", 4)
    assert all(r.max_abs <= 1e-5 for r in result.parity.reports)


def test_the_command(
    bundle: TextBundle, configured: Path, folder: Path, python: Path, server: Server, tmp_path: Path
) -> None:
    """An address without an alias, given data, and one variant; then the report of both machines."""
    reviews = tmp_path / "reviews.csv"
    reviews.write_text("review,sentiment\na great film,1\na bad film,0\nnot boring,1\n")
    url = f"ssh://{getpass.getuser()}@127.0.0.1:{server.port}{folder}"
    result = call(
        "bench", bundle.path, "--on", url, "--python", python, "--data", reviews, "--limit", 2,
        "--rounds", 1, "--variant", ONNX, "--json", tmp_path / "board.json",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    name = f"{getpass.getuser()}@127.0.0.1"
    assert f"\nOn {name}, " in result.stdout
    stored = DeviceResult.from_json(json.loads((tmp_path / "board.json").read_text()))
    assert stored.latency is not None
    assert stored.latency.data == str(reviews)
    assert len(stored.latency.lengths) == 2
    assert [t.variant for t in stored.latency.timings] == [ONNX]
    out = tmp_path / "report"
    reported = call("report", bundle.path, "--device", tmp_path / "board.json", "--out", out)
    assert reported.exit_code == 0, reported.output
    assert f"| {name}, " in (out / "report.md").read_text()


def test_what_a_board_cannot_run_is_said(
    bundle: TextBundle, configured: Path, folder: Path, tmp_path: Path
) -> None:
    """One runtime is broken there: its variants are skipped, and the others measured."""
    python = make_python(tmp_path / "venv", "numpy", "onnxruntime")
    (site,) = (tmp_path / "venv").glob("lib/python*/site-packages")
    (site / "ai_edge_litert").mkdir()
    (site / "ai_edge_litert" / "__init__.py").write_text("raise ImportError('no GLIBC_2.38')\n")
    result = measured(bundle, address(folder), python, limit=1, rounds=1)
    why = result.skipped[TFLITE]
    assert why.endswith("ai-edge-litert, which is installed but does not load here: no GLIBC_2.38")
    assert len(result.skipped) == 1
    assert result.latency is not None
    assert [t.variant for t in result.latency.timings] == [ONNX]


def test_a_bundle_of_an_older_version(
    bundle: TextBundle, configured: Path, folder: Path, python: Path, tmp_path: Path
) -> None:
    older = tmp_path / "older"
    shutil.copytree(bundle.path, older)
    manifest = json.loads((older / MANIFEST).read_text())
    del manifest["outputs"]
    for variant in manifest["variants"]:
        for key in ("made_for", "notes", "states"):
            variant.pop(key, None)
    golden = json.loads((older / GOLDEN).read_text())
    golden["edge"] = [case for case in golden["edge"] if "text" not in case]
    (older / GOLDEN).write_text(json.dumps(golden))
    manifest["files"][GOLDEN] = sha256(older / GOLDEN)
    (older / MANIFEST).write_text(json.dumps({**manifest, "seal": seal(manifest)}))
    opened = open_bundle(older)
    result = measured(opened, address(folder), python, variants=[ONNX], limit=1, rounds=1)
    assert result.ok
    assert result.latency is not None


# ---- addresses


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ssh://board", Address("board")),
        ("ssh://pi@board", Address("board", "pi")),
        ("ssh://pi@10.0.0.7:2222/mnt/big disk/", Address("10.0.0.7", "pi", 2222, "/mnt/big disk")),
        ("ssh://Board.local/~/tmp", Address("Board.local", folder="~/tmp")),
        ("ssh://[fe80::1%eth0]:22/", Address("fe80::1%eth0", None, 22)),
    ],
)
def test_addresses(text: str, expected: Address) -> None:
    assert Address.parse(text) == expected


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("ssh://", "is not the address of a board: expected ssh://[USER@]HOST[:PORT][/FOLDER]"),
        ("ssh:board", "is not the address of a board"),
        ("ssh://pi:raspberry@board", "a password in an address would be seen"),
        ("ssh://-oProxyCommand=date", "is not a host name"),
        ("ssh://-l@board", "is not a user name"),
        ("ssh://board:0", "expected 1 to 65535"),
        ("ssh://board:99999", "expected 1 to 65535"),
        ("ssh://two words", "is not a host name"),
    ],
)
def test_what_is_no_address(text: str, why: str) -> None:
    with pytest.raises(InputError) as error:
        Address.parse(text)
    assert why in str(error.value)
    assert "raspberry" not in str(error.value)


# ---- what cannot be done


def test_a_board_without_numpy_or_a_runtime(
    bundle: TextBundle, configured: Path, folder: Path, tmp_path: Path
) -> None:
    nothing = make_python(tmp_path / "nothing")
    with pytest.raises(InputError) as error:
        measured(bundle, address(folder), nothing)
    assert (
        f"board has no NumPy for {nothing}; install it there: {nothing} -m pip install numpy"
        in str(error.value)
    )
    numpy = make_python(tmp_path / "numpy", "numpy")
    result = call("bench", bundle.path, "--on", f"ssh://board{folder}", "--python", numpy)
    assert result.exit_code == 2
    assert "board has no runtime for any of these variants" in result.stderr
    assert (
        f"onnxruntime is not installed there: {numpy} -m pip install onnxruntime; ai-edge"
        in result.stderr
    )
    assert result.stderr.count("\n") == 1


def script(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_a_python_that_cannot_be_used(
    bundle: TextBundle, configured: Path, folder: Path, python: Path, tmp_path: Path
) -> None:
    with pytest.raises(
        InputError, match=r"board has no /nowhere/python3 \(.*say where it is with `python`"
    ):
        measured(bundle, address(folder), Path("/nowhere/python3"))
    # the version is all that an older one is asked for
    aged = script(
        tmp_path / "aged", f'shift; exec {python} -c "import sys; sys.version_info = (3, 9, 2); $1"'
    )
    with pytest.raises(
        InputError, match=r"is Python 3\.9\.2; lstm-edge needs 3\.11: name a newer one"
    ):
        measured(bundle, address(folder), aged)
    broken = script(tmp_path / "broken", "echo SyntaxError: invalid syntax >&2; exit 1")
    with pytest.raises(InputError, match=r"did not start \(exit code 1\): SyntaxError"):
        measured(bundle, address(folder), broken)


def changed(config: Path, old: str, new: str) -> None:
    text = config.read_text()
    assert old in text
    config.write_text(text.replace(old, new))


def test_a_board_that_is_not_reached(
    bundle: TextBundle, configured: Path, keys: Path, folder: Path, tmp_path: Path
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # and nobody listens
        url = f"ssh://127.0.0.1:{unused.getsockname()[1]}"
        result = call("bench", bundle.path, "--on", url)
    assert result.exit_code == 2
    assert "127.0.0.1 cannot be reached: ssh: connect to host" in result.stderr
    assert "Connection refused" in result.stderr
    assert result.stderr.count("\n") == 1
    with pytest.raises(InputError, match=r"cannot be reached: .*nowhere\.invalid"):
        ssh_bench.measure(bundle, Address("nowhere.invalid"))
    changed(configured, str(keys / "user"), str(keys / "stranger"))
    with pytest.raises(InputError, match=r"Permission denied .*give it a key with ssh-copy-id"):
        ssh_bench.measure(bundle, Address("board"))
    changed(configured, str(keys / "stranger"), str(keys / "user"))
    (tmp_path / "known_hosts").unlink()
    with pytest.raises(
        InputError, match=r"ssh does not know its key: connect once by hand: ssh board"
    ):
        ssh_bench.measure(bundle, Address("board"))


def test_no_ssh(bundle: TextBundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="the program ssh is not installed here"):
        ssh_bench.measure(bundle, Address("board"))


def test_no_such_variant(bundle: TextBundle) -> None:
    with pytest.raises(BundleError, match=f"has no variant onnx-int4; it has {ONNX}, {TFLITE}"):
        ssh_bench.measure(bundle, Address("nowhere.invalid"), variants=["onnx-int4"])


def test_arrays_of_ones_own_are_not_sent(bundle: TextBundle) -> None:
    inputs = Inputs(arrays=[{"x": np.zeros((1, 2), np.float32)}])
    with pytest.raises(InputError, match="arrays are not sent to a board"):
        ssh_bench.measure(bundle, Address("nowhere.invalid"), inputs=inputs)


def test_a_board_without_room(
    bundle: TextBundle, configured: Path, folder: Path, python: Path, tmp_path: Path
) -> None:
    missing = Address("board", folder=str(folder / "missing"))
    with pytest.raises(
        InputError, match=r"cannot make a folder in .*missing: No such file .*ssh://HOST/F"
    ):
        measured(bundle, missing, python)
    # files of more than some KB are refused, as on a full disk
    full = script(tmp_path / "full", f'ulimit -f 20; exec {python} "$@"')
    with pytest.raises(InputError, match=r"cannot take the files into .*File too large; make room"):
        measured(bundle, address(folder), full)


def begun(folder: Path) -> Path:
    """The folder of a run on the board, when it measures."""
    for _ in range(600):
        if found := [*folder.glob("lstm-edge-*/errors.txt")]:
            return found[0].parent
        time.sleep(0.05)
    raise AssertionError("nothing runs on the board")


def running(folder: Path) -> list[int]:
    """Processes that work in a folder, or are told of it."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if str(folder) in f"{(process / 'cwd').readlink()}":
                found.append(int(process.name))
    return found


def test_the_connection_is_lost(
    bundle: TextBundle, configured: Path, folder: Path, python: Path, server: Server
) -> None:
    """The board notices, ends what runs and removes its folder; we look, and say nothing more."""

    def cut() -> None:
        begun(folder)
        server.cut()

    thread = threading.Thread(target=cut)
    thread.start()
    with pytest.raises(InputError) as error:
        measured(bundle, address(folder), python, rounds=1000)
    thread.join()
    assert str(error.value).startswith(
        "board: "
    ) or "the connection to board was lost while" in str(error.value)
    assert "may be left" not in str(error.value)
    assert running(folder) == []


def test_a_board_that_is_gone(
    bundle: TextBundle, configured: Path, folder: Path, python: Path, server: Server
) -> None:
    """It cannot be asked any more: what may be left there is said, with the command that removes it."""

    def cut() -> None:
        begun(folder)
        changed(configured, "HostName 127.0.0.1", "HostName nowhere.invalid")
        server.cut()

    thread = threading.Thread(target=cut)
    thread.start()
    with pytest.raises(InputError) as error:
        measured(bundle, address(folder), python, rounds=1000)
    thread.join()
    assert re.search(
        r"its folder /.*/lstm-edge-\w+ may be left there: ssh board rm -r", str(error.value)
    )
    for _ in range(200):  # the board tidies up all the same
        if not running(folder) and not [*folder.iterdir()]:
            break
        time.sleep(0.05)


def test_the_measurement_dies(
    bundle: TextBundle, configured: Path, folder: Path, python: Path
) -> None:
    """As for want of memory."""

    def kill() -> None:
        where = begun(folder)
        for _ in range(200):
            for process in running(where):
                command = Path(f"/proc/{process}/cmdline").read_bytes()
                if b"lstm_edge.devices.board" in command:
                    os.kill(process, signal.SIGKILL)
                    return
            time.sleep(0.02)

    thread = threading.Thread(target=kill)
    thread.start()
    with pytest.raises(InputError, match="measuring on board failed: SIGKILL"):
        measured(bundle, address(folder), python, rounds=1000)
    thread.join()


def test_interrupted(bundle: TextBundle, configured: Path, folder: Path, python: Path) -> None:
    command = [sys.executable, "-m", "lstm_edge.cli", "bench", str(bundle.path), "--rounds", "1000"]
    process = subprocess.Popen(
        [*command, "--on", f"ssh://board{folder}", "--python", str(python)],
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parent.parent,
    )
    begun(folder)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said.strip() == "lstm-edge: interrupted"
    assert running(folder) == []


FOUND = '["numpy", "onnxruntime", "ai_edge_litert"]'
HELLO = f'{{"folder": "/tmp/lstm-edge-0", "user": "pi", "found": {FOUND}}}'
TAKEN = '{"taken": 1}'


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (["{no json"], "sent an answer that is not JSON: '{no json'"),
        (["[1]"], "sent an answer that is not from lstm-edge"),
        (["[" * 5_000 + "]" * 5_000], "more than 100 deep"),
        (['{"folder": %s}' % ("1" * 5_000)], "a number of 5,000 digits"),
        (['{"folder": 1e999}'], "beyond 1e308"),
        (['{"folder": "\\ud800"}'], "half a character"),
        ([HELLO.replace("pi", "a" * 5_000)], "sent an answer that is not from lstm-edge"),
        ([HELLO.replace('"pi"', '"\\u001b[31m"')], "sent an answer that is not from lstm-edge"),
        (
            [HELLO, TAKEN, '{"description": "a", "task": [1]}'],
            "sent an answer that is not from lstm-",
        ),
        ([HELLO, TAKEN, '{"description": "a"}'], "sent an answer that is not from lstm-edge"),
        ([HELLO, TAKEN, '{"task": {}, "done": 1}', '{"ended": 0}'], "board failed: no message"),
        ([HELLO, TAKEN, '{"failed": {"a": []}, "reason": [{}]}'], "board: [{}]"),
        ([HELLO, TAKEN, '{"failed": 1, "reason": "%s"}' % ("a" * 5_000)], "a…"),
        ([HELLO, TAKEN, '{"ended": 99999999999999999999, "last": {}}'], "board failed: no message"),
        ([HELLO, TAKEN, '{"ended": -1e300, "last": [1]}'], "board failed: [1]"),
        ([HELLO.replace("lstm-edge-0", "")], "sent an answer that is not from lstm-edge"),
        ([HELLO.replace(FOUND, "[[]]")], "sent an answer that is not from lstm-edge"),
        (['{"folder": 1, "user": 2, "found": 3}'], "sent an answer that is not from lstm-edge"),
        (
            [HELLO, TAKEN, '{"result": {"schema": 1}}', '{"ended": 0}'],
            "an answer that is not a result: it lacks",
        ),
        ([HELLO, TAKEN, '{"result": NaN}', '{"ended": 0}'], "an answer that is not JSON"),
        ([HELLO, TAKEN, '{"result": [3]}', '{"ended": 0}'], "an answer that is not a result"),
        ([HELLO, TAKEN, '{"ended": 0}'], "measuring on board failed: no message"),
        ([HELLO, TAKEN, '{"ended": "soon", "last": "why"}'], "measuring on board failed: why"),
        ([HELLO, TAKEN, '{"failed": "run", "reason": "no bundle"}'], "board: no bundle"),
        ([HELLO, TAKEN], "the connection to board was lost while measuring on it"),
        ([HELLO], "the connection to board was lost while copying to it"),
    ],
)
def test_a_board_that_answers_wrongly(
    bundle: TextBundle, configured: Path, tmp_path: Path, lines: list[str], why: str
) -> None:
    said = "; ".join(f"""printf '@%s %s\\n' "$token" '{line}'""" for line in ["3 11 0", *lines])
    python = script(
        tmp_path / "python",
        f"token=$(printf %s \"$2\" | sed 's/.*@\\([0-9a-f]*\\).*/\\1/'); {said}",
    )
    with pytest.raises(InputError) as error:
        measured(bundle, Address("board"), python)
    assert why in str(error.value)
    assert len(str(error.value)) < 1_000
    assert "\n" not in str(error.value)


VERSION = """token=$(printf %s "$2" | sed 's/.*@\\([0-9a-f]*\\).*/\\1/'); """


@pytest.mark.parametrize(
    ("printed", "why"),
    [
        ("yes", "board prints more than 1,048,576 bytes that are not an answer"),
        ("cat /dev/zero", "board prints more than 1,048,576 bytes that are not an answer"),
        ('yes "@$token x"', "sent an answer that is not from lstm-edge: 'x'"),
        ('printf "@$token 3 11 0\\n@$token "; cat /dev/zero', "bytes that are not an answer"),
        ('printf "@$token 3 11 %05000d\\n" 1', "sent an answer that is not from lstm-edge"),
        ('yes "reason" | head -c 49000000 >&2; exit 3', "did not start (exit code 3): reason"),
        ("head -c 50000000 /dev/zero >&2; exit 3", "did not start (exit code 3)"),
    ],
)
def test_a_board_that_does_not_stop(
    bundle: TextBundle, configured: Path, tmp_path: Path, printed: str, why: str
) -> None:
    """Whatever it prints: one sentence, in little memory."""
    python = script(tmp_path / "python", VERSION + printed)
    tracemalloc.start()
    try:
        with pytest.raises(InputError) as error:
            measured(bundle, Address("board"), python)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert why in str(error.value)
    assert len(str(error.value)) < 1_000
    assert peak < 100 << 20
