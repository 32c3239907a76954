"""A model file -> a bundle: every variant converted, looked into and held against the reference."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from export import formats, stack
from lstm_edge import bundle, data, machine, parity, run_folder, samples, structure
from lstm_edge.answers import Probabilities
from lstm_edge.errors import ConversionError, InputError, LstmEdgeError
from lstm_edge.files import replacing_folder, sha256
from lstm_edge.parity import Check, ParityReport
from lstm_edge.progress import SILENT, Progress
from lstm_edge.runners import KerasRunner, runner_class
from lstm_edge.stack import LstmStack
from lstm_edge.text import Ids, TextSettings, Tokenizer, load_tokenizer, pad_sequences

# Golden vectors taken from data of one's own: enough to see a difference, small enough to carry.
GOLDEN_EXAMPLES = 64


@dataclass(frozen=True)
class ExportResult:
    """The bundle's folder and one report for each variant, on the golden vectors."""

    path: Path
    reports: tuple[ParityReport, ...]
    has_vocabulary: bool

    @property
    def ok(self) -> bool:
        return all(report.ok for report in self.reports)


def export_bundle(
    model: Path | str,
    out: Path | str,
    *,
    wanted_formats: Sequence[str] = (),
    precisions: Sequence[str] = (),
    vocab: Path | str | None = None,
    labels: Sequence[str] | None = None,
    length: int | None = None,
    fold_embedding: bool = False,
    dataset: data.Dataset | None = None,
    progress: Progress = SILENT,
) -> ExportResult:
    """Export a Keras model to a bundle; the folder appears only when it is whole.

    Args:
        model: a run folder of ``train``, or a ``.keras`` or ``.h5`` file.
        out: the bundle's folder; an earlier bundle there is replaced.
        wanted_formats, precisions: names; none means all.
        vocab: the vocabulary (see :func:`lstm_edge.text.load_tokenizer`); a run folder has its own.
            Without one the bundle takes ids only.
        labels: names of the classes; a run folder has its own.
        length: ids per example, where the model leaves it free.
        fold_embedding: also write variants with the first layer's input product folded into the
            embedding: several times the size, and faster.
        dataset: take the golden vectors from these data instead of the shipped reviews.

    Raises:
        UnsupportedModelError: with all obstacles at once.
        InputError: a file, name or option that cannot be used.
        ConversionError: a converter failed.
    """
    out = Path(out)
    bundle.check_replaceable(out)
    chosen = formats.choose(wanted_formats, precisions, fold_embedding)
    source = run_folder.find(Path(model), None if vocab is None else Path(vocab), labels)
    with progress.task("Loading the Keras model", None):
        reference = KerasRunner(source.model)
        layers = stack.read_stack(reference.model, source.model.name, length)
    settings, tokenizer = _vocabulary(source, layers)
    names = _labels(source.labels, layers)
    golden = _golden(reference, layers, settings, tokenizer, names, source.label_values, dataset)

    entries, reports = [], []
    with (
        tempfile.TemporaryDirectory(prefix="lstm-edge-") as work,
        replacing_folder(out) as folder,
        progress.task("Exporting", len(chosen)) as advance,
    ):
        for exporter, precision in chosen:
            name = f"{exporter.format}-{precision.name}"
            path = folder / f"{name}{exporter.suffix}"
            place = Path(work) / name
            place.mkdir()
            try:
                made = exporter(layers, place)
                made.write(precision, path)
            except LstmEdgeError:
                raise
            except Exception as error:  # the converters raise every kind
                reason = " ".join(str(error).split())[:300]
                raise ConversionError(f"converting to {name} failed: {reason}") from error
            entry, report = _judge(name, made, precision, path, layers, golden)
            entries.append(entry)
            reports.append(report)
            advance(1)
        bundle.write_manifest(
            folder,
            source=_describe(source.model, out, reference.model),
            num_ids=len(layers.embedding),
            settings=settings,
            labels=names,
            label_values=source.label_values,
            tokenizer=tokenizer,
            golden=golden,
            variants=entries,
            versions=machine.versions(machine.MEASURED),
        )
    return ExportResult(out, tuple(reports), tokenizer is not None)


def _vocabulary(
    source: run_folder.ModelSource, layers: LstmStack
) -> tuple[TextSettings, Tokenizer | None]:
    length, rows = layers.max_length, len(layers.embedding)
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


def _labels(given: Sequence[str] | None, layers: LstmStack) -> tuple[str, ...]:
    classes = max(2, layers.outputs)
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
    layers: LstmStack,
    settings: TextSettings,
    tokenizer: Tokenizer | None,
    names: tuple[str, ...],
    values: tuple[str, ...] | None,
    dataset: data.Dataset | None,
) -> bundle.Golden:
    """Golden texts: the user's data, else the shipped reviews; ids drawn where there is no way."""
    rows, length = len(layers.embedding), settings.max_length
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

    def answers(sequences: Sequence[Ids]) -> Probabilities:
        outputs = reference.run_all(pad_sequences(sequences, length, settings.pad_id))
        if not np.isfinite(outputs).all():
            raise InputError(
                f"{reference.path.name} answers with what are not numbers (NaN): its training went "
                "wrong; train it again, with a smaller learning rate"
            )
        return outputs

    return bundle.Golden(
        texts=texts,
        ids=tuple(ids),
        outputs=answers(ids),
        classes=None if classes is None else tuple(int(c) for c in classes),
        edge_names=tuple(edge),
        edge_ids=tuple(edge.values()),
        edge_outputs=answers(list(edge.values())),
    )


def _drawn(rows: int, length: int) -> list[Ids]:
    """Ids of every length, frequent (small) ones more often, as in text."""
    rng = np.random.default_rng(64)
    lengths = np.linspace(1, length, min(GOLDEN_EXAMPLES, length)).astype(int)
    return [(1 + rng.random(n) ** 2 * (rows - 1)).astype(np.int32) for n in lengths]


def _judge(
    name: str,
    exporter: formats.Exporter,
    precision: formats.Precision,
    path: Path,
    layers: LstmStack,
    golden: bundle.Golden,
) -> tuple[dict[str, Any], ParityReport]:
    inside = structure.inspect(path)
    runner = runner_class(exporter.format)(
        path, 1, len(layers.embedding), layers.max_length, precision.batch
    )
    report = parity.measure(
        name,
        runner,
        golden.ids,
        golden.outputs,
        golden.edge_ids,
        golden.edge_outputs,
        precision.tolerance,
        classes=None if golden.classes is None else np.array(golden.classes, np.int64),
        texts=golden.texts,
        checks=[Check("structure", False, problem) for problem in inside.problems],
    )
    entry = {
        "name": name,
        "format": exporter.format,
        "precision": precision.name,
        "runtimes": list(exporter.runtimes),
        "file": path.name,
        "bytes": inside.bytes,
        "sha256": sha256(path),
        "lowering": exporter.describe_lowering(precision),
        "batch": precision.batch,
        "inputs": [asdict(tensor) for tensor in inside.inputs],
        "outputs": [asdict(tensor) for tensor in inside.outputs],
        "ops": inside.ops,
        "problems": list(inside.problems),
        "tolerance": asdict(precision.tolerance),
        "parity": report.to_json(),
    }
    return entry, report


def _describe(path: Path, out: Path, model: Any) -> dict[str, Any]:
    return {
        "file": path.name,
        # for ``verify --data``, as long as the two folders stay where they are
        "path": Path(os.path.relpath(path.resolve(), out.resolve())).as_posix(),
        "sha256": sha256(path),
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
