"""Models after Keras's own ``quantize()``: in float again, with Keras's own arithmetic."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export import export_bundle
from lstm_edge.errors import InputError, UnsupportedModelError
from lstm_edge.models import architecture
from lstm_edge.models.graph import read_graph
from lstm_edge.models.quantised import dequantised

STEPS, WIDTH = 6, 8


def _classifier(L: Any, x: Any) -> Any:
    return L.Dense(3, activation="softmax")(L.Dense(5, "relu")(L.LSTM(4)(x)))


def _einsum(L: Any, x: Any) -> Any:
    return L.GRU(3)(L.EinsumDense("abc,cde->abde", (None, 1, 5), bias_axes="de")(x)[:, :, 0])


def _turned(L: Any, x: Any) -> Any:
    return L.LSTM(3)(L.EinsumDense("abc,bd->adc", (5, WIDTH))(x))


def _attention(L: Any, x: Any) -> Any:
    return L.LSTM(3)(L.MultiHeadAttention(2, 4)(x, x))


def _nested(L: Any, x: Any) -> Any:
    import keras

    inner = keras.Sequential([keras.Input((STEPS, WIDTH)), L.Dense(4, use_bias=False), L.LSTM(3)])
    return L.Dense(2)(inner(L.BatchNormalization()(x)))


def _model(make: Callable[[Any, Any], Any], mode: str | None) -> Any:
    import keras

    keras.utils.set_random_seed(5)
    x = keras.Input((STEPS, WIDTH))
    model = keras.Model(x, make(keras.layers, x))
    if mode is not None:
        model.quantize(mode)
    return model


X = np.random.default_rng(3).normal(size=(4, STEPS, WIDTH)).astype("float32")


@pytest.mark.parametrize("make", [_nested, _einsum, _turned, _attention])
def test_weights_are_those_that_keras_multiplies_with(make: Callable[[Any, Any], Any]) -> None:
    """To the last bit in int4, where Keras leaves the inputs alone; near in int8."""
    for mode, most in (("int4", 0.0), ("int8", 0.05)):
        model = _model(make, mode)
        before = np.asarray(model(X))
        floated = dequantised(model, "m")
        assert floated is not None
        after = np.asarray(floated.model(X))
        assert np.abs(after - before).max() <= most
        assert np.abs(after - np.asarray(_model(make, None)(X))).max() > 1e-5  # it was rounded
        assert not any(
            getattr(q, "quantization_mode", None) for q in floated.model._flatten_layers()
        )
        np.testing.assert_array_equal(model(X), before)  # the model itself is as it was


@pytest.mark.parametrize("mode", ["gptq", "awq"])
def test_groups_of_gptq_and_awq(mode: str) -> None:
    """Codes, scales and zeros of each group of inputs, as after Keras's own calibration."""
    import keras

    if mode == "gptq":
        config = keras.quantizers.GPTQConfig(dataset=["a"], tokenizer=lambda t: t, group_size=4)
    else:
        config = keras.quantizers.AWQConfig(dataset=["a"], tokenizer=lambda t: t, group_size=4)
    model = _model(_classifier, None)
    rng = np.random.default_rng(1)
    for layer in model.layers[-2:]:
        layer.quantize(mode, config=config)
        setattr(layer, f"is_{mode}_calibrated", True)
        layer.quantized_kernel.assign(rng.integers(0, 255, layer.quantized_kernel.shape))
        layer.kernel_scale.assign(rng.uniform(0.01, 0.1, layer.kernel_scale.shape))
        layer.kernel_zero.assign(rng.integers(0, 15, layer.kernel_zero.shape))
        layer.g_idx.assign(np.arange(layer.g_idx.shape[0]) // 4)
        if mode == "awq":
            layer.awq_scales.assign(rng.uniform(0.5, 2, layer.awq_scales.shape))
    floated = dequantised(model, "m")
    assert floated is not None
    np.testing.assert_array_equal(floated.model(X), model(X))


@pytest.mark.parametrize("suffix", ["", ".keras", ".h5"])
@pytest.mark.parametrize("mode", ["int8", "int4"])
def test_exported_and_said(tmp_path: Path, mode: str, suffix: str) -> None:
    """Live and from its file; the manifest says against what the files are held."""
    model = source = _model(_nested, mode)
    if suffix:
        source = tmp_path / f"m{suffix}"
        model.save(source)
    result = export_bundle(
        source, tmp_path / "b", wanted_formats=["onnx"], precisions=["float32", "int8-dynamic"]
    )
    assert result.ok
    (said,) = result.said
    assert said.startswith(f"the model was quantised by Keras ({mode}: ")
    assert ("round their inputs" in said) == (mode == "int8")
    stored = json.loads((tmp_path / "b" / "manifest.json").read_text())
    assert all(said in variant["notes"] for variant in stored["variants"])
    if suffix:  # as verify reads it
        graph = read_graph(architecture.load(source), "m")
        floated = dequantised(model, "m")
        assert floated is not None
        np.testing.assert_allclose(graph.call([X])[0], floated.model(X), atol=1e-6)


def test_ids_and_the_faster_way(tmp_path: Path) -> None:
    """Embedding rows are taken back, too."""
    import keras

    L = keras.layers
    layers = [L.Embedding(30, 8), L.LSTM(4), L.Dense(3, activation="softmax")]
    model = keras.Sequential([keras.Input((9,), dtype="int32"), *layers])
    model.quantize("int8")
    result = export_bundle(model, tmp_path / "b", precisions=["float32"])
    assert result.ok
    assert result.takes == "arrays"
    floated = dequantised(model, "m")
    assert floated is not None
    rows = model.layers[0](np.arange(30))
    np.testing.assert_array_equal(floated.model.layers[0].embeddings, rows)


def test_what_keras_itself_gets_wrong_is_said() -> None:
    """A quantised layer inside TimeDistributed is called there as if it were none."""
    model = _model(lambda L, x: L.LSTM(3)(L.TimeDistributed(L.Dense(4), name="t")(x)), "int8")
    floated = dequantised(model, "m")
    assert floated is not None
    assert "inside t (TimeDistributed) Keras itself" in floated.said(1.0)


@pytest.mark.parametrize("suffix", ["", ".keras"])
def test_what_is_no_float_is_refused_by_name(tmp_path: Path, suffix: str) -> None:
    """float8 rounds what goes in, by scales that only training knows."""
    source = _model(_classifier, "float8")
    if suffix:
        source.save(tmp_path / "m.keras")
        source = tmp_path / "m.keras"
    with pytest.raises(
        UnsupportedModelError, match=r"is quantised by Keras \(float8\).*the float model"
    ):
        export_bundle(source, tmp_path / "b")
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_files_that_keras_cannot_read_again(tmp_path: Path, suffix: str) -> None:
    """It loses the policies inside an attention: what helps is said."""
    model = _model(lambda L, x: L.Dense(2)(_attention(L, x)), "int8")
    model.save(tmp_path / f"m{suffix}")
    with pytest.raises(InputError, match="it was quantised by Keras: give the float model"):
        export_bundle(tmp_path / f"m{suffix}", tmp_path / "b")
    assert not (tmp_path / "b").exists()
