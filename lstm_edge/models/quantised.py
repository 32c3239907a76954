"""Models after Keras's own ``model.quantize()``, in float again with the weights as they are rounded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lstm_edge.base.extras import require
from lstm_edge.errors import UnsupportedModelError

_PURPOSE = "exporting"
WANTED = "give the float model, and let the export make the int8 files"


@dataclass(frozen=True)
class Dequantised:
    """A quantised model in float.

    Attributes:
        model: with every weight as the quantised layer multiplies with it. Layers that also round what
            goes into them (Dense and EinsumDense in int8, each example by its own range) no longer do.
        whole: the model as it was.
        layers: names of the layers that were quantised, by Keras's name of the way.
        timed: TimeDistributed layers that hold one: Keras calls it there as if it were not quantised.
    """

    model: Any
    whole: Any
    layers: dict[str, tuple[str, ...]]
    timed: tuple[str, ...]

    def said(self, difference: float | None = None) -> str:
        """What a user is told.

        Args:
            difference: the greatest one between the answers of both models, where it was measured.
        """
        names = "; ".join(f"{mode}: {', '.join(layers)}" for mode, layers in self.layers.items())
        said = (
            f"the model was quantised by Keras ({names}): its weights, as they are rounded, are float "
            "numbers again, and the files are held against that"
        )
        if difference is None:
            said += "; Keras's own answers differ where its layers round their inputs, too"
        elif difference:
            said += "; Keras's own answers, whose layers round their inputs too, are up to "
            said += f"{difference:.2g} off"
        if self.timed:
            said += (
                f"; inside {', '.join(self.timed)} (TimeDistributed) Keras itself leaves the weights' "
                "scales out and answers wrongly"
            )
        return said


def dequantised(model: Any, source: str) -> Dequantised | None:
    """A live model in float, or None where nothing in it is quantised. The model itself is not changed.

    Raises:
        UnsupportedModelError: layers whose float weights Keras does not have.
    """
    keras = require("keras", _PURPOSE)
    if not isinstance(model, keras.Model):
        return None
    layers = _layers(model)
    quantised = [layer for layer in layers if getattr(layer, "quantization_mode", None)]
    if not quantised:
        return None
    obstacles = [reason for layer in quantised if (reason := _obstacle(keras, layer))]
    if obstacles:
        raise UnsupportedModelError(source, obstacles)
    config = keras.saving.serialize_keras_object(model)
    copied = keras.saving.deserialize_keras_object(_float_config(config))
    for before, after in zip(layers, _layers(copied), strict=True):
        if hasattr(before, "get_vocabulary"):
            after.set_vocabulary(before.get_vocabulary(include_special_tokens=False))
        elif before in quantised:
            name = "embeddings" if isinstance(before, keras.layers.Embedding) else "kernel"
            getattr(after, name).assign(_weight(keras, before))
            if getattr(before, "bias", None) is not None:
                after.bias.assign(before.bias)
        else:
            for old, new in zip(_own(before), _own(after), strict=True):
                new.assign(old)
    modes = dict.fromkeys(layer.quantization_mode for layer in quantised)
    return Dequantised(
        copied,
        model,
        {m: tuple(q.name for q in quantised if q.quantization_mode == m) for m in modes},
        tuple(
            layer.name
            for layer in layers
            if isinstance(layer, keras.layers.TimeDistributed) and layer.layer in quantised
        ),
    )


def _layers(model: Any) -> list[Any]:
    return list({id(layer): layer for layer in model._flatten_layers()}.values())


def _own(layer: Any) -> list[Any]:
    """Variables of the layer itself, and of none inside it."""
    return [*layer._trainable_variables, *layer._non_trainable_variables]


def _float_config(value: Any) -> Any:
    """A configuration with quantised policies as what they were made from."""
    if isinstance(value, list | tuple):
        return [_float_config(item) for item in value]
    if not isinstance(value, dict):
        return value
    if str(value.get("class_name")).endswith("DTypePolicy") and "source_name" in value["config"]:
        return value["config"]["source_name"]
    return {key: _float_config(v) for key, v in value.items() if key != "quantization_config"}


def _obstacle(keras: Any, layer: Any) -> str:
    mode, kind = layer.quantization_mode, type(layer)
    known = (keras.layers.Dense, keras.layers.EinsumDense, keras.layers.Embedding)
    here = f"layer {layer.name} ({kind.__name__}) is quantised by Keras ({mode})"
    if mode not in ("int8", "int4", "gptq", "awq") or kind not in known:
        return f"{here}, and its float weights are not known: {WANTED}"
    if getattr(layer, "lora_enabled", False):
        return f"{here} and has LoRA weights beside: {WANTED}"
    return ""


def _weight(keras: Any, layer: Any) -> Any:
    """The kernel or the embeddings, with Keras's own arithmetic of the layer's call."""
    ops, mode = keras.ops, layer.quantization_mode
    rows = isinstance(layer, keras.layers.Embedding)
    if rows:  # a row that is looked up is the row itself
        return layer(ops.arange(layer.input_dim, dtype="int32"))
    if mode in ("gptq", "awq"):
        return _grouped(keras, layer)
    mapped = keras.src.quantizers.quantizers.dequantize_with_sz_map
    dense = isinstance(layer, keras.layers.Dense)
    scale, kernel = layer.kernel_scale, layer._kernel
    if mode == "int8":
        scale = scale if dense else layer._adjust_scale_for_dequant(scale)
        return ops.cast(kernel, layer.compute_dtype) / scale
    width = layer._orig_output_dim if dense else layer._int4_unpacked_column_size
    kernel = keras.quantizers.unpack_int4(kernel, width, axis=-1)
    if getattr(layer, "_int4_block_size", None) in (None, -1):
        kernel = ops.cast(kernel, layer.compute_dtype) / scale
    else:
        kernel = mapped(kernel, scale, layer.kernel_zero, layer.g_idx, group_axis=0)
    return kernel if dense else ops.reshape(kernel, layer.original_kernel_shape)


def _grouped(keras: Any, layer: Any) -> Any:
    """A kernel of GPTQ or AWQ: turned, with a scale and a zero for each group of inputs."""
    ops, quantizers, mode = keras.ops, keras.src.quantizers, layer.quantization_mode
    if not getattr(layer, f"is_{mode}_calibrated", False):
        return layer._kernel
    kernel = layer.quantized_kernel
    dense = isinstance(layer, keras.layers.Dense)
    bits = 4 if mode == "awq" else quantizers.gptq_core.get_weight_bits_for_layer(layer, None)
    if bits == 4:
        units = layer.units if dense else getattr(layer, f"{mode}_unpacked_column_size")
        kernel = keras.quantizers.unpack_int4(kernel, units, axis=0, dtype="uint8")
    mapped = quantizers.quantizers.dequantize_with_sz_map
    kernel = mapped(kernel, layer.kernel_scale, layer.kernel_zero, layer.g_idx)
    kernel = ops.transpose(kernel)
    if mode == "awq":
        kernel = kernel / ops.expand_dims(layer.awq_scales, -1)
    return kernel if dense else ops.reshape(kernel, layer.original_kernel_shape)
