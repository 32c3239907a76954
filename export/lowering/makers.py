"""Which operation of a model is to blame where a format cannot say it."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from lstm_edge.base.extras import require
from lstm_edge.base.reasons import reason_of
from lstm_edge.errors import LstmEdgeError, UnsupportedModelError
from lstm_edge.models.graph import GraphModel, functional, read_graph

_PURPOSE = "exporting"


class Makers:
    """What the operations of a model make of themselves in a graph, told while it is traced.

    Attributes:
        failed: the operation, if any, that could not be traced.
    """

    def __init__(self) -> None:
        self.failed: Any = None
        self._calling: list[Any] = []
        self._of: dict[str, list[Any]] = {}  # by TensorFlow's name of an operator

    def call(self, operation: Any, function: Any, *args: Any, **options: Any) -> Any:
        """What the function gives; the operators that it makes are the operation's."""
        self._calling.append(operation)
        try:
            return function(*args, **options)
        except Exception:
            self.failed = self.failed or operation
            raise
        finally:
            self._calling.pop()

    def made(self, operator: str) -> None:
        if self._calling:
            known = self._of.setdefault(operator, [])
            if all(one is not self._calling[-1] for one in known):
                known.append(self._calling[-1])

    def of(self, operators: Iterable[str]) -> dict[str, tuple[Any, list[str]]]:
        """By its name each operation that makes any of these, and which."""
        found: dict[str, tuple[Any, list[str]]] = {}
        for operator in operators:
            for operation in self._of.get(operator, ()):
                names = found.setdefault(operation.name, (operation, []))[1]
                names.append(operator)
        return found


class NoFormError(UnsupportedModelError):
    """Operations of the model that a format cannot say; ``found`` are they, each with why."""

    def __init__(self, source: str, found: Sequence[tuple[Any, str]]) -> None:
        self.found = [*found]
        super().__init__(source, [f"{said(operation)} {why}" for operation, why in found])


@contextlib.contextmanager
def refusals(source: str, form: str, makers: Makers) -> Iterator[None]:
    """What TensorFlow or a converter raises, as an error that names the operation to blame.

    Of TFLite's converter the operators that it has no form for stand in its message.
    """
    try:
        yield
    except LstmEdgeError:
        raise
    except Exception as error:
        operators = dict.fromkeys(re.findall(r"'tf\.(\w+)' op is neither a custom op", str(error)))
        if (refusal := refuse(source, form, [*operators], makers)) is not None:
            raise refusal from error
        if makers.failed is not None:
            why = f"cannot be traced for {form}: {reason_of(error)}"
            raise NoFormError(source, [(makers.failed, why)]) from error
        raise


def refuse(source: str, form: str, operators: Sequence[str], makers: Makers) -> NoFormError | None:
    """The error that names who makes these operators; None where nobody is known to."""
    found = makers.of(operators)
    if not found:
        return None
    return NoFormError(
        source,
        [
            (
                one,
                f"has no form in {form}, which has no operator for TensorFlow's {', '.join(names)}",
            )
            for one, names in found.values()
        ],
    )


def said(operation: Any) -> str:
    """An operation as its user knows it: a layer's name and class, or the function it came from."""
    keras = require("keras", _PURPOSE)
    if isinstance(operation, keras.layers.Layer):
        return f"layer {operation.name} ({type(operation).__name__})"
    return f"operation {operation.name} (ops.{type(operation).__name__})"


@contextlib.contextmanager
def alone(operation: Any) -> Iterator[GraphModel]:
    """A model of this operation and nothing else."""
    keras = require("keras", _PURPOSE)
    nodes = [*operation._inbound_nodes]
    try:
        inputs = {id(tensor): tensor for tensor in nodes[0].input_tensors}
        model = keras.Model([*inputs.values()], nodes[0].output_tensors)
        yield read_graph(model, operation.name)
    finally:
        operation._inbound_nodes[:] = nodes


def distinct(model: Any) -> list[Any]:
    """One operation of each kind, with its options."""
    keras = require("keras", _PURPOSE)
    kinds: dict[Any, Any] = {}
    for operation in operations(model):
        kind: Any = id(operation)
        with contextlib.suppress(Exception):  # a layer of the user's own need not say its options
            if isinstance(operation, keras.layers.Layer):
                options = {**operation.get_config(), "name": ""}
                kind = f"{type(operation).__name__} {options}"
        kinds.setdefault(kind, operation)
    return [*kinds.values()]


def operations(model: Any) -> Iterator[Any]:
    """Layers and operations as they stand in the graphs of a model and of those in it."""
    keras = require("keras", _PURPOSE)
    models = [one for one in model._flatten_layers() if isinstance(one, keras.Model)]
    seen: set[int] = set()
    for one in [model, *models]:
        for operation in getattr(functional(one), "operations", ()):
            if id(operation) not in seen and not isinstance(
                operation, keras.Model | keras.layers.InputLayer
            ):
                seen.add(id(operation))
                yield operation
