"""Pictures of the demo page, for README and docs.

usage: python -m benchmarks.screenshots BUNDLE     needs Chromium and the browser's runtimes
"""

from __future__ import annotations

import argparse
from pathlib import Path

from playwright.sync_api import expect, sync_playwright

from lstm_edge import browser, web_demo
from lstm_edge.bundle import open_bundle

IMAGES = Path(__file__).parent.parent / "docs" / "images"
SIZES = {"web-desktop": (1180, 820, "light"), "web-phone": (390, 844, "dark")}
WAIT = 120_000  # ms


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("bundle", type=Path)
    bundle = web_demo.check(open_bundle(parser.parse_args().bundle))
    flags = [*browser.QUIET, "--no-sandbox"]
    with web_demo.serving(bundle) as site, sync_playwright() as run:
        chromium = run.chromium.launch(executable_path=browser.find_chromium(), args=flags)
        for name, (width, height, scheme) in SIZES.items():
            context = chromium.new_context(
                viewport={"width": width, "height": height}, color_scheme=scheme
            )
            page = context.new_page()
            page.goto(site.url)
            page.get_by_role("button", name="Positive").click()
            settled = page.locator("#answer[data-settled=true]")
            settled.wait_for(timeout=WAIT)
            expect(page.locator("#agreement")).not_to_be_empty(timeout=WAIT)
            page.screenshot(path=IMAGES / f"{name}.png")
            context.close()
        chromium.close()


if __name__ == "__main__":
    main()
