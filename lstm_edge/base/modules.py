"""Modules of a package that are found by how their names begin, so that nothing is registered."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType


def found(package: ModuleType, prefix: str) -> list[ModuleType]:
    """In the order of their names, but for ``__main__``; a folder on ``package.__path__`` counts."""
    names = sorted(m.name for m in pkgutil.iter_modules(package.__path__))
    return [
        importlib.import_module(f"{package.__name__}.{name}")
        for name in names
        if name.startswith(prefix) and name != "__main__"
    ]
