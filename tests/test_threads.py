"""One runner, many threads: every answer is that of the input alone, for every runtime."""

from __future__ import annotations

import asyncio
import os
import pickle
import shutil
import subprocess
import sys
import threading
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
from lstm_edge.base import machine
from lstm_edge.base.arrays import Array, Arrays
from lstm_edge.bundle.opening import open_bundle
from lstm_edge.errors import InputError
from lstm_edge.models import architecture, reference
from lstm_edge.runtimes.by_litert import LiteRT
from lstm_edge.runtimes.by_onnxruntime import OnnxRuntime
from lstm_edge.runtimes.runners import ArrayRunner, IdsRunner

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


def alone(code: str, *arguments: object) -> str:
    """What a program prints in a process of its own, which has two minutes."""
    path = {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1])])}
    command = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(
        command,
        env={**os.environ, **path},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


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


def test_keras(model_files: Path, texts: list[str]) -> None:
    model = architecture.load(model_files / "small.keras")
    runner = reference.of_ids(Path("small.keras"), model, num_ids=16, max_length=20)
    rng = np.random.default_rng(3)
    rows = [rng.integers(1, 16, n).astype(np.int32) for n in range(1, 21)]
    same_in_threads(lambda row: runner.run_sequences([row]), rows)


# --- one at a time --------------------------------------------------------------------------------


class Held:
    """A call ends when it is let go."""

    begun, go_on = threading.Event(), threading.Event()

    def call(self, arrays: Arrays) -> Arrays:
        self.begun.set()
        assert self.go_on.wait(60)
        return super().call(arrays)  # type: ignore[misc, no-any-return]


class HeldOnnx(Held, OnnxRuntime):
    """In ONNX Runtime."""


def while_fed(stream: Any, given: Any, attempt: Callable[[], Any]) -> Any:
    """What the stream answers in another thread, and the attempt is made meanwhile."""
    Held.begun.clear()
    Held.go_on.clear()
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(stream.feed, given)
        assert Held.begun.wait(60)
        try:
            attempt()
        finally:
            Held.go_on.set()
        return answer.result()


@pytest.mark.parametrize("action", ["feed", "reset"])
def test_a_stream_is_one_threads_at_a_time(
    action: str, stream_bundle: Path, windows: list[Array]
) -> None:
    predictor = load_bundle(stream_bundle, "onnx-float32")
    assert isinstance(predictor, Predictor)
    expected = predictor.stream().feed(windows[0])
    runner = predictor.runner
    runtime = HeldOnnx(runner.path)
    predictor.runner = ArrayRunner(runtime, runner.signature, runner.batch)
    Held.go_on.set()
    stream = predictor.stream()
    attempt = {"feed": lambda: stream.feed(windows[1]), "reset": stream.reset}[action]

    def refused() -> None:
        with pytest.raises(InputError, match="another thread feeds this stream"):
            attempt()

    assert equal(while_fed(stream, windows[0], refused), expected)
    assert stream.steps == windows[0].shape[1]
    attempt()  # the other has ended


@pytest.mark.parametrize("action", ["feed", "reset"])
def test_a_stream_of_words_is_one_threads_at_a_time(action: str, for_everything: Path) -> None:
    classifier = load_bundle(for_everything, "onnx-float32-stream")
    assert isinstance(classifier, Classifier)
    expected = classifier.stream().feed("good film")
    plain = classifier.runner
    assert isinstance(plain, IdsRunner)
    classifier.runner = IdsRunner(
        HeldOnnx(plain.path), plain.num_ids, plain.max_length, 1, plain.pads, plain.states
    )
    Held.go_on.set()
    stream = classifier.stream()
    attempt = {"feed": lambda: stream.feed("bad"), "reset": stream.reset}[action]

    def refused() -> None:
        with pytest.raises(InputError, match="another thread feeds this stream"):
            attempt()

    assert while_fed(stream, "good film", refused) == expected
    attempt()


def test_streams_of_one_classifier_share_its_step_model(for_everything: Path) -> None:
    """Loaded once, and not with each stream."""
    classifier = load_bundle(for_everything, "tflite-float32")
    assert isinstance(classifier, Classifier)
    first, second = classifier.stream(), classifier.stream()
    assert first._runner is second._runner
    assert first.feed("good") == second.feed("good")


# --- copies ---------------------------------------------------------------------------------------


class Counted(LiteRT):
    """Counts how often the file is loaded."""

    loads = 0

    def load(self) -> None:
        type(self).loads += 1
        super().load()


def test_no_more_copies_than_cores(windows_bundle: Path, windows: list[Array]) -> None:
    bundle = open_bundle(windows_bundle)
    info = bundle.variant("tflite-float32")
    Counted.loads = 0
    runner = bundle.runner_over(info, Counted(bundle.path / info.file))
    assert isinstance(runner, ArrayRunner)
    same_in_threads(lambda window: runner.run(window), windows)
    assert 1 <= Counted.loads <= (machine.cores() or 1)
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(runner.set_workers, [3] * 1000))
    before = Counted.loads
    same_in_threads(lambda window: runner.run(window), windows)
    assert Counted.loads <= max(3, before)


REPLACED = [
    ("tflite-float32", "tflite-int8-dynamic"),
    ("tflite-float32-stream", "tflite-int8-dynamic-stream"),
    ("tflite-float32-mediapipe", "tflite-int8-dynamic-mediapipe"),
    ("onnx-float32", "onnx-int8-dynamic"),
]


@pytest.mark.parametrize(("variant", "other"), REPLACED)
def test_copies_are_of_the_file_that_was_loaded(
    variant: str, other: str, for_everything: Path, texts: list[str], tmp_path: Path
) -> None:
    """Whatever has its name by now: a bundle may be exported anew below a running server."""
    bundle = shutil.copytree(for_everything, tmp_path / "bundle")
    classifier = load_bundle(bundle, variant)
    assert isinstance(classifier, Classifier)
    expected = [classifier.predict([text]) for text in texts]
    names = {info.name: bundle / info.file for info in classifier.bundle.variants.values()}
    names[other].replace(names[variant])
    after = load_bundle(for_everything, other)
    assert isinstance(after, Classifier)
    assert [after.predict([text]) for text in texts] != expected, "or it would not show"
    same_in_threads(lambda text: classifier.predict([text])[0].probability, texts)
    assert [classifier.predict([text]) for text in texts] == expected


# --- errors and interruptions ---------------------------------------------------------------------


@pytest.mark.parametrize("variant", ARRAYS)
def test_an_error_leaves_the_answers_as_they_were(
    variant: str, windows_bundle: Path, windows: list[Array]
) -> None:
    """In the same thread and in others."""
    predictor = load_bundle(windows_bundle, variant)
    assert isinstance(predictor, Predictor)
    (port,) = predictor.bundle.signature.inputs

    def refused(steps: int) -> None:
        with pytest.raises(Exception, match=r".") as raised:
            predictor.runner.call({port.name: np.ones((1, steps, 3), np.float32)})
        assert not isinstance(raised.value, AssertionError)

    def between(window: Array) -> Any:
        if window.shape[1] % 3 == 0:
            refused(window.shape[1])
        return predictor.predict(window)

    expected = [predictor.predict(window) for window in windows]
    refused(4)
    assert equal(predictor.predict(windows[0]), expected[0])
    same_in_threads(between, windows)
    assert all(map(equal, map(predictor.predict, windows), expected))


STORM = """
import random, signal, sys
from lstm_edge import load_bundle

class Alarm(BaseException):
    pass

def alarm(*_):
    raise Alarm

classifier = load_bundle(*sys.argv[1:3])
texts = [["a good film"], ["bad"], ["never a good cast"]]
expected = [classifier.predict(text) for text in texts]
signal.signal(signal.SIGALRM, alarm)
random.seed(1)
ended = 0
for call in range(int(sys.argv[3])):
    try:
        signal.setitimer(signal.ITIMER_REAL, random.uniform(2e-5, float(sys.argv[4])))
        answer = classifier.predict(texts[call % 3])
        signal.setitimer(signal.ITIMER_REAL, 0)
        assert answer == expected[call % 3]
        ended += 1
    except Alarm:
        pass
assert [classifier.predict(text) for text in texts] == expected
print(ended)
"""


@pytest.mark.parametrize(
    ("variant", "calls", "longest"),
    [
        ("onnx-float32", 6000, 1e-3),
        ("tflite-float32", 3000, 1e-3),
        ("tflite-float32-litert-js", 100, 5e-2),
    ],
)
def test_calls_that_are_interrupted_cost_no_later_one(
    variant: str, calls: int, longest: float, for_everything: Path
) -> None:
    """By Ctrl-C or an alarm, at any place: no place is lost, and no answer is wrong. Not MediaPipe, whose
    own executor may keep a lock.
    """
    ended = int(alone(STORM, for_everything, variant, calls, longest))
    assert 0 < ended < calls


# --- processes ------------------------------------------------------------------------------------

FORKING = """
import os, signal, sys, threading, warnings
from lstm_edge import load_bundle
from lstm_edge.errors import InputError

warnings.simplefilter("ignore")  # that a process with threads is forked
classifier = load_bundle(sys.argv[1], sys.argv[2], threads=int(sys.argv[3]))
texts = [["a good film"], ["bad"], ["never a good cast"] * 40]
expected = [classifier.predict(text) for text in texts]
end = threading.Event()

def busy():
    while not end.is_set():
        classifier.predict(texts[2])

others = [threading.Thread(target=busy) for _ in range(3)]
for one in others:
    one.start()
said = set()
for _ in range(10):
    read, write = os.pipe()
    if not os.fork():
        signal.alarm(20)
        try:
            same = [classifier.predict(text) for text in texts] == expected
            os.write(write, b"the same" if same else b"another answer")
        except InputError as error:
            os.write(write, str(error).encode())
        os._exit(0)
    os.close(write)
    said.add(os.read(read, 1000).decode() or "no answer in 20 s")
    os.wait()
end.set()
for one in others:
    one.join()
assert [classifier.predict(text) for text in texts] == expected
print("|".join(said))
"""


@pytest.mark.parametrize(
    ("variant", "threads", "says"),
    [
        ("onnx-float32", 1, "the same"),
        ("onnx-float32-text", 1, "the same"),
        ("tflite-float32", 1, "the same"),
        ("tflite-float32-litert-js", 1, "the same"),
        (
            "onnx-float32",
            2,
            "threads of ONNX Runtime are not forked with it: load the bundle in each",
        ),
        ("tflite-float32", 2, "threads of LiteRT are not forked with it"),
        ("tflite-float32-mediapipe", 1, "threads of MediaPipe are not forked with it"),
    ],
)
def test_a_forked_process_answers_or_says_why_not(
    variant: str, threads: int, says: str, for_everything: Path
) -> None:
    """Forked while other threads are in the middle of their calls."""
    (said,) = alone(FORKING, for_everything, variant, threads).strip().split("|")
    assert says in said


def of(kind: str, texts: Path, steps: Path) -> Any:
    """What holds a loaded model."""
    classifier, predictor = load_bundle(texts, "onnx-float32-stream"), load_bundle(steps)
    return {
        "classifier": lambda: classifier,
        "its method": lambda: classifier.predict,
        "its runner": lambda: classifier.runner,
        "its stream": classifier.stream,
        "predictor": lambda: predictor,
        "its stream of arrays": predictor.stream,
    }[kind]()


@pytest.mark.parametrize(
    "kind",
    ["classifier", "its method", "its runner", "its stream", "predictor", "its stream of arrays"],
)
def test_what_is_loaded_is_not_pickled(
    kind: str, for_everything: Path, stream_bundle: Path
) -> None:
    with pytest.raises(InputError, match=r"cannot be pickled.* process"):
        pickle.dumps(of(kind, for_everything, stream_bundle))


def test_tasks_of_asyncio(for_everything: Path, texts: list[str]) -> None:
    classifier = load_bundle(for_everything, "onnx-float32")
    expected = [classifier.predict([text]) for text in texts]

    async def every() -> list[Any]:
        return await asyncio.gather(
            *(asyncio.to_thread(classifier.predict, [text]) for text in texts)
        )

    with ThreadPoolExecutor(
        1
    ) as pool:  # a browser that drives other tests runs a loop in this thread
        assert pool.submit(asyncio.run, every()).result() == expected


# --- loading --------------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", VARIANTS[:8])
def test_loading_in_many_threads(variant: str, for_everything: Path) -> None:
    start = threading.Barrier(8, timeout=60)

    def loaded(_: int) -> Any:
        start.wait()
        return load_bundle(for_everything, variant).predict(["a good film"])

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(loaded, range(8)))
    assert all(answer == answers[0] for answer in answers)


def test_while_mediapipe_is_imported_others_find_tensorflow() -> None:
    """It is kept from importing it; another thread is not."""
    alone(
        """
import importlib.util, sys, threading
from lstm_edge.base import extras
found = []
with extras._no_tensorflow():
    with extras._no_tensorflow():  # two at once
        other = threading.Thread(target=lambda: found.append(importlib.util.find_spec("tensorflow")))
        other.start()
        other.join()
    try:
        import tensorflow
        raise SystemExit("imported")
    except ModuleNotFoundError:
        pass
assert found[0] is not None
assert importlib.util.find_spec("tensorflow") is not None
"""
    )
