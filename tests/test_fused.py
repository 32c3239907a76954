"""The fused TFLite operator: Keras's answers, whatever the cell holds and whatever came before."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from graph_models import UNITS, WIDTH, chain, graph, recurrent, remembering, words
from models import VARIANTS, kinds
from test_conformance import LiteRT, Reference, compare, inputs_for

from lstm_edge.cli import cli
from lstm_edge.errors import UnsupportedModelError
from lstm_edge.models.graph import GraphModel, read_graph
from lstm_edge.structure import contents as structure

TFLITE = [name for name, (e, p) in VARIANTS.items() if e.lowerings and not p.folded]
ONE = (9, WIDTH)


def _both(**options: Any) -> Any:
    return kinds().Bidirectional(recurrent("LSTM", **options))


MODELS: dict[str, Callable[[], Any]] = {
    "last output": lambda: chain(recurrent("LSTM"), kinds().Dense(2)),
    "sequence": lambda: chain(recurrent("LSTM", return_sequences=True)),
    "no bias": lambda: chain(recurrent("LSTM", use_bias=False)),
    "backwards": lambda: chain(recurrent("LSTM", go_backwards=True, return_sequences=True)),
    "words, two layers": lambda: words(
        recurrent("LSTM", return_sequences=True), recurrent("LSTM"), mask=False
    ),
    "both directions": lambda: chain(_both(return_sequences=True), _both()),
    "a convolution before": lambda: chain(kinds().Conv1D(6, 3), recurrent("LSTM")),
}


def _grown(model: Any) -> Any:
    """Cells far above 10, where the operator as it comes would clip them."""
    import keras

    model = remembering(model)
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.LSTMCell) and layer.use_bias:
            kernel, own, bias = layer.get_weights()
            bias[: 2 * UNITS] += 4  # in and forget gates open
            bias[2 * UNITS : 3 * UNITS] += 2
            layer.set_weights([kernel, own, bias])
    return model


def _written(model: GraphModel, variant: str, folder: Path) -> Path:
    exporter, precision = VARIANTS[variant]
    path = folder / f"fused{exporter.suffix}"
    writer = exporter(model, folder, lowering="fused")
    writer.write(precision, path)
    assert "fused LSTM operator" in writer.describe_lowering(precision)
    return path


@pytest.mark.parametrize("variant", TFLITE)
@pytest.mark.parametrize("name", MODELS)
def test_answers_as_keras_in_any_order(name: str, variant: str, tmp_path: Path) -> None:
    found = read_graph(_grown(MODELS[name]()), name)
    reference = Reference(found, inputs_for(found, 4, 30), [])
    reference.outputs.extend(reference.answers(example) for example in reference.examples)
    path = _written(found, variant, tmp_path)
    run = LiteRT(path)
    assert (run.inputs, run.outputs) == tuple(
        [e.name for e in ends] for ends in (found.inputs, found.outputs)
    )
    for number in (0, 1, 2, 3, 2, 1, 0):
        outputs = {key: np.array(value) for key, value in run(reference.examples[number]).items()}
        compare(reference, outputs, number, variant)
    inside = structure.inspect(path)
    assert inside.ops["UNIDIRECTIONAL_SEQUENCE_LSTM"] == len(found.recurrent)
    assert "WHILE" not in inside.ops
    assert inside.problems == ()


REFUSED: dict[str, tuple[Callable[[], Any], tuple[str, ...]]] = {
    "other layers and activations": (
        lambda: chain(
            recurrent("GRU", return_sequences=True, name="gru"),
            recurrent("LSTM", activation="relu", return_sequences=True, name="relu"),
            recurrent("SimpleRNN", name="simple"),
        ),
        (
            "gru (GRU) has no fused operator",
            "relu (LSTM): the fused operator has sigmoid gates and tanh only, not sigmoid, relu",
            "simple (SimpleRNN) has no fused operator",
        ),
    ),
    "masked": (lambda: words(recurrent("LSTM", name="m")), ("m (LSTM) is masked",)),
    "given states": (
        graph(
            lambda x, h, c: recurrent("LSTM", name="m")(x, initial_state=[h, c]),
            ONE,
            (UNITS,),
            (UNITS,),
        ),
        ("m (LSTM) is given states",),
    ),
    "states taken": (
        graph(lambda x: list(recurrent("LSTM", name="m", return_state=True)(x)), ONE),
        ("m (LSTM): the fused operator does not give its states",),
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_fused_operator_is_said(name: str, tmp_path: Path) -> None:
    build, told = REFUSED[name]
    with pytest.raises(UnsupportedModelError) as caught:
        _written(read_graph(build(), name), "tflite-float32", tmp_path)
    assert len(caught.value.obstacles) == len(told)
    for text in told:
        assert text in str(caught.value)


def test_by_the_command_line(tmp_path: Path) -> None:
    _grown(MODELS["words, two layers"]()).save(tmp_path / "m.keras")
    args = ["export", str(tmp_path / "m.keras"), "--out", str(tmp_path / "b")]
    done = CliRunner().invoke(cli, [*args, "--lowering", "fused", "--precision", "float32"])
    assert done.exit_code == 0, done.output
    shown = CliRunner().invoke(cli, ["inspect", str(tmp_path / "b")])
    assert "2 fused LSTM operators, cells not clipped" in shown.output
    wrong = CliRunner().invoke(cli, [*args, "--lowering", "fuse"])
    assert wrong.exit_code == 2
    assert "lowering fuse is not known" in wrong.output
    assert "there is fused (of tflite files)" in wrong.output
