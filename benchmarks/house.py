"""What the pages say of the code: the map of the rooms, the paths they name, the changelog's version.

The map is made of what the code says of itself, each room's docstring and the layers that import-linter
holds, so it cannot say anything else.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatch
from pathlib import Path

from lstm_edge import __version__
from lstm_edge.report.tables import Table

ROOT = Path(__file__).parent.parent
CHANGELOG = ROOT / "CHANGELOG.md"
# folders whose files the pages name by their paths, and packages whose names they write with dots
FOLDERS = ("lstm_edge", "export", "benchmarks", "tests", "scripts", "examples", "docs")
PACKAGES = ("lstm_edge", "export", "benchmarks")
# a title of Keep a Changelog, and its headings
_VERSION = re.compile(r"## \[([^\]]+)\](?: - (.+))?")
_SECTIONS = ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security")
_DATE = re.compile(r"\d{4}-\d\d-\d\d|not released")


# --- the map of the rooms -------------------------------------------------------------------------


def layers(root: Path = ROOT) -> list[list[str]]:
    """The rooms of ``lstm_edge`` from above downward; those of one layer do not import each other.

    Raises:
        SystemExit: no contract of pyproject.toml gives the layers of ``lstm_edge``.
    """
    contracts = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]
    for contract in contracts["contracts"]:
        if contract["type"] == "layers" and "lstm_edge" in contract.get("containers", ()):
            return [
                [room.strip(" ()") for room in re.split("[:|]", layer)]
                for layer in contract["layers"]
            ]
    raise SystemExit("pyproject.toml has no contract of layers with the container lstm_edge")


def rooms(root: Path = ROOT) -> list[str]:
    """The modules and packages directly in ``lstm_edge``."""
    packages = (path.parent.name for path in (root / "lstm_edge").glob("*/__init__.py"))
    modules = (path.stem for path in (root / "lstm_edge").glob("*.py"))
    return sorted({*packages, *modules} - {"__init__"})


def table(root: Path = ROOT) -> Table:
    """Every room, what it holds, and what it may import.

    Raises:
        SystemExit: the layers and the folders disagree, or a room has no docstring.
    """
    order = layers(root)
    placed = [room for layer in order for room in layer]
    if sorted(placed) != rooms(root):
        differing = ", ".join(sorted(set(placed) ^ set(rooms(root)))) or "a room stands twice"
        raise SystemExit(
            f"the layers in pyproject.toml are not the rooms of lstm_edge: {differing}"
        )
    rows = [("export", _holds(root / "export"), "lstm_edge")]
    for i, layer in enumerate(order):
        below = _below(order[i + 1 :])
        if "cli" in layer:  # as another contract has it
            below = f"export, {below}"
        rows += [(room, _holds(root / "lstm_edge" / room), below) for room in layer]
    return Table("Rooms", ("room", "holds", "may import"), tuple(rows))


def _below(lower: Sequence[Sequence[str]]) -> str:
    """The layers beneath one, in few words: its own neighbour and all that lies lower."""
    if not lower:
        return "nothing"
    return ", ".join(lower[0]) + (" and below" if len(lower) > 1 else "")


def _holds(room: Path) -> str:
    """The first sentence of a room's docstring."""
    path = room / "__init__.py" if room.is_dir() else room.with_suffix(".py")
    docstring = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
    first = " ".join(docstring.partition("\n\n")[0].split())
    if not first:
        raise SystemExit(f"{path.relative_to(room.parent.parent)} does not say what the room holds")
    return first


# --- names of files and modules -------------------------------------------------------------------


def stale(pages: Mapping[str, str], root: Path = ROOT) -> list[str]:
    """What pages (text by name) say that is not there: paths, links, modules and names in modules."""
    return [
        f"{page}: {name}"
        for page, text in pages.items()
        for name in (
            *_stale_paths(text, root),
            *_stale_links(page, text, root),
            *_stale_names(text, root),
        )
    ]


def _stale_paths(text: str, root: Path) -> Iterator[str]:
    """A word in capitals, such as ``NAME``, stands for any; then its folder has to be there."""
    pattern = rf"(?<![\w./-])(?:{'|'.join(FOLDERS)})/[\w./*-]*"
    for name in dict.fromkeys(re.findall(pattern, text)):
        path = name.rstrip(".")
        if re.search(r"[A-Z]{3,}", Path(path).name) and not path.endswith(".md"):
            path = str(Path(path).parent)
        if not (any(root.glob(path)) if "*" in path else (root / path).exists()):
            yield name


def _stale_links(page: str, text: str, root: Path) -> Iterator[str]:
    for target in dict.fromkeys(re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text)):
        if "://" not in target and not ((root / page).parent / target).exists():
            yield target


def _stale_names(text: str, root: Path) -> Iterator[str]:
    pattern = rf"(?<![\w./-])(?:{'|'.join(PACKAGES)})(?:\.[A-Za-z_]\w*)+"
    for name in dict.fromkeys(re.findall(pattern, text)):
        parts, path = name.split("."), root
        while parts and (path / parts[0]).is_dir():
            path /= parts.pop(0)
        module = path / "__init__.py"
        if parts and (path / f"{parts[0]}.py").is_file():
            module = path / f"{parts.pop(0)}.py"
        if parts and not (
            module.is_file() and re.search(rf"\b{parts[0]}\b", module.read_text("utf-8"))
        ):
            yield name


# --- the changelog --------------------------------------------------------------------------------


def changelog_problems(text: str, version: str = __version__) -> list[str]:
    """Where a changelog is not in the form of Keep a Changelog, or of another version."""
    titles = re.findall(r"^## .*$", text, re.MULTILINE)
    found = [_VERSION.fullmatch(title) for title in titles]
    problems = [f"not a version: {t}" for t, match in zip(titles, found, strict=True) if not match]
    problems += [
        f"not a heading of Keep a Changelog: {heading}"
        for heading in re.findall(r"^### (.*)$", text, re.MULTILINE)
        if heading not in _SECTIONS
    ]
    names = [(match[1], match[2]) for match in found if match]
    if not names or names[0][0] != "Unreleased":
        problems.append("what is not released does not stand first, as [Unreleased]")
    released = [name for name, _ in names if name != "Unreleased"]
    if released[:1] != [version]:
        problems.append(
            f"its newest version is {', '.join(released[:1]) or 'none'}, the package's {version}"
        )
    problems += [
        f"no date: [{name}]"
        for name, date in names
        if name != "Unreleased" and not _DATE.fullmatch(date or "")
    ]
    return problems


def problems(pages: Sequence[Path]) -> list[str]:
    """All that the pages say wrongly of the code, but for what is generated."""
    texts = {str(page.relative_to(ROOT)): page.read_text("utf-8") for page in pages}
    changelog = changelog_problems(CHANGELOG.read_text("utf-8"))
    return [
        *(f"{name}, which is not there" for name in stale(texts)),
        *(f"CHANGELOG.md: {problem}" for problem in changelog),
    ]


def all_pages() -> list[Path]:
    """The pages that are held against the code; the changelog may name what was."""
    pages = sorted(ROOT.glob("*.md")) + sorted((ROOT / "docs").glob("*.md"))
    return [page for page in pages if not fnmatch(page.name, "CHANGELOG*")]
