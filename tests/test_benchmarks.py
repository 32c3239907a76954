"""The benchmark: every route answers as Keras does, and its arithmetic. No time is asserted."""

from __future__ import annotations

import argparse
import importlib.util
import json
import shutil
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Sequence
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import WORDS
from models import plain

from benchmarks import ideas, pictures, readme, tables
from benchmarks import latency as benchmark
from benchmarks.routes import ROUTES, TRUE_LENGTH, by_keras, by_onnx
from benchmarks.routes.base import RECORDED, SAME, RouteRunner, prepared
from benchmarks.run import (
    FIXED_PART,
    Ratio,
    Run,
    Target,
    fixed_part,
    ratio,
    read,
    result_file,
    write,
)
from export.stack import read_stack
from lstm_edge.base.arrays import Ids
from lstm_edge.base.extras import require
from lstm_edge.bench import timing as latency
from lstm_edge.cli.console import Bars
from lstm_edge.errors import InputError, MissingExtraError
from lstm_edge.inputs.batches import Inputs
from lstm_edge.inputs.tokenizer import pad_sequences
from lstm_edge.report import tables as report
from lstm_edge.results.latency import LatencyReport, Start, Timing
from lstm_edge.verify.comparing import compare

LENGTH = 24
FORMS = {"padded": "", "true length": TRUE_LENGTH}
# what rounding to 8 bits may cost these small models; NNCF's costs the whole answer, see the README
LIMITS = dict.fromkeys(("pytorch-int8-dynamic", "openvino-int8-weights"), 0.1)
LIMITS |= {"fused-tflite-int8-dynamic": 0.1, "openvino-default": 0.1, "openvino-int8-full": 1.0}


@pytest.fixture(autouse=True)
def threads_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """TensorFlow runs already in this process, with as many threads as it likes."""
    monkeypatch.setattr(by_keras, "use_threads", lambda threads: None)


@pytest.fixture(scope="module")
def models() -> dict[str, Any]:
    """A model whose cells stay below 10, by form: with its own length, and with a free one."""
    model = plain(LENGTH, (8, 5), dense=("7 relu",), gain=0.1)
    return {"": model, TRUE_LENGTH: by_keras.with_free_length(model)}


def sequences() -> list[Ids]:
    rng = np.random.default_rng(3)
    return [rng.integers(1, 30, n).astype(np.int32) for n in (9, LENGTH, 1, 2 * LENGTH, 9)]


@pytest.fixture(scope="module")
def made(
    models: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str, str], Any]:
    """A freshly loaded runner of a route's file, which is made once."""
    folder = tmp_path_factory.mktemp("routes")

    def make(name: str, suffix: str = "") -> Any:
        route = ROUTES[name]
        for package in route.needs:
            if importlib.util.find_spec(package) is None:
                pytest.skip(f"{name} needs {package}, which is not installed")
        path = folder / f"{name}{suffix}{route.suffix}"
        if not path.exists():
            inputs = [prepared([ids], LENGTH, bool(suffix)) for ids in sequences()]
            route.build(models[suffix], path, inputs)
        return RouteRunner(route.runtime(path), max_length=LENGTH, batch=1)

    return make


@pytest.fixture(scope="module")
def expected(models: dict[str, Any]) -> dict[str, Any]:
    """Keras's answers to the sequences, by form; the free model takes padded ids as well."""
    model = models[TRUE_LENGTH]
    return {
        suffix: [np.asarray(model(prepared([ids], LENGTH, bool(suffix)))) for ids in sequences()]
        for suffix in models
    }


# --- routes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ROUTES)
def test_a_route_answers_as_keras_does(
    name: str, form: str, made: Callable[[str, str], Any], expected: dict[str, Any]
) -> None:
    suffix = FORMS[form]
    runner = made(name, suffix)
    for ids, right in zip(sequences(), expected[suffix], strict=True):
        if name.startswith("fused"):
            runner = made(name, suffix)  # it keeps its states
        given = runner.padded([ids])
        assert given.shape == (1, min(len(ids), LENGTH) if suffix else LENGTH)
        answer = runner.run(given)
        assert answer.shape == (1, 1)
        limit = LIMITS.get(name, SAME.max_abs)
        assert np.abs(answer - right).max() <= limit


def test_the_stock_fused_operator_keeps_its_states(
    made: Callable[[str, str], Any], expected: dict[str, Any]
) -> None:
    outputs = benchmark.in_order(made("fused-tflite-float32", ""), sequences())
    off = np.abs(outputs - np.concatenate(expected[""]))
    assert off[0] <= 1e-5
    assert off[1:].max() > 1e-3


def test_the_stock_fused_operator_clips_cells(tmp_path: Path) -> None:
    model = plain(40, (8, 5), gain=0.5, seed=8)  # its cells grow beyond 10
    route = ROUTES["fused-tflite-float32"]
    route.build(model, tmp_path / "fused.tflite", [])
    off = []
    for row in sequences():
        runner = RouteRunner(route.runtime(tmp_path / "fused.tflite"), max_length=40)
        ids = runner.padded([row])
        off.append(np.abs(runner.run(ids) - np.asarray(model(ids))).max())
    assert max(off) > 1e-3


def test_every_idea_answers_as_keras(tmp_path: Path) -> None:
    model = plain(20, (8, 5), vocab=300, seed=2)  # a length that every block divides
    rows = [ids[-20:] for ids in sequences()]
    right = np.asarray(model(pad_sequences(rows, 20)))
    runners = ideas.built(read_stack(model), tmp_path)
    assert len(runners) == len(ideas.IDEAS)
    for name, runner in runners.items():
        off = np.abs(runner.run_sequences(rows) - right).max()
        # int8 products saturate on processors without VNNI, the more so with a scale per channel
        assert off <= (1e-5 if "float32" in name else 0.2), name


def test_no_id_at_all_is_one_pad() -> None:
    nothing = [np.zeros(0, np.int32)]
    assert prepared(nothing, 5, at_true_length=True).tolist() == [[0]]
    assert prepared(nothing, 5, at_true_length=False).tolist() == [[0] * 5]


@pytest.mark.parametrize("suffix", FORMS.values(), ids=FORMS)
def test_a_route_starts_in_a_new_process(
    suffix: str, made: Callable[[str, str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(latency, "STARTS", 1)
    assert latency.fresh_start(made("keras-export-onnx", suffix)).first_ms > 0


@pytest.mark.parametrize("name", ROUTES)
def test_a_route_takes_one_input_from_its_file_to_a_new_process(
    name: str,
    made: Callable[[str, str], Any],
    expected: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(latency, "STARTS", 1)
    runner = made(name, "")
    answer = benchmark.in_order(runner, sequences()[:1])
    assert np.abs(answer - expected[""][0]).max() <= LIMITS.get(name, SAME.max_abs)
    starts, failed = benchmark.fresh_starts({name: runner}, Bars())
    assert failed == {}
    assert starts[name].first_ms > 0
    report = latency.measure(
        {name: runner}, Inputs(sequences()[:1]), [LENGTH], rounds=1, fresh=False
    )
    assert report.timings[0].samples_ms[0][0] > 0


@pytest.mark.parametrize("name", ROUTES)
def test_what_a_route_imports_is_there_or_its_extra_is_named(name: str) -> None:
    for module in ROUTES[name].runtime.modules:
        if importlib.util.find_spec(module.partition(".")[0]) is None:
            with pytest.raises(MissingExtraError, match=r"\[bench\]"):
                require(module, "measuring")
        else:
            assert require(module, "measuring").__name__ == module


def test_tensorflow_takes_its_threads_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    plain(4)  # TensorFlow has run
    with pytest.raises(InputError, match="not with 13 threads: start a new one"):
        by_keras.use_threads(13)


# --- the whole, with real parts -------------------------------------------------------------------


def other_weights(model: Any, path: Path, inputs: Sequence[Ids]) -> None:
    import keras

    changed = keras.models.clone_model(model)
    changed.set_weights([weights * 0.9 for weights in model.get_weights()])
    by_onnx.keras_export(changed, path, inputs)


@pytest.fixture
def arguments(
    model_files: Path, small_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> argparse.Namespace:
    """For a run on a small model, whose bundle is there already, with few routes."""

    def ready(model: Path, out: Path, **options: Any) -> None:
        del model, options
        shutil.copytree(small_bundle, out)

    there = ROUTES["keras-export-onnx"]
    absent = replace(ROUTES["pytorch-float32"], needs=("no_such_package",))
    routes = {"keras-export-onnx": there, "pytorch-float32": absent}
    monkeypatch.setattr(benchmark, "ROUTES", routes)
    monkeypatch.setattr(benchmark, "export_bundle", ready)
    monkeypatch.setattr(latency, "STARTS", 1)
    rng = np.random.default_rng(0)
    for split in ("train", "test"):
        rows = [f"{' '.join(rng.choice(WORDS, n))},{n % 2}" for n in (3, 1, 17, 30, 8, 9)]
        (tmp_path / f"{split}.csv").write_text("\n".join(["text,label", *rows]) + "\n")
    return argparse.Namespace(
        data=str(tmp_path),
        model=model_files / "small.keras",
        limit=5,
        rounds=2,
        threads=1,
        only="all",
    )


def test_a_run(
    arguments: argparse.Namespace, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run = benchmark.measure(arguments, tmp_path)
    assert [t.variant for t in run.others()] == ["keras-export-onnx"]
    assert [t.variant for t in run.others(TRUE_LENGTH)] == ["keras-export-onnx" + TRUE_LENGTH]
    assert {t.variant for t in run.ours()} >= set(tables.COMPARED)
    assert [r.variant for r in run.parity] == [t.variant for t in run.latency.timings]
    for timing in run.latency.timings:
        assert np.array(timing.samples_ms).shape == (2, 5)
        assert (timing.start is None) == timing.variant.endswith(TRUE_LENGTH)
        assert run.parity_of(timing).examples == 5
    assert run.at_true_length.max_abs > 1e-3  # the model counts pads
    said = capfd.readouterr().out
    for name in ("pytorch-float32", "pytorch-float32" + TRUE_LENGTH):
        assert run.left_out[name].startswith("no_such_package not installed: pip install")
        assert f"{name} is left out: no_such_package not installed" in said
    assert Run.from_json(json.loads(json.dumps(run.to_json()))) == run
    assert len(tables.side_by_side(run).rows) == len(run.ours()) + 1


def test_a_route_that_is_not_keras_is_not_timed(
    arguments: argparse.Namespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = {"keras-export-onnx": replace(ROUTES["keras-export-onnx"], build=other_weights)}
    monkeypatch.setattr(benchmark, "ROUTES", wrong)
    with pytest.raises(SystemExit, match=r"keras-export-onnx is not Keras: max .* not measured"):
        benchmark.measure(arguments, tmp_path)


def test_what_was_measured_outlives_a_failed_start(
    arguments: argparse.Namespace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    route = ROUTES["keras-export-onnx"]

    class Lost(route.runtime):  # type: ignore[name-defined, misc]
        """A new process cannot import what it says it needs."""

        modules = ("openvino.no_such_module",)

    routes = {"keras-export-onnx": replace(route, runtime=Lost)}
    monkeypatch.setattr(benchmark, "ROUTES", routes)
    out = tmp_path / "whole.json"
    out.write_text("a whole result")
    options = ["--data", arguments.data, "--model", str(arguments.model), "--limit", "5"]
    command = ["latency", *options, "--rounds", "1", "--json", str(out)]
    monkeypatch.setattr(sys, "argv", command)
    with pytest.raises(
        SystemExit, match=r"fresh start of keras-export-onnx: .*in a new process"
    ) as end:
        benchmark.main()
    assert isinstance(end.value.code, str)  # which Python prints, and exits with 1
    assert out.read_text() == "a whole result"
    run = read(tmp_path / "whole.part.json")
    assert list(run.failed) == ["fresh start of keras-export-onnx"]
    timings = {t.variant: t for t in run.latency.timings}
    assert timings["keras-export-onnx"].start is None
    assert timings["onnx-float32"].start is not None
    assert all(len(t.samples_ms[0]) == 5 for t in timings.values())
    assert "Written: " in capsys.readouterr().out


# --- arithmetic, on made-up times -----------------------------------------------------------------

LENGTHS = (0, 100, 200, 500)


def timing(name: str, *rounds: float, per_token: float = 0.0) -> Timing:
    """Rounds of so many ms, plus so many for each token."""
    samples = tuple(tuple(ms + per_token * n for n in LENGTHS) for ms in rounds)
    return Timing(name, "made up", 2_000_000, "0", samples, (), Start(1, 2, 3, 4), 5.0)


def run_of(*timings: Timing, flips: dict[str, int] | None = None, **changes: Any) -> Run:
    """A run on 200 examples with so many flips each."""

    def parity(name: str) -> Any:
        reference = np.full((200, 1), 0.2, np.float32)
        outputs = reference.copy()
        outputs[: (flips or {}).get(name, 0)] = 0.7
        return compare(name, reference, outputs, RECORDED)

    when = "2025-01-02T03:04:05+00:00"
    machine = {"cpu": "Made-up CPU", "versions": {}}
    made = LatencyReport("a desk", machine, when, 1, LENGTHS, None, timings, ())
    reports = tuple(parity(t.variant) for t in timings)
    return replace(Run(made, reports, parity("keras" + TRUE_LENGTH), {}), **changes)


A_RUN = run_of(
    timing("onnx-float32", 1.0, 1.0, 1.0),
    timing("onnx-int8-dynamic", 0.5, 0.5, 0.5, per_token=0.005),
    timing("keras-export-onnx", 2.0, 3.0, 2.8),
    timing("openvino-float32", 4.0, 4.0, 4.0),
    timing("openvino-int8-full", 1.0, 1.0, 1.0),
    timing("pytorch-float32", 3.0, 3.0, 3.0),
    timing("keras-export-onnx" + TRUE_LENGTH, 1.5, 1.5, 1.5),
    flips={"openvino-int8-full": 3, "onnx-int8-dynamic": 2, "keras" + TRUE_LENGTH: 20},
    left_out={"tf2onnx-loop": "no tf2onnx", "tf2onnx-loop" + TRUE_LENGTH: "none either"},
)


def test_a_ratio_is_of_rounds() -> None:
    found = ratio(timing("slow", 2.0, 9.0, 6.0), timing("fast", 1.0, 3.0, 3.0))
    assert found == Ratio(2.0, 2.0, 3.0)
    assert tables.spread(found) == "2.0× (2.0–3.0)"
    assert tables.spread(Ratio(0.5, 0.456, 12.34)) == "0.50× (0.46–12.3)"


def test_who_is_ours() -> None:
    assert [t.variant for t in A_RUN.ours()] == ["onnx-float32", "onnx-int8-dynamic"]
    assert len(A_RUN.others()) == 4
    assert [t.variant for t in A_RUN.others(TRUE_LENGTH)] == ["keras-export-onnx" + TRUE_LENGTH]


@pytest.mark.parametrize(
    ("target", "names", "met"),
    [
        (Target("onnx-float32", ("keras-export-onnx",), 2.8), ("onnx-float32", None), True),
        (Target("onnx-float32", ("keras-export-onnx",), 2.9), ("onnx-float32", None), False),
        # of several the fastest, but not one that flips too much
        (Target("*", ("openvino-*", "pytorch-*"), 3), ("onnx-float32", "pytorch-float32"), True),
        # unless it is the one that is asked for
        (Target("*", ("openvino-int8-full",), 3), ("onnx-float32", None), False),
    ],
)
def test_an_outcome(target: Target, names: tuple[str, str | None], met: bool) -> None:
    outcome = A_RUN.outcome(target)
    assert outcome is not None
    assert (outcome.ours, outcome.other, outcome.met) == (
        names[0],
        names[1] or target.others[0],
        met,
    )


@pytest.mark.parametrize(
    "target", [Target("tflite-*", ("keras-predict",), 1), Target("*", ("tf2onnx-loop",), 1)]
)
def test_what_was_not_measured_has_no_outcome(target: Target) -> None:
    assert A_RUN.outcome(target) is None


def test_the_fixed_part() -> None:
    assert fixed_part(timing("v", 0.5, per_token=0.005), LENGTHS) == pytest.approx(0.5 / 3.0)
    assert fixed_part(timing("v", 2.0), LENGTHS) == pytest.approx(1.0)


def test_a_run_survives_its_file(tmp_path: Path) -> None:
    write(tmp_path / "new" / "result.json", A_RUN)
    assert read(tmp_path / "new" / "result.json") == A_RUN
    assert " [2.0, 2.0, 2.0, 2.0],\n" in (tmp_path / "new" / "result.json").read_text()


@pytest.mark.parametrize(
    "end", [KeyboardInterrupt(), ValueError("broken")], ids=["Ctrl-C", "error"]
)
def test_a_later_round_that_ends_costs_no_earlier_one(end: BaseException) -> None:
    orders = []

    def measure_round(names: list[str], first: bool) -> LatencyReport:
        orders.append(names)
        if len(orders) == 3:
            raise end
        assert first == (len(orders) == 1)
        return run_of(*(timing(name, float(len(orders))) for name in names)).latency

    report, failed = benchmark.in_rounds(measure_round, ["a", "b"], 5)
    assert orders == [["a", "b"], ["b", "a"], ["a", "b"]]
    why = "stopped" if isinstance(end, KeyboardInterrupt) else "ValueError('broken')"
    assert failed == {"round 3 of 5": why}
    assert [t.variant for t in report.timings] == ["a", "b"]
    assert [row[0] for row in report.timings[1].samples_ms] == [1.0, 2.0]
    assert report.unstable == ("a", "b")


def test_nothing_measured_is_nothing_kept() -> None:
    def measure_round(names: list[str], first: bool) -> LatencyReport:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        benchmark.in_rounds(measure_round, ["a"], 2)


@pytest.mark.parametrize(
    ("changes", "json", "name"),
    [
        ({"left_out": {}}, None, "latency-1-thread.json"),
        ({}, None, "latency-1-thread.part.json"),
        ({}, Path("mine.json"), "mine.json"),
        ({"failed": {"round 2 of 5": "stopped"}}, Path("mine.json"), "mine.part.json"),
    ],
)
def test_a_part_of_a_run_takes_no_whole_ones_place(
    changes: dict[str, Any], json: Path | None, name: str, tmp_path: Path
) -> None:
    run = replace(A_RUN, **changes)
    path = benchmark.goes_to(argparse.Namespace(json=json, threads=1, only="all"), run)
    assert path is not None
    assert path.name == name
    write(tmp_path / name, run)
    assert read(tmp_path / name) == run


def test_the_result_file_says_the_threads() -> None:
    assert [result_file(n).name for n in (1, 2)] == [
        "latency-1-thread.json",
        "latency-2-threads.json",
    ]


# --- tables and pages -----------------------------------------------------------------------------


def cells(table: report.Table) -> dict[str, dict[str, str]]:
    return {row[0]: dict(zip(table.columns, row, strict=True)) for row in table.rows}


def test_side_by_side() -> None:
    table = tables.side_by_side(A_RUN)
    rows = cells(table)
    assert table.title == "Side by side, 1 thread"
    assert list(rows) == [t.variant for t in (*A_RUN.ours(), *A_RUN.others())]
    row = rows["keras-export-onnx"]
    assert (row["size"], row["median ms"]) == ("2.00 MB", "2.80")
    assert row["× onnx-float32"] == "2.8× (2.0–3.0)"
    assert row["flips"] == "0 (0.00%)"
    assert rows["openvino-int8-full"]["flips"] == "3 (1.50%)"
    assert rows["onnx-float32"]["× onnx-float32"] == "–"
    assert table.notes[-1] == "tf2onnx-loop was left out: no tf2onnx"


def test_the_best_of_each_choice() -> None:
    table = tables.in_short(A_RUN)
    assert [row[:2] for row in table.rows] == [
        ("ours, float32", "onnx-float32"),
        ("ours, int8", "onnx-int8-dynamic"),
        ("files of the usual converters", "keras-export-onnx"),
        ("OpenVINO", "openvino-float32"),  # its faster one flips too many labels
        ("PyTorch", "pytorch-float32"),
    ]
    assert table.columns[4:6] == ("× onnx-float32", "× onnx-int8-dynamic")
    assert table.rows[2][3:6] == ("2.80", "2.8× (2.0–3.0)", spread_of("keras-export-onnx"))


def spread_of(name: str) -> str:
    """What side_by_side says of a route against our int8."""
    return cells(tables.side_by_side(A_RUN))[name]["× onnx-int8-dynamic"]


def test_every_route_is_among_the_choices() -> None:
    others = [patterns for choice, patterns in tables.CHOICES.items() if "ours" not in choice]
    for name in ROUTES:
        assert sum(any(fnmatch(name, p) for p in patterns) for patterns in others) == 1, name


def test_side_by_side_at_the_true_length() -> None:
    table = tables.side_by_side(A_RUN, TRUE_LENGTH)
    assert list(cells(table)) == ["keras-export-onnx" + TRUE_LENGTH]
    assert "another answer: without the pads" in table.notes[0]
    assert "gives 20 of 200 reviews another label" in table.notes[0]
    assert table.notes[-1] == f"tf2onnx-loop{TRUE_LENGTH} was left out: none either"


def test_targets_are_shown_as_they_are() -> None:
    two = replace(A_RUN, latency=replace(A_RUN.latency, threads=2))
    table = tables.targets([A_RUN, two])
    rows = {row[:2]: row[2:] for row in table.rows}
    assert table.columns == ("ours", "than", "wanted", "1 thread", "met", "2 threads", "met")
    met = ("2.8× (2.0–3.0)", "yes")
    assert rows["onnx-float32", "keras-export-onnx"] == ("2.7×", *met, *met)
    assert rows["onnx-int8-dynamic", "keras-export-onnx"][2] == "no"
    assert rows["tflite-float32", "fused-tflite-float32"] == ("4.5×", *["not measured"] * 4)
    best = "fastest int8 of ours (onnx-int8-dynamic)"
    assert (best, "fastest of OpenVINO and PyTorch (pytorch-float32)") in rows
    fixed = [row for key, row in rows.items() if key[1].startswith("its own fixed part")]
    assert fixed[0] == (f"< {FIXED_PART:.0%}", *("100%", "no") * 2)
    assert fixed[1][:3] == ("< 15%", "17%", "no")
    assert table.notes[-1].endswith("more than 1% of the labels: openvino-int8-full")


def test_lengths_and_starts() -> None:
    rows = cells(tables.lengths(A_RUN))
    assert rows["onnx-int8-dynamic"]["ms per 100 tokens"] == "0.500"
    assert rows["onnx-int8-dynamic"]["ms at 500"] == "3.00"
    starts = tables.starts(run_of(replace(timing("a", 1), start=None), timing("b", 1)))
    assert starts.rows[0][1:] == ("2.00 MB", *["not measured"] * 4, "5.00")
    assert starts.rows[1][1:] == ("2.00 MB", "1.00", "2.00", "3.00", "4.00", "5.00")


def test_a_page_is_filled() -> None:
    table = report.Table("New", ("a", "b"), (("x", "1"),))
    page = "Before\n<!-- some-name -->\nold\n<!-- /some-name -->\nafter <!-- some-name -->"
    done = readme.filled(page, {"some-name": table})
    assert "old" not in done
    assert "| x | 1 |" in done
    assert done.startswith("Before\n<!-- some-name -->\n### New")
    assert done.endswith("<!-- /some-name -->\nafter <!-- some-name -->")
    with pytest.raises(SystemExit, match=r"some-name --> has no table .* known: other"):
        readme.filled(page, {"other": table})


# --- pictures -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "moved"),
    [
        ([], []),
        ([1.0], [1.0]),
        ([3.0, 1.0, 2.0], [3.0, 1.0, 2.0]),
        ([1.0, 1.0], [0.5, 1.5]),
        ([5.0, 1.0, 1.0, 1.0], [5.0, 0.0, 1.0, 2.0]),
        ([1.0, 1.2, 2.0], [0.4, 1.4, 2.4]),
    ],
)
def test_labels_are_moved_apart(values: list[float], moved: list[float]) -> None:
    assert pictures.apart(values, 1.0) == pytest.approx(moved)


def test_pictures_are_whole_files_that_name_every_route(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = tmp_path / "result.json"
    write(result, A_RUN)
    monkeypatch.setattr(pictures, "RESULT", result)
    monkeypatch.setattr(pictures, "FOLDER", tmp_path / "images")
    assert len(pictures.stale()) == 2
    pictures.main()
    assert pictures.stale() == []
    for path in (tmp_path / "images").iterdir():
        text = path.read_text()
        root = ElementTree.fromstring(text)
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert root.get("width")
        words = "".join(root.itertext())
        assert all(t.variant in words for t in (*A_RUN.ours(), *A_RUN.others()))
    write(result, replace(A_RUN, left_out={}))
    assert len(pictures.stale()) == 2
