"""A live model whose structure is in Python code, traced into a Functional one."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

from lstm_edge.base.extras import require
from lstm_edge.base.reasons import reason_of
from lstm_edge.errors import UnsupportedModelError
from lstm_edge.models.graph import functional_class, is_network, takes_ids

_PURPOSE = "exporting"
_HOW = "x = keras.Input(shape), and give keras.Model(x, model.call(x))"


def as_network(model: Any, source: str) -> tuple[Any, str]:
    """The model itself where it is a network of layers, else what its ``call`` does as one.

    The layers and weights are the same objects. What Keras traces of the code is held against the code.

    Returns:
        The network, and what the user should know of it; "" of one that was a network.

    Raises:
        UnsupportedModelError: it was not called yet, cannot be traced, or does not answer as its trace.
    """
    keras = require("keras", _PURPOSE)
    kind = type(model).__name__
    if not isinstance(model, keras.Model):
        help_ = "of a layer, x = keras.Input(shape), and give keras.Model(x, layer(x))"
        raise UnsupportedModelError(source, [f"it is a {kind}; expected a Keras model: {help_}"])
    network = is_network(model)
    # a network does what Keras's own do where its class says nothing else
    if network and type(model).call in (keras.Sequential.call, functional_class().call):
        return model, ""
    shapes = getattr(model, "_build_shapes_dict", None) or {}
    if network and getattr(model, "inputs", None):
        of_inputs = [tuple(tensor.shape) for tensor in model.inputs]
        shapes = {"input_shape": of_inputs[0] if len(of_inputs) == 1 else of_inputs}
    if not shapes:
        raise UnsupportedModelError(
            source,
            [
                f"the model is a {kind}, whose structure is in Python code, and it was not called yet: "
                f"call it once with an example, or {_HOW}"
            ],
        )
    try:
        arguments, traced = _traced(model, shapes)
    except Exception as error:  # of the user's own code: every kind
        raise UnsupportedModelError(
            source,
            [
                f"the model is a {kind}, whose structure is in Python code that Keras cannot trace "
                f"({type(error).__name__}: {reason_of(error)}): use Keras's layers and keras.ops in it, "
                "so that keras.Model(x, model.call(x)) works with x = keras.Input(shape)"
            ],
        ) from error
    if not _same(model, traced, arguments):
        raise UnsupportedModelError(
            source,
            [
                f"the model is a {kind}, and what Keras traces of its code does not answer as the model "
                "itself does: its answer hangs on more than its inputs"
            ],
        )
    shapes_said = ", ".join(
        f"[{', '.join('any' if n is None else str(n) for n in tensor.shape[1:])}]"
        for tensor in keras.tree.flatten(traced.inputs)
    )
    return traced, (
        f"The model is a {kind}: what its code does was traced, for inputs of the shape that it was "
        f"first called with, {shapes_said}; for another: {_HOW}."
    )


def _traced(model: Any, shapes: dict[str, Any]) -> tuple[dict[str, Any], Any]:
    """The arguments of the code, and the Functional model; whole numbers where it takes ids."""
    try:
        arguments, traced = _trace(model, shapes, {})
    except Exception:  # numbers that are not whole may be of no use to it
        return _trace(model, shapes, dict.fromkeys(range(999), "int32"))
    tensors = require("keras", _PURPOSE).tree.flatten(traced.inputs)
    ids = {place: "int32" for place, tensor in enumerate(tensors) if takes_ids(traced, tensor)}
    return _trace(model, shapes, ids) if ids else (arguments, traced)


def _trace(
    model: Any, shapes: dict[str, Any], dtypes: dict[int, str]
) -> tuple[dict[str, Any], Any]:
    """Call the code with inputs of these shapes; ``dtypes`` of those that are not float32."""
    keras = require("keras", _PURPOSE)
    stateful = any(getattr(layer, "stateful", False) for layer in model._flatten_layers())
    taken = {layer.name for layer in model._flatten_layers()}
    made: list[Any] = []

    def start(shape: Any, name: str) -> Any:
        if isinstance(shape, dict):
            return {key: start(inner, str(key)) for key, inner in shape.items()}
        if not all(n is None or isinstance(n, int) for n in shape):
            return type(shape)(start(inner, f"{name}_{i}") for i, inner in enumerate(shape))
        made.append(
            keras.Input(
                batch_shape=(shape[0] if stateful else None, *shape[1:]),
                dtype=dtypes.get(len(made), "float32"),
                name=None if name in taken else name,
            )
        )
        return made[-1]

    names = list(inspect.signature(model.call).parameters)
    if len(shapes) == 1:  # of the first argument, whatever it is called
        shapes = {f"{names[0]}_shape": next(iter(shapes.values()))}
    arguments = {
        key.removesuffix("_shape"): start(shape, key.removesuffix("_shape"))
        for key, shape in shapes.items()
    }
    inputs = arguments if len(arguments) > 1 else next(iter(arguments.values()))
    options = {"training": False} if "training" in names else {}
    try:
        outputs = model.call(**arguments, **options)
    except ValueError:  # TensorFlow's own functions do not take what Keras traces with
        first, *others = arguments.values()
        if others or stateful:
            raise
        outputs = model(first, training=False)
        return arguments, keras.Model(inputs, outputs)
    return arguments, keras.Model(inputs, outputs, name=model.name)


def _same(model: Any, traced: Any, arguments: dict[str, Any]) -> bool:
    """Whether both answer the same on numbers drawn to fit."""
    keras = require("keras", _PURPOSE)
    rng = np.random.default_rng(64)

    def draw(tensor: Any) -> Any:
        first, *rest = tensor.shape
        shape = (first or 3, *(7 if n is None else n for n in rest))
        whole = "int" in tensor.dtype
        values = rng.integers(0, 2, shape) if whole else rng.normal(size=shape)
        return keras.ops.convert_to_tensor(values, tensor.dtype)

    def answers(network: Any, value: Any, **options: Any) -> list[Any]:
        for layer in model._flatten_layers():
            if getattr(layer, "stateful", False):
                layer.reset_state()
        outputs = keras.tree.flatten(network(value, **options, training=False))
        return [np.asarray(output) for output in outputs]

    drawn = keras.tree.map_structure(draw, arguments)
    first, *others = drawn
    expected = answers(model, drawn[first], **{name: drawn[name] for name in others})
    found = answers(traced, drawn if others else drawn[first])
    return len(expected) == len(found) and all(
        a.shape == b.shape and np.allclose(a, b, rtol=1e-4, atol=1e-5, equal_nan=True)
        for a, b in zip(expected, found, strict=True)
    )
