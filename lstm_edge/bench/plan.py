"""What ``bench`` times in a bundle: which inputs, and every variant on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lstm_edge.base.arrays import Arrays, Ids
from lstm_edge.base.progress import SILENT, Progress
from lstm_edge.bench import timing as latency
from lstm_edge.bundle.opening import TensorBundle, TextBundle, VariantInfo
from lstm_edge.inputs import data
from lstm_edge.results.latency import LatencyReport
from lstm_edge.runtimes.runners import TextRunner, any_runner_class
from lstm_edge.verify.verifying import GOLDEN_DATA, evenly

# why a file that takes texts is not timed
IDS_ONLY = "it takes texts, and these data are ids"


@dataclass(frozen=True)
class Inputs:
    """What a bundle is timed on: N texts, or N times arrays; the other kind's fields are empty.

    Attributes:
        sequences: ids of the texts, int32, not padded.
        texts: the texts; None where the data are ids.
        arrays: inputs by name of one example each, checked.
        source: where they are from, for the report.
    """

    sequences: Sequence[Ids] = ()
    texts: Sequence[str] | None = None
    arrays: Sequence[Arrays] = ()
    source: str = GOLDEN_DATA

    def __len__(self) -> int:
        return len(self.arrays or self.sequences)

    def lack_texts(self, info: VariantInfo) -> bool:
        """Whether the file of a variant takes texts, and these are ids."""
        ids = self.texts is None and not self.arrays
        return ids and issubclass(any_runner_class(info.kind), TextRunner)


def golden_inputs(bundle: TextBundle | TensorBundle, limit: int | None = None) -> Inputs:
    """The bundle's golden inputs, at most so many; of a stream one step of each."""
    if isinstance(bundle, TextBundle):
        golden = bundle.golden()
        return Inputs(golden.ids[:limit], golden.texts and golden.texts[:limit])
    places = [(batch, i) for batch in bundle.golden() for i in range(len(batch))]
    # of every length, in their order: LiteRT prepares itself anew for another shape
    chosen = [places[at] for at in evenly(len(places), limit)]
    examples = [batch.part([row]).inputs for batch, row in chosen]
    if bundle.signature.states:  # what a stream costs is what its next steps cost
        examples = [bundle.signature.pieces(example, 1)[0] for example in examples]
    return Inputs(arrays=examples)


def sampled_inputs(bundle: TextBundle, dataset: data.Dataset, limit: int) -> Inputs:
    """At most so many of the data's examples, drawn evenly."""
    examples = data.cap_ids(dataset.evaluation().sample(limit), bundle.num_ids, bundle.settings)
    sequences = examples.encode(bundle.tokenizer(), bundle.settings)
    return Inputs(sequences, examples.texts, source=dataset.name)


def bench(
    bundle: TextBundle | TensorBundle,
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
        inputs: what the bundle's variants take; None: its :func:`golden_inputs`, at most ``limit``.
        variants: names; none means all.

    Raises:
        BundleError: no such variant.
        InputError: a runtime refuses a file; ids for a file that takes texts.
    """
    names = [info.name for info in bundle.chosen(variants)]
    if inputs is None:
        inputs = golden_inputs(bundle, limit)
    if isinstance(bundle, TensorBundle):
        with progress.task("Loading", None):
            tensor_runners = {name: bundle.runner(name, threads) for name in names}
        return latency.measure_tensors(
            tensor_runners, inputs.arrays, rounds=rounds, data=inputs.source, progress=progress
        )
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
