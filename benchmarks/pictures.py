"""The pictures in README.md and docs, from the committed result of one thread.

usage: python -m benchmarks.pictures

Which bytes an SVG has depends on matplotlib's version, so each names the result that it was drawn
from, and that is what ``python -m benchmarks.readme --check`` looks at.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.routes import TRUE_LENGTH
from benchmarks.run import Run, read, result_file
from lstm_edge.base.files import sha256, write_text
from lstm_edge.report import wording
from lstm_edge.report.plots import SERIES, Picture, drawing, new_figure, picture, standalone
from lstm_edge.results.latency import Timing

FOLDER = Path(__file__).parent.parent / "docs" / "images"
RESULT = result_file(1)
BY_LENGTH, BY_SIZE = "latency-length.svg", "latency-size.svg"
BINS = 8  # of the lengths, each with as many inputs
GAP = 0.034  # between two labels, of the axis
# How a name looks that holds the word; the first that fits. Ours are drawn bolder.
_COLOURS = {
    "predict": SERIES[5],
    "function": SERIES[5],
    "openvino": SERIES[3],
    "pytorch": SERIES[3],
    "keras-export": SERIES[2],
    "tf2onnx": SERIES[2],
    "keras-loop": SERIES[4],
    "fused": SERIES[4],
    "onnx": SERIES[0],
    "tflite": SERIES[1],
}


def pictures(run: Run) -> dict[str, Picture]:
    """By file name."""
    with drawing():
        return {BY_LENGTH: _by_length(run), BY_SIZE: _by_size(run)}


def _colour(name: str) -> str:
    return next(colour for word, colour in _COLOURS.items() if word in name)


def apart(values: Sequence[float], gap: float) -> list[float]:
    """The values moved as little as it takes to be ``gap`` apart, in the same order."""
    groups: list[tuple[float, int]] = []  # mean of what is moved together, and how many
    order = np.argsort(values, kind="stable")
    for rank, index in enumerate(order):
        mean, count = values[index] - rank * gap, 1
        while groups and groups[-1][0] >= mean:
            before, n = groups.pop()
            mean, count = (before * n + mean * count) / (n + count), n + count
        groups.append((mean, count))
    moved = [mean for mean, count in groups for _ in range(count)]
    found = [0.0] * len(values)
    for rank, index in enumerate(order):
        found[index] = moved[rank] + rank * gap
    return found


@dataclass(frozen=True)
class _Point:
    x: float
    y: float
    text: str
    colour: str
    own: bool


def _labels(axes: Any, points: Sequence[_Point], at: float) -> None:
    """Texts at ``at`` (in the axes' widths), each with a line to its point."""
    low, high = np.log10(axes.get_ylim())
    heights = [(np.log10(p.y) - low) / (high - low) for p in points]
    for point, height in zip(points, apart(heights, GAP), strict=True):
        axes.annotate(
            point.text,
            (point.x, point.y),
            (at, height),
            textcoords="axes fraction",
            va="center",
            ha="left" if at > 0.5 else "right",
            fontsize=8,
            fontweight="bold" if point.own else "normal",
            arrowprops={
                "arrowstyle": "-",
                "relpos": (float(at < 0.5), 0.5),
                "shrinkA": 0,
                "shrinkB": 2,
                "color": point.colour,
                "alpha": 0.6,
                "lw": 0.7,
            },
        )


def _scale(axes: Any, low: float, high: float) -> None:
    axes.set_yscale("log")
    axes.set_ylim(low / 1.4, high * 1.4)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.grid()
    axes.set_axisbelow(True)


def _told(figure: Any, caption: str) -> None:
    # in the picture too: it may be shown alone
    figure.supxlabel(caption, fontsize=8)


def _by_length(run: Run) -> Picture:
    latency = run.latency
    lengths = np.array(latency.lengths)
    parts = np.array_split(np.argsort(lengths, kind="stable"), min(BINS, len(lengths)))
    middles = [float(np.median(lengths[part])) for part in parts]
    ours = run.ours()

    def course(timing: Timing) -> list[float]:
        times = np.array(timing.per_input())
        return [float(np.median(times[part])) for part in parts]

    least = min(min(course(t)) for t in latency.timings)
    most = max(max(course(t)) for t in latency.timings)
    figure = new_figure(10.4, 5.8)
    for axes, suffix, title in zip(
        figure.subplots(1, 2, sharey=True),
        ("", TRUE_LENGTH),
        ("the others padded, as the model was trained", "the others without pads: another answer"),
        strict=True,
    ):
        _scale(axes, least, most)
        ends = []
        for timing in [*run.others(suffix), *ours]:
            own, drawn, colour = timing in ours, course(timing), _colour(timing.variant)
            axes.plot(middles, drawn, color=colour, lw=2.2 if own else 1.1, alpha=1 if own else 0.8)
            name = timing.variant.removesuffix(suffix)
            ends.append(_Point(middles[-1], drawn[-1], name, colour, own))
        _labels(axes, ends, 1.1)
        axes.set_title(title, fontsize=9.5)
        axes.set_xlim(0, middles[-1])
        axes.set_xlabel("tokens of the review")
    figure.axes[0].set_ylabel("ms for one answer (logarithmic)")
    caption = (
        f"Bold: ours, at the review's own length in both halves (blue: ONNX Runtime, red: LiteRT). "
        f"Medians of {len(parts)} groups of reviews by length, {wording.threads(latency.threads)}."
    )
    _told(figure, caption)
    said = [f"{t.variant} {wording.digits(t.median())}" for t in latency.timings]
    alt = f"Latency against length; medians over all lengths in ms: {', '.join(said)}."
    return picture(figure, "lengths", "Latency against length", caption, alt)


def _by_size(run: Run) -> Picture:
    ours, others = run.ours(), run.others()
    timings = [*ours, *others]
    sizes = {t.variant: t.bytes / 1e6 for t in timings}
    least, most = min(sizes.values()), max(sizes.values())
    figure = new_figure(8.6, 5.4)
    axes = figure.add_subplot()
    axes.set_xscale("log")
    axes.set_xlim(least / (most / least) ** 0.8, most * 1.1)  # room for the labels of small files
    ticks = [tick for tick in (0.5, 1, 2, 3, 4, 6, 10, 20, 40) if least / 1.5 < tick < most * 1.1]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_xticks([], minor=True)
    medians = [t.median() for t in timings]
    _scale(axes, min(medians), max(medians))
    points = []
    for timing in timings:
        found, colour = run.parity_of(timing), _colour(timing.variant)
        x, y = sizes[timing.variant], timing.median()
        own = timing in ours
        axes.plot(x, y, "o" if own else "D", color=colour, markersize=8 if own else 5)
        points.append(_Point(x, y, f"{timing.variant}: {_flips(found.flips)}", colour, own))
    small = [point for point in points if point.x < 2 * least]
    _labels(axes, [point for point in points if point not in small], 1.03)
    _labels(axes, small, 0.39)
    axes.set_xlabel("file, MB (logarithmic)")
    axes.set_ylabel("median ms (logarithmic)")
    latency = run.latency
    caption = (
        "Lower left is smaller and faster. Round, bold: ours. Flips: labels that differ from Keras's, of "
        f"{len(latency.lengths)} reviews; {wording.threads(latency.threads)}."
    )
    _told(figure, caption)
    said = [f"{p.text}, {p.x:.2f} MB, {wording.digits(p.y)} ms" for p in points]
    alt = f"Size against latency and flips: {'; '.join(said)}."
    return picture(figure, "sizes", "Size against latency", caption, alt)


def _flips(count: int) -> str:
    return f"{count} flip{'' if count == 1 else 's'}"


def _origin() -> str:
    return f"<!-- drawn from {RESULT.name}, sha256 {sha256(RESULT)} -->"


def stale() -> list[str]:
    """Names of pictures that are missing or were drawn from another result."""

    def first_line(path: Path) -> str:
        return path.read_text(encoding="utf-8").partition("\n")[0] if path.exists() else ""

    return [name for name in (BY_LENGTH, BY_SIZE) if first_line(FOLDER / name) != _origin()]


def main() -> None:
    made = pictures(read(RESULT))
    for name, drawn in made.items():
        write_text(FOLDER / name, f"{_origin()}\n{standalone(drawn)}")
        print(f"Written: {FOLDER / name}")


if __name__ == "__main__":
    # knows no options, but --help must not draw
    argparse.ArgumentParser(description=__doc__.partition("\n")[0]).parse_args()
    main()
