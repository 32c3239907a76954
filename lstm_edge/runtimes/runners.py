"""What is done around a call, over any runtime: checks, padding, batches, workers, states, threads.

A runner takes calls from any thread: each call has a copy of the runtime for itself.
"""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import numpy as np
import numpy.typing as npt

from lstm_edge.base.arguments import check_positive
from lstm_edge.base.arrays import Arrays, Ids, Probabilities
from lstm_edge.base.progress import SILENT, Progress
from lstm_edge.base.reasons import reason_of
from lstm_edge.errors import InputError, LstmEdgeError, RefusalError
from lstm_edge.inputs.batches import ANSWERS, Batch, Inputs
from lstm_edge.inputs.signature import Signature, State
from lstm_edge.inputs.tokenizer import pad_sequences
from lstm_edge.runtimes.contract import Runtime
from lstm_edge.runtimes.copies import Copies

ALONE = 8
"""Last steps of a text that a step model is fed one by one, as the page does."""

_NO_EXAMPLE = "no example given; expected at least one row of ids"
_P = TypeVar("_P")


def row_length(longest: int, most: int, pads: str, whole: bool = False) -> int:
    """How many ids, pads included, a file is given in a row for examples of at most ``longest``.

    Args:
        most: ids that the model takes.
        pads: where it takes pads, see :class:`IdsRunner`.
        whole: ``most`` also where it needs no pads, but takes them.
    """
    if pads in ("front", "behind") or (whole and pads != "none"):
        return most
    return max(1, min(longest, most))


class Runner(ABC):
    """Examples of one kind, in one runtime.

    Args:
        runtime: a loaded file; copies of it are made when several threads call at once.
    """

    def __init__(self, runtime: Runtime) -> None:
        self.runtime, self.workers = runtime, 1
        self._copies = Copies(runtime)
        self.call = self._copies.call
        """One call of the file, arrays by name in and out, from any thread."""

    @property
    def path(self) -> Path:
        """The file."""
        return self.runtime.path

    @property
    def threads(self) -> int:
        """Threads for one call."""
        return self.runtime.threads

    def set_workers(self, workers: int) -> None:
        """Let so many calls be made at a time on many examples, each with ``threads`` threads.

        The calls, and so the answers, are the same for any number.

        Raises:
            InputError: fewer than 1.
        """
        check_positive(workers=workers)
        self.workers = min(workers, self.runtime.at_once or workers)
        self._copies.allow(self.workers)

    def __reduce__(self) -> NoReturn:
        """Refused: what is loaded cannot be sent to another process."""
        raise InputError(
            f"{self.path.name} is loaded into {self.runtime.runtime} and cannot be pickled: give the "
            "other process the path of the bundle, and load it there, once"
        )

    @abstractmethod
    def infer(self, prepared: Any) -> Any:
        """What is timed: the calls for one example from :meth:`prepared_one`, without checks."""

    @abstractmethod
    def prepared_one(self, inputs: Inputs, at: int) -> Any:
        """One of the inputs in the form that is fastest for this runtime."""

    @abstractmethod
    def answers(
        self, batch: Batch, progress: Progress = SILENT, description: str = "Running"
    ) -> Arrays:
        """Outputs by name, float32 or int32, for a batch of what the bundle takes."""

    @abstractmethod
    def one_call(self, inputs: Inputs, at: int) -> Arrays:
        """All arrays for one call of the file on one of the inputs; a stream begins anew."""

    @abstractmethod
    def first_inputs(self, steps: int) -> Arrays:
        """Inputs of one call, each one value all over; ``steps`` of them where the time is free."""

    def lacks(self, batch: Batch | Inputs) -> bool:
        """Whether the file takes texts, and these examples are ids."""
        return self.runtime.takes_texts and batch.texts is None

    def _shared_out(
        self, items: Sequence[_P], answer: Callable[[_P], Any], progress: Callable[[_P], None]
    ) -> list[Any]:
        """Answers to the items in order; every worker takes the next that nobody has begun."""
        parts: dict[int, Any] = {}
        todo = deque(range(len(items)))

        def work() -> None:
            while True:
                try:
                    at = todo.popleft()
                except IndexError:
                    return
                try:
                    parts[at] = answer(items[at])
                    progress(items[at])
                except BaseException:
                    todo.clear()  # nobody begins another
                    raise

        workers = min(self.workers, len(items))
        if workers == 1:
            work()
        else:
            with ThreadPoolExecutor(workers) as pool:
                try:
                    for job in [pool.submit(work) for _ in range(workers)]:
                        job.result()
                finally:  # when interrupted, too
                    todo.clear()
        return [parts[at] for at in range(len(items))]


class IdsRunner(Runner):
    """Ids in, one answer for each example out.

    Args:
        num_ids: ids must be below it (rows of the embedding); None: not checked here.
        max_length: the most ids that one example keeps; needed for :meth:`run_sequences`.
        batch: most examples per call; None: as many as the runtime likes.
        pads: what a row holds beside the tokens: ``front`` or ``behind``, pads there, up to
            ``max_length`` as the model was trained; ``skipped``, the same as ``front``, but rows may be
            shorter, since those that lack, and pads in front, are not run; ``any``, the same, and pads
            behind are not run either; ``none``, no pads: each example at its own length.
        states: of a step model, which is fed from zero states, pads and all.
        truncating: the side on which examples of more than ``max_length`` ids are cut.
    """

    def __init__(
        self,
        runtime: Runtime,
        num_ids: int | None = None,
        max_length: int | None = None,
        batch: int | None = None,
        pads: str = "skipped",
        states: Iterable[State] = (),
        truncating: str = "pre",
    ) -> None:
        super().__init__(runtime)
        self.num_ids, self.max_length, self.pads = num_ids, max_length, pads
        self.padding, self.truncating = "post" if pads == "behind" else "pre", truncating
        self.states = tuple(states)
        self.batch, self._most = min(runtime.batch, batch or runtime.batch), batch
        self.most_ids = runtime.most_ids
        fed = {state.name for state in self.states}
        given = {state.output for state in self.states}
        (self._input,) = (port for port in runtime.inputs if port.name not in fed)
        (self._output,) = (port.name for port in runtime.outputs if port.name not in given)
        rows, length = self._input.shape[0], self._input.shape[1]
        self._rows, self.length = rows, None if self.states else length

    def infer(self, prepared: Ids) -> npt.NDArray[Any]:
        """:meth:`run` without its checks: contiguous int32 ids in, what the runtime gives out.

        For ids from :meth:`padded`, at most ``batch`` examples.
        """
        ids, rows = self._fitted(prepared), self._rows
        if rows is None or len(ids) == rows:
            return self._answer(ids)
        return np.concatenate([self._answer(ids[i : i + rows]) for i in range(0, len(ids), rows)])

    def _fitted(self, ids: Ids) -> Ids:
        """Of the file's length, where that is fixed."""
        if self.length is None or ids.shape[1] == self.length:
            return ids
        if ids.shape[1] > self.length:
            raise InputError(
                f"{ids.shape[1]} ids given; {self.path.name} takes at most {self.length}: cut them "
                "(run_sequences does)"
            )
        return pad_sequences(list(ids), self.length, padding=self.padding)

    def _answer(self, ids: Ids) -> npt.NDArray[Any]:
        if not self.states:
            return self.call({self._input.name: ids})[self._output]
        alone = max(0, ids.shape[1] - ALONE)
        pieces = [ids[:, :alone]] if alone else []
        pieces += [ids[:, i : i + 1] for i in range(alone, ids.shape[1])]
        answers, states = self.step(pieces[0])
        for piece in pieces[1:]:
            answers, states = self.step(piece, states)
        return answers

    def step(self, ids: Ids, states: Arrays | None = None) -> tuple[npt.NDArray[Any], Arrays]:
        """The next ids int32 [N, n] in one call: outputs [N, K] after them, and the states then.

        Args:
            states: from the call before; None: before the first id.
        """
        states = begin(self.states, len(ids)) if states is None else states
        outputs = self.call({self._input.name: np.ascontiguousarray(ids), **states})
        return outputs[self._output], {s.name: outputs[s.output] for s in self.states}

    def run(self, ids: npt.ArrayLike) -> Probabilities:
        """Outputs float32 [N, K] of ids int [N, T] as they are.

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
        """Outputs float32 [N, K] of N id arrays of any length; at most ``max_length`` of each count.

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
            outputs = np.concatenate(
                self._shared_out(
                    calls, lambda call: self.run(self.padded(call)), lambda call: advance(len(call))
                )
            )
        back = np.empty_like(outputs)
        back[order] = outputs
        return back

    def _width(self, longest: int) -> int:
        """How long :meth:`padded` makes the rows of a chunk."""
        whole = self.length is not None
        return row_length(longest, self.max_length or longest, self.pads, whole)

    def padded(self, chunk: Sequence[npt.NDArray[Any]]) -> Ids:
        """Ids [N, T] that :meth:`run` takes, in the form that is fastest for this runtime."""
        width = self._width(max(map(len, chunk)))
        return pad_sequences(chunk, width, padding=self.padding, truncating=self.truncating)

    def prepared_one(self, inputs: Inputs, at: int) -> Ids:
        return self.padded([inputs.sequences[at]])

    def one_call(self, inputs: Inputs, at: int) -> Arrays:
        ids = self._fitted(self.prepared_one(inputs, at))
        return {self._input.name: ids, **begin(self.states, len(ids))}

    def first_inputs(self, steps: int) -> Arrays:
        del steps  # as many as the model takes
        return self.one_call(Inputs([np.ones(self.max_length or 1, np.int32)]), 0)

    def answers(
        self, batch: Batch, progress: Progress = SILENT, description: str = "Running"
    ) -> Arrays:
        return {ANSWERS: self.run_sequences(batch.sequences, progress, description)}


class TextRunner(Runner):
    """Texts in: the file makes the ids itself.

    Args:
        columns: K, of the reference's answers: 1 of one sigmoid unit.
    """

    def __init__(self, runtime: Runtime, columns: int = 1) -> None:
        super().__init__(runtime)
        self.columns = columns

    def infer(self, prepared: str) -> Probabilities:
        """Outputs float32 [1, K] of one text."""
        port = self.runtime.inputs[0]
        outputs = self.call({port.name: np.array([prepared], object)})
        scores: Probabilities = outputs[self.runtime.outputs[0].name]
        # one score for each label, where the model has one unit
        return scores[:, 1:] if self.columns == 1 and scores.shape[1] == 2 else scores

    def run_texts(
        self, texts: Sequence[str], progress: Progress = SILENT, description: str = "Running"
    ) -> Probabilities:
        """Outputs float32 [N, K] of N texts, in their order, one call for each."""
        if not texts:
            raise InputError("no text given; expected at least one")
        with progress.task(description, len(texts)) as advance:
            return np.concatenate(self._shared_out(texts, self.infer, lambda text: advance(1)))

    def prepared_one(self, inputs: Inputs, at: int) -> str:
        return _texts(inputs.texts, self.path)[at]

    def one_call(self, inputs: Inputs, at: int) -> Arrays:
        return {self.runtime.inputs[0].name: np.array([self.prepared_one(inputs, at)], object)}

    def first_inputs(self, steps: int) -> Arrays:
        del steps
        return self.one_call(Inputs(texts=["one two three"]), 0)

    def answers(
        self, batch: Batch, progress: Progress = SILENT, description: str = "Running"
    ) -> Arrays:
        return {ANSWERS: self.run_texts(_texts(batch.texts, self.path), progress, description)}


def _texts(texts: Sequence[str] | None, path: Path) -> Sequence[str]:
    if texts is None:
        raise only_ids(path.stem)
    return texts


def only_ids(names: str) -> InputError:
    """What is said where files take texts, and the data are ids."""
    return InputError(
        f"{names} takes texts, and these data are ids: give texts, or leave it out with `variants`"
    )


def without_table(pads: str) -> str:
    """Where a model takes ``pads`` that has no table of the states that they leave, as Keras and step
    models: they are steps like any other.
    """
    return "front" if pads in ("any", "skipped") else pads


def text_runner(runtime: Runtime, columns: int, **of_ids: Any) -> IdsRunner | TextRunner:
    """What runs a file of a bundle of texts, by what the file takes.

    Args:
        columns: see :class:`TextRunner`.
        of_ids: see :class:`IdsRunner`; without states where the runtime carries them.
    """
    if runtime.takes_texts:
        return TextRunner(runtime, columns)
    if of_ids["states"]:
        of_ids["pads"] = without_table(of_ids["pads"])
    if runtime.carries_states:
        of_ids["states"] = ()
    return IdsRunner(runtime, **of_ids)


class ArrayRunner(Runner):
    """Arrays by name in, arrays by name out.

    Args:
        signature: the model's inputs and outputs, and a stream's states.
        batch: examples that every call takes; None: any number.
    """

    def __init__(self, runtime: Runtime, signature: Signature, batch: int | None = None) -> None:
        super().__init__(runtime)
        self.signature, self.batch = signature, batch

    def infer(self, prepared: Arrays, piece: int | None = None) -> Arrays:
        """:meth:`run` without its checks, for what one call takes; a stream begins anew.

        Args:
            piece: of a stream, steps in each call; None: as many as it takes.
        """
        if not self.signature.states:
            return self.call(prepared)
        outputs, _ = self.feed(prepared, self.start(len(next(iter(prepared.values())))), piece)
        return outputs

    def start(self, count: int) -> Arrays:
        """A stream's states before its first step, for so many examples."""
        return begin(self.signature.states, count)

    def feed(
        self, arrays: Arrays, states: Arrays, piece: int | None = None
    ) -> tuple[Arrays, Arrays]:
        """A stream's next steps, cut into calls: all rows of the outputs that have one for each step,
        what holds after the last step of the others, and the states then.

        Raises:
            InputError: see :meth:`lstm_edge.inputs.signature.Signature.pieces`.
        """
        parts = []
        for part in self.signature.pieces(arrays, piece):
            outputs, states = self.step(part, states)
            parts.append(outputs)
        joined = {
            output.name: np.concatenate([part[output.name] for part in parts], 1)
            if output.timed
            else parts[-1][output.name]
            for output in self.signature.outputs
        }
        return joined, states

    def step(self, arrays: Arrays, states: Arrays) -> tuple[Arrays, Arrays]:
        """A stream's next steps in one call: their outputs, and the states after them."""
        pieces = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
        outputs = self.call({**pieces, **states})
        after = {state.name: outputs.pop(state.output) for state in self.signature.states}
        return outputs, after

    def run(
        self,
        inputs: Any,
        progress: Progress = SILENT,
        description: str = "Running",
        piece: int | None = None,
    ) -> Arrays:
        """Outputs by name, float32 or int32, for arrays by name (or one array where there is one input).

        Args:
            piece: see :meth:`infer`.

        Raises:
            InputError: see :meth:`lstm_edge.inputs.signature.Signature.check`; values that are no
                numbers are run like any others.
            RefusalError: the runtime takes each of the inputs, and not all of them together.
        """
        arrays = self.signature.taking_anything.check(inputs)
        count = len(next(iter(arrays.values())))
        size = self.batch or min(self.runtime.batch, Runtime.batch)
        parts: list[Arrays] = []
        with progress.task(description, count) as advance:
            for begin in range(0, count, size):
                rows = np.arange(begin, min(begin + size, count))
                if self.batch:  # a call takes so many: the last example fills it up
                    rows = np.minimum(np.arange(begin, begin + size), count - 1)
                with _refusals(self.runtime, arrays):
                    part = self.infer({name: array[rows] for name, array in arrays.items()}, piece)
                parts.append({name: value[: count - begin] for name, value in part.items()})
                advance(min(size, count - begin))
        return {
            output.name: np.concatenate([part[output.name] for part in parts]).astype(
                output.dtype, copy=False
            )
            for output in self.signature.outputs
        }

    def prepared_one(self, inputs: Inputs, at: int) -> Arrays:
        return {
            name: np.repeat(array, self.batch or 1, 0) for name, array in inputs.arrays[at].items()
        }

    def one_call(self, inputs: Inputs, at: int) -> Arrays:
        return {**self.prepared_one(inputs, at), **self.start(self.batch or 1)}

    def first_inputs(self, steps: int) -> Arrays:
        return self.one_call(Inputs(arrays=[self.signature.ones(1, steps)]), 0)

    def answers(
        self, batch: Batch, progress: Progress = SILENT, description: str = "Running"
    ) -> Arrays:
        return self.run(batch.inputs, progress, description)


@contextlib.contextmanager
def _refusals(runtime: Runtime, arrays: Arrays) -> Iterator[None]:
    """What a runtime raises, as ours: the runtimes have no common base for their errors."""
    try:
        yield
    except LstmEdgeError:
        raise
    except Exception as error:
        shapes = ", ".join(f"{name} {list(array.shape)}" for name, array in arrays.items())
        raise RefusalError(
            f"{runtime.runtime} cannot run {runtime.path.name} on inputs {shapes}: "
            f"{reason_of(error)}"
        ) from error


def begin(states: Sequence[State], count: int) -> Arrays:
    """A stream's states before its first step, for so many examples."""
    return {
        state.name: np.zeros([count, *(size or 1 for size in state.shape[1:])], np.float32)
        for state in states
    }
