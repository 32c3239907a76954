"""In a new environment with one runtime and no TensorFlow: install, predict, verify, bench and report.

Makes a bundle with the environment it runs in, then one virtual environment for each runtime's extra.
With --others instead: one with both runtimes in the lowest versions, and one in the tested versions for
each other Python that the package takes; the bundles of tests/ are verified, too.
usage: python scripts/device_check.py [--python PYTHON | --others]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from export import export_bundle
from lstm_edge.base import files

ROOT = Path(__file__).parent.parent
EXTRAS = {
    "onnx": "onnx-int8-dynamic",
    "tflite": "tflite-int8-dynamic",
    "mediapipe": "tflite-int8-dynamic-mediapipe",
}
BOTH = "onnx,tflite"
OTHERS = {
    "the lowest versions": ("3.11", "constraints-lowest.txt"),
    "Python 3.12": ("3.12", "constraints.txt"),
    "Python 3.13": ("3.13", "constraints.txt"),
}
NO_TENSORFLOW = """
import sys
from lstm_edge import load_bundle
answer = load_bundle(sys.argv[1], sys.argv[2]).predict(["a wonderful film"])[0]
loaded = {name.partition(".")[0] for name in sys.modules}
unwanted = {"tensorflow", "keras", "onnx"}
if "mediapipe" not in loaded:  # which draws, too
    unwanted |= {"matplotlib"}
assert not loaded & unwanted, loaded
print(answer.label)
"""


def run(*command: str | Path) -> str:
    # from another folder than the checkout, so that the installed package is what runs
    done = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        check=False,
        cwd=tempfile.gettempdir(),
    )
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


def find_python(version: str) -> str | None:
    """A Python of this version that runs: on the path, or one of pyenv's."""
    there = sorted((Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin/python"))
    for python in (f"python{version}", *map(str, there)):
        try:  # pyenv's own on the path may only say that it is not this one
            done = subprocess.run([python, "-V"], capture_output=True, text=True, check=False)
        except FileNotFoundError:
            continue
        if done.returncode == 0 and done.stdout.startswith(f"Python {version}."):
            return python
    return None


def check(
    extra: str,
    variant: str,
    bundle: Path,
    python: str,
    folder: Path,
    constraints: Path = ROOT / "constraints.txt",
    others: Sequence[Path] = (),
) -> None:
    run(python, "-m", "venv", folder)
    pip = folder / "bin" / "python"
    run(pip, "-m", "pip", "install", "--quiet", "-c", constraints, f"{ROOT}[{extra},report]")
    packages = run(pip, "-m", "pip", "list", "--format=freeze")
    if "tensorflow" in packages.lower():
        sys.exit(f"the extra {extra} installs TensorFlow:\n{packages}")
    label = run(pip, "-c", NO_TENSORFLOW, bundle, variant).strip()
    command = folder / "bin" / "lstm-edge"
    seconds = []
    for _ in range(3):
        began = time.perf_counter()
        line = run(command, "predict", bundle, "a wonderful film", "--variant", variant).strip()
        seconds.append(time.perf_counter() - began)
    # the bundle holds files for other runtimes, too
    for path in (*others, bundle):
        run(command, "verify", path, "--json", folder / "parity.json")
    run(
        command, "bench", bundle, "--limit", "5", "--rounds", "1", "--json", folder / "latency.json"
    )
    run(command, "report", bundle, "--out", folder / "report")
    for file, key in (("parity.json", "reports"), ("latency.json", "timings")):
        result = json.loads((folder / file).read_text("utf-8"))
        names = {entry["variant"] for entry in result[key]}
        if variant not in names or not result["left_out"] or names & {*result["left_out"]}:
            sys.exit(f"{extra}: {file} has {names}, and left out {result['left_out']}")
    print(
        f"{folder.name}: {label}; {line!r}; predict took {statistics.median(seconds):.2f} s (median of 3)"
    )


def check_others(bundle: Path, work: Path) -> None:
    """Every one of :data:`OTHERS` that there is a Python for; the others are named."""
    old = [path.parent for path in sorted((ROOT / "tests" / "bundles").glob("*/manifest.json"))]
    missing = []
    for name, (version, constraints) in OTHERS.items():
        if python := find_python(version):
            check(BOTH, "onnx-int8-dynamic", bundle, python, work / name, ROOT / constraints, old)
        else:
            missing.append(f"{name}: no python{version} on the path or with pyenv")
    if missing:
        print("not run:", *missing, sep="\n")
        sys.exit(2 if len(missing) == len(OTHERS) else 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--others", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        bundle = Path(work) / "bundle"
        runtimes = ["onnxruntime", "litert", "mediapipe"]
        export_bundle(files.shipped(), bundle, runtimes=runtimes)
        if args.others:
            check_others(bundle, Path(work))
            return
        for extra, variant in EXTRAS.items():
            check(extra, variant, bundle, args.python, Path(work) / extra)


if __name__ == "__main__":
    main()
