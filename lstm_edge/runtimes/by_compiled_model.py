"""LiteRT's CompiledModel on the CPU: what LiteRT.js and the newer mobile API run."""

from __future__ import annotations

from typing import Any

import numpy as np

from lstm_edge.base.arrays import Arrays
from lstm_edge.base.extras import require
from lstm_edge.base.reasons import reason_of
from lstm_edge.errors import InputError
from lstm_edge.runtimes.contract import Port, Runtime


class CompiledModel(Runtime):
    """A file in LiteRT's CompiledModel. It takes fixed shapes and no variable tensors."""

    runtime = "LiteRT CompiledModel"
    kinds = ("tflite-litert-js",)
    packages = ("ai-edge-litert",)
    modules = ("ai_edge_litert.compiled_model",)
    at_once = 1  # a call holds Python's lock: nothing runs beside it
    forks = True

    def load(self) -> None:
        litert = require("ai_edge_litert.compiled_model", f"running {self.path.name}")
        options = litert.Options(
            hardware_accelerators=litert.HardwareAccelerator.CPU,
            cpu_options=litert.CpuOptions(num_threads=self.threads),
        )
        try:
            if self.content:
                self._model = litert.CompiledModel.from_buffer(self.content, options=options)
            else:
                self._model = litert.CompiledModel.from_file(str(self.path), options=options)
            self._signature = next(iter(self._model.get_signature_list()))
            self.inputs, self._places = self._buffers("input")
            self.outputs, self._results = self._buffers("output")
            for port in self.inputs:
                # the first write sets up more of LiteRT, which is part of loading
                self._places[port.name].write(np.zeros(_sizes(port), port.dtype))
        except (ValueError, RuntimeError) as error:
            raise InputError(
                f"LiteRT's CompiledModel cannot load {self.path}: {reason_of(error)}"
            ) from None

    def _buffers(self, end: str) -> tuple[tuple[Port, ...], dict[str, Any]]:
        """The inputs or outputs, and each one's buffer by name."""
        details = getattr(self._model, f"get_{end}_tensor_details")(self._signature)
        make = getattr(self._model, f"create_{end}_buffer_by_name")
        ports = tuple(
            Port(name, np.dtype(detail["dtype"]).name, tuple(int(n) for n in detail["shape"]))
            for name, detail in details.items()
        )
        return ports, {port.name: make(self._signature, port.name) for port in ports}

    def call(self, arrays: Arrays) -> Arrays:
        for port in self.inputs:
            if arrays[port.name].shape != port.shape:
                raise InputError(
                    f"input {port.name} is {list(arrays[port.name].shape)}; {self.path.name} takes "
                    f"{list(port.shape)}"
                )
            self._places[port.name].write(arrays[port.name])
        self._model.run_by_name(self._signature, self._places, self._results)
        return {
            port.name: np.array(
                self._results[port.name].read(int(np.prod(_sizes(port))), np.dtype(port.dtype))
            ).reshape(_sizes(port))
            for port in self.outputs
        }


def _sizes(port: Port) -> list[int]:
    return [size or 1 for size in port.shape]  # all are known in such a file
