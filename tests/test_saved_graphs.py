"""SavedModels without Keras's layers: their graphs in files, as TensorFlow answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from export import export_bundle
from lstm_edge.bundle.opening import open_bundle
from lstm_edge.cli import cli
from lstm_edge.errors import UnsupportedModelError
from lstm_edge.models import architecture

STEPS, WIDTH = 6, 4


def _exported(folder: Path, *layers: Any, start: Any = None, saved: bool = False) -> None:
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(7)
    first = keras.Input((STEPS, WIDTH)) if start is None else start
    model = keras.Sequential([first, *(make(keras.layers) for make in layers)])
    if saved:
        tf.saved_model.save(model, str(folder))
    else:
        model.export(str(folder), verbose=False)


def _ids(folder: Path, dtype: str) -> None:
    import keras

    _exported(
        folder,
        lambda L: L.Embedding(9, 3, mask_zero=True),
        lambda L: L.LSTM(4),
        lambda L: L.Dense(2, activation="softmax"),
        start=keras.Input((STEPS,), dtype=dtype),
    )


def _ends(folder: Path) -> None:
    import keras

    L = keras.layers
    steps, more = keras.Input((STEPS, WIDTH), name="steps"), keras.Input((3,), name="more")
    state = L.LSTM(5)(steps)
    answer = L.Dense(2)(L.Concatenate()([state, more]))
    keras.Model([steps, more], {"answer": answer, "state": state}).export(
        str(folder), verbose=False
    )


def _module(folder: Path) -> None:
    """A loop that is nobody's layer."""
    import tensorflow as tf

    module = tf.Module()
    module.w = tf.Variable(np.random.default_rng(1).normal(size=(WIDTH, 3)).astype("float32"))

    @tf.function(input_signature=[tf.TensorSpec((None, STEPS, WIDTH), tf.float32, name="x")])
    def run(x: Any) -> Any:
        state = tf.zeros((tf.shape(x)[0], 3))
        for step in tf.range(STEPS):
            state = tf.tanh(x[:, step] @ module.w + state)
        return {"out": state}

    tf.saved_model.save(module, str(folder), signatures=run)


def _in_code(folder: Path) -> None:
    import keras

    class Net(keras.Model):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.memory = keras.layers.LSTM(3)

        def call(self, x: Any) -> Any:
            return 2.0 * self.memory(x)

    model = Net()
    model(np.zeros((2, STEPS, WIDTH), "float32"))
    model.export(str(folder), verbose=False)


# name -> what writes it, and what its ONNX file says of its loops
WRITERS: dict[str, tuple[Callable[[Path], None], str]] = {
    "an lstm": (
        lambda f: _exported(f, lambda L: L.LSTM(4), lambda L: L.Dense(2)),
        "1 LSTM node of",
    ),
    "written by TensorFlow": (
        lambda f: _exported(f, lambda L: L.LSTM(4), saved=True),
        "1 LSTM node",
    ),
    "masked, both ways": (
        lambda f: _exported(
            f,
            lambda L: L.Masking(),
            lambda L: L.Bidirectional(L.GRU(3, return_sequences=True)),
            lambda L: L.SimpleRNN(3),
        ),
        "a Loop for each",
    ),
    "any length": (
        lambda f: _exported(f, lambda L: L.LSTM(3, return_sequences=True), start=_free_start()),
        "1 LSTM node",
    ),
    "ids": (lambda f: _ids(f, "int32"), "a Loop for each"),
    "ids as floats": (lambda f: _ids(f, "float32"), "a Loop for each"),
    "two in, two out": (_ends, "1 LSTM node"),
    "no layers": (_module, "a Loop for each"),
    "a model in code": (_in_code, "1 LSTM node"),
}


def _free_start() -> Any:
    import keras

    return keras.Input((None, WIDTH))


@pytest.mark.parametrize("name", WRITERS)
def test_a_graph_answers_as_tensorflow(tmp_path: Path, name: str) -> None:
    """The signature itself is the reference; no runtime needs TensorFlow's operators."""
    write, loops = WRITERS[name]
    write(tmp_path / "m")
    result = export_bundle(tmp_path / "m", tmp_path / "b", precisions=["float32"])
    assert result.ok, [report.failures for report in result.reports]
    variants = open_bundle(tmp_path / "b").variants
    assert list(variants) == ["onnx-float32", "tflite-float32"]
    assert loops in variants["onnx-float32"].lowering
    assert (
        variants["tflite-float32"].lowering == "the SavedModel's graph, with its loops as they are"
    )
    rows = [port.rows for port in open_bundle(tmp_path / "b").signature.inputs]
    assert rows == [9 if "ids" in name else None] * len(rows)


def test_it_is_verified_on_data(tmp_path: Path) -> None:
    """From the folder, by the command line; with another folder it is no longer the model."""
    WRITERS["an lstm"][0](tmp_path / "m")
    np.save(tmp_path / "x.npy", np.random.default_rng(2).normal(size=(5, STEPS, WIDTH)))
    out = str(tmp_path / "b")
    for args in (
        ["export", str(tmp_path / "m"), "--precision", "float32", "--out", out],
        ["verify", out, "--inputs", str(tmp_path / "x.npy")],
    ):
        done = CliRunner().invoke(cli, args, catch_exceptions=False)
        assert done.exit_code == 0, done.output


def _outside(folder: Path) -> None:
    import tensorflow as tf

    module = tf.Module()

    @tf.function(input_signature=[tf.TensorSpec((None, 2), tf.float32, name="x")])
    def run(x: Any) -> Any:
        tf.io.write_file(str(folder.parent / "mark"), "run")
        return {"y": x + tf.cast(tf.strings.length(tf.io.read_file("/etc/hostname")), tf.float32)}

    tf.saved_model.save(module, str(folder), signatures=run)


def _signed(folder: Path, *names: str, dtype: str = "float32", shape: Any = (None, 2)) -> None:
    import tensorflow as tf

    module = tf.Module()
    spec = tf.TensorSpec(shape, dtype, name="x")
    module.run = tf.function(lambda x: {"y": tf.identity(x)}, input_signature=[spec])
    tf.saved_model.save(module, str(folder), signatures=dict.fromkeys(names, module.run))


@pytest.mark.parametrize(
    ("write", "reasons"),
    [
        (_outside, ["operator WriteFile", "operator ReadFile", "allow it with `trust`"]),
        (lambda f: _signed(f, "first", "second"), ["signatures first, second; expected one, or serving"]),
        (lambda f: _signed(f), ["signatures none; expected one"]),
        (lambda f: _signed(f, "run", dtype="string"), ["input x takes string; expected numbers"]),
        (lambda f: _signed(f, "run", shape=None), ["input x takes numbers of any rank"]),
    ],
)  # fmt: skip
def test_graphs_that_are_refused(
    tmp_path: Path, write: Callable[[Path], None], reasons: list[str]
) -> None:
    """By name, before anything is run; nothing is written."""
    write(tmp_path / "m")
    with pytest.raises(UnsupportedModelError) as caught:
        architecture.load(tmp_path / "m")
    for reason in reasons:
        assert reason in str(caught.value)
    args = ["export", str(tmp_path / "m"), "--out", str(tmp_path / "b")]
    done = CliRunner().invoke(cli, args, catch_exceptions=False)
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert [path.name for path in tmp_path.iterdir()] == ["m"]
