"""Files that something has gone wrong with."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

from lstm_edge.errors import InputError

TURNS = 150


def refusals(content: bytes, damaged: Path, read: Callable[[Path], object]) -> list[str]:
    """What a reader says of contents that are cut or overwritten at places drawn at random.

    Args:
        damaged: where they are written, one after the other.
        read: anything but an answer or an :class:`InputError` gets through.

    Returns:
        The errors' messages, of at most :data:`TURNS`; each has the file in it.
    """
    draw = random.Random(7)
    messages = []
    for turn in range(TURNS):
        changed = bytearray(content)
        if turn % 3:
            for _ in range(draw.choice([1, 3, 20])):
                changed[draw.randrange(len(changed))] = draw.randrange(256)
        else:
            del changed[draw.randrange(len(changed)) :]
        damaged.write_bytes(changed)
        try:
            read(damaged)
        except InputError as error:
            messages.append(str(error))
    assert all(str(damaged) in message for message in messages)
    return messages
