"""What is written about the code agrees with it: the exceptions, the map of the rooms, the pages."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from benchmarks import house
from lstm_edge import __version__, errors

# --- the exceptions -------------------------------------------------------------------------------


def drawn(text: str) -> list[tuple[int, str]]:
    """Depth and name of each entry of a tree that is drawn as a list in a list."""
    lines = (line for line in text.splitlines() if line.lstrip().startswith("- "))
    return [((len(line) - len(line.lstrip())) // 2, line.strip("- ")) for line in lines]


def tree(root: type[Exception], depth: int = 0) -> list[tuple[int, str]]:
    """The same of a class and those made of it in its module, in the module's order."""
    below = [c for c in root.__subclasses__() if c.__module__ == root.__module__]
    below.sort(key=lambda c: inspect.getsourcelines(c)[1])
    return [(depth, root.__name__), *(entry for c in below for entry in tree(c, depth + 1))]


def test_the_exceptions_are_drawn_as_they_are() -> None:
    assert drawn(errors.__doc__ or "") == tree(errors.LstmEdgeError)
    classes = {name for name, value in vars(errors).items() if inspect.isclass(value)}
    assert classes - {"Sequence"} == {name for _, name in tree(errors.LstmEdgeError)}


@pytest.mark.parametrize("name", [name for _, name in tree(errors.LstmEdgeError)])
def test_an_exception_that_is_not_drawn_is_noticed(name: str) -> None:
    lines = (errors.__doc__ or "").splitlines()
    without = "\n".join(line for line in lines if line.strip("- ") != name)
    assert drawn(without) != tree(errors.LstmEdgeError)


# --- the map of the rooms -------------------------------------------------------------------------

CONTRACT = """
[[tool.importlinter.contracts]]
type = "layers"
containers = ["lstm_edge"]
layers = ["high", "left : right", "low"]
"""


@pytest.fixture
def small_house(tmp_path: Path) -> Path:
    """Four rooms, one of them a module, and export."""
    (tmp_path / "pyproject.toml").write_text(CONTRACT)
    for room in ("lstm_edge/high", "lstm_edge/left", "lstm_edge/right", "export"):
        (tmp_path / room).mkdir(parents=True)
        (tmp_path / room / "__init__.py").write_text(f'"""Holds {Path(room).name}.\n\nMore."""\n')
    (tmp_path / "lstm_edge" / "low.py").write_text('"""Holds\nlow."""\n')
    (tmp_path / "lstm_edge" / "__init__.py").touch()
    return tmp_path


def test_the_map_is_made_of_the_code(small_house: Path) -> None:
    assert house.table(small_house).rows == (
        ("export", "Holds export.", "lstm_edge"),
        ("high", "Holds high.", "left, right and below"),
        ("left", "Holds left.", "low"),
        ("right", "Holds right.", "low"),
        ("low", "Holds low.", "nothing"),
    )


def test_a_room_without_a_place_or_a_sentence_is_noticed(small_house: Path) -> None:
    (small_house / "lstm_edge" / "low.py").write_text("x = 1\n")
    with pytest.raises(SystemExit, match=r"lstm_edge/low\.py does not say what the room holds"):
        house.table(small_house)
    (small_house / "lstm_edge" / "attic.py").touch()
    with pytest.raises(SystemExit, match="are not the rooms of lstm_edge: attic"):
        house.table(small_house)
    (small_house / "pyproject.toml").write_text("[tool.importlinter]\ncontracts = []\n")
    with pytest.raises(SystemExit, match="no contract of layers"):
        house.table(small_house)


def test_every_room_is_on_the_map() -> None:
    assert [row[0] for row in house.table().rows][1:] == [
        r for layer in house.layers() for r in layer
    ]


# --- the pages ------------------------------------------------------------------------------------


def test_the_pages_name_what_is_there() -> None:
    assert house.problems(house.all_pages()) == []


@pytest.mark.parametrize(
    "name",
    [
        "lstm_edge/vault/door.py",
        "lstm_edge/vault/from_NAME.py",
        "benchmarks/vault_*.py",
        "lstm_edge.base.vault",
        "lstm_edge.base.extras.vault_door",
    ],
)
def test_what_a_page_names_in_vain_is_noticed(name: str) -> None:
    assert house.stale({"README.md": f"See `{name}`."}) == [f"README.md: {name}"]


def test_what_a_page_may_name() -> None:
    text = (
        "`export/to_FORMAT.py`, `lstm_edge/cli/`, tests/test_*.py. `lstm_edge.base.extras.require`"
    )
    links = " [x](docs/lstm.md#top) [y](https://example.org/lstm_edge/none.py) [z](#here)"
    assert house.stale({"README.md": text + links}) == []
    assert house.stale({"docs/lstm.md": "[x](docs/lstm.md)"}) == ["docs/lstm.md: docs/lstm.md"]


# --- the changelog --------------------------------------------------------------------------------

GOOD = "# Changelog\n## [Unreleased]\n### Added\n- a\n## [1.2.0] - 2026-01-02\n### Fixed\n- b\n"


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("## [Unreleased]", "## Soon", "not a version: ## Soon"),
        ("## [Unreleased]\n", "", "what is not released does not stand first, as [Unreleased]"),
        ("Fixed", "Mended", "not a heading of Keep a Changelog: Mended"),
        (" - 2026-01-02", "", "no date: [1.2.0]"),
        ("1.2.0", "1.3.0", "its newest version is 1.3.0, the package's 1.2.0"),
    ],
)
def test_another_changelog_is_noticed(old: str, new: str, problem: str) -> None:
    assert house.changelog_problems(GOOD, "1.2.0") == []
    assert problem in house.changelog_problems(GOOD.replace(old, new), "1.2.0")


def test_the_changelog_is_of_this_version() -> None:
    assert house.changelog_problems(house.CHANGELOG.read_text("utf-8"), __version__) == []
