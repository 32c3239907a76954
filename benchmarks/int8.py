"""One scale for a weight matrix or one for each channel, with VNNI and on an emulated processor without.

ONNX Runtime multiplies uint8 activations by int8 weights. Where the processor has no VNNI, pairs of
products are added in 16 bits and saturate. The emulation (Debian's qemu-user, ``-cpu Haswell-noTSX``)
shows what that does to the answers; its speed says nothing and is not measured.

usage: python -m benchmarks.int8 --data ../shared/data/imdb [--model RUN] [--limit 300] [--json FILE]
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import script
from export import export_bundle
from export.to_onnx import quantise
from lstm_edge.base import machine
from lstm_edge.bundle.opening import open_bundle
from lstm_edge.cli.console import chatter_to
from lstm_edge.inputs import data
from lstm_edge.models import reference, run_folder
from lstm_edge.verify import comparing as parity

RESULT = Path(__file__).parent / "results" / "int8.json"
EMULATOR = ("qemu-x86_64", "-cpu", "Haswell-noTSX")
# Run by itself, in the emulator too: needs NumPy and ONNX Runtime alone.
RUN = """
import sys
import numpy as np, onnxruntime as ort
ids, out = np.load(sys.argv[1]), {}
for path in sys.argv[3:]:
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    rows = [session.run(None, {"ids": ids[str(i)]})[0] for i in range(len(ids.files))]
    out[path.rpartition("/")[2]] = np.concatenate(rows)
np.savez(sys.argv[2], **out)
"""


def answers(prefix: tuple[str, ...], work: Path, files: list[Path]) -> dict[str, Any]:
    """Outputs by file name, from a new process."""
    python = os.path.realpath(sys.executable)  # the emulator takes no link
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    command = [*prefix, python, "-c", RUN, work / "ids.npz", work / "out.npz", *files]
    subprocess.run(
        [str(c) for c in command], check=True, env=environment, stderr=subprocess.DEVNULL
    )
    with np.load(work / "out.npz") as found:
        return {name: found[name] for name in found.files}


def measure(args: argparse.Namespace, work: Path) -> dict[str, Any]:
    with chatter_to(work / "log.txt"):
        export_bundle(args.model, work / "bundle", wanted_formats=["onnx"])
        bundle = open_bundle(work / "bundle")
        examples = data.load(args.data).evaluation().sample(args.limit)
        sequences = examples.encode(bundle.tokenizer(), bundle.settings)
        np.savez(work / "ids.npz", **{str(i): row[None] for i, row in enumerate(sequences)})
        keras = reference.of_ids(
            run_folder.find(args.model).model, max_length=bundle.settings.max_length
        )
        expected = keras.run_sequences(sequences)
        floats = work / "bundle" / bundle.variant("onnx-float32").file
        files = [work / "per-matrix", work / "per-channel"]
        for path in files:
            quantise(floats, path, per_channel=path.name == "per-channel")
        tolerance = bundle.variant("onnx-int8-dynamic").tolerance
        processors: dict[str, tuple[str, ...]] = {"this processor": ()}
        if shutil.which(EMULATOR[0]):
            processors["emulated, AVX2 without VNNI"] = EMULATOR
        reports = [
            {"processor": processor, **parity.compare(name, expected, out, tolerance).to_json()}
            for processor, prefix in processors.items()
            for name, out in answers(prefix, work, files).items()
        ]
    flags = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    return {
        "data": args.data,
        "machine": machine.describe(machine.MEASURED),
        "vnni": "vnni" in flags,
        "reports": reports,
    }


def lines(result: dict[str, Any]) -> str:
    """One for each processor and variant."""
    return "\n".join(
        f"{r['processor']:28}{r['variant']:14}mean |Δp| {r['mean_abs']:.5f}  max {r['max_abs']:.3f}"
        f"  flips {r['flips']} of {r['examples']}"
        for r in result["reports"]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--limit", type=int, default=300)
    script.run(parser, RESULT, measure, lines)


if __name__ == "__main__":
    main()
