"""Kills, full and read-only disks, links: the old or the new is there, and nothing else is left."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from test_files import content, no_exchange

from lstm_edge.base import files, temporary
from lstm_edge.base.files import (
    check_place,
    recover,
    replacing,
    replacing_folder,
    write_json,
    write_text,
)
from lstm_edge.bundle.opening import open_bundle
from lstm_edge.cli import cli
from lstm_edge.devices import adb, far_side
from lstm_edge.errors import InputError

BUNDLES = Path(__file__).parent / "bundles"
TEXTS, RESULTS = BUNDLES / "texts", BUNDLES / "results"


def replace_folder(path: Path) -> None:
    with replacing_folder(path) as new:
        (new / "new").write_text("new")


def call(*arguments: Any) -> tuple[int, str]:
    result = CliRunner().invoke(cli, [*map(str, arguments)])
    return result.exit_code, result.stderr


# --- links ----------------------------------------------------------------------------------------


def straight(folder: Path, target: Path) -> Path:
    (folder / "link").symlink_to(target)
    return folder / "link"


def relative(folder: Path, target: Path) -> Path:
    (folder / "link").symlink_to(os.path.relpath(target, folder))
    return folder / "link"


def twice(folder: Path, target: Path) -> Path:
    (folder / "between").symlink_to(target)
    (folder / "link").symlink_to("between")
    return folder / "link"


@pytest.mark.parametrize("there", [True, False], ids=["old", "dangling"])
@pytest.mark.parametrize("link", [straight, relative, twice])
@pytest.mark.parametrize("write", [lambda path: write_text(path, "new"), replace_folder])
def test_a_link_stays_and_what_it_leads_to_is_written(
    tmp_path: Path, write: Callable[[Path], None], link: Callable[[Path, Path], Path], there: bool
) -> None:
    """``current -> v1``: a result written to ``current`` is v1's."""
    place, target = tmp_path / "place", tmp_path / "elsewhere" / "v1"
    place.mkdir()
    if there:
        target.parent.mkdir()
        write(target)
        if target.is_dir():
            (target / "old").touch()
    path = link(place, target)
    before = {p: p.readlink() for p in place.iterdir()}
    write(path)
    assert {p: p.readlink() for p in place.iterdir()} == before
    assert not target.is_symlink()
    assert path.samefile(target)
    if target.is_dir():
        assert content(target) == {"new": b"new"}
    else:
        assert target.read_text() == "new"
    assert [p.name for p in target.parent.iterdir()] == ["v1"]


@pytest.mark.parametrize("write", [lambda path: write_text(path, "x"), replace_folder, check_place])
def test_a_link_in_a_circle_is_refused(tmp_path: Path, write: Callable[[Path], None]) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(InputError, match="a cannot be written: Too many levels of symbolic links"):
        write(tmp_path / "a")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "b"]


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664])
def test_the_mode_of_what_was_there_is_kept(tmp_path: Path, mode: int) -> None:
    """A result that nobody else may read stays so; a new one is as any new file."""
    file, folder = tmp_path / "file", tmp_path / "folder"
    file.touch()
    file.chmod(mode)
    folder.mkdir()
    folder.chmod(mode | 0o100)
    write_text(file, "new")
    replace_folder(folder)
    assert file.stat().st_mode & 0o777 == mode
    assert folder.stat().st_mode & 0o777 == mode | 0o100
    before = os.umask(0o077)
    try:
        write_text(tmp_path / "other", "new")
    finally:
        os.umask(before)
    assert (tmp_path / "other").stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_the_owner_of_what_was_there_is_kept(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    os.chown(tmp_path / "file", 1234, 1234)
    write_text(tmp_path / "file", "new")
    assert (tmp_path / "file").stat().st_uid == 1234


def test_a_pipe_gets_what_is_written(tmp_path: Path) -> None:
    """It is no file to be replaced, as ``>(program)`` and ``/dev/stdout`` are not."""
    os.mkfifo(tmp_path / "pipe")
    check_place(tmp_path / "pipe")  # which must not be the end of it for the reader
    came: list[str] = []
    reader = threading.Thread(target=lambda: came.append((tmp_path / "pipe").read_text()))
    reader.start()
    value = {"x": "y" * 300_000}  # more than a pipe holds
    while not came:
        with contextlib.suppress(InputError):  # until the reader has opened it
            write_json(tmp_path / "pipe", value)
            break
    reader.join()
    assert json.loads(came[0]) == value
    assert [p.name for p in tmp_path.iterdir()] == ["pipe"]
    with pytest.raises(InputError, match="pipe cannot be written: No such device"):  # no reader
        write_json(tmp_path / "pipe", value)


def test_a_device_is_not_replaced() -> None:
    """As root it would be."""
    before = Path("/dev/full").stat()
    with pytest.raises(InputError, match="/dev/full cannot be written: No space left on device"):
        write_text(Path("/dev/full"), "x" * 100_000)
    write_text(Path("/dev/null"), "x")
    assert os.path.samestat(before, Path("/dev/full").stat())
    assert Path("/dev/null").is_char_device()


def test_what_is_printed_to_is_not_replaced(tmp_path: Path) -> None:
    """``--json /dev/stdout > file``: what is printed and the JSON are both in it."""
    program = "import sys; sys.path[:0] = [{!r}]; from pathlib import Path; "
    program += "from lstm_edge.base.files import write_text; print('before', flush=True); "
    program += "write_text(Path('/dev/stdout'), 'JSON\\n'); print('after')"
    with (tmp_path / "file").open("w") as file:
        root = str(Path(__file__).parent.parent)
        subprocess.run([sys.executable, "-c", program.format(root)], stdout=file, check=True)
    assert (tmp_path / "file").read_text() == "before\nJSON\nafter\n"


# --- no room, no permission -----------------------------------------------------------------------


@contextlib.contextmanager
def mounted(folder: Path, options: str) -> Iterator[Path]:
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"no file system of its own can be mounted here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MB."""
    with mounted(tmp_path / "disk", "size=1m") as folder:
        yield folder


@pytest.fixture
def full_disk(small_disk: Path) -> Path:
    with contextlib.suppress(OSError), (small_disk / "ballast").open("wb", 0) as file:
        while True:
            file.write(bytes(4096))
    return small_disk


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    with mounted(tmp_path / "disk", "ro") as folder:
        yield folder


@pytest.fixture
def no_folder() -> Path:
    """Where even root makes nothing."""
    return Path("/proc")


# What each command is given is not there either: the place is seen to before anything is read.
WRITING: dict[str, Callable[[Path], tuple[Any, ...]]] = {
    "train": lambda d: ("train", "--data", "none", "--out", d / "run"),
    "export": lambda d: ("export", "none.keras", "--out", d / "bundle"),
    "export below": lambda d: ("export", "none.keras", "--out", d / "deep" / "er"),
    "export of data": lambda d: ("export", "none.keras", "--data", "none", "--out", d / "bundle"),
    "verify": lambda d: ("verify", "none", "--json", d / "x.json"),
    "flips": lambda d: ("verify", "none", "--flips", d / "x.csv"),
    "bench": lambda d: ("bench", "none", "--json", d / "x.json"),
    "inspect": lambda d: ("inspect", "none", "--json", d / "x.json"),
    "predict": lambda d: ("predict", TEXTS, "--input", "none.csv", "--out", d / "x.csv"),
    "predict arrays": lambda d: (
        "predict", BUNDLES / "arrays", "--input", "none.npy", "--out", d / "x.npz"),
    "report": lambda d: ("report", "none", "--out", d / "report"),
    "demo": lambda d: ("demo", "--out", d / "demo"),
    "web": lambda d: ("web", TEXTS, "--out", d / "site"),
    "web-runtimes": lambda d: ("web-runtimes", "--out", d / "runtimes"),
}  # fmt: skip
REASONS = {
    "full_disk": "No space left on device",
    "read_only": "Read-only file system",
    "no_folder": "No such file or directory",
}


@pytest.mark.parametrize("kind", REASONS)
@pytest.mark.parametrize("command", WRITING)
def test_a_place_where_nothing_can_be_written_is_found_first(
    command: str, kind: str, request: pytest.FixtureRequest
) -> None:
    disk: Path = request.getfixturevalue(kind)
    before = sorted(disk.iterdir()) if kind != "no_folder" else None
    code, said = call(*WRITING[command](disk))
    assert code == 2
    assert said.count("\n") == 1, said
    assert f"cannot be written: {REASONS[kind]}" in said
    assert str(disk) in said
    if before is not None:
        assert sorted(disk.iterdir()) == before


@pytest.mark.parametrize(
    ("command", "at_least"),
    [
        (("export", "MODEL", "--format", "onnx", "--precision", "float32"), "2.0"),
        (("export", "MODEL", "--precision", "int8-dynamic", "--precision", "float32"), "2.4"),
        (("web", TEXTS), ""),
        (("train", "--data", "DATA", "--embedding", "20000"), ""),
    ],
)
def test_a_disk_that_is_too_small_is_found_first(
    command: tuple[Any, ...], at_least: str, small_disk: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data.csv"
    data.write_text("text,label\n" + "good film,1\nbad film,0\n" * 20)
    named = {"MODEL": files.shipped() / "model.keras", "DATA": data}
    code, said = call(*(named.get(str(a), a) for a in command), "--out", small_disk / "out")
    if "run lstm-edge web-runtimes once" in said:
        pytest.skip("the browser's runtimes are not here")
    assert code == 2
    assert f"{small_disk / 'out'}" in said
    assert f"1.0 MB are free there, and at least {at_least}" in said
    assert not [*small_disk.iterdir()]


@pytest.mark.parametrize("error", [None, RuntimeError("errno = 28, unable to extend"), ValueError])
@pytest.mark.parametrize("there", [True, False])
def test_a_disk_that_fills_up_meanwhile(
    small_disk: Path, there: bool, error: BaseException | type[BaseException] | None
) -> None:
    """Also where a library says it in its own way, or only that it failed."""
    if there:
        replace_folder(small_disk / "bundle")
        write_text(small_disk / "file", "old")
    before = content(small_disk)

    def fill(path: Path) -> None:
        try:
            with path.open("wb", 0) as file:
                while True:
                    file.write(bytes(4096))
        except OSError:
            if error is None:
                raise
            raise error from None

    with (
        pytest.raises(InputError, match=r"bundle cannot be written: No space left on device$"),
        replacing_folder(small_disk / "bundle") as new,
    ):
        fill(new / "a")
    with (
        pytest.raises(InputError, match=r"file cannot be written: No space left on device$"),
        replacing(small_disk / "file") as new,
    ):
        fill(new)
    assert content(small_disk) == before


def test_an_export_to_a_disk_that_fills_up(
    small_disk: Path, light_bundle: Path, model_files: Path
) -> None:
    """Nothing is left out of a bundle for lack of room: it is not written at all."""
    shutil.copytree(light_bundle, small_disk / "bundle")
    room = 150_000  # for some of its files
    (small_disk / "ballast").write_bytes(bytes(shutil.disk_usage(small_disk).free - room))
    before = content(small_disk)
    code, said = call("export", model_files / "small.keras", "--vocab", model_files / "words.txt",
                      "--out", small_disk / "bundle")  # fmt: skip
    assert code == 2
    assert (
        said == f"lstm-edge: {small_disk / 'bundle'} cannot be written: No space left on device\n"
    )
    assert content(small_disk) == before


def test_no_room_for_temporary_files(full_disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(full_disk))
    code, said = call("verify", TEXTS)
    assert code == 2
    assert said == (
        f"lstm-edge: the folder of temporary files {full_disk} cannot be written to: No space left on "
        "device; name another in TMPDIR\n"
    )
    assert [p.name for p in full_disk.iterdir()] == ["ballast"]


def as_nobody(function: Callable[[], None]) -> str:
    """What a function's error says, run by a user who may not do everything."""
    if os.geteuid() != 0:
        with pytest.raises(InputError) as error:
            function()
        return str(error.value)
    reading, writing = os.pipe()
    if not (child := os.fork()):
        try:
            os.setgid(65534)
            os.setuid(65534)
            function()
        except BaseException as error:
            os.write(writing, str(error).encode())
        finally:
            os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading) as file:
        return file.read()


@pytest.mark.parametrize("kind", ["folder", "file", "folder that is replaced"])
def test_what_may_not_be_written_to(kind: str) -> None:
    with tempfile.TemporaryDirectory() as name:  # pytest's own folder is closed to others
        place = Path(name)
        place.chmod(0o777)
        path = place / "x"
        if kind == "folder":
            path.mkdir(mode=0o555)
            path = path / "file"
        elif kind == "file":
            path.write_text("old")
            path.chmod(0o444)
        else:
            path.mkdir()
            path.chmod(0o555)
        said = as_nobody(lambda: check_place(path))
        assert said == f"{path} cannot be written: Permission denied"


def test_a_mount_point_is_no_folder_to_replace(small_disk: Path) -> None:
    """As a volume of a container is: found before the work."""
    code, said = call("export", "none.keras", "--out", small_disk)
    assert code == 2
    assert "disk cannot be written: it is a mount point; expected a folder in it" in said


# --- what killed runs leave -----------------------------------------------------------------------


class Child:
    """A program that prints a line when it is ready, and then stands still."""

    def __init__(self, program: str, *arguments: Any) -> None:
        root = Path(__file__).parent.parent
        program = f"import sys; sys.path[:0] = [{str(root)!r}]\n" + textwrap.dedent(program)
        self.process = subprocess.Popen(
            [sys.executable, "-c", program, *map(str, arguments)],
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self.process.stdout is not None
        self.said = self.process.stdout.readline().strip()

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate()


WAITING = """
    import time
    from pathlib import Path
    from lstm_edge.base.files import {kind}
    with {kind}(Path(sys.argv[1])) as new:
        (new / "half" if new.is_dir() else new).write_text("half")
        print("ready", flush=True)
        time.sleep(100)
"""
NEXT: dict[str, Callable[[Path], None]] = {
    "the same": lambda path: write_text(path, "new"),
    "another": lambda path: write_text(path.with_name("other"), "new"),
    "a folder": lambda path: replace_folder(path.with_name("other")),
    "a look": check_place,
}


@pytest.mark.parametrize("following", NEXT)
@pytest.mark.parametrize("kind", ["replacing", "replacing_folder"])
def test_the_next_run_removes_what_a_killed_one_left(
    kind: str, following: str, tmp_path: Path
) -> None:
    """And nothing of one that still runs."""
    path = tmp_path / "target"
    running, killed = (Child(WAITING.format(kind=kind), path) for _ in range(2))
    try:
        assert running.said == killed.said == "ready"
        killed.kill()
        assert len([*tmp_path.iterdir()]) == 2
        NEXT[following](path)
        assert len([p for p in tmp_path.iterdir() if p.name.startswith(".")]) == 1
    finally:
        running.kill()
    NEXT[following](path)
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]


def test_temporary_files_of_a_killed_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the libraries, too. Logs that a user was told of stay, and so do links elsewhere."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    killed = Child(
        """
        import tempfile, time
        from lstm_edge import cli
        def command():
            tempfile.mkstemp()
            tempfile.mkdtemp(prefix="of_a_library")
            print("ready", flush=True)
            time.sleep(100)
        cli.cli = command
        cli.main()
        """
    )
    assert killed.said == "ready"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "mine").touch()
    (tmp_path / f"{temporary.PREFIX}abcdefgh").symlink_to(elsewhere)
    (tmp_path / "lstm-edge-abcdefgh.log").touch()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for left in (4, 3):  # while it runs, and when it is dead
        with temporary.scratch():
            pass
        assert len([*tmp_path.iterdir()]) == left
        if left == 4:
            killed.kill()
    assert (elsewhere / "mine").exists()


def test_a_log_that_is_told_of_outlives_the_run(tmp_path: Path) -> None:
    """It is not in the folder that goes with its process."""
    (tmp_path / "tmp").mkdir()
    program = """
        from lstm_edge import cli
        from lstm_edge.cli import shared
        from lstm_edge.errors import ConversionError
        def command():
            with shared.quiet(False):
                print("said by a library", flush=True)
                raise ConversionError("no")
        cli.cli = command
        cli.main()
    """
    root = Path(__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        env={**os.environ, "TMPDIR": str(tmp_path / "tmp"), "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )
    (log,) = (tmp_path / "tmp").iterdir()
    assert f"ConversionError: no; what the converter printed is in {log}" in done.stderr
    assert log.read_text() == "said by a library\n"


# --- replacing a folder ---------------------------------------------------------------------------

FILES = 5
REPLACING = """
    import time
    from pathlib import Path
    from lstm_edge.base import files
    from lstm_edge.base.files import replacing_folder
    files._to_disk = lambda path: None  # for its own sake, and slow
    print("ready", flush=True)
    while True:
        with replacing_folder(Path(sys.argv[1])) as new:
            for number in range(5):
                (new / str(number)).write_text(str(time.monotonic_ns()) * 50)
            (new / "whole").touch()
"""


def is_whole(folder: Path) -> bool:
    return {p.name for p in folder.iterdir()} == {"whole", *map(str, range(FILES))}


def test_kills_of_the_replacing_step(tmp_path: Path) -> None:
    """Whenever it is killed and whoever looks: one whole folder under the name."""
    path, rng = tmp_path / "bundle", random.Random(0)
    with replacing_folder(path) as new:
        for name in ("whole", *map(str, range(FILES))):
            (new / name).touch()
    for _ in range(5):
        child = Child(REPLACING, path)
        wanted, seen = rng.randint(5, 25), set[tuple[int, int]]()
        while len(seen) < wanted:
            status = path.stat()  # it is there at any time
            seen.add((status.st_ino, status.st_mtime_ns))
        child.kill()
        assert is_whole(path)
    check_place(path)
    assert [p.name for p in tmp_path.iterdir()] == ["bundle"]


def test_a_kill_between_two_renames_is_mended(tmp_path: Path) -> None:
    """Where two names cannot be exchanged: the next run, or who opens a bundle, puts the old one back."""
    program = """
        import errno, os, shutil, signal
        from pathlib import Path
        from lstm_edge.base import files
        def exchange(one, other):
            raise OSError(errno.EINVAL, "Invalid argument")
        files._exchange = exchange
        path = Path(sys.argv[1])
        rename = Path.rename
        def killed(self, target):
            if target == path:
                os.kill(os.getpid(), signal.SIGKILL)
            return rename(self, target)
        Path.rename = killed
        with files.replacing_folder(path) as new:
            (new / "new").touch()
    """
    path = tmp_path / "bundle"
    for mend in (recover, check_place, open_bundle, replace_folder):
        shutil.rmtree(path, ignore_errors=True)
        shutil.copytree(TEXTS, path)
        Child(program, path).kill()
        assert not path.exists()
        mend(path)
        assert [p.name for p in tmp_path.iterdir()] == ["bundle"]
        assert content(path) == ({"new": b"new"} if mend is replace_folder else content(TEXTS))


@pytest.mark.parametrize("exchanged", [True, False])
def test_several_at_the_same_time(
    tmp_path: Path, exchanged: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last to end stands, whole; none fails, and none leaves anything."""
    if not exchanged:
        monkeypatch.setattr(files, "_exchange", no_exchange)
    monkeypatch.setattr(files, "_to_disk", lambda path: None)
    path, errors = tmp_path / "bundle", list[BaseException]()

    def work(number: int) -> None:
        try:
            for turn in range(15):
                with replacing_folder(path) as new:
                    for name in range(FILES):
                        (new / str(name)).write_text(f"{number} {turn}")
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert len({p.read_text() for p in path.iterdir()}) == 1
    assert len([*path.iterdir()]) == FILES
    assert [p.name for p in tmp_path.iterdir()] == ["bundle"]


# --- boards and phones ----------------------------------------------------------------------------


def far_side_in(folder: Path) -> tuple[subprocess.Popen[str], Path]:
    """What runs on a board, and its folder."""
    program = Path(far_side.__file__).read_text("utf-8") + "\nmain('t')\n"
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps({"folder": str(folder), "modules": []}) + "\n")
    process.stdin.flush()
    return process, Path(json.loads(process.stdout.readline().removeprefix("@t "))["folder"])


def test_the_next_run_on_a_board_removes_what_a_killed_one_left(tmp_path: Path) -> None:
    """And nothing of one that still runs, nor of others."""
    (tmp_path / "lstm-edge-mine").mkdir()
    killed, left = far_side_in(tmp_path)
    running, kept = far_side_in(tmp_path)
    killed.kill()
    killed.communicate()
    assert left.is_dir()
    following, own = far_side_in(tmp_path)
    assert not left.exists()
    assert kept.is_dir()
    for process in (running, following):
        said, _ = process.communicate()
        assert '"removed"' in said
    assert [p.name for p in tmp_path.iterdir()] == ["lstm-edge-mine"]
    assert own.name.startswith("lstm-edge-far_")


def test_the_next_run_on_a_phone_removes_what_a_killed_one_left(tmp_path: Path) -> None:
    """Its shell judges by the process of the script and by when something was copied last."""
    for name, minutes, pid in (
        ("killed", 60, None),
        ("killed while it measured", 60, 1 << 30),
        ("copies", 5, None),
        ("measures", 60, os.getpid()),
    ):
        folder = tmp_path / f"lstm-edge-{name}"
        folder.mkdir()
        (folder / "variant0.tflite").touch()
        if pid is not None:
            (folder / "pid").write_text(f"{pid}\n")
        then = time.time() - 60 * minutes
        for path in (*folder.iterdir(), folder):
            os.utime(path, (then, then))
    (tmp_path / "of another").mkdir()
    script = adb._TIDY.replace(adb.PLACE, str(tmp_path))
    subprocess.run(["sh", "-c", script], check=True)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "lstm-edge-copies",
        "lstm-edge-measures",
        "of another",
    ]
