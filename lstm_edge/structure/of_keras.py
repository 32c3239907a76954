"""What is in a ``.keras`` or HDF5 file."""

from __future__ import annotations

import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

from lstm_edge.base import gate
from lstm_edge.errors import InputError
from lstm_edge.structure import containers
from lstm_edge.structure.contents import Structure, TensorInfo

SUFFIXES = (".keras", ".h5", ".hdf5", ".json")
_CONFIG = "config.json"
NETWORKS = frozenset("Sequential Functional Model Network".split())
_OF_A_NETWORK = frozenset(
    "name trainable dtype layers input_layers output_layers build_input_shape".split()
)


def as_network(entry: dict[str, Any]) -> dict[str, Any]:
    """The entry of a model, of a class of the user's own as the network that is stored with it.

    Such a class (with its own ``train_step``, say) has in its configuration the whole graph, or as a
    Sequential model all layers, beside what is its own. Any other entry is given back as it is.
    """
    config = entry.get("config")
    if str(entry.get("class_name")) in NETWORKS or not isinstance(config, dict):
        return entry
    layers = config.get("layers")
    if not (isinstance(layers, list) and layers and all(map(_is_layer, layers))):
        return entry
    if all(
        isinstance(config.get(key), list | tuple | dict)
        for key in ("input_layers", "output_layers")
    ):
        kind = "Functional"
    elif layers[0]["class_name"] == "InputLayer" or "build_input_shape" in config:
        kind = "Sequential"
    else:  # layers, and code that says what becomes of them
        return entry
    kept = {key: value for key, value in config.items() if key in _OF_A_NETWORK}
    rest = {key: value for key, value in entry.items() if key not in ("module", "registered_name")}
    return rest | {"class_name": kind, "config": kept}


def _is_layer(value: Any) -> bool:
    return (
        isinstance(value, dict) and isinstance(value.get("class_name"), str) and "config" in value
    )


def keras_config(path: Path) -> dict[str, Any]:
    """The configuration stored in a ``.keras``, HDF5 or JSON file; nothing is built or executed.

    Raises:
        InputError: cut short, or no model configuration in it (a file of weights only).
    """
    size = gate.check_regular(path, "model")
    if zipfile.is_zipfile(path):
        with containers.zip_of(path, f"{path}") as archive:
            if _CONFIG not in archive.namelist():
                raise InputError(f"{path} is not a whole .keras file: there is no {_CONFIG} in it")
            text: str | bytes = containers.member(
                archive, _CONFIG, f"{path}", gate.CONFIGURATION_BYTES
            )
    elif path.suffix.lower() == ".json":
        text = gate.read_bytes(path, "model", gate.CONFIGURATION_BYTES)
    else:
        try:
            with containers.hdf5(path, f"{path}", size) as file:
                config_text = containers.text_of(file, "model_config", f"{path}")
        except OSError as error:
            raise InputError(
                f"{path} is neither a whole .keras nor an HDF5 file: {error}"
            ) from None
        if config_text is None:
            raise InputError(
                f"{path} holds weights only, no model configuration: inspect its structure (.json), or "
                "save the whole model"
            )
        text = config_text
    value = parsed(text, f"{path}: its model configuration")
    known = isinstance(value, dict) and isinstance(value.get("class_name"), str)
    if not known or "config" not in value:
        raise InputError(f"{path}: its model configuration is not that of a Keras model")
    return as_network(value)


def parsed(text: str | bytes, what: str) -> Any:
    """The value of a configuration's JSON; of a text in JSON, as some files have it, that of the text."""
    value = gate.parse_json(text, what, constants=True)
    return gate.parse_json(value, what, constants=True) if isinstance(value, str) else value


def _inputs(config: Any) -> list[dict[str, Any]]:
    """The layers whose shapes are those of the inputs: in a Sequential model the first says its own."""
    layers = list(config.get("layers", ()) if isinstance(config, dict) else config)
    if isinstance(config, dict) and "input_layers" in config:
        return [layer for layer in layers if layer["class_name"] == "InputLayer"]
    inner = layers[0]["config"] if layers else {}
    nested = isinstance(inner, list) or "layers" in inner
    return _inputs(inner) if nested else layers[:1]


def read(path: Path) -> Structure:
    model = keras_config(path)
    config = model["config"]
    layers = config.get("layers") if isinstance(config, dict) else config
    if not (isinstance(layers, list) and all(map(_is_layer, layers))):
        layers = [model]  # in code
    inputs = []
    for layer in _inputs(config):
        inner = layer["config"] if isinstance(layer["config"], dict) else {}
        shape = inner.get("batch_shape") or inner.get("batch_input_shape")
        if isinstance(shape, list):
            dtype = inner.get("dtype")
            dims = tuple(-1 if n is None else int(n) for n in shape)
            name = str(inner.get("name", layer["class_name"]))
            inputs.append(TensorInfo(name, dtype if isinstance(dtype, str) else "float32", dims))
    ops = Counter(layer["class_name"] for layer in layers)
    return Structure(
        "keras", path.stat().st_size, tuple(inputs), (), dict(sorted(ops.items())), {}, ()
    )
