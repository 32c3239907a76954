"""``bench --on ssh://``: a real sshd on this machine, and on the far side a Python with NumPy and
runtimes only, made of the distributions that the tests run with. Skipped where sshd or ssh is missing.
"""

from __future__ import annotations

import contextlib
import getpass
import importlib.metadata
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
import venv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from export import bundling
from lstm_edge import machine, ssh_bench
from lstm_edge.bundle import TensorBundle, TextBundle, open_bundle
from lstm_edge.cli import cli
from lstm_edge.devices import DeviceResult
from lstm_edge.ssh_bench import Address

SSHD, SSH = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin"), shutil.which("ssh")
pytestmark = pytest.mark.skipif(
    SSHD is None or SSH is None, reason="sshd or ssh is not installed: scripts/device_setup.sh"
)
ONNX, TFLITE = "onnx-float32", "tflite-float32"
RUNTIMES = ("onnxruntime", "ai-edge-litert")


# ---- the far side


def closure(names: Sequence[str]) -> set[str]:
    """These distributions and all that they need."""
    todo, found = list(names), set[str]()
    while todo:
        name = re.split(r"[^A-Za-z0-9._-]", todo.pop(), maxsplit=1)[0].lower().replace("_", "-")
        if name in found:
            continue
        try:
            requires = importlib.metadata.distribution(name).requires or ()
        except importlib.metadata.PackageNotFoundError:  # of another system or Python
            continue
        found.add(name)
        todo += [one for one in requires if "extra ==" not in one]
    return found


def make_python(folder: Path, *names: str) -> Path:
    """An environment of nothing but these distributions; its Python."""
    venv.create(folder, with_pip=False, symlinks=True)
    (site,) = folder.glob("lib/python*/site-packages")
    for name in closure(names):
        distribution = importlib.metadata.distribution(name)
        parts = {Path(str(file)).parts[0] for file in distribution.files or ()}
        for part in parts - {"..", "__pycache__"}:
            with contextlib.suppress(FileExistsError):
                (site / part).symlink_to(str(distribution.locate_file(part)))
    return folder / "bin" / "python3"


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
    (folder / "authorized").write_text(f'environment="LSTM_EDGE_TEST=1" {key}\n')
    (folder / "config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {keys / 'host'}\n"
        f"AuthorizedKeysFile {folder / 'authorized'}\nPermitUserEnvironment yes\n"
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


@pytest.fixture(scope="session")
def bundle(model_files: Path, tmp_path_factory: pytest.TempPathFactory) -> TextBundle:
    """One file for each runtime."""
    out = tmp_path_factory.mktemp("bundles") / "ssh"
    bundling.export_bundle(
        model_files / "small.keras",
        out,
        vocab=model_files / "words.txt",
        precisions=["float32"],
    )
    opened = open_bundle(out)
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
    assert DeviceResult.from_json(json.loads(json.dumps(result.to_json()))) == result
