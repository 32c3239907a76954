"""``lstm-edge train``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lstm_edge.cli import shared

if TYPE_CHECKING:
    from lstm_edge.training.train import Epoch, TrainConfig


@click.command("train", short_help="Train the reference, or a configured, model.")
@shared.data_options("Labelled texts [default: imdb, Keras's download].", default="imdb")
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
@shared.VERBOSE
def command(
    source: str,
    text_column: str | None,
    label_column: str | None,
    out: Path,
    labels: str | None,
    resume: bool,
    verbose: bool,
    **options: Any,
) -> None:
    """Train a model and keep the epoch that is best on a validation part.

    \b
    lstm-edge train --data aclImdb --out run
    lstm-edge train --data spam.tsv --text-column 2 --label-column 1 --length 60 --lstm 32 --out run
    lstm-edge train --data aclImdb --out run --resume
    """
    from lstm_edge.models.run_folder import CURVES
    from lstm_edge.training import train as training

    config = _train_config(options)
    training.check_run(out, resume)
    dataset = shared.load_data(source, text_column, label_column, verbose)
    names = None if labels is None else tuple(name.strip() for name in labels.split(","))
    try:
        with shared.quiet(verbose) as bars:

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
            shared.say("The last whole epoch is kept; go on with the same command and --resume.")
        raise
    shared.say(f"Best epoch: {result.best_epoch}")
    shared.say(f"Test accuracy: {result.test_accuracy:.4f} on {result.test_examples} examples\n")
    for number, sample in enumerate(result.samples, 1):
        click.echo(f"Review {number}:")
        shared.say(f"Prediction: {sample.predicted}, Actual: {sample.actual}\n")
    click.echo(f"Curves: {out / CURVES}")
    click.echo(f"Next: lstm-edge export {out} --out bundle")


def _train_config(options: dict[str, Any]) -> TrainConfig:
    from lstm_edge.models.architecture import ModelConfig
    from lstm_edge.training.train import TrainConfig

    model = ModelConfig(
        num_words=options.pop("words"),
        max_length=options.pop("length"),
        **{name: options.pop(name) for name in ("embedding", "lstm", "dense", "dropout")},
    )
    return TrainConfig(model=model, **options)
