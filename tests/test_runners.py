"""Runners: what ids they take, how they batch, what they refuse, and what they import."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Exported
from environments import pip_install
from models import VARIANTS

from lstm_edge.base.arrays import Arrays
from lstm_edge.bundle import opening as bundles
from lstm_edge.errors import InputError
from lstm_edge.inputs.tokenizer import pad_sequences
from lstm_edge.models import architecture, reference
from lstm_edge.runtimes.by_litert import LiteRT
from lstm_edge.runtimes.by_onnxruntime import OnnxRuntime
from lstm_edge.runtimes.contract import Runtime, runtime_class
from lstm_edge.runtimes.runners import IdsRunner

CASE = "hidden dense"
FORMATS = {e.format: name for name, (e, p) in VARIANTS.items() if p.name == "float32"}
each_format = pytest.mark.parametrize("file_format", FORMATS)


@pytest.fixture
def made(exported: Callable[[str, str], Exported], file_format: str) -> Exported:
    """A float32 file of the format."""
    return exported(CASE, FORMATS[file_format])


def loaded(made: Exported, threads: int = 1, **options: Any) -> IdsRunner:
    """A runner of the file with these options only."""
    return IdsRunner(runtime_class(made.exporter.format)(made.path, threads), **options)


# --- ids ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (np.ones(4, np.int32), r"ids are int32 with shape \(4,\); expected integers with shape"),
        (np.ones((1, 2, 3), np.int32), r"shape \(1, 2, 3\)"),
        (np.ones((1, 4)), r"ids are float64 with shape \(1, 4\); expected integers"),
        (np.ones((1, 4), bool), "ids are bool"),
        (np.array([["a"]]), "ids are <U1"),
        ([[1, 2], [3]], "not of one length"),
        (np.ones((1, 0), np.int32), r"shape \(1, 0\); expected .* a length of at least 1"),
        (np.ones((0, 4), np.int32), "no example given; expected at least one row"),
        ([[1, -1]], "ids from -1 to 1 given; this model knows ids from 0 to 29"),
        ([[0, 30]], "ids from 0 to 30 given; this model knows ids from 0 to 29"),
        (np.array([[2**32 + 1]], np.int64), "ids from 4294967297 to 4294967297 given"),
        (np.array([[2**64 - 1]], np.uint64), "this model knows ids from 0 to 29"),
    ],
)
@each_format
def test_ids_that_cannot_be_run(made: Exported, ids: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        loaded(made, num_ids=30).run(ids)


@each_format
def test_ids_of_any_integer_type_and_layout(made: Exported, rng: np.random.Generator) -> None:
    runner = loaded(made, num_ids=30)
    ids = rng.integers(0, 30, (3, 40))
    expected = runner.run(ids)
    assert expected.dtype == np.float32
    assert expected.shape == (3, 1)
    for given in (
        *(ids.astype(dtype) for dtype in ("int8", "uint8", "int32", "uint64")),
        ids.tolist(),
        np.asfortranarray(ids),
        np.repeat(ids, 2, 0)[::2],
    ):
        np.testing.assert_array_equal(runner.run(given), expected)


@each_format
def test_the_greatest_id_is_taken(made: Exported) -> None:
    assert np.isfinite(loaded(made, num_ids=30).run([[0, 29]])).all()


@each_format
def test_negative_ids_are_refused_where_the_number_is_not_known(made: Exported) -> None:
    with pytest.raises(InputError, match="this model knows ids from 0:"):
        loaded(made).run([[-1]])


def test_a_file_of_fixed_length_says_how_many_ids_it_takes(
    exported: Callable[[str, str], Exported],
) -> None:
    runner = exported(CASE, "tflite-float32").runner()
    with pytest.raises(InputError, match=r"41 ids given; .*\.tflite takes at most 40: cut them"):
        runner.run(np.ones((1, 41), np.int32))


# --- many examples --------------------------------------------------------------------------------


@each_format
def test_sequences_come_back_in_the_callers_order(made: Exported, rng: np.random.Generator) -> None:
    """Many more than a batch, of every length, in no order."""
    sequences = [rng.integers(1, 30, n).astype(np.int32) for n in rng.permutation(70)]
    outputs = made.runner().run_sequences(sequences)
    alone = np.concatenate([made.runner().run_sequences([row]) for row in sequences[::7]])
    np.testing.assert_allclose(outputs[::7], alone, atol=1e-6)
    keras = np.asarray(made.model(pad_sequences(sequences, 40)))
    assert np.abs(outputs - keras).max() <= made.precision.tolerance.max_abs
    assert np.abs(np.diff(keras[:, 0])).min() > 0, "or the order could not be told"


class Watching(OnnxRuntime):
    """Remembers the shapes it was given."""

    def load(self) -> None:
        super().load()
        self.shapes: list[tuple[int, ...]] = []

    def call(self, arrays: Arrays) -> Arrays:
        (ids,) = arrays.values()
        self.shapes.append(ids.shape)
        return super().call(arrays)


def test_batches_hold_examples_of_like_length(
    exported: Callable[[str, str], Exported], rng: np.random.Generator
) -> None:
    runtime = Watching(exported(CASE, "onnx-float32").path)
    runner = IdsRunner(runtime, 30, 40)
    sequences = [rng.integers(1, 30, n) for n in rng.permutation(np.arange(70))]
    runner.run_sequences(sequences)
    assert runtime.shapes == [(32, 31), (32, 40), (6, 40)]  # lengths 0-31, 32-63, 64-69
    runtime.shapes.clear()
    runner.run_all(pad_sequences(sequences, 40))
    assert runtime.shapes == [(32, 40), (32, 40), (6, 40)]


def test_long_examples_make_small_batches(
    exported: Callable[[str, str], Exported], rng: np.random.Generator
) -> None:
    """What a call holds is bounded, whatever the length; one example alone is always run."""
    runtime = Watching(exported(CASE, "onnx-float32").path)
    runner = IdsRunner(runtime, 30, 40)
    runner.most_ids = 35
    sequences = [rng.integers(1, 30, n) for n in (40, 2, 3, 16, 17, 10, 11, 12, 38)]
    outputs = runner.run_sequences(sequences)
    assert runtime.shapes == [(3, 10), (2, 12), (2, 17), (1, 38), (1, 40)]
    alone = np.concatenate([runner.run_sequences([row]) for row in sequences])
    np.testing.assert_allclose(outputs, alone, atol=1e-6)


# --- several calls at a time ----------------------------------------------------------------------


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("workers", [2, 5])
def test_workers_do_not_change_an_answer(
    variant: str, workers: int, exported: Callable[[str, str], Exported], rng: np.random.Generator
) -> None:
    made = exported(CASE, variant)
    sequences = [rng.integers(1, 30, n).astype(np.int32) for n in rng.integers(0, 60, 300)]
    expected = made.runner().run_sequences(sequences)
    runner = made.runner()
    runner.set_workers(workers)
    for _ in range(3):
        np.testing.assert_array_equal(runner.run_sequences(sequences), expected)
    runner.set_workers(1)
    np.testing.assert_array_equal(runner.run_sequences(sequences), expected)


class MeetingOnnx(OnnxRuntime):
    """A call ends when another has begun."""

    meeting = threading.Barrier(2, timeout=60)

    def call(self, arrays: Arrays) -> Arrays:
        self.meeting.wait()
        return super().call(arrays)


class MeetingLiteRT(LiteRT):
    """The same."""

    meeting = threading.Barrier(2, timeout=60)

    def call(self, arrays: Arrays) -> Arrays:
        self.meeting.wait()
        return super().call(arrays)


@pytest.mark.parametrize(
    ("cls", "variant"), [(MeetingOnnx, "onnx-float32"), (MeetingLiteRT, "tflite-float32")]
)
def test_two_workers_make_two_calls_at_a_time(
    cls: type[Runtime], variant: str, exported: Callable[[str, str], Exported]
) -> None:
    runner = IdsRunner(cls(exported(CASE, variant).path), 30, 40, 1)
    runner.set_workers(2)
    done = []

    class Counting:
        def task(self, description: str, total: int | None) -> Any:
            assert total == 20
            return contextlib.nullcontext(done.append)

    assert len(runner.run_sequences([np.ones(3, np.int32)] * 20, Counting())) == 20
    assert done == [1] * 20


@each_format
@pytest.mark.parametrize("workers", [1, 3])
def test_what_one_worker_raises_is_raised(made: Exported, workers: int) -> None:
    """And the others come to an end."""
    runner = made.runner()
    runner.set_workers(workers)
    sequences = [np.ones(n % 40, np.int32) for n in range(500)]
    sequences[250] = np.full(9, 30, np.int32)
    before = threading.active_count()
    with pytest.raises(InputError, match="this model knows ids from 0 to 29"):
        runner.run_sequences(sequences)
    assert threading.active_count() == before
    assert len(runner.run_sequences(sequences[:250])) == 250


@each_format
@pytest.mark.parametrize("workers", [0, -1])
def test_workers_must_be_at_least_1(made: Exported, workers: int) -> None:
    with pytest.raises(InputError, match=f"`workers` is {workers}; it must be at least 1"):
        made.runner().set_workers(workers)


@pytest.mark.parametrize(
    ("batch", "widest", "in_one_call"), [(None, 32, 35), (1, 1, 1), (5, 5, 5), (1000, 32, 35)]
)
def test_no_more_examples_per_call_than_the_file_takes(
    batch: int | None, widest: int, in_one_call: int, exported: Callable[[str, str], Exported]
) -> None:
    runtime = Watching(exported(CASE, "onnx-float32").path)
    runner = IdsRunner(runtime, 30, 40, batch)
    runner.run_sequences([np.ones(n, np.int32) for n in range(1, 36)])
    assert max(n for n, _ in runtime.shapes) == widest
    runtime.shapes.clear()
    runner.run(np.ones((35, 40), np.int32))
    assert runtime.shapes == [(in_one_call, 40)] * (35 // in_one_call)


def test_a_file_for_one_example_per_call_answers_a_batch_as_its_examples(
    exported: Callable[[str, str], Exported], rng: np.random.Generator
) -> None:
    """ONNX Runtime takes one activation scale for the whole batch."""
    made = exported(CASE, "onnx-int8-dynamic")
    ids = pad_sequences([rng.integers(1, 30, n) for n in range(2, 40, 4)], 40)
    alone = np.concatenate([made.runner().run(row[None]) for row in ids])
    np.testing.assert_array_equal(made.runner().run_all(ids), alone)
    np.testing.assert_array_equal(made.runner().run(ids), alone)
    together = loaded(made).run(ids)  # of a runner that does not know the limit
    assert np.abs(together - alone).max() > 1e-4, "or the limit could be lifted"


@each_format
def test_no_sequences_are_refused(made: Exported) -> None:
    for call in (made.runner().run_sequences, made.runner().run_all):
        with pytest.raises(InputError, match="no example given"):
            call(np.zeros((0, 40), np.int32))


@each_format
def test_sequences_need_the_models_length(made: Exported) -> None:
    with pytest.raises(InputError, match="the model's length is not known"):
        loaded(made).run_sequences([np.ones(3, np.int32)])


def test_keras_itself_is_a_runner(model_files: Path, rng: np.random.Generator) -> None:
    model = architecture.load(model_files / "small.keras")
    runner = reference.of_ids(Path("small.keras"), model, num_ids=16, max_length=20)
    sequences = [rng.integers(1, 16, n).astype(np.int32) for n in (3, 0, 30, 20)]
    outputs = runner.run_sequences(sequences)
    expected = model.predict(pad_sequences(sequences, 20), verbose=0)
    np.testing.assert_allclose(outputs, expected, atol=1e-6)
    with pytest.raises(InputError, match="ids from 0 to 15"):
        runner.run([[16] * 20])
    many = [rng.integers(1, 16, n).astype(np.int32) for n in range(300)]
    expected = runner.run_sequences(many)
    runner.set_workers(4)
    np.testing.assert_array_equal(runner.run_sequences(many), expected)


# --- what cannot be loaded ------------------------------------------------------------------------


@each_format
@pytest.mark.parametrize("threads", [0, -1])
def test_threads_must_be_at_least_1(made: Exported, threads: int) -> None:
    with pytest.raises(InputError, match=f"`threads` is {threads}; it must be at least 1"):
        loaded(made, threads=threads)


def test_a_format_without_a_runtime() -> None:
    with pytest.raises(InputError, match="no runtime here runs the format 'coreml'; known: onnx,"):
        runtime_class("coreml")


@each_format
def test_a_file_that_is_not_there(made: Exported, tmp_path: Path) -> None:
    path = tmp_path / f"gone{made.path.suffix}"
    with pytest.raises(InputError, match=r"cannot load .*gone"):
        runtime_class(made.exporter.format)(path)


def cut(content: bytes, share: float) -> bytes:
    """The beginning of a file."""
    return content[: int(len(content) * share)]


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda content: b"",
    "text": lambda content: b"this is not a model at all, but a line of text\n" * 20,
    "cut to 1 %": lambda content: cut(content, 0.01),
    "cut to half": lambda content: cut(content, 0.5),
    "cut to 95 %": lambda content: cut(content, 0.95),
    "zeros from half on": lambda c: cut(c, 0.5) + bytes(len(c) - len(cut(c, 0.5))),
    "another format": lambda content: b"PK\x03\x04" + content,
}


@each_format
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_refused(made: Exported, damage: str, tmp_path: Path) -> None:
    """In a process of its own: a runtime that trusts the file's offsets could take all with it."""
    path = tmp_path / f"damaged{made.path.suffix}"
    path.write_bytes(DAMAGES[damage](made.path.read_bytes()))
    done = run_python(
        f"""
        from pathlib import Path
        from lstm_edge.errors import InputError
        from lstm_edge.runtimes.contract import runtime_class
        try:
            runtime_class({made.exporter.format!r})(Path({str(path)!r}))
        except InputError as error:
            print(error)
        """
    )
    assert done.returncode == 0, done.stderr[-500:]
    assert f"cannot load {path}" in done.stdout


# --- what is imported -----------------------------------------------------------------------------


def run_python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run code in a new interpreter."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


# A finder that answers for some packages as if they were not installed.
BLOCKER = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in BLOCKED:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

BLOCKED = set(sys.argv[1].split(","))
sys.meta_path.insert(0, Blocker())
"""

# Everything that is only needed to train or to export.
HEAVY = ("tensorflow", "keras", "tf2onnx", "onnx", "h5py", "matplotlib", "jinja2", "export")
MODULES = {"onnx": "onnxruntime", "tflite": "ai_edge_litert"}


@each_format
def test_a_missing_runtime_is_named_with_its_extra(made: Exported) -> None:
    done = run_python(
        BLOCKER
        + textwrap.dedent(
            f"""
            from pathlib import Path
            from lstm_edge.errors import MissingExtraError
            from lstm_edge.runtimes.contract import runtime_class
            try:
                runtime_class({made.exporter.format!r})(Path({str(made.path)!r}))
            except MissingExtraError as error:
                print(error.package, error.extra, error, sep="|")
            """
        ),
        MODULES[made.exporter.format],
    )
    package = {"onnxruntime": "onnxruntime", "ai_edge_litert": "ai-edge-litert"}
    name = package[MODULES[made.exporter.format]]
    assert done.stdout == (
        f"{name}|{made.exporter.format}|running {made.path.name} needs the package {name}, which is "
        f"not installed: {pip_install(made.exporter.format)}\n"
    ), done.stderr


@pytest.mark.parametrize("variant", VARIANTS)
def test_predicting_needs_one_runtime_and_nothing_heavy(variant: str, small_bundle: Path) -> None:
    """Nothing that trains or exports is there, and neither are the other formats' runtimes."""
    own = MODULES[VARIANTS[variant][0].format]
    blocked = {*HEAVY, *MODULES.values()} - {own}
    done = run_python(
        BLOCKER
        + textwrap.dedent(
            """
            from lstm_edge import load_bundle
            classifier = load_bundle(sys.argv[2], sys.argv[3])
            (answer,) = classifier.predict(["a great film"])
            print(answer.label, sum(answer.probabilities.values()))
            loaded = {name.partition(".")[0] for name in sys.modules}
            print(sorted(loaded & BLOCKED))
            """
        ),
        ",".join(sorted(blocked)),
        str(small_bundle),
        variant,
    )
    assert done.returncode == 0, done.stderr[-500:]
    answer, loaded_modules = done.stdout.splitlines()
    label, total = answer.split()
    assert label in ("Negative", "Positive")
    assert float(total) == pytest.approx(1, abs=1e-6)
    assert loaded_modules == "[]"


@pytest.mark.parametrize("variant", VARIANTS)
def test_predicting_does_not_import_what_is_installed(variant: str, small_bundle: Path) -> None:
    """The same where everything is there to be imported."""
    done = run_python(
        """
        import sys
        from lstm_edge import load_bundle
        load_bundle(sys.argv[1], sys.argv[2]).predict(["a great film"])
        heavy = set(sys.argv[3].split(","))
        print(sorted({name.partition(".")[0] for name in sys.modules} & heavy))
        """,
        str(small_bundle),
        variant,
        ",".join(HEAVY),
    )
    assert done.stdout == "[]\n", done.stderr[-500:]


@each_format
def test_without_a_runtime_the_first_variant_that_runs_is_taken(
    file_format: str, small_bundle: Path
) -> None:
    done = run_python(
        BLOCKER
        + textwrap.dedent(
            """
            from lstm_edge import load_bundle
            print(load_bundle(sys.argv[2]).variant)
            """
        ),
        ",".join({*MODULES.values()} - {MODULES[file_format]}),
        str(small_bundle),
    )
    assert done.stdout.startswith(f"{file_format}-"), done.stderr[-500:]


@each_format
def test_without_a_runtime_its_variants_are_left_out_unless_named(
    file_format: str, small_bundle: Path
) -> None:
    done = run_python(
        BLOCKER
        + textwrap.dedent(
            """
            from lstm_edge.bundle.opening import open_bundle
            from lstm_edge.errors import MissingExtraError
            bundle = open_bundle(sys.argv[2])
            variants, left_out = bundle.runnable()
            print(*(info.name for info in variants))
            print(*left_out)
            try:
                bundle.runnable([variants[0].name, next(iter(left_out))])
            except MissingExtraError as error:
                print(error.extra)
            """
        ),
        ",".join({*MODULES.values()} - {MODULES[file_format]}),
        str(small_bundle),
    )
    names = list(bundles.open_bundle(small_bundle).variants)
    own = [name for name in names if name.startswith(file_format)]
    others = [name for name in names if name not in own]
    assert done.stdout.splitlines() == [
        " ".join(own),
        " ".join(others),
        others[0].partition("-")[0],
    ], done.stderr[-500:]


def test_without_any_runtime_the_extra_is_named(small_bundle: Path) -> None:
    done = run_python(
        BLOCKER
        + textwrap.dedent(
            """
            from lstm_edge import load_bundle
            from lstm_edge.errors import MissingExtraError
            try:
                load_bundle(sys.argv[2])
            except MissingExtraError as error:
                print(error)
            """
        ),
        ",".join(MODULES.values()),
        str(small_bundle),
    )
    first = next(iter(bundles.open_bundle(small_bundle).variants.values()))
    assert pip_install(first.format) in done.stdout, done.stderr[-500:]
