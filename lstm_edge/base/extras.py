"""Packages that only some commands need: imported when used, named clearly when missing."""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import sys
from collections.abc import Iterator
from typing import Any

from lstm_edge.errors import InputError, MissingExtraError

# package that is imported -> (package to install, extra that installs it)
_EXTRAS = {
    "onnxruntime": ("onnxruntime", "onnx"),
    "ai_edge_litert": ("ai-edge-litert", "tflite"),
    "ort_flatbuffers_py": ("onnxruntime", "onnx"),  # inside it
    "flatbuffers": ("ai-edge-litert", "tflite"),  # which brings it
    "mediapipe": ("mediapipe", "mediapipe"),
    "tensorflow": ("tensorflow", "train"),
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
    "openvino": ("openvino", "bench"),
    "nncf": ("nncf", "bench"),
    "torch": ("torch", "bench"),
}


def require(module: str, purpose: str) -> Any:
    """Import ``module`` (dotted) or raise :class:`MissingExtraError` naming the extra.

    ``purpose`` begins the message: "training", "running onnx-float32".
    """
    top = module.partition(".")[0]
    package, extra = _EXTRAS[top]
    if top in ("tensorflow", "keras"):
        # read when the library is first loaded; what the user has set stands
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    handlers = logging.root.handlers[:]
    try:
        with _no_tensorflow() if top == "mediapipe" else contextlib.nullcontext():
            return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is not None and error.name.partition(".")[0] == top:
            raise MissingExtraError(package, extra, purpose) from error
        raise
    except ImportError as error:
        raise InputError(
            f"{purpose} needs the package {package}, which is installed but does not load here: {error}"
        ) from error
    finally:
        if module.startswith("onnxruntime.tools"):  # sets up everybody's logging when imported
            logging.root.handlers[:] = handlers


@contextlib.contextmanager
def _no_tensorflow() -> Iterator[None]:
    """For MediaPipe, which imports it where it is installed, for its own documentation: ten seconds."""
    if "tensorflow" in sys.modules:
        yield
        return
    sys.modules["tensorflow"] = None  # type: ignore[assignment]  # said to be not there
    try:
        yield
    finally:
        del sys.modules["tensorflow"]
