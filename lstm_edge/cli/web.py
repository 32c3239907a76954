"""``lstm-edge web``."""

from __future__ import annotations

import contextlib
from pathlib import Path

import click

from lstm_edge.cli import shared
from lstm_edge.errors import InputError


@click.command(
    "web",
    short_help="A page to try a bundle on: a text's verdict word by word, or readings and their answer.",
)
@shared.bundle_options
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
def command(
    bundle: Path, host: str | None, port: int | None, opens: bool | None, out: Path | None
) -> None:
    """Run BUNDLE in the browser, with nothing from the network but this machine.

    Texts are typed, and their verdict moves word by word (by step models: export --streaming). Arrays
    are the golden examples, or a .csv or .json of your own, drawn beside what the model answers. Needs
    the browser's runtimes (once: lstm-edge web-runtimes).

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
    opened = web_demo.check(shared.open_bundle(bundle))
    if out is not None:
        with shared.quiet(False) as bars:
            web_demo.write(opened, out, bars)
        click.echo(f"Page: {out}; serve it, for example: python -m http.server --directory {out}")
        return
    with (
        contextlib.suppress(KeyboardInterrupt),  # which is how it ends
        web_demo.serving(opened, host or LOOPBACK, port or 0) as site,
    ):
        for line in shared.invitation(site):
            click.echo(line)
        if opens:
            import webbrowser

            if not webbrowser.open(site.url):
                click.echo("No browser could be opened here: open the address yourself.")
        site.wait()
