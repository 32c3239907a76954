"""The pictures: SVG for the report's page, PNG for a training run."""

from __future__ import annotations

import contextlib
import html
import io
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lstm_edge.base.extras import require
from lstm_edge.report import wording

if TYPE_CHECKING:  # train.py imports this module
    from lstm_edge.results.latency import LatencyReport
    from lstm_edge.results.parity import ParityRun


@dataclass(frozen=True)
class Picture:
    """An ``<svg>`` element for the HTML page, with what it shows in words."""

    title: str
    svg: str
    caption: str


INK = "#010203"
SERIES = ("#0072b2", "#d55e00", "#009e73", "#b0568f", "#a87900", "#5a5a5a")
MARKERS = "os^DvPX"
FONTS = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"
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
    **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor"), INK),
    **dict.fromkeys(("xtick.color", "ytick.color"), INK),
}


def plots(parity: ParityRun, latency: LatencyReport | None) -> list[Picture]:
    """The HTML page's pictures: three of the latency, where there is one, and the differences."""
    timed = latency.timings if latency else ()
    names = dict.fromkeys([r.variant for r in parity.reports] + [t.variant for t in timed])
    looks = {
        name: {"color": SERIES[i % len(SERIES)], "marker": MARKERS[i % len(MARKERS)]}
        for i, name in enumerate(names)
    }
    with drawing():
        pictures = []
        if latency and latency.timings:
            flips = {
                r.variant: f"{r.flips} flip{'' if r.flips == 1 else 's'}"
                if r.decisions
                else f"relative Δ {wording.difference(r.max_abs)}"
                for r in parity.reports
            }
            pictures = [_percentiles(latency)]
            if latency.unit == "tokens" or len(set(latency.lengths)) > 1:
                pictures.append(_by_length(latency, looks))
            pictures.append(_by_size(latency, looks, flips))
        return [*pictures, _differences(parity)] if parity.reports else pictures


@contextlib.contextmanager
def drawing() -> Iterator[None]:
    """Set matplotlib as these pictures need it, and set it back."""
    matplotlib = require("matplotlib", "making the report")
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)
        yield


def new_figure(width: float, height: float) -> Any:
    """A figure of its own, in inches: pyplot would change what the caller has open."""
    module = require("matplotlib.figure", "making the report")
    return module.Figure(figsize=(width, height), layout="constrained")


def _axes(height: float) -> tuple[Any, Any]:
    figure = new_figure(4.7, height)
    return figure, figure.add_subplot()


def picture(figure: Any, key: str, title: str, caption: str, alt: str) -> Picture:
    """The figure as an element; ``key`` keeps its ids apart from other pictures' on the page."""
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


def standalone(picture: Picture) -> str:
    """The picture as a file: dark on white, whatever page it is shown on."""
    head, _, body = picture.svg.partition(">")
    width, height = re.findall(r"[\d.]+", head.partition("viewBox=")[2])[2:4]
    return (
        f'{head} xmlns="http://www.w3.org/2000/svg" width="{width}pt" height="{height}pt" '
        'style="background: #fff; color: #1c1c1c">\n'
        f"<style>text {{ font-family: {FONTS} !important }}</style>{body}"
    )


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
    _rows(axes, [f"{t.variant}\n{wording.digits(m)} ms" for t, m in zip(timings, p50, strict=True)])
    axes.set_xlim(left=0)
    axes.set_xlabel("ms for one answer")
    handles, labels = axes.get_legend_handles_labels()
    order = np.argsort(labels)
    figure.legend([handles[i] for i in order], sorted(labels), loc="outside lower center", ncols=3)
    said = [f"{t.variant} {wording.digits(m)}" for t, m in zip(timings, p50, strict=True)]
    caption = f"Bars: p50 over all samples, {wording.inputs(report)}; marks: p90 and p99."
    alt = f"Latency p50 in ms: {', '.join(said)}."
    return picture(figure, "percentiles", "Latency of each variant", caption, alt)


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
    axes.set_xlabel(report.unit)
    axes.set_ylabel("ms for one answer")
    figure.legend(loc="outside lower center", ncols=2)
    caption = "Points: median of the rounds for each input; lines: least squares."
    if len(order) < len(lengths):
        caption += f" {len(order)} of {len(lengths)} inputs are drawn."
    said = [
        f"{t.variant} {wording.digits(lines[t.variant][1])} ms per {report.unit[:-1]} and "
        f"{wording.digits(max(0.0, lines[t.variant][0]))} ms"
        if t.grows(report.lengths)
        else f"{t.variant} does not grow measurably"
        for t in report.timings
    ]
    alt = f"Latency against length, fitted lines: {'; '.join(said)}."
    return picture(figure, "lengths", "Latency against length", caption, alt)


def _by_size(report: LatencyReport, looks: Mapping[str, Any], flips: Mapping[str, str]) -> Picture:
    x = np.array([t.bytes / 1e6 for t in report.timings])
    y = np.array([t.percentile(50) for t in report.timings])
    figure, axes = _axes(3.4)
    axes.set_xlim(0, 1.15 * x.max())
    axes.set_ylim(0, 1.25 * y.max())
    # labels stand beside their points, moved up where they would cover one another
    wide, high, labels_placed = 0.45 * x.max(), 0.14 * y.max(), list[tuple[float, float]]()
    for i in np.argsort(y):
        t, right = report.timings[i], x[i] <= 0.5 * x.max()
        start, at = (x[i] if right else x[i] - wide), y[i]
        for other, height in labels_placed:
            if abs(start - other) < wide and at < height + high:
                at = height + high
        labels_placed.append((start, at))
        axes.plot(x[i], y[i], markersize=8, **looks[t.variant])
        label = f"{t.variant}\n{flips.get(t.variant, 'flips not measured')}"
        gap, side = (0.03, "left") if right else (-0.03, "right")
        axes.text(x[i] + gap * x.max(), at, label, ha=side, va="center", fontsize=8.5)
    axes.grid()
    axes.set_axisbelow(True)
    axes.set_xlabel("file, MB")
    axes.set_ylabel("p50, ms")
    said = [
        f"{t.variant} {wording.size(t.bytes)}, {wording.digits(m)} ms"
        for t, m in zip(report.timings, y, strict=True)
    ]
    caption = "Lower left is smaller and faster. Flips: labels that differ from the reference's."
    alt = f"Size and latency p50: {'; '.join(said)}."
    return picture(figure, "sizes", "Size against latency", caption, alt)


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
    relative = any(r.tolerance.relative for r in run.reports)
    axes.set_xlabel(
        "difference, as a share of the output's scale"
        if relative
        else "difference of a probability from the reference's"
    )
    handles = dict(zip(*axes.get_legend_handles_labels()[::-1], strict=True))
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=3)
    said = [f"{r.variant} {wording.difference(r.max_abs)}" for r in run.reports]
    caption = "Logarithmic; a difference of 0 stands at the left edge."
    alt = f"Greatest difference: {', '.join(said)}."
    return picture(figure, "differences", "Difference of each variant", caption, alt)
