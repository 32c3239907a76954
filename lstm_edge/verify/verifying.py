"""Every variant of a bundle against the reference."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from lstm_edge.base import machine
from lstm_edge.base.arguments import check_positive
from lstm_edge.base.progress import SILENT, Progress, Within
from lstm_edge.bundle.opening import Bundle
from lstm_edge.inputs.batches import GOLDEN_DATA
from lstm_edge.results.latency import LatencyReport
from lstm_edge.results.parity import Check, ParityReport, ParityRun
from lstm_edge.runtimes.runners import Runner
from lstm_edge.verify import comparing
from lstm_edge.verify.measuring import Measurement


class Source(Protocol):
    """Examples of the user's, for :meth:`lstm_edge.bundle.opening.Bundle.windows`."""

    @property
    def name(self) -> str: ...

    def __len__(self) -> int: ...


def verify(
    bundle: Bundle,
    source: Source | None = None,
    *,
    model: Path | str | Any | None = None,
    limit: int | None = None,
    variants: Sequence[str] = (),
    threads: int = 1,
    workers: int = 1,
    trust: bool = False,
    custom: Sequence[Path | str] = (),
    progress: Progress = SILENT,
) -> ParityRun:
    """Verify variants on the bundle's golden vectors, or on the user's data with the Keras model.

    Without ``source`` no TensorFlow is needed: the golden vectors hold the reference's answers.
    Memory does not grow with labelled texts: the reference and then every variant run one window of
    them after the other.

    Args:
        source: what the bundle takes: from :func:`lstm_edge.inputs.data.evaluation`, or
            :class:`lstm_edge.inputs.array_files.ArraySource`.
        model: the Keras model's file, or the live model; None takes the file that was exported.
        limit: at most so many examples, drawn evenly.
        variants: names; none means all whose runtime is installed.
        threads: threads for one inference.
        workers: inferences at a time; the answers do not depend on it.
        trust: let Keras execute what the model file holds.
        custom: Python files with classes and functions that it names; they are run, with ``trust``.

    Raises:
        InputError: the model is not there, is not the one that was exported, or does not answer in
            numbers; labels that are not known to the bundle.
        BundleError: no such variant.
        NotInstalledError: the runtime of a named variant is not installed, or none is.
    """
    check_positive(limit=limit)
    chosen, left_out = bundle.runnable(variants)
    reference: Runner | None = None
    settings_checks: list[Check] = []
    if source is None:
        golden_batches = bundle.golden_batches(limit)
        windows = iter([golden_batches])
        runs = len(chosen) * sum(map(len, golden_batches))
        reference_name = bundle.golden_file
    else:
        windows = bundle.windows(source, limit)
        runs = min(len(source), limit or len(source)) * (1 + len(chosen))
        # not on a board, which has only golden vectors to verify on, and no reader of Keras's files
        from lstm_edge.verify.matching import check_labels
        from lstm_edge.verify.reference import answered, reference_of

        with progress.task("Starting Keras", None):
            reference = reference_of(bundle, model, trust, custom)
        reference.set_workers(workers)
        reference_name = reference.path.name
    measurements, edge_cases = [], bundle.edge_cases()
    for info in chosen:
        runner = bundle.runner(info.name, threads)
        runner.set_workers(workers)
        checks = comparing.structure_checks(info.problems, info.lowering)
        measurements.append(
            Measurement(info.name, runner, info.tolerance, checks, edge_cases, bundle.labels)
        )
    what = chosen[0].name if len(chosen) == 1 else f"{len(chosen)} variants"
    with progress.task(f"Verifying {what} against {reference_name}", runs) as advance:
        part = Within(advance)
        for window in windows:
            if reference is not None:
                if not settings_checks:
                    settings_checks = check_labels(bundle, window[0], reference)
                window = [answered(reference, batch, part) for batch in window]
            for measurement in measurements:
                measurement.add(window, part)
    run = run_of(
        bundle,
        GOLDEN_DATA if source is None else source.name,
        reference_name,
        [measurement.report() for measurement in measurements],
        # the golden vectors' own are not of this model: reviews, whatever it is about
        checks=[] if source is None else [*measurements[0].sense(), *settings_checks],
    )
    return replace(run, left_out=left_out)


def run_of(
    bundle: Bundle,
    data: str,
    reference: str,
    reports: Sequence[ParityReport],
    beside: LatencyReport | None = None,
    checks: Sequence[Check] = (),
) -> ParityRun:
    """Reports of a bundle's variants, with what they were made on.

    Args:
        beside: what was timed in the same run, on its machine; None: here and now.
        checks: see :class:`lstm_edge.results.parity.ParityRun`.
    """
    if beside is None:
        where = machine.describe(machine.MEASURED)
        when = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    else:
        where, when = beside.machine, beside.measured_at
    return ParityRun(
        bundle=str(bundle.path),
        data=data,
        reference=reference,
        machine=where,
        measured_at=when,
        reports=tuple(reports),
        preprocessing=bundle.described_preprocessing(),
        checks=tuple(checks),
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
        preprocessing=bundle.described_preprocessing(),
    )
