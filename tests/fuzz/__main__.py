"""``python -m tests.fuzz``: five minutes over all readers, guided by coverage (``pip install atheris``).

Each reader has a process of its own, in which ``atheris`` (libFuzzer for Python) chooses what to go on
from; how an input is changed is ours. What is found is made small, and lies in the folder ``--out``, with
its traceback: mend the reader, and put the input into ``tests/fuzz/corpus/READER``.
"""

from __future__ import annotations

import argparse
import fcntl
import importlib
import json
import mmap
import os
import pkgutil
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from random import Random
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is first loaded
ROOT = Path(__file__).resolve().parents[2]
HANGS = 60.0
"""Seconds without an execution after which a process is ended: it waits, or runs without Python."""


def _instrumented() -> None:
    """Import what is tested, so that atheris sees which ways are taken in it."""
    import atheris

    with atheris.instrument_imports(include=["lstm_edge"]):
        import lstm_edge

        for module in pkgutil.walk_packages(lstm_edge.__path__, "lstm_edge."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)


class _Shared:
    """What a process says of itself while it runs: executions, and the input in hand."""

    def __init__(self) -> None:
        self._map = mmap.mmap(-1, 4 << 20)

    def begin(self, data: bytes) -> None:
        (count,) = struct.unpack_from("<Q", self._map)
        struct.pack_into("<QQ", self._map, 0, count + 1, len(data))
        self._map[16 : 16 + len(data)] = data

    @property
    def count(self) -> int:
        return int(struct.unpack_from("<Q", self._map)[0])

    @property
    def data(self) -> bytes:
        (size,) = struct.unpack_from("<Q", self._map, 8)
        return self._map[16 : 16 + size]


class _Kept:
    """The findings of one reader: the first, and then the smallest, input of each key."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._sizes: dict[str, int] = {}

    def add(self, key: str, detail: str, data: bytes) -> None:
        if len(data) >= self._sizes.get(key, 1 << 62):
            return
        self._sizes[key] = len(data)
        name = "".join(c if c.isalnum() or c in ".-" else "_" for c in key)[-100:]
        (self.folder / name).write_bytes(data)
        (self.folder / f"{name}.txt").write_text(f"{key}\n\n{detail}", "utf-8", "replace")


def _child(name: str, seconds: float, runs: int, seed: int, kept: Path, shared: _Shared) -> None:
    """Fuzz one reader; never returns."""
    import atheris

    from tests.fuzz.judge import judge, watched
    from tests.fuzz.readers import READERS
    from tests.fuzz.replies import quiet

    reader = READERS[name]
    work = Path(tempfile.mkdtemp(prefix=f"fuzz-{name}-", dir="/dev/shm"))
    tempfile.tempdir = str(work / "tmp")
    (work / "tmp").mkdir()
    reader.ready(work)
    findings = _Kept(kept / name)
    seeds = work / "seeds"
    seeds.mkdir()
    for i, data in enumerate(reader.seeds(name)):
        (seeds / f"{i:04}").write_bytes(data)
        judge(reader.read, work, data)  # what is imported when it is first needed

    def one(data: bytes) -> None:
        shared.begin(data)
        found = judge(reader.read, work, data)
        if found is not None:
            findings.add(found.key, found.detail, data)

    def mutated(data: bytes, most: int, seed: int) -> bytes:
        return reader.mutate(data, Random(seed))[:most]

    os.chdir(work)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    log = os.open(kept / name / "log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(nowhere, 1)
    os.dup2(log, 2)
    options = [f"-seed={seed}", f"-max_total_time={max(1, int(seconds))}", "-max_len=131072"]
    options += [f"-runs={runs}"] * (runs > 0) + [
        "-timeout=300",
        "-rss_limit_mb=0",
        "-detect_leaks=0",
    ]
    atheris.Setup(["fuzz", *options, str(seeds)], one, custom_mutator=mutated)
    with watched(work), quiet():
        atheris.Fuzz()
    os._exit(0)


def _run(name: str, seconds: float, runs: int, seed: int, kept: Path) -> tuple[int, str]:
    """Executions of a reader, and how its process ended where it did not by itself."""
    shutil.rmtree(kept / name, ignore_errors=True)
    (kept / name).mkdir(parents=True)
    shared, why = _Shared(), ""
    child = os.fork()
    if child == 0:
        try:
            os.setpgid(0, 0)
            _child(name, seconds, runs, seed, kept, shared)
        except BaseException:
            (kept / name / "failed").write_text(traceback.format_exc())
        finally:
            os._exit(70)
    count, silent = 0, 0.0  # looks and not the clock: both processes may be paused meanwhile
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            break
        if shared.count != count:
            count, silent = shared.count, 0.0
        elif silent > HANGS:
            why = f"hang: {HANGS:.0f} s in one input"
            os.kill(child, signal.SIGKILL)
            silent = 0.0
        time.sleep(0.05)
        silent += 0.05
    code = os.waitstatus_to_exitcode(status)
    if code and not why:
        why = f"ended with {code}: see {kept / name}"
    if why:
        _Kept(kept / name).add(why.split(":")[0], why, shared.data)
    _forked(lambda: _made_small(name, kept))
    for left in Path("/dev/shm").glob(f"fuzz-{name}-*"):
        shutil.rmtree(left, ignore_errors=True)
    return shared.count, why


def _forked(do: Callable[[], None]) -> None:
    """Run something in a process of its own, for as long as it likes."""
    if (child := os.fork()) == 0:
        try:
            do()
        finally:
            os._exit(0)
    os.waitpid(child, 0)


def _made_small(name: str, kept: Path) -> None:
    from tests.fuzz.judge import judge, watched
    from tests.fuzz.readers import READERS
    from tests.fuzz.replies import quiet
    from tests.fuzz.small import smaller

    reader = READERS[name]
    for stem, key in _findings(kept, name).items():
        if not key.startswith(("slow", "hang", "ended")):
            work = Path(tempfile.mkdtemp(prefix=f"fuzz-{name}-", dir="/dev/shm"))
            reader.ready(work)

            def same(data: bytes, key: str = key, work: Path = work) -> bool:
                found = judge(reader.read, work, data)
                return found is not None and found.key == key

            data = (kept / name / stem).read_bytes()
            with watched(work), quiet():
                data = smaller(data, same) if same(data) else data
            (kept / name / stem).write_bytes(data)


def _findings(kept: Path, name: str) -> dict[str, str]:
    """By the name of its input, what is found."""
    notes = sorted((kept / name).glob("*.txt"))
    return {note.stem: note.read_text("utf-8").partition("\n")[0] for note in notes}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("readers", nargs="*", help="names; all without")
    parser.add_argument("--seconds", type=float, default=300, help="of all readers together")
    parser.add_argument(
        "--times", type=float, help="so many times each reader's count, not by time"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--light", action="store_true", help="none that needs TensorFlow")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "fuzz")
    parser.add_argument("--json", type=Path, help="add what was run to the result file")
    given = parser.parse_args()
    _instrumented()
    from tests.fuzz.readers import READERS

    if unknown := [name for name in given.readers if name not in READERS]:
        parser.error(f"no reader {unknown[0]}; there are {', '.join(READERS)}")
    names = [n for n in given.readers or READERS if not (given.light and READERS[n].heavy)]
    names.sort(key=lambda name: READERS[name].heavy)
    rows, found = {}, 0
    for name in names:
        began = time.monotonic()
        runs = int(READERS[name].each * given.times) if given.times else 0
        seconds = 3600.0 if given.times else given.seconds / len(names)
        count, why = _run(name, seconds, runs, given.seed, given.out)
        took = time.monotonic() - began
        some = _findings(given.out, name)
        found += len(some)
        rows[name] = {"executions": count, "seconds": round(took, 1), "open": sorted(some.values())}
        print(f"{name:22}{count:>11,} in {took:6.1f} s  {len(some)} found {why}", flush=True)
        for key in some.values():
            print(f"    {key}", flush=True)
        if given.json:
            _merge(given.json, {name: rows[name]})
    print(
        f"{sum(row['executions'] for row in rows.values()):,} executions; {found} found; see {given.out}"
    )
    return 1 if found else 0


def _merge(path: Path, rows: dict[str, Any]) -> None:
    """Add executions to those of earlier runs; what is open is what the last run saw."""
    from lstm_edge.base.files import write_json
    from lstm_edge.base.machine import describe

    lock = (Path(tempfile.gettempdir()) / "lstm-edge-fuzz.lock").open(
        "w"
    )  # two commands may run at once
    fcntl.flock(lock, fcntl.LOCK_EX)
    value = json.loads(path.read_text("utf-8")) if path.exists() else {"readers": {}}
    readers = value["readers"]
    for name, row in rows.items():
        old = readers.get(name, {"executions": 0, "seconds": 0.0})
        readers[name] = {
            **old,
            "executions": old["executions"] + row["executions"],
            "seconds": round(old["seconds"] + row["seconds"], 1),
            "open": row["open"],
        }
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    value |= {
        "executions": sum(row["executions"] for row in readers.values()),
        "commit": commit.stdout.strip() or None,
        "atheris": version("atheris"),
        "machine": describe(["numpy", "h5py", "onnx"]),
        "readers": dict(sorted(readers.items())),
    }
    write_json(path, value)


if __name__ == "__main__":
    sys.exit(main())
