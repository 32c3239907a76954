"""What a configuration says of sizes and of its graph, before Keras makes room for it and follows it."""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from lstm_edge.base import gate
from lstm_edge.errors import InputError

LAYERS = 10_000
"""Keras takes some milliseconds for each; the largest of its own models has 1,500."""
VALUES = 1 << 27
"""Numbers of one input: a minute of video in 224 x 224 has that many."""
_GATES = {"LSTM": 4, "GRU": 3, "SimpleRNN": 1}
_RECURRENT = re.compile("(?:CuDNN)?(LSTM|GRU|SimpleRNN)(?:Cell)?")
# what makes an array of a size that no weight has
_SHAPES = "batch_shape batch_input_shape target_shape n size padding".split()


def check(entry: Any, stored: int, source: str) -> None:
    """Refuse more layers, weights or inputs than a file can be meant to have.

    Args:
        entry: the configuration of a model.
        stored: numbers in the file of weights, at least.

    Raises:
        InputError: what is too large, with its layer, or a graph in which layers wait for each other:
            some versions of Keras wait with them.
    """
    layers = declared = 0
    for layer in _layers(entry):
        layers += 1
        if layers > LAYERS:
            raise InputError(f"{source} is not taken: it has more than {LAYERS:,} layers")
        config = layer.get("config")
        if not isinstance(config, dict):
            continue
        if waiting := ", ".join(_waiting(config)):
            raise InputError(
                f"{source}: the stored graph does not fit together at the layers "
                + gate.shown(waiting, 200)
            )
        kind = str(layer.get("class_name"))
        name = str(config.get("name") or kind)[:60]
        for key in _SHAPES:
            if _product(config.get(key)) > VALUES:
                raise InputError(
                    f"{source} is not taken: the {key} of its layer {name} is of more than {VALUES:,} "
                    "numbers"
                )
        wanted = _least(kind, config)
        declared += wanted
        if declared > 2 * stored + LAYERS:  # two in a byte, in int4
            raise InputError(
                f"{source} is not taken: its layers up to {name} ({kind}) have at least {declared:,} "
                f"weights, and the file holds {stored:,} numbers: its structure is of another file, or "
                "damaged"
            )


def _layers(value: Any) -> Iterator[dict[str, Any]]:
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            if "class_name" in item and isinstance(item.get("config"), dict | list):
                yield item
            waiting += [v for v in item.values() if isinstance(v, dict | list)]
        elif isinstance(item, list):
            waiting += [v for v in item if isinstance(v, dict | list)]


def _product(value: Any) -> int:
    """Of the whole numbers of a shape, whatever stands between them."""
    if isinstance(value, dict):  # of a tuple, as Keras marks one
        value = value.get("config", value.get("items"))
    if isinstance(value, list):
        return math.prod(_product(item) or 1 for item in value)
    return value if isinstance(value, int) and value > 0 else 1


def _least(kind: str, config: dict[str, Any]) -> int:
    """Weights that a layer of Keras's own has at least, whatever goes into it."""

    def said(*keys: str) -> int:
        return next((_product(config[key]) for key in keys if key in config), 0)

    if kind == "Embedding":
        return said("input_dim") * said("output_dim")
    if match := _RECURRENT.fullmatch(kind):
        return _GATES[match[1]] * said("units", "output_dim") ** 2
    if kind == "Dense":
        return said("units", "output_dim")
    if kind == "MultiHeadAttention":
        return said("num_heads") * said("key_dim")
    return said("filters", "nb_filter") * max(1, said("kernel_size")) if "Conv" in kind else 0


def _waiting(config: dict[str, Any]) -> list[str]:
    """The layers of a graph whose inputs nobody makes, or of one name; none of what is no graph."""
    stored = config.get("layers")
    if "output_layers" not in config or not isinstance(stored, list):
        return []
    named = [e for e in stored if isinstance(e, dict) and "name" in e]
    layers = {str(e["name"]): e for e in named}
    if len(layers) < len(named):
        return [name for name, n in Counter(str(e["name"]) for e in named).items() if n > 1]
    nodes = {
        name: [set(_taken(call, layers)) for call in calls]
        for name, entry in layers.items()
        if isinstance(calls := entry.get("inbound_nodes"), list) and calls
    }
    first: dict[str, int] = {}
    for other, call in set().union(*itertools.chain.from_iterable(nodes.values())):
        first[other] = min(call, first.get(other, call))
    # what was called before, as models are, counts that as its first call
    made = Counter(
        name for name, entry in layers.items() if first.get(name) == 1 or not _waits(entry)
    )
    moved = True
    while nodes and moved:
        moved = False
        for name in reversed(list(nodes)) if len(nodes) % 2 else list(nodes):
            while nodes[name] and all(made[other] > call for other, call in nodes[name][0]):
                del nodes[name][0]
                made[name] += 1
                moved = True
            if not nodes[name]:
                del nodes[name]
    return list(nodes)


def _waits(entry: dict[str, Any]) -> bool:
    inside = entry.get("config")
    model = isinstance(inside, dict) and "layers" in inside
    return not model and entry.get("class_name") != "InputLayer"


def _taken(value: Any, layers: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """Which call of which layer a call takes something of, as Keras 3 or 2 says it."""
    if isinstance(value, dict):
        inside = value.get("config")
        if value.get("class_name") == "__keras_tensor__" and isinstance(inside, dict):
            value = inside.get("keras_history")
            known = isinstance(value, list) and len(value) == 3 and isinstance(value[0], str)
            if known and isinstance(value[1], int):
                yield value[0], value[1]
            return
        value = list(value.values())
    if isinstance(value, list):
        if len(value) > 2 and isinstance(value[0], str) and value[0] in layers:
            if isinstance(value[1], int) and isinstance(value[2], int):
                yield value[0], value[1]
            value = value[3:]
        for inner in value:
            yield from _taken(inner, layers)
