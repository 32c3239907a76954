"""Comparisons as tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.routes import TRUE_LENGTH
from benchmarks.run import (
    FIXED_PART,
    FLIPS,
    TARGETS,
    Ratio,
    Run,
    Target,
    fixed_part,
    ratio,
)
from lstm_edge.report import wording
from lstm_edge.report.tables import MISSING, OK, OUTSIDE, Table
from lstm_edge.results.device import DeviceResult
from lstm_edge.results.latency import LatencyReport, Timing
from lstm_edge.results.parity import ParityReport, ParityRun

# of ours, those that every other route is compared with
COMPARED = ("onnx-float32", "onnx-int8-dynamic", "tflite-float32", "tflite-int8-dynamic")
# What a reader chooses between: ours in full precision and in int8, and whatever else runs the model.
# The README has the fastest of each that keeps Keras's labels, so that none is shown at its worst.
CHOICES = {
    "ours, float32": ("*-float32",),
    "ours, int8": ("*-int8-dynamic",),
    "Keras itself": ("keras-predict", "keras-tf-function"),
    "files of the usual converters": ("keras-export-*", "tf2onnx-*", "keras-loop-*", "fused-*"),
    "OpenVINO": ("openvino-*",),
    "PyTorch": ("pytorch-*",),
}
# the patterns of targets, in words
_MEANT = {
    "*": "fastest of ours",
    "*-int8-*": "fastest int8 of ours",
    "openvino-*, pytorch-*": "fastest of OpenVINO and PyTorch",
}


def _times(value: float) -> str:
    return f"{value:.1f}" if value >= 1 else f"{value:.2f}"


def spread(found: Ratio) -> str:
    """As in ``5.6× (5.5–5.7)``."""
    return f"{_times(found.value)}× ({_times(found.least)}–{_times(found.greatest)})"


def basis(latency: LatencyReport) -> str:
    inputs = wording.inputs(latency)
    return f"{wording.machine(latency.machine)}; {wording.date(latency.measured_at)}; {inputs}"


def variants(parity: ParityRun, runs: Sequence[Run]) -> Table:
    """Our variants: their answers on the whole test set, their latency with one and two threads."""
    reports = {r.variant: r for r in parity.reports}
    timings = [{t.variant: t for t in run.latency.timings} for run in runs]
    rows = []
    for timing in runs[0].ours():
        cells = [MISSING] * 3
        if found := reports.get(timing.variant):
            cells = [wording.share(found.accuracy), *_answers(found)]
        medians = (wording.digits(times[timing.variant].median()) for times in timings)
        rows.append((timing.variant, wording.size(timing.bytes), *cells, *medians))
    times = (f"ms, {wording.threads(run.latency.threads)}" for run in runs)
    columns = ("variant", "size", "accuracy", "flips", "max |Δp|", *times)
    notes = (
        f"accuracy and flips on {max(r.examples for r in parity.reports):,} reviews; ms: median",
        basis(runs[0].latency),
    )
    return Table("Variants", columns, tuple(rows), notes)


def _answers(found: ParityReport) -> tuple[str, str]:
    return wording.flips(found), wording.difference(found.max_abs)


def device_files(parity: ParityRun) -> Table:
    """Files for one runtime or use, each in it: their answers on some of the test set."""
    rows = [
        (r.variant, wording.share(r.accuracy), *_answers(r), wording.difference(r.mean_abs))
        for r in parity.reports
    ]
    (count,) = {r.examples for r in parity.reports}
    notes = (
        f"{count:,} test reviews, as they are, against Keras on the ids that we make; some of them also "
        "in another order",
        f"{wording.machine(parity.machine)}; {wording.date(parity.measured_at)}",
    )
    columns = ("variant", "accuracy", "flips", "max |Δp|", "mean |Δp|")
    return Table("Files for one runtime", columns, tuple(rows), notes)


def browser(result: DeviceResult) -> Table:
    """Every file in every runtime of a browser that takes it."""
    if result.parity is None or result.latency is None:
        raise ValueError("not measured")
    rows = [
        (
            t.variant,
            t.runtime,
            *(wording.digits(t.percentile(q)) for q in (50, 90)),
            MISSING if t.start is None else wording.digits(t.start.load_ms),
            OK if r.ok else OUTSIDE,
            *_answers(r),
        )
        for r, t in zip(result.parity.reports, result.latency.timings, strict=True)
    ]
    columns = ("variant", "runtime", "p50 ms", "p90 ms", "load ms", "parity", "flips", "max |Δp|")
    latency = result.latency
    notes = (
        f"{result.device}: {basis(latency)}; {latency.data}",
        *_unstable(latency, latency.timings),
    )
    return Table("In the browser", columns, tuple(rows), notes)


def side_by_side(run: Run, suffix: str = "") -> Table:
    """Every route, and how many times faster than it each of ours is.

    Args:
        suffix: :data:`TRUE_LENGTH` for the routes that get reviews without pads.
    """
    ours = run.ours()
    columns = [t for t in ours if t.variant in COMPARED]
    rows = []
    for timing in [*([] if suffix else ours), *run.others(suffix)]:
        ratios = (wording.NONE if own is timing else spread(ratio(timing, own)) for own in columns)
        times = (wording.digits(t) for t in (timing.median(), timing.percentile(90)))
        size = wording.size(timing.bytes)
        answers = _answers(run.parity_of(timing))
        rows.append((timing.variant, size, *times, *ratios, *answers))
    latency = run.latency
    title = f"Side by side, {wording.threads(latency.threads)}"
    notes = [
        "×: how many times faster ours is, the rounds' median (least–greatest); flips and max |Δp| "
        f"on these {len(latency.lengths)} reviews, one after the other",
        basis(latency),
    ]
    if suffix:
        title += ", the others without pads"
        notes.insert(0, _other_answer(run))
    notes += _unstable(latency, [*ours, *run.others(suffix)])
    notes += [
        f"{name} was left out: {reason}"
        for name, reason in run.left_out.items()
        if name.endswith(TRUE_LENGTH) == bool(suffix)
    ]
    names = (f"× {t.variant}" for t in columns)
    header = ("route", "size", "median ms", "p90 ms", *names, "flips", "max |Δp|")
    return Table(title, header, tuple(rows), tuple(notes))


def in_short(run: Run) -> Table:
    """One row for each of :data:`CHOICES`, and how many times faster than it ours is.

    Of ours, the files of :data:`COMPARED` count: the others are written only where asked for.
    """
    ours = [t for t in run.ours() if t.variant in COMPARED]
    best = {
        choice: run.fastest(ours if choice.startswith("ours") else run.others(), *patterns)
        for choice, patterns in CHOICES.items()
    }
    columns = [t for t in best.values() if t in ours and t is not None]
    rows = [
        (
            choice,
            timing.variant,
            wording.size(timing.bytes),
            wording.digits(timing.median()),
            *(wording.NONE if own is timing else spread(ratio(timing, own)) for own in columns),
            wording.flips(run.parity_of(timing)),
        )
        for choice, timing in best.items()
        if timing is not None
    ]
    names = (f"× {t.variant}" for t in columns)
    header = ("choice", "fastest", "size", "median ms", *names, "flips")
    notes = (
        f"{wording.threads(run.latency.threads)}; ×: how many times faster ours is, the rounds' median "
        f"(least–greatest); flips on these {len(run.latency.lengths)} reviews; never the fastest: what "
        f"flips more than {FLIPS:.0%} of the labels",
        basis(run.latency),
    )
    return Table("The best of each", header, tuple(rows), notes)


def _unstable(latency: LatencyReport, timings: Sequence[Timing]) -> list[str]:
    return [
        f"{timing.variant} is unstable: whole rounds differ by {timing.spread():.0%} of their mean"
        for timing in timings
        if timing.variant in latency.unstable
    ]


def _other_answer(run: Run) -> str:
    found = run.at_true_length
    return (
        "another answer: without the pads the model was trained with, Keras itself gives "
        f"{found.flips} of {found.examples} reviews another label (max |Δp| "
        f"{wording.difference(found.max_abs)}); flips here are against Keras without pads"
    )


def targets(runs: Sequence[Run]) -> Table:
    """What was aimed at, and what was measured; a target that is missed is shown as missed."""
    rows = [_target_row(target, runs) for target in TARGETS]
    for timing in runs[0].ours():
        cells = [cell for run in runs for cell in _fixed_cells(timing.variant, run)]
        rows.append(
            (
                timing.variant,
                "its own fixed part of the longest time",
                f"< {FIXED_PART:.0%}",
                *cells,
            )
        )
    headings = [cell for run in runs for cell in (wording.threads(run.latency.threads), "met")]
    wrong = {name for run in runs for target in TARGETS for name in run.passed_over(target)}
    notes = ["×: how many times faster ours is, the rounds' median (least–greatest)"]
    if wrong:
        names = ", ".join(sorted(wrong))
        notes.append(
            f"never the fastest, since it flips more than {FLIPS:.0%} of the labels: {names}"
        )
    return Table("Targets", ("ours", "than", "wanted", *headings), tuple(rows), tuple(notes))


def _target_row(target: Target, runs: Sequence[Run]) -> tuple[str, ...]:
    outcomes = [run.outcome(target) for run in runs]
    cells: list[str] = []
    for outcome in outcomes:
        if outcome is None:
            cells += [MISSING, MISSING]
        else:
            cells += [spread(outcome.ratio), "yes" if outcome.met else "no"]
    ours = _named(target.ours, {o.ours for o in outcomes if o})
    other = _named(", ".join(target.others), {o.other for o in outcomes if o})
    return (ours, other, f"{target.times:g}×", *cells)


def _named(pattern: str, found: set[str]) -> str:
    """A name, or what the pattern means with the names that it stood for."""
    if pattern not in _MEANT:
        return pattern
    return f"{_MEANT[pattern]} ({', '.join(sorted(found)) or MISSING})"


def _fixed_cells(name: str, run: Run) -> tuple[str, str]:
    timing = next((t for t in run.ours() if t.variant == name), None)
    if timing is None:
        return MISSING, MISSING
    part = fixed_part(timing, run.latency.lengths)
    return f"{part:.0%}", "yes" if part < FIXED_PART else "no"


def lengths(run: Run) -> Table:
    """The line through (tokens, ms) of every route: what a call costs, and what a token."""
    latency = run.latency
    longest = max(latency.lengths)
    rows = []
    for timing in latency.timings:
        start, token = timing.per_token(latency.lengths)
        cells = (start, token * 100, start + token * longest)
        part = f"{fixed_part(timing, latency.lengths):.0%}"
        rows.append((timing.variant, *map(wording.digits, cells), part))
    columns = ("route", "ms at 0 tokens", "ms per 100 tokens", f"ms at {longest}", "fixed part")
    notes = (f"{wording.threads(latency.threads)}, {wording.inputs(latency)}",)
    return Table("Latency against length", columns, tuple(rows), notes)


def starts(run: Run) -> Table:
    """What a new process pays for each route's file."""

    def cells(timing: Timing) -> tuple[str, ...]:
        start = timing.start
        if start is None:
            return (MISSING,) * 4
        values = (start.import_ms, start.load_ms, start.first_ms, start.peak_mib)
        return tuple(MISSING if value is None else wording.digits(value) for value in values)

    rows = tuple(
        (
            t.variant,
            wording.size(t.bytes),
            *cells(t),
            MISSING if t.install_mib is None else wording.digits(t.install_mib),
        )
        for t in [*run.ours(), *run.others()]
    )
    columns = "route,file,import ms,load ms,first run ms,peak MiB,install MiB".split(",")
    notes = (
        "medians of new processes; install: the runtime and what it needs, NumPy too, on disk; "
        f"{wording.threads(run.latency.threads)}",
    )
    return Table("Start and memory", tuple(columns), rows, notes)


def example(result: dict[str, Any]) -> Table:
    """What one of the examples left behind: every file's answers on the test set."""
    rows = [("Keras", wording.NONE, wording.share(result["keras_accuracy"]), *(wording.NONE,) * 3)]
    rows += [
        (
            row["variant"],
            wording.size(row["bytes"]),
            wording.share(row["accuracy"]),
            f"{row['flips']} ({wording.share(row['flips'] / row['examples'])})",
            wording.difference(row["max_abs"]),
            OK if row["ok"] else OUTSIDE,
        )
        for row in result["variants"]
    ]
    epochs, seed = result["epochs"], result["seed"]
    notes = [
        f"trained on {result['trained_on']:,} examples for {epochs} epochs, seed {seed}; tested on "
        f"{result['tested_on']:,}, of which the most frequent class is "
        f"{wording.share(result['most_frequent'])}",
        *(f"{row['variant']}: {why}" for row in result["variants"] for why in row["failures"]),
        f"{wording.machine(result['machine'])}; {wording.date(result['measured_at'])}",
    ]
    columns = ("variant", "size", "accuracy", "flips", "max |Δp|", "verdict")
    return Table(result["data"], columns, tuple(rows), tuple(notes))
