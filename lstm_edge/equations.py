"""The LSTM's equations in NumPy, as in the textbook: the oracle of the tests.

The cell is that of Hochreiter & Schmidhuber, "Long Short-Term Memory", Neural Computation 9(8),
1997, with the forget gate of Gers, Schmidhuber & Cummins, "Learning to Forget: Continual Prediction
with LSTM", Neural Computation 12(10), 2000; no peepholes, no projection, no clipping. docs/lstm.md
has the same six equations under the same names. All arithmetic is float64; nothing here is fast.

In shapes, N is the batch, T the number of time steps, D the width of a layer's input, U its units.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from lstm_edge.base.arrays import Array
from lstm_edge.errors import InputError
from lstm_edge.stack import LstmLayer, LstmStack

Float64Array = npt.NDArray[np.float64]

KERAS_GATES: Final = "ifco"
"""Order of the blocks of U columns in Keras's kernel, recurrent_kernel and bias."""

ONNX_GATES: Final = "iofc"
"""Order of the blocks of U rows in W, R and both halves of B of ONNX's LSTM."""

TFLITE_GATES: Final = "ifco"
"""Order of the separate tensors of TFLite's UNIDIRECTIONAL_SEQUENCE_LSTM: from 1, 5 and 12 on."""


@dataclass(frozen=True)
class Step:
    """All that one time step computes, each float64 [N, U].

    ``forget``, ``input`` and ``output`` are the gates after their sigmoid, ``candidate`` is the
    proposed content after its tanh, ``cell`` and ``hidden`` are the new states.
    """

    forget: Float64Array
    input: Float64Array
    candidate: Float64Array
    cell: Float64Array
    output: Float64Array
    hidden: Float64Array


def split_gates(weights: Array, order: str = KERAS_GATES, axis: int = -1) -> dict[str, Array]:
    """Cut the axis of length 4U into the four gates' blocks: gate letter -> view of length U there.

    ``weights`` is any array with such an axis, of any dtype: a Keras kernel [D, 4U] or bias [4U] as
    it is, an ONNX W [4U, D] with ``axis=0``. ``order`` says which gate each block belongs to.
    """
    _check_order(order)
    if weights.ndim == 0 or weights.shape[axis] % 4:
        raise InputError(
            f"weights of shape {list(weights.shape)} do not hold four gates along axis {axis}: "
            "its length must be a multiple of 4"
        )
    return dict(zip(order, np.split(weights, 4, axis), strict=True))


def reorder(weights: Array, source: str, target: str, axis: int = -1) -> Array:
    """Return a copy with the gates along the axis of length 4U moved from one order to another.

    Shape, dtype and every value stay as they are. ``reorder(kernel, KERAS_GATES, ONNX_GATES).T`` is
    ONNX's W of one direction; a bias [4U] needs no transpose.
    """
    _check_order(target)
    blocks = split_gates(weights, source, axis)
    return np.concatenate([blocks[gate] for gate in target], axis)


def step(layer: LstmLayer, x: Array, hidden: Array, cell: Array) -> Step:
    """One time step: x [N, D], the previous hidden and cell state [N, U] -> all six results.

    ``x @ W_f + hidden @ R_f`` is what many texts write as one product with the concatenation
    [h, x]: their W_f is R_f stacked on W_f.
    """
    x, hidden, cell = _float64(x), _float64(hidden), _float64(cell)
    W, R, b = (split_gates(_float64(w)) for w in (layer.kernel, layer.recurrent, layer.bias))
    W_f, W_i, W_c, W_o = W["f"], W["i"], W["c"], W["o"]  # each [D, U]
    R_f, R_i, R_c, R_o = R["f"], R["i"], R["c"], R["o"]  # each [U, U]
    b_f, b_i, b_c, b_o = b["f"], b["i"], b["c"], b["o"]  # each [U]

    f = sigmoid(x @ W_f + hidden @ R_f + b_f)
    i = sigmoid(x @ W_i + hidden @ R_i + b_i)
    candidate = np.tanh(x @ W_c + hidden @ R_c + b_c)
    c = f * cell + i * candidate
    o = sigmoid(x @ W_o + hidden @ R_o + b_o)
    h = o * np.tanh(c)

    return Step(forget=f, input=i, candidate=candidate, cell=c, output=o, hidden=h)


def run(
    layer: LstmLayer, sequence: Array, hidden: Array | None = None, cell: Array | None = None
) -> tuple[Float64Array, Float64Array, Float64Array]:
    """One layer over a sequence [N, T, D].

    Starts from ``hidden`` and ``cell`` [N, U], zeros where not given. Returns all hidden states
    [N, T, U], the last hidden and the last cell state [N, U], float64.
    """
    layer = replace(  # widened once, not at every step
        layer,
        kernel=_float64(layer.kernel),
        recurrent=_float64(layer.recurrent),
        bias=_float64(layer.bias),
    )
    sequence = _float64(sequence)
    examples, steps, _ = sequence.shape
    h = np.zeros((examples, layer.units)) if hidden is None else _float64(hidden)
    c = np.zeros((examples, layer.units)) if cell is None else _float64(cell)
    every = np.empty((examples, steps, layer.units))
    for t in range(steps):
        now = step(layer, sequence[:, t], h, c)
        h, c = now.hidden, now.cell
        every[:, t] = h
    return every, h, c


def run_stack(
    layers: Sequence[LstmLayer], sequence: Array
) -> tuple[Float64Array, list[tuple[Float64Array, Float64Array]]]:
    """Stacked layers over a sequence [N, T, D], each fed all hidden states of the one below.

    Returns all hidden states of the last layer, float64 [N, T, U], and for every layer its last
    (hidden, cell), float64 [N, U] each. All layers start from zeros.
    """
    every = _float64(sequence)
    states = []
    for layer in layers:
        every, hidden, cell = run(layer, every)
        states.append((hidden, cell))
    return every, states


def forward(stack: LstmStack, ids: npt.NDArray[np.integer[Any]]) -> Float64Array:
    """A whole model: ids, any integer type, [N, T] -> answers, float64 [N, K].

    Runs exactly the T steps it is given: pads are steps like any other, and none are added.
    """
    for dense in stack.dense:
        if dense.activation not in _ACTIVATIONS:
            raise InputError(
                f"the Dense layer {dense.name!r} has the activation {dense.activation!r}; "
                f"the reference knows {', '.join(_ACTIVATIONS)}"
            )
    rows = len(stack.embedding)
    if ids.size and not (ids.min() >= 0 and ids.max() < rows):
        raise InputError(f"ids go from {ids.min()} to {ids.max()}, expected 0 to {rows - 1}")

    _, states = run_stack(stack.lstm, stack.embedding[ids])
    y, _ = states[-1]
    for dense in stack.dense:
        activation = _ACTIVATIONS[dense.activation]
        y = activation(y @ _float64(dense.kernel) + _float64(dense.bias))
    return y


def sigmoid(x: Array) -> Float64Array:
    """1 / (1 + exp(-x)), float64 of x's shape; exp only of numbers ≤ 0, so nothing overflows."""
    x = _float64(x)
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1.0, e) / (1.0 + e)


def softmax(x: Array) -> Float64Array:
    """exp(x) / sum(exp(x)) along the last axis, float64; x is shifted, so nothing overflows."""
    x = _float64(x)
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return _float64(e / e.sum(axis=-1, keepdims=True))


def _linear(x: Float64Array) -> Float64Array:
    return x


def _tanh(x: Float64Array) -> Float64Array:
    return np.tanh(x)


def _relu(x: Float64Array) -> Float64Array:
    return np.maximum(x, 0.0)


_ACTIVATIONS: Final[dict[str, Callable[[Float64Array], Float64Array]]] = {
    "linear": _linear,
    "sigmoid": sigmoid,
    "softmax": softmax,
    "tanh": _tanh,
    "relu": _relu,
}


def _float64(array: Array) -> Float64Array:
    return np.asarray(array, np.float64)


def _check_order(order: str) -> None:
    if sorted(order) != sorted(KERAS_GATES):
        raise InputError(f"a gate order is i, f, c and o once each, not {order!r}")
