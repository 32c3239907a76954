"""``lstm-edge demo``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from lstm_edge.cli import shared
from lstm_edge.cli.bench import BENCH_EXAMPLES, How, bench
from lstm_edge.cli.verify import verify

if TYPE_CHECKING:
    from lstm_edge.bundle.opening import TextBundle

_DEMO_TEXTS = (
    "An absolute delight from the first scene to the last; I would watch it again tomorrow.",
    "Two hours of my life that I will never get back. Dull, loud and badly acted.",
    "The pictures are lovely, but the story never gets going.",
)


@click.command("demo", short_help="Everything on the model that ships with the project, offline.")
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("lstm-edge-demo"), show_default=True
)
@shared.VERBOSE
def command(out: Path, verbose: bool) -> int:
    """Export, verify, predict, bench and report on the shipped IMDB model.

    \b
    lstm-edge demo
    lstm-edge demo --out /tmp/demo
    """
    from lstm_edge.base import files
    from lstm_edge.base.files import read_json
    from lstm_edge.models import run_folder
    from lstm_edge.predict.classifier import Classifier
    from lstm_edge.report import tables as report
    from lstm_edge.report.page import write_report

    shared.require_for_report(out / "report")
    shared.require_export()
    from export import export_bundle

    source = files.shipped()
    metrics = read_json(source / run_folder.METRICS, "metrics")
    shared.say(
        f"1/5 Export: the reference model, trained on IMDB by lstm-edge train (accuracy "
        f"{metrics['test_accuracy']:.2%} on the {metrics['test_examples']:,} test reviews)"
    )
    with shared.quiet(verbose) as bars:
        export_bundle(source, out / "bundle", progress=bars)
    bundle = shared.open_bundle(out / "bundle")
    for info in bundle.variants.values():
        shared.say(f"    {info.file:28}{info.bytes / 1e6:6.2f} MB  {info.lowering}")

    shared.say("2/5 Verify: every file against Keras on the sample reviews")
    run = verify(bundle, None, verbose)
    for entry in run.reports:
        shared.say(f"    {entry.variant:24}max |Δp| {entry.max_abs:.1e}  {entry.verdict}")

    with shared.quiet(verbose):
        classifier = Classifier(cast("TextBundle", bundle))  # the shipped model is one of texts
    shared.say(f"3/5 Predict with {classifier.variant}, without TensorFlow's help")
    for text, answer in zip(_DEMO_TEXTS, classifier.predict(_DEMO_TEXTS), strict=True):
        shared.say(f"    {answer.label}  {answer.probability:.2f}  {text}")

    shared.say("4/5 Bench: one thread, interleaved, each review at its own length")
    how = How(inputs=None, limit=BENCH_EXAMPLES, variants=(), threads=1, rounds=3)
    times = bench(bundle, how, verbose)
    shared.say(f"    {len(times.lengths)} reviews, {len(times.timings)} variants")

    shared.say("5/5 Report\n")
    paths = write_report(out / "report", bundle, run, times)
    shared.show(report.summary_table(bundle, run, times))
    shared.say(f"\nReport: {paths['html'].resolve()}")
    return shared.exit_code(run.reports)
