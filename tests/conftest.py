"""What the tests share: exported files of the small models, and a small bundle."""

from __future__ import annotations

import os
import signal

# a shell that starts this in the background ignores it, and what tests start would never end by it
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
# before TensorFlow is first loaded: no GPU, and no log lines among the results
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import dataclasses
import functools
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
from models import CASES, VARIANTS, plain
from tiers import Tiers, process_group, turn

from export import bundling
from export import stack as reading
from export.formats import Exporter, Precision
from lstm_edge.devices.browser import chromium as browser
from lstm_edge.devices.browser import runtimes as web_runtimes
from lstm_edge.errors import LstmEdgeError
from lstm_edge.inputs.tokenizer import TextSettings, Tokenizer
from lstm_edge.runtimes.contract import runtime_class
from lstm_edge.runtimes.runners import IdsRunner
from lstm_edge.stack import LstmStack

T = TypeVar("T")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what the first tier leaves out, and what runs in one process of several (``-n``)."""
    tiers = Tiers()
    turns = {}
    for item in items:
        file, parameters = item.path.name, _parameters(item)
        if tiers.is_full(file, getattr(item, "originalname", item.name), parameters):
            item.add_marker(pytest.mark.full)
        if (own := item.get_closest_marker("xdist_group")) is None:
            own = pytest.mark.xdist_group(process_group(file, parameters))
            item.add_marker(own)
        turns[item] = turn(own.args[0])
    items.sort(key=turns.__getitem__)


def _parameters(item: pytest.Item) -> Mapping[str, Any]:
    return item.callspec.params if hasattr(item, "callspec") else {}


def pytest_collection_finish(session: pytest.Session) -> None:
    """Without groups everything passes, in twice the time: say so."""
    grouped = getattr(session.config.option, "loadgroup", False)  # in a process of several
    if grouped and any("@" not in item.nodeid for item in session.items):
        raise pytest.UsageError("this pytest-xdist does not group tests with this pytest")


@dataclass(frozen=True)
class Exported:
    """One model in one variant, as a file, with what it was made from."""

    model: Any
    stack: LstmStack
    exporter: type[Exporter]
    precision: Precision
    path: Path

    def runner(self, threads: int = 1) -> IdsRunner:
        """A freshly loaded runner, as a bundle would make it."""
        return IdsRunner(
            runtime_class(self.exporter.format)(self.path, threads),
            len(self.stack.embedding),
            self.stack.max_length,
            self.precision.batch,
            "any" if self.stack.either_side else "skipped",
        )


@pytest.fixture(scope="session")
def keras_model() -> Callable[[str], tuple[Any, LstmStack]]:
    """A model of ``models.CASES`` by name, with its weights as plain arrays."""

    @functools.cache
    def make(case: str) -> tuple[Any, LstmStack]:
        model = CASES[case]()
        stack = reading.read_stack(model)
        assert stack is not None, reading.why_not(reading.model_config(model))
        return model, stack

    return make


@pytest.fixture(scope="session")
def exported(
    keras_model: Callable[[str], tuple[Any, LstmStack]], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Exported]:
    """The file of a case in a variant, each made once; ``either_side`` as in the stack."""

    @functools.cache
    def make(case: str, variant: str, either_side: bool = False) -> Exported:
        model, stack = keras_model(case)
        stack = dataclasses.replace(stack, either_side=either_side)
        exporter, precision = VARIANTS[variant]
        folder = tmp_path_factory.mktemp("exported")
        path = folder / f"{variant}{exporter.suffix}"
        rng = np.random.default_rng(0)
        shape = (8, 1, stack.max_length)
        examples = [{"ids": ids} for ids in rng.integers(0, len(stack.embedding), shape, np.int32)]
        exporter(stack, folder, examples=examples).write(precision, path)
        return Exported(model, stack, exporter, precision, path)

    return make


WORDS = (
    "the",
    "a",
    "film",
    "bad",
    "good",
    "boring",
    "great",
    "not",
    "very",
    "never",
    "fine",
    "cast",
)


@pytest.fixture(scope="session")
def model_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``small.keras``, ``small.h5`` (the same model) and their ``words.txt``."""
    folder = tmp_path_factory.mktemp("models")
    settings = TextSettings(max_length=20)
    Tokenizer([*settings.special_tokens(), *WORDS], settings).save(folder / "words.txt")
    vocab = settings.first_word_id + len(WORDS)
    # a seed whose answers to the shipped reviews no precision should change
    model = plain(20, (6, 4), vocab=vocab, seed=5)
    model.save(folder / "small.keras")
    model.save(folder / "small.h5")
    return folder


@pytest.fixture(scope="session")
def small(model_files: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Exports ``small.keras`` with its words, with these options, to a folder of its own."""

    def make(**options: Any) -> Path:
        out = tmp_path_factory.mktemp("small") / "bundle"
        words = model_files / "words.txt"
        result = bundling.export_bundle(model_files / "small.keras", out, vocab=words, **options)
        assert result.ok, [report.failures for report in result.reports]
        return out

    return make


@pytest.fixture(scope="session")
def small_bundle(small: Callable[..., Path]) -> Path:
    """A bundle of ``small.keras`` with every variant; not to be changed, copy it."""
    return small(fold_embedding=True)


@pytest.fixture(scope="session")
def light_bundle(small: Callable[..., Path]) -> Path:
    """The same in float32 only, one file of each format: for what is not about the variants."""
    return small(precisions=["float32"])


@pytest.fixture
def rng() -> np.random.Generator:
    """Random numbers that are the same in every run."""
    return np.random.default_rng(0)


# ---------------------------------------------------------------- browsers


def _there(find: Callable[[], T]) -> T:
    """What the machine has, or the test is skipped for the reason."""
    try:
        return find()
    except LstmEdgeError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def chromium() -> str:
    """The machine's own Chromium (``scripts/device_setup.sh`` installs one)."""
    return _there(browser.find_chromium)


@pytest.fixture(scope="session")
def runtimes() -> Path:
    """The browser's runtimes, fetched before by ``lstm-edge web-runtimes``."""
    return _there(web_runtimes.find)


@pytest.fixture(scope="session")
def node() -> str:
    found = shutil.which("node")
    if found is None:
        pytest.skip("Node.js is not installed")
    return found


@pytest.fixture(scope="session")
def _driven(chromium: str) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    flags = [*browser.QUIET, "--no-sandbox"]
    with sync_playwright() as playwright:
        driven = playwright.chromium.launch(executable_path=chromium, args=flags)
        yield driven
        driven.close()


@pytest.fixture
def tab(_driven: Any) -> Iterator[Any]:
    """An empty page of Playwright's in Chromium, with a profile of its own."""
    context = _driven.new_context()
    yield context.new_page()
    context.close()


@pytest.fixture(scope="session")
def web_bundle(small: Callable[..., Path]) -> Path:
    """A bundle of ``small.keras`` as browsers take it, step models too; not to be changed, copy it."""
    return small(
        precisions=["float32", "int8-dynamic"],
        runtimes=["onnxruntime", "litert"],
        streaming=True,
    )


@pytest.fixture(scope="session")
def behind_bundle(small: Callable[..., Path]) -> Path:
    """The same in float32, trained on pads behind the first ids."""
    return small(
        precisions=["float32"],
        runtimes=["onnxruntime", "litert"],
        streaming=True,
        text_settings={"padding": "post", "truncating": "post"},
    )
