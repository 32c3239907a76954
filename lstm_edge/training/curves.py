"""Loss and accuracy over the epochs, as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lstm_edge.base.extras import require
from lstm_edge.base.files import replacing

if TYPE_CHECKING:  # train.py imports this module
    from lstm_edge.training.train import TrainResult
from lstm_edge.report.plots import MARKERS, SERIES


def training_curves(result: TrainResult, path: Path) -> None:
    """Write a PNG of loss and accuracy on the training and validation parts after each epoch."""
    matplotlib = require("matplotlib", "drawing the training curves")
    ticker = require("matplotlib.ticker", "drawing the training curves")
    epochs = [e.epoch for e in result.epochs]
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        figure = require("matplotlib.figure", "drawing the training curves").Figure(
            figsize=(9, 3.8), layout="constrained", dpi=144
        )
        for axes, name in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
            for i, (part, key) in enumerate((("training", name), ("validation", f"val_{name}"))):
                values = [getattr(e, key) for e in result.epochs]
                axes.plot(epochs, values, color=SERIES[i], marker=MARKERS[i], label=part)
            axes.axvline(result.best_epoch, color="0.6", ls="--", zorder=0, label="best epoch")
            axes.set_xlim(epochs[0] - 0.5, epochs[-1] + 0.5)
            axes.xaxis.set_major_locator(ticker.MaxNLocator(integer=True, min_n_ticks=1))
            axes.set(xlabel="epoch", ylabel=name)
            axes.legend()
        figure.suptitle(
            f"Test accuracy {result.test_accuracy:.2%} on {result.test_examples:,} examples "
            f"(epoch {result.best_epoch} of {len(epochs)})"
        )
        with replacing(path) as temporary:
            figure.savefig(temporary, format="png")
