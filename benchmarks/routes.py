"""The routes that a user would take without this project, from the same Keras model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lstm_edge.runners import LiteRTRunner, OnnxRunner, Runner
from lstm_edge.text import Ids, pad_sequences


class PaddedOnnx(OnnxRunner):
    """An ONNX file that takes ids padded in front to the model's length, in any dtype."""

    def padded(self, chunk: Sequence[npt.NDArray[Any]]) -> Ids:
        return pad_sequences(chunk, self.max_length or 1)

    def infer(self, ids: Ids) -> npt.NDArray[Any]:
        dtype = np.float32 if "float" in self._session.get_inputs()[0].type else np.int32
        return np.asarray(self._session.run(None, {self._input: ids.astype(dtype)})[0])


class PaddedLiteRT(LiteRTRunner):
    """A TFLite file that takes one example padded in front."""

    def infer(self, ids: Ids) -> npt.NDArray[Any]:
        dtype = self._interpreter.get_input_details()[0]["dtype"]
        self._interpreter.set_tensor(self._input, ids.astype(dtype))
        self._interpreter.invoke()
        return np.asarray(self._interpreter.get_tensor(self._output))


def keras_onnx(model: Any, path: Path) -> type[Runner]:
    """Keras's own ``export(format="onnx")``."""
    model.predict(np.zeros((1, model.input_shape[1]), np.int32), verbose=0)  # it asks for a call
    model.export(str(path), format="onnx", verbose=False)
    return PaddedOnnx


def keras_tflite(model: Any, path: Path) -> type[Runner]:
    """The TFLite conversion of Keras's own loop; it works with the batch fixed to 1 only."""
    import keras
    import tensorflow as tf

    ids = keras.Input(batch_shape=(1, model.input_shape[1]), dtype="int32")
    converter = tf.lite.TFLiteConverter.from_keras_model(keras.Model(ids, model(ids)))
    path.write_bytes(converter.convert())
    return PaddedLiteRT


# name -> (suffix of the file, what makes it)
ROUTES = {
    "keras-export-onnx": (".onnx", keras_onnx),
    "keras-loop-tflite": (".tflite", keras_tflite),
}
