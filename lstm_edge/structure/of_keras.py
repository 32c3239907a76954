"""What is in a ``.keras`` or HDF5 file."""

from __future__ import annotations

import json
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

from lstm_edge.base.extras import require
from lstm_edge.errors import InputError
from lstm_edge.structure.contents import Structure, TensorInfo

SUFFIXES = (".keras", ".h5", ".hdf5")


def keras_config(path: Path) -> dict[str, Any]:
    """The configuration stored in a ``.keras`` or HDF5 file; nothing is built or executed.

    Raises:
        InputError: cut short, or no model configuration in it (a file of weights only).
    """
    if zipfile.is_zipfile(path):
        try:
            with zipfile.ZipFile(path) as archive:
                text: str | bytes = archive.read("config.json")
        except (KeyError, zipfile.BadZipFile, OSError) as error:
            raise InputError(f"{path} is not a whole .keras file: {error}") from None
    else:
        h5py = require("h5py", f"inspecting {path.name}")
        try:
            with h5py.File(path, "r") as file:
                config_text = file.attrs.get("model_config")
        except OSError as error:
            raise InputError(
                f"{path} is neither a whole .keras nor an HDF5 file: {error}"
            ) from None
        if config_text is None:
            raise InputError(
                f"{path} holds weights only, no model configuration: save the whole model"
            )
        text = config_text
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"{path}: its model configuration is damaged: {error}") from None
    if not isinstance(value, dict):
        raise InputError(f"{path}: its model configuration is not a JSON object")
    return value


def _entries(config: Any) -> list[dict[str, Any]]:
    """A model's layers; Keras up to 2.2.2 stored those of a Sequential one as a bare list."""
    return list(config["layers"] if isinstance(config, dict) else config)


def _inputs(config: Any) -> list[dict[str, Any]]:
    """The layers whose shapes are those of the inputs: in a Sequential model the first says its own."""
    layers = _entries(config)
    if isinstance(config, dict) and "input_layers" in config:
        return [layer for layer in layers if layer["class_name"] == "InputLayer"]
    inner = layers[0]["config"] if layers else {}
    nested = isinstance(inner, list) or "layers" in inner
    return _inputs(inner) if nested else layers[:1]


def read(path: Path) -> Structure:
    config = keras_config(path)["config"]
    layers = _entries(config)
    inputs = []
    for layer in _inputs(config):
        shape = layer["config"].get("batch_shape") or layer["config"].get("batch_input_shape")
        if shape:
            name = layer["config"].get("name", layer["class_name"])
            dtype = layer["config"].get("dtype")
            dims = tuple(-1 if n is None else int(n) for n in shape)
            inputs.append(TensorInfo(name, dtype if isinstance(dtype, str) else "float32", dims))
    ops = Counter(layer["class_name"] for layer in layers)
    return Structure(
        "keras", path.stat().st_size, tuple(inputs), (), dict(sorted(ops.items())), {}, ()
    )
