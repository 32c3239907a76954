"""What model files are packed in: HDF5 and zips, looked over before anything is taken out of them."""

from __future__ import annotations

import contextlib
import math
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np

from lstm_edge.base import gate
from lstm_edge.base.extras import require
from lstm_edge.errors import InputError, LstmEdgeError

_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_PURPOSE = "reading a model"


@contextlib.contextmanager
def damaged(source: str) -> Iterator[None]:
    """Any error of a library that reads a file is one of this project: damage leads a reader anywhere."""
    try:
        yield
    except LstmEdgeError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(
            f"{source} is damaged ({gate.shown(reason, 200)}); copy it again"
        ) from error


# HDF5


@contextlib.contextmanager
def hdf5(file: Path | IO[bytes], source: str, size: int) -> Iterator[Any]:
    """An HDF5 file, whose data all lie in it.

    Args:
        source: begins the messages.
        size: of the file in bytes.

    Raises:
        OSError: it is no whole HDF5 file.
        InputError: links to other files, data in other files, or data that the file cannot hold.
    """
    with require("h5py", _PURPOSE).File(file, "r") as opened:
        with damaged(source):
            _check(opened, source, size)
        yield opened


def _check(file: Any, source: str, size: int) -> None:
    """Every link by itself, before any is followed."""
    h5py = require("h5py", _PURPOSE)
    waiting, seen = [file], {h5py.h5o.get_info(file.id).addr}
    declared = links = 0
    while waiting:
        group = waiting.pop()
        for name in group:
            links += 1
            if links > gate.MODEL_MEMBERS:
                raise InputError(
                    f"{source} is not taken: it holds more than {gate.MODEL_MEMBERS:,} arrays"
                )
            link = group.get(name, getlink=True)
            here = gate.shown(f"{group.name.rstrip('/')}/{name}".lstrip("/"))
            if isinstance(link, h5py.ExternalLink):
                raise InputError(
                    f"{source}: {here} is not stored in the file itself: it is a link to another "
                    f"({gate.shown(link.filename)}), which is not followed; save the model as one file"
                )
            if not isinstance(link, h5py.HardLink):
                continue  # inside the file
            item = group[name]
            if isinstance(item, h5py.Group):
                address = h5py.h5o.get_info(item.id).addr
                if address not in seen:
                    seen.add(address)
                    waiting.append(item)
            elif isinstance(item, h5py.Dataset):
                if item.external or item.is_virtual:
                    raise InputError(
                        f"{source}: {here} is not stored in the file itself, and other files are not "
                        "read: save the model as one file"
                    )
                declared += max(bytes_of(item), item.dtype.itemsize * math.prod(item.chunks or ()))
    gate.check_unpacked(declared, size, source)


def values_in(group: Any) -> int:
    """How many numbers lie in the arrays below a group."""
    sizes: list[int] = []

    def add(name: str, item: Any) -> None:
        if hasattr(item, "chunks"):
            sizes.append(count_of(item))

    group.visititems(add)
    return sum(sizes)


def bytes_of(dataset: Any) -> int:
    """What an array takes in memory."""
    return int(dataset.dtype.itemsize) * count_of(dataset)


def count_of(dataset: Any) -> int:
    """Numbers in an array; without the overflow of NumPy's."""
    return math.prod(map(int, dataset.shape or (0,) * (dataset.shape is None)))


def text_of(holder: Any, key: str, source: str) -> str | None:
    """An attribute that is a text, or None where there is none.

    Raises:
        InputError: it is something else.
    """
    if key not in holder.attrs:
        return None
    with damaged(source):
        value = holder.attrs[key]
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.item()
    if isinstance(value, bytes | str):
        with contextlib.suppress(UnicodeError):
            return value.decode() if isinstance(value, bytes) else value.encode().decode()
    what = (
        "no UTF-8" if isinstance(value, bytes | str) else f"a value of type {type(value).__name__}"
    )
    raise InputError(f"{source}: its {key} is {what}; expected a text, as Keras writes it")


def names_of(holder: Any, key: str, source: str) -> list[str]:
    """A list of names; those of more than 64 kB are in several attributes with numbers.

    Raises:
        InputError: it is something else, or has a name twice.
    """
    keys = [key]
    if key not in holder.attrs:
        keys = []
        while (numbered := f"{key}{len(keys)}") in holder.attrs:
            keys.append(numbered)
    names: list[str] = []
    for part in keys:
        with damaged(source):
            value = holder.attrs[part]
        items: Iterable[Any] = value.flat if isinstance(value, np.ndarray) else [value]
        for item in items:
            if not isinstance(item, bytes | str):
                kind = type(item).__name__
                raise InputError(
                    f"{source}: {part} holds a value of type {kind}; expected names, as Keras writes them"
                )
            with damaged(f"{source}: {part}"):
                names.append(item.decode() if isinstance(item, bytes) else str(item))
    if len(set(names)) < len(names):
        raise InputError(f"{source}: {key} holds a name twice; save it again where it was made")
    return names


# Zips


def zip_of(path: Path, source: str, kind: str = "a whole .keras file") -> zipfile.ZipFile:
    """A zip of sane sizes, of which every member can be read.

    Raises:
        InputError: cut short, encrypted, packed otherwise than Keras does, or a bomb.
    """
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, EOFError, ValueError, NotImplementedError) as error:
        raise InputError(
            f"{source} is not {kind} ({error}); it was cut short or is of another "
            "kind: save or copy it again"
        ) from None
    try:
        _check_members(archive, path, source, kind)
    except BaseException:
        archive.close()
        raise
    return archive


def _check_members(archive: zipfile.ZipFile, path: Path, source: str, kind: str) -> None:
    members = archive.infolist()
    if len(members) > gate.MODEL_MEMBERS:
        raise InputError(f"{source} is not taken: it holds more than {gate.MODEL_MEMBERS:,} files")
    names = {member.filename for member in members}
    if len(names) < len(members):
        raise InputError(f"{source} is not taken: it holds two files of one name")
    for member in members:
        if member.flag_bits & 0x1:
            raise InputError(
                f"{source} is encrypted ({gate.shown(member.filename)}): unpack it first"
            )
        if member.compress_type not in _METHODS:
            raise InputError(
                f"{source}: {gate.shown(member.filename)} in it is packed by method "
                f"{member.compress_type}; expected it as it is, or deflated"
            )
    gate.check_unpacked(sum(m.file_size for m in members), path.stat().st_size, source)
    try:
        broken = archive.testzip()
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, RuntimeError) as error:
        raise InputError(
            f"{source} is not {kind} ({error}); it was cut short or is of another "
            "kind: save or copy it again"
        ) from None
    if broken is not None:
        raise InputError(f"{source} is damaged: {broken} in it fails its checksum; copy it again")


def member(archive: zipfile.ZipFile, name: str, source: str, most: int | None = None) -> bytes:
    """A file in a zip of :func:`zip_of`.

    Raises:
        InputError: of more than so many bytes, whatever the archive says of its size.
    """
    with damaged(source), archive.open(name) as file:
        content = file.read(-1 if most is None else most + 1)
    if most is not None and len(content) > most:
        raise InputError(
            f"{source}: {name} in it has more than {most:,} bytes; expected at most so many"
        )
    return content


# Flatbuffers


class Listed:
    """Counts what a flatbuffer lists, each with four bytes of its own at least.

    Where there is more, lists lie on one another: a few kilobytes that take minutes to read.
    """

    def __init__(self, size: int, source: str) -> None:
        self._left, self._source = size // 4, source

    def take(self, count: int) -> range:
        """The numbers of so many more.

        Raises:
            InputError: the file cannot hold them.
        """
        self._left -= count
        if self._left < 0:
            raise InputError(
                f"{self._source} is damaged: it lists more than it can hold; copy it again"
            )
        return range(count)
