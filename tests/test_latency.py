"""What a latency report holds, and what follows from its raw times; no time is asserted."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Exported
from models import VARIANTS

from lstm_edge.base.arrays import Ids
from lstm_edge.base.files import sha256
from lstm_edge.bench import timing as latency
from lstm_edge.bench.timing import fresh_start
from lstm_edge.bundle.opening import open_bundle
from lstm_edge.errors import InputError
from lstm_edge.inputs.batches import Inputs
from lstm_edge.results.latency import LatencyReport, Start, Timing
from lstm_edge.runtimes.by_onnxruntime import OnnxRuntime
from lstm_edge.runtimes.runners import IdsRunner, Runner

CASE = "hidden dense"
FLOATS = [name for name, (_, p) in VARIANTS.items() if p.name == "float32"]


@pytest.fixture
def runners(exported: Callable[[str, str], Exported]) -> dict[str, Runner]:
    """One real runner for each format."""
    return {name: exported(CASE, name).runner() for name in FLOATS}


def inputs(*lengths: int) -> list[Ids]:
    """Ids of these lengths."""
    return [np.full(n, 3, np.int32) for n in lengths]


def measure(
    runners: dict[str, Runner], sequences: list[Ids], texts: Any = None, **options: Any
) -> LatencyReport:
    """Time them on ids, of which the model takes 40."""
    lengths = [min(len(ids), 40) for ids in sequences]
    return latency.measure(runners, Inputs(sequences, texts), lengths, **options)


# --- measuring ------------------------------------------------------------------------------------


def test_a_report_holds_the_raw_times(runners: dict[str, Runner], small_bundle: Path) -> None:
    tokenizer = open_bundle(small_bundle).tokenizer()
    texts = ["a great film", "", "never " * 60]
    report = measure(
        runners,
        inputs(3, 0, 60),
        rounds=4,
        texts=texts,
        tokenizer=tokenizer,
        fresh=False,
    )
    assert [timing.variant for timing in report.timings] == FLOATS
    for timing in report.timings:
        runner = runners[timing.variant]
        assert np.array(timing.samples_ms).shape == (4, 3)
        assert (np.array(timing.samples_ms) > 0).all()
        assert len(timing.warm_up_ms) == latency.WARM_UP
        assert timing.runtime == runner.runtime.runtime
        assert (timing.bytes, timing.sha256) == (runner.path.stat().st_size, sha256(runner.path))
        assert timing.start is None
        assert timing.install_mib is not None
        assert timing.install_mib > 10  # NumPy alone is more
    assert report.lengths == (3, 0, 40)  # at most the model's length
    assert report.threads == 1
    assert report.tokenise_ms is not None
    assert len(report.tokenise_ms) == 3
    packages = {package for runner in runners.values() for package in runner.runtime.packages}
    assert packages | {"numpy"} == set(report.machine["versions"])
    assert LatencyReport.from_json(json.loads(json.dumps(report.to_json()))) == report


def test_ids_take_no_time_to_tokenise(runners: dict[str, Runner]) -> None:
    assert measure(runners, inputs(3), rounds=1, fresh=False).tokenise_ms is None


class Clock:
    """A clock that only moves when it is told to."""

    now = 0

    def perf_counter_ns(self) -> int:
        return self.now


class Metered(IdsRunner):
    """Moves the clock by 1 ms for each token and a start of its own, and notes who ran what."""

    clock: Clock
    notes: list[tuple[str, int]]
    start_ms = 0
    name = ""

    def infer(self, ids: Ids) -> Any:
        tokens = int(np.count_nonzero(ids))
        self.clock.now += (self.start_ms + tokens) * 1_000_000
        self.notes.append((self.name, tokens))
        return super().infer(ids)


@pytest.fixture
def metered(
    exported: Callable[[str, str], Exported], monkeypatch: pytest.MonkeyPatch
) -> Callable[[int], tuple[dict[str, Runner], list[tuple[str, int]]]]:
    """So many metered runners, r0 with a start of 0 ms, r1 with 100 ms …, and their notes."""
    clock, notes = Clock(), list[tuple[str, int]]()
    path = exported(CASE, "onnx-float32").path
    monkeypatch.setattr(latency.time, "perf_counter_ns", clock.perf_counter_ns)

    def make(count: int) -> tuple[dict[str, Runner], list[tuple[str, int]]]:
        found: dict[str, Runner] = {}
        for number in range(count):
            runner = Metered(OnnxRuntime(path), 30, 40)
            runner.clock, runner.notes = clock, notes
            runner.start_ms, runner.name = 100 * number, f"r{number}"
            found[runner.name] = runner
        return found, notes

    return make


def test_every_time_stands_at_its_input_and_runner(metered: Any) -> None:
    lengths = [*range(1, 26), 7]
    runners, _ = metered(3)
    report = measure(runners, inputs(*lengths), rounds=3, fresh=False)
    for number, timing in enumerate(report.timings):
        expected = [100.0 * number + n for n in lengths]
        assert [list(row) for row in timing.samples_ms] == [expected] * 3
        assert list(timing.warm_up_ms) == expected[: latency.WARM_UP]
        assert timing.per_token(report.lengths) == pytest.approx((100 * number, 1))
    assert report.unstable == ()


def test_runners_take_turns_in_an_order_that_rotates(metered: Any) -> None:
    count, rounds, block = 3, 3, latency.BLOCK
    runners, notes = metered(count)
    lengths = [1 + n % 37 for n in range(2 * block + 5)]  # two blocks and a rest
    measure(runners, inputs(*lengths), rounds=rounds, fresh=False)
    measured = notes[count * latency.WARM_UP :]
    blocks = [lengths[:block], lengths[block : 2 * block], lengths[2 * block :]]
    blocks = [[part[-1], *part] for part in blocks]  # each begins with one that is not timed
    assert len(measured) == count * rounds * sum(map(len, blocks))
    at, first = 0, []
    for _ in range(rounds):
        for part in blocks:
            turn = measured[at : at + count * len(part)]
            order = list(dict.fromkeys(name for name, _ in turn))
            assert sorted(order) == sorted(runners)
            assert turn == [(name, n) for name in order for n in part]
            first.append(order[0])
            at += len(turn)
    assert {first.count(name) for name in runners} == {rounds}  # nobody is always the first


def test_rounds_that_differ_make_a_measurement_unstable(metered: Any) -> None:
    runners, _ = metered(2)
    slow = runners["r1"]
    run, calls = slow.infer, 0

    def slower_each_time(ids: Ids) -> Any:
        nonlocal calls
        calls += 1
        slow.clock.now += calls * 10_000_000
        return run(ids)

    slow.infer = slower_each_time
    report = measure(runners, inputs(1, 2, 3), rounds=5, fresh=False)
    assert report.unstable == ("r1",)


@pytest.mark.parametrize(
    ("names", "lengths", "options", "message"),
    [
        ([], [3], {}, "nothing to measure"),
        (FLOATS, [], {}, "nothing to measure"),
        (FLOATS, [3], {"rounds": 0}, "`rounds` is 0; it must be at least 1"),
        ([*FLOATS, "two threads"], [3], {}, "set to the same number of threads"),
    ],
)
def test_what_cannot_be_measured(
    names: list[str],
    lengths: list[int],
    options: dict[str, Any],
    message: str,
    runners: dict[str, Runner],
    exported: Callable[[str, str], Exported],
) -> None:
    runners["two threads"] = exported(CASE, FLOATS[0]).runner(threads=2)
    chosen = {name: runners[name] for name in names}
    with pytest.raises(InputError, match=message):
        measure(chosen, inputs(*lengths), fresh=False, **options)


def test_times_are_kept_in_four_digits(metered: Any) -> None:
    runners, _ = metered(1)
    runners["r0"].start_ms = 12.34567
    report = measure(runners, inputs(0), rounds=1, fresh=False)
    assert report.timings[0].samples_ms == ((12.35,),)


# --- in a fresh process ---------------------------------------------------------------------------


@pytest.fixture
def one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latency, "STARTS", 1)


@pytest.mark.parametrize(
    ("peaks", "median"), [((7.0, 5.0, 6.0), 6.0), ((7.0, None, 6.0), 6.5), ((None,) * 3, None)]
)
def test_a_start_is_the_median_of_new_processes(
    peaks: tuple[float | None, ...],
    median: float | None,
    runners: dict[str, Runner],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    starts = [
        Start(ms, 10 - ms, ms * 2, peak) for ms, peak in zip((3.0, 9.0, 1.0), peaks, strict=True)
    ]
    monkeypatch.setattr(latency, "_start_once", lambda runner: starts.pop())
    assert fresh_start(runners[FLOATS[0]]) == Start(3.0, 7.0, 6.0, median)


@pytest.mark.usefixtures("one_process")
@pytest.mark.parametrize("variant", VARIANTS)
def test_a_fresh_process_starts_the_file(
    variant: str, exported: Callable[[str, str], Exported]
) -> None:
    start = fresh_start(exported(CASE, variant).runner())
    assert start.import_ms is not None
    assert min(start.import_ms, start.load_ms, start.first_ms) > 0
    assert start.peak_mib is not None
    assert 10 < start.peak_mib < 2000  # more than an interpreter, less than a mistake


@pytest.mark.usefixtures("one_process")
def test_a_report_has_the_fresh_start_of_each(runners: dict[str, Runner]) -> None:
    report = measure(runners, inputs(3), rounds=1)
    for timing in report.timings:
        assert timing.start is not None
        assert timing.start.load_ms > 0


@pytest.mark.usefixtures("one_process")
def test_a_fresh_process_finds_a_relative_path(
    exported: Callable[[str, str], Exported], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = exported(CASE, "onnx-float32")
    monkeypatch.chdir(made.path.parent)
    runner = IdsRunner(OnnxRuntime(Path(made.path.name)), 30, 40)
    assert fresh_start(runner).first_ms > 0


@pytest.mark.usefixtures("one_process")
def test_a_file_that_takes_texts_starts_in_a_fresh_process_too(small: Any) -> None:
    bundle = open_bundle(small(wanted_formats=["onnx"], precisions=["float32"], text_input=True))
    start = fresh_start(bundle.runner("onnx-float32-text"))
    assert start.first_ms > 0


@pytest.mark.usefixtures("one_process")
def test_a_file_that_fails_in_a_fresh_process(
    exported: Callable[[str, str], Exported], tmp_path: Path
) -> None:
    path = tmp_path / "gone.onnx"
    path.write_bytes(exported(CASE, "onnx-float32").path.read_bytes())
    runner = IdsRunner(OnnxRuntime(path), 30, 40)
    path.unlink()
    with pytest.raises(InputError, match=r"gone\.onnx fails in a new process: .*cannot load"):
        fresh_start(runner)


# --- what follows from raw times ------------------------------------------------------------------


def timing(*rounds: tuple[float, ...]) -> Timing:
    """A made-up timing."""
    return Timing("v", "LiteRT", 1, "0", rounds, (9.0,), None, None)


def test_medians_and_percentiles() -> None:
    made = timing((1.0, 10.0, 5.0), (2.0, 20.0, 5.0), (3.0, 90.0, 5.0))
    assert made.per_input() == (2.0, 20.0, 5.0)
    assert made.median() == 5.0
    assert made.percentile(0) == 1.0
    assert made.percentile(50) == 5.0
    assert made.percentile(100) == 90.0


@pytest.mark.parametrize(
    ("rounds", "spread"),
    [
        ([(1.0, 2.0), (1.0, 2.0)], 0.0),
        ([(1.0, 2.0), (2.0, 1.0)], 0.0),  # it is the round that counts, not who was slow in it
        ([(9.0,), (11.0,)], 0.1),
        ([(4.0, 4.0), (6.0, 6.0)], 0.2),
        ([(5.0,)], 0.0),
    ],
)
def test_spread_is_of_whole_rounds(rounds: list[tuple[float, ...]], spread: float) -> None:
    assert timing(*rounds).spread() == pytest.approx(spread)


@pytest.mark.parametrize(
    ("lengths", "medians", "line"),
    [
        ([10, 20, 30], (1.5, 2.5, 3.5), (0.5, 0.1)),
        ([0, 100], (2.0, 2.0), (2.0, 0.0)),
        ([7, 7, 7], (1.0, 3.0, 2.0), (2.0, 0.0)),  # one length only says nothing about tokens
        ([7], (4.0,), (4.0, 0.0)),
        ([0, 1, 2], (0.0, 3.0, 0.0), (1.0, 0.0)),
    ],
)
def test_the_line_through_lengths(
    lengths: list[int], medians: tuple[float, ...], line: tuple[float, float]
) -> None:
    assert timing(medians).per_token(lengths) == pytest.approx(line, abs=1e-12)


@pytest.mark.parametrize(
    ("lengths", "medians", "grows"),
    [
        ([10, 20, 30], (1.5, 2.5, 3.5), True),
        ([10, 20, 30, 40], (1.5, 2.6, 3.4, 4.5), True),
        ([10, 20, 30], (3.5, 2.5, 1.5), False),
        ([0, 100], (2.0, 2.0), False),
        ([7, 7, 7], (1.0, 3.0, 2.0), False),
        ([7], (4.0,), False),
        ([10, 11, 12, 13], (2.0, 2.4, 1.9, 2.3), False),  # noise that happens to rise
    ],
)
def test_what_does_not_grow_with_the_length(
    lengths: list[int], medians: tuple[float, ...], grows: bool
) -> None:
    assert timing(medians).grows(lengths) is grows


def test_a_report_survives_json() -> None:
    one = replace(timing((1.0, 2.0), (3.0, 4.0)), start=Start(1.0, 2.0, 3.0, None))
    report = LatencyReport(
        device="a desk",
        machine={"cpu": None, "versions": {"numpy": "2"}},
        measured_at="2025-01-02T03:04:05+00:00",
        threads=2,
        lengths=(3, 4),
        tokenise_ms=(0.1, 0.2),
        timings=(one, timing((1.0, 1.0))),
        unstable=("v",),
    )
    for made in (report, replace(report, tokenise_ms=None, unstable=())):
        assert LatencyReport.from_json(json.loads(json.dumps(made.to_json()))) == made
