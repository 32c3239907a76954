"""A step model fed in any pieces answers as Keras does on the whole sequence."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from graph_models import UNITS, WIDTH, WORDS, chain, graph, recurrent, remembering, words
from models import VARIANTS, kinds
from test_conformance import FLOAT32, RUNTIMES, LiteRT

from lstm_edge import load_bundle
from lstm_edge.base.arrays import Array
from lstm_edge.cli import cli
from lstm_edge.errors import InputError, UnsupportedModelError
from lstm_edge.models.graph import GraphModel
from lstm_edge.models.streaming import read_streaming
from lstm_edge.predict.predictor import Predictor

STEPS = 22
FLOATS = [name for name, (_, p) in VARIANTS.items() if p.name == "float32"]


def _dense(units: int = 2) -> Any:
    return kinds().Dense(units)


def _stateful() -> Any:
    import keras

    return keras.Sequential(
        [
            keras.Input(batch_shape=(2, 5, WIDTH)),
            recurrent("LSTM", stateful=True, return_sequences=True),
            recurrent("GRU", stateful=True),
            _dense(),
        ]
    )


def _stacked_cells() -> Any:
    kind = kinds()
    return kind.RNN([kind.LSTMCell(UNITS), kind.GRUCell(3)], return_sequences=True)


STREAMS: dict[str, Callable[[], Any]] = {
    "LSTM, last output": lambda: chain(recurrent("LSTM"), _dense()),
    "GRU, sequence": lambda: chain(recurrent("GRU", return_sequences=True), _dense()),
    "GRU, reset before, free time": lambda: chain(
        recurrent("GRU, reset before"), _dense(), steps=None
    ),
    "SimpleRNN": lambda: chain(recurrent("SimpleRNN")),
    "stack of words": lambda: words(
        recurrent("LSTM", return_sequences=True), recurrent("GRU"), _dense(), mask=False
    ),
    "masked words, last output": lambda: words(recurrent("LSTM"), _dense()),
    "masked words, sequence": lambda: words(recurrent("GRU", return_sequences=True)),
    "Masking and an activation without a node": lambda: chain(
        kinds().Masking(), recurrent("LSTM", activation="gelu", return_sequences=True)
    ),
    "stateful, fixed batch": _stateful,
    "stack of cells": lambda: chain(_stacked_cells(), _dense()),
    "masked stack of cells": lambda: chain(kinds().Masking(), _stacked_cells()),
    "around": lambda: chain(
        kinds().Dense(WIDTH, activation="relu"),
        kinds().LayerNormalization(),
        recurrent("LSTM", return_sequences=True),
        kinds().BatchNormalization(),
        kinds().Dropout(0.5),
        kinds().TimeDistributed(_dense(3)),
        recurrent("GRU"),
        kinds().Dense(2, activation="softmax"),
    ),
    "skip connection, a fixed input, two outputs": graph(
        lambda x, more: [
            _dense(1)(recurrent("LSTM", return_sequences=True)(kinds().Concatenate()([x, x]))),
            kinds().Dense(2)(kinds().Concatenate()([recurrent("GRU")(x), more])),
        ],
        (STEPS, WIDTH),
        (3,),
    ),
    "states returned": graph(
        lambda x: list(recurrent("LSTM", return_state=True)(x)), (STEPS, WIDTH)
    ),
}


def _read(name: str, chunk: int | None = None) -> GraphModel:
    import keras

    keras.utils.set_random_seed(0)
    return read_streaming(remembering(STREAMS[name]()), name, chunk)


def _example(step: GraphModel, seed: int) -> dict[str, Array]:
    rng = np.random.default_rng(seed)
    found: dict[str, Array] = {}
    for given in step.inputs:
        shape = [1, *(STEPS if n is None else n for n in given.shape[1:])]
        if given.rows is not None:
            found[given.name] = rng.integers(1, WORDS, shape).astype(np.int32)
        else:
            found[given.name] = rng.normal(0, 1, shape).astype(np.float32)
        if given.mask_value is not None:
            for away in (slice(0, 3), slice(7, 9), slice(12, 20), slice(21, None)):
                found[given.name][:, away] = given.mask_value
    return found


def _timed(step: GraphModel, name: str) -> bool:
    return next(given for given in step.inputs if given.name == name).shape[1] in (None, 1, 7)


def streamed(
    run: Callable[[Mapping[str, Array]], dict[str, Array]],
    step: GraphModel,
    example: Mapping[str, Array],
    chunk: int,
) -> dict[str, Array]:
    """Outputs of a sequence fed in chunks: all rows of those with one for each step, else the last."""
    states = {s.name: np.zeros([1, *s.shape[1:]], np.float32) for s in step.all_states}
    seen: dict[str, list[Array]] = {}
    for begin in range(0, STEPS, chunk):
        piece = {
            name: value[:, begin : begin + chunk] if _timed(step, name) else value
            for name, value in example.items()
        }
        outputs = {name: np.array(value) for name, value in run({**piece, **states}).items()}
        states = {s.name: outputs[s.output] for s in step.all_states}
        for found in step.outputs:
            seen.setdefault(found.name, []).append(outputs[found.name])
    timed = {found.name for found in step.outputs if found.timed}
    return {
        name: np.concatenate(values, 1) if name in timed else values[-1]
        for name, values in seen.items()
    }


@pytest.mark.parametrize("variant", FLOATS)
@pytest.mark.parametrize("name", STREAMS)
def test_any_chunks_answer_as_the_whole(name: str, variant: str, tmp_path: Path) -> None:
    step = _read(name)
    exporter, precision = VARIANTS[variant]
    path = tmp_path / f"step{exporter.suffix}"
    exporter(step, tmp_path).write(precision, path)
    run = RUNTIMES[exporter.format](path)
    if isinstance(run, LiteRT):
        assert run.inputs == [i.name for i in (*step.inputs, *step.all_states)]
        after = (s.output for s in step.all_states)
        assert run.outputs == [*(o.name for o in step.outputs), *after]
    for seed in (1, 2):
        example = _example(step, seed)
        given = [example[i.name] for i in step.inputs]
        whole = zip(step.outputs, step.call(given), strict=True)
        wanted = {found.name: np.asarray(value) for found, value in whole}
        for chunk in (1, 7, STEPS):
            got = streamed(run, step, example, chunk)
            for output, right in wanted.items():
                off = np.abs(got[output] - right).max() / np.abs(right).max()
                assert off <= FLOAT32, f"{output} in chunks of {chunk} is off by {off:.2g}"


@pytest.mark.parametrize("variant", FLOATS)
def test_a_fixed_chunk(variant: str, tmp_path: Path) -> None:
    step = _read("masked words, sequence", 7)
    exporter, precision = VARIANTS[variant]
    path = tmp_path / f"step{exporter.suffix}"
    exporter(step, tmp_path).write(precision, path)
    assert [given.shape for given in step.inputs] == [(None, 7)]
    assert step.outputs[0].shape == (None, 7, UNITS)


def test_the_whole_is_what_the_model_itself_answers() -> None:
    """Rebuilding it for any number of steps changes no answer."""
    model = remembering(STREAMS["around"]())
    step = read_streaming(model, "m")
    x = np.random.default_rng(0).normal(0, 1, (1, 9, WIDTH)).astype(np.float32)
    np.testing.assert_allclose(step.call([x])[0], model(x), atol=1e-6)


_ONE = (STEPS, WIDTH)
REFUSED: dict[str, tuple[Callable[[], Any], list[str]]] = {
    "both directions, and what mixes steps": (
        lambda: chain(
            kinds().Conv1D(4, 3, name="window"),
            kinds().Bidirectional(recurrent("LSTM", return_sequences=True), name="both"),
            kinds().GlobalAveragePooling1D(name="mean"),
        ),
        ["window (Conv1D)", "both (Bidirectional) reads the sequence from its end", "mean (Global"],
    ),
    "backwards": (
        lambda: chain(recurrent("LSTM", go_backwards=True, name="back")),
        ["back (LSTM) begins at the last step"],
    ),
    "given states": (
        graph(lambda x, h: recurrent("GRU", name="told")(x, initial_state=h), _ONE, (UNITS,)),
        ["told (GRU) starts from states that the model gives it"],
    ),
    "used twice": (
        lambda: _twice(),
        ["shared (SimpleRNN) is used more than once"],
    ),
    "normalised over time": (
        lambda: chain(kinds().LayerNormalization(axis=1, name="over_time"), recurrent("GRU")),
        ["over_time (LayerNormalization) needs more than one step"],
    ),
    "no state": (
        graph(lambda x: kinds().LSTM(2)(kinds().RepeatVector(3)(x)), (4,)),
        ["no recurrent layer takes the model's steps"],
    ),
}


def _twice() -> Any:
    def build(x: Any) -> Any:
        shared = recurrent("SimpleRNN", units=WIDTH, return_sequences=True, name="shared")
        return shared(shared(x))

    return graph(build, _ONE)()


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_streamed_is_said_at_once(name: str) -> None:
    build, told = REFUSED[name]
    with pytest.raises(UnsupportedModelError) as caught:
        read_streaming(build(), "m.keras")
    for text in told:
        assert text in str(caught.value)
    assert len(caught.value.obstacles) == len(told)


# Bundles


def call(*args: object) -> Result:
    return CliRunner().invoke(cli, [str(arg) for arg in args], catch_exceptions=False)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A model of ``STREAMS`` as a file."""
    folder = tmp_path_factory.mktemp("models")

    @functools.cache
    def save(name: str) -> Path:
        path = folder / f"{len(list(folder.iterdir()))}.keras"
        remembering(STREAMS[name]()).save(path)
        return path

    return save


@pytest.fixture(scope="module")
def bundle(saved: Callable[[str], Path]) -> Path:
    """A bundle of step models, in float32."""
    model = saved("around")
    out = model.parent / "around.bundle"
    done = call("export", model, "--out", out, "--streaming", "--precision", "float32")
    assert done.exit_code == 0, done.output
    assert "stream().feed" in done.output
    return out


@pytest.mark.parametrize("variant", FLOATS)
def test_a_stream_of_a_bundle(bundle: Path, variant: str) -> None:
    predictor = load_bundle(bundle, variant)
    assert isinstance(predictor, Predictor)
    x = np.random.default_rng(5).normal(0, 1, (1, 20, WIDTH)).astype(np.float32)
    (whole,) = predictor.predict(x).values()
    stream = predictor.stream()
    for chunk in (1, 7, 20):
        stream.reset()
        for begin in range(0, 20, chunk):
            (now,) = stream.feed(x[:, begin : begin + chunk]).values()
        assert stream.steps == 20
        np.testing.assert_allclose(now, whole, atol=FLOAT32)
    with pytest.raises(InputError, match="expected float32"):
        stream.feed(x[..., :2])
    with pytest.raises(InputError, match="2 examples fed to a stream of 1"):
        stream.feed(np.concatenate([x, x]))
    assert stream.steps == 20  # as it was
    (after,) = stream.feed(x).values()
    (both,) = predictor.predict(np.concatenate([x, x], 1)).values()
    np.testing.assert_allclose(after, both, atol=FLOAT32)


def test_examples_side_by_side(bundle: Path) -> None:
    x = np.random.default_rng(6).normal(0, 1, (3, 4, WIDTH)).astype(np.float32)
    predictor = load_bundle(bundle, "onnx-float32")
    assert isinstance(predictor, Predictor)
    (got,) = predictor.stream(3).feed(x).values()
    for row, one in zip(got, x, strict=True):
        (alone,) = predictor.stream().feed(one[None]).values()
        np.testing.assert_allclose(row, alone[0], atol=1e-5)
    one_at_a_time = load_bundle(bundle, "tflite-float32")
    assert isinstance(one_at_a_time, Predictor)
    with pytest.raises(InputError, match="3 examples at a time; tflite-float32 takes 1"):
        one_at_a_time.stream(3)


def test_verify_and_bench_know_streams(bundle: Path) -> None:
    checked = call("verify", bundle, "--json", bundle.parent / "p.json")
    assert checked.exit_code == 0, checked.output
    report = json.loads((bundle.parent / "p.json").read_text())["reports"][0]
    names = [check["name"] for check in report["checks"]]
    assert {"in pieces of 1 step", "in pieces of 7 steps"} <= set(names)
    timed = call("bench", bundle, "--rounds", 1, "--limit", 2)
    assert timed.exit_code == 0, timed.output
    assert "median 1 steps" in timed.output  # what the next step costs


def test_a_fixed_chunk_of_a_bundle(saved: Callable[[str], Path]) -> None:
    model = saved("masked words, sequence")
    out = model.parent / "chunk.bundle"
    done = call("export", model, "--out", out, "--chunk", 4, "--precision", "float32")
    assert done.exit_code == 0, done.output
    predictor = load_bundle(out)
    assert isinstance(predictor, Predictor)
    ids = np.arange(1, 13)[None]
    (got,) = predictor.stream().feed(ids).values()
    assert got.shape == (1, 12, UNITS)
    with pytest.raises(InputError, match="6 steps given; the files take 4 in every call"):
        predictor.stream().feed(ids[:, :6])


def test_a_stateful_model_is_a_stream_unless_told_otherwise(saved: Callable[[str], Path]) -> None:
    model = saved("stateful, fixed batch")
    out = model.parent / "stateful.bundle"
    assert call("export", model, "--out", out, "--precision", "float32").exit_code == 0
    predictor = load_bundle(out)
    assert isinstance(predictor, Predictor)
    assert predictor.stream().steps == 0
    done = call("export", model, "--out", out, "--precision", "float32", "--no-streaming")
    assert done.exit_code == 0, done.output
    whole = load_bundle(out)
    assert isinstance(whole, Predictor)
    with pytest.raises(
        InputError, match="not fed step by step: export the model again with `streaming`"
    ):
        whole.stream(2)


def test_a_refused_stream_leaves_nothing(tmp_path: Path) -> None:
    build, told = REFUSED["both directions, and what mixes steps"]
    build().save(tmp_path / "m.keras")
    done = call("export", tmp_path / "m.keras", "--out", tmp_path / "b", "--streaming")
    assert done.exit_code == 2
    for text in told:
        assert text in done.output
    assert [p.name for p in tmp_path.iterdir()] == ["m.keras"]


def test_a_stateful_model_that_cannot_be_a_stream_says_how_else(tmp_path: Path) -> None:
    import keras

    both = kinds().Bidirectional(recurrent("LSTM", stateful=True, name="lstm"), name="both")
    model = remembering(keras.Sequential([keras.Input(batch_shape=(1, 5, WIDTH)), both]))
    model.save(tmp_path / "m.keras")
    done = call("export", tmp_path / "m.keras", "--out", tmp_path / "b")
    assert done.exit_code == 2
    assert "both (Bidirectional) reads the sequence from its end" in done.output
    assert "give --no-streaming" in done.output
    done = call("export", tmp_path / "m.keras", "--out", tmp_path / "b", "--no-streaming")
    assert done.exit_code == 0, done.output
