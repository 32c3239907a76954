"""What the gate takes of files from elsewhere, and what it says of the rest."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lstm_edge.base import gate
from lstm_edge.base.files import read_json
from lstm_edge.errors import InputError, UnsupportedModelError


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[" * 101 + "1" + "]" * 101, "more than 100 deep"),
        ("[" * 100_000 + "]" * 100_000, "more than 100 deep"),
        ('{"a":' * 101 + "1" + "}" * 101, "more than 100 deep"),
        ("1" * 5_000, "5,000 digits"),
        ("-" + "1" * 22, "23 digits"),
        ("[1, -1e400]", "beyond 1e308"),
        ("[NaN]", "NaN is not a number"),
        ("[-Infinity]", "-Infinity is not a number"),
        (r'{"a": "\ud800"}', "half a character"),
        (r'{"\udfff": 1}', "half a character"),
        ("{", "not valid JSON"),
        ("", "not valid JSON"),
    ],
)
def test_what_is_not_taken_of_json(text: str, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=reason):
        read_json(path, "manifest")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("[" * 100 + "]" * 100, None),
        ("18446744073709551615", 2**64 - 1),
        (r'"\ud83d\ude00"', "\U0001f600"),
    ],
)
def test_what_is_taken(text: str, value: object) -> None:
    assert value in (None, gate.parse_json(text, "text"))


def test_halves_where_they_may_stand() -> None:
    assert gate.parse_json(r'"\ud800"', "text", halves=True) == "\ud800"


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="is a pipe; expected a regular file"):
        gate.read_bytes(tmp_path / "pipe", "model", 10)


def test_a_large_file_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(bytes(11))
    with pytest.raises(InputError, match="more than 10 bytes"):
        gate.read_bytes(tmp_path / "large", "model", 10)


@pytest.mark.parametrize("text", ["", "one", "1" * 5_000, "1.0"])
def test_a_number_that_is_none(text: str) -> None:
    with pytest.raises(InputError, match=r"expected a whole number$"):
        gate.whole_number(text, "the count")


@pytest.mark.parametrize("length", [999, 1000, 1001, 100_000])
def test_a_message_has_an_upper_length(length: int) -> None:
    message = str(InputError("begin" + "x" * (length - 8) + "end"))
    assert message.startswith("beginx")
    assert message.endswith("xend")
    assert len(message) == min(length, len(message)) <= 1000
    assert (" … " in message) == (length > 1000)


def test_obstacles_are_listed_so_far() -> None:
    error = UnsupportedModelError("model x", [f"layer {i} is odd" for i in range(1000)])
    assert len(error.obstacles) == 1000
    assert str(error).endswith("layer 29 is odd; and 970 more")
    long = UnsupportedModelError("model x", ["a" * 100_000])
    assert len(long.obstacles[0]) <= 1000
