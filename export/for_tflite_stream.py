"""Step models beside the TFLite files of a classifier of texts: a word in, the answer so far out."""

from __future__ import annotations

from typing import ClassVar

from export import to_tflite
from export.formats import STREAM


class Exporter(to_tflite.Exporter):
    made_for = STREAM
    lowerings: ClassVar[tuple[str, ...]] = ()
    precisions = tuple(p for p in to_tflite.Exporter.precisions if not p.folded)
