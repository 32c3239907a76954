"""Inputs of findings made small: as little as does the same."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

from lstm_edge.bundle.manifest import seal
from tests.fuzz.mutate import _places

SECONDS = 10.0
"""For one finding."""


def smaller(data: bytes, same: Callable[[bytes], bool]) -> bytes:
    """The smallest input found within :data:`SECONDS` for which ``same`` still holds."""
    end = time.monotonic() + SECONDS
    for fewer in (_less_json, _less_bytes):
        data = _reduced(data, same, fewer, end)
    return data


def _reduced(data: bytes, same: Any, fewer: Any, end: float) -> bytes:
    again = True
    while again:
        again = False
        for candidate in fewer(data):
            if time.monotonic() > end:
                return data
            if len(candidate) < len(data) and same(candidate):
                data, again = candidate, True
                break
    return data


def _less_json(data: bytes) -> Iterator[bytes]:
    """Without one place, the largest first; with its seal where it has one."""
    try:
        places = _places(json.loads(data))
    except (ValueError, TypeError, RecursionError, AttributeError):
        return
    sizes = [len(json.dumps(holder[key])) for holder, key in places]
    for at in sorted(range(len(places)), key=lambda i: -sizes[i]):
        value = json.loads(data)
        holder, key = _places(value)[at]
        del holder[key]
        if isinstance(value, dict) and "seal" in value:
            try:
                value["seal"] = seal(value)
            except UnicodeEncodeError:
                return
        yield json.dumps(value).encode()


def _less_bytes(data: bytes) -> Iterator[bytes]:
    size = len(data)
    while size:
        for begin in range(0, len(data), size):
            yield data[:begin] + data[begin + size :]
        size //= 2
