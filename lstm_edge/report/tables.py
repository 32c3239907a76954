"""Reports -> terminal tables, Markdown, HTML and JSON: with plots.py the only formatter."""

from __future__ import annotations

import io
import itertools
import math
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lstm_edge.base.gate import printable
from lstm_edge.report import wording
from lstm_edge.results import flips
from lstm_edge.results.device import DeviceResult
from lstm_edge.results.parity import MOST_FLIPS, OK, OUTSIDE, UNPROVEN

if TYPE_CHECKING:
    from lstm_edge.bundle.opening import Bundle
    from lstm_edge.results.latency import LatencyReport, Timing
    from lstm_edge.results.parity import Case, ParityReport, ParityRun
    from lstm_edge.structure.contents import Structure, TensorInfo

MISSING = "not measured"
NOT_MEASURABLE = "not measurable"
MOST_CLASSES = 12  # that a table of confusion shows
SHOWN_FLIPS = 20
QUOTED = 60  # characters of a text in a table's note


@dataclass(frozen=True)
class Table:
    """Text cells; a column whose cells are numbers is aligned to the right."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def numeric(self) -> tuple[bool, ...]:
        """For each column, whether its cells are numbers (or say that there is none)."""
        columns = [[r[i] for r in self.rows] for i in range(len(self.columns))]
        return tuple(
            i > 0
            and all(
                c in (MISSING, NOT_MEASURABLE, wording.NONE) or re.match(r"-?\d", c) for c in cells
            )
            for i, cells in enumerate(columns)
        )

    def spans(self) -> tuple[int, ...]:
        """For each row, how many rows from it on have the same first cell; 0 where the one before has."""
        firsts = [row[0] for row in self.rows]
        groups = [len(list(group)) for _, group in itertools.groupby(firsts)]
        return tuple(n for size in groups for n in (size, *[0] * (size - 1)))


def _answers(case: Case, labels: Sequence[str] = ()) -> str:
    """Both answers with as many decimals as tell them apart; of many classes the three furthest."""
    pairs = list(zip(case.reference, case.variant, strict=True))
    # JSON has no NaN: it comes back as None
    off = [
        abs(p - q) if p is not None and q is not None and math.isfinite(p + q) else 1.0
        for p, q in pairs
    ]
    decimals = min(9, max(3, 1 - math.floor(math.log10(max(off))))) if max(off) else 3
    names = [f"output {i}" for i in range(len(pairs))] if len(pairs) > 1 else [""]
    if len(labels) == len(pairs):
        names = list(labels)
    elif len(labels) == 2 and len(pairs) == 1:
        names = [labels[1]]

    def number(p: float | None) -> str:
        return f"{p:.{decimals}f}" if p is not None and math.isfinite(p) else "not a number"

    some = sorted(sorted(range(len(pairs)), key=lambda i: -off[i])[:3])
    return "; ".join(
        f"{names[i]}{': ' if names[i] else ''}reference {number(pairs[i][0])}, "
        f"variant {number(pairs[i][1])}"
        for i in some
    )


def _worst(report: ParityReport) -> str:
    case = report.worst
    if case.place:
        return f"{report.variant}: furthest off at example {case.index}, {case.place}: {_answers(case)}"
    text = "" if case.text is None else wording.plain(case.text)
    quote = f' "{text[:QUOTED]}{"…" if len(text) > QUOTED else ""}"' if text else ""
    return f"{report.variant}: furthest off at example {case.index}{quote}: {_answers(case)}"


def _failures(run: ParityRun) -> tuple[str, ...]:
    variants: dict[str, list[str]] = {}  # what is true of several is said once
    for report in run.reports:
        for failure in report.failures:
            variants.setdefault(failure, []).append(report.variant)
    own = (f"{', '.join(names)}: {failure}" for failure, names in variants.items())
    return (*run.failures, *own)


def _difference_name(run: ParityRun) -> str:
    """What the differences of a run are of: probabilities, or shares of an output's scale."""
    return "relative Δ" if any(r.tolerance.relative for r in run.reports) else "|Δp|"


def parity_table(run: ParityRun) -> Table:
    """Every variant against the reference; the notes say what is wrong and where it is worst."""
    rows: tuple[tuple[str, ...], ...] = tuple(
        (
            r.variant,
            r.verdict,
            str(r.examples),
            wording.share(r.accuracy),
            wording.difference(r.max_abs),
            wording.difference(r.mean_abs),
            wording.flips(r),
            f"{sum(c.ok for c in r.checks)}/{len(r.checks)}",
        )
        for r in run.reports
    )
    known = {wording.share(r.reference_accuracy) for r in run.reports} - {wording.NONE}
    note = f"accuracy of the reference: {', '.join(sorted(known))}" if known else "no labels"
    columns = ["variant", "verdict", "n", "accuracy", "max |Δp|", "mean |Δp|", "flips", "checks"]
    what = _difference_name(run)
    if what != "|Δp|":
        share = (
            "relative Δ: difference as a share of half the range of the reference's answers, column by "
            "column; of probabilities, of the greatest"
        )
        note = f"{note}; {share}" if known else share
        columns = [c.replace("|Δp|", what) for c in columns]
        if not known:
            columns.remove("accuracy")
            rows = tuple((*row[:3], *row[4:]) for row in rows)
    told, assumed = wording.preprocessing(run.preprocessing)
    return Table(
        f"Parity of {run.bundle} with {run.reference} on {run.data}",
        tuple(columns),
        rows,
        (note, *told, *_failures(run), *(_worst(r) for r in run.reports)),
        tuple(assumed),
    )


def flips_table(run: ParityRun, labels: Sequence[str]) -> Table | None:
    """The first flips of each variant, with their texts; None where there is none."""
    lines = []
    for _, group in itertools.groupby(flips.rows(run, labels), key=lambda row: row["variant"]):
        for row in itertools.islice(group, SHOWN_FLIPS):
            numbers = [
                "/".join(wording.NONE if p is None else f"{p:.3f}" for p in row[name][-1:])
                if len(labels) == 2
                else ""
                for name in ("keras_probabilities", "probabilities")
            ]
            answers = [
                f"{row[n]} {p}".strip() for n, p in zip(("keras", "file"), numbers, strict=True)
            ]
            text = wording.NONE if row["text"] is None else wording.plain(row["text"])[:200]
            where = f"{row['example']}"
            lines.append((row["variant"], where, row["label"] or wording.NONE, *answers, text))
    columns = ("variant", "example", "label", "Keras", "file", "text")
    if not lines:
        return None
    note = f"the first {SHOWN_FLIPS} of each variant; verify with `flips` writes up to {MOST_FLIPS}"
    return Table("Flips", columns, tuple(lines), (note,))


def outputs_table(run: ParityRun) -> Table | None:
    """Every output of every variant, of a model without text; None of classifiers of texts."""
    rows = [
        (
            r.variant,
            output.name,
            f"{output.scale:.3g}",
            wording.difference(output.max_abs),
            wording.difference(output.mean_abs),
            wording.NONE if output.decisions is None else f"{output.flips} of {output.decisions}",
        )
        for r in run.reports
        for output in r.outputs
    ]
    columns = ("variant", "output", "scale", "max relative Δ", "mean relative Δ", "flips")
    return Table("Outputs", columns, tuple(rows)) if rows else None


def targets_table(run: ParityRun) -> Table | None:
    """How right every variant is by the user's targets, beside Keras; None where there are none."""
    rows: list[tuple[str, ...]] = []
    for r in run.reports:
        for one in r.scores:
            keras = one.reference.figures()
            rows += [
                (
                    r.variant,
                    one.output,
                    figure,
                    *(_figure(figure, v) for v in (value, keras[figure])),
                    str(one.variant.count),
                )
                for figure, value in one.variant.figures().items()
            ]
    columns = ("variant", "output", "figure", "its own", "Keras", "n")
    note = "MAE and RMSE are in the targets' unit"
    figures = {row[2] for row in rows}
    return Table("Targets", columns, tuple(rows), (note,) * ("MAE" in figures)) if rows else None


def _figure(name: str, value: float | None) -> str:
    if value is None:
        return wording.NONE
    return wording.share(value) if name == "accuracy" else f"{value:.5g}"


def confusion_tables(run: ParityRun) -> list[Table]:
    """For each output whose targets are classes, how often each was answered as each.

    Keras's, then those of variants that answer otherwise; of too many classes only the JSON holds them.
    """
    tables = []
    for one in run.reports[0].scores if run.reports else ():
        if one.reference.confusion is None or len(one.names) > MOST_CLASSES:
            continue
        whose = {one.reference.confusion: ["Keras"]}
        for r in run.reports:
            counts = next((s.variant.confusion for s in r.scores if s.output == one.output), None)
            if counts is not None and len(counts) == len(one.names):
                whose.setdefault(counts, []).append(r.variant)
        everybody = {1 + len(run.reports): "Keras and every variant"}
        rows = [
            (everybody.get(len(who), ", ".join(who)), name, *map(str, row))
            for counts, who in whose.items()
            for name, row in zip(one.names, counts, strict=True)
        ]
        columns = ("answers of", "right", *(f"as {name}" for name in one.names))
        tables.append(Table(f"Confusion of {one.output}", columns, tuple(rows)))
    return tables


def latency_table(report: LatencyReport) -> Table:
    """Every variant's times, side by side; the notes say how they were measured."""
    fastest = min(t.percentile(50) for t in report.timings)
    rows = []
    for t in report.timings:
        p50, p90, p99 = (t.percentile(q) for q in (50, 90, 99))
        line = [NOT_MEASURABLE] * 2
        if t.grows(report.lengths):
            intercept, slope = t.per_token(report.lengths)
            line = [wording.digits(slope), wording.digits(max(0.0, intercept))]
        s = t.start
        start = [None, None, None] if s is None else [s.load_ms, s.first_ms, s.peak_mib]
        last = [*start, t.install_mib]
        rows.append(
            (
                t.variant,
                t.runtime,
                wording.size(t.bytes),
                *(wording.digits(p) for p in (p50, p90, p99)),
                f"{p50 / fastest:.1f}×" if fastest else wording.NONE,
                *line,
                *(MISSING if value is None else wording.digits(value) for value in last),
            )
        )
    notes = [
        f"on {report.device}: {wording.machine(report.machine)}",
        f"{wording.threads(report.threads)}, {wording.inputs(report)}; "
        f"ms per {report.unit[:-1]} and ms at 0 {report.unit}: the line through each input's median",
    ]
    if flat := [t.variant for t in report.timings if not t.grows(report.lengths)]:
        notes.append(
            f"ms per {report.unit[:-1]} is not measurable for {', '.join(flat)}: the lengths are too "
            "alike, the noise is greater, or every length takes as long"
        )
    if report.tokenise_ms:
        notes.append(
            f"tokenising, apart: median {wording.digits(float(np.median(report.tokenise_ms)))} ms"
        )
    notes += [
        f"{t.variant} is unstable: whole rounds differ by {t.spread():.0%} of their mean; measure "
        "again on a quiet machine"
        for t in report.timings
        if t.variant in report.unstable
    ]
    columns = "variant,runtime,size,p50 ms,p90 ms,p99 ms,ratio,ms per token,ms at 0 tokens"
    columns += ",load ms,first run ms,peak MiB,install MiB"
    columns = columns.replace("token", report.unit[:-1])
    return Table("Latency of one answer", tuple(columns.split(",")), tuple(rows), tuple(notes))


def summary_table(bundle: Bundle, parity: ParityRun, latency: LatencyReport | None) -> Table:
    """One line for each variant of the bundle: size, parity and latency."""
    reports = {r.variant: r for r in parity.reports}
    timings = {t.variant: t for t in latency.timings} if latency else {}
    rows = []
    for name, info in bundle.variants.items():
        cells = [MISSING] * 4
        if r := reports.get(name):
            cells = [
                wording.share(r.accuracy),
                wording.flips(r),
                wording.difference(r.max_abs),
                r.verdict,
            ]
        p50 = [wording.digits(timings[name].percentile(50)) if name in timings else MISSING]
        rows.append(
            (name, wording.size(info.bytes), *cells[:3], *(p50 if latency else ()), cells[3])
        )
    times = ("p50 ms",) if latency else ()
    columns = ("variant", "size", "accuracy", "flips", "max |Δp|", *times, "verdict")
    what = _difference_name(parity)
    if what != "|Δp|":
        columns = tuple(c.replace("|Δp|", what) for c in columns)
        if all(r.accuracy is None for r in parity.reports):
            columns = tuple(c for c in columns if c != "accuracy")
            rows = [(*row[:2], *row[3:]) for row in rows]
    known, assumed = wording.preprocessing(parity.preprocessing)
    notes = (*known, *_failures(parity))
    return Table("Summary", columns, tuple(rows), notes, tuple(assumed))


def _host(parity: ParityRun, latency: LatencyReport | None) -> DeviceResult:
    """The figures of this machine, as one device among others."""
    left_out = {**parity.left_out, **(latency.left_out if latency else {})}
    return DeviceResult(latency.device if latency else "this machine", parity, latency, left_out)


def _device_failures(devices: Sequence[DeviceResult]) -> tuple[str, ...]:
    return tuple(
        f"{device.device}: {failure}"
        for device in devices
        if device.parity
        for failure in _failures(device.parity)
    )


def skipped_notes(skipped: Mapping[str, str]) -> tuple[str, ...]:
    """What was not measured and why: a sentence for each reason.

    Args:
        skipped: variant -> why.
    """
    reasons: dict[str, list[str]] = {}
    for name, why in skipped.items():
        reasons.setdefault(why, []).append(name)
    return tuple(f"{', '.join(names)} not measured: {why}" for why, names in reasons.items())


def device_notes(result: DeviceResult) -> tuple[str, ...]:
    """What was not measured on a device and why, and what else is to be said of it."""
    return (*skipped_notes(result.skipped), *result.notes)


def _pairs(result: DeviceResult) -> Iterator[tuple[str, ParityReport | None, Timing | None]]:
    """What was found of each variant, once for each runtime that ran it, in the same order in both."""
    reports, timings = defaultdict(list), defaultdict(list)
    for report in result.parity.reports if result.parity else ():
        reports[report.variant].append(report)
    for timing in result.latency.timings if result.latency else ():
        timings[timing.variant].append(timing)
    for name in dict.fromkeys([*reports, *timings, *result.skipped]):
        measured = itertools.zip_longest(reports[name], timings[name])
        for report, timing in [*measured] or [(None, None)]:
            yield name, report, timing


def devices_table(bundle: Bundle, results: Sequence[DeviceResult]) -> Table:
    """Every variant on every device, side by side; the notes say how each was measured."""
    rows: list[tuple[str, ...]] = []
    notes = []
    whats = {_difference_name(r.parity) for r in results if r.parity}
    for result in results:
        parity, latency = result.parity, result.latency
        for name, r, t in _pairs(result):
            # what was not measured says so once, not in every cell of it
            answers, times = [MISSING, *[wording.NONE] * 2], [MISSING, *[wording.NONE] * 3]
            if r is not None:
                answers = [r.verdict, wording.flips(r), wording.difference(r.max_abs)]
            if t is not None:
                times = [wording.digits(t.percentile(q)) for q in (50, 90, 99)]
                times.append(MISSING if t.start is None else wording.digits(t.start.load_ms))
            ran = bundle.variants[name].runtimes[0] if r else wording.NONE
            rows.append(
                (
                    result.device,
                    name,
                    t.runtime if t else ran,
                    str(latency.threads) if t and latency else wording.NONE,
                    *answers,
                    *times,
                )
            )
        how = []
        if parity:
            count = max((r.examples for r in parity.reports), default=0)
            how.append(
                f"parity on {count} examples of {parity.data}, {wording.date(parity.measured_at)}"
            )
        if latency:
            how.append(
                f"latency with {wording.threads(latency.threads)} on {wording.inputs(latency)} of "
                f"{latency.data or 'data not named'}, {wording.date(latency.measured_at)}"
            )
        described = latency.machine if latency else parity.machine if parity else {}
        where = f" ({wording.machine(described)})" if described else ""
        notes.append(f"{result.device}{where}: {'; '.join(how) or MISSING}")
        notes += [f"{result.device}: {note}" for note in device_notes(result)]
    timed = {(r.latency.lengths, r.latency.data) for r in results if r.latency}
    if len(timed) > 1:
        notes.insert(0, "not all were timed on the same inputs: compare within a device")
    what = f"max {whats.pop()}" if len(whats) == 1 else "max difference"
    columns = (
        "device,variant,runtime,threads,parity,flips," + what + ",p50 ms,p90 ms,p99 ms,load ms"
    )
    return Table("Devices", tuple(columns.split(",")), tuple(rows), tuple(notes))


def structure_tables(structure: Structure) -> list[Table]:
    """What :func:`lstm_edge.structure.contents.inspect` found: ends, operators, weights, problems."""

    def shape(tensor: TensorInfo) -> str:
        return "[" + ", ".join("free" if n < 0 else str(n) for n in tensor.shape) + "]"

    ends = [
        (end, tensor.name, tensor.dtype, shape(tensor))
        for end, tensors in (("input", structure.inputs), ("output", structure.outputs))
        for tensor in tensors
    ]
    tables = [
        Table(
            f"{structure.format} file, {wording.size(structure.bytes)}",
            ("", "name", "dtype", "shape"),
            tuple(ends),
        )
    ]
    what = "layer" if structure.format == "keras" else "operator"
    ops = tuple((name, str(count)) for name, count in structure.ops.items())
    problems = tuple(f"problem: {p}" for p in structure.problems) or ("no problems found",)
    if structure.weights:
        weights = tuple((dtype, wording.size(count)) for dtype, count in structure.weights.items())
        tables.append(Table("Constants", ("dtype", "size"), weights))
    if structure.packed:
        tables.append(
            Table("Packed for MediaPipe", ("file", "holds"), tuple(structure.packed.items()))
        )
    tables.append(Table(f"{what.capitalize()}s", (what, "count"), ops, problems))
    return tables


def lowerings(bundle: Bundle) -> list[dict[str, Any]]:
    """How each file of a bundle expresses its recurrent layers, and what to know on a device."""
    kept = ("name", "bytes", "lowering", "ops", "problems", "notes")
    return [{key: getattr(v, key) for key in kept} for v in bundle.variants.values()]


def lowering_table(bundle: Bundle) -> Table:
    """:func:`lowerings` for a terminal."""
    rows = tuple((v["name"], wording.size(v["bytes"]), v["lowering"]) for v in lowerings(bundle))
    said = tuple(
        f"{v['name']}: {sentence}"
        for v in lowerings(bundle)
        for sentence in (*v["problems"], *v["notes"])
    )
    described = bundle.described_preprocessing()
    known, assumed = wording.preprocessing(described)
    if described is not None and described["pads"] == "any":
        assumed.append(wording.EITHER_SIDE)
    columns = ("variant", "size", "recurrent layers as")
    return Table(f"Files of {bundle.path}", columns, rows, (*said, *known), tuple(assumed))


def to_terminal(table: Table, width: int | None = None, colour: bool = False) -> str:
    """Render as plain text, or with escape codes for colours.

    A table wider than ``width`` is turned, one column for each row; None: as wide as it needs.
    """
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table as Grid
    from rich.text import Text

    styles = {OK: "green", OUTSIDE: "bold red", UNPROVEN: "bold red"}

    def grid(columns: Sequence[str], rows: Any, right: Sequence[bool]) -> Grid:
        out = Grid(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
        for name, numeric in zip(columns, right, strict=True):
            out.add_column(
                Text(printable(name, keep="\n")),
                justify="right" if numeric else "left",
                overflow="fold",
                no_wrap=width is None,
            )
        for row in rows:
            out.add_row(*(Text(wording.plain(c), styles.get(c, "")) for c in row))
        return out

    out = io.StringIO()
    console = Console(
        file=out,
        width=width or 100_000,
        force_terminal=colour,
        color_system="standard" if colour else None,
        no_color=not colour,
        legacy_windows=False,
    )
    columns = [wording.plain(name) for name in table.columns]
    shown = grid(columns, table.rows, table.numeric())
    wide = console.options.update(width=100_000)
    if width is not None and console.measure(shown, options=wide).maximum > width:
        turned = list(zip(*table.rows, strict=True)) or [()]
        rows = [(name, *cells) for name, cells in zip(columns, turned, strict=False)]
        # a variant's name breaks where a reader would break it
        names = [wording.plain(name).replace("-", "-\n", 1) for name in rows[0]]
        shown = grid(names, rows[1:], [False] + [True] * len(table.rows))
    console.print(Text(wording.plain(table.title), "bold"))
    console.print(shown)
    for note in table.notes:
        console.print(Text(f"- {wording.plain(note)}"))
    for warning in table.warnings:
        console.print(Text(f"- {wording.plain(warning)}", "yellow"))
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def to_markdown(table: Table) -> str:
    """GitHub's Markdown: a heading, the table, the notes as a list."""

    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cells) + " |"

    rules = ["---:" if right else "---" for right in table.numeric()]
    rows = [line([_escaped(c) for c in row]) for row in (table.columns, *table.rows)]
    lines = [f"### {_escaped(table.title)}", "", rows[0], line(rules), *rows[1:]]
    return "\n".join([*lines, *_list([*table.notes, *table.warnings])]) + "\n"


def _escaped(text: str) -> str:
    return re.sub(r"([\\`*\[\]<>|~]|\b_|_\b)", r"\\\1", wording.plain(text))


def _list(items: Sequence[str]) -> list[str]:
    return ["", *(f"- {_escaped(item)}" for item in items)] if items else []
