"""Texts or ids in, classes out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from export import formats
from export.ways.common import GOLDEN_EXAMPLES, Request, Way, Written, check_numbers
from lstm_edge.base.arrays import Arrays, Ids, Probabilities
from lstm_edge.bundle.golden import Golden
from lstm_edge.bundle.manifest import write_text_parts
from lstm_edge.errors import ConversionError, InputError
from lstm_edge.inputs import label_names, labelled, samples
from lstm_edge.inputs.batches import ANSWERS
from lstm_edge.inputs.expected import read_expected
from lstm_edge.inputs.preprocessing import OPTION, SIDE_SETTINGS, Preprocessing, sources_of
from lstm_edge.inputs.tokenizer import TextSettings, Tokenizer
from lstm_edge.models.graph import GraphModel
from lstm_edge.models.text_front import TextFront
from lstm_edge.results.parity import ParityReport, Tolerance
from lstm_edge.results.rounding import KnownMoves, OwnRounding
from lstm_edge.runtimes.runners import IdsRunner, text_runner
from lstm_edge.stack import LstmStack
from lstm_edge.structure import contents as structure
from lstm_edge.verify import edges, matching
from lstm_edge.verify.comparing import vary
from lstm_edge.verify.measuring import measure
from lstm_edge.verify.rounding import own_rounding

# Of a vocabulary's probabilities fewer texts are kept: golden.json would outgrow the model.
MOST_NUMBERS, FEWEST = 250_000, 8
# What Keras's answer to a text may differ by from that to its ids: another shape rounds otherwise.
SAME_IDS = 1e-5


@dataclass(frozen=True)
class TextWay(Way):
    lowered: LstmStack | GraphModel
    num_ids: int
    settings: TextSettings
    tokenizer: Tokenizer | None
    names: tuple[str, ...]
    label_values: tuple[str, ...] | None
    golden: Golden
    pads: str
    preprocessing: Preprocessing
    rounding: tuple[OwnRounding, ...]
    said: tuple[str, ...] = ()
    batch: int = 1
    step: GraphModel | None = None

    @property
    def texts(self) -> formats.Texts | None:
        if self.tokenizer is None:
            return None
        return formats.Texts(self.tokenizer, self.names, self.pads)

    @property
    def examples(self) -> list[Arrays]:
        graph = self.lowered
        name = "ids" if isinstance(graph, LstmStack) else graph.inputs[0].name
        # without pads, each at its own length
        length = None if self.pads == "none" else self.settings.max_length
        return [
            {name: self.settings.padded([ids], length or max(1, len(ids)))}
            for ids in self.golden.ids
        ]

    @property
    def takes(self) -> str:  # type: ignore[override]  # of a frozen class, all the same
        return "ids" if self.tokenizer is None else "texts"

    def batch_of(self, precision: formats.Precision, inside: structure.Structure) -> int | None:
        fixed = inside.inputs[0].shape[0]
        return precision.batch or (fixed if fixed > 0 else None)

    def tolerance(self, precision: formats.Precision) -> Tolerance:
        return precision.tolerance

    def measure(self, made: Written) -> ParityReport:
        golden = self.golden
        runner = text_runner(
            made.runtime(),
            golden.outputs.shape[1],
            num_ids=self.num_ids,
            max_length=self.settings.max_length,
            batch=made.batch,
            pads=self.pads,
            truncating=self.settings.truncating,
            states=made.states,
        )
        return measure(
            made.name,
            runner,
            [replace(golden.batch(), moves=KnownMoves(self.rounding))],
            made.tolerance,
            checks=made.checks,
            golden=golden,
        )

    def write_parts(self, folder: Path) -> dict[str, Any]:
        return write_text_parts(
            folder,
            num_ids=self.num_ids,
            settings=self.settings,
            labels=self.names,
            label_values=self.label_values,
            tokenizer=self.tokenizer,
            golden=self.golden,
            pads=self.pads,
            preprocessing=self.preprocessing,
            rounding=self.rounding,
        )


@dataclass(frozen=True)
class Shape:
    """What a model takes and gives.

    Attributes:
        rows: of its embedding.
        outputs: K, numbers in an answer.
        length: ids of an example, at most.
        told: what says the length (see :class:`lstm_edge.inputs.preprocessing.Preprocessing`).
        free: each example is run at its own length, without pads.
    """

    rows: int
    outputs: int
    length: int
    told: str
    free: bool


def text_way(
    request: Request,
    lowered: LstmStack | GraphModel,
    reference: IdsRunner,
    shape: Shape,
    step: GraphModel | None,
) -> Way:
    """How texts become ids is settled here, and held against the user's examples where there are any."""
    settings, preprocessing = _settings(request, shape)
    names = _labels(request.source.labels, shape.outputs)
    values = request.source.label_values
    said: tuple[str, ...] = ()
    if request.expect is not None:
        match = matching.hold(
            read_expected(request.expect),
            settings,
            preprocessing,
            request.vocabulary,
            reference,
            rows=shape.rows,
            names=names,
            label_values=values,
        )
        preprocessing, said = match.preprocessing, match.said
    tokenizer = None
    if request.vocabulary is not None:
        tokenizer = request.vocabulary.tokenizer(shape.rows, settings)
    pads = "behind" if settings.padding == "post" else "front"
    if shape.free:
        pads = "none"
    elif isinstance(lowered, LstmStack) and pads == "front":
        pads = "any" if request.either_side else "skipped"
    elif request.either_side:
        raise InputError(
            "`either_side` skips pads behind the tokens, which this model was trained to take "
            "(`padding=post`): leave one of them out"
        )
    golden = _golden(request, reference, shape, settings, tokenizer, names)
    return TextWay(
        lowered,
        shape.rows,
        settings,
        tokenizer,
        names,
        values,
        golden,
        pads,
        preprocessing,
        own_rounding(reference, [golden.batch()], {ANSWERS: np.array(1.0)}),
        said,
        step=step,
    )


def _settings(request: Request, shape: Shape) -> tuple[TextSettings, Preprocessing]:
    options, vocabulary = request.text_settings, request.vocabulary
    of_texts = [f"`{name}`" for name in options if name not in SIDE_SETTINGS]
    if vocabulary is None and of_texts:
        raise InputError(f"{', '.join(of_texts)}: how words become ids, and there is no `vocab`")
    if request.front is not None and options and not request.front.takes_words:
        raise InputError(
            f"{', '.join(f'`{name}`' for name in options)}: how texts become ids is said by the model's "
            f"layer {request.front.vocabulary.name}: leave it out"
        )
    base = TextSettings() if vocabulary is None else vocabulary.settings
    told = {} if vocabulary is None else vocabulary.told
    if "max_length" in told and base.max_length != shape.length:
        raise InputError(
            f"the run's texts have {base.max_length} ids, but its model takes {shape.length}"
        )
    settings = replace(base, max_length=shape.length, **options)
    for name in ("start_id", "unknown_id"):
        if vocabulary is not None and (getattr(settings, name) or 0) >= shape.rows:
            raise InputError(
                f"`{name}` is {getattr(settings, name)}, but the model's embedding has only "
                f"{shape.rows} rows"
            )
    sources = sources_of(
        settings,
        shape.told,
        {**told, **dict.fromkeys(options, OPTION)},
        texts=vocabulary is not None,
        free=shape.free,
    )
    return settings, Preprocessing(sources)


def _labels(labels: Sequence[str] | None, outputs: int) -> tuple[str, ...]:
    classes = max(2, outputs)
    if labels is None:
        return label_names.BINARY_NAMES if classes == 2 else tuple(str(i) for i in range(classes))
    if len(labels) != classes or len(set(labels)) != classes:
        raise InputError(
            f"{len(labels)} labels given ({', '.join(labels)}); the model has {classes} classes: give "
            "one different name for each, in the order of its outputs"
        )
    return label_names.check_lines(labels)


def _golden(
    request: Request,
    reference: IdsRunner,
    shape: Shape,
    settings: TextSettings,
    tokenizer: Tokenizer | None,
    names: tuple[str, ...],
) -> Golden:
    """Golden texts: the user's data, else the shipped reviews; ids drawn where there is no way."""
    length, rows, values = shape.length, shape.rows, request.source.label_values
    most = max(FEWEST, MOST_NUMBERS // shape.outputs)
    texts: tuple[str, ...] | None = None
    classes = None

    def answers(sequences: Sequence[Ids]) -> Probabilities:
        if reference.pads == "none":
            outputs = reference.run_sequences([settings.kept(ids) for ids in sequences])
        else:
            outputs = reference.run_all(settings.padded(sequences))
        check_numbers([outputs], reference.path.name)
        return outputs

    if request.dataset is not None:
        examples = request.dataset.evaluation().sample(min(most, GOLDEN_EXAMPLES))
        examples = labelled.cap_ids(examples, rows, settings)
        ids = examples.encode(tokenizer, settings)
        texts, classes = examples.texts, label_names.resolve_labels(examples.labels, names, values)
    elif tokenizer is not None:
        examples = samples.load().sample(most)
        ids, texts = examples.encode(tokenizer, settings), examples.texts
        if names == label_names.BINARY_NAMES:
            classes = label_names.resolve_labels(examples.labels, names)
    else:
        ids = _drawn(rows, length)
    outputs = answers(ids)
    if tokenizer is not None and request.dataset is None and not vary(outputs):
        # reviews in a language, or of words, that the vocabulary does not have
        texts, classes = _composed(tokenizer, rows, length, min(most, GOLDEN_EXAMPLES)), None
        ids = tokenizer.encode(texts)
        outputs = answers(ids)
    edge = edges.edge_sequences(length, rows, settings.first_word_id)
    edge_texts: dict[str, str] = {}
    if tokenizer is not None:
        edge_texts = edges.edge_texts(length, tokenizer.tokens, settings.first_word_id)
        edge |= zip(edge_texts, tokenizer.encode(edge_texts.values()), strict=True)

    golden = Golden(
        texts=texts,
        ids=tuple(ids),
        outputs=outputs,
        classes=None if classes is None else tuple(int(c) for c in classes),
        edge_names=tuple(edge),
        edge_ids=tuple(edge.values()),
        edge_outputs=answers(list(edge.values())),
        edge_texts=tuple(edge_texts.get(name) for name in edge),
    )
    if request.front is not None and not request.front.takes_words:
        _check_front(request.front, golden, length)
    return golden


def _check_front(front: TextFront, golden: Golden, length: int) -> None:
    """The whole model, of texts, answers as what is behind its layer does on our ids.

    Raises:
        ConversionError: it does not: then the layer makes other ids.
    """
    cases = [
        *zip(golden.texts or (), golden.ids, golden.outputs, strict=True),
        *zip(golden.edge_texts, golden.edge_ids, golden.edge_outputs, strict=True),
    ]
    # where its length is free, Keras answers no text without a word, and cuts none as is assumed here
    pairs = [
        (text, outputs)
        for text, ids, outputs in cases
        if text is not None and (front.length or 0 < len(ids) < length)
    ]
    answers = front.answers([text for text, _ in pairs])
    for (text, outputs), answer in zip(pairs, answers, strict=True):
        if not np.abs(outputs - answer).max() <= SAME_IDS:
            raise ConversionError(
                f"the model's layer {front.vocabulary.name} makes other ids of {text[:60]!r} than its "
                f"settings say: Keras answers {answer.tolist()}, and {outputs.tolist()} on these ids"
            )


def _drawn(rows: int, length: int) -> list[Ids]:
    """Ids of every length, frequent (small) ones more often, as in text."""
    rng = np.random.default_rng(64)
    lengths = np.linspace(1, length, min(GOLDEN_EXAMPLES, length)).astype(int)
    return [(1 + rng.random(n) ** 2 * (rows - 1)).astype(np.int32) for n in lengths]


def _composed(tokenizer: Tokenizer, rows: int, length: int, count: int) -> tuple[str, ...]:
    """Texts of the vocabulary's own words, of every length."""
    settings = tokenizer.settings
    words = [word for word in tokenizer.tokens[settings.first_word_id : rows] if word] or [""]
    between = "" if settings.characters else settings.split
    return tuple(
        between.join(words[int(i * len(words) / rows)] for i in ids - 1)
        for ids in _drawn(rows, length)[-count:]
    )
