"""MediaPipe Tasks' TextClassifier."""

from __future__ import annotations

import re
import weakref
from typing import Any

import numpy as np

from lstm_edge.base.arrays import Arrays
from lstm_edge.base.extras import require
from lstm_edge.base.reasons import reason_of
from lstm_edge.errors import InputError
from lstm_edge.runtimes.contract import TEXT, Port, Runtime

# What ends a text in C, and halves of characters, which UTF-8 cannot hold; none is a part of a word.
_SPOILT = re.compile("[\0\ud800-\udfff]")


class MediaPipe(Runtime):
    """A file with its metadata. It has no setting for threads, and takes one on this machine."""

    runtime = "MediaPipe"
    kinds = of_texts = ("tflite-mediapipe",)
    packages = ("mediapipe",)
    modules = ("mediapipe.tasks.python.text.text_classifier",)
    survives = (
        True  # a call is a request of its own, and another classifier would take more threads
    )
    inputs = (Port("text", TEXT, (1,)),)
    outputs = (Port("scores", "float32", (1, None)),)

    def load(self) -> None:
        if self.threads != 1:
            raise InputError(
                f"MediaPipe has no setting for threads, and {self.threads} are asked for: run "
                f"{self.path.name} with 1, or leave it out with `variants`"
            )
        purpose = f"running {self.path.name}"
        tasks = require("mediapipe.tasks.python.text.text_classifier", purpose)
        base = require("mediapipe.tasks.python.core.base_options", purpose)
        path = None if self.content else str(self.path.resolve())
        options = tasks.TextClassifierOptions(
            base_options=base.BaseOptions(model_asset_path=path, model_asset_buffer=self.content)
        )
        try:
            self._classifier = tasks.TextClassifier.create_from_options(options)
        except (ValueError, RuntimeError, OSError) as error:
            raise InputError(f"MediaPipe cannot load {self.path}: {reason_of(error)}") from None
        weakref.finalize(self, _close, self._classifier)

    def call(self, arrays: Arrays) -> Arrays:
        (text,) = arrays["text"]
        result = self._classifier.classify(_SPOILT.sub("\ufffd", text))
        categories = result.classifications[0].categories
        scores = np.zeros((1, len(categories)), np.float32)
        for category in categories:
            scores[0, category.index] = category.score
        return {"scores": scores}


def _close(classifier: Any) -> None:
    try:
        classifier.close()
    except RuntimeError:
        # the process ends, and MediaPipe's thread did: its own attempt would fail and say so
        classifier._classifier_handle = None
