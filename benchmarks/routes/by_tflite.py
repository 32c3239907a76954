"""TFLite files that the stock converter makes, on LiteRT: Keras's loop, and the fused operator."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.routes.base import RouteRuntime
from export.lowering.tflite_fused import fusable
from export.stack import read_stack
from lstm_edge.base.arrays import Ids
from lstm_edge.errors import InputError
from lstm_edge.runtimes.by_litert import LiteRT


def keras_loop(model: Any, path: Path, inputs: Sequence[Ids]) -> None:
    """The conversion of Keras's own loop; it works with the batch fixed to 1 only."""
    import keras
    import tensorflow as tf

    del inputs
    given = model.inputs[0]
    ids = keras.Input(batch_shape=(1, given.shape[1]), dtype=given.dtype)
    converter = tf.lite.TFLiteConverter.from_keras_model(keras.Model(ids, model(ids)))
    path.write_bytes(converter.convert())


def fused_float32(model: Any, path: Path, inputs: Sequence[Ids]) -> None:
    """One UNIDIRECTIONAL_SEQUENCE_LSTM for each layer, as the converter writes it.

    It clips cells at 10, which Keras does not, and keeps its states for the next call.
    """
    del inputs
    _convert_fused(model, path, [])


def fused_int8_dynamic(model: Any, path: Path, inputs: Sequence[Ids]) -> None:
    """The same in dynamic range."""
    import tensorflow as tf

    del inputs
    _convert_fused(model, path, [tf.lite.Optimize.DEFAULT])


def _convert_fused(model: Any, path: Path, optimizations: list[Any]) -> None:
    import keras
    import tensorflow as tf

    length = model.inputs[0].shape[1]
    stack = read_stack(model, length or 1)  # the length is not used
    if stack is None:
        raise InputError("this route takes models of Embedding, LSTM and Dense layers")

    def answer(ids: Any) -> Any:
        every = tf.gather(tf.constant(stack.embedding), ids)
        last = every[:, -1]
        for layer in stack.lstm:
            zeros = tf.zeros((1, layer.units))
            # constants: the converter crashes on a variable here
            weights = map(tf.constant, (layer.kernel, layer.recurrent, layer.bias))
            last, every, *_ = fusable(tf)(every, zeros, zeros, *weights)
        for dense in stack.dense:
            product = tf.matmul(last, tf.constant(dense.kernel)) + tf.constant(dense.bias)
            last = keras.activations.get(dense.activation)(product)
        return last

    module = tf.Module()
    spec = [tf.TensorSpec((1, length), tf.int32, name="ids")]
    module.answer = tf.function(answer, input_signature=spec, autograph=False)
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(module, folder, signatures=module.answer.get_concrete_function())
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        converter.optimizations = optimizations
        path.write_bytes(converter.convert())


class LiteRTRoute(RouteRuntime):
    """LiteRT as it is. For another length than before the input is resized first."""

    runtime = LiteRT.runtime
    packages = LiteRT.packages
    modules = LiteRT.modules

    def load(self) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self._interpreter = Interpreter(str(self.path), num_threads=self.threads)
        self._interpreter.allocate_tensors()
        given = self._interpreter.get_input_details()[0]
        self._input, self._dtype = given["index"], given["dtype"]
        self._length = int(given["shape"][1])
        self._output = self._interpreter.get_output_details()[0]["index"]

    def answer(self, ids: Ids) -> npt.NDArray[Any]:
        if ids.shape[1] != self._length:
            self._interpreter.resize_tensor_input(self._input, ids.shape)
            self._interpreter.allocate_tensors()
            self._length = ids.shape[1]
        self._interpreter.set_tensor(self._input, ids.astype(self._dtype, copy=False))
        self._interpreter.invoke()
        return np.asarray(self._interpreter.get_tensor(self._output))
