"""Keras as what every file is held against: on ids, and on arrays by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lstm_edge.models import architecture
from lstm_edge.models.graph import GraphModel, read_graph
from lstm_edge.runtimes.by_keras import Keras
from lstm_edge.runtimes.runners import ArrayRunner, IdsRunner, without_table


def of_ids(
    path: Path,
    model: Any = None,
    *,
    num_ids: int | None = None,
    max_length: int | None = None,
    pads: str = "front",
) -> IdsRunner:
    """Keras on ids; pads in front, or none.

    Args:
        model: the live model, where it is there already; ``path`` only names it then.
        num_ids, max_length, pads: see :class:`lstm_edge.runtimes.runners.IdsRunner`.
    """
    graph = read_graph(architecture.load(path) if model is None else model, path.name)
    runtime = Keras(graph, path, once=True)
    return IdsRunner(runtime, num_ids, max_length, pads=without_table(pads))


def of_arrays(graph: GraphModel, path: Path) -> ArrayRunner:
    """Keras on arrays by name.

    Args:
        path: names the model; nothing is loaded from it.
    """
    runtime = Keras(graph, path)
    return ArrayRunner(runtime, runtime.signature, runtime.fixed_batch)
