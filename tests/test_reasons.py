"""Keras's and TensorFlow's own reasons, out of real errors of theirs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from models import kinds

from lstm_edge.base.reasons import REASON, reason_of


def _traced(*layers: Any, shape: tuple[int | None, ...] = (None, 4), **signature: Any) -> None:
    """Called in a graph, as the reference is."""
    import keras
    import tensorflow as tf

    model = keras.Sequential([keras.Input(shape), *layers])
    series = np.ones((2, *(n or 20 for n in shape)), np.float32)
    tf.function(lambda x: model(x), autograph=False, **signature)(series)


def _predicted() -> None:
    import keras

    layers = [keras.Input((None,)), kinds().Embedding(5, 3, name="words"), kinds().LSTM(2)]
    keras.Sequential(layers).predict(np.array([[7, 8]]), verbose=0)


def _free_batch() -> Any:
    import tensorflow as tf

    return [tf.TensorSpec((None, None, 4), tf.float32)]


def _raised(text: str) -> None:
    raise ValueError(text)


def _read(config: dict[str, Any]) -> None:
    import keras

    keras.saving.deserialize_keras_object(config)


DENSE = {"class_name": "Dense", "module": "keras.layers", "config": {"units": 3, "foo": 4}}
REASONS: dict[str, tuple[Callable[[], Any], str]] = {
    "eager": (
        lambda: kinds().Add()([np.ones((2, 9, 4)), np.ones((2, 7, 4))]),
        "Inputs have incompatible shapes. Received shapes (9, 4) and (7, 4)",
    ),
    "an operation": (
        lambda: kinds().Embedding(5, 3)(np.array([[7]])),
        "Embedding: indices[0,0] = 7 is not in [0, 5)",
    ),
    "while tracing": (
        lambda: _traced(kinds().Conv1D(3, 41, name="wide")),
        "Conv1D: Negative dimension size caused by subtracting 41 from 20 in ",
    ),
    "the layer by its name": (
        lambda: _traced(kinds().Conv1D(3, 41, name="wide")),
        "/wide_1/convolution with input shapes: [2,1,20,4], [1,41,4,3]",
    ),
    "in a nested model": (
        lambda: _traced(kinds().TimeDistributed(kinds().Dense(3)), kinds().MaxPooling1D(30)),
        "MaxPooling1D: Negative dimension size caused by subtracting 30 from 20",
    ),
    "when the graph runs": (
        lambda: _traced(kinds().Reshape((-1, 12)), input_signature=_free_batch()),
        "with 160 values, but the requested shape requires a multiple of 24 in sequential",
    ),
    "in predict": (_predicted, "indices[0,0] = 7 is not in [0, 5) in "),
    "a scope": (
        lambda: _traced(kinds().LSTM(3), kinds().Dense(2, name="Dense 1"), shape=(9, 4)),
        "'Dense 1' is not a valid scope name. A scope name has to match",
    ),
    "a stored layer": (lambda: _read(DENSE), "Dense: Unrecognized keyword arguments passed to Dense"),
    "Keras 2's form": (
        lambda: _raised(
            "Exception encountered when calling layer 'lstm_3' (type LSTM).\n\nno such \x1b[1mgate\x1b[0m"
            "\n\nCall arguments received by layer 'lstm_3' (type LSTM):\n  • inputs=None"
        ),
        "lstm_3 (LSTM): no such gate",
    ),
    "one in the other": (
        lambda: _raised(
            "Exception encountered when calling A.call().\n\n\x1b[1mException encountered when calling "
            "B.call().\n\n\x1b[1mtoo short\x1b[0m\n\nArguments received by B.call():\n  • x=1\x1b[0m\n\n"
            "Arguments received by A.call():\n  • x=1"
        ),
        "B: too short",
    ),
    "no reason": (lambda: _raised(""), "ValueError"),
    "anything else": (lambda: _raised("out of\n  ideas."), "out of ideas"),
    "a long one": (lambda: _raised("word " * 100), "word …"),
}  # fmt: skip


@pytest.mark.parametrize("name", REASONS)
def test_the_reason_and_nothing_around_it(name: str) -> None:
    raising, part = REASONS[name]
    try:
        raising()
    except Exception as error:
        said = reason_of(error)
    assert part in said
    assert len(said) < REASON + 2
    for around in ("\x1b", "\n", "{{", "[Op:", "Arguments", "Exception encountered", "File "):
        assert around not in said
