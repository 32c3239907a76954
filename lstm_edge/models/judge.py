"""What a Keras model file says of its layers, judged by a list of what is allowed.

A configuration is only read as data: no module that it names is imported and no code in it is run.
Files of Keras 3 are judged and handed on to Keras; those of Keras 1 and 2 are translated.
"""

from __future__ import annotations

import inspect
import re
import sys
from functools import cache
from typing import Any

from lstm_edge.base.extras import require
from lstm_edge.models.graph import functional_class
from lstm_edge.models.trust import PURPOSE, Trust
from lstm_edge.structure.of_keras import NETWORKS as MODELS
from lstm_edge.structure.of_keras import as_network

# Built-in layers that run foreign code, or read files that the configuration names.
UNSAFE = {
    "Lambda": "is Python code inside the file",
    "TFSMLayer": "runs another SavedModel",
    "TorchModuleWrapper": "is a pickled PyTorch module",
    "JaxLayer": "is Python code inside the file",
    "FlaxLayer": "is Python code inside the file",
}
TEXT = frozenset("TextVectorization StringLookup IntegerLookup Hashing HashedCrossing".split())
FRONTS = ("TextVectorization", "StringLookup")
TEXT_HINT = "cut it off and give the model what it made (ids or numbers)"
_OWN_ROOTS = frozenset("keras tf_keras tensorflow tensorflow_core builtins".split())
CUSTOM_HINT = (
    "give the Python file that defines it with `custom` and `trust` (it is run), rebuild the model with "
    "built-in layers, or load it in Python with the class and give the model itself to the export"
)


@cache
def classes(space: str) -> dict[str, type]:
    """The classes of ``keras.<space>`` by name."""
    keras = require("keras", PURPOSE)
    return {n: c for n, c in vars(getattr(keras, space)).items() if inspect.isclass(c)}


@cache
def activations() -> frozenset[str]:
    keras = require("keras", PURPOSE)
    functions = vars(keras.activations).items()
    return frozenset(n for n, f in functions if callable(f)) - {"get", "serialize", "deserialize"}


def looks_up(config: dict[str, Any]) -> bool:
    """Whether an IntegerLookup is a table of numbers: no hashing of those that are not in it, no file."""
    return (
        config.get("num_oov_indices") == 1
        and not config.get("invert")
        and config.get("output_mode") != "tf_idf"
        and not isinstance(config.get("vocabulary"), str)
    )


class Judge:
    """Judges the configuration of a file of Keras 3, and removes what only training needs.

    Attributes:
        obstacles: one sentence for each thing that is not Keras's own.
    """

    def __init__(self, trust: Trust) -> None:
        self.trust = trust
        self.obstacles: list[str] = []

    def model(self, entry: dict[str, Any]) -> dict[str, Any]:
        """The configuration that Keras may see."""
        entry = {k: v for k, v in entry.items() if k != "compile_config"}
        if (own := self._of_the_users(entry)) is not None:
            return own
        entry = as_network(entry)
        config = entry.get("config")
        name = str(entry.get("class_name"))
        if not isinstance(config, dict) or "layers" not in config or name not in MODELS:
            self.obstacles.append(subclassed(name, self.trust))
            return entry
        return self._object(entry, "", "the model")  # type: ignore[no-any-return]

    def _of_the_users(self, entry: dict[str, Any]) -> dict[str, Any] | None:
        """The entry of a class that a trusted user has, as Keras finds it; None: of any other."""
        name = str(entry["class_name"])
        hidden = "module" not in entry and self.trust.overrides(name)  # HDF5 names no modules
        if is_own(entry) and _own_module(entry) is not None and not hidden:
            return None
        key = str(entry.get("registered_name") or name)
        if self.trust.find(key) is None:
            return None
        if key != name:
            self.trust.find(name)  # HDF5 asks by this one
        self._ask(entry.get("config"))
        return entry | {"module": None, "registered_name": key}

    def _value(self, value: Any, path: str, key: str) -> Any:
        if isinstance(value, list):
            return [self._value(v, path, key) for v in value]
        if not isinstance(value, dict):
            if key.endswith("activation") and isinstance(value, str):
                return self._activation(value, path, key)
            return value
        if "class_name" in value and ("config" in value or "registered_name" in value):
            return self._object(value, path, key)
        return {k: self._value(v, path, k) for k, v in value.items()}

    def _activation(self, name: str, path: str, key: str) -> Any:
        if name not in activations():
            if self.trust.find(name) is not None:
                function = {"class_name": "function", "config": name, "registered_name": name}
                return function | {"module": "builtins"}
            self.obstacles.append(own_activation(path, key, name))
        return name

    def _object(self, entry: dict[str, Any], path: str, key: str) -> Any:
        name, config = str(entry["class_name"]), entry.get("config")
        if name == "__keras_tensor__" or name in ("__numpy__", "__tensor__", "__ellipsis__"):
            return entry
        if name in ("__slice__", "__bytes__", "__tuple__"):
            return {**entry, "config": self._value(config, path, key)}
        if name == "function":
            return self._function(entry, path, key)
        if re.search(r"_(initializer|regularizer|constraint)$", key):
            # its only use is in training; one of the user's own is no obstacle
            known = any(name in classes(s) for s in ("initializers", "regularizers", "constraints"))
            return self._pinned(entry, path) if known and is_own(entry) else None
        inside = config if isinstance(config, dict) else {}
        label = str(inside.get("name") or entry.get("name") or key)
        here = f"{path}/{label}" if path else label
        if name in UNSAFE:
            if not self.trust:
                self.obstacles.append(unsafe(here, name))
                return entry
            self._ask(inside)
            return entry | {"config": {k: self._lambda(v, here) for k, v in inside.items()}}
        if key in ("dtype", "dtype_policy") and name in classes("dtype_policies"):
            return self._pinned(entry, path)
        if name in FRONTS and not isinstance(inside.get("vocabulary"), str):
            return self._pinned(entry, here)  # taken out of the model: models/text_front.py
        if name == "IntegerLookup" and looks_up(inside):
            return self._pinned(entry, here)
        if name in TEXT:
            self.obstacles.append(f"layer {here} is a {name}: {TEXT_HINT}")
            return entry
        if (own := self._of_the_users(entry)) is not None:
            return own
        network = as_network(entry)
        if not (is_own(network) and _own_module(network) is not None):
            self.obstacles.append(custom(here, name, self.trust))
            return entry
        pinned = self._pinned(network, path if key == "the model" else here)
        if network is entry or "module" not in entry:
            return pinned
        # an archive calls its weights by the class
        same = {"class_name": name, "registered_name": self.trust.stand_in(name, network)}
        return pinned | same | {"module": None}

    def _lambda(self, value: Any, path: str) -> Any:
        """The code in a trusted Lambda as a function that Keras is to find."""
        if isinstance(value, dict) and value.get("class_name") == "__lambda__":
            stored = [value["config"].get(key) for key in ("code", "defaults", "closure")]
            return self.trust.named(self.trust.function(stored, path))
        return value

    def _ask(self, value: Any) -> None:
        """Ask for the classes and functions that are named in what a trusted class stores."""
        if isinstance(value, dict):
            function = value.get("class_name") == "function"
            name = value.get("config" if function else "registered_name")
            if isinstance(name, str):
                self.trust.find(name)
            value = list(value.values())
        if isinstance(value, list):
            for inner in value:
                self._ask(inner)

    def _pinned(self, entry: dict[str, Any], path: str) -> dict[str, Any]:
        """The entry with the module where its class really is, whatever the file says."""
        config = entry.get("config")
        result = {k: v for k, v in entry.items() if k != "compile_config"}
        result["config"] = self._value(config, path, "")
        if "inbound_nodes" in entry:
            result["inbound_nodes"] = self._value(entry["inbound_nodes"], path, "")
        return result | {"module": _own_module(entry), "registered_name": None}

    def _function(self, entry: dict[str, Any], path: str, key: str) -> Any:
        name = entry.get("config")
        keras = require("keras", PURPOSE)
        if isinstance(name, str) and self.trust.find(name) is not None:
            return entry
        if not is_own(entry, name) or not isinstance(name, str):
            pass
        elif name in activations():
            return {**entry, "module": "keras.activations", "registered_name": name}
        elif callable(getattr(keras.ops, name, None)):
            return {**entry, "module": "keras.ops", "registered_name": name}
        self.obstacles.append(own_activation(path, key, name))
        return entry


def _operation(name: str, module: str) -> type | None:
    """An operation of ``keras.ops`` as a Functional model holds it, of a module that is loaded."""
    base = require("keras", PURPOSE).Operation
    modules = [module] if module.startswith("keras.src.ops.") else []
    modules += [m for m in sorted(sys.modules) if m.startswith("keras.src.ops.")]
    for place in modules:
        cls = vars(sys.modules[place]).get(name) if place in sys.modules else None
        if inspect.isclass(cls) and issubclass(cls, base):
            return cls
    return None


def _own_module(entry: dict[str, Any]) -> str | None:
    """The module of Keras's own class of an entry, or None; some names are of several kinds."""
    name, module = str(entry["class_name"]), str(entry.get("module"))
    config = entry.get("config")
    # layers of HDF5 files name no module; operations have no weights that could be trained
    plain = "module" not in entry and isinstance(config, dict) and "trainable" not in config
    if (".ops." in module or plain) and (own := _operation(name, module)):
        return own.__module__
    if name in MODELS:
        return functional_class().__module__ if name == "Functional" else "keras"
    spaces = ["layers", "initializers", "regularizers", "constraints", "dtype_policies"]
    spaces += ["quantizers"]
    spaces.sort(key=lambda space: not module.endswith(space))
    for space in spaces:
        if name in classes(space):
            return f"keras.{space}"
    operation = _operation(name, module)
    return operation.__module__ if operation else None


def is_own(entry: dict[str, Any], name: Any = None) -> bool:
    """Whether an entry claims to be Keras's own: no other module, and no registered name."""
    module, registered = entry.get("module"), entry.get("registered_name")
    if module is not None and str(module).partition(".")[0] not in _OWN_ROOTS:
        return False
    return registered is None or registered in (entry.get("class_name"), name)


def custom(path: str, name: str, trust: Trust) -> str:
    if trust.files:
        return f"layer {path} is of the class {name}, which {trust.without} not define"
    return f"layer {path} is of the class {name}, which is not Keras's own: {CUSTOM_HINT}"


def subclassed(name: str, trust: Trust) -> str:
    if trust.files:
        return f"the model is of the class {name}, which {trust.without} not define"
    return (
        f"the model is of the class {name}, whose structure is in Python code and not in the file: "
        "give the Python file that defines it with `custom` and `trust` (it is run); or, where the model "
        "is live, x = keras.Input(shape), keras.Model(x, model.call(x)), and save or export that"
    )


def unsafe(path: str, name: str) -> str:
    what = UNSAFE[name]
    help_ = (
        "replace it with built-in layers, or allow it with `trust` if you know the file's source"
    )
    if name == "Lambda":
        help_ += (
            " (x[:, -1] is return_sequences=False, a mean over steps GlobalAveragePooling1D, x / 255 is "
            "Rescaling, expand_dims and squeeze are Reshape; a table of others is in docs/files.md)"
        )
    return f"layer {path} is a {name}, which {what} and is not run: {help_}"


def own_activation(path: str, key: str, name: Any) -> str:
    text = name if isinstance(name, str) and len(name) < 60 else "Python code inside the file"
    where = f"layer {path}" if path else "the model"
    return (
        f"{where} has the {key or 'function'} {text}, which is not Keras's own and is not run: use a "
        "built-in activation, or give the Python file that defines it with `custom` and `trust`"
    )
