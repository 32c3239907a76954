"""ONNX files that Keras and tf2onnx make, on ONNX Runtime."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.routes.base import RouteRuntime
from lstm_edge.base.arrays import Ids
from lstm_edge.runtimes.by_onnxruntime import OnnxRuntime

OPSET = 18


def keras_export(model: Any, path: Path, inputs: Sequence[Ids] = ()) -> None:
    """Keras's own ``export(format="onnx")``."""
    del inputs
    model(np.zeros((1, model.inputs[0].shape[1] or 1), np.int32))  # it asks for a call
    model.export(str(path), format="onnx", verbose=False)


def tf2onnx_loop(model: Any, path: Path, inputs: Sequence[Ids]) -> None:
    """tf2onnx as its README has it, for one example: each LSTM becomes a Loop.

    Its ``from_keras`` does not take models of Keras 3, so ``from_function``.
    """
    import tensorflow as tf
    import tf2onnx

    del inputs
    spec = [tf.TensorSpec((1, model.inputs[0].shape[1]), model.inputs[0].dtype, name="ids")]
    function = tf.function(lambda ids: model(ids, training=False), input_signature=spec)
    tf2onnx.convert.from_function(
        function, input_signature=spec, opset=OPSET, output_path=str(path)
    )


class OnnxRoute(RouteRuntime):
    """ONNX Runtime as it is: only the threads are set."""

    runtime = OnnxRuntime.runtime
    packages = OnnxRuntime.packages
    modules = OnnxRuntime.modules

    def load(self) -> None:
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = ort.InferenceSession(
            str(self.path), options, providers=["CPUExecutionProvider"]
        )
        given = self._session.get_inputs()[0]
        self._input = given.name
        self._dtype = np.dtype("float32" if "float" in given.type else "int32")

    def answer(self, ids: Ids) -> npt.NDArray[Any]:
        ids = ids.astype(self._dtype, copy=False)
        return np.asarray(self._session.run(None, {self._input: ids})[0])
