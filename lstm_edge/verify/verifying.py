"""Every variant of a bundle against the reference."""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lstm_edge.base import machine
from lstm_edge.base.arrays import Array, Arrays, Ids, Probabilities
from lstm_edge.base.files import content_hash
from lstm_edge.base.progress import SILENT, Progress, Within
from lstm_edge.bundle.opening import GOLDEN_ARRAYS, Bundle, Golden, TensorBundle, TextBundle
from lstm_edge.errors import InputError
from lstm_edge.inputs import data
from lstm_edge.inputs.batches import AS_GIVEN, Batch
from lstm_edge.models import architecture as model_files
from lstm_edge.models.reference import KerasRunner
from lstm_edge.results.parity import ParityReport, ParityRun
from lstm_edge.runtimes.runners import TensorRunner
from lstm_edge.verify import comparing as parity
from lstm_edge.verify import comparing_arrays as tensor_parity

GOLDEN_DATA = "golden vectors"


@dataclass(frozen=True)
class _Window:
    """N examples that are run together."""

    sequences: Sequence[Ids]
    classes: npt.NDArray[np.int64] | None
    texts: Sequence[str] | None


def verify(
    bundle: TextBundle,
    source: data.Evaluation | None = None,
    *,
    model: Path | None = None,
    limit: int | None = None,
    variants: Sequence[str] = (),
    threads: int = 1,
    workers: int = 1,
    load: Callable[[Path], Any] = model_files.load,
    progress: Progress = SILENT,
) -> ParityRun:
    """Verify variants on the bundle's golden vectors, or on labelled data with the Keras model.

    Without ``source`` no TensorFlow is needed: the golden vectors hold the reference's answers.
    Memory does not grow with the data: the reference and then every variant run one window of them
    after the other.

    Args:
        source: from :func:`lstm_edge.inputs.data.evaluation`.
        model: the Keras model file; None takes the one that the bundle was made from.
        limit: at most so many examples, drawn evenly.
        variants: names; none means all.
        threads: threads for one inference.
        workers: inferences at a time; the answers do not depend on it.
        load: makes the live Keras model, computing in float32, of its file.

    Raises:
        InputError: the model is not there, or is not the one that was exported; labels that are not
            known to it.
        BundleError: no such variant.
    """
    if limit is not None and limit < 1:
        raise InputError(f"limit is {limit}; it must be at least 1")
    chosen = bundle.chosen(variants)
    golden = bundle.golden()
    if source is None:
        windows = iter([_golden_window(golden, limit)])
        runs = len(golden.ids[:limit]) * len(chosen)
        reference_name = "golden.json"

        def reference(sequences: Sequence[Ids], progress: Progress) -> Probabilities:
            return golden.outputs[: len(sequences)]
    else:
        windows = _windows(bundle, source, limit)
        runs = min(len(source), limit or len(source)) * (1 + len(chosen))
        path = source_model(bundle, model)
        reference_name = path.name
        with progress.task("Starting Keras", None):
            keras = KerasRunner(
                path,
                max_length=bundle.settings.max_length,
                pads=bundle.pads,
                loaded=load(path),
            )
        if bundle.source["sha256"] is None:
            _check_same(golden.outputs, keras.run_sequences(golden.ids), path)
        keras.set_workers(workers)
        reference = keras.run_sequences
    measurements = []
    for info in chosen:
        runner = bundle.runner(info.name, threads)
        runner.set_workers(workers)
        checks = parity.structure_checks(info.problems, info.lowering)
        measurements.append(
            parity.Measurement(
                info.name,
                runner,
                golden.edge_ids,
                golden.edge_outputs,
                info.tolerance,
                checks,
                golden.edge_texts,
            )
        )
    what = chosen[0].name if len(chosen) == 1 else f"{len(chosen)} variants"
    with progress.task(f"Verifying {what} against {reference_name}", runs) as advance:
        part = Within(advance)
        for window in windows:
            expected = reference(window.sequences, part)
            for measurement in measurements:
                measurement.add(
                    window.sequences,
                    expected,
                    classes=window.classes,
                    texts=window.texts,
                    progress=part,
                )
    return _run(
        bundle,
        GOLDEN_DATA if source is None else source.name,
        reference_name,
        [measurement.report() for measurement in measurements],
    )


def verify_tensors(
    bundle: TensorBundle,
    given: Arrays | None = None,
    *,
    data: str = GOLDEN_DATA,
    reference: TensorRunner | None = None,
    limit: int | None = None,
    variants: Sequence[str] = (),
    threads: int = 1,
    progress: Progress = SILENT,
) -> ParityRun:
    """Verify variants on the bundle's golden vectors, or on inputs with the Keras model.

    Args:
        given: the inputs, checked; ``data`` says where they are from. None: the golden vectors, for
            which no TensorFlow is needed.
        reference: runs the Keras model, where there are inputs.
        limit: at most so many examples, drawn evenly.
        variants: names; none means all.
        threads: threads for one inference.

    Raises:
        InputError: the reference is not the model that was exported; or does not answer in numbers.
        BundleError: no such variant.
    """
    chosen = bundle.chosen(variants)
    batches = bundle.golden()
    name = GOLDEN_ARRAYS
    if given is not None:
        if reference is None:
            raise ValueError("inputs without a reference")
        name = reference.path.name
        with progress.task("Running Keras", None):
            if bundle.source["sha256"] is None:
                known = batches[-1]
                found = reference.run(known.inputs)
                for key, expected in known.outputs.items():
                    _check_same(expected, found[key], reference.path)
            some = evenly(len(next(iter(given.values()))), limit)
            inputs = {key: array[some] for key, array in given.items()}
            outputs = reference.run(inputs)
        if not all(np.isfinite(array).all() for array in outputs.values()):
            raise InputError(f"{name} answers these inputs with what are not numbers (NaN)")
        batches = [Batch((AS_GIVEN,) * len(some), inputs, outputs)]
    elif limit is not None:
        batches = [batch.part(evenly(len(batch), limit // len(batches) or 1)) for batch in batches]
    reports = []
    total = len(chosen) * sum(map(len, batches))
    with progress.task(f"Verifying {len(chosen)} variants against {name}", total) as advance:
        for info in chosen:
            checks = parity.structure_checks(info.problems, info.lowering)
            reports.append(
                tensor_parity.measure(
                    info.name,
                    bundle.runner(info.name, threads),
                    batches,
                    info.tolerance,
                    checks=checks,
                    progress=Within(advance),
                )
            )
    return _run(bundle, data, name, reports)


def evenly(count: int, most: int | None) -> list[int]:
    """Places of at most so many of the examples, in their order."""
    return [int(i) for i in np.linspace(0, count - 1, min(count, most or count))]


def _check_same(expected: Array, found: Array, path: Path) -> None:
    """Of a model that was exported live no file is known: it is known by its answers."""
    scale = float(np.abs(expected).max(initial=0.0)) or 1.0
    same = expected.shape == found.shape and np.abs(expected - found).max() <= 1e-4 * scale
    if not same:
        raise InputError(
            f"{path} is not the model that was exported (it answers the golden vectors otherwise): "
            "give that one with --model, or export again"
        )


def _run(bundle: Bundle, data: str, reference: str, reports: Sequence[ParityReport]) -> ParityRun:
    return ParityRun(
        bundle=str(bundle.path),
        data=data,
        reference=reference,
        machine=machine.describe(machine.MEASURED),
        measured_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        reports=tuple(reports),
    )


def _golden_window(golden: Golden, limit: int | None) -> _Window:
    take = slice(limit)
    classes, texts = golden.classes, golden.texts
    return _Window(
        golden.ids[take],
        None if classes is None else np.array(classes[take], np.int64),
        None if texts is None else texts[take],
    )


def _windows(bundle: TextBundle, source: data.Evaluation, limit: int | None) -> Iterator[_Window]:
    """Windows of ids; what the bundle cannot take is refused here, before any of them is run."""
    names, values, settings = bundle.labels, bundle.label_values, bundle.settings
    data.resolve_labels(tuple(source.labels), names, values)
    tokenizer = bundle.tokenizer()

    def window(examples: data.Examples) -> _Window:
        examples = data.cap_ids(examples, bundle.num_ids, settings)
        classes = data.resolve_labels(examples.labels, names, values)
        return _Window(examples.encode(tokenizer, settings), classes, examples.texts)

    examples = source.windows(limit=limit)
    first = window(next(examples))
    return itertools.chain([first], map(window, examples))


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
    """The Keras model that the bundle was made from, checked by its hash where that is known."""
    recorded = bundle.source
    if model is None and recorded["path"] is None:
        raise InputError(
            f"the bundle was made from a live model, {recorded['file']}: save it and give the file with "
            "--model, or verify on the golden vectors"
        )
    path = model or Path(bundle.path, recorded["path"])
    if not path.exists():
        raise InputError(
            f"the Keras model {path} is not there; say where {recorded['file']} is with --model, or "
            "leave --data and --inputs out to verify on the golden vectors"
        )
    if recorded["sha256"] is not None and content_hash(path) != recorded["sha256"]:
        raise InputError(
            f"{path} is not the model that was exported (its hash differs): give that one with "
            "--model, or export again"
        )
    return path
