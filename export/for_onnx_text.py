"""ONNX files that take a text as it is: the tokeniser in the graph, and then the model."""

from __future__ import annotations

from pathlib import Path

from export import to_onnx
from export.formats import TEXT_INPUT, Precision
from export.lowering import onnx_text
from lstm_edge.base.extras import require
from lstm_edge.models.graph import GraphModel
from lstm_edge.stack import LstmStack

_PURPOSE = "exporting to ONNX"


class Exporter(to_onnx.Exporter):
    """The ids are those of the tokeniser, exactly; the model behind them is the plain file's."""

    made_for = TEXT_INPUT
    takes_texts = True

    def obstacles(self) -> list[str]:
        reasons = super().obstacles()
        if self.texts is not None:
            reasons += onnx_text.obstacles(self.texts.tokenizer)
        return reasons

    def write_stack(self, stack: LstmStack, precision: Precision, path: Path) -> None:
        super().write_stack(stack, precision, self._of_ids(precision))
        self._join(precision, path)

    def write_graph(self, graph: GraphModel, precision: Precision, path: Path) -> None:
        super().write_graph(graph, precision, self._of_ids(precision))
        self._join(precision, path)

    def _of_ids(self, precision: Precision) -> Path:
        return self.work / f"ids-{precision.name}.onnx"

    def _join(self, precision: Precision, path: Path) -> None:
        onnx = require("onnx", _PURPOSE)
        if self.texts is None:  # then there are obstacles
            raise AssertionError(self.name(precision))
        onnx.save(onnx_text.join(self.texts, onnx.load(self._of_ids(precision))), path)

    def describe_lowering(self, precision: Precision) -> str:
        return f"the text made into ids; {super().describe_lowering(precision)}"

    def notes(self, precision: Precision) -> tuple[str, ...]:
        return (
            "needs ONNX Runtime 1.17 or newer with its contrib and ML operators: a full package",
            "give texts without NUL: in most languages it ends a string",
        )
