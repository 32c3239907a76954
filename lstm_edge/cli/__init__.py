"""The command line: the only module that prints, and the only one here that imports export."""

from __future__ import annotations

import atexit
import contextlib
import itertools
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar, cast

import click

from lstm_edge import __version__
from lstm_edge.errors import ConversionError, InputError, LstmEdgeError

if TYPE_CHECKING:
    from lstm_edge.base.progress import Advance
    from lstm_edge.bundle.opening import Bundle, TensorBundle, TextBundle
    from lstm_edge.cli.console import Bars
    from lstm_edge.devices.browser.server import Site
    from lstm_edge.inputs.batches import Inputs
    from lstm_edge.inputs.labelled import Dataset, Evaluation
    from lstm_edge.predict.classifier import Classifier, Prediction
    from lstm_edge.report.tables import Table
    from lstm_edge.results.device import DeviceResult
    from lstm_edge.results.latency import LatencyReport
    from lstm_edge.results.parity import ParityRun
    from lstm_edge.training.train import Epoch, TrainConfig
    from lstm_edge.verify.verifying import Source

DONE, OUTSIDE, FAILED, INTERRUPTED = 0, 1, 2, 130
BENCH_EXAMPLES = 200


class Commands(click.Group):
    """A click group whose errors are one line and exit code 2."""

    def main(  # type: ignore[override]  # click's overloads, of which this is the general one
        self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any
    ) -> Any:
        try:
            extra["standalone_mode"] = False
            code = super().main(args, prog_name, **extra)
        except click.exceptions.NoArgsIsHelpError as error:
            click.echo(error.format_message())
            sys.exit(FAILED)
        except click.UsageError as error:
            command = error.ctx.command_path if error.ctx else "lstm-edge"
            _fail(f"{error.format_message().rstrip('.')}; see {command} --help")
        except (click.ClickException, LstmEdgeError) as error:
            _fail(error.message if isinstance(error, click.ClickException) else str(error))
        except (KeyboardInterrupt, click.Abort) as error:
            why = error if isinstance(error, KeyboardInterrupt) else error.__cause__
            click.echo(f"lstm-edge: interrupted{f'; {why}' if why and why.args else ''}", err=True)
            sys.exit(INTERRUPTED)
        except BrokenPipeError:  # the reader, such as head, has had enough
            sys.stderr.close()
            sys.exit(DONE)
        except OSError as error:  # a disk that is full, a file that may not be read
            where = "" if error.filename is None else f"{error.filename}: "
            _fail(f"{where}{error.strerror or error}")
        sys.exit(code if isinstance(code, int) else DONE)


def _fail(message: str) -> None:
    click.echo(f"lstm-edge: {message}", err=True)
    sys.exit(FAILED)


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 done and within tolerance; 1 a variant is outside; 2 could not be done.",
)
@click.version_option(__version__, prog_name="lstm-edge")
def cli() -> None:
    """From a Keras LSTM to TFLite and ONNX files that answer as Keras does.

    \b
    Try it, offline:          lstm-edge demo
    Your model:               lstm-edge export model.keras --vocab vocab.txt --out bundle
    Is it faithful, fast?     lstm-edge verify bundle;  lstm-edge bench bundle
    Use it (no TensorFlow):   lstm-edge predict bundle "a film to remember"
    """


# ---------------------------------------------------------------- what commands share

_BUNDLE = click.argument("bundle", type=click.Path(path_type=Path))
_VERBOSE = click.option(
    "--verbose", "-v", is_flag=True, help="Show what TensorFlow and the converters print."
)
_TRUST = click.option(
    "--trust", is_flag=True,
    help="Let Keras execute what the model file holds: Lambda layers, custom classes.",
)  # fmt: skip
_THREADS = click.option(
    "--threads", type=int, default=1, show_default=True, help="Threads for one inference."
)
_WORKERS = click.option(
    "--workers", type=int, metavar="N",
    help="Inferences at a time, each with --threads [default: as many as there are cores for].",
)  # fmt: skip
_JSON = click.option(
    "--json", "json_file", type=click.Path(path_type=Path, dir_okay=False),
    callback=lambda context, option, path: _place(path), help="Also write JSON.",
)  # fmt: skip
_VARIANTS = click.option(
    "--variant", "variants", multiple=True, metavar="NAME", help="Only this one; may be repeated."
)


def _place(path: Path | None) -> Path | None:
    """Of a file that is written at the end: seen to at the start."""
    from lstm_edge.base.files import check_place

    if path is not None:
        check_place(path)
    return path


_F = TypeVar("_F", bound=Callable[..., Any])


def _data_options(text: str, **given: Any) -> Callable[[_F], _F]:
    def decorate(command: _F) -> _F:
        for option in (
            click.option("--label-column", metavar="NAME", help="Label column (found if common)."),
            click.option(
                "--text-column",
                metavar="NAME",
                help="Text column; both as numbers from 1 on where there is no heading line.",
            ),
            click.option("--data", "source", metavar="SOURCE", help=text, **given),
        ):
            command = option(command)
        return command

    return decorate


def _load_data(
    source: str, text_column: str | None, label_column: str | None, verbose: bool
) -> Dataset:
    from lstm_edge.inputs import data

    with _quiet(verbose) as bars, bars.task("Loading the data", None):
        return data.load(source, text_column, label_column)


@contextlib.contextmanager
def _quiet(verbose: bool) -> Iterator[Bars]:
    """Libraries write to a log file meanwhile; it is kept, and named, when one of them fails.

    The value shows progress on the terminal all the same.
    """
    from lstm_edge.cli.console import Bars, chatter_to

    bars = Bars()  # before the terminal is out of reach
    if verbose:
        yield bars
        return
    with tempfile.NamedTemporaryFile(prefix="lstm-edge-", suffix=".log", delete=False) as file:
        log = Path(file.name)
    keep = False
    try:
        with chatter_to(log):
            yield bars
    except ConversionError as error:
        keep = True
        raise ConversionError(f"{error}; what the converter printed is in {log}") from error
    except (LstmEdgeError, KeyboardInterrupt):
        raise
    except BaseException:
        keep = True
        click.echo(f"lstm-edge: what the libraries printed is in {log}", err=True)
        raise
    finally:
        if not keep:
            log.unlink(missing_ok=True)


def _show(table: Table) -> None:
    from lstm_edge.report import tables as report

    terminal = sys.stdout.isatty()
    width = shutil.get_terminal_size().columns if terminal else None
    click.echo(report.to_terminal(table, width, terminal))


def _write_json(path: Path | None, value: Any) -> None:
    from lstm_edge.base.files import write_json

    if path is not None:
        write_json(path, value)
        click.echo(f"Written: {path}")


def _check_threads(threads: int) -> None:
    if threads < 1:
        raise InputError(f"--threads is {threads}; it must be at least 1")


def _workers(workers: int | None, threads: int) -> int:
    """As many as asked for, else one for every ``threads`` cores."""
    from lstm_edge.base import machine

    _check_threads(threads)
    if workers is None:
        return max(1, (machine.cores() or 1) // threads)
    if workers < 1:
        raise InputError(f"--workers is {workers}; it must be at least 1")
    return workers


def _check_limit(limit: int | None) -> None:
    if limit is not None and limit < 1:
        raise InputError(f"--limit is {limit}; it must be at least 1")


# ---------------------------------------------------------------- train


@cli.command(short_help="Train the reference, or a configured, model.")
@_data_options("Labelled texts [default: imdb, Keras's download].", default="imdb")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Run folder to write.")
@click.option("--words", type=int, default=10_000, show_default=True, help="Size of vocabulary.")
@click.option("--length", type=int, default=500, show_default=True, help="Ids per text.")
@click.option("--embedding", type=int, default=128, show_default=True, help="Embedding width.")
@click.option(
    "--lstm", type=int, multiple=True, default=(128, 64), show_default=True,
    help="Units of an LSTM layer; repeat for a stack.",
)  # fmt: skip
@click.option("--dense", type=int, multiple=True, help="Units of a hidden Dense layer; repeatable.")
@click.option("--dropout", type=float, default=0.0, show_default=True)
@click.option("--epochs", type=int, default=5, show_default=True)
@click.option("--batch-size", type=int, default=32, show_default=True)
@click.option("--optimizer", default="adam", show_default=True, help="A Keras optimizer's name.")
@click.option("--learning-rate", type=float, help="[default: the optimizer's own]")
@click.option(
    "--validation", type=float, default=0.1, show_default=True,
    help="Share of the training split that picks the best epoch.",
)  # fmt: skip
@click.option(
    "--test-share", type=float, default=0.2, show_default=True,
    help="Share cut off for testing where SOURCE has no test split.",
)  # fmt: skip
@click.option("--labels", metavar="A,B,…", help="Names of the classes, in order of the raw labels.")
@click.option("--seed", type=int, default=7, show_default=True)
@click.option("--resume", is_flag=True, help="Go on with an interrupted run, after its last epoch.")
@_VERBOSE
def train(
    source: str,
    text_column: str | None,
    label_column: str | None,
    out: Path,
    labels: str | None,
    resume: bool,
    verbose: bool,
    **options: Any,
) -> int:
    """Train a model and keep the epoch that is best on a validation part.

    \b
    lstm-edge train --data aclImdb --out run
    lstm-edge train --data spam.tsv --text-column 2 --label-column 1 --length 60 --lstm 32 --out run
    lstm-edge train --data aclImdb --out run --resume
    """
    from lstm_edge.models.run_folder import CURVES
    from lstm_edge.training import train as training

    config = _train_config(options)
    dataset = _load_data(source, text_column, label_column, verbose)
    names = None if labels is None else tuple(name.strip() for name in labels.split(","))
    try:
        with _quiet(verbose) as bars:

            def on_epoch(epoch: Epoch) -> None:
                bars.print(
                    f"Epoch {epoch.epoch}: loss {epoch.loss:.4f}, accuracy {epoch.accuracy:.4f}; "
                    f"validation loss {epoch.val_loss:.4f}, accuracy {epoch.val_accuracy:.4f} "
                    f"({epoch.seconds:.0f} s)"
                )

            result = training.train(
                dataset, out, config, names=names, resume=resume, progress=bars, on_epoch=on_epoch
            )
    except KeyboardInterrupt:
        if (out / training.CHECKPOINT).is_dir():
            click.echo("The last whole epoch is kept; go on with the same command and --resume.")
        raise
    click.echo(f"Best epoch: {result.best_epoch}")
    click.echo(f"Test accuracy: {result.test_accuracy:.4f} on {result.test_examples} examples\n")
    for number, sample in enumerate(result.samples, 1):
        click.echo(f"Review {number}:")
        click.echo(f"Prediction: {sample.predicted}, Actual: {sample.actual}\n")
    click.echo(f"Curves: {out / CURVES}")
    click.echo(f"Next: lstm-edge export {out} --out bundle")
    return DONE


def _train_config(options: dict[str, Any]) -> TrainConfig:
    from lstm_edge.models.architecture import ModelConfig
    from lstm_edge.training.train import TrainConfig

    model = ModelConfig(
        num_words=options.pop("words"),
        max_length=options.pop("length"),
        **{name: options.pop(name) for name in ("embedding", "lstm", "dense", "dropout")},
    )
    return TrainConfig(model=model, **options)


# ---------------------------------------------------------------- export


@cli.command(short_help="Export a Keras model to TFLite and ONNX.")
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Bundle to write.")
@click.option(
    "--format", "formats", multiple=True, metavar="F", help="tflite or onnx [default: all]."
)
@click.option(
    "--precision", "precisions", multiple=True, metavar="P",
    help="float32, float16, int8-dynamic [default: all].",
)  # fmt: skip
@click.option(
    "--vocab", type=click.Path(path_type=Path),
    help="vocab.txt, a JSON word index, or Tokenizer.to_json(); a run folder has its own.",
)  # fmt: skip
@click.option("--labels", metavar="A,B,…", help="Names of the classes, in the outputs' order.")
@click.option(
    "--length", type=int, help="Ids per text, or steps at most, where the model leaves it free."
)
@click.option(
    "--batch", type=int, metavar="N",
    help="Examples in a call of a TFLite file, of a model without text [default: 1].",
)  # fmt: skip
@click.option(
    "--inputs", type=click.Path(path_type=Path), metavar="FILE",
    help="Golden vectors of a model without text: .npz, .npy or .csv [default: drawn to fit it].",
)  # fmt: skip
@click.option(
    "--runtime", "runtimes", multiple=True, metavar="R",
    help="Only files for this: onnxruntime, litert; or made for it: mediapipe, litert-js, "
    "onnxruntime-mobile. May be repeated [default: the first two].",
)  # fmt: skip
@click.option("--text-input", is_flag=True, help="Also write ONNX files that take a text as it is.")
@click.option(
    "--fold-embedding", is_flag=True,
    help="Also write larger, faster TFLite files, with the first input product in the embedding.",
)  # fmt: skip
@click.option(
    "--streaming/--no-streaming", default=None,
    help="Write step models: states in, states out; for texts beside the other files [default: where "
    "the model is stateful].",
)  # fmt: skip
@click.option(
    "--chunk", type=int, metavar="K", help="Steps in every call of a stream [default: any number]."
)
@click.option(
    "--lowering", metavar="L",
    help="fused: TFLite's fused LSTM operator, its traps mended [default: loops, which are faster].",
)  # fmt: skip
@_data_options("Take the golden vectors from these texts [default: the shipped reviews].")
@_TRUST
@_VERBOSE
def export(
    model: Path,
    out: Path,
    formats: Sequence[str],
    precisions: Sequence[str],
    vocab: Path | None,
    labels: str | None,
    length: int | None,
    batch: int | None,
    inputs: Path | None,
    runtimes: Sequence[str],
    text_input: bool,
    fold_embedding: bool,
    streaming: bool | None,
    chunk: int | None,
    lowering: str | None,
    source: str | None,
    text_column: str | None,
    label_column: str | None,
    trust: bool,
    verbose: bool,
) -> int:
    """Export MODEL, a run folder of train, a .keras or .h5 file or a SavedModel, to a bundle.

    Every file is held against Keras before the bundle appears. A classifier of texts gives a bundle
    that takes texts; any other model one that takes arrays.

    \b
    lstm-edge export run --out bundle
    lstm-edge export model.keras --vocab vocab.txt --labels Negative,Positive --out bundle
    lstm-edge export model.h5 --vocab tokenizer.json --format onnx --precision int8-dynamic --out b
    lstm-edge export sensors.keras --inputs windows.npy --out bundle
    lstm-edge export forecaster.h5 --streaming --out bundle
    lstm-edge export run --runtime mediapipe --precision int8-dynamic --out phone
    """
    from export import export_bundle
    from lstm_edge.bundle.opening import open_bundle
    from lstm_edge.report import tables as report
    from lstm_edge.verify.verifying import exported

    dataset = None if source is None else _load_data(source, text_column, label_column, verbose)
    with _quiet(verbose) as bars:
        result = export_bundle(
            model,
            out,
            wanted_formats=formats,
            precisions=precisions,
            vocab=vocab,
            labels=None if labels is None else [name.strip() for name in labels.split(",")],
            length=length,
            batch=batch,
            fold_embedding=fold_embedding,
            dataset=dataset,
            inputs=inputs,
            streaming=streaming,
            chunk=chunk,
            lowering=lowering,
            runtimes=runtimes,
            text_input=text_input,
            trust=trust,
            progress=bars,
        )
    bundle = open_bundle(out)
    _show(report.summary_table(bundle, exported(bundle), None))
    click.echo(f"Bundle: {out}")
    if result.takes == "steps":
        click.echo(
            f"It takes steps: load_bundle({str(out)!r}).stream().feed(…) in Python; lstm-edge predict "
            f"{out} --input FILE feeds whole sequences."
        )
    elif result.takes == "arrays":
        click.echo(f"It takes arrays: lstm-edge predict {out} --input FILE (.npy, .npz, .csv).")
    elif result.takes == "ids":
        click.echo("It has no vocabulary and takes ids only; give --vocab to predict on texts.")
    return DONE if result.ok else _outside()


def _outside() -> int:
    click.echo("lstm-edge: a variant is outside its tolerance", err=True)
    return OUTSIDE


# ---------------------------------------------------------------- verify


@cli.command(short_help="Prove that every file answers as Keras does.")
@_BUNDLE
@_data_options("Labelled texts [default: the bundle's golden vectors, no TensorFlow needed].")
@click.option(
    "--inputs", type=click.Path(path_type=Path), metavar="FILE",
    help="Arrays for a model without text (.npz, .npy, .csv) [default: the golden vectors].",
)  # fmt: skip
@click.option("--limit", type=int, metavar="N", help="At most N examples, drawn evenly.")
@click.option(
    "--model", type=click.Path(path_type=Path),
    help="The Keras model, for --data and --inputs [default: where it was exported from].",
)  # fmt: skip
@_VARIANTS
@_THREADS
@_WORKERS
@_JSON
@_TRUST
@_VERBOSE
def verify(
    bundle: Path,
    source: str | None,
    text_column: str | None,
    label_column: str | None,
    inputs: Path | None,
    limit: int | None,
    model: Path | None,
    variants: Sequence[str],
    threads: int,
    workers: int | None,
    json_file: Path | None,
    trust: bool,
    verbose: bool,
) -> int:
    """Compare every variant of BUNDLE with Keras: differences, flips, accuracy, independence.

    Data are read window by window: memory does not grow with them.

    \b
    lstm-edge verify bundle
    lstm-edge verify bundle --data aclImdb --json parity.json
    lstm-edge verify bundle --data reviews.csv --text-column body --label-column stars --limit 500
    lstm-edge verify bundle --inputs windows.npy --model sensors.keras
    """
    from lstm_edge.report import tables as report

    at_once = _workers(workers, threads)
    _check_limit(limit)
    opened = _open(bundle)
    _refuse(opened, texts={"--data": source, "--workers": workers}, arrays={"--inputs": inputs})
    tested: Source | None = None
    if inputs is not None:
        tested = opened.read(inputs)
    elif source is not None:
        tested = _tested_data(source, text_column, label_column, verbose)
    run = _verify(
        opened,
        tested,
        verbose,
        model=model,
        limit=limit,
        variants=variants,
        threads=threads,
        workers=at_once,
        trust=trust,
    )
    _show(report.parity_table(run))
    _write_json(json_file, run.to_json())
    return DONE if run.ok else _outside()


def _open(path: Path) -> Bundle:
    from lstm_edge.bundle.opening import open_bundle

    return open_bundle(path)


def _refuse(bundle: Bundle, texts: dict[str, Any], arrays: dict[str, Any]) -> None:
    """Refuse options that are of the other kind of bundle: of ``texts``, or of ``arrays``."""
    options = arrays if bundle.takes == "texts" else texts
    if given := [name for name, value in options.items() if value]:
        raise InputError(
            f"bundle {bundle.path} takes {bundle.takes}: {', '.join(given)} cannot be used with it; give "
            + (
                "arrays with --input or --inputs"
                if bundle.takes == "arrays"
                else "texts, or --data"
            )
        )


def _tested_data(
    source: str, text_column: str | None, label_column: str | None, verbose: bool
) -> Evaluation:
    from lstm_edge.inputs import data

    with _quiet(verbose) as bars, bars.task("Checking the data", None):
        return data.evaluation(source, text_column, label_column)


def _verify(bundle: Bundle, source: Source | None, verbose: bool, **options: Any) -> ParityRun:
    from lstm_edge.verify.verifying import verify as run_verify

    with _quiet(verbose) as bars:
        return run_verify(bundle, source, **options, progress=bars)


# ---------------------------------------------------------------- predict


@cli.command(short_help="Texts in, labels and probabilities out; no TensorFlow.")
@_BUNDLE
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
@click.option("--variant", metavar="NAME", help="[default: the first whose runtime is installed]")
@_THREADS
@_WORKERS
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@_VERBOSE
def predict(
    bundle: Path,
    texts: tuple[str, ...],
    source: Path | None,
    text_column: str | None,
    out: Path | None,
    variant: str | None,
    threads: int,
    workers: int | None,
    as_json: bool,
    verbose: bool,
) -> int:
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

    at_once = _workers(workers, threads)
    if as_json and out is not None:
        raise InputError("--json is for what is printed; --out takes its form from its suffix")
    if source is not None and out is not None and out.resolve() == source.resolve():
        raise InputError(f"--out {out} would replace the input; give another name")
    opened = _open(bundle)
    _refuse(
        opened,
        texts={"texts": texts, "--text-column": text_column, "--workers": workers},
        arrays={},
    )
    if isinstance(opened, TensorBundle):
        return _predict_tensors(opened, source, out, variant, threads, as_json, verbose)
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
    with _quiet(verbose) as bars:
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
            for window in answers:  # a window at a time: one write for each
                click.echo("\n".join(a.to_json(t) if as_json else a.to_line(t) for t, a in window))
    with _quiet(verbose):  # a runtime may say that it ends
        del answers, classifier
    if out is not None:
        click.echo(f"Written: {out}")
    return DONE


def _predict_tensors(
    bundle: TensorBundle,
    source: Path | None,
    out: Path | None,
    variant: str | None,
    threads: int,
    as_json: bool,
    verbose: bool,
) -> int:
    from lstm_edge.inputs.array_files import check_writable, read_inputs, write_outputs
    from lstm_edge.predict.predictor import Predictor

    if source is None:
        raise InputError(
            f"bundle {bundle.path} takes arrays: name a file of them with --input (.npy, .npz, .csv)"
        )
    if out is not None:
        check_writable(out, bundle.signature)
    with _quiet(verbose) as bars:
        given = read_inputs(source, bundle.signature)
        predictor = Predictor(bundle, variant, threads)
        outputs = predictor.predict(given, bars)
    if out is not None:
        write_outputs(out, outputs)
        click.echo(f"Written: {out}")
    else:
        for line in predictor.json_lines(outputs) if as_json else predictor.lines(outputs):
            click.echo(line)
    return DONE


def _answers(
    classifier: Classifier, windows: Iterable[list[str]], advance: Advance
) -> Iterator[list[tuple[str, Prediction]]]:
    from lstm_edge.base.progress import Within

    for window in windows:
        yield [*zip(window, classifier.predict(window, Within(advance)), strict=True)]


# ---------------------------------------------------------------- bench


@cli.command(short_help="Measure latency, start-up and memory, here or on a device.")
@_BUNDLE
@click.option(
    "--on", "where", metavar="DEVICE", default="local", show_default=True,
    help="local: this machine; browser: what opens the page that is served then; "
    "ssh://[USER@]HOST[:PORT][/FOLDER]: a Linux board with Python, NumPy and a runtime; adb: an Android "
    "device.",
)  # fmt: skip
@_data_options("Real texts [default: the bundle's golden vectors].")
@click.option(
    "--limit", type=int, default=BENCH_EXAMPLES, show_default=True, help="At most N inputs."
)
@click.option("--rounds", type=int, default=5, show_default=True, help="Times each input is run.")
@_VARIANTS
@_THREADS
@click.option(
    "--host", metavar="ADDRESS",
    help="browser: where the page is served; 0.0.0.0 for a phone on the same network "
    "[default: 127.0.0.1].",
)  # fmt: skip
@click.option("--port", type=int, help="browser: its port [default: any free one].")
@click.option("--headless", is_flag=True, help="browser: open it here in Chromium, out of sight.")
@click.option("--browser", metavar="PROGRAM", help="With --headless: the Chromium to take.")
@click.option("--device-name", metavar="NAME", help="browser: what the report calls the device.")
@click.option("--python", metavar="PATH", help="ssh: Python on the board [default: python3].")
@click.option("--serial", metavar="ID", help="adb: which device, of several (adb devices).")
@click.option(
    "--benchmark-model", type=click.Path(path_type=Path), metavar="FILE",
    help="adb: LiteRT's benchmark_model for the device's processor.",
)  # fmt: skip
@_JSON
@_VERBOSE
def bench(
    bundle: Path,
    where: str,
    source: str | None,
    text_column: str | None,
    label_column: str | None,
    limit: int,
    rounds: int,
    variants: Sequence[str],
    threads: int,
    json_file: Path | None,
    verbose: bool,
    **device: Any,
) -> int:
    """Time every variant of BUNDLE, interleaved, on inputs of their own lengths.

    A model without text is timed on the bundle's golden vectors. On a device the answers are also
    checked against the golden vectors.

    \b
    lstm-edge bench bundle
    lstm-edge bench bundle --data aclImdb --limit 500 --threads 2 --json latency.json
    lstm-edge bench bundle --on browser --headless
    lstm-edge bench bundle --on browser --host 0.0.0.0 --json phone.json
    lstm-edge bench bundle --on ssh://pi@board --json board.json
    lstm-edge bench bundle --on adb --benchmark-model benchmark_model --json phone.json
    """
    from lstm_edge.report import tables as report

    _check_threads(threads)
    _check_limit(limit)
    kind = _device_kind(where, device)
    opened = _open(bundle)
    _refuse(opened, texts={"--data": source}, arrays={})
    how = _How(
        inputs=_inputs(opened, source, text_column, label_column, limit, verbose),
        limit=limit,
        variants=variants,
        threads=threads,
        rounds=rounds,
    )
    if kind != "local":
        given = {name: device[name] for name in _DEVICES[kind]}
        return _show_device(_DEVICE_BENCH[kind](where, opened, how, verbose, **given), json_file)
    measured = _bench(opened, how, verbose)
    _show(report.latency_table(measured))
    _write_json(json_file, measured.to_json())
    return DONE


class _How(TypedDict):
    """What is timed, and how; the same for every device."""

    inputs: Inputs | None
    limit: int
    variants: Sequence[str]
    threads: int
    rounds: int


def _inputs(
    bundle: Bundle,
    source: str | None,
    text_column: str | None,
    label_column: str | None,
    limit: int,
    verbose: bool,
) -> Inputs | None:
    """The examples of data; None without them: the golden inputs, which a device has itself."""
    if source is None:
        return None
    dataset = _load_data(source, text_column, label_column, verbose)
    return bundle.sampled_inputs(dataset, limit)


def _bench(bundle: Bundle, how: _How, verbose: bool) -> LatencyReport:
    from lstm_edge.bench.plan import bench as run_bench

    with _quiet(verbose) as bars:
        return run_bench(bundle, **how, progress=bars)


# kind of --on -> the options that only it has
_DEVICES: dict[str, tuple[str, ...]] = {
    "local": (),
    "browser": ("host", "port", "headless", "browser", "device_name"),
    "ssh": ("python",),
    "adb": ("serial", "benchmark_model"),
}


def _device_kind(where: str, options: dict[str, Any]) -> str:
    """Of :data:`_DEVICES`; options of another kind are refused."""
    kind = "ssh" if where.startswith("ssh:") else where
    if kind not in _DEVICES or where == "ssh":
        raise InputError(
            f"--on {where!r} is no device: expected local, browser, ssh://[USER@]HOST[:PORT][/FOLDER] or "
            "adb"
        )
    given = [name for name, value in options.items() if value not in (None, False)]
    if foreign := [name for name in given if name not in _DEVICES[kind]]:
        names = ", ".join(f"--{name.replace('_', '-')}" for name in foreign)
        raise InputError(f"{names} cannot be used with --on {where}")
    return kind


def _bench_in_browser(
    where: str,
    bundle: Bundle,
    how: _How,
    verbose: bool,
    *,
    host: str | None,
    port: int | None,
    headless: bool,
    browser: str | None,
    device_name: str | None,
) -> DeviceResult:
    from lstm_edge.devices.browser import measuring as browser_bench
    from lstm_edge.devices.browser.server import LOOPBACK

    del where
    if browser is not None and not headless:
        raise InputError("--browser is the program that --headless starts; give that too")
    with _quiet(verbose) as bars:

        def announce(site: Site) -> None:
            if not headless:
                for line in _invitation(site):
                    bars.print(line)

        return browser_bench.bench(
            bundle,
            **how,
            host=host or LOOPBACK,
            port=port or 0,
            headless=headless,
            program=browser,
            name=device_name,
            announce=announce,
            progress=bars,
        )


def _invitation(site: Site) -> Iterator[str]:
    """How to get a page into a browser."""
    from lstm_edge.devices.browser.server import qr_code

    if site.lan_url is not None:
        yield from qr_code(site.lan_url).splitlines()
        yield f"On a device in the same network: {site.lan_url}"
    yield f"On this machine: {site.url}"
    yield "Waiting for a browser; Ctrl-C ends it."


def _bench_over_ssh(
    where: str,
    bundle: Bundle,
    how: _How,
    verbose: bool,
    *,
    python: str | None,
) -> DeviceResult:
    from lstm_edge.devices import ssh as ssh_bench

    address, python = ssh_bench.Address.parse(where), python or ssh_bench.PYTHON
    with _quiet(verbose) as bars:
        return ssh_bench.measure(bundle, address, python=python, **how, progress=bars)


def _bench_over_adb(
    where: str,
    bundle: Bundle,
    how: _How,
    verbose: bool,
    *,
    serial: str | None,
    benchmark_model: Path | None,
) -> DeviceResult:
    from lstm_edge.devices import adb as adb_bench

    del where
    with _quiet(verbose) as bars:
        return adb_bench.measure(bundle, benchmark_model, serial=serial, **how, progress=bars)


_DEVICE_BENCH: dict[str, Callable[..., DeviceResult]] = {
    "browser": _bench_in_browser,
    "ssh": _bench_over_ssh,
    "adb": _bench_over_adb,
}


def _show_device(result: DeviceResult, json_file: Path | None) -> int:
    from lstm_edge.report import tables as report

    try:  # it may have taken long: what goes wrong in one of the two spares the other
        _write_json(json_file, result.to_json())
    finally:
        click.echo(f"On {result.device}\n")
        if result.parity is not None:
            _show(report.parity_table(result.parity))
        if result.latency is not None:
            _show(report.latency_table(result.latency))
        for note in report.device_notes(result):
            click.echo(f"- {note}")
    return DONE if result.ok else _outside()


# ---------------------------------------------------------------- report


@cli.command(name="report", short_help="One HTML page of parity and latency.")
@_BUNDLE
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder to write to.")
@click.option(
    "--parity", type=click.Path(path_type=Path),
    help="JSON of verify [default: verify now on the golden vectors].",
)  # fmt: skip
@click.option(
    "--latency", type=click.Path(path_type=Path), help="JSON of bench [default: not measured]."
)
@click.option(
    "--device", "devices", multiple=True, type=click.Path(path_type=Path), metavar="FILE",
    help="JSON of bench --on, to stand beside this machine's figures; may be repeated.",
)  # fmt: skip
@_VERBOSE
def make_report(
    bundle: Path,
    out: Path,
    parity: Path | None,
    latency: Path | None,
    devices: Sequence[Path],
    verbose: bool,
) -> int:
    """Write report.html (self-contained), report.md and report.json.

    \b
    lstm-edge verify bundle --data aclImdb --json parity.json
    lstm-edge bench bundle --data aclImdb --json latency.json
    lstm-edge report bundle --parity parity.json --latency latency.json --out report
    lstm-edge report bundle --device board.json --device phone.json --out report
    """
    from lstm_edge.report.page import write_report
    from lstm_edge.results import latency as latency_module
    from lstm_edge.results import parity as parity_module
    from lstm_edge.results.device import DeviceResult

    opened = _open(bundle)
    others = [_stored(path, "results of a device", DeviceResult.from_json) for path in devices]
    for result in others:
        result.check_of(opened.path, opened.hashes)
    if parity is None:
        run = _verify(opened, None, verbose)
    else:
        run = _stored(parity, "parity results", parity_module.ParityRun.from_json)
    times = None
    if latency is not None:
        times = _stored(latency, "latency results", latency_module.LatencyReport.from_json)
    paths = write_report(out, opened, run, times, others)
    click.echo(f"Report: {paths['html']}")
    return DONE if run.ok and all(result.ok for result in others) else _outside()


def _stored(path: Path, what: str, build: Any) -> Any:
    from lstm_edge.base.files import read_json

    value = read_json(path, what)
    try:
        return build(value)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise InputError(f"{path} does not hold {what} as lstm-edge writes them") from None


# ---------------------------------------------------------------- web


@cli.command(name="web-runtimes", short_help="Fetch the browser's runtimes, once.")
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
    help="Folder to write [default: $LSTM_EDGE_WEB_RUNTIMES, or in the user's cache].",
)  # fmt: skip
def web_runtimes(out: Path | None) -> int:
    """Fetch ONNX Runtime Web, LiteRT.js and MediaPipe Web, pinned versions, with npm.

    Pages are then served with nothing from the network.

    \b
    lstm-edge web-runtimes
    lstm-edge web-runtimes --out runtimes; export LSTM_EDGE_WEB_RUNTIMES=$PWD/runtimes
    """
    from lstm_edge.devices.browser import runtimes
    from lstm_edge.report import wording

    with _quiet(False) as bars:
        folder = runtimes.install(out, bars)
    for package in runtimes.packages():
        click.echo(f"{package.name} {package.version}")
    click.echo(f"Runtimes: {folder} ({wording.size(runtimes.size(folder))})")
    return DONE


@cli.command(short_help="A page to type a text on, and see the verdict move word by word.")
@_BUNDLE
@click.option(
    "--host", metavar="ADDRESS",
    help="Where the page is served; 0.0.0.0 for a phone on the same network [default: 127.0.0.1].",
)  # fmt: skip
@click.option("--port", type=int, help="Its port [default: any free one].")
@click.option(
    "--open/--no-open", "opens", default=None, help="Open it in the browser [default: no]."
)
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
    help="Write the page as a folder for any web server instead.",
)  # fmt: skip
def web(
    bundle: Path, host: str | None, port: int | None, opens: bool | None, out: Path | None
) -> int:
    """Run BUNDLE in the browser, with nothing from the network but this machine.

    The page needs the browser's runtimes (once: lstm-edge web-runtimes). Word by word it takes the
    bundle's step models, which export --streaming writes.

    \b
    lstm-edge web bundle --open
    lstm-edge web bundle --host 0.0.0.0 --port 8000
    lstm-edge web bundle --out site
    """
    from lstm_edge.devices.browser import demo as web_demo
    from lstm_edge.devices.browser.server import LOOPBACK

    serve = {"--host": host, "--port": port, "--open": opens}
    if out is not None and (given := [name for name, v in serve.items() if v is not None]):
        raise InputError(f"{', '.join(given)} cannot be used with --out, which serves nothing")
    opened = web_demo.check(_open(bundle))
    if out is not None:
        with _quiet(False) as bars:
            web_demo.write(opened, out, bars)
        click.echo(f"Page: {out}; serve it, for example: python -m http.server --directory {out}")
        return DONE
    with (
        contextlib.suppress(KeyboardInterrupt),  # which is how it ends
        web_demo.serving(opened, host or LOOPBACK, port or 0) as site,
    ):
        for line in _invitation(site):
            click.echo(line)
        if opens:
            import webbrowser

            if not webbrowser.open(site.url):
                click.echo("No browser could be opened here: open the address yourself.")
        site.wait()
    return DONE


# ---------------------------------------------------------------- inspect


@cli.command(short_help="What is inside a bundle, or a .tflite, .onnx, .ort, .keras or .h5 file.")
@click.argument("file", type=click.Path(path_type=Path))
@_JSON
def inspect(file: Path, json_file: Path | None) -> int:
    """Show inputs, operators, weights and problems of FILE without running it.

    For a Keras file the problems are what keeps it from being exported; for a bundle there is how the
    recurrent layers of each of its files are expressed, and why.

    \b
    lstm-edge inspect bundle
    lstm-edge inspect bundle/onnx-float32.onnx
    lstm-edge inspect model.keras
    """
    from lstm_edge.bundle.manifest import is_bundle
    from lstm_edge.report import tables as report
    from lstm_edge.structure import contents as structure

    if is_bundle(file):
        bundle = _open(file)
        _show(report.lowering_table(bundle))
        _write_json(json_file, report.lowerings(bundle))
        return DONE
    found = structure.inspect(file)
    if found.format == "keras":
        from export.bundling import obstacles

        with _quiet(False):
            found = found.with_problems(obstacles(file))
    for table in report.structure_tables(found):
        _show(table)
    _write_json(json_file, found.to_json())
    return DONE


# ---------------------------------------------------------------- demo

_DEMO_TEXTS = (
    "An absolute delight from the first scene to the last; I would watch it again tomorrow.",
    "Two hours of my life that I will never get back. Dull, loud and badly acted.",
    "The pictures are lovely, but the story never gets going.",
)


@cli.command(short_help="Everything on the model that ships with the project, offline.")
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("lstm-edge-demo"), show_default=True
)
@_VERBOSE
def demo(out: Path, verbose: bool) -> int:
    """Export, verify, predict, bench and report on the shipped IMDB model.

    \b
    lstm-edge demo
    lstm-edge demo --out /tmp/demo
    """
    from lstm_edge.base import files
    from lstm_edge.base.extras import require
    from lstm_edge.base.files import read_json
    from lstm_edge.models import run_folder
    from lstm_edge.predict.classifier import Classifier
    from lstm_edge.report import tables as report
    from lstm_edge.report.page import write_report

    for module in ("jinja2", "matplotlib"):  # before the minutes of work, not after
        require(module, "making the report")
    from export import export_bundle

    source = files.shipped()
    metrics = read_json(source / run_folder.METRICS, "metrics")
    click.echo(
        f"1/5 Export: the reference model, trained on IMDB by lstm-edge train (accuracy "
        f"{metrics['test_accuracy']:.2%} on the {metrics['test_examples']:,} test reviews)"
    )
    with _quiet(verbose) as bars:
        export_bundle(source, out / "bundle", progress=bars)
    bundle = _open(out / "bundle")
    for info in bundle.variants.values():
        click.echo(f"    {info.file:28}{info.bytes / 1e6:6.2f} MB  {info.lowering}")

    click.echo("2/5 Verify: every file against Keras on the sample reviews")
    run = _verify(bundle, None, verbose)
    for entry in run.reports:
        verdict = "ok" if entry.ok else "OUTSIDE TOLERANCE"
        click.echo(f"    {entry.variant:24}max |Δp| {entry.max_abs:.1e}  {verdict}")

    with _quiet(verbose):
        classifier = Classifier(cast("TextBundle", bundle))  # the shipped model is one of texts
    click.echo(f"3/5 Predict with {classifier.variant}, without TensorFlow's help")
    for text, answer in zip(_DEMO_TEXTS, classifier.predict(_DEMO_TEXTS), strict=True):
        click.echo(f"    {answer.label}  {answer.probability:.2f}  {text}")

    click.echo("4/5 Bench: one thread, interleaved, each review at its own length")
    how = _How(inputs=None, limit=BENCH_EXAMPLES, variants=(), threads=1, rounds=3)
    times = _bench(bundle, how, verbose)
    click.echo(f"    {len(times.lengths)} reviews, {len(times.timings)} variants")

    click.echo("5/5 Report\n")
    paths = write_report(out / "report", bundle, run, times)
    _show(report.summary_table(bundle, run, times))
    click.echo(f"\nReport: {paths['html'].resolve()}")
    return DONE if run.ok else _outside()


def main() -> None:
    """Entry point of the console script."""
    _end_in_order()
    atexit.register(_hush)  # the first to be registered is the last to run
    cli()


def _end_in_order() -> None:
    """Treat what stops this process like Ctrl-C: a service's signal, a terminal that is closed.

    Without it nothing is tidied up: browsers, what runs on a device, half of a bundle. Training keeps its
    last whole epoch.
    """
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # not all of them are everywhere
        # nohup ignores one, and is to have its way
        if number is not None and signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)


def _hush() -> None:
    """Libraries in C++ take leave after Python has ended; nothing of ours is printed then."""
    sys.stdout.flush()
    sys.stderr.flush()
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123
        os.dup2(nowhere.fileno(), 2)


if __name__ == "__main__":
    main()
