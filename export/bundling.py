"""A model -> a bundle: every variant converted, looked into and held against the reference.

Which way a model goes is decided in :mod:`export.ways.deciding`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from export import formats
from export.ways.common import Request, Way, Written
from export.ways.deciding import decide
from lstm_edge.base import in_hand, machine, temporary
from lstm_edge.base.arguments import check_positive
from lstm_edge.base.extras import require
from lstm_edge.base.files import check_place, content_hash, no_room, replacing_folder, sha256
from lstm_edge.base.progress import SILENT, Progress
from lstm_edge.base.reasons import reason_of
from lstm_edge.bundle import manifest
from lstm_edge.bundle.signing import Key, PrivateKey
from lstm_edge.errors import (
    ConversionError,
    InputError,
    LstmEdgeError,
    RefusalError,
    UnsupportedModelError,
)
from lstm_edge.inputs import labelled
from lstm_edge.inputs.preprocessing import check_options
from lstm_edge.inputs.signature import State
from lstm_edge.inputs.vocabulary import Vocabulary, of_run, read_vocabulary
from lstm_edge.inputs.windows import Window
from lstm_edge.models import architecture as model_files
from lstm_edge.models import run_folder
from lstm_edge.models.graph import GraphModel, read_graph
from lstm_edge.models.quantised import Dequantised, dequantised
from lstm_edge.models.wrapping import as_network
from lstm_edge.results.parity import ParityReport
from lstm_edge.structure import contents as structure
from lstm_edge.verify import comparing as parity
from lstm_edge.verify.comparing_arrays import LIMIT

__all__ = ["ExportResult", "export_bundle", "obstacles"]


@dataclass(frozen=True)
class ExportResult:
    """The bundle's folder and one report for each variant, on the golden vectors.

    Attributes:
        takes: what ``predict`` takes: ``texts``, ``ids`` (no vocabulary was given), ``arrays`` or
            ``steps`` (a stream).
        left_out: the kinds of files that this model cannot be written as, or single variants, with the
            reasons; ``stream`` are the step models of a classifier of texts.
        said: what a model in code was traced for, what the user's examples say of the settings of texts,
            what of Keras's answers is a matter of rounding, and which files hardly hold what their
            precision promises, in sentences.
    """

    path: Path
    reports: tuple[ParityReport, ...]
    takes: str
    left_out: dict[str, tuple[str, ...]] = field(default_factory=dict)
    said: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return not self.left_out and all(report.ok for report in self.reports)

    @property
    def has_vocabulary(self) -> bool:
        return self.takes == "texts"


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
    dataset: labelled.Dataset | None = None,
    inputs: Path | str | Mapping[str, Any] | None = None,
    window: Window | None = None,
    scale: Path | str | Mapping[str, Any] | None = None,
    unscale: Path | str | Mapping[str, Any] | None = None,
    streaming: bool | None = None,
    chunk: int | None = None,
    lowering: str | None = None,
    runtimes: Sequence[str] = (),
    text_input: bool = False,
    text_settings: Mapping[str, Any] | None = None,
    expect: Path | str | None = None,
    either_side: bool = False,
    trust: bool = False,
    custom: Sequence[Path | str] = (),
    sign: Key | PrivateKey | None = None,
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
        vocab: the vocabulary (see :func:`lstm_edge.inputs.vocabulary.read_vocabulary`); a run folder, and
            a model with a TextVectorization layer, have their own.
        labels: names of the classes; a run folder has its own.
        length: ids or steps per example, where the model leaves it free: how texts are padded, and
            how long the inputs that are drawn are at most.
        batch: examples in a call of a TFLite file, of a model without text.
        fold_embedding: also write variants with the first layer's input product folded into the
            embedding: several times the size, and faster.
        dataset: take the golden vectors from these data instead of the shipped reviews.
        inputs: take them from these arrays instead of drawing them, for a model without text: a
            file (see :func:`lstm_edge.inputs.array_files.read_inputs`), or arrays by the inputs' names.
        window: the file of ``inputs`` holds one long series, and its windows are meant.
        scale, unscale: scaling of the inputs that becomes the first operation of the files, and of the
            outputs that becomes the last: readings in, answers in their unit out. A file or its content
            (see :func:`lstm_edge.inputs.scaling.read_scales`); ``inputs`` are readings then.
        streaming: write step models: states in, states out, fed in any pieces; of a classifier of
            texts beside its other files. What cannot stream is left out. None: where the model is
            stateful.
        chunk: steps in every call of a stream; None: any number.
        lowering: one of an exporter's ``lowerings`` instead of the one chosen for the model.
        runtimes: of :func:`export.formats.runtime_names`: write files for these only.
        text_input: of a classifier of texts, also write files that take a text as it is.
        text_settings: how texts became ids in training, where the vocabulary does not say it: fields of
            :class:`lstm_edge.inputs.tokenizer.TextSettings` by name, such as ``padding``.
        expect: some of the user's own examples with what their program makes of them (see
            :func:`lstm_edge.inputs.expected.read_expected`): the settings are held against these.
        either_side: of a model of Embedding, LSTM and Dense layers: skip pads behind the tokens, too, as
            if they stood in front. Texts are answered the same; ids with zeros behind are not what Keras
            answers to them.
        trust: also execute what the file holds (Lambda layers, custom classes).
        custom: Python files with layers, models and functions of the user's own that the file names; they
            are run, so only with ``trust``. What is registered already needs none.
        sign: a private key, whose signature of the manifest lies in the bundle (see
            :class:`lstm_edge.bundle.signing.PrivateKey`).

    Raises:
        UnsupportedModelError: with all obstacles at once; only of what was asked for by name, or where
            nothing else is left to be written (see :attr:`ExportResult.left_out`).
        InputError: a file, name or option that cannot be used.
        ConversionError: a converter failed, and no file was written.
    """
    out = Path(out)
    check_place(out)
    manifest.check_replaceable(out)
    key = sign if sign is None or isinstance(sign, PrivateKey) else PrivateKey(sign)
    check_positive(length=length, batch=batch, chunk=chunk)
    beside = [formats.TEXT_INPUT] if text_input else []
    chosen = formats.choose(wanted_formats, precisions, fold_embedding, runtimes, beside)
    if window is not None and not isinstance(inputs, str | Path):
        raise InputError("`window` cuts the series in a file of `inputs`: give one")
    if chunk is not None and streaming is False:
        raise InputError("`chunk` is for `streaming`: leave `chunk` out, or export a stream")
    if lowering is not None:
        formats.check_lowering(lowering, [exporter for exporter, _ in chosen])
    for exporter in dict.fromkeys(exporter for exporter, _ in chosen):
        for module in exporter.needs:  # missing now, not after the work
            require(module, f"exporting for {exporter.runtime}")
    settings = check_options(text_settings or {})
    live = not isinstance(model, str | Path)
    vocab_path = None if vocab is None else Path(vocab)
    if live:
        called = Path(str(getattr(model, "name", "model")))
        names = None if labels is None else tuple(labels)
        source = run_folder.ModelSource(called, vocab_path, None, names, None)
    else:
        source = run_folder.find(Path(model), vocab_path, labels)
        check_place(out, _least_bytes(source.model, chosen))
    request = Request(
        source,
        live,
        _vocabulary(source),
        vocab is not None,
        settings,
        either_side,
        None if expect is None else Path(expect),
        labels is not None,
        length,
        batch,
        inputs,
        window,
        scale,
        unscale,
        dataset,
        True if chunk else streaming,
        chunk,
        lowering,
    )
    with progress.task("Loading the Keras model", None):
        loaded = model if live else model_files.load(source.model, trust, custom, length)
        loaded, traced = as_network(loaded, request.name)
        floated = dequantised(loaded, source.model.name)
        loaded = loaded if floated is None else floated.model
        way = decide(loaded, request)
        quantised = () if floated is None else (floated.said(_difference(floated, way)),)
    left_out: dict[str, tuple[str, ...]] = {}
    if way.step is not None:
        beside.append(formats.STREAM)
        try:
            chosen = formats.choose(wanted_formats, precisions, fold_embedding, runtimes, beside)
        except InputError as error:  # of step models: the rest was chosen before
            left_out[formats.STREAM] = (str(error),)
    elif request.streaming and way.takes != "steps":
        left_out[formats.STREAM] = tuple(way.not_streamed)
    if isinstance(way.lowered, GraphModel) and (
        folded := [f"{e.format}-{p.name}" for e, p in chosen if p.folded]
    ):
        raise InputError(
            f"{', '.join(folded)}: the embedding is only folded in models of texts (with `vocab`) of "
            "Embedding, LSTM and Dense layers"
        )

    makers: dict[str, formats.Exporter] = {}
    entries: list[dict[str, Any]] = []
    reports: list[ParityReport] = []
    said: list[str] = []
    with (
        temporary.scratch() as work,
        replacing_folder(out) as folder,
        progress.task("Exporting", len(chosen)) as advance,
    ):
        # one for a kind of file: what its precisions share is made once
        for exporter in dict.fromkeys(exporter for exporter, _ in chosen):
            place = work / exporter.kind()
            place.mkdir()
            lowered = way.lowered
            if exporter.made_for == formats.STREAM and way.step is not None:
                lowered = way.step
            makers[exporter.kind()] = exporter(
                lowered, place, way.batch, lowering, way.texts, way.examples
            )
        # all at once, before the first takes its time
        refused = {kind: tuple(maker.obstacles()) for kind, maker in makers.items()}
        refused = {kind: reasons for kind, reasons in refused.items() if reasons}
        # what is made for one runtime or use is only chosen where it is asked for; of what is to stream
        # every file is written that can
        by_name = not (request.streaming and way.takes == "steps") and any(
            m.made_for or m.lowering or m.format in wanted_formats or m.runtime in runtimes
            for m in (makers[kind] for kind in refused)
        )
        if by_name or len(refused) == len(makers):
            raise UnsupportedModelError(
                request.name, [r for some in refused.values() for r in some]
            )
        failed: dict[str, ConversionError] = {}
        for exporter, precision in chosen:
            if exporter.kind() not in refused:
                try:
                    entry, report, short = _written(makers[exporter.kind()], precision, folder, way)
                    entry["notes"] += quantised
                    entries.append(entry)
                    reports.append(report)
                    said += [f"{report.variant} {sentence}." for sentence in short]
                except UnsupportedModelError as error:  # in no precision
                    refused[exporter.kind()] = error.obstacles
                except ConversionError as error:
                    failed[exporter.name(precision)] = error
            advance(1)
        refused |= {name: (str(error),) for name, error in failed.items()}
        if not entries:
            if len(refused) == len(failed):
                raise ConversionError("; ".join(map(str, failed.values())))
            reasons = dict.fromkeys(r for some in refused.values() for r in some)
            raise UnsupportedModelError(request.name, [*reasons])
        manifest.write_manifest(
            folder,
            way.write_parts(folder),
            source=_describe(request, out, loaded, way.not_streamed),
            variants=entries,
            versions=machine.versions(machine.MEASURED),
        )
        if key is not None:
            key.sign(folder)
    rounding = [one.sentence() for one in way.rounding if one.share > LIMIT or one.undetermined]
    first = [source.pair.said] if source.pair else []
    first += [traced] if traced else []
    said = [*first, *way.said, *rounding, *quantised, *said]
    return ExportResult(out, tuple(reports), way.takes, {**left_out, **refused}, tuple(said))


def _least_bytes(
    model: Path, chosen: Sequence[tuple[type[formats.Exporter], formats.Precision]]
) -> int:
    """What the files need at least, as far as a model file's size says it.

    Of three bytes in it two can be an optimizer's, which holds two numbers for each weight, and all
    formats but one may refuse the model.
    """
    shares = dict[str, float]()
    for exporter, precision in chosen:
        share = np.dtype(precision.weights).itemsize / np.dtype(np.float32).itemsize
        shares[exporter.kind()] = shares.get(exporter.kind(), 0.0) + share
    files = [model] if model.is_file() else [p for p in model.rglob("*") if p.is_file()]
    return int(sum(file.stat().st_size for file in files) / 3 * min(shares.values()))


def _difference(floated: Dequantised, way: Way) -> float | None:
    """The greatest between a quantised model's own answers and those of its float weights; see there."""
    graph = way.lowered
    if not isinstance(graph, GraphModel):
        graph = read_graph(floated.model, floated.model.name)
    if graph.states:
        return None
    greatest = 0.0
    for arrays in way.examples[:16]:
        inputs = [np.asarray(arrays.get(p.name, arrays.get("ids"))) for p in graph.inputs]
        before, after = (
            replace(graph, model=model).call(inputs) for model in (floated.whole, floated.model)
        )
        for one, other in zip(before, after, strict=True):
            greatest = max(greatest, float(np.abs(np.asarray(one) - np.asarray(other)).max()))
    return greatest


def _vocabulary(source: run_folder.ModelSource) -> Vocabulary | None:
    """That of the run, whose settings are known, or that of a file."""
    if source.vocab is None:
        return None
    if source.settings is not None:
        return of_run(source.vocab, source.settings)
    return read_vocabulary(source.vocab)


def _written(
    exporter: formats.Exporter, precision: formats.Precision, folder: Path, way: Way
) -> tuple[dict[str, Any], ParityReport, tuple[str, ...]]:
    """Write the file of one precision: what the manifest says of it, how it answers, what it lacks.

    Raises:
        UnsupportedModelError, ConversionError: it cannot be written, and nothing of it is.
    """
    name = exporter.name(precision)
    path = folder / f"{name}{exporter.suffix}"
    in_hand.note("the converter", "writing", path.name)
    try:
        exporter.write(precision, path)
    except Exception as error:  # the converters raise every kind
        full = no_room(error, folder)  # while it is
        path.unlink(missing_ok=True)
        if isinstance(error, LstmEdgeError):
            raise
        if full is not None:  # the other files would not fit either
            raise full from error
        raise ConversionError(f"converting to {name} failed: {reason_of(error)}") from error
    inside = structure.inspect(path)
    batch, tolerance = way.batch_of(precision, inside), way.tolerance(precision)
    lowering, short = exporter.describe_lowering(precision), precision.shortfall(inside.weights)
    checks = parity.structure_checks(inside.problems, lowering)
    checks += exporter.checks(precision, path)
    states = [State.from_json(state) for state in exporter.describe_states()]
    try:
        report = way.measure(Written(name, exporter.kind(), path, batch, tolerance, checks, states))
    except RefusalError as error:
        path.unlink()
        raise ConversionError(f"{name} was written and does not run: {error}") from error
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
        "notes": [
            *short,
            *exporter.notes(precision),
            *[formats.CALIBRATED] * precision.calibrated,
        ],
        "states": exporter.describe_states(),
    }
    return entry, report, short


def _describe(
    request: Request, out: Path, model: Any, not_streamed: Sequence[str]
) -> dict[str, Any]:
    path = request.source.model
    return {
        "file": path.name,
        # for ``verify`` with Keras, as long as the two folders stay where they are; a live model has
        # no file
        "path": None
        if request.live
        else Path(os.path.relpath(path.resolve(), out.resolve())).as_posix(),
        "sha256": None if request.live else content_hash(path),
        "keras": machine.versions(["keras"])["keras"],
        "layers": [
            {
                "name": layer.name,
                "kind": type(layer).__name__,
                "parameters": int(layer.count_params()),
            }
            for layer in model.layers
        ],
        **({"not_streamed": [*not_streamed]} if not_streamed else {}),
    }


def obstacles(
    path: Path, trust: bool = False, custom: Sequence[Path | str] = ()
) -> tuple[str, ...]:
    """What keeps a model file from being exported, whichever way; the file is loaded for it."""
    try:
        loaded, _ = as_network(model_files.load(path, trust, custom), path.name)
        graph = read_graph(loaded, path.name)
    except UnsupportedModelError as error:
        return error.obstacles
    except InputError as error:
        return (str(error),)
    return tuple(reason for e in formats.formats().values() for reason in e.unsaid(graph))
