"""One Runner for each runtime: a file and ids in, the model's outputs out.

A runtime is added by one class here with the decorator :func:`runs`; everything else finds it by the
format's name.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np
import numpy.typing as npt

from lstm_edge import model
from lstm_edge.answers import Probabilities
from lstm_edge.errors import InputError
from lstm_edge.extras import require
from lstm_edge.progress import SILENT, Advance, Progress
from lstm_edge.text import Ids, pad_sequences

BATCH = 32
_NO_EXAMPLE = "no example given; expected at least one row of ids"


class Runner(ABC):
    """Runs one file.

    Args:
        path: the file.
        threads: threads for one inference.
        num_ids: ids must be below it (rows of the embedding); None: not checked here.
        max_length: the most ids that one example keeps; needed for :meth:`run_sequences`.
        batch: most examples per call; None: as many as the runtime likes.

    Raises:
        InputError: a thread count below 1, or a file that the runtime refuses.
        MissingExtraError: the runtime is not installed.
    """

    runtime: ClassVar[str]
    packages: ClassVar[tuple[str, ...]]  # to install
    modules: ClassVar[tuple[str, ...]]  # to import
    batch = BATCH
    # Most ids, pads included, in one call of run_sequences: bounds what it holds, whatever the length.
    # ONNX Runtime holds 5 KB for each id of the float32 reference model; 8 rows of 500 ids are as
    # fast as 16 and faster than 32 or 4.
    most_ids = 1 << 12

    def __init__(
        self,
        path: Path,
        threads: int = 1,
        num_ids: int | None = None,
        max_length: int | None = None,
        batch: int | None = None,
    ) -> None:
        if threads < 1:
            raise InputError(f"threads is {threads}; it must be at least 1")
        self.path, self.threads = path, threads
        self.num_ids, self.max_length = num_ids, max_length
        self.batch, self._most = min(self.batch, batch or self.batch), batch
        self._team: list[Runner] = [self]
        self._load()

    @abstractmethod
    def _load(self) -> None: ...

    @abstractmethod
    def infer(self, ids: Ids) -> npt.NDArray[Any]:
        """:meth:`run` without its checks: contiguous int32 ids in, what the runtime gives out.

        For ids from :meth:`padded`, at most ``batch`` examples.
        """

    def set_workers(self, workers: int) -> None:
        """Let :meth:`run_sequences` make so many calls at a time, each with ``threads`` threads.

        The calls, and so the answers, are the same for any number.

        Raises:
            InputError: fewer than 1.
        """
        if workers < 1:
            raise InputError(f"workers is {workers}; it must be at least 1")
        self._team = [self, *(self._colleague() for _ in range(workers - 1))]

    def _colleague(self) -> Runner:
        """One to make calls beside this: itself where the runtime takes calls from any thread."""
        return type(self)(self.path, self.threads, self.num_ids, self.max_length, self._most)

    def run(self, ids: npt.ArrayLike) -> Probabilities:
        """Outputs float32 [N, K] of ids int [N, T] with pads on either side.

        Raises:
            InputError: not integers, not two-dimensional, no column, or ids out of range.
        """
        try:
            array = np.asarray(ids)
        except ValueError:
            raise InputError("the rows of ids are not of one length: pad them") from None
        if array.ndim != 2 or array.shape[1] == 0 or not np.issubdtype(array.dtype, np.integer):
            raise InputError(
                f"ids are {array.dtype} with shape {array.shape}; expected integers with shape "
                "[examples, length] and a length of at least 1"
            )
        if len(array) == 0:
            raise InputError(_NO_EXAMPLE)
        low, high = int(array.min()), int(array.max())
        if low < 0 or (self.num_ids is not None and high >= self.num_ids):
            limit = "" if self.num_ids is None else f" to {self.num_ids - 1}"
            raise InputError(
                f"ids from {low} to {high} given; this model knows ids from 0{limit}: encode the "
                "text with the model's own vocabulary"
            )
        array = np.ascontiguousarray(array, np.int32)
        most = self._most or len(array)
        parts = [self.infer(array[i : i + most]) for i in range(0, len(array), most)]
        return np.concatenate(parts).astype(np.float32, copy=False)

    def run_all(
        self, ids: Ids, progress: Progress = SILENT, description: str = "Running"
    ) -> Probabilities:
        """:meth:`run` on many rows, a batch at a time."""
        if len(ids) == 0:
            raise InputError(_NO_EXAMPLE)
        parts = []
        with progress.task(description, len(ids)) as advance:
            for begin in range(0, len(ids), self.batch):
                parts.append(self.run(ids[begin : begin + self.batch]))
                advance(len(parts[-1]))
        return np.concatenate(parts)

    def run_sequences(
        self,
        sequences: Sequence[npt.NDArray[Any]],
        progress: Progress = SILENT,
        description: str = "Running",
    ) -> Probabilities:
        """Outputs float32 [N, K] of N id arrays of any length; the last ``max_length`` ids count.

        Batches hold examples of like length, so that few steps are run on pads. They are shared out
        among the workers (:meth:`set_workers`); the outputs are in the order of the sequences.
        """
        if self.max_length is None:
            raise InputError(f"{self.path.name}: the model's length is not known")
        if len(sequences) == 0:
            raise InputError(_NO_EXAMPLE)
        order = np.argsort([len(s) for s in sequences], kind="stable")
        calls: list[list[npt.NDArray[Any]]] = []
        for i in order:
            rows = len(calls[-1]) + 1 if calls else 0
            wide = rows * self._width(len(sequences[i])) > self.most_ids
            if not calls or rows > self.batch or wide:
                calls.append([])
            calls[-1].append(sequences[i])
        with progress.task(description, len(order)) as advance:
            outputs = np.concatenate(self._answers(calls, advance))
        back = np.empty_like(outputs)
        back[order] = outputs
        return back

    def _answers(
        self, calls: Sequence[Sequence[npt.NDArray[Any]]], advance: Advance
    ) -> list[Probabilities]:
        """Outputs of each call; every worker takes the next that nobody has begun."""
        parts: dict[int, Probabilities] = {}
        todo = deque(range(len(calls)))

        def work(runner: Runner) -> None:
            while True:
                try:
                    at = todo.popleft()
                except IndexError:
                    return
                try:
                    parts[at] = runner.run(runner.padded(calls[at]))
                except BaseException:
                    todo.clear()  # nobody begins another
                    raise
                advance(len(calls[at]))

        if len(self._team) == 1 or len(calls) == 1:
            work(self)
        else:
            with ThreadPoolExecutor(len(self._team)) as pool:
                try:
                    for job in [pool.submit(work, runner) for runner in self._team]:
                        job.result()
                finally:  # when interrupted, too
                    todo.clear()
        return [parts[at] for at in range(len(calls))]

    def _width(self, longest: int) -> int:
        """How long :meth:`padded` makes the rows of a chunk."""
        del longest
        return self.max_length or 1

    def padded(self, chunk: Sequence[npt.NDArray[Any]]) -> Ids:
        """Ids [N, T] that :meth:`run` takes, in the form that is fastest for this runtime."""
        return pad_sequences(chunk, self._width(max(map(len, chunk))))


_RUNTIMES: dict[str, type[Runner]] = {}
_R = TypeVar("_R", bound=type[Runner])


def runs(file_format: str) -> Callable[[_R], _R]:
    """Class decorator: this Runner runs files of that format."""

    def register(cls: _R) -> _R:
        _RUNTIMES[file_format] = cls
        return cls

    return register


def runner_class(file_format: str) -> type[Runner]:
    """The Runner of a format's name."""
    try:
        return _RUNTIMES[file_format]
    except KeyError:
        raise InputError(
            f"no runtime here runs the format {file_format!r}; known: {', '.join(sorted(_RUNTIMES))}"
        ) from None


@runs("onnx")
class OnnxRunner(Runner):
    """ONNX Runtime on the CPU. The file takes any batch and any length."""

    runtime = "ONNX Runtime"
    packages = ("onnxruntime",)
    modules = ("onnxruntime",)

    def _load(self) -> None:
        ort = require("onnxruntime", f"running {self.path.name}")
        try:
            self._session = ort.InferenceSession(
                str(self.path), self._options(ort), providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # ONNX Runtime has no common base for its errors
            raise InputError(
                f"ONNX Runtime cannot load {self.path}: {_first_line(error)}"
            ) from None
        given, found = self._session.get_inputs()[0], self._session.get_outputs()[0]
        self._input, self._output, self._classes = given.name, found.name, found.shape[-1]
        self._value = ort.OrtValue
        self._bind()

    def _options(self, ort: Any) -> Any:
        options = ort.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        options.enable_mem_pattern = False  # a plan for each new length: every input has its own
        return options

    def _bind(self) -> None:
        """An output that stays for all calls: ``session.run`` makes one for each, at some cost."""
        self._binding, self._kept = self._session.io_binding(), np.empty((0, 0), np.float32)

    def infer(self, ids: Ids) -> npt.NDArray[Any]:
        if len(ids) != len(self._kept):
            kept = self._value.ortvalue_from_numpy(np.zeros((len(ids), self._classes), np.float32))
            self._binding.bind_ortvalue_output(self._output, kept)
            self._kept = kept.numpy()  # a view: the next call writes into it
        self._binding.bind_cpu_input(self._input, ids)
        self._session.run_with_iobinding(self._binding)
        return self._kept.copy()

    def _colleague(self) -> Runner:
        other = copy.copy(self)  # one session takes calls from any thread, a binding does not
        other._bind()
        return other

    def _width(self, longest: int) -> int:
        return max(1, min(longest, self.max_length or 1))

    def padded(self, chunk: Sequence[npt.NDArray[Any]]) -> Ids:
        return pad_sequences(chunk, self._width(max(map(len, chunk))), padding="post")


@runs("tflite")
class LiteRTRunner(Runner):
    """LiteRT's Interpreter on the CPU (XNNPACK). One example with a fixed length at a time."""

    runtime = "LiteRT"
    packages = ("ai-edge-litert",)
    modules = ("ai_edge_litert.interpreter",)

    def _load(self) -> None:
        litert = require("ai_edge_litert.interpreter", f"running {self.path.name}")
        try:
            self._interpreter = litert.Interpreter(str(self.path), num_threads=self.threads)
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise InputError(f"LiteRT cannot load {self.path}: {_first_line(error)}") from None
        given = self._interpreter.get_input_details()[0]
        self._input, self._length = given["index"], int(given["shape"][1])
        self._output = self._interpreter.get_output_details()[0]["index"]

    def infer(self, ids: Ids) -> npt.NDArray[Any]:
        if ids.shape[1] > self._length:
            raise InputError(
                f"{ids.shape[1]} ids given; {self.path.name} takes at most {self._length}: keep the "
                f"last {self._length} (run_sequences does)"
            )
        out = []
        for row in ids:
            if len(row) < self._length:
                row = pad_sequences([row], self._length, padding="post")[0]
            self._interpreter.set_tensor(self._input, row[None])
            self._interpreter.invoke()
            out.append(self._interpreter.get_tensor(self._output))
        return out[0] if len(out) == 1 else np.concatenate(out)


@runs("keras")
class KerasRunner(Runner):
    """The reference: Keras in float32 on the CPU, pads in front."""

    runtime = "Keras"
    packages = ("tensorflow", "keras")
    modules = ("tensorflow", "keras")
    batch = 128
    most_ids = 3 << 12  # TensorFlow holds 1.6 MB for a row of 500 ids

    def _load(self) -> None:
        self.model = model.load(self.path)
        tf = require("tensorflow", f"running {self.path.name}")
        tf.config.set_visible_devices([], "GPU")
        spec = tf.TensorSpec((None, self.max_length), tf.int32)
        self._function = tf.function(
            lambda ids: self.model(ids, training=False), input_signature=[spec], autograph=False
        )

    def set_workers(self, workers: int) -> None:
        # TensorFlow spreads one call over the cores by itself; a second one fills the gaps
        super().set_workers(min(workers, 2))

    def _colleague(self) -> Runner:
        return self

    def infer(self, ids: Ids) -> npt.NDArray[Any]:
        return np.asarray(self._function(ids))


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n")[0][:300]
