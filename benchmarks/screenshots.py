"""The pictures of the web demo in ``docs/images``: ``python -m benchmarks.screenshots BUNDLE``.

BUNDLE is of the reference model, with step models: ``lstm-edge export lstm_edge/assets/imdb --streaming
--runtime onnxruntime --runtime litert-js --out BUNDLE``; of a bundle of arrays the pictures are called
``web-arrays-…``. Needs Chromium and ``lstm-edge web-runtimes``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from lstm_edge.bundle.opening import open_bundle
from lstm_edge.devices.browser import chromium as browser
from lstm_edge.devices.browser import demo as web_demo

IMAGES = Path(__file__).parents[1] / "docs" / "images"
SIZES = {"web-phone": (390, 844), "web-desktop": (1280, 900)}
LARGEST = 200_000  # bytes of a picture
TEXT = (
    "It begins as a dull and predictable thriller, badly paced. Then the second half turns it around: "
    "superb acting, a beautiful score, and one of the best endings I have seen in years. Highly "
    "recommended."
)
_PATIENCE = 120_000  # ms


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path, exists=True))
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), default=IMAGES, show_default=True
)
@click.option("--dark", is_flag=True, help="As the page is where dark is preferred.")
def main(bundle: Path, out: Path, dark: bool) -> None:
    """Take the pictures of BUNDLE's page, at the width of a phone and of a desk."""
    from playwright.sync_api import sync_playwright

    opened = web_demo.check(open_bundle(bundle))
    program = browser.find_chromium()
    out.mkdir(parents=True, exist_ok=True)
    with web_demo.serving(opened) as site, sync_playwright() as playwright:
        driven = playwright.chromium.launch(
            executable_path=program, args=[*browser.QUIET, "--no-sandbox"]
        )
        for name, (width, height) in SIZES.items():
            page = driven.new_page(
                viewport={"width": width, "height": height},
                color_scheme="dark" if dark else "light",
                reduced_motion="reduce",
            )
            arrays = opened.takes == "arrays"
            path = out / f"{name.replace('web', 'web-arrays') if arrays else name}.png"
            page.goto(site.url)
            (_wait_for_arrays if arrays else _write)(page)
            page.screenshot(path=path)
            page.close()
            if path.stat().st_size > LARGEST:
                raise click.ClickException(f"{path} has more than {LARGEST:,} bytes")
            click.echo(f"Written: {path} ({path.stat().st_size:,} bytes)")
        driven.close()


def _wait_for_arrays(page: Any) -> None:
    page.locator("#outputs[data-settled=true]").wait_for(timeout=_PATIENCE)
    page.locator("#checks", has_text="on the golden examples").wait_for(timeout=_PATIENCE)


def _write(page: Any) -> None:
    page.locator("#text").fill(TEXT)
    # this text is read to its end, and the golden vectors were run
    page.locator("#count", has_text=f"{len(TEXT.split())} words").wait_for(timeout=_PATIENCE)
    page.locator("#answer[data-settled=true]").wait_for(timeout=_PATIENCE)
    page.locator("#checks", has_text="on the golden texts").wait_for(timeout=_PATIENCE)
    page.locator("#text").blur()


if __name__ == "__main__":
    main()
