"""What ``bench`` times in a bundle: which inputs, and every variant on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lstm_edge import data, latency
from lstm_edge.bundle import TensorBundle, TextBundle
from lstm_edge.latency import LatencyReport
from lstm_edge.progress import SILENT, Progress
from lstm_edge.tensors import Arrays
from lstm_edge.text import Ids
from lstm_edge.verify import GOLDEN_DATA, evenly


@dataclass(frozen=True)
class Inputs:
    """What a bundle of texts is timed on.

    Attributes:
        sequences: ids of N inputs, int32, not padded.
        texts: the same as N texts; None where the data are ids.
        source: where they are from, for the report.
    """

    sequences: Sequence[Ids]
    texts: Sequence[str] | None
    source: str = GOLDEN_DATA


def golden_inputs(bundle: TextBundle, limit: int | None = None) -> Inputs:
    """The bundle's golden texts, at most so many."""
    golden = bundle.golden()
    return Inputs(golden.ids[:limit], golden.texts and golden.texts[:limit])


def sampled_inputs(bundle: TextBundle, dataset: data.Dataset, limit: int) -> Inputs:
    """At most so many of the data's examples, drawn evenly."""
    examples = data.cap_ids(dataset.evaluation().sample(limit), bundle.num_ids, bundle.settings)
    sequences = examples.encode(bundle.tokenizer(), bundle.settings)
    return Inputs(sequences, examples.texts, dataset.name)


def bench_texts(
    bundle: TextBundle,
    inputs: Inputs,
    *,
    variants: Sequence[str] = (),
    threads: int = 1,
    rounds: int = 5,
    progress: Progress = SILENT,
) -> LatencyReport:
    """Time variants, interleaved (:func:`lstm_edge.latency.measure`); no names means all.

    Raises:
        BundleError: no such variant.
        InputError: a runtime refuses a file; ids for a file that takes texts.
    """
    names = [bundle.variant(name).name for name in variants or bundle.variants]
    with progress.task("Loading", None):
        runners = {name: bundle.runner(name, threads) for name in names}
    return latency.measure(
        runners,
        inputs.sequences,
        rounds=rounds,
        texts=inputs.texts,
        tokenizer=bundle.tokenizer(),
        data=inputs.source,
        progress=progress,
    )


def tensor_inputs(bundle: TensorBundle, limit: int | None = None) -> list[Arrays]:
    """Golden inputs by name, one example each, at most so many."""
    golden = [(batch, i) for batch in bundle.golden() for i in range(len(batch))]
    # of every length, in their order: LiteRT prepares itself anew for another shape
    examples = [golden[at][0].part([golden[at][1]]).inputs for at in evenly(len(golden), limit)]
    if bundle.signature.states:  # what a stream costs is what its next steps cost
        examples = [bundle.signature.pieces(example, 1)[0] for example in examples]
    return examples


def bench_tensors(
    bundle: TensorBundle,
    *,
    limit: int | None = None,
    variants: Sequence[str] = (),
    threads: int = 1,
    rounds: int = 5,
    progress: Progress = SILENT,
) -> LatencyReport:
    """The same of a bundle of tensors, on :func:`tensor_inputs`."""
    names = [bundle.variant(name).name for name in variants or bundle.variants]
    with progress.task("Loading", None):
        runners = {name: bundle.runner(name, threads) for name in names}
    return latency.measure_tensors(
        runners, tensor_inputs(bundle, limit), rounds=rounds, data=GOLDEN_DATA, progress=progress
    )
