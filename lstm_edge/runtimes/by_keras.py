"""Keras itself, in float32 on the CPU: the reference."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import numpy as np

from lstm_edge.base.arrays import Array, Arrays
from lstm_edge.base.extras import require
from lstm_edge.inputs.signature import Signature
from lstm_edge.runtimes.contract import Port, Runtime


class Keras(Runtime):
    """A live model. States that it keeps are zero before every call.

    Args:
        model: what :func:`lstm_edge.models.graph.read_graph` gives; it is not loaded here.
        path: names the model.
        once: traced once, with its free dimensions unknown; else for every shape: with its steps
            unknown, Keras's TimeDistributed takes the batch for them.
    """

    runtime = "Keras"
    packages = ("tensorflow", "keras")
    modules = ("tensorflow", "keras")
    batch = 128
    most_ids = 3 << 12  # TensorFlow holds 1.6 MB for a row of 500 ids
    at_once = 2  # TensorFlow spreads one call over the cores by itself; a second one fills the gaps

    def __init__(self, model: Any, path: Path, once: bool = False) -> None:
        self._model, self._once = model, once
        super().__init__(path)

    def load(self) -> None:
        tf = require("tensorflow", f"running {self.path.name}")
        tf.config.set_visible_devices([], "GPU")
        self.inputs = tuple(Port(p.name, p.dtype, p.shape) for p in self._model.inputs)
        self.outputs = tuple(Port(p.name, p.dtype, p.shape) for p in self._model.outputs)
        specs = [tf.TensorSpec(port.shape, port.dtype) for port in self.inputs]
        self._function = tf.function(
            lambda *arrays: self._model.call(arrays),
            input_signature=specs if self._once else None,
            autograph=False,
            reduce_retracing=False,
        )
        self._tensor = tf.constant
        layers = self._model.model._flatten_layers()
        self._stateful = [layer for layer in layers if layer.name in self._model.stateful]
        self._alone = threading.Lock() if self._stateful else contextlib.nullcontext()

    @property
    def model(self) -> Any:
        """The live model."""
        return self._model.model

    @property
    def signature(self) -> Signature:
        """The model's inputs and outputs as a bundle's manifest has them."""
        return Signature(self._model.inputs, self._model.outputs)

    @property
    def fixed_batch(self) -> int | None:
        """Examples in every call, where the model itself says so."""
        return self._model.fixed_batch  # type: ignore[no-any-return]

    @property
    def graph(self) -> Any:
        """What :func:`lstm_edge.models.graph.read_graph` gave."""
        return self._model

    @contextlib.contextmanager
    def with_tables(self, change: Callable[[Array], Array]) -> Iterator[None]:
        """Run with other rows in every Embedding; at the end they are what they were."""
        layers = require("keras", f"running {self.path.name}").layers
        embeddings = [
            layer.embeddings
            for layer in self._model.model._flatten_layers()
            if isinstance(layer, layers.Embedding)
        ]
        tables = [np.asarray(table) for table in embeddings]
        try:
            for variable, table in zip(embeddings, tables, strict=True):
                variable.assign(change(table))
            yield
        finally:
            for variable, table in zip(embeddings, tables, strict=True):
                variable.assign(table)

    def call(self, arrays: Arrays) -> Arrays:
        with self._alone:
            self._reset()
            values = self._function(*(self._tensor(arrays[port.name]) for port in self.inputs))
            self._reset()  # a converter that reads the model now must find no states in it either
        names = (port.name for port in self.outputs)
        return {name: np.asarray(value) for name, value in zip(names, values, strict=True)}

    def _reset(self) -> None:
        for layer in self._stateful:
            layer.reset_state()

    def spawn(self) -> Self:
        return self  # a function of TensorFlow takes calls from any thread
