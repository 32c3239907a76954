"""TFLite files: one stacked WHILE loop (:mod:`export.lowering.stacked_loop`) where the model is one of
Embedding, LSTM and Dense layers; any other model through :mod:`export.lowering.tflite_graph`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from export import formats
from export.formats import Precision
from export.lowering import (
    forms,
    recurrent,
    stacked_loop,
    tflite_file,
    tflite_float16,
    tflite_fused,
    tflite_graph,
)
from export.lowering.makers import Makers, refusals
from export.lowering.pad_state import pad_table
from export.lowering.stacked_loop import Layout
from lstm_edge.base.extras import require
from lstm_edge.models.graph import GraphModel, scope_name
from lstm_edge.results.parity import Tolerance
from lstm_edge.stack import LstmStack


class Exporter(formats.Exporter):
    format = "tflite"
    suffix = ".tflite"
    runtimes: ClassVar[tuple[str, ...]] = ("LiteRT",)
    runtime = "litert"
    lowerings: ClassVar[tuple[str, ...]] = ("fused",)
    precisions = formats.with_folded(
        Precision(
            "float32",
            Tolerance(
                max_abs=5e-5,
                flip_rate=0.0,
                flip_margin=1e-5,
                accuracy_drop=None,
                reason="float32 rounding at every step; XNNPACK's tanh and sigmoid are approximations",
            ),
            formats.RELATIVE_FLOAT32,
            batch=1,
            weights="float32",
        ),
        Precision("float16", formats.FLOAT16, formats.RELATIVE_FLOAT16, 1, weights="float16"),
        Precision("int8-dynamic", formats.INT8_DYNAMIC, formats.RELATIVE_INT8_DYNAMIC, batch=1),
    )

    def obstacles(self) -> list[str]:
        reasons = super().obstacles()
        if self.lowering == "fused" and isinstance(self.model, GraphModel):
            reasons += tflite_fused.obstacles(self.model)
        return reasons

    @classmethod
    def unsaid(cls, graph: GraphModel) -> tuple[str, ...]:
        return recurrent.unsaid(graph, "TFLite", forms.TFLITE, graph.fixed_batch or 1)

    def write_stack(self, stack: LstmStack, precision: Precision, path: Path) -> None:
        self.convert(stack, precision, self.layout(stack, precision), path)

    def write_graph(self, graph: GraphModel, precision: Precision, path: Path) -> None:
        fused = self.lowering == "fused"

        def make(quantised: bool) -> Any:
            module = tflite_graph.module(graph, self.batch, quantised, fused, makers)
            self._loops: list[tuple[str, ...]] = module.loops
            return module

        makers = Makers()
        with refusals(graph.model.name, "TFLite", makers):
            content = self.converted(make, precision)
            if precision.name == "float16" and tflite_float16.needs_digits(graph):
                floats = next(p for p in self.precisions if p.name == "float32")
                content = tflite_float16.mended(content, self.converted(make, floats))
        mended = tflite_fused.mended if fused else tflite_file.with_zeros_filled
        path.write_bytes(mended(content))

    def converted(self, make: Callable[[bool], Any], precision: Precision) -> bytes:
        """A file of the module that ``make`` gives; precisions that it is the same for share it.

        Args:
            make: takes whether the embedding is in int8.
        """
        settings = _SETTINGS[precision.base]
        quantised = settings.quantised and self._has_embedding()
        saved = self.work / ("graph.int8.saved" if quantised else "graph.saved")
        if not saved.exists():
            _save(make(quantised), saved)
        return _convert(saved, settings, self._order)

    @property
    def _order(self) -> list[str]:
        """Names of inputs and outputs as the model orders them; none where it has one of each."""
        graph = self.model
        if isinstance(graph, LstmStack):
            return []
        states = graph.all_states
        inputs = [*(port.name for port in graph.inputs), *(state.name for state in states)]
        outputs = [*(port.name for port in graph.outputs), *(state.output for state in states)]
        return inputs + outputs

    def _has_embedding(self) -> bool:
        if isinstance(self.model, LstmStack):
            return True
        keras = require("keras", "exporting to TFLite")
        layers = self.model.model._flatten_layers()
        return any(isinstance(layer, keras.layers.Embedding) for layer in layers)

    def describe_lowering(self, precision: Precision) -> str:
        if isinstance(self.model, LstmStack):
            return "stacked loop, pad-state table"
        if not self._loops and isinstance(self.model, GraphModel) and self.model.holds_graph:
            return "the SavedModel's graph, with its loops as they are"
        if not self._loops:
            return "no recurrent layer"
        if self.lowering == "fused":
            return tflite_fused.described(len(self._loops))
        shared = [" + ".join(layers) for layers in self._loops if len(layers) > 1]
        text = f"{len(self._loops)} loop{'s' if len(self._loops) > 1 else ''} over time"
        text += ", sequences written in place"
        return f"{text}; in one: {', '.join(shared)}" if shared else text

    def layout(self, stack: LstmStack, precision: Precision) -> Layout:
        """How the loop of this precision is laid out."""
        settings = _SETTINGS[precision.base]
        return stacked_loop.layout(
            stack,
            settings.stride,
            settings.weight_bytes,
            folded=precision.folded,
            quantised=settings.quantised,
        )

    def convert(self, stack: LstmStack, precision: Precision, layout: Layout, path: Path) -> None:
        """Write a file in this layout (also for ``benchmarks/ideas.py``)."""
        module = stacked_loop.module(stack, pad_table(stack, layout.stride), layout)
        saved = self.work / f"{path.stem}.saved"
        _save(module, saved)
        path.write_bytes(_convert(saved, _SETTINGS[precision.base], self._order))


def _save(module: Any, saved: Path) -> None:
    tf = require("tensorflow", "exporting to TFLite")
    with contextlib.ExitStack() as undo:
        for variable in module.variables:  # the converter makes operators' names of theirs
            name = variable.name.removesuffix(":0")
            named = "/".join(map(scope_name, name.split("/")))
            if named != name:
                undo.callback(setattr, variable, "_handle_name", f"{name}:0")
                variable._handle_name = f"{named}:0"
        tf.saved_model.save(module, saved, signatures=module.run.get_concrete_function())


def _convert(saved: Path, settings: _Settings, order: Sequence[str]) -> bytes:
    tf = require("tensorflow", "exporting to TFLite")
    converter = tf.lite.TFLiteConverter.from_saved_model(str(saved))
    if settings.optimised:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if settings.float16:
        converter.target_spec.supported_types = [tf.float16]
    return tflite_file.in_order(converter.convert(), order)


@dataclass(frozen=True)
class _Settings:
    """What a precision means here.

    Attributes:
        stride: pads between two rows of the table: few cost bytes, many cost up to as many steps.
        weight_bytes: of one weight as the runtime holds it; XNNPACK unpacks float16.
        optimised, float16: options of the converter.
        quantised: the embedding is looked up in int8.
    """

    stride: int
    weight_bytes: int
    optimised: bool = True
    float16: bool = False
    quantised: bool = False


_SETTINGS = {
    "float32": _Settings(4, 4, optimised=False),
    "float16": _Settings(8, 4, float16=True),
    "int8-dynamic": _Settings(8, 1, quantised=True),
}
