"""What is written about the code agrees with it: the exceptions' tree."""

from __future__ import annotations

import inspect

import pytest

from lstm_edge import errors


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
