"""Model files that mean harm, or that are damaged: one sentence, exit code 2, nothing written."""

from __future__ import annotations

import json
import os
import pty
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from lstm_edge.base.extras import require
from lstm_edge.base.files import sha256, write_json
from lstm_edge.bundle.manifest import MANIFEST, seal
from lstm_edge.cli import cli

h5py = require("h5py", "the tests")
Make = Callable[[Path, Path], Path]


def told(path: Path, sentence: str, commands: str = "export") -> None:
    """Each command ends with this sentence, and nothing is written."""
    before = sorted(path.parent.iterdir())
    for command in commands.split():
        out = ["--out", str(path.parent / "bundle")] if command == "export" else []
        done = CliRunner().invoke(cli, [command, str(path), *out])
        assert (done.exit_code, done.exception.__class__) == (2, SystemExit), done.output
        assert sentence in done.output
        assert str(path) in done.output
        assert done.output.startswith("lstm-edge: ") and done.output.count("\n") == 1
    assert sorted(path.parent.iterdir()) == before


# HDF5


def h5(change: Callable[[Any], None], version: str = "") -> Make:
    """The small file, changed; ``version``: the Keras that it says wrote it."""

    def make(files: Path, folder: Path) -> Path:
        path = shutil.copy(files / "small.h5", folder / "m.h5")
        with h5py.File(path, "r+") as file:
            if version:
                file.attrs["keras_version"] = version
                file["model_weights"].attrs["keras_version"] = version
            change(file)
        return Path(path)

    return make


def inside_keras(change: Callable[[Any], None]) -> Make:
    """The same for the weights in an archive."""

    def make(files: Path, folder: Path) -> Path:
        weights = folder / "w"
        with zipfile.ZipFile(files / "small.keras") as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        weights.write_bytes(members["model.weights.h5"])
        with h5py.File(weights, "r+") as file:
            change(file)
        members["model.weights.h5"] = weights.read_bytes()
        weights.unlink()
        return packed(members, folder)

    return make


def packed(members: dict[str, bytes], folder: Path, how: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(folder / "m.keras", "w", how) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return folder / "m.keras"


def first_array(file: Any) -> tuple[Any, str]:
    """The group of an array, and its name in it."""
    found: list[str] = []
    file.visititems(lambda n, item: found.append(n) if isinstance(item, h5py.Dataset) else None)
    group, _, name = found[0].rpartition("/")
    return file[group], name


def replaced(make: Callable[[Any, str], None]) -> Callable[[Any], None]:
    """Another thing in the place of an array."""

    def change(file: Any) -> None:
        group, name = first_array(file)
        del group[name]
        make(group, name)

    return change


def external_link(group: Any, name: str) -> None:
    group[name] = h5py.ExternalLink("/etc/other.h5", "/secret")


def external_storage(group: Any, name: str) -> None:
    group.create_dataset(name, (40, 8), "f4", external=[("/etc/passwd", 0, h5py.h5f.UNLIMITED)])


def virtual(group: Any, name: str) -> None:
    layout = h5py.VirtualLayout((40, 8), "f4")
    layout[:] = h5py.VirtualSource("/etc/other.h5", "secret", (40, 8))
    group.create_virtual_dataset(name, layout)


def declared(group: Any, name: str) -> None:
    group.create_dataset(name, (1 << 16, 1 << 16), "f4", chunks=(64, 64), compression="gzip")


def overflowing(group: Any, name: str) -> None:
    group.create_dataset(name, (1 << 40, 1 << 40), "f4", chunks=(64, 64))


def one_large_chunk(group: Any, name: str) -> None:
    group.create_dataset(name, (1, 1), "f4", maxshape=(None, None), chunks=(1 << 14, 1 << 15))


def many_links(file: Any) -> None:
    group, _ = first_array(file)
    group.create_dataset("large", (1 << 23,), "f4", chunks=(1024,))
    for i in range(20):
        file[f"again{i}"] = group["large"]


def dangling(group: Any, name: str) -> None:
    group[name] = h5py.SoftLink("/nowhere")


def itself(group: Any, name: str) -> None:
    group[name] = h5py.SoftLink(f"{group.name}/{name}")


def a_group(group: Any, name: str) -> None:
    group.create_group(name)


def texts(group: Any, name: str) -> None:
    group[name] = ["kernel"]


ELSEWHERE = {
    "a link to another file": (
        external_link,
        "in the file itself: it is a link to another (/etc/other.h5)",
    ),
    "its data in another file": (external_storage, "is not stored in the file itself"),
    "a view of another file": (virtual, "is not stored in the file itself"),
    "16 GB that are not there": (declared, "and declares 17,1"),
    "more than a number holds": (overflowing, "and declares 4,8"),
    "a chunk of 2 GB": (one_large_chunk, "and declares 2,1"),
}


@pytest.mark.parametrize("name", ELSEWHERE)
@pytest.mark.parametrize("kind", [h5, inside_keras], ids=["h5", "keras"])
def test_data_elsewhere_and_data_that_are_not_there(
    kind: Callable[[Any], Make], name: str, model_files: Path, tmp_path: Path
) -> None:
    make, sentence = ELSEWHERE[name]
    path = kind(replaced(make))(model_files, tmp_path)
    assert path.stat().st_size < 200_000
    told(path, sentence)


def set_(key: str, value: Any, group: str = "") -> Callable[[Any], None]:
    """An attribute of another kind."""

    def change(file: Any) -> None:
        holder = file[group] if group else file
        holder.attrs[key] = value

    return change


def of_layer(key: str, value: Any) -> Callable[[Any], None]:
    def change(file: Any) -> None:
        group = file["model_weights"]
        names = [n.decode() if isinstance(n, bytes) else n for n in group.attrs["layer_names"]]
        group[names[-1]].attrs[key] = value

    return change


def config(change: Callable[[dict[str, Any]], Any]) -> Callable[[Any], None]:
    """The configuration, changed or replaced."""

    def edit(file: Any) -> None:
        value = json.loads(file.attrs["model_config"])
        file.attrs["model_config"] = json.dumps(change(value) or value)

    return edit


ATTRIBUTES: dict[str, tuple[Callable[[Any], None], str, str]] = {
    "model_config: number": (set_("model_config", 7), "", "its model_config is a value of type int"),
    "model_config: list": (set_("model_config", [1, 2]), "", "model_config is a value of type ndarray"),
    "model_config: bytes": (
        set_("model_config", np.bytes_(b"\xff\xfe{")), "", "its model_config is no UTF-8"
    ),
    "model_config: none": (set_("model_config", h5py.Empty("f")), "", "its model_config is a value"),
    "model_config: reference": (
        lambda file: file.attrs.__setitem__("model_config", file.ref), "", "its model_config is a value"
    ),
    "model_config: cut": (set_("model_config", '{"class_name"'), "", "model_config is not valid JSON"),
    "model_config: deep": (set_("model_config", "[" * 60_000), "", "more than 100 deep"),
    "model_config: large number": (
        set_("model_config", '{"class_name": ' + "9" * 5000 + "}"), "", "5,000 digits"
    ),
    "version: number": (set_("keras_version", 3), "", "its keras_version is a value of type int"),
    "version: digits": (set_("keras_version", "9" * 5000), "", "its version of Keras is '999"),
    "version: superscript": (set_("keras_version", "²"), "", "its version of Keras is '²'"),
    "version: words": (set_("keras_version", "newest"), "", "its version of Keras is 'newest'"),
    "backend: number": (set_("backend", 1.5), "", "its backend is a value of type float64"),
    "layer_names: number": (set_("layer_names", 7, "model_weights"), "2.15.0", "a value of type int64"),
    "layer_names: numbers": (
        set_("layer_names", [1, 2], "model_weights"), "2.15.0", "a value of type int64; expected names"
    ),
    "layer_names: bytes": (
        set_("layer_names", np.array([b"\xff"]), "model_weights"), "2.15.0", "layer_names is damaged"
    ),
    "layer_names: twice": (
        set_("layer_names", ["a", "a"], "model_weights"), "2.15.0", "layer_names holds a name twice"
    ),
    "layer_names: of nothing": (
        set_("layer_names", ["gone"], "model_weights"), "2.15.0", "is damaged"
    ),
    "weight_names: number": (of_layer("weight_names", 7), "2.15.0", "a value of type int64"),
    "weight_names: of nothing": (of_layer("weight_names", ["gone"]), "2.15.0", "is damaged"),
    "weight_names: a path out": (of_layer("weight_names", ["../../x"]), "2.15.0", "is damaged"),
    "soft link to nothing": (replaced(dangling), "2.15.0", "is damaged"),
    "soft link to itself": (replaced(itself), "2.15.0", "is damaged"),
    "group for an array": (replaced(a_group), "2.15.0", "is no array of numbers"),
    "texts for numbers": (replaced(texts), "2.15.0", "is no array of numbers"),
    "one array many times": (many_links, "", "and declares 7"),
    "weights: an array": (
        lambda file: (file.__delitem__("model_weights"), file.__setitem__("model_weights", 1)),
        "", "its model_weights is no group"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_attributes_of_other_kinds(name: str, model_files: Path, tmp_path: Path) -> None:
    change, version, sentence = ATTRIBUTES[name]
    told(h5(change, version)(model_files, tmp_path), sentence)


# A library that is taken down

BUNDLE = Path(__file__).parent / "bundles" / "texts-free"
VARIANT = "tflite-float32"


def lstm_edge(*args: Any, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "lstm_edge.cli", *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


@pytest.fixture
def crashing(tmp_path: Path) -> Path:
    """A bundle with a new seal and one byte of its TFLite file changed: LiteRT reads at no address."""
    folder = tmp_path / "bundle"
    shutil.copytree(BUNDLE, folder)
    file = folder / f"{VARIANT}.tflite"
    content = bytearray(file.read_bytes())
    content[7494] = 0
    file.write_bytes(content)
    manifest = json.loads((folder / MANIFEST).read_text())
    for variant in manifest["variants"]:
        variant["sha256"] = sha256(folder / variant["file"])
    write_json(folder / MANIFEST, {**manifest, "seal": seal(manifest)})
    return folder


@pytest.mark.parametrize("command", ["verify", "predict", "bench"])
def test_a_crash_of_a_runtime_is_one_sentence(command: str, crashing: Path) -> None:
    more = ["a film"] if command == "predict" else []
    done = lstm_edge(command, crashing, *more, "--variant", VARIANT, timeout=120)
    sentence = f"LiteRT ended by signal SIGSEGV while running {crashing / VARIANT}.tflite"
    assert (done.returncode, done.stderr) == (2, f"lstm-edge: {sentence}\n")
    assert done.stdout == ""


# a command whose work is what follows, in the process that works
WORK = """
import os, signal, sys, time
from lstm_edge.base import in_hand
from lstm_edge import cli
def work(*args, **options):
    print(os.getpid(), flush=True)
    try:
        {}
    except KeyboardInterrupt:
        time.sleep(0.3)
        raise
cli.Commands.invoke = work
sys.argv = ["lstm-edge", "inspect", "x"]
cli.main()
"""


def working(work: str, **options: Any) -> subprocess.Popen[str]:
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, "-c", WORK.format(work)], **pipes, **options)


@pytest.mark.parametrize(
    ("work", "code", "said"),
    [
        ("os.kill(os.getpid(), signal.SIGABRT)", 2, "lstm-edge: it ended by signal SIGABRT\n"),
        (
            "in_hand.note('Keras', 'loading', 'm.h5'); os.kill(os.getpid(), signal.SIGKILL)",
            2,
            "lstm-edge: Keras ended by signal SIGKILL while loading m.h5; the system does that where the "
            "memory is used up\n",
        ),
        ("return 1", 1, ""),
        ("sys.exit(3)", 3, ""),
        ("sys.stdin.read(); raise OSError(28, 'full')", 2, "lstm-edge: full\n"),
    ],
)
def test_how_the_work_ends(work: str, code: int, said: str) -> None:
    process = working(work, stdin=subprocess.DEVNULL)
    _, stderr = process.communicate(timeout=60)
    assert (process.returncode, stderr) == (code, said)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("to", ["process", "group"])
def test_a_signal_interrupts_once(number: signal.Signals, to: str) -> None:
    """Sent to the process alone, as a service does, or to all of the group, as a shell does."""
    process = working(
        "time.sleep(60)",
        start_new_session=True,
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),
    )
    assert process.stdout is not None
    process.stdout.readline()
    (os.killpg if to == "group" else os.kill)(process.pid, number)
    _, stderr = process.communicate(timeout=60)
    assert (process.returncode, stderr.strip()) == (130, "lstm-edge: interrupted")


def test_a_terminal_interrupts_once_and_is_the_works_own() -> None:
    """Ctrl-C on a terminal reaches both processes; what is typed, and is drawn, is the work's."""
    pid, terminal = pty.fork()
    if pid == 0:
        work = (
            "print(sys.stdin.isatty(), sys.stderr.isatty(), sys.stdin.readline()); time.sleep(60)"
        )
        os.execv(sys.executable, [sys.executable, "-c", WORK.format(work)])
    shown = b""
    for wanted, typed in (
        (b"\n", b"hello\n"),
        (b"True True hello", b"\x03"),
        (b"interrupted", b""),
    ):
        while wanted not in shown:
            shown += os.read(terminal, 1000)
        os.write(terminal, typed)
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 130
    assert shown.count(b"interrupted") == 1


def test_what_nohup_ignores_is_ignored() -> None:
    process = working(
        "time.sleep(1); return 0",
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),
    )
    assert process.stdout is not None
    work = int(process.stdout.readline())
    for pid in (process.pid, work):
        os.kill(pid, signal.SIGHUP)
    _, stderr = process.communicate(timeout=60)
    assert (process.returncode, stderr) == (0, "")


def test_the_work_ends_with_the_process_that_watches_it() -> None:
    process = working("time.sleep(600)")
    assert process.stdout is not None
    work = int(process.stdout.readline())
    assert work != process.pid
    process.kill()
    process.communicate(timeout=60)  # until the work has let go of its pipes, too
    for _ in range(100):
        if not Path(f"/proc/{work}").exists():
            return
        time.sleep(0.05)
    raise AssertionError(f"{work} goes on")


def test_a_reader_that_has_had_enough(tmp_path: Path) -> None:
    command = f"{sys.executable} -m lstm_edge.cli --help | head -1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert done.stdout.startswith("Usage:") and done.stderr == ""
