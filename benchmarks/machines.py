"""Golden vectors on ARM processors that are emulated, and in a bare system; no time is measured.

Debian's Python for arm64 is unpacked into ``.machines`` with the aarch64 wheels of NumPy and both
runtimes, and run by qemu (10: 7.2 crashes in them) as processors without dot products, with them, and
with products of int8 matrices. The bare system is Debian's Python for this machine's own
processor, and nothing more.

usage: python -m benchmarks.machines [--json FILE]; make machines
"""

from __future__ import annotations

import argparse
import datetime
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from benchmarks import debian
from export import export_bundle
from lstm_edge.base import files, machine
from lstm_edge.base.extras import require
from lstm_edge.base.files import read_json, write_json
from lstm_edge.cli.console import chatter_to
from lstm_edge.errors import InputError
from lstm_edge.report.tables import OK, OUTSIDE, Table, to_terminal
from lstm_edge.report.wording import date, difference

ROOT = Path(__file__).parent.parent
RESULT = Path(__file__).parent / "results" / "machines.json"
CACHE = ROOT / ".machines"
# what they say of themselves, of FEATURES: dot products, and products of int8 matrices
PROCESSORS: dict[str, set[str]] = {
    "cortex-a53": set(),
    "cortex-a76": {"asimddp"},
    "max": {"asimddp", "i8mm"},
}
# LiteRT's CompiledModel dies without dot products, on cortex-a72 and a64fx too; its Interpreter does not
KNOWN = {"cortex-a53": {"*-litert-js": "ended by SIGILL"}}
FEATURES = {"asimddp", "i8mm"}
WORDS = {
    "cortex-a53": "without dot products",
    "cortex-a76": "with dot products",
    "max": "with dot products and products of int8 matrices",
}
BARE = "bare system"
# by Debian's names: how wheels call the processor
WHEELS = {"arm64": "aarch64", "amd64": "x86_64"}
TAGS = ("manylinux_2_28", "manylinux_2_27", "manylinux_2_17", "manylinux2014")
PACKAGES = ("numpy", "onnxruntime", "ai-edge-litert")
# where somebody may want to run it, and wheels have to be there first
ASKED_FOR = {
    "armv7": ("manylinux_2_31_armv7l", "manylinux_2_28_armv7l", "manylinux2014_armv7l"),
    "musl, x86_64": ("musllinux_1_2_x86_64", "musllinux_1_1_x86_64"),
    "musl, aarch64": ("musllinux_1_2_aarch64", "musllinux_1_1_aarch64"),
}
# golden texts: of the shipped model, whose reviews are long for an emulator; of the bundle with a file
# for every use
TEXTS, SHORT_TEXTS = 2, 8


def pip_options(tags: Sequence[str], version: str) -> list[str]:
    """What makes pip look for another machine's wheels."""
    platforms = [f"--platform={tag}" for tag in tags]
    return ["--only-binary=:all:", *platforms, f"--python-version={version}", "--implementation=cp"]


def pinned() -> list[str]:
    """The tested releases of what a device needs, as pip takes them."""
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    return [line for line in lines if line.partition("==")[0] in PACKAGES]


def install(folder: Path, architecture: str, version: str) -> Path:
    """The wheels of the tested set for another machine."""
    if folder.exists():
        return folder
    tags = [f"{tag}_{WHEELS[architecture]}" for tag in TAGS]
    packages = [*pinned(), "-c", str(ROOT / "constraints.txt")]
    part = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    done = pip("install", "--target", str(part), *pip_options(tags, version), *packages)
    if done.returncode:
        raise InputError(f"no wheels for {architecture}: {done.stderr.strip().splitlines()[-1]}")
    part.replace(folder)
    return folder


def pip(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pip", "--quiet", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def wheel_there(requirement: str, tags: Sequence[str], version: str, work: Path) -> bool:
    """Whether the index has a wheel of this release for such machines.

    Raises:
        InputError: the index cannot be asked.
    """
    options = pip_options(tags, version)
    done = pip("download", "--no-deps", "--dest", str(work), *options, requirement)
    if done.returncode and "No matching distribution" not in done.stderr:
        raise InputError(
            f"pip cannot be asked for {requirement}: {done.stderr.strip().splitlines()[-1]}"
        )
    return not done.returncode


def export_bundles(work: Path) -> list[str]:
    """Bundles of every kind, as :mod:`benchmarks.golden_vectors` takes them."""
    export_bundle(files.shipped(), work / "imdb")
    keras = require("keras", "making models")
    keras.utils.set_random_seed(0)
    for name, steps in (("arrays", 9), ("stream", None)):
        series, short = keras.Input((steps, 5), name="series"), keras.Input((3,), name="short")
        # large enough for int8: small matrices stay float32
        tags = keras.layers.LSTM(32, return_sequences=True, name="tags")(series)
        last = keras.layers.Concatenate()([keras.layers.GRU(24)(tags), short])
        group = keras.layers.Dense(3, activation="softmax", name="group")(last)
        model = keras.Model([series, short], [tags, group])
        export_bundle(model, work / name, streaming=steps is None)
    shutil.copytree(ROOT / "tests" / "bundles" / "texts-everything", work / "texts-everything")
    return [f"imdb:{TEXTS}", f"texts-everything:{SHORT_TEXTS}", "arrays", "stream"]


class System:
    """Debian's Python for an architecture, with the wheels of the tested set."""

    def __init__(self, cache: Path, architecture: str) -> None:
        self.root = debian.unpack(cache / architecture, debian.PYTHON, architecture)
        (self.python,) = (
            p for p in (self.root / "usr" / "bin").glob("python3.*") if "-" not in p.name
        )
        self.version = self.python.name.removeprefix("python")
        pins = "-".join(pin.replace("==", "-") for pin in pinned())
        self.wheels = install(self.root / f"wheels-{pins}", architecture, self.version)

    def emulated(self, emulator: Path, processor: str, work: Path) -> Place:
        command = [emulator, "-cpu", processor, "-L", self.root, self.python]
        return Place([str(part) for part in command], work, str(work), str(self.wheels))

    def bare(self, work: Path) -> Place:
        """Python with this system as all that there is; ``work`` is copied into it."""
        inside = self.root / "work"
        shutil.rmtree(inside, ignore_errors=True)
        shutil.copytree(work, inside)
        # every container has /proc; this is what LiteRT's CompiledModel does not go without
        (self.root / "proc").mkdir(exist_ok=True)
        (self.root / "proc" / "cpuinfo").write_bytes(Path("/proc/cpuinfo").read_bytes())
        user = [] if os.geteuid() == 0 else ["unshare", "--map-root-user"]
        command = [*user, "chroot", str(self.root), f"/usr/bin/{self.python.name}"]
        return Place(command, inside, "/work", f"/{self.wheels.name}")


@dataclass(frozen=True)
class Place:
    """What starts a Python, its folder, and what that and the wheels are called there."""

    python: list[str]
    work: Path
    work_there: str
    wheels_there: str

    def golden_vectors(self, name: str, bundle: str) -> dict[str, Any]:
        """What :mod:`benchmarks.golden_vectors` says of a bundle.

        Raises:
            InputError: it did not end well: with its last words, or the signal.
        """
        result = f"{name}-{bundle.partition(':')[0]}.json".replace(" ", "-")
        paths = [f"{self.work_there}/{file}" for file in (result, bundle)]
        environment = {  # no locale, nothing of ours
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "PYTHONPATH": f"{self.work_there}:{self.wheels_there}",
        }
        while True:
            done = subprocess.run(
                [*self.python, "-m", "benchmarks.golden_vectors", *paths],
                capture_output=True,
                text=True,
                check=False,
                env=environment,
            )
            found: dict[str, Any] = {"running": None}
            if (self.work / result).exists():
                found = read_json(self.work / result, "result")
            if not done.returncode:
                return found
            if done.returncode > 0 or not found["running"]:
                said = [line for line in done.stderr.splitlines() if "Error" in line]
                last = said[-1] if said else done.stderr[-200:].strip()
                raise InputError(f"{bundle} on {name} ended with code {done.returncode}: {last}")
            # a runtime was ended by the processor; the others are still to come
            ended = f"ended by {signal.Signals(-done.returncode).name}"
            found["rows"].append({**found["running"], "ok": False, "failures": [ended]})
            write_json(self.work / result, {**found, "running": None})


def joined(parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One system's results of all bundles."""
    return {
        **parts[0],
        "rows": [row for part in parts for row in part["rows"]],
        "left_out": {name: why for part in parts for name, why in part["left_out"].items()},
    }


def measure(cache: Path, work: Path) -> dict[str, Any]:
    """Every bundle on every processor, as many at a time as this machine has cores."""
    own = debian.own_architecture()
    qemu = debian.unpack(cache / "qemu", ["qemu-user"], own, backports=True)
    emulator = qemu / "usr" / "bin" / "qemu-aarch64"
    systems = {architecture: System(cache, architecture) for architecture in ("arm64", own)}
    with chatter_to(work / "log.txt"):
        bundles = export_bundles(work)
    for package in ("lstm_edge", "benchmarks"):
        shutil.copytree(
            ROOT / package, work / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    arm = systems["arm64"]
    places = {name: arm.emulated(emulator, name, work) for name in PROCESSORS}
    places[BARE] = systems[own].bare(work)
    jobs = [(name, bundle) for bundle in bundles for name in places]
    with ThreadPoolExecutor(machine.cores() or 1) as pool:
        parts = list(pool.map(lambda job: places[job[0]].golden_vectors(*job), jobs))
    version = subprocess.run([emulator, "--version"], capture_output=True, text=True, check=True)
    return {
        "emulator": " ".join(version.stdout.split()[:3]),
        "measured_at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "systems": {
            name: joined([part for part, job in zip(parts, jobs, strict=True) if job[0] == name])
            for name in places
        },
        "wheels": {
            where: {pin: wheel_there(pin, tags, arm.version, work / "wheels") for pin in pinned()}
            for where, tags in ASKED_FOR.items()
        },
    }


def problems(result: dict[str, Any]) -> list[str]:
    """What is outside its tolerance, a processor that is not what its name says, what was left out."""
    found = []
    for name, system in result["systems"].items():
        for row in system["rows"]:
            known = [why for p, why in KNOWN.get(name, {}).items() if fnmatch(row["variant"], p)]
            if row["failures"] != known:
                says = "; ".join(row["failures"]) or f"no longer {known[0]}"
                found.append(f"{row['bundle']} {row['variant']} on {name}: {says}")
    for name, needs in PROCESSORS.items():
        has = {*result["systems"][name]["features"]} & FEATURES
        if has != needs:
            found.append(f"{name} has {sorted(has)}, not {sorted(needs)}: another emulator?")
    names = [[(r["bundle"], r["variant"]) for r in s["rows"]] for s in result["systems"].values()]
    if any(other != names[0] for other in names):
        found.append("not every system ran the same variants")
    return found


def table(result: dict[str, Any]) -> Table:
    """Variants down, systems across: the greatest difference, and labels that differ."""
    systems = result["systems"]
    rows = []
    for same in zip(*(system["rows"] for system in systems.values()), strict=True):
        first, ran = same[-1], [row for row in same if "max_abs" in row]
        flips = sum(row["flips"] or 0 for row in ran)
        verdict = OK if all(row["ok"] for row in ran) else OUTSIDE
        verdict += "" if len(ran) == len(same) else " where it runs"
        cells = (
            difference(row["max_abs"]) if row in ran else "; ".join(row["failures"]) for row in same
        )
        rows.append(
            (first["bundle"], first["variant"], f"{first['examples']}", *cells, f"{flips}", verdict)
        )
    notes = [
        f"max |Δ| from Keras's answers, as verify has it; flips: of all; {date(result['measured_at'])}; "
        "no time was measured",
        f"emulated by {result['emulator']}: "
        + "; ".join(f"{name}, {wording}" for name, wording in WORDS.items()),
        f"{BARE}: Debian's Python and the wheels, and nothing else, on the machine's own processor",
        *(
            f"Python {system['machine']['python']} on {system['machine']['system']}: "
            + ", ".join(f"{k} {v}" for k, v in system["machine"]["versions"].items())
            for system in (systems["max"], systems[BARE])
        ),
        *(
            f"not run: {name}: {why.partition(':')[0]}"
            for name, why in systems["max"]["left_out"].items()
        ),
    ]
    for where, wheels in result["wheels"].items():
        missing = [pin.replace("==", " ") for pin, there in wheels.items() if not there]
        says = f"no wheel of {' and '.join(missing)}" if missing else "wheels of all"
        notes.append(f"{where}: {says}")
    columns = ("bundle", "variant", "n", *systems, "flips", "verdict")
    return Table("Other machines", columns, tuple(rows), tuple(notes))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", type=Path, default=RESULT)
    args = parser.parse_args()
    try:
        CACHE.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory() as work:
            result = measure(CACHE, Path(work))
    except InputError as error:
        print(f"machines: {error}", file=sys.stderr)
        sys.exit(2)
    write_json(args.json, result)
    print(to_terminal(table(result)))
    if found := problems(result):
        sys.exit("\n".join(found))


if __name__ == "__main__":
    main()
