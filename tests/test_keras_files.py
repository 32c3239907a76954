"""Model files of every Keras: real ones of Keras 2, old layouts, and those that are refused."""

from __future__ import annotations

import base64
import io
import json
import marshal
import pickle
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras2_files
import numpy as np
import pytest
from click.testing import CliRunner
from models import VARIANTS
from test_conformance import FLOAT32, RUNTIMES

from export import export_bundle
from lstm_edge.cli import cli
from lstm_edge.errors import InputError, UnsupportedModelError
from lstm_edge.models import architecture as model
from lstm_edge.models import run_folder
from lstm_edge.models.graph import read_graph
from lstm_edge.models.operations import operation, operator_name
from lstm_edge.structure import of_keras

KINDS = [(name, suffix) for name in keras2_files.CASES for suffix in (".h5", ".keras")]
KINDS += [(name, "") for name in sorted(keras2_files.SAVED_MODEL)]
KINDS += [
    (name, f" of {writer}.keras")
    for name in sorted(keras2_files.OF_2_13)
    for writer in ("2.13", "Windows", "2.13 on Windows")
]
# Keras 2 computed this one in float16; here it is float32
TOLERANCE = {"half precision": 2e-3}


@pytest.fixture(scope="module")
def keras2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of real Keras 2's files and outputs."""
    folder = tmp_path_factory.mktemp("keras2")
    done = subprocess.run(
        [sys.executable, keras2_files.__file__, str(folder)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return folder


def refused_by_the_command(path: Path, *texts: str) -> None:
    """``export`` says all of it at once, and writes nothing."""
    bundle = path.parent / "bundle"
    done = CliRunner().invoke(cli, ["export", str(path), "--out", str(bundle)])
    assert done.exit_code == 2
    for text in texts:
        assert text in done.output
    assert not bundle.exists()


def refused(path: Path, *expected: str) -> None:
    """Every obstacle, in this order, in one message; nothing in the file was executed."""
    with pytest.raises(UnsupportedModelError) as caught:
        model.load(path)
    assert len(caught.value.obstacles) == len(expected)
    for said, text in zip(caught.value.obstacles, expected, strict=True):
        assert said.startswith(text)
        assert text in str(caught.value)
    assert str(path) in str(caught.value)
    refused_by_the_command(path, *expected)
    assert not (path.parent / "mark").exists()
    assert "evil_module" not in sys.modules


def close(loaded: Any, folder: Path, name: str) -> None:
    """Assert that a model gives the outputs that Keras 2 gave."""
    import keras

    stored = np.load(folder / f"{name}.npz")
    inputs = [stored[f"in{i}"] for i in range(sum(k.startswith("in") for k in stored.files))]
    for kind in ("out", "again"):
        expected = [stored[k] for k in stored.files if k.startswith(kind)]
        if not expected:
            continue
        found = keras.tree.flatten(loaded(inputs if len(inputs) > 1 else inputs[0], training=False))
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            scale = np.abs(other).max()
            assert scale > 0.02  # else the comparison says nothing
            assert "float32" in str(one.dtype)
            assert one.shape == other.shape
            difference = np.abs(np.asarray(one) - other).max() / scale
            assert difference <= TOLERANCE.get(name, 1e-6), (kind, difference)


@pytest.mark.parametrize(("name", "suffix"), KINDS)
def test_files_of_keras2_answer_as_it_did(keras2: Path, name: str, suffix: str) -> None:
    """In every container."""
    close(model.load(keras2 / f"{name}{suffix}"), keras2, name)


@pytest.mark.parametrize("suffix", [".h5", ".keras"])
def test_inspect_lists_the_inputs(keras2: Path, suffix: str) -> None:
    """Each once, also where the first layer repeats the input's shape."""
    for name in keras2_files.CASES:
        stored = np.load(keras2 / f"{name}.npz")
        shapes = [stored[key].shape[1:] for key in stored.files if key.startswith("in")]
        ports = of_keras.read(keras2 / f"{name}{suffix}").inputs
        assert len(ports) == len(shapes), name
        for port, shape in zip(ports, shapes, strict=True):
            assert len(port.shape) == 1 + len(shape)
            assert all(n in (-1, m) for n, m in zip(port.shape[1:], shape, strict=True)), name


@pytest.mark.parametrize("variant", ["onnx-float32", "tflite-float32"])
@pytest.mark.parametrize("name", keras2_files.CASES)
def test_exported_they_answer_as_keras2_did(
    keras2: Path, tmp_path: Path, name: str, variant: str
) -> None:
    """From the library that wrote the file to the runtime on the device."""
    graph = read_graph(model.load(keras2 / f"{name}.h5"), name)
    exporter, precision = VARIANTS[variant]
    stored = np.load(keras2 / f"{name}.npz")
    given = [stored[f"in{i}"] for i in range(len(graph.inputs))]
    path = tmp_path / f"file{exporter.suffix}"
    exporter(graph, tmp_path, batch=len(given[0])).write(precision, path)
    arrays = {
        one.name: np.ascontiguousarray(array, one.dtype)
        for one, array in zip(graph.inputs, given, strict=True)
    }
    outputs = RUNTIMES[exporter.format](path)(arrays)
    expected = [stored[key] for key in stored.files if key.startswith("out")]
    for one, right in zip(graph.outputs, expected, strict=True):
        off = np.abs(outputs[one.name] - right).max() / np.abs(right).max()
        assert off <= max(TOLERANCE.get(name, 0), FLOAT32), one.name


@pytest.mark.parametrize(
    ("suffix", "other"), [(".h5", ".keras"), (".keras", ".h5"), (".h5", ""), (".keras", ".zip")]
)
def test_the_name_says_nothing(keras2: Path, tmp_path: Path, suffix: str, other: str) -> None:
    """What is in a file decides."""
    name = "gru, both forms"
    path = tmp_path / f"model{other}"
    path.write_bytes((keras2 / f"{name}{suffix}").read_bytes())
    close(model.load(path), keras2, name)


def test_an_unpacked_archive(keras2: Path, tmp_path: Path) -> None:
    """As model hubs keep them."""
    with zipfile.ZipFile(keras2 / "attention.keras") as archive:
        archive.extractall(tmp_path / "model")
    close(model.load(tmp_path / "model"), keras2, "attention")


# Layouts of older versions, from their documented format


def edited(
    keras2: Path, tmp_path: Path, name: str, change: Callable[[Any, dict[str, Any]], None]
) -> Path:
    """A copy of a case's HDF5 file, with its content and configuration changed."""
    import h5py

    path = tmp_path / "model.h5"
    path.write_bytes((keras2 / f"{name}.h5").read_bytes())
    (tmp_path / "cudnn.npz").write_bytes((keras2 / "cudnn.npz").read_bytes())
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        change(file, config)
        text = json.dumps(config)
        # Keras up to 2.2 wrote bytes
        file.attrs["model_config"] = np.bytes_(text.encode())
    return path


def entries(config: Any) -> list[dict[str, Any]]:
    """All layer entries, those inside others too."""
    found = []
    if isinstance(config, dict):
        if "class_name" in config and isinstance(config.get("config"), (dict, list)):
            found.append(config)
        for value in config.values():
            found += entries(value)
    elif isinstance(config, list):
        for value in config:
            found += entries(value)
    return found


def version(file: Any, text: str | None, backend: str = "tensorflow") -> None:
    """Write the version as the old ones did; None: not at all, as Keras 1 did."""
    for group in (file, file["model_weights"]):
        for key, value in (("keras_version", text), ("backend", backend)):
            if key in group.attrs:
                del group.attrs[key]
            if value is not None and text is not None:
                group.attrs[key] = np.bytes_(value.encode())


def rewrite(file: Any, layer: str, arrays: list[Any], names: list[str] | None = None) -> None:
    """Put other arrays into a layer's group."""
    group = file["model_weights"][layer]
    for key in list(group):
        del group[key]
    names = names or [f"{layer}/w_{i}" for i in range(len(arrays))]
    group.attrs["weight_names"] = np.array([n.encode() for n in names])
    for name, array in zip(names, arrays, strict=True):
        group[name] = array


def weights(file: Any, layer: str) -> list[Any]:
    """A layer's arrays."""
    group = file["model_weights"][layer]
    return [np.asarray(group[n]) for n in group.attrs["weight_names"]]


def _bare_list(file: Any, config: dict[str, Any]) -> None:
    """Keras up to 2.2.2: a Sequential model is a list, without an InputLayer."""
    version(file, "2.1.6")
    layers = config["config"]["layers"]
    shape = layers.pop(0)["config"]["batch_input_shape"]
    layers[0]["config"]["batch_input_shape"] = shape
    for layer in layers:
        layer["config"].pop("time_major", None)
    config["config"] = layers


def _no_reset_after(file: Any, config: dict[str, Any]) -> None:
    version(file, "2.1.3")
    config["class_name"] = "Model"
    for entry in entries(config):
        if entry["class_name"] == "GRU":
            assert not entry["config"].pop("reset_after")


def _chunks(file: Any, config: dict[str, Any]) -> None:
    """Lists of more than 64 kB are in several attributes."""
    version(file, "2.2.4-tf")
    group = file["model_weights"]
    names = list(group.attrs["layer_names"])
    del group.attrs["layer_names"]
    for i in range(2):
        part = names[:2] if i == 0 else names[2:]
        group.attrs[f"layer_names{i}"] = np.array([str(n).encode() for n in part])


def _cudnn(file: Any, config: dict[str, Any]) -> None:
    """CuDNNLSTM and CuDNNGRU: fewer options, kernels of each gate turned, two biases."""
    version(file, "2.1.6")
    keep = "name trainable units return_sequences return_state go_backwards stateful".split()
    changed = 0
    for layer in entries(config):
        if layer["class_name"] in ("LSTM", "GRU"):
            layer["class_name"] = f"CuDNN{layer['class_name']}"
            layer["config"] = {k: v for k, v in layer["config"].items() if k in keep}
            changed += 1
    assert changed == 3
    arrays = np.load(Path(file.filename).with_name("cudnn.npz"))
    for name in ("first", "second", "third"):
        found = [arrays[k] for k in arrays.files if k.startswith(name)]
        assert found[2].ndim == 1
        rewrite(file, name, found)


def _theano(file: Any, config: dict[str, Any]) -> None:
    """Theano's convolution turns the kernel round."""
    version(file, "2.0.8", "theano")
    for layer in config["config"]["layers"]:
        if layer["class_name"] == "Conv1D":
            kernel, bias = weights(file, layer["config"]["name"])
            rewrite(file, layer["config"]["name"], [kernel[::-1], bias])


def _keras1(file: Any, config: dict[str, Any]) -> None:
    """Keras 1: other names, and an array for each gate (i, c, f, o)."""
    version(file, None)
    _bare = config["config"]["layers"]
    shape = _bare.pop(0)["config"]["batch_input_shape"]
    names = {
        "units": "output_dim",
        "recurrent_activation": "inner_activation",
        "dropout": "dropout_W",
        "recurrent_dropout": "dropout_U",
        "kernel_initializer": "init",
        "use_bias": "bias",
        "rate": "p",
    }
    drop = "time_major implementation return_state unroll unit_forget_bias dtype seed noise_shape"
    for layer in _bare:
        old = layer["config"]
        layer["config"] = {
            names.get(k, k): v
            for k, v in old.items()
            if k not in drop.split() and not k.endswith(("regularizer", "constraint"))
        }
        layer["config"]["name"] = old["name"]
        if layer["class_name"] == "LSTM":
            layer["config"] |= {"consume_less": "cpu", "input_dim": 5, "W_regularizer": None}
            kernel, recurrent, bias = (np.split(w, 4, -1) for w in weights(file, old["name"]))
            rewrite(
                file,
                old["name"],
                [w[g] for g in (0, 2, 1, 3) for w in (kernel, recurrent, bias)],
            )
        if layer["class_name"] == "Conv1D":
            layer["class_name"] = "Convolution1D"
    _bare[0]["config"] |= {"batch_input_shape": shape, "input_dtype": "int32", "dropout": 0.1}
    config["config"] = _bare


def _op_layers(file: Any, config: dict[str, Any]) -> None:
    """TensorFlow 2.0 to 2.3: operations as nodes of its graph."""
    version(file, "2.3.0-tf")
    nodes = {
        "tf.math.multiply": ("Mul", 2, {0: 2.0}, {}),
        "tf.__operators__.getitem": (
            "StridedSlice",
            4,
            {1: [0, -1, 0], 2: [0, 0, 0], 3: [1, 1, 1]},
            {"begin_mask": {"i": "5"}, "end_mask": {"i": "5"}, "shrink_axis_mask": {"i": "2"}},
        ),
        "tf.math.reduce_mean": ("Mean", 2, {1: 1}, {"keep_dims": {"b": True}}),
        "tf.concat": ("ConcatV2", 4, {3: -1}, {}),
        "tf.math.greater": ("Greater", 2, {1: 0.0}, {}),
        "tf.cast": ("Cast", 1, {}, {"DstT": {"type": "DT_FLOAT"}}),
    }
    changed = 0
    for layer in config["config"]["layers"]:
        name = layer["name"]
        if name not in nodes:
            continue
        op, count, constants, attributes = nodes[name]
        node = {"name": op, "op": op, "input": [f"i{i}" for i in range(count)], "attr": attributes}
        layer["class_name"] = "TensorFlowOpLayer"
        layer["config"] = {
            "name": op,
            "trainable": True,
            "dtype": "float32",
            "node_def": node,
            "constants": {str(k): v for k, v in constants.items()},
        }
        found = layer["inbound_nodes"][0]
        flat = found if isinstance(found[0], list) else [found]
        references = [[*r[:3], {}] for r in flat if r[0] != "_CONSTANT_VALUE"]
        references += [
            [*v, {}]
            for r in flat[:1]
            for v in [r[3].get("y")]
            if isinstance(v, list) and len(v) == 3
        ]
        layer["inbound_nodes"] = [references]
        changed += 1
    assert changed == len(nodes)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("text classifier", _bare_list),
        ("masked tagger", _no_reset_after),
        ("encoder and decoder with states", _chunks),
        ("layers that cuDNN has", _cudnn),
        ("cnn and lstm", _theano),
        ("text classifier", _keras1),
        ("tensorflow operations", _op_layers),
    ],
)
def test_older_layouts(
    keras2: Path, tmp_path: Path, name: str, change: Callable[[Any, dict[str, Any]], None]
) -> None:
    """The same answers as before the change of layout."""
    close(model.load(edited(keras2, tmp_path, name, change)), keras2, name)


_Z = np.random.default_rng(2).normal(size=(3, 5, 4)).astype("float32")
_ROWS = np.array([2, 0, 4], "int32")


@pytest.mark.parametrize(
    ("name", "values", "options"),
    [
        *((f"math.{n}", [_Z], {}) for n in "tan sinh cosh erf log_sigmoid is_nan rint".split()),
        *((f"math.a{n}", [np.tanh(_Z)], {}) for n in "sin cos tan sinh tanh".split()),
        *((f"math.{n}", [_Z], {"axis": 1}) for n in "argmax argmin cumprod count_nonzero".split()),
        ("math.argmax", [_Z], {}),
        ("math.cumsum", [_Z], {"axis": 1, "exclusive": True, "reverse": True}),
        ("math.atan2", [_Z, _Z + 1], {}),
        ("math.add_n", [[_Z, _Z, _Z]], {}),
        ("math.top_k", [_Z], {"k": 2}),
        ("math.scalar_mul", [2.0, _Z], {}),
        ("math.reduce_euclidean_norm", [_Z], {"axis": 1}),
        ("sort", [_Z], {"axis": 1, "direction": "DESCENDING"}),
        ("argsort", [_Z], {"axis": 1}),
        ("norm", [_Z], {"ord": 1, "axis": -1, "keepdims": True}),
        ("gather", [_Z, _ROWS], {"axis": 1, "batch_dims": 1}),
        ("gather", [_Z, _ROWS[:, None]], {"axis": 1, "batch_dims": 1}),
        ("gather", [_Z, [0, 2]], {"axis": 1}),
        ("nn.embedding_lookup", [_Z[0], _ROWS], {}),
        ("reverse_sequence", [_Z, _ROWS], {"seq_axis": 1, "batch_axis": 0}),
        ("sequence_mask", [_ROWS], {"maxlen": 5, "dtype": "float32"}),
        ("broadcast_to", [_Z[:, :1], [3, 5, 4]], {}),
        ("repeat", [_Z, 2], {"axis": 1}),
        ("slice", [_Z, [0, 1, 0], [-1, 2, 3]], {}),
        (
            "strided_slice",
            [_Z, [0, -1], [0, 0], [1, 1]],
            {"begin_mask": 1, "end_mask": 1, "shrink_axis_mask": 2},
        ),
        ("nn.max_pool1d", [_Z, [2], [1, 2, 1], "SAME"], {}),
        ("nn.conv1d", [_Z, np.ones((3, 4, 2), "float32"), 2, "VALID"], {}),
        ("where", [_Z > 0, _Z, 0.0], {}),
    ],
)
def test_operations_of_tensorflow(name: str, values: list[Any], options: dict[str, Any]) -> None:
    """Each of the table gives what TensorFlow's own function of that name gives."""
    import keras
    import tensorflow as tf

    function = tf
    for part in name.split("."):
        function = getattr(function, part)
    expected = keras.tree.flatten(function(*values, **options))
    for stored in (name, f"compat.v1.{name}"):
        assert operator_name("TFOpLambda", {"function": stored})[0]
        found = keras.tree.flatten(
            operation("TFOpLambda", {"function": stored})(*values, **options)
        )
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-6)


def test_lengths_of_a_call_are_refused_where_they_are_needed(keras2: Path, tmp_path: Path) -> None:
    """What depends on the shape of a tensor that is not known before."""

    def change(file: Any, config: dict[str, Any]) -> None:
        for entry in entries(config):
            if entry["class_name"] == "InputLayer" and entry["name"] == "x":
                entry["config"]["batch_input_shape"] = [None, None, 4]

    path = edited(keras2, tmp_path, "more tensorflow operations", change)
    with pytest.raises(InputError, match="tile with a length that is only known in a call"):
        model.load(path)


def test_a_saved_model_of_tensorflow_before_2_5(keras2: Path, tmp_path: Path) -> None:
    """The configuration is in the graph's file."""
    import shutil

    from tensorflow.core.protobuf import saved_model_pb2

    from lstm_edge.models import files as keras_files

    path = tmp_path / "model"
    shutil.copytree(keras2 / "normalised series", path)
    saved = saved_model_pb2.SavedModel()
    saved.ParseFromString((path / "saved_model.pb").read_bytes())
    text = keras_files._keras_metadata(path, None)
    saved.meta_graphs[0].object_graph_def.nodes[0].user_object.metadata = text
    (path / "saved_model.pb").write_bytes(saved.SerializeToString())
    (path / "keras_metadata.pb").unlink()
    close(model.load(path), keras2, "normalised series")
    close(model.load(path / "saved_model.pb"), keras2, "normalised series")


def test_names_that_tensorflow_does_not_take(keras2: Path, tmp_path: Path) -> None:
    """Spaces, slashes and brackets were allowed."""

    def change(file: Any, config: dict[str, Any]) -> None:
        group = file["model_weights"]
        names = []
        for number, layer in enumerate(config["config"]["layers"]):
            old, new = layer["config"]["name"], f"_LSTM layer/{number} [é]"
            layer["config"]["name"] = new
            if old in group:
                group.move(old, new)
                names.append(new.encode())
        group.attrs["layer_names"] = names

    loaded = model.load(edited(keras2, tmp_path, "gru, both forms", change))
    close(loaded, keras2, "gru, both forms")
    exports(loaded, tmp_path, names=[layer.name for layer in loaded.layers])
    assert loaded.layers[0].name == "_LSTM layer_1 [é]"  # Keras takes no slash


def _odd_names(number: int) -> Any:
    """Live models with names that no scope of TensorFlow takes; some are the same without their marks."""
    import keras

    L = keras.layers
    x = keras.Input((6, 4), name="1 (x)")
    if number == 0:
        layers = [L.LSTM(4, name="größe"), L.Dense(2, name="Dense 1")]
        return keras.Sequential([x, *layers], name="mein Modell")
    if number == 1:
        layers = [L.LSTM(4, name=name, return_sequences=True) for name in ("a b", "a_b", "a?b")]
        return keras.Sequential([x, *layers, L.Dense(4, name="d d"), L.Dense(4, name="d_d")])
    if number == 2:
        ids = keras.Input((6,), dtype="int32", name="die ids")
        layers = [
            L.Embedding(12, 4, name="em bed"),
            L.LSTM(4, name="-"),
            L.Dense(2, "softmax", name="ß"),
        ]
        return keras.Sequential([ids, *layers], name="?")
    y = L.Bidirectional(L.GRU(3, return_sequences=True, name="l s"), name="_bi é")(x)
    inner = keras.Sequential(
        [keras.Input((6, 6)), L.Dense(3, name="in ner"), L.SimpleRNN(4, name="1")]
    )
    z = L.TimeDistributed(L.Dense(2, name="a b"), name="t d")(y)
    return keras.Model(x, [L.Dense(2, name="Ausgang ä")(inner(y)), z], name="größe")


def exports(source: Any, tmp_path: Path, names: list[str], **options: Any) -> None:
    """Both formats are as Keras, and the manifest has the user's names."""
    result = export_bundle(source, tmp_path / "b", precisions=["float32"], **options)
    assert result.ok
    assert len(result.reports) == 2
    stored = json.loads((tmp_path / "b" / "manifest.json").read_text())
    assert [layer["name"] for layer in stored["source"]["layers"]] == names


@pytest.mark.parametrize(
    ("number", "suffix"), [(0, ""), (1, ""), (2, ".h5"), (3, ".keras"), (1, ".keras"), (3, "")]
)
def test_names_that_only_keras_takes(tmp_path: Path, number: int, suffix: str) -> None:
    """Live and from files, and what was changed while tracing is put back."""
    made = _odd_names(number)
    names = [layer.name for layer in made.layers]
    variables = [v.value.name for v in made.variables]
    if suffix:
        made.save(tmp_path / f"m{suffix}")
    exports(tmp_path / f"m{suffix}" if suffix else made, tmp_path, names)
    assert not any("_open_name_scope" in vars(layer) for layer in made._flatten_layers())
    assert variables == [v.value.name for v in made.variables]


def test_streams_of_such_names(tmp_path: Path) -> None:
    """Their states have names that differ."""
    made = _odd_names(1)
    exports(made, tmp_path, [layer.name for layer in made.layers], streaming=True)
    stored = json.loads((tmp_path / "b" / "manifest.json").read_text())
    names = [state["name"] for state in stored["variants"][0]["states"]]
    assert len(set(names)) == len(names) == 6


def _without_shapes(config: Any) -> None:
    """As of a Sequential model that was saved before its input was known."""
    for entry in [config, *entries(config)]:
        if isinstance(entry["config"], dict):
            for place in (entry, entry["config"]):
                for key in ("batch_input_shape", "build_input_shape", "build_config"):
                    place.pop(key, None)
            if layers := entry["config"].get("layers"):
                entry["config"]["layers"] = [e for e in layers if e["class_name"] != "InputLayer"]


def _shapeless(keras2: Path, tmp_path: Path, name: str, suffix: str) -> Path:
    if suffix == ".h5":
        return edited(keras2, tmp_path, name, lambda file, config: _without_shapes(config))
    path = tmp_path / "model.keras"
    path.write_bytes((keras2 / f"{name}.keras").read_bytes())
    _changed_zip(path, _without_shapes)
    return path


@pytest.mark.parametrize("suffix", [".h5", ".keras"])
@pytest.mark.parametrize(
    "name",
    [
        "text classifier",
        "masking in front, state kept to the end",
        "gru, both forms",
        "hard sigmoid everywhere",
        "layers that cuDNN has",
        "a flattened sequence",
    ],
)
def test_a_shape_that_was_not_stored(keras2: Path, tmp_path: Path, name: str, suffix: str) -> None:
    """The first weights tell how many numbers a step has; steps are free, unless a layer needs them."""
    path = _shapeless(keras2, tmp_path, name, suffix)
    if name == "a flattened sequence":
        with pytest.raises(InputError, match="how many steps or ids it takes: give `length`"):
            model.load(path)
        assert model.load(path, length=6).inputs[0].shape == (None, 6, 4)
    else:
        assert model.load(path).inputs[0].shape[1] is None
    close(model.load(path, length=6), keras2, name)


def test_the_command_asks_for_a_length(keras2: Path, tmp_path: Path) -> None:
    """And goes on with it; verify knows it then."""
    path = _shapeless(keras2, tmp_path, "a flattened sequence", ".h5")
    refused_by_the_command(path, "give --length")
    bundle = tmp_path / "b"
    options = ["--out", str(bundle), "--format", "onnx", "--precision", "float32"]
    done = CliRunner().invoke(cli, ["export", str(path), "--length", "6", *options])
    assert done.exit_code == 0, done.output
    np.save(tmp_path / "x.npy", np.ones((2, 6, 4), "float32"))
    done = CliRunner().invoke(cli, ["verify", str(bundle), "--inputs", str(tmp_path / "x.npy")])
    assert done.exit_code == 0, done.output


def test_a_shape_that_nothing_tells(keras2: Path, tmp_path: Path) -> None:
    """A layer in front that makes another shape of it."""

    def change(file: Any, config: dict[str, Any]) -> None:
        _without_shapes(config)
        first = {"name": "first", "target_shape": [6, 4]}
        config["config"]["layers"].insert(0, {"class_name": "Reshape", "config": first})

    with pytest.raises(InputError, match="the shape of the model's input is not stored"):
        model.load(edited(keras2, tmp_path, "hard sigmoid everywhere", change))


# Files of Keras 3


def _keras3() -> Any:
    """A nested and a shared layer, a regulariser of the user's own, a loss of the user's own."""
    import keras

    L = keras.layers
    keras.utils.set_random_seed(4)

    @keras.saving.register_keras_serializable("ours")
    class Own(keras.regularizers.Regularizer):
        def __call__(self, x: Any) -> Any:
            return keras.ops.sum(x)

        def get_config(self) -> dict[str, Any]:
            return {}

    inner = keras.Sequential(
        [keras.Input((6, 4)), L.Dense(4, activation="hard_sigmoid")], name="in"
    )
    x = keras.Input((6, 4))
    y = inner(inner(x)) + keras.ops.mean(x, axis=1, keepdims=True)
    y = L.Bidirectional(L.GRU(3, kernel_regularizer=Own(), name="gru"))(y)
    made = keras.Model(x, [L.Dense(2)(y), y[:, 1:3]])
    made.compile(loss=lambda a, b: 0.0)
    return made


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_files_of_keras3(tmp_path: Path, suffix: str) -> None:
    """Keras reads them itself, but for what only training needs."""
    import keras

    made = _keras3()
    made.save(tmp_path / f"made{suffix}")
    # not known any more where the file is loaded
    del keras.saving.get_custom_objects()["ours>Own"]
    path = (tmp_path / f"made{suffix}").rename(tmp_path / "made.bin")
    x = np.random.default_rng(0).normal(size=(2, 6, 4)).astype("float32")
    loaded = model.load(path)
    assert not loaded.compiled
    for one, other in zip(made(x), loaded(x), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)


def _changed_groups(path: Path, change: Callable[[Any, Any], None]) -> None:
    """Write the weights of a ``.keras`` file anew: ``change`` gets those that are there, and none."""
    import h5py

    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    content = io.BytesIO()
    with (
        h5py.File(io.BytesIO(members["model.weights.h5"])) as before,
        h5py.File(content, "w") as after,
    ):
        change(before, after)
    members["model.weights.h5"] = content.getvalue()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)


def test_a_file_that_keras3_wrote_on_windows(tmp_path: Path) -> None:
    """Its first versions named groups as folders there."""
    import h5py

    def change(before: Any, after: Any) -> None:
        def put(name: str, item: Any) -> None:
            if isinstance(item, h5py.Dataset):
                group, number = name.rsplit("/vars/", 1)
                after[group.replace("/", "\\") + "/vars/" + number] = item[()]

        before.visititems(put)

    made = _keras3()
    made.save(tmp_path / "made.keras")
    _changed_groups(tmp_path / "made.keras", change)
    x = np.random.default_rng(0).normal(size=(2, 6, 4)).astype("float32")
    for one, other in zip(made(x), model.load(tmp_path / "made.keras")(x), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)


# A structure and its weights


def _pair(folder: Path, structure: str, weights: str, number: int = 0) -> Any:
    """The two files of Keras 3."""
    import keras

    made = _odd_names(number)
    (folder / structure).write_text(made.to_json())
    if weights.endswith(".weights.h5"):
        made.save_weights(folder / weights)
    elif weights:  # the older layout
        import h5py
        from keras.src.legacy.saving import legacy_h5_format

        with h5py.File(folder / weights, "w") as file:
            legacy_h5_format.save_weights_to_hdf5_group(file, made)
    assert keras.__version__ >= "3"
    return made


@pytest.mark.parametrize(
    ("structure", "weights"),
    [
        ("model.json", "model.weights.h5"),
        ("model.json", "model.h5"),
        ("m_architecture.json", "m-weights.hdf5"),
        ("anything.json", "best.weights.h5"),
    ],
)
def test_a_structure_and_its_weights(tmp_path: Path, structure: str, weights: str) -> None:
    """Either is given, the other is found, whatever else lies there."""
    made = _pair(tmp_path, structure, weights)
    (tmp_path / "tokenizer.json").write_text('{"class_name": "Tokenizer", "config": {}}')
    x = np.random.default_rng(0).normal(size=(2, 6, 4)).astype("float32")
    for name in (structure, weights):
        np.testing.assert_allclose(model.load(tmp_path / name)(x), made(x), rtol=1e-6)
        assert run_folder.find(tmp_path / name).model == tmp_path / weights
    # as json.dump(model.to_json(), file) writes it
    (tmp_path / structure).write_text(json.dumps((tmp_path / structure).read_text()))
    np.testing.assert_allclose(model.load(tmp_path / structure)(x), made(x), rtol=1e-6)


@pytest.mark.parametrize("kind", ["steps", "ids", "flattened"])
def test_a_structure_of_keras3_without_a_shape(tmp_path: Path, kind: str) -> None:
    """to_json() before the model was called."""
    import keras

    L = keras.layers
    x = np.random.default_rng(0).normal(size=(2, 6, 4)).astype("float32")
    layers = [L.Masking(), L.Bidirectional(L.LSTM(3, return_sequences=True)), L.GRU(2)]
    if kind == "ids":
        x, layers = np.array([[1, 4, 2]]), [L.Embedding(9, 3), L.LSTM(2)]
    if kind == "flattened":
        layers = [L.LSTM(3, return_sequences=True), L.Flatten(), L.Dense(2)]
    made = keras.Sequential(layers)
    (tmp_path / "m.json").write_text(made.to_json())
    expected = made(x)
    made.save_weights(tmp_path / "m.weights.h5")
    if kind == "flattened":
        with pytest.raises(InputError, match="give `length`"):
            model.load(tmp_path / "m.json")
    np.testing.assert_allclose(model.load(tmp_path / "m.json", length=6)(x), expected, rtol=1e-6)


@pytest.mark.parametrize("suffix", [".h5", ".weights.h5"])
@pytest.mark.parametrize("name", ["gru, both forms", "several of each class", "masked tagger"])
def test_a_structure_and_weights_of_keras2(
    keras2: Path, tmp_path: Path, name: str, suffix: str
) -> None:
    """Flat lists and trees, as that version wrote them."""
    for end in (".json", suffix):
        (tmp_path / f"model{end}").write_bytes((keras2 / f"{name} apart{end}").read_bytes())
    close(model.load(tmp_path / "model.json"), keras2, name)
    close(model.load(tmp_path / f"model{suffix}"), keras2, name)


def test_the_command_says_which_weights_it_took(tmp_path: Path) -> None:
    """And verify finds both again; inspect reads the structure."""
    _pair(tmp_path, "model.json", "model.weights.h5")
    bundle = tmp_path / "b"
    options = ["--out", str(bundle), "--format", "onnx", "--precision", "float32"]
    done = CliRunner().invoke(cli, ["export", str(tmp_path / "model.json"), *options])
    assert done.exit_code == 0, done.output
    assert "is the structure model.json with the weights model.weights.h5" in done.output
    np.save(tmp_path / "x.npy", np.zeros((2, 6, 4), "float32"))
    done = CliRunner().invoke(cli, ["verify", str(bundle), "--inputs", str(tmp_path / "x.npy")])
    assert done.exit_code == 0, done.output
    done = CliRunner().invoke(cli, ["inspect", str(tmp_path / "model.json")])
    assert done.exit_code == 0, done.output


# Refusals


class Evil:
    """A pickle of it writes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.write_text, (self.path, "run")


def _payload(mark: Path) -> list[Any]:
    """A Lambda's function as Keras 2 stores it: its body writes a file."""
    code = compile(
        f"lambda x: __import__('pathlib').Path({str(mark)!r}).write_text('run') and x",
        "<lambda>",
        "eval",
    )
    function = next(c for c in code.co_consts if hasattr(c, "co_code"))
    return [base64.b64encode(marshal.dumps(function)).decode(), None, None]


def _obstacles(file: Any, config: dict[str, Any]) -> None:
    """A layer of each kind in the way, in a nested model and in wrappers too."""
    folder = Path(file.filename).parent
    (folder / "evil_module.py").write_text(
        f"from pathlib import Path\nPath({str(folder / 'mark')!r}).write_text('run')\nclass Own: ...\n"
    )
    layers = config["config"]["layers"]

    def add(name: str, kind: str, **options: Any) -> None:
        layers.append({"class_name": kind, "config": {"name": name, **options}})

    add("code", "Lambda", function=_payload(folder / "mark"), function_type="lambda", arguments={})
    add("mine", "Own>Attention", units=3)
    add("imported", "Own", module="evil_module")
    layers[-1] |= {"module": "evil_module", "registered_name": "Own"}
    add("sharp", "Dense", units=2, activation="my_activation")
    add("coded", "Activation", activation=_payload(folder / "mark"))
    add("text", "TextVectorization", max_tokens=9)
    add("local", "LocallyConnected1D", filters=2, kernel_size=3)
    add("graph", "TFOpLambda", function="signal.fft")
    add("odd", "Dense", units=2, step_dim=7)
    add("pickled", "TorchModuleWrapper", module=None)
    inner = {"class_name": "SeqSelfAttention", "config": {"name": "deep", "units": 2}}
    add("both", "Bidirectional", layer=inner, merge_mode="concat")
    add("nested", "Sequential", layers=[inner])
    add("cells", "RNN", cell={"class_name": "MyCell", "config": {"name": "cell"}})


def test_every_obstacle_of_keras2_in_one_message(
    keras2: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each with its layer, and nothing is run or imported."""
    monkeypatch.syspath_prepend(tmp_path)
    path = edited(keras2, tmp_path, "text classifier", _obstacles)
    refused(
        path,
        "layer code is a Lambda",
        "layer mine is of the class Own>Attention",
        "layer imported is of the class Own,",
        "layer sharp has the activation my_activation",
        "layer coded has the activation Python code inside the file",
        "layer text is a TextVectorization",
        "layer local is a LocallyConnected1D",
        "layer graph is the TensorFlow operation tf.signal.fft",
        "layer odd (Dense) has the option step_dim=7",
        "layer pickled is a TorchModuleWrapper",
        "layer both/deep is of the class SeqSelfAttention",
        "layer nested/deep is of the class SeqSelfAttention",
        "layer cells/cell is of the class MyCell",
    )


def _changed_zip(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the configuration in a ``.keras`` file."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(members["config.json"])
    change(config)
    members["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def test_every_obstacle_of_keras3_in_one_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same for a ``.keras`` file of today."""
    import keras

    monkeypatch.syspath_prepend(tmp_path)
    L = keras.layers
    layers = [L.Dense(2, name=n) for n in ("code", "mine", "sharp", "stub")]
    made = keras.Sequential(
        [keras.Input((6, 4)), *layers, L.Bidirectional(L.GRU(2, name="gru"), name="both")]
    )
    path = tmp_path / "made.keras"
    made.save(path)
    (tmp_path / "evil_module.py").write_text(
        f"from pathlib import Path\nPath({str(tmp_path / 'mark')!r}).write_text('run')\n"
    )
    dense = made.get_layer("sharp").get_config()

    def change(config: dict[str, Any]) -> None:
        stored = {e["config"]["name"]: e for e in config["config"]["layers"]}
        code = {"class_name": "__lambda__", "config": {}}
        code["config"] = dict(
            zip(("code", "defaults", "closure"), _payload(tmp_path / "mark"), strict=True)
        )
        stored["code"] |= {"class_name": "Lambda", "config": {"name": "code", "function": code}}
        stored["mine"] |= {"module": "evil_module", "registered_name": "ours>Dense"}
        stored["sharp"]["config"] = {**dense, "activation": "my_activation"}
        stored["stub"] |= {"class_name": "TFSMLayer"}
        stored["stub"]["config"] = {"name": "stub", "filepath": "/tmp"}
        cell = stored["both"]["config"]["layer"]
        cell["config"]["activation"] = {
            "class_name": "function",
            "config": "system",
            "module": "os",
            "registered_name": "system",
        }

    _changed_zip(path, change)
    refused(
        path,
        "layer code is a Lambda",
        "layer mine is of the class Dense",
        "layer sharp has the activation my_activation",
        "layer stub is a TFSMLayer",
        "layer both/forward_gru has the activation system",
    )


def test_subclassed_models(tmp_path: Path) -> None:
    """Their structure is in no file."""
    import keras

    @keras.saving.register_keras_serializable("ours")
    class Ours(keras.Model):
        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            self.dense = keras.layers.Dense(2)

        def call(self, x: Any) -> Any:
            return self.dense(x)

    made = Ours()
    made(np.ones((1, 3)))
    made.save(tmp_path / "made.keras")
    with pytest.raises(UnsupportedModelError, match="the model is of the class Ours"):
        model.load(tmp_path / "made.keras")


def test_trust_runs_lambda_layers(tmp_path: Path) -> None:
    """Of Keras 3, and of Keras 2 in the same Python."""
    import h5py
    import keras

    made = keras.Sequential(
        [keras.Input((3,)), keras.layers.Lambda(lambda x: x * 2.0), keras.layers.Dense(2)]
    )
    path = tmp_path / "made.keras"
    made.save(path)
    x = np.ones((2, 3), "float32")
    with pytest.raises(UnsupportedModelError, match="allow it with `trust`"):
        model.load(path)
    np.testing.assert_allclose(model.load(path, trust=True)(x), made(x), rtol=1e-6)
    made.save(tmp_path / "made.h5")
    mark = tmp_path / "mark"
    with h5py.File(tmp_path / "made.h5", "r+") as file:
        config = json.loads(file.attrs["model_config"])
        first, code, dense = config["config"]["layers"]
        first["config"] = {"name": "x", "batch_input_shape": [None, 3]}
        code["config"] = {
            "name": code["config"]["name"],
            "function": _payload(mark),
            "function_type": "lambda",
            "arguments": {},
        }
        dense["config"] = {"name": dense["config"]["name"], "units": 2, "activation": "linear"}
        file.attrs["model_config"] = json.dumps(config)
        for group in (file, file["model_weights"]):
            group.attrs["keras_version"] = "2.4.0"
    with pytest.raises(UnsupportedModelError, match="allow it with `trust`"):
        model.load(tmp_path / "made.h5")
    assert not mark.exists()
    loaded = model.load(tmp_path / "made.h5", trust=True)
    assert mark.exists()
    np.testing.assert_allclose(loaded(2 * x), made(x), rtol=1e-6)


def test_trust_takes_registered_classes(keras2: Path, tmp_path: Path) -> None:
    """Those that the user's own program has registered."""
    import keras

    @keras.saving.register_keras_serializable("ours")
    class Sharp(keras.layers.Layer):
        def call(self, x: Any) -> Any:
            return keras.ops.clip(0.2 * x + 0.5, 0.0, 1.0)

    def change(file: Any, config: dict[str, Any]) -> None:
        last = config["config"]["layers"][-1]
        last |= {"class_name": "ours>Sharp", "config": {"name": last["config"]["name"]}}

    path = edited(keras2, tmp_path, "hard sigmoid everywhere", change)
    with pytest.raises(UnsupportedModelError, match="is of the class ours>Sharp"):
        model.load(path)
    close(model.load(path, trust=True), keras2, "hard sigmoid everywhere")


def _weights_only(folder: Path, keras2: Path) -> Path:
    _keras3().save_weights(folder / "m.weights.h5")
    return folder / "m.weights.h5"


def _weights_only_keras2(folder: Path, keras2: Path) -> Path:
    import h5py

    with (
        h5py.File(keras2 / "attention.h5") as whole,
        h5py.File(folder / "weights.h5", "w") as part,
    ):
        for name in whole["model_weights"]:
            whole.copy(f"model_weights/{name}", part)
        part.attrs["layer_names"] = whole["model_weights"].attrs["layer_names"]
    return folder / "weights.h5"


def _pickle(folder: Path, keras2: Path) -> Path:
    (folder / "m.h5").write_bytes(pickle.dumps(Evil(folder / "mark")))
    return folder / "m.h5"


def _torch(folder: Path, keras2: Path) -> Path:
    with zipfile.ZipFile(folder / "m.pt", "w") as archive:
        archive.writestr("m/data.pkl", pickle.dumps(Evil(folder / "mark")))
    return folder / "m.pt"


def _arrays(folder: Path, keras2: Path) -> Path:
    np.savez(folder / "m.npz", a=np.ones(2))
    return folder / "m.npz"


def _written(name: str, content: bytes) -> Callable[[Path, Path], Path]:
    def make(folder: Path, keras2: Path) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    return make


def _misfit(folder: Path, keras2: Path) -> Path:
    def change(file: Any, config: dict[str, Any]) -> None:
        rewrite(
            file, "lstm" if "lstm" in file["model_weights"] else _named(config, "LSTM"), _MISFIT
        )

    return edited(keras2, folder, "text classifier", change)


_MISFIT = [np.ones((5, 24)), np.ones((7, 24)), np.ones(20)]


def _named(config: dict[str, Any], kind: str) -> str:
    found = [e["config"]["name"] for e in entries(config) if e["class_name"] == kind]
    return str(found[0])


def _too_few_groups(folder: Path, keras2: Path) -> Path:
    """Whose four arrays of one shape the others are, nothing says."""

    def change(before: Any, after: Any) -> None:
        before.copy("_layer_checkpoint_dependencies", after)
        del after["_layer_checkpoint_dependencies/dense_2"]

    path = folder / "m.keras"
    path.write_bytes((keras2 / "several of each class of 2.13.keras").read_bytes())
    _changed_groups(path, change)
    return path


def _structure_alone(folder: Path, keras2: Path) -> Path:
    _pair(folder, "m.json", "")
    return folder / "m.json"


def _structure_of_two(folder: Path, keras2: Path) -> Path:
    _pair(folder, "m.json", "a.weights.h5")
    _pair(folder, "m.json", "b.weights.h5")
    return folder / "m.json"


def _weights_of_two(folder: Path, keras2: Path) -> Path:
    _pair(folder, "a.json", "m.weights.h5")
    _pair(folder, "b.json", "m.weights.h5")
    return folder / "m.weights.h5"


def _structure_of_others(folder: Path, keras2: Path) -> Path:
    for end, name in ((".json", "gru, both forms"), (".h5", "masked tagger")):
        (folder / f"m{end}").write_bytes((keras2 / f"{name} apart{end}").read_bytes())
    return folder / "m.h5"


def _missing(folder: Path, keras2: Path) -> Path:
    def change(file: Any, config: dict[str, Any]) -> None:
        rewrite(file, _named(config, "LSTM"), [])

    return edited(keras2, folder, "text classifier", change)


def _elsewhere(folder: Path, keras2: Path) -> Path:
    import h5py

    def change(file: Any, config: dict[str, Any]) -> None:
        name = _named(config, "LSTM")
        group = file["model_weights"][name]
        group["out"] = h5py.ExternalLink(str(keras2 / "attention.h5"), "/model_weights")
        group.attrs["weight_names"] = np.array([b"out"])

    return edited(keras2, folder, "text classifier", change)


def _loop(folder: Path, keras2: Path) -> Path:
    def change(file: Any, config: dict[str, Any]) -> None:
        layer = next(e for e in config["config"]["layers"] if e["class_name"] == "LSTM")
        layer["inbound_nodes"][0][0][0] = layer["name"]

    return edited(keras2, folder, "cnn and lstm", change)


def _no_variables(folder: Path, keras2: Path) -> Path:
    import shutil

    shutil.copytree(keras2 / "normalised series", folder / "m")
    (folder / "m" / "variables" / "variables.index").unlink()
    return folder / "m"


def _cut_graph(folder: Path, keras2: Path) -> Path:
    path = _no_variables(folder, keras2)
    content = (path / "saved_model.pb").read_bytes()
    (path / "saved_model.pb").write_bytes(content[: len(content) // 2])
    return path


def _cut(folder: Path, keras2: Path) -> Path:
    content = (keras2 / "attention.h5").read_bytes()
    (folder / "m.h5").write_bytes(content[: len(content) // 2])
    return folder / "m.h5"


@pytest.mark.parametrize(
    ("make", "reasons"),
    [
        (_cut, ["cannot be loaded by Keras", "it is not a whole HDF5 file"]),
        (_weights_only, ["holds weights only", "model.load_weights"]),
        (_weights_only_keras2, ["holds weights only", "model.load_weights"]),
        (_pickle, ["is a pickle"]),
        (_torch, ["is a PyTorch file"]),
        (_arrays, ["holds weights only"]),
        (_written("m.tflite", b"\x1c\0\0\0TFL3...."), ["is a TFLite file"]),
        (_written("m.onnx", b"\x08\x07"), ["is an ONNX file"]),
        (_written("m.json", b'{"class_name": "Tokenizer"}'), ["is JSON, and not the structure"]),
        (_structure_alone, ["is a structure without its weights", "such as m.weights.h5"]),
        (_structure_of_two, ["each of a.weights.h5, b.weights.h5 may be its weights"]),
        (_weights_of_two, ["each of a.json, b.json may be its structure"]),
        (_structure_of_others, ["weights that do not fit the stored structure"]),
        (_written("m.h5", b"version https://git-lfs.github.com/spec/v1\n"), ["git lfs pull"]),
        (_written("m.h5", b"<!DOCTYPE html>"), ["is a page of the web"]),
        (_written("m.h5", b""), ["is empty"]),
        (_written("m.pb", b"\x0a\x01"), ["is a graph of TensorFlow"]),
        (_written("m.ckpt.index", b"\x00\x01"), ["is a checkpoint of TensorFlow"]),
        (_written("m", b"\x00\x01"), ["is not a Keras model: expected a .keras, .h5"]),
        (lambda folder, keras2: folder, ["is a folder without saved_model.pb"]),
        (
            _misfit,
            [
                "layer lstm",
                "recurrent_kernel has the shape [7, 24] in the file, expected [6, 24]",
                "bias has the shape [20] in the file, expected [24]",
            ],
        ),
        (_missing, ["(LSTM) has no weights in the file"]),
        (_too_few_groups, ["weights are of 3 layers of the class Dense", "expected 4"]),
        (_elsewhere, ["is not stored in the file itself"]),
        (_loop, ["the stored graph does not fit together at the layers lstm"]),
        (_no_variables, ["has no variables/variables.index"]),
        (_cut_graph, ["saved_model.pb is damaged"]),
    ],
)
def test_files_that_are_refused(
    keras2: Path, tmp_path: Path, make: Callable[[Path, Path], Path], reasons: list[str]
) -> None:
    """One error that names the file, says what it is and what helps."""
    path = make(tmp_path, keras2)
    with pytest.raises((InputError, UnsupportedModelError)) as caught:
        model.load(path)
    for reason in [str(path), *reasons]:
        assert reason in str(caught.value)
    refused_by_the_command(path, str(caught.value if path.is_file() else path))
    assert not (tmp_path / "mark").exists()


def test_any_model_is_a_source(keras2: Path, tmp_path: Path) -> None:
    """A SavedModel's folder, and files of any name."""
    folder = keras2 / "normalised series"
    assert run_folder.find(folder).model == folder
    assert run_folder.find(tmp_path / "m.bin").model == tmp_path / "m.bin"
    with pytest.raises(InputError, match=r"has no model\.keras"):
        run_folder.find(tmp_path)
