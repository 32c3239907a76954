"""What is inside a model file: inputs, outputs, operators, precision, and what will hurt on a device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from lstm_edge import structure
from lstm_edge.base import gate, in_hand, modules
from lstm_edge.base.files import unknown_kind
from lstm_edge.errors import InputError, LstmEdgeError


@dataclass(frozen=True)
class TensorInfo:
    """An input or output: its name, dtype and shape (-1: free)."""

    name: str
    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Structure:
    """What a file is made of.

    Attributes:
        format: ``tflite``, ``onnx``, ``ort`` or ``keras``.
        ops: operator (or layer class) -> how often, over all subgraphs.
        weights: dtype -> bytes of constant data.
        problems: one sentence for each thing that fails or goes wrong on a device.
        packed: file that MediaPipe Tasks finds behind the model -> what it holds.
    """

    format: str
    bytes: int
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    ops: dict[str, int]
    weights: dict[str, int]
    problems: tuple[str, ...]
    packed: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def with_problems(self, problems: Sequence[str]) -> Structure:
        """The same with more problems."""
        return replace(self, problems=(*self.problems, *problems))


def inspect(path: Path) -> Structure:
    """Describe a ``.tflite``, ``.onnx``, ``.ort``, ``.keras`` or ``.h5`` file without running it.

    Raises:
        InputError: missing, of another kind, or damaged.
        MissingExtraError: the package that reads this format is not installed.
    """
    if not path.is_file():
        if path.exists() and not path.is_dir():
            gate.check_regular(path, "model")
        raise InputError(f"{path} does not exist or is a folder; expected a model file")
    readers = {
        suffix: module.read
        for module in modules.found(structure, "of_")
        for suffix in module.SUFFIXES
    }
    try:
        read = readers[path.suffix.lower()]
    except KeyError:
        raise unknown_kind(path, readers) from None
    in_hand.note("lstm-edge", "reading", path)
    try:
        return cast(Structure, read(path))
    except LstmEdgeError:
        raise
    except Exception as error:  # a damaged file leads its reader anywhere
        raise InputError(f"{path} is damaged: {type(error).__name__}: {error}") from error
