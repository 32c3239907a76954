"""Step models beside the ONNX files of a classifier of texts: a word in, the answer so far out."""

from __future__ import annotations

from export import to_onnx
from export.formats import STREAM


class Exporter(to_onnx.Exporter):
    made_for = STREAM
