"""What keeps a model from the way of Embedding, LSTM and Dense layers, and what from any way."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from models import DEFAULT, functional, kinds, plain, sequential

from export import bundling
from export import stack as reading
from lstm_edge.errors import InputError, UnsupportedModelError
from lstm_edge.results.parity import OK, UNPROVEN
from lstm_edge.structure import of_keras as structure

VOCAB, WIDTH, LENGTH = 20, 4, 8


def ended(*layers: Any, end: Any = None, make: Callable[..., Any] = sequential) -> Any:
    """Embedding, the layers, and a Dense layer with a sigmoid at the end."""
    kind = kinds()
    end = kind.Dense(1, activation="sigmoid", name="answer") if end is None else end
    return make(kind.Embedding(VOCAB, WIDTH, name="words"), *layers, end, length=LENGTH)


def lstm(**options: Any) -> Any:
    """An LSTM layer named ``memory`` with these options."""
    return kinds().LSTM(**{"units": 3, "name": "memory", **options})


def dense(units: int, activation: Any = None, name: str = "answer") -> Any:
    """A Dense layer."""
    return kinds().Dense(units, activation=activation, name=name)


def _two_inputs() -> Any:
    import keras

    kind = kinds()
    ids, more = (keras.Input((LENGTH,), dtype="int32", name=name) for name in ("ids", "more"))
    shared = kind.Embedding(VOCAB, WIDTH, name="words")
    x = kind.Concatenate(name="both")([shared(ids), shared(more)])
    return keras.Model([ids, more], dense(1, "sigmoid")(lstm()(x)))


def _branching() -> Any:
    import keras

    kind = kinds()
    ids = keras.Input((LENGTH,), dtype="int32", name="ids")
    x = kind.Embedding(VOCAB, WIDTH, name="words")(ids)
    both = kind.Add(name="sum")([lstm(name="left")(x), lstm(name="right")(x)])
    return keras.Model(ids, dense(1, "sigmoid")(both))


def _two_outputs() -> Any:
    import keras

    ids = keras.Input((LENGTH,), dtype="int32", name="ids")
    x = lstm()(kinds().Embedding(VOCAB, WIDTH, name="words")(ids))
    return keras.Model(ids, [dense(1, "sigmoid", "left")(x), dense(1, "sigmoid", "right")(x)])


def _used_twice() -> Any:
    import keras

    ids = keras.Input((LENGTH,), dtype="int32", name="ids")
    shared = lstm(units=WIDTH, return_sequences=True)
    x = kinds().Embedding(VOCAB, WIDTH, name="words")(ids)
    return keras.Model(ids, dense(1, "sigmoid")(lstm(name="last")(shared(shared(x)))))


def _stateful() -> Any:
    import keras

    ids = keras.Input(batch_shape=(2, LENGTH), dtype="int32", name="ids")
    words = kinds().Embedding(VOCAB, WIDTH, name="words")
    return keras.Sequential([ids, words, lstm(stateful=True), dense(1, "sigmoid")])


def _return_state() -> Any:
    import keras

    ids = keras.Input((LENGTH,), dtype="int32", name="ids")
    x, *_ = lstm(return_state=True)(kinds().Embedding(VOCAB, WIDTH, name="words")(ids))
    return keras.Model(ids, dense(1, "sigmoid")(x))


def _early_output() -> Any:
    """The model gives what the hidden Dense layer says and leaves out the last one."""
    import keras

    model = ended(lstm(), dense(1, "sigmoid", "early"), make=functional)
    return keras.Model(model.inputs, [model.get_layer("early").output, model.outputs[0]])


def _nested() -> Any:
    inner = sequential(kinds().Embedding(VOCAB, WIDTH), lstm(), length=LENGTH)
    inner.name = "inner"
    import keras

    return keras.Sequential([inner, dense(1, "sigmoid")])


def _no_embedding() -> Any:
    import keras

    return keras.Sequential([keras.Input((LENGTH, WIDTH)), lstm(), dense(1, "sigmoid")])


def _half_precision() -> Any:
    return ended(lstm(dtype="mixed_float16"))


def _own_activation() -> Any:
    import keras

    @keras.saving.register_keras_serializable("tests", "bent")
    def bent(x: Any) -> Any:
        return keras.ops.tanh(x) * 0.9

    return ended(lstm(), dense(3, bent, "hidden"))


def _own_sigmoid() -> Any:
    """A function of the user's own that is called like one of Keras's."""
    import keras

    @keras.saving.register_keras_serializable("tests", "sigmoid")
    def sigmoid(x: Any) -> Any:
        return keras.ops.sigmoid(x) ** 2

    return ended(lstm(), end=dense(1, sigmoid))


def _subclassed() -> Any:
    import keras

    @keras.saving.register_keras_serializable("tests", "Own")
    class Own(keras.Model):
        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            self.chain = plain(LENGTH)

        def call(self, ids: Any) -> Any:
            return self.chain(ids)

    model = Own()
    model(np.zeros((1, LENGTH), np.int32))
    return model


TABLE: dict[str, tuple[Callable[[], Any], str]] = {
    "Bidirectional": (
        lambda: ended(kinds().Bidirectional(lstm(), name="both_ways")),
        "layer both_ways (Bidirectional) is of another kind",
    ),
    "GRU": (
        lambda: ended(kinds().GRU(3, name="gate")),
        "layer gate (GRU) is of another kind",
    ),
    "SimpleRNN": (
        lambda: ended(kinds().SimpleRNN(3, name="old")),
        "layer old (SimpleRNN) is of another kind",
    ),
    "LSTM as cells": (
        lambda: ended(kinds().RNN(kinds().LSTMCell(3), name="cells")),
        "layer cells (RNN) is of another kind",
    ),
    "mask_zero": (
        lambda: sequential(
            kinds().Embedding(VOCAB, WIDTH, mask_zero=True, name="words"),
            lstm(),
            dense(1, "sigmoid"),
            length=LENGTH,
        ),
        "layer words has mask_zero=True",
    ),
    "Masking": (
        lambda: ended(kinds().Masking(name="mask"), lstm()),
        "layer mask (Masking) is of another kind",
    ),
    "go_backwards": (
        lambda: ended(lstm(go_backwards=True)),
        "layer memory has go_backwards=True",
    ),
    "stateful": (
        _stateful,
        "layer memory has stateful=True",
    ),
    "return_state": (
        _return_state,
        "layer memory has return_state=True",
    ),
    "float64": (
        lambda: ended(lstm(dtype="float64")),
        "layer memory computes in float64",
    ),
    "other activation": (
        lambda: ended(lstm(activation="relu")),
        "layer memory has activation=relu",
    ),
    "other recurrent activation": (
        lambda: ended(lstm(recurrent_activation="hard_sigmoid")),
        "layer memory has recurrent_activation=hard_sigmoid",
    ),
    "inner layer gives one output": (
        lambda: ended(
            lstm(),
            kinds().RepeatVector(2, name="again"),
            lstm(name="second"),
        ),
        "layer again (RepeatVector) is of another kind",
    ),
    "last layer gives a sequence": (
        lambda: ended(lstm(return_sequences=True), kinds().GlobalMaxPooling1D(name="pool")),
        "layer pool (GlobalMaxPooling1D) is of another kind",
    ),
    "no Embedding": (
        _no_embedding,
        "layer memory (LSTM) is out of place",
    ),
    "two Embeddings": (
        lambda: ended(
            kinds().Reshape((LENGTH * WIDTH,), name="flat"),
            kinds().Embedding(3, 2, name="again"),
            lstm(),
        ),
        "layer flat (Reshape) is of another kind",
    ),
    "no LSTM": (
        lambda: ended(kinds().Flatten(name="flat")),
        "layer flat (Flatten) is of another kind",
    ),
    "no Dense": (
        lambda: sequential(kinds().Embedding(VOCAB, WIDTH), lstm(), length=LENGTH),
        "there is no Dense layer after an LSTM",
    ),
    "Dense before LSTM": (
        lambda: ended(dense(3, "relu", "early"), lstm()),
        "layer early (Dense) is out of place",
    ),
    "Conv1D between": (
        lambda: ended(kinds().Conv1D(3, 3, name="window"), lstm()),
        "layer window (Conv1D) is of another kind",
    ),
    "BatchNormalization": (
        lambda: ended(lstm(), kinds().BatchNormalization(name="norm")),
        "layer norm (BatchNormalization) is of another kind",
    ),
    "Softmax over examples": (
        lambda: ended(lstm(), dense(3, None, "scores"), end=kinds().Softmax(axis=0, name="wrong")),
        "layer wrong (Softmax) is out of place",
    ),
    "activation twice": (
        lambda: ended(lstm(), dense(3, "relu", "hidden"), kinds().Activation("tanh", name="more")),
        "layer more (Activation) is out of place",
    ),
    "activation with its own slope": (
        lambda: ended(lstm(), dense(3, kinds().LeakyReLU(negative_slope=0.5), "hidden")),
        "layer hidden has activation=LeakyReLU",
    ),
    "own activation": (
        _own_activation,
        "layer hidden has activation=tests>bent",
    ),
    "own activation by a known name": (_own_sigmoid, "layer answer has activation=tests>sigmoid"),
    "linear end": (
        lambda: ended(lstm(), end=dense(1)),
        "layer answer ends in linear with units=1",
    ),
    "sigmoid on 2 units": (
        lambda: ended(lstm(), end=dense(2, "sigmoid")),
        "layer answer ends in sigmoid with units=2",
    ),
    "softmax on 1 unit": (
        lambda: ended(lstm(), end=dense(1, "softmax")),
        "layer answer ends in softmax with units=1",
    ),
    "two inputs": (
        _two_inputs,
        "it has 2 inputs",
    ),
    "branching": (
        _branching,
        "layer words feeds 2 layers",
    ),
    "two outputs": (
        _two_outputs,
        "it has 2 outputs",
    ),
    "an output in the middle": (
        _early_output,
        "it has 2 outputs",
    ),
    "a layer used twice": (
        _used_twice,
        "layer memory has 2 inputs",
    ),
    "nested": (_nested, "layer inner (Sequential) is of another kind"),
    "subclassed": (_subclassed, "the model is of class Own"),
    "mixed_float16": (
        _half_precision,
        "layer memory computes in mixed_float16",
    ),
    "free length": (
        lambda: plain(None),
        "its input length is free",
    ),
    "an answer for every step": (
        lambda: ended(lstm(return_sequences=True)),
        "layer memory has return_sequences=True",
    ),
}
"""Each model, and why it does not go the way of Embedding, LSTM and Dense layers."""


@pytest.mark.parametrize("name", TABLE)
def test_why_a_model_does_not_go_the_faster_way(name: str) -> None:
    build, reason = TABLE[name]
    model = build()
    assert reading.why_not(reading.model_config(model)) == reason
    assert reading.read_stack(model) is None


def test_the_first_reason_is_the_one_that_is_given() -> None:
    model = ended(
        kinds().SpatialDropout1D(0.2, name="fine"),
        kinds().Conv1D(3, 3, name="window"),
        lstm(go_backwards=True, activation="relu"),
        end=dense(2, None),
    )
    assert reading.why_not(reading.model_config(model)) == (
        "layer window (Conv1D) is of another kind"
    )


@pytest.mark.parametrize("name", TABLE)
def test_a_file_is_judged_without_loading_it(name: str, tmp_path: Path) -> None:
    """The configuration in the file says the same as the live model."""
    build, reason = TABLE[name]
    build().save(tmp_path / "model.keras")
    assert reading.why_not(structure.keras_config(tmp_path / "model.keras")) == reason


REFUSED: dict[str, str] = {
    "Softmax over examples": (
        "output wrong of an example depends on the other examples of its batch: let the model compute"
    ),
}
"""What no way takes, and why."""


@pytest.mark.parametrize("name", [name for name in TABLE if name not in REFUSED])
def test_what_is_in_the_way_of_one_way_goes_the_other(name: str, tmp_path: Path) -> None:
    """From the live model: arrays in, arrays out, as Keras answers; a stateful one is a stream."""
    result = bundling.export_bundle(
        TABLE[name][0](), tmp_path / "bundle", wanted_formats=["onnx"], precisions=["float32"]
    )
    assert result.takes == ("steps" if name == "stateful" else "arrays")
    # some of them are saturated, whatever comes: no file of theirs is proven
    assert result.reports[0].verdict in (OK, UNPROVEN), result.reports[0].failures


@pytest.mark.parametrize("name", ["mask_zero", "two inputs", "sigmoid on 2 units", "stateful"])
def test_and_in_every_variant(name: str, tmp_path: Path) -> None:
    TABLE[name][0]().save(tmp_path / "model.h5")
    result = bundling.export_bundle(tmp_path / "model.h5", tmp_path / "bundle")
    assert [report.variant for report in result.reports] == DEFAULT
    assert result.ok, [report.failures for report in result.reports]


@pytest.mark.parametrize("name", REFUSED)
def test_what_no_way_takes_is_refused_and_nothing_written(name: str, tmp_path: Path) -> None:
    model = TABLE[name][0]()
    with pytest.raises(UnsupportedModelError) as raised:
        bundling.export_bundle(model, tmp_path / "bundle")
    assert str(raised.value).startswith(f"{model.name} cannot be exported: {REFUSED[name]}")
    assert list(tmp_path.iterdir()) == []


def length_of(model: Any, length: int | None = None) -> int | str:
    """The length of the faster way, or why there is none."""
    stack = reading.read_stack(model, length)
    if stack is None:
        return reading.why_not(reading.model_config(model), length)
    return stack.max_length


def test_a_free_length_is_given_with_the_option() -> None:
    assert length_of(plain(None), 12) == 12


def test_a_given_length_must_be_the_models() -> None:
    model = plain(9)
    assert length_of(model, 9) == 9
    assert length_of(model, 12) == "its input length is 9, not 12"


@pytest.mark.parametrize("build", [plain, lambda: plain(make=functional)])
def test_what_is_supported_has_a_plan(build: Callable[[], Any], tmp_path: Path) -> None:
    model = build()
    model.save(tmp_path / "model.keras")
    for config in (
        reading.model_config(model),
        structure.keras_config(tmp_path / "model.keras"),
    ):
        assert reading.why_not(config) == ""
        plan = reading.read_config(config)
        assert isinstance(plan, reading.Plan)
        assert plan.length == 40


# Keras 2's way of writing a functional model: lists in place of serialised tensors
KERAS_2 = {
    "class_name": "Functional",
    "config": {
        "name": "model",
        "layers": [
            {
                "class_name": "InputLayer",
                "config": {"batch_input_shape": [None, 7], "dtype": "int32", "name": "ids"},
                "name": "ids",
                "inbound_nodes": [],
            },
            {  # not in the order of the chain
                "class_name": "Dense",
                "config": {
                    "name": "answer",
                    "dtype": "float32",
                    "units": 1,
                    "activation": "sigmoid",
                },
                "name": "answer",
                "inbound_nodes": [[["memory", 0, 0, {}]]],
            },
            {
                "class_name": "Embedding",
                "config": {"name": "words", "dtype": "float32", "mask_zero": False},
                "name": "words",
                "inbound_nodes": [[["ids", 0, 0, {}]]],
            },
            {
                "class_name": "LSTM",
                "config": {"name": "memory", "dtype": "float32", "time_major": False},
                "name": "memory",
                "inbound_nodes": [[["words", 0, 0, {}]]],
            },
        ],
        "input_layers": [["ids", 0, 0]],
        "output_layers": [["answer", 0, 0]],
    },
}


def test_a_configuration_of_keras_2() -> None:
    assert reading.read_config(KERAS_2) == reading.Plan(
        "words", ("memory",), (("answer", "sigmoid"),), 7
    )
    branched = json.loads(json.dumps(KERAS_2).replace('["words", 0, 0, {}]', '["ids", 0, 0, {}]'))
    assert reading.why_not(branched) == "layer ids feeds 2 layers"


def test_a_configuration_of_another_kind() -> None:
    assert reading.why_not({"class_name": "Pipeline", "config": {}}) == (
        "the model is of class Pipeline"
    )


def test_wanted_names_must_be_known(tmp_path: Path) -> None:
    for given, message in (
        (
            {"wanted_formats": ["onnx", "coreml"]},
            "`wanted_formats` coreml is not known; expected onnx, tflite",
        ),
        ({"precisions": ["int4"]}, "`precisions` int4 is not known; expected "),
        (
            {"wanted_formats": ["onnx"], "precisions": ["float16-folded"]},
            "no variant has format onnx and precision float16-folded; there are onnx-float32, ",
        ),
    ):
        with pytest.raises(InputError) as raised:
            bundling.export_bundle(tmp_path / "model.keras", tmp_path / "bundle", **given)
        assert str(raised.value).startswith(message)
        assert not list(tmp_path.iterdir())


def test_inspect_says_which_way_a_model_goes(model_files: Path, tmp_path: Path) -> None:
    import keras
    from click.testing import CliRunner

    from lstm_edge.cli import cli

    def said(path: Path) -> str:
        done = CliRunner().invoke(cli, ["inspect", str(path)])
        assert done.exit_code == 0, done.output
        return done.stdout

    for name in ("small.keras", "small.h5"):
        assert "is with --vocab the faster one, with a pad-state table.\n" in said(
            model_files / name
        )
    keras.Sequential(
        [
            keras.Input((20,)),
            keras.layers.Embedding(9, 4),
            keras.layers.Bidirectional(keras.layers.LSTM(3)),
            keras.layers.Dense(1, "sigmoid"),
        ]
    ).save(tmp_path / "both.keras")
    assert "is that of any model: " in said(tmp_path / "both.keras")
