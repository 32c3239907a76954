"""Changes to an input, each of a kind of file: an odd value behind a right checksum is read further than
a flipped bit in front of one.

A mutator takes the bytes and a source of chance, and gives other bytes.
"""

from __future__ import annotations

import contextlib
import copy
import gzip
import io
import json
import re
import struct
import zipfile
import zlib
from collections.abc import Callable
from random import Random
from typing import Any

from lstm_edge.bundle.manifest import seal

Mutator = Callable[[bytes, Random], bytes]
MOST = 1 << 17
"""Bytes of an input: more finds no more, and takes longer."""

_INTS = (
    0,
    1,
    2,
    3,
    7,
    8,
    16,
    100,
    127,
    128,
    255,
    256,
    4095,
    65535,
    65536,
    2**31 - 1,
    2**31,
    2**32 - 1,
)
_INTS += (2**53, 2**62, 2**63 - 1, 2**63, 2**64 - 1, 2**64, 10**19, 10**30, 10**400)
_TEXTS = (
    "", " ", "a", "\n", "\x00", "\x1b[31m", "\u2028", "\x85", "\ud800", "é", "\U0001f600", "A" * 300,
    "../x", "../../planted.txt", "/etc/passwd", "a/b", ".", "..", "con", "[bold]x[/bold]", "[/x]", "None",
    "NaN", "inf", "-1", "9" * 5000, "1e999", "float32", "int32", "int64", "text", "tensors", "front",
    "behind", "post", "pre", "pad", "softmax", "sigmoid", "linear", "LSTM", "Functional", "Sequential",
    "<script>", "{x}", "%s", "`out`", "null", "O", "|O", "<f4", "|S1", "<U1", "V8", "M8[ns]",
)  # fmt: skip
_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 0.5, -0.0, 1e-320, 1e308, float("nan"), float("inf"), 1e400, [], {},
    [[]], [None], [0], {"": None}, [[1, 2], [3]], {"a": {"b": [1]}},
)  # fmt: skip


def raw(data: bytes, chance: Random) -> bytes:
    """Bytes changed, cut, repeated and moved, with lengths that are odd."""
    content = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 4, 8))):
        at = chance.randrange(len(content) + 1)
        kind = chance.randrange(8)
        if kind == 0 and at < len(content):
            content[at] ^= 1 << chance.randrange(8)
        elif kind == 1 and at < len(content):
            content[at] = chance.randrange(256)
        elif kind == 2:
            content[at:at] = bytes(chance.randrange(256) for _ in range(chance.randrange(1, 9)))
        elif kind == 3:
            del content[at : at + chance.choice((1, 2, 4, 8, 100))]
        elif kind == 4:
            end = at + chance.choice((1, 4, 16, 200))
            to = chance.randrange(len(content) + 1)
            content[to:to] = content[at:end]
        elif kind == 5:
            size = chance.choice((1, 2, 4, 8))
            at -= at % size if chance.random() < 0.8 else 0
            order = chance.choice(("little", "little", "big"))
            number = chance.choice(_INTS) + chance.choice((0, 0, 1, -1))
            content[at : at + size] = (number % (1 << 8 * size)).to_bytes(size, order)
        elif kind == 6:
            text = chance.choice(_TEXTS).encode("utf-8", "surrogatepass")
            content[at : at + chance.choice((0, len(text)))] = text
        else:
            del content[at:]
    return bytes(content[:MOST])


# ---- JSON


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Every place in a value, as the list or object and the index or key."""
    places, level = [], [value]
    while level:
        holder = level.pop()
        for key, item in holder.items() if isinstance(holder, dict) else enumerate(holder):
            places.append((holder, key))
            if isinstance(item, dict | list):
                level.append(item)
    return places


def _other(value: Any, chance: Random) -> Any:
    """A value in the place of another, mostly of its kind."""
    kind = chance.randrange(6)
    if kind == 0:
        return copy.deepcopy(chance.choice(_VALUES))
    if kind == 1:
        return chance.choice(_TEXTS)
    if kind == 2:
        return chance.choice(_INTS) * chance.choice((1, 1, -1))
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return (
            value + chance.choice((1, -1, 1000)) if kind == 3 else chance.choice((0, -value, 0.5))
        )
    if isinstance(value, str):
        at = chance.randrange(len(value) + 1)
        return value[:at] + chance.choice(_TEXTS) + value[at + chance.choice((0, 1, 50)) :]
    if isinstance(value, list):
        return value[: chance.randrange(len(value) + 1)] if kind == 3 else value + value
    if kind == 3:
        for _ in range(chance.choice((1, 5, 200))):
            value = [value]
        return value
    return list(value.items()) if isinstance(value, dict) else value


def changed(value: Any, chance: Random) -> Any:
    """A JSON value with some of its places changed; the value itself may be changed."""
    if not isinstance(value, dict | list):
        return _other(value, chance)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 6))):
        places = _places(value)
        if not places or len(places) > MOST:
            return copy.deepcopy(chance.choice(_VALUES))
        holder, key = chance.choice(places)
        kind = chance.randrange(8)
        if kind == 0:
            del holder[key]
        elif kind == 1:
            source, other = chance.choice(places)
            with contextlib.suppress(KeyError, IndexError, RecursionError):
                holder[key] = json.loads(json.dumps(source[other]))
        elif kind == 2 and isinstance(holder, dict):
            _, other = chance.choice(places)
            name = other if isinstance(other, str) else chance.choice(_TEXTS)
            holder[name] = holder.pop(key) if chance.random() < 0.5 else holder[key]
        elif kind == 3 and isinstance(holder, list):
            holder.insert(chance.randrange(len(holder) + 1), holder[key])
        else:
            holder[key] = _other(holder[key], chance)
    return value


def _dumped(value: Any, chance: Random) -> bytes:
    text = json.dumps(value, ensure_ascii=chance.random() < 0.5)
    return text.encode("utf-8", "surrogatepass")[:MOST]


def as_json(data: bytes, chance: Random) -> bytes:
    """Values inside, now and then the text itself."""
    if chance.random() < 0.9:
        with contextlib.suppress(ValueError, RecursionError):
            return _dumped(changed(json.loads(data), chance), chance)
    return raw(data, chance)


def sealed(data: bytes, chance: Random) -> bytes:
    """A manifest, with the seal of what it then says."""
    if chance.random() < 0.97:
        with contextlib.suppress(ValueError, RecursionError, AttributeError, TypeError):
            value = changed(json.loads(data), chance)
            return _dumped({**value, "seal": seal(value)}, chance)
    return raw(data, chance)


def json_lines(data: bytes, chance: Random) -> bytes:
    """Objects on lines, also behind a mark, as boards send them."""
    lines = data.split(b"\n")
    at = chance.randrange(len(lines))
    kind = chance.randrange(10)
    if kind == 0:
        del lines[at]
    elif kind == 1:
        lines.insert(chance.randrange(len(lines) + 1), lines[at])
    elif kind == 2:
        lines[at] = raw(lines[at], chance)
    else:
        mark, brace, rest = lines[at].partition(b"{")
        lines[at] = mark + as_json(brace + rest, chance)
    return b"\n".join(lines)[:MOST]


# ---- tables and texts

_CELLS = re.compile(rb"([\n\t, ])")


def table(data: bytes, chance: Random) -> bytes:
    """Cells between commas, tabs, spaces and line ends."""
    cells = _CELLS.split(data)
    for _ in range(chance.choice((1, 1, 2, 4))):
        at, kind = chance.randrange(len(cells)), chance.randrange(7)
        if kind == 0:
            cells[at] = chance.choice(_TEXTS).encode("utf-8", "surrogatepass")
        elif kind == 1:
            cells[at] = str(chance.choice(_INTS[:-1]) * chance.choice((1, -1))).encode()
        elif kind == 2:
            cells[at] = chance.choice(
                (b'"', b"\r", b"\r\n", b"\n", b"\t", b",", b'""', b"[1,2]", b"\xff")
            )
        elif kind == 3:
            cells[at : at + chance.choice((1, 2, 7))] = []
            cells = cells or [b""]
        elif kind == 4:
            end = at + chance.choice((2, 8))
            cells[at:at] = cells[at:end]
        elif kind == 5:
            cells[at] = chance.choice(cells)
        else:
            cells[at] = raw(cells[at], chance)
    return b"".join(cells)[:MOST]


# ---- packed files


def packed(inner: Mutator) -> Mutator:
    """A gzip, of which mostly the content changes."""

    def mutate(data: bytes, chance: Random) -> bytes:
        if chance.random() < 0.85:
            with contextlib.suppress(OSError, EOFError, zlib.error):
                return gzip.compress(inner(gzip.decompress(data)[:MOST], chance), 1, mtime=0)
        return raw(data, chance)

    return mutate


def npy(data: bytes, chance: Random) -> bytes:
    """The header of an array, with its length set right, or what comes behind it."""
    if data[:6] != b"\x93NUMPY" or len(data) < 12 or chance.random() < 0.1:
        return raw(data, chance)
    long = data[6] != 1
    begin = 12 if long else 10
    end = begin + int.from_bytes(data[8:begin], "little")
    header, rest = data[begin:end], data[end:]
    if chance.random() < 0.5:
        return data[:begin] + header + raw(rest, chance)
    numbers = list(re.finditer(rb"\d+", header))
    kind = chance.randrange(4)
    if kind == 0 and numbers:
        one = chance.choice(numbers)
        number = str(chance.choice(_INTS[:-1]) * chance.choice((1, 1, -1))).encode()
        header = header[: one.start()] + number + header[one.end() :]
    elif kind == 1:
        descr = chance.choice(
            ("O", "|O", "<f4", "<f8", "|S1", "<U9", "V8", "<M8[ns]", "?", "<c8", "|i1")
        )
        header = re.sub(rb"'descr': '[^']*'", f"'descr': '{descr}'".encode(), header)
    elif kind == 2:
        shape = chance.choice(
            ("()", "(0,)", "(1,)", "(2, 0)", "(1, 1, 1)", "(1e9,)", "(True,)", "(-1,)")
        )
        header = re.sub(rb"'shape': \([^)]*\)", f"'shape': {shape}".encode(), header)
    else:
        header = raw(header, chance)[:60000]
    size = len(header).to_bytes(begin - 8, "little")
    return data[:8] + size + header + rest


def archive(data: bytes, chance: Random) -> bytes:
    """The members of a zip, each by its ending, packed again with right checksums."""
    if chance.random() < 0.15:
        return raw(data, chance)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as file:
            members = [(info.filename, file.read(info)[:MOST]) for info in file.infolist()]
    except Exception:  # an input that was changed before
        return raw(data, chance)
    if not members:
        return raw(data, chance)
    at, kind = chance.randrange(len(members)), chance.randrange(12)
    name, content = members[at]
    if kind == 0:
        del members[at]
    elif kind == 1:
        members[at] = (
            chance.choice(_TEXTS[:-1]).replace("\ud800", "x") + chance.choice(("", ".npy")),
            content,
        )
    elif kind == 2:
        members.append((name, content))
    elif kind == 3:
        members[at] = chance.choice(members)[0], content
    else:
        endings = {"npy": npy, "json": as_json, "h5": hdf5}
        members[at] = name, endings.get(name.rpartition(".")[2], raw)(content, chance)
    out = io.BytesIO()
    ways = (zipfile.ZIP_STORED, zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)
    with zipfile.ZipFile(out, "w", chance.choice(ways), compresslevel=1) as file:
        for name, content in members:
            with _quiet():
                file.writestr(zipfile.ZipInfo(name), content, file.compression)
    return out.getvalue()


@contextlib.contextmanager
def _quiet() -> Any:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a name that is there twice is meant
        yield


# ---- HDF5, protocol buffers


def hdf5(data: bytes, chance: Random) -> bytes:
    """Attributes, links and arrays by h5py, or bytes."""
    if chance.random() < 0.5:
        return raw(data, chance)
    import h5py

    file = io.BytesIO(data)
    try:
        with h5py.File(file, "r+") as tree:
            names: list[str] = []
            tree.visit(names.append)
            place = tree[chance.choice(["/", *names])]
            for _ in range(chance.choice((1, 1, 2, 4))):
                _change(h5py, tree, place, names, chance)
    except Exception:  # an input that was changed before
        return raw(data, chance)
    return file.getvalue()[:MOST]


def _change(h5py: Any, tree: Any, place: Any, names: list[str], chance: Random) -> None:
    import numpy as np

    kind, attributes = chance.randrange(9), list(place.attrs)
    if kind <= 3 and (attributes or tree.attrs):
        holder = place if attributes else tree
        key = chance.choice(list(holder.attrs))
        value = holder.attrs[key]
        if isinstance(value, str | bytes) and chance.random() < 0.8:
            text = value.encode() if isinstance(value, str) else value
            holder.attrs[key] = np.bytes_(as_json(text, chance)[:60000])
        else:
            holder.attrs[key] = chance.choice(
                (
                    0,
                    1.5,
                    b"x",
                    "x",
                    [1, 2],
                    [b"a", b"\xff"],
                    ["é", ""],
                    np.zeros((2, 2)),
                    h5py.Empty("f"),
                )
            )
    elif kind == 4 and attributes:
        del place.attrs[chance.choice(attributes)]
    elif kind == 5 and names:
        del tree[chance.choice(names)]
    elif kind == 6 and isinstance(place, h5py.Group):
        links = (
            h5py.SoftLink("/"),
            h5py.SoftLink("/nowhere"),
            h5py.ExternalLink("/etc/passwd", "/"),
        )
        place[chance.choice(names or ["x"]).rpartition("/")[2] + "x"] = chance.choice(links)
    elif kind == 7 and names:
        name = chance.choice(names)
        del tree[name]
        tree[name] = chance.choice(
            (np.zeros(3, "f4"), np.zeros((2, 5)), "text", np.array([b"a"]), 1)
        )
    else:
        name = "big" + str(chance.randrange(9))
        tree.create_dataset(name, (chance.choice(_INTS[:-4]),), "f4", chunks=(1,))


def _fields(data: bytes) -> list[tuple[int, int, Any]] | None:
    """The fields of a protobuf message as (number, wire type, value); None: it is none."""
    fields, at = [], 0

    def varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    try:
        while at < len(data):
            key = varint()
            number, wire = key >> 3, key & 7
            value: Any
            if wire == 0:
                value = varint()
            elif wire == 2:
                size = varint()
                value = data[at : at + size]
                if len(value) != size:
                    return None
                at += size
            elif wire in (1, 5):
                size = 8 if wire == 1 else 4
                value = data[at : at + size]
                at += size
            else:
                return None
            if not number:
                return None
            fields.append((number, wire, value))
    except IndexError:
        return None
    return fields


def _varint(value: int) -> bytes:
    out = bytearray()
    value &= 2**64 - 1
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def protobuf(data: bytes, chance: Random) -> bytes:
    """A field somewhere in the messages within one another; all lengths around it are set right."""
    if chance.random() < 0.1 or not (fields := _fields(data)):
        return raw(data, chance)
    for _ in range(chance.choice((1, 1, 2))):
        at = chance.randrange(len(fields))
        number, wire, value = fields[at]
        kind = chance.randrange(10)
        if kind == 0 and len(fields) > 1:
            del fields[at]
        elif kind == 1:
            fields.append(fields[at])
        elif kind == 2:
            fields[at] = chance.randrange(1, 20), wire, value
        elif wire == 0:
            fields[at] = number, wire, chance.choice(_INTS)
        elif wire == 2 and len(value) > 1 and _fields(value) and chance.random() < 0.9:
            fields[at] = number, wire, protobuf(value, chance)
        elif wire == 2:
            fields[at] = number, wire, raw(value, chance)
        else:
            fields[at] = number, wire, raw(value, chance)[: len(value)].ljust(len(value), b"\0")
    out = bytearray()
    for number, wire, value in fields:
        out += _varint(number << 3 | wire)
        out += _varint(value) if wire == 0 else (_varint(len(value)) if wire == 2 else b"") + value
    return bytes(out[:MOST])


def flatbuffer(data: bytes, chance: Random) -> bytes:
    """Whole numbers of four bytes where they lie, such as offsets and lengths; else bytes."""
    if len(data) < 8 or chance.random() < 0.4:
        return raw(data, chance)
    content = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 4))):
        at = 4 * chance.randrange(len(content) // 4)
        (number,) = struct.unpack_from("<I", content, at)
        near = number + chance.choice((-4, -1, 1, 4, 4 * chance.randrange(64)))
        value = chance.choice((near, near, *_INTS, at, len(content), 2**32 - at))
        struct.pack_into("<I", content, at, value % 2**32)
    return bytes(content)
