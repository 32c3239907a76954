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
import warnings
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
from lstm_edge.errors import InputError
from lstm_edge.training import train

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
def test_a_signal_while_python_ends_is_no_crash(number: signal.Signals) -> None:
    """Its handlers are gone then, and the signal that comes once more ends it."""
    process = working(
        f"signal.signal({int(number)}, signal.SIG_DFL); print('ready', flush=True); time.sleep(60)",
        start_new_session=True,
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),
    )
    assert process.stdout is not None
    while "ready" not in process.stdout.readline():
        pass
    os.killpg(process.pid, number)
    _, stderr = process.communicate(timeout=60)
    assert (process.returncode, stderr) == (130, "")


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


def test_where_no_process_can_be_had_the_work_is_done_here() -> None:
    work = WORK.replace("cli.main()", "os.fork = lambda: os.open('/gone', 0)\ncli.main()")
    command = [sys.executable, "-c", work.format("return 1")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")


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


# Zips


def rezipped(how: Callable[[zipfile.ZipFile, dict[str, bytes]], None]) -> Make:
    """An archive written anew with what the small one holds."""

    def make(files: Path, folder: Path) -> Path:
        with zipfile.ZipFile(files / "small.keras") as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        with (
            warnings.catch_warnings(action="ignore"),
            zipfile.ZipFile(folder / "m.keras", "w", zipfile.ZIP_DEFLATED) as archive,
        ):
            how(archive, members)
        return folder / "m.keras"

    return make


def with_configuration(text: bytes) -> Callable[[zipfile.ZipFile, dict[str, bytes]], None]:
    def how(archive: zipfile.ZipFile, members: dict[str, bytes]) -> None:
        for name, content in (members | {"config.json": text}).items():
            archive.writestr(name, content)

    return how


def with_metadata(text: bytes) -> Callable[[zipfile.ZipFile, dict[str, bytes]], None]:
    def how(archive: zipfile.ZipFile, members: dict[str, bytes]) -> None:
        for name, content in (members | {"metadata.json": text}).items():
            archive.writestr(name, content)

    return how


def bomb(archive: zipfile.ZipFile, members: dict[str, bytes]) -> None:
    with archive.open("config.json", "w") as file:
        for _ in range(300):
            file.write(b" " * (1 << 20))


def many(archive: zipfile.ZipFile, members: dict[str, bytes]) -> None:
    for i in range(10_001):
        archive.writestr(f"{i}", b"")


def twice(archive: zipfile.ZipFile, members: dict[str, bytes]) -> None:
    for _ in range(2):
        archive.writestr("config.json", members["config.json"])


def otherwise(archive: zipfile.ZipFile, members: dict[str, bytes]) -> None:
    archive.writestr("config.json", members["config.json"], zipfile.ZIP_BZIP2)


def patched(offset: int, value: bytes, make: Make) -> Make:
    """A field of the first entry in the directory of an archive, and of the file itself, changed."""

    def patch(files: Path, folder: Path) -> Path:
        path = make(files, folder)
        content = bytearray(path.read_bytes())
        place = content.index(b"PK\x01\x02")
        content[place + offset : place + offset + len(value)] = value
        # in front of the file the same fields stand two bytes earlier
        content[offset - 2 : offset - 2 + len(value)] = value
        path.write_bytes(content)
        return path

    return patch


whole = rezipped(
    lambda archive, members: [archive.writestr(n, c) for n, c in members.items()] and None
)
ZIPS: dict[str, tuple[Make, str]] = {
    "a bomb": (rezipped(bomb), "and declares 314,572,800; expected at most 100 times as many"),
    "a bomb that declares little": (patched(24, b"\1\0\0\0", rezipped(bomb)), "config.json"),
    "too large a configuration": (
        rezipped(with_configuration(b"[" + b" " * (33 << 20))), "has more than 33,554,432 bytes"
    ),
    "too deep a configuration": (rezipped(with_configuration(b"[" * 5000)), "more than 100 deep"),
    "a number of 5,000 digits": (
        rezipped(with_configuration(b'{"a": ' + b"9" * 5000 + b"}")), "of 5,000 digits"
    ),
    "many members": (rezipped(many), "it holds more than 10,000 files"),
    "a name twice": (rezipped(twice), "it holds two files of one name"),
    "another packing": (rezipped(otherwise), "config.json in it is packed by method 12"),
    "a packing of nobody": (patched(10, b"\x63\0", whole), "is packed by method 99"),
    "encrypted": (patched(8, b"\1\0", whole), "is encrypted (metadata.json): unpack it first"),
    "metadata: a list": (rezipped(with_metadata(b"[]")), "its version of Keras is 'None'"),
    "metadata: digits": (
        rezipped(with_metadata(b'{"keras_version": "%s"}' % (b"9" * 5000))), "its version of Keras is '99"
    ),
    "metadata: no JSON": (rezipped(with_metadata(b"{")), "metadata.json is not valid JSON"),
}  # fmt: skip


@pytest.mark.parametrize("name", ZIPS)
def test_archives(name: str, model_files: Path, tmp_path: Path) -> None:
    make, sentence = ZIPS[name]
    told(make(model_files, tmp_path), sentence)


# Configurations


def functional(change: Callable[[dict[str, Any], dict[str, dict[str, Any]]], Any]) -> Make:
    """A Functional model of Keras 3, its configuration changed; its layers by name."""

    def make(files: Path, folder: Path) -> Path:
        keras = require("keras", "the tests")
        start = keras.Input((5, 3), name="start")
        x = keras.layers.LSTM(4, name="lstm")(start)
        y = keras.layers.Dense(4, name="dense")(x)
        keras.Model(start, keras.layers.Add(name="add")([x, y])).save(folder / "whole.keras")
        with zipfile.ZipFile(folder / "whole.keras") as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        (folder / "whole.keras").unlink()
        entry = json.loads(members["config.json"])
        inside = entry["config"]
        change(inside, {layer["name"]: layer for layer in inside["layers"]})
        members["config.json"] = json.dumps(entry).encode()
        return packed(members, folder)

    return make


def option(layer: str, key: str, value: Any) -> Make:
    def change(config: dict[str, Any], layers: dict[str, dict[str, Any]]) -> None:
        layers[layer]["config"][key] = value

    return functional(change)


def of(layer: str, key: str, value: Any) -> Make:
    return functional(lambda config, layers: layers[layer].__setitem__(key, value))


def outer(key: str, value: Any) -> Make:
    return functional(lambda config, layers: config.__setitem__(key, value))


def source(*history: Any) -> Make:
    """The dense layer takes what these words name."""

    def change(config: dict[str, Any], layers: dict[str, dict[str, Any]]) -> None:
        tensor = layers["dense"]["inbound_nodes"][0]["args"][0]
        tensor["config"]["keras_history"] = list(history)

    return functional(change)


def chained(count: int) -> Make:
    def change(config: dict[str, Any], layers: dict[str, dict[str, Any]]) -> None:
        config["layers"] += [{**layers["dense"], "name": f"d{i}"} for i in range(count)]

    return functional(change)


CONFIGURATIONS: dict[str, tuple[Make, str]] = {
    "units: 10^9": (
        option("lstm", "units", 10**9), "its layers up to lstm (LSTM) have at least 4,000,000,000"
    ),
    "units: 10^9, dense": (option("dense", "units", 10**9), "have at least 1,000,000,"),
    "input: 10^12": (option("start", "batch_shape", [None, 10**12, 3]), "the batch_shape of its"),
    "input: a text": (option("start", "batch_shape", "long"), "m.keras"),
    "units: a text": (option("lstm", "units", "many"), "m.keras"),
    "units: negative": (option("lstm", "units", -1), "m.keras"),
    "units: null": (option("lstm", "units", None), "m.keras"),
    "10^4 layers": (chained(10_001), "it has more than 10,000 layers"),
    "a layer takes itself": (source("dense", 0, 0), "fit together at the layers dense"),
    "a circle": (source("add", 0, 0), "fit together at the layers dense, add"),
    "a layer that is not there": (source("gone", 0, 0), "fit together at the layers dense"),
    "a call that is not there": (source("lstm", 7, 0), "fit together at the layers dense"),
    "an output that is not there": (source("lstm", 0, 9), "m.keras"),
    "a source of numbers": (source(1, 2, 3), "m.keras"),
    "no source": (of("dense", "inbound_nodes", []), "m.keras"),
    "sources: a number": (of("dense", "inbound_nodes", 7), "m.keras"),
    "sources: numbers": (of("dense", "inbound_nodes", [1, 2]), "m.keras"),
    "sources: none": (functional(lambda config, layers: layers["dense"].pop("inbound_nodes")), "m.keras"),
    "a name twice": (
        functional(lambda config, layers: layers["dense"].update(name="lstm")),
        "fit together at the layers lstm",
    ),
    "names that are numbers": (of("dense", "name", 7), "m.keras"),

    "no layers": (outer("layers", []), "m.keras"),
    "layers: a number": (outer("layers", 7), "m.keras"),
    "layers: numbers": (outer("layers", [1, 2]), "m.keras"),
    "layers: an object": (outer("layers", {"a": 1}), "m.keras"),
    "outputs: none": (functional(lambda config, layers: config.pop("output_layers")), "m.keras"),
    "outputs: of nobody": (outer("output_layers", [["gone", 0, 0]]), "m.keras"),
    "outputs: a number": (outer("output_layers", 7), "m.keras"),
    "inputs: of nobody": (outer("input_layers", [["gone", 0, 0]]), "m.keras"),
    "inputs: empty": (outer("input_layers", []), "m.keras"),
    "class: a number": (of("dense", "class_name", 7), "m.keras"),
    "class: an object": (of("dense", "class_name", {"a": 1}), "m.keras"),
    "class: a network": (of("dense", "class_name", "Functional"), "m.keras"),
    "config: a number": (of("dense", "config", 7), "m.keras"),
    "config: a list": (of("dense", "config", [1]), "m.keras"),
    "config: none": (functional(lambda config, layers: layers["dense"].pop("config")), "m.keras"),
    "activation: a number": (option("dense", "activation", 7), "m.keras"),
    "activation: an object": (option("dense", "activation", {"a": {"b": 1}}), "m.keras"),
    "dtype: an object": (option("dense", "dtype", {"class_name": "DTypePolicy", "config": 7}), "m.keras"),
}  # fmt: skip


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_configurations(name: str, model_files: Path, tmp_path: Path) -> None:
    make, sentence = CONFIGURATIONS[name]
    path = make(model_files, tmp_path)
    told(path, sentence)
    done = CliRunner().invoke(cli, ["inspect", str(path)])  # says what it is, or that it is none
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception


# Other files beside a model


def no_regular_file(folder: Path, name: str) -> Path:
    os.mkfifo(folder / name)
    return folder / name


@pytest.mark.parametrize("name", ["m.keras", "m.h5", "m", "m.tflite", "m.onnx", "m.ort", "m.json"])
@pytest.mark.parametrize("command", ["inspect", "export"])
def test_a_pipe_is_not_waited_for(command: str, name: str, tmp_path: Path) -> None:
    path = no_regular_file(tmp_path, name)
    out = ["--out", str(tmp_path / "bundle")] if command == "export" else []
    done = CliRunner().invoke(cli, [command, str(path), *out])
    assert done.exit_code == 2
    assert "is a pipe; expected a regular file" in done.output


@pytest.mark.parametrize("given", ["--vocab", "--custom"])
def test_a_pipe_beside_a_model(given: str, model_files: Path, tmp_path: Path) -> None:
    path = no_regular_file(tmp_path, "own.py")
    args = ["export", str(model_files / "small.keras"), "--out", str(tmp_path / "bundle")]
    done = CliRunner().invoke(cli, [*args, given, str(path), "--trust"])
    assert (done.exit_code, done.output.count("\n")) == (2, 1)
    assert "is a pipe; expected a regular file" in done.output


PAIRS: dict[str, tuple[dict[str, Any], str]] = {
    "version: digits": ({"keras_version": "9" * 5000}, "its version of Keras is '99"),
    "version: words": ({"keras_version": "newest"}, "its version of Keras is 'newest'"),
    "version: an object": ({"keras_version": {}}, "its version of Keras is '{}'"),
    "layers: none": ({"config": {}}, "m.h5"),
    "config: a number": ({"config": 7}, "m.h5"),
}


@pytest.mark.parametrize("name", PAIRS)
def test_structures_with_weights(name: str, model_files: Path, tmp_path: Path) -> None:
    changes, sentence = PAIRS[name]
    path = h5(lambda file: None)(model_files, tmp_path)
    with h5py.File(path, "r+") as file:
        entry = json.loads(file.attrs["model_config"])
        del file.attrs["model_config"]
    (tmp_path / "m.json").write_text(json.dumps(entry | changes))
    told(path, sentence)


RUNS: dict[str, tuple[str, str]] = {
    "a list": ("[]", "is not the configuration of a run"),
    "no JSON": ("{", "is not valid JSON"),
    "deep": ("[" * 5000, "more than 100 deep"),
    "digits": ('{"tokenizer": {"max_length": %s}}' % ("9" * 5000), "5,000 digits"),
    "tokenizer: a number": ('{"tokenizer": 7}', "tokenizer"),
    "tokenizer: null": ('{"tokenizer": null}', "tokenizer"),
    "max_length: a text": ('{"tokenizer": {"max_length": "long"}}', "max_length"),
    "max_length: an object": ('{"tokenizer": {"max_length": {}}}', "max_length"),
    "max_length: 10^18": ('{"tokenizer": {"max_length": 1000000000000000000}}', "max_length"),
    "first_word_id: a list": ('{"tokenizer": {"max_length": 20, "first_word_id": []}}', "first_word_id"),
    "filters: a number": ('{"tokenizer": {"max_length": 20, "filters": 3}}', "filters"),
    "label_values: a number": (
        '{"tokenizer": {"max_length": 20}, "label_values": 7}', "label_values"
    ),
    "label_values: numbers": (
        '{"tokenizer": {"max_length": 20}, "label_values": [1, 2]}', "label_values"
    ),
    "label_values: a text": (
        '{"tokenizer": {"max_length": 20}, "label_values": "ab"}', "label_values"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", RUNS)
def test_run_folders(name: str, model_files: Path, tmp_path: Path) -> None:
    content, sentence = RUNS[name]
    run = tmp_path / "run"
    run.mkdir()
    shutil.copy(model_files / "small.keras", run / "model.keras")
    shutil.copy(model_files / "words.txt", run / "vocab.txt")
    (run / "config.json").write_text(content)
    told(run, sentence)


STATES: dict[str, tuple[str, str]] = {
    "a list": ("[]", "is not the state of a run"),
    "no JSON": ("{", "is not valid JSON"),
    "epochs: a number": ('{"epochs": 7}', "is not the state of a run"),
    "epochs: none": ("{}", "is not the state of a run"),
    "epochs: numbers": ('{"epochs": [1]}', "is not the state of a run"),
    "epochs: of other figures": ('{"epochs": [{"loss": 1}]}', "is not the state of a run"),
    "epochs: texts": (
        '{"epochs": [{"epoch": "1", "loss": "a", "accuracy": 1, "val_loss": 1, "val_accuracy": 1, '
        '"seconds": 1}]}',
        "is not the state of a run",
    ),
}


@pytest.mark.parametrize("name", STATES)
def test_the_state_of_a_run_that_is_resumed(name: str, tmp_path: Path) -> None:
    content, sentence = STATES[name]
    (tmp_path / "checkpoint").mkdir()
    (tmp_path / "checkpoint" / "state.json").write_text(content)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(InputError, match=sentence):
        train._earlier_epochs(tmp_path, {})


# Files that are exported already


def overlapping(folder: Path) -> Path:
    """One operator and one tensor, listed 600 x 600 times in 7 kB."""
    flatbuffers = require("flatbuffers", "the tests")
    schema = require("ai_edge_litert.schema_py_generated", "the tests")
    b = flatbuffers.Builder(1024)

    def listed(item: int, count: int) -> int:
        b.StartVector(4, count, 4)
        for _ in range(count):
            b.PrependUOffsetTRelative(item)
        return b.EndVector()

    schema.TensorStart(b)
    tensor = schema.TensorEnd(b)
    schema.OperatorStart(b)
    operator = schema.OperatorEnd(b)
    tensors, operators = listed(tensor, 600), listed(operator, 600)
    schema.SubGraphStart(b)
    schema.SubGraphAddTensors(b, tensors)
    schema.SubGraphAddOperators(b, operators)
    graphs = listed(schema.SubGraphEnd(b), 600)
    schema.OperatorCodeStart(b)
    codes = listed(schema.OperatorCodeEnd(b), 1)
    schema.BufferStart(b)
    buffers = listed(schema.BufferEnd(b), 1)
    schema.ModelStart(b)
    schema.ModelAddSubgraphs(b, graphs)
    schema.ModelAddOperatorCodes(b, codes)
    schema.ModelAddBuffers(b, buffers)
    b.Finish(schema.ModelEnd(b), file_identifier=b"TFL3")
    (folder / "m.tflite").write_bytes(bytes(b.Output()))
    return folder / "m.tflite"


def overlapping_ort(folder: Path) -> Path:
    """Six graphs, each a hundred times in the one around it, in 4 kB."""
    require("onnxruntime.tools.ort_format_model", "the tests")
    fbs = require("ort_flatbuffers_py.fbs", "the tests")
    b = require("flatbuffers", "the tests").Builder(1024)

    def listed(item: int, count: int) -> int:
        b.StartVector(4, count, 4)
        for _ in range(count):
            b.PrependUOffsetTRelative(item)
        return b.EndVector()

    kind, graph = b.CreateString("If"), 0
    for _ in range(6):
        attributes = 0
        if graph:
            fbs.Attribute.AttributeStart(b)
            fbs.Attribute.AttributeAddType(b, fbs.AttributeType.AttributeType.GRAPH)
            fbs.Attribute.AttributeAddG(b, graph)
            attributes = listed(fbs.Attribute.AttributeEnd(b), 1)
        fbs.Node.NodeStart(b)
        fbs.Node.NodeAddOpType(b, kind)
        if attributes:
            fbs.Node.NodeAddAttributes(b, attributes)
        nodes = listed(fbs.Node.NodeEnd(b), 100)
        fbs.Graph.GraphStart(b)
        fbs.Graph.GraphAddNodes(b, nodes)
        graph = fbs.Graph.GraphEnd(b)
    fbs.Model.ModelStart(b)
    fbs.Model.ModelAddGraph(b, graph)
    model = fbs.Model.ModelEnd(b)
    fbs.InferenceSession.InferenceSessionStart(b)
    fbs.InferenceSession.InferenceSessionAddModel(b, model)
    b.Finish(fbs.InferenceSession.InferenceSessionEnd(b), file_identifier=b"ORTM")
    (folder / "m.ort").write_bytes(bytes(b.Output()))
    return folder / "m.ort"


def onnx_of(change: Callable[[Any, Any], None]) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        onnx = require("onnx", "the tests")
        model = onnx.load(BUNDLE / "onnx-float32.onnx")
        change(onnx, model)
        (folder / "m.onnx").write_bytes(model.SerializeToString())
        return folder / "m.onnx"

    return make


def beside(location: str, **more: str) -> Callable[[Path], Path]:
    """The data of an array in another file."""

    def change(onnx: Any, model: Any) -> None:
        tensor = model.graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = tensor.EXTERNAL
        for key, value in {"location": location, **more}.items():
            tensor.external_data.add(key=key, value=value)

    return onnx_of(change)


def field(number: int, content: bytes) -> bytes:
    """A field of a protobuf message."""
    size, varint = len(content), b""
    while size > 127:
        varint, size = varint + bytes([size & 127 | 128]), size >> 7
    return bytes([number << 3 | 2]) + varint + bytes([size]) + content


def nested(folder: Path) -> Path:
    """If in If in If."""
    node = field(4, b"If")
    for _ in range(300):
        node = field(4, b"If") + field(5, field(1, b"g") + field(6, field(1, node)))
    content = (BUNDLE / "onnx-float32.onnx").read_bytes() + field(7, field(1, node))
    (folder / "m.onnx").write_bytes(content)
    return folder / "m.onnx"


def huge(onnx: Any, model: Any) -> None:
    model.graph.initializer[0].dims[:] = [1 << 40, 1 << 20]


EXPORTED: dict[str, tuple[Callable[[Path], Path], str]] = {
    "lists on lists": (overlapping, "is damaged: it lists more than it can hold"),
    "graphs in graphs, each many times": (
        overlapping_ort,
        "is damaged: it lists more than it can hold",
    ),
    "data above the folder": (beside("../../x"), "are to be in ../../x, outside of its folder"),
    "data anywhere": (beside("/etc/passwd"), "are to be in /etc/passwd, outside of its folder"),
    "data that are not there": (beside("x"), "x does not exist"),
    "data of a folder": (beside("."), "is a folder; expected a regular file"),
    "too many data": (beside("m.onnx", length="1000000"), "m.onnx does not hold the data of"),
    "data of 5,000 digits": (beside("m.onnx", length="9" * 5000), "length is '999"),
    "graphs in graphs": (nested, "is not a whole ONNX file"),
    "an array of 2^60 numbers": (onnx_of(huge), "is damaged"),
}


@pytest.mark.parametrize("name", EXPORTED)
def test_exported_files(name: str, tmp_path: Path) -> None:
    make, sentence = EXPORTED[name]
    told(make(tmp_path), sentence, "inspect")


# SavedModels


@pytest.fixture(scope="module")
def saved_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    keras = require("keras", "the tests")
    folder = tmp_path_factory.mktemp("saved") / "m"
    model = keras.Sequential([keras.Input((5, 3)), keras.layers.LSTM(4)])
    model.export(folder, verbose=False)
    return folder


def metadata(content: Any) -> dict[str, bytes]:
    """What Keras 2 kept beside the graph, of the outer model."""
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    return {"keras_metadata.pb": field(1, field(5, text))}


SEQUENTIAL = {
    "class_name": "Sequential",
    "config": {
        "name": "s",
        "layers": [
            {
                "class_name": "InputLayer",
                "config": {"batch_input_shape": [None, 5, 3], "name": "i"},
            },
            {"class_name": "LSTM", "config": {"name": "lstm", "units": 4}},
        ],
    },
}
SAVED: dict[str, tuple[dict[str, bytes], str]] = {
    "no graph": ({"saved_model.pb": b""}, "saved_model.pb holds no graph"),
    "a graph of nothing": ({"saved_model.pb": field(2, b"")}, "m cannot be loaded"),
    "a graph of other bytes": ({"saved_model.pb": b"\xff" * 99}, "saved_model.pb is damaged"),
    "a text": ({"saved_model.pb": b"not a model"}, "saved_model.pb is damaged"),
    "metadata: bytes": ({"keras_metadata.pb": b"\xff" * 99}, "keras_metadata.pb is damaged"),
    "metadata: a text": (metadata(b"\xff\xfe"), "keras_metadata.pb is damaged"),
    "metadata: no JSON": (metadata(b"{"), "keras_metadata.pb is not valid JSON"),
    "metadata: deep": (metadata(b"[" * 9999), "more than 100 deep"),
    "metadata: a list": (metadata([]), "is not the configuration of a Keras model"),
    "metadata: digits": (metadata(b"9" * 5000), "5,000 digits"),
    "version: digits": (
        metadata({**SEQUENTIAL, "keras_version": "9" * 5000}), "its version of Keras is '99"
    ),
    "version: a list": (metadata({**SEQUENTIAL, "keras_version": [2]}), "its version of Keras is '[2]'"),
    "config: a number": (
        metadata({"class_name": "Sequential", "config": 7}), "is not the configuration of a Keras model"
    ),
    "units: 10^9": (
        metadata(json.loads(json.dumps(SEQUENTIAL).replace('"units": 4', '"units": 1000000000'))),
        "have at least 4,000,000,000",
    ),
    "other variables": (metadata(SEQUENTIAL), "its variables are of 0 layers"),
    "variables cut": (
        {**metadata(SEQUENTIAL), "variables/variables.index": b"x" * 9}, "its variables are damaged"
    ),
    "no data of variables": (
        {**metadata(SEQUENTIAL), "variables/variables.data-00000-of-00001": b""},
        "its variables are damaged",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SAVED)
def test_saved_models(name: str, saved_model: Path, tmp_path: Path) -> None:
    files, sentence = SAVED[name]
    folder = tmp_path / "m"
    shutil.copytree(saved_model, folder)
    for file, content in files.items():
        (folder / file).write_bytes(content)
    told(folder, sentence)


def test_a_pipe_in_a_saved_model(saved_model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "m"
    shutil.copytree(saved_model, folder)
    no_regular_file(folder, "keras_metadata.pb")
    (folder / "saved_model.pb").unlink()
    no_regular_file(folder, "saved_model.pb")
    told(folder, "m")


# What is inspected is looked over, too; and with little memory

OVER_ALL = {
    "link": h5(replaced(external_link)),
    "16 GB": h5(replaced(declared)),
    "configuration": h5(set_("model_config", 7)),
    "bomb": rezipped(bomb),
    "a bomb that declares little": patched(24, b"\1\0\0\0", rezipped(bomb)),
    "encrypted": patched(8, b"\1\0", whole),
    "overlapping": lambda files, folder: overlapping(folder),
}


@pytest.mark.parametrize("name", OVER_ALL)
def test_inspecting_takes_little_memory(name: str, model_files: Path, tmp_path: Path) -> None:
    path = OVER_ALL[name](model_files, tmp_path)
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30)); "
        "resource.setrlimit(resource.RLIMIT_CPU, (20, 20)); "
        "from lstm_edge.cli import main; sys.argv[0] = 'lstm-edge'; main()"
    )
    command = [sys.executable, "-c", code, "inspect", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert done.stderr.startswith("lstm-edge: ") and str(path) in done.stderr
