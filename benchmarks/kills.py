"""Kill commands that write, at any moment, and look at what is there: old, new or absent, and never half.

    python -m benchmarks.kills                      # 200 kills, a quarter of an hour
    python -m benchmarks.kills --command export --kills 20

Half of the moments are drawn over the length of a whole run, half lie around a replacing step, which is
waited for by watching the folder. A kill is SIGKILL to the whole process group, SIGKILL to the process
that was started alone (children may go on, and are waited for), or SIGTERM. What it left has to be gone
after the next run. Exits with 1 where anything was otherwise.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import functools
import os
import random
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lstm_edge.base import machine
from lstm_edge.base.files import read_json, sha256, write_json
from lstm_edge.base.temporary import PREFIX
from lstm_edge.bundle.opening import open_bundle
from lstm_edge.errors import LstmEdgeError
from lstm_edge.results.latency import LatencyReport
from lstm_edge.results.parity import ParityRun

RESULT = Path(__file__).parent / "results" / "kills.json"
ROOT = Path(__file__).parent.parent
# of a hundred kills; what trains and exports starts TensorFlow each time
SHARES = {"predict": 25, "verify": 25, "report": 22, "bench": 15, "export": 9, "train": 4}
SIGNALS = ("SIGKILL to the group", "SIGKILL to the parent", "SIGTERM")
WEIGHTS = (5, 3, 2)
PATIENCE = 180.0  # seconds for a run, and for children that go on
EPOCHS = 2
WORDS = "a the film plot cast great fine lovely dull bad loud boring never very not quite".split()


@dataclass(frozen=True)
class Command:
    """What is killed.

    Attributes:
        arguments: of ``lstm-edge``.
        target: the file or folder that it writes.
        old: an earlier one, kept elsewhere; None: the command takes none (it is always absent before).
        check: raises where a target is not whole.
        places: folders in which it replaces something.
        steps: how many replacements it makes.
        following: the next run's arguments; ``arguments`` where it is empty.
    """

    arguments: tuple[str, ...]
    target: Path
    old: Path | None
    check: Callable[[Path], None]
    places: tuple[Path, ...]
    steps: int = 1
    following: tuple[str, ...] = ()


@dataclass
class Tally:
    """What became of one command's kills."""

    run_seconds: float = 0.0
    kills: Counter[str] = field(default_factory=Counter)
    moments: Counter[str] = field(default_factory=Counter)
    before: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    left: int = 0
    left_after_the_next: int = 0
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        return {
            "kills": self.kills.total(),
            "signals": dict(sorted(self.kills.items())),
            "moments": dict(sorted(self.moments.items())),
            "before": dict(sorted(self.before.items())),
            "found": dict(sorted(self.found.items())),
            "left_temporaries": self.left,
            "left_temporaries_after_the_next_run": self.left_after_the_next,
            "run_seconds": round(self.run_seconds, 2),
            "seconds": round(self.seconds, 1),
            "faults": self.faults,
        }


class Workplace:
    """A folder with what the commands read, and where they write."""

    def __init__(self, work: Path) -> None:
        self.work = work
        self.temporary = work / "tmp"
        self.temporary.mkdir()
        self.usual = set[str]()  # what a library leaves there in every whole run, and uses again
        self.token = secrets.token_hex(8)
        self.environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "TMPDIR": str(self.temporary),
            "CUDA_VISIBLE_DEVICES": "-1",
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "LSTM_EDGE_KILLS": self.token,  # its children are known by it
        }

    def start(self, arguments: Sequence[str]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "lstm_edge.cli", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=self.environment,
            cwd=self.work,
            start_new_session=True,
        )

    def run(self, arguments: Sequence[str]) -> float:
        """Run to the end; seconds."""
        began = time.monotonic()
        process = self.start(arguments)
        _, said = process.communicate(timeout=PATIENCE)
        if process.returncode:
            raise RuntimeError(
                f"{' '.join(arguments)} ended with {process.returncode}: "
                f"{said.decode(errors='replace')[-400:]}"
            )
        return time.monotonic() - began

    def temporaries(self) -> list[Path]:
        """Everything that is no target: of ours anywhere, of anybody in the folder of temporary files."""
        ours = [p for p in self.work.rglob("*") if p.name.removeprefix(".").startswith(PREFIX)]
        return [*ours, *(p for p in self.temporary.iterdir() if p.name not in self.usual)]

    def wait_for_children(self) -> None:
        """Until no process of the last run is left."""
        end = time.monotonic() + PATIENCE
        while self._children():
            if time.monotonic() > end:
                raise RuntimeError("a child of a killed run does not end")
            time.sleep(0.02)

    def _children(self) -> bool:
        mark = f"LSTM_EDGE_KILLS={self.token}".encode()
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                # a zombie has no environment any more
                if mark in (process / "environ").read_bytes():
                    return True
        return False


def _copy(source: Path, target: Path) -> None:
    _remove(target)
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copy(source, target)


def _remove(target: Path) -> None:
    if target.is_dir():
        shutil.rmtree(target)
    else:
        target.unlink(missing_ok=True)


# ---- the commands, and when what they write is whole


def _is_whole_bundle(path: Path) -> None:
    open_bundle(path)


def _is_json_of(read: Callable[[Any], Any], path: Path) -> None:
    read(read_json(path, "result"))


def _is_whole_table(lines: int, path: Path) -> None:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    if len(rows) != lines or {len(row) for row in rows} != {3}:
        raise ValueError(f"{len(rows)} rows of {lines}")


def _is_whole_report(like: Path, path: Path) -> None:
    """Every file that is there; one after the other is replaced."""
    for file in path.glob("report.*"):
        text = file.read_text(encoding="utf-8")
        if file.suffix == ".json":
            ParityRun.from_json(read_json(file, "report")["parity"])
        elif file.suffix == ".html" and not text.rstrip().endswith("</html>"):
            raise ValueError(f"{file.name} is cut")
        elif file.suffix == ".md":
            lines = (like / file.name).read_text(encoding="utf-8").count("\n")
            if text.count("\n") != lines:
                raise ValueError(f"{file.name} is cut")


def _is_run(path: Path) -> None:
    """That it goes on is seen in the next run."""
    for file in path.glob("*.json"):
        read_json(file, "run")


def _commands(at: Workplace) -> Iterator[tuple[str, Command]]:
    """Each with an earlier target of its own, made by a first run."""
    rng, work = random.Random(0), at.work
    data, texts = work / "data.csv", work / "texts.csv"
    with data.open("w", encoding="utf-8") as file:
        file.write("text,label\n")
        for number in range(400):
            good = number % 2
            words = rng.choices(WORDS[4:7] if good else WORDS[7:11], k=4) + rng.choices(WORDS, k=8)
            file.write(f"{' '.join(words)},{'pos' if good else 'neg'}\n")
    lines = 2000
    with texts.open("w", encoding="utf-8") as file:
        file.write(
            "text\n" + "".join(f"{' '.join(rng.choices(WORDS, k=12))}\n" for _ in range(lines))
        )

    train = ("train", "--data", str(data), "--length", "16", "--embedding", "8", "--lstm", "8")
    train += ("--epochs", str(EPOCHS), "--out")
    model = work / "model"
    at.run((*train, str(model)))
    begun = work / "kept-run"
    process = at.start((*train, str(begun)))
    while not (begun / "checkpoint" / "state.json").exists() and process.poll() is None:
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    for left in [p for p in begun.rglob("*") if p.name.startswith(f".{PREFIX}")]:
        shutil.rmtree(left)
    run = work / "run"
    places = (run, run / "checkpoint")
    go_on = (*train, str(run), "--resume")
    yield "train", Command(go_on, run, begun, _is_run, places, 8)

    export = ("export", str(model), "--format", "onnx", "--precision")
    old, bundle = work / "kept-bundle", work / "bundle"
    at.run((*export, "float32", "--out", str(old)))
    new = (*export, "int8-dynamic", "--out", str(bundle))
    beside = ("verify", str(old), "--json", str(work / "beside.json"))
    yield "export", Command(new, bundle, old, _is_whole_bundle, (work,), 1, beside)

    for name, options, read in (
        ("verify", (), ParityRun.from_json),
        ("bench", ("--limit", "2", "--rounds", "1"), LatencyReport.from_json),
    ):
        kept, target = work / f"kept-{name}.json", work / f"{name}.json"
        arguments = (name, str(old), *options, "--json")
        at.run((*arguments, str(kept)))
        check = functools.partial(_is_json_of, read)
        yield name, Command((*arguments, str(target)), target, kept, check, (work,))

    kept, target = work / "kept-predict.csv", work / "predict.csv"
    arguments = ("predict", str(old), "--input", str(texts), "--out")
    at.run((*arguments, str(kept)))
    kept.write_text(kept.read_text(encoding="utf-8").replace("0.", "1."), encoding="utf-8")
    check = functools.partial(_is_whole_table, lines + 1)
    yield "predict", Command((*arguments, str(target)), target, kept, check, (work,))

    kept, target = work / "kept-report", work / "report"
    arguments = ("report", str(old), "--out")
    at.run((*arguments, str(kept)))
    for file, this, that in (  # others than a new one, which has the same date
        ("report.html", "<title>", "<title>Old "),
        ("report.md", "# ", "# Old "),
        ("report.json", "{", '{"old": true,'),
    ):
        text = (kept / file).read_text(encoding="utf-8")
        (kept / file).write_text(text.replace(this, that, 1), encoding="utf-8")
    check = functools.partial(_is_whole_report, kept)
    yield "report", Command((*arguments, str(target)), target, kept, check, (target,), 3)


# ---- one kill


def _state(command: Command) -> str:
    """``absent``, ``old``, ``new``, or of a folder that is written file by file ``partly new``.

    Raises:
        Exception: it is half.
    """
    target, old = command.target, command.old
    if not target.exists() or (target.is_dir() and not _names(target)):
        return "absent"
    if old is not None and _content(target) == _content(old):
        return "old"
    command.check(target)
    if "train" in command.arguments:
        return "new" if (target / "metrics.json").exists() else "partly new"
    if "report" in command.arguments and old is not None:
        names = {"report.html", "report.md", "report.json"}
        there = _names(target) & names
        same = [n for n in there if (target / n).read_bytes() == (old / n).read_bytes()]
        return "new" if there == names and not same else "partly new"
    return "new"


def _content(path: Path) -> dict[str, str]:
    """Hashes of its files, but for temporary ones."""
    files = path.rglob("*") if path.is_dir() else [path]
    names = ((p, p.relative_to(path).as_posix()) for p in files if p.is_file())
    return {name: sha256(p) for p, name in names if f".{PREFIX}" not in name}


def _names(folder: Path) -> set[str]:
    with contextlib.suppress(OSError):
        return {p.name for p in folder.iterdir() if not p.name.startswith(f".{PREFIX}")}
    return set()


def _beside(places: Sequence[Path]) -> set[str]:
    """The temporary folders that are there now."""
    found = set[str]()
    for place in places:
        with contextlib.suppress(OSError), os.scandir(place) as entries:
            found |= {e.name for e in entries if e.name.startswith(f".{PREFIX}")}
    return found


def _wait_for_step(command: Command, process: subprocess.Popen[bytes], rng: random.Random) -> None:
    """Until a drawn replacement is about to happen, or has just happened; some moments more."""
    turn, seen = rng.randint(1, command.steps), set[str]()
    event = rng.choice(("begins", "is being written", "has happened"))
    before = _identity(command.target)
    while process.poll() is None:
        if event == "has happened" and command.steps == 1:
            if _identity(command.target) != before:
                break
            continue
        seen |= (now := _beside(command.places))
        if len(seen) >= turn:
            if event == "begins":
                break
            if event == "has happened":
                if not now:
                    break
            elif any(
                _is_written(place / name / "new") for place in command.places for name in seen
            ):
                break
    spins = time.perf_counter() + rng.uniform(0, 0.02 if event == "is being written" else 0.002)
    while time.perf_counter() < spins:
        pass


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns


def _is_written(new: Path) -> bool:
    """Whether the file, or the last of a bundle's, is there."""
    with contextlib.suppress(OSError):
        for path in new.iterdir():
            return (path / "manifest.json").exists() or path.is_file()
    return False


def _kill(at: Workplace, command: Command, tally: Tally, rng: random.Random) -> None:
    """Start it, kill it, look, run it again and look again."""
    with_old = command.old is not None and rng.random() < 0.6
    if command.old is not None and with_old:
        _copy(command.old, command.target)
    else:
        _remove(command.target)
    tally.before["old" if with_old else "absent"] += 1
    sign = rng.choices(SIGNALS, WEIGHTS)[0]
    tally.kills[sign] += 1
    moment = rng.choice(("any", "replacing"))
    tally.moments[moment] += 1
    when = rng.uniform(0, 1.02 * tally.run_seconds)

    arguments = command.arguments
    if arguments[0] == "train" and not with_old:
        arguments = arguments[:-1]  # nothing to resume
    process = at.start(arguments)
    if moment == "any":
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(when)
    else:
        _wait_for_step(command, process, rng)
    if process.poll() is None:
        if sign == SIGNALS[0]:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.send_signal(signal.SIGKILL if sign == SIGNALS[1] else signal.SIGTERM)
    process.communicate(timeout=PATIENCE)
    at.wait_for_children()

    label = f"{arguments[0]}, {sign}, {moment}, {'old' if with_old else 'absent'} before"
    tally.left += bool(at.temporaries())
    try:
        state = _state(command)
    except (LstmEdgeError, ValueError, KeyError, TypeError, OSError) as error:
        state = "half"
        tally.faults.append(f"{label}: {error}")
    if state == "absent" and with_old:
        tally.faults.append(f"{label}: nothing is there any more")
    tally.found[state] += 1
    _next(at, command, tally, label, state)


def _next(at: Workplace, command: Command, tally: Tally, label: str, state: str) -> None:
    arguments = command.following or command.arguments
    if arguments[0] == "train":
        if (command.target / "metrics.json").exists() and not (
            command.target / "checkpoint" / "state.json"
        ).exists():
            arguments = (
                "verify",
                str(at.work / "kept-bundle"),
                "--json",
                str(command.target / "x.json"),
            )
        elif not (command.target / "config.json").exists():
            arguments = arguments[:-1]  # it had not begun
    try:
        at.run(arguments)
        if not command.following:
            assert _state(command) == "new"
    except (RuntimeError, AssertionError, LstmEdgeError, ValueError) as error:
        tally.faults.append(f"{label}, {state}: the next run: {error}")
    if left := at.temporaries():
        tally.left_after_the_next += 1
        tally.faults.append(f"{label}, {state}: left after the next run: {[p.name for p in left]}")
        for path in left:
            _remove(path)


def measure(names: Sequence[str], kills: int, seed: int) -> Iterator[dict[str, Any]]:
    """Kill so often, and say what was found; after each command what is known by then."""
    began = time.monotonic()
    chosen = names or [*SHARES]
    total = sum(SHARES[name] for name in chosen)
    results = {}
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.strip()
    with tempfile.TemporaryDirectory(prefix="kills-") as folder:
        at = Workplace(Path(folder))
        commands = dict(_commands(at))
        done = 0
        for place, name in enumerate(chosen):
            command, tally = commands[name], Tally()
            rng = random.Random(f"{seed} {name}")
            last = place == len(chosen) - 1
            count = kills - done if last else round(kills * SHARES[name] / total)
            done += count
            if command.old is not None and name == "train":
                _copy(command.old, command.target)
            tally.run_seconds = at.run(command.arguments)
            at.usual |= {p.name for p in at.temporary.iterdir() if not p.name.startswith(PREFIX)}
            since = time.monotonic()
            for number in range(count):
                _kill(at, command, tally, rng)
                print(f"\r{name} {number + 1} of {count}", end="", file=sys.stderr, flush=True)
            tally.seconds = time.monotonic() - since
            results[name] = tally.to_json()
            print(f"\n{tally.to_json()}", flush=True)
            yield {
                "schema": 1,
                "kills": done,
                "seed": seed,
                "commit": commit or None,
                "seconds": round(time.monotonic() - began, 1),
                "machine": machine.describe(machine.MEASURED),
                "commands": results,
            }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--command", dest="names", action="append", choices=SHARES, default=[])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, default=RESULT)
    args = parser.parse_args()
    for result in measure(args.names, args.kills, args.seed):
        write_json(args.json, result)
        print(f"Written: {args.json}")
        faults = any(row["faults"] for row in result["commands"].values())
    return faults


if __name__ == "__main__":
    sys.exit(main())
