"""Which way a model goes: decided here, and nowhere else."""

from __future__ import annotations

from typing import Any

from export import stack
from export.ways.arrays import array_way, stream_way
from export.ways.common import Request, Way
from export.ways.texts import text_way
from lstm_edge.errors import InputError
from lstm_edge.inputs.tokenizer import TextSettings
from lstm_edge.models.graph import read_graph
from lstm_edge.models.reference import of_ids
from lstm_edge.models.streaming import read_streaming


def decide(model: Any, request: Request) -> Way:
    """The way of a model, the first of these that fits:

    - a stream: streaming is asked for, or the model is stateful and streaming is not refused (a
      classifier of texts gets its step model beside its other files);
    - texts or ids, pads on either side: the layers are Embedding, LSTM and Dense only;
    - texts, pads in front: a classifier of ids, with a vocabulary;
    - arrays: any other model.

    Raises:
        UnsupportedModelError: the model cannot be exported in any of these ways.
        InputError: an option does not apply to this way, or contradicts the model.
    """
    step = None
    if request.streaming:
        if not _streams_texts(model, request):
            return stream_way(model, request)
        if request.chunk is not None:
            raise InputError(
                "`chunk` is for streams of arrays; a stream of words takes any number in a call"
            )
        step = read_streaming(model, request.name)
    # a lowering that is asked for is one of the other way
    layers = None if request.lowering else stack.read_stack(model, request.length)
    if layers is not None:
        _refuse_array_options(request)
        reference = of_ids(request.source.model, model, max_length=layers.max_length)
        return text_way(
            request,
            layers,
            reference,
            len(layers.embedding),
            layers.outputs,
            layers.max_length,
            "any",
            step,
        )
    graph = read_graph(model, request.name)
    if graph.stateful and request.streaming is None:
        return stream_way(model, request)
    own = graph.inputs[0].shape[1] if len(graph.inputs[0].shape) > 1 else None
    free = any(None in tensor.shape[1:] for tensor in graph.inputs)
    if request.length is not None and not free and own != request.length:
        raise InputError(
            f"the model's input length is {own}, not the {request.length} given: leave the length out"
        )
    takes_texts = graph.is_classifier and graph.fixed_batch is None
    if request.source.vocab is not None and takes_texts:
        _refuse_array_options(request)
        settings = request.source.settings
        length = own or request.length or (None if settings is None else settings.max_length)
        pads = "none" if length is None else "front"
        length = length or TextSettings().max_length
        reference = of_ids(request.source.model, graph.model, max_length=length, pads=pads)
        rows, units = graph.inputs[0].rows, graph.outputs[0].shape[1]
        if rows is None or units is None:  # then it is no classifier
            raise AssertionError(graph)
        return text_way(request, graph, reference, rows, units, length, pads, step)
    return array_way(graph, request)


def _streams_texts(model: Any, request: Request) -> bool:
    """Whether a stream is one more file of a classifier of texts."""
    if request.source.vocab is None:
        return False
    graph = read_graph(model, request.name)
    return graph.is_classifier and graph.fixed_batch is None and not graph.stateful


def _refuse_array_options(request: Request) -> None:
    if request.inputs is not None:
        raise InputError(
            "this model takes texts or ids: give its golden vectors with `dataset`, not `inputs`"
        )
    if request.batch is not None:
        raise InputError("`batch` is for models that take arrays; this one takes texts or ids")
