"""ONNX files: one ``LSTM`` node for each layer (see :mod:`export.lowering.onnx_lstm`)."""

from __future__ import annotations

from pathlib import Path

from export import formats
from export.formats import Precision
from export.lowering import onnx_int8, onnx_lstm
from export.lowering.pad_state import pad_table
from lstm_edge.parity import Tolerance

# Pads between two rows of the table: fewer cost bytes, more cost up to as many steps.
STRIDE = {"float32": 4, "int8-dynamic": 12}


class Exporter(formats.Exporter):
    format = "onnx"
    suffix = ".onnx"
    lowering = "LSTM nodes, pad-state table"
    runtimes = ("ONNX Runtime",)
    precisions = (
        Precision(
            "float32",
            Tolerance(
                max_abs=1e-5,
                flip_rate=0.0,
                flip_margin=1e-5,
                accuracy_drop=None,
                reason="the same arithmetic in another order: float32 rounding over 500 steps",
            ),
            batch=None,
        ),
        Precision(
            "int8-dynamic",
            Tolerance(
                max_abs=None,
                flip_rate=0.002,
                flip_margin=0.0,
                accuracy_drop=0.0015,
                reason="hidden states rounded to 8 bits at every step; about 0.1 % flips on IMDB",
            ),
            # ONNX Runtime takes one activation scale for the whole batch: another example in it
            # would change the answer
            batch=1,
        ),
    )

    def write(self, precision: Precision, path: Path) -> None:
        table = pad_table(self.stack, STRIDE[precision.name])
        if precision.name == "float32":
            onnx_lstm.convert(self.stack, table, path)
        else:
            floats = self.work / "float32.onnx"
            onnx_lstm.convert(self.stack, table, floats)
            onnx_int8.convert(floats, path)
