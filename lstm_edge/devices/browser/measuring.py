"""A bundle's variants in a browser: checked against Keras's answers there, and timed there."""

from __future__ import annotations

import base64
import contextlib
import datetime
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lstm_edge import __version__
from lstm_edge.base import gate
from lstm_edge.base.arguments import check_positive
from lstm_edge.base.arrays import Arrays
from lstm_edge.base.progress import SILENT, Progress
from lstm_edge.bench.plan import IDS_ONLY
from lstm_edge.bench.timing import BLOCK, UNSTABLE, WARM_UP, milliseconds
from lstm_edge.bundle.golden import Golden
from lstm_edge.bundle.manifest import VariantInfo
from lstm_edge.bundle.opening import Bundle
from lstm_edge.devices.browser import chromium as browser
from lstm_edge.devices.browser import runtimes as web_runtimes
from lstm_edge.devices.browser import server as web_server
from lstm_edge.devices.browser.chromium import Page, PageError
from lstm_edge.errors import InputError
from lstm_edge.inputs.batches import ANSWERS, GOLDEN_DATA, Inputs
from lstm_edge.results.device import DeviceResult
from lstm_edge.results.latency import LatencyReport, Start, Timing
from lstm_edge.results.parity import Check, ParityReport
from lstm_edge.runtimes.contract import TEXT, Port, Runtime
from lstm_edge.verify.comparing import structure_checks
from lstm_edge.verify.measuring import measure
from lstm_edge.verify.verifying import run_of

PAGE = web_runtimes.WEB / "bench.html"


@dataclass(frozen=True)
class _Loaded:
    """A variant that a runtime of the page has loaded; ``key`` is what the page calls it."""

    key: str
    info: VariantInfo
    runtime: str
    version: str
    takes_texts: bool
    start: Start
    install_mib: float


def bench(
    bundle: Bundle,
    inputs: Inputs | None = None,
    *,
    limit: int | None = None,
    variants: Sequence[str] = (),
    threads: int = 1,
    rounds: int = 5,
    host: str = web_server.LOOPBACK,
    port: int = 0,
    headless: bool = False,
    program: str | None = None,
    name: str | None = None,
    announce: Callable[[web_server.Site], None] = lambda site: None,
    progress: Progress = SILENT,
) -> DeviceResult:
    """Serve a page, and check and time every variant in the browser that opens it.

    Parity is that of the golden vectors, for each variant in each runtime that takes it; the reports and
    the timings are in the same order. The times are measured as :mod:`lstm_edge.bench.timing` does:
    warm-up apart, interleaved in blocks, one example at a time.

    Args:
        inputs, limit, variants, rounds: see :func:`lstm_edge.bench.plan.bench`.
        threads: of WebAssembly, for one inference.
        host, port: where the page is served, see :func:`lstm_edge.devices.browser.server.serving`.
        headless: open it here, in a Chromium without a window: ``program``, or the first that is found.
        name: what the device is called; None: what the browser tells of it.
        announce: called when the page can be opened.

    Raises:
        InputError: nothing to measure; the page cannot be served, or the runtimes are not there; the
            browser has no SIMD, cannot give so many threads, runs none of the variants, or is gone.
        BundleError: no such variant.
        MissingExtraError: the extra ``web`` is not installed.
    """
    chosen = bundle.chosen(variants)
    if inputs is None:
        inputs = bundle.golden_inputs(limit)
    if not chosen or not len(inputs):
        raise InputError("nothing to measure: at least one variant and one input are needed")
    check_positive(rounds=rounds)
    program = browser.find_chromium(program) if headless else None
    page = Page()
    with (
        web_server.serving(
            PAGE,
            bundle=bundle.path,
            runtimes=web_runtimes.find(),
            host=host,
            port=port,
            routes=page.routes(),
        ) as site,
        _opened(page, program, f"{site.url}?start"),
        _told(page),
    ):
        announce(site)
        with progress.task("Waiting for a browser", None):
            device = page.wait()
        if threads > 1 and not device["isolated"]:
            raise InputError(
                f"{threads} threads cannot be had in {browser.device_name(device)}: browsers allow them "
                "on an address of their own machine only (http://127.0.0.1, which adb reverse also "
                "gives a phone); leave `threads` out"
            )
        measuring = _Measuring(page, bundle, inputs, threads, device, name)
        try:
            result = measuring.run(chosen, rounds, bool(variants), progress)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            # all that it computes with is what the page has answered
            said = gate.shown(f"{type(error).__name__}: {error}", 200)
            raise InputError(
                f"{measuring.name} sent answers that are not from lstm-edge's page ({said}): start "
                "again, and open the address as it is"
            ) from error
        page.end(**_shown(result))
    return result


@contextlib.contextmanager
def _opened(page: Page, program: str | None, url: str) -> Iterator[None]:
    if program is None:
        yield
        return
    with browser.headless(program, url) as page.ended:
        yield


@contextlib.contextmanager
def _told(page: Page) -> Iterator[None]:
    """Tell the page too what went wrong, where there is one."""
    try:
        yield
    except BaseException as error:
        page.stop(str(error) or "The command was interrupted.")
        raise


def _shown(result: DeviceResult) -> dict[str, Any]:
    """What the page shows at the end."""
    reports = () if result.parity is None else result.parity.reports
    timings = () if result.latency is None else result.latency.timings
    return {
        "columns": ["variant", "runtime", "median ms", "as Keras"],
        "rows": [
            [
                t.variant,
                t.runtime,
                f"{t.percentile(50):.3g}",
                "yes" if r.ok else r.verdict,
            ]
            for r, t in zip(reports, timings, strict=True)
        ],
    }


class _Measuring:
    """One run in one browser."""

    def __init__(
        self,
        page: Page,
        bundle: Bundle,
        inputs: Inputs,
        threads: int,
        device: Mapping[str, Any],
        name: str | None,
    ) -> None:
        self.page, self.bundle, self.inputs, self.threads = page, bundle, inputs, threads
        self.device, self.name = device, name or browser.device_name(device)
        self.skipped: dict[str, str] = {}

    def run(
        self, chosen: Sequence[VariantInfo], rounds: int, asked: bool, progress: Progress
    ) -> DeviceResult:
        """
        Args:
            asked: the variants were named: each of them must be run.
        """
        loaded = self._load(chosen, progress)
        there = {variant.info.name for variant in loaded}
        missing = [f"{name}: {why}" for name, why in self.skipped.items() if name not in there]
        if missing and (asked or not loaded):
            raise InputError(f"{self.name} does not run {'; '.join(missing)}")
        reports = self._verify(loaded, progress)
        latency = self._time(loaded, rounds, progress)
        golden = self.bundle.golden_file
        run = run_of(self.bundle, GOLDEN_DATA, golden, reports, latency)
        return DeviceResult(self.name, run, latency, self.skipped)

    def _skip(self, name: str, runtime: str, why: str) -> None:
        text = f"{runtime}: {why}"
        self.skipped[name] = f"{self.skipped[name]}; {text}" if name in self.skipped else text

    def _load(self, chosen: Sequence[VariantInfo], progress: Progress) -> list[_Loaded]:
        plan = {
            runtime["variant"]: runtime["runtimes"] for runtime in self.page.ask({"do": "plan"})
        }
        loaded = []
        with progress.task(f"Loading in {self.name}", len(chosen)) as advance:
            for info in chosen:
                if self.bundle.lack_texts(self.inputs, info):
                    self.skipped[info.name] = IDS_ONLY
                    advance(1)
                    continue
                runtimes = plan[info.name]
                taking = [runtime for runtime in runtimes if runtime["why"] is None]
                for runtime in taking:
                    try:
                        loaded.append(self._load_one(info, runtime["name"], runtime["title"]))
                    except PageError as error:
                        self._skip(info.name, runtime["title"], str(error))
                if not taking:
                    for runtime in runtimes:
                        self._skip(info.name, runtime["title"], runtime["why"])
                    self.skipped.setdefault(info.name, f"no runtime takes {info.format} files")
                advance(1)
        return loaded

    def _load_one(self, info: VariantInfo, runtime: str, title: str) -> _Loaded:
        key = f"{info.name} {runtime}"
        told = self.page.ask(
            {
                "do": "load",
                "note": f"Loading {info.name} into {title}",
                "key": key,
                "variant": info.name,
                "runtime": runtime,
                "threads": self.threads,
                "first": self._sent(int(np.argmax(self.bundle.lengths(self.inputs))), info),
            }
        )
        began, ready, first = (milliseconds(told[f"{x}_ms"]) for x in ("import", "load", "first"))
        return _Loaded(
            key,
            info,
            told["title"],
            told["version"],
            told["takes_texts"],
            Start(began, ready, first, None),
            round(told["bytes"] / 2**20, 1),
        )

    def _sent(self, at: int, info: VariantInfo | None = None) -> dict[str, Any]:
        """An input as the page takes it; arrays with the states and the batch of that variant."""
        if info is not None and self.inputs.arrays:
            runner = self.bundle.runner_over(info, _OnPage(self._path(info), self.threads))
            return {"arrays": _packed(runner.one_call(self.inputs, at))}
        texts = self.inputs.texts
        text = {} if texts is None else {"text": texts[at]}
        return {"ids": self.inputs.sequences[at].tolist(), **text}

    def _path(self, info: VariantInfo) -> Path:
        return self.bundle.path / info.file

    # parity

    def _verify(self, loaded: Sequence[_Loaded], progress: Progress) -> list[ParityReport]:
        batches, golden = self.bundle.golden_batches(), self.bundle.edge_cases()
        tokenised = self._tokenised(golden)
        reports = []
        for variant in loaded:
            info = variant.info
            runtime = _OnPage(self._path(info), self.threads, _Asked(self.page, variant))
            if self.bundle.takes == "texts":
                runtime.inputs = _TEXTS if variant.takes_texts else _IDS
            reports.append(
                measure(
                    info.name,
                    self.bundle.runner_over(info, runtime),
                    batches,
                    info.tolerance,
                    checks=[
                        *structure_checks(info.problems, info.lowering),
                        *([] if variant.takes_texts else tokenised),
                    ],
                    golden=golden,
                    progress=progress,
                )
            )
        return reports

    def _tokenised(self, golden: Golden | None) -> list[Check]:
        """Does the page's tokeniser make the same ids?"""
        tokenizer = self.bundle.tokenizer()
        if tokenizer is None or golden is None or golden.texts is None:
            return []
        edge = zip(golden.edge_texts, golden.edge_ids, strict=True)
        pairs = [*zip(golden.texts, golden.ids, strict=True)]
        pairs += [(text, ids) for text, ids in edge if text is not None]
        answers = self.page.ask({"do": "tokenise", "texts": [text for text, _ in pairs]})
        off = sum(
            answer["ids"] != tokenizer.settings.kept(ids).tolist()
            for answer, (_, ids) in zip(answers, pairs, strict=True)
        )
        return [Check("ids made in JavaScript", not off, f"{off} of {len(pairs)} texts differ")]

    # latency

    def _time(self, loaded: Sequence[_Loaded], rounds: int, progress: Progress) -> LatencyReport:
        count = len(self.inputs)
        with progress.task("Measuring latency", rounds * count) as advance:
            shown = 0

            def heard(done: int) -> None:
                nonlocal shown
                advance(done - shown)
                shown = done

            told = self.page.ask(
                {
                    "do": "measure",
                    "note": "Measuring",
                    "keys": [variant.key for variant in loaded],
                    "inputs": self._all_sent(loaded),
                    "rounds": rounds,
                    "block": BLOCK,
                    "warm_up": WARM_UP,
                },
                heard,
            )
        if told["hidden"]:
            raise InputError(
                "the page was in the background while it measured, where browsers slow down: start "
                "again, and keep it in front and the screen on"
            )
        timings = tuple(self._timing(variant, told, rounds) for variant in loaded)
        tokenise = self._tokenise_times()
        return LatencyReport(
            device=self.name,
            machine=self._machine(loaded),
            measured_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            threads=self.threads,
            lengths=self.bundle.lengths(self.inputs),
            tokenise_ms=tokenise,
            timings=timings,
            unstable=tuple(t.variant for t in timings if t.spread() > UNSTABLE),
            data=self.inputs.source,
            unit=self.bundle.unit,
        )

    def _all_sent(self, loaded: Sequence[_Loaded]) -> dict[str, list[dict[str, Any]]]:
        """The inputs of every runner: of texts they are the same for all."""
        places = range(len(self.inputs))
        if self.inputs.arrays:
            return {
                variant.key: [self._sent(at, variant.info) for at in places] for variant in loaded
            }
        return {"": [self._sent(at) for at in places]}

    def _timing(self, variant: _Loaded, told: Mapping[str, Any], rounds: int) -> Timing:
        samples = told["samples"][variant.key]
        if len(samples) != rounds or {len(row) for row in samples} != {len(self.inputs)}:
            raise InputError("the page sent other times than it was asked for; start again")
        return Timing(
            variant.info.name,
            f"{variant.runtime} {variant.version}",
            variant.info.bytes,
            variant.info.sha256,
            tuple(tuple(milliseconds(ms) for ms in row) for row in samples),
            tuple(milliseconds(ms) for ms in told["warm_up"][variant.key]),
            variant.start,
            variant.install_mib,
        )

    def _tokenise_times(self) -> tuple[float, ...] | None:
        texts = self.inputs.texts
        if texts is None or self.bundle.tokenizer() is None:
            return None
        answers = self.page.ask({"do": "tokenise", "texts": list(texts)})
        return tuple(milliseconds(answer["ms"]) for answer in answers)

    def _machine(self, loaded: Sequence[_Loaded]) -> dict[str, Any]:
        """As :func:`lstm_edge.base.machine.describe`, of what a browser tells, with what else it told."""
        device, program = self.device, browser.browser_of(self.device)
        cpu = " ".join(
            str(part)
            for part in (device["architecture"], device["bitness"] and f"{device['bitness']} bit")
            if part
        )
        return {
            "cpu": cpu or None,
            "cores": device["cores"],
            "memory_gib": device["memory_gib"],
            "governor": None,
            "system": browser.system_of(device),
            "python": None,
            "versions": {
                program.name: program.version,
                **{variant.runtime: variant.version for variant in loaded},
                "lstm-edge": __version__,
            },
            "browser": dict(device),
        }


# ---------------------------------------------------------------- the page's runners, seen from here


@dataclass(frozen=True)
class _Asked:
    """Has the page run one input in what it has loaded."""

    page: Page
    loaded: _Loaded

    def __call__(self, example: dict[str, Any]) -> Any:
        variant = self.loaded
        note = f"Checking {variant.info.name} in {variant.runtime}"
        return self.page.ask({"do": "run", "note": note, "key": variant.key, "input": example})


_ANSWERS = (Port(ANSWERS, "float32", (1, None)),)
_IDS = (Port("ids", "int32", (1, None)),)
_TEXTS = (Port("text", TEXT, (1,)),)


class _OnPage(Runtime):
    """A file that the page has loaded. It takes texts, ids, or arrays, one example in a call."""

    runtime = "a browser"
    batch = 1
    at_once = 1
    carries_states = True  # the page does, of texts
    inputs: tuple[Port, ...] = ()  # of arrays by name they are not asked for
    outputs = _ANSWERS

    def __init__(self, path: Path, threads: int, asked: _Asked | None = None) -> None:
        self._asked = asked
        super().__init__(path, threads)

    def load(self) -> None:
        """The page has done it."""

    def call(self, arrays: Arrays) -> Arrays:
        if self._asked is None:
            raise ValueError(f"{self.path.name} is not loaded in a page")
        if self.takes_texts:
            return {ANSWERS: _unpacked(self._asked({"text": arrays["text"][0]}))}
        if self.inputs:
            return {ANSWERS: _unpacked(self._asked({"ids": arrays["ids"][0].tolist()}))}
        answers = self._asked({"arrays": _packed(arrays)})
        return {name: _unpacked(value) for name, value in answers.items()}


def _packed(arrays: Arrays) -> dict[str, dict[str, Any]]:
    return {
        name: {
            "dtype": str(array.dtype),
            "dims": list(array.shape),
            "data": base64.b64encode(np.ascontiguousarray(array).tobytes()).decode(),
        }
        for name, array in arrays.items()
    }


def _unpacked(value: Mapping[str, Any]) -> npt.NDArray[Any]:
    array = np.frombuffer(base64.b64decode(value["data"]), value["dtype"])
    return array.reshape(value["dims"])
