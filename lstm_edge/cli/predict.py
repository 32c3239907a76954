"""``lstm-edge predict``."""

from __future__ import annotations

import contextlib
import itertools
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from lstm_edge.cli import shared
from lstm_edge.errors import InputError

if TYPE_CHECKING:
    from lstm_edge.base.progress import Advance
    from lstm_edge.bundle.opening import TensorBundle, TextBundle
    from lstm_edge.inputs.windows import Window
    from lstm_edge.predict.classifier import Classifier, Prediction


@click.command("predict", short_help="Texts in, labels and probabilities out; no TensorFlow.")
@shared.bundle_options
@click.argument("texts", nargs=-1)
@click.option(
    "--input", "source", type=click.Path(path_type=Path), metavar="FILE",
    help="Texts of a table (.csv, .tsv, .jsonl) or lines of a .txt, each also .gz; or arrays (.npy, "
    ".npz, .csv) for a model without text.",
)  # fmt: skip
@click.option(
    "--text-column", metavar="NAME",
    help="Text column of --input (found if common); its number from 1 on without a heading line.",
)  # fmt: skip
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="Write a table (.csv, .tsv, .jsonl, each also .gz) instead of printing; of arrays .npz, .npy, "
    ".csv or .json.",
)  # fmt: skip
@shared.WINDOW
@click.option("--variant", metavar="NAME", help="[default: the first whose runtime is installed]")
@shared.THREADS
@shared.WORKERS
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@shared.VERBOSE
def command(
    bundle: Path,
    texts: tuple[str, ...],
    source: Path | None,
    text_column: str | None,
    out: Path | None,
    window: Window | None,
    variant: str | None,
    threads: int,
    workers: int | None,
    as_json: bool,
    verbose: bool,
) -> None:
    """Predict TEXTS, the texts of a file, or the lines of standard input, with a bundle; or arrays.

    Prints label, probability and text, separated by tabs, in the order of the texts. Any number of
    them can be given: memory does not grow with it.

    \b
    lstm-edge predict bundle "a film to remember" "two hours I will not get back"
    lstm-edge predict bundle --variant tflite-int8-dynamic --json < reviews.txt
    lstm-edge predict bundle --input reviews.csv.gz --text-column body --out answers.jsonl
    lstm-edge predict bundle --input windows.npy --out answers.npz
    """
    from lstm_edge.bundle.opening import TensorBundle
    from lstm_edge.inputs import data
    from lstm_edge.inputs.labelled import windows as in_windows
    from lstm_edge.predict.classifier import Classifier, check_table, write_table

    at_once = shared.count_workers(workers, threads)
    if as_json and out is not None:
        raise InputError("--json is for what is printed; --out takes its form from its suffix")
    if source is not None and out is not None and out.resolve() == source.resolve():
        raise InputError(f"--out {out} would replace the input; give another name")
    opened = shared.open_bundle(bundle).predicting()
    shared.refuse(
        opened,
        texts={"texts": texts, "--text-column": text_column, "--workers": workers},
        arrays={"--window": window},
    )
    if isinstance(opened, TensorBundle):
        _predict_tensors(opened, source, window, out, variant, threads, as_json, verbose)
        return
    if texts and source is not None:
        raise InputError("there are texts after the bundle and --input; give one of them")
    if text_column is not None and source is None:
        raise InputError("--text-column is of the table that --input names; give that too")
    if out is not None:
        check_table(out)
    if not texts and source is None and sys.stdin.isatty():
        raise InputError(
            "no text given; put texts after the bundle, name a file with --input, or give lines on "
            "standard input"
        )
    total = None
    with shared.quiet(verbose) as bars:
        at_once = min(at_once, len(texts)) if texts else at_once
        classifier = Classifier(cast("TextBundle", opened), variant, threads, at_once)
        if source is not None:  # to the end, before the first is answered
            with bars.task("Checking the texts", None):
                total = sum(1 for _ in data.texts(source, text_column))
    if texts:
        windows = in_windows(texts)
    elif source is not None:
        windows = in_windows(data.texts(source, text_column))
    else:
        windows = data.arriving(sys.stdin.buffer, "standard input")
    # not beside answers on the same terminal, nor for the moment that a few texts take
    shown = not texts and (out is not None or not sys.stdout.isatty())
    with (
        bars.task(f"Predicting with {classifier.variant}", total)
        if shown
        else contextlib.nullcontext(lambda n: None)
    ) as advance:
        answers = _answers(classifier, windows, advance)
        if out is not None:
            write_table(out, itertools.chain.from_iterable(answers))
        else:
            # a text may hold what steers a terminal; a program gets it as it is
            put = shared.say if sys.stdout.isatty() else click.echo
            for some in answers:  # a window at a time: one write for each
                put("\n".join(a.to_json(t) if as_json else a.to_line(t) for t, a in some))
    with shared.quiet(verbose):  # a runtime may say that it ends
        del answers, classifier
    if out is not None:
        shared.say(f"Written: {out}")


def _predict_tensors(
    bundle: TensorBundle,
    source: Path | None,
    window: Window | None,
    out: Path | None,
    variant: str | None,
    threads: int,
    as_json: bool,
    verbose: bool,
) -> None:
    from lstm_edge.inputs.array_files import check_writable, read_inputs, write_outputs
    from lstm_edge.predict.predictor import Predictor

    if source is None:
        raise InputError(
            f"bundle {bundle.path} takes arrays: name a file of them with --input (.npy, .npz, .csv)"
        )
    if out is not None:
        check_writable(out, bundle.signature)
    with shared.quiet(verbose) as bars:
        given = read_inputs(source, bundle.signature, window)
        predictor = Predictor(bundle, variant, threads)
        outputs = predictor.predict(given, bars)
    if out is not None:
        write_outputs(out, outputs)
        shared.say(f"Written: {out}")
    else:
        put = shared.say if sys.stdout.isatty() else click.echo
        for line in predictor.json_lines(outputs) if as_json else predictor.lines(outputs):
            put(line)


def _answers(
    classifier: Classifier, windows: Iterable[list[str]], advance: Advance
) -> Iterator[list[tuple[str, Prediction]]]:
    from lstm_edge.base.progress import Within

    for window in windows:
        yield [*zip(window, classifier.predict(window, Within(advance)), strict=True)]
