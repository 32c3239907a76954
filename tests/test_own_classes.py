"""Classes of the user's own: in model files, given with ``--custom``, and live."""

from __future__ import annotations

import base64
import json
import marshal
import struct
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import own_files
import pytest
from click.testing import CliRunner, Result
from own_files import CUSTOM, GRAPHS, LAMBDAS, MODELS

from lstm_edge.cli import cli
from lstm_edge.errors import InputError, UnsupportedModelError
from lstm_edge.models import architecture

OWN = Path(__file__).with_name("own_classes.py")
SUFFIXES = {"keras": (".h5", ".keras"), "tf_keras": (".h5", ".keras", "")}
FILES = [
    (library, name, suffix)
    for library, suffixes in SUFFIXES.items()
    for name in (*CUSTOM, *GRAPHS, *LAMBDAS)
    for suffix in suffixes
]
for _suffix in (".h5", ".keras"):  # Keras 2 leaves the graph out of these
    FILES.remove(("tf_keras", GRAPHS[1], _suffix))
FILES += [("keras", name, ".keras") for name in MODELS]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of the files of ``keras`` or of ``tf_keras``."""

    @cache
    def of(library: str) -> Path:
        folder = tmp_path_factory.mktemp(library)
        done = subprocess.run(
            [sys.executable, own_files.__file__, str(folder), library],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return folder

    return of


def call(*args: object) -> Result:
    return CliRunner().invoke(cli, [str(arg) for arg in args], catch_exceptions=False)


@pytest.mark.parametrize(("library", "name", "suffix"), FILES)
def test_files_answer_as_the_keras_that_wrote_them(
    written: Callable[[str], Path], library: str, name: str, suffix: str
) -> None:
    """What is a whole graph needs nothing; code is only run where it is trusted, and must be there."""
    path = written(library) / f"{name}{suffix}"
    stored = np.load(written(library) / f"{name}.npz")
    options: dict[str, Any] = {}
    # HDF5 has no module: without its code the class is Keras's own of that name
    shadowed = (library, name, suffix) == ("keras", CUSTOM[1], ".h5")
    if name not in GRAPHS and suffix:  # a SavedModel has the graph of everything in it
        with pytest.raises(InputError if shadowed else UnsupportedModelError) as caught:
            architecture.load(path)
        assert shadowed or "`trust`" in str(caught.value)
        options = {"trust": True, "custom": [] if name in LAMBDAS else [OWN]}
    answer = np.asarray(architecture.load(path, **options)(stored["x"]))
    assert np.ptp(stored["y"]) > 1e-3
    np.testing.assert_allclose(answer, stored["y"], atol=1e-6)


def test_layers_that_code_joins_are_no_network(tmp_path: Path) -> None:
    """A configuration with layers, whose model is not Sequential."""
    import keras

    @keras.saving.register_keras_serializable("tests")
    class Ensemble(keras.Model):  # type: ignore[misc]
        def __init__(self, layers: Any = (), **options: Any) -> None:
            super().__init__(**options)
            self.all = [keras.layers.deserialize(layer) for layer in layers]

        def call(self, x: Any) -> Any:
            return sum(layer(x) for layer in self.all)

        def get_config(self) -> dict[str, Any]:
            return {"layers": [keras.layers.serialize(layer) for layer in self.all]}

    made = Ensemble([keras.layers.serialize(keras.layers.Dense(2)) for _ in range(2)])
    made(np.zeros((1, 3), "float32"))
    made.save(tmp_path / "made.keras")
    with pytest.raises(UnsupportedModelError, match="the model is of the class Ensemble, whose"):
        architecture.load(tmp_path / "made.keras")


@pytest.mark.parametrize(
    ("library", "name"),
    [("keras", CUSTOM[1]), ("keras", MODELS[0]), ("tf_keras", CUSTOM[0]), ("keras", GRAPHS[2])],
)
def test_from_the_command_line(
    written: Callable[[str], Path], tmp_path: Path, library: str, name: str
) -> None:
    """Every command that loads the model."""
    path, bundle = written(library) / f"{name}.keras", tmp_path / "b"
    inputs = tmp_path / "x.npy"
    np.save(inputs, np.load(written(library) / f"{name}.npz")["x"])
    options = () if name in GRAPHS else ("--custom", OWN, "--trust")
    seen = call("inspect", path, *options)
    assert seen.exit_code == 0, seen.output
    assert "no problems found" in seen.stdout
    done = call("export", path, "--precision", "float32", "--out", bundle, *options)
    assert done.exit_code == 0, done.output
    done = call("verify", bundle, "--inputs", inputs, *options)
    assert done.exit_code == 0, done.output
    if options:
        done = call("verify", bundle, "--inputs", inputs)
        assert done.exit_code == 2
        assert "with --custom and --trust" in done.stderr


def _python(folder: Path, text: str, name: str = "own.py") -> Path:
    (folder / name).write_text(text)
    return folder / name


# name -> (model, what is given with it, parts of the one line)
BAD: dict[str, tuple[str, Callable[[Path], Sequence[object]], Sequence[str]]] = {
    "nothing": (CUSTOM[1], lambda t: (), ("class Attention", "with --custom and --trust")),
    "trust alone": (CUSTOM[1], lambda t: ("--trust",), ("class Attention", "with --custom")),
    "no trust": (CUSTOM[1], lambda t: ("--custom", OWN), ("Python code, which is run: give --trust",)),
    "not there": (CUSTOM[1], lambda t: ("--custom", t / "no.py", "--trust"), ("no.py does not exist",)),
    "a folder": (CUSTOM[1], lambda t: ("--custom", t, "--trust"), ("does not exist",)),
    "no Python": (CUSTOM[1], lambda t: ("--custom", _python(t, "x", "own.txt"), "--trust"),
                  ("own.txt is no Python file",)),
    "no Python inside": (CUSTOM[1], lambda t: ("--custom", _python(t, "class :"), "--trust"),
                         ("own.py cannot be imported: SyntaxError",)),
    "fails": (CUSTOM[1], lambda t: ("--custom", _python(t, "import no_such_module"), "--trust"),
              ("cannot be imported: ModuleNotFoundError: No module named 'no_such_module'",)),
    "ends": (CUSTOM[1], lambda t: ("--custom", _python(t, "raise SystemExit(3)"), "--trust"),
             ("cannot be imported: SystemExit: 3",)),
    "empty": (CUSTOM[1], lambda t: ("--custom", _python(t, "X = 1"), "--trust"),
              ("defines no class and no function",)),
    "another class": (CUSTOM[1], lambda t: ("--custom", _python(t, "class Other: ..."), "--trust"),
                      ("layer attention", "class Attention, which", "own.py does not define")),
    "another function": (CUSTOM[2], lambda t: ("--custom", _python(t, "def other(x): ..."), "--trust"),
                         ("has the activation bent",)),
    "another model": (MODELS[0], lambda t: ("--custom", _python(t, "class Other: ..."), "--trust"),
                      ("the model is of the class Net, which", "own.py does not define")),
    "a model in code": (MODELS[0], lambda t: (), ("the model is of the class Net", "with --custom and",
                                                  "keras.Model(x, model.call(x))")),
    "other arguments": (CUSTOM[1], lambda t: ("--custom", _python(t, _OTHER), "--trust"),
                        ("cannot be loaded by Keras",)),
}  # fmt: skip
_OTHER = """
import keras
class Attention(keras.layers.Layer):
    def __init__(self, name=None, trainable=True, dtype=None): super().__init__(name=name)
"""


@pytest.mark.parametrize("command", ["export", "inspect"])
@pytest.mark.parametrize("name", BAD)
def test_wrong_use_is_one_line_and_code_2(
    written: Callable[[str], Path], tmp_path: Path, name: str, command: str
) -> None:
    """``inspect`` shows it as the model's problem, and ends well."""
    model, options, parts = BAD[name]
    given = options(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    out = ("--out", tmp_path / "out") if command == "export" else ()
    done = call(command, written("keras") / f"{model}.keras", *given, *out)
    if command == "export":
        assert done.exit_code == 2
        assert done.stderr.count("\n") == 1
    said = " ".join((done.stderr if command == "export" else done.stdout).split())
    for part in parts:
        assert part in said
    assert [p for p in sorted(tmp_path.rglob("*")) if "__pycache__" not in str(p)] == before


def _of_python_3_8() -> str:
    """``lambda x: x`` as Python 3.8 stores it: a number more, and one table less."""
    numbers = struct.pack("<6i", 1, 0, 0, 1, 1, 67)
    rest = (b"|\0S\0", (None,), (), ("x",), (), (), "<stdin>", "<lambda>", 1, b"")
    code = b"\xe3" + numbers + b"".join(marshal.dumps(part, 2) for part in rest)
    return base64.b64encode(code).decode()


def test_code_of_another_python(written: Callable[[str], Path], tmp_path: Path) -> None:
    """A Lambda holds the byte code of the Python that saved it."""
    import h5py

    path = tmp_path / "old.h5"
    path.write_bytes((written("tf_keras") / f"{LAMBDAS[0]}.h5").read_bytes())
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        layer = next(e for e in config["config"]["layers"] if e["class_name"] == "Lambda")
        layer["config"]["function"][0] = _of_python_3_8()
        file.attrs["model_config"] = json.dumps(config)
    with pytest.raises(InputError, match=r"of another Python than 3\.") as caught:
        architecture.load(path, trust=True)
    assert f"layer {layer['config']['name']}: " in str(caught.value)


# live models in code


def _models() -> Any:
    """Classes as users write them, under one name."""
    import types

    import keras
    import tensorflow as tf
    from own_classes import Net

    L, ops = keras.layers, keras.ops

    class Deep(keras.Model):  # type: ignore[misc]
        """Models in code inside it, twice."""

        def __init__(self) -> None:
            super().__init__()
            self.both, self.net = L.Bidirectional(L.GRU(2, return_sequences=True)), Net()

        def call(self, x: Any, training: Any = None) -> Any:
            return self.net(self.both(x), training=training)

    class Words(keras.Model):  # type: ignore[misc]
        """Ids in, and pads to be skipped."""

        def __init__(self) -> None:
            super().__init__()
            self.words, self.memory = L.Embedding(9, 4, mask_zero=True), L.LSTM(3)

        def call(self, ids: Any) -> Any:
            return self.memory(self.words(ids))

    class Named(keras.Model):  # type: ignore[misc]
        """A dictionary in, one out."""

        def __init__(self) -> None:
            super().__init__()
            self.memory, self.end = L.LSTM(3), L.Dense(2)

        def call(self, x: Any) -> Any:
            state = self.memory(x["steps"])
            return {"answer": self.end(ops.concatenate([state, x["more"]], -1)), "state": state}

    class OfTensorFlow(keras.Model):  # type: ignore[misc]
        """Not Keras's operations, and a weight of no layer."""

        def __init__(self) -> None:
            super().__init__()
            self.memory = L.LSTM(3, return_sequences=True)
            self.w = self.add_weight(shape=(3, 2), name="w")

        def call(self, x: Any) -> Any:
            return tf.matmul(tf.reduce_mean(self.memory(x), axis=1), self.w)

    class Doubled(keras.Sequential):  # type: ignore[misc]
        """A Sequential model that does more than its layers."""

        def call(self, x: Any, training: Any = None, mask: Any = None) -> Any:
            return 2.0 * super().call(x, training=training)

    class Trained(keras.Model):  # type: ignore[misc]
        def train_step(self, data: Any) -> Any:
            return super().train_step(data)

    class Counting(keras.Model):  # type: ignore[misc]
        """Answers otherwise each time."""

        def __init__(self) -> None:
            super().__init__()
            self.memory, self.calls = L.LSTM(2), 0

        def call(self, x: Any) -> Any:
            self.calls += 1
            return self.memory(x) * float(self.calls)

    class Torn(keras.Model):  # type: ignore[misc]
        """Two arguments, of which Keras notes one shape."""

        def __init__(self) -> None:
            super().__init__()
            self.memory = L.LSTM(2)

        def call(self, x: Any, y: Any) -> Any:
            return self.memory(x) + y

    class Held(L.Layer):  # type: ignore[misc]
        """A layer that Keras cannot store: it was given a function."""

        def __init__(self, end: Any) -> None:
            super().__init__()
            self.memory, self.end = L.LSTM(3), end

        def call(self, x: Any) -> Any:
            return self.end(self.memory(x))

    class Tokens(L.Layer):  # type: ignore[misc]
        """Words and their places, as transformers have them."""

        def __init__(self) -> None:
            super().__init__()
            self.words, self.places = L.Embedding(30, 4), L.Embedding(STEPS, 4)

        def call(self, ids: Any) -> Any:
            return self.words(ids) + self.places(ops.arange(STEPS))

    return types.SimpleNamespace(**{**locals(), "Net": Net})


STEPS, WIDTH = own_files.STEPS, own_files.WIDTH


def _floats(*shape: int) -> Any:
    return np.random.default_rng(3).normal(size=shape).astype("float32")


def _around(make: Callable[[Any, Any], Any], shape: Any = (STEPS, WIDTH), **options: Any) -> Any:
    import keras

    x = keras.Input(shape, **options)
    return keras.Model(x, make(_models(), x))


def _called(name: str, *example: Any) -> Any:
    made = getattr(_models(), name)()
    made(*example)
    return made


def _sequential(*layers: Any) -> list[Any]:
    import keras

    return [keras.Input((STEPS, WIDTH)), *layers]


def _lstm(**options: Any) -> Any:
    import keras

    return keras.layers.LSTM(3, **options)


# a live model, and what is said of it; "": it needs no word
LIVE: dict[str, tuple[Callable[[], Any], str]] = {
    "called": (lambda: _called("Net", _floats(1, STEPS, WIDTH)), "first called with, [6, 4]"),
    "nested": (lambda: _around(lambda m, x: m.Net()(x)), ""),
    "its call": (lambda: _around(lambda m, x: m.Net().call(x)), ""),
    "of any length": (lambda: _around(lambda m, x: m.Words()(x), (None,), dtype="int32"), ""),
    "twice nested, called": (lambda: _called("Deep", _floats(1, STEPS, WIDTH)), "is a Deep"),
    "twice nested": (lambda: _around(lambda m, x: m.Deep()(x)), ""),
    "ids": (lambda: _called("Words", np.ones((2, STEPS), "int32")), "called with, [6];"),
    "ids, nested": (lambda: _around(lambda m, x: m.Words()(x), (STEPS,)), ""),
    "words and places": (lambda: _around(lambda m, x: _lstm()(m.Tokens()(x)), (STEPS,)), ""),
    "named": (
        lambda: _called("Named", {"steps": _floats(2, STEPS, WIDTH), "more": _floats(2, 3)}),
        "called with, [3], [6, 4];",
    ),
    "of TensorFlow": (lambda: _called("OfTensorFlow", _floats(1, STEPS, WIDTH)), "a OfTensorFlow"),
    "a Sequential that does more": (
        lambda: _models().Doubled(_sequential(_lstm())),
        "is a Doubled",
    ),
    "own train step": (lambda: _around(lambda m, x: _lstm()(x)), ""),
    "a layer that is not stored": (
        lambda: _around(lambda m, x: m.Held(lambda y: 2.0 * y)(x)),
        "",
    ),
}


@pytest.mark.parametrize("name", LIVE)
def test_live_models_in_code(tmp_path: Path, name: str) -> None:
    """Whatever of it is in code; ids are known to be ids."""
    from export import export_bundle
    from lstm_edge.bundle.opening import open_bundle

    make, said = LIVE[name]
    result = export_bundle(make(), tmp_path / "b", precisions=["float32"])
    assert result.ok, [report.failures for report in result.reports]
    assert [report.variant for report in result.reports] == ["onnx-float32", "tflite-float32"]
    assert bool(said) == bool(result.said)
    assert said in " ".join(result.said)
    if "ids" in name or "words" in name:
        assert open_bundle(tmp_path / "b").signature.inputs[0].rows == (30 if "w" in name else 9)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (
            lambda: _models().Net(),
            r"it was not called yet: call it once with an example, or x = keras",
        ),
        (
            lambda: _called("Counting", _floats(1, STEPS, WIDTH)),
            "does not answer as the model itself",
        ),
        (
            lambda: _called("Torn", _floats(1, STEPS, WIDTH), _floats(1, 2)),
            r"Keras cannot trace \(TypeError: .*missing 1 required positional argument: 'y'",
        ),
        (lambda: _models().Held(lambda x: x), r"is a Held; expected a Keras model"),
        (lambda: "no model".split, "expected a Keras model"),
    ],
)
def test_live_models_that_are_refused(tmp_path: Path, make: Callable[[], Any], reason: str) -> None:
    from export import export_bundle

    with pytest.raises(UnsupportedModelError, match=reason):
        export_bundle(make(), tmp_path / "b")
    assert list(tmp_path.iterdir()) == []


def test_a_live_bundle_is_verified_with_its_model(tmp_path: Path) -> None:
    """Of a model in code no file is needed; any other is told."""
    from export import export_bundle
    from lstm_edge.bundle.opening import open_bundle
    from lstm_edge.verify.verifying import verify

    made = _called("Net", _floats(1, STEPS, WIDTH))
    inputs = tmp_path / "x.npy"
    np.save(inputs, _floats(5, STEPS, WIDTH))
    export_bundle(made, tmp_path / "b", wanted_formats=["onnx"], precisions=["float32"])
    bundle = open_bundle(tmp_path / "b")
    data = bundle.read(inputs, None, None)
    assert all(report.ok for report in verify(bundle, data, model=made).reports)
    with pytest.raises(
        InputError, match=r"live model, \w+: give it with `model`, live in Python or as"
    ):
        verify(bundle, data)
    done = call("verify", tmp_path / "b", "--inputs", inputs)
    assert done.exit_code == 2
    assert "give it with --model" in done.stderr
    with pytest.raises(InputError, match="is not the model that was exported"):
        verify(bundle, data, model=_called("Net", _floats(1, STEPS, WIDTH)))
