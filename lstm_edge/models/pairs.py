"""A structure (``model.to_json()``) and the file of weights (``model.save_weights()``) beside it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lstm_edge.base import gate
from lstm_edge.base.extras import require
from lstm_edge.errors import InputError
from lstm_edge.structure.of_keras import NETWORKS, as_network, parsed

HDF5 = b"\x89HDF\r\n\x1a\n"
# What people call the two besides the name that both have.
_WORDS = re.compile(r"model|weights?|architecture|arch|structure|network|config|json|[^a-z0-9]")


@dataclass(frozen=True)
class Pair:
    """Two files that make a model.

    Attributes:
        structure: JSON; ``entry`` is what is in it.
        weights: HDF5.
    """

    structure: Path
    weights: Path
    entry: dict[str, Any]

    @property
    def version(self) -> str:
        """The Keras that wrote the structure ("": not said)."""
        return str(self.entry.get("keras_version", "3" if "module" in self.entry else ""))

    @property
    def said(self) -> str:
        """What a user is told."""
        return (
            f"the model is the structure {self.structure.name} with the weights {self.weights.name}"
        )


def pair_of(path: Path) -> Pair | None:
    """The two files of a model, by one of them; None where it is neither, or holds a whole model.

    Both lie in one folder, and have one name but for words such as "weights"; where none has, each must
    be the only one of its kind there.

    Raises:
        InputError: no or several files may be the other one.
    """
    entry = structure(path)
    if entry is not None:
        others = [p for p in _siblings(path) if _is_hdf5(p)]
        return Pair(path, _only(path, "a structure", "weights (HDF5)", others), entry)
    if not _is_weights(path):
        return None
    entries = {p: e for p in _siblings(path) if (e := structure(p)) is not None}
    if not entries:
        return None
    other = _only(path, "a file of weights", "structure (JSON)", entries)
    return Pair(other, path, entries[other])


def structure(path: Path) -> dict[str, Any] | None:
    """The configuration in a JSON file of a model's structure; None where it is no such file."""
    try:
        with path.open("rb") as file:
            begin = file.read(64).lstrip()[:1]
        if begin not in (b"{", b'"'):
            return None
        content = gate.read_bytes(path, "model", gate.CONFIGURATION_BYTES)
        value = parsed(content, f"model {path}")  # also of json.dump(model.to_json(), file)
    except (OSError, InputError):
        return None
    known = isinstance(value, dict) and str(as_network(value).get("class_name")) in NETWORKS
    return value if known and "config" in value else None


def _only(path: Path, kind: str, wanted: str, others: Iterable[Path]) -> Path:
    """The other file, told by its name."""
    others = sorted(others)
    named = [other for other in others if _name(other) == _name(path)] or others
    if len(named) == 1:
        return named[0]
    if named:
        stem = path.stem.split(".")[0]
        which = "that one itself" if wanted[0] == "w" else "the whole model"
        raise InputError(
            f"model {path} is {kind}, and each of {', '.join(p.name for p in named)} may be its "
            f"{wanted}: give {which}, or give both "
            f"one name ({stem}.json and {stem}.weights.h5)"
        )
    stem = path.stem
    raise InputError(
        f"model {path} is {kind} without its {wanted}: none lies beside it (such as {stem}.weights.h5, "
        f"{stem}_weights.h5, {stem}.h5 or weights.h5); put it there, or save the whole model with "
        "model.save('model.keras')"
    )


def _name(path: Path) -> str:
    return _WORDS.sub("", path.name.lower().removesuffix(path.suffix.lower()))


def _siblings(path: Path) -> list[Path]:
    return [p for p in path.parent.iterdir() if p.is_file() and p.name != path.name]


def _is_hdf5(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(8) == HDF5
    except OSError:
        return False


def _is_weights(path: Path) -> bool:
    """Whether a file holds weights only."""
    if not _is_hdf5(path):
        return False
    try:
        with require("h5py", f"loading {path.name}").File(path, "r") as file:
            return "model_config" not in file.attrs
    except Exception:  # what is wrong with it is said where it is read
        return False
