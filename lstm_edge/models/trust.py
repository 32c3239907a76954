"""What a model's file may run: nothing, or what the user trusts, and classes from Python files."""

from __future__ import annotations

import contextlib
import importlib.util
import inspect
import math
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lstm_edge.base import gate
from lstm_edge.base.extras import require
from lstm_edge.errors import InputError

PURPOSE = "loading a model"


class Trust:
    """Whether a file may run code; true or false, and what classes it may have beside Keras's own.

    Attributes:
        files: the Python files that were run for it.
    """

    def __init__(self, trust: bool = False, files: Sequence[Path] = ()) -> None:
        """Run the files.

        Raises:
            InputError: without ``trust``, or a file is missing, no Python, or fails.
        """
        if files and not trust:
            raise InputError(
                f"`custom` {', '.join(map(str, files))} is Python code, which is run: give `trust` with "
                "it if you know the file's source"
            )
        self.files, self._trust = tuple(files), trust
        self._objects: dict[str, Any] = {}
        self._asked: dict[str, Any] = {}
        for file in files:
            self._objects |= _objects(file)

    def __bool__(self) -> bool:
        return self._trust

    def find(self, name: str) -> Any:
        """A class or function by a name that a file stores (``package>name``), or None.

        What the process has registered goes first.
        """
        if not self:
            return None
        registered = require("keras", PURPOSE).saving.get_registered_object(name)
        own = self._objects.get(name.rpartition(">")[2]) if registered is None else registered
        if own is not None:
            self._asked[name] = own
        return own

    def function(self, stored: Sequence[Any], layer: str) -> Any:
        """The function of a Lambda layer of its code, defaults and closure as Keras stores them.

        Raises:
            InputError: the code is of another Python than this.
        """
        load = require("keras.src.utils.python_utils", PURPOSE).func_load
        code, defaults, closure = (*stored, None, None)[:3]
        defaults = tuple(defaults) if isinstance(defaults, list | tuple) else defaults
        try:
            return load(code, defaults, closure, self._usual_names() | self._objects)
        except (ValueError, TypeError, EOFError, SystemError) as error:
            raise InputError(
                f"layer {layer}: the code in the file is of another Python than {sys.version.split()[0]} "
                f"({error}): load it with that one, put a built-in layer in its place, and save it again"
            ) from None

    @staticmethod
    def _usual_names() -> dict[str, Any]:
        """What such code calls things that its program imported: the file does not say it."""
        keras, tf = require("keras", PURPOSE), require("tensorflow", PURPOSE)
        backend = require(
            "keras.src.legacy.backend", PURPOSE
        )  # Keras 2's, of which Keras 3 hides much
        names = {"keras": keras, "tf": tf, "tensorflow": tf, "np": np, "numpy": np, "math": math}
        return names | {"K": backend, "backend": backend, "ops": keras.ops, "layers": keras.layers}

    def named(self, function: Any) -> dict[str, Any]:
        """An entry by which Keras gets this function."""
        self._asked[name := f"lstm_edge_{len(self._asked)}"] = function
        entry = {"class_name": "function", "config": name, "registered_name": name}
        return entry | {"module": "builtins"}

    def stand_in(self, name: str, network: dict[str, Any]) -> str:
        """The name of a new class of Keras's own networks that is called as one of the user's."""
        keras = require("keras", PURPOSE)
        base = keras.Sequential if network["class_name"] == "Sequential" else keras.Model
        self._asked[registered := f"lstm_edge>{name}"] = type(name, (base,), {})
        return registered

    @property
    def without(self) -> str:
        """The files that have not what is asked for, and the verb."""
        return f"{', '.join(map(str, self.files))} {'do' if len(self.files) > 1 else 'does'}"

    def overrides(self, name: str) -> bool:
        """Whether a file given has a class of this name: also one of Keras's names is that then."""
        return name in self._objects

    @contextlib.contextmanager
    def known(self) -> Iterator[None]:
        """Keras finds what :meth:`find` found, by the same names."""
        with require("keras", PURPOSE).saving.custom_object_scope(self._asked):
            yield


def _objects(path: Path) -> dict[str, Any]:
    """The classes and functions that stand in a Python file by name, but for Keras's own."""
    if not path.is_file():
        if path.exists() and not path.is_dir():
            gate.check_regular(path, "`custom`")
        raise InputError(f"`custom` {path} does not exist; expected a Python file (.py)")
    if path.suffix != ".py":
        raise InputError(f"`custom` {path} is no Python file; expected one that ends in .py")
    require("keras", PURPOSE)  # on TensorFlow, before the file imports it
    name = f"lstm_edge_custom_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise InputError(f"`custom` {path} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    beside = str(path.parent.resolve())
    sys.path.insert(0, beside)  # as python FILE has it
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        reason = " ".join(str(error).split())[:300]
        raise InputError(
            f"`custom` {path} cannot be imported: {type(error).__name__}: {reason}"
        ) from error
    finally:
        sys.path.remove(beside)
    found = {
        key: value
        for key, value in vars(module).items()
        if not key.startswith("__")
        and (inspect.isclass(value) or inspect.isfunction(value))
        and value.__module__.partition(".")[0] not in ("keras", "tensorflow", "builtins", "typing")
    }
    if not found:
        raise InputError(
            f"`custom` {path} defines no class and no function; expected those that the model's file has"
        )
    return found
