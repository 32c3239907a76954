"""What people put around a recurrent layer: a row for each of Keras's operations and layers.

``test_operations.py`` exports the rows behind a recurrent layer, and ``docs/support.md`` says what came
of each. Rows of a group share a model in the formats that can have them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

STEPS, UNITS = 12, 8
Build = Callable[[Any], Any]


@dataclass(frozen=True)
class Operation:
    """One row.

    Attributes:
        group: the heading that it stands under in docs/support.md.
        build: of the recurrent layer's sequence [N, 12, 8], whose numbers lie between -1 and 1.
        refused: formats that cannot have it; it is refused by name.
    """

    group: str
    build: Build
    refused: tuple[str, ...] = ()


OPERATIONS: dict[str, Operation] = {}
GROUPS: dict[str, list[str]] = {}


def row(group: str, name: str, build: Build, refused: str = "") -> None:
    assert name not in OPERATIONS, name
    OPERATIONS[name] = Operation(group, build, tuple(refused.split()))
    GROUPS.setdefault(group, []).append(name)


def model_of(names: Sequence[str]) -> tuple[Any, list[str]]:
    """A model with these rows behind one recurrent layer, and whose row each output is."""
    import keras

    keras.utils.set_random_seed(1)
    series = keras.Input((STEPS, 3), name="series")
    sequence = keras.layers.LSTM(UNITS, return_sequences=True, name="recurrent")(series)
    outputs, rows = [], []
    for name in names:
        ends = keras.tree.flatten(OPERATIONS[name].build(sequence))
        outputs += ends
        rows += [name] * len(ends)
    return keras.Model(series, outputs), rows


class Kinds:
    """``keras.ops`` and ``keras.layers``, imported when a row is built."""

    def __getattr__(self, name: str) -> Any:
        import keras

        return getattr(keras.layers if name[0].isupper() else keras.ops, name)


k = Kinds()


def ops(group: str, names: str, *args: Any, of: Build = lambda s: s, refused: str = "") -> None:
    """Functions of one tensor, each by itself."""
    for name in names.split():
        row(group, f"ops.{name}", lambda s, n=name: getattr(k, n)(of(s), *args), refused)


def op(
    group: str, name: str, *args: Any, label: str = "", refused: str = "", **options: Any
) -> None:
    """One function of the sequence, with options."""
    title = f"ops.{name}{label and ', ' + label}"
    row(group, title, lambda s: getattr(k, name)(s, *args, **options), refused)


def of_two(names: str, pair: Callable[[Any], tuple[Any, Any]], refused: str = "") -> None:
    for name in names.split():
        row("two tensors", f"ops.{name}", lambda s, n=name: getattr(k, n)(*pair(s)), refused)


def layer(
    group: str,
    name: str,
    *args: Any,
    shape: Sequence[int] = (),
    label: str = "",
    refused: str = "",
    **options: Any,
) -> None:
    """A layer on the sequence, or on its numbers in another shape."""

    def build(s: Any) -> Any:
        x = k.Reshape(shape)(s) if shape else s
        return getattr(k, name)(*args, **options)(x)

    row(group, f"{name}{label and ', ' + label}", build, refused)


def of_one(group: str, name: str, build: Build, refused: str = "") -> None:
    """What takes no batch, on one example."""
    row(group, name, lambda s: k.expand_dims(build(s[0]), 0), refused)


def whole(s: Any) -> Any:
    return k.cast(100 * s, "int32")


def codes(s: Any) -> Any:
    """Numbers of ten classes, one for each step."""
    return k.cast(k.abs(9 * s[..., 0]), "int32")


def across(s: Any) -> Any:
    """Channels first, steps last."""
    return k.transpose(s, (0, 2, 1))


def square(s: Any) -> Any:
    """A matrix [8, 8] that can be inverted."""
    return k.matmul(across(s), s) + np.eye(UNITS, dtype=np.float32)


BOTH = "onnx tflite"
IMAGE, VIDEO = (6, 8, 2), (4, 4, 3, 2)  # 96 numbers, as the sequence has
BOUNDS = np.float32([-0.1, 0.0, 0.2])
W = np.random.default_rng(0).normal(0, 1, (UNITS, 5)).astype(np.float32)

# one tensor, number by number
GROUP = "elementwise"
ops(
    GROUP,
    "abs negative sign square sin cos tan sinh cosh tanh arctan arcsinh arcsin arccos arctanh",
)
ops(GROUP, "exp exp2 expm1 log1p cbrt sinc ceil floor round trunc erf erfc")
ops(GROUP, "log log2 log10 sqrt rsqrt reciprocal", of=lambda s: s + 1.5)
ops(GROUP, "arccosh", of=lambda s: s + 2.5)
ops(GROUP, "erfinv i0", refused=BOTH)
ops(GROUP, "deg2rad rad2deg isnan isinf isposinf isneginf isfinite nan_to_num logical_not angle")
ops(GROUP, "signbit real imag conjugate stop_gradient copy ones_like zeros_like")
ops(GROUP, "sigmoid relu relu6 leaky_relu elu selu celu gelu silu softplus softsign log_sigmoid")
ops(GROUP, "hard_sigmoid hard_silu hard_tanh hard_shrink soft_shrink squareplus sparse_plus")
ops(GROUP, "sparse_sigmoid")
ops(GROUP, "tanh_shrink", of=lambda s: 9 * s)
op(GROUP, "gelu", approximate=False, label="exact")
op(GROUP, "threshold", 0.1, 0.0)
op(GROUP, "clip", -0.1, 0.1)
row(GROUP, "ops.cast, to int32", whole)
op(GROUP, "cast", "bool", label="to bool")
row(GROUP, "ops.saturate_cast", lambda s: k.saturate_cast(200 * s, "int8"))
row(GROUP, "ops.full_like", lambda s: k.full_like(s, 2.0) * s)
row(GROUP, "ops.view", lambda s: k.view(k.round(9 * s), dtype="int32"), "onnx")

GROUP = "numbers from outside"
row(GROUP, "NumPy, float32", lambda s: s - np.float32(range(8)))
row(GROUP, "NumPy, float64", lambda s: s / np.linspace(1, 2, 8))
row(GROUP, "ops.convert_to_tensor", lambda s: s * k.convert_to_tensor(np.float32(range(8))))
row(GROUP, "tf.constant", lambda s: (_tf().constant(np.float32(range(8))) - s) * s)
row(GROUP, "tf.constant, large", lambda s: s + _tf().reshape(_tf().range(960.0), (10, 12, 8))[9])
row(GROUP, "tf.constant of indices", lambda s: k.take(s, _tf().constant([0, 2]), axis=1))
row(GROUP, "tf.Variable", lambda s: s * _tf().Variable(np.float32(range(8))))
row(GROUP, "Lambda of a tf.Variable", lambda s: _times_a_variable(s))


def _times_a_variable(s: Any) -> Any:
    variable = _tf().Variable(np.float32(range(8)))
    return k.Lambda(lambda x: x * variable)(s)


def _tf() -> Any:
    import tensorflow as tf

    return tf


of_two(
    "add subtract multiply maximum minimum hypot arctan2 logaddexp logaddexp2 fmax fmin heaviside "
    "greater greater_equal less less_equal isclose",
    lambda s: (s, s[:, ::-1]),
)
of_two("divide true_divide divide_no_nan floor_divide mod fmod", lambda s: (s, s[:, ::-1] + 2))
of_two("power", lambda s: (s + 2, s[:, ::-1]))
of_two("equal not_equal", lambda s: (k.round(2 * s), k.round(2 * s[:, ::-1])))
of_two("logical_and logical_or logical_xor", lambda s: (s > 0, s[:, ::-1] > 0))
of_two("nextafter", lambda s: (s, s[:, ::-1]), BOTH)
of_two("bitwise_xor", lambda s: (whole(s), whole(s[:, ::-1])))
of_two("bitwise_and bitwise_or", lambda s: (whole(s), whole(s[:, ::-1])), "tflite")
of_two("gcd lcm", lambda s: (whole(s), whole(s[:, ::-1])), "onnx")
of_two("bitwise_left_shift bitwise_right_shift ldexp", lambda s: (whole(s), whole(s) * 0 + 1))
GROUP = "two tensors"
row(GROUP, "ops.bitwise_not", lambda s: k.bitwise_not(whole(s)))
row(GROUP, "ops.where", lambda s: k.where(s > 0, s, -2.0))
row(GROUP, "ops.select", lambda s: k.select([s > 0.1, s < -0.1], [s, 2 * s], 7.0))
row(GROUP, "ops.cross", lambda s: k.cross(s[..., :3], s[..., 3:6]))

GROUP = "reductions"
for name in (
    "sum mean max min prod std var any all logsumexp median amax amin count_nonzero ptp nansum nanmean "
    "nanmax nanmin nanstd nanvar nanprod trapezoid"
).split():
    op(GROUP, name, axis=1)
op(GROUP, "nanmedian", axis=1, refused=BOTH)
op(GROUP, "mean", axis=-1, keepdims=True, label="keepdims")
op(GROUP, "max", axis=(1, 2), label="two axes")
op(GROUP, "average", axis=1, weights=np.arange(12, dtype=np.float32))
op(GROUP, "argmax", -1)
op(GROUP, "argmax", 1, keepdims=True, label="keepdims")
op(GROUP, "argmin", -1)
op(GROUP, "nanargmax", -1)
op(GROUP, "nanargmin", -1)
op(GROUP, "norm", axis=-1)
op(GROUP, "norm", ord=1, axis=-1, label="ord 1")
op(GROUP, "quantile", 0.3, axis=1)
op(GROUP, "percentile", 30, axis=1)
op(GROUP, "moments", [1])
row(GROUP, "ops.bincount", lambda s: k.bincount(codes(s), minlength=10), "tflite")
of_one(GROUP, "ops.segment_sum", lambda s: k.segment_sum(s, np.arange(12) // 3, 4))
of_one(GROUP, "ops.segment_max", lambda s: k.segment_max(s, np.arange(12) // 3, 4))

GROUP = "order"
op(GROUP, "sort", axis=1)
op(GROUP, "argsort", axis=1)
op(GROUP, "top_k", 3)
row(GROUP, "ops.in_top_k", lambda s: k.in_top_k(k.argmax(s[:, 0], -1), s[:, 1], 3))
row(GROUP, "ops.searchsorted", lambda s: k.searchsorted(k.convert_to_tensor(BOUNDS), k.ravel(s)))
op(GROUP, "digitize", BOUNDS)
op(GROUP, "cumsum", axis=1)
op(GROUP, "cumprod", axis=1)
op(GROUP, "nancumsum", axis=1)
op(GROUP, "diff", axis=1)
op(GROUP, "isin", np.float32([1, 2, 3]), refused=BOTH)
row(GROUP, "ops.associative_scan", lambda s: k.associative_scan(k.maximum, s, axis=1), "onnx")
row(GROUP, "ops.nonzero", lambda s: k.stack(k.nonzero(s), 1), "tflite")

GROUP = "shapes"
op(GROUP, "reshape", (-1, 4, 24))
op(GROUP, "transpose", (0, 2, 1))
op(GROUP, "swapaxes", 1, 2)
op(GROUP, "moveaxis", 1, -1)
op(GROUP, "expand_dims", 1)
row(GROUP, "ops.squeeze", lambda s: k.squeeze(s[:, :1], 1))
op(GROUP, "repeat", 2, axis=1)
row(GROUP, "ops.repeat, numbers of each", lambda s: k.repeat(s[:, :3], [1, 2, 3], axis=1))
op(GROUP, "tile", (1, 2, 1))
op(GROUP, "roll", 2, axis=1)
op(GROUP, "flip", axis=1)
op(GROUP, "rot90", axes=(1, 2))
for mode in ("constant", "reflect", "symmetric"):
    op(GROUP, "pad", ((0, 0), (2, 1), (0, 0)), mode=mode, label=mode)
row(GROUP, "ops.stack", lambda s: k.stack([s, 2 * s], axis=1))
row(GROUP, "ops.concatenate", lambda s: k.concatenate([s, 2 * s], axis=-1))
row(GROUP, "ops.append", lambda s: k.append(s, 2 * s, axis=-1))
row(GROUP, "ops.hstack", lambda s: k.hstack([s, 2 * s]))
row(GROUP, "ops.dstack", lambda s: k.dstack([s, 2 * s]))
op(GROUP, "split", 3, axis=1)
op(GROUP, "array_split", 5, axis=1)
op(GROUP, "unstack", axis=1)
op(GROUP, "hsplit", 3)
op(GROUP, "take", np.array([0, 5, 2]), axis=1)
op(GROUP, "take", -1, axis=1, label="the last step")
op(GROUP, "take", np.array([-1, -2]), axis=1, label="from behind")
row(GROUP, "indexing", lambda s: s[:, -1] + s[:, 2, :])
row(GROUP, "indexing in steps", lambda s: s[:, 1:10:3, ::-1])
row(GROUP, "indexing by None and …", lambda s: s[:, None, ..., :3])


def _own_last(s: Any) -> Any:
    at = k.maximum(k.sum(k.cast(s[..., 0] > 0, "int32"), 1) - 1, 0)
    return k.take_along_axis(s, k.tile(at[:, None, None], (1, 1, UNITS)), 1)[:, 0]


row(GROUP, "ops.take_along_axis, each row's last step", _own_last)
row(GROUP, "ops.take_along_axis, argsort", lambda s: k.take_along_axis(s, k.argsort(s, 1), 1))
row(
    GROUP,
    "ops.take_along_axis, argmax",
    lambda s: k.take_along_axis(s, k.argmax(s, -1)[..., None], -1),
)
row(GROUP, "ops.slice_update", lambda s: k.slice_update(s, (0, 1, 2), s[:, :2, :3]))
of_one(GROUP, "ops.scatter_update", lambda s: k.scatter_update(s, np.array([[0], [3]]), s[4:6, :]))
row(GROUP, "ops.one_hot", lambda s: k.one_hot(codes(s), 5))
row(GROUP, "ops.multi_hot", lambda s: k.multi_hot(codes(s), 5))
row(GROUP, "ops.eye", lambda s: s @ k.eye(UNITS))
row(GROUP, "ops.arange", lambda s: s + k.arange(UNITS, dtype="float32"))
row(GROUP, "ops.linspace", lambda s: s + k.linspace(0.0, 1.0, UNITS))
row(GROUP, "ops.shape", lambda s: s / k.cast(k.shape(s)[1], "float32"))
op(GROUP, "diagonal", axis1=1, axis2=2)
op(GROUP, "diagonal", offset=2, axis1=1, axis2=2, label="above")
op(GROUP, "tril")
op(GROUP, "triu")
op(GROUP, "trace", axis1=1, axis2=2)
of_one(GROUP, "ops.diag", lambda s: k.diag(s[0]))
row(GROUP, "ops.broadcast_to", lambda s: s + k.broadcast_to(k.convert_to_tensor(W[:, 0]), (12, 8)))
row(GROUP, "ops.extract_sequences", lambda s: k.extract_sequences(across(s), 4, 2))
row(GROUP, "ops.unfold", lambda s: k.unfold(k.reshape(s, (-1, 2, 6, 8)), 2), BOTH)
row(GROUP, "ops.depth_to_space", lambda s: k.depth_to_space(k.reshape(s, (-1, 3, 4, 8)), 2))
row(GROUP, "ops.space_to_depth", lambda s: k.space_to_depth(k.reshape(s, (-1, 6, 4, 4)), 2))

GROUP = "products"
row(GROUP, "ops.matmul", lambda s: k.matmul(s, across(s)))
row(GROUP, "ops.matmul, with an array", lambda s: k.matmul(s, W))
row(GROUP, "ops.dot", lambda s: k.dot(s, W))
row(GROUP, "ops.tensordot", lambda s: k.tensordot(s, W, 1))
row(GROUP, "ops.einsum", lambda s: k.einsum("btu,bsu->bts", s, s))
row(GROUP, "ops.einsum, with an array", lambda s: k.einsum("btu,uv->btv", s, W))
row(GROUP, "ops.einsum, heads", lambda s: k.einsum("bthd,bshd->bhts", *[_heads(s)] * 2))
row(GROUP, "ops.cdist", lambda s: k.cdist(s, s[:, :4] + 1))
of_one(GROUP, "ops.outer", lambda s: k.outer(s[0], s[1]))
of_one(GROUP, "ops.vdot", lambda s: k.vdot(s[0], s[1]))
of_one(GROUP, "ops.kron", lambda s: k.kron(s, np.eye(2, dtype=np.float32)), BOTH)
of_one(GROUP, "ops.correlate", lambda s: k.correlate(s[:, 0], s[:4, 1]))
of_one(GROUP, "ops.corrcoef", lambda s: k.corrcoef(s), BOTH)
op(GROUP, "normalize", axis=-1)
ops(GROUP, "cholesky inv qr svd eigh logdet slogdet", of=square, refused=BOTH)
ops(GROUP, "det", of=square, refused="tflite")
row(GROUP, "ops.solve", lambda s: k.solve(square(s), across(s)), BOTH)


def _heads(s: Any) -> Any:
    return k.reshape(s, (-1, STEPS, 2, 4))


GROUP = "probabilities"
op(GROUP, "softmax")
op(GROUP, "softmax", axis=1, label="over steps")
ops(GROUP, "log_softmax sparsemax glu rms_normalization layer_normalization")
op(GROUP, "batch_normalization", np.zeros(8, "float32"), np.ones(8, "float32"), -1)
row(GROUP, "ops.dot_product_attention", lambda s: k.dot_product_attention(*[_heads(s)] * 3))
row(
    GROUP,
    "ops.binary_crossentropy",
    lambda s: k.binary_crossentropy(k.cast(s > 0, "float32"), k.sigmoid(s)),
)
row(
    GROUP,
    "ops.categorical_crossentropy",
    lambda s: k.categorical_crossentropy(k.softmax(s), k.softmax(2 * s)),
)
row(
    GROUP,
    "ops.sparse_categorical_crossentropy",
    lambda s: k.sparse_categorical_crossentropy(k.argmax(s, -1), k.softmax(2 * s)),
)
row("decoding", "ops.ctc_decode", lambda s: k.ctc_decode(s, k.full((1,), 12))[1], "tflite")
row(GROUP, "ops.map", lambda s: k.map(lambda x: 2 * x + 1, s))
row(GROUP, "ops.vectorized_map", lambda s: k.vectorized_map(lambda x: 2 * x + 1, s))
row(GROUP, "ops.switch", lambda s: k.switch(1, [lambda x: x, lambda x: -x], s), "onnx")

GROUP = "signals"
row(GROUP, "ops.rfft", lambda s: k.rfft(across(s)))
row(GROUP, "ops.rfft, a power of two", lambda s: k.rfft(across(s), fft_length=16))
row(GROUP, "ops.rfft, cut", lambda s: k.rfft(across(s), fft_length=10))
row(GROUP, "ops.irfft", lambda s: k.irfft((across(s)[..., :7], across(s)[..., 5:])))
for name in "fft fft2 ifft2".split():
    row(GROUP, f"ops.{name}", lambda s, n=name: getattr(k, n)((s, 2 * s[:, ::-1])))
row(GROUP, "ops.stft", lambda s: k.stft(across(s), 4, 2, 4))
row(GROUP, "ops.stft, no power of two", lambda s: k.stft(across(s), 6, 3, 6))
row(GROUP, "ops.istft", lambda s: k.istft(k.stft(across(s), 4, 2, 4), 4, 2, 4))
row(GROUP, "MelSpectrogram", lambda s: _mel()(k.reshape(s, (-1, 96))))

for name in "bartlett blackman hamming hanning".split():
    row(GROUP, f"ops.{name}", lambda s, n=name: s * getattr(k, n)(UNITS))


def _mel() -> Any:
    rates = {"sampling_rate": 100, "min_freq": 1, "max_freq": 50}
    return k.MelSpectrogram(num_mel_bins=4, fft_length=8, sequence_stride=4, **rates)


for n, shape in (("1D", ()), ("2D", IMAGE), ("3D", VIDEO)):
    few = {"1D": 3, "2D": (3, 4), "3D": (2, 2, 3)}[n]
    window = (2, 3, 2) if n == "3D" else 3
    for kind in ("Max", "Average"):
        name = f"{kind}Pooling{n}"
        layer("pooling", name, 2, shape=shape)
        layer("pooling", name, window, 1, "same", shape=shape, label="same, by 1")
        layer("pooling", name, window, 2, "same", shape=shape, label="same, by 2")
        layer("pooling", f"Global{name}", shape=shape, keepdims=kind == "Max")
        layer("pooling", f"Adaptive{name}", few, shape=shape)
    layer("convolutions", f"Conv{n}", 4, 2, shape=shape)
    layer("convolutions", f"Conv{n}", 4, 3, 2, "same", shape=shape, label="same, by 2")
    layer("convolutions", f"Conv{n}", 4, 3, padding="same", groups=2, shape=shape, label="groups")
    layer(
        "convolutions",
        f"Conv{n}",
        4,
        2,
        padding="same",
        dilation_rate=2,
        shape=shape,
        label="dilated",
        refused="tflite" if n == "3D" else "",
    )
    layer("convolutions", f"Conv{n}Transpose", 3, 2, 2, shape=shape)
    layer("convolutions", f"Conv{n}Transpose", 3, 3, 2, "same", shape=shape, label="same")
    layer("reshaping", f"ZeroPadding{n}", 1, shape=shape)
    layer("reshaping", f"Cropping{n}", 1, shape=shape)
    layer("reshaping", f"UpSampling{n}", 2, shape=shape)
    layer("in training only", f"SpatialDropout{n}", 0.3, shape=shape)
GROUP = "convolutions"
layer(GROUP, "Conv1D", 4, 3, padding="causal", label="causal")
layer(GROUP, "DepthwiseConv1D", 3, depth_multiplier=2)
layer(GROUP, "DepthwiseConv2D", 3, depth_multiplier=2, shape=IMAGE)
layer(GROUP, "SeparableConv1D", 4, 3)
layer(GROUP, "SeparableConv2D", 4, 3, shape=IMAGE)
GROUP = "reshaping"
layer(GROUP, "Flatten")
layer(GROUP, "Permute", (2, 1))
layer(GROUP, "Reshape", (4, 24))
row(GROUP, "RepeatVector", lambda s: k.RepeatVector(3)(s[:, 0]))
layer(GROUP, "UpSampling2D", 2, interpolation="bilinear", shape=IMAGE, label="bilinear")
layer(GROUP, "Resizing", 12, 12, shape=IMAGE)
layer(GROUP, "CenterCrop", 4, 4, shape=IMAGE)

GROUP = "normalisation"
for name in "BatchNormalization LayerNormalization UnitNormalization RMSNormalization".split():
    layer(GROUP, name)
layer(GROUP, "GroupNormalization", groups=2)
layer(GROUP, "LayerNormalization", axis=1, label="over steps")
layer(GROUP, "Normalization", mean=[0.1] * 8, variance=[0.5] * 8)
layer(GROUP, "Rescaling", 2.0, offset=1.0)
row(GROUP, "SpectralNormalization", lambda s: k.SpectralNormalization(k.Dense(4))(s))

GROUP = "activation layers"
for name in "ReLU LeakyReLU PReLU ELU Softmax".split():
    layer(GROUP, name)
for name in (
    "relu relu6 leaky_relu elu selu celu gelu silu mish softplus softsign log_sigmoid exponential "
    "sigmoid tanh hard_sigmoid hard_silu hard_tanh hard_shrink soft_shrink squareplus softmax "
    "log_softmax sparse_plus sparse_sigmoid sparsemax glu linear"
).split():
    layer(GROUP, "Activation", name, label=name)

GROUP = "merging and attention"
for name in "Add Subtract Multiply Average Maximum Minimum Concatenate".split():
    row(GROUP, name, lambda s, n=name: getattr(k, n)()([s, k.Dense(UNITS)(s)]))
row(GROUP, "Dot", lambda s: k.Dot(axes=-1, normalize=True)([s, s + 0.5]))
row(GROUP, "Attention", lambda s: k.Attention(use_scale=True)([s, s]))
row(GROUP, "Attention, causal", lambda s: k.Attention()([s, s], use_causal_mask=True))
row(GROUP, "AdditiveAttention", lambda s: k.AdditiveAttention()([s, s]))
row(GROUP, "MultiHeadAttention", lambda s: k.MultiHeadAttention(2, 4)(s, s))
row(
    GROUP,
    "MultiHeadAttention, causal, with scores",
    lambda s: k.MultiHeadAttention(2, 4)(s, s, use_causal_mask=True, return_attention_scores=True),
)
row(GROUP, "GroupQueryAttention", lambda s: k.GroupQueryAttention(4, 4, 2)(s, s))

GROUP = "in training only"
for name in "Dropout GaussianNoise GaussianDropout AlphaDropout ActivityRegularization".split():
    layer(GROUP, name, 0.3)
layer(GROUP, "Identity")

GROUP = "preprocessing"
layer(GROUP, "Discretization", bin_boundaries=[*map(float, BOUNDS)])
row(
    GROUP,
    "Discretization, embedded",
    lambda s: k.Embedding(4, 3)(k.Discretization(bin_boundaries=[-0.1, 0.2])(s[..., 0])),
)
for mode in ("one_hot", "multi_hot", "count"):
    row(
        GROUP,
        f"CategoryEncoding, {mode}",
        lambda s, mode=mode: k.CategoryEncoding(10, output_mode=mode)(codes(s)),
    )
row(GROUP, "IntegerLookup", lambda s: k.IntegerLookup(vocabulary=[1, 2, 5])(codes(s)))
row(GROUP, "Hashing", lambda s: k.Hashing(5)(codes(s)), BOTH)
row(GROUP, "HashedCrossing", lambda s: k.HashedCrossing(5)((codes(s)[:, 0], codes(s)[:, 1])), BOTH)
row(GROUP, "Embedding", lambda s: k.Embedding(10, 3)(codes(s)))
row(GROUP, "ReversibleEmbedding", lambda s: k.ReversibleEmbedding(10, 3)(codes(s)))
row(GROUP, "Masking", lambda s: k.GRU(3)(k.Masking()(s)))

GROUP = "dense layers, wrappers and recurrent layers"
layer(GROUP, "Dense", 3)
layer(GROUP, "EinsumDense", "btu,uv->btv", output_shape=(None, 3), bias_axes="v")
row(GROUP, "TimeDistributed", lambda s: k.TimeDistributed(k.Dense(3))(s))
row(
    GROUP,
    "TimeDistributed, Conv2D",
    lambda s: k.TimeDistributed(k.Conv2D(2, 2))(k.reshape(s, (-1, 3, 4, 4, 2))),
)
row(GROUP, "Bidirectional", lambda s: k.Bidirectional(k.GRU(3))(s))
row(GROUP, "RNN", lambda s: k.RNN([k.LSTMCell(3), k.GRUCell(2)])(s))
row(GROUP, "ConvLSTM1D", lambda s: k.ConvLSTM1D(2, 2)(k.reshape(s, (-1, 3, 8, 4))))
row(GROUP, "ConvLSTM2D", lambda s: k.ConvLSTM2D(2, 2)(k.reshape(s, (-1, 3, 4, 4, 2))))
row(GROUP, "ConvLSTM3D", lambda s: k.ConvLSTM3D(2, 2)(k.reshape(s, (-1, 3, 4, 2, 2, 2))))
