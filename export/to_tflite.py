"""TFLite files: one stacked WHILE loop (see :mod:`export.lowering.stacked_loop`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from export import formats
from export.formats import Precision
from export.lowering import stacked_loop
from export.lowering.pad_state import pad_table
from export.lowering.stacked_loop import Layout
from lstm_edge.extras import require
from lstm_edge.parity import Tolerance


class Exporter(formats.Exporter):
    format = "tflite"
    suffix = ".tflite"
    lowering = "stacked loop, pad-state table"
    runtimes = ("LiteRT",)
    precisions = formats.with_folded(
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
        Precision("float16", formats.FLOAT16, batch=1),
        Precision("int8-dynamic", formats.INT8_DYNAMIC, batch=1),
    )

    def write(self, precision: Precision, path: Path) -> None:
        self.convert(precision, self.layout(precision), path)

    def layout(self, precision: Precision) -> Layout:
        """How the loop of this precision is laid out."""
        kind = _KINDS[precision.base]
        return stacked_loop.layout(
            self.stack,
            kind.stride,
            kind.weight_bytes,
            folded=precision.folded,
            quantised=kind.quantised,
        )

    def convert(self, precision: Precision, layout: Layout, path: Path) -> None:
        """Write a file in this layout (also for ``benchmarks/ideas.py``)."""
        tf = require("tensorflow", "exporting to TFLite")
        saved = self.work / f"{path.stem}.saved"
        module = stacked_loop.module(self.stack, pad_table(self.stack, layout.stride), layout)
        tf.saved_model.save(module, saved, signatures=module.run.get_concrete_function())
        converter = tf.lite.TFLiteConverter.from_saved_model(str(saved))
        _KINDS[precision.base].configure(tf, converter)
        path.write_bytes(converter.convert())


def _float32(tf: Any, converter: Any) -> None:
    del tf, converter


def _float16(tf: Any, converter: Any) -> None:
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_types = [tf.float16]


def _int8_dynamic(tf: Any, converter: Any) -> None:
    converter.optimizations = [tf.lite.Optimize.DEFAULT]


@dataclass(frozen=True)
class _Kind:
    """What a precision means here.

    Attributes:
        stride: pads between two rows of the table: few cost bytes, many cost up to as many steps.
        weight_bytes: of one weight as the runtime holds it; XNNPACK unpacks float16.
        configure: sets the converter's options.
    """

    stride: int
    weight_bytes: int
    configure: Callable[[Any, Any], None]
    quantised: bool = False


_KINDS = {
    "float32": _Kind(4, 4, _float32),
    "float16": _Kind(8, 4, _float16),
    "int8-dynamic": _Kind(8, 1, _int8_dynamic, quantised=True),
}
