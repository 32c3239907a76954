"""A TextVectorization or StringLookup layer in front of a model, taken out of it with its vocabulary."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lstm_edge.base.arrays import Array
from lstm_edge.base.extras import require
from lstm_edge.errors import UnsupportedModelError
from lstm_edge.inputs.preprocessing import MODEL, PUNCTUATION, WHITESPACE
from lstm_edge.inputs.tokenizer import TextSettings
from lstm_edge.inputs.vocabulary import OF_VECTORIZATION, Vocabulary
from lstm_edge.models.graph import flat_inputs, functional

_PURPOSE = "exporting"


@dataclass(frozen=True)
class TextFront:
    """What was taken out.

    Attributes:
        whole: the model as it was, of texts.
        model: what is behind the layer, of ids.
        vocabulary: the layer's words and settings.
        takes_words: the model takes words, one for each place, and not whole texts.
        length: ids in a row, where the layer itself says so; else the model does.
    """

    whole: Any
    model: Any
    vocabulary: Vocabulary
    takes_words: bool
    length: int | None

    def answers(self, texts: Sequence[str]) -> Array:
        """What the whole model answers to texts: float32 [N, K].

        All are one call where the layer fills them up to one length, else each is one.
        """
        tf = require("tensorflow", _PURPOSE)
        rank = len(flat_inputs(self.whole)[0].shape)
        parts = [texts] if self.length else [[text] for text in texts]
        rows = [self.whole(tf.reshape(tf.constant(p), [-1] + [1] * (rank - 1))) for p in parts]
        return np.concatenate([np.asarray(row, np.float32) for row in rows])


def take_out(model: Any, source: str) -> TextFront | None:
    """The layer that makes ids of texts, and what is behind it; None where a model takes no strings.

    Raises:
        UnsupportedModelError: a setting of the layer that has no counterpart here, or another layer
            takes the strings.
    """
    keras = require("keras", _PURPOSE)
    if not getattr(model, "inputs", None):
        return None
    strings = [tensor for tensor in flat_inputs(model) if str(tensor.dtype) == "string"]
    if not strings:
        return None
    takers = [
        (node.operation, node)
        # a layer has nodes of other models, too
        for node in itertools.chain.from_iterable(functional(model)._nodes_by_depth.values())
        if any(tensor is string for tensor in node.input_tensors for string in strings)
    ]
    layers = [layer for layer, _ in takers]
    known = (keras.layers.TextVectorization, keras.layers.StringLookup)
    if len(layers) != 1 or len(flat_inputs(model)) != 1 or not isinstance(layers[0], known):
        names = ", ".join(f"{layer.name} ({type(layer).__name__})" for layer in layers)
        raise UnsupportedModelError(
            source,
            [
                f"its strings go to {names}; expected one input of texts that one TextVectorization "
                "or StringLookup takes: cut off what stands before the ids"
            ],
        )
    ((layer, node),) = takers
    whole_texts = isinstance(layer, keras.layers.TextVectorization)
    obstacles, settings, assumed = (_vectorization if whole_texts else _lookup)(layer)
    if obstacles:
        raise UnsupportedModelError(
            source, [f"layer {layer.name} ({type(layer).__name__}): {o}" for o in obstacles]
        )
    told = {name: MODEL for name in settings.to_json() if name not in ("max_length", *assumed)}
    words = layer.get_vocabulary(include_special_tokens=False)
    vocabulary = Vocabulary(
        layer.name,
        {str(word): i for i, word in enumerate(words, settings.first_word_id)},
        settings,
        told,
        whole=True,
    )
    behind = keras.Model(node.output_tensors[0], functional(model).outputs, name=model.name)
    length = layer.get_config().get("output_sequence_length") if whole_texts else None
    return TextFront(model, behind, vocabulary, not whole_texts, length)


def _vectorization(layer: Any) -> tuple[list[str], TextSettings, tuple[str, ...]]:
    """What keeps a TextVectorization from being settings, the settings, and those it does not say."""
    config = layer.get_config()
    standardize, split = config["standardize"], config["split"]
    obstacles = []
    if standardize not in (None, "lower", "strip_punctuation", "lower_and_strip_punctuation"):
        obstacles.append("its `standardize` is Python code: expected one of Keras's own")
    if split not in ("whitespace", "character"):
        obstacles.append(f"its `split` is {split}; expected whitespace or character")
    if config["ngrams"] is not None:
        obstacles.append("it makes n-grams; expected single words")
    if config["output_mode"] != "int":
        obstacles.append(f"its `output_mode` is {config['output_mode']}; expected int")
    if config["ragged"]:
        obstacles.append("it gives ragged rows; expected rows of one length")
    named = str(standardize)
    settings = replace(
        OF_VECTORIZATION,
        lower="lower" in named,
        lower_ascii="lower" in named,
        deleted=PUNCTUATION if "strip_punctuation" in named else "",
        filters=WHITESPACE if split == "whitespace" else "",
        characters=split == "character",
    )
    return obstacles, settings, ()


def _lookup(layer: Any) -> tuple[list[str], TextSettings, tuple[str, ...]]:
    config = layer.get_config()
    obstacles = []
    if config["num_oov_indices"] != 1:
        obstacles.append(f"it has {config['num_oov_indices']} ids for unknown words; expected 1")
    if config["mask_token"] is None:
        obstacles.append(
            "it has no `mask_token`, so no id fills up short texts: give mask_token=''"
        )
    if config["output_mode"] != "int" or config.get("invert"):
        obstacles.append("it does not make ids of words: expected output_mode='int'")
    # it takes words: what made them of a text is not in the model
    settings = TextSettings(start_id=None, unknown_id=1, first_word_id=2)
    assumed = ("lower", "filters", "split", "padding", "truncating", "start_id")
    return obstacles, settings, assumed
