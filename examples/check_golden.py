"""Does a bundle answer here as Keras did? A golden test to copy: NumPy and one runtime, no lstm-edge.

usage: python check_golden.py BUNDLE [VARIANT ...]

Makes the ids of the golden texts by itself, runs the variants (all that the installed runtimes take,
where none is named), and holds ids, probabilities and labels against golden.json as docs/bundle.md says.
Step models are fed word by word. Exit code 0: all within their tolerance; 1: not; 2: not checked.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Json = dict[str, Any]
Call = Callable[[dict[str, Any]], dict[str, Any]]
SCHEMA = 4  # newer bundles may mean something else
EDGE_LIMIT = 0.1  # for an edge case, where the tolerance limits flips and not differences


def tokenizer(vocabulary: str, settings: Json) -> Callable[[str], list[int]]:
    """A function from a text to its ids, not padded."""
    lines = vocabulary.removesuffix("\n").split("\n")
    tokens = [re.sub(r"\\u([0-9a-f]{4})", lambda m: chr(int(m[1], 16)), line) for line in lines]
    first, unknown, start = (settings[f"{n}_id"] for n in ("first_word", "unknown", "start"))
    known = {word: i for i, word in enumerate(tokens) if i >= first}
    changes = dict.fromkeys(settings["filters"], settings["split"])
    changes |= dict.fromkeys(settings.get("deleted", ""), "")
    pattern = settings.get("pattern")

    def lowered(text: str) -> str:
        if settings.get("lower_ascii"):
            return re.sub("[A-Z]+", lambda m: m[0].lower(), text)
        return text.lower()

    def ids_of(text: str) -> list[int]:
        text = lowered(text) if settings["lower"] else text
        text = text.translate(str.maketrans(changes))
        if pattern is not None:
            words = [match[0] for match in re.finditer(pattern, text)]
        else:
            words = list(text) if settings.get("characters") else text.split(settings["split"])
        ids = [start, *(known.get(word, unknown) for word in words if word)]
        return kept([i for i in ids if i is not None], settings)

    return ids_of


def kept(ids: list[int], settings: Json) -> list[int]:
    most = settings["max_length"]
    return ids[:most] if settings.get("truncating") == "post" else ids[-most:]


def load(path: Path, variant: Json) -> Call:
    """The file as a function: arrays by name in, arrays by name out."""
    if variant.get("made_for") == "mediapipe":
        raise ImportError("MediaPipe's TextClassifier runs it")
    if variant["format"] == "onnx":
        import onnxruntime

        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        names = [one["name"] for one in variant["outputs"]]
        return lambda arrays: dict(zip(names, session.run(names, arrays), strict=True))
    from ai_edge_litert.interpreter import Interpreter

    run = Interpreter(str(path)).get_signature_runner()
    return lambda arrays: run(**arrays)


def answer(call: Call, variant: Json, manifest: Json, case: Json) -> Any:
    """The K numbers of one case: of its text where the file takes texts, else of its ids."""
    states = {state["name"]: state for state in variant.get("states", ())}
    after = {state["output"] for state in states.values()}
    (given,) = (one for one in variant["inputs"] if one["name"] not in states)
    (wanted,) = (one["name"] for one in variant["outputs"] if one["name"] not in after)
    if given["dtype"] == "string":
        text = np.full([1] * len(given["shape"]), case["text"], object)
        return call({given["name"]: text})[wanted][0]
    settings, pads, length = manifest["tokenizer"], manifest.get("pads", "any"), given["shape"][1]
    ids = kept(case["ids"], settings)
    if length < 0:  # free: filled up where the pads are steps like any other
        filled = pads in ("front", "behind") or (pads != "none" and states)
        length = settings["max_length"] if filled else max(1, len(ids))
    lacking = [settings["pad_id"]] * (length - len(ids))
    front, behind = ([], lacking) if pads == "behind" else (lacking, [])
    # a stream gets the pads in one call, and each word as it comes
    pieces = [front, *([i] for i in ids), behind] if states else [front + ids + behind]
    fed = {name: np.zeros((1, *s["shape"][1:]), np.float32) for name, s in states.items()}
    for piece in filter(None, pieces):
        found = call({given["name"]: np.array([piece], np.int32), **fed})
        fed = {name: found[state["output"]] for name, state in states.items()}
    return found[wanted][0]


def classes(p: Any) -> Any:
    return p[:, 0] > 0.5 if p.shape[1] == 1 else p.argmax(1)


def check(call: Call, variant: Json, manifest: Json, golden: Json) -> tuple[str, list[str]]:
    """What was measured, and a sentence for each way in which it is wrong."""

    def run(cases: list[Json]) -> tuple[Any, Any, Any]:
        taken = [c for c in cases if "text" in c or variant["inputs"][0]["dtype"] != "string"]
        keras = np.float64([case["probabilities"] for case in taken])
        rows = [answer(call, variant, manifest, case) for case in taken]
        ours = np.stack(rows).reshape(keras.shape)
        return ours, keras, np.nan_to_num(np.abs(ours - keras).max(1), nan=1.0)

    limits, failures = variant["tolerance"], []
    (ours, keras, off), (_, _, edge) = run(golden["cases"]), run(golden["edge"])
    one, top = keras.shape[1] == 1, np.sort(keras, 1)
    margins = abs(keras[:, 0] - 0.5) if one else (top[:, -1] - top[:, -2]) / 2
    flips = classes(ours) != classes(keras)
    counted, rate = int((flips & (margins > limits["flip_margin"])).sum()), limits["flip_rate"]
    if not np.isfinite(ours).all():
        failures.append("answers that are no numbers")
    if limits["max_abs"] is not None and off.max() > limits["max_abs"]:
        failures.append(f"max |Δp| {off.max():.2g} is above {limits['max_abs']:g}")
    if rate is not None and counted > (max(1, int(rate * len(off) + 1e-9)) if rate else 0):
        failures.append(f"{counted} of {len(off)} labels flip, more than {rate:.2%}")
    if edge.max() > (limit := EDGE_LIMIT if limits["max_abs"] is None else limits["max_abs"]):
        failures.append(f"an edge case differs by {edge.max():.2g}, more than {limit:g}")
    return f", {len(off)} examples, max |Δp| {off.max():.2g}, flips {flips.sum()}", failures


def main(folder: str, *names: str) -> int:
    bundle = Path(folder)
    manifest = json.loads((bundle / "manifest.json").read_text("utf-8"))
    if manifest["schema"] > SCHEMA or manifest.get("kind", "text") != "text":
        raise ValueError(f"{bundle} takes no texts or has a schema above {SCHEMA}")
    golden = json.loads((bundle / "golden.json").read_text("utf-8"))
    variants = {variant["name"]: variant for variant in manifest["variants"]}
    if unknown := set(names) - set(variants):
        raise ValueError(f"no variant {', '.join(unknown)}; there are {', '.join(variants)}")
    ok, checked = True, 0
    if "vocab.txt" in manifest["files"]:
        ids_of = tokenizer((bundle / "vocab.txt").read_text("utf-8"), manifest["tokenizer"])
        cases = [case for case in golden["cases"] + golden["edge"] if "text" in case]
        wrong = [case["text"] for case in cases if ids_of(case["text"]) != case["ids"]]
        print(f"ids: {len(wrong)} of {len(cases)} texts differ", *wrong[:2])
        ok = not wrong
    for name in names or variants:
        path, said, failures = bundle / variants[name]["file"], "", list[str]()
        try:
            if hashlib.sha256(path.read_bytes()).hexdigest() != variants[name]["sha256"]:
                raise ValueError("it is not the file that was exported (its hash differs)")
            said, failures = check(load(path, variants[name]), variants[name], manifest, golden)
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
