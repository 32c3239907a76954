"""TensorFlow's operators that a format has none for, made of those that it has.

Each form takes the operator's inputs and its attributes, and gives its output, or None where it is not
meant. Whoever called the operator, a Keras layer, ``keras.ops`` or a layer of the user's own, gets the
form instead (see :class:`export.lowering.recurrent.Lowered`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lstm_edge.base.extras import require

Form = Callable[[Sequence[Any], Mapping[str, Any]], Any]


@dataclass(frozen=True)
class Forms:
    """Of a format.

    Attributes:
        operators: by TensorFlow's name.
        doubles: it has arithmetic in float64; without, it is done in float32.
        missing: known to have no form.
    """

    operators: Mapping[str, Form] = field(default_factory=dict)
    doubles: bool = True
    missing: frozenset[str] = frozenset()


# Eigen's erf of float32 is x · P(x²) / Q(x²) on [-4, 4], within some steps of float32; lowest power last
_ERF_LIMIT = 3.832506856900711
_ERF_P = (
    -2.72614225801306e-10,
    2.77068142495902e-08,
    -2.10102402082508e-06,
    -5.69250639462346e-05,
    -7.34990630326855e-04,
    -2.95459980854025e-03,
    -1.60960333262415e-02,
)
_ERF_Q = (
    -1.45660718464996e-05,
    -2.13374055278905e-04,
    -1.68282697438203e-03,
    -7.37332916720468e-03,
    -1.42647390514189e-02,
)


def _erf(x: Any) -> Any:
    tf = _tf()
    x = tf.clip_by_value(x, -_ERF_LIMIT, _ERF_LIMIT)
    square = x * x
    return x * _polynomial(square, _ERF_P) / _polynomial(square, _ERF_Q)


def _polynomial(x: Any, factors: Sequence[float]) -> Any:
    value = factors[0]
    for factor in factors[1:]:
        value = value * x + factor
    return value


def _log1p(x: Any) -> Any:
    """log(1 + x) to the last digits of a small x, too (Kahan)."""
    tf = _tf()
    more = 1.0 + x
    beyond = more - 1.0
    # infinity has no share
    small = tf.logical_and(tf.not_equal(beyond, 0.0), tf.less(tf.abs(x), 1.0))
    share = tf.where(small, x / tf.where(small, beyond, 1.0), 1.0)
    return tf.where(tf.equal(beyond, 0.0), x, tf.math.log(more) * share)


def _expm1(x: Any) -> Any:
    """exp(x) - 1 to the last digits of a small x, too: by the hyperbolic tangent of its half."""
    tf = _tf()
    half = tf.tanh(0.5 * tf.clip_by_value(x, -1.0, 1.0))
    return tf.where(tf.less(tf.abs(x), 1.0), 2.0 * half / (1.0 - half), tf.exp(x) - 1.0)


def _sinh(x: Any) -> Any:
    more = _expm1(_tf().abs(x))
    return _tf().sign(x) * 0.5 * (more + more / (more + 1.0))


def _asinh(x: Any) -> Any:
    tf = _tf()
    size = tf.abs(x)
    return tf.sign(x) * _log1p(size + size * size / (1.0 + tf.sqrt(1.0 + size * size)))


def _bits_away(x: Any, count: Any) -> Any:
    """As ``x << count``."""
    tf = _tf()
    return x * tf.cast(tf.pow(2.0, tf.cast(count, tf.float32)), x.dtype)


def _bucketize(x: Any, attributes: Mapping[str, Any]) -> Any:
    tf = _tf()
    bounds = tf.constant([*attributes["boundaries"].list.f], tf.float32)
    return tf.reduce_sum(tf.cast(tf.cast(x, tf.float32)[..., None] >= bounds, tf.int32), -1)


def _reached(ordered: Any, values: Any, attributes: Mapping[str, Any], upper: bool) -> Any:
    """How many of each row's ordered numbers are below (or, ``upper``, not above) each value."""
    tf = _tf()
    ordered, values = ordered[:, None], values[..., None]
    below = ordered <= values if upper else ordered < values
    dtype = tf.as_dtype(attributes["out_type"].type) if "out_type" in attributes else tf.int32
    return tf.reduce_sum(tf.cast(below, dtype), -1)


def _in_top_k(scores: Any, targets: Any, k: Any) -> Any:
    tf = _tf()
    own = tf.one_hot(targets, scores.shape[-1], on_value=True, off_value=False, dtype=tf.bool)
    score = tf.reduce_sum(tf.where(own, scores, 0.0), -1, keepdims=True)
    return tf.reduce_sum(tf.cast(scores > score, tf.int32), -1) < tf.cast(k, tf.int32)


def _cumprod(x: Any, axis: Any, attributes: Mapping[str, Any]) -> Any:
    """Products over 1, 2, 4, … steps, each of two before."""
    tf = _tf()
    place = int(tf.get_static_value(axis)) % len(x.shape)
    backwards = attributes["reverse"].b
    x = tf.reverse(x, [place]) if backwards else x
    steps = x.shape[place]
    if steps is None:
        return None

    def before(value: Any, count: int) -> Any:
        """The value ``count`` steps earlier, ones before the first."""
        pads = [[count, 0] if n == place else [0, 0] for n in range(len(x.shape))]
        kept = tf.gather(value, tf.range(steps - count), axis=place)
        return tf.pad(kept, pads, constant_values=1)

    if attributes["exclusive"].b:
        x = before(x, 1)
    reach = 1
    while reach < steps:
        x = x * before(x, reach)
        reach *= 2
    return tf.reverse(x, [place]) if backwards else x


def _diagonal(x: Any, k: Any) -> Any:
    tf = _tf()
    first = tf.get_static_value(k)
    rows, columns = x.shape[-2:]
    if first is None or first.ndim or None in (rows, columns):
        return None
    row, column = max(0, -int(first)), max(0, int(first))
    count = min(rows - row, columns - column)
    places = [(row + n) * columns + column + n for n in range(count)]
    flat = tf.reshape(x, tf.concat([tf.shape(x)[:-2], [rows * columns]], 0))
    flat.set_shape([*x.shape[:-2], rows * columns])
    return tf.gather(flat, places, axis=-1)


def _update(x: Any, part: Any, begin: Any) -> Any:
    """``x`` with ``part`` in the place that begins there."""
    tf = _tf()
    begin = tf.cast(begin, tf.int32)
    begin = tf.maximum(0, tf.minimum(begin, tf.shape(x) - tf.shape(part)))  # as XLA does
    pads = tf.stack([begin, tf.shape(x) - tf.shape(part) - begin], 1)
    new = tf.pad(part, pads)
    there = tf.pad(tf.ones_like(part, tf.int32), pads) > 0
    out = tf.where(there, new, x)
    out.set_shape(x.shape)
    return out


def _pool_3d(pool: str) -> Form:
    """Over rows and columns first, then over what is in front of them.

    Of an average the numbers in a window that pads do not count is a product of both, so that an average
    of averages is right.
    """

    def form(inputs: Sequence[Any], attributes: Mapping[str, Any]) -> Any:
        tf, (x,) = _tf(), inputs
        if attributes["data_format"].s != b"NDHWC":
            return None
        size, strides = ([*attributes[name].list.i][1:4] for name in ("ksize", "strides"))
        padding = attributes["padding"].s.decode()
        flat = getattr(tf.nn, pool)
        n, d, h, w, c = _sizes(x)
        x = flat(_shaped(x, [n * d, h, w, c]), size[1:], strides[1:], padding)
        _, h, w, _ = _sizes(x)
        x = flat(_shaped(x, [n, d, h * w, c]), [size[0], 1], [strides[0], 1], padding)
        return _shaped(x, [n, _sizes(x)[1], h, w, c])

    return form


def _groups(inputs: Sequence[Any], attributes: Mapping[str, Any]) -> Any:
    """A convolution in three dimensions of groups of channels, each by itself."""
    tf, (x, kernel) = _tf(), inputs
    channels, own = x.shape[-1], kernel.shape[-2]
    if channels in (None, own) or attributes["data_format"].s != b"NDHWC":
        return None
    count = channels // own
    parts = zip(tf.split(x, count, -1), tf.split(kernel, count, -1), strict=True)
    strides, padding = [*attributes["strides"].list.i], attributes["padding"].s.decode()
    return tf.concat([tf.nn.conv3d(a, b, strides, padding) for a, b in parts], -1)


def _cross(a: Any, b: Any) -> Any:
    def turned(x: Any, by: int) -> Any:
        return _tf().gather(x, [(n + by) % 3 for n in range(3)], axis=-1)

    return turned(a, 1) * turned(b, 2) - turned(a, 2) * turned(b, 1)


def _common_shape(a: Any, b: Any) -> Any:
    """The shape that two are broadcast to."""
    tf = _tf()
    rank = max(a.shape[0], b.shape[0])
    a, b = (tf.pad(s, [[rank - s.shape[0], 0]], constant_values=1) for s in (a, b))
    return tf.where(tf.equal(a, 1), b, a)


# Of complex numbers both parts are computed, and are one only where the next operator takes them apart.


def _parts(x: Any) -> Any:
    return tuple(x.op.inputs) if x.op.type == "Complex" else None


def _modulus(x: Any) -> Any:
    parts = _parts(x)
    return parts and _tf().sqrt(parts[0] * parts[0] + parts[1] * parts[1])


def _waves(size: int, bins: int) -> tuple[Any, Any]:
    """The cosines and sines of a Fourier transform, [size, bins]."""
    turns = np.outer(np.arange(size), np.arange(bins)) % size * (2 * np.pi / size)
    return np.cos(turns), np.sin(turns)


def _times(x: Any, matrix: Any) -> Any:
    tf = _tf()
    out = tf.tensordot(x, tf.constant(matrix, tf.float32), 1)
    out.set_shape([*x.shape[:-1], matrix.shape[-1]])
    return out


def _rfft(x: Any, length: Any, known: Callable[[int], bool] = lambda size: False) -> Any:
    """As a product; ``known`` says of which sizes the format has it."""
    tf = _tf()
    length = tf.get_static_value(length)
    if length is None or known(int(length[0])):
        return None
    size = int(length[0])
    cosines, sines = _waves(size, size // 2 + 1)
    x = x[..., :size]
    return tf.complex(_times(x, cosines), _times(x, -sines))


def _irfft(x: Any, length: Any) -> Any:
    length, parts = _tf().get_static_value(length), _parts(x)
    if length is None or parts is None:
        return None
    size = int(length[0])
    bins = size // 2 + 1
    weights = np.full(bins, 2.0)
    weights[0] = 1
    if size % 2 == 0:
        weights[-1] = 1
    cosines, sines = (weights[:, None] * wave.T / size for wave in _waves(size, bins))
    return _times(parts[0][..., :bins], cosines) - _times(parts[1][..., :bins], sines)


def _fft(axes: int, back: bool) -> Form:
    def turned(value: Any) -> Any:
        rank = len(value.shape)
        return _tf().transpose(value, [*range(rank - 2), rank - 1, rank - 2])

    def form(inputs: Sequence[Any], attributes: Mapping[str, Any]) -> Any:
        parts = _parts(inputs[0])
        if parts is None or None in parts[0].shape[-axes:]:
            return None
        for _ in range(axes):
            real, imag = parts
            size = int(real.shape[-1])
            cosines, sines = _waves(size, size)
            if back:
                cosines, sines = cosines / size, -sines / size
            parts = (
                _times(real, cosines) + _times(imag, sines),
                _times(imag, cosines) - _times(real, sines),
            )
            if axes == 2:
                parts = tuple(map(turned, parts))
        return _tf().complex(*parts)

    return form


def _sizes(x: Any) -> list[Any]:
    """Each a number, or a tensor where it is free."""
    now = _tf().shape(x)
    return [now[n] if size is None else size for n, size in enumerate(x.shape)]


def _shaped(x: Any, sizes: Sequence[Any]) -> Any:
    tf = _tf()
    out = tf.reshape(x, sizes)
    out.set_shape([size if isinstance(size, int) else None for size in sizes])
    return out


def _tf() -> Any:
    return require("tensorflow", "exporting")


def _of(function: Callable[..., Any]) -> Form:
    """A form that no attribute matters to."""
    return lambda inputs, attributes: function(*inputs)


def _with(function: Callable[..., Any], **options: Any) -> Form:
    return lambda inputs, attributes: function(*inputs, attributes, **options)


_BOTH: dict[str, Form] = {
    "Log1p": _of(_log1p),
    "Expm1": _of(_expm1),
    "Bucketize": _with(_bucketize),
    "LowerBound": _with(_reached, upper=False),
    "UpperBound": _with(_reached, upper=True),
    "InTopKV2": _of(_in_top_k),
    "Cumprod": _with(_cumprod),
    "Cross": _of(_cross),
    "BroadcastArgs": _of(_common_shape),
    "Conv3D": _groups,
    "Real": _of(lambda x: _parts(x) and _parts(x)[0]),
    "Imag": _of(lambda x: _parts(x) and _parts(x)[1]),
    "ComplexAbs": _of(_modulus),
    "IRFFT": _of(_irfft),
    "FFT": _fft(1, back=False),
    "FFT2D": _fft(2, back=False),
    "IFFT": _fft(1, back=True),
    "IFFT2D": _fft(2, back=True),
    "MaxPool3D": _pool_3d("max_pool2d"),
    "AvgPool3D": _pool_3d("avg_pool2d"),
}
_TFLITE: dict[str, Form] = {
    **_BOTH,
    "Erf": _of(_erf),
    "Erfc": _of(lambda x: 1.0 - _erf(x)),
    "Tan": _of(lambda x: _tf().sin(x) / _tf().cos(x)),
    "Sinh": _of(_sinh),
    "Cosh": _of(lambda x: 0.5 * (_tf().exp(x) + _tf().exp(-x))),
    "Atan": _of(lambda x: _tf().atan2(x, _tf().ones_like(x))),
    "Asin": _of(lambda x: _tf().atan2(x, _tf().sqrt((1.0 - x) * (1.0 + x)))),
    "Acos": _of(lambda x: _tf().atan2(_tf().sqrt((1.0 - x) * (1.0 + x)), x)),
    "Asinh": _of(_asinh),
    "Acosh": _of(lambda x: _tf().math.log(x + _tf().sqrt((x - 1.0) * (x + 1.0)))),
    "Atanh": _of(lambda x: 0.5 * _log1p(2.0 * x / (1.0 - x))),
    "Invert": _of(lambda x: -1 - x),
    "LeftShift": _of(_bits_away),
    "RFFT": _of(lambda x, length: _rfft(x, length, lambda size: size & (size - 1) == 0)),
    "MatrixDiagPartV3": _of(lambda x, k, padding: _diagonal(x, k)),
}
_MISSING = frozenset(
    "Erfinv BesselI0 NextAfter Cholesky MatrixInverse Qr Svd SelfAdjointEigV2 LogMatrixDeterminant "
    "MatrixSolve StringToHashBucketFast SparseCross".split()
)
TFLITE = Forms(
    _TFLITE,
    doubles=False,
    missing=_MISSING
    | frozenset(
        "BitwiseAnd BitwiseOr MatrixDeterminant CTCGreedyDecoder DenseBincount AsString".split()
    ),
)
ONNX = Forms(
    {**_BOTH, "RFFT": _of(_rfft), "XlaDynamicUpdateSlice": _of(_update)},
    missing=_MISSING | {"Bitcast"},
)
