"""Long runs and many threads, in small: what ``benchmarks.endurance`` and ``benchmarks.threads`` do.

No time is asserted.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import endurance, threads
from lstm_edge import Predictor, load_bundle
from lstm_edge.report.tables import to_markdown

CALLS, STEPS = 3000, 3000
# What a process may grow by in so many calls: one page in each would be 12 MiB.
GROWN = 4 << 20
# As exports are held: float32 by rounding, int8 by its weights.
LIMITS = {"float32": 1e-5, "int8-dynamic": 5e-2}
VARIANTS = [f"{fmt}-{precision}" for fmt in ("onnx", "tflite") for precision in LIMITS]
MADE_FOR = ("", "-text", "-litert-js", "-mediapipe")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, dict[str, Path]]:
    """The small model of arrays, and the bundles."""
    return endurance.made(tmp_path_factory.mktemp("endurance"))


def limit(variant: str) -> float:
    return next(value for precision, value in LIMITS.items() if precision in variant)


@pytest.mark.parametrize(
    ("takes", "variant"),
    [
        *(("arrays", variant) for variant in VARIANTS),
        *(("texts", variant) for variant in VARIANTS),
        ("texts", "onnx-float32-text"),
        ("texts", "tflite-float32-litert-js"),
        ("texts", "tflite-float32-mediapipe"),
    ],
)
def test_memory_stays_and_so_does_the_first_answer(
    takes: str, variant: str, made: tuple[Any, dict[str, Path]]
) -> None:
    found = endurance.in_new_process(made[1][takes], variant, CALLS)
    assert found["same"]
    assert len(found["resident"]) == 11
    assert found["resident"][-1] - found["resident"][0] < GROWN


@pytest.mark.parametrize("piece", [1, 1000])
@pytest.mark.parametrize("variant", VARIANTS)
def test_a_long_stream_stays_at_the_equations(
    variant: str, piece: int, made: tuple[Any, dict[str, Path]], rng: np.random.Generator
) -> None:
    model, paths = made
    predictor = load_bundle(paths["streams"], variant)
    assert isinstance(predictor, Predictor)
    sequence = rng.normal(size=(1, STEPS, endurance.WIDTH)).astype(np.float32)
    zeros = np.zeros((1, endurance.UNITS))
    expected = endurance.Oracle(model).run(sequence, zeros, zeros)
    begin = endurance.begun(predictor, 0, 0)
    answer = endurance.streamed(predictor, sequence, begin, piece)
    greatest = float(np.abs(expected).max())
    assert endurance.off(answer, expected, greatest) <= limit(variant)


@pytest.mark.parametrize("states", endurance.STATES)
@pytest.mark.parametrize("variant", VARIANTS)
def test_odd_states_are_answered_by_the_equations(
    variant: str, states: str, made: tuple[Any, dict[str, Path]], rng: np.random.Generator
) -> None:
    model, paths = made
    predictor = load_bundle(paths["streams"], variant)
    assert isinstance(predictor, Predictor)
    scale, hidden, cell = endurance.STATES[states]
    inputs = (rng.normal(size=(1, 50, endurance.WIDTH)) * scale).astype(np.float32)
    oracle, one = endurance.Oracle(model), np.ones((1, endurance.UNITS))
    expected = oracle.run(inputs, hidden * one, cell * one)
    plain = np.abs(oracle.run(inputs / scale, one / 2, one / 2)).max()
    answer = endurance.streamed(predictor, inputs, endurance.begun(predictor, hidden, cell))
    assert np.isfinite(answer).all()
    assert endurance.off(answer, expected, float(plain)) <= limit(variant)


def test_the_whole_of_long_runs(
    made: tuple[Any, dict[str, Path]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "endurance.json"
    options = ["--calls", "100", "--steps", "2000", "--repeats", "3", "--json", str(out)]
    monkeypatch.setattr(sys, "argv", ["endurance", *options])
    monkeypatch.setattr(endurance, "made", lambda work: made)
    endurance.main()
    result = json.loads(out.read_text())
    texts = [row["runtime"] for row in result["rows"] if row["takes"] == "texts"]
    assert len(texts) == len(set(texts)) == 4, "one file of each runtime"
    assert len(result["rows"]) == 4 + 4
    assert all(row["same"] for row in result["rows"])
    assert "100 calls each" in capsys.readouterr().out
    assert len(endurance.streams(result).rows) == 2 + len(endurance.STATES)


def test_a_slope_is_in_bytes_for_a_call() -> None:
    assert endurance.slope([1000 + 300 * at for at in range(11)], 3000) == pytest.approx(1)
    assert endurance.slope([5000] * 11, 3000) == pytest.approx(0, abs=1e-9)


# --- many threads ---------------------------------------------------------------------------------


def test_many_threads_are_counted_and_timed(
    made: tuple[Any, dict[str, Path]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    kinds = {"arrays": made[1]["arrays"], "streams": made[1]["streams"]}
    monkeypatch.setattr(threads, "bundles", lambda model, work: kinds)
    args = argparse.Namespace(model=tmp_path, calls=20, seconds=0.05, rounds=2)
    result = threads.measure(args, tmp_path)
    assert [(row["takes"], row["variant"]) for row in result["rows"]] == [
        (kind, variant) for kind in kinds for variant in VARIANTS
    ]
    for row in result["rows"]:
        assert (row["answers"], row["differing"]) == (320, 0)
        assert all(len(each) == 2 and min(each) > 0 for each in row["per_second"].values())
    assert "0 of 320" in to_markdown(threads.table(result))


def test_answers_that_differ_are_counted() -> None:
    calls = []

    def answer(one: int) -> bytes:
        calls.append(one)
        return bytes([one, len(calls) > 4])

    assert threads.differing(answer, [1, 2, 3, 4], 5) == 5 * threads.ASKING


def test_growth_is_the_rounds_median() -> None:
    row = {"per_second": {"1": [10, 10, 20], "2": [15, 19, 40]}}
    assert threads.growth(row, 2) == pytest.approx(1.9)


def test_the_whole_of_many_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "threads.json"
    options = ["--calls", "20", "--rounds", "1", "--seconds", "0.05", "--json", str(out)]
    monkeypatch.setattr(sys, "argv", ["threads", *options])
    threads.main()
    result = json.loads(out.read_text())
    assert not any(row["differing"] for row in result["rows"])
    timed = {row["takes"] for row in result["rows"] if row["per_second"]}
    assert timed == set(threads.TIMED) < {row["takes"] for row in result["rows"]}
    assert len(threads.table(result).rows) == len(result["rows"])
