"""A model -> a bundle: every variant converted, looked into and held against the reference.

Which way a model goes is decided in :func:`_way`, and nowhere else.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from export import drawn, formats, stack
from lstm_edge.base import machine
from lstm_edge.base.arrays import Array, Arrays, Ids, Probabilities
from lstm_edge.base.extras import require
from lstm_edge.base.files import content_hash, replacing_folder, sha256
from lstm_edge.base.progress import SILENT, Progress
from lstm_edge.bundle import opening as bundle
from lstm_edge.errors import ConversionError, InputError, LstmEdgeError, UnsupportedModelError
from lstm_edge.inputs import array_files, batches, data, samples
from lstm_edge.inputs import signature as tensors
from lstm_edge.inputs.tokenizer import TextSettings, Tokenizer, load_tokenizer, pad_sequences
from lstm_edge.models import architecture as model_files
from lstm_edge.models import run_folder
from lstm_edge.models.graph import GraphModel, read_graph
from lstm_edge.models.reference import KerasRunner, KerasTensorRunner, fixed_batch
from lstm_edge.models.streaming import read_streaming
from lstm_edge.results.parity import Check, ParityReport, Tolerance
from lstm_edge.runtimes.runners import (
    RefusalError,
    Runner,
    TextRunner,
    any_runner_class,
    tensor_runner_class,
)
from lstm_edge.stack import LstmStack
from lstm_edge.structure import contents as structure
from lstm_edge.verify import comparing as parity
from lstm_edge.verify import comparing_arrays as tensor_parity
from lstm_edge.verify import verifying as verify

# Golden vectors taken from data of one's own: enough to see a difference, small enough to carry.
GOLDEN_EXAMPLES = 64
# What Keras's answer for an example alone may differ by from that in a batch, of the output's scale.
ALONE = 1e-4


@dataclass(frozen=True)
class ExportResult:
    """The bundle's folder and one report for each variant, on the golden vectors.

    Attributes:
        takes: what ``predict`` takes: ``texts``, ``ids`` (no vocabulary was given), ``arrays`` or
            ``steps`` (a stream).
    """

    path: Path
    reports: tuple[ParityReport, ...]
    takes: str

    @property
    def ok(self) -> bool:
        return all(report.ok for report in self.reports)

    @property
    def has_vocabulary(self) -> bool:
        return self.takes == "texts"


@dataclass(frozen=True)
class _Given:
    """What the user says of a model; see :func:`export_bundle`."""

    source: run_folder.ModelSource
    live: bool
    has_vocab: bool  # the option: that of a run folder need not be of use
    has_labels: bool
    length: int | None
    batch: int | None
    inputs: Any
    dataset: data.Dataset | None
    streaming: bool | None
    chunk: int | None
    lowering: str | None

    @property
    def name(self) -> str:
        return self.source.model.name


def export_bundle(
    model: Path | str | Any,
    out: Path | str,
    *,
    wanted_formats: Sequence[str] = (),
    precisions: Sequence[str] = (),
    vocab: Path | str | None = None,
    labels: Sequence[str] | None = None,
    length: int | None = None,
    batch: int | None = None,
    fold_embedding: bool = False,
    dataset: data.Dataset | None = None,
    inputs: Path | str | Mapping[str, Any] | None = None,
    streaming: bool | None = None,
    chunk: int | None = None,
    lowering: str | None = None,
    runtimes: Sequence[str] = (),
    text_input: bool = False,
    trust: bool = False,
    progress: Progress = SILENT,
) -> ExportResult:
    """Export a Keras model to a bundle; the folder appears only when it is whole.

    A classifier of texts (with a vocabulary, or of Embedding, LSTM and Dense layers) becomes a bundle
    that takes texts; any other model one that takes arrays.

    Args:
        model: a run folder of ``train``, a ``.keras`` or ``.h5`` file, a SavedModel, or a live Keras
            model.
        out: the bundle's folder; an earlier bundle there is replaced.
        wanted_formats, precisions: names; none means all.
        vocab: the vocabulary (see :func:`lstm_edge.inputs.tokenizer.load_tokenizer`); a run folder has
            its own.
        labels: names of the classes; a run folder has its own.
        length: ids or steps per example, where the model leaves it free: how texts are padded, and
            how long the inputs that are drawn are at most.
        batch: examples in a call of a TFLite file, of a model without text.
        fold_embedding: also write variants with the first layer's input product folded into the
            embedding: several times the size, and faster.
        dataset: take the golden vectors from these data instead of the shipped reviews.
        inputs: take them from these arrays instead of drawing them, for a model without text: a
            file (see :func:`lstm_edge.inputs.array_files.read_inputs`), or arrays by the inputs' names.
        streaming: write step models: states in, states out, fed in any pieces; of a classifier of
            texts beside its other files. None: where the model is stateful.
        chunk: steps in every call of a stream; None: any number.
        lowering: one of :func:`export.formats.lowerings` instead of the one chosen for the model.
        runtimes: of :func:`export.formats.runtimes`: write files for these only.
        text_input: of a classifier of texts, also write files that take a text as it is.
        trust: also execute what the file holds (Lambda layers, custom classes).

    Raises:
        UnsupportedModelError: with all obstacles at once.
        InputError: a file, name or option that cannot be used.
        ConversionError: a converter failed.
    """
    out = Path(out)
    bundle.check_replaceable(out)
    for name, number in (("length", length), ("batch", batch), ("chunk", chunk)):
        if number is not None and number < 1:
            raise InputError(f"{name} is {number}; it must be at least 1")
    beside = [formats.TEXT_INPUT] if text_input else []
    chosen = formats.choose(wanted_formats, precisions, fold_embedding, runtimes, beside)
    if chunk is not None and streaming is False:
        raise InputError("--chunk is for --streaming")
    if lowering is not None and not any(lowering in exporter.lowerings for exporter, _ in chosen):
        raise InputError(
            f"lowering {lowering} is not known for {', '.join({e.format for e, _ in chosen})}; there is "
            + "; ".join(
                f"{', '.join(e.lowerings)} for {e.format}"
                for e in formats.formats().values()
                if e.lowerings
            )
        )
    for exporter in dict.fromkeys(exporter for exporter, _ in chosen):
        for module in exporter.needs:  # missing now, not after the work
            require(module, f"exporting for {exporter.runtime}")
    live = not isinstance(model, str | Path)
    vocab_path = None if vocab is None else Path(vocab)
    if live:
        called = Path(str(getattr(model, "name", "model")))
        names = None if labels is None else tuple(labels)
        source = run_folder.ModelSource(called, vocab_path, None, names, None)
    else:
        source = run_folder.find(Path(model), vocab_path, labels)
    given = _Given(
        source,
        live,
        vocab is not None,
        labels is not None,
        length,
        batch,
        inputs,
        dataset,
        True if chunk else streaming,
        chunk,
        lowering,
    )
    with progress.task("Loading the Keras model", None):
        loaded = model if live else model_files.load(source.model, trust)
        way = _way(loaded, given)
    if way.step is not None:
        beside.append(formats.STREAM)
        chosen = formats.choose(wanted_formats, precisions, fold_embedding, runtimes, beside)
    if isinstance(way.lowered, GraphModel) and (
        folded := [f"{e.format}-{p.name}" for e, p in chosen if p.folded]
    ):
        raise InputError(
            f"{', '.join(folded)}: the embedding is only folded in models of Embedding, LSTM and Dense "
            "layers"
        )

    entries, reports = [], []
    with (
        tempfile.TemporaryDirectory(prefix="lstm-edge-") as work,
        replacing_folder(out) as folder,
        progress.task("Exporting", len(chosen)) as advance,
    ):
        # one for a kind of file: what its precisions share is made once
        makers: dict[str, formats.Exporter] = {}
        for exporter in dict.fromkeys(exporter for exporter, _ in chosen):
            place = Path(work) / exporter.kind()
            place.mkdir()
            lowered = way.lowered
            if exporter.made_for == formats.STREAM and way.step is not None:
                lowered = way.step
            makers[exporter.kind()] = exporter(lowered, place, way.batch, lowering, way.texts)
        # all at once, before the first takes its time
        if obstacles := [o for maker in makers.values() for o in maker.obstacles()]:
            raise UnsupportedModelError(given.name, obstacles)
        for exporter, precision in chosen:
            name = exporter.name(precision)
            path = folder / f"{name}{exporter.suffix}"
            made = makers[exporter.kind()]
            try:
                made.write(precision, path)
            except LstmEdgeError:
                raise
            except Exception as error:  # the converters raise every kind
                reason = " ".join(str(error).split())[:300]
                raise ConversionError(f"converting to {name} failed: {reason}") from error
            entry, report = _judge(name, made, precision, path, way)
            entries.append(entry)
            reports.append(report)
            advance(1)
        bundle.write_manifest(
            folder,
            way.write_parts(folder),
            source=_describe(given, out, loaded),
            variants=entries,
            versions=machine.versions(machine.MEASURED),
        )
    return ExportResult(out, tuple(reports), way.takes)


@dataclass(frozen=True)
class _Written:
    """A written file of a variant, to be judged; ``checks`` are those that are made already."""

    name: str
    kind: str
    path: Path
    batch: int | None
    tolerance: Tolerance
    checks: Sequence[Check]


class _Way(ABC):
    """How a model is exported and judged.

    Attributes:
        lowered: what the lowerings take.
        batch: examples in a call, in a format where that is fixed.
        takes: see :class:`ExportResult`.
        step: the step model of what takes texts, where one is wanted.
        texts: what makes ids of texts; None where nothing does.
    """

    lowered: LstmStack | GraphModel
    batch: int
    takes: str
    step: GraphModel | None = None

    @property
    def texts(self) -> formats.Texts | None:
        return None

    @abstractmethod
    def batch_of(self, precision: formats.Precision, inside: structure.Structure) -> int | None:
        """Examples in a call of a file of this precision; see ``VariantInfo.batch``."""

    @abstractmethod
    def tolerance(self, precision: formats.Precision) -> Tolerance: ...

    @abstractmethod
    def measure(self, made: _Written) -> ParityReport:
        """A written file against the reference."""

    @abstractmethod
    def write_parts(self, folder: Path) -> dict[str, Any]:
        """Write what the bundle has beside its variants; what the manifest says of it."""


def _way(model: Any, given: _Given) -> _Way:
    """Embedding, LSTM and Dense layers: texts or ids, pads on either side. Else, with a vocabulary, a
    classifier of ids: texts, pads in front. Else arrays; a stateful model, or where it is asked for, as
    a stream.

    Raises:
        UnsupportedModelError: no way takes the model.
        InputError: an option that is of another way, or contradicts the model.
    """
    step = None
    if given.streaming:
        if not _streams_texts(model, given):
            return _stream_way(model, given)
        if given.chunk is not None:
            raise InputError(
                "--chunk is for streams of arrays; a stream of words takes any number in a call"
            )
        step = read_streaming(model, given.name)
    layers = None
    if given.lowering is None:
        with contextlib.suppress(UnsupportedModelError):
            layers = stack.read_stack(model, given.name, given.length)
    if layers is not None:
        _refuse_tensor_options(given)
        reference = KerasRunner(given.source.model, loaded=model)
        return _text_way(
            given,
            layers,
            reference,
            len(layers.embedding),
            layers.outputs,
            layers.max_length,
            "any",
            step,
        )
    graph = read_graph(model, given.name)
    if graph.stateful and given.streaming is None:
        return _stream_way(model, given)
    own = graph.inputs[0].shape[1] if len(graph.inputs[0].shape) > 1 else None
    free = any(None in one.shape[1:] for one in graph.inputs)
    if given.length is not None and not free and own != given.length:
        raise InputError(f"the model's input length is {own}, not the {given.length} given")
    takes_texts = graph.is_classifier and fixed_batch(graph) is None
    if given.source.vocab is not None and takes_texts:
        _refuse_tensor_options(given)
        settings = given.source.settings
        length = own or given.length or (None if settings is None else settings.max_length)
        pads = "none" if length is None else "front"
        length = length or TextSettings().max_length
        reference = KerasRunner(
            given.source.model, max_length=length, pads=pads, loaded=graph.model
        )
        rows, units = graph.inputs[0].rows, graph.outputs[0].shape[1]
        if rows is None or units is None:  # then it is no classifier
            raise AssertionError(graph)
        return _text_way(given, graph, reference, rows, units, length, pads, step)
    return _tensor_way(graph, given)


def _streams_texts(model: Any, given: _Given) -> bool:
    """Whether a stream is one more file of a classifier of texts."""
    if given.source.vocab is None:
        return False
    graph = read_graph(model, given.name)
    return graph.is_classifier and fixed_batch(graph) is None and not graph.stateful


def _refuse_tensor_options(given: _Given) -> None:
    if given.inputs is not None:
        raise InputError(
            "this model takes texts or ids: give its golden vectors with --data, not --inputs"
        )
    if given.batch is not None:
        raise InputError("--batch is for models that take arrays; this one takes texts or ids")


# Texts


@dataclass(frozen=True)
class _TextWay(_Way):
    lowered: LstmStack | GraphModel
    num_ids: int
    settings: TextSettings
    tokenizer: Tokenizer | None
    names: tuple[str, ...]
    label_values: tuple[str, ...] | None
    golden: bundle.Golden
    pads: str
    batch: int = 1
    step: GraphModel | None = None

    @property
    def texts(self) -> formats.Texts | None:
        if self.tokenizer is None:
            return None
        return formats.Texts(self.tokenizer, self.names, self.pads)

    @property
    def takes(self) -> str:  # type: ignore[override]  # of a frozen class, all the same
        return "ids" if self.tokenizer is None else "texts"

    def batch_of(self, precision: formats.Precision, inside: structure.Structure) -> int | None:
        fixed = inside.inputs[0].shape[0]
        return precision.batch or (fixed if fixed > 0 else None)

    def tolerance(self, precision: formats.Precision) -> Tolerance:
        return precision.tolerance

    def measure(self, made: _Written) -> ParityReport:
        golden = self.golden
        cls = any_runner_class(made.kind)
        runner: Runner | TextRunner
        if issubclass(cls, TextRunner):
            runner = cls(made.path, 1, golden.outputs.shape[1])
        else:
            runner = cls(
                made.path, 1, self.num_ids, self.settings.max_length, made.batch, self.pads
            )
        return parity.measure(
            made.name,
            runner,
            golden.ids,
            golden.outputs,
            golden.edge_ids,
            golden.edge_outputs,
            made.tolerance,
            classes=None if golden.classes is None else np.array(golden.classes, np.int64),
            texts=golden.texts,
            checks=made.checks,
            edge_texts=golden.edge_texts,
        )

    def write_parts(self, folder: Path) -> dict[str, Any]:
        return bundle.write_text_parts(
            folder,
            num_ids=self.num_ids,
            settings=self.settings,
            labels=self.names,
            label_values=self.label_values,
            tokenizer=self.tokenizer,
            golden=self.golden,
            pads=self.pads,
        )


def _text_way(
    given: _Given,
    lowered: LstmStack | GraphModel,
    reference: KerasRunner,
    rows: int,
    outputs: int,
    length: int,
    pads: str,
    step: GraphModel | None,
) -> _Way:
    settings, tokenizer = _vocabulary(given.source, rows, length)
    names = _labels(given.source.labels, outputs)
    golden = _golden(
        reference,
        rows,
        settings,
        tokenizer,
        names,
        given.source.label_values,
        given.dataset,
    )
    return _TextWay(
        lowered,
        rows,
        settings,
        tokenizer,
        names,
        given.source.label_values,
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


def _labels(given: Sequence[str] | None, outputs: int) -> tuple[str, ...]:
    classes = max(2, outputs)
    if given is None:
        return data.BINARY_NAMES if classes == 2 else tuple(str(i) for i in range(classes))
    if len(given) != classes or len(set(given)) != classes:
        raise InputError(
            f"{len(given)} labels given ({', '.join(given)}); the model has {classes} classes: give "
            "one different name for each, in the order of its outputs"
        )
    return tuple(given)


def _golden(
    reference: KerasRunner,
    rows: int,
    settings: TextSettings,
    tokenizer: Tokenizer | None,
    names: tuple[str, ...],
    values: tuple[str, ...] | None,
    dataset: data.Dataset | None,
) -> bundle.Golden:
    """Golden texts: the user's data, else the shipped reviews; ids drawn where there is no way."""
    length = settings.max_length
    texts: tuple[str, ...] | None = None
    classes = None
    if dataset is not None:
        examples = dataset.evaluation().sample(GOLDEN_EXAMPLES)
        examples = data.cap_ids(examples, rows, settings)
        ids = examples.encode(tokenizer, settings)
        texts, classes = examples.texts, data.resolve_labels(examples.labels, names, values)
    elif tokenizer is not None:
        examples = samples.load()
        ids, texts = examples.encode(tokenizer, settings), examples.texts
        if names == data.BINARY_NAMES:
            classes = data.resolve_labels(examples.labels, names)
    else:
        ids = _drawn(rows, length)
    edge = parity.edge_sequences(length, rows, settings.first_word_id)
    edge_texts: dict[str, str] = {}
    if tokenizer is not None:
        edge_texts = parity.edge_texts(length, tokenizer.tokens, settings.first_word_id)
        edge |= zip(edge_texts, tokenizer.encode(edge_texts.values()), strict=True)

    def answers(sequences: Sequence[Ids]) -> Probabilities:
        if reference.pads == "none":
            outputs = reference.run_sequences(sequences)
        else:
            outputs = reference.run_all(pad_sequences(sequences, length, settings.pad_id))
        _check_numbers([outputs], reference.path.name)
        return outputs

    return bundle.Golden(
        texts=texts,
        ids=tuple(ids),
        outputs=answers(ids),
        classes=None if classes is None else tuple(int(c) for c in classes),
        edge_names=tuple(edge),
        edge_ids=tuple(edge.values()),
        edge_outputs=answers(list(edge.values())),
        edge_texts=tuple(edge_texts.get(name) for name in edge),
    )


def _check_numbers(outputs: Iterable[Array], model: str) -> None:
    if not all(np.isfinite(array).all() for array in outputs):
        raise InputError(_NOT_A_NUMBER.format(model))


_NOT_A_NUMBER = (
    "{} answers with what are not numbers (NaN): its training went wrong; train it again, with a smaller "
    "learning rate"
)


def _drawn(rows: int, length: int) -> list[Ids]:
    """Ids of every length, frequent (small) ones more often, as in text."""
    rng = np.random.default_rng(64)
    lengths = np.linspace(1, length, min(GOLDEN_EXAMPLES, length)).astype(int)
    return [(1 + rng.random(n) ** 2 * (rows - 1)).astype(np.int32) for n in lengths]


# Arrays


@dataclass(frozen=True)
class _TensorWay(_Way):
    lowered: GraphModel
    batch: int
    signature: tensors.Signature
    labels: tuple[str, ...]
    golden: tuple[batches.Batch, ...]
    checks: tuple[Check, ...]
    takes: str

    def batch_of(self, precision: formats.Precision, inside: structure.Structure) -> int | None:
        in_file = inside.inputs[0].shape[0]
        return in_file if in_file > 0 else fixed_batch(self.lowered) or precision.batch

    def tolerance(self, precision: formats.Precision) -> Tolerance:
        return precision.relative

    def measure(self, made: _Written) -> ParityReport:
        runner = tensor_runner_class(made.kind)(made.path, self.signature, batch=made.batch)
        checks = [*self.checks, *made.checks]
        return tensor_parity.measure(made.name, runner, self.golden, made.tolerance, checks=checks)

    def write_parts(self, folder: Path) -> dict[str, Any]:
        return bundle.write_tensor_parts(
            folder, signature=self.signature, golden=self.golden, labels=self.labels
        )


def _stream_way(model: Any, given: _Given) -> _Way:
    """The step model, held against Keras on whole sequences."""
    try:
        step = read_streaming(model, given.name, given.chunk)
    except UnsupportedModelError as error:
        if given.streaming:
            raise
        raise UnsupportedModelError(
            given.name,
            [
                *error.obstacles,
                f"it is stateful ({', '.join(read_graph(model, given.name).stateful)}), which is "
                "exported as a stream: give --no-streaming for files that begin anew at every call",
            ],
        ) from None
    whole = step if given.chunk is None else read_streaming(model, given.name)
    return _tensor_way(whole, given, step)


def _tensor_way(
    graph: GraphModel,
    given: _Given,
    step: GraphModel | None = None,
) -> _Way:
    """Arrays in, arrays out.

    Args:
        step: of a stream; ``graph`` is then what answers on whole sequences.
    """
    if given.has_vocab:
        raise InputError(
            f"--vocab is for a classifier of texts; {given.name} takes arrays: leave it out"
        )
    if given.dataset is not None:
        raise InputError(
            f"--data gives texts; {given.name} takes arrays: give golden vectors with --inputs"
        )
    fixed = fixed_batch(graph)
    if given.batch is not None and fixed is not None and given.batch != fixed:
        raise InputError(f"the model's batch is {fixed}, not the {given.batch} given")
    batch = fixed or given.batch or 1
    reference = KerasTensorRunner(graph, given.source.model)
    signature = reference.signature
    if step is not None:
        signature = replace(signature, states=step.all_states, chunk=given.chunk)
    labels = _class_labels(given, signature)
    if given.inputs is None:
        golden, checks = _drawn_golden(reference, signature, given.length, batch)
    else:
        arrays = (
            array_files.read_inputs(Path(given.inputs), signature)
            if isinstance(given.inputs, str | Path)
            else signature.check(given.inputs)
        )
        count = len(next(iter(arrays.values())))
        some = verify.evenly(count, GOLDEN_EXAMPLES)
        arrays = {name: array[some] for name, array in arrays.items()}
        golden = [_answered(reference, (batches.AS_GIVEN,) * len(some), arrays)]
        _check_numbers(golden[0].outputs.values(), reference.path.name)
        checks = []
    return _TensorWay(
        step or graph,
        batch,
        signature,
        labels,
        tuple(golden),
        tuple(checks),
        "arrays" if step is None else "steps",
    )


def _class_labels(given: _Given, signature: tensors.Signature) -> tuple[str, ...]:
    labels = tuple(given.source.labels or ())
    classes = [one.classes for one in signature.outputs if one.classes]
    if len(labels) in classes and len(set(labels)) == len(labels):
        return labels
    if given.has_labels:
        outputs = ", ".join(map(str, classes)) or "none"
        raise InputError(
            f"{len(labels)} labels given ({', '.join(labels)}); outputs that are probabilities (sigmoid "
            f"or softmax) have so many classes: {outputs}"
        )
    return ()


def _drawn_golden(
    reference: KerasTensorRunner, signature: tensors.Signature, length: int | None, batch: int
) -> tuple[list[batches.Batch], list[Check]]:
    """Golden vectors of every length that Keras itself takes, with every padding that it answers.

    A convolution may need some steps; an average over nothing but pads is no number.
    """
    golden: list[batches.Batch] = []
    checks: list[Check] = []
    refused, reason, unanswered, count = [], "", list[str](), 0
    for steps in drawn.lengths_for(signature, length):
        cases, arrays = drawn.draw(signature, steps, batch)
        try:
            found = _answered(reference, cases, arrays)
        except RefusalError as error:
            refused.append(steps)
            reason = str(error)
            continue
        right = tensor_parity.answered(found)
        unanswered += [case for i, case in enumerate(cases) if i not in right]
        count += len(cases)
        if right:
            golden.append(found.part(right))
    if not count:
        raise InputError(
            f"the model itself does not answer on inputs drawn to fit it ({reason}): give real ones "
            "with --inputs"
        )
    if 2 * len(unanswered) > count:
        raise InputError(
            f"{_NOT_A_NUMBER.format(reference.path.name)}; where it answers real inputs, give some with "
            "--inputs"
        )
    if refused:
        detail = f"Keras itself takes no inputs of {', '.join(map(str, refused))} steps"
        checks.append(Check("lengths that are left out", True, detail))
    if unanswered:
        kinds = ", ".join(dict.fromkeys(unanswered))
        detail = f"Keras itself answers {len(unanswered)} of {count} with no number (NaN): {kinds}"
        checks.append(Check("cases that are left out", True, detail))
    return golden, checks


def _answered(
    reference: KerasTensorRunner, cases: tuple[str, ...], arrays: Arrays
) -> batches.Batch:
    """Examples with Keras's answers, which need not be numbers."""
    outputs = reference.run(arrays)
    obstacles = [
        f"output {name} is {list(array.shape)} for {len(cases)} examples: let its first axis count them"
        for name, array in outputs.items()
        if array.ndim == 0 or len(array) != len(cases)
    ]
    found = batches.Batch(cases, arrays, outputs)
    size = reference.batch or 1
    right = [] if obstacles else tensor_parity.answered(found)[:size]
    if right and len(right) < len(cases):
        alone = reference.run(found.part(right).inputs)
        scale = tensor_parity.scales([found.part(tensor_parity.answered(found))])
        obstacles = [
            f"output {name} of an example depends on the other examples of its batch: let the model "
            "compute each by itself"
            for name, array in alone.items()
            if not tensor_parity.difference(array, outputs[name][right], scale[name]).max() <= ALONE
        ]
    if obstacles:
        raise UnsupportedModelError(reference.path.name, obstacles)
    return found


def _judge(
    name: str,
    exporter: formats.Exporter,
    precision: formats.Precision,
    path: Path,
    way: _Way,
) -> tuple[dict[str, Any], ParityReport]:
    inside = structure.inspect(path)
    batch, tolerance = way.batch_of(precision, inside), way.tolerance(precision)
    lowering = exporter.describe_lowering(precision)
    checks = parity.structure_checks(inside.problems, lowering)
    checks += exporter.checks(precision, path)
    report = way.measure(_Written(name, exporter.kind(), path, batch, tolerance, checks))
    entry = {
        "name": name,
        "format": exporter.format,
        "precision": precision.name,
        "runtimes": list(exporter.runtimes),
        "file": path.name,
        "bytes": inside.bytes,
        "sha256": sha256(path),
        "lowering": lowering,
        "batch": batch,
        "inputs": [asdict(tensor) for tensor in inside.inputs],
        "outputs": [asdict(tensor) for tensor in inside.outputs],
        "ops": inside.ops,
        "problems": list(inside.problems),
        "tolerance": tolerance.to_json(),
        "parity": report.to_json(),
        "made_for": exporter.made_for,
        "notes": list(exporter.notes(precision)),
        "states": exporter.describe_states(),
    }
    return entry, report


def _describe(given: _Given, out: Path, model: Any) -> dict[str, Any]:
    path = given.source.model
    return {
        "file": path.name,
        # for ``verify`` with Keras, as long as the two folders stay where they are; a live model has
        # no file
        "path": None
        if given.live
        else Path(os.path.relpath(path.resolve(), out.resolve())).as_posix(),
        "sha256": None if given.live else content_hash(path),
        "keras": machine.versions(["keras"])["keras"],
        "layers": [
            {
                "name": layer.name,
                "kind": type(layer).__name__,
                "parameters": int(layer.count_params()),
            }
            for layer in model.layers
        ],
    }


def obstacles(path: Path) -> tuple[str, ...]:
    """What keeps a model file from being exported, whichever way; the file is loaded for it."""
    try:
        read_graph(model_files.load(path), path.name)
    except UnsupportedModelError as error:
        return error.obstacles
    except InputError as error:
        return (str(error),)
    return ()


def reference_of(
    path: Path, signature: tensors.Signature, trust: bool = False
) -> KerasTensorRunner:
    """The Keras model of a bundle of tensors, to answer on other inputs than the golden vectors.

    Raises:
        InputError: it cannot be loaded, or has other inputs or outputs.
    """
    model = model_files.load(path, trust)
    read = read_streaming if signature.states else read_graph
    found = KerasTensorRunner(read(model, path.name), path)
    if found.signature != signature.whole:
        raise InputError(f"{path} has other inputs or outputs than the model that was exported")
    return found
