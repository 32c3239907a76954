"""ONNX Runtime on the CPU."""

from __future__ import annotations

import copy
import re
from typing import Any, Self

import numpy as np

from lstm_edge.base.arrays import Arrays
from lstm_edge.base.extras import require
from lstm_edge.base.reasons import reason_of
from lstm_edge.errors import InputError
from lstm_edge.inputs.tokenizer import NO_CHARACTER
from lstm_edge.runtimes.contract import TEXT, Port, Runtime

_HALVES = re.compile("[\ud800-\udfff]")  # of a surrogate pair, which UTF-8 has not
_DTYPES = {"float": "float32", "double": "float64", "string": TEXT}


class OnnxRuntime(Runtime):
    """A file in ONNX Runtime; ORT files too. It takes any batch and any length that the file takes."""

    runtime = "ONNX Runtime"
    kinds = ("onnx", "onnx-mobile", "onnx-text", "onnx-stream")
    of_texts = ("onnx-text",)
    packages = ("onnxruntime",)
    modules = ("onnxruntime",)
    forks = True

    def load(self) -> None:
        ort = require("onnxruntime", f"running {self.path.name}")
        try:
            self._session = ort.InferenceSession(
                self.content or str(self.path),
                self.options(ort),
                providers=["CPUExecutionProvider"],
            )
        except Exception as error:  # ONNX Runtime has no common base for its errors
            raise InputError(f"ONNX Runtime cannot load {self.path}: {reason_of(error)}") from None
        self._value = ort.OrtValue
        self.inputs = tuple(map(_port, self._session.get_inputs()))
        self.outputs = tuple(map(_port, self._session.get_outputs()))
        self._bind()

    def options(self, ort: Any) -> Any:
        """How the session is set up."""
        options = ort.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        options.enable_mem_pattern = False  # a plan for each new length: every input has its own
        return options

    def _bind(self) -> None:
        """An output that stays for all calls: ``session.run`` makes one for each, at some cost."""
        output = self.outputs[0]
        self._columns = output.shape[-1] if len(self.outputs) == len(self.inputs) == 1 else None
        if len(output.shape) != 2 or self.inputs[0].dtype != "int32":
            self._columns = None
        self._binding, self._kept = self._session.io_binding(), np.empty((0, 0), np.float32)

    def call(self, arrays: Arrays) -> Arrays:
        if self._columns is None:
            if self.takes_texts:
                arrays = {name: _spoken(texts) for name, texts in arrays.items()}
            names = [output.name for output in self.outputs]
            return dict(zip(names, self._session.run(names, arrays), strict=True))
        ((name, ids),) = arrays.items()
        if len(ids) != len(self._kept):
            # every call writes into this array, which nothing else keeps alive
            self._kept = np.zeros((len(ids), self._columns), np.float32)
            kept = self._value.ortvalue_from_numpy(self._kept)
            self._binding.bind_ortvalue_output(self.outputs[0].name, kept)
        self._binding.bind_cpu_input(name, ids)
        self._session.run_with_iobinding(self._binding)
        return {self.outputs[0].name: self._kept.copy()}

    def spawn(self) -> Self:
        other = copy.copy(self)  # one session takes calls from any thread, a binding does not
        other._bind()
        return other


def _port(value: Any) -> Port:
    dtype = value.type.removeprefix("tensor(").removesuffix(")")
    shape = tuple(size if isinstance(size, int) else None for size in value.shape)
    return Port(value.name, _DTYPES.get(dtype, dtype), shape)


def _spoken(texts: Any) -> Any:
    return np.array([_HALVES.sub(NO_CHARACTER, text) for text in texts], object)
