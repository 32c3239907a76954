"""Small Keras models whose weights remember, so that no trap of an export stays hidden.

Untrained weights forget within a few steps: a table of states that is off by one, a state left over
from the call before, or a clipped cell would not show in the answer. ``test_export.py`` holds these
models to that.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from export import formats
from export.stack import DENSE_ACTIVATIONS
from export.to_onnx import STRIDE
from lstm_edge import equations as reference
from lstm_edge.inputs.tokenizer import pad_sequences
from lstm_edge.stack import LstmLayer

VARIANTS = {e.name(p): (e, p) for e in formats.formats().values() for p in e.precisions}
"""Every format × precision, by name: (exporter, precision)."""
DEFAULT = [exporter.name(precision) for exporter, precision in formats.choose()]
"""Those that are exported where nothing is asked for."""

VOCAB, WIDTH = 30, 6
SPREAD = 1.2  # standard deviation of what reaches a Dense unit, over inputs


def kinds() -> Any:
    """``keras.layers``, imported only when a model is built."""
    import keras

    return keras.layers


def sequential(*layers: Any, length: int | None, dtype: str = "int32") -> Any:
    """A ``keras.Sequential`` on ids [N, length]."""
    import keras

    return keras.Sequential([keras.Input((length,), dtype=dtype, name="ids"), *layers])


def functional(*layers: Any, length: int | None, dtype: str = "int32") -> Any:
    """The same layers through the functional API."""
    import keras

    ids = keras.Input((length,), dtype=dtype, name="ids")
    x = ids
    for layer in layers:
        x = layer(x)
    return keras.Model(ids, x)


def remembering(model: Any, seed: int = 1, gain: float | None = None, alike: bool = False) -> Any:
    """Draw all weights at a scale of about 0.5, with open forget gates; returns the model.

    ``gain`` is how far the input gates open. By default so little that cells go on counting over the
    model's whole length; with 0.5 they grow far beyond 10. Dense layers are drawn so that what
    reaches each of their units varies over the inputs. ``alike`` gives all LSTM layers the same
    weights.
    """
    rng = np.random.default_rng(seed)
    steps = model.input_shape[1] or 40
    gain = min(0.5, 8 / steps) if gain is None else gain

    def draw(shape: Sequence[int], scale: float) -> Any:
        return rng.normal(0, scale, shape).astype(np.float32)

    x: Any = None  # what reaches the layer, for some inputs
    for layer in model.layers:
        kind, shapes = type(layer).__name__, [weight.shape for weight in layer.weights]
        if kind == "Embedding":
            layer.set_weights([draw(shapes[0], 1.0)])
            lengths = np.linspace(0, steps + 0.9, 64).astype(int)
            x = pad_sequences([rng.integers(1, shapes[0][0], n) for n in lengths], steps)
        elif kind == "LSTM":
            units = layer.units
            rng = np.random.default_rng(seed) if alike else rng
            # wider layers would turn chaotic: then float32 itself has no answer
            scale = min(0.5, 1.4 / math.sqrt(units))
            kernel, recurrent = draw(shapes[0], scale), draw(shapes[1], scale)
            bias = draw([4 * units], 0.5)
            bias[:units] += math.log(gain / (1 - gain))
            bias[units : 2 * units] = 4 - math.log(2 * gain)
            bias *= layer.use_bias
            layer.set_weights([kernel, recurrent, bias][: len(shapes)])
            every, last, _ = reference.run(LstmLayer("", kernel, recurrent, bias), x)
            x = every if layer.return_sequences else last
            continue
        elif kind == "Dense":
            kernel = draw(shapes[0], 1.0)
            reached = x @ kernel
            kernel *= SPREAD / reached.std(0)
            bias = draw([layer.units], 0.3) - (x @ kernel).mean(0)
            layer.set_weights([kernel, bias][: len(shapes)])
        if kind != "InputLayer":
            x = np.asarray(layer(x))
    return model


def plain(
    length: int | None = 40,
    lstm: Sequence[int] = (8,),
    *,
    dense: Sequence[str] = (),
    classes: int = 2,
    vocab: int = VOCAB,
    width: int = WIDTH,
    use_bias: bool = True,
    seed: int = 1,
    gain: float | None = None,
    alike: bool = False,
    make: Callable[..., Any] = sequential,
    dtype: str = "int32",
    **lstm_options: Any,
) -> Any:
    """Embedding → LSTM… → Dense… with weights that remember.

    ``dense`` holds hidden layers as ``"UNITS ACTIVATION"``.
    """
    make_layer = kinds()
    hidden = [spec.split() for spec in dense]
    end = {"units": 1, "activation": "sigmoid"}
    if classes > 2:
        end = {"units": classes, "activation": "softmax"}
    model = make(
        make_layer.Embedding(vocab, width),
        *(
            make_layer.LSTM(n, return_sequences=i < len(lstm), use_bias=use_bias, **lstm_options)
            for i, n in enumerate(lstm, 1)
        ),
        *(make_layer.Dense(int(n), activation=name, use_bias=use_bias) for n, name in hidden),
        make_layer.Dense(**end, use_bias=use_bias),
        length=length,
        dtype=dtype,
    )
    return remembering(model, seed, gain, alike)


def _of_layers(*layers: Any, length: int = 40, seed: int = 1) -> Any:
    kind = kinds()
    return remembering(sequential(kind.Embedding(VOCAB, WIDTH), *layers, length=length), seed)


def _folded() -> Any:
    """Activations as layers of their own, behind Dense layers and with Dropout in between."""
    kind = kinds()
    return _of_layers(
        kind.LSTM(8),
        kind.Dense(7),
        kind.Activation("relu"),
        kind.Dense(5),
        kind.Dropout(0.5),
        kind.Activation("tanh"),
        kind.Dense(3),
        kind.Softmax(),
    )


def _noisy() -> Any:
    """Every layer that does nothing when the model answers."""
    kind = kinds()
    return _of_layers(
        kind.SpatialDropout1D(0.3),
        kind.LSTM(8, return_sequences=True, dropout=0.3, recurrent_dropout=0.3),
        kind.GaussianNoise(0.5),
        kind.LSTM(6),
        kind.GaussianDropout(0.3),
        kind.ActivityRegularization(0.1),
        kind.Dense(6, activation="relu"),
        kind.AlphaDropout(0.3),
        kind.Dropout(0.5),
        kind.Dense(1, activation="sigmoid"),
    )


def _every_activation() -> Any:
    kind = kinds()
    hidden = [kind.Dense(8, activation=name, name=name) for name in DENSE_ACTIVATIONS]
    return _of_layers(kind.LSTM(8), *hidden, kind.Dense(3, activation="softmax"), seed=7)


def _as_many_states_as_words() -> Any:
    """The table of states has as many numbers as the embedding; only one is to be quantised."""
    rows = math.ceil(64 / STRIDE["int8-dynamic"])
    return plain(64, (16,), vocab=2 * rows, width=8)


CASES: dict[str, Callable[[], Any]] = {
    "one layer": plain,
    "two layers": lambda: plain(40, (8, 5)),
    "three layers, odd sizes": lambda: plain(41, (7, 5, 3), width=5, vocab=31, seed=2),
    "hidden dense": lambda: plain(40, (8,), dense=("7 relu", "5 tanh")),
    "three classes": lambda: plain(40, (8, 5), classes=3, seed=3),
    "activations as layers": _folded,
    "every activation": _every_activation,
    "dropout and noise": _noisy,
    "no bias": lambda: plain(40, (8, 5), dense=("5 tanh",), use_bias=False, seed=5),
    "functional": lambda: plain(40, (8, 5), make=functional),
    "float input, unrolled": lambda: plain(9, dtype="float32", unroll=True),
    "length 1": lambda: plain(1),
    "length 2": lambda: plain(2),
    "length 7": lambda: plain(7, (5, 4)),
    "length 16": lambda: plain(16),
    "length 17": lambda: plain(17),
    "length 500": lambda: plain(500, (6, 5), seed=2),
    "length 503": lambda: plain(503, seed=2),
    "cells beyond 10": lambda: plain(40, (8, 5), gain=0.5, seed=8),
    "wide, to be quantised": lambda: plain(
        40, (24, 16), vocab=300, width=12, dense=("64 relu",), seed=6
    ),
    "states like words": _as_many_states_as_words,
    # which converters may merge
    "layers of equal weights": lambda: plain(40, (6, 6), width=6, alike=True),
}
"""Every model that must export; every format and precision takes each of them."""
