"""A bundle's variants in a browser: checked against Keras's answers there, and timed there."""

from __future__ import annotations

import base64
import contextlib
import datetime
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lstm_edge import __version__
from lstm_edge.base.arrays import Arrays, Ids, Probabilities
from lstm_edge.base.progress import SILENT, Progress
from lstm_edge.bench.plan import IDS_ONLY, Inputs, golden_inputs
from lstm_edge.bench.timing import BLOCK, UNSTABLE, WARM_UP, milliseconds
from lstm_edge.bundle.opening import (
    GOLDEN,
    GOLDEN_ARRAYS,
    Golden,
    TensorBundle,
    TextBundle,
    VariantInfo,
)
from lstm_edge.devices.browser import chromium as browser
from lstm_edge.devices.browser import runtimes as web_runtimes
from lstm_edge.devices.browser import server as web_server
from lstm_edge.devices.browser.chromium import Page, PageError
from lstm_edge.errors import InputError
from lstm_edge.results.device import DeviceResult
from lstm_edge.results.latency import LatencyReport, Start, Timing
from lstm_edge.results.parity import Check, ParityReport, ParityRun
from lstm_edge.runtimes.runners import Runner, TensorRunner, TextRunner
from lstm_edge.verify import comparing as parity
from lstm_edge.verify import comparing_arrays as tensor_parity
from lstm_edge.verify.verifying import GOLDEN_DATA

PAGE = web_runtimes.WEB / "bench.html"
STREAM = "stream"


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
    bundle: TextBundle | TensorBundle,
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
        inputs: what is timed; None: the bundle's golden inputs, at most ``limit``.
        variants: names; none means all.
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
        inputs = golden_inputs(bundle, limit)
    if not chosen or not len(inputs):
        raise InputError("nothing to measure: at least one variant and one input are needed")
    if rounds < 1:
        raise InputError(f"rounds is {rounds}; it must be at least 1")
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
                "gives a phone); leave --threads out"
            )
        result = _Measuring(page, bundle, inputs, threads, device, name).run(
            chosen, rounds, bool(variants), progress
        )
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
                "yes" if r.ok else "OUTSIDE TOLERANCE",
            ]
            for r, t in zip(reports, timings, strict=True)
        ],
    }


class _Measuring:
    """One run in one browser."""

    def __init__(
        self,
        page: Page,
        bundle: TextBundle | TensorBundle,
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
        there = {one.info.name for one in loaded}
        missing = [f"{name}: {why}" for name, why in self.skipped.items() if name not in there]
        if missing and (asked or not loaded):
            raise InputError(f"{self.name} does not run {'; '.join(missing)}")
        reports = self._verify(loaded, progress)
        latency = self._time(loaded, rounds, progress)
        run = ParityRun(
            bundle=str(self.bundle.path),
            data=GOLDEN_DATA,
            reference=GOLDEN if isinstance(self.bundle, TextBundle) else GOLDEN_ARRAYS,
            machine=latency.machine,
            measured_at=latency.measured_at,
            reports=tuple(reports),
        )
        return DeviceResult(self.name, run, latency, self.skipped)

    def _skip(self, name: str, runtime: str, why: str) -> None:
        text = f"{runtime}: {why}"
        self.skipped[name] = f"{self.skipped[name]}; {text}" if name in self.skipped else text

    def _load(self, chosen: Sequence[VariantInfo], progress: Progress) -> list[_Loaded]:
        plan = {one["variant"]: one["runtimes"] for one in self.page.ask({"do": "plan"})}
        loaded = []
        with progress.task(f"Loading in {self.name}", len(chosen)) as advance:
            for info in chosen:
                if self.inputs.lack_texts(info):
                    self.skipped[info.name] = IDS_ONLY
                    advance(1)
                    continue
                runtimes = plan[info.name]
                taking = [one for one in runtimes if one["why"] is None]
                for one in taking:
                    try:
                        loaded.append(self._load_one(info, one["name"], one["title"]))
                    except PageError as error:
                        self._skip(info.name, one["title"], str(error))
                if not taking:
                    for one in runtimes:
                        self._skip(info.name, one["title"], one["why"])
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
                "first": self._sent(int(np.argmax(self._lengths())), info),
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
        if not self.inputs.arrays:
            texts = self.inputs.texts
            text = {} if texts is None else {"text": texts[at]}
            return {"ids": self.inputs.sequences[at].tolist(), **text}
        if info is None or not isinstance(self.bundle, TensorBundle):
            raise ValueError("arrays are sent for a variant")
        runner = self._tensor_runner(info, "")
        arrays = {k: np.repeat(v, info.batch or 1, 0) for k, v in self.inputs.arrays[at].items()}
        if self.bundle.signature.states:
            arrays |= runner.start(info.batch or 1)
        return {"arrays": _packed(arrays)}

    # parity

    def _verify(self, loaded: Sequence[_Loaded], progress: Progress) -> list[ParityReport]:
        if isinstance(self.bundle, TensorBundle):
            return self._verify_tensors(self.bundle, loaded, progress)
        golden, bundle = self.bundle.golden(), self.bundle
        checks = self._tokenised(bundle, golden)
        reports = []
        for one in loaded:
            runner: Runner | TextRunner
            path = bundle.path / one.info.file
            if one.takes_texts:
                runner = _PageTextRunner(path, self.threads, bundle.outputs)
            else:
                # a step model has no table of the states that pads leave: they are fed
                pads = (
                    "front" if (one.info.made_for, bundle.pads) == (STREAM, "any") else bundle.pads
                )
                runner = _PageRunner(
                    path, self.threads, bundle.num_ids, bundle.settings.max_length, 1, pads
                )
            runner.asked = _Asked(self.page, one)
            structure = parity.structure_checks(one.info.problems, one.info.lowering)
            reports.append(
                parity.measure(
                    one.info.name,
                    runner,
                    golden.ids,
                    golden.outputs,
                    golden.edge_ids,
                    golden.edge_outputs,
                    one.info.tolerance,
                    classes=None if golden.classes is None else np.array(golden.classes, np.int64),
                    texts=golden.texts,
                    checks=[*structure, *([] if one.takes_texts else checks)],
                    edge_texts=golden.edge_texts,
                    progress=progress,
                )
            )
        return reports

    def _verify_tensors(
        self, bundle: TensorBundle, loaded: Sequence[_Loaded], progress: Progress
    ) -> list[ParityReport]:
        batches, reports = bundle.golden(), []
        for one in loaded:
            runner = self._tensor_runner(one.info, one.key)
            runner.asked = _Asked(self.page, one)
            checks = parity.structure_checks(one.info.problems, one.info.lowering)
            reports.append(
                tensor_parity.measure(
                    one.info.name,
                    runner,
                    batches,
                    one.info.tolerance,
                    checks=checks,
                    progress=progress,
                )
            )
        return reports

    def _tokenised(self, bundle: TextBundle, golden: Golden) -> list[Check]:
        """Does the page's tokeniser make the same ids?"""
        if not bundle.has_vocabulary or golden.texts is None:
            return []
        edge = zip(golden.edge_texts, golden.edge_ids, strict=True)
        pairs = [*zip(golden.texts, golden.ids, strict=True)]
        pairs += [(text, ids) for text, ids in edge if text is not None]
        told = self.page.ask({"do": "tokenise", "texts": [text for text, _ in pairs]})
        most = bundle.settings.max_length
        off = sum(
            one["ids"] != ids[-most:].tolist() for one, (_, ids) in zip(told, pairs, strict=True)
        )
        return [Check("ids made in JavaScript", not off, f"{off} of {len(pairs)} texts differ")]

    def _tensor_runner(self, info: VariantInfo, key: str) -> _PageTensorRunner:
        if not isinstance(self.bundle, TensorBundle):
            raise ValueError("a bundle of texts")
        path = self.bundle.path / info.file
        return _PageTensorRunner(path, self.bundle.signature, self.threads, info.batch)

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
                    "keys": [one.key for one in loaded],
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
        timings = tuple(self._timing(one, told, rounds) for one in loaded)
        tokenise = self._tokenise_times()
        return LatencyReport(
            device=self.name,
            machine=self._machine(loaded),
            measured_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            threads=self.threads,
            lengths=self._lengths(),
            tokenise_ms=tokenise,
            timings=timings,
            unstable=tuple(t.variant for t in timings if t.spread() > UNSTABLE),
            data=self.inputs.source,
            unit="steps" if self.inputs.arrays else "tokens",
        )

    def _all_sent(self, loaded: Sequence[_Loaded]) -> dict[str, list[dict[str, Any]]]:
        """The inputs of every runner: of texts they are the same for all."""
        places = range(len(self.inputs))
        if self.inputs.arrays:
            return {one.key: [self._sent(at, one.info) for at in places] for one in loaded}
        same = [self._sent(at) for at in places]
        return {"": same}

    def _timing(self, one: _Loaded, told: Mapping[str, Any], rounds: int) -> Timing:
        samples = told["samples"][one.key]
        if len(samples) != rounds or {len(row) for row in samples} != {len(self.inputs)}:
            raise InputError("the page sent other times than it was asked for; start again")
        return Timing(
            one.info.name,
            f"{one.runtime} {one.version}",
            one.info.bytes,
            one.info.sha256,
            tuple(tuple(milliseconds(ms) for ms in row) for row in samples),
            tuple(milliseconds(ms) for ms in told["warm_up"][one.key]),
            one.start,
            one.install_mib,
        )

    def _lengths(self) -> tuple[int, ...]:
        if isinstance(self.bundle, TensorBundle):
            return tuple(self.bundle.signature.steps(arrays) for arrays in self.inputs.arrays)
        most = self.bundle.settings.max_length
        return tuple(min(len(ids), most) for ids in self.inputs.sequences)

    def _tokenise_times(self) -> tuple[float, ...] | None:
        texts = self.inputs.texts
        if (
            texts is None
            or not isinstance(self.bundle, TextBundle)
            or not self.bundle.has_vocabulary
        ):
            return None
        told = self.page.ask({"do": "tokenise", "texts": list(texts)})
        return tuple(milliseconds(one["ms"]) for one in told)

    def _machine(self, loaded: Sequence[_Loaded]) -> dict[str, Any]:
        """As :func:`lstm_edge.base.machine.describe`, of what a browser tells, with what else it told."""
        device, found = self.device, browser.browser_of(self.device)
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
                found.name: found.version,
                **{one.runtime: one.version for one in loaded},
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

    def __call__(self, given: dict[str, Any]) -> Any:
        one = self.loaded
        note = f"Checking {one.info.name} in {one.runtime}"
        return self.page.ask({"do": "run", "note": note, "key": one.key, "input": given})


class _PageRunner(Runner):
    runtime, packages, modules = "a browser", (), ()
    batch = 1
    whole = False  # the page puts in front what pads its file needs
    asked: _Asked

    def _load(self) -> None:
        """The page has done it."""

    def infer(self, ids: Ids) -> npt.NDArray[Any]:
        return np.concatenate([_unpacked(self.asked({"ids": row.tolist()})) for row in ids])


class _PageTextRunner(TextRunner):
    runtime, packages, modules = "a browser", (), ()
    asked: _Asked

    def _load(self) -> None:
        """The page has done it."""

    def infer(self, text: str) -> Probabilities:
        return _unpacked(self.asked({"text": text}))


class _PageTensorRunner(TensorRunner):
    runtime, packages, modules = "a browser", (), ()
    asked: _Asked

    def _load(self) -> None:
        """The page has done it."""

    def call(self, arrays: Arrays) -> Arrays:
        answer = self.asked({"arrays": _packed(arrays)})
        return {name: _unpacked(value) for name, value in answer.items()}


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
