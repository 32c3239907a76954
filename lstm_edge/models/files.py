"""Keras model files of every kind: told apart by what is in them, read as data, and rebuilt.

HDF5 (Keras 1, 2 and 3), ``.keras`` zips (Keras 2.12 on), SavedModel folders of Keras 2. Nothing in a
file is run; only weights and JSON are taken out of it.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lstm_edge.base import gate, in_hand
from lstm_edge.base.extras import require
from lstm_edge.base.reasons import reason_of
from lstm_edge.errors import InputError, LstmEdgeError, UnsupportedModelError
from lstm_edge.models import saved_graph, sizes
from lstm_edge.models import weights as keras_weights
from lstm_edge.models.judge import Judge
from lstm_edge.models.network import Builder, first_shape, told_shape
from lstm_edge.models.pairs import HDF5, Pair, pair_of
from lstm_edge.models.quantised import WANTED
from lstm_edge.models.translate import Spec, Translator, decode, layers_of
from lstm_edge.models.trust import Trust
from lstm_edge.models.weights import Array, Assignment
from lstm_edge.structure import containers
from lstm_edge.structure.of_keras import parsed

_KINDS = "a .keras, .h5, .hdf5 file or the folder of a SavedModel"
_WEIGHTS_ONLY = (
    "it holds weights only, without the layers that they belong to: put the model's structure "
    "(model.to_json()) beside it, or build the model in Python, model.load_weights(file), and "
    "model.save('model.keras')"
)
_NO_LENGTH = (
    "model {}: the shape of its input is not stored, and a layer needs to know how many steps or ids it "
    "takes: give `length`"
)
_KERAS1_WORDS = ("inner_activation", "init", "nb_filter", "border_mode", "W_regularizer")
_CONFIG, _WEIGHTS, _METADATA = "config.json", "model.weights.h5", "metadata.json"
_MOST = {_CONFIG: gate.CONFIGURATION_BYTES, _METADATA: gate.MIB}
# A layer's words, in an archive of Keras 3.
_VOCABULARY = re.compile(r"assets(?:/\w+)+/vocabulary\.txt")
_GRAPH, _KERAS_GRAPH = "saved_model.pb", "keras_metadata.pb"


@dataclass(frozen=True)
class _Stored:
    """What a file says: ``{"class_name", "config"}``, and the Keras that wrote it ("": not said)."""

    entry: dict[str, Any]
    version: str
    backend: str = "tensorflow"

    @property
    def keras3(self) -> bool:
        return bool(self.version) and int(self.version.partition(".")[0]) >= 3

    @property
    def keras1(self) -> bool:
        if self.version:
            return self.version.startswith(("0.", "1."))
        text = json.dumps(self.entry)  # other programs write Keras 2's layout without a version
        return any(f'"{word}":' in text for word in _KERAS1_WORDS)


def load(
    path: Path, trust: bool = False, custom: Sequence[Path | str] = (), length: int | None = None
) -> Any:
    """The model of a file or folder, not compiled, in today's Keras.

    Args:
        trust: run Lambda layers, and take classes that are registered.
        custom: Python files to run first; their classes and functions are taken, too.
        length: steps or ids of an example, for a Sequential model that needs to know them and whose
            file does not say the shape of its input.

    Raises:
        InputError: missing, damaged, of another kind, or a structure that does not fit together.
        UnsupportedModelError: layers that cannot be rebuilt, all in one message.
    """
    if not path.exists():
        raise InputError(f"model {path} does not exist; expected {_KINDS}")
    in_hand.note("Keras", "loading", path)
    try:
        return _load(path, Trust(trust, [Path(file) for file in custom]), length)
    except LstmEdgeError:
        raise
    except RecursionError:
        raise InputError(f"model {path} is nested too deeply to be a model") from None
    except Exception as error:  # an odd file leads Keras, h5py and TensorFlow anywhere
        raise InputError(
            f"model {path} is damaged, or no model as Keras saves one ({type(error).__name__}: "
            f"{reason_of(error)}); save or copy it again"
        ) from error


def is_model_folder(path: Path) -> bool:
    """Whether a folder is a model: a SavedModel, or an unpacked .keras file."""
    unpacked = all((path / name).is_file() for name in (_CONFIG, _WEIGHTS))
    return unpacked or (path / _GRAPH).is_file()


def _load(path: Path, trust: Trust, length: int | None) -> Any:
    if path.is_dir():
        if not is_model_folder(path):
            raise InputError(f"model {path} is a folder without {_GRAPH}; expected {_KINDS}")
        if (path / _GRAPH).is_file():
            return _saved_model(path, trust)
        return _archive(path, _Folder(path), trust, length)
    if path.name in (_GRAPH, _KERAS_GRAPH) and (path.parent / _GRAPH).is_file():
        return _saved_model(path.parent, trust)
    gate.check_regular(path, "model")
    try:
        with path.open("rb") as file:
            begin = file.read(512)
    except OSError as error:
        raise InputError(f"model {path} cannot be read: {error.strerror or error}") from None
    if (pair := pair_of(path)) is not None:
        return _hdf5(pair.weights, trust, length, pair)
    if begin.startswith(HDF5):
        return _hdf5(path, trust, length)
    if begin.startswith(b"PK\x03\x04") or (path.suffix == ".keras" and not _other(path, begin)):
        with containers.zip_of(path, f"model {path}") as archive:
            return _archive(path, _Zip(archive, f"model {path}"), trust, length)
    raise InputError(f"model {path} {_other(path, begin) or 'is not a model file of a known kind'}")


def _other(path: Path, begin: bytes) -> str:
    """What a file is that is no Keras model; "" where that is not known."""
    if not begin:
        return "" if path.suffix == ".keras" else f"is empty; expected {_KINDS}"
    if begin[4:8] == b"TFL3" or path.suffix == ".tflite":
        return "is a TFLite file, already exported: give the Keras model that it was made from"
    if path.suffix == ".onnx":
        return "is an ONNX file, already exported: give the Keras model that it was made from"
    if begin.startswith(b"version https://git-lfs"):
        return "is a pointer of Git LFS and not the file itself: fetch it with git lfs pull"
    if begin[:1] == b"\x80" and begin[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return (
            "is a pickle, which is a program and is not run: load it where it was made, and "
            "model.save('model.keras')"
        )
    text = begin.lstrip()[:1]
    if text in (b"{", b"["):
        return "is JSON, and not the structure of a Keras model (model.to_json())"
    if path.suffix == ".pb":
        return f"is a graph of TensorFlow without Keras's layers: expected {_KINDS}"
    if path.suffix in (".index", ".ckpt") or ".data-0" in path.name:
        return f"is a checkpoint of TensorFlow: {_WEIGHTS_ONLY}"
    if text == b"<":
        return f"is a page of the web and not a model: expected {_KINDS}"
    return "" if path.suffix == ".keras" else f"is not a Keras model: expected {_KINDS}"


def _config(path: Path, text: Any, where: str) -> dict[str, Any]:
    """A stored configuration."""
    config = parsed(text, f"model {path}: {where}")
    known = isinstance(config, dict) and isinstance(config.get("config"), dict | list | None)
    if known and "class_name" in config:
        return dict(config)
    raise InputError(f"model {path}: {where} is not the configuration of a Keras model")


# Rebuilding


def _translated(
    path: Path, stored: _Stored, trust: Trust, first: Array | None = None, length: int | None = None
) -> Spec:
    """The model of a file of Keras 1 or 2, built, without its weights.

    Args:
        first: the first array of its first layer with weights, which may say the shape of the input.
        length: see :func:`load`.
    """

    def build(length: int | None) -> Spec:
        translator = Translator(trust, stored.keras1)
        spec = translator.model(stored.entry)
        _refuse(path, translator.obstacles)
        if spec.kind == "Sequential" and first_shape(spec) is None:
            spec.batch_shape = told_shape(spec, first, length)
            told.append(spec.batch_shape)
        with trust.known():
            Builder(f"model {path}", trust).model(spec)
        return spec

    told: list[Any] = []
    try:
        return build(None)
    except InputError:
        if not any(told):
            raise
        if length is None:
            raise InputError(_NO_LENGTH.format(path)) from None
        return build(length)


def _refuse(path: Path, obstacles: list[str]) -> None:
    if obstacles:
        raise UnsupportedModelError(f"model {path}", list(dict.fromkeys(obstacles)), "loaded")


def _finished(spec: Spec, assignment: Assignment) -> Any:
    assignment.check()
    for leaf in keras_weights.leaves(spec):
        if id(leaf.layer) not in assignment.done:
            assignment.missing(leaf)
    assignment.check()
    return spec.layer


def _judged(path: Path, entry: dict[str, Any], trust: Trust) -> dict[str, Any]:
    judge = Judge(trust)
    config = judge.model(entry)
    _refuse(path, judge.obstacles)
    return config


def _by_keras(path: Path, config: dict[str, Any], make: Any, trust: Trust) -> Any:
    """What ``make()`` gives; Keras's errors become one of this project."""
    keras = require("keras", f"loading {path.name}")
    # of a policy; Keras does not read all of its own. And it takes out what it reads
    quantised = '"source_name"' in json.dumps(config)
    try:
        with trust.known():
            return make()
    except LstmEdgeError:
        raise
    except Exception as error:  # Keras raises every kind; its message is the reason
        hint = f"; it was quantised by Keras: {WANTED}" if quantised else ""
        raise InputError(
            f"model {path} cannot be loaded by Keras {keras.__version__}: {reason_of(error)}{hint}"
        ) from error


# HDF5


def _hdf5(path: Path, trust: Trust, length: int | None, pair: Pair | None = None) -> Any:
    keras, source = require("keras", f"loading {path.name}"), f"model {path}"
    size = gate.check_regular(path, "model")
    with contextlib.ExitStack() as stack:
        try:
            file = stack.enter_context(containers.hdf5(path, source, size))
        except OSError as error:
            raise InputError(
                f"{source} cannot be loaded by Keras {keras.__version__}: it is not a whole HDF5 file "
                f"({error}); it was cut short: copy it again"
            ) from None
        try:
            return _open_hdf5(path, file, trust, length, pair)
        except (OSError, KeyError, RuntimeError) as error:
            raise InputError(f"{source} is damaged ({error}); copy it again") from error


def _open_hdf5(path: Path, file: Any, trust: Trust, length: int | None, pair: Pair | None) -> Any:
    weights = file.get("model_weights", file)
    source = f"model {path}"
    if not isinstance(weights, require("h5py", "loading a model").Group):
        raise InputError(f"{source}: its model_weights is no group of arrays")

    def said(key: str) -> str:
        own = containers.text_of(file, key, source)
        return (containers.text_of(weights, key, source) if own is None else own) or ""

    version, backend = _version(path, said("keras_version")), said("backend")
    if pair is not None:
        if not {"layer_names", "layer_names0"} & set(weights.attrs):  # named as in a zip
            return _archive(path, _Files(pair, pair.version or version or "2"), trust, length)
        stored = _Stored(pair.entry, _version(path, pair.version) or version, backend)
    else:
        config = containers.text_of(file, "model_config", source)
        if config is None:
            raise UnsupportedModelError(f"model {path}", [_WEIGHTS_ONLY], "loaded")
        stored = _Stored(_config(path, config, "model_config"), version, backend)
    sizes.check(stored.entry, containers.values_in(weights), source)
    if stored.keras3:
        return _hdf5_of_keras3(path, stored, file, trust)
    groups = {
        name: [
            _array(path, weights, f"{name}/{w}")
            for w in containers.names_of(weights[name], "weight_names", source)
        ]
        for name in containers.names_of(weights, "layer_names", source)
    }
    first = next((arrays[0] for arrays in groups.values() if arrays), None)
    spec = _translated(path, stored, trust, first, length)
    assignment = Assignment(str(path), stored.keras1, stored.backend)
    keras_weights.put_groups(spec, groups, assignment)
    return _finished(spec, assignment)


def _hdf5_of_keras3(path: Path, stored: _Stored, file: Any, trust: Trust) -> Any:
    """Keras reads it itself, once its configuration is judged."""
    h5py, keras = (require(m, f"loading {path.name}") for m in ("h5py", "keras"))
    config = _judged(path, stored.entry, trust)

    def read() -> Any:
        # a copy: the judged configuration in the place of the stored one, and a name that Keras takes
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "model.h5"
            with h5py.File(copy, "w") as to:
                for key in {"keras_version", "backend"} & set(file.attrs):
                    to.attrs[key] = file.attrs[key]
                text = json.dumps(config)
                to.attrs["model_config"] = text
                file.copy(file.get("model_weights", file), to, "model_weights")
            return keras.models.load_model(copy, compile=False, safe_mode=not trust)

    return _by_keras(path, config, read, trust)


def _version(path: Path, text: str) -> str:
    """The Keras that wrote a file; "" where it does not say."""
    if text and not re.fullmatch(r"[0-9]{1,4}(\.[\w.+-]{0,40})?", text, re.ASCII):
        raise InputError(
            f"model {path}: its version of Keras is {gate.shown(text)!r}; expected one such as 2.15.0"
        )
    return text


def _array(path: Path, group: Any, name: str) -> Array:
    h5py = require("h5py", "loading a model")
    dataset = group[name]
    if not isinstance(dataset, h5py.Dataset) or dataset.dtype.kind not in "fiub":
        raise InputError(f"model {path}: {name} is no array of numbers")
    array: Array = np.asarray(dataset)
    return array


# Zips


def _whole(path: Path, most: int | None = None) -> bytes:
    size = gate.check_regular(path, "model")
    return gate.read_bytes(path, "model", size if most is None else most)


class _Zip:
    """The members of a zip."""

    def __init__(self, archive: zipfile.ZipFile, source: str) -> None:
        self.archive, self.source = archive, source
        self.names = frozenset(archive.namelist())

    def read(self, name: str) -> bytes:
        return containers.member(self.archive, name, self.source, _MOST.get(name))


class _Folder:
    """The same, unpacked."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.names = frozenset(p.name for p in path.iterdir())

    def read(self, name: str) -> bytes:
        return _whole(self.path / name, _MOST.get(name))


class _Files:
    """The same in two files."""

    names = frozenset((_CONFIG, _METADATA, _WEIGHTS))

    def __init__(self, pair: Pair, version: str) -> None:
        self.pair, self.version = pair, version

    def read(self, name: str) -> bytes:
        if name == _WEIGHTS:
            return _whole(self.pair.weights)
        value = self.pair.entry if name == _CONFIG else {"keras_version": self.version}
        return json.dumps(value).encode()


_Members = _Zip | _Folder | _Files


def _archive(path: Path, members: _Members, trust: Trust, length: int | None) -> Any:
    names = members.names
    if _CONFIG not in names:
        raise _other_archive(path, names)
    entry = _config(path, members.read(_CONFIG), _CONFIG)
    metadata: Any = {}
    if _METADATA in names:
        metadata = gate.parse_json(members.read(_METADATA), f"model {path}: {_METADATA}")
    version = metadata.get("keras_version", "3") if isinstance(metadata, dict) else None
    if _WEIGHTS not in names:
        what = "weights as a pickle" if "model.weights.npz" in names else "no weights"
        raise InputError(
            f"model {path} holds {what}: save it again with model.save('model.keras') of Keras 3"
        )
    stored = _Stored(entry, _version(path, str(version)))
    content = _with_slashes(path, members.read(_WEIGHTS))
    with _weights(path, content) as file:
        sizes.check(entry, containers.values_in(file), f"model {path}")
    if stored.keras3:
        return _archive_of_keras3(path, stored, members, content, trust, length)
    with _weights(path, content) as file:
        groups, get = _groups(file, path)
        first = keras_weights.first_of_tree(layers_of(entry["config"]), get, groups)
        spec = _translated(path, stored, trust, first, length)
        assignment = Assignment(str(path), False, "tensorflow")
        keras_weights.put_tree(spec, get, frozenset(groups), assignment)
    return _finished(spec, assignment)


def _weights(path: Path, content: bytes) -> contextlib.AbstractContextManager[Any]:
    return containers.hdf5(io.BytesIO(content), f"model {path}: {_WEIGHTS}", len(content))


def _with_slashes(path: Path, content: bytes) -> bytes:
    """Weights whose groups Keras named on Windows (``layers\\dense``), as it names them elsewhere."""
    h5py, changed = require("h5py", "loading a model"), io.BytesIO()
    with _weights(path, content) as file:
        names: list[str] = []
        file.visit(names.append)
        if not any("\\" in name for name in names):
            return content
        with h5py.File(changed, "w") as to:
            for name in names:
                place = name.replace("\\", "/")
                if isinstance(file[name], h5py.Dataset):
                    file.copy(name, to, place)
                else:
                    to.require_group(place).attrs.update(file[name].attrs)
    return changed.getvalue()


def _groups(file: Any, path: Path) -> tuple[list[str], Callable[[str], list[Array]]]:
    """The names of all groups of a tree of weights, and what gives the arrays of one."""
    groups: list[str] = []
    file.visit(groups.append)

    def get(name: str) -> list[Array]:
        place = f"{name}/vars"
        if place not in file:
            return []
        group = file[place]
        return [_array(path, group, str(i)) for i in range(len(group))]

    return groups, get


def _outline(entry: dict[str, Any]) -> Spec:
    """The kinds of layers in a configuration of Keras 3, and no more."""
    config, kind = entry["config"], str(entry["class_name"])
    inside = [config[key] for key in ("layer", "cell") if isinstance(config.get(key), dict)]
    layers = config.get("layers", inside)
    return Spec(str(config.get("name")), kind, kind, inner=[_outline(layer) for layer in layers])


def _told(path: Path, config: dict[str, Any], content: bytes, length: int | None) -> Any:
    """The shape of the input of a Sequential model of Keras 3 that was saved before it was known."""
    outline = _outline(config)
    with _weights(path, content) as file:
        groups, get = _groups(file, path)
        first = keras_weights.first_of_tree(config["config"]["layers"], get, groups)
    needed = any(layer.kind in ("Flatten", "Reshape", "Permute") for layer in outline.inner)
    if needed and length is None:
        raise InputError(_NO_LENGTH.format(path))
    shape = told_shape(outline, first, length if needed else None)
    if shape is None:
        raise InputError(
            f"model {path}: the shape of the model's input is not stored; call the model once (or begin "
            "it with keras.Input) and save it again"
        )
    return shape


def _archive_of_keras3(
    path: Path,
    stored: _Stored,
    members: _Members,
    content: bytes,
    trust: Trust,
    length: int | None,
) -> Any:
    """Keras makes the layers of the judged configuration, and reads the weights, ``content``, itself."""
    keras = require("keras", f"loading {path.name}")
    config = _judged(path, stored.entry, trust)
    words = [name for name in members.names if _VOCABULARY.fullmatch(name)]

    def read() -> Any:
        if words:  # only an archive has them: the judged configuration in one, and nothing else
            with tempfile.TemporaryDirectory() as folder:
                copy = Path(folder) / "model.keras"
                with zipfile.ZipFile(copy, "w") as archive:
                    archive.writestr(_CONFIG, json.dumps(config))
                    for name in (_METADATA, *words):
                        archive.writestr(name, members.read(name))
                    archive.writestr(_WEIGHTS, content)
                return keras.saving.load_model(copy, compile=False, safe_mode=not trust)
        options = config["config"]  # of a model in code they are its own
        known = options.get("build_input_shape") or any(
            layer["class_name"] == "InputLayer" for layer in options.get("layers", ())[:1]
        )
        unbuilt = config["class_name"] == "Sequential" and not known
        shape = _told(path, config, content, length) if unbuilt else None
        model = keras.saving.deserialize_keras_object(config, safe_mode=not trust)
        if shape is not None:
            model.build(shape)
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / _WEIGHTS
            copy.write_bytes(content)
            model.load_weights(copy)
        return model

    return _by_keras(path, config, read, trust)


def _other_archive(path: Path, names: frozenset[str]) -> LstmEdgeError:
    if any(name.endswith("data.pkl") for name in names):
        return InputError(
            f"model {path} is a PyTorch file: expected {_KINDS}; write the model in Keras and copy the "
            "weights"
        )
    if _WEIGHTS in names or any(name.endswith(".npy") for name in names):
        return UnsupportedModelError(f"model {path}", [_WEIGHTS_ONLY], "loaded")
    if any(name.endswith(_GRAPH) for name in names):
        return InputError(f"model {path} is a SavedModel in a zip: unpack it and give its folder")
    return InputError(f"model {path} is a zip without {_CONFIG}: expected {_KINDS}")


# SavedModel


def _saved_model(path: Path, trust: Trust) -> Any:
    tf = require("tensorflow", f"loading {path.name}")
    saved = _protobuf("saved_model_pb2").SavedModel()
    try:
        saved.ParseFromString(_whole(path / _GRAPH))
    except LstmEdgeError:
        raise
    except Exception as error:  # protobuf has its own kinds
        raise InputError(f"model {path}: {_GRAPH} is damaged ({error}); copy it again") from None
    graph = saved.meta_graphs[0].object_graph_def if saved.meta_graphs else None
    metadata = _keras_metadata(path, graph)
    if graph is None:
        raise InputError(f"model {path}: {_GRAPH} holds no graph; copy the whole folder again")
    if metadata is None:
        return saved_graph.load(path, saved, bool(trust))
    root = decode(_config(path, metadata, _KERAS_GRAPH))
    if root.get("config") is None:
        root["config"] = {}
    stored = _Stored(root, _version(path, str(root.get("keras_version", "2"))))
    written = sum(f.stat().st_size for f in (path / "variables").glob("*") if f.is_file())
    sizes.check(root, written, f"model {path}")
    try:
        spec = _translated(path, stored, trust)
    except UnsupportedModelError as refused:  # the graph beside the layers needs none of them
        try:
            return saved_graph.load(path, saved, bool(trust))
        except UnsupportedModelError:
            raise refused from None
    prefix = path / "variables" / "variables"
    if not prefix.with_suffix(".index").is_file():
        raise InputError(f"model {path} has no variables/variables.index: copy the whole folder")
    try:
        reader = tf.train.load_checkpoint(str(prefix))
        checkpoint = _protobuf("trackable_object_graph_pb2").TrackableObjectGraph()
        checkpoint.ParseFromString(reader.get_tensor("_CHECKPOINTABLE_OBJECT_GRAPH"))
    except Exception as error:  # TensorFlow's and protobuf's own kinds
        raise InputError(
            f"model {path}: its variables are damaged ({error}); copy it again"
        ) from None
    assignment = Assignment(str(path), False, "tensorflow")
    try:
        for leaf, arrays in _objects(spec, checkpoint.nodes, 0, reader):
            keras_weights.put_flat(leaf, arrays, assignment)
    except InputError as error:
        raise InputError(f"model {path}: {error}") from None
    return _finished(spec, assignment)


def _objects(spec: Spec, nodes: Any, here: int, reader: Any) -> Iterator[tuple[Spec, list[Array]]]:
    """The layers of a model with their arrays: those that are trained, then the others."""
    children = {c.local_name: c.node_id for c in nodes[here].children}
    numbers = sorted(int(n[6:]) for n in children if n.startswith("layer-") and n[6:].isdigit())
    layers = list(spec.inner)
    if len(numbers) < len(layers):  # Sequential models do not count their input
        layers = [s for s in layers if s.kind != "InputLayer"]
    if len(numbers) != len(layers):
        raise InputError(
            f"its variables are of {len(numbers)} layers in model {spec.name}, expected "
            f"{len(layers)}: copy the whole folder again"
        )
    for number, layer in zip(numbers, layers, strict=True):
        node = children[f"layer-{number}"]
        if layer.kind in ("Sequential", "Functional"):
            yield from _objects(layer, nodes, node, reader)
            continue
        yield from _object(layer, nodes, node, reader)


def _object(spec: Spec, nodes: Any, here: int, reader: Any) -> Iterator[tuple[Spec, list[Array]]]:
    """A layer with its arrays, if it has some."""
    if not any(True for _ in keras_weights.leaves(spec)):
        return
    parts = {c.local_name: c.node_id for c in nodes[here].children}
    if "variables" in parts:
        listed = {c.local_name: c.node_id for c in nodes[parts["variables"]].children}
        places = [listed[str(i)] for i in range(len(listed))]
    else:  # layers that Keras did not trace keep them by name
        places = [parts[v.name] for v in keras_weights.variables(spec) if v.name in parts]
    keys = [nodes[place].attributes[0].checkpoint_key for place in places]
    yield spec, [np.asarray(reader.get_tensor(key)) for key in keys]


def _protobuf(name: str) -> Any:
    return require(f"tensorflow.core.protobuf.{name}", "loading a SavedModel")


def _keras_metadata(path: Path, graph: Any) -> str | None:
    """The JSON that Keras kept of the outer model, or None; before TensorFlow 2.5 it is in the graph."""
    beside = path / _KERAS_GRAPH
    if beside.is_file():
        try:
            content = _whole(beside)
            for node in map(_fields, _fields(content).get(1, ())):
                if not any(node.get(2, ())) and 5 in node:  # the number of the node: 0 is the model
                    return str(node[5][-1].decode("utf-8"))
        except Exception as error:  # protobuf has its own kinds
            raise InputError(
                f"model {path}: {_KERAS_GRAPH} is damaged ({error}); copy it again"
            ) from None
    if graph is not None and graph.nodes:
        own = graph.nodes[0].user_object
        if own.identifier.startswith("_tf_keras_") and own.metadata:
            return str(own.metadata)
    return None


def _fields(data: Any) -> dict[int, list[Any]]:
    """The fields of a protobuf message by number, of which no description is at hand."""
    message = require("google.protobuf.empty_pb2", "loading a SavedModel").Empty()
    message.ParseFromString(data)
    fields: dict[int, list[Any]] = {}
    unknown = require("google.protobuf.unknown_fields", "loading a SavedModel")
    for field in unknown.UnknownFieldSet(message):
        fields.setdefault(field.field_number, []).append(field.data)
    return fields
