"""The web demo, in Chromium: what is typed, read, chosen and checked there; and how it is served."""

from __future__ import annotations

import contextlib
import http.server
import importlib.util
import itertools
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from models import plain

from export import bundling
from lstm_edge.base import files
from lstm_edge.bundle.manifest import GOLDEN, GOLDEN_ARRAYS, MANIFEST, VOCAB, seal
from lstm_edge.bundle.opening import Bundle, TensorBundle, TextBundle, open_bundle
from lstm_edge.cli import cli
from lstm_edge.devices.browser import chromium as browser
from lstm_edge.devices.browser import demo as web_demo
from lstm_edge.devices.browser import runtimes as web_runtimes
from lstm_edge.inputs.batches import save_batches
from lstm_edge.inputs.tokenizer import TextSettings
from lstm_edge.predict.classifier import Classifier, Prediction

TEXT = "A very good film, never boring: the cast is great!"
FLOAT, STREAM = "onnx-float32", "onnx-float32-stream"


def opened(path: Path) -> TextBundle:
    bundle = open_bundle(path)
    assert isinstance(bundle, TextBundle)
    return bundle


def changed(bundle: Path, out: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """A copy of a bundle whose manifest says something else."""
    shutil.copytree(bundle, out)
    manifest = json.loads((out / MANIFEST).read_text())
    change(manifest)
    (out / MANIFEST).write_text(json.dumps({**manifest, "seal": seal(manifest)}))
    return out


@pytest.fixture(scope="module")
def unstreamed(web_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle without step models."""

    def change(manifest: dict[str, Any]) -> None:
        manifest["variants"] = [v for v in manifest["variants"] if v["made_for"] != "stream"]

    return changed(web_bundle, tmp_path_factory.mktemp("unstreamed") / "b", change)


@pytest.fixture(scope="module")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three labels; words that are not known are dropped, and no id begins a text."""
    folder = tmp_path_factory.mktemp("classes")
    words = {word: rank for rank, word in enumerate("the a red green blue not very sky".split(), 1)}
    config = {"lower": True, "filters": TextSettings().filters, "split": " ", "oov_token": None}
    config |= {"word_index": json.dumps(words), "num_words": None, "char_level": False}
    (folder / "words.json").write_text(json.dumps({"class_name": "Tokenizer", "config": config}))
    plain(12, (5,), classes=3, vocab=len(words) + 1, seed=3).save(folder / "m.keras")
    bundling.export_bundle(
        folder / "m.keras",
        folder / "bundle",
        vocab=folder / "words.json",
        labels=["Red", "Green", "Blue"],
        precisions=["float32"],
        wanted_formats=["onnx"],
        streaming=True,
    )
    return folder / "bundle"


class Demo:
    """The page of a bundle, as a reader has it."""

    def __init__(self, tab: Any, url: str) -> None:
        self.tab, self.url = tab, url
        self.requests: list[str] = []
        self.errors: list[str] = []
        tab.on("request", lambda request: self.requests.append(request.url))
        tab.on("pageerror", lambda error: self.errors.append(str(error)))

    def see(self, selector: str) -> Any:
        from playwright.sync_api import expect

        return expect(self.tab.locator(selector))

    def open(self) -> Demo:
        self.tab.goto(self.url)
        self.settled()
        return self

    def check_behaviour(self) -> None:
        """All came from the page's own server, and no error went unseen."""
        assert self.requests
        own = (self.url, "blob:", "data:", "about:")
        assert not [url for url in self.requests if not url.startswith(own)]
        assert not self.errors

    def settled(self) -> None:
        self.see("#answer").to_have_attribute("data-settled", "true", timeout=60_000)

    def unsettle(self) -> None:
        """What is settled from now on is settled anew."""
        self.tab.locator("#answer").evaluate("e => { e.dataset.settled = 'waiting' }")

    def write(self, text: str) -> None:
        """Type a text, and wait for its answer."""
        self.unsettle()
        self.tab.locator("#text").fill(text)
        self.settled()

    def text_of(self, selector: str) -> str:
        return str(self.tab.locator(selector).inner_text())

    def choose(self, name: str) -> None:
        button = self.tab.get_by_role("radio", name=re.compile(f"^{re.escape(name)} "))
        if not button.is_checked():
            self.unsettle()
            button.check()
        self.see("#basis").to_contain_text(f"by {name} in ", timeout=60_000)
        self.settled()

    def checked(self) -> None:
        self.see("#checks").to_contain_text("inferences on the golden texts", timeout=90_000)

    def shows(self, expected: Prediction, within: float = 0.0011) -> None:
        """The label, and the probability as a rounded percentage."""
        share = float(self.text_of("#share").strip("<> %")) / 100
        assert self.text_of("#label") == expected.label
        assert share == pytest.approx(expected.probability, abs=within)

    def changes(self) -> list[float]:
        """What the titles of the words say that each added."""
        titles = self.tab.locator("#reading [data-at]").evaluate_all("all => all.map(e => e.title)")
        return [float(re.search(r"[+−][0-9.]+", t)[0].replace("−", "-")) for t in titles]


class ReadingsDemo(Demo):
    """The page of a bundle of arrays."""

    def settled(self) -> None:
        self.see("#outputs").to_have_attribute("data-settled", "true", timeout=60_000)

    def unsettle(self) -> None:
        self.tab.locator("#outputs").evaluate("e => { e.dataset.settled = 'waiting' }")

    def pick(self, number: int) -> None:
        """A golden example, from 0 on."""
        self.unsettle()
        self.tab.locator("#example").select_option(str(number))
        self.settled()

    def give(self, name: str, content: str) -> None:
        """A file of one's own readings."""
        file = {"name": name, "mimeType": "text/plain", "buffer": content.encode()}
        self.tab.locator("#file").set_input_files(file)

    def checked(self) -> None:
        self.see("#checks").to_contain_text("inferences on the golden examples", timeout=90_000)

    def shares(self, output: int) -> dict[str, float]:
        """The bars of an output."""
        rows = self.tab.locator("#outputs .box").nth(output).locator(".classes li").all()
        cells = [row.locator("span").all_inner_texts() for row in rows]
        return {name: float(share.strip("<> %")) / 100 for name, share in cells}


def word_by_word(bundle: Path, text: str) -> list[Prediction]:
    """Python's answers after no, one, two, … words."""
    whole = Classifier(opened(bundle), STREAM)
    ids = whole.tokenizer.ids_of(text)
    stream = whole.stream(whole.bundle.settings.max_length - len(ids))
    return [stream.feed(word) for word in ("", *text.split())]


@pytest.fixture(scope="module")
def shared(web_bundle: Path, runtimes: Path, _driven: Any) -> Iterator[Demo]:
    """One page for all tests that only read and type."""
    del runtimes
    context = _driven.new_context()
    with web_demo.serving(opened(web_bundle)) as site:
        page = Demo(context.new_page(), site.url).open()
        yield page
        context.close()
    page.check_behaviour()


@pytest.fixture
def demo(tab: Any, runtimes: Path) -> Iterator[Callable[..., Demo]]:
    """Opens the page of a bundle; no test may reach another machine, or leave an error unseen."""
    del runtimes
    made: list[Demo] = []
    with contextlib.ExitStack() as stack:

        def start(bundle: Path | Bundle, opens: bool = True) -> Demo:
            given = bundle if isinstance(bundle, Bundle) else open_bundle(bundle)
            kind = Demo if isinstance(given, TextBundle) else ReadingsDemo
            page = kind(tab, stack.enter_context(web_demo.serving(given)).url)
            made.append(page)
            return page.open() if opens else page

        yield start
        tab.goto("about:blank")  # nothing is asked of a server that has gone
    assert made
    for page in made:
        page.check_behaviour()


# ---------------------------------------------------------------- a text


@pytest.mark.parametrize("text", [TEXT, "bad", "", "Boring?\n\n<br />NEVER a zebra... 'great'"])
def test_a_typed_text_gets_pythons_verdict_word_by_word(
    web_bundle: Path, shared: Demo, text: str
) -> None:
    page = shared
    page.write(text)
    page.shows(Classifier(opened(web_bundle), FLOAT).predict([text])[0])
    words = re.findall(r"[\w']+", text.replace("<br />", " br "))
    after = [one.probabilities["Positive"] for one in word_by_word(web_bundle, " ".join(words))]
    expected = [now - before for before, now in itertools.pairwise(after)]
    assert page.changes() == pytest.approx(expected, abs=0.0051)
    page.see("#agreement").to_contain_text(f"ok After the last word {STREAM}")
    page.see("#count").to_contain_text(f"{len(words)} word")


def test_words_are_coloured_by_what_they_added(web_bundle: Path, shared: Demo) -> None:
    page = shared
    page.write(TEXT)
    found = page.tab.locator("#reading [data-at]").evaluate_all(
        """all => all.map((e) => {
          const { boxShadow, backgroundColor } = getComputedStyle(e);
          return [e.textContent, e.className, boxShadow, backgroundColor];
        })"""
    )
    assert [word for word, *_ in found] == re.findall(r"\w+", TEXT)
    colours = {}
    for by, (_, kind, bar, colour) in zip(page.changes(), found, strict=True):
        if abs(by) < 0.01:
            assert (kind.removeprefix("unknown"), bar) == ("", "none")
        elif abs(by) > 0.02:
            way = "up" if by > 0 else "down"
            assert kind.split()[-1] == way
            # the bar is above or below, whatever the eye makes of colours
            assert ("-" in re.search(r"0px (-?[0-9.]+px)", bar)[1]) == (way == "down")
            colours[way] = colour
    assert len(set(colours.values())) == len(colours) == 2
    listed = page.tab.locator(".strongest li span:last-child").all_inner_texts()
    numbers = [float(one.replace("−", "-")) for one in listed]
    ups, downs = [n for n in numbers if n > 0], [n for n in numbers if n < 0]
    assert ups == sorted(ups, reverse=True)
    assert downs == sorted(downs)
    assert max(numbers, key=abs) == max(page.changes(), key=abs)


def test_unknown_words_and_words_too_many_are_shown_as_such(web_bundle: Path, shared: Demo) -> None:
    page = shared
    text = "The xylophone is " + "never a very good film " * 5  # 28 words, of which 20 count
    page.write(text)
    page.shows(Classifier(opened(web_bundle), FLOAT).predict([text])[0])
    assert page.tab.locator("#reading [data-at]").count() == 20
    assert page.text_of("#reading .gone").split() == text.split()[:8]
    page.see("#count").to_contain_text("28 words; the last 20 of them count")
    page.see("#agreement").to_contain_text("ok")
    page.write("a xylophone")
    assert page.tab.locator("#reading .unknown").all_inner_texts() == ["xylophone"]
    page.see("#legend").to_contain_text("not in the vocabulary")


def test_a_very_long_text_is_no_burden(web_bundle: Path, shared: Demo) -> None:
    page = shared
    text = "the zebra, good " * 40_000
    page.write(text)
    page.shows(Classifier(opened(web_bundle), FLOAT).predict([text])[0])
    page.see("#count").to_contain_text("120,000 words")
    assert page.tab.locator("#reading *").count() < 50
    assert len(page.text_of("#reading")) < 2000


def test_the_newest_text_wins(web_bundle: Path, shared: Demo) -> None:
    """Keys arrive while texts are read and golden vectors are run; none of them waits or is lost."""
    page = shared
    area = page.tab.locator("#text")
    area.fill("")
    page.unsettle()
    area.press_sequentially(TEXT, delay=15)
    assert area.input_value() == TEXT
    page.settled()
    page.shows(Classifier(opened(web_bundle), FLOAT).predict([TEXT])[0])
    assert page.tab.locator("#reading [data-at]").count() == len(TEXT.split())


def test_the_verdict_moves_with_the_place_in_the_text(web_bundle: Path, shared: Demo) -> None:
    page = shared
    page.write(TEXT)
    expected = word_by_word(web_bundle, TEXT)
    last = len(expected) - 1
    place = page.tab.locator("#place")
    for number in (0, 1, 4, last - 1):
        place.fill(str(number))
        page.see("#basis").to_have_text(f"After {number} of {last} words, by {STREAM}.")
        page.shows(expected[number])
        assert page.tab.locator("#reading .later").count() == last - number
        spoken = place.get_attribute("aria-valuetext")
        assert f"{expected[number].label} {round(100 * expected[number].probability)} per" in spoken
    page.tab.locator("#reading [data-at='2']").click()
    page.see("#basis").to_contain_text(f"After 3 of {last} words")
    page.tab.evaluate(
        """() => {
          const [basis, play] = ['basis', 'play'].map((id) => document.getElementById(id));
          window.played = [];
          new MutationObserver(() => window.played.push(`${play.textContent}: ${basis.textContent}`))
            .observe(basis, { childList: true });
        }"""
    )
    page.tab.get_by_role("button", name="Play").click()
    page.see("#basis").to_contain_text(f"All {last} words, by {FLOAT} in ONNX Runtime Web")
    played = [re.search(r"^Pause: After (\d+) of", one) for one in page.tab.evaluate("played")]
    numbers = [int(one[1]) for one in played if one]
    assert sorted({*numbers}) == [*range(4, last)]
    assert numbers == sorted(numbers)
    page.see("#play").to_have_text("Play")
    page.shows(expected[last])


def test_examples_are_the_bundles_own_texts(web_bundle: Path, shared: Demo) -> None:
    page = shared
    texts = set(opened(web_bundle).golden().texts or ())
    buttons = page.tab.locator("#examples button")
    assert buttons.count() >= 2
    for number in range(buttons.count()):
        buttons.nth(number).click()
        assert page.tab.locator("#text").input_value() in texts


def test_an_example_is_not_put_under_somebodys_hands(
    web_bundle: Path, demo: Callable[..., Demo]
) -> None:
    page = demo(web_bundle, opens=False)
    held: list[Any] = []
    page.tab.route("**/bundle/golden.json", lambda route: held.append(route))
    with page.tab.expect_request("**/bundle/golden.json"):
        page.tab.goto(page.url)
    page.tab.locator("#text").focus()
    held[0].continue_()
    page.settled()
    assert page.tab.locator("#text").input_value() == ""
    page.tab.unroute("**/bundle/golden.json")
    page.open()
    assert page.tab.locator("#text").input_value() in (opened(web_bundle).golden().texts or ())


def test_more_than_two_labels(classes: Path, demo: Callable[..., Demo]) -> None:
    page = demo(classes)
    text = "The sky, zebra: not very blue, a green red zebra"
    page.write(text)
    (expected,) = Classifier(opened(classes), FLOAT).predict([text])
    page.shows(expected)
    for row in page.tab.locator("#shares li").all():
        label, share = row.inner_text().split()
        assert float(share.strip("%")) / 100 == pytest.approx(
            expected.probabilities[label], abs=6e-4
        )
    # the model does not get what it does not know: it is no word of those that count
    assert page.tab.locator("#reading .dropped").all_inner_texts() == ["zebra", "zebra"]
    page.see("#count").to_contain_text("8 words; 2 more not in the vocabulary")
    after = [p.probabilities[expected.label] for p in word_by_word(classes, text)]
    steps = [now - before for before, now in itertools.pairwise(after)]
    known = [by for by, word in zip(steps, text.split(), strict=True) if "zebra" not in word]
    assert page.changes() == pytest.approx(known, abs=0.0051)
    page.see("#up-title").to_have_text(f"Towards {expected.label}")
    page.see("#down-title").to_have_text(f"Away from {expected.label}")
    page.see("#agreement").to_contain_text("ok")
    page.checked()
    page.see("#checks").to_contain_text("ok: ")


def test_first_ids_and_pads_behind(behind_bundle: Path, demo: Callable[..., Demo]) -> None:
    page = demo(behind_bundle)
    page.see("#preprocessing").to_have_count(0)  # all of it was told
    for text, gone in (
        ("A very bad film", []),
        ("never a very good film " * 4 + "at all!", [" film at all!"]),
    ):
        page.write(text)
        page.shows(Classifier(opened(behind_bundle), FLOAT).predict([text])[0])
        page.see("#agreement").to_contain_text("ok After the last word")
        assert page.tab.locator("#reading .gone").all_inner_texts() == gone
    page.see("#count").to_contain_text(
        "22 words; the first 19 of them count, as the model takes 20 ids: the last 3 do not"
    )
    page.checked()
    page.see("#checks").to_contain_text("ok: ")


def test_what_was_only_assumed_is_said(shared: Demo) -> None:
    shared.see("#preprocessing.warning").to_have_text(
        "Assumed, not told: padding pre, truncating pre. If training did otherwise, these answers are "
        "wrong; export with --expect."
    )


# ---------------------------------------------------------------- runtimes and variants


def test_every_choice_answers_and_is_checked(web_bundle: Path, demo: Callable[..., Demo]) -> None:
    page = demo(web_bundle)
    page.write(TEXT)
    names = [
        *("onnx-float32", "onnx-int8-dynamic", "onnx-float32-stream", "onnx-int8-dynamic-stream"),
        *("tflite-float32", "tflite-int8-dynamic"),
    ]
    enabled = page.tab.locator("input[name=variant]:enabled")
    found = [one.get_attribute("value").split(" ") for one in enabled.all()]
    assert {name for name, _ in found} >= set(names)
    for name in names:
        page.choose(name)
        (expected,) = Classifier(opened(web_bundle), name).predict([TEXT])
        page.shows(expected, 0.0011 if "float32" in name else 0.05)
        page.see("#agreement").to_contain_text("ok After the last word")
        precision = "int8-dynamic" if "int8" in name else "float32"
        page.see("#agreement").to_contain_text(f"onnx-{precision}-stream says")
        page.checked()
        page.see("#checks").to_contain_text(re.compile(r"ok: \d+ texts and \d+ edge cases, max"))
        page.see("#checks").to_contain_text("1 thread")
    page.tab.get_by_role("button", name="Check every variant").click()
    for name, runtime in found:
        line = page.tab.locator(f".variant[data-key='{name} {runtime}']")
        page.see(f".variant[data-key='{name} {runtime}'] .result").to_contain_text(
            "ok · max |Δp|", timeout=90_000
        )
        assert line.get_attribute("class") == "variant"
    page.see("#check-all").to_have_text("Check every variant")


def test_what_a_runtime_does_not_take_is_listed_with_the_reason(
    web_bundle: Path, demo: Callable[..., Demo]
) -> None:
    page = demo(web_bundle)
    for summary in page.tab.locator("#variants summary").all():
        summary.click()
    off = page.tab.locator(".variant.off")
    assert off.count() >= 4
    for one in off.all():
        assert one.locator("input").is_disabled()
        assert len(one.locator(".result").inner_text()) > 10
    page.see("#variants").to_contain_text("the file is not made for it")
    page.see("#variants").to_contain_text("it takes no free length")


def test_step_models_are_recommended_only_where_there_can_be_some(
    unstreamed: Path, tmp_path: Path, demo: Callable[..., Demo]
) -> None:
    def change(manifest: dict[str, Any]) -> None:
        manifest["source"]["not_streamed"] = ["both (Bidirectional) reads from the end"]

    page = demo(changed(unstreamed, tmp_path / "b", change))
    page.see("#no-stream").to_contain_text("none can be made of this model: both (Bidirectional)")
    page.see("#no-stream").not_to_contain_text("--streaming")


def test_a_bundle_without_step_models_says_so(unstreamed: Path, demo: Callable[..., Demo]) -> None:
    page = demo(unstreamed)
    page.see("#no-stream").to_contain_text("lstm-edge export MODEL --streaming")
    for hidden in ("#chart", "#play", "#strongest"):
        page.see(hidden).to_be_hidden()
    page.write(TEXT)
    page.shows(Classifier(opened(unstreamed), FLOAT).predict([TEXT])[0])
    page.choose("onnx-int8-dynamic")
    page.shows(Classifier(opened(unstreamed), "onnx-int8-dynamic").predict([TEXT])[0], 0.05)
    page.checked()
    page.see("#checks").to_contain_text("ok: ")


def test_a_file_that_answers_otherwise_is_outside(
    web_bundle: Path, tmp_path: Path, demo: Callable[..., Demo]
) -> None:
    bundle = opened(shutil.copytree(web_bundle, tmp_path / "b"))
    golden = json.loads((bundle.path / GOLDEN).read_text())
    golden["cases"][3]["probabilities"][0] = 1 - golden["cases"][3]["probabilities"][0]
    (bundle.path / GOLDEN).write_text(json.dumps(golden))
    page = demo(bundle)
    page.checked()
    page.see("#checks .bad").to_contain_text(re.compile(r"OUTSIDE: .* 1 flip$"))
    page.see("#failures").to_contain_text("is above 0.00001")
    page.see("#failures").to_contain_text("1 of 72 labels flip")


# ---------------------------------------------------------------- troubles


def test_a_runtime_that_is_not_there_leaves_the_others(
    web_bundle: Path, demo: Callable[..., Demo]
) -> None:
    page = demo(web_bundle, opens=False)
    page.tab.route("**/vendor/onnxruntime-web/**", lambda route: route.fulfill(status=404))
    page.tab.goto(page.url)
    alert = page.see("[role=alert]")
    alert.to_contain_text("onnx-float32 cannot be loaded into ONNX Runtime Web", timeout=60_000)
    alert.to_contain_text("Choose another variant")
    page.see("#checks").to_contain_text("ONNX Runtime Web, failed")
    page.tab.get_by_role("radio", name="tflite-float32 ").check()
    page.see("#basis").to_contain_text("in LiteRT.js", timeout=60_000)
    page.see("#no-stream").to_contain_text("cannot be loaded")
    page.write(TEXT)
    page.shows(Classifier(opened(web_bundle), "tflite-float32").predict([TEXT])[0])
    page.checked()


def test_a_step_model_that_comes_later_is_shown(
    web_bundle: Path, demo: Callable[..., Demo]
) -> None:
    """The first one does not arrive; with the next variant one does, and later the first one too."""
    page = demo(web_bundle, opens=False)
    late = "**/bundle/onnx-float32-stream.onnx"
    page.tab.route(late, lambda route: route.fulfill(status=503))
    page.tab.goto(page.url)
    alert = page.see("[role=alert]")
    alert.to_contain_text("onnx-float32-stream cannot be loaded", timeout=60_000)
    page.see("#no-stream").to_be_visible()
    page.see("#place").to_be_hidden()
    page.choose("onnx-int8-dynamic")
    alert.to_be_empty()
    for shown in ("#chart", "#legend", "#strongest", "#play", "#place"):
        page.see(shown).to_be_visible()
    page.see("#no-stream").to_be_hidden()
    page.choose(FLOAT)  # again in vain: the step model that is there goes on, and the page says so
    alert.to_contain_text("onnx-float32-stream cannot be loaded")
    page.write(TEXT)
    page.shows(Classifier(opened(web_bundle), FLOAT).predict([TEXT])[0])
    alert.to_contain_text("onnx-float32-stream cannot be loaded")
    page.see("#chart").to_be_visible()
    page.tab.unroute(late)
    page.choose("onnx-int8-dynamic")
    alert.to_be_empty()
    page.choose(FLOAT)
    alert.to_be_empty()
    page.see("#agreement").to_contain_text("onnx-float32-stream says")


def test_a_variant_that_is_not_loaded_is_not_said_to_be_loading(
    web_bundle: Path, demo: Callable[..., Demo]
) -> None:
    page = demo(web_bundle)
    page.tab.route("**/bundle/onnx-int8-dynamic.onnx", lambda route: route.fulfill(status=503))
    page.tab.get_by_role("radio", name=re.compile("^onnx-int8-dynamic ")).check()
    page.see("[role=alert]").to_contain_text("onnx-int8-dynamic cannot be loaded")
    page.see("#basis").to_have_text("onnx-int8-dynamic is not loaded.")
    page.tab.locator("#text").fill(TEXT)  # the words are read, each with a new picture
    page.see("#place").to_have_attribute("max", str(len(TEXT.split())))
    page.tab.wait_for_timeout(500)
    page.see("#basis").to_have_text("onnx-int8-dynamic is not loaded.")
    page.choose(FLOAT)
    page.shows(Classifier(opened(web_bundle), FLOAT).predict([TEXT])[0])


def test_a_bundle_that_does_not_arrive_is_said(web_bundle: Path, demo: Callable[..., Demo]) -> None:
    page = demo(web_bundle, opens=False)
    page.tab.route("**/bundle/golden.json", lambda route: route.fulfill(status=503))
    page.tab.goto(page.url)
    page.see("[role=alert]").to_contain_text("The demo cannot start: ")
    page.see("[role=alert]").to_contain_text("golden.json cannot be fetched: 503")


def test_a_browser_without_simd_is_told(
    web_bundle: Path, runtimes: Path, tmp_path: Path, chromium: str
) -> None:
    """A real one: V8 has no SIMD where it may not use SSE4."""
    flags = [
        *browser.QUIET,
        "--no-sandbox",
        "--js-flags=--no-enable-sse4-1",
        "--virtual-time-budget=9000",
    ]
    with web_demo.serving(opened(web_bundle)) as site:
        done = subprocess.run(
            [chromium, *flags, f"--user-data-dir={tmp_path}", "--dump-dom", site.url],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    if "The demo cannot start" not in done.stdout:
        assert "data-settled" in done.stdout
        pytest.skip("this Chromium's SIMD does not depend on SSE4")
    assert "has no WebAssembly SIMD" in done.stdout


def test_memory_that_runs_out_is_said_in_words(shared: Demo) -> None:
    said = shared.tab.evaluate(
        """async () => {
          const { inWords } = await import('./js/drawing.js');
          try {
            return new ArrayBuffer(2 ** 34).byteLength;
          } catch (error) {
            return inWords(error);
          }
        }"""
    )
    assert said.startswith("this tab has not enough memory for it (Array buffer allocation failed)")


# ---------------------------------------------------------------- for everybody


REMEMBER_CHECKS = """() => {
  window.seen = [];
  const look = () => seen.push(document.querySelector('#checks').textContent);
  const all = { childList: true, subtree: true, characterData: true };
  new MutationObserver(look).observe(document.body, all);
}"""


def test_by_keyboard_alone(web_bundle: Path, demo: Callable[..., Demo]) -> None:
    page = demo(web_bundle)
    text = "never " * 9 + TEXT
    press = page.tab.keyboard.press
    page.checked()

    def reach(selector: str) -> None:
        for _ in range(40):
            if page.tab.evaluate("s => document.activeElement.matches(s)", selector):
                break
            press("Tab")
        page.see(f"{selector}:focus").to_have_count(1)
        outline = "e => getComputedStyle(e).outlineStyle + getComputedStyle(e).outlineWidth"
        assert page.tab.locator(":focus").evaluate(outline) == "solid3px"

    reach(".skip")
    press("Enter")
    page.see("#text").to_be_focused()
    press("Control+A")
    page.unsettle()
    page.tab.keyboard.type(text)
    page.settled()
    expected = word_by_word(web_bundle, text)
    page.shows(expected[-1])
    reach("#play")
    press("Enter")
    page.see("#play").to_have_text("Pause")
    press("Space")
    page.see("#play").to_have_text("Play")
    reach("#place")
    press("End")
    press("ArrowLeft")
    press("ArrowLeft")
    page.see("#basis").to_contain_text(f"After {len(expected) - 3} of")
    page.shows(expected[-3])
    reach("input[name=variant]")
    press("ArrowDown")
    page.see("#basis").to_contain_text("by onnx-int8-dynamic in ", timeout=60_000)
    page.checked()
    reach("#check")
    page.tab.evaluate(REMEMBER_CHECKS)  # it may be over before it is looked at
    press("Enter")
    for _ in range(100):  # the page's policy lets nothing wait in it
        if seen := page.tab.evaluate("seen.some((text) => text.includes('checking: '))"):
            break
        page.tab.wait_for_timeout(50)
    assert seen
    page.checked()


@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (1280, "dark")])
def test_fits_and_can_be_read_by_everybody(
    web_bundle: Path, demo: Callable[..., Demo], width: int, scheme: str
) -> None:
    page = demo(web_bundle, opens=False)
    page.tab.set_viewport_size({"width": width, "height": 800})
    page.tab.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.open()
    page.write(f"{TEXT} {'z' * 300} https://example.org/{'a' * 200} " + "never boring " * 9)
    for summary in page.tab.locator("summary").all():
        summary.click()
    page.checked()
    assert page.tab.evaluate("document.documentElement.scrollWidth") == width
    assert (
        page.tab.locator(".meter i").evaluate("e => getComputedStyle(e).transitionDuration") == "0s"
    )
    dark = page.tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(22, 22, 24)"
    assert dark == (scheme == "dark")
    if importlib.util.find_spec("axe_playwright_python") is None:
        pytest.skip("axe-playwright-python is not installed: the page was not run through axe")
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page.tab)
    assert found.violations_count == 0, found.generate_report()


def spoken(classifier: Classifier, text: str) -> str:
    (expected,) = classifier.predict([text])
    return f"{expected.label} {round(100 * expected.probability)} percent."


def test_what_is_read_aloud_waits_for_the_verdict(web_bundle: Path, shared: Demo) -> None:
    page = shared
    classifier = Classifier(opened(web_bundle), FLOAT)
    page.write("")
    page.see("#status").to_have_text(spoken(classifier, ""))
    page.tab.evaluate(
        """() => {
          const status = document.getElementById('status');
          window.said = [];
          new MutationObserver(() => window.said.push(status.textContent))
            .observe(status, { childList: true, characterData: true, subtree: true });
        }"""
    )
    # in the page: its own clock, whatever else this machine does
    page.tab.evaluate(
        """async (text) => {
          const area = document.getElementById('text');
          for (const key of text) {
            area.value += key;
            area.dispatchEvent(new Event('input', { bubbles: true }));
            await new Promise((resolve) => setTimeout(resolve, 150));
          }
        }""",
        TEXT,
    )
    last = spoken(classifier, TEXT)
    assert last != spoken(classifier, "")
    page.see("#status").to_have_text(last)
    assert page.tab.evaluate("window.said") == [last]


# ---------------------------------------------------------------- arrays

HTML = "<img src=x onerror='throw 1'>"


@pytest.fixture(scope="module")
def two_ends(tmp_path_factory: pytest.TempPathFactory) -> TensorBundle:
    """Two inputs, and two outputs: a row for each step, and three classes."""
    import keras

    keras.utils.set_random_seed(2)
    layers = keras.layers
    series, short = keras.Input((12, 5), name="series"), keras.Input((3,), name="short")
    steps = layers.LSTM(4, return_sequences=True, name="steps")(series)
    both = layers.Concatenate()([layers.GRU(3)(steps), short])
    model = keras.Model(
        [series, short], [steps, layers.Dense(3, activation="softmax", name="kind")(both)]
    )
    out = tmp_path_factory.mktemp("two") / "bundle"
    bundling.export_bundle(
        model,
        out,
        labels=["walk", "sit", HTML],
        precisions=["float32", "int8-dynamic"],
        runtimes=["onnxruntime", "litert-js"],
    )
    return arrays_of(out)


@pytest.fixture(scope="module")
def forecaster(tmp_path_factory: pytest.TempPathFactory) -> TensorBundle:
    """Eight steps of two channels -> the next four numbers."""
    import keras

    keras.utils.set_random_seed(2)
    given = keras.Input((8, 2), name="power")
    model = keras.Model(given, keras.layers.Dense(4, name="next")(keras.layers.LSTM(4)(given)))
    out = tmp_path_factory.mktemp("forecaster") / "bundle"
    bundling.export_bundle(model, out, precisions=["float32"], runtimes=["onnxruntime"], batch=2)
    return arrays_of(out)


def arrays_of(path: Path) -> TensorBundle:
    bundle = open_bundle(path)
    assert isinstance(bundle, TensorBundle)
    return bundle


def golden_of(bundle: TensorBundle) -> list[dict[str, np.ndarray]]:
    """Keras's outputs of each golden example, in the page's order."""
    return [
        {name: array[row] for name, array in batch.outputs.items()}
        for batch in bundle.golden()
        for row in range(len(batch))
    ]


def drawn(page: Demo, place: str) -> list[list[float]]:
    """The heights of the lines in a box, from 0 (its least number) to 1."""
    paths = page.tab.locator(f"{place} .chart path.line:not(.keras)").all()
    found = [re.findall(r"[ML]\S+ (\S+?)(?=L|$)", path.get_attribute("d")) for path in paths]
    return [[(97 - float(y)) / 94 for y in heights] for heights in found]


def heights(values: np.ndarray) -> list[list[float]]:
    """The same of an array [steps, channels]."""
    return [[*map(float, line)] for line in ((values - values.min()) / np.ptp(values)).T]


def test_two_inputs_and_two_outputs(two_ends: TensorBundle, demo: Callable[..., Demo]) -> None:
    page = demo(two_ends)
    assert isinstance(page, ReadingsDemo)
    expected, (golden, *_) = golden_of(two_ends), two_ends.golden()
    boxes = page.tab.locator(".box h3").all_inner_texts()
    assert boxes == ["series [12, 5]", "short [3]", "steps [12, 4]", "kind [3]"]
    for number in (0, 3, len(expected) - 1):
        page.pick(number)
        shares = page.shares(1)
        assert [*shares] == ["walk", "sit", HTML]  # as text, whatever is in it
        assert [*shares.values()] == pytest.approx(expected[number]["kind"], abs=6e-4)
        lines = drawn(page, "#outputs .box:nth-child(1)")
        for line, height in zip(lines, heights(expected[number]["steps"]), strict=True):
            assert line == pytest.approx(height, abs=1e-3)
        assert page.tab.locator("#outputs .keras-says .ok").count() == 2
    page.pick(0)
    series = drawn(page, "#inputs .box:nth-child(1)")
    assert np.array(series) == pytest.approx(
        np.array(heights(golden.inputs["series"][0])), abs=1e-3
    )
    numbers = page.tab.locator("#inputs .numbers li").all_inner_texts()
    assert [*map(float, numbers)] == pytest.approx(golden.inputs["short"][0], rel=1e-4)
    assert page.tab.locator("#outputs img").count() == 0
    page.see("#basis").to_contain_text(re.compile(r"^By onnx-float32 in ONNX Runtime Web .* ms"))
    page.see("#status").to_contain_text("kind: ")


def test_every_variant_of_arrays_is_checked(
    two_ends: TensorBundle, demo: Callable[..., Demo]
) -> None:
    page = demo(two_ends)
    page.checked()
    page.see("#checks").to_contain_text(
        re.compile(r"ok: 30 examples, max relative Δ \S+e-\d+, 0 flips")
    )
    for name in ("tflite-float32-litert-js", "onnx-int8-dynamic"):
        button = page.tab.get_by_role("radio", name=re.compile(f"^{name} "))
        page.unsettle()
        button.check()
        page.see("#basis").to_contain_text(f"By {name} in ", timeout=60_000)
        page.settled()
        assert page.tab.locator("#outputs .keras-says .ok").count() == 2
        page.checked()
    page.tab.get_by_role("button", name="Check every variant").click()
    page.see("#check-all").to_have_text("Check every variant", timeout=90_000)
    results = page.tab.locator(".variant:not(.off) .result").all_inner_texts()
    assert len(results) == 4
    assert all(re.match(r"ok · max relative Δ \S+ · .* ms", result) for result in results), results


def test_readings_of_ones_own(forecaster: TensorBundle, demo: Callable[..., Demo]) -> None:
    page = demo(forecaster)
    assert isinstance(page, ReadingsDemo)
    rng = np.random.default_rng(5)
    series = rng.normal(size=(10, 2)).astype(np.float32)
    runner = forecaster.runner("onnx-float32")
    expected = runner.run({"power": series[None, -8:]})["next"][0]
    rows = "\n".join(",".join(map(str, row)) for row in series.tolist())
    for name, content in (
        ("mine.csv", f"left,{HTML}\n{rows}\n"),
        ("mine.json", json.dumps(series.tolist())),
        ("mine.json", json.dumps({"power": [series.tolist()]})),
    ):
        page.unsettle()
        page.give(name, content)
        page.settled()
        found = [*map(float, page.tab.locator("#outputs .numbers li").all_inner_texts())]
        assert found == pytest.approx(expected, rel=1e-4, abs=1e-5)
        page.see("#notes").to_have_text(
            f"{name}; power: the last 8 of 10 steps, as the model takes so many"
        )
        page.see("[role=alert]").to_be_empty()
        assert page.tab.locator(".keras-says").count() == 0  # Keras's answer is not known
        legend = page.tab.locator("#inputs .legend span").all_inner_texts()
        assert legend == (["left", HTML] if name == "mine.csv" else ["channel 1", "channel 2"])
        assert page.tab.locator("#example").input_value() == ""
    page.give("mine.csv", "left,right\n1,2\n3,x\n")
    page.see("[role=alert]").to_have_text('Not read: line 3: "x" is not a number.')
    page.see("#notes").to_contain_text("mine.json; ")  # what is shown is what it was
    page.pick(1)
    page.see("[role=alert]").to_be_empty()
    found = [*map(float, page.tab.locator("#outputs .numbers li").all_inner_texts())]
    assert found == pytest.approx(golden_of(forecaster)[1]["next"], rel=1e-4, abs=1e-5)
    page.see("#outputs .keras-says").to_contain_text("ok Keras: 4 numbers; apart by at most ")


@pytest.mark.parametrize("chunk", [None, 2])
def test_a_stream_is_fed_from_its_first_step_to_its_last(
    tmp_path: Path, demo: Callable[..., Demo], chunk: int | None
) -> None:
    import keras

    keras.utils.set_random_seed(4)
    given = keras.Input((None, 3), name="series")
    rows = keras.layers.LSTM(5, return_sequences=True)(given)
    alarm = keras.layers.Dense(1, activation="sigmoid", name="alarm")(keras.layers.LSTM(4)(rows))
    model = keras.Model(given, [keras.layers.Dense(2, name="next")(rows), alarm])
    bundling.export_bundle(
        model,
        tmp_path / "b",
        labels=["quiet", "alarm"],
        precisions=["float32"],
        streaming=True,
        chunk=chunk,
        runtimes=["onnxruntime"],
    )
    bundle = arrays_of(tmp_path / "b")
    page = demo(bundle)
    assert isinstance(page, ReadingsDemo)
    expected = golden_of(bundle)
    number = int(page.tab.locator("#example").input_value())
    assert len(expected[number]["next"]) == max(len(one["next"]) for one in expected) > 4
    each = "2 steps" if chunk else "1 step"
    page.see("#basis").to_contain_text(f"fed from the first step to the last, {each} in each call")
    for line, height in zip(
        drawn(page, "#outputs .box:nth-child(1)"), heights(expected[number]["next"]), strict=True
    ):
        assert line == pytest.approx(height, abs=1e-3)
    share = float(expected[number]["alarm"][0])
    assert page.shares(1) == pytest.approx({"quiet": 1 - share, "alarm": share}, abs=6e-4)
    (after,) = drawn(page, "#outputs .box:nth-child(2)")
    assert len(after) == len(expected[number]["next"]) // (chunk or 1)
    assert after[-1] == pytest.approx(share, abs=1e-3)
    page.checked()
    page.see("#checks").to_contain_text(re.compile(r"ok: \d+ examples, max relative Δ"))


def test_arrays_that_are_answered_otherwise_are_outside(
    forecaster: TensorBundle, tmp_path: Path, demo: Callable[..., Demo]
) -> None:
    bundle = arrays_of(shutil.copytree(forecaster.path, tmp_path / "b"))
    batches = bundle.golden()
    batches[0].outputs["next"][2, 1] += 0.5
    save_batches(bundle.path / GOLDEN_ARRAYS, batches)
    page = demo(bundle)
    assert isinstance(page, ReadingsDemo)
    page.checked()
    page.see("#checks .bad").to_contain_text("OUTSIDE: 30 examples, max relative Δ ")
    page.see("#failures").to_contain_text("is above 0.00001")
    page.pick(2)
    page.see("#outputs .keras-says .bad").to_have_text("OTHERWISE ")


def test_golden_arrays_that_do_not_arrive_are_said(
    forecaster: TensorBundle, demo: Callable[..., Demo]
) -> None:
    page = demo(forecaster, opens=False)
    page.tab.route("**/bundle/golden.npz", lambda route: route.fulfill(status=503))
    page.tab.goto(page.url)
    page.see("[role=alert]").to_contain_text("golden.npz cannot be fetched: 503")
    page.tab.unroute("**/bundle/golden.npz")
    page.tab.route("**/bundle/golden.npz", lambda route: route.fulfill(body="PK" + "x" * 99))
    page.tab.goto(page.url)
    page.see("[role=alert]").to_contain_text(
        "The demo cannot start: golden.npz cannot be read: it is no whole .npz file."
    )


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1280, "dark")])
def test_the_page_of_arrays_fits_and_can_be_read_by_everybody(
    two_ends: TensorBundle, demo: Callable[..., Demo], width: int, scheme: str
) -> None:
    page = demo(two_ends, opens=False)
    page.tab.set_viewport_size({"width": width, "height": 800})
    page.tab.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.open()
    page.checked()
    assert page.tab.evaluate("document.documentElement.scrollWidth") == width
    dark = page.tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(22, 22, 24)"
    assert dark == (scheme == "dark")
    if importlib.util.find_spec("axe_playwright_python") is None:
        pytest.skip("axe-playwright-python is not installed: the page was not run through axe")
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page.tab)
    assert found.violations_count == 0, found.generate_report()


def test_a_folder_of_arrays_that_any_server_serves(
    forecaster: TensorBundle, tmp_path: Path, tab: Any, runtimes: Path
) -> None:
    del runtimes
    result = run("web", forecaster.path, "--out", tmp_path / "site")
    assert result.exit_code == 0, result.output
    handler = partial(_Silent, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page = ReadingsDemo(tab, f"http://127.0.0.1:{server.server_address[1]}/site/").open()
        page.checked()
        page.see("#checks").to_contain_text("ok: 30 examples")
        tab.goto("about:blank")
        server.shutdown()
    page.check_behaviour()


# ---------------------------------------------------------------- the command


def run(*args: object) -> Any:
    return CliRunner().invoke(cli, [*map(str, args)])


def test_a_folder_that_any_server_serves(
    web_bundle: Path, tmp_path: Path, tab: Any, runtimes: Path
) -> None:
    out = tmp_path / "site"
    for _ in range(2):  # the second replaces the first
        result = run("web", web_bundle, "--out", out)
        assert result.exit_code == 0, result.output
    assert {path.name for path in tmp_path.iterdir()} == {"site"}
    # no file of the bundle is for MediaPipe
    assert {path.name for path in (out / "vendor").iterdir()} == {"onnxruntime-web", "@litertjs"}
    handler = partial(_Silent, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page = Demo(tab, f"http://127.0.0.1:{server.server_address[1]}/site/").open()
        page.write(TEXT)
        for name in (FLOAT, "tflite-float32"):
            page.choose(name)
            page.shows(Classifier(opened(web_bundle), FLOAT).predict([TEXT])[0])
            page.checked()
            page.see("#checks").to_contain_text("ok: ")
        tab.goto("about:blank")
        server.shutdown()
    page.check_behaviour()


class _Silent(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


def test_a_folder_of_somebody_else_stays(web_bundle: Path, tmp_path: Path, runtimes: Path) -> None:
    del runtimes
    own, copy = tmp_path / "own", shutil.copytree(web_bundle, tmp_path / "copy")
    own.mkdir()
    (own / "letter.txt").write_text("dear")
    result = run("web", web_bundle, "--out", own)
    assert result.exit_code == 2
    assert "was not written by lstm-edge web; nothing was written" in result.output
    assert run("web", web_bundle, "--out", tmp_path / "site").exit_code == 0
    (tmp_path / "site" / "notes").mkdir()
    (tmp_path / "site" / "notes" / "mine.txt").write_text("mine")
    result = run("web", web_bundle, "--out", tmp_path / "site")
    assert result.exit_code == 2
    assert "files that lstm-edge web did not write: notes/mine.txt" in result.output
    result = run("web", copy, "--out", copy)
    assert result.exit_code == 2
    assert (own / "letter.txt").read_text() == "dear"
    assert open_bundle(copy)
    assert {path.name for path in tmp_path.iterdir()} == {"own", "copy", "site"}


def test_what_cannot_be_shown_is_refused(
    web_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed(web_bundle, tmp_path / "ids", lambda manifest: manifest["files"].pop(VOCAB))
    monkeypatch.setenv(web_runtimes.FOLDER_VARIABLE, str(tmp_path / "none"))
    for args, message in (
        ([tmp_path / "ids"], "has no vocabulary, so the web demo cannot read texts for it"),
        ([tmp_path / "nowhere"], "does not exist"),
        ([web_bundle], "run lstm-edge web-runtimes once"),
        ([web_bundle, "--out", tmp_path / "site"], "run lstm-edge web-runtimes once"),
        ([web_bundle, "--out", tmp_path / "site", "--port", 1], "--port cannot be used with --out"),
    ):
        result = run("web", *args)
        assert (result.exit_code, result.output.count("\n")) == (2, 1), result.output
        assert message in result.output
    assert not (tmp_path / "site").exists()


def test_a_port_in_use_is_said(web_bundle: Path, runtimes: Path) -> None:
    del runtimes
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = run("web", web_bundle, "--port", taken.getsockname()[1])
    assert (result.exit_code, result.output.count("\n")) == (2, 1)
    assert "address already in use; give another --port" in result.output


@pytest.mark.parametrize("ends", [signal.SIGINT, signal.SIGTERM])
def test_the_command_serves_until_it_is_stopped(
    web_bundle: Path, runtimes: Path, ends: signal.Signals
) -> None:
    del runtimes
    command = [sys.executable, "-m", "lstm_edge.cli", "web", str(web_bundle), "--host", "0.0.0.0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ
    ) as process:
        assert process.stdout is not None
        said = []
        for line in process.stdout:
            said.append(line)
            if "Ctrl-C" in line:
                break
        (url,) = re.findall(r"On this machine: (\S+)", "".join(said))
        with urllib.request.urlopen(url) as answer:
            assert b"word by word" in answer.read()
        with urllib.request.urlopen(url + "demo.css") as answer:
            assert answer.headers["content-type"].startswith("text/css")
        process.send_signal(ends)
        rest, errors = process.communicate(timeout=30)
    assert (process.returncode, rest, errors) == (0, "", "")
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(url)


# ---------------------------------------------------------------- the model that ships


def test_the_reference_model(tmp_path: Path, demo: Callable[..., Demo]) -> None:
    bundling.export_bundle(
        files.shipped(),
        tmp_path / "b",
        precisions=["float32"],
        wanted_formats=["onnx"],
        streaming=True,
    )
    page = demo(tmp_path / "b")
    text = "Dull, loud and badly acted: I want my two hours back. Yet the last scene is a delight."
    page.write(text)
    page.shows(Classifier(opened(tmp_path / "b"), FLOAT).predict([text])[0])
    page.see("#agreement").to_contain_text("ok")
    page.checked()
    page.see("#checks").to_contain_text("ok: 72 texts and 14 edge cases")
    page.see("#checks").to_contain_text("0 flips")
