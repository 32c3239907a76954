"""The gate for files and replies from elsewhere: what is taken at all, and every limit with its reason.

A reader asks here before it unpacks, parses or allocates what somebody else has written. Limits are far
above what real models and data have, and low enough that no file takes a machine's memory or minutes.
"""

from __future__ import annotations

import json
import math
import os
import re
import stat
import zipfile
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from lstm_edge.errors import InputError

MIB = 1 << 20
JSON_BYTES = 256 * MIB
"""A JSON file: the golden vectors of 10,000 answers with 1,000 classes have 200 MB."""
NESTING = 100
"""Lists and objects inside one another: a model in a model takes some five more than a model."""
DIGITS = 20
"""Of a whole number: 2^64 has 20. Python refuses to print one of more than 4,300."""
MANIFEST_BYTES = 32 * MIB
"""A bundle's manifest: that of 18 files and two classes has 60 kB, of 1,000 classes 100 kB more."""
KEY_BYTES = 8 << 10
"""A key for signatures: one of RSA with 8,192 bits, which is named as such, has 6.4 kB."""
BUNDLED_BYTES = 2048 * MIB
"""A file of a bundle: neither ONNX nor TFLite knows a larger one. It is hashed when the bundle opens."""
ROW = 8_000_000
"""Characters in a row of a table, or in a line: one text. "War and Peace" has 3.2 million, and its words
take twenty times as much memory as it does."""
HELD = 2 * ROW
"""Characters of the texts that are in memory at a time, where they are read window by window."""
TEXTS = 1 << 30
"""Characters of the texts that are loaded for training or a sample, which are in memory together."""
UNPACKED = 16 * MIB
"""Bytes that a packed table may have however small it is; see :data:`RATIO`."""
RATIO = 100
"""Times its own size that a packed file may have beyond that. English has 3 times, rows that are nearly
all alike 50 times; of one byte over and over gzip packs 1,000 into one."""
ARRAYS_UNPACKED = 256 * MIB
"""The same of packed arrays, in which zeros may well be more than a thousand to one."""
PICKLED = 64 * MIB
"""The same of pickled lists of ids, which take four times as much in memory. Keras's IMDB has 40 MB."""
MEMBERS = 65_535
"""Arrays in an archive: as many as the first kind of .zip has room for."""
MODEL_UNPACKED = 64 * MIB
"""The same of a model: random weights pack to nine tenths, pruned ones to a tenth."""
MODEL_MEMBERS = 10_000
"""Files in an archive, and arrays in a file of weights: a model of 1,500 layers has some 4,000."""
CONFIGURATION_BYTES = 32 * MIB
"""The configuration of a model: with a million words of a vocabulary in it, it has 15 MB."""
FILES = 1_000_000
"""Files of texts in a folder; the IMDB's have 12,500."""
WORDS_BYTES = 64 * MIB
"""A vocabulary: the 2.2 million words of GloVe have 50 MB."""
WINDOWS = 1 << 30
"""Bytes of the windows that are cut from a series: with a step of 1 they are as many times the series as
a window has steps."""
REPLY = 16 * MIB
"""A reply of a board, a phone or a page. Five rounds of 25,000 texts by six files are 5 MB, and JSON of
empty lists takes twenty-five times its own size in memory."""
NOISE = MIB
"""What a login shell prints beside them; a line counts as a hundred bytes at least."""
TASKS = 10_000
"""Tasks of which a board tells how far they are; it has some ten."""
MOST = {
    **dict.fromkeys(("threads", "workers"), 1_024),
    **dict.fromkeys(("length", "max_length", "chunk", "window"), 1_000_000),
    **dict.fromkeys(("batch", "batch_size", "embedding", "lstm", "dense"), 65_536),
    **dict.fromkeys(("rounds", "epochs"), 1_000_000),
    "num_words": 10_000_000,
}
"""What numbers are at most that users give, by argument.

Threads and workers: the largest machines have some hundreds of cores, and every thread takes memory.
Steps of a sequence: ten times the longest that is tried here. Examples in a call and units of a layer:
such a call or layer alone takes gigabytes. Rounds and epochs: nobody waits for so many. Words: five times
the largest vocabularies. Any other count is at most :data:`COUNT`."""
COUNT = (1 << 31) - 1
"""As many as an int32 counts."""
PADDED = 1 << 31
"""Bytes of the examples that a model is trained on: a hundred thousand of 5,000 ids."""
PARAMETERS = 1 << 29
"""Weights of a model to be trained: 2 GB of float32, and no .tflite or .onnx file holds more."""


def check_regular(path: Path, what: str) -> int:
    """The size in bytes of a regular file; a pipe or a device would be waited for without end.

    Raises:
        InputError: nothing is there, or no regular file.
    """
    try:
        status = path.stat()
    except FileNotFoundError:
        raise InputError(f"{what} {path} does not exist") from None
    except (OSError, ValueError) as error:  # ValueError: a null byte in the name
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{what} {path} cannot be read: {reason}") from None
    if not stat.S_ISREG(status.st_mode):
        raise InputError(f"{what} {path} is {_kind(status.st_mode)}; expected a regular file")
    return status.st_size


def _kind(mode: int) -> str:
    kinds = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
    return kinds.get(stat.S_IFMT(mode), "a device")


def read_bytes(path: Path, what: str, most: int) -> bytes:
    """A regular file's content, of at most so many bytes.

    Raises:
        InputError: no regular file, not readable, or larger.
    """
    try:
        with opened(path, what) as file:
            size = os.fstat(file.fileno()).st_size
            content = file.read(min(size, most) + 1)  # as much room as that is made
            if size < len(content) <= most:  # it has grown
                content += file.read(most + 1 - len(content))
    except OSError as error:
        raise InputError(f"{what} {path} cannot be read: {error.strerror}") from None
    if len(content) > most:
        raise InputError(f"{what} {path} has more than {most:,} bytes; expected at most so many")
    return content


def parse_json(
    text: str | bytes, what: str, *, halves: bool = False, constants: bool = False
) -> Any:
    """The value of a JSON text.

    Args:
        what: names it in the error, with its path where it has one.
        halves: halves of UTF-16 pairs may stand alone, which no file nor terminal can be given.
        constants: ``NaN`` and ``Infinity`` are numbers, as Keras writes them.

    Raises:
        InputError: not JSON, nested deeper than :data:`NESTING`, a number of more than :data:`DIGITS`
            digits, beyond 1e308 or that is none (``NaN``), or half a character.
    """
    try:
        value = json.loads(
            text, parse_int=_whole, parse_constant=float if constants else _no_number
        )
    except RecursionError:
        raise InputError(_too_deep(what)) from None
    except ValueError as error:
        raise InputError(f"{what} is not valid JSON: {error}") from None
    _check_values(value, what, halves, constants)
    return value


def whole_number(text: str, what: str) -> int:
    """The whole number that a text says in digits.

    Raises:
        InputError: another text, or more than :data:`DIGITS` digits.
    """
    digits = text.strip()
    try:
        if len(digits) <= DIGITS + 1:
            return int(digits)
    except ValueError:
        pass
    raise InputError(f"{what} is {shown(digits)!r}; expected a whole number")


def shown(text: str, most: int = 60) -> str:
    """A text from elsewhere as it stands in a message: cut."""
    return text if len(text) <= most else text[:most] + "…"


def _whole(digits: str) -> int:
    if len(digits) > DIGITS + 1:
        raise ValueError(f"a number of {len(digits):,} digits; expected at most {DIGITS}")
    return int(digits)


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number in JSON")


def _too_deep(what: str) -> str:
    return f"{what} is not taken: lists and objects stand more than {NESTING} deep in it"


def _check_values(value: Any, what: str, halves: bool, constants: bool) -> None:
    level = [value]
    for _ in range(NESTING + 1):
        below: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                below += item.values()
                if not halves:
                    below += item
            elif isinstance(item, list):
                below += item
            elif isinstance(item, float) and math.isinf(item) and not constants:
                raise InputError(f"{what} is not taken: a number in it is beyond 1e308")
            elif isinstance(item, str) and not halves and not item.isascii():
                try:
                    item.encode()
                except UnicodeEncodeError:
                    raise InputError(
                        f"{what} is not taken: the text {item[:40]!a} holds half a character "
                        "(of a UTF-16 pair)"
                    ) from None
        level = below
        if not level:
            return
    raise InputError(_too_deep(what))


def opened(path: Path, what: str) -> BinaryIO:
    """A regular file to read.

    Raises:
        InputError: no regular file, or not readable.
    """
    check_regular(path, what)
    try:  # without waiting: it may have become a pipe since
        return os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb")
    except OSError as error:
        raise InputError(f"{what} {path} cannot be read: {error.strerror}") from None


def is_bomb(size: int, packed: int, least: int) -> bool:
    """Whether a file unpacks to more bytes than any of its kind: :data:`RATIO` times as many as it has.

    Args:
        least: bytes that one may unpack to however small it is.
    """
    return size > max(least, RATIO * packed)


def check_archive(archive: zipfile.ZipFile, packed: int) -> None:
    """Refuse an archive whose directory says that it cannot be unpacked, or to how much.

    Nobody unpacks more than it says: the reader stops there, and compares the checksum.

    Args:
        packed: bytes of the file.

    Raises:
        ValueError: why, without the file's name.
    """
    members = archive.infolist()
    if len(members) > MEMBERS:
        raise ValueError(f"it holds {len(members):,} files, more than {MEMBERS:,}")
    names = set()
    for member in members:
        name = shown(member.filename)
        if member.filename in names:
            raise ValueError(f"it holds {name} twice")
        names.add(member.filename)
        if member.flag_bits & 1:
            raise ValueError(f"{name} is encrypted")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError(
                f"{name} is compressed in a way that arrays are not (expected deflate)"
            )
    size = sum(member.file_size for member in members)
    if is_bomb(size, packed, ARRAYS_UNPACKED):
        raise ValueError(
            f"it would unpack to {size:,} bytes, over {RATIO} times its own {packed:,}"
        )


# What moves a terminal's cursor, colours it, ends a line, or turns the direction of what follows.
_ACTING = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def printable(text: str, keep: str = "") -> str:
    """A text from elsewhere as a terminal may be given it: what would act there is spelled.

    Args:
        keep: of these characters, those that may act, such as the end of a line.
    """
    return _ACTING.sub(lambda m: m[0] if m[0] in keep else f"\\u{ord(m[0]):04x}", text)


def check_unpacked(size: int, of: int, what: str) -> None:
    """Refuse what is far more unpacked than packed, before it is unpacked.

    Args:
        size: bytes that the file says it unpacks to.
        of: bytes of the file itself.

    Raises:
        InputError: more than :data:`RATIO` times as many, and than :data:`MODEL_UNPACKED`.
    """
    if is_bomb(size, of, MODEL_UNPACKED):
        raise InputError(
            f"{what} is not taken: it has {of:,} bytes and declares {size:,}; expected at most {RATIO} "
            "times as many"
        )
