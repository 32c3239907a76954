"""What a configuration says of sizes, held against the file before Keras makes room for it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

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
        InputError: what is too large, with its layer.
    """
    layers = declared = 0
    for layer in _layers(entry):
        layers += 1
        if layers > LAYERS:
            raise InputError(f"{source} is not taken: it has more than {LAYERS:,} layers")
        config = layer.get("config")
        if not isinstance(config, dict):
            continue
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
