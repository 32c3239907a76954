"""One Runner for each runtime: a file and ids in, the model's outputs out.

A runtime is added by one class here with the decorator :func:`runs`; everything else finds it by the
format's name.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np
import numpy.typing as npt

from lstm_edge import model
from lstm_edge.answers import Probabilities
from lstm_edge.errors import InputError
from lstm_edge.extras import require
from lstm_edge.progress import SILENT, Progress
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
        self._load()

    @abstractmethod
    def _load(self) -> None: ...

    @abstractmethod
    def infer(self, ids: Ids) -> npt.NDArray[Any]:
        """:meth:`run` without its checks: contiguous int32 ids in, what the runtime gives out.

        For ids from :meth:`padded`, at most ``batch`` examples.
        """

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

        Batches hold examples of like length, so that few steps are run on pads.
        """
        if self.max_length is None:
            raise InputError(f"{self.path.name}: the model's length is not known")
        if len(sequences) == 0:
            raise InputError(_NO_EXAMPLE)
        order = np.argsort([len(s) for s in sequences], kind="stable")
        parts = []
        with progress.task(description, len(order)) as advance:
            for begin in range(0, len(order), self.batch):
                chunk = [sequences[i] for i in order[begin : begin + self.batch]]
                parts.append(self.run(self.padded(chunk)))
                advance(len(chunk))
        outputs = np.concatenate(parts)
        back = np.empty_like(outputs)
        back[order] = outputs
        return back

    def padded(self, chunk: Sequence[npt.NDArray[Any]]) -> Ids:
        """Ids [N, T] that :meth:`run` takes, in the form that is fastest for this runtime."""
        return pad_sequences(chunk, self.max_length or 1)


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
        options = ort.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        options.enable_mem_pattern = False  # a plan for each new length: every input has its own
        try:
            self._session = ort.InferenceSession(
                str(self.path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # ONNX Runtime has no common base for its errors
            raise InputError(
                f"ONNX Runtime cannot load {self.path}: {_first_line(error)}"
            ) from None
        self._input = self._session.get_inputs()[0].name

    def infer(self, ids: Ids) -> npt.NDArray[Any]:
        return np.asarray(self._session.run(None, {self._input: ids})[0])

    def padded(self, chunk: Sequence[npt.NDArray[Any]]) -> Ids:
        longest = max(1, *(min(len(row), self.max_length or 1) for row in chunk), 1)
        return pad_sequences(chunk, longest, padding="post")


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
        return np.concatenate(out)


@runs("keras")
class KerasRunner(Runner):
    """The reference: Keras in float32 on the CPU, pads in front."""

    runtime = "Keras"
    packages = ("tensorflow", "keras")
    modules = ("tensorflow", "keras")
    batch = 128

    def _load(self) -> None:
        self.model = model.load(self.path)
        tf = require("tensorflow", f"running {self.path.name}")
        tf.config.set_visible_devices([], "GPU")
        spec = tf.TensorSpec((None, self.max_length), tf.int32)
        self._function = tf.function(
            lambda ids: self.model(ids, training=False), input_signature=[spec], autograph=False
        )

    def infer(self, ids: Ids) -> npt.NDArray[Any]:
        return np.asarray(self._function(ids))


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n")[0][:300]
