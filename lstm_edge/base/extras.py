"""Packages that only some commands need: imported when used, named clearly when missing."""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import importlib.util
import json
import logging
import os
import shlex
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from lstm_edge.base.files import PACKAGE
from lstm_edge.errors import InputError, MissingExtraError

# package that is imported -> (package to install, extra that installs it)
_EXTRAS = {
    "onnxruntime": ("onnxruntime", "onnx"),
    "ai_edge_litert": ("ai-edge-litert", "tflite"),
    "ort_flatbuffers_py": ("onnxruntime", "onnx"),  # inside it
    "flatbuffers": ("ai-edge-litert", "tflite"),  # which brings it
    "mediapipe": ("mediapipe", "mediapipe"),
    "tensorflow": ("tensorflow", "train"),
    "google": ("protobuf", "train"),  # which TensorFlow brings
    "keras": ("keras", "train"),
    "tf2onnx": ("tf2onnx", "train"),
    "onnx": ("onnx", "train"),
    "h5py": ("h5py", "train"),
    "matplotlib": ("matplotlib", "report"),
    "jinja2": ("jinja2", "report"),
    "starlette": ("starlette", "web"),
    "uvicorn": ("uvicorn", "web"),
    "segno": ("segno", "web"),
    "platformdirs": ("platformdirs", "web"),
    "cryptography": ("cryptography", "sign"),
    "openvino": ("openvino", "bench"),
    "nncf": ("nncf", "bench"),
    "torch": ("torch", "bench"),
}


def require(module: str, purpose: str) -> Any:
    """Import ``module`` (dotted) or raise :class:`MissingExtraError` naming the extra.

    ``purpose`` begins the message: "training", "running onnx-float32".
    """
    top = module.partition(".")[0]
    if top in ("tensorflow", "keras"):
        # read when the library is first loaded; what the user has set stands
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        _keras_on_tensorflow(purpose)
    handlers = logging.root.handlers[:]
    try:
        with _no_tensorflow() if top == "mediapipe" else contextlib.nullcontext():
            return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is not None and error.name.partition(".")[0] == top:
            raise _missing(top, purpose) from error
        raise
    except ImportError as error:
        raise InputError(
            f"{purpose} needs the package {_EXTRAS[top][0]}, which is installed but does not load here: "
            f"{error}"
        ) from error
    finally:
        if module.startswith("onnxruntime.tools"):  # sets up everybody's logging when imported
            logging.root.handlers[:] = handlers


def _keras_on_tensorflow(purpose: str) -> None:
    """See that Keras runs on TensorFlow, which files are made with, whatever a shell or keras.json says.

    Once Keras is imported, nobody can change it any more.
    """
    keras = sys.modules.get("keras")
    if keras is None:
        os.environ["KERAS_BACKEND"] = "tensorflow"
    elif (backend := keras.config.backend()) != "tensorflow":
        raise InputError(
            f"{purpose} needs Keras on TensorFlow, and Keras runs on {backend} here: set "
            "KERAS_BACKEND=tensorflow in the environment before keras is imported; of a live model of "
            f"{backend}, model.save('model.keras') and export the file in a new process"
        )


def check_installed(module: str, purpose: str) -> None:
    """Raise as :func:`require` does where ``module`` is not there, without importing it."""
    top = module.partition(".")[0]
    try:
        there = importlib.util.find_spec(top) is not None
    except ModuleNotFoundError:
        there = False
    if not there:
        raise _missing(top, purpose)


def _missing(top: str, purpose: str) -> MissingExtraError:
    package, extra = _EXTRAS[top]
    return MissingExtraError(package, extra, purpose, install_command(extra, package))


def install_command(extra: str, package: str) -> str:
    """What installs an extra from where this installation came from.

    That is the checkout that runs, what pip says of itself (PEP 610), or an index; the extra's package
    alone where none of them is there any more.
    """
    if (PACKAGE.parent / "pyproject.toml").is_file():
        return f"pip install -e {shlex.quote(f'{PACKAGE.parent}[{extra}]')}"
    try:
        text = importlib.metadata.distribution("lstm-edge").read_text("direct_url.json")
    except importlib.metadata.PackageNotFoundError:  # sent to a board, or copied
        return f"pip install {package}"
    if text is None:
        return f"pip install {shlex.quote(f'lstm-edge[{extra}]')}"
    origin = json.loads(text)
    url = urlsplit(origin["url"])
    if url.scheme == "file":
        path = Path(unquote(url.path))
        return f"pip install {shlex.quote(f'{path}[{extra}]') if path.exists() else package}"
    source = origin["url"]
    if version_control := origin.get("vcs_info"):
        source = f"{version_control['vcs']}+{source}@{version_control['commit_id']}"
    return f"pip install {shlex.quote(f'lstm-edge[{extra}] @ {source}')}"


class _Without:
    """Says to the thread that made it that a package is not there, and to no other."""

    def __init__(self, package: str) -> None:
        self._package, self._thread = package, threading.get_ident()

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        if name == self._package and threading.get_ident() == self._thread:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


@contextlib.contextmanager
def _no_tensorflow() -> Iterator[None]:
    """For MediaPipe, which imports it where it is installed, for its own documentation: ten seconds."""
    finder = _Without("tensorflow")
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
