"""``lstm-edge export``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lstm_edge.base import gate
from lstm_edge.cli import shared
from lstm_edge.cli.messages import with_options

if TYPE_CHECKING:
    from lstm_edge.inputs.windows import Window


class _Listed(click.Option):
    """An option whose help lists what export finds: made when it is shown, for finding takes a moment."""

    def __init__(self, *args: Any, listing: Callable[[], str], **options: Any) -> None:
        super().__init__(*args, **options)
        self._listing = listing

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        shared.require_export()
        self.help = self._listing()
        return super().get_help_record(ctx)


def _formats() -> str:
    from export.formats import formats

    return _names({name: not exporter.by_name_only for name, exporter in formats().items()})


def _precisions() -> str:
    from export.formats import exporters, precision_names

    default = {
        p.name for e in exporters() for p in e.precisions if not (p.by_name_only or p.folded)
    }
    return _names({name: name in default for name in precision_names()})


def _names(is_default: dict[str, bool]) -> str:
    asked = ", ".join(name for name, default in is_default.items() if not default)
    return f"{', '.join(is_default)} [default: {f'all but {asked}' if asked else 'all'}]."


def _runtimes() -> str:
    from export.formats import formats, runtime_names

    plain = {exporter.runtime: not exporter.by_name_only for exporter in formats().values()}
    made = [name for name in runtime_names() if name not in plain]
    return (
        f"Only files for this: {', '.join(plain)}; or made for it: {', '.join(made)}. May be repeated "
        f"[default: {', '.join(name for name, default in plain.items() if default)}]."
    )


def _lowerings() -> str:
    from export.formats import formats

    names = [f"{name} ({f})" for f, exporter in formats().items() for name in exporter.lowerings]
    return (
        f"How to express recurrent layers: {', '.join(names)} [default: loops, which are faster]."
    )


_SETS = "keras, keras-and-apostrophe, whitespace, punctuation, none"
_SIDE = click.Choice(["pre", "post"])
# How texts became ids in training, where nothing else says it: the options' names are the settings'.
_TEXT_OPTIONS = (
    ("--padding", _SIDE, "Where short texts were filled up with zeros: pre (in front) or post."),
    ("--truncating", _SIDE, "Where long texts were cut: pre keeps the last ids, post the first."),
    ("--start-id", str, "Id in front of every text, or none."),
    ("--unknown-id", str, "Id of a word that is not in the vocabulary, or none: it is left out."),
    ("--first-word-id", int, "Id of the vocabulary's first word; all others move with it."),
    ("--lower", click.Choice(["yes", "no", "ascii"]), "Whether texts were lower-cased."),
    ("--filters", str, f"Characters that became the separator: {_SETS} or the characters."),
    ("--deleted", str, "Characters that were deleted, likewise."),
    ("--split", str, "The separator between words."),
    ("--pattern", str, "A regular expression that finds the words."),
)


def _text_options(command: Callable[..., Any]) -> Callable[..., Any]:
    flag = "Every character was a word."
    command = click.option("--characters", is_flag=True, default=None, help=flag)(command)
    for name, kind, text in reversed(_TEXT_OPTIONS):
        command = click.option(name, type=kind, help=text)(command)
    return command


def _spoken_settings(options: dict[str, Any]) -> dict[str, Any]:
    """The settings that were given, as the library has them."""
    settings = {name: value for name, value in options.items() if value is not None}
    for name in ("start_id", "unknown_id"):
        if name in settings:
            text = settings[name].strip().lower()
            number = text.isdecimal() and len(text) <= gate.DIGITS
            settings[name] = None if text == "none" else int(text) if number else text
    return settings


@click.command("export", short_help="Export a Keras model to TFLite and ONNX.")
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Bundle to write.")
@click.option("--format", "formats", multiple=True, metavar="F", cls=_Listed, listing=_formats)
@click.option(
    "--precision", "precisions", multiple=True, metavar="P", cls=_Listed, listing=_precisions
)
@click.option(
    "--vocab", type=click.Path(path_type=Path),
    help="Tokenizer.to_json(), a JSON map of words to ids, get_vocabulary() or vocab.txt; a run folder "
    "and a TextVectorization layer have their own.",
)  # fmt: skip
@_text_options
@click.option(
    "--expect", type=click.Path(path_type=Path), metavar="FILE",
    help="Examples of your own to hold all of this against: .jsonl or .csv with text and ids, "
    "probabilities or label.",
)  # fmt: skip
@click.option(
    "--either-side", is_flag=True,
    help="Skip zeros behind the ids as those in front: faster where ids are padded behind, and no longer "
    "what Keras answers to them.",
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
@shared.WINDOW
@click.option(
    "--scale", type=click.Path(path_type=Path), metavar="FILE",
    help="The files take readings and scale them: mean and deviation, or minimum and range, of each "
    "channel (.json, .npz).",
)  # fmt: skip
@click.option(
    "--unscale", type=click.Path(path_type=Path), metavar="FILE",
    help="The files answer in a unit: the same of the outputs, of which the model gives scaled numbers.",
)  # fmt: skip
@click.option("--runtime", "runtimes", multiple=True, metavar="R", cls=_Listed, listing=_runtimes)
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
    "--sign", type=click.Path(path_type=Path), metavar="KEY",
    help="Sign the bundle with this private Ed25519 key (PEM), for --trusted of the other commands.",
)  # fmt: skip
@click.option("--lowering", metavar="L", cls=_Listed, listing=_lowerings)
@shared.data_options("Take the golden vectors from these texts [default: the shipped reviews].")
@shared.trust_options
@shared.VERBOSE
def command(
    model: Path,
    out: Path,
    formats: Sequence[str],
    precisions: Sequence[str],
    vocab: Path | None,
    labels: str | None,
    length: int | None,
    batch: int | None,
    inputs: Path | None,
    window: Window | None,
    scale: Path | None,
    unscale: Path | None,
    runtimes: Sequence[str],
    text_input: bool,
    fold_embedding: bool,
    streaming: bool | None,
    chunk: int | None,
    sign: Path | None,
    lowering: str | None,
    source: str | None,
    text_column: str | None,
    label_column: str | None,
    trust: bool,
    custom: Sequence[Path],
    verbose: bool,
    expect: Path | None,
    either_side: bool,
    **text_settings: Any,
) -> int:
    """Export MODEL, a run folder of train, a .keras or .h5 file or a SavedModel, to a bundle.

    Every file is held against Keras before the bundle appears. A classifier of texts gives a bundle
    that takes texts; any other model one that takes arrays.

    \b
    lstm-edge export run --out bundle
    lstm-edge export model.keras --vocab vocab.txt --labels Negative,Positive --out bundle
    lstm-edge export model.keras --vocab tokenizer.json --padding post --expect mine.jsonl --out b
    lstm-edge export model.h5 --vocab tokenizer.json --format onnx --precision int8-dynamic --out b
    lstm-edge export sensors.keras --inputs windows.npy --out bundle
    lstm-edge export forecaster.keras --scale scale.npz --unscale target.npz --out bundle
    lstm-edge export forecaster.h5 --streaming --out bundle
    lstm-edge export own.keras --custom layers.py --trust --out bundle
    lstm-edge export run --runtime mediapipe --precision int8-dynamic --out phone
    lstm-edge export run --sign key.pem --out bundle
    """
    shared.placed(out)
    shared.require_export()
    from export import export_bundle
    from lstm_edge.bundle.signing import PrivateKey
    from lstm_edge.report import tables as report
    from lstm_edge.verify.verifying import exported

    key = None if sign is None else PrivateKey(sign)
    dataset = (
        None if source is None else shared.load_data(source, text_column, label_column, verbose)
    )
    with shared.quiet(verbose) as bars:
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
            window=window,
            scale=scale,
            unscale=unscale,
            streaming=streaming,
            chunk=chunk,
            lowering=lowering,
            runtimes=runtimes,
            text_input=text_input,
            text_settings=_spoken_settings(text_settings),
            expect=expect,
            either_side=either_side,
            trust=trust,
            custom=custom,
            sign=key,
            progress=bars,
        )
    bundle = shared.open_bundle(out)
    shared.show(report.summary_table(bundle, exported(bundle), None))
    shared.say(f"Bundle: {out}")
    if result.takes == "steps":
        shared.say(
            f"It takes steps: load_bundle({str(out)!r}).stream().feed(…) in Python; lstm-edge predict "
            f"{out} --input FILE feeds whole sequences."
        )
    elif result.takes == "arrays":
        shared.say(f"It takes arrays: lstm-edge predict {out} --input FILE (.npy, .npz, .csv).")
    elif result.takes == "ids":
        shared.say(
            f"It has no vocabulary and takes ids: lstm-edge predict {out} --input FILE; give --vocab to "
            "predict on texts."
        )
    for sentence in result.said:
        shared.say(sentence)
    for kind, reasons in result.left_out.items():
        why = with_options("; ".join(reasons), click.get_current_context())
        shared.say(f"lstm-edge: no {kind} files: {why}", err=True)
    within = shared.exit_code(result.reports)
    return shared.OUTSIDE if result.left_out else within
