"""One Runner for each runtime: a file and ids in, the model's outputs out.

For models without text one TensorRunner for each: arrays by name in, arrays by name out; for files that
make ids themselves a TextRunner. A runtime is added by one class of each kind here with the decorator
:func:`runs`; everything else finds them by the kind of file.
"""

from __future__ import annotations

import copy
import re
import weakref
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np
import numpy.typing as npt

from lstm_edge.base.arrays import Arrays, Ids, Probabilities
from lstm_edge.base.extras import require
from lstm_edge.base.progress import SILENT, Advance, Progress
from lstm_edge.errors import InputError, LstmEdgeError
from lstm_edge.inputs.signature import Signature
from lstm_edge.inputs.tokenizer import NO_CHARACTER, pad_sequences

BATCH = 32
_HALVES = re.compile("[\ud800-\udfff]")
_NO_EXAMPLE = "no example given; expected at least one row of ids"


class FileRunner(ABC):
    """A file, loaded into a runtime.

    Raises:
        InputError: a thread count below 1, or a file that the runtime refuses.
        MissingExtraError: the runtime is not installed.
    """

    runtime: ClassVar[str]
    packages: ClassVar[tuple[str, ...]]  # to install
    modules: ClassVar[tuple[str, ...]]  # to import

    def __init__(self, path: Path, threads: int) -> None:
        if threads < 1:
            raise InputError(f"threads is {threads}; it must be at least 1")
        self.path, self.threads = path, threads
        self._load()

    @abstractmethod
    def _load(self) -> None: ...


def row_length(longest: int, most: int, pads: str, whole: bool = False) -> int:
    """How many ids, pads included, a file is given in a row for examples of at most ``longest``.

    Args:
        most: ids that the model takes.
        pads: where it takes pads, see :class:`Runner`; those in ``front`` are part of its answer.
        whole: ``most`` also where it needs no pads, but takes them.
    """
    if pads == "front" or (pads == "any" and whole):
        return most
    return max(1, min(longest, most))


class Runner(FileRunner):
    """Runs one file on ids.

    Args:
        path: the file.
        threads: threads for one inference.
        num_ids: ids must be below it (rows of the embedding); None: not checked here.
        max_length: the most ids that one example keeps; needed for :meth:`run_sequences`.
        batch: most examples per call; None: as many as the runtime likes.
        pads: where the model takes pads: ``any``, in front or behind or none at all; ``front``, up
            to ``max_length`` as it was trained; ``none``, each example at its own length.
    """

    batch = BATCH
    # Most ids, pads included, in one call of run_sequences: bounds what it holds, whatever the length.
    # ONNX Runtime holds 5 KB for each id of the float32 reference model; 8 rows of 500 ids are as
    # fast as 16 and faster than 32 or 4.
    most_ids = 1 << 12
    # Whether short examples are filled up to max_length where the model needs no pads.
    whole = True

    def __init__(
        self,
        path: Path,
        threads: int = 1,
        num_ids: int | None = None,
        max_length: int | None = None,
        batch: int | None = None,
        pads: str = "any",
    ) -> None:
        self.num_ids, self.max_length, self.pads = num_ids, max_length, pads
        self.batch, self._most = min(self.batch, batch or self.batch), batch
        self._others: list[Runner] = []
        super().__init__(path, threads)

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
        self._others = [self._colleague() for _ in range(workers - 1)]

    def _colleague(self) -> Runner:
        """One to make calls beside this: itself where the runtime takes calls from any thread."""
        return type(self)(
            self.path, self.threads, self.num_ids, self.max_length, self._most, self.pads
        )

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
            longer = self.pads == "none" and calls and len(calls[-1][0]) != len(sequences[i])
            if not calls or rows > self.batch or wide or longer:
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
        """Outputs of each call."""

        def answer(runner: Runner, at: int) -> Probabilities:
            outputs = runner.run(runner.padded(calls[at]))
            advance(len(calls[at]))
            return outputs

        return _shared_out([self, *self._others], len(calls), answer)

    def _width(self, longest: int) -> int:
        """How long :meth:`padded` makes the rows of a chunk."""
        return row_length(longest, self.max_length or longest, self.pads, self.whole)

    def padded(self, chunk: Sequence[npt.NDArray[Any]]) -> Ids:
        """Ids [N, T] that :meth:`run` takes, in the form that is fastest for this runtime."""
        return pad_sequences(chunk, self._width(max(map(len, chunk))))


_W = TypeVar("_W")


def _shared_out(
    team: Sequence[_W], count: int, answer: Callable[[_W, int], Probabilities]
) -> list[Probabilities]:
    """Answers 0 … count - 1 in order; every member takes the next that nobody has begun."""
    parts: dict[int, Probabilities] = {}
    todo = deque(range(count))

    def work(member: _W) -> None:
        while True:
            try:
                at = todo.popleft()
            except IndexError:
                return
            try:
                parts[at] = answer(member, at)
            except BaseException:
                todo.clear()  # nobody begins another
                raise

    if len(team) == 1 or count == 1:
        work(team[0])
    else:
        with ThreadPoolExecutor(len(team)) as pool:
            try:
                for job in [pool.submit(work, member) for member in team]:
                    job.result()
            finally:  # when interrupted, too
                todo.clear()
    return [parts[at] for at in range(count)]


class TextRunner(FileRunner):
    """Runs one file on texts: it makes the ids itself.

    Args:
        path: the file.
        threads: threads for one inference.
        outputs: K, the columns of the reference's answers: 1 of one sigmoid unit.
    """

    def __init__(self, path: Path, threads: int = 1, outputs: int = 1) -> None:
        self.outputs = outputs
        self._others: list[TextRunner] = []
        super().__init__(path, threads)

    @abstractmethod
    def infer(self, text: str) -> Probabilities:
        """Outputs float32 [1, K] of one text."""

    def set_workers(self, workers: int) -> None:
        """Let :meth:`run_texts` make so many calls at a time; see :meth:`Runner.set_workers`."""
        if workers < 1:
            raise InputError(f"workers is {workers}; it must be at least 1")
        self._others = [self._colleague() for _ in range(workers - 1)]

    def _colleague(self) -> TextRunner:
        """One to make calls beside this."""
        return type(self)(self.path, self.threads, self.outputs)

    def run_texts(
        self, texts: Sequence[str], progress: Progress = SILENT, description: str = "Running"
    ) -> Probabilities:
        """Outputs float32 [N, K] of N texts, in their order, one call for each."""
        if not texts:
            raise InputError("no text given; expected at least one")
        with progress.task(description, len(texts)) as advance:

            def answer(runner: TextRunner, at: int) -> Probabilities:
                outputs = runner.infer(texts[at])
                advance(1)
                return outputs

            return np.concatenate(_shared_out([self, *self._others], len(texts), answer))


class RefusalError(InputError):
    """A runtime does not run inputs of which each by itself fits the model."""


class TensorRunner(FileRunner):
    """Runs one file on arrays by name.

    Args:
        path: the file.
        signature: the model's inputs and outputs.
        threads: threads for one inference.
        batch: examples that every call takes; None: any number.
    """

    def __init__(
        self, path: Path, signature: Signature, threads: int = 1, batch: int | None = None
    ) -> None:
        self.signature, self.batch = signature, batch
        super().__init__(path, threads)

    @abstractmethod
    def call(self, arrays: Arrays) -> Arrays:
        """One call of the file: its inputs by name -> its outputs, those of a stream's states too."""

    def infer(self, arrays: Arrays, piece: int | None = None) -> Arrays:
        """:meth:`run` without its checks, for what one call takes; a stream begins anew.

        Args:
            piece: of a stream, steps in each call; None: as many as it takes.
        """
        if not self.signature.states:
            return self.call(arrays)
        outputs, _ = self.feed(arrays, self.start(len(next(iter(arrays.values())))), piece)
        return outputs

    def start(self, count: int) -> Arrays:
        """A stream's states before its first step, for so many examples."""
        return {
            one.name: np.zeros([count, *(n or 1 for n in one.shape[1:])], np.float32)
            for one in self.signature.states
        }

    def feed(
        self, arrays: Arrays, states: Arrays, piece: int | None = None
    ) -> tuple[Arrays, Arrays]:
        """A stream's next steps, cut into calls: all rows of the outputs that have one for each step,
        what holds after the last step of the others, and the states then.

        Raises:
            InputError: see :meth:`lstm_edge.inputs.signature.Signature.pieces`.
        """
        found = []
        for part in self.signature.pieces(arrays, piece):
            outputs, states = self.step(part, states)
            found.append(outputs)
        joined = {
            one.name: np.concatenate([outputs[one.name] for outputs in found], 1)
            if one.timed
            else found[-1][one.name]
            for one in self.signature.outputs
        }
        return joined, states

    def step(self, arrays: Arrays, states: Arrays) -> tuple[Arrays, Arrays]:
        """A stream's next steps in one call: their outputs, and the states after them."""
        # a runtime may give views of what the next call writes into
        found = {name: np.array(value) for name, value in self.call({**arrays, **states}).items()}
        after = {one.name: found.pop(one.output) for one in self.signature.states}
        return found, after

    def run(
        self,
        given: Any,
        progress: Progress = SILENT,
        description: str = "Running",
        piece: int | None = None,
    ) -> Arrays:
        """Outputs float32 by name, for arrays by name (or one array where there is one input).

        Args:
            piece: see :meth:`infer`.

        Raises:
            InputError: see :meth:`lstm_edge.inputs.signature.Signature.check`.
            RefusalError: the runtime takes each of the inputs, and not all of them together.
        """
        arrays = self.signature.check(given)
        count = len(next(iter(arrays.values())))
        size = self.batch or BATCH
        parts: list[Arrays] = []
        with progress.task(description, count) as advance:
            for begin in range(0, count, size):
                rows = np.arange(begin, min(begin + size, count))
                if self.batch:  # a call takes so many: the last example fills it up
                    rows = np.minimum(np.arange(begin, begin + size), count - 1)
                try:
                    part = self.infer({name: array[rows] for name, array in arrays.items()}, piece)
                except LstmEdgeError:
                    raise
                except Exception as error:  # the runtimes have no common base for their errors
                    shapes = ", ".join(f"{n} {list(a.shape)}" for n, a in arrays.items())
                    raise RefusalError(
                        f"{self.runtime} cannot run {self.path.name} on inputs {shapes}: "
                        f"{_first_line(error)}"
                    ) from error
                parts.append({name: value[: count - begin] for name, value in part.items()})
                advance(min(size, count - begin))
        return {
            one.name: np.concatenate([part[one.name] for part in parts]).astype(
                np.float32, copy=False
            )
            for one in self.signature.outputs
        }


_RUNTIMES: dict[str, type[Runner] | type[TextRunner]] = {}
_TENSOR_RUNTIMES: dict[str, type[TensorRunner]] = {}
_R = TypeVar("_R", bound=type[FileRunner])


def runs(kind: str) -> Callable[[_R], _R]:
    """Class decorator: this runner runs files of that kind: a format, or ``FORMAT-MADE_FOR``."""

    def register(cls: _R) -> _R:
        if issubclass(cls, TensorRunner):
            _TENSOR_RUNTIMES[kind] = cls
        elif issubclass(cls, Runner | TextRunner):
            _RUNTIMES[kind] = cls
        return cls

    return register


def any_runner_class(kind: str) -> type[Runner] | type[TextRunner]:
    """What runs files of that kind in a bundle of texts."""
    return _known(_RUNTIMES, kind)


def runner_class(kind: str) -> type[Runner]:
    """The Runner, on ids, of that kind of file."""
    found = any_runner_class(kind)
    if not issubclass(found, Runner):
        raise InputError(f"files of the kind {kind!r} take texts, not ids")
    return found


def tensor_runner_class(kind: str) -> type[TensorRunner]:
    """The TensorRunner of that kind of file."""
    return _known(_TENSOR_RUNTIMES, kind)


_K = TypeVar("_K")


def _known(runtimes: Mapping[str, _K], kind: str) -> _K:
    try:
        return runtimes[kind]
    except KeyError:
        raise InputError(
            f"no runtime here runs the format {kind!r}; known: {', '.join(sorted(runtimes))}"
        ) from None


class _OnnxFile(FileRunner):
    """A file in ONNX Runtime on the CPU."""

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
        self._value = ort.OrtValue

    def _options(self, ort: Any) -> Any:
        options = ort.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        options.enable_mem_pattern = False  # a plan for each new length: every input has its own
        return options


@runs("onnx")
class OnnxTensorRunner(_OnnxFile, TensorRunner):
    """ONNX Runtime on arrays by name."""

    def call(self, arrays: Arrays) -> Arrays:
        names = [one.name for one in self.signature.outputs]
        names += [one.output for one in self.signature.states]
        return dict(zip(names, self._session.run(names, arrays), strict=True))


@runs("onnx")
class OnnxRunner(_OnnxFile, Runner):
    """ONNX Runtime on ids. The file takes any batch and any length."""

    whole = False

    def _load(self) -> None:
        super()._load()
        given, found = self._session.get_inputs()[0], self._session.get_outputs()[0]
        self._input, self._output, self._classes = given.name, found.name, found.shape[-1]
        self._bind()

    def _bind(self) -> None:
        """An output that stays for all calls: ``session.run`` makes one for each, at some cost."""
        self._binding, self._kept = self._session.io_binding(), np.empty((0, 0), np.float32)

    def infer(self, ids: Ids) -> npt.NDArray[Any]:
        if len(ids) != len(self._kept):
            # every call writes into this array, which nothing else keeps alive
            self._kept = np.zeros((len(ids), self._classes), np.float32)
            kept = self._value.ortvalue_from_numpy(self._kept)
            self._binding.bind_ortvalue_output(self._output, kept)
        self._binding.bind_cpu_input(self._input, ids)
        self._session.run_with_iobinding(self._binding)
        return self._kept.copy()

    def _colleague(self) -> Runner:
        other = copy.copy(self)  # one session takes calls from any thread, a binding does not
        other._bind()
        return other

    def padded(self, chunk: Sequence[npt.NDArray[Any]]) -> Ids:
        if self.pads != "any":
            return super().padded(chunk)
        return pad_sequences(chunk, self._width(max(map(len, chunk))), padding="post")


@runs("onnx-mobile")
class OnnxMobileTensorRunner(OnnxTensorRunner):
    """ONNX Runtime on arrays by name, from a file in its own format."""


@runs("onnx-mobile")
class OnnxMobileRunner(OnnxRunner):
    """ONNX Runtime on ids, from a file in its own format."""


@runs("onnx-text")
class OnnxTextRunner(_OnnxFile, TextRunner):
    """ONNX Runtime on texts: the file takes a string."""

    def _load(self) -> None:
        super()._load()
        (given,), (found,) = self._session.get_inputs(), self._session.get_outputs()
        self._input, self._output = given.name, found.name

    def infer(self, text: str) -> Probabilities:
        # UTF-8 has no half of a surrogate pair
        given = np.array([_HALVES.sub(NO_CHARACTER, text)], object)
        outputs: Probabilities = self._session.run([self._output], {self._input: given})[0]
        return outputs

    def _colleague(self) -> TextRunner:
        return self


class _LiteRTFile(FileRunner):
    """A file in LiteRT's Interpreter on the CPU (XNNPACK)."""

    runtime = "LiteRT"
    packages = ("ai-edge-litert",)
    modules = ("ai_edge_litert.interpreter",)

    def _load(self) -> None:
        litert = require("ai_edge_litert.interpreter", f"running {self.path.name}")
        try:
            self._interpreter = litert.Interpreter(str(self.path), num_threads=self.threads)
            # a free dimension is 1 until an input comes, which a convolution may not take
            self._free = any(
                -1 in given["shape_signature"][1:]
                for given in self._interpreter.get_input_details()
            )
            if not self._free:
                self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise InputError(f"LiteRT cannot load {self.path}: {_first_line(error)}") from None


@runs("tflite")
class LiteRTTensorRunner(_LiteRTFile, TensorRunner):
    """LiteRT on arrays by name; the file is resized where they have another shape."""

    def _load(self) -> None:
        super()._load()
        self._signature_runner = self._interpreter.get_signature_runner()

    def call(self, arrays: Arrays) -> Arrays:
        outputs: Arrays = self._signature_runner(**arrays)
        return outputs


@runs("tflite")
class LiteRTRunner(_LiteRTFile, Runner):
    """LiteRT on ids. One example at a time, with the file's length where that is fixed."""

    def _load(self) -> None:
        super()._load()
        given = self._interpreter.get_input_details()[0]
        self._input, self._length = given["index"], int(given["shape_signature"][1])
        self._output = self._interpreter.get_output_details()[0]["index"]

    def infer(self, ids: Ids) -> npt.NDArray[Any]:
        if self._free and ids.shape[1] != self._length:
            self._length = ids.shape[1]
            self._interpreter.resize_tensor_input(self._input, (1, self._length))
            self._interpreter.allocate_tensors()
        if ids.shape[1] > self._length:
            raise InputError(_too_long(self.path.name, ids.shape[1], self._length))
        out = []
        for row in ids:
            if len(row) < self._length:
                side = "post" if self.pads == "any" else "pre"
                row = pad_sequences([row], self._length, padding=side)[0]
            self._interpreter.set_tensor(self._input, row[None])
            self._interpreter.invoke()
            out.append(self._interpreter.get_tensor(self._output))
        return out[0] if len(out) == 1 else np.concatenate(out)


class _CompiledFile(FileRunner):
    """A file in LiteRT's CompiledModel on the CPU: what LiteRT.js and the newer mobile API run.

    It takes fixed shapes and no variable tensors.
    """

    runtime = "LiteRT CompiledModel"
    packages = ("ai-edge-litert",)
    modules = ("ai_edge_litert.compiled_model",)

    def _load(self) -> None:
        litert = require("ai_edge_litert.compiled_model", f"running {self.path.name}")
        options = litert.Options(
            hardware_accelerators=litert.HardwareAccelerator.CPU,
            cpu_options=litert.CpuOptions(num_threads=self.threads),
        )
        try:
            self._model = litert.CompiledModel.from_file(str(self.path), options=options)
            self._signature = next(iter(self._model.get_signature_list()))
            self._given = self._buffers("input")
            self._found = self._buffers("output")
            for name, (buffer, shape) in self._given.items():
                # the first write sets up more of LiteRT, which is part of loading
                kind = self._model.get_input_tensor_details(self._signature)[name]["dtype"]
                buffer.write(np.zeros(shape, kind))
        except (ValueError, RuntimeError) as error:
            raise InputError(
                f"LiteRT's CompiledModel cannot load {self.path}: {_first_line(error)}"
            ) from None

    def _buffers(self, end: str) -> dict[str, tuple[Any, list[int]]]:
        """Each input's or output's buffer and shape, by name."""
        details = getattr(self._model, f"get_{end}_tensor_details")(self._signature)
        make = getattr(self._model, f"create_{end}_buffer_by_name")
        return {
            name: (make(self._signature, name), [int(n) for n in detail["shape"]])
            for name, detail in details.items()
        }

    def _call(self, arrays: Arrays) -> Arrays:
        for name, array in arrays.items():
            self._given[name][0].write(array)
        self._model.run_by_name(
            self._signature,
            {name: buffer for name, (buffer, _) in self._given.items()},
            {name: buffer for name, (buffer, _) in self._found.items()},
        )
        return {
            name: np.array(buffer.read(int(np.prod(shape)), np.float32)).reshape(shape)
            for name, (buffer, shape) in self._found.items()
        }


@runs("tflite-litert-js")
class CompiledTensorRunner(_CompiledFile, TensorRunner):
    """LiteRT's CompiledModel on arrays by name, of the file's shapes."""

    def call(self, arrays: Arrays) -> Arrays:
        for name, (_, shape) in self._given.items():
            if list(arrays[name].shape) != shape:
                raise InputError(
                    f"input {name} is {list(arrays[name].shape)}; {self.path.name} takes {shape}"
                )
        return self._call(arrays)


@runs("tflite-litert-js")
class CompiledRunner(_CompiledFile, Runner):
    """LiteRT's CompiledModel on ids. One example at a time, with the file's length."""

    def _load(self) -> None:
        super()._load()
        ((self._input, (_, (_, self._length))),) = self._given.items()

    def infer(self, ids: Ids) -> npt.NDArray[Any]:
        if ids.shape[1] > self._length:
            raise InputError(_too_long(self.path.name, ids.shape[1], self._length))
        if ids.shape[1] < self._length:
            side = "post" if self.pads == "any" else "pre"
            ids = pad_sequences(list(ids), self._length, padding=side)
        rows = [next(iter(self._call({self._input: row[None]}).values())) for row in ids]
        return np.concatenate(rows)


class StepRunner(Runner):
    """Ids fed to a step model from zero states, pads and all: the last steps one by one.

    Its inputs are ids and states; the state ``NAME`` comes back as ``NAME_next``. What a device does
    with such a file is the same, word by word.
    """

    ALONE: ClassVar[int] = 8  # steps that are fed one by one

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if self.pads == "any":
            self.pads = "front"  # there is no table of states: pads are steps like any other

    @abstractmethod
    def _ends(self) -> tuple[dict[str, list[Any]], list[str]]:
        """Shape of every input by name, the batch first; names of the outputs."""

    @abstractmethod
    def _step(self, arrays: Arrays) -> Arrays:
        """One call of the file."""

    def step(self, ids: Ids, states: Arrays | None = None) -> tuple[npt.NDArray[Any], Arrays]:
        """The next ids int32 [N, n] in one call: outputs [N, K] after them, and the states then.

        Args:
            states: from the call before; None: before the first id.
        """
        shapes, outputs = self._ends()
        after = {name: f"{name}_next" for name in shapes if f"{name}_next" in outputs}
        (given,) = shapes.keys() - after.keys()
        (answer,) = set(outputs) - set(after.values())
        states = states or {
            name: np.zeros([len(ids), *map(int, shapes[name][1:])], np.float32) for name in after
        }
        found = self._step({given: np.ascontiguousarray(ids), **states})
        # a runtime may give views of what the next call writes into
        return np.array(found[answer]), {n: np.array(found[end]) for n, end in after.items()}

    def infer(self, ids: Ids) -> npt.NDArray[Any]:
        alone = max(0, ids.shape[1] - self.ALONE)
        pieces = [ids[:, :alone]] if alone else []
        pieces += [ids[:, i : i + 1] for i in range(alone, ids.shape[1])]
        answers, states = self.step(pieces[0])
        for piece in pieces[1:]:
            answers, states = self.step(piece, states)
        return answers


@runs("onnx-stream")
class OnnxStepRunner(_OnnxFile, StepRunner):
    """A step model in ONNX Runtime. It takes any batch."""

    def _ends(self) -> tuple[dict[str, list[Any]], list[str]]:
        inputs = {one.name: list(one.shape) for one in self._session.get_inputs()}
        return inputs, [one.name for one in self._session.get_outputs()]

    def _step(self, arrays: Arrays) -> Arrays:
        _, names = self._ends()
        return dict(zip(names, self._session.run(names, arrays), strict=True))


@runs("tflite-stream")
class LiteRTStepRunner(_LiteRTFile, StepRunner):
    """A step model in LiteRT. One example at a time."""

    def _load(self) -> None:
        super()._load()
        self._call = self._interpreter.get_signature_runner()

    def _ends(self) -> tuple[dict[str, list[Any]], list[str]]:
        inputs = self._call.get_input_details()
        shapes = {name: list(one["shape_signature"]) for name, one in inputs.items()}
        return shapes, list(self._call.get_output_details())

    def _step(self, arrays: Arrays) -> Arrays:
        outputs: Arrays = self._call(**arrays)
        return outputs

    def infer(self, ids: Ids) -> npt.NDArray[Any]:
        return np.concatenate([super(LiteRTStepRunner, self).infer(row[None]) for row in ids])


@runs("tflite-mediapipe")
class MediaPipeRunner(TextRunner):
    """MediaPipe Tasks' TextClassifier. It has no setting for threads, and takes one on this machine."""

    runtime = "MediaPipe"
    packages = ("mediapipe",)
    modules = ("mediapipe.tasks.python.text.text_classifier",)

    def _load(self) -> None:
        if self.threads != 1:
            raise InputError(
                f"MediaPipe has no setting for threads, and {self.threads} are asked for: run "
                f"{self.path.name} with 1, or leave it out with --variant"
            )
        purpose = f"running {self.path.name}"
        tasks = require("mediapipe.tasks.python.text.text_classifier", purpose)
        base = require("mediapipe.tasks.python.core.base_options", purpose)
        options = tasks.TextClassifierOptions(
            base_options=base.BaseOptions(model_asset_path=str(self.path.resolve()))
        )
        try:
            self._classifier = tasks.TextClassifier.create_from_options(options)
        except (ValueError, RuntimeError, OSError) as error:
            raise InputError(f"MediaPipe cannot load {self.path}: {_first_line(error)}") from None
        weakref.finalize(self, _close, self._classifier)

    def infer(self, text: str) -> Probabilities:
        found = self._classifier.classify(_SPOILT.sub("\ufffd", text)).classifications[0].categories
        scores = np.zeros((1, len(found)), np.float32)
        for category in found:
            scores[0, category.index] = category.score
        return scores[:, 1:] if self.outputs == 1 else scores


def _close(classifier: Any) -> None:
    try:
        classifier.close()
    except RuntimeError:
        # the process ends, and MediaPipe's thread did: its own attempt would fail and say so
        classifier._classifier_handle = None


# What ends a text in C, and halves of characters, which UTF-8 cannot hold; none is a part of a word.
_SPOILT = re.compile("[\0\ud800-\udfff]")


def _too_long(name: str, count: int, length: int) -> str:
    limit = f"at most {length}: keep the last {length} (run_sequences does)"
    return f"{count} ids given; {name} takes {limit}"


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n")[0][:300]
