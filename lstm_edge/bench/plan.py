"""What ``bench`` times in a bundle: which inputs, and every variant on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lstm_edge.base.progress import SILENT, Progress
from lstm_edge.bench import timing
from lstm_edge.bundle.opening import Bundle
from lstm_edge.inputs.batches import Inputs
from lstm_edge.results.latency import LatencyReport

# why a file that takes texts is not timed
IDS_ONLY = "it takes texts, and these data are ids"


def bench(
    bundle: Bundle,
    inputs: Inputs | None = None,
    *,
    limit: int | None = None,
    variants: Sequence[str] = (),
    threads: int = 1,
    rounds: int = 5,
    progress: Progress = SILENT,
) -> LatencyReport:
    """Time variants, interleaved (:mod:`lstm_edge.bench.timing`).

    Args:
        inputs: what the bundle's variants take; None: its golden inputs, at most ``limit``.
        variants: names; none means all whose runtime is installed.

    Raises:
        BundleError: no such variant.
        NotInstalledError: the runtime of a named variant is not installed, or none is.
        InputError: a runtime refuses a file; ids for a file that takes texts.
    """
    chosen, left_out = bundle.runnable(variants)
    inputs = bundle.golden_inputs(limit) if inputs is None else inputs
    with progress.task("Loading", None):
        runners = {info.name: bundle.runner(info.name, threads) for info in chosen}
    report = timing.measure(
        runners,
        inputs,
        bundle.lengths(inputs),
        unit=bundle.unit,
        rounds=rounds,
        tokenizer=bundle.tokenizer(),
        progress=progress,
    )
    return replace(report, left_out=left_out)
