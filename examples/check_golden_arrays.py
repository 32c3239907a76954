"""Does a bundle that takes arrays answer here as Keras did? NumPy and one runtime, no lstm-edge.

usage: python check_golden_arrays.py BUNDLE [VARIANT ...]

Runs the variants (all that the installed runtimes take, where none is named) on the inputs in golden.npz
and holds their outputs against Keras's there, as docs/bundle.md says. Streams are fed step by step.
Exit code 0: all within their tolerance; 1: not; 2: not checked.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Json = dict[str, Any]
Arrays = dict[str, Any]
SCHEMA = 4  # newer bundles may mean something else


def read_golden(path: Path) -> tuple[list[tuple[list[str], Arrays, Arrays]], Arrays, Arrays]:
    """Groups of examples of the same shapes: what each is a case of, inputs, Keras's outputs.

    And by output its scale and the least difference that it tells, empty in older files.
    """
    with np.load(path, allow_pickle=False) as file:
        content = dict(file)

    def named(prefix: str) -> Arrays:
        return {k.removeprefix(prefix): v for k, v in content.items() if k.startswith(prefix)}

    count = sum(key.endswith("/case") for key in content)
    groups = [
        (content[f"{n}/case"].tolist(), named(f"{n}/in/"), named(f"{n}/out/")) for n in range(count)
    ]
    return groups, named("0/scale/"), named("0/least/")


def load(path: Path, variant: Json) -> Callable[[Arrays], Arrays]:
    """The file as a function: arrays by name in, arrays by name out."""
    if variant["format"] == "onnx":
        import onnxruntime

        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        names = [one["name"] for one in variant["outputs"]]
        return lambda arrays: dict(zip(names, session.run(names, arrays), strict=True))
    from ai_edge_litert.interpreter import Interpreter

    run = Interpreter(str(path)).get_signature_runner()
    return lambda arrays: run(**arrays)


def run(call: Callable[[Arrays], Arrays], signature: Json, inputs: Arrays) -> Arrays:
    """Outputs of one call of a file, or of a stream's calls from its first step to its last."""
    states, size = signature["states"], signature["chunk"] or 1
    if not states:
        return call(inputs)
    timed = [
        i["name"] for i in signature["inputs"] if len(i["shape"]) > 1 and i["shape"][1] is None
    ]
    count, steps = inputs[timed[0]].shape[:2]
    fed = {s["name"]: np.zeros((count, *s["shape"][1:]), np.float32) for s in states}
    calls = []
    for begin in range(0, steps, size):
        piece = {k: v[:, begin : begin + size] if k in timed else v for k, v in inputs.items()}
        calls.append(call({**piece, **fed}))
        fed = {state["name"]: calls[-1][state["output"]] for state in states}
    rows = {o["name"]: [call[o["name"]] for call in calls] for o in signature["outputs"]}
    return {
        one["name"]: np.concatenate(rows[one["name"]], 1) if one["timed"] else rows[one["name"]][-1]
        for one in signature["outputs"]
    }


def scale_of(name: str, golden: Any, limit: float) -> Any:
    """What differences are shares of, for each column; in older files Keras's greatest number."""
    groups, scales, least = golden
    tiny = np.finfo(np.float32).tiny
    if name in scales:
        return np.maximum(np.maximum(scales[name], np.float64(least[name]) / limit), tiny)
    return max(tiny, *(np.abs(out[name]).max() for _, _, out in groups))


def decided(activation: str, values: Any) -> Any:
    """The labels in an output's numbers, and how far each is from another."""
    if activation == "sigmoid":
        return values > 0.5, np.abs(np.float64(values) - 0.5)
    ordered = np.sort(np.float64(values), -1)[..., -2:]
    return values.argmax(-1), (ordered[..., -1] - ordered[..., 0]) / 2


def check(call: Callable[[Arrays], Arrays], variant: Json, manifest: Json, golden: Any) -> Any:
    """What was measured, and a sentence for each way in which it is wrong."""
    signature, limits, failures = manifest["signature"], variant["tolerance"], list[str]()
    most, most_mean, rate = limits["max_abs"], limits.get("mean_abs"), limits["flip_rate"]
    limit = next((x for x in (most, most_mean) if x is not None), 1e-5)
    scales = {one["name"]: scale_of(one["name"], golden, limit) for one in signature["outputs"]}
    own = {one["name"]: one["share"] for one in manifest.get("own_rounding", [])}
    every: dict[str, list[Any]] = {name: [] for name in scales}
    kinds: dict[str, list[float]] = {}
    decisions = flips = 0
    for cases, inputs, outputs in golden[0]:
        size = variant["batch"] or len(cases)
        for begin in range(0, len(cases), size):  # a last call is filled up with its last example
            rows = np.minimum(np.arange(begin, begin + size), len(cases) - 1)
            found = run(call, signature, {name: array[rows] for name, array in inputs.items()})
            for row in range(begin, min(begin + size, len(cases))):
                for name, keras in outputs.items():
                    if found[name][row - begin].shape != keras[row].shape:
                        raise ValueError(f"{name} is {found[name].shape}, Keras's {keras.shape}")
                    off = np.abs(np.float64(found[name][row - begin]) - keras[row]) / scales[name]
                    every[name].append(np.where(np.isfinite(off), off, np.inf).ravel())
                kinds.setdefault(cases[row], []).append(max(o[-1].mean() for o in every.values()))
                # nobody decides on drawn inputs, nor where Keras's own rounding does
                near = limits["flip_margin"] if cases[row] == "as given" else limit
                if most is not None and max(o[-1].max() for o in every.values()) > most:
                    near = max(near, *own.values(), 0)
                for one in signature["outputs"]:
                    if one["activation"] in ("softmax", "sigmoid"):
                        name, kind = one["name"], one["activation"]
                        label, margin = decided(kind, outputs[name][row])
                        flipped = decided(kind, found[name][row - begin])[0] != label
                        decisions += np.size(label)
                        flips += np.sum(flipped & (margin > near))
    off = {name: np.concatenate(rows) for name, rows in every.items()}
    worst, mean = max(o.max() for o in off.values()), max(o.mean() for o in off.values())
    for name, shares in off.items():
        if most is not None and shares.max() > (allowed := max(most, own.get(name, 0))):
            failures.append(f"{name}: max relative Δ {shares.max():.2g} is above {allowed:g}")
    if most_mean is not None and mean > most_mean:
        failures.append(f"mean relative Δ {mean:.2g} is above {most_mean:g}")
    for kind, means in kinds.items():
        if most_mean is not None and np.mean(means) > most_mean:
            failures.append(f"{kind}: mean relative Δ {np.mean(means):.2g} is above {most_mean:g}")
    if rate is not None and flips > (max(1, int(rate * decisions + 1e-9)) if rate else 0):
        failures.append(f"{flips} of {decisions} labels flip, more than {rate:.2%}")
    count = sum(len(cases) for cases, _, _ in golden[0])
    return f", {count} examples, max relative Δ {worst:.2g}", failures


def main(folder: str, *names: str) -> int:
    bundle = Path(folder)
    manifest = json.loads((bundle / "manifest.json").read_text("utf-8"))
    if manifest["schema"] > SCHEMA or manifest.get("kind") != "tensors":
        raise ValueError(f"{bundle} takes no arrays or has a schema above {SCHEMA}")
    golden = read_golden(bundle / "golden.npz")
    variants = {variant["name"]: variant for variant in manifest["variants"]}
    if unknown := set(names) - set(variants):
        raise ValueError(f"no variant {', '.join(unknown)}; there are {', '.join(variants)}")
    ok, checked = True, 0
    for name in names or variants:
        path, variant = bundle / variants[name]["file"], variants[name]
        said, failures = "", list[str]()
        try:
            if hashlib.sha256(path.read_bytes()).hexdigest() != variant["sha256"]:
                raise ValueError("it is not the file that was exported (its hash differs)")
            said, failures = check(load(path, variant), variant, manifest, golden)
        except ImportError as error:
            print(f"{name}: not checked ({error})")
            continue
        except Exception as error:  # the runtimes raise every kind
            failures = [str(error)]
        ok, checked = ok and not failures, checked + 1
        print(f"{name}: {'WRONG' if failures else 'ok'}{said}", *failures, sep="\n  ")
    return 2 if checked < (len(names) or 1) else 0 if ok else 1


if __name__ == "__main__":
    if len(sys.argv) < 2:
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    try:
        sys.exit(main(*sys.argv[1:]))
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        sys.exit(2)
