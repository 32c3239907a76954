"""TFLite files of fixed shapes: for LiteRT.js in the browser and LiteRT's CompiledModel on phones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from export import to_tflite
from export.formats import Precision
from lstm_edge.models.graph import GraphModel
from lstm_edge.models.streaming import with_steps
from lstm_edge.runtimes.by_compiled_model import CompiledModel
from lstm_edge.stack import LstmStack


class Exporter(to_tflite.Exporter):
    """A model of Embedding, LSTM and Dense layers has the file's length anyway; a classifier of texts of
    other layers is given that of its texts; of any other model the shapes must be fixed.

    Variable tensors are refused by this runtime, so there is no fused operator here.
    """

    runtimes: ClassVar[tuple[str, ...]] = (CompiledModel.runtime, "LiteRT.js")
    runtime = "litert-js"
    made_for = "litert-js"
    lowerings: ClassVar[tuple[str, ...]] = ()

    def obstacles(self) -> list[str]:
        if isinstance(self.model, LstmStack) or self._length() is not None:
            return []
        free = [port.name for port in self.model.inputs if None in port.shape[1:]]
        return [
            f"input {name} leaves its steps free, and LiteRT.js takes fixed shapes only: "
            + (
                "give `chunk=K`"
                if self.model.states
                else "build the model with a fixed keras.Input"
            )
            for name in free
        ]

    def _length(self) -> int | None:
        """Steps that texts are padded to, of a model that leaves them free."""
        if self.texts is None or self.texts.pads not in ("front", "behind"):
            return None
        return self.texts.tokenizer.settings.max_length

    def write_graph(self, graph: GraphModel, precision: Precision, path: Path) -> None:
        length = self._length()
        if length is not None and None in graph.inputs[0].shape[1:]:
            ids_input = replace(graph.inputs[0], shape=(None, length))
            graph = replace(graph, model=with_steps(graph.model, length), inputs=(ids_input,))
        super().write_graph(graph, precision, path)
