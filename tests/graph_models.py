"""Keras models of every kind that must export, each with weights that remember.

A case is one entry: every format × precision × check in ``test_conformance.py`` takes it. What it is
about stands in its name; ``docs/support.md`` is made from them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from models import kinds

# wide enough for int8: matrices below 1,024 numbers stay as they are
STEPS, WIDTH, UNITS, WORDS = 9, 32, 32, 40
RECURRENT = {
    "LSTM": ("LSTM", {}),
    "GRU": ("GRU", {}),
    "GRU, reset before": ("GRU", {"reset_after": False}),
    "SimpleRNN": ("SimpleRNN", {}),
}


@dataclass(frozen=True)
class GraphCase:
    """One model.

    Attributes:
        group: the heading that it stands under in docs/support.md.
        build: makes the model; its weights are drawn afterwards.
        loop: ONNX has no node for its recurrent layer, and says so with a Loop.
    """

    group: str
    build: Callable[[], Any]
    loop: bool = False


CASES: dict[str, GraphCase] = {}


def case(group: str, name: str, build: Callable[[], Any], loop: bool = False) -> None:
    assert name not in CASES, name
    CASES[name] = GraphCase(group, build, loop)


def remembering(model: Any, seed: int = 1) -> Any:
    """Draw all weights so that early steps still count at the end; returns the model."""
    import keras

    rng = np.random.default_rng(seed)

    def draw(shape: Sequence[int], scale: float) -> Any:
        return rng.normal(0, scale, shape).astype(np.float32)

    for layer in model._flatten_layers():
        if layer._layers or not layer.weights:
            continue
        values = []
        for weight in layer.weights:
            name, shape = weight.path.split("/")[-1], tuple(weight.shape)
            if name in ("moving_variance", "gamma", "scale"):
                values.append(rng.uniform(0.5, 1.5, shape).astype(np.float32))
            elif name == "recurrent_kernel":
                values.append(draw(shape, 1 / math.sqrt(shape[0]) if len(shape) == 2 else 0.2))
            elif "seed" in name or "rnn_state" in name:
                values.append(np.asarray(weight))
            elif len(shape) > 1 and name != "bias":
                values.append(draw(shape, min(1.0, 1.5 / math.sqrt(np.prod(shape[:-1])))))
            else:
                values.append(draw(shape, 0.3))
        units = getattr(layer, "units", 0)
        if isinstance(layer, keras.layers.LSTMCell) and layer.use_bias:
            values[2][units : 2 * units] += 3  # the forget gate, open
        elif isinstance(layer, keras.layers.GRUCell) and layer.use_bias:
            values[2].reshape(-1, 3 * units)[0, :units] += 2  # the update gate, open
        elif isinstance(layer, keras.layers.SimpleRNNCell):
            values[1] = _turning(values[1], layer.activation.__name__)
        elif isinstance(layer, keras.layers.Embedding):
            values[0] = draw(values[0].shape, 1.0)
        layer.set_weights(values)
    return model


def _turning(drawn: Any, activation: str) -> Any:
    """A recurrent kernel that keeps what it is given: a rotation, as steep as the activation is flat."""
    if activation == "relu":
        return np.eye(len(drawn), dtype=np.float32)
    steep = {"sigmoid": 4.0, "hard_sigmoid": 6.0}.get(activation, 1.0)
    return (steep * np.linalg.qr(drawn)[0]).astype(np.float32)


def made(name: str) -> Any:
    """The model of a case."""
    import keras

    keras.utils.set_random_seed(0)
    return remembering(CASES[name].build())


def recurrent(kind: str, units: int = UNITS, **options: Any) -> Any:
    cls, own = RECURRENT[kind]
    return getattr(kinds(), cls)(units, **own, **options)


def chain(*layers: Any, steps: int | None = STEPS, width: int = WIDTH) -> Any:
    """Layers on floats [N, steps, width]."""
    import keras

    return keras.Sequential([keras.Input((steps, width), name="series"), *layers])


def words(*layers: Any, steps: int | None = STEPS, dtype: str = "int32", mask: bool = True) -> Any:
    """Layers on ids [N, steps], embedded, 0 masked."""
    import keras

    return keras.Sequential(
        [
            keras.Input((steps,), dtype=dtype, name="ids"),
            kinds().Embedding(WORDS, WIDTH, mask_zero=mask),
            *layers,
        ]
    )


def graph(
    build: Callable[..., Any], *shapes: Any, dtype: str = "float32", names: Sequence[str] = ()
) -> Callable[[], Any]:
    """A functional model: ``build`` takes the inputs and gives the outputs."""

    def make() -> Any:
        import keras

        called = names or [f"in_{i}" for i in range(len(shapes))]
        inputs = [keras.Input(s, name=n, dtype=dtype) for s, n in zip(shapes, called, strict=True)]
        return keras.Model(inputs, build(*inputs))

    return make


SERIES = (STEPS, WIDTH)


def _started(kind: str) -> Callable[[], Any]:
    """A layer whose initial states are inputs."""
    states = [(UNITS,)] * (2 if kind == "LSTM" else 1)
    return graph(lambda x, *given: recurrent(kind)(x, initial_state=list(given)), SERIES, *states)


for k in RECURRENT:
    case("layers", f"{k}, last output", lambda k=k: chain(recurrent(k)))
    case("layers", f"{k}, sequence", lambda k=k: chain(recurrent(k, return_sequences=True)))
    case("layers", f"{k}, no bias", lambda k=k: chain(recurrent(k, use_bias=False)))
    case(
        "layers",
        f"{k}, backwards",
        lambda k=k: chain(recurrent(k, go_backwards=True, return_sequences=True)),
    )
    case("layers", f"{k}, unrolled", lambda k=k: chain(recurrent(k, unroll=True)))
    case(
        "layers",
        f"{k}, dropout",
        lambda k=k: chain(recurrent(k, dropout=0.3, recurrent_dropout=0.3)),
    )
    case(
        "layers",
        f"{k}, states returned",
        graph(lambda x, k=k: recurrent(k, return_sequences=True, return_state=True)(x), SERIES),
    )
    case("layers", f"{k}, states given", _started(k))
    case(
        "layers",
        f"{k}, two in one loop",
        lambda k=k: chain(
            recurrent(k, return_sequences=True), kinds().Dropout(0.2), recurrent(k, 3)
        ),
    )
    case(
        "inputs",
        f"{k}, free time",
        lambda k=k: chain(recurrent(k, return_sequences=True), steps=None),
    )
    case(
        "masks",
        f"{k}, Masking, last output",
        lambda k=k: chain(kinds().Masking(), recurrent(k)),
    )
    case(
        "masks",
        f"{k}, Masking, sequence",
        lambda k=k: chain(kinds().Masking(), recurrent(k, return_sequences=True)),
    )
    case(
        "masks",
        f"{k}, Masking, backwards",
        lambda k=k: chain(
            kinds().Masking(), recurrent(k, go_backwards=True, return_sequences=True)
        ),
    )
    case(
        "masks",
        f"{k}, Masking, Bidirectional",
        lambda k=k: chain(
            kinds().Masking(), kinds().Bidirectional(recurrent(k, return_sequences=True))
        ),
    )
    case(
        "masks",
        f"{k}, mask_zero, stack to a class",
        lambda k=k: words(
            recurrent(k, return_sequences=True),
            recurrent(k, 3),
            kinds().Dense(1, activation="sigmoid"),
        ),
    )
    case(
        "masks",
        f"{k}, mask_zero, Bidirectional to classes",
        lambda k=k: words(
            kinds().Bidirectional(recurrent(k)), kinds().Dense(3, activation="softmax")
        ),
    )
    case(
        "masks",
        f"{k}, mask_zero, average of the sequence",
        lambda k=k: words(recurrent(k, return_sequences=True), kinds().GlobalAveragePooling1D()),
    )
    case(
        "wrappers",
        f"Bidirectional {k}, last output",
        lambda k=k: chain(kinds().Bidirectional(recurrent(k))),
    )
    case(
        "cells",
        f"RNN of a {k} cell",
        lambda k=k: chain(
            kinds().RNN(
                getattr(kinds(), RECURRENT[k][0] + "Cell")(UNITS, **RECURRENT[k][1]),
                return_sequences=True,
            )
        ),
    )

for mode in ("sum", "mul", "ave", "concat"):
    for k in ("LSTM", "GRU"):
        case(
            "wrappers",
            f"Bidirectional {k}, sequence, {mode}",
            lambda k=k, mode=mode: chain(
                kinds().Bidirectional(recurrent(k, return_sequences=True), merge_mode=mode)
            ),
        )
for k in ("LSTM", "GRU"):
    case(
        "wrappers",
        f"Bidirectional {k}, both apart",
        graph(lambda x, k=k: kinds().Bidirectional(recurrent(k), merge_mode=None)(x), SERIES),
    )
case(
    "wrappers",
    "Bidirectional, another layer backwards",
    lambda: chain(
        kinds().Bidirectional(
            recurrent("LSTM", return_sequences=True),
            backward_layer=recurrent("GRU", 3, return_sequences=True, go_backwards=True),
        )
    ),
)
case(
    "wrappers",
    "Bidirectional LSTM, states returned",
    graph(lambda x: kinds().Bidirectional(recurrent("LSTM", return_state=True))(x), SERIES),
)
case(
    "wrappers",
    "Bidirectional LSTM twice",
    lambda: chain(
        kinds().Bidirectional(recurrent("LSTM", return_sequences=True)),
        kinds().Bidirectional(recurrent("LSTM", 3)),
        kinds().Dense(2),
    ),
)
case(
    "wrappers",
    "TimeDistributed Dense",
    lambda: chain(
        recurrent("LSTM", return_sequences=True),
        kinds().TimeDistributed(kinds().Dense(3, activation="softmax")),
    ),
)
case(
    "wrappers",
    "TimeDistributed Conv2D before LSTM",
    graph(
        lambda x: recurrent("LSTM")(
            kinds().TimeDistributed(kinds().Flatten())(
                kinds().TimeDistributed(kinds().Conv2D(2, 2, activation="relu"))(x)
            )
        ),
        (STEPS, 4, 4, 1),
    ),
)
case(
    "wrappers",
    "TimeDistributed LSTM (sentences of words)",
    graph(
        lambda x: recurrent("GRU")(
            kinds().TimeDistributed(recurrent("LSTM"))(kinds().Embedding(WORDS, WIDTH)(x))
        ),
        (3, STEPS),
        dtype="int32",
    ),
)


def _few(activation: str) -> int:
    """Units, and numbers in a step: few where sums of many would grow without end."""
    return 4 if activation == "exponential" else UNITS


# name -> whether ONNX's recurrent nodes have it
ACTIVATIONS = {
    "linear": True,
    "relu": True,
    "elu": True,
    "leaky_relu": True,
    "softsign": True,
    "softplus": True,
    "hard_sigmoid": True,
    "sigmoid": True,
    "selu": False,
    "relu6": False,
    "silu": False,
    "gelu": False,
    "exponential": False,
    "mish": False,
    "hard_tanh": False,
    "softmax": False,
}
for name, known in ACTIVATIONS.items():
    if name not in ("linear", "relu", "exponential"):  # cells that grow without bound
        case(
            "activations",
            f"LSTM, activation {name}",
            lambda n=name: chain(recurrent("LSTM", activation=n)),
            not known,
        )
    case(
        "activations",
        f"GRU, activation {name}",
        lambda n=name: chain(
            recurrent("GRU", _few(n), activation=n, return_sequences=True),
            width=_few(n) + (n == "exponential"),
        ),
        not known,
    )
for name in ("hard_sigmoid", "tanh", "softsign", "hard_silu"):
    known = name == "tanh" or ACTIVATIONS.get(name, False)
    case(
        "activations",
        f"LSTM, recurrent activation {name}",
        lambda n=name: chain(recurrent("LSTM", recurrent_activation=n)),
        not known,
    )
    if name != "hard_silu":  # gates above 1: a GRU's state, and any rounding, grows
        case(
            "activations",
            f"GRU, reset before, recurrent activation {name}",
            lambda n=name: chain(recurrent("GRU, reset before", recurrent_activation=n)),
            not known,
        )
for name in ("relu", "sigmoid", "hard_sigmoid", "softplus", "selu"):
    case(
        "activations",
        f"SimpleRNN, activation {name}",
        lambda n=name: chain(recurrent("SimpleRNN", activation=n)),
        not ACTIVATIONS[name],
    )

case(
    "masks",
    "another mask value",
    lambda: chain(kinds().Masking(-1.0), recurrent("LSTM", return_sequences=True)),
)
case(
    "masks",
    "stack under a mask",
    lambda: chain(
        kinds().Masking(),
        recurrent("LSTM", return_sequences=True),
        recurrent("GRU", 3, return_sequences=True),
        recurrent("SimpleRNN", 3),
    ),
)
case(
    "masks",
    "Bidirectional twice under a mask",
    lambda: words(
        kinds().Bidirectional(recurrent("LSTM", return_sequences=True)),
        kinds().Bidirectional(recurrent("GRU", 3)),
        kinds().Dense(1, activation="sigmoid"),
    ),
)
case(
    "masks",
    "Bidirectional, sum, under a mask",
    lambda: words(
        kinds().Bidirectional(recurrent("LSTM", return_sequences=True), merge_mode="sum")
    ),
)
case(
    "masks",
    "mask through TimeDistributed and pooling",
    lambda: words(
        recurrent("LSTM", return_sequences=True),
        kinds().TimeDistributed(kinds().Dense(3, activation="tanh")),
        kinds().GlobalAveragePooling1D(),
    ),
)
case("masks", "masked, unrolled", lambda: words(recurrent("LSTM", unroll=True)))
case(
    "masks",
    "masked, an activation without a node",
    lambda: words(recurrent("LSTM", activation="gelu", return_sequences=True)),
    True,
)
case(
    "masks",
    "masked, states returned",
    graph(
        lambda x: recurrent("LSTM", return_sequences=True, return_state=True)(kinds().Masking()(x)),
        SERIES,
    ),
)
case(
    "masks",
    "masked, states given",
    graph(
        lambda x, h, c: recurrent("LSTM", return_sequences=True)(
            kinds().Masking()(x), initial_state=[h, c]
        ),
        SERIES,
        (UNITS,),
        (UNITS,),
    ),
)
case("masks", "masked, free time", lambda: words(recurrent("LSTM"), steps=None))

case("inputs", "ids, free time", lambda: words(recurrent("LSTM"), steps=None, mask=False))
case("inputs", "int64 ids", lambda: words(recurrent("LSTM"), dtype="int64"))
case("inputs", "ids as floats", lambda: words(recurrent("LSTM"), dtype="float32"))


def _policy(name: str) -> Any:
    import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        plain = {"recurrent_initializer": "zeros"}  # Keras draws no orthogonal one in bfloat16
        return words(
            recurrent("LSTM", return_sequences=True, **plain),
            recurrent("GRU", **plain),
            kinds().Dense(2),
        )
    finally:
        keras.config.set_dtype_policy(before)


for policy in ("mixed_float16", "mixed_bfloat16", "float16", "bfloat16", "float64"):
    case("inputs", f"policy {policy}", lambda p=policy: _policy(p))


def _fixed_batch() -> Any:
    import keras

    return keras.Sequential(
        [keras.Input(batch_shape=(1, STEPS, WIDTH), name="series"), recurrent("LSTM")]
    )


case("inputs", "fixed batch", _fixed_batch)

case(
    "around",
    "Conv1D, pooling, LSTM",
    lambda: chain(
        kinds().Conv1D(6, 3, activation="relu"),
        kinds().MaxPooling1D(2),
        recurrent("LSTM"),
        kinds().Dense(3, activation="softmax"),
    ),
)
case(
    "around",
    "causal, dilated Conv1D, GRU, free time",
    lambda: chain(
        kinds().Conv1D(6, 3, padding="causal", dilation_rate=2), recurrent("GRU"), steps=None
    ),
)
case(
    "around",
    "SeparableConv1D, AveragePooling1D",
    lambda: chain(
        kinds().SeparableConv1D(6, 3, padding="same"),
        kinds().AveragePooling1D(2),
        recurrent("SimpleRNN"),
    ),
)
case(
    "around",
    "BatchNormalization between",
    lambda: chain(
        recurrent("LSTM", return_sequences=True),
        kinds().BatchNormalization(),
        recurrent("LSTM", 3),
    ),
)
case(
    "around",
    "LayerNormalization between",
    lambda: chain(
        recurrent("GRU", return_sequences=True), kinds().LayerNormalization(), recurrent("GRU", 3)
    ),
)
case(
    "around",
    "Dense between and LeakyReLU",
    lambda: chain(
        recurrent("LSTM", return_sequences=True),
        kinds().Dense(3),
        kinds().LeakyReLU(negative_slope=0.3),
        recurrent("LSTM", 3),
        kinds().Dense(2, activation="tanh"),
    ),
)
case(
    "around",
    "RepeatVector (autoencoder)",
    lambda: chain(
        recurrent("LSTM"),
        kinds().RepeatVector(STEPS),
        recurrent("LSTM", return_sequences=True),
        kinds().TimeDistributed(kinds().Dense(WIDTH)),
    ),
)
case(
    "around",
    "Flatten of the sequence",
    lambda: chain(
        recurrent("LSTM", return_sequences=True), kinds().Flatten(), kinds().Dense(3, "relu")
    ),
)
case(
    "around",
    "Reshape and Permute",
    lambda: chain(
        kinds().Permute((2, 1)), kinds().Reshape((STEPS, WIDTH)), recurrent("GRU"), kinds().Dense(1)
    ),
)
case(
    "around",
    "maximum over the sequence",
    lambda: chain(
        kinds().Bidirectional(recurrent("GRU", return_sequences=True)), kinds().GlobalMaxPooling1D()
    ),
)
case(
    "around",
    "Attention",
    graph(
        lambda x: (lambda y: kinds().GlobalAveragePooling1D()(kinds().Attention()([y, y])))(
            recurrent("LSTM", return_sequences=True)(x)
        ),
        SERIES,
    ),
)
case(
    "around",
    "AdditiveAttention over an encoder",
    graph(
        lambda x, z: kinds().AdditiveAttention()(
            [
                recurrent("GRU", return_sequences=True)(z),
                recurrent("LSTM", return_sequences=True)(x),
            ]
        ),
        SERIES,
        (4, WIDTH),
    ),
)
case(
    "around",
    "MultiHeadAttention",
    graph(
        lambda x: (lambda y: kinds().MultiHeadAttention(2, 3)(y, y))(
            recurrent("LSTM", return_sequences=True)(x)
        ),
        SERIES,
    ),
)
case(
    "around",
    "attention by hand (softmax over time)",
    graph(
        lambda x: (lambda y: kinds().Dot(1)([kinds().Softmax(axis=1)(kinds().Dense(1)(y)), y]))(
            recurrent("LSTM", return_sequences=True)(x)
        ),
        SERIES,
    ),
)


def _adapted() -> Any:
    layer = kinds().Normalization()
    layer.adapt(np.random.default_rng(0).normal(2, 3, (50, *SERIES)).astype(np.float32))
    return layer


case("around", "Normalization that was adapted", lambda: chain(_adapted(), recurrent("LSTM")))
case(
    "around",
    "Conv1D in groups",
    lambda: chain(kinds().Conv1D(6, 3, groups=2), recurrent("GRU"), width=4),
)
case(
    "around",
    "noise and dropout that do nothing",
    lambda: chain(
        kinds().GaussianNoise(0.3),
        recurrent("LSTM", return_sequences=True),
        kinds().SpatialDropout1D(0.3),
        recurrent("LSTM", 3),
        kinds().Dropout(0.3),
    ),
)

case(
    "graphs",
    "two inputs, two outputs",
    graph(
        lambda x, z: [
            kinds().Dense(2, activation="softmax", name="kind")(
                kinds().Concatenate()([recurrent("LSTM")(x), recurrent("GRU")(z)])
            ),
            kinds().Dense(1, name="amount")(z[:, -1]),
        ],
        SERIES,
        (4, 3),
    ),
)
case(
    "graphs",
    "skip connection over a stack",
    graph(
        lambda x: (
            lambda y: recurrent("LSTM")(
                kinds().Add()([y, recurrent("LSTM", return_sequences=True)(y)])
            )
        )(recurrent("LSTM", return_sequences=True)(x)),
        SERIES,
    ),
)


def _shared(x: Any, z: Any) -> Any:
    both = recurrent("LSTM")
    return kinds().Subtract()([both(x), both(z)])


case("graphs", "one LSTM for two inputs", graph(_shared, SERIES, SERIES))


def _nested() -> Any:
    import keras

    inner = chain(recurrent("GRU", return_sequences=True), kinds().Dense(3, activation="relu"))
    outer = keras.Sequential([keras.Input(SERIES), inner, recurrent("LSTM")])
    x = keras.Input(SERIES, name="series")
    return keras.Model(x, kinds().Dense(2)(outer(x)))


case("graphs", "nested models", _nested)


def _seq2seq(x: Any, z: Any) -> Any:
    _, h, c = recurrent("LSTM", return_state=True)(x)
    y = recurrent("LSTM", return_sequences=True)(z, initial_state=[h, c])
    return kinds().Dense(3, activation="softmax")(y)


case("graphs", "encoder and decoder", graph(_seq2seq, SERIES, (4, 3)))
case(
    "graphs",
    "encoder and decoder, free time of each",
    graph(_seq2seq, (None, WIDTH), (None, 3)),
)


def _attention(x: Any, z: Any) -> Any:
    """A translator of ids: its decoder looks at the whole source."""
    ids = [kinds().Embedding(WORDS, WIDTH, mask_zero=True)(tokens) for tokens in (x, z)]
    encoded, h, c = recurrent("LSTM", return_sequences=True, return_state=True)(ids[0])
    decoded = recurrent("LSTM", return_sequences=True)(ids[1], initial_state=[h, c])
    looked = kinds().Attention()([decoded, encoded])
    end = kinds().Dense(WORDS, activation="softmax", name="next")
    return end(kinds().Concatenate()([decoded, looked]))


case(
    "graphs",
    "encoder, decoder and attention on ids, free time of each",
    graph(_attention, (None,), (None,), dtype="int32"),
)


def _named() -> Any:
    """Names that are in no order, with dictionaries of inputs and outputs whose keys say others."""
    import keras

    x, z = keras.Input(SERIES, name="zebra"), keras.Input((4, 3), name="ape")
    every, h, c = recurrent("LSTM", return_sequences=True, return_state=True)(x)
    kind = kinds().Dense(2, activation="softmax", name="first")(h)
    amount = kinds().Dense(1, name="second")(recurrent("GRU")(z))
    return keras.Model(
        {"one": x, "another": z},
        {"kind": kind, "amount": amount, "states": [c, h], "more": {"every": every, "1": c}},
    )


case("graphs", "inputs and outputs in dictionaries", _named)
case(
    "graphs",
    "states given and returned, with names in no order",
    graph(
        lambda x, h, c: recurrent("LSTM", return_state=True, name="zulu")(x, initial_state=[h, c])[
            ::-1
        ],
        SERIES,
        (UNITS,),
        (UNITS,),
        names=("yard", "kilo", "alpha"),
    ),
)
case(
    "graphs",
    "operations on tensors",
    graph(
        lambda x: (lambda y: y[:, -1] * 2.0 + y[:, 0] / 3.0)(
            recurrent("LSTM", return_sequences=True)(x)
        ),
        SERIES,
    ),
)
case(
    "graphs",
    "a sequence taken twice",
    graph(
        lambda x: (
            lambda y: kinds().Concatenate()([recurrent("GRU")(y), kinds().GlobalMaxPooling1D()(y)])
        )(recurrent("LSTM", return_sequences=True)(x)),
        SERIES,
    ),
)
case(
    "graphs",
    "an LSTM in the middle as an output",
    graph(
        lambda x: (lambda y: [y, recurrent("LSTM", 3)(y)])(
            recurrent("LSTM", return_sequences=True)(x)
        ),
        SERIES,
    ),
)

case(
    "cells",
    "RNN of a stack of cells",
    lambda: chain(
        kinds().RNN(
            [kinds().LSTMCell(UNITS), kinds().GRUCell(3), kinds().SimpleRNNCell(3)],
            return_sequences=True,
        )
    ),
)
case(
    "cells",
    "stack of cells under a mask",
    lambda: chain(
        kinds().Masking(),
        kinds().Bidirectional(
            kinds().RNN([kinds().LSTMCell(UNITS), kinds().LSTMCell(3)], return_sequences=True)
        ),
    ),
)
case(
    "cells",
    "ConvLSTM1D",
    graph(lambda x: kinds().ConvLSTM1D(2, 3)(x), (5, 6, 2)),
    True,
)
case(
    "cells",
    "ConvLSTM2D",
    graph(
        lambda x: kinds().ConvLSTM2D(2, 2, padding="same", return_sequences=True)(x), (4, 4, 4, 1)
    ),
    True,
)
