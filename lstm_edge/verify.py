"""Every variant of a bundle against the reference."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lstm_edge import data, machine, parity
from lstm_edge.bundle import Bundle
from lstm_edge.errors import InputError
from lstm_edge.files import sha256
from lstm_edge.parity import Check, ParityReport, ParityRun
from lstm_edge.progress import SILENT, Progress
from lstm_edge.runners import KerasRunner

GOLDEN_DATA = "golden vectors"


def verify(
    bundle: Bundle,
    dataset: data.Dataset | None = None,
    *,
    model: Path | None = None,
    limit: int | None = None,
    variants: Sequence[str] = (),
    threads: int = 1,
    progress: Progress = SILENT,
) -> ParityRun:
    """Verify variants on the bundle's golden vectors, or on labelled data with the Keras model.

    Without ``dataset`` no TensorFlow is needed: the golden vectors hold the reference's answers.

    Args:
        dataset: its test split (or all of it) is used.
        model: the Keras model file; None takes the one that the bundle was made from.
        limit: at most so many examples, drawn evenly.
        variants: names; none means all.

    Raises:
        InputError: the model is not there, or is not the one that was exported.
        BundleError: no such variant.
    """
    chosen = [bundle.variant(name) for name in variants or bundle.variants]
    golden = bundle.golden()
    reference_name = "golden.json"
    if dataset is None:
        take = slice(limit)
        texts = None if golden.texts is None else golden.texts[take]
        sequences, reference = golden.ids[take], golden.outputs[take]
        classes = None if golden.classes is None else np.array(golden.classes[take], np.int64)
    else:
        examples = data.cap_ids(dataset.evaluation().sample(limit), bundle.num_ids, bundle.settings)
        classes = data.resolve_labels(examples.labels, bundle.labels, bundle.label_values)
        texts = examples.texts
        sequences = tuple(examples.encode(bundle.tokenizer(), bundle.settings))
        path = source_model(bundle, model)
        reference_name = path.name
        with progress.task("Starting Keras", None):
            keras = KerasRunner(path, max_length=bundle.settings.max_length)
        reference = keras.run_sequences(sequences, progress, "Running the reference")
    reports: list[ParityReport] = []
    for info in chosen:
        runner = bundle.runner(info.name, threads)
        structure = [Check("structure", False, problem) for problem in info.problems]
        reports.append(
            parity.measure(
                info.name,
                runner,
                sequences,
                reference,
                golden.edge_ids,
                golden.edge_outputs,
                info.tolerance,
                classes=classes,
                texts=texts,
                checks=structure,
                progress=progress,
            )
        )
    return ParityRun(
        bundle=str(bundle.path),
        data=GOLDEN_DATA if dataset is None else dataset.name,
        reference=reference_name,
        machine=machine.describe(machine.MEASURED),
        measured_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        reports=tuple(reports),
    )


def exported(bundle: Bundle) -> ParityRun:
    """The reports made at export, as the manifest holds them."""
    return ParityRun(
        bundle=str(bundle.path),
        data=GOLDEN_DATA,
        reference=bundle.source["file"],
        machine={},
        measured_at="",
        reports=tuple(ParityReport.from_json(v.parity) for v in bundle.variants.values()),
    )


def source_model(bundle: Bundle, model: Path | None) -> Path:
    """The Keras model that the bundle was made from, checked by its hash."""
    recorded = bundle.source
    path = model or Path(bundle.path, recorded["path"])
    if not path.is_file():
        raise InputError(
            f"the Keras model {path} is not there; say where {recorded['file']} is with --model, or "
            "leave --data out to verify on the golden vectors"
        )
    if sha256(path) != recorded["sha256"]:
        raise InputError(
            f"{path} is not the model that was exported (its hash differs): give that one with "
            "--model, or export again"
        )
    return path
