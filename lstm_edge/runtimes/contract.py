"""The contract: what a runtime is, and how the one for a kind of file is found.

A runtime is a module ``lstm_edge.runtimes.by_*`` with one class; nothing is registered. What is done
around a call (padding, batches, workers, states, threads) is written once, in
:mod:`lstm_edge.runtimes.runners`.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import mmap
import os
import shutil
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

from lstm_edge import runtimes
from lstm_edge.base import in_hand, modules
from lstm_edge.base.arguments import check_positive
from lstm_edge.base.arrays import Arrays
from lstm_edge.base.extras import check_installed
from lstm_edge.errors import InputError, MissingProgramError

TEXT = "text"
"""The dtype of an input that takes texts: an array of Python strings, one for each example."""


@dataclass(frozen=True)
class Port:
    """One input or output of a loaded file.

    Attributes:
        dtype: NumPy's name of it, or :data:`TEXT`.
        shape: the batch first; None where it is free.
    """

    name: str
    dtype: str
    shape: tuple[int | None, ...]


class Runtime(ABC):
    """A file, loaded into a runtime. It takes one call at a time; :meth:`spawn` gives another.

    Class attributes: ``runtime`` (its name in reports), ``kinds`` (of files that it runs: ``FORMAT`` or
    ``FORMAT-MADE_FOR``), ``of_texts`` (those of them that take texts), ``packages`` (to install),
    ``modules`` (to import), ``programs`` (that must be on the path), ``batch`` (most examples in a
    call), ``most_ids`` (ids, pads included, in a call of many examples, which bounds what it holds) and
    ``at_once`` (calls at a time that are of use; None: as many as there are cores);
    ``carries_states``: a step model is fed whole inputs, and the runtime sees to its states;
    ``forks``: a forked process can load the file anew, since nothing of the runtime runs beside a call;
    ``survives``: a call that failed or was interrupted leaves nothing in it.

    Attributes:
        content: the file's, in a copy; None: ``path`` is loaded.
        loaded_in: the process.

    Args:
        path: the file.
        threads: threads for one call.

    Raises:
        InputError: fewer than one thread, or a file that the runtime refuses.
        NotInstalledError: the runtime is not there.
    """

    runtime: ClassVar[str]
    kinds: ClassVar[tuple[str, ...]] = ()
    of_texts: ClassVar[tuple[str, ...]] = ()
    packages: ClassVar[tuple[str, ...]] = ()
    modules: ClassVar[tuple[str, ...]] = ()
    programs: ClassVar[tuple[str, ...]] = ()
    batch: ClassVar[int] = 32
    # ONNX Runtime holds 5 KB for each id of the float32 reference model; 8 rows of 500 ids are as
    # fast as 16 and faster than 32 or 4.
    most_ids: ClassVar[int] = 1 << 12
    at_once: ClassVar[int | None] = None
    carries_states: ClassVar[bool] = False
    forks: ClassVar[bool] = False
    survives: ClassVar[bool] = False

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]

    def __init__(self, path: Path, threads: int = 1, content: bytes | None = None) -> None:
        check_positive(threads=threads)
        self.path, self.threads, self.content = path, threads, content
        self._check_programs(f"running {path.name}")
        in_hand.note(self.runtime, "running", path)
        self.loaded_in, self._file = os.getpid(), None
        if self.kinds and content is None and path.is_file():
            # what cannot be opened is refused by the runtime, in its words
            with contextlib.suppress(OSError, ValueError), path.open("rb") as file:
                self._file = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self.load()

    @abstractmethod
    def load(self) -> None:
        """Load the file, and say its ``inputs`` and ``outputs``."""

    @abstractmethod
    def call(self, arrays: Arrays) -> Arrays:
        """All inputs by name -> all outputs by name, in arrays that stay as they are.

        Arrays are contiguous, of the inputs' dtypes and of shapes that fit.
        """

    def spawn(self) -> Self:
        """Another that can be called beside this one."""
        return self.anew()

    def anew(self) -> Self:
        """The same file loaded once more, as it was then: another may have its name by now."""
        if self._file is not None and self.content is None:
            self.content = self._file[:]
        return type(self)(self.path, self.threads, self.content)

    @classmethod
    def check_installed(cls, purpose: str) -> None:
        """Is there what has to be installed? Nothing is imported for it.

        Args:
            purpose: begins the message.

        Raises:
            NotInstalledError: the first that is not.
        """
        cls._check_programs(purpose)
        for module in cls.modules:
            check_installed(module, purpose)

    @classmethod
    def _check_programs(cls, purpose: str) -> None:
        for program in cls.programs:
            if shutil.which(program) is None:
                raise MissingProgramError(program, purpose)

    @classmethod
    def version(cls) -> str | None:
        """Of the first package; None where it is not installed, or needs none."""
        try:
            return importlib.metadata.version(cls.packages[0])
        except (IndexError, importlib.metadata.PackageNotFoundError):
            return None

    @property
    def takes_texts(self) -> bool:
        """Whether the file makes ids of texts itself."""
        return any(port.dtype == TEXT for port in self.inputs)


def runtime_class(kind: str) -> type[Runtime]:
    """The class that runs files of that kind.

    Raises:
        InputError: there is none; the kinds that are known are named.
    """
    classes = {
        name: cls
        for module in modules.found(runtimes, "by_")
        for cls in vars(module).values()
        if isinstance(cls, type) and issubclass(cls, Runtime)
        for name in cls.kinds
    }
    try:
        return classes[kind]
    except KeyError:
        raise InputError(
            f"no runtime here runs the format {kind!r}; known: {', '.join(sorted(classes))}"
        ) from None
