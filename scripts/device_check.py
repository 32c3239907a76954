"""In a new environment with one runtime and no TensorFlow: install, predict, verify, bench and report.

Makes a bundle with the environment it runs in, then one virtual environment for each runtime's extra.
usage: python scripts/device_check.py [--python PYTHON]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from export import export_bundle
from lstm_edge.base import files

ROOT = Path(__file__).parent.parent
EXTRAS = {
    "onnx": "onnx-int8-dynamic",
    "tflite": "tflite-int8-dynamic",
    "mediapipe": "tflite-int8-dynamic-mediapipe",
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


def check(extra: str, variant: str, bundle: Path, python: str, folder: Path) -> None:
    run(python, "-m", "venv", folder)
    pip = folder / "bin" / "python"
    constraints = ROOT / "constraints.txt"
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
    run(command, "verify", bundle, "--json", folder / "parity.json")
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
        f"{extra}: {label}; {line!r}; predict took {statistics.median(seconds):.2f} s (median of 3)"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", default=sys.executable)
    python = parser.parse_args().python
    with tempfile.TemporaryDirectory() as work:
        bundle = Path(work) / "bundle"
        runtimes = ["onnxruntime", "litert", "mediapipe"]
        export_bundle(files.shipped(), bundle, runtimes=runtimes)
        for extra, variant in EXTRAS.items():
            check(extra, variant, bundle, python, Path(work) / extra)


if __name__ == "__main__":
    main()
