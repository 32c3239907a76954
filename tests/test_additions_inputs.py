"""A kind of table is one new file: it is read everywhere, and written nowhere."""

from __future__ import annotations

import gzip
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lstm_edge import inputs
from lstm_edge.errors import InputError
from lstm_edge.inputs import data as sources
from lstm_edge.inputs.labelled import Examples
from lstm_edge.predict.classifier import check_table

TOY = """
from lstm_edge.inputs.from_table import place_of

def records(file, path, columns):
    header = next(file).rstrip("\\n").split("|")
    places = [place_of(header, path, column) for column in columns]
    for number, line in enumerate(file, 2):
        values = line.rstrip("\\n").split("|")
        yield number, tuple(values[place] for place in places), "all"

READERS = {".bars": records}

def parts(source, columns):
    return None  # a table is found by its suffix
"""


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A module beside the room's own, and a table of its kind."""
    (tmp_path / "room").mkdir()
    (tmp_path / "room" / "from_bars.py").write_text(TOY)
    monkeypatch.setattr(inputs, "__path__", [*inputs.__path__, str(tmp_path / "room")])
    path = tmp_path / "data.bars"
    path.write_text("text|label\ngood film|pos\nbad film|neg\n")
    yield path
    sys.modules.pop("lstm_edge.inputs.from_bars", None)
    vars(inputs).pop("from_bars", None)


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gz"])
def test_a_new_kind_of_table_is_read(toy: Path, packed: bool) -> None:
    """With labels and without them, in windows, packed, and as the splits of a folder."""
    content = toy.read_bytes()
    ending = ".gz" if packed else ""
    folder = toy.parent / "splits"
    folder.mkdir()
    paths = [
        toy.parent / f"data.bars{ending}",
        *(folder / f"{s}.bars{ending}" for s in ("train", "test")),
    ]
    for path in paths:
        path.write_bytes(gzip.compress(content) if packed else content)
    expected = Examples(("good film", "bad film"), None, ("pos", "neg"))
    assert sources.load(str(paths[0])).splits == {"all": expected}
    assert list(sources.evaluation(str(paths[0])).windows()) == [expected]
    assert list(sources.texts(paths[0])) == list(expected.texts or ())
    assert sources.load(str(folder)).splits == {"train": expected, "test": expected}


def test_a_new_kind_of_table_is_named(toy: Path) -> None:
    """Where the known kinds are: in what is said of others."""
    other = toy.with_suffix(".xyz")
    other.write_text("a")
    for read in (lambda: sources.load(str(other)), lambda: sources.texts(other)):
        with pytest.raises(InputError, match=r"unknown kind of file \(.*\); expected .*\.bars"):
            read()


def test_a_kind_that_is_only_read_is_not_written(toy: Path) -> None:
    """Nor filled with text of another kind; the message lists what is written."""
    message = f"{toy}: unknown kind of file to write (.bars); expected .csv, .tsv, .jsonl (or"
    with pytest.raises(InputError, match=re.escape(message)):
        check_table(toy)
