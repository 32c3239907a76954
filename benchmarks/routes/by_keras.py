"""Keras itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.routes.base import RouteRuntime
from lstm_edge.base.arrays import Ids
from lstm_edge.errors import InputError
from lstm_edge.models import architecture as models
from lstm_edge.runtimes.by_keras import Keras


def use_threads(threads: int) -> None:
    """Set TensorFlow's threads; it takes them only before its first computation."""
    import tensorflow as tf

    options = tf.config.threading
    try:
        if options.get_intra_op_parallelism_threads() != threads:
            options.set_intra_op_parallelism_threads(threads)
        if options.get_inter_op_parallelism_threads() != threads:
            options.set_inter_op_parallelism_threads(threads)
    except RuntimeError:
        raise InputError(
            f"TensorFlow already runs in this process, not with {threads} threads: start a new one"
        ) from None


def with_free_length(model: Any) -> Any:
    """The same layers, and so the same weights, on ids of any length."""
    import keras

    ids = keras.Input((None,), dtype=model.inputs[0].dtype, name="ids")
    answer = ids
    for layer in model.layers:
        if not isinstance(layer, keras.layers.InputLayer):
            answer = layer(answer)
    return keras.Model(ids, answer)


def save(model: Any, path: Path, inputs: Sequence[Ids]) -> None:
    del inputs
    model.save(path)


class KerasPredict(RouteRuntime):
    """``model.predict``, as most tutorials have it."""

    runtime = Keras.runtime
    packages = Keras.packages
    modules = Keras.modules

    def load(self) -> None:
        use_threads(self.threads)
        self.model = models.load(self.path)

    def answer(self, ids: Ids) -> npt.NDArray[Any]:
        return np.asarray(self.model.predict(ids, verbose=0))


class KerasFunction(KerasPredict):
    """The model as a ``tf.function``, traced once."""

    def load(self) -> None:
        import tensorflow as tf

        super().load()
        spec = tf.TensorSpec(self.model.inputs[0].shape, tf.int32)
        self._function = tf.function(
            lambda ids: self.model(ids, training=False), input_signature=[spec], autograph=False
        )

    def answer(self, ids: Ids) -> npt.NDArray[Any]:
        return np.asarray(self._function(ids))
