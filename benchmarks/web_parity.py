"""Files in Chromium on real reviews, against Keras: their labels, in one order and in another.

usage: python -m benchmarks.web_parity BUNDLE --data SOURCE [--variant NAME…] [--limit N] [--json FILE]

Texts are given as they are to files that take texts; of the others JavaScript makes the ids.
"""

from __future__ import annotations

import argparse
import datetime
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import sync_playwright

from lstm_edge.base import machine
from lstm_edge.base.files import write_json
from lstm_edge.base.progress import Progress
from lstm_edge.bundle.opening import TextBundle, open_bundle
from lstm_edge.cli.console import Bars
from lstm_edge.devices.browser import chromium as browser
from lstm_edge.devices.browser import demo as web_demo
from lstm_edge.inputs import data, label_names
from lstm_edge.inputs.batches import Batch
from lstm_edge.report.tables import parity_table, to_terminal
from lstm_edge.results.parity import Check, ParityRun
from lstm_edge.verify import comparing as parity
from lstm_edge.verify import independence
from lstm_edge.verify.reference import reference_of

RESULT = Path(__file__).parent / "results" / "parity-browser.json"
PART = 25  # texts in one message to the page
AGAIN = 4  # every so many-th text is run again, from the last to the first
LOAD = """async ([variant]) => {
  const { openBundle } = await import('./js/bundle.js');
  const { load } = await import('./js/runtimes.js');
  window.bundle = await openBundle('bundle/');
  window.runner = await load(window.bundle, variant, { vendor: 'vendor/' });
  return window.runner.runtime;
}"""
RUN = """async (texts) => {
  const found = [];
  for (const text of texts) {
    const input = window.runner.takesTexts ? text : window.bundle.tokenizer.encode(text);
    found.push(Array.from(await window.runner.run(input)));
  }
  return found;
}"""


def outputs(page: Any, texts: list[str], bars: Progress, what: str) -> Any:
    """Answers [N, K] of the loaded variant, in the order of the texts."""
    found: list[list[float]] = []
    with bars.task(what, len(texts)) as advance:
        for begin in range(0, len(texts), PART):
            found += page.evaluate(RUN, texts[begin : begin + PART])
            advance(PART)
    return np.array(found, np.float32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\\n")[0])
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--data", required=True)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--variant", nargs="*", default=())
    parser.add_argument("--limit", type=int, default=2000)
    parser.add_argument("--json", type=Path, default=RESULT)
    args = parser.parse_args()
    bundle, bars = web_demo.check(open_bundle(args.bundle)), Bars()
    if not isinstance(bundle, TextBundle):
        parser.error(f"{args.bundle} takes arrays; labelled texts are run here")
    source = data.evaluation(args.data)
    (examples,) = source.windows(size=args.limit, limit=args.limit)
    texts = list(examples.texts or ())
    keras = reference_of(bundle, args.model)
    tokenizer = bundle.tokenizer()
    assert tokenizer is not None  # the page wants one
    batch = Batch(sequences=tokenizer.encode(texts))
    (reference,) = keras.answers(batch, bars, "Running Keras").values()
    classes = label_names.resolve_labels(examples.labels, bundle.labels, bundle.label_values)
    reports = []
    flags = [*browser.QUIET, "--no-sandbox"]
    with web_demo.serving(bundle) as site, sync_playwright() as run:
        chromium = run.chromium.launch(executable_path=browser.find_chromium(), args=flags)
        version = chromium.version
        for name in args.variant or bundle.variants:
            page = chromium.new_page()
            page.goto(site.url)
            runtime = page.evaluate(LOAD, [name])
            found = outputs(page, texts, bars, f"{name} in {runtime}")
            again = outputs(page, texts[::-AGAIN], bars, f"{name} in another order")
            off = float(np.abs(again - found[::-AGAIN]).max())
            check = Check("other order", off <= independence.SAME_ANSWER, f"differs by {off:.2g}")
            reports.append(
                parity.compare(
                    name,
                    reference,
                    found,
                    bundle.variant(name).tolerance,
                    classes=classes,
                    texts=texts,
                    checks=[check],
                )
            )
            page.close()
        chromium.close()
    described = machine.describe(machine.MEASURED)
    described["versions"]["Chromium"] = version
    result = ParityRun(
        bundle=str(args.bundle),
        data=args.data,
        reference=keras.path.name,
        machine=described,
        measured_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        reports=tuple(reports),
    )
    write_json(args.json, result.to_json())
    print(to_terminal(parity_table(result)))
    print(f"Written: {args.json}")


if __name__ == "__main__":
    main()
