"""What inspect finds in real files: our own, those of the usual routes with their traps, and damaged."""

from __future__ import annotations

import importlib
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Exported
from damage import refusals
from models import VARIANTS, plain

from export.lowering.tflite_fused import fusable
from lstm_edge.base.extras import require
from lstm_edge.errors import InputError
from lstm_edge.structure import of_keras as structure
from lstm_edge.structure.contents import TensorInfo, inspect

UNITS, LENGTH = 3, 6


# --- our own files --------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", VARIANTS)
def test_an_exported_file(variant: str, exported: Callable[[str, str], Exported]) -> None:
    made = exported("three classes", variant)
    inside = inspect(made.path)
    assert inside.format == made.exporter.format
    assert inside.problems == ()
    assert inside.bytes == made.path.stat().st_size
    assert 0 < sum(inside.weights.values()) < inside.bytes
    assert inside.outputs[0].shape[1] == 3
    assert list(inside.ops) == sorted(inside.ops)
    assert json.loads(json.dumps(inside.to_json()))["inputs"][0]["name"] == "ids"
    more = inside.with_problems(["one"])
    assert (more.problems, inside.problems) == (("one",), ())


def test_weights_are_counted_once(exported: Callable[[str, str], Exported]) -> None:
    made = exported("length 1", "onnx-float32")
    stack = made.stack
    arrays = [stack.embedding, stack.dense[0].kernel, stack.dense[0].bias]
    for layer in stack.lstm:
        # ONNX has a bias for each of W and R; one row of states, h and c
        arrays += [layer.kernel, layer.recurrent, layer.bias, layer.bias, np.zeros(2 * layer.units)]
    assert inspect(made.path).weights["float32"] == 4 * sum(array.size for array in arrays)


@pytest.mark.parametrize("name", ["small.keras", "small.h5"])
def test_a_keras_file(name: str, model_files: Path) -> None:
    inside = inspect(model_files / name)
    assert inside.format == "keras"
    assert inside.ops == {"Dense": 1, "Embedding": 1, "InputLayer": 1, "LSTM": 2}
    assert inside.inputs == (TensorInfo("ids", "int32", (-1, 20)),)
    assert inside.problems == ()


def test_a_keras_file_by_another_spelling_of_its_suffix(model_files: Path, tmp_path: Path) -> None:
    for name, copy in (("small.keras", "A.KERAS"), ("small.h5", "b.HDF5"), ("small.h5", "c.keras")):
        (tmp_path / copy).write_bytes((model_files / name).read_bytes())
        assert inspect(tmp_path / copy).ops["LSTM"] == 2


def test_inspecting_a_keras_file_does_not_load_keras(model_files: Path) -> None:
    from test_runners import BLOCKER, run_python

    code = "\nfrom pathlib import Path\nfrom lstm_edge.structure.contents import inspect\n"
    code += "print(inspect(Path(sys.argv[2])).ops['LSTM'])"
    done = run_python(BLOCKER + code, "tensorflow,keras", str(model_files / "small.keras"))
    assert done.stdout == "2\n", done.stderr


# --- files of the usual routes --------------------------------------------------------------------


SPEC = ([1, LENGTH], "int32")


def function_of(run: Callable[[Any], Any]) -> Any:
    """``run`` as a TensorFlow function of ids [1, LENGTH]."""
    tf = require("tensorflow", "testing")
    return tf.function(run, input_signature=[tf.TensorSpec(*SPEC, name="ids")], autograph=False)


def converted(run: Callable[[Any], Any], owner: Any, path: Path, flex: bool = False) -> Path:
    """What TensorFlow's converter makes of a function; ``owner`` holds its variables."""
    tf = require("tensorflow", "testing")
    module = tf.Module()
    module.run, module.owner = function_of(run), owner
    saved = str(path.with_suffix(""))
    tf.saved_model.save(module, saved, signatures=module.run.get_concrete_function())
    converter = tf.lite.TFLiteConverter.from_saved_model(saved)
    if flex:  # as Keras's own export to LiteRT sets it
        converter.target_spec.supported_ops = [
            tf.lite.OpsSet.TFLITE_BUILTINS,
            tf.lite.OpsSet.SELECT_TF_OPS,
        ]
        converter._experimental_lower_tensor_list_ops = False
    path.write_bytes(converter.convert())
    return path


@pytest.fixture(scope="module")
def usual() -> Any:
    """A model that the usual converters get as Keras runs it."""
    return plain(LENGTH, (UNITS,))


def test_flex_and_tensor_lists_are_named(usual: Any, tmp_path: Path) -> None:
    inside = inspect(converted(usual, usual, tmp_path / "flex.tflite", flex=True))
    assert inside.ops["FlexTensorListReserve"] >= 1
    flex, lists = inside.problems
    assert flex.startswith("needs Flex operators, which plain LiteRT does not have: FlexTensorList")
    assert lists.startswith("uses TensorList operators: FlexTensorList")


def test_keras_own_loop_without_flex(usual: Any, tmp_path: Path) -> None:
    inside = inspect(converted(usual, usual, tmp_path / "loop.tflite"))
    assert inside.problems == ()
    assert inside.ops["WHILE"] == 1
    assert inside.inputs == (TensorInfo("ids", "int32", (1, LENGTH)),)


def test_the_traps_of_the_fused_operator_are_named(usual: Any, tmp_path: Path) -> None:
    tf = require("tensorflow", "testing")
    words, lstm, dense = (layer.get_weights() for layer in usual.layers)

    def run(ids: Any) -> Any:
        x, zeros = tf.gather(tf.constant(words[0]), ids), tf.zeros([1, UNITS])
        last, *_ = fusable(tf)(x, zeros, zeros, *(tf.constant(w) for w in lstm))
        return tf.sigmoid(tf.matmul(last, tf.constant(dense[0])) + tf.constant(dense[1]))

    path = converted(run, tf.Module(), tmp_path / "fused.tflite")
    inside = inspect(path)
    assert inside.ops["UNIDIRECTIONAL_SEQUENCE_LSTM"] == 1
    assert inside.problems == (
        "2 variable tensors keep their values from one call to the next",
        "1 fused LSTM operators clip the cell state at ±10; Keras does not",
    )
    path.write_bytes(without_clip(path.read_bytes()))
    assert inspect(path).problems == inside.problems[:1]


def without_clip(content: bytes) -> bytes:
    """The same file with its fused operators told not to clip."""
    flatbuffers = importlib.import_module("flatbuffers")
    schema = require("ai_edge_litert.schema_py_generated", "testing")
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    for graph in model.subgraphs:
        for op in graph.operators:
            if isinstance(op.builtinOptions, schema.UnidirectionalSequenceLSTMOptionsT):
                op.builtinOptions.cellClip = 0.0
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def test_a_loop_in_onnx_is_named(tmp_path: Path) -> None:
    tf = require("tensorflow", "testing")
    tf2onnx = require("tf2onnx", "testing")
    model = plain(LENGTH, (UNITS, UNITS))
    tf2onnx.convert.from_function(
        function_of(model),
        input_signature=[tf.TensorSpec(*SPEC, name="ids")],
        opset=18,
        output_path=str(tmp_path / "loop.onnx"),
    )
    inside = inspect(tmp_path / "loop.onnx")
    assert inside.ops["Loop"] == 2
    assert inside.problems == (
        "2 Loop nodes: a loop over time is several times slower than a recurrent node",
    )
    assert inside.inputs == (TensorInfo("ids", "int32", (1, LENGTH)),)
    assert inside.ops["MatMul"] >= 2, "what stands in a Loop counts too"


# --- files that cannot be read --------------------------------------------------------------------


def _weights_only(folder: Path) -> Path:
    h5py = require("h5py", "testing")
    with h5py.File(folder / "weights.h5", "w") as file:
        file["kernel"] = np.zeros(3)
    return folder / "weights.h5"


def _archive(folder: Path, **parts: str) -> Path:
    with zipfile.ZipFile(folder / "odd.keras", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name.replace("_", "."), text)
    return folder / "odd.keras"


def _written(folder: Path, name: str, content: bytes) -> Path:
    (folder / name).write_bytes(content)
    return folder / name


UNREADABLE: dict[str, tuple[Callable[[Path], Path], str]] = {
    "missing": (lambda d: d / "gone.onnx", "gone.onnx does not exist or is a folder"),
    "a folder": (lambda d: d, "does not exist or is a folder; expected a model file"),
    "another suffix": (
        lambda d: _written(d, "model.pb", b"x"),
        r"model\.pb: unknown kind of file \(\.pb\); expected \.keras, \.h5, \.hdf5, \.json, \.onnx, "
        r"\.ort, \.tflite",
    ),
    "no suffix": (
        lambda d: _written(d, "model", b"x"),
        r"model: unknown kind of file \(no ending\)",
    ),
    "empty .tflite": (lambda d: _written(d, "a.tflite", b""), "a.tflite is not a TFLite file"),
    "text .tflite": (
        lambda d: _written(d, "a.tflite", b"TFL3 is not where it belongs"),
        r"is not a TFLite file \(its identifier is missing\)",
    ),
    "only the identifier": (
        lambda d: _written(d, "a.tflite", b"\x10\0\0\0TFL3"),
        r"a\.tflite is damaged",
    ),
    "empty .onnx": (
        lambda d: _written(d, "a.onnx", b""),
        "not an ONNX file, or its graph is empty",
    ),
    "text .onnx": (
        lambda d: _written(d, "a.onnx", b"not a model\n" * 9),
        r"a\.onnx is not a whole ONNX file",
    ),
    "empty .keras": (lambda d: _written(d, "a.keras", b""), "neither a whole .keras nor an HDF5"),
    "text .h5": (lambda d: _written(d, "a.h5", b"text" * 99), "neither a whole .keras nor an HDF5"),
    "weights only": (_weights_only, r"weights\.h5 holds weights only, .* save the whole model"),
    "archive of something else": (
        lambda d: _archive(d, readme_md="hello"),
        r"odd\.keras is not a whole \.keras file",
    ),
    "configuration cut short": (
        lambda d: _archive(d, config_json='{"class_name": "Seq'),
        "its model configuration is not valid JSON",
    ),
    "configuration of another kind": (
        lambda d: _archive(d, config_json="[1, 2]"),
        "its model configuration is not that of a Keras model",
    ),
    "configuration without layers": (
        lambda d: _archive(d, config_json='{"class_name": "Sequential"}'),
        r"odd\.keras: its model configuration is not that of a Keras model",
    ),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_file_that_cannot_be_read_is_named(name: str, tmp_path: Path) -> None:
    make, message = UNREADABLE[name]
    with pytest.raises(InputError, match=message):
        inspect(make(tmp_path))


def _deflated(content: bytes, path: Path) -> bytes:
    """A .keras archive packed by a program that compresses."""
    path.write_bytes(content)
    other = path.with_name("deflated.keras")
    with (
        zipfile.ZipFile(path) as archive,
        zipfile.ZipFile(other, "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for name in archive.namelist():
            packed.writestr(name, archive.read(name))
    return other.read_bytes()


@pytest.mark.parametrize("kind", [".keras", ".h5", "deflated.keras", *VARIANTS])
def test_damage_anywhere_is_an_input_error(
    kind: str, exported: Callable[[str, str], Exported], model_files: Path, tmp_path: Path
) -> None:
    """Cut and overwritten at places drawn at random: refused, or still readable; nothing else."""
    path = tmp_path / "whole.keras"
    if kind in VARIANTS:
        path = exported("length 17", kind).path
        content = path.read_bytes()
    elif kind == "deflated.keras":
        content = _deflated((model_files / "small.keras").read_bytes(), path)
    else:
        content = (model_files / f"small{kind}").read_bytes()
        path = path.with_suffix(kind)
    damaged = tmp_path / f"damaged{path.suffix}"
    assert len(refusals(content, damaged, inspect)) > 20


def test_the_configuration_in_a_file(model_files: Path) -> None:
    for name in ("small.keras", "small.h5"):
        config = structure.keras_config(model_files / name)
        assert config["class_name"] == "Sequential"
        assert [layer["class_name"] for layer in config["config"]["layers"]][-1] == "Dense"
