"""TFLite files: one stacked WHILE loop (see :mod:`export.lowering.stacked_loop`)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from export import formats
from export.formats import Precision
from export.lowering import stacked_loop
from export.lowering.pad_state import pad_table
from lstm_edge.extras import require
from lstm_edge.parity import Tolerance

# Pads between two rows of the table: fewer cost bytes, more cost up to as many steps.
STRIDE = {"float32": 4, "float16": 8, "int8-dynamic": 8}


class Exporter(formats.Exporter):
    format = "tflite"
    suffix = ".tflite"
    lowering = "stacked loop, pad-state table"
    runtimes = ("LiteRT",)
    precisions = (
        Precision(
            "float32",
            Tolerance(
                max_abs=5e-5,
                flip_rate=0.0,
                flip_margin=1e-5,
                accuracy_drop=None,
                reason="float32 rounding over 500 steps; XNNPACK's tanh and sigmoid are approximations",
            ),
            batch=1,
        ),
        Precision(
            "float16",
            Tolerance(
                max_abs=None,
                flip_rate=0.0005,
                flip_margin=0.0,
                accuracy_drop=None,
                reason="weights rounded to 11 bits",
            ),
            batch=1,
        ),
        Precision(
            "int8-dynamic",
            formats.INT8_DYNAMIC,
            batch=1,
        ),
    )

    def write(self, precision: Precision, path: Path) -> None:
        tf = require("tensorflow", "exporting to TFLite")
        saved = self.work / precision.name
        module = stacked_loop.module(self.stack, pad_table(self.stack, STRIDE[precision.name]))
        tf.saved_model.save(module, saved, signatures=module.run.get_concrete_function())
        converter = tf.lite.TFLiteConverter.from_saved_model(str(saved))
        _OPTIONS[precision.name](tf, converter)
        path.write_bytes(converter.convert())


def _float32(tf: Any, converter: Any) -> None:
    del tf, converter


def _float16(tf: Any, converter: Any) -> None:
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_types = [tf.float16]


def _int8_dynamic(tf: Any, converter: Any) -> None:
    converter.optimizations = [tf.lite.Optimize.DEFAULT]


_OPTIONS: dict[str, Callable[[Any, Any], None]] = {
    "float32": _float32,
    "float16": _float16,
    "int8-dynamic": _int8_dynamic,
}
