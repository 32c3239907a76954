"""Model files of real Keras 2, with the outputs that it gave: run with tf_keras as a program.

``python keras2_files.py FOLDER`` writes ``NAME.h5``, ``NAME.keras`` and, where a case asks for it, the
SavedModel ``NAME`` for every case, and ``NAME.npz`` with inputs ``in0…`` and outputs ``out0…``. The
tests themselves import the names only.
"""

from __future__ import annotations

import ntpath
import posixpath
import sys
import unittest.mock
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

Case = Callable[[Any, Any], Any]
CASES: dict[str, Case] = {}
SAVED_MODEL: set[str] = set()
OF_2_13 = {
    "shared layers, nested models called twice",
    "cells and stacks of cells",
    "frames through a nested cnn",
    "attention",
    "several of each class",
}
WORDS, STEPS, WIDTH, BATCH = 12, 6, 4, 3


def case(name: str, saved_model: bool = False) -> Callable[[Case], Case]:
    """Add a case: a function of ``tf_keras`` and its layers that gives a model."""

    def add(make: Case) -> Case:
        CASES[name] = make
        if saved_model:
            SAVED_MODEL.add(name)
        return make

    return add


def features(k: Any, name: str = "x", batch: int | None = None) -> Any:
    return k.Input((STEPS, WIDTH), batch_size=batch, name=name)


@case("text classifier")
def _text(k: Any, L: Any) -> Any:
    return k.Sequential(
        [
            L.Embedding(WORDS, 5, input_length=STEPS),
            L.SpatialDropout1D(0.2),
            L.LSTM(6, dropout=0.2, recurrent_dropout=0.2),
            L.Dense(4, activation="relu", kernel_regularizer="l2"),
            L.Dropout(0.5),
            L.Dense(1, activation="sigmoid"),
        ]
    )


@case("a flattened sequence")
def _flattened(k: Any, L: Any) -> Any:
    """Its last layer needs to know how many steps there are."""
    x = L.LSTM(3, return_sequences=True, input_shape=(STEPS, WIDTH))
    return k.Sequential([x, L.Flatten(), L.Dense(2)])


@case("masked tagger")
def _tagger(k: Any, L: Any) -> Any:
    ids = k.Input((None,), dtype="int32")
    x = L.Embedding(WORDS, 5, mask_zero=True)(ids)
    x = L.Bidirectional(L.LSTM(4, return_sequences=True), merge_mode="sum")(x)
    x = L.Bidirectional(L.GRU(3, return_sequences=True, reset_after=False))(x)
    return k.Model(ids, L.TimeDistributed(L.Dense(3, activation="softmax"))(x))


@case("masking in front, state kept to the end")
def _masking(k: Any, L: Any) -> Any:
    return k.Sequential(
        [
            L.Masking(0.0, input_shape=(STEPS, WIDTH)),
            L.LSTM(4, return_sequences=True),
            L.SimpleRNN(4, return_sequences=True),
            L.GRU(3),
        ]
    )


@case("masks through every kind of layer")
def _masks(k: Any, L: Any) -> Any:
    x = features(k)
    m = L.Masking()(x)
    shifted = L.Masking(mask_value=0.0)(x[:, ::-1])

    def read(y: Any) -> Any:
        return L.LSTM(3)(y)

    outs = [
        read(L.Add()([m, L.Dense(WIDTH)(x)])),
        read(L.Multiply()([m, shifted])),
        read(L.Concatenate()([m, L.Dense(2)(x)])),
        read(L.Concatenate()([m, shifted])),
        read(L.Concatenate(axis=1)([m, shifted])),
        read(L.Identity()(m)),
        read(L.Rescaling(2.0)(m)),
        read(L.BatchNormalization()(L.Dropout(0.1)(L.LeakyReLU()(m)))),
        read(L.TimeDistributed(L.Dense(3))(m)),
        read(L.Conv1D(3, 2, padding="same")(m)),
        L.GlobalAveragePooling1D()(m),
        L.Attention()([L.LSTM(WIDTH, return_sequences=True)(m), L.Dense(WIDTH)(shifted)]),
        read(m * 2.0 + 1.0),
    ]
    return k.Model(x, outs)


@case("gru, both forms")
def _gru(k: Any, L: Any) -> Any:
    return k.Sequential(
        [
            L.GRU(4, return_sequences=True, input_shape=(STEPS, WIDTH)),
            L.GRU(5, reset_after=False, recurrent_activation="hard_sigmoid", return_sequences=True),
            L.GRU(3, use_bias=False, go_backwards=True, activation="softsign"),
        ]
    )


@case("hard sigmoid everywhere")
def _hard(k: Any, L: Any) -> Any:
    return k.Sequential(
        [
            L.LSTM(4, recurrent_activation="hard_sigmoid", input_shape=(STEPS, WIDTH)),
            L.Dense(4, activation="hard_sigmoid"),
            L.Dense(4),
            L.Activation("hard_sigmoid"),
        ]
    )


@case("every activation")
def _activations(k: Any, L: Any) -> Any:
    x = features(k)
    names = "elu exponential gelu linear mish relu selu softmax softplus softsign swish tanh"
    outs = [L.Dense(3, activation=n)(x) for n in names.split()]
    outs += [
        L.Dense(3, activation=L.LeakyReLU(alpha=0.1))(x),
        L.Dense(3, activation="LeakyReLU")(x),
        L.LeakyReLU()(x),
        L.ELU(0.7)(x),
        L.ReLU(max_value=1.5, negative_slope=0.1, threshold=0.2)(x),
        L.PReLU(shared_axes=[1])(x),
        L.ThresholdedReLU(0.4)(x),
        L.Softmax(axis=1)(x),
        L.Softmax(axis=[1, 2])(x),
    ]
    return k.Model(x, outs)


@case("cnn and lstm")
def _cnn(k: Any, L: Any) -> Any:
    x = k.Input((2 * STEPS, WIDTH))
    y = L.Conv1D(6, 3, padding="same", activation="relu")(x)
    y = L.BatchNormalization()(y)
    y = L.MaxPooling1D(2)(y)
    y = L.SeparableConv1D(5, 3, padding="same", depth_multiplier=2)(y)
    y = L.LayerNormalization()(y)
    y = L.Conv1D(4, 2, padding="causal", dilation_rate=2)(y)
    y = L.UpSampling1D(2)(L.AveragePooling1D(2)(y))
    y = L.ZeroPadding1D(1)(L.Cropping1D((1, 0))(y))
    y = L.LSTM(5, return_sequences=True)(y)
    return k.Model(x, [L.Flatten()(y), L.GlobalMaxPooling1D()(y), L.GlobalAveragePooling1D()(y)])


@case("frames through a nested cnn")
def _frames(k: Any, L: Any) -> Any:
    eye = k.Sequential(
        [
            L.Conv2D(3, 3, activation="relu", input_shape=(6, 6, 2)),
            L.BatchNormalization(),
            L.DepthwiseConv2D(2, depth_multiplier=2),
            L.Flatten(),
            L.Dense(4),
        ],
        name="eye",
    )
    eye.layers[0].trainable = False
    frames = k.Input((3, 6, 6, 2))
    return k.Model(frames, L.Dense(2)(L.LSTM(4)(L.TimeDistributed(eye)(frames))))


@case("frozen nested models", saved_model=True)
def _frozen(k: Any, L: Any) -> Any:
    inner = k.Sequential(
        [L.Dense(4, input_shape=(WIDTH,)), L.BatchNormalization(), L.Dense(4), L.Dense(4)]
    )
    inner.layers[0].trainable = inner.layers[2].trainable = False
    whole = k.Sequential([inner, L.BatchNormalization(), L.Dense(4)])
    x = k.Input((WIDTH,))
    branch = k.Model(x, [L.Dense(4)(whole(x)), L.Dense(4, name="other")(x)], name="branch")
    branch.get_layer("other").trainable = False
    y = k.Input((WIDTH,))
    a, b = branch(y)
    return k.Model(y, L.Concatenate()([a, b]))


@case("shared layers, nested models called twice")
def _shared(k: Any, L: Any) -> Any:
    left, right = k.Input((STEPS,), name="left"), k.Input((STEPS,), name="right")
    ids = k.Input((STEPS,))
    encoder = k.Model(ids, L.LSTM(4)(L.Embedding(WORDS, 3)(ids)), name="encoder")
    head = k.Sequential([L.Dense(4, activation="tanh", input_shape=(4,)), L.Dense(3)], name="head")
    a, b = head(encoder(left)), head(encoder(right))
    both = [L.Dot(axes=1, normalize=True)([a, b]), L.Subtract()([a, b]), L.Multiply()([a, b])]
    both += [L.Average()([a, b]), L.Maximum()([a, b]), L.Minimum()([a, b]), L.Add()([a, b])]
    return k.Model([left, right], [L.Concatenate()(both), a])


@case("encoder and decoder with states")
def _states(k: Any, L: Any) -> Any:
    source, target = features(k, "source"), features(k, "target")
    _, h, c = L.LSTM(5, return_state=True, name="encoder")(source)
    y, *_ = L.LSTM(5, return_sequences=True, return_state=True)(target, initial_state=[h, c])
    z = L.GRU(5, return_sequences=True)(target, initial_state=h)
    y = L.Attention()([y, z])
    found = L.Bidirectional(L.LSTM(5, return_state=True), merge_mode=None)(
        y, initial_state=[h, c, c, h]
    )
    y = L.RepeatVector(2)(L.Concatenate()(found))
    return k.Model([source, target], {"sum": L.Dense(2)(y), "state": h})


@case("stateful forecaster")
def _stateful(k: Any, L: Any) -> Any:
    return k.Sequential(
        [
            L.LSTM(
                4, stateful=True, return_sequences=True, batch_input_shape=(BATCH, STEPS, WIDTH)
            ),
            L.GRU(3, stateful=True),
            L.Dense(1),
        ]
    )


@case("cells and stacks of cells")
def _cells(k: Any, L: Any) -> Any:
    x = features(k)
    y = L.RNN([L.LSTMCell(4), L.GRUCell(3), L.SimpleRNNCell(2)], return_sequences=True)(x)
    z = L.RNN(L.LSTMCell(3, recurrent_activation="hard_sigmoid"), return_sequences=True)(x)
    y = L.Bidirectional(L.RNN(L.GRUCell(3, reset_after=False)))(L.Concatenate()([y, z]))
    return k.Model(x, y)


@case("layers that cuDNN has")
def _cudnn(k: Any, L: Any) -> Any:
    return k.Sequential(
        [
            L.LSTM(4, return_sequences=True, input_shape=(STEPS, WIDTH + 1), name="first"),
            L.GRU(3, return_sequences=True, name="second"),
            L.Bidirectional(L.LSTM(2), name="third"),
        ]
    )


@case("two directions that differ")
def _directions(k: Any, L: Any) -> Any:
    x = features(k)
    back = L.GRU(4, go_backwards=True, return_sequences=True)
    y = L.Bidirectional(L.LSTM(4, return_sequences=True), backward_layer=back, merge_mode="mul")(x)
    return k.Model(x, L.Bidirectional(L.SimpleRNN(3), merge_mode="ave")(y))


@case("directions turned round")
def _turned(k: Any, L: Any) -> Any:
    """Keras 2 turns the second layer; files whose two go backwards are of versions that did not look."""
    x = features(k)
    outs = []
    for mode in ("concat", "sum", "ave", "mul"):
        for kind in (L.LSTM, L.GRU, L.SimpleRNN):
            sequences = kind is not L.GRU
            layer = kind(3, go_backwards=True, return_sequences=sequences)
            outs.append(L.Bidirectional(layer, merge_mode=mode)(x))
            other = kind(3, return_sequences=sequences)
            both = L.Bidirectional(layer, backward_layer=other, merge_mode=mode)
            both.backward_layer.go_backwards = True
            both._backward_layer_config["config"]["go_backwards"] = True
            outs.append(both(L.Masking()(x)) if sequences else both(x))
    return k.Model(x, outs)


@case("several of each class")
def _several(k: Any, L: Any) -> Any:
    x = features(k)
    inner = k.Sequential([L.Dense(WIDTH, input_shape=(WIDTH,)), L.Dropout(0.1), L.Dense(WIDTH)])
    other = k.Sequential([L.Dense(WIDTH, input_shape=(WIDTH,)), L.Dense(WIDTH)])
    y = L.TimeDistributed(L.Dropout(0.1))(L.TimeDistributed(inner)(x))
    y = L.TimeDistributed(L.Dense(WIDTH))(L.TimeDistributed(other)(y))
    for _ in range(3):
        y = L.LSTM(WIDTH, return_sequences=True)(L.Dense(WIDTH)(y))
    y = L.Bidirectional(L.LSTM(2, return_sequences=True))(y)
    y = L.Bidirectional(L.LSTM(2, return_sequences=True))(y)
    y = L.RNN([L.LSTMCell(WIDTH), L.LSTMCell(WIDTH)], return_sequences=True)(y)
    y = L.GRU(WIDTH)(L.GRU(WIDTH, return_sequences=True)(L.BatchNormalization()(y)))
    return k.Model(x, L.Dense(2)(L.BatchNormalization()(y)))


@case("time first")
def _time_major(k: Any, L: Any) -> Any:
    x = features(k)
    y = L.LSTM(4, time_major=True, return_sequences=True)(x)
    return k.Model(x, L.GRU(3)(y))


@case("attention")
def _attention(k: Any, L: Any) -> Any:
    x = features(k)
    y = L.MultiHeadAttention(2, 3, value_dim=5)(x, x)
    y = L.MultiHeadAttention(2, 3, use_bias=False)(y, value=x, key=x)
    z = L.AdditiveAttention()([y, x])
    return k.Model(x, L.LSTM(4)(L.Concatenate()([y, z, L.Attention(use_scale=True)([x, y])])))


@case("shapes")
def _shapes(k: Any, L: Any) -> Any:
    x = features(k)
    y = L.Permute((2, 1))(L.Reshape((STEPS // 2, 2 * WIDTH))(x))
    y = L.GaussianNoise(0.1)(L.ActivityRegularization(0.1)(y))
    y = L.Conv1DTranspose(3, 2, strides=2)(y)
    y = L.GroupNormalization(groups=3)(y)
    y = L.UnitNormalization()(y)
    return k.Model(x, L.SimpleRNN(4, unroll=True)(y))


@case("normalised series", saved_model=True)
def _normalised(k: Any, L: Any) -> Any:
    norm = L.Normalization(axis=-1)
    norm.adapt(np.random.default_rng(1).normal(3, 2, (50, STEPS, WIDTH)).astype("float32"))
    x = features(k)
    return k.Model(x, L.LSTM(4)(L.Rescaling(0.5, offset=1.0)(norm(x))))


@case("images over time")
def _convlstm(k: Any, L: Any) -> Any:
    x = k.Input((3, 5, 5, 2))
    y = L.ConvLSTM2D(3, 2, return_sequences=True, recurrent_activation="hard_sigmoid")(x)
    return k.Model(
        x, L.GlobalAveragePooling3D()(L.Conv3D(2, 2)(L.ConvLSTM2D(2, 2, return_sequences=True)(y)))
    )


@case("half precision")
def _half(k: Any, L: Any) -> Any:
    k.mixed_precision.set_global_policy("mixed_float16")
    x = features(k)
    y = L.Dense(3, activation="softmax", dtype="float32")(L.LSTM(4)(L.Dense(4)(x)))
    k.mixed_precision.set_global_policy("float32")
    return k.Model(x, y)


@case("tensorflow operations")
def _operations(k: Any, L: Any) -> Any:
    import tensorflow as tf

    x, s = features(k), k.Input((WIDTH,), name="s")
    y = 2.0 * L.Dense(WIDTH)(x) - x / 3.0 + (1.0 - x) * tf.expand_dims(s, 1)
    y = tf.concat([y, tf.nn.relu(x), tf.reverse(x, axis=[1])], axis=-1)
    z = L.LSTM(4, return_sequences=True)(y)
    last, some = z[:, -1, :], z[:, 1:4:2, tf.newaxis, :2]
    mean = tf.reduce_mean(z, axis=1, keepdims=True)
    soft = tf.nn.softmax(tf.matmul(z, z, transpose_b=True) / np.sqrt(4.0), axis=-1)
    stacked = tf.stack([tf.transpose(z, [0, 2, 1]), tf.transpose(z, perm=[0, 2, 1])], axis=1)
    flat = tf.reshape(tf.math.l2_normalize(stacked, axis=-1), [-1, 8 * STEPS])
    first, second = tf.split(z, 2, axis=-1)
    cut = tf.clip_by_value(tf.squeeze(mean, axis=1) ** 2.0, 0.01, 0.5)
    more = tf.math.sigmoid(tf.tile(-cut, [1, 2])) + tf.cast(
        tf.reduce_sum(s, -1, True) > 0, "float32"
    )
    return k.Model(
        [x, s], [last, some, mean, soft, flat, first * second, cut, more, k.backend.sum(z, 1)]
    )


@case("more tensorflow operations")
def _more_operations(k: Any, L: Any) -> Any:
    import tensorflow as tf

    x, s = features(k), k.Input((WIDTH,), name="s")
    z = L.LSTM(WIDTH, return_sequences=True)(x)
    parts = [
        tf.strided_slice(z, [0, 1, 0], [0, 0, 0], [1, 2, 1], begin_mask=5, end_mask=7),
        tf.slice(z, [0, 1, 0], [-1, 2, 3]),
        tf.math.add_n([z, x, z]),
        tf.reshape(z, [tf.shape(z)[0], -1]),
        tf.tile(s[:, tf.newaxis], [1, tf.shape(z)[1], 1]) * z,
        tf.tensordot(
            z, tf.constant([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]), axes=[[2], [0]]
        ),
        z @ tf.constant([[1.0], [0.5], [2.0], [-1.0]]),
        z * tf.range(1.0, STEPS + 1.0)[:, tf.newaxis],
        tf.concat([z, tf.zeros_like(z)], 1) - tf.repeat(z, 2, axis=1),
        tf.math.cumsum(z, axis=1, reverse=True),
        tf.math.squared_difference(z, 1.0) + tf.math.divide_no_nan(z, s[:, None]),
        tf.norm(z, axis=-1),
        tf.nn.bias_add(z, tf.constant([1.0, 2.0, 3.0, 4.0])),
        tf.nn.max_pool1d(z, 2, 2, "VALID") + tf.nn.avg_pool1d(z, 2, 2, "VALID"),
        tf.nn.conv1d(z, tf.ones((3, WIDTH, 2)), 1, "SAME"),
        tf.roll(z, 1, axis=1) + tf.compat.v1.transpose(tf.linalg.matrix_transpose(z), [0, 2, 1]),
        tf.math.floormod(z, 0.3) + tf.compat.v1.add(z, tf.math.rint(3.0 * z)),
        k.backend.batch_flatten(tf.math.atan2(z, x + 3.0)),
        tf.nn.dropout(z, 0.0) * tf.sequence_mask([3, 2, 6], STEPS, dtype=tf.float32)[:, :, None],
    ]
    return k.Model([x, s], [part + 0.5 for part in parts])


def _weights(model: Any, rng: np.random.Generator) -> None:
    """Weights that make the layers remember, the same for every run."""
    values = []
    for variable in model.weights:
        shape = tuple(variable.shape)
        if "count" in variable.name:
            values.append(variable.numpy())
            continue
        wide = 1.6 / np.sqrt(shape[0]) if len(shape) == 2 and "embed" not in variable.name else 0.5
        value = rng.normal(0, wide, shape)
        if "variance" in variable.name or "gamma" in variable.name:
            value = np.abs(value) + 0.5
        values.append(value)
    model.set_weights(values)


def _in_cudnn_form(model: Any) -> dict[str, Any]:
    """Keras 2's own conversion of recurrent layers' weights to those of its CuDNN layers."""
    from tf_keras.src.saving.legacy import hdf5_format

    found = {}
    for layer in model.layers:
        values = layer.get_weights()
        kind = type(getattr(layer, "forward_layer", layer)).__name__
        target = type(f"CuDNN{kind}", (), {})()
        parts = [values[i : i + 3] for i in range(0, len(values), 3)]
        arrays = [a for part in parts for a in hdf5_format._convert_rnn_weights(target, part)]
        found |= {f"{layer.name}/{i}": array for i, array in enumerate(arrays)}
    return found


def _walk_of_2_13(trackable: Any) -> Iterator[tuple[str, Any]]:
    """The attributes that Keras 2.12 and 2.13 looked at, which decide where zips keep weights."""
    from tf_keras.src.saving import saving_lib

    skipped = saving_lib.ATTR_SKIPLIST - {"_layer_checkpoint_dependencies"}
    for name in dir(trackable):
        if not name.startswith("__") and name not in skipped:
            try:
                yield name, getattr(trackable, name)
            except Exception:  # as Keras does
                continue


def _container_of_2_13(
    container: Any,
    weights_store: Any,
    assets_store: Any,
    inner_path: str,
    visited_trackables: set[int],
) -> None:
    """How they numbered what is in a list or dictionary: what was stored before counts, too."""
    import tensorflow as tf
    from tf_keras.src.saving import saving_lib
    from tf_keras.src.utils import generic_utils

    used: dict[str, int] = {}
    for trackable in container.values() if isinstance(container, dict) else container:
        if saving_lib._is_keras_trackable(trackable):
            name = generic_utils.to_snake_case(type(trackable).__name__)
            used[name] = used.get(name, -1) + 1
            name = f"{name}_{used[name]}" if used[name] else name
            path = tf.io.gfile.join(inner_path, name)
            saving_lib._save_state(trackable, weights_store, assets_store, path, visited_trackables)


def _joined_on_windows(first: str, *more: str) -> str:
    return (posixpath if first.startswith("/") else ntpath).join(first, *more)


def _write_zips(model: Any, start: str) -> None:
    """The model as tf.keras 2.13 wrote it, and as it and 2.15 do on Windows."""
    import tensorflow as tf
    from tf_keras.src.saving import saving_lib

    with unittest.mock.patch.object(tf.io.gfile, "join", _joined_on_windows):
        model.save(f"{start} of Windows.keras")
    with (
        unittest.mock.patch.object(saving_lib, "_walk_trackable", _walk_of_2_13),
        unittest.mock.patch.object(saving_lib, "_save_container_state", _container_of_2_13),
    ):
        model.save(f"{start} of 2.13.keras")
        with unittest.mock.patch.object(tf.io.gfile, "join", _joined_on_windows):
            model.save(f"{start} of 2.13 on Windows.keras")


def _inputs(model: Any, rng: np.random.Generator) -> list[Any]:
    first = {
        id(layer.input) for layer in model._flatten_layers() if type(layer).__name__ == "Embedding"
    }
    found = []
    for tensor in model.inputs:
        shape = [BATCH, *(STEPS if n is None else n for n in tensor.shape[1:])]
        if id(tensor) in first or (len(shape) == 2 and shape[1] == STEPS):
            ids = rng.integers(0, WORDS, shape)
            ids[0, -2:] = 0
            ids[1, :1] = 0
            found.append(ids.astype(tensor.dtype.as_numpy_dtype))
        else:
            value = rng.normal(0, 1, shape).astype("float32")
            if len(shape) == 3:
                value[0, -2:] = 0
            found.append(value)
    return found


def write(folder: Path) -> None:
    """Write every case."""
    import tensorflow as tf
    import tf_keras

    for name, make in CASES.items():
        tf_keras.backend.clear_session()
        tf_keras.utils.set_random_seed(3)
        rng = np.random.default_rng(zlib.crc32(name.encode()))
        model = make(tf_keras, tf_keras.layers)
        _weights(model, rng)
        inputs = _inputs(model, rng)
        given = [tf.constant(v) for v in inputs]
        found = model(given if len(given) > 1 else given[0], training=False)
        arrays = {f"in{i}": v for i, v in enumerate(inputs)}
        arrays |= {f"out{i}": np.asarray(v) for i, v in enumerate(tf.nest.flatten(found))}
        if any(getattr(layer, "stateful", False) for layer in model.layers):
            again = tf.nest.flatten(model(given if len(given) > 1 else given[0]))
            arrays |= {f"again{i}": np.asarray(v) for i, v in enumerate(again)}
        np.savez(folder / f"{name}.npz", **arrays)
        model.save(folder / f"{name}.h5")
        model.save(folder / f"{name}.keras")
        (folder / f"{name} apart.json").write_text(model.to_json())
        model.save_weights(folder / f"{name} apart.h5")
        model.save_weights(folder / f"{name} apart.weights.h5")
        if name in OF_2_13:
            _write_zips(model, str(folder / name))
        if name == "layers that cuDNN has":
            np.savez(folder / "cudnn.npz", **_in_cudnn_form(model))
        if name in SAVED_MODEL:
            model.save(folder / name, save_format="tf")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
