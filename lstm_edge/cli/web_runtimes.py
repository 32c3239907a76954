"""``lstm-edge web-runtimes``."""

from __future__ import annotations

from pathlib import Path

import click

from lstm_edge.cli import shared


@click.command("web-runtimes", short_help="Fetch the browser's runtimes, once.")
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
    help="Folder to write [default: $LSTM_EDGE_WEB_RUNTIMES, or in the user's cache].",
)  # fmt: skip
def command(out: Path | None) -> None:
    """Fetch ONNX Runtime Web, LiteRT.js and MediaPipe Web, pinned versions, with npm.

    Pages are then served with nothing from the network.

    \b
    lstm-edge web-runtimes
    lstm-edge web-runtimes --out runtimes; export LSTM_EDGE_WEB_RUNTIMES=$PWD/runtimes
    """
    from lstm_edge.devices.browser import runtimes
    from lstm_edge.report import wording

    with shared.quiet(False) as bars:
        folder = runtimes.install(out, bars)
    for package in runtimes.packages():
        click.echo(f"{package.name} {package.version}")
    click.echo(f"Runtimes: {folder} ({wording.size(runtimes.size(folder))})")
