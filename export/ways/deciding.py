"""Which way a model goes: decided here, and nowhere else."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import Any

from export import stack
from export.ways.arrays import array_way, stream_way
from export.ways.common import Request, Way
from export.ways.texts import Shape, text_way
from lstm_edge.errors import InputError, UnsupportedModelError
from lstm_edge.inputs.preprocessing import ASSUMED, MODEL, OPTION
from lstm_edge.inputs.tokenizer import TextSettings
from lstm_edge.models.graph import GraphModel, read_graph
from lstm_edge.models.reference import of_ids
from lstm_edge.models.streaming import read_streaming
from lstm_edge.models.text_front import take_out
from lstm_edge.stack import LstmStack


def decide(model: Any, request: Request) -> Way:
    """The way of a model, the first of these that fits:

    - a stream: streaming is asked for, or the model is stateful and streaming is not refused (a
      classifier of texts gets its step model beside its other files, where there can be one);
    - texts or ids, pads in front skipped: the layers are Embedding, LSTM and Dense only, and a vocabulary
      is there, or an option that says how ids are padded;
    - texts: a classifier of ids, with a vocabulary;
    - arrays: any other model.

    A layer that makes ids of texts is taken out first, with its vocabulary.

    Raises:
        UnsupportedModelError: the model cannot be exported in any of these ways.
        InputError: an option does not apply to this way, or contradicts the model.
    """
    front = take_out(model, request.name)
    if front is not None:
        if request.has_vocab:
            raise InputError(
                f"the model has a vocabulary of its own, in layer {front.vocabulary.name}: leave "
                "`vocab` out"
            )
        model, request = front.model, replace(request, vocabulary=front.vocabulary, front=front)
    step = None
    if request.streaming:
        if not _streams_texts(model, request):
            _refuse_text_options(request)
            return stream_way(model, request)
        if request.chunk is not None:
            raise InputError(
                "`chunk` is for streams of arrays; a stream of words takes any number in a call"
            )
        with contextlib.suppress(UnsupportedModelError):  # the way says it; the rest is written
            step = read_streaming(model, request.name)
    # a lowering that is asked for is one of the other way
    layers = None
    if _wants_padding(request) and not request.lowering:
        layers = stack.read_stack(model, request.length)
    if layers is not None:
        _refuse_array_options(request)
        graph, lowered = (
            read_graph(model, request.name),
            replace(layers, either_side=request.either_side),
        )
        return _of_texts(request, graph, lowered, step)
    if request.either_side:
        raise InputError(
            "`either_side` is for models of Embedding, LSTM and Dense layers without a mask: in others "
            "no pads are skipped"
        )
    graph = read_graph(model, request.name)
    if graph.stateful and request.streaming is None:
        _refuse_text_options(request)
        return stream_way(model, request)
    own = _own_length(graph)
    free = any(None in tensor.shape[1:] for tensor in graph.inputs)
    if request.length is not None and not free and own != request.length:
        raise InputError(
            f"the model's input length is {own}, not the {request.length} given: leave the length out"
        )
    if request.vocabulary is not None and graph.is_classifier and graph.fixed_batch is None:
        _refuse_array_options(request)
        return _of_texts(request, graph, graph, step)
    if front is not None:
        raise UnsupportedModelError(
            request.name,
            ["it takes texts, and does not end in one sigmoid unit or a softmax over classes"],
        )
    _refuse_text_options(request)
    return array_way(graph, request)


def _of_texts(
    request: Request, graph: GraphModel, lowered: LstmStack | GraphModel, step: GraphModel | None
) -> Way:
    """Texts or ids in: how many of them, and what says so."""
    own, vocabulary = _own_length(graph), request.vocabulary
    length, source = own or request.length, MODEL if own else OPTION
    if length is None and vocabulary is not None and "max_length" in vocabulary.told:
        length, source = vocabulary.settings.max_length, vocabulary.told["max_length"]
    free = length is None
    if length is None:
        length, source = TextSettings().max_length, ASSUMED
    reference = of_ids(
        request.source.model, graph.model, max_length=length, pads="none" if free else "front"
    )
    rows, units = graph.inputs[0].rows, graph.outputs[0].shape[1]
    if rows is None or units is None:  # then it is no classifier
        raise AssertionError(graph)
    return text_way(request, lowered, reference, Shape(rows, units, length, source, free), step)


def _own_length(graph: GraphModel) -> int | None:
    shape = graph.inputs[0].shape
    return shape[1] if len(shape) > 1 else None


def _streams_texts(model: Any, request: Request) -> bool:
    """Whether a stream is one more file of a classifier of texts."""
    if request.vocabulary is None:
        return False
    graph = read_graph(model, request.name)
    return graph.is_classifier and graph.fixed_batch is None and not graph.stateful


def _wants_padding(request: Request) -> bool:
    """Whether examples are texts, or ids of any number; else a row of ids is an array like any other."""
    said = (request.vocabulary, request.dataset, request.expect)
    return any(x is not None for x in said) or bool(request.text_settings) or request.either_side


def _refuse_array_options(request: Request) -> None:
    if request.inputs is not None:
        raise InputError(
            "this model takes texts or ids: give its golden vectors with `dataset`, not `inputs`"
        )
    if request.batch is not None:
        raise InputError("`batch` is for models that take arrays; this one takes texts or ids")
    for name in ("scale", "unscale"):
        if getattr(request, name) is not None:
            raise InputError(
                f"`{name}` is for models that take arrays; this one takes texts or ids"
            )


def _refuse_text_options(request: Request) -> None:
    if request.text_settings or request.expect is not None or request.either_side:
        names = [*request.text_settings, *(["expect"] if request.expect is not None else [])]
        names += ["either_side"] if request.either_side else []
        raise InputError(
            f"{', '.join(f'`{name}`' for name in names)}: for a model of texts or ids; "
            f"{request.name} takes arrays"
        )
