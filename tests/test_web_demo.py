"""The demo page of ``lstm-edge web``, driven in Chromium."""

from __future__ import annotations

import base64
import functools
import hashlib
import http.server
import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from conftest import WORDS

from export import export_bundle
from lstm_edge.bundle import TextBundle, open_bundle
from lstm_edge.classifier import Classifier
from lstm_edge.cli import cli
from lstm_edge.web_demo import MODULES, PAGE, demo
from lstm_edge.web_runtimes import WEB

WAIT = 60_000  # ms: the first runtime is slow to start on a busy machine
TEXT = "A very good film, never boring! The zeppelin is great"


def opened(path: Path) -> TextBundle:
    bundle = open_bundle(path)
    assert isinstance(bundle, TextBundle)
    return bundle


@pytest.fixture(scope="module")
def address(web_bundle: Path, runtimes: Path) -> Iterator[str]:
    del runtimes  # skips where they are missing
    with demo(opened(web_bundle)) as site:
        yield site.url


@pytest.fixture
def page(tab: Any, address: str) -> Iterator[Any]:
    """The page, ready; at the end nothing has gone wrong on it, and nothing came from elsewhere."""
    wrong: list[str] = []
    tab.on("pageerror", lambda error: wrong.append(str(error)))

    def console(said: Any) -> None:
        # LiteRT.js says everything there
        if said.type == "error" and not said.text.startswith(("INFO: ", "WARNING: ")):
            wrong.append(said.text)

    tab.on("console", console)
    tab.on(
        "request",
        lambda asked: (
            None if asked.url.startswith((address, "data:", "blob:")) else wrong.append(asked.url)
        ),
    )
    tab.goto(address)
    checked(tab)
    yield tab
    assert wrong == []


def checked(page: Any) -> None:
    """Until the golden vectors of the chosen variant are through."""
    expect(page.locator("#checks")).to_contain_text("Latency", timeout=WAIT)


def expect(locator: Any) -> Any:
    from playwright.sync_api import expect as of

    return of(locator)


def followed(page: Any, text: str) -> str:
    """Types a text; what the page says of the step model's last answer."""
    page.fill("#text", "")
    expect(page.locator("#label")).to_have_text(
        "–", timeout=WAIT
    )  # what is shown then is of this text
    page.fill("#text", text)
    expect(page.locator("#agreement")).to_contain_text("Read word by word", timeout=WAIT)
    page.evaluate("new Promise((drawn) => requestAnimationFrame(() => setTimeout(drawn)))")
    return str(page.inner_text("#agreement"))


def verdict(page: Any) -> tuple[str, float]:
    label, share = page.inner_text("#label"), page.inner_text("#share")
    return label, float(share.removesuffix("%")) / 100


def expected(bundle: Path, text: str, variant: str = "onnx-float32") -> tuple[str, float]:
    answer = Classifier(opened(bundle), variant).predict([text])[0]
    return answer.label, answer.probability


def test_a_text_is_typed_and_answered_word_by_word(page: Any, web_bundle: Path) -> None:
    page.fill("#text", "")
    expect(page.locator("#label")).to_have_text("–")
    page.locator("#text").press_sequentially(TEXT, delay=5)
    expect(page.locator("#agreement")).to_contain_text("the same within tolerance", timeout=WAIT)
    label, share = expected(web_bundle, TEXT)
    assert verdict(page) == (label, pytest.approx(share, abs=6e-4))
    words = page.locator("#reading [data-at]")
    assert words.all_inner_texts() == [
        *("A", "very", "good", "film", "never", "boring", "The", "zeppelin", "is", "great")
    ]
    # the words that moved it have a direction, those that it does not know are marked
    classes = [word.get_attribute("class") or "" for word in words.all()]
    assert any(re.search(r"\b(up|down)\b", one) for one in classes)
    assert "unknown" in classes[7]
    assert "2 of them not in the vocabulary" in page.inner_text("#count")
    assert "points for" in (words.nth(2).get_attribute("title") or "")
    # for a screen reader the verdict, once
    expect(page.locator("#status")).to_have_text(re.compile(rf"{label}, \d"), timeout=WAIT)


def test_what_words_add_is_what_the_step_model_says(page: Any, web_bundle: Path) -> None:
    """The strongest words, against a stream in Python."""
    text = "very good film bad cast"
    followed(page, text)
    classifier = Classifier(opened(web_bundle), "onnx-float32-stream")
    stream = classifier.stream(classifier.bundle.settings.max_length - 6)
    label = classifier.bundle.labels[1]
    before, found = stream.feed("").probabilities[label], {}
    for word in text.split():
        now = stream.feed(word).probabilities[label]
        found[word], before = 100 * (now - before), now
    shown = {}
    for row in page.locator("#up li, #down li").all():
        if row.locator("span").count() == 2:
            word, by = row.locator("span").all_inner_texts()
            shown[word] = float(by.replace("−", "-"))
    assert shown
    for word, by in shown.items():
        assert by == pytest.approx(found[word], abs=0.06)
    for word, by in found.items():
        assert word in shown or abs(by) < 0.5


def test_every_variant_is_chosen_and_passes_the_golden_vectors(page: Any, web_bundle: Path) -> None:
    followed(page, TEXT)
    choices = page.locator("input[name=variant]:enabled")
    names = [one.get_attribute("value").split("|") for one in choices.all()]
    assert ["onnx-float32", "onnxruntime-web"] in names
    assert ["tflite-float32", "litert-js"] in names
    for name, _ in names:
        page.check(f"input[value^='{name}|']")
        checked(page)
        assert "within tolerance" in page.inner_text("#checks")
        assert page.inner_text("#failures") == ""
        expect(page.locator("#basis")).to_contain_text(name, timeout=WAIT)
        label, share = expected(web_bundle, TEXT, name)
        assert verdict(page) == (label, pytest.approx(share, abs=0.02 if "int8" in name else 6e-4))
        expect(page.locator("#agreement")).to_contain_text(f"({name})", timeout=WAIT)
    page.click("#check-all")
    expect(page.locator("#status")).to_have_text("Every variant is checked.", timeout=WAIT)
    results = page.locator(".variant:not(.off) .result").all_inner_texts()
    assert len(results) == len(names)
    assert all(one.startswith("answers as Keras does; 0 flips; median") for one in results)


def test_a_wrong_golden_vector_is_told(
    web_bundle: Path, runtimes: Path, tab: Any, tmp_path: Path
) -> None:
    del runtimes
    copy = tmp_path / "b"
    shutil.copytree(web_bundle, copy)
    bundle = opened(copy)
    golden = json.loads((copy / "golden.json").read_text())
    p = golden["cases"][0]["probabilities"][0]
    golden["cases"][0]["probabilities"] = [p - 0.2 if p > 0.5 else p + 0.2]
    (copy / "golden.json").write_text(json.dumps(golden))
    with demo(bundle) as site:
        tab.goto(site.url)
        expect(tab.locator("#checks")).to_contain_text("OUTSIDE TOLERANCE", timeout=WAIT)
        assert re.search(r"max \|Δp\| 0\.20* is above", tab.inner_text("#failures"))


def test_a_long_text_counts_from_its_end(page: Any, web_bundle: Path) -> None:
    text = "great " * 30 + " ".join(WORDS) + " bad" * 9
    assert "the same within tolerance" in followed(page, text)
    assert "the first 31 do not count" in page.inner_text("#count")
    assert page.inner_text("#reading .gone").split() == ["great"] * 30 + ["the"]
    assert page.locator("#reading [data-at]").count() == 20
    label, share = expected(web_bundle, text)
    assert verdict(page) == (label, pytest.approx(share, abs=6e-4))


def test_the_slider_shows_the_verdict_so_far(page: Any) -> None:
    followed(page, TEXT)
    whole = verdict(page)
    place = page.locator("#place")
    place.focus()
    page.keyboard.press("Home")
    assert "after 0 of 10 words" in page.inner_text("#basis")
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    assert "after 3 of 10 words" in page.inner_text("#basis")
    assert (place.get_attribute("aria-valuetext") or "").startswith("good: Positive ")
    expect(page.locator("#reading .later")).to_have_count(7)
    page.keyboard.press("End")
    assert verdict(page) == whole
    page.click("#play")
    expect(page.locator("#basis")).to_contain_text("on the whole text", timeout=WAIT)
    assert verdict(page) == whole


def test_all_of_it_by_keyboard(page: Any) -> None:
    reached = []
    for _ in range(25):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement === document.body"):
            break  # past the last
        focused = page.evaluate(
            "(() => { const e = document.activeElement; return [e.id || e.name || e.textContent, "
            "getComputedStyle(e).outlineStyle] })()"
        )
        if focused[0] in reached:
            break
        reached.append(focused[0])
        assert focused[1] != "none", focused  # the focus is seen
    assert reached[0] == "Go to the text"
    wanted = ["text", "play", "place", "variant", "check-all", "check"]
    assert [one for one in reached if one in wanted] == wanted
    page.focus("input[name=variant]:checked")
    before = page.locator("input[name=variant]:checked").get_attribute("value")
    page.keyboard.press("ArrowDown")
    assert page.locator("input[name=variant]:checked").get_attribute("value") != before
    checked(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_it_fits_and_can_be_read(page: Any, width: int, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 800})
    followed(page, TEXT + " " + "w" * 200)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert page.evaluate(LOW_CONTRAST) == []
    unlabelled = page.evaluate(
        "[...document.querySelectorAll('button, input, textarea')].filter((e) => !(e.labels?.length "
        "|| e.getAttribute('aria-label') || e.textContent.trim())).map((e) => e.outerHTML)"
    )
    assert unlabelled == []


# Texts whose contrast with what is behind them is below 4.5:1 (WCAG 2.1, 1.4.3), but for disabled ones.
LOW_CONTRAST = """
(() => {
  const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
  const over = (colour, below) => {
    canvas.fillStyle = `rgb(${below.join(' ')})`;
    canvas.fillRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const behind = (e) => {
    const chain = [];
    for (let at = e; at; at = at.parentElement) chain.unshift(getComputedStyle(at).backgroundColor);
    return chain.reduce((below, colour) => over(colour, below), [255, 255, 255]);
  };
  const light = (rgb) => {
    const linear = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    const [r, g, b] = rgb.map((v) => linear(v / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const found = [];
  for (const e of document.body.querySelectorAll('*')) {
    const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!own || !e.checkVisibility() || e.closest(':disabled, .off, svg')) continue;
    const back = behind(e);
    const [a, b] = [light(over(getComputedStyle(e).color, back)), light(back)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) found.push(`${e.textContent.slice(0, 30)}: ${ratio.toFixed(2)}`);
  }
  return found;
})()
"""


def test_without_a_step_model_all_else_works(small_bundle: Path, runtimes: Path, tab: Any) -> None:
    del runtimes
    with demo(opened(small_bundle)) as site:
        tab.goto(site.url)
        checked(tab)
        assert "--streaming adds one" in tab.inner_text("#no-stream")
        assert not tab.is_visible("#stream")
        tab.fill("#text", "")
        expect(tab.locator("#label")).to_have_text("–", timeout=WAIT)
        tab.fill("#text", TEXT)
        label, share = expected(small_bundle, TEXT)
        expect(tab.locator("#label")).to_have_text(label, timeout=WAIT)
        assert verdict(tab)[1] == pytest.approx(share, abs=6e-4)


def test_more_than_two_labels(runtimes: Path, tab: Any, tmp_path: Path) -> None:
    from models import plain

    from lstm_edge.text import TextSettings, Tokenizer

    del runtimes
    settings = TextSettings(max_length=12)
    Tokenizer([*settings.special_tokens(), *WORDS], settings).save(tmp_path / "words.txt")
    model = plain(12, (6,), classes=3, vocab=settings.first_word_id + len(WORDS), seed=3)
    export_bundle(
        model,
        tmp_path / "b",
        vocab=tmp_path / "words.txt",
        labels=["sport", "film", "news"],
        precisions=["float32"],
        runtimes=["onnxruntime"],
        streaming=True,
    )
    with demo(opened(tmp_path / "b")) as site:
        tab.goto(site.url)
        checked(tab)
        assert "the same within tolerance" in followed(tab, TEXT)
        assert tab.locator(".classes li").count() == 3
        assert verdict(tab)[0] == expected(tmp_path / "b", TEXT)[0]


def test_a_browser_without_simd_is_told_why(tab: Any, address: str) -> None:
    tab.add_init_script("WebAssembly.validate = () => false")
    tab.goto(address)
    expect(tab.locator("#trouble")).to_contain_text("no WebAssembly SIMD", timeout=WAIT)


def test_a_file_that_does_not_come_is_named(tab: Any, address: str) -> None:
    tab.goto(address)
    checked(tab)
    tab.route("**/tflite-float32.tflite", lambda route: route.abort())
    tab.check("input[value^='tflite-float32|']")
    expect(tab.locator("#trouble")).to_contain_text("cannot be fetched", timeout=WAIT)
    tab.unroute("**/tflite-float32.tflite")
    tab.check("input[value^='onnx-float32|']")
    checked(tab)
    assert tab.inner_text("#trouble") == ""


# ---------------------------------------------------------------- the command


def call(*args: Any) -> Result:
    return CliRunner().invoke(cli, [str(arg) for arg in args])


def test_a_written_site_works_behind_any_server(
    web_bundle: Path, runtimes: Path, tab: Any, tmp_path: Path
) -> None:
    del runtimes
    out = tmp_path / "site"
    for _ in range(2):  # the second replaces the first
        done = call("web", web_bundle, "--out", out)
        assert done.exit_code == 0, done.output
    assert [path.name for path in tmp_path.iterdir()] == ["site"]
    handler = functools.partial(Quiet, directory=str(out))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        tab.goto(f"http://127.0.0.1:{server.server_port}/")
        checked(tab)
        assert "the same within tolerance" in followed(tab, TEXT)
        tab.check("input[value^='tflite-float32|']")
        checked(tab)
    finally:
        server.shutdown()
        server.server_close()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: Any) -> None:
        pass


def test_the_import_map_is_the_one_that_the_page_allows() -> None:
    text = (WEB / PAGE).read_text(encoding="utf-8")
    (found,) = re.findall(r'<script type="importmap">(.*?)</script>', text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(found.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in text


def test_every_module_of_the_page_is_written() -> None:
    """What the page's modules import, from the first on."""
    seen, todo = set(), ["demo.js"]
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            text = (WEB / "js" / name).read_text(encoding="utf-8")
            todo += re.findall(r"from '\./([\w-]+\.js)'", text)
    assert seen == set(MODULES)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: path.mkdir() or (path / "own.txt").write_text("x"), "was not written by"),
        (lambda path: path.write_text("x"), "was not written by"),
    ],
    ids=["folder", "file"],
)
def test_what_stands_in_the_way_stays(
    make: Any, message: str, web_bundle: Path, runtimes: Path, tmp_path: Path
) -> None:
    del runtimes
    out = tmp_path / "site"
    make(out)
    before = sorted(path.name for path in tmp_path.rglob("*"))
    done = call("web", web_bundle, "--out", out)
    assert done.exit_code == 2
    assert message in done.output or "is a file" in done.output
    assert sorted(path.name for path in tmp_path.rglob("*")) == before


def test_what_the_page_cannot_show_is_refused(model_files: Path, tmp_path: Path) -> None:
    export_bundle(
        model_files / "small.keras", tmp_path / "b", wanted_formats=["onnx"], precisions=["float32"]
    )
    done = call("web", tmp_path / "b", "--out", tmp_path / "site")
    assert done.exit_code == 2
    assert "has no vocabulary" in done.output
    export_bundle(
        model_files / "small.keras",
        tmp_path / "s",
        wanted_formats=["onnx"],
        precisions=["float32"],
        streaming=True,
    )
    done = call("web", tmp_path / "s", "--out", tmp_path / "site")
    assert done.exit_code == 2
    assert "takes arrays, and the demo page takes texts" in done.output
    assert not (tmp_path / "site").exists()


def test_without_the_runtimes_it_says_what_to_do(
    web_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LSTM_EDGE_WEB_RUNTIMES", str(tmp_path / "none"))
    for options in ([], ["--out", tmp_path / "site"]):
        done = call("web", web_bundle, *options)
        assert done.exit_code == 2
        assert "run lstm-edge web-runtimes once" in done.output


def test_a_port_in_use_is_said(web_bundle: Path, runtimes: Path) -> None:
    del runtimes
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = call("web", web_bundle, "--port", taken.getsockname()[1])
    assert done.exit_code == 2
    assert "address already in use" in done.output


def test_ctrl_c_ends_it(web_bundle: Path, runtimes: Path) -> None:
    del runtimes
    command = [sys.executable, "-m", "lstm_edge.cli", "web", str(web_bundle)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        url = process.stdout.readline().decode().split()[-1]
        with urllib.request.urlopen(url, timeout=30) as answer:
            assert b"word by word" in answer.read()
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(url.rsplit("/", 2)[0] + "/", timeout=30)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    assert errors == b""
