"""One runner, many threads: every answer is that of the input alone, for every runtime."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
from conftest import WORDS
from graph_models import remembering

from export import export_bundle
from lstm_edge import Classifier, Predictor, load_bundle
from lstm_edge.base.arrays import Array
from lstm_edge.bundle.opening import open_bundle

THREADS, CALLS = 16, 40
_E = TypeVar("_E")


def same_in_threads(answer: Callable[[_E], Any], examples: Sequence[_E]) -> None:
    """Each of the threads asks for all examples in an order of its own."""
    expected = [answer(example) for example in examples]

    def asked(seed: int) -> list[int]:
        order = np.random.default_rng(seed).permutation(len(examples))
        return [int(at) for at in order if not equal(answer(examples[at]), expected[at])]

    with ThreadPoolExecutor(THREADS) as pool:
        wrong = [at for places in pool.map(asked, range(THREADS)) for at in places]
    assert not wrong
    assert len({str(value) for value in expected}) > len(examples) / 2, "or a mix-up could not show"


def equal(value: Any, expected: Any) -> bool:
    if isinstance(expected, dict):
        return all(equal(value[name], array) for name, array in expected.items())
    return bool(np.array_equal(value, expected))


@pytest.fixture(scope="module")
def texts() -> list[str]:
    rng = np.random.default_rng(1)
    return [" ".join(rng.choice(WORDS, n)) for n in rng.permutation(CALLS)]


@pytest.fixture(scope="module")
def for_everything(small: Callable[..., Path]) -> Path:
    return small(
        runtimes=["onnxruntime", "litert", "mediapipe", "litert-js", "onnxruntime-mobile"],
        precisions=["float32", "int8-dynamic"],
        text_input=True,
        streaming=True,
    )


VARIANTS = [
    f"{name}{made_for}"
    for precision in ("float32", "int8-dynamic")
    for name, ends in (
        (f"onnx-{precision}", ("", "-mobile", "-text", "-stream")),
        (f"tflite-{precision}", ("", "-litert-js", "-mediapipe", "-stream")),
    )
    for made_for in ends
]


def test_every_variant_is_asked(for_everything: Path) -> None:
    assert set(VARIANTS) == set(open_bundle(for_everything).variants)


@pytest.mark.parametrize("variant", VARIANTS)
def test_texts(variant: str, for_everything: Path, texts: list[str]) -> None:
    classifier = load_bundle(for_everything, variant)
    assert isinstance(classifier, Classifier)
    same_in_threads(lambda text: classifier.predict([text])[0].probability, texts)


@pytest.mark.parametrize("variant", [v for v in VARIANTS if v.endswith("-stream")])
def test_streams_of_words(variant: str, for_everything: Path, texts: list[str]) -> None:
    classifier = load_bundle(for_everything, variant)
    assert isinstance(classifier, Classifier)

    def word_by_word(text: str) -> list[float]:
        stream = classifier.stream()
        return [stream.feed(word).probability for word in text.split()]

    same_in_threads(word_by_word, texts)


@pytest.fixture(scope="module")
def of_arrays(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """A bundle of a model that takes windows [examples, steps, 2]."""
    from keras import Input, Sequential, layers

    def make(**options: Any) -> Path:
        model = remembering(
            Sequential([Input((None, 2)), layers.LSTM(5), layers.Dense(3, "softmax")])
        )
        out = tmp_path_factory.mktemp("arrays") / "bundle"
        assert export_bundle(model, out, **options).ok
        return out

    return make


@pytest.fixture(scope="module")
def windows() -> list[Array]:
    rng = np.random.default_rng(2)
    return [rng.normal(size=(1, n, 2)).astype(np.float32) for n in rng.permutation(CALLS) + 1]


ARRAYS = [f"{f}-{p}" for f in ("onnx", "tflite") for p in ("float32", "int8-dynamic")]


@pytest.fixture(scope="module")
def windows_bundle(of_arrays: Callable[..., Path]) -> Path:
    return of_arrays()


@pytest.fixture(scope="module")
def stream_bundle(of_arrays: Callable[..., Path]) -> Path:
    return of_arrays(streaming=True)


@pytest.mark.parametrize("variant", ARRAYS)
def test_arrays(variant: str, windows_bundle: Path, windows: list[Array]) -> None:
    predictor = load_bundle(windows_bundle, variant)
    assert isinstance(predictor, Predictor)
    same_in_threads(predictor.predict, windows)


@pytest.mark.parametrize("variant", ARRAYS)
def test_streams_of_arrays(variant: str, stream_bundle: Path, windows: list[Array]) -> None:
    """Each in pieces of its own, beside the others."""
    predictor = load_bundle(stream_bundle, variant)
    assert isinstance(predictor, Predictor)

    def in_pieces(window: Array) -> Any:
        stream = predictor.stream()
        for begin in range(0, window.shape[1], 3):
            outputs = stream.feed(window[:, begin : begin + 3])
        return outputs

    same_in_threads(in_pieces, windows)
