"""What a file of Keras 1 or 2 says of its layers, translated into :class:`Spec` trees.

:mod:`lstm_edge.models.network` makes today's layers of them.
"""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from lstm_edge.base.extras import require
from lstm_edge.models.judge import (
    CUSTOM_HINT,
    TEXT,
    TEXT_HINT,
    UNSAFE,
    activations,
    classes,
    custom,
    is_own,
    own_activation,
    subclassed,
    unsafe,
)
from lstm_edge.models.operations import operator_name
from lstm_edge.models.trust import PURPOSE, Trust
from lstm_edge.structure.of_keras import NETWORKS as MODELS
from lstm_edge.structure.of_keras import as_network

_GONE = {
    "LocallyConnected1D": "use Conv1D, or Dense on a flattened window",
    "LocallyConnected2D": "use Conv2D, or Dense on a flattened window",
    "DenseFeatures": "feed the features as numbers",
    "RandomHeight": "leave it out: it only acts in training",
    "RandomWidth": "leave it out: it only acts in training",
    "PeepholeLSTMCell": "use LSTMCell and train again",
    "NASCell": "use LSTMCell and train again",
    "AbstractRNNCell": "use LSTMCell, GRUCell or SimpleRNNCell",
    "Highway": "write it with Dense, Multiply and Add",
    "MaxoutDense": "write it with Dense, Reshape and a maximum",
    "CuDNNLSTMCell": "use LSTM",
    "ConvRNN2D": "use ConvLSTM2D",
}
# layers that hand their input on, without its mask
IDENTITIES = frozenset("Identity AddLoss AddMetric".split())
_OPERATORS = frozenset("TFOpLambda SlicingOpLambda TensorFlowOpLayer".split()) | IDENTITIES
# Class names of other versions, and what they are now.
_RENAMED = {
    **dict.fromkeys("CuDNNLSTM UnifiedLSTM LSTMV2".split(), "LSTM"),
    **dict.fromkeys("CuDNNGRU UnifiedGRU GRUV2".split(), "GRU"),
    **dict.fromkeys(
        "BatchNormalizationV1 BatchNormalizationV2 SyncBatchNormalization".split(),
        "BatchNormalization",
    ),
    **{f"Convolution{n}D": f"Conv{n}D" for n in (1, 2, 3)},
    **{f"AtrousConvolution{n}D": f"Conv{n}D" for n in (1, 2)},
    **{f"SeparableConvolution{n}D": f"SeparableConv{n}D" for n in (1, 2)},
    "TimeDistributedDense": "Dense",
}
_RECURRENT = frozenset("LSTM GRU SimpleRNN RNN ConvLSTM1D ConvLSTM2D ConvLSTM3D".split())
# Keras 1: option -> today's, by class ("" is every class).
_KERAS1_OPTIONS: dict[str, dict[str, str]] = {
    "": dict(
        pair.split(":")
        for pair in """
        init:kernel_initializer inner_init:recurrent_initializer forget_bias_init:bias_initializer
        inner_activation:recurrent_activation W_regularizer:kernel_regularizer
        U_regularizer:recurrent_regularizer b_regularizer:bias_regularizer W_constraint:kernel_constraint
        b_constraint:bias_constraint dropout_W:dropout dropout_U:recurrent_dropout bias:use_bias
        border_mode:padding subsample_length:strides subsample:strides nb_filter:filters
        filter_length:kernel_size pool_length:pool_size stride:strides atrous_rate:dilation_rate
        dim_ordering:data_format gamma_init:gamma_initializer beta_init:beta_initializer sigma:stddev
        p:rate
        """.split()
    ),
    "UpSampling1D": {"length": "size"},
}
_TO_UNITS = frozenset("Dense LSTM GRU SimpleRNN".split())  # ``output_dim`` of Keras 1
_ORDERINGS = {"tf": "channels_last", "th": "channels_first"}
_ANY = object()
# Options that say nothing about an answer, or nothing with these values.
_WITHOUT_EFFECT: dict[str, tuple[Any, ...]] = {
    **dict.fromkeys(
        """
        implementation consume_less input_length input_dtype batch_size build_input_shape autocast
        experimental_autocast force_generator rng_type seed fused renorm_momentum synchronized query_shape
        key_shape value_shape expects_training_arg unit_forget_bias
        """.split(),
        (_ANY,),
    ),
    # a stateful that a layer knows is not asked here
    **dict.fromkeys(
        """
        renorm causal reverse_state_order ragged sparse dynamic optional robust_masking
        softmax_robust_masking stateful zero_output_for_mask
        """.split(),
        (False,),
    ),
    "filters": (_ANY,),  # of depthwise convolutions
    "groups": (1,),
    "renorm_clipping": ({},),
    "mode": (0,),
    "num_constants": (0,),
}
# What Keras 2 stored of every layer, and today's takes from none.
_OF_KERAS2 = frozenset("batch_input_shape batch_shape input_dim input_length input_dtype".split())
_ONLY_FOR: dict[str, frozenset[str]] = {
    "input_dim": frozenset(["Embedding"]),
}


@dataclass
class Spec:
    """One layer or model of a file of Keras 1 or 2, in today's terms.

    Attributes:
        name: as the file calls it.
        stored: the class name in the file; ``kind``: today's, or ``operator``.
        options: arguments of today's class.
        inner: a model's layers in the file's order, a wrapper's layers, a recurrent layer's cells.
        trainable: as stored; it decides the order of weights in HDF5 files.
        batch_shape: the stored shape of what it takes, or None; ``dtype``: of an input.
        nodes: the calls of the layer in a Functional model, as stored.
        graph: ``input_layers`` and ``output_layers`` of a Functional model.
        time_major: the recurrent layer takes ``[time, batch, ...]``.
        layer: the layer, once it is built.
    """

    name: str
    stored: str
    kind: str
    options: dict[str, Any] = field(default_factory=dict)
    inner: list[Spec] = field(default_factory=list)
    trainable: bool = True
    batch_shape: tuple[int | None, ...] | None = None
    dtype: str | None = None
    nodes: list[Any] = field(default_factory=list)
    graph: dict[str, Any] = field(default_factory=dict)
    time_major: bool = False
    layer: Any = None


@cache
def accepted(kind: str) -> frozenset[str]:
    """The arguments that a layer of today's Keras takes, its bases' included."""
    names: set[str] = set()
    for cls in layer_class(kind).__mro__:
        if "__init__" in vars(cls) and cls.__module__.startswith("keras."):
            parameters = inspect.signature(cls.__init__).parameters  # type: ignore[misc]
            names |= set(parameters)
            if not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
                break  # it hands nothing on to its bases
    return frozenset(names - {"self", "args", "kwargs"})


def layer_class(kind: str) -> type:
    """Today's class of this name; Keras keeps a few old ones apart."""
    if kind == "ThresholdedReLU":
        old_class: type = require("keras.src.legacy.layers", PURPOSE).ThresholdedReLU
        return old_class
    return classes("layers")[kind]


def decode(value: Any) -> Any:
    """Stored JSON with the marks of Keras's encoders (tuples, shapes, arrays) as plain values."""
    if isinstance(value, list):
        return [decode(v) for v in value]
    if not isinstance(value, dict):
        return value
    mark = value.get("class_name")
    if mark in ("__tuple__", "TensorShape") and "items" in value:
        return tuple(decode(v) for v in value["items"] or ())
    if mark == "__ellipsis__":
        return ...
    if mark in ("__numpy__", "__tensor__"):
        return decode(value.get("config", {}).get("value"))
    if value.get("type") == "ndarray" and "value" in value:
        return value["value"]
    return {k: decode(v) for k, v in value.items()}


def layers_of(config: Any) -> list[dict[str, Any]]:
    """The layer entries of a model's configuration; Keras up to 2.2.2 stored a bare list."""
    entries = config.get("layers") if isinstance(config, dict) else config
    return [e for e in entries if isinstance(e, dict)] if isinstance(entries, list) else []


def is_functional(config: Any) -> bool:
    """Whether a model's configuration is a graph of layers."""
    return isinstance(config, dict) and "output_layers" in config


def hard_sigmoid_keras2(x: Any) -> Any:
    """Keras 2's hard_sigmoid: ``clip(0.2 x + 0.5, 0, 1)``; Keras 3's has another slope."""
    return require("keras", PURPOSE).ops.clip(0.2 * x + 0.5, 0.0, 1.0)


@cache
def _registered_hard_sigmoid() -> Any:
    register = require("keras", PURPOSE).saving.register_keras_serializable
    return register(package="lstm_edge")(hard_sigmoid_keras2)


class Translator:
    """Turns the stored configuration of a file of Keras 1 or 2 into :class:`Spec` trees.

    Attributes:
        obstacles: one sentence for each thing in the way, with its layer.
    """

    def __init__(self, trust: Trust, keras1: bool = False) -> None:
        self.trust, self.keras1 = trust, keras1
        self.obstacles: list[str] = []

    def model(self, entry: dict[str, Any]) -> Spec:
        """The whole model of a file."""
        stored = decode(entry)
        entry = as_network(stored)
        name, config = str(entry.get("class_name")), entry.get("config")
        if name not in MODELS or not (layers_of(config) if config else None):
            self.obstacles.append(subclassed(name, self.trust))
            return Spec(name, name, name)
        return self._model(entry, "", str(stored["class_name"]))

    def _model(self, entry: dict[str, Any], path: str, stored: str) -> Spec:
        config = entry["config"]
        options = config if isinstance(config, dict) else {}
        functional = is_functional(options)
        name = str(entry.get("name") or options.get("name") or "model")
        spec = Spec(name, _plain(stored), "Functional" if functional else "Sequential")
        spec.trainable = bool(options.get("trainable", True))
        spec.batch_shape = _shape(options.get("build_input_shape"))
        if spec.batch_shape is None and isinstance(entry.get("build_config"), dict):
            spec.batch_shape = _shape(entry["build_config"].get("input_shape"))
        spec.inner = [self.layer(e, path) for e in layers_of(config)]
        if functional:
            spec.graph = {k: options.get(k) for k in ("input_layers", "output_layers")}
        else:
            merged = [s.name for s in spec.inner if s.stored == "Merge"]
            self.obstacles += [
                f"layer {_join(path, n)} is a Merge inside a Sequential model, as Keras 0 and 1 had it: "
                "build the branches as a Functional model"
                for n in merged
            ]
        return spec

    def layer(self, entry: dict[str, Any], path: str) -> Spec:
        """One layer, with those inside it."""
        stored = str(entry.get("class_name"))
        entry = as_network(entry)
        config = entry.get("config")
        if str(entry.get("class_name")) in MODELS and (layers_of(config) if config else None):
            options = config if isinstance(config, dict) else {}
            label = str(entry.get("name") or options.get("name") or stored)
            spec = self._model(entry, _join(path, label), stored)
        else:
            config = dict(config) if isinstance(config, dict) else {}
            name = str(entry.get("name") or config.get("name") or stored.lower())
            spec = self._single(entry, stored, config, name, _join(path, name))
        nodes = entry.get("inbound_nodes")
        spec.nodes = list(nodes) if isinstance(nodes, (list, tuple)) else []
        return spec

    def _single(
        self, entry: dict[str, Any], stored: str, config: dict[str, Any], name: str, path: str
    ) -> Spec:
        kind = _RENAMED.get(stored, stored)
        spec = Spec(name, stored, kind, trainable=bool(config.get("trainable", True)))
        spec.batch_shape = _shape(config.get("batch_input_shape", config.get("batch_shape")))
        dtype = _dtype(config.get("dtype"))
        input_dtype = _dtype(config.get("input_dtype")) or dtype
        spec.dtype = input_dtype
        if kind == "InputLayer":
            if config.get("ragged"):
                self.obstacles.append(f"input {path} is ragged: give it padded rows and a mask")
            if input_dtype == "string":
                self.obstacles.append(f"input {path} takes strings: {TEXT_HINT}")
            return spec
        if stored in _OPERATORS:
            return self._operator(spec, config, path)
        if kind in UNSAFE:
            if not (self.trust and kind == "Lambda"):
                self.obstacles.append(unsafe(path, kind))
            elif isinstance(config.get("function"), str):
                self._named_function(config, path)
            spec.options = config
            return spec
        if kind in TEXT:
            self.obstacles.append(f"layer {path} is a {kind}: {TEXT_HINT}")
            return spec
        if kind in _GONE:
            self.obstacles.append(
                f"layer {path} is a {stored}, which today's Keras does not have: {_GONE[kind]}"
            )
            return spec
        if kind == "Merge":
            return self._merge(spec, config, path)
        known = kind in classes("layers") or kind == "ThresholdedReLU"
        if not known or not is_own(entry) or self.trust.overrides(stored):
            own = self.trust.find(str(entry.get("registered_name") or stored))
            if inspect.isclass(own):
                options = {k: v for k, v in config.items() if k not in _OF_KERAS2}
                spec.stored, spec.kind = _plain(stored), "trusted"
                spec.options = {"class": own, "config": options | {"dtype": dtype or "float32"}}
            else:
                self.obstacles.append(custom(path, stored, self.trust))
            return spec
        if self.keras1:
            config = _keras1(kind, config)
        self._inner(spec, kind, config, path)
        self._options(spec, kind, config, dtype, path)
        return spec

    def _inner(self, spec: Spec, kind: str, config: dict[str, Any], path: str) -> None:
        """Take the layers and cells inside out of the configuration."""
        for key in ("layer", "backward_layer", "cell", "cells"):
            stored = config.pop(key, None)
            for entry in stored if isinstance(stored, (list, tuple)) else [stored]:
                if isinstance(entry, dict):
                    spec.inner.append(self.layer(entry, path))
        if kind in ("Bidirectional", "TimeDistributed", "RNN") and not spec.inner:
            self.obstacles.append(f"layer {path} is a {kind} with nothing stored inside it")
        if kind == "Bidirectional" and spec.batch_shape is None and spec.inner:
            spec.batch_shape = spec.inner[0].batch_shape
        if any(inner.time_major for inner in spec.inner):
            self.obstacles.append(
                f"layer {path} holds a recurrent layer that takes the time first (time_major): set "
                "time_major=False, put the batch first and save again"
            )

    def _options(
        self, spec: Spec, kind: str, config: dict[str, Any], dtype: str | None, path: str
    ) -> None:
        """Translate the arguments of a built-in layer into ``spec.options``."""
        if kind in ("GRU", "GRUCell"):
            # Keras before 2.1.? did not know the other form; CuDNN's is the other form
            config.setdefault("reset_after", spec.stored == "CuDNNGRU")
        if kind in ("LSTM", "GRU") and spec.stored.startswith("CuDNN"):
            config |= {"activation": "tanh", "recurrent_activation": "sigmoid"}
        if kind in ("LeakyReLU",) and "alpha" in config:
            config["negative_slope"] = config.pop("alpha")
        if kind == "BatchNormalization" and isinstance(config.get("axis"), (list, tuple)):
            axes = config["axis"]
            if len(axes) != 1:
                self.obstacles.append(f"layer {path} normalises over several axes {list(axes)}")
            config["axis"] = axes[0]
        if kind in _RECURRENT:
            spec.time_major = bool(config.pop("time_major", False))
            if config.pop("num_constants", None):
                self.obstacles.append(f"layer {path} takes constants: give them as inputs per step")
        known = accepted(kind)
        for key, value in config.items():
            if key in ("name", "trainable", "dtype", "batch_input_shape", "batch_shape"):
                continue
            if re.search(r"_?(initializer|regularizer|constraint)$", key):
                continue  # used in training only
            if key.endswith("activation"):
                spec.options[key] = self._activation(value, path, key)
            elif key in known and kind in _ONLY_FOR.get(key, frozenset([kind])):
                spec.options[key] = tuple(value) if _is_numbers(value) else value
            elif not self._without_effect(kind, key, value):
                self.obstacles.append(
                    f"layer {path} ({spec.stored}) has the option {key}={_brief(value)}, which today's "
                    "Keras does not have; if it is a class of your own with a built-in layer's name, "
                    + CUSTOM_HINT
                )
        if dtype in ("float32", "float64"):
            spec.options["dtype"] = dtype

    @staticmethod
    def _without_effect(kind: str, key: str, value: Any) -> bool:
        if value is None or kind not in _ONLY_FOR.get(key, frozenset([kind])):
            return True
        allowed = _WITHOUT_EFFECT.get(key, ())
        return any(value == a or a is _ANY for a in allowed)

    def _activation(self, value: Any, path: str, key: str) -> Any:
        """A name that Keras 3 knows with the same meaning, or a function."""
        if value is None:
            return None
        if isinstance(value, dict):
            name = value.get("class_name")
            if name in ("function", "Activation") and is_own(value, value.get("config")):
                value = value["config"]
                value = value if isinstance(value, str) else value.get("activation")
            elif name in _ACTIVATION_LAYERS and is_own(value):
                options = dict(value.get("config") or {})
                return self._single(value, name, options, name.lower(), path)
            elif isinstance(name, str) and name in activations() and not value.get("config"):
                value = name
        if value == "hard_sigmoid":
            return _registered_hard_sigmoid()
        if value == "softmax_v2":
            return "softmax"
        if isinstance(value, str):
            if value in _ACTIVATION_LAYERS:
                return self._single({}, value, dict(_ACTIVATION_LAYERS[value]), value.lower(), path)
            if value in activations():
                return value
            if (own := self.trust.find(value)) is not None:
                return own
        self.obstacles.append(own_activation(path, key, value))
        return None

    def _named_function(self, config: dict[str, Any], path: str) -> None:
        """Of a Lambda that is stored by the name of its function alone."""
        name = config["function"]
        config["function"] = self.trust.find(name)
        if config["function"] is None:
            self.obstacles.append(own_activation(path, "function", name))

    def _operator(self, spec: Spec, config: dict[str, Any], path: str) -> Spec:
        spec.kind, spec.options = "operator", config
        if spec.stored in IDENTITIES:
            spec.options = {"function": "identity"}
            return spec
        known, name = operator_name(spec.stored, config)
        if not known:
            self.obstacles.append(
                f"layer {path} is the TensorFlow operation {name}, which has no counterpart among "
                "Keras's own: put a Keras layer in its place"
            )
        return spec

    def _merge(self, spec: Spec, config: dict[str, Any], path: str) -> Spec:
        """Keras 1's layer that joins several; Keras 2 has one class for each mode."""
        mode = config.get("mode", "sum")
        classes_by_mode = {
            "sum": "Add",
            "mul": "Multiply",
            "concat": "Concatenate",
            "ave": "Average",
            "max": "Maximum",
            "dot": "Dot",
            "cos": "Dot",
        }
        if not isinstance(mode, str) or mode not in classes_by_mode:
            self.obstacles.append(f"layer {path} is a Merge with the mode {_brief(mode)}")
            return spec
        spec.kind = classes_by_mode[mode]
        if mode == "concat":
            spec.options["axis"] = config.get("concat_axis", -1)
        if mode in ("dot", "cos"):
            spec.options |= {"axes": config.get("dot_axes", -1), "normalize": mode == "cos"}
        return spec


# Activation layers that Keras 2 also took as a function, by name, with its own defaults.
_ACTIVATION_LAYERS: dict[str, dict[str, Any]] = {
    "LeakyReLU": {"alpha": 0.3},
    "ELU": {"alpha": 1.0},
    "ReLU": {},
    "Softmax": {},
    "ThresholdedReLU": {"theta": 1.0},
}


def _keras1(kind: str, config: dict[str, Any]) -> dict[str, Any]:
    """Options of Keras 1 under the names of Keras 2."""
    if "output_dim" in config and kind in _TO_UNITS:
        config["units"] = config.pop("output_dim")
    if kind.startswith("Conv") and "nb_row" in config:
        config["kernel_size"] = (config.pop("nb_row"), config.pop("nb_col"))
    if kind == "Embedding":
        config.pop("dropout", None)  # of words, in training only
    names = _KERAS1_OPTIONS[""] | _KERAS1_OPTIONS.get(kind, {})
    result = {names.get(key, key): value for key, value in config.items()}
    if "data_format" in result:
        result["data_format"] = _ORDERINGS.get(result["data_format"], result["data_format"])
    if kind.startswith("Conv1D") and isinstance(result.get("dilation_rate"), (list, tuple)):
        result["dilation_rate"] = result["dilation_rate"][0]
    return result


def _plain(name: str) -> str:
    """The name of a class without the package that it was registered with."""
    return name.rpartition(">")[2]


def _join(path: str, name: str) -> str:
    return f"{path}/{name}" if path else name


def _brief(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 40 else text[:37] + "..."


def _is_numbers(value: Any) -> bool:
    return (
        isinstance(value, (list, tuple))
        and len(value) > 0
        and all(isinstance(v, (int, float)) or v is None for v in value)
    )


def _shape(value: Any) -> tuple[int | None, ...] | None:
    """A stored shape with its batch, or None; several shapes are none."""
    if isinstance(value, (list, tuple)) and value:
        if all(v is None or isinstance(v, int) for v in value):
            return tuple(value)
        if len(value) == 1:
            return _shape(value[0])
    return None


def _dtype(value: Any) -> str | None:
    """The type that a layer computes in: half precisions become float32, as exports need it."""
    if isinstance(value, dict):  # a policy
        value = (value.get("config") or {}).get("name")
    if not isinstance(value, str) or "infer" in value:
        return None
    if value.startswith(("mixed_", "float16", "bfloat16", "float32")):
        return "float32"
    return value
