"""Bundles of an earlier version, and what it answered: how they were written and how they are asked.

``tests/bundles`` was written once, by the version of commit e79cc0c, before the rooms and the
contract for every runtime. Never write it anew with a later version: then it proves nothing. It was
made in a clone of that commit with its own environment, where this file asks that version's code:

    .venv/bin/python .../tests/old_bundles.py .../tests/bundles

``test_old_bundles.py`` asks the same questions of the code as it is now. So only what may not move
is used here: ``load_bundle`` and its answers, and the command line.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from click.testing import CliRunner, Result

from lstm_edge import load_bundle
from lstm_edge.cli import cli

WORDS = "the a film story was of and not good bad dull wonderful boring".split()
LENGTH, CHUNK = 12, 4
TEXTS = (
    "",
    "the film was wonderful",
    "A dull, boring story!",
    "zebra of the and unknown words",
    " ".join(WORDS * 2),
)
PIECES = ("the film", "was", "not good", "", "and the story was of a dull dull film")
RESULTS = ("texts", "arrays")  # whose results of verify and bench are there too
STEPS = {"stream": (3, 1, 5), "stream-chunk": (CHUNK, 2 * CHUNK)}


def call(*args: object) -> Result:
    """The command line, which must end well."""
    result = CliRunner().invoke(cli, [str(arg) for arg in args], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result


# --- what is asked --------------------------------------------------------------------------------


def arrays(signature: dict[str, Any], examples: int, steps: int) -> dict[str, np.ndarray[Any, Any]]:
    """Inputs that a manifest's signature takes, the same on every machine."""
    inputs = {}
    for number, entry in enumerate(signature["inputs"], 1):
        shape = [examples, *(steps if n is None else n for n in entry["shape"][1:])]
        values = np.sin(np.arange(np.prod(shape)) * 0.7 * number).round(3).reshape(shape)
        inputs[entry["name"]] = values.astype(entry["dtype"])
    return inputs


def answers(folder: Path, variant: str) -> Any:
    """What a variant answers, as JSON: to texts and pieces of one, to arrays and pieces of them."""
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    entry = next(v for v in manifest["variants"] if v["name"] == variant)
    loaded: Any = load_bundle(folder, variant)
    if manifest["kind"] == "text":
        texts = [_said(answer) for answer in loaded.predict(list(TEXTS))]
        if not entry["states"]:
            return {"texts": texts}
        streams = {}
        for pads in (None, 0, 5):
            stream = loaded.stream(pads)
            streams[str(pads)] = [_said(stream.feed(piece)) for piece in PIECES]
        return {"texts": texts, "streams": streams}
    signature = manifest["signature"]
    examples = entry["batch"] or 2
    if folder.name not in STEPS:
        # one more than whole batches
        return _lists(loaded.predict(arrays(signature, 2 * examples + 1, 7)))
    pieces = STEPS[folder.name]
    inputs = arrays(signature, examples, sum(pieces))
    stream = loaded.stream(examples)
    fed, begin = [], 0
    for count in pieces:
        fed.append(_lists(stream.feed({k: v[:, begin : begin + count] for k, v in inputs.items()})))
        begin += count
    return {"whole": _lists(loaded.predict(inputs)), "fed": fed}


def _said(answer: Any) -> dict[str, Any]:
    return {"label": answer.label, "probabilities": answer.probabilities}


def _lists(outputs: dict[str, Any]) -> dict[str, Any]:
    return {name: np.asarray(values).tolist() for name, values in outputs.items()}


def asked(folder: Path) -> dict[str, Any]:
    """Everything that a bundle is asked: its variants, ``inspect`` and ``verify``."""
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    # ids alone are only asked by verify
    takes_ids = manifest["kind"] == "text" and "vocab.txt" not in manifest["files"]
    names = [] if takes_ids else [v["name"] for v in manifest["variants"]]
    return {
        "answers": {name: answers(folder, name) for name in names},
        "inspect": written(folder, "inspect"),
        "verify": figures(written(folder, "verify")),
    }


def figures(run: Any) -> Any:
    """What ``verify`` says of the files: not of the machine, and in no sentences.

    Differences of arrays are shares of another scale since; the answers are compared by themselves.
    """
    gone = {"bundle", "machine", "measured_at", "worst", "detail", "reason"}
    if isinstance(run, dict):
        if run.get("tolerance", {}).get("relative"):
            gone |= {"max_abs", "mean_abs", "outputs"}
        return {key: figures(value) for key, value in run.items() if key not in gone}
    return [figures(value) for value in run] if isinstance(run, list) else run


def written(folder: Path, command: str, *options: object) -> Any:
    """The JSON that a command writes of a bundle."""
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "result.json"
        call(command, folder, *options, "--json", path)
        return json.loads(path.read_text("utf-8"))


# --- how they were written ------------------------------------------------------------------------


def write(out: Path) -> None:
    """Write all of ``tests/bundles``, with the version that is imported."""
    import keras

    keras.utils.set_random_seed(3)
    with tempfile.TemporaryDirectory() as place:
        os.chdir(place)  # so that no file names a folder of this machine
        work = Path("bundles")
        work.mkdir()
        _write_reviews(Path("reviews.csv"))
        Path("words.txt").write_text("\n".join(["<PAD>", "<START>", "<UNKNOWN>", *WORDS]) + "\n")
        for name, build in MODELS.items():
            build().save(f"{name}.keras")
        call("train", "--data", "reviews.csv", "--out", "run", "--words", len(WORDS) + 3,
             "--length", LENGTH, "--embedding", 4, "--lstm", 5, "--lstm", 4, "--epochs", 20,
             "--learning-rate", 0.03)  # fmt: skip
        known = {}
        for name, options in EXPORTS.items():
            model = f"{name}.keras" if name in MODELS else "run"
            call("export", model, "--out", work / name, *options)
            known[name] = asked(work / name)
            print(name, *known[name]["answers"], flush=True)
        (work / "answers.json").write_text(json.dumps(known) + "\n", "utf-8")
        results = work / "results"
        results.mkdir()
        few = ("--limit", 3, "--rounds", 2)
        for name in RESULTS:
            call("verify", work / name, "--json", results / f"{name}-parity.json")
            call("bench", work / name, *few, "--json", results / f"{name}-latency.json")
            browser = (*few, "--on", "browser", "--headless")
            call("bench", work / name, *browser, "--json", results / f"{name}-browser.json")
        shutil.copytree(work, out, dirs_exist_ok=True)


def _write_reviews(path: Path) -> None:
    rng = random.Random(1)
    rows = ["review,sentiment"]
    for number in range(40):
        words = rng.choices(WORDS[:7], k=rng.randint(2, 8))
        words += rng.choices(("bad dull boring", "good wonderful good")[number % 2].split(), k=2)
        rng.shuffle(words)
        rows.append(f"{' '.join(words)},{('neg', 'pos')[number % 2]}")
    path.write_text("\n".join(rows) + "\n")


def _remembering(model: Any) -> Any:
    """Weights that let every step reach the answer: untrained ones would forget within a few."""
    rng = np.random.default_rng(5)
    for layer in model.layers:
        layer.set_weights(
            [rng.normal(0, 0.6, weight.shape).astype(np.float32) for weight in layer.get_weights()]
        )
    return model


def _texts(length: int | None, *layers: Any, classes: int = 1) -> Any:
    import keras

    end = "sigmoid" if classes == 1 else "softmax"
    return _remembering(
        keras.Sequential(
            [
                keras.Input((length,), dtype="int32", name="ids"),
                keras.layers.Embedding(len(WORDS) + 3, 4),
                *layers,
                keras.layers.Dense(classes, activation=end),
            ]
        )
    )


def _looking_back() -> Any:
    import keras

    return _texts(LENGTH, keras.layers.Bidirectional(keras.layers.LSTM(4)), classes=3)


def _free() -> Any:
    import keras

    return _texts(None, keras.layers.GRU(4), classes=1)


def _plain() -> Any:
    import keras

    return _texts(LENGTH, keras.layers.LSTM(5, return_sequences=True), keras.layers.LSTM(4))


def _arrays(steps: int | None, short: bool) -> Any:
    """Several outputs, and a second input that is no sequence where ``short``."""
    import keras

    series = keras.Input((steps, 3), name="series")
    each = keras.layers.LSTM(4, return_sequences=True, name="each")(series)
    last = keras.layers.GRU(3, name="last")(each)
    inputs, ends = [series], [last]
    if short:
        inputs.append(keras.Input((2,), name="short"))
        ends = [keras.layers.Concatenate()([last, inputs[1]])]
    classes = keras.layers.Dense(3, activation="softmax", name="motion")(ends[0])
    return _remembering(keras.Model(inputs, [each, classes]))


MODELS: dict[str, Callable[[], Any]] = {
    "texts-front": _looking_back,
    "texts-free": _free,
    "ids": _plain,
    "arrays": lambda: _arrays(7, True),
    "arrays-batch": lambda: _arrays(7, False),
    "stream": lambda: _arrays(None, False),
    "stream-chunk": lambda: _arrays(None, False),
}
"""Those that are not the trained run."""

_VOCAB = ("--vocab", "words.txt")
_GOLDEN = ("--data", "reviews.csv")
_MOTIONS = ("--labels", "walk,sit,run")
_SMALL = ("--precision", "float32", "--precision", "int8-dynamic")
_RUNTIMES = ("onnxruntime", "litert", "mediapipe", "litert-js", "onnxruntime-mobile")
EXPORTS: dict[str, tuple[object, ...]] = {
    "texts": (*_GOLDEN, "--fold-embedding"),
    "texts-everything": (
        *_GOLDEN, "--streaming", "--text-input", *_SMALL,
        *(word for name in _RUNTIMES for word in ("--runtime", name)),
    ),
    "texts-front": (*_VOCAB, *_GOLDEN, "--labels", "neg,pos,neither", *_SMALL),
    "texts-free": (*_VOCAB, *_GOLDEN, "--labels", "neg,pos", "--length", LENGTH, "--streaming", *_SMALL),
    "ids": ("--padding", "pre", *_SMALL),
    "arrays": (*_MOTIONS,),
    "arrays-batch": (*_MOTIONS, "--batch", 3, *_SMALL),
    "stream": ("--streaming", *_SMALL),
    "stream-chunk": ("--streaming", "--chunk", CHUNK, "--precision", "float32"),
}  # fmt: skip


if __name__ == "__main__":
    write(Path(sys.argv[1]).resolve())
