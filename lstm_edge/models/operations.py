"""TensorFlow operations that Keras 2 stored as layers, as functions made of ``keras.ops``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

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


class _Shape:
    """What ``tf.shape`` gives, with -1 for what is not known before a call; no tensor."""

    def __init__(self, dims: Any) -> None:
        self.dims = tuple(-1 if n is None else int(n) for n in dims)

    def __getitem__(self, part: Any) -> Any:
        part = part[0] if isinstance(part, tuple) and len(part) == 1 else part
        return _Shape(self.dims[part]) if isinstance(part, slice) else self.dims[part]


def _constant(value: Any) -> Any:
    """Stored numbers as an array in float32 or int32; a tensor as it is."""
    if not isinstance(value, (list, tuple, np.ndarray)):
        return value
    array = np.asarray(value)
    return array.astype({"f": "float32", "i": "int32"}.get(array.dtype.kind, array.dtype))


def _dims(shape: Any) -> list[int]:
    """A target shape: numbers, or what was taken out of a tensor's shape."""
    return list(shape.dims) if isinstance(shape, _Shape) else [int(n) for n in shape]


def _known(shape: Any, name: str) -> list[int]:
    dims = _dims(shape)
    if -1 in dims:
        raise ValueError(f"{name} with a length that is only known in a call")
    return dims


def _unary(own: str) -> Callable[..., Any]:
    def apply(x: Any, name: Any = None) -> Any:
        return getattr(_ops(), own)(x)

    return apply


def _binary(own: str) -> Callable[..., Any]:
    def apply(x: Any, y: Any, name: Any = None) -> Any:
        if isinstance(x, int) and isinstance(y, int):  # of a shape
            if -1 in (x, y):
                raise ValueError(f"{own} of a length that is only known in a call")
            return getattr(np, own)(x, y).item()
        return getattr(_ops(), own)(_constant(x), _constant(y))

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


def _reshape(x: Any = None, shape: Any = None, name: Any = None, tensor: Any = None) -> Any:
    x = tensor if x is None else x
    dims = _dims(shape)
    if dims.count(-1) > 1 and dims[0] == -1 and None not in x.shape[1:]:
        # the batch, and one that the others leave
        rest = int(np.prod(x.shape[1:])) // int(np.prod([n for n in dims[1:] if n != -1]))
        dims[1:] = [rest if n == -1 else n for n in dims[1:]]
    return _ops().reshape(x, dims)


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


def _concat(values: Any, axis: int = 0, name: Any = None) -> Any:
    if any(isinstance(value, _Shape) for value in values):
        return _Shape(n for value in values for n in _dims(value))
    return _ops().concatenate([_constant(v) for v in values], axis)


def _stack(values: Any, axis: int = 0, name: Any = None) -> Any:
    if all(isinstance(value, int) for value in values):
        return _Shape(values)
    return _ops().stack([_constant(v) for v in values], axis)


def _tile(input: Any = None, multiples: Any = None, name: Any = None, x: Any = None) -> Any:
    return _ops().tile(x if input is None else input, _known(multiples, "tile"))


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
    a, b = _constant(a), _constant(b)
    a = ops.swapaxes(a, -1, -2) if transpose_a else a
    b = ops.swapaxes(b, -1, -2) if transpose_b else b
    return ops.matmul(a, b)


def _l2_normalize(x: Any, axis: Any = None, epsilon: float = 1e-12, **rest: Any) -> Any:
    ops = _ops()
    axis = tuple(axis) if isinstance(axis, (list, tuple)) else axis
    square = ops.sum(ops.square(x), axis=axis, keepdims=True)
    return x * ops.rsqrt(ops.maximum(square, epsilon))


def _gather(params: Any, indices: Any, axis: Any = None, batch_dims: int = 0, **rest: Any) -> Any:
    ops = _ops()
    params, indices = _constant(params), _constant(indices)
    if not batch_dims:
        return ops.take(params, indices, axis=axis or 0)
    many = len(indices.shape)
    if batch_dims != 1 or axis not in (None, 1) or many > 2:
        raise ValueError(f"gather with batch_dims={batch_dims} and axis={axis}")
    while len(indices.shape) < len(params.shape):
        indices = ops.expand_dims(indices, -1)
    rows = ops.take_along_axis(params, indices, axis=1)
    return rows if many == 2 else ops.squeeze(rows, 1)


def _slice(input_: Any, begin: Any, size: Any, name: Any = None) -> Any:
    parts = zip(_dims(begin), _dims(size), strict=True)
    return input_[tuple(slice(b, None if n == -1 else b + n) for b, n in parts)]


def _strided_slice(
    input_: Any, begin: Any, end: Any, strides: Any = None, name: Any = None, **masks: Any
) -> Any:
    options = {"begin": begin, "end": end, "strides": strides or [1] * len(begin)}
    return _getitem(input_, _strided(options, lambda key: int(masks.get(key) or 0)))


def _arg(own: str) -> Callable[..., Any]:
    def apply(input: Any, axis: Any = None, output_type: Any = None, **rest: Any) -> Any:
        axis = rest.get("dimension") if axis is None else axis
        return getattr(_ops(), own)(input, axis=0 if axis is None else axis)

    return apply


def _cumulative(own: str) -> Callable[..., Any]:
    def apply(
        x: Any, axis: int = 0, exclusive: bool = False, reverse: bool = False, name: Any = None
    ) -> Any:
        ops = _ops()
        if exclusive and own != "cumsum":
            raise ValueError(f"{own} with exclusive=True")
        values = ops.flip(x, axis) if reverse else x
        sums = getattr(ops, own)(values, axis=axis)
        sums = sums - values if exclusive else sums
        return ops.flip(sums, axis) if reverse else sums

    return apply


def _sort(own: str) -> Callable[..., Any]:
    def apply(values: Any, axis: int = -1, direction: str = "ASCENDING", **rest: Any) -> Any:
        if own == "argsort" and direction != "ASCENDING":
            raise ValueError("argsort with direction=DESCENDING")
        ordered = getattr(_ops(), own)(values, axis=axis)
        return ordered if direction == "ASCENDING" else _ops().flip(ordered, axis)

    return apply


def _add_n(inputs: Any, name: Any = None) -> Any:
    first, *others = inputs
    for other in others:
        first = first + other
    return first


def _flatten(x: Any) -> Any:
    return _ops().reshape(x, [-1, int(np.prod(x.shape[1:]))])


def _squared_difference(x: Any, y: Any, name: Any = None) -> Any:
    return _ops().square(_binary("subtract")(x, y))


def _divide_no_nan(x: Any, y: Any, name: Any = None) -> Any:
    ops = _ops()
    zero = ops.equal(y, 0)
    return ops.where(zero, 0.0, ops.divide(x, ops.where(zero, 1.0, y)))


def _norm(
    tensor: Any, ord: Any = "euclidean", axis: Any = None, keepdims: Any = None, **rest: Any
) -> Any:
    if ord not in ("euclidean", 2, 1):
        raise ValueError(f"norm with ord={ord}")
    options = {"axis": axis, "keepdims": bool(keepdims or rest.get("keep_dims"))}
    if ord == 1:
        return _reduction("sum")(_ops().abs(tensor), **options)
    return _ops().sqrt(_reduction("sum")(_ops().square(tensor), **options))


def _euclidean(
    input_tensor: Any, axis: Any = None, keepdims: bool = False, name: Any = None
) -> Any:
    return _norm(input_tensor, axis=axis, keepdims=keepdims)


def _count_nonzero(
    input: Any, axis: Any = None, keepdims: Any = None, dtype: Any = None, **rest: Any
) -> Any:
    ops = _ops()
    return _reduction("sum")(ops.cast(ops.not_equal(input, 0), "int32"), axis, bool(keepdims))


def _sequence_mask(lengths: Any, maxlen: Any = None, dtype: Any = "bool", name: Any = None) -> Any:
    ops = _ops()
    if maxlen is None or maxlen == -1:
        raise ValueError("sequence_mask with a length that is only known in a call")
    steps = np.arange(int(maxlen), dtype="int32")
    return ops.cast(ops.less(steps, ops.expand_dims(ops.cast(lengths, "int32"), -1)), dtype)


def _reverse_sequence(
    input: Any, seq_lengths: Any, seq_axis: Any = None, batch_axis: Any = None, **rest: Any
) -> Any:
    ops = _ops()
    if (seq_axis or rest.get("seq_dim")) != 1 or batch_axis or input.shape[1] is None:
        raise ValueError("reverse_sequence along another axis than 1, or one of a free length")
    steps = np.arange(input.shape[1], dtype="int32")
    ends = ops.expand_dims(ops.cast(_constant(seq_lengths), "int32"), -1)
    places = ops.where(ops.less(steps, ends), ends - 1 - steps, steps)
    return _gather(input, places, axis=1, batch_dims=1)


def _pool(own: str) -> Callable[..., Any]:
    def apply(
        input: Any, ksize: Any, strides: Any, padding: str, data_format: Any = "NWC", **rest: Any
    ) -> Any:
        if data_format not in (None, "NWC"):
            raise ValueError(f"a pool with data_format={data_format}")
        sizes = [n if isinstance(n, int) else n[-2 if len(n) == 3 else 0] for n in (ksize, strides)]
        return getattr(_ops(), own)(input, *sizes, padding=padding.lower())

    return apply


def _conv1d(
    input: Any = None, filters: Any = None, stride: Any = 1, padding: str = "VALID",
    data_format: Any = "NWC", dilations: Any = None, name: Any = None, value: Any = None,
    use_cudnn_on_gpu: Any = None,
) -> Any:  # fmt: skip
    if data_format not in (None, "NWC"):
        raise ValueError(f"conv1d with data_format={data_format}")
    stride, dilations = (n if isinstance(n, int) else (n or [1])[0] for n in (stride, dilations))
    x = value if input is None else input
    return _ops().conv(x, _constant(filters), stride, padding.lower(), dilation_rate=dilations)


def _einsum(*values: Any, **rest: Any) -> Any:
    equation, *tensors = values
    if not tensors:  # Keras 2 leaves them out
        raise ValueError("the file does not hold what it takes")
    if isinstance(tensors[0], (list, tuple)):
        tensors = [*tensors[0]]
    return _ops().einsum(equation, *map(_constant, tensors))


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
        "not_equal logical_and logical_or logical_xor"
    )
    binary = {name: name for name in same.split()}
    binary |= {"truediv": "divide", "pow": "power", "floordiv": "floor_divide"}
    binary |= {"floormod": "mod"}
    for name, own in binary.items():
        _TABLE[f"math.{name}"] = _TABLE[f"__operators__.{name}"] = _binary(own)
    unary = (
        "abs exp log sqrt rsqrt square sigmoid tanh softplus reciprocal sign sin cos floor ceil round "
        "log1p expm1 logical_not negative erf log_sigmoid tan sinh cosh"
    )
    arcs = {f"a{n}": f"arc{n}" for n in "sin cos tan sinh cosh tanh".split()}
    tests = {f"is_{n}": f"is{n}" for n in "nan inf finite".split()}
    for name, own in (arcs | tests | {"rint": "round"}).items():
        _TABLE[f"math.{name}"] = _unary(own)
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
            "strided_slice": _strided_slice,
            "slice": _slice,
            "shape": lambda input, **rest: _Shape(input.shape),
            "size": lambda input, **rest: int(np.prod(_known(_Shape(input.shape), "size"))),
            "math.atan2": lambda y, x, name=None: _binary("arctan2")(y, x),
            "math.floor_div": _binary("floor_divide"),
            "floor_div": _binary("floor_divide"),
            "math.add_n": _add_n,
            "math.argmax": _arg("argmax"),
            "math.argmin": _arg("argmin"),
            "argmax": _arg("argmax"),
            "argmin": _arg("argmin"),
            "math.cumsum": _cumulative("cumsum"),
            "math.cumprod": _cumulative("cumprod"),
            "sort": _sort("sort"),
            "argsort": _sort("argsort"),
            "math.top_k": _renamed("top_k", input="x", k="k", sorted="sorted"),
            "math.squared_difference": _squared_difference,
            "math.divide_no_nan": _divide_no_nan,
            "math.scalar_mul": lambda scalar, x, name=None: _binary("multiply")(scalar, x),
            "math.count_nonzero": _count_nonzero,
            "math.reduce_euclidean_norm": _euclidean,
            "norm": _norm,
            "linalg.matrix_transpose": lambda a, **rest: _ops().swapaxes(a, -1, -2),
            "einsum": _einsum,
            "tensordot": lambda a, b, axes, name=None: _ops().tensordot(
                _constant(a), _constant(b), axes
            ),
            "roll": _renamed("roll", input="x", shift="shift", axis="axis"),
            "repeat": _renamed("repeat", input="x", repeats="repeats", axis="axis"),
            "reverse_sequence": _reverse_sequence,
            "sequence_mask": _sequence_mask,
            "broadcast_to": lambda input, shape, name=None: _ops().broadcast_to(
                input, _known(shape, "broadcast_to")
            ),
            "nn.bias_add": lambda value, bias, **rest: value + _constant(bias),
            "nn.avg_pool1d": _pool("average_pool"),
            "nn.max_pool1d": _pool("max_pool"),
            "nn.conv1d": _conv1d,
            "nn.embedding_lookup": lambda params, ids, **rest: _gather(params, ids),
            "keras.backend.batch_flatten": _flatten,
            "reshape": _reshape,
            "expand_dims": _renamed("expand_dims", x="x", axis="axis"),
            "squeeze": _squeeze,
            "transpose": _renamed("transpose", x="x", perm="axes", conjugate=""),
            "concat": _concat,
            "stack": _stack,
            "unstack": _renamed("unstack", value="x", num="num", axis="axis"),
            "split": _split,
            "tile": _tile,
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
            "nn.dropout": lambda x, *rate, **rest: _ops().copy(x),  # of training
            "ensure_shape": lambda x, *shape, **rest: _ops().copy(x),
            "debugging.check_numerics": lambda tensor, *said, **rest: _ops().copy(tensor),
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
    **{
        node: (f"math.{node.lower()}", ())
        for node in "Abs Sign Sin Cos Tan Floor Ceil Rint Log1p Expm1 Erf Softplus Reciprocal".split()
    },
    **{
        node: (f"math.{name}", ("y",))
        for node, name in {
            "Greater": "greater",
            "GreaterEqual": "greater_equal",
            "Less": "less",
            "LessEqual": "less_equal",
            "Equal": "equal",
            "NotEqual": "not_equal",
            "LogicalAnd": "logical_and",
            "LogicalOr": "logical_or",
            "FloorMod": "floormod",
            "FloorDiv": "floordiv",
            "SquaredDifference": "squared_difference",
            "DivNoNan": "divide_no_nan",
            "Atan2": "atan2",
        }.items()
    },
    **{f"{n}": (f"nn.{n.lower()}", ()) for n in "Relu6 Elu Selu Softsign".split()},
    "Cast": ("cast", ()),
    "LogSoftmax": ("nn.log_softmax", ()),
    "LogicalNot": ("math.logical_not", ()),
    **dict.fromkeys("Select SelectV2".split(), ("where", ("x", "y"))),
    "Slice": ("slice", ("begin", "size")),
    "GatherV2": ("gather", ("indices", "axis")),
    "ArgMax": ("math.argmax", ("axis",)),
    "ArgMin": ("math.argmin", ("axis",)),
    "Pad": ("pad", ("paddings",)),
    "Shape": ("shape", ()),
    "BroadcastTo": ("broadcast_to", ("shape",)),
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
        if name == "Cast":
            stored = str(attributes["DstT"]["type"]).removeprefix("DT_").lower()
            return function(values[0], dtype={"float": "float32"}.get(stored, stored))
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
