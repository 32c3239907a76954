"""Texts or ids in, classes out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from export import formats
from export.ways.common import GOLDEN_EXAMPLES, Request, Way, Written, check_numbers
from lstm_edge.base.arrays import Arrays, Ids, Probabilities
from lstm_edge.bundle.golden import Golden
from lstm_edge.bundle.manifest import write_text_parts
from lstm_edge.errors import InputError
from lstm_edge.inputs import label_names, labelled, samples
from lstm_edge.inputs.tokenizer import TextSettings, Tokenizer, load_tokenizer, pad_sequences
from lstm_edge.models import run_folder
from lstm_edge.models.graph import GraphModel
from lstm_edge.results.parity import ParityReport, Tolerance
from lstm_edge.runtimes.runners import IdsRunner, text_runner
from lstm_edge.stack import LstmStack
from lstm_edge.structure import contents as structure
from lstm_edge.verify import edges
from lstm_edge.verify.measuring import measure


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
            {name: pad_sequences([ids], length or len(ids), self.settings.pad_id)}
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
            states=made.states,
        )
        return measure(
            made.name,
            runner,
            [golden.batch()],
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
        )


def text_way(
    request: Request,
    lowered: LstmStack | GraphModel,
    reference: IdsRunner,
    rows: int,
    outputs: int,
    length: int,
    pads: str,
    step: GraphModel | None,
) -> Way:
    settings, tokenizer = _vocabulary(request.source, rows, length)
    names = _labels(request.source.labels, outputs)
    golden = _golden(
        reference, rows, settings, tokenizer, names, request.source.label_values, request.dataset
    )
    return TextWay(
        lowered,
        rows,
        settings,
        tokenizer,
        names,
        request.source.label_values,
        golden,
        pads,
        step=step,
    )


def _vocabulary(
    source: run_folder.ModelSource, rows: int, length: int
) -> tuple[TextSettings, Tokenizer | None]:
    if source.vocab is None:
        return TextSettings(max_length=length), None
    if source.settings is not None:
        tokenizer = load_tokenizer(source.vocab, rows, source.settings)
    else:
        tokenizer = load_tokenizer(source.vocab, rows, max_length=length)
    if tokenizer.settings.max_length != length:
        raise InputError(
            f"the run's texts have {tokenizer.settings.max_length} ids, but its model takes {length}"
        )
    return tokenizer.settings, tokenizer


def _labels(labels: Sequence[str] | None, outputs: int) -> tuple[str, ...]:
    classes = max(2, outputs)
    if labels is None:
        return label_names.BINARY_NAMES if classes == 2 else tuple(str(i) for i in range(classes))
    if len(labels) != classes or len(set(labels)) != classes:
        raise InputError(
            f"{len(labels)} labels given ({', '.join(labels)}); the model has {classes} classes: give "
            "one different name for each, in the order of its outputs"
        )
    return tuple(labels)


def _golden(
    reference: IdsRunner,
    rows: int,
    settings: TextSettings,
    tokenizer: Tokenizer | None,
    names: tuple[str, ...],
    values: tuple[str, ...] | None,
    dataset: labelled.Dataset | None,
) -> Golden:
    """Golden texts: the user's data, else the shipped reviews; ids drawn where there is no way."""
    length = settings.max_length
    texts: tuple[str, ...] | None = None
    classes = None
    if dataset is not None:
        examples = dataset.evaluation().sample(GOLDEN_EXAMPLES)
        examples = labelled.cap_ids(examples, rows, settings)
        ids = examples.encode(tokenizer, settings)
        texts, classes = examples.texts, label_names.resolve_labels(examples.labels, names, values)
    elif tokenizer is not None:
        examples = samples.load()
        ids, texts = examples.encode(tokenizer, settings), examples.texts
        if names == label_names.BINARY_NAMES:
            classes = label_names.resolve_labels(examples.labels, names)
    else:
        ids = _drawn(rows, length)
    edge = edges.edge_sequences(length, rows, settings.first_word_id)
    edge_texts: dict[str, str] = {}
    if tokenizer is not None:
        edge_texts = edges.edge_texts(length, tokenizer.tokens, settings.first_word_id)
        edge |= zip(edge_texts, tokenizer.encode(edge_texts.values()), strict=True)

    def answers(sequences: Sequence[Ids]) -> Probabilities:
        if reference.pads == "none":
            outputs = reference.run_sequences(sequences)
        else:
            outputs = reference.run_all(pad_sequences(sequences, length, settings.pad_id))
        check_numbers([outputs], reference.path.name)
        return outputs

    return Golden(
        texts=texts,
        ids=tuple(ids),
        outputs=answers(ids),
        classes=None if classes is None else tuple(int(c) for c in classes),
        edge_names=tuple(edge),
        edge_ids=tuple(edge.values()),
        edge_outputs=answers(list(edge.values())),
        edge_texts=tuple(edge_texts.get(name) for name in edge),
    )


def _drawn(rows: int, length: int) -> list[Ids]:
    """Ids of every length, frequent (small) ones more often, as in text."""
    rng = np.random.default_rng(64)
    lengths = np.linspace(1, length, min(GOLDEN_EXAMPLES, length)).astype(int)
    return [(1 + rng.random(n) ** 2 * (rows - 1)).astype(np.int32) for n in lengths]
