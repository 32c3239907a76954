"""The reference for any model: the Keras model itself, in float32 on the CPU, on arrays by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lstm_edge.base.arrays import Arrays, Ids
from lstm_edge.base.extras import require
from lstm_edge.inputs.signature import Signature
from lstm_edge.models import architecture
from lstm_edge.models.graph import GraphModel
from lstm_edge.runtimes.runners import Runner, TensorRunner, runs


class KerasTensorRunner(TensorRunner):
    """Keras on arrays by name. States that a model keeps are zero before every call.

    Args:
        path: names the model; nothing is loaded from it.
    """

    runtime = "Keras"
    packages = ("tensorflow", "keras")
    modules = ("tensorflow", "keras")

    def __init__(self, graph: GraphModel, path: Path) -> None:
        self._graph = graph
        super().__init__(path, signature_of(graph), batch=fixed_batch(graph))

    def _load(self) -> None:
        tf = require("tensorflow", f"running {self.path.name}")
        tf.config.set_visible_devices([], "GPU")
        # traced for each shape: with its steps unknown, Keras's TimeDistributed takes the batch for them
        self._function = tf.function(
            lambda arrays: self._graph.call(arrays), autograph=False, reduce_retracing=False
        )
        self._tensor = tf.constant
        self._stateful = [
            layer
            for layer in self._graph.model._flatten_layers()
            if layer.name in self._graph.stateful
        ]

    def call(self, arrays: Arrays) -> Arrays:
        self._reset()
        values = self._function([self._tensor(arrays[i.name]) for i in self.signature.inputs])
        self._reset()  # a converter that reads the model now must find no states in it either
        names = (one.name for one in self.signature.outputs)
        return {name: np.asarray(v) for name, v in zip(names, values, strict=True)}

    def _reset(self) -> None:
        for layer in self._stateful:
            layer.reset_state()


def signature_of(graph: GraphModel) -> Signature:
    """A model's inputs and outputs as a bundle's manifest has them."""
    return Signature(graph.inputs, graph.outputs)


def fixed_batch(graph: GraphModel) -> int | None:
    """Examples in every call, where the model itself says so."""
    return next((one.shape[0] for one in graph.inputs if one.shape[0] is not None), None)


@runs("keras")
class KerasRunner(Runner):
    """The reference: Keras in float32 on the CPU, pads in front.

    Args:
        loaded: the live model, where it is there already; ``path`` only names it then.
    """

    runtime = "Keras"
    packages = ("tensorflow", "keras")
    modules = ("tensorflow", "keras")
    batch = 128
    most_ids = 3 << 12  # TensorFlow holds 1.6 MB for a row of 500 ids

    def __init__(self, *args: Any, loaded: Any = None, **options: Any) -> None:
        self.model = loaded
        super().__init__(*args, **options)

    def _load(self) -> None:
        if self.model is None:
            self.model = architecture.load(self.path)
        tf = require("tensorflow", f"running {self.path.name}")
        tf.config.set_visible_devices([], "GPU")
        length = None if self.pads == "none" else self.max_length
        spec = tf.TensorSpec((None, length), tf.int32)
        self._function = tf.function(
            lambda ids: self.model(ids, training=False), input_signature=[spec], autograph=False
        )

    def set_workers(self, workers: int) -> None:
        # TensorFlow spreads one call over the cores by itself; a second one fills the gaps
        super().set_workers(min(workers, 2))

    def _colleague(self) -> Runner:
        return self

    def infer(self, ids: Ids) -> npt.NDArray[Any]:
        return np.asarray(self._function(ids))
