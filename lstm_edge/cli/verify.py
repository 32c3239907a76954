"""``lstm-edge verify``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lstm_edge.base.arguments import check_positive
from lstm_edge.cli import shared
from lstm_edge.errors import InputError

if TYPE_CHECKING:
    from lstm_edge.bundle.opening import Bundle
    from lstm_edge.inputs.labelled import Evaluation
    from lstm_edge.inputs.windows import Window
    from lstm_edge.results.parity import ParityRun
    from lstm_edge.verify.verifying import Source


@click.command("verify", short_help="Prove that every file answers as Keras does.")
@shared.bundle_options
@shared.data_options("Labelled texts [default: the bundle's golden vectors, no TensorFlow needed].")
@click.option(
    "--inputs", type=click.Path(path_type=Path), metavar="FILE",
    help="Arrays for a model without text (.npz, .npy, .csv) [default: the golden vectors].",
)  # fmt: skip
@click.option(
    "--targets", type=click.Path(path_type=Path), metavar="FILE",
    help="What is right for --inputs (.npz by the outputs' names, .npy, .csv) [default: what the .npz "
    "of --inputs has of it].",
)  # fmt: skip
@shared.WINDOW
@click.option("--limit", type=int, metavar="N", help="At most N examples, drawn evenly.")
@click.option(
    "--model", type=click.Path(path_type=Path),
    help="The Keras model, for --data and --inputs [default: where it was exported from].",
)  # fmt: skip
@shared.VARIANTS
@shared.THREADS
@shared.WORKERS
@click.option(
    "--flips", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="Write the texts whose label changes, with both answers: .csv or .jsonl.",
)  # fmt: skip
@shared.JSON
@shared.trust_options
@shared.VERBOSE
def command(
    bundle: Path,
    source: str | None,
    text_column: str | None,
    label_column: str | None,
    inputs: Path | None,
    targets: Path | None,
    window: Window | None,
    limit: int | None,
    model: Path | None,
    variants: Sequence[str],
    threads: int,
    workers: int | None,
    flips: Path | None,
    json_file: Path | None,
    trust: bool,
    custom: Sequence[Path],
    verbose: bool,
) -> int:
    """Compare every variant of BUNDLE with Keras: differences, flips, accuracy, errors, independence.

    Data are read window by window: memory does not grow with them.

    \b
    lstm-edge verify bundle
    lstm-edge verify bundle --data aclImdb --json parity.json
    lstm-edge verify bundle --data reviews.csv --text-column body --label-column stars --limit 500
    lstm-edge verify bundle --data reviews.csv --flips flips.csv
    lstm-edge verify bundle --inputs windows.npy --model sensors.keras
    lstm-edge verify bundle --inputs windows.npy --targets activities.csv
    """
    from lstm_edge.report import tables as report
    from lstm_edge.results.flips import check_flips, write_flips

    at_once = shared.count_workers(workers, threads)
    check_positive(limit=limit)
    if flips is not None:
        check_flips(flips)
    opened = shared.open_bundle(bundle)
    shared.refuse(
        opened,
        texts={"--data": source, "--workers": workers, "--flips": flips},
        arrays={"--inputs": inputs, "--targets": targets, "--window": window},
    )
    if source is not None and inputs is not None:
        raise InputError("--data and --inputs are given; expected one of them")
    if targets is not None and inputs is None:
        raise InputError("`targets` say what is right for `inputs`: give these too")
    if window is not None and inputs is None:
        raise InputError("`window` cuts `inputs`: give these too")
    tested: Source | None = None
    if inputs is not None:
        tested = opened.read(inputs, targets, window)
    elif source is not None:
        tested = _tested_data(source, text_column, label_column, verbose)
    run = verify(
        opened,
        tested,
        verbose,
        model=model,
        limit=limit,
        variants=variants,
        threads=threads,
        workers=at_once,
        trust=trust,
        custom=custom,
    )
    for table in (
        report.parity_table(run),
        report.targets_table(run),
        *report.confusion_tables(run),
    ):
        if table is not None:
            shared.show(table)
    if flips is not None:
        shared.say(f"Written: {flips}, {write_flips(flips, run, opened.labels)} flips")
    shared.write_json(json_file, run.to_json())
    return shared.exit_code(run.reports, run.failures)


def _tested_data(
    source: str, text_column: str | None, label_column: str | None, verbose: bool
) -> Evaluation:
    from lstm_edge.inputs import data

    with shared.quiet(verbose) as bars, bars.task("Checking the data", None):
        return data.evaluation(source, text_column, label_column)


def verify(bundle: Bundle, source: Source | None, verbose: bool, **options: Any) -> ParityRun:
    from lstm_edge.verify.verifying import verify as run_verify

    with shared.quiet(verbose) as bars:
        run = run_verify(bundle, source, **options, progress=bars)
    shared.say_left_out(run.left_out)
    return run
