"""Reports -> terminal tables, Markdown, HTML, JSON and plots: the only formatter."""

from __future__ import annotations

import datetime
import html
import io
import math
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lstm_edge.extras import require
from lstm_edge.files import replacing, write_json, write_text

if TYPE_CHECKING:  # train.py imports this module
    from lstm_edge.bundle import Bundle, VariantInfo
    from lstm_edge.latency import LatencyReport
    from lstm_edge.parity import Case, ParityReport, ParityRun, Tolerance
    from lstm_edge.train import TrainResult

SCHEMA = 1
OK, OUTSIDE, MISSING, NONE = "ok", "OUTSIDE TOLERANCE", "not measured", "–"
QUOTED = 60  # characters of a text in a table's note


@dataclass(frozen=True)
class Table:
    """Text cells; a column whose cells are numbers is aligned to the right."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()

    def numeric(self) -> tuple[bool, ...]:
        """For each column, whether its cells are numbers (or say that there is none)."""
        columns = [[r[i] for r in self.rows] for i in range(len(self.columns))]
        return tuple(
            i > 0 and all(c in (MISSING, NONE) or re.match(r"-?\d", c) for c in cells)
            for i, cells in enumerate(columns)
        )


@dataclass(frozen=True)
class Picture:
    """An ``<svg>`` element for the HTML page, with what it shows in words."""

    title: str
    svg: str
    caption: str


# Numbers


def _digits(value: float) -> str:
    """Three significant digits, never an exponent."""
    value = float(f"{value:.3g}")
    decimals = 2 - math.floor(math.log10(abs(value))) if value else 0
    return f"{value:.{max(0, decimals)}f}"


def _difference(value: float) -> str:
    return f"{value:.1e}" if value else "0"


def _share(value: float | None) -> str:
    return NONE if value is None else f"{value:.2%}"


def _size(count: int) -> str:
    if count < 1000:
        return f"{count} B"
    return f"{_digits(count / 1e3)} KB" if count < 999_500 else f"{_digits(count / 1e6)} MB"


def _plain(text: str) -> str:
    """One line without control characters (a text may hold any)."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _date(stamp: str) -> str:
    try:
        return f"{datetime.datetime.fromisoformat(stamp):%Y-%m-%d %H:%M %Z}".strip()
    except ValueError:
        return stamp


def _machine(machine: Mapping[str, Any]) -> str:
    cores, memory, governor = (machine.get(k) for k in ("cores", "memory_gib", "governor"))
    parts = [
        machine.get("cpu") or "processor not known",
        cores and f"{cores} cores",
        memory and f"{memory} GiB",
        governor and f"governor {governor}",
        machine.get("system"),
        machine.get("python") and f"Python {machine['python']}",
        *(f"{name} {version}" for name, version in (machine.get("versions") or {}).items()),
    ]
    return ", ".join(str(part) for part in parts if part)


# Tables


def _flips(report: ParityReport) -> str:
    near = report.flips_at_threshold
    share = f"{report.flips / report.examples:.2%}"
    return f"{report.flips} ({share}" + (f", {near} at the threshold)" if near else ")")


def _answers(case: Case, labels: Sequence[str] = ()) -> str:
    """Both answers with as many decimals as tell them apart; of many classes the three furthest."""
    pairs = list(zip(case.reference, case.variant, strict=True))
    # JSON has no NaN: it comes back as None
    known = [p is not None and q is not None and math.isfinite(p + q) for p, q in pairs]
    off = [abs(p - q) if k else 1.0 for (p, q), k in zip(pairs, known, strict=True)]
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
    text = "" if case.text is None else _plain(case.text)
    quote = f' "{text[:QUOTED]}{"…" if len(text) > QUOTED else ""}"' if text else ""
    return f"{report.variant}: furthest off at example {case.index}{quote}: {_answers(case)}"


def _failures(run: ParityRun) -> tuple[str, ...]:
    return tuple(f"{r.variant}: {failure}" for r in run.reports for failure in r.failures)


def parity_table(run: ParityRun) -> Table:
    """Every variant against the reference; the notes say what is wrong and where it is worst."""
    rows = tuple(
        (
            r.variant,
            OK if r.ok else OUTSIDE,
            str(r.examples),
            _share(r.accuracy),
            _difference(r.max_abs),
            _difference(r.mean_abs),
            _flips(r),
            f"{sum(c.ok for c in r.checks)}/{len(r.checks)}",
        )
        for r in run.reports
    )
    known = {_share(r.reference_accuracy) for r in run.reports} - {NONE}
    note = f"accuracy of the reference: {', '.join(sorted(known))}" if known else "no labels"
    return Table(
        f"Parity of {run.bundle} with {run.reference} on {run.data}",
        ("variant", "verdict", "n", "accuracy", "max |Δp|", "mean |Δp|", "flips", "checks"),
        rows,
        (note, *_failures(run), *(_worst(r) for r in run.reports)),
    )


def latency_table(report: LatencyReport) -> Table:
    """Every variant's times, side by side; the notes say how they were measured."""
    fastest = min(t.percentile(50) for t in report.timings)
    rows = []
    for t in report.timings:
        p50, p90, p99 = (t.percentile(q) for q in (50, 90, 99))
        line: list[float | None] = [None, None]
        if len(set(report.lengths)) > 1:
            intercept, slope = t.per_token(report.lengths)
            line = [slope, intercept]
        s = t.start
        start = [None, None, None] if s is None else [s.load_ms, s.first_ms, s.peak_mib]
        last = [*line, *start, t.install_mib]
        rows.append(
            (
                t.variant,
                t.runtime,
                _size(t.bytes),
                *(_digits(p) for p in (p50, p90, p99)),
                f"{p50 / fastest:.1f}×" if fastest else NONE,
                *(MISSING if value is None else _digits(value) for value in last),
            )
        )
    notes = [
        f"on {report.device}: {_machine(report.machine)}",
        f"{report.threads} thread{'s' if report.threads > 1 else ''}, {_inputs(report)}; "
        f"ms per token and ms at 0 tokens: the line through each input's median",
    ]
    if report.tokenise_ms:
        notes.append(
            f"tokenising, apart: median {_digits(float(np.median(report.tokenise_ms)))} ms"
        )
    notes += [
        f"{t.variant} is unstable: whole rounds differ by {t.spread():.0%} of their mean; measure "
        "again on a quiet machine"
        for t in report.timings
        if t.variant in report.unstable
    ]
    columns = "variant,runtime,size,p50 ms,p90 ms,p99 ms,ratio,ms per token,ms at 0 tokens"
    columns += ",load ms,first run ms,peak MiB,install MiB"
    return Table("Latency of one answer", tuple(columns.split(",")), tuple(rows), tuple(notes))


def _inputs(report: LatencyReport) -> str:
    rounds = len(report.timings[0].samples_ms) if report.timings else 0
    median = float(np.median(report.lengths))
    return f"{len(report.lengths)} inputs (median {median:g} tokens) × {rounds} rounds"


def summary_table(bundle: Bundle, parity: ParityRun, latency: LatencyReport | None) -> Table:
    """One line for each variant of the bundle: size, parity and latency."""
    reports = {r.variant: r for r in parity.reports}
    timings = {t.variant: t for t in latency.timings} if latency else {}
    rows = []
    for name, info in bundle.variants.items():
        cells = [MISSING] * 4
        if r := reports.get(name):
            cells = [_share(r.accuracy), _flips(r), _difference(r.max_abs), OK if r.ok else OUTSIDE]
        p50 = _digits(timings[name].percentile(50)) if name in timings else MISSING
        rows.append((name, _size(info.bytes), *cells[:3], p50, cells[3]))
    columns = ("variant", "size", "accuracy", "flips", "max |Δp|", "p50 ms", "verdict")
    return Table("Summary", columns, tuple(rows))


def to_terminal(table: Table, width: int | None = None, colour: bool = False) -> str:
    """Render as plain text, or with escape codes for colours.

    A table wider than ``width`` is turned, one column for each row; None: as wide as it needs.
    """
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table as Grid
    from rich.text import Text

    styles = {OK: "green", OUTSIDE: "bold red"}

    def grid(columns: Sequence[str], rows: Any, right: Sequence[bool]) -> Grid:
        out = Grid(box=SIMPLE_HEAD, pad_edge=False)
        for name, numeric in zip(columns, right, strict=True):
            out.add_column(
                Text(name),
                justify="right" if numeric else "left",
                overflow="fold",
                no_wrap=width is None,
            )
        for row in rows:
            out.add_row(*(Text(_plain(c), styles.get(c, "")) for c in row))
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
    shown = grid(table.columns, table.rows, table.numeric())
    wide = console.options.update(width=100_000)
    if width is not None and console.measure(shown, options=wide).maximum > width:
        turned = list(zip(*table.rows, strict=True)) or [()]
        rows = [(name, *cells) for name, cells in zip(table.columns, turned, strict=False)]
        shown = grid(rows[0], rows[1:], [False] + [True] * len(table.rows))
    console.print(Text(_plain(table.title), "bold"))
    console.print(shown)
    for note in table.notes:
        console.print(Text(f"- {_plain(note)}"))
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def to_markdown(table: Table) -> str:
    """GitHub's Markdown: a heading, the table, the notes as a list."""

    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cells) + " |"

    rules = ["---:" if right else "---" for right in table.numeric()]
    rows = [line([_escaped(c) for c in row]) for row in (table.columns, *table.rows)]
    lines = [f"### {_escaped(table.title)}", "", rows[0], line(rules), *rows[1:]]
    return "\n".join([*lines, *_list(table.notes)]) + "\n"


def _escaped(text: str) -> str:
    return re.sub(r"([\\`*\[\]<>|~]|\b_|_\b)", r"\\\1", _plain(text))


def _list(items: Sequence[str]) -> list[str]:
    return ["", *(f"- {_escaped(item)}" for item in items)] if items else []


# Pictures. Axes and text take the page's colour, series its variables --s0 ... (light and dark), of
# which these are the light values: Okabe and Ito's, which most colour-blind people tell apart, with
# the bright ones made darker. Each series also has its own marker.

INK = "#010203"
SERIES = ("#0072b2", "#d55e00", "#009e73", "#b0568f", "#a87900", "#5a5a5a")
MARKERS = "os^DvPX"
DRAWN = 400  # inputs drawn in a picture; of more, this many evenly over the lengths
_STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "lstm-edge",
    "text.parse_math": False,
    "font.size": 9.0,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": INK,
    "grid.alpha": 0.15,
    **{k: INK for k in ("text.color", "axes.labelcolor", "axes.edgecolor")},
    **{k: INK for k in ("xtick.color", "ytick.color")},
}


def plots(parity: ParityRun, latency: LatencyReport | None) -> list[Picture]:
    """The HTML page's pictures: three of the latency, where there is one, and the differences."""
    matplotlib = require("matplotlib", "making the report")
    timed = latency.timings if latency else ()
    names = dict.fromkeys([r.variant for r in parity.reports] + [t.variant for t in timed])
    looks = {
        name: {"color": SERIES[i % len(SERIES)], "marker": MARKERS[i % len(MARKERS)]}
        for i, name in enumerate(names)
    }
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)
        pictures = []
        if latency and latency.timings:
            flips = {
                r.variant: f"{r.flips} flip{'' if r.flips == 1 else 's'}" for r in parity.reports
            }
            pictures = [_percentiles(latency), _by_length(latency, looks)]
            pictures.append(_by_size(latency, looks, flips))
        return [*pictures, _differences(parity)] if parity.reports else pictures


def _axes(height: float) -> tuple[Any, Any]:
    # a figure of its own: pyplot would change what the caller has open
    figure = require("matplotlib.figure", "making the report").Figure(
        figsize=(4.7, height), layout="constrained"
    )
    return figure, figure.add_subplot()


def _picture(figure: Any, key: str, title: str, caption: str, alt: str) -> Picture:
    out = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    with warnings.catch_warnings():
        # a character that matplotlib's font lacks: the reader's browser draws the text, not it
        warnings.filterwarnings("ignore", "Glyph .* missing")
        figure.savefig(out, format="svg", transparent=True, metadata=nothing)
    svg = out.getvalue()
    box = re.search(r'viewBox="[^"]*"', svg)
    body = svg[svg.index("<svg") :].partition(">")[2]
    body = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", body, flags=re.DOTALL)
    body = re.sub(r'\b(id="|href="#|url\(#)', rf"\1{key}-", body.replace("xlink:href", "href"))
    body = body.replace(INK, "currentColor")
    for i, value in enumerate(SERIES):
        body = body.replace(value, f"var(--s{i}, {value})")
    head = f'<svg role="img" aria-label="{html.escape(alt)}" {box[0] if box else ""}>'
    return Picture(title, head + body, caption)


def _rows(axes: Any, labels: Sequence[str]) -> None:
    """One line for each label, the first on top."""
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")
    axes.set_axisbelow(True)


def _percentiles(report: LatencyReport) -> Picture:
    timings = report.timings
    p50, p90, p99 = ([t.percentile(q) for t in timings] for q in (50, 90, 99))
    figure, axes = _axes(1.1 + 0.4 * len(timings))
    lines = range(len(timings))
    axes.barh(lines, p50, 0.5, color=SERIES[0], label="p50")
    axes.plot(p90, lines, "|", color=INK, markersize=11, markeredgewidth=1.5, label="p90")
    axes.plot(p99, lines, "D", color=SERIES[1], markersize=4.5, label="p99")
    _rows(axes, [f"{t.variant}\n{_digits(m)} ms" for t, m in zip(timings, p50, strict=True)])
    axes.set_xlim(left=0)
    axes.set_xlabel("ms for one answer")
    handles, labels = axes.get_legend_handles_labels()
    order = np.argsort(labels)
    figure.legend([handles[i] for i in order], sorted(labels), loc="outside lower center", ncols=3)
    said = [f"{t.variant} {_digits(m)}" for t, m in zip(timings, p50, strict=True)]
    caption = f"Bars: p50 over all samples, {_inputs(report)}; marks: p90 and p99."
    alt = f"Latency p50 in ms: {', '.join(said)}."
    return _picture(figure, "percentiles", "Latency of each variant", caption, alt)


def _by_length(report: LatencyReport, looks: Mapping[str, Any]) -> Picture:
    lengths = np.array(report.lengths)
    order = np.argsort(lengths, kind="stable")
    order = order[np.linspace(0, len(order) - 1, min(DRAWN, len(order))).astype(int)]
    ends = np.array([lengths.min(), lengths.max()])
    lines = {t.variant: t.per_token(report.lengths) for t in report.timings}
    figure, axes = _axes(3.9)
    # the legend in the order of the lines' right ends
    for t in sorted(report.timings, key=lambda t: -np.polyval(lines[t.variant][::-1], ends[1])):
        look, (intercept, slope) = looks[t.variant], lines[t.variant]
        times = np.array(t.per_input())[order]
        axes.plot(lengths[order], times, ls="none", markersize=3, alpha=0.45, **look)
        axes.plot(ends, intercept + slope * ends, color=look["color"])
        axes.plot([], [], label=t.variant, markersize=5, **look)
    axes.grid()
    axes.set_ylim(bottom=0)
    axes.set_xlabel("tokens")
    axes.set_ylabel("ms for one answer")
    figure.legend(loc="outside lower center", ncols=2)
    caption = "Points: median of the rounds for each input; lines: least squares."
    if len(order) < len(lengths):
        caption += f" {len(order)} of {len(lengths)} inputs are drawn."
    said = [f"{v} {_digits(s)} ms per token and {_digits(i)} ms" for v, (i, s) in lines.items()]
    alt = f"Latency against length, fitted lines: {'; '.join(said)}."
    return _picture(figure, "lengths", "Latency against length", caption, alt)


def _by_size(report: LatencyReport, looks: Mapping[str, Any], flips: Mapping[str, str]) -> Picture:
    x = np.array([t.bytes / 1e6 for t in report.timings])
    y = np.array([t.percentile(50) for t in report.timings])
    figure, axes = _axes(3.4)
    axes.set_xlim(0, 1.15 * x.max())
    axes.set_ylim(0, 1.25 * y.max())
    # labels stand beside their points, moved up where they would cover one another
    wide, high, taken = 0.45 * x.max(), 0.14 * y.max(), list[tuple[float, float]]()
    for i in np.argsort(y):
        t, right = report.timings[i], x[i] <= 0.5 * x.max()
        start, at = (x[i] if right else x[i] - wide), y[i]
        for other, height in taken:
            if abs(start - other) < wide and at < height + high:
                at = height + high
        taken.append((start, at))
        axes.plot(x[i], y[i], markersize=8, **looks[t.variant])
        label = f"{t.variant}\n{flips.get(t.variant, 'flips not measured')}"
        gap, side = (0.03, "left") if right else (-0.03, "right")
        axes.text(x[i] + gap * x.max(), at, label, ha=side, va="center", fontsize=8.5)
    axes.grid()
    axes.set_axisbelow(True)
    axes.set_xlabel("file, MB")
    axes.set_ylabel("p50, ms")
    said = [
        f"{t.variant} {_size(t.bytes)}, {_digits(m)} ms"
        for t, m in zip(report.timings, y, strict=True)
    ]
    caption = "Lower left is smaller and faster. Flips: labels that differ from the reference's."
    alt = f"Size and latency p50: {'; '.join(said)}."
    return _picture(figure, "sizes", "Size against latency", caption, alt)


def _differences(run: ParityRun) -> Picture:
    figure, axes = _axes(1.1 + 0.34 * len(run.reports))
    limits = [r.tolerance.max_abs for r in run.reports]
    shown = [d for r in run.reports for d in (r.max_abs, r.mean_abs) if d]
    floor = min([*shown, *(limit for limit in limits if limit), 1e-6]) / 5
    for i, r in enumerate(run.reports):
        ends = [max(r.mean_abs, floor), max(r.max_abs, floor)]
        axes.plot(ends, [i, i], color=SERIES[0], alpha=0.4)
        axes.plot(ends[0], i, "o", markerfacecolor="none", color=SERIES[0], label="mean")
        axes.plot(ends[1], i, "o", color=SERIES[0], label="max")
        if limit := limits[i]:
            axes.plot(limit, i, "|", color=SERIES[1], ms=12, mew=2, label="tolerance of the max")
        if not r.max_abs:
            axes.annotate("0", (floor, i), (7, 0), textcoords="offset points", va="center")
    _rows(axes, [r.variant for r in run.reports])
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0e}")
    axes.xaxis.set_minor_formatter(lambda value, _: "")
    axes.set_xlabel("difference of a probability from the reference's")
    handles = dict(zip(*axes.get_legend_handles_labels()[::-1], strict=True))
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=3)
    said = [f"{r.variant} {_difference(r.max_abs)}" for r in run.reports]
    caption = "Logarithmic; a difference of 0 stands at the left edge."
    alt = f"Greatest difference: {', '.join(said)}."
    return _picture(figure, "differences", "Difference of each variant", caption, alt)


def training_curves(result: TrainResult, path: Path) -> None:
    """Write a PNG of loss and accuracy on the training and validation parts after each epoch."""
    matplotlib = require("matplotlib", "drawing the training curves")
    ticker = require("matplotlib.ticker", "drawing the training curves")
    epochs = [e.epoch for e in result.epochs]
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        figure = require("matplotlib.figure", "drawing the training curves").Figure(
            figsize=(9, 3.8), layout="constrained", dpi=144
        )
        for axes, name in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
            for i, (part, key) in enumerate((("training", name), ("validation", f"val_{name}"))):
                values = [getattr(e, key) for e in result.epochs]
                axes.plot(epochs, values, color=SERIES[i], marker=MARKERS[i], label=part)
            axes.axvline(result.best_epoch, color="0.6", ls="--", zorder=0, label="best epoch")
            axes.set_xlim(epochs[0] - 0.5, epochs[-1] + 0.5)
            axes.xaxis.set_major_locator(ticker.MaxNLocator(integer=True, min_n_ticks=1))
            axes.set(xlabel="epoch", ylabel=name)
            axes.legend()
        figure.suptitle(
            f"Test accuracy {result.test_accuracy:.2%} on {result.test_examples:,} examples "
            f"(epoch {result.best_epoch} of {len(epochs)})"
        )
        with replacing(path) as temporary:
            figure.savefig(temporary, format="png")


# The report


def verdict(bundle: Bundle, run: ParityRun) -> str:
    """One sentence: do the bundle's variants answer as Keras does?"""
    outside = [r.variant for r in run.reports if not r.ok]
    seen = {r.variant: r for r in run.reports}
    unseen = [name for name in bundle.variants if name not in seen]
    n = len(seen)
    parts = [f"Not verified: {', '.join(unseen)}"] if unseen else []
    if outside:
        parts.insert(0, f"Outside tolerance: {', '.join(outside)} ({len(outside)} of {n})")
    elif n > 1:
        count = n if unseen else f"All {n}"
        parts.insert(0, f"{count} variants answer as Keras does within their tolerance")
    elif n:
        parts.insert(0, f"{next(iter(seen))} answers as Keras does within its tolerance")
    return ". ".join(parts) or "No variants"


def _tolerance(t: Tolerance) -> str:
    parts = [f"flips at most {t.flip_rate:.2%}" if t.flip_rate else "no flips"]
    if t.flip_margin:
        parts[0] += (
            f", not counted where the reference is within {t.flip_margin:g} of its threshold"
        )
    if t.max_abs is not None:
        parts.insert(0, f"max |Δp| {t.max_abs:g}")
    if t.accuracy_drop is not None:
        parts.append(f"accuracy at most {t.accuracy_drop * 100:g} points lower")
    return f"{'; '.join(parts)} ({t.reason})"


def _facts(info: VariantInfo) -> dict[str, str]:
    ops = sorted(info.ops.items(), key=lambda item: (-item[1], item[0]))
    return {
        "file": f"{info.file}, {_size(info.bytes)}, sha256 {info.sha256[:12]}",
        "format": f"{info.format}, {info.precision}, for {', '.join(info.runtimes)}",
        "lowering": info.lowering,
        "operators": ", ".join(f"{name} {count}" for name, count in ops) or NONE,
        "batch": "any" if info.batch is None else str(info.batch),
        "tolerance": _tolerance(info.tolerance),
        "problems": "; ".join(info.problems) or "none found",
    }


def _basis(bundle: Bundle, run: ParityRun, latency: LatencyReport | None) -> dict[str, str]:
    """What was measured, and on what."""
    source = {k: v for k, v in bundle.source.items() if isinstance(v, str | int | float)}
    named = [f"{k} {str(v)[:12] if k == 'sha256' else v}" for k, v in source.items()]
    facts = {
        "Model": ", ".join(named) or NONE,
        "Labels": ", ".join(bundle.labels) or NONE,
        "Data": f"{run.data}; {max((r.examples for r in run.reports), default=0)} examples",
        "Reference": run.reference,
        "Parity measured": f"{_date(run.measured_at)} on {_machine(run.machine)}",
    }
    if latency is None:
        return {**facts, "Latency": MISSING}
    same = latency.machine == run.machine
    where = f"{latency.device}{' (as above)' if same else ': ' + _machine(latency.machine)}"
    threads = f"{latency.threads} thread{'s' if latency.threads > 1 else ''}"
    return facts | {
        "Latency measured": f"{_date(latency.measured_at)} on {where}",
        "Inputs": f"{threads}, {_inputs(latency)}, one example at a time, variants interleaved",
    }


def write_report(
    folder: Path, bundle: Bundle, parity: ParityRun, latency: LatencyReport | None
) -> dict[str, Path]:
    """Write ``report.html`` (one file, works offline), ``report.md`` and ``report.json``.

    Their paths are returned by "html", "md" and "json". Without matplotlib and Jinja2 nothing is
    written (:class:`lstm_edge.errors.MissingExtraError`).
    """
    jinja2 = require("jinja2", "making the report")
    source = bundle.source.get("file") or bundle.source.get("name") or bundle.path.name
    name = Path(str(source)).name
    page: dict[str, Any] = {
        "name": name,
        "verdict": verdict(bundle, parity),
        "ok": parity.ok and {r.variant for r in parity.reports} >= set(bundle.variants),
        "summary": summary_table(bundle, parity, latency),
        "basis": _basis(bundle, parity, latency),
        "parity": parity_table(parity),
        "latency": latency and latency_table(latency),
        "variants": {v: _facts(info) for v, info in bundle.variants.items()},
    }
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("lstm_edge"), autoescape=True, trim_blocks=True
    )
    # what fails is in the heading, the worst are quoted in full
    short = page["parity"].notes[:1]
    text = environment.get_template("report.html.j2").render(
        page
        | {
            "parity": replace(page["parity"], notes=short),
            "failures": _failures(parity),
            "reports": parity.reports,
            "worst": [_answers(r.worst, bundle.labels) for r in parity.reports],
            "pictures": plots(parity, latency),
            "states": {OK: "ok", OUTSIDE: "bad"},
        }
    )
    paths = {kind: folder / f"report.{kind}" for kind in ("html", "md", "json")}
    write_text(paths["html"], text)
    write_text(paths["md"], _markdown(page))
    kept = ("name", "bytes", "ops", "lowering", "precision")
    value = {
        "schema": SCHEMA,
        "parity": parity.to_json(),
        "latency": latency and latency.to_json(),
        "bundle": {
            "source": bundle.source,
            "labels": bundle.labels,
            "variants": [{k: getattr(v, k) for k in kept} for v in bundle.variants.values()],
        },
    }
    write_json(paths["json"], _finite(value))
    return paths


def _markdown(page: Mapping[str, Any]) -> str:
    def items(facts: Mapping[str, str]) -> str:
        return "\n".join(f"- **{_escaped(k)}**: {_escaped(v)}" for k, v in facts.items())

    latency = to_markdown(page["latency"]) if page["latency"] else "### Latency\n\nNot measured.\n"
    parts = [
        f"# {_escaped(page['name'])}\n\n**{_escaped(page['verdict'])}.**\n",
        to_markdown(page["summary"]),
        f"### Measured on\n\n{items(page['basis'])}\n",
        to_markdown(page["parity"]),
        latency,
        *(f"### {_escaped(v)}\n\n{items(facts)}\n" for v, facts in page["variants"].items()),
    ]
    return "\n".join(parts)


def _finite(value: Any) -> Any:
    """JSON has no NaN and no infinity: null."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
