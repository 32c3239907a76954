"""LiteRT's Interpreter on the CPU (XNNPACK)."""

from __future__ import annotations

from typing import Any

import numpy as np

from lstm_edge.base.arrays import Arrays
from lstm_edge.base.extras import require
from lstm_edge.base.reasons import reason_of
from lstm_edge.errors import InputError
from lstm_edge.runtimes.contract import Port, Runtime


class LiteRT(Runtime):
    """A file in LiteRT; where it leaves a shape free, it is prepared anew for another one."""

    runtime = "LiteRT"
    kinds = ("tflite", "tflite-stream")
    packages = ("ai-edge-litert",)
    modules = ("ai_edge_litert.interpreter",)
    forks = True

    def load(self) -> None:
        litert = require("ai_edge_litert.interpreter", f"running {self.path.name}")
        try:
            path = None if self.content else str(self.path)
            self._interpreter = litert.Interpreter(
                path, model_content=self.content, num_threads=self.threads
            )
            signature = self._interpreter.get_signature_runner()
            inputs, outputs = signature.get_input_details(), signature.get_output_details()
            del signature  # the interpreter refuses to be prepared while it is held
            self.inputs, self.outputs = _ports(inputs), _ports(outputs)
            self._places = {
                name: (details["index"], tuple(details["shape"]))
                for name, details in inputs.items()
            }
            self._results = {name: details["index"] for name, details in outputs.items()}
            # a free dimension is 1 until an input comes, which a convolution may not take
            self._ready = not any(None in port.shape[1:] for port in self.inputs)
            if self._ready:
                self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise InputError(f"LiteRT cannot load {self.path}: {reason_of(error)}") from None

    def call(self, arrays: Arrays) -> Arrays:
        interpreter = self._interpreter
        for name, array in arrays.items():
            place, shape = self._places[name]
            if array.shape != shape:
                interpreter.resize_tensor_input(place, array.shape)
                self._places[name], self._ready = (place, array.shape), False
        if not self._ready:
            interpreter.allocate_tensors()
            self._ready = True
        for name, array in arrays.items():
            interpreter.set_tensor(self._places[name][0], array)
        interpreter.invoke()
        return {name: interpreter.get_tensor(place) for name, place in self._results.items()}


def _ports(details: Any) -> tuple[Port, ...]:
    return tuple(
        Port(
            name,
            np.dtype(detail["dtype"]).name,
            tuple(None if size < 0 else int(size) for size in detail["shape_signature"]),
        )
        for name, detail in details.items()
    )
