"""What MediaPipe Tasks reads beside a TFLite model: its tokeniser, vocabulary and labels.

A description in the model's own metadata names files; they stand in a ZIP archive behind the model. The
archive's entries are read in place, so they are stored, not compressed.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from typing import Any

import numpy as np

from export.lowering import tflite_file
from lstm_edge.base.extras import require
from lstm_edge.structure.of_tflite import MEDIAPIPE, MEDIAPIPE_LABELS, MEDIAPIPE_VOCABULARY

SCHEMA = "mediapipe.tasks.metadata.metadata_schema_py_generated"

_PURPOSE = "exporting for MediaPipe"
# The first reader that knows RegexTokenizerOptions.
_READER = "1.2.1"
_IDENTIFIER = b"M001"


def with_metadata(content: bytes, pattern: str, vocabulary: bytes, labels: Sequence[str]) -> bytes:
    """The TFLite file of a text classifier with all that MediaPipe's TextClassifier wants of it.

    Args:
        content: one int32 input of a RegexTokenizer's numbers; scores float32 [1, labels].
        pattern: of the tokeniser's delimiters.
        vocabulary: content of its vocabulary file: lines ``PIECE NUMBER``.
    """
    litert = require("ai_edge_litert.schema_py_generated", _PURPOSE)
    model = tflite_file.opened(content)
    note, buffer = litert.MetadataT(), litert.BufferT()
    buffer.data = np.frombuffer(_description(pattern), np.uint8)
    note.name, note.buffer = MEDIAPIPE, len(model.buffers)
    model.buffers.append(buffer)
    model.metadata = [*(model.metadata or ()), note]
    whole = io.BytesIO()
    whole.write(tflite_file.packed(model))
    files = {
        MEDIAPIPE_VOCABULARY: vocabulary,
        MEDIAPIPE_LABELS: "".join(f"{label}\n" for label in labels).encode(),
    }
    with zipfile.ZipFile(whole, "a", zipfile.ZIP_STORED) as archive:
        for file, inside in files.items():
            archive.writestr(zipfile.ZipInfo(file), inside)  # with no date: always the same bytes
    return whole.getvalue()


def _description(pattern: str) -> bytes:
    flatbuffers, schema = require("flatbuffers", _PURPOSE), require(SCHEMA, _PURPOSE)

    def file(called: str, file_type: int, text: str) -> Any:
        described = schema.AssociatedFileT()
        described.name, described.type, described.description = called, file_type, text
        return described

    options = schema.RegexTokenizerOptionsT()
    options.delimRegexPattern = pattern
    options.vocabFile = [
        file(
            MEDIAPIPE_VOCABULARY,
            schema.AssociatedFileType.VOCABULARY,
            "letters and their numbers; the words are in the model",
        )
    ]
    tokenizer = schema.ProcessUnitT()
    tokenizer.optionsType = schema.ProcessUnitOptions.RegexTokenizerOptions
    tokenizer.options = options
    text, scores = schema.TensorMetadataT(), schema.TensorMetadataT()
    text.name, text.description = "letters", "the text, letter by letter"
    text.processUnits = [tokenizer]
    scores.name, scores.description = "scores", "probability of each label"
    scores.associatedFiles = [
        file(MEDIAPIPE_LABELS, schema.AssociatedFileType.TENSOR_AXIS_LABELS, "one label a line")
    ]
    graph, model = schema.SubGraphMetadataT(), schema.ModelMetadataT()
    graph.inputTensorMetadata, graph.outputTensorMetadata = [text], [scores]
    model.subgraphMetadata, model.minParserVersion = [graph], _READER
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), _IDENTIFIER)
    return bytes(builder.Output())
