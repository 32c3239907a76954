"""Environments of nothing but some of the distributions that the tests run with, as on a device."""

from __future__ import annotations

import contextlib
import importlib.metadata
import re
import venv
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent


def pip_install(extra: str) -> str:
    """The command that messages name for an extra of what is tested: this checkout."""
    return f"pip install -e '{ROOT}[{extra}]'"


def closure(names: Sequence[str]) -> set[str]:
    """These distributions and all that they need."""
    todo, found = list(names), set[str]()
    while todo:
        name = re.split(r"[^A-Za-z0-9._-]", todo.pop(), maxsplit=1)[0].lower().replace("_", "-")
        if name in found:
            continue
        try:
            requires = importlib.metadata.distribution(name).requires or ()
        except importlib.metadata.PackageNotFoundError:  # of another system or Python
            continue
        found.add(name)
        todo += [one for one in requires if "extra ==" not in one]
    return found


def make_python(folder: Path, *names: str) -> Path:
    """An environment of nothing but these distributions and what they need; its Python."""
    venv.create(folder, with_pip=False, symlinks=True)
    (site,) = folder.glob("lib/python*/site-packages")
    for name in closure(names):
        distribution = importlib.metadata.distribution(name)
        parts = {Path(str(file)).parts[0] for file in distribution.files or ()}
        for part in parts - {"..", "__pycache__"}:
            with contextlib.suppress(FileExistsError):
                (site / part).symlink_to(str(distribution.locate_file(part)))
    return folder / "bin" / "python3"
