"""TensorFlow operations that Keras 2 stored as layers, as functions made of ``keras.ops``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lstm_edge.base.extras import require
from lstm_edge.models.trust import PURPOSE


def operator_name(stored: str, config: dict[str, Any]) -> tuple[bool, str]:
    """Whether an operation is known, and its name."""
    if stored == "TensorFlowOpLayer":
        node = config.get("node_def")
        name = str(node.get("op")) if isinstance(node, dict) else "of another TensorFlow"
        return name in _NODES, name
    name = _function_name(config)
    return name in _functions(), f"tf.{name}"


def _function_name(config: dict[str, Any]) -> str:
    """The function of an operation; TensorFlow 1's do the same under the same names."""
    return str(config.get("function")).removeprefix("compat.v1.")


def operation(stored: str, config: dict[str, Any]) -> Callable[..., Any]:
    """A function of the stored inputs and arguments, made of ``keras.ops``."""
    if stored == "TensorFlowOpLayer":
        return _graph_node(config)
    return _functions()[_function_name(config)]


def _ops() -> Any:
    return require("keras", PURPOSE).ops


def _unary(own: str) -> Callable[..., Any]:
    def apply(x: Any, name: Any = None) -> Any:
        return getattr(_ops(), own)(x)

    return apply


def _binary(own: str) -> Callable[..., Any]:
    def apply(x: Any, y: Any, name: Any = None) -> Any:
        return getattr(_ops(), own)(x, y)

    return apply


def _reduction(own: str) -> Callable[..., Any]:
    def apply(
        x: Any, axis: Any = None, keepdims: bool = False, name: Any = None, keep_dims: Any = None
    ) -> Any:
        axis = tuple(axis) if isinstance(axis, (list, tuple)) else axis
        return getattr(_ops(), own)(x, axis=axis, keepdims=bool(keep_dims or keepdims))

    return apply


def _renamed(own: str, **parameters: str) -> Callable[..., Any]:
    """A function of ``keras.ops`` under TensorFlow's names of its parameters ("": of no effect)."""
    parameters["name"] = ""

    def apply(*values: Any, **options: Any) -> Any:
        stored = dict(zip(parameters, values, strict=False)) | options
        ours = {parameters[key]: value for key, value in stored.items() if value is not None}
        return getattr(_ops(), own)(**{key: value for key, value in ours.items() if key})

    return apply


def _getitem(x: Any, slice_spec: Any, var: Any = None, name: Any = None) -> Any:
    def part(value: Any) -> Any:
        if isinstance(value, dict):
            return slice(value.get("start"), value.get("stop"), value.get("step"))
        return value

    parts = slice_spec if isinstance(slice_spec, (list, tuple)) else [slice_spec]
    return x[tuple(part(v) for v in parts)]


def _reshape(x: Any, shape: Any, name: Any = None) -> Any:
    return _ops().reshape(x, [int(v) for v in shape])


def _squeeze(x: Any, axis: Any = None, name: Any = None) -> Any:
    axes = axis if isinstance(axis, (list, tuple)) else [axis]
    for axis in sorted(
        (a if a is None or a >= 0 else a + len(x.shape) for a in axes), reverse=True
    ):
        x = _ops().squeeze(x, axis)
    return x


def _split(
    value: Any, num_or_size_splits: Any, axis: int = 0, num: Any = None, name: Any = None
) -> Any:
    sizes = num_or_size_splits
    if isinstance(sizes, (list, tuple)):
        sizes = [sum(sizes[: i + 1]) for i in range(len(sizes) - 1)]
    return _ops().split(value, sizes, axis=axis)


def _reverse(x: Any, axis: Any, name: Any = None) -> Any:
    return _ops().flip(x, axis=tuple(axis) if isinstance(axis, (list, tuple)) else axis)


def _gelu(features: Any, approximate: bool = False, name: Any = None) -> Any:
    return _ops().gelu(features, approximate=approximate)


def _silu(features: Any, beta: float = 1.0) -> Any:
    return features * _ops().sigmoid(beta * features)


def _matmul(
    a: Any, b: Any, transpose_a: bool = False, transpose_b: bool = False, **rest: Any
) -> Any:
    if any(v not in (None, False) for k, v in rest.items() if k != "name"):
        raise ValueError(f"matmul with {rest}")
    ops = _ops()
    a = ops.swapaxes(a, -1, -2) if transpose_a else a
    b = ops.swapaxes(b, -1, -2) if transpose_b else b
    return ops.matmul(a, b)


def _l2_normalize(x: Any, axis: Any = None, epsilon: float = 1e-12, **rest: Any) -> Any:
    ops = _ops()
    axis = tuple(axis) if isinstance(axis, (list, tuple)) else axis
    square = ops.sum(ops.square(x), axis=axis, keepdims=True)
    return x * ops.rsqrt(ops.maximum(square, epsilon))


def _gather(params: Any, indices: Any, axis: int = 0, batch_dims: int = 0, **rest: Any) -> Any:
    if batch_dims:
        raise ValueError("gather with batch_dims")
    return _ops().take(params, indices, axis=axis or 0)


def _one_hot(indices: Any, depth: int, axis: Any = None, **rest: Any) -> Any:
    if any(v is not None for k, v in rest.items() if k != "name"):
        raise ValueError(f"one_hot with {rest}")
    return _ops().one_hot(indices, depth, axis=-1 if axis is None else axis)


def _pad(
    x: Any, paddings: Any, mode: str = "CONSTANT", constant_values: Any = 0, name: Any = None
) -> Any:
    if mode == "CONSTANT":
        return _ops().pad(x, paddings, constant_values=constant_values)
    return _ops().pad(x, paddings, mode=mode.lower())


_TABLE: dict[str, Callable[..., Any]] = {}


def _functions() -> dict[str, Callable[..., Any]]:
    """Names of TFOpLambda layers (``tf.`` before them) -> functions of their arguments."""
    if _TABLE:
        return _TABLE
    same = (
        "add subtract multiply divide maximum minimum mod greater greater_equal less less_equal equal "
        "not_equal logical_and logical_or"
    )
    binary = {name: name for name in same.split()}
    binary |= {"truediv": "divide", "pow": "power", "floordiv": "floor_divide"}
    for name, own in binary.items():
        _TABLE[f"math.{name}"] = _TABLE[f"__operators__.{name}"] = _binary(own)
    unary = (
        "abs exp log sqrt rsqrt square sigmoid tanh softplus reciprocal sign sin cos floor ceil round "
        "log1p expm1 logical_not negative"
    )
    for name in unary.split():
        _TABLE[f"math.{name}"] = _unary(name)
    for name in "relu relu6 elu selu softplus softsign sigmoid tanh".split():
        _TABLE[f"nn.{name}"] = _unary(name)
    for name in "mean sum max min prod any all std variance logsumexp".split():
        own = {"variance": "var"}.get(name, name)
        _TABLE[f"math.reduce_{name}"] = _TABLE[f"reduce_{name}"] = _reduction(own)
    identity = _unary("copy")  # a tensor of its own: the mask stays behind
    _TABLE.update(
        {
            "__operators__.getitem": _getitem,
            "strided_slice": _getitem,
            "reshape": _reshape,
            "expand_dims": _renamed("expand_dims", x="x", axis="axis"),
            "squeeze": _squeeze,
            "transpose": _renamed("transpose", x="x", perm="axes", conjugate=""),
            "concat": _renamed("concatenate", values="xs", axis="axis"),
            "stack": _renamed("stack", values="x", axis="axis"),
            "unstack": _renamed("unstack", value="x", num="num", axis="axis"),
            "split": _split,
            "tile": _renamed("tile", x="x", multiples="repeats"),
            "reverse": _reverse,
            "cast": _renamed("cast", x="x", dtype="dtype"),
            "nn.softmax": _renamed("softmax", logits="x", axis="axis"),
            "nn.log_softmax": _renamed("log_softmax", logits="x", axis="axis"),
            "nn.gelu": _gelu,
            "nn.leaky_relu": _renamed("leaky_relu", features="x", alpha="negative_slope"),
            "nn.silu": _silu,
            "linalg.matmul": _matmul,
            "math.l2_normalize": _l2_normalize,
            "linalg.l2_normalize": _l2_normalize,
            "clip_by_value": _renamed(
                "clip", t="x", clip_value_min="x_min", clip_value_max="x_max"
            ),
            "where": _renamed("where", condition="condition", x="x1", y="x2"),
            "identity": identity,
            "stop_gradient": identity,
            "convert_to_tensor": identity,
            "zeros_like": _unary("zeros_like"),
            "ones_like": _unary("ones_like"),
            "gather": _gather,
            "one_hot": _one_hot,
            "pad": _pad,
        }
    )
    return _TABLE


# Nodes of TensorFlow's graphs, as Keras of TensorFlow 2.0 to 2.3 stored them:
# name -> (function of the table, names of the inputs after the first or None: a list of all)
_NODES: dict[str, tuple[str, tuple[str, ...]]] = {
    **dict.fromkeys("Add AddV2 BiasAdd".split(), ("math.add", ("y",))),
    **{node: (f"math.{node.lower()}", ("y",)) for node in "Maximum Minimum Pow".split()},
    "Sub": ("math.subtract", ("y",)),
    "Mul": ("math.multiply", ("y",)),
    "RealDiv": ("math.divide", ("y",)),
    **{
        node: (f"math.reduce_{node.lower()}", ("axis",)) for node in "Mean Sum Max Min Prod".split()
    },
    **{
        node: (f"math.{node.lower()}", ())
        for node in "Sigmoid Tanh Exp Log Sqrt Rsqrt Square Abs".split()
    },
    "Neg": ("math.negative", ()),
    "Relu": ("nn.relu", ()),
    "Softmax": ("nn.softmax", ()),
    **dict.fromkeys("Identity StopGradient".split(), ("identity", ())),
    **dict.fromkeys("MatMul BatchMatMulV2".split(), ("linalg.matmul", ("b",))),
    "Reshape": ("reshape", ("shape",)),
    "ExpandDims": ("expand_dims", ("axis",)),
    "Squeeze": ("squeeze", ()),
    "Transpose": ("transpose", ("perm",)),
    "Tile": ("tile", ("multiples",)),
    "ReverseV2": ("reverse", ("axis",)),
    "ConcatV2": ("concat", ()),
    "Pack": ("stack", ()),
    "StridedSlice": ("__operators__.getitem", ("begin", "end", "strides")),
}


def _graph_node(config: dict[str, Any]) -> Callable[..., Any]:
    node = config["node_def"]
    name, attributes = node["op"], node.get("attr", {})
    constants = {int(k): v for k, v in (config.get("constants") or {}).items()}
    own, names = _NODES[name]
    count = len([i for i in node.get("input", []) if not str(i).startswith("^")])

    def flag(key: str) -> int:
        value = attributes.get(key, {})
        return int(value.get("i", 0)) if "i" in value else int(bool(value.get("b", False)))

    def apply(inputs: Any) -> Any:
        tensors = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
        values = [constants[i] if i in constants else tensors.pop(0) for i in range(count)]
        function = _functions()[own]
        if name == "ConcatV2":
            return function(values[:-1], axis=int(values[-1]))
        if name == "Pack":
            return function(values, axis=flag("axis"))
        if name == "Squeeze":
            axes = attributes.get("squeeze_dims", {}).get("list", {}).get("i", [])
            return function(values[0], axis=[int(a) for a in axes] or None)
        options = dict(zip(names, values[1:], strict=True))
        if name == "StridedSlice":
            return function(values[0], _strided(options, flag))
        if own.startswith("math.reduce_"):
            options["keepdims"] = bool(flag("keep_dims"))
        if own == "linalg.matmul":
            options["transpose_a"] = bool(flag("transpose_a") or flag("adj_x"))
            options["transpose_b"] = bool(flag("transpose_b") or flag("adj_y"))
        return function(values[0], **options)

    return apply


def _strided(options: dict[str, Any], flag: Callable[[str], int]) -> list[Any]:
    """The parts of an index from begins, ends, strides and the masks that change them."""
    masks = {
        key: flag(f"{key}_mask") for key in ("begin", "end", "ellipsis", "new_axis", "shrink_axis")
    }
    parts: list[Any] = []
    steps = zip(options["begin"], options["end"], options["strides"], strict=True)
    for place, (begin, end, step) in enumerate(steps):
        here = {key: bool(mask >> place & 1) for key, mask in masks.items()}
        if here["ellipsis"]:
            parts.append(...)
        elif here["new_axis"]:
            parts.append(None)
        elif here["shrink_axis"]:
            parts.append(int(begin))
        else:
            first = None if here["begin"] else int(begin)
            parts.append(slice(first, None if here["end"] else int(end), int(step)))
    return parts
